/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Backends: where an area's frames come from. A backend supplies frames and knows
 * no page table and no space. Calls the frame room.
 */
#ifndef _AXAS_BACKEND_H
#define _AXAS_BACKEND_H

#include <linux/atomic.h>
#include <linux/percpu.h>
#include <axas/hal.h>

/**
 * struct axas_pool - the frames that one space holds
 * @hal: where they come from
 * @frames: how many, in 4 KiB; each CPU's share, which may be negative
 * @charged: how many, while a limit needs to know all of them at once
 * @max: how many it may hold; 0: any number
 * @limited: whether that, or all pools together, have a limit
 * @hpa_bits: bits of address that hardware can be told of
 * @picky: @limited, or @hal has frames beyond those bits: each call looks
 */
struct axas_pool {
	const struct axas_hal *hal;
	long __percpu *frames;
	atomic64_t charged;
	u64 max;
	bool limited;
	u8 hpa_bits;
	bool picky;
};

/* An empty pool. @frames: zeroes. */
void axas_pool_init(struct axas_pool *pool, const struct axas_hal *hal, long __percpu *frames,
		    u64 max);

/* No frame of it shall lie beyond @hpa_bits, which are less than 64. */
void axas_pool_bound(struct axas_pool *pool, unsigned int hpa_bits);

/* 4 KiB frames that a pool holds. */
long axas_pool_frames(const struct axas_pool *pool);

struct axas_backend;

/**
 * struct axas_backend_ops - one kind of backend
 * @id: AXAS_BACKEND_*
 * @owned: its frames are owned by the leaves that map them, and put one by one
 * @get: @n new frames of 4 KiB << @order, zeroed. Shared; may sleep, unless @flags is
 *	AXAS_FRAME_NOWAIT. How many there were: less than @n for want of memory that
 *	hardware can be told of. NULL when not @owned.
 * @put: frames that @get gave, or aligned pieces of them, are mapped no more; NULL
 *	when not @owned
 */
struct axas_backend_ops {
	u32 id;
	bool owned;
	unsigned int (*get)(struct axas_pool *pool, unsigned int order, u32 flags,
			    struct axas_hpa *hpas, unsigned int n);
	void (*put)(struct axas_pool *pool, unsigned int order, const struct axas_hpa *hpas,
		    unsigned int n);
};

/**
 * struct axas_backend - an area's backend
 * @ops: its kind
 * @hpa: linear: where the area's first byte lies
 */
struct axas_backend {
	const struct axas_backend_ops *ops;
	struct axas_hpa hpa;
};

extern const struct axas_backend_ops axas_backend_linear;
extern const struct axas_backend_ops axas_backend_alloc;

/* The same backend, seen from @offset bytes further on: for a split area. */
struct axas_backend axas_backend_at(const struct axas_backend *backend, u64 offset);

#endif /* _AXAS_BACKEND_H */
