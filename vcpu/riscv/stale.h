/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ranges whose translations must be flushed before a vCPU enters its guest: threads that change a
 * table add them, the entering CPU takes them. Hardware independent.
 */
#ifndef _AXVCPU_RISCV_STALE_H
#define _AXVCPU_RISCV_STALE_H

#include <linux/spinlock.h>
#include <axas/space.h>

/* Beyond these numbers of pages and ranges, flushing everything is faster. */
#define RISCV_STALE_PAGES	64
#define RISCV_STALE_RANGES	8

/**
 * struct riscv_stale - ranges to flush
 * @lock: innermost, taken with interrupts off
 * @nr: used entries of @ranges; also read without the lock
 * @ranges: guest-physical addresses
 */
struct riscv_stale {
	raw_spinlock_t lock;
	unsigned int nr;
	struct axas_gpa_range ranges[RISCV_STALE_RANGES];
};

/*
 * A fence by address covers only leaves; freed tables require a full flush. Priv, "SFENCE.VMA",
 * whose rules HFENCE.GVMA follows.
 */
static inline bool riscv_stale_by_address(const struct axas_flush *flush)
{
	return !flush->tables && flush->range.size &&
	       flush->range.size <= RISCV_STALE_PAGES * AXAS_FRAME_SIZE;
}

/* False: everything must be flushed instead. */
static inline bool riscv_stale_keep(struct riscv_stale *stale, const struct axas_flush *flush)
{
	unsigned long flags;
	bool kept;

	if (!riscv_stale_by_address(flush))
		return false;
	raw_spin_lock_irqsave(&stale->lock, flags);
	kept = stale->nr < RISCV_STALE_RANGES;
	if (kept) {
		stale->ranges[stale->nr] = flush->range;
		WRITE_ONCE(stale->nr, stale->nr + 1);
	}
	raw_spin_unlock_irqrestore(&stale->lock, flags);
	return kept;
}

/* Move all ranges to @ranges and return their number. */
static inline unsigned int riscv_stale_take(struct riscv_stale *stale,
					    struct axas_gpa_range *ranges)
{
	unsigned long flags;
	unsigned int nr;

	if (!READ_ONCE(stale->nr))
		return 0;
	raw_spin_lock_irqsave(&stale->lock, flags);
	nr = stale->nr;
	memcpy(ranges, stale->ranges, nr * sizeof(*ranges));
	WRITE_ONCE(stale->nr, 0);
	raw_spin_unlock_irqrestore(&stale->lock, flags);
	return nr;
}

#endif /* _AXVCPU_RISCV_STALE_H */
