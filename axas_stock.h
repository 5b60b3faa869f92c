/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stock of frames, which is the way to a frame of Linux without a call through the HAL's
 * table. See axas_stock.c.
 */
#ifndef _AXAS_STOCK_H
#define _AXAS_STOCK_H

#include <linux/atomic.h>
#include <linux/err.h>
#include <axas/hal.h>

/* The stock is filled by blocks of so many pages. */
#define AXAS_STOCK_ORDER	4

/* Who pays cannot be told, or memory is not to come from just anywhere: no stock. */
#define AXAS_STOCK_NOBODY	ERR_PTR(-ENOENT)

int axas_stock_init(void);
void axas_stock_exit(void);

/* A frame of zeroes for current from this CPU's stock. False: none. Neither sleeps nor waits. */
bool axas_stock_get(struct axas_hpa *hpa);

/*
 * A frame that is not in stock, which it fills if @flags is AXAS_FRAME_ZERO. False for want of
 * memory. May sleep, unless @flags is AXAS_FRAME_NOWAIT.
 */
bool axas_stock_alloc(u32 flags, struct axas_hpa *hpa);

/* Who pays for what current allocates; only to be compared. Any context. */
const void *axas_stock_payer(void);

/*
 * @nr pages of zeroes that follow each other, which @payer has paid for, into this CPU's
 * stock. What does not fit, or is no longer wanted, goes back. In a task; on PREEMPT_RT it may
 * sleep.
 */
void axas_stock_put(struct page *page, unsigned int nr, const void *payer);

/* All frames in stock go back, on all CPUs. How many. May sleep. */
unsigned long axas_stock_drain(void);

/* How many there are, while they change: of one CPU, and of all. */
unsigned long axas_stock_frames_of(unsigned int cpu);
unsigned long axas_stock_frames(void);

#if IS_ENABLED(CONFIG_AXAS_KUNIT_TEST)
#define AXAS_STOCK_TEST_PAYERS	3

/**
 * struct axas_stock_test - memory cgroups for tests, which cannot have real ones
 * @payer: one of @payers, who pays for all tasks now, and nothing is idle; NULL: as it is
 * @payers: how often each is held; negative: it is on its way out
 */
struct axas_stock_test {
	const void *payer;
	atomic_t payers[AXAS_STOCK_TEST_PAYERS];
};

extern struct axas_stock_test axas_stock_test;
#endif

#endif /* _AXAS_STOCK_H */
