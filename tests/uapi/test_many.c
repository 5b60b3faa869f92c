// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many areas: enough for a tree of several levels, and each way of removing them. A tree in
 * another mode freed memory that was not its own from about 3,000 areas on (Z1 in FINDINGS).
 */
#include "uapi.h"

#include <stdlib.h>
#include <unistd.h>

/* Debug kernels that check every access and object take milliseconds per area. */
#define SLOW_AREAS	6000
#define STEP	(2 * PAGE)	/* an area of one page and a hole: areas never merge */
#define CHURN	20000

static u64 nth(u32 i)
{
	return MIB + i * STEP;
}

static int space_of(u32 nr)
{
	int fd;

	if (nr > SLOW_AREAS && getenv("AXAS_SLOW"))
		skip("this kernel is too slow for %u areas", nr);
	fd = new_space();
	for (u32 i = 0; i < nr; i++)
		expect_ok(axas_map_alloc(fd, nth(i), PAGE, RW, 0));
	expect_eq(info(fd).areas, nr);
	return fd;
}

/* The first and last areas are still usable. */
static void expect_works(int fd, u32 nr)
{
	u32 i, seed = test_seed, val;

	expect_eq(info(fd).areas, 0);
	expect_ok(axas_map_alloc(fd, 0, nth(nr), RW, 0));
	for (i = 0; i < 16; i++) {
		u64 gpa = nth(random_u32(&seed) % nr);

		expect_eq(axas_write(fd, gpa, &i, sizeof(i)), sizeof(i));
		expect_eq(axas_read(fd, gpa, &val, sizeof(val)), sizeof(val));
		expect_eq(val, i);
	}
}

static void all_ways(u32 nr)
{
	int fd = space_of(nr);

	expect_ok(axas_unmap(fd, 0, nth(nr)));
	expect_works(fd, nr);
	close(fd);

	fd = space_of(nr);
	expect_ok(axas_clear(fd));
	expect_works(fd, nr);
	close(fd);

	close(space_of(nr));
}

static void test_5000(void)
{
	all_ways(5000);
}

static void test_20000(void)
{
	all_ways(20000);
}

static void test_100000(void)
{
	int fd = space_of(100000);

	expect_ok(axas_protect(fd, 0, nth(100000), RO));
	expect_eq(info(fd).areas, 100000);
	expect_ok(axas_unmap(fd, 0, nth(100000)));
	expect_works(fd, 100000);
}

/* Unmap and map random ranges; GET_AREAS lists exactly the rest. */
static void test_churn(void)
{
	const u32 nr = 6000;
	bool *there = calloc(nr, sizeof(*there));
	u32 left = 0, seed = test_seed;
	int fd = space_of(nr);

	expect(there);
	memset(there, true, nr);
	for (u32 n = 0; n < CHURN; n++) {
		u32 i = random_u32(&seed) % nr, len = 1 + random_u32(&seed) % 300;

		if (n % 8) {
			expect_eq(axas_map_alloc(fd, nth(i), PAGE, RW, 0), there[i] ? -EEXIST : 0);
			there[i] = true;
			continue;
		}
		len = i + len > nr ? nr - i : len;
		expect_ok(axas_unmap(fd, nth(i), len * STEP));
		memset(&there[i], false, len);
	}
	for (u32 i = 0; i < nr; i++)
		left += there[i];
	expect_eq(info(fd).areas, left);
	for (u32 i = 0; i < nr; i++)
		expect_eq(axas_map_alloc(fd, nth(i), PAGE, RW, 0), there[i] ? -EEXIST : 0);
	free(there);
}

static const struct test tests[] = {
	{ "5,000 areas go by unmap, by clear and by close", test_5000 },
	{ "20,000 areas go by unmap, by clear and by close", test_20000 },
	{ "100,000 areas are protected and unmapped at once", test_100000 },
	{ "6,000 areas come and go in pieces", test_churn },
};

const struct suite suite_many = { "many", tests, ARRAY_SIZE(tests), false };
