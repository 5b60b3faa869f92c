// SPDX-License-Identifier: GPL-2.0-only
/*
 * Spaces on Linux's allocator: frames are zeroed and charged, no consumer is attached.
 */
#include <linux/err.h>

#include "bench.h"

#define GPA	((u64)SZ_1G)
#define BYTES	((u64)SZ_2M)
#define PAGES	(BYTES / SZ_4K)
#define RWX	AXAS_PROT_MASK

static bool map_area(struct axas_space *space, u64 size, u32 flags)
{
	int err = axas_space_map_alloc(space, bench_range(GPA, size), RWX, AXAS_TYPE_NORMAL,
				       flags);

	if (err)
		bench_fail("map", err);
	return !err;
}

/* Populate, protect and unmap, per 4 KiB page. */
static void bench_life(struct axas_space *space, u32 flags, const char *populate_name,
		       const char *protect_name, const char *unmap_name)
{
	struct bench populate = BENCH(populate_name);
	struct bench protect = BENCH_SLEEPS(protect_name);
	struct bench unmap = BENCH_SLEEPS(unmap_name);
	struct axas_gpa_range range = bench_range(GPA, BYTES);
	u64 done;

	while (bench_more(&populate) || bench_more(&unmap)) {
		if (!map_area(space, BYTES, flags))
			return;
		bench_begin(&populate);
		if (axas_space_populate(space, range, &done))
			bench_fail("populate", -ENOMEM);
		bench_end(&populate, PAGES);
		bench_begin(&protect);
		bench_ignore(axas_space_protect(space, range, AXAS_PROT_READ));
		bench_end(&protect, PAGES);
		bench_begin(&unmap);
		bench_ignore(axas_space_unmap(space, range));
		bench_end(&unmap, PAGES);
	}
	bench_report(&populate);
	bench_report(&protect);
	bench_report(&unmap);
}

/* Discard after populate, and the faults that bring the frames back. Per 4 KiB page, per fault. */
static void bench_discard(struct axas_space *space, u32 flags, u64 step, const char *name,
			  const char *refault_name)
{
	struct axas_gpa_range range = bench_range(GPA, 4 * BYTES);
	struct bench refault = BENCH(refault_name);
	struct bench discard = BENCH_SLEEPS(name);
	u64 done, gpa;

	if (!map_area(space, range.size, flags))
		return;
	while (bench_more(&discard) || bench_more(&refault)) {
		if (axas_space_populate(space, range, &done))
			bench_fail("populate", -ENOMEM);
		bench_begin(&discard);
		if (axas_space_discard(space, &range, 1, &done))
			bench_fail("discard", -EIO);
		bench_end(&discard, range.size / SZ_4K);
		bench_begin(&refault);
		for (gpa = GPA; gpa < GPA + range.size; gpa += step)
			axas_space_fault(space, axas_gpa(gpa), AXAS_PROT_WRITE, NULL);
		bench_end(&refault, range.size / step);
		bench_ignore(axas_space_unmap(space, range));
		if (!map_area(space, range.size, flags))
			return;
	}
	bench_ignore(axas_space_unmap(space, range));
	bench_report(&discard);
	bench_report(&refault);
}

static void bench_faults(struct axas_space *space, const char *name, u32 flags, u64 step)
{
	struct bench fault = BENCH(name);
	u64 gpa, some = step == SZ_4K ? 64 : 1;

	while (bench_more(&fault)) {
		if (!map_area(space, SZ_8M, flags))
			return;
		for (gpa = GPA; gpa < GPA + SZ_8M;) {
			u64 end = gpa + some * step;

			bench_begin(&fault);
			for (; gpa < end; gpa += step)
				axas_space_fault(space, axas_gpa(gpa), AXAS_PROT_WRITE, NULL);
			bench_end(&fault, some);
		}
		bench_ignore(axas_space_unmap(space, bench_range(GPA, SZ_8M)));
	}
	bench_report(&fault);
}

static void bench_create(const char *name, u64 size)
{
	struct bench create = BENCH(name);

	while (bench_more(&create)) {
		struct axas_space *space;
		struct axas_space_params params = { .format = AXAS_FORMAT_SVM };

		bench_begin(&create);
		space = axas_space_create(&params);
		if (!IS_ERR(space)) {
			if (size)
				map_area(space, size, AXAS_MAP_POPULATE | AXAS_MAP_HUGE_NEVER);
			axas_space_put(space);
		}
		bench_end(&create, 1);
	}
	bench_report(&create);
}

void bench_spaces(void)
{
	struct axas_space *space = bench_space(NULL);

	if (!space)
		return;
	bench_life(space, AXAS_MAP_HUGE_NEVER, "space.populate_4k", "space.protect_4k",
		   "space.unmap_4k");
	bench_life(space, AXAS_MAP_HUGE_ALWAYS, "space.populate_2m", "space.protect_2m",
		   "space.unmap_2m");
	bench_discard(space, AXAS_MAP_HUGE_NEVER, SZ_4K, "space.discard_4k", "space.refault_4k");
	bench_discard(space, AXAS_MAP_HUGE_ALWAYS, SZ_2M, "space.discard_2m", "space.refault_2m");
	bench_faults(space, "space.fault_4k", AXAS_MAP_HUGE_NEVER, SZ_4K);
	bench_faults(space, "space.fault_2m", AXAS_MAP_HUGE_ALWAYS, SZ_2M);
	axas_space_put(space);
	bench_create("space.create_drop", 0);
	bench_create("space.create_populate_1m_drop", SZ_1M);
}
