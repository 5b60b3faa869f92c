/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ranges whose translations a vCPU has to forget before it enters its guest: who changes a
 * table leaves them here, who enters takes them. Pure logic, for any machine.
 */
#ifndef _AXVCPU_RISCV_STALE_H
#define _AXVCPU_RISCV_STALE_H

#include <linux/spinlock.h>
#include <axas/space.h>

/* More pages, or more ranges, than that are forgotten faster with all the others. */
#define RISCV_STALE_PAGES	64
#define RISCV_STALE_RANGES	8

/**
 * struct riscv_stale - what has to be forgotten
 * @lock: a leaf, with interrupts off
 * @nr: how many of @ranges there are; looked at without the lock, too
 * @ranges: guest-physical addresses
 */
struct riscv_stale {
	raw_spinlock_t lock;
	unsigned int nr;
	struct axas_gpa_range ranges[RISCV_STALE_RANGES];
};

/*
 * With an address a fence is about leaves alone: where tables went, all goes. Priv,
 * "SFENCE.VMA", which HFENCE.GVMA follows.
 */
static inline bool riscv_stale_by_address(const struct axas_flush *flush)
{
	return !flush->tables && flush->range.size &&
	       flush->range.size <= RISCV_STALE_PAGES * AXAS_FRAME_SIZE;
}

/* false: all has to be forgotten instead. */
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

/* How many there are now in @ranges, and no more in @stale. */
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
