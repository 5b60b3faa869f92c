/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Images: the content of a space at a freeze. An image never changes, and is the backend of the
 * areas of its clones. Calls axas_area.c, axas_backend.c and axas_npt.c.
 */
#ifndef _AXAS_IMAGE_H
#define _AXAS_IMAGE_H

#include <linux/refcount.h>
#include <axas/image.h>

#include "axas_space.h"

/**
 * DOC: images
 *
 * A freeze moves the table's entries, the areas and the frames of a space into a base: a space that
 * is not mapped, faulted in or changed any more. The frozen space gets an empty table below the
 * same root, and areas whose backend is the image. That backend lends: see "DOC: copy on write". So
 * a clone's leaf is BORROWED until the first write. A frame is owned by the space that has a leaf
 * of it that is not BORROWED.
 *
 *	descriptor ----+
 *	space ---------+--> image --> base --> image (parent) --> base ...
 *
 * A page for which the base has no leaf is, by the base's area: zeroes (alloc), the parent's page
 * (an area of a clone), or a file's. All of it stays as long as the image, on which a clone has a
 * reference until no area of it has the image as its backend.
 */

/* Longest chain of images: each freeze of a clone makes it one longer. */
#define AXAS_IMAGE_DEPTH	1024

/* From this depth on, a freeze joins images that have no other user: see "DOC: folding". */
#define AXAS_FOLD_DEPTH		16

/**
 * struct axas_image - an image
 * @ref: references: of descriptors, spaces, bases and faults in progress
 * @users: those of descriptors, spaces and bases alone
 * @depth: images in its chain, itself included
 * @large: there may be leaves of 2 MiB in the chain
 * @base: its table, areas and frames
 * @areas: the areas of its clones, until they change them
 * @free_base: frees them
 */
struct axas_image {
	refcount_t ref;
	atomic_t users;
	unsigned int depth;
	bool large;
	struct axas_space *base;
	struct axas_areas *areas;
	void (*free_base)(struct axas_space *base);
};

/*
 * Make an image of an empty @base, whose areas and table come next. The caller is its only user.
 * NULL if out of memory.
 */
struct axas_image *__must_check axas_image_new(struct axas_space *base,
					       void (*free_base)(struct axas_space *base));

/*
 * Areas that are backed by @image, for @space or another clone, one for each area of @from, which
 * its base has or will have. @flags: those of the areas' flags that stay. NULL if out of memory.
 */
struct axas_areas *__must_check axas_image_new_areas(struct axas_image *image,
						     const struct axas_space *space,
						     const struct axas_areas *from, u32 flags);

/**
 * struct axas_image_page - what a page of an image contains
 * @hpa: its frame; AXAS_HPA_NONE: zeroes
 * @backend: if set, a file that has to bring it first, from @offset
 * @offset: offset in @backend
 */
struct axas_image_page {
	struct axas_hpa hpa;
	const struct axas_backend *backend;
	u64 offset;
};

/*
 * axas_space_fold.c: freeze a space without a new image. The mutex is held. Return the image of the
 * space, with a reference; NULL, with nothing changed, if that cannot be.
 */
struct axas_image *__must_check axas_space_fold(struct axas_space *space);

/*
 * axas_space_carry.c: with the bar, tables that axas_space_carry_log() will need: at most, and
 * beside those that pages which stay with the space need.
 */
unsigned long axas_space_count_carried(const struct axas_space *space);

/*
 * With the bar, after the exchange of table and areas: @space borrows from @base, WRITTEN, what the
 * log of @base's areas has as written; and other pages of the same tables. @spares: see above.
 */
void axas_space_carry_log(struct axas_space *space, const struct axas_space *base,
			  struct axas_npt_spares *spares);

/* Find the page of @gpa; false for a hole. Does not sleep. @image is held. */
bool axas_image_find(const struct axas_image *image, u64 gpa, struct axas_image_page *page);

/*
 * The page of a frame that axas_image_find() has found, without a reference: @image keeps it. NULL
 * if it has none that may be mapped on the host.
 */
struct page *axas_image_frame(const struct axas_image *image, u64 gpa, struct axas_hpa hpa);

/*
 * Copy from @gpa to @to, within one page. No lock is held; @image is. Return bytes; -EFAULT for a
 * hole, or if user memory cannot be written; or an error as axas_image_read().
 */
ssize_t axas_image_copy(const struct axas_image *image, u64 gpa, struct iov_iter *to);

#endif /* _AXAS_IMAGE_H */
