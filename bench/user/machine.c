// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first MiB of guest memory, common to machines on axvcpu and on KVM.
 */
#include "bench.h"

#include <string.h>

/* Present, writable, user; a leaf also has PS: 1 GiB each. */
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
