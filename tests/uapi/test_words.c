// SPDX-License-Identifier: GPL-2.0-only
/*
 * Corner cases that the header documents and that no other suite covers.
 */
#include "uapi.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#define AREA	(16 * MIB)

static void test_area_flags(void)
{
	static const u32 flags[] = {
		0, AXAS_MAP_HUGE_ALWAYS, AXAS_MAP_HUGE_NEVER, AXAS_MAP_AROUND(4),
		AXAS_MAP_HUGE_NEVER | AXAS_MAP_AROUND(9), AXAS_MAP_POPULATE | AXAS_MAP_AROUND(1),
	};
	int fd = new_space();

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct axas_area_info a;

		expect_ok(axas_map_alloc(fd, AREA, 4 * PAGE, RW, flags[i]));
		expect_eq(areas_from(fd, AREA, &a, 1, NULL), 1);
		expect_eq(a.flags, flags[i] & ~AXAS_MAP_POPULATE);
		expect_ok(axas_clear(fd));
	}
}

static void test_more_is_not_looked_at(void)
{
	struct axas_get_areas get = { .size = sizeof(get), .more = ~0u };
	int fd = new_space();

	expect_ok(axas_ioctl(fd, AXAS_GET_AREAS, &get));
	expect_eq(get.more, 0);
	expect_eq(get.start, 0);
}

/* W7: struct sizes are accepted up to the documented limit. */
static void test_size_limit(void)
{
	u8 *arg = calloc(1, 2 * AXAS_SIZE_MAX);
	struct axas_info *i = (struct axas_info *)arg;
	int fd = new_space();

	expect(arg);
	i->size = AXAS_SIZE_MAX;
	expect_ok(axas_ioctl(fd, AXAS_GET_INFO, i));
	expect_eq(i->size, sizeof(*i));
	memset(arg, 0, sizeof(*i));
	for (u32 size = AXAS_SIZE_MAX + 1; size < AXAS_SIZE_MAX + 16; size++) {
		i->size = size;
		expect_eq(axas_ioctl(fd, AXAS_GET_INFO, i), -E2BIG);
		expect_eq(i->size, size);
	}
}

/* W7: @size returns the number of bytes written; an error writes nothing. */
static void test_size_is_written(void)
{
	struct axas_translate tr = { .size = sizeof(tr), .gpa = AREA, .hpa = 5, .limit = 6 };
	struct {
		struct axas_translate tr;
		u64 newer;
	} longer = { .tr = { .size = sizeof(longer), .gpa = AREA } };
	int fd = new_space();

	expect_eq(axas_ioctl(fd, AXAS_TRANSLATE, &tr), -ENOENT);
	expect_eq(tr.size, sizeof(tr));
	expect_eq(tr.hpa, 5);
	expect_eq(tr.limit, 6);
	expect_ok(axas_map_alloc(fd, AREA, PAGE, RW, AXAS_MAP_POPULATE));
	tr.size = offsetof(struct axas_translate, limit);
	expect_ok(axas_ioctl(fd, AXAS_TRANSLATE, &tr));
	expect_eq(tr.size, offsetof(struct axas_translate, limit));
	expect_eq(tr.left, PAGE);
	expect_eq(tr.limit, 6);
	expect_ok(axas_ioctl(fd, AXAS_TRANSLATE, &longer));
	expect_eq(longer.tr.size, sizeof(longer.tr));
	expect_eq(longer.tr.limit, PAGE);
}

/* UNMAP and PROTECT of holes succeed and do nothing; beyond the space they are refused. */
static void test_holes_alone(void)
{
	struct axas_create c = { .format = test_format, .base = GIB, .length = GIB };
	struct state before;
	int fd = axas_open_space(NULL, &c);

	expect(fd >= 0);
	expect_ok(axas_map_alloc(fd, GIB + AREA, PAGE, RW, AXAS_MAP_POPULATE));
	take_state(fd, &before);
	expect_ok(axas_protect(fd, GIB, AREA, RO));
	expect_ok(axas_unmap(fd, GIB, AREA));
	expect_same(fd, &before, SAME_ALL);
	expect_eq(axas_protect(fd, 2 * GIB, PAGE, RO), -EINVAL);
	expect_eq(axas_unmap(fd, 2 * GIB, PAGE), -EINVAL);
	expect_eq(axas_protect(fd, 0, PAGE, RO), -EINVAL);
	expect_same(fd, &before, SAME_ALL);
	expect_eq(axas_fault(fd, 0, RO, NULL), AXAS_FAULT_HOLE);
	expect_eq(axas_fault(fd, 2 * GIB, RO, NULL), AXAS_FAULT_HOLE);
	expect_eq(axas_fault(fd, ~0ull, RW, NULL), AXAS_FAULT_HOLE);
}

/* Of host accesses only those that install a leaf count as faults. */
static void test_host_faults(void)
{
	u8 buf[16] = { 0 };
	int fd = new_space();
	struct axas_info i;

	expect_ok(axas_map_alloc(fd, AREA, PAGE, RO, 0));
	expect_eq(axas_read(fd, AREA, buf, 16), 16);
	expect_eq(axas_read(fd, AREA, buf, 16), 16);
	expect_eq(axas_write(fd, AREA, buf, 16), -EACCES);
	expect_eq(axas_read(fd, AREA + PAGE, buf, 16), -EFAULT);
	i = info(fd);
	expect_eq(i.faults[AXAS_FAULT_FIXED], 1);
	for (int n = AXAS_FAULT_SPURIOUS; n <= AXAS_FAULT_ERROR; n++)
		expect_eq(i.faults[n], 0);
}

/* Add one error per step, in reverse order: the one that the header lists first is returned. */
static void test_order_of_errors(void)
{
	struct axas_map_linear map = {
		.size = sizeof(map), .gpa = AREA, .hpa = window().hpa, .length = PAGE, .prot = RW
	};
	struct axas_map_alloc alloc = {
		.size = sizeof(alloc), .gpa = AREA, .length = PAGE, .prot = RW
	};
	int fd = new_space();

	expect_ok(axas_ioctl(fd, AXAS_MAP_LINEAR, &map));
	expect_eq(axas_ioctl(fd, AXAS_MAP_LINEAR, &map), -EEXIST);
	map.prot = 8;
	expect_eq(axas_ioctl(fd, AXAS_MAP_LINEAR, &map), -EINVAL);
	map.length = 1;
	expect_eq(axas_ioctl(fd, AXAS_MAP_LINEAR, &map), -EINVAL);
	map.flags = 1;
	expect_eq(axas_ioctl(fd, AXAS_MAP_LINEAR, &map), -EINVAL);
	map.size = AXAS_SIZE_MAX + 1;
	expect_eq(axas_ioctl(fd, AXAS_MAP_LINEAR, &map), -E2BIG);
	expect_eq(axas_ioctl(fd, AXAS_MAP_LINEAR, NULL), -EFAULT);
	expect_eq(axas_ioctl(fd, AXAS_MAP_ALLOC, &alloc), -EEXIST);
	alloc.type = AXAS_TYPE_DEVICE;
	expect_eq(axas_ioctl(fd, AXAS_MAP_ALLOC, &alloc), -EOPNOTSUPP);
	alloc.type = 3;
	expect_eq(axas_ioctl(fd, AXAS_MAP_ALLOC, &alloc), -EINVAL);
}

static void ask_without_rights(void *arg)
{
	struct axas_map_linear map = {
		.size = sizeof(map), .gpa = 1, .hpa = window().hpa, .length = PAGE, .prot = 99
	};

	drop_cap(CAP_SYS_RAWIO);
	expect_eq(axas_ioctl(*(int *)arg, AXAS_MAP_LINEAR, &map), -EPERM);
	map.flags = 1;
	expect_eq(axas_ioctl(*(int *)arg, AXAS_MAP_LINEAR, &map), -EINVAL);
}

static void test_rights_before_arguments(void)
{
	int fd = new_space();

	in_child(ask_without_rights, &fd);
}

/* S6: alloc memory is of normal type, as the host accesses it through its caches. */
static void test_alloc_is_normal(void)
{
	int fd = new_space();

	for (u32 type = AXAS_TYPE_DEVICE; type <= AXAS_TYPE_UNCACHED; type++) {
		struct axas_map_alloc arg = {
			.size = sizeof(arg), .gpa = AREA, .length = PAGE, .prot = RW, .type = type
		};

		expect_refused(fd, AXAS_MAP_ALLOC, &arg, EOPNOTSUPP, "frames of that type");
		arg.flags = AXAS_MAP_POPULATE;
		expect_refused(fd, AXAS_MAP_ALLOC, &arg, EOPNOTSUPP, "frames of that type");
	}
}

/* G12: one memory type per host page, across spaces and processes. */
static void test_one_type(void)
{
	struct window w = window();
	int a = new_space(), b = new_space();

	if (axas_map_linear(a, AREA, w.hpa, 4 * PAGE, RW, AXAS_TYPE_DEVICE) == -EOPNOTSUPP)
		skip("this format has one type on this machine");
	expect_eq(axas_map_linear(a, GIB, w.hpa, PAGE, RW, AXAS_TYPE_NORMAL), -EBUSY);
	expect_eq(axas_map_linear(b, AREA, w.hpa + 3 * PAGE, 4 * PAGE, RW, AXAS_TYPE_NORMAL),
		  -EBUSY);
	expect_eq(axas_map_linear(b, AREA, w.hpa + 3 * PAGE, PAGE, RW, AXAS_TYPE_UNCACHED), -EBUSY);
	expect_ok(axas_map_linear(b, AREA, w.hpa, 4 * PAGE, RW, AXAS_TYPE_DEVICE));
	expect_ok(axas_map_linear(b, GIB, w.hpa + 4 * PAGE, 4 * PAGE, RW, AXAS_TYPE_NORMAL));
	expect_ok(axas_unmap(a, AREA, 4 * PAGE));
	expect_eq(axas_map_linear(a, AREA, w.hpa, PAGE, RW, AXAS_TYPE_NORMAL), -EBUSY);
	close(b);
	expect_ok(axas_map_linear(a, AREA, w.hpa, PAGE, RW, AXAS_TYPE_NORMAL));
	/* a call that fails for another reason does not record its type */
	expect_eq(axas_map_linear(a, AREA, w.hpa + 8 * PAGE, PAGE, RW, AXAS_TYPE_NORMAL), -EEXIST);
	expect_ok(axas_map_linear(a, GIB, w.hpa + 8 * PAGE, PAGE, RW, AXAS_TYPE_DEVICE));
}

static void test_local_apic(void)
{
	static const struct {
		u64 hpa, length;
	} cases[] = {
		{ 0xfee00000, PAGE }, { 0xfee00000, MIB }, { 0xfeeff000, PAGE },
		{ 0xfedff000, 2 * PAGE }, { 0xfeeff000, 2 * PAGE }, { 0xfec00000, 4 * MIB },
	};
	int fd = new_space();
	struct utsname host;

	expect_libc(uname(&host));
	if (strcmp(host.machine, "x86_64"))
		skip("of x86");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_eq(axas_map_linear(fd, GIB, cases[i].hpa, cases[i].length, RW,
					  AXAS_TYPE_DEVICE),
			  -EPERM);
	expect_eq(info(fd).areas, 0);
}

/* The first line of /proc/iomem tells whether hpa 0 belongs to the kernel. */
static void test_hpa_zero(void)
{
	char text[256] = "";
	int fd = new_space(), err = axas_map_linear(fd, AREA, 0, PAGE, RO, AXAS_TYPE_NORMAL);
	struct axas_translate tr;

	expect(read_file("/proc/iomem", text, sizeof(text)));
	if (!strncmp(text, "00000000-", 9) && strstr(text, "System RAM") &&
	    strstr(text, "System RAM") < strchr(text, '\n')) {
		expect_eq(err, -EPERM);
		return;
	}
	expect_ok(err);
	expect_ok(axas_translate(fd, AREA + 7, &tr));
	expect_eq(tr.hpa, 7);
	expect_ok(axas_unmap(fd, AREA, PAGE));
}

/* There is no end of file: appending is refused, as RWF_NOWAIT is. Sync flags have no effect. */
static void test_append(void)
{
	struct iovec iov = { "abcd", 4 };
	int fd = new_space(), flags;
	u8 buf[4];

	expect_ok(axas_map_alloc(fd, AREA, PAGE, RW, 0));
	flags = fcntl(fd, F_GETFL);
	expect_eq(flags & O_APPEND, 0);
	expect_eq(fcntl(fd, F_SETFL, flags | O_APPEND), -1);
	expect_eq(errno, EINVAL);
	expect_eq(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
	expect_eq(pwritev2(fd, &iov, 1, AREA, RWF_APPEND), -1);
	expect_eq(errno, EOPNOTSUPP);
	expect_eq(pwritev2(fd, &iov, 1, AREA, RWF_NOWAIT), -1);
	expect_eq(errno, EOPNOTSUPP);
	expect_eq(info(fd).frames, 0);
	expect_eq(pwritev2(fd, &iov, 1, AREA, RWF_SYNC | RWF_DSYNC | RWF_HIPRI), 4);
	expect_eq(axas_read(fd, AREA, buf, 4), 4);
	expect(!memcmp(buf, "abcd", 4));
}

/* H8: TRANSLATE examines a bounded number of leaves; a second call continues. */
static void test_limit_is_bounded(void)
{
	struct window w = window();
	u64 most = AXAS_LIMIT_LEAVES * PAGE;
	struct axas_translate tr;
	int fd = new_space();

	if (w.size < most + 2 * MIB)
		skip("the reserved range is too small");
	/* gpa and hpa differ modulo 2 MiB: all leaves are 4 KiB */
	expect_ok(axas_map_linear(fd, GIB + PAGE, w.hpa, most + MIB, RW, AXAS_TYPE_NORMAL));
	expect_ok(axas_translate(fd, GIB + PAGE, &tr));
	expect_eq(tr.limit, most);
	expect_ok(axas_translate(fd, GIB + PAGE + 7, &tr));
	expect_eq(tr.limit, most - 7);
	expect_ok(axas_translate(fd, GIB + PAGE + tr.limit + 7, &tr));
	expect_eq(tr.limit, MIB);
}

static void ask_for_contiguity(void *arg)
{
	struct axas_translate tr;
	int fd = *(int *)arg;
	u32 level;

	drop_cap(CAP_SYS_RAWIO);
	for (u64 gpa = GIB; gpa < GIB + 4 * MIB; gpa += 0x7f1f1) {
		expect_ok(axas_translate(fd, gpa, &tr));
		expect_eq(tr.hpa, AXAS_HPA_NONE);
		expect_eq(tr.level, 0);
		expect_eq(tr.left, PAGE - gpa % PAGE);
		expect_eq(tr.limit, tr.left);
		expect_eq(axas_fault(fd, gpa, RO, &level), AXAS_FAULT_SPURIOUS);
		expect_eq(level, 0);
	}
}

/* S10: host-physical contiguity, which helps memory attacks, is hidden too. */
static void test_hides_contiguity(void)
{
	struct axas_translate tr;
	int fd = new_space();

	expect_ok(axas_map_linear(fd, GIB, window().hpa, 4 * MIB, RW, AXAS_TYPE_NORMAL));
	in_child(ask_for_contiguity, &fd);
	expect_ok(axas_translate(fd, GIB + 5, &tr));
	expect_eq(tr.level, 1);
	expect_eq(tr.left, 2 * MIB - 5);
	expect_eq(tr.limit, 4 * MIB - 5);
	expect_ok(axas_clear(fd));
	expect_ok(axas_map_alloc(fd, GIB, 4 * MIB, RW, AXAS_MAP_POPULATE));
	in_child(ask_for_contiguity, &fd);
}

/* H11: max_frames also bounds the tables. */
static void test_limit_bounds_tables(void)
{
	struct axas_create c = { .format = test_format, .max_frames = 1 };
	int fd = axas_open_space(NULL, &c);
	struct axas_info i;

	expect(fd >= 0);
	expect_ok(axas_map_alloc(fd, 0, 64 * GIB, RW, 0));
	expect_ok(populate(fd, 0, PAGE));
	for (u64 gpa = 16 * MIB; gpa < 64 * GIB; gpa += 64 * MIB)
		expect_eq(populate(fd, gpa, PAGE), -ENOMEM);
	i = info(fd);
	expect_eq(i.frames, 1);
	expect(i.tables < i.root_tables + i.levels);
}

static const struct test tests[] = {
	{ "W4 GET_AREAS tells the flags that an area was mapped with", test_area_flags },
	{ "W4 GET_AREAS does not look at more", test_more_is_not_looked_at },
	{ "W7 a struct has a largest size", test_size_limit },
	{ "W7 size says how much was written, and an error writes nothing", test_size_is_written },
	{ "unmap and protect do nothing where nothing is", test_holes_alone },
	{ "of reads and writes only fixed faults are counted", test_host_faults },
	{ "errors come in the order of the header", test_order_of_errors },
	{ "rights are asked for before arguments", test_rights_before_arguments },
	{ "S6 alloc areas are normal memory", test_alloc_is_normal },
	{ "G12 host-physical memory has one type at a time", test_one_type },
	{ "MAP_LINEAR refuses the local APICs", test_local_apic },
	{ "MAP_LINEAR takes address 0 like others", test_hpa_zero },
	{ "nothing is appended to a space", test_append },
	{ "H8 TRANSLATE's limit is bounded work", test_limit_is_bounded },
	{ "S10 what lies together is hidden from others", test_hides_contiguity },
	{ "H11 max_frames bounds the tables too", test_limit_bounds_tables },
};

const struct suite suite_words = { "words", tests, ARRAY_SIZE(tests), true };
