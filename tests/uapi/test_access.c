// SPDX-License-Identifier: GPL-2.0-only
/*
 * pread() and pwrite() on a space: the offset is the guest-physical address.
 */
#include "uapi.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define AREA	(16 * MIB)

static void fill(u8 *buf, size_t len, u32 seed)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = random_u32(&seed);
}

static void test_round_trip(void)
{
	u8 out[0x1100], in[0x1100];
	int fd = new_space();

	fill(out, sizeof(out), 1);
	expect_ok(axas_map_alloc(fd, AREA, 4 * PAGE, RW, 0));
	expect_eq(axas_write(fd, AREA + 0xf80, out, sizeof(out)), sizeof(out));
	expect_eq(axas_read(fd, AREA + 0xf80, in, sizeof(in)), sizeof(in));
	expect(!memcmp(in, out, sizeof(in)));
	/* 0xf80 + 0x1100 ends in the third page */
	expect_eq(info(fd).frames, 3);
}

/* Every alignment and length around a page boundary, compared with a copy. */
static void test_alignments(void)
{
	u8 shadow[3 * PAGE], buf[64], back[3 * PAGE];
	int fd = new_space();

	memset(shadow, 0, sizeof(shadow));
	expect_ok(axas_map_alloc(fd, AREA, 3 * PAGE, RW, 0));
	for (u32 off = PAGE - 20; off <= PAGE + 20; off++) {
		for (u32 len = 0; len <= 40; len++) {
			fill(buf, len, off * 64 + len + 1);
			memcpy(shadow + off, buf, len);
			expect_eq(axas_write(fd, AREA + off, buf, len), len);
			memset(buf, 0, sizeof(buf));
			expect_eq(axas_read(fd, AREA + off, buf, len), len);
			expect(!memcmp(buf, shadow + off, len));
		}
	}
	expect_eq(axas_read(fd, AREA, back, sizeof(back)), sizeof(back));
	expect(!memcmp(back, shadow, sizeof(back)));
}

/* User buffers of every alignment. */
static void test_user_alignments(void)
{
	u8 shadow[2 * PAGE], out[PAGE + 16], in[PAGE + 16];
	int fd = new_space();

	memset(shadow, 0, sizeof(shadow));
	expect_ok(axas_map_alloc(fd, AREA, 2 * PAGE, RW, 0));
	for (u32 i = 0; i < 16; i++) {
		fill(out, sizeof(out), i + 1);
		memcpy(shadow + 3 * i, out + i, PAGE - i);
		expect_eq(axas_write(fd, AREA + 3 * i, out + i, PAGE - i), PAGE - i);
		expect_eq(axas_read(fd, AREA + 3 * i, in + 15 - i, PAGE - i), PAGE - i);
		expect(!memcmp(in + 15 - i, shadow + 3 * i, PAGE - i));
	}
}

static void test_big(void)
{
	size_t len = 6 * MIB + 123;
	u8 *out = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	u8 *in = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = new_space();

	expect(out != MAP_FAILED && in != MAP_FAILED);
	fill(out, len, 7);
	expect_ok(axas_map_alloc(fd, AREA, 8 * MIB, RW, 0));
	expect_eq(axas_write(fd, AREA + 77, out, len), len);
	expect_eq(axas_read(fd, AREA + 77, in, len), len);
	expect(!memcmp(in, out, len));
	expect_eq(info(fd).frames, (len + 77 + PAGE - 1) / PAGE);
}

static void test_areas_side_by_side(void)
{
	u8 out[4 * PAGE], in[4 * PAGE];
	int fd = new_space();

	fill(out, sizeof(out), 3);
	for (int i = 0; i < 4; i++)
		expect_ok(axas_map_alloc(fd, AREA + i * PAGE, PAGE, i % 2 ? RWX : RW, 0));
	expect_eq(axas_write(fd, AREA, out, sizeof(out)), sizeof(out));
	expect_eq(axas_read(fd, AREA, in, sizeof(in)), sizeof(in));
	expect(!memcmp(in, out, sizeof(in)));
}

static void test_hole(void)
{
	u8 buf[4 * PAGE] = { 1 };
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, PAGE, RW, 0));
	expect_ok(axas_map_alloc(fd, AREA + 2 * PAGE, PAGE, RW, 0));
	expect_eq(axas_read(fd, AREA + 100, buf, 3 * PAGE), PAGE - 100);
	expect_eq(axas_read(fd, AREA + PAGE, buf, PAGE), -EFAULT);
	expect_eq(axas_read(fd, AREA - 1, buf, 2), -EFAULT);
	expect_eq(axas_write(fd, AREA + 100, buf, 3 * PAGE), PAGE - 100);
	expect_eq(axas_write(fd, AREA + PAGE, buf, 1), -EFAULT);
	expect_eq(axas_write(fd, AREA - 1, buf, 2), -EFAULT);
	expect_eq(info(fd).frames, 1);
}

static void test_outside(void)
{
	u64 end = space_end(new_space());
	const u64 gpas[] = { 0, end, end + PAGE, (1ull << 62), (1ull << 63) - PAGE };
	int fd = new_space();
	u8 buf[16];

	for (size_t i = 0; i < ARRAY_SIZE(gpas); i++) {
		expect_eq(axas_read(fd, gpas[i], buf, 16), -EFAULT);
		expect_eq(axas_write(fd, gpas[i], buf, 16), -EFAULT);
	}
	/* the VFS may refuse a negative offset before axas sees it */
	for (u64 gpa = 1ull << 63; gpa; gpa = gpa == ~0ull ? 0 : ~0ull) {
		ssize_t n = axas_read(fd, gpa, buf, 16);

		expect(n == -EINVAL || n == -EFAULT || n == -EOVERFLOW);
		n = axas_write(fd, gpa, buf, 16);
		expect(n == -EINVAL || n == -EFAULT || n == -EOVERFLOW);
	}
	expect_eq(info(fd).frames, 0);
}

static void test_permission(void)
{
	u8 buf[2 * PAGE] = { 0 };
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, PAGE, RW, 0));
	expect_ok(axas_map_alloc(fd, AREA + PAGE, PAGE, RO, 0));
	expect_eq(axas_write(fd, AREA + PAGE, buf, 1), -EACCES);
	expect_eq(axas_write(fd, AREA + PAGE - 10, buf, 20), 10);
	expect_eq(info(fd).frames, 1);
	expect_eq(axas_read(fd, AREA, buf, 2 * PAGE), 2 * PAGE);
	expect_ok(axas_protect(fd, AREA, PAGE, RO));
	expect_eq(axas_write(fd, AREA, buf, 1), -EACCES);
	expect_eq(axas_write(fd, AREA + PAGE, buf, 1), -EACCES);
}

static void test_no_read_permission(void)
{
	struct axas_create able = {
		.format = AXAS_FORMAT_EPT, .flags = AXAS_CREATE_CAPS,
		.caps = AXAS_CAP_EPT_XONLY, .leaf_levels = 1, .oa_bits = 40
	};
	int fd = test_format == AXAS_FORMAT_EPT ? axas_open_space(NULL, &able) : new_space();
	u8 buf[16];

	expect(fd >= 0);
	if (test_format != AXAS_FORMAT_EPT && !prot_possible(fd, AXAS_PROT_EXEC))
		skip("this format cannot encode execute-only");
	expect_ok(axas_map_alloc(fd, AREA, PAGE, AXAS_PROT_EXEC, 0));
	expect_eq(axas_read(fd, AREA, buf, 1), -EACCES);
	expect_eq(axas_write(fd, AREA, buf, 1), -EACCES);
	expect_eq(info(fd).frames, 0);
}

static void test_zero_length(void)
{
	int fd = new_space();
	u8 byte;

	expect_ok(axas_map_alloc(fd, AREA, PAGE, RO, 0));
	expect_eq(axas_read(fd, AREA, &byte, 0), 0);
	expect_eq(axas_write(fd, AREA, &byte, 0), 0);
	expect_eq(axas_read(fd, 0, &byte, 0), 0);
	expect_eq(axas_write(fd, space_end(fd), &byte, 0), 0);
	expect_eq(axas_read(fd, 1ull << 62, NULL, 0), 0);
	expect_eq(info(fd).frames, 0);
}

static void test_bad_user_buffer(void)
{
	u8 *page = guarded_pages(1);
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, 4 * PAGE, RW, AXAS_MAP_POPULATE));
	expect_eq(axas_read(fd, AREA, NULL, 16), -EFAULT);
	expect_eq(axas_write(fd, AREA, NULL, 16), -EFAULT);
	expect_eq(axas_read(fd, AREA, page + PAGE, 16), -EFAULT);
	expect_eq(axas_write(fd, AREA, page - 8, 16), -EFAULT);
	expect_libc(mprotect(page, PAGE, PROT_READ));
	expect_eq(axas_read(fd, AREA, page, 16), -EFAULT);
	expect_eq(axas_write(fd, AREA, page, 16), 16);
}

/* The result may include bytes before the bad one, but only bytes that were copied. */
static void test_user_buffer_ends(void)
{
	u8 *page = guarded_pages(1), in[2 * PAGE];
	int fd = new_space();
	ssize_t n;

	expect_ok(axas_map_alloc(fd, AREA, 4 * PAGE, RW, 0));
	memset(page, 0x77, PAGE);
	n = axas_write(fd, AREA + 0x800, page, 2 * PAGE);
	expect(n == -EFAULT || (n > 0 && n <= (ssize_t)PAGE));
	expect_eq(axas_read(fd, AREA + 0x800, in, sizeof(in)), sizeof(in));
	for (ssize_t i = 0; i < n; i++)
		expect_eq(in[i], 0x77);
	n = axas_read(fd, AREA, page, 2 * PAGE);
	expect(n == -EFAULT || (n > 0 && n <= (ssize_t)PAGE));
}

static void test_vectors(void)
{
	u8 out[3000], in[3000];
	struct iovec put[] = {
		{ out, 1 }, { out + 1, 0 }, { out + 1, 1500 }, { out + 1501, 1499 }
	};
	struct iovec get[] = { { in, 2000 }, { in + 2000, 1000 } };
	int fd = new_space();

	fill(out, sizeof(out), 5);
	expect_ok(axas_map_alloc(fd, AREA, 2 * PAGE, RW, 0));
	expect_eq(pwritev(fd, put, 4, AREA + 2000), 3000);
	expect_eq(preadv(fd, get, 2, AREA + 2000), 3000);
	expect(!memcmp(in, out, sizeof(in)));
	/* the area ends in the middle of a segment */
	expect_eq(preadv(fd, get, 2, AREA + 2 * PAGE - 2500), 2500);
	expect_eq(pwritev(fd, put, 4, AREA + 2 * PAGE - 1000), 1000);
}

static void test_position(void)
{
	int fd = new_space();
	u8 buf[8];

	expect_ok(axas_map_alloc(fd, AREA, PAGE, RW, 0));
	expect_eq(axas_write(fd, AREA, "abcdefgh", 8), 8);
	if (lseek(fd, AREA, SEEK_SET) < 0)
		skip("a space has no file position");
	expect_eq(read(fd, buf, 4), 4);
	expect_eq(read(fd, buf + 4, 4), 4);
	expect(!memcmp(buf, "abcdefgh", 8));
	expect_eq(write(fd, "xy", 2), 2);
	expect_eq(axas_read(fd, AREA + 8, buf, 2), 2);
	expect(!memcmp(buf, "xy", 2));
}

/* Linear memory is copied whole or refused, as memory that is not RAM may be. */
static void test_linear(void)
{
	struct window w = window();
	u8 out[100], in[100];
	int fd = new_space();
	ssize_t n;

	fill(out, sizeof(out), 9);
	expect_ok(axas_map_linear(fd, GIB, w.hpa, 2 * PAGE, RW, AXAS_TYPE_NORMAL));
	n = axas_write(fd, GIB + PAGE - 50, out, sizeof(out));
	if (n == (ssize_t)sizeof(out)) {
		expect_eq(axas_read(fd, GIB + PAGE - 50, in, sizeof(in)), sizeof(in));
		expect(!memcmp(in, out, sizeof(in)));
		return;
	}
	if (n >= 0)
		fail("a write to linear memory answers %zd", n);
	note("linear memory that is no RAM: %s", strerrorname_np(-n));
	expect_eq(axas_read(fd, GIB, in, sizeof(in)), n);
}

/* EFAULT is a hole or a bad buffer: the library tells which. */
static void test_hole_or_buffer(void)
{
	char *buf = guarded_pages(1);
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, GIB, 4 * PAGE, RW, 0));
	expect_eq(axas_read(fd, GIB + 4 * PAGE, buf, 8), -EFAULT);
	expect_eq(axas_is_hole(fd, GIB + 4 * PAGE), 1);
	expect_eq(axas_read(fd, GIB, buf + PAGE, 8), -EFAULT);
	expect_eq(axas_is_hole(fd, GIB), 0);
	expect_eq(axas_is_hole(fd, GIB - 1), 1);
	expect_eq(axas_is_hole(fd, ~0ull), 1);
}

static const struct test tests[] = {
	{ "what is written is read back", test_round_trip },
	{ "a hole and a bad buffer are told apart", test_hole_or_buffer },
	{ "every alignment and length around a page border", test_alignments },
	{ "user buffers of every alignment", test_user_alignments },
	{ "several MiB in one call", test_big },
	{ "one access over several areas", test_areas_side_by_side },
	{ "R11 an access stops at a hole", test_hole },
	{ "R11 an access outside the space is refused", test_outside },
	{ "R11 an access keeps to the area's protection", test_permission },
	{ "R11 an execute-only area is not read", test_no_read_permission },
	{ "R11 an access of no bytes is fine anywhere", test_zero_length },
	{ "R11 a bad user buffer answers EFAULT", test_bad_user_buffer },
	{ "R11 a user buffer that ends early", test_user_buffer_ends },
	{ "R11 linear memory is copied whole or refused", test_linear },
	{ "vectors of buffers", test_vectors },
	{ "read() and write() at the file position", test_position },
};

const struct suite suite_access = { "access", tests, ARRAY_SIZE(tests), true };
