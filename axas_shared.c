// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shared areas: areas that map frames of another space, the source, by reference. A page that is
 * touched here gets its frame from the source, where it is faulted in if needed, and charged to
 * the source's limit and memory cgroup. Calls axas_space_map.c, axas_space_fault.c, axas_area.c and
 * axas_npt.c.
 *
 * A leaf of a shared area holds a reference on its page, as axas_space_bvec() takes one: a page
 * that one space unmaps or discards stays in the other.
 *
 * Locks: no lock of one space is taken while one of another is held, so any two may share into each
 * other. get() runs without a lock of its own space. It holds origin->lock for reading, inside
 * mmap_lock and outside the locks of the source; the release of the source takes it for writing,
 * with no lock held. An area does not keep its source alive, so spaces that share into each other
 * are freed like others. A source exports frames of alloc areas alone: get() never enters get() of
 * a second space. origins_lock nests inside nothing, and nothing inside it.
 */
#include <linux/err.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/refcount.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "axas_compat.h"
#include "axas_shared.h"
#include "axas_space.h"

/**
 * struct axas_origin - a space that exports frames
 * @refs: one of the space, one of each share
 * @lock: held for reading while @space is used, for writing to clear it
 * @space: the space; NULL once it is released
 * @exported: references on its frames that other spaces hold, or itself in a shared area
 */
struct axas_origin {
	refcount_t refs;
	struct rw_semaphore lock;	/* see @lock above */
	struct axas_space *space;
	atomic_long_t exported;
};

/**
 * struct share - what one axas_space_map_shared() mapped
 * @refs: its areas, and faults in progress
 * @origin: the source
 * @source: axas_space_id() of the source
 * @hal: HAL of both spaces
 * @prot: the protection that it was mapped with, and the most that it can have
 */
struct share {
	refcount_t refs;
	struct axas_origin *origin;
	u32 source;
	const struct axas_hal *hal;
	u32 prot;
};

/* Protects space->origin while it is created. */
static DEFINE_MUTEX(origins_lock);

static void put_origin(struct axas_origin *origin)
{
	if (refcount_dec_and_test(&origin->refs))
		kfree(origin);
}

/* The origin of a space, with a reference. NULL if out of memory. */
static struct axas_origin *get_origin(struct axas_space *space)
{
	struct axas_origin *origin;

	mutex_lock(&origins_lock);
	origin = space->origin ?: kzalloc(sizeof(*origin), GFP_KERNEL_ACCOUNT);
	if (origin && !space->origin) {
		refcount_set(&origin->refs, 1);
		init_rwsem(&origin->lock);
		origin->space = space;
		space->origin = origin;
	}
	if (origin)
		refcount_inc(&origin->refs);
	mutex_unlock(&origins_lock);
	return origin;
}

/* Called after the last reference on the space is gone, so its origin is not being created. */
void axas_shared_close(struct axas_space *space)
{
	struct axas_origin *origin = space->origin;

	if (!origin)
		return;
	down_write(&origin->lock);
	origin->space = NULL;
	up_write(&origin->lock);
	space->origin = NULL;
	put_origin(origin);
}

u64 axas_shared_exported(struct axas_space *space)
{
	u64 exported = 0;

	mutex_lock(&origins_lock);
	if (space->origin)
		exported = atomic_long_read(&space->origin->exported);
	mutex_unlock(&origins_lock);
	return exported;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_shared_exported);

bool axas_shared_is_source(struct axas_space *space)
{
	bool source;

	/* Beside its own reference. */
	mutex_lock(&origins_lock);
	source = space->origin && refcount_read(&space->origin->refs) > 1;
	mutex_unlock(&origins_lock);
	return source;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_shared_is_source);

static struct share *share_of(const struct axas_backend *backend)
{
	return (struct share *)backend->object;
}

static void put_share(struct share *share)
{
	if (!refcount_dec_and_test(&share->refs))
		return;
	put_origin(share->origin);
	kfree(share);
}

static struct share *new_share(struct axas_space *source, u32 prot)
{
	struct share *share = kmalloc(sizeof(*share), GFP_KERNEL_ACCOUNT);

	if (!share)
		return NULL;
	*share = (struct share){
		.origin = get_origin(source), .source = source->id, .hal = source->npt.hal,
		.prot = prot,
	};
	refcount_set(&share->refs, 1);
	if (share->origin)
		return share;
	kfree(share);
	return NULL;
}

#ifdef CONFIG_MEMCG
/* The memory cgroup that paid for a space's root, with a reference; NULL: none. */
static struct mem_cgroup *payer_of(const struct axas_space *space)
{
	struct mem_cgroup *memcg;

	if (space->npt.hal != &axas_hal_linux)
		return NULL;
	rcu_read_lock();
	memcg = page_memcg_check(pfn_to_page(space->npt.root_hpa.val >> PAGE_SHIFT));
	if (memcg && !css_tryget(&memcg->css))
		memcg = NULL;
	rcu_read_unlock();
	return memcg;
}

/* Fault in a page of the source, at the expense of its memory cgroup. */
static int bring(struct axas_space *source, u64 gpa, u32 prot)
{
	struct mem_cgroup *memcg = payer_of(source), *old;
	int err;

	old = set_active_memcg(memcg);
	err = axas_space_bring_exported(source, gpa, prot);
	set_active_memcg(old);
	if (memcg)
		css_put(&memcg->css);
	return err;
}
#else
static int bring(struct axas_space *source, u64 gpa, u32 prot)
{
	return axas_space_bring_exported(source, gpa, prot);
}
#endif

/* The page must be faulted in. */
#define EXPORT_FAULT	1

/*
 * Take a reference on the page at @gpa of the source. In a section of the source, or with its lock
 * held. Return 0; EXPORT_FAULT; -EIO where no alloc area is; -EACCES.
 */
static int export_here(struct axas_space *source, struct axas_cpu *cpu, u64 gpa, u32 prot,
		       struct axas_hpa *hpa)
{
	const struct axas_area *area = axas_area_find_here(source, cpu, gpa);
	struct axas_translation to;
	struct axas_npt_pos pos;
	struct page *page;

	if (!area || area->backend.ops->id != AXAS_BACKEND_ALLOC)
		return -EIO;
	if (prot & ~area->prot)
		return -EACCES;
	axas_npt_walk(&source->npt, &cpu->cursor, gpa, &pos);
	if (axas_npt_kind(&source->npt, &pos) != AXAS_PT_LEAF)
		return EXPORT_FAULT;
	axas_npt_resolve(&source->npt, &pos, gpa, &to);
	if (prot & ~to.prot)
		return EXPORT_FAULT;
	page = axas_area_page(source, area, gpa, to.hpa);
	if (!page)
		return -EIO;
	get_page(page);
	*hpa = to.hpa;
	return 0;
}

static int export_once(struct axas_space *source, u64 gpa, u32 prot, struct axas_hpa *hpa)
{
	struct axas_cpu *cpu = axas_section_enter(source), found;
	int err;

	if (likely(cpu)) {
		err = export_here(source, cpu, gpa, prot, hpa);
		axas_section_leave(cpu);
		return err;
	}
	found = axas_nothing_found();
	down_read(&source->lock);
	err = export_here(source, &found, gpa, prot, hpa);
	up_read(&source->lock);
	return err;
}

/* Return 0, -EIO, -EACCES, -ENOMEM or -EINTR. */
static int export_page(struct axas_space *source, u64 gpa, u32 prot, struct axas_hpa *hpa)
{
	int err;

	do {
		err = export_once(source, gpa, prot, hpa);
		if (err == EXPORT_FAULT)
			err = bring(source, gpa, prot) ?: EXPORT_FAULT;
	} while (err == EXPORT_FAULT);
	return err == -EFAULT ? -EIO : err;
}

/* Only 4 KiB frames: a larger one asks again. */
static int shared_get(const struct axas_backend *backend, u64 offset, unsigned int order, u32 flags,
		      struct axas_hpa *hpas, unsigned int n)
{
	struct share *share = share_of(backend);
	struct axas_origin *origin = share->origin;
	unsigned int i = 0;
	int err = 0;

	if (order)
		return 0;
	if (down_read_killable(&origin->lock))
		return -EINTR;
	if (!origin->space)
		err = -EIO;
	while (!err && i < n) {
		err = export_page(origin->space, offset + ((u64)i << AXAS_FRAME_SHIFT), share->prot,
				  &hpas[i]);
		i += !err;
	}
	up_read(&origin->lock);
	atomic_long_add(i, &origin->exported);
	return i || err == -ENOMEM ? i : err;
}

static void shared_put(const struct axas_backend *backend, unsigned int order,
		       const struct axas_hpa *hpas, unsigned int n)
{
	struct share *share = share_of(backend);
	struct page *page;
	unsigned int i, j;

	for (i = 0; i < n; i++) {
		page = virt_to_page(axas_hal_va(share->hal, hpas[i]));
		for (j = 0; j < 1u << order; j++)
			put_page(page + j);
	}
	atomic_long_sub((long)n << order, &share->origin->exported);
}

static void shared_hold(const struct axas_backend *backend)
{
	refcount_inc(&share_of(backend)->refs);
}

static void shared_release(const struct axas_backend *backend)
{
	put_share(share_of(backend));
}

static bool shared_may_have(const struct axas_backend *backend, u32 prot)
{
	return !(prot & ~share_of(backend)->prot);
}

static const struct axas_backend_ops backend_shared = {
	.id		= AXAS_BACKEND_SHARED,
	.flags		= AXAS_BACKEND_DIRECT | AXAS_BACKEND_PLACED | AXAS_BACKEND_IMPORTED,
	.get		= shared_get,
	.put		= shared_put,
	.hold		= shared_hold,
	.release	= shared_release,
	.may_have	= shared_may_have,
};

u32 axas_shared_source(const struct axas_area *area)
{
	return area->backend.ops == &backend_shared ? share_of(&area->backend)->source : 0;
}

/* Return 0; -EFAULT for a hole; -EACCES; -EOPNOTSUPP for an area that is not alloc's. */
static int check_area(const struct axas_area *area, struct ma_state *mas, u64 at, u32 prot)
{
	if (!area || axas_page_first(mas->index) > at)
		return -EFAULT;
	if (area->backend.ops->id != AXAS_BACKEND_ALLOC)
		return -EOPNOTSUPP;
	return prot & ~area->prot ? -EACCES : 0;
}

/* Whether all of a range can be exported now. Also returns -EINTR. */
static int check_source(struct axas_space *source, struct axas_gpa_range range, u32 prot)
{
	MA_STATE(mas, NULL, axas_page_nr(range.start.val), axas_page_nr(range.start.val));
	u64 at = range.start.val, last = axas_gpa_range_last(range).val;
	struct axas_area *area;
	int err;

	if (mutex_lock_killable(&source->changing))
		return -EINTR;
	mas.tree = &source->areas->tree;
	area = axas_area_start(&mas, last);
	for (;;) {
		err = check_area(area, &mas, at, prot);
		if (err || axas_page_last(mas.last) >= last)
			break;
		at = axas_page_last(mas.last) + 1;
		area = axas_area_next(&mas, last);
		cond_resched();
	}
	mutex_unlock(&source->changing);
	return err;
}

static int map_share(struct axas_space *space, struct axas_gpa_range range,
		     struct axas_space *source, u64 source_gpa, u32 prot, u32 flags)
{
	struct share *share = new_share(source, prot);
	struct axas_backend backend = {
		.ops = &backend_shared, .object = share,
		.offset = source_gpa - range.start.val,
	};
	int err;

	if (!share)
		return -ENOMEM;
	/* What is exported may be written without a log of the source: see is_held(). */
	WRITE_ONCE(source->handed, true);
	err = axas_space_map_area(space, range, axas_area_new(space, range, prot, AXAS_TYPE_NORMAL,
							      flags, backend), false);
	put_share(share);
	return err;
}

int axas_space_map_shared(struct axas_space *space, struct axas_gpa_range range,
			  struct axas_space *source, struct axas_gpa source_gpa, u32 prot,
			  u32 flags)
{
	struct axas_gpa_range there = axas_gpa_range(source_gpa, range.size);
	int err;

	if (!axas_space_range_ok(space, range) || !axas_space_range_ok(source, there) ||
	    flags & ~AXAS_MAP_POLICY || !axas_space_policy_ok(flags))
		return -EINVAL;
	err = axas_space_check_attrs(space, prot, AXAS_TYPE_NORMAL);
	if (!err && (space->npt.hal != source->npt.hal || !source->npt.hal->frame_page))
		err = -EOPNOTSUPP;
	return err ?: check_source(source, there, prot) ?:
	       map_share(space, range, source, source_gpa.val, prot, flags);
}
EXPORT_SYMBOL_AXAS(axas_space_map_shared);
