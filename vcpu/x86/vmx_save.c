// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VMCS's part of a vCPU's whole state. Calls save.c, vmx_guest.c, vmx_event.c, and vmx_cpu.c and
 * axvcpu_percpu.c around an access to the VMCS. No locks.
 *
 * SDM 25.4; for the PDPTEs 27.3.2.4.
 */
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/vmx.h>

#include "host.h"
#include "vmx.h"

#define SEG_PRESENT	BIT(7)

/* Access rights have bits 52 to 55 of a descriptor from bit 12 on, and bit 16 for "unusable". */
static u16 attrib_of(u32 ar)
{
	return ar & VMX_AR_UNUSABLE_MASK ? 0 : (ar & 0xff) | (ar >> 4 & 0xf00);
}

static u32 ar_of(u16 attrib)
{
	return attrib & SEG_PRESENT ? (attrib & 0xff) | (attrib & 0xf00u) << 4 :
	       VMX_AR_UNUSABLE_MASK;
}

static struct axvcpu_x86_segment save_segment(enum vmx_segment seg)
{
	return (struct axvcpu_x86_segment){
		.base = vmcs_read(GUEST_ES_BASE + 2 * seg),
		.limit = vmcs_read(GUEST_ES_LIMIT + 2 * seg),
		.selector = vmcs_read(GUEST_ES_SELECTOR + 2 * seg),
		.attrib = attrib_of(vmcs_read(GUEST_ES_AR_BYTES + 2 * seg)),
	};
}

static void restore_segment(enum vmx_segment nr, const struct axvcpu_x86_segment *seg)
{
	vmcs_write(GUEST_ES_BASE + 2 * nr, seg->base);
	vmcs_write(GUEST_ES_LIMIT + 2 * nr, seg->limit);
	vmcs_write(GUEST_ES_SELECTOR + 2 * nr, seg->selector);
	vmcs_write(GUEST_ES_AR_BYTES + 2 * nr, ar_of(seg->attrib));
}

static void save_segments(struct axvcpu_x86_state *state)
{
	state->es = save_segment(VMX_ES);
	state->cs = save_segment(VMX_CS);
	state->ss = save_segment(VMX_SS);
	state->ds = save_segment(VMX_DS);
	state->fs = save_segment(VMX_FS);
	state->gs = save_segment(VMX_GS);
	state->ldtr = save_segment(VMX_LDTR);
	state->tr = save_segment(VMX_TR);
	state->gdtr.base = vmcs_read(GUEST_GDTR_BASE);
	state->gdtr.limit = vmcs_read(GUEST_GDTR_LIMIT);
	state->idtr.base = vmcs_read(GUEST_IDTR_BASE);
	state->idtr.limit = vmcs_read(GUEST_IDTR_LIMIT);
}

static void restore_segments(const struct axvcpu_x86_state *state)
{
	restore_segment(VMX_ES, &state->es);
	restore_segment(VMX_CS, &state->cs);
	restore_segment(VMX_SS, &state->ss);
	restore_segment(VMX_DS, &state->ds);
	restore_segment(VMX_FS, &state->fs);
	restore_segment(VMX_GS, &state->gs);
	restore_segment(VMX_LDTR, &state->ldtr);
	restore_segment(VMX_TR, &state->tr);
	vmcs_write(GUEST_GDTR_BASE, state->gdtr.base);
	vmcs_write(GUEST_GDTR_LIMIT, state->gdtr.limit);
	vmcs_write(GUEST_IDTR_BASE, state->idtr.base);
	vmcs_write(GUEST_IDTR_LIMIT, state->idtr.limit);
}

static void save_vmcs(struct vmx *vmx, struct axvcpu_x86_state *state)
{
	int i;

	save_segments(state);
	state->sysenter_cs = vmcs_read(GUEST_SYSENTER_CS);
	state->sysenter_esp = vmcs_read(GUEST_SYSENTER_ESP);
	state->sysenter_eip = vmcs_read(GUEST_SYSENTER_EIP);
	state->dr7 = vmcs_read(GUEST_DR7);
	for (i = 0; i < ARRAY_SIZE(state->pdpte); i++)
		state->pdpte[i] = vmcs_read(GUEST_PDPTR0 + 2 * i);
	if (vmx_guest_blocked() && !vmx->x86.end_shadow)
		state->flags |= AXVCPU_X86_SHADOW;
}

/* Blocking by STI requires IF: SDM 27.3.1.5. */
static u32 blocking_of(const struct axvcpu_x86_state *state)
{
	if (!(state->flags & AXVCPU_X86_SHADOW))
		return 0;
	return state->rflags & X86_EFLAGS_IF ? GUEST_INTR_STATE_STI : GUEST_INTR_STATE_MOV_SS;
}

static void restore_vmcs(struct vmx *vmx, struct axvcpu_x86_state *state)
{
	int i;

	restore_segments(state);
	vmcs_write(GUEST_SYSENTER_CS, state->sysenter_cs);
	vmcs_write(GUEST_SYSENTER_ESP, state->sysenter_esp);
	vmcs_write(GUEST_SYSENTER_EIP, state->sysenter_eip);
	vmcs_write(GUEST_IA32_PAT, state->pat);
	vmcs_write(GUEST_DR7, state->dr7);
	for (i = 0; i < ARRAY_SIZE(state->pdpte); i++)
		vmcs_write(GUEST_PDPTR0 + 2 * i, state->pdpte[i]);
	vmcs_write(GUEST_INTERRUPTIBILITY_INFO, blocking_of(state));
	vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS, 0);
	vmx_check_pending_db(vmx);
	/* Debug registers are switched while one is enabled. */
	vmx->x86.uses_dr = state->dr7 & AXVCPU_X86_DR7_ENABLED;
	if (vmx->x86.uses_dr)
		vmx_guest_controls(vmx, 0, CPU_BASED_MOV_DR_EXITING);
	else
		vmx_guest_controls(vmx, CPU_BASED_MOV_DR_EXITING, 0);
}

/* Access the VMCS on this CPU. 0, or -EIO when the CPU is not enabled or has failed. */
static int with_vmcs(struct axvcpu *vcpu, void (*work)(struct vmx *vmx,
						       struct axvcpu_x86_state *state),
		     struct axvcpu_x86_state *state)
{
	struct vmx *vmx = to_vmx(vcpu);
	int err = -EIO;

	preempt_disable();
	if (!axvcpu_machine_here(vcpu->ops) || vcpu->ops->load(vcpu))
		goto out;
	local_irq_disable();
	err = vmx_begin(vmx) ? -EIO : 0;
	if (!err) {
		work(vmx, state);
		vmx_end(vmx);
	}
	local_irq_enable();
	vcpu->ops->put(vcpu);
out:
	preempt_enable();
	return err;
}

int vmx_save_state(struct axvcpu *vcpu, void *arg)
{
	struct axvcpu_x86_state *state = arg;
	struct vmx *vmx = to_vmx(vcpu);
	int err;

	if (vmx->x86.down)
		return -EBADFD;
	err = with_vmcs(vcpu, save_vmcs, state);
	if (err)
		return err;
	axvcpu_x86_save(&vmx->x86, state);
	state->cr0 = (vmx->cr0 & ~(u64)VMX_CR0_KEPT) | (vmx->cr0_shadow & VMX_CR0_KEPT);
	state->cr3 = vmx->cr3;
	state->cr4 = (vmx->cr4 & ~VMX_CR4_KEPT) | (vmx->cr4_shadow & VMX_CR4_KEPT);
	state->efer = vmx->efer;
	state->cpl = vmx->cpl;
	state->dr6 = vmx->x86.dr6;
	state->star = vmx->msr[VMX_MSR_STAR];
	state->lstar = vmx->msr[VMX_MSR_LSTAR];
	state->cstar = vmx->msr[VMX_MSR_CSTAR];
	state->sfmask = vmx->msr[VMX_MSR_SYSCALL_MASK];
	state->kernel_gs_base = vmx->msr[VMX_MSR_KERNEL_GS_BASE];
	return 0;
}

/* The flags' mask has 32 bits: WRMSR raises #GP for others. */
static bool state_valid(const struct axvcpu_x86_state *state)
{
	return axvcpu_x86_state_valid(state) && !(state->cr4 & vmx_cr4_refused()) &&
	       !(state->sfmask >> 32);
}

/* load() writes the copies of registers and MSRs, put() reads the former again. */
int vmx_restore_state(struct axvcpu *vcpu, const void *arg)
{
	const struct axvcpu_x86_state *state = arg;
	struct vmx *vmx = to_vmx(vcpu);

	if (!state_valid(state))
		return -EINVAL;
	axvcpu_x86_restore(&vmx->x86, state);
	vmx->x86.dr6 = state->dr6;
	vmx_guest_set_crs(vmx, state->cr0, state->cr4);
	vmx->cr3 = state->cr3;
	vmx->efer = state->efer;
	vmx->fs_base = state->fs.base;
	vmx->gs_base = state->gs.base;
	vmx->msr[VMX_MSR_STAR] = state->star;
	vmx->msr[VMX_MSR_LSTAR] = state->lstar;
	vmx->msr[VMX_MSR_CSTAR] = state->cstar;
	vmx->msr[VMX_MSR_SYSCALL_MASK] = state->sfmask;
	vmx->msr[VMX_MSR_KERNEL_GS_BASE] = state->kernel_gs_base;
	vmx->entry_changed = false;
	vmx->regs_changed = true;
	vmx->flush = true;
	return with_vmcs(vcpu, restore_vmcs, (struct axvcpu_x86_state *)state);
}
