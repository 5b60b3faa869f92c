// SPDX-License-Identifier: GPL-2.0-only
/*
 * The entries of the RISC-V G-stage, bit by bit. "Priv" is The RISC-V Instruction Set
 * Manual, volume II, Privileged Architecture: bit 0 is V, 1 R, 2 W, 3 X, 4 U (which
 * every leaf needs, for a guest's accesses count as U-mode's), 6 A, 7 D; 53:10 are
 * the page number, 62:61 Svpbmt's type (0 the memory's own, 1 NC, 2 IO). An entry
 * without R, W and X points to a table. The values below were computed by hand.
 */
#include "npt_fixture.h"

#define NORMAL		AXAS_TYPE_NORMAL
#define DEVICE		AXAS_TYPE_DEVICE
#define UNCACHED	AXAS_TYPE_UNCACHED

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
	{ TEST_RWX, NORMAL,   0, 0x0000000000001000, 0x00000000000004df },
	{ TEST_RW,  NORMAL,   0, 0x0000000012345000, 0x00000000048d14d7 },
	{ TEST_R,   NORMAL,   0, 0x0000000012345000, 0x00000000048d14d3 },
	{ TEST_RX,  NORMAL,   0, 0x0000000012345000, 0x00000000048d14db },
	{ TEST_X,   NORMAL,   0, 0x0000000012345000, 0x00000000048d14d9 },
	{ TEST_RW,  DEVICE,   0, 0x0000000010000000, 0x40000000040000d7 },
	{ TEST_R,   DEVICE,   0, 0x0000000010000000, 0x40000000040000d3 },
	{ TEST_RW,  UNCACHED, 0, 0x00000000c0000000, 0x20000000300000d7 },
	{ TEST_RX,  UNCACHED, 0, 0x00000000c0000000, 0x20000000300000db },
	{ TEST_RWX, NORMAL,   0, 0x00fffffffffff000, 0x003ffffffffffcdf },
	{ TEST_RWX, NORMAL,   1, 0x0000000000200000, 0x00000000000800df },
	{ TEST_R,   DEVICE,   1, 0x0000000080000000, 0x40000000200000d3 },
	{ TEST_RX,  NORMAL,   2, 0x0000000040000000, 0x00000000100000db },
	{ TEST_RW,  UNCACHED, 2, 0x00ffffffc0000000, 0x203ffffff00000d7 },
};

static void leaf_entries_are_as_in_the_manual(struct kunit *test)
{
	npt_expect_vectors(test->priv, vectors, ARRAY_SIZE(vectors));
}

/* A, D and U of such an entry are reserved. Rule R16: there is no permission in it. */
static void table_entries_are_valid_alone(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, npt_map(f, SZ_1G + SZ_8K, SZ_4K, SZ_1G, TEST_R), 0);
	npt_expect_table_bits(f, SZ_1G + SZ_8K, 1, 0x1);
	npt_unmap(f, SZ_1G + SZ_8K, SZ_4K);
	/* Those that a split makes, too. */
	KUNIT_ASSERT_EQ(test, npt_map(f, SZ_1G, SZ_1G, SZ_1G, TEST_R), 0);
	KUNIT_ASSERT_EQ(test, npt_split_at(f, SZ_1G + SZ_4K), 0);
	npt_expect_table_bits(f, SZ_1G, 1, 0x1);
	npt_unmap(f, SZ_1G, SZ_1G);
}

/* Rule R14. */
static void removed_entry_is_all_zero(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 *ptep;

	KUNIT_ASSERT_EQ(test, npt_map(f, SZ_1G, SZ_8K, SZ_2M + SZ_4K, TEST_RWX), 0);
	ptep = npt_raw_ptep(f, SZ_1G, 0);
	KUNIT_ASSERT_NOT_NULL(test, ptep);
	npt_unmap(f, SZ_1G, SZ_4K);
	KUNIT_EXPECT_EQ(test, ptep[0], 0ull);
	KUNIT_EXPECT_EQ(test, ptep[1], 0x808dfull);
	npt_unmap(f, SZ_1G + SZ_4K, SZ_4K);
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

	KUNIT_EXPECT_FALSE(test, axas_npt_can(&f->npt, 0, NORMAL));
	KUNIT_EXPECT_FALSE(test, axas_npt_can(&f->npt, TEST_W, NORMAL));
	KUNIT_EXPECT_FALSE(test, axas_npt_can(&f->npt, TEST_W | TEST_X, NORMAL));
	KUNIT_EXPECT_TRUE(test, axas_npt_can(&f->npt, TEST_R, NORMAL));
	KUNIT_EXPECT_TRUE(test, axas_npt_can(&f->npt, TEST_X, NORMAL));
	KUNIT_EXPECT_TRUE(test, axas_npt_can(&f->npt, TEST_RW, NORMAL));
	KUNIT_EXPECT_TRUE(test, axas_npt_can(&f->npt, TEST_RX, NORMAL));
	KUNIT_EXPECT_TRUE(test, axas_npt_can(&f->npt, TEST_RWX, NORMAL));
}

static void memory_types_need_svpbmt(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	KUNIT_EXPECT_TRUE(test, axas_npt_can(&f->npt, TEST_RW, DEVICE));
	f->npt.caps.flags = AXAS_CAP_MASK & ~AXAS_CAP_GSTAGE_SVPBMT;
	KUNIT_EXPECT_TRUE(test, axas_npt_can(&f->npt, TEST_RW, NORMAL));
	KUNIT_EXPECT_FALSE(test, axas_npt_can(&f->npt, TEST_RW, DEVICE));
	KUNIT_EXPECT_FALSE(test, axas_npt_can(&f->npt, TEST_RW, UNCACHED));
}

static void protect_changes_permission_bits_alone(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, npt_map(f, SZ_1G, SZ_4K, SZ_1G, TEST_RWX), 0);
	npt_expect_protect_bits(f, SZ_1G, TEST_R, 0xe, 0x2);
	npt_expect_protect_bits(f, SZ_1G, TEST_RW, 0xe, 0x6);
	npt_expect_protect_bits(f, SZ_1G, TEST_X, 0xe, 0x8);
	npt_unmap(f, SZ_1G, SZ_4K);
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
