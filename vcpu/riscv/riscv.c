// SPDX-License-Identifier: GPL-2.0-only
/*
 * The backend for the hypervisor extension: the machine, and the operations of vCPUs. Calls all
 * other files of the backend.
 *
 * The host does not use VS-level CSRs, the FPU and user-mode state: guest values stay on the CPU
 * from load() to put(). sstatus, hstatus, stvec and sscratch, which the host's interrupts need, are
 * switched at each entry. No locks.
 */
#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/hwcap.h>
#include <asm/switch_to.h>

#include "axas_compat.h"
#include "riscv.h"

/* H, hstatus: return to VS-mode; WFI traps; 64 bits. */
#define HSTATUS_GUEST	(HSTATUS_SPV | HSTATUS_SPVP | HSTATUS_VTW | 2ul << HSTATUS_VSXL_SHIFT)

/* FPU on, vectors off. Interrupts are enabled below HS-mode. */
#define SSTATUS_GUEST	(SR_SPP | SR_SPIE | SR_FS_INITIAL | SR_UXL_64)

/* Written by hw_setup(), before any other use. */
static bool has_fpu_regs;

static bool has_isa(unsigned int ext)
{
	return __riscv_isa_extension_available(NULL, ext);
}

static int riscv_hw_setup(void)
{
	int err;

	if (!has_isa(RISCV_ISA_EXT_h)) {
		pr_info("axvcpu: the CPU has no hypervisor extension: no vCPUs\n");
		return -ENODEV;
	}
	err = axvcpu_riscv_keep_kvm_out();
	if (err)
		return err;
	has_fpu_regs = IS_ENABLED(CONFIG_FPU) && has_isa(RISCV_ISA_EXT_d);
	axvcpu_riscv_probe_csrs();
	axvcpu_riscv_probe_vmids();
	return 0;
}

static void riscv_hw_unsetup(void)
{
	axvcpu_riscv_let_kvm_in();
}

/* The extension is always on, and CSRs do not show its user: kvm.c excludes KVM. */
static int riscv_cpu_supported(void)
{
	return 0;
}

static int riscv_cpu_enable(void)
{
	axvcpu_riscv_enable_vmids();
	return 0;
}

/* Nothing is left on: put() restores all CSRs. */
static void riscv_cpu_disable(void)
{
}

static int riscv_create(struct axvcpu *vcpu)
{
	struct axvcpu_riscv *rv = kzalloc(sizeof(*rv), GFP_KERNEL_ACCOUNT);

	if (!rv)
		return -ENOMEM;
	raw_spin_lock_init(&rv->stale.lock);
	axvcpu_riscv_timer_init(&rv->timer);
	vcpu->arch = rv;
	return 0;
}

static void riscv_destroy(struct axvcpu *vcpu)
{
	kfree(vcpu->arch);
}

static int riscv_check_setup(const struct axvcpu_setup *setup)
{
	if (setup->mode != AXVCPU_MODE_VS || setup->flags & AXVCPU_SETUP_X86_FLAGS)
		return -EINVAL;
	return setup->entry & 1 ? -EINVAL : 0;
}

static int riscv_set_entry(struct axvcpu *vcpu, u64 entry)
{
	struct axvcpu_riscv *rv = to_riscv(vcpu);

	if (entry & 1)
		return -EINVAL;
	rv->world.pc = entry;
	rv->csr_insn = 0;
	return 0;
}

static int riscv_set_npt_root(struct axvcpu *vcpu, struct axas_hpa root)
{
	struct axvcpu_riscv *rv = to_riscv(vcpu);
	struct axas_info info;

	axas_space_get_info(vcpu->space, &info);
	rv->hgatp = riscv_hgatp(root.val, info.ia_bits, 0);
	return 0;
}

/* As SBI starts a hart: its id in a0, the argument in a1; interrupts and paging off. */
static int riscv_setup(struct axvcpu *vcpu, const struct axvcpu_setup *setup)
{
	struct axvcpu_riscv *rv = to_riscv(vcpu);

	rv->world.x[2] = setup->stack;
	rv->world.x[10] = vcpu->id;
	rv->world.x[11] = setup->cr3;
	rv->world.sstatus = SSTATUS_GUEST;
	rv->world.hstatus = HSTATUS_GUEST;
	rv->csrs.vsstatus = SR_UXL_64;
	axvcpu_riscv_timer_reset(&rv->timer, setup->flags & AXVCPU_SETUP_TIMER);
	return 0;
}

/* A new VMID, for the old one's translations of the guest's own tables. */
static void riscv_reset(struct axvcpu *vcpu)
{
	struct axvcpu_riscv *rv = to_riscv(vcpu);

	memset(&rv->world, 0, sizeof(rv->world));
	memset(&rv->csrs, 0, sizeof(rv->csrs));
	memset(&rv->fpu, 0, sizeof(rv->fpu));
	memset(&rv->vmid, 0, sizeof(rv->vmid));
	rv->vsatp = 0;
	rv->hvip = 0;
	rv->csr_step = RISCV_CSR_NONE;
	rv->csr_insn = 0;
	rv->down = false;
	axvcpu_riscv_timer_reset(&rv->timer, false);
}

static void riscv_set_gpr(struct axvcpu *vcpu, u32 reg, u64 val)
{
	riscv_set_x(to_riscv(vcpu), reg, val);
}

/* @val as the load writes it to its register: truncated and extended. */
static u64 mmio_value(const struct axvcpu_exit *exit, u64 val)
{
	unsigned int shift = 64 - 8 * exit->mmio_read.width;

	val <<= shift;
	return exit->mmio_read.sign_extend ? (u64)((s64)val >> shift) : val >> shift;
}

static void riscv_set_return_value(struct axvcpu *vcpu, u64 val)
{
	struct axvcpu_riscv *rv = to_riscv(vcpu);
	const struct axvcpu_exit *exit = vcpu->exit;

	switch (exit->reason) {
	case AXVCPU_EXIT_MMIO_READ:
		riscv_set_x(rv, exit->mmio_read.reg, mmio_value(exit, val));
		break;
	case AXVCPU_EXIT_SYSREG_READ:
		axvcpu_riscv_csr_was_read(rv, val);
		riscv_set_x(rv, exit->sysreg_read.reg, val);
		break;
	default:
		riscv_set_x(rv, 10, val);
	}
}

static int riscv_set_return_fault(struct axvcpu *vcpu)
{
	u32 reason = vcpu->exit->reason;

	if (reason != AXVCPU_EXIT_SYSREG_READ && reason != AXVCPU_EXIT_SYSREG_WRITE)
		return -EINVAL;
	return axvcpu_riscv_csr_faults(to_riscv(vcpu));
}

static void riscv_get_regs(struct axvcpu *vcpu, struct axvcpu_regs *regs)
{
	memset(regs->raw, 0, sizeof(regs->raw));
	axvcpu_riscv_regs_save(to_riscv(vcpu), &regs->riscv);
}

static int riscv_set_regs(struct axvcpu *vcpu, const struct axvcpu_regs *regs)
{
	return axvcpu_riscv_regs_restore(to_riscv(vcpu), &regs->riscv);
}

/*
 * Kernel code runs with the FPU off, and its registers belong to a task: put() restores them.
 * Interrupts do not use the FPU.
 */
static void swap_fpu(struct riscv_fpu *save, const struct riscv_fpu *load)
{
	if (!has_fpu_regs)
		return;
	csr_set(CSR_SSTATUS, SR_FS);
	axvcpu_riscv_fpu_save(save);
	axvcpu_riscv_fpu_load(load);
	csr_clear(CSR_SSTATUS, SR_FS);
}

/*
 * A CPU may speculatively walk the tables of vsatp, even while the host runs: hgatp and vsatp must
 * never be a mix of guest and host values. H, vsatp
 */
static int riscv_load(struct axvcpu *vcpu)
{
	struct axvcpu_riscv *rv = to_riscv(vcpu);
	int err = axvcpu_riscv_load_hgatp(rv);

	if (err)
		return err;
	axvcpu_riscv_load_csrs(&rv->csrs, &rv->host_csrs);
	axvcpu_riscv_timer_load(&rv->timer);
	csr_write(CSR_VSATP, rv->vsatp);
	swap_fpu(&rv->host_fpu, &rv->fpu);
	return 0;
}

static void riscv_put(struct axvcpu *vcpu)
{
	struct axvcpu_riscv *rv = to_riscv(vcpu);

	swap_fpu(&rv->fpu, &rv->host_fpu);
	rv->vsatp = csr_swap(CSR_VSATP, 0);
	axvcpu_riscv_timer_put(&rv->timer);
	axvcpu_riscv_save_csrs(&rv->csrs, &rv->host_csrs);
	csr_write(CSR_HGATP, 0);
}

static int riscv_run(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	struct axvcpu_riscv *rv = to_riscv(vcpu);
	int ran;

	if (rv->down) {
		exit->reason = AXVCPU_EXIT_SYSTEM_DOWN;
		return AXVCPU_RAN_EXIT;
	}
	if (rv->csr_step == RISCV_CSR_WRITE) {
		exit->rip = rv->world.pc;
		return axvcpu_riscv_csr_write_exit(rv, exit);
	}
	rv->csr_step = RISCV_CSR_NONE;
	rv->csr_insn = 0;
	axvcpu_riscv_forget_ranges(rv);
	/* A CPU may cache invalid entries. Priv, "SFENCE.VMA" */
	if (rv->faulted)
		riscv_hfence_gvma(rv->fault_gpa, rv->vmid.val);
	rv->faulted = false;
	csr_write(CSR_HVIP, axvcpu_riscv_hvip(vcpu));
	axvcpu_riscv_enter(&rv->world);
	rv->hvip = csr_read(CSR_HVIP) & HVIP_SOFT;
	ran = axvcpu_riscv_exit(vcpu, exit);
	exit->rip = rv->world.pc;
	return ran;
}

static const struct axvcpu_arch_ops riscv_ops = {
	.name		= "RISC-V H",
	.format		= AXAS_FORMAT_GSTAGE,
	.nr_regs	= AXVCPU_RISCV_NR_REGS,
	.lines		= BIT(AXVCPU_RISCV_LINE_TIMER) | BIT(AXVCPU_RISCV_LINE_EXTERNAL),
	.hw_setup	= riscv_hw_setup,
	.hw_unsetup	= riscv_hw_unsetup,
	.cpu_supported	= riscv_cpu_supported,
	.cpu_enable	= riscv_cpu_enable,
	.cpu_disable	= riscv_cpu_disable,
	.create		= riscv_create,
	.destroy	= riscv_destroy,
	.check_setup	= riscv_check_setup,
	.set_entry	= riscv_set_entry,
	.set_npt_root	= riscv_set_npt_root,
	.setup		= riscv_setup,
	.set_gpr	= riscv_set_gpr,
	.set_return_value = riscv_set_return_value,
	.set_return_fault = riscv_set_return_fault,
	.wakes		= axvcpu_riscv_wakes,
	.sleep_ns	= axvcpu_riscv_sleep_ns,
	.reset		= riscv_reset,
	.time_hz	= axvcpu_riscv_time_hz,
	.saved		= &axvcpu_riscv_saved,
	.save		= axvcpu_riscv_save,
	.restore	= axvcpu_riscv_restore,
	.get_regs	= riscv_get_regs,
	.set_regs	= riscv_set_regs,
	.load		= riscv_load,
	.put		= riscv_put,
	.flush		= axvcpu_riscv_flush,
	.flush_guest	= axvcpu_riscv_flush_guest,
	.flush_range	= axvcpu_riscv_flush_range,
	.run		= riscv_run,
	.hole		= axvcpu_riscv_hole,
};

const struct axvcpu_arch_ops *axvcpu_arch_host(void)
{
	return &riscv_ops;
}

/* Priv, sip: the highest number that is pending and enabled. */
u64 axvcpu_arch_irq_fetch(void)
{
	unsigned long irqs = csr_read(CSR_SIP) & csr_read(CSR_SIE);

	return irqs ? ilog2(irqs) : 0;
}
