// SPDX-License-Identifier: GPL-2.0-only
/*
 * What goes out of TLBs before a vCPU enters its guest again: a few pages each by its
 * address, or all of its VMID. A fence is for the CPU that executes it, so that who
 * changes a table leaves word, and the CPU that enters next does it. Calls the core.
 *
 * Locks: stale_lock, a leaf. "How a flush gets through" in axvcpu_core.c holds for ranges
 * as for requests: they are told of before it is asked whether the vCPU is in its guest.
 */
#include <linux/spinlock.h>

#include "riscv.h"

/* More pages than that are forgotten faster with all the others. */
#define MAX_PAGES	64

/* What was fetched before the memory was written elsewhere goes, too. */
static void fence_i(void)
{
	asm volatile("fence.i" : : : "memory");
}

void axvcpu_riscv_flush(struct axvcpu *vcpu)
{
	struct axvcpu_riscv *rv = to_riscv(vcpu);

	raw_spin_lock(&rv->stale_lock);
	rv->nr_stale = 0;
	raw_spin_unlock(&rv->stale_lock);
	riscv_hfence_gvma_vmid(rv->vmid);
	fence_i();
}

/* Any address of a leaf stands for all of it. H, "HFENCE.GVMA" */
static void forget(const struct axvcpu_riscv *rv, const struct axas_gpa_range *range)
{
	u64 done;

	for (done = 0; done < range->size; done += AXAS_FRAME_SIZE)
		riscv_hfence_gvma(range->start.val + done, rv->vmid);
}

void axvcpu_riscv_forget_ranges(struct axvcpu_riscv *rv)
{
	unsigned int i;

	if (!READ_ONCE(rv->nr_stale))
		return;
	raw_spin_lock(&rv->stale_lock);
	for (i = 0; i < rv->nr_stale; i++)
		forget(rv, &rv->stale[i]);
	rv->nr_stale = 0;
	raw_spin_unlock(&rv->stale_lock);
	fence_i();
}

/* With an address the fence is about leaves alone: where tables went, all goes. */
static bool by_address(const struct axas_flush *flush)
{
	return !flush->tables && flush->range.size &&
	       flush->range.size <= MAX_PAGES * AXAS_FRAME_SIZE;
}

static bool keep(struct axvcpu_riscv *rv, const struct axas_gpa_range *range)
{
	unsigned long flags;
	bool kept = false;

	raw_spin_lock_irqsave(&rv->stale_lock, flags);
	if (rv->nr_stale < RISCV_STALE_RANGES) {
		rv->stale[rv->nr_stale] = *range;
		WRITE_ONCE(rv->nr_stale, rv->nr_stale + 1);
		kept = true;
	}
	raw_spin_unlock_irqrestore(&rv->stale_lock, flags);
	return kept;
}

void axvcpu_riscv_flush_range(struct axvcpu *vcpu, const struct axas_flush *flush)
{
	if (!by_address(flush) || !keep(to_riscv(vcpu), &flush->range))
		set_bit(AXVCPU_REQ_FLUSH, &vcpu->requests);
	axvcpu_kick_and_wait(vcpu);
}
