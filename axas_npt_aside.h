/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the dirty log needs of a table: the part that is aside, and which leaves and markers mean
 * that a page is dirty. Locks: as axas_npt.h.
 */
#ifndef _AXAS_NPT_ASIDE_H
#define _AXAS_NPT_ASIDE_H

#include "axas_npt.h"

/**
 * DOC: what is put aside
 *
 * A nested page table can have a second root, npt->aside, which hardware does not walk. Putting a
 * range aside moves the entries of its upper tables to the same places below that root: each entry
 * is moved as it is, with all that is below it, so the cost does not depend on what is mapped. The
 * next fault in a 2 MiB region finds no entry. It claims the region's entry in the part put aside
 * (a 2 MiB leaf, or the pointer to a level 0 table), changes the leaves, which hardware does not
 * walk, and links the entry where hardware finds it.
 *
 *	fault						another reader
 *	claim: entry aside = BUSY (cmpxchg)		entry walked is EMPTY
 *	change the leaves				entry aside (acquire): EMPTY
 *	entry walked = entry (cmpxchg)			walk again
 *	entry aside = EMPTY (release)
 *
 * Each region is in one place: below the root, or aside. A reader that finds it in neither place
 * has raced with the end of a fault, and finds it below the root when it walks again. It also
 * repeats after BUSY.
 */

/*
 * Find what is put aside at @gpa. Shared. Return the kind of the entry at *@pos: LEAF, at a level
 * above 0; TABLE, at level 1; BUSY, a fault is just taking it back; or EMPTY, also if nothing at
 * all is put aside. @pos->level then tells how much around @gpa is not.
 */
enum axas_pt_kind axas_npt_look_aside(const struct axas_npt *npt, u64 gpa,
				      struct axas_npt_pos *pos);

/* Claim an entry found by axas_npt_look_aside(). Shared. False if another CPU has. */
static inline bool __must_check axas_npt_claim_aside(struct axas_npt *npt,
						     struct axas_npt_pos *pos)
{
	return try_cmpxchg(pos->ptep, &pos->entry, npt->fmt->busy);
}

/*
 * Link a claimed @entry at the non-present @pos, which has the claim's level, and end the claim.
 * Shared.
 */
void axas_npt_take_back(struct axas_npt *npt, struct axas_npt_pos *claim, u64 entry,
			struct axas_npt_pos *pos);

/* Set *@gpa to the next address at or after it that is put aside; false if there is none. */
bool axas_npt_next_aside(const struct axas_npt *npt, u64 *gpa);

/*
 * Allocate what axas_npt_put_aside() needs: the second root, and spare tables. space->changing is
 * held; may sleep. Return 0, -ENOMEM, or -EINTR on a fatal signal; the second root may stay.
 */
int __must_check axas_npt_reserve_aside(struct axas_npt *npt, struct axas_npt_spares *spares,
					u64 first, u64 last);
/**
 * struct axas_npt_move - a move of entries between the two roots, in pieces
 * @job: range and budget
 * @spares: put aside: tables on the way to the ends of the range; end: out: tables to free
 * @zeroes: put aside: ZERO markers become clean ones
 */
struct axas_npt_move {
	struct axas_npt_job job;
	struct axas_npt_spares *spares;
	bool zeroes;
};

/*
 * Put a range aside, or a piece of it. Exclusive. No leaf above level 0 reaches across the ends of
 * the range. In 2 MiB regions that it covers in part, leaves are narrowed instead. ZERO markers
 * that it covers become EMPTY, or clean ones. All of the piece must be flushed.
 */
void axas_npt_put_aside(struct axas_npt *npt, struct axas_npt_move *move);
/*
 * Take everything back, as it is, or a piece of it. Exclusive. @move->job has all of the table as
 * its range. When that is done, npt->aside is NULL, and the caller frees the root that it was and,
 * by axas_npt_put_spares(), the tables that were below it.
 */
void axas_npt_end_aside(struct axas_npt *npt, struct axas_npt_move *move);

/*
 * In a level 0 table that is not walked: make @n leaves from @ptep on permit writes, or forbid
 * them. None is WRITTEN after it; ZERO markers become EMPTY, or with @zeroes clean ones.
 */
void axas_npt_begin_log(const struct axas_npt *npt, u64 *ptep, unsigned int n, bool write,
			bool zeroes);

/*
 * Set the bit of each page of [first, last] that was written; bit 0 of @bitmap is the page of
 * @base. Shared; tables must stay, so space->changing is held. Return whether there are any.
 */
bool axas_npt_get_written(const struct axas_npt *npt, u64 first, u64 last, u64 base,
			  unsigned long *bitmap);

/*
 * Set *@gpa to the next address of [*@gpa, @last] at which there is a level 0 table, or an entry
 * above level 0 that is not EMPTY; false, with *@gpa undefined, if there is none. What is put aside
 * does not count. Shared; tables must stay, so space->changing is held.
 */
bool axas_npt_next_touched(const struct axas_npt *npt, u64 *gpa, u64 last);

/**
 * struct axas_npt_clear - leaves to make read-only, so that their pages are clean
 * @job: range and budget; out: @changed
 * @bitmap: the pages; NULL: all
 * @base: page of bit 0
 * @zeroes: ZERO markers become clean ones, not EMPTY
 * @dear: pages are looked at again, and unmapped on the host: each counts as several entries of the
 *	budget, and so does each run of pages in @bitmap
 * @closed: the area forbids writes, but pages may still be held from before it did: they are looked
 *	at although no leaf is narrowed
 */
struct axas_npt_clear {
	struct axas_npt_job job;
	const unsigned long *bitmap;
	u64 base;
	bool zeroes;
	bool dear;
	bool closed;
};

/*
 * Narrow leaves, so that the next write is noticed; clear WRITTEN and ZERO. @job is in a struct
 * axas_npt_clear. Exclusive. A leaf above level 0 is narrowed only if all its pages are given.
 */
void axas_npt_clear_written(struct axas_npt *npt, struct axas_npt_job *job);

/* Make the leaf of a page say again that it was written; the area permits @write. Exclusive. */
void axas_npt_set_written(struct axas_npt *npt, u64 gpa, bool write);

#endif /* _AXAS_NPT_ASIDE_H */
