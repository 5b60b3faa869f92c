// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events in flight to the guest, common to both backends. The checks on every exit are inline in
 * x86.h. Calls axvcpu_vector_done() and axvcpu_next_vector(); accesses no hardware. No locks: only
 * the vCPU's thread calls it.
 *
 * A vCPU has at most one event in flight, in struct axvcpu_x86. An exit that interrupted its
 * delivery records it, or the code here raises it; the next entry passes it to the hardware. Until
 * then, interrupts are pending in the vCPU's vectors.
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <asm/trapnr.h>
#include <uapi/asm/debugreg.h>
#include <uapi/asm/processor-flags.h>

#include "x86.h"

static u8 vector_of(const struct axvcpu_x86_event *event)
{
	return event->info & X86_EVENT_VECTOR;
}

static u32 type_of(const struct axvcpu_x86_event *event)
{
	return event->info & X86_EVENT_TYPE;
}

/* Exception classes: Intel SDM vol. 3A, table 6-4, and APM vol. 2, table 8-3. */
#define CONTRIBUTORY	(BIT(X86_TRAP_DE) | BIT(X86_TRAP_TS) | BIT(X86_TRAP_NP) | \
			 BIT(X86_TRAP_SS) | BIT(X86_TRAP_GP))
#define PAGE_FAULT	BIT(X86_TRAP_PF)

#define HAS_ERROR_CODE	(BIT(X86_TRAP_DF) | BIT(X86_TRAP_TS) | BIT(X86_TRAP_NP) | \
			 BIT(X86_TRAP_SS) | BIT(X86_TRAP_GP) | BIT(X86_TRAP_PF) | \
			 BIT(X86_TRAP_AC))

/* Exceptions without RF: #DB, usually a trap, #BP and #OF. SDM vol. 3A, table 6-1. */
#define TRAPS		(BIT(X86_TRAP_DB) | BIT(X86_TRAP_BP) | BIT(X86_TRAP_OF))

/* Whether @second, raised during delivery of @first, makes a double fault. */
static bool double_fault(u8 first, u8 second)
{
	u32 bad = BIT(second) & (CONTRIBUTORY | PAGE_FAULT);

	if (BIT(first) & CONTRIBUTORY)
		return bad & CONTRIBUTORY;
	return BIT(first) & PAGE_FAULT && bad;
}

/*
 * Exception @second was raised during delivery of event @first. An interrupt becomes pending again:
 * the guest takes it after the exception. A fault or a software interrupt recurs when its
 * instruction is executed again. True when @second is delivered.
 */
static bool replace(struct axvcpu *vcpu, const struct axvcpu_x86_event *first, u8 second)
{
	struct axvcpu_x86 *x86 = to_x86(vcpu);

	if (type_of(first) == X86_EVENT_INTR)
		axvcpu_vector_done(vcpu, vector_of(first), true);
	if (type_of(first) != X86_EVENT_EXCEPTION)
		return true;
	if (vector_of(first) == X86_TRAP_DF && BIT(second) & (CONTRIBUTORY | PAGE_FAULT)) {
		x86->down = true;
		return false;
	}
	if (!double_fault(vector_of(first), second))
		return true;
	axvcpu_x86_event_clear(x86);
	axvcpu_x86_raise(vcpu, X86_TRAP_DF, 0);
	return false;
}

static void raise(struct axvcpu *vcpu, struct axvcpu_x86_event event)
{
	struct axvcpu_x86 *x86 = to_x86(vcpu);
	struct axvcpu_x86_event first = x86->event;

	event.info |= X86_EVENT_VALID;
	if (axvcpu_x86_event_valid(x86) && !replace(vcpu, &first, vector_of(&event)))
		return;
	x86->event = event;
}

void axvcpu_x86_raise(struct axvcpu *vcpu, u8 vector, u32 error)
{
	struct axvcpu_x86 *x86 = to_x86(vcpu);
	struct axvcpu_x86_event event = { .info = vector | X86_EVENT_EXCEPTION };

	/* Exceptions in real mode have no error code. */
	if (BIT(vector) & HAS_ERROR_CODE && !x86->real_mode) {
		event.info |= X86_EVENT_ERROR;
		event.error = error;
	}
	/* RF: returning from the handler must not hit a breakpoint again. SDM vol. 3B, 18.3.1.1. */
	if (!(BIT(vector) & TRAPS))
		x86->rflags |= X86_EFLAGS_RF;
	raise(vcpu, event);
}

void axvcpu_x86_raise_db(struct axvcpu *vcpu, u64 cause)
{
	struct axvcpu_x86_event event = { .info = X86_TRAP_DB | X86_EVENT_EXCEPTION };

	to_x86(vcpu)->db |= cause;
	raise(vcpu, event);
}

void axvcpu_x86_raise_int1(struct axvcpu *vcpu, u32 len)
{
	struct axvcpu_x86_event event = { .info = X86_TRAP_DB | X86_EVENT_INT1, .len = len };

	raise(vcpu, event);
}

/*
 * B0 to B3 describe only the last #DB, the other bits accumulate. Bus lock and RTM are active-low.
 * SDM vol. 3B, 18.2.3. @cause is encoded as pending debug exceptions (SDM 25.4.2), where they are
 * active-high.
 */
#define DR6_BD		BIT_ULL(13)
#define DR6_INVERTED	(BIT_ULL(11) | BIT_ULL(16))

u64 axvcpu_x86_dr6(u64 dr6, u64 cause)
{
	if (!cause)
		return dr6;
	dr6 |= DR6_INVERTED;
	dr6 &= ~(u64)DR_TRAP_BITS;
	dr6 |= cause & (DR_TRAP_BITS | DR6_BD | DR_STEP | DR_SWITCH);
	return dr6 & ~(cause & DR6_INVERTED);
}

/* The VMM may have changed the flags since the delivery was interrupted. */
void axvcpu_x86_check_event(struct axvcpu *vcpu)
{
	struct axvcpu_x86 *x86 = to_x86(vcpu);

	if (!axvcpu_x86_event_valid(x86) || type_of(&x86->event) != X86_EVENT_INTR ||
	    x86->rflags & X86_EFLAGS_IF)
		return;
	axvcpu_vector_done(vcpu, vector_of(&x86->event), true);
	axvcpu_x86_event_clear(x86);
}

bool axvcpu_x86_accepts(const struct axvcpu *vcpu, u8 vector, bool shadow)
{
	const struct axvcpu_x86 *x86 = to_x86(vcpu);

	return !axvcpu_x86_event_valid(x86) && x86->rflags & X86_EFLAGS_IF &&
	       (!shadow || x86->end_shadow) && vector >> 4 > x86->cr8;
}

bool axvcpu_x86_wakes(const struct axvcpu *vcpu)
{
	return !axvcpu_x86_halts(vcpu);
}

bool axvcpu_x86_halts(const struct axvcpu *vcpu)
{
	const struct axvcpu_x86 *x86 = to_x86(vcpu);

	if (axvcpu_x86_event_valid(x86))
		return false;
	return !(x86->rflags & X86_EFLAGS_IF) || axvcpu_x86_next_vector(vcpu) < 0;
}
