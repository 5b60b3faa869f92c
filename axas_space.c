// SPDX-License-Identifier: GPL-2.0-only
/*
 * Spaces: areas, and what is done to ranges of them; here is the lock protocol. Calls
 * axas_fault.c, axas_backend.c and axas_npt.c: in these two files, and nowhere else,
 * backends and tables meet.
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
 * if the generation is another by then, the answer is RETRY.
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

#define HUGE_FLAGS	(AXAS_MAP_HUGE_ALWAYS | AXAS_MAP_HUGE_NEVER)

const struct axas_area axas_no_area = { .first = ~0ull };

static u64 area_pages(const struct axas_area *area)
{
	return ((area->last - area->first) >> AXAS_FRAME_SHIFT) + 1;
}

static bool area_is_linear(const struct axas_area *area)
{
	return !area->backend.ops->owned;
}

/* An area that no tree has any more, and no table leaves of. */
static void free_area(struct axas_area *area)
{
	if (area_is_linear(area))
		axas_linear_release(&area->claim);
	kfree(area);
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
	return mtree_load(&space->areas, axas_page_nr(gpa));
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

/* For what nobody counts on: 0, or -EINTR on a fatal signal, and nothing has begun. */
static int begin_removal_killable(struct axas_space *space)
{
	int err = down_write_killable(&space->lock);

	if (!err)
		keep_out(space);
	return err;
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
	/*
	 * ALLOC_RANGE is how mm_struct uses the tree, and what it is tested with. Without it
	 * mt_free_walk() takes the metadata in the last slot of a full node for a child, in
	 * all kernels up to 7.2, once a few thousand areas are removed at once.
	 */
	mt_init_flags(&space->areas,
		      MT_FLAGS_ALLOC_RANGE | MT_FLAGS_LOCK_EXTERN | MT_FLAGS_USE_RCU);
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
	axas_pool_bound(&space->pool, space->npt.caps.oa_bits);
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

	if (!fmt)
		return ERR_PTR(-EOPNOTSUPP);
	if (!params->machine)
		return axas_space_create_fmt(params, fmt, NULL);
	if (params->machine->caps & ~fmt->flags)
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
	void (*released)(void *arg) = space->released;
	void *arg = space->released_arg;

	WARN_ON_ONCE(!list_empty(&space->consumers));
	down_write(&space->lock);
	remove_all(space);
	__mt_destroy(&space->areas);
	axas_npt_destroy(&space->npt);
	up_write(&space->lock);
	free_percpu(space->cpus);
	kfree(space);
	if (released)
		released(arg);
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

u32 axas_space_format(const struct axas_space *space)
{
	return space->npt.fmt->id;
}
EXPORT_SYMBOL_AXAS(axas_space_format);

int axas_space_check_machine(const struct axas_space *space)
{
	const struct axas_npt *npt = &space->npt;
	struct axas_npt_caps host;

	if (!axas_host_caps(npt->fmt, &host))
		return -EMEDIUMTYPE;
	host.oa_bits = min(host.oa_bits, axas_hal_phys_bits(&axas_hal_linux));
	return axas_npt_within(npt, &host) ? 0 : -EMEDIUMTYPE;
}
EXPORT_SYMBOL_AXAS(axas_space_check_machine);

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
	MA_STATE(mas, &space->areas, axas_page_nr(area->first),
		 axas_page_nr(area->last));
	int err;

	if (mas_find(&mas, axas_page_nr(area->last)))
		return -EEXIST;
	mas_set_range(&mas, axas_page_nr(area->first), axas_page_nr(area->last));
	err = mas_store_gfp(&mas, area, GFP_KERNEL_ACCOUNT);
	if (!err)
		count_area(space, area, 1);
	return err;
}

/* A store that nobody may see fail: the undoing of one that was done. */
static void store_area(struct axas_space *space, u64 first, u64 last, struct axas_area *area)
{
	MA_STATE(mas, &space->areas, axas_page_nr(first), axas_page_nr(last));

	WARN_ON_ONCE(mas_store_gfp(&mas, area, GFP_KERNEL | __GFP_NOFAIL));
}

/* An area leaves the tree, its leaves with it. */
static void drop_area(struct axas_space *space, struct axas_area *area)
{
	remove_leaves(space, area);
	store_area(space, area->first, area->last, NULL);
	count_area(space, area, -1);
	free_area(area);
}

static void set_prot(struct axas_space *space, struct axas_area *area, u32 prot)
{
	WRITE_ONCE(area->prot, prot);
	WRITE_ONCE(area->direct, area->backend.ops->owned ? prot : 0);
	/* Beside a limit, the last frames must not seem gone while others only try. */
	WRITE_ONCE(area->single,
		   axas_area_around(area) || space->pool.limited ? 0 : area->direct);
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
		err = axas_space_fill(space, area, area->first, area->last, &done);
	if (err) {
		keep_out(space);
		drop_area(space, area);
		let_in(space);
	}
	up_write(&space->lock);
	return err;

unlock:
	up_write(&space->lock);
	free_area(area);
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

/* The kernel has it mapped as normal memory, and may use it. */
static bool hpa_is_ram(const struct axas_space *space, struct axas_hpa hpa, u64 size)
{
	const struct axas_hal *hal = space->npt.hal;

	return hal->is_ram && hal->is_ram(hal, hpa, size);
}

int axas_space_map_linear(struct axas_space *space, struct axas_gpa_range range,
			  struct axas_hpa hpa, u32 prot, u32 type)
{
	struct axas_backend backend = { .ops = &axas_backend_linear, .hpa = hpa };
	struct axas_area *area;
	int err;

	if (!axas_space_range_ok(space, range) || !hpa_range_ok(space, hpa, range.size))
		return -EINVAL;
	err = check_attrs(space, prot, type);
	if (err)
		return err;
	if (type != AXAS_TYPE_NORMAL && hpa_is_ram(space, hpa, range.size))
		return -EOPNOTSUPP;
	area = new_area(space, range, prot, type, 0, backend);
	if (!area)
		return -ENOMEM;
	area->claim = (struct axas_claim){
		.first = hpa.val, .last = hpa.val + range.size - 1, .type = type,
	};
	err = axas_linear_claim(&area->claim);
	if (!err)
		return map_area(space, area, false);
	kfree(area);
	return err;
}
EXPORT_SYMBOL_AXAS(axas_space_map_linear);

int axas_space_map_alloc(struct axas_space *space, struct axas_gpa_range range,
			 u32 prot, u32 type, u32 flags)
{
	struct axas_backend backend = { .ops = &axas_backend_alloc };
	struct axas_area *area;
	int err;

	if (!axas_space_range_ok(space, range) || flags & ~AXAS_MAP_FLAGS ||
	    (flags & HUGE_FLAGS) == HUGE_FLAGS ||
	    (flags & AXAS_MAP_AROUND_MASK) > AXAS_MAP_AROUND(AXAS_NPT_LEVEL_BITS))
		return -EINVAL;
	err = check_attrs(space, prot, type);
	/*
	 * Frames are zeroed, and used by the host, through its caches. A guest that went past
	 * them would read what the frame held before.
	 */
	if (!err && type != AXAS_TYPE_NORMAL)
		err = -EOPNOTSUPP;
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
	MA_STATE(mas, &space->areas, axas_page_nr(at), axas_page_nr(area->last));
	struct axas_area *upper = kmemdup(area, sizeof(*area), GFP_KERNEL_ACCOUNT);

	if (!upper)
		return -ENOMEM;
	upper->first = at;
	upper->backend = axas_backend_at(&area->backend, at - area->first);
	if (mas_store_gfp(&mas, upper, GFP_KERNEL_ACCOUNT)) {
		kfree(upper);
		return -ENOMEM;
	}
	if (area_is_linear(area))
		axas_linear_split(&area->claim, &upper->claim, upper->backend.hpa.val);
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
	if (area_is_linear(lower))
		axas_linear_join(&lower->claim, &upper->claim);
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

/*
 * Tables for all splits that the leaves of a range need. With @small there may be many of
 * them, which a dying task need not wait for.
 */
static int reserve_tables(struct axas_space *space, u64 first, u64 last, bool small)
{
	struct axas_npt *npt = &space->npt;
	u64 tables = axas_npt_count_split_at(npt, first);
	int err;

	if (last != axas_npt_last(npt))
		tables += axas_npt_count_split_at(npt, last + 1);
	if (small) {
		err = axas_npt_count_split_all(npt, first, last, &tables);
		if (err)
			return err;
	}
	return axas_npt_reserve(npt, tables, small);
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
	MA_STATE(mas, &space->areas, axas_page_nr(first), axas_page_nr(first));
	struct axas_npt_gather gather __uninitialized;
	struct axas_area *area;

	axas_npt_gather_init(&gather, &space->npt, first, last);
	mas_for_each(&mas, area, axas_page_nr(last)) {
		axas_npt_unmap(&space->npt, area->first, area->last,
			       area->backend.ops->owned, &gather);
		cond_resched();
	}
	axas_npt_gather_finish(&gather);
}

/* Every area of a range, which is isolated, leaves the tree. */
static void erase_areas(struct axas_space *space, u64 first, u64 last)
{
	MA_STATE(mas, &space->areas, axas_page_nr(first), axas_page_nr(first));
	struct axas_area *area, *next;
	LIST_HEAD(gone);

	mas_for_each(&mas, area, axas_page_nr(last)) {
		count_area(space, area, -1);
		list_add(&area->gone, &gone);
		cond_resched();
	}
	store_area(space, first, last, NULL);
	list_for_each_entry_safe(area, next, &gone, gone) {
		free_area(area);
		cond_resched();
	}
}

int axas_space_unmap(struct axas_space *space, struct axas_gpa_range range)
{
	u64 last = axas_gpa_range_last(range).val;
	u64 first = range.start.val;
	int err;

	if (!axas_space_range_ok(space, range))
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

/* 0; -EOPNOTSUPP where the format cannot say it of an area; -EINTR on a fatal signal. */
static int can_protect(struct axas_space *space, u64 first, u64 last, u32 prot)
{
	MA_STATE(mas, &space->areas, axas_page_nr(first), axas_page_nr(first));
	struct axas_area *area;

	mas_for_each(&mas, area, axas_page_nr(last)) {
		if (!axas_npt_can(&space->npt, prot, area->type))
			return -EOPNOTSUPP;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static void protect_areas(struct axas_space *space, u64 first, u64 last, u32 prot)
{
	MA_STATE(mas, &space->areas, axas_page_nr(first), axas_page_nr(first));
	struct axas_area *area;
	u32 code = 0;

	mas_for_each(&mas, area, axas_page_nr(last)) {
		code |= prot & ~area->prot & AXAS_PROT_EXEC;
		set_prot(space, area, prot);
		cond_resched();
	}
	/* What the host wrote while nobody could execute it. See struct axas_hal, @fence. */
	if (code && space->npt.hal->fence)
		space->npt.hal->fence(space->npt.hal);
	if (axas_npt_protect(&space->npt, first, last, prot))
		npt_flush(&space->npt, first, last, false);
}

int axas_space_protect(struct axas_space *space, struct axas_gpa_range range, u32 prot)
{
	u64 last = axas_gpa_range_last(range).val;
	u64 first = range.start.val;
	int err;

	if (!axas_space_range_ok(space, range) || prot & ~AXAS_PROT_MASK)
		return -EINVAL;
	err = begin_removal_killable(space);
	if (err)
		return err;
	err = can_protect(space, first, last, prot);
	/* Leaves that may not be large with this protection become small before. */
	if (!err)
		err = isolate(space, first, last, !axas_npt_max_level(&space->npt, prot));
	if (!err)
		protect_areas(space, first, last, prot);
	end_removal(space);
	return err;
}
EXPORT_SYMBOL_AXAS(axas_space_protect);

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
			return fatal_signal_pending(current) ? -EINTR : 0;
	}
}

int axas_space_collapse(struct axas_space *space, struct axas_gpa_range range, u64 *collapsed)
{
	MA_STATE(mas, &space->areas, axas_page_nr(range.start.val), axas_page_nr(range.start.val));
	u64 last = axas_gpa_range_last(range).val;
	u64 first = range.start.val;
	struct axas_area *area;
	int err;

	*collapsed = 0;
	if (!axas_space_range_ok(space, range))
		return -EINVAL;
	err = begin_removal_killable(space);
	if (err)
		return err;
	mas_for_each(&mas, area, axas_page_nr(last)) {
		if (!(area->flags & AXAS_MAP_HUGE_NEVER))
			err = collapse_area(space, area, first, last, collapsed);
		if (err)
			break;
		cond_resched();
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
	MA_STATE(mas, &space->areas, axas_page_nr(gpa.val), axas_page_nr(gpa.val));
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

void axas_space_on_release(struct axas_space *space, void (*fn)(void *arg), void *arg)
{
	space->released = fn;
	space->released_arg = arg;
}

u64 axas_space_linear_pages(struct axas_space *space)
{
	u64 pages;

	down_read(&space->lock);
	pages = space->linear_pages;
	up_read(&space->lock);
	return pages;
}
