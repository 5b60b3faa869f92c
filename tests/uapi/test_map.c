// SPDX-License-Identifier: GPL-2.0-only
/*
 * Successful map, unmap, protect and clear calls: the resulting state of the space.
 */
#include "uapi.h"

#include <string.h>
#include <unistd.h>

#define AREA	(16 * MIB)

static void expect_empty(int fd)
{
	struct axas_info i = info(fd);

	expect_eq(i.areas, 0);
	expect_eq(i.frames, 0);
	for (int n = 0; n < AXAS_LEAF_LEVELS; n++)
		expect_eq(i.leaves[n], 0);
}

static u64 pages_of(int fd)
{
	struct axas_info i = info(fd);

	return mapped_pages(&i);
}

static void test_lazy(void)
{
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, 64 * PAGE, RW, 0));
	expect_eq(info(fd).areas, 1);
	expect_eq(info(fd).frames, 0);
	expect_eq(info(fd).tables, info(fd).root_tables);
	expect_ok(axas_unmap(fd, AREA, 64 * PAGE));
	expect_empty(fd);
	expect_eq(info(fd).tables, info(fd).root_tables);
}

static void test_lazy_terabyte(void)
{
	struct axas_create c = { .format = test_format };
	static const u32 bits[] = { 0, 42, 48 };
	int fd = -1;

	for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
		c.ia_bits = bits[i];
		fd = axas_open_space(NULL, &c);
		if (fd >= 0 && info(fd).length >= 2 * TIB)
			break;
	}
	expect(fd >= 0 && info(fd).length >= 2 * TIB);
	expect_ok(axas_map_alloc(fd, TIB, TIB, RWX, 0));
	expect_eq(info(fd).tables, info(fd).root_tables);
	expect_eq(axas_fault(fd, TIB + TIB / 2, RW, NULL), AXAS_FAULT_FIXED);
	expect(info(fd).tables - info(fd).root_tables < info(fd).levels);
	expect_eq(axas_fault(fd, 2 * TIB - 1, RW, NULL), AXAS_FAULT_FIXED);
	expect_eq(axas_fault(fd, 2 * TIB, RW, NULL), AXAS_FAULT_HOLE);
	expect_ok(axas_unmap(fd, TIB, TIB));
	expect_empty(fd);
	expect_eq(info(fd).tables, info(fd).root_tables);
}

static void test_populated(void)
{
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, 64 * PAGE, RW, AXAS_MAP_POPULATE));
	expect_eq(info(fd).frames, 64);
	expect_eq(pages_of(fd), 64);
	for (int n = 0; n < 64; n++)
		expect_eq(axas_fault(fd, AREA + n * PAGE, RW, NULL), AXAS_FAULT_SPURIOUS);
	expect_ok(axas_unmap(fd, AREA, 64 * PAGE));
	expect_empty(fd);
}

static void test_whole_space(void)
{
	struct axas_create c = { .format = test_format, .length = 64 * MIB };
	int fd = axas_open_space(NULL, &c);

	expect(fd >= 0);
	expect_ok(axas_map_alloc(fd, 0, 64 * MIB, RW, 0));
	expect_eq(axas_fault(fd, 0, RW, NULL), AXAS_FAULT_FIXED);
	expect_eq(axas_fault(fd, 64 * MIB - 1, RW, NULL), AXAS_FAULT_FIXED);
	expect_ok(axas_unmap(fd, 0, 64 * MIB));
	expect_empty(fd);
}

static void test_last_page(void)
{
	int fd = new_space();
	u64 last = space_end(fd) - PAGE;

	expect_ok(axas_map_alloc(fd, last, PAGE, RW, AXAS_MAP_POPULATE));
	expect_eq(axas_write(fd, last + PAGE - 1, "x", 1), 1);
	expect_eq(axas_write(fd, last + PAGE - 1, "xy", 2), 1);
	expect_eq(axas_write(fd, last + PAGE, "x", 1), -EFAULT);
	expect_ok(axas_protect(fd, last, PAGE, RO));
	expect_ok(axas_unmap(fd, last, PAGE));
	expect_ok(axas_unmap(fd, 0, last + PAGE));
	expect_empty(fd);
}

static void test_types(void)
{
	int fd = new_space(), err, nr = 0;
	struct axas_translate tr;

	for (u32 type = AXAS_TYPE_NORMAL; type <= AXAS_TYPE_UNCACHED; type++) {
		err = axas_map_linear(fd, AREA, window().hpa, PAGE, RW, type);
		if (err) {
			expect_eq(err, -EOPNOTSUPP);
			expect(type != AXAS_TYPE_NORMAL);
			continue;
		}
		expect_ok(axas_translate(fd, AREA, &tr));
		expect_eq(tr.type, type);
		expect_ok(axas_protect(fd, AREA, PAGE, RO));
		expect_ok(axas_translate(fd, AREA, &tr));
		expect_eq(tr.type, type);
		expect_ok(axas_unmap(fd, AREA, PAGE));
		nr++;
	}
	expect(nr >= 1);
}

static void test_linear(void)
{
	struct window w = window();
	struct axas_translate tr;
	int fd = new_space();
	static const u64 offsets[] = { 0, 1, 0xfff, 0x1000, 0x200000, 0x212345, 0x7fffff };

	expect_ok(axas_map_linear(fd, GIB, w.hpa, 8 * MIB, RW, AXAS_TYPE_NORMAL));
	expect_eq(info(fd).frames, 0);
	expect_eq(pages_of(fd), 8 * MIB / PAGE);
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		expect_ok(axas_translate(fd, GIB + offsets[i], &tr));
		expect_eq(tr.hpa, w.hpa + offsets[i]);
		expect_eq(tr.limit, 8 * MIB - offsets[i]);
		expect_eq(tr.left, (PAGE << (9 * tr.level)) -
			  (offsets[i] & ((PAGE << (9 * tr.level)) - 1)));
		expect(tr.left <= tr.limit);
		expect_eq(tr.prot, RW);
		expect_eq(axas_fault(fd, GIB + offsets[i], RW, NULL), AXAS_FAULT_SPURIOUS);
	}
	expect_eq(axas_fault(fd, GIB, RX, NULL), AXAS_FAULT_DENIED);
	expect_ok(axas_unmap(fd, GIB, 8 * MIB));
	expect_empty(fd);
	expect_eq(info(fd).tables, info(fd).root_tables);
}

/* gpa and hpa differ modulo 2 MiB: only 4 KiB leaves can be used. */
static void test_linear_out_of_step(void)
{
	struct window w = window();
	struct axas_translate tr;
	int fd = new_space();

	expect_ok(axas_map_linear(fd, GIB + PAGE, w.hpa, 4 * MIB, RW, AXAS_TYPE_NORMAL));
	expect_eq(info(fd).leaves[0], 4 * MIB / PAGE);
	expect_ok(axas_translate(fd, GIB + PAGE + 3 * MIB, &tr));
	expect_eq(tr.hpa, w.hpa + 3 * MIB);
	expect_eq(tr.limit, MIB);
	expect_ok(axas_unmap(fd, GIB, 8 * MIB));
	expect_empty(fd);
	/* hpa above gpa: gpa - hpa is negative */
	expect_ok(axas_map_linear(fd, 0, w.hpa, PAGE, RW, AXAS_TYPE_NORMAL));
	expect_ok(axas_translate(fd, 0xabc, &tr));
	expect_eq(tr.hpa, w.hpa + 0xabc);
}

/* The same host-physical page may be mapped twice. */
static void test_linear_twice(void)
{
	struct window w = window();
	struct axas_translate tr;
	int fd = new_space();

	expect_ok(axas_map_linear(fd, GIB, w.hpa, PAGE, RW, AXAS_TYPE_NORMAL));
	expect_ok(axas_map_linear(fd, GIB + PAGE, w.hpa, PAGE, RO, AXAS_TYPE_NORMAL));
	expect_ok(axas_translate(fd, GIB, &tr));
	expect_eq(tr.hpa, w.hpa);
	expect_eq(tr.limit, PAGE);
	expect_ok(axas_translate(fd, GIB + PAGE, &tr));
	expect_eq(tr.hpa, w.hpa);
	expect_ok(axas_unmap(fd, GIB, PAGE));
	expect_ok(axas_translate(fd, GIB + PAGE, &tr));
}

/* Unmapping or protecting part of a large leaf splits it. */
static void test_linear_split(void)
{
	struct window w = window();
	struct axas_translate tr;
	int fd = new_space();
	u64 pages = 4 * MIB / PAGE;

	expect_ok(axas_map_linear(fd, GIB, w.hpa, 4 * MIB, RW, AXAS_TYPE_NORMAL));
	expect_ok(axas_unmap(fd, GIB + 5 * PAGE, PAGE));
	expect_eq(pages_of(fd), pages - 1);
	expect_eq(info(fd).areas, 2);
	expect_eq(axas_translate(fd, GIB + 5 * PAGE, &tr), -ENOENT);
	expect_ok(axas_translate(fd, GIB + 4 * PAGE, &tr));
	expect_eq(tr.hpa, w.hpa + 4 * PAGE);
	expect_eq(tr.limit, PAGE);
	expect_ok(axas_translate(fd, GIB + 6 * PAGE, &tr));
	expect_eq(tr.hpa, w.hpa + 6 * PAGE);
	expect_eq(tr.limit, 4 * MIB - 6 * PAGE);
	expect_ok(axas_protect(fd, GIB + 2 * MIB + PAGE, PAGE, RO));
	expect_eq(pages_of(fd), pages - 1);
	expect_eq(info(fd).areas, 4);
	expect_ok(axas_translate(fd, GIB + 2 * MIB + PAGE, &tr));
	expect_eq(tr.hpa, w.hpa + 2 * MIB + PAGE);
	expect_eq(tr.prot, RO);
	expect_eq(tr.limit, PAGE);
	expect_ok(axas_translate(fd, GIB + 2 * MIB + 2 * PAGE, &tr));
	expect_eq(tr.prot, RW);
	expect_ok(axas_clear(fd));
	expect_empty(fd);
	expect_eq(info(fd).tables, info(fd).root_tables);
}

static void test_unmap_middle(void)
{
	struct axas_area_info a[4];
	struct axas_translate tr;
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, 16 * PAGE, RW, AXAS_MAP_POPULATE));
	expect_eq(axas_write(fd, AREA + 3 * PAGE, "left", 4), 4);
	expect_eq(axas_write(fd, AREA + 9 * PAGE, "right", 5), 5);
	expect_ok(axas_unmap(fd, AREA + 4 * PAGE, 4 * PAGE));
	expect_eq(info(fd).frames, 12);
	expect_eq(axas_translate(fd, AREA + 4 * PAGE, &tr), -ENOENT);
	expect_eq(axas_translate(fd, AREA + 7 * PAGE, &tr), -ENOENT);
	expect_ok(axas_translate(fd, AREA + 3 * PAGE, &tr));
	expect_ok(axas_translate(fd, AREA + 8 * PAGE, &tr));
	expect_eq(areas_from(fd, 0, a, ARRAY_SIZE(a), NULL), 2);
	expect_eq(a[0].gpa, AREA);
	expect_eq(a[0].length, 4 * PAGE);
	expect_eq(a[1].gpa, AREA + 8 * PAGE);
	expect_eq(a[1].length, 8 * PAGE);
	expect_eq(axas_fault(fd, AREA + 5 * PAGE, RW, NULL), AXAS_FAULT_HOLE);
	/* an area mapped into the hole is separate */
	expect_ok(axas_map_alloc(fd, AREA + 4 * PAGE, 4 * PAGE, RO, 0));
	expect_eq(axas_fault(fd, AREA + 5 * PAGE, RO, NULL), AXAS_FAULT_FIXED);
}

static void test_unmap_passes_holes(void)
{
	struct state before;
	int fd = new_space();

	for (int i = 0; i < 8; i++)
		expect_ok(axas_map_alloc(fd, AREA + 2 * i * PAGE, PAGE, RW, i % 2));
	expect_eq(info(fd).frames, 4);
	take_state(fd, &before);
	expect_ok(axas_unmap(fd, AREA + PAGE, PAGE));
	expect_ok(axas_unmap(fd, AREA + 64 * PAGE, GIB));
	expect_same(fd, &before, SAME_ALL);
	expect_ok(axas_unmap(fd, AREA + PAGE, 6 * PAGE));
	expect_eq(info(fd).areas, 5);
	expect_ok(axas_unmap(fd, 0, GIB));
	expect_empty(fd);
	expect_ok(axas_unmap(fd, 0, GIB));
}

static void test_protect(void)
{
	struct axas_translate tr;
	int fd = new_space();
	u32 word = 0;

	expect_ok(axas_map_alloc(fd, AREA, 16 * PAGE, RW, 0));
	expect_eq(axas_write(fd, AREA + 5 * PAGE, "keep", 4), 4);
	expect_ok(axas_protect(fd, AREA + 4 * PAGE, 4 * PAGE, RX));
	expect_eq(info(fd).areas, 3);
	expect_eq(info(fd).frames, 1);
	expect_ok(axas_translate(fd, AREA + 5 * PAGE, &tr));
	expect_eq(tr.prot, RX);
	expect_eq(axas_read(fd, AREA + 5 * PAGE, &word, 4), 4);
	expect(!memcmp(&word, "keep", 4));
	expect_eq(axas_fault(fd, AREA + 5 * PAGE, RW, NULL), AXAS_FAULT_DENIED);
	expect_eq(axas_fault(fd, AREA + 6 * PAGE, AXAS_PROT_WRITE, NULL), AXAS_FAULT_DENIED);
	expect_eq(axas_fault(fd, AREA + 6 * PAGE, AXAS_PROT_EXEC, NULL), AXAS_FAULT_FIXED);
	expect_ok(axas_translate(fd, AREA + 6 * PAGE, &tr));
	expect_eq(tr.prot, RX);
	expect_eq(axas_fault(fd, AREA + 3 * PAGE, AXAS_PROT_EXEC, NULL), AXAS_FAULT_DENIED);
	/* restore the protection */
	expect_ok(axas_protect(fd, AREA, 16 * PAGE, RW));
	expect_ok(axas_translate(fd, AREA + 5 * PAGE, &tr));
	expect_eq(tr.prot, RW);
	expect_eq(axas_write(fd, AREA + 5 * PAGE, "new", 3), 3);
}

static void test_protect_passes_holes(void)
{
	struct axas_area_info a[3];
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, PAGE, RW, AXAS_MAP_POPULATE));
	expect_ok(axas_map_alloc(fd, AREA + 4 * PAGE, PAGE, RWX, 0));
	expect_ok(axas_protect(fd, AREA - 4 * PAGE, 64 * PAGE, RO));
	expect_eq(areas_from(fd, 0, a, ARRAY_SIZE(a), NULL), 2);
	expect_eq(a[0].prot, RO);
	expect_eq(a[1].prot, RO);
	expect_ok(axas_protect(fd, AREA + PAGE, 2 * PAGE, RW));
	expect_eq(axas_write(fd, AREA, "x", 1), -EACCES);
}

static void test_clear(void)
{
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, 16 * PAGE, RW, AXAS_MAP_POPULATE));
	expect_ok(axas_map_alloc(fd, GIB, GIB, RW, AXAS_MAP_HUGE_NEVER));
	expect_ok(populate(fd, GIB + 7 * PAGE, 3 * PAGE));
	expect_ok(axas_map_linear(fd, 4 * GIB, window().hpa, 4 * MIB, RW, AXAS_TYPE_NORMAL));
	expect_eq(info(fd).frames, 19);
	expect_ok(axas_clear(fd));
	expect_empty(fd);
	expect_eq(info(fd).tables, info(fd).root_tables);
	expect_ok(axas_clear(fd));
	/* the space is usable as a new one */
	expect_ok(axas_map_alloc(fd, AREA, 2 * GIB, RW, 0));
	expect_eq(axas_fault(fd, AREA, RW, NULL), AXAS_FAULT_FIXED);
}

/* A large leaf mapped where small ones were: their tables must be freed. */
static void test_large_over_small(void)
{
	struct axas_translate tr;
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, GIB, 2 * MIB, RW, AXAS_MAP_POPULATE));
	expect_ok(axas_unmap(fd, GIB, 2 * MIB));
	expect_ok(axas_map_linear(fd, GIB, window().hpa, 4 * MIB, RW, AXAS_TYPE_NORMAL));
	expect_ok(axas_translate(fd, GIB + MIB, &tr));
	expect_eq(tr.hpa, window().hpa + MIB);
	expect_eq(pages_of(fd), 4 * MIB / PAGE);
}

static void test_max_frames(void)
{
	struct axas_create c = { .format = test_format, .max_frames = 4 };
	struct axas_range range = { .gpa = AREA, .length = 8 * PAGE };
	u8 buf[8 * PAGE];
	struct state before;
	int fd = axas_open_space(NULL, &c);

	expect(fd >= 0);
	expect_eq(info(fd).max_frames, 4);
	take_state(fd, &before);
	expect_eq(axas_map_alloc(fd, AREA, 5 * PAGE, RW, AXAS_MAP_POPULATE), -ENOMEM);
	expect_same(fd, &before, TABLES_MAY_STAY | FAULTS_MAY_COUNT);
	expect_ok(axas_map_alloc(fd, AREA, 8 * PAGE, RW, 0));
	expect_ok(axas_populate_some(fd, &range.gpa, &range.length));
	expect_eq(range.gpa, AREA + 4 * PAGE);
	expect_eq(range.length, 4 * PAGE);
	expect_eq(axas_populate_some(fd, &range.gpa, &range.length), -ENOMEM);
	expect_eq(range.length, 4 * PAGE);
	expect_eq(info(fd).frames, 4);
	expect_eq(axas_fault(fd, AREA + 4 * PAGE, RW, NULL), AXAS_FAULT_NOMEM);
	expect_eq(info(fd).faults[AXAS_FAULT_NOMEM] >= 1, 1);
	expect_eq(axas_write(fd, AREA + 3 * PAGE, buf, 2 * PAGE), PAGE);
	expect_eq(axas_write(fd, AREA + 4 * PAGE, "x", 1), -ENOMEM);
	expect_eq(axas_read(fd, AREA + 4 * PAGE, buf, 1), -ENOMEM);
	expect_eq(info(fd).frames, 4);
	expect_ok(axas_unmap(fd, AREA + PAGE, PAGE));
	expect_eq(axas_fault(fd, AREA + 4 * PAGE, RW, NULL), AXAS_FAULT_FIXED);
	expect_eq(info(fd).frames, 4);
}

static const struct test tests[] = {
	{ "a lazy area costs no frame and no table", test_lazy },
	{ "a lazy area of 1 TiB costs no table", test_lazy_terabyte },
	{ "a populated area has all its frames", test_populated },
	{ "an area can be the whole space", test_whole_space },
	{ "an area can be the last page", test_last_page },
	{ "memory types are kept by translate and protect", test_types },
	{ "a linear area translates to its host-physical range", test_linear },
	{ "a linear area may be out of step with its range", test_linear_out_of_step },
	{ "a host-physical page may be mapped twice", test_linear_twice },
	{ "large leaves are split by unmap and protect", test_linear_split },
	{ "unmap of a middle splits the area", test_unmap_middle },
	{ "unmap passes over holes", test_unmap_passes_holes },
	{ "protect of a middle splits the area and keeps the bytes", test_protect },
	{ "protect passes over holes", test_protect_passes_holes },
	{ "clear leaves nothing but the root", test_clear },
	{ "a large leaf takes the place of small ones", test_large_over_small },
	{ "R5 max_frames bounds every way to a frame", test_max_frames },
};

const struct suite suite_map = { "map", tests, ARRAY_SIZE(tests), true };
