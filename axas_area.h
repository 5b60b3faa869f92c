/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Areas, the space that they lie in, its locks, and the read-side sections in which it is
 * read without one: what all files axas_space*.c stand on. "How a removal waits" below is
 * the protocol; axas_area.c has the slow half of it.
 */
#ifndef _AXAS_AREA_H
#define _AXAS_AREA_H

#include <linux/kref.h>
#include <linux/maple_tree.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rwsem.h>
#include <axas/space.h>

#include "axas_backend.h"
#include "axas_linear.h"
#include "axas_npt.h"

/**
 * DOC: locks and order
 *
 * space->changing, a mutex: operations that change areas exclude each other: map, unmap,
 * protect, collapse, and whoever lists areas. They may take long, and nobody else waits for
 * it. The tree of areas changes under it alone; it is read under it, or under RCU. What
 * takes an area out of the tree holds the lock for writing too, for that moment; inside it each
 * store holds the tree's own spinlock: readers in a section spin while one is half done.
 *
 * space->lock, a sleeping reader-writer lock, inside the mutex. Held for writing while a
 * remover has the bar, for a bounded piece of work each time, and while consumers come and
 * go. Held for reading by whoever needs leaves and areas to stay while it sleeps: the slow
 * paths of faults and accesses. What they do to the table is to fill entries that are not
 * present, each by one cmpxchg.
 *
 * Not held at all: translations, accesses and faults that need not sleep, in read-side
 * sections, between axas_section_enter() and axas_section_leave(). Preemption is off in
 * them. A fault leaves its section to get a frame, and installs it in another, after a look
 * at the generation: if that is another, it looks everything up again.
 *
 * Removal is whatever breaks or narrows leaves, unlinks tables, or takes areas away. It goes
 * in pieces. For each piece the remover has the bar, between axas_bar_begin() and
 * axas_bar_end(): nobody is in a section or holds the lock, and no section begins. A remover
 *
 *  1. allocates all that it needs; from here on nothing fails;
 *  2. puts new areas, or none, in place of the old ones: whoever looks an area up finds them;
 *  3. with the bar, breaks or narrows a piece of the leaves, and has them flushed in all
 *     consumers. The first bar also is when the old areas are out of use;
 *  4. without it, frees the piece's frames and tables; and goes on at 3. until all is done;
 *  5. lets the areas go, and frees what pays for no range: see axas_token_need().
 *
 * Unmap takes a batch of ranges at a time: 2. to 5. are repeated for each.
 *
 * A leaf may thus permit more or less than its area for a while: whether an access may go
 * on is asked of the leaf.
 *
 * The order of every removal: break the entries; flush in every consumer; only then put
 * frames and free tables. A flush runs with the lock held for writing, and must not call
 * back into the space.
 *
 * User memory is touched with space->lock held or in a section only with page faults disabled
 * (axas_space_copy_iter()): that access could fault into a mapping of this very space.
 *
 * The mutex and the lock nest inside a consumer's own locks and mmap_lock, and outside the
 * locks of the page allocator and of what flush callbacks take.
 */

/**
 * DOC: how a removal waits
 *
 * It waits for those who use this very space, and disturbs no other CPU.
 *
 * Each CPU has one mark, the space that it is in a section of, and one cache of what it found
 * last: a generation, an area, and a cursor. Generations come from one counter for all
 * spaces, so a generation names the space, too, and never comes back. A CPU's cache holds a
 * space's present generation only while the CPU is on the space's list:
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
 * A CPU that joins either is seen on the list or sees the odd generation: both sides have a
 * full barrier between their store and their load. A CPU that is on the list needs none: the
 * interrupt comes before it looks at the generation, which is odd then, or after it, and its
 * mark is seen. The end of a section is a release, so that what was done in it is done before
 * anything is freed or copied; its begin is one, so that the same holds where the mark is seen
 * to name another space already.
 *
 * A CPU without a tick (nohz_full) is not interrupted. It pays a full barrier in each section,
 * is on no list, and its mark is always looked at.
 *
 * CPUs that are offline have no mark, and come back with full barriers. proofs/litmus/ has a
 * test for each of these barriers, and what happens without it.
 */

/**
 * struct axas_area - what a range of a space is: one protection and one backend
 * @attr: all that its leaves of 4 KiB have but their addresses
 * @direct: the AXAS_PROT_* for which the host needs no window: @prot, or none
 * @single: the AXAS_PROT_* whose faults take one frame of the space's HAL, and no more: @prot,
 *	or none
 * @prot: AXAS_PROT_*
 * @type: AXAS_TYPE_*
 * @flags: AXAS_MAP_HUGE_*, AXAS_MAP_AROUND()
 * @ranges: how many ranges of the tree are it; a linear area is one at most
 * @backend: where its frames come from
 * @claim: of a linear area: the memory that it maps
 * @node: in a remover's list, or a token in its space's
 *
 * Nothing of it changes after it is in a tree but what the mutex keeps: @ranges, @claim and
 * @node. Where it begins and ends the tree says: what is cut out of its middle leaves one area
 * with two ranges.
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
 * Ranges that an area pays for, see axas_token_need(): two, each with a hole behind it, take about
 * as much of the tree's nodes as an area's memory is, when these are as empty as they get.
 */
#define AXAS_RANGES_PER_AREA	2

/* CPUs on a space's list: CPU n is bit n modulo their number. */
#define AXAS_LIST_BITS	512

/**
 * struct axas_space - one guest-physical address space
 * @generation: odd while somebody has the bar
 * @no_huge: no leaves of 2 MiB are to be made for the moment
 * @npt: its table
 * @range: its addresses
 * @pool: its frames
 * @areas: struct axas_area by range of 4 KiB page numbers; neighbours are never the same
 * @list: CPUs that may have cached @generation
 * @ref: who uses it
 * @changing: see "locks and order"
 * @lock: see "locks and order"
 * @nr_areas: how many ranges @areas has
 * @nr_objects: how many areas these are
 * @tokens: see axas_token_need(); the mutex
 * @nr_tokens: how many
 * @linear_pages: 4 KiB pages that linear areas cover
 * @consumers: struct axas_consumer that are attached
 * @faults: how many came to each AXAS_FAULT_*, but for those that npt's shards count
 * @released: called when nothing is left of it, or NULL
 * @released_arg: its argument
 */
struct axas_space {
	unsigned long generation;
	bool no_huge;
	struct axas_gpa_range range;
	struct axas_npt npt;
	struct axas_pool pool;
	struct maple_tree areas;
	DECLARE_BITMAP(list, AXAS_LIST_BITS);
	struct kref ref;
	struct mutex changing;		/* see @changing above */
	struct rw_semaphore lock;
	u64 nr_areas;
	u64 nr_objects;
	struct list_head tokens;
	u64 nr_tokens;
	u64 linear_pages;
	struct list_head consumers;
	atomic_long_t faults[AXAS_FAULT_ERROR + 1];
	void (*released)(void *arg);
	void *released_arg;
};

/**
 * struct axas_cpu - one CPU's mark and cache, for all spaces
 * @mark: the space that it is in a section of, or NULL
 * @generation: that of the space that it found the rest in; 0: see @untimed
 * @area: the area that was found last
 * @first: the first byte of its range in which that was; a range that covers nothing: none was
 * @last: the last one
 * @cursor: the table of level 0 that was found last
 * @leaf: a leaf of level 0 that was translated, for its attributes: no entry is like ~0
 * @prot: what it permits
 * @type: its memory's
 * @shard: where it counts
 * @untimed: for a CPU that is not interrupted: its generation, while @generation is 0
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

/* Areas are found by the number of a 4 KiB page. */
static inline unsigned long axas_page_nr(u64 gpa)
{
	return gpa >> AXAS_FRAME_SHIFT;
}

/* Pages that a fault fills at once, as a power of two. */
static inline unsigned int axas_area_around(const struct axas_area *area)
{
	return (area->flags & AXAS_MAP_AROUND_MASK) >> AXAS_MAP_AROUND_SHIFT;
}

static inline bool axas_area_is_linear(const struct axas_area *area)
{
	return area->backend.ops->flags & AXAS_BACKEND_AT_ONCE;
}

/* What a CPU has that found nothing yet. */
#define AXAS_NO_FIRST	(~0ull)
#define AXAS_NO_LAST	0ull

/* Where no section may begin: what is found for this once alone. */
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
	/* What was done in the section is done. Pairs with wait_for_cpu(). */
	smp_store_release(&cpu->mark, NULL);
	preempt_enable();
}

/* The first steps of a section: this CPU's mark. What follows looks at the generation. */
static __always_inline struct axas_cpu *axas_section_mark(const struct axas_space *space)
{
	struct axas_cpu *cpu;

	preempt_disable();
	cpu = this_cpu_ptr(&axas_cpus);
	/* What a CPU found belongs to one task at a time, and to no interrupt. */
	WARN_ON_ONCE(IS_ENABLED(CONFIG_PROVE_LOCKING) && (!in_task() || cpu->mark));
	/* What was done in a section before is done. Pairs with wait_for_cpu(). */
	smp_store_release(&cpu->mark, space);
	/* On the list, an interrupt is the barrier. */
	barrier();
	/* So that callers need not look. */
	if (!cpu)
		__builtin_unreachable();
	return cpu;
}

/*
 * Begin a read-side section: see "how a removal waits". Until axas_section_leave() no area,
 * table or frame goes away, and nobody may sleep. NULL, and no section: somebody has the
 * bar; take the lock.
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
 * The same for the shortest paths: NULL, and no section, also where this CPU's cache is of
 * another generation. Whoever asks has a slow path that enters.
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
 * As axas_section_enter(), to go on with what was found in a section of this @generation.
 * NULL, and no section: it may be gone.
 */
static __always_inline struct axas_cpu *axas_section_reenter(const struct axas_space *space,
							     unsigned long generation)
{
	struct axas_cpu *cpu = axas_section_enter(space);

	if (unlikely(!cpu))
		return NULL;
	/* Nobody can take the bar now: what is there is what enter saw. */
	if (likely(READ_ONCE(space->generation) == generation))
		return cpu;
	axas_section_leave(cpu);
	return NULL;
}

/* Whether the area that a CPU found last covers an address. */
static inline bool axas_cpu_covers(const struct axas_cpu *cpu, u64 gpa)
{
	return gpa >= cpu->first && gpa <= cpu->last;
}

/* The first byte of a page by its number, and the last one. */
static inline u64 axas_page_first(unsigned long nr)
{
	return (u64)nr << AXAS_FRAME_SHIFT;
}

static inline u64 axas_page_last(unsigned long nr)
{
	return axas_page_first(nr) | (AXAS_FRAME_SIZE - 1);
}

/*
 * The area that covers an address, with its range in @cpu; or NULL, and @cpu as it was. In a
 * section, or with the lock or the mutex held.
 */
const struct axas_area *axas_area_look_up(const struct axas_space *space, struct axas_cpu *cpu,
					  u64 gpa);

/*
 * The same where it may be the one that was found last. A remover that takes the bar only later
 * may have cut that one's range by now: then what is done in the section comes before its removal.
 */
static inline const struct axas_area *axas_area_find_here(const struct axas_space *space,
							  struct axas_cpu *cpu, u64 gpa)
{
	if (likely(axas_cpu_covers(cpu, gpa)))
		return cpu->area;
	return axas_area_look_up(space, cpu, gpa);
}

/* Whether the table of 4 KiB leaves for an address is the one that this CPU found last. */
static inline bool axas_cpu_at(const struct axas_cpu *cpu, u64 gpa)
{
	return axas_npt_cursor_at(&cpu->cursor, gpa);
}

/* The entry of such an address. */
static inline u64 *axas_cpu_ptep(const struct axas_cpu *cpu, u64 gpa)
{
	return axas_npt_ptep(cpu->cursor.table, gpa);
}

/* Generations and the lists of CPUs. */
unsigned long axas_generation_new(void);

/* Keep readers out, and wait until none is left; the mutex is held. */
void axas_bar_begin(struct axas_space *space);
void axas_bar_end(struct axas_space *space);

/* All consumers forget what they cached of a range. The lock is held. */
void axas_space_flush(struct axas_space *space, u64 first, u64 last, bool tables);

/* Areas. All of these with the mutex held. */

/* A new area, in no tree. ERR_PTR of -ENOMEM; -EBUSY: its memory is mapped otherwise. */
struct axas_area *axas_area_new(const struct axas_space *space, struct axas_gpa_range range,
				u32 prot, u32 type, u32 flags, struct axas_backend backend);
/* One that is in no tree, has no leaves, and that nobody can know any more. */
void axas_area_free(struct axas_area *area);
/* One like another, for a range and with another protection. ERR_PTR of -ENOMEM. */
struct axas_area *axas_area_copy(const struct axas_space *space, const struct axas_area *area,
				 u64 first, u64 last, u32 prot);
/* Whether one area could go on with the other, but for its protection, at the next byte. */
bool axas_area_like(const struct axas_area *area, const struct axas_area *other);

/* Put a new one into the tree. -EEXIST when it overlaps another; -ENOMEM. */
int axas_area_insert(struct axas_space *space, u64 first, u64 last, struct axas_area *area);
/*
 * Put an area, or none, in the place of what a range has. A linear area that has a range already
 * goes on from there, and none reaches across an end. Areas that have no range any more are
 * @gone.
 */
void axas_areas_replace(struct axas_space *space, u64 first, u64 last, struct axas_area *area,
			struct list_head *gone);
/*
 * Two areas out of a linear one that reaches across an address, which stays the lower: each
 * claims its memory. All others have as many ranges as it takes. 0, or -ENOMEM.
 */
int axas_area_cut(struct axas_space *space, u64 at);
/* Undo that; nothing has changed since. The upper area is @gone. */
void axas_area_uncut(struct axas_space *space, u64 at, struct list_head *gone);
/*
 * The tree's nodes are charged to nobody; areas are charged, and each pays for AXAS_RANGES_PER_AREA
 * ranges. Where ranges that share areas are more than these pay for, there are tokens: memory of an
 * area each, that pays for as many. After this one range more may come without an area. 0, or
 * -ENOMEM.
 */
int axas_token_need(struct axas_space *space);
/* Gone areas become tokens, and what is too much is freed. Unmap and protect end with it. */
void axas_areas_free(struct axas_space *space, struct list_head *gone);

/* Whether any area covers a byte of a range. */
bool axas_area_any(struct axas_space *space, u64 first, u64 last);

/* The first area from where @mas is on that begins at or before @to; its range is @mas's then. */
struct axas_area *axas_area_start(struct ma_state *mas, u64 to);
/* The one that follows it. */
struct axas_area *axas_area_next(struct ma_state *mas, u64 to);

/* At load: CPUs that are not interrupted; and at unload. */
int axas_area_init(void);
void axas_area_exit(void);

#endif /* _AXAS_AREA_H */
