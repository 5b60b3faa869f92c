/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PSTATE: what a guest may have, what an exception makes of it, and what an instruction that
 * is done leaves. Nothing here touches hardware, so that KUnit can test it anywhere. "Arm" is
 * the Arm Architecture Reference Manual for A-profile architecture, DDI 0487.
 */
#ifndef _AXVCPU_ARM64_PSTATE_H
#define _AXVCPU_ARM64_PSTATE_H

#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/types.h>

/* As SPSR_EL2 has it after an exception from AArch64. Arm C5.2.20 */
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

/* The same after one from AArch32, where it differs. IT is in two parts. Arm C5.2.20 */
#define A64_PSTATE32_USER	0x10
#define A64_PSTATE32_THUMB	BIT_ULL(5)
#define A64_PSTATE32_IT_HIGH	GENMASK_ULL(15, 10)
#define A64_PSTATE32_IT_LOW	GENMASK_ULL(26, 25)
#define A64_PSTATE32_ALL	GENMASK_ULL(31, 0)

/* What can be in a guest's PSTATE, and so in GET_REGS and SET_REGS. */
#define A64_PSTATE_GUEST	(A64_PSTATE_MODE | A64_PSTATE_DAIF | A64_PSTATE_BTYPE |		\
				 A64_PSTATE_SSBS | A64_PSTATE_ALLINT | A64_PSTATE_IL |		\
				 A64_PSTATE_PAN | A64_PSTATE_UAO | A64_PSTATE_DIT |		\
				 A64_PSTATE_TCO | A64_PSTATE_NZCV)

/* SCTLR_EL1. Arm D23.2.143 */
#define A64_SCTLR_M		BIT_ULL(0)	/* stage 1 is on */
#define A64_SCTLR_SPAN		BIT_ULL(23)	/* an exception leaves PAN as it is */
#define A64_SCTLR_DSSBS		BIT_ULL(44)	/* an exception sets SSBS */
#define A64_SCTLR_SPINTMASK	BIT_ULL(62)	/* an exception clears ALLINT */

/* ESR_EL2. Arm D23.2.40 */
#define A64_ESR_EC		GENMASK_ULL(31, 26)
#define A64_ESR_IL		BIT_ULL(25)	/* the instruction had 32 bits */
#define A64_ESR_CV		BIT_ULL(24)	/* AArch32: the condition follows */
#define A64_ESR_COND		GENMASK_ULL(23, 20)

#define A64_COND_ALWAYS		14

static inline bool a64_is_aarch32(u64 pstate)
{
	return pstate & A64_PSTATE_AARCH32;
}

/* What GET_REGS tells: what SET_REGS takes. */
static inline u64 a64_pstate_shown(u64 pstate)
{
	return pstate & (a64_is_aarch32(pstate) ? A64_PSTATE32_ALL : A64_PSTATE_GUEST);
}

/*
 * AArch64 at EL1 or EL0, or AArch32 at EL0 where there is one (@aarch32). Anything else
 * would be an illegal exception return (Arm D1.3.3), or a level that is not the guest's.
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

/* Whether SET_REGS may set it: no software step, which no guest has. */
static inline bool a64_pstate_ok(u64 pstate, bool aarch32)
{
	return a64_mode_ok(pstate, aarch32) && pstate == a64_pstate_shown(pstate) &&
	       !(pstate & A64_PSTATE_SS);
}

/* Where an exception of EL1 begins: from its own level, or from EL0. Arm D1.3.1.5 */
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
 * Arm J1.1, AArch64.TakeException(). SCTLR_EL1's bits are 0 without their features, but
 * SPAN, which is 1; all CPUs with VHE have PAN. What two bits of the CPU's own say is not
 * what the guest's ID registers show: hardware enters with them, too. A return from AArch32
 * has NZCV, PAN and DIT in the same places.
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

/* The next instruction of an IT block: Arm J1.2, AArch32.ITAdvance() */
static inline u64 a64_it_advance(u64 pstate)
{
	u64 it = a64_it(pstate);

	it = it & 7 ? (it & 0xe0) | (it << 1 & 0x1f) : 0;
	pstate &= ~(A64_PSTATE32_IT_HIGH | A64_PSTATE32_IT_LOW);
	return pstate | FIELD_PREP(A64_PSTATE32_IT_HIGH, it >> 2) |
	       FIELD_PREP(A64_PSTATE32_IT_LOW, it & 3);
}

/* PSTATE behind an instruction that was emulated: no branch it was, and a step is over. */
static inline u64 a64_pstate_retired(u64 pstate)
{
	pstate &= ~A64_PSTATE_SS;
	return a64_is_aarch32(pstate) ? a64_it_advance(pstate) : pstate & ~A64_PSTATE_BTYPE;
}

/* The condition of an AArch32 instruction that was trapped. Arm D23.2.40, COND and CV */
static inline u64 a64_condition(u64 pstate, u64 esr)
{
	if (esr & A64_ESR_CV)
		return FIELD_GET(A64_ESR_COND, esr);
	return a64_it(pstate) ? a64_it(pstate) >> 4 : A64_COND_ALWAYS;
}

/*
 * Whether an instruction that was trapped would have been done: hardware may trap one whose
 * condition fails. Arm J1.3, ConditionHolds()
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
