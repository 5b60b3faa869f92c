// SPDX-License-Identifier: GPL-2.0-only
/*
 * Spaces (axas_space.c): create, areas, map, unmap, protect, translate. Faults and populate are
 * in axas_space_fault_test.c, ranges at the ends of a space in axas_space_range_test.c,
 * allocation failures in axas_space_fail_test.c, and consumers in axas_space_consumer_test.c.
 */
#include <linux/err.h>

#include "npt_fixture.h"
#include "space_fixture.h"

static void create_and_put_balance(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	space_expect_empty(f);
	space_drop(f);
	KUNIT_EXPECT_EQ(test, f->mock->tables, 0l);
	axas_space_put(NULL);
}

static void put_frees_everything(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_64K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER, SZ_2M, LINEAR, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BORDER + SZ_2M, SZ_64K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 16l);
	space_drop(f);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 0l);
	KUNIT_EXPECT_EQ(test, f->mock->tables, 0l);
}

static void space_lives_until_the_last_reference_goes(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_4K, TEST_RW), 0);
	KUNIT_EXPECT_PTR_EQ(test, axas_space_get(f->space), f->space);
	axas_space_put(f->space);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 1l);
	KUNIT_EXPECT_NE(test, space_hpa(f, WIN), AXAS_HPA_NONE);
}

static void info_tells_what_the_space_is(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_info info;

	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.format, f->kind->fmt->id);
	KUNIT_EXPECT_EQ(test, info.ia_bits, f->kind->fmt->usual_ia_bits);
	KUNIT_EXPECT_EQ(test, info.oa_bits, (u32)MOCK_PHYS_BITS);
	KUNIT_EXPECT_EQ(test, info.base, 0ull);
	KUNIT_EXPECT_EQ(test, info.length, BIT_ULL(f->kind->fmt->usual_ia_bits));
	KUNIT_EXPECT_EQ(test, info.root, axas_space_root(f->space).val);
	KUNIT_EXPECT_EQ(test, info.tables, info.root_tables);
	KUNIT_EXPECT_EQ(test, info.caps, f->space->npt.caps.flags);
	KUNIT_EXPECT_EQ(test, info.leaf_levels, f->space->npt.caps.leaf_levels);
	KUNIT_EXPECT_EQ(test, axas_space_range(f->space).start.val, 0ull);
	KUNIT_EXPECT_EQ(test, axas_space_range(f->space).size, info.length);
}

/* The crate's cases for contains_range, and those where it panics: Defect 21. */
static void space_contains_what_lies_inside(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_space_params params = { .base = { SZ_4K }, .size = SZ_64K };
	struct axas_space *space = space_another(f, &params);

	KUNIT_ASSERT_FALSE(test, IS_ERR(space));
	KUNIT_EXPECT_TRUE(test, axas_space_contains(space, gpa_range(SZ_8K, SZ_4K)));
	KUNIT_EXPECT_TRUE(test, axas_space_contains(space, gpa_range(SZ_4K, SZ_64K)));
	KUNIT_EXPECT_FALSE(test, axas_space_contains(space, gpa_range(0, SZ_4K)));
	KUNIT_EXPECT_FALSE(test, axas_space_contains(space, gpa_range(SZ_64K + SZ_4K, SZ_4K)));
	KUNIT_EXPECT_FALSE(test, axas_space_contains(space, gpa_range(0, SZ_128K)));
	KUNIT_EXPECT_FALSE(test, axas_space_contains(space, gpa_range(SZ_64K, SZ_8K)));
	KUNIT_EXPECT_FALSE(test, axas_space_contains(space, gpa_range(SZ_8K, U64_MAX)));
	KUNIT_EXPECT_FALSE(test, axas_space_contains(space, gpa_range(U64_MAX, 2)));
	axas_space_put(space);
}

static void create_refuses_what_is_no_space(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 end = BIT_ULL(f->kind->fmt->usual_ia_bits);
	const struct axas_space_params cases[] = {
		{ .base = { 1 }, .size = SZ_4K },
		{ .base = { SZ_4K }, .size = SZ_4K + 1 },
		{ .base = { SZ_4K }, .size = 1 },
		{ .base = { end }, .size = SZ_4K },
		{ .base = { end } },
		{ .base = { 0 }, .size = end + SZ_4K },
		{ .base = { SZ_4K }, .size = end },
		{ .base = { end - SZ_4K }, .size = SZ_8K },
		/* Defect 21: ranges that wrap. */
		{ .base = { SZ_8K }, .size = -SZ_4K },
		{ .base = { -SZ_4K }, .size = SZ_8K },
		{ .base = { -SZ_4K }, .size = SZ_4K },
	};
	long tables = f->mock->tables;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(space_another(f, &cases[i])),
				    -EINVAL + 0l, "case %u", i);
		KUNIT_EXPECT_EQ(test, f->mock->tables, tables);
	}
}

static void create_without_memory_answers_so(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_space_params params = {};

	mock_hal_fail_nth(f->mock, 1);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(space_another(f, &params)), -ENOMEM + 0l);
}

static long create_error(u32 format, u32 ia_bits, const struct axas_machine *machine)
{
	struct axas_space_params params = {
		.format = format, .ia_bits = ia_bits, .machine = machine,
	};
	struct axas_space *space = axas_space_create(&params);

	if (!IS_ERR(space))
		axas_space_put(space);
	return PTR_ERR_OR_ZERO(space);
}

static void create_knows_its_formats(struct kunit *test)
{
	long none = axas_npt_fmt_by_id(AXAS_FORMAT_DEFAULT) ? 0 : -EOPNOTSUPP;

	u32 format;

	for (format = AXAS_FORMAT_DEFAULT + 1; format < AXAS_NR_FORMATS; format++)
		KUNIT_EXPECT_EQ(test, create_error(format, 0, NULL), 0l);
	/* W5, as documented: -EOPNOTSUPP tells a newer program that the module is older. */
	KUNIT_EXPECT_EQ(test, create_error(AXAS_NR_FORMATS, 0, NULL), -EOPNOTSUPP + 0l);
	KUNIT_EXPECT_EQ(test, create_error(U32_MAX, 0, NULL), -EOPNOTSUPP + 0l);
	KUNIT_EXPECT_EQ(test, create_error(AXAS_FORMAT_DEFAULT, 0, NULL), none);
}

/* Defect 22: bits for which the format has no table. W5: one error for all formats. */
static void create_refuses_bits_out_of_reach(struct kunit *test)
{
	static const struct axas_machine any = { .leaf_levels = 1, .oa_bits = 40 };
	static const struct {
		u32 format;
		u32 ia_bits;
		long error;
	} cases[] = {
		{ AXAS_FORMAT_EPT, 47, -EOPNOTSUPP },
		{ AXAS_FORMAT_EPT, 48, 0 },
		{ AXAS_FORMAT_EPT, 57, 0 },
		{ AXAS_FORMAT_EPT, 58, -EOPNOTSUPP },
		{ AXAS_FORMAT_SVM, 57, 0 },
		{ AXAS_FORMAT_SVM, 64, -EOPNOTSUPP },
		{ AXAS_FORMAT_S2, 31, -EOPNOTSUPP },
		{ AXAS_FORMAT_S2, 32, 0 },
		{ AXAS_FORMAT_S2, 48, 0 },
		{ AXAS_FORMAT_S2, 49, -EOPNOTSUPP },	/* needs FEAT_LPA2 */
		{ AXAS_FORMAT_S2, 53, -EOPNOTSUPP },
		{ AXAS_FORMAT_S2, 256 + 40, -EOPNOTSUPP },	/* 40 if truncated to 8 bits */
		{ AXAS_FORMAT_GSTAGE, 39, -EOPNOTSUPP },
		{ AXAS_FORMAT_GSTAGE, 42, -EOPNOTSUPP },
		{ AXAS_FORMAT_GSTAGE, 59, 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, create_error(cases[i].format, cases[i].ia_bits, &any),
				    cases[i].error, "format %u, %u bits", cases[i].format,
				    cases[i].ia_bits);
}

static void create_refuses_what_is_no_machine(struct kunit *test)
{
	static const struct {
		struct axas_machine machine;
		long error;
	} cases[] = {
		{ { .leaf_levels = 1, .oa_bits = 40 }, 0 },
		{ { .leaf_levels = 7, .oa_bits = 52, .caps = AXAS_CAP_EPT_XONLY |
		    AXAS_CAP_EPT_AD | AXAS_CAP_EXEC_4K }, 0 },
		/* W6: capabilities of another format are refused */
		{ { .leaf_levels = 7, .oa_bits = 52, .caps = AXAS_CAP_SVM_NX }, -EINVAL },
		{ { .leaf_levels = 7, .oa_bits = 52, .caps = AXAS_CAP_S2_FWB }, -EINVAL },
		{ { .leaf_levels = 7, .oa_bits = 52, .caps = AXAS_CAP_GSTAGE_SVPBMT }, -EINVAL },
		{ { .leaf_levels = 7, .oa_bits = 52, .caps = AXAS_CAP_MASK }, -EINVAL },
		{ { .leaf_levels = 0, .oa_bits = 40 }, -EINVAL },
		{ { .leaf_levels = 6, .oa_bits = 40 }, -EINVAL },
		{ { .leaf_levels = 9, .oa_bits = 40 }, -EINVAL },
		{ { .leaf_levels = 5, .oa_bits = 40 }, -EINVAL },
		{ { .leaf_levels = 1, .oa_bits = 0 }, -EINVAL },
		{ { .leaf_levels = 1, .oa_bits = 12 }, -EINVAL },
		{ { .leaf_levels = 1, .oa_bits = 53 }, -EINVAL },
		{ { .leaf_levels = 1, .oa_bits = 40, .caps = AXAS_CAP_MASK + 1 }, -EINVAL },
		{ { .leaf_levels = 1, .oa_bits = 40, .caps = AXAS_CAP_NATIVE }, -EINVAL },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, create_error(AXAS_FORMAT_EPT, 0, &cases[i].machine),
				    cases[i].error, "case %u", i);
}

/* Defect 24: with hpa above gpa and below it. */
static void linear_area_is_translated(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	static const u64 hpas[] = { 0, SZ_4K, SZ_1G - SZ_2M, (u64)SZ_1G * 9 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hpas); i++) {
		KUNIT_ASSERT_EQ(test, space_map_linear(f, WIN, SZ_64K, hpas[i], TEST_RX), 0);
		space_expect_leaf(f, WIN, hpas[i], TEST_RX);
		space_expect_leaf(f, WIN + SZ_8K + 7, hpas[i] + SZ_8K + 7, TEST_RX);
		space_expect_leaf(f, WIN + SZ_64K - 1, hpas[i] + SZ_64K - 1, TEST_RX);
		space_expect_nothing(f, WIN - SZ_4K, SZ_4K);
		space_expect_nothing(f, WIN + SZ_64K, SZ_4K);
		space_expect_areas(f, 1);
		KUNIT_ASSERT_EQ(test, space_unmap(f, WIN, SZ_64K), 0);
		space_expect_empty(f);
	}
}

static void linear_area_uses_the_largest_leaves(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_translation to;
	struct axas_info info;

	/* 4 KiB, 2 MiB, 1 GiB, 2 MiB, 4 KiB. */
	KUNIT_ASSERT_EQ(test, space_map_linear(f, WIN - SZ_4K, SZ_1G + SZ_4M + SZ_8K,
					       LINEAR - SZ_2M - SZ_4K, TEST_RW), 0);
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.leaves[0], 2ull);
	KUNIT_EXPECT_EQ(test, info.leaves[1], 2ull);
	KUNIT_EXPECT_EQ(test, info.leaves[2], 1ull);
	KUNIT_EXPECT_EQ(test, info.frames, 0ull);
	KUNIT_ASSERT_EQ(test, axas_space_translate(f->space, axas_gpa(BORDER + 5), &to), 0);
	KUNIT_EXPECT_EQ(test, to.level, 2u);
	KUNIT_EXPECT_EQ(test, to.left, SZ_1G - 5ull);
	KUNIT_EXPECT_EQ(test, to.hpa.val, LINEAR + 5);
}

static void memory_type_is_kept(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_translation to;
	u32 type;

	for (type = 0; type <= AXAS_TYPE_UNCACHED; type++) {
		KUNIT_ASSERT_EQ(test, axas_space_map_linear(f->space, gpa_range(WIN, SZ_8K),
							    axas_hpa(LINEAR), TEST_RW, type), 0);
		KUNIT_EXPECT_EQ(test, space_protect(f, WIN, SZ_4K, TEST_R), 0);
		KUNIT_EXPECT_EQ(test, axas_space_translate(f->space, axas_gpa(WIN), &to), 0);
		KUNIT_EXPECT_EQ(test, to.type, type);
		KUNIT_EXPECT_EQ(test, to.prot, (u32)TEST_R);
		KUNIT_ASSERT_EQ(test, space_unmap(f, WIN, SZ_8K), 0);
	}
}

static void translate_answers_only_what_is_mapped(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	static const u64 elsewhere[] = { 0, WIN - 1, BIT_ULL(40) - 1, BIT_ULL(48), BIT_ULL(52),
					 U64_MAX - SZ_4K, U64_MAX };
	struct axas_translation to;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_4K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN + SZ_4K, SZ_4K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, axas_space_translate(f->space, axas_gpa(WIN + 0xabc), &to), 0);
	KUNIT_EXPECT_EQ(test, to.left, SZ_4K - 0xabcull);
	KUNIT_EXPECT_EQ(test, axas_space_translate(f->space, axas_gpa(WIN + SZ_4K), &to),
			-ENOENT);
	for (i = 0; i < ARRAY_SIZE(elsewhere); i++)
		KUNIT_EXPECT_EQ_MSG(test, axas_space_translate(f->space, axas_gpa(elsewhere[i]),
							       &to), -ENOENT,
				    "at 0x%llx", elsewhere[i]);
}

static u64 limit(struct space_fixture *f, u64 gpa)
{
	struct axas_translation to;
	u64 bytes = 0;

	if (axas_space_translate_and_get_limit(f->space, axas_gpa(gpa), &to, &bytes))
		return 0;
	return bytes;
}

/* Defect 1: the limit counts from the address, and is not the area's size. */
static void limit_is_what_is_left(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_linear(f, WIN, SZ_4M, LINEAR + SZ_4K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, limit(f, WIN), (u64)SZ_4M);
	KUNIT_EXPECT_EQ(test, limit(f, WIN + 1), SZ_4M - 1ull);
	KUNIT_EXPECT_EQ(test, limit(f, BORDER + 0x123), SZ_2M - 0x123ull);
	KUNIT_EXPECT_EQ(test, limit(f, WIN + SZ_4M - 1), 1ull);
	KUNIT_EXPECT_EQ(test, limit(f, WIN + SZ_4M), 0ull);
	KUNIT_EXPECT_EQ(test, limit(f, WIN - 1), 0ull);
}

/* Defect 2: the limit ends where the next frame is not contiguous. */
static void limit_ends_where_memory_is_not_contiguous(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	f->mock->scattered = true;
	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_16K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, limit(f, WIN), (u64)SZ_4K);
	KUNIT_EXPECT_EQ(test, limit(f, WIN + SZ_4K + 1), SZ_4K - 1ull);
	KUNIT_EXPECT_EQ(test, limit(f, WIN + SZ_16K - 2), 2ull);
}

static void limit_goes_on_where_memory_is_contiguous(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	/* The first fault allocates tables; the frames of the next two are contiguous. */
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_64K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_ASSERT_EQ(test, space_fault(f, WIN + SZ_8K, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_ASSERT_EQ(test, space_fault(f, WIN + SZ_8K + SZ_4K, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, space_hpa(f, WIN + SZ_8K) + SZ_4K, space_hpa(f, WIN + SZ_8K + SZ_4K));
	KUNIT_EXPECT_EQ(test, limit(f, WIN), (u64)SZ_4K);
	KUNIT_EXPECT_EQ(test, limit(f, WIN + SZ_8K + 9), SZ_8K - 9ull);
	/* Across the border of two linear areas with contiguous memory, too. */
	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER, SZ_8K, LINEAR, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER + SZ_8K, SZ_8K, LINEAR + SZ_8K, TEST_RW),
			0);
	KUNIT_EXPECT_EQ(test, limit(f, BORDER + 1), SZ_16K - 1ull);
	KUNIT_EXPECT_EQ(test, space_protect(f, BORDER + SZ_4K, SZ_4K, TEST_R), 0);
	KUNIT_EXPECT_EQ(test, limit(f, BORDER + 1), SZ_4K - 1ull);
}

/* Each kind of overlap, with areas of both backends. */
static void overlap_is_refused_and_changes_nothing(struct kunit *test)
{
	static const struct {
		u64 gpa, size;
	} cases[] = {
		{ WIN + SZ_64K, SZ_64K },		/* the same */
		{ WIN + SZ_64K + SZ_4K, SZ_4K },	/* inside */
		{ WIN + SZ_64K, SZ_4K },		/* its first page */
		{ WIN + SZ_128K - SZ_4K, SZ_4K },	/* its last page */
		{ WIN, SZ_2M },				/* around */
		{ WIN, SZ_64K + SZ_4K },		/* across its start */
		{ WIN + SZ_128K - SZ_4K, SZ_64K },	/* across its end */
		{ WIN + SZ_128K + SZ_4K, SZ_64K },	/* across another's start */
		{ 0, SZ_2G },				/* around all of them */
	};
	struct space_fixture *f = test->priv;
	struct space_snapshot before;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN + SZ_64K, SZ_64K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, WIN + SZ_128K + SZ_32K, SZ_2M, LINEAR, TEST_R),
			0);
	space_take(f, &before);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		u64 gpa = cases[i].gpa, size = cases[i].size;

		KUNIT_EXPECT_EQ_MSG(test, space_map_alloc(f, gpa, size, TEST_R), -EEXIST,
				    "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, space_map_populated(f, gpa, size, TEST_R), -EEXIST,
				    "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, space_map_linear(f, gpa, size, LINEAR, TEST_R), -EEXIST,
				    "case %u", i);
		space_expect_same(f, &before, "overlap");
	}
}

static void neighbours_do_not_overlap(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN + SZ_8K, SZ_4K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, space_map_alloc(f, WIN + SZ_4K, SZ_4K, TEST_R), 0);
	KUNIT_EXPECT_EQ(test, space_map_linear(f, WIN + SZ_8K + SZ_4K, SZ_4K, LINEAR, TEST_R), 0);
	space_expect_areas(f, 3);
	space_expect_area(f, 0, WIN + SZ_4K, SZ_4K, TEST_R);
	space_expect_area(f, 1, WIN + SZ_8K, SZ_4K, TEST_RW);
	space_expect_area(f, 2, WIN + SZ_8K + SZ_4K, SZ_4K, TEST_R);
}

static void next_area_finds_the_one_that_ends_behind(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_area_info info;

	KUNIT_EXPECT_FALSE(test, axas_space_next_area(f->space, axas_gpa(0), &info));
	KUNIT_ASSERT_EQ(test, space_map_linear(f, WIN, SZ_64K, LINEAR, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BORDER, SZ_64K, TEST_R), 0);
	KUNIT_ASSERT_TRUE(test, axas_space_next_area(f->space, axas_gpa(WIN + SZ_64K - 1), &info));
	KUNIT_EXPECT_EQ(test, info.gpa, WIN);
	KUNIT_EXPECT_EQ(test, info.hpa, LINEAR);
	KUNIT_EXPECT_EQ(test, info.backend, (u32)AXAS_BACKEND_LINEAR);
	KUNIT_ASSERT_TRUE(test, axas_space_next_area(f->space, axas_gpa(WIN + SZ_64K), &info));
	KUNIT_EXPECT_EQ(test, info.gpa, BORDER);
	KUNIT_EXPECT_EQ(test, info.hpa, AXAS_HPA_NONE);
	KUNIT_EXPECT_EQ(test, info.backend, (u32)AXAS_BACKEND_ALLOC);
	KUNIT_EXPECT_FALSE(test, axas_space_next_area(f->space, axas_gpa(BORDER + SZ_64K), &info));
	KUNIT_EXPECT_FALSE(test, axas_space_next_area(f->space, axas_gpa(U64_MAX), &info));
}

static void unmap_removes_area_and_frames(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_64K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 16l);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_64K), 0);
	space_expect_nothing(f, WIN, SZ_64K);
	space_expect_empty(f);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_HOLE);
}

/* Defect 17: the areas on both sides of a hole keep their leaves and content. */
static void unmap_in_the_middle_splits_an_area(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 lower, upper;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_64K, TEST_RW), 0);
	lower = space_hpa(f, WIN + SZ_16K - SZ_4K);
	upper = space_hpa(f, WIN + SZ_32K);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN + SZ_16K, SZ_16K), 0);
	space_expect_areas(f, 2);
	space_expect_area(f, 0, WIN, SZ_16K, TEST_RW);
	space_expect_area(f, 1, WIN + SZ_32K, SZ_32K, TEST_RW);
	space_expect_nothing(f, WIN + SZ_16K, SZ_16K);
	space_expect_leaf(f, WIN + SZ_16K - SZ_4K, lower, TEST_RW);
	space_expect_leaf(f, WIN + SZ_32K, upper, TEST_RW);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 12l);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_16K, TEST_R), AXAS_FAULT_HOLE);
	KUNIT_EXPECT_EQ(test, space_map_alloc(f, WIN + SZ_16K, SZ_16K, TEST_R), 0);
}

static void unmap_at_the_edges_shrinks_an_area(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_area_info info = {};

	KUNIT_ASSERT_EQ(test, space_map_linear(f, WIN, SZ_64K, LINEAR, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN + SZ_64K - SZ_4K, SZ_4K), 0);
	space_expect_areas(f, 1);
	space_expect_area(f, 0, WIN + SZ_4K, SZ_64K - SZ_8K, TEST_RW);
	space_expect_nothing(f, WIN, SZ_4K);
	space_expect_nothing(f, WIN + SZ_64K - SZ_4K, SZ_4K);
	/* The upper part of the linear area keeps its hpa. */
	space_expect_leaf(f, WIN + SZ_4K, LINEAR + SZ_4K, TEST_RW);
	KUNIT_EXPECT_TRUE(test, axas_space_next_area(f->space, axas_gpa(WIN), &info));
	KUNIT_EXPECT_EQ(test, info.hpa, LINEAR + SZ_4K);
}

static void unmap_takes_several_areas_and_passes_over_holes(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_32K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, WIN + SZ_64K, SZ_64K, LINEAR, TEST_R), 0);
	KUNIT_ASSERT_EQ(test, space_map_populated(f, BORDER - SZ_8K, SZ_32K, TEST_RX), 0);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN + SZ_16K, BORDER - WIN - SZ_16K), 0);
	space_expect_areas(f, 2);
	space_expect_area(f, 0, WIN, SZ_16K, TEST_RW);
	space_expect_area(f, 1, BORDER, SZ_32K - SZ_8K, TEST_RX);
	space_expect_nothing(f, WIN + SZ_16K, BORDER - WIN - SZ_16K);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 4l + 6l);
}

static void unmap_of_a_hole_is_fine(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_64K), 0);
	KUNIT_EXPECT_EQ(test, space_unmap(f, 0, BIT_ULL(f->kind->fmt->usual_ia_bits)), 0);
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN, SZ_64K, TEST_R), 0);
	space_expect_empty(f);
}

/* Defects 18 and 19: 4 KiB are removed from 1 GiB, and the rest stays. */
static void unmap_inside_a_huge_leaf_splits_it(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 at = BORDER + SZ_512M + SZ_4K;
	struct axas_info info;

	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER, SZ_1G, LINEAR, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, space_unmap(f, at, SZ_4K), 0);
	space_expect_nothing(f, at, SZ_4K);
	space_expect_leaf(f, at - 1, LINEAR + (at - BORDER) - 1, TEST_RW);
	space_expect_leaf(f, at + SZ_4K, LINEAR + (at - BORDER) + SZ_4K, TEST_RW);
	space_expect_leaf(f, BORDER, LINEAR, TEST_RW);
	space_expect_leaf(f, BORDER + SZ_1G - 1, LINEAR + SZ_1G - 1, TEST_RW);
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.leaves[0], 511ull);
	KUNIT_EXPECT_EQ(test, info.leaves[1], 511ull);
	KUNIT_EXPECT_EQ(test, info.leaves[2], 0ull);
	space_expect_areas(f, 2);
	space_expect_area(f, 1, at + SZ_4K, BORDER + SZ_1G - at - SZ_4K, TEST_RW);
}

/* Defect 20: no table of the former pages is left. */
static void huge_leaf_fits_over_formerly_small_ones(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_info info;

	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER, SZ_2M, LINEAR + SZ_4K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_unmap(f, BORDER, SZ_2M), 0);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER, SZ_1G, LINEAR, TEST_RW), 0);
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.leaves[2], 1ull);
	KUNIT_EXPECT_EQ(test, info.tables, (u64)f->mock->tables);
}

static void clear_removes_every_area(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_linear(f, 0, SZ_2M, LINEAR, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_populated(f, BIT_ULL(f->kind->fmt->usual_ia_bits) -
						  SZ_64K, SZ_64K,
						  TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_2M, TEST_RW), 0);
	axas_space_clear(f->space);
	space_expect_areas(f, 0);
	space_expect_empty(f);
	axas_space_clear(f->space);
	KUNIT_EXPECT_EQ(test, space_map_alloc(f, WIN, SZ_2M, TEST_RW), 0);
}

/* Defect 38: protection can be changed at all. */
static void protect_changes_a_part_of_an_area(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 hpa;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_64K, TEST_RW), 0);
	hpa = space_hpa(f, WIN + SZ_16K);
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN + SZ_16K, SZ_16K, TEST_R), 0);
	space_expect_areas(f, 3);
	space_expect_area(f, 0, WIN, SZ_16K, TEST_RW);
	space_expect_area(f, 1, WIN + SZ_16K, SZ_16K, TEST_R);
	space_expect_area(f, 2, WIN + SZ_32K, SZ_32K, TEST_RW);
	space_expect_leaf(f, WIN + SZ_16K, hpa, TEST_R);
	space_expect_leaf(f, WIN + SZ_16K - 1, space_hpa(f, WIN + SZ_16K - 1), TEST_RW);
	space_expect_leaf(f, WIN + SZ_32K, space_hpa(f, WIN + SZ_32K), TEST_RW);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_16K, TEST_W), AXAS_FAULT_DENIED);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_W), AXAS_FAULT_SPURIOUS);
	/* And back, with more permissions. */
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN, SZ_64K, TEST_RWX), 0);
	space_expect_leaf(f, WIN + SZ_16K, hpa, TEST_RWX);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_16K, TEST_W), AXAS_FAULT_SPURIOUS);
}

static void protect_takes_several_areas_and_passes_over_holes(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_32K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, WIN + SZ_64K, SZ_64K, LINEAR, TEST_RWX), 0);
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN + SZ_16K, SZ_64K, TEST_RX), 0);
	space_expect_areas(f, 4);
	space_expect_area(f, 0, WIN, SZ_16K, TEST_RW);
	space_expect_area(f, 1, WIN + SZ_16K, SZ_16K, TEST_RX);
	space_expect_area(f, 2, WIN + SZ_64K, SZ_16K, TEST_RX);
	space_expect_area(f, 3, WIN + SZ_64K + SZ_16K, SZ_64K - SZ_16K, TEST_RWX);
	space_expect_leaf(f, WIN + SZ_64K, LINEAR, TEST_RX);
	space_expect_leaf(f, WIN + SZ_64K + SZ_16K, LINEAR + SZ_16K, TEST_RWX);
	space_expect_nothing(f, WIN + SZ_32K, SZ_32K);
}

/* A frame allocated later gets the area's protection at that time. */
static void protect_holds_for_memory_not_yet_touched(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_64K, TEST_RWX), 0);
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN, SZ_4K, TEST_R), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_W), AXAS_FAULT_DENIED);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 0l);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_FIXED);
	space_expect_leaf(f, WIN, space_hpa(f, WIN), TEST_R);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_4K, TEST_W), AXAS_FAULT_FIXED);
	space_expect_leaf(f, WIN + SZ_4K, space_hpa(f, WIN + SZ_4K), TEST_RWX);
}

static void protect_inside_a_huge_leaf_splits_it(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 at = BORDER + SZ_2M * 3 + SZ_8K;

	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER, SZ_1G, LINEAR, TEST_RWX), 0);
	KUNIT_EXPECT_EQ(test, space_protect(f, at, SZ_8K, TEST_R), 0);
	space_expect_leaf(f, at - 1, LINEAR + (at - BORDER) - 1, TEST_RWX);
	space_expect_leaf(f, at, LINEAR + (at - BORDER), TEST_R);
	space_expect_leaf(f, at + SZ_8K, LINEAR + (at - BORDER) + SZ_8K, TEST_RWX);
	space_expect_areas(f, 3);
}

/* Defects 25 and 26: a leaf permits exactly the requested protection, or is refused. */
static void protection_is_never_widened(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u32 prot;

	for (prot = 0; prot <= AXAS_PROT_MASK; prot++) {
		bool can = axas_npt_can(&f->space->npt, prot, AXAS_TYPE_NORMAL);
		int expected = can ? 0 : -EOPNOTSUPP;

		KUNIT_EXPECT_EQ(test, space_map_alloc(f, WIN, SZ_4K, prot), expected);
		KUNIT_EXPECT_EQ(test, space_map_linear(f, WIN + SZ_8K, SZ_4K, LINEAR, prot),
				expected);
		KUNIT_EXPECT_EQ(test, space_map_populated(f, BORDER, SZ_4K, prot), expected);
		if (can) {
			space_expect_leaf(f, WIN + SZ_8K, LINEAR, prot);
			space_expect_leaf(f, BORDER, space_hpa(f, BORDER), prot);
		}
		axas_space_clear(f->space);
		space_expect_empty(f);
	}
}

static void protect_is_refused_where_it_cannot_be_said(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct space_snapshot before;
	u32 prot;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_64K, TEST_RW), 0);
	space_take(f, &before);
	for (prot = 0; prot <= AXAS_PROT_MASK; prot++) {
		if (axas_npt_can(&f->space->npt, prot, AXAS_TYPE_NORMAL))
			continue;
		KUNIT_EXPECT_EQ(test, space_protect(f, WIN + SZ_4K, SZ_4K, prot), -EOPNOTSUPP);
		space_expect_same(f, &before, "protect");
	}
}

/* Without execute-only in the machine, the format refuses it. */
static void capabilities_are_those_of_the_machine(struct kunit *test)
{
	struct axas_npt_caps caps = { .leaf_levels = BIT(0), .oa_bits = 40 };
	struct space_fixture *f = test->priv;
	struct axas_space_params params = { .hal = &f->mock->hal };
	struct axas_gpa_range range = gpa_range(WIN, SZ_4M);
	struct axas_space *space;
	struct axas_info info;

	space = axas_space_create_fmt(&params, &axas_npt_ept, &caps);
	KUNIT_ASSERT_FALSE(test, IS_ERR(space));
	KUNIT_EXPECT_EQ(test, axas_space_map_alloc(space, range, TEST_X, 0, 0), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, axas_space_map_linear(space, range, axas_hpa(LINEAR), TEST_R, 0), 0);
	axas_space_get_info(space, &info);
	KUNIT_EXPECT_EQ(test, info.leaves[0], 1024ull);
	axas_space_put(space);
}

/* Rule R8. */
static void unknown_bits_are_refused(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_gpa_range range = gpa_range(WIN, SZ_4K);

	KUNIT_EXPECT_EQ(test, axas_space_map_alloc(f->space, range, TEST_R | BIT(3), 0, 0),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, axas_space_map_alloc(f->space, range, TEST_R, 3, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, axas_space_map_alloc(f->space, range, TEST_R, 0, BIT(6)), -EINVAL);
	KUNIT_EXPECT_EQ(test, axas_space_map_linear(f->space, range, axas_hpa(LINEAR), BIT(31),
						    0), -EINVAL);
	KUNIT_EXPECT_EQ(test, axas_space_map_linear(f->space, range, axas_hpa(LINEAR), TEST_R,
						    U32_MAX), -EINVAL);
	KUNIT_EXPECT_EQ(test, axas_space_protect(f->space, range, TEST_R | BIT(3)), -EINVAL);
	space_expect_empty(f);
}

/* Also the counter of linear pages, up and down. */
static void info_counts_what_the_space_holds(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_info info;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_64K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER, SZ_2M, LINEAR, TEST_RW), 0);
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.areas, 2ull);
	KUNIT_EXPECT_EQ(test, info.frames, 16ull);
	KUNIT_EXPECT_EQ(test, info.leaves[0], 16ull);
	KUNIT_EXPECT_EQ(test, info.leaves[1], 1ull);
	KUNIT_EXPECT_EQ(test, info.tables, (u64)f->mock->tables);
	KUNIT_EXPECT_EQ(test, f->space->areas->linear_pages, 512ull);
	KUNIT_ASSERT_EQ(test, space_unmap(f, BORDER + SZ_1M, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, f->space->areas->linear_pages, 511ull);
	KUNIT_ASSERT_EQ(test, space_unmap(f, WIN, SZ_4M), 0);
	KUNIT_EXPECT_EQ(test, f->space->areas->linear_pages, 0ull);
}

static void note_release(void *arg)
{
	++*(unsigned int *)arg;
}

static void release_is_told_to_one(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	unsigned int told = 0, other = 0;

	KUNIT_EXPECT_EQ(test, axas_space_on_release(f->space, note_release, &told), 0);
	KUNIT_EXPECT_EQ(test, axas_space_on_release(f->space, note_release, &other), -EEXIST);
	axas_space_put(axas_space_get(f->space));
	KUNIT_EXPECT_EQ(test, told, 0u);
	space_drop(f);
	KUNIT_EXPECT_EQ(test, told, 1u);
	KUNIT_EXPECT_EQ(test, other, 0u);
}

static void end_is_that_of_the_last_area(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, axas_space_end(f->space), 0ull);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BORDER, SZ_64K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, axas_space_end(f->space), BORDER + SZ_64K);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_64K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, axas_space_end(f->space), BORDER + SZ_64K);
	KUNIT_ASSERT_EQ(test, space_unmap(f, BORDER + SZ_4K, SZ_64K), 0);
	KUNIT_EXPECT_EQ(test, axas_space_end(f->space), BORDER + SZ_4K);
	KUNIT_ASSERT_EQ(test, space_unmap(f, BORDER, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, axas_space_end(f->space), WIN + SZ_64K);
}

static void a_space_says_what_it_needs(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_machine machine;

	axas_space_get_machine(f->space, &machine);
	KUNIT_EXPECT_EQ(test, machine.caps, f->space->npt.caps.flags);
	KUNIT_EXPECT_EQ(test, machine.leaf_levels, f->space->npt.caps.leaf_levels);
	KUNIT_EXPECT_EQ(test, machine.oa_bits, f->space->npt.caps.oa_bits);
	KUNIT_EXPECT_EQ(test, axas_space_linear_pages(f->space), 0ull);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER, SZ_64K, LINEAR, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_64K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, axas_space_linear_pages(f->space), 16ull);
	KUNIT_ASSERT_EQ(test, space_unmap(f, BORDER, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, axas_space_linear_pages(f->space), 15ull);
}

/* Whole areas are found by any page of theirs, beside others. */
static void whole_areas_are_found(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BORDER - SZ_64K, SZ_64K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(f->space, gpa_range(BORDER, SZ_2M), TEST_RW,
						   AXAS_TYPE_NORMAL, AXAS_MAP_HUGE_WHOLE), 0);
	KUNIT_EXPECT_TRUE(test, axas_space_has_whole(f->space, gpa_range(BORDER, SZ_4K)));
	KUNIT_EXPECT_TRUE(test, axas_space_has_whole(f->space, gpa_range(BORDER - SZ_4K, SZ_8K)));
	KUNIT_EXPECT_TRUE(test, axas_space_has_whole(f->space, gpa_range(BORDER + SZ_2M - SZ_4K,
									 SZ_8K)));
	KUNIT_EXPECT_FALSE(test, axas_space_has_whole(f->space, gpa_range(BORDER - SZ_64K,
									  SZ_64K)));
	KUNIT_EXPECT_FALSE(test, axas_space_has_whole(f->space, gpa_range(BORDER + SZ_2M, SZ_4K)));
}

static struct kunit_case space_cases[] = {
	KUNIT_CASE_PARAM(create_and_put_balance, space_gen_params),
	KUNIT_CASE_PARAM(put_frees_everything, space_gen_params),
	KUNIT_CASE_PARAM(space_lives_until_the_last_reference_goes, space_gen_params),
	KUNIT_CASE_PARAM(info_tells_what_the_space_is, space_gen_params),
	KUNIT_CASE_PARAM(space_contains_what_lies_inside, space_gen_params),
	KUNIT_CASE_PARAM(create_refuses_what_is_no_space, space_gen_params),
	KUNIT_CASE_PARAM(create_without_memory_answers_so, space_gen_params),
	KUNIT_CASE(create_knows_its_formats),
	KUNIT_CASE(create_refuses_bits_out_of_reach),
	KUNIT_CASE(create_refuses_what_is_no_machine),
	KUNIT_CASE_PARAM(linear_area_is_translated, space_gen_params),
	KUNIT_CASE_PARAM(linear_area_uses_the_largest_leaves, space_gen_params),
	KUNIT_CASE_PARAM(memory_type_is_kept, space_gen_params),
	KUNIT_CASE_PARAM(translate_answers_only_what_is_mapped, space_gen_params),
	KUNIT_CASE_PARAM(limit_is_what_is_left, space_gen_params),
	KUNIT_CASE_PARAM(limit_ends_where_memory_is_not_contiguous, space_gen_params),
	KUNIT_CASE_PARAM(limit_goes_on_where_memory_is_contiguous, space_gen_params),
	KUNIT_CASE_PARAM(overlap_is_refused_and_changes_nothing, space_gen_params),
	KUNIT_CASE_PARAM(neighbours_do_not_overlap, space_gen_params),
	KUNIT_CASE_PARAM(next_area_finds_the_one_that_ends_behind, space_gen_params),
	KUNIT_CASE_PARAM(unmap_removes_area_and_frames, space_gen_params),
	KUNIT_CASE_PARAM(unmap_in_the_middle_splits_an_area, space_gen_params),
	KUNIT_CASE_PARAM(unmap_at_the_edges_shrinks_an_area, space_gen_params),
	KUNIT_CASE_PARAM(unmap_takes_several_areas_and_passes_over_holes, space_gen_params),
	KUNIT_CASE_PARAM(unmap_of_a_hole_is_fine, space_gen_params),
	KUNIT_CASE_PARAM(unmap_inside_a_huge_leaf_splits_it, space_gen_params),
	KUNIT_CASE_PARAM(huge_leaf_fits_over_formerly_small_ones, space_gen_params),
	KUNIT_CASE_PARAM(clear_removes_every_area, space_gen_params),
	KUNIT_CASE_PARAM(protect_changes_a_part_of_an_area, space_gen_params),
	KUNIT_CASE_PARAM(protect_takes_several_areas_and_passes_over_holes, space_gen_params),
	KUNIT_CASE_PARAM(protect_holds_for_memory_not_yet_touched, space_gen_params),
	KUNIT_CASE_PARAM(protect_inside_a_huge_leaf_splits_it, space_gen_params),
	KUNIT_CASE_PARAM(protection_is_never_widened, space_gen_params),
	KUNIT_CASE_PARAM(protect_is_refused_where_it_cannot_be_said, space_gen_params),
	KUNIT_CASE(capabilities_are_those_of_the_machine),
	KUNIT_CASE_PARAM(unknown_bits_are_refused, space_gen_params),
	KUNIT_CASE_PARAM(info_counts_what_the_space_holds, space_gen_params),
	KUNIT_CASE(release_is_told_to_one),
	KUNIT_CASE(end_is_that_of_the_last_area),
	KUNIT_CASE(a_space_says_what_it_needs),
	KUNIT_CASE(whole_areas_are_found),
	{}
};

struct kunit_suite axas_space_suite = {
	.name = "axas_space",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = space_cases,
};
