// SPDX-License-Identifier: GPL-2.0-only
/*
 * What changes the map of a space: map, unmap, protect, collapse. Calls axas_area.c,
 * axas_space_fault.c (populate) and axas_npt.c. Locks: each operation holds the mutex from
 * its beginning to its end, and has the bar for a piece of work at a time; see axas_area.h.
 */
#include <linux/err.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "axas_compat.h"
#include "axas_space.h"

#define HUGE_FLAGS	(AXAS_MAP_HUGE_ALWAYS | AXAS_MAP_HUGE_NEVER)

/* Entries that are looked at while readers are kept out: some 100,000 instructions. */
#define PIECE_ENTRIES	4096

/* Beyond so many bytes a removal gets a buffer for what it gathers. */
#define FEW_BYTES	((u64)(AXAS_GATHER_INLINE - AXAS_GATHER_MOST) * AXAS_FRAME_SIZE)

/**
 * struct removal - what is taken away in pieces, with the bar
 * @space: from where
 * @gather: what is freed after each piece
 * @budget: entries that are left of the piece
 * @first: where the piece began
 * @changed: leaves of the piece were narrowed
 */
struct removal {
	struct axas_space *space;
	struct axas_npt_gather gather;
	unsigned int budget;
	u64 first;
	bool changed;
};

static void removal_init(struct removal *removal, struct axas_space *space, bool many)
{
	removal->space = space;
	axas_npt_gather_init(&removal->gather, &space->npt, many);
}

static void piece_begin(struct removal *removal, u64 first)
{
	removal->budget = PIECE_ENTRIES;
	removal->first = first;
	removal->changed = false;
	axas_bar_begin(removal->space);
}

/* All up to @last is done. */
static void piece_end(struct removal *removal, u64 last)
{
	struct axas_npt_gather *gather = &removal->gather;

	if (gather->pending || removal->changed)
		axas_space_flush(removal->space, removal->first, last, gather->tables);
	axas_bar_end(removal->space);
	axas_npt_gather_free(gather);
	cond_resched();
}

static void removal_end(struct removal *removal)
{
	axas_npt_gather_end(&removal->gather);
}

/* Do a job, in as many pieces as it takes; the last one does not end with it. */
static void do_job(struct removal *removal, struct axas_npt_job *job,
		   void (*work)(struct axas_npt *npt, struct axas_npt_job *job))
{
	for (;;) {
		job->budget = removal->budget;
		work(&removal->space->npt, job);
		removal->budget = job->budget;
		removal->changed |= job->changed;
		job->changed = false;
		if (job->done)
			return;
		piece_end(removal, job->first - 1);
		piece_begin(removal, job->first);
	}
}

static void unmap_area(struct removal *removal, const struct axas_area *area)
{
	struct axas_npt_job job = {
		.begin = area->first, .first = area->first, .last = area->last,
		.owner = area->backend.ops->put ? &area->backend : NULL,
		.gather = &removal->gather,
	};

	do_job(removal, &job, axas_npt_unmap);
}

/*
 * Tables that a split may need at an address that an area reaches across: those of the leaf
 * that does, or one where a leaf of 2 MiB may come yet. No leaf is larger than its area.
 */
static u64 tables_for_split(struct axas_space *space, u64 at)
{
	const struct axas_npt *npt = &space->npt;
	struct axas_npt_cursor cursor;
	struct axas_npt_pos pos;

	axas_npt_walk(npt, &cursor, at, &pos);
	if (axas_npt_kind(npt, &pos) == AXAS_PT_LEAF)
		return axas_npt_count_split_at(npt, at);
	return pos.level && (at & (axas_npt_leaf_size(1) - 1));
}

static u64 range_last(const struct axas_space *space)
{
	return axas_gpa_range_last(space->range).val;
}

/**
 * struct ends - what isolate() did at the ends of a range
 * @lower: an area was cut at the first byte
 * @upper: an area was cut behind the last one
 */
struct ends {
	bool lower;
	bool upper;
};

/*
 * Leaves reach across an end of the range no more where an area was cut, for which there are
 * tables. Where none was, one may have come since the area beyond joined: with the protection
 * that both have.
 */
static void split_leaves(struct axas_space *space, u64 first, u64 last, const struct ends *ends)
{
	if (ends->lower)
		axas_npt_split_at(&space->npt, first);
	if (ends->upper)
		axas_npt_split_at(&space->npt, last + 1);
}

/* Undo it. Nobody knows the pieces any more after a bar. */
static void uncut(struct axas_space *space, u64 first, u64 last, const struct ends *ends)
{
	LIST_HEAD(gone);

	if (ends->lower)
		axas_areas_join(space, first, &gone);
	if (ends->upper)
		axas_areas_join(space, last + 1, &gone);
	if (list_empty(&gone))
		return;
	axas_bar_begin(space);
	axas_bar_end(space);
	axas_areas_free(&gone);
}

/* The area that reaches across an address; @likely_one: one that may. NULL: none does. */
static struct axas_area *area_across(const struct axas_space *space, u64 at,
				     const struct axas_area *likely_one)
{
	const struct axas_area *area = likely_one;

	if (!area || !axas_area_covers(area, at))
		area = axas_area_find(space, at);
	return area && area->first != at ? (struct axas_area *)area : NULL;
}

/* The upper end first: what is below it stays the same area. */
static int cut(struct axas_space *space, u64 first, struct axas_area *lower, u64 last,
	       struct axas_area *upper, struct ends *ends)
{
	int err = upper ? axas_area_cut(space, upper, last + 1) : 0;

	ends->upper = upper && !err;
	if (err || !lower)
		return err;
	err = axas_area_cut(space, lower, first);
	ends->lower = !err;
	return err;
}

/*
 * No area reaches across the ends of a range, and there are tables for the leaves that do.
 * 0, or -ENOMEM, and nothing has changed.
 */
static int isolate(struct axas_space *space, u64 first, u64 last, struct ends *ends)
{
	struct axas_area *area = (struct axas_area *)axas_area_find(space, first);
	struct axas_area *lower = area_across(space, first, area), *upper = NULL;
	u64 tables;
	int err;

	*ends = (struct ends){};
	if (last != range_last(space))
		upper = area_across(space, last + 1, area);
	tables = (lower ? tables_for_split(space, first) : 0) +
		 (upper ? tables_for_split(space, last + 1) : 0);
	err = axas_npt_get_spares(&space->npt, &space->npt.reserve, tables, false);
	if (!err)
		err = cut(space, first, lower, last, upper, ends);
	if (!err)
		return 0;
	uncut(space, first, last, ends);
	axas_npt_put_spares(&space->npt, &space->npt.reserve);
	return err;
}

/* Areas leave the tree, then their leaves the table; the range is isolated. */
static void remove_range(struct axas_space *space, u64 first, u64 last,
			 const struct ends *ends)
{
	struct removal removal __uninitialized;
	struct axas_area *area;
	LIST_HEAD(gone);

	removal_init(&removal, space, last - first >= FEW_BYTES);
	axas_areas_erase(space, first, last, &gone);
	piece_begin(&removal, first);
	split_leaves(space, first, last, ends);
	list_for_each_entry(area, &gone, node)
		unmap_area(&removal, area);
	piece_end(&removal, last);
	removal_end(&removal);
	axas_npt_put_spares(&space->npt, &space->npt.reserve);
	axas_areas_free(&gone);
}

int axas_space_unmap(struct axas_space *space, struct axas_gpa_range range)
{
	u64 last = axas_gpa_range_last(range).val;
	u64 first = range.start.val;
	struct ends ends;
	int err = 0;

	if (!axas_space_range_ok(space, range))
		return -EINVAL;
	mutex_lock(&space->changing);
	if (axas_area_first(space, first, last)) {
		err = isolate(space, first, last, &ends);
		if (!err)
			remove_range(space, first, last, &ends);
	}
	mutex_unlock(&space->changing);
	return err;
}
EXPORT_SYMBOL_AXAS(axas_space_unmap);

void axas_space_remove_all(struct axas_space *space)
{
	u64 last = range_last(space);
	u64 first = space->range.start.val;

	mutex_lock(&space->changing);
	if (axas_area_first(space, first, last))
		remove_range(space, first, last, &(struct ends){});
	mutex_unlock(&space->changing);
}

void axas_space_clear(struct axas_space *space)
{
	axas_space_remove_all(space);
}
EXPORT_SYMBOL_AXAS(axas_space_clear);

static int check_attrs(const struct axas_space *space, u32 prot, u32 type)
{
	if (prot & ~AXAS_PROT_MASK || type > AXAS_TYPE_UNCACHED)
		return -EINVAL;
	return axas_npt_can(&space->npt, prot, type) ? 0 : -EOPNOTSUPP;
}

/*
 * Leaves first, then the area: nobody fills entries where no area is, and whoever finds a
 * linear area finds its leaves.
 */
static int map_linear_leaves(struct axas_space *space, const struct axas_area *area)
{
	struct axas_npt_range range = {
		.first = area->first,
		.last = area->last,
		.hpa = area->first + area->backend.offset,
		.prot = area->prot,
		.type = area->type,
		.max_level = AXAS_NPT_MAX_LEVELS,
	};

	if (axas_area_first(space, area->first, area->last))
		return -EEXIST;
	return axas_npt_map(&space->npt, &range);
}

/* Take back what a map that failed has done, the area out of the tree. */
static void unmap_leaves(struct axas_space *space, const struct axas_area *area)
{
	struct removal removal __uninitialized;

	removal_init(&removal, space, true);
	piece_begin(&removal, area->first);
	unmap_area(&removal, area);
	piece_end(&removal, area->last);
	removal_end(&removal);
}

/* Put a new area in its place, and give it its leaves. All of it or nothing. */
static int map_area(struct axas_space *space, struct axas_area *area, bool populate)
{
	bool linear = axas_area_is_linear(area);
	LIST_HEAD(gone);
	u64 done;
	int err;

	err = linear ? map_linear_leaves(space, area) : 0;
	if (err == -EEXIST)
		return err;
	if (!err)
		err = axas_area_insert(space, area);
	if (!err && populate) {
		err = axas_space_fill(space, area->first, area->last,
				      !(area->flags & AXAS_MAP_HUGE_NEVER), &done);
		if (err)
			axas_areas_erase(space, area->first, area->last, &gone);
	}
	if (err && (linear || populate) && err != -EEXIST)
		unmap_leaves(space, area);
	return err;
}

static int map(struct axas_space *space, struct axas_area *area, bool populate)
{
	int err;

	if (IS_ERR(area))
		return PTR_ERR(area);
	err = mutex_lock_killable(&space->changing);
	if (!err) {
		err = map_area(space, area, populate);
		mutex_unlock(&space->changing);
	}
	if (err)
		axas_area_free(area);
	return err;
}

static bool hpa_range_ok(const struct axas_space *space, struct axas_hpa hpa, u64 size)
{
	u64 last;

	if (!axas_hpa_is_aligned(hpa, AXAS_FRAME_SIZE) ||
	    check_add_overflow(hpa.val, size - 1, &last))
		return false;
	return space->npt.caps.oa_bits >= 64 || !(last >> space->npt.caps.oa_bits);
}

/* The kernel has it mapped as normal memory, and may use it. */
static bool hpa_is_ram(const struct axas_space *space, struct axas_hpa hpa, u64 size)
{
	const struct axas_hal *hal = space->npt.hal;

	return hal->is_ram && hal->is_ram(hal, hpa, size);
}

int axas_space_map_linear(struct axas_space *space, struct axas_gpa_range range,
			  struct axas_hpa hpa, u32 prot, u32 type)
{
	int err;

	if (!axas_space_range_ok(space, range) || !hpa_range_ok(space, hpa, range.size))
		return -EINVAL;
	err = check_attrs(space, prot, type);
	if (!err && type != AXAS_TYPE_NORMAL && hpa_is_ram(space, hpa, range.size))
		err = -EOPNOTSUPP;
	if (err)
		return err;
	return map(space, axas_area_new(space, range, prot, type, 0,
					axas_linear(range.start.val, hpa)), false);
}
EXPORT_SYMBOL_AXAS(axas_space_map_linear);

int axas_space_map_alloc(struct axas_space *space, struct axas_gpa_range range,
			 u32 prot, u32 type, u32 flags)
{
	int err;

	if (!axas_space_range_ok(space, range) || flags & ~AXAS_MAP_FLAGS ||
	    (flags & HUGE_FLAGS) == HUGE_FLAGS ||
	    (flags & AXAS_MAP_AROUND_MASK) > AXAS_MAP_AROUND(AXAS_NPT_LEVEL_BITS))
		return -EINVAL;
	err = check_attrs(space, prot, type);
	/*
	 * Frames are zeroed, and used by the host, through its caches. A guest that went past
	 * them would read what the frame held before.
	 */
	if (!err && type != AXAS_TYPE_NORMAL)
		err = -EOPNOTSUPP;
	if (err)
		return err;
	return map(space, axas_area_new(space, range, prot, type, flags & ~AXAS_MAP_POPULATE,
					axas_alloc(space->npt.hal)),
		   flags & AXAS_MAP_POPULATE);
}
EXPORT_SYMBOL_AXAS(axas_space_map_alloc);

/**
 * struct change - another protection for a range
 * @space: whose
 * @first: the first byte that gets another
 * @last: the last one
 * @prot: which
 * @code: some of it becomes executable
 * @fresh: areas that come in place of others
 */
struct change {
	struct axas_space *space;
	u64 first;
	u64 last;
	u32 prot;
	bool code;
	struct list_head fresh;
};

/*
 * What of a range has another protection yet. 1 when there is some, with the range narrowed
 * to it; 0; or -EOPNOTSUPP when it cannot be encoded; -EINTR.
 */
static int find_change(struct change *change)
{
	MA_STATE(mas, &change->space->areas, axas_page_nr(change->first),
		 axas_page_nr(change->first));
	u64 first = change->first, last = change->last;
	struct axas_area *area;
	int found = 0;

	mas_for_each(&mas, area, axas_page_nr(last)) {
		if (!axas_npt_can(&change->space->npt, change->prot, area->type))
			return -EOPNOTSUPP;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		if (area->prot == change->prot)
			continue;
		if (!found)
			change->first = max(first, area->first);
		change->last = min(last, area->last);
		change->code |= change->prot & ~area->prot & AXAS_PROT_EXEC;
		found = 1;
	}
	return found;
}

/* An area for each that changes. 0, -ENOMEM or -EINTR. */
static int make_fresh(struct change *change)
{
	MA_STATE(mas, &change->space->areas, axas_page_nr(change->first),
		 axas_page_nr(change->first));
	struct axas_area *old, *area;

	mas_for_each(&mas, old, axas_page_nr(change->last)) {
		if (old->prot == change->prot)
			continue;
		area = axas_area_copy(change->space, old, old->first, change->prot);
		if (IS_ERR(area))
			return PTR_ERR(area);
		list_add_tail(&area->node, &change->fresh);
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/* They take their places, and become one with neighbours that are alike. */
static void publish_fresh(struct change *change, struct list_head *gone)
{
	struct axas_space *space = change->space;
	struct axas_area *area, *next;

	list_for_each_entry_safe(area, next, &change->fresh, node) {
		u64 last = area->last;

		list_del(&area->node);
		axas_area_replace(space, area, gone);
		axas_areas_join(space, area->first, gone);
		if (last != range_last(space))
			axas_areas_join(space, last + 1, gone);
		cond_resched();
	}
}

/* The leaves follow. */
static void protect_leaves(struct change *change, const struct ends *ends)
{
	const struct axas_hal *hal = change->space->npt.hal;
	struct removal removal __uninitialized;
	struct axas_npt_job job = {
		.begin = change->first, .first = change->first, .last = change->last,
		.prot = change->prot,
	};

	removal_init(&removal, change->space, false);
	piece_begin(&removal, change->first);
	/*
	 * What the host wrote while nobody could execute it: who writes from here on finds the
	 * new area. See struct axas_hal, @fence.
	 */
	if (change->code && hal->fence)
		hal->fence(hal);
	split_leaves(change->space, change->first, change->last, ends);
	do_job(&removal, &job, axas_npt_protect);
	piece_end(&removal, change->last);
	removal_end(&removal);
}

/*
 * Where no leaf may be large with this protection, there are tables for all that are, and no
 * new ones come until they are split.
 */
static int reserve_for_small(struct change *change)
{
	struct axas_npt *npt = &change->space->npt;
	u64 tables;
	int err;

	if (axas_npt_max_level(npt, change->prot))
		return 0;
	WRITE_ONCE(change->space->no_huge, true);
	axas_bar_begin(change->space);
	axas_bar_end(change->space);
	err = axas_npt_count_split_all(npt, change->first, change->last, &tables);
	return err ?: axas_npt_get_spares(npt, &npt->reserve, npt->reserve.nr + tables, true);
}

static int protect(struct change *change)
{
	struct axas_space *space = change->space;
	int err = find_change(change);
	struct ends ends;
	LIST_HEAD(gone);

	if (err <= 0)
		return err;
	err = isolate(space, change->first, change->last, &ends);
	if (err)
		return err;
	err = reserve_for_small(change) ?: make_fresh(change);
	if (err) {
		uncut(space, change->first, change->last, &ends);
		axas_areas_free(&change->fresh);
	} else {
		publish_fresh(change, &gone);
		protect_leaves(change, &ends);
		axas_areas_free(&gone);
	}
	axas_npt_put_spares(&space->npt, &space->npt.reserve);
	WRITE_ONCE(space->no_huge, false);
	return err;
}

int axas_space_protect(struct axas_space *space, struct axas_gpa_range range, u32 prot)
{
	struct change change = {
		.space = space,
		.first = range.start.val,
		.last = axas_gpa_range_last(range).val,
		.prot = prot,
		.fresh = LIST_HEAD_INIT(change.fresh),
	};
	int err;

	if (!axas_space_range_ok(space, range) || prot & ~AXAS_PROT_MASK)
		return -EINVAL;
	if (mutex_lock_killable(&space->changing))
		return -EINTR;
	err = protect(&change);
	mutex_unlock(&space->changing);
	return err;
}
EXPORT_SYMBOL_AXAS(axas_space_protect);

/* An area, as far as it lies in a range; between two pieces a fatal signal ends it. */
static int collapse_area(struct removal *removal, struct axas_npt_job *job)
{
	while (!job->done) {
		u64 nr = job->nr;

		if (fatal_signal_pending(current))
			return -EINTR;
		piece_begin(removal, job->first);
		job->budget = removal->budget;
		axas_npt_collapse(&removal->space->npt, job);
		/* A leaf may have come for a table that an earlier piece began with. */
		if (job->nr != nr)
			removal->first = job->begin;
		piece_end(removal, job->done ? job->last : job->first - 1);
	}
	return 0;
}

static int collapse(struct axas_space *space, u64 first, u64 last, u64 *collapsed)
{
	MA_STATE(mas, &space->areas, axas_page_nr(first), axas_page_nr(first));
	struct removal removal __uninitialized;
	struct axas_area *area;
	int err = 0;

	removal_init(&removal, space, true);
	mas_for_each(&mas, area, axas_page_nr(last)) {
		struct axas_npt_job job = {
			.begin = max(first, area->first), .first = max(first, area->first),
			.last = min(last, area->last), .gather = &removal.gather,
		};

		/* Fewer bytes than a leaf of 2 MiB become none. */
		if (area->flags & AXAS_MAP_HUGE_NEVER ||
		    job.last - job.first < axas_npt_leaf_size(1) - 1)
			continue;
		err = collapse_area(&removal, &job);
		*collapsed += job.nr;
		if (err)
			break;
	}
	removal_end(&removal);
	return err;
}

int axas_space_collapse(struct axas_space *space, struct axas_gpa_range range, u64 *collapsed)
{
	int err;

	*collapsed = 0;
	if (!axas_space_range_ok(space, range))
		return -EINVAL;
	if (mutex_lock_killable(&space->changing))
		return -EINTR;
	err = collapse(space, range.start.val, axas_gpa_range_last(range).val, collapsed);
	mutex_unlock(&space->changing);
	return err;
}
EXPORT_SYMBOL_AXAS(axas_space_collapse);
