/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A removal in pieces: what unmap, protect, collapse and discard have in common. Each piece breaks
 * or narrows leaves with the bar, flushes, drops the bar, and frees what it removed. Locks:
 * space->changing is held throughout; see axas_area.h.
 */
#ifndef _AXAS_REMOVAL_H
#define _AXAS_REMOVAL_H

#include "axas_space.h"

/* A removal of at least this many bytes allocates a buffer for its gather. */
#define AXAS_REMOVAL_FEW	((u64)(AXAS_GATHER_INLINE - AXAS_GATHER_MOST) * AXAS_FRAME_SIZE)

/*
 * Entries visited with the bar held, in one piece: some 100,000 instructions, for which faults
 * in other areas may have to wait. An entry that points to a table whose 2 MiB go as a whole
 * counts as one, so a piece removes up to 2,000 leaves one by one, or a million by their tables.
 */
#define AXAS_PIECE_ENTRIES	4096

/**
 * struct axas_removal - a removal in progress
 * @space: the space
 * @gather: frames and tables to free after each piece
 * @budget: entries that this piece may still visit
 * @first: first byte of this piece
 * @done: last byte that an earlier job of this piece has worked on
 * @changed: this piece narrowed leaves, which need a flush
 * @pages: NULL, or a bitmap: only leaves of these pages change, and no tables
 * @base: address of the page of bit 0
 * @flushed: called with the bar, after the flush of a piece that got as far as @last, if it needed
 *	one; or NULL
 */
struct axas_removal {
	struct axas_space *space;
	struct axas_npt_gather gather;
	unsigned int budget;
	u64 first;
	u64 done;
	bool changed;
	const unsigned long *pages;
	u64 base;
	void (*flushed)(struct axas_removal *removal, u64 last);
};

/*
 * The first leaf from *@gpa to @last of which pages may change; sets *@gpa to its first byte, or,
 * above level 0, to one in it. False: there is none.
 */
bool axas_removal_next_leaf(const struct axas_removal *removal, u64 *gpa, u64 last,
			    struct axas_leaf *leaf, u64 *entry);

/* @many: see axas_npt_gather_init(). */
void axas_removal_init(struct axas_removal *removal, struct axas_space *space, bool many);
void axas_removal_end(struct axas_removal *removal);

/* Take the bar for a piece that begins at @first. */
void axas_piece_begin(struct axas_removal *removal, u64 first);
/* End a piece that got as far as @last: flush, drop the bar, free. */
void axas_piece_end(struct axas_removal *removal, u64 last);

/* Do as much of a job as this piece may. */
void axas_piece_do(struct axas_removal *removal, struct axas_npt_job *job,
		   void (*work)(struct axas_npt *npt, struct axas_npt_job *job));
/* Do a job in as many pieces as it needs. The caller ends the last piece. */
void axas_removal_do(struct axas_removal *removal, struct axas_npt_job *job,
		     void (*work)(struct axas_npt *npt, struct axas_npt_job *job));

/*
 * Wait for all host faults that may be about to map a page: see "DOC: host mappings". With the bar,
 * which keeps new ones out. The caller zaps the mappings, by a flush, next.
 */
void axas_removal_await_all(struct axas_space *space);

/* The backend that frees the frames that leaves of an area own; NULL: they own none. */
static inline const struct axas_backend *axas_removal_owner(const struct axas_space *space,
							    const struct axas_area *area)
{
	if (unlikely(axas_area_lends(area)))
		return &space->own;
	return area->backend.ops->put ? &area->backend : NULL;
}

/* A job that removes the leaves of [first, last], a part of @area. */
static inline struct axas_npt_job axas_removal_job(struct axas_removal *removal,
						   const struct axas_area *area, u64 first,
						   u64 last)
{
	return (struct axas_npt_job){
		.begin = first, .first = first, .last = last,
		.owner = axas_removal_owner(removal->space, area),
		.gather = &removal->gather,
	};
}

#endif /* _AXAS_REMOVAL_H */
