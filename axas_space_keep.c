// SPDX-License-Identifier: GPL-2.0-only
/*
 * Private pages of a clone that a reset copies back in place. Calls axas_npt.c, axas_area.c,
 * axas_removal.c, axas_backend.c and the HAL. Locks: space->changing is held by all but faults; see
 * axas_keep.h.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "axas_compat.h"
#include "axas_image.h"
#include "axas_keep.h"
#include "axas_removal.h"

/**
 * DOC: kept pages
 *
 * A guest that is reset again and again, as after each input of a fuzzer, writes mostly to the same
 * pages. So a reset keeps private pages, with their leaves, and copies the image's content into
 * those that were written since the last reset. It walks no table: from its first reset on, a space
 * lists each leaf that copy on write makes private, with the frame of which it is a copy.
 *
 * A page was written if its leaf is dirty. Hardware sets that bit for a guest's write where the
 * format has it (fmt->dirty). The host must set it, too: from the first reset on it is a part of
 * npt->need for writes, so that a write to a clean page, or the fault of a host mapping, gets to
 * axas_space_fault.c, which sets it. With a format without the bit all kept pages are copied.
 *
 * With the bar, a reset takes the entries out of the root, and flushes. Hardware then walks none of
 * the tables, so content and bits change at one moment for all vCPUs. Then the entries are
 * restored.
 *
 * This applies only while the space has the areas of the image that it is reset to, and only copy
 * on write has changed its leaves. Otherwise all private pages are dropped, as by the first reset.
 * A page is also dropped if somebody holds it, since that user could write to it later, or if it
 * was not written for some resets. With a limit of frames nothing is kept: kept pages would count
 * against what the guest writes next.
 */

/* Each so many resets drop the pages that were not written since the last such sweep. */
#define SWEEP		8

/* The same where the table does not say that: all of them. */
#define BLIND_SWEEP	64

/* Most pages that are kept there: all of them are copied each time. */
#define BLIND_MOST	1024

/* Frames that are freed between two chances to schedule. */
#define PUT_AT_ONCE	512u

/* Pages of a new list. */
#define FIRST_MOST	1024

static unsigned int keep_most(const struct axas_space *space)
{
	return space->npt.fmt->dirty ? AXAS_KEEP_MOST : BLIND_MOST;
}

void axas_keep_add(struct axas_keep *keep, u64 *ptep, struct axas_hpa source)
{
	unsigned int i;

	/* Far beyond the room: the number says just that. */
	if (atomic_read(&keep->nr) > AXAS_KEEP_MOST)
		return;
	i = atomic_inc_return(&keep->nr) - 1;
	if (i < keep->max)
		keep->pages[i] = (struct axas_kept){ .ptep = ptep, .source = source };
}

void axas_space_restart_kept(struct axas_space *space, bool stale)
{
	struct axas_keep *keep = space->keep;

	if (!keep)
		return;
	atomic_set(&keep->nr, 0);
	keep->stale = stale;
}

void axas_keep_free(struct axas_keep *keep)
{
	if (!keep)
		return;
	kvfree(keep->hidden);
	kvfree(keep->dropped);
	kvfree(keep->pages);
	kfree(keep);
}

struct axas_keep *axas_keep_new(struct axas_space *space)
{
	unsigned int nr = space->keep ? atomic_read(&space->keep->nr) : 0;
	unsigned int max = min(max_t(unsigned int, FIRST_MOST, roundup_pow_of_two(nr + 1)),
			       keep_most(space));
	struct axas_keep *keep;

	/* What is kept would take the room of what is written next. */
	if (space->pool.limited || (space->keep && space->keep->max >= max))
		return NULL;
	keep = kzalloc(sizeof(*keep), GFP_KERNEL_ACCOUNT);
	if (!keep)
		return NULL;
	keep->max = max;
	keep->pages = kvmalloc_array(max, sizeof(*keep->pages), GFP_KERNEL_ACCOUNT);
	keep->dropped = kvmalloc_array(max, sizeof(*keep->dropped), GFP_KERNEL_ACCOUNT);
	keep->hidden = kvmalloc_array(1u << space->npt.root_bits, sizeof(*keep->hidden),
				      GFP_KERNEL_ACCOUNT);
	if (keep->pages && keep->dropped && keep->hidden)
		return keep;
	axas_keep_free(keep);
	return NULL;
}

struct axas_keep *axas_space_set_keep(struct axas_space *space, struct axas_keep *keep)
{
	struct axas_keep *old = space->keep;

	axas_npt_need_dirty(&space->npt);
	WRITE_ONCE(space->keep, keep);
	return old;
}

bool axas_space_lists_all(const struct axas_space *space, const struct axas_image *image)
{
	const struct axas_keep *keep = space->keep;

	return keep && image && !keep->stale && space->image == image &&
	       space->areas == image->areas && !space->origin && !space->npt.aside &&
	       atomic_read(&keep->nr) <= keep->max;
}

/* A frame of a HAL that has pages. */
static bool has_failed(const struct axas_npt *npt, struct axas_hpa hpa)
{
	return npt->hal->frame_page && PageHWPoison(virt_to_page(axas_hal_va(npt->hal, hpa)));
}

/* Give a page its content back. Memory that has failed is not read, nor used again: false. */
static bool restore(const struct axas_npt *npt, u64 leaf, struct axas_hpa source)
{
	struct axas_hpa hpa = axas_npt_leaf_hpa(npt, leaf);
	bool zero = source.val == AXAS_HPA_NONE;
	const struct axas_hal *hal = npt->hal;
	void *va = axas_hal_va(hal, hpa);

	if (has_failed(npt, hpa) || (!zero && has_failed(npt, source)))
		return false;
	if (zero)
		clear_page(va);
	else
		copy_page(va, axas_hal_va(hal, source));
	if (hal->clean)
		hal->clean(hal, va, AXAS_FRAME_SIZE);
	return true;
}

/**
 * struct pass - a pass over the pages that are kept
 * @keep: the list
 * @npt: the table
 * @nr: pages that are left
 * @dropped: pages that were dropped
 * @handed: pages may be held
 * @sweep: drop pages that were not written
 * @restored: a page got its content back
 */
struct pass {
	struct axas_keep *keep;
	struct axas_npt *npt;
	unsigned int nr;
	unsigned int dropped;
	bool handed;
	bool sweep;
	bool restored;
};

/* The first page from @i on that may have something to do. */
static unsigned int next_page(const struct pass *pass, unsigned int i)
{
	const struct axas_kept *page = &pass->keep->pages[i], *end = &pass->keep->pages[pass->nr];
	const u64 dirty = pass->npt->dirty;

	if (pass->sweep || pass->handed || !dirty)
		return i;
	for (; page < end && !(READ_ONCE(*page->ptep) & dirty); page++)
		;
	return page - pass->keep->pages;
}

/* Restore a page, if need be. Return false if it is to be dropped. */
static bool reset_page(struct pass *pass, struct axas_kept *page)
{
	u64 leaf = READ_ONCE(*page->ptep), dirty = pass->npt->dirty;
	bool written = leaf & dirty;

	if (pass->handed && axas_npt_is_held(pass->npt, leaf))
		return false;
	if (pass->sweep && !written && !page->written)
		return false;
	if (!dirty || written) {
		if (!restore(pass->npt, leaf, page->source))
			return false;
		pass->restored = true;
	}
	if (written)
		axas_npt_adjust(pass->npt, page->ptep, 0, leaf, dirty);
	page->written = written || (page->written && !pass->sweep);
	return true;
}

/* The last one takes its place. */
static void drop_page(struct pass *pass, struct axas_kept *page)
{
	pass->keep->dropped[pass->dropped++] = axas_npt_remove(pass->npt, page->ptep);
	*page = pass->keep->pages[--pass->nr];
}

/* Restore all pages. Nobody walks the table. Return the number of those that were dropped. */
static unsigned int reset_pages(struct axas_space *space, struct axas_keep *keep)
{
	struct pass pass = {
		.keep = keep, .npt = &space->npt, .nr = atomic_read(&keep->nr),
		.handed = READ_ONCE(space->shared) || READ_ONCE(space->handed),
		.sweep = !(++keep->resets % (space->npt.dirty ? SWEEP : BLIND_SWEEP)),
	};
	const struct axas_hal *hal = space->npt.hal;
	unsigned int i;

	for (i = next_page(&pass, 0); i < pass.nr; i = next_page(&pass, i)) {
		if (reset_page(&pass, &keep->pages[i]))
			i++;
		else
			drop_page(&pass, &keep->pages[i]);
		cond_resched();
	}
	atomic_set(&keep->nr, pass.nr);
	if (pass.restored && hal->fence)
		hal->fence(hal);
	return pass.dropped;
}

/* Without the bar. */
static void put_dropped(struct axas_space *space, unsigned int nr)
{
	const struct axas_hpa *hpas = space->keep->dropped;
	unsigned int n;

	for (; nr; nr -= n, hpas += n) {
		n = min(nr, PUT_AT_ONCE);
		axas_pool_put(&space->pool, &space->own, 0, hpas, n);
		cond_resched();
	}
}

bool axas_space_reset_kept(struct axas_space *space, const struct axas_image *image)
{
	u64 first = space->range.start.val, last = axas_gpa_range_last(space->range).val;
	struct axas_keep *keep = space->keep;
	struct axas_npt *npt = &space->npt;
	unsigned int dropped, hidden;

	lockdep_assert_held(&space->changing);
	if (!axas_space_lists_all(space, image))
		return false;
	axas_bar_begin(space);
	/* Faults have added more since. */
	if (unlikely(!axas_space_lists_all(space, image))) {
		axas_bar_end(space);
		return false;
	}
	if (READ_ONCE(space->shared))
		axas_removal_await_all(space);
	hidden = axas_npt_hide(npt, keep->hidden);
	axas_space_flush(space, first, last, true);
	dropped = reset_pages(space, keep);
	axas_npt_show(npt, keep->hidden, hidden);
	axas_bar_end(space);
	put_dropped(space, dropped);
	return true;
}
