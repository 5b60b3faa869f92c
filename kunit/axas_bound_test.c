// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bounds on the cost of calls: the work of a lookup, the tables of a space with a limit of
 * frames, and the time until a task with a fatal signal returns.
 */
#include <linux/err.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <axas/image.h>

#include "npt_fixture.h"
#include "space_fixture.h"

static u64 limit(struct space_fixture *f, u64 gpa)
{
	struct axas_translation to;
	u64 bytes = 0;

	KUNIT_EXPECT_EQ(f->test, axas_space_translate_and_get_limit(f->space, axas_gpa(gpa), &to,
								    &bytes), 0);
	return bytes;
}

/* H8: with 4 KiB leaves, and called again from the end of the last answer. */
static void limit_is_bounded_work(struct kunit *test)
{
	u64 most = AXAS_LIMIT_LEAVES * (u64)SZ_4K, size = most + SZ_64K;
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER, size, LINEAR + SZ_4K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, limit(f, BORDER), most);
	KUNIT_EXPECT_EQ(test, limit(f, BORDER + 5), most - 5);
	KUNIT_EXPECT_EQ(test, limit(f, BORDER + SZ_64K - SZ_4K), most);
	KUNIT_EXPECT_EQ(test, limit(f, BORDER + SZ_64K + SZ_4K), most - SZ_4K);
	KUNIT_EXPECT_EQ(test, limit(f, BORDER + most), (u64)SZ_64K);
}

/* H8: a line of the dump covers a bounded number of leaves, however long the run is. */
static void runs_are_bounded_work(struct kunit *test)
{
	u64 most = AXAS_NPT_RUN_LEAVES * (u64)SZ_4K, size = most + SZ_64K;
	struct space_fixture *f = test->priv;
	struct axas_npt_run run;

	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER, size, LINEAR + SZ_4K, TEST_RW), 0);
	KUNIT_ASSERT_TRUE(test, axas_npt_next_run(&f->space->npt, 0, false, &run));
	KUNIT_EXPECT_EQ(test, run.first, BORDER);
	KUNIT_EXPECT_EQ(test, run.last, BORDER + most - 1);
	KUNIT_ASSERT_TRUE(test, axas_npt_next_run(&f->space->npt, run.last + 1, false, &run));
	KUNIT_EXPECT_EQ(test, run.first, BORDER + most);
	KUNIT_EXPECT_EQ(test, run.last, BORDER + size - 1);
	KUNIT_EXPECT_FALSE(test, axas_npt_next_run(&f->space->npt, run.last + 1, false, &run));
}

/* H11: touch many places beyond the limit. Faults that get no frame leave no tables. */
static void limit_of_frames_bounds_the_tables(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_info info;
	unsigned int i;
	u64 done;

	space_limit_frames(f, 3);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, 0, SZ_1G * 64ull, TEST_RW), 0);
	for (i = 0; i < 1024; i++) {
		u64 gpa = i * (u64)SZ_64M;

		KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(gpa, SZ_4K), &done),
				i < 3 ? 0 : -ENOMEM);
		if (i < 3)
			continue;
		KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(gpa, SZ_2M), &done),
				-ENOMEM);
		KUNIT_EXPECT_EQ(test, space_fault(f, gpa + SZ_32M, TEST_R), AXAS_FAULT_NOMEM);
	}
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.frames, 3ull);
	KUNIT_EXPECT_LE(test, info.tables, info.root_tables + 3ull * (info.levels - 1));
}

/* The same with leaves that fill whole tables. */
static void limit_of_frames_fills_tables(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_info info;
	u64 done;

	space_limit_frames(f, 1024);
	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(f->space, gpa_range(0, SZ_1G), TEST_RW,
						   AXAS_TYPE_NORMAL, AXAS_MAP_HUGE_NEVER), 0);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(0, SZ_1G), &done), -ENOMEM);
	KUNIT_EXPECT_EQ(test, done, (u64)SZ_4M);
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.frames, 1024ull);
	KUNIT_EXPECT_EQ(test, info.tables, info.root_tables + info.levels - 2 + 2);
}

/**
 * struct dying - an operation by a task with a fatal signal
 * @f: the fixture of the space
 * @act: the operation
 * @later: the signal comes during @act, else before it
 * @image: for a reset
 * @err: the error that @act returned
 * @bytes: the bytes or leaves that @act reported
 */
struct dying {
	struct space_fixture *f;
	int (*act)(struct dying *dying);
	bool later;
	struct axas_image *image;
	int err;
	u64 bytes;
};

static int die(void *arg)
{
	struct dying *dying = arg;
	int result = 0;

	allow_signal(SIGKILL);
	if (!dying->later)
		send_sig(SIGKILL, current, 1);
	if (fatal_signal_pending(current) == dying->later)
		return -ENXIO;
	dying->err = dying->act(dying);
	if (!fatal_signal_pending(current))
		result = -ENODATA;
	flush_signals(current);
	disallow_signal(SIGKILL);
	return result;
}

static void run_dying(struct dying *dying)
{
	struct test_thread thread = { die, dying };

	KUNIT_ASSERT_EQ(dying->f->test, test_run_threads(&thread, 1), 0);
	KUNIT_ASSERT_EQ(dying->f->test, thread.result, 0);
}

static int protect_exec(struct dying *dying)
{
	return axas_space_protect(dying->f->space, gpa_range(0, SZ_1G * 4ull), TEST_RX);
}

static int collapse_all(struct dying *dying)
{
	return axas_space_collapse(dying->f->space, gpa_range(0, SZ_1G * 4ull), &dying->bytes);
}

static int unmap_middle(struct dying *dying)
{
	return axas_space_unmap(dying->f->space, gpa_range(BORDER + SZ_4K, SZ_4K));
}

static int get_limit(struct dying *dying)
{
	struct axas_translation to;

	return axas_space_translate_and_get_limit(dying->f->space, axas_gpa(BORDER), &to,
						  &dying->bytes);
}

/* With executable leaves of 4 KiB only, protect must split before it changes any leaf. */
static void make_erratum_space(struct space_fixture *f)
{
	struct axas_npt_caps caps = npt_full_caps(f->kind->fmt);
	struct axas_space_params params = {
		.hal = &f->mock->hal, .ia_bits = f->kind->fmt->usual_ia_bits,
	};

	caps.flags |= AXAS_CAP_EXEC_4K;
	KUNIT_ASSERT_EQ(f->test, space_adopt(f, axas_space_create_fmt(&params, f->kind->fmt,
								      &caps)), 0);
}

/* W9, as the tests below. */
static void dying_task_does_not_split_for_protect(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct dying dying = { f, protect_exec };
	struct space_snapshot before;
	u64 attempts;

	make_erratum_space(f);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, 0, SZ_1G, LINEAR, TEST_RW), 0);
	space_take(f, &before);
	attempts = f->mock->attempts;
	run_dying(&dying);
	KUNIT_EXPECT_EQ(test, dying.err, -EINTR);
	/* None of the 513 tables was allocated. */
	KUNIT_EXPECT_EQ(test, f->mock->attempts, attempts);
	space_expect_same(f, &before, "protect by a dying task");
}

/* The signal comes when some of the 513 tables are allocated. */
static void killed_task_gives_its_tables_back(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct dying dying = { f, protect_exec, .later = true };
	struct space_snapshot before;

	make_erratum_space(f);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, 0, SZ_1G, LINEAR, TEST_RW), 0);
	space_take(f, &before);
	f->mock->kill_at = f->mock->attempts + 5;
	run_dying(&dying);
	KUNIT_EXPECT_EQ(test, dying.err, -EINTR);
	KUNIT_EXPECT_EQ(test, f->mock->attempts, f->mock->kill_at);
	space_expect_same(f, &before, "protect by a killed task");
}

static void kill_at_flush(struct axas_consumer *consumer, const struct axas_flush *flush,
			  struct cpumask *cpus)
{
	send_sig(SIGKILL, current, 1);
}

/* With break-before-make, each table is flushed by itself. */
static void killed_task_stops_collapsing(struct kunit *test)
{
	static const struct axas_consumer_ops ops = { .request = kill_at_flush };
	struct space_fixture *f = test->priv;
	struct axas_consumer consumer = { .ops = &ops };
	struct dying dying = { f, collapse_all, .later = true };
	struct test_thread thread = { die, &dying };

	if (f->kind->fmt != &axas_npt_s2 && f->kind->fmt != &axas_npt_fake)
		kunit_skip(test, "one flush at the end");
	/* On both sides of a border between tables of 1 GiB. */
	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, WIN_SIZE, TEST_RW), 0);
	space_split_leaves(f, WIN, WIN_SIZE);
	KUNIT_ASSERT_EQ(test, axas_space_attach(f->space, &consumer), 0);
	KUNIT_EXPECT_EQ(test, test_run_threads(&thread, 1), 0);
	axas_space_detach(f->space, &consumer);
	KUNIT_EXPECT_EQ(test, thread.result, 0);
	KUNIT_EXPECT_EQ(test, dying.err, -EINTR);
	KUNIT_EXPECT_EQ(test, dying.bytes, 1ull);
}

static void dying_task_does_not_look_at_every_area(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct dying dying = { f, protect_exec };
	struct space_snapshot before;
	unsigned int i;

	for (i = 0; i < 64; i++)
		KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN + i * (u64)SZ_8K, SZ_4K, TEST_RW), 0);
	space_take(f, &before);
	run_dying(&dying);
	KUNIT_EXPECT_EQ(test, dying.err, -EINTR);
	space_expect_same(f, &before, "protect by a dying task");
}

static void dying_task_stops_collapsing(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct dying dying = { f, collapse_all, .bytes = 1 };
	struct space_snapshot before;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, BORDER, SZ_4M, TEST_RW), 0);
	space_take(f, &before);
	run_dying(&dying);
	KUNIT_EXPECT_EQ(test, dying.err, -EINTR);
	KUNIT_EXPECT_EQ(test, dying.bytes, 0ull);
	space_expect_same(f, &before, "collapse by a dying task");
}

static void dying_task_is_told_of_one_leaf(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct dying dying = { f, get_limit };

	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER, SZ_8M + SZ_2M, LINEAR + SZ_4K, TEST_RW),
			0);
	run_dying(&dying);
	KUNIT_EXPECT_EQ(test, dying.err, 0);
	KUNIT_EXPECT_EQ(test, dying.bytes, (u64)SZ_4K);
}

/* Cleanup after a task relies on this. */
static void dying_task_can_unmap(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct dying dying = { f, unmap_middle };

	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER, SZ_2M, LINEAR, TEST_RW), 0);
	run_dying(&dying);
	KUNIT_EXPECT_EQ(test, dying.err, 0);
	space_expect_areas(f, 2);
	space_expect_nothing(f, BORDER + SZ_4K, SZ_4K);
}

/* Calls that wait while another one changes the space, each with arguments that are right. */

static struct axas_gpa_range dying_range(void)
{
	return gpa_range(BORDER, SZ_2M);
}

static int map_elsewhere(struct dying *dying)
{
	return space_map_alloc(dying->f, WIN, SZ_4K, TEST_RW);
}

static int map_linear_elsewhere(struct dying *dying)
{
	return space_map_linear(dying->f, WIN, SZ_4K, LINEAR, TEST_RW);
}

/* It waits for the source. */
static int map_shared_elsewhere(struct dying *dying)
{
	struct axas_space_params params = { .hal = &dying->f->mock->hal };
	struct axas_space *space = space_another(dying->f, &params);
	int err;

	if (IS_ERR(space))
		return PTR_ERR(space);
	err = axas_space_map_shared(space, gpa_range(0, SZ_4K), dying->f->space, axas_gpa(BORDER),
				    TEST_R, 0);
	axas_space_put(space);
	return err;
}

static int set_policy(struct dying *dying)
{
	return axas_space_set_policy(dying->f->space, dying_range(), AXAS_MAP_HUGE_NEVER);
}

static int discard(struct dying *dying)
{
	struct axas_gpa_range range = dying_range();

	return axas_space_discard(dying->f->space, &range, 1, &dying->bytes);
}

static int start_log(struct dying *dying)
{
	return axas_space_start_log(dying->f->space, dying_range(), &dying->bytes);
}

static int stop_log(struct dying *dying)
{
	return axas_space_stop_log(dying->f->space, dying_range(), &dying->bytes);
}

static int get_log(struct dying *dying)
{
	unsigned long bitmap[BITS_TO_LONGS(512)];

	return axas_space_get_log(dying->f->space, dying_range(), bitmap, &dying->bytes);
}

static int clear_log(struct dying *dying)
{
	unsigned long bitmap[BITS_TO_LONGS(512)] = { 1 };

	return axas_space_clear_log(dying->f->space, dying_range(), bitmap, &dying->bytes);
}

static int freeze(struct dying *dying)
{
	struct axas_image *image = axas_space_freeze(dying->f->space);

	if (IS_ERR(image))
		return PTR_ERR(image);
	axas_image_put(image);
	return 0;
}

static int reset(struct dying *dying)
{
	return axas_space_reset(dying->f->space, dying->image, 0);
}

static int reset_all(struct dying *dying)
{
	return axas_space_reset(dying->f->space, dying->image, AXAS_RESET_DROP);
}

static int diff(struct dying *dying)
{
	struct axas_gpa_range range = dying_range();
	struct axas_diff_extent extent;

	return axas_space_diff(dying->f->space, &range, &extent, 1);
}

/* Another task holds @changing for long. */
static void dying_task_waits_for_nobody(struct kunit *test)
{
	static const struct {
		const char *name;
		int (*act)(struct dying *dying);
	} calls[] = {
		{ "map_alloc", map_elsewhere }, { "map_linear", map_linear_elsewhere },
		{ "map_shared", map_shared_elsewhere }, { "protect", protect_exec },
		{ "set_policy", set_policy }, { "collapse", collapse_all }, { "discard", discard },
		{ "start_log", start_log }, { "stop_log", stop_log }, { "get_log", get_log },
		{ "clear_log", clear_log }, { "freeze", freeze }, { "reset", reset },
		{ "reset with AXAS_RESET_DROP", reset_all }, { "diff", diff },
	};
	struct space_fixture *f = test->priv;
	struct axas_info before, after;
	struct axas_image *image;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, BORDER, SZ_4M, TEST_RW), 0);
	image = axas_space_freeze(f->space);
	KUNIT_ASSERT_FALSE(test, IS_ERR(image));
	axas_space_get_info(f->space, &before);
	mutex_lock(&f->space->changing);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		struct dying dying = { f, calls[i].act, .image = image };

		run_dying(&dying);
		KUNIT_EXPECT_EQ_MSG(test, dying.err, -EINTR, "%s", calls[i].name);
	}
	mutex_unlock(&f->space->changing);
	axas_space_get_info(f->space, &after);
	KUNIT_EXPECT_EQ(test, memcmp(&before, &after, sizeof(before)), 0);
	axas_image_put(image);
	axas_space_clear(f->space);
}

static struct kunit_case bound_cases[] = {
	KUNIT_CASE_PARAM(limit_is_bounded_work, space_gen_params),
	KUNIT_CASE_PARAM(runs_are_bounded_work, space_gen_params),
	KUNIT_CASE_PARAM(limit_of_frames_bounds_the_tables, space_gen_params),
	KUNIT_CASE_PARAM(limit_of_frames_fills_tables, space_gen_params),
	KUNIT_CASE_PARAM(dying_task_does_not_split_for_protect, space_gen_params),
	KUNIT_CASE_PARAM(killed_task_gives_its_tables_back, space_gen_params),
	KUNIT_CASE_PARAM(killed_task_stops_collapsing, space_gen_params),
	KUNIT_CASE_PARAM(dying_task_does_not_look_at_every_area, space_gen_params),
	KUNIT_CASE_PARAM(dying_task_stops_collapsing, space_gen_params),
	KUNIT_CASE_PARAM(dying_task_is_told_of_one_leaf, space_gen_params),
	KUNIT_CASE_PARAM(dying_task_can_unmap, space_gen_params),
	KUNIT_CASE_PARAM(dying_task_waits_for_nobody, space_gen_params),
	{}
};

struct kunit_suite axas_bound_suite = {
	.name = "axas_bound",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = bound_cases,
};
