// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations with failing allocations (axas_space.c): each is repeated, and each time another of
 * its allocations from the HAL fails. All or nothing: areas, leaves, frames, counters and memory
 * contents are as before.
 */
#include "space_fixture.h"

/* An operation, and the setup of the space for it. */
struct attempt {
	const char *name;
	int (*setup)(struct space_fixture *f);
	int (*op)(struct space_fixture *f);
	unsigned int at_least;
};

/*
 * Fail the first allocation of @a->op, then on a fresh space the second, until the operation
 * needs no more.
 */
static void try_all(struct space_fixture *f, const struct attempt *a)
{
	struct space_snapshot before;
	unsigned int nth;
	bool failed;
	int err;

	for (nth = 1; nth < 500; nth++) {
		axas_space_clear(f->space);
		KUNIT_ASSERT_EQ_MSG(f->test, a->setup(f), 0, "%s: setup", a->name);
		space_take(f, &before);
		mock_hal_fail_nth(f->mock, nth);
		err = a->op(f);
		failed = f->mock->failures;
		mock_hal_fail_never(f->mock);
		if (!failed)
			break;
		KUNIT_EXPECT_EQ_MSG(f->test, err, -ENOMEM, "%s: allocation %u", a->name, nth);
		space_expect_same(f, &before, a->name);
		/* Defect 15: the range is still usable. */
		KUNIT_EXPECT_EQ_MSG(f->test, a->op(f), 0, "%s: again after %u", a->name, nth);
	}
	KUNIT_EXPECT_EQ_MSG(f->test, err, 0, "%s", a->name);
	KUNIT_EXPECT_GT_MSG(f->test, nth, a->at_least, "%s: it asks for less memory", a->name);
	axas_space_clear(f->space);
	space_expect_empty(f);
}

static int setup_nothing(struct space_fixture *f)
{
	return 0;
}

/* Areas around the range, with content. */
static int setup_neighbours(struct space_fixture *f)
{
	u8 byte = 7;

	return space_map_populated(f, WIN, SZ_16K, TEST_RW) ?:
	       space_map_linear(f, BORDER + SZ_2M, SZ_64K, LINEAR, TEST_R) ?:
	       axas_write(f->space, axas_gpa(WIN + 99), &byte, 1);
}

static int op_populate_area(struct space_fixture *f)
{
	return space_map_populated(f, BORDER - SZ_16K, SZ_32K, TEST_RW);
}

static int op_linear_area(struct space_fixture *f)
{
	return space_map_linear(f, BORDER - SZ_16K, SZ_32K, LINEAR + SZ_4K, TEST_RW);
}

static int op_large_linear_area(struct space_fixture *f)
{
	return space_map_linear(f, BORDER - SZ_4K, SZ_1G + SZ_8K, LINEAR - SZ_4K, TEST_RW);
}

static int op_fault(struct space_fixture *f)
{
	int result = space_fault(f, BORDER + SZ_8K, TEST_W);

	return result == AXAS_FAULT_NOMEM ? -ENOMEM :
	       result == AXAS_FAULT_FIXED || result == AXAS_FAULT_SPURIOUS ? 0 : -EIO;
}

static int setup_lazy(struct space_fixture *f)
{
	return axas_space_map_alloc(f->space, gpa_range(WIN, WIN_SIZE), TEST_RW,
				    AXAS_TYPE_NORMAL, AXAS_MAP_HUGE_NEVER);
}

static int setup_large(struct space_fixture *f)
{
	return space_map_linear(f, 0, SZ_1G, LINEAR, TEST_RW) ?:
	       space_map_linear(f, SZ_1G, SZ_1G, LINEAR + SZ_1G, TEST_RW);
}

/* Both ends are inside a large leaf. */
static int op_unmap_across(struct space_fixture *f)
{
	return space_unmap(f, BORDER - SZ_4K, SZ_8K);
}

static int op_unmap_inside(struct space_fixture *f)
{
	return space_unmap(f, BORDER - SZ_1M, SZ_4K);
}

static int op_protect_across(struct space_fixture *f)
{
	return space_protect(f, BORDER - SZ_4K, SZ_8K, TEST_R);
}

static int op_protect_inside(struct space_fixture *f)
{
	return space_protect(f, BORDER - SZ_1M, SZ_4K, TEST_R);
}

/* Defects 14 and 16: no frame and no leaf is left, and the error is -ENOMEM. */
static void populated_area_comes_as_a_whole_or_not(struct kunit *test)
{
	static const struct attempt a = {
		"populated area", setup_neighbours, op_populate_area, 8 + 1,
	};

	try_all(test->priv, &a);
}

/* Defect 15. */
static void linear_area_comes_as_a_whole_or_not(struct kunit *test)
{
	static const struct attempt a = {
		"linear area", setup_neighbours, op_linear_area, 1,
	};
	static const struct attempt large = {
		"large linear area", setup_nothing, op_large_linear_area, 4,
	};

	try_all(test->priv, &a);
	try_all(test->priv, &large);
}

static void fault_without_memory_changes_nothing(struct kunit *test)
{
	static const struct attempt a = {
		"fault", setup_lazy, op_fault, 3,
	};

	try_all(test->priv, &a);
}

/* Defects 17, 18 and 19: the leaf is split at both ends, or not at all. */
static void unmap_that_cannot_split_changes_nothing(struct kunit *test)
{
	static const struct attempt inside = {
		"unmap inside", setup_large, op_unmap_inside, 2,
	};
	static const struct attempt across = {
		"unmap across", setup_large, op_unmap_across, 4,
	};

	try_all(test->priv, &inside);
	try_all(test->priv, &across);
}

static void protect_that_cannot_split_changes_nothing(struct kunit *test)
{
	static const struct attempt inside = {
		"protect inside", setup_large, op_protect_inside, 2,
	};
	static const struct attempt across = {
		"protect across", setup_large, op_protect_across, 4,
	};

	try_all(test->priv, &inside);
	try_all(test->priv, &across);
}

/* Two leaves of 2 MiB, each with a range inside it, and one range across both. */
static int setup_large_frames(struct space_fixture *f)
{
	return space_map_populated(f, WIN, WIN_SIZE, TEST_RW);
}

static int op_discard(struct space_fixture *f)
{
	struct axas_gpa_range ranges[] = {
		gpa_range(BORDER + SZ_1M, SZ_4K), gpa_range(WIN + SZ_4K, SZ_4K),
		gpa_range(BORDER - SZ_8K, SZ_16K),
	};
	u64 done = 0;
	int err = axas_space_discard(f->space, ranges, ARRAY_SIZE(ranges), &done);

	return !err != (done == SZ_8K + SZ_16K) ? -EIO : err;
}

static int op_set_policy(struct space_fixture *f)
{
	return axas_space_set_policy(f->space, gpa_range(BORDER - SZ_4K, SZ_8K),
				     AXAS_MAP_HUGE_NEVER);
}

static void policy_that_cannot_split_changes_nothing(struct kunit *test)
{
	static const struct attempt a = {
		"set policy", setup_large_frames, op_set_policy, 2,
	};

	try_all(test->priv, &a);
}

static void discard_that_cannot_split_changes_nothing(struct kunit *test)
{
	static const struct attempt a = {
		"discard", setup_large_frames, op_discard, 2,
	};

	try_all(test->priv, &a);
}

/* Populate keeps what it filled and reports how much; a retry goes on from there. */
static void populate_can_go_on_after_every_failure(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 done, at = BORDER - SZ_64K, end = BORDER + SZ_64K;
	unsigned int rounds = 0;
	int err;

	KUNIT_ASSERT_EQ(test, setup_lazy(f), 0);
	while (at < end && rounds++ < 100) {
		mock_hal_fail_after(f->mock, 3);
		err = axas_space_populate(f->space, gpa_range(at, end - at), &done);
		mock_hal_fail_never(f->mock);
		KUNIT_EXPECT_EQ(test, err, done == end - at ? 0 : -ENOMEM);
		at += done;
		KUNIT_EXPECT_EQ(test, f->mock->frames, (long)((at - BORDER + SZ_64K) / SZ_4K));
		space_expect_balanced(f);
	}
	KUNIT_EXPECT_EQ(test, at, end);
	KUNIT_EXPECT_GT(test, rounds, 10u);
}

/* An exact write across two untouched pages writes all bytes or none. */
static void write_without_memory_writes_nothing(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 gpa = BORDER - 4;
	unsigned int nth;
	u64 val, back;
	int err;

	for (nth = 1; nth < 50; nth++) {
		axas_space_clear(f->space);
		KUNIT_ASSERT_EQ(test, setup_lazy(f), 0);
		val = 0x1122334455667788ull + nth;
		mock_hal_fail_nth(f->mock, nth);
		err = axas_write(f->space, axas_gpa(gpa), &val, sizeof(val));
		mock_hal_fail_never(f->mock);
		KUNIT_ASSERT_EQ(test, axas_read(f->space, axas_gpa(gpa), &back, sizeof(back)), 0);
		KUNIT_EXPECT_EQ(test, back, err ? 0 : val);
		if (!err)
			break;
		KUNIT_EXPECT_EQ(test, err, -ENOMEM);
	}
	KUNIT_EXPECT_GT(test, nth, 4u);
	KUNIT_EXPECT_LT(test, nth, 50u);
}

/* Random allocation failures neither leak nor lose frames. */
static void random_failures_leak_nothing(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	unsigned int i;

	mock_hal_fail_random(f->mock, 5, 1234);
	for (i = 0; i < 300; i++) {
		u64 gpa = BORDER - SZ_64K + i % 32 * SZ_4K;

		space_map_populated(f, gpa, (1 + i % 9) * SZ_4K, TEST_RW);
		space_map_linear(f, gpa, SZ_2M, LINEAR + gpa % SZ_2M, TEST_RW);
		space_map_alloc(f, gpa, SZ_1M, TEST_R);
		space_fault(f, gpa + SZ_8K, TEST_R);
		space_protect(f, gpa + SZ_4K, SZ_8K, TEST_R);
		space_expect_balanced(f);
		if (i % 3)
			space_unmap(f, gpa, SZ_16K);
		else
			axas_space_clear(f->space);
		space_expect_balanced(f);
	}
	KUNIT_EXPECT_GT(test, f->mock->failures, 100ull);
	mock_hal_fail_never(f->mock);
	axas_space_clear(f->space);
	space_expect_empty(f);
}

static struct kunit_case fail_cases[] = {
	KUNIT_CASE_PARAM(populated_area_comes_as_a_whole_or_not, space_gen_params),
	KUNIT_CASE_PARAM(linear_area_comes_as_a_whole_or_not, space_gen_params),
	KUNIT_CASE_PARAM(fault_without_memory_changes_nothing, space_gen_params),
	KUNIT_CASE_PARAM(unmap_that_cannot_split_changes_nothing, space_gen_params),
	KUNIT_CASE_PARAM(protect_that_cannot_split_changes_nothing, space_gen_params),
	KUNIT_CASE_PARAM(policy_that_cannot_split_changes_nothing, space_gen_params),
	KUNIT_CASE_PARAM(discard_that_cannot_split_changes_nothing, space_gen_params),
	KUNIT_CASE_PARAM(populate_can_go_on_after_every_failure, space_gen_params),
	KUNIT_CASE_PARAM(write_without_memory_writes_nothing, space_gen_params),
	KUNIT_CASE_PARAM(random_failures_leak_nothing, space_gen_params),
	{}
};

struct kunit_suite axas_space_fail_suite = {
	.name = "axas_space_fail",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = fail_cases,
};
