// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shared areas: faults on pages that the source has, and on those that it gets for them; the same
 * pages faulted in the source itself beside them. No consumer is attached.
 */
#include <linux/err.h>

#include "bench.h"

#define THERE	((u64)SZ_1G)
#define HERE	((u64)SZ_2G)
#define BYTES	((u64)SZ_2M)
#define PAGES	(BYTES / SZ_4K)
#define RW	(AXAS_PROT_READ | AXAS_PROT_WRITE)

static bool map_both(struct axas_space *source, struct axas_space *space)
{
	int err = axas_space_map_alloc(source, bench_range(THERE, BYTES), RW, AXAS_TYPE_NORMAL,
				       AXAS_MAP_HUGE_NEVER);

	if (!err)
		err = axas_space_map_shared(space, bench_range(HERE, BYTES), source,
					    axas_gpa(THERE), RW, 0);
	if (err)
		bench_fail("map shared memory", err);
	return !err;
}

/* The first page of the table is not measured. */
static void fault_all(struct bench *b, struct axas_space *space, u64 gpa)
{
	u64 end = gpa + BYTES;

	axas_space_fault(space, axas_gpa(gpa), AXAS_PROT_WRITE, NULL);
	bench_begin(b);
	for (gpa += SZ_4K; gpa < end; gpa += SZ_4K)
		axas_space_fault(space, axas_gpa(gpa), AXAS_PROT_WRITE, NULL);
	bench_end(b, PAGES - 1);
}

static void bench_pair(struct axas_space *source, struct axas_space *space)
{
	struct bench own = BENCH("shared.fault_of_the_source");
	struct bench present = BENCH("shared.fault_on_a_present_page");
	struct bench fresh = BENCH("shared.fault_on_an_untouched_page");
	struct bench unmap = BENCH_SLEEPS("shared.unmap_page");

	while (bench_more(&own) || bench_more(&present) || bench_more(&fresh) ||
	       bench_more(&unmap)) {
		if (!map_both(source, space))
			return;
		fault_all(&fresh, space, HERE);
		axas_space_clear(space);
		axas_space_clear(source);
		if (!map_both(source, space))
			return;
		fault_all(&own, source, THERE);
		fault_all(&present, space, HERE);
		bench_begin(&unmap);
		bench_ignore(axas_space_unmap(space, bench_range(HERE, BYTES)));
		bench_end(&unmap, PAGES);
		axas_space_clear(source);
	}
	bench_report(&own);
	bench_report(&present);
	bench_report(&fresh);
	bench_report(&unmap);
}

void bench_shared(void)
{
	struct axas_space *source = bench_space(NULL), *space = bench_space(NULL);

	if (source && space)
		bench_pair(source, space);
	axas_space_put(space);
	axas_space_put(source);
}
