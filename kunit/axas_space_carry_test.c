// SPDX-License-Identifier: GPL-2.0-only
/*
 * A dirty log that goes on after a freeze: what was written stays in the log, as pages that are
 * borrowed from the image, and the image is in nobody's log (axas_space_carry.c).
 */
#include <linux/bvec.h>

#include "image_window.h"

/* The window in small pages, all of them touched, in a log that has just begun. */
static void log_window(struct space_fixture *f)
{
	u64 at;

	KUNIT_ASSERT_EQ(f->test, space_map_small(f, WIN, WIN_SIZE, TEST_RW), 0);
	for (at = WIN; at < WIN + WIN_SIZE; at += SZ_4K)
		write_byte(f, at);
	KUNIT_ASSERT_EQ(f->test, start(f, WIN, WIN_SIZE), 0);
}

static void discard(struct space_fixture *f, u64 gpa, u64 size)
{
	struct axas_gpa_range range = gpa_range(gpa, size);
	u64 done;

	KUNIT_EXPECT_EQ(f->test, axas_space_discard(f->space, &range, 1, &done), 0);
	monitor_expect_flushed(f->monitor);
}

static unsigned int nr_written(struct space_fixture *f)
{
	unsigned int page, nr = 0;

	KUNIT_ASSERT_EQ(f->test, get(f), 0);
	for (page = 0; page < WIN_PAGES; page++)
		nr += test_bit(page, bits);
	return nr;
}

static u32 prot_at(struct space_fixture *f, u64 gpa)
{
	struct axas_translation to;

	return axas_space_translate(f->space, axas_gpa(gpa), &to) ? 0 : to.prot;
}

static void the_log_goes_on(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image;
	u64 gpa = WIN + 5 * SZ_4K, hpa;

	log_window(f);
	write_byte(f, gpa);
	expect_written(f, gpa, SZ_4K);
	hpa = space_hpa(f, gpa);
	image = freeze_it(f);
	expect_written(f, gpa, SZ_4K);
	/* Borrowed: the same frame, and no permission to write. */
	KUNIT_EXPECT_EQ(test, space_hpa(f, gpa), hpa);
	KUNIT_EXPECT_EQ(test, prot_at(f, gpa) & AXAS_PROT_WRITE, 0);
	/* A region that nobody has touched since the freeze, and a page beside the written one. */
	write_byte(f, gpa + SZ_2M);
	KUNIT_EXPECT_EQ(test, byte_at(f, gpa + SZ_4K), usual_byte(gpa + SZ_4K));
	KUNIT_EXPECT_EQ(test, nr_written(f), 2u);
	KUNIT_EXPECT_TRUE(test, is_set(gpa) && is_set(gpa + SZ_2M));
	clear_got(f);
	expect_clean(f);
	KUNIT_EXPECT_EQ(test, space_hpa(f, gpa), hpa);
	KUNIT_EXPECT_EQ(test, space_fault(f, gpa, TEST_W), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_NE(test, space_hpa(f, gpa), hpa);
	expect_written(f, gpa, SZ_4K);
	KUNIT_EXPECT_EQ(test, stop(f, WIN, WIN_SIZE), 0);
	finish(f, image);
}

/* Before anybody has touched what START has put aside. */
static void a_freeze_right_after_start(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image;

	log_window(f);
	image = freeze_it(f);
	expect_clean(f);
	KUNIT_EXPECT_EQ(test, image_byte(test, image, WIN + SZ_8K), usual_byte(WIN + SZ_8K));
	write_byte(f, WIN + SZ_8K);
	expect_written(f, WIN + SZ_8K, SZ_4K);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	expect_clean(f);
	KUNIT_EXPECT_EQ(test, stop(f, WIN, WIN_SIZE), 0);
	finish(f, image);
}

/* Stopped after another start: all that was ever logged permits writes again. */
static void a_log_that_was_frozen_ends(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image;
	u64 gpa = WIN + 7 * SZ_4K;

	log_window(f);
	image = freeze_it(f);
	write_byte(f, gpa);
	clear_got(f);
	KUNIT_ASSERT_EQ(test, start(f, BORDER, SZ_2M), 0);
	KUNIT_EXPECT_EQ(test, stop(f, WIN, WIN_SIZE), 0);
	KUNIT_EXPECT_NE(test, prot_at(f, gpa) & AXAS_PROT_WRITE, 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, gpa, TEST_W), AXAS_FAULT_SPURIOUS);
	finish(f, image);
}

static void discarded_pages_stay_in_the_log(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image;

	log_window(f);
	discard(f, WIN + SZ_64K, SZ_64K);
	image = freeze_it(f);
	expect_written(f, WIN + SZ_64K, SZ_64K);
	KUNIT_EXPECT_EQ(test, byte_at(f, WIN + SZ_64K), 0);
	KUNIT_EXPECT_EQ(test, image_byte(test, image, WIN + SZ_64K), 0);
	clear_got(f);
	expect_clean(f);
	KUNIT_EXPECT_EQ(test, byte_at(f, WIN + SZ_64K), 0);
	finish(f, image);
}

/* A leaf of 2 MiB that was written is borrowed as one. */
static void large_leaves_stay_in_the_log(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_translation to;
	struct axas_image *image;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BORDER, SZ_2M, TEST_RW), 0);
	write_byte(f, BORDER);
	if (axas_space_translate(f->space, axas_gpa(BORDER), &to) || to.level != 1)
		kunit_skip(test, "no leaf of 2 MiB");
	KUNIT_ASSERT_EQ(test, start(f, BORDER, SZ_2M), 0);
	KUNIT_ASSERT_EQ(test, space_protect(f, BORDER, SZ_2M, TEST_R), 0);
	KUNIT_ASSERT_EQ(test, space_protect(f, BORDER, SZ_2M, TEST_RW), 0);
	image = freeze_it(f);
	KUNIT_EXPECT_EQ(test, nr_written(f), 0u);
	write_byte(f, BORDER);
	axas_image_put(image);
	image = freeze_it(f);
	expect_written(f, BORDER, SZ_4K);
	finish(f, image);
}

static void a_large_leaf_that_was_written(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BORDER, SZ_2M, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, start(f, BORDER, SZ_2M), 0);
	/* New memory: all of the leaf is in the log. */
	write_byte(f, BORDER);
	i = nr_written(f);
	image = freeze_it(f);
	KUNIT_EXPECT_EQ(test, nr_written(f), i);
	/* It is split before the write: the others stay in the log. */
	write_byte(f, BORDER + SZ_4K);
	KUNIT_EXPECT_GE(test, nr_written(f), i);
	clear_got(f);
	KUNIT_EXPECT_EQ(test, nr_written(f), 0u);
	write_byte(f, BORDER + SZ_8K);
	expect_written(f, BORDER + SZ_8K, SZ_4K);
	KUNIT_EXPECT_EQ(test, image_byte(test, image, BORDER), usual_byte(BORDER));
	finish(f, image);
}

/* Written, and then read-only: WRITTEN in the image, and in the borrowed leaf. */
static void protected_pages_stay_in_the_log(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image;

	log_window(f);
	write_byte(f, WIN);
	KUNIT_ASSERT_EQ(test, space_protect(f, WIN, WIN_SIZE, TEST_R), 0);
	image = freeze_it(f);
	expect_written(f, WIN, SZ_4K);
	/* A private copy for who only reads. */
	KUNIT_EXPECT_EQ(test, axas_space_own_page(f->space, WIN, AXAS_PROT_READ), 0);
	expect_written(f, WIN, SZ_4K);
	KUNIT_ASSERT_EQ(test, space_protect(f, WIN, WIN_SIZE, TEST_RW), 0);
	expect_written(f, WIN, SZ_4K);
	finish(f, image);
}

/* The image's own areas, and those of its clones, are not logged. */
static void clones_have_no_log(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_space *clone;
	struct axas_image *image;
	u8 byte = 0xee;
	u64 epoch;

	log_window(f);
	write_byte(f, WIN);
	image = freeze_it(f);
	clone = axas_image_clone(image, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(clone));
	KUNIT_EXPECT_EQ(test, axas_space_get_log(clone, gpa_range(WIN, WIN_SIZE), bits, &epoch),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, axas_write(clone, axas_gpa(WIN), &byte, 1), 0);
	KUNIT_EXPECT_EQ(test, byte_at(f, WIN), usual_byte(WIN));
	expect_written(f, WIN, SZ_4K);
	axas_space_put(clone);
	finish(f, image);
}

static void each_freeze_keeps_the_log(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = NULL;
	unsigned int i;

	log_window(f);
	for (i = 0; i < 20; i++) {
		write_byte(f, gpa_of_page(i));
		axas_image_put(image);
		image = freeze_it(f);
		expect_written(f, WIN, (i + 1) * (u64)SZ_4K);
	}
	clear_got(f);
	expect_clean(f);
	finish(f, image);
}

/* A page that somebody holds stays with the space, and in the log. */
static void held_pages_stay_in_the_log(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image;
	struct bio_vec bvec;
	u64 hpa;

	log_window(f);
	KUNIT_ASSERT_EQ(test, axas_space_bvec(f->space, gpa_range(WIN, SZ_4K), TEST_RW, &bvec,
					      1), 1);
	write_byte(f, WIN + SZ_4K);
	hpa = space_hpa(f, WIN);
	image = freeze_it(f);
	expect_written(f, WIN, SZ_8K);
	KUNIT_EXPECT_EQ(test, space_hpa(f, WIN), hpa);
	KUNIT_EXPECT_NE(test, prot_at(f, WIN) & AXAS_PROT_WRITE, 0);
	axas_space_bvec_put(&bvec, 1);
	finish(f, image);
}

/* Without memory nothing changes, neither the space nor its log. */
static void a_freeze_that_fails_keeps_the_log(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = ERR_PTR(-ENOMEM);
	unsigned int nth;

	log_window(f);
	write_byte(f, WIN);
	write_byte(f, WIN + SZ_2M);
	for (nth = 1; nth < 100 && IS_ERR(image); nth++) {
		mock_hal_fail_nth(f->mock, nth);
		image = axas_space_freeze(f->space);
		mock_hal_fail_never(f->mock);
		monitor_expect_flushed(f->monitor);
		KUNIT_EXPECT_EQ(test, nr_written(f), 2u);
		KUNIT_EXPECT_TRUE(test, is_set(WIN) && is_set(WIN + SZ_2M));
		KUNIT_EXPECT_TRUE(test, !IS_ERR(image) || PTR_ERR(image) == -ENOMEM);
	}
	KUNIT_ASSERT_FALSE(test, IS_ERR(image));
	KUNIT_EXPECT_GT(test, nth, 2u);
	finish(f, image);
}

static void no_reset_in_the_log(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image;

	log_window(f);
	write_byte(f, WIN);
	image = freeze_it(f);
	KUNIT_EXPECT_EQ(test, axas_space_reset(f->space, image, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, axas_space_reset(f->space, image, AXAS_RESET_DROP), -EBUSY);
	expect_written(f, WIN, SZ_4K);
	KUNIT_EXPECT_EQ(test, stop(f, WIN, WIN_SIZE), 0);
	KUNIT_EXPECT_EQ(test, axas_space_reset(f->space, image, 0), 0);
	monitor_expect_flushed(f->monitor);
	finish(f, image);
}

#define FAR	(512 * (u64)SZ_1G)

/* Below FAR the last table of a GiB is empty; at @written, above it, a page was written. */
static void log_across_far(struct space_fixture *f, u64 written)
{
	static unsigned long all[BITS_TO_LONGS(512)];
	u64 epoch = 0;

	if (f->space->npt.levels < 4 || axas_npt_last(&f->space->npt) < 2 * FAR)
		kunit_skip(f->test, "too small");
	bitmap_fill(all, 512);
	KUNIT_ASSERT_EQ(f->test, axas_space_map_alloc(f->space, gpa_range(FAR - SZ_1G,
									  4 * (u64)SZ_1G),
						      TEST_RW, AXAS_TYPE_NORMAL,
						      AXAS_MAP_HUGE_NEVER), 0);
	KUNIT_ASSERT_EQ(f->test, start(f, FAR - SZ_1G, 4 * (u64)SZ_1G), 0);
	write_byte(f, FAR - SZ_2M);
	discard(f, FAR - SZ_2M, SZ_2M);
	KUNIT_EXPECT_EQ(f->test, axas_space_clear_log(f->space, gpa_range(FAR - SZ_2M, SZ_2M), all,
						      &epoch), 0);
	monitor_expect_flushed(f->monitor);
	write_byte(f, written);
}

/* Nothing is skipped behind an empty table. */
static void written_pages_behind_empty_tables(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_gpa_range range = gpa_range(FAR - SZ_1G, 4 * (u64)SZ_1G);
	static unsigned long some[BITS_TO_LONGS(512)];
	u64 skipped, epoch = 0;
	struct axas_image *image;

	log_across_far(f, FAR + SZ_4K);
	KUNIT_EXPECT_EQ(test, axas_space_skip_log(f->space, range, &skipped, &epoch), 1);
	KUNIT_EXPECT_EQ(test, skipped, (u64)SZ_1G);
	image = freeze_it(f);
	KUNIT_EXPECT_EQ(test, axas_space_get_log(f->space, gpa_range(FAR, SZ_2M), some, &epoch), 0);
	KUNIT_EXPECT_TRUE(test, test_bit(1, some));
	finish(f, image);
}

/* Nor does a skip end at the end of an empty table, where its parent ends, too. */
static void skip_goes_on_behind_empty_tables(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_gpa_range range = gpa_range(FAR - SZ_1G, 4 * (u64)SZ_1G);
	u64 skipped, epoch = 0;

	log_across_far(f, FAR + 2 * (u64)SZ_1G);
	KUNIT_EXPECT_EQ(test, axas_space_skip_log(f->space, range, &skipped, &epoch), 1);
	KUNIT_EXPECT_EQ(test, skipped, 3 * (u64)SZ_1G);
	space_expect_balanced(f);
}

static struct {
	int (*alloc)(const struct axas_hal *hal, unsigned int order, u32 flags,
		     struct axas_hpa *hpa);
	struct space_fixture *f;
	struct bio_vec held[4];
	unsigned int nr;
	unsigned int copies;
} holder;

static u64 held_gpa(unsigned int i)
{
	return 2 * (u64)SZ_1G + i * (u64)SZ_2M + 7 * SZ_4K;
}

static void hold_next(void)
{
	if (axas_space_bvec(holder.f->space, gpa_range(held_gpa(holder.nr), SZ_4K), TEST_RW,
			    &holder.held[holder.nr], 1) == 1)
		holder.nr++;
}

/* A second page is held after the first look, a third one while there is made room ahead. */
static int alloc_and_hold(const struct axas_hal *hal, unsigned int order, u32 flags,
			  struct axas_hpa *hpa)
{
	if (flags & AXAS_FRAME_TABLE)
		return holder.alloc(hal, order, flags, hpa);
	holder.copies++;
	if (holder.copies == 1 || holder.copies == 3)
		hold_next();
	return holder.copies < 4 ? holder.alloc(hal, order, flags, hpa) : -ENOMEM;
}

/* Copies were allocated ahead, but not the tables for them: they do not count. */
static void room_that_is_there_in_part(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image;
	u64 hpa[4];
	unsigned int i;

	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(f->space, gpa_range(2 * (u64)SZ_1G, SZ_8M),
						   TEST_RW, AXAS_TYPE_NORMAL,
						   AXAS_MAP_POPULATE | AXAS_MAP_HUGE_ALWAYS), 0);
	memset(&holder, 0, sizeof(holder));
	holder.alloc = f->mock->hal.alloc_frame;
	holder.f = f;
	for (i = 0; i < 4; i++)
		hpa[i] = space_hpa(f, held_gpa(i));
	hold_next();
	f->mock->hal.alloc_frame = alloc_and_hold;
	image = axas_space_freeze(f->space);
	f->mock->hal.alloc_frame = holder.alloc;
	monitor_expect_flushed(f->monitor);
	KUNIT_EXPECT_TRUE(test, !IS_ERR(image) || PTR_ERR(image) == -ENOMEM);
	for (i = 0; i < holder.nr; i++)
		KUNIT_EXPECT_EQ_MSG(test, space_hpa(f, held_gpa(i)), hpa[i], "page %u", i);
	axas_space_bvec_put(holder.held, holder.nr);
	finish(f, IS_ERR(image) ? NULL : image);
}

static struct kunit_case carry_cases[] = {
	KUNIT_CASE_PARAM(the_log_goes_on, space_gen_params),
	KUNIT_CASE_PARAM(a_freeze_right_after_start, space_gen_params),
	KUNIT_CASE_PARAM(a_log_that_was_frozen_ends, space_gen_params),
	KUNIT_CASE_PARAM(discarded_pages_stay_in_the_log, space_gen_params),
	KUNIT_CASE_PARAM(large_leaves_stay_in_the_log, space_gen_params),
	KUNIT_CASE_PARAM(a_large_leaf_that_was_written, space_gen_params),
	KUNIT_CASE_PARAM(protected_pages_stay_in_the_log, space_gen_params),
	KUNIT_CASE_PARAM(clones_have_no_log, space_gen_params),
	KUNIT_CASE_PARAM(each_freeze_keeps_the_log, space_gen_params),
	KUNIT_CASE_PARAM(held_pages_stay_in_the_log, space_gen_params),
	KUNIT_CASE_PARAM(a_freeze_that_fails_keeps_the_log, space_gen_params),
	KUNIT_CASE_PARAM(no_reset_in_the_log, space_gen_params),
	KUNIT_CASE_PARAM(written_pages_behind_empty_tables, space_gen_params),
	KUNIT_CASE_PARAM(skip_goes_on_behind_empty_tables, space_gen_params),
	KUNIT_CASE_PARAM(room_that_is_there_in_part, space_gen_params),
	{}
};

struct kunit_suite axas_space_carry_suite = {
	.name = "axas_space_carry",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = carry_cases,
};
