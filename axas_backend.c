// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two backends: linear, whose memory is the caller's, and alloc, whose frames
 * come from the space's HAL when they are needed and go back one by one. Calls the
 * frame room. No locks: counters are atomic.
 */
#include <linux/errno.h>
#include <linux/module.h>
#include <axas/frame.h>
#include <uapi/axas/axas.h>

#include "axas_backend.h"
#include "axas_compat.h"

static ulong max_frames;
module_param(max_frames, ulong, 0444);
MODULE_PARM_DESC(max_frames, "Most 4 KiB guest frames of all spaces together (default 0: no limit)");

static atomic64_t all_frames = ATOMIC64_INIT(0);

static bool count_up(atomic64_t *count, u64 n, u64 max)
{
	s64 old = atomic64_read(count);

	do {
		if (max && old + n > max)
			return false;
	} while (!atomic64_try_cmpxchg(count, &old, old + n));
	return true;
}

static void uncharge(struct axas_pool *pool, u64 n)
{
	atomic64_sub(n, &pool->frames);
	if (max_frames)
		atomic64_sub(n, &all_frames);
}

static bool charge(struct axas_pool *pool, u64 n)
{
	if (!count_up(&pool->frames, n, pool->max))
		return false;
	if (!max_frames || count_up(&all_frames, n, max_frames))
		return true;
	atomic64_sub(n, &pool->frames);
	return false;
}

static int alloc_get(const struct axas_backend *backend, struct axas_pool *pool,
		     u64 offset, unsigned int order, struct axas_hpa *hpa)
{
	struct axas_frame frame;

	if (!charge(pool, 1ull << order))
		return -ENOMEM;
	if (axas_frame_alloc_order(&frame, pool->hal, order, AXAS_FRAME_ZERO)) {
		uncharge(pool, 1ull << order);
		return -ENOMEM;
	}
	*hpa = axas_frame_take(&frame);
	return 0;
}

static void alloc_put(struct axas_pool *pool, struct axas_hpa hpa, unsigned int order)
{
	pool->hal->free_frame(pool->hal, hpa, order, 0);
	uncharge(pool, 1ull << order);
}

const struct axas_backend_ops axas_backend_alloc = {
	.id	= AXAS_BACKEND_ALLOC,
	.owned	= true,
	.get	= alloc_get,
	.put	= alloc_put,
};
EXPORT_SYMBOL_AXAS_KUNIT(axas_backend_alloc);

static int linear_get(const struct axas_backend *backend, struct axas_pool *pool,
		      u64 offset, unsigned int order, struct axas_hpa *hpa)
{
	*hpa = axas_hpa_offset(backend->hpa, offset);
	return 0;
}

const struct axas_backend_ops axas_backend_linear = {
	.id	= AXAS_BACKEND_LINEAR,
	.get	= linear_get,
};
EXPORT_SYMBOL_AXAS_KUNIT(axas_backend_linear);

struct axas_backend axas_backend_at(const struct axas_backend *backend, u64 offset)
{
	struct axas_backend at = *backend;

	if (!at.ops->owned)
		at.hpa = axas_hpa_offset(at.hpa, offset);
	return at;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_backend_at);
