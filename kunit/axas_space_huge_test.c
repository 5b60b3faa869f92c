// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames of 2 MiB in alloc areas (axas_space.c): when they are used, operations on a part of
 * one, and the collapse of small leaves.
 */
#include <linux/bvec.h>
#include <linux/err.h>

#include "npt_fixture.h"
#include "space_fixture.h"

/* An aligned 2 MiB of the window, with other areas around it. */
#define BLOCK		BORDER
#define BLOCK_PAGES	512l

static int map_flags(struct space_fixture *f, u64 gpa, u64 size, u32 flags)
{
	return axas_space_map_alloc(f->space, gpa_range(gpa, size), TEST_RW, AXAS_TYPE_NORMAL,
				    flags);
}

static void expect_leaves(struct space_fixture *f, u64 small, u64 large)
{
	struct axas_info info;

	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(f->test, info.leaves[0], small);
	KUNIT_EXPECT_EQ(f->test, info.leaves[1], large);
	KUNIT_EXPECT_EQ(f->test, info.leaves[2], 0ull);
	KUNIT_EXPECT_EQ(f->test, info.frames, small + 512 * large);
	space_expect_balanced(f);
}

static void populate_takes_2m_where_the_area_covers_them(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_translation to;

	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK - SZ_8K, SZ_2M + SZ_16K, AXAS_MAP_POPULATE), 0);
	expect_leaves(f, 4, 1);
	KUNIT_ASSERT_EQ(test, axas_space_translate(f->space, axas_gpa(BLOCK + 5), &to), 0);
	KUNIT_EXPECT_EQ(test, to.level, 1u);
	KUNIT_EXPECT_EQ(test, to.left, SZ_2M - 5ull);
	KUNIT_EXPECT_TRUE(test, axas_hpa_is_aligned(axas_hpa(to.hpa.val - 5), SZ_2M));
}

/* By default faults use 4 KiB and populate 2 MiB; flags of the area change that. */
static void areas_choose_their_frames(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	unsigned int level = 7;

	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK, SZ_2M, 0), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK, TEST_R), AXAS_FAULT_FIXED);
	expect_leaves(f, 1, 0);
	axas_space_clear(f->space);
	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK, SZ_2M, AXAS_MAP_HUGE_ALWAYS), 0);
	KUNIT_EXPECT_EQ(test, axas_space_fault(f->space, axas_gpa(BLOCK + SZ_1M), TEST_R, &level),
			AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, level, 1u);
	expect_leaves(f, 0, 1);
	KUNIT_EXPECT_EQ(test, axas_space_fault(f->space, axas_gpa(BLOCK + 5), TEST_W, &level),
			AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, level, 1u);
	axas_space_clear(f->space);
	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK, SZ_2M, AXAS_MAP_HUGE_NEVER | AXAS_MAP_POPULATE),
			0);
	expect_leaves(f, 512, 0);
}

static void policy_is_told_and_kept(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_area_info area;

	KUNIT_EXPECT_EQ(test, map_flags(f, BLOCK, SZ_2M, AXAS_MAP_HUGE_ALWAYS |
					AXAS_MAP_HUGE_NEVER), -EINVAL);
	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK, SZ_4M, AXAS_MAP_HUGE_ALWAYS |
					AXAS_MAP_POPULATE), 0);
	KUNIT_ASSERT_EQ(test, space_unmap(f, BLOCK, SZ_4K), 0);
	KUNIT_ASSERT_TRUE(test, axas_space_next_area(f->space, axas_gpa(BLOCK), &area));
	KUNIT_EXPECT_EQ(test, area.gpa, BLOCK + SZ_4K);
	KUNIT_EXPECT_EQ(test, area.flags, (u32)AXAS_MAP_HUGE_ALWAYS);
}

/* 4 KiB are used if the area does not cover the 2 MiB, or some of its pages are touched. */
static void fault_takes_4k_where_2m_do_not_fit(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 first;

	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK, SZ_2M - SZ_4K, AXAS_MAP_HUGE_ALWAYS), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK, TEST_R), AXAS_FAULT_FIXED);
	expect_leaves(f, 1, 0);
	axas_space_clear(f->space);
	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK + SZ_4K, SZ_2M, AXAS_MAP_HUGE_ALWAYS), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK + SZ_4K, TEST_R), AXAS_FAULT_FIXED);
	expect_leaves(f, 1, 0);
	axas_space_clear(f->space);
	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK, SZ_2M, 0), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK, TEST_R), AXAS_FAULT_FIXED);
	first = space_hpa(f, BLOCK);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(BLOCK, SZ_2M), &first), 0);
	expect_leaves(f, 512, 0);
}

/* FINDINGS 5: @done does not count the part of a large leaf beyond the range. */
static void populate_of_a_part_of_2m_does_that_part(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 done;

	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK, SZ_2M, AXAS_MAP_HUGE_ALWAYS), 0);
	KUNIT_ASSERT_EQ(test, space_fault(f, BLOCK, TEST_R), AXAS_FAULT_FIXED);
	expect_leaves(f, 0, 1);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(BLOCK, SZ_64K), &done), 0);
	KUNIT_EXPECT_EQ(test, done, SZ_64K + 0ull);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(BLOCK + SZ_8K, SZ_4K), &done),
			0);
	KUNIT_EXPECT_EQ(test, done, SZ_4K + 0ull);
}

/* Defect 4, Rule R4: large frames are zeroed, too. */
static void all_of_2m_is_zero(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 offset;

	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK, SZ_2M, AXAS_MAP_HUGE_ALWAYS), 0);
	KUNIT_ASSERT_EQ(test, space_fault(f, BLOCK, TEST_W), AXAS_FAULT_FIXED);
	for (offset = 0; offset < SZ_2M; offset += SZ_4K)
		KUNIT_EXPECT_PTR_EQ(test, memchr_inv(space_mem(f, BLOCK + offset), 0, SZ_4K),
				    NULL);
}

/* If order 9 fails, 4 KiB frames are used. */
static void without_2m_of_memory_4k_serve(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 done;

	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK, SZ_2M, AXAS_MAP_HUGE_ALWAYS), 0);
	mock_hal_fail_nth(f->mock, 1);
	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, f->mock->failures, 1ull);
	expect_leaves(f, 1, 0);
	axas_space_clear(f->space);
	mock_hal_fail_nth(f->mock, 1);
	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK, SZ_2M, AXAS_MAP_POPULATE), 0);
	expect_leaves(f, 512, 0);
	/* A limit below 512 frames makes order 9 fail, but not the fault. */
	space_limit_frames(f, 511);
	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK, SZ_2M, AXAS_MAP_HUGE_ALWAYS), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK, TEST_R), AXAS_FAULT_FIXED);
	expect_leaves(f, 1, 0);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(BLOCK, SZ_2M), &done),
			-ENOMEM);
	KUNIT_EXPECT_EQ(test, done, SZ_2M - SZ_4K + 0ull);
	expect_leaves(f, 511, 0);
}

/* A machine without 2 MiB leaves, and one with executable leaves of 4 KiB only: Rule R15. */
static void machine_bounds_the_leaves(struct kunit *test)
{
	struct axas_npt_caps small = { .leaf_levels = BIT(0), .oa_bits = 40 };
	struct axas_npt_caps erratum = {
		.leaf_levels = BIT(0) | BIT(1), .oa_bits = 40, .flags = AXAS_CAP_EXEC_4K,
	};
	struct space_fixture *f = test->priv;
	struct axas_space_params params = { .hal = &f->mock->hal };

	KUNIT_ASSERT_EQ(test, space_adopt(f, axas_space_create_fmt(&params, &axas_npt_ept, &small)),
			0);
	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK, SZ_2M, AXAS_MAP_POPULATE), 0);
	expect_leaves(f, 512, 0);
	KUNIT_ASSERT_EQ(test, space_adopt(f, axas_space_create_fmt(&params, &axas_npt_ept,
								   &erratum)), 0);
	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK, SZ_2M, AXAS_MAP_POPULATE), 0);
	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(f->space, gpa_range(WIN, SZ_2M), TEST_RX,
						   AXAS_TYPE_NORMAL, AXAS_MAP_POPULATE), 0);
	expect_leaves(f, 512, 1);
	/* Executable now, so the leaf is split. */
	KUNIT_EXPECT_EQ(test, space_protect(f, BLOCK + SZ_1M, SZ_4K, TEST_RX), 0);
	expect_leaves(f, 1024, 0);
	axas_space_clear(f->space);
	KUNIT_ASSERT_EQ(test, map_flags(f, WIN, SZ_4M, AXAS_MAP_POPULATE), 0);
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN, SZ_4M, TEST_RX), 0);
	expect_leaves(f, 1024, 0);
}

/* Fill each page of the block with its number, modulo 251. */
static void number_pages(struct space_fixture *f)
{
	u64 i;

	for (i = 0; i < 512; i++)
		memset(space_mem(f, BLOCK + i * SZ_4K), i % 251, SZ_4K);
}

static void expect_numbers(struct space_fixture *f, u64 first, u64 n)
{
	u8 *mem;
	u64 i;

	for (i = first; i < first + n; i++) {
		mem = space_mem(f, BLOCK + i * SZ_4K);
		if (!mem || memchr_inv(mem, i % 251, SZ_4K))
			KUNIT_FAIL(f->test, "page %llu lost its content", i);
	}
}

/* Defects 18 and 19: 4 KiB are freed, the rest keeps its frames and content. */
static void unmap_inside_2m_frees_just_that(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK, SZ_2M, AXAS_MAP_POPULATE), 0);
	number_pages(f);
	KUNIT_EXPECT_EQ(test, space_unmap(f, BLOCK + 100 * SZ_4K, SZ_4K), 0);
	expect_leaves(f, 511, 0);
	space_expect_nothing(f, BLOCK + 100 * SZ_4K, SZ_4K);
	expect_numbers(f, 0, 100);
	expect_numbers(f, 101, 411);
	KUNIT_EXPECT_EQ(test, space_unmap(f, BLOCK, SZ_1M), 0);
	expect_leaves(f, 256, 0);
	expect_numbers(f, 256, 256);
	KUNIT_EXPECT_EQ(test, space_unmap(f, BLOCK, SZ_2M), 0);
	space_expect_empty(f);
}

static void protect_inside_2m_keeps_the_content(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK, SZ_2M, AXAS_MAP_POPULATE), 0);
	number_pages(f);
	KUNIT_EXPECT_EQ(test, space_protect(f, BLOCK + SZ_64K, SZ_64K, TEST_R), 0);
	expect_leaves(f, 512, 0);
	expect_numbers(f, 0, 512);
	space_expect_leaf(f, BLOCK + SZ_64K, space_hpa(f, BLOCK + SZ_64K), TEST_R);
	space_expect_leaf(f, BLOCK + SZ_128K, space_hpa(f, BLOCK + SZ_128K), TEST_RW);
	/* The whole leaf needs no split. */
	axas_space_clear(f->space);
	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK, SZ_2M, AXAS_MAP_POPULATE), 0);
	KUNIT_EXPECT_EQ(test, space_protect(f, BLOCK, SZ_2M, TEST_R), 0);
	expect_leaves(f, 0, 1);
}

static int set_policy(struct space_fixture *f, u64 gpa, u64 size, u32 flags)
{
	int err = axas_space_set_policy(f->space, gpa_range(gpa, size), flags);

	monitor_expect_flushed(f->monitor);
	return err;
}

static u32 policy_at(struct space_fixture *f, u64 gpa)
{
	struct axas_area_info area = {};

	KUNIT_EXPECT_TRUE(f->test, axas_space_next_area(f->space, axas_gpa(gpa), &area));
	KUNIT_EXPECT_LE(f->test, area.gpa, gpa);
	return area.flags;
}

static void policy_changes_what_faults_do_from_then_on(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	unsigned int level = 7;

	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK, SZ_4M, 0), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, set_policy(f, BLOCK, SZ_4M, AXAS_MAP_HUGE_ALWAYS), 0);
	space_expect_areas(f, 1);
	KUNIT_EXPECT_EQ(test, axas_space_fault(f->space, axas_gpa(BLOCK + SZ_2M), TEST_R, &level),
			AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, level, 1u);
	/* The first block has a table already. */
	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK + SZ_4K, TEST_R), AXAS_FAULT_FIXED);
	expect_leaves(f, 2, 1);
	KUNIT_EXPECT_EQ(test, set_policy(f, BLOCK, SZ_2M, AXAS_MAP_AROUND(4)), 0);
	KUNIT_EXPECT_EQ(test, policy_at(f, BLOCK), (u32)AXAS_MAP_AROUND(4));
	KUNIT_EXPECT_EQ(test, policy_at(f, BLOCK + SZ_2M), (u32)AXAS_MAP_HUGE_ALWAYS);
	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK + SZ_1M, TEST_R), AXAS_FAULT_FIXED);
	expect_leaves(f, 18, 1);
	KUNIT_EXPECT_EQ(test, set_policy(f, 0, SZ_4G, AXAS_MAP_HUGE_NEVER), 0);
	space_expect_areas(f, 1);
	space_expect_area(f, 0, BLOCK, SZ_4M, TEST_RW);
	KUNIT_EXPECT_EQ(test, policy_at(f, BLOCK), (u32)AXAS_MAP_HUGE_NEVER);
	expect_leaves(f, 18, 1);
}

/* No leaf reaches from one area into another: else removing one would remove both. */
static void policy_splits_leaves_where_areas_end(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK, SZ_4M, AXAS_MAP_POPULATE), 0);
	number_pages(f);
	KUNIT_EXPECT_EQ(test, set_policy(f, BLOCK + SZ_1M, SZ_4K, AXAS_MAP_HUGE_NEVER), 0);
	space_expect_areas(f, 3);
	expect_leaves(f, 512, 1);
	expect_numbers(f, 0, 512);
	KUNIT_EXPECT_EQ(test, space_unmap(f, BLOCK + SZ_1M, SZ_4K), 0);
	expect_leaves(f, 511, 1);
	expect_numbers(f, 0, 256);
	expect_numbers(f, 257, 255);
	/* At the border of two leaves nothing is split. */
	KUNIT_EXPECT_EQ(test, set_policy(f, BLOCK + SZ_2M, SZ_2M, AXAS_MAP_HUGE_ALWAYS), 0);
	expect_leaves(f, 511, 1);
}

static void policy_as_it_is_changes_nothing(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	unsigned long generation;

	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK, SZ_4M, AXAS_MAP_HUGE_ALWAYS), 0);
	generation = f->space->generation;
	KUNIT_EXPECT_EQ(test, set_policy(f, WIN, WIN_SIZE, AXAS_MAP_HUGE_ALWAYS), 0);
	KUNIT_EXPECT_EQ(test, set_policy(f, WIN, SZ_4K, AXAS_MAP_HUGE_NEVER), 0);
	KUNIT_EXPECT_EQ(test, f->space->generation, generation);
	space_expect_areas(f, 1);
}

static void policy_that_cannot_be_is_refused(struct kunit *test)
{
	static const u32 wrong[] = {
		AXAS_MAP_HUGE_ALWAYS | AXAS_MAP_HUGE_NEVER, AXAS_MAP_AROUND(10), AXAS_MAP_POPULATE,
		BIT(31),
	};
	struct space_fixture *f = test->priv;
	struct space_snapshot before;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, map_flags(f, WIN, SZ_2M, AXAS_MAP_POPULATE), 0);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, BLOCK, SZ_4K, LINEAR, TEST_RW), 0);
	space_take(f, &before);
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		KUNIT_EXPECT_EQ(test, set_policy(f, WIN, SZ_4K, wrong[i]), -EINVAL);
	/* Linear memory has no frames to choose, though its flags are 0. */
	KUNIT_EXPECT_EQ(test, set_policy(f, WIN, WIN_SIZE, AXAS_MAP_HUGE_NEVER), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, set_policy(f, BLOCK, SZ_4K, 0), -EOPNOTSUPP);
	space_expect_same(f, &before, "a wrong policy");
}

static void access_crosses_2m_leaves(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 out = 0x1122334455667788, back = 0;

	KUNIT_ASSERT_EQ(test, map_flags(f, WIN, SZ_4M, AXAS_MAP_HUGE_ALWAYS), 0);
	KUNIT_EXPECT_EQ(test, axas_write(f->space, axas_gpa(BORDER - 3), &out, 8), 0);
	expect_leaves(f, 0, 2);
	KUNIT_EXPECT_EQ(test, axas_read_obj(f->space, axas_gpa(BORDER - 3), AXAS_WIDTH_64, &back),
			0);
	KUNIT_EXPECT_EQ(test, back, out);
	KUNIT_EXPECT_EQ(test, *space_mem(f, BORDER - 1), ((u8 *)&out)[2]);
	KUNIT_EXPECT_EQ(test, *space_mem(f, BORDER), ((u8 *)&out)[3]);
}

/* Each 4 KiB of a large frame has its own reference count: pinned pages outlive an unmap. */
static void pages_of_2m_are_shared_one_by_one(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct bio_vec bvecs[2];

	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK, SZ_2M, AXAS_MAP_POPULATE), 0);
	number_pages(f);
	KUNIT_ASSERT_EQ(test, axas_space_bvec(f->space, gpa_range(BLOCK + 7 * SZ_4K, SZ_8K),
					      TEST_R, bvecs, 2), 2);
	KUNIT_EXPECT_EQ(test, page_count(bvecs[0].bv_page), 2);
	KUNIT_EXPECT_EQ(test, space_unmap(f, BLOCK, SZ_2M), 0);
	space_expect_empty(f);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(page_address(bvecs[0].bv_page), 7, SZ_4K), NULL);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(page_address(bvecs[1].bv_page), 8, SZ_4K), NULL);
	axas_space_bvec_put(bvecs, 2);
}

static int race_fault(void *arg)
{
	struct space_fixture *f = arg;

	return space_fault(f, BLOCK + SZ_1M, TEST_W);
}

static int race_populate(void *arg)
{
	struct space_fixture *f = arg;
	u64 done;

	return axas_space_populate(f->space, gpa_range(BLOCK, SZ_2M), &done);
}

/* Defect 3: both allocate 2 MiB, and the loser frees them. */
static void two_threads_fault_the_same_2m(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct test_thread threads[] = { { race_fault, f }, { race_fault, f } };

	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK, SZ_2M, AXAS_MAP_HUGE_ALWAYS), 0);
	mock_hal_meet(f->mock, 2, 0);
	KUNIT_ASSERT_EQ(test, test_run_threads(threads, 2), 0);
	KUNIT_EXPECT_FALSE(test, f->mock->meet_missed);
	KUNIT_EXPECT_EQ(test, min(threads[0].result, threads[1].result), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, max(threads[0].result, threads[1].result), AXAS_FAULT_SPURIOUS);
	expect_leaves(f, 0, 1);
}

/* The fault allocates 4 KiB, populate 2 MiB: all is mapped, whichever wins. */
static void fault_and_populate_meet(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct test_thread threads[] = { { race_fault, f }, { race_populate, f } };
	unsigned int round;

	for (round = 0; round < 20; round++) {
		KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK, SZ_2M, 0), 0);
		mock_hal_meet(f->mock, 2, 0);
		KUNIT_ASSERT_EQ(test, test_run_threads(threads, 2), 0);
		KUNIT_EXPECT_FALSE(test, f->mock->meet_missed);
		KUNIT_EXPECT_TRUE(test, threads[0].result == AXAS_FAULT_FIXED ||
				  threads[0].result == AXAS_FAULT_SPURIOUS);
		KUNIT_EXPECT_EQ(test, threads[1].result, 0);
		KUNIT_EXPECT_EQ(test, f->mock->frames, BLOCK_PAGES);
		space_expect_balanced(f);
		axas_space_clear(f->space);
		space_expect_empty(f);
	}
}

/* The failing allocation may be the 2 MiB, a table, or one of the 4 KiB instead. */
static void populate_of_2m_comes_as_a_whole_or_not(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct space_snapshot before;
	unsigned int served;
	int err;

	KUNIT_ASSERT_EQ(test, map_flags(f, WIN, SZ_64K, AXAS_MAP_POPULATE), 0);
	space_take(f, &before);
	for (served = 0; served < 12; served++) {
		mock_hal_fail_after(f->mock, served);
		err = map_flags(f, BLOCK, SZ_2M, AXAS_MAP_POPULATE);
		mock_hal_fail_never(f->mock);
		if (!err)
			break;
		KUNIT_EXPECT_EQ(test, err, -ENOMEM);
		space_expect_same(f, &before, "populate of 2 MiB");
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_GT(test, served, 0u);
	space_expect_balanced(f);
}

static u64 collapse(struct space_fixture *f, u64 gpa, u64 size)
{
	u64 n = 0;

	KUNIT_EXPECT_EQ(f->test, axas_space_collapse(f->space, gpa_range(gpa, size), &n), 0);
	return n;
}

static void collapse_puts_a_frame_together_again(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 hpa;

	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK, SZ_2M, AXAS_MAP_POPULATE), 0);
	hpa = space_hpa(f, BLOCK);
	number_pages(f);
	space_split_leaves(f, BLOCK, SZ_2M);
	expect_leaves(f, 512, 0);
	space_attach(f);
	KUNIT_EXPECT_EQ(test, collapse(f, WIN, WIN_SIZE), 1ull);
	/* The old table is freed after a flush for tables; no frame is freed. */
	KUNIT_EXPECT_TRUE(test, f->flushes > 0 && f->flush.tables);
	KUNIT_EXPECT_EQ(test, mock_hal_count(f->mock, MOCK_EVENT_FREE), 1u);
	expect_leaves(f, 0, 1);
	expect_numbers(f, 0, 512);
	space_expect_leaf(f, BLOCK, hpa, TEST_RW);
	KUNIT_EXPECT_EQ(test, collapse(f, WIN, WIN_SIZE), 0ull);
	KUNIT_EXPECT_EQ(test, space_unmap(f, BLOCK, SZ_2M), 0);
	space_expect_empty(f);
}

static void collapse_puts_linear_memory_together(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_info info;

	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER, SZ_1G, LINEAR, TEST_R), 0);
	space_split_leaves(f, BORDER + SZ_1M, SZ_2M);
	KUNIT_EXPECT_EQ(test, collapse(f, BORDER, SZ_1G), 3ull);
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.leaves[2], 1ull);
	space_expect_leaf(f, BORDER + SZ_1G - 1, LINEAR + SZ_1G - 1, TEST_R);
}

/* A range may be of several areas. */
static void collapse_goes_on_in_the_next_area(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER, SZ_2M, LINEAR, TEST_R), 0);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER + SZ_2M, SZ_2M, LINEAR, TEST_RW), 0);
	space_split_leaves(f, BORDER, SZ_4M);
	KUNIT_EXPECT_EQ(test, collapse(f, BORDER, SZ_4M), 2ull);
}

/* No collapse of scattered frames, of a part of 2 MiB, or with a page unmapped. */
static void collapse_moves_nothing(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	f->mock->scattered = true;
	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK, SZ_2M, AXAS_MAP_POPULATE | AXAS_MAP_HUGE_NEVER),
			0);
	KUNIT_EXPECT_EQ(test, collapse(f, WIN, WIN_SIZE), 0ull);
	axas_space_clear(f->space);
	KUNIT_ASSERT_EQ(test, map_flags(f, BLOCK, SZ_2M, AXAS_MAP_POPULATE), 0);
	number_pages(f);
	space_split_leaves(f, BLOCK, SZ_2M);
	KUNIT_EXPECT_EQ(test, collapse(f, BLOCK + SZ_4K, SZ_2M - SZ_4K), 0ull);
	KUNIT_ASSERT_EQ(test, space_unmap(f, BLOCK + SZ_1M, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, collapse(f, WIN, WIN_SIZE), 0ull);
	expect_leaves(f, 511, 0);
	expect_numbers(f, 0, 256);
	expect_numbers(f, 257, 255);
	KUNIT_EXPECT_EQ(test, collapse(f, 0, SZ_1G), 0ull);
}

static struct kunit_case huge_cases[] = {
	KUNIT_CASE_PARAM(populate_takes_2m_where_the_area_covers_them, space_gen_params),
	KUNIT_CASE_PARAM(populate_of_a_part_of_2m_does_that_part, space_gen_params),
	KUNIT_CASE_PARAM(areas_choose_their_frames, space_gen_params),
	KUNIT_CASE_PARAM(policy_is_told_and_kept, space_gen_params),
	KUNIT_CASE_PARAM(fault_takes_4k_where_2m_do_not_fit, space_gen_params),
	KUNIT_CASE_PARAM(all_of_2m_is_zero, space_gen_params),
	KUNIT_CASE_PARAM(without_2m_of_memory_4k_serve, space_gen_params),
	KUNIT_CASE(machine_bounds_the_leaves),
	KUNIT_CASE_PARAM(unmap_inside_2m_frees_just_that, space_gen_params),
	KUNIT_CASE_PARAM(protect_inside_2m_keeps_the_content, space_gen_params),
	KUNIT_CASE_PARAM(policy_changes_what_faults_do_from_then_on, space_gen_params),
	KUNIT_CASE_PARAM(policy_splits_leaves_where_areas_end, space_gen_params),
	KUNIT_CASE_PARAM(policy_as_it_is_changes_nothing, space_gen_params),
	KUNIT_CASE_PARAM(policy_that_cannot_be_is_refused, space_gen_params),
	KUNIT_CASE_PARAM(access_crosses_2m_leaves, space_gen_params),
	KUNIT_CASE_PARAM(pages_of_2m_are_shared_one_by_one, space_gen_params),
	KUNIT_CASE_PARAM(two_threads_fault_the_same_2m, space_gen_params),
	KUNIT_CASE_PARAM(fault_and_populate_meet, space_gen_params),
	KUNIT_CASE_PARAM(populate_of_2m_comes_as_a_whole_or_not, space_gen_params),
	KUNIT_CASE_PARAM(collapse_puts_a_frame_together_again, space_gen_params),
	KUNIT_CASE_PARAM(collapse_puts_linear_memory_together, space_gen_params),
	KUNIT_CASE_PARAM(collapse_goes_on_in_the_next_area, space_gen_params),
	KUNIT_CASE_PARAM(collapse_moves_nothing, space_gen_params),
	{}
};

struct kunit_suite axas_space_huge_suite = {
	.name = "axas_space_huge",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = huge_cases,
};
