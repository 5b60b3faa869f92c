// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tracepoints: each event is there, with the fields that Documentation/tracing.md says.
 */
#include "uapi.h"

#include <sys/mman.h>
#include <unistd.h>

static void test_map(void)
{
	int fd = new_space();

	trace_begin("axas/axas_map");
	expect_ok(axas_map_alloc(fd, 0x10000, 4 * PAGE, RW, AXAS_MAP_HUGE_NEVER));
	expect_eq(axas_map_alloc(fd, 0x11000, PAGE, RO, 0), -EEXIST);
	trace_expect("axas_map",
		     "space=%u gpa=0x10000 size=0x4000 backend=alloc prot=rw flags=0x4 ret=0",
		     space_id(fd));
	trace_expect("axas_map",
		     "space=%u gpa=0x11000 size=0x1000 backend=alloc prot=r flags=0x0 ret=%d",
		     space_id(fd), -EEXIST);
	trace_end();
}

static void test_unmap(void)
{
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, 0, 4 * PAGE, RW, 0));
	trace_begin("axas/axas_unmap");
	expect_ok(axas_unmap(fd, PAGE, 2 * PAGE));
	expect_ok(axas_clear(fd));
	trace_expect("axas_unmap", "space=%u gpa=0x1000 size=0x2000 ret=0", space_id(fd));
	trace_expect("axas_unmap", "space=%u gpa=0x0 size=%#llx ret=0", space_id(fd),
		     info(fd).length);
	trace_end();
}

static void test_protect(void)
{
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, 0, 4 * PAGE, RW, 0));
	trace_begin("axas/axas_protect");
	expect_ok(axas_protect(fd, PAGE, PAGE, RO));
	trace_expect("axas_protect", "space=%u gpa=0x1000 size=0x1000 prot=r ret=0", space_id(fd));
	trace_end();
}

static void test_discard(void)
{
	const struct axas_extent extents[] = { { PAGE, PAGE }, { 3 * PAGE, PAGE } };
	int fd = new_space();
	u64 done;

	expect_ok(axas_map_alloc(fd, 0, 8 * PAGE, RW, AXAS_MAP_POPULATE));
	trace_begin("axas/axas_discard");
	expect_ok(axas_discard(fd, extents, 2, &done));
	trace_expect("axas_discard",
		     "space=%u gpa=0x1000 size=0x1000 ranges=2 done=0x2000 ret=0", space_id(fd));
	trace_end();
}

/* One event for each fault, with its result; of the host as of a guest. */
static void test_fault(void)
{
	int fd = new_space();
	u32 id = space_id(fd);
	u64 word = 1;

	expect_ok(axas_map_alloc(fd, 0, 4 * PAGE, RW, 0));
	expect_ok(axas_map_alloc(fd, 2 * MIB, 2 * MIB, RW, AXAS_MAP_HUGE_ALWAYS));
	trace_begin("axas/axas_fault");
	expect_eq(axas_fault(fd, 0, RW, NULL), AXAS_FAULT_FIXED);
	expect_eq(axas_fault(fd, 8, RW, NULL), AXAS_FAULT_SPURIOUS);
	expect_eq(axas_fault(fd, GIB, RO, NULL), AXAS_FAULT_HOLE);
	expect_eq(axas_fault(fd, PAGE, RX, NULL), AXAS_FAULT_DENIED);
	expect_eq(axas_fault(fd, 2 * MIB, RW, NULL), AXAS_FAULT_FIXED);
	expect_eq(pwrite(fd, &word, sizeof(word), 3 * PAGE), sizeof(word));
	trace_expect("axas_fault", "space=%u gpa=0x0 access=rw kind=fixed level=0 host=0", id);
	trace_expect("axas_fault", "space=%u gpa=0x8 access=rw kind=spurious level=0 host=0", id);
	trace_expect("axas_fault", "space=%u gpa=0x40000000 access=r kind=hole level=0 host=0", id);
	trace_expect("axas_fault", "space=%u gpa=0x1000 access=rx kind=denied level=0 host=0", id);
	trace_expect("axas_fault", "space=%u gpa=0x3000 access=w kind=fixed level=0 host=1", id);
	/* Of 4 KiB if there was no frame of 2 MiB. */
	if (info(fd).leaves[1])
		trace_expect("axas_fault",
			     "space=%u gpa=0x200000 access=rw kind=fixed level=1 host=0", id);
	expect_eq(trace_count("axas_fault", ""), 6);
	trace_end();
}

/* A fault on memory of another space is one of each: the other one brings the page. */
static void test_fault_shared(void)
{
	int source = new_space(), fd = new_space();

	expect_ok(axas_map_alloc(source, 0, 4 * PAGE, RW, 0));
	expect_ok(axas_map_shared(fd, MIB, 4 * PAGE, source, 0, RW, 0));
	trace_begin("axas/axas_fault");
	expect_eq(axas_fault(fd, MIB + PAGE, RW, NULL), AXAS_FAULT_FIXED);
	trace_expect("axas_fault", "space=%u gpa=0x101000 access=rw kind=fixed level=0 host=0",
		     space_id(fd));
	trace_expect("axas_fault", "space=%u gpa=0x1000 access=rw kind=fixed level=0 host=1",
		     space_id(source));
	expect_eq(trace_count("axas_fault", ""), 2);
	trace_end();
}

/* The host mappings of a descriptor are a consumer. */
static void test_flush(void)
{
	int fd = new_space();
	u8 *p;

	expect_ok(axas_map_alloc(fd, 0, 4 * PAGE, RW, 0));
	p = map_rw(fd, 0, 4 * PAGE);
	p[PAGE] = 1;
	trace_begin("axas/axas_flush");
	expect_ok(axas_unmap(fd, PAGE, PAGE));
	trace_expect("axas_flush", "space=%u gpa=0x1000 size=0x1000", space_id(fd));
	trace_end();
}

static void test_images(void)
{
	int fd = new_space(), image, clone;

	expect_ok(axas_map_alloc(fd, 0, 4 * PAGE, RW, AXAS_MAP_POPULATE));
	trace_begin("axas");
	image = image_of(fd);
	clone = clone_of(image);
	expect_ok(axas_reset(clone, image, 0));
	trace_expect("axas_freeze", "space=%u image=%u ret=0", space_id(fd), space_id(image));
	trace_expect("axas_clone", "space=%u image=%u ret=0", space_id(clone), space_id(image));
	trace_expect("axas_reset", "space=%u image=%u ret=0", space_id(clone), space_id(image));
	trace_end();
}

/* No event is left on, and none is seen after it was switched off. */
static void test_off(void)
{
	int fd = new_space();

	trace_begin("axas/axas_map");
	trace_end();
	trace_begin("axas/axas_unmap");
	expect_ok(axas_map_alloc(fd, 0, PAGE, RW, 0));
	expect_eq(trace_count("axas_map", ""), 0);
	trace_end();
}

static const struct test tests[] = {
	{ "trace: map, and one that fails", test_map },
	{ "trace: unmap, clear", test_unmap },
	{ "trace: protect", test_protect },
	{ "trace: discard, of several ranges", test_discard },
	{ "trace: each fault, of a guest and of the host", test_fault },
	{ "trace: a fault on memory of another space", test_fault_shared },
	{ "trace: flush of host mappings", test_flush },
	{ "trace: freeze, clone, reset", test_images },
	{ "trace: an event that is off", test_off },
};

const struct suite suite_trace = { "trace", tests, ARRAY_SIZE(tests), false };
