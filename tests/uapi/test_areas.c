// SPDX-License-Identifier: GPL-2.0-only
/*
 * GET_AREAS: complete lists, partial lists, bad buffers.
 */
#include "uapi.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define AREA	(16 * MIB)

/* A space with @nr areas of one page, each followed by a hole of one page. */
static int space_with(int nr)
{
	int fd = new_space();

	for (int i = 0; i < nr; i++)
		expect_ok(axas_map_alloc(fd, AREA + 2 * i * PAGE, PAGE, i % 2 ? RO : RW, 0));
	return fd;
}

static void check_area(const struct axas_area_info *a, int i)
{
	expect_eq(a->gpa, AREA + 2 * i * PAGE);
	expect_eq(a->length, PAGE);
	expect_eq(a->hpa, AXAS_HPA_NONE);
	expect_eq(a->prot, i % 2 ? RO : RW);
	expect_eq(a->type, AXAS_TYPE_NORMAL);
	expect_eq(a->backend, AXAS_BACKEND_ALLOC);
	expect_eq(a->flags, 0);
}

static void test_pages(void)
{
	int fd = space_with(10), seen;

	for (u32 count = 1; count <= 11; count++) {
		struct axas_area_info a[12];
		u64 start = 0;
		u32 more;
		int nr;

		seen = 0;
		do {
			memset(a, 0x55, sizeof(a));
			nr = axas_get_areas(fd, &start, a, count, &more);
			expect(nr >= 0 && nr <= (int)count);
			for (int i = 0; i < nr; i++)
				check_area(&a[i], seen++);
			expect_eq(a[nr].flags, 0x55555555);
			expect_eq(more, seen < 10);
			expect(!more || nr == (int)count);
		} while (more);
		expect_eq(seen, 10);
	}
}

static void test_count_zero(void)
{
	int fd = new_space();
	u32 more = 7;

	expect_eq(areas_from(fd, 0, NULL, 0, &more), 0);
	expect_eq(more, 0);
	expect_ok(axas_map_alloc(fd, AREA, PAGE, RW, 0));
	expect_eq(areas_from(fd, 0, NULL, 0, &more), 0);
	expect_eq(more, 1);
	expect_eq(areas_from(fd, AREA + PAGE, NULL, 0, &more), 0);
	expect_eq(more, 0);
}

static void test_start(void)
{
	struct axas_area_info a[8];
	int fd = space_with(4);
	u32 more;

	expect_eq(areas_from(fd, AREA + 2 * PAGE, a, 8, NULL), 3);
	check_area(&a[0], 1);
	/* start in a hole */
	expect_eq(areas_from(fd, AREA + 3 * PAGE, a, 8, NULL), 2);
	check_area(&a[0], 2);
	/* start inside an area: it is listed whole */
	expect_eq(areas_from(fd, AREA + 6 * PAGE + 0x800, a, 8, NULL), 1);
	check_area(&a[0], 3);
	/* start after the last area, up to the last byte */
	expect_eq(areas_from(fd, AREA + 8 * PAGE, a, 8, &more), 0);
	expect_eq(more, 0);
	expect_eq(areas_from(fd, ~0ull, a, 8, NULL), 0);
}

static void test_more_than_one_call(void)
{
	const int nr = AXAS_GET_AREAS_MAX + 6;
	struct axas_area_info *a = calloc(nr + 10, sizeof(*a));
	int fd = space_with(nr);
	u64 start = 0;
	u32 more;

	expect(a);
	expect_eq(axas_get_areas(fd, &start, a, nr + 10, &more), AXAS_GET_AREAS_MAX);
	expect_eq(more, 1);
	check_area(&a[AXAS_GET_AREAS_MAX - 1], AXAS_GET_AREAS_MAX - 1);
	expect_eq(a[AXAS_GET_AREAS_MAX].length, 0);
	expect_eq(axas_get_areas(fd, &start, a, ~0u, &more), 6);
	expect_eq(more, 0);
	check_area(&a[0], AXAS_GET_AREAS_MAX);
}

/* The library's iterator returns each area once, also when that takes several ioctls. */
static void test_iterator(void)
{
	const u32 sizes[] = { 0, 1, AXAS_GET_AREAS_MAX, AXAS_GET_AREAS_MAX + 6 };
	const struct axas_area_info *area;
	struct axas_areas it;
	u32 seen;
	int fd;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		fd = space_with(sizes[i]);
		seen = 0;
		axas_areas_begin(&it, fd, 0);
		while ((area = axas_areas_next(&it)))
			check_area(area, seen++);
		expect_ok(it.err);
		expect_eq(seen, sizes[i]);
		expect(!axas_areas_next(&it));
		close(fd);
	}
}

static void test_bad_buffer(void)
{
	struct axas_area_info *page = guarded_pages(1);
	struct axas_get_areas get = { .size = sizeof(get), .count = 4 };
	int fd = space_with(4);

	expect_refused(fd, AXAS_GET_AREAS, &get, EFAULT, "a null buffer");
	get.buf = (uintptr_t)page + PAGE - 100;
	get.count = 4;
	expect_refused(fd, AXAS_GET_AREAS, &get, EFAULT, "a buffer over the edge");
	get.buf = ~0ull - 7;
	get.count = 4;
	expect_refused(fd, AXAS_GET_AREAS, &get, EFAULT, "a buffer at the end of memory");
	get.buf = 0xffff888000000000;
	get.count = 4;
	expect_refused(fd, AXAS_GET_AREAS, &get, EFAULT, "a buffer in the kernel");
	get.buf = (uintptr_t)page;
	get.count = 4;
	expect_libc(mprotect(page, PAGE, PROT_READ));
	expect_refused(fd, AXAS_GET_AREAS, &get, EFAULT, "a read-only buffer");
}

static void test_linear_hpa(void)
{
	struct axas_area_info a[4];
	struct window w = window();
	int fd = new_space();

	expect_ok(axas_map_linear(fd, GIB, w.hpa, 4 * MIB, RW, AXAS_TYPE_NORMAL));
	expect_ok(axas_protect(fd, GIB + MIB, MIB, RO));
	expect_eq(areas_from(fd, 0, a, 4, NULL), 3);
	for (int i = 0; i < 3; i++) {
		expect_eq(a[i].backend, AXAS_BACKEND_LINEAR);
		expect_eq(a[i].hpa, w.hpa + a[i].gpa - GIB);
	}
	expect_eq(a[1].length, MIB);
	expect_eq(a[1].prot, RO);
}

static const struct test tests[] = {
	{ "GET_AREAS can be read in pieces of any size", test_pages },
	{ "GET_AREAS with a count of 0 tells whether there are any", test_count_zero },
	{ "GET_AREAS begins at the start that it is given", test_start },
	{ "R6 GET_AREAS writes no more than its limit", test_more_than_one_call },
	{ "the library lists each area once, by however many calls", test_iterator },
	{ "GET_AREAS answers EFAULT for a bad buffer", test_bad_buffer },
	{ "GET_AREAS shows where linear areas lie", test_linear_hpa },
};

const struct suite suite_areas = { "areas", tests, ARRAY_SIZE(tests), false };
