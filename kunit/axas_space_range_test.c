// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ranges (axas_space.c): every call with a range, at both ends of the space and beyond, up to
 * the last byte of 64 bits. No range is clamped or rounded.
 */
#include <linux/err.h>

#include "npt_fixture.h"
#include "space_fixture.h"

/**
 * struct range_kind - a space with ends to test
 * @fmt: its format
 * @ia_bits: bits of guest-physical address
 * @base: its first byte
 * @last: its last byte
 */
struct range_kind {
	const struct axas_npt_fmt *fmt;
	unsigned int ia_bits;
	u64 base;
	u64 last;
};

static const struct range_kind kinds[] = {
	{ &axas_npt_ept, 48, 0, BIT_ULL(48) - 1 },
	{ &axas_npt_ept, 57, BIT_ULL(48), BIT_ULL(57) - 1 },
	{ &axas_npt_svm, 48, SZ_2M, BIT_ULL(48) - 1 },
	{ &axas_npt_gstage, 41, 0, BIT_ULL(41) - 1 },
	{ &axas_npt_gstage, 59, BIT_ULL(57), BIT_ULL(59) - 1 },
	{ &axas_npt_s2, 32, SZ_4K, BIT_ULL(32) - 1 },
	{ &axas_npt_s2, 40, SZ_1G, SZ_1G * 2ull - 1 },
	{ &axas_npt_s2, 48, 0, BIT_ULL(48) - 1 },
	{ &axas_npt_fake, 21, 0, SZ_2M - 1 },
	{ &axas_npt_fake, 64, SZ_4K, U64_MAX },
	{ &axas_npt_fake, 64, -(u64)SZ_2M, U64_MAX },
};

static void kind_name(const struct range_kind *kind, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s %u bits 0x%llx to 0x%llx", kind->fmt->name,
		 kind->ia_bits, kind->base, kind->last);
}

KUNIT_ARRAY_PARAM(range, kinds, kind_name);

/* Create a fixture with the parameter's space. */
static int range_test_init(struct kunit *test)
{
	const struct range_kind *kind = test->param_value;
	struct axas_npt_caps caps = npt_full_caps(kind->fmt);
	struct axas_space_params params = {
		.ia_bits = kind->ia_bits,
		.base = { kind->base },
		.size = kind->last - kind->base + 1,
	};
	struct space_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	test->priv = f;
	if (!f)
		return -ENOMEM;
	f->test = test;
	f->mock = mock_hal_create(test);
	if (!f->mock)
		return -ENOMEM;
	params.hal = &f->mock->hal;
	return space_adopt(f, axas_space_create_fmt(&params, kind->fmt, &caps));
}

/* All calls with a range of whole pages. Each returns -EINVAL for an invalid range. */
static int call_map_linear(struct axas_space *space, struct axas_gpa_range range)
{
	return axas_space_map_linear(space, range, axas_hpa(0), TEST_R, AXAS_TYPE_NORMAL);
}

static int call_map_alloc(struct axas_space *space, struct axas_gpa_range range)
{
	return axas_space_map_alloc(space, range, TEST_R, AXAS_TYPE_NORMAL, 0);
}

static int call_map_populated(struct axas_space *space, struct axas_gpa_range range)
{
	return axas_space_map_alloc(space, range, TEST_R, AXAS_TYPE_NORMAL, AXAS_MAP_POPULATE);
}

static int call_unmap(struct axas_space *space, struct axas_gpa_range range)
{
	return axas_space_unmap(space, range);
}

static int call_protect(struct axas_space *space, struct axas_gpa_range range)
{
	return axas_space_protect(space, range, TEST_RW);
}

static int call_set_policy(struct axas_space *space, struct axas_gpa_range range)
{
	return axas_space_set_policy(space, range, AXAS_MAP_HUGE_NEVER);
}

static int call_discard(struct axas_space *space, struct axas_gpa_range range)
{
	struct axas_gpa_range ranges[] = { { space->range.start, SZ_4K }, range };
	u64 done = 1;
	int err = axas_space_discard(space, ranges, 2, &done);

	return err == -EINVAL && done ? -EIO : err;
}

static int call_populate(struct axas_space *space, struct axas_gpa_range range)
{
	u64 done = 1;
	int err = axas_space_populate(space, range, &done);

	return err == -EINVAL && done ? -EIO : err;
}

static int call_collapse(struct axas_space *space, struct axas_gpa_range range)
{
	u64 collapsed;

	return axas_space_collapse(space, range, &collapsed);
}

static const struct {
	const char *name;
	int (*fn)(struct axas_space *space, struct axas_gpa_range range);
} calls[] = {
	{ "map_linear", call_map_linear },
	{ "map_alloc", call_map_alloc },
	{ "map_alloc populated", call_map_populated },
	{ "unmap", call_unmap },
	{ "protect", call_protect },
	{ "set_policy", call_set_policy },
	{ "discard", call_discard },
	{ "populate", call_populate },
	{ "collapse", call_collapse },
};

/* A range that wraps may include mapped addresses, and must not affect them. */
static bool is_inside(const struct range_kind *kind, u64 start, u64 size)
{
	u64 last = start + (size - 1);

	return size && !((start | size) & (SZ_4K - 1)) && last >= start &&
	       start >= kind->base && last <= kind->last;
}

/* Defect 21: no start and no size makes a call panic, wrap or alias. */
static void wrong_ranges_are_refused_by_every_call(struct kunit *test)
{
	const struct range_kind *kind = test->param_value;
	struct space_fixture *f = test->priv;
	const u64 starts[] = {
		0, 1, kind->base, kind->base - SZ_4K, kind->base + 1, kind->base + SZ_4K,
		kind->last, kind->last + 1, kind->last - (SZ_4K - 1), kind->last - (SZ_8K - 1),
		BIT_ULL(48), BIT_ULL(48) - SZ_4K, BIT_ULL(52), BIT_ULL(63), -(u64)SZ_4K, U64_MAX,
	};
	const u64 sizes[] = {
		0, 1, SZ_4K - 1, SZ_4K + 1, SZ_8K, SZ_2M + SZ_4K, BIT_ULL(48), BIT_ULL(63),
		-(u64)SZ_4K, -(u64)SZ_8K, U64_MAX, kind->last - kind->base + 1 + SZ_4K,
	};
	u64 frames, at = kind->last - (SZ_4K - 1);
	unsigned int c, i, j;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, at, SZ_4K, TEST_R), 0);
	frames = f->mock->attempts;
	for (c = 0; c < ARRAY_SIZE(calls); c++)
		for (i = 0; i < ARRAY_SIZE(starts); i++)
			for (j = 0; j < ARRAY_SIZE(sizes); j++) {
				u64 start = starts[i], size = sizes[j];

				if (is_inside(kind, start, size))
					continue;
				KUNIT_EXPECT_EQ_MSG(test, calls[c].fn(f->space,
								      gpa_range(start, size)),
						    -EINVAL, "%s 0x%llx + 0x%llx",
						    calls[c].name, start, size);
			}
	space_expect_areas(f, 1);
	space_expect_leaf(f, kind->last, space_hpa(f, at) + SZ_4K - 1, TEST_R);
	KUNIT_EXPECT_EQ(test, f->mock->attempts, frames);
}

/*
 * Map, fault, write, protect, discard and unmap one page, and check that the next stays
 * untouched.
 */
static void use_page(struct space_fixture *f, u64 gpa)
{
	struct axas_gpa_range page = gpa_range(gpa, SZ_4K);
	u8 byte = 0x5a, back[2] = {};
	u64 done;

	KUNIT_ASSERT_EQ(f->test, space_map_alloc(f, gpa, SZ_4K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(f->test, space_fault(f, gpa + SZ_4K - 1, TEST_W), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(f->test, axas_write(f->space, axas_gpa(gpa + SZ_4K - 1), &byte, 1), 0);
	KUNIT_EXPECT_EQ(f->test, axas_read(f->space, axas_gpa(gpa + SZ_4K - 1), back, 1), 0);
	KUNIT_EXPECT_EQ(f->test, back[0], byte);
	/* The next byte is a hole or beyond 64 bits, and does not wrap to gpa 0. */
	KUNIT_EXPECT_EQ(f->test, axas_read(f->space, axas_gpa(gpa + SZ_4K - 1), back, 2),
			-EFAULT);
	KUNIT_EXPECT_EQ(f->test, axas_read_partial(f->space, axas_gpa(gpa + SZ_4K - 1), back, 2),
			(ssize_t)1);
	KUNIT_EXPECT_EQ(f->test, space_protect(f, gpa, SZ_4K, TEST_R), 0);
	space_expect_leaf(f, gpa + SZ_4K - 1, space_hpa(f, gpa) + SZ_4K - 1, TEST_R);
	space_expect_area(f, 0, gpa, SZ_4K, TEST_R);
	KUNIT_EXPECT_EQ(f->test, axas_space_discard(f->space, &page, 1, &done), 0);
	KUNIT_EXPECT_EQ(f->test, axas_read(f->space, axas_gpa(gpa + SZ_4K - 1), back, 1), 0);
	KUNIT_EXPECT_EQ(f->test, back[0], 0);
	KUNIT_EXPECT_EQ(f->test, space_unmap(f, gpa, SZ_4K), 0);
	KUNIT_EXPECT_EQ(f->test, space_map_linear(f, gpa, SZ_4K, LINEAR, TEST_R), 0);
	space_expect_leaf(f, gpa + SZ_4K - 1, LINEAR + SZ_4K - 1, TEST_R);
	KUNIT_EXPECT_EQ(f->test, space_unmap(f, gpa, SZ_4K), 0);
	space_expect_empty(f);
}

static void first_and_last_page_can_be_used(struct kunit *test)
{
	const struct range_kind *kind = test->param_value;

	use_page(test->priv, kind->base);
	use_page(test->priv, kind->last - (SZ_4K - 1));
}

/* Operations that end or begin with the space, and split areas and leaves. */
static void ends_of_the_space_are_split_like_any_other(struct kunit *test)
{
	const struct range_kind *kind = test->param_value;
	struct space_fixture *f = test->priv;
	u64 top = kind->last - (SZ_64K - 1);

	KUNIT_ASSERT_EQ(test, space_map_populated(f, top, SZ_64K, TEST_R), 0);
	KUNIT_EXPECT_EQ(test, space_protect(f, top + SZ_32K, SZ_32K, TEST_RW), 0);
	space_expect_area(f, 0, top, SZ_32K, TEST_R);
	space_expect_area(f, 1, top + SZ_32K, SZ_32K, TEST_RW);
	KUNIT_EXPECT_EQ(test, space_unmap(f, top + SZ_64K - SZ_4K, SZ_4K), 0);
	space_expect_area(f, 1, top + SZ_32K, SZ_32K - SZ_4K, TEST_RW);
	space_expect_nothing(f, kind->last & ~(SZ_4K - 1ull), 1);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, top + SZ_64K - SZ_4K, SZ_4K, TEST_R), 0);
	KUNIT_EXPECT_EQ(test, space_unmap(f, kind->base, kind->last - kind->base + 1), 0);
	space_expect_empty(f);
}

/* The whole space as one area, with its first and last page touched. */
static void whole_space_is_one_area(struct kunit *test)
{
	const struct range_kind *kind = test->param_value;
	struct space_fixture *f = test->priv;
	u64 size = kind->last - kind->base + 1;
	u64 limit = 0;
	struct axas_translation to;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, kind->base, size, TEST_RW), 0);
	space_expect_areas(f, 1);
	space_expect_area(f, 0, kind->base, size, TEST_RW);
	KUNIT_EXPECT_EQ(test, space_fault(f, kind->base, TEST_W), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, space_fault(f, kind->last, TEST_W), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, axas_space_translate_and_get_limit(f->space, axas_gpa(kind->last),
								 &to, &limit), 0);
	KUNIT_EXPECT_EQ(test, limit, 1ull);
	KUNIT_EXPECT_EQ(test, axas_space_contains(f->space, gpa_range(kind->base, size)), true);
	axas_space_clear(f->space);
	space_expect_empty(f);
}

/* Defect 23: an hpa beyond the bits of entry or host is refused, not truncated. */
static void host_addresses_are_checked(struct kunit *test)
{
	const struct range_kind *kind = test->param_value;
	struct space_fixture *f = test->priv;
	u64 top = BIT_ULL(MOCK_PHYS_BITS), gpa = kind->last - (SZ_8K - 1);

	KUNIT_EXPECT_EQ(test, space_map_linear(f, gpa, SZ_8K, 1, TEST_R), -EINVAL);
	KUNIT_EXPECT_EQ(test, space_map_linear(f, gpa, SZ_8K, SZ_4K - 1, TEST_R), -EINVAL);
	KUNIT_EXPECT_EQ(test, space_map_linear(f, gpa, SZ_8K, top - SZ_4K, TEST_R), -EINVAL);
	KUNIT_EXPECT_EQ(test, space_map_linear(f, gpa, SZ_8K, top, TEST_R), -EINVAL);
	KUNIT_EXPECT_EQ(test, space_map_linear(f, gpa, SZ_8K, BIT_ULL(52), TEST_R), -EINVAL);
	KUNIT_EXPECT_EQ(test, space_map_linear(f, gpa, SZ_8K, BIT_ULL(63), TEST_R), -EINVAL);
	KUNIT_EXPECT_EQ(test, space_map_linear(f, gpa, SZ_8K, -(u64)SZ_4K, TEST_R), -EINVAL);
	KUNIT_EXPECT_EQ(test, space_map_linear(f, gpa, SZ_8K, -(u64)SZ_8K, TEST_R), -EINVAL);
	space_expect_empty(f);
	KUNIT_EXPECT_EQ(test, space_map_linear(f, gpa, SZ_8K, top - SZ_8K, TEST_R), 0);
	space_expect_leaf(f, gpa + SZ_8K - 1, top - 1, TEST_R);
}

/* Defect 22: addresses beyond the table's bits do not alias addresses in the table. */
static void addresses_beyond_do_not_alias(struct kunit *test)
{
	const struct range_kind *kind = test->param_value;
	struct space_fixture *f = test->priv;
	struct axas_translation to;
	unsigned int bit;
	u8 byte;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, kind->base, SZ_4K, TEST_RW), 0);
	for (bit = kind->ia_bits; bit < 64; bit++) {
		struct axas_gpa gpa = axas_gpa(kind->base | BIT_ULL(bit));

		KUNIT_EXPECT_EQ(test, axas_space_translate(f->space, gpa, &to), -ENOENT);
		KUNIT_EXPECT_EQ(test, space_fault(f, gpa.val, TEST_R), AXAS_FAULT_HOLE);
		KUNIT_EXPECT_EQ(test, axas_read(f->space, gpa, &byte, 1), -EFAULT);
	}
}

static struct kunit_case range_cases[] = {
	KUNIT_CASE_PARAM(wrong_ranges_are_refused_by_every_call, range_gen_params),
	KUNIT_CASE_PARAM(first_and_last_page_can_be_used, range_gen_params),
	KUNIT_CASE_PARAM(ends_of_the_space_are_split_like_any_other, range_gen_params),
	KUNIT_CASE_PARAM(whole_space_is_one_area, range_gen_params),
	KUNIT_CASE_PARAM(host_addresses_are_checked, range_gen_params),
	KUNIT_CASE_PARAM(addresses_beyond_do_not_alias, range_gen_params),
	{}
};

struct kunit_suite axas_space_range_suite = {
	.name = "axas_space_range",
	.init = range_test_init,
	.exit = space_test_exit,
	.test_cases = range_cases,
};
