// SPDX-License-Identifier: GPL-2.0-only
/*
 * 2 MiB leaves in alloc areas, COLLAPSE, and spaces for other machines.
 */
#include "uapi.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HUGE_PAGE	(2 * MIB)
#define HUGE_FRAMES	512

/* A space with 4 MiB populated at GIB: in 2 MiB leaves, unless memory is short. */
static int filled(u32 flags)
{
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, GIB, 2 * HUGE_PAGE, RW, flags | AXAS_MAP_POPULATE));
	expect_eq(info(fd).frames, 2 * HUGE_FRAMES);
	return fd;
}

static void need_huge(int fd)
{
	if (info(fd).leaves[1] != 2)
		skip("no 2 MiB of memory were to be had");
}

static void fill_words(int fd)
{
	for (u64 gpa = GIB; gpa < GIB + 2 * HUGE_PAGE; gpa += PAGE)
		expect_eq(axas_write(fd, gpa + 8, &gpa, 8), 8);
}

static void check_words(int fd, u64 first, u64 end)
{
	u64 word;

	for (u64 gpa = first; gpa < end; gpa += PAGE) {
		expect_eq(axas_read(fd, gpa + 8, &word, 8), 8);
		expect_eq(word, gpa);
	}
}

static void test_populate_is_huge(void)
{
	int fd = filled(0);

	need_huge(fd);
	expect_eq(info(fd).leaves[0], 0);
	fill_words(fd);
	check_words(fd, GIB, GIB + 2 * HUGE_PAGE);
	expect_eq(info(fd).frames, 2 * HUGE_FRAMES);
	expect_ok(axas_clear(fd));
	expect_eq(info(fd).frames, 0);
	expect_eq(info(fd).tables, info(fd).root_tables);
}

static void test_never(void)
{
	struct axas_area_info a;
	int fd = filled(AXAS_MAP_HUGE_NEVER);

	expect_eq(info(fd).leaves[0], 2 * HUGE_FRAMES);
	expect_eq(info(fd).leaves[1], 0);
	expect_eq(areas_from(fd, 0, &a, 1, NULL), 1);
	expect_eq(a.flags, AXAS_MAP_HUGE_NEVER);
}

static void test_fault(void)
{
	int fd = new_space();
	u32 level;

	expect_ok(axas_map_alloc(fd, GIB, 2 * HUGE_PAGE, RW, 0));
	expect_eq(axas_fault(fd, GIB + 5, RW, NULL), AXAS_FAULT_FIXED);
	expect_eq(info(fd).frames, 1);
	expect_ok(axas_unmap(fd, GIB, 2 * HUGE_PAGE));
	expect_ok(axas_map_alloc(fd, GIB, 2 * HUGE_PAGE, RW, AXAS_MAP_HUGE_ALWAYS));
	expect_eq(axas_fault(fd, GIB + HUGE_PAGE + 5, RW, &level), AXAS_FAULT_FIXED);
	expect_eq(info(fd).frames, level ? HUGE_FRAMES : 1);
	expect_eq(info(fd).leaves[level], 1);
}

/* Fault-around fills neighbouring entries within the area. */
static void test_around(void)
{
	struct axas_area_info a;
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, GIB, 100 * PAGE, RW,
				 AXAS_MAP_HUGE_NEVER | AXAS_MAP_AROUND(5)));
	expect_eq(axas_fault(fd, GIB + 40 * PAGE, RW, NULL), AXAS_FAULT_FIXED);
	expect_eq(info(fd).frames, 32);
	expect_eq(axas_fault(fd, GIB + 32 * PAGE, RW, NULL), AXAS_FAULT_SPURIOUS);
	expect_eq(axas_fault(fd, GIB + 63 * PAGE, RW, NULL), AXAS_FAULT_SPURIOUS);
	expect_eq(axas_fault(fd, GIB + 99 * PAGE, RW, NULL), AXAS_FAULT_FIXED);
	expect_eq(info(fd).frames, 36);
	expect_eq(areas_from(fd, 0, &a, 1, NULL), 1);
	expect_eq(a.flags, AXAS_MAP_HUGE_NEVER | AXAS_MAP_AROUND(5));
	expect_eq(axas_map_alloc(fd, 2 * GIB, PAGE, RW, AXAS_MAP_AROUND(10)), -EINVAL);
	expect_eq(axas_map_alloc(fd, 2 * GIB, PAGE, RW, AXAS_MAP_AROUND(15)), -EINVAL);
	expect_ok(axas_map_alloc(fd, 2 * GIB, PAGE, RW, AXAS_MAP_AROUND(9)));
	expect_eq(axas_fault(fd, 2 * GIB, RW, NULL), AXAS_FAULT_FIXED);
	expect_eq(info(fd).frames, 37);
}

/* A 2 MiB leaf never extends beyond its area or over existing leaves. */
static void test_ends(void)
{
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, GIB + PAGE, 2 * HUGE_PAGE, RW,
				 AXAS_MAP_HUGE_ALWAYS | AXAS_MAP_POPULATE));
	expect_eq(info(fd).frames, 2 * HUGE_FRAMES);
	expect(info(fd).leaves[1] <= 1);
	expect_eq(axas_read(fd, GIB, &(u8){ 0 }, 1), -EFAULT);
	expect_ok(axas_clear(fd));
	expect_ok(axas_map_alloc(fd, GIB, HUGE_PAGE, RW, 0));
	expect_eq(axas_write(fd, GIB + 7 * PAGE, "keep", 4), 4);
	expect_ok(populate(fd, GIB, HUGE_PAGE));
	expect_eq(info(fd).frames, HUGE_FRAMES);
	expect_eq(info(fd).leaves[0], HUGE_FRAMES);
	expect_eq(axas_read(fd, GIB + 7 * PAGE, &(u32){ 0 }, 4), 4);
}

static void test_split(void)
{
	int fd = filled(0);
	struct axas_translate tr;

	need_huge(fd);
	fill_words(fd);
	expect_ok(axas_unmap(fd, GIB + 100 * PAGE, PAGE));
	expect_eq(info(fd).frames, 2 * HUGE_FRAMES - 1);
	expect_eq(axas_translate(fd, GIB + 100 * PAGE, &tr), -ENOENT);
	check_words(fd, GIB, GIB + 100 * PAGE);
	check_words(fd, GIB + 101 * PAGE, GIB + 2 * HUGE_PAGE);
	expect_ok(axas_protect(fd, GIB + HUGE_PAGE + PAGE, PAGE, RO));
	expect_eq(info(fd).frames, 2 * HUGE_FRAMES - 1);
	check_words(fd, GIB + HUGE_PAGE, GIB + 2 * HUGE_PAGE);
	expect_eq(axas_write(fd, GIB + HUGE_PAGE + PAGE, "x", 1), -EACCES);
	expect_eq(axas_write(fd, GIB + HUGE_PAGE + 2 * PAGE + 100, "x", 1), 1);
	/* after a split each 4 KiB frame is freed separately */
	for (int i = 0; i < 100; i++)
		expect_ok(axas_unmap(fd, GIB + i * PAGE, PAGE));
	expect_eq(info(fd).frames, 2 * HUGE_FRAMES - 101);
	check_words(fd, GIB + 101 * PAGE, GIB + 2 * HUGE_PAGE);
	expect_ok(axas_clear(fd));
	expect_eq(info(fd).frames, 0);
	expect_eq(info(fd).tables, info(fd).root_tables);
}

static void test_zeroed(void)
{
	static u8 dirt[HUGE_PAGE], back[HUGE_PAGE];

	memset(dirt, 0x5a, sizeof(dirt));
	for (int round = 0; round < 8; round++) {
		int fd = filled(round % 2 ? AXAS_MAP_HUGE_ALWAYS : 0);

		for (u64 gpa = GIB; gpa < GIB + 2 * HUGE_PAGE; gpa += HUGE_PAGE) {
			expect_eq(axas_read(fd, gpa, back, HUGE_PAGE), HUGE_PAGE);
			for (size_t i = 0; i < HUGE_PAGE; i++)
				if (back[i])
					fail("%#llx holds %#x", gpa + i, back[i]);
			expect_eq(axas_write(fd, gpa, dirt, HUGE_PAGE), HUGE_PAGE);
		}
		close(fd);
	}
}

/* If max_frames does not allow a 2 MiB leaf, 4 KiB leaves are used. */
static void test_max_frames(void)
{
	struct axas_create c = { .format = test_format, .max_frames = 100 };
	int fd = axas_open_space(NULL, &c);

	expect(fd >= 0);
	expect_ok(axas_map_alloc(fd, GIB, HUGE_PAGE, RW, AXAS_MAP_HUGE_ALWAYS));
	expect_eq(populate(fd, GIB, HUGE_PAGE), -ENOMEM);
	expect_eq(info(fd).frames, 100);
	expect_ok(axas_clear(fd));
	expect_eq(axas_map_alloc(fd, GIB, HUGE_PAGE, RW, AXAS_MAP_POPULATE), -ENOMEM);
	expect_eq(info(fd).frames, 0);
	expect_eq(info(fd).areas, 0);
}

static void test_collapse(void)
{
	struct window w = window();
	struct axas_translate tr;
	int fd = new_space();
	u64 n;

	expect_ok(axas_map_linear(fd, GIB, w.hpa, 4 * MIB, RW, AXAS_TYPE_NORMAL));
	expect_ok(axas_protect(fd, GIB + PAGE, PAGE, RO));
	expect_eq(info(fd).leaves[1], 1);
	/* no collapse while one page differs */
	expect_ok(axas_collapse(fd, GIB, 4 * MIB, &n));
	expect_eq(n, 0);
	expect_ok(axas_protect(fd, GIB + PAGE, PAGE, RW));
	expect_ok(axas_collapse(fd, 0, 8 * GIB, &n));
	if (info(fd).areas == 1)
		expect_eq(n, 1);
	note("%llu areas, %llu tables collapsed", (u64)info(fd).areas, n);
	expect_eq(info(fd).leaves[0] + HUGE_FRAMES * info(fd).leaves[1], 2 * HUGE_FRAMES);
	for (u64 off = 0; off < 4 * MIB; off += 0x7001) {
		expect_ok(axas_translate(fd, GIB + off, &tr));
		expect_eq(tr.hpa, w.hpa + off);
		expect_eq(tr.prot, RW);
		expect_eq(tr.limit, 4 * MIB - off);
	}
}

static void test_collapse_never_moves(void)
{
	int fd = filled(AXAS_MAP_HUGE_NEVER);
	u64 n;

	fill_words(fd);
	expect_ok(axas_collapse(fd, GIB, 2 * HUGE_PAGE, &n));
	expect_eq(n, 0);
	expect_eq(info(fd).leaves[0], 2 * HUGE_FRAMES);
	check_words(fd, GIB, GIB + 2 * HUGE_PAGE);
	expect_ok(axas_clear(fd));
	expect_ok(axas_collapse(fd, 0, space_end(fd), &n));
	expect_eq(n, 0);
}

static void test_other_machine(void)
{
	struct axas_create c = {
		.format = test_format, .flags = AXAS_CREATE_CAPS, .leaf_levels = 1, .oa_bits = 36
	};
	int fd = axas_open_space(NULL, &c);

	expect(fd >= 0);
	expect_eq(info(fd).oa_bits, 36);
	/* a protection that every machine can encode */
	expect_ok(axas_map_linear(fd, GIB, window().hpa, 4 * MIB, RWX, AXAS_TYPE_NORMAL));
	expect_eq(info(fd).leaves[0], 2 * HUGE_FRAMES);
	expect_eq(axas_map_linear(fd, 2 * GIB, 1ull << 36, PAGE, RWX, AXAS_TYPE_NORMAL), -EINVAL);
}

static void test_wrong_machine(void)
{
	struct axas_create good = {
		.format = test_format, .flags = AXAS_CREATE_CAPS, .leaf_levels = 3, .oa_bits = 40
	};
	struct axas_create c = good;
	int fds = count_fds();

	c.leaf_levels = 2;
	expect_eq(axas_open_space(NULL, &c), -EINVAL);
	c.leaf_levels = 0;
	expect_eq(axas_open_space(NULL, &c), -EINVAL);
	c = good;
	c.caps = AXAS_CAP_MASK + 1;
	expect_eq(axas_open_space(NULL, &c), -EINVAL);
	c.caps = AXAS_CAP_NATIVE;
	expect_eq(axas_open_space(NULL, &c), -EINVAL);
	c = good;
	c.oa_bits = 0;
	expect_eq(axas_open_space(NULL, &c), -EINVAL);
	c.oa_bits = ~0u;
	expect_eq(axas_open_space(NULL, &c), -EINVAL);
	c = good;
	c.reserved = 1;
	expect_eq(axas_open_space(NULL, &c), -EINVAL);
	expect_eq(count_fds(), fds);
}

static void test_policy_changes(void)
{
	struct axas_area_info areas[4];
	int fd = new_space();
	u32 more;

	expect_ok(axas_map_alloc(fd, GIB, 2 * HUGE_PAGE, RW, 0));
	expect_ok(axas_set_policy(fd, GIB + HUGE_PAGE, HUGE_PAGE, AXAS_MAP_HUGE_ALWAYS));
	expect_eq(areas_from(fd, 0, areas, 4, &more), 2);
	expect_eq(areas[0].flags, 0);
	expect_eq(areas[1].flags, AXAS_MAP_HUGE_ALWAYS);
	expect_eq(axas_fault(fd, GIB, RW, NULL), AXAS_FAULT_FIXED);
	expect_eq(axas_fault(fd, GIB + HUGE_PAGE, RW, NULL), AXAS_FAULT_FIXED);
	expect_eq(info(fd).leaves[0], 1);
	expect_eq(info(fd).leaves[1], 1);
	expect_eq(axas_write(fd, GIB + HUGE_PAGE, "data", 4), 4);
	/* what is there stays, also where a leaf must be split for two areas */
	expect_ok(axas_set_policy(fd, GIB + HUGE_PAGE + PAGE, PAGE, AXAS_MAP_AROUND(2)));
	expect_eq(info(fd).leaves[0], 513);
	expect_eq(info(fd).frames, 513);
	expect_ok(axas_set_policy(fd, 0, 8 * GIB, AXAS_MAP_HUGE_NEVER));
	expect_eq(areas_from(fd, 0, areas, 4, &more), 1);
	expect_eq(areas[0].flags, AXAS_MAP_HUGE_NEVER);
	expect_eq(axas_read(fd, GIB + HUGE_PAGE, areas, 4), 4);
	expect(!memcmp(areas, "data", 4));
	expect_ok(axas_map_linear(fd, 2 * GIB, window().hpa, PAGE, RW, AXAS_TYPE_NORMAL));
	expect_eq(axas_set_policy(fd, 0, 8 * GIB, 0), -EOPNOTSUPP);
	expect_eq(areas_from(fd, GIB, areas, 1, &more), 1);
	expect_eq(areas[0].flags, AXAS_MAP_HUGE_NEVER);
}

static void test_limit_changes(void)
{
	struct axas_create c = { .format = test_format, .max_frames = ~0ull };
	int fd = new_space();

	expect_eq(axas_set_limit(fd, 5), -EOPNOTSUPP);
	expect_eq(info(fd).max_frames, 0);
	close(fd);
	fd = axas_open_space(NULL, &c);
	expect(fd >= 0);
	expect_ok(axas_map_alloc(fd, GIB, 64 * PAGE, RW, 0));
	expect_ok(populate(fd, GIB, 8 * PAGE));
	expect_ok(axas_set_limit(fd, 4));
	expect_eq(info(fd).max_frames, 4);
	expect_eq(info(fd).frames, 8);
	expect_eq(axas_fault(fd, GIB + 8 * PAGE, RW, NULL), AXAS_FAULT_NOMEM);
	expect_ok(axas_set_limit(fd, 9));
	expect_eq(axas_fault(fd, GIB + 8 * PAGE, RW, NULL), AXAS_FAULT_FIXED);
	expect_eq(axas_fault(fd, GIB + 9 * PAGE, RW, NULL), AXAS_FAULT_NOMEM);
	expect_ok(axas_set_limit(fd, 0));
	expect_ok(populate(fd, GIB, 64 * PAGE));
}

static const struct test tests[] = {
	{ "populate takes 2 MiB frames", test_populate_is_huge },
	{ "an area that is never to have 2 MiB frames has none", test_never },
	{ "a fault fills the pages around it where that is asked for", test_around },
	{ "a fault takes 2 MiB when the area asks for it", test_fault },
	{ "2 MiB leaves stay inside their area, beside what is there", test_ends },
	{ "2 MiB leaves of an alloc area are split and keep their bytes", test_split },
	{ "R4 2 MiB frames are zero at birth", test_zeroed },
	{ "R5 max_frames lets small frames in where large ones have no room", test_max_frames },
	{ "COLLAPSE makes large leaves of small ones", test_collapse },
	{ "SET_POLICY changes areas that live", test_policy_changes },
	{ "SET_LIMIT changes max_frames of a space that lives", test_limit_changes },
	{ "COLLAPSE moves no memory", test_collapse_never_moves },
	{ "CREATE_CAPS makes a space for another machine", test_other_machine },
	{ "CREATE_CAPS refuses machines that cannot be", test_wrong_machine },
};

const struct suite suite_huge = { "huge", tests, ARRAY_SIZE(tests), true };
