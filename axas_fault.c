// SPDX-License-Identifier: GPL-2.0-only
/*
 * How memory gets its frames: faults and populate. Calls axas_backend.c and axas_npt.c.
 * What needs the lock of the space and what does not: see "locks and order" in
 * axas_space.c.
 */
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "axas_compat.h"
#include "axas_space.h"

/* What a new leaf may reach: the whole area on a fault, what was asked for by populate. */
struct fill_bounds {
	u64 first;
	u64 last;
	bool huge;
};

/*
 * The level of the leaf that a page without one should get: 1 where the policy, the
 * bounds, the machine, and what the table holds already allow, else 0.
 */
static unsigned int fill_level(struct axas_space *space, const struct axas_area *area,
			       u64 gpa, unsigned int empty_level,
			       const struct fill_bounds *bounds)
{
	u64 mask = axas_npt_leaf_size(1) - 1;

	if (!bounds->huge || !empty_level || !axas_npt_max_level(&space->npt, area->prot))
		return 0;
	return (gpa & ~mask) >= bounds->first && (gpa | mask) <= bounds->last;
}

/*
 * Get a frame and install it, unless a leaf is there by then. 0, or -EEXIST,
 * -ENOMEM.
 */
static int fill_leaf(struct axas_space *space, const struct axas_area *area, u64 gpa,
		     struct axas_leaf *leaf, unsigned int level)
{
	const struct axas_backend_ops *ops = area->backend.ops;
	unsigned int order = AXAS_NPT_LEVEL_BITS * level;
	struct axas_hpa hpa;
	int err;

	/* A linear area has all its leaves from the beginning. */
	if (WARN_ON_ONCE(!ops->owned))
		return -EFAULT;
	gpa &= ~(axas_npt_leaf_size(level) - 1);
	if (!ops->get(&space->pool, order, 0, &hpa, 1))
		return -ENOMEM;
	err = axas_npt_map_leaf(&space->npt, gpa, hpa.val, area->prot, area->type, level);
	if (!err)
		*leaf = (struct axas_leaf){ hpa, level, area->prot, area->type };
	else
		ops->put(&space->pool, order, &hpa, 1);
	return err;
}

/*
 * Give a page of an area its leaf, a large one if that may be. 0 when this call
 * installed it, -EEXIST when it was there or somebody else was faster, -ENOMEM.
 */
static int fill_page(struct axas_space *space, const struct axas_area *area, u64 gpa,
		     const struct fill_bounds *bounds, struct axas_leaf *leaf)
{
	unsigned int level;
	int err;

	if (axas_npt_lookup(&space->npt, gpa, leaf))
		return -EEXIST;
	level = fill_level(space, area, gpa, leaf->level, bounds);
	err = fill_leaf(space, area, gpa, leaf, level);
	if (!err)
		return 0;
	/* No 2 MiB to be had, or somebody put 4 KiB in their place: 4 KiB serve. */
	if (err == -EEXIST && axas_npt_lookup(&space->npt, gpa, leaf))
		return -EEXIST;
	if (!level)
		return err;
	err = fill_leaf(space, area, gpa, leaf, 0);
	if (err == -EEXIST)
		axas_npt_lookup(&space->npt, gpa, leaf);
	return err;
}

/* Frames that are got and installed together, on the stack. */
#define FILL_BATCH	64

/* The same for pages that follow each other in one table, @max at most. Leaves installed. */
static unsigned int fill_slots(struct axas_space *space, const struct axas_area *area,
			       u64 *slot, unsigned int max)
{
	const struct axas_backend_ops *ops = area->backend.ops;
	struct axas_hpa hpas[FILL_BATCH] __uninitialized;
	unsigned int got, lost;

	if (WARN_ON_ONCE(!ops->owned))
		return 0;
	got = ops->get(&space->pool, 0, 0, hpas, max);
	lost = axas_npt_fill(&space->npt, slot, hpas, got, area->attr);
	if (unlikely(lost))
		ops->put(&space->pool, 0, hpas, lost);
	return got;
}

/*
 * The same where no table is yet: the frame comes first, so that a table is only made for
 * a leaf, and a limit of frames bounds the tables too.
 */
static int fill_first(struct axas_space *space, const struct axas_area *area, u64 gpa,
		      u64 *bytes)
{
	struct axas_leaf leaf;
	int err = fill_leaf(space, area, gpa, &leaf, 0);

	/* Somebody was here meanwhile: look again. */
	if (err == -EEXIST)
		return 0;
	*bytes = err ? 0 : AXAS_FRAME_SIZE;
	return err;
}

/*
 * Give pages from @gpa on their leaves of 4 KiB, as far as they lie in one table. @bytes:
 * how far all have one now. 0, or -ENOMEM.
 */
static int fill_small(struct axas_space *space, const struct axas_area *area, u64 gpa,
		      u64 last, u64 *bytes)
{
	struct axas_leaf leaf;
	bool found = axas_npt_lookup(&space->npt, gpa, &leaf);
	unsigned int max, n;
	u64 *table, *slot;

	*bytes = found ? axas_npt_left(&leaf, gpa) : 0;
	if (leaf.level)
		return found ? 0 : fill_first(space, area, gpa, bytes);
	table = axas_npt_table(&space->npt, gpa);
	/* It was there, and goes only with the lock held for writing. */
	if (WARN_ON_ONCE(IS_ERR_OR_NULL(table)))
		return -EFAULT;
	slot = axas_npt_slot(table, gpa);
	max = axas_page_nr(min(last, gpa | (axas_npt_leaf_size(1) - 1))) - axas_page_nr(gpa) + 1;
	n = axas_npt_run_of(slot, max, false);
	if (n) {
		*bytes = n * AXAS_FRAME_SIZE;
		return 0;
	}
	n = axas_npt_run_of(slot, min_t(unsigned int, max, FILL_BATCH), true);
	/* Somebody was here meanwhile: look again. */
	if (!n)
		return 0;
	max = fill_slots(space, area, slot, n);
	*bytes = max * AXAS_FRAME_SIZE;
	return max == n ? 0 : -ENOMEM;
}

/* The same with a leaf of 2 MiB where one may be. */
static int fill_some(struct axas_space *space, const struct axas_area *area, u64 gpa,
		     const struct fill_bounds *bounds, u64 *bytes)
{
	u64 mask = axas_npt_leaf_size(1) - 1;
	struct axas_leaf leaf;
	int err;

	if (!bounds->huge || gpa & mask || bounds->last - gpa < mask)
		return fill_small(space, area, gpa, bounds->last, bytes);
	err = fill_page(space, area, gpa, bounds, &leaf);
	if (err == -EEXIST)
		err = 0;
	*bytes = err ? 0 : axas_npt_left(&leaf, gpa);
	return err;
}

/* Give every page of [first, last], which lies in the area, its leaf. */
int axas_space_fill(struct axas_space *space, const struct axas_area *area, u64 first, u64 last,
		    u64 *done)
{
	struct fill_bounds bounds = {
		.first = first, .last = last,
		.huge = !(area->flags & AXAS_MAP_HUGE_NEVER),
	};
	u64 gpa, bytes;
	int err;

	lockdep_assert_held(&space->lock);
	for (gpa = first;; gpa += bytes) {
		if (fatal_signal_pending(current))
			return -EINTR;
		err = fill_some(space, area, gpa, &bounds, &bytes);
		/* A large leaf may reach over the end of what was asked for. */
		bytes = min(bytes, last - gpa + 1);
		*done += bytes;
		if (err || bytes == last - gpa + 1)
			return err;
		cond_resched();
	}
}

/* Pages that are populated with the lock held once: others want it too. */
#define POPULATE_CHUNK	(512 * AXAS_FRAME_SIZE)

/* Populate a piece of what one area covers at the beginning of a range. */
static int populate_some(struct axas_space *space, u64 first, u64 last, u64 *done)
{
	struct axas_area *area;
	int err = -EFAULT;

	down_read(&space->lock);
	area = axas_space_area(space, first);
	if (area) {
		last = min3(last, area->last, first | (POPULATE_CHUNK - 1));
		err = axas_space_fill(space, area, first, last, done);
	}
	up_read(&space->lock);
	return err;
}

int axas_space_populate(struct axas_space *space, struct axas_gpa_range range, u64 *done)
{
	int err = 0;

	*done = 0;
	if (!axas_space_range_ok(space, range))
		return -EINVAL;
	while (!err && *done < range.size)
		err = populate_some(space, range.start.val + *done,
				    axas_gpa_range_last(range).val, done);
	return err;
}
EXPORT_SYMBOL_AXAS(axas_space_populate);

/* The rest of the pages around one that a fault has filled, as far as frames are there. */
static void fill_around(struct axas_space *space, const struct axas_area *area, u64 gpa)
{
	u64 mask = (AXAS_FRAME_SIZE << axas_area_around(area)) - 1;
	u64 first = max(area->first, gpa & ~mask);
	u64 last = min(area->last, gpa | mask);
	u64 bytes;

	for (;; first += bytes)
		if (fill_small(space, area, first, last, &bytes) || bytes > last - first)
			return;
}

int axas_space_fault_locked(struct axas_space *space, struct axas_area *area, u64 gpa,
			    u32 access, struct axas_leaf *leaf)
{
	struct fill_bounds bounds;

	lockdep_assert_held(&space->lock);
	if (!area)
		return AXAS_FAULT_HOLE;
	if (access & ~area->prot)
		return AXAS_FAULT_DENIED;
	bounds = (struct fill_bounds){
		.first = area->first, .last = area->last,
		.huge = area->flags & AXAS_MAP_HUGE_ALWAYS,
	};
	switch (fill_page(space, area, gpa, &bounds, leaf)) {
	case 0:
		if (axas_area_around(area) && !leaf->level)
			fill_around(space, area, gpa);
		this_cpu_inc(space->cpus->faults[AXAS_FAULT_FIXED]);
		return AXAS_FAULT_FIXED;
	case -EEXIST:
		return AXAS_FAULT_SPURIOUS;
	case -ENOMEM:
		return AXAS_FAULT_NOMEM;
	default:
		return AXAS_FAULT_ERROR;
	}
}

/* No answer: take the lock. */
#define FAULT_LOCK	-1

/*
 * Leave the section that found an empty slot; get a frame; and install it in another
 * section, if the space is still of the same generation.
 */
static __always_inline int fault_fill(struct axas_space *space, const struct axas_space_cpu *cpu,
				      const struct axas_area *area, u64 *slot)
{
	const struct axas_backend_ops *ops = area->backend.ops;
	unsigned long generation = cpu->generation;
	struct axas_hpa hpa __uninitialized;
	u64 attr = READ_ONCE(area->attr);
	int result = AXAS_FAULT_RETRY;

	axas_space_leave();
	if (unlikely(!ops->get(&space->pool, 0, 0, &hpa, 1))) {
		this_cpu_inc(space->cpus->faults[AXAS_FAULT_NOMEM]);
		return AXAS_FAULT_NOMEM;
	}
	rcu_read_lock_sched();
	/* As in axas_space_enter(). */
	if (likely(smp_load_acquire(&space->generation) == generation)) {
		if (likely(axas_npt_fill_one(&space->npt, slot, hpa, attr))) {
			this_cpu_inc(space->cpus->faults[AXAS_FAULT_FIXED]);
			rcu_read_unlock_sched();
			return AXAS_FAULT_FIXED;
		}
		result = AXAS_FAULT_SPURIOUS;
	}
	this_cpu_inc(space->cpus->faults[result]);
	rcu_read_unlock_sched();
	ops->put(&space->pool, 0, &hpa, 1);
	return result;
}

static noinline int fault_with_lock(struct axas_space *space, u64 gpa, u32 access,
				    unsigned int *level)
{
	struct axas_leaf leaf = {};
	int result;

	down_read(&space->lock);
	result = axas_space_fault_locked(space, axas_space_area(space, gpa), gpa, access,
					 &leaf);
	up_read(&space->lock);
	if (result == AXAS_FAULT_NOMEM && space->pool.limited) {
		/* Others may have held the last frames for a moment. Now there are none. */
		down_write(&space->lock);
		result = axas_space_fault_locked(space, axas_space_area(space, gpa), gpa,
						 access, &leaf);
		up_write(&space->lock);
	}
	if (result != AXAS_FAULT_FIXED)
		this_cpu_inc(space->cpus->faults[result]);
	if (level)
		*level = result <= AXAS_FAULT_SPURIOUS ? leaf.level : 0;
	return result;
}

/*
 * Find area and table anew, for this CPU's next faults too. Begun in a section, which it
 * leaves.
 */
static int fault_find(struct axas_space *space, struct axas_space_cpu *cpu, u64 gpa, u32 access,
		      unsigned int *level)
{
	const struct axas_area *area = axas_space_area_on(space, cpu, gpa);
	struct axas_translation to;
	int result = FAULT_LOCK;

	if (!area) {
		result = AXAS_FAULT_HOLE;
	} else if (access & ~READ_ONCE(area->prot)) {
		result = AXAS_FAULT_DENIED;
	} else if (axas_npt_translate(&space->npt, &cpu->cursor, gpa, &to)) {
		result = AXAS_FAULT_SPURIOUS;
		if (level)
			*level = to.level;
	} else if (READ_ONCE(area->single) && axas_npt_cursor_at(&cpu->cursor, gpa)) {
		return fault_fill(space, cpu, area, axas_npt_slot(cpu->cursor.table, gpa));
	}
	if (result != FAULT_LOCK)
		cpu->faults[result]++;
	axas_space_leave();
	return result;
}

static noinline int fault_far(struct axas_space *space, u64 gpa, u32 access,
			      unsigned int *level)
{
	struct axas_space_cpu *cpu;
	int result = FAULT_LOCK;

	if (level)
		*level = 0;
	if (!access || access & ~AXAS_PROT_MASK) {
		this_cpu_inc(space->cpus->faults[AXAS_FAULT_ERROR]);
		return AXAS_FAULT_ERROR;
	}
	cpu = axas_space_enter(space);
	if (axas_space_removing(cpu))
		axas_space_leave();
	else
		result = fault_find(space, cpu, gpa, access, level);
	return result == FAULT_LOCK ? fault_with_lock(space, gpa, access, level) : result;
}

/*
 * The two faults that are frequent: on a page that has its leaf of 4 KiB by now, and on
 * one that has none, in the area and the table that this CPU found last. The rest is far.
 */
int axas_space_fault(struct axas_space *space, struct axas_gpa gpa, u32 access,
		     unsigned int *level)
{
	struct axas_space_cpu *cpu = axas_space_enter(space);
	const struct axas_area *area = cpu->area;
	u64 *slot;

	slot = axas_space_last_slot(cpu, gpa.val);
	if (unlikely(!slot || !access || access & ~READ_ONCE(area->single))) {
		axas_space_leave();
		return fault_far(space, gpa.val, access, level);
	}
	if (level)
		*level = 0;
	if (READ_ONCE(*slot)) {
		cpu->faults[AXAS_FAULT_SPURIOUS]++;
		axas_space_leave();
		return AXAS_FAULT_SPURIOUS;
	}
	return fault_fill(space, cpu, area, slot);
}
EXPORT_SYMBOL_AXAS(axas_space_fault);

/* The entry of 4 KiB at an address, by a walk. For faults and accesses that come next too. */
static noinline u64 *find_slot(struct axas_space *space, struct axas_space_cpu *cpu, u64 gpa)
{
	struct axas_translation to;

	if (axas_space_removing(cpu) || !axas_space_area_on(space, cpu, gpa))
		return NULL;
	axas_npt_translate(&space->npt, &cpu->cursor, gpa, &to);
	return axas_space_last_slot(cpu, gpa);
}

/* All of it is one section: what was found stays, and the generation need not be asked. */
int axas_space_fault_nowait(struct axas_space *space, struct axas_gpa gpa, u32 access)
{
	const struct axas_backend_ops *ops;
	struct axas_hpa hpa __uninitialized;
	int result = AXAS_FAULT_SPURIOUS;
	struct axas_space_cpu *cpu;
	bool lost = false;
	u64 *slot;

	/* There the page allocator sleeps on its locks. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return AXAS_FAULT_RETRY;
	cpu = axas_space_enter(space);
	slot = axas_space_last_slot(cpu, gpa.val);
	if (unlikely(!slot))
		slot = find_slot(space, cpu, gpa.val);
	if (unlikely(!slot || !access || access & ~READ_ONCE(cpu->area->single))) {
		axas_space_leave();
		return AXAS_FAULT_RETRY;
	}
	ops = cpu->area->backend.ops;
	if (likely(!READ_ONCE(*slot))) {
		if (unlikely(!ops->get(&space->pool, 0, AXAS_FRAME_NOWAIT, &hpa, 1))) {
			axas_space_leave();
			return AXAS_FAULT_RETRY;
		}
		lost = !axas_npt_fill_one(&space->npt, slot, hpa, READ_ONCE(cpu->area->attr));
		if (likely(!lost))
			result = AXAS_FAULT_FIXED;
	}
	cpu->faults[result]++;
	axas_space_leave();
	if (unlikely(lost))
		ops->put(&space->pool, 0, &hpa, 1);
	return result;
}
EXPORT_SYMBOL_AXAS(axas_space_fault_nowait);
