// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log: start, stop, get, clear. Calls axas_space_map.c (to change areas),
 * axas_space_pages.c, axas_removal.c, axas_area.c, axas_npt_aside.c and axas_npt.c. Locks: each
 * operation holds space->changing throughout; see axas_area.h.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "axas_compat.h"
#include "axas_npt_aside.h"
#include "axas_removal.h"

/**
 * DOC: dirty log
 *
 * The leaf says whether its page is dirty: in a logged area (AXAS_AREA_LOGGED) a leaf of a clean
 * page permits no writes. The first write is a fault, of a guest, a host access or a host mapping,
 * which makes the leaf writable. An operation that takes the permission away for another reason, as
 * protect does, sets WRITTEN in the leaf; discard leaves a ZERO marker. Clear makes that marker
 * EMPTY, or clean where it hides lent memory or says that a page is not missing. So the log needs
 * no memory, and nothing outside logged areas knows of it.
 *
 * Start puts the range aside (see "DOC: what is put aside"). The first touch of a 2 MiB region
 * takes its entries back, with read-only leaves. Only regions that were taken back have dirty
 * pages: get and clear look at nothing else. If the host may have mapped pages of the space, start
 * narrows the leaves in place, as clear does: it must wait for host faults page by page anyway.
 *
 * A page on which somebody else has a reference may be written without a fault: clear leaves it
 * dirty.
 */

static struct axas_area *next_logged(struct ma_state *mas, struct axas_area *area, u64 last)
{
	while (area && !(area->flags & AXAS_AREA_LOGGED)) {
		cond_resched();
		area = axas_area_next(mas, last);
	}
	return area;
}

/* The first logged area of [first, last], and the next one; @mas has its range. */
static struct axas_area *logged_start(struct ma_state *mas, u64 first, u64 last)
{
	mas_set(mas, axas_page_nr(first));
	return next_logged(mas, axas_area_start(mas, last), last);
}

static struct axas_area *logged_next(struct ma_state *mas, u64 last)
{
	return next_logged(mas, axas_area_next(mas, last), last);
}

static bool is_logged(struct axas_space *space, u64 first, u64 last)
{
	MA_STATE(mas, &space->areas->tree, 0, 0);

	return logged_start(&mas, first, last);
}

/**
 * struct clear - leaves of one area that are narrowed
 * @removal: its pieces
 * @work: for axas_npt_clear_written()
 * @area: the area, which stays: the mutex is held
 */
struct clear {
	struct axas_removal removal;
	struct axas_npt_clear work;
	const struct axas_area *area;
};

/* Whether the page at @gpa, or a page of its 2 MiB, must stay in the log. */
static bool stays_written(const struct clear *clear, u64 gpa, const struct axas_leaf *leaf)
{
	const struct axas_space *space = clear->removal.space;

	if (leaf->level)
		return leaf->level == 1 && axas_space_is_block_held(space, leaf);
	return axas_space_is_held(space, clear->area, gpa, leaf->hpa);
}

/* Whether pages of the space may be held. Only with the bar it is known. */
static bool may_be_held(const struct axas_space *space)
{
	return READ_ONCE(space->shared) || READ_ONCE(space->handed);
}

/*
 * With the bar, and no page of the piece that was cleared mapped on the host. If no leaf of it was
 * narrowed, nothing was written, and nothing was zapped: a page may have references of mappings.
 */
static void keep_held(struct axas_removal *removal, u64 last)
{
	struct clear *clear = container_of(removal, struct clear, removal);
	struct axas_space *space = removal->space;
	u64 gpa = removal->first, entry;
	struct axas_leaf leaf;

	if (!may_be_held(space))
		return;
	while (axas_removal_next_leaf(removal, &gpa, last, &leaf, &entry)) {
		if (stays_written(clear, gpa, &leaf))
			axas_npt_set_written(&space->npt, gpa,
					     clear->area->prot & AXAS_PROT_WRITE);
		gpa |= axas_npt_leaf_size(leaf.level) - 1;
		if (gpa++ >= last)
			break;
	}
}

/* Narrow the leaves of a part of a logged area, or those of it in @bitmap. */
static void clear_area(struct axas_space *space, const struct axas_area *area, u64 first, u64 last,
		       const unsigned long *bitmap, u64 base)
{
	struct clear clear __uninitialized;
	bool held = space->npt.hal->frame_page && !axas_area_is_linear(area);

	clear.work = (struct axas_npt_clear){
		.job = { .begin = first, .first = first, .last = last },
		.bitmap = bitmap, .base = base,
		.zeroes = axas_area_is_missing(area) || axas_area_lends(area),
		.dear = held && may_be_held(space),
	};
	clear.work.closed = clear.work.dear && !(area->prot & AXAS_PROT_WRITE);
	clear.area = area;
	axas_removal_init(&clear.removal, space, false);
	clear.removal.pages = bitmap;
	clear.removal.base = base;
	if (held)
		clear.removal.flushed = keep_held;
	axas_piece_begin(&clear.removal, first);
	axas_removal_do(&clear.removal, &clear.work.job, axas_npt_clear_written);
	axas_piece_end(&clear.removal, last);
	axas_removal_end(&clear.removal);
}

/* Clear what a bitmap names of [first, last], a part of a logged area. */
static void clear_some(struct axas_space *space, const struct axas_area *area, u64 first, u64 last,
		       const unsigned long *bitmap, u64 base)
{
	unsigned long end = axas_page_nr(last) - axas_page_nr(base) + 1;
	unsigned long bit = find_next_bit(bitmap, end, axas_page_nr(first) - axas_page_nr(base));

	if (bit >= end)
		return;
	first = base + ((u64)bit << AXAS_FRAME_SHIFT);
	bit = find_last_bit(bitmap, end);
	clear_area(space, area, first, (base + ((u64)bit << AXAS_FRAME_SHIFT)) |
				       (AXAS_FRAME_SIZE - 1), bitmap, base);
}

/* The first byte after the area below @first, or of the space: nothing is mapped in between. */
static u64 hole_below(struct axas_space *space, u64 first)
{
	MA_STATE(mas, &space->areas->tree, axas_page_nr(first - 1), axas_page_nr(first - 1));
	u64 start = space->range.start.val;

	/* An entry of 1 GiB ends here anyway. */
	if (first == start || !(first & (axas_npt_leaf_size(2) - 1)))
		return first;
	rcu_read_lock();
	if (mas_find_rev(&mas, axas_page_nr(start)))
		start = min(first, axas_page_last(mas.last) + 1);
	rcu_read_unlock();
	return start;
}

/* The last byte before the area above @last, or of the space. */
static u64 hole_above(struct axas_space *space, u64 last)
{
	MA_STATE(mas, &space->areas->tree, axas_page_nr(last) + 1, axas_page_nr(last) + 1);
	u64 end = axas_gpa_range_last(space->range).val;

	if (last != end && axas_area_start(&mas, end))
		end = max(last, axas_page_first(mas.index) - 1);
	return end;
}

/*
 * Put aside what one piece may, unless others may hold pages: only with the bar it is known. Then
 * return false.
 */
static bool put_piece(struct axas_removal *removal, struct axas_npt_move *move)
{
	struct axas_space *space = removal->space;
	bool alone;

	axas_piece_begin(removal, move->job.first);
	alone = !may_be_held(space);
	if (alone) {
		move->job.budget = removal->budget;
		axas_npt_put_aside(&space->npt, move);
		removal->changed = true;
		removal->gather.tables = true;
	}
	axas_piece_end(removal, move->job.done ? move->job.last : move->job.first - 1);
	return alone;
}

/* False: pages may be held. A part may be aside already; no page of that is held. */
static bool put_aside(struct axas_space *space, struct axas_npt_spares *spares, u64 first,
		      u64 last)
{
	struct axas_removal removal __uninitialized;
	struct axas_npt_move move = {
		.job = { .begin = first, .first = first, .last = last },
		.spares = spares,
		.zeroes = READ_ONCE(space->missing.used) || READ_ONCE(space->areas->lent_pages),
	};
	bool alone;

	axas_removal_init(&removal, space, false);
	do
		alone = put_piece(&removal, &move);
	while (alone && !move.job.done);
	axas_removal_end(&removal);
	return alone;
}

/* Begin an epoch in which no page is written yet. */
static void begin(struct axas_space *space, struct axas_npt_spares *spares, u64 first, u64 last)
{
	MA_STATE(mas, &space->areas->tree, 0, 0);
	struct axas_area *area;

	space->log_start = ++space->log_epoch;
	space->log_first = space->log_last ? min(space->log_first, first) : first;
	space->log_last = max(space->log_last, last);
	if (put_aside(space, spares, hole_below(space, first), hole_above(space, last)))
		return;
	for (area = logged_start(&mas, first, last); area; area = logged_next(&mas, last))
		clear_area(space, area, max(first, axas_page_first(mas.index)),
			   min(last, axas_page_last(mas.last)), NULL, first);
}

static int start_log(struct axas_space *space, u64 first, u64 last)
{
	struct axas_npt_spares spares = {};
	int err;

	/* With the holes around the range, whole entries of higher tables are moved. */
	err = axas_npt_reserve_aside(&space->npt, &spares, hole_below(space, first),
				     hole_above(space, last)) ?:
	      axas_space_set_logged(space, first, last, true);
	if (!err && !is_logged(space, first, last))
		err = -ENOENT;
	if (!err)
		begin(space, &spares, first, last);
	else
		axas_space_end_log(space);
	axas_npt_put_spares(&space->npt, &spares);
	return err;
}

int axas_space_start_log(struct axas_space *space, struct axas_gpa_range range, u64 *epoch)
{
	int err;

	if (!axas_space_range_ok(space, range))
		return -EINVAL;
	if (mutex_lock_killable(&space->changing))
		return -EINTR;
	err = start_log(space, range.start.val, axas_gpa_range_last(range).val);
	*epoch = space->log_epoch;
	mutex_unlock(&space->changing);
	return err;
}
EXPORT_SYMBOL_AXAS(axas_space_start_log);

static int stop_log(struct axas_space *space, u64 first, u64 last)
{
	int err;

	if (!is_logged(space, first, last))
		return -ENOENT;
	err = axas_space_set_logged(space, first, last, false);
	if (err)
		return err;
	if (!axas_space_end_log(space))
		axas_space_fit_leaves(space, first, last);
	return 0;
}

int axas_space_stop_log(struct axas_space *space, struct axas_gpa_range range, u64 *epoch)
{
	int err;

	if (!axas_space_range_ok(space, range))
		return -EINVAL;
	if (mutex_lock_killable(&space->changing))
		return -EINTR;
	err = stop_log(space, range.start.val, axas_gpa_range_last(range).val);
	*epoch = space->log_epoch;
	mutex_unlock(&space->changing);
	return err;
}
EXPORT_SYMBOL_AXAS(axas_space_stop_log);

static int get_log(struct axas_space *space, u64 first, u64 last, unsigned long *bitmap)
{
	MA_STATE(mas, &space->areas->tree, 0, 0);
	struct axas_area *area = logged_start(&mas, first, last);
	bool any = false;

	if (!area)
		return -ENOENT;
	for (; area; area = logged_next(&mas, last))
		any |= axas_npt_get_written(&space->npt, max(first, axas_page_first(mas.index)),
					    min(last, axas_page_last(mas.last)), first, bitmap);
	return any;
}

int axas_space_add_log(struct axas_space *space, struct axas_gpa_range range,
		       unsigned long *bitmap, u64 *epoch)
{
	int ret;

	if (!axas_space_range_ok(space, range))
		return -EINVAL;
	if (mutex_lock_killable(&space->changing))
		return -EINTR;
	ret = get_log(space, range.start.val, axas_gpa_range_last(range).val, bitmap);
	*epoch = space->log_epoch;
	mutex_unlock(&space->changing);
	return ret;
}

int axas_space_get_log(struct axas_space *space, struct axas_gpa_range range,
		       unsigned long *bitmap, u64 *epoch)
{
	int ret;

	if (!axas_space_range_ok(space, range))
		return -EINVAL;
	bitmap_zero(bitmap, range.size >> AXAS_FRAME_SHIFT);
	ret = axas_space_add_log(space, range, bitmap, epoch);
	return min(ret, 0);
}
EXPORT_SYMBOL_AXAS(axas_space_get_log);

static int skip_log(struct axas_space *space, u64 first, u64 last, u64 *skipped, u64 epoch)
{
	u64 next = first;

	*skipped = axas_npt_next_touched(&space->npt, &next, last) ? next - first :
								     last - first + 1;
	if (!*skipped || !is_logged(space, first, first + *skipped - 1))
		return 0;
	return epoch && epoch < space->log_start ? -ESTALE : 1;
}

int axas_space_skip_log(struct axas_space *space, struct axas_gpa_range range, u64 *skipped,
			u64 *epoch)
{
	int ret;

	if (!axas_space_range_ok(space, range))
		return -EINVAL;
	if (mutex_lock_killable(&space->changing))
		return -EINTR;
	ret = skip_log(space, range.start.val, axas_gpa_range_last(range).val, skipped, *epoch);
	*epoch = space->log_epoch;
	mutex_unlock(&space->changing);
	return ret;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_space_skip_log);

static int clear_log(struct axas_space *space, u64 first, u64 last, const unsigned long *bitmap,
		     u64 epoch)
{
	MA_STATE(mas, &space->areas->tree, 0, 0);
	struct axas_area *area = logged_start(&mas, first, last);

	if (!area)
		return -ENOENT;
	if (epoch && epoch < space->log_start)
		return -ESTALE;
	space->log_epoch++;
	for (; area; area = logged_next(&mas, last))
		clear_some(space, area, max(first, axas_page_first(mas.index)),
			   min(last, axas_page_last(mas.last)), bitmap, first);
	return 0;
}

int axas_space_clear_log(struct axas_space *space, struct axas_gpa_range range,
			 const unsigned long *bitmap, u64 *epoch)
{
	int err;

	if (!axas_space_range_ok(space, range))
		return -EINVAL;
	if (mutex_lock_killable(&space->changing))
		return -EINTR;
	err = clear_log(space, range.start.val, axas_gpa_range_last(range).val, bitmap, *epoch);
	*epoch = space->log_epoch;
	mutex_unlock(&space->changing);
	return err;
}
EXPORT_SYMBOL_AXAS(axas_space_clear_log);
