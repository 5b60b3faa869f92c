// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MC146818 clock: the host's time in UTC, as BCD and 24 hours, and memory. Writes to the time
 * have no effect, and it raises no interrupt. The machine's lock is held.
 *
 * Motorola, "MC146818A Real-Time Clock plus RAM", 1984.
 */
#include "../boot.h"

#include <string.h>

enum {
	SECONDS = 0, MINUTES = 2, HOURS = 4, WEEKDAY = 6, DAY = 7, MONTH = 8, YEAR = 9,
	STATUS_A = 10, STATUS_B = 11, STATUS_C = 12, STATUS_D = 13, CENTURY = 0x32,
};

#define A_DIVIDER	0x26	/* 32768 Hz */
#define B_24_HOURS	0x02
#define D_VALID		0x80

void rtc_reset(struct machine *m)
{
	memset(m->arch.cmos, 0, sizeof(m->arch.cmos));
	m->arch.cmos_index = 0;
}

void rtc_write(struct machine *m, u8 val)
{
	m->arch.cmos[m->arch.cmos_index & 0x7f] = val;
}

static u8 bcd(int n)
{
	return n / 10 << 4 | n % 10;
}

u8 rtc_read(const struct machine *m)
{
	time_t t = wall_ns() / NSEC;
	struct tm tm;

	gmtime_r(&t, &tm);
	switch (m->arch.cmos_index & 0x7f) {
	case SECONDS:
		return bcd(tm.tm_sec);
	case MINUTES:
		return bcd(tm.tm_min);
	case HOURS:
		return bcd(tm.tm_hour);
	case WEEKDAY:
		return tm.tm_wday + 1;
	case DAY:
		return bcd(tm.tm_mday);
	case MONTH:
		return bcd(tm.tm_mon + 1);
	case YEAR:
		return bcd(tm.tm_year % 100);
	case CENTURY:
		return bcd(19 + tm.tm_year / 100);
	case STATUS_A:
		return A_DIVIDER;
	case STATUS_B:
		return B_24_HOURS;
	case STATUS_C:
		return 0;
	case STATUS_D:
		return D_VALID;
	default:
		return m->arch.cmos[m->arch.cmos_index & 0x7f];
	}
}
