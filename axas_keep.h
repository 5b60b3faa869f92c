/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private pages of a clone that a reset copies back in place, instead of dropping them: see "DOC:
 * kept pages" in axas_space_keep.c.
 */
#ifndef _AXAS_KEEP_H
#define _AXAS_KEEP_H

#include <linux/atomic.h>

#include "axas_space.h"

/* Most pages that are kept. */
#define AXAS_KEEP_MOST		16384

/**
 * struct axas_kept - a private page
 * @ptep: its leaf, at level 0
 * @source: the image's frame that it is a copy of; AXAS_HPA_NONE: zeroes
 * @written: it was written since the last sweep
 */
struct axas_kept {
	u64 *ptep;
	struct axas_hpa source;
	bool written;
};

/**
 * struct axas_keep - the private pages of a space, since its areas are those of its image
 * @nr: their number
 * @max: room in @pages and @dropped
 * @resets: resets that kept pages
 * @stale: @pages may lack some, or name entries that are gone
 * @pages: the pages; those from @max on are lost
 * @dropped: frames of pages that a reset drops
 * @hidden: for the root's entries during a reset
 *
 * Faults add pages, in a section or with space->lock held. The rest changes with the bar.
 */
struct axas_keep {
	atomic_t nr;
	unsigned int max;
	unsigned int resets;
	bool stale;
	struct axas_kept *pages;
	struct axas_hpa *dropped;
	struct axas_npt_hidden *hidden;
};

void axas_keep_add(struct axas_keep *keep, u64 *ptep, struct axas_hpa source);

/* A private leaf was made at @ptep. In a section, or with space->lock held. */
static inline void axas_space_keep_page(struct axas_space *space, u64 *ptep,
					struct axas_hpa source)
{
	struct axas_keep *keep = READ_ONCE(space->keep);

	if (unlikely(keep))
		axas_keep_add(keep, ptep, source);
}

/* Leaves change in another way than by faults: the next reset drops all. The mutex is held. */
static inline void axas_space_forget_kept(struct axas_space *space)
{
	if (unlikely(space->keep))
		space->keep->stale = true;
}

/* With the bar: the space has no private page now or, if @stale, some that are in no list. */
void axas_space_restart_kept(struct axas_space *space, bool stale);

/*
 * A list for @space with room for all pages that it has made private since the last reset. NULL: it
 * has such a one, or there is no memory for it.
 */
struct axas_keep *axas_keep_new(struct axas_space *space);

/* With the bar, on a space without private pages. Return the list that it had before, or NULL. */
struct axas_keep *axas_space_set_keep(struct axas_space *space, struct axas_keep *keep);

/* NULL: nothing. */
void axas_keep_free(struct axas_keep *keep);

/*
 * Whether the list names all that may differ from @image. The mutex is held; faults may add to the
 * list, if the bar is not.
 */
bool axas_space_lists_all(const struct axas_space *space, const struct axas_image *image);

/*
 * Give all private pages the content of @image again. The mutex is held. Return false, with nothing
 * changed, if more than that is to do.
 */
bool axas_space_reset_kept(struct axas_space *space, const struct axas_image *image);

#endif /* _AXAS_KEEP_H */
