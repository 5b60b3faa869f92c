// SPDX-License-Identifier: GPL-2.0-only
/*
 * EL2 traps while a vCPU is loaded, for registers in which the guest would see values of the host
 * or of another guest. Each CPU's own ID registers are read, since the kernel knows only features
 * that all CPUs have and that its version names.
 *
 * The host, at EL2 with HCR_EL2.TGE, is not subject to these controls, and no interrupt changes
 * them: they stay from load() to put(). The exception is MPAM2_EL2: it is the host's own MPAM1_EL1,
 * which resctrl writes from an interrupt. No locks.
 *
 * PMUSERENR_EL0 keeps the host's value at EL0: usually a counter access is taken to EL1 as
 * "trapped" instead of "undefined", as it would be without counters. The process gets the same
 * signal.
 */
#include <linux/errno.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <asm/cputype.h>

#include "axas_compat.h"
#include "arm64.h"
#include "stage2.h"

/* MDCR_EL2. Arm D23.3.19 */
#define A64_MDCR_TPMCR	BIT_ULL(5)	/* traps PMCR_EL0 */
#define A64_MDCR_TPM	BIT_ULL(6)	/* traps the other performance monitors */
#define A64_MDCR_TDA	BIT_ULL(9)	/* traps debug registers */
#define A64_MDCR_TDOSA	BIT_ULL(10)	/* traps OS lock */
#define A64_MDCR_TDRA	BIT_ULL(11)	/* traps debug ROM */
#define A64_MDCR_E2PB	GENMASK_ULL(13, 12)	/* 0: profiling is EL2's, others trap */
#define A64_MDCR_TPMS	BIT_ULL(14)	/* traps profiling controls */
#define A64_MDCR_TTRF	BIT_ULL(19)	/* traps trace filters */
#define A64_MDCR_E2TB	GENMASK_ULL(25, 24)	/* 0: trace buffer is EL2's, others trap */
#define A64_MDCR_GUEST	(A64_MDCR_TPMCR | A64_MDCR_TPM | A64_MDCR_TDA |		\
			 A64_MDCR_TDOSA | A64_MDCR_TDRA | A64_MDCR_TPMS |	\
			 A64_MDCR_TTRF)

/* CNTHCTL_EL2 with E2H. Arm D23.5.2 */
#define A64_CNTHCTL_EL1PCTEN	BIT_ULL(10)	/* 0 traps the physical counter */
#define A64_CNTHCTL_EL1PTEN	BIT_ULL(11)	/* 0 traps its timer */
#define A64_CNTHCTL_EL1TVT	BIT_ULL(13)	/* traps the virtual timer, FEAT_ECV, */
#define A64_CNTHCTL_EL1TVCT	BIT_ULL(14)	/* and its counter */

/* ICH_HCR_EL2. Arm D23.8.6: traps GICv3 registers */
#define A64_ICH_HCR_TC		BIT_ULL(10)	/* common to both groups */
#define A64_ICH_HCR_TALL0	BIT_ULL(11)
#define A64_ICH_HCR_TALL1	BIT_ULL(12)
#define A64_ICH_HCR_GUEST	(A64_ICH_HCR_TC | A64_ICH_HCR_TALL0 | A64_ICH_HCR_TALL1)
#define A64_ICC_SRE_ENABLE	BIT_ULL(3)	/* 0 traps ICC_SRE_EL1. Arm D23.8.30 */

/* HSTR_EL2. Arm D23.2.61: traps AArch32 CP15, by primary register */
#define A64_HSTR_T15		BIT_ULL(15)

/*
 * HCRX_EL2. Arm D23.2.59. Its other bits enable features when set: SCTLR2_EL1, TCR2_EL1, FPMR, GCS,
 * memory copies, 64-byte loads, ...
 */
#define A64_HCRX_TALLINT	BIT_ULL(6)	/* traps PSTATE.ALLINT */
#define A64_HCRX_GUEST		A64_HCRX_TALLINT

/* MPAM2_EL2, MPAMHCR_EL2, MPAM1_EL1. Arm D23.4 */
#define A64_MPAM2_TIDR		BIT_ULL(58)	/* traps MPAMIDR_EL1 */
#define A64_MPAM2_ENMPAMSM	BIT_ULL(50)	/* 0 traps MPAMSM_EL1 */
#define A64_MPAM2_TRAPMPAM0EL1	BIT_ULL(49)	/* traps MPAM0_EL1 */
#define A64_MPAM2_TRAPMPAM1EL1	BIT_ULL(48)	/* traps MPAM1_EL1 */
#define A64_MPAM2_TRAPS		(A64_MPAM2_TRAPMPAM0EL1 | A64_MPAM2_TRAPMPAM1EL1)
#define A64_MPAMHCR_TIDR	BIT_ULL(31)	/* traps MPAMIDR_EL1, where MPAMHCR_EL2 exists */
#define A64_MPAM1_MPAMEN	BIT_ULL(63)
#define A64_MPAM0_PARTITION	GENMASK_ULL(47, 0)

/*
 * Fine-grained traps, FEAT_FGT and FEAT_FGT2. Arm D23.2.49 to D23.2.55. Older features trap at 1,
 * newer ones at 0: TPIDR2_EL0, POR_EL0, PIR_EL1, GCS, BRBE, ... The kernel sets bits that it needs
 * itself.
 */
#define A64_SYS_HFGRTR		sys_reg(3, 4, 1, 1, 4)
#define A64_SYS_HFGWTR		sys_reg(3, 4, 1, 1, 5)
#define A64_SYS_HFGITR		sys_reg(3, 4, 1, 1, 6)
#define A64_SYS_HDFGRTR		sys_reg(3, 4, 3, 1, 4)
#define A64_SYS_HDFGWTR		sys_reg(3, 4, 3, 1, 5)
#define A64_SYS_HAFGRTR		sys_reg(3, 4, 3, 1, 6)
#define A64_SYS_HDFGRTR2	sys_reg(3, 4, 3, 1, 0)
#define A64_SYS_HDFGWTR2	sys_reg(3, 4, 3, 1, 1)
#define A64_SYS_HFGRTR2		sys_reg(3, 4, 3, 1, 2)
#define A64_SYS_HFGWTR2		sys_reg(3, 4, 3, 1, 3)
#define A64_SYS_HFGITR2		sys_reg(3, 4, 3, 1, 7)
#define A64_SYS_HCRX		sys_reg(3, 4, 1, 2, 2)
#define A64_SYS_MPAMHCR		sys_reg(3, 4, 10, 4, 0)
#define A64_SYS_MPAM2		sys_reg(3, 4, 10, 5, 0)
#define A64_SYS_MPAM0_EL1	sys_reg(3, 0, 10, 5, 1)
#define A64_SYS_MPAM1_EL12	sys_reg(3, 5, 10, 5, 0)
#define A64_SYS_TPIDR2_EL0	sys_reg(3, 3, 13, 0, 5)
#define A64_SYS_PFR2		sys_reg(3, 0, 0, 4, 2)

/* 4-bit fields of ID registers. Arm D23.2.68 to D23.2.82 */
#define A64_PFR0_EL0_SHIFT	0		/* 2: AArch32 as well */
#define A64_PFR0_GIC_SHIFT	24
#define A64_PFR0_RAS_SHIFT	28
#define A64_PFR0_AMU_SHIFT	44
#define A64_PFR1_MTE_SHIFT	8
#define A64_PFR1_SME_SHIFT	24
#define A64_PFR1_NMI_SHIFT	36
#define A64_PFR2_GCIE_SHIFT	12
#define A64_MMFR0_FGT_SHIFT	56		/* 2: FEAT_FGT2 */
#define A64_MMFR1_HCX_SHIFT	40

DEFINE_PER_CPU(struct axvcpu_arm64_cpu, axvcpu_arm64_cpu);

static unsigned int field(u64 reg, unsigned int shift)
{
	return a64_id_field(reg, shift);
}

int axvcpu_arm64_cpu_probe(void)
{
	u64 pfr0 = read_sysreg_s(SYS_ID_AA64PFR0_EL1), pfr1 = read_sysreg_s(SYS_ID_AA64PFR1_EL1);
	u64 mmfr0 = read_sysreg_s(SYS_ID_AA64MMFR0_EL1), pfr2 = read_sysreg_s(A64_SYS_PFR2);
	u64 mmfr1 = read_sysreg_s(SYS_ID_AA64MMFR1_EL1);

	if (field(pfr2, A64_PFR2_GCIE_SHIFT)) {
		pr_info_once("axvcpu: registers of a GICv5 cannot be kept from guests yet\n");
		return -EOPNOTSUPP;
	}
	*this_cpu_ptr(&axvcpu_arm64_cpu) = (struct axvcpu_arm64_cpu){
		.gic = axas_has_gicv3() && field(pfr0, A64_PFR0_GIC_SHIFT),
		.hcx = field(mmfr1, A64_MMFR1_HCX_SHIFT),
		.fgt = field(mmfr0, A64_MMFR0_FGT_SHIFT),
		.fgt2 = field(mmfr0, A64_MMFR0_FGT_SHIFT) > 1,
		.amu = field(pfr0, A64_PFR0_AMU_SHIFT),
		.ras = field(pfr0, A64_PFR0_RAS_SHIFT),
		.mte = field(pfr1, A64_PFR1_MTE_SHIFT) > 1,
		.nmi = field(pfr1, A64_PFR1_NMI_SHIFT),
		/* Hardware with SME has FEAT_FGT, which traps it; QEMU 7.2 lacks it. */
		.tpidr2 = field(pfr1, A64_PFR1_SME_SHIFT) &&
			  !field(mmfr0, A64_MMFR0_FGT_SHIFT),
	};
	return 0;
}

/* Requires it on all CPUs, since a vCPU may run on any. */
bool axvcpu_arm64_has_aarch32(void)
{
	return field(read_sanitised_ftr_reg(SYS_ID_AA64PFR0_EL1), A64_PFR0_EL0_SHIFT) == 2;
}

static void read_fine(u64 *fgt, const struct axvcpu_arm64_cpu *cpu)
{
	if (!cpu->fgt)
		return;
	fgt[0] = read_sysreg_s(A64_SYS_HFGRTR);
	fgt[1] = read_sysreg_s(A64_SYS_HFGWTR);
	fgt[2] = read_sysreg_s(A64_SYS_HFGITR);
	fgt[3] = read_sysreg_s(A64_SYS_HDFGRTR);
	fgt[4] = read_sysreg_s(A64_SYS_HDFGWTR);
	if (cpu->amu)
		fgt[5] = read_sysreg_s(A64_SYS_HAFGRTR);
	if (!cpu->fgt2)
		return;
	fgt[6] = read_sysreg_s(A64_SYS_HFGRTR2);
	fgt[7] = read_sysreg_s(A64_SYS_HFGWTR2);
	fgt[8] = read_sysreg_s(A64_SYS_HFGITR2);
	fgt[9] = read_sysreg_s(A64_SYS_HDFGRTR2);
	fgt[10] = read_sysreg_s(A64_SYS_HDFGWTR2);
}

static void write_fine(const u64 *fgt, const struct axvcpu_arm64_cpu *cpu)
{
	if (!cpu->fgt)
		return;
	write_sysreg_s(fgt[0], A64_SYS_HFGRTR);
	write_sysreg_s(fgt[1], A64_SYS_HFGWTR);
	write_sysreg_s(fgt[2], A64_SYS_HFGITR);
	write_sysreg_s(fgt[3], A64_SYS_HDFGRTR);
	write_sysreg_s(fgt[4], A64_SYS_HDFGWTR);
	if (cpu->amu)
		write_sysreg_s(fgt[5], A64_SYS_HAFGRTR);
	if (!cpu->fgt2)
		return;
	write_sysreg_s(fgt[6], A64_SYS_HFGRTR2);
	write_sysreg_s(fgt[7], A64_SYS_HFGWTR2);
	write_sysreg_s(fgt[8], A64_SYS_HFGITR2);
	write_sysreg_s(fgt[9], A64_SYS_HDFGRTR2);
	write_sysreg_s(fgt[10], A64_SYS_HDFGWTR2);
}

/* The virtual timer is the guest's, the physical one the host's. */
static void load_timers(struct axvcpu_arm64_host *host)
{
	host->cnthctl = read_sysreg(cnthctl_el2);
	write_sysreg(host->cnthctl & ~(A64_CNTHCTL_EL1PCTEN | A64_CNTHCTL_EL1PTEN |
				       A64_CNTHCTL_EL1TVT | A64_CNTHCTL_EL1TVCT), cnthctl_el2);
}

static void load_gic(struct axvcpu_arm64_host *host, const struct axvcpu_arm64_cpu *cpu)
{
	if (!cpu->gic)
		return;
	host->ich_hcr = read_sysreg_s(SYS_ICH_HCR_EL2);
	host->icc_sre = read_sysreg_s(SYS_ICC_SRE_EL2);
	write_sysreg_s(A64_ICH_HCR_GUEST, SYS_ICH_HCR_EL2);
	write_sysreg_s(host->icc_sre & ~A64_ICC_SRE_ENABLE, SYS_ICC_SRE_EL2);
}

static void put_gic(const struct axvcpu_arm64_host *host, const struct axvcpu_arm64_cpu *cpu)
{
	if (!cpu->gic)
		return;
	write_sysreg_s(host->icc_sre, SYS_ICC_SRE_EL2);
	write_sysreg_s(host->ich_hcr, SYS_ICH_HCR_EL2);
}

void axvcpu_arm64_traps_load(struct axvcpu_arm64_host *host)
{
	const struct axvcpu_arm64_cpu *cpu = this_cpu_ptr(&axvcpu_arm64_cpu);
	static const u64 all_trapped[ARRAY_SIZE(host->fgt)];

	host->mdcr = read_sysreg(mdcr_el2);
	write_sysreg((host->mdcr & ~(A64_MDCR_E2PB | A64_MDCR_E2TB)) | A64_MDCR_GUEST, mdcr_el2);
	host->hstr = read_sysreg(hstr_el2);
	write_sysreg(A64_HSTR_T15, hstr_el2);
	load_timers(host);
	load_gic(host, cpu);
	if (cpu->hcx) {
		host->hcrx = read_sysreg_s(A64_SYS_HCRX);
		write_sysreg_s(A64_HCRX_GUEST, A64_SYS_HCRX);
	}
	read_fine(host->fgt, cpu);
	write_fine(all_trapped, cpu);
	if (cpu->tpidr2) {
		host->tpidr2 = read_sysreg_s(A64_SYS_TPIDR2_EL0);
		write_sysreg_s(0, A64_SYS_TPIDR2_EL0);
	}
}

void axvcpu_arm64_traps_put(const struct axvcpu_arm64_host *host)
{
	const struct axvcpu_arm64_cpu *cpu = this_cpu_ptr(&axvcpu_arm64_cpu);

	if (cpu->tpidr2)
		write_sysreg_s(host->tpidr2, A64_SYS_TPIDR2_EL0);
	write_fine(host->fgt, cpu);
	if (cpu->hcx)
		write_sysreg_s(host->hcrx, A64_SYS_HCRX);
	put_gic(host, cpu);
	write_sysreg(host->cnthctl, cnthctl_el2);
	write_sysreg(host->hstr, hstr_el2);
	write_sysreg(host->mdcr, mdcr_el2);
}

/*
 * MPAM is accessed only where the kernel does so, since 6.13: firmware may have disabled it, which
 * ID registers do not show. The guest's memory traffic is attributed to the thread's partition.
 */
void axvcpu_arm64_mpam_enter(void)
{
	u64 mpam2, traps = A64_MPAM2_TRAPS;

	if (!axas_has_mpam())
		return;
	if (axas_has_mpam_hcr())
		write_sysreg_s(A64_MPAMHCR_TIDR, A64_SYS_MPAMHCR);
	else
		traps |= A64_MPAM2_TIDR;
	mpam2 = read_sysreg_s(A64_SYS_MPAM2);
	write_sysreg_s((mpam2 & ~A64_MPAM2_ENMPAMSM) | traps, A64_SYS_MPAM2);
	write_sysreg_s((read_sysreg_s(A64_SYS_MPAM0_EL1) & A64_MPAM0_PARTITION) |
		       A64_MPAM1_MPAMEN, A64_SYS_MPAM1_EL12);
}

void axvcpu_arm64_mpam_leave(void)
{
	u64 mpam2;

	if (!axas_has_mpam())
		return;
	mpam2 = read_sysreg_s(A64_SYS_MPAM2) & ~(A64_MPAM2_TRAPS | A64_MPAM2_TIDR);
	write_sysreg_s(mpam2 | A64_MPAM2_ENMPAMSM, A64_SYS_MPAM2);
	if (axas_has_mpam_hcr())
		write_sysreg_s(0, A64_SYS_MPAMHCR);
}
