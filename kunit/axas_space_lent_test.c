// SPDX-License-Identifier: GPL-2.0-only
/*
 * Areas whose backend lends frames (axas_space_cow.c): what is borrowed, what becomes private and
 * when, discard, limits, failures, host mappings. The lender here is an array of frames of the mock
 * HAL, of which some are at hand and the others have to be fetched.
 */
#include <linux/bitmap.h>
#include <linux/bvec.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <axas/image.h>

#include "axas_image.h"
#include "space_fixture.h"

/* A part of one table, all of a second, a part of a third. */
#define LENT_PAGES	(16u + 512 + 64)
#define LENT_SIZE	(LENT_PAGES * (u64)SZ_4K)
#define LENT_BASE	(BORDER - SZ_64K)

/* The area begins at this page of the object. */
#define LENT_SKIP	3u

/**
 * struct lender - a backend
 * @hal: the HAL of its frames
 * @frames: their addresses
 * @here: those at hand
 * @lock: protects @here
 * @refs: areas and faults that hold it
 * @fetches: calls of fetch()
 * @err: what fetch() returns
 * @failed: a frame that fetch() never brings; ~0: none
 */
struct lender {
	const struct axas_hal *hal;
	struct axas_hpa frames[LENT_SKIP + LENT_PAGES];
	DECLARE_BITMAP(here, LENT_SKIP + LENT_PAGES);
	struct mutex lock;	/* see above */
	atomic_t refs;
	unsigned int fetches;
	int err;
	u64 failed;
};

static struct lender *lender_of(const struct axas_backend *backend)
{
	return (struct lender *)backend->object;
}

static int lender_lend(const struct axas_backend *backend, u64 offset,
		       struct axas_hpa *hpas, unsigned int n)
{
	struct lender *lender = lender_of(backend);
	u64 first = offset >> AXAS_FRAME_SHIFT;
	unsigned int i;

	for (i = 0; i < n && test_bit(first + i, lender->here); i++)
		hpas[i] = lender->frames[first + i];
	return i;
}

static int lender_fetch(const struct axas_backend *backend, u64 offset, unsigned int n)
{
	struct lender *lender = lender_of(backend);
	u64 first = offset >> AXAS_FRAME_SHIFT;
	unsigned int i;
	int err;

	might_sleep();
	mutex_lock(&lender->lock);
	lender->fetches++;
	err = first == lender->failed ? -EIO : lender->err;
	for (i = 0; !err && i < n && first + i != lender->failed; i++)
		set_bit(first + i, lender->here);
	mutex_unlock(&lender->lock);
	return err;
}

static struct page *lender_page(const struct axas_backend *backend, u64 offset,
				struct axas_hpa hpa)
{
	struct lender *lender = lender_of(backend);

	if (lender->frames[offset >> AXAS_FRAME_SHIFT].val != hpa.val)
		return NULL;
	return lender->hal->frame_page(lender->hal, hpa);
}

static void lender_hold(const struct axas_backend *backend)
{
	atomic_inc(&lender_of(backend)->refs);
}

static void lender_release(const struct axas_backend *backend)
{
	atomic_dec(&lender_of(backend)->refs);
}

static const struct axas_backend_ops mapped_ops = {
	.id	= AXAS_BACKEND_FILE,
	.flags	= AXAS_BACKEND_DIRECT | AXAS_BACKEND_LENDS,
	.lend	= lender_lend, .fetch = lender_fetch, .page = lender_page,
	.hold	= lender_hold, .release = lender_release,
};

static const struct axas_backend_ops unmapped_ops = {
	.id	= AXAS_BACKEND_FILE,
	.flags	= AXAS_BACKEND_DIRECT | AXAS_BACKEND_LENDS | AXAS_BACKEND_UNMAPPED,
	.lend	= lender_lend, .fetch = lender_fetch, .page = lender_page,
	.hold	= lender_hold, .release = lender_release,
};

/* What the object holds at a page of the area, and what a guest writes there. */
static u64 lent_stamp(u64 page)
{
	return (page + 1) * 0x9e3779b97f4a7c15ull | 1;
}

static u64 written_stamp(u64 page)
{
	return ~lent_stamp(page);
}

static struct lender *new_lender(struct space_fixture *f)
{
	struct lender *lender = kunit_kzalloc(f->test, sizeof(*lender), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(f->test, lender);
	lender->hal = &f->mock->hal;
	lender->failed = ~0ull;
	mutex_init(&lender->lock);
	for (i = 0; i < ARRAY_SIZE(lender->frames); i++) {
		u64 *mem;

		KUNIT_ASSERT_TRUE(f->test, axas_frame_alloc_hpa(lender->hal, 0, AXAS_FRAME_ZERO,
								&lender->frames[i]));
		mem = axas_hal_va(lender->hal, lender->frames[i]);
		mem[0] = lent_stamp(i - (u64)LENT_SKIP);
		mem[511] = mem[0];
	}
	return lender;
}

/* The lender's frames say what they did, and nobody holds it. */
static void end_lender(struct space_fixture *f, struct lender *lender)
{
	unsigned int i;

	KUNIT_EXPECT_EQ(f->test, atomic_read(&lender->refs), 0);
	for (i = 0; i < ARRAY_SIZE(lender->frames); i++) {
		u64 *mem = axas_hal_va(lender->hal, lender->frames[i]);

		if (mem[0] != lent_stamp(i - (u64)LENT_SKIP) || mem[511] != mem[0])
			KUNIT_FAIL(f->test, "page %u was written", i);
		lender->hal->free_frame(lender->hal, lender->frames[i], 0, AXAS_FRAME_ZERO);
	}
}

static void end(struct space_fixture *f, struct lender *lender)
{
	axas_space_clear(f->space);
	monitor_expect_flushed(f->monitor);
	end_lender(f, lender);
	space_expect_empty(f);
}

static struct axas_backend backend_of(struct lender *lender, const struct axas_backend_ops *ops)
{
	return (struct axas_backend){
		.ops = ops, .object = lender,
		.offset = LENT_SKIP * (u64)SZ_4K - LENT_BASE,
	};
}

static int map_ops(struct space_fixture *f, struct lender *lender, u32 prot, u32 flags,
		   const struct axas_backend_ops *ops)
{
	return axas_space_map_lent(f->space, gpa_range(LENT_BASE, LENT_SIZE), prot, flags,
				   backend_of(lender, ops));
}

static int map_lent(struct space_fixture *f, struct lender *lender, u32 prot, u32 flags)
{
	return map_ops(f, lender, prot, flags, &mapped_ops);
}

static u64 page_gpa(unsigned int page)
{
	return LENT_BASE + page * (u64)SZ_4K;
}

static u64 read_page(struct space_fixture *f, unsigned int page)
{
	u64 val = 0, last = 1;

	KUNIT_EXPECT_EQ(f->test, axas_read_obj(f->space, axas_gpa(page_gpa(page)), AXAS_WIDTH_64,
					       &val), 0);
	KUNIT_EXPECT_EQ(f->test, axas_read_obj(f->space, axas_gpa(page_gpa(page) + SZ_4K - 8),
					       AXAS_WIDTH_64, &last), 0);
	return val;
}

static void expect_info(struct space_fixture *f, u64 borrowed, u64 frames)
{
	struct axas_info info;

	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(f->test, info.borrowed, borrowed);
	KUNIT_EXPECT_EQ(f->test, info.frames, frames);
	KUNIT_EXPECT_EQ(f->test, info.leaves[0], borrowed + frames);
}

static u64 lent_hpa(const struct lender *lender, unsigned int page)
{
	return lender->frames[LENT_SKIP + page].val;
}

static void a_read_borrows_what_is_at_hand(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct lender *lender = new_lender(f);

	KUNIT_ASSERT_EQ(test, map_lent(f, lender, TEST_RW, 0), 0);
	expect_info(f, 0, 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(5) + 123, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, lender->fetches, 1u);
	/* Up to the end of the block of 16 pages. */
	expect_info(f, 11, 0);
	space_expect_leaf(f, page_gpa(5), lent_hpa(lender, 5), TEST_R);
	space_expect_leaf(f, page_gpa(15), lent_hpa(lender, 15), TEST_R);
	space_expect_nothing(f, page_gpa(16), SZ_4K);
	KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(6), TEST_R), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, space_fault_nowait(f, page_gpa(6), TEST_R), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, read_page(f, 6), lent_stamp(6));
	KUNIT_EXPECT_EQ(test, read_page(f, 500), lent_stamp(500));
	KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(LENT_PAGES), TEST_R), AXAS_FAULT_HOLE);
	end(f, lender);
}

static void an_area_says_how_many_a_fault_borrows(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct lender *lender = new_lender(f);

	KUNIT_ASSERT_EQ(test, map_lent(f, lender, TEST_RW, AXAS_MAP_AROUND(2)), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(1), TEST_R), AXAS_FAULT_FIXED);
	expect_info(f, 3, 0);
	KUNIT_EXPECT_EQ(test, axas_space_map_lent(f->space, gpa_range(0, SZ_4K), TEST_R,
						  AXAS_MAP_HUGE_ALWAYS, (struct axas_backend){
							  .ops = &mapped_ops, .object = lender,
						  }), -EINVAL);
	end(f, lender);
}

static void a_write_makes_a_private_copy(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct lender *lender = new_lender(f);
	u64 hpa;

	KUNIT_ASSERT_EQ(test, map_lent(f, lender, TEST_RW, 0), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(0), TEST_R), AXAS_FAULT_FIXED);
	space_attach(f);
	KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(3), TEST_RW), AXAS_FAULT_FIXED);
	monitor_expect_flushed(f->monitor);
	space_expect_one_flush(f, page_gpa(3), SZ_4K);
	expect_info(f, 15, 1);
	hpa = space_hpa(f, page_gpa(3));
	KUNIT_EXPECT_NE(test, hpa, lent_hpa(lender, 3));
	space_expect_leaf(f, page_gpa(3), hpa, TEST_RW);
	space_expect_leaf(f, page_gpa(2), lent_hpa(lender, 2), TEST_R);
	KUNIT_EXPECT_EQ(test, read_page(f, 3), lent_stamp(3));
	/* A second fault does not replace it. */
	KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(3), TEST_RW), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, space_hpa(f, page_gpa(3)), hpa);
	/* Nothing was there: no flush, and the neighbours stay untouched. */
	KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(40), TEST_W), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, f->flushes, 1u);
	expect_info(f, 15, 2);
	KUNIT_EXPECT_EQ(test, read_page(f, 40), lent_stamp(40));
	end(f, lender);
}

/* For hal->clean(), which is called when a copy was made: the area becomes executable then. */
static struct {
	struct space_fixture *f;
	void (*clean)(const struct axas_hal *hal, void *va, size_t len);
	u64 gpa;
	unsigned int fences;
} late_exec;

static void make_executable(const struct axas_hal *hal, void *va, size_t len)
{
	struct axas_gpa_range range = gpa_range(late_exec.gpa, SZ_4K);

	late_exec.clean(hal, va, len);
	if (!late_exec.gpa)
		return;
	late_exec.gpa = 0;
	KUNIT_EXPECT_EQ(late_exec.f->test, axas_space_protect(late_exec.f->space, range, TEST_RWX),
			0);
	late_exec.fences = late_exec.f->mock->fences;
}

/* Where CPUs must be told of new code, they are told of the copy, after it was made. */
static void a_copy_that_became_executable_is_fenced(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct lender *lender = new_lender(f);
	struct axas_hal *hal = &f->mock->hal;
	unsigned int page;

	late_exec.f = f;
	late_exec.clean = hal->clean;
	KUNIT_ASSERT_NOT_NULL(test, hal->clean);
	KUNIT_ASSERT_EQ(test, map_lent(f, lender, TEST_RW, 0), 0);
	KUNIT_ASSERT_EQ(test, space_fault(f, page_gpa(3), TEST_R), AXAS_FAULT_FIXED);
	hal->clean = make_executable;
	/* In the place of a borrowed leaf, without the lock; and where none was. */
	for (page = 3; page < 100; page += 96) {
		late_exec.gpa = page_gpa(page);
		if (page == 3)
			mock_hal_fail_nth(f->mock, 1);
		KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(page), TEST_W), AXAS_FAULT_FIXED);
		KUNIT_EXPECT_EQ(test, late_exec.gpa, 0ull);
		space_expect_leaf(f, page_gpa(page), space_hpa(f, page_gpa(page)), TEST_RWX);
		KUNIT_EXPECT_GT(test, f->mock->fences, late_exec.fences);
	}
	mock_hal_fail_never(f->mock);
	hal->clean = late_exec.clean;
	end(f, lender);
}

/* The area gets another backend while a page of its first one is copied; it has that frame next. */
static struct {
	struct space_fixture *f;
	void (*clean)(const struct axas_hal *hal, void *va, size_t len);
	struct lender *first;
	struct lender *second;
	bool done;
} handover;

static int fetch_into_the_same_frame(const struct axas_backend *backend, u64 offset,
				     unsigned int n)
{
	u64 page = offset >> AXAS_FRAME_SHIFT, *mem;

	swap(handover.first->frames[page], handover.second->frames[page]);
	mem = axas_hal_va(handover.second->hal, handover.second->frames[page]);
	mem[0] = lent_stamp(page - LENT_SKIP);
	mem[511] = mem[0];
	return lender_fetch(backend, offset, n);
}

static const struct axas_backend_ops reusing_ops = {
	.id	= AXAS_BACKEND_FILE,
	.flags	= AXAS_BACKEND_DIRECT | AXAS_BACKEND_LENDS,
	.lend	= lender_lend, .fetch = fetch_into_the_same_frame, .page = lender_page,
	.hold	= lender_hold, .release = lender_release,
};

static void hand_over(const struct axas_hal *hal, void *va, size_t len)
{
	struct space_fixture *f = handover.f;

	handover.clean(hal, va, len);
	if (handover.done)
		return;
	handover.done = true;
	KUNIT_EXPECT_EQ(f->test, axas_space_unmap(f->space, gpa_range(LENT_BASE, LENT_SIZE)), 0);
	KUNIT_EXPECT_EQ(f->test, map_ops(f, handover.second, TEST_RW, 0, &reusing_ops), 0);
}

/* The second backend's page has the first one's frame, and other content. */
static void a_copy_of_another_backend_is_dropped(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_hal *hal = &f->mock->hal;
	u64 *mem;

	handover.f = f;
	handover.clean = hal->clean;
	handover.first = new_lender(f);
	handover.second = new_lender(f);
	handover.done = false;
	mem = axas_hal_va(hal, handover.first->frames[LENT_SKIP + 40]);
	mem[0] = written_stamp(40);
	mem[511] = mem[0];
	KUNIT_ASSERT_EQ(test, map_lent(f, handover.first, TEST_RW, 0), 0);
	hal->clean = hand_over;
	KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(40), TEST_W), AXAS_FAULT_FIXED);
	hal->clean = handover.clean;
	KUNIT_EXPECT_TRUE(test, handover.done);
	KUNIT_EXPECT_EQ(test, read_page(f, 40), lent_stamp(40));
	expect_info(f, 0, 1);
	axas_space_clear(f->space);
	end_lender(f, handover.first);
	end(f, handover.second);
}

static u64 read_of(struct kunit *test, struct axas_space *space, unsigned int page)
{
	u64 val = 0;

	KUNIT_EXPECT_EQ(test, axas_read_obj(space, axas_gpa(page_gpa(page)), AXAS_WIDTH_64, &val),
			0);
	return val;
}

static u64 read_image(struct kunit *test, struct axas_image *image, unsigned int page)
{
	u64 val = 0;

	KUNIT_EXPECT_EQ(test, axas_image_read(image, axas_gpa(page_gpa(page)), &val, sizeof(val)),
			0);
	return val;
}

/* An image and its clones have the private pages, and what the backend lends and brings. */
static void an_image_has_what_its_backend_lends(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct lender *lender = new_lender(f);
	struct axas_space *clone;
	struct axas_image *image;
	u64 val;

	KUNIT_ASSERT_EQ(test, map_lent(f, lender, TEST_RW, 0), 0);
	KUNIT_EXPECT_EQ(test, axas_write_obj(f->space, axas_gpa(page_gpa(3)), AXAS_WIDTH_64,
					     written_stamp(3)), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(5), TEST_R), AXAS_FAULT_FIXED);
	image = axas_space_freeze(f->space);
	KUNIT_ASSERT_FALSE(test, IS_ERR(image));
	clone = axas_image_clone(image, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(clone));
	KUNIT_EXPECT_EQ(test, read_of(test, clone, 3), written_stamp(3));
	KUNIT_EXPECT_EQ(test, read_of(test, clone, 5), lent_stamp(5));
	KUNIT_EXPECT_EQ(test, read_of(test, clone, 300), lent_stamp(300));
	KUNIT_EXPECT_EQ(test, read_image(test, image, 3), written_stamp(3));
	KUNIT_EXPECT_EQ(test, read_image(test, image, 400), lent_stamp(400));
	KUNIT_EXPECT_EQ(test, axas_write_obj(clone, axas_gpa(page_gpa(5)), AXAS_WIDTH_64,
					     written_stamp(5)), 0);
	KUNIT_EXPECT_EQ(test, read_of(test, clone, 5), written_stamp(5));
	KUNIT_EXPECT_EQ(test, read_image(test, image, 5), lent_stamp(5));
	/* What cannot be fetched is an error of whoever asks. */
	lender->err = -EIO;
	KUNIT_EXPECT_EQ(test, axas_image_read(image, axas_gpa(page_gpa(550)), &val, sizeof(val)),
			-EIO);
	KUNIT_EXPECT_NE(test, axas_read_obj(clone, axas_gpa(page_gpa(551)), AXAS_WIDTH_64, &val),
			0);
	lender->err = 0;
	KUNIT_EXPECT_EQ(test, read_of(test, clone, 551), lent_stamp(551));
	axas_space_put(clone);
	axas_image_put(image);
	end(f, lender);
}

/* An image's file may map what its backend lends, unless that forbids it. */
static void an_image_maps_what_its_backend_lends(struct kunit *test)
{
	static const struct axas_backend_ops *const kinds[] = { &mapped_ops, &unmapped_ops };
	struct space_fixture *f = test->priv;
	const struct axas_hal *hal = &f->mock->hal;
	struct axas_image *image;
	struct lender *lender;
	struct page *page;
	struct axas_hpa hpa;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		lender = new_lender(f);
		KUNIT_ASSERT_EQ(test, map_ops(f, lender, TEST_RW, 0, kinds[i]), 0);
		image = axas_space_freeze(f->space);
		KUNIT_ASSERT_FALSE(test, IS_ERR(image));
		hpa = axas_hpa(lent_hpa(lender, 5));
		page = kinds[i] == &mapped_ops ? hal->frame_page(hal, hpa) : NULL;
		KUNIT_EXPECT_PTR_EQ(test, axas_image_frame(image, page_gpa(5), hpa), page);
		page = axas_image_frame(image, page_gpa(5), axas_hpa(lent_hpa(lender, 6)));
		KUNIT_EXPECT_PTR_EQ(test, page, NULL);
		axas_image_put(image);
		end(f, lender);
	}
}

/* With a frame at once, the copy takes one look; without, it is made while the lock is free. */
static void a_copy_waits_for_its_frame(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct lender *lender = new_lender(f);

	KUNIT_ASSERT_EQ(test, map_lent(f, lender, TEST_RWX, AXAS_MAP_POPULATE), 0);
	f->mock->fences = 0;
	KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(3), TEST_RW), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_GT(test, f->mock->fences, 0u);
	mock_hal_fail_nth(f->mock, 1);
	KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(4), TEST_RW), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, f->mock->failures, 1u);
	mock_hal_fail_never(f->mock);
	KUNIT_EXPECT_EQ(test, read_page(f, 3), lent_stamp(3));
	KUNIT_EXPECT_EQ(test, read_page(f, 4), lent_stamp(4));
	expect_info(f, LENT_PAGES - 2, 2);
	end(f, lender);
}

/* A vCPU's loop gets the copy, and only that: with a frame at once, if no flush waits. */
static void a_copy_without_sleeping(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct lender *lender = new_lender(f);

	KUNIT_ASSERT_EQ(test, map_lent(f, lender, TEST_RW, 0), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(0), TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, space_fault_nowait(f, page_gpa(3), TEST_W), AXAS_FAULT_FIXED);
	expect_info(f, 15, 1);
	monitor_expect_flushed(f->monitor);
	KUNIT_EXPECT_EQ(test, space_fault_nowait(f, page_gpa(3), TEST_W), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, read_page(f, 3), lent_stamp(3));
	mock_hal_fail_after(f->mock, 0);
	KUNIT_EXPECT_EQ(test, space_fault_nowait(f, page_gpa(4), TEST_W), AXAS_FAULT_RETRY);
	mock_hal_fail_never(f->mock);
	/* Nothing was there: the slow path makes it. */
	KUNIT_EXPECT_EQ(test, space_fault_nowait(f, page_gpa(40), TEST_W), AXAS_FAULT_RETRY);
	expect_info(f, 15, 1);
	axas_space_share_pages(f->space);
	KUNIT_EXPECT_EQ(test, space_fault_nowait(f, page_gpa(5), TEST_W), AXAS_FAULT_RETRY);
	expect_info(f, 15, 1);
	KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(5), TEST_W), AXAS_FAULT_FIXED);
	expect_info(f, 14, 2);
	end(f, lender);
}

/* Accessors, writes of a part of a page, bio_vecs. */
static void every_writer_gets_the_private_page(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct lender *lender = new_lender(f);
	struct bio_vec bvec;
	u8 byte = 0x5a;

	KUNIT_ASSERT_EQ(test, map_lent(f, lender, TEST_RW, AXAS_MAP_POPULATE), 0);
	expect_info(f, LENT_PAGES, 0);
	KUNIT_EXPECT_EQ(test, axas_write_obj(f->space, axas_gpa(page_gpa(1)), AXAS_WIDTH_64, 7), 0);
	KUNIT_EXPECT_EQ(test, read_page(f, 1), 7ull);
	KUNIT_EXPECT_EQ(test, axas_write_partial(f->space, axas_gpa(page_gpa(2) + 9), &byte, 1),
			(ssize_t)1);
	KUNIT_EXPECT_EQ(test, read_page(f, 2), lent_stamp(2));
	/* Across two pages, all or nothing. */
	KUNIT_EXPECT_EQ(test, write_at(f, page_gpa(4) - 4, "12345678", 8), 0);
	expect_info(f, LENT_PAGES - 4, 4);
	KUNIT_ASSERT_EQ(test, axas_space_bvec(f->space, gpa_range(page_gpa(5), SZ_4K), TEST_R,
					      &bvec, 1), 1);
	KUNIT_EXPECT_PTR_EQ(test, page_address(bvec.bv_page),
			    axas_hal_va(lender->hal, axas_hpa(lent_hpa(lender, 5))));
	axas_space_bvec_put(&bvec, 1);
	KUNIT_ASSERT_EQ(test, axas_space_bvec(f->space, gpa_range(page_gpa(5), SZ_4K), TEST_RW,
					      &bvec, 1), 1);
	KUNIT_EXPECT_PTR_EQ(test, page_address(bvec.bv_page), (void *)space_mem(f, page_gpa(5)));
	axas_space_bvec_put(&bvec, 1);
	expect_info(f, LENT_PAGES - 5, 5);
	end(f, lender);
}

static void two_spaces_share_until_one_writes(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct lender *lender = new_lender(f);
	struct axas_space *one = f->space, *two;
	struct axas_space_params params = {};

	KUNIT_ASSERT_EQ(test, map_lent(f, lender, TEST_RW, AXAS_MAP_POPULATE), 0);
	two = space_another(f, &params);
	KUNIT_ASSERT_FALSE(test, IS_ERR(two));
	f->space = two;
	KUNIT_EXPECT_EQ(test, map_lent(f, lender, TEST_RW, 0), 0);
	KUNIT_EXPECT_EQ(test, read_page(f, 9), lent_stamp(9));
	KUNIT_EXPECT_EQ(test, space_hpa(f, page_gpa(9)), lent_hpa(lender, 9));
	KUNIT_EXPECT_EQ(test, axas_write_obj(two, axas_gpa(page_gpa(9)), AXAS_WIDTH_64, 1), 0);
	f->space = one;
	KUNIT_EXPECT_EQ(test, read_page(f, 9), lent_stamp(9));
	KUNIT_EXPECT_EQ(test, space_hpa(f, page_gpa(9)), lent_hpa(lender, 9));
	axas_space_put(two);
	KUNIT_EXPECT_EQ(test, atomic_read(&lender->refs), 1);
	end(f, lender);
}

static void discarded_pages_read_as_zeroes(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct lender *lender = new_lender(f);
	/* Parts of two tables, and one as a whole; most of it untouched. */
	struct axas_gpa_range range = gpa_range(page_gpa(4), (12 + 512 + 8) * (u64)SZ_4K);
	unsigned int page;
	u64 done;

	KUNIT_ASSERT_EQ(test, map_lent(f, lender, TEST_RW, 0), 0);
	KUNIT_EXPECT_EQ(test, axas_write_obj(f->space, axas_gpa(page_gpa(5)), AXAS_WIDTH_64, 1), 0);
	KUNIT_EXPECT_EQ(test, read_page(f, 7), lent_stamp(7));
	KUNIT_EXPECT_EQ(test, axas_space_discard(f->space, &range, 1, &done), 0);
	monitor_expect_flushed(f->monitor);
	KUNIT_EXPECT_EQ(test, done, range.size);
	expect_info(f, 0, 0);
	for (page = 0; page < 16 + 512 + 16; page += 3) {
		bool gone = page >= 4 && page < 4 + 12 + 512 + 8;

		KUNIT_EXPECT_EQ_MSG(test, read_page(f, page), gone ? 0 : lent_stamp(page),
				    "page %u", page);
	}
	/* Zeroes, too, are private, and can be discarded again. */
	KUNIT_EXPECT_EQ(test, axas_write_obj(f->space, axas_gpa(page_gpa(300)), AXAS_WIDTH_64, 3),
			0);
	KUNIT_EXPECT_EQ(test, axas_space_discard(f->space, &range, 1, &done), 0);
	KUNIT_EXPECT_EQ(test, read_page(f, 300), 0ull);
	/* A new area is not the old one. */
	KUNIT_EXPECT_EQ(test, space_unmap(f, LENT_BASE, LENT_SIZE), 0);
	KUNIT_ASSERT_EQ(test, map_lent(f, lender, TEST_RW, 0), 0);
	KUNIT_EXPECT_EQ(test, read_page(f, 300), lent_stamp(300));
	end(f, lender);
}

/* The tables for the markers are not freed again for other memory in them that is discarded. */
static void discard_beside_untouched_memory(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct lender *lender = new_lender(f);
	static const u32 flags[] = { 0, AXAS_MAP_MISSING, 0, AXAS_MAP_MISSING };
	struct axas_gpa_range ranges[] = {
		gpa_range(LENT_BASE - SZ_64K, SZ_64K + 4 * (u64)SZ_4K),
		gpa_range(LENT_BASE - SZ_64K, SZ_64K), gpa_range(LENT_BASE, 4 * (u64)SZ_4K),
	};
	unsigned int i;
	u64 done;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		KUNIT_ASSERT_EQ(test, map_lent(f, lender, TEST_RW, 0), 0);
		KUNIT_ASSERT_EQ(test, axas_space_map_alloc(f->space,
							   gpa_range(LENT_BASE - SZ_64K, SZ_64K),
							   TEST_RW, TEST_NORMAL, flags[i]), 0);
		/* In one range, and in two. */
		KUNIT_EXPECT_EQ(test, axas_space_discard(f->space, i < 2 ? ranges : ranges + 1,
							 i < 2 ? 1 : 2, &done), 0);
		monitor_expect_flushed(f->monitor);
		KUNIT_EXPECT_EQ(test, done, ranges[0].size);
		KUNIT_EXPECT_EQ(test, read_page(f, 0), 0ull);
		KUNIT_EXPECT_EQ(test, read_page(f, 3), 0ull);
		KUNIT_EXPECT_EQ(test, read_page(f, 4), lent_stamp(4));
		axas_space_clear(f->space);
	}
	end(f, lender);
}

/* The markers' tables must not take the place of one that a log has put aside. */
static void discard_beside_what_is_put_aside(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct lender *lender = new_lender(f);
	const unsigned int page = LENT_PAGES - 8;
	struct axas_gpa_range range = gpa_range(page_gpa(page), SZ_8K);
	u64 beside = LENT_BASE + LENT_SIZE, done, epoch, val = 0;
	struct axas_leaf leaf;

	KUNIT_ASSERT_EQ(test, space_map_small(f, beside, SZ_64K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, axas_write_obj(f->space, axas_gpa(beside), AXAS_WIDTH_64, 17), 0);
	KUNIT_ASSERT_EQ(test, axas_space_start_log(f->space, gpa_range(beside, SZ_64K), &epoch), 0);
	/* The whole region is aside. */
	KUNIT_ASSERT_FALSE(test, axas_npt_lookup(&f->space->npt, beside, &leaf));
	KUNIT_ASSERT_EQ(test, map_lent(f, lender, TEST_RW, 0), 0);
	KUNIT_EXPECT_EQ(test, axas_space_discard(f->space, &range, 1, &done), 0);
	monitor_expect_flushed(f->monitor);
	KUNIT_EXPECT_EQ(test, done, range.size);
	KUNIT_EXPECT_EQ(test, read_page(f, page - 1), lent_stamp(page - 1));
	KUNIT_EXPECT_EQ(test, read_page(f, page), 0ull);
	KUNIT_EXPECT_EQ(test, read_page(f, page + 1), 0ull);
	KUNIT_EXPECT_EQ(test, read_page(f, page + 2), lent_stamp(page + 2));
	KUNIT_EXPECT_EQ(test, axas_read_obj(f->space, axas_gpa(beside), AXAS_WIDTH_64, &val), 0);
	KUNIT_EXPECT_EQ(test, val, 17ull);
	KUNIT_EXPECT_EQ(test, axas_space_stop_log(f->space, gpa_range(beside, SZ_64K), &epoch), 0);
	end(f, lender);
}

/* Whole entries above those of 2 MiB, which have no table, are marked as they are. */
static void an_untouched_gib_is_discarded_without_its_tables(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct lender *lender = new_lender(f);
	struct axas_backend backend = {
		.ops = &mapped_ops, .object = lender, .offset = 0ull - BORDER,
	};
	struct axas_gpa_range range = gpa_range(BORDER, SZ_1G);
	struct axas_info info;
	u64 done, val = 1;

	if (f->space->range.size <= 2ull * SZ_1G)
		return;
	KUNIT_ASSERT_EQ(test, axas_space_map_lent(f->space, gpa_range(BORDER, SZ_1G + SZ_4M),
						  TEST_RW, 0, backend), 0);
	KUNIT_EXPECT_EQ(test, axas_space_discard(f->space, &range, 1, &done), 0);
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_LE(test, info.tables - info.root_tables, 4ull);
	KUNIT_EXPECT_EQ(test, axas_read_obj(f->space, axas_gpa(BORDER), AXAS_WIDTH_64, &val), 0);
	KUNIT_EXPECT_EQ(test, val, 0ull);
	KUNIT_EXPECT_EQ(test, axas_read_obj(f->space, axas_gpa(BORDER + SZ_1G - 8), AXAS_WIDTH_64,
					    &val), 0);
	KUNIT_EXPECT_EQ(test, val, 0ull);
	end(f, lender);
}

static void protection_never_makes_a_borrowed_leaf_writable(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct lender *lender = new_lender(f);

	KUNIT_ASSERT_EQ(test, map_lent(f, lender, TEST_RW, AXAS_MAP_POPULATE), 0);
	KUNIT_EXPECT_EQ(test, axas_write_obj(f->space, axas_gpa(page_gpa(1)), AXAS_WIDTH_64, 1), 0);
	KUNIT_EXPECT_EQ(test, space_protect(f, LENT_BASE, LENT_SIZE, TEST_R), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(0), TEST_W), AXAS_FAULT_DENIED);
	KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(1), TEST_W), AXAS_FAULT_DENIED);
	KUNIT_EXPECT_EQ(test, space_protect(f, LENT_BASE, LENT_SIZE, TEST_RWX), 0);
	space_expect_leaf(f, page_gpa(0), lent_hpa(lender, 0), TEST_RX);
	space_expect_leaf(f, page_gpa(1), space_hpa(f, page_gpa(1)), TEST_RWX);
	KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(0), TEST_RW), AXAS_FAULT_FIXED);
	space_expect_leaf(f, page_gpa(0), space_hpa(f, page_gpa(0)), TEST_RWX);
	expect_info(f, LENT_PAGES - 2, 2);
	end(f, lender);
}

static void what_cannot_be_fetched_is_an_error(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct lender *lender = new_lender(f);
	struct axas_info info;
	u64 val, done;

	KUNIT_ASSERT_EQ(test, map_lent(f, lender, TEST_RW, 0), 0);
	lender->failed = LENT_SKIP + 8;
	KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(8), TEST_R), AXAS_FAULT_ERROR);
	KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(8), TEST_W), AXAS_FAULT_ERROR);
	KUNIT_EXPECT_EQ(test, axas_read_obj(f->space, axas_gpa(page_gpa(8)), AXAS_WIDTH_64, &val),
			-EIO);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(LENT_BASE, SZ_64K), &done),
			-EIO);
	KUNIT_EXPECT_EQ(test, done, 8ull * SZ_4K);
	/* Its neighbours are there. */
	KUNIT_EXPECT_EQ(test, read_page(f, 7), lent_stamp(7));
	lender->err = -ENOMEM;
	KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(100), TEST_R), AXAS_FAULT_NOMEM);
	lender->err = 0;
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.faults[AXAS_FAULT_ERROR], 2ull);
	/* What was discarded needs no lender. */
	KUNIT_EXPECT_EQ(test, axas_space_discard(f->space, &(struct axas_gpa_range){
			axas_gpa(page_gpa(8)), SZ_4K }, 1, &done), 0);
	KUNIT_EXPECT_EQ(test, read_page(f, 8), 0ull);
	end(f, lender);
}

static void private_pages_come_under_the_limit(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct lender *lender;

	space_limit_frames(f, 2);
	lender = new_lender(f);
	KUNIT_ASSERT_EQ(test, map_lent(f, lender, TEST_RW, AXAS_MAP_POPULATE), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(1), TEST_W), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(2), TEST_W), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(3), TEST_W), AXAS_FAULT_NOMEM);
	KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(3), TEST_R), AXAS_FAULT_SPURIOUS);
	space_expect_leaf(f, page_gpa(3), lent_hpa(lender, 3), TEST_R);
	KUNIT_EXPECT_EQ(test, space_unmap(f, page_gpa(1), SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, page_gpa(3), TEST_W), AXAS_FAULT_FIXED);
	expect_info(f, LENT_PAGES - 3, 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->space->pool.on_the_way), 0);
	end(f, lender);
}

static void leaves_of_lent_areas_are_not_collapsed(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct lender *lender = new_lender(f);
	u64 n;

	KUNIT_ASSERT_EQ(test, map_lent(f, lender, TEST_RW, AXAS_MAP_POPULATE), 0);
	KUNIT_EXPECT_EQ(test, axas_space_collapse(f->space, gpa_range(LENT_BASE, LENT_SIZE), &n),
			0);
	KUNIT_EXPECT_EQ(test, n, 0ull);
	expect_info(f, LENT_PAGES, 0);
	end(f, lender);
}

static void all_of_a_lent_area_is_data(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct lender *lender = new_lender(f);
	u64 found;

	KUNIT_ASSERT_EQ(test, space_map_small(f, LENT_BASE - SZ_8K, SZ_4K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, map_lent(f, lender, TEST_RW, 0), 0);
	KUNIT_EXPECT_EQ(test, axas_space_seek(f->space, axas_gpa(0), true, &found), 0);
	KUNIT_EXPECT_EQ(test, found, LENT_BASE - SZ_8K);
	KUNIT_EXPECT_EQ(test, axas_space_seek(f->space, axas_gpa(found), false, &found), 0);
	KUNIT_EXPECT_EQ(test, found, LENT_BASE - SZ_4K);
	KUNIT_EXPECT_EQ(test, axas_space_seek(f->space, axas_gpa(found), true, &found), 0);
	KUNIT_EXPECT_EQ(test, found, LENT_BASE);
	KUNIT_EXPECT_EQ(test, axas_space_seek(f->space, axas_gpa(found), false, &found), 0);
	KUNIT_EXPECT_EQ(test, found, LENT_BASE + LENT_SIZE);
	KUNIT_EXPECT_EQ(test, axas_space_seek(f->space, axas_gpa(found), true, &found), -ENOENT);
	end(f, lender);
}

/* Each allocation fails once: the fault says so, and the next one does it. */
static void a_fault_without_memory_changes_nothing(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct lender *lender = new_lender(f);
	unsigned int nth, step;

	for (step = 0; step < 4; step++) {
		/* Read, write of an untouched page, write of a borrowed one, a ZERO page. */
		for (nth = 1; nth < 20; nth++) {
			struct axas_gpa_range zero = gpa_range(page_gpa(2), SZ_4K);
			u32 access = step ? TEST_RW : TEST_R;
			bool failed;
			int result;
			u64 done;

			axas_space_clear(f->space);
			KUNIT_ASSERT_EQ(test, map_lent(f, lender, TEST_RW, 0), 0);
			if (step == 2)
				KUNIT_ASSERT_EQ(test, read_page(f, 2), lent_stamp(2));
			if (step == 3)
				KUNIT_ASSERT_EQ(test, axas_space_discard(f->space, &zero, 1, &done),
						0);
			/* A copy that gets no frame at once tries again. */
			if (step == 2)
				mock_hal_fail_after(f->mock, nth - 1);
			else
				mock_hal_fail_nth(f->mock, nth);
			result = space_fault(f, page_gpa(2), access);
			failed = f->mock->failures;
			mock_hal_fail_never(f->mock);
			KUNIT_EXPECT_EQ(test, result,
					failed ? AXAS_FAULT_NOMEM : AXAS_FAULT_FIXED);
			KUNIT_EXPECT_EQ(test, read_page(f, 2), step == 3 ? 0 : lent_stamp(2));
			if (!failed)
				break;
			KUNIT_EXPECT_LE(test, space_fault(f, page_gpa(2), access),
					AXAS_FAULT_SPURIOUS);
		}
		KUNIT_EXPECT_GT(test, nth, 1u);
	}
	end(f, lender);
}

static void a_discard_without_memory_changes_nothing(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct lender *lender = new_lender(f);
	struct axas_gpa_range range = gpa_range(page_gpa(4), (12 + 512 + 8) * (u64)SZ_4K);
	unsigned int nth;
	bool failed;
	u64 done;
	int err;

	for (nth = 1; nth < 20; nth++) {
		axas_space_clear(f->space);
		KUNIT_ASSERT_EQ(test, map_lent(f, lender, TEST_RW, 0), 0);
		mock_hal_fail_nth(f->mock, nth);
		err = axas_space_discard(f->space, &range, 1, &done);
		failed = f->mock->failures;
		mock_hal_fail_never(f->mock);
		KUNIT_EXPECT_EQ(test, err, failed ? -ENOMEM : 0);
		KUNIT_EXPECT_EQ(test, done, failed ? 0 : range.size);
		KUNIT_EXPECT_EQ(test, read_page(f, 4), failed ? lent_stamp(4) : 0);
		KUNIT_EXPECT_EQ(test, read_page(f, 100), failed ? lent_stamp(100) : 0);
		if (!failed)
			break;
	}
	KUNIT_EXPECT_GT(test, nth, 3u);
	end(f, lender);
}

static void host_mappings_share_or_own(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct lender *lender = new_lender(f);
	struct page *pages[4];
	bool whole;
	int n;

	KUNIT_ASSERT_EQ(test, map_lent(f, lender, TEST_RW, 0), 0);
	n = axas_space_lock_pages(f->space, axas_gpa(page_gpa(2)), TEST_R, pages, 4, &whole);
	KUNIT_ASSERT_EQ(test, n, 4);
	KUNIT_EXPECT_PTR_EQ(test, page_address(pages[0]),
			    axas_hal_va(lender->hal, axas_hpa(lent_hpa(lender, 2))));
	while (n)
		unlock_page(pages[--n]);
	n = axas_space_lock_pages(f->space, axas_gpa(page_gpa(2)), TEST_RW, pages, 4, &whole);
	KUNIT_ASSERT_EQ(test, n, 1);
	KUNIT_EXPECT_PTR_EQ(test, page_address(pages[0]), (void *)space_mem(f, page_gpa(2)));
	unlock_page(pages[0]);
	expect_info(f, 13, 1);
	axas_space_clear(f->space);
	/* Pages that must not be mapped become private, also to read, and in a read-only area. */
	KUNIT_ASSERT_EQ(test, map_ops(f, lender, TEST_R, 0, &unmapped_ops), 0);
	KUNIT_EXPECT_EQ(test, read_page(f, 2), lent_stamp(2));
	n = axas_space_lock_pages(f->space, axas_gpa(page_gpa(2)), TEST_R, pages, 4, &whole);
	KUNIT_ASSERT_EQ(test, n, 1);
	KUNIT_EXPECT_PTR_EQ(test, page_address(pages[0]), (void *)space_mem(f, page_gpa(2)));
	unlock_page(pages[0]);
	space_expect_leaf(f, page_gpa(2), space_hpa(f, page_gpa(2)), TEST_R);
	KUNIT_EXPECT_NE(test, space_hpa(f, page_gpa(2)), lent_hpa(lender, 2));
	expect_info(f, 13, 1);
	end(f, lender);
}

/**
 * struct writers - tasks that write one page
 * @f: the fixture
 * @page: the page
 * @nr: which of them
 * @begun: it is about to write
 * @done: it has written
 */
struct writers {
	struct space_fixture *f;
	unsigned int page;
	unsigned int nr;
	struct completion *begun;
	bool done;
};

static int write_one(void *arg)
{
	struct writers *w = arg;
	int err;

	if (w->begun)
		complete(w->begun);
	err = axas_write_obj(w->f->space, axas_gpa(page_gpa(w->page) + 8 + 8 * w->nr),
			     AXAS_WIDTH_64, w->nr + 1);
	WRITE_ONCE(w->done, true);
	return err;
}

/* Two vCPUs write to one page: one of their copies is the page, and has both writes. */
static void no_write_is_lost_to_a_copy(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct lender *lender = new_lender(f);
	unsigned int page, i;

	KUNIT_ASSERT_EQ(test, map_lent(f, lender, TEST_RW, AXAS_MAP_POPULATE), 0);
	for (page = 0; page < 16; page++) {
		struct test_thread threads[3];
		struct writers w[3];

		mock_hal_meet(f->mock, 3, 0);
		for (i = 0; i < 3; i++) {
			w[i] = (struct writers){ .f = f, .page = page, .nr = i };
			threads[i] = (struct test_thread){ write_one, &w[i] };
		}
		KUNIT_ASSERT_EQ(test, test_run_threads(threads, 3), 0);
		for (i = 0; i < 3; i++) {
			u64 val = 0;

			KUNIT_EXPECT_EQ(test, threads[i].result, 0);
			KUNIT_EXPECT_EQ(test, axas_read_obj(f->space, axas_gpa(page_gpa(page) + 8 +
									       8 * i),
							    AXAS_WIDTH_64, &val), 0);
			KUNIT_EXPECT_EQ(test, val, i + 1ull);
		}
		KUNIT_EXPECT_EQ(test, read_page(f, page), lent_stamp(page));
	}
	KUNIT_EXPECT_FALSE(test, f->mock->meet_missed);
	expect_info(f, LENT_PAGES - 16, 16);
	end(f, lender);
}

/* A host fault that has the page locked sets its PTE before the copy takes the page's place. */
static int hold_page(void *arg)
{
	struct writers *w = arg;
	struct page *page;
	bool whole, early;
	int n;

	n = axas_space_lock_pages(w->f->space, axas_gpa(page_gpa(w->page)), TEST_R, &page, 1,
				  &whole);
	complete(&w->begun[0]);
	if (n != 1)
		return -EIO;
	wait_for_completion(&w->begun[1]);
	schedule_timeout_uninterruptible(10);
	early = space_hpa(w->f, page_gpa(w->page)) == AXAS_HPA_NONE ||
		page_address(page) != (void *)space_mem(w->f, page_gpa(w->page));
	unlock_page(page);
	return early ? -EUCLEAN : 0;
}

static int write_held(void *arg)
{
	struct writers *w = arg;

	wait_for_completion(&w->begun[0]);
	w->begun++;
	return write_one(w);
}

static void a_copy_waits_for_a_locked_page(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct lender *lender = new_lender(f);
	struct completion begun[2];
	struct writers w[2] = {
		{ .f = f, .page = 6, .begun = begun }, { .f = f, .page = 6, .begun = begun },
	};
	struct test_thread threads[2] = { { hold_page, &w[0] }, { write_held, &w[1] } };

	init_completion(&begun[0]);
	init_completion(&begun[1]);
	axas_space_share_pages(f->space);
	KUNIT_ASSERT_EQ(test, map_lent(f, lender, TEST_RW, AXAS_MAP_POPULATE), 0);
	KUNIT_ASSERT_EQ(test, test_run_threads(threads, 2), 0);
	KUNIT_EXPECT_EQ(test, threads[0].result, 0);
	KUNIT_EXPECT_EQ(test, threads[1].result, 0);
	expect_info(f, LENT_PAGES - 1, 1);
	end(f, lender);
}

#define ROUNDS	3000

struct stress {
	struct space_fixture *f;
	struct lender *lender;
	struct rnd_state rnd;
	u64 done;
};

static u32 rnd(struct stress *s, u32 below)
{
	return prandom_u32_state(&s->rnd) % below;
}

static int tolerated(int err)
{
	return err == -EFAULT || err == -EACCES ? 0 : err;
}

static int guest_step(struct stress *s)
{
	unsigned int page = rnd(s, LENT_PAGES);
	struct axas_gpa gpa = axas_gpa(page_gpa(page));
	u64 val = 0;
	int err;

	switch (rnd(s, 5)) {
	case 0:
		err = axas_space_fault(s->f->space, gpa, rnd(s, 2) ? TEST_R : TEST_RW, NULL);
		return err == AXAS_FAULT_ERROR || err == AXAS_FAULT_NOMEM ? -EIO : 0;
	case 1:
		return tolerated(axas_write_obj(s->f->space, gpa, AXAS_WIDTH_64,
						written_stamp(page)));
	case 2:
		return tolerated(axas_space_own_page(s->f->space, gpa.val, TEST_R));
	default:
		err = axas_read_obj(s->f->space, gpa, AXAS_WIDTH_64, &val);
		s->done += !err;
		if (!err && val && val != lent_stamp(page) && val != written_stamp(page))
			return -EUCLEAN;
		return tolerated(err);
	}
}

static int guest(void *arg)
{
	struct stress *s = arg;
	int i, err = 0;

	for (i = 0; i < ROUNDS && !err; i++) {
		err = guest_step(s);
		if (!rnd(s, 200))
			schedule_timeout_uninterruptible(1);
	}
	return err;
}

static int change_step(struct stress *s)
{
	u32 first = rnd(s, LENT_PAGES), most = rnd(s, 4) ? 16 : LENT_PAGES;
	struct axas_gpa_range range = gpa_range(page_gpa(first), (1 + rnd(s, min(most,
						LENT_PAGES - first))) * (u64)SZ_4K);
	int err;
	u64 n;

	switch (rnd(s, 8)) {
	case 0:
		return axas_space_discard(s->f->space, &range, 1, &n);
	case 1:
		return axas_space_protect(s->f->space, range, TEST_R);
	case 2:
		return axas_space_protect(s->f->space, range, TEST_RW);
	case 3:
		return axas_space_collapse(s->f->space, range, &n);
	case 4:
		return tolerated(axas_space_populate(s->f->space, range, &n));
	default:
		err = axas_space_unmap(s->f->space, range);
		return err ?: axas_space_map_lent(s->f->space, range, TEST_RW, 0,
						  backend_of(s->lender, &mapped_ops));
	}
}

static int changer(void *arg)
{
	struct stress *s = arg;
	int i, err = 0;

	for (i = 0; i < ROUNDS / 4 && !err; i++) {
		err = change_step(s);
		if (!rnd(s, 25))
			schedule_timeout_uninterruptible(1);
	}
	return err;
}

static void guests_see_the_file_zeroes_or_their_own(struct kunit *test)
{
	int (*const fns[])(void *arg) = { guest, guest, guest, changer };
	struct space_fixture *f = test->priv;
	struct lender *lender = new_lender(f);
	struct test_thread threads[ARRAY_SIZE(fns)];
	struct stress stress[ARRAY_SIZE(fns)];
	unsigned int i;
	u64 done = 0;

	f->mock->reuse = true;
	axas_space_share_pages(f->space);
	KUNIT_ASSERT_EQ(test, map_lent(f, lender, TEST_RW, 0), 0);
	for (i = 0; i < ARRAY_SIZE(fns); i++) {
		stress[i] = (struct stress){ .f = f, .lender = lender };
		prandom_seed_state(&stress[i].rnd, 33 + i);
		threads[i] = (struct test_thread){ fns[i], &stress[i] };
	}
	KUNIT_ASSERT_EQ(test, test_run_threads(threads, ARRAY_SIZE(fns)), 0);
	for (i = 0; i < ARRAY_SIZE(fns); i++) {
		KUNIT_EXPECT_EQ_MSG(test, threads[i].result, 0, "thread %u", i);
		done += stress[i].done;
	}
	KUNIT_EXPECT_GT(test, done, 100ull);
	end(f, lender);
}

/*
 * A discard reaches the entries that it marks by tables. Of a region that is put aside, because
 * another area in it is logged, there is one already: that one is taken back.
 */
static void discard_in_a_region_that_is_put_aside(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_gpa_range range = gpa_range(page_gpa(2), SZ_8K);
	struct lender *lender = new_lender(f);
	u64 val = 0, done, epoch;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_64K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, axas_write_obj(f->space, axas_gpa(WIN), AXAS_WIDTH_64, 77), 0);
	KUNIT_ASSERT_EQ(test, axas_space_start_log(f->space, gpa_range(WIN, SZ_64K), &epoch), 0);
	KUNIT_ASSERT_EQ(test, map_lent(f, lender, TEST_RW, 0), 0);
	KUNIT_EXPECT_EQ(test, axas_space_discard(f->space, &range, 1, &done), 0);
	monitor_expect_flushed(f->monitor);
	KUNIT_EXPECT_EQ(test, read_page(f, 2), 0ull);
	KUNIT_EXPECT_EQ(test, read_page(f, 4), lent_stamp(4));
	KUNIT_EXPECT_EQ(test, axas_read_obj(f->space, axas_gpa(WIN), AXAS_WIDTH_64, &val), 0);
	KUNIT_EXPECT_EQ(test, val, 77ull);
	KUNIT_EXPECT_EQ(test, axas_space_stop_log(f->space, gpa_range(WIN, SZ_64K), &epoch), 0);
	end(f, lender);
}

static struct kunit_case lent_cases[] = {
	KUNIT_CASE_PARAM(a_read_borrows_what_is_at_hand, space_gen_params),
	KUNIT_CASE(an_area_says_how_many_a_fault_borrows),
	KUNIT_CASE_PARAM(a_write_makes_a_private_copy, space_gen_params),
	KUNIT_CASE_PARAM(a_copy_that_became_executable_is_fenced, space_gen_params),
	KUNIT_CASE_PARAM(a_copy_of_another_backend_is_dropped, space_gen_params),
	KUNIT_CASE_PARAM(an_image_has_what_its_backend_lends, space_gen_params),
	KUNIT_CASE_PARAM(an_image_maps_what_its_backend_lends, space_gen_params),
	KUNIT_CASE_PARAM(a_copy_waits_for_its_frame, space_gen_params),
	KUNIT_CASE_PARAM(a_copy_without_sleeping, space_gen_params),
	KUNIT_CASE_PARAM(every_writer_gets_the_private_page, space_gen_params),
	KUNIT_CASE_PARAM(two_spaces_share_until_one_writes, space_gen_params),
	KUNIT_CASE_PARAM(discarded_pages_read_as_zeroes, space_gen_params),
	KUNIT_CASE_PARAM(discard_beside_untouched_memory, space_gen_params),
	KUNIT_CASE_PARAM(discard_beside_what_is_put_aside, space_gen_params),
	KUNIT_CASE_PARAM(an_untouched_gib_is_discarded_without_its_tables, space_gen_params),
	KUNIT_CASE_PARAM(protection_never_makes_a_borrowed_leaf_writable, space_gen_params),
	KUNIT_CASE(what_cannot_be_fetched_is_an_error),
	KUNIT_CASE(private_pages_come_under_the_limit),
	KUNIT_CASE(leaves_of_lent_areas_are_not_collapsed),
	KUNIT_CASE(all_of_a_lent_area_is_data),
	KUNIT_CASE(a_fault_without_memory_changes_nothing),
	KUNIT_CASE(a_discard_without_memory_changes_nothing),
	KUNIT_CASE(host_mappings_share_or_own),
	KUNIT_CASE_PARAM(no_write_is_lost_to_a_copy, space_gen_params),
	KUNIT_CASE(a_copy_waits_for_a_locked_page),
	KUNIT_CASE_PARAM(guests_see_the_file_zeroes_or_their_own, space_gen_params),
	KUNIT_CASE_PARAM(discard_in_a_region_that_is_put_aside, space_gen_params),
	{}
};

struct kunit_suite axas_space_lent_suite = {
	.name = "axas_space_lent",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = lent_cases,
};
