// SPDX-License-Identifier: GPL-2.0-only
/*
 * A freeze in a dirty log: the dirty pages move to the image like all others, and the space borrows
 * them back at once, with leaves that are WRITTEN, so that they stay dirty. Calls axas_area.c,
 * axas_npt_aside.c and axas_npt.c. Locks: space->changing, and the bar.
 */
#include <linux/bitmap.h>
#include <linux/sched.h>

#include "axas_compat.h"
#include "axas_image.h"
#include "axas_npt_aside.h"

/**
 * struct carry - a walk over what was written
 * @from: has the areas, of which some are logged, and the table
 * @attr: attributes of the borrower's level 0 leaves in the area
 * @pos: the entry above level 0, or the first one of the part of a level 0 table
 * @first: the first address of that
 * @last: the last one
 * @written: the pages of a level 0 table, from @first on, that were written
 * @to: the space that borrows; NULL: @tables are counted
 * @spares: its tables
 * @tables: tables that are needed
 * @reached: the last address of those counted
 */
struct carry {
	const struct axas_space *from;
	u64 attr;
	struct axas_npt_pos pos;
	u64 first;
	u64 last;
	DECLARE_BITMAP(written, BIT(AXAS_NPT_LEVEL_BITS));
	struct axas_space *to;
	struct axas_npt_spares *spares;
	unsigned long tables;
	u64 reached;
};

/* Count the tables down to the level of the entry, as far as the entry before did not need them. */
static void count_tables(struct carry *carry)
{
	unsigned int level = carry->from->npt.levels - 1;

	for (; level > carry->pos.level; level--)
		if (carry->reached == AXAS_NPT_NO_REGION ||
		    (carry->reached ^ carry->first) >> axas_npt_shift(level))
			carry->tables++;
	carry->reached = carry->first;
}

/* A leaf or marker of @from as the borrower has it; 0: nothing. */
static u64 borrowed_entry(const struct carry *carry, u64 entry, bool written)
{
	struct axas_npt_pos pos = { .entry = entry, .level = carry->pos.level };
	const struct axas_npt *npt = &carry->from->npt;
	const struct axas_npt_fmt *fmt = npt->fmt;
	struct axas_leaf leaf;

	switch (axas_npt_kind(npt, &pos)) {
	case AXAS_PT_ZERO:
		return written ? fmt->zero : 0;
	case AXAS_PT_LEAF:
		break;
	default:
		return 0;
	}
	if (likely(!pos.level))
		return axas_npt_make_leaf(npt, axas_npt_leaf_hpa(npt, entry),
					  carry->attr | (written ? fmt->zero : 0));
	leaf = fmt->decode(entry, pos.level);
	entry = fmt->leaf(npt, leaf.hpa.val, leaf.prot & ~AXAS_PROT_WRITE, leaf.type, pos.level);
	return entry | fmt->borrowed_large | fmt->zero;
}

/* Make an entry of the borrower, unless it has one: held pages stay with the space. */
static void borrow(struct carry *carry, u64 gpa, u64 entry)
{
	struct axas_npt *npt = &carry->to->npt;
	struct axas_npt_cursor cursor;
	struct axas_npt_pos pos;

	axas_npt_walk(npt, &cursor, gpa, &pos);
	if (pos.entry)
		return;
	if (WARN_ON_ONCE(axas_npt_reach(npt, carry->spares, gpa, carry->pos.level, &pos)))
		return;
	if (entry == npt->fmt->zero)
		WARN_ON_ONCE(!axas_npt_mark_zero(npt, &pos));
	else
		WARN_ON_ONCE(!axas_npt_install(npt, &pos, entry));
}

/* Borrow what one entry has, or the pages of one table: those that were not written, too. */
static void borrow_all(struct carry *carry)
{
	unsigned int i, n = axas_page_nr(carry->last) - axas_page_nr(carry->first) + 1;
	u64 entry;

	if (carry->pos.level)
		return borrow(carry, carry->first, borrowed_entry(carry, carry->pos.entry, true));
	for (i = 0; i < n; i++) {
		entry = borrowed_entry(carry, READ_ONCE(carry->pos.ptep[i]),
				       test_bit(i, carry->written));
		if (entry)
			borrow(carry, carry->first + ((u64)i << AXAS_FRAME_SHIFT), entry);
	}
}

/* Carry what of one area the entry at carry->first has. */
static void carry_entry(struct carry *carry, u64 last)
{
	const struct axas_npt *npt = &carry->from->npt;
	struct axas_npt_cursor cursor;

	axas_npt_walk(npt, &cursor, carry->first, &carry->pos);
	carry->last = min(last, carry->first |
				(axas_npt_leaf_size(max(carry->pos.level, 1u)) - 1));
	bitmap_zero(carry->written, BIT(AXAS_NPT_LEVEL_BITS));
	if (!axas_npt_get_written(npt, carry->first,
				  min(carry->last, carry->first | (axas_npt_leaf_size(1) - 1)),
				  carry->first, carry->written))
		return;
	if (carry->to)
		borrow_all(carry);
	else
		count_tables(carry);
}

static void carry_all(struct carry *carry)
{
	MA_STATE(mas, (struct maple_tree *)&carry->from->areas->tree, 0, 0);
	const struct axas_area *area;
	u64 last;

	for (area = axas_area_start(&mas, ~0ull); area; area = axas_area_next(&mas, ~0ull)) {
		if (!(area->flags & AXAS_AREA_LOGGED))
			continue;
		carry->attr = (area->attr & ~carry->from->npt.write) |
			      carry->from->npt.fmt->borrowed;
		carry->first = axas_page_first(mas.index);
		last = axas_page_last(mas.last);
		while (axas_npt_next_touched(&carry->from->npt, &carry->first, last)) {
			carry_entry(carry, last);
			/* The bar may sleep; and what is logged has any size. */
			cond_resched();
			if (carry->last == last)
				break;
			carry->first = carry->last + 1;
		}
	}
}

unsigned long axas_space_count_carried(const struct axas_space *space)
{
	struct carry carry = { .from = space, .reached = AXAS_NPT_NO_REGION };

	carry_all(&carry);
	return carry.tables;
}

void axas_space_carry_log(struct axas_space *space, const struct axas_space *base,
			  struct axas_npt_spares *spares)
{
	struct carry carry = { .from = base, .to = space, .spares = spares };

	carry_all(&carry);
}
