// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pieces of a removal; see axas_removal.h. Calls axas_area.c, axas_npt_gather.c and the
 * formats.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched.h>

#include "axas_compat.h"
#include "axas_removal.h"

void axas_removal_init(struct axas_removal *removal, struct axas_space *space, bool many)
{
	removal->space = space;
	removal->pages = NULL;
	removal->flushed = NULL;
	axas_npt_gather_init(&removal->gather, &space->npt, many);
}

void axas_removal_end(struct axas_removal *removal)
{
	axas_npt_gather_end(&removal->gather);
}

void axas_piece_begin(struct axas_removal *removal, u64 first)
{
	removal->budget = AXAS_PIECE_ENTRIES;
	removal->first = first;
	removal->done = first;
	removal->changed = false;
	axas_bar_begin(removal->space);
}

void axas_piece_end(struct axas_removal *removal, u64 last)
{
	struct axas_npt_gather *gather = &removal->gather;
	bool flush = gather->pending || removal->changed;

	if (removal->pages && removal->changed)
		axas_space_flush_pages(removal->space, removal->first, last, removal->pages,
				       removal->base);
	else if (flush)
		axas_space_flush(removal->space, removal->first, last, gather->tables);
	if (removal->flushed && flush)
		removal->flushed(removal, last);
	axas_bar_end(removal->space);
	axas_npt_gather_free(gather);
	cond_resched();
}

/* Leaves whose pages are waited for in one piece: then it ends with their table. */
#define AWAIT_LEAVES	4096

/*
 * Linear memory is never mapped on the host, and may have no struct page. Nor are pages of some
 * files, whose locks others may hold for long.
 */
static bool is_unmapped(const struct axas_npt *npt, const struct axas_area *area, u64 entry)
{
	if (!area || axas_area_is_linear(area))
		return area;
	return area->backend.ops->flags & AXAS_BACKEND_UNMAPPED && entry & npt->fmt->borrowed;
}

/* Set *@gpa to the next page that may change; false: none up to @last. */
static bool next_page(const struct axas_removal *removal, u64 *gpa, u64 last)
{
	unsigned long end, bit;

	if (*gpa > last || !removal->pages)
		return *gpa <= last;
	end = axas_page_nr(last - removal->base) + 1;
	bit = find_next_bit(removal->pages, end, axas_page_nr(*gpa - removal->base));
	*gpa = max(*gpa, removal->base + axas_page_first(bit));
	return bit < end;
}

bool axas_removal_next_leaf(const struct axas_removal *removal, u64 *gpa, u64 last,
			    struct axas_leaf *leaf, u64 *entry)
{
	u64 page;

	while (next_page(removal, gpa, last)) {
		page = *gpa;
		if (!axas_npt_next_leaf(&removal->space->npt, gpa, leaf, entry) || *gpa > last)
			return false;
		/* Else it is a later one, which may be of another page. */
		if (leaf->level || *gpa == page || !removal->pages)
			return true;
	}
	return false;
}

/* Wait until no page of a leaf is locked. */
static void await_leaf(const struct axas_space *space, const struct axas_leaf *leaf)
{
	unsigned int n = 1u << AXAS_NPT_LEVEL_BITS * leaf->level;
	void *va = axas_hal_va(space->npt.hal, leaf->hpa);
	struct page *page;

	if (!virt_addr_valid(va))
		return;
	for (page = virt_to_page(va); n; n--)
		folio_wait_locked(page_folio(page++));
}

/* The same for the pages of @n level 0 entries of one area. */
static void await_entries(const struct axas_npt *npt, const struct axas_area *area,
			  const u64 *ptep, unsigned int n)
{
	const u64 *end = ptep + n;
	unsigned long known = 0;
	struct page *page;
	u64 entry;

	if (axas_area_is_linear(area))
		return;
	for (; ptep < end; ptep++) {
		entry = READ_ONCE(*ptep);
		if (!axas_npt_is_leaf(npt, entry) || is_unmapped(npt, area, entry))
			continue;
		page = axas_space_leaf_page(npt, entry, &known);
		if (likely(page))
			folio_wait_locked(page_folio(page));
	}
}

/*
 * Wait for the pages of the leaf at @gpa, and, if all may change, of those that follow it in its
 * table and area. Add their number to *@n. Return their last byte.
 */
static u64 await_from(const struct axas_removal *removal, struct axas_cpu *found, u64 gpa,
		      u64 last, const struct axas_leaf *leaf, u64 entry, unsigned int *n)
{
	const struct axas_npt *npt = &removal->space->npt;
	const struct axas_area *area = axas_area_find_here(removal->space, found, gpa);
	unsigned int nr;
	u64 *ptep;

	if (likely(!leaf->level && area && !removal->pages)) {
		nr = axas_area_entries(npt, found, gpa, last, &ptep);
		await_entries(npt, area, ptep, nr);
		*n += nr;
		return gpa + ((u64)nr << AXAS_FRAME_SHIFT) - 1;
	}
	if (leaf->level <= 1 && !is_unmapped(npt, area, entry))
		await_leaf(removal->space, leaf);
	*n += leaf->level ? BIT(AXAS_NPT_LEVEL_BITS) : 1;
	return gpa | (axas_npt_leaf_size(leaf->level) - 1);
}

/*
 * Wait for host faults that have taken a page of [first, last] and may be about to map it: see
 * "DOC: host mappings". New ones are kept out by the bar. Return the last byte of what was waited
 * for, which ends with a table if it is not @last.
 */
static u64 await_pages(const struct axas_removal *removal, u64 first, u64 last)
{
	struct axas_cpu found = axas_nothing_found();
	u64 region = first >> axas_npt_shift(1), entry;
	struct axas_leaf leaf;
	unsigned int n = 0;

	lockdep_assert_held_write(&removal->space->lock);
	while (axas_removal_next_leaf(removal, &first, last, &leaf, &entry)) {
		if (n >= AWAIT_LEAVES && first >> axas_npt_shift(1) != region)
			return first - 1;
		region = first >> axas_npt_shift(1);
		first = await_from(removal, &found, first, last, &leaf, entry, &n);
		if (first++ >= last)
			break;
	}
	return last;
}

void axas_removal_await_all(struct axas_space *space)
{
	u64 first = space->range.start.val, last = axas_gpa_range_last(space->range).val, done;
	const struct axas_removal all = { .space = space };

	while ((done = await_pages(&all, first, last)) != last)
		first = done + 1;
}

/* Whether leaves of a job may be mapped on the host: not those that own no frames. */
static bool may_be_mapped(const struct axas_space *space, const struct axas_npt_job *job)
{
	return unlikely(space->shared) && (job->owner || !job->gather) && !job->aside;
}

void axas_piece_do(struct axas_removal *removal, struct axas_npt_job *job,
		   void (*work)(struct axas_npt *npt, struct axas_npt_job *job))
{
	u64 last = job->last;

	if (may_be_mapped(removal->space, job))
		job->last = await_pages(removal, job->first, last);
	job->budget = removal->budget;
	work(&removal->space->npt, job);
	removal->budget = job->budget;
	removal->changed |= job->changed;
	job->changed = false;
	if (unlikely(job->last != last)) {
		job->first = job->done ? job->last + 1 : job->first;
		job->done = false;
		job->last = last;
	}
}

void axas_removal_do(struct axas_removal *removal, struct axas_npt_job *job,
		     void (*work)(struct axas_npt *npt, struct axas_npt_job *job))
{
	for (;;) {
		axas_piece_do(removal, job, work);
		if (job->done)
			break;
		/* Another job of the piece may have been further: that is flushed, too. */
		axas_piece_end(removal, max(removal->done, job->first - 1));
		axas_piece_begin(removal, job->first);
	}
	removal->done = max(removal->done, job->last);
}
