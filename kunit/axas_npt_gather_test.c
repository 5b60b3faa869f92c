// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leaves and tables between their removal and their freeing (axas_npt_gather.c), with a large
 * gather and a small one.
 */
#include <linux/gfp.h>

#include "axas_npt.h"
#include "axas_test.h"
#include <axas/frame.h>

#include "mock_hal.h"

/* All but one leaf of each table, so that the table is not removed as a whole. */
#define PER_TABLE	511
#define TABLES		3
#define BASE		((u64)SZ_1G - TABLES / 2 * SZ_2M)

struct gather_fixture {
	struct axas_npt npt;
	struct mock_hal *mock;
	struct kunit *test;
	unsigned int puts;
	bool many;
	const void *owner;
};

static void gather_flush(struct axas_npt *npt, u64 first, u64 last, bool tables)
{
	struct gather_fixture *f = container_of(npt, struct gather_fixture, npt);

	mock_hal_log(f->mock, &(struct mock_event){ MOCK_EVENT_FLUSH, first, last, 0, tables });
}

/* The mock's log shows whether this comes after a flush since the entry was cleared. */
static void gather_put_frames(struct axas_npt *npt, const void *owner,
			      const struct axas_hpa *hpas, unsigned int n, unsigned int level)
{
	struct gather_fixture *f = container_of(npt, struct gather_fixture, npt);

	f->puts += n;
	f->owner = owner;
	axas_frames_free(&f->mock->hal, AXAS_NPT_LEVEL_BITS * level, hpas, n);
}

static const struct axas_npt_ops gather_ops = {
	.flush		= gather_flush,
	.put_frames	= gather_put_frames,
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
	f->many = true;
	return axas_npt_init(&f->npt, &axas_npt_fake, &gather_ops, &f->mock->hal, 48, &caps);
}

static void gather_test_teardown(struct kunit *test)
{
	struct gather_fixture *f = test->priv;

	if (f && f->npt.root)
		axas_npt_destroy(&f->npt);
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

/* Map PER_TABLE leaves, and one more that stays, in each of TABLES tables. */
static void map_many(struct gather_fixture *f)
{
	u64 table, i;

	for (table = 0; table < TABLES; table++)
		for (i = 0; i <= PER_TABLE; i++)
			map_frame(f, BASE + table * SZ_2M + i * SZ_4K, 0);
}

/* Remove until the gather is full, flush, free, and repeat. */
static void remove_for(struct gather_fixture *f, struct axas_npt_gather *gather, u64 first,
		       u64 bytes, const void *owner)
{
	struct axas_npt_job job = {
		.begin = first, .first = first, .last = first + bytes - 1,
		.owner = owner, .gather = gather,
	};

	for (;;) {
		job.budget = ~0u;
		axas_npt_unmap(&f->npt, &job);
		if (job.done)
			return;
		gather_flush(&f->npt, first, job.first - 1, gather->tables);
		axas_npt_gather_free(gather);
	}
}

static void finish(struct gather_fixture *f, struct axas_npt_gather *gather, u64 first, u64 bytes)
{
	if (gather->pending)
		gather_flush(&f->npt, first, first + bytes - 1, gather->tables);
	axas_npt_gather_free(gather);
	axas_npt_gather_end(gather);
}

static void remove_range(struct gather_fixture *f, u64 first, u64 bytes)
{
	struct axas_npt_gather gather;

	axas_npt_gather_init(&gather, &f->npt, f->many);
	remove_for(f, &gather, first, bytes, f);
	finish(f, &gather, first, bytes);
}

/* Use one gather for all tables, as an operation on a range does. */
static void remove_many(struct gather_fixture *f)
{
	struct axas_npt_gather gather;
	u64 table;

	axas_npt_gather_init(&gather, &f->npt, f->many);
	for (table = 0; table < TABLES; table++)
		remove_for(f, &gather, BASE + table * SZ_2M, PER_TABLE * (u64)SZ_4K, f);
	finish(f, &gather, BASE, TABLES * SZ_2M);
}

static void expect_only_the_last_of_each(struct gather_fixture *f)
{
	struct axas_leaf leaf;
	u64 table;

	KUNIT_EXPECT_EQ(f->test, f->puts, TABLES * PER_TABLE + 0u);
	KUNIT_EXPECT_EQ(f->test, f->mock->frames, TABLES + 0l);
	KUNIT_EXPECT_EQ(f->test, axas_npt_leaves(&f->npt, 0), TABLES + 0l);
	for (table = 0; table < TABLES; table++) {
		KUNIT_EXPECT_FALSE(f->test, axas_npt_lookup(&f->npt, BASE + table * SZ_2M, &leaf));
		KUNIT_EXPECT_TRUE(f->test, axas_npt_lookup(&f->npt, BASE + table * SZ_2M +
							   PER_TABLE * (u64)SZ_4K, &leaf));
	}
	remove_range(f, BASE, TABLES * SZ_2M);
	KUNIT_EXPECT_EQ(f->test, f->mock->frames, 0l);
}

/* Rule R13, Defect 38: one flush for all tables, before the first free. */
static void everything_is_freed_after_one_flush(struct kunit *test)
{
	struct gather_fixture *f = test->priv;

	map_many(f);
	mock_hal_start_log(f->mock);
	remove_many(f);
	KUNIT_EXPECT_TRUE(test, mock_hal_ordered(f->mock, MOCK_EVENT_FLUSH, MOCK_EVENT_FREE));
	KUNIT_EXPECT_EQ(test, mock_hal_count(f->mock, MOCK_EVENT_FLUSH), 1u);
	KUNIT_EXPECT_EQ(test, f->mock->events[0].first, BASE);
	KUNIT_EXPECT_EQ(test, f->mock->events[0].last, BASE + TABLES * SZ_2M - 1);
	expect_only_the_last_of_each(f);
}

/* Removal in pieces, with a large gather and a small one. */
static void gather_that_is_full_ends_a_piece(struct kunit *test)
{
	struct gather_fixture *f = test->priv;
	unsigned int many;

	for (many = 0; many < 2; many++) {
		f->puts = 0;
		f->many = many;
		map_many(f);
		remove_many(f);
		expect_only_the_last_of_each(f);
		KUNIT_EXPECT_EQ(test, axas_npt_tables(&f->npt), 1l);
	}
}

/* Each flush covers only entries broken before it: count frees per flush. */
static void with_little_room_every_piece_is_flushed(struct kunit *test)
{
	struct gather_fixture *f = test->priv;
	unsigned int i, frees = 0, flushes = 0;

	f->many = false;
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

/* Tables that become empty while the gather has no room for leaves are removed all the same. */
static void there_is_always_room_for_tables_above(struct kunit *test)
{
	struct gather_fixture *f = test->priv;
	const unsigned int room = AXAS_GATHER_INLINE - AXAS_GATHER_MOST - 1;
	unsigned int n;

	f->many = false;
	for (n = 1; n <= AXAS_GATHER_INLINE + 4; n++) {
		unsigned int i;

		for (i = 0; i < n; i++)
			map_frame(f, BASE + i * SZ_4K, 0);
		mock_hal_start_log(f->mock);
		remove_range(f, BASE, n * SZ_4K);
		KUNIT_EXPECT_EQ(test, axas_npt_tables(&f->npt), 1l);
		KUNIT_EXPECT_LE(test, mock_hal_count(f->mock, MOCK_EVENT_FLUSH), 1 + n / room);
		KUNIT_EXPECT_TRUE(test, n > room || mock_hal_ordered(f->mock, MOCK_EVENT_FLUSH,
								     MOCK_EVENT_FREE));
	}
}

/* Each frame is put to the owner of its area, all in one gather. */
static void frames_go_back_to_their_owners(struct kunit *test)
{
	struct gather_fixture *f = test->priv;
	struct axas_npt_gather gather;
	int owners[3];
	unsigned int i;

	for (i = 0; i < 3; i++)
		map_frame(f, BASE + i * SZ_4K, 0);
	axas_npt_gather_init(&gather, &f->npt, false);
	for (i = 0; i < 3; i++)
		remove_for(f, &gather, BASE + i * SZ_4K, SZ_4K, &owners[i]);
	finish(f, &gather, BASE, SZ_16K);
	KUNIT_EXPECT_EQ(test, f->puts, 3u);
	KUNIT_EXPECT_PTR_EQ(test, f->owner, (const void *)&owners[2]);
	KUNIT_EXPECT_EQ(test, axas_npt_tables(&f->npt), 1l);
}

/* Rule R13: tables, too, are freed after the flush, and the flush says that it is for tables. */
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

/* Removing a table as a whole removes the leaves of all levels below it. */
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
	KUNIT_EXPECT_EQ(test, axas_npt_leaves(&f->npt, 0), 0l);
	KUNIT_EXPECT_EQ(test, axas_npt_leaves(&f->npt, 1), 0l);
	KUNIT_EXPECT_EQ(test, axas_npt_tables(&f->npt), 1l);
}

/* A linear area does not own its leaves' memory. */
static void leaves_that_own_nothing_are_not_put(struct kunit *test)
{
	struct gather_fixture *f = test->priv;
	struct axas_npt_gather gather;

	KUNIT_ASSERT_EQ(test, axas_npt_map_leaf(&f->npt, BASE, SZ_1G, TEST_RW, AXAS_TYPE_NORMAL,
						0), 0);
	KUNIT_ASSERT_EQ(test, axas_npt_map_leaf(&f->npt, 0, SZ_1G, TEST_RW, AXAS_TYPE_NORMAL, 1),
			0);
	mock_hal_start_log(f->mock);
	axas_npt_gather_init(&gather, &f->npt, false);
	remove_for(f, &gather, 0, SZ_2G, NULL);
	finish(f, &gather, 0, SZ_2G);
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
	KUNIT_CASE(gather_that_is_full_ends_a_piece),
	KUNIT_CASE(with_little_room_every_piece_is_flushed),
	KUNIT_CASE(there_is_always_room_for_tables_above),
	KUNIT_CASE(frames_go_back_to_their_owners),
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
