// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backends (axas_backend.c): where frames come from, and how they are counted.
 */
#include "axas_backend.h"
#include "axas_test.h"
#include "mock_hal.h"

struct backend_fixture {
	struct mock_hal *mock;
	struct axas_pool pool;
	long __percpu *frames;
};

static int backend_init(struct kunit *test)
{
	struct backend_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	test->priv = f;
	if (!f)
		return -ENOMEM;
	f->mock = mock_hal_create(test);
	if (!f->mock)
		return -ENOMEM;
	f->frames = alloc_percpu(long);
	if (!f->frames)
		return -ENOMEM;
	axas_pool_init(&f->pool, &f->mock->hal, f->frames, 0);
	return 0;
}

static void backend_exit(struct kunit *test)
{
	struct backend_fixture *f = test->priv;

	if (!f || !f->mock)
		return;
	if (f->frames)
		KUNIT_EXPECT_EQ(test, axas_pool_frames(&f->pool), f->mock->frames);
	free_percpu(f->frames);
	mock_hal_finish(f->mock);
}

static unsigned int alloc_some(struct backend_fixture *f, unsigned int order,
			       struct axas_hpa *hpas, unsigned int n)
{
	return axas_backend_alloc.get(&f->pool, order, 0, hpas, n);
}

static int alloc_get(struct backend_fixture *f, struct axas_hpa *hpa)
{
	return alloc_some(f, 0, hpa, 1) ? 0 : -ENOMEM;
}

static void alloc_put(struct backend_fixture *f, struct axas_hpa hpa, unsigned int order)
{
	axas_backend_alloc.put(&f->pool, order, &hpa, 1);
}

/* Nothing is held. */
static void limit_pool(struct backend_fixture *f, u64 max)
{
	axas_pool_init(&f->pool, &f->mock->hal, f->frames, max);
}

static s64 held(struct backend_fixture *f)
{
	return axas_pool_frames(&f->pool);
}

static void linear_memory_is_where_it_was_said(struct kunit *test)
{
	struct axas_backend backend = { &axas_backend_linear, axas_hpa(0x100000) };
	struct backend_fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, backend.ops->id, (u32)AXAS_BACKEND_LINEAR);
	KUNIT_EXPECT_FALSE(test, backend.ops->owned);
	KUNIT_EXPECT_EQ(test, axas_backend_at(&backend, 0).hpa.val, 0x100000ull);
	KUNIT_EXPECT_EQ(test, axas_backend_at(&backend, SZ_8K).hpa.val, 0x102000ull);
	KUNIT_EXPECT_EQ(test, held(f), 0ll);
	KUNIT_EXPECT_EQ(test, f->mock->attempts, 0ull);
}

/* Of a split area: each part goes on where it did. */
static void backend_of_an_upper_part_goes_on(struct kunit *test)
{
	struct axas_backend linear = { &axas_backend_linear, axas_hpa(0x100000) };
	struct axas_backend alloc = { &axas_backend_alloc };

	KUNIT_EXPECT_EQ(test, axas_backend_at(&linear, 0).hpa.val, 0x100000ull);
	KUNIT_EXPECT_EQ(test, axas_backend_at(&linear, SZ_1M).hpa.val, 0x200000ull);
	KUNIT_EXPECT_PTR_EQ(test, axas_backend_at(&linear, SZ_1M).ops, &axas_backend_linear);
	KUNIT_EXPECT_PTR_EQ(test, axas_backend_at(&alloc, SZ_1M).ops, &axas_backend_alloc);
	KUNIT_EXPECT_EQ(test, linear.hpa.val, 0x100000ull);
}

/* Defect 4. */
static void frames_are_zeroed_and_counted(struct kunit *test)
{
	struct backend_fixture *f = test->priv;
	struct axas_hpa a, b;

	KUNIT_ASSERT_EQ(test, alloc_get(f, &a), 0);
	KUNIT_ASSERT_EQ(test, alloc_get(f, &b), 0);
	KUNIT_EXPECT_NE(test, a.val, b.val);
	KUNIT_EXPECT_EQ(test, held(f), 2ll);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(mock_hal_peek(f->mock, a.val), 0, SZ_4K), NULL);
	alloc_put(f, a, 0);
	KUNIT_EXPECT_EQ(test, held(f), 1ll);
	KUNIT_EXPECT_PTR_EQ(test, mock_hal_peek(f->mock, a.val), NULL);
	alloc_put(f, b, 0);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 0l);
}

/* 2 MiB come as one and go back as they are mapped by then. */
static void large_frame_goes_back_in_pieces(struct kunit *test)
{
	struct backend_fixture *f = test->priv;
	struct axas_hpa hpa;
	u64 i;

	KUNIT_ASSERT_EQ(test, alloc_some(f, 9, &hpa, 1), 1u);
	KUNIT_EXPECT_TRUE(test, axas_hpa_is_aligned(hpa, SZ_2M));
	KUNIT_EXPECT_EQ(test, held(f), 512ll);
	for (i = 0; i < 512; i++)
		KUNIT_EXPECT_PTR_EQ(test, memchr_inv(mock_hal_peek(f->mock, hpa.val + i * SZ_4K),
						     0, SZ_4K), NULL);
	for (i = 0; i < 256; i++)
		alloc_put(f, axas_hpa_offset(hpa, i * SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, held(f), 256ll);
	alloc_put(f, axas_hpa_offset(hpa, SZ_1M), 8);
	KUNIT_EXPECT_EQ(test, held(f), 0ll);
}

static void large_frame_counts_as_its_pages(struct kunit *test)
{
	struct backend_fixture *f = test->priv;
	struct axas_hpa hpa;

	limit_pool(f, 511);
	KUNIT_EXPECT_EQ(test, alloc_some(f, 9, &hpa, 1), 0u);
	KUNIT_EXPECT_EQ(test, held(f), 0ll);
	KUNIT_EXPECT_EQ(test, f->mock->attempts, 0ull);
	limit_pool(f, 512);
	mock_hal_fail_nth(f->mock, 1);
	KUNIT_EXPECT_EQ(test, alloc_some(f, 9, &hpa, 1), 0u);
	KUNIT_EXPECT_EQ(test, held(f), 0ll);
	KUNIT_ASSERT_EQ(test, alloc_some(f, 9, &hpa, 1), 1u);
	alloc_put(f, hpa, 9);
}

static void limit_holds_and_frees_up_again(struct kunit *test)
{
	struct backend_fixture *f = test->priv;
	struct axas_hpa a, b, c;

	limit_pool(f, 2);
	KUNIT_ASSERT_EQ(test, alloc_get(f, &a), 0);
	KUNIT_ASSERT_EQ(test, alloc_get(f, &b), 0);
	KUNIT_EXPECT_EQ(test, alloc_get(f, &c), -ENOMEM);
	KUNIT_EXPECT_EQ(test, held(f), 2ll);
	KUNIT_EXPECT_EQ(test, f->mock->attempts, 2ull);
	alloc_put(f, a, 0);
	KUNIT_EXPECT_EQ(test, alloc_get(f, &a), 0);
	alloc_put(f, a, 0);
	alloc_put(f, b, 0);
}

/* Batches go up to the very limit, and give back what did not come. */
static void batches_end_at_the_limit_and_at_a_failure(struct kunit *test)
{
	struct backend_fixture *f = test->priv;
	struct axas_hpa hpas[8];
	unsigned int n;

	limit_pool(f, 5);
	KUNIT_ASSERT_EQ(test, alloc_some(f, 0, hpas, 4), 4u);
	n = alloc_some(f, 0, &hpas[4], 4);
	KUNIT_EXPECT_EQ(test, n, 1u);
	KUNIT_EXPECT_EQ(test, held(f), 5ll);
	axas_backend_alloc.put(&f->pool, 0, hpas, 4 + n);
	KUNIT_EXPECT_EQ(test, held(f), 0ll);
	KUNIT_EXPECT_EQ(test, atomic64_read(&f->pool.charged), 0ll);

	mock_hal_fail_nth(f->mock, 3);
	KUNIT_EXPECT_EQ(test, alloc_some(f, 0, hpas, 5), 2u);
	KUNIT_EXPECT_EQ(test, held(f), 2ll);
	axas_backend_alloc.put(&f->pool, 0, hpas, 2);
	KUNIT_EXPECT_EQ(test, atomic64_read(&f->pool.charged), 0ll);
}

/* Defect 27 is the second case. */
static void frame_that_did_not_come_is_not_counted(struct kunit *test)
{
	struct backend_fixture *f = test->priv;
	struct axas_hpa hpa;

	mock_hal_fail_nth(f->mock, 1);
	KUNIT_EXPECT_EQ(test, alloc_get(f, &hpa), -ENOMEM);
	KUNIT_EXPECT_EQ(test, held(f), 0ll);
	f->mock->zero_address = true;
	KUNIT_EXPECT_EQ(test, alloc_get(f, &hpa), -ENOMEM);
	KUNIT_EXPECT_EQ(test, held(f), 0ll);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 0l);
}

static struct kunit_case backend_cases[] = {
	KUNIT_CASE(linear_memory_is_where_it_was_said),
	KUNIT_CASE(backend_of_an_upper_part_goes_on),
	KUNIT_CASE(frames_are_zeroed_and_counted),
	KUNIT_CASE(large_frame_goes_back_in_pieces),
	KUNIT_CASE(large_frame_counts_as_its_pages),
	KUNIT_CASE(limit_holds_and_frees_up_again),
	KUNIT_CASE(batches_end_at_the_limit_and_at_a_failure),
	KUNIT_CASE(frame_that_did_not_come_is_not_counted),
	{}
};

struct kunit_suite axas_backend_suite = {
	.name = "axas_backend",
	.init = backend_init,
	.exit = backend_exit,
	.test_cases = backend_cases,
};
