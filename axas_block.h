/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Blocks: allocation and freeing of guest frames. See axas_block.c.
 */
#ifndef _AXAS_BLOCK_H
#define _AXAS_BLOCK_H

#include <linux/gfp.h>
#include <axas/hal.h>

/* GFP flags for a frame of 4 KiB << @order. @flags: AXAS_FRAME_*. */
gfp_t axas_frame_gfp(unsigned int order, u32 flags);

/* Allocate a block, or NULL. May reclaim and sleep, unless @flags has AXAS_FRAME_NOWAIT. */
struct page *__must_check axas_block_alloc(unsigned int order, u32 flags);

/* The same without reclaim or sleeping, for callers that can fall back to a smaller block. */
struct page *__must_check axas_block_try(unsigned int order, u32 flags);

/* The largest order up to @order that axas_block_try() is likely to get. */
unsigned int axas_block_order(unsigned int order);

/*
 * Free @nr contiguous pages that the caller owns, blocks or pieces of blocks. May sleep on
 * PREEMPT_RT.
 */
void axas_block_free(struct page *page, unsigned long nr);

/*
 * Split the block that contains @page, so that the page has a reference count of its own. The pages
 * of a compound page keep sharing one.
 */
void axas_block_split(struct page *page);

#ifdef CONFIG_ARM64
/* Make writes to [start, end) visible to instruction fetches of all CPUs. */
void axas_sync_code(unsigned long start, unsigned long end);
#endif

#endif /* _AXAS_BLOCK_H */
