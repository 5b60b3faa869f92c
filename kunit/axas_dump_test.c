// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs of leaves and their lines in debugfs (axas_npt.c): what a line says, and where a run ends.
 */
#include <linux/seq_file.h>

#include "npt_fixture.h"
#include "space_fixture.h"

static void expect_line(struct kunit *test, const struct axas_npt_run *run, const char *line)
{
	char buf[128] = "";
	struct seq_file m = { .buf = buf, .size = sizeof(buf) };

	axas_npt_dump(&m, run);
	KUNIT_EXPECT_STREQ(test, buf, line);
}

static void a_line_says_where_and_what(struct kunit *test)
{
	struct axas_npt_run run = {
		.first = SZ_2M, .last = SZ_4M + SZ_2M - 1,
		.leaf = { .level = 1, .prot = TEST_RW, .type = AXAS_TYPE_NORMAL },
	};

	expect_line(test, &run,
		    "0x0000000000200000-0x00000000005fffff         4096K   2M rw- normal\n");
	run.borrowed = true;
	run.leaf.prot = AXAS_PROT_READ | AXAS_PROT_EXEC;
	expect_line(test, &run,
		    "0x0000000000200000-0x00000000005fffff         4096K   2M r-x normal borrowed\n");
	run = (struct axas_npt_run){
		.first = 0xfffff000, .last = 0xffffffff,
		.leaf = { .prot = AXAS_PROT_WRITE, .type = AXAS_TYPE_DEVICE },
	};
	expect_line(test, &run,
		    "0x00000000fffff000-0x00000000ffffffff            4K   4K -w- device\n");
	run.leaf.type = AXAS_TYPE_UNCACHED;
	run.last = 0x13fffffff;
	run.leaf.level = 2;
	expect_line(test, &run,
		    "0x00000000fffff000-0x000000013fffffff      1048580K   1G -w- uncached\n");
}

static void a_raw_line_has_the_entry(struct kunit *test)
{
	struct axas_npt_run run = {
		.first = SZ_4K, .leaf = { .level = 0, .hpa = { 0x123456000 } }, .entry = 0xabc,
	};
	char buf[128] = "";
	struct seq_file m = { .buf = buf, .size = sizeof(buf) };

	axas_npt_dump_raw(&m, &run);
	KUNIT_EXPECT_STREQ(test, buf,
			   "0x0000000000001000 0 0x0000000123456000 0x0000000000000abc\n");
}

static void expect_run(struct space_fixture *f, u64 first, u64 last)
{
	struct axas_npt_run run;

	KUNIT_ASSERT_TRUE(f->test, axas_npt_next_run(&f->space->npt, first, false, &run));
	KUNIT_EXPECT_EQ(f->test, run.first, first);
	KUNIT_EXPECT_EQ(f->test, run.last, last);
	KUNIT_EXPECT_FALSE(f->test, run.borrowed);
}

/* Adjacent leaves that differ in size, protection or type, and two with a hole between. */
static void a_run_ends_where_leaves_differ(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 at = SZ_2M;

	KUNIT_ASSERT_EQ(test, space_map_linear(f, at - SZ_64K, SZ_2M + SZ_64K,
					       LINEAR + SZ_2M - SZ_64K, TEST_RW), 0);
	at += SZ_2M;
	KUNIT_ASSERT_EQ(test, space_map_linear(f, at, SZ_2M, LINEAR + SZ_1G, TEST_R), 0);
	at += SZ_2M;
	KUNIT_ASSERT_EQ(test, axas_space_map_linear(f->space, gpa_range(at, SZ_2M),
						    axas_hpa(LINEAR + SZ_2G), TEST_R,
						    AXAS_TYPE_DEVICE), 0);
	at += SZ_4M;
	KUNIT_ASSERT_EQ(test, axas_space_map_linear(f->space, gpa_range(at, SZ_2M),
						    axas_hpa(LINEAR + SZ_2G + SZ_4M), TEST_R,
						    AXAS_TYPE_DEVICE), 0);
	expect_run(f, SZ_2M - SZ_64K, SZ_2M - 1);
	expect_run(f, SZ_2M, SZ_4M - 1);
	expect_run(f, SZ_4M, SZ_4M + SZ_2M - 1);
	expect_run(f, SZ_4M + SZ_2M, SZ_8M - 1);
	expect_run(f, SZ_8M + SZ_2M, SZ_8M + SZ_4M - 1);
}

static struct kunit_case dump_cases[] = {
	KUNIT_CASE(a_line_says_where_and_what),
	KUNIT_CASE(a_raw_line_has_the_entry),
	KUNIT_CASE(a_run_ends_where_leaves_differ),
	{}
};

struct kunit_suite axas_dump_suite = {
	.name = "axas_dump",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = dump_cases,
};
