// SPDX-License-Identifier: GPL-2.0-only
/*
 * Discard (axas_space_discard.c): frames go, areas stay, the next touch finds zeroes; parts of
 * leaves, vectors of ranges, and what happens beside it. BORROWED leaves are left out: nothing
 * makes one yet.
 */
#include <linux/bvec.h>
#include <linux/sched/signal.h>

#include "space_fixture.h"

/* An aligned 2 MiB of the window. */
#define BLOCK		BORDER

/* More ranges than one piece does; those of a block. */
#define MANY		300u
#define FILL		256u

static int discard(struct space_fixture *f, const struct axas_gpa_range *ranges, unsigned int n,
		   u64 *done)
{
	int err = axas_space_discard(f->space, ranges, n, done);

	monitor_expect_flushed(f->monitor);
	return err;
}

/* Discard one range, which succeeds. */
static void discard_one(struct space_fixture *f, u64 gpa, u64 size)
{
	struct axas_gpa_range range = gpa_range(gpa, size);
	u64 done = 1;

	KUNIT_EXPECT_EQ(f->test, discard(f, &range, 1, &done), 0);
	KUNIT_EXPECT_EQ(f->test, done, size);
}

/* A byte other than 0 for each page. */
static u8 mark_of(u64 gpa)
{
	return 1 + (gpa >> 12) % 251;
}

static void mark_pages(struct space_fixture *f, u64 gpa, u64 size)
{
	u64 at;

	for (at = gpa; at - gpa < size; at += SZ_4K)
		memset(space_mem(f, at), mark_of(at), SZ_4K);
}

static void expect_marks(struct space_fixture *f, u64 gpa, u64 size)
{
	u64 at;
	u8 *mem;

	for (at = gpa; at - gpa < size; at += SZ_4K) {
		mem = space_mem(f, at);
		if (!mem || memchr_inv(mem, mark_of(at), SZ_4K))
			KUNIT_FAIL(f->test, "the page at 0x%llx lost its content", at);
	}
}

/* Pages that are discarded are not mapped; touching one gives it zeroes. */
static void expect_discarded(struct space_fixture *f, u64 gpa, u64 size)
{
	u64 at;

	space_expect_nothing(f, gpa, size);
	for (at = gpa; at - gpa < size; at += SZ_4K) {
		KUNIT_EXPECT_EQ(f->test, space_fault(f, at, TEST_R), AXAS_FAULT_FIXED);
		KUNIT_EXPECT_PTR_EQ(f->test, memchr_inv(space_mem(f, at), 0, SZ_4K), NULL);
	}
}

static void expect_leaves(struct space_fixture *f, u64 small, u64 large)
{
	struct axas_info info;

	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(f->test, info.leaves[0], small);
	KUNIT_EXPECT_EQ(f->test, info.leaves[1], large);
	KUNIT_EXPECT_EQ(f->test, info.frames, small + 512 * large);
	space_expect_balanced(f);
}

static void discarded_pages_are_zero_and_their_frames_free(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	f->mock->reuse = true;
	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_64K, TEST_RW), 0);
	mark_pages(f, WIN, SZ_64K);
	discard_one(f, WIN + SZ_8K, SZ_16K);
	expect_leaves(f, 12, 0);
	space_expect_areas(f, 1);
	space_expect_area(f, 0, WIN, SZ_64K, TEST_RW);
	expect_marks(f, WIN, SZ_8K);
	expect_discarded(f, WIN + SZ_8K, SZ_16K);
	expect_marks(f, WIN + SZ_8K + SZ_16K, SZ_64K - SZ_8K - SZ_16K);
	discard_one(f, WIN, SZ_64K);
	discard_one(f, WIN, SZ_64K);
	expect_leaves(f, 0, 0);
	expect_discarded(f, WIN, SZ_64K);
}

static void discard_inside_2m_frees_just_that(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, BLOCK, SZ_2M, TEST_RW), 0);
	mark_pages(f, BLOCK, SZ_2M);
	discard_one(f, BLOCK + 100 * SZ_4K, SZ_8K);
	expect_leaves(f, 510, 0);
	expect_marks(f, BLOCK, 100 * SZ_4K);
	expect_marks(f, BLOCK + 102 * SZ_4K, 410 * SZ_4K);
	expect_discarded(f, BLOCK + 100 * SZ_4K, SZ_8K);
	discard_one(f, BLOCK, SZ_1M);
	discard_one(f, BLOCK + SZ_1M, SZ_1M);
	expect_leaves(f, 0, 0);
}

/* No table is needed for leaves and tables that go as a whole, and 2 MiB can be had again. */
static void whole_blocks_go_without_a_split(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	long tables = f->mock->tables;
	u64 attempts, done;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, BLOCK, SZ_4M, TEST_RW), 0);
	expect_leaves(f, 0, 2);
	attempts = f->mock->attempts;
	discard_one(f, BLOCK, SZ_2M);
	KUNIT_EXPECT_EQ(test, f->mock->attempts, attempts);
	expect_leaves(f, 0, 1);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(BLOCK, SZ_2M), &done), 0);
	expect_leaves(f, 0, 2);
	axas_space_clear(f->space);
	KUNIT_ASSERT_EQ(test, space_map_small(f, BLOCK, SZ_2M, TEST_RW), 0);
	discard_one(f, BLOCK, SZ_2M);
	KUNIT_EXPECT_EQ(test, f->mock->tables, tables);
	expect_discarded(f, BLOCK, SZ_2M);
}

/* Ranges within one leaf need one table together. */
static void a_leaf_is_split_once_for_many_ranges(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_gpa_range ranges[32];
	u64 attempts, done;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, BLOCK, SZ_2M, TEST_RW), 0);
	mark_pages(f, BLOCK, SZ_2M);
	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		ranges[i] = gpa_range(BLOCK + (2 * i + 1) * (u64)SZ_4K, SZ_4K);
	attempts = f->mock->attempts;
	KUNIT_EXPECT_EQ(test, discard(f, ranges, ARRAY_SIZE(ranges), &done), 0);
	KUNIT_EXPECT_EQ(test, f->mock->attempts, attempts + 1);
	expect_leaves(f, 512 - ARRAY_SIZE(ranges), 0);
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		expect_marks(f, ranges[i].start.val - SZ_4K, SZ_4K);
		expect_discarded(f, ranges[i].start.val, SZ_4K);
	}
}

static void areas_and_holes_are_passed_over(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	/* Two pages of each; a hole after each area. */
	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_8K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN + SZ_16K, SZ_8K, TEST_R), 0);
	KUNIT_ASSERT_EQ(test, space_map_small(f, BORDER - SZ_8K, SZ_16K, TEST_RX), 0);
	discard_one(f, WIN + SZ_4K, BORDER - WIN);
	expect_leaves(f, 2, 0);
	space_expect_areas(f, 3);
	expect_discarded(f, WIN + SZ_4K, SZ_4K);
	expect_discarded(f, WIN + SZ_16K, SZ_8K);
	expect_discarded(f, BORDER - SZ_8K, SZ_8K + SZ_4K);
}

/* Neither holes nor untouched memory keep anyone out, or cost a flush. */
static void nothing_to_discard_takes_no_bar(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	unsigned long generation;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BORDER, SZ_1G, TEST_RW), 0);
	generation = f->space->generation;
	space_attach(f);
	discard_one(f, WIN, WIN_SIZE);
	discard_one(f, WIN, SZ_4K);
	discard_one(f, BORDER, SZ_1G);
	KUNIT_EXPECT_EQ(test, f->space->generation, generation);
	KUNIT_EXPECT_EQ(test, f->flushes, 0u);
}

static void linear_memory_cannot_be_discarded(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_gpa_range ranges[] = {
		gpa_range(WIN, SZ_8K), gpa_range(BORDER - SZ_4K, SZ_8K),
	};
	struct space_snapshot before;
	u64 done = 1;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_16K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER, SZ_4K, LINEAR, TEST_RW), 0);
	mark_pages(f, WIN, SZ_16K);
	space_take(f, &before);
	KUNIT_EXPECT_EQ(test, discard(f, ranges, 2, &done), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, done, 0ull);
	space_expect_same(f, &before, "discard of linear memory");
}

static void one_wrong_range_refuses_all(struct kunit *test)
{
	static const struct axas_gpa_range wrong[] = {
		{ { WIN }, 0 }, { { WIN + 1 }, SZ_4K }, { { WIN }, SZ_4K - 1 },
		{ { WIN }, -(u64)SZ_4K }, { { -(u64)SZ_4K }, SZ_8K },
	};
	struct space_fixture *f = test->priv;
	struct axas_gpa_range ranges[2], *many;
	struct space_snapshot before;
	unsigned int i;
	u64 done;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_16K, TEST_RW), 0);
	mark_pages(f, WIN, SZ_16K);
	space_take(f, &before);
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		ranges[0] = gpa_range(WIN, SZ_8K);
		ranges[1] = wrong[i];
		done = 1;
		KUNIT_EXPECT_EQ_MSG(test, discard(f, ranges, 2, &done), -EINVAL, "range %u", i);
		KUNIT_EXPECT_EQ(test, done, 0ull);
	}
	many = kunit_kcalloc(test, AXAS_DISCARD_MAX + 1, sizeof(*many), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, many);
	for (i = 0; i <= AXAS_DISCARD_MAX; i++)
		many[i] = gpa_range(BORDER, SZ_4K);
	KUNIT_EXPECT_EQ(test, discard(f, many, AXAS_DISCARD_MAX + 1, &done), -EINVAL);
	space_expect_same(f, &before, "discard with a wrong range");
	KUNIT_EXPECT_EQ(test, discard(f, many, AXAS_DISCARD_MAX, &done), 0);
	KUNIT_EXPECT_EQ(test, done, AXAS_DISCARD_MAX * (u64)SZ_4K);
	KUNIT_EXPECT_EQ(test, discard(f, NULL, 0, &done), 0);
	KUNIT_EXPECT_EQ(test, done, 0ull);
	space_expect_same(f, &before, "discard of a hole");
}

/* In any order, overlapping, and all with one flush, before anything is freed. */
static void ranges_share_a_flush(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_gpa_range ranges[] = {
		gpa_range(BORDER + SZ_8K, SZ_8K), gpa_range(WIN + SZ_4K, SZ_8K),
		gpa_range(BORDER + SZ_8K, SZ_8K), gpa_range(WIN, SZ_8K),
		gpa_range(BORDER, SZ_4K),
	};
	u64 done;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_16K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_small(f, BORDER, SZ_16K, TEST_RW), 0);
	mark_pages(f, WIN, SZ_16K);
	mark_pages(f, BORDER, SZ_16K);
	space_attach(f);
	KUNIT_EXPECT_EQ(test, discard(f, ranges, ARRAY_SIZE(ranges), &done), 0);
	KUNIT_EXPECT_EQ(test, done, 9ull * SZ_4K);
	space_expect_one_flush(f, WIN, BORDER + SZ_16K - WIN);
	expect_marks(f, WIN + SZ_8K + SZ_4K, SZ_4K);
	expect_marks(f, BORDER + SZ_4K, SZ_4K);
	expect_discarded(f, WIN, SZ_8K + SZ_4K);
	expect_discarded(f, BORDER, SZ_4K);
	expect_discarded(f, BORDER + SZ_8K, SZ_8K);
}

/* Every second page of a window of 4 KiB leaves. */
static struct axas_gpa_range *every_second_page(struct space_fixture *f, u64 gpa, unsigned int n)
{
	struct axas_gpa_range *ranges;
	unsigned int i;

	ranges = kunit_kcalloc(f->test, n, sizeof(*ranges), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(f->test, ranges);
	for (i = 0; i < n; i++)
		ranges[i] = gpa_range(gpa + i * (u64)SZ_8K, SZ_4K);
	return ranges;
}

/* A piece does hundreds of ranges, and its work is bounded. */
static void many_ranges_take_a_few_pieces(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_gpa_range *ranges = every_second_page(f, WIN, 512);
	unsigned int i;
	u64 done;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_4M, TEST_RW), 0);
	mark_pages(f, WIN, SZ_4M);
	space_attach(f);
	KUNIT_EXPECT_EQ(test, discard(f, ranges, 512, &done), 0);
	KUNIT_EXPECT_EQ(test, done, 512ull * SZ_4K);
	KUNIT_EXPECT_GE(test, f->flushes, 2u);
	KUNIT_EXPECT_LE(test, f->flushes, 6u);
	expect_leaves(f, 512, 0);
	for (i = 0; i < 512; i++)
		expect_marks(f, ranges[i].start.val + SZ_4K, SZ_4K);
}

/* Pages that somebody holds keep their content for him, and for nobody else. */
static void held_pages_survive_a_discard(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct bio_vec bvec;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_16K, TEST_RW), 0);
	mark_pages(f, WIN, SZ_16K);
	KUNIT_ASSERT_EQ(test, axas_space_bvec(f->space, gpa_range(WIN, SZ_4K), TEST_RW, &bvec, 1),
			1);
	discard_one(f, WIN, SZ_16K);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(bvec_virt(&bvec), mark_of(WIN), SZ_4K), NULL);
	memset(bvec_virt(&bvec), 0x77, SZ_4K);
	expect_discarded(f, WIN, SZ_16K);
	axas_space_bvec_put(&bvec, 1);
}

static void discarded_frames_are_no_longer_counted(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	unsigned int i;

	space_limit_frames(f, 8);
	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_32K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BORDER, SZ_64K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, BORDER, TEST_W), AXAS_FAULT_NOMEM);
	discard_one(f, WIN + SZ_8K, SZ_16K);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, space_fault(f, BORDER + i * SZ_4K, TEST_W), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, space_fault(f, BORDER + SZ_16K, TEST_W), AXAS_FAULT_NOMEM);
}

/**
 * struct dying - a discard by a task with a fatal signal
 * @f: the fixture of the space
 * @ranges: the ranges
 * @n: their number
 * @before: the signal comes before the call, else at its first flush
 * @done: the bytes that the call reported
 */
struct dying {
	struct space_fixture *f;
	const struct axas_gpa_range *ranges;
	unsigned int n;
	bool before;
	u64 done;
};

static int discard_and_die(void *arg)
{
	struct dying *dying = arg;
	int err;

	allow_signal(SIGKILL);
	if (dying->before)
		send_sig(SIGKILL, current, 1);
	err = axas_space_discard(dying->f->space, dying->ranges, dying->n, &dying->done);
	flush_signals(current);
	disallow_signal(SIGKILL);
	return err;
}

static void kill_at_flush(struct axas_consumer *consumer, const struct axas_flush *flush,
			  struct cpumask *cpus)
{
	send_sig(SIGKILL, current, 1);
}

static void dying_task_discards_nothing(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_gpa_range range = gpa_range(WIN + SZ_4K, SZ_2M);
	struct dying dying = { f, &range, 1, true, .done = 1 };
	struct test_thread thread = { discard_and_die, &dying };
	struct space_snapshot before;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_4M, TEST_RW), 0);
	space_take(f, &before);
	KUNIT_ASSERT_EQ(test, test_run_threads(&thread, 1), 0);
	KUNIT_EXPECT_EQ(test, thread.result, -EINTR);
	KUNIT_EXPECT_EQ(test, dying.done, 0ull);
	space_expect_same(f, &before, "discard by a dying task");
}

/* Kill a discard at its first flush. Return the pages that it reports. */
static u64 kill_discard(struct dying *dying)
{
	static const struct axas_consumer_ops ops = { .request = kill_at_flush };
	struct test_thread thread = { discard_and_die, dying };
	struct axas_consumer consumer = { .ops = &ops };
	struct space_fixture *f = dying->f;

	KUNIT_ASSERT_EQ(f->test, axas_space_attach(f->space, &consumer), 0);
	KUNIT_EXPECT_EQ(f->test, test_run_threads(&thread, 1), 0);
	axas_space_detach(f->space, &consumer);
	KUNIT_EXPECT_EQ(f->test, thread.result, -EINTR);
	KUNIT_EXPECT_GT(f->test, dying->done, 0ull);
	return dying->done / SZ_4K;
}

/* What is reported as discarded is, and nothing else: some of the ranges, */
static void killed_task_tells_how_far_it_got(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct dying dying = { f, every_second_page(f, WIN, MANY), MANY };
	u64 n;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_4M, TEST_RW), 0);
	mark_pages(f, WIN, SZ_4M);
	n = kill_discard(&dying);
	KUNIT_ASSERT_LT(test, n, (u64)MANY);
	expect_leaves(f, 1024 - n, 0);
	space_expect_nothing(f, dying.ranges[n - 1].start.val, SZ_4K);
	expect_marks(f, dying.ranges[n].start.val, SZ_4K);
	KUNIT_EXPECT_EQ(test, discard(f, dying.ranges + n, MANY - n, &n), 0);
	expect_leaves(f, 1024 - MANY, 0);
}

/* or some of the areas of one range. */
static void killed_task_tells_how_much_of_a_range_is_done(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_gpa_range range = gpa_range(WIN, SZ_4M);
	struct dying dying = { f, &range, 1 };
	unsigned int i;
	u64 n;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_4M, TEST_RW), 0);
	mark_pages(f, WIN, SZ_4M);
	for (i = 0; i < 1024; i += 2)
		KUNIT_ASSERT_EQ(test, space_protect(f, WIN + i * SZ_4K, SZ_4K, TEST_R), 0);
	n = kill_discard(&dying);
	KUNIT_ASSERT_LT(test, n, 1024ull);
	expect_leaves(f, 1024 - n, 0);
	space_expect_nothing(f, WIN, n * SZ_4K);
	expect_marks(f, WIN + n * SZ_4K, (1024 - n) * SZ_4K);
}

/**
 * struct toucher - a fault between two pieces of a discard
 * @f: the fixture of the space; its HAL calls touch_at_free()
 * @free_frame: the HAL's own free_frame()
 * @at: populate 2 MiB here, and mark them
 * @touched: done
 *
 * Frames are freed between two pieces.
 */
static struct toucher {
	struct space_fixture *f;
	void (*free_frame)(const struct axas_hal *hal, struct axas_hpa hpa, unsigned int order,
			   u32 flags);
	u64 at;
	bool touched;
} toucher;

static void touch_at_free(const struct axas_hal *hal, struct axas_hpa hpa, unsigned int order,
			  u32 flags)
{
	struct axas_leaf leaf = {};
	u64 done;

	toucher.free_frame(hal, hpa, order, flags);
	if (toucher.touched)
		return;
	toucher.touched = true;
	KUNIT_EXPECT_EQ(toucher.f->test,
			axas_space_populate(toucher.f->space, gpa_range(toucher.at, SZ_2M), &done),
			0);
	KUNIT_EXPECT_TRUE(toucher.f->test,
			  axas_npt_lookup(&toucher.f->space->npt, toucher.at, &leaf));
	KUNIT_EXPECT_EQ(toucher.f->test, leaf.level, 1u);
	mark_pages(toucher.f, toucher.at, SZ_2M);
}

/*
 * Between two pieces a fault installs a leaf across the end of a range whose table the first
 * piece has emptied. It is new, so nothing of it may go, and no table is there to split it.
 */
static void expect_new_leaf_stays(struct space_fixture *f, u64 first, u64 size)
{
	struct axas_gpa_range *ranges = every_second_page(f, WIN, FILL);
	u64 done;

	KUNIT_ASSERT_EQ(f->test, space_map_small(f, WIN, SZ_2M, TEST_RW), 0);
	KUNIT_ASSERT_EQ(f->test, space_map_alloc(f, BLOCK, SZ_2M, TEST_RW), 0);
	KUNIT_ASSERT_EQ(f->test, space_fault(f, BLOCK, TEST_W), AXAS_FAULT_FIXED);
	ranges[0] = gpa_range(BLOCK, SZ_4K);
	ranges[FILL - 1] = gpa_range(first, size);
	toucher = (struct toucher){ f, f->mock->hal.free_frame, BLOCK };
	f->mock->hal.free_frame = touch_at_free;
	KUNIT_EXPECT_EQ(f->test, discard(f, ranges, FILL, &done), 0);
	f->mock->hal.free_frame = toucher.free_frame;
	KUNIT_EXPECT_TRUE(f->test, toucher.touched);
	expect_marks(f, BLOCK, SZ_2M);
	space_expect_balanced(f);
	axas_space_clear(f->space);
}

static void leaves_that_come_meanwhile_stay(struct kunit *test)
{
	expect_new_leaf_stays(test->priv, BLOCK, SZ_8K);
	expect_new_leaf_stays(test->priv, BLOCK + SZ_4K, SZ_8K);
	expect_new_leaf_stays(test->priv, BLOCK + SZ_1M, SZ_1M);
	expect_new_leaf_stays(test->priv, BLOCK + SZ_1M, SZ_2M);
	expect_new_leaf_stays(test->priv, BLOCK - SZ_4K, SZ_8K);
}

#define ROUNDS	2000

static u64 stamp(u64 gpa)
{
	return gpa * 0x9e3779b97f4a7c15ull | 1;
}

static int touch_on(void *arg)
{
	struct space_fixture *f = arg;
	u64 gpa, val;
	int i, err;

	for (i = 0; i < ROUNDS; i++) {
		gpa = WIN + i * 37 % 1024 * SZ_4K;
		err = i % 3 ? axas_write_obj(f->space, axas_gpa(gpa), AXAS_WIDTH_64, stamp(gpa)) :
			      axas_read_obj(f->space, axas_gpa(gpa), AXAS_WIDTH_64, &val);
		if (err)
			return err;
		if (!(i % 3) && val && val != stamp(gpa))
			return -EUCLEAN;
		cond_resched();
	}
	return 0;
}

static int discard_on(void *arg)
{
	struct space_fixture *f = arg;
	struct axas_gpa_range ranges[3];
	u64 done;
	int i, err;

	for (i = 0; i < ROUNDS / 8; i++) {
		ranges[0] = gpa_range(WIN + i * 7 % 900 * SZ_4K, SZ_4K * (1 + i % 64));
		ranges[1] = gpa_range(WIN + SZ_2M - i % 512 * SZ_4K, SZ_2M);
		ranges[2] = gpa_range(WIN + i * 5 % 1024 * SZ_4K, SZ_4K);
		err = axas_space_discard(f->space, ranges, 3, &done);
		if (err)
			return err;
		if (done != ranges[0].size + ranges[1].size + SZ_4K)
			return -ERANGE;
		cond_resched();
	}
	return 0;
}

static int change_on(void *arg)
{
	struct space_fixture *f = arg;
	u64 done;
	int i, err = 0;

	for (i = 0; i < ROUNDS / 8 && !err; i++) {
		struct axas_gpa_range range = gpa_range(WIN + i * 11 % 900 * SZ_4K, SZ_256K);

		err = i % 4 ? axas_space_populate(f->space, range, &done) :
			      axas_space_protect(f->space, range, i % 8 ? TEST_RWX : TEST_RW);
		cond_resched();
	}
	return err;
}

static void guests_beside_a_discard_see_zeroes_or_their_own(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct test_thread threads[] = {
		{ touch_on, f }, { touch_on, f }, { discard_on, f }, { change_on, f },
	};
	unsigned int i;

	f->mock->reuse = true;
	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(f->space, gpa_range(WIN, WIN_SIZE), TEST_RW,
						   AXAS_TYPE_NORMAL, AXAS_MAP_HUGE_ALWAYS), 0);
	KUNIT_ASSERT_EQ(test, test_run_threads(threads, ARRAY_SIZE(threads)), 0);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		KUNIT_EXPECT_EQ_MSG(test, threads[i].result, 0, "thread %u", i);
	monitor_expect_flushed(f->monitor);
	space_expect_balanced(f);
	discard_one(f, WIN, WIN_SIZE);
	expect_leaves(f, 0, 0);
}

static struct kunit_case discard_cases[] = {
	KUNIT_CASE_PARAM(discarded_pages_are_zero_and_their_frames_free, space_gen_params),
	KUNIT_CASE_PARAM(discard_inside_2m_frees_just_that, space_gen_params),
	KUNIT_CASE_PARAM(whole_blocks_go_without_a_split, space_gen_params),
	KUNIT_CASE_PARAM(a_leaf_is_split_once_for_many_ranges, space_gen_params),
	KUNIT_CASE_PARAM(areas_and_holes_are_passed_over, space_gen_params),
	KUNIT_CASE_PARAM(nothing_to_discard_takes_no_bar, space_gen_params),
	KUNIT_CASE_PARAM(linear_memory_cannot_be_discarded, space_gen_params),
	KUNIT_CASE_PARAM(one_wrong_range_refuses_all, space_gen_params),
	KUNIT_CASE_PARAM(ranges_share_a_flush, space_gen_params),
	KUNIT_CASE_PARAM(many_ranges_take_a_few_pieces, space_gen_params),
	KUNIT_CASE_PARAM(held_pages_survive_a_discard, space_gen_params),
	KUNIT_CASE_PARAM(discarded_frames_are_no_longer_counted, space_gen_params),
	KUNIT_CASE_PARAM(dying_task_discards_nothing, space_gen_params),
	KUNIT_CASE_PARAM(killed_task_tells_how_far_it_got, space_gen_params),
	KUNIT_CASE_PARAM(killed_task_tells_how_much_of_a_range_is_done, space_gen_params),
	KUNIT_CASE_PARAM(leaves_that_come_meanwhile_stay, space_gen_params),
	KUNIT_CASE_PARAM(guests_beside_a_discard_see_zeroes_or_their_own, space_gen_params),
	{}
};

struct kunit_suite axas_space_discard_suite = {
	.name = "axas_space_discard",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = discard_cases,
};
