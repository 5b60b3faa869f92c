// SPDX-License-Identifier: GPL-2.0-only
/*
 * What goes out of TLBs before a vCPU enters its guest again: a few pages each by its
 * address, or all of its VMID. A fence is for the CPU that executes it, so that who
 * changes a table leaves word, and the CPU that enters next does it. Calls the core and
 * stale.h.
 *
 * "How a flush gets through" in axvcpu_core.c holds for ranges as for requests: they are
 * told of before it is asked whether the vCPU is in its guest.
 */
#include "riscv.h"

/* What was fetched before the memory was written elsewhere goes, too. */
static void fence_i(void)
{
	asm volatile("fence.i" : : : "memory");
}

/* What was told of by now goes with all the others. */
void axvcpu_riscv_flush(struct axvcpu *vcpu)
{
	struct axvcpu_riscv *rv = to_riscv(vcpu);
	struct axas_gpa_range ranges[RISCV_STALE_RANGES];

	riscv_stale_take(&rv->stale, ranges);
	riscv_hfence_gvma_vmid(rv->vmid);
	fence_i();
}

static void forget(const struct axvcpu_riscv *rv, const struct axas_gpa_range *range)
{
	u64 done;

	for (done = 0; done < range->size; done += AXAS_FRAME_SIZE)
		riscv_hfence_gvma(range->start.val + done, rv->vmid);
}

void axvcpu_riscv_forget_ranges(struct axvcpu_riscv *rv)
{
	struct axas_gpa_range ranges[RISCV_STALE_RANGES];
	unsigned int i, nr = riscv_stale_take(&rv->stale, ranges);

	for (i = 0; i < nr; i++)
		forget(rv, &ranges[i]);
	if (nr)
		fence_i();
}

void axvcpu_riscv_flush_range(struct axvcpu *vcpu, const struct axas_flush *flush)
{
	if (!riscv_stale_keep(&to_riscv(vcpu)->stale, flush))
		set_bit(AXVCPU_REQ_FLUSH, &vcpu->requests);
	axvcpu_kick_and_wait(vcpu);
}
