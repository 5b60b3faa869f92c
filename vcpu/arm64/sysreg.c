// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emulation of trapped system registers: handled here if no VMM is needed, undefined if hidden by
 * the ID registers, otherwise an exit to the VMM. Debug registers, which no ID register can hide,
 * read as zero and ignore writes. Called with interrupts off and the guest's registers on the CPU.
 * Calls icc.c and exception.c. No locks.
 */
#include <linux/bits.h>
#include <asm/cpufeature.h>
#include <asm/sysreg.h>

#include "axas_compat.h"
#include "arm64.h"
#include "stage2.h"
#include "sysreg.h"

/* Syndrome of a trapped MRS or MSR. Arm D23.2.40, "ISS encoding for MSR, MRS" */
#define A64_ISS_READ		BIT_ULL(0)
#define A64_ISS_CRM			GENMASK_ULL(4, 1)
#define A64_ISS_RT			GENMASK_ULL(9, 5)
#define A64_ISS_CRN			GENMASK_ULL(13, 10)
#define A64_ISS_OP1			GENMASK_ULL(16, 14)
#define A64_ISS_OP2			GENMASK_ULL(19, 17)
#define A64_ISS_OP0			GENMASK_ULL(21, 20)

#define A64_REG_CSSELR_EL1	A64_REG(3, 2, 0, 0, 0)
#define A64_REG_CTR_EL0		A64_REG(3, 3, 0, 0, 1)

/**
 * struct id_register - an ID register that the guest sees in part
 * @reg: A64_REG() encoding
 * @sys: the kernel's encoding
 * @shown: bits taken from the host; the others are zero
 * @ones: bits that are set
 */
struct id_register {
	u16 reg;
	u32 sys;
	u64 shown;
	u64 ones;
};

#define A64_ID(crm, op2, name, shown, ones)	\
	{ A64_REG(3, 0, 0, crm, op2), SYS_ID_AA64##name##_EL1, shown, ones }

/*
 * Arm D23.2.68 to D23.2.82. Hidden: AArch32 (PFR0 has 1 for EL0 and EL1: AArch64 only), RAS, SVE,
 * MPAM, AMU, MTE, SME, pointer authentication, features enabled by HCRX_EL2, debug and performance
 * monitoring beyond the minimum, and nested virtualization.
 */
static const struct id_register id_registers[] = {
	A64_ID(4, 0, PFR0, GENMASK_ULL(27, 16) | GENMASK_ULL(51, 48), 0x11),
	A64_ID(4, 1, PFR1, GENMASK_ULL(3, 0), 0),
	A64_ID(5, 0, DFR0, 0, 0x6),
	A64_ID(6, 0, ISAR0, ~0ull, 0),
	A64_ID(6, 1, ISAR1, ~(GENMASK_ULL(11, 4) | GENMASK_ULL(31, 24) | GENMASK_ULL(63, 56)), 0),
	A64_ID(7, 0, MMFR0, GENMASK_ULL(47, 0), 0),
	A64_ID(7, 1, MMFR1, GENMASK_ULL(7, 0) | GENMASK_ULL(15, 12) | GENMASK_ULL(23, 20), 0),
	A64_ID(7, 2, MMFR2, GENMASK_ULL(7, 0) | GENMASK_ULL(19, 16) | GENMASK_ULL(39, 32), 0),
};

/*
 * Without FWB, a guest with its MMU off would bypass the caches, and so miss data that the VMM
 * wrote to its memory. DC prevents that until the guest enables its MMU, which TVM traps. TLBs may
 * cache DC: flush.
 */
void axvcpu_arm64_follow_sctlr(struct axvcpu *vcpu, u64 sctlr)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);
	u64 hcr = a64->hcr & ~(A64_HCR_DC | A64_HCR_TVM);

	if (!(hcr & A64_HCR_FWB) && !(sctlr & A64_SCTLR_M))
		hcr |= A64_HCR_DC | A64_HCR_TVM;
	if (hcr != a64->hcr)
		set_bit(AXVCPU_REQ_FLUSH, &vcpu->requests);
	a64->hcr = hcr;
}

/* ID registers trapped by HCR_EL2.TID3. Arm D23.2.58 */
static bool is_id(u32 reg)
{
	return reg >= A64_REG(3, 0, 0, 1, 0) && reg <= A64_REG(3, 0, 0, 7, 7);
}

static u64 read_id(u32 reg)
{
	const struct id_register *id;

	for (id = id_registers; id < id_registers + ARRAY_SIZE(id_registers); id++)
		if (id->reg == reg)
			return (read_sanitised_ftr_reg(id->sys) & id->shown) | id->ones;
	return 0;
}

static bool is_actlr(u32 reg)
{
	return reg == A64_REG(3, 0, 1, 0, 1);
}

static bool is_within(u32 reg, u32 first, u32 last)
{
	return reg >= first && reg <= last;
}

/* Debug and trace registers have op0 2; debug registers have op1 0, 3 or 4. */
static bool is_debug(u32 reg)
{
	return A64_REG_OP0(reg) == 2 && A64_REG_OP1(reg) != 1;
}

/*
 * Registers of hidden features that trap to EL2. Others that EL1 can access are not trapped, or
 * exit to the VMM.
 */
static const struct {
	u16 first, last;
} hidden[] = {
	{ A64_REG(2, 1, 0, 0, 0), A64_REG(2, 1, 15, 15, 7) },	/* trace, BRBE */
	{ A64_REG(3, 0, 1, 0, 3), A64_REG(3, 0, 1, 0, 3) },	/* SCTLR2_EL1 */
	{ A64_REG(3, 0, 1, 0, 5), A64_REG(3, 0, 1, 2, 7) },	/* tags, SVE, SME, trace filters */
	{ A64_REG(3, 0, 2, 0, 3), A64_REG(3, 0, 2, 0, 3) },	/* TCR2_EL1 */
	{ A64_REG(3, 0, 2, 1, 0), A64_REG(3, 0, 2, 5, 7) },	/* keys, GCS */
	{ A64_REG(3, 0, 4, 3, 0), A64_REG(3, 0, 4, 3, 0) },	/* ALLINT */
	{ A64_REG(3, 0, 5, 3, 0), A64_REG(3, 0, 5, 6, 7) },	/* error records, tags */
	{ A64_REG(3, 0, 6, 0, 5), A64_REG(3, 0, 6, 0, 5) },	/* PFAR_EL1 */
	{ A64_REG(3, 0, 9, 9, 0), A64_REG(3, 0, 9, 14, 7) },	/* profiling, trace, events */
	{ A64_REG(3, 0, 10, 2, 1), A64_REG(3, 0, 10, 2, 7) },	/* MAIR2, PIRE0, PIR, POR, ... */
	{ A64_REG(3, 0, 10, 3, 1), A64_REG(3, 0, 10, 3, 1) },	/* AMAIR2_EL1 */
	{ A64_REG(3, 0, 10, 4, 0), A64_REG(3, 0, 10, 7, 7) },	/* ordering regions, MPAM */
	{ A64_REG(3, 0, 13, 0, 3), A64_REG(3, 0, 13, 0, 3) },	/* RCWSMASK_EL1 */
	{ A64_REG(3, 0, 13, 0, 5), A64_REG(3, 0, 13, 0, 7) },	/* ACCDATA, RCWMASK, SCXTNUM */
	{ A64_REG(3, 1, 0, 0, 2), A64_REG(3, 1, 0, 0, 2) },	/* CCSIDR2_EL1 */
	{ A64_REG(3, 1, 0, 0, 4), A64_REG(3, 1, 0, 0, 4) },	/* GMID_EL1 */
	{ A64_REG(3, 3, 2, 5, 0), A64_REG(3, 3, 2, 5, 7) },	/* GCS of EL0 */
	{ A64_REG(3, 3, 4, 2, 2), A64_REG(3, 3, 4, 2, 2) },	/* SVCR */
	{ A64_REG(3, 3, 4, 4, 2), A64_REG(3, 3, 4, 4, 2) },	/* FPMR */
	{ A64_REG(3, 3, 9, 12, 0), A64_REG(3, 3, 9, 14, 7) },	/* events, at EL0 */
	{ A64_REG(3, 3, 10, 2, 4), A64_REG(3, 3, 10, 2, 4) },	/* POR_EL0 */
	{ A64_REG(3, 3, 13, 0, 5), A64_REG(3, 3, 13, 0, 5) },	/* TPIDR2_EL0 */
	{ A64_REG(3, 3, 13, 0, 7), A64_REG(3, 3, 13, 0, 7) },	/* SCXTNUM_EL0 */
	{ A64_REG(3, 3, 13, 2, 0), A64_REG(3, 3, 13, 15, 7) },	/* activity */
	{ A64_REG(3, 3, 14, 8, 0), A64_REG(3, 3, 14, 15, 7) },	/* events, at EL0 */
};

static bool is_hidden(u32 reg)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hidden); i++)
		if (is_within(reg, hidden[i].first, hidden[i].last))
			return true;
	return false;
}

/* EL0 may access timers and CTR_EL0, if EL1 allows; all other trapped registers are for EL1. */
static bool is_for(u32 reg, u64 pstate)
{
	return (pstate & A64_PSTATE_MODE) != A64_PSTATE_EL0T || reg == A64_REG_CTR_EL0 ||
	       is_within(reg, A64_REG(3, 3, 14, 0, 0), A64_REG(3, 3, 14, 3, 7));
}

/*
 * HCR_EL2.TID2, set where the caches of CPUs differ: guests use CTR_EL0 to make written code
 * visible, so it must be right for all CPUs. Cache sizes are those of this CPU.
 */
static bool cache_read(u32 reg, u64 *val)
{
	switch (reg) {
	case A64_REG_CTR_EL0:
		*val = read_sanitised_ftr_reg(SYS_CTR_EL0);
		return true;
	case A64_REG(3, 1, 0, 0, 0):
		*val = read_sysreg(ccsidr_el1);
		return true;
	case A64_REG(3, 1, 0, 0, 1):
		*val = read_sysreg(clidr_el1);
		return true;
	case A64_REG_CSSELR_EL1:
		*val = read_sysreg(csselr_el1);
		return true;
	default:
		return false;
	}
}

static bool cache_write(u32 reg, u64 val)
{
	if (reg != A64_REG_CSSELR_EL1)
		return false;
	write_sysreg(val, csselr_el1);
	isb();
	return true;
}

/* SYS instructions: only cache maintenance by set and way and hidden ones are trapped. */
static bool is_instruction(u32 reg)
{
	return A64_REG_OP0(reg) == 1;
}

/*
 * HCR_EL2.TVM is set while stage 1 is off on hardware without FWB: the write that enables stage 1
 * clears it. On ThunderX2 it is always set, for erratum 219.
 */
static bool stage1_write(struct axvcpu *vcpu, u32 reg, u64 val)
{
	switch (reg) {
	case A64_REG(3, 0, 1, 0, 0):
		write_sysreg_s(val, SYS_SCTLR_EL12);
		if (val & A64_SCTLR_M)
			axvcpu_arm64_follow_sctlr(vcpu, val);
		break;
	case A64_REG(3, 0, 2, 0, 0):
		write_sysreg_s(val, SYS_TTBR0_EL12);
		break;
	case A64_REG(3, 0, 2, 0, 1):
		write_sysreg_s(val, SYS_TTBR1_EL12);
		break;
	case A64_REG(3, 0, 2, 0, 2):
		write_sysreg_s(val, SYS_TCR_EL12);
		break;
	case A64_REG(3, 0, 5, 1, 0):
		write_sysreg_s(val, SYS_AFSR0_EL12);
		break;
	case A64_REG(3, 0, 5, 1, 1):
		write_sysreg_s(val, SYS_AFSR1_EL12);
		break;
	case A64_REG(3, 0, 5, 2, 0):
		write_sysreg_s(val, SYS_ESR_EL12);
		break;
	case A64_REG(3, 0, 6, 0, 0):
		write_sysreg_s(val, SYS_FAR_EL12);
		break;
	case A64_REG(3, 0, 10, 2, 0):
		write_sysreg_s(val, SYS_MAIR_EL12);
		break;
	case A64_REG(3, 0, 10, 3, 0):
		write_sysreg_s(val, SYS_AMAIR_EL12);
		break;
	case A64_REG(3, 0, 13, 0, 1):
		write_sysreg_s(val, SYS_CONTEXTIDR_EL12);
		break;
	default:
		return false;
	}
	return true;
}

static int sysreg_read(struct axvcpu *vcpu, u32 reg, u32 rt, struct axvcpu_exit *exit)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);
	u64 val = 0;

	a64_retire(a64);
	if (is_id(reg)) {
		val = read_id(reg);
	} else if (!is_debug(reg) && !is_actlr(reg) &&
		   !axvcpu_arm64_icc_read(vcpu, reg, &val) && !cache_read(reg, &val)) {
		exit->reason = AXVCPU_EXIT_SYSREG_READ;
		exit->sysreg_read.addr = reg;
		exit->sysreg_read.reg = rt;
		return AXVCPU_RAN_EXIT;
	}
	a64_set(a64, rt, val);
	return AXVCPU_RAN_AGAIN;
}

/*
 * Set/way operations are ignored: they cannot guarantee anything while other CPUs may cache memory.
 */
static bool is_set_way(u32 reg)
{
	return is_instruction(reg) && A64_REG_CRN(reg) == 7;
}

static int sysreg_write(struct axvcpu *vcpu, u32 reg, u64 val, struct axvcpu_exit *exit)
{
	a64_retire(to_arm64(vcpu));
	if (axvcpu_arm64_icc_sgi(reg, val, exit))
		return AXVCPU_RAN_EXIT;
	if (is_set_way(reg) || is_debug(reg) || is_actlr(reg) ||
	    axvcpu_arm64_icc_write(vcpu, reg, val) || cache_write(reg, val) ||
	    stage1_write(vcpu, reg, val))
		return AXVCPU_RAN_AGAIN;
	exit->reason = AXVCPU_EXIT_SYSREG_WRITE;
	exit->sysreg_write.addr = reg;
	exit->sysreg_write.value = val;
	return AXVCPU_RAN_EXIT;
}

int axvcpu_arm64_sysreg(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);
	u64 esr = a64->esr;
	u32 reg = A64_REG((u32)FIELD_GET(A64_ISS_OP0, esr), (u32)FIELD_GET(A64_ISS_OP1, esr),
			  (u32)FIELD_GET(A64_ISS_CRN, esr), (u32)FIELD_GET(A64_ISS_CRM, esr),
			  (u32)FIELD_GET(A64_ISS_OP2, esr));
	u32 rt = FIELD_GET(A64_ISS_RT, esr);

	if (is_hidden(reg) || !is_for(reg, a64->pstate)) {
		axvcpu_arm64_undefined(a64);
		return AXVCPU_RAN_AGAIN;
	}
	if (esr & A64_ISS_READ)
		return sysreg_read(vcpu, reg, rt, exit);
	return sysreg_write(vcpu, reg, a64_get(a64, rt), exit);
}
