// SPDX-License-Identifier: GPL-2.0-only
/*
 * Images (axas_image.c, axas_space_image.c): freeze, clone, reset, diff, on all formats; chains;
 * limits; pages that somebody holds; every allocation failing; and a model of the content of
 * several spaces and images under random operations.
 */
#include <linux/bvec.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/uio.h>
#include <axas/image.h>

#include "axas_image.h"
#include "space_fixture.h"

/* On both sides of a border of 1 GiB, not aligned to 2 MiB. */
#define PAGES	(40u + 512 + 24)
#define BASE	(BORDER - 40 * (u64)SZ_4K)
#define SIZE	(PAGES * (u64)SZ_4K)

static u64 gpa_of(unsigned int page)
{
	return BASE + page * (u64)SZ_4K;
}

static void put_value(struct kunit *test, struct axas_space *space, unsigned int page, u64 value)
{
	KUNIT_EXPECT_EQ(test, axas_write_obj(space, axas_gpa(gpa_of(page)), AXAS_WIDTH_64, value),
			0);
	KUNIT_EXPECT_EQ(test, axas_write_obj(space, axas_gpa(gpa_of(page) + SZ_4K - 8),
					     AXAS_WIDTH_64, ~value), 0);
}

/* The value of a page; 0 for zeroes. Both ends of the page must agree. */
static u64 get_value(struct kunit *test, struct axas_space *space, unsigned int page)
{
	u64 first = 1, last = 1;

	KUNIT_EXPECT_EQ(test, axas_read_obj(space, axas_gpa(gpa_of(page)), AXAS_WIDTH_64, &first),
			0);
	KUNIT_EXPECT_EQ(test, axas_read_obj(space, axas_gpa(gpa_of(page) + SZ_4K - 8),
					    AXAS_WIDTH_64, &last), 0);
	KUNIT_EXPECT_EQ(test, last, first ? ~first : 0);
	return first;
}

static u64 image_value(struct kunit *test, struct axas_image *image, unsigned int page)
{
	u64 first = 1, last = 1;

	KUNIT_EXPECT_EQ(test, axas_image_read(image, axas_gpa(gpa_of(page)), &first, 8), 0);
	KUNIT_EXPECT_EQ(test, axas_image_read(image, axas_gpa(gpa_of(page) + SZ_4K - 8), &last, 8),
			0);
	KUNIT_EXPECT_EQ(test, last, first ? ~first : 0);
	return first;
}

/* Nothing is left of the space, nor of images. */
static void end(struct space_fixture *f)
{
	axas_space_clear(f->space);
	monitor_expect_flushed(f->monitor);
	space_expect_empty(f);
}

static struct axas_image *freeze_it(struct kunit *test, struct axas_space *space)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = axas_space_freeze(space);

	monitor_expect_flushed(f->monitor);
	KUNIT_ASSERT_FALSE(test, IS_ERR(image));
	return image;
}

static struct axas_space *clone_it(struct kunit *test, struct axas_image *image)
{
	struct axas_space *space = axas_image_clone(image, 0);

	KUNIT_ASSERT_FALSE(test, IS_ERR(space));
	return space;
}

/* Every third page has a value, of 4 KiB leaves; the rest is untouched. */
static void fill_some(struct kunit *test, struct axas_space *space, u64 salt)
{
	unsigned int page;

	for (page = 0; page < PAGES; page += 3)
		put_value(test, space, page, salt + page);
}

static u64 some_value(unsigned int page, u64 salt)
{
	return page % 3 ? 0 : salt + page;
}

static void an_image_never_changes(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_hpa root = axas_space_root(f->space);
	struct axas_image *image;
	struct axas_info info;
	unsigned int page;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BASE, SIZE, TEST_RWX), 0);
	fill_some(test, f->space, 1000);
	image = freeze_it(test, f->space);
	KUNIT_EXPECT_EQ(test, axas_space_root(f->space).val, root.val);
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.frames, 0ull);
	KUNIT_EXPECT_EQ(test, info.tables, info.root_tables);
	KUNIT_EXPECT_EQ(test, info.areas, 1ull);
	space_expect_nothing(f, BASE, SIZE);
	for (page = 0; page < PAGES; page += 2)
		put_value(test, f->space, page, 5000 + page);
	for (page = 0; page < PAGES; page++) {
		KUNIT_EXPECT_EQ(test, image_value(test, image, page), some_value(page, 1000));
		KUNIT_EXPECT_EQ(test, get_value(test, f->space, page),
				page % 2 ? some_value(page, 1000) : 5000 + page);
	}
	axas_image_put(image);
	/* The space alone keeps it. */
	for (page = 1; page < PAGES; page += 2)
		KUNIT_EXPECT_EQ(test, get_value(test, f->space, page), some_value(page, 1000));
	end(f);
}

/* What a read of an image's descriptor gets of a page: up to its end. */
static void expect_copied(struct kunit *test, struct axas_image *image, unsigned int page,
			  u64 value)
{
	u64 want = value ? ~value : 0, buf[2] = { ~want, 0x5a5a };
	struct kvec kvec = { buf, sizeof(buf) };
	struct iov_iter iter;

	iov_iter_kvec(&iter, READ, &kvec, 1, sizeof(buf));
	KUNIT_EXPECT_EQ(test, axas_image_copy(image, gpa_of(page) + SZ_4K - 8, &iter), 8);
	KUNIT_EXPECT_EQ(test, buf[0], want);
	KUNIT_EXPECT_EQ(test, buf[1], 0x5a5aull);
	KUNIT_EXPECT_EQ(test, iov_iter_count(&iter), (size_t)8);
}

/* What a mapping of it gets: the frame that a clone borrows, and only that. */
static void expect_mapped(struct kunit *test, struct axas_image *image, struct axas_space *clone,
			  unsigned int page, struct axas_hpa *hpa)
{
	struct space_fixture *f = test->priv;
	struct axas_hpa other = *hpa;
	struct axas_translation to;
	struct page *got;

	KUNIT_ASSERT_EQ(test, axas_space_translate(clone, axas_gpa(gpa_of(page)), &to), 0);
	got = axas_image_frame(image, gpa_of(page), to.hpa);
	KUNIT_ASSERT_NOT_NULL(test, got);
	KUNIT_EXPECT_PTR_EQ(test, page_address(got), mock_hal_peek(f->mock, to.hpa.val));
	KUNIT_EXPECT_PTR_EQ(test, axas_image_frame(image, gpa_of(page), other), NULL);
	*hpa = to.hpa;
}

/* In a chain, the pages of the younger image are its own, or an older one's. */
static void files_of_images_have_the_images_pages(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_hpa hpa = axas_hpa(AXAS_HPA_NONE);
	struct axas_image *old, *young;
	struct iov_iter iter = {};
	struct axas_space *clone;
	unsigned int page;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BASE, SIZE, TEST_RW), 0);
	fill_some(test, f->space, 1000);
	old = freeze_it(test, f->space);
	put_value(test, f->space, 3, 5);
	young = freeze_it(test, f->space);
	clone = clone_it(test, young);
	for (page = 0; page < PAGES; page++) {
		u64 value = page == 3 ? 5 : some_value(page, 1000);

		expect_copied(test, old, page, some_value(page, 1000));
		expect_copied(test, young, page, value);
		KUNIT_EXPECT_EQ(test, get_value(test, clone, page), value);
		if (value)
			expect_mapped(test, young, clone, page, &hpa);
		else
			KUNIT_EXPECT_PTR_EQ(test, axas_image_frame(young, gpa_of(page), hpa), NULL);
	}
	KUNIT_EXPECT_EQ(test, axas_image_copy(young, gpa_of(PAGES), &iter), -EFAULT);
	KUNIT_EXPECT_PTR_EQ(test, axas_image_frame(young, gpa_of(PAGES), hpa), NULL);
	axas_space_put(clone);
	axas_image_put(old);
	axas_image_put(young);
	end(f);
}

static void clones_do_not_see_each_other(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_space *clones[4];
	struct axas_image *image;
	unsigned int i, page;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BASE, SIZE, TEST_RWX), 0);
	fill_some(test, f->space, 1000);
	image = freeze_it(test, f->space);
	for (i = 0; i < ARRAY_SIZE(clones); i++)
		clones[i] = clone_it(test, image);
	axas_image_put(image);
	for (i = 0; i < ARRAY_SIZE(clones); i++)
		for (page = i; page < PAGES; page += 4)
			put_value(test, clones[i], page, 7000 * (i + 1) + page);
	for (page = 0; page < PAGES; page++)
		put_value(test, f->space, page, 99);
	for (i = 0; i < ARRAY_SIZE(clones); i++) {
		for (page = 0; page < PAGES; page++)
			KUNIT_EXPECT_EQ(test, get_value(test, clones[i], page),
					page % 4 == i ? 7000 * (i + 1) + page :
							some_value(page, 1000));
		axas_space_put(clones[i]);
	}
	end(f);
}

/* Frames are the image's: read-only, BORROWED, in the space's own table. */
static void leaves_of_a_clone_are_borrowed(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image;
	struct axas_info info;
	u64 hpa, val;

	KUNIT_ASSERT_EQ(test, space_map_small(f, BASE, SIZE, TEST_RWX), 0);
	hpa = space_hpa(f, gpa_of(50));
	image = freeze_it(test, f->space);
	KUNIT_EXPECT_EQ(test, space_fault(f, gpa_of(50), TEST_R), AXAS_FAULT_FIXED);
	space_expect_leaf(f, gpa_of(50), hpa, TEST_R | TEST_X);
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.frames, 0ull);
	KUNIT_EXPECT_GT(test, info.borrowed, 0ull);
	KUNIT_EXPECT_EQ(test, space_fault(f, gpa_of(50), TEST_W), AXAS_FAULT_FIXED);
	monitor_expect_flushed(f->monitor);
	KUNIT_EXPECT_NE(test, space_hpa(f, gpa_of(50)), hpa);
	KUNIT_EXPECT_EQ(test, space_protect(f, BASE, SIZE, TEST_R), 0);
	KUNIT_EXPECT_EQ(test, space_protect(f, BASE, SIZE, TEST_RW), 0);
	space_expect_leaf(f, gpa_of(51), space_hpa(f, gpa_of(51)), TEST_R);
	KUNIT_EXPECT_EQ(test, space_fault(f, gpa_of(51), TEST_W), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, axas_read_obj(f->space, axas_gpa(gpa_of(51)), AXAS_WIDTH_64, &val),
			0);
	axas_image_put(image);
	end(f);
}

static void large_leaves_are_borrowed_in_pages(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image;
	u64 base = BORDER;
	u64 val, hpa;

	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(f->space, gpa_range(base, SZ_4M), TEST_RW,
						   AXAS_TYPE_NORMAL, AXAS_MAP_POPULATE |
						   AXAS_MAP_HUGE_ALWAYS), 0);
	KUNIT_EXPECT_EQ(test, axas_write_obj(f->space, axas_gpa(base + SZ_2M + SZ_4K),
					     AXAS_WIDTH_64, 77), 0);
	hpa = space_hpa(f, base + SZ_2M + SZ_4K);
	image = freeze_it(test, f->space);
	KUNIT_EXPECT_EQ(test, space_fault(f, base + SZ_2M + SZ_4K, TEST_R), AXAS_FAULT_FIXED);
	space_expect_leaf(f, base + SZ_2M + SZ_4K, hpa, TEST_R);
	KUNIT_EXPECT_EQ(test, axas_write_obj(f->space, axas_gpa(base + SZ_2M + SZ_4K),
					     AXAS_WIDTH_64, 78), 0);
	KUNIT_EXPECT_EQ(test, axas_image_read(image, axas_gpa(base + SZ_2M + SZ_4K), &val, 8), 0);
	KUNIT_EXPECT_EQ(test, val, 77ull);
	axas_image_put(image);
	end(f);
}

static void chains_show_the_newest_page(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *images[20];
	unsigned int i, page;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BASE, SIZE, TEST_RW), 0);
	put_value(test, f->space, 60, 42);
	for (i = 0; i < ARRAY_SIZE(images); i++) {
		put_value(test, f->space, i, 100 + i);
		put_value(test, f->space, 30, 1000 + i);
		images[i] = freeze_it(test, f->space);
	}
	for (i = 0; i < ARRAY_SIZE(images); i++) {
		KUNIT_EXPECT_EQ(test, image_value(test, images[i], 30), 1000ull + i);
		KUNIT_EXPECT_EQ(test, image_value(test, images[i], 60), 42ull);
		for (page = 0; page < ARRAY_SIZE(images); page++)
			KUNIT_EXPECT_EQ(test, image_value(test, images[i], page),
					page <= i ? 100ull + page : 0);
	}
	/* The middle goes first. */
	for (i = 1; i < ARRAY_SIZE(images); i += 2)
		axas_image_put(images[i]);
	for (i = 0; i < ARRAY_SIZE(images); i += 2)
		axas_image_put(images[i]);
	for (page = 0; page < ARRAY_SIZE(images); page++)
		KUNIT_EXPECT_EQ(test, get_value(test, f->space, page), 100ull + page);
	KUNIT_EXPECT_EQ(test, get_value(test, f->space, 60), 42ull);
	end(f);
}

/* Each image is somebody's. */
static void a_chain_has_an_end(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image **images = kunit_kcalloc(test, AXAS_IMAGE_DEPTH, sizeof(*images),
						   GFP_KERNEL);
	struct axas_image *image;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, images);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BASE, SIZE, TEST_RW), 0);
	put_value(test, f->space, 3, 42);
	for (i = 0; i < AXAS_IMAGE_DEPTH; i++)
		images[i] = freeze_it(test, f->space);
	image = axas_space_freeze(f->space);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(image), -ELOOP);
	KUNIT_EXPECT_EQ(test, get_value(test, f->space, 3), 42ull);
	while (i--)
		axas_image_put(images[i]);
	end(f);
}

static void reset_restores_content_and_areas(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image;
	struct axas_info info;
	unsigned int page;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BASE, SIZE, TEST_RW), 0);
	fill_some(test, f->space, 1000);
	image = freeze_it(test, f->space);
	for (page = 0; page < PAGES; page += 5)
		put_value(test, f->space, page, 3);
	KUNIT_EXPECT_EQ(test, space_unmap(f, gpa_of(10), 20 * SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, space_map_alloc(f, gpa_of(12), SZ_4K, TEST_R), 0);
	KUNIT_EXPECT_EQ(test, space_protect(f, gpa_of(100), SZ_4K, TEST_R), 0);
	space_attach(f);
	KUNIT_EXPECT_EQ(test, axas_space_reset(f->space, image, 0), 0);
	monitor_expect_flushed(f->monitor);
	KUNIT_EXPECT_EQ(test, f->flushes, 1u);
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.frames, 0ull);
	space_expect_areas(f, 1);
	space_expect_area(f, 0, BASE, SIZE, TEST_RW);
	for (page = 0; page < PAGES; page++)
		KUNIT_EXPECT_EQ(test, get_value(test, f->space, page), some_value(page, 1000));
	axas_image_put(image);
	end(f);
}

/* Also if the first area is one that images cannot have, and that a reset may remove. */
static void no_reset_in_a_log(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_gpa_range range = gpa_range(BASE, SIZE);
	struct axas_image *image = freeze_it(test, f->space);
	u64 epoch;

	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(f->space, gpa_range(0, SZ_4K), TEST_RW, 0,
						   AXAS_MAP_MISSING), 0);
	KUNIT_ASSERT_EQ(test, space_map_populated(f, BASE, SIZE, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, axas_space_start_log(f->space, range, &epoch), 0);
	KUNIT_EXPECT_EQ(test, axas_space_reset(f->space, image, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, axas_space_stop_log(f->space, range, &epoch), 0);
	KUNIT_EXPECT_EQ(test, axas_space_reset(f->space, image, 0), 0);
	monitor_expect_flushed(f->monitor);
	space_expect_areas(f, 0);
	axas_image_put(image);
	end(f);
}

static void reset_goes_to_any_image_of_the_kind(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_space_params params = { .base = axas_gpa(SZ_4K) };
	struct axas_image *first, *second;
	struct axas_space *other;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BASE, SIZE, TEST_RW), 0);
	put_value(test, f->space, 1, 11);
	first = freeze_it(test, f->space);
	put_value(test, f->space, 1, 22);
	second = freeze_it(test, f->space);
	put_value(test, f->space, 1, 33);
	KUNIT_EXPECT_EQ(test, axas_space_reset(f->space, first, 0), 0);
	KUNIT_EXPECT_EQ(test, get_value(test, f->space, 1), 11ull);
	KUNIT_EXPECT_EQ(test, axas_space_reset(f->space, second, 0), 0);
	KUNIT_EXPECT_EQ(test, get_value(test, f->space, 1), 22ull);
	other = space_another(f, &params);
	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	KUNIT_EXPECT_EQ(test, axas_space_reset(other, second, 0), -EINVAL);
	axas_space_put(other);
	axas_image_put(first);
	axas_image_put(second);
	end(f);
}

static void diff_finds_what_was_written(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_gpa_range range = gpa_range(BASE, SIZE);
	struct axas_diff_extent extents[4];
	struct axas_image *image;
	u64 done;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BASE, SIZE, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, axas_space_diff(f->space, &range, extents, 4), -ENOENT);
	fill_some(test, f->space, 1000);
	image = freeze_it(test, f->space);
	KUNIT_EXPECT_EQ(test, axas_space_diff(f->space, &range, extents, 4), 0);
	KUNIT_EXPECT_EQ(test, range.size, 0ull);
	KUNIT_EXPECT_EQ(test, get_value(test, f->space, 3), 1003ull);
	put_value(test, f->space, 7, 1);
	put_value(test, f->space, 8, 1);
	put_value(test, f->space, 39, 1);
	put_value(test, f->space, 40, 1);
	range = gpa_range(gpa_of(30), SZ_4K);
	KUNIT_EXPECT_EQ(test, axas_space_discard(f->space, &range, 1, &done), 0);
	range = gpa_range(BASE, SIZE);
	KUNIT_ASSERT_EQ(test, axas_space_diff(f->space, &range, extents, 4), 3);
	KUNIT_EXPECT_EQ(test, range.size, 0ull);
	KUNIT_EXPECT_EQ(test, extents[0].gpa, gpa_of(7));
	KUNIT_EXPECT_EQ(test, extents[0].length, 2ull * SZ_4K);
	KUNIT_EXPECT_EQ(test, extents[0].flags, 0u);
	KUNIT_EXPECT_EQ(test, extents[1].gpa, gpa_of(30));
	KUNIT_EXPECT_EQ(test, extents[1].flags, AXAS_DIFF_ZERO);
	KUNIT_EXPECT_EQ(test, extents[2].gpa, gpa_of(39));
	KUNIT_EXPECT_EQ(test, extents[2].length, 2ull * SZ_4K);
	/* One at a time. */
	range = gpa_range(gpa_of(8), SIZE - 8 * SZ_4K);
	KUNIT_ASSERT_EQ(test, axas_space_diff(f->space, &range, extents, 1), 1);
	KUNIT_EXPECT_EQ(test, extents[0].gpa, gpa_of(8));
	KUNIT_EXPECT_EQ(test, range.start.val, gpa_of(30));
	axas_image_put(image);
	monitor_expect_flushed(f->monitor);
	end(f);
}

/* Discarded, and unmapped and mapped again: zeroes, in the image's clones too. */
static void what_is_gone_does_not_come_back(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_gpa_range range = gpa_range(gpa_of(3), 2 * SZ_4K);
	struct axas_image *image, *second;
	struct axas_space *clone;
	u64 done;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BASE, SIZE, TEST_RW), 0);
	fill_some(test, f->space, 1000);
	image = freeze_it(test, f->space);
	KUNIT_EXPECT_EQ(test, axas_space_discard(f->space, &range, 1, &done), 0);
	KUNIT_EXPECT_EQ(test, space_unmap(f, gpa_of(6), SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, space_map_alloc(f, gpa_of(6), SZ_4K, TEST_RW), 0);
	second = freeze_it(test, f->space);
	clone = clone_it(test, second);
	KUNIT_EXPECT_EQ(test, get_value(test, clone, 3), 0ull);
	KUNIT_EXPECT_EQ(test, get_value(test, clone, 6), 0ull);
	KUNIT_EXPECT_EQ(test, get_value(test, clone, 9), 1009ull);
	KUNIT_EXPECT_EQ(test, get_value(test, f->space, 3), 0ull);
	KUNIT_EXPECT_EQ(test, get_value(test, f->space, 6), 0ull);
	KUNIT_EXPECT_EQ(test, image_value(test, second, 3), 0ull);
	KUNIT_EXPECT_EQ(test, image_value(test, image, 3), 1003ull);
	axas_space_put(clone);
	axas_image_put(second);
	axas_image_put(image);
	end(f);
}

static void a_held_page_stays_with_the_space(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image;
	struct bio_vec bvec;
	u64 hpa, *mem;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BASE, SIZE, TEST_RW), 0);
	fill_some(test, f->space, 1000);
	hpa = space_hpa(f, gpa_of(9));
	KUNIT_ASSERT_EQ(test, axas_space_bvec(f->space, gpa_range(gpa_of(9), SZ_4K), TEST_RW, &bvec,
					      1), 1);
	image = freeze_it(test, f->space);
	space_expect_leaf(f, gpa_of(9), hpa, TEST_RW);
	mem = page_address(bvec.bv_page);
	mem[0] = 4711;
	mem[511] = ~4711ull;
	KUNIT_EXPECT_EQ(test, get_value(test, f->space, 9), 4711ull);
	KUNIT_EXPECT_EQ(test, image_value(test, image, 9), 1009ull);
	KUNIT_EXPECT_EQ(test, image_value(test, image, 12), 1012ull);
	axas_space_bvec_put(&bvec, 1);
	axas_image_put(image);
	end(f);
}

static void a_held_page_of_a_large_leaf_stays(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 base = BORDER, val = 0, hpa, *mem;
	struct axas_image *image;
	struct bio_vec bvec;

	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(f->space, gpa_range(base, SZ_2M), TEST_RW,
						   AXAS_TYPE_NORMAL, AXAS_MAP_POPULATE |
						   AXAS_MAP_HUGE_ALWAYS), 0);
	KUNIT_ASSERT_EQ(test, axas_space_bvec(f->space, gpa_range(base + 5 * SZ_4K, SZ_4K), TEST_RW,
					      &bvec, 1), 1);
	hpa = space_hpa(f, base + 5 * SZ_4K);
	mem = page_address(bvec.bv_page);
	*mem = 5;
	image = freeze_it(test, f->space);
	*mem = 6;
	space_expect_leaf(f, base + 5 * SZ_4K, hpa, TEST_RW);
	KUNIT_EXPECT_EQ(test, axas_image_read(image, axas_gpa(base + 5 * SZ_4K), &val, 8), 0);
	KUNIT_EXPECT_EQ(test, val, 5ull);
	axas_space_bvec_put(&bvec, 1);
	axas_image_put(image);
	end(f);
}

/* Page numbers: the ends of tables and of areas, which share a table; 41 is of another area. */
static const unsigned int held_pages[] = { 0, 39, 40, 41, 42, 300, 551, 552, PAGES - 1 };

static bool is_held_page(unsigned int page)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(held_pages); i++)
		if (page == held_pages[i])
			return true;
	return false;
}

/* And only these stay: all others are the image's. */
static void held_pages_among_others_stay(struct kunit *test)
{
	struct bio_vec bvecs[ARRAY_SIZE(held_pages)];
	struct space_fixture *f = test->priv;
	struct axas_image *image;
	u64 *hpa = kunit_kcalloc(test, PAGES, sizeof(*hpa), GFP_KERNEL), own = 0;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, hpa);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BASE, SIZE, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, axas_space_protect(f->space, gpa_range(gpa_of(41), SZ_4K),
						 AXAS_PROT_READ), 0);
	for (i = 0; i < PAGES; i++)
		if (i != 41 && i != 100)
			put_value(test, f->space, i, 1000 + i);
	KUNIT_ASSERT_EQ(test, axas_space_fault(f->space, axas_gpa(gpa_of(41)), AXAS_PROT_READ,
					       NULL), AXAS_FAULT_FIXED);
	for (i = 0; i < PAGES; i++)
		hpa[i] = i == 100 ? 0 : space_hpa(f, gpa_of(i));
	for (i = 0; i < ARRAY_SIZE(held_pages); i++)
		KUNIT_ASSERT_EQ(test, axas_space_bvec(f->space, gpa_range(gpa_of(held_pages[i]),
									  SZ_4K),
						      AXAS_PROT_READ, &bvecs[i], 1), 1);
	image = freeze_it(test, f->space);
	for (i = 0; i < PAGES; i++) {
		struct axas_leaf leaf;

		if (!axas_npt_lookup(&f->space->npt, gpa_of(i), &leaf))
			continue;
		KUNIT_EXPECT_TRUE_MSG(test, is_held_page(i), "page %u", i);
		KUNIT_EXPECT_EQ_MSG(test, leaf.hpa.val, hpa[i], "page %u", i);
		own++;
	}
	KUNIT_EXPECT_EQ(test, own, (u64)ARRAY_SIZE(held_pages));
	KUNIT_EXPECT_EQ(test, image_value(test, image, 551), 1551ull);
	axas_space_bvec_put(bvecs, ARRAY_SIZE(bvecs));
	axas_image_put(image);
	end(f);
}

/* Another takes hold of a page whenever the freeze allocates a copy: I/O beside it. */
static struct {
	int (*alloc)(const struct axas_hal *hal, unsigned int order, u32 flags,
		     struct axas_hpa *hpa);
	struct axas_space *space;
	struct bio_vec held[24];
	unsigned int nr;
} holder;

static int hold_one_more(const struct axas_hal *hal, unsigned int order, u32 flags,
			 struct axas_hpa *hpa)
{
	struct axas_gpa_range range = gpa_range(gpa_of(holder.nr), SZ_4K);

	if (!(flags & AXAS_FRAME_TABLE) && holder.nr < ARRAY_SIZE(holder.held) &&
	    axas_space_bvec(holder.space, range, TEST_RW, &holder.held[holder.nr], 1) == 1)
		holder.nr++;
	return holder.alloc(hal, order, flags, hpa);
}

static void pages_taken_hold_of_beside_a_freeze(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image;

	holder = (typeof(holder)){ .alloc = f->mock->hal.alloc_frame, .space = f->space, .nr = 1 };
	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(f->space, gpa_range(BASE, SIZE), TEST_RW,
						   AXAS_TYPE_NORMAL, AXAS_MAP_POPULATE), 0);
	KUNIT_ASSERT_EQ(test, axas_space_bvec(f->space, gpa_range(gpa_of(0), SZ_4K), TEST_RW,
					      &holder.held[0], 1), 1);
	f->mock->hal.alloc_frame = hold_one_more;
	image = axas_space_freeze(f->space);
	f->mock->hal.alloc_frame = holder.alloc;
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(image), 0);
	KUNIT_EXPECT_EQ(test, holder.nr, (unsigned int)ARRAY_SIZE(holder.held));
	axas_space_bvec_put(holder.held, holder.nr);
	if (!IS_ERR(image))
		axas_image_put(image);
	end(f);
}

static void limits_hold_across_freezes(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image;
	unsigned int page;

	space_limit_frames(f, 10);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BASE, SIZE, TEST_RW), 0);
	for (page = 0; page < 6; page++)
		put_value(test, f->space, page, 1);
	axas_image_put(freeze_it(test, f->space));
	for (page = 0; page < 6; page++)
		put_value(test, f->space, page, 2);
	image = axas_space_freeze(f->space);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(image), -ENOMEM);
	KUNIT_EXPECT_EQ(test, axas_space_set_limit(f->space, 12), 0);
	axas_image_put(freeze_it(test, f->space));
	axas_space_clear(f->space);
	KUNIT_EXPECT_EQ(test, atomic64_read(&f->space->pool.charged), 0ll);
	end(f);
}

/* The copies of held pages, too, are charged once, and no fault waits for a frame for ever. */
static void a_held_page_is_charged_once(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image;
	struct bio_vec bvec;

	space_limit_frames(f, 8);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BASE, SIZE, TEST_RW), 0);
	put_value(test, f->space, 1, 1);
	put_value(test, f->space, 2, 2);
	KUNIT_ASSERT_EQ(test, axas_space_bvec(f->space, gpa_range(gpa_of(1), SZ_4K), TEST_RW, &bvec,
					      1), 1);
	image = freeze_it(test, f->space);
	axas_space_bvec_put(&bvec, 1);
	KUNIT_EXPECT_EQ(test, atomic64_read(&f->space->pool.charged), 1ll);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->space->pool.on_the_way), 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&image->base->pool.charged), 2ll);
	axas_image_put(image);
	axas_space_clear(f->space);
	KUNIT_EXPECT_EQ(test, atomic64_read(&f->space->pool.charged), 0ll);
	end(f);
}

static void some_areas_cannot_be_frozen(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BASE, SIZE, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, 0, SZ_4K, LINEAR, TEST_R), 0);
	image = axas_space_freeze(f->space);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(image), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, space_unmap(f, 0, SZ_4K), 0);
	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(f->space, gpa_range(0, SZ_4K), TEST_R,
						   AXAS_TYPE_NORMAL, AXAS_MAP_MISSING), 0);
	image = axas_space_freeze(f->space);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(image), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, space_unmap(f, 0, SZ_4K), 0);
	image = freeze_it(test, f->space);
	axas_image_put(image);
	end(f);
}

/* Every allocation of freeze, clone and reset fails once; nothing changes then. */
static void without_memory_nothing_changes(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = NULL, *second = NULL;
	struct axas_space *clone = NULL;
	struct bio_vec bvec;
	unsigned int n;
	int err;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BASE, SIZE, TEST_RW), 0);
	fill_some(test, f->space, 1000);
	KUNIT_ASSERT_EQ(test, axas_space_bvec(f->space, gpa_range(gpa_of(9), SZ_4K), TEST_RW, &bvec,
					      1), 1);
	for (n = 0; !image; n++) {
		mock_hal_fail_after(f->mock, n);
		image = axas_space_freeze(f->space);
		mock_hal_fail_never(f->mock);
		if (!IS_ERR(image))
			break;
		KUNIT_ASSERT_EQ(test, PTR_ERR(image), -ENOMEM);
		image = NULL;
		KUNIT_EXPECT_EQ(test, get_value(test, f->space, 9), 1009ull);
		KUNIT_EXPECT_EQ(test, get_value(test, f->space, 12), 1012ull);
	}
	KUNIT_EXPECT_GT(test, n, 3u);
	axas_space_bvec_put(&bvec, 1);
	for (n = 0; !clone; n++) {
		mock_hal_fail_after(f->mock, n);
		clone = axas_image_clone(image, 0);
		mock_hal_fail_never(f->mock);
		if (!IS_ERR(clone))
			break;
		KUNIT_ASSERT_EQ(test, PTR_ERR(clone), -ENOMEM);
		clone = NULL;
	}
	put_value(test, f->space, 12, 12);
	second = freeze_it(test, f->space);
	put_value(test, f->space, 12, 13);
	for (n = 0, err = -ENOMEM; err; n++) {
		mock_hal_fail_after(f->mock, n);
		err = axas_space_reset(f->space, second, 0);
		mock_hal_fail_never(f->mock);
		KUNIT_EXPECT_EQ(test, get_value(test, f->space, 12), err ? 13ull : 12ull);
	}
	axas_image_put(second);
	axas_image_put(image);
	axas_space_put(clone);
	monitor_expect_flushed(f->monitor);
	end(f);
}

/* A model: the values of all pages of some spaces and images; 0: zeroes. */
#define SPACES	5
#define IMAGES	5

struct model {
	struct kunit *test;
	struct rnd_state rnd;
	struct axas_space *spaces[SPACES];
	struct axas_image *images[IMAGES];
	u64 (*of_space)[PAGES];
	u64 (*of_image)[PAGES];
	u64 next;
};

static u32 below(struct model *m, u32 n)
{
	return prandom_u32_state(&m->rnd) % n;
}

static void some_range(struct model *m, unsigned int *first, unsigned int *n)
{
	*first = below(m, PAGES);
	*n = below(m, 8) ? 1 + below(m, 20) : PAGES;
	*n = min(*n, PAGES - *first);
}

static void random_space(struct model *m, unsigned int i)
{
	struct kunit *test = m->test;
	unsigned int page = below(m, PAGES), n;
	struct axas_gpa_range range;
	u64 done;

	switch (below(m, 8)) {
	case 0 ... 2:
		put_value(test, m->spaces[i], page, ++m->next);
		m->of_space[i][page] = m->next;
		return;
	case 3:
		KUNIT_EXPECT_EQ(test, get_value(test, m->spaces[i], page), m->of_space[i][page]);
		return;
	case 4:
		some_range(m, &page, &n);
		range = gpa_range(gpa_of(page), n * (u64)SZ_4K);
		KUNIT_EXPECT_EQ(test, axas_space_discard(m->spaces[i], &range, 1, &done), 0);
		memset(&m->of_space[i][page], 0, n * sizeof(u64));
		return;
	case 5:
		some_range(m, &page, &n);
		range = gpa_range(gpa_of(page), n * (u64)SZ_4K);
		KUNIT_EXPECT_EQ(test, axas_space_unmap(m->spaces[i], range), 0);
		KUNIT_EXPECT_EQ(test, axas_space_map_alloc(m->spaces[i], range, TEST_RW,
							   AXAS_TYPE_NORMAL, below(m, 2) ?
							   AXAS_MAP_HUGE_ALWAYS : 0), 0);
		memset(&m->of_space[i][page], 0, n * sizeof(u64));
		return;
	case 6:
		some_range(m, &page, &n);
		range = gpa_range(gpa_of(page), n * (u64)SZ_4K);
		KUNIT_EXPECT_EQ(test, axas_space_populate(m->spaces[i], range, &done), 0);
		return;
	default:
		some_range(m, &page, &n);
		range = gpa_range(gpa_of(page), n * (u64)SZ_4K);
		KUNIT_EXPECT_EQ(test, axas_space_protect(m->spaces[i], range, TEST_R), 0);
		KUNIT_EXPECT_EQ(test, axas_space_protect(m->spaces[i], range, TEST_RW), 0);
		return;
	}
}

static void random_image(struct model *m, unsigned int space, unsigned int image)
{
	struct kunit *test = m->test;

	if (!m->images[image]) {
		m->images[image] = axas_space_freeze(m->spaces[space]);
		KUNIT_ASSERT_FALSE(test, IS_ERR(m->images[image]));
		memcpy(m->of_image[image], m->of_space[space], sizeof(m->of_image[image]));
		return;
	}
	switch (below(m, 4)) {
	case 0:
		axas_image_put(m->images[image]);
		m->images[image] = NULL;
		return;
	case 1:
		/* The first space is the fixture's. */
		if (!space)
			return;
		axas_space_put(m->spaces[space]);
		m->spaces[space] = axas_image_clone(m->images[image], 0);
		KUNIT_ASSERT_FALSE(test, IS_ERR(m->spaces[space]));
		break;
	default:
		KUNIT_EXPECT_EQ(test, axas_space_reset(m->spaces[space], m->images[image], 0),
				0);
		break;
	}
	memcpy(m->of_space[space], m->of_image[image], sizeof(m->of_space[space]));
}

static bool check_model(struct model *m)
{
	unsigned int i, page, bad = 0;

	for (page = 0; page < PAGES; page++) {
		for (i = 0; i < SPACES; i++)
			if (get_value(m->test, m->spaces[i], page) != m->of_space[i][page]) {
				KUNIT_FAIL(m->test, "space %u, page %u: %llu, not %llu", i, page,
					   get_value(m->test, m->spaces[i], page),
					   m->of_space[i][page]);
				bad++;
			}
		for (i = 0; i < IMAGES; i++)
			if (m->images[i] &&
			    image_value(m->test, m->images[i], page) != m->of_image[i][page]) {
				KUNIT_FAIL(m->test, "image %u, page %u", i, page);
				bad++;
			}
	}
	return !bad;
}

static void random_operations_agree_with_a_model(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_space_params params = {};
	struct model m = { .test = test };
	unsigned int i;

	m.of_space = kunit_kcalloc(test, SPACES, sizeof(*m.of_space), GFP_KERNEL);
	m.of_image = kunit_kcalloc(test, IMAGES, sizeof(*m.of_image), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, m.of_space && m.of_image);
	prandom_seed_state(&m.rnd, 20261127 + f->kind->fmt->id);
	for (i = 0; i < SPACES; i++) {
		m.spaces[i] = i ? space_another(f, &params) : f->space;
		KUNIT_ASSERT_FALSE(test, IS_ERR(m.spaces[i]));
		KUNIT_ASSERT_EQ(test, axas_space_map_alloc(m.spaces[i], gpa_range(BASE, SIZE),
							   TEST_RW, AXAS_TYPE_NORMAL, 0), 0);
	}
	for (i = 0; i < 4000; i++) {
		if (below(&m, 12))
			random_space(&m, below(&m, SPACES));
		else
			random_image(&m, below(&m, SPACES), below(&m, IMAGES));
		if (i % 500 == 499 && !check_model(&m))
			break;
	}
	for (i = 0; i < IMAGES; i++)
		axas_image_put(m.images[i]);
	for (i = 1; i < SPACES; i++)
		axas_space_put(m.spaces[i]);
	end(f);
}

/* Two guests write, one thread freezes: what an image has once, it has for ever. */
struct racer {
	struct kunit *test;
	struct axas_space *space;
	unsigned int page;
	bool stop;
	u64 rounds;
	u64 bad;
};

static int write_on(void *arg)
{
	struct racer *r = arg;
	u64 val, i;

	for (i = 1; !READ_ONCE(r->stop); i++) {
		/* The second page is written after the first one. */
		if (axas_write_obj(r->space, axas_gpa(gpa_of(r->page)), AXAS_WIDTH_64, i) ||
		    axas_write_obj(r->space, axas_gpa(gpa_of(r->page + 1)), AXAS_WIDTH_64, i) ||
		    axas_read_obj(r->space, axas_gpa(gpa_of(r->page)), AXAS_WIDTH_64, &val))
			return -EIO;
		r->bad += val != i;
		cond_resched();
	}
	r->rounds = i;
	return 0;
}

static int freeze_on(void *arg)
{
	struct racer *racers = arg;
	unsigned int i, n;
	int err = 0;

	for (n = 0; n < 100 && !err; n++) {
		struct axas_image *image = axas_space_freeze(racers->space);
		u64 first, second, again;

		if (IS_ERR(image)) {
			err = PTR_ERR(image);
			break;
		}
		for (i = 0; i < 2 && !err; i++) {
			struct axas_gpa gpa = axas_gpa(gpa_of(racers[i].page));

			err = axas_image_read(image, gpa, &first, 8) ?:
			      axas_image_read(image, axas_gpa(gpa.val + SZ_4K), &second, 8);
			schedule_timeout_uninterruptible(1);
			err = err ?: axas_image_read(image, gpa, &again, 8);
			/* One moment: the first page is at most one write ahead, never behind. */
			if (!err && (again != first || first - second > 1))
				err = -EILSEQ;
		}
		axas_image_put(image);
	}
	WRITE_ONCE(racers[0].stop, true);
	WRITE_ONCE(racers[1].stop, true);
	return err;
}

static void an_image_is_of_one_moment(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct racer racers[2];
	struct test_thread threads[3];
	unsigned int i;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BASE, SIZE, TEST_RW), 0);
	for (i = 0; i < 2; i++) {
		racers[i] = (struct racer){ .test = test, .space = f->space, .page = 39 + 2 * i };
		threads[i] = (struct test_thread){ write_on, &racers[i] };
	}
	threads[2] = (struct test_thread){ freeze_on, racers };
	KUNIT_ASSERT_EQ(test, test_run_threads(threads, ARRAY_SIZE(threads)), 0);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ_MSG(test, threads[i].result, 0, "thread %u", i);
	KUNIT_EXPECT_EQ(test, racers[0].bad + racers[1].bad, 0ull);
	monitor_expect_flushed(f->monitor);
	end(f);
}

static struct kunit_case image_cases[] = {
	KUNIT_CASE_PARAM(an_image_never_changes, space_gen_params),
	KUNIT_CASE_PARAM(files_of_images_have_the_images_pages, space_gen_params),
	KUNIT_CASE_PARAM(clones_do_not_see_each_other, space_gen_params),
	KUNIT_CASE_PARAM(leaves_of_a_clone_are_borrowed, space_gen_params),
	KUNIT_CASE_PARAM(large_leaves_are_borrowed_in_pages, space_gen_params),
	KUNIT_CASE_PARAM(chains_show_the_newest_page, space_gen_params),
	KUNIT_CASE(a_chain_has_an_end),
	KUNIT_CASE_PARAM(reset_restores_content_and_areas, space_gen_params),
	KUNIT_CASE_PARAM(no_reset_in_a_log, space_gen_params),
	KUNIT_CASE(reset_goes_to_any_image_of_the_kind),
	KUNIT_CASE_PARAM(diff_finds_what_was_written, space_gen_params),
	KUNIT_CASE_PARAM(what_is_gone_does_not_come_back, space_gen_params),
	KUNIT_CASE_PARAM(a_held_page_stays_with_the_space, space_gen_params),
	KUNIT_CASE_PARAM(a_held_page_of_a_large_leaf_stays, space_gen_params),
	KUNIT_CASE_PARAM(held_pages_among_others_stay, space_gen_params),
	KUNIT_CASE(limits_hold_across_freezes),
	KUNIT_CASE(a_held_page_is_charged_once),
	KUNIT_CASE(pages_taken_hold_of_beside_a_freeze),
	KUNIT_CASE(some_areas_cannot_be_frozen),
	KUNIT_CASE(without_memory_nothing_changes),
	KUNIT_CASE_PARAM(random_operations_agree_with_a_model, space_gen_params),
	KUNIT_CASE_PARAM(an_image_is_of_one_moment, space_gen_params),
	{}
};

struct kunit_suite axas_space_image_suite = {
	.name = "axas_space_image",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = image_cases,
};
