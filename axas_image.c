// SPDX-License-Identifier: GPL-2.0-only
/*
 * Images and the backend that lends their frames to clones; see axas_image.h. Calls axas_area.c and
 * axas_npt.c.
 *
 * Locks: none. The content of an image does not change while somebody has a reference on it.
 */
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "axas_compat.h"
#include "axas_image.h"

static const struct axas_image *image_of(const struct axas_backend *backend)
{
	return backend->object;
}

/* A base is freed with the mutex of a space held that was the last to have its image. */
static struct lock_class_key base_changing __maybe_unused;

struct axas_image *axas_image_new(struct axas_space *base,
				  void (*free_base)(struct axas_space *base))
{
	struct axas_image *image;

	/* Also a base that gets no image is freed with the mutex of a space held. */
	lockdep_set_class(&base->changing, &base_changing);
	image = kzalloc(sizeof(*image), GFP_KERNEL_ACCOUNT);
	if (!image)
		return NULL;
	refcount_set(&image->ref, 1);
	atomic_set(&image->users, 1);
	image->depth = 1;
	image->base = base;
	image->free_base = free_base;
	return image;
}

struct axas_image *axas_image_get(struct axas_image *image)
{
	refcount_inc(&image->ref);
	atomic_inc(&image->users);
	return image;
}
EXPORT_SYMBOL_AXAS(axas_image_get);

/*
 * Drop a reference. A chain is freed from its end on, in a loop: a base gives its reference to the
 * parent up only after its areas have given theirs.
 */
static void put_chain(struct axas_image *image)
{
	struct axas_image *parent;

	while (image && refcount_dec_and_test(&image->ref)) {
		parent = image->base->image;
		image->base->image = NULL;
		if (image->areas)
			axas_areas_put(image->areas);
		image->free_base(image->base);
		kfree(image);
		image = parent;
		if (image)
			atomic_dec(&image->users);
	}
}

void axas_image_put(struct axas_image *image)
{
	if (!image)
		return;
	atomic_dec(&image->users);
	put_chain(image);
}
EXPORT_SYMBOL_AXAS(axas_image_put);

void axas_space_drop_image(struct axas_space *space)
{
	struct axas_image *image = space->image;

	lockdep_assert_held(&space->changing);
	if (likely(!image) || space->areas->frozen_pages)
		return;
	space->image = NULL;
	axas_image_put(image);
}

static void image_hold(const struct axas_backend *backend)
{
	refcount_inc(&((struct axas_image *)backend->object)->ref);
}

static void image_release(const struct axas_backend *backend)
{
	put_chain((struct axas_image *)backend->object);
}

/**
 * struct spot - where a chain has the page of an address
 * @image: the image whose base has a leaf or a marker, or whose area is no clone's
 * @area: that area, of an address without leaf or marker, or with a BORROWED leaf; else NULL
 * @last: last byte up to which images above @image have nothing
 * @pos: the entry
 * @kind: its kind
 */
struct spot {
	const struct axas_image *image;
	const struct axas_area *area;
	u64 last;
	struct axas_npt_pos pos;
	enum axas_pt_kind kind;
};

static bool is_borrowed(const struct spot *spot)
{
	return axas_npt_is_borrowed(&spot->image->base->npt, spot->pos.entry, spot->pos.level);
}

static const struct axas_backend_ops image_ops;
static const struct axas_backend_ops unmapped_ops;

static bool is_of_image(const struct axas_area *area)
{
	return area->backend.ops == &image_ops || area->backend.ops == &unmapped_ops;
}

/*
 * Find the page of @gpa in the chain of @image. @owner: find the leaf that owns the frame or lends
 * it, not one that borrows it. Return false for a hole.
 */
static bool find(const struct axas_image *image, u64 gpa, bool owner, struct spot *spot)
{
	struct axas_cpu found = axas_nothing_found();

	spot->last = ~0ull;
	for (;; image = image_of(&spot->area->backend)) {
		spot->image = image;
		spot->area = NULL;
		axas_npt_walk(&image->base->npt, &found.cursor, gpa, &spot->pos);
		spot->kind = axas_npt_kind(&image->base->npt, &spot->pos);
		if (spot->kind == AXAS_PT_ZERO ||
		    (spot->kind == AXAS_PT_LEAF && !(owner && is_borrowed(spot))))
			return true;
		spot->area = axas_area_look_up(image->base, &found, gpa);
		if (!spot->area)
			return false;
		spot->last = min3(spot->last, found.last,
				  gpa | (axas_npt_leaf_size(spot->pos.level) - 1));
		if (!is_of_image(spot->area))
			return true;
	}
}

/* The frame of @gpa in a leaf. */
static struct axas_hpa frame_at(const struct spot *spot, u64 gpa)
{
	const struct axas_npt *npt = &spot->image->base->npt;
	struct axas_translation to;

	if (likely(!spot->pos.level))
		return axas_npt_leaf_hpa(npt, spot->pos.entry);
	axas_npt_resolve(npt, &spot->pos, gpa & ~(u64)(AXAS_FRAME_SIZE - 1), &to);
	return to.hpa;
}

/* Addresses of the frames from @gpa on, up to the end of the leaf or of the table. */
static unsigned int frames_at(const struct spot *spot, u64 gpa, struct axas_hpa *hpas,
			      unsigned int n)
{
	unsigned int level = max(spot->pos.level, 1u), i;
	const struct axas_npt *npt = &spot->image->base->npt;
	u64 last = min(spot->last, gpa | (axas_npt_leaf_size(level) - 1));

	n = min_t(u64, n, axas_page_nr(last) - axas_page_nr(gpa) + 1);
	hpas[0] = frame_at(spot, gpa);
	for (i = 1; i < n; i++) {
		if (spot->pos.level)
			hpas[i] = axas_hpa_offset(hpas[0], (u64)i << AXAS_FRAME_SHIFT);
		else if (axas_npt_is_leaf(npt, spot->pos.ptep[i]))
			hpas[i] = axas_npt_leaf_hpa(npt, spot->pos.ptep[i]);
		else
			break;
	}
	return i;
}

static int image_lend(const struct axas_backend *backend, u64 offset, struct axas_hpa *hpas,
		      unsigned int n)
{
	const struct axas_backend *file;
	struct spot spot;

	if (WARN_ON_ONCE(!find(image_of(backend), offset, false, &spot)))
		return AXAS_LEND_ZERO;
	if (!spot.area)
		return spot.kind == AXAS_PT_LEAF ? frames_at(&spot, offset, hpas, n) :
						   AXAS_LEND_ZERO;
	if (!axas_area_lends(spot.area))
		return AXAS_LEND_ZERO;
	file = &spot.area->backend;
	n = min_t(u64, n, axas_page_nr(spot.last) - axas_page_nr(offset) + 1);
	return file->ops->lend(file, offset + file->offset, hpas, n);
}

/*
 * Find the table, or the leaf or marker above level 0, that has the region of @gpa: the first one
 * in the chain of @image. False if there is none; spot->last is set in any case.
 */
static bool find_table(const struct axas_image *image, u64 gpa, struct spot *spot)
{
	struct axas_cpu found = axas_nothing_found();

	spot->last = gpa | (axas_npt_leaf_size(1) - 1);
	for (;; image = image_of(&spot->area->backend)) {
		spot->image = image;
		axas_npt_walk(&image->base->npt, &found.cursor, gpa, &spot->pos);
		spot->kind = axas_npt_kind(&image->base->npt, &spot->pos);
		if (!spot->pos.level || spot->kind != AXAS_PT_EMPTY)
			return true;
		spot->area = axas_area_look_up(image->base, &found, gpa);
		if (!spot->area)
			return false;
		spot->last = min(spot->last, found.last);
		if (!is_of_image(spot->area))
			return false;
	}
}

/* Leaves that are tested together: mostly all are present. */
#define TOGETHER	8

/* Whether some entries have a present bit in common; then all are leaves. */
static bool all_present(const u64 *from, u64 present)
{
	unsigned int i;

#pragma GCC unroll 8
	for (i = 0; i < TOGETHER; i++)
		present &= from[i];
	return present;
}

/* Copy leaves, with other attributes; other entries get 0. Return the number of these. */
static unsigned int copy_some(const u64 *from, u64 *to, unsigned int n, u64 present, u64 mask,
			      u64 attr)
{
	unsigned int others = 0, i;

	for (i = 0; i < n; i++) {
		to[i] = from[i] & present ? (from[i] & mask) | attr : 0;
		others += !to[i];
	}
	return others;
}

/* The same for entries of a table. Return the number of leaves. */
static unsigned int copy_leaves(const struct axas_npt *npt, const u64 *from, u64 *to,
				unsigned int n, u64 attr)
{
	const u64 mask = npt->leaf_mask, present = npt->present;
	unsigned int left = n, others = 0, i;

	while (left) {
		/* Eight leaves at a time, as long as all are. */
		for (; left >= TOGETHER && likely(all_present(from, present)); left -= TOGETHER) {
#pragma GCC unroll 8
			for (i = 0; i < TOGETHER; i++)
				to[i] = (from[i] & mask) | attr;
			from += TOGETHER;
			to += TOGETHER;
		}
		i = min_t(unsigned int, left, TOGETHER);
		others += copy_some(from, to, i, present, mask, attr);
		left -= i;
		from += i;
		to += i;
	}
	return n - others;
}

/* Leaves of contiguous frames. */
static unsigned int split_leaf(const struct spot *spot, u64 gpa, u64 *to, unsigned int n, u64 attr)
{
	struct axas_hpa hpa = frame_at(spot, gpa);
	unsigned int i;

	for (i = 0; i < n; i++)
		to[i] = axas_npt_make_leaf(&spot->image->base->npt,
					   axas_hpa_offset(hpa, (u64)i << AXAS_FRAME_SHIFT), attr);
	return n;
}

/* Images that one call looks at, where each page may be in another one: with preemption off. */
#define LEND_LOOKS	512

static unsigned int image_lend_table(const struct axas_backend *backend, u64 offset, u64 *ptep,
				     unsigned int n, u64 attr)
{
	const struct axas_image *image = image_of(backend);
	unsigned int leaves = 0, here, looks = 0;
	struct spot spot;

	for (; n && looks < LEND_LOOKS; n -= here, ptep += here) {
		bool any = find_table(image, offset, &spot);

		looks += any ? image->depth - spot.image->depth + 1 : image->depth;
		here = min_t(u64, n, axas_page_nr(spot.last) - axas_page_nr(offset) + 1);
		if (any && !spot.pos.level)
			leaves += copy_leaves(&spot.image->base->npt, spot.pos.ptep, ptep, here,
					      attr);
		else if (any && spot.kind == AXAS_PT_LEAF)
			leaves += split_leaf(&spot, offset, ptep, here, attr);
		else
			memset(ptep, 0, here * sizeof(*ptep));
		offset += (u64)here << AXAS_FRAME_SHIFT;
	}
	/* The rest is borrowed page by page. */
	memset(ptep, 0, n * sizeof(*ptep));
	return leaves;
}

static struct axas_hpa image_lend_block(const struct axas_backend *backend, u64 offset)
{
	const struct axas_image *image = image_of(backend);
	u64 last = offset | (axas_npt_leaf_size(1) - 1);
	struct spot spot;

	/* Without a look, where nothing can be. */
	if (likely(!READ_ONCE(image->large)) || !find_table(image, offset, &spot) ||
	    !spot.pos.level || spot.kind != AXAS_PT_LEAF || spot.last != last)
		return axas_hpa(AXAS_HPA_NONE);
	return frame_at(&spot, offset);
}

static int image_fetch(const struct axas_backend *backend, u64 offset, unsigned int n)
{
	const struct axas_backend *file;
	struct spot spot;

	if (!find(image_of(backend), offset, false, &spot) || !spot.area ||
	    !axas_area_lends(spot.area))
		return 0;
	file = &spot.area->backend;
	return file->ops->fetch(file, offset + file->offset, n);
}

static struct page *image_page(const struct axas_backend *backend, u64 offset, struct axas_hpa hpa)
{
	const struct axas_backend *file;
	const struct axas_hal *hal;
	struct spot spot;

	if (!find(image_of(backend), offset, true, &spot))
		return NULL;
	if (spot.area) {
		file = &spot.area->backend;
		return axas_area_lends(spot.area) ?
		       file->ops->page(file, offset + file->offset, hpa) : NULL;
	}
	hal = spot.image->base->npt.hal;
	if (spot.kind != AXAS_PT_LEAF || frame_at(&spot, offset).val != hpa.val ||
	    !hal->frame_page)
		return NULL;
	return hal->frame_page(hal, hpa);
}

static const struct axas_backend_ops image_ops = {
	.id	= AXAS_BACKEND_IMAGE,
	.flags	= AXAS_BACKEND_DIRECT | AXAS_BACKEND_LENDS | AXAS_BACKEND_FROZEN,
	.lend	= image_lend,
	.lend_block = image_lend_block,
	.lend_table = image_lend_table,
	.fetch	= image_fetch,
	.page	= image_page,
	.hold	= image_hold,
	.release = image_release,
};

/* Over a file whose pages must not be mapped on the host. */
static const struct axas_backend_ops unmapped_ops = {
	.id	= AXAS_BACKEND_IMAGE,
	.flags	= AXAS_BACKEND_DIRECT | AXAS_BACKEND_LENDS | AXAS_BACKEND_FROZEN |
		  AXAS_BACKEND_UNMAPPED,
	.lend	= image_lend,
	.lend_table = image_lend_table,
	.fetch	= image_fetch,
	.page	= image_page,
	.hold	= image_hold,
	.release = image_release,
};

/* Add the counterpart of one area. */
static int add_area(const struct axas_space *space, struct axas_image *image,
		    struct axas_areas *areas, const struct axas_area *area, u64 first, u64 last,
		    u32 flags)
{
	struct axas_backend backend = {
		.ops = area->backend.ops->flags & AXAS_BACKEND_UNMAPPED ? &unmapped_ops :
									  &image_ops,
		.object = image,
	};
	struct axas_area *new = axas_area_new(space, axas_gpa_range(axas_gpa(first),
								   last - first + 1),
					      area->prot, area->type, area->flags & flags, backend);

	if (IS_ERR(new))
		return PTR_ERR(new);
	if (!axas_areas_add(areas, first, last, new))
		return 0;
	axas_area_free(new);
	return -ENOMEM;
}

struct axas_areas *axas_image_new_areas(struct axas_image *image, const struct axas_space *space,
					const struct axas_areas *from, u32 flags)
{
	MA_STATE(mas, (struct maple_tree *)&from->tree, 0, 0);
	struct axas_areas *areas = axas_areas_new();
	struct axas_area *area;
	int err = 0;

	if (!areas)
		return NULL;
	for (area = axas_area_start(&mas, ~0ull); area && !err;
	     area = axas_area_next(&mas, ~0ull)) {
		err = add_area(space, image, areas, area, axas_page_first(mas.index),
			       axas_page_last(mas.last), flags);
		cond_resched();
	}
	if (!err)
		return areas;
	axas_areas_put(areas);
	return NULL;
}

bool axas_image_find(const struct axas_image *image, u64 gpa, struct axas_image_page *page)
{
	struct spot spot;

	*page = (struct axas_image_page){ .hpa = axas_hpa(AXAS_HPA_NONE) };
	if (!find(image, gpa, false, &spot))
		return false;
	if (!spot.area && spot.kind == AXAS_PT_LEAF) {
		page->hpa = frame_at(&spot, gpa);
	} else if (spot.area && axas_area_lends(spot.area)) {
		page->offset = gpa + spot.area->backend.offset;
		if (spot.area->backend.ops->lend(&spot.area->backend, page->offset,
						 &page->hpa, 1) != 1)
			page->backend = &spot.area->backend;
	}
	return true;
}

struct page *axas_image_frame(const struct axas_image *image, u64 gpa, struct axas_hpa hpa)
{
	const struct axas_backend backend = { .object = (void *)image };
	struct spot spot;

	if (!find(image, gpa, true, &spot))
		return NULL;
	if (spot.area && spot.area->backend.ops->flags & AXAS_BACKEND_UNMAPPED)
		return NULL;
	return image_page(&backend, gpa, hpa);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_image_frame);

/* Bring a page to hand. *@va: its content, or NULL for zeroes. */
static int bring_page(const struct axas_image *image, u64 gpa, const void **va)
{
	struct axas_image_page page;
	int err;

	for (;;) {
		if (!axas_image_find(image, gpa, &page))
			return -EFAULT;
		if (!page.backend)
			break;
		if (fatal_signal_pending(current))
			return -EINTR;
		err = page.backend->ops->fetch(page.backend, page.offset, 1);
		if (err)
			return err;
	}
	*va = page.hpa.val == AXAS_HPA_NONE ? NULL :
						axas_hal_va(image->base->npt.hal, page.hpa);
	return 0;
}

int axas_image_read(struct axas_image *image, struct axas_gpa gpa, void *buf, size_t len)
{
	const void *va;
	size_t n, at;
	int err;

	for (; len; len -= n, buf += n) {
		at = gpa.val & (AXAS_FRAME_SIZE - 1);
		n = min_t(size_t, len, AXAS_FRAME_SIZE - at);
		err = bring_page(image, gpa.val - at, &va);
		if (err)
			return err;
		if (va)
			memcpy(buf, va + at, n);
		else
			memset(buf, 0, n);
		gpa = axas_gpa(gpa.val + n);
		cond_resched();
	}
	return 0;
}
EXPORT_SYMBOL_AXAS(axas_image_read);

ssize_t axas_image_copy(const struct axas_image *image, u64 gpa, struct iov_iter *to)
{
	size_t at = gpa & (AXAS_FRAME_SIZE - 1), n = min(iov_iter_count(to), AXAS_FRAME_SIZE - at);
	const void *va;
	int err = bring_page(image, gpa - at, &va);

	if (err)
		return err;
	/* User memory may fault: no lock is held, and the page stays. */
	return (va ? _copy_to_iter(va + at, n, to) : iov_iter_zero(n, to)) ?: -EFAULT;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_image_copy);
