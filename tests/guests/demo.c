// SPDX-License-Identifier: GPL-2.0-only
/*
 * demo: touches memory lazily, in a pattern that is easy to count from outside: every
 * page of the first half, then every eighth page of the second, each once to write and
 * again to read.
 */
#include "guest.h"

static u64 fill(u64 from, u64 to, u64 step)
{
	u64 touched = 0;

	for (; from < to; from += step, touched++)
		store(from, from * 0x9e3779b97f4a7c15ul);
	return touched;
}

static u64 sum(u64 from, u64 to, u64 step, u64 seed)
{
	for (; from < to; from += step)
		seed = (seed << 7 | seed >> 57) ^ load(from);
	return seed;
}

u32 guest_main(u64 mem, u64 bytes)
{
	u64 half = bytes / 2 & ~(PAGE - 1), end = mem + bytes;
	u64 checksum, n;

	print("guest: ");
	print_number(bytes / MIB);
	print(" MiB at ");
	print_hex(mem);
	n = fill(mem, mem + half, PAGE);
	n += fill(mem + half, end, 8 * PAGE);
	print("\nguest: touched ");
	print_number(n);
	print(" pages of ");
	print_number(bytes / PAGE);
	checksum = sum(mem, mem + half, PAGE, 1);
	checksum = sum(mem + half, end, 8 * PAGE, checksum);
	print("\nguest: checksum ");
	print_hex(checksum);
	print("\n");
	return 0;
}
