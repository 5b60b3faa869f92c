// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations that change areas: map, unmap, protect, set policy, collapse. Calls axas_space_fault.c
 * (populate), axas_space_aside.c, axas_image.c, axas_removal.c, axas_area.c, axas_backend.c,
 * axas_registry.c, axas_npt.c and the formats. Locks: each operation holds space->changing
 * throughout, and takes the bar for one bounded piece of work at a time; see axas_area.h.
 */
#include <linux/err.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "axas_compat.h"
#include "axas_keep.h"
#include "axas_registry.h"
#include "axas_removal.h"
#include "axas_trace.h"

#define HUGE_FLAGS	(AXAS_MAP_HUGE_ALWAYS | AXAS_MAP_HUGE_NEVER)

/* Ranges that unmap removes from the area tree at once. */
#define BATCH		32

/**
 * struct stretch - part of an area that is removed
 * @area: the area
 * @first: first byte of the part
 * @last: last byte
 */
struct stretch {
	const struct axas_area *area;
	u64 first;
	u64 last;
};

/*
 * What is aside first: between two pieces, a fault in another area may take a region back, from
 * there to below the root, and none goes the other way.
 */
static void unmap_leaves(struct axas_removal *removal, const struct stretch *stretch)
{
	struct axas_npt_job job;

	if (unlikely(removal->space->npt.aside)) {
		job = axas_removal_job(removal, stretch->area, stretch->first, stretch->last);
		job.aside = true;
		axas_removal_do(removal, &job, axas_npt_unmap);
	}
	job = axas_removal_job(removal, stretch->area, stretch->first, stretch->last);
	axas_removal_do(removal, &job, axas_npt_unmap);
}

/*
 * Number of tables that splitting at @at may need, where an area reaches across @at: those for the
 * leaf across it or, if there is none yet, one for a 2 MiB leaf that a fault may still install.
 * Leaves never exceed their area. @cursor: a cached level 0 table, where no split is needed.
 */
static u64 tables_for_split(struct axas_space *space, u64 at, struct axas_npt_cursor *cursor)
{
	const struct axas_npt *npt = &space->npt;
	struct axas_npt_pos pos;

	if (axas_npt_cursor_at(cursor, at))
		return 0;
	axas_npt_walk(npt, cursor, at, &pos);
	if (!pos.level)
		return 0;
	switch (axas_npt_kind(npt, &pos)) {
	case AXAS_PT_EMPTY:
		return !!(at & (axas_npt_leaf_size(1) - 1));
	default:
		return axas_npt_count_split_at(npt, at);
	}
}

static u64 range_last(const struct axas_space *space)
{
	return axas_gpa_range_last(space->range).val;
}

/**
 * struct end - one end of a range that changes
 * @at: lower end: first byte of the range; upper end: first byte beyond it
 * @across: the area that reaches across @at, or NULL
 * @cut: @across was cut in two areas
 * @split: spare tables are reserved for a leaf that reaches across @at
 */
struct end {
	u64 at;
	const struct axas_area *across;
	bool cut;
	bool split;
};

/*
 * Split the leaf across an end. Without @split there is no leaf to split: one that reaches across
 * two areas can only have been installed after protect joined them, with their common protection.
 */
static void split_leaves(struct axas_space *space, const struct end *end)
{
	if (end->split)
		axas_npt_split_at(&space->npt, end->at);
}

/* Undo isolate(). After a bar no reader uses the upper areas any more. */
static void unisolate(struct axas_space *space, const struct end *lower, const struct end *upper)
{
	LIST_HEAD(gone);

	if (lower->cut)
		axas_area_uncut(space, lower->at, &gone);
	if (upper->cut)
		axas_area_uncut(space, upper->at, &gone);
	if (!list_empty(&gone)) {
		axas_bar_begin(space);
		axas_bar_end(space);
	}
	axas_areas_free(space, &gone);
}

static int cut(struct axas_space *space, struct end *end)
{
	int err;

	if (!end->across || !axas_area_is_linear(end->across))
		return 0;
	err = axas_area_cut(space, end->at);
	end->cut = !err;
	return err;
}

/* A leaf across an end can only be split where hardware walks it. */
static int take_back_end(struct axas_space *space, const struct end *end)
{
	return end->across ? axas_space_take_back_all(space, end->at, end->at) : 0;
}

/*
 * Prepare the ends of a range so that either side can change alone: reserve tables to split the
 * leaves across the ends, and cut linear areas. Return 0, -ENOMEM or -EINTR, with nothing changed.
 */
static int isolate(struct axas_space *space, struct end *lower, struct end *upper)
{
	struct axas_npt_cursor cursor = { .region = AXAS_NPT_NO_REGION };
	u64 first, last;
	int err;

	err = take_back_end(space, lower) ?: take_back_end(space, upper);
	if (err)
		return err;
	first = lower->across ? tables_for_split(space, lower->at, &cursor) : 0;
	last = upper->across ? tables_for_split(space, upper->at, &cursor) : 0;
	lower->split = first;
	upper->split = last;
	err = axas_npt_get_spares(&space->npt, &space->npt.reserve, first + last, false);
	if (!err)
		err = cut(space, upper) ?: cut(space, lower);
	if (!err)
		return 0;
	unisolate(space, lower, upper);
	axas_npt_put_spares(&space->npt, &space->npt.reserve);
	return err;
}

/**
 * struct batch - ranges that leave the area tree together
 * @first: first byte of all
 * @last: last byte of all
 * @nr: number of ranges
 * @more: the unmapped range has further areas
 * @stretches: the ranges
 */
struct batch {
	u64 first;
	u64 last;
	unsigned int nr;
	bool more;
	struct stretch stretches[BATCH];
};

/*
 * Collect the next batch of [first, last], beginning with @area, whose range is in @mas, and set
 * the areas that reach across its ends.
 */
static void find_batch(struct batch *batch, struct end *lower, struct end *upper, u64 first,
		       u64 last, struct ma_state *mas, struct axas_area *area)
{
	batch->first = first;
	batch->last = last;
	batch->nr = 0;
	batch->more = false;
	for (; area; area = axas_area_next(mas, last)) {
		u64 from = axas_page_first(mas->index), to = axas_page_last(mas->last);

		if (from < first)
			lower->across = area;
		upper->across = to > last ? area : NULL;
		batch->stretches[batch->nr++] = (struct stretch){
			area, max(first, from), min(last, to)
		};
		if (batch->nr == BATCH && to < last) {
			batch->more = true;
			batch->last = to;
			return;
		}
	}
}

static void erase(struct axas_space *space, const struct stretch *stretch,
		  struct list_head *gone)
{
	axas_areas_replace(space, stretch->first, stretch->last, NULL, gone);
}

/*
 * Remove a batch from the area tree. If two adjacent ranges go and one of them only in part, a
 * single store would modify the node in place (mas_wr_slot_store()): it moves their common pivot,
 * and a reader could see the new pivot with the old slot. Two stores avoid that: removing the
 * part first adds a range to the node, removing the whole one then takes one away.
 */
static void erase_batch(struct axas_space *space, const struct batch *batch,
			const struct end *lower, struct list_head *gone)
{
	bool first = !lower->across || lower->cut;

	if (batch->nr == 2) {
		erase(space, &batch->stretches[first], gone);
		erase(space, &batch->stretches[!first], gone);
	} else {
		axas_areas_replace(space, batch->first, batch->last, NULL, gone);
	}
}

/*
 * Remove areas from the tree, then their leaves from the table, batch by batch. @batch is the first
 * one; the ends of the range are isolated.
 */
static void remove_range(struct axas_space *space, struct batch *batch, struct end *lower,
			 struct end *upper, u64 last)
{
	MA_STATE(mas, &space->areas->tree, 0, 0);
	struct axas_removal removal __uninitialized;
	struct end none = {};
	LIST_HEAD(gone);
	unsigned int i;
	u64 first;

	axas_removal_init(&removal, space, last - batch->first >= AXAS_REMOVAL_FEW);
	for (;;) {
		erase_batch(space, batch, lower, &gone);
		axas_piece_begin(&removal, batch->first);
		split_leaves(space, lower);
		if (!batch->more)
			split_leaves(space, upper);
		for (i = 0; i < batch->nr; i++)
			unmap_leaves(&removal, &batch->stretches[i]);
		axas_piece_end(&removal, batch->last);
		axas_areas_free(space, &gone);
		if (!batch->more)
			break;
		lower = &none;
		first = batch->last + 1;
		mas_set(&mas, axas_page_nr(first));
		find_batch(batch, &none, &(struct end){}, first, last, &mas,
			   axas_area_start(&mas, last));
	}
	axas_removal_end(&removal);
	axas_npt_put_spares(&space->npt, &space->npt.reserve);
}

/* The area that reaches across @at, which may be one beyond the end of the space; or NULL. */
static const struct axas_area *area_across(struct axas_space *space, u64 at)
{
	struct axas_cpu found = axas_nothing_found();

	if (!at || at > range_last(space) || !axas_area_look_up(space, &found, at))
		return NULL;
	return found.first < at ? found.area : NULL;
}

/* Unmap, from the first area on; @mas has its range. Out of line: it has the large frame. */
static noinline int unmap_from(struct axas_space *space, u64 first, u64 last,
			       struct ma_state *mas, struct axas_area *area)
{
	struct end lower = { .at = first }, upper = { .at = last + 1 };
	struct batch batch __uninitialized;
	int err = 0;

	find_batch(&batch, &lower, &upper, first, last, mas, area);
	if (batch.more)
		upper.across = area_across(space, last + 1);
	/* A hole within one range makes it two. (A linear area is cut: each half is charged.) */
	if (batch.nr == 1 && lower.across && upper.across && !axas_area_is_linear(lower.across))
		err = axas_token_need(space);
	if (!err)
		err = isolate(space, &lower, &upper);
	if (!err)
		remove_range(space, &batch, &lower, &upper, last);
	axas_space_drop_image(space);
	return err;
}

static int unmap(struct axas_space *space, u64 first, u64 last)
{
	MA_STATE(mas, NULL, axas_page_nr(first), axas_page_nr(first));
	int err;

	if (!axas_area_any(space, first, last))
		return 0;
	err = axas_areas_own(space);
	if (err)
		return err;
	mas.tree = &space->areas->tree;
	err = unmap_from(space, first, last, &mas, axas_area_start(&mas, last));
	if (!err)
		axas_space_end_log(space);
	return err;
}

/* Remove all areas of a set that others have, too: the set stays as it is. */
static void remove_shared(struct axas_space *space)
{
	struct axas_areas *old = space->areas, *none = axas_areas_new_empty();
	struct axas_removal removal __uninitialized;
	/* All of them are of an image. */
	struct axas_npt_job job = {
		.begin = space->range.start.val, .first = space->range.start.val,
		.last = range_last(space), .owner = &space->own, .gather = &removal.gather,
	};

	axas_removal_init(&removal, space, true);
	axas_piece_begin(&removal, job.first);
	WRITE_ONCE(space->areas, none);
	axas_removal_do(&removal, &job, axas_npt_unmap);
	axas_piece_end(&removal, job.last);
	axas_removal_end(&removal);
	axas_areas_put(old);
	axas_space_drop_image(space);
}

int axas_space_unmap(struct axas_space *space, struct axas_gpa_range range)
{
	u64 start = axas_trace_start(trace_axas_unmap_enabled());
	int err;

	if (!axas_space_range_ok(space, range))
		return -EINVAL;
	mutex_lock(&space->changing);
	err = unmap(space, range.start.val, axas_gpa_range_last(range).val);
	trace_axas_unmap(space, &range, err, start);
	mutex_unlock(&space->changing);
	return err;
}
EXPORT_SYMBOL_AXAS(axas_space_unmap);

/* Cannot fail: no area reaches across the ends of a space. */
void axas_space_remove_all(struct axas_space *space)
{
	mutex_lock(&space->changing);
	if (refcount_read(&space->areas->users) > 1)
		remove_shared(space);
	else
		unmap(space, space->range.start.val, range_last(space));
	axas_space_end_log(space);
	mutex_unlock(&space->changing);
}

void axas_space_clear(struct axas_space *space)
{
	u64 start = axas_trace_start(trace_axas_unmap_enabled());

	axas_space_remove_all(space);
	trace_axas_unmap(space, &space->range, 0, start);
}
EXPORT_SYMBOL_AXAS(axas_space_clear);

int axas_space_check_attrs(const struct axas_space *space, u32 prot, u32 type)
{
	if (prot & ~AXAS_PROT_MASK || type > AXAS_TYPE_UNCACHED)
		return -EINVAL;
	return axas_npt_can(&space->npt, prot, type) ? 0 : -EOPNOTSUPP;
}

/*
 * Make the leaves of a linear area before it is inserted: faults fill no entries where there is no
 * area, and lookups that find a linear area must find its leaves.
 */
static int map_linear_leaves(struct axas_space *space, const struct axas_area *area, u64 first,
			     u64 last)
{
	struct axas_npt_range range = {
		.first = first,
		.last = last,
		.hpa = first + area->backend.offset,
		.prot = area->prot,
		.type = area->type,
		.max_level = AXAS_NPT_MAX_LEVELS,
	};

	if (axas_area_any(space, first, last))
		return -EEXIST;
	return axas_npt_map(&space->npt, &range);
}

/* Remove the leaves of a map that failed; its area is not in the tree any more. */
static void undo_leaves(struct axas_space *space, const struct axas_area *area, u64 first,
			u64 last)
{
	struct axas_removal removal __uninitialized;

	axas_removal_init(&removal, space, true);
	axas_piece_begin(&removal, first);
	unmap_leaves(&removal, &(struct stretch){ area, first, last });
	axas_piece_end(&removal, last);
	axas_removal_end(&removal);
}

/* Insert a new area and make its leaves, all or nothing. */
static int map_area(struct axas_space *space, struct axas_area *area, u64 first, u64 last,
		    bool populate)
{
	bool linear = axas_area_is_linear(area);
	LIST_HEAD(gone);
	u64 done;
	int err;

	if (axas_area_is_missing(area)) {
		/* Supply and discard make markers. */
		WRITE_ONCE(space->npt.marked, true);
		space->missing.used = true;
	}
	err = axas_areas_own(space);
	if (err)
		return err;
	if (linear)
		err = axas_space_take_back_all(space, first, last) ?:
		      map_linear_leaves(space, area, first, last);
	else
		err = 0;
	if (err == -EEXIST)
		return err;
	if (!err)
		err = axas_area_insert(space, first, last, area);
	if (!err && populate) {
		err = axas_space_fill(space, first, last, !(area->flags & AXAS_MAP_HUGE_NEVER),
				      &done);
		if (err)
			axas_areas_replace(space, first, last, NULL, &gone);
	}
	if (err && (linear || populate) && err != -EEXIST)
		undo_leaves(space, area, first, last);
	return err;
}

int axas_space_map_area(struct axas_space *space, struct axas_gpa_range range,
			struct axas_area *area, bool populate)
{
	int err;

	if (IS_ERR(area))
		return PTR_ERR(area);
	err = mutex_lock_killable(&space->changing);
	if (!err) {
		err = map_area(space, area, range.start.val, axas_gpa_range_last(range).val,
			       populate);
		trace_axas_map(space, &range, area, err);
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

/* Whether a byte of the range is System RAM, which the kernel maps as normal memory. */
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
	err = axas_space_check_attrs(space, prot, type);
	if (!err && type != AXAS_TYPE_NORMAL && hpa_is_ram(space, hpa, range.size))
		err = -EOPNOTSUPP;
	if (err)
		return err;
	return axas_space_map_area(space, range,
				   axas_area_new(space, range, prot, type, 0,
						 axas_linear(range.start.val, hpa)), false);
}
EXPORT_SYMBOL_AXAS(axas_space_map_linear);

bool axas_space_policy_ok(u32 flags)
{
	return !(flags & ~AXAS_MAP_POLICY) && (flags & HUGE_FLAGS) != HUGE_FLAGS &&
	       (flags & AXAS_MAP_AROUND_MASK) <= AXAS_MAP_AROUND(AXAS_NPT_LEVEL_BITS);
}

int axas_space_map_alloc(struct axas_space *space, struct axas_gpa_range range,
			 u32 prot, u32 type, u32 flags)
{
	const struct axas_hal *hal = space->npt.hal;
	struct axas_backend backend = flags & AXAS_MAP_HUGE_WHOLE ? axas_alloc_whole(hal) :
								    axas_alloc(hal);
	int err;

	if (!axas_space_range_ok(space, range) || flags & ~AXAS_MAP_FLAGS ||
	    (flags & AXAS_MAP_HUGE_WHOLE && flags & AXAS_MAP_HUGE_NEVER) ||
	    (flags & AXAS_MAP_MISSING && flags & AXAS_MAP_POPULATE) ||
	    (flags & AXAS_MAP_MISSING_FAIL && !(flags & AXAS_MAP_MISSING)) ||
	    !axas_space_policy_ok(flags & AXAS_MAP_POLICY))
		return -EINVAL;
	err = axas_space_check_attrs(space, prot, type);
	/*
	 * The host zeroes frames, and accesses them, through its caches. A guest that bypasses
	 * the caches would read what the frame held before.
	 */
	if (!err && type != AXAS_TYPE_NORMAL)
		err = -EOPNOTSUPP;
	if (err)
		return err;
	return axas_space_map_area(space, range,
				   axas_area_new(space, range, prot, type,
						 flags & ~AXAS_MAP_POPULATE, backend),
				   flags & AXAS_MAP_POPULATE);
}
EXPORT_SYMBOL_AXAS(axas_space_map_alloc);

/* Not AXAS_MAP_POPULATE: a registered backend supplies frames without any lock held. */
int axas_space_map_backend(struct axas_space *space, struct axas_gpa_range range,
			   struct axas_backend_object *object, u64 offset, u32 prot, u32 type,
			   u32 flags)
{
	struct axas_backend backend = axas_registry_backend(object, offset - range.start.val);
	u64 last;
	int err;

	if (!axas_space_range_ok(space, range) || offset & (AXAS_FRAME_SIZE - 1) ||
	    check_add_overflow(offset, range.size - 1, &last) ||
	    flags & ~AXAS_MAP_POLICY || !axas_space_policy_ok(flags))
		return -EINVAL;
	err = axas_space_check_attrs(space, prot, type);
	if (!err && !axas_registry_may_have_type(object, type))
		err = -EOPNOTSUPP;
	if (err)
		return err;
	return axas_space_map_area(space, range,
				   axas_area_new(space, range, prot, type, flags, backend), false);
}
EXPORT_SYMBOL_AXAS(axas_space_map_backend);

/* What changes: the protection, with the leaves; the policy; AXAS_AREA_LOGGED. */
enum change_kind {
	CHANGE_PROT,
	CHANGE_POLICY,
	CHANGE_LOG,
};

int axas_space_map_lent(struct axas_space *space, struct axas_gpa_range range, u32 prot,
			u32 flags, struct axas_backend backend)
{
	int err;

	if (!axas_space_range_ok(space, range) ||
	    flags & ~(AXAS_MAP_POPULATE | AXAS_MAP_AROUND_MASK) ||
	    !axas_space_policy_ok(flags & AXAS_MAP_POLICY))
		return -EINVAL;
	err = axas_space_check_attrs(space, prot, AXAS_TYPE_NORMAL);
	if (err)
		return err;
	/* Seen by all that change leaves: they hold the mutex after axas_space_map_area(). */
	axas_npt_mark(&space->npt);
	return axas_space_map_area(space, range,
				   axas_area_new(space, range, prot, AXAS_TYPE_NORMAL,
						 flags & ~AXAS_MAP_POPULATE, backend),
				   flags & AXAS_MAP_POPULATE);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_space_map_lent);

/**
 * struct change - a change of areas
 * @space: the space
 * @end: last byte of the range that the caller asked for
 * @first: first byte that changes
 * @last: last byte that changes
 * @found: there is something to change
 * @lower: the end at @first
 * @upper: the end at @last + 1
 * @kind: what changes
 * @prot: CHANGE_PROT: the new protection
 * @flags: the new policy; or AXAS_AREA_LOGGED, or 0
 * @code: some memory becomes executable
 * @fresh: new areas, in the order of the areas that they replace
 * @used: new areas that publish() is past
 */
struct change {
	struct axas_space *space;
	u64 end;
	u64 first;
	u64 last;
	bool found;
	struct end lower;
	struct end upper;
	enum change_kind kind;
	u32 prot;
	u32 flags;
	bool code;
	struct list_head fresh;
	struct list_head used;
};

/* The flags that an area gets: AXAS_MAP_HUGE_WHOLE goes with its backend, not with its policy. */
static u32 new_flags(const struct change *change, const struct axas_area *area)
{
	switch (change->kind) {
	case CHANGE_POLICY:
		return change->flags | (area->flags & ~AXAS_MAP_POLICY);
	case CHANGE_LOG:
		return change->flags | (area->flags & ~AXAS_AREA_LOGGED);
	default:
		return area->flags;
	}
}

static u32 new_prot(const struct change *change, const struct axas_area *area)
{
	return change->kind == CHANGE_PROT ? change->prot : area->prot;
}

/*
 * Whether an area stays as it is. Linear areas have no policy: can_change() refuses them. Device
 * registers are not logged.
 */
static bool stays(const struct change *change, const struct axas_area *area)
{
	switch (change->kind) {
	case CHANGE_POLICY:
		return area->flags == new_flags(change, area) && !axas_area_is_linear(area);
	case CHANGE_LOG:
		return area->flags == new_flags(change, area) || area->type != AXAS_TYPE_NORMAL;
	default:
		return area->prot == change->prot;
	}
}

/* Whether @other is what @area becomes, its range aside. */
static bool becomes(const struct change *change, const struct axas_area *area,
		    const struct axas_area *other)
{
	return other->prot == new_prot(change, area) &&
	       other->flags == new_flags(change, area) &&
	       axas_area_like(other, area);
}

static int check_change(const struct change *change, const struct axas_area *area)
{
	const struct axas_backend *backend = &area->backend;
	bool can;

	if (change->kind == CHANGE_PROT && backend->ops->may_have &&
	    !backend->ops->may_have(backend, change->prot))
		return -EACCES;
	if (change->kind == CHANGE_POLICY)
		can = !axas_area_is_linear(area);
	else
		can = axas_npt_can(&change->space->npt, new_prot(change, area), area->type);
	return can ? 0 : -EOPNOTSUPP;
}

/* Extend the change by an area with range [from, to]. */
static void note_change(struct change *change, const struct axas_area *area, u64 from, u64 to)
{
	if (!change->found) {
		change->lower.across = from < change->first ? area : NULL;
		change->first = max(change->first, from);
		change->found = true;
	}
	change->upper.across = to > change->end ? area : NULL;
	change->last = min(change->end, to);
	change->code |= !!(new_prot(change, area) & ~area->prot & AXAS_PROT_EXEC);
}

/*
 * Narrow the change to areas that do not stay as they are, beginning with @area, whose range is in
 * @mas. Return 0; -EOPNOTSUPP if an area cannot change: the format cannot encode the protection
 * with its memory type, or it has no policy; -EACCES if its backend forbids it; -EINTR.
 */
static int find_change(struct change *change, struct ma_state *mas, struct axas_area *area)
{
	int err;

	for (; area; area = axas_area_next(mas, change->end)) {
		if (!stays(change, area)) {
			err = check_change(change, area);
			if (err)
				return err;
			note_change(change, area, axas_page_first(mas->index),
				    axas_page_last(mas->last));
		}
		if (mas->last >= axas_page_nr(change->end))
			break;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	change->lower.at = change->first;
	change->upper.at = change->last + 1;
	return 0;
}

/* The area at @at, if it is what @area becomes, so that both can be one. @found: its range. */
static struct axas_area *alike_at(struct change *change, u64 at, const struct axas_area *area,
				  struct axas_cpu *found)
{
	const struct axas_area *other = axas_area_look_up(change->space, found, at);

	if (!other || !becomes(change, area, other))
		return NULL;
	return (struct axas_area *)other;
}

/* Such an area right below @from, or right above @to, unless an area reaches across that end. */
static struct axas_area *alike_below(struct change *change, u64 from, const struct axas_area *area,
				     struct axas_cpu *found)
{
	if (from == change->space->range.start.val ||
	    (from == change->first && change->lower.across))
		return NULL;
	return alike_at(change, from - 1, area, found);
}

static struct axas_area *alike_above(struct change *change, u64 to, const struct axas_area *area,
				     struct axas_cpu *found)
{
	if (to == range_last(change->space) || (to == change->last && change->upper.across))
		return NULL;
	return alike_at(change, to + 1, area, found);
}

/* Whether a new area can also replace @area. A linear one cannot: it has one claim, one range. */
static bool serves(const struct change *change, const struct axas_area *fresh,
		   const struct axas_area *area)
{
	return becomes(change, area, fresh) && !(axas_area_is_linear(fresh) && fresh->ranges);
}

/* Allocate the new areas, but for ranges that join a neighbour. Return 0, -ENOMEM or -EINTR. */
static int make_fresh(struct change *change)
{
	MA_STATE(mas, &change->space->areas->tree, axas_page_nr(change->first),
		 axas_page_nr(change->first));
	struct axas_area *old, *area = NULL;
	struct axas_cpu found;

	for (old = axas_area_start(&mas, change->last); old;
	     old = axas_area_next(&mas, change->last)) {
		u64 from = max(change->first, axas_page_first(mas.index));
		u64 to = min(change->last, axas_page_last(mas.last));

		if (stays(change, old) ||
		    (area && !axas_area_is_linear(old) && becomes(change, old, area)) ||
		    alike_below(change, from, old, &found) || alike_above(change, to, old, &found))
			continue;
		area = axas_area_copy(change->space, old, from, to, new_prot(change, old),
				      new_flags(change, old));
		if (IS_ERR(area))
			return PTR_ERR(area);
		list_add_tail(&area->node, &change->fresh);
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/* The new area that replaces @old; make_fresh() has made one, in this order. */
static struct axas_area *take_fresh(struct change *change, const struct axas_area *old)
{
	struct axas_area *area;

	for (;;) {
		area = list_first_entry(&change->fresh, struct axas_area, node);
		if (serves(change, area, old))
			return area;
		list_move_tail(&area->node, &change->used);
	}
}

static void end_fresh(struct change *change)
{
	struct axas_area *area, *next;

	list_splice_init(&change->fresh, &change->used);
	list_for_each_entry_safe(area, next, &change->used, node) {
		list_del(&area->node);
		if (!area->ranges)
			axas_area_free(area);
	}
}

/* Replace the area of one range, and join it with neighbours that are alike. */
static void publish_one(struct change *change, const struct axas_area *old, u64 from, u64 to,
			struct list_head *gone)
{
	struct axas_cpu lower, upper;
	struct axas_area *below = alike_below(change, from, old, &lower);
	struct axas_area *above = alike_above(change, to, old, &upper);

	axas_areas_replace(change->space, below ? lower.first : from, above ? upper.last : to,
			   below ?: above ?: take_fresh(change, old), gone);
}

static void publish(struct change *change, struct list_head *gone)
{
	u64 at = change->first, to;
	struct axas_area *old;

	for (;; at = to + 1) {
		MA_STATE(mas, &change->space->areas->tree, axas_page_nr(at), axas_page_nr(at));

		old = axas_area_start(&mas, change->last);
		to = min(change->last, axas_page_last(mas.last));
		if (old && !stays(change, old))
			publish_one(change, old, max(at, axas_page_first(mas.index)), to, gone);
		if (!old || to == change->last)
			return;
		cond_resched();
	}
}

/* Give the leaves of a range that is logged alike a protection. */
static void protect_leaves(struct axas_removal *removal, u64 first, u64 last, u32 prot,
			   bool logged)
{
	struct axas_npt_job job = {
		.begin = first, .first = first, .last = last, .prot = prot, .logged = logged,
	};

	axas_removal_do(removal, &job, axas_npt_protect);
}

/* Give the leaves of a range what their areas say. */
static void fit_leaves(struct axas_removal *removal, u64 first, u64 last)
{
	MA_STATE(mas, &removal->space->areas->tree, axas_page_nr(first), axas_page_nr(first));
	const struct axas_area *area;

	for (area = axas_area_start(&mas, last); area; area = axas_area_next(&mas, last))
		protect_leaves(removal, max(first, axas_page_first(mas.index)),
			       min(last, axas_page_last(mas.last)), area->prot,
			       area->flags & AXAS_AREA_LOGGED);
}

void axas_space_fit_leaves(struct axas_space *space, u64 first, u64 last)
{
	struct axas_removal removal __uninitialized;

	axas_removal_init(&removal, space, false);
	axas_piece_begin(&removal, first);
	fit_leaves(&removal, first, last);
	axas_piece_end(&removal, last);
	axas_removal_end(&removal);
}

static bool any_logged(struct axas_space *space)
{
	MA_STATE(mas, &space->areas->tree, 0, 0);
	const struct axas_area *area;

	mas_set(&mas, axas_page_nr(space->range.start.val));
	for (area = axas_area_start(&mas, range_last(space)); area;
	     area = axas_area_next(&mas, range_last(space))) {
		if (area->flags & AXAS_AREA_LOGGED)
			return true;
		cond_resched();
	}
	return false;
}

bool axas_space_is_logged(struct axas_space *space)
{
	/* Nearly always known without a look at the areas. */
	return (space->npt.aside || space->log_last) && any_logged(space);
}

bool axas_space_end_log(struct axas_space *space)
{
	u64 first = space->log_first, last = space->log_last;

	if ((!space->npt.aside && !last) || any_logged(space))
		return false;
	if (space->npt.aside)
		axas_space_end_aside(space);
	space->log_last = 0;
	if (last)
		axas_space_fit_leaves(space, first, last);
	return true;
}

/* Change the leaves, after the areas; for a policy or a log split those across the ends only. */
static void change_leaves(struct change *change)
{
	const struct axas_hal *hal = change->space->npt.hal;
	struct axas_removal removal __uninitialized;

	axas_removal_init(&removal, change->space, false);
	axas_piece_begin(&removal, change->first);
	/*
	 * Covers host writes made while the memory was not executable. Later writers find the
	 * new area and run the fence themselves. See struct axas_hal, @fence.
	 */
	if (change->code && hal->fence)
		hal->fence(hal);
	split_leaves(change->space, &change->lower);
	split_leaves(change->space, &change->upper);
	if (change->kind == CHANGE_PROT && likely(!READ_ONCE(change->space->npt.marked)))
		protect_leaves(&removal, change->first, change->last, change->prot, false);
	else if (change->kind == CHANGE_PROT)
		fit_leaves(&removal, change->first, change->last);
	axas_piece_end(&removal, change->last);
	axas_removal_end(&removal);
}

/*
 * If the new protection forbids large leaves, reserve tables to split all of them, and keep faults
 * from installing more until that is done.
 */
static int reserve_for_small(struct change *change)
{
	struct axas_npt *npt = &change->space->npt;
	u64 tables;
	int err;

	if (change->kind != CHANGE_PROT || axas_npt_max_level(npt, change->prot))
		return 0;
	WRITE_ONCE(change->space->no_huge, true);
	axas_bar_begin(change->space);
	axas_bar_end(change->space);
	err = axas_npt_count_split_all(npt, change->first, change->last, &tables);
	return err ?: axas_npt_get_spares(npt, &npt->reserve, npt->reserve.nr + tables, true);
}

static int change_range(struct change *change)
{
	struct axas_space *space = change->space;
	LIST_HEAD(gone);
	int err;

	err = change->kind == CHANGE_LOG ? 0 :
	      axas_space_take_back_all(space, change->first, change->last);
	if (err)
		return err;
	/* No token needed: up to two more ranges come with at least one new area. */
	err = isolate(space, &change->lower, &change->upper);
	if (err)
		return err;
	err = reserve_for_small(change) ?: make_fresh(change);
	if (err) {
		unisolate(space, &change->lower, &change->upper);
	} else {
		publish(change, &gone);
		change_leaves(change);
		axas_areas_free(space, &gone);
	}
	end_fresh(change);
	axas_npt_put_spares(&space->npt, &space->npt.reserve);
	WRITE_ONCE(space->no_huge, false);
	return err;
}

/* Change areas from @area on, whose range is in @mas. */
static int change_areas(struct change *change, struct ma_state *mas, struct axas_area *area)
{
	int err;

	INIT_LIST_HEAD(&change->fresh);
	INIT_LIST_HEAD(&change->used);
	err = find_change(change, mas, area);
	return err || !change->found ? err : change_range(change);
}

/* Protect, from the first area on whose protection differs; @mas has its range. */
static noinline int protect_from(struct axas_space *space, u64 first, u64 last, u32 prot,
				 struct ma_state *mas, struct axas_area *area)
{
	struct change change = { .space = space, .first = first, .end = last, .prot = prot };

	return change_areas(&change, mas, area);
}

static int protect(struct axas_space *space, u64 first, u64 last, u32 prot)
{
	MA_STATE(mas, NULL, axas_page_nr(first), axas_page_nr(first));
	struct axas_area *area;
	int err = axas_areas_own(space);

	if (err)
		return err;
	mas.tree = &space->areas->tree;
	area = axas_area_start(&mas, last);
	while (area && area->prot == prot) {
		if (mas.last >= axas_page_nr(last))
			return 0;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		area = axas_area_next(&mas, last);
	}
	return area ? protect_from(space, first, last, prot, &mas, area) : 0;
}

int axas_space_protect(struct axas_space *space, struct axas_gpa_range range, u32 prot)
{
	u64 start = axas_trace_start(trace_axas_protect_enabled());
	int err;

	if (!axas_space_range_ok(space, range) || prot & ~AXAS_PROT_MASK)
		return -EINVAL;
	if (mutex_lock_killable(&space->changing))
		return -EINTR;
	err = protect(space, range.start.val, axas_gpa_range_last(range).val, prot);
	trace_axas_protect(space, &range, prot, err, start);
	mutex_unlock(&space->changing);
	return err;
}
EXPORT_SYMBOL_AXAS(axas_space_protect);

static int set_policy(struct axas_space *space, u64 first, u64 last, u32 flags)
{
	MA_STATE(mas, NULL, axas_page_nr(first), axas_page_nr(first));
	struct change change = {
		.space = space, .first = first, .end = last, .kind = CHANGE_POLICY, .flags = flags,
	};
	int err = axas_areas_own(space);

	if (err)
		return err;
	mas.tree = &space->areas->tree;
	return change_areas(&change, &mas, axas_area_start(&mas, last));
}

int axas_space_set_policy(struct axas_space *space, struct axas_gpa_range range, u32 flags)
{
	int err;

	if (!axas_space_range_ok(space, range) || !axas_space_policy_ok(flags))
		return -EINVAL;
	if (mutex_lock_killable(&space->changing))
		return -EINTR;
	err = set_policy(space, range.start.val, axas_gpa_range_last(range).val, flags);
	mutex_unlock(&space->changing);
	return err;
}
EXPORT_SYMBOL_AXAS(axas_space_set_policy);

int axas_space_set_logged(struct axas_space *space, u64 first, u64 last, bool logged)
{
	MA_STATE(mas, NULL, axas_page_nr(first), axas_page_nr(first));
	struct change change = {
		.space = space, .first = first, .end = last, .kind = CHANGE_LOG,
		.flags = logged ? AXAS_AREA_LOGGED : 0,
	};
	int err = axas_areas_own(space);

	lockdep_assert_held(&space->changing);
	if (err)
		return err;
	mas.tree = &space->areas->tree;
	/* Seen by all that see a logged area, after the bar. */
	axas_npt_mark(&space->npt);
	return change_areas(&change, &mas, axas_area_start(&mas, last));
}

/* Collapse within one area. A fatal signal ends it between two pieces. */
static int collapse_area(struct axas_removal *removal, struct axas_npt_job *job)
{
	while (!job->done) {
		u64 nr = job->nr;

		if (fatal_signal_pending(current))
			return -EINTR;
		axas_piece_begin(removal, job->first);
		/* Collapse decodes each entry, at twice the cost of unmap or protect. */
		job->budget = removal->budget / 2;
		axas_npt_collapse(&removal->space->npt, job);
		/* A table that an earlier piece had begun was replaced: flush from its start. */
		if (job->nr != nr)
			removal->first = job->begin;
		axas_piece_end(removal, job->done ? job->last : job->first - 1);
	}
	return 0;
}

static int collapse(struct axas_space *space, u64 first, u64 last, u64 *collapsed)
{
	MA_STATE(mas, &space->areas->tree, axas_page_nr(first), axas_page_nr(first));
	struct axas_removal removal __uninitialized;
	struct axas_area *area;
	int err;

	err = axas_space_take_back_all(space, first, last);
	if (err)
		return err;
	axas_removal_init(&removal, space, true);
	for (area = axas_area_start(&mas, last); area; area = axas_area_next(&mas, last)) {
		u64 from = max(first, axas_page_first(mas.index));
		struct axas_npt_job job = {
			.begin = from, .first = from, .gather = &removal.gather,
			.logged = area->flags & AXAS_AREA_LOGGED,
			.last = min(last, axas_page_last(mas.last)),
		};

		/* Too short for a 2 MiB leaf; or leaves that are borrowed one by one. */
		if (area->flags & AXAS_MAP_HUGE_NEVER || axas_area_lends(area) ||
		    job.last - job.first < axas_npt_leaf_size(1) - 1)
			continue;
		err = collapse_area(&removal, &job);
		*collapsed += job.nr;
		if (err)
			break;
	}
	axas_removal_end(&removal);
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
	axas_space_forget_kept(space);
	err = collapse(space, range.start.val, axas_gpa_range_last(range).val, collapsed);
	mutex_unlock(&space->changing);
	return err;
}
EXPORT_SYMBOL_AXAS(axas_space_collapse);
