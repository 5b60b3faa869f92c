// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is put aside (axas_space_aside.c, axas_npt_aside.c) beside markers, pages that somebody
 * holds, and operations that are about to look at it; and the work that a log does with the bar.
 */
#include <linux/bitmap.h>
#include <linux/bvec.h>
#include <linux/completion.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "axas_npt_aside.h"
#include "space_fixture.h"

static unsigned long bits[BITS_TO_LONGS(WIN_SIZE / SZ_4K)];

static int start(struct space_fixture *f, u64 gpa, u64 size)
{
	u64 epoch;
	int err = axas_space_start_log(f->space, gpa_range(gpa, size), &epoch);

	monitor_expect_flushed(f->monitor);
	return err;
}

static int get(struct space_fixture *f)
{
	u64 epoch;

	return axas_space_get_log(f->space, gpa_range(WIN, WIN_SIZE), bits, &epoch);
}

/* Clear all that was got. */
static void clear_got(struct space_fixture *f)
{
	u64 epoch = 0;

	KUNIT_EXPECT_EQ(f->test, get(f), 0);
	KUNIT_EXPECT_EQ(f->test, axas_space_clear_log(f->space, gpa_range(WIN, WIN_SIZE), bits,
						      &epoch), 0);
	monitor_expect_flushed(f->monitor);
}

/* Expect that the pages of [gpa, gpa + size), and no others, were written. */
static void expect_written(struct space_fixture *f, u64 gpa, u64 size)
{
	unsigned int first = (gpa - WIN) / SZ_4K, end = first + size / SZ_4K, i, wrong = 0;

	KUNIT_ASSERT_EQ(f->test, get(f), 0);
	for (i = 0; i < WIN_SIZE / SZ_4K; i++)
		wrong += test_bit(i, bits) != (i >= first && i < end);
	KUNIT_EXPECT_EQ_MSG(f->test, wrong, 0, "0x%llx bytes from 0x%llx on", size, gpa);
}

static void expect_clean(struct space_fixture *f)
{
	expect_written(f, WIN, 0);
}

static int discard(struct space_fixture *f, u64 gpa, u64 size)
{
	struct axas_gpa_range range = gpa_range(gpa, size);
	u64 done;
	int err = axas_space_discard(f->space, &range, 1, &done);

	monitor_expect_flushed(f->monitor);
	return err;
}

static struct axas_npt_pos walk(struct space_fixture *f, u64 gpa)
{
	struct axas_npt_cursor cursor;
	struct axas_npt_pos pos;

	axas_npt_walk(&f->space->npt, &cursor, gpa, &pos);
	return pos;
}

/* Neither below the root nor aside: a fault has just taken it back, and the walk is older. */
static void a_walk_that_is_too_old_is_repeated(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_npt_spares spares = {};
	struct axas_npt_pos pos, hole;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_64K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, start(f, WIN, SZ_64K), 0);
	down_read(&f->space->lock);
	pos = walk(f, WIN);
	hole = walk(f, BORDER);
	up_read(&f->space->lock);
	KUNIT_EXPECT_EQ(test, pos.entry, 0ull);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_SPURIOUS);
	down_read(&f->space->lock);
	KUNIT_EXPECT_EQ(test, axas_space_take_back(f->space, &spares, WIN, &pos), -EBUSY);
	pos = walk(f, BORDER);
	KUNIT_EXPECT_EQ(test, axas_space_take_back(f->space, &spares, BORDER, &pos), 0);
	up_read(&f->space->lock);
	KUNIT_EXPECT_EQ(test, hole.entry, 0ull);
}

static enum axas_pt_kind kind_aside(struct space_fixture *f, u64 gpa)
{
	struct axas_npt_pos aside;
	enum axas_pt_kind kind;

	down_read(&f->space->lock);
	kind = axas_npt_look_aside(&f->space->npt, gpa, &aside);
	up_read(&f->space->lock);
	return kind;
}

/* What is taken back is that of the range. */
static void other_regions_stay_aside(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 n;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, WIN_SIZE, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	KUNIT_EXPECT_EQ(test, kind_aside(f, WIN), AXAS_PT_TABLE);
	KUNIT_EXPECT_EQ(test, kind_aside(f, BORDER), AXAS_PT_TABLE);
	KUNIT_EXPECT_EQ(test, axas_space_collapse(f->space, gpa_range(BORDER, SZ_2M), &n), 0);
	monitor_expect_flushed(f->monitor);
	KUNIT_EXPECT_EQ(test, kind_aside(f, WIN), AXAS_PT_TABLE);
	KUNIT_EXPECT_EQ(test, kind_aside(f, BORDER), AXAS_PT_EMPTY);
}

/* The marker of 2 MiB, put aside in the table that it is in, is no leaf. */
static void a_discarded_region_is_put_aside(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 val = 1;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, WIN_SIZE, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	KUNIT_ASSERT_EQ(test, discard(f, BORDER, SZ_2M), 0);
	expect_written(f, BORDER, SZ_2M);
	/* Nothing is aside now: it is moved with the table of 1 GiB. */
	KUNIT_ASSERT_EQ(test, axas_space_stop_log(f->space, gpa_range(WIN, WIN_SIZE), &val), 0);
	monitor_expect_flushed(f->monitor);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	expect_clean(f);
	KUNIT_EXPECT_EQ(test, space_hpa(f, BORDER), AXAS_HPA_NONE);
	KUNIT_EXPECT_EQ(test, space_fault(f, BORDER, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, axas_read_obj(f->space, axas_gpa(BORDER), AXAS_WIDTH_64, &val), 0);
	KUNIT_EXPECT_EQ(test, val, 0ull);
	expect_clean(f);
	KUNIT_EXPECT_EQ(test, space_fault(f, BORDER, TEST_W), AXAS_FAULT_FIXED);
	expect_written(f, BORDER, SZ_4K);
	space_expect_balanced(f);
}

/* What was discarded as a whole, and is put aside in part: the other parts stay in the log. */
static void a_part_of_a_discarded_region(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, WIN_SIZE, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	KUNIT_ASSERT_EQ(test, discard(f, BORDER, SZ_2M), 0);
	KUNIT_ASSERT_EQ(test, start(f, BORDER + SZ_64K, SZ_64K), 0);
	KUNIT_ASSERT_EQ(test, get(f), 0);
	KUNIT_EXPECT_TRUE(test, test_bit((BORDER - WIN) / SZ_4K, bits));
	KUNIT_EXPECT_TRUE(test, test_bit((BORDER + SZ_1M - WIN) / SZ_4K, bits));
	KUNIT_ASSERT_EQ(test, start(f, BORDER, SZ_2M), 0);
	expect_clean(f);
}

static struct bio_vec hold(struct space_fixture *f, u64 gpa)
{
	struct bio_vec bvec = {};

	KUNIT_ASSERT_EQ(f->test, axas_space_bvec(f->space, gpa_range(gpa, SZ_4K), TEST_RW, &bvec,
						 1), 1);
	return bvec;
}

/* Whoever holds a page for writing may write it without a fault. */
static void a_page_that_is_held_stays_written(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct bio_vec bvec;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, WIN_SIZE, TEST_RW), 0);
	bvec = hold(f, WIN + SZ_4K);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	expect_written(f, WIN + SZ_4K, SZ_4K);
	clear_got(f);
	expect_written(f, WIN + SZ_4K, SZ_4K);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	expect_written(f, WIN + SZ_4K, SZ_4K);
	axas_space_bvec_put(&bvec, 1);
	clear_got(f);
	expect_clean(f);
}

/* One page of 2 MiB that one leaf maps: the leaf can only say it of all of them. */
static void a_page_held_in_a_large_leaf(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct bio_vec bvec;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, WIN_SIZE, TEST_RW), 0);
	bvec = hold(f, BORDER + SZ_1M + SZ_4K);
	KUNIT_ASSERT_EQ(test, walk(f, BORDER).level, 1u);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	expect_written(f, BORDER, SZ_2M);
	clear_got(f);
	expect_written(f, BORDER, SZ_2M);
	axas_space_bvec_put(&bvec, 1);
	clear_got(f);
	expect_clean(f);
	KUNIT_EXPECT_EQ(test, walk(f, BORDER).level, 1u);
}

/* A large leaf of a held page is in the log, whatever the area permits now. */
static void protect_keeps_a_large_leaf_in_the_log(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct bio_vec bvec;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, WIN_SIZE, TEST_RW), 0);
	bvec = hold(f, BORDER + SZ_1M);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	KUNIT_ASSERT_EQ(test, space_protect(f, WIN, WIN_SIZE, TEST_R), 0);
	KUNIT_ASSERT_EQ(test, walk(f, BORDER).level, 1u);
	expect_written(f, BORDER, SZ_2M);
	/* Held, it stays: without a right to write, too. */
	clear_got(f);
	expect_written(f, BORDER, SZ_2M);
	/* In parts: each of them was written. */
	KUNIT_ASSERT_EQ(test, space_protect(f, BORDER, SZ_64K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, walk(f, BORDER).level, 0u);
	expect_written(f, BORDER, SZ_2M);
	axas_space_bvec_put(&bvec, 1);
	clear_got(f);
	expect_clean(f);
	KUNIT_EXPECT_EQ(test, space_fault(f, BORDER, TEST_W), AXAS_FAULT_FIXED);
	expect_written(f, BORDER, SZ_4K);
}

/**
 * struct beside - a log that is started beside somebody who takes a page
 * @f: the fixture
 * @locked: space->lock is held for reading, so no remover gets the bar
 * @begun: the log is about to be started
 */
struct beside {
	struct space_fixture *f;
	struct completion locked;
	struct completion begun;
};

static int start_beside(void *arg)
{
	struct beside *b = arg;
	u64 epoch;

	wait_for_completion(&b->locked);
	complete(&b->begun);
	return axas_space_start_log(b->f->space, gpa_range(WIN, WIN_SIZE), &epoch);
}

/* What axas_space_bvec() does, when the start waits for the bar. */
static int take_page(void *arg)
{
	struct beside *b = arg;
	struct axas_space *space = b->f->space;

	down_read(&space->lock);
	complete(&b->locked);
	wait_for_completion(&b->begun);
	schedule_timeout_uninterruptible(HZ / 10);
	get_page(space->npt.hal->frame_page(space->npt.hal, axas_hpa(space_hpa(b->f, WIN))));
	WRITE_ONCE(space->handed, true);
	up_read(&space->lock);
	return 0;
}

static void a_page_taken_beside_start_is_written(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct beside b = { .f = f };
	struct test_thread threads[] = { { start_beside, &b }, { take_page, &b } };

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, WIN_SIZE, TEST_RW), 0);
	/* Started again it changes no area, so it takes the bar once. */
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	KUNIT_ASSERT_EQ(test, space_fault(f, WIN, TEST_W), AXAS_FAULT_FIXED);
	init_completion(&b.locked);
	init_completion(&b.begun);
	KUNIT_ASSERT_EQ(test, test_run_threads(threads, ARRAY_SIZE(threads)), 0);
	KUNIT_EXPECT_EQ(test, threads[0].result, 0);
	monitor_expect_flushed(f->monitor);
	expect_written(f, WIN, SZ_4K);
	put_page(f->mock->hal.frame_page(&f->mock->hal, axas_hpa(space_hpa(f, WIN))));
	clear_got(f);
	expect_clean(f);
}

/*
 * Areas of terabytes that nobody touched, of which a page is held: start and clear pass over what
 * is empty by the entries of higher tables. Page by page they would take hours, with the bar.
 */
static void untouched_terabytes_are_no_work(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 size = axas_npt_last(&f->space->npt) + 1, epoch;
	struct bio_vec bvec;
	unsigned int i;

	/* The space may have 64 bits. */
	size = size ? size / 2 : BIT_ULL(63);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, 0, size, TEST_RW), 0);
	bvec = hold(f, WIN + SZ_4K);
	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_EQ(test, start(f, 0, size), 0);
		expect_written(f, WIN + SZ_4K, SZ_4K);
	}
	axas_space_bvec_put(&bvec, 1);
	KUNIT_ASSERT_EQ(test, start(f, 0, size), 0);
	expect_clean(f);
	KUNIT_EXPECT_EQ(test, axas_space_stop_log(f->space, gpa_range(0, size), &epoch), 0);
	monitor_expect_flushed(f->monitor);
}

/* Two regions, one with several leaves. */
static void touch_regions(struct space_fixture *f, u64 gpa)
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		KUNIT_EXPECT_LE(f->test, space_fault(f, gpa + i * SZ_8K, TEST_W),
				AXAS_FAULT_SPURIOUS);
	gpa += SZ_2M;
	KUNIT_EXPECT_EQ(f->test, axas_write_obj(f->space, axas_gpa(gpa), AXAS_WIDTH_64, gpa), 0);
}

static void expect_regions(struct space_fixture *f, u64 gpa)
{
	u64 val = 0;

	KUNIT_EXPECT_EQ(f->test, space_fault(f, gpa + 15 * SZ_8K, TEST_R), AXAS_FAULT_SPURIOUS);
	gpa += SZ_2M;
	KUNIT_EXPECT_EQ(f->test, axas_read_obj(f->space, axas_gpa(gpa), AXAS_WIDTH_64, &val), 0);
	KUNIT_EXPECT_EQ(f->test, val, gpa);
}

/* Each region is in one place, and an untouched one in none. */
static void expect_one_place(struct space_fixture *f)
{
	static const u64 regions[] = { WIN, BORDER, SZ_4G, SZ_4G + SZ_2M };
	struct axas_npt_pos pos, aside;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(regions); i++) {
		pos = walk(f, regions[i]);
		KUNIT_EXPECT_NE(f->test, axas_npt_kind(&f->space->npt, &pos) == AXAS_PT_EMPTY,
				axas_npt_look_aside(&f->space->npt, regions[i], &aside) ==
				AXAS_PT_EMPTY);
	}
	for (i = 1; i < ARRAY_SIZE(regions); i++)
		KUNIT_EXPECT_EQ(f->test, AXAS_PT_EMPTY,
				axas_npt_look_aside(&f->space->npt, regions[i] + WIN_SIZE,
						    &aside));
}

/* Move all of the table, a few entries at a time; faults between two pieces find all there is. */
static unsigned int move_in_pieces(struct space_fixture *f, struct axas_npt_move *move,
				   void (*piece)(struct axas_npt *npt, struct axas_npt_move *move))
{
	struct axas_npt *npt = &f->space->npt;
	unsigned int pieces = 0;
	u64 first;

	move->job.last = axas_npt_last(npt);
	for (; !move->job.done && pieces < 1000; pieces++) {
		first = move->job.first;
		/* As much as it takes to get to a region. */
		move->job.budget = npt->levels;
		mutex_lock(&f->space->changing);
		axas_bar_begin(f->space);
		piece(npt, move);
		axas_space_flush(f->space, 0, axas_npt_last(npt), true);
		axas_bar_end(f->space);
		mutex_unlock(&f->space->changing);
		monitor_expect_flushed(f->monitor);
		KUNIT_EXPECT_TRUE(f->test, move->job.done || move->job.first > first);
		expect_one_place(f);
		if (pieces % 3 == 1)
			expect_regions(f, pieces % 2 ? WIN : SZ_4G);
	}
	KUNIT_EXPECT_TRUE(f->test, move->job.done);
	return pieces;
}

/* Both roots have tables on the way: each piece goes on where the last one ended. */
static void moves_in_pieces(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_npt_spares spares = {};
	struct axas_npt_move put = { .spares = &spares }, end = { .spares = &spares };
	struct axas_hpa hpa;
	u64 epoch;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, WIN_SIZE, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, SZ_4G, WIN_SIZE, TEST_RW), 0);
	touch_regions(f, WIN);
	touch_regions(f, SZ_4G);
	KUNIT_ASSERT_EQ(test, start(f, WIN, SZ_4G), 0);
	expect_regions(f, WIN);
	expect_regions(f, SZ_4G);
	KUNIT_EXPECT_GT(test, move_in_pieces(f, &put, axas_npt_put_aside), 1u);
	expect_regions(f, WIN);
	expect_clean(f);
	touch_regions(f, WIN);
	hpa = f->space->npt.aside_hpa;
	KUNIT_EXPECT_GT(test, move_in_pieces(f, &end, axas_npt_end_aside), 1u);
	KUNIT_EXPECT_NULL(test, f->space->npt.aside);
	axas_npt_put_spares(&f->space->npt, &spares);
	axas_npt_free_root(&f->space->npt, hpa);
	expect_regions(f, WIN);
	expect_regions(f, SZ_4G);
	KUNIT_EXPECT_EQ(test, axas_space_stop_log(f->space, gpa_range(WIN, WIN_SIZE), &epoch), 0);
	monitor_expect_flushed(f->monitor);
	axas_space_clear(f->space);
	space_expect_empty(f);
}

/* Regions that were taken back, more than one piece may visit. */
#define MANY	4200u

static void starting_again_is_done_in_pieces(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 size = MANY * (u64)SZ_2M, i, epoch;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, size, TEST_RW), 0);
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_EQ(test, space_fault(f, WIN + i * SZ_2M, TEST_R), AXAS_FAULT_FIXED);
	space_attach(f);
	KUNIT_ASSERT_EQ(test, start(f, WIN, size), 0);
	/* By a few entries, of 1 GiB each: once for the areas, once for the leaves. */
	KUNIT_EXPECT_LE(test, f->flushes, 2u);
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_EQ(test, space_fault(f, WIN + i * SZ_2M, TEST_W), AXAS_FAULT_FIXED);
	space_attach(f);
	KUNIT_ASSERT_EQ(test, start(f, WIN, size), 0);
	KUNIT_EXPECT_GE(test, f->flushes, 2u);
	expect_clean(f);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_W), AXAS_FAULT_FIXED);
	expect_written(f, WIN, SZ_4K);
	KUNIT_EXPECT_EQ(test, axas_space_stop_log(f->space, gpa_range(WIN, size), &epoch), 0);
	monitor_expect_flushed(f->monitor);
	KUNIT_EXPECT_NULL(test, f->space->npt.aside);
	space_expect_balanced(f);
}

/* A page that the host has mapped has a reference, too: it is not held for writing. */
static void a_clean_page_that_is_mapped_stays_clean(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	const struct axas_hal *hal = f->space->npt.hal;
	u64 epoch = 0;
	struct page *page;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, WIN_SIZE, TEST_RW), 0);
	axas_space_share_pages(f->space);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	page = hal->frame_page(hal, axas_hpa(space_hpa(f, WIN + SZ_4K)));
	get_page(page);
	KUNIT_EXPECT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	expect_clean(f);
	bitmap_fill(bits, WIN_SIZE / SZ_4K);
	KUNIT_EXPECT_EQ(test, axas_space_clear_log(f->space, gpa_range(WIN, WIN_SIZE), bits,
						   &epoch), 0);
	expect_clean(f);
	put_page(page);
}

static struct kunit_case aside_cases[] = {
	KUNIT_CASE_PARAM(a_walk_that_is_too_old_is_repeated, space_gen_params),
	KUNIT_CASE_PARAM(other_regions_stay_aside, space_gen_params),
	KUNIT_CASE_PARAM(a_discarded_region_is_put_aside, space_gen_params),
	KUNIT_CASE_PARAM(a_part_of_a_discarded_region, space_gen_params),
	KUNIT_CASE_PARAM(a_page_that_is_held_stays_written, space_gen_params),
	KUNIT_CASE_PARAM(a_page_held_in_a_large_leaf, space_gen_params),
	KUNIT_CASE_PARAM(a_clean_page_that_is_mapped_stays_clean, space_gen_params),
	KUNIT_CASE_PARAM(protect_keeps_a_large_leaf_in_the_log, space_gen_params),
	KUNIT_CASE_PARAM(a_page_taken_beside_start_is_written, space_gen_params),
	KUNIT_CASE_PARAM(untouched_terabytes_are_no_work, space_gen_params),
	KUNIT_CASE_PARAM(moves_in_pieces, space_gen_params),
	KUNIT_CASE(starting_again_is_done_in_pieces),
	{}
};

struct kunit_suite axas_space_aside_suite = {
	.name = "axas_space_aside",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = aside_cases,
};
