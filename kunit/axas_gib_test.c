// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leaves and tables of a whole GiB, on every format, as GET_INFO reports them. Only tables are
 * looked at, so guest frames are addresses with no memory behind them.
 */
#include <linux/sizes.h>
#include <axas/space.h>

#include "axas_space.h"
#include "axas_test.h"

#define PAPER_BASE	((u64)SZ_4G)

/**
 * struct paper_hal - a HAL with Linux's tables and guest frames without memory
 * @hal: the HAL
 * @next: address of the next frame
 * @frames: number of 4 KiB allocated
 */
struct paper_hal {
	struct axas_hal hal;
	atomic64_t next;
	atomic64_t frames;
};

static int paper_alloc(const struct axas_hal *hal, unsigned int order, u32 flags,
		       struct axas_hpa *hpa)
{
	struct paper_hal *paper = container_of(hal, struct paper_hal, hal);
	u64 size = AXAS_FRAME_SIZE << order;

	if (flags & AXAS_FRAME_TABLE)
		return axas_hal_linux.alloc_frame(&axas_hal_linux, order, flags, hpa);
	*hpa = axas_hpa(atomic64_fetch_add(size, &paper->next));
	atomic64_add(1ll << order, &paper->frames);
	return 0;
}

static void paper_free(const struct axas_hal *hal, struct axas_hpa hpa, unsigned int order,
		       u32 flags)
{
	struct paper_hal *paper = container_of(hal, struct paper_hal, hal);

	if (flags & AXAS_FRAME_TABLE)
		axas_hal_linux.free_frame(&axas_hal_linux, hpa, order, flags);
	else
		atomic64_sub(1ll << order, &paper->frames);
}

struct gib_fixture {
	struct paper_hal paper;
	struct axas_space *space;
};

#define FORMAT(NAME, name)	[AXAS_FORMAT_##NAME - 1] = &axas_npt_##name,

static const struct axas_npt_fmt * const fmts[] = { AXAS_NPT_FORMATS(FORMAT) };

static void fmt_name(const struct axas_npt_fmt * const *fmt, char *desc)
{
	strscpy(desc, (*fmt)->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(fmt, fmts, fmt_name);

static int gib_test_init(struct kunit *test)
{
	const struct axas_npt_fmt * const *fmt = test->param_value;
	struct gib_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	struct axas_space_params params = { .hal = f ? &f->paper.hal : NULL };
	struct axas_npt_caps caps;

	if (!f)
		return -ENOMEM;
	f->paper.hal = (struct axas_hal){
		.name = "paper", .alloc_frame = paper_alloc, .free_frame = paper_free,
		.phys_bits = 48,
	};
	atomic64_set(&f->paper.next, PAPER_BASE);
	caps = (*fmt)->caps;
	caps.leaf_levels = (*fmt)->leaf_levels & 0x7;
	f->space = axas_space_create_fmt(&params, *fmt, &caps);
	test->priv = f;
	return PTR_ERR_OR_ZERO(f->space);
}

static void gib_test_exit(struct kunit *test)
{
	struct gib_fixture *f = test->priv;

	if (!f || IS_ERR_OR_NULL(f->space))
		return;
	axas_space_put(f->space);
	KUNIT_EXPECT_EQ(test, atomic64_read(&f->paper.frames), 0ll);
}

static void expect_leaves(struct kunit *test, u64 small, u64 large, u64 huge)
{
	struct gib_fixture *f = test->priv;
	struct axas_info info;

	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.leaves[0], small);
	KUNIT_EXPECT_EQ(test, info.leaves[1], large);
	KUNIT_EXPECT_EQ(test, info.leaves[2], huge);
}

static void map_linear_gib(struct kunit *test, u64 off)
{
	struct axas_gpa_range range = axas_gpa_range(axas_gpa(SZ_4G), SZ_1G);
	struct gib_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, axas_space_map_linear(f->space, range, axas_hpa(SZ_2G + off),
						    AXAS_PROT_READ, AXAS_TYPE_NORMAL), 0);
}

static void aligned_gib_is_one_leaf(struct kunit *test)
{
	map_linear_gib(test, 0);
	expect_leaves(test, 0, 0, 1);
}

static void gib_off_by_2m_is_2m_leaves(struct kunit *test)
{
	map_linear_gib(test, SZ_2M);
	expect_leaves(test, 0, 512, 0);
}

static void gib_off_by_4k_is_4k_leaves(struct kunit *test)
{
	map_linear_gib(test, SZ_4K);
	expect_leaves(test, 512 * 512, 0, 0);
}

static void populated_gib_is_512_leaves_and_3_tables(struct kunit *test)
{
	struct axas_gpa_range range = axas_gpa_range(axas_gpa(SZ_4G), SZ_1G);
	struct gib_fixture *f = test->priv;
	struct axas_info info;

	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(f->space, range,
						   AXAS_PROT_READ | AXAS_PROT_WRITE,
						   AXAS_TYPE_NORMAL, AXAS_MAP_POPULATE), 0);
	expect_leaves(test, 0, 512, 0);
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.frames, 512ull * 512);
	/* A root of several pages counts as one table. */
	KUNIT_EXPECT_LE(test, info.tables - info.root_tables + 1, 3ull);
}

/* One end needs one table, the two inside 2 MiB another. */
static void discard_splits_a_gib_where_it_ends(struct kunit *test)
{
	struct axas_gpa_range range = axas_gpa_range(axas_gpa(SZ_4G), SZ_1G);
	struct axas_gpa_range ranges[] = {
		axas_gpa_range(axas_gpa(SZ_4G + SZ_2M), SZ_2M),
		axas_gpa_range(axas_gpa(SZ_4G + SZ_16M + SZ_4K), SZ_4K),
	};
	struct gib_fixture *f = test->priv;
	u64 n;

	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(f->space, range,
						   AXAS_PROT_READ | AXAS_PROT_WRITE,
						   AXAS_TYPE_NORMAL, AXAS_MAP_POPULATE), 0);
	KUNIT_ASSERT_EQ(test, axas_space_collapse(f->space, range, &n), 0);
	expect_leaves(test, 0, 0, 1);
	KUNIT_EXPECT_EQ(test, axas_space_discard(f->space, ranges, 2, &n), 0);
	expect_leaves(test, 511, 510, 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&f->paper.frames), 511ll * 512 - 1);
}

static struct kunit_case gib_cases[] = {
	KUNIT_CASE_PARAM(aligned_gib_is_one_leaf, fmt_gen_params),
	KUNIT_CASE_PARAM(gib_off_by_2m_is_2m_leaves, fmt_gen_params),
	KUNIT_CASE_PARAM(gib_off_by_4k_is_4k_leaves, fmt_gen_params),
	KUNIT_CASE_PARAM(populated_gib_is_512_leaves_and_3_tables, fmt_gen_params),
	KUNIT_CASE_PARAM(discard_splits_a_gib_where_it_ends, fmt_gen_params),
	{}
};

struct kunit_suite axas_gib_suite = {
	.name = "axas_gib",
	.init = gib_test_init,
	.exit = gib_test_exit,
	.test_cases = gib_cases,
};
