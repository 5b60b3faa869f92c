// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of parse.c, as TAP. Needs no kernel module.
 */
#include "axasctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int nr, failed;

static void ok(bool good, const char *name, const char *input)
{
	printf("%sok %d - %s '%s'\n", good ? "" : "not ", ++nr, name, input);
	failed += !good;
}

static void test_numbers(void)
{
	static const struct {
		const char *text;
		int ret;
		u64 val;
	} cases[] = {
		{ "0", 0, 0 }, { "4096", 0, 4096 }, { "0x1000", 0, 0x1000 }, { "0X1f", 0, 31 },
		{ "010", 0, 10 }, { "4K", 0, 4096 }, { "4k", 0, 4096 }, { "4KiB", 0, 4096 },
		{ "1M", 0, 1 << 20 }, { "1G", 0, 1 << 30 }, { "1T", 0, 1ull << 40 },
		{ "2P", 0, 2ull << 50 }, { "0x10G", 0, 16ull << 30 }, { "15E", 0, 15ull << 60 },
		{ "0xffffffffffffffff", 0, UINT64_MAX }, { "0x1E", 0, 0x1e },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 }, { "16E", -ERANGE, 0 },
		{ "0x10000000000000000", -ERANGE, 0 }, { "17179869184G", -ERANGE, 0 },
		{ "", -EINVAL, 0 }, { "K", -EINVAL, 0 }, { "-1", -EINVAL, 0 }, { " 1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 }, { "0x", -EINVAL, 0 }, { "0xg", -EINVAL, 0 },
		{ "1KB", -EINVAL, 0 }, { "1KK", -EINVAL, 0 }, { "1 K", -EINVAL, 0 },
		{ "4Q", -EINVAL, 0 }, { "1.5G", -EINVAL, 0 },
	};
	u64 val;
	int ret;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ret = parse_number(cases[i].text, &val);
		ok(ret == cases[i].ret && (ret || val == cases[i].val), "number", cases[i].text);
	}
}

static void test_hex(void)
{
	static const struct {
		const char *text;
		ssize_t ret;
	} cases[] = {
		{ "", 0 }, { "00", 1 }, { "deadBEEF", 4 }, { "de ad:be ef", 4 }, { "d", -EINVAL },
		{ "d e", -EINVAL }, { "0x00", -EINVAL }, { "0011223344", -EINVAL },
	};
	static const u8 want[] = { 0xde, 0xad, 0xbe, 0xef };
	u8 buf[4];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ok(parse_hex(cases[i].text, buf, sizeof(buf)) == cases[i].ret, "hex",
		   cases[i].text);
	parse_hex("DE:ad BEef", buf, sizeof(buf));
	ok(!memcmp(buf, want, sizeof(want)), "hex value", "DE:ad BEef");
}

static void test_sizes(void)
{
	char buf[32];

	ok(!strcmp(size_name(0, buf, sizeof(buf)), "0 B"), "size", buf);
	ok(!strcmp(size_name(4097, buf, sizeof(buf)), "4097 B"), "size", buf);
	ok(!strcmp(size_name(4096, buf, sizeof(buf)), "4 KiB"), "size", buf);
	ok(!strcmp(size_name(3ull << 40, buf, sizeof(buf)), "3 TiB"), "size", buf);
	ok(!strcmp(size_name(1ull << 63, buf, sizeof(buf)), "8192 PiB"), "size", buf);
}

int main(void)
{
	puts("TAP version 13");
	test_numbers();
	test_hex();
	test_sizes();
	printf("1..%d\n", nr);
	return !!failed;
}
