// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log of memory whose untouched pages have content elsewhere: of a clone, whose pages its
 * image lends, and of missing memory. ZERO markers stay when the log is cleared, as they hide what
 * the page had (axas_space_log.c, axas_npt_aside.c, axas_space_cow.c).
 */
#include "image_window.h"

static void discard(struct space_fixture *f, u64 gpa, u64 size)
{
	struct axas_gpa_range range = gpa_range(gpa, size);
	u64 done;

	KUNIT_EXPECT_EQ(f->test, axas_space_discard(f->space, &range, 1, &done), 0);
	monitor_expect_flushed(f->monitor);
}

/* The space becomes a clone, whose image has a byte in each page of the window, and is logged. */
static struct axas_image *clone_of_window(struct space_fixture *f)
{
	struct axas_image *image;
	u64 at;

	KUNIT_ASSERT_EQ(f->test, space_map_small(f, WIN, WIN_SIZE, TEST_RW), 0);
	for (at = WIN; at < WIN + WIN_SIZE; at += SZ_4K)
		write_byte(f, at);
	image = freeze_it(f);
	KUNIT_ASSERT_EQ(f->test, start(f, WIN, WIN_SIZE), 0);
	return image;
}

static void the_first_copy_is_logged(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = clone_of_window(f);
	u64 gpa = WIN + 5 * SZ_4K, hpa;

	expect_clean(f);
	KUNIT_EXPECT_EQ(test, space_fault(f, gpa, TEST_R), AXAS_FAULT_FIXED);
	expect_clean(f);
	KUNIT_EXPECT_EQ(test, space_fault(f, gpa, TEST_W), AXAS_FAULT_FIXED);
	expect_written(f, gpa, SZ_4K);
	hpa = space_hpa(f, gpa);
	clear_got(f);
	expect_clean(f);
	/* The page is private: it is written again without a copy. */
	KUNIT_EXPECT_EQ(test, space_fault(f, gpa, TEST_W), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, space_hpa(f, gpa), hpa);
	expect_written(f, gpa, SZ_4K);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	expect_clean(f);
	KUNIT_EXPECT_EQ(test, byte_at(f, gpa), usual_byte(gpa));
	expect_clean(f);
	/* A page that nobody has touched. */
	write_byte(f, gpa + SZ_2M);
	expect_written(f, gpa + SZ_2M, SZ_4K);
	KUNIT_EXPECT_EQ(test, stop(f, WIN, WIN_SIZE), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, gpa, TEST_W), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, image_byte(test, image, gpa), usual_byte(gpa));
	finish(f, image);
}

/* Zeroes of a discard are reported once, and do not become the image's page again. */
static void expect_zeroes_logged(struct space_fixture *f, u64 gpa, u64 size)
{
	u64 last = gpa + size - SZ_4K;

	discard(f, gpa, size);
	expect_written(f, gpa, size);
	/* What is only read is still to be reported. */
	KUNIT_EXPECT_EQ(f->test, byte_at(f, gpa), 0);
	expect_written(f, gpa, size);
	clear_got(f);
	expect_clean(f);
	KUNIT_EXPECT_EQ(f->test, byte_at(f, last), 0);
	KUNIT_EXPECT_EQ(f->test, space_fault(f, last, TEST_R), AXAS_FAULT_SPURIOUS);
	expect_clean(f);
	write_byte(f, last);
	expect_written(f, last, SZ_4K);
	clear_got(f);
}

static void zeroes_are_logged_and_stay(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = clone_of_window(f);

	expect_zeroes_logged(f, WIN + SZ_64K, SZ_64K);
	expect_zeroes_logged(f, BORDER, SZ_2M);
	/* Private pages, borrowed ones and untouched ones. */
	expect_zeroes_logged(f, WIN, SZ_64K + SZ_16K);
	KUNIT_EXPECT_EQ(test, image_byte(test, image, WIN + SZ_64K), usual_byte(WIN + SZ_64K));
	finish(f, image);
}

/* A discard before the start is no write after it: whether the region is put aside, or in part. */
static void start_keeps_zeroes(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = clone_of_window(f);

	discard(f, BORDER, SZ_2M);
	discard(f, WIN, SZ_64K);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	expect_clean(f);
	KUNIT_EXPECT_EQ(test, byte_at(f, WIN + SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, byte_at(f, BORDER + SZ_4K), 0);
	expect_clean(f);
	KUNIT_EXPECT_EQ(test, stop(f, WIN, WIN_SIZE), 0);
	discard(f, WIN, SZ_64K);
	KUNIT_ASSERT_EQ(test, start(f, WIN + SZ_8K, SZ_16K), 0);
	expect_clean(f);
	KUNIT_EXPECT_EQ(test, byte_at(f, WIN), 0);
	KUNIT_EXPECT_EQ(test, byte_at(f, WIN + SZ_8K), 0);
	expect_clean(f);
	write_byte(f, WIN + SZ_8K);
	write_byte(f, WIN);
	expect_written(f, WIN + SZ_8K, SZ_4K);
	finish(f, image);
}

static void a_reset_after_the_log(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = clone_of_window(f);

	write_byte(f, WIN);
	discard(f, WIN + SZ_64K, SZ_64K);
	clear_got(f);
	KUNIT_EXPECT_EQ(test, axas_space_reset(f->space, image, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, stop(f, WIN, WIN_SIZE), 0);
	KUNIT_EXPECT_EQ(test, axas_space_reset(f->space, image, 0), 0);
	KUNIT_EXPECT_EQ(test, byte_at(f, WIN + SZ_64K), usual_byte(WIN + SZ_64K));
	KUNIT_EXPECT_EQ(test, byte_at(f, WIN), usual_byte(WIN));
	finish(f, image);
}

/* An image of a space whose log was cleared and stopped: clean markers are zeroes to its clones. */
static void an_image_after_the_log(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = clone_of_window(f), *next;

	discard(f, WIN + SZ_64K, SZ_64K);
	discard(f, BORDER, SZ_2M);
	clear_got(f);
	KUNIT_EXPECT_EQ(test, stop(f, WIN, WIN_SIZE), 0);
	next = freeze_it(f);
	KUNIT_EXPECT_EQ(test, image_byte(test, next, WIN + SZ_64K), 0);
	KUNIT_EXPECT_EQ(test, image_byte(test, next, BORDER + SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, byte_at(f, WIN + SZ_64K), 0);
	KUNIT_EXPECT_EQ(test, byte_at(f, BORDER), 0);
	KUNIT_EXPECT_EQ(test, byte_at(f, WIN), usual_byte(WIN));
	axas_image_put(next);
	finish(f, image);
}

/* One marker of a whole 1 GiB, while tables that have become empty are still put aside. */
static void a_large_discard_outlives_the_log(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image;

	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(f->space, gpa_range(BORDER, SZ_1G), TEST_RW,
						   AXAS_TYPE_NORMAL, AXAS_MAP_HUGE_NEVER), 0);
	write_byte(f, BORDER + SZ_4K);
	image = freeze_it(f);
	KUNIT_EXPECT_EQ(test, byte_at(f, BORDER + SZ_4K), usual_byte(BORDER + SZ_4K));
	KUNIT_ASSERT_EQ(test, start(f, BORDER, SZ_1G), 0);
	discard(f, BORDER, SZ_1G);
	KUNIT_EXPECT_EQ(test, stop(f, BORDER, SZ_1G), 0);
	KUNIT_EXPECT_EQ(test, byte_at(f, BORDER + SZ_4K), 0);
	finish(f, image);
}

static int diff_of_window(struct space_fixture *f)
{
	struct axas_gpa_range range = gpa_range(WIN, WIN_SIZE);
	struct axas_diff_extent extents[4];

	return axas_space_diff(f->space, &range, extents, ARRAY_SIZE(extents));
}

/* Private pages are found where the log has put them aside. */
static void a_diff_of_logged_memory(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = clone_of_window(f);

	write_byte(f, WIN + SZ_4K);
	write_byte(f, BORDER + SZ_4K);
	KUNIT_EXPECT_EQ(test, diff_of_window(f), 2);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	write_byte(f, WIN + SZ_16K);
	KUNIT_EXPECT_EQ(test, diff_of_window(f), 3);
	expect_written(f, WIN + SZ_16K, SZ_4K);
	finish(f, image);
}

static void missing_memory_is_cleared(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 next = WIN, done;

	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(f->space, gpa_range(WIN, WIN_SIZE), TEST_RW,
						   AXAS_TYPE_NORMAL, AXAS_MAP_MISSING), 0);
	KUNIT_ASSERT_EQ(test, axas_space_supply(f->space, gpa_range(WIN, WIN_SIZE), NULL, 0,
						&done), 0);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	expect_clean(f);
	for (; next < WIN + SZ_64K; next += SZ_4K)
		write_byte(f, next);
	expect_written(f, WIN, SZ_64K);
	clear_got(f);
	discard(f, WIN, SZ_64K);
	expect_written(f, WIN, SZ_64K);
	clear_got(f);
	expect_clean(f);
	/* Not missing again. */
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, byte_at(f, WIN), 0);
	expect_clean(f);
}

/**
 * struct page_model - what is known of a page
 * @val: its byte
 * @logged: it is in the log
 * @written: it was written since the log was cleared
 * @discarded: it was discarded since the log was started; what is left of a region that was
 *	discarded as a whole, and cleared or started anew in part, stays in the log
 */
static struct page_model {
	u8 val;
	bool logged;
	bool written;
	bool discarded;
} model[WIN_PAGES];

static void model_log(struct space_fixture *f, bool on, unsigned int first, unsigned int n)
{
	int err = (on ? start : stop)(f, gpa_of_page(first), (u64)n * SZ_4K);
	unsigned int i, region;

	KUNIT_EXPECT_TRUE(f->test, !err || (!on && err == -ENOENT));
	for (i = first; !err && i < first + n; i++) {
		model[i].logged = on;
		model[i].written = false;
		region = round_down(i, 512);
		if (first <= region && first + n >= region + 512)
			model[i].discarded = false;
	}
}

/* What was written is reported, and nothing else; then some of it is cleared. */
static void model_get(struct space_fixture *f, struct rnd_state *rnd)
{
	unsigned int i, wrong = 0;

	if (get(f))
		bitmap_zero(bits, WIN_PAGES);
	for (i = 0; i < WIN_PAGES; i++)
		wrong += test_bit(i, bits) ? !model[i].written && !model[i].discarded :
					     model[i].written;
	KUNIT_EXPECT_EQ(f->test, wrong, 0);
	for (i = 0; i < WIN_PAGES; i++)
		if (prandom_u32_state(rnd) % 4)
			model[i].written &= !test_bit(i, bits);
		else
			__clear_bit(i, bits);
	/* Errors are those of get(). */
	if (clear_bits(f, bits))
		wrong = 0;
}

static void model_discard(struct space_fixture *f, unsigned int first, unsigned int n)
{
	unsigned int i;

	discard(f, gpa_of_page(first), (u64)n * SZ_4K);
	for (i = first; i < first + n; i++) {
		model[i].val = 0;
		model[i].written = model[i].logged;
		model[i].discarded = model[i].logged;
	}
}

static void model_access(struct space_fixture *f, struct rnd_state *rnd, unsigned int page)
{
	u64 gpa = gpa_of_page(page);
	u8 val = prandom_u32_state(rnd);

	switch (prandom_u32_state(rnd) % 4) {
	case 0:
		KUNIT_EXPECT_EQ(f->test, write_at(f, gpa, &val, 1), 0);
		model[page].val = val;
		model[page].written = model[page].logged;
		break;
	case 1:
		if (space_fault(f, gpa, TEST_W) == AXAS_FAULT_FIXED ||
		    model[page].written)
			model[page].written = model[page].logged;
		break;
	case 2:
		space_fault(f, gpa, TEST_R);
		break;
	default:
		KUNIT_EXPECT_EQ_MSG(f->test, byte_at(f, gpa), model[page].val, "page %u", page);
		break;
	}
}

/* What each page of the newest image had when it was made. */
static u8 frozen[WIN_PAGES];

static void expect_frozen(struct kunit *test, struct axas_image *image)
{
	unsigned int i;

	for (i = 0; i < WIN_PAGES; i++)
		KUNIT_EXPECT_EQ_MSG(test, image_byte(test, image, gpa_of_page(i)), frozen[i],
				    "page %u", i);
}

/* The log goes on; the image before is the new one's alone. */
static void model_freeze(struct space_fixture *f, struct axas_image **image)
{
	unsigned int i;

	expect_frozen(f->test, *image);
	axas_image_put(*image);
	*image = freeze_it(f);
	for (i = 0; i < WIN_PAGES; i++)
		frozen[i] = model[i].val;
}

static void model_step(struct space_fixture *f, struct rnd_state *rnd, struct axas_image **image)
{
	unsigned int first, n;

	pick(rnd, &first, &n);
	switch (prandom_u32_state(rnd) % 16) {
	case 0:
	case 1:
		model_log(f, prandom_u32_state(rnd) % 4, first, n);
		break;
	case 2:
		model_discard(f, first, n);
		break;
	case 3:
	case 4:
		model_get(f, rnd);
		break;
	case 5:
		KUNIT_EXPECT_EQ(f->test, space_protect(f, gpa_of_page(first), (u64)n * SZ_4K,
						       TEST_R), 0);
		KUNIT_EXPECT_EQ(f->test, space_protect(f, gpa_of_page(first), (u64)n * SZ_4K,
						       TEST_RW), 0);
		break;
	case 6:
		if (!(prandom_u32_state(rnd) % 4))
			model_freeze(f, image);
		break;
	default:
		model_access(f, rnd, first);
		break;
	}
	monitor_expect_flushed(f->monitor);
}

static void random_operations_on_a_clone(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = clone_of_window(f);
	struct rnd_state rnd;
	unsigned int i;

	prandom_seed_state(&rnd, 17);
	for (i = 0; i < WIN_PAGES; i++) {
		model[i] = (struct page_model){ usual_byte(gpa_of_page(i)), true };
		frozen[i] = model[i].val;
	}
	for (i = 0; i < 1500; i++)
		model_step(f, &rnd, &image);
	expect_frozen(test, image);
	finish(f, image);
}

static struct kunit_case lent_log_cases[] = {
	KUNIT_CASE_PARAM(the_first_copy_is_logged, space_gen_params),
	KUNIT_CASE_PARAM(zeroes_are_logged_and_stay, space_gen_params),
	KUNIT_CASE_PARAM(start_keeps_zeroes, space_gen_params),
	KUNIT_CASE_PARAM(a_reset_after_the_log, space_gen_params),
	KUNIT_CASE_PARAM(an_image_after_the_log, space_gen_params),
	KUNIT_CASE_PARAM(a_large_discard_outlives_the_log, space_gen_params),
	KUNIT_CASE_PARAM(a_diff_of_logged_memory, space_gen_params),
	KUNIT_CASE_PARAM(missing_memory_is_cleared, space_gen_params),
	KUNIT_CASE_PARAM(random_operations_on_a_clone, space_gen_params),
	{}
};

struct kunit_suite axas_space_lent_log_suite = {
	.name = "axas_space_lent_log",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = lent_log_cases,
};
