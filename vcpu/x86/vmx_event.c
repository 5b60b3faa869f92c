// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events on their way to the guest: exceptions that we raise, interrupts, and those whose
 * delivery an exit has interrupted. Calls vmx_guest.c. Interrupts are off.
 */
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <asm/vmx.h>

#include "vmx.h"

/* After what was emulated, interrupts are no longer held off by the instruction before. */
void vmx_skip(struct vmx *vmx)
{
	u32 blocked = vmcs_read(GUEST_INTERRUPTIBILITY_INFO);
	u32 gone = GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS;

	vmx->rip += vmcs_read(VM_EXIT_INSTRUCTION_LEN);
	if (blocked & gone)
		vmcs_write(GUEST_INTERRUPTIBILITY_INFO, blocked & ~gone);
}

#define HAS_ERROR_CODE	(BIT(X86_TRAP_DF) | BIT(X86_TRAP_TS) | BIT(X86_TRAP_NP) | \
			 BIT(X86_TRAP_SS) | BIT(X86_TRAP_GP) | BIT(X86_TRAP_PF) | \
			 BIT(X86_TRAP_AC))

/* SDM 25.8.3. In real mode no exception has an error code. */
int vmx_raise(struct vmx *vmx, u8 trap, u32 error)
{
	bool coded = BIT(trap) & HAS_ERROR_CODE && vmcs_read(GUEST_CR0) & X86_CR0_PE;

	vmcs_write(VM_ENTRY_INTR_INFO_FIELD, trap | INTR_TYPE_HARD_EXCEPTION |
		INTR_INFO_VALID_MASK | (coded ? INTR_INFO_DELIVER_CODE_MASK : 0));
	if (coded)
		vmcs_write(VM_ENTRY_EXCEPTION_ERROR_CODE, error);
	vmx->event = true;
	return AXVCPU_RAN_AGAIN;
}

int vmx_raise_gp(struct vmx *vmx)
{
	return vmx_raise(vmx, X86_TRAP_GP, 0);
}

/* An event that was on its way to the guest goes there again. SDM 28.2.4. */
void vmx_take_back(struct vmx *vmx)
{
	u32 info = vmcs_read(IDT_VECTORING_INFO_FIELD);

	vmx->event = info & VECTORING_INFO_VALID_MASK;
	if (!vmx->event)
		return;
	vmcs_write(VM_ENTRY_INTR_INFO_FIELD, info & ~INTR_INFO_RESVD_BITS_MASK);
	if (info & VECTORING_INFO_DELIVER_CODE_MASK)
		vmcs_write(VM_ENTRY_EXCEPTION_ERROR_CODE, vmcs_read(IDT_VECTORING_ERROR_CODE));
	vmcs_write(VM_ENTRY_INSTRUCTION_LEN, vmcs_read(VM_EXIT_INSTRUCTION_LEN));
}

/* Not while an event is on its way, interrupts are off, or others have priority. */
static bool takes_interrupts(const struct vmx *vmx)
{
	u32 blocked = GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS;

	return !vmx->event && vmx->rflags & X86_EFLAGS_IF &&
	       !(vmcs_read(GUEST_INTERRUPTIBILITY_INFO) & blocked);
}

void vmx_deliver(struct axvcpu *vcpu)
{
	struct vmx *vmx = to_vmx(vcpu);
	int vector = axvcpu_next_vector(vcpu);

	if (vector < 0 || vector >> 4 <= vmx->cr8)
		return;
	if (takes_interrupts(vmx)) {
		vmcs_write(VM_ENTRY_INTR_INFO_FIELD, vector | INTR_TYPE_EXT_INTR |
			INTR_INFO_VALID_MASK);
		vmx->event = true;
		axvcpu_vector_done(vcpu, vector, false);
		vector = axvcpu_next_vector(vcpu);
	}
	if (vector >= 0)
		vmx_guest_controls(vmx, CPU_BASED_INTR_WINDOW_EXITING, 0);
}
