// SPDX-License-Identifier: GPL-2.0-only
/*
 * The entries of the RISC-V G-stage, bit by bit. "Priv" is The RISC-V Instruction Set
 * Manual, volume II, Privileged Architecture: bit 0 is V, 1 R, 2 W, 3 X, 4 U (which
 * every leaf needs, for a guest's accesses count as U-mode's), 6 A, 7 D; 53:10 are
 * the page number, 62:61 Svpbmt's type (0 the memory's own, 1 NC, 2 IO). An entry
 * without R, W and X points to a table. The values below were computed by hand.
 */
#include "npt_fixture.h"

static const struct npt_geometry gstage[] = {
	{ &axas_npt_gstage, 41, 3 },
	{ &axas_npt_gstage, 50, 4 },
	{ &axas_npt_gstage, 59, 5 },
};

static void gstage_name(const struct npt_geometry *g, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "Sv%ux4", g->ia_bits - 2);
}

KUNIT_ARRAY_PARAM(gstage, gstage, gstage_name);

/* Defect 34 is in each line: U is set. */
static const struct npt_vector vectors[] = {
	{ TEST_RWX, TEST_NORMAL,   0, 0x0000000000001000, 0x00000000000004df },
	{ TEST_RW,  TEST_NORMAL,   0, 0x0000000012345000, 0x00000000048d14d7 },
	{ TEST_R,   TEST_NORMAL,   0, 0x0000000012345000, 0x00000000048d14d3 },
	{ TEST_RX,  TEST_NORMAL,   0, 0x0000000012345000, 0x00000000048d14db },
	{ TEST_X,   TEST_NORMAL,   0, 0x0000000012345000, 0x00000000048d14d9 },
	{ TEST_RW,  TEST_DEVICE,   0, 0x0000000010000000, 0x40000000040000d7 },
	{ TEST_R,   TEST_DEVICE,   0, 0x0000000010000000, 0x40000000040000d3 },
	{ TEST_RW,  TEST_UNCACHED, 0, 0x00000000c0000000, 0x20000000300000d7 },
	{ TEST_RX,  TEST_UNCACHED, 0, 0x00000000c0000000, 0x20000000300000db },
	{ TEST_RWX, TEST_NORMAL,   0, 0x00fffffffffff000, 0x003ffffffffffcdf },
	{ TEST_RWX, TEST_NORMAL,   1, 0x0000000000200000, 0x00000000000800df },
	{ TEST_R,   TEST_DEVICE,   1, 0x0000000080000000, 0x40000000200000d3 },
	{ TEST_RX,  TEST_NORMAL,   2, 0x0000000040000000, 0x00000000100000db },
	{ TEST_RW,  TEST_UNCACHED, 2, 0x00ffffffc0000000, 0x203ffffff00000d7 },
};

static void leaf_entries_are_as_in_the_manual(struct kunit *test)
{
	npt_expect_vectors(test->priv, vectors, ARRAY_SIZE(vectors));
}

/* A, D and U of such an entry are reserved. Rule R16: there is no permission in it. */
static void table_entries_are_valid_alone(struct kunit *test)
{
	npt_expect_tables(test->priv, 0x1);
}

/* Rule R14. */
static void removed_entry_is_all_zero(struct kunit *test)
{
	npt_expect_removal(test->priv, TEST_RWX, 0x808df);
}

/* Defect 33: the root is 16 KiB and stands for two bits more, in every mode. */
static void root_is_16k(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, f->npt.root_order, 2);
	KUNIT_EXPECT_EQ(test, f->npt.root_bits, 11);
	KUNIT_EXPECT_TRUE(test, axas_hpa_is_aligned(f->npt.root_hpa, SZ_16K));
}

/* Sv39x4, Sv48x4, Sv57x4, and nothing between them. */
static void modes_are_the_three_of_hardware(struct kunit *test)
{
	struct axas_npt_caps caps = npt_full_caps(&axas_npt_gstage);
	struct npt_fixture *f = test->priv;
	unsigned int bits;

	for (bits = 41; bits <= 59; bits++) {
		struct axas_npt npt;
		int err = axas_npt_init(&npt, &axas_npt_gstage, &npt_test_ops, &f->mock->hal, bits,
					&caps);

		KUNIT_EXPECT_EQ(test, err, (bits - 41) % 9 ? -EOPNOTSUPP : 0);
		if (!err)
			axas_npt_destroy(&npt);
	}
}

/* Defect 26: W without R is reserved, and no permission at all is a table. */
static void write_without_read_cannot_be_said(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	KUNIT_EXPECT_FALSE(test, axas_npt_can(&f->npt, 0, TEST_NORMAL));
	KUNIT_EXPECT_FALSE(test, axas_npt_can(&f->npt, TEST_W, TEST_NORMAL));
	KUNIT_EXPECT_FALSE(test, axas_npt_can(&f->npt, TEST_W | TEST_X, TEST_NORMAL));
	KUNIT_EXPECT_TRUE(test, axas_npt_can(&f->npt, TEST_R, TEST_NORMAL));
	KUNIT_EXPECT_TRUE(test, axas_npt_can(&f->npt, TEST_X, TEST_NORMAL));
	KUNIT_EXPECT_TRUE(test, axas_npt_can(&f->npt, TEST_RW, TEST_NORMAL));
	KUNIT_EXPECT_TRUE(test, axas_npt_can(&f->npt, TEST_RX, TEST_NORMAL));
	KUNIT_EXPECT_TRUE(test, axas_npt_can(&f->npt, TEST_RWX, TEST_NORMAL));
}

static void memory_types_need_svpbmt(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	KUNIT_EXPECT_TRUE(test, axas_npt_can(&f->npt, TEST_RW, TEST_DEVICE));
	f->npt.caps.flags = AXAS_CAP_MASK & ~AXAS_CAP_GSTAGE_SVPBMT;
	KUNIT_EXPECT_TRUE(test, axas_npt_can(&f->npt, TEST_RW, TEST_NORMAL));
	KUNIT_EXPECT_FALSE(test, axas_npt_can(&f->npt, TEST_RW, TEST_DEVICE));
	KUNIT_EXPECT_FALSE(test, axas_npt_can(&f->npt, TEST_RW, TEST_UNCACHED));
}

static const struct npt_protect_vector protections = {
	.mask = 0xe,
	.steps = { { TEST_R, 0x2 }, { TEST_RW, 0x6 }, { TEST_X, 0x8 } },
	.nr = 3,
	.last = 0x100000d9,
};

static void protect_changes_permission_bits_alone(struct kunit *test)
{
	npt_expect_protect(test->priv, &protections);
}

static struct kunit_case gstage_cases[] = {
	KUNIT_CASE_PARAM(leaf_entries_are_as_in_the_manual, gstage_gen_params),
	KUNIT_CASE_PARAM(table_entries_are_valid_alone, gstage_gen_params),
	KUNIT_CASE_PARAM(removed_entry_is_all_zero, gstage_gen_params),
	KUNIT_CASE_PARAM(root_is_16k, gstage_gen_params),
	KUNIT_CASE(modes_are_the_three_of_hardware),
	KUNIT_CASE_PARAM(write_without_read_cannot_be_said, gstage_gen_params),
	KUNIT_CASE_PARAM(memory_types_need_svpbmt, gstage_gen_params),
	KUNIT_CASE_PARAM(protect_changes_permission_bits_alone, gstage_gen_params),
	{}
};

struct kunit_suite axas_npt_gstage_suite = {
	.name = "axas_npt_gstage",
	.init = npt_test_init,
	.exit = npt_test_exit,
	.test_cases = gstage_cases,
};
