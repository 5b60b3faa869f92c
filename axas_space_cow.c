// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replacement of leaves while readers and guests use them: a large leaf by a table of smaller ones,
 * a borrowed leaf by one of a private copy; and faults in areas whose backend lends frames. Calls
 * axas_space_keep.c, axas_space_aside.c, axas_area.c, axas_backend.c, axas_stock.c, axas_npt.c and
 * the formats. Locks: space->lock is held for reading while an entry is BUSY; tables and frames are
 * allocated before.
 */
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "axas_compat.h"
#include "axas_keep.h"
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
 * Between 1. and 3. only the task that claimed the entry changes it. A removal cannot intervene,
 * because it would need space->lock for writing. A fault, an access or a translation that finds
 * BUSY retries, and sleeps in between if that takes long: see axas_space_pause().
 *
 * A reader in a section may still use the old leaf's frame after 3. So the frame of a leaf that is
 * replaced by one of another frame is not freed here, and the old leaf must not have been writable.
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

/* Link a spare table that maps the same memory in place of a large leaf, if there is one. */
static void split(struct axas_space *space, u64 gpa, struct axas_npt_spares *spares)
{
	struct axas_npt *npt = &space->npt;
	struct axas_npt_cursor cursor;
	struct axas_npt_pos pos;
	u64 *table, entry, hpa;

	lockdep_assert_held(&space->lock);
	axas_npt_walk(npt, &cursor, gpa, &pos);
	while (pos.level && axas_npt_kind(npt, &pos) == AXAS_PT_LEAF) {
		table = axas_npt_take_spare(npt, spares, &hpa);
		entry = axas_npt_split_into(npt, table, hpa, pos.entry, pos.level);
		if (axas_space_replace_leaf(space, &pos, gpa, entry)) {
			axas_npt_count_split(npt, pos.level);
			return;
		}
		axas_npt_keep_spare(npt, spares, table, false);
	}
}

int axas_space_split_leaf(struct axas_space *space, u64 gpa)
{
	struct axas_npt_spares spares = {};
	u64 *table, hpa;

	table = axas_npt_alloc_table_unset(&space->npt, &hpa);
	if (!table)
		return -ENOMEM;
	axas_npt_keep_spare(&space->npt, &spares, table, false);
	down_read(&space->lock);
	split(space, gpa, &spares);
	up_read(&space->lock);
	axas_npt_put_spares(&space->npt, &spares);
	return 0;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_space_split_leaf);

/**
 * DOC: copy on write
 *
 * In an area whose backend lends frames (AXAS_BACKEND_LENDS) a leaf is BORROWED: it maps a frame of
 * the backend, read-only, without a reference of its own, because the area's backend keeps all
 * frames that it has lent. A write, by the guest or the host, first makes a private copy: a frame
 * of the space's HAL, which is counted and freed like all others of the space.
 *
 *	entry		read			write
 *	EMPTY		borrow			copy, make
 *	BORROWED	-			copy, lock the lent page, replace, unlock
 *	ZERO		zeroed frame		zeroed frame
 *
 * Lent frames never change, so the copy is made before the entry is claimed: with space->lock held
 * for reading, which keeps area and entry, if a frame can be had without sleeping; else without
 * locks, with a reference on the backend from before the copy until it is mapped. ZERO is the
 * marker of a discard, and hides the backend's frame. Private leaves are 4 KiB; a BORROWED one of 2
 * MiB is split before the first write.
 *
 * The lent page is locked while its leaf is replaced, for the same reason for which a removal waits
 * for page locks: a host fault that has read the old leaf has set its PTE before the flush zaps it.
 * See "DOC: host mappings" in axas_file_mmap.c. If the page is locked already, the copy waits
 * without a lock of the space.
 */

/* Results of a look besides AXAS_FAULT_*: what to do before the next one. */
#define LENT_AGAIN	-1	/* lost a race */
#define LENT_FETCH	-2	/* the backend has to bring the frame */
#define LENT_TABLES	-3
#define LENT_FRAME	-4	/* get a zeroed frame, or a copy of @source */
#define LENT_REPLACE	-5	/* the copy takes the place of a BORROWED leaf */
#define LENT_OTHER	-6	/* nothing borrowed: see axas_space_fault.c */
#define LENT_FENCE	-7	/* the copy is about to become executable */
#define LENT_TABLE	-9	/* one whose entries are all written before it is linked */
#define LENT_COPY	-8	/* with space->lock held: copy @want_source for a BORROWED leaf */
#define LENT_SPLIT	-10	/* a BORROWED leaf of 2 MiB, of which one page becomes private */

/* Frames that one fault borrows, if the area does not say how many (AXAS_MAP_AROUND). */
#define LENT_ORDER	4
#define LENT_MOST	64

/**
 * struct lent - a fault in an area whose backend lends
 * @space: the space
 * @gpa: the address
 * @access: AXAS_PROT_* that it needs; 0 for populate
 * @own: a private frame is wanted, whatever the access
 * @spares: tables allocated for the next look
 * @unset: one that is not zeroed
 * @want_tables: tables that the last look asked for
 * @backend: the area's backend, held since a look asked for something; ops is NULL if there is none
 * @another: the area has another backend than @backend now: drop that, and what came from it
 * @ahead: pages that the last look would have borrowed
 * @fenced: @frame is visible to instruction fetch
 * @frame: a frame of the space's own, or AXAS_HPA_NONE
 * @source: @frame is a copy of this frame; AXAS_HPA_NONE: it is zeroed
 * @want_source: what the last look wants a copy of
 * @replaces: the next look may find a BORROWED leaf to replace: it takes space->lock
 * @locked: space->lock is held
 * @level: of the leaf that was found or made
 * @tries: see axas_space_pause()
 */
struct lent {
	struct axas_space *space;
	u64 gpa;
	u32 access;
	bool own;
	struct axas_npt_spares spares;
	struct axas_npt_spares unset;
	unsigned int want_tables;
	struct axas_backend backend;
	bool another;
	unsigned int ahead;
	bool fenced;
	struct axas_hpa frame;
	struct axas_hpa source;
	struct axas_hpa want_source;
	bool replaces;
	bool locked;
	unsigned int level;
	unsigned int tries;
};

static bool same_hpa(struct axas_hpa a, struct axas_hpa b)
{
	return a.val == b.val;
}

static void drop_frame(struct lent *lent)
{
	struct axas_space *space = lent->space;

	if (same_hpa(lent->frame, axas_hpa(AXAS_HPA_NONE)))
		return;
	axas_pool_unget(&space->pool, &space->own, 0, &lent->frame, 1);
	axas_pool_settle(&space->pool);
	lent->frame = axas_hpa(AXAS_HPA_NONE);
}

/* The frame is mapped by a leaf now. */
static void spend_frame(struct lent *lent)
{
	axas_pool_count(&lent->space->pool, &lent->space->own, 1);
	axas_pool_settle(&lent->space->pool);
	lent->frame = axas_hpa(AXAS_HPA_NONE);
}

static void drop_backend(struct lent *lent)
{
	if (lent->backend.ops && lent->backend.ops->release)
		lent->backend.ops->release(&lent->backend);
	lent->backend.ops = NULL;
}

/* Whether @backend is the one that is held. */
static bool is_held(const struct lent *lent, const struct axas_backend *backend)
{
	return lent->backend.ops == backend->ops && lent->backend.object == backend->object &&
	       lent->backend.offset == backend->offset;
}

/*
 * Hold the area's backend until the next look asks for another one. In a section, or with
 * space->lock held.
 */
static int ask(struct lent *lent, const struct axas_area *area, int wanted)
{
	const struct axas_backend *backend = &area->backend;

	if (!lent->backend.ops) {
		lent->backend = *backend;
		if (backend->ops->hold)
			backend->ops->hold(backend);
	} else if (!is_held(lent, backend)) {
		lent->another = true;
		return LENT_AGAIN;
	}
	return wanted;
}

static bool is_private(const struct lent *lent)
{
	return lent->own || lent->access & AXAS_PROT_WRITE;
}

/*
 * A private leaf in place of @entry. In a logged area it says whether the page was written: by this
 * fault, which is the first write; by the discard that left a ZERO marker; or before a freeze, by
 * which the page became one that is borrowed, WRITTEN.
 */
static u64 private_leaf(const struct lent *lent, const struct axas_area *area, u64 entry)
{
	const struct axas_npt *npt = &lent->space->npt;
	u64 attr = area->attr;

	if (unlikely(area->flags & AXAS_AREA_LOGGED) && entry & npt->fmt->zero)
		attr |= area->prot & AXAS_PROT_WRITE ? npt->write : npt->fmt->zero;
	if (lent->access & AXAS_PROT_WRITE)
		attr |= npt->write | npt->dirty;
	return axas_npt_make_leaf(npt, lent->frame, attr);
}

/*
 * Whether the HAL's fence is due before the copy is mapped. Asked in the look that maps it: the
 * area may have become executable since the copy was made.
 */
static bool needs_fence(const struct lent *lent, const struct axas_area *area)
{
	return area->prot & AXAS_PROT_EXEC && lent->space->npt.hal->fence && !lent->fenced;
}

/* Descend to level 0. Return 0 with @pos at a non-present entry, or LENT_*. */
static int reach(struct lent *lent, struct axas_npt_pos *pos)
{
	struct axas_npt *npt = &lent->space->npt;

	switch (axas_npt_reach(npt, &lent->spares, lent->gpa, 0, pos)) {
	case 0:
		break;
	case -EAGAIN:
		lent->want_tables = pos->level;
		return LENT_TABLES;
	default:
		return LENT_AGAIN;
	}
	return axas_npt_kind(npt, pos) <= AXAS_PT_ZERO ? 0 : LENT_AGAIN;
}

/* Make a private leaf where none is: of a copy of @source, or of zeroes. */
static int make_private(struct lent *lent, const struct axas_area *area, struct axas_npt_pos *pos,
			struct axas_hpa source)
{
	int wanted;

	lent->replaces = false;
	lent->want_source = source;
	if (same_hpa(lent->frame, axas_hpa(AXAS_HPA_NONE)) || !same_hpa(lent->source, source))
		return ask(lent, area, LENT_FRAME);
	if (needs_fence(lent, area))
		return LENT_FENCE;
	wanted = reach(lent, pos);
	if (wanted)
		return wanted;
	if (!axas_npt_install(&lent->space->npt, pos, private_leaf(lent, area, pos->entry)))
		return LENT_AGAIN;
	axas_space_keep_page(lent->space, pos->ptep, source);
	spend_frame(lent);
	return AXAS_FAULT_FIXED;
}

/* Pages to borrow together: up to the end of the fault-around block, of area and table. */
static unsigned int pages_ahead(const struct lent *lent, const struct axas_cpu *cpu)
{
	unsigned int order = axas_area_around(cpu->area) ?: LENT_ORDER;
	u64 mask = (AXAS_FRAME_SIZE << order) - 1;
	u64 last = min3(cpu->last, lent->gpa | mask, lent->gpa | (axas_npt_leaf_size(1) - 1));

	return min_t(u64, axas_page_nr(last) - axas_page_nr(lent->gpa) + 1, LENT_MOST);
}

/* Whether entries can encode the address of a lent frame. */
static bool is_reachable(const struct axas_space *space, struct axas_hpa hpa)
{
	return !space->pool.hpa_bits || !(hpa.val >> space->pool.hpa_bits);
}

/*
 * Make leaves of all frames that the backend can lend at once for a table, except for a page that
 * gets its own. Writes each entry.
 */
static unsigned int fill_table(const struct lent *lent, const struct axas_cpu *cpu, u64 *table)
{
	const struct axas_backend *backend = &cpu->area->backend;
	const struct axas_npt *npt = &lent->space->npt;
	u64 mask = axas_npt_leaf_size(1) - 1, *ptep = axas_npt_ptep(table, lent->gpa);
	u64 first = max(cpu->first, lent->gpa & ~mask), last = min(cpu->last, lent->gpa | mask);
	unsigned int n = axas_page_nr(last) - axas_page_nr(first) + 1, leaves;
	u64 *from = axas_npt_ptep(table, first), *end = table + BIT(AXAS_NPT_LEVEL_BITS);

	leaves = backend->ops->lend_table(backend, first + backend->offset, from, n,
					  (cpu->area->attr & ~npt->write) | npt->fmt->borrowed);
	memset(table, 0, (from - table) * sizeof(*table));
	memset(from + n, 0, (end - from - n) * sizeof(*table));
	if (is_private(lent) && *ptep) {
		*ptep = 0;
		leaves--;
	}
	return leaves;
}

/*
 * Borrow all of a region that has no table. Return 0, with @pos at the entry in its new table, or
 * LENT_*.
 */
static int borrow_table(struct lent *lent, const struct axas_cpu *cpu, struct axas_npt_pos *pos)
{
	struct axas_npt *npt = &lent->space->npt;
	u64 *table, hpa;

	lent->want_tables = pos->level - 1;
	if (lent->spares.nr < lent->want_tables)
		return LENT_TABLES;
	if (!lent->unset.nr)
		return LENT_TABLE;
	if (axas_npt_reach(npt, &lent->spares, lent->gpa, 1, pos) || pos->level != 1 || pos->entry)
		return LENT_AGAIN;
	table = axas_npt_take_spare(npt, &lent->unset, &hpa);
	if (axas_npt_link(npt, pos, lent->gpa, table, hpa, fill_table(lent, cpu, table)))
		return 0;
	axas_npt_keep_spare(npt, &lent->unset, table, false);
	return LENT_AGAIN;
}

/* Whether the region of the fault may be one leaf. */
static bool may_be_block(const struct lent *lent, const struct axas_cpu *cpu)
{
	const struct axas_npt *npt = &lent->space->npt;
	u64 mask = axas_npt_leaf_size(1) - 1;

	return !is_private(lent) && !READ_ONCE(lent->space->no_huge) &&
	       !(cpu->area->flags & (AXAS_MAP_HUGE_NEVER | AXAS_MAP_HUGE_WHOLE)) &&
	       axas_npt_max_level(npt, cpu->area->prot) && !(cpu->area->backend.offset & mask) &&
	       (lent->gpa & ~mask) >= cpu->first && (lent->gpa | mask) <= cpu->last;
}

/* Borrow the region as one leaf at the empty @pos. False if the backend has no such block. */
static bool borrow_block(struct lent *lent, const struct axas_cpu *cpu, struct axas_npt_pos *pos,
			 int *result)
{
	const struct axas_backend *backend = &cpu->area->backend;
	u64 mask = axas_npt_leaf_size(1) - 1, leaf;
	struct axas_npt *npt = &lent->space->npt;
	struct axas_hpa hpa;

	hpa = backend->ops->lend_block(backend, (lent->gpa & ~mask) + backend->offset);
	if (likely(same_hpa(hpa, axas_hpa(AXAS_HPA_NONE))) || !is_reachable(lent->space, hpa))
		return false;
	*result = LENT_TABLES;
	lent->want_tables = pos->level - 1;
	if (lent->spares.nr < lent->want_tables)
		return true;
	leaf = npt->fmt->leaf(npt, hpa.val, cpu->area->prot & ~AXAS_PROT_WRITE, cpu->area->type, 1);
	*result = LENT_AGAIN;
	if (axas_npt_reach(npt, &lent->spares, lent->gpa, 1, pos) || pos->level != 1 ||
	    pos->entry || !axas_npt_install(npt, pos, leaf | npt->fmt->borrowed_large))
		return true;
	lent->level = 1;
	*result = AXAS_FAULT_FIXED;
	return true;
}

/* Whether there is a copy of the page already: what a backend lends never changes. */
static bool has_copy(const struct lent *lent, const struct axas_area *area)
{
	return !same_hpa(lent->frame, axas_hpa(AXAS_HPA_NONE)) &&
	       !same_hpa(lent->source, axas_hpa(AXAS_HPA_NONE)) && is_held(lent, &area->backend);
}

/* Borrow the frames that the backend can lend at once, from an empty entry on. */
static int borrow(struct lent *lent, const struct axas_cpu *cpu, struct axas_npt_pos *pos)
{
	const struct axas_backend *backend = &cpu->area->backend;
	struct axas_npt *npt = &lent->space->npt;
	struct axas_hpa hpas[LENT_MOST] __uninitialized;
	int wanted, n, i;

	lent->level = 0;
	if (pos->level && !pos->entry && backend->ops->lend_block && may_be_block(lent, cpu) &&
	    borrow_block(lent, cpu, pos, &wanted))
		return wanted;
	if (pos->level && !pos->entry && backend->ops->lend_table) {
		wanted = borrow_table(lent, cpu, pos);
		if (wanted || pos->entry)
			return wanted ?: AXAS_FAULT_FIXED;
	}
	if (has_copy(lent, cpu->area))
		return make_private(lent, cpu->area, pos, lent->source);
	lent->ahead = is_private(lent) ? 1 : pages_ahead(lent, cpu);
	n = backend->ops->lend(backend, lent->gpa + backend->offset, hpas, lent->ahead);
	if (!n)
		return ask(lent, cpu->area, LENT_FETCH);
	if (n == AXAS_LEND_ZERO)
		return make_private(lent, cpu->area, pos, axas_hpa(AXAS_HPA_NONE));
	if (is_private(lent) || !is_reachable(lent->space, hpas[0]))
		return make_private(lent, cpu->area, pos, hpas[0]);
	wanted = reach(lent, pos);
	if (wanted)
		return wanted;
	if (pos->entry)
		return LENT_AGAIN;
	for (i = 1; i < n && is_reachable(lent->space, hpas[i]); i++)
		;
	n = axas_npt_run_of(pos->ptep, i, true);
	axas_npt_fill(npt, pos->ptep, hpas, n,
		      (cpu->area->attr & ~npt->write) | npt->fmt->borrowed);
	return AXAS_FAULT_FIXED;
}

static bool permits(const struct lent *lent, const struct axas_npt_pos *pos)
{
	const struct axas_npt *npt = &lent->space->npt;

	if (pos->level)
		return !(lent->access & ~npt->fmt->decode(pos->entry, pos->level).prot);
	return !lent->access || axas_npt_allows(npt, pos->entry, lent->access);
}

/* A leaf: it does, or its frame has to become private. */
static int look_at_leaf(struct lent *lent, const struct axas_area *area,
			const struct axas_npt_pos *pos)
{
	const struct axas_npt *npt = &lent->space->npt;
	bool borrowed = axas_npt_is_borrowed(npt, pos->entry, pos->level);

	lent->level = pos->level;
	if (permits(lent, pos) && !(lent->own && borrowed))
		return AXAS_FAULT_SPURIOUS;
	if (!borrowed || !is_private(lent))
		return LENT_OTHER;
	if (pos->level)
		return LENT_SPLIT;
	lent->replaces = true;
	lent->want_source = axas_npt_leaf_hpa(npt, pos->entry);
	if (same_hpa(lent->frame, axas_hpa(AXAS_HPA_NONE)) ||
	    !same_hpa(lent->source, lent->want_source))
		return lent->locked ? LENT_COPY : ask(lent, area, LENT_FRAME);
	return needs_fence(lent, area) ? LENT_FENCE : LENT_REPLACE;
}

/* Take back what was put aside at an empty entry. Return 0, if there was nothing, or LENT_*. */
static int take_back(struct lent *lent, struct axas_npt_pos *pos)
{
	if (likely(!READ_ONCE(lent->space->npt.aside)) || !pos->level)
		return 0;
	switch (axas_space_take_back(lent->space, &lent->spares, lent->gpa, pos)) {
	case 0:
		return 0;
	case -EAGAIN:
		lent->want_tables = pos->level;
		return LENT_TABLES;
	default:
		return LENT_AGAIN;
	}
}

/* Walk to the entry, unless this CPU has its table cached. */
static void find_entry(const struct lent *lent, struct axas_cpu *cpu, struct axas_npt_pos *pos)
{
	if (axas_cpu_at(cpu, lent->gpa)) {
		pos->ptep = axas_cpu_ptep(cpu, lent->gpa);
		pos->entry = READ_ONCE(*pos->ptep);
		pos->level = 0;
	} else {
		axas_npt_walk(&lent->space->npt, &cpu->cursor, lent->gpa, pos);
	}
}

/*
 * In a section, or with space->lock held. Return AXAS_FAULT_* or LENT_*; for LENT_REPLACE with the
 * BORROWED leaf in @pos.
 */
static int look(struct lent *lent, struct axas_cpu *cpu, struct axas_npt_pos *pos)
{
	const struct axas_npt *npt = &lent->space->npt;
	const struct axas_area *area = axas_area_find_here(lent->space, cpu, lent->gpa);

	if (!area)
		return AXAS_FAULT_HOLE;
	if (lent->access & ~area->prot)
		return AXAS_FAULT_DENIED;
	if (!axas_area_lends(area))
		return LENT_OTHER;
	find_entry(lent, cpu, pos);
	if (!pos->level && axas_npt_is_leaf(npt, pos->entry))
		return look_at_leaf(lent, area, pos);
	switch (axas_npt_kind(npt, pos)) {
	case AXAS_PT_EMPTY:
		return take_back(lent, pos) ?: borrow(lent, cpu, pos);
	case AXAS_PT_ZERO:
		return make_private(lent, area, pos, axas_hpa(AXAS_HPA_NONE));
	case AXAS_PT_LEAF:
		return look_at_leaf(lent, area, pos);
	default:
		return LENT_AGAIN;
	}
}

static int look_once(struct lent *lent)
{
	struct axas_cpu *cpu = axas_section_enter(lent->space), found;
	struct axas_npt_pos pos;
	int result;

	if (likely(cpu)) {
		result = look(lent, cpu, &pos);
		axas_section_leave(cpu);
		return result;
	}
	found = axas_nothing_found();
	down_read(&lent->space->lock);
	result = look(lent, &found, &pos);
	up_read(&lent->space->lock);
	return result;
}

/* What is overwritten needs no zeroes. */
static bool get_frame(struct lent *lent, bool zeroed, u32 flags)
{
	struct axas_space *space = lent->space;
	struct axas_hpa hpa;
	bool got;

	got = zeroed ? axas_pool_get_one(&space->pool, space->npt.hal, flags, &hpa) :
		       axas_pool_get_unset(&space->pool, space->npt.hal, flags, &hpa);
	if (likely(got))
		lent->frame = hpa;
	return got;
}

static void copy_source(struct lent *lent)
{
	const struct axas_hal *hal = lent->space->npt.hal;
	void *va = axas_hal_va(hal, lent->frame);

	copy_page(va, axas_hal_va(hal, lent->source));
	if (hal->clean)
		hal->clean(hal, va, AXAS_FRAME_SIZE);
}

/* Get a frame, and fill it as the last look asked. */
static int bring_frame(struct lent *lent)
{
	bool zeroed = same_hpa(lent->want_source, axas_hpa(AXAS_HPA_NONE));

	drop_frame(lent);
	if (!get_frame(lent, zeroed, 0))
		return -ENOMEM;
	lent->source = lent->want_source;
	lent->fenced = zeroed;
	if (!zeroed)
		copy_source(lent);
	return 0;
}

/* The page to lock while the leaf of @gpa is replaced, or NULL. */
static struct page *page_to_lock(const struct lent *lent, const struct axas_area *area)
{
	if (!lent->space->shared || area->backend.ops->flags & AXAS_BACKEND_UNMAPPED)
		return NULL;
	return axas_area_lent_page(area, lent->gpa, lent->source);
}

/*
 * Look again with space->lock held: what is found stays after the section. Return LENT_REPLACE with
 * the area and the entry, or AXAS_FAULT_* or LENT_*.
 */
static int look_locked(struct lent *lent, const struct axas_area **area, struct axas_npt_pos *pos)
{
	struct axas_cpu *cpu = axas_section_enter(lent->space), found;
	int result;

	lockdep_assert_held(&lent->space->lock);
	if (unlikely(!cpu)) {
		found = axas_nothing_found();
		result = look(lent, &found, pos);
		*area = found.area;
		return result;
	}
	result = look(lent, cpu, pos);
	*area = cpu->area;
	axas_section_leave(cpu);
	return result;
}

/*
 * Make a copy with space->lock held, which keeps what was found: no second look is needed. Only
 * with a frame that is there at once. Return LENT_REPLACE or, with the backend held, what to do.
 */
static int copy_locked(struct lent *lent, const struct axas_area *area)
{
	if (!same_hpa(lent->frame, axas_hpa(AXAS_HPA_NONE)) ||
	    !get_frame(lent, false, AXAS_FRAME_NOWAIT))
		return ask(lent, area, LENT_FRAME);
	lent->source = lent->want_source;
	lent->fenced = false;
	copy_source(lent);
	return needs_fence(lent, area) ? ask(lent, area, LENT_FENCE) : LENT_REPLACE;
}

/*
 * Put a copy in the place of the leaf. *@busy: a page that somebody else has locked, with a
 * reference. Return AXAS_FAULT_* or LENT_*; then the copy's source stays held with the backend.
 */
static int replace(struct lent *lent, struct page **busy)
{
	struct axas_space *space = lent->space;
	const struct axas_area *area;
	struct axas_npt_pos pos;
	struct page *page;
	bool done = false;
	int result;

	result = look_locked(lent, &area, &pos);
	if (result == LENT_COPY)
		result = copy_locked(lent, area);
	if (result != LENT_REPLACE)
		return result;
	page = page_to_lock(lent, area);
	if (page && !trylock_page(page)) {
		get_page(page);
		*busy = page;
		return ask(lent, area, LENT_AGAIN);
	}
	/* The claim fails if the leaf is not a BORROWED one of this frame any more. */
	if (!pos.level && pos.entry & space->npt.fmt->borrowed &&
	    same_hpa(axas_npt_leaf_hpa(&space->npt, pos.entry), lent->source))
		done = axas_space_replace_leaf(space, &pos, lent->gpa,
					       private_leaf(lent, area, pos.entry));
	if (page)
		unlock_page(page);
	if (!done)
		return ask(lent, area, LENT_AGAIN);
	axas_space_keep_page(space, pos.ptep, lent->source);
	spend_frame(lent);
	return AXAS_FAULT_FIXED;
}

/* Whether a flush may sleep. */
static bool flush_sleeps(struct axas_space *space)
{
	const struct axas_consumer *consumer;

	lockdep_assert_held(&space->lock);
	list_for_each_entry(consumer, &space->consumers, node)
		if (consumer->ops->wait)
			return true;
	return false;
}

/* The area keeps its backend until space->lock is released: nothing here is the last to put it. */
int axas_space_copy_nowait(struct axas_space *space, u64 gpa, u32 access)
{
	struct page *busy = NULL;
	struct lent lent = {
		.space = space, .gpa = gpa, .access = access, .replaces = true, .locked = true,
		.frame = axas_hpa(AXAS_HPA_NONE), .source = axas_hpa(AXAS_HPA_NONE),
	};
	int result = LENT_AGAIN;

	if (READ_ONCE(space->shared) || !down_read_trylock(&space->lock))
		return AXAS_FAULT_RETRY;
	/* Host mappings come with the lock held for writing. */
	if (likely(!READ_ONCE(space->shared) && !flush_sleeps(space)))
		result = replace(&lent, &busy);
	/* The first host mapping may come meanwhile: then its page may be locked. */
	if (unlikely(busy))
		put_page(busy);
	drop_frame(&lent);
	drop_backend(&lent);
	up_read(&space->lock);
	return result == AXAS_FAULT_FIXED || result == AXAS_FAULT_SPURIOUS ? result :
									     AXAS_FAULT_RETRY;
}

static int replace_locked(struct lent *lent)
{
	struct page *busy = NULL;
	int result;

	down_read(&lent->space->lock);
	lent->locked = true;
	result = replace(lent, &busy);
	lent->locked = false;
	up_read(&lent->space->lock);
	if (busy) {
		folio_wait_locked_killable(page_folio(busy));
		put_page(busy);
	}
	return result;
}

/*
 * With a frame limit, a racing fault may hold the last frame, possibly for this very page: wait a
 * tick for it.
 */
static bool may_come(const struct axas_space *space)
{
	if (!space->pool.limited || !atomic_read(&space->pool.on_the_way) ||
	    fatal_signal_pending(current))
		return false;
	schedule_timeout_killable(1);
	return true;
}

static int bring_table(struct lent *lent)
{
	struct axas_npt *npt = &lent->space->npt;
	u64 *table, hpa;

	table = axas_npt_alloc_table_unset(npt, &hpa);
	if (!table)
		return -ENOMEM;
	axas_npt_keep_spare(npt, &lent->unset, table, false);
	return 0;
}

/* Do what the last look asked for. Return 0 to look again, or an error. */
static int bring(struct lent *lent, int wanted)
{
	const struct axas_backend *backend = &lent->backend;
	int err;

	switch (wanted) {
	case LENT_FETCH:
		return backend->ops->fetch(backend, lent->gpa + backend->offset, lent->ahead);
	case LENT_TABLES:
		return axas_npt_get_spares(&lent->space->npt, &lent->spares, lent->want_tables,
					   false);
	case LENT_TABLE:
		return bring_table(lent);
	case LENT_SPLIT:
		return axas_space_split_leaf(lent->space, lent->gpa);
	case LENT_FRAME:
		err = bring_frame(lent);
		return err && may_come(lent->space) ? 0 : err;
	case LENT_FENCE:
		lent->space->npt.hal->fence(lent->space->npt.hal);
		lent->fenced = true;
		return 0;
	default:
		if (lent->another) {
			drop_frame(lent);
			drop_backend(lent);
			lent->another = false;
		}
		axas_space_pause(&lent->tries);
		return fatal_signal_pending(current) ? -EINTR : 0;
	}
}

static int result_of(int err)
{
	switch (err) {
	case -ENOMEM:
		return AXAS_FAULT_NOMEM;
	case -EINTR:
		return AXAS_FAULT_RETRY;
	default:
		return AXAS_FAULT_ERROR;
	}
}

static int run(struct lent *lent)
{
	int result, err;

	for (;;) {
		result = lent->replaces ? replace_locked(lent) : look_once(lent);
		if (result == LENT_REPLACE)
			result = replace_locked(lent);
		if (result == LENT_OTHER)
			return AXAS_LENT_OTHER;
		if (result >= 0)
			return result;
		err = bring(lent, result);
		if (err)
			return result_of(err);
	}
}

int axas_space_fault_lent(struct axas_space *space, u64 gpa, u32 access, bool own,
			  unsigned int *level)
{
	struct lent lent = {
		.space = space, .gpa = gpa, .access = access, .own = own,
		.frame = axas_hpa(AXAS_HPA_NONE), .source = axas_hpa(AXAS_HPA_NONE),
		.replaces = own || access & AXAS_PROT_WRITE,
	};
	int result = run(&lent);

	drop_frame(&lent);
	drop_backend(&lent);
	axas_npt_put_spares(&space->npt, &lent.spares);
	axas_npt_put_spares(&space->npt, &lent.unset);
	if (level)
		*level = result <= AXAS_FAULT_SPURIOUS ? lent.level : 0;
	return result;
}
