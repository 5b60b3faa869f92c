/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What axas_space.c, axas_fault.c and axas_access.c share, and what the KUnit suites see.
 * The lock rules are in axas_space.c.
 */
#ifndef _AXAS_SPACE_INTERNAL_H
#define _AXAS_SPACE_INTERNAL_H

#include <linux/kref.h>
#include <linux/maple_tree.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <axas/space.h>

#include "axas_backend.h"
#include "axas_linear.h"
#include "axas_npt.h"

/**
 * struct axas_area - a range of a space with one protection and one backend
 * @first: first guest-physical byte
 * @last: last guest-physical byte
 * @attr: all that its leaves of 4 KiB have but their addresses
 * @direct: the AXAS_PROT_* that need no window: @prot where the frames are the space's
 * @single: the AXAS_PROT_* whose faults may take one frame, and no more
 * @prot: AXAS_PROT_*
 * @type: AXAS_TYPE_*
 * @flags: AXAS_MAP_HUGE_*
 * @backend: where its frames come from
 * @gone: while it is being removed
 * @claim: of a linear area: the memory that it maps
 */
struct axas_area {
	u64 first;
	u64 last;
	u64 attr;
	u32 direct;
	u32 single;
	u32 prot;
	u32 type;
	u32 flags;
	struct axas_backend backend;
	struct list_head gone;
	struct axas_claim claim;
};

/**
 * struct axas_space_cpu - one CPU's share of a space
 * @generation: space->generation when what follows was found
 * @area: the area that was found last, or one that covers nothing
 * @cursor: the table that was found last
 * @frames: its share of the frames held
 * @faults: how many came to each AXAS_FAULT_*
 */
struct axas_space_cpu {
	unsigned long generation;
	const struct axas_area *area;
	struct axas_npt_cursor cursor;
	long frames;
	u64 faults[AXAS_FAULT_ERROR + 1];
};

/**
 * struct axas_space - one guest-physical address space
 * @ref: who uses it
 * @range: its addresses
 * @lock: see axas_space.c
 * @generation: odd while somebody removes; see axas_space.c
 * @areas: struct axas_area by 4 KiB page number
 * @nr_areas: how many
 * @linear_pages: 4 KiB pages that linear areas cover
 * @consumers: struct axas_consumer that are attached
 * @npt: its table
 * @pool: its frames
 * @cpus: each CPU's share
 * @released: called when nothing is left of it, or NULL
 * @released_arg: its argument
 */
struct axas_space {
	struct kref ref;
	struct axas_gpa_range range;
	struct rw_semaphore lock;
	unsigned long generation;
	struct maple_tree areas;
	u64 nr_areas;
	u64 linear_pages;
	struct list_head consumers;
	struct axas_npt npt;
	struct axas_pool pool;
	struct axas_space_cpu __percpu *cpus;
	void (*released)(void *arg);
	void *released_arg;
};

/* Whole 4 KiB pages, at least one, inside the space. */
static inline bool axas_space_range_ok(const struct axas_space *space,
				       struct axas_gpa_range range)
{
	return range.size && !((range.start.val | range.size) & (AXAS_FRAME_SIZE - 1)) &&
	       axas_space_contains(space, range);
}

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

/* As axas_space_create(), on a format and for a machine (NULL: the usual one). */
struct axas_space *axas_space_create_fmt(const struct axas_space_params *params,
					 const struct axas_npt_fmt *fmt,
					 const struct axas_npt_caps *caps);

/* The area that covers an address, or NULL. space->lock held. */
struct axas_area *axas_space_area(struct axas_space *space, u64 gpa);

/* Covers nothing. */
extern const struct axas_area axas_no_area;

static inline bool axas_area_covers(const struct axas_area *area, u64 gpa)
{
	return gpa >= area->first && gpa <= READ_ONCE(area->last);
}

/*
 * Begin to read without the lock: see axas_space.c. Until axas_space_leave() no area,
 * table or frame goes away, and nobody may sleep. While somebody removes, this CPU has
 * found nothing, and may not look: see axas_space_removing().
 */
static inline struct axas_space_cpu *axas_space_enter(struct axas_space *space)
{
	struct axas_space_cpu *cpu;
	unsigned long generation;

	/* What a CPU found belongs to one task at a time, and to no interrupt. */
	WARN_ON_ONCE(IS_ENABLED(CONFIG_PROVE_LOCKING) && !in_task());
	rcu_read_lock_sched();
	/* For sparse: sections end in other functions than they begin in. */
	__release(RCU_SCHED);
	/* What end_removal() published is seen from here on. */
	generation = smp_load_acquire(&space->generation);
	cpu = this_cpu_ptr(space->cpus);
	if (unlikely(cpu->generation != generation)) {
		cpu->generation = generation;
		cpu->area = &axas_no_area;
		cpu->cursor.region = AXAS_NPT_NO_REGION;
	}
	return cpu;
}

/* After axas_space_enter(): leave, and take the lock. */
static inline bool axas_space_removing(const struct axas_space_cpu *cpu)
{
	return cpu->generation & 1;
}

static inline void axas_space_leave(void)
{
	__acquire(RCU_SCHED);
	rcu_read_unlock_sched();
}

/* As axas_space_area(), between axas_space_enter() and axas_space_leave(). */
static inline const struct axas_area *axas_space_area_on(struct axas_space *space,
							 struct axas_space_cpu *cpu, u64 gpa)
{
	const struct axas_area *area = cpu->area;

	if (likely(axas_area_covers(area, gpa)))
		return area;
	area = mtree_load(&space->areas, axas_page_nr(gpa));
	if (area)
		cpu->area = area;
	return area;
}

/*
 * The entry of 4 KiB at an address, if its area and its table are those that this CPU
 * found last; else NULL.
 */
static inline u64 *axas_space_last_slot(const struct axas_space_cpu *cpu, u64 gpa)
{
	if (likely(axas_area_covers(cpu->area, gpa) && axas_npt_cursor_at(&cpu->cursor, gpa)))
		return axas_npt_slot(cpu->cursor.table, gpa);
	return NULL;
}

/*
 * Give every page of [first, last], which lies in the area, its leaf. space->lock held.
 * @done grows by the bytes that have one. 0, -ENOMEM, or -EINTR on a fatal signal.
 */
int axas_space_fill(struct axas_space *space, const struct axas_area *area, u64 first, u64 last,
		    u64 *done);

/* As axas_space_fault(), with space->lock held for reading or writing. */
int axas_space_fault_locked(struct axas_space *space, struct axas_area *area, u64 gpa,
			    u32 access, struct axas_leaf *leaf);

/* Pages of linear areas, for RLIMIT_MEMLOCK. */
u64 axas_space_linear_pages(struct axas_space *space);

/*
 * @fn(@arg) is called once, when the space is gone with all that it mapped. May sleep. To be
 * said before anybody else has a reference.
 */
void axas_space_on_release(struct axas_space *space, void (*fn)(void *arg), void *arg);

#endif /* _AXAS_SPACE_INTERNAL_H */
