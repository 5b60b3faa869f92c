// SPDX-License-Identifier: GPL-2.0-only
/*
 * Translations that a RISC-V vCPU flushes by address, and those that need a flush of all
 * (vcpu/riscv/stale.h).
 */
#include "axvcpu_test.h"
#include "vcpu/riscv/stale.h"

static struct riscv_stale stale;
static struct axas_gpa_range taken[RISCV_STALE_RANGES];

static int init(struct kunit *test)
{
	stale = (struct riscv_stale){};
	raw_spin_lock_init(&stale.lock);
	return 0;
}

static struct axas_flush flush(u64 gpa, u64 pages, bool tables)
{
	return (struct axas_flush){
		.range = axas_gpa_range(axas_gpa(gpa), pages * AXAS_FRAME_SIZE),
		.tables = tables,
	};
}

static bool keep(u64 gpa, u64 pages, bool tables)
{
	struct axas_flush f = flush(gpa, pages, tables);

	return riscv_stale_keep(&stale, &f);
}

static void small_ranges_are_kept_in_order(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < RISCV_STALE_RANGES; i++)
		KUNIT_EXPECT_TRUE(test, keep(i << 20, i + 1, false));
	KUNIT_EXPECT_EQ(test, riscv_stale_take(&stale, taken), RISCV_STALE_RANGES);
	for (i = 0; i < RISCV_STALE_RANGES; i++) {
		KUNIT_EXPECT_EQ(test, taken[i].start.val, (u64)i << 20);
		KUNIT_EXPECT_EQ(test, taken[i].size, (i + 1) * AXAS_FRAME_SIZE);
	}
}

static void taken_once(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, riscv_stale_take(&stale, taken), 0);
	KUNIT_EXPECT_TRUE(test, keep(0x1000, 1, false));
	KUNIT_EXPECT_EQ(test, riscv_stale_take(&stale, taken), 1);
	KUNIT_EXPECT_EQ(test, riscv_stale_take(&stale, taken), 0);
	KUNIT_EXPECT_TRUE(test, keep(0x5000, 2, false));
	KUNIT_EXPECT_EQ(test, riscv_stale_take(&stale, taken), 1);
	KUNIT_EXPECT_EQ(test, taken[0].start.val, 0x5000);
}

static void large_ranges_go_with_all(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, keep(0, RISCV_STALE_PAGES, false));
	KUNIT_EXPECT_FALSE(test, keep(0, RISCV_STALE_PAGES + 1, false));
	KUNIT_EXPECT_FALSE(test, keep(0, 1ull << 40, false));
	/* A size of 0 is the whole 64 bits. */
	KUNIT_EXPECT_FALSE(test, keep(0, 0, false));
	KUNIT_EXPECT_EQ(test, riscv_stale_take(&stale, taken), 1);
}

static void tables_go_with_all(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, keep(0x1000, 1, true));
	KUNIT_EXPECT_EQ(test, riscv_stale_take(&stale, taken), 0);
}

/* Ranges kept before stay: an entering CPU may already have tested for a flush of all. */
static void too_many_ranges_go_with_all(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < RISCV_STALE_RANGES; i++)
		KUNIT_EXPECT_TRUE(test, keep(i << 12, 1, false));
	KUNIT_EXPECT_FALSE(test, keep(i << 12, 1, false));
	KUNIT_EXPECT_EQ(test, riscv_stale_take(&stale, taken), RISCV_STALE_RANGES);
	KUNIT_EXPECT_TRUE(test, keep(i << 12, 1, false));
}

static struct kunit_case riscv_stale_cases[] = {
	KUNIT_CASE(small_ranges_are_kept_in_order),
	KUNIT_CASE(taken_once),
	KUNIT_CASE(large_ranges_go_with_all),
	KUNIT_CASE(tables_go_with_all),
	KUNIT_CASE(too_many_ranges_go_with_all),
	{}
};

struct kunit_suite riscv_stale_suite = {
	.name		= "axvcpu_riscv_stale",
	.init		= init,
	.test_cases	= riscv_stale_cases,
};
