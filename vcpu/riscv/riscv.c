// SPDX-License-Identifier: GPL-2.0-only
/*
 * The backend for the hypervisor extension: CSRs of the machine and of vCPUs. Calls
 * exits.c, tlb.c and entry.S.
 *
 * The host does not use the VS-level CSRs, the FPU and what is for user mode: the guest's
 * stay on the CPU from load() to put(). sstatus, hstatus, stvec and sscratch, which the
 * host's interrupts need, are switched on each entry. No locks.
 */
#include <linux/errno.h>
#include <linux/idr.h>
#include <linux/irqflags.h>
#include <linux/log2.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/hwcap.h>
#include <asm/switch_to.h>

#include "axas_compat.h"
#include "riscv.h"

/* Exceptions that a guest has with itself: its supervisor gets them. H, hedeleg */
#define HEDELEG_GUEST	(BIT(EXC_INST_MISALIGNED) | BIT(EXC_INST_ACCESS) |		\
			 BIT(EXC_INST_ILLEGAL) | BIT(EXC_BREAKPOINT) |			\
			 BIT(EXC_LOAD_MISALIGNED) | BIT(EXC_LOAD_ACCESS) |		\
			 BIT(EXC_STORE_MISALIGNED) | BIT(EXC_STORE_ACCESS) |		\
			 BIT(EXC_SYSCALL) | BIT(EXC_INST_PAGE_FAULT) |			\
			 BIT(EXC_LOAD_PAGE_FAULT) | BIT(EXC_STORE_PAGE_FAULT))

/* H, hideleg: the interrupts of VS level. The bits are hvip's, too. */
#define HVIP_SOFT	BIT(IRQ_VS_SOFT)
#define HVIP_EXT	BIT(IRQ_VS_EXT)
#define HIDELEG_GUEST	(HVIP_SOFT | BIT(IRQ_VS_TIMER) | HVIP_EXT)

#define HCOUNTEREN_TIME	BIT(1)		/* H, hcounteren: time is read without a trap */

/* H, hstatus: back to a guest's supervisor; WFI traps; 64 bits. */
#define HSTATUS_GUEST	(HSTATUS_SPV | HSTATUS_SPVP | HSTATUS_VTW | 2ul << HSTATUS_VSXL_SHIFT)

/* Nothing of the host's but the FPU, and no vectors. Interrupts are on below HS. */
#define SSTATUS_GUEST	(SR_SPP | SR_SPIE | SR_FS_INITIAL | SR_UXL_64)

/* Written by hw_setup(), before anything else. */
static unsigned int vmid_bits;
static bool has_fpu_regs, has_pbmt, has_stateen, has_sstc;

static DEFINE_IDA(vmids);

/* H, hgatp: VMID keeps as many of its bits as there are. A mode must be on with them. */
static unsigned int probe_vmid_bits(void)
{
	unsigned long flags, old, bits;

	local_irq_save(flags);
	old = csr_swap(CSR_HGATP, HGATP_MODE_SV39X4 << HGATP_MODE_SHIFT | HGATP_VMID);
	bits = (csr_read(CSR_HGATP) & HGATP_VMID) >> HGATP_VMID_SHIFT;
	csr_write(CSR_HGATP, old);
	riscv_hfence_gvma_all();
	local_irq_restore(flags);
	return hweight_long(bits);
}

static bool has_isa(unsigned int ext)
{
	return __riscv_isa_extension_available(NULL, ext);
}

static int riscv_hw_setup(void)
{
	if (!has_isa(RISCV_ISA_EXT_h)) {
		pr_info("axvcpu: the CPU has no hypervisor extension: no vCPUs\n");
		return -ENODEV;
	}
	vmid_bits = probe_vmid_bits();
	has_fpu_regs = IS_ENABLED(CONFIG_FPU) && has_isa(RISCV_ISA_EXT_d);
	has_pbmt = has_isa(RISCV_ISA_EXT_SVPBMT);
	has_sstc = has_isa(RISCV_ISA_EXT_SSTC);
#ifdef RISCV_ISA_EXT_SMSTATEEN
	has_stateen = has_isa(RISCV_ISA_EXT_SMSTATEEN);
#endif
	return 0;
}

/* The extension is always on. Only a hypervisor delegates anything. */
static int riscv_cpu_supported(void)
{
	return csr_read(CSR_HIDELEG) || csr_read(CSR_HEDELEG) ? -EBUSY : 0;
}

static int riscv_cpu_enable(void)
{
	csr_write(CSR_HGATP, 0);
	csr_write(CSR_HVIP, 0);
	csr_write(CSR_HIE, 0);
	csr_write(CSR_HGEIE, 0);
	csr_write(CSR_HCOUNTEREN, HCOUNTEREN_TIME);
	csr_write(CSR_HTIMEDELTA, 0);
	csr_write(CSR_HENVCFG, has_pbmt ? ENVCFG_PBMTE : 0);
	/* Without henvcfg.STCE it counts for nothing, but emulators let it ring. */
	if (has_sstc)
		csr_write(CSR_VSTIMECMP, ULONG_MAX);
#ifdef RISCV_ISA_EXT_SMSTATEEN
	if (has_stateen)
		csr_write(CSR_HSTATEEN0, SMSTATEEN0_HSENVCFG);
#endif
	csr_write(CSR_HEDELEG, HEDELEG_GUEST);
	csr_write(CSR_HIDELEG, HIDELEG_GUEST);
	/* What another hypervisor left under our VMIDs. */
	riscv_hfence_gvma_all();
	return 0;
}

static void riscv_cpu_disable(void)
{
	csr_write(CSR_VSIE, 0);
	csr_write(CSR_HVIP, 0);
	csr_write(CSR_HEDELEG, 0);
	csr_write(CSR_HIDELEG, 0);
	riscv_hfence_gvma_all();
}

static int riscv_create(struct axvcpu *vcpu)
{
	struct axvcpu_riscv *rv = kzalloc(sizeof(*rv), GFP_KERNEL_ACCOUNT);
	int vmid = 0;

	if (!rv)
		return -ENOMEM;
	if (vmid_bits)
		vmid = ida_alloc_range(&vmids, 1, BIT(vmid_bits) - 1, GFP_KERNEL);
	if (vmid < 0) {
		kfree(rv);
		return vmid;
	}
	rv->vmid = vmid;
	raw_spin_lock_init(&rv->stale.lock);
	vcpu->arch = rv;
	return 0;
}

static void riscv_destroy(struct axvcpu *vcpu)
{
	struct axvcpu_riscv *rv = to_riscv(vcpu);

	if (rv->vmid)
		ida_free(&vmids, rv->vmid);
	kfree(rv);
}

static int riscv_check_setup(const struct axvcpu_setup *setup)
{
	if (setup->mode != AXVCPU_MODE_VS || setup->flags & AXVCPU_SETUP_EXIT_CPUID)
		return -EINVAL;
	return setup->entry & 1 ? -EINVAL : 0;
}

static int riscv_set_entry(struct axvcpu *vcpu, u64 entry)
{
	if (entry & 1)
		return -EINVAL;
	to_riscv(vcpu)->world.pc = entry;
	return 0;
}

static int riscv_set_npt_root(struct axvcpu *vcpu, struct axas_hpa root)
{
	struct axvcpu_riscv *rv = to_riscv(vcpu);
	struct axas_info info;

	axas_space_get_info(vcpu->space, &info);
	rv->hgatp = riscv_hgatp(root.val, info.ia_bits, rv->vmid);
	return 0;
}

/* As SBI starts a hart: its number in a0, the argument in a1; interrupts and paging off. */
static int riscv_setup(struct axvcpu *vcpu, const struct axvcpu_setup *setup)
{
	struct axvcpu_riscv *rv = to_riscv(vcpu);

	rv->world.x[2] = setup->stack;
	rv->world.x[10] = vcpu->id;
	rv->world.x[11] = setup->cr3;
	rv->world.sstatus = SSTATUS_GUEST;
	rv->world.hstatus = HSTATUS_GUEST;
	rv->csrs.vsstatus = SR_UXL_64;
	return 0;
}

static void riscv_set_gpr(struct axvcpu *vcpu, u32 reg, u64 val)
{
	riscv_set_x(to_riscv(vcpu), reg, val);
}

/* As many bits as the load had, in the way that it wanted them. */
static u64 mmio_value(const struct axvcpu_exit *exit, u64 val)
{
	unsigned int shift = 64 - 8 * exit->mmio_read.width;

	val <<= shift;
	return exit->mmio_read.sign_extend ? (u64)((s64)val >> shift) : val >> shift;
}

static void riscv_set_return_value(struct axvcpu *vcpu, u64 val)
{
	struct axvcpu_riscv *rv = to_riscv(vcpu);
	const struct axvcpu_exit *exit = &vcpu->exit;

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

static void riscv_get_regs(struct axvcpu *vcpu, struct axvcpu_regs *regs)
{
	const struct axvcpu_riscv *rv = to_riscv(vcpu);
	struct axvcpu_regs_riscv *r = &regs->riscv;

	memset(regs->raw, 0, sizeof(regs->raw));
	memcpy(r->x, rv->world.x, sizeof(r->x));
	r->pc = rv->world.pc;
	r->supervisor = !!(rv->world.sstatus & SR_SPP);
	r->sstatus = rv->csrs.vsstatus;
	r->sie = rv->csrs.vsie;
	r->sip = rv->hvip >> VSIP_TO_HVIP_SHIFT;
	r->stvec = rv->csrs.vstvec;
	r->sscratch = rv->csrs.vsscratch;
	r->sepc = rv->csrs.vsepc;
	r->scause = rv->csrs.vscause;
	r->stval = rv->csrs.vstval;
	r->satp = rv->csrs.vsatp;
	r->scounteren = rv->csrs.scounteren;
	r->senvcfg = rv->csrs.senvcfg;
}

static int riscv_set_regs(struct axvcpu *vcpu, const struct axvcpu_regs *regs)
{
	struct axvcpu_riscv *rv = to_riscv(vcpu);
	const struct axvcpu_regs_riscv *r = &regs->riscv;

	if (r->x[0] || r->pc & 1 || r->supervisor > 1 || r->sip & ~BIT_ULL(IRQ_S_SOFT))
		return -EINVAL;
	memcpy(rv->world.x, r->x, sizeof(r->x));
	rv->world.pc = r->pc;
	rv->world.sstatus = (rv->world.sstatus & ~SR_SPP) | (r->supervisor ? SR_SPP : 0);
	rv->hvip = r->sip << VSIP_TO_HVIP_SHIFT;
	rv->csrs = (struct riscv_csrs){
		.vsstatus = r->sstatus, .vsie = r->sie, .vstvec = r->stvec,
		.vsscratch = r->sscratch, .vsepc = r->sepc, .vscause = r->scause,
		.vstval = r->stval, .vsatp = r->satp,
		.scounteren = r->scounteren, .senvcfg = r->senvcfg,
	};
	return 0;
}

static void load_csrs(const struct riscv_csrs *c)
{
	csr_write(CSR_VSSTATUS, c->vsstatus);
	csr_write(CSR_VSIE, c->vsie);
	csr_write(CSR_VSTVEC, c->vstvec);
	csr_write(CSR_VSSCRATCH, c->vsscratch);
	csr_write(CSR_VSEPC, c->vsepc);
	csr_write(CSR_VSCAUSE, c->vscause);
	csr_write(CSR_VSTVAL, c->vstval);
	csr_write(CSR_VSATP, c->vsatp);
}

static void save_csrs(struct riscv_csrs *c)
{
	c->vsstatus = csr_read(CSR_VSSTATUS);
	c->vsie = csr_read(CSR_VSIE);
	c->vstvec = csr_read(CSR_VSTVEC);
	c->vsscratch = csr_read(CSR_VSSCRATCH);
	c->vsepc = csr_read(CSR_VSEPC);
	c->vscause = csr_read(CSR_VSCAUSE);
	c->vstval = csr_read(CSR_VSTVAL);
	c->vsatp = csr_read(CSR_VSATP);
}

/*
 * A kernel's code runs with the FPU off, and what is in its registers is a task's: it
 * is there again after put(). Interrupts do not use the FPU.
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

static int riscv_load(struct axvcpu *vcpu)
{
	struct axvcpu_riscv *rv = to_riscv(vcpu);

	/* Without VMIDs, what is cached may be another vCPU's. */
	if (!vmid_bits)
		set_bit(AXVCPU_REQ_FLUSH, &vcpu->requests);
	swap_fpu(&rv->host_fpu, &rv->fpu);
	rv->host_scounteren = csr_swap(CSR_SCOUNTEREN, rv->csrs.scounteren);
	rv->host_senvcfg = csr_swap(CSR_SENVCFG, rv->csrs.senvcfg);
	load_csrs(&rv->csrs);
	csr_write(CSR_HGATP, rv->hgatp);
	return 0;
}

static void riscv_put(struct axvcpu *vcpu)
{
	struct axvcpu_riscv *rv = to_riscv(vcpu);

	csr_write(CSR_HGATP, 0);
	csr_write(CSR_HVIP, 0);
	save_csrs(&rv->csrs);
	csr_write(CSR_VSIE, 0);
	csr_write(CSR_VSATP, 0);
	rv->csrs.senvcfg = csr_swap(CSR_SENVCFG, rv->host_senvcfg);
	rv->csrs.scounteren = csr_swap(CSR_SCOUNTEREN, rv->host_scounteren);
	swap_fpu(&rv->fpu, &rv->host_fpu);
}

/* One kind of interrupt is an edge, the others are there until the guest claims them. */
static unsigned long pending(struct axvcpu *vcpu, struct axvcpu_riscv *rv)
{
	if (test_bit(AXVCPU_RISCV_VECTOR_SOFT, vcpu->vectors)) {
		axvcpu_vector_done(vcpu, AXVCPU_RISCV_VECTOR_SOFT, false);
		rv->hvip |= HVIP_SOFT;
	}
	return rv->hvip | (axvcpu_next_vector(vcpu) >= 0 ? HVIP_EXT : 0);
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
	axvcpu_riscv_forget_ranges(rv);
	/* A CPU may keep that there was no leaf. Priv, "SFENCE.VMA" */
	if (rv->faulted)
		riscv_hfence_gvma(rv->fault_gpa, rv->vmid);
	rv->faulted = false;
	csr_write(CSR_HVIP, pending(vcpu, rv));
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
	.hw_setup	= riscv_hw_setup,
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
	.get_regs	= riscv_get_regs,
	.set_regs	= riscv_set_regs,
	.load		= riscv_load,
	.put		= riscv_put,
	.flush		= axvcpu_riscv_flush,
	.flush_range	= axvcpu_riscv_flush_range,
	.run		= riscv_run,
	.hole		= axvcpu_riscv_hole,
};

const struct axvcpu_arch_ops *axvcpu_arch_host(void)
{
	return &riscv_ops;
}

/* Priv, sip: of those that are pending and enabled, the highest number. */
u64 axvcpu_arch_irq_fetch(void)
{
	unsigned long irqs = csr_read(CSR_SIP) & csr_read(CSR_SIE);

	return irqs ? ilog2(irqs) : 0;
}
