// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events in a VMCB: injection by the next entry, and recording the event that an exit interrupted.
 * svm.c handles the case of no event inline. Calls event.c. Interrupts are off.
 *
 * Manual: APM vol. 2, 15.20 and 15.21.
 */
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "svm.h"

static_assert(SVM_EVENT_VECTOR == X86_EVENT_VECTOR && SVM_EVENT_TYPE == X86_EVENT_TYPE &&
	      SVM_EVENT_INTR == X86_EVENT_INTR && SVM_EVENT_EXCEPTION == X86_EVENT_EXCEPTION &&
	      SVM_EVENT_SOFT == X86_EVENT_INT_N && SVM_EVENT_ERROR == X86_EVENT_ERROR &&
	      SVM_EVENT_VALID == X86_EVENT_VALID);

int svm_raise(struct axvcpu *vcpu, u8 vector, u32 error)
{
	struct svm *svm = to_svm(vcpu);

	svm->x86.real_mode = !(svm->vmcb->save.cr0 & X86_CR0_PE);
	axvcpu_x86_raise(vcpu, vector, error);
	return AXVCPU_RAN_AGAIN;
}

/*
 * A virtual interrupt is delivered without an exit, as soon as the guest accepts interrupts and the
 * vector exceeds its task priority. APM vol. 2, 15.21.4.
 */
void svm_offer_vector(struct axvcpu *vcpu, struct svm *svm)
{
	u64 *interrupt = &svm->vmcb->control.interrupt;

	axvcpu_vector_done(vcpu, svm->vector, false);
	*interrupt |= SVM_V_IRQ | (u64)(svm->vector >> 4) << SVM_V_INTR_PRIO_SHIFT |
		      (u64)svm->vector << SVM_V_INTR_VECTOR_SHIFT;
}

/*
 * A virtual interrupt that exits instead of being delivered. It takes the place of a lower vector
 * that is offered, which read_event() takes back; a higher one goes first. APM vol. 2, 15.21.4.
 */
void svm_ask_for_window(struct svm *svm, u8 vector)
{
	struct svm_control *control = &svm->vmcb->control;

	if (svm->vector >= vector)
		return;
	control->intercept_1 |= SVM_INTERCEPT_VINTR;
	control->interrupt &= ~SVM_V_INTR_PRIO;
	control->interrupt |= SVM_V_IRQ | (u64)(vector >> 4) << SVM_V_INTR_PRIO_SHIFT;
}

bool svm_accepts(const struct axvcpu *vcpu, u8 vector)
{
	return axvcpu_x86_accepts(vcpu, vector,
				  to_svm(vcpu)->vmcb->control.shadow & SVM_INTERRUPT_SHADOW);
}

/* Injecting a #DB does not update DR6 and DR7 as raising one does: APM vol. 2, 15.20. */
static void prepare_db(struct svm *svm)
{
	struct svm_save *save = &svm->vmcb->save;

	save->dr6 = axvcpu_x86_dr6(save->dr6, svm->x86.db);
	save->dr7 &= ~X86_DR7_GD;
	svm->x86.db = 0;
}

void svm_inject_event(struct axvcpu *vcpu, struct svm *svm)
{
	struct axvcpu_x86 *x86 = &svm->x86;

	axvcpu_x86_check_event(vcpu);
	if (!axvcpu_x86_event_valid(x86))
		return;
	svm->vmcb->control.event_inj = x86->event.info | (u64)x86->event.error << 32;
	/*
	 * The event was raised behind the shadowed instruction or in a handler: the shadow is over.
	 */
	x86->end_shadow = true;
	if (axvcpu_x86_event_is_db(x86))
		prepare_db(svm);
}

/* The event whose delivery the exit interrupted, to be delivered again; 0: none. */
static u32 interrupted_event(const struct svm_control *control)
{
	u32 event = control->exit_int_info;
	u8 vector = event & SVM_EVENT_VECTOR;

	if (!(event & SVM_EVENT_VALID))
		return 0;
	switch (event & SVM_EVENT_TYPE) {
	case SVM_EVENT_SOFT:
		/* INT n: RIP is at the instruction, which will raise it again. */
		return 0;
	case SVM_EVENT_EXCEPTION:
		/* The same holds for INT3 and INTO. */
		if (vector == X86_TRAP_BP || vector == X86_TRAP_OF)
			return 0;
		/* QEMU reports interrupts as exceptions, too. No exception is above 31. */
		if (vector >= AXVCPU_FIRST_VECTOR)
			return vector | SVM_EVENT_INTR | SVM_EVENT_VALID;
		return event;
	default:
		return event;
	}
}

/* An undelivered vector becomes pending again; an interrupted delivery is restarted. */
void svm_take_back_event(struct axvcpu *vcpu, struct svm *svm)
{
	struct svm_control *control = &svm->vmcb->control;
	u32 event = interrupted_event(control);

	/* QEMU keeps V_IRQ set while the virtual interrupt is being delivered. */
	if (svm->vector >= 0 && control->interrupt & SVM_V_IRQ &&
	    event != (svm->vector | SVM_EVENT_INTR | SVM_EVENT_VALID))
		axvcpu_vector_done(vcpu, svm->vector, true);
	/* A refused entry has delivered nothing. */
	if (control->exit_code != SVM_EXIT_INVALID)
		axvcpu_x86_interrupted(&svm->x86, event, control->exit_int_info >> 32, 0);
}
