// SPDX-License-Identifier: GPL-2.0-only
/*
 * The world switch between host and guest. Calls exits.c, icc.c, timer.c, traps.c, tlb.c, predict.c
 * and entry.S.
 *
 * The host uses EL2's registers; EL1's keep guest values from load() to put(). Shared registers are
 * switched there, too, unless the host's interrupts need or change them: HCR_EL2, CPTR_EL2,
 * MDSCR_EL1 (perf's breakpoints), MPAM and the vectors are switched at each entry, with all
 * exceptions masked. No locks.
 *
 * Breakpoints and watchpoints keep host values: MDSCR_EL1 is 0 in the guest, so they raise no
 * exceptions there, and the guest's accesses to them are trapped.
 */
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/printk.h>
#include <asm/cputype.h>
#include <asm/daifflags.h>
#include <asm/neon.h>

#include "axas_compat.h"
#include "arm64.h"
#include "stage2.h"

static_assert(offsetof(struct axvcpu_arm64, x[30]) == AXVCPU_ARM64_X(30));
static_assert(offsetof(struct axvcpu_arm64, sp_el0) == AXVCPU_ARM64_SP_EL0);
static_assert(offsetof(struct axvcpu_arm64, pc) == AXVCPU_ARM64_PC);
static_assert(offsetof(struct axvcpu_arm64, pstate) == AXVCPU_ARM64_PSTATE);
static_assert(offsetof(struct axvcpu_arm64, esr) == AXVCPU_ARM64_ESR);
static_assert(offsetof(struct axvcpu_arm64, far) == AXVCPU_ARM64_FAR);
static_assert(offsetof(struct axvcpu_arm64, hpfar) == AXVCPU_ARM64_HPFAR);
static_assert(offsetof(struct axvcpu_arm64, disr) == AXVCPU_ARM64_DISR);
static_assert(offsetof(struct axvcpu_arm64, exit_loop) == AXVCPU_ARM64_EXIT_LOOP);
static_assert(offsetof(struct axvcpu_arm64, exit_call) == AXVCPU_ARM64_EXIT_CALL);
static_assert(offsetof(struct user_fpsimd_state, fpsr) == 512);
static_assert(offsetof(struct user_fpsimd_state, fpcr) == 516);

/* CPTR_EL2 with E2H. Arm D23.2.39 */
#define A64_CPTR_FPEN	(3ull << 20)	/* no trap of FP and Advanced SIMD */
#define A64_CPTR_TTA	BIT_ULL(28)	/* traps trace registers */
#define A64_CPTR_TAM	BIT_ULL(30)	/* traps activity monitors; SVE and SME trap at 0 */
#define A64_CPTR_GUEST	(A64_CPTR_FPEN | A64_CPTR_TTA | A64_CPTR_TAM)

/* MPIDR_EL1: bit 31 is RES1, affinity level 0 is the vCPU's id. Arm D23.2.121 */
#define A64_MPIDR_RES1	BIT_ULL(31)

/* Syndrome of an SError. Arm D23.2.40 */
#define A64_SERROR_IDS	BIT_ULL(24)		/* the rest is implementation defined */
#define A64_SERROR_STATUS	GENMASK_ULL(5, 0)
#define A64_SERROR_RAS		0x11		/* AET is valid */
#define A64_SERROR_AET		GENMASK_ULL(12, 10)
#define A64_AET_UC		0		/* uncontainable */
#define A64_AET_UEO		2		/* restartable, */
#define A64_AET_CE		6		/* or corrected */

static void load_el1(const struct axvcpu_arm64_el1 *el1)
{
	write_sysreg_s(el1->sctlr, SYS_SCTLR_EL12);
	write_sysreg_s(el1->cpacr, SYS_CPACR_EL12);
	write_sysreg_s(el1->ttbr0, SYS_TTBR0_EL12);
	write_sysreg_s(el1->ttbr1, SYS_TTBR1_EL12);
	write_sysreg_s(el1->tcr, SYS_TCR_EL12);
	write_sysreg_s(el1->mair, SYS_MAIR_EL12);
	write_sysreg_s(el1->amair, SYS_AMAIR_EL12);
	write_sysreg_s(el1->vbar, SYS_VBAR_EL12);
	write_sysreg_s(el1->contextidr, SYS_CONTEXTIDR_EL12);
	write_sysreg_s(el1->elr, SYS_ELR_EL12);
	write_sysreg_s(el1->spsr, SYS_SPSR_EL12);
	write_sysreg_s(el1->esr, SYS_ESR_EL12);
	write_sysreg_s(el1->far, SYS_FAR_EL12);
	write_sysreg_s(el1->afsr0, SYS_AFSR0_EL12);
	write_sysreg_s(el1->afsr1, SYS_AFSR1_EL12);
	write_sysreg_s(el1->cntkctl, SYS_CNTKCTL_EL12);
	write_sysreg(el1->sp, sp_el1);
	write_sysreg(el1->tpidr, tpidr_el1);
	write_sysreg(el1->tpidr_el0, tpidr_el0);
	write_sysreg(el1->tpidrro_el0, tpidrro_el0);
	write_sysreg(el1->par, par_el1);
	write_sysreg(el1->csselr, csselr_el1);
	if (this_cpu_read(axvcpu_arm64_cpu.ras))
		write_sysreg_s(el1->vdisr, SYS_VDISR_EL2);
}

static void save_el1(struct axvcpu_arm64_el1 *el1)
{
	el1->sctlr = read_sysreg_s(SYS_SCTLR_EL12);
	el1->cpacr = read_sysreg_s(SYS_CPACR_EL12);
	el1->ttbr0 = read_sysreg_s(SYS_TTBR0_EL12);
	el1->ttbr1 = read_sysreg_s(SYS_TTBR1_EL12);
	el1->tcr = read_sysreg_s(SYS_TCR_EL12);
	el1->mair = read_sysreg_s(SYS_MAIR_EL12);
	el1->amair = read_sysreg_s(SYS_AMAIR_EL12);
	el1->vbar = read_sysreg_s(SYS_VBAR_EL12);
	el1->contextidr = read_sysreg_s(SYS_CONTEXTIDR_EL12);
	el1->elr = read_sysreg_s(SYS_ELR_EL12);
	el1->spsr = read_sysreg_s(SYS_SPSR_EL12);
	el1->esr = read_sysreg_s(SYS_ESR_EL12);
	el1->far = read_sysreg_s(SYS_FAR_EL12);
	el1->afsr0 = read_sysreg_s(SYS_AFSR0_EL12);
	el1->afsr1 = read_sysreg_s(SYS_AFSR1_EL12);
	el1->cntkctl = read_sysreg_s(SYS_CNTKCTL_EL12);
	el1->sp = read_sysreg(sp_el1);
	el1->tpidr = read_sysreg(tpidr_el1);
	el1->tpidr_el0 = read_sysreg(tpidr_el0);
	el1->tpidrro_el0 = read_sysreg(tpidrro_el0);
	el1->par = a64_read_par();
	el1->csselr = read_sysreg(csselr_el1);
	if (this_cpu_read(axvcpu_arm64_cpu.ras))
		el1->vdisr = read_sysreg_s(SYS_VDISR_EL2);
}

int axvcpu_arm64_load(struct axvcpu *vcpu)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);

	axas_neon_begin(&a64->host.fp);
	axvcpu_arm64_fp_load(&a64->fp);
	a64->host.tpidr_el0 = read_sysreg(tpidr_el0);
	a64->host.tpidrro_el0 = read_sysreg(tpidrro_el0);
	a64->host.csselr = read_sysreg(csselr_el1);
	a64->host.vtcr = read_sysreg(vtcr_el2);
	a64->host.vttbr = read_sysreg(vttbr_el2);
	load_el1(&a64->el1);
	axvcpu_arm64_traps_load(&a64->host);
	axvcpu_arm64_timer_load(a64);
	write_sysreg(read_cpuid_id(), vpidr_el2);
	write_sysreg(A64_MPIDR_RES1 | (vcpu->id & 0xff), vmpidr_el2);
	axvcpu_arm64_vmid_load(vcpu);
	isb();
	axvcpu_arm64_predict_load(a64);
	a64->loaded = true;
	return 0;
}

void axvcpu_arm64_put(struct axvcpu *vcpu)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);

	a64->loaded = false;
	save_el1(&a64->el1);
	write_sysreg(a64->host.vttbr, vttbr_el2);
	write_sysreg(a64->host.vtcr, vtcr_el2);
	axvcpu_arm64_vmid_put();
	axvcpu_arm64_timer_put(a64);
	axvcpu_arm64_traps_put(&a64->host);
	write_sysreg(a64->host.csselr, csselr_el1);
	write_sysreg(a64->host.tpidrro_el0, tpidrro_el0);
	write_sysreg(a64->host.tpidr_el0, tpidr_el0);
	isb();
	axvcpu_arm64_fp_save(&a64->fp);
	axas_neon_end(&a64->host.fp);
}

/*
 * The guest's stage 1 and stage 2 are loaded since load(), so TGE may be cleared (Arm errata
 * 1165522 and 1530923). ThunderX2 erratum 219: EL1's writes of TTBRs are trapped, see sysreg.c.
 */
static void enter_guest_regime(struct axvcpu_arm64 *a64)
{
	u64 hcr = a64->hcr;

	axvcpu_arm64_timer_enter(a64);
	if (axvcpu_arm64_irq(a64))
		hcr |= A64_HCR_VI;
	if (cpus_have_final_cap(ARM64_WORKAROUND_CAVIUM_TX2_219_TVM))
		hcr |= A64_HCR_TVM;
	a64->host.mdscr = read_sysreg(mdscr_el1);
	a64->host.cptr = read_sysreg(cpacr_el1);
	a64->host.hcr = read_sysreg(hcr_el2);
	write_sysreg(0, mdscr_el1);
	write_sysreg(A64_CPTR_GUEST, cpacr_el1);
	axvcpu_arm64_mpam_enter();
	a64_write_hcr(hcr);
}

static void leave_guest_regime(const struct axvcpu_arm64 *a64)
{
	a64_write_hcr(a64->host.hcr);
	isb();
	axvcpu_arm64_mpam_leave();
	write_sysreg(a64->host.cptr, cpacr_el1);
	write_sysreg(a64->host.mdscr, mdscr_el1);
	isb();
}

/*
 * An SError of the host that was taken in the guest's regime, possibly caused by the guest. Like
 * KVM: panic if the error cannot be contained, continue if no state was damaged, and otherwise end
 * the guest.
 */
static int serror(u64 esr)
{
	bool known = this_cpu_read(axvcpu_arm64_cpu.ras) && !(esr & A64_SERROR_IDS) &&
		     FIELD_GET(A64_SERROR_STATUS, esr) == A64_SERROR_RAS;
	u64 aet = FIELD_GET(A64_SERROR_AET, esr);

	pr_err_ratelimited("axvcpu: SError in a guest, syndrome %#llx\n", esr);
	if (known && aet == A64_AET_UC)
		nmi_panic(NULL, "axvcpu: uncontainable SError in a guest");
	return known && (aet == A64_AET_CE || aet == A64_AET_UEO) ? 0 : -EIO;
}

/* The entry did not happen. A VMM cannot cause it: SET_REGS validates PSTATE. */
static int illegal_state(struct axvcpu_arm64 *a64, u64 pstate, struct axvcpu_exit *exit)
{
	pr_err_ratelimited("axvcpu: PSTATE %#llx of a guest is none\n", pstate);
	a64->pstate = pstate;
	exit->reason = AXVCPU_EXIT_FAIL_ENTRY;
	exit->fail_entry.reason = a64->esr;
	exit->fail_entry.info = pstate;
	return AXVCPU_RAN_EXIT;
}

static int after_exit(struct axvcpu *vcpu, u64 why, struct axvcpu_exit *exit)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);
	int err = 0;

	if (why & BIT(AXVCPU_ARM64_AND_SERROR_BIT))
		err = serror(a64->disr);
	if (err)
		return err;
	switch (why & AXVCPU_ARM64_WHY) {
	case AXVCPU_ARM64_IRQ:
	case AXVCPU_ARM64_FIQ:
		return AXVCPU_RAN_IRQ;
	case AXVCPU_ARM64_SYNC:
		return axvcpu_arm64_sync_exit(vcpu, exit);
	default:
		return serror(a64->esr) ?: AXVCPU_RAN_AGAIN;
	}
}

int axvcpu_arm64_run(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);
	u64 pstate = a64->pstate, why;
	int ran;

	if (a64->down) {
		exit->reason = AXVCPU_EXIT_SYSTEM_DOWN;
		return AXVCPU_RAN_EXIT;
	}
	/* A guest must never be at EL2. AArch32 that this CPU lacks fails at the entry itself. */
	if (unlikely(!a64_mode_ok(pstate, true)))
		return illegal_state(a64, pstate, exit);
	/* With pseudo-NMI masking, only this lets an interrupt end the guest. */
	local_daif_mask();
	pmr_sync();
	enter_guest_regime(a64);
	why = axvcpu_arm64_enter(a64);
	if (why == AXVCPU_ARM64_ILLEGAL)
		ran = illegal_state(a64, pstate, exit);
	else
		ran = after_exit(vcpu, why, exit);
	leave_guest_regime(a64);
	local_daif_restore(DAIF_PROCCTX_NOIRQ);
	exit->rip = a64->pc;
	return ran;
}
