// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frame handles (axas_frame.c) over the mock HAL, and over Linux's allocator
 * (axas_hal_linux.c). The counterparts of the crate's frame tests are among them.
 */
#include <axas/frame.h>

#include "axas_stock.h"
#include "axas_test.h"
#include "mock_hal.h"

static int frame_init(struct kunit *test)
{
	test->priv = mock_hal_create(test);
	return test->priv ? 0 : -ENOMEM;
}

static void frame_exit(struct kunit *test)
{
	axas_stock_drain();
	if (test->priv)
		mock_hal_finish(test->priv);
}

static void alloc_and_free_balance(struct kunit *test)
{
	struct mock_hal *mock = test->priv;
	struct axas_frame frame;
	struct axas_hpa hpa;

	KUNIT_ASSERT_EQ(test, axas_frame_alloc(&frame, &mock->hal), 0);
	KUNIT_EXPECT_EQ(test, mock->frames, 1l);
	KUNIT_EXPECT_EQ(test, axas_frame_start(&frame, &hpa), 0);
	KUNIT_EXPECT_EQ(test, hpa.val, mock->last_alloc.first);
	KUNIT_EXPECT_PTR_EQ(test, axas_frame_ptr(&frame), mock_hal_peek(mock, hpa.val));
	axas_frame_free(&frame);
	KUNIT_EXPECT_EQ(test, mock->frames, 0l);
}

/* Defect 4. */
static void alloc_zero_gives_zeroes(struct kunit *test)
{
	struct mock_hal *mock = test->priv;
	struct axas_frame frame;

	mock->reuse = true;
	KUNIT_ASSERT_EQ(test, axas_frame_alloc(&frame, &mock->hal), 0);
	axas_frame_fill(&frame, 0x5a);
	axas_frame_free(&frame);
	KUNIT_ASSERT_EQ(test, axas_frame_alloc_zero(&frame, &mock->hal), 0);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(axas_frame_ptr(&frame), 0, AXAS_FRAME_SIZE), NULL);
	axas_frame_free(&frame);
}

static void fill_sets_every_byte(struct kunit *test)
{
	struct mock_hal *mock = test->priv;
	struct axas_frame frame;
	u8 *mem;

	KUNIT_ASSERT_EQ(test, axas_frame_alloc_order(&frame, &mock->hal, 2, 0), 0);
	mem = axas_frame_ptr(&frame);
	KUNIT_EXPECT_EQ(test, axas_frame_fill(&frame, 0x3c), 0);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(mem, 0x3c, AXAS_FRAME_SIZE << 2), NULL);
	axas_frame_free(&frame);
}

static void five_frames_keep_their_patterns(struct kunit *test)
{
	struct mock_hal *mock = test->priv;
	struct axas_frame frames[5];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(frames); i++) {
		KUNIT_ASSERT_EQ(test, axas_frame_alloc(&frames[i], &mock->hal), 0);
		axas_frame_fill(&frames[i], 0x10 + i);
	}
	for (i = 0; i < ARRAY_SIZE(frames); i++)
		KUNIT_EXPECT_PTR_EQ(test, memchr_inv(axas_frame_ptr(&frames[i]), 0x10 + i,
						     AXAS_FRAME_SIZE), NULL);
	for (i = 0; i < ARRAY_SIZE(frames); i++)
		axas_frame_free(&frames[i]);
}

static void handle_that_owns_nothing_answers_errors(struct kunit *test)
{
	struct axas_frame frame = axas_frame_uninit();
	struct axas_hpa hpa = axas_hpa(7);

	KUNIT_EXPECT_EQ(test, axas_frame_start(&frame, &hpa), -ENXIO);
	KUNIT_EXPECT_EQ(test, hpa.val, 7ull);
	KUNIT_EXPECT_PTR_EQ(test, axas_frame_ptr(&frame), NULL);
	KUNIT_EXPECT_EQ(test, axas_frame_fill(&frame, 1), -ENXIO);
	KUNIT_EXPECT_EQ(test, axas_frame_take(&frame).val, 0ull);
	axas_frame_free(&frame);
}

static void handle_owns_nothing_after_free(struct kunit *test)
{
	struct mock_hal *mock = test->priv;
	struct axas_frame frame;

	KUNIT_ASSERT_EQ(test, axas_frame_alloc(&frame, &mock->hal), 0);
	axas_frame_free(&frame);
	KUNIT_EXPECT_PTR_EQ(test, axas_frame_ptr(&frame), NULL);
	/* A double free would make the mock fail the test. */
	axas_frame_free(&frame);
}

static void no_memory_is_an_error(struct kunit *test)
{
	struct mock_hal *mock = test->priv;
	struct axas_frame frame = { .hal = &mock->hal };

	mock_hal_fail_nth(mock, 1);
	KUNIT_EXPECT_EQ(test, axas_frame_alloc(&frame, &mock->hal), -ENOMEM);
	KUNIT_EXPECT_PTR_EQ(test, axas_frame_ptr(&frame), NULL);
	axas_frame_free(&frame);
	KUNIT_EXPECT_EQ(test, axas_frame_alloc(&frame, &mock->hal), 0);
	axas_frame_free(&frame);
}

/* Defect 27. */
static void frame_at_physical_0_is_given_back(struct kunit *test)
{
	struct mock_hal *mock = test->priv;
	struct axas_frame frame;

	mock->zero_address = true;
	mock_hal_start_log(mock);
	KUNIT_EXPECT_EQ(test, axas_frame_alloc_order(&frame, &mock->hal, 3, AXAS_FRAME_ZERO),
			-ENOMEM);
	KUNIT_EXPECT_PTR_EQ(test, axas_frame_ptr(&frame), NULL);
	KUNIT_EXPECT_EQ(test, mock->frames, 0l);
	KUNIT_EXPECT_EQ(test, mock_hal_count(mock, MOCK_EVENT_FREE), 1u);
}

static void frame_is_freed_where_its_scope_ends(struct kunit *test)
{
	struct mock_hal *mock = test->priv;

	{
		struct axas_frame frame __free(axas_frame) = axas_frame_uninit();

		KUNIT_EXPECT_EQ(test, axas_frame_alloc(&frame, &mock->hal), 0);
		KUNIT_EXPECT_EQ(test, mock->frames, 1l);
	}
	KUNIT_EXPECT_EQ(test, mock->frames, 0l);
}

static void taken_frame_outlives_its_scope(struct kunit *test)
{
	struct mock_hal *mock = test->priv;
	struct axas_hpa hpa;

	{
		struct axas_frame frame __free(axas_frame) = axas_frame_uninit();

		KUNIT_EXPECT_EQ(test, axas_frame_alloc(&frame, &mock->hal), 0);
		hpa = axas_frame_take(&frame);
		KUNIT_EXPECT_PTR_EQ(test, axas_frame_ptr(&frame), NULL);
	}
	KUNIT_EXPECT_EQ(test, mock->frames, 1l);
	mock->hal.free_frame(&mock->hal, hpa, 0, 0);
}

/* The mock fails the test if order or flags differ from the allocation's. */
static void order_and_flags_come_back_at_free(struct kunit *test)
{
	struct mock_hal *mock = test->priv;
	struct axas_frame frame;
	unsigned int order;

	for (order = 0; order <= 4; order++) {
		KUNIT_ASSERT_EQ(test, axas_frame_alloc_order(&frame, &mock->hal, order,
							     AXAS_FRAME_TABLE), 0);
		KUNIT_EXPECT_EQ(test, mock->tables, 1l << order);
		KUNIT_EXPECT_EQ(test, frame.hpa.val & ((AXAS_FRAME_SIZE << order) - 1), 0ull);
		axas_frame_free(&frame);
	}
}

/* A frame from Linux retains nothing of its former content. */
static void linux_frame_is_zeroed_and_aligned(struct kunit *test)
{
	struct axas_frame frame;
	struct axas_hpa hpa;
	unsigned int order;

	for (order = 0; order <= 9; order += 3) {
		KUNIT_ASSERT_EQ(test, axas_frame_alloc_order(&frame, &axas_hal_linux, order,
							     AXAS_FRAME_ZERO), 0);
		KUNIT_EXPECT_EQ(test, axas_frame_start(&frame, &hpa), 0);
		KUNIT_EXPECT_TRUE(test, axas_hpa_is_aligned(hpa, AXAS_FRAME_SIZE << order));
		KUNIT_EXPECT_PTR_EQ(test, memchr_inv(axas_frame_ptr(&frame), 0,
						     AXAS_FRAME_SIZE << order), NULL);
		KUNIT_EXPECT_EQ(test, axas_hal_pa(&axas_hal_linux, axas_frame_ptr(&frame)).val,
				hpa.val);
		axas_frame_fill(&frame, 0x77);
		axas_frame_free(&frame);
	}
}

/* Rule R4: the same for a frame allocated without sleeping. */
static void linux_frame_without_sleep_is_zeroed(struct kunit *test)
{
	struct axas_frame frame;
	unsigned int round;

	for (round = 0; round < 20; round++) {
		if (axas_frame_alloc_order(&frame, &axas_hal_linux, 0,
					   AXAS_FRAME_ZERO | AXAS_FRAME_NOWAIT))
			kunit_skip(test, "no frame to be had at once");
		KUNIT_EXPECT_PTR_EQ(test, memchr_inv(axas_frame_ptr(&frame), 0, AXAS_FRAME_SIZE),
				    NULL);
		axas_frame_fill(&frame, 0x77);
		axas_frame_free(&frame);
	}
}

/* Each 4 KiB of a guest frame has its own reference count and is freed by itself. */
static void linux_guest_frame_is_freed_page_by_page(struct kunit *test)
{
	const struct axas_hal *hal = &axas_hal_linux;
	struct axas_hpa hpa;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, hal->alloc_frame(hal, 4, AXAS_FRAME_ZERO, &hpa), 0);
	for (i = 0; i < 16; i++) {
		struct axas_hpa one = axas_hpa_offset(hpa, i * AXAS_FRAME_SIZE);

		KUNIT_EXPECT_EQ(test, page_count(hal->frame_page(hal, one)), 1);
	}
	for (i = 0; i < 16; i++)
		hal->free_frame(hal, axas_hpa_offset(hpa, i * AXAS_FRAME_SIZE), 0,
				AXAS_FRAME_ZERO);
}

/* A free drops one reference; the memory stays as long as others hold it. */
static void linux_frame_outlives_its_free_by_a_reference(struct kunit *test)
{
	const struct axas_hal *hal = &axas_hal_linux;
	struct axas_frame frame;
	struct page *page;

	KUNIT_ASSERT_EQ(test, axas_frame_alloc(&frame, hal), 0);
	axas_frame_fill(&frame, 0x42);
	page = hal->frame_page(hal, frame.hpa);
	get_page(page);
	axas_frame_free(&frame);
	KUNIT_EXPECT_EQ(test, page_count(page), 1);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(page_address(page), 0x42, PAGE_SIZE), NULL);
	put_page(page);
}

static struct kunit_case frame_cases[] = {
	KUNIT_CASE(alloc_and_free_balance),
	KUNIT_CASE(alloc_zero_gives_zeroes),
	KUNIT_CASE(fill_sets_every_byte),
	KUNIT_CASE(five_frames_keep_their_patterns),
	KUNIT_CASE(handle_that_owns_nothing_answers_errors),
	KUNIT_CASE(handle_owns_nothing_after_free),
	KUNIT_CASE(no_memory_is_an_error),
	KUNIT_CASE(frame_at_physical_0_is_given_back),
	KUNIT_CASE(frame_is_freed_where_its_scope_ends),
	KUNIT_CASE(taken_frame_outlives_its_scope),
	KUNIT_CASE(order_and_flags_come_back_at_free),
	KUNIT_CASE(linux_frame_is_zeroed_and_aligned),
	KUNIT_CASE(linux_frame_without_sleep_is_zeroed),
	KUNIT_CASE(linux_guest_frame_is_freed_page_by_page),
	KUNIT_CASE(linux_frame_outlives_its_free_by_a_reference),
	{}
};

struct kunit_suite axas_frame_suite = {
	.name = "axas_frame",
	.init = frame_init,
	.exit = frame_exit,
	.test_cases = frame_cases,
};
