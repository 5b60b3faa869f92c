// SPDX-License-Identifier: GPL-2.0-only
/*
 * The entries of Intel EPT, bit by bit. "SDM" is the Intel 64 and IA-32
 * Architectures Software Developer's Manual, volume 3C, section 29.3.2, tables
 * 29-1 to 29-7: bits 2:0 permit execute, write, read; bits 5:3 are the memory type
 * (0 UC, 1 WC, 6 WB) and bit 6 makes the guest's PAT ignored; bit 7 maps a page
 * above the last level; bits 8 and 9 are accessed and dirty, which hardware sets;
 * 51:12 are the address. The values below were computed from there by hand.
 */
#include "npt_fixture.h"

static const struct npt_geometry ept[] = {
	{ &axas_npt_ept, 48, 4 },
	{ &axas_npt_ept, 57, 5 },
};

KUNIT_ARRAY_PARAM(ept, ept, npt_levels_name);

static const struct npt_vector vectors[] = {
	{ TEST_RWX,	 TEST_NORMAL,   0, 0x0000000000001000, 0x0000000000001077 },
	{ TEST_RW,	 TEST_NORMAL,   0, 0x0000000012345000, 0x0000000012345073 },
	{ TEST_R,	 TEST_NORMAL,   0, 0x0000000012345000, 0x0000000012345071 },
	{ TEST_RX,	 TEST_NORMAL,   0, 0x0000000012345000, 0x0000000012345075 },
	{ TEST_X,	 TEST_NORMAL,   0, 0x0000000012345000, 0x0000000012345074 },
	{ TEST_RW,	 TEST_DEVICE,   0, 0x00000000fee00000, 0x00000000fee00043 },
	{ TEST_R,	 TEST_DEVICE,   0, 0x00000000fee00000, 0x00000000fee00041 },
	{ TEST_RW,	 TEST_UNCACHED, 0, 0x00000000c0000000, 0x00000000c000004b },
	{ TEST_RX,	 TEST_UNCACHED, 0, 0x00000000c0000000, 0x00000000c000004d },
	{ TEST_RWX,	 TEST_NORMAL,   0, 0x000ffffffffff000, 0x000ffffffffff077 },
	{ TEST_RWX,	 TEST_NORMAL,   1, 0x0000000000200000, 0x00000000002000f7 },
	{ TEST_R,	 TEST_NORMAL,   1, 0x000fffffffe00000, 0x000fffffffe000f1 },
	{ TEST_RW,	 TEST_DEVICE,   1, 0x0000000080000000, 0x00000000800000c3 },
	{ TEST_RW,	 TEST_UNCACHED, 1, 0x0000000080000000, 0x00000000800000cb },
	{ TEST_RX,	 TEST_NORMAL,   2, 0x0000000040000000, 0x00000000400000f5 },
	{ TEST_RW,	 TEST_DEVICE,   2, 0x000fffffc0000000, 0x000fffffc00000c3 },
};

static void leaf_entries_are_as_in_the_manual(struct kunit *test)
{
	npt_expect_vectors(test->priv, vectors, ARRAY_SIZE(vectors));
}

/* Rule R16: a table permits all; only leaves restrict. */
static void table_entries_permit_everything(struct kunit *test)
{
	npt_expect_tables(test->priv, 0x7);
}

/* Rule R14: nothing of the frame stays behind, beside a leaf that does. */
static void removed_entry_is_all_zero(struct kunit *test)
{
	npt_expect_removal(test->priv, TEST_RWX, 0x202077);
}

/* Defect 26, Rule R15: write without read is a misconfiguration (SDM 29.3.3.1). */
static void write_without_read_cannot_be_said(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	unsigned int type;

	for (type = 0; type <= TEST_UNCACHED; type++) {
		KUNIT_EXPECT_FALSE(test, axas_npt_can(&f->npt, TEST_W, type));
		KUNIT_EXPECT_FALSE(test, axas_npt_can(&f->npt, TEST_W | TEST_X, type));
		KUNIT_EXPECT_TRUE(test, axas_npt_can(&f->npt, TEST_R, type));
		KUNIT_EXPECT_TRUE(test, axas_npt_can(&f->npt, TEST_RW, type));
		KUNIT_EXPECT_TRUE(test, axas_npt_can(&f->npt, TEST_RX, type));
		KUNIT_EXPECT_TRUE(test, axas_npt_can(&f->npt, TEST_RWX, type));
	}
}

/* Rule R15: IA32_VMX_EPT_VPID_CAP bit 0 allows it (SDM appendix A.10). */
static void execute_only_needs_the_capability(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	f->npt.caps.flags = AXAS_CAP_EPT_XONLY;
	KUNIT_EXPECT_TRUE(test, axas_npt_can(&f->npt, TEST_X, TEST_NORMAL));
	f->npt.caps.flags = AXAS_CAP_S2_XNX;
	KUNIT_EXPECT_FALSE(test, axas_npt_can(&f->npt, TEST_X, TEST_NORMAL));
	f->npt.caps.flags = 0;
	KUNIT_EXPECT_FALSE(test, axas_npt_can(&f->npt, TEST_X, TEST_NORMAL));
}

/* Defect 25: an entry that permits nothing is not there for hardware. */
static void no_permission_cannot_be_said(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	KUNIT_EXPECT_FALSE(test, axas_npt_can(&f->npt, 0, TEST_NORMAL));
	KUNIT_EXPECT_FALSE(test, axas_npt_can(&f->npt, 0, TEST_DEVICE));
}

static const struct npt_protect_vector protections = {
	.hardware = BIT_ULL(8) | BIT_ULL(9),
	.mask = 0x7,
	.steps = { { TEST_R, 0x1 }, { TEST_RW, 0x3 }, { TEST_X, 0x4 } },
	.nr = 3,
	.last = 0x40000374,
};

/* Defect 37: hardware's accessed and dirty bits (SDM 29.3.5) outlive it. */
static void protect_keeps_accessed_and_dirty(struct kunit *test)
{
	npt_expect_protect(test->priv, &protections);
}

/* Defect 32's kin: a large leaf is told from a table by bit 7 alone (SDM table 29-5). */
static void leaf_with_dirty_bits_is_still_a_leaf(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, npt_map(f, SZ_1G, SZ_2M, SZ_1G, TEST_RW), 0);
	npt_set_hardware_bits(f, SZ_1G, 1, BIT_ULL(8) | BIT_ULL(9));
	npt_expect_leaf(f, SZ_1G + 5, SZ_1G + 5, 1, TEST_RW, TEST_NORMAL);
	npt_unmap(f, SZ_1G, SZ_2M);
	npt_expect_empty(f);
}

static struct kunit_case ept_cases[] = {
	KUNIT_CASE_PARAM(leaf_entries_are_as_in_the_manual, ept_gen_params),
	KUNIT_CASE_PARAM(table_entries_permit_everything, ept_gen_params),
	KUNIT_CASE_PARAM(removed_entry_is_all_zero, ept_gen_params),
	KUNIT_CASE_PARAM(write_without_read_cannot_be_said, ept_gen_params),
	KUNIT_CASE_PARAM(execute_only_needs_the_capability, ept_gen_params),
	KUNIT_CASE_PARAM(no_permission_cannot_be_said, ept_gen_params),
	KUNIT_CASE_PARAM(protect_keeps_accessed_and_dirty, ept_gen_params),
	KUNIT_CASE_PARAM(leaf_with_dirty_bits_is_still_a_leaf, ept_gen_params),
	{}
};

struct kunit_suite axas_npt_ept_suite = {
	.name = "axas_npt_ept",
	.init = npt_test_init,
	.exit = npt_test_exit,
	.test_cases = ept_cases,
};
