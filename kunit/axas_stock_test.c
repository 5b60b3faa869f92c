// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest frames of Linux: blocks that stay whole until a part of them is freed or referenced
 * (axas_block.c), and the stock that serves faults (axas_stock.c).
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <axas/frame.h>

#include "axas_stock.h"
#include "axas_test.h"

#define BLOCK	((unsigned int)BIT(AXAS_STOCK_ORDER))

static const struct axas_hal *const hal = &axas_hal_linux;

static struct page *page_of(struct axas_hpa hpa)
{
	return pfn_to_page(hpa.val >> PAGE_SHIFT);
}

static void pays(unsigned int nr)
{
	WRITE_ONCE(axas_stock_test.payer, &axas_stock_test.payers[nr]);
}

static int held(unsigned int nr)
{
	return atomic_read(&axas_stock_test.payers[nr]);
}

/* The first payer pays, this thread stays on its CPU, and the stock is empty. */
static int stock_init(struct kunit *test)
{
	unsigned int i;

	set_cpus_allowed_ptr(current, cpumask_of(raw_smp_processor_id()));
	for (i = 0; i < AXAS_STOCK_TEST_PAYERS; i++)
		atomic_set(&axas_stock_test.payers[i], 0);
	pays(0);
	axas_stock_drain();
	return 0;
}

static void stock_exit(struct kunit *test)
{
	axas_stock_drain();
	WRITE_ONCE(axas_stock_test.payer, NULL);
	set_cpus_allowed_ptr(current, cpu_possible_mask);
}

static void get(struct kunit *test, struct axas_hpa *hpas, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		KUNIT_ASSERT_EQ(test, hal->alloc_frame(hal, 0, AXAS_FRAME_ZERO, &hpas[i]), 0);
}

/* Get the first frame of a block. Skip the test if memory is too fragmented for a block. */
static void get_first(struct kunit *test, struct axas_hpa *hpa)
{
	get(test, hpa, 1);
	if (axas_stock_frames() == BLOCK - 1)
		return;
	hal->free_frame(hal, *hpa, 0, 0);
	kunit_skip(test, "memory is in pieces");
}

/* Whether @n pages are one block: all but the first have no references. */
static bool whole(struct axas_hpa hpa, unsigned int n)
{
	struct page *page = page_of(hpa);
	unsigned int i;

	for (i = 1; i < n; i++)
		if (page_ref_count(page + i))
			return false;
	return page_ref_count(page) == 1 && 1u << page_private(page) == n;
}

static bool all_single(struct axas_hpa hpa, unsigned int n)
{
	struct page *page = page_of(hpa);
	unsigned int i;

	for (i = 0; i < n; i++)
		if (page_ref_count(page + i) != 1 || page_private(page + i))
			return false;
	return true;
}

/* A block is allocated for one fault, and serves the next ones. */
static void faults_are_served_from_one_block(struct kunit *test)
{
	struct axas_hpa hpas[BLOCK];
	unsigned int i;

	get_first(test, &hpas[0]);
	for (i = 0; i < BLOCK; i++) {
		if (i)
			get(test, &hpas[i], 1);
		KUNIT_EXPECT_EQ(test, axas_stock_frames(), BLOCK - 1 - i);
		KUNIT_EXPECT_EQ(test, held(0), i < BLOCK - 1);
		KUNIT_EXPECT_PTR_EQ(test, memchr_inv(axas_hal_va(hal, hpas[i]), 0, PAGE_SIZE),
				    NULL);
		KUNIT_EXPECT_EQ(test, hpas[i].val, hpas[0].val + i * PAGE_SIZE);
	}
	KUNIT_EXPECT_TRUE(test, whole(hpas[0], BLOCK));
	hal->free_frames(hal, 0, hpas, BLOCK);
}

/* Frames go only to the payer they are charged to. The stock keeps those of two payers. */
static void frames_go_to_who_has_paid(struct kunit *test)
{
	struct axas_hpa hpas[6];

	get_first(test, &hpas[0]);
	pays(1);
	get(test, &hpas[1], 2);
	KUNIT_EXPECT_EQ(test, axas_stock_frames(), 2 * BLOCK - 3);
	KUNIT_EXPECT_NE(test, hpas[1].val, hpas[0].val + PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, hpas[2].val, hpas[1].val + PAGE_SIZE);
	pays(0);
	get(test, &hpas[3], 1);
	KUNIT_EXPECT_EQ(test, hpas[3].val, hpas[0].val + PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, held(0), 1);
	KUNIT_EXPECT_EQ(test, held(1), 1);
	/* A third payer replaces the least recently used one. */
	pays(2);
	get(test, &hpas[4], 1);
	KUNIT_EXPECT_EQ(test, axas_stock_frames(), BLOCK - 2 + BLOCK - 1);
	KUNIT_EXPECT_EQ(test, held(1), 0);
	KUNIT_EXPECT_EQ(test, held(2), 1);
	pays(0);
	get(test, &hpas[5], 1);
	KUNIT_EXPECT_EQ(test, hpas[5].val, hpas[0].val + 2 * PAGE_SIZE);
	hal->free_frames(hal, 0, hpas, ARRAY_SIZE(hpas));
}

static void drain_gives_all_back(struct kunit *test)
{
	struct axas_hpa hpas[2];

	get_first(test, &hpas[0]);
	pays(1);
	get(test, &hpas[1], 1);
	KUNIT_EXPECT_EQ(test, axas_stock_drain(), 2 * BLOCK - 2);
	KUNIT_EXPECT_EQ(test, axas_stock_frames(), 0);
	KUNIT_EXPECT_EQ(test, axas_stock_drain(), 0);
	KUNIT_EXPECT_EQ(test, held(0), 0);
	KUNIT_EXPECT_EQ(test, held(1), 0);
	/* The frames in use are separate pages now. */
	KUNIT_EXPECT_TRUE(test, all_single(hpas[0], 1));
	KUNIT_EXPECT_TRUE(test, all_single(hpas[1], 1));
	hal->free_frames(hal, 0, hpas, 2);
}

/* A memcg being offlined gets its frames, and no stock is kept for it. */
static void nothing_is_kept_for_who_goes(struct kunit *test)
{
	struct axas_hpa hpa;

	atomic_set(&axas_stock_test.payers[0], -1);
	get(test, &hpa, 1);
	KUNIT_EXPECT_EQ(test, axas_stock_frames(), 0);
	KUNIT_EXPECT_TRUE(test, all_single(hpa, 1));
	KUNIT_EXPECT_EQ(test, held(0), -1);
	hal->free_frame(hal, hpa, 0, 0);
}

/* Nor if the current payer is another one by then. */
static void nothing_is_kept_for_another(struct kunit *test)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO, 0);

	KUNIT_ASSERT_NOT_NULL(test, page);
	axas_stock_put(page, 1, &axas_stock_test.payers[1], true);
	KUNIT_EXPECT_EQ(test, axas_stock_frames(), 0);
	KUNIT_EXPECT_EQ(test, held(1), 0);
}

/* Frames that will be overwritten need no zeroes: they have a shelf, and a block, of their own. */
static void frames_to_be_overwritten_take_no_zeroed_ones(struct kunit *test)
{
	struct axas_hpa hpas[5];
	unsigned int i;

	get_first(test, &hpas[0]);
	KUNIT_ASSERT_EQ(test, hal->alloc_frame(hal, 0, 0, &hpas[1]), 0);
	if (axas_stock_frames() != 2 * (BLOCK - 1)) {
		hal->free_frames(hal, 0, hpas, 2);
		kunit_skip(test, "memory is in pieces");
	}
	/* What is on that shelf is anything but zeroes. */
	for (i = 1; i < BLOCK; i++)
		memset(axas_hal_va(hal, axas_hpa_offset(hpas[1], i * PAGE_SIZE)), 0x5a, PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, hal->alloc_frame(hal, 0, 0, &hpas[2]), 0);
	KUNIT_EXPECT_EQ(test, hpas[2].val, hpas[1].val + PAGE_SIZE);
	get(test, &hpas[3], 1);
	KUNIT_EXPECT_EQ(test, hpas[3].val, hpas[0].val + PAGE_SIZE);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(axas_hal_va(hal, hpas[3]), 0, PAGE_SIZE), NULL);
	/* Another payer gets none of them, and replaces the block. */
	pays(1);
	KUNIT_ASSERT_EQ(test, hal->alloc_frame(hal, 0, 0, &hpas[4]), 0);
	KUNIT_EXPECT_NE(test, hpas[4].val, hpas[2].val + PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, axas_stock_frames(), BLOCK - 2 + BLOCK - 1);
	KUNIT_EXPECT_EQ(test, held(0), 1);
	KUNIT_EXPECT_EQ(test, held(1), 1);
	hal->free_frames(hal, 0, hpas, ARRAY_SIZE(hpas));
}

/* Rule R4: frames allocated without sleeping come zeroed from a block, too. */
static void stock_serves_who_may_not_sleep(struct kunit *test)
{
	struct axas_hpa hpas[BLOCK];
	unsigned int i;

	for (i = 0; i < BLOCK; i++) {
		if (hal->alloc_frame(hal, 0, AXAS_FRAME_ZERO | AXAS_FRAME_NOWAIT, &hpas[i]))
			break;
		KUNIT_EXPECT_PTR_EQ(test, memchr_inv(axas_hal_va(hal, hpas[i]), 0, PAGE_SIZE),
				    NULL);
	}
	KUNIT_EXPECT_TRUE(test, i < BLOCK || whole(hpas[0], BLOCK));
	KUNIT_EXPECT_EQ(test, axas_stock_frames(), 0);
	hal->free_frames(hal, 0, hpas, i);
	if (i < BLOCK)
		kunit_skip(test, "no frame to be had at once");
}

/* Frames allocated together come from blocks as large as fit. */
static void populate_takes_blocks(struct kunit *test)
{
	struct axas_hpa hpas[128 + 32 + 1];
	unsigned int n = ARRAY_SIZE(hpas), i;

	KUNIT_ASSERT_EQ(test, hal->alloc_frames(hal, 0, AXAS_FRAME_ZERO, hpas, n), n);
	if (!whole(hpas[0], 128) || !whole(hpas[128], 32)) {
		hal->free_frames(hal, 0, hpas, n);
		kunit_skip(test, "memory is in pieces");
	}
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_PTR_EQ(test, memchr_inv(axas_hal_va(hal, hpas[i]), 0, PAGE_SIZE),
				    NULL);
	hal->free_frames(hal, 0, hpas, n);
}

/* Freeing a part of a block splits the block; the other frames stay. */
static void piece_of_a_block_goes_alone(struct kunit *test)
{
	struct axas_hpa hpas[64];
	unsigned int i;

	KUNIT_ASSERT_EQ(test, hal->alloc_frames(hal, 0, AXAS_FRAME_ZERO, hpas, 64), 64);
	for (i = 0; i < 64; i++)
		memset(axas_hal_va(hal, hpas[i]), i + 1, PAGE_SIZE);
	hal->free_frames(hal, 0, &hpas[13], 3);
	for (i = 0; i < 64; i++)
		if (i < 13 || i > 15)
			KUNIT_EXPECT_TRUE(test, all_single(hpas[i], 1));
	for (i = 0; i < 64; i++)
		if (i < 13 || i > 15)
			KUNIT_EXPECT_PTR_EQ(test, memchr_inv(axas_hal_va(hal, hpas[i]), i + 1,
							     PAGE_SIZE), NULL);
	hal->free_frames(hal, 0, hpas, 13);
	hal->free_frames(hal, 0, &hpas[16], 48);
}

/* A run may begin and end inside blocks with other frames in use: those are split. */
static void ends_of_a_run_split_their_blocks(struct kunit *test)
{
	struct axas_hpa hpas[4];
	unsigned int i;

	KUNIT_ASSERT_EQ(test, hal->alloc_frame(hal, 4, AXAS_FRAME_ZERO, &hpas[0]), 0);
	KUNIT_EXPECT_TRUE(test, whole(hpas[0], 16));
	for (i = 1; i < 4; i++)
		hpas[i] = axas_hpa_offset(hpas[0], i * 4 * PAGE_SIZE);
	/* Free the inner half, by frames of 16 KiB. */
	hal->free_frames(hal, 2, &hpas[1], 2);
	KUNIT_EXPECT_TRUE(test, all_single(hpas[0], 4));
	KUNIT_EXPECT_TRUE(test, all_single(hpas[3], 4));
	hal->free_frame(hal, hpas[0], 2, 0);
	hal->free_frame(hal, hpas[3], 2, 0);
}

/* All but one page is a part, too, whichever page that is. */
static void block_without_one_page_is_split(struct kunit *test)
{
	struct axas_hpa hpas[16];

	KUNIT_ASSERT_EQ(test, hal->alloc_frames(hal, 0, AXAS_FRAME_ZERO, hpas, 16), 16);
	hal->free_frames(hal, 0, hpas, 15);
	KUNIT_EXPECT_TRUE(test, all_single(hpas[15], 1));
	hal->free_frames(hal, 0, &hpas[15], 1);
	KUNIT_ASSERT_EQ(test, hal->alloc_frames(hal, 0, AXAS_FRAME_ZERO, hpas, 16), 16);
	hal->free_frames(hal, 0, &hpas[1], 15);
	KUNIT_EXPECT_TRUE(test, all_single(hpas[0], 1));
	hal->free_frames(hal, 0, hpas, 1);
}

/* If a block has a poisoned page, the others are freed, and the poisoned one is not. */
static void lost_page_goes_alone(struct kunit *test)
{
#ifdef CONFIG_MEMORY_FAILURE
	struct axas_hpa hpas[16];
	struct page *page;

	KUNIT_ASSERT_EQ(test, hal->alloc_frames(hal, 0, AXAS_FRAME_ZERO, hpas, 16), 16);
	page = page_of(hpas[5]);
	SetPageHWPoison(page);
	hal->free_frames(hal, 0, hpas, 16);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 0);
	KUNIT_EXPECT_TRUE(test, PageHWPoison(page));
	ClearPageHWPoison(page);
	init_page_count(page);
	__free_page(page);
#else
	kunit_skip(test, "this kernel loses no pages");
#endif
}

/* frame_page() splits a large frame: the page needs a reference count of its own. */
static void large_frame_is_split_for_a_reference(struct kunit *test)
{
	struct axas_hpa hpa, one;
	struct page *page;

	KUNIT_ASSERT_EQ(test, hal->alloc_frame(hal, 9, AXAS_FRAME_ZERO, &hpa), 0);
	KUNIT_EXPECT_TRUE(test, whole(hpa, 512));
	one = axas_hpa_offset(hpa, 300 * PAGE_SIZE);
	page = hal->frame_page(hal, one);
	KUNIT_EXPECT_TRUE(test, all_single(hpa, 512));
	KUNIT_EXPECT_PTR_EQ(test, hal->frame_page(hal, one), page);
	get_page(page);
	hal->free_frame(hal, hpa, 9, 0);
	KUNIT_EXPECT_EQ(test, page_count(page), 1);
	put_page(page);
}

static struct kunit_case stock_cases[] = {
	KUNIT_CASE(faults_are_served_from_one_block),
	KUNIT_CASE(frames_go_to_who_has_paid),
	KUNIT_CASE(drain_gives_all_back),
	KUNIT_CASE(nothing_is_kept_for_who_goes),
	KUNIT_CASE(nothing_is_kept_for_another),
	KUNIT_CASE(frames_to_be_overwritten_take_no_zeroed_ones),
	KUNIT_CASE(stock_serves_who_may_not_sleep),
	KUNIT_CASE(populate_takes_blocks),
	KUNIT_CASE(piece_of_a_block_goes_alone),
	KUNIT_CASE(ends_of_a_run_split_their_blocks),
	KUNIT_CASE(block_without_one_page_is_split),
	KUNIT_CASE(lost_page_goes_alone),
	KUNIT_CASE(large_frame_is_split_for_a_reference),
	{}
};

struct kunit_suite axas_stock_suite = {
	.name = "axas_stock",
	.init = stock_init,
	.exit = stock_exit,
	.test_cases = stock_cases,
};
