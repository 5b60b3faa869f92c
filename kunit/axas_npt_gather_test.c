// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens to leaves and tables between their removal and their freeing: the
 * gathering in axas_npt.c. That file and the fake format are compiled once more
 * here, with a source of batches that can run dry, which Linux's hardly does.
 */
#include <linux/gfp.h>
#include <linux/module.h>

#include "axas_compat.h"

static unsigned long gather_test_page(gfp_t gfp);

/* All that is not static, under names of its own. */
#define axas_npt_fmt_by_id	gather_test_fmt_by_id
#define axas_npt_init		gather_test_init
#define axas_npt_destroy	gather_test_destroy
#define axas_npt_within		gather_test_within
#define axas_npt_tables		gather_test_tables
#define axas_npt_leaves		gather_test_leaves
#define axas_npt_count_split_at	gather_test_count_split_at
#define axas_npt_count_split_all	gather_test_count_split_all
#define axas_npt_reserve	gather_test_reserve
#define axas_npt_unreserve	gather_test_unreserve
#define axas_npt_take_table	gather_test_take_table
#define axas_npt_next_run	gather_test_next_run
#define axas_npt_run_of		gather_test_run_of
#define axas_npt_fill		gather_test_fill
#define axas_npt_free_leaves	gather_test_free_leaves
#define axas_npt_alloc_table_unset	gather_test_alloc_table_unset
#define axas_npt_dump		gather_test_dump
#define axas_npt_dump_raw	gather_test_dump_raw
#define axas_host_format	gather_test_host_format
#define axas_host_caps		gather_test_host_caps
#define axas_npt_count_split_at	gather_test_count_split_at
#define axas_npt_count_split_all gather_test_count_split_all
#define axas_npt_reserve	gather_test_reserve
#define axas_npt_unreserve	gather_test_unreserve
#define axas_npt_take_table	gather_test_take_table
#define axas_npt_alloc_table	gather_test_alloc_table
#define axas_npt_free_table	gather_test_free_table
#define axas_npt_gather_init	gather_test_gather_init
#define axas_npt_gather_leaf	gather_test_gather_leaf
#define axas_npt_gather_table	gather_test_gather_table
#define axas_npt_gather_finish	gather_test_gather_finish
#define axas_npt_fake		gather_test_fake
#undef __get_free_page
#define __get_free_page		gather_test_page
#undef EXPORT_SYMBOL_AXAS_KUNIT
#define EXPORT_SYMBOL_AXAS_KUNIT(sym)

#include "axas_npt.c"
#include "axas_npt_fake.c"

#undef __get_free_page
#undef axas_npt_fake

#include "axas_test.h"
#include "mock_hal.h"

u32 gather_test_host_format(void)
{
	return AXAS_FORMAT_DEFAULT;
}

bool gather_test_host_caps(const struct axas_npt_fmt *fmt, struct axas_npt_caps *caps)
{
	*caps = fmt->caps;
	return false;
}

/* How many more batches there are. */
static unsigned int batches_left;

static unsigned long gather_test_page(gfp_t gfp)
{
	if (!batches_left)
		return 0;
	batches_left--;
	return get_zeroed_page(gfp);
}

/* Leaves that no removal of a whole table takes along: all but one of each. */
#define PER_TABLE	511
#define TABLES		4
#define BASE		((u64)SZ_1G - TABLES / 2 * SZ_2M)

struct gather_fixture {
	struct axas_npt npt;
	struct mock_hal *mock;
	struct kunit *test;
	unsigned int puts;
};

static void gather_flush(struct axas_npt *npt, u64 first, u64 last, bool tables)
{
	struct gather_fixture *f = container_of(npt, struct gather_fixture, npt);

	mock_hal_log(f->mock, &(struct mock_event){ MOCK_EVENT_FLUSH, first, last, 0, tables });
}

/* Only after a flush since the entry was cleared: the mock's log proves it. */
static void gather_put_leaves(struct axas_npt *npt, const struct axas_hpa *hpas,
			      unsigned int n, unsigned int level)
{
	struct gather_fixture *f = container_of(npt, struct gather_fixture, npt);

	f->puts += n;
	axas_frames_free(&f->mock->hal, AXAS_NPT_LEVEL_BITS * level, hpas, n);
}

static const struct axas_npt_ops gather_ops = {
	.flush		= gather_flush,
	.put_leaves	= gather_put_leaves,
};

static int gather_test_setup(struct kunit *test)
{
	struct gather_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	struct axas_npt_caps caps = { .leaf_levels = 3, .oa_bits = 48 };

	test->priv = f;
	if (!f)
		return -ENOMEM;
	f->test = test;
	f->mock = mock_hal_create(test);
	if (!f->mock)
		return -ENOMEM;
	batches_left = 0;
	return gather_test_init(&f->npt, &gather_test_fake, &gather_ops, &f->mock->hal, 48,
				&caps);
}

static void gather_test_teardown(struct kunit *test)
{
	struct gather_fixture *f = test->priv;

	if (f && f->npt.root)
		gather_test_destroy(&f->npt);
	if (f && f->mock)
		mock_hal_finish(f->mock);
}

static void map_frame(struct gather_fixture *f, u64 gpa, unsigned int level)
{
	struct axas_hpa hpa;

	KUNIT_ASSERT_EQ(f->test, f->mock->hal.alloc_frame(&f->mock->hal,
							  AXAS_NPT_LEVEL_BITS * level, 0, &hpa), 0);
	KUNIT_ASSERT_EQ(f->test, axas_npt_map_leaf(&f->npt, gpa, hpa.val, TEST_RW,
						   AXAS_TYPE_NORMAL, level), 0);
}

/* PER_TABLE leaves in each of TABLES tables, and one more that is not removed. */
static void map_many(struct gather_fixture *f)
{
	u64 table, i;

	for (table = 0; table < TABLES; table++)
		for (i = 0; i <= PER_TABLE; i++)
			map_frame(f, BASE + table * SZ_2M + i * SZ_4K, 0);
}

static void remove_range(struct gather_fixture *f, u64 first, u64 bytes)
{
	struct axas_npt_gather gather;

	gather_test_gather_init(&gather, &f->npt, first, first + bytes - 1);
	axas_npt_unmap(&f->npt, first, first + bytes - 1, true, &gather);
	gather_test_gather_finish(&gather);
}

/* One gather for all tables, as an operation over a range makes it. */
static void remove_many(struct gather_fixture *f)
{
	struct axas_npt_gather gather;
	u64 table;

	gather_test_gather_init(&gather, &f->npt, BASE, BASE + TABLES * SZ_2M - 1);
	for (table = 0; table < TABLES; table++)
		axas_npt_unmap(&f->npt, BASE + table * SZ_2M,
			       BASE + table * SZ_2M + PER_TABLE * (u64)SZ_4K - 1, true, &gather);
	gather_test_gather_finish(&gather);
}

static void expect_only_the_last_of_each(struct gather_fixture *f)
{
	struct axas_leaf leaf;
	u64 table;

	KUNIT_EXPECT_EQ(f->test, f->puts, TABLES * PER_TABLE + 0u);
	KUNIT_EXPECT_EQ(f->test, f->mock->frames, TABLES + 0l);
	KUNIT_EXPECT_EQ(f->test, gather_test_leaves(&f->npt, 0), TABLES + 0l);
	for (table = 0; table < TABLES; table++) {
		KUNIT_EXPECT_FALSE(f->test, axas_npt_lookup(&f->npt, BASE + table * SZ_2M, &leaf));
		KUNIT_EXPECT_TRUE(f->test, axas_npt_lookup(&f->npt, BASE + table * SZ_2M +
							   PER_TABLE * (u64)SZ_4K, &leaf));
	}
	remove_range(f, BASE, TABLES * SZ_2M);
	KUNIT_EXPECT_EQ(f->test, f->mock->frames, 0l);
}

/* Rule R13, Defect 38: one flush for all of it, before the first frame goes. */
static void everything_is_freed_after_one_flush(struct kunit *test)
{
	struct gather_fixture *f = test->priv;

	map_many(f);
	batches_left = UINT_MAX;
	mock_hal_start_log(f->mock);
	remove_many(f);
	KUNIT_EXPECT_TRUE(test, mock_hal_ordered(f->mock, MOCK_EVENT_FLUSH, MOCK_EVENT_FREE));
	KUNIT_EXPECT_EQ(test, mock_hal_count(f->mock, MOCK_EVENT_FLUSH), 1u);
	KUNIT_EXPECT_EQ(test, f->mock->events[0].first, BASE);
	KUNIT_EXPECT_EQ(test, f->mock->events[0].last, BASE + TABLES * SZ_2M - 1);
	expect_only_the_last_of_each(f);
}

/* With this many batches and no more; 0, and borders of full ones, among them. */
static void gather_goes_on_without_memory(struct kunit *test)
{
	struct gather_fixture *f = test->priv;
	unsigned int had;

	for (had = 0; had <= 4; had++) {
		f->puts = 0;
		map_many(f);
		batches_left = had;
		remove_many(f);
		expect_only_the_last_of_each(f);
		KUNIT_EXPECT_EQ(test, gather_test_tables(&f->npt), 1l);
	}
}

/* Each flush comes after the clearing of what is freed next: count frees per flush. */
static void without_memory_there_is_a_flush_for_each_32(struct kunit *test)
{
	struct gather_fixture *f = test->priv;
	unsigned int i, frees = 0, flushes = 0;

	for (i = 0; i < 100; i++)
		map_frame(f, BASE + i * SZ_4K, 0);
	map_frame(f, BASE + 200 * SZ_4K, 0);
	mock_hal_start_log(f->mock);
	remove_range(f, BASE, 100 * SZ_4K);
	for (i = 0; i < f->mock->nr_events; i++) {
		if (f->mock->events[i].kind == MOCK_EVENT_FLUSH) {
			flushes++;
			frees = 0;
		} else {
			frees++;
		}
		KUNIT_EXPECT_TRUE(test, flushes && frees <= AXAS_GATHER_INLINE);
	}
	KUNIT_EXPECT_EQ(test, flushes, 4u);
	KUNIT_EXPECT_EQ(test, f->puts, 100u);
	remove_range(f, BASE, SZ_1M);
}

/*
 * The table that comes when there is no room: the flush that makes room tells of leaves
 * alone, so there is another one before the table is freed.
 */
static void table_that_finds_no_room_is_flushed(struct kunit *test)
{
	struct gather_fixture *f = test->priv;
	const struct mock_event *last;
	unsigned int i;

	for (i = 0; i < AXAS_GATHER_INLINE; i++)
		map_frame(f, BASE + i * SZ_4K, 0);
	map_frame(f, BASE + SZ_2M, 0);
	mock_hal_start_log(f->mock);
	remove_range(f, BASE, AXAS_GATHER_INLINE * SZ_4K);
	KUNIT_ASSERT_EQ(test, f->mock->nr_events, 1u + AXAS_GATHER_INLINE + 2);
	last = &f->mock->events[f->mock->nr_events - 1];
	KUNIT_EXPECT_EQ(test, last->kind, MOCK_EVENT_FREE);
	KUNIT_EXPECT_EQ(test, last->flags, (u32)AXAS_FRAME_TABLE);
	KUNIT_EXPECT_EQ(test, last[-1].kind, MOCK_EVENT_FLUSH);
	KUNIT_EXPECT_TRUE(test, last[-1].flags);
	remove_range(f, BASE, SZ_4M);
}

/* Exactly as many as fit need no batch and no second flush. */
static void as_many_as_fit_need_no_memory(struct kunit *test)
{
	struct gather_fixture *f = test->priv;
	unsigned int i;

	for (i = 0; i <= AXAS_GATHER_INLINE; i++)
		map_frame(f, BASE + i * SZ_4K, 0);
	mock_hal_start_log(f->mock);
	remove_range(f, BASE, AXAS_GATHER_INLINE * SZ_4K);
	KUNIT_EXPECT_EQ(test, mock_hal_count(f->mock, MOCK_EVENT_FLUSH), 1u);
	KUNIT_EXPECT_EQ(test, f->puts, AXAS_GATHER_INLINE + 0u);
	remove_range(f, BASE, SZ_1M);
}

/* Rule R13: tables go after the flush, too, and the flush says that they go. */
static void tables_are_freed_after_a_flush_that_tells(struct kunit *test)
{
	struct gather_fixture *f = test->priv;

	map_frame(f, BASE, 0);
	map_frame(f, BASE + SZ_4K, 0);
	mock_hal_start_log(f->mock);
	remove_range(f, BASE, SZ_4K);
	KUNIT_EXPECT_FALSE(test, mock_hal_first(f->mock, MOCK_EVENT_FLUSH)->flags);
	mock_hal_start_log(f->mock);
	remove_range(f, BASE + SZ_4K, SZ_4K);
	KUNIT_EXPECT_EQ(test, mock_hal_count(f->mock, MOCK_EVENT_FLUSH), 1u);
	KUNIT_EXPECT_TRUE(test, mock_hal_first(f->mock, MOCK_EVENT_FLUSH)->flags);
	KUNIT_EXPECT_TRUE(test, mock_hal_ordered(f->mock, MOCK_EVENT_FLUSH, MOCK_EVENT_FREE));
	KUNIT_EXPECT_EQ(test, mock_hal_count(f->mock, MOCK_EVENT_FREE), 1u + 3u);
	KUNIT_EXPECT_EQ(test, f->mock->tables, 1l);
}

/* A table that is removed as a whole takes all leaves of all levels below along. */
static void whole_tables_take_their_leaves_along(struct kunit *test)
{
	struct gather_fixture *f = test->priv;
	unsigned int i;

	for (i = 0; i < 20; i++)
		map_frame(f, i * (u64)SZ_2M + i * SZ_4K, 0);
	map_frame(f, 100 * (u64)SZ_2M, 1);
	mock_hal_start_log(f->mock);
	remove_range(f, 0, SZ_1G);
	KUNIT_EXPECT_TRUE(test, mock_hal_ordered(f->mock, MOCK_EVENT_FLUSH, MOCK_EVENT_FREE));
	KUNIT_EXPECT_EQ(test, f->puts, 21u);
	KUNIT_EXPECT_EQ(test, gather_test_leaves(&f->npt, 0), 0l);
	KUNIT_EXPECT_EQ(test, gather_test_leaves(&f->npt, 1), 0l);
	KUNIT_EXPECT_EQ(test, gather_test_tables(&f->npt), 1l);
}

/* Of a linear area: the leaves' memory is somebody else's. */
static void leaves_that_own_nothing_are_not_put(struct kunit *test)
{
	struct gather_fixture *f = test->priv;
	struct axas_npt_gather gather;

	KUNIT_ASSERT_EQ(test, axas_npt_map_leaf(&f->npt, BASE, SZ_1G, TEST_RW, AXAS_TYPE_NORMAL,
						0), 0);
	KUNIT_ASSERT_EQ(test, axas_npt_map_leaf(&f->npt, 0, SZ_1G, TEST_RW, AXAS_TYPE_NORMAL, 1),
			0);
	mock_hal_start_log(f->mock);
	gather_test_gather_init(&gather, &f->npt, 0, SZ_2G - 1);
	axas_npt_unmap(&f->npt, 0, SZ_2G - 1, false, &gather);
	gather_test_gather_finish(&gather);
	KUNIT_EXPECT_EQ(test, f->puts, 0u);
	KUNIT_EXPECT_EQ(test, mock_hal_count(f->mock, MOCK_EVENT_FLUSH), 1u);
}

static void nothing_removed_is_nothing_flushed(struct kunit *test)
{
	struct gather_fixture *f = test->priv;

	mock_hal_start_log(f->mock);
	remove_range(f, 0, SZ_1G);
	KUNIT_EXPECT_EQ(test, f->mock->nr_events, 0u);
}

static struct kunit_case gather_cases[] = {
	KUNIT_CASE(everything_is_freed_after_one_flush),
	KUNIT_CASE(gather_goes_on_without_memory),
	KUNIT_CASE(without_memory_there_is_a_flush_for_each_32),
	KUNIT_CASE(table_that_finds_no_room_is_flushed),
	KUNIT_CASE(as_many_as_fit_need_no_memory),
	KUNIT_CASE(tables_are_freed_after_a_flush_that_tells),
	KUNIT_CASE(whole_tables_take_their_leaves_along),
	KUNIT_CASE(leaves_that_own_nothing_are_not_put),
	KUNIT_CASE(nothing_removed_is_nothing_flushed),
	{}
};

struct kunit_suite axas_npt_gather_suite = {
	.name = "axas_npt_gather",
	.init = gather_test_setup,
	.exit = gather_test_teardown,
	.test_cases = gather_cases,
};
