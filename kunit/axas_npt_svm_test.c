// SPDX-License-Identifier: GPL-2.0-only
/*
 * The entries of AMD nested paging, bit by bit. "APM" is the AMD64 Architecture
 * Programmer's Manual, volume 2: 5.3.3 to 5.4.1 and 15.25. Bit 0 is present, 1
 * permits writes, 2 user accesses (all of a guest's are: 15.25.5), 4:3 choose the
 * entry of the host's PAT (Linux: 0 WB, 1 WC, 3 UC), 5 and 6 are accessed and dirty,
 * 7 maps a page above the last level, 51:12 are the address, 63 forbids execution.
 * The values below were computed from there by hand.
 */
#include "npt_fixture.h"

static const struct npt_geometry svm[] = {
	{ &axas_npt_svm, 48, 4 },
	{ &axas_npt_svm, 57, 5 },
};

KUNIT_ARRAY_PARAM(svm, svm, npt_levels_name);

static const struct npt_vector vectors[] = {
	{ TEST_RWX, TEST_NORMAL,   0, 0x0000000000001000, 0x0000000000001007 },
	{ TEST_RW,  TEST_NORMAL,   0, 0x0000000012345000, 0x8000000012345007 },
	{ TEST_R,   TEST_NORMAL,   0, 0x0000000012345000, 0x8000000012345005 },
	{ TEST_RX,  TEST_NORMAL,   0, 0x0000000012345000, 0x0000000012345005 },
	{ TEST_RW,  TEST_DEVICE,   0, 0x00000000fee00000, 0x80000000fee0001f },
	{ TEST_R,   TEST_DEVICE,   0, 0x00000000fee00000, 0x80000000fee0001d },
	{ TEST_RW,  TEST_UNCACHED, 0, 0x00000000c0000000, 0x80000000c000000f },
	{ TEST_RX,  TEST_UNCACHED, 0, 0x00000000c0000000, 0x00000000c000000d },
	{ TEST_RWX, TEST_NORMAL,   0, 0x000ffffffffff000, 0x000ffffffffff007 },
	{ TEST_RWX, TEST_NORMAL,   1, 0x0000000000200000, 0x0000000000200087 },
	{ TEST_R,   TEST_NORMAL,   1, 0x000fffffffe00000, 0x800fffffffe00085 },
	{ TEST_RW,  TEST_DEVICE,   1, 0x0000000080000000, 0x800000008000009f },
	{ TEST_RW,  TEST_UNCACHED, 1, 0x0000000080000000, 0x800000008000008f },
	{ TEST_RX,  TEST_NORMAL,   2, 0x0000000040000000, 0x0000000040000085 },
	{ TEST_RW,  TEST_DEVICE,   2, 0x000fffffc0000000, 0x800fffffc000009f },
};

static void leaf_entries_are_as_in_the_manual(struct kunit *test)
{
	npt_expect_vectors(test->priv, vectors, ARRAY_SIZE(vectors));
}

/* Rule R15, R16: write and user in each; and no NX, which would hold for all below. */
static void table_entries_permit_everything(struct kunit *test)
{
	npt_expect_tables(test->priv, 0x7);
}

/* Rule R14. */
static void removed_entry_is_all_zero(struct kunit *test)
{
	npt_expect_removal(test->priv, TEST_RW, 0x8000000000202007);
}

/* What is present can be read: there is no write-only, no execute-only, no nothing. */
static void no_read_cannot_be_said(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u32 prot;

	for (prot = 0; prot <= AXAS_PROT_MASK; prot++)
		KUNIT_EXPECT_EQ(test, axas_npt_can(&f->npt, prot, TEST_NORMAL), !!(prot & TEST_R));
}

/* Without EFER.NXE bit 63 is reserved (APM 5.6.1): everything is executable. */
static void execute_never_needs_the_capability(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	f->npt.caps.flags = AXAS_CAP_MASK & ~AXAS_CAP_SVM_NX;
	KUNIT_EXPECT_FALSE(test, axas_npt_can(&f->npt, TEST_R, TEST_NORMAL));
	KUNIT_EXPECT_FALSE(test, axas_npt_can(&f->npt, TEST_RW, TEST_DEVICE));
	KUNIT_EXPECT_TRUE(test, axas_npt_can(&f->npt, TEST_RX, TEST_NORMAL));
	KUNIT_EXPECT_TRUE(test, axas_npt_can(&f->npt, TEST_RWX, TEST_NORMAL));
}

static const struct npt_protect_vector protections = {
	.hardware = BIT_ULL(5) | BIT_ULL(6),
	.mask = 0x2 | BIT_ULL(63),
	.steps = { { TEST_R, BIT_ULL(63) }, { TEST_RW, 0x2 | BIT_ULL(63) }, { TEST_RX, 0 } },
	.nr = 3,
	.last = 0x40000065,
};

/* Defect 37. */
static void protect_keeps_accessed_and_dirty(struct kunit *test)
{
	npt_expect_protect(test->priv, &protections);
}

static struct kunit_case svm_cases[] = {
	KUNIT_CASE_PARAM(leaf_entries_are_as_in_the_manual, svm_gen_params),
	KUNIT_CASE_PARAM(table_entries_permit_everything, svm_gen_params),
	KUNIT_CASE_PARAM(removed_entry_is_all_zero, svm_gen_params),
	KUNIT_CASE_PARAM(no_read_cannot_be_said, svm_gen_params),
	KUNIT_CASE_PARAM(execute_never_needs_the_capability, svm_gen_params),
	KUNIT_CASE_PARAM(protect_keeps_accessed_and_dirty, svm_gen_params),
	{}
};

struct kunit_suite axas_npt_svm_suite = {
	.name = "axas_npt_svm",
	.init = npt_test_init,
	.exit = npt_test_exit,
	.test_cases = svm_cases,
};
