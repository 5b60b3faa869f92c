// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events on their way to the guest: exceptions that we raise, interrupts, and those whose
 * delivery an exit has interrupted. Calls nothing of the rest. Interrupts are off.
 *
 * Manual: APM vol. 2, 15.20 and 15.21.
 */
#include <asm/trapnr.h>

#include "svm.h"

void svm_inject(struct svm *svm, u8 vector, bool has_error)
{
	svm->vmcb->control.event_inj = vector | SVM_EVENT_EXCEPTION | SVM_EVENT_VALID |
				       (has_error ? SVM_EVENT_ERROR : 0);
}

/*
 * Hand the next vector to the hardware as a virtual interrupt: it is delivered as soon as
 * the guest takes interrupts, without an exit. APM vol. 2, 15.21.4.
 */
void svm_offer_vector(struct axvcpu *vcpu, struct svm *svm)
{
	u64 *interrupt = &svm->vmcb->control.interrupt;

	svm->vector = axvcpu_next_vector(vcpu);
	*interrupt = SVM_V_INTR_MASKING;
	if (svm->vector < 0)
		return;
	axvcpu_vector_done(vcpu, svm->vector, false);
	*interrupt |= SVM_V_IRQ | SVM_V_IGN_TPR | 0xfull << SVM_V_INTR_PRIO_SHIFT |
		      (u64)svm->vector << SVM_V_INTR_VECTOR_SHIFT;
}

/* The event whose delivery the exit has interrupted, to be delivered again; 0: none. */
static u64 interrupted_event(const struct svm_control *control)
{
	u64 event = control->exit_int_info;
	u8 vector = event & SVM_EVENT_VECTOR;

	if (!(event & SVM_EVENT_VALID))
		return 0;
	switch (event & SVM_EVENT_TYPE) {
	case SVM_EVENT_SOFT:
		/* INT n: RIP is at the instruction, which raises it itself. */
		return 0;
	case SVM_EVENT_EXCEPTION:
		/* So it is with INT3 and INTO. */
		if (vector == X86_TRAP_BP || vector == X86_TRAP_OF)
			return 0;
		/* QEMU calls an interrupt an exception, too. No exception is above 31. */
		if (vector >= AXVCPU_FIRST_VECTOR)
			return vector | SVM_EVENT_INTR | SVM_EVENT_VALID;
		return event;
	default:
		return event;
	}
}

/* What was not delivered waits on. What was begun and not finished is begun again. */
void svm_take_back(struct axvcpu *vcpu, struct svm *svm)
{
	struct svm_control *control = &svm->vmcb->control;
	u64 event = interrupted_event(control);

	/* In QEMU a virtual interrupt is still pending while it is being delivered. */
	if (svm->vector >= 0 && control->interrupt & SVM_V_IRQ &&
	    event != (svm->vector | SVM_EVENT_INTR | SVM_EVENT_VALID))
		axvcpu_vector_done(vcpu, svm->vector, true);
	svm->vector = -ENOENT;
	control->event_inj = event;
}
