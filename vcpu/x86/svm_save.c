// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VMCB's part of a vCPU's whole state. Calls save.c. No locks: the vCPU is not loaded.
 *
 * Manual: APM vol. 2, 15.5 and appendix B.
 */
#include <asm/msr-index.h>

#include "host.h"
#include "svm.h"

#define SEG_PRESENT	BIT(7)

static struct axvcpu_x86_segment save_segment(const struct svm_segment *seg)
{
	return (struct axvcpu_x86_segment){
		.base = seg->base, .limit = seg->limit, .selector = seg->selector,
		.attrib = seg->attrib,
	};
}

static struct svm_segment restore_segment(const struct axvcpu_x86_segment *seg)
{
	return (struct svm_segment){
		.base = seg->base, .limit = seg->limit, .selector = seg->selector,
		.attrib = seg->attrib & SEG_PRESENT ? seg->attrib : 0,
	};
}

static void save_segments(const struct svm_save *save, struct axvcpu_x86_state *state)
{
	state->es = save_segment(&save->es);
	state->cs = save_segment(&save->cs);
	state->ss = save_segment(&save->ss);
	state->ds = save_segment(&save->ds);
	state->fs = save_segment(&save->fs);
	state->gs = save_segment(&save->gs);
	state->ldtr = save_segment(&save->ldtr);
	state->tr = save_segment(&save->tr);
	state->gdtr = save_segment(&save->gdtr);
	state->idtr = save_segment(&save->idtr);
}

static void restore_segments(struct svm_save *save, const struct axvcpu_x86_state *state)
{
	save->es = restore_segment(&state->es);
	save->cs = restore_segment(&state->cs);
	save->ss = restore_segment(&state->ss);
	save->ds = restore_segment(&state->ds);
	save->fs = restore_segment(&state->fs);
	save->gs = restore_segment(&state->gs);
	save->ldtr = restore_segment(&state->ldtr);
	save->tr = restore_segment(&state->tr);
	save->gdtr = restore_segment(&state->gdtr);
	save->idtr = restore_segment(&state->idtr);
}

static void save_msrs(const struct svm_save *save, struct axvcpu_x86_state *state)
{
	state->star = save->star;
	state->lstar = save->lstar;
	state->cstar = save->cstar;
	state->sfmask = save->sfmask;
	state->kernel_gs_base = save->kernel_gs_base;
	state->sysenter_cs = save->sysenter_cs;
	state->sysenter_esp = save->sysenter_esp;
	state->sysenter_eip = save->sysenter_eip;
}

static void restore_msrs(struct svm_save *save, const struct axvcpu_x86_state *state)
{
	save->star = state->star;
	save->lstar = state->lstar;
	save->cstar = state->cstar;
	save->sfmask = state->sfmask;
	save->kernel_gs_base = state->kernel_gs_base;
	save->sysenter_cs = state->sysenter_cs;
	save->sysenter_esp = state->sysenter_esp;
	save->sysenter_eip = state->sysenter_eip;
}

/* The VMCB is undefined after a shutdown: APM vol. 2, 15.14.3. */
int svm_save_state(struct axvcpu *vcpu, void *arg)
{
	const struct svm *svm = to_svm(vcpu);
	const struct svm_save *save = &svm->vmcb->save;
	struct axvcpu_x86_state *state = arg;

	if (svm->x86.down)
		return -EBADFD;
	axvcpu_x86_save(&svm->x86, state);
	save_segments(save, state);
	save_msrs(save, state);
	state->cr0 = save->cr0;
	state->cr3 = save->cr3;
	state->cr4 = save->cr4;
	state->efer = save->efer & ~EFER_SVME;
	state->cpl = save->cpl;
	state->dr6 = save->dr6;
	state->dr7 = save->dr7;
	if (svm->vmcb->control.shadow & SVM_INTERRUPT_SHADOW && !svm->x86.end_shadow)
		state->flags |= AXVCPU_X86_SHADOW;
	return 0;
}

int svm_restore_state(struct axvcpu *vcpu, const void *arg)
{
	const struct axvcpu_x86_state *state = arg;
	struct svm *svm = to_svm(vcpu);
	struct svm_save *save = &svm->vmcb->save;

	if (!axvcpu_x86_state_valid(state) || state->cr4 & ~svm_machine.cr4)
		return -EINVAL;
	axvcpu_x86_restore(&svm->x86, state);
	restore_segments(save, state);
	restore_msrs(save, state);
	save->cr0 = state->cr0;
	save->cr3 = state->cr3;
	save->cr4 = state->cr4;
	save->efer = state->efer | EFER_SVME;
	save->cpl = state->cpl;
	save->dr6 = state->dr6;
	save->dr7 = state->dr7;
	svm->vmcb->control.shadow = state->flags & AXVCPU_X86_SHADOW ? SVM_INTERRUPT_SHADOW : 0;
	/* Debug registers are switched while one is enabled. */
	svm->x86.uses_dr = state->dr7 & AXVCPU_X86_DR7_ENABLED;
	svm->vmcb->control.intercept_dr = svm->x86.uses_dr ? 0 : ~0u;
	return 0;
}
