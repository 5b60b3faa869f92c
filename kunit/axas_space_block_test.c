// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leaves of 2 MiB that clones borrow (axas_space_cow.c, axas_image.c): when a region is one, what a
 * write makes of it, and what else meets it: protections, discards, chains, logs, resets, folding.
 */
#include "axas_image.h"
#include "image_window.h"

/* The region; its neighbours in the window are of 4 KiB leaves. */
#define BLOCK	BORDER

/* The window, with a byte in each page; the block is one leaf. The space becomes a clone of it. */
static struct axas_image *clone_of_block(struct space_fixture *f)
{
	u64 at;

	KUNIT_ASSERT_EQ(f->test, space_map_small(f, WIN, SZ_2M, TEST_RW), 0);
	KUNIT_ASSERT_EQ(f->test, axas_space_map_alloc(f->space, gpa_range(BLOCK, SZ_2M), TEST_RW,
						      AXAS_TYPE_NORMAL, AXAS_MAP_POPULATE |
						      AXAS_MAP_HUGE_ALWAYS), 0);
	for (at = WIN; at < WIN + WIN_SIZE; at += SZ_4K)
		write_byte(f, at);
	return freeze_it(f);
}

/* The level of the leaf that maps an address, which must not permit writes unless @write. */
static unsigned int level_of(struct space_fixture *f, u64 gpa, bool write)
{
	struct axas_leaf leaf = {};

	KUNIT_EXPECT_TRUE(f->test, axas_npt_lookup(&f->space->npt, gpa, &leaf));
	KUNIT_EXPECT_EQ(f->test, !!(leaf.prot & TEST_W), write);
	return leaf.level;
}

static struct axas_info info_of(struct space_fixture *f)
{
	struct axas_info info;

	axas_space_get_info(f->space, &info);
	return info;
}

static void a_region_is_borrowed_as_one_leaf(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = clone_of_block(f);
	unsigned int level = 9;
	u64 hpa;

	KUNIT_EXPECT_EQ(test, axas_space_fault(f->space, axas_gpa(BLOCK + SZ_64K), TEST_R, &level),
			AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, level, 1);
	KUNIT_EXPECT_EQ(test, level_of(f, BLOCK + SZ_64K, false), 1);
	KUNIT_EXPECT_EQ(test, axas_space_fault(f->space, axas_gpa(BLOCK), TEST_R, &level),
			AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, level, 1);
	KUNIT_EXPECT_EQ(test, byte_at(f, BLOCK + SZ_64K), usual_byte(BLOCK + SZ_64K));
	KUNIT_EXPECT_EQ(test, info_of(f).borrowed, 512ull);
	KUNIT_EXPECT_EQ(test, info_of(f).frames, 0ull);
	/* The region beside it has leaves of 4 KiB. */
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, level_of(f, WIN, false), 0);
	/* A write takes one page out of it. */
	hpa = space_hpa(f, BLOCK + SZ_8K);
	KUNIT_EXPECT_EQ(test, axas_space_fault(f->space, axas_gpa(BLOCK + SZ_4K), TEST_W, &level),
			AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, level, 0);
	KUNIT_EXPECT_EQ(test, level_of(f, BLOCK + SZ_4K, true), 0);
	KUNIT_EXPECT_EQ(test, level_of(f, BLOCK + SZ_8K, false), 0);
	KUNIT_EXPECT_EQ(test, space_hpa(f, BLOCK + SZ_8K), hpa);
	KUNIT_EXPECT_NE(test, space_hpa(f, BLOCK + SZ_4K), hpa - SZ_4K);
	KUNIT_EXPECT_EQ(test, info_of(f).frames, 1ull);
	KUNIT_EXPECT_EQ(test, info_of(f).borrowed, 512 + 511ull);
	KUNIT_EXPECT_EQ(test, byte_at(f, BLOCK + SZ_4K), usual_byte(BLOCK + SZ_4K));
	finish(f, image);
}

/* A write comes first: no leaf of 2 MiB is made for it. */
static void a_write_borrows_no_block(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = clone_of_block(f);
	u8 byte = 0;

	KUNIT_EXPECT_EQ(test, write_at(f, BLOCK, &byte, 1), 0);
	KUNIT_EXPECT_EQ(test, level_of(f, BLOCK, true), 0);
	KUNIT_EXPECT_EQ(test, byte_at(f, BLOCK + SZ_4K), usual_byte(BLOCK + SZ_4K));
	KUNIT_EXPECT_EQ(test, image_byte(test, image, BLOCK), usual_byte(BLOCK));
	finish(f, image);
}

static void policy_and_areas_forbid_a_block(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = clone_of_block(f);
	struct axas_space *clone;

	KUNIT_EXPECT_EQ(test, axas_space_set_policy(f->space, gpa_range(BLOCK, SZ_2M),
						    AXAS_MAP_HUGE_NEVER), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, level_of(f, BLOCK, false), 0);
	clone = axas_image_clone(image, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(clone));
	KUNIT_EXPECT_EQ(test, axas_space_unmap(clone, gpa_range(BLOCK, SZ_4K)), 0);
	KUNIT_EXPECT_EQ(test, axas_space_fault(clone, axas_gpa(BLOCK), TEST_R, NULL),
			AXAS_FAULT_HOLE);
	KUNIT_EXPECT_EQ(test, axas_space_fault(clone, axas_gpa(BLOCK + SZ_4K), TEST_R, NULL),
			AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, axas_npt_leaves(&clone->npt, 1), 0l);
	axas_space_put(clone);
	finish(f, image);
}

/* Protect, discard and unmap parts of a block that is mapped. */
static void parts_of_a_block_change(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = clone_of_block(f);
	struct axas_gpa_range part = gpa_range(BLOCK + SZ_1M, SZ_64K);
	u64 done;

	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, space_protect(f, BLOCK, SZ_64K, TEST_R), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK, TEST_W), AXAS_FAULT_DENIED);
	KUNIT_EXPECT_EQ(test, byte_at(f, BLOCK), usual_byte(BLOCK));
	write_byte(f, BLOCK + SZ_64K);
	/* As one leaf again, of a part that is discarded. */
	axas_space_clear(f->space);
	KUNIT_EXPECT_EQ(test, axas_space_reset(f->space, image, 0), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, level_of(f, BLOCK, false), 1);
	KUNIT_EXPECT_EQ(test, axas_space_discard(f->space, &part, 1, &done), 0);
	KUNIT_EXPECT_EQ(test, byte_at(f, part.start.val), 0);
	KUNIT_EXPECT_EQ(test, byte_at(f, part.start.val - SZ_4K),
			usual_byte(part.start.val - SZ_4K));
	KUNIT_EXPECT_EQ(test, byte_at(f, part.start.val + SZ_64K),
			usual_byte(part.start.val + SZ_64K));
	/* All of it. */
	KUNIT_EXPECT_EQ(test, axas_space_reset(f->space, image, AXAS_RESET_DROP), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK, TEST_R), AXAS_FAULT_FIXED);
	part = gpa_range(BLOCK, SZ_2M);
	KUNIT_EXPECT_EQ(test, axas_space_discard(f->space, &part, 1, &done), 0);
	KUNIT_EXPECT_EQ(test, byte_at(f, BLOCK + SZ_1M), 0);
	KUNIT_EXPECT_EQ(test, axas_space_reset(f->space, image, 0), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, space_unmap(f, BLOCK + SZ_64K, SZ_64K), 0);
	KUNIT_EXPECT_EQ(test, byte_at(f, BLOCK), usual_byte(BLOCK));
	KUNIT_EXPECT_EQ(test, image_byte(test, image, BLOCK + SZ_64K), usual_byte(BLOCK + SZ_64K));
	finish(f, image);
}

static void a_block_of_a_chain(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = clone_of_block(f), *next;
	struct axas_gpa_range range = gpa_range(WIN, WIN_SIZE);
	struct axas_diff_extent extent;
	u64 hpa;

	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, axas_space_diff(f->space, &range, &extent, 1), 0);
	hpa = space_hpa(f, BLOCK);
	/* The base of the next image has the leaf, BORROWED. */
	next = freeze_it(f);
	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, level_of(f, BLOCK, false), 1);
	KUNIT_EXPECT_EQ(test, space_hpa(f, BLOCK), hpa);
	axas_image_put(next);
	/* A page of it is private in the one after that: leaves of 4 KiB. */
	write_byte(f, BLOCK);
	next = freeze_it(f);
	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK + SZ_4K, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, level_of(f, BLOCK + SZ_4K, false), 0);
	KUNIT_EXPECT_EQ(test, space_hpa(f, BLOCK + SZ_4K), hpa + SZ_4K);
	axas_image_put(next);
	finish(f, image);
}

static void a_block_is_logged_by_pages(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = clone_of_block(f);

	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK, TEST_R), AXAS_FAULT_SPURIOUS);
	expect_clean(f);
	KUNIT_EXPECT_EQ(test, level_of(f, BLOCK, false), 1);
	write_byte(f, BLOCK + SZ_64K);
	expect_written(f, BLOCK + SZ_64K, SZ_4K);
	clear_got(f);
	expect_clean(f);
	KUNIT_EXPECT_EQ(test, stop(f, WIN, WIN_SIZE), 0);
	KUNIT_EXPECT_EQ(test, level_of(f, BLOCK, false), 0);
	finish(f, image);
}

static void a_chain_with_a_block_stays_short(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *first = clone_of_block(f), *image = NULL;
	unsigned int i;

	for (i = 0; i < 2 * AXAS_FOLD_DEPTH; i++) {
		u8 byte = i;

		KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK, TEST_R), AXAS_FAULT_FIXED);
		KUNIT_EXPECT_EQ(test, level_of(f, BLOCK, false), 1);
		KUNIT_EXPECT_EQ(test, write_at(f, WIN + i % 3 * SZ_4K, &byte, 1), 0);
		if (image)
			axas_image_put(image);
		image = freeze_it(f);
	}
	KUNIT_EXPECT_LE(test, f->space->image->depth, AXAS_FOLD_DEPTH);
	KUNIT_EXPECT_EQ(test, byte_at(f, WIN), (2 * AXAS_FOLD_DEPTH - 1) / 3 * 3);
	KUNIT_EXPECT_EQ(test, byte_at(f, BLOCK + SZ_8K), usual_byte(BLOCK + SZ_8K));
	axas_image_put(first);
	finish(f, image);
}

/* Each page of a region may be found in another image: one fault does not look for all of them. */
static void a_fault_looks_at_few_images(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *images[4];
	unsigned int i;

	for (i = 0; i < 512; i++) {
		KUNIT_ASSERT_EQ(test, space_map_small(f, BLOCK + i * SZ_4K, SZ_4K,
						      i & 1 ? TEST_RW : TEST_R), 0);
	}
	for (i = 1; i < 512; i += 2)
		write_byte(f, BLOCK + i * SZ_4K);
	for (i = 0; i < ARRAY_SIZE(images); i++)
		images[i] = freeze_it(f);
	KUNIT_ASSERT_EQ(test, space_protect(f, BLOCK, SZ_2M, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, info_of(f).borrowed, 512 / ARRAY_SIZE(images));
	for (i = 1; i < 512; i += 2)
		KUNIT_EXPECT_EQ(test, byte_at(f, BLOCK + i * SZ_4K), usual_byte(BLOCK + i * SZ_4K));
	for (i = 1; i < ARRAY_SIZE(images); i++)
		axas_image_put(images[i]);
	finish(f, images[0]);
}

/* Without a table for it, a block is not split, and nothing changes. */
static void a_failing_split(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = clone_of_block(f);
	u64 nth;
	int result;

	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK, TEST_R), AXAS_FAULT_FIXED);
	for (nth = 1; ; nth++) {
		mock_hal_fail_nth(f->mock, nth);
		result = space_fault(f, BLOCK, TEST_W);
		if (result == AXAS_FAULT_FIXED)
			break;
		KUNIT_ASSERT_EQ(test, result, AXAS_FAULT_NOMEM);
		KUNIT_EXPECT_EQ(test, byte_at(f, BLOCK), usual_byte(BLOCK));
	}
	KUNIT_EXPECT_GE(test, nth, 2ull);
	mock_hal_fail_never(f->mock);
	finish(f, image);
}

static struct kunit_case block_cases[] = {
	KUNIT_CASE_PARAM(a_region_is_borrowed_as_one_leaf, space_gen_params),
	KUNIT_CASE_PARAM(a_write_borrows_no_block, space_gen_params),
	KUNIT_CASE_PARAM(policy_and_areas_forbid_a_block, space_gen_params),
	KUNIT_CASE_PARAM(parts_of_a_block_change, space_gen_params),
	KUNIT_CASE_PARAM(a_block_of_a_chain, space_gen_params),
	KUNIT_CASE_PARAM(a_block_is_logged_by_pages, space_gen_params),
	KUNIT_CASE_PARAM(a_chain_with_a_block_stays_short, space_gen_params),
	KUNIT_CASE_PARAM(a_fault_looks_at_few_images, space_gen_params),
	KUNIT_CASE_PARAM(a_failing_split, space_gen_params),
	{}
};

struct kunit_suite axas_space_block_suite = {
	.name = "axas_space_block",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = block_cases,
};
