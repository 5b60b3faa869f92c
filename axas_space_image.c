// SPDX-License-Identifier: GPL-2.0-only
/*
 * Freeze, clone, reset and diff of spaces: see "DOC: images". Calls axas_space*.c, axas_shared.c,
 * axas_image.c, axas_removal.c, axas_area.c, axas_missing.c, axas_backend.c, axas_stock.c and
 * axas_npt.c.
 *
 * Locks: space->changing throughout, and the bar for the moment in which table and areas change.
 * All allocations are made before.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "axas_compat.h"
#include "axas_image.h"
#include "axas_keep.h"
#include "axas_npt_aside.h"
#include "axas_removal.h"
#include "axas_shared.h"
#include "axas_trace.h"

/**
 * struct swap - areas and table of a space that are replaced
 * @space: the space
 * @areas: the new areas; then those that were replaced
 * @base: an empty space, which gets the old ones
 * @image: whose clone the space becomes: that of @base, or the one to which it is reset
 * @copies: frames for copies of pages that stay with the space
 * @nr: their number
 * @used: those that were used
 * @spares: tables for the leaves of such pages in @space
 * @splits: and in @base, for leaves of 2 MiB
 * @log: the space is in a dirty log, which goes on
 * @held: pages that the last look found held
 * @carried: tables that it found to be needed for pages that were written
 * @keep: the new list of kept pages, or NULL; then the old one
 */
struct swap {
	struct axas_space *space;
	struct axas_areas *areas;
	struct axas_space *base;
	struct axas_image *image;
	struct axas_hpa *copies;
	unsigned long nr;
	unsigned long used;
	struct axas_npt_spares spares;
	struct axas_npt_spares splits;
	bool log;
	unsigned long held;
	unsigned long carried;
	struct axas_keep *keep;
};

/* Most pages that a freeze copies: as much memory as Linux lets a process pin by default. */
#define COPIES_MOST	2048

/* How often a freeze looks again: its room doubles, so more than COPIES_MOST are held then. */
#define FREEZE_TRIES	16

/* Whether host mappings or others may have pages of the space. With the bar. */
static bool has_handed(const struct axas_space *space)
{
	return READ_ONCE(space->shared) || READ_ONCE(space->handed);
}

typedef void (*held_fn)(struct swap *swap, u64 gpa);

/* Call @fn for each held page of a large leaf. */
static void for_held_block(struct swap *swap, const struct axas_area *area, u64 gpa,
			   const struct axas_leaf *leaf, held_fn fn)
{
	struct axas_hpa hpa;
	unsigned int i;

	if (leaf->level > 1 || !axas_space_is_block_held(swap->space, leaf))
		return;
	for (i = 0; i < BIT(AXAS_NPT_LEVEL_BITS); i++) {
		hpa = axas_hpa_offset(leaf->hpa, (u64)i << AXAS_FRAME_SHIFT);
		if (axas_space_is_held(swap->space, area, gpa, hpa))
			fn(swap, gpa + ((u64)i << AXAS_FRAME_SHIFT));
	}
}

/* The same for @n level 0 entries from @ptep on, the first one that of @gpa. */
static void for_held_entries(struct swap *swap, const struct axas_area *area, u64 gpa,
			     const u64 *ptep, unsigned int n, held_fn fn)
{
	const struct axas_npt *npt = &swap->space->npt;
	const u64 *end = ptep + n;
	unsigned long known = 0;
	struct page *page;
	u64 entry;

	for (; ptep < end; ptep++, gpa += AXAS_FRAME_SIZE) {
		entry = READ_ONCE(*ptep);
		if (!axas_npt_is_leaf(npt, entry) || entry & npt->fmt->borrowed)
			continue;
		page = axas_space_leaf_page(npt, entry, &known);
		/* Nearly always: one reference, or none of its own in a block that is whole. */
		if (likely(page && page_count(page) <= 1))
			continue;
		if (axas_space_is_held(swap->space, area, gpa, axas_npt_leaf_hpa(npt, entry)))
			fn(swap, gpa);
	}
}

/* Call @fn for each held page of @npt that is not BORROWED. With the bar. */
static void for_held(struct swap *swap, const struct axas_npt *npt, const struct axas_space *in,
		     held_fn fn)
{
	struct axas_cpu found = axas_nothing_found();
	u64 gpa = 0, entry, *ptep, last = axas_npt_last(npt);
	const struct axas_area *area;
	struct axas_leaf leaf;
	unsigned int n;

	if (!npt->hal->frame_page)
		return;
	while (axas_npt_next_leaf(npt, &gpa, &leaf, &entry)) {
		area = axas_area_find_here(in, &found, gpa);
		n = 1;
		if (area && !leaf.level)
			n = axas_area_entries(npt, &found, gpa, last, &ptep);
		if (area && !axas_area_is_linear(area)) {
			if (!leaf.level)
				for_held_entries(swap, area, gpa, ptep, n, fn);
			else if (!axas_npt_is_borrowed(npt, entry, leaf.level))
				for_held_block(swap, area, gpa, &leaf, fn);
		}
		gpa |= axas_npt_leaf_size(leaf.level) - 1;
		gpa += (u64)(n - 1) << AXAS_FRAME_SHIFT;
		if (gpa++ == last)
			return;
	}
}

static void count_held(struct swap *swap, u64 gpa)
{
	swap->used++;
}

/* The level 0 entry of a page in the base, which is not walked; a 2 MiB leaf is split. */
static u64 *entry_in_base(struct swap *swap, u64 gpa)
{
	struct axas_npt *npt = &swap->base->npt;
	struct axas_npt_cursor cursor;
	struct axas_npt_pos pos;
	u64 *table, hpa;

	axas_npt_walk(npt, &cursor, gpa, &pos);
	if (!pos.level)
		return pos.ptep;
	table = axas_npt_take_spare(npt, &swap->splits, &hpa);
	if (WARN_ON_ONCE(!table))
		return NULL;
	axas_npt_replace(npt, pos.ptep, pos.level, pos.entry,
			 axas_npt_split_into(npt, table, hpa, pos.entry, pos.level));
	axas_npt_count_split(npt, pos.level);
	return axas_npt_ptep(table, gpa);
}

/*
 * The base gets a copy of a page; the space keeps the page, by the same leaf. Its frame was counted
 * and charged, and has moved; that of the copy is charged to the space: the two change places.
 */
static void keep_page(struct swap *swap, u64 gpa)
{
	struct axas_npt *npt = &swap->space->npt;
	const struct axas_hal *hal = npt->hal;
	struct axas_npt_cursor cursor;
	struct axas_npt_pos pos;
	struct axas_hpa copy;
	u64 *ptep, leaf;

	if (WARN_ON_ONCE(swap->used == swap->nr))
		return;
	axas_npt_walk(npt, &cursor, gpa, &pos);
	ptep = entry_in_base(swap, gpa);
	if (!ptep || WARN_ON_ONCE(axas_npt_reach(npt, &swap->spares, gpa, 0, &pos)))
		return;
	copy = swap->copies[swap->used++];
	leaf = READ_ONCE(*ptep);
	copy_page(axas_hal_va(hal, copy), axas_hal_va(hal, axas_npt_leaf_hpa(npt, leaf)));
	if (hal->clean)
		hal->clean(hal, axas_hal_va(hal, copy), AXAS_FRAME_SIZE);
	WRITE_ONCE(*ptep, axas_npt_make_leaf(npt, copy, leaf & ~npt->leaf_mask));
	WARN_ON_ONCE(!axas_npt_install(npt, &pos, leaf));
	axas_pool_count(&swap->space->pool, &swap->space->own, 1);
	axas_pool_settle(&swap->space->pool);
}

/*
 * The base gets the space's image. In a freeze that is the parent: the chain is whole before
 * anybody can borrow from it by the new areas.
 */
static void exchange_images(struct swap *swap)
{
	struct axas_image *image = swap->image, *parent = swap->space->image;

	swap->base->image = parent;
	swap->space->image = axas_image_get(image);
	if (image->base != swap->base)
		return;
	image->depth = parent ? parent->depth + 1 : 1;
	image->large = axas_npt_leaves(&swap->base->npt, 1) || (parent && parent->large);
}

/* With the bar: exchange the areas, move the table and the frames. */
static void move(struct swap *swap)
{
	struct axas_space *space = swap->space, *base = swap->base;
	struct axas_areas *old = base->areas;

	/* Seen by all that change leaves: they hold the mutex, or come after the bar. */
	axas_npt_mark(&space->npt);
	base->areas = space->areas;
	WRITE_ONCE(space->areas, swap->areas);
	swap->areas = old;
	axas_space_move_table(space, base);
	exchange_images(swap);
	axas_space_restart_kept(space, false);
	if (swap->keep)
		swap->keep = axas_space_set_keep(space, swap->keep);
}

/* Give back what was not used. */
static void end_swap(struct swap *swap)
{
	struct axas_space *space = swap->space;

	while (swap->nr > swap->used) {
		axas_pool_unget_one(&space->pool, space->npt.hal, swap->copies[--swap->nr]);
		axas_pool_settle(&space->pool);
	}
	kvfree(swap->copies);
	axas_npt_put_spares(&space->npt, &swap->spares);
	axas_npt_put_spares(&swap->base->npt, &swap->splits);
	axas_keep_free(swap->keep);
	axas_areas_put(swap->areas);
}

/* Get frames for @nr pages that stay, and tables for those of the base that are split. */
static int reserve_copies(struct swap *swap, unsigned long nr)
{
	struct axas_space *space = swap->space;
	struct axas_npt *npt = &space->npt;

	if (nr > COPIES_MOST)
		return -EBUSY;
	if (!swap->copies)
		swap->copies = kvcalloc(COPIES_MOST, sizeof(*swap->copies), GFP_KERNEL_ACCOUNT);
	if (!swap->copies)
		return -ENOMEM;
	for (; swap->nr < nr; swap->nr++) {
		if (fatal_signal_pending(current))
			return -EINTR;
		if (!axas_pool_get_one(&space->pool, npt->hal, 0, &swap->copies[swap->nr]))
			return -ENOMEM;
	}
	return axas_npt_get_spares(&swap->base->npt, &swap->splits, nr, true);
}

/* Get the tables for the leaves of all that stays with the space. */
static int reserve_tables(struct swap *swap, unsigned long carried)
{
	struct axas_npt *npt = &swap->space->npt;

	return axas_npt_get_spares(npt, &swap->spares, swap->nr * (npt->levels - 1) + carried,
				   true);
}

/* With the bar: whether there is room for what stays with the space. */
static bool has_room(struct swap *swap, bool keep)
{
	struct axas_space *space = swap->space;

	swap->held = 0;
	if (keep && has_handed(space)) {
		swap->used = 0;
		for_held(swap, &space->npt, space, count_held);
		swap->held = swap->used;
		swap->used = 0;
	}
	if (swap->log)
		swap->carried = axas_space_count_carried(space);
	/* The copies that exist, not those requested: getting more may have failed halfway. */
	return swap->held <= swap->nr && swap->held <= swap->splits.nr &&
	       swap->held * (space->npt.levels - 1) + swap->carried <= swap->spares.nr;
}

/* Exchange in one moment, if there is room. */
static bool try_swap(struct swap *swap, bool keep)
{
	struct axas_space *space = swap->space;
	u64 first = space->range.start.val, last = axas_gpa_range_last(space->range).val;
	bool done;

	axas_bar_begin(space);
	if (READ_ONCE(space->shared)) {
		axas_removal_await_all(space);
		/* Zap the host mappings: pages that still have references after it are held. */
		axas_space_flush(space, first, last, false);
	}
	done = has_room(swap, keep);
	if (done) {
		move(swap);
		axas_space_flush(space, first, last, true);
		if (swap->held)
			for_held(swap, &swap->base->npt, swap->base, keep_page);
		if (swap->log)
			axas_space_carry_log(space, swap->base, &swap->spares);
		if (swap->held)
			axas_space_restart_kept(space, true);
	}
	axas_bar_end(space);
	return done;
}

/* Room for what the last look found; from the second try on twice as much, if there is memory. */
static int make_room(struct swap *swap, unsigned int tries)
{
	int err = swap->held ? reserve_copies(swap, swap->held) : 0;

	err = err ?: reserve_tables(swap, swap->carried);
	if (err || tries < 2)
		return err;
	if (swap->held)
		err = reserve_copies(swap, min_t(unsigned long, 2 * swap->held, COPIES_MOST));
	err = err ?: reserve_tables(swap, 2 * swap->carried);
	return err == -ENOMEM ? 0 : err;
}

/*
 * Exchange areas and table. @keep: pages that somebody holds stay with the space. While there is
 * made room, others may take hold of more pages, which I/O does all the time, and write to more.
 */
static int do_swap(struct swap *swap, bool keep)
{
	unsigned int tries = 0;
	int err;

	while (!try_swap(swap, keep)) {
		if (tries++ == FREEZE_TRIES)
			return -EBUSY;
		err = make_room(swap, tries);
		if (err)
			return err;
	}
	return 0;
}

/* Whether a space has an area that an image, or a clone, cannot have. */
static int check_areas(struct axas_space *space)
{
	MA_STATE(mas, &space->areas->tree, 0, 0);
	const u32 never = AXAS_BACKEND_AT_ONCE | AXAS_BACKEND_IMPORTED | AXAS_BACKEND_CHECKED;
	struct axas_area *area;

	for (area = axas_area_start(&mas, ~0ull); area; area = axas_area_next(&mas, ~0ull))
		if (area->backend.ops->flags & never || axas_area_is_missing(area))
			return -EOPNOTSUPP;
	return axas_shared_is_source(space) ? -EOPNOTSUPP : 0;
}

/* Frames that images own whose only user is the space of @image, or an image of these. */
static u64 own_frames(const struct axas_image *image)
{
	u64 frames = 0;

	for (; image && atomic_read(&image->users) == 1; image = image->base->image)
		frames += axas_space_frames(image->base);
	return frames;
}

/* What a freeze may make the images of a space own: see struct axas_pool, @max. */
static int check_limit(const struct axas_space *space)
{
	u64 max = READ_ONCE(space->pool.max);

	if (!space->pool.limited || !max)
		return 0;
	return own_frames(space->image) + axas_space_frames(space) > max ? -ENOMEM : 0;
}

static int prepare_freeze(struct axas_space *space)
{
	int err = check_areas(space) ?: check_limit(space);

	if (err || !READ_ONCE(space->npt.aside))
		return err;
	/* What the log has put aside goes with the rest. */
	err = axas_space_take_back_all(space, space->range.start.val,
				       axas_gpa_range_last(space->range).val);
	if (!err)
		axas_space_end_aside(space);
	return err;
}

/* An image whose areas and table come next. */
static struct axas_image *new_image(struct axas_space *space)
{
	/* With its areas at once: after the exchange it is the only one that has them. */
	struct axas_space *base = axas_space_create_like(space, 0, space->areas);
	struct axas_image *image;

	if (IS_ERR(base))
		return ERR_CAST(base);
	image = axas_image_new(base, axas_space_put);
	if (image)
		return image;
	axas_space_put(base);
	return ERR_PTR(-ENOMEM);
}

/* Areas for the clones of @image, and for the space itself: in a log it has its own. */
static int make_areas(struct swap *swap, struct axas_image *image)
{
	struct axas_space *space = swap->space;

	image->areas = axas_image_new_areas(image, space, space->areas, ~AXAS_AREA_LOGGED);
	if (!image->areas)
		return -ENOMEM;
	swap->areas = swap->log ? axas_image_new_areas(image, space, space->areas, ~0u) :
				  axas_areas_get(image->areas);
	return swap->areas ? 0 : -ENOMEM;
}

static int freeze(struct axas_space *space, struct axas_image *image)
{
	struct swap swap = {
		.space = space, .base = image->base, .image = image,
		.log = axas_space_is_logged(space),
	};
	int err;

	err = make_areas(&swap, image);
	if (err)
		return err;
	err = do_swap(&swap, true);
	/* Before a clone can run what was copied. */
	if (!err && swap.used && space->npt.hal->fence)
		space->npt.hal->fence(space->npt.hal);
	end_swap(&swap);
	return err;
}

/* Make an image, whose parent is that of the space. */
static struct axas_image *freeze_above(struct axas_space *space)
{
	struct axas_image *image;
	int err;

	if (space->image && space->image->depth >= AXAS_IMAGE_DEPTH)
		return ERR_PTR(-ELOOP);
	image = new_image(space);
	if (IS_ERR(image))
		return image;
	err = freeze(space, image);
	if (!err)
		return image;
	axas_image_put(image);
	return ERR_PTR(err);
}

struct axas_image *axas_space_freeze(struct axas_space *space)
{
	u64 start = axas_trace_start(trace_axas_freeze_enabled());
	struct axas_image *image = NULL;
	int err;

	if (mutex_lock_killable(&space->changing))
		return ERR_PTR(-EINTR);
	err = prepare_freeze(space);
	if (err)
		image = ERR_PTR(err);
	else if (!axas_space_is_logged(space))
		image = axas_space_fold(space);
	if (!image)
		image = freeze_above(space);
	trace_axas_freeze(space, image, PTR_ERR_OR_ZERO(image), start);
	mutex_unlock(&space->changing);
	return image;
}
EXPORT_SYMBOL_AXAS(axas_space_freeze);

struct axas_space *axas_image_clone(struct axas_image *image, u64 max_frames)
{
	u64 start = axas_trace_start(trace_axas_clone_enabled());
	struct axas_space *space = axas_space_create_like(image->base, max_frames, image->areas);

	if (IS_ERR(space))
		return space;
	axas_npt_mark(&space->npt);
	space->image = axas_image_get(image);
	trace_axas_clone(space, image, 0, start);
	return space;
}
EXPORT_SYMBOL_AXAS(axas_image_clone);

/* Whether a table of @space can be one of @image's clones. */
static bool is_alike(const struct axas_space *space, const struct axas_space *base)
{
	const struct axas_npt_caps *a = &space->npt.caps, *b = &base->npt.caps;

	return space->npt.fmt == base->npt.fmt && space->npt.hal == base->npt.hal &&
	       space->npt.ia_bits == base->npt.ia_bits && space->npt.levels == base->npt.levels &&
	       a->flags == b->flags && a->leaf_levels == b->leaf_levels &&
	       a->oa_bits == b->oa_bits && space->range.start.val == base->range.start.val &&
	       space->range.size == base->range.size;
}

/* Linear memory stays charged by address, and a log belongs to areas, which are replaced. */
static int check_reset(struct axas_space *space)
{
	if (axas_shared_is_source(space) || space->areas->linear_pages)
		return -EOPNOTSUPP;
	return axas_space_is_logged(space) ? -EBUSY : 0;
}

/* Replace table and areas. Without memory for a list, the next reset does so, too. */
static int drop(struct axas_space *space, struct axas_image *image, struct axas_space *old,
		bool keep)
{
	struct swap swap = { .space = space, .base = old, .image = image };
	int err;

	swap.areas = axas_areas_get(image->areas);
	swap.keep = keep ? axas_keep_new(space) : NULL;
	err = do_swap(&swap, false);
	end_swap(&swap);
	if (!err)
		axas_missing_wake_all(&space->missing);
	return err;
}

/* As axas_space_reset(), without the mutex. */
static int drop_all(struct axas_space *space, struct axas_image *image, bool keep)
{
	struct axas_space *old;
	int err;

	if (mutex_lock_killable(&space->changing))
		return -EINTR;
	/* With the mutex: the first reset changes what the table's entries need. */
	old = axas_space_create_like(space, 0, NULL);
	err = PTR_ERR_OR_ZERO(old) ?: check_reset(space) ?: drop(space, image, old, keep);
	mutex_unlock(&space->changing);
	/* All that the space had, its frames and areas. */
	if (!IS_ERR(old))
		axas_space_put(old);
	return err;
}

int axas_space_reset(struct axas_space *space, struct axas_image *image, u32 flags)
{
	u64 start = axas_trace_start(trace_axas_reset_enabled());
	bool done = false;
	int err;

	if (flags & ~AXAS_RESET_DROP || !is_alike(space, image->base))
		return -EINVAL;
	if (!(flags & AXAS_RESET_DROP)) {
		if (mutex_lock_killable(&space->changing))
			return -EINTR;
		done = axas_space_reset_kept(space, image);
		mutex_unlock(&space->changing);
	}
	err = done ? 0 : drop_all(space, image, !(flags & AXAS_RESET_DROP));
	trace_axas_reset(space, image, err, start);
	return err;
}
EXPORT_SYMBOL_AXAS(axas_space_reset);

void axas_image_get_info(struct axas_image *image, struct axas_image_info *info)
{
	struct axas_space *base = image->base;
	struct axas_info of_base;

	axas_space_get_info(base, &of_base);
	*info = (struct axas_image_info){
		.size = sizeof(*info),
		.format = of_base.format,
		.base = of_base.base,
		.length = of_base.length,
		.frames = of_base.frames,
		.borrowed = of_base.borrowed,
		.tables = of_base.tables,
		.areas = of_base.areas,
		.users = atomic_read(&image->users),
		.depth = image->depth,
	};
}
EXPORT_SYMBOL_AXAS(axas_image_get_info);

/**
 * struct diff - a search for pages of a clone's own
 * @npt: its table
 * @exact: a clean leaf is of a page that was not written since it was copied
 * @extents: out
 * @nr: their number
 * @max: room in @extents
 */
struct diff {
	const struct axas_npt *npt;
	bool exact;
	struct axas_diff_extent *extents;
	unsigned int nr;
	unsigned int max;
};

/* Add [first, last]. False if there is no room. */
static bool add_extent(struct diff *diff, u64 first, u64 last, u32 flags)
{
	struct axas_diff_extent *end = diff->nr ? &diff->extents[diff->nr - 1] : NULL;

	if (end && end->gpa + end->length == first && end->flags == flags) {
		end->length += last - first + 1;
		return true;
	}
	if (diff->nr == diff->max)
		return false;
	diff->extents[diff->nr++] = (struct axas_diff_extent){
		.gpa = first, .length = last - first + 1, .flags = flags,
	};
	return true;
}

/* Add what the entry at @pos has of [first, last]. False if there is no room. */
static bool diff_entry(struct diff *diff, const struct axas_npt_pos *pos, u64 first, u64 last)
{
	bool borrowed = axas_npt_is_borrowed(diff->npt, pos->entry, pos->level);

	switch (axas_npt_kind(diff->npt, pos)) {
	case AXAS_PT_ZERO:
		return add_extent(diff, first, last, AXAS_DIFF_ZERO);
	case AXAS_PT_BUSY:
		/* A borrowed page that is being replaced: a write that comes after the call. */
		return true;
	case AXAS_PT_LEAF:
		/* A page that was kept and not written since is as the image's. */
		if (diff->exact && axas_npt_is_clean(diff->npt, pos->entry, pos->level,
						     AXAS_PROT_WRITE))
			return true;
		return borrowed || add_extent(diff, first, last, 0);
	default:
		return true;
	}
}

/* Look at the entry of @range's start; take what was done from @range. */
static bool diff_step(struct diff *diff, struct axas_npt_cursor *cursor,
		      struct axas_gpa_range *range)
{
	u64 first = range->start.val, last;
	struct axas_npt_pos pos;
	unsigned int tries = 0;

	if (axas_npt_cursor_at(cursor, first)) {
		pos.ptep = axas_npt_ptep(cursor->table, first);
		pos.entry = READ_ONCE(*pos.ptep);
		pos.level = 0;
	} else {
		axas_npt_walk(diff->npt, cursor, first, &pos);
	}
	/* A leaf of 2 MiB that is being split, maybe a private one. */
	while (pos.level && axas_npt_kind(diff->npt, &pos) == AXAS_PT_BUSY) {
		axas_space_pause(&tries);
		axas_npt_walk(diff->npt, cursor, first, &pos);
	}
	last = min(first | (axas_npt_leaf_size(pos.level) - 1), axas_gpa_range_last(*range).val);
	if (pos.entry && !diff_entry(diff, &pos, first, last))
		return false;
	range->size -= last - first + 1;
	range->start = axas_gpa(last + 1);
	return true;
}

static int diff_range(struct diff *diff, struct axas_gpa_range *range)
{
	struct axas_npt_cursor cursor = { .region = AXAS_NPT_NO_REGION };
	unsigned int steps = 0;

	while (range->size && diff_step(diff, &cursor, range)) {
		if (++steps % BIT(AXAS_NPT_LEVEL_BITS))
			continue;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return diff->nr;
}

int axas_space_diff(struct axas_space *space, struct axas_gpa_range *range,
		    struct axas_diff_extent *extents, unsigned int max)
{
	struct diff diff = { .npt = &space->npt, .extents = extents, .max = max };
	int ret = -ENOENT;

	if (!axas_space_range_ok(space, *range))
		return -EINVAL;
	/* Tables stay. */
	if (mutex_lock_killable(&space->changing))
		return -EINTR;
	diff.exact = axas_space_lists_all(space, space->image);
	/* What a log has put aside, too. */
	if (space->image)
		ret = axas_space_take_back_all(space, range->start.val,
					       axas_gpa_range_last(*range).val) ?:
		      diff_range(&diff, range);
	mutex_unlock(&space->changing);
	return ret;
}
EXPORT_SYMBOL_AXAS(axas_space_diff);
