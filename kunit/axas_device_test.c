// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device addresses and widths (include/axas/device.h), and how they are printed.
 */
#include <axas/device.h>

#include "axas_test.h"

static bool port_in(u16 first, u16 last, u16 port)
{
	struct axas_port_range range = { { first }, { last } };

	return axas_port_range_contains(range, (struct axas_port){ port });
}

static void port_range_holds_both_ends(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, port_in(0x3f8, 0x3ff, 0x3f7));
	KUNIT_EXPECT_TRUE(test, port_in(0x3f8, 0x3ff, 0x3f8));
	KUNIT_EXPECT_TRUE(test, port_in(0x3f8, 0x3ff, 0x3ff));
	KUNIT_EXPECT_FALSE(test, port_in(0x3f8, 0x3ff, 0x400));
	KUNIT_EXPECT_TRUE(test, port_in(0, 0xffff, 0xffff));
	KUNIT_EXPECT_TRUE(test, port_in(0xffff, 0xffff, 0xffff));
	KUNIT_EXPECT_FALSE(test, port_in(5, 4, 4));
	KUNIT_EXPECT_FALSE(test, port_in(5, 4, 5));
}

static bool sysreg_in(u32 first, u32 last, u32 reg)
{
	struct axas_sysreg_range range = { { first }, { last } };

	return axas_sysreg_range_contains(range, (struct axas_sysreg){ reg });
}

static void sysreg_range_holds_both_ends(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, sysreg_in(0xc0000080, 0xc0000084, 0xc000007f));
	KUNIT_EXPECT_TRUE(test, sysreg_in(0xc0000080, 0xc0000084, 0xc0000080));
	KUNIT_EXPECT_TRUE(test, sysreg_in(0xc0000080, 0xc0000084, 0xc0000084));
	KUNIT_EXPECT_FALSE(test, sysreg_in(0xc0000080, 0xc0000084, 0xc0000085));
	KUNIT_EXPECT_TRUE(test, sysreg_in(0, U32_MAX, U32_MAX));
	KUNIT_EXPECT_FALSE(test, sysreg_in(1, 0, 0));
}

static void ports_are_printed_with_both_ends(struct kunit *test)
{
	struct axas_port_range range = { { 0x3f8 }, { 0x3ff } };
	char buf[AXAS_ADDR_STRLEN];

	axas_port_snprint(buf, sizeof(buf), (struct axas_port){ 0x3f8 });
	KUNIT_EXPECT_STREQ(test, buf, "PORT:0x3f8");
	axas_port_range_snprint(buf, sizeof(buf), range);
	KUNIT_EXPECT_STREQ(test, buf, "PORT:0x3f8..=0x3ff");
}

static void sysregs_are_printed_with_both_ends(struct kunit *test)
{
	struct axas_sysreg_range range = { { 0x10 }, { U32_MAX } };
	char buf[AXAS_ADDR_STRLEN];

	axas_sysreg_snprint(buf, sizeof(buf), (struct axas_sysreg){ 0xc0000080 });
	KUNIT_EXPECT_STREQ(test, buf, "SYSREG:0xc0000080");
	axas_sysreg_range_snprint(buf, sizeof(buf), range);
	KUNIT_EXPECT_STREQ(test, buf, "SYSREG:0x10..=0xffffffff");
}

static void widths_are_1_2_4_and_8_bytes(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, axas_width_from_bytes(1), (int)AXAS_WIDTH_8);
	KUNIT_EXPECT_EQ(test, axas_width_from_bytes(2), (int)AXAS_WIDTH_16);
	KUNIT_EXPECT_EQ(test, axas_width_from_bytes(4), (int)AXAS_WIDTH_32);
	KUNIT_EXPECT_EQ(test, axas_width_from_bytes(8), (int)AXAS_WIDTH_64);
	KUNIT_EXPECT_EQ(test, axas_width_from_bytes(0), -EINVAL);
	KUNIT_EXPECT_EQ(test, axas_width_from_bytes(3), -EINVAL);
	KUNIT_EXPECT_EQ(test, axas_width_from_bytes(16), -EINVAL);
	KUNIT_EXPECT_EQ(test, axas_width_from_bytes((1ull << 32) + 4), -EINVAL);
}

static void widths_have_bytes_masks_and_names(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, axas_width_bytes(AXAS_WIDTH_8), 1u);
	KUNIT_EXPECT_EQ(test, axas_width_bytes(AXAS_WIDTH_64), 8u);
	KUNIT_EXPECT_EQ(test, axas_width_mask(AXAS_WIDTH_8), 0xffull);
	KUNIT_EXPECT_EQ(test, axas_width_mask(AXAS_WIDTH_16), 0xffffull);
	KUNIT_EXPECT_EQ(test, axas_width_mask(AXAS_WIDTH_32), 0xffffffffull);
	KUNIT_EXPECT_EQ(test, axas_width_mask(AXAS_WIDTH_64), U64_MAX);
	KUNIT_EXPECT_STREQ(test, axas_width_name(AXAS_WIDTH_8), "byte");
	KUNIT_EXPECT_STREQ(test, axas_width_name(AXAS_WIDTH_16), "word");
	KUNIT_EXPECT_STREQ(test, axas_width_name(AXAS_WIDTH_32), "dword");
	KUNIT_EXPECT_STREQ(test, axas_width_name(AXAS_WIDTH_64), "qword");
	KUNIT_EXPECT_STREQ(test, axas_width_name(AXAS_WIDTH_64 + 1), "?");
}

static struct kunit_case device_cases[] = {
	KUNIT_CASE(port_range_holds_both_ends),
	KUNIT_CASE(sysreg_range_holds_both_ends),
	KUNIT_CASE(ports_are_printed_with_both_ends),
	KUNIT_CASE(sysregs_are_printed_with_both_ends),
	KUNIT_CASE(widths_are_1_2_4_and_8_bytes),
	KUNIT_CASE(widths_have_bytes_masks_and_names),
	{}
};

struct kunit_suite axas_device_suite = {
	.name = "axas_device",
	.test_cases = device_cases,
};
