// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PL031 clock: the host's time in UTC, which the guest may set for itself. It raises no
 * interrupt. The machine's lock is held.
 *
 * Arm, "PrimeCell Real Time Clock (PL031) Technical Reference Manual", DDI 0224.
 */
#include "../boot.h"

enum {
	DR = 0x00, MR = 0x04, LR = 0x08, CR = 0x0c, IMSC = 0x10, RIS = 0x14, MIS = 0x18, ICR = 0x1c,
	PERIPHERAL_ID = 0xfe0,
};

#define CR_RUNS	1u

/* RTCPeriphID0 to 3, RTCPCellID0 to 3: a byte in each word. */
static const u8 ids[] = { 0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

static u32 seconds(void)
{
	return wall_ns() / NSEC;
}

void rtc_reset(struct machine *m)
{
	m->arch.rtc_offset = 0;
	m->arch.rtc_mask = 0;
	m->arch.rtc_match = 0;
}

u32 rtc_read(const struct machine *m, u32 reg)
{
	if (reg >= PERIPHERAL_ID)
		return ids[(reg - PERIPHERAL_ID) / 4 % sizeof(ids)];
	switch (reg) {
	case DR:
	case LR:
		return seconds() + m->arch.rtc_offset;
	case MR:
		return m->arch.rtc_match;
	case CR:
		return CR_RUNS;
	case IMSC:
		return m->arch.rtc_mask;
	default:
		return 0;
	}
}

void rtc_write(struct machine *m, u32 reg, u32 val)
{
	switch (reg) {
	case MR:
		m->arch.rtc_match = val;
		break;
	case LR:
		m->arch.rtc_offset = val - seconds();
		break;
	case IMSC:
		m->arch.rtc_mask = val & 1;
		break;
	}
}
