// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mitigations at entries and exits on x86, and the report of bugs left open
 * (vcpu/x86/mitigate.c). S5: no emulator speculates, so the choice of mitigations is tested.
 */
#include "axvcpu_test.h"
#include "vcpu/x86/mitigate.h"

static struct axvcpu_x86_cpu cpu;
static char left[128];

static int init(struct kunit *test)
{
	memset(&cpu, 0, sizeof(cpu));
	return 0;
}

static void set(unsigned int bit)
{
	__set_bit(bit, cpu.caps);
}

static const char *what_is_left(void)
{
	axvcpu_x86_left(&cpu, left, sizeof(left));
	return left;
}

static void a_cpu_without_bugs_wants_nothing(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, axvcpu_x86_choose(&cpu), 0);
	KUNIT_EXPECT_STREQ(test, what_is_left(), "");
}

static void the_kernels_choice_is_ours(struct kunit *test)
{
	static const struct { unsigned int bit; u32 chosen; } table[] = {
		{ X86_FEATURE_CLEAR_CPU_BUF, AXVCPU_X86_VERW },
		{ X86_FEATURE_CLEAR_CPU_BUF_VM, AXVCPU_X86_VERW },
		{ X86_FEATURE_CLEAR_BHB_VMEXIT, AXVCPU_X86_BHB },
		{ X86_FEATURE_IBPB_ON_VMEXIT, AXVCPU_X86_IBPB_EXIT },
		{ X86_FEATURE_ENTRY_IBPB, AXVCPU_X86_IBPB_EXIT },
		{ X86_FEATURE_IBPB_EXIT_TO_USER, AXVCPU_X86_IBPB_USER },
		{ X86_FEATURE_IBPB, AXVCPU_X86_IBPB_SWITCH },
		{ X86_BUG_MMIO_STALE_DATA, AXVCPU_X86_VERW },
		{ X86_BUG_L1TF, AXVCPU_X86_L1D },
		{ X86_BUG_DIV0, AXVCPU_X86_DIV },
		{ X86_BUG_FXSAVE_LEAK, AXVCPU_X86_FXSAVE },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		init(test);
		set(table[i].bit);
		KUNIT_EXPECT_EQ_MSG(test, axvcpu_x86_choose(&cpu), table[i].chosen, "row %d", i);
	}
}

static void mitigations_off_is_kept(struct kunit *test)
{
	cpu.off = true;
	set(X86_BUG_MMIO_STALE_DATA);
	set(X86_BUG_L1TF);
	set(X86_FEATURE_IBPB);
	KUNIT_EXPECT_EQ(test, axvcpu_x86_choose(&cpu), 0);
}

static void an_outer_hypervisor_flushes_the_cache(struct kunit *test)
{
	set(X86_BUG_L1TF);
	cpu.l1d_by_host = true;
	KUNIT_EXPECT_EQ(test, axvcpu_x86_choose(&cpu), 0);
}

static void threads_of_a_core_are_told_of(struct kunit *test)
{
	set(X86_BUG_L1TF);
	KUNIT_EXPECT_STREQ(test, what_is_left(), "");
	cpu.smt = true;
	KUNIT_EXPECT_STREQ(test, what_is_left(), "l1tf (SMT is on)");
	set(X86_BUG_MDS);
	set(X86_FEATURE_CLEAR_CPU_BUF);
	KUNIT_EXPECT_STREQ(test, what_is_left(), "l1tf (SMT is on), mds (no microcode)");
	set(X86_FEATURE_MD_CLEAR);
	KUNIT_EXPECT_STREQ(test, what_is_left(), "l1tf (SMT is on), mds (SMT is on)");
	set(X86_BUG_MSBDS_ONLY);
	KUNIT_EXPECT_STREQ(test, what_is_left(), "l1tf (SMT is on)");
}

/* Each bug with its mitigation: named without it, and not with it. */
static void what_is_not_mitigated_is_named(struct kunit *test)
{
	static const struct { unsigned int bug, feature; const char *name; } table[] = {
		{ X86_BUG_SPECTRE_V2, X86_FEATURE_RETPOLINE, "spectre_v2" },
		{ X86_BUG_RETBLEED, X86_FEATURE_UNRET, "retbleed" },
		{ X86_BUG_RETBLEED, X86_FEATURE_KERNEL_IBRS, "retbleed" },
		{ X86_BUG_RFDS, X86_FEATURE_CLEAR_CPU_BUF, "rfds" },
		{ X86_BUG_BHI, X86_FEATURE_CLEAR_BHB_VMEXIT, "bhi" },
		{ X86_BUG_ITS, X86_FEATURE_INDIRECT_THUNK_ITS, "its" },
		{ X86_BUG_VMSCAPE, X86_FEATURE_IBPB_EXIT_TO_USER, "vmscape" },
		{ X86_BUG_SPEC_STORE_BYPASS, X86_FEATURE_SSBD, "spec_store_bypass" },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		init(test);
		set(table[i].bug);
		KUNIT_EXPECT_EQ_MSG(test, strncmp(what_is_left(), table[i].name,
						  strlen(table[i].name)), 0, "%s", left);
		set(table[i].feature);
		KUNIT_EXPECT_STREQ(test, what_is_left(), "");
	}
	init(test);
	set(X86_BUG_TSA);
	set(X86_FEATURE_CLEAR_CPU_BUF_VM);
	KUNIT_EXPECT_STREQ(test, what_is_left(), "tsa (no microcode)");
	set(X86_BUG_SRSO);
	set(X86_FEATURE_VERW_CLEAR);
	KUNIT_EXPECT_STREQ(test, what_is_left(), "srso (the kernel's returns are open)");
	set(X86_FEATURE_SRSO_ALIAS);
	KUNIT_EXPECT_STREQ(test, what_is_left(), "srso (no microcode)");
	init(test);
	set(X86_BUG_GDS);
	KUNIT_EXPECT_STREQ(test, what_is_left(), "");
	cpu.gds_open = true;
	KUNIT_EXPECT_STREQ(test, what_is_left(), "gds (no microcode)");
}

/* A newer kernel may report a bug unknown to this module. */
static void a_bug_that_is_not_known_is_named(struct kunit *test)
{
	set(AXAS_X86_NEVER - 1);
	KUNIT_EXPECT_STREQ(test, what_is_left(), "bug 63 (newer than this module)");
}

static void a_long_list_is_cut(struct kunit *test)
{
	bitmap_set(cpu.caps, NCAPINTS * 32, NBUGINTS * 32);
	KUNIT_EXPECT_LT(test, axvcpu_x86_left(&cpu, left, sizeof(left)), sizeof(left));
	KUNIT_EXPECT_LT(test, strlen(left), sizeof(left));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_cpu_without_bugs_wants_nothing),
	KUNIT_CASE(the_kernels_choice_is_ours),
	KUNIT_CASE(mitigations_off_is_kept),
	KUNIT_CASE(an_outer_hypervisor_flushes_the_cache),
	KUNIT_CASE(threads_of_a_core_are_told_of),
	KUNIT_CASE(what_is_not_mitigated_is_named),
	KUNIT_CASE(a_bug_that_is_not_known_is_named),
	KUNIT_CASE(a_long_list_is_cut),
	{}
};

struct kunit_suite x86_mitigate_suite = {
	.name		= "x86_mitigate",
	.init		= init,
	.test_cases	= cases,
};
