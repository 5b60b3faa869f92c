// SPDX-License-Identifier: GPL-2.0-only
/*
 * The space as a file of memory: pages for host mappings, its size, its data and holes. Calls
 * axas_space_fault.c, axas_space_aside.c, axas_area.c, axas_npt_aside.c, axas_npt.c and the HAL.
 * Pages are found and locked in read-side sections, or with space->lock held; see "DOC: host
 * mappings" in axas_file_mmap.c, and axas_area.h for the locks of a space.
 */
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>

#include "axas_compat.h"
#include "axas_npt_aside.h"
#include "axas_space.h"

/* Why no page was locked: it must be faulted in, or it is locked already. */
#define PAGE_FAULT	1
#define PAGE_BUSY	2
#define PAGE_LENT	3	/* lent by a backend whose pages must not be mapped */

/**
 * struct lock_pages - pages to lock
 * @gpa: address of the first one, which need not be aligned
 * @access: the AXAS_PROT_* that leaf and area must permit
 * @pages: out: the locked pages; PAGE_BUSY: the first page, with a reference
 * @max: capacity of @pages
 * @n: out: number of pages
 * @flags: out: AXAS_BACKEND_* of the area
 * @whole: out: the first page is mapped by a leaf of 2 MiB or more
 * @none: out: the HAL has no struct page for a frame
 * @lent: out: the next page must not be mapped before it is private
 */
struct lock_pages {
	u64 gpa;
	u32 access;
	struct page **pages;
	unsigned int max;
	unsigned int n;
	u32 flags;
	bool whole;
	bool none;
	bool lent;
};

/* Backends of whose frames not all are pages of the HAL. */
#define OTHER_PAGES	(AXAS_BACKEND_LENDS | AXAS_BACKEND_OWN_PAGES | AXAS_BACKEND_NO_PAGES)

/* The page of a frame; NULL, and lock->lent or lock->none, if it has none that may be mapped. */
static struct page *page_of(struct axas_space *space, const struct axas_area *area,
			    struct lock_pages *lock, struct axas_hpa hpa)
{
	u64 gpa = lock->gpa + ((u64)lock->n << AXAS_FRAME_SHIFT);
	const struct axas_hal *hal = space->npt.hal;
	struct page *page = NULL;

	if (likely(!(lock->flags & OTHER_PAGES) && hal->frame_page)) {
		page = hal->frame_page(hal, hpa);
	} else {
		lock->lent = lock->flags & AXAS_BACKEND_UNMAPPED &&
			     axas_area_lent_page(area, gpa, hpa);
		if (!lock->lent)
			page = axas_area_page(space, area, gpa, hpa);
	}
	if (unlikely(!page))
		lock->none = !lock->lent;
	return page;
}

/* Lock a page, unless it is locked already. */
static bool try_page(struct axas_space *space, const struct axas_area *area,
		     struct lock_pages *lock, struct axas_hpa hpa)
{
	struct page *page = page_of(space, area, lock, hpa);

	if (unlikely(!page))
		return false;
	lock->pages[lock->n] = page;
	if (likely(trylock_page(page))) {
		lock->n++;
		return true;
	}
	/* The leaf's reference keeps it until the section ends. */
	if (!lock->n)
		get_page(page);
	return false;
}

/* Pages of adjacent 4 KiB leaves, from @ptep on. */
static void lock_small(struct axas_space *space, const struct axas_cpu *cpu,
		       struct lock_pages *lock)
{
	const struct axas_npt *npt = &space->npt;
	u64 *ptep = axas_cpu_ptep(cpu, lock->gpa), leaf;
	u64 last = min(cpu->last, lock->gpa | (axas_npt_leaf_size(1) - 1));
	unsigned int n = axas_page_nr(last) - axas_page_nr(lock->gpa) + 1;

	for (n = min(n, lock->max); n; n--) {
		leaf = READ_ONCE(*ptep++);
		if (!axas_npt_allows(npt, leaf, lock->access) ||
		    !try_page(space, cpu->area, lock, axas_npt_leaf_hpa(npt, leaf)))
			return;
	}
}

/* Pages of one large leaf; @whole: its frame is the space's own. */
static void lock_large(struct axas_space *space, const struct axas_area *area,
		       const struct axas_leaf *leaf, bool whole, struct lock_pages *lock)
{
	u64 offset = lock->gpa & (axas_npt_leaf_size(leaf->level) - 1) & ~(AXAS_FRAME_SIZE - 1);
	u64 left = (axas_npt_leaf_size(leaf->level) - offset) >> AXAS_FRAME_SHIFT;
	unsigned int n = min_t(u64, lock->max, left);

	lock->whole = whole;
	for (; n; n--, offset += AXAS_FRAME_SIZE)
		if (!try_page(space, area, lock, axas_hpa_offset(leaf->hpa, offset)))
			return;
}

/* In a section, or with space->lock held. Return 0, PAGE_* or -errno. */
static int lock_here(struct axas_space *space, struct axas_cpu *cpu, struct lock_pages *lock)
{
	const struct axas_area *area = axas_area_find_here(space, cpu, lock->gpa);
	struct axas_npt *npt = &space->npt;
	struct axas_npt_pos pos = {};
	struct axas_leaf leaf;

	lock->n = 0;
	lock->whole = false;
	lock->none = false;
	lock->lent = false;
	lock->pages[0] = NULL;
	if (!area)
		return -EFAULT;
	if (lock->access & ~area->prot)
		return -EACCES;
	lock->flags = area->backend.ops->flags;
	if (lock->access & ~area->direct || lock->flags & AXAS_BACKEND_NO_PAGES)
		return -EOPNOTSUPP;
	if (!axas_cpu_at(cpu, lock->gpa))
		axas_npt_walk(npt, &cpu->cursor, lock->gpa, &pos);
	if (likely(axas_cpu_at(cpu, lock->gpa))) {
		lock_small(space, cpu, lock);
	} else if (axas_npt_kind(npt, &pos) == AXAS_PT_LEAF) {
		leaf = npt->fmt->decode(pos.entry, pos.level);
		if (!(lock->access & ~leaf.prot))
			lock_large(space, area, &leaf,
				   !axas_npt_is_borrowed(npt, pos.entry, pos.level), lock);
	}
	if (likely(lock->n))
		return 0;
	if (unlikely(lock->none))
		return -EOPNOTSUPP;
	if (unlikely(lock->lent))
		return PAGE_LENT;
	return lock->pages[0] ? PAGE_BUSY : PAGE_FAULT;
}

static int lock_once(struct axas_space *space, struct lock_pages *lock)
{
	struct axas_cpu *cpu = axas_section_enter(space), found;
	int err;

	if (likely(cpu)) {
		err = lock_here(space, cpu, lock);
		axas_section_leave(cpu);
		return err;
	}
	found = axas_nothing_found();
	down_read(&space->lock);
	err = lock_here(space, &found, lock);
	up_read(&space->lock);
	return err;
}

static int wait_for_page(struct page *page)
{
	int err = folio_wait_locked_killable(page_folio(page));

	put_page(page);
	return err ? -EINTR : 0;
}

bool axas_space_relock_page(struct axas_space *space, struct axas_gpa gpa, u32 access,
			    struct page *page)
{
	struct axas_cpu *cpu = axas_section_hit(space);
	const struct axas_npt *npt = &space->npt;
	bool locked = false;
	u64 leaf;

	if (unlikely(!cpu))
		return false;
	if (likely(axas_cpu_at(cpu, gpa.val))) {
		leaf = READ_ONCE(*axas_cpu_ptep(cpu, gpa.val));
		locked = axas_npt_allows(npt, leaf, access) &&
			 axas_hal_va(npt->hal, axas_npt_leaf_hpa(npt, leaf)) ==
				page_address(page) && trylock_page(page);
	}
	axas_section_leave(cpu);
	return locked;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_space_relock_page);

int axas_space_lock_pages(struct axas_space *space, struct axas_gpa gpa, u32 access,
			  struct page **pages, unsigned int max, bool *whole)
{
	struct lock_pages lock = {
		.gpa = gpa.val, .access = access, .pages = pages, .max = max,
	};
	int err;

	for (;;) {
		err = lock_once(space, &lock);
		if (err == PAGE_FAULT)
			err = axas_space_bring_now(space, gpa.val, access);
		else if (err == PAGE_LENT)
			err = axas_space_own_page(space, gpa.val, access);
		else if (err == PAGE_BUSY)
			err = wait_for_page(pages[0]);
		else
			break;
		if (err)
			break;
	}
	*whole = lock.whole;
	return err ?: lock.n;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_space_lock_pages);

void axas_space_share_pages(struct axas_space *space)
{
	/* Visible to a remover that takes space->lock after axas_space_attach() released it. */
	WRITE_ONCE(space->shared, true);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_space_share_pages);

bool axas_space_is_held(const struct axas_space *space, const struct axas_area *area, u64 gpa,
			struct axas_hpa hpa)
{
	struct page *page = axas_area_page(space, area, gpa, hpa);

	/* Pages of a block that is whole, but for the first, have no references at all. */
	return page && page_count(page) > 1;
}

/* Not by the HAL's frame_page(), which would split the block. */
bool axas_space_is_block_held(const struct axas_space *space, const struct axas_leaf *leaf)
{
	void *va = axas_hal_va(space->npt.hal, leaf->hpa);
	unsigned int i;

	if (!virt_addr_valid(va))
		return false;
	for (i = 0; i < BIT(AXAS_NPT_LEVEL_BITS); i++)
		if (page_count(virt_to_page(va) + i) > 1)
			return true;
	return false;
}

bool axas_space_has_whole(struct axas_space *space, struct axas_gpa_range range)
{
	MA_STATE(mas, NULL, axas_page_nr(range.start.val), axas_page_nr(range.start.val));
	const struct axas_area *area;
	bool whole = false;

	down_read(&space->lock);
	mas.tree = &space->areas->tree;
	rcu_read_lock();
	mas_for_each(&mas, area, axas_page_nr(axas_gpa_range_last(range).val)) {
		whole = area->flags & AXAS_MAP_HUGE_WHOLE;
		if (whole)
			break;
	}
	rcu_read_unlock();
	up_read(&space->lock);
	return whole;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_space_has_whole);

u64 axas_space_end(struct axas_space *space)
{
	MA_STATE(mas, NULL, ULONG_MAX, ULONG_MAX);
	u64 end = 0;

	down_read(&space->lock);
	mas.tree = &space->areas->tree;
	rcu_read_lock();
	if (mas_find_rev(&mas, 0))
		end = axas_page_last(mas.last) + 1;
	rcu_read_unlock();
	up_read(&space->lock);
	return end;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_space_end);

/*
 * The first range at or after @gpa of an area whose backend lends: all of it is data, touched or
 * not. space->lock is held.
 */
static bool next_lent(struct axas_space *space, u64 gpa, struct axas_npt_run *run)
{
	MA_STATE(mas, &space->areas->tree, axas_page_nr(gpa), axas_page_nr(gpa));
	const struct axas_area *area;
	bool found = false;

	if (likely(!READ_ONCE(space->areas->lent_pages)))
		return false;
	rcu_read_lock();
	mas_for_each(&mas, area, ULONG_MAX) {
		found = axas_area_lends(area);
		if (found)
			break;
	}
	rcu_read_unlock();
	if (found) {
		run->first = max(gpa, axas_page_first(mas.index));
		run->last = axas_page_last(mas.last);
	}
	return found;
}

/* The first run of leaves of normal memory at or after @gpa. space->lock is held. */
static bool next_leaves(struct axas_space *space, u64 gpa, struct axas_npt_run *run)
{
	while (axas_npt_next_run(&space->npt, gpa, false, run)) {
		if (run->leaf.type == AXAS_TYPE_NORMAL)
			return true;
		if (run->last == axas_npt_last(&space->npt))
			return false;
		gpa = run->last + 1;
	}
	return false;
}

/* The first run of data at or after @gpa: bytes @run->first to @run->last. space->lock is held. */
static bool next_data(struct axas_space *space, u64 gpa, struct axas_npt_run *run)
{
	bool any = next_leaves(space, gpa, run);
	struct axas_npt_run lent;

	if (likely(!next_lent(space, gpa, &lent)) || (any && run->first < lent.first))
		return any;
	*run = lent;
	return true;
}

/*
 * One step of a search. Return true if it ended, with the result in *@gpa, or -ENOENT in *@err;
 * else -EAGAIN in *@err if something is put aside.
 */
static bool seek_step(struct axas_space *space, bool data, u64 *gpa, int *err)
{
	struct axas_npt_run run;
	u64 aside = *gpa;
	bool any;

	down_read(&space->lock);
	*err = space->npt.aside && axas_npt_next_aside(&space->npt, &aside) ? -EAGAIN : 0;
	/* After it: what is taken back meanwhile is found. */
	any = next_data(space, *gpa, &run);
	up_read(&space->lock);
	if (unlikely(*err))
		return false;
	if (data && !any)
		*err = -ENOENT;
	if (data || !any || run.first > *gpa) {
		if (data && any)
			*gpa = max(*gpa, run.first);
		return true;
	}
	if (run.last == axas_npt_last(&space->npt)) {
		*err = -ENOENT;
		return true;
	}
	*gpa = run.last + 1;
	return false;
}

/* What is put aside has to be taken back before it is found. */
static int take_back_from(struct axas_space *space, u64 gpa)
{
	int err = mutex_lock_killable(&space->changing);

	if (err)
		return -EINTR;
	err = axas_space_take_back_all(space, gpa, axas_npt_last(&space->npt));
	mutex_unlock(&space->changing);
	return err;
}

int axas_space_seek(struct axas_space *space, struct axas_gpa gpa, bool data, u64 *found)
{
	int err;

	*found = gpa.val;
	while (!seek_step(space, data, found, &err)) {
		if (fatal_signal_pending(current))
			return -EINTR;
		if (err)
			err = take_back_from(space, *found);
		if (err)
			return err;
		cond_resched();
	}
	return err;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_space_seek);
