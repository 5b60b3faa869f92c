// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module, the clock, samples and their report. A row of the report is a line of the kernel
 * log, "axas_bench: NAME MEAN CLEAN DIRTY MEDIAN": the cost of an operation in the clean samples,
 * with three decimals, and the numbers of clean and dirty samples.
 */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/sort.h>

#include "../../axas_compat.h"
#include "bench.h"

static int failed;

/* Cost that bench_begin() and bench_end() add to each sample. */
static u64 overhead;

void bench_end(struct bench *b, u64 ops)
{
	u64 cost = bench_now() - b->start;
	bool switched = b->switches != bench_switches();

	if ((time_after(jiffies, b->tick) && !b->ticks) || (switched && !b->sleeps)) {
		b->dirty++;
		return;
	}
	if (b->nr == BENCH_SAMPLES)
		return;
	b->cost[b->nr] = cost - min(cost, overhead);
	b->ops[b->nr++] = ops;
}

/* Bounded: an operation may be longer than a tick, so that no sample is clean. */
bool bench_more(const struct bench *b)
{
	return b->nr < BENCH_SAMPLES && b->nr + b->dirty < 8 * BENCH_SAMPLES;
}

static int compare(const void *a, const void *b)
{
	const u64 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static u64 median(const struct bench *b)
{
	u64 each[BENCH_SAMPLES];
	unsigned int i;

	for (i = 0; i < b->nr; i++)
		each[i] = div64_u64(b->cost[i] * 1000, b->ops[i]);
	sort(each, b->nr, sizeof(each[0]), compare, NULL);
	return each[(b->nr - 1) / 2];
}

static u64 mean(const struct bench *b)
{
	u64 cost = 0, ops = 0;
	unsigned int i;

	for (i = 0; i < b->nr; i++) {
		cost += b->cost[i];
		ops += b->ops[i];
	}
	return div64_u64(cost * 1000, ops);
}

static void print_row(const char *name, u64 mean, u64 median, unsigned int nr, unsigned int dirty)
{
	u32 part[2];
	u64 whole[2] = { div_u64_rem(mean, 1000, &part[0]), div_u64_rem(median, 1000, &part[1]) };

	pr_info("axas_bench: %s %llu.%03u %u %u %llu.%03u\n", name, whole[0], part[0], nr, dirty,
		whole[1], part[1]);
}

void bench_report(const struct bench *b)
{
	if (b->nr)
		print_row(b->name, mean(b), median(b), b->nr, b->dirty);
	else
		bench_fail(b->name, -ETIME);
}

void bench_figure(const char *name, u64 value)
{
	print_row(name, value * 1000, value * 1000, 1, 0);
}

void bench_fail(const char *what, int err)
{
	pr_err("axas_bench: failed: %s: %d\n", what, err);
	failed = err;
}

struct axas_space *bench_space(const struct axas_hal *hal)
{
	struct axas_space_params params = { .format = AXAS_FORMAT_DEFAULT, .hal = hal };
	struct axas_space *space = axas_space_create(&params);

	if (space == ERR_PTR(-EOPNOTSUPP)) {
		params.format = AXAS_FORMAT_SVM;
		space = axas_space_create(&params);
	}
	if (IS_ERR(space)) {
		bench_fail("create a space", PTR_ERR(space));
		return NULL;
	}
	return space;
}

/* Report a loop of a known number of instructions: it shows the unit of the clock. */
static void calibrate(void)
{
	struct bench empty = BENCH("clock.empty");
	struct bench loop = BENCH("clock.loop_of_1000_instructions");

	while (bench_more(&empty)) {
		bench_begin(&empty);
		bench_end(&empty, 1);
	}
	bench_report(&empty);
	if (empty.nr)
		overhead = div_u64(median(&empty), 1000);
#ifdef CONFIG_X86_64
	while (bench_more(&loop)) {
		unsigned long n = 500;

		bench_begin(&loop);
		asm volatile("1: dec %0\n\tjnz 1b" : "+r" (n) : : "cc");
		bench_end(&loop, 1);
	}
	bench_report(&loop);
#endif
}

static int __init axas_bench_init(void)
{
	calibrate();
	bench_floor();
	bench_table();
	bench_spaces();
	bench_shared();
	bench_access();
	bench_files();
	bench_size();
	bench_areas();
	bench_held();
	pr_info("axas_bench: done %d\n", failed);
	return 0;
}

static void __exit axas_bench_exit(void)
{
}

/* If built in, run after everything that it measures is initialized. */
late_initcall(axas_bench_init);
module_exit(axas_bench_exit);

MODULE_DESCRIPTION("What the operations of axas cost");
MODULE_LICENSE("GPL");
AXAS_MODULE_IMPORT_NS(AXAS);
