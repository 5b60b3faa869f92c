// SPDX-License-Identifier: GPL-2.0-only
/*
 * Freezes that join images nobody has any more (axas_space_fold.c), on all formats: content, frames
 * and tables of long chains, what forbids a fold, and each allocation failing.
 */
#include <linux/bvec.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <axas/image.h>

#include "axas_image.h"
#include "page_values.h"

#define PAGES	(40u + 512 + 24)
#define SIZE	(PAGES * (u64)SZ_4K)

static u64 image_value(struct kunit *test, struct axas_image *image, unsigned int page)
{
	u64 value = ~0ull;

	KUNIT_EXPECT_EQ(test, axas_image_read(image, axas_gpa(gpa_of(page)), &value, 8), 0);
	return value;
}

static struct axas_image *freeze_it(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = axas_space_freeze(f->space);

	monitor_expect_flushed(f->monitor);
	KUNIT_ASSERT_FALSE(test, IS_ERR(image));
	return image;
}

static void end(struct space_fixture *f)
{
	axas_space_clear(f->space);
	monitor_expect_flushed(f->monitor);
	space_expect_empty(f);
}

static struct axas_image_info info_of(struct axas_image *image)
{
	struct axas_image_info info;

	axas_image_get_info(image, &info);
	return info;
}

/* A chain as long as the next freeze may join to, of a space that maps all with @flags. */
static void begin(struct kunit *test, u32 flags)
{
	struct space_fixture *f = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(f->space, gpa_range(BASE, SIZE), TEST_RW,
						   AXAS_TYPE_NORMAL, flags), 0);
	for (i = 0; i < AXAS_FOLD_DEPTH; i++) {
		put_value(test, i, 100 + i);
		axas_image_put(freeze_it(test));
	}
	KUNIT_ASSERT_EQ(test, f->space->image->depth, AXAS_FOLD_DEPTH);
}

static void a_chain_stays_short(struct kunit *test, unsigned int freezes)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = NULL;
	unsigned int i;

	begin(test, 0);
	for (i = 0; i < freezes; i++) {
		put_value(test, i % 7, i);
		axas_image_put(image);
		image = freeze_it(test);
		KUNIT_ASSERT_EQ(test, info_of(image).depth, AXAS_FOLD_DEPTH);
		/* Each page once, and the one that was frozen last. */
		if (i > 7)
			KUNIT_ASSERT_EQ(test, info_of(image).frames, 8ull);
	}
	for (i = 0; i < 7; i++) {
		KUNIT_EXPECT_EQ(test, image_value(test, image, i), freezes - 7ull + i);
		KUNIT_EXPECT_EQ(test, get_value(test, i), freezes - 7ull + i);
	}
	for (; i < AXAS_FOLD_DEPTH; i++)
		KUNIT_EXPECT_EQ(test, get_value(test, i), 100ull + i);
	axas_image_put(image);
	end(f);
}

static void a_long_chain_stays_short(struct kunit *test)
{
	a_chain_stays_short(test, 10003);
}

static void a_chain_of_each_format_stays_short(struct kunit *test)
{
	a_chain_stays_short(test, 70);
}

/* Writes, also to 2 MiB leaves of the image, discards, and freezes: content is that of a model. */
static void content_agrees_with_a_model(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 *model = kunit_kcalloc(test, PAGES, sizeof(*model), GFP_KERNEL);
	struct axas_image *image = NULL;
	struct axas_gpa_range range;
	unsigned int i, page, n;
	struct rnd_state rnd;
	u64 done;

	KUNIT_ASSERT_NOT_NULL(test, model);
	begin(test, AXAS_MAP_HUGE_ALWAYS);
	prandom_seed_state(&rnd, 4711);
	for (page = 0; page < AXAS_FOLD_DEPTH; page++)
		model[page] = 100 + page;
	for (i = 0; i < 600; i++) {
		n = 1 + prandom_u32_state(&rnd) % 8;
		page = prandom_u32_state(&rnd) % (PAGES - n);
		switch (prandom_u32_state(&rnd) % 4) {
		case 0:
			range = gpa_range(gpa_of(page), n * (u64)SZ_4K);
			KUNIT_EXPECT_EQ(test, axas_space_discard(f->space, &range, 1, &done), 0);
			memset(&model[page], 0, n * sizeof(*model));
			break;
		case 1:
			axas_image_put(image);
			image = freeze_it(test);
			KUNIT_EXPECT_EQ(test, image_value(test, image, page), model[page]);
			break;
		default:
			put_value(test, page, i + 1);
			model[page] = i + 1;
			break;
		}
		KUNIT_EXPECT_EQ(test, get_value(test, page), model[page]);
	}
	axas_image_put(image);
	image = freeze_it(test);
	KUNIT_EXPECT_EQ(test, info_of(image).depth, AXAS_FOLD_DEPTH);
	for (page = 0; page < PAGES; page++) {
		KUNIT_EXPECT_EQ(test, get_value(test, page), model[page]);
		KUNIT_EXPECT_EQ(test, image_value(test, image, page), model[page]);
	}
	axas_image_put(image);
	end(f);
}

/* Who has the image sees what it was; so does a clone of it. */
static void an_image_that_somebody_has_stays(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *first, *second;
	struct axas_space *clone;
	u64 value = 0;

	begin(test, 0);
	first = freeze_it(test);
	clone = axas_image_clone(first, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(clone));
	put_value(test, 3, 1);
	second = freeze_it(test);
	KUNIT_EXPECT_EQ(test, info_of(second).depth, AXAS_FOLD_DEPTH + 1);
	KUNIT_EXPECT_EQ(test, image_value(test, first, 3), 103ull);
	axas_image_put(first);
	/* Its clone alone has it now, and the images above it go together. */
	put_value(test, 3, 2);
	axas_image_put(second);
	second = freeze_it(test);
	KUNIT_EXPECT_EQ(test, info_of(second).depth, AXAS_FOLD_DEPTH + 1);
	KUNIT_EXPECT_EQ(test, image_value(test, second, 3), 2ull);
	KUNIT_EXPECT_EQ(test, axas_read_obj(clone, axas_gpa(gpa_of(3)), AXAS_WIDTH_64, &value), 0);
	KUNIT_EXPECT_EQ(test, value, 103ull);
	axas_space_put(clone);
	axas_image_put(second);
	end(f);
}

/* A held page, other areas: a freeze of the usual kind. */
static void some_freezes_do_not_fold(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image;
	struct bio_vec bvec;

	begin(test, 0);
	put_value(test, 9, 77);
	KUNIT_ASSERT_EQ(test, axas_space_bvec(f->space, gpa_range(gpa_of(9), SZ_4K), TEST_RW, &bvec,
					      1), 1);
	image = freeze_it(test);
	KUNIT_EXPECT_EQ(test, info_of(image).depth, AXAS_FOLD_DEPTH + 1);
	*(u64 *)page_address(bvec.bv_page) = 88;
	KUNIT_EXPECT_EQ(test, get_value(test, 9), 88ull);
	KUNIT_EXPECT_EQ(test, image_value(test, image, 9), 77ull);
	axas_space_bvec_put(&bvec, 1);
	axas_image_put(image);
	KUNIT_EXPECT_EQ(test, space_unmap(f, gpa_of(12), SZ_4K), 0);
	image = freeze_it(test);
	KUNIT_EXPECT_EQ(test, info_of(image).depth, AXAS_FOLD_DEPTH + 2);
	axas_image_put(image);
	put_value(test, 13, 99);
	image = freeze_it(test);
	KUNIT_EXPECT_EQ(test, info_of(image).depth, AXAS_FOLD_DEPTH + 2);
	KUNIT_EXPECT_EQ(test, image_value(test, image, 13), 99ull);
	KUNIT_EXPECT_EQ(test, image_value(test, image, 9), 88ull);
	axas_image_put(image);
	end(f);
}

/* Without memory for a fold there is another image above, or nothing. */
static void without_memory_nothing_changes(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image;
	unsigned int n;

	begin(test, 0);
	for (n = 0; n < 12; n++) {
		put_value(test, 9, n);
		put_value(test, 300 + n, n);
		mock_hal_fail_after(f->mock, n);
		image = axas_space_freeze(f->space);
		mock_hal_fail_never(f->mock);
		monitor_expect_flushed(f->monitor);
		KUNIT_EXPECT_EQ(test, get_value(test, 9), (u64)n);
		if (IS_ERR(image)) {
			KUNIT_EXPECT_EQ(test, PTR_ERR(image), -ENOMEM);
			continue;
		}
		KUNIT_EXPECT_EQ(test, image_value(test, image, 9), (u64)n);
		axas_image_put(image);
	}
	end(f);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_long_chain_stays_short),
	KUNIT_CASE_PARAM(a_chain_of_each_format_stays_short, space_gen_params),
	KUNIT_CASE_PARAM(content_agrees_with_a_model, space_gen_params),
	KUNIT_CASE_PARAM(an_image_that_somebody_has_stays, space_gen_params),
	KUNIT_CASE_PARAM(some_freezes_do_not_fold, space_gen_params),
	KUNIT_CASE_PARAM(without_memory_nothing_changes, space_gen_params),
	{}
};

struct kunit_suite axas_space_fold_suite = {
	.name		= "axas_space_fold",
	.init		= space_test_init,
	.exit		= space_test_exit,
	.test_cases	= cases,
};
