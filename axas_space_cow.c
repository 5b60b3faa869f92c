// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leaves that are replaced while readers and guests use them: a large leaf by a table of smaller
 * ones. Calls axas_area.c, axas_npt.c and the formats. Locks: space->lock is held for reading while
 * an entry is BUSY; tables are allocated before.
 */
#include "axas_compat.h"
#include "axas_space.h"

/**
 * DOC: replacing a leaf
 *
 * A removal has the bar; replacing a leaf does not need it. With space->lock held for reading:
 *
 *  1. claim: the leaf becomes the BUSY marker, by cmpxchg. One of two tasks gets it;
 *  2. flush in all consumers, host mappings included;
 *  3. settle: the BUSY marker becomes the new leaf, or a table, by a store-release.
 *
 * Between 1. and 3. the entry belongs to who claimed it. No removal comes in between, because it
 * would hold space->lock for writing; a fault, an access or a translation that meets BUSY looks
 * again, and sleeps between two looks if it takes long: see axas_space_pause().
 *
 * A reader in a section may still use the old leaf's frame after 3., so who replaces a leaf by one
 * of another frame does not free the old one, and the old leaf must not have been writable.
 */

bool axas_space_replace_leaf(struct axas_space *space, struct axas_npt_pos *pos, u64 gpa, u64 new)
{
	u64 mask = axas_npt_leaf_size(pos->level) - 1;

	lockdep_assert_held(&space->lock);
	if (!axas_npt_claim(&space->npt, pos))
		return false;
	axas_space_flush(space, gpa & ~mask, gpa | mask, false);
	axas_npt_settle(&space->npt, pos, new);
	return true;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_space_replace_leaf);

/* Link a table that maps the same memory in place of a large leaf, if there is one. */
static bool split(struct axas_space *space, u64 gpa, u64 *table, u64 hpa)
{
	struct axas_npt *npt = &space->npt;
	struct axas_npt_cursor cursor;
	struct axas_npt_pos pos;
	u64 entry;

	lockdep_assert_held(&space->lock);
	axas_npt_walk(npt, &cursor, gpa, &pos);
	while (pos.level && axas_npt_kind(npt, &pos) == AXAS_PT_LEAF) {
		entry = axas_npt_split_into(npt, table, hpa, pos.entry, pos.level);
		if (axas_space_replace_leaf(space, &pos, gpa, entry)) {
			axas_npt_count_split(npt, pos.level);
			return true;
		}
	}
	return false;
}

int axas_space_split_leaf(struct axas_space *space, u64 gpa)
{
	u64 *table;
	bool done;
	u64 hpa;

	table = axas_npt_alloc_table_unset(&space->npt, &hpa);
	if (!table)
		return -ENOMEM;
	down_read(&space->lock);
	done = split(space, gpa, table, hpa);
	up_read(&space->lock);
	if (!done)
		axas_npt_free_table(&space->npt, hpa);
	return 0;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_space_split_leaf);
