// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is switched between host and guest. Calls exits.c, predict.c
 * and entry.S.
 *
 * The host uses EL2's registers and leaves EL1's to the guest: those stay on the CPU from
 * load() to put(). What host and guest share is switched there, too, unless the host's
 * interrupts need it: HCR_EL2, CPTR_EL2, MDSCR_EL1 and the vectors are switched on each
 * entry. No locks.
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
static_assert(offsetof(struct axvcpu_arm64, exit_loop) == AXVCPU_ARM64_EXIT_LOOP);
static_assert(offsetof(struct axvcpu_arm64, exit_call) == AXVCPU_ARM64_EXIT_CALL);

/* CPTR_EL2 as it is with E2H. Arm D23.2.39 */
#define A64_CPTR_FPEN	(3ull << 20)	/* no trap of FP and Advanced SIMD */
#define A64_CPTR_TTA	BIT_ULL(28)	/* traps: trace registers, */
#define A64_CPTR_TAM	BIT_ULL(30)	/* activity monitors; SVE and SME where 0 */
#define A64_CPTR_GUEST	(A64_CPTR_FPEN | A64_CPTR_TTA | A64_CPTR_TAM)

/* MDCR_EL2. Arm D23.3.19 */
#define A64_MDCR_TPMCR	BIT_ULL(5)	/* traps: PMCR_EL0, */
#define A64_MDCR_TPM	BIT_ULL(6)	/* the other performance monitors, */
#define A64_MDCR_TDA	BIT_ULL(9)	/* debug registers, */
#define A64_MDCR_TDOSA	BIT_ULL(10)	/* OS lock, */
#define A64_MDCR_TDRA	BIT_ULL(11)	/* debug ROM */
#define A64_MDCR_E2PB	GENMASK_ULL(13, 12)	/* 0: profiling is EL2's, others trap */
#define A64_MDCR_TPMS	BIT_ULL(14)	/* traps: profiling controls, */
#define A64_MDCR_TTRF	BIT_ULL(19)	/* trace filters */
#define A64_MDCR_E2TB	GENMASK_ULL(25, 24)	/* 0: trace buffer is EL2's, others trap */
#define A64_MDCR_GUEST	(A64_MDCR_TPMCR | A64_MDCR_TPM | A64_MDCR_TDA |		\
			 A64_MDCR_TDOSA | A64_MDCR_TDRA | A64_MDCR_TPMS |	\
			 A64_MDCR_TTRF)

/* CNTHCTL_EL2 as it is with E2H. Arm D23.5.2 */
#define A64_CNTHCTL_EL1PCTEN	BIT_ULL(10)	/* 0 traps: the physical counter, */
#define A64_CNTHCTL_EL1PTEN		BIT_ULL(11)	/* and its timer */
#define A64_CNTHCTL_EL1TVT		BIT_ULL(13)	/* traps: the virtual timer, FEAT_ECV */

/* ICH_HCR_EL2. Arm D23.8.6: traps of a GICv3's registers */
#define A64_ICH_HCR_TC	BIT_ULL(10)	/* common to both groups */
#define A64_ICH_HCR_TALL0	BIT_ULL(11)
#define A64_ICH_HCR_TALL1	BIT_ULL(12)
#define A64_ICH_HCR_GUEST	(A64_ICH_HCR_TC | A64_ICH_HCR_TALL0 | A64_ICH_HCR_TALL1)
#define A64_ICC_SRE_ENABLE	BIT_ULL(3)	/* 0 traps ICC_SRE_EL1. Arm D23.8.30 */

/* MPIDR_EL1: bit 31 is RES1, affinity level 0 is the vCPU's number. Arm D23.2.121 */
#define A64_MPIDR_RES1	BIT_ULL(31)

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
	el1->par = read_sysreg(par_el1);
	el1->csselr = read_sysreg(csselr_el1);
}

/* The controls of EL2 that do not concern the host while it runs. */
static void load_traps(struct axvcpu *vcpu, struct axvcpu_arm64 *a64)
{
	u64 cnthctl, mdcr;

	mdcr = read_sysreg(mdcr_el2);
	a64->host.mdcr = mdcr;
	write_sysreg((mdcr & ~(A64_MDCR_E2PB | A64_MDCR_E2TB)) | A64_MDCR_GUEST, mdcr_el2);
	cnthctl = read_sysreg(cnthctl_el2);
	a64->host.cnthctl = cnthctl;
	cnthctl &= ~(A64_CNTHCTL_EL1PCTEN | A64_CNTHCTL_EL1PTEN);
	write_sysreg(cnthctl | (axvcpu_arm64_machine.ecv ? A64_CNTHCTL_EL1TVT : 0), cnthctl_el2);
	write_sysreg(read_cpuid_id(), vpidr_el2);
	write_sysreg(A64_MPIDR_RES1 | (vcpu->id & 0xff), vmpidr_el2);
	if (axvcpu_arm64_machine.gic) {
		a64->host.ich_hcr = read_sysreg_s(SYS_ICH_HCR_EL2);
		a64->host.icc_sre = read_sysreg_s(SYS_ICC_SRE_EL2);
		write_sysreg_s(A64_ICH_HCR_GUEST, SYS_ICH_HCR_EL2);
		write_sysreg_s(a64->host.icc_sre & ~A64_ICC_SRE_ENABLE, SYS_ICC_SRE_EL2);
	}
	if (axvcpu_arm64_machine.hcx) {
		a64->host.hcrx = read_sysreg_s(SYS_HCRX_EL2);
		write_sysreg_s(0, SYS_HCRX_EL2);
	}
}

static void put_traps(const struct axvcpu_arm64 *a64)
{
	if (axvcpu_arm64_machine.hcx)
		write_sysreg_s(a64->host.hcrx, SYS_HCRX_EL2);
	if (axvcpu_arm64_machine.gic) {
		write_sysreg_s(a64->host.icc_sre, SYS_ICC_SRE_EL2);
		write_sysreg_s(a64->host.ich_hcr, SYS_ICH_HCR_EL2);
	}
	write_sysreg(a64->host.cnthctl, cnthctl_el2);
	write_sysreg(a64->host.mdcr, mdcr_el2);
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
	load_traps(vcpu, a64);
	write_sysreg(a64->vtcr, vtcr_el2);
	write_sysreg(a64->vttbr, vttbr_el2);
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
	/* The guest's timer, where it could not be trapped: it rings for nobody. */
	write_sysreg_s(0, SYS_CNTV_CTL_EL02);
	write_sysreg(a64->host.vttbr, vttbr_el2);
	write_sysreg(a64->host.vtcr, vtcr_el2);
	put_traps(a64);
	write_sysreg(a64->host.csselr, csselr_el1);
	write_sysreg(a64->host.tpidrro_el0, tpidrro_el0);
	write_sysreg(a64->host.tpidr_el0, tpidr_el0);
	isb();
	axvcpu_arm64_fp_save(&a64->fp);
	axas_neon_end(&a64->host.fp);
}

/* Stage 1 and stage 2 of the guest are in place: TGE may go. Arm erratum 1165522. */
static void enter_guest_regime(struct axvcpu *vcpu, struct axvcpu_arm64 *a64)
{
	u64 vi = axvcpu_next_vector(vcpu) >= 0 ? A64_HCR_VI : 0;

	a64->host.mdscr = read_sysreg(mdscr_el1);
	a64->host.cptr = read_sysreg(cpacr_el1);
	a64->host.hcr = read_sysreg(hcr_el2);
	write_sysreg(0, mdscr_el1);
	write_sysreg(A64_CPTR_GUEST, cpacr_el1);
	write_sysreg(a64->hcr | vi, hcr_el2);
}

static void leave_guest_regime(const struct axvcpu_arm64 *a64)
{
	write_sysreg(a64->host.hcr, hcr_el2);
	isb();
	write_sysreg(a64->host.cptr, cpacr_el1);
	write_sysreg(a64->host.mdscr, mdscr_el1);
	isb();
}

static int after_exit(struct axvcpu *vcpu, u64 why, struct axvcpu_exit *exit)
{
	switch (why) {
	case AXVCPU_ARM64_IRQ:
	case AXVCPU_ARM64_FIQ:
		return AXVCPU_RAN_IRQ;
	case AXVCPU_ARM64_SYNC:
		return axvcpu_arm64_sync_exit(vcpu, exit);
	default:
		/* The host's, which the guest's regime has taken. */
		pr_err_ratelimited("axvcpu: SError in a guest, ESR_EL2 %#llx\n",
				   to_arm64(vcpu)->esr);
		return -EIO;
	}
}

int axvcpu_arm64_run(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);
	u64 why;
	int ran;

	if (a64->down) {
		exit->reason = AXVCPU_EXIT_SYSTEM_DOWN;
		return AXVCPU_RAN_EXIT;
	}
	/* With priorities for masks, only this lets an interrupt end the guest. */
	local_daif_mask();
	pmr_sync();
	enter_guest_regime(vcpu, a64);
	why = axvcpu_arm64_enter(a64);
	ran = after_exit(vcpu, why, exit);
	leave_guest_regime(a64);
	local_daif_restore(DAIF_PROCCTX_NOIRQ);
	exit->rip = a64->pc;
	return ran;
}
