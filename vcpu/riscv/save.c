// SPDX-License-Identifier: GPL-2.0-only
/*
 * All of a vCPU's state, for another one. Calls csrs.c. No locks: the vCPU is not loaded, and no
 * other thread changes its lines.
 */
#include "axas_compat.h"
#include "riscv.h"

#define FCSR_ALL	0xffu	/* RISC-V Unprivileged, fcsr: flags and rounding mode */
#define CSR_MAX		0xfffu

const struct axvcpu_saved axvcpu_riscv_saved = {
	.size = sizeof(struct axvcpu_riscv_state), .version = AXVCPU_RISCV_STATE_VERSION,
	.flags = AXVCPU_RISCV_STATE_FLAGS, .halted = AXVCPU_RISCV_HALTED,
	.vectors = offsetof(struct axvcpu_riscv_state, vectors),
};

void axvcpu_riscv_regs_save(const struct axvcpu_riscv *rv, struct axvcpu_regs_riscv *r)
{
	memcpy(r->x, rv->world.x, sizeof(r->x));
	r->pc = rv->world.pc;
	r->supervisor = !!(rv->world.sstatus & SR_SPP);
	r->sstatus = rv->csrs.vsstatus;
	r->sie = rv->csrs.vsie;
	r->sip = rv->hvip >> VSIP_TO_HVIP_SHIFT;
	r->stvec = rv->csrs.vstvec;
	r->sscratch = rv->csrs.vsscratch;
	r->sepc = rv->csrs.vsepc;
	r->scause = rv->csrs.vscause;
	r->stval = rv->csrs.vstval;
	r->satp = rv->vsatp;
	r->scounteren = rv->csrs.scounteren;
	r->senvcfg = rv->csrs.senvcfg;
}

int axvcpu_riscv_regs_restore(struct axvcpu_riscv *rv, const struct axvcpu_regs_riscv *r)
{
	const struct riscv_csrs csrs = {
		.vsstatus = r->sstatus, .vsie = r->sie, .vstvec = r->stvec,
		.vsscratch = r->sscratch, .vsepc = r->sepc, .vscause = r->scause,
		.vstval = r->stval, .scounteren = r->scounteren, .senvcfg = r->senvcfg,
	};

	if (r->x[0] || r->pc & 1 || r->supervisor > 1 || r->sip & ~BIT_ULL(IRQ_S_SOFT))
		return -EINVAL;
	if (!axvcpu_riscv_can_hold(&csrs, r->satp))
		return -EINVAL;
	memcpy(rv->world.x, r->x, sizeof(r->x));
	rv->world.pc = r->pc;
	rv->csr_insn = 0;
	rv->world.sstatus = (rv->world.sstatus & ~SR_SPP) | (r->supervisor ? SR_SPP : 0);
	rv->hvip = r->sip << VSIP_TO_HVIP_SHIFT;
	rv->csrs = csrs;
	rv->vsatp = r->satp;
	return 0;
}

int axvcpu_riscv_save(struct axvcpu *vcpu, void *arg)
{
	const struct axvcpu_riscv *rv = to_riscv(vcpu);
	struct axvcpu_riscv_state *state = arg;

	if (rv->down)
		return -EBADFD;
	axvcpu_riscv_regs_save(rv, &state->regs);
	state->stimecmp = rv->timer.compare;
	state->lines = READ_ONCE(vcpu->lines);
	state->fcsr = rv->fpu.fcsr;
	memcpy(state->f, rv->fpu.f, sizeof(state->f));
	if (rv->csr_step == RISCV_CSR_WRITE) {
		state->flags |= AXVCPU_RISCV_CSR_WRITE;
		state->csr = rv->csr;
		state->csr_value = rv->csr_operand;
	}
	return 0;
}

static bool state_valid(const struct axvcpu *vcpu, const struct axvcpu_riscv_state *state)
{
	if (state->fcsr & ~FCSR_ALL || state->lines & ~(u64)vcpu->ops->lines)
		return false;
	if (state->flags & AXVCPU_RISCV_CSR_WRITE)
		return state->csr <= CSR_MAX;
	return !state->csr && !state->csr_value;
}

int axvcpu_riscv_restore(struct axvcpu *vcpu, const void *arg)
{
	const struct axvcpu_riscv_state *state = arg;
	struct axvcpu_riscv *rv = to_riscv(vcpu);
	int err = state_valid(vcpu, state) ? axvcpu_riscv_regs_restore(rv, &state->regs) : -EINVAL;

	if (err)
		return err;
	rv->timer.compare = state->stimecmp;
	WRITE_ONCE(vcpu->lines, state->lines);
	rv->fpu.fcsr = state->fcsr;
	memcpy(rv->fpu.f, state->f, sizeof(rv->fpu.f));
	rv->csr_step = state->flags & AXVCPU_RISCV_CSR_WRITE ? RISCV_CSR_WRITE : RISCV_CSR_NONE;
	rv->csr = state->csr;
	rv->csr_operand = state->csr_value;
	rv->down = false;
	return 0;
}
