// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations between marks, for scripts/bench-profile.sh, which assigns their instructions to
 * functions. Each is repeated OPS times, so that the surrounding code does not matter.
 */
#include "bench.h"

#include <libaxas.h>

#define OPS		2048
#define OPS_2M		16

/* Calls that QEMU's plugin observes, in address order as in this list. */
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
MARK(protect_page)
MARK(unmap_page)
MARK(fault_of_areas)
MARK(translate_of_areas)
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
		if (axas_read(m->fd, LOW_CODE, &val, sizeof(val)) != sizeof(val))
			fail("pread");
	profile_mark_end();
}

/* Pages of one area that are not adjacent. */
static void pages(struct machine *m)
{
	m->ops->map(m, OPS * 8 * PAGE, false);
	m->ops->populate(m);
	profile_mark_protect_page();
	for (u64 i = 0; i < OPS; i++)
		must(axas_protect(m->fd, TEST_GPA + (8 * i + 2) * PAGE, PAGE, AXAS_PROT_READ),
		     "AXAS_PROTECT");
	profile_mark_unmap_page();
	for (u64 i = 0; i < OPS; i++)
		must(axas_unmap(m->fd, TEST_GPA + (8 * i + 5) * PAGE, PAGE), "AXAS_UNMAP");
	profile_mark_end();
	m->ops->unmap(m);
}

#define AREAS	10240

/* Areas of one page with gaps, in an order without neighbours in succession. */
static void areas(struct machine *m)
{
	struct axas_translate to;

	for (u64 i = 0; i < AREAS; i++)
		must(axas_map_alloc(m->fd, TEST_GPA + 2 * i * PAGE, PAGE,
				    AXAS_PROT_READ | AXAS_PROT_WRITE, 0), "AXAS_MAP_ALLOC");
	profile_mark_fault_of_areas();
	for (u64 i = 0; i < OPS; i++)
		must(axas_fault(m->fd, TEST_GPA + 2 * (i * 6251 % AREAS) * PAGE, AXAS_PROT_WRITE,
				NULL), "AXAS_FAULT");
	profile_mark_translate_of_areas();
	for (u64 i = 0; i < OPS; i++)
		must(axas_translate(m->fd, TEST_GPA + 2 * (i * 6251 % AREAS) * PAGE, &to),
		     "AXAS_TRANSLATE");
	profile_mark_end();
	m->bytes = AREAS * 2 * PAGE;
	m->ops->unmap(m);
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
	/* Once without marks, so that allocations that persist are made. */
	demand(&m, false, OPS, profile_mark_end, profile_mark_end);
	demand(&m, false, OPS, profile_mark_fault_4k, profile_mark_unmap_4k);
	demand(&m, true, OPS_2M, profile_mark_fault_2m, profile_mark_end);
	if (ops == &axas_machine) {
		populate(&m);
		pread_8(&m);
		pages(&m);
		areas(&m);
	}
	ops->end(&m);
}
