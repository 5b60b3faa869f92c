// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables only: operations of a space without a consumer, whose frames are numbers from a stack
 * and never zeroed. The remaining costs are those of areas, locks and entries.
 */
#include "bench.h"

#define GPA	((u64)SZ_1G)
#define BYTES	((u64)SZ_64M)
#define PAGES	(BYTES / SZ_4K)
/* Host-physical address above the frames of lifo_hal.c. */
#define LINEAR	((u64)SZ_1G * 64)
#define SOME	512	/* pages per sample */

#define RW	(AXAS_PROT_READ | AXAS_PROT_WRITE)
#define RWX	AXAS_PROT_MASK

static void map_area(struct axas_space *space, u64 gpa, u64 size, u32 flags)
{
	int err = axas_space_map_alloc(space, bench_range(gpa, size), RWX, AXAS_TYPE_NORMAL,
				       flags | AXAS_MAP_HUGE_NEVER);

	if (err)
		bench_fail("map", err);
}

static void bench_populate(struct axas_space *space)
{
	struct bench populate = BENCH("table.populate");
	struct bench map_populate = BENCH("table.map_populate");
	struct bench unmap = BENCH_SLEEPS("table.unmap");
	struct bench lazy = BENCH_SLEEPS("table.unmap_untouched");
	u64 done;

	while (bench_more(&populate) || bench_more(&unmap)) {
		map_area(space, GPA, BYTES, 0);
		bench_begin(&lazy);
		bench_ignore(axas_space_unmap(space, bench_range(GPA, BYTES)));
		bench_end(&lazy, 1);
		map_area(space, GPA, BYTES, 0);
		bench_begin(&populate);
		if (axas_space_populate(space, bench_range(GPA, BYTES), &done))
			bench_fail("populate", -ENOMEM);
		bench_end(&populate, PAGES);
		bench_begin(&unmap);
		bench_ignore(axas_space_unmap(space, bench_range(GPA, BYTES)));
		bench_end(&unmap, PAGES);
		bench_begin(&map_populate);
		map_area(space, GPA, BYTES, AXAS_MAP_POPULATE);
		bench_end(&map_populate, PAGES);
		bench_ignore(axas_space_unmap(space, bench_range(GPA, BYTES)));
	}
	bench_report(&populate);
	bench_report(&map_populate);
	bench_report(&unmap);
	bench_report(&lazy);
}

static void bench_protect(struct axas_space *space)
{
	struct bench protect = BENCH_SLEEPS("table.protect");
	u32 prot = RW;

	map_area(space, GPA, BYTES, AXAS_MAP_POPULATE);
	while (bench_more(&protect)) {
		bench_begin(&protect);
		bench_ignore(axas_space_protect(space, bench_range(GPA, BYTES), prot));
		bench_end(&protect, PAGES);
		prot ^= AXAS_PROT_WRITE;
	}
	bench_ignore(axas_space_unmap(space, bench_range(GPA, BYTES)));
	bench_report(&protect);
}

static void bench_linear_pages(struct axas_space *space)
{
	struct bench linear = BENCH("table.linear_4k");
	struct bench unmap = BENCH_SLEEPS("table.unmap_linear_4k");

	while (bench_more(&linear) || bench_more(&unmap)) {
		bench_begin(&linear);
		if (axas_space_map_linear(space, bench_range(GPA, BYTES), axas_hpa(LINEAR + SZ_4K),
					  RWX, AXAS_TYPE_NORMAL))
			bench_fail("linear", -ENOMEM);
		bench_end(&linear, PAGES);
		bench_begin(&unmap);
		bench_ignore(axas_space_unmap(space, bench_range(GPA, BYTES)));
		bench_end(&unmap, PAGES);
	}
	bench_report(&linear);
	bench_report(&unmap);
}

static void bench_linear_gib(struct axas_space *space)
{
	struct bench linear = BENCH("table.linear_1g_aligned");
	struct bench unmap = BENCH_SLEEPS("table.unmap_linear_1g_aligned");

	while (bench_more(&linear) || bench_more(&unmap)) {
		bench_begin(&linear);
		bench_ignore(axas_space_map_linear(space, bench_range(GPA, SZ_1G),
						   axas_hpa(LINEAR), RWX, AXAS_TYPE_NORMAL));
		bench_end(&linear, 1);
		bench_begin(&unmap);
		bench_ignore(axas_space_unmap(space, bench_range(GPA, SZ_1G)));
		bench_end(&unmap, 1);
	}
	bench_report(&linear);
	bench_report(&unmap);
}

static void bench_faults(struct axas_space *space, const char *name, const char *again)
{
	struct bench fixed = BENCH(name);
	struct bench spurious = BENCH(again);
	u64 gpa, first, wrong = 0;

	while (bench_more(&fixed)) {
		for (first = GPA; first < GPA + SZ_8M; first += SOME * SZ_4K) {
			/* The first fault allocates the table: not measured. */
			axas_space_fault(space, axas_gpa(first), AXAS_PROT_WRITE, NULL);
			axas_space_fault(space, axas_gpa(first + SZ_4K), AXAS_PROT_WRITE, NULL);
			bench_begin(&fixed);
			for (gpa = first + SZ_8K; gpa < first + SOME * SZ_4K; gpa += SZ_4K)
				wrong |= axas_space_fault(space, axas_gpa(gpa), AXAS_PROT_WRITE,
							  NULL) ^ AXAS_FAULT_FIXED;
			bench_end(&fixed, SOME - 2);
			bench_begin(&spurious);
			for (gpa = first; gpa < first + SOME * SZ_4K; gpa += SZ_4K)
				wrong |= axas_space_fault(space, axas_gpa(gpa), AXAS_PROT_WRITE,
							  NULL) ^ AXAS_FAULT_SPURIOUS;
			bench_end(&spurious, SOME);
		}
		bench_ignore(axas_space_unmap(space, bench_range(GPA, SZ_8M)));
		map_area(space, GPA, SZ_8M, 0);
	}
	if (wrong)
		bench_fail("a fault", -EFAULT);
	bench_report(&fixed);
	bench_report(&spurious);
}

static void bench_translate(struct axas_space *space, const char *name)
{
	struct bench translate = BENCH(name);
	struct axas_translation to;
	u64 gpa, wrong = 0;

	while (bench_more(&translate)) {
		bench_begin(&translate);
		for (gpa = GPA; gpa < GPA + SOME * SZ_4K; gpa += SZ_4K)
			wrong |= axas_space_translate(space, axas_gpa(gpa + 8), &to);
		bench_end(&translate, SOME);
	}
	if (wrong)
		bench_fail("translate", -ENOENT);
	bench_report(&translate);
}

/* Translate at the first of 64 contiguous leaves. */
static void bench_limit(struct axas_space *space)
{
	struct axas_gpa_range range = bench_range(GPA, SZ_256K);
	struct bench limit = BENCH("table.limit_of_64_leaves");
	struct axas_translation to;
	u64 bytes = 0;

	bench_ignore(axas_space_map_linear(space, range, axas_hpa(LINEAR + SZ_4K), RWX,
					   AXAS_TYPE_NORMAL));
	while (bench_more(&limit)) {
		bench_begin(&limit);
		bench_ignore(axas_space_translate_and_get_limit(space, range.start, &to, &bytes));
		bench_end(&limit, 1);
	}
	if (bytes != range.size)
		bench_fail("limit", -ERANGE);
	bench_report(&limit);
	bench_ignore(axas_space_unmap(space, range));
}

/* Add other areas of one page each, with a hole of one page between two. */
static void other_areas(struct axas_space *space)
{
	unsigned int i;

	for (i = 0; i < 63; i++)
		map_area(space, GPA + SZ_512M + i * SZ_8K, SZ_4K, 0);
}

static void bench_looks(struct axas_space *space)
{
	map_area(space, GPA, SZ_8M, 0);
	bench_faults(space, "table.fault", "table.fault_spurious");
	axas_space_populate(space, bench_range(GPA, SZ_8M), &(u64){ 0 });
	bench_translate(space, "table.translate");
	bench_ignore(axas_space_unmap(space, bench_range(GPA, SZ_8M)));
	other_areas(space);
	map_area(space, GPA, SZ_8M, 0);
	bench_faults(space, "table.fault_of_64_areas", "table.fault_spurious_of_64_areas");
	axas_space_populate(space, bench_range(GPA, SZ_8M), &(u64){ 0 });
	bench_translate(space, "table.translate_of_64_areas");
	axas_space_clear(space);
}

/* Table memory for 1 GiB in 4 KiB leaves. */
static void bench_table_memory(struct axas_space *space)
{
	struct axas_info info;

	map_area(space, GPA, SZ_1G, AXAS_MAP_POPULATE);
	axas_space_get_info(space, &info);
	bench_figure("table.tables_of_populated_1g", info.tables);
	axas_space_clear(space);
	map_area(space, GPA, SZ_1G, 0);
	axas_space_get_info(space, &info);
	bench_figure("table.tables_of_lazy_1g", info.tables);
	axas_space_clear(space);
}

void bench_table(void)
{
	struct axas_space *space = NULL;
	int err = lifo_hal_init(SZ_1G / SZ_4K + PAGES);

	if (err)
		bench_fail("memory for the stack of frames", err);
	else
		space = bench_space(&lifo_hal);
	if (space) {
		bench_populate(space);
		bench_protect(space);
		bench_linear_pages(space);
		bench_linear_gib(space);
		bench_limit(space);
		bench_looks(space);
		bench_table_memory(space);
		axas_space_put(space);
	}
	lifo_hal_exit();
}
