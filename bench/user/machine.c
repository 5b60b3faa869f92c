// SPDX-License-Identifier: GPL-2.0-only
/*
 * What machines on axvcpu and on KVM have in common: the first MiB of guest memory, and running one
 * of the guest's routines.
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

void machine_visit(struct machine *m, u64 routine, u64 bytes, u64 step)
{
	m->ops->enter(m, 0, routine, TEST_GPA, TEST_GPA + bytes, step);
	m->ops->run(m, 0);
}

bool machine_enter(struct machine *m, struct bench *b, u64 routine, u64 bytes, u64 step, u64 *cost)
{
	m->ops->enter(m, 0, routine, TEST_GPA, TEST_GPA + bytes, step);
	bench_begin(b);
	m->ops->run(m, 0);
	return bench_stop(b, cost);
}
