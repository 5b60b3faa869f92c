// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two backends: linear, whose memory is the caller's, and alloc, whose frames
 * come from the space's HAL when they are needed and go back one by one. Calls the
 * frame room. No locks: counters are atomic or each CPU's own.
 */
#include <linux/minmax.h>
#include <linux/module.h>
#include <axas/frame.h>
#include <uapi/axas/axas.h>

#include "axas_backend.h"
#include "axas_compat.h"

static ulong max_frames;
module_param(max_frames, ulong, 0444);
MODULE_PARM_DESC(max_frames, "Most 4 KiB guest frames of all spaces together (default 0: no limit)");

static atomic64_t all_frames = ATOMIC64_INIT(0);

/* Count @n frames of 4 KiB << @order, or as many as there are to the limit. How many. */
static unsigned int count_up(atomic64_t *count, unsigned int n, unsigned int order, u64 max)
{
	s64 old = atomic64_read(count);

	do {
		if (max)
			n = min_t(u64, n, (max - min_t(u64, old, max)) >> order);
	} while (n && !atomic64_try_cmpxchg(count, &old, old + ((s64)n << order)));
	return n;
}

/* Where there is a limit, all that are held must be known at once. */
static unsigned int charge_limits(struct axas_pool *pool, unsigned int n, unsigned int order)
{
	unsigned int granted;

	n = count_up(&pool->charged, n, order, pool->max);
	if (!max_frames)
		return n;
	granted = count_up(&all_frames, n, order, max_frames);
	atomic64_sub((s64)(n - granted) << order, &pool->charged);
	return granted;
}

static void uncharge(struct axas_pool *pool, u64 n)
{
	this_cpu_sub(*pool->frames, n);
	if (likely(!pool->limited))
		return;
	atomic64_sub(n, &pool->charged);
	if (max_frames)
		atomic64_sub(n, &all_frames);
}

void axas_pool_init(struct axas_pool *pool, const struct axas_hal *hal, long __percpu *frames,
		    u64 max)
{
	*pool = (struct axas_pool){
		.hal = hal, .frames = frames, .max = max, .limited = max || max_frames,
		.picky = max || max_frames,
	};
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_pool_init);

void axas_pool_bound(struct axas_pool *pool, unsigned int hpa_bits)
{
	pool->hpa_bits = hpa_bits;
	pool->picky |= hpa_bits < axas_hal_phys_bits(pool->hal);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_pool_bound);

long axas_pool_frames(const struct axas_pool *pool)
{
	long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += *per_cpu_ptr(pool->frames, cpu);
	/* A frame may come on a CPU that is counted already and go on one that is not. */
	return max(sum, 0l);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_pool_frames);

/*
 * Frames that hardware cannot be told of go back: a leaf would name another's memory. How
 * many are left, the first ones in @hpas.
 */
static unsigned int keep_reachable(struct axas_pool *pool, unsigned int order,
				   struct axas_hpa *hpas, unsigned int n)
{
	unsigned int i, kept = 0;

	for (i = 0; i < n; i++) {
		if (pool->hpa_bits && hpas[i].val >> pool->hpa_bits)
			axas_frames_free(pool->hal, order, &hpas[i], 1);
		else
			hpas[kept++] = hpas[i];
	}
	return kept;
}

/* What is asked for counts at once, so that two together do not exceed a limit. */
static noinline unsigned int get_picky(struct axas_pool *pool, unsigned int order, u32 flags,
				       struct axas_hpa *hpas, unsigned int n)
{
	unsigned int got;

	/* A frame that is of no use goes back, which may sleep. */
	if (flags & AXAS_FRAME_NOWAIT)
		return 0;
	if (pool->limited)
		n = charge_limits(pool, n, order);
	this_cpu_add(*pool->frames, (long)n << order);
	got = axas_frames_alloc(pool->hal, order, flags, hpas, n);
	got = keep_reachable(pool, order, hpas, got);
	uncharge(pool, (u64)(n - got) << order);
	return got;
}

static unsigned int alloc_get(struct axas_pool *pool, unsigned int order, u32 flags,
			      struct axas_hpa *hpas, unsigned int n)
{
	flags |= AXAS_FRAME_ZERO;
	if (unlikely(pool->picky))
		return get_picky(pool, order, flags, hpas, n);
	n = axas_frames_alloc(pool->hal, order, flags, hpas, n);
	this_cpu_add(*pool->frames, (long)n << order);
	return n;
}

static void alloc_put(struct axas_pool *pool, unsigned int order, const struct axas_hpa *hpas,
		      unsigned int n)
{
	axas_frames_free(pool->hal, order, hpas, n);
	uncharge(pool, (u64)n << order);
}

const struct axas_backend_ops axas_backend_alloc = {
	.id	= AXAS_BACKEND_ALLOC,
	.owned	= true,
	.get	= alloc_get,
	.put	= alloc_put,
};
EXPORT_SYMBOL_AXAS_KUNIT(axas_backend_alloc);

const struct axas_backend_ops axas_backend_linear = {
	.id	= AXAS_BACKEND_LINEAR,
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
