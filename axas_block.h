/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Blocks: how guest frames come from Linux's page allocator, and go back. See axas_block.c.
 */
#ifndef _AXAS_BLOCK_H
#define _AXAS_BLOCK_H

#include <linux/gfp.h>
#include <axas/hal.h>

/* How a frame of 4 KiB << @order is asked for. @flags: AXAS_FRAME_*. */
gfp_t axas_frame_gfp(unsigned int order, u32 flags);

/* A block that serves whoever asked, or NULL. May sleep, unless @flags is AXAS_FRAME_NOWAIT. */
struct page *axas_block_alloc(unsigned int order, u32 flags);

/* A block that is to be had at once, where a smaller one will do. Neither sleeps nor waits. */
struct page *axas_block_try(unsigned int order, u32 flags);

/* The largest of at most @order that is worth a try; a hint. */
unsigned int axas_block_order(unsigned int order);

/*
 * @nr pages that follow each other go back, all of which are the caller's. On PREEMPT_RT it may
 * sleep.
 */
void axas_block_free(struct page *page, unsigned long nr);

/* A page is to have a reference count of its own. */
void axas_block_split(struct page *page);

#ifdef CONFIG_ARM64
/* What was written from @start to @end is what CPUs fetch. */
void axas_sync_code(unsigned long start, unsigned long end);
#endif

#endif /* _AXAS_BLOCK_H */
