/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * struct axas_space and its areas, the locks of a space, and the read-side sections in which it
 * is read without them: the base of all files axas_space*.c. "DOC: how a removal waits" is the
 * protocol between readers and removers; axas_area.c has its slow paths.
 */
#ifndef _AXAS_AREA_H
#define _AXAS_AREA_H

#include <linux/kref.h>
#include <linux/maple_tree.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <axas/space.h>

#include "axas_backend.h"
#include "axas_linear.h"
#include "axas_missing.h"
#include "axas_npt.h"

/**
 * DOC: locks and order
 *
 * space->changing, a mutex, serializes operations that change areas or remove leaves (map,
 * unmap, protect, set policy, discard, collapse) with each other and with listing areas. It may
 * be held for long; faults and accesses do not take it. The area tree changes only under the
 * mutex, and is read under the mutex or RCU. Removing an area from the tree also takes
 * space->lock for writing, for that one store. Each store holds the tree's own spinlock: readers
 * in a section spin while a store is half done.
 *
 * space->lock, a reader-writer semaphore, nests inside the mutex. A remover holds it for writing
 * while it has the bar, for a bounded piece of work, as do attach and detach of a consumer. The
 * slow paths of faults and accesses hold it for reading where leaves and areas must stay while
 * they sleep. They change the table only by filling non-present entries, each by one cmpxchg.
 *
 * Translations, accesses and faults that need not sleep take no lock. They run in read-side
 * sections, between axas_section_enter() and axas_section_leave(), with preemption off. A fault
 * leaves its section to allocate a frame and installs it in a second one, after it compared the
 * generation: if that has changed, it starts over.
 *
 * A removal breaks or narrows leaves, unlinks tables, or removes areas. It works in pieces. For
 * each piece the remover has the bar, between axas_bar_begin() and axas_bar_end(): no section is
 * running, none can begin, and no one else holds space->lock. A remover
 *
 *  1. allocates all that it needs; nothing can fail after this;
 *  2. replaces the old areas in the tree: from now on lookups find the new areas, or a hole;
 *  3. with the bar, breaks or narrows a piece of the leaves and flushes them in all consumers.
 *     After the first bar no reader uses the old areas any more;
 *  4. without the bar, frees the frames and tables of this piece, and repeats from 3.;
 *  5. frees the old areas, and surplus tokens: see axas_token_need().
 *
 * Unmap works on batches of ranges, and repeats 2. to 5. for each batch. Discard keeps the areas.
 *
 * Between 2. and 3. a leaf may permit more or less than its area. Accesses are therefore checked
 * against the leaf.
 *
 * The order of every removal: break the entries, flush in every consumer, then put frames and
 * free tables. A flush runs with space->lock held for writing, and must not call back into the
 * space.
 *
 * User memory is accessed with space->lock held or in a section only with page faults disabled
 * (axas_space_copy_iter()): the access could fault on a mapping of this same space.
 *
 * Lock order: a consumer's own locks and mmap_lock; the mutex; space->lock; locks of the page
 * allocator and those that flush callbacks take.
 */

/**
 * DOC: how a removal waits
 *
 * A removal waits only for readers of its own space, and interrupts only CPUs that cached
 * something of it.
 *
 * Each CPU has one mark, the space of the section that it is in, and one cache: a generation, the
 * area and the table (cursor) that it found last. Generations come from one global counter, so a
 * generation also identifies the space and never recurs. A CPU's cache holds the current
 * generation of a space only while the CPU is on that space's list:
 *
 *	section, hit			join (cache: another generation)
 *	mark = space	(release)	mark = space
 *	barrier()			list |= this CPU
 *	generation == cached ?		smp_mb()
 *					generation (acquire); odd: leave
 *					cached = generation, with no area and no cursor
 *
 *	bar				end of the bar
 *	generation |= 1			generation = new number (release)
 *	smp_mb()
 *	take list
 *	interrupt these CPUs, wait
 *	until none has mark == space (acquire)
 *
 * Either the remover finds a joining CPU on the list, or that CPU sees the odd generation: both
 * have a full barrier between their store and their load. A CPU that is on the list already needs
 * no barrier: the interrupt arrives either before its load of the generation, which is odd then,
 * or after it, and the remover sees its mark. Leaving a section is a release, so that its
 * accesses complete before anything is freed or copied. Entering one is a release too, because
 * the remover may see the mark of the next space instead of NULL.
 *
 * A nohz_full CPU is not interrupted. It executes a full barrier in each section, is on no list,
 * and its mark is always checked.
 *
 * Offline CPUs have no mark, and come online with full barriers. proofs/litmus/ has a test for
 * each barrier, and a twin without it that fails.
 */

/**
 * struct axas_area - protection, memory type and backend of a range, or of several
 * @attr: its 4 KiB leaves without their addresses; in a logged area those of clean pages
 * @direct: @prot if the host reaches the memory through its direct map; 0 if it needs a window
 * @single: accesses that the fast path of a fault may serve, by one frame of the HAL; else 0
 * @prot: AXAS_PROT_*
 * @type: AXAS_TYPE_*
 * @flags: AXAS_MAP_HUGE_*, AXAS_MAP_MISSING*, AXAS_MAP_AROUND(), AXAS_AREA_LOGGED
 * @ranges: number of ranges in the tree that point to it; at most one for a linear area
 * @backend: where its frames come from
 * @claim: linear areas: the host-physical memory that it maps
 * @node: in a remover's list of areas to free, or in space->tokens
 *
 * Immutable once it is in the tree, but for @ranges, @claim and @node, which the mutex protects.
 * The tree alone says where an area begins and ends: unmapping a page in the middle of an area
 * leaves one area with two ranges.
 */
struct axas_area {
	u64 attr;
	u32 direct;
	u32 single;
	u32 prot;
	u32 type;
	u32 flags;
	unsigned long ranges;
	struct axas_backend backend;
	struct axas_claim claim;
	struct list_head node;
};

/*
 * Ranges that the charge of one area covers, see axas_token_need(). Two ranges, each followed by
 * a hole, in tree nodes that are as sparse as they get, take about as much memory as an area.
 */
#define AXAS_RANGES_PER_AREA	2

/**
 * struct axas_areas - the areas of a space, which freeze and reset replace as a whole
 * @tree: struct axas_area by ranges of 4 KiB page numbers; adjacent ranges have different areas
 * @nr_ranges: number of ranges in @tree
 * @nr_objects: number of struct axas_area that they point to
 * @tokens: see axas_token_need()
 * @nr_tokens: their number
 * @linear_pages: 4 KiB pages that linear areas cover
 * @lent_pages: 4 KiB pages that areas of a backend that lends cover
 * @frozen_pages: those of them that areas of an image cover
 * @users: spaces and images that have it
 *
 * All but @tree, @users and, for reading, the numbers are protected by the mutex. A set with
 * several users does not change: see axas_areas_own().
 */
struct axas_areas {
	struct maple_tree tree;
	u64 nr_ranges;
	u64 nr_objects;
	struct list_head tokens;
	u64 nr_tokens;
	u64 linear_pages;
	u64 lent_pages;
	u64 frozen_pages;
	refcount_t users;
};

/* Bits of a space's list of CPUs: CPU n is bit n % AXAS_LIST_BITS. */
#define AXAS_LIST_BITS	512

struct axas_pinned;

/**
 * struct axas_pinned_ops - who has charged the pages of an account
 * @fewer: pages were unpinned; in any context that may sleep, mmap_lock may be held
 * @free: the last reference is gone
 */
struct axas_pinned_ops {
	void (*fewer)(struct axas_pinned *pinned);
	void (*free)(struct axas_pinned *pinned);
};

/**
 * struct axas_pinned - account of locked pages: of files, and linear ones that a process has mapped
 * @refs: one of the space, its file, each pin, and a list of @node; see axas_filemem.c
 * @pages: 4 KiB pages; those of images among them, which may outlive the space
 * @ops: NULL as long as nobody has charged them; see axas_file_inode.c
 * @lock: for @ops: protects @charged and @reserved; inside mmap_lock
 * @mm: for @ops: where @charged is accounted, with a reference
 * @charged: for @ops: pages that are charged
 * @reserved: for @ops: those among them for maps that have not pinned theirs yet
 * @node: for @ops
 */
struct axas_pinned {
	refcount_t refs;
	atomic_long_t pages;
	const struct axas_pinned_ops *ops;
	struct mutex lock;	/* see @lock above */
	struct mm_struct *mm;
	u64 charged;
	u64 reserved;
	struct list_head node;
};

void axas_pinned_put(struct axas_pinned *pinned);

/**
 * struct axas_space - one guest-physical address space
 * @generation: odd while a remover has the bar
 * @no_huge: faults and populate must not make 2 MiB leaves now: see split_large()
 * @shared: pages were locked for host mappings: removals wait for locked pages
 * @handed: pages were handed out by axas_space_bvec(), or may be exported to another space
 * @id: axas_space_id()
 * @npt: the nested page table
 * @range: the guest-physical addresses that it covers
 * @pool: counts and limits of its frames
 * @areas: its areas; replaced with the bar, so readers are in a section or hold a lock
 * @list: CPUs that may have cached @generation
 * @ref: references
 * @changing: see "locks and order"
 * @lock: see "locks and order"
 * @pinned: set once an area over a file was mapped; protected by @changing
 * @own: backend of the private frames in these areas
 * @log_epoch: grows with each start of the dirty log, and with each clear; protected by @changing
 * @log_start: its value at the last start
 * @log_first: first address of all ranges that logs were started for since no area was logged
 * @log_last: last address of these; 0: none
 * @consumers: attached struct axas_consumer
 * @missing: host accesses that wait for missing pages
 * @origin: set once another space has mapped its frames; see axas_shared.c
 * @image: the image that the space is a clone of, or NULL; protected by @changing
 * @keep: pages that a reset keeps, from the first one on; else NULL. See axas_keep.h
 * @faults: faults by result (AXAS_FAULT_*), without those counted in npt.shards
 * @released: called after everything that the space mapped is freed, or NULL
 * @released_arg: argument of @released
 */
struct axas_space {
	unsigned long generation;
	bool no_huge;
	bool shared;
	bool handed;
	u32 id;
	struct axas_gpa_range range;
	struct axas_npt npt;
	struct axas_pool pool;
	struct axas_areas *areas;
	DECLARE_BITMAP(list, AXAS_LIST_BITS);
	struct kref ref;
	struct mutex changing;		/* see @changing above */
	struct rw_semaphore lock;
	struct axas_pinned *pinned;
	struct axas_backend own;
	u64 log_epoch;
	u64 log_start;
	u64 log_first;
	u64 log_last;
	struct list_head consumers;
	struct axas_missing missing;
	struct axas_origin *origin;
	struct axas_image *image;
	struct axas_keep *keep;
	atomic_long_t faults[AXAS_FAULT_MISSING + 1];
	void (*released)(void *arg);
	void *released_arg;
};

/**
 * struct axas_cpu - one CPU's mark and cache, for all spaces
 * @mark: the space of the section that the CPU is in, or NULL
 * @generation: the generation at which the fields below were cached; 0 on a nohz_full CPU
 * @area: the area that was found last
 * @first: first byte of the range of @area that was found; @first > @last if there is none
 * @last: last byte of that range
 * @cursor: the level 0 table that was found last
 * @leaf: the level 0 leaf that was translated last; ~0, which no leaf equals, if there is none
 * @prot: AXAS_PROT_* of @leaf
 * @type: AXAS_TYPE_* of @leaf
 * @shard: this CPU's counters in the space
 * @untimed: nohz_full CPUs: takes the place of @generation
 */
struct axas_cpu {
	const struct axas_space *mark;
	unsigned long generation;
	const struct axas_area *area;
	u64 first;
	u64 last;
	struct axas_npt_cursor cursor;
	u64 leaf;
	u32 prot;
	u32 type;
	struct axas_npt_shard *shard;
	unsigned long untimed;
};

DECLARE_PER_CPU_ALIGNED(struct axas_cpu, axas_cpus);

/* The index of the area tree: 4 KiB page numbers. */
static inline unsigned long axas_page_nr(u64 gpa)
{
	return gpa >> AXAS_FRAME_SHIFT;
}

/* log2 of the pages that a fault fills (fault-around). */
static inline unsigned int axas_area_around(const struct axas_area *area)
{
	return (area->flags & AXAS_MAP_AROUND_MASK) >> AXAS_MAP_AROUND_SHIFT;
}

/* Whether its pages are the VMM's to bring: an empty entry is a missing page. */
static inline bool axas_area_is_missing(const struct axas_area *area)
{
	return area->flags & AXAS_MAP_MISSING;
}

static inline bool axas_area_is_linear(const struct axas_area *area)
{
	return area->backend.ops->flags & AXAS_BACKEND_AT_ONCE;
}

/* Whether an area's leaves borrow frames of its backend, until they are written. */
static inline bool axas_area_lends(const struct axas_area *area)
{
	return area->backend.ops->flags & AXAS_BACKEND_LENDS;
}

/* The frame of @gpa if its backend lends it, as a page; NULL if @hpa is the space's own. */
static inline struct page *axas_area_lent_page(const struct axas_area *area, u64 gpa,
					       struct axas_hpa hpa)
{
	if (likely(!axas_area_lends(area)))
		return NULL;
	return area->backend.ops->page(&area->backend, gpa + area->backend.offset, hpa);
}

/*
 * The struct page of a frame in an area that a leaf maps, which has a reference count of its own,
 * or that of its compound page. NULL: it has none, or must not be handed out.
 */
static inline struct page *axas_area_page(const struct axas_space *space,
					  const struct axas_area *area, u64 gpa,
					  struct axas_hpa hpa)
{
	const struct axas_hal *hal = space->npt.hal;

	u32 flags = area->backend.ops->flags;
	struct page *page = axas_area_lent_page(area, gpa, hpa);

	if (unlikely(page))
		return page;
	if (unlikely(flags & (AXAS_BACKEND_OWN_PAGES | AXAS_BACKEND_NO_PAGES)))
		return flags & AXAS_BACKEND_NO_PAGES ? NULL : virt_to_page(axas_hal_va(hal, hpa));
	return hal->frame_page ? hal->frame_page(hal, hpa) : NULL;
}

/* An empty cached range. */
#define AXAS_NO_FIRST	(~0ull)
#define AXAS_NO_LAST	0ull

/* A throw-away cache for lookups under space->lock, while a remover has the bar. */
static inline struct axas_cpu axas_nothing_found(void)
{
	return (struct axas_cpu){
		.first = AXAS_NO_FIRST, .last = AXAS_NO_LAST,
		.cursor.region = AXAS_NPT_NO_REGION,
	};
}

struct axas_cpu *axas_section_join(const struct axas_space *space, struct axas_cpu *cpu);

static __always_inline void axas_section_leave(struct axas_cpu *cpu)
{
	/* Accesses in the section complete before the mark goes. Pairs with wait_for_cpu(). */
	smp_store_release(&cpu->mark, NULL);
	preempt_enable();
}

/* First half of entering a section: set the mark. The caller checks the generation next. */
static __always_inline struct axas_cpu *axas_section_mark(const struct axas_space *space)
{
	struct axas_cpu *cpu;

	preempt_disable();
	cpu = this_cpu_ptr(&axas_cpus);
	/* The per-CPU cache is not protected against interrupts, nor do sections nest. */
	WARN_ON_ONCE(IS_ENABLED(CONFIG_PROVE_LOCKING) && (!in_task() || cpu->mark));
	/* Accesses of this CPU's previous section are complete. Pairs with wait_for_cpu(). */
	smp_store_release(&cpu->mark, space);
	/* A CPU on the list gets an interrupt, which is the full barrier. */
	barrier();
	/* Lets the compiler drop callers' NULL checks. */
	if (!cpu)
		__builtin_unreachable();
	return cpu;
}

/*
 * Enter a read-side section: see "DOC: how a removal waits". Areas, tables and frames stay until
 * axas_section_leave(); the caller must not sleep. Return NULL, in no section, while a remover
 * has the bar: take space->lock instead.
 *
 * Context: Task, not in a section.
 */
static __always_inline struct axas_cpu *axas_section_enter(const struct axas_space *space)
{
	struct axas_cpu *cpu = axas_section_mark(space);

	if (unlikely(READ_ONCE(space->generation) != cpu->generation))
		return axas_section_join(space, cpu);
	return cpu;
}

/*
 * Variant for fast paths: also return NULL, in no section, if this CPU's cache is of another
 * generation. The caller's slow path uses axas_section_enter().
 */
static __always_inline struct axas_cpu *axas_section_hit(const struct axas_space *space)
{
	struct axas_cpu *cpu = axas_section_mark(space);

	if (likely(READ_ONCE(space->generation) == cpu->generation))
		return cpu;
	axas_section_leave(cpu);
	return NULL;
}

/*
 * As axas_section_enter(), to continue with pointers from a section of this @generation. Return
 * NULL, in no section, if they may be stale.
 */
static __always_inline struct axas_cpu *axas_section_reenter(const struct axas_space *space,
							     unsigned long generation)
{
	struct axas_cpu *cpu = axas_section_enter(space);

	if (unlikely(!cpu))
		return NULL;
	/* No remover gets past axas_bar_begin() now, so this load is as good as enter's. */
	if (likely(READ_ONCE(space->generation) == generation))
		return cpu;
	axas_section_leave(cpu);
	return NULL;
}

/* Whether the cached range covers an address. */
static inline bool axas_cpu_covers(const struct axas_cpu *cpu, u64 gpa)
{
	return gpa >= cpu->first && gpa <= cpu->last;
}

/* First and last byte of a page, by its number. */
static inline u64 axas_page_first(unsigned long nr)
{
	return (u64)nr << AXAS_FRAME_SHIFT;
}

static inline u64 axas_page_last(unsigned long nr)
{
	return axas_page_first(nr) | (AXAS_FRAME_SIZE - 1);
}

/*
 * Look up the area that covers an address and cache it, with its range, in @cpu. Return NULL, with
 * @cpu unchanged, for a hole. In a section, or with space->lock or the mutex held.
 */
const struct axas_area *axas_area_look_up(const struct axas_space *space, struct axas_cpu *cpu,
					  u64 gpa);

/*
 * The same, but try the cached area first. A remover that has not taken the bar yet may have cut
 * that range already: what the section does is then ordered before the removal.
 */
static inline const struct axas_area *axas_area_find_here(const struct axas_space *space,
							  struct axas_cpu *cpu, u64 gpa)
{
	if (likely(axas_cpu_covers(cpu, gpa)))
		return cpu->area;
	return axas_area_look_up(space, cpu, gpa);
}

/*
 * The level 0 entries from *@ptep on, that of the leaf at @gpa: up to @last, to the end of their
 * table, and to that of the area that was found there. Return their number. With the bar.
 */
static inline unsigned int axas_area_entries(const struct axas_npt *npt,
					     const struct axas_cpu *found, u64 gpa, u64 last,
					     u64 **ptep)
{
	struct axas_npt_cursor cursor;
	struct axas_npt_pos pos;

	axas_npt_walk(npt, &cursor, gpa, &pos);
	*ptep = pos.ptep;
	last = min3(last, found->last, gpa | (axas_npt_leaf_size(1) - 1));
	return axas_page_nr(last) - axas_page_nr(gpa) + 1;
}

/* Whether the cached table is the level 0 table of an address. */
static inline bool axas_cpu_at(const struct axas_cpu *cpu, u64 gpa)
{
	return axas_npt_cursor_at(&cpu->cursor, gpa);
}

/* The entry of an address for which axas_cpu_at() holds. */
static inline u64 *axas_cpu_ptep(const struct axas_cpu *cpu, u64 gpa)
{
	return axas_npt_ptep(cpu->cursor.table, gpa);
}

/* A new, even generation. */
unsigned long axas_generation_new(void);

/* Take the bar: keep readers out and wait for those inside. The mutex is held. */
void axas_bar_begin(struct axas_space *space);
void axas_bar_end(struct axas_space *space);

/* Flush a range in all consumers; @tables: paging-structure caches, too. space->lock is held. */
void axas_space_flush(struct axas_space *space, u64 first, u64 last, bool tables);
/* Flush those pages of a range that a bitmap has; bit 0 is the page of @base. */
void axas_space_flush_pages(struct axas_space *space, u64 first, u64 last,
			    const unsigned long *pages, u64 base);

/* An empty set of areas; NULL if out of memory. */
struct axas_areas *__must_check axas_areas_new(void);
/* The same, where it is too late to fail. */
struct axas_areas *axas_areas_new_empty(void);
struct axas_areas *axas_areas_get(struct axas_areas *areas);
/* The last one frees the set, with the areas that are still in it. No reader can hold them. */
void axas_areas_put(struct axas_areas *areas);
/*
 * Insert an area into a set that no space has yet. Return 0 or -ENOMEM; the area is not consumed.
 */
int __must_check axas_areas_add(struct axas_areas *areas, u64 first, u64 last,
				struct axas_area *area);

/* Areas. The mutex is held for all of these. */

/*
 * Before a change: if others have the space's set of areas, too, give it a copy. Return 0 or
 * -ENOMEM. Pointers to areas are stale after it.
 */
int __must_check axas_areas_own(struct axas_space *space);

/*
 * Allocate an area, not in the tree yet. ERR_PTR(-ENOMEM), or ERR_PTR(-EBUSY) if its host-physical
 * memory is mapped with another memory type.
 */
struct axas_area *__must_check axas_area_new(const struct axas_space *space,
					      struct axas_gpa_range range, u32 prot, u32 type,
					      u32 flags, struct axas_backend backend);
/* Free an area that is in no tree, has no leaves, and that no reader can hold. */
void axas_area_free(struct axas_area *area);
/* Allocate a copy of @area for a range, with another protection or policy. ERR_PTR(-ENOMEM). */
struct axas_area *__must_check axas_area_copy(const struct axas_space *space,
					       const struct axas_area *area, u64 first, u64 last,
					       u32 prot, u32 flags);
/* Whether two adjacent areas could be one, but for their protection and policy. */
bool axas_area_like(const struct axas_area *area, const struct axas_area *other);

/* Insert a new area into the tree. Return 0; -EEXIST if it overlaps another; -ENOMEM. */
int __must_check axas_area_insert(struct axas_space *space, u64 first, u64 last,
				  struct axas_area *area);
/*
 * Replace the areas of a range by @area, or by a hole if it is NULL. If @area is linear and has a
 * range already, it must be adjacent; no linear area may reach across an end. Areas that lose
 * their last range are added to @gone.
 */
void axas_areas_replace(struct axas_space *space, u64 first, u64 last, struct axas_area *area,
			struct list_head *gone);
/*
 * Cut a linear area that reaches across @at in two, each with its own claim; the old one stays the
 * lower. Other areas need no cut: they may have several ranges. Return 0 or -ENOMEM.
 */
int __must_check axas_area_cut(struct axas_space *space, u64 at);
/* Undo axas_area_cut(), if nothing has changed since. The upper area is added to @gone. */
void axas_area_uncut(struct axas_space *space, u64 at, struct list_head *gone);
/*
 * Maple tree nodes are not charged to a memory cgroup; areas are, and the charge of each covers
 * AXAS_RANGES_PER_AREA ranges. Where areas have more ranges than that, tokens, each an otherwise
 * unused area allocation, cover the rest. After this call one more range may be added without a
 * new area. Return 0 or -ENOMEM.
 */
int __must_check axas_token_need(struct axas_space *space);
/* Turn gone areas into tokens, then free surplus tokens. The last step of unmap and protect. */
void axas_areas_free(struct axas_space *space, struct list_head *gone);

/* Whether any area overlaps a range. */
bool axas_area_any(struct axas_space *space, u64 first, u64 last);

/* The first area at or after @mas's index that begins at or before @to; sets @mas's range. */
struct axas_area *axas_area_start(struct ma_state *mas, u64 to);
/* The next area that begins at or before @to. */
struct axas_area *axas_area_next(struct ma_state *mas, u64 to);

/* At module load: find the nohz_full CPUs, allocate the masks; at unload: free these. */
int __must_check axas_area_init(void);
void axas_area_exit(void);

#endif /* _AXAS_AREA_H */
