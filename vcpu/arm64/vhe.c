// SPDX-License-Identifier: GPL-2.0-only
/*
 * The backend for a kernel at EL2: the machine, and vCPUs while they do not run. Calls
 * switch.c, tlb.c and predict.c. No locks.
 */
#include <linux/errno.h>
#include <linux/kvm.h>
#include <linux/miscdevice.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <asm/virt.h>

#include "axas_compat.h"
#include "arm64.h"
#include "stage2.h"

/*
 * The guest's view of the host's machine. It has no registers for debugging, counting
 * events, limited ordering, error records and activity, no vectors beyond 128 bits, and
 * nothing of which the host would have to switch keys or tags.
 */
#define A64_HCR_GUEST	(A64_HCR_E2H | A64_HCR_RW | A64_HCR_VM | A64_HCR_FMO | A64_HCR_IMO |	\
			 A64_HCR_AMO | A64_HCR_FB | A64_HCR_BSU_IS | A64_HCR_TWI |		\
			 A64_HCR_TID3 | A64_HCR_TSC | A64_HCR_TIDCP | A64_HCR_TACR |		\
			 A64_HCR_TSW | A64_HCR_TLOR | A64_HCR_TERR)

#define A64_HPPIR_ID	GENMASK_ULL(23, 0)
#define A64_HPPIR_NONE	1020		/* from here on they mean that there is none */
#define A64_HPPIR_SPURIOUS	1023

#define A64_PFR0_GIC_SHIFT	24		/* ID_AA64PFR0_EL1: system registers of a GIC */
#define A64_MMFR1_HCX_SHIFT	40		/* ID_AA64MMFR1_EL1: HCRX_EL2 */
#define A64_MMFR0_ECV_SHIFT	60		/* ID_AA64MMFR0_EL1: traps of timers */

/* Written by hw_setup(), before anything else. */
struct axvcpu_arm64_machine axvcpu_arm64_machine;
static bool kvm_is_there;

/*
 * KVM gives VMIDs to its guests from 1 on, too. On arm64 it is part of the kernel, and
 * there from boot on or not at all: then its place among the devices is free.
 */
static bool probe_kvm(void)
{
	static const struct file_operations none = { .owner = THIS_MODULE };
	struct miscdevice probe = { .minor = KVM_MINOR, .name = "axvcpu-probe", .fops = &none };

	if (misc_register(&probe))
		return true;
	misc_deregister(&probe);
	return false;
}

static bool has(u32 id, unsigned int shift)
{
	return a64_id_field(read_sanitised_ftr_reg(id), shift);
}

static int vhe_hw_setup(void)
{
	if (!is_kernel_in_hyp_mode()) {
		pr_info("axvcpu: the kernel does not run at EL2: no vCPUs\n");
		return -ENODEV;
	}
	kvm_is_there = probe_kvm();
	if (kvm_is_there)
		pr_info("axvcpu: KVM has the machine: boot with kvm-arm.mode=none\n");
	axvcpu_arm64_machine = (struct axvcpu_arm64_machine){
		.gic = has(SYS_ID_AA64PFR0_EL1, A64_PFR0_GIC_SHIFT),
		.hcx = has(SYS_ID_AA64MMFR1_EL1, A64_MMFR1_HCX_SHIFT),
		.ecv = has(SYS_ID_AA64MMFR0_EL1, A64_MMFR0_ECV_SHIFT),
	};
	return 0;
}

/* Nobody but a hypervisor gives VTTBR_EL2 a value. */
static int vhe_cpu_supported(void)
{
	return kvm_is_there || read_sysreg(vttbr_el2) ? -EBUSY : 0;
}

/* EL2 is always on. */
static int vhe_cpu_enable(void)
{
	axvcpu_arm64_predict_probe();
	return 0;
}

static void vhe_cpu_disable(void)
{
}

static int vhe_create(struct axvcpu *vcpu)
{
	struct axvcpu_arm64 *a64 = kzalloc(sizeof(*a64), GFP_KERNEL_ACCOUNT);
	int err;

	if (!a64)
		return -ENOMEM;
	err = axvcpu_arm64_vmid_get(a64);
	if (err) {
		kfree(a64);
		return err;
	}
	vcpu->arch = a64;
	return 0;
}

/* The next vCPU with its VMID shall not find its translations. */
static void vhe_destroy(struct axvcpu *vcpu)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);

	axvcpu_arm64_flush_all(a64);
	axvcpu_arm64_vmid_put(a64);
	kfree(a64);
}

static int vhe_check_setup(const struct axvcpu_setup *setup)
{
	return setup->mode == AXVCPU_MODE_EL1 && !(setup->entry & 3) &&
	       !(setup->flags & AXVCPU_SETUP_EXIT_CPUID) ? 0 : -EINVAL;
}

static int vhe_set_entry(struct axvcpu *vcpu, u64 entry)
{
	if (entry & 3)
		return -EINVAL;
	to_arm64(vcpu)->pc = entry;
	return 0;
}

/* Stage 2 needs what the space was made for, and how the guest's caches behave. */
static int vhe_set_npt_root(struct axvcpu *vcpu, struct axas_hpa root)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);
	struct axas_machine machine;
	struct axas_info info;

	axas_space_get_info(vcpu->space, &info);
	axas_space_get_machine(vcpu->space, &machine);
	a64->hcr = A64_HCR_GUEST;
	if (machine.caps & AXAS_CAP_S2_FWB && !a64_has_fwb())
		return -EMEDIUMTYPE;
	/*
	 * Without FWB a guest whose MMU is off would bypass the caches, and so what the VMM
	 * wrote into its memory. Until it turns the MMU on (TVM tells) DC prevents that.
	 */
	a64->hcr |= machine.caps & AXAS_CAP_S2_FWB ? A64_HCR_FWB : A64_HCR_DC | A64_HCR_TVM;
	a64->vtcr = a64_vtcr(info.ia_bits, info.levels);
	a64->vttbr = a64_vttbr(root.val, a64->vmid);
	return 0;
}

static int vhe_setup(struct axvcpu *vcpu, const struct axvcpu_setup *setup)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);

	a64->x[0] = setup->cr3;
	a64->pstate = A64_PSTATE_EL1H | A64_PSTATE_DAIF;
	a64->el1.sp = setup->stack;
	a64->el1.sctlr = A64_SCTLR_RESET;
	return 0;
}

static void vhe_set_gpr(struct axvcpu *vcpu, u32 reg, u64 val)
{
	to_arm64(vcpu)->x[reg] = val;
}

/* As many bits as the load had, in the way that it wanted them. */
static u64 mmio_value(const struct axvcpu_exit *exit, u64 val)
{
	unsigned int shift = 64 - 8 * exit->mmio_read.width;

	val <<= shift;
	val = exit->mmio_read.sign_extend ? (u64)((s64)val >> shift) : val >> shift;
	return exit->mmio_read.reg_width == 4 ? (u32)val : val;
}

static void vhe_set_return_value(struct axvcpu *vcpu, u64 val)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);
	const struct axvcpu_exit *exit = &vcpu->exit;

	switch (exit->reason) {
	case AXVCPU_EXIT_MMIO_READ:
		a64_set(a64, exit->mmio_read.reg, mmio_value(exit, val));
		break;
	case AXVCPU_EXIT_SYSREG_READ:
		a64_set(a64, exit->sysreg_read.reg, val);
		break;
	default:
		a64_set(a64, 0, val);
	}
}

static void vhe_get_regs(struct axvcpu *vcpu, struct axvcpu_regs *regs)
{
	const struct axvcpu_arm64 *a64 = to_arm64(vcpu);
	struct axvcpu_regs_arm64 *r = &regs->arm64;

	memset(r, 0, sizeof(*r));
	memcpy(r->x, a64->x, sizeof(r->x));
	r->sp = a64->el1.sp;
	r->sp_el0 = a64->sp_el0;
	r->pc = a64->pc;
	r->pstate = a64->pstate;
	r->sctlr = a64->el1.sctlr;
	r->tcr = a64->el1.tcr;
	r->ttbr0 = a64->el1.ttbr0;
	r->ttbr1 = a64->el1.ttbr1;
	r->mair = a64->el1.mair;
	r->vbar = a64->el1.vbar;
	r->elr = a64->el1.elr;
	r->spsr = a64->el1.spsr;
	r->esr = a64->el1.esr;
	r->far = a64->el1.far;
	r->tpidr_el0 = a64->el1.tpidr_el0;
	r->tpidr = a64->el1.tpidr;
}

#define PSTATE_ALLOWED	(A64_PSTATE_MODE | A64_PSTATE_DAIF | A64_PSTATE_BTYPE |		\
			 A64_PSTATE_SSBS | A64_PSTATE_PAN | A64_PSTATE_UAO |		\
			 A64_PSTATE_DIT | A64_PSTATE_NZCV)

/* AArch64 at EL1 or EL0, and what a guest can have there. */
static bool pstate_ok(u64 pstate)
{
	u64 mode = pstate & A64_PSTATE_MODE;

	return !(pstate & ~PSTATE_ALLOWED) &&
	       (mode == A64_PSTATE_EL0T || mode == A64_PSTATE_EL1T || mode == A64_PSTATE_EL1H);
}

static int vhe_set_regs(struct axvcpu *vcpu, const struct axvcpu_regs *regs)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);
	const struct axvcpu_regs_arm64 *r = &regs->arm64;

	if (!pstate_ok(r->pstate) || r->pc & 3 ||
	    (r->sctlr ^ a64->el1.sctlr) & A64_SCTLR_M)
		return -EINVAL;
	memcpy(a64->x, r->x, sizeof(r->x));
	a64->sp_el0 = r->sp_el0;
	a64->pc = r->pc;
	a64->pstate = r->pstate;
	a64->el1.sp = r->sp;
	a64->el1.sctlr = r->sctlr;
	a64->el1.tcr = r->tcr;
	a64->el1.ttbr0 = r->ttbr0;
	a64->el1.ttbr1 = r->ttbr1;
	a64->el1.mair = r->mair;
	a64->el1.vbar = r->vbar;
	a64->el1.elr = r->elr;
	a64->el1.spsr = r->spsr;
	a64->el1.esr = r->esr;
	a64->el1.far = r->far;
	a64->el1.tpidr_el0 = r->tpidr_el0;
	a64->el1.tpidr = r->tpidr;
	return 0;
}

static void vhe_flush(struct axvcpu *vcpu)
{
	axvcpu_arm64_flush_here(to_arm64(vcpu));
}

static void vhe_flush_range(struct axvcpu *vcpu, const struct axas_flush *flush)
{
	axvcpu_arm64_flush_range(to_arm64(vcpu), flush);
}

static const struct axvcpu_arch_ops vhe_ops = {
	.name		= "arm64 VHE",
	.format		= AXAS_FORMAT_S2,
	.nr_regs	= A64_NR_REGS,
	.hw_setup	= vhe_hw_setup,
	.cpu_supported	= vhe_cpu_supported,
	.cpu_enable	= vhe_cpu_enable,
	.cpu_disable	= vhe_cpu_disable,
	.create		= vhe_create,
	.destroy	= vhe_destroy,
	.check_setup	= vhe_check_setup,
	.set_entry	= vhe_set_entry,
	.set_npt_root	= vhe_set_npt_root,
	.setup		= vhe_setup,
	.set_gpr	= vhe_set_gpr,
	.set_return_value = vhe_set_return_value,
	.get_regs	= vhe_get_regs,
	.set_regs	= vhe_set_regs,
	.load		= axvcpu_arm64_load,
	.put		= axvcpu_arm64_put,
	.flush		= vhe_flush,
	.flush_range	= vhe_flush_range,
	.run		= axvcpu_arm64_run,
	.hole		= axvcpu_arm64_hole,
};

const struct axvcpu_arch_ops *axvcpu_arch_host(void)
{
	return &vhe_ops;
}

/* The one that would be taken next: asking for it does not take it. Arm D23.8.17 */
u64 axvcpu_arch_irq_fetch(void)
{
	u64 id = 0;

	if (axvcpu_arm64_machine.gic)
		id = read_sysreg_s(SYS_ICC_HPPIR1_EL1) & A64_HPPIR_ID;
	return id >= A64_HPPIR_NONE && id <= A64_HPPIR_SPURIOUS ? 0 : id;
}
