// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations on one page, and on one of many areas: the calls of a VMM that discards, watches or
 * traps single pages, and their cost as a function of the number of areas. Frames are numbers
 * from a stack, as in bench_table.c.
 */
#include <linux/kernel.h>
#include <linux/prandom.h>

#include "bench.h"

#define GPA	((u64)SZ_1G)
#define RW	(AXAS_PROT_READ | AXAS_PROT_WRITE)
#define SOME	256	/* pages per sample */

static bool map_area(struct axas_space *space, u64 gpa, u64 size, u32 flags)
{
	int err = axas_space_map_alloc(space, bench_range(gpa, size), RW, AXAS_TYPE_NORMAL, flags);

	if (err)
		bench_fail("map", err);
	return !err;
}

/* Address of the nth area: one page each, with a hole of one page between two. */
static u64 area_gpa(u32 n)
{
	return GPA + (u64)n * SZ_8K;
}

/* Map @nr untouched areas. */
static void fresh_areas(struct axas_space *space, u32 nr)
{
	u32 i;

	axas_space_clear(space);
	for (i = 0; i < nr; i++)
		if (!map_area(space, area_gpa(i), SZ_4K, 0))
			return;
}

/* @step is coprime to each @nr used here, so that it visits each area once. */
static void bench_random_faults(struct axas_space *space, u32 nr, const char *name)
{
	struct bench fault = BENCH(name);
	u32 some = min_t(u32, nr, SOME), step = nr * 5 / 8 | 1, left = 0, n = 0, i, wrong = 0;

	while (bench_more(&fault)) {
		if (left < some) {
			fresh_areas(space, nr);
			left = nr;
		}
		bench_begin(&fault);
		for (i = 0; i < some; i++) {
			wrong |= axas_space_fault(space, axas_gpa(area_gpa(n)), AXAS_PROT_WRITE,
						  NULL) ^ AXAS_FAULT_FIXED;
			n = (n + step) % nr;
		}
		bench_end(&fault, some);
		left -= some;
	}
	if (wrong)
		bench_fail("a fault", -EFAULT);
	bench_report(&fault);
}

static void bench_random_translate(struct axas_space *space, u32 nr, const char *name)
{
	struct bench translate = BENCH(name);
	struct axas_translation to;
	struct rnd_state random;
	static u32 which[SOME];
	u32 i, wrong = 0;

	prandom_seed_state(&random, 1);
	fresh_areas(space, nr);
	for (i = 0; i < nr; i++)
		axas_space_fault(space, axas_gpa(area_gpa(i)), AXAS_PROT_WRITE, NULL);
	while (bench_more(&translate)) {
		for (i = 0; i < SOME; i++)
			which[i] = prandom_u32_state(&random) % nr;
		bench_begin(&translate);
		for (i = 0; i < SOME; i++)
			wrong |= axas_space_translate(space, axas_gpa(area_gpa(which[i]) + 8), &to);
		bench_end(&translate, SOME);
	}
	if (wrong)
		bench_fail("translate", -ENOENT);
	bench_report(&translate);
}

static void bench_random_spurious(struct axas_space *space, u32 nr, const char *name)
{
	struct bench spurious = BENCH(name);
	u32 step = nr * 5 / 8 | 1, n = 0, i, wrong = 0;

	while (bench_more(&spurious)) {
		bench_begin(&spurious);
		for (i = 0; i < SOME; i++) {
			wrong |= axas_space_fault(space, axas_gpa(area_gpa(n)), AXAS_PROT_WRITE,
						  NULL) ^ AXAS_FAULT_SPURIOUS;
			n = (n + step) % nr;
		}
		bench_end(&spurious, SOME);
	}
	if (wrong)
		bench_fail("a fault on a mapped page", -EFAULT);
	bench_report(&spurious);
}

static void bench_among(u32 nr)
{
	struct axas_space *space = bench_space(&lifo_hal);
	char text[3][64];

	if (!space)
		return;
	snprintf(text[0], sizeof(text[0]), "areas.random_fault_of_%u", nr);
	snprintf(text[1], sizeof(text[1]), "areas.random_translate_of_%u", nr);
	snprintf(text[2], sizeof(text[2]), "areas.random_spurious_of_%u", nr);
	bench_random_faults(space, nr, text[0]);
	bench_random_translate(space, nr, text[1]);
	bench_random_spurious(space, nr, text[2]);
	axas_space_put(space);
}

/* Repeat with one touched page in the middle of a 1 GiB area. */
static void bench_page(struct axas_space *space)
{
	struct axas_gpa_range page = bench_range(GPA + SZ_512M, SZ_4K);
	struct bench protect = BENCH_SLEEPS("page.protect");
	struct bench same = BENCH_SLEEPS("page.protect_to_the_same");
	struct bench unmap = BENCH_SLEEPS("page.unmap");
	struct bench nothing = BENCH_SLEEPS("page.unmap_nothing");

	while (bench_more(&unmap)) {
		if (!map_area(space, GPA, SZ_1G, AXAS_MAP_HUGE_NEVER))
			return;
		axas_space_fault(space, page.start, AXAS_PROT_WRITE, NULL);
		bench_begin(&protect);
		bench_ignore(axas_space_protect(space, page, AXAS_PROT_READ));
		bench_end(&protect, 1);
		bench_begin(&same);
		bench_ignore(axas_space_protect(space, page, AXAS_PROT_READ));
		bench_end(&same, 1);
		bench_begin(&unmap);
		bench_ignore(axas_space_unmap(space, page));
		bench_end(&unmap, 1);
		bench_begin(&nothing);
		bench_ignore(axas_space_unmap(space, page));
		bench_end(&nothing, 1);
		bench_ignore(axas_space_unmap(space, bench_range(GPA, SZ_1G)));
	}
	bench_report(&protect);
	bench_report(&same);
	bench_report(&unmap);
	bench_report(&nothing);
}

/* Protect large leaves page by page, and back: report the number of areas that remain. */
static void bench_there_and_back(struct axas_space *space)
{
	struct axas_gpa_range range = bench_range(GPA, SZ_64M);
	struct axas_info info;
	u64 gpa, done;
	int pass;

	if (!map_area(space, GPA, SZ_64M, AXAS_MAP_POPULATE))
		return;
	for (pass = 0; pass < 2; pass++)
		for (gpa = GPA; gpa < GPA + SZ_64M; gpa += SZ_4K)
			bench_ignore(axas_space_protect(space, bench_range(gpa, SZ_4K),
							pass ? RW : AXAS_PROT_READ));
	axas_space_collapse(space, range, &done);
	axas_space_get_info(space, &info);
	bench_figure("areas.of_64m_protected_by_page_and_back", info.areas);
	axas_space_clear(space);
}

void bench_areas(void)
{
	struct axas_space *space;
	u32 nr;

	if (lifo_hal_init(SZ_64M / SZ_4K)) {
		bench_fail("memory for the stack of frames", -ENOMEM);
	} else {
		for (nr = 1; nr <= 10000; nr *= 100)
			bench_among(nr);
		space = bench_space(&lifo_hal);
		if (space) {
			bench_page(space);
			axas_space_put(space);
		}
		space = bench_space(NULL);
		if (space) {
			bench_there_and_back(space);
			axas_space_put(space);
		}
	}
	lifo_hal_exit();
}
