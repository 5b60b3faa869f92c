// SPDX-License-Identifier: GPL-2.0-only
/*
 * The backend for Intel VMX: the operations of a vCPU. Calls all other files of the backend.
 *
 * A vCPU's VMCS is current on a CPU between load and put, and active on no CPU otherwise: put
 * clears it, so that any CPU may load it next (SDM 25.11.1). Registers for user space are copies,
 * read by put.
 */
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>

#include "axas_compat.h"
#include "mitigate.h"
#include "vmx.h"

static void vmx_destroy(struct axvcpu *vcpu)
{
	struct vmx *vmx = to_vmx(vcpu);

	vmx_vpid_free(vmx->vpid);
	axas_frame_free(&vmx->vmcs);
	axvcpu_x86_destroy(&vmx->x86);
	kfree(vmx);
	vcpu->arch = NULL;
}

static int create_vmcs(struct vmx *vmx, const struct axas_hal *hal)
{
	int err = axas_frame_alloc_zero(&vmx->vmcs, hal);

	if (!err)
		*(u32 *)axas_frame_ptr(&vmx->vmcs) = vmx_config.revision;
	return err;
}

static int vmx_create(struct axvcpu *vcpu)
{
	struct vmx *vmx = kzalloc(sizeof(*vmx), GFP_KERNEL_ACCOUNT);
	int err;

	if (!vmx)
		return -ENOMEM;
	err = axvcpu_x86_create(&vmx->x86);
	if (err)
		goto free;
	err = create_vmcs(vmx, vcpu->hal->mm);
	if (err)
		goto destroy;
	vmx->vpid = vmx_vpid_alloc();
	err = vmx->vpid;
	if (err < 0)
		goto free_vmcs;
	vcpu->arch = vmx;
	return 0;

free_vmcs:
	axas_frame_free(&vmx->vmcs);
destroy:
	axvcpu_x86_destroy(&vmx->x86);
free:
	kfree(vmx);
	return err;
}

static int vmx_set_entry(struct axvcpu *vcpu, u64 entry)
{
	struct vmx *vmx = to_vmx(vcpu);
	/* The mode is unknown before setup(). */
	bool real = vmx->x86.rflags && !(vmx->cr0 & X86_CR0_PE);

	if (real ? entry >> 20 : !axvcpu_x86_canonical(entry))
		return -EINVAL;
	vmx_guest_set_entry(vmx, entry);
	return 0;
}

static int vmx_set_npt_root(struct axvcpu *vcpu, struct axas_hpa root)
{
	struct axas_info info;

	axas_space_get_info(vcpu->space, &info);
	if (info.levels > 4 && !(vmx_config.ept_vpid & VMX_EPT_PAGE_WALK_5_BIT))
		return -EINVAL;
	vmx_guest_set_root(to_vmx(vcpu), root.val, info.levels);
	return 0;
}

static int vmx_setup(struct axvcpu *vcpu, const struct axvcpu_setup *setup)
{
	vmx_guest_setup(to_vmx(vcpu), setup);
	return 0;
}

static void vmx_reset(struct axvcpu *vcpu)
{
	axvcpu_x86_reset(to_x86(vcpu));
	vmx_guest_reset(to_vmx(vcpu));
}

static void vmx_hole(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	const struct vmx *vmx = to_vmx(vcpu);
	struct axvcpu_x86_code code = {
		.cr0 = vmx->cr0, .cr3 = vmx->cr3, .cr4 = vmx->cr4, .efer = vmx->efer,
		.base = vmx->code64 ? 0 : vmx->cs_base, .code64 = vmx->code64,
	};

	axvcpu_x86_fetch(vcpu, &code, exit);
}

/* The VMCS is not loaded. */
static void vmx_raise_now(struct axvcpu *vcpu, u8 vector, u32 error)
{
	struct vmx *vmx = to_vmx(vcpu);

	vmx->x86.real_mode = !(vmx->cr0 & X86_CR0_PE);
	axvcpu_x86_raise(vcpu, vector, error);
}

static void vmx_set_gpr(struct axvcpu *vcpu, u32 reg, u64 val)
{
	to_x86(vcpu)->gpr[reg] = val;
}

static u64 guest_cr0(const struct vmx *vmx)
{
	return (vmx->cr0 & ~(u64)VMX_CR0_KEPT) | (vmx->cr0_shadow & VMX_CR0_KEPT);
}

static u64 guest_cr4(const struct vmx *vmx)
{
	return (vmx->cr4 & ~VMX_CR4_KEPT) | (vmx->cr4_shadow & VMX_CR4_KEPT);
}

static void vmx_get_regs(struct axvcpu *vcpu, struct axvcpu_regs *regs)
{
	const struct vmx *vmx = to_vmx(vcpu);

	axvcpu_x86_get_regs(&vmx->x86, regs);
	regs->cr0 = guest_cr0(vmx);
	regs->cr3 = vmx->cr3;
	regs->cr4 = guest_cr4(vmx);
	regs->efer = vmx->efer;
	regs->fs_base = vmx->fs_base;
	regs->gs_base = vmx->gs_base;
	regs->cpl = vmx->cpl;
}

/* In PAE mode an entry loads PDPTEs from the VMCS, not from the new CR3: SDM 27.3.2.4. */
static bool cr3_changes_pdptes(const struct vmx *vmx, u64 cr3)
{
	return cr3 != vmx->cr3 && vmx->cr0 & X86_CR0_PG && vmx->cr4 & X86_CR4_PAE &&
	       !(vmx->efer & EFER_LMA);
}

static bool regs_valid(const struct vmx *vmx, const struct axvcpu_regs *regs)
{
	return regs->cr0 == guest_cr0(vmx) && regs->cr4 == guest_cr4(vmx) &&
	       regs->efer == vmx->efer && regs->cpl == vmx->cpl &&
	       !cr3_changes_pdptes(vmx, regs->cr3) &&
	       axvcpu_x86_regs_valid(&vmx->x86, regs, vmx->code64);
}

/* A new CR3 counts as a MOV to CR3 by the guest: flush. */
static int vmx_set_regs(struct axvcpu *vcpu, const struct axvcpu_regs *regs)
{
	struct vmx *vmx = to_vmx(vcpu);

	if (!regs_valid(vmx, regs))
		return -EINVAL;
	axvcpu_x86_set_regs(vcpu, regs);
	vmx->flush |= vmx->cr3 != regs->cr3;
	vmx->cr3 = regs->cr3;
	vmx->fs_base = regs->fs_base;
	vmx->gs_base = regs->gs_base;
	vmx->regs_changed = true;
	return 0;
}

/*
 * VMX instructions require interrupts off: an interrupt may turn VMX off when the machine goes
 * down.
 */
static int load_vmcs(struct vmx *vmx)
{
	int err;

	if (!__this_cpu_read(axvcpu_enabled))
		return -EAGAIN;
	err = vmx_vmcs_load(vmx);
	if (err)
		return err;
	err = vmx_begin(vmx);
	if (err)
		return err;
	if (vmx->fresh)
		vmx_guest_write(vmx);
	vmx->fresh = false;
	if (vmx->regs_changed) {
		vmx_guest_write_regs(vmx);
		vmx_check_pending_db(vmx);
	}
	vmx->regs_changed = false;
	vmx_host_save(vmx);
	vmx_end(vmx);
	return 0;
}

static int vmx_load(struct axvcpu *vcpu)
{
	struct vmx *vmx = to_vmx(vcpu);
	unsigned long flags;
	int err;

	local_irq_save(flags);
	err = load_vmcs(vmx);
	local_irq_restore(flags);
	if (!err)
		axvcpu_x86_load(&vmx->x86);
	return err;
}

/* If VMX is off, the copies of the guest's registers go stale: it is not entered again. */
static void put_vmcs(struct vmx *vmx)
{
	if (!vmx_begin(vmx)) {
		if (axvcpu_x86_idle_dr(&vmx->x86, vmcs_read(GUEST_DR7)))
			vmx_guest_controls(vmx, CPU_BASED_MOV_DR_EXITING, 0);
		vmx_guest_read_regs(vmx);
		vmx_end(vmx);
	}
	vmx_host_restore(vmx);
	vmx_vmcs_put(vmx);
}

static void vmx_put(struct axvcpu *vcpu)
{
	struct vmx *vmx = to_vmx(vcpu);
	unsigned long flags;

	axvcpu_x86_put(&vmx->x86);
	local_irq_save(flags);
	put_vmcs(vmx);
	local_irq_restore(flags);
}

static void vmx_flush(struct axvcpu *vcpu)
{
	to_vmx(vcpu)->flush = true;
}

static void load_cr2(u64 val)
{
	asm volatile("mov %0, %%cr2" : : "r" (val) : "memory");
}

static u64 store_cr2(void)
{
	u64 val;

	asm volatile("mov %%cr2, %0" : "=r" (val) : : "memory");
	return val;
}

static bool enter(struct vmx *vmx)
{
	bool entered;

	vmcs_write(GUEST_RIP, vmx->x86.rip);
	vmcs_write(GUEST_RSP, vmx->x86.gpr[AXVCPU_REG_RSP]);
	vmcs_write(GUEST_RFLAGS, vmx->x86.rflags);
	load_cr2(vmx->x86.cr2);
	vmx_host_enter(vmx);
	entered = axvcpu_vmx_enter(vmx->x86.gpr, axvcpu_x86_mitigations |
				   (vmx->launched ? AXVCPU_X86_RESUME : 0));
	vmx_host_leave(vmx);
	if (!entered)
		return false;
	vmx->launched = true;
	vmx->x86.cr2 = store_cr2();
	vmx->x86.rip = vmcs_read(GUEST_RIP);
	vmx->x86.gpr[AXVCPU_REG_RSP] = vmcs_read(GUEST_RSP);
	vmx->x86.rflags = vmcs_read(GUEST_RFLAGS);
	return true;
}

static int vmx_run(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	struct vmx *vmx = to_vmx(vcpu);
	int ran;

	if (vmx->x86.down) {
		exit->reason = AXVCPU_EXIT_SYSTEM_DOWN;
		exit->rip = vmx->x86.rip;
		return AXVCPU_RAN_EXIT;
	}
	ran = vmx_begin(vmx);
	if (ran)
		return ran;
	if (vmx->flush)
		vmx_invept(vmx->eptp);
	vmx->flush = false;
	vmx_write_event(vcpu);
	if (enter(vmx))
		ran = vmx_handle_exit(vcpu, exit);
	else
		ran = vmx_handle_failure(vcpu, exit);
	vmx_end(vmx);
	/* In a crash, an NMI may not return: take it after VMX is off again. */
	if (unlikely(vmx->host_event))
		vmx_handle_host_event(vmx);
	exit->rip = vmx->x86.rip;
	return ran;
}

const struct axvcpu_arch_ops axvcpu_vmx_ops = {
	.name			= "vmx",
	.format			= AXAS_FORMAT_EPT,
	.kvm_modules		= axvcpu_x86_kvm_modules,
	.regs_flags		= AXVCPU_REGS_RETIRED,
	.hw_setup		= vmx_hw_setup,
	.hw_unsetup		= vmx_hw_unsetup,
	.cpu_supported		= vmx_cpu_supported,
	.cpu_enable		= vmx_cpu_enable,
	.cpu_disable		= vmx_cpu_disable,
	.create			= vmx_create,
	.destroy		= vmx_destroy,
	.check_setup		= axvcpu_x86_check_setup,
	.set_entry		= vmx_set_entry,
	.set_npt_root		= vmx_set_npt_root,
	.setup			= vmx_setup,
	.set_gpr		= vmx_set_gpr,
	.set_return_value	= axvcpu_x86_set_return_value,
	.set_return_fault	= axvcpu_x86_set_return_fault,
	.raise			= vmx_raise_now,
	.accepts		= vmx_accepts,
	.wakes			= axvcpu_x86_wakes,
	.reset			= vmx_reset,
	.khz			= axvcpu_x86_khz,
	.saved			= &axvcpu_x86_saved,
	.save			= vmx_save_state,
	.restore		= vmx_restore_state,
	.get_regs		= vmx_get_regs,
	.set_regs		= vmx_set_regs,
	.load			= vmx_load,
	.put			= vmx_put,
	.flush			= vmx_flush,
	.run			= vmx_run,
	.hole			= vmx_hole,
};
