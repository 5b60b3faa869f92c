// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backends (axas_backend.c): the source of frames, and how they are counted.
 */
#include "axas_backend.h"
#include "axas_test.h"
#include "mock_hal.h"

struct backend_fixture {
	struct mock_hal *mock;
	struct axas_backend alloc;
	struct axas_pool pool;
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
	f->alloc = axas_alloc(&f->mock->hal);
	axas_pool_init(&f->pool, 0);
	return 0;
}

static void backend_exit(struct kunit *test)
{
	struct backend_fixture *f = test->priv;

	if (!f || !f->mock)
		return;
	KUNIT_EXPECT_EQ(test, atomic_long_read(&f->pool.frames), f->mock->frames);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pool.on_the_way), 0);
	mock_hal_finish(f->mock);
}

static unsigned int alloc_some(struct backend_fixture *f, unsigned int order,
			       struct axas_hpa *hpas, unsigned int n)
{
	n = axas_pool_get(&f->pool, &f->alloc, 0, order, 0, hpas, n);
	if (n) {
		axas_pool_count(&f->pool, &f->alloc, (long)n << order);
		axas_pool_settle(&f->pool);
	}
	return n;
}

static int alloc_get(struct backend_fixture *f, struct axas_hpa *hpa)
{
	return alloc_some(f, 0, hpa, 1) ? 0 : -ENOMEM;
}

static void alloc_put(struct backend_fixture *f, struct axas_hpa hpa, unsigned int order)
{
	axas_pool_put(&f->pool, &f->alloc, order, &hpa, 1);
}

/* Set a limit on an empty pool. */
static void limit_pool(struct backend_fixture *f, u64 max)
{
	axas_pool_init(&f->pool, max);
}

static s64 held(struct backend_fixture *f)
{
	return atomic_long_read(&f->pool.frames);
}

/* The hpa of a byte is its gpa plus an offset that pieces of an area share. */
static void linear_memory_is_where_it_was_said(struct kunit *test)
{
	struct axas_backend below = axas_linear(SZ_1G, axas_hpa(0x100000));
	struct axas_backend above = axas_linear(0, axas_hpa(SZ_1G));

	KUNIT_EXPECT_EQ(test, below.ops->id, (u32)AXAS_BACKEND_LINEAR);
	KUNIT_EXPECT_EQ(test, below.ops->flags, (u32)AXAS_BACKEND_AT_ONCE);
	KUNIT_EXPECT_PTR_EQ(test, (void *)below.ops->put, NULL);
	KUNIT_EXPECT_EQ(test, SZ_1G + below.offset, 0x100000ull);
	KUNIT_EXPECT_EQ(test, SZ_1G + SZ_8K + below.offset, 0x102000ull);
	KUNIT_EXPECT_EQ(test, SZ_4K + above.offset, SZ_1G + SZ_4K + 0ull);
}

/* Frames that were allocated and never mapped are freed uncounted. */
static void frames_that_found_no_leaf_are_not_counted(struct kunit *test)
{
	struct backend_fixture *f = test->priv;
	struct axas_hpa hpas[4];

	limit_pool(f, 4);
	KUNIT_ASSERT_EQ(test, axas_pool_get(&f->pool, &f->alloc, 0, 0, 0, hpas, 4), 4);
	KUNIT_EXPECT_EQ(test, held(f), 0ll);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->pool.on_the_way), 1);
	KUNIT_EXPECT_EQ(test, atomic64_read(&f->pool.charged), 4ll);
	axas_pool_unget(&f->pool, &f->alloc, 0, hpas, 4);
	axas_pool_settle(&f->pool);
	KUNIT_EXPECT_EQ(test, atomic64_read(&f->pool.charged), 0ll);
}

/* H12: frames beyond the machine's address bits are freed, and the allocation fails. */
static void frames_beyond_the_bits_of_a_machine_go_back(struct kunit *test)
{
	struct backend_fixture *f = test->priv;
	struct axas_hpa hpa;

	axas_pool_bound(&f->pool, 16, 48);
	KUNIT_EXPECT_EQ(test, alloc_get(f, &hpa), -ENOMEM);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 0l);
	axas_pool_bound(&f->pool, 52, 48);
	KUNIT_EXPECT_EQ(test, alloc_get(f, &hpa), 0);
	alloc_put(f, hpa, 0);
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

/* 2 MiB allocated as one frame are freed in the pieces mapped at the time of removal. */
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

/* A batch is cut at the limit, and uncharges frames that it did not get. */
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
	axas_pool_put(&f->pool, &f->alloc, 0, hpas, 4 + n);
	KUNIT_EXPECT_EQ(test, held(f), 0ll);
	KUNIT_EXPECT_EQ(test, atomic64_read(&f->pool.charged), 0ll);

	mock_hal_fail_nth(f->mock, 3);
	KUNIT_EXPECT_EQ(test, alloc_some(f, 0, hpas, 5), 2u);
	KUNIT_EXPECT_EQ(test, held(f), 2ll);
	axas_pool_put(&f->pool, &f->alloc, 0, hpas, 2);
	KUNIT_EXPECT_EQ(test, atomic64_read(&f->pool.charged), 0ll);
}

/* The second case is Defect 27. */
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
	KUNIT_CASE(frames_that_found_no_leaf_are_not_counted),
	KUNIT_CASE(frames_beyond_the_bits_of_a_machine_go_back),
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
