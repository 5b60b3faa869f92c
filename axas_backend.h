/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Backends supply the frames of areas; they know neither page tables nor spaces. A pool counts
 * the frames that a space holds and enforces its limit. Calls axas_frame.c, axas_stock.c and
 * the HAL.
 */
#ifndef _AXAS_BACKEND_H
#define _AXAS_BACKEND_H

#include <linux/atomic.h>
#include <axas/frame.h>

#include "axas_stock.h"

/* Beside AXAS_FRAME_*: the caller overwrites all of each frame, which need not be zeroed. */
#define AXAS_GET_UNSET	BIT(16)

/* Flags of a backend. */
#define AXAS_BACKEND_AT_ONCE	BIT(0)	/* all leaves are made before the area is published */
#define AXAS_BACKEND_DIRECT	BIT(1)	/* the host accesses its frames by axas_hal_va() */
#define AXAS_BACKEND_SINGLE	BIT(2)	/* a 4 KiB frame is any zeroed one of the HAL in @object */
#define AXAS_BACKEND_PLACED	BIT(3)	/* the frames for one offset serve no other */
#define AXAS_BACKEND_CHECKED	BIT(4)	/* of another module: its frames are checked */
#define AXAS_BACKEND_IMPORTED	BIT(5)	/* frames of another space: they count there */
#define AXAS_BACKEND_OWN_PAGES	BIT(6)	/* struct pages, but none of the HAL's @frame_page */
#define AXAS_BACKEND_NO_PAGES	BIT(7)	/* not to be mapped on the host, nor to be handed out */
#define AXAS_BACKEND_NO_ACCESS	BIT(8)	/* out of the host's reach */

#define AXAS_BACKEND_LENDS	BIT(9)	/* leaves borrow its frames, read-only */
#define AXAS_BACKEND_UNMAPPED	BIT(10)	/* lent frames must not be mapped on the host */
#define AXAS_BACKEND_FROZEN	BIT(11)	/* an image: what it lends is locked or charged elsewhere */

/* What @lend returns for a page of zeroes that has no frame. */
#define AXAS_LEND_ZERO	-1

struct axas_backend;

/**
 * struct axas_backend_ops - one kind of backend
 * @id: AXAS_BACKEND_ALLOC, AXAS_BACKEND_LINEAR, ...
 * @flags: the flags above
 * @get: get @n frames of 4 KiB << @order from @offset of the object on, each zeroed or wholly
 *	written, but for AXAS_GET_UNSET. May sleep, unless @flags has AXAS_FRAME_NOWAIT. Returns
 *	the number of frames, fewer than @n if out of memory; -EACCES; -EINTR on a fatal signal;
 *	-EIO. NULL with AXAS_BACKEND_AT_ONCE.
 * @put: take back frames that @get returned, or aligned pieces of them, which are no longer
 *	mapped. May sleep. NULL: leaves do not own their frames.
 * @lend: AXAS_BACKEND_LENDS, in place of @get and @put: addresses of up to @n frames from @offset
 *	of the object on that are at hand and stay until @release. They never change, hold what
 *	@offset says, and are visible to instruction fetch. Returns their number; 0: @fetch brings
 *	the first one; AXAS_LEND_ZERO: it is a page of zeroes. Does not sleep
 * @lend_block: AXAS_BACKEND_LENDS, optional: as @lend, one block of 2 MiB, aligned at both ends; or
 *	AXAS_HPA_NONE. Does not sleep
 * @lend_table: AXAS_BACKEND_LENDS, optional: make @n leaves of @attr in a level 0 table that nobody
 *	walks yet, of the frames from @offset on that are at hand; other entries become 0. Returns
 *	their number. Does not sleep
 * @fetch: AXAS_BACKEND_LENDS: bring the frame of @offset to hand, and some of the next @n - 1 if
 *	that takes no input. May sleep. Returns 0, -EIO, -ENOMEM, or -EINTR on a fatal signal
 * @page: AXAS_BACKEND_LENDS: the struct page of the frame at @hpa, if it is the one of @offset; or
 *	NULL. Does not sleep
 * @hold: take a reference for an area; optional. Must not sleep
 * @release: drop it; optional
 * @may_have: whether an area may get this protection; optional
 */
struct axas_backend_ops {
	u32 id;
	u32 flags;
	int (*get)(const struct axas_backend *backend, u64 offset, unsigned int order, u32 flags,
		   struct axas_hpa *hpas, unsigned int n);
	void (*put)(const struct axas_backend *backend, unsigned int order,
		    const struct axas_hpa *hpas, unsigned int n);
	int (*lend)(const struct axas_backend *backend, u64 offset, struct axas_hpa *hpas,
		    unsigned int n);
	struct axas_hpa (*lend_block)(const struct axas_backend *backend, u64 offset);
	unsigned int (*lend_table)(const struct axas_backend *backend, u64 offset, u64 *ptep,
				   unsigned int n, u64 attr);
	int (*fetch)(const struct axas_backend *backend, u64 offset, unsigned int n);
	struct page *(*page)(const struct axas_backend *backend, u64 offset, struct axas_hpa hpa);
	void (*hold)(const struct axas_backend *backend);
	void (*release)(const struct axas_backend *backend);
	bool (*may_have)(const struct axas_backend *backend, u32 prot);
};

/**
 * struct axas_backend - an area's backend
 * @ops: its kind
 * @object: private to @ops; alloc: the HAL
 * @offset: added to a gpa gives the offset in @object, or, for linear, the hpa; may wrap
 *
 * All pieces of an area have the same backend.
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
/* The same with compound 2 MiB frames. */
struct axas_backend axas_alloc_whole(const struct axas_hal *hal);

/**
 * struct axas_pool - accounting of the frames that one space holds
 * @max: limit in 4 KiB frames; 0: none
 * @limited: @max or the module's max_frames was set at the start
 * @picky: @limited, or the HAL may return frames that entries cannot encode
 * @hpa_bits: width of a host-physical address in entries; 0: not checked
 * @frames: 4 KiB frames held, without those that faults count in struct axas_npt_shard
 * @shared: 4 KiB frames of other spaces that leaves map (AXAS_BACKEND_IMPORTED)
 * @charged: with a limit: 4 KiB frames held or being allocated
 * @on_the_way: with a limit: axas_pool_get() calls that are not settled yet
 */
struct axas_pool {
	u64 max;
	bool limited;
	bool picky;
	u8 hpa_bits;
	atomic_long_t frames;
	atomic_long_t shared;
	atomic64_t charged;
	atomic_t on_the_way;
};

void axas_pool_init(struct axas_pool *pool, u64 max);
/* Change @max, below what is held too; false if the pool has never been limited. */
bool axas_pool_set_max(struct axas_pool *pool, u64 max);
/* Reject frames beyond @hpa_bits, less than 64; @hal_bits: width of the HAL's addresses. */
void axas_pool_bound(struct axas_pool *pool, unsigned int hpa_bits, unsigned int hal_bits);

/*
 * Get frames of a backend for leaves of this pool's space. Return the number of frames, or an error
 * of the backend's @get. Those that leaves map are counted by axas_pool_count(), or in a shard, the
 * others go back by axas_pool_unget(); after both, a call that returned frames is settled once.
 */
int __must_check axas_pool_get(struct axas_pool *pool, const struct axas_backend *backend,
			       u64 offset, unsigned int order, u32 flags,
			       struct axas_hpa *hpas, unsigned int n);

void axas_pool_unget(struct axas_pool *pool, const struct axas_backend *backend,
		     unsigned int order, const struct axas_hpa *hpas, unsigned int n);

/* axas_pool_get() for one 4 KiB frame of alloc: the hot path of faults. */
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
	return axas_pool_get(pool, &alloc, 0, 0, flags, hpa, 1) == 1;
}

/* The same for a frame that the caller overwrites whole. */
static __always_inline bool axas_pool_get_unset(struct axas_pool *pool, const struct axas_hal *hal,
						u32 flags, struct axas_hpa *hpa)
{
	struct axas_backend alloc;

	if (likely(!pool->picky && hal == &axas_hal_linux))
		return likely(axas_stock_get_unset(hpa)) || axas_stock_alloc(flags, hpa);
	if (!pool->picky)
		return axas_frame_alloc_hpa(hal, 0, flags, hpa);
	alloc = axas_alloc(hal);
	return axas_pool_get(pool, &alloc, 0, 0, flags | AXAS_GET_UNSET, hpa, 1) == 1;
}

static inline void axas_pool_unget_one(struct axas_pool *pool, const struct axas_hal *hal,
				       struct axas_hpa hpa)
{
	struct axas_backend alloc = axas_alloc(hal);

	axas_pool_unget(pool, &alloc, 0, &hpa, 1);
}

/* All frames of one axas_pool_get() are mapped by leaves or given back. */
static inline void axas_pool_settle(struct axas_pool *pool)
{
	if (unlikely(pool->limited))
		atomic_dec(&pool->on_the_way);
}

static inline void axas_pool_count(struct axas_pool *pool, const struct axas_backend *backend,
				   long frames)
{
	bool imported = backend->ops->flags & AXAS_BACKEND_IMPORTED;

	atomic_long_add(frames, imported ? &pool->shared : &pool->frames);
}

/* Frames that leaves map move from one pool to another, with their charges; @made: in shards. */
void axas_pool_move(struct axas_pool *pool, struct axas_pool *to, long made);

/* The same for some of them; less than 0: the other way. */
void axas_pool_move_some(struct axas_pool *pool, struct axas_pool *to, long frames);

/* Give back frames that leaves mapped and that were counted. */
void axas_pool_put(struct axas_pool *pool, const struct axas_backend *backend,
		   unsigned int order, const struct axas_hpa *hpas, unsigned int n);

#endif /* _AXAS_BACKEND_H */
