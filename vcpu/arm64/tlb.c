// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMIDs, and what goes out of TLBs. Each vCPU has a VMID of its own, so that what one
 * CPU still knows of it is forgotten by its number alone. Instructions that are broadcast
 * reach all CPUs of the inner shareable domain, those that run the guest among them:
 * nobody has to be interrupted (Arm D8.14).
 *
 * Locks: the IDA's. What changes VTTBR_EL2 does so with interrupts off, and back.
 */
#include <linux/idr.h>
#include <linux/irqflags.h>
#include <asm/tlbflush.h>

#include "arm64.h"
#include "stage2.h"

/* More pages than that are forgotten faster with all the others. */
#define MAX_PAGES	64

static DEFINE_IDA(vmids);

/* 0 is the host's. */
int axvcpu_arm64_vmid_get(struct axvcpu_arm64 *a64)
{
	int vmid = ida_alloc_range(&vmids, 1, BIT(a64_vmid_bits()) - 1, GFP_KERNEL_ACCOUNT);

	if (vmid < 0)
		return vmid;
	a64->vmid = vmid;
	return 0;
}

void axvcpu_arm64_vmid_put(struct axvcpu_arm64 *a64)
{
	ida_free(&vmids, a64->vmid);
}

/* The regime of its guest, in which stage 2 need not be on. */
static void enter(struct a64_regime *was, const struct axvcpu_arm64 *a64)
{
	a64_enter_regime(was, a64->vtcr, a64->vttbr,
			 read_sysreg(hcr_el2) & ~A64_HCR_TGE);
}

void axvcpu_arm64_flush_here(const struct axvcpu_arm64 *a64)
{
	struct a64_regime was;
	unsigned long flags;

	dsb(nshst);
	local_irq_save(flags);
	enter(&was, a64);
	__tlbi(vmalls12e1);
	/* Code may have been written to the frames that come. */
	asm volatile("ic iallu" : : : "memory");
	dsb(nsh);
	a64_leave_regime(&was);
	local_irq_restore(flags);
}

void axvcpu_arm64_flush_all(const struct axvcpu_arm64 *a64)
{
	struct a64_regime was;
	unsigned long flags;

	/* Before it has a table it has no translations. */
	if (!a64->vttbr)
		return;
	dsb(ishst);
	local_irq_save(flags);
	enter(&was, a64);
	__tlbi(vmalls12e1is);
	dsb(ish);
	a64_leave_regime(&was);
	local_irq_restore(flags);
}

/*
 * By guest-physical address go the entries of stage 2; those that hold a whole way from a
 * guest-virtual address go after them, or a walk could put the old ones back (Arm
 * D8.14.6.1).
 */
static void flush_pages(const struct axvcpu_arm64 *a64, u64 first, u64 pages)
{
	struct a64_regime was;
	unsigned long flags;
	u64 i;

	dsb(ishst);
	local_irq_save(flags);
	enter(&was, a64);
	for (i = 0; i < pages; i++)
		__tlbi(ipas2e1is, (first >> AXAS_FRAME_SHIFT) + i);
	dsb(ish);
	__tlbi(vmalle1is);
	dsb(ish);
	a64_leave_regime(&was);
	local_irq_restore(flags);
}

void axvcpu_arm64_flush_range(const struct axvcpu_arm64 *a64, const struct axas_flush *flush)
{
	u64 pages = flush->range.size >> AXAS_FRAME_SHIFT;

	if (!a64->vttbr)
		return;
	if (pages > MAX_PAGES)
		axvcpu_arm64_flush_all(a64);
	else
		flush_pages(a64, flush->range.start.val, pages);
}
