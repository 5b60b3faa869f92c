// SPDX-License-Identifier: GPL-2.0-only
/*
 * The test-only format: its levels are encoded differently, so that the other tests on it catch
 * an accessor used at the wrong level.
 */
#include "npt_fixture.h"

static const struct npt_vector vectors[] = {
	{ TEST_R,   AXAS_TYPE_NORMAL,   0, 0x0000000000001000, 0x000000000000010e },
	{ TEST_RWX, AXAS_TYPE_DEVICE,   0, 0x0000000000001000, 0x000000000000017e },
	{ TEST_R,   AXAS_TYPE_NORMAL,   1, 0x0000000000200000, 0x00000000001000f7 },
	{ 0,	    AXAS_TYPE_NORMAL,   1, 0x0000000000200000, 0x00000000001000ff },
	{ 0,	    AXAS_TYPE_NORMAL,   2, 0x0000000040000000, 0x0000000100000001 },
	{ TEST_RW,  AXAS_TYPE_UNCACHED, 2, 0x0000ffffc0000000, 0x0003ffff00000099 },
};

static void leaf_entries_differ_by_level(struct kunit *test)
{
	npt_expect_vectors(test->priv, vectors, ARRAY_SIZE(vectors));
}

/* The same memory and protection at two levels have no common bits except by chance. */
static void no_two_levels_read_an_entry_alike(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 entries[4], *ptep;
	unsigned int a, b;

	for (a = 0; a < 4; a++) {
		u64 gpa = axas_npt_leaf_size(a);

		KUNIT_ASSERT_EQ(test, axas_npt_map_leaf(&f->npt, gpa, BIT_ULL(39), TEST_RW,
							AXAS_TYPE_NORMAL, a), 0);
		ptep = npt_raw_ptep(f, gpa, a);
		KUNIT_ASSERT_NOT_NULL(test, ptep);
		entries[a] = *ptep;
	}
	for (a = 0; a < 4; a++)
		for (b = 0; b < a; b++)
			KUNIT_EXPECT_NE(test, entries[a], entries[b]);
	npt_unmap_all(f);
}

static void everything_can_be_said(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	unsigned int prot;

	for (prot = 0; prot <= AXAS_PROT_MASK; prot++)
		KUNIT_EXPECT_TRUE(test, axas_npt_can(&f->npt, prot, AXAS_TYPE_DEVICE));
}

static struct kunit_case fake_cases[] = {
	KUNIT_CASE(leaf_entries_differ_by_level),
	KUNIT_CASE(no_two_levels_read_an_entry_alike),
	KUNIT_CASE(everything_can_be_said),
	{}
};

struct kunit_suite axas_npt_fake_suite = {
	.name = "axas_npt_fake",
	.init = npt_test_init,
	.exit = npt_test_exit,
	.test_cases = fake_cases,
};
