// SPDX-License-Identifier: GPL-2.0-only
/*
 * Creation and release of spaces, consumers, and queries (GET_INFO, GET_AREAS). Calls
 * axas_shared.c, axas_space_map.c (to remove all areas), axas_space_keep.c, axas_image.c,
 * axas_area.c, axas_missing.c, axas_backend.c, axas_npt_host.c, axas_npt_gather.c (to destroy the
 * table), axas_npt.c and axas_hal.c. Locks: axas_area.h.
 */
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "axas_compat.h"
#include "axas_image.h"
#include "axas_keep.h"
#include "axas_shared.h"
#include "axas_space.h"

static void npt_flush(struct axas_npt *npt, u64 first, u64 last, bool tables)
{
	axas_space_flush(container_of(npt, struct axas_space, npt), first, last, tables);
}

static void npt_put_frames(struct axas_npt *npt, const void *owner, const struct axas_hpa *hpas,
			   unsigned int n, unsigned int level)
{
	struct axas_space *space = container_of(npt, struct axas_space, npt);

	axas_pool_put(&space->pool, owner, AXAS_NPT_LEVEL_BITS * level, hpas, n);
}

static const struct axas_npt_ops space_npt_ops = {
	.flush		= npt_flush,
	.put_frames	= npt_put_frames,
};

/* Resolve the requested range. Return 0; -EINVAL if the format does not cover it. */
static int params_range(const struct axas_space_params *params,
			const struct axas_npt *npt, struct axas_gpa_range *range)
{
	u64 last = axas_npt_last(npt);
	u64 base = params->base.val;
	u64 size = params->size;

	if (base > last)
		return -EINVAL;
	/* 2^64 bytes from 0 on: the size does not fit into a u64. */
	if (!size && !base && last == ~0ull)
		return -EINVAL;
	size = size ?: last - base + 1;
	if ((base | size) & (AXAS_FRAME_SIZE - 1) || size - 1 > last - base)
		return -EINVAL;
	*range = axas_gpa_range(params->base, size);
	return 0;
}

static atomic_t last_id = ATOMIC_INIT(0);

static void space_init(struct axas_space *space, u64 max_frames)
{
	space->id = atomic_inc_return(&last_id);
	kref_init(&space->ref);
	init_rwsem(&space->lock);
	mutex_init(&space->changing);
	INIT_LIST_HEAD(&space->consumers);
	axas_missing_init(&space->missing);
	space->generation = axas_generation_new();
	axas_pool_init(&space->pool, max_frames);
}

/* @areas: a reference, which it takes, also on an error. */
static struct axas_space *create(const struct axas_space_params *params,
				 const struct axas_npt_fmt *fmt,
				 const struct axas_npt_caps *caps, struct axas_areas *areas)
{
	const struct axas_hal *hal = params->hal ?: &axas_hal_linux;
	struct axas_space *space;
	int err;

	space = kzalloc(sizeof(*space), GFP_KERNEL_ACCOUNT);
	if (!space) {
		axas_areas_put(areas);
		return ERR_PTR(-ENOMEM);
	}
	space->areas = areas;
	space_init(space, params->max_frames);
	err = axas_npt_init(&space->npt, fmt, &space_npt_ops, hal, params->ia_bits, caps);
	if (err)
		goto free_space;
	space->own = axas_alloc(hal);
	axas_pool_bound(&space->pool, space->npt.caps.oa_bits, axas_hal_phys_bits(hal));
	err = params_range(params, &space->npt, &space->range);
	if (err)
		goto destroy_npt;
	return space;

destroy_npt:
	axas_npt_destroy(&space->npt);
free_space:
	axas_areas_put(areas);
	kfree(space);
	return ERR_PTR(err);
}

struct axas_space *axas_space_create_fmt(const struct axas_space_params *params,
					 const struct axas_npt_fmt *fmt,
					 const struct axas_npt_caps *caps)
{
	struct axas_areas *areas = axas_areas_new();

	return areas ? create(params, fmt, caps, areas) : ERR_PTR(-ENOMEM);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_space_create_fmt);

struct axas_space *axas_space_create_like(const struct axas_space *space, u64 max_frames,
					  struct axas_areas *areas)
{
	struct axas_space *new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);

	if (!new)
		return ERR_PTR(-ENOMEM);
	areas = areas ? axas_areas_get(areas) : axas_areas_new();
	if (!areas || axas_npt_init_like(&new->npt, &space->npt)) {
		if (areas)
			axas_areas_put(areas);
		kfree(new);
		return ERR_PTR(-ENOMEM);
	}
	space_init(new, max_frames);
	axas_pool_bound(&new->pool, new->npt.caps.oa_bits, axas_hal_phys_bits(new->npt.hal));
	new->areas = areas;
	new->own = axas_alloc(new->npt.hal);
	new->range = space->range;
	return new;
}

void axas_space_move_table(struct axas_space *space, struct axas_space *to)
{
	long made = axas_npt_move(&space->npt, &to->npt);

	atomic_long_add(made, &space->faults[AXAS_FAULT_FIXED]);
	axas_pool_move(&space->pool, &to->pool, made);
	to->own = space->own;
}

struct axas_space *axas_space_create(const struct axas_space_params *params)
{
	const struct axas_npt_fmt *fmt = axas_npt_fmt_by_id(params->format);
	struct axas_npt_caps caps;

	if (!fmt)
		return ERR_PTR(-EOPNOTSUPP);
	if (!params->machine) {
		axas_host_caps(fmt, &caps);
		return axas_space_create_fmt(params, fmt, &caps);
	}
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

/* The last reference is gone: no readers, no lock waiters. */
static void space_release(struct kref *ref)
{
	struct axas_space *space = container_of(ref, struct axas_space, ref);
	void (*released)(void *arg) = space->released;
	void *arg = space->released_arg;

	WARN_ON_ONCE(!list_empty(&space->consumers));
	axas_shared_close(space);
	axas_space_remove_all(space);
	axas_areas_put(space->areas);
	axas_keep_free(space->keep);
	axas_npt_destroy(&space->npt);
	axas_pinned_put(space->pinned);
	mutex_destroy(&space->changing);
	axas_image_put(space->image);
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

u32 axas_space_id(const struct axas_space *space)
{
	return space->id;
}
EXPORT_SYMBOL_AXAS(axas_space_id);

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

int axas_space_on_release(struct axas_space *space, void (*fn)(void *arg), void *arg)
{
	/* The caller's reference keeps space_release() from seeing one without the other. */
	if (cmpxchg(&space->released_arg, NULL, arg))
		return -EEXIST;
	space->released = fn;
	return 0;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_space_on_release);

int axas_space_attach(struct axas_space *space, struct axas_consumer *consumer)
{
	if (!consumer->ops || !consumer->ops->request)
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

/* Faults by result. The fast paths count FIXED and SPURIOUS in npt.shards. */
static u64 count_faults(const struct axas_space *space, unsigned int result)
{
	long sum = atomic_long_read(&space->faults[result]);
	unsigned int i;

	if (result == AXAS_FAULT_FIXED)
		return sum + axas_npt_made(&space->npt);
	for (i = 0; result == AXAS_FAULT_SPURIOUS && i < AXAS_NPT_SHARDS; i++)
		sum += atomic_long_read(&space->npt.shards[i].found);
	return sum;
}

/* The counters are read without synchronization: clamp a transiently negative sum. */
u64 axas_space_frames(const struct axas_space *space)
{
	long frames = atomic_long_read(&space->pool.frames) + axas_npt_made(&space->npt);

	return max(frames, 0l);
}

/* Pages that leaves map and that are neither the space's own nor of linear areas. */
static u64 count_borrowed(const struct axas_space *space)
{
	long pages = 0;
	unsigned int i;

	for (i = 0; i < space->npt.levels; i++)
		pages += axas_npt_leaves(&space->npt, i) << AXAS_NPT_LEVEL_BITS * i;
	pages -= READ_ONCE(space->areas->linear_pages) + axas_space_frames(space) +
		 atomic_long_read(&space->pool.shared);
	return READ_ONCE(space->areas->lent_pages) ? max(pages, 0l) : 0;
}

void axas_space_get_info(struct axas_space *space, struct axas_info *info)
{
	const struct axas_npt *npt = &space->npt;
	unsigned int i;

	/* Keeps space->areas. */
	down_read(&space->lock);
	*info = (struct axas_info){
		.size = sizeof(*info),
		.format = npt->fmt->id,
		.levels = npt->levels,
		.ia_bits = npt->ia_bits,
		.oa_bits = npt->caps.oa_bits,
		.base = space->range.start.val,
		.length = space->range.size,
		.root = npt->root_hpa.val,
		.max_frames = READ_ONCE(space->pool.max),
		.root_tables = 1ull << npt->root_order,
		.areas = READ_ONCE(space->areas->nr_ranges),
		.frames = axas_space_frames(space),
		.tables = axas_npt_tables(npt),
		.caps = npt->caps.flags,
		.leaf_levels = npt->caps.leaf_levels,
		.borrowed = count_borrowed(space),
		.shared = max(atomic_long_read(&space->pool.shared), 0l),
		.exported = axas_shared_exported(space),
	};
	up_read(&space->lock);
	for (i = 0; i < AXAS_LEAF_LEVELS; i++)
		info->leaves[i] = max(axas_npt_leaves(npt, i), 0l);
	for (i = 0; i <= AXAS_FAULT_ERROR; i++)
		info->faults[i] = count_faults(space, i);
	info->missing = count_faults(space, AXAS_FAULT_MISSING);
}
EXPORT_SYMBOL_AXAS(axas_space_get_info);

int axas_space_set_limit(struct axas_space *space, u64 max_frames)
{
	return axas_pool_set_max(&space->pool, max_frames) ? 0 : -EOPNOTSUPP;
}
EXPORT_SYMBOL_AXAS(axas_space_set_limit);

void axas_space_get_machine(const struct axas_space *space, struct axas_machine *machine)
{
	*machine = (struct axas_machine){
		.caps = space->npt.caps.flags,
		.leaf_levels = space->npt.caps.leaf_levels,
		.oa_bits = space->npt.caps.oa_bits,
	};
}
EXPORT_SYMBOL_AXAS(axas_space_get_machine);

static struct axas_area_info area_info(const struct axas_area *area, u64 first, u64 last)
{
	return (struct axas_area_info){
		.gpa = first,
		.length = last - first + 1,
		.hpa = axas_area_is_linear(area) ? first + area->backend.offset : AXAS_HPA_NONE,
		.prot = area->prot,
		.type = area->type,
		.backend = area->backend.ops->id,
		.flags = area->flags,
	};
}

unsigned int axas_space_get_areas(struct axas_space *space, struct axas_gpa gpa,
				  struct axas_area_info *infos, unsigned int max, bool *more)
{
	MA_STATE(mas, NULL, axas_page_nr(gpa.val), axas_page_nr(gpa.val));
	struct axas_area *area;
	unsigned int n = 0;

	*more = false;
	mutex_lock(&space->changing);
	mas.tree = &space->areas->tree;
	for (area = axas_area_start(&mas, ~0ull); area; area = axas_area_next(&mas, ~0ull)) {
		*more = n == max;
		if (*more)
			break;
		infos[n++] = area_info(area, axas_page_first(mas.index), axas_page_last(mas.last));
	}
	mutex_unlock(&space->changing);
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

	/* Operations in progress count pages twice, or not at all. */
	mutex_lock(&space->changing);
	pages = space->areas->linear_pages;
	mutex_unlock(&space->changing);
	return pages;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_space_linear_pages);
