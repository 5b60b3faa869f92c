// SPDX-License-Identifier: GPL-2.0-only
/*
 * PSTATE of arm64 guests (vcpu/arm64/pstate.h; G3 and G7): on exception entry, after an emulated
 * instruction, and as set by the VMM.
 */
#include "axvcpu_test.h"
#include "vcpu/arm64/pstate.h"

#define FLAGS	A64_PSTATE_NZCV

static u64 handler(u64 pstate, u64 sctlr)
{
	return a64_pstate_in_handler(pstate, sctlr, false, false);
}

static void exceptions_go_to_el1h_masked(struct kunit *test)
{
	u64 all = A64_PSTATE_GUEST & ~A64_PSTATE_MODE;

	KUNIT_EXPECT_EQ(test, handler(A64_PSTATE_EL0T, A64_SCTLR_SPAN),
			A64_PSTATE_EL1H | A64_PSTATE_DAIF);
	/* SSBS, UAO, TCO, IL, SS, BTYPE and ALLINT are cleared. */
	KUNIT_EXPECT_EQ(test, handler(A64_PSTATE_EL1T | all, A64_SCTLR_SPAN),
			A64_PSTATE_EL1H | A64_PSTATE_DAIF | FLAGS | A64_PSTATE_DIT |
			A64_PSTATE_PAN);
}

static void exceptions_follow_sctlr(struct kunit *test)
{
	u64 span = A64_SCTLR_SPAN;

	KUNIT_EXPECT_FALSE(test, handler(0, span) & A64_PSTATE_PAN);
	KUNIT_EXPECT_TRUE(test, handler(0, 0) & A64_PSTATE_PAN);
	KUNIT_EXPECT_FALSE(test, handler(A64_PSTATE_SSBS, span) & A64_PSTATE_SSBS);
	KUNIT_EXPECT_TRUE(test, handler(0, A64_SCTLR_DSSBS) & A64_PSTATE_SSBS);
	KUNIT_EXPECT_TRUE(test, a64_pstate_in_handler(0, 0, true, false) & A64_PSTATE_TCO);
	KUNIT_EXPECT_TRUE(test, a64_pstate_in_handler(0, 0, false, true) & A64_PSTATE_ALLINT);
	KUNIT_EXPECT_FALSE(test, a64_pstate_in_handler(0, A64_SCTLR_SPINTMASK, false, true) &
			   A64_PSTATE_ALLINT);
}

static void vectors_follow_the_level(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, a64_vector_offset(A64_PSTATE_EL1T), 0x000);
	KUNIT_EXPECT_EQ(test, a64_vector_offset(A64_PSTATE_EL1H | FLAGS), 0x200);
	KUNIT_EXPECT_EQ(test, a64_vector_offset(A64_PSTATE_EL0T), 0x400);
	KUNIT_EXPECT_EQ(test, a64_vector_offset(A64_PSTATE32_USER), 0x600);
}

/* Each bit in each mode. A PSTATE read from any CPU can be set again once masked for the VMM. */
static void what_may_be_set_is_what_is_shown(struct kunit *test)
{
	u64 mode, pstate;
	unsigned int bit;

	for (mode = 0; mode < 32; mode++) {
		bool el1 = mode == 0 || mode == 4 || mode == 5;

		KUNIT_EXPECT_EQ(test, a64_pstate_ok(mode, true), el1 || mode == 16);
		KUNIT_EXPECT_EQ(test, a64_pstate_ok(mode, false), el1);
		for (bit = 5; bit < 64; bit++) {
			pstate = mode | BIT_ULL(bit);
			if (el1)
				pstate = a64_pstate_shown(pstate);
			KUNIT_EXPECT_EQ(test, a64_pstate_ok(pstate, false), el1);
		}
	}
	KUNIT_EXPECT_FALSE(test, a64_pstate_ok(A64_PSTATE_EL1H | A64_PSTATE_SS, true));
	KUNIT_EXPECT_FALSE(test, a64_pstate_ok(A64_PSTATE_EL1H | BIT_ULL(33), true));
	KUNIT_EXPECT_FALSE(test, a64_pstate_ok(A64_PSTATE32_USER | BIT_ULL(33), true));
	KUNIT_EXPECT_TRUE(test, a64_pstate_ok(A64_PSTATE_EL1H | A64_PSTATE_TCO, true));
}

static u64 with_it(u64 it)
{
	return A64_PSTATE32_USER | FIELD_PREP(A64_PSTATE32_IT_HIGH, it >> 2) |
	       FIELD_PREP(A64_PSTATE32_IT_LOW, it & 3);
}

static void retired_instructions_leave_no_branch_and_no_step(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, a64_pstate_retired(A64_PSTATE_EL1H | A64_PSTATE_BTYPE |
						 A64_PSTATE_SS | FLAGS),
			A64_PSTATE_EL1H | FLAGS);
	/* ITTEE EQ: the conditions of the four are EQ, EQ, NE, NE. */
	KUNIT_EXPECT_EQ(test, a64_pstate_retired(with_it(0x07)), with_it(0x0e));
	KUNIT_EXPECT_EQ(test, a64_pstate_retired(with_it(0x0e)), with_it(0x1c));
	KUNIT_EXPECT_EQ(test, a64_pstate_retired(with_it(0x1c)), with_it(0x18));
	KUNIT_EXPECT_EQ(test, a64_pstate_retired(with_it(0x18)), with_it(0));
	KUNIT_EXPECT_EQ(test, a64_pstate_retired(with_it(0)), with_it(0));
}

/* The conditions in words, as in Arm ARM C1.2.4. */
static bool holds(unsigned int cond, bool n, bool z, bool c, bool v)
{
	switch (cond) {
	case 0 ... 1:
		return z != (cond & 1);		/* EQ, NE */
	case 2 ... 3:
		return c != (cond & 1);		/* CS, CC */
	case 4 ... 5:
		return n != (cond & 1);		/* MI, PL */
	case 6 ... 7:
		return v != (cond & 1);		/* VS, VC */
	case 8:
		return c && !z;			/* HI */
	case 9:
		return !c || z;			/* LS */
	case 10:
		return n == v;			/* GE */
	case 11:
		return n != v;			/* LT */
	case 12:
		return !z && n == v;		/* GT */
	case 13:
		return z || n != v;		/* LE */
	default:
		return true;
	}
}

/* The condition comes from the syndrome, or from the IT block if the syndrome has none. */
static void conditions_hold_as_flags_say(struct kunit *test)
{
	unsigned int flags, cond;
	u64 pstate, esr;

	for (flags = 0; flags < 16; flags++) {
		pstate = A64_PSTATE32_USER | (u64)flags << 28;
		for (cond = 0; cond < 16; cond++) {
			bool is = holds(cond, flags & 8, flags & 4, flags & 2, flags & 1);

			esr = A64_ESR_CV | FIELD_PREP(A64_ESR_COND, cond);
			KUNIT_EXPECT_EQ(test, a64_condition_holds(pstate, esr), is);
			pstate |= with_it(cond << 4 | 8);
			KUNIT_EXPECT_EQ(test, a64_condition_holds(pstate, 0), is);
			pstate = A64_PSTATE32_USER | (u64)flags << 28;
		}
		KUNIT_EXPECT_TRUE(test, a64_condition_holds(pstate, 0));
	}
	/* AArch64 instructions have no condition. */
	KUNIT_EXPECT_TRUE(test, a64_condition_holds(A64_PSTATE_EL0T, A64_ESR_CV));
}

static struct kunit_case arm64_pstate_cases[] = {
	KUNIT_CASE(exceptions_go_to_el1h_masked),
	KUNIT_CASE(exceptions_follow_sctlr),
	KUNIT_CASE(vectors_follow_the_level),
	KUNIT_CASE(what_may_be_set_is_what_is_shown),
	KUNIT_CASE(retired_instructions_leave_no_branch_and_no_step),
	KUNIT_CASE(conditions_hold_as_flags_say),
	{}
};

struct kunit_suite arm64_pstate_suite = {
	.name		= "axvcpu_arm64_pstate",
	.test_cases	= arm64_pstate_cases,
};
