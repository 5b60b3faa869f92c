// SPDX-License-Identifier: GPL-2.0-only
/*
 * Typed addresses and their ranges (include/axas/addr.h), and how they are printed.
 */
#include "axas_test.h"

#define TOP		0xfffffffffffff000ull

static struct axas_gpa_range range(u64 start, u64 size)
{
	return axas_gpa_range(axas_gpa(start), size);
}

static void addresses_are_types_of_their_own(struct kunit *test)
{
	struct axas_gpa gpa = axas_gpa(0x1000);
	struct axas_hpa hpa = axas_hpa(0x1000);
	struct axas_gva gva = axas_gva(0x1000);

	KUNIT_EXPECT_FALSE(test, __same_type(gpa, hpa));
	KUNIT_EXPECT_FALSE(test, __same_type(gpa, gva));
	KUNIT_EXPECT_FALSE(test, __same_type(hpa, gva));
	KUNIT_EXPECT_FALSE(test, __same_type(gpa, u64));
	KUNIT_EXPECT_EQ(test, sizeof(gpa), sizeof(u64));
	KUNIT_EXPECT_EQ(test, gpa.val, 0x1000ull);
}

static void add_answers_false_when_it_wraps(struct kunit *test)
{
	struct axas_gpa sum;

	KUNIT_EXPECT_TRUE(test, axas_gpa_add(axas_gpa(0x1000), 0x234, &sum));
	KUNIT_EXPECT_EQ(test, sum.val, 0x1234ull);
	KUNIT_EXPECT_TRUE(test, axas_gpa_add(axas_gpa(TOP), 0xfff, &sum));
	KUNIT_EXPECT_EQ(test, sum.val, U64_MAX);
	KUNIT_EXPECT_FALSE(test, axas_gpa_add(axas_gpa(TOP), 0x1000, &sum));
	KUNIT_EXPECT_FALSE(test, axas_gpa_add(axas_gpa(1), U64_MAX, &sum));
	KUNIT_EXPECT_EQ(test, axas_gpa_offset(axas_gpa(0x1000), 5).val, 0x1005ull);
}

static void alignment_is_told(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, axas_hpa_is_aligned(axas_hpa(0), 0x1000));
	KUNIT_EXPECT_TRUE(test, axas_hpa_is_aligned(axas_hpa(TOP), 0x1000));
	KUNIT_EXPECT_TRUE(test, axas_hpa_is_aligned(axas_hpa(0x200000), 0x200000));
	KUNIT_EXPECT_FALSE(test, axas_hpa_is_aligned(axas_hpa(0x201000), 0x200000));
	KUNIT_EXPECT_FALSE(test, axas_hpa_is_aligned(axas_hpa(0x1001), 0x1000));
}

static void range_is_valid_up_to_the_last_byte(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, axas_gpa_range_valid(range(0, 0)));
	KUNIT_EXPECT_TRUE(test, axas_gpa_range_valid(range(U64_MAX, 0)));
	KUNIT_EXPECT_TRUE(test, axas_gpa_range_valid(range(TOP, 0x1000)));
	KUNIT_EXPECT_TRUE(test, axas_gpa_range_valid(range(1, U64_MAX)));
	KUNIT_EXPECT_FALSE(test, axas_gpa_range_valid(range(TOP, 0x1001)));
	KUNIT_EXPECT_FALSE(test, axas_gpa_range_valid(range(2, U64_MAX)));
	KUNIT_EXPECT_FALSE(test, axas_gpa_range_valid(range(U64_MAX, 2)));
}

static void range_last_is_inside(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, axas_gpa_range_last(range(0x1000, 0x1000)).val, 0x1fffull);
	KUNIT_EXPECT_EQ(test, axas_gpa_range_last(range(TOP, 0x1000)).val, U64_MAX);
	KUNIT_EXPECT_EQ(test, axas_gpa_range_last(range(7, 1)).val, 7ull);
}

static void range_contains_its_first_and_last_byte_only(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, axas_gpa_range_contains(range(0x1000, 0x1000), axas_gpa(0xfff)));
	KUNIT_EXPECT_TRUE(test, axas_gpa_range_contains(range(0x1000, 0x1000), axas_gpa(0x1000)));
	KUNIT_EXPECT_TRUE(test, axas_gpa_range_contains(range(0x1000, 0x1000), axas_gpa(0x1fff)));
	KUNIT_EXPECT_FALSE(test, axas_gpa_range_contains(range(0x1000, 0x1000), axas_gpa(0x2000)));
	KUNIT_EXPECT_FALSE(test, axas_gpa_range_contains(range(0x1000, 0), axas_gpa(0x1000)));
	KUNIT_EXPECT_TRUE(test, axas_gpa_range_contains(range(TOP, 0x1000), axas_gpa(U64_MAX)));
	KUNIT_EXPECT_FALSE(test, axas_gpa_range_contains(range(TOP, 0x1000), axas_gpa(0)));
	KUNIT_EXPECT_FALSE(test, axas_gpa_range_contains(range(TOP, 0x1000), axas_gpa(TOP - 1)));
}

/* The crate's cases for contains_range, and those where it overflows: Defect 21. */
static void range_covers_what_lies_inside(struct kunit *test)
{
	static const struct {
		u64 start, size;
		bool covered;
	} cases[] = {
		{ 0x2000, 0x1000, true },	/* inside */
		{ 0x1000, 0x4000, true },	/* the same */
		{ 0x0000, 0x1000, false },	/* below */
		{ 0x5000, 0x1000, false },	/* above */
		{ 0x0000, 0x8000, false },	/* larger */
		{ 0x0000, 0x2000, false },	/* across the start */
		{ 0x4000, 0x1001, false },	/* across the end */
		{ 0x5000, 0, true },		/* empty, at the end */
		{ 0x0fff, 0, false },
		{ 0x5001, 0, false },
		{ 0x2000, U64_MAX, false },	/* wraps */
		{ U64_MAX, 2, false },
		{ 0x2000, -0x1000ull, false },	/* ends before it starts */
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, cases[i].covered,
				    axas_gpa_range_covers(range(0x1000, 0x4000),
							  range(cases[i].start, cases[i].size)),
				    "0x%llx + 0x%llx", cases[i].start, cases[i].size);
}

static void range_covers_at_the_top(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, axas_gpa_range_covers(range(0, U64_MAX), range(TOP, 0xfff)));
	KUNIT_EXPECT_FALSE(test, axas_gpa_range_covers(range(0, U64_MAX), range(TOP, 0x1000)));
	KUNIT_EXPECT_TRUE(test, axas_gpa_range_covers(range(1, U64_MAX - 1), range(2, 5)));
	KUNIT_EXPECT_TRUE(test, axas_gpa_range_covers(range(TOP, 0x1000), range(U64_MAX, 1)));
	KUNIT_EXPECT_FALSE(test, axas_gpa_range_covers(range(TOP, 0x1000), range(0, 0)));
	KUNIT_EXPECT_FALSE(test, axas_gpa_range_covers(range(2, U64_MAX), range(5, 1)));
}

static void ranges_overlap_in_a_byte(struct kunit *test)
{
	static const struct {
		u64 a, a_size, b, b_size;
		bool overlap;
	} cases[] = {
		{ 0x1000, 0x1000, 0x1fff, 1, true },
		{ 0x1000, 0x1000, 0x2000, 1, false },
		{ 0x1000, 0x1000, 0x0fff, 1, false },
		{ 0x1000, 0x1000, 0x0000, 0x1001, true },
		{ 0x1000, 0x4000, 0x2000, 0x1000, true },
		{ 0x1000, 0x1000, 0x1800, 0, false },
		{ 0x1000, 0, 0x0000, 0x8000, false },
		{ TOP, 0x1000, U64_MAX, 1, true },
		{ TOP, 0x1000, 0, 0x1000, false },
		{ 0, U64_MAX, U64_MAX, 1, false },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct axas_gpa_range a = range(cases[i].a, cases[i].a_size);
		struct axas_gpa_range b = range(cases[i].b, cases[i].b_size);

		KUNIT_EXPECT_EQ_MSG(test, axas_gpa_range_overlaps(a, b), cases[i].overlap,
				    "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, axas_gpa_range_overlaps(b, a), cases[i].overlap,
				    "case %u turned round", i);
	}
}

static void addresses_are_printed_with_their_kind(struct kunit *test)
{
	char buf[AXAS_ADDR_STRLEN];

	KUNIT_EXPECT_EQ(test, axas_gpa_snprint(buf, sizeof(buf), axas_gpa(0x1000)), 10);
	KUNIT_EXPECT_STREQ(test, buf, "GPA:0x1000");
	axas_hpa_snprint(buf, sizeof(buf), axas_hpa(U64_MAX));
	KUNIT_EXPECT_STREQ(test, buf, "HPA:0xffffffffffffffff");
	axas_gva_snprint(buf, sizeof(buf), axas_gva(0));
	KUNIT_EXPECT_STREQ(test, buf, "GVA:0x0");
}

static void ranges_are_printed_half_open(struct kunit *test)
{
	char buf[AXAS_ADDR_STRLEN];

	axas_gpa_range_snprint(buf, sizeof(buf), range(0x1000, 0x2000));
	KUNIT_EXPECT_STREQ(test, buf, "GPA:0x1000..0x3000");
	axas_hpa_range_snprint(buf, sizeof(buf), axas_hpa_range(axas_hpa(0), 0x1000));
	KUNIT_EXPECT_STREQ(test, buf, "HPA:0x0..0x1000");
	axas_gva_range_snprint(buf, sizeof(buf), axas_gva_range(axas_gva(0x5000), 0));
	KUNIT_EXPECT_STREQ(test, buf, "GVA:0x5000..0x5000");
	axas_gpa_range_snprint(buf, sizeof(buf), range(0, 0));
	KUNIT_EXPECT_STREQ(test, buf, "GPA:0x0..0x0");
}

/* A range with the last byte of 64 bits has an end that no u64 can hold. */
static void range_at_the_top_is_printed_with_its_end(struct kunit *test)
{
	char buf[AXAS_ADDR_STRLEN];

	KUNIT_EXPECT_EQ(test, axas_gpa_range_snprint(buf, sizeof(buf), range(TOP, 0x1000)), 43);
	KUNIT_EXPECT_STREQ(test, buf, "GPA:0xfffffffffffff000..0x10000000000000000");
	axas_hpa_range_snprint(buf, sizeof(buf), axas_hpa_range(axas_hpa(TOP), 0x1000));
	KUNIT_EXPECT_STREQ(test, buf, "HPA:0xfffffffffffff000..0x10000000000000000");
	axas_gva_range_snprint(buf, sizeof(buf), axas_gva_range(axas_gva(TOP), 0x1000));
	KUNIT_EXPECT_STREQ(test, buf, "GVA:0xfffffffffffff000..0x10000000000000000");
}

static void printing_into_a_short_buffer_is_cut(struct kunit *test)
{
	char buf[8] = "zzzzzzz";

	KUNIT_EXPECT_EQ(test, axas_gpa_snprint(buf, 6, axas_gpa(0x1000)), 5);
	KUNIT_EXPECT_STREQ(test, buf, "GPA:0");
	KUNIT_EXPECT_EQ(test, buf[6], 'z');
	KUNIT_EXPECT_EQ(test, axas_gpa_range_snprint(buf, 5, range(0, 0x1000)), 4);
	KUNIT_EXPECT_STREQ(test, buf, "GPA:");
}

static struct kunit_case addr_cases[] = {
	KUNIT_CASE(addresses_are_types_of_their_own),
	KUNIT_CASE(add_answers_false_when_it_wraps),
	KUNIT_CASE(alignment_is_told),
	KUNIT_CASE(range_is_valid_up_to_the_last_byte),
	KUNIT_CASE(range_last_is_inside),
	KUNIT_CASE(range_contains_its_first_and_last_byte_only),
	KUNIT_CASE(range_covers_what_lies_inside),
	KUNIT_CASE(range_covers_at_the_top),
	KUNIT_CASE(ranges_overlap_in_a_byte),
	KUNIT_CASE(addresses_are_printed_with_their_kind),
	KUNIT_CASE(ranges_are_printed_half_open),
	KUNIT_CASE(range_at_the_top_is_printed_with_its_end),
	KUNIT_CASE(printing_into_a_short_buffer_is_cut),
	{}
};

struct kunit_suite axas_addr_suite = {
	.name = "axas_addr",
	.test_cases = addr_cases,
};
