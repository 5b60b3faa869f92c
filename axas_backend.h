/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Backends: where an area's frames come from. A backend supplies frames and knows
 * no page table and no space. Calls the frame room.
 */
#ifndef _AXAS_BACKEND_H
#define _AXAS_BACKEND_H

#include <linux/atomic.h>
#include <axas/hal.h>

/**
 * struct axas_pool - the frames that one space holds
 * @hal: where they come from
 * @frames: how many, in 4 KiB
 * @max: how many it may hold; 0: any number
 */
struct axas_pool {
	const struct axas_hal *hal;
	atomic64_t frames;
	u64 max;
};

struct axas_backend;

/**
 * struct axas_backend_ops - one kind of backend
 * @id: AXAS_BACKEND_*
 * @owned: its frames are owned by the leaves that map them, and put one by one
 * @get: the frame of 4 KiB << @order at @offset bytes of the area, zeroed if it is
 *	new. Shared; may sleep. 0 or -ENOMEM.
 * @put: a frame that @get gave, or an aligned piece of one, is mapped no more; NULL
 *	when not @owned
 */
struct axas_backend_ops {
	u32 id;
	bool owned;
	int (*get)(const struct axas_backend *backend, struct axas_pool *pool, u64 offset,
		   unsigned int order, struct axas_hpa *hpa);
	void (*put)(struct axas_pool *pool, struct axas_hpa hpa, unsigned int order);
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
