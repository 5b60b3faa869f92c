// SPDX-License-Identifier: GPL-2.0-only
/*
 * GET_AREAS: the list, in pieces, and with bad buffers.
 */
#include "uapi.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define AREA	(16 * MIB)

/* @nr areas of one page with a hole of one page behind each. */
static int space_with(int nr)
{
	int fd = new_space();

	for (int i = 0; i < nr; i++)
		expect_ok(map_alloc(fd, AREA + 2 * i * PAGE, PAGE, i % 2 ? RO : RW, 0));
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
		struct axas_get_areas get = { .size = sizeof(get) };
		struct axas_area_info a[12];

		seen = 0;
		do {
			memset(a, 0x55, sizeof(a));
			get.buf = (uintptr_t)a;
			get.count = count;
			expect_ok(call(fd, AXAS_GET_AREAS, &get));
			expect(get.count <= count);
			for (u32 i = 0; i < get.count; i++)
				check_area(&a[i], seen++);
			expect_eq(a[get.count].flags, 0x55555555);
			expect_eq(get.more, seen < 10);
			expect(!get.more || get.count == count);
		} while (get.more);
		expect_eq(seen, 10);
	}
}

static void test_count_zero(void)
{
	u32 count = 0, more = 7;
	int fd = new_space();

	expect_ok(get_areas(fd, 0, NULL, &count, &more));
	expect_eq(more, 0);
	expect_ok(map_alloc(fd, AREA, PAGE, RW, 0));
	expect_ok(get_areas(fd, 0, NULL, &count, &more));
	expect_eq(count, 0);
	expect_eq(more, 1);
	expect_ok(get_areas(fd, AREA + PAGE, NULL, &count, &more));
	expect_eq(more, 0);
}

static void test_start(void)
{
	struct axas_area_info a[8];
	u32 more, count;
	int fd = space_with(4);

	count = 8;
	expect_ok(get_areas(fd, AREA + 2 * PAGE, a, &count, &more));
	expect_eq(count, 3);
	check_area(&a[0], 1);
	/* in a hole */
	count = 8;
	expect_ok(get_areas(fd, AREA + 3 * PAGE, a, &count, &more));
	expect_eq(count, 2);
	check_area(&a[0], 2);
	/* inside an area: it is listed, whole */
	count = 8;
	expect_ok(get_areas(fd, AREA + 6 * PAGE + 0x800, a, &count, &more));
	expect_eq(count, 1);
	check_area(&a[0], 3);
	/* behind all, up to the last byte */
	count = 8;
	expect_ok(get_areas(fd, AREA + 8 * PAGE, a, &count, &more));
	expect_eq(count, 0);
	expect_eq(more, 0);
	count = 8;
	expect_ok(get_areas(fd, ~0ull, a, &count, &more));
	expect_eq(count, 0);
}

static void test_more_than_one_call(void)
{
	const int nr = AXAS_GET_AREAS_MAX + 6;
	struct axas_area_info *a = calloc(nr + 10, sizeof(*a));
	struct axas_get_areas get = {
		.size = sizeof(get), .buf = (uintptr_t)a, .count = nr + 10
	};
	int fd = space_with(nr);

	expect(a);
	expect_ok(call(fd, AXAS_GET_AREAS, &get));
	expect_eq(get.count, AXAS_GET_AREAS_MAX);
	expect_eq(get.more, 1);
	check_area(&a[AXAS_GET_AREAS_MAX - 1], AXAS_GET_AREAS_MAX - 1);
	expect_eq(a[AXAS_GET_AREAS_MAX].length, 0);
	get.count = ~0u;
	expect_ok(call(fd, AXAS_GET_AREAS, &get));
	expect_eq(get.count, 6);
	expect_eq(get.more, 0);
	check_area(&a[0], AXAS_GET_AREAS_MAX);
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
	u32 count = 4, more;
	int fd = new_space();

	expect_ok(map_linear(fd, GIB, w.hpa, 4 * MIB, RW));
	expect_ok(protect(fd, GIB + MIB, MIB, RO));
	expect_ok(get_areas(fd, 0, a, &count, &more));
	expect_eq(count, 3);
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
	{ "GET_AREAS answers EFAULT for a bad buffer", test_bad_buffer },
	{ "GET_AREAS shows where linear areas lie", test_linear_hpa },
};

const struct suite suite_areas = { "areas", tests, ARRAY_SIZE(tests), false };
