/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Backends: where an area's frames come from. A backend supplies frames and knows
 * no page table and no space. Pools: how many frames a space holds, and may hold. Calls
 * the frame room.
 */
#ifndef _AXAS_BACKEND_H
#define _AXAS_BACKEND_H

#include <linux/atomic.h>
#include <axas/frame.h>

#include "axas_stock.h"

/* What a backend is like. */
#define AXAS_BACKEND_AT_ONCE	BIT(0)	/* its areas have all their leaves from the beginning */
#define AXAS_BACKEND_DIRECT	BIT(1)	/* the host reaches its frames by axas_hal_va() */

struct axas_backend;

/**
 * struct axas_backend_ops - one kind of backend
 * @id: AXAS_BACKEND_ALLOC, AXAS_BACKEND_LINEAR
 * @flags: AXAS_BACKEND_AT_ONCE, AXAS_BACKEND_DIRECT
 * @get: @n frames of 4 KiB << @order from @offset of the object on, each wholly written. May
 *	sleep, unless @flags is AXAS_FRAME_NOWAIT. How many there were: less than @n for want
 *	of memory. NULL with AXAS_BACKEND_AT_ONCE.
 * @put: frames that @get gave, or aligned pieces of them, are mapped no more. May sleep.
 *	NULL: leaves do not own their frames.
 * @hold: one more area has this backend; optional
 * @release: one less; optional
 */
struct axas_backend_ops {
	u32 id;
	u32 flags;
	unsigned int (*get)(const struct axas_backend *backend, u64 offset, unsigned int order,
			    u32 flags, struct axas_hpa *hpas, unsigned int n);
	void (*put)(const struct axas_backend *backend, unsigned int order,
		    const struct axas_hpa *hpas, unsigned int n);
	void (*hold)(const struct axas_backend *backend);
	void (*release)(const struct axas_backend *backend);
};

/**
 * struct axas_backend - an area's backend
 * @ops: its kind
 * @object: the kind's own: of alloc, the HAL
 * @offset: what to add to a gpa to come to the offset in the object; may wrap. Of linear,
 *	to come to the hpa
 *
 * It is the same in all pieces of an area.
 */
struct axas_backend {
	const struct axas_backend_ops *ops;
	const void *object;
	u64 offset;
};

extern const struct axas_backend_ops axas_backend_linear;
extern const struct axas_backend_ops axas_backend_alloc;

struct axas_backend axas_linear(u64 gpa, struct axas_hpa hpa);
struct axas_backend axas_alloc(const struct axas_hal *hal);

/**
 * struct axas_pool - the frames that one space holds
 * @max: how many it may hold, in 4 KiB; 0: any number
 * @limited: whether that, or all pools together, have a limit
 * @picky: @limited, or there are frames that hardware cannot be told of
 * @hpa_bits: bits of address that it can be told of
 * @frames: how many it holds, but for those that faults count elsewhere
 * @charged: with a limit: how many it holds, and those that are on their way
 * @on_the_way: with a limit: calls that have frames which no leaf maps yet
 */
struct axas_pool {
	u64 max;
	bool limited;
	bool picky;
	u8 hpa_bits;
	atomic_long_t frames;
	atomic64_t charged;
	atomic_t on_the_way;
};

void axas_pool_init(struct axas_pool *pool, u64 max);
/* No frame of it shall lie beyond @hpa_bits, which are less than 64; @hal has so many. */
void axas_pool_bound(struct axas_pool *pool, unsigned int hpa_bits, unsigned int hal_bits);

/*
 * Frames of a backend for leaves of this pool's space. How many. What comes goes by
 * axas_pool_unget(), or by axas_pool_settle() when leaves map it; then it is counted.
 */
unsigned int axas_pool_get(struct axas_pool *pool, const struct axas_backend *backend,
			   u64 offset, unsigned int order, u32 flags, struct axas_hpa *hpas,
			   unsigned int n);

void axas_pool_unget(struct axas_pool *pool, const struct axas_backend *backend,
		     unsigned int order, const struct axas_hpa *hpas, unsigned int n);

/* The same for one frame of 4 KiB of alloc, as most faults take it. */
static __always_inline bool axas_pool_get_one(struct axas_pool *pool, const struct axas_hal *hal,
					      u32 flags, struct axas_hpa *hpa)
{
	struct axas_backend alloc;

	if (likely(!pool->picky && hal == &axas_hal_linux))
		return likely(axas_stock_get(hpa)) ||
		       axas_stock_alloc(flags | AXAS_FRAME_ZERO, hpa);
	if (!pool->picky)
		return axas_frame_alloc_hpa(hal, 0, flags | AXAS_FRAME_ZERO, hpa);
	alloc = axas_alloc(hal);
	return axas_pool_get(pool, &alloc, 0, 0, flags, hpa, 1);
}

static inline void axas_pool_unget_one(struct axas_pool *pool, const struct axas_hal *hal,
				       struct axas_hpa hpa)
{
	struct axas_backend alloc = axas_alloc(hal);

	axas_pool_unget(pool, &alloc, 0, &hpa, 1);
}

/* Leaves map all that came by one axas_pool_get(), or what did not fit was given back. */
static inline void axas_pool_settle(struct axas_pool *pool)
{
	if (unlikely(pool->limited))
		atomic_dec(&pool->on_the_way);
}

static inline void axas_pool_count(struct axas_pool *pool, long frames)
{
	atomic_long_add(frames, &pool->frames);
}

/* Frames that leaves mapped, and that were counted, go back. */
void axas_pool_put(struct axas_pool *pool, const struct axas_backend *backend,
		   unsigned int order, const struct axas_hpa *hpas, unsigned int n);

#endif /* _AXAS_BACKEND_H */
