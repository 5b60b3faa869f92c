// SPDX-License-Identifier: GPL-2.0-only
/*
 * The backends linear, whose memory is the caller's, and alloc, which gets frames from a HAL on
 * demand and frees each when it is unmapped, with a variant for compound 2 MiB frames; and the
 * pools. Calls axas_frame.c and the HAL. No locks: counters are atomic.
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

/* The flags for a HAL. */
static u32 frame_flags(u32 flags)
{
	return flags & AXAS_GET_UNSET ? flags & ~AXAS_GET_UNSET : flags | AXAS_FRAME_ZERO;
}

static int alloc_get(const struct axas_backend *backend, u64 offset, unsigned int order, u32 flags,
		     struct axas_hpa *hpas, unsigned int n)
{
	return axas_frames_alloc(backend->object, order, frame_flags(flags), hpas, n);
}

/* 4 KiB frames, where there is no 2 MiB, are no compound pages. */
static int whole_get(const struct axas_backend *backend, u64 offset, unsigned int order, u32 flags,
		     struct axas_hpa *hpas, unsigned int n)
{
	return axas_frames_alloc(backend->object, order,
				 frame_flags(flags) | (order ? AXAS_FRAME_WHOLE : 0), hpas, n);
}

static void alloc_put(const struct axas_backend *backend, unsigned int order,
		      const struct axas_hpa *hpas, unsigned int n)
{
	axas_frames_free(backend->object, order, hpas, n);
}

const struct axas_backend_ops axas_backend_alloc = {
	.id	= AXAS_BACKEND_ALLOC,
	.flags	= AXAS_BACKEND_DIRECT | AXAS_BACKEND_SINGLE,
	.get	= alloc_get,
	.put	= alloc_put,
};

static const struct axas_backend_ops axas_backend_whole = {
	.id	= AXAS_BACKEND_ALLOC,
	.flags	= AXAS_BACKEND_DIRECT | AXAS_BACKEND_SINGLE,
	.get	= whole_get,
	.put	= alloc_put,
};

const struct axas_backend_ops axas_backend_linear = {
	.id	= AXAS_BACKEND_LINEAR,
	.flags	= AXAS_BACKEND_AT_ONCE,
};

struct axas_backend axas_linear(u64 gpa, struct axas_hpa hpa)
{
	return (struct axas_backend){ .ops = &axas_backend_linear, .offset = hpa.val - gpa };
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_linear);

struct axas_backend axas_alloc(const struct axas_hal *hal)
{
	return (struct axas_backend){ .ops = &axas_backend_alloc, .object = hal };
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_alloc);

struct axas_backend axas_alloc_whole(const struct axas_hal *hal)
{
	return (struct axas_backend){ .ops = &axas_backend_whole, .object = hal };
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_alloc_whole);

void axas_pool_init(struct axas_pool *pool, u64 max)
{
	bool limited = max || max_frames;

	*pool = (struct axas_pool){ .max = max, .limited = limited, .picky = limited };
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_pool_init);

bool axas_pool_set_max(struct axas_pool *pool, u64 max)
{
	/* What was not counted cannot be limited. */
	if (pool->limited)
		WRITE_ONCE(pool->max, max);
	return pool->limited;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_pool_set_max);

void axas_pool_bound(struct axas_pool *pool, unsigned int hpa_bits, unsigned int hal_bits)
{
	pool->hpa_bits = hpa_bits;
	pool->picky |= hpa_bits < hal_bits;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_pool_bound);

/*
 * Give back frames that entries cannot encode: a leaf would map other memory. Return the number
 * of frames kept, at the front of @hpas. Those of other modules are checked as a whole.
 */
static unsigned int keep_reachable(struct axas_pool *pool, const struct axas_backend *backend,
				   unsigned int order, struct axas_hpa *hpas, unsigned int n)
{
	unsigned int i, kept = 0;

	if (backend->ops->flags & AXAS_BACKEND_CHECKED)
		return n;
	for (i = 0; i < n; i++) {
		if (pool->hpa_bits && hpas[i].val >> pool->hpa_bits)
			backend->ops->put(backend, order, &hpas[i], 1);
		else
			hpas[kept++] = hpas[i];
	}
	return kept;
}

/* Charge up to @n frames of 4 KiB << @order, as many as @max permits. Return the number. */
static unsigned int count_up(atomic64_t *count, unsigned int n, unsigned int order, u64 max)
{
	s64 old = atomic64_read(count);

	do {
		if (max)
			n = min_t(u64, n, (max - min_t(u64, old, max)) >> order);
	} while (n && !atomic64_try_cmpxchg(count, &old, old + ((s64)n << order)));
	return n;
}

/* Charge frames to the pool and to max_frames. Return how many both permit. */
static unsigned int charge(struct axas_pool *pool, unsigned int n, unsigned int order)
{
	unsigned int granted;

	n = count_up(&pool->charged, n, order, READ_ONCE(pool->max));
	if (!max_frames)
		return n;
	granted = count_up(&all_frames, n, order, max_frames);
	atomic64_sub((s64)(n - granted) << order, &pool->charged);
	return granted;
}

static void uncharge(struct axas_pool *pool, u64 n)
{
	if (likely(!pool->limited))
		return;
	atomic64_sub(n, &pool->charged);
	if (max_frames)
		atomic64_sub(n, &all_frames);
}

static bool is_imported(const struct axas_backend *backend)
{
	return backend->ops->flags & AXAS_BACKEND_IMPORTED;
}

/*
 * axas_pool_get() of a picky pool. Frames are charged before they are allocated, so that
 * concurrent calls cannot exceed a limit together.
 */
static noinline int get_picky(struct axas_pool *pool, const struct axas_backend *backend,
			      u64 offset, unsigned int order, u32 flags, struct axas_hpa *hpas,
			      unsigned int n)
{
	unsigned int kept;
	int got;

	/* keep_reachable() may put frames, which may sleep. */
	if (flags & AXAS_FRAME_NOWAIT)
		return 0;
	if (pool->limited) {
		atomic_inc(&pool->on_the_way);
		n = is_imported(backend) ? n : charge(pool, n, order);
	}
	got = n ? backend->ops->get(backend, offset, order, flags, hpas, n) : 0;
	kept = got > 0 ? keep_reachable(pool, backend, order, hpas, got) : 0;
	if (!is_imported(backend))
		uncharge(pool, (u64)(n - kept) << order);
	if (!kept)
		axas_pool_settle(pool);
	return got < 0 ? got : kept;
}

int axas_pool_get(struct axas_pool *pool, const struct axas_backend *backend, u64 offset,
		  unsigned int order, u32 flags, struct axas_hpa *hpas, unsigned int n)
{
	if (unlikely(pool->picky))
		return get_picky(pool, backend, offset, order, flags, hpas, n);
	return backend->ops->get(backend, offset, order, flags, hpas, n);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_pool_get);

void axas_pool_unget(struct axas_pool *pool, const struct axas_backend *backend,
		     unsigned int order, const struct axas_hpa *hpas, unsigned int n)
{
	if (backend->ops->put)
		backend->ops->put(backend, order, hpas, n);
	if (!is_imported(backend))
		uncharge(pool, (u64)n << order);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_pool_unget);

void axas_pool_move(struct axas_pool *pool, struct axas_pool *to, long made)
{
	long frames = atomic_long_xchg(&pool->frames, 0);
	long shared = atomic_long_xchg(&pool->shared, 0);

	atomic_long_add(frames, &to->frames);
	atomic_long_add(shared, &to->shared);
	to->limited = pool->limited;
	to->picky = pool->picky;
	if (!pool->limited)
		return;
	/* Frames that are being allocated stay charged here. */
	atomic64_sub(frames + made, &pool->charged);
	atomic64_add(frames + made, &to->charged);
}

void axas_pool_move_some(struct axas_pool *pool, struct axas_pool *to, long frames)
{
	atomic_long_sub(frames, &pool->frames);
	atomic_long_add(frames, &to->frames);
	if (!pool->limited)
		return;
	atomic64_sub(frames, &pool->charged);
	atomic64_add(frames, &to->charged);
}

void axas_pool_put(struct axas_pool *pool, const struct axas_backend *backend,
		   unsigned int order, const struct axas_hpa *hpas, unsigned int n)
{
	axas_pool_unget(pool, backend, order, hpas, n);
	axas_pool_count(pool, backend, -((long)n << order));
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_pool_put);
