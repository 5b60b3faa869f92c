// SPDX-License-Identifier: GPL-2.0-only
/*
 * All of a vCPU's state, for another one. Calls sysreg.c and traps.c. No locks: the vCPU is not
 * loaded, and no other thread changes its interrupts.
 */
#include <linux/bitmap.h>

#include "arm64.h"

const struct axvcpu_saved axvcpu_arm64_saved = {
	.size = sizeof(struct axvcpu_arm64_state), .version = AXVCPU_ARM64_STATE_VERSION,
	.flags = AXVCPU_ARM64_STATE_FLAGS, .halted = AXVCPU_ARM64_HALTED,
};

static_assert(AXVCPU_ARM64_NR_IRQS == A64_GIC_NR && AXVCPU_ARM64_NO_TIMER == A64_GIC_NO_TIMER);
static_assert(sizeof_field(struct axvcpu_arm64_state, v) ==
	      sizeof_field(struct user_fpsimd_state, vregs));

static void save_el1(const struct axvcpu_arm64_el1 *el1, struct axvcpu_arm64_state *state)
{
	state->sctlr = el1->sctlr;
	state->cpacr = el1->cpacr;
	state->ttbr0 = el1->ttbr0;
	state->ttbr1 = el1->ttbr1;
	state->tcr = el1->tcr;
	state->mair = el1->mair;
	state->amair = el1->amair;
	state->vbar = el1->vbar;
	state->contextidr = el1->contextidr;
	state->elr = el1->elr;
	state->spsr = el1->spsr;
	state->esr = el1->esr;
	state->far = el1->far;
	state->afsr0 = el1->afsr0;
	state->afsr1 = el1->afsr1;
	state->cntkctl = el1->cntkctl;
	state->sp = el1->sp;
	state->tpidr = el1->tpidr;
	state->par = el1->par;
	state->csselr = el1->csselr;
	state->tpidr_el0 = el1->tpidr_el0;
	state->tpidrro_el0 = el1->tpidrro_el0;
	state->disr = el1->vdisr;
}

static struct axvcpu_arm64_el1 el1_of(const struct axvcpu_arm64_state *state)
{
	return (struct axvcpu_arm64_el1){
		.sctlr = state->sctlr, .cpacr = state->cpacr, .ttbr0 = state->ttbr0,
		.ttbr1 = state->ttbr1, .tcr = state->tcr, .mair = state->mair,
		.amair = state->amair, .vbar = state->vbar, .contextidr = state->contextidr,
		.elr = state->elr, .spsr = state->spsr, .esr = state->esr, .far = state->far,
		.afsr0 = state->afsr0, .afsr1 = state->afsr1, .cntkctl = state->cntkctl,
		.sp = state->sp, .tpidr = state->tpidr, .par = state->par,
		.csselr = state->csselr, .tpidr_el0 = state->tpidr_el0,
		.tpidrro_el0 = state->tpidrro_el0, .vdisr = state->disr,
	};
}

static void save_gic(const struct a64_gic *gic, struct axvcpu_arm64_state *state)
{
	state->pmr = gic->pmr;
	state->bpr1 = gic->bpr1;
	state->igrpen1 = gic->enabled;
	state->eoimode = gic->split;
	state->apr = gic->apr;
	state->timer = gic->timer;
	bitmap_to_arr64(state->active, gic->active, A64_GIC_NR);
	bitmap_to_arr64(state->pending, gic->pending, A64_GIC_NR);
	bitmap_to_arr64(state->lines, gic->lines, A64_GIC_NR);
	memcpy(state->priority, gic->priority, sizeof(state->priority));
}

static void restore_gic(struct a64_gic *gic, const struct axvcpu_arm64_state *state)
{
	gic->pmr = state->pmr;
	gic->bpr1 = state->bpr1;
	gic->enabled = state->igrpen1;
	gic->split = state->eoimode;
	gic->apr = state->apr;
	gic->timer = state->timer;
	bitmap_from_arr64(gic->active, state->active, A64_GIC_NR);
	bitmap_from_arr64(gic->pending, state->pending, A64_GIC_NR);
	bitmap_from_arr64(gic->lines, state->lines, A64_GIC_NR);
	memcpy(gic->priority, state->priority, sizeof(state->priority));
}

int axvcpu_arm64_save(struct axvcpu *vcpu, void *arg)
{
	const struct axvcpu_arm64 *a64 = to_arm64(vcpu);
	struct axvcpu_arm64_state *state = arg;

	if (a64->down)
		return -EBADFD;
	memcpy(state->x, a64->x, sizeof(state->x));
	state->sp_el0 = a64->sp_el0;
	state->pc = a64->pc;
	state->pstate = a64_pstate_shown(a64->pstate);
	save_el1(&a64->el1, state);
	memcpy(state->v, a64->fp.vregs, sizeof(state->v));
	state->fpsr = a64->fp.fpsr;
	state->fpcr = a64->fp.fpcr;
	state->cntv_ctl = a64->timer.ctl;
	state->cntv_cval = a64->timer.cval;
	save_gic(&a64->gic, state);
	return 0;
}

/* What the guest's accesses to the registers would have left. */
static bool gic_valid(const struct axvcpu_arm64_state *state)
{
	u32 i;

	for (i = 0; i < A64_GIC_NR; i++)
		if (state->priority[i] & ~A64_GIC_PRIORITY)
			return false;
	return !(state->pmr & ~A64_GIC_PRIORITY) && state->bpr1 >= A64_GIC_BPR_MIN &&
	       state->bpr1 < 8 && state->igrpen1 < 2 && state->eoimode < 2 &&
	       state->timer <= A64_GIC_NO_TIMER;
}

/* Bad values of other registers raise exceptions in the guest itself. */
int axvcpu_arm64_restore(struct axvcpu *vcpu, const void *arg)
{
	const struct axvcpu_arm64_state *state = arg;
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);

	if (!a64_pstate_ok(state->pstate, axvcpu_arm64_has_aarch32()) || !gic_valid(state) ||
	    state->cntv_ctl & ~(u64)A64_TIMER_CTL)
		return -EINVAL;
	memcpy(a64->x, state->x, sizeof(a64->x));
	a64->sp_el0 = state->sp_el0;
	a64->pc = state->pc;
	a64->pstate = state->pstate;
	a64->el1 = el1_of(state);
	axvcpu_arm64_follow_sctlr(vcpu, state->sctlr);
	memcpy(a64->fp.vregs, state->v, sizeof(a64->fp.vregs));
	a64->fp.fpsr = state->fpsr;
	a64->fp.fpcr = state->fpcr;
	a64->timer.ctl = state->cntv_ctl;
	a64->timer.cval = state->cntv_cval;
	restore_gic(&a64->gic, state);
	a64->down = false;
	return 0;
}
