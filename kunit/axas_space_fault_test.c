// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults and populate (axas_space.c): memory allocated on first touch.
 */
#include <linux/sched/signal.h>

#include "space_fixture.h"

/* Defect 36: no tables and no frames, whatever the size; 1 TiB here. */
static void lazy_area_costs_nothing(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_info before, after;

	axas_space_get_info(f->space, &before);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, 0, BIT_ULL(40), TEST_RWX), 0);
	axas_space_get_info(f->space, &after);
	KUNIT_EXPECT_EQ(test, after.tables, before.tables);
	KUNIT_EXPECT_EQ(test, after.frames, 0ull);
	KUNIT_EXPECT_EQ(test, f->mock->attempts, 1ull);
	/* The first and the last page. */
	KUNIT_EXPECT_EQ(test, space_fault(f, 0, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, space_fault(f, BIT_ULL(40) - 1, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 2l);
	KUNIT_EXPECT_EQ(test, space_unmap(f, 0, BIT_ULL(40)), 0);
	space_expect_empty(f);
}

static void read_of_lazy_memory_fixes_it(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	unsigned int level = 7;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_64K, TEST_RW), 0);
	space_expect_nothing(f, WIN, SZ_64K);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 0l);
	mock_hal_start_log(f->mock);
	KUNIT_EXPECT_EQ(test, axas_space_fault(f->space, axas_gpa(WIN + 0x1abc), TEST_R, &level),
			AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, level, 0u);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 1l);
	space_expect_leaf(f, WIN + SZ_4K, mock_hal_first(f->mock, MOCK_EVENT_ALLOC)->first,
			  TEST_RW);
	space_expect_nothing(f, WIN, SZ_4K);
	space_expect_nothing(f, WIN + SZ_8K, SZ_64K - SZ_8K);
}

/* Defect 4, Rule R4: a frame with old content is zeroed before reuse. */
static void new_memory_is_all_zero(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	unsigned int round;
	u8 *mem;

	f->mock->reuse = true;
	for (round = 0; round < 3; round++) {
		KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_8K, TEST_RW), 0);
		KUNIT_ASSERT_EQ(test, space_fault(f, WIN, TEST_W), AXAS_FAULT_FIXED);
		mem = space_mem(f, WIN);
		KUNIT_ASSERT_NOT_NULL(test, mem);
		KUNIT_EXPECT_PTR_EQ(test, memchr_inv(mem, 0, SZ_4K), NULL);
		memset(mem, 0x66, SZ_4K);
		KUNIT_ASSERT_EQ(test, space_unmap(f, WIN, SZ_8K), 0);
		KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_4K, TEST_RW), 0);
		mem = space_mem(f, WIN);
		KUNIT_ASSERT_NOT_NULL(test, mem);
		KUNIT_EXPECT_PTR_EQ(test, memchr_inv(mem, 0, SZ_4K), NULL);
		KUNIT_ASSERT_EQ(test, space_unmap(f, WIN, SZ_4K), 0);
	}
}

/* Defect 3: the second fault finds the leaf and keeps it. */
static void second_fault_never_replaces_a_frame(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	unsigned int level = 7;
	u64 hpa;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_4K, TEST_RWX), 0);
	KUNIT_ASSERT_EQ(test, space_fault(f, WIN, TEST_W), AXAS_FAULT_FIXED);
	hpa = space_hpa(f, WIN);
	space_mem(f, WIN)[5] = 0x77;
	KUNIT_EXPECT_EQ(test, axas_space_fault(f->space, axas_gpa(WIN), TEST_W, &level),
			AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, level, 0u);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + 0xfff, TEST_X), AXAS_FAULT_SPURIOUS);
	space_expect_leaf(f, WIN, hpa, TEST_RWX);
	KUNIT_EXPECT_EQ(test, space_mem(f, WIN)[5], 0x77);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 1l);
}

struct racer {
	struct space_fixture *f;
	u64 gpa;
};

static int race_fault(void *arg)
{
	struct racer *racer = arg;
	int result;

	do
		result = space_fault(racer->f, racer->gpa, TEST_W);
	while (result == AXAS_FAULT_RETRY);
	return result;
}

/*
 * Defects 3 and 37: both threads are in alloc_frame() at once, so faults run in parallel; only
 * one frame stays.
 */
static void two_threads_fault_one_page(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct racer racer = { f, WIN };
	struct test_thread threads[] = { { race_fault, &racer }, { race_fault, &racer } };

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_4K, TEST_RW), 0);
	mock_hal_meet(f->mock, 2, 0);
	KUNIT_ASSERT_EQ(test, test_run_threads(threads, 2), 0);
	KUNIT_EXPECT_FALSE(test, f->mock->meet_missed);
	KUNIT_EXPECT_EQ(test, min(threads[0].result, threads[1].result), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, max(threads[0].result, threads[1].result), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 1l);
	KUNIT_EXPECT_NOT_NULL(test, space_mem(f, WIN));
	space_expect_balanced(f);
}

static void threads_fault_different_pages_in_parallel(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct racer racers[] = { { f, WIN }, { f, WIN + SZ_4K }, { f, BORDER } };
	struct test_thread threads[] = {
		{ race_fault, &racers[0] }, { race_fault, &racers[1] }, { race_fault, &racers[2] },
	};
	unsigned int i;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_4M, TEST_RW), 0);
	mock_hal_meet(f->mock, 3, 0);
	KUNIT_ASSERT_EQ(test, test_run_threads(threads, 3), 0);
	KUNIT_EXPECT_FALSE(test, f->mock->meet_missed);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, threads[i].result, AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 3l);
	KUNIT_EXPECT_NE(test, space_hpa(f, WIN), space_hpa(f, WIN + SZ_4K));
	space_expect_balanced(f);
}

/* Several threads over the same pages. With one CPU they alternate at allocations. */
#define STORM_PAGES	600

static int storm_fault(void *arg)
{
	struct space_fixture *f = arg;
	int fixed = 0;
	u64 i;

	for (i = 0; i < STORM_PAGES; i++) {
		switch (space_fault(f, WIN + i * SZ_4K, TEST_W)) {
		case AXAS_FAULT_FIXED:
			fixed++;
			break;
		case AXAS_FAULT_SPURIOUS:
			break;
		default:
			return -EIO;
		}
		cond_resched();
	}
	return fixed;
}

static void each_page_is_fixed_once(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct test_thread threads[4];
	int fixed = 0;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_4M, TEST_RW), 0);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		threads[i] = (struct test_thread){ storm_fault, f };
	KUNIT_ASSERT_EQ(test, test_run_threads(threads, ARRAY_SIZE(threads)), 0);
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		KUNIT_EXPECT_GE(test, threads[i].result, 0);
		fixed += threads[i].result;
	}
	KUNIT_EXPECT_EQ(test, fixed, STORM_PAGES);
	KUNIT_EXPECT_EQ(test, f->mock->frames, STORM_PAGES + 0l);
	space_expect_balanced(f);
}

static void fault_on_a_hole_is_told(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_4K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN - 1, TEST_R), AXAS_FAULT_HOLE);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_4K, TEST_R), AXAS_FAULT_HOLE);
	KUNIT_EXPECT_EQ(test, space_fault(f, BIT_ULL(f->kind->fmt->usual_ia_bits), TEST_R),
			AXAS_FAULT_HOLE);
	KUNIT_EXPECT_EQ(test, space_fault(f, BIT_ULL(f->kind->fmt->usual_ia_bits) + WIN, TEST_R),
			AXAS_FAULT_HOLE);
	KUNIT_EXPECT_EQ(test, space_fault(f, U64_MAX, TEST_RWX), AXAS_FAULT_HOLE);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 0l);
}

static void fault_that_the_area_forbids_is_denied(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u32 access;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_4K, TEST_RX), 0);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER, SZ_4K, LINEAR, TEST_R), 0);
	for (access = 1; access <= AXAS_PROT_MASK; access++) {
		int denied = access & TEST_W ? AXAS_FAULT_DENIED : AXAS_FAULT_FIXED;

		KUNIT_EXPECT_EQ(test, space_fault(f, WIN, access), denied);
		KUNIT_EXPECT_EQ(test, f->mock->frames, denied == AXAS_FAULT_FIXED ? 1l : 0l);
		space_unmap(f, WIN, SZ_4K);
		KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_4K, TEST_RX), 0);
		KUNIT_EXPECT_EQ(test, space_fault(f, BORDER, access), access == TEST_R ?
				AXAS_FAULT_SPURIOUS : AXAS_FAULT_DENIED);
	}
}

static void fault_without_a_known_access_is_an_error(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_4K, TEST_RWX), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, 0), AXAS_FAULT_ERROR);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, BIT(3)), AXAS_FAULT_ERROR);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_R | BIT(31)), AXAS_FAULT_ERROR);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 0l);
}

static void fault_on_linear_memory_finds_its_leaf(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	unsigned int level = 7;

	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER, SZ_1G, LINEAR, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, axas_space_fault(f->space, axas_gpa(BORDER + 5), TEST_W, &level),
			AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, level, 2u);
	space_expect_leaf(f, BORDER + 5, LINEAR + 5, TEST_RW);
}

static void faults_are_counted_by_result(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_info info;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_8K, TEST_R), 0);
	for (i = 0; i < 3; i++)
		space_fault(f, WIN, TEST_R);
	space_fault(f, WIN, TEST_W);
	space_fault(f, 0, TEST_W);
	space_fault(f, 0, 0);
	mock_hal_fail_nth(f->mock, 1);
	space_fault(f, WIN + SZ_4K, TEST_R);
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.faults[AXAS_FAULT_FIXED], 1ull);
	KUNIT_EXPECT_EQ(test, info.faults[AXAS_FAULT_SPURIOUS], 2ull);
	KUNIT_EXPECT_EQ(test, info.faults[AXAS_FAULT_RETRY], 0ull);
	KUNIT_EXPECT_EQ(test, info.faults[AXAS_FAULT_HOLE], 1ull);
	KUNIT_EXPECT_EQ(test, info.faults[AXAS_FAULT_DENIED], 1ull);
	KUNIT_EXPECT_EQ(test, info.faults[AXAS_FAULT_NOMEM], 1ull);
	KUNIT_EXPECT_EQ(test, info.faults[AXAS_FAULT_ERROR], 1ull);
}

/* As the crate's test of populate: each page has a frame of its own, zeroed. */
static void populated_area_has_distinct_frames(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 i, j;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_64K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 16l);
	for (i = 0; i < 16; i++) {
		u64 hpa = space_hpa(f, WIN + i * SZ_4K);

		KUNIT_EXPECT_NOT_NULL(test, mock_hal_peek(f->mock, hpa));
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_NE(test, space_hpa(f, WIN + j * SZ_4K), hpa);
	}
}

static void populate_fills_what_is_untouched(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 done = 1, hpa;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_64K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, WIN + SZ_64K, SZ_64K, LINEAR, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_fault(f, WIN + SZ_8K, TEST_W), AXAS_FAULT_FIXED);
	hpa = space_hpa(f, WIN + SZ_8K);
	space_mem(f, WIN + SZ_8K)[0] = 9;
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(WIN + SZ_4K, SZ_64K), &done),
			0);
	KUNIT_EXPECT_EQ(test, done, (u64)SZ_64K);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 15l);
	space_expect_nothing(f, WIN, SZ_4K);
	/* A touched page keeps its frame and content. */
	space_expect_leaf(f, WIN + SZ_8K, hpa, TEST_RW);
	KUNIT_EXPECT_EQ(test, space_mem(f, WIN + SZ_8K)[0], 9);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(WIN + SZ_4K, SZ_64K), &done),
			0);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 15l);
}

static void populate_goes_over_areas_and_tables(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 done;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_2M, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BORDER, SZ_2M, TEST_R), 0);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(WIN, SZ_4M), &done), 0);
	KUNIT_EXPECT_EQ(test, done, (u64)SZ_4M);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 1024l);
	space_expect_balanced(f);
}

static void populate_stops_at_a_hole(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 done;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_16K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN + SZ_32K, SZ_16K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(WIN, SZ_64K), &done),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, done, (u64)SZ_16K);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 4l);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(WIN + SZ_16K, SZ_64K),
						  &done), -EFAULT);
	KUNIT_EXPECT_EQ(test, done, 0ull);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 4l);
}

/* Defect 16: without memory the error is -ENOMEM; populated pages are kept and reported. */
static void populate_without_memory_tells_how_far_it_came(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 done;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_64K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_FIXED);
	mock_hal_fail_after(f->mock, 5);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(WIN, SZ_64K), &done),
			-ENOMEM);
	KUNIT_EXPECT_EQ(test, done, 6 * (u64)SZ_4K);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 6l);
	KUNIT_EXPECT_NE(test, space_hpa(f, WIN + 5 * SZ_4K), AXAS_HPA_NONE);
	KUNIT_EXPECT_EQ(test, space_hpa(f, WIN + 6 * SZ_4K), AXAS_HPA_NONE);
	mock_hal_fail_never(f->mock);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(WIN + done, SZ_64K - done),
						  &done), 0);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 16l);
}

static void frames_are_limited(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_info info;
	u64 done;

	space_limit_frames(f, 4);
	KUNIT_EXPECT_EQ(test, space_map_populated(f, WIN, SZ_16K + SZ_4K, TEST_RW), -ENOMEM);
	space_expect_areas(f, 0);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 0l);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_64K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(WIN, SZ_64K), &done),
			-ENOMEM);
	KUNIT_EXPECT_EQ(test, done, (u64)SZ_16K);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_16K, TEST_R), AXAS_FAULT_NOMEM);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_SPURIOUS);
	/* Freed frames may be allocated again; linear memory does not count. */
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, space_map_linear(f, BORDER, SZ_2M, LINEAR, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_16K, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_32K, TEST_R), AXAS_FAULT_NOMEM);
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.frames, 4ull);
	KUNIT_EXPECT_EQ(test, info.max_frames, 4ull);
}

static void limit_changes_on_a_live_space(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_info info;
	u64 done;

	KUNIT_EXPECT_EQ(test, axas_space_set_limit(f->space, 4), -EOPNOTSUPP);
	space_limit_frames(f, 8);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_64K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(WIN, SZ_32K), &done), 0);
	/* Below what is held: it stays, and nothing comes. */
	KUNIT_EXPECT_EQ(test, axas_space_set_limit(f->space, 2), 0);
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.frames, 8ull);
	KUNIT_EXPECT_EQ(test, info.max_frames, 2ull);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_32K, TEST_R), AXAS_FAULT_NOMEM);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_16K + SZ_8K), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_32K, TEST_R), AXAS_FAULT_NOMEM);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN + SZ_32K - SZ_4K, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_32K, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_32K + SZ_4K, TEST_R), AXAS_FAULT_NOMEM);
	/* More, and as many as there are; the frames that came without a limit count again. */
	KUNIT_EXPECT_EQ(test, axas_space_set_limit(f->space, 3), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_32K + SZ_4K, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, axas_space_set_limit(f->space, 0), 0);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(WIN + SZ_32K, SZ_32K), &done),
			0);
	KUNIT_EXPECT_EQ(test, axas_space_set_limit(f->space, 9), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_16K + SZ_8K, TEST_R), AXAS_FAULT_SPURIOUS);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_4K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_NOMEM);
}

/* The loser of a race is uncharged, too. */
static void loser_of_a_race_does_not_count(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct racer racer = { f, WIN };
	struct test_thread threads[] = { { race_fault, &racer }, { race_fault, &racer } };

	space_limit_frames(f, 2);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_64K, TEST_RW), 0);
	mock_hal_meet(f->mock, 2, 0);
	KUNIT_ASSERT_EQ(test, test_run_threads(threads, 2), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_4K, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_8K, TEST_R), AXAS_FAULT_NOMEM);
}

/* Run with a fatal signal pending, like a process being killed. */
static int killed_thread(void *arg)
{
	struct space_fixture *f = arg;
	u64 done = 1;
	int errors;

	allow_signal(SIGKILL);
	send_sig(SIGKILL, current, 1);
	if (!fatal_signal_pending(current))
		return -ENXIO;
	errors = (space_map_populated(f, WIN, SZ_4M, TEST_RW) != -EINTR) +
		 (space_map_linear(f, WIN, SZ_4M, LINEAR + SZ_4K, TEST_RW) != -EINTR) +
		 (axas_space_populate(f->space, gpa_range(BORDER + SZ_2M, SZ_2M), &done) != -EINTR);
	flush_signals(current);
	disallow_signal(SIGKILL);
	return errors + !!done;
}

/* Rule R7. */
static void fatal_signal_ends_long_loops(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct test_thread thread = { killed_thread, f };
	struct space_snapshot before;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BORDER + SZ_2M, SZ_2M, TEST_RW), 0);
	space_take(f, &before);
	KUNIT_ASSERT_EQ(test, test_run_threads(&thread, 1), 0);
	KUNIT_EXPECT_EQ(test, thread.result, 0);
	space_expect_same(f, &before, "killed");
}

/* Without sleeping, a fault can fill an entry of an existing table, and nothing else. */
static void frequent_faults_need_no_sleep(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_info info;
	u64 hpa;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_64K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, space_fault_nowait(f, WIN, TEST_R), AXAS_FAULT_RETRY);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 0l);
	KUNIT_ASSERT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, space_fault_nowait(f, WIN + 0x1fff, TEST_W), AXAS_FAULT_FIXED);
	hpa = space_hpa(f, WIN + SZ_4K);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(space_mem(f, WIN + SZ_4K), 0, SZ_4K), NULL);
	space_expect_leaf(f, WIN + SZ_4K, hpa, TEST_RW);
	KUNIT_EXPECT_EQ(test, space_fault_nowait(f, WIN + SZ_4K, TEST_W), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, space_hpa(f, WIN + SZ_4K), hpa);
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.faults[AXAS_FAULT_FIXED], 2ull);
	KUNIT_EXPECT_EQ(test, info.faults[AXAS_FAULT_SPURIOUS], 1ull);
	KUNIT_EXPECT_EQ(test, info.faults[AXAS_FAULT_RETRY], 0ull);
	space_expect_balanced(f);
}

/* Faults that need more return RETRY, with nothing changed and nothing counted. */
static void other_faults_are_left_alone(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct space_snapshot before;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_64K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER, SZ_64K, LINEAR, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(f->space, gpa_range(WIN + SZ_64K, SZ_64K),
						   TEST_RW, AXAS_TYPE_NORMAL,
						   AXAS_MAP_AROUND(2)), 0);
	KUNIT_ASSERT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_FIXED);
	space_take(f, &before);
	KUNIT_EXPECT_EQ(test, space_fault_nowait(f, WIN + SZ_4K, TEST_X), AXAS_FAULT_RETRY);
	KUNIT_EXPECT_EQ(test, space_fault_nowait(f, WIN + SZ_4K, 0), AXAS_FAULT_RETRY);
	KUNIT_EXPECT_EQ(test, space_fault_nowait(f, WIN + SZ_4K, 8), AXAS_FAULT_RETRY);
	KUNIT_EXPECT_EQ(test, space_fault_nowait(f, WIN + SZ_256K, TEST_R), AXAS_FAULT_RETRY);
	KUNIT_EXPECT_EQ(test, space_fault_nowait(f, WIN + SZ_64K, TEST_R), AXAS_FAULT_RETRY);
	KUNIT_EXPECT_EQ(test, space_fault_nowait(f, ~0ull, TEST_R), AXAS_FAULT_RETRY);
	mock_hal_fail_nth(f->mock, 1);
	KUNIT_EXPECT_EQ(test, space_fault_nowait(f, WIN + SZ_4K, TEST_R), AXAS_FAULT_RETRY);
	space_expect_same(f, &before, "a fault that may not sleep");
	KUNIT_EXPECT_EQ(test, space_fault_nowait(f, WIN + SZ_4K, TEST_R), AXAS_FAULT_FIXED);
}

/* A HAL that changes the space during an allocation. */
struct meddler {
	struct axas_hal hal;
	struct space_fixture *f;
	void (*meddle)(struct space_fixture *f);
};

static int meddle_alloc(const struct axas_hal *hal, unsigned int order, u32 flags,
			struct axas_hpa *hpa)
{
	struct meddler *m = container_of(hal, struct meddler, hal);
	void (*meddle)(struct space_fixture *f) = m->meddle;

	m->meddle = NULL;
	if (meddle)
		meddle(m->f);
	return m->f->mock->hal.alloc_frame(&m->f->mock->hal, order, flags, hpa);
}

static void meddle_free(const struct axas_hal *hal, struct axas_hpa hpa, unsigned int order,
			u32 flags)
{
	struct meddler *m = container_of(hal, struct meddler, hal);

	m->f->mock->hal.free_frame(&m->f->mock->hal, hpa, order, flags);
}

static void *meddle_va(const struct axas_hal *hal, struct axas_hpa hpa)
{
	struct meddler *m = container_of(hal, struct meddler, hal);

	return m->f->mock->hal.phys_to_virt(&m->f->mock->hal, hpa);
}

static struct axas_hpa meddle_pa(const struct axas_hal *hal, const void *va)
{
	struct meddler *m = container_of(hal, struct meddler, hal);

	return m->f->mock->hal.virt_to_phys(&m->f->mock->hal, va);
}

static void meddle_unmap(struct space_fixture *f)
{
	KUNIT_EXPECT_EQ(f->test, space_unmap(f, WIN, SZ_64K), 0);
}

static void meddle_protect(struct space_fixture *f)
{
	KUNIT_EXPECT_EQ(f->test, space_protect(f, WIN, SZ_64K, TEST_R), 0);
}

static void meddle_fault(struct space_fixture *f)
{
	KUNIT_EXPECT_EQ(f->test, space_fault(f, WIN + SZ_4K, TEST_R), AXAS_FAULT_FIXED);
	space_mem(f, WIN + SZ_4K)[7] = 0x55;
}

static void meddle_elsewhere(struct space_fixture *f)
{
	KUNIT_EXPECT_EQ(f->test, space_map_alloc(f, BORDER, SZ_64K, TEST_RW), 0);
}

static int fault_meddled(struct space_fixture *f, struct meddler *m,
			 void (*meddle)(struct space_fixture *f))
{
	if (space_unmap(f, WIN, SZ_4M) || space_map_alloc(f, WIN, SZ_64K, TEST_RW) ||
	    space_fault(f, WIN, TEST_R) != AXAS_FAULT_FIXED)
		return -1;
	m->meddle = meddle;
	return space_fault(f, WIN + SZ_4K, TEST_W);
}

/*
 * A fault holds no lock while it allocates a frame. If its area is removed meanwhile, the fault
 * frees the frame; areas added meanwhile do not matter. H6: the fault retries internally and
 * never returns RETRY.
 */
static void space_may_change_while_a_fault_waits(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct meddler m = {
		.hal = {
			.name = "meddler", .phys_bits = f->mock->hal.phys_bits,
			.alloc_frame = meddle_alloc, .free_frame = meddle_free,
			.phys_to_virt = meddle_va, .virt_to_phys = meddle_pa,
		},
		.f = f,
	};
	struct axas_space_params params = { .hal = &m.hal };

	KUNIT_ASSERT_EQ(test, space_adopt(f, space_another(f, &params)), 0);

	KUNIT_EXPECT_EQ(test, fault_meddled(f, &m, meddle_unmap), AXAS_FAULT_HOLE);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 0l);
	space_expect_nothing(f, WIN, SZ_64K);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_4K, TEST_W), AXAS_FAULT_HOLE);

	KUNIT_EXPECT_EQ(test, fault_meddled(f, &m, meddle_protect), AXAS_FAULT_DENIED);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 1l);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_4K, TEST_W), AXAS_FAULT_DENIED);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_4K, TEST_R), AXAS_FAULT_FIXED);
	space_expect_leaf(f, WIN + SZ_4K, space_hpa(f, WIN + SZ_4K), TEST_R);

	KUNIT_EXPECT_EQ(test, fault_meddled(f, &m, meddle_fault), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 2l);
	KUNIT_EXPECT_EQ(test, space_mem(f, WIN + SZ_4K)[7], 0x55);

	KUNIT_EXPECT_EQ(test, fault_meddled(f, &m, meddle_elsewhere), AXAS_FAULT_FIXED);

	/* The space's HAL is on this stack. */
	space_drop(f);
}

static int map_around(struct space_fixture *f, u64 gpa, u64 size, unsigned int order)
{
	return axas_space_map_alloc(f->space, gpa_range(gpa, size), TEST_RW, AXAS_TYPE_NORMAL,
				    AXAS_MAP_HUGE_NEVER | AXAS_MAP_AROUND(order));
}

static void fault_around_fills_its_neighbours(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_info info;
	u64 hpa;

	KUNIT_ASSERT_EQ(test, map_around(f, WIN, SZ_2M, 4), 0);
	KUNIT_ASSERT_EQ(test, space_fault(f, WIN + SZ_64K + SZ_16K, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 16l);
	space_expect_nothing(f, WIN, SZ_64K);
	space_expect_nothing(f, WIN + SZ_128K, SZ_64K);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_64K, TEST_W), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_128K - 1, TEST_W), AXAS_FAULT_SPURIOUS);
	/* One fault is counted, however many pages it filled. */
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.faults[AXAS_FAULT_FIXED], 1ull);
	/* Neighbours that are mapped stay. */
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN + SZ_64K, SZ_32K), 0);
	hpa = space_hpa(f, WIN + SZ_128K - SZ_4K);
	KUNIT_ASSERT_EQ(test, map_around(f, WIN + SZ_64K, SZ_32K, 9), 0);
	KUNIT_ASSERT_EQ(test, space_fault(f, WIN + SZ_64K + SZ_8K, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 16l);
	KUNIT_EXPECT_EQ(test, space_hpa(f, WIN + SZ_128K - SZ_4K), hpa);
	space_expect_nothing(f, WIN, SZ_64K);
	space_expect_balanced(f);
}

/* Two faults allocate the same sixteen pages: the loser's are freed, and not counted. */
static void two_faults_around_one_page(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct racer racer = { f, WIN };
	struct test_thread threads[] = { { race_fault, &racer }, { race_fault, &racer } };

	KUNIT_ASSERT_EQ(test, map_around(f, WIN, SZ_2M, 4), 0);
	mock_hal_meet(f->mock, 2, 0);
	KUNIT_ASSERT_EQ(test, test_run_threads(threads, 2), 0);
	KUNIT_EXPECT_FALSE(test, f->mock->meet_missed);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 16l);
	space_expect_balanced(f);
}

/* At most one table, only inside the area; and partial allocation is no error. */
static void fault_around_has_bounds(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, map_around(f, WIN, SZ_2M, 10), -EINVAL);
	KUNIT_EXPECT_EQ(test, map_around(f, WIN, SZ_2M, 15), -EINVAL);
	KUNIT_ASSERT_EQ(test, map_around(f, WIN + SZ_8K, SZ_4M - SZ_8K, 9), 0);
	KUNIT_ASSERT_EQ(test, space_fault(f, WIN + SZ_1M, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 510l);
	mock_hal_fail_after(f->mock, 100);
	KUNIT_ASSERT_EQ(test, space_fault(f, WIN + SZ_2M + SZ_1M, TEST_R), AXAS_FAULT_FIXED);
	/* Two of the hundred were tables: WIN is at the end of a GiB. */
	KUNIT_EXPECT_EQ(test, f->mock->frames, 510l + 98);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_4M - SZ_4K, TEST_R), AXAS_FAULT_NOMEM);
	mock_hal_fail_never(f->mock);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_2M + SZ_1M, TEST_R), AXAS_FAULT_SPURIOUS);
	space_expect_balanced(f);
}

/**
 * struct asked - an object with frames from the HAL, and the last get() for it
 * @hal: the HAL
 * @offset: first byte requested
 * @order: order of the frames requested
 * @n: number of frames requested
 */
struct asked {
	const struct axas_hal *hal;
	u64 offset;
	unsigned int order;
	unsigned int n;
};

static int asked_get(const struct axas_backend *backend, u64 offset, unsigned int order, u32 flags,
		     struct axas_hpa *hpas, unsigned int n)
{
	struct asked *asked = (struct asked *)backend->object;

	asked->offset = offset;
	asked->order = order;
	asked->n = n;
	return axas_frames_alloc(asked->hal, order, flags | AXAS_FRAME_ZERO, hpas, n);
}

static void asked_put(const struct axas_backend *backend, unsigned int order,
		      const struct axas_hpa *hpas, unsigned int n)
{
	const struct asked *asked = backend->object;

	axas_frames_free(asked->hal, order, hpas, n);
}

static const struct axas_backend_ops asked_ops = {
	.id = AXAS_BACKEND_ALLOC, .flags = AXAS_BACKEND_DIRECT, .get = asked_get, .put = asked_put,
};

/* Map an area whose first byte is @offset of the object. */
static void map_object(struct space_fixture *f, struct asked *asked, u64 gpa, u64 size, u32 flags,
		       u64 offset)
{
	struct axas_area *area;

	KUNIT_ASSERT_EQ(f->test, axas_space_map_alloc(f->space, gpa_range(gpa, size), TEST_RW,
						      AXAS_TYPE_NORMAL, flags), 0);
	area = mtree_load(&f->space->areas->tree, gpa >> AXAS_FRAME_SHIFT);
	KUNIT_ASSERT_NOT_NULL(f->test, area);
	area->single = 0;
	area->backend = (struct axas_backend){
		.ops = &asked_ops, .object = asked, .offset = offset - gpa,
	};
}

/* A backend with content returns the frames at @offset: struct axas_backend_ops, @get. */
static void frames_are_asked_for_by_their_place(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct asked asked = { .hal = &f->mock->hal };
	u64 done;

	map_object(f, &asked, WIN, SZ_64K, AXAS_MAP_HUGE_NEVER, SZ_1M);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_32K + 0xabc, TEST_W), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, asked.offset, (u64)SZ_1M + SZ_32K);
	KUNIT_EXPECT_EQ(test, asked.order, 0u);
	KUNIT_EXPECT_EQ(test, asked.n, 1u);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(WIN, SZ_64K), &done), 0);
	KUNIT_EXPECT_EQ(test, asked.offset, (u64)SZ_1M + SZ_32K + SZ_4K);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_64K), 0);
	map_object(f, &asked, WIN, SZ_4M, AXAS_MAP_HUGE_ALWAYS, SZ_32M);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_2M + 0x12345, TEST_W), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, asked.order, 9u);
	KUNIT_EXPECT_EQ(test, asked.offset, (u64)SZ_32M + SZ_2M);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_4M), 0);
	space_expect_empty(f);
}

static struct kunit_case fault_cases[] = {
	KUNIT_CASE_PARAM(lazy_area_costs_nothing, space_gen_params),
	KUNIT_CASE_PARAM(read_of_lazy_memory_fixes_it, space_gen_params),
	KUNIT_CASE_PARAM(new_memory_is_all_zero, space_gen_params),
	KUNIT_CASE_PARAM(second_fault_never_replaces_a_frame, space_gen_params),
	KUNIT_CASE_PARAM(two_threads_fault_one_page, space_gen_params),
	KUNIT_CASE_PARAM(threads_fault_different_pages_in_parallel, space_gen_params),
	KUNIT_CASE_PARAM(each_page_is_fixed_once, space_gen_params),
	KUNIT_CASE_PARAM(fault_on_a_hole_is_told, space_gen_params),
	KUNIT_CASE_PARAM(fault_that_the_area_forbids_is_denied, space_gen_params),
	KUNIT_CASE_PARAM(fault_without_a_known_access_is_an_error, space_gen_params),
	KUNIT_CASE_PARAM(fault_on_linear_memory_finds_its_leaf, space_gen_params),
	KUNIT_CASE_PARAM(faults_are_counted_by_result, space_gen_params),
	KUNIT_CASE_PARAM(populated_area_has_distinct_frames, space_gen_params),
	KUNIT_CASE_PARAM(populate_fills_what_is_untouched, space_gen_params),
	KUNIT_CASE_PARAM(populate_goes_over_areas_and_tables, space_gen_params),
	KUNIT_CASE_PARAM(populate_stops_at_a_hole, space_gen_params),
	KUNIT_CASE_PARAM(populate_without_memory_tells_how_far_it_came, space_gen_params),
	KUNIT_CASE_PARAM(frames_are_limited, space_gen_params),
	KUNIT_CASE_PARAM(limit_changes_on_a_live_space, space_gen_params),
	KUNIT_CASE_PARAM(loser_of_a_race_does_not_count, space_gen_params),
	KUNIT_CASE_PARAM(fatal_signal_ends_long_loops, space_gen_params),
	KUNIT_CASE_PARAM(frequent_faults_need_no_sleep, space_gen_params),
	KUNIT_CASE_PARAM(other_faults_are_left_alone, space_gen_params),
	KUNIT_CASE_PARAM(space_may_change_while_a_fault_waits, space_gen_params),
	KUNIT_CASE_PARAM(fault_around_fills_its_neighbours, space_gen_params),
	KUNIT_CASE_PARAM(two_faults_around_one_page, space_gen_params),
	KUNIT_CASE_PARAM(fault_around_has_bounds, space_gen_params),
	KUNIT_CASE_PARAM(frames_are_asked_for_by_their_place, space_gen_params),
	{}
};

struct kunit_suite axas_space_fault_suite = {
	.name = "axas_space_fault",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = fault_cases,
};
