/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PSTATE: valid values for a guest, and changes by an exception and by retirement. Hardware
 * independent, so that KUnit can test it on any machine. "Arm" is the Arm Architecture Reference
 * Manual for A-profile architecture, DDI 0487.
 */
#ifndef _AXVCPU_ARM64_PSTATE_H
#define _AXVCPU_ARM64_PSTATE_H

#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/types.h>

/* SPSR_EL2 after an exception from AArch64. Arm C5.2.20 */
#define A64_PSTATE_MODE		GENMASK_ULL(4, 0)
#define A64_PSTATE_EL0T		0x0
#define A64_PSTATE_EL1T		0x4
#define A64_PSTATE_EL1H		0x5
#define A64_PSTATE_AARCH32	BIT_ULL(4)
#define A64_PSTATE_DAIF		GENMASK_ULL(9, 6)
#define A64_PSTATE_BTYPE	GENMASK_ULL(11, 10)
#define A64_PSTATE_SSBS		BIT_ULL(12)
#define A64_PSTATE_ALLINT	BIT_ULL(13)
#define A64_PSTATE_IL		BIT_ULL(20)
#define A64_PSTATE_SS		BIT_ULL(21)
#define A64_PSTATE_PAN		BIT_ULL(22)
#define A64_PSTATE_UAO		BIT_ULL(23)
#define A64_PSTATE_DIT		BIT_ULL(24)
#define A64_PSTATE_TCO		BIT_ULL(25)
#define A64_PSTATE_NZCV		GENMASK_ULL(31, 28)

/* SPSR_EL2 after an exception from AArch32, where it differs. IT is split. Arm C5.2.20 */
#define A64_PSTATE32_USER	0x10
#define A64_PSTATE32_IT_HIGH	GENMASK_ULL(15, 10)
#define A64_PSTATE32_IT_LOW	GENMASK_ULL(26, 25)
#define A64_PSTATE32_ALL	GENMASK_ULL(31, 0)

/* Bits that a guest's PSTATE can have, and so GET_REGS and SET_REGS. */
#define A64_PSTATE_GUEST	(A64_PSTATE_MODE | A64_PSTATE_DAIF | A64_PSTATE_BTYPE |		\
				 A64_PSTATE_SSBS | A64_PSTATE_ALLINT | A64_PSTATE_IL |		\
				 A64_PSTATE_PAN | A64_PSTATE_UAO | A64_PSTATE_DIT |		\
				 A64_PSTATE_TCO | A64_PSTATE_NZCV)

/* SCTLR_EL1. Arm D23.2.143 */
#define A64_SCTLR_M		BIT_ULL(0)	/* stage 1 is on */
#define A64_SCTLR_SPAN		BIT_ULL(23)	/* an exception preserves PAN */
#define A64_SCTLR_DSSBS		BIT_ULL(44)	/* an exception sets SSBS */
#define A64_SCTLR_SPINTMASK	BIT_ULL(62)	/* an exception clears ALLINT */

/* ESR_EL2. Arm D23.2.40 */
#define A64_ESR_EC		GENMASK_ULL(31, 26)
#define A64_ESR_IL		BIT_ULL(25)	/* 32-bit instruction */
#define A64_ESR_CV		BIT_ULL(24)	/* AArch32: COND is valid */
#define A64_ESR_COND		GENMASK_ULL(23, 20)

#define A64_COND_ALWAYS		14

static inline bool a64_is_aarch32(u64 pstate)
{
	return pstate & A64_PSTATE_AARCH32;
}

/* PSTATE as GET_REGS returns it, which SET_REGS accepts. */
static inline u64 a64_pstate_shown(u64 pstate)
{
	return pstate & (a64_is_aarch32(pstate) ? A64_PSTATE32_ALL : A64_PSTATE_GUEST);
}

/*
 * AArch64 at EL1 or EL0, or AArch32 at EL0 where implemented (@aarch32). Other modes would be an
 * illegal exception return (Arm D1.3.3), or an exception level above the guest's.
 */
static inline bool a64_mode_ok(u64 pstate, bool aarch32)
{
	switch (pstate & A64_PSTATE_MODE) {
	case A64_PSTATE_EL0T:
	case A64_PSTATE_EL1T:
	case A64_PSTATE_EL1H:
		return true;
	case A64_PSTATE32_USER:
		return aarch32;
	default:
		return false;
	}
}

/* Whether SET_REGS accepts it: guests have no software step. */
static inline bool a64_pstate_ok(u64 pstate, bool aarch32)
{
	return a64_mode_ok(pstate, aarch32) && pstate == a64_pstate_shown(pstate) &&
	       !(pstate & A64_PSTATE_SS);
}

/* Vector offset of an exception to EL1: from EL1, or from EL0. Arm D1.3.1.5 */
static inline u64 a64_vector_offset(u64 pstate)
{
	switch (pstate & A64_PSTATE_MODE) {
	case A64_PSTATE_EL1T:
		return 0x000;
	case A64_PSTATE_EL1H:
		return 0x200;
	case A64_PSTATE_EL0T:
		return 0x400;
	default:
		return 0x600;
	}
}

/**
 * a64_pstate_in_handler() - PSTATE at the first instruction of EL1's vector
 * @pstate: PSTATE before
 * @sctlr: SCTLR_EL1
 * @mte: the CPU has TCO, FEAT_MTE2
 * @nmi: the CPU has ALLINT, FEAT_NMI
 *
 * Arm J1.1, AArch64.TakeException(). Without their features, bits of SCTLR_EL1 are 0, except SPAN,
 * which is 1; all CPUs with VHE have PAN. @mte and @nmi are the CPU's own features, not those shown
 * in the guest's ID registers: hardware sets these bits at an entry, too. After an exception from
 * AArch32, NZCV, PAN and DIT are in the same places.
 */
static inline u64 a64_pstate_in_handler(u64 pstate, u64 sctlr, bool mte, bool nmi)
{
	u64 new = A64_PSTATE_EL1H | A64_PSTATE_DAIF;

	new |= pstate & (A64_PSTATE_NZCV | A64_PSTATE_DIT | A64_PSTATE_PAN);
	if (!(sctlr & A64_SCTLR_SPAN))
		new |= A64_PSTATE_PAN;
	if (sctlr & A64_SCTLR_DSSBS)
		new |= A64_PSTATE_SSBS;
	if (mte)
		new |= A64_PSTATE_TCO;
	if (nmi && !(sctlr & A64_SCTLR_SPINTMASK))
		new |= A64_PSTATE_ALLINT;
	return new;
}

static inline u64 a64_it(u64 pstate)
{
	return FIELD_GET(A64_PSTATE32_IT_HIGH, pstate) << 2 |
	       FIELD_GET(A64_PSTATE32_IT_LOW, pstate);
}

/* Advance to the next instruction of an IT block: Arm J1.2, AArch32.ITAdvance() */
static inline u64 a64_it_advance(u64 pstate)
{
	u64 it = a64_it(pstate);

	it = it & 7 ? (it & 0xe0) | (it << 1 & 0x1f) : 0;
	pstate &= ~(A64_PSTATE32_IT_HIGH | A64_PSTATE32_IT_LOW);
	return pstate | FIELD_PREP(A64_PSTATE32_IT_HIGH, it >> 2) |
	       FIELD_PREP(A64_PSTATE32_IT_LOW, it & 3);
}

/* PSTATE after an emulated instruction, which was not a branch; clears BTYPE and SS. */
static inline u64 a64_pstate_retired(u64 pstate)
{
	pstate &= ~A64_PSTATE_SS;
	return a64_is_aarch32(pstate) ? a64_it_advance(pstate) : pstate & ~A64_PSTATE_BTYPE;
}

/* Condition of a trapped AArch32 instruction. Arm D23.2.40, COND and CV */
static inline u64 a64_condition(u64 pstate, u64 esr)
{
	if (esr & A64_ESR_CV)
		return FIELD_GET(A64_ESR_COND, esr);
	return a64_it(pstate) ? a64_it(pstate) >> 4 : A64_COND_ALWAYS;
}

/*
 * Whether a trapped instruction would have been executed: hardware may trap one whose condition
 * fails. Arm J1.3, ConditionHolds()
 */
static inline bool a64_condition_holds(u64 pstate, u64 esr)
{
	bool n = pstate & BIT_ULL(31), z = pstate & BIT_ULL(30);
	bool c = pstate & BIT_ULL(29), v = pstate & BIT_ULL(28);
	u64 cond = a64_condition(pstate, esr);
	bool base[] = { z, c, n, v, c && !z, n == v, n == v && !z, true };

	if (!a64_is_aarch32(pstate) || cond >= A64_COND_ALWAYS)
		return true;
	return base[cond >> 1] != (cond & 1);
}

#endif /* _AXVCPU_ARM64_PSTATE_H */
