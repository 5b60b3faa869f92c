// SPDX-License-Identifier: GPL-2.0-only
/*
 * Spaces: areas, and what is done to ranges of them. This is the one place where
 * backends and tables meet. Calls axas_backend.c and axas_npt.c.
 */
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "axas_compat.h"
#include "axas_space.h"

/**
 * DOC: locks and order
 *
 * space->lock is a sleeping reader-writer lock.
 *
 * Held for writing: the tree of areas changes, consumers come and go.
 *
 * Held for reading: whatever may sleep. Many run beside each other. What they do to the
 * table is to fill empty entries, each by one cmpxchg: of two CPUs that fault one page,
 * one installs its frame, and the other gives its own back and answers SPURIOUS.
 *
 * Not held at all: translations, accesses and faults that need not sleep, between
 * axas_space_enter() and axas_space_leave(). These are sections of RCU-sched, and touch
 * nothing that another CPU writes to but the entry that a fault fills. An area or table
 * that they found last stays with the CPU, for as long as the generation stays. A fault
 * leaves its section to get a frame, which may sleep, and enters another to install it;
 * if the generation is another by then, it begins anew with the lock.
 *
 * Removal is whatever clears, narrows, splits or collapses leaves, unlinks tables, or
 * takes areas away. begin_removal() takes the lock for writing, makes the generation odd
 * and waits for all sections to end; no more begin until end_removal() makes it even.
 * So removal has the space for itself, and what was found stays until the lock is
 * dropped or the section left. Mapping needs no such wait: it takes nothing away.
 *
 * The wait is synchronize_rcu_expedited(), tens of microseconds beside the flush, so that
 * readers pay nothing for it: a percpu_rw_semaphore has the same readers, but a writer
 * that waits for milliseconds.
 *
 * The order of every removal: clear the entries; flush in every consumer; only then
 * put frames and free tables. The gather of axas_npt.c sees to it. A flush callback
 * runs with the lock held for writing, may sleep, and must not call back into the
 * space.
 *
 * User memory is never touched with the lock held: that access could fault into a
 * mapping of this very space. Callers with user buffers copy through their own.
 *
 * The lock nests inside a consumer's own locks, and outside the locks of the page
 * allocator and of what its flush callbacks take.
 */

/* Areas are found by the number of a 4 KiB page. */
static unsigned long page_nr(u64 gpa)
{
	return gpa >> AXAS_FRAME_SHIFT;
}

#define HUGE_FLAGS	(AXAS_MAP_HUGE_ALWAYS | AXAS_MAP_HUGE_NEVER)

/* Pages that a fault fills at once, as a power of two. */
static unsigned int area_around(const struct axas_area *area)
{
	return (area->flags & AXAS_MAP_AROUND_MASK) >> AXAS_MAP_AROUND_SHIFT;
}

const struct axas_area axas_no_area = { .first = ~0ull };

static u64 area_pages(const struct axas_area *area)
{
	return ((area->last - area->first) >> AXAS_FRAME_SHIFT) + 1;
}

static bool area_is_linear(const struct axas_area *area)
{
	return !area->backend.ops->owned;
}

static void count_area(struct axas_space *space, const struct axas_area *area, int sign)
{
	space->nr_areas += sign;
	if (area_is_linear(area))
		space->linear_pages += sign * area_pages(area);
}

struct axas_area *axas_space_area(struct axas_space *space, u64 gpa)
{
	lockdep_assert_held(&space->lock);
	return mtree_load(&space->areas, page_nr(gpa));
}

/* See "locks and order" for these. The lock is held for writing. */
static void keep_out(struct axas_space *space)
{
	lockdep_assert_held_write(&space->lock);
	WRITE_ONCE(space->generation, space->generation + 1);
	synchronize_rcu_expedited();
}

static void let_in(struct axas_space *space)
{
	/* Whoever sees the even number sees what was removed before. */
	smp_store_release(&space->generation, space->generation + 1);
}

static void begin_removal(struct axas_space *space)
{
	down_write(&space->lock);
	keep_out(space);
}

static void end_removal(struct axas_space *space)
{
	let_in(space);
	up_write(&space->lock);
}

static void npt_flush(struct axas_npt *npt, u64 first, u64 last, bool tables)
{
	struct axas_space *space = container_of(npt, struct axas_space, npt);
	struct axas_flush flush = {
		.range = axas_gpa_range(axas_gpa(first), last - first + 1),
		.tables = tables,
	};
	struct axas_consumer *consumer;

	lockdep_assert_held_write(&space->lock);
	list_for_each_entry(consumer, &space->consumers, node)
		consumer->ops->flush(consumer, &flush);
}

static void npt_put_leaves(struct axas_npt *npt, const struct axas_hpa *hpas, unsigned int n,
			   unsigned int level)
{
	struct axas_space *space = container_of(npt, struct axas_space, npt);

	axas_backend_alloc.put(&space->pool, AXAS_NPT_LEVEL_BITS * level, hpas, n);
}

static const struct axas_npt_ops space_npt_ops = {
	.flush		= npt_flush,
	.put_leaves	= npt_put_leaves,
};

/* The range that is asked for, or nothing where it is none of this format. */
static int params_range(const struct axas_space_params *params,
			const struct axas_npt *npt, struct axas_gpa_range *range)
{
	u64 last = axas_npt_last(npt);
	u64 base = params->base.val;
	u64 size = params->size;

	if (base > last)
		return -EINVAL;
	/* All of 64 bits from 0 on has no size that a u64 holds. */
	if (!size && !base && last == ~0ull)
		return -EINVAL;
	size = size ?: last - base + 1;
	if ((base | size) & (AXAS_FRAME_SIZE - 1) || size - 1 > last - base)
		return -EINVAL;
	*range = axas_gpa_range(params->base, size);
	return 0;
}

static void space_init(struct axas_space *space, const struct axas_space_params *params,
		       const struct axas_hal *hal)
{
	kref_init(&space->ref);
	init_rwsem(&space->lock);
	mt_init_flags(&space->areas, MT_FLAGS_LOCK_EXTERN | MT_FLAGS_USE_RCU);
	mt_set_external_lock(&space->areas, &space->lock);
	INIT_LIST_HEAD(&space->consumers);
	/* Not that of a share that was never used. */
	space->generation = 2;
	axas_pool_init(&space->pool, hal, &space->cpus->frames, params->max_frames);
}

struct axas_space *axas_space_create_fmt(const struct axas_space_params *params,
					 const struct axas_npt_fmt *fmt,
					 const struct axas_npt_caps *caps)
{
	const struct axas_hal *hal = params->hal ?: &axas_hal_linux;
	struct axas_space *space;
	int err;

	space = kzalloc(sizeof(*space), GFP_KERNEL_ACCOUNT);
	if (!space)
		return ERR_PTR(-ENOMEM);
	space->cpus = alloc_percpu_gfp(struct axas_space_cpu, GFP_KERNEL_ACCOUNT);
	if (!space->cpus) {
		err = -ENOMEM;
		goto free_space;
	}
	space_init(space, params, hal);
	err = axas_npt_init(&space->npt, fmt, &space_npt_ops, hal, params->ia_bits, caps);
	if (err)
		goto free_cpus;
	err = params_range(params, &space->npt, &space->range);
	if (err)
		goto destroy_npt;
	return space;

destroy_npt:
	axas_npt_destroy(&space->npt);
free_cpus:
	free_percpu(space->cpus);
free_space:
	kfree(space);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_space_create_fmt);

struct axas_space *axas_space_create(const struct axas_space_params *params)
{
	const struct axas_npt_fmt *fmt = axas_npt_fmt_by_id(params->format);

	struct axas_npt_caps caps;

	if (params->format > AXAS_FORMAT_GSTAGE)
		return ERR_PTR(-EINVAL);
	if (!fmt)
		return ERR_PTR(-EOPNOTSUPP);
	if (!params->machine)
		return axas_space_create_fmt(params, fmt, NULL);
	if (params->machine->caps & ~AXAS_CAP_MASK)
		return ERR_PTR(-EINVAL);
	caps = (struct axas_npt_caps){
		.flags = params->machine->caps,
		.leaf_levels = params->machine->leaf_levels,
		.oa_bits = params->machine->oa_bits,
	};
	return axas_space_create_fmt(params, fmt, &caps);
}
EXPORT_SYMBOL_AXAS(axas_space_create);

struct axas_space *axas_space_get(struct axas_space *space)
{
	kref_get(&space->ref);
	return space;
}
EXPORT_SYMBOL_AXAS(axas_space_get);

static void remove_all(struct axas_space *space);

/* Nobody is left who could be in a section, or wait for the lock. */
static void space_release(struct kref *ref)
{
	struct axas_space *space = container_of(ref, struct axas_space, ref);

	WARN_ON_ONCE(!list_empty(&space->consumers));
	down_write(&space->lock);
	remove_all(space);
	__mt_destroy(&space->areas);
	axas_npt_destroy(&space->npt);
	up_write(&space->lock);
	free_percpu(space->cpus);
	kfree(space);
}

void axas_space_put(struct axas_space *space)
{
	if (space)
		kref_put(&space->ref, space_release);
}
EXPORT_SYMBOL_AXAS(axas_space_put);

struct axas_gpa_range axas_space_range(const struct axas_space *space)
{
	return space->range;
}
EXPORT_SYMBOL_AXAS(axas_space_range);

bool axas_space_contains(const struct axas_space *space, struct axas_gpa_range range)
{
	return axas_gpa_range_covers(space->range, range);
}
EXPORT_SYMBOL_AXAS(axas_space_contains);

struct axas_hpa axas_space_root(const struct axas_space *space)
{
	return space->npt.root_hpa;
}
EXPORT_SYMBOL_AXAS(axas_space_root);

/* Whole 4 KiB pages, at least one, inside the space. */
static bool range_ok(const struct axas_space *space, struct axas_gpa_range range)
{
	return range.size && !((range.start.val | range.size) & (AXAS_FRAME_SIZE - 1)) &&
	       axas_space_contains(space, range);
}

static int check_attrs(const struct axas_space *space, u32 prot, u32 type)
{
	if (prot & ~AXAS_PROT_MASK || type > AXAS_TYPE_UNCACHED)
		return -EINVAL;
	return axas_npt_can(&space->npt, prot, type) ? 0 : -EOPNOTSUPP;
}

/*
 * Remove the leaves of a range and put their frames, after a flush. No leaf reaches
 * across its ends.
 */
static void remove_leaves(struct axas_space *space, const struct axas_area *area)
{
	struct axas_npt_gather gather __uninitialized;

	axas_npt_gather_init(&gather, &space->npt, area->first, area->last);
	axas_npt_unmap(&space->npt, area->first, area->last, area->backend.ops->owned,
		       &gather);
	axas_npt_gather_finish(&gather);
}

static int insert_area(struct axas_space *space, struct axas_area *area)
{
	MA_STATE(mas, &space->areas, page_nr(area->first),
		 page_nr(area->last));
	int err;

	if (mas_find(&mas, page_nr(area->last)))
		return -EEXIST;
	mas_set_range(&mas, page_nr(area->first), page_nr(area->last));
	err = mas_store_gfp(&mas, area, GFP_KERNEL_ACCOUNT);
	if (!err)
		count_area(space, area, 1);
	return err;
}

/* A store that nobody may see fail: the undoing of one that was done. */
static void store_area(struct axas_space *space, u64 first, u64 last, struct axas_area *area)
{
	MA_STATE(mas, &space->areas, page_nr(first), page_nr(last));

	WARN_ON_ONCE(mas_store_gfp(&mas, area, GFP_KERNEL | __GFP_NOFAIL));
}

/* An area leaves the tree, its leaves with it. */
static void drop_area(struct axas_space *space, struct axas_area *area)
{
	remove_leaves(space, area);
	store_area(space, area->first, area->last, NULL);
	count_area(space, area, -1);
	kfree(area);
}

static void set_prot(struct axas_space *space, struct axas_area *area, u32 prot)
{
	WRITE_ONCE(area->prot, prot);
	WRITE_ONCE(area->direct, area->backend.ops->owned ? prot : 0);
	WRITE_ONCE(area->single, area_around(area) ? 0 : area->direct);
	WRITE_ONCE(area->attr, axas_npt_leaf_attr(&space->npt, prot, area->type));
}

static struct axas_area *new_area(struct axas_space *space, struct axas_gpa_range range,
				  u32 prot, u32 type, u32 flags, struct axas_backend backend)
{
	struct axas_area *area = kmalloc(sizeof(*area), GFP_KERNEL_ACCOUNT);

	if (!area)
		return NULL;
	*area = (struct axas_area){
		.first = range.start.val,
		.last = axas_gpa_range_last(range).val,
		.type = type,
		.flags = flags,
		.backend = backend,
	};
	set_prot(space, area, prot);
	return area;
}

static int map_linear_leaves(struct axas_space *space, const struct axas_area *area)
{
	struct axas_npt_range range = {
		.first = area->first,
		.last = area->last,
		.hpa = area->backend.hpa.val,
		.prot = area->prot,
		.type = area->type,
		.max_level = AXAS_NPT_MAX_LEVELS,
	};

	return axas_npt_map(&space->npt, &range);
}

static int fill_area(struct axas_space *space, const struct axas_area *area, u64 first,
		     u64 last, u64 *done);

/* Put a new area in its place, and give it its leaves. All of it or nothing. */
static int map_area(struct axas_space *space, struct axas_area *area, bool populate)
{
	u64 done = 0;
	int err;

	down_write(&space->lock);
	err = insert_area(space, area);
	if (err)
		goto unlock;
	if (area_is_linear(area))
		err = map_linear_leaves(space, area);
	else if (populate)
		err = fill_area(space, area, area->first, area->last, &done);
	if (err) {
		keep_out(space);
		drop_area(space, area);
		let_in(space);
	}
	up_write(&space->lock);
	return err;

unlock:
	up_write(&space->lock);
	kfree(area);
	return err;
}

static bool hpa_range_ok(const struct axas_space *space, struct axas_hpa hpa, u64 size)
{
	u64 last;

	if (!axas_hpa_is_aligned(hpa, AXAS_FRAME_SIZE) ||
	    check_add_overflow(hpa.val, size - 1, &last))
		return false;
	return space->npt.caps.oa_bits >= 64 || !(last >> space->npt.caps.oa_bits);
}

int axas_space_map_linear(struct axas_space *space, struct axas_gpa_range range,
			  struct axas_hpa hpa, u32 prot, u32 type)
{
	struct axas_backend backend = { .ops = &axas_backend_linear, .hpa = hpa };
	struct axas_area *area;
	int err;

	if (!range_ok(space, range) || !hpa_range_ok(space, hpa, range.size))
		return -EINVAL;
	err = check_attrs(space, prot, type);
	if (err)
		return err;
	area = new_area(space, range, prot, type, 0, backend);
	return area ? map_area(space, area, false) : -ENOMEM;
}
EXPORT_SYMBOL_AXAS(axas_space_map_linear);

int axas_space_map_alloc(struct axas_space *space, struct axas_gpa_range range,
			 u32 prot, u32 type, u32 flags)
{
	struct axas_backend backend = { .ops = &axas_backend_alloc };
	struct axas_area *area;
	int err;

	if (!range_ok(space, range) || flags & ~AXAS_MAP_FLAGS ||
	    (flags & HUGE_FLAGS) == HUGE_FLAGS ||
	    (flags & AXAS_MAP_AROUND_MASK) > AXAS_MAP_AROUND(AXAS_NPT_LEVEL_BITS))
		return -EINVAL;
	err = check_attrs(space, prot, type);
	if (err)
		return err;
	area = new_area(space, range, prot, type, flags & ~AXAS_MAP_POPULATE, backend);
	return area ? map_area(space, area, flags & AXAS_MAP_POPULATE) : -ENOMEM;
}
EXPORT_SYMBOL_AXAS(axas_space_map_alloc);

/*
 * Two areas out of one, at @at. The upper one is new. -ENOMEM leaves the one.
 */
static int split_area(struct axas_space *space, struct axas_area *area, u64 at)
{
	MA_STATE(mas, &space->areas, page_nr(at), page_nr(area->last));
	struct axas_area *upper = kmemdup(area, sizeof(*area), GFP_KERNEL_ACCOUNT);

	if (!upper)
		return -ENOMEM;
	upper->first = at;
	upper->backend = axas_backend_at(&area->backend, at - area->first);
	if (mas_store_gfp(&mas, upper, GFP_KERNEL_ACCOUNT)) {
		kfree(upper);
		return -ENOMEM;
	}
	WRITE_ONCE(area->last, at - 1);
	space->nr_areas++;
	return 0;
}

/* One area out of the two that split_area() made. */
static void join_areas(struct axas_space *space, u64 at)
{
	struct axas_area *lower = axas_space_area(space, at - 1);
	struct axas_area *upper = axas_space_area(space, at);

	store_area(space, lower->first, upper->last, lower);
	WRITE_ONCE(lower->last, upper->last);
	space->nr_areas--;
	kfree(upper);
}

/* 1 when an area reached across @at and is two now, 0 when none did; -ENOMEM. */
static int split_areas_at(struct axas_space *space, u64 at)
{
	struct axas_area *area = axas_space_area(space, at);

	if (!area || area->first == at)
		return 0;
	return split_area(space, area, at) ?: 1;
}

static int split_areas(struct axas_space *space, u64 first, u64 last)
{
	int lower, upper;

	lower = split_areas_at(space, first);
	if (lower < 0 || last == axas_gpa_range_last(space->range).val)
		return lower < 0 ? lower : 0;
	upper = split_areas_at(space, last + 1);
	if (upper >= 0)
		return 0;
	if (lower)
		join_areas(space, first);
	return upper;
}

/* Tables for all splits that the leaves of a range need. */
static int reserve_tables(struct axas_space *space, u64 first, u64 last, bool small)
{
	struct axas_npt *npt = &space->npt;
	u64 tables = axas_npt_count_split_at(npt, first);

	if (last != axas_npt_last(npt))
		tables += axas_npt_count_split_at(npt, last + 1);
	if (small)
		tables += axas_npt_count_split_all(npt, first, last);
	return axas_npt_reserve(npt, tables);
}

static void split_leaves(struct axas_space *space, u64 first, u64 last, bool small)
{
	struct axas_npt *npt = &space->npt;

	axas_npt_split_at(npt, first);
	if (last != axas_npt_last(npt))
		axas_npt_split_at(npt, last + 1);
	if (small)
		axas_npt_split_all(npt, first, last);
}

/*
 * See to it that no area and no leaf reaches across the ends of a range, and if
 * @small that its leaves are at level 0, so that what is done to it next cannot
 * fail. Nothing has changed on an error.
 */
static int isolate(struct axas_space *space, u64 first, u64 last, bool small)
{
	int err;

	err = reserve_tables(space, first, last, small);
	if (err)
		return err;
	err = split_areas(space, first, last);
	if (!err)
		split_leaves(space, first, last, small);
	axas_npt_unreserve(&space->npt);
	return err;
}

/* Clear the leaves of every area in a range; one flush; then their frames. */
static void clear_leaves(struct axas_space *space, u64 first, u64 last)
{
	MA_STATE(mas, &space->areas, page_nr(first), page_nr(first));
	struct axas_npt_gather gather __uninitialized;
	struct axas_area *area;

	axas_npt_gather_init(&gather, &space->npt, first, last);
	mas_for_each(&mas, area, page_nr(last))
		axas_npt_unmap(&space->npt, area->first, area->last,
			       area->backend.ops->owned, &gather);
	axas_npt_gather_finish(&gather);
}

/* Every area of a range, which is isolated, leaves the tree. */
static void erase_areas(struct axas_space *space, u64 first, u64 last)
{
	MA_STATE(mas, &space->areas, page_nr(first), page_nr(first));
	struct axas_area *area, *next;
	LIST_HEAD(gone);

	mas_for_each(&mas, area, page_nr(last)) {
		count_area(space, area, -1);
		list_add(&area->gone, &gone);
	}
	store_area(space, first, last, NULL);
	list_for_each_entry_safe(area, next, &gone, gone)
		kfree(area);
}

int axas_space_unmap(struct axas_space *space, struct axas_gpa_range range)
{
	u64 last = axas_gpa_range_last(range).val;
	u64 first = range.start.val;
	int err;

	if (!range_ok(space, range))
		return -EINVAL;
	begin_removal(space);
	err = isolate(space, first, last, false);
	if (!err) {
		clear_leaves(space, first, last);
		erase_areas(space, first, last);
	}
	end_removal(space);
	return err;
}
EXPORT_SYMBOL_AXAS(axas_space_unmap);

static void remove_all(struct axas_space *space)
{
	u64 last = axas_gpa_range_last(space->range).val;
	u64 first = space->range.start.val;

	clear_leaves(space, first, last);
	erase_areas(space, first, last);
}

void axas_space_clear(struct axas_space *space)
{
	begin_removal(space);
	remove_all(space);
	end_removal(space);
}
EXPORT_SYMBOL_AXAS(axas_space_clear);

static bool can_protect(struct axas_space *space, u64 first, u64 last, u32 prot)
{
	MA_STATE(mas, &space->areas, page_nr(first), page_nr(first));
	struct axas_area *area;

	mas_for_each(&mas, area, page_nr(last))
		if (!axas_npt_can(&space->npt, prot, area->type))
			return false;
	return true;
}

static void protect_areas(struct axas_space *space, u64 first, u64 last, u32 prot)
{
	MA_STATE(mas, &space->areas, page_nr(first), page_nr(first));
	struct axas_area *area;

	mas_for_each(&mas, area, page_nr(last))
		set_prot(space, area, prot);
	if (axas_npt_protect(&space->npt, first, last, prot))
		npt_flush(&space->npt, first, last, false);
}

int axas_space_protect(struct axas_space *space, struct axas_gpa_range range, u32 prot)
{
	u64 last = axas_gpa_range_last(range).val;
	u64 first = range.start.val;
	int err;

	if (!range_ok(space, range) || prot & ~AXAS_PROT_MASK)
		return -EINVAL;
	begin_removal(space);
	err = can_protect(space, first, last, prot) ? 0 : -EOPNOTSUPP;
	/* Leaves that may not be large with this protection become small before. */
	if (!err)
		err = isolate(space, first, last, !axas_npt_max_level(&space->npt, prot));
	if (!err)
		protect_areas(space, first, last, prot);
	end_removal(space);
	return err;
}
EXPORT_SYMBOL_AXAS(axas_space_protect);

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

static u64 leaf_left(const struct axas_leaf *leaf, u64 gpa)
{
	u64 size = axas_npt_leaf_size(leaf->level);

	return size - (gpa & (size - 1));
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
 * Give pages from @gpa on their leaves of 4 KiB, as far as they lie in one table. @bytes:
 * how far all have one now. 0, or -ENOMEM.
 */
static int fill_small(struct axas_space *space, const struct axas_area *area, u64 gpa,
		      u64 last, u64 *bytes)
{
	u64 *table = axas_npt_table(&space->npt, gpa);
	struct axas_leaf leaf;
	unsigned int max, n;
	u64 *slot;

	*bytes = 0;
	if (!table)
		return -ENOMEM;
	if (IS_ERR(table)) {
		axas_npt_lookup(&space->npt, gpa, &leaf);
		*bytes = leaf_left(&leaf, gpa);
		return 0;
	}
	slot = axas_npt_slot(table, gpa);
	max = page_nr(min(last, gpa | (axas_npt_leaf_size(1) - 1))) - page_nr(gpa) + 1;
	n = axas_npt_run_of(slot, max, false);
	if (n) {
		*bytes = n * AXAS_FRAME_SIZE;
		return 0;
	}
	n = axas_npt_run_of(slot, min_t(unsigned int, max, FILL_BATCH), true);
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
	*bytes = err ? 0 : leaf_left(&leaf, gpa);
	return err;
}

/* Give every page of [first, last], which lies in the area, its leaf. */
static int fill_area(struct axas_space *space, const struct axas_area *area, u64 first,
		     u64 last, u64 *done)
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
		err = fill_area(space, area, first, last, done);
	}
	up_read(&space->lock);
	return err;
}

int axas_space_populate(struct axas_space *space, struct axas_gpa_range range, u64 *done)
{
	int err = 0;

	*done = 0;
	if (!range_ok(space, range))
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
	u64 mask = (AXAS_FRAME_SIZE << area_around(area)) - 1;
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
		if (area_around(area) && !leaf->level)
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
	if (result != AXAS_FAULT_FIXED)
		this_cpu_inc(space->cpus->faults[result]);
	if (level)
		*level = leaf.level;
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

int axas_space_attach(struct axas_space *space, struct axas_consumer *consumer)
{
	if (!consumer->ops || !consumer->ops->flush)
		return -EINVAL;
	down_write(&space->lock);
	list_add_tail(&consumer->node, &space->consumers);
	up_write(&space->lock);
	return 0;
}
EXPORT_SYMBOL_AXAS(axas_space_attach);

void axas_space_detach(struct axas_space *space, struct axas_consumer *consumer)
{
	down_write(&space->lock);
	list_del_init(&consumer->node);
	up_write(&space->lock);
}
EXPORT_SYMBOL_AXAS(axas_space_detach);

static u64 collapse_some(struct axas_space *space, u64 first, u64 last)
{
	struct axas_npt_gather gather __uninitialized;
	u64 collapsed;

	axas_npt_gather_init(&gather, &space->npt, first, last);
	collapsed = axas_npt_collapse(&space->npt, first, last, &gather);
	axas_npt_gather_finish(&gather);
	return collapsed;
}

/* An area, as far as it lies in [first, last], in pieces that end a dying task's wait. */
static int collapse_area(struct axas_space *space, const struct axas_area *area, u64 first,
			 u64 last, u64 *collapsed)
{
	u64 mask = axas_npt_leaf_size(AXAS_NPT_MAX_LEVELS - 2) - 1;
	u64 end;

	first = max(first, area->first);
	last = min(last, area->last);
	for (;; first = end + 1) {
		if (fatal_signal_pending(current))
			return -EINTR;
		end = min(last, first | mask);
		*collapsed += collapse_some(space, first, end);
		if (end == last)
			return 0;
	}
}

int axas_space_collapse(struct axas_space *space, struct axas_gpa_range range, u64 *collapsed)
{
	MA_STATE(mas, &space->areas, page_nr(range.start.val), page_nr(range.start.val));
	u64 last = axas_gpa_range_last(range).val;
	u64 first = range.start.val;
	struct axas_area *area;
	int err = 0;

	*collapsed = 0;
	if (!range_ok(space, range))
		return -EINVAL;
	begin_removal(space);
	mas_for_each(&mas, area, page_nr(last)) {
		if (!(area->flags & AXAS_MAP_HUGE_NEVER))
			err = collapse_area(space, area, first, last, collapsed);
		if (err)
			break;
	}
	end_removal(space);
	return err;
}
EXPORT_SYMBOL_AXAS(axas_space_collapse);

static u64 count_faults(const struct axas_space *space, unsigned int result)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(space->cpus, cpu)->faults[result]);
	return sum;
}

void axas_space_get_info(struct axas_space *space, struct axas_info *info)
{
	const struct axas_npt *npt = &space->npt;
	unsigned int i;

	*info = (struct axas_info){
		.size = sizeof(*info),
		.format = npt->fmt->id,
		.levels = npt->levels,
		.ia_bits = npt->ia_bits,
		.oa_bits = npt->caps.oa_bits,
		.base = space->range.start.val,
		.length = space->range.size,
		.root = npt->root_hpa.val,
		.max_frames = space->pool.max,
		.root_tables = 1ull << npt->root_order,
	};
	down_read(&space->lock);
	info->areas = space->nr_areas;
	info->frames = axas_pool_frames(&space->pool);
	info->tables = axas_npt_tables(npt);
	for (i = 0; i < AXAS_LEAF_LEVELS; i++)
		info->leaves[i] = axas_npt_leaves(npt, i);
	for (i = 0; i <= AXAS_FAULT_ERROR; i++)
		info->faults[i] = count_faults(space, i);
	up_read(&space->lock);
}
EXPORT_SYMBOL_AXAS(axas_space_get_info);

void axas_space_get_machine(const struct axas_space *space, struct axas_machine *machine)
{
	*machine = (struct axas_machine){
		.caps = space->npt.caps.flags,
		.leaf_levels = space->npt.caps.leaf_levels,
		.oa_bits = space->npt.caps.oa_bits,
	};
}
EXPORT_SYMBOL_AXAS(axas_space_get_machine);

static struct axas_area_info area_info(const struct axas_area *area)
{
	return (struct axas_area_info){
		.gpa = area->first,
		.length = area->last - area->first + 1,
		.hpa = area_is_linear(area) ? area->backend.hpa.val : AXAS_HPA_NONE,
		.prot = area->prot,
		.type = area->type,
		.backend = area->backend.ops->id,
		.flags = area->flags,
	};
}

unsigned int axas_space_get_areas(struct axas_space *space, struct axas_gpa gpa,
				  struct axas_area_info *infos, unsigned int max, bool *more)
{
	MA_STATE(mas, &space->areas, page_nr(gpa.val), page_nr(gpa.val));
	struct axas_area *area;
	unsigned int n = 0;

	*more = false;
	down_read(&space->lock);
	mas_for_each(&mas, area, ULONG_MAX) {
		*more = n == max;
		if (*more)
			break;
		infos[n++] = area_info(area);
	}
	up_read(&space->lock);
	return n;
}
EXPORT_SYMBOL_AXAS(axas_space_get_areas);

bool axas_space_next_area(struct axas_space *space, struct axas_gpa gpa,
			  struct axas_area_info *info)
{
	bool more;

	return axas_space_get_areas(space, gpa, info, 1, &more);
}
EXPORT_SYMBOL_AXAS(axas_space_next_area);

u64 axas_space_linear_pages(struct axas_space *space)
{
	u64 pages;

	down_read(&space->lock);
	pages = space->linear_pages;
	up_read(&space->lock);
	return pages;
}
