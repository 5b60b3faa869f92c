// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets that copy private pages back in place (axas_space_keep.c), on all formats: content, frames
 * that stay, writes of guests and of the host, what ends it, pages that are dropped, and a model
 * under random operations.
 */
#include <linux/bvec.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <axas/image.h>

#include "axas_image.h"
#include "axas_keep.h"
#include "page_values.h"

#define PAGES	1200u
#define SIZE	(PAGES * (u64)SZ_4K)

/* As a guest does it: a fault until the leaf permits the write, then the dirty bit. */
static void guest_put(struct kunit *test, unsigned int page, u64 value)
{
	struct space_fixture *f = test->priv;
	struct axas_npt *npt = &f->space->npt;
	struct axas_npt_cursor cursor;
	struct axas_npt_pos pos;
	struct axas_leaf leaf;

	axas_npt_walk(npt, &cursor, gpa_of(page), &pos);
	if (axas_npt_kind(npt, &pos) != AXAS_PT_LEAF ||
	    !(npt->fmt->decode(pos.entry, pos.level).prot & AXAS_PROT_WRITE)) {
		KUNIT_ASSERT_LE(test, space_fault(f, gpa_of(page), AXAS_PROT_WRITE),
				AXAS_FAULT_SPURIOUS);
		axas_npt_walk(npt, &cursor, gpa_of(page), &pos);
	}
	leaf = npt->fmt->decode(pos.entry, pos.level);
	KUNIT_ASSERT_TRUE(test, leaf.prot & AXAS_PROT_WRITE);
	if (npt->fmt->dirty)
		WRITE_ONCE(*pos.ptep, pos.entry | npt->fmt->dirty);
	*(u64 *)axas_hal_va(npt->hal, leaf.hpa) = value;
}

/* Pages of the image: 1, 2, 3, no page, 5, ... */
static u64 image_value(unsigned int page)
{
	return page % 4 == 3 ? 0 : page + 1;
}

/* A space that was frozen with these values, and reset once, so that it keeps pages. */
static struct axas_image *begin(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image;
	unsigned int page;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BASE, SIZE, TEST_RWX), 0);
	for (page = 0; page < PAGES; page++)
		if (image_value(page))
			put_value(test, page, image_value(page));
	image = axas_space_freeze(f->space);
	KUNIT_ASSERT_FALSE(test, IS_ERR(image));
	KUNIT_ASSERT_EQ(test, axas_space_reset(f->space, image, 0), 0);
	monitor_expect_flushed(f->monitor);
	KUNIT_ASSERT_NOT_NULL(test, f->space->keep);
	return image;
}

static void end(struct space_fixture *f, struct axas_image *image)
{
	axas_image_put(image);
	axas_space_clear(f->space);
	monitor_expect_flushed(f->monitor);
	space_expect_empty(f);
}

static void reset(struct kunit *test, struct axas_image *image, u32 flags)
{
	struct space_fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, axas_space_reset(f->space, image, flags), 0);
	monitor_expect_flushed(f->monitor);
}

static u64 frames(struct space_fixture *f)
{
	struct axas_info info;

	axas_space_get_info(f->space, &info);
	return info.frames;
}

static void expect_image(struct kunit *test)
{
	unsigned int page;

	for (page = 0; page < PAGES; page++)
		KUNIT_EXPECT_EQ(test, get_value(test, page), image_value(page));
}

/* A clone of a space that keeps pages can be written by the host, and then be reset itself. */
static void a_clone_of_one_that_keeps_pages(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = begin(test), *next;
	struct axas_space *clone;
	u64 val = 0;

	put_value(test, 4, 7);
	next = axas_space_freeze(f->space);
	KUNIT_ASSERT_FALSE(test, IS_ERR(next));
	clone = axas_image_clone(next, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(clone));
	KUNIT_EXPECT_EQ(test, clone->npt.dirty, f->space->npt.dirty);
	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(clone, gpa_range(0, SZ_64K), TEST_RW,
						   TEST_NORMAL, AXAS_MAP_POPULATE), 0);
	KUNIT_EXPECT_EQ(test, axas_write_obj(clone, axas_gpa(0), AXAS_WIDTH_64, 1), 0);
	KUNIT_EXPECT_EQ(test, axas_write_obj(clone, axas_gpa(gpa_of(4)), AXAS_WIDTH_64, 8), 0);
	KUNIT_EXPECT_EQ(test, axas_space_reset(clone, next, 0), 0);
	KUNIT_EXPECT_EQ(test, axas_read_obj(clone, axas_gpa(gpa_of(4)), AXAS_WIDTH_64, &val), 0);
	KUNIT_EXPECT_EQ(test, val, 7ull);
	axas_space_put(clone);
	axas_image_put(next);
	end(f, image);
}

/* Of a page that is first touched by a write: then the write needs no other look. */
static void first_write_makes_a_dirty_leaf(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = begin(test);
	struct axas_npt *npt = &f->space->npt;
	struct axas_npt_cursor cursor;
	struct axas_npt_pos pos;
	u64 gpa = BASE + SZ_1G;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, gpa, SZ_8K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, gpa, AXAS_PROT_WRITE), AXAS_FAULT_FIXED);
	axas_npt_walk(npt, &cursor, gpa, &pos);
	KUNIT_EXPECT_EQ(test, pos.entry & npt->fmt->dirty, npt->fmt->dirty);
	KUNIT_EXPECT_EQ(test, space_fault(f, gpa + SZ_4K, AXAS_PROT_READ), AXAS_FAULT_FIXED);
	axas_npt_walk(npt, &cursor, gpa + SZ_4K, &pos);
	KUNIT_EXPECT_EQ(test, pos.entry & npt->fmt->dirty, 0ull);
	end(f, image);
}

static void what_was_written_is_restored_in_place(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = begin(test);
	u64 hpas[12];
	unsigned int i, round;

	for (round = 0; round < 5; round++) {
		for (i = 0; i < ARRAY_SIZE(hpas); i++) {
			if (i % 2)
				guest_put(test, 35 + i, 5000 + i + round);
			else
				put_value(test, 35 + i, 5000 + i + round);
			if (round)
				KUNIT_EXPECT_EQ(test, space_hpa(f, gpa_of(35 + i)), hpas[i]);
			hpas[i] = space_hpa(f, gpa_of(35 + i));
		}
		space_attach(f);
		reset(test, image, 0);
		KUNIT_EXPECT_EQ(test, f->flushes, 1u);
		KUNIT_EXPECT_TRUE(test, f->flush.tables);
		KUNIT_EXPECT_EQ(test, frames(f), (u64)ARRAY_SIZE(hpas));
		for (i = 0; i < ARRAY_SIZE(hpas); i++) {
			KUNIT_EXPECT_EQ(test, space_hpa(f, gpa_of(35 + i)), hpas[i]);
			KUNIT_EXPECT_EQ(test, get_value(test, 35 + i), image_value(35 + i));
		}
	}
	expect_image(test);
	reset(test, image, AXAS_RESET_DROP);
	KUNIT_EXPECT_EQ(test, frames(f), 0ull);
	expect_image(test);
	end(f, image);
}

/* Where leaves say which pages were written, the others are not copied, nor reported. */
static void clean_pages_are_not_copied(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_gpa_range all = gpa_range(BASE, SIZE);
	struct axas_image *image = begin(test);
	bool exact = f->space->npt.fmt->dirty;
	struct axas_diff_extent extent;

	put_value(test, 0, 77);
	put_value(test, 1, 77);
	reset(test, image, 0);
	/* Behind the back of all. */
	*(u64 *)space_mem(f, gpa_of(0)) = 88;
	KUNIT_EXPECT_EQ(test, axas_space_diff(f->space, &all, &extent, 1), exact ? 0 : 1);
	put_value(test, 1, 99);
	all = gpa_range(BASE, SIZE);
	KUNIT_EXPECT_EQ(test, axas_space_diff(f->space, &all, &extent, 1), 1);
	KUNIT_EXPECT_EQ(test, extent.gpa, gpa_of(exact ? 1 : 0));
	KUNIT_EXPECT_EQ(test, extent.length, (u64)(exact ? 1 : 2) * SZ_4K);
	reset(test, image, 0);
	KUNIT_EXPECT_EQ(test, get_value(test, 0), exact ? 88ull : image_value(0));
	KUNIT_EXPECT_EQ(test, get_value(test, 1), image_value(1));
	end(f, image);
}

static void idle_pages_are_dropped(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = begin(test);
	unsigned int i;

	put_value(test, 4, 77);
	put_value(test, 5, 77);
	put_value(test, 6, 77);
	for (i = 0; i < 100 && frames(f) > 1; i++) {
		put_value(test, 5, 100 + i);
		reset(test, image, 0);
	}
	/* All of them at once, without a dirty bit. */
	KUNIT_EXPECT_EQ(test, frames(f), f->space->npt.fmt->dirty ? 1ull : 0ull);
	KUNIT_EXPECT_EQ(test, i, f->space->npt.fmt->dirty ? 16u : 64u);
	expect_image(test);
	end(f, image);
}

/* Whatever else changes leaves or areas, the next reset drops all, and the one after it keeps. */
static void other_changes_drop_all(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = begin(test);
	struct axas_gpa_range some = gpa_range(gpa_of(8), 4 * SZ_4K);
	unsigned int i;
	u64 done, hpa;

	for (i = 0; i < 6; i++) {
		put_value(test, 9, 77);
		put_value(test, 20, 77);
		switch (i) {
		case 0:
			KUNIT_EXPECT_EQ(test, axas_space_discard(f->space, &some, 1, &done), 0);
			break;
		case 1:
			KUNIT_EXPECT_EQ(test, axas_space_protect(f->space, some, TEST_R), 0);
			break;
		case 2:
			KUNIT_EXPECT_EQ(test, axas_space_unmap(f->space, some), 0);
			KUNIT_EXPECT_EQ(test, axas_space_map_alloc(f->space, some, TEST_RWX,
								   AXAS_TYPE_NORMAL, 0), 0);
			put_value(test, 9, 88);
			break;
		case 3:
			KUNIT_EXPECT_EQ(test, axas_space_collapse(f->space, gpa_range(BASE, SIZE),
								  &done), 0);
			break;
		case 4:
			axas_image_put(axas_space_freeze(f->space));
			put_value(test, 9, 99);
			break;
		default:
			KUNIT_EXPECT_EQ(test, axas_space_set_policy(f->space, some,
								    AXAS_MAP_HUGE_NEVER), 0);
			break;
		}
		monitor_expect_flushed(f->monitor);
		reset(test, image, 0);
		KUNIT_EXPECT_EQ(test, frames(f), 0ull);
		expect_image(test);
		put_value(test, 9, 77);
		hpa = space_hpa(f, gpa_of(9));
		reset(test, image, 0);
		KUNIT_EXPECT_EQ(test, space_hpa(f, gpa_of(9)), hpa);
		KUNIT_EXPECT_EQ(test, get_value(test, 9), image_value(9));
	}
	end(f, image);
}

/* Another image, then this one again. */
static void another_image_drops_all(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = begin(test), *second;

	put_value(test, 9, 77);
	second = axas_space_freeze(f->space);
	KUNIT_ASSERT_FALSE(test, IS_ERR(second));
	put_value(test, 9, 88);
	put_value(test, 10, 88);
	reset(test, second, 0);
	/* The freeze began a new list. */
	KUNIT_EXPECT_EQ(test, frames(f), 2ull);
	KUNIT_EXPECT_EQ(test, get_value(test, 9), 77ull);
	KUNIT_EXPECT_EQ(test, get_value(test, 10), image_value(10));
	reset(test, image, 0);
	KUNIT_EXPECT_EQ(test, frames(f), 0ull);
	expect_image(test);
	axas_image_put(second);
	end(f, image);
}

/* More pages than the list has room for: it grows, if the format keeps that many. */
static void a_list_grows(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = begin(test);
	unsigned int page, round;

	KUNIT_EXPECT_EQ(test, f->space->keep->max, 1024u);
	for (round = 0; round < 2; round++) {
		for (page = 0; page < PAGES; page++)
			put_value(test, page, 7777);
		reset(test, image, 0);
		KUNIT_EXPECT_EQ(test, frames(f), round && f->space->npt.fmt->dirty ? PAGES : 0ull);
		expect_image(test);
	}
	end(f, image);
}

/* Who holds a page may write to it after the reset. */
static void a_held_page_is_dropped(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = begin(test);
	struct bio_vec bvec;
	u64 *mem;

	put_value(test, 9, 77);
	KUNIT_ASSERT_EQ(test, axas_space_bvec(f->space, gpa_range(gpa_of(10), SZ_4K), TEST_RW,
					      &bvec, 1), 1);
	reset(test, image, 0);
	KUNIT_EXPECT_EQ(test, frames(f), 1ull);
	mem = page_address(bvec.bv_page);
	*mem = 4711;
	KUNIT_EXPECT_EQ(test, get_value(test, 10), image_value(10));
	axas_space_bvec_put(&bvec, 1);
	/* Not held any more, but written. */
	KUNIT_ASSERT_EQ(test, axas_space_bvec(f->space, gpa_range(gpa_of(10), SZ_4K), TEST_RW,
					      &bvec, 1), 1);
	*(u64 *)page_address(bvec.bv_page) = 4711;
	axas_space_bvec_put(&bvec, 1);
	reset(test, image, 0);
	KUNIT_EXPECT_EQ(test, frames(f), 2ull);
	expect_image(test);
	end(f, image);
}

/* Without memory for the list, and with a limit, a reset does what it can. */
static void limits_count_kept_pages(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image;
	unsigned int page, round;

	space_limit_frames(f, 16);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BASE, SIZE, TEST_RW), 0);
	put_value(test, 0, 1);
	image = axas_space_freeze(f->space);
	KUNIT_ASSERT_FALSE(test, IS_ERR(image));
	for (round = 0; round < 40; round++) {
		for (page = 0; page < 12; page++)
			put_value(test, page + (round & 16), 7);
		reset(test, image, round == 15 ? AXAS_RESET_DROP : 0);
		KUNIT_EXPECT_LE(test, frames(f), 16ull);
		KUNIT_EXPECT_EQ(test, get_value(test, 0), 1ull);
		KUNIT_EXPECT_EQ(test, get_value(test, 1), 0ull);
		if (round % 16 == 15)
			reset(test, image, AXAS_RESET_DROP);
	}
	end(f, image);
}

/* The pages of the first extents of a diff. */
static bool is_in_diff(struct kunit *test, u64 gpa)
{
	struct space_fixture *f = test->priv;
	struct axas_gpa_range one = gpa_range(gpa, SZ_4K);
	struct axas_diff_extent extent;

	return axas_space_diff(f->space, &one, &extent, 1) == 1;
}

/* Zeroes in the place of the image's content differ from it, read or not. */
static void a_discarded_page_that_was_read_is_reported(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = begin(test);
	struct axas_gpa_range page = gpa_range(gpa_of(9), SZ_4K);
	u64 done;

	KUNIT_ASSERT_EQ(test, axas_space_discard(f->space, &page, 1, &done), 0);
	monitor_expect_flushed(f->monitor);
	KUNIT_EXPECT_TRUE(test, is_in_diff(test, gpa_of(9)));
	KUNIT_EXPECT_EQ(test, get_value(test, 9), 0ull);
	KUNIT_EXPECT_TRUE(test, is_in_diff(test, gpa_of(9)));
	end(f, image);
}

static int copy_ones(void *arg, u64 offset, void *va, size_t len)
{
	memset(va, 1, len);
	return 0;
}

/* Supplied pages, and zeroes of memory that took the place of the image's, are the clone's own. */
static void memory_mapped_since_is_reported(struct kunit *test)
{
	const struct axas_source ones = { .copy = copy_ones };
	struct space_fixture *f = test->priv;
	struct axas_image *image = begin(test);
	struct axas_gpa_range some = gpa_range(gpa_of(8), 4 * SZ_4K);
	u64 done;

	KUNIT_ASSERT_EQ(test, axas_space_unmap(f->space, some), 0);
	monitor_expect_flushed(f->monitor);
	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(f->space, some, TEST_RW, AXAS_TYPE_NORMAL,
						   AXAS_MAP_MISSING), 0);
	KUNIT_ASSERT_EQ(test, axas_space_supply(f->space, some, &ones, false, &done), 0);
	KUNIT_EXPECT_EQ(test, get_value(test, 9), 0x0101010101010101ull);
	KUNIT_EXPECT_TRUE(test, is_in_diff(test, gpa_of(9)));

	KUNIT_ASSERT_EQ(test, axas_space_unmap(f->space, some), 0);
	monitor_expect_flushed(f->monitor);
	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(f->space, some, TEST_RW, AXAS_TYPE_NORMAL, 0),
			0);
	KUNIT_EXPECT_EQ(test, get_value(test, 9), 0ull);
	KUNIT_EXPECT_TRUE(test, is_in_diff(test, gpa_of(9)));
	end(f, image);
}

/* What the host wrote to a leaf of 2 MiB is still reported after that was split. */
static void what_was_written_before_a_split_is_reported(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = begin(test);
	u64 gpa = BORDER + SZ_64M, value = 77;
	struct axas_gpa_range first = gpa_range(gpa, SZ_4K);

	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(f->space, gpa_range(gpa, SZ_2M), TEST_RW,
						   AXAS_TYPE_NORMAL, AXAS_MAP_HUGE_ALWAYS), 0);
	KUNIT_ASSERT_EQ(test, write_at(f, gpa + SZ_1M, &value, sizeof(value)), 0);
	KUNIT_EXPECT_TRUE(test, is_in_diff(test, gpa + SZ_1M));
	KUNIT_ASSERT_EQ(test, axas_space_protect(f->space, first, TEST_R), 0);
	monitor_expect_flushed(f->monitor);
	KUNIT_EXPECT_TRUE(test, is_in_diff(test, gpa + SZ_1M));
	end(f, image);
}

/* What fits the limit after the first reset fits it after each. */
static void kept_pages_take_no_room_from_others(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image;
	unsigned int page, round;

	space_limit_frames(f, 16);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BASE, SIZE, TEST_RW), 0);
	put_value(test, 0, 1);
	image = axas_space_freeze(f->space);
	KUNIT_ASSERT_FALSE(test, IS_ERR(image));
	reset(test, image, 0);
	for (round = 0; round < 4; round++) {
		for (page = 0; page < 12; page++)
			put_value(test, 12 * round + page, 7);
		reset(test, image, 0);
	}
	end(f, image);
}

/* Who writes where a translation permits it: the next reset undoes that, too. */
static void a_write_by_a_translation_is_undone(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_image *image = begin(test);
	struct axas_translation to;

	put_value(test, 9, 77);
	reset(test, image, 0);
	KUNIT_ASSERT_EQ(test, axas_space_translate(f->space, axas_gpa(gpa_of(9)), &to), 0);
	if (to.prot & AXAS_PROT_WRITE)
		*(u64 *)axas_hal_va(f->space->npt.hal, to.hpa) = 88;
	reset(test, image, 0);
	KUNIT_EXPECT_EQ(test, get_value(test, 9), image_value(9));
	end(f, image);
}

#define OPERATIONS	3000

/* The values of all pages, and one that is held over some resets. */
struct model {
	struct kunit *test;
	struct axas_image *image;
	struct rnd_state rnd;
	struct bio_vec held;
	u64 *values;
};

static u32 below(struct model *m, u32 n)
{
	return prandom_u32_state(&m->rnd) % n;
}

static void hold(struct model *m, unsigned int page, u64 value)
{
	struct space_fixture *f = m->test->priv;
	struct bio_vec bvec;

	KUNIT_ASSERT_EQ(m->test, axas_space_bvec(f->space, gpa_range(gpa_of(page), SZ_4K), TEST_RW,
						 &bvec, 1), 1);
	*(u64 *)page_address(bvec.bv_page) = value;
	m->values[page] = value;
	if (m->held.bv_page)
		axas_space_bvec_put(&m->held, 1);
	m->held = bvec;
}

static void reset_model(struct model *m)
{
	unsigned int page;

	reset(m->test, m->image, 0);
	for (page = 0; page < PAGES; page++)
		m->values[page] = image_value(page);
	/* Who still holds a page writes to no page of the space. */
	if (m->held.bv_page)
		*(u64 *)page_address(m->held.bv_page) = ~0ull;
}

static void discard(struct model *m, unsigned int page)
{
	struct axas_gpa_range range = gpa_range(gpa_of(page), SZ_4K);
	struct space_fixture *f = m->test->priv;
	u64 done;

	KUNIT_EXPECT_EQ(m->test, axas_space_discard(f->space, &range, 1, &done), 0);
	m->values[page] = 0;
}

static void random_operation(struct model *m, u64 value)
{
	struct space_fixture *f = m->test->priv;
	struct kunit *test = m->test;
	/* Mostly the same pages. */
	unsigned int page = below(m, below(m, 8) ? 60 : PAGES);
	u64 done;

	switch (below(m, 16)) {
	case 0 ... 3:
		m->values[page] = value;
		put_value(test, page, value);
		break;
	case 4 ... 7:
		m->values[page] = value;
		guest_put(test, page, value);
		break;
	case 8 ... 9:
		KUNIT_EXPECT_EQ(test, get_value(test, page), m->values[page]);
		break;
	case 10:
		page = min(page, PAGES - 30);
		KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(gpa_of(page),
									      30 * SZ_4K),
							  &done), 0);
		break;
	case 11:
		hold(m, page, value);
		break;
	case 12:
		if (!below(m, 16))
			discard(m, page);
		break;
	default:
		reset_model(m);
		break;
	}
}

/* Reads and writes of all kinds, and resets: content is that of a model. */
static void random_operations_agree_with_a_model(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct model m = { .test = test, .image = begin(test) };
	unsigned int i, page;

	m.values = kunit_kcalloc(test, PAGES, sizeof(*m.values), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m.values);
	prandom_seed_state(&m.rnd, 4711);
	reset_model(&m);
	for (i = 0; i < OPERATIONS; i++)
		random_operation(&m, i);
	for (page = 0; page < PAGES; page++)
		KUNIT_EXPECT_EQ(test, get_value(test, page), m.values[page]);
	if (m.held.bv_page)
		axas_space_bvec_put(&m.held, 1);
	end(f, m.image);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(a_clone_of_one_that_keeps_pages, space_gen_params),
	KUNIT_CASE_PARAM(first_write_makes_a_dirty_leaf, space_gen_params),
	KUNIT_CASE_PARAM(what_was_written_is_restored_in_place, space_gen_params),
	KUNIT_CASE_PARAM(clean_pages_are_not_copied, space_gen_params),
	KUNIT_CASE_PARAM(idle_pages_are_dropped, space_gen_params),
	KUNIT_CASE_PARAM(other_changes_drop_all, space_gen_params),
	KUNIT_CASE(another_image_drops_all),
	KUNIT_CASE_PARAM(a_list_grows, space_gen_params),
	KUNIT_CASE_PARAM(a_held_page_is_dropped, space_gen_params),
	KUNIT_CASE(limits_count_kept_pages),
	KUNIT_CASE_PARAM(a_discarded_page_that_was_read_is_reported, space_gen_params),
	KUNIT_CASE_PARAM(memory_mapped_since_is_reported, space_gen_params),
	KUNIT_CASE_PARAM(what_was_written_before_a_split_is_reported, space_gen_params),
	KUNIT_CASE_PARAM(kept_pages_take_no_room_from_others, space_gen_params),
	KUNIT_CASE_PARAM(a_write_by_a_translation_is_undone, space_gen_params),
	KUNIT_CASE_PARAM(random_operations_agree_with_a_model, space_gen_params),
	{}
};

struct kunit_suite axas_space_keep_suite = {
	.name		= "axas_space_keep",
	.init		= space_test_init,
	.exit		= space_test_exit,
	.test_cases	= cases,
};
