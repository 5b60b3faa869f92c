// SPDX-License-Identifier: GPL-2.0-only
/*
 * What machines on axvcpu and on KVM have in common: the first MiB of their memory.
 */
#include "bench.h"

#include <string.h>

/* Present, writable, user; and, one level up from 2 MiB, 1 GiB each. */
#define PT_TABLE	0x7ull
#define PT_LEAF_1G	0x87ull

void low_memory(void *to)
{
	u64 *top = (u64 *)((char *)to + LOW_CR3), *pdpt = top + 512;

	top[0] = (LOW_CR3 + PAGE) | PT_TABLE;
	for (u64 i = 0; i < 512; i++)
		pdpt[i] = i * GIB | PT_LEAF_1G;
	memcpy((char *)to + LOW_CODE, guests_begin, guests_end - guests_begin);
}
