// SPDX-License-Identifier: GPL-2.0-only
/*
 * The backend for AMD SVM with nested paging: the operations of a vCPU. Calls all other files of
 * the backend. No locks.
 *
 * Manual: APM vol. 2, chapter 15.
 */
#include <linux/idr.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <axas/frame.h>

#include "axas_compat.h"
#include "host.h"
#include "svm.h"

static DEFINE_IDA(asids);

/* Which vCPU's translations this CPU has below the shared ASID. */
static DEFINE_PER_CPU(const struct svm *, shared_by);

/*
 * The last ASID is for all vCPUs that find no other one: some CPUs have 16. ASID 0 is the host's.
 * -ENOMEM.
 */
static int get_asid(void)
{
	int asid = ida_alloc_range(&asids, 1, svm_machine.asids - 2, GFP_KERNEL);

	return asid == -ENOSPC ? svm_machine.asids - 1 : asid;
}

static bool shares_asid(const struct svm *svm)
{
	return svm->asid == svm_machine.asids - 1;
}

static int svm_create(struct axvcpu *vcpu)
{
	struct svm *svm = kzalloc(sizeof(*svm), GFP_KERNEL_ACCOUNT);
	int err;

	if (!svm)
		return -ENOMEM;
	err = axvcpu_x86_create(&svm->x86);
	if (err)
		goto free_svm;
	err = axas_frame_alloc_zero(&svm->frame, vcpu->hal->mm);
	if (err)
		goto destroy_x86;
	err = get_asid();
	if (err < 0)
		goto free_frame;
	svm->asid = err;
	svm->vmcb = axas_frame_ptr(&svm->frame);
	svm->vmcb_pa = svm->frame.hpa.val;
	svm->vector = -ENOENT;
	vcpu->arch = svm;
	return 0;

free_frame:
	axas_frame_free(&svm->frame);
destroy_x86:
	axvcpu_x86_destroy(&svm->x86);
free_svm:
	kfree(svm);
	return err;
}

static void svm_destroy(struct axvcpu *vcpu)
{
	struct svm *svm = to_svm(vcpu);

	if (!shares_asid(svm))
		ida_free(&asids, svm->asid);
	axas_frame_free(&svm->frame);
	axvcpu_x86_destroy(&svm->x86);
	kfree(svm);
}

static int svm_set_npt_root(struct axvcpu *vcpu, struct axas_hpa root)
{
	struct svm *svm = to_svm(vcpu);
	struct svm_control *control = &svm->vmcb->control;
	struct axas_info info;

	axas_space_get_info(vcpu->space, &info);
	svm->levels = info.levels;
	control->nested = SVM_NP_ENABLE;
	control->nested_cr3 = root.val;
	return 0;
}

static void svm_set_gpr(struct axvcpu *vcpu, u32 reg, u64 val)
{
	to_x86(vcpu)->gpr[reg] = val;
}

static void svm_raise_now(struct axvcpu *vcpu, u8 vector, u32 error)
{
	svm_raise(vcpu, vector, error);
}

/* A vCPU that is new flushes in any case, so an address that another one had does no harm. */
static void take_shared(struct axvcpu *vcpu, const struct svm *svm)
{
	if (__this_cpu_read(shared_by) == svm)
		return;
	__this_cpu_write(shared_by, svm);
	set_bit(AXVCPU_REQ_FLUSH, &vcpu->requests);
}

static int svm_load(struct axvcpu *vcpu)
{
	if (unlikely(shares_asid(to_svm(vcpu))))
		take_shared(vcpu, to_svm(vcpu));
	axvcpu_x86_load(to_x86(vcpu));
	return 0;
}

static void svm_put(struct axvcpu *vcpu)
{
	struct svm *svm = to_svm(vcpu);

	if (axvcpu_x86_idle_dr(&svm->x86, svm->vmcb->save.dr7))
		svm->vmcb->control.intercept_dr = ~0u;
	axvcpu_x86_put(&svm->x86);
}

/* An ASID has the translations of one vCPU, so flushing all of it is safe. APM vol. 2, 15.16. */
static void svm_flush(struct axvcpu *vcpu)
{
	to_svm(vcpu)->vmcb->control.tlb_control =
		svm_machine.features & SVM_CPUID_EDX_FLUSH ? SVM_TLB_FLUSH_ASID :
							 SVM_TLB_FLUSH_ALL;
}

/*
 * Set up the events that the entry delivers; usually none. V_TPR holds the guest's CR8, and
 * V_INTR_MASKING makes the host's flags alone control the host's interrupts. APM vol. 2, 15.21.1.
 */
static inline void write_event(struct axvcpu *vcpu, struct svm *svm)
{
	struct svm_control *control = &svm->vmcb->control;

	control->event_inj = 0;
	if (unlikely(axvcpu_x86_event_valid(&svm->x86)))
		svm_inject_event(vcpu, svm);
	if (svm->x86.end_shadow)
		control->shadow &= ~SVM_INTERRUPT_SHADOW;
	svm->x86.end_shadow = false;
	control->interrupt = SVM_V_INTR_MASKING | svm->x86.cr8;
	svm->vector = axvcpu_next_vector(vcpu);
	if (unlikely(svm->vector >= 0))
		svm_offer_vector(vcpu, svm);
	if (unlikely(vcpu->window))
		svm_ask_for_window(svm, vcpu->window);
}

/* Take back the events that the entry did not deliver. */
static inline void read_event(struct axvcpu *vcpu, struct svm *svm)
{
	const struct svm_control *control = &svm->vmcb->control;

	svm->x86.cr8 = control->interrupt & SVM_V_TPR;
	if (unlikely(vcpu->window))
		svm->vmcb->control.intercept_1 &= ~SVM_INTERCEPT_VINTR;
	if (unlikely(svm->vector >= 0 || control->exit_int_info & SVM_EVENT_VALID ||
		     control->exit_code == SVM_EXIT_INVALID))
		svm_take_back_event(vcpu, svm);
	else
		axvcpu_x86_event_clear(&svm->x86);
}

static int svm_run(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	struct svm *svm = to_svm(vcpu);
	struct svm_control *control = &svm->vmcb->control;
	struct svm_save *save = &svm->vmcb->save;
	struct axvcpu_x86 *x86 = &svm->x86;
	int ran;

	if (x86->down)
		return svm_on_shutdown(vcpu, svm, exit);
	write_event(vcpu, svm);
	save->rip = x86->rip;
	save->rflags = x86->rflags;
	save->rax = x86->gpr[AXVCPU_REG_RAX];
	save->rsp = x86->gpr[AXVCPU_REG_RSP];
	save->cr2 = x86->cr2;
	save->g_pat = x86->pat;
	x86->osxsave = save->cr4 & X86_CR4_OSXSAVE;
	/* Treat no VMCB field as cached: APM vol. 2, 15.15. */
	control->clean = 0;
	axvcpu_x86_enter(x86);
	axvcpu_svm_enter(svm->vmcb_pa, x86, __pa(this_cpu_read(svm_cpu_pages.vmsave)),
			 axvcpu_x86_mitigations);
	/* Where XSAVE is not offered because CR4 is not intercepted, XCR0 may have changed. */
	if (unlikely(save->cr4 & X86_CR4_OSXSAVE && !axvcpu_x86_xstate.guest))
		x86->host.xstate = true;
	/* An exit leaves the guest's value in DR6: APM vol. 2, 15.6. */
	if (save->dr6 != AXVCPU_X86_DR6_RESET)
		axvcpu_x86_write_dr6(AXVCPU_X86_DR6_RESET);
	axvcpu_x86_leave(x86);
	control->tlb_control = SVM_TLB_NOTHING;
	x86->gpr[AXVCPU_REG_RAX] = save->rax;
	x86->gpr[AXVCPU_REG_RSP] = save->rsp;
	x86->cr2 = save->cr2;
	x86->rip = save->rip;
	x86->rflags = save->rflags;
	read_event(vcpu, svm);
	ran = svm_handle_exit(vcpu, svm, exit);
	exit->rip = x86->rip;
	return ran;
}

const struct axvcpu_arch_ops axvcpu_svm_ops = {
	.name			= "svm",
	.format			= AXAS_FORMAT_SVM,
	.kvm_modules		= axvcpu_x86_kvm_modules,
	.regs_flags		= AXVCPU_REGS_RETIRED,
	.hw_setup		= svm_hw_setup,
	.hw_unsetup		= svm_hw_unsetup,
	.cpu_supported		= svm_cpu_supported,
	.cpu_enable		= svm_cpu_enable,
	.cpu_disable		= svm_cpu_disable,
	.create			= svm_create,
	.destroy		= svm_destroy,
	.check_setup		= axvcpu_x86_check_setup,
	.set_entry		= svm_set_entry,
	.set_npt_root		= svm_set_npt_root,
	.setup			= svm_setup,
	.set_gpr		= svm_set_gpr,
	.set_return_value	= axvcpu_x86_set_return_value,
	.set_return_fault	= axvcpu_x86_set_return_fault,
	.raise			= svm_raise_now,
	.accepts		= svm_accepts,
	.wakes			= axvcpu_x86_wakes,
	.reset			= svm_reset,
	.khz			= axvcpu_x86_khz,
	.saved			= &axvcpu_x86_saved,
	.save			= svm_save_state,
	.restore		= svm_restore_state,
	.get_regs		= svm_get_regs,
	.set_regs		= svm_set_regs,
	.load			= svm_load,
	.put			= svm_put,
	.flush			= svm_flush,
	.run			= svm_run,
	.hole			= svm_hole,
};
