/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one algorithm for all nested page tables. A format's file defines AXAS_FMT
 * as its name and the functions below, then includes this; the compiler builds
 * the algorithm around them, without a call per entry. May call axas_npt.c.
 *
 * What a format X brings, each an inline function of a line or a few. An entry is
 * a u64; an empty one is 0, carries no address and no permission, and is what a
 * removal leaves behind.
 *
 * enum axas_pt_kind X_kind(u64 entry, unsigned int level)
 *	what an entry is
 * u64 X_make_table(u64 hpa, unsigned int level)
 *	an entry at @level that points to the table at @hpa, with full permission
 * u64 X_leaf_attr(const struct axas_npt *npt, u32 prot, u32 type, unsigned int level)
 *	all of a leaf but its address; X_can() said yes to @prot and @type
 * u64 X_make_leaf(u64 hpa, u64 attr, unsigned int level)
 *	a leaf
 * u64 X_table_hpa(u64 entry, unsigned int level)
 *	the table that an entry points to
 * u64 X_leaf_hpa(u64 entry, unsigned int level)
 *	where the memory begins that a leaf maps
 * u32 X_leaf_prot(u64 entry, unsigned int level)
 * u32 X_leaf_type(u64 entry, unsigned int level)
 *	what a leaf permits, and how it caches
 * u64 X_prot_diff(u64 entry, u32 prot, unsigned int level)
 *	the bits of a leaf that another protection turns over
 * bool X_break_before_make(void)
 *	whether a live leaf must be cleared and flushed before a table takes its place
 * int X_geometry(struct axas_npt *npt)
 * bool X_can(const struct axas_npt *npt, u32 prot, u32 type)
 *	see struct axas_npt_fmt
 *
 * Entries change in these ways only:
 *  - empty to leaf or to table: by cmpxchg, by any number of CPUs at once; to leaves
 *    of linear memory by stores, for nobody else fills entries of its range;
 *  - anything else, exclusively. Hardware may still set accessed and dirty bits
 *    meanwhile, so a live leaf changes by atomic operations too.
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

/* The last byte that the entry which covers @gpa at @level covers, @last at most. */
static inline u64 PT(entry_last)(u64 gpa, u64 last, unsigned int level)
{
	return min(last, gpa | (axas_npt_leaf_size(level) - 1));
}

static inline void PT(count_leaves)(struct axas_npt *npt, unsigned int level, long n)
{
	this_cpu_add(npt->stats->leaves[level], n);
}

/*
 * The table below an entry, linked now if there was none. Whoever loses the race
 * to link one goes on with the winner's. NULL: no memory. An ERR_PTR: a leaf.
 */
static u64 *PT(get_table)(struct axas_npt *npt, u64 *slot, unsigned int level)
{
	u64 entry = READ_ONCE(*slot);
	u64 *table;
	u64 hpa;

	if (PT(kind)(entry, level) == AXAS_PT_EMPTY) {
		table = axas_npt_alloc_table(npt, &hpa);
		if (!table)
			return NULL;
		if (try_cmpxchg(slot, &entry, PT(make_table)(hpa, level)))
			return table;
		axas_npt_free_table(npt, hpa);
	}
	if (PT(kind)(entry, level) == AXAS_PT_LEAF)
		return ERR_PTR(-EEXIST);
	return PT(child)(npt, entry, level);
}

/* The table at @level for an address; see axas_npt_table(). */
static u64 *PT(table_at)(struct axas_npt *npt, u64 gpa, unsigned int level)
{
	unsigned int l = npt->levels - 1;
	u64 *table = npt->root;

	for (; l > level && !IS_ERR_OR_NULL(table); l--)
		table = PT(get_table)(npt, &table[PT(index)(npt, gpa, l)], l);
	return table;
}

static u64 *PT(table)(struct axas_npt *npt, u64 gpa)
{
	return PT(table_at)(npt, gpa, 0);
}

static int PT(map_leaf)(struct axas_npt *npt, u64 gpa, u64 hpa, u32 prot, u32 type,
			unsigned int level)
{
	u64 leaf = PT(make_leaf)(hpa, PT(leaf_attr)(npt, prot, type, level), level);
	u64 *table = PT(table_at)(npt, gpa, level);
	u64 empty = 0;

	if (IS_ERR_OR_NULL(table))
		return table ? PTR_ERR(table) : -ENOMEM;
	if (!try_cmpxchg(&table[PT(index)(npt, gpa, level)], &empty, leaf))
		return -EEXIST;
	PT(count_leaves)(npt, level, 1);
	return 0;
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

static bool PT(lookup)(const struct axas_npt *npt, u64 gpa, struct axas_leaf *leaf)
{
	unsigned int level = npt->levels - 1;
	u64 *table = npt->root;

	for (;; level--) {
		u64 entry = READ_ONCE(table[PT(index)(npt, gpa, level)]);

		switch (PT(kind)(entry, level)) {
		case AXAS_PT_EMPTY:
			leaf->level = level;
			return false;
		case AXAS_PT_TABLE:
			table = PT(child)(npt, entry, level);
			continue;
		case AXAS_PT_LEAF:
			*leaf = PT(decode)(entry, level);
			return true;
		}
	}
}

/* The leaf that maps an address, as it lies in the table, or 0. */
static inline u64 PT(walk)(const struct axas_npt *npt, struct axas_npt_cursor *cursor, u64 gpa,
			   unsigned int *level)
{
	unsigned int l = npt->levels - 1;
	u64 *table = npt->root;

	if (unlikely(gpa > axas_npt_last(npt)))
		return 0;
	for (;; l--) {
		u64 entry = READ_ONCE(table[PT(index)(npt, gpa, l)]);

		if (!l)
			*cursor = (struct axas_npt_cursor){ gpa >> axas_npt_shift(1), table };
		if (PT(kind)(entry, l) == AXAS_PT_TABLE) {
			table = PT(child)(npt, entry, l);
			continue;
		}
		*level = l;
		return entry;
	}
}

static inline bool PT(resolve)(u64 entry, u64 gpa, unsigned int level,
			       struct axas_translation *to)
{
	u64 mask = axas_npt_leaf_size(level) - 1;

	to->hpa = axas_hpa(PT(leaf_hpa)(entry, level) + (gpa & mask));
	to->left = mask + 1 - (gpa & mask);
	to->prot = PT(leaf_prot)(entry, level);
	to->type = PT(leaf_type)(entry, level);
	to->level = level;
	return true;
}

static bool PT(translate)(const struct axas_npt *npt, struct axas_npt_cursor *cursor, u64 gpa,
			  struct axas_translation *to)
{
	unsigned int level = 0;
	u64 entry = PT(walk)(npt, cursor, gpa, &level);

	return entry && PT(resolve)(entry, gpa, level, to);
}

static u64 PT(small_attr)(const struct axas_npt *npt, u32 prot, u32 type)
{
	return PT(leaf_attr)(npt, prot, type, 0);
}

/* The first leaf that one table has at or after an address. */
static bool PT(next_in_table)(const struct axas_npt *npt, u64 *table, unsigned int level,
			      u64 *gpa, struct axas_leaf *leaf, u64 *raw)
{
	unsigned int n = level == npt->levels - 1 ? 1u << npt->root_bits : PT_ENTRIES;
	u64 size = axas_npt_leaf_size(level);
	unsigned int i;

	for (i = PT(index)(npt, *gpa, level); i < n; i++) {
		u64 entry = READ_ONCE(table[i]);

		switch (PT(kind)(entry, level)) {
		case AXAS_PT_EMPTY:
			break;
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
		}
		*gpa = (*gpa & ~(size - 1)) + size;
	}
	/* Left where it was, for the caller to step over this table. */
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
 * Fill empty entries with leaves, at most @max of them, for as long as leaves fit and
 * nothing is in the way. How many.
 */
static u64 PT(map_leaves)(struct axas_npt *npt, struct axas_npt_range *range, u64 *slot,
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
	for (n = 0; n < max && !READ_ONCE(slot[n]); n++, hpa += size)
		WRITE_ONCE(slot[n], PT(make_leaf)(hpa, attr, level));
	PT(count_leaves)(npt, level, n);
	range->mapped += n << axas_npt_shift(level);
	return n;
}

static int PT(map_table)(struct axas_npt *npt, struct axas_npt_range *range, u64 *table,
			 unsigned int level);

/*
 * Map all that an empty entry at level 1 covers: by a table that is filled before it is
 * linked, and so needs no zeroes first. False when it cannot be done so.
 */
static bool PT(map_whole)(struct axas_npt *npt, struct axas_npt_range *range, u64 *slot)
{
	u64 hpa = range->hpa + range->mapped, table_hpa;
	u64 attr = PT(leaf_attr)(npt, range->prot, range->type, 0);
	u64 gpa = range->first + range->mapped;
	u64 mask = axas_npt_leaf_size(1) - 1;
	u64 *table, *p;
	u64 empty = 0;

	if (READ_ONCE(*slot) || gpa & mask || range->last - gpa < mask)
		return false;
	table = axas_npt_alloc_table_unset(npt, &table_hpa);
	if (!table)
		return false;
	for (p = table; p < table + PT_ENTRIES; p++, hpa += AXAS_FRAME_SIZE)
		*p = PT(make_leaf)(hpa, attr, 0);
	/* A full barrier: whoever walks into the table finds it filled. */
	if (!try_cmpxchg(slot, &empty, PT(make_table)(table_hpa, 1))) {
		axas_npt_free_table(npt, table_hpa);
		return false;
	}
	PT(count_leaves)(npt, 0, PT_ENTRIES);
	range->mapped += mask + 1;
	return true;
}

/* Map what one entry covers by the table below. */
static int PT(map_below)(struct axas_npt *npt, struct axas_npt_range *range, u64 *slot,
			 unsigned int level)
{
	u64 *table;

	if (level == 1 && PT(map_whole)(npt, range, slot)) {
		cond_resched();
		return 0;
	}
	table = level ? PT(get_table)(npt, slot, level) : ERR_PTR(-EEXIST);
	if (IS_ERR_OR_NULL(table))
		return table ? PTR_ERR(table) : -ENOMEM;
	return PT(map_table)(npt, range, table, level - 1);
}

/* Map as much of the rest of a range as one table covers. */
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

/* Leaves one level down that map together what one leaf maps. */
static void PT(fill_split)(struct axas_npt *npt, u64 *table, u64 leaf, unsigned int level)
{
	u64 hpa = PT(leaf_hpa)(leaf, level);
	u64 attr = PT(leaf_attr)(npt, PT(leaf_prot)(leaf, level), PT(leaf_type)(leaf, level),
				 level - 1);
	unsigned int i;

	for (i = 0; i < PT_ENTRIES; i++)
		table[i] = PT(make_leaf)(hpa + i * axas_npt_leaf_size(level - 1), attr,
					 level - 1);
}

/*
 * Replace a leaf by a table of smaller ones, filled before it is linked, so that
 * nobody ever sees less than what was mapped. Only break-before-make opens a gap;
 * a guest that falls into it faults, waits for space->lock, and finds the leaf.
 */
static void PT(split_leaf)(struct axas_npt *npt, u64 *slot, u64 gpa, unsigned int level)
{
	u64 mask = axas_npt_leaf_size(level) - 1;
	u64 leaf = READ_ONCE(*slot);
	u64 *table;
	u64 hpa;

	table = axas_npt_take_table(npt, &hpa);
	PT(fill_split)(npt, table, leaf, level);
	if (PT(break_before_make)()) {
		WRITE_ONCE(*slot, 0);
		npt->ops->flush(npt, gpa & ~mask, gpa | mask, false);
	}
	/* Whoever walks into the table must find it filled. */
	smp_store_release(slot, PT(make_table)(hpa, level));
	PT(count_leaves)(npt, level, -1);
	PT(count_leaves)(npt, level - 1, PT_ENTRIES);
}

static void PT(split_at)(struct axas_npt *npt, u64 gpa)
{
	unsigned int level = npt->levels - 1;
	u64 *table = npt->root;

	for (;; level--) {
		u64 *slot = &table[PT(index)(npt, gpa, level)];
		enum axas_pt_kind kind = PT(kind)(READ_ONCE(*slot), level);

		if (kind == AXAS_PT_EMPTY || !(gpa & (axas_npt_leaf_size(level) - 1)))
			return;
		if (kind == AXAS_PT_LEAF)
			PT(split_leaf)(npt, slot, gpa, level);
		table = PT(child)(npt, READ_ONCE(*slot), level);
	}
}

static void PT(unmap_table)(struct axas_npt *npt, u64 *table, unsigned int level,
			    u64 first, u64 last, bool owned, struct axas_npt_gather *gather);

/*
 * Remove what lies below a table's entry: the whole of it at once where the range
 * covers it; else entry by entry, and the table too if it is empty then.
 */
static void PT(unmap_child)(struct axas_npt *npt, u64 *slot, unsigned int level,
			    u64 first, u64 last, bool owned, struct axas_npt_gather *gather)
{
	u64 entry = READ_ONCE(*slot);
	u64 *table = PT(child)(npt, entry, level);

	if (last - first != axas_npt_leaf_size(level) - 1) {
		PT(unmap_table)(npt, table, level - 1, first, last, owned, gather);
		if (memchr_inv(table, 0, AXAS_FRAME_SIZE))
			return;
	}
	WRITE_ONCE(*slot, 0);
	axas_npt_gather_table(gather, PT(table_hpa)(entry, level), level - 1, owned);
}

static void PT(unmap_table)(struct axas_npt *npt, u64 *table, unsigned int level,
			    u64 first, u64 last, bool owned, struct axas_npt_gather *gather)
{
	u64 *slot = &table[PT(index)(npt, first, level)];
	u64 end;

	cond_resched();
	for (;; slot++, first = end + 1) {
		u64 entry = READ_ONCE(*slot);

		end = PT(entry_last)(first, last, level);
		switch (PT(kind)(entry, level)) {
		case AXAS_PT_EMPTY:
			break;
		case AXAS_PT_TABLE:
			PT(unmap_child)(npt, slot, level, first, end, owned, gather);
			break;
		case AXAS_PT_LEAF:
			WRITE_ONCE(*slot, 0);
			PT(count_leaves)(npt, level, -1);
			axas_npt_gather_leaf(gather, PT(leaf_hpa)(entry, level), level, owned);
			break;
		}
		if (end == last)
			return;
	}
}

static void PT(unmap)(struct axas_npt *npt, u64 first, u64 last, bool owned,
		      struct axas_npt_gather *gather)
{
	PT(unmap_table)(npt, npt->root, npt->levels - 1, first, last, owned, gather);
}

/* Free a table that is unlinked and flushed, all below it, and the leaves' frames. */
static void PT(free_table)(struct axas_npt_gather *gather, u64 hpa, unsigned int level,
			   bool owned)
{
	struct axas_npt *npt = gather->npt;
	u64 *table = axas_hal_va(npt->hal, axas_hpa(hpa));
	unsigned int leaves = 0;
	unsigned int i;

	if (!level) {
		axas_npt_free_leaves(npt, table, owned);
		goto free;
	}
	/* What the leaves map is collected where they were. */
	for (i = 0; i < PT_ENTRIES; i++) {
		u64 entry = table[i];

		if (PT(kind)(entry, level) == AXAS_PT_TABLE)
			PT(free_table)(gather, PT(table_hpa)(entry, level), level - 1, owned);
		else if (entry)
			table[leaves++] = PT(leaf_hpa)(entry, level);
	}
	if (owned && leaves)
		npt->ops->put_leaves(npt, (struct axas_hpa *)table, leaves, level);
	PT(count_leaves)(npt, level, -(long)leaves);
free:
	axas_npt_free_table(npt, hpa);
	cond_resched();
}

/*
 * Nobody else changes a leaf now but hardware, which may set accessed and dirty bits at
 * any time: so only those bits are turned over that differ. What differed.
 */
static inline u64 PT(protect_leaf)(u64 *slot, u64 leaf, unsigned int level, u32 prot)
{
	u64 diff = PT(prot_diff)(leaf, prot, level);

	atomic64_xor(diff, (atomic64_t *)slot);
	return diff;
}

static bool PT(protect_leaves)(u64 *slot, u64 *end, u32 prot)
{
	u64 diffs = 0;

#pragma GCC unroll 4
	for (; slot < end; slot++) {
		u64 entry = READ_ONCE(*slot);

		if (entry)
			diffs |= PT(protect_leaf)(slot, entry, 0, prot);
	}
	return diffs;
}

static bool PT(protect_table)(struct axas_npt *npt, u64 *table, unsigned int level,
			      u64 first, u64 last, u32 prot)
{
	u64 *slot = &table[PT(index)(npt, first, level)];
	bool changed = false;
	u64 end;

	cond_resched();
	if (!level)
		return PT(protect_leaves)(slot, axas_npt_slot(table, last) + 1, prot);
	for (;; slot++, first = end + 1) {
		u64 entry = READ_ONCE(*slot);

		end = PT(entry_last)(first, last, level);
		switch (PT(kind)(entry, level)) {
		case AXAS_PT_EMPTY:
			break;
		case AXAS_PT_TABLE:
			changed |= PT(protect_table)(npt, PT(child)(npt, entry, level),
						     level - 1, first, end, prot);
			break;
		case AXAS_PT_LEAF:
			changed |= !!PT(protect_leaf)(slot, entry, level, prot);
			break;
		}
		if (end == last)
			return changed;
	}
}

static bool PT(protect)(struct axas_npt *npt, u64 first, u64 last, u32 prot)
{
	return PT(protect_table)(npt, npt->root, npt->levels - 1, first, last, prot);
}

static void PT(split_table)(struct axas_npt *npt, u64 *table, unsigned int level, u64 first,
			    u64 last)
{
	u64 *slot = &table[PT(index)(npt, first, level)];
	u64 end;

	cond_resched();
	for (;; slot++, first = end + 1) {
		enum axas_pt_kind kind = PT(kind)(READ_ONCE(*slot), level);

		end = PT(entry_last)(first, last, level);
		if (kind == AXAS_PT_LEAF && level) {
			PT(split_leaf)(npt, slot, first, level);
			kind = AXAS_PT_TABLE;
		}
		if (kind == AXAS_PT_TABLE)
			PT(split_table)(npt, PT(child)(npt, READ_ONCE(*slot), level),
					level - 1, first, end);
		if (end == last)
			return;
	}
}

static void PT(split_all)(struct axas_npt *npt, u64 first, u64 last)
{
	PT(split_table)(npt, npt->root, npt->levels - 1, first, last);
}

/* Whether leaves of one protection and type map one aligned piece of memory. */
static bool PT(is_one_leaf)(const struct axas_npt *npt, u64 *table, unsigned int level)
{
	struct axas_leaf first;
	unsigned int i;

	if (PT(kind)(table[0], level) != AXAS_PT_LEAF)
		return false;
	first = PT(decode)(table[0], level);
	if (first.hpa.val & (axas_npt_leaf_size(level + 1) - 1) ||
	    !(npt->caps.leaf_levels & BIT(level + 1)) ||
	    axas_npt_max_level(npt, first.prot) <= level)
		return false;
	for (i = 1; i < PT_ENTRIES; i++) {
		struct axas_leaf leaf;

		if (PT(kind)(table[i], level) != AXAS_PT_LEAF)
			return false;
		leaf = PT(decode)(table[i], level);
		if (leaf.hpa.val != first.hpa.val + i * axas_npt_leaf_size(level) ||
		    leaf.prot != first.prot || leaf.type != first.type)
			return false;
	}
	return true;
}

/* One leaf for a table of them. The frames stay mapped: only the table is freed. */
static void PT(collapse_entry)(struct axas_npt *npt, u64 *slot, u64 gpa, unsigned int level,
			       struct axas_npt_gather *gather)
{
	u64 entry = READ_ONCE(*slot);
	u64 *table = PT(child)(npt, entry, level);
	struct axas_leaf leaf = PT(decode)(table[0], level - 1);
	u64 mask = axas_npt_leaf_size(level) - 1;
	u64 attr;

	if (PT(break_before_make)()) {
		WRITE_ONCE(*slot, 0);
		npt->ops->flush(npt, gpa & ~mask, gpa | mask, true);
	}
	attr = PT(leaf_attr)(npt, leaf.prot, leaf.type, level);
	WRITE_ONCE(*slot, PT(make_leaf)(leaf.hpa.val, attr, level));
	PT(count_leaves)(npt, level, 1);
	axas_npt_gather_table(gather, PT(table_hpa)(entry, level), level - 1, false);
}

static u64 PT(collapse_table)(struct axas_npt *npt, u64 *table, unsigned int level,
			      u64 first, u64 last, struct axas_npt_gather *gather)
{
	u64 *slot = &table[PT(index)(npt, first, level)];
	u64 collapsed = 0;
	u64 end;

	cond_resched();
	/* Whatever was put together by now may stay so: a dying task stops. */
	if (fatal_signal_pending(current))
		return 0;
	for (;; slot++, first = end + 1) {
		u64 entry = READ_ONCE(*slot);

		end = PT(entry_last)(first, last, level);
		if (PT(kind)(entry, level) == AXAS_PT_TABLE) {
			u64 *child = PT(child)(npt, entry, level);

			if (level > 1)
				collapsed += PT(collapse_table)(npt, child, level - 1, first,
								end, gather);
			if (end - first == axas_npt_leaf_size(level) - 1 &&
			    PT(is_one_leaf)(npt, child, level - 1)) {
				PT(collapse_entry)(npt, slot, first, level, gather);
				collapsed++;
			}
		}
		if (end == last)
			return collapsed;
	}
}

static u64 PT(collapse)(struct axas_npt *npt, u64 first, u64 last,
			struct axas_npt_gather *gather)
{
	return PT(collapse_table)(npt, npt->root, npt->levels - 1, first, last, gather);
}

/* The members of struct axas_npt_fmt that are the same text for every format. */
#define AXAS_NPT_FMT_FUNCTIONS		\
	.geometry	= PT(geometry),	\
	.can		= PT(can),	\
	.map		= PT(map),	\
	.map_leaf	= PT(map_leaf),	\
	.lookup		= PT(lookup),	\
	.translate	= PT(translate),	\
	.table		= PT(table),	\
	.leaf_attr	= PT(small_attr),	\
	.split_at	= PT(split_at),	\
	.unmap		= PT(unmap),	\
	.protect	= PT(protect),	\
	.split_all	= PT(split_all),	\
	.collapse	= PT(collapse),	\
	.next_leaf	= PT(next_leaf),	\
	.free_table	= PT(free_table)
