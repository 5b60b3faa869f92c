/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The algorithm of all nested page tables. A format's file defines AXAS_FMT as its name and
 * the functions below, then includes this file, so that the compiler inlines them: there is
 * no indirect call per entry. Calls axas_npt.c and axas_npt_gather.c. Locks: axas_npt.h, which
 * also lists the ways in which an entry may change.
 *
 * Functions of a format X, inline and of a few lines each. An entry is a u64.
 *
 * enum axas_pt_kind X_kind(u64 entry, unsigned int level)
 *	kind of an entry
 * u64 X_make_table(u64 hpa, unsigned int level)
 *	encode an entry at @level that points to the table at @hpa, with full permission
 * u64 X_leaf_attr(const struct axas_npt *npt, u32 prot, u32 type, unsigned int level)
 *	encode a leaf without its address; X_can() holds for @prot and @type
 * u64 X_make_leaf(u64 hpa, u64 attr, unsigned int level)
 *	combine address and attributes to a leaf
 * u64 X_table_hpa(u64 entry, unsigned int level)
 *	address of the table that an entry points to
 * u64 X_leaf_hpa(u64 entry, unsigned int level)
 *	address of the frame that a leaf maps
 * u32 X_leaf_prot(u64 entry, unsigned int level)
 * u32 X_leaf_type(u64 entry, unsigned int level)
 *	protection and memory type of a leaf
 * u64 X_prot_diff(u64 entry, u32 prot, unsigned int level)
 *	bits of a leaf to flip to give it the protection @prot
 * struct axas_npt_need X_need(u32 access)
 *	test that a level 0 entry must pass to permit an access
 * u64 X_sw_bit(unsigned int level)
 *	the software bit: BORROWED in a leaf, HANDED in an entry that points to a table
 * u64 X_hw_bits(unsigned int level)
 *	bits of a leaf that hardware may set at any time; used by proofs/cbmc/codec.c
 * bool X_break_before_make(void)
 *	whether a live leaf must be broken and flushed before a table replaces it
 * int X_geometry(struct axas_npt *npt)
 * bool X_can(const struct axas_npt *npt, u32 prot, u32 type)
 *	see struct axas_npt_fmt
 */
#ifndef AXAS_FMT
#error "a format's file includes this"
#endif

#include <linux/atomic.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "axas_npt.h"

#define __PT(fmt, fn)	fmt##_##fn
#define _PT(fmt, fn)	__PT(fmt, fn)
#define PT(fn)		_PT(AXAS_FMT, fn)

#define PT_ENTRIES	BIT(AXAS_NPT_LEVEL_BITS)

static inline unsigned int PT(index)(const struct axas_npt *npt, u64 gpa,
				     unsigned int level)
{
	u64 index = gpa >> axas_npt_shift(level);

	return level == npt->levels - 1 ? index : index & (PT_ENTRIES - 1);
}

static inline u64 *PT(child)(const struct axas_npt *npt, u64 entry, unsigned int level)
{
	return axas_hal_va(npt->hal, axas_hpa(PT(table_hpa)(entry, level)));
}

static u64 *PT(below)(const struct axas_npt *npt, u64 entry, unsigned int level)
{
	return PT(kind)(entry, level) == AXAS_PT_TABLE ? PT(child)(npt, entry, level) : NULL;
}

/* Last byte covered by the entry of @gpa at @level, at most @last. */
static inline u64 PT(entry_last)(u64 gpa, u64 last, unsigned int level)
{
	return min(last, gpa | (axas_npt_leaf_size(level) - 1));
}

static inline void PT(count_leaves)(struct axas_npt *npt, unsigned int level, long n)
{
	atomic_long_add(n, &npt->leaves[level]);
}

static inline struct axas_leaf PT(decode)(u64 entry, unsigned int level)
{
	return (struct axas_leaf){
		.hpa = axas_hpa(PT(leaf_hpa)(entry, level)),
		.level = level,
		.prot = PT(leaf_prot)(entry, level),
		.type = PT(leaf_type)(entry, level),
	};
}

static u64 PT(leaf)(const struct axas_npt *npt, u64 hpa, u32 prot, u32 type, unsigned int level)
{
	return PT(make_leaf)(hpa, PT(leaf_attr)(npt, prot, type, level), level);
}

/* Bits to flip for another protection. A BORROWED leaf never becomes writable. */
static inline u64 PT(diff)(u64 leaf, u32 prot, unsigned int level)
{
	if (unlikely(leaf & PT(sw_bit)(level)))
		prot &= ~AXAS_PROT_WRITE;
	return PT(prot_diff)(leaf, prot, level);
}

static u64 PT(with_prot)(u64 leaf, u32 prot, unsigned int level)
{
	return leaf ^ PT(diff)(leaf, prot, level);
}

static void PT(walk)(const struct axas_npt *npt, struct axas_npt_cursor *cursor, u64 gpa,
		     struct axas_npt_pos *pos)
{
	unsigned int level = npt->levels;
	u64 *table = npt->root;
	u64 entry = 0;
	u64 *ptep = NULL;

	if (unlikely(gpa > axas_npt_last(npt)))
		goto out;
	for (;;) {
		ptep = &table[PT(index)(npt, gpa, --level)];
		entry = READ_ONCE(*ptep);
		if (!level || PT(kind)(entry, level) != AXAS_PT_TABLE)
			break;
		table = PT(child)(npt, entry, level);
	}
	if (!level)
		*cursor = (struct axas_npt_cursor){ gpa >> axas_npt_shift(1), table };
out:
	*pos = (struct axas_npt_pos){ ptep, entry, level };
}

/* Expand the ZERO marker of a region to its pages. */
static void PT(fill_with_zero)(u64 *table, u64 marker)
{
	unsigned int i;

	for (i = 0; i < PT_ENTRIES; i++)
		table[i] = marker;
}

/* Link a spare table at a non-present entry. Return false if there is no spare. */
static bool PT(link_spare)(struct axas_npt *npt, struct axas_npt_spares *spares,
			   struct axas_npt_pos *pos)
{
	bool zero = PT(kind)(pos->entry, pos->level) == AXAS_PT_ZERO;
	u64 *table;
	u64 hpa;

	table = axas_npt_take_spare(npt, spares, &hpa);
	if (!table)
		return false;
	if (unlikely(zero))
		PT(fill_with_zero)(table, pos->entry);
	/*
	 * If another CPU has linked a table first, go on with that one. The unused table stays
	 * a spare: freeing it may sleep, which a read-side section must not.
	 */
	if (!axas_npt_make(npt, pos->ptep, pos->level, &pos->entry,
			   PT(make_table)(hpa, pos->level)))
		axas_npt_keep_spare(npt, spares, table, zero);
	else
		pos->entry = PT(make_table)(hpa, pos->level);
	return true;
}

static int PT(reach)(struct axas_npt *npt, struct axas_npt_spares *spares, u64 gpa,
		     unsigned int level, struct axas_npt_pos *pos)
{
	while (pos->level > level) {
		switch (PT(kind)(pos->entry, pos->level)) {
		case AXAS_PT_EMPTY:
		case AXAS_PT_ZERO:
			if (!PT(link_spare)(npt, spares, pos))
				return -EAGAIN;
			continue;
		case AXAS_PT_TABLE:
			pos->ptep = PT(child)(npt, pos->entry, pos->level);
			pos->ptep += PT(index)(npt, gpa, --pos->level);
			pos->entry = READ_ONCE(*pos->ptep);
			continue;
		default:
			return -EEXIST;
		}
	}
	return 0;
}

/* Find the first leaf in one table, and the tables below it, that ends at or after *@gpa. */
static bool PT(next_in_table)(const struct axas_npt *npt, u64 *table, unsigned int level,
			      u64 *gpa, struct axas_leaf *leaf, u64 *raw)
{
	unsigned int n = level == npt->levels - 1 ? 1u << npt->root_bits : PT_ENTRIES;
	u64 size = axas_npt_leaf_size(level);
	unsigned int i;

	for (i = PT(index)(npt, *gpa, level); i < n; i++) {
		u64 entry = READ_ONCE(table[i]);

		switch (PT(kind)(entry, level)) {
		case AXAS_PT_TABLE:
			if (PT(next_in_table)(npt, PT(child)(npt, entry, level), level - 1,
					      gpa, leaf, raw))
				return true;
			break;
		case AXAS_PT_LEAF:
			*gpa &= ~(size - 1);
			*leaf = PT(decode)(entry, level);
			*raw = entry;
			return true;
		case AXAS_PT_BUSY:
			*gpa &= ~(size - 1);
			*leaf = (struct axas_leaf){
				.hpa = axas_hpa(AXAS_HPA_NONE), .level = level,
				.type = AXAS_TYPE_NORMAL,
			};
			*raw = entry;
			return true;
		default:
			break;
		}
		*gpa = (*gpa & ~(size - 1)) + size;
	}
	/* Stay inside this table: the caller steps over it. */
	*gpa -= size;
	return false;
}

static bool PT(next_leaf)(const struct axas_npt *npt, u64 *gpa, struct axas_leaf *leaf,
			  u64 *entry)
{
	if (*gpa > axas_npt_last(npt))
		return false;
	return PT(next_in_table)(npt, npt->root, npt->levels - 1, gpa, leaf, entry);
}

static bool PT(leaf_fits)(const struct axas_npt *npt, const struct axas_npt_range *range,
			  unsigned int level)
{
	u64 mask = axas_npt_leaf_size(level) - 1;
	u64 gpa = range->first + range->mapped;
	u64 hpa = range->hpa + range->mapped;

	return level <= range->max_level && (npt->caps.leaf_levels & BIT(level)) &&
	       !((gpa | hpa) & mask) && range->last - gpa >= mask;
}

/*
 * Fill at most @max entries with leaves, up to the first entry that is not empty or at which a
 * leaf no longer fits. Return the number of leaves.
 */
static u64 PT(map_leaves)(struct axas_npt *npt, struct axas_npt_range *range, u64 *ptep,
			  u64 max, unsigned int level)
{
	u64 attr = PT(leaf_attr)(npt, range->prot, range->type, level);
	u64 left = range->last - (range->first + range->mapped);
	u64 size = axas_npt_leaf_size(level);
	u64 hpa = range->hpa + range->mapped;
	u64 n;

	if (!PT(leaf_fits)(npt, range, level))
		return 0;
	max = min(max, (left >> axas_npt_shift(level)) +
		       !(~left & (size - 1)));
	for (n = 0; n < max && !READ_ONCE(ptep[n]); n++, hpa += size) {
		WRITE_ONCE(ptep[n], PT(make_leaf)(hpa, attr, level));
		axas_npt_changed(npt, &ptep[n], level, 0, PT(make_leaf)(hpa, attr, level));
	}
	PT(count_leaves)(npt, level, n);
	range->mapped += n << axas_npt_shift(level);
	return n;
}

static int PT(map_table)(struct axas_npt *npt, struct axas_npt_range *range, u64 *table,
			 unsigned int level);

/*
 * Map all 2 MiB of an empty level 1 entry with 4 KiB leaves. The table is filled before it is
 * linked, so it needs no zeroing. Return false if the entry is not empty, the range does not
 * cover it, or allocation fails.
 */
static bool PT(map_whole)(struct axas_npt *npt, struct axas_npt_range *range, u64 *ptep)
{
	u64 hpa = range->hpa + range->mapped, table_hpa;
	u64 attr = PT(leaf_attr)(npt, range->prot, range->type, 0);
	u64 gpa = range->first + range->mapped;
	u64 mask = axas_npt_leaf_size(1) - 1;
	u64 *table, *p;
	u64 empty = 0;

	if (READ_ONCE(*ptep) || gpa & mask || range->last - gpa < mask)
		return false;
	table = axas_npt_alloc_table_unset(npt, &table_hpa);
	if (!table)
		return false;
	for (p = table; p < table + PT_ENTRIES; p++, hpa += AXAS_FRAME_SIZE)
		*p = PT(make_leaf)(hpa, attr, 0);
	if (!axas_npt_make(npt, ptep, 1, &empty, PT(make_table)(table_hpa, 1))) {
		axas_npt_free_table(npt, table_hpa);
		return false;
	}
	PT(count_leaves)(npt, 0, PT_ENTRIES);
	range->mapped += mask + 1;
	return true;
}

/* Map the part of the range that one entry covers, in the table below it. */
static int PT(map_below)(struct axas_npt *npt, struct axas_npt_range *range, u64 *ptep,
			 unsigned int level)
{
	struct axas_npt_pos pos = { ptep, READ_ONCE(*ptep), level };
	struct axas_npt_spares spares = {};
	int err;

	if (level == 1 && PT(map_whole)(npt, range, ptep)) {
		cond_resched();
		return 0;
	}
	if (!level || PT(kind)(pos.entry, level) == AXAS_PT_LEAF)
		return -EEXIST;
	if (PT(kind)(pos.entry, level) != AXAS_PT_TABLE) {
		err = axas_npt_get_spares(npt, &spares, 1, false);
		if (err)
			return err;
	}
	err = PT(reach)(npt, &spares, range->first + range->mapped, level - 1, &pos);
	axas_npt_put_spares(npt, &spares);
	if (err)
		return err;
	return PT(map_table)(npt, range, PT(child)(npt, READ_ONCE(*ptep), level), level - 1);
}

/* Map the part of the rest of the range that one table covers. */
static int PT(map_table)(struct axas_npt *npt, struct axas_npt_range *range, u64 *table,
			 unsigned int level)
{
	u64 gpa = range->first + range->mapped;
	u64 i = PT(index)(npt, gpa, level);
	u64 end = i + (range->last >> axas_npt_shift(level)) - (gpa >> axas_npt_shift(level));
	int err;

	if (level < npt->levels - 1)
		end = min_t(u64, end, PT_ENTRIES - 1);
	if (fatal_signal_pending(current))
		return -EINTR;
	cond_resched();
	while (i <= end) {
		u64 n = PT(map_leaves)(npt, range, &table[i], end - i + 1, level);

		i += n;
		if (n)
			continue;
		err = PT(map_below)(npt, range, &table[i++], level);
		if (err)
			return err;
	}
	return 0;
}

static int PT(map)(struct axas_npt *npt, struct axas_npt_range *range)
{
	range->mapped = 0;
	range->max_level = min(range->max_level, axas_npt_max_level(npt, range->prot));
	return PT(map_table)(npt, range, npt->root, npt->levels - 1);
}

/* Fill a table with leaves one level down that map the same memory as @leaf; see axas_npt.h. */
static u64 PT(split_into)(const struct axas_npt *npt, u64 *table, u64 table_hpa, u64 leaf,
			  unsigned int level)
{
	u64 hpa = PT(leaf_hpa)(leaf, level);
	u64 attr = PT(leaf_attr)(npt, PT(leaf_prot)(leaf, level), PT(leaf_type)(leaf, level),
				 level - 1);
	unsigned int i;

	if (leaf & PT(sw_bit)(level))
		attr |= PT(sw_bit)(level - 1);
	/* Which of them were accessed or written is not known: all may have been. */
	attr |= leaf & (npt->fmt->zero | (PT(hw_bits)(level) & PT(hw_bits)(level - 1)));
	for (i = 0; i < PT_ENTRIES; i++)
		table[i] = PT(make_leaf)(hpa + i * axas_npt_leaf_size(level - 1), attr,
					 level - 1);
	return PT(make_table)(table_hpa, level);
}

/*
 * Replace an entry by one that maps the same memory. With break-before-make the entry is
 * non-present in between: a guest access faults, its handler waits for space->lock and then
 * finds the new entry.
 */
static void PT(replace)(struct axas_npt *npt, u64 *ptep, u64 gpa, unsigned int level, u64 new,
			bool tables)
{
	u64 mask = axas_npt_leaf_size(level) - 1;
	u64 old = READ_ONCE(*ptep);

	if (PT(break_before_make)()) {
		axas_npt_break(npt, ptep, level, 0);
		npt->ops->flush(npt, gpa & ~mask, gpa | mask, tables);
		old = 0;
	}
	axas_npt_replace(npt, ptep, level, old, new);
}

/*
 * Replace a leaf by a table of smaller leaves. The table is filled before it is linked, so that
 * no walk finds part of the memory unmapped.
 */
static void PT(split_leaf)(struct axas_npt *npt, u64 *ptep, u64 gpa, unsigned int level)
{
	u64 *table, entry;
	u64 hpa;

	table = axas_npt_take_spare(npt, &npt->reserve, &hpa);
	entry = PT(split_into)(npt, table, hpa, READ_ONCE(*ptep), level);
	PT(replace)(npt, ptep, gpa, level, entry, false);
	axas_npt_count_split(npt, level);
}

/* Replace a ZERO marker by a table of them. */
static void PT(split_zero)(struct axas_npt *npt, u64 *ptep, unsigned int level)
{
	u64 *table;
	u64 hpa;

	table = axas_npt_take_spare(npt, &npt->reserve, &hpa);
	PT(fill_with_zero)(table, READ_ONCE(*ptep));
	axas_npt_replace(npt, ptep, level, READ_ONCE(*ptep), PT(make_table)(hpa, level));
}

static void PT(split_at)(struct axas_npt *npt, u64 gpa)
{
	unsigned int level = npt->levels - 1;
	u64 *table = npt->root;

	for (;; level--) {
		u64 *ptep = &table[PT(index)(npt, gpa, level)];
		enum axas_pt_kind kind = PT(kind)(READ_ONCE(*ptep), level);

		if (kind == AXAS_PT_EMPTY || kind == AXAS_PT_BUSY ||
		    !(gpa & (axas_npt_leaf_size(level) - 1)))
			return;
		if (kind == AXAS_PT_LEAF)
			PT(split_leaf)(npt, ptep, gpa, level);
		else if (kind == AXAS_PT_ZERO)
			PT(split_zero)(npt, ptep, level);
		table = PT(child)(npt, READ_ONCE(*ptep), level);
	}
}

/*
 * Advance a job that is done up to @end. Return false at the end of the job's range or of the
 * table at @level.
 */
static inline bool PT(next_entry)(const struct axas_npt *npt, struct axas_npt_job *job, u64 end,
				  unsigned int level)
{
	job->done = end == job->last;
	if (job->done)
		return false;
	job->first = end + 1;
	return level == npt->levels - 1 ||
	       (job->first & (axas_npt_leaf_size(level + 1) - 1));
}

/* Charge one entry to the budget. Return false if budget or gather are exhausted. */
static inline bool PT(may_go_on)(struct axas_npt_job *job)
{
	if (!job->budget || (job->gather && !axas_npt_gather_room(job->gather)))
		return false;
	job->budget--;
	return true;
}

/*
 * Number of level 0 entries from job->first on that a job may do in one loop: up to the end of
 * table, range, budget or @max, at least one.
 */
static inline unsigned int PT(leaves_at_once)(const struct axas_npt_job *job, unsigned int max)
{
	u64 last = PT(entry_last)(job->first, job->last, 1);
	unsigned int n = (last >> AXAS_FRAME_SHIFT) - (job->first >> AXAS_FRAME_SHIFT) + 1;

	return min3(n, job->budget, max);
}

/* Advance past @n entries. Return false if the piece ends before the table or the range does. */
static inline bool PT(leaves_done)(struct axas_npt_job *job, unsigned int n)
{
	u64 end = job->first + ((u64)n << AXAS_FRAME_SHIFT) - 1;

	job->budget -= n;
	job->done = end == job->last;
	if (job->done)
		return true;
	job->first = end + 1;
	return !(job->first & (axas_npt_leaf_size(1) - 1));
}

/* Charge a whole table's entries to the budget: all were read or written. */
static inline void PT(spend_table)(struct axas_npt_job *job)
{
	job->budget -= min_t(unsigned int, job->budget, PT_ENTRIES);
}

/* @empty: the table has no leaves, but maybe markers; @marker: what takes its place. */
static void PT(unlink)(struct axas_npt *npt, u64 *ptep, unsigned int level, bool empty, u64 marker,
		       struct axas_npt_job *job)
{
	u64 hpa = PT(table_hpa)(axas_npt_break(npt, ptep, level, marker), level);

	if (empty)
		axas_npt_gather_empty(job->gather, hpa);
	else
		axas_npt_gather_table(job->gather, hpa, level - 1, job->owner);
}

static bool PT(unmap_table)(struct axas_npt *npt, u64 *table, unsigned int level,
			    struct axas_npt_job *job);

/*
 * Remove the leaves below an entry that points to a table: unlink the table as a whole if the
 * range covers it, else remove entry by entry, and then the table if it is empty. Return false
 * if the piece ended early.
 */
static bool PT(unmap_child)(struct axas_npt *npt, u64 *ptep, unsigned int level, u64 end,
			    struct axas_npt_job *job)
{
	u64 *table = PT(child)(npt, READ_ONCE(*ptep), level);
	bool whole = end - job->first == axas_npt_leaf_size(level) - 1 && !job->sparse;
	u64 mask = axas_npt_leaf_size(level) - 1;

	if (!whole && !PT(unmap_table)(npt, table, level - 1, job))
		return false;
	if (whole || (likely(!job->stays) && axas_npt_is_empty(table)))
		PT(unlink)(npt, ptep, level, !whole, whole ? job->marker : 0, job);
	/* A marker never reaches beyond the area. */
	else if (unlikely(job->sparse) && level == 1 && (end & ~mask) >= job->begin &&
		 (end | mask) <= job->last && axas_npt_is_all(table, job->marker))
		PT(unlink)(npt, ptep, level, true, job->marker, job);
	return true;
}

/* Remove level 0 leaves. Return false if the piece ends before the table or the range does. */
static bool PT(unmap_leaves)(struct axas_npt *npt, u64 *ptep, struct axas_npt_job *job)
{
	const u64 marker = job->marker;
	unsigned int n, i, room, leaves = 0;

	room = axas_npt_gather_room(job->gather);
	if (!job->budget || !room)
		return false;
	n = PT(leaves_at_once)(job, room);
	for (i = 0; i < n; i++) {
		u64 entry = READ_ONCE(ptep[i]);

		if (!entry && likely(!job->mark_all))
			continue;
		entry = axas_npt_break(npt, &ptep[i], 0, marker);
		if (PT(kind)(entry, 0) != AXAS_PT_LEAF)
			continue;
		leaves++;
		axas_npt_gather_leaf(job->gather, PT(leaf_hpa)(entry, 0), 0,
				     entry & PT(sw_bit)(0) ? NULL : job->owner);
	}
	PT(count_leaves)(npt, 0, -(long)leaves);
	return PT(leaves_done)(job, n);
}

/* Remove the leaves of one entry, up to @end. Return false if the piece ended early. */
static bool PT(unmap_entry)(struct axas_npt *npt, u64 *ptep, unsigned int level, u64 end,
			    struct axas_npt_job *job)
{
	u64 entry = READ_ONCE(*ptep);

	switch (PT(kind)(entry, level)) {
	case AXAS_PT_EMPTY:
		if (job->mark_all && end - job->first == axas_npt_leaf_size(level) - 1)
			axas_npt_break(npt, ptep, level, job->marker);
		return true;
	case AXAS_PT_TABLE:
		return PT(unmap_child)(npt, ptep, level, end, job);
	case AXAS_PT_LEAF:
		entry = axas_npt_break(npt, ptep, level, job->marker);
		PT(count_leaves)(npt, level, -1);
		axas_npt_gather_leaf(job->gather, PT(leaf_hpa)(entry, level), level,
				     entry & PT(sw_bit)(level) ? NULL : job->owner);
		return true;
	default:
		axas_npt_break(npt, ptep, level, job->marker);
		return true;
	}
}

/*
 * Advance over a run of empty entries. Return false if the run reaches the end of the table or
 * of the range.
 */
static bool PT(skip_empty)(const struct axas_npt *npt, u64 **ptep, unsigned int level,
			   struct axas_npt_job *job)
{
	unsigned int shift = axas_npt_shift(level);
	u64 last = level == npt->levels - 1 ? job->last :
		   PT(entry_last)(job->first, job->last, level + 1);
	u64 max = (last >> shift) - (job->first >> shift) + 1;
	unsigned int n = job->mark_all ? 0 : axas_npt_run_of(*ptep, max, true);

	if (!n)
		return true;
	if (n == max) {
		PT(next_entry)(npt, job, last, level);
		return false;
	}
	*ptep += n;
	job->first = ((job->first >> shift) + n) << shift;
	return true;
}

/* Unmap from job->first to the end of table or range. Return false if the piece ended early. */
static bool PT(unmap_table)(struct axas_npt *npt, u64 *table, unsigned int level,
			    struct axas_npt_job *job)
{
	u64 *ptep = &table[PT(index)(npt, job->first, level)];
	u64 end;

	if (!level)
		return PT(unmap_leaves)(npt, ptep, job);
	do {
		if (!PT(may_go_on)(job))
			return false;
		if (!PT(skip_empty)(npt, &ptep, level, job))
			return true;
		end = PT(entry_last)(job->first, job->last, level);
		if (!PT(unmap_entry)(npt, ptep++, level, end, job))
			return false;
	} while (PT(next_entry)(npt, job, end, level));
	return true;
}

static void PT(unmap)(struct axas_npt *npt, struct axas_npt_job *job)
{
	PT(unmap_table)(npt, unlikely(job->aside) ? npt->aside : npt->root, npt->levels - 1, job);
}

/* Free an unlinked and flushed table, all tables below it, and the leaves' frames. */
static void PT(free_table)(struct axas_npt *npt, u64 hpa, unsigned int level, const void *owner)
{
	u64 *table = axas_hal_va(npt->hal, axas_hpa(hpa));
	unsigned int owned = 0, leaves = 0;
	unsigned int i;

	if (!level) {
		axas_npt_free_leaves(npt, table, owner);
		goto free;
	}
	/* Collect the addresses of owned frames in place, over the entries already read. */
	for (i = 0; i < PT_ENTRIES; i++) {
		u64 entry = table[i];

		switch (PT(kind)(entry, level)) {
		case AXAS_PT_TABLE:
			PT(free_table)(npt, PT(table_hpa)(entry, level), level - 1, owner);
			break;
		case AXAS_PT_LEAF:
			leaves++;
			if (!(entry & PT(sw_bit)(level)))
				table[owned++] = PT(leaf_hpa)(entry, level);
			break;
		default:
			break;
		}
	}
	if (owner && owned)
		npt->ops->put_frames(npt, owner, (struct axas_hpa *)table, owned, level);
	PT(count_leaves)(npt, level, -(long)leaves);
free:
	axas_npt_free_table(npt, hpa);
	cond_resched();
}

/*
 * The same in a logged area: a leaf permits writes only after the first one, and one that was
 * written and permits none any more is WRITTEN.
 */
static u64 PT(logged_diff)(const struct axas_npt *npt, u64 leaf, u32 prot, unsigned int level)
{
	u64 written = npt->fmt->zero, diff;

	if (!(PT(leaf_prot)(leaf, level) & AXAS_PROT_WRITE) && !(leaf & written))
		return PT(diff)(leaf, prot & ~AXAS_PROT_WRITE, level);
	diff = PT(diff)(leaf, prot, level);
	if (!(PT(leaf_prot)(leaf ^ diff, level) & AXAS_PROT_WRITE) != !!(leaf & written))
		diff ^= written;
	return diff;
}

/*
 * Hardware alone changes the leaf concurrently: it may set accessed and dirty bits at any
 * time. Flip just the bits that differ, and return them.
 */
static inline u64 PT(protect_leaf)(struct axas_npt *npt, u64 *ptep, u64 leaf,
				   unsigned int level, const struct axas_npt_job *job)
{
	u64 diff = PT(diff)(leaf, job->prot, level);

	if (unlikely(job->logged))
		diff = PT(logged_diff)(npt, leaf, job->prot, level);
	else
		diff |= leaf & npt->fmt->zero;
	if (diff)
		axas_npt_adjust(npt, ptep, level, leaf, diff);
	return diff;
}

static bool PT(protect_table)(struct axas_npt *npt, u64 *table, unsigned int level,
			      struct axas_npt_job *job);

/* Protect the leaves of one entry. Return false if the piece ended early. */
static bool PT(protect_entry)(struct axas_npt *npt, u64 *ptep, unsigned int level,
			      struct axas_npt_job *job)
{
	u64 entry = READ_ONCE(*ptep);
	enum axas_pt_kind kind = PT(kind)(entry, level);

	if (kind == AXAS_PT_LEAF && level > axas_npt_max_level(npt, job->prot)) {
		PT(split_leaf)(npt, ptep, job->first, level);
		PT(spend_table)(job);
		entry = READ_ONCE(*ptep);
		kind = AXAS_PT_TABLE;
	}
	if (kind == AXAS_PT_TABLE)
		return PT(protect_table)(npt, PT(child)(npt, entry, level), level - 1, job);
	if (kind == AXAS_PT_LEAF)
		job->changed |= !!PT(protect_leaf)(npt, ptep, entry, level, job);
	return true;
}

/* Protect level 0 leaves in a table without markers and BORROWED bits. Return the bits flipped. */
static u64 PT(protect_plain)(u64 *ptep, u64 *end, u32 prot)
{
	/* Protection bits of a leaf, and their new value: computed once for all entries. */
	const u64 permit = PT(prot_diff)(0, prot, 0);
	const u64 mask = PT(prot_diff)(~0ull, prot, 0) ^ permit;
	u64 diff, diffs = 0;

#pragma GCC unroll 4
	for (; ptep < end; ptep++) {
		u64 entry = READ_ONCE(*ptep);

		if (PT(kind)(entry, 0) != AXAS_PT_LEAF)
			continue;
		diff = (entry & mask) ^ permit;
		if (diff)
			atomic64_xor(diff, (atomic64_t *)ptep);
		diffs |= diff;
	}
	return diffs;
}

/* Protect level 0 leaves. Return false if the piece ends before the table or the range does. */
static bool PT(protect_leaves)(struct axas_npt *npt, u64 *ptep, struct axas_npt_job *job)
{
	unsigned int n;
	u64 *end;

	if (!job->budget)
		return false;
	n = PT(leaves_at_once)(job, PT_ENTRIES);
	end = ptep + n;
	if (likely(axas_npt_is_plain(npt)))
		job->changed |= !!PT(protect_plain)(ptep, end, job->prot);
	else
		for (; ptep < end; ptep++)
			if (PT(kind)(READ_ONCE(*ptep), 0) == AXAS_PT_LEAF)
				job->changed |= !!PT(protect_leaf)(npt, ptep, READ_ONCE(*ptep), 0,
								   job);
	return PT(leaves_done)(job, n);
}

static bool PT(protect_table)(struct axas_npt *npt, u64 *table, unsigned int level,
			      struct axas_npt_job *job)
{
	u64 *ptep = &table[PT(index)(npt, job->first, level)];
	u64 end;

	if (!level)
		return PT(protect_leaves)(npt, ptep, job);
	do {
		if (!PT(may_go_on)(job))
			return false;
		if (!PT(skip_empty)(npt, &ptep, level, job))
			return true;
		end = PT(entry_last)(job->first, job->last, level);
		if (!PT(protect_entry)(npt, ptep++, level, job))
			return false;
	} while (PT(next_entry)(npt, job, end, level));
	return true;
}

static void PT(protect)(struct axas_npt *npt, struct axas_npt_job *job)
{
	PT(protect_table)(npt, npt->root, npt->levels - 1, job);
}

/* Whether one leaf can replace a table: its leaves map contiguous, aligned memory alike. */
static bool PT(is_one_leaf)(const struct axas_npt *npt, u64 *table, unsigned int level)
{
	struct axas_leaf first;
	unsigned int i;

	if (PT(kind)(table[0], level) != AXAS_PT_LEAF || table[0] & npt->fmt->zero)
		return false;
	first = PT(decode)(table[0], level);
	if (first.hpa.val & (axas_npt_leaf_size(level + 1) - 1) ||
	    !(npt->caps.leaf_levels & BIT(level + 1)) ||
	    axas_npt_max_level(npt, first.prot) <= level)
		return false;
	for (i = 1; i < PT_ENTRIES; i++) {
		struct axas_leaf leaf;

		if (PT(kind)(table[i], level) != AXAS_PT_LEAF ||
		    (table[i] ^ table[0]) & PT(sw_bit)(level) || table[i] & npt->fmt->zero)
			return false;
		leaf = PT(decode)(table[i], level);
		if (leaf.hpa.val != first.hpa.val + i * axas_npt_leaf_size(level) ||
		    leaf.prot != first.prot || leaf.type != first.type)
			return false;
	}
	return true;
}

/* Replace a table by one leaf. The frames stay mapped: only the table is freed. */
static void PT(collapse_entry)(struct axas_npt *npt, u64 *ptep, u64 gpa, unsigned int level,
			       struct axas_npt_job *job)
{
	u64 entry = READ_ONCE(*ptep);
	u64 *table = PT(child)(npt, entry, level);
	struct axas_leaf leaf = PT(decode)(table[0], level - 1);
	u64 attr = PT(leaf_attr)(npt, leaf.prot, leaf.type, level);

	if (table[0] & PT(sw_bit)(level - 1))
		attr |= PT(sw_bit)(level);
	PT(replace)(npt, ptep, gpa, level, PT(make_leaf)(leaf.hpa.val, attr, level), true);
	PT(count_leaves)(npt, level, 1);
	axas_npt_gather_table(job->gather, PT(table_hpa)(entry, level), level - 1, NULL);
	job->nr++;
}

/* Not where the log says of a page, by its leaf, that it was written. */
static bool PT(may_be_one)(const struct axas_npt *npt, u64 leaf, unsigned int level,
			   const struct axas_npt_job *job)
{
	return !job->logged || !(PT(leaf_prot)(leaf, level) & AXAS_PROT_WRITE);
}

static bool PT(collapse_table)(struct axas_npt *npt, u64 *table, unsigned int level,
			       struct axas_npt_job *job)
{
	u64 *ptep = &table[PT(index)(npt, job->first, level)];
	u64 end;

	do {
		u64 gpa, entry, *child;

		/* Stop on a fatal signal: a partial collapse is valid. */
		if (!PT(may_go_on)(job) || fatal_signal_pending(current))
			return false;
		if (!PT(skip_empty)(npt, &ptep, level, job))
			return true;
		entry = READ_ONCE(*ptep);
		end = PT(entry_last)(job->first, job->last, level);
		if (PT(kind)(entry, level) == AXAS_PT_TABLE) {
			child = PT(child)(npt, entry, level);
			if (level > 1 && !PT(collapse_table)(npt, child, level - 1, job))
				return false;
			/* job->first is inside the table if an earlier piece ended there. */
			gpa = end & ~(axas_npt_leaf_size(level) - 1);
			if (gpa >= job->begin && end - gpa == axas_npt_leaf_size(level) - 1) {
				PT(spend_table)(job);
				if (PT(may_be_one)(npt, child[0], level - 1, job) &&
				    PT(is_one_leaf)(npt, child, level - 1))
					PT(collapse_entry)(npt, ptep, gpa, level, job);
			}
		}
		ptep++;
	} while (PT(next_entry)(npt, job, end, level));
	return true;
}

static void PT(collapse)(struct axas_npt *npt, struct axas_npt_job *job)
{
	PT(collapse_table)(npt, npt->root, npt->levels - 1, job);
}

/* Members of struct axas_npt_fmt whose initializers are the same for every format. */
#define AXAS_NPT_FMT_FUNCTIONS		\
	.geometry	= PT(geometry),	\
	.can		= PT(can),	\
	.need		= PT(need),	\
	.kind		= PT(kind),	\
	.child		= PT(child),	\
	.below		= PT(below),	\
	.table		= PT(make_table),	\
	.decode		= PT(decode),	\
	.leaf		= PT(leaf),	\
	.with_prot	= PT(with_prot),	\
	.map		= PT(map),	\
	.walk		= PT(walk),	\
	.reach		= PT(reach),	\
	.split_into	= PT(split_into),	\
	.split_at	= PT(split_at),	\
	.unmap		= PT(unmap),	\
	.protect	= PT(protect),	\
	.collapse	= PT(collapse),	\
	.next_leaf	= PT(next_leaf),	\
	.free_table	= PT(free_table)
