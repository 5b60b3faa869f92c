// SPDX-License-Identifier: GPL-2.0-only
/*
 * The part of a vCPU's whole state that both backends keep in struct axvcpu_x86, and checks of all
 * of it. Calls x86.c and fpu.c. No locks: the vCPU is not loaded.
 */
#include <asm/msr-index.h>
#include <asm/trapnr.h>

#include "x86.h"

const struct axvcpu_saved axvcpu_x86_saved = {
	.size = sizeof(struct axvcpu_x86_state), .version = AXVCPU_X86_STATE_VERSION,
	.flags = AXVCPU_X86_STATE_FLAGS, .halted = AXVCPU_X86_HALTED,
	.vectors = offsetof(struct axvcpu_x86_state, vectors),
};

static_assert(AXVCPU_NR_VECTORS == 8 * sizeof_field(struct axvcpu_x86_state, vectors));

void axvcpu_x86_save(const struct axvcpu_x86 *x86, struct axvcpu_x86_state *state)
{
	memcpy(state->gpr, x86->gpr, sizeof(state->gpr));
	state->rip = x86->rip;
	state->rflags = x86->rflags;
	state->cr2 = x86->cr2;
	state->cr8 = x86->cr8;
	memcpy(state->dr, x86->dr, sizeof(state->dr));
	state->pat = x86->pat;
	if (axvcpu_x86_event_valid(x86)) {
		state->event_info = x86->event.info;
		state->event_error = x86->event.error;
		state->event_len = x86->event.len;
		state->event_db = x86->db;
	}
	state->xcr0 = x86->xcr0;
	state->fpu_size = axvcpu_x86_fpu_save(x86, state->fpu, sizeof(state->fpu));
}

/* An event must be one that the backends raise or take back; an entry checks it further. */
static bool event_valid(const struct axvcpu_x86_state *state)
{
	u32 vector = state->event_info & X86_EVENT_VECTOR;

	if (!state->event_info)
		return true;
	if (!(state->event_info & X86_EVENT_VALID) || state->event_info & ~X86_EVENT_KNOWN ||
	    state->event_len > AXVCPU_MAX_INSN)
		return false;
	switch (state->event_info & X86_EVENT_TYPE) {
	case X86_EVENT_INTR:
		return vector >= AXVCPU_FIRST_VECTOR && !(state->event_info & X86_EVENT_ERROR);
	case X86_EVENT_EXCEPTION:
		return vector < AXVCPU_FIRST_VECTOR && vector != X86_TRAP_NMI;
	case X86_EVENT_INT_N:
	case X86_EVENT_INT1:
	case X86_EVENT_INT3:
		return state->event_len && !(state->event_info & X86_EVENT_ERROR);
	default:
		return false;
	}
}

/* The host writes these to MSRs, which raise #GP otherwise. */
static bool addresses_valid(const struct axvcpu_x86_state *state)
{
	const u64 all[] = {
		state->lstar, state->cstar, state->kernel_gs_base, state->sysenter_esp,
		state->sysenter_eip, state->fs.base, state->gs.base, state->ldtr.base,
		state->tr.base, state->gdtr.base, state->idtr.base,
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		if (!axvcpu_x86_canonical(all[i]))
			return false;
	return true;
}

#define EFER_GUEST	(EFER_SCE | EFER_LME | EFER_LMA | EFER_NX)

bool axvcpu_x86_state_valid(const struct axvcpu_x86_state *state)
{
	return axvcpu_x86_canonical(state->rip) && !(state->cr0 >> 32) &&
	       !(state->dr6 >> 32) && !(state->dr7 >> 32) && state->cr8 < 16 && state->cpl < 4 &&
	       !(state->efer & ~(u64)EFER_GUEST) && axvcpu_x86_cr3_valid(state->cr3) &&
	       axvcpu_x86_pat_valid(state->pat) && axvcpu_x86_xcr0_valid(state->xcr0) &&
	       state->fpu_size <= sizeof(state->fpu) &&
	       addresses_valid(state) && event_valid(state);
}

void axvcpu_x86_restore(struct axvcpu_x86 *x86, const struct axvcpu_x86_state *state)
{
	memcpy(x86->gpr, state->gpr, sizeof(x86->gpr));
	x86->rip = state->rip;
	x86->rflags = state->rflags | X86_EFLAGS_FIXED;
	x86->cr2 = state->cr2;
	x86->cr8 = state->cr8;
	memcpy(x86->dr, state->dr, sizeof(x86->dr));
	x86->pat = state->pat;
	x86->event.info = state->event_info;
	x86->event.error = state->event_error;
	x86->event.len = state->event_len;
	x86->db = state->event_db;
	x86->end_shadow = false;
	x86->down = false;
	x86->undo.valid = false;
	axvcpu_x86_fpu_restore(x86, state->fpu, state->fpu_size);
	x86->xcr0 = state->xcr0 ?: x86->xcr0;
}
