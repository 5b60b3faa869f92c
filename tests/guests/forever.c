// SPDX-License-Identifier: GPL-2.0-only
/*
 * forever: touches its memory, again and again, and prints a dot for each round, until
 * its VMM is ended: what runs while the machine below it goes down. (A file gets the dots
 * by the thousand.)
 */
#include "guest.h"

#define PAGES	64
#define SWEEPS	4

static void sweep(u64 from, u64 val)
{
	for (u64 i = 0; i < PAGES; i++)
		store(from + i * PAGE, load(from + i * PAGE) + val);
}

u32 guest_main(u64 mem, u64 bytes)
{
	if (bytes < PAGES * PAGE)
		return 1;
	for (u64 round = 0;; round++) {
		for (u64 i = 0; i < SWEEPS; i++)
			sweep(mem, round);
		print(".");
	}
}
