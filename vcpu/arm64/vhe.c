// SPDX-License-Identifier: GPL-2.0-only
/*
 * The backend for a kernel at EL2: the machine, and vCPUs while they do not run. Calls all of the
 * backend's other files. No locks.
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
 * The guest's view of the host's machine: no registers for debugging, performance monitoring,
 * limited ordering, error records and activity monitors, no vectors beyond 128 bits, and no feature
 * whose keys or tags the host would have to switch.
 */
#define A64_HCR_GUEST	(A64_HCR_E2H | A64_HCR_RW | A64_HCR_VM | A64_HCR_FMO | A64_HCR_IMO |	\
			 A64_HCR_AMO | A64_HCR_FB | A64_HCR_BSU_IS | A64_HCR_TWI |		\
			 A64_HCR_TID3 | A64_HCR_TSC | A64_HCR_TIDCP | A64_HCR_TACR |		\
			 A64_HCR_TSW | A64_HCR_TLOR | A64_HCR_TERR | A64_HCR_TEA |	\
			 A64_HCR_TID5)

#define A64_HPPIR_ID	GENMASK_ULL(23, 0)
#define A64_HPPIR_NONE	1020		/* special IDs from here on: no interrupt */
#define A64_HPPIR_SPURIOUS	1023

/*
 * KVM allocates VMIDs independently of us. On arm64 it is built into the kernel and active from
 * boot on or not at all: in the latter case its misc minor is free.
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

static int vhe_hw_setup(void)
{
	int err;

	if (!is_kernel_in_hyp_mode()) {
		pr_info("axvcpu: the kernel does not run at EL2: no vCPUs\n");
		return -ENODEV;
	}
	if (probe_kvm()) {
		pr_warn_ratelimited("axvcpu: KVM, which is a part of this kernel, has the CPUs: boot with kvm-arm.mode=none\n");
		return -EBUSY;
	}
	err = axvcpu_arm64_timer_setup();
	if (err)
		return err;
	err = axvcpu_arm64_vmids_setup();
	if (err)
		axvcpu_arm64_timer_unsetup();
	return err;
}

static void vhe_hw_unsetup(void)
{
	axvcpu_arm64_vmids_unsetup();
	axvcpu_arm64_timer_unsetup();
}

/* Only a hypervisor writes VTTBR_EL2. */
static int vhe_cpu_supported(void)
{
	return read_sysreg(vttbr_el2) ? -EBUSY : 0;
}

/* EL2 is always on. */
static int vhe_cpu_enable(void)
{
	int err = axvcpu_arm64_cpu_probe();

	if (err)
		return err;
	axvcpu_arm64_predict_probe();
	axvcpu_arm64_forget_here();
	return 0;
}

/*
 * Put() restores registers changed for a vCPU, and each exit those that the host needs. The next
 * kernel (kexec, a crash kernel) initializes the rest of EL2 itself.
 */
static void vhe_cpu_disable(void)
{
	axvcpu_arm64_timer_disable();
}

static int vhe_create(struct axvcpu *vcpu)
{
	struct axvcpu_arm64 *a64 = kzalloc(sizeof(*a64), GFP_KERNEL_ACCOUNT);
	int err;

	if (!a64)
		return -ENOMEM;
	vcpu->arch = a64;
	a64_gic_reset(&a64->gic);
	err = axvcpu_arm64_space_get(vcpu);
	if (err)
		kfree(a64);
	return err;
}

static void vhe_destroy(struct axvcpu *vcpu)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);

	axvcpu_arm64_space_put(a64);
	kfree(a64);
}

static int vhe_check_setup(const struct axvcpu_setup *setup)
{
	return setup->mode == AXVCPU_MODE_EL1 && !(setup->entry & 3) &&
	       !(setup->flags & (AXVCPU_SETUP_X86_FLAGS | AXVCPU_SETUP_TIMER)) ? 0 : -EINVAL;
}

static int vhe_set_entry(struct axvcpu *vcpu, u64 entry)
{
	if (entry & 3)
		return -EINVAL;
	to_arm64(vcpu)->pc = entry;
	return 0;
}

/* Stage 2 must match the machine of the space and the guest's cacheability. */
static int vhe_set_npt_root(struct axvcpu *vcpu, struct axas_hpa root)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);
	struct axas_machine machine;

	axas_space_get_machine(vcpu->space, &machine);
	if (machine.caps & AXAS_CAP_S2_FWB && !a64_has_fwb())
		return -EMEDIUMTYPE;
	a64->hcr = A64_HCR_GUEST;
	/*
	 * CPUs differ: CTR_EL0 must be right for all CPUs that the vCPU may run on, see sysreg.c.
	 */
	if (cpus_have_final_cap(ARM64_MISMATCHED_CACHE_TYPE))
		a64->hcr |= A64_HCR_TID2;
	if (machine.caps & AXAS_CAP_S2_FWB)
		a64->hcr |= A64_HCR_FWB;
	return 0;
}

static int vhe_setup(struct axvcpu *vcpu, const struct axvcpu_setup *setup)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);

	a64->x[0] = setup->cr3;
	a64->pstate = A64_PSTATE_EL1H | A64_PSTATE_DAIF;
	a64->el1.sp = setup->stack;
	a64->el1.sctlr = A64_SCTLR_RESET;
	axvcpu_arm64_follow_sctlr(vcpu, A64_SCTLR_RESET);
	return 0;
}

static void vhe_set_gpr(struct axvcpu *vcpu, u32 reg, u64 val)
{
	to_arm64(vcpu)->x[reg] = val;
}

/* @val as the load writes it to its register: truncated and extended. */
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
	const struct axvcpu_exit *exit = vcpu->exit;

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

/* In the state after the exit, whose exception changes it once. */
static int vhe_set_return_fault(struct axvcpu *vcpu)
{
	u32 reason = vcpu->exit->reason;

	if (reason != AXVCPU_EXIT_SYSREG_READ && reason != AXVCPU_EXIT_SYSREG_WRITE)
		return -EINVAL;
	vcpu->exit->reason = AXVCPU_EXIT_NOTHING;
	axvcpu_arm64_undefined_before(to_arm64(vcpu));
	return 0;
}

static int vhe_interrupt(struct axvcpu *vcpu, u32 how, u32 id, u32 priority)
{
	struct a64_gic *gic = &to_arm64(vcpu)->gic;

	if (id >= A64_GIC_NR || priority > 255)
		return -EINVAL;
	switch (how) {
	case 0:
		return a64_gic_change(gic, A64_GIC_EDGE, id, priority);
	case AXVCPU_INJECT_RAISE:
		return a64_gic_change(gic, A64_GIC_RAISE, id, priority);
	case AXVCPU_INJECT_TIMER:
		return a64_gic_change(gic, A64_GIC_TIMER, id, priority);
	case AXVCPU_INJECT_LOWER:
		return priority ? -EINVAL : a64_gic_change(gic, A64_GIC_LOWER, id, 0);
	case AXVCPU_INJECT_NOW:
	case AXVCPU_INJECT_EXCEPTION:
		return -EOPNOTSUPP;
	default:
		return -EINVAL;
	}
}

static bool vhe_wakes(const struct axvcpu *vcpu)
{
	return axvcpu_arm64_irq(to_arm64(vcpu));
}

static void vhe_reset(struct axvcpu *vcpu)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);
	struct axvcpu_arm64_space *space = a64->space;
	u64 number = a64->number;

	memset(a64, 0, sizeof(*a64));
	a64_gic_reset(&a64->gic);
	a64->space = space;
	a64->number = number;
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
	r->pstate = a64_pstate_shown(a64->pstate);
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

/* Misaligned PCs and bad values of other registers raise exceptions in the guest itself. */
static int vhe_set_regs(struct axvcpu *vcpu, const struct axvcpu_regs *regs)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);
	const struct axvcpu_regs_arm64 *r = &regs->arm64;

	if (!a64_pstate_ok(r->pstate, axvcpu_arm64_has_aarch32()))
		return -EINVAL;
	memcpy(a64->x, r->x, sizeof(r->x));
	a64->sp_el0 = r->sp_el0;
	a64->pc = r->pc;
	a64->pstate = r->pstate;
	a64->el1.sp = r->sp;
	a64->el1.sctlr = r->sctlr;
	axvcpu_arm64_follow_sctlr(vcpu, r->sctlr);
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

static const struct axvcpu_arch_ops vhe_ops = {
	.name		= "arm64 VHE",
	.format		= AXAS_FORMAT_S2,
	.nr_regs	= A64_NR_REGS,
	.attaches	= true,
	.hw_setup	= vhe_hw_setup,
	.hw_unsetup	= vhe_hw_unsetup,
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
	.set_return_fault = vhe_set_return_fault,
	.interrupt	= vhe_interrupt,
	.wakes		= vhe_wakes,
	.sleep_ns	= axvcpu_arm64_sleep_ns,
	.reset		= vhe_reset,
	.saved		= &axvcpu_arm64_saved,
	.save		= axvcpu_arm64_save,
	.restore	= axvcpu_arm64_restore,
	.get_regs	= vhe_get_regs,
	.set_regs	= vhe_set_regs,
	.load		= axvcpu_arm64_load,
	.put		= axvcpu_arm64_put,
	.flush		= vhe_flush,
	.run		= axvcpu_arm64_run,
	.hole		= axvcpu_arm64_hole,
};

const struct axvcpu_arch_ops *axvcpu_arch_host(void)
{
	return &vhe_ops;
}

/* The highest pending interrupt; the read does not acknowledge it. Arm D23.8.17 */
u64 axvcpu_arch_irq_fetch(void)
{
	u64 id = 0;

	if (this_cpu_read(axvcpu_arm64_cpu.gic))
		id = read_sysreg_s(SYS_ICC_HPPIR1_EL1) & A64_HPPIR_ID;
	return id >= A64_HPPIR_NONE && id <= A64_HPPIR_SPURIOUS ? 0 : id;
}
