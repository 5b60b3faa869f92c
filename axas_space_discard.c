// SPDX-License-Identifier: GPL-2.0-only
/*
 * Discard: frees the frames of ranges, while the areas stay; the next touch finds zeroes. Calls
 * axas_space_aside.c, axas_removal.c, axas_area.c, axas_npt.c and the formats. Locks: holds
 * space->changing throughout, and takes the bar for one bounded piece of work at a time; see
 * axas_area.h.
 *
 * The areas stay in the tree, so faults may fill the ranges again between two pieces, also with
 * 2 MiB leaves that reach across the end of a range. A leaf that existed when the discard began is
 * split, for which a table is reserved. A newer one is left alone: a fault installs a leaf only
 * where there is neither a table nor a leaf, so the part of the range that it maps was empty, and
 * counts as discarded before that fault.
 */
#include <linux/bitmap.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "axas_compat.h"
#include "axas_keep.h"
#include "axas_removal.h"
#include "axas_trace.h"

/* What the lookup of an area costs, and a walk to a part of it, each in entries of the budget. */
#define STEP_ENTRIES	16

/* What a split costs: it writes a table. */
#define SPLIT_ENTRIES	BIT(AXAS_NPT_LEVEL_BITS)

/**
 * struct discard - a discard in progress
 * @removal: its pieces
 * @ranges: the ranges
 * @n: their number
 * @size: bytes of all ranges
 * @open: a piece has begun
 * @lent: an area lends: the tables that were built for its markers stay
 * @last: last byte that this piece has discarded
 * @split: a table is reserved for the leaf across: bit 2 i, the first byte of range i; bit
 *	2 i + 1, the first byte beyond it
 */
struct discard {
	struct axas_removal removal;
	const struct axas_gpa_range *ranges;
	unsigned int n;
	u64 size;
	bool open;
	bool lent;
	u64 last;
	DECLARE_BITMAP(split, 2 * AXAS_DISCARD_MAX);
};

static void close_piece(struct discard *discard)
{
	if (discard->open)
		axas_piece_end(&discard->removal, discard->last);
	discard->open = false;
}

/* Begin a piece at @first, or go on with the one that is open. Return 0 or -EINTR. */
static int open_piece(struct discard *discard, u64 first)
{
	struct axas_removal *removal = &discard->removal;

	if (!discard->open) {
		if (fatal_signal_pending(current))
			return -EINTR;
		axas_piece_begin(removal, first);
		discard->open = true;
		discard->last = first;
	}
	removal->first = min(removal->first, first);
	return 0;
}

/* Whether the piece has room for a part of an area, so that each part gets on. */
static bool has_room(const struct axas_removal *removal)
{
	return removal->budget >= STEP_ENTRIES && axas_npt_gather_room(&removal->gather);
}

/* Charge the open piece, and end it if it is exhausted. */
static void charge(struct discard *discard, unsigned int entries)
{
	struct axas_removal *removal = &discard->removal;

	if (!discard->open)
		return;
	removal->budget -= min(removal->budget, entries);
	if (!has_room(removal))
		close_piece(discard);
}

/* Size of the leaf across @at; 0: there is none. @cursor: a level 0 table, where none can be. */
static u64 leaf_across(const struct axas_npt *npt, struct axas_npt_cursor *cursor, u64 at)
{
	struct axas_npt_pos pos;
	u64 size;

	if (axas_npt_cursor_at(cursor, at))
		return 0;
	axas_npt_walk(npt, cursor, at, &pos);
	/* A leaf that is being replaced (BUSY) counts: with the bar there is none. */
	if (!pos.level || axas_npt_kind(npt, &pos) < AXAS_PT_BUSY)
		return 0;
	size = axas_npt_leaf_size(pos.level);
	return at & (size - 1) ? size : 0;
}

/* Split the leaf across @at, if a table is reserved for that. */
static bool split_reserved(struct discard *discard, u64 at, unsigned int end)
{
	if (!__test_and_clear_bit(end, discard->split))
		return false;
	axas_npt_split_at(&discard->removal.space->npt, at);
	discard->removal.budget -= min_t(unsigned int, discard->removal.budget, SPLIT_ENTRIES);
	return true;
}

/*
 * With the bar: no leaf shall reach across the ends of a job in range @i. A leaf that has been
 * there is split; the job leaves out a new one.
 */
static void trim(struct discard *discard, struct axas_npt_job *job, unsigned int i)
{
	const struct axas_npt *npt = &discard->removal.space->npt;
	struct axas_npt_cursor cursor = { .region = AXAS_NPT_NO_REGION };
	u64 size, at;

	size = leaf_across(npt, &cursor, job->first);
	if (size && !split_reserved(discard, job->first, 2 * i)) {
		at = job->first | (size - 1);
		job->done = at >= job->last;
		job->first = job->done ? job->first : at + 1;
	}
	size = job->done ? 0 : leaf_across(npt, &cursor, job->last + 1);
	if (size && !split_reserved(discard, job->last + 1, 2 * i + 1)) {
		at = (job->last + 1) & ~(size - 1);
		job->done = at <= job->first;
		job->last = job->done ? job->last : at - 1;
	}
}

/* Do what the open piece may do of a job. */
static void do_piece(struct discard *discard, struct axas_npt_job *job, unsigned int i)
{
	struct axas_removal *removal = &discard->removal;

	trim(discard, job, i);
	if (job->done || !has_room(removal))
		return;
	axas_piece_do(removal, job, axas_npt_unmap);
	discard->last = max(discard->last, job->done ? job->last : job->first - 1);
}

/* Discard a part of an area in range @i. The last piece stays open for the next part. */
static int discard_part(struct discard *discard, struct axas_npt_job *job, unsigned int i)
{
	int err;

	while (!job->done) {
		err = open_piece(discard, job->first);
		if (err)
			return err;
		do_piece(discard, job, i);
		if (!job->done)
			close_piece(discard);
	}
	return 0;
}

/* Whether nothing was ever mapped in a range of bytes, as far as one entry can tell. */
static bool is_untouched(const struct axas_npt *npt, u64 first, u64 last)
{
	struct axas_npt_cursor cursor;
	struct axas_npt_pos pos;

	axas_npt_walk(npt, &cursor, first, &pos);
	return axas_npt_kind(npt, &pos) == AXAS_PT_EMPTY &&
	       (first | (axas_npt_leaf_size(pos.level) - 1)) >= last;
}

static void mark_all(struct axas_npt_job *job, const struct axas_npt *npt)
{
	job->marker = npt->fmt->zero;
	job->mark_all = true;
}

/* Discard a range. *@done: bytes discarded, also on an error. Return 0 or -EINTR. */
static int discard_range(struct discard *discard, unsigned int i, u64 *done)
{
	MA_STATE(mas, &discard->removal.space->areas->tree, 0, 0);
	struct axas_removal *removal = &discard->removal;
	u64 first = discard->ranges[i].start.val;
	u64 last = axas_gpa_range_last(discard->ranges[i]).val;
	struct axas_area *area;
	int err;

	charge(discard, STEP_ENTRIES);
	mas_set(&mas, axas_page_nr(first));
	for (area = axas_area_start(&mas, last); area; area = axas_area_next(&mas, last)) {
		struct axas_npt_job job = axas_removal_job(removal, area,
							   max(first, axas_page_first(mas.index)),
							   min(last, axas_page_last(mas.last)));

		/* Zeroes where something else was are a write, and are not missing again. */
		if (area->flags & (AXAS_AREA_LOGGED | AXAS_MAP_MISSING))
			job.marker = removal->space->npt.fmt->zero;
		/* Else the next touch would find the backend's frame, also if this is the first. */
		if (axas_area_lends(area))
			mark_all(&job, &removal->space->npt);
		job.sparse = axas_area_is_missing(area);
		job.stays = discard->lent;
		charge(discard, STEP_ENTRIES);
		if (!discard->open && !job.mark_all &&
		    is_untouched(&removal->space->npt, job.first, job.last)) {
			cond_resched();
			continue;
		}
		err = discard_part(discard, &job, i);
		*done = job.first - first;
		if (err)
			return err;
	}
	*done = discard->ranges[i].size;
	return 0;
}

/* Discard all ranges. Nothing can fail but for a fatal signal. */
static int discard_all(struct discard *discard, struct axas_space *space, u64 *done)
{
	unsigned int i;
	u64 part;
	int err;

	axas_removal_init(&discard->removal, space, discard->size >= AXAS_REMOVAL_FEW);
	discard->open = false;
	for (i = 0, err = 0; i < discard->n && !err; i++) {
		part = 0;
		err = discard_range(discard, i, &part);
		*done += part;
	}
	close_piece(discard);
	axas_removal_end(&discard->removal);
	return err;
}

/* Level of the largest entry, at most the root's, that begins at @at. */
static unsigned int level_at(const struct axas_npt *npt, u64 at)
{
	unsigned int level = 0;

	while (level < npt->levels - 1u && !(at & (axas_npt_leaf_size(level + 1) - 1)))
		level++;
	return level;
}

/* Build the tables from the root to the entry of @gpa at @level. Return 0, -ENOMEM or -EINTR. */
static int build_to(struct axas_npt *npt, u64 gpa, unsigned int level)
{
	struct axas_npt_spares spares = {};
	struct axas_npt_cursor cursor;
	struct axas_npt_pos pos;
	int err = 0;

	axas_npt_walk(npt, &cursor, gpa, &pos);
	while (!err && pos.level > level) {
		err = axas_npt_reach(npt, &spares, gpa, level, &pos);
		if (err == -EAGAIN)
			err = axas_npt_get_spares(npt, &spares, pos.level - level, true);
		else if (err)
			break;
	}
	axas_npt_put_spares(npt, &spares);
	/* A leaf in the way is split, if it reaches across an end of a range. */
	return err == -EEXIST ? 0 : err;
}

/* Empty entries of the range will be marked: there must be one for each end, and it stays. */
static int build_ends(struct axas_npt *npt, u64 first, u64 last)
{
	return build_to(npt, first, level_at(npt, first)) ?:
	       build_to(npt, last, last == axas_npt_last(npt) ? npt->levels - 1 :
						      level_at(npt, last + 1));
}

/*
 * Whether each area of a range has frames of its own; if its backend lends them, build the tables
 * for the markers that a discard leaves. Return 0, -EOPNOTSUPP, -ENOMEM or -EINTR.
 */
static int check_areas(struct discard *discard, struct axas_space *space,
		       struct axas_gpa_range range)
{
	MA_STATE(mas, &space->areas->tree, 0, 0);
	u64 last = axas_gpa_range_last(range).val;
	struct axas_area *area;
	int err = 0;

	mas_set(&mas, axas_page_nr(range.start.val));
	for (area = axas_area_start(&mas, last); area; area = axas_area_next(&mas, last)) {
		if (axas_area_is_linear(area))
			return -EOPNOTSUPP;
		if (axas_area_lends(area)) {
			discard->lent = true;
			err = build_ends(&space->npt,
					 max(range.start.val, axas_page_first(mas.index)),
					 min(last, axas_page_last(mas.last)));
		}
		if (!err && fatal_signal_pending(current))
			err = -EINTR;
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

/*
 * Note a leaf across an end of a range. Return the number of tables that splitting it takes: none
 * if it is of 2 MiB and the end noted before it, at *@before, lies in it too, and so will be split
 * before.
 */
static u64 note_end(struct discard *discard, const struct axas_npt *npt, u64 at,
		    unsigned int end, u64 *before)
{
	struct axas_npt_cursor cursor = { .region = AXAS_NPT_NO_REGION };
	u64 size = leaf_across(npt, &cursor, at), last = *before;

	if (!size)
		return 0;
	*before = at;
	if (size == axas_npt_leaf_size(1) && last != AXAS_NPT_NO_REGION &&
	    !((last ^ at) & ~(size - 1)))
		return 0;
	__set_bit(end, discard->split);
	return axas_npt_count_split_at(npt, at);
}

/* Check the areas, and reserve tables. Return 0 or an error, with nothing changed. */
static int prepare(struct discard *discard, struct axas_space *space)
{
	struct axas_npt *npt = &space->npt;
	u64 tables = 0, before = AXAS_NPT_NO_REGION;
	unsigned int i;
	int err;

	bitmap_zero(discard->split, 2 * discard->n);
	discard->lent = false;
	for (i = 0; i < discard->n; i++) {
		const struct axas_gpa_range *range = &discard->ranges[i];

		/* First: check_areas() links tables, and must not where something is put aside. */
		err = axas_space_take_back_all(space, range->start.val,
					       axas_gpa_range_last(*range).val) ?:
		      check_areas(discard, space, *range);
		if (err)
			return err;
		tables += note_end(discard, npt, range->start.val, 2 * i, &before);
		tables += note_end(discard, npt, axas_gpa_range_last(*range).val + 1, 2 * i + 1,
				   &before);
	}
	err = axas_npt_get_spares(npt, &npt->reserve, tables, true);
	if (err)
		axas_npt_put_spares(npt, &npt->reserve);
	return err;
}

/* Whether each range is valid; sets the sum of their bytes. */
static bool ranges_ok(struct discard *discard, const struct axas_space *space)
{
	unsigned int i;

	discard->size = 0;
	if (discard->n > AXAS_DISCARD_MAX)
		return false;
	for (i = 0; i < discard->n; i++)
		if (!axas_space_range_ok(space, discard->ranges[i]) ||
		    check_add_overflow(discard->size, discard->ranges[i].size, &discard->size))
			return false;
	return true;
}

int axas_space_discard(struct axas_space *space, const struct axas_gpa_range *ranges,
		       unsigned int n, u64 *done)
{
	u64 start = axas_trace_start(trace_axas_discard_enabled());
	struct discard discard __uninitialized;
	int err;

	*done = 0;
	discard.ranges = ranges;
	discard.n = n;
	if (!ranges_ok(&discard, space))
		return -EINVAL;
	if (mutex_lock_killable(&space->changing))
		return -EINTR;
	err = prepare(&discard, space);
	if (!err) {
		axas_space_forget_kept(space);
		err = discard_all(&discard, space, done);
		axas_npt_put_spares(&space->npt, &space->npt.reserve);
	}
	trace_axas_discard(space, ranges, n, *done, err, start);
	mutex_unlock(&space->changing);
	return err;
}
EXPORT_SYMBOL_AXAS(axas_space_discard);
