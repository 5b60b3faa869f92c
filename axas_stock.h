/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stock of frames. Faults on the Linux HAL call it directly, without an indirect call. See
 * axas_stock.c.
 */
#ifndef _AXAS_STOCK_H
#define _AXAS_STOCK_H

#include <linux/atomic.h>
#include <linux/err.h>
#include <axas/hal.h>

/* Order of the blocks that fill the stock. */
#define AXAS_STOCK_ORDER	4

/* The stock must not serve current: its payer is unknown, or it has a mempolicy. */
#define AXAS_STOCK_NOBODY	ERR_PTR(-ENOENT)

int __must_check axas_stock_init(void);
void axas_stock_exit(void);

/* Take a zeroed frame for current from this CPU's stock. False if there is none. Never blocks. */
bool __must_check axas_stock_get(struct axas_hpa *hpa);

/* The same, for a caller that overwrites the whole frame: it has no zeroes. */
bool __must_check axas_stock_get_unset(struct axas_hpa *hpa);

/*
 * Allocate a frame, with AXAS_FRAME_ZERO in @flags a zeroed one, and refill the stock. False if out
 * of memory. May sleep, unless @flags has AXAS_FRAME_NOWAIT.
 */
bool __must_check axas_stock_alloc(u32 flags, struct axas_hpa *hpa);

/* The payer of current's allocations; a cookie without a reference. Any context. */
const void *axas_stock_payer(void);

/*
 * Put @nr contiguous pages, charged to @payer, in this CPU's stock. Frames that they replace, or
 * they themselves if current has another payer now, are freed. Task context; may sleep on
 * PREEMPT_RT.
 */
void axas_stock_put(struct page *page, unsigned int nr, const void *payer, bool zeroed);

/* Drain the stocks of all CPUs. Return the number of frames freed. May sleep. */
unsigned long axas_stock_drain(void);

/* Number of frames in stock, of one CPU and of all; racy. */
unsigned long axas_stock_frames_of(unsigned int cpu);
unsigned long axas_stock_frames(void);

#if IS_ENABLED(CONFIG_AXAS_KUNIT_TEST)
#define AXAS_STOCK_TEST_PAYERS	3

/**
 * struct axas_stock_test - fake memory cgroups for KUnit
 * @payer: pointer into @payers: pays for all tasks, and stops the idle work; NULL: real cgroups
 * @payers: reference counts; negative: being removed
 */
struct axas_stock_test {
	const void *payer;
	atomic_t payers[AXAS_STOCK_TEST_PAYERS];
};

extern struct axas_stock_test axas_stock_test;
#endif

#endif /* _AXAS_STOCK_H */
