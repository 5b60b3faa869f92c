// SPDX-License-Identifier: GPL-2.0-only
/*
 * A freeze without a new image: the pages that the space has written become a part of its image, if
 * nobody else has that image. Calls axas_image.c, axas_space.c, axas_space_keep.c, axas_removal.c,
 * axas_area.c, axas_backend.c and axas_npt.c. Locks: space->changing throughout, and the bar while
 * entries change.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "axas_compat.h"
#include "axas_image.h"
#include "axas_keep.h"
#include "axas_removal.h"

/**
 * DOC: folding
 *
 * Each freeze of a clone makes its chain of images longer by one. If a space is frozen again and
 * again, and the older images are closed, they remain as links of the chain that no program can
 * use. So a freeze at the end of a long chain joins the space's own pages to the image of the
 * space, if the space is its only user: that image then has the present content, and a new
 * descriptor.
 *
 * With the bar, the table moves to a space on which no vCPU runs, as with a reset, and each of its
 * private leaves is exchanged with the entry of the image: the pages that they replaced are freed.
 * The work is linear in the tables that the space has built since its last freeze. The image has no
 * reader meanwhile: its only user is the space, and if a fault has a reference, nothing is joined.
 */

/**
 * struct fold - a fold in progress
 * @space: the space
 * @image: its image
 * @rest: an empty space, which gets what is left
 * @spares: tables for the image
 * @need: how many it needs
 * @handed: pages may be held
 * @moved: frames that the image has more than before
 */
struct fold {
	struct axas_space *space;
	struct axas_image *image;
	struct axas_space *rest;
	struct axas_npt_spares spares;
	u64 need;
	bool handed;
	long moved;
};

typedef bool (*table_fn)(struct fold *fold, u64 gpa, u64 *table);

/* Bytes from @gpa on that empty entries of one table cover: the one of @pos, and those after it. */
static u64 empty_bytes(const struct axas_npt *npt, u64 gpa, const struct axas_npt_pos *pos)
{
	bool root = pos->level == npt->levels - 1;
	u64 size = axas_npt_leaf_size(pos->level), n = root ? 1ull << npt->root_bits :
							       BIT(AXAS_NPT_LEVEL_BITS);
	u64 index = (gpa >> axas_npt_shift(pos->level)) & (n - 1);

	return size * axas_npt_run_of(pos->ptep, n - index, true);
}

/* Whether an entry above level 0 is a leaf that is BORROWED. */
static bool is_borrowed(const struct axas_npt *npt, const struct axas_npt_pos *pos)
{
	return axas_npt_kind(npt, pos) == AXAS_PT_LEAF &&
	       axas_npt_is_borrowed(npt, pos->entry, pos->level);
}

/*
 * Call @fn for each level 0 table, with the first address of its region. False if that is, or if
 * there is anything above level 0 but leaves that are BORROWED.
 */
static bool for_tables(struct fold *fold, const struct axas_npt *npt, table_fn fn)
{
	struct axas_npt_cursor cursor;
	u64 gpa = 0, last = axas_npt_last(npt), bytes;
	struct axas_npt_pos pos;

	for (;; gpa += bytes) {
		axas_npt_walk(npt, &cursor, gpa, &pos);
		bytes = axas_npt_leaf_size(1);
		if (!pos.level && !fn(fold, gpa, cursor.table))
			return false;
		if (pos.level && !pos.entry)
			bytes = empty_bytes(npt, gpa, &pos);
		else if (pos.level && !is_borrowed(npt, &pos))
			return false;
		/* 0 after an entry that was filled meanwhile: look again. */
		if (bytes && bytes - 1 >= last - gpa)
			return true;
		cond_resched();
	}
}

static bool is_own(const struct axas_npt *npt, u64 entry)
{
	return axas_npt_is_leaf(npt, entry) && !(entry & npt->fmt->borrowed);
}

/* The tables that the image lacks for a region; several regions may count the same one. */
static bool count_need(struct fold *fold, u64 gpa, u64 *table)
{
	struct axas_npt_cursor cursor;
	struct axas_npt_pos pos;

	axas_npt_walk(&fold->image->base->npt, &cursor, gpa, &pos);
	fold->need += pos.level;
	return true;
}

/* Whether no page of a table is held. With the bar; counts again. */
static bool is_free(struct fold *fold, u64 gpa, u64 *table)
{
	const struct axas_npt *npt = &fold->space->npt;
	unsigned int i;

	for (i = 0; fold->handed && i < BIT(AXAS_NPT_LEVEL_BITS); i++)
		if (is_own(npt, table[i]) && axas_npt_is_held(npt, table[i]))
			return false;
	return count_need(fold, gpa, table);
}

/* The image's level 0 table for the region that begins at @gpa. */
static u64 *table_of_image(struct fold *fold, u64 gpa)
{
	struct axas_npt *npt = &fold->image->base->npt;
	struct axas_npt_cursor cursor;
	struct axas_npt_pos pos;
	u64 *table, hpa;

	axas_npt_walk(npt, &cursor, gpa, &pos);
	while (pos.level && axas_npt_kind(npt, &pos) == AXAS_PT_LEAF) {
		table = axas_npt_take_spare(npt, &fold->spares, &hpa);
		if (WARN_ON_ONCE(!table))
			return NULL;
		axas_npt_replace(npt, pos.ptep, pos.level, pos.entry,
				 axas_npt_split_into(npt, table, hpa, pos.entry, pos.level));
		axas_npt_count_split(npt, pos.level);
		axas_npt_walk(npt, &cursor, gpa, &pos);
	}
	if (WARN_ON_ONCE(axas_npt_reach(npt, &fold->spares, gpa, 0, &pos)))
		return NULL;
	return pos.ptep;
}

/* Exchange what the space wrote, or discarded, for what the image has. */
static bool join_table(struct fold *fold, u64 gpa, u64 *table)
{
	struct axas_npt *npt = &fold->rest->npt, *to = &fold->image->base->npt;
	u64 *target = table_of_image(fold, gpa);
	unsigned int i;

	for (i = 0; target && i < BIT(AXAS_NPT_LEVEL_BITS); i++) {
		if (!table[i] || table[i] & npt->fmt->borrowed)
			continue;
		fold->moved += is_own(npt, table[i]) - is_own(npt, target[i]);
		axas_npt_exchange(npt, &table[i], to, &target[i]);
	}
	return true;
}

/* With the bar: host mappings are zapped, if there are any. */
static bool is_ready(struct fold *fold)
{
	struct axas_space *space = fold->space;

	fold->handed = READ_ONCE(space->shared) || READ_ONCE(space->handed);
	fold->need = 0;
	/* No fault holds the image, and none begins. Faults may have linked tables meanwhile. */
	return refcount_read(&fold->image->ref) == 1 &&
	       for_tables(fold, &space->npt, is_free) && fold->need <= fold->spares.nr;
}

static void join(struct fold *fold)
{
	u64 first = fold->space->range.start.val;
	u64 last = axas_gpa_range_last(fold->space->range).val;
	struct axas_space *space = fold->space, *base = fold->image->base;

	axas_space_move_table(space, fold->rest);
	axas_space_restart_kept(space, false);
	axas_space_flush(space, first, last, true);
	axas_npt_mark(&base->npt);
	for_tables(fold, &fold->rest->npt, join_table);
	axas_pool_move_some(&fold->rest->pool, &base->pool, fold->moved);
}

static bool try_fold(struct fold *fold)
{
	struct axas_space *space = fold->space;
	bool ready;

	axas_bar_begin(space);
	if (READ_ONCE(space->shared)) {
		axas_removal_await_all(space);
		axas_space_flush(space, space->range.start.val,
				 axas_gpa_range_last(space->range).val, false);
	}
	ready = is_ready(fold);
	if (ready)
		join(fold);
	axas_bar_end(space);
	return ready;
}

/* Whether a fold may be possible, and is worth the work. */
static bool may_fold(const struct axas_space *space)
{
	const struct axas_image *image = space->image;

	return image && image->depth >= AXAS_FOLD_DEPTH && atomic_read(&image->users) == 1 &&
	       space->areas == image->areas && !space->npt.aside && !space->origin;
}

/* Get tables for the image. Return false if there is no memory, or no fold. */
static bool reserve(struct fold *fold)
{
	return for_tables(fold, &fold->space->npt, count_need) &&
	       !axas_npt_get_spares(&fold->image->base->npt, &fold->spares, fold->need, true);
}

/* Freed with the mutex of the space held, and nobody else knows it. */
static struct lock_class_key rest_changing __maybe_unused;

struct axas_image *axas_space_fold(struct axas_space *space)
{
	struct fold fold = { .space = space, .image = space->image };
	bool done;

	lockdep_assert_held(&space->changing);
	if (!may_fold(space))
		return NULL;
	fold.rest = axas_space_create_like(space, 0, space->areas);
	if (IS_ERR(fold.rest))
		return NULL;
	lockdep_set_class(&fold.rest->changing, &rest_changing);
	done = reserve(&fold) && try_fold(&fold);
	axas_npt_put_spares(&fold.image->base->npt, &fold.spares);
	axas_space_put(fold.rest);
	return done ? axas_image_get(fold.image) : NULL;
}
