// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pieces of guest memory as bio_vecs (axas_space_bvec()).
 */
#include <linux/bvec.h>
#include <linux/err.h>

#include "space_fixture.h"

#define MAX_BVECS	8

static int bvec(struct space_fixture *f, u64 gpa, u64 size, u32 access, struct bio_vec *bvecs,
		unsigned int max)
{
	return axas_space_bvec(f->space, gpa_range(gpa, size), access, bvecs, max);
}

/* The counterpart of the crate's translated_byte_buffer. */
static void pieces_are_the_guests_memory_in_order(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct bio_vec bvecs[MAX_BVECS];
	u8 *buf = kunit_kzalloc(test, 0x2100, GFP_KERNEL);
	u64 done = 0;
	int i, n;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	f->mock->scattered = true;
	fill_pattern(buf, 0x2100, 9);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BORDER - SZ_8K, SZ_16K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, write_at(f, BORDER - SZ_8K + 0xf80, buf, 0x2100), 0);
	n = bvec(f, BORDER - SZ_8K + 0xf80, 0x2100, TEST_RW, bvecs, MAX_BVECS);
	KUNIT_ASSERT_EQ(test, n, 4);
	for (i = 0; i < n; i++) {
		u8 *piece = page_address(bvecs[i].bv_page) + bvecs[i].bv_offset;

		KUNIT_EXPECT_LE(test, bvecs[i].bv_offset + bvecs[i].bv_len, (unsigned int)SZ_4K);
		KUNIT_EXPECT_EQ(test, memcmp(piece, buf + done, bvecs[i].bv_len), 0);
		KUNIT_EXPECT_EQ(test, page_count(bvecs[i].bv_page), 2);
		done += bvecs[i].bv_len;
	}
	KUNIT_EXPECT_EQ(test, done, 0x2100ull);
	axas_space_bvec_put(bvecs, n);
	KUNIT_EXPECT_EQ(test, page_count(bvecs[0].bv_page), 1);
}

/* Defect 9: no use after free, and no write into the guest's new memory. */
static void pieces_outlive_an_unmap(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct bio_vec bvecs[MAX_BVECS];
	u8 *mem, byte = 0x42;
	int n;

	f->mock->reuse = true;
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_4K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, write_at(f, WIN, &byte, 1), 0);
	n = bvec(f, WIN, SZ_4K, TEST_RW, bvecs, MAX_BVECS);
	KUNIT_ASSERT_EQ(test, n, 1);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 0l);
	mem = page_address(bvecs[0].bv_page);
	KUNIT_EXPECT_EQ(test, mem[0], 0x42);
	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_4K, TEST_RW), 0);
	memset(mem, 0x43, SZ_4K);
	KUNIT_EXPECT_EQ(test, read_at(f, WIN, &byte, 1), 0);
	KUNIT_EXPECT_EQ(test, byte, 0);
	axas_space_bvec_put(bvecs, n);
}

/* Defect 10: untouched memory is faulted in instead of a panic. */
static void pieces_of_untouched_memory_are_faulted_in(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct bio_vec bvecs[MAX_BVECS];
	int n;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_64K, TEST_RW), 0);
	n = bvec(f, WIN + SZ_4K - 1, 2, TEST_R, bvecs, MAX_BVECS);
	KUNIT_ASSERT_EQ(test, n, 2);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 2l);
	KUNIT_EXPECT_EQ(test, bvecs[0].bv_offset, SZ_4K - 1u);
	KUNIT_EXPECT_EQ(test, bvecs[0].bv_len, 1u);
	KUNIT_EXPECT_EQ(test, bvecs[1].bv_offset, 0u);
	KUNIT_EXPECT_EQ(test, bvecs[1].bv_len, 1u);
	axas_space_bvec_put(bvecs, n);
	/* Across the border of two areas, too. */
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN + SZ_64K, SZ_4K, TEST_R), 0);
	n = bvec(f, WIN + SZ_64K - SZ_4K, SZ_8K, TEST_R, bvecs, MAX_BVECS);
	KUNIT_EXPECT_EQ(test, n, 2);
	if (n > 0)
		axas_space_bvec_put(bvecs, n);
}

static void no_pieces_of_nothing(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, bvec(f, WIN, 0, TEST_R, NULL, 0), 0);
	KUNIT_EXPECT_EQ(test, bvec(f, U64_MAX, 0, TEST_R, NULL, 0), 0);
}

/* Defect 10: errors are returned, and no reference is leaked. */
static void pieces_that_cannot_be_had_leave_no_reference(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct bio_vec bvecs[MAX_BVECS];
	struct page *page;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_8K, TEST_R), 0);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, WIN + SZ_16K, SZ_4K, LINEAR, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN + SZ_8K, SZ_8K, TEST_RW), 0);
	page = f->mock->hal.frame_page(&f->mock->hal, axas_hpa(space_hpa(f, WIN)));
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_EQ(test, bvec(f, WIN, SZ_16K, TEST_R, bvecs, 3), -E2BIG);
	KUNIT_EXPECT_EQ(test, bvec(f, WIN, SZ_16K + SZ_4K, TEST_R, bvecs, MAX_BVECS),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, bvec(f, WIN - 1, SZ_4K, TEST_R, bvecs, MAX_BVECS), -EFAULT);
	KUNIT_EXPECT_EQ(test, bvec(f, WIN + SZ_8K, SZ_64K, TEST_R, bvecs, MAX_BVECS),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, bvec(f, WIN, SZ_4K, TEST_W, bvecs, MAX_BVECS), -EACCES);
	KUNIT_EXPECT_EQ(test, bvec(f, WIN, SZ_4K, TEST_RW, bvecs, MAX_BVECS), -EACCES);
	KUNIT_EXPECT_EQ(test, bvec(f, WIN, SZ_4K, 0, bvecs, MAX_BVECS), -EINVAL);
	KUNIT_EXPECT_EQ(test, bvec(f, WIN, SZ_4K, TEST_X, bvecs, MAX_BVECS), -EINVAL);
	KUNIT_EXPECT_EQ(test, bvec(f, WIN, SZ_4K, BIT(7), bvecs, MAX_BVECS), -EINVAL);
	KUNIT_EXPECT_EQ(test, bvec(f, WIN, U64_MAX, TEST_R, bvecs, MAX_BVECS), -EINVAL);
	KUNIT_EXPECT_EQ(test, page_count(page), 1);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BORDER, SZ_8K, TEST_RW), 0);
	mock_hal_fail_after(f->mock, 0);
	KUNIT_EXPECT_EQ(test, bvec(f, BORDER, SZ_8K, TEST_R, bvecs, MAX_BVECS), -ENOMEM);
	mock_hal_fail_never(f->mock);
}

/* A HAL whose frames have no struct page shares none. */
static void frames_without_pages_are_not_shared(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct bio_vec bvecs[1];

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_4K, TEST_RW), 0);
	f->mock->hal.frame_page = NULL;
	KUNIT_EXPECT_EQ(test, bvec(f, WIN, SZ_4K, TEST_R, bvecs, 1), -EOPNOTSUPP);
}

static struct kunit_case bvec_cases[] = {
	KUNIT_CASE_PARAM(pieces_are_the_guests_memory_in_order, space_gen_params),
	KUNIT_CASE_PARAM(pieces_outlive_an_unmap, space_gen_params),
	KUNIT_CASE_PARAM(pieces_of_untouched_memory_are_faulted_in, space_gen_params),
	KUNIT_CASE_PARAM(no_pieces_of_nothing, space_gen_params),
	KUNIT_CASE_PARAM(pieces_that_cannot_be_had_leave_no_reference, space_gen_params),
	KUNIT_CASE_PARAM(frames_without_pages_are_not_shared, space_gen_params),
	{}
};

struct kunit_suite axas_bvec_suite = {
	.name = "axas_bvec",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = bvec_cases,
};
