// SPDX-License-Identifier: GPL-2.0-only
/*
 * The descriptors of arm64 stage 2, bit by bit. "Arm" is the Arm Architecture
 * Reference Manual for A-profile architecture, DDI 0487, D8.3.1, D8.4.3, D8.6.5:
 * bits 1:0 are 0b11 in a page and a table, 0b01 in a block; 5:2 are MemAttr (0b1111
 * write-back, 0b0101 non-cacheable, 0b0001 Device-nGnRE); bit 6 permits reads, bit
 * 7 writes; 9:8 are the shareability (0b11 inner); bit 10 is the access flag; 47:12
 * are the address; 54:53 are XN (0b00 executable, 0b10 not). The values below were
 * computed from there by hand.
 */
#include "npt_fixture.h"

/* Three levels with a root of two tables, three with 16, four with one and with 16. */
static const struct npt_geometry s2[] = {
	{ &axas_npt_s2, 40, 3 },
	{ &axas_npt_s2, 43, 3 },
	{ &axas_npt_s2, 44, 4 },
	{ &axas_npt_s2, 48, 4 },
};

static void s2_name(const struct npt_geometry *g, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u bits", g->ia_bits);
}

KUNIT_ARRAY_PARAM(s2, s2, s2_name);

/* Defects 28, 29, 30 and 31 each have their lines here. */
static const struct npt_vector vectors[] = {
	{ TEST_RWX,	   TEST_NORMAL,   0, 0x0000000000001000, 0x00000000000017ff },
	{ TEST_RW,	   TEST_NORMAL,   0, 0x0000000012345000, 0x00400000123457ff },
	{ TEST_R,	   TEST_NORMAL,   0, 0x0000000012345000, 0x004000001234577f },
	{ TEST_RX,	   TEST_NORMAL,   0, 0x0000000012345000, 0x000000001234577f },
	{ TEST_W,	   TEST_NORMAL,   0, 0x0000000012345000, 0x00400000123457bf },
	{ TEST_W | TEST_X, TEST_NORMAL,   0, 0x0000000012345000, 0x00000000123457bf },
	{ TEST_X,	   TEST_NORMAL,   0, 0x0000000012345000, 0x000000001234573f },
	{ 0,		   TEST_NORMAL,   0, 0x0000000012345000, 0x004000001234573f },
	{ TEST_RW,	   TEST_DEVICE,   0, 0x0000000008000000, 0x00400000080007c7 },
	{ TEST_R,	   TEST_DEVICE,   0, 0x0000000008000000, 0x0040000008000747 },
	{ TEST_RW,	   TEST_UNCACHED, 0, 0x00000000c0000000, 0x00400000c00007d7 },
	{ TEST_RX,	   TEST_UNCACHED, 0, 0x00000000c0000000, 0x00000000c0000757 },
	{ TEST_RWX,	   TEST_NORMAL,   0, 0x0000fffffffff000, 0x0000fffffffff7ff },
	{ TEST_RWX,	   TEST_NORMAL,   1, 0x0000000000200000, 0x00000000002007fd },
	{ TEST_R,	   TEST_NORMAL,   1, 0x0000ffffffe00000, 0x0040ffffffe0077d },
	{ TEST_RW,	   TEST_DEVICE,   1, 0x0000000080000000, 0x00400000800007c5 },
	{ TEST_RW,	   TEST_UNCACHED, 1, 0x0000000080000000, 0x00400000800007d5 },
	{ TEST_RX,	   TEST_NORMAL,   2, 0x0000000040000000, 0x000000004000077d },
	{ TEST_W,	   TEST_DEVICE,   2, 0x0000ffffc0000000, 0x0040ffffc0000785 },
};

static void leaf_descriptors_are_as_in_the_manual(struct kunit *test)
{
	npt_expect_vectors(test->priv, vectors, ARRAY_SIZE(vectors));
}

/* Arm D8.6.6: with FEAT_S2FWB, MemAttr 0b0110 forces write-back; the others are alike. */
static const struct npt_vector fwb_vectors[] = {
	{ TEST_RWX, TEST_NORMAL,   0, 0x0000000000001000, 0x00000000000017db },
	{ TEST_RW,  TEST_NORMAL,   1, 0x0000000000200000, 0x00400000002007d9 },
	{ TEST_RW,  TEST_DEVICE,   0, 0x0000000008000000, 0x00400000080007c7 },
	{ TEST_RW,  TEST_UNCACHED, 0, 0x00000000c0000000, 0x00400000c00007d7 },
};

static void forced_write_back_has_its_own_attributes(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	f->npt.caps.flags |= AXAS_CAP_S2_FWB;
	npt_expect_vectors(f, fwb_vectors, ARRAY_SIZE(fwb_vectors));
}

/* Rule R16. */
static void table_descriptors_are_plain(struct kunit *test)
{
	npt_expect_tables(test->priv, 0x3);
}

/* Rule R14; Defect 32: an entry of zeroes is no block. */
static void removed_descriptor_is_all_zero(struct kunit *test)
{
	npt_expect_removal(test->priv, TEST_RWX, 0x2027ff);
}

/* Defect 31: all eight, with no FEAT_XNX either; nothing and write-only are valid. */
static void every_protection_can_be_said(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	unsigned int prot, type;

	f->npt.caps.flags = 0;
	for (prot = 0; prot <= AXAS_PROT_MASK; prot++)
		for (type = 0; type <= TEST_UNCACHED; type++)
			KUNIT_EXPECT_TRUE(test, axas_npt_can(&f->npt, prot, type));
}

static const struct npt_protect_vector protections = {
	.hardware = BIT_ULL(51),
	.mask = 0xc0 | BIT_ULL(53) | BIT_ULL(54),
	.steps = {
		{ TEST_R, 0x40 | BIT_ULL(54) },
		{ TEST_RW, 0xc0 | BIT_ULL(54) },
		{ 0, BIT_ULL(54) },
		{ TEST_X, 0 },
	},
	.nr = 4,
	.last = 0x000800004000073f,
};

/* Defects 29 and 37: only S2AP and XN change; the dirty state (DBM, bit 51) stays. */
static void protect_changes_permission_bits_alone(struct kunit *test)
{
	npt_expect_protect(test->priv, &protections);
}

/* A leaf that permits nothing is still mapped: it is found, and removed. */
static void leaf_without_permission_is_a_leaf(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, npt_map(f, SZ_1G, SZ_2M, SZ_1G, 0), 0);
	npt_expect_leaf(f, SZ_1G + 5, SZ_1G + 5, 1, 0, TEST_NORMAL);
	KUNIT_EXPECT_EQ(test, npt_map(f, SZ_1G, SZ_4K, SZ_2M, TEST_R), -EEXIST);
	npt_unmap(f, SZ_1G, SZ_2M);
	npt_expect_empty(f);
}

/* Defect 22; Arm D8.2.9: a root is at most 16 tables, and the start level follows. */
static void root_is_what_hardware_can_begin_with(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	KUNIT_EXPECT_LE(test, f->npt.root_order, 4);
	KUNIT_EXPECT_GE(test, f->npt.root_bits, 1);
	/* A start at Arm's level 0 stands for at least 44 - 39 bits here. */
	KUNIT_EXPECT_EQ(test, f->npt.levels == 4, f->npt.ia_bits > 43);
}

static struct kunit_case s2_cases[] = {
	KUNIT_CASE_PARAM(leaf_descriptors_are_as_in_the_manual, s2_gen_params),
	KUNIT_CASE_PARAM(forced_write_back_has_its_own_attributes, s2_gen_params),
	KUNIT_CASE_PARAM(table_descriptors_are_plain, s2_gen_params),
	KUNIT_CASE_PARAM(removed_descriptor_is_all_zero, s2_gen_params),
	KUNIT_CASE_PARAM(every_protection_can_be_said, s2_gen_params),
	KUNIT_CASE_PARAM(protect_changes_permission_bits_alone, s2_gen_params),
	KUNIT_CASE_PARAM(leaf_without_permission_is_a_leaf, s2_gen_params),
	KUNIT_CASE_PARAM(root_is_what_hardware_can_begin_with, s2_gen_params),
	{}
};

struct kunit_suite axas_npt_s2_suite = {
	.name = "axas_npt_s2",
	.init = npt_test_init,
	.exit = npt_test_exit,
	.test_cases = s2_cases,
};
