// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clock: the host's time in UTC, in nanoseconds. Writes have no effect: it raises no interrupt.
 * The machine's lock is held.
 *
 * Google, "GOLDFISH VIRTUAL HARDWARE", "Goldfish Timer". Reading the low half latches the high one.
 */
#include "../boot.h"

#define TIME_LOW	0x00
#define TIME_HIGH	0x04

u32 goldfish_read(struct machine *m, u64 offset)
{
	switch (offset) {
	case TIME_LOW:
		m->arch.clock = wall_ns();
		return m->arch.clock;
	case TIME_HIGH:
		return m->arch.clock >> 32;
	default:
		return 0;
	}
}
