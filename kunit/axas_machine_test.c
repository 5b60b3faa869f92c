// SPDX-License-Identifier: GPL-2.0-only
/*
 * Machines: which tables a machine may walk (axas_npt_within() in axas_npt.c,
 * axas_space_check_machine() in axas_space.c), and addresses beyond its bits.
 */
#include <linux/err.h>

#include "axas_space.h"
#include "npt_fixture.h"
#include "space_fixture.h"

/* Exactly the machine that the table was made for. */
static struct axas_npt_caps own_machine(const struct axas_npt *npt)
{
	struct axas_npt_caps machine = npt->caps;

	machine.max_ia_bits = npt->ia_bits;
	machine.levels = BIT(npt->levels);
	return machine;
}

static bool within(const struct npt_fixture *f, struct axas_npt_caps machine)
{
	return axas_npt_within(&f->npt, &machine);
}

static void table_is_walked_by_its_own_machine(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	KUNIT_EXPECT_TRUE(test, within(f, own_machine(&f->npt)));
}

/* Most machines have more than a table requires. */
static void table_is_walked_by_a_machine_that_has_more(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	struct axas_npt_caps machine = own_machine(&f->npt);

	machine.max_ia_bits = 64;
	machine.oa_bits = 64;
	machine.levels = ~0u;
	machine.leaf_levels = ~0u;
	KUNIT_EXPECT_TRUE(test, within(f, machine));
	f->npt.caps.flags = 0;
	machine.flags = f->npt.fmt->flags & ~(AXAS_CAP_S2_FWB | AXAS_CAP_EXEC_4K);
	KUNIT_EXPECT_TRUE(test, within(f, machine));
}

/* S1: with a table one level too deep or too flat, guest pages would be walked as tables. */
static void another_number_of_levels_is_refused(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	struct axas_npt_caps machine = own_machine(&f->npt);

	machine.levels = BIT(f->npt.levels + 1);
	KUNIT_EXPECT_FALSE(test, within(f, machine));
	machine.levels = BIT(f->npt.levels - 1);
	KUNIT_EXPECT_FALSE(test, within(f, machine));
	machine.levels = ~BIT(f->npt.levels);
	KUNIT_EXPECT_FALSE(test, within(f, machine));
	/* A machine without known levels walks no table. */
	machine.levels = 0;
	KUNIT_EXPECT_FALSE(test, within(f, machine));
}

/* S2, as the three tests below. */
static void addresses_that_the_machine_lacks_are_refused(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	struct axas_npt_caps machine = own_machine(&f->npt);

	machine.max_ia_bits--;
	KUNIT_EXPECT_FALSE(test, within(f, machine));
	machine = own_machine(&f->npt);
	machine.oa_bits--;
	KUNIT_EXPECT_FALSE(test, within(f, machine));
}

static void leaf_levels_that_the_machine_lacks_are_refused(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	unsigned int level;

	for (level = 0; level < f->npt.levels; level++) {
		struct axas_npt_caps machine = own_machine(&f->npt);

		if (!npt_has_level(&f->npt, level))
			continue;
		machine.leaf_levels &= ~BIT(level);
		KUNIT_EXPECT_FALSE_MSG(test, within(f, machine), "level %u", level);
	}
}

static void capabilities_that_the_machine_lacks_are_refused(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	unsigned int bit;

	f->npt.caps.flags = f->npt.fmt->flags;
	for (bit = 0; bit < 32; bit++) {
		struct axas_npt_caps machine = own_machine(&f->npt);

		if (!(f->npt.fmt->flags & BIT(bit)) || BIT(bit) == AXAS_CAP_EXEC_4K)
			continue;
		machine.flags &= ~BIT(bit);
		KUNIT_EXPECT_FALSE_MSG(test, within(f, machine), "capability %#lx", BIT(bit));
	}
}

/* Two properties of a machine that its tables must obey: an erratum, and another encoding. */
static void what_the_machine_needs_is_wanted_of_the_table(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	struct axas_npt_caps machine = own_machine(&f->npt);

	machine.flags |= AXAS_CAP_EXEC_4K;
	KUNIT_EXPECT_FALSE(test, within(f, machine));
	f->npt.caps.flags |= AXAS_CAP_EXEC_4K;
	KUNIT_EXPECT_TRUE(test, within(f, machine));
	machine.flags &= ~AXAS_CAP_EXEC_4K;
	KUNIT_EXPECT_TRUE(test, within(f, machine));
	machine = own_machine(&f->npt);
	machine.flags ^= AXAS_CAP_S2_FWB;
	KUNIT_EXPECT_FALSE(test, within(f, machine));
}

/* G11, and UML: where no CPU walks a format, a table of that format is refused. */
static void host_walks_what_was_made_for_it(struct kunit *test)
{
	u32 format;

	for (format = AXAS_FORMAT_DEFAULT + 1; format < AXAS_NR_FORMATS; format++) {
		struct axas_space_params params = { .format = format };
		struct axas_space *space = axas_space_create(&params);
		struct axas_npt_caps host;

		KUNIT_ASSERT_FALSE(test, IS_ERR(space));
		KUNIT_EXPECT_EQ(test, axas_space_format(space), format);
		KUNIT_EXPECT_EQ_MSG(test, axas_space_check_machine(space),
				    axas_host_caps(space->npt.fmt, &host) ? 0 : -EMEDIUMTYPE,
				    "format %u", format);
		axas_space_put(space);
	}
}

/* S2: a host hardly ever has all that a format describes. */
static void host_does_not_walk_what_it_lacks(struct kunit *test)
{
	struct axas_machine machine = { .leaf_levels = 1, .oa_bits = 40 };
	struct axas_space_params params = { .machine = &machine };
	struct axas_npt_caps host;
	struct axas_space *space;

	params.format = axas_host_format();
	if (!params.format || !axas_host_caps(axas_npt_fmt_by_id(params.format), &host))
		kunit_skip(test, "this CPU walks no tables");
	params.ia_bits = axas_npt_fmt_by_id(params.format)->max_ia_bits;
	machine.caps = axas_npt_fmt_by_id(params.format)->flags & ~AXAS_CAP_EXEC_4K;
	space = axas_space_create(&params);
	if (IS_ERR(space))
		kunit_skip(test, "the format has more bits than its tables");
	if ((machine.caps & ~host.flags) || params.ia_bits > host.max_ia_bits)
		KUNIT_EXPECT_EQ(test, axas_space_check_machine(space), -EMEDIUMTYPE);
	axas_space_put(space);
}

/* S1: a host with five levels of its own walks five for any number of guest address bits. */
static void svm_has_as_many_levels_as_its_host(struct kunit *test)
{
	static const struct {
		u32 levels, ia_bits;
		unsigned int want, want_bits;
		int err;
	} cases[] = {
		{ BIT(4), 0, 4, 48 },
		{ BIT(4), 48, 4, 48 },
		{ BIT(4), 49, .err = -EOPNOTSUPP },
		{ BIT(4), 57, .err = -EOPNOTSUPP },
		{ BIT(5), 0, 5, 57 },
		{ BIT(5), 48, 5, 48 },
		{ BIT(5), 57, 5, 57 },
		{ BIT(4) | BIT(5), 0, 4, 48 },
		{ BIT(4) | BIT(5), 48, 4, 48 },
		{ BIT(4) | BIT(5), 57, 5, 57 },
	};
	struct npt_fixture *f = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct axas_npt_caps caps = npt_full_caps(&axas_npt_svm);
		struct axas_npt npt;
		int err;

		caps.levels = cases[i].levels;
		err = axas_npt_init(&npt, &axas_npt_svm, &npt_test_ops, &f->mock->hal,
				    cases[i].ia_bits, &caps);
		KUNIT_EXPECT_EQ_MSG(test, err, cases[i].err, "case %u", i);
		if (err)
			continue;
		KUNIT_EXPECT_EQ_MSG(test, (u32)npt.levels, cases[i].want, "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, (u32)npt.ia_bits, cases[i].want_bits, "case %u", i);
		axas_npt_destroy(&npt);
	}
}

/* H12, W1: neither frames nor tables are used beyond the machine's address bits. */
static void frames_beyond_the_machines_addresses_are_none(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	struct axas_npt_caps caps = npt_full_caps(&axas_npt_ept);
	struct axas_space_params params = { .hal = &f->mock->hal };
	long frames = f->mock->frames, tables = f->mock->tables;
	struct axas_translation to;
	struct axas_space *space;

	/* The mock's first frame is at 1 << 35, later ones above it. */
	caps.oa_bits = 35;
	KUNIT_EXPECT_EQ(test,
			PTR_ERR(axas_space_create_fmt(&params, &axas_npt_ept, &caps)), -ENOMEM);
	caps.oa_bits = 36;
	space = axas_space_create_fmt(&params, &axas_npt_ept, &caps);
	KUNIT_ASSERT_FALSE(test, IS_ERR(space));
	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(space, gpa_range(WIN, SZ_1M), TEST_RW,
						   AXAS_TYPE_NORMAL, 0), 0);
	KUNIT_EXPECT_EQ(test, axas_space_fault(space, axas_gpa(WIN), TEST_W, NULL),
			AXAS_FAULT_FIXED);
	f->mock->next_pfn = PHYS_PFN(BIT_ULL(36));
	KUNIT_EXPECT_EQ(test, axas_space_fault(space, axas_gpa(WIN + SZ_4K), TEST_W, NULL),
			AXAS_FAULT_NOMEM);
	KUNIT_EXPECT_EQ(test, axas_space_fault_nowait(space, axas_gpa(WIN + SZ_4K), TEST_W),
			AXAS_FAULT_RETRY);
	KUNIT_EXPECT_EQ(test, axas_space_map_alloc(space, gpa_range(BORDER + SZ_1G, SZ_4M),
						   TEST_RW, AXAS_TYPE_NORMAL,
						   AXAS_MAP_POPULATE), -ENOMEM);
	/* A table beyond the bits is refused, though the leaf's memory is within. */
	KUNIT_EXPECT_EQ(test, axas_space_map_linear(space, gpa_range(BORDER + SZ_2G, SZ_4K),
						    axas_hpa(SZ_1G), TEST_R,
						    AXAS_TYPE_NORMAL), -ENOMEM);
	f->mock->next_pfn = PHYS_PFN(BIT_ULL(36) - SZ_4K);
	KUNIT_EXPECT_EQ(test, axas_space_fault(space, axas_gpa(WIN + SZ_4K), TEST_W, NULL),
			AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, axas_space_translate(space, axas_gpa(WIN + SZ_4K), &to), 0);
	KUNIT_EXPECT_EQ(test, to.hpa.val, BIT_ULL(36) - SZ_4K);
	axas_space_put(space);
	KUNIT_EXPECT_EQ(test, f->mock->frames, frames);
	KUNIT_EXPECT_EQ(test, f->mock->tables, tables);
}

static struct kunit_case machine_cases[] = {
	KUNIT_CASE_PARAM(table_is_walked_by_its_own_machine, npt_all_gen_params),
	KUNIT_CASE_PARAM(table_is_walked_by_a_machine_that_has_more, npt_all_gen_params),
	KUNIT_CASE_PARAM(another_number_of_levels_is_refused, npt_all_gen_params),
	KUNIT_CASE_PARAM(addresses_that_the_machine_lacks_are_refused, npt_all_gen_params),
	KUNIT_CASE_PARAM(leaf_levels_that_the_machine_lacks_are_refused, npt_all_gen_params),
	KUNIT_CASE_PARAM(capabilities_that_the_machine_lacks_are_refused, npt_all_gen_params),
	KUNIT_CASE_PARAM(what_the_machine_needs_is_wanted_of_the_table, npt_all_gen_params),
	KUNIT_CASE(host_walks_what_was_made_for_it),
	KUNIT_CASE(host_does_not_walk_what_it_lacks),
	KUNIT_CASE(svm_has_as_many_levels_as_its_host),
	KUNIT_CASE(frames_beyond_the_machines_addresses_are_none),
	{}
};

struct kunit_suite axas_machine_suite = {
	.name = "axas_machine",
	.init = npt_test_init,
	.exit = npt_test_exit,
	.test_cases = machine_cases,
};
