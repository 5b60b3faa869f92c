// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8254 timer: three channels, of which channel 0 raises IRQ 0, and channel 2 is read at port
 * 0x61. Modes 0, 2 and 3; the others count once, like mode 0. No BCD, no read-back. Calls pic.c.
 * The machine's lock is held.
 *
 * Intel, "8254 Programmable Interval Timer", 1993.
 */
#include "../boot.h"

#include <string.h>

#define PIT_HZ		1193182ull

enum { LATCH, LOW, HIGH, WORD };

void pit_reset(struct machine *m)
{
	memset(m->arch.pit, 0, sizeof(m->arch.pit));
	m->arch.port61 = 0;
}

static u64 to_ticks(u64 ns)
{
	return (__uint128_t)ns * PIT_HZ / NSEC;
}

/* Rounded up: at that time, to_ticks() has reached them. */
static u64 to_ns(u64 ticks)
{
	return ((__uint128_t)ticks * NSEC + PIT_HZ - 1) / PIT_HZ;
}

static u32 reload_of(const struct pit_channel *c)
{
	return c->reload ? c->reload : 0x10000;
}

static bool is_periodic(const struct pit_channel *c)
{
	return c->mode == 2 || c->mode == 3;
}

static u16 count_of(const struct pit_channel *c)
{
	u64 ticks = to_ticks(now_ns() - c->start);

	if (!c->counting)
		return c->reload;
	return is_periodic(c) ? reload_of(c) - ticks % reload_of(c) : reload_of(c) - ticks;
}

static void start(struct pit_channel *c)
{
	c->start = now_ns();
	c->fired = 0;
	c->counting = true;
}

static void control(struct machine *m, u8 val)
{
	struct pit_channel *c = &m->arch.pit[val >> 6 & 3];
	u8 access = val >> 4 & 3;

	if (val >> 6 == 3)
		return;
	if (access == LATCH) {
		c->latch = count_of(c);
		c->latched = true;
		return;
	}
	c->access = access;
	c->mode = val >> 1 & 7;
	if (c->mode > 5)
		c->mode &= 3;
	c->high_next = false;
	c->read_high = false;
	c->latched = false;
	c->counting = false;
}

static void write_count(struct machine *m, u32 nr, u8 val)
{
	struct pit_channel *c = &m->arch.pit[nr];

	if (c->access == WORD && !c->high_next) {
		c->low = val;
		c->high_next = true;
		return;
	}
	c->high_next = false;
	c->reload = c->access == WORD ? c->low | val << 8 : c->access == HIGH ? val << 8 : val;
	start(c);
	/* The thread must look at the new deadline. */
	if (!nr)
		machine_kick(&m->cpu[0]);
}

void pit_write(struct machine *m, u32 port, u8 val)
{
	if (port == 0x43)
		control(m, val);
	else
		write_count(m, port - 0x40, val);
}

u8 pit_read(struct machine *m, u32 port)
{
	struct pit_channel *c;
	u16 count;
	bool high;

	if (port == 0x43)
		return 0xff;
	c = &m->arch.pit[port - 0x40];
	count = c->latched ? c->latch : count_of(c);
	high = c->access == HIGH || (c->access == WORD && c->read_high);
	if (c->access == WORD)
		c->read_high = !c->read_high;
	if (!c->read_high)
		c->latched = false;
	return high ? count >> 8 : count;
}

/* Output of channel 2: in mode 0 high once it has counted down. */
bool pit_out2(const struct machine *m)
{
	const struct pit_channel *c = &m->arch.pit[2];
	u64 ticks = to_ticks(now_ns() - c->start);

	if (!c->counting)
		return false;
	if (is_periodic(c))
		return ticks % reload_of(c) < reload_of(c) / 2;
	return ticks >= reload_of(c);
}

/* A rising gate starts the count of channel 2 again. */
void pit_gate2(struct machine *m)
{
	start(&m->arch.pit[2]);
}

u64 pit_due(const struct machine *m)
{
	const struct pit_channel *c = &m->arch.pit[0];

	if (!c->counting || (!is_periodic(c) && c->fired))
		return NEVER;
	return c->start + to_ns((c->fired + 1) * reload_of(c));
}

/* Ticks that were missed make one interrupt. */
void pit_expire(struct machine *m, u64 now)
{
	struct pit_channel *c = &m->arch.pit[0];

	if (now < pit_due(m))
		return;
	c->fired = to_ticks(now - c->start) / reload_of(c);
	pic_set(m, 0, false);
	pic_set(m, 0, true);
}
