// SPDX-License-Identifier: GPL-2.0-only
/*
 * The space as a file of memory (axas_space_pages.c): pages locked for host mappings, removals that
 * wait for them, the end of the highest area, data and holes.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/pagemap.h>

#include "space_fixture.h"

#define MAX_PAGES	8

/* Lock pages; their number or an error. */
static int lock(struct space_fixture *f, u64 gpa, u32 access, struct page **pages, bool *whole)
{
	return axas_space_lock_pages(f->space, axas_gpa(gpa), access, pages, MAX_PAGES, whole);
}

static void unlock(struct page **pages, int n)
{
	while (n > 0)
		unlock_page(pages[--n]);
}

static void locked_pages_are_the_guests(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct page *pages[MAX_PAGES];
	bool whole;
	int i, n;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_64K, TEST_RW), 0);
	n = lock(f, WIN + SZ_4K, TEST_RW, pages, &whole);
	KUNIT_ASSERT_EQ(test, n, MAX_PAGES);
	KUNIT_EXPECT_FALSE(test, whole);
	for (i = 0; i < n; i++) {
		KUNIT_EXPECT_PTR_EQ(test, page_address(pages[i]),
				    (void *)space_mem(f, WIN + SZ_4K + i * SZ_4K));
		KUNIT_EXPECT_TRUE(test, PageLocked(pages[i]));
		/* The leaf's reference alone. */
		KUNIT_EXPECT_EQ(test, page_count(pages[i]), 1);
	}
	unlock(pages, n);
	KUNIT_EXPECT_FALSE(test, PageLocked(pages[0]));
}

static void pages_end_with_area_leaf_and_permission(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct page *pages[MAX_PAGES];
	bool whole;
	int n;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_16K, TEST_RW), 0);
	/* An untouched page is faulted in, the next ones are not. */
	n = lock(f, WIN, TEST_R, pages, &whole);
	KUNIT_EXPECT_EQ(test, n, 1);
	unlock(pages, n);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 1l);
	KUNIT_ASSERT_EQ(test, space_fault(f, WIN + SZ_8K, TEST_R), AXAS_FAULT_FIXED);
	n = lock(f, WIN, TEST_R, pages, &whole);
	KUNIT_EXPECT_EQ(test, n, 1);
	unlock(pages, n);
	KUNIT_ASSERT_EQ(test, space_fault(f, WIN + SZ_4K, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_ASSERT_EQ(test, space_fault(f, WIN + SZ_8K + SZ_4K, TEST_R), AXAS_FAULT_FIXED);
	n = lock(f, WIN, TEST_R, pages, &whole);
	KUNIT_EXPECT_EQ(test, n, 4);
	unlock(pages, n);
	KUNIT_ASSERT_EQ(test, space_protect(f, WIN + SZ_8K, SZ_4K, TEST_R), 0);
	n = lock(f, WIN, TEST_RW, pages, &whole);
	KUNIT_EXPECT_EQ(test, n, 2);
	unlock(pages, n);
	/* Areas of other memory begin a run of their own. */
	n = lock(f, WIN, TEST_R, pages, &whole);
	KUNIT_EXPECT_EQ(test, n, 2);
	unlock(pages, n);
}

static void pages_of_a_large_leaf(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct page *pages[MAX_PAGES];
	bool whole;
	int n;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_2M, TEST_RW), 0);
	n = lock(f, WIN + SZ_2M - SZ_8K + 5, TEST_RW, pages, &whole);
	KUNIT_ASSERT_EQ(test, n, 2);
	KUNIT_EXPECT_TRUE(test, whole);
	KUNIT_EXPECT_PTR_EQ(test, page_address(pages[1]),
			    (void *)space_mem(f, WIN + SZ_2M - SZ_4K));
	unlock(pages, n);
	/* A part of it is protected: the leaf is split. */
	KUNIT_ASSERT_EQ(test, space_protect(f, WIN, SZ_4K, TEST_R), 0);
	n = lock(f, WIN + SZ_4K, TEST_RW, pages, &whole);
	KUNIT_EXPECT_EQ(test, n, MAX_PAGES);
	KUNIT_EXPECT_FALSE(test, whole);
	unlock(pages, n);
}

static void pages_that_cannot_be_had(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct page *pages[MAX_PAGES];
	bool whole;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_8K, TEST_R), 0);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, WIN + SZ_64K, SZ_4K, LINEAR, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, lock(f, WIN + SZ_8K, TEST_R, pages, &whole), -EFAULT);
	KUNIT_EXPECT_EQ(test, lock(f, ~0ull, TEST_R, pages, &whole), -EFAULT);
	KUNIT_EXPECT_EQ(test, lock(f, WIN, TEST_RW, pages, &whole), -EACCES);
	KUNIT_EXPECT_EQ(test, lock(f, WIN + SZ_64K, TEST_R, pages, &whole), -EOPNOTSUPP);
	mock_hal_fail_nth(f->mock, 1);
	KUNIT_EXPECT_EQ(test, lock(f, WIN, TEST_R, pages, &whole), -ENOMEM);
	mock_hal_fail_nth(f->mock, 0);
	space_expect_balanced(f);
}

static bool relock(struct space_fixture *f, u64 gpa, u32 access, struct page *page)
{
	return axas_space_relock_page(f->space, axas_gpa(gpa), access, page);
}

static void a_page_is_locked_again_while_its_leaf_stays(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct page *pages[MAX_PAGES];
	bool whole;
	int n;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_8K, TEST_RW), 0);
	n = lock(f, WIN, TEST_RW, pages, &whole);
	KUNIT_ASSERT_EQ(test, n, 2);
	/* Not what is locked already. */
	KUNIT_EXPECT_FALSE(test, relock(f, WIN, TEST_RW, pages[0]));
	unlock(pages, n);
	KUNIT_EXPECT_TRUE(test, relock(f, WIN, TEST_RW, pages[0]));
	unlock(pages, 1);
	KUNIT_EXPECT_FALSE(test, relock(f, WIN, TEST_RW, pages[1]));
	KUNIT_ASSERT_EQ(test, space_protect(f, WIN, SZ_4K, TEST_R), 0);
	/* The first look after a removal is the slow path's. */
	n = lock(f, WIN, TEST_R, pages, &whole);
	unlock(pages, n);
	KUNIT_EXPECT_FALSE(test, relock(f, WIN, TEST_RW, pages[0]));
	KUNIT_EXPECT_TRUE(test, relock(f, WIN, TEST_R, pages[0]));
	unlock(pages, 1);
	KUNIT_ASSERT_EQ(test, space_unmap(f, WIN, SZ_4K), 0);
	KUNIT_EXPECT_FALSE(test, relock(f, WIN, TEST_R, pages[0]));
}

/**
 * struct race - a thread that has a page locked, and one that removes it
 * @f: the fixture
 * @remove: the removal; its result is expected to be 0
 * @locked: the page is locked
 * @removed: the removal has returned
 */
struct race {
	struct space_fixture *f;
	int (*remove)(struct space_fixture *f);
	struct completion locked;
	bool removed;
};

/* Return 0 if the removal waits as long as the page is locked. */
static int hold_page(void *arg)
{
	struct race *race = arg;
	struct page *pages[MAX_PAGES];
	bool whole;
	int n, early;

	n = lock(race->f, WIN, TEST_R, pages, &whole);
	complete_all(&race->locked);
	if (n < 1)
		return n;
	msleep(20);
	early = READ_ONCE(race->removed);
	unlock(pages, n);
	return early;
}

static int remove_page(void *arg)
{
	struct race *race = arg;
	int err;

	wait_for_completion(&race->locked);
	err = race->remove(race->f);
	WRITE_ONCE(race->removed, true);
	return err;
}

static int by_unmap(struct space_fixture *f)
{
	return axas_space_unmap(f->space, gpa_range(WIN, SZ_4K));
}

static int by_protect(struct space_fixture *f)
{
	return axas_space_protect(f->space, gpa_range(WIN, SZ_8K), TEST_RW);
}

static int by_discard(struct space_fixture *f)
{
	struct axas_gpa_range range = gpa_range(WIN, SZ_4K);
	u64 done;

	return axas_space_discard(f->space, &range, 1, &done);
}

static int by_clear(struct space_fixture *f)
{
	axas_space_clear(f->space);
	return 0;
}

static void removals_wait_for_locked_pages(struct kunit *test)
{
	static int (*const removals[])(struct space_fixture *f) = {
		by_unmap, by_protect, by_discard, by_clear,
	};
	struct space_fixture *f = test->priv;
	unsigned int i;

	axas_space_share_pages(f->space);
	for (i = 0; i < ARRAY_SIZE(removals); i++) {
		struct race race = { .f = f, .remove = removals[i] };
		struct test_thread threads[] = {
			{ hold_page, &race }, { remove_page, &race },
		};

		init_completion(&race.locked);
		KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_64K, TEST_R), 0);
		KUNIT_ASSERT_EQ(test, test_run_threads(threads, 2), 0);
		KUNIT_EXPECT_EQ_MSG(test, threads[0].result, 0, "removal %u", i);
		KUNIT_EXPECT_EQ_MSG(test, threads[1].result, 0, "removal %u", i);
		axas_space_clear(f->space);
	}
	space_expect_empty(f);
}

/* Beside locked pages elsewhere: more leaves than one piece waits for, and linear ones. */
static void large_removals_of_shared_spaces(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct page *pages[MAX_PAGES];
	bool whole;
	int n;

	axas_space_share_pages(f->space);
	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, 10 * SZ_2M + SZ_64K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, WIN + 11 * SZ_2M, SZ_2M, LINEAR, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, 2 * BORDER, SZ_4K, TEST_RW), 0);
	n = lock(f, 2 * BORDER, TEST_R, pages, &whole);
	KUNIT_ASSERT_EQ(test, n, 1);
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN, 12 * SZ_2M, TEST_R), 0);
	space_expect_leaf(f, WIN + 10 * SZ_2M, space_hpa(f, WIN + 10 * SZ_2M), TEST_R);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, 12 * SZ_2M), 0);
	space_expect_nothing(f, WIN, 12 * SZ_2M);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 1l);
	unlock(pages, n);
}

/* Return 0 once the page can be locked, which hold_page() has locked. */
static int lock_too(void *arg)
{
	struct race *race = arg;
	struct page *pages[MAX_PAGES];
	bool whole;
	int n;

	wait_for_completion(&race->locked);
	n = lock(race->f, WIN, TEST_R, pages, &whole);
	WRITE_ONCE(race->removed, true);
	unlock(pages, n);
	return n < 1;
}

static void a_locked_page_is_waited_for(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct race race = { .f = f };
	struct test_thread threads[] = { { hold_page, &race }, { lock_too, &race } };

	init_completion(&race.locked);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_4K, TEST_R), 0);
	KUNIT_ASSERT_EQ(test, test_run_threads(threads, 2), 0);
	KUNIT_EXPECT_EQ(test, threads[0].result, 0);
	KUNIT_EXPECT_EQ(test, threads[1].result, 0);
}

static void the_end_is_that_of_the_highest_area(struct kunit *test)
{
	u64 last = BIT_ULL(((struct space_fixture *)test->priv)->kind->fmt->usual_ia_bits) - SZ_4K;
	struct space_fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, axas_space_end(f->space), 0ull);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_8K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, axas_space_end(f->space), WIN + SZ_8K);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, 0, SZ_4K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, axas_space_end(f->space), WIN + SZ_8K);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, last, SZ_4K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, axas_space_end(f->space), last + SZ_4K);
	KUNIT_ASSERT_EQ(test, space_unmap(f, WIN + SZ_4K, last + SZ_4K - (WIN + SZ_4K)), 0);
	KUNIT_EXPECT_EQ(test, axas_space_end(f->space), WIN + SZ_4K);
}

static void expect_seek(struct space_fixture *f, u64 from, bool data, int err, u64 want)
{
	u64 found;

	KUNIT_EXPECT_EQ(f->test, axas_space_seek(f->space, axas_gpa(from), data, &found), err);
	if (!err)
		KUNIT_EXPECT_EQ(f->test, found, want);
}

static void data_is_what_has_frames(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	expect_seek(f, 0, true, -ENOENT, 0);
	expect_seek(f, 5, false, 0, 5);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, WIN_SIZE, TEST_RW), 0);
	expect_seek(f, WIN, true, -ENOENT, 0);
	KUNIT_ASSERT_EQ(test, space_fault(f, WIN + SZ_64K, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_ASSERT_EQ(test, space_fault(f, WIN + SZ_64K + SZ_4K, TEST_R), AXAS_FAULT_FIXED);
	expect_seek(f, 0, true, 0, WIN + SZ_64K);
	expect_seek(f, WIN + SZ_64K + 7, true, 0, WIN + SZ_64K + 7);
	expect_seek(f, WIN + SZ_64K + 7, false, 0, WIN + SZ_64K + SZ_8K);
	expect_seek(f, WIN + SZ_64K + SZ_8K, true, -ENOENT, 0);
	/* Devices are none, other linear memory is. */
	KUNIT_ASSERT_EQ(test, axas_space_map_linear(f->space, gpa_range(2 * BORDER, SZ_4K),
						    axas_hpa(LINEAR), TEST_RW,
						    AXAS_TYPE_DEVICE), 0);
	expect_seek(f, WIN + WIN_SIZE, true, -ENOENT, 0);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, 3 * BORDER, SZ_2M, LINEAR + SZ_2M, TEST_R), 0);
	expect_seek(f, WIN + WIN_SIZE, true, 0, 3 * BORDER);
	expect_seek(f, 3 * BORDER, false, 0, 3 * BORDER + SZ_2M);
}

/* Leaves of a device behind the page: a walk over them, for data, takes some time. */
#define DEVICE		(2 * BORDER)
#define DEVICE_SIZE	((u64)SZ_32M)
#define SEEK_ROUNDS	60

/**
 * struct seeker - one looks for the only data, which a log puts aside and a fault takes back
 * @f: the fixture
 * @ended: the log is not started any more
 */
struct seeker {
	struct space_fixture *f;
	bool ended;
};

static int seek_until_ended(void *arg)
{
	struct seeker *s = arg;
	u64 found;
	int err = 0;

	while (!err && !READ_ONCE(s->ended)) {
		err = axas_space_seek(s->f->space, axas_gpa(0), true, &found);
		if (!err && found != WIN)
			err = -EUCLEAN;
		cond_resched();
	}
	return err;
}

static int start_and_touch(void *arg)
{
	struct seeker *s = arg;
	int i, err = 0;
	u64 epoch;

	for (i = 0; i < SEEK_ROUNDS && !err; i++) {
		err = axas_space_start_log(s->f->space, gpa_range(WIN, SZ_4K), &epoch);
		udelay(i % 16);
		if (!err && space_fault(s->f, WIN, TEST_R) > AXAS_FAULT_SPURIOUS)
			err = -EIO;
		cond_resched();
	}
	WRITE_ONCE(s->ended, true);
	return err;
}

static void data_is_found_beside_faults(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct seeker s = { .f = f };
	struct test_thread threads[] = { { seek_until_ended, &s }, { start_and_touch, &s } };

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_4K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, axas_space_map_linear(f->space, gpa_range(DEVICE, DEVICE_SIZE),
						    axas_hpa(LINEAR + SZ_4K), TEST_RW,
						    AXAS_TYPE_DEVICE), 0);
	KUNIT_ASSERT_EQ(test, test_run_threads(threads, ARRAY_SIZE(threads)), 0);
	KUNIT_EXPECT_EQ(test, threads[0].result, 0);
	KUNIT_EXPECT_EQ(test, threads[1].result, 0);
	monitor_expect_flushed(f->monitor);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(locked_pages_are_the_guests, space_gen_params),
	KUNIT_CASE_PARAM(pages_end_with_area_leaf_and_permission, space_gen_params),
	KUNIT_CASE_PARAM(pages_of_a_large_leaf, space_gen_params),
	KUNIT_CASE_PARAM(pages_that_cannot_be_had, space_gen_params),
	KUNIT_CASE_PARAM(a_page_is_locked_again_while_its_leaf_stays, space_gen_params),
	KUNIT_CASE_PARAM(removals_wait_for_locked_pages, space_gen_params),
	KUNIT_CASE_PARAM(large_removals_of_shared_spaces, space_gen_params),
	KUNIT_CASE(a_locked_page_is_waited_for),
	KUNIT_CASE_PARAM(the_end_is_that_of_the_highest_area, space_gen_params),
	KUNIT_CASE(data_is_what_has_frames),
	KUNIT_CASE_PARAM(data_is_found_beside_faults, space_gen_params),
	{}
};

struct kunit_suite axas_space_pages_suite = {
	.name = "axas_space_pages",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = cases,
};
