// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bad arguments of each ioctl of a space, one at a time. Each call is refused and changes nothing.
 */
#include "uapi.h"

#include <string.h>
#include <unistd.h>

#define AREA	(16 * MIB)	/* an area of 16 pages, the first two touched */
#define FREE	(32 * MIB)	/* no area */

static int busy_space(void)
{
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, 16 * PAGE, RW, 0));
	expect_ok(populate(fd, AREA, 2 * PAGE));
	return fd;
}

struct bad_range {
	const char *what;
	u64 gpa, length;
};

/* Call @try with each invalid range of a space that ends at @end. */
static void try_bad_ranges(u64 end, void (*try)(int fd, const struct bad_range *r))
{
	const struct bad_range ranges[] = {
		{ "gpa off by one", FREE + 1, PAGE },
		{ "gpa in the middle of a page", FREE + 0x800, PAGE },
		{ "gpa off by 0xfff", FREE + 0xfff, PAGE },
		{ "no length", FREE, 0 },
		{ "no length in an area", AREA, 0 },
		{ "length of one", FREE, 1 },
		{ "length off by one", FREE, PAGE + 1 },
		{ "length of half a page", FREE, PAGE / 2 },
		{ "gpa at the end", end, PAGE },
		{ "gpa behind the end", end + PAGE, PAGE },
		{ "gpa far behind the end", 1ull << 63, PAGE },
		{ "last page of 64 bits", 0 - PAGE, PAGE },
		{ "wraps by a page", 0 - PAGE, 2 * PAGE },
		{ "wraps to itself", AREA, 0 - PAGE },
		{ "wraps from the middle", 1ull << 63, 1ull << 63 },
		{ "one page over the end", end - PAGE, 2 * PAGE },
		{ "all and a page", 0, end + PAGE },
		{ "nearly 64 bits", 0, 0 - PAGE },
	};
	int fd = busy_space();

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		try(fd, &ranges[i]);
}

static void try_map_alloc(int fd, const struct bad_range *r)
{
	struct axas_map_alloc arg = {
		.size = sizeof(arg), .gpa = r->gpa, .length = r->length, .prot = RW
	};

	expect_refused(fd, AXAS_MAP_ALLOC, &arg, EINVAL, r->what);
	arg.flags = AXAS_MAP_POPULATE;
	expect_refused(fd, AXAS_MAP_ALLOC, &arg, EINVAL, r->what);
}

static void test_map_alloc_ranges(void)
{
	try_bad_ranges(space_end(new_space()), try_map_alloc);
}

static void try_map_linear(int fd, const struct bad_range *r)
{
	struct axas_map_linear arg = {
		.size = sizeof(arg), .gpa = r->gpa, .hpa = window().hpa, .length = r->length,
		.prot = RW
	};

	/* a range larger than the window also overlaps System RAM, unless it wraps */
	if (r->length > window().size && arg.hpa + r->length > arg.hpa)
		expect_refused(fd, AXAS_MAP_LINEAR, &arg, EPERM, r->what);
	else
		expect_refused(fd, AXAS_MAP_LINEAR, &arg, EINVAL, r->what);
}

static void test_map_linear_ranges(void)
{
	try_bad_ranges(space_end(new_space()), try_map_linear);
}

static void try_unmap(int fd, const struct bad_range *r)
{
	struct axas_range arg = { .size = sizeof(arg), .gpa = r->gpa, .length = r->length };

	expect_refused(fd, AXAS_UNMAP, &arg, EINVAL, r->what);
}

static void test_unmap_ranges(void)
{
	try_bad_ranges(space_end(new_space()), try_unmap);
}

static void try_populate(int fd, const struct bad_range *r)
{
	struct axas_range arg = { .size = sizeof(arg), .gpa = r->gpa, .length = r->length };

	expect_refused(fd, AXAS_POPULATE, &arg, EINVAL, r->what);
}

static void test_populate_ranges(void)
{
	try_bad_ranges(space_end(new_space()), try_populate);
}

/* After a good one. */
static void try_discard(int fd, const struct bad_range *r)
{
	struct axas_extent extents[] = { { GIB, PAGE }, { r->gpa, r->length } };
	struct axas_discard arg = { .size = sizeof(arg), .buf = (uintptr_t)extents, .count = 2 };

	expect_refused(fd, AXAS_DISCARD, &arg, EINVAL, r->what);
}

static void try_logs(int fd, const struct bad_range *r)
{
	static const unsigned long nrs[] = {
		AXAS_START_LOG, AXAS_STOP_LOG, AXAS_GET_LOG, AXAS_CLEAR_LOG,
	};
	static __u64 word;

	for (size_t i = 0; i < ARRAY_SIZE(nrs); i++) {
		struct axas_log arg = {
			.size = sizeof(arg), .gpa = r->gpa, .length = r->length,
			.buf = i < 2 ? 0 : (uintptr_t)&word,
		};

		expect_refused(fd, nrs[i], &arg, EINVAL, r->what);
	}
}

static void test_log_ranges(void)
{
	try_bad_ranges(space_end(new_space()), try_logs);
}

static void try_set_policy(int fd, const struct bad_range *r)
{
	struct axas_range arg = {
		.size = sizeof(arg), .flags = AXAS_MAP_HUGE_NEVER, .gpa = r->gpa,
		.length = r->length,
	};

	expect_refused(fd, AXAS_SET_POLICY, &arg, EINVAL, r->what);
}

static void test_set_policy_ranges(void)
{
	try_bad_ranges(space_end(new_space()), try_set_policy);
}

static void test_discard_ranges(void)
{
	try_bad_ranges(space_end(new_space()), try_discard);
}

static void try_collapse(int fd, const struct bad_range *r)
{
	struct axas_collapse arg = { .size = sizeof(arg), .gpa = r->gpa, .length = r->length };

	expect_refused(fd, AXAS_COLLAPSE, &arg, EINVAL, r->what);
}

static void test_collapse_ranges(void)
{
	try_bad_ranges(space_end(new_space()), try_collapse);
}

static void try_protect(int fd, const struct bad_range *r)
{
	struct axas_protect arg = {
		.size = sizeof(arg), .gpa = r->gpa, .length = r->length, .prot = RO
	};

	expect_refused(fd, AXAS_PROTECT, &arg, EINVAL, r->what);
}

static void test_protect_ranges(void)
{
	try_bad_ranges(space_end(new_space()), try_protect);
}

/* In a space that does not start at 0, lower addresses are refused. */
static void test_below_the_base(void)
{
	struct axas_create c = { .format = test_format, .base = GIB, .length = GIB };
	int fd = axas_open_space(NULL, &c);

	expect(fd >= 0);
	expect_eq(axas_map_alloc(fd, GIB - PAGE, PAGE, RW, 0), -EINVAL);
	expect_eq(axas_map_alloc(fd, GIB - PAGE, 2 * PAGE, RW, 0), -EINVAL);
	expect_eq(axas_map_alloc(fd, 0, PAGE, RW, 0), -EINVAL);
	expect_eq(axas_map_linear(fd, GIB - PAGE, window().hpa, 2 * PAGE, RW, AXAS_TYPE_NORMAL),
		  -EINVAL);
	expect_eq(axas_unmap(fd, GIB - PAGE, 2 * PAGE), -EINVAL);
	expect_eq(axas_protect(fd, GIB - PAGE, 2 * PAGE, RO), -EINVAL);
	expect_eq(populate(fd, GIB - PAGE, 2 * PAGE), -EINVAL);
	expect_eq(info(fd).areas, 0);
	expect_eq(axas_fault(fd, GIB - PAGE, RO, NULL), AXAS_FAULT_HOLE);
}

static void test_prot_bits(void)
{
	int fd = busy_space();
	struct axas_map_alloc alloc = {
		.size = sizeof(alloc), .gpa = FREE, .length = PAGE
	};
	struct axas_map_linear linear = {
		.size = sizeof(linear), .gpa = FREE, .hpa = window().hpa, .length = PAGE
	};
	struct axas_protect change = {
		.size = sizeof(change), .gpa = AREA, .length = PAGE
	};
	struct axas_fault access = { .size = sizeof(access), .gpa = AREA };

	for (int bit = 3; bit < 32; bit++) {
		alloc.prot = RW | (1u << bit);
		linear.prot = alloc.prot;
		change.prot = alloc.prot;
		access.access = alloc.prot;
		expect_refused(fd, AXAS_MAP_ALLOC, &alloc, EINVAL, "unknown prot");
		expect_refused(fd, AXAS_MAP_LINEAR, &linear, EINVAL, "unknown prot");
		expect_refused(fd, AXAS_PROTECT, &change, EINVAL, "unknown prot");
		expect_refused(fd, AXAS_FAULT, &access, EINVAL, "unknown access");
	}
	access.access = 0;
	expect_refused(fd, AXAS_FAULT, &access, EINVAL, "no access");
}

static void test_both_huge_flags(void)
{
	int fd = busy_space();
	struct axas_map_alloc alloc = {
		.size = sizeof(alloc), .gpa = FREE, .length = PAGE, .prot = RW,
		.flags = AXAS_MAP_HUGE_ALWAYS | AXAS_MAP_HUGE_NEVER
	};

	expect_refused(fd, AXAS_MAP_ALLOC, &alloc, EINVAL, "both flags");
	alloc.flags |= AXAS_MAP_POPULATE;
	expect_refused(fd, AXAS_MAP_ALLOC, &alloc, EINVAL, "both flags");
}

static void test_types(void)
{
	static const u32 types[] = { 3, 4, 99, 0x80000000, ~0u };
	int fd = busy_space();
	struct axas_map_alloc alloc = {
		.size = sizeof(alloc), .gpa = FREE, .length = PAGE, .prot = RW
	};
	struct axas_map_linear linear = {
		.size = sizeof(linear), .gpa = FREE, .hpa = window().hpa, .length = PAGE,
		.prot = RW
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		alloc.type = types[i];
		linear.type = types[i];
		expect_refused(fd, AXAS_MAP_ALLOC, &alloc, EINVAL, "unknown type");
		expect_refused(fd, AXAS_MAP_LINEAR, &linear, EINVAL, "unknown type");
	}
}

/* A protection that the format cannot encode is refused, not replaced by another. */
static void test_impossible_prots(void)
{
	int fd = busy_space();

	for (u32 prot = 0; prot <= RWX; prot++) {
		struct axas_map_alloc alloc = {
			.size = sizeof(alloc), .gpa = FREE, .length = PAGE, .prot = prot
		};
		struct axas_protect change = {
			.size = sizeof(change), .gpa = AREA, .length = PAGE, .prot = prot
		};
		struct axas_area_info area;

		if (!prot_possible(fd, prot)) {
			expect(prot != RO && prot != RW && prot != RX && prot != RWX);
			expect_refused(fd, AXAS_MAP_ALLOC, &alloc, EOPNOTSUPP, "prot");
			expect_refused(fd, AXAS_PROTECT, &change, EOPNOTSUPP, "prot");
			continue;
		}
		expect_ok(axas_ioctl(fd, AXAS_MAP_ALLOC, &alloc));
		expect_eq(areas_from(fd, FREE, &area, 1, NULL), 1);
		expect_eq(area.prot, prot);
		expect_ok(axas_unmap(fd, FREE, PAGE));
	}
}

static void test_overlap(void)
{
	const struct bad_range ranges[] = {
		{ "the same range", AREA, 16 * PAGE },
		{ "its first page", AREA, PAGE },
		{ "its last page", AREA + 15 * PAGE, PAGE },
		{ "its middle", AREA + 4 * PAGE, PAGE },
		{ "over its start", AREA - PAGE, 2 * PAGE },
		{ "over its end", AREA + 15 * PAGE, 2 * PAGE },
		{ "around it", AREA - PAGE, 18 * PAGE },
		{ "all", 0, GIB },
	};
	int fd = busy_space();

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		struct axas_map_alloc alloc = {
			.size = sizeof(alloc), .gpa = ranges[i].gpa,
			.length = ranges[i].length, .prot = RW
		};
		struct axas_map_linear linear = {
			.size = sizeof(linear), .gpa = ranges[i].gpa, .hpa = window().hpa,
			.length = ranges[i].length, .prot = RW
		};

		expect_refused(fd, AXAS_MAP_ALLOC, &alloc, EEXIST, ranges[i].what);
		alloc.flags = AXAS_MAP_POPULATE;
		expect_refused(fd, AXAS_MAP_ALLOC, &alloc, EEXIST, ranges[i].what);
		if (ranges[i].length <= window().size)
			expect_refused(fd, AXAS_MAP_LINEAR, &linear, EEXIST, ranges[i].what);
	}
	expect_ok(axas_map_alloc(fd, AREA - PAGE, PAGE, RW, 0));
	expect_ok(axas_map_alloc(fd, AREA + 16 * PAGE, PAGE, RW, 0));
}

static void test_hpa(void)
{
	struct window w = window();
	int fd = busy_space();
	u32 oa_bits = info(fd).oa_bits;
	u64 end = oa_bits < 64 ? 1ull << oa_bits : 0;
	const struct {
		const char *what;
		u64 hpa, length;
	} cases[] = {
		{ "hpa off by one", w.hpa + 1, PAGE },
		{ "hpa in the middle of a page", w.hpa + 0x800, PAGE },
		{ "hpa at the end of host-physical memory", end ?: 1, PAGE },
		{ "hpa over the end of it", end - PAGE, 2 * PAGE },
		{ "hpa that wraps", 0 - PAGE, 2 * PAGE },
		{ "hpa that wraps to zero", 0 - PAGE, PAGE },
		{ "hpa far away", 1ull << 63, PAGE },
		{ "hpa with a bit above 52", (1ull << 52) | w.hpa, PAGE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct axas_map_linear arg = {
			.size = sizeof(arg), .gpa = FREE, .hpa = cases[i].hpa,
			.length = cases[i].length, .prot = RW
		};

		expect_refused(fd, AXAS_MAP_LINEAR, &arg, EINVAL, cases[i].what);
	}
}

static void test_outside_is_a_hole(void)
{
	int fd = busy_space();
	const u64 gpas[] = { FREE, AREA - 1, AREA + 16 * PAGE, space_end(fd), 1ull << 63, ~0ull };
	struct axas_translate tr = { .size = sizeof(tr) };

	for (size_t i = 0; i < ARRAY_SIZE(gpas); i++) {
		tr.gpa = gpas[i];
		expect_refused(fd, AXAS_TRANSLATE, &tr, ENOENT, "TRANSLATE of a hole");
		expect_eq(axas_fault(fd, gpas[i], RO, NULL), AXAS_FAULT_HOLE);
	}
	tr.gpa = AREA + 2 * PAGE;
	expect_refused(fd, AXAS_TRANSLATE, &tr, ENOENT, "TRANSLATE of an untouched page");
	expect_eq(info(fd).faults[AXAS_FAULT_HOLE], ARRAY_SIZE(gpas));
	expect_eq(info(fd).frames, 2);
}

static const struct test tests[] = {
	{ "R3 MAP_ALLOC refuses bad ranges", test_map_alloc_ranges },
	{ "R3 MAP_LINEAR refuses bad ranges", test_map_linear_ranges },
	{ "R3 MAP_LINEAR refuses bad host-physical ranges", test_hpa },
	{ "R3 UNMAP refuses bad ranges", test_unmap_ranges },
	{ "R3 POPULATE refuses bad ranges", test_populate_ranges },
	{ "R3 SET_POLICY refuses bad ranges", test_set_policy_ranges },
	{ "R3 DISCARD refuses bad ranges", test_discard_ranges },
	{ "R3 the dirty log refuses bad ranges", test_log_ranges },
	{ "R3 COLLAPSE refuses bad ranges", test_collapse_ranges },
	{ "R3 PROTECT refuses bad ranges", test_protect_ranges },
	{ "R3 a space that begins above 0 refuses what is below", test_below_the_base },
	{ "R8 unknown protection bits are refused", test_prot_bits },
	{ "R8 unknown memory types are refused", test_types },
	{ "R8 MAP_ALLOC refuses contradictory flags", test_both_huge_flags },
	{ "a protection that the format cannot encode is refused", test_impossible_prots },
	{ "an overlap with an area is refused", test_overlap },
	{ "TRANSLATE and FAULT find holes everywhere outside", test_outside_is_a_hole },
};

const struct suite suite_refuse = { "refuse", tests, ARRAY_SIZE(tests), true };
