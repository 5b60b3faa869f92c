// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations between marks, for scripts/bench-profile.sh: which functions their
 * instructions are in. Each is done OPS times, so that what is around it does not matter.
 */
#include "bench.h"

#include <unistd.h>

#define OPS		2048
#define OPS_2M		16

/* Calls that a plugin of QEMU sees, in the order of their addresses in this list. */
#define MARK(name)								\
	__attribute__((noinline, used)) void profile_mark_##name(void);		\
	void profile_mark_##name(void) { asm volatile("" : : "r" (#name)); }

MARK(exit_to_user)
MARK(exit_invd)
MARK(fault_4k)
MARK(unmap_4k)
MARK(fault_2m)
MARK(populate_4k)
MARK(pread_8)
MARK(end)

static void demand(struct machine *m, bool huge, u64 nr, void (*mark)(void),
		   void (*unmap_mark)(void))
{
	u64 step = huge ? 2 * MIB : PAGE;

	m->ops->map(m, nr * step, huge);
	m->ops->enter(m, 0, guest(touch), TEST_GPA, TEST_GPA + nr * step, step);
	mark();
	m->ops->run(m, 0);
	unmap_mark();
	m->ops->forget(m);
	profile_mark_end();
	m->ops->unmap(m);
}

static void populate(struct machine *m)
{
	m->ops->map(m, OPS * PAGE, false);
	profile_mark_populate_4k();
	m->ops->populate(m);
	profile_mark_end();
	m->ops->unmap(m);
}

static void pread_8(struct machine *m)
{
	u64 val;

	profile_mark_pread_8();
	for (int i = 0; i < OPS; i++)
		if (pread(m->fd, &val, sizeof(val), LOW_CODE) != sizeof(val))
			fail("pread");
	profile_mark_end();
}

void bench_profile(const struct machine_ops *ops)
{
	struct machine m = { .ops = ops };

	ops->make(&m);
	ops->add_vcpu(&m, 0);
	ops->enter(&m, 0, guest(ports), 0, 0, 0);
	ops->run(&m, 0);
	profile_mark_exit_to_user();
	for (int i = 0; i < OPS; i++)
		ops->run(&m, 0);
	profile_mark_end();
	ops->enter(&m, 0, guest(invd), OPS, 0, 0);
	profile_mark_exit_invd();
	ops->run(&m, 0);
	profile_mark_end();
	/* Once without a mark, so that all is there that stays. */
	demand(&m, false, OPS, profile_mark_end, profile_mark_end);
	demand(&m, false, OPS, profile_mark_fault_4k, profile_mark_unmap_4k);
	demand(&m, true, OPS_2M, profile_mark_fault_2m, profile_mark_end);
	if (ops == &axas_machine) {
		populate(&m);
		pread_8(&m);
	}
	ops->end(&m);
}
