// SPDX-License-Identifier: GPL-2.0-only
/*
 * FAULT, POPULATE and TRANSLATE.
 */
#include "uapi.h"

#include <string.h>

#define AREA	(16 * MIB)

static void test_results(void)
{
	int fd = new_space();
	struct axas_info i;

	expect_ok(axas_map_alloc(fd, AREA, 4 * PAGE, RO, 0));
	expect_eq(axas_fault(fd, AREA, RO, NULL), AXAS_FAULT_FIXED);
	expect_eq(axas_fault(fd, AREA + 0xfff, RO, NULL), AXAS_FAULT_SPURIOUS);
	expect_eq(axas_fault(fd, AREA, AXAS_PROT_WRITE, NULL), AXAS_FAULT_DENIED);
	expect_eq(axas_fault(fd, AREA + PAGE, RW, NULL), AXAS_FAULT_DENIED);
	expect_eq(axas_fault(fd, AREA + PAGE, AXAS_PROT_EXEC, NULL), AXAS_FAULT_DENIED);
	expect_eq(axas_fault(fd, AREA + 4 * PAGE, RO, NULL), AXAS_FAULT_HOLE);
	expect_eq(axas_fault(fd, AREA - 1, RO, NULL), AXAS_FAULT_HOLE);
	i = info(fd);
	expect_eq(i.frames, 1);
	expect_eq(i.faults[AXAS_FAULT_FIXED], 1);
	expect_eq(i.faults[AXAS_FAULT_SPURIOUS], 1);
	expect_eq(i.faults[AXAS_FAULT_DENIED], 3);
	expect_eq(i.faults[AXAS_FAULT_HOLE], 2);
	expect_eq(i.faults[AXAS_FAULT_NOMEM], 0);
	expect_eq(i.faults[AXAS_FAULT_ERROR], 0);
}

static void test_keeps_the_frame(void)
{
	struct axas_translate first, again;
	int fd = new_space();
	u32 word = 0;

	expect_ok(axas_map_alloc(fd, AREA, PAGE, RW, 0));
	expect_eq(axas_fault(fd, AREA, RW, NULL), AXAS_FAULT_FIXED);
	expect_ok(axas_translate(fd, AREA, &first));
	expect_eq(axas_write(fd, AREA, "data", 4), 4);
	for (int i = 0; i < 10; i++)
		expect_eq(axas_fault(fd, AREA + i * 100, i % 2 ? RO : RW, NULL),
			  AXAS_FAULT_SPURIOUS);
	expect_ok(populate(fd, AREA, PAGE));
	expect_ok(axas_translate(fd, AREA, &again));
	expect_eq(again.hpa, first.hpa);
	expect_eq(axas_read(fd, AREA, &word, 4), 4);
	expect(!memcmp(&word, "data", 4));
	expect_eq(info(fd).frames, 1);
}

static void test_level(void)
{
	struct axas_fault arg = {
		.size = sizeof(arg), .gpa = GIB + 0x1234, .access = RO, .result = ~0u
	};
	struct axas_translate tr;
	int fd = new_space();

	expect_ok(axas_map_linear(fd, GIB, window().hpa, 4 * MIB, RW, AXAS_TYPE_NORMAL));
	expect_ok(axas_ioctl(fd, AXAS_FAULT, &arg));
	expect_eq(arg.result, AXAS_FAULT_SPURIOUS);
	expect_ok(axas_translate(fd, GIB + 0x1234, &tr));
	expect_eq(arg.level, tr.level);
	expect_eq(arg.gpa, GIB + 0x1234);
}

static void test_populate(void)
{
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, 32 * PAGE, RW, 0));
	expect_eq(axas_fault(fd, AREA + 5 * PAGE, RW, NULL), AXAS_FAULT_FIXED);
	expect_ok(populate(fd, AREA + 4 * PAGE, 8 * PAGE));
	expect_eq(info(fd).frames, 8);
	expect_ok(populate(fd, AREA, 32 * PAGE));
	expect_eq(info(fd).frames, 32);
	expect_ok(populate(fd, AREA, 32 * PAGE));
	expect_eq(info(fd).frames, 32);
}

/* POPULATE across areas stops at a hole; started in the hole it fails. */
static void test_populate_hole(void)
{
	struct axas_range range = { .gpa = AREA, .length = 16 * PAGE };
	struct state before;
	int fd = new_space(), err;

	expect_ok(axas_map_alloc(fd, AREA, 4 * PAGE, RW, 0));
	expect_ok(axas_map_alloc(fd, AREA + 4 * PAGE, 4 * PAGE, RO, 0));
	expect_ok(axas_map_alloc(fd, AREA + 12 * PAGE, 4 * PAGE, RW, 0));
	do {
		err = axas_populate_some(fd, &range.gpa, &range.length);
	} while (!err && range.gpa < AREA + 8 * PAGE);
	expect_ok(err);
	expect_eq(range.gpa, AREA + 8 * PAGE);
	expect_eq(range.length, 8 * PAGE);
	expect_eq(info(fd).frames, 8);
	take_state(fd, &before);
	expect_eq(axas_populate_some(fd, &range.gpa, &range.length), -EFAULT);
	expect_eq(range.gpa, AREA + 8 * PAGE);
	expect_eq(range.length, 8 * PAGE);
	expect_same(fd, &before, SAME_ALL | FAULTS_MAY_COUNT);
}

static void test_populate_linear(void)
{
	int fd = new_space();

	expect_ok(axas_map_linear(fd, GIB, window().hpa, 4 * MIB, RW, AXAS_TYPE_NORMAL));
	expect_ok(populate(fd, GIB, 4 * MIB));
	expect_eq(info(fd).frames, 0);
}

static void test_translate_alloc(void)
{
	struct axas_translate tr, next;
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, 8 * PAGE, RWX, AXAS_MAP_POPULATE));
	for (u64 off = 0; off < 8 * PAGE; off += 0x7f1) {
		u64 leaf;

		expect_ok(axas_translate(fd, AREA + off, &tr));
		leaf = PAGE << (9 * tr.level);
		expect_eq(tr.left, leaf - (AREA + off) % leaf);
		expect(tr.limit >= tr.left && tr.limit <= 8 * PAGE - off);
		expect_eq(tr.hpa % PAGE, off % PAGE);
		expect_eq(tr.prot, RWX);
		expect_eq(tr.type, AXAS_TYPE_NORMAL);
		expect_eq(tr.reserved, 0);
		/* the limit is the end of the host-physically contiguous range */
		if (tr.limit == 8 * PAGE - off)
			continue;
		expect_ok(axas_translate(fd, AREA + off + tr.limit, &next));
		expect(next.hpa != tr.hpa + tr.limit);
		expect_ok(axas_translate(fd, AREA + off + tr.limit - 1, &next));
		expect_eq(next.hpa, tr.hpa + tr.limit - 1);
	}
}

/* Host-physically contiguous areas of different protection end the limit. */
static void test_limit_ends_at_protection(void)
{
	struct axas_translate tr;
	struct window w = window();
	int fd = new_space();

	expect_ok(axas_map_linear(fd, GIB, w.hpa, 2 * PAGE, RW, AXAS_TYPE_NORMAL));
	expect_ok(axas_map_linear(fd, GIB + 2 * PAGE, w.hpa + 2 * PAGE, PAGE, RO,
				  AXAS_TYPE_NORMAL));
	expect_ok(axas_translate(fd, GIB + 0x10, &tr));
	expect_eq(tr.limit, 2 * PAGE - 0x10);
	expect_ok(axas_translate(fd, GIB + 2 * PAGE, &tr));
	expect_eq(tr.limit, PAGE);
}

static void test_no_write_to_spare_fields(void)
{
	struct axas_translate tr;
	int fd = new_space();

	memset(&tr, 0xaa, sizeof(tr));
	tr.size = sizeof(tr);
	tr.flags = 0;
	tr.gpa = AREA;
	tr.reserved = 0;
	expect_ok(axas_map_alloc(fd, AREA, PAGE, RW, AXAS_MAP_POPULATE));
	expect_ok(axas_ioctl(fd, AXAS_TRANSLATE, &tr));
	expect_eq(tr.size, sizeof(tr));
	expect_eq(tr.gpa, AREA);
	expect_eq(tr.level, 0);
	expect_eq(tr.left, PAGE);
	expect_eq(tr.prot, RW);
	expect_eq(tr.type, 0);
	expect_eq(tr.reserved, 0);
}

static const struct test tests[] = {
	{ "FAULT answers what it came to, and counts it", test_results },
	{ "a second fault never replaces the frame", test_keeps_the_frame },
	{ "FAULT answers the level of the leaf", test_level },
	{ "POPULATE gives each untouched page a frame", test_populate },
	{ "R7 POPULATE stops at a hole and says where", test_populate_hole },
	{ "POPULATE passes linear areas", test_populate_linear },
	{ "TRANSLATE answers the bytes that follow contiguously", test_translate_alloc },
	{ "TRANSLATE's limit ends where the protection changes", test_limit_ends_at_protection },
	{ "TRANSLATE fills in all its outputs", test_no_write_to_spare_fields },
};

const struct suite suite_fault = { "fault", tests, ARRAY_SIZE(tests), true };
