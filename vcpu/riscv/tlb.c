// SPDX-License-Identifier: GPL-2.0-only
/*
 * hgatp, VMIDs, and flushes of guest translations before a vCPU enters its guest again: a few pages
 * each by address, or its whole VMID. A fence acts only on the hart that executes it, so threads
 * that change a table record the range, and the CPU that enters next executes the fence. Calls the
 * core, stale.h and vmid.h.
 *
 * "How a flush gets through" in axvcpu_core.c applies to ranges as to requests: they are recorded
 * before checking whether the vCPU is in its guest.
 */
#include <linux/irqflags.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/percpu.h>

#include "riscv.h"

/* For tests: a small number of VMIDs is reused without thousands of vCPUs. */
static unsigned int vmid_bits_wanted = 14;
module_param_named(vmid_bits, vmid_bits_wanted, uint, 0644);
MODULE_PARM_DESC(vmid_bits, "bits of VMIDs to use at most, from the next first vCPU on");

static unsigned int vmid_bits;
static DEFINE_PER_CPU(struct riscv_vmids, vmids);

/*
 * H, hgatp: VMID retains as many bits as are implemented; an unsupported mode may read back as a
 * different one. Any supported mode will do.
 */
void axvcpu_riscv_probe_vmids(void)
{
	unsigned long mode, flags, got = 0;

	local_irq_save(flags);
	for (mode = HGATP_MODE_SV39X4; mode <= HGATP_MODE_SV57X4; mode++) {
		csr_write(CSR_HGATP, mode << HGATP_MODE_SHIFT | HGATP_VMID);
		got = csr_read(CSR_HGATP);
		if (got >> HGATP_MODE_SHIFT == mode)
			break;
	}
	csr_write(CSR_HGATP, 0);
	riscv_hfence_gvma_all();
	local_irq_restore(flags);
	vmid_bits = min_t(unsigned int, hweight_long(got & HGATP_VMID),
			  READ_ONCE(vmid_bits_wanted));
}

void axvcpu_riscv_enable_vmids(void)
{
	riscv_vmid_begin_again(this_cpu_ptr(&vmids), vmid_bits);
}

/*
 * H, hgatp is WARL: a mode that this CPU lacks may become Bare, which maps the guest's addresses to
 * the host's. So it is read back at each load.
 *
 * A VMID that another vCPU had is flushed for both stages: on hardware that caches them separately,
 * HFENCE.GVMA affects only the G-stage. The same holds for a vCPU from another CPU, which has to
 * take a new VMID: this CPU missed fences such as the guest's SFENCE.VMA meanwhile.
 */
int axvcpu_riscv_load_hgatp(struct axvcpu_riscv *rv)
{
	struct riscv_vmids *here = this_cpu_ptr(&vmids);
	bool holds = riscv_vmid_holds(&rv->vmid, here);
	unsigned long hgatp;

	if (!holds)
		riscv_vmid_take(&rv->vmid, here, vmid_bits);
	hgatp = rv->hgatp | (unsigned long)rv->vmid.val << HGATP_VMID_SHIFT;
	csr_write(CSR_HGATP, hgatp);
	if (csr_read(CSR_HGATP) != hgatp) {
		csr_write(CSR_HGATP, 0);
		return -EIO;
	}
	if (!holds) {
		riscv_hfence_gvma_vmid(rv->vmid.val);
		riscv_hfence_vvma_all();
	}
	return 0;
}

/* Discard instructions fetched before another CPU wrote the memory. */
static void fence_i(void)
{
	asm volatile("fence.i" : : : "memory");
}

/* Flushing all includes the ranges recorded so far. */
void axvcpu_riscv_flush(struct axvcpu *vcpu)
{
	struct axvcpu_riscv *rv = to_riscv(vcpu);
	struct axas_gpa_range ranges[RISCV_STALE_RANGES];

	riscv_stale_take(&rv->stale, ranges);
	riscv_hfence_gvma_vmid(rv->vmid.val);
	fence_i();
}

void axvcpu_riscv_flush_guest(struct axvcpu *vcpu)
{
	riscv_hfence_vvma_all();
	fence_i();
}

static void forget(const struct axvcpu_riscv *rv, const struct axas_gpa_range *range)
{
	u64 done;

	for (done = 0; done < range->size; done += AXAS_FRAME_SIZE)
		riscv_hfence_gvma(range->start.val + done, rv->vmid.val);
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
}
