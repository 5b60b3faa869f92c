// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events in a VMCS: injection by the next entry, recording the event that an exit interrupted, and
 * retiring emulated instructions. Calls event.c and vmx_guest.c. Interrupts are off.
 */
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <asm/vmx.h>
#include <uapi/asm/debugreg.h>

#include "vmx.h"

static_assert(INTR_INFO_VECTOR_MASK == X86_EVENT_VECTOR &&
	      INTR_INFO_INTR_TYPE_MASK == X86_EVENT_TYPE &&
	      INTR_TYPE_EXT_INTR == X86_EVENT_INTR &&
	      INTR_TYPE_HARD_EXCEPTION == X86_EVENT_EXCEPTION &&
	      INTR_TYPE_SOFT_INTR == X86_EVENT_INT_N &&
	      INTR_TYPE_PRIV_SW_EXCEPTION == X86_EVENT_INT1 &&
	      INTR_TYPE_SOFT_EXCEPTION == X86_EVENT_INT3 &&
	      INTR_INFO_DELIVER_CODE_MASK == X86_EVENT_ERROR &&
	      INTR_INFO_VALID_MASK == X86_EVENT_VALID);

#define BLOCKED		(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)

/* The mode matters only where RIP crosses 4 GiB. */
void vmx_retire(struct axvcpu *vcpu)
{
	struct axvcpu_x86 *x86 = to_x86(vcpu);
	u32 len = vmcs_read(VM_EXIT_INSTRUCTION_LEN);
	u64 rip = x86->rip + len;

	if (unlikely((rip ^ x86->rip) >> 32))
		rip = axvcpu_x86_next_rip(x86, len, vmx_guest_code64());
	axvcpu_x86_retire(vcpu, rip);
}

int vmx_raise(struct axvcpu *vcpu, u8 trap, u32 error)
{
	to_x86(vcpu)->real_mode = !(vmcs_read(GUEST_CR0) & X86_CR0_PE);
	axvcpu_x86_raise(vcpu, trap, error);
	return AXVCPU_RAN_AGAIN;
}

/* SDM 28.2.4. */
void vmx_read_event(struct vmx *vmx)
{
	u32 info = vmcs_read(IDT_VECTORING_INFO_FIELD);
	u32 error = 0, len = 0;

	if (info & X86_EVENT_VALID) {
		if (info & X86_EVENT_ERROR)
			error = vmcs_read(IDT_VECTORING_ERROR_CODE);
		len = vmcs_read(VM_EXIT_INSTRUCTION_LEN);
	}
	axvcpu_x86_interrupted(&vmx->x86, info, error, len);
}

/*
 * Injecting a #DB does not update DR6 and DR7 as raising one does (SDM 27.6.1.1), and discards
 * pending breakpoints (SDM 27.7.3): merge them into this #DB.
 */
static void prepare_db(struct vmx *vmx)
{
	u64 pending = vmcs_read(GUEST_PENDING_DBG_EXCEPTIONS);

	if (pending)
		vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS, 0);
	vmx->x86.dr6 = axvcpu_x86_dr6(vmx->x86.dr6, vmx->x86.db | pending);
	vmcs_write(GUEST_DR7, vmcs_read(GUEST_DR7) & ~X86_DR7_GD);
	vmx->x86.db = 0;
}

/* An entry that injects an event ends blocking of interrupts. SDM 27.7.1. */
static void write_event(struct vmx *vmx)
{
	const struct axvcpu_x86_event *event = &vmx->x86.event;

	if (axvcpu_x86_event_is_db(&vmx->x86))
		prepare_db(vmx);
	vmcs_write(VM_ENTRY_INTR_INFO_FIELD, event->info);
	if (event->info & X86_EVENT_ERROR)
		vmcs_write(VM_ENTRY_EXCEPTION_ERROR_CODE, event->error);
	if ((event->info & X86_EVENT_TYPE) >= X86_EVENT_INT_N)
		vmcs_write(VM_ENTRY_INSTRUCTION_LEN, event->len);
	vmx->x86.end_shadow = true;
}

/* False while an event is in flight or interrupts are off or blocked. */
static bool takes_interrupts(const struct vmx *vmx)
{
	return !axvcpu_x86_event_valid(&vmx->x86) && vmx->x86.rflags & X86_EFLAGS_IF &&
	       !vmx_guest_blocked();
}

static void offer_vector(struct axvcpu *vcpu, struct vmx *vmx)
{
	int vector = axvcpu_x86_next_vector(vcpu);

	if (vector < 0)
		return;
	if (takes_interrupts(vmx)) {
		vmx->x86.event.info = vector | X86_EVENT_INTR | X86_EVENT_VALID;
		vmcs_write(VM_ENTRY_INTR_INFO_FIELD, vmx->x86.event.info);
		axvcpu_vector_done(vcpu, vector, false);
		vector = axvcpu_x86_next_vector(vcpu);
	}
	if (vector >= 0)
		vmx_guest_controls(vmx, CPU_BASED_INTR_WINDOW_EXITING, 0);
}

void vmx_write_event(struct axvcpu *vcpu)
{
	struct vmx *vmx = to_vmx(vcpu);
	u32 blocked;

	axvcpu_x86_check_event(vcpu);
	if (axvcpu_x86_event_valid(&vmx->x86))
		write_event(vmx);
	if (vmx->x86.end_shadow) {
		blocked = vmcs_read(GUEST_INTERRUPTIBILITY_INFO);
		if (blocked & BLOCKED)
			vmcs_write(GUEST_INTERRUPTIBILITY_INFO, blocked & ~BLOCKED);
		vmx->x86.end_shadow = false;
	}
	offer_vector(vcpu, vmx);
	if (unlikely(vcpu->window) && vcpu->window >> 4 > to_x86(vcpu)->cr8)
		vmx_guest_controls(vmx, CPU_BASED_INTR_WINDOW_EXITING, 0);
}

/* Between put and load. */
bool vmx_accepts(const struct axvcpu *vcpu, u8 vector)
{
	return axvcpu_x86_accepts(vcpu, vector, to_vmx(vcpu)->blocked);
}

/* A refused entry has delivered nothing; the event stays in struct axvcpu_x86. */
void vmx_keep_event(struct vmx *vmx)
{
	vmcs_write(VM_ENTRY_INTR_INFO_FIELD, 0);
}

/*
 * In an interrupt shadow an entry requires a single step of the previous instruction to be pending
 * if and only if TF is set (SDM 27.3.1.5), and the VMM may have changed TF. A step that the guest
 * did not make cannot become pending: end the shadow instead.
 */
void vmx_check_pending_db(struct vmx *vmx)
{
	u32 blocked = vmcs_read(GUEST_INTERRUPTIBILITY_INFO);
	u64 pending = vmcs_read(GUEST_PENDING_DBG_EXCEPTIONS);

	if (!(blocked & BLOCKED) || !(vmx->x86.rflags & X86_EFLAGS_TF) == !(pending & DR_STEP))
		return;
	if (pending & DR_STEP)
		vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS, pending & ~(u64)DR_STEP);
	else
		vmcs_write(GUEST_INTERRUPTIBILITY_INFO, blocked & ~BLOCKED);
}

/*
 * An instruction that exited is executed again: its single step is not pending yet (SDM 28.3.4),
 * but Bochs reports it as pending. In a shadow, the pending step is the previous instruction's.
 */
void vmx_run_anew(void)
{
	if (!(vmcs_read(GUEST_INTERRUPTIBILITY_INFO) & BLOCKED))
		vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS, 0);
}
