// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest reads and writes (axas_space_access.c).
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/uio.h>

#include "space_fixture.h"

/* An address where tests add a device to the mock, and one where there is none. */
#define DEVICE_HPA	LINEAR
#define DEVICE_SIZE	SZ_16K
#define NO_DEVICE	(LINEAR + SZ_1G)

/* Compare with the host's view of guest memory, byte by byte. */
static void expect_memory(struct space_fixture *f, u64 gpa, const u8 *buf, size_t len)
{
	size_t i;
	u8 *mem;

	for (i = 0; i < len; i++) {
		mem = space_mem(f, gpa + i);
		if (!mem || *mem != buf[i]) {
			KUNIT_FAIL(f->test, "at 0x%llx + %zu", gpa, i);
			return;
		}
	}
}

/* Defects 2 and 5: frames are not contiguous, and not at their hpa in the kernel's mapping. */
static void buffer_comes_back_over_scattered_frames(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u8 *out = kunit_kzalloc(test, 0x3100, GFP_KERNEL);
	u8 *back = kunit_kzalloc(test, 0x3100, GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, out && back);
	f->mock->scattered = true;
	fill_pattern(out, 0x3100, 3);
	KUNIT_ASSERT_EQ(test, space_map_populated(f, BORDER - SZ_8K, SZ_16K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, write_at(f, BORDER - SZ_8K + 0x80, out, 0x3100), 0);
	expect_memory(f, BORDER - SZ_8K + 0x80, out, 0x3100);
	KUNIT_EXPECT_EQ(test, space_mem(f, BORDER - SZ_8K)[0x7f], 0);
	KUNIT_EXPECT_EQ(test, space_mem(f, BORDER + SZ_4K)[0x180], 0);
	KUNIT_EXPECT_EQ(test, read_at(f, BORDER - SZ_8K + 0x80, back, 0x3100), 0);
	KUNIT_EXPECT_EQ(test, memcmp(out, back, 0x3100), 0);
}

/* A leaf that another task replaces while the one before it is written. */
static struct {
	struct space_fixture *f;
	struct axas_npt_pos pos;
	bool claimed;
	struct completion settled;
} replaced;

static int settle(void *unused)
{
	/* In any case the write goes on; usually it has met the marker. */
	usleep_range(1000, 2000);
	axas_npt_settle(&replaced.f->space->npt, &replaced.pos, replaced.pos.entry);
	complete(&replaced.settled);
	return 0;
}

static void claim_the_next(const struct axas_hal *hal, void *va, size_t bytes)
{
	struct axas_npt *npt = &replaced.f->space->npt;
	struct axas_npt_cursor cursor;
	struct axas_npt_pos pos;

	if (replaced.claimed)
		return;
	replaced.claimed = true;
	axas_npt_walk(npt, &cursor, BORDER, &replaced.pos);
	pos = replaced.pos;
	KUNIT_EXPECT_TRUE(replaced.f->test, axas_npt_claim(npt, &pos));
	axas_space_flush(replaced.f->space, BORDER, BORDER + SZ_4K - 1, false);
	if (IS_ERR(kthread_run(settle, NULL, "axas_settle")))
		settle(NULL);
}

/* All or nothing: what was found by the first look is there when bytes are copied. */
static void access_waits_for_a_leaf_that_is_replaced(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u8 out[16], back[16] = {};

	fill_pattern(out, sizeof(out), 5);
	KUNIT_ASSERT_EQ(test, space_map_populated(f, BORDER - SZ_4K, SZ_8K, TEST_RW), 0);
	axas_npt_mark(&f->space->npt);
	replaced.f = f;
	replaced.claimed = false;
	init_completion(&replaced.settled);
	f->mock->hal.clean = claim_the_next;
	KUNIT_EXPECT_EQ(test, write_at(f, BORDER - 8, out, sizeof(out)), 0);
	f->mock->hal.clean = NULL;
	KUNIT_ASSERT_TRUE(test, replaced.claimed);
	wait_for_completion(&replaced.settled);
	KUNIT_EXPECT_EQ(test, read_at(f, BORDER - 8, back, sizeof(back)), 0);
	KUNIT_EXPECT_EQ(test, memcmp(out, back, sizeof(out)), 0);
}

/* Defect 1: the crate's buffer of 0x1100 bytes, and one longer than the area. */
static void over_long_buffer_is_refused(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u8 *buf = kunit_kzalloc(test, 0x2100, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_8K, TEST_RW), 0);
	fill_pattern(buf, 0x2100, 1);
	KUNIT_EXPECT_EQ(test, write_at(f, WIN, buf, 0x1100), 0);
	expect_memory(f, WIN, buf, 0x1100);
	KUNIT_EXPECT_EQ(test, write_at(f, WIN + 0xf00, buf, 0x1101), -EFAULT);
	KUNIT_EXPECT_EQ(test, read_at(f, WIN, buf, 0x2100), -EFAULT);
	expect_memory(f, WIN, buf, 0x1100);
}

static void bytes_come_back_one_by_one(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	unsigned int i;
	u8 byte;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_8K, TEST_RW), 0);
	for (i = 0; i < 16; i++) {
		byte = 0xa0 + i;
		KUNIT_EXPECT_EQ(test, write_at(f, WIN + SZ_4K - 8 + i, &byte, 1), 0);
	}
	for (i = 0; i < 16; i++) {
		KUNIT_EXPECT_EQ(test, read_at(f, WIN + SZ_4K - 8 + i, &byte, 1), 0);
		KUNIT_EXPECT_EQ(test, byte, 0xa0 + i);
	}
}

static void two_spaces_keep_one_gpa_apart(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_space_params params = {};
	struct axas_space *other = space_another(f, &params);
	u64 val = 0;

	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	KUNIT_EXPECT_EQ(test, axas_space_map_alloc(other, gpa_range(WIN, SZ_4K), TEST_RW, 0, 0),
			0);
	KUNIT_EXPECT_EQ(test, space_map_alloc(f, WIN, SZ_4K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, axas_write_obj(f->space, axas_gpa(WIN), AXAS_WIDTH_64, 0x1111), 0);
	KUNIT_EXPECT_EQ(test, axas_write_obj(other, axas_gpa(WIN), AXAS_WIDTH_64, 0x2222), 0);
	KUNIT_EXPECT_EQ(test, axas_read_obj(f->space, axas_gpa(WIN), AXAS_WIDTH_64, &val), 0);
	KUNIT_EXPECT_EQ(test, val, 0x1111ull);
	KUNIT_EXPECT_EQ(test, axas_read_obj(other, axas_gpa(WIN), AXAS_WIDTH_64, &val), 0);
	KUNIT_EXPECT_EQ(test, val, 0x2222ull);
	axas_space_put(other);
}

/* Bytes of an integer of this width in memory, in the host's byte order. */
static void integer_bytes(enum axas_width width, u64 val, u8 *bytes)
{
	u8 v8 = val;
	u16 v16 = val;
	u32 v32 = val;

	switch (width) {
	case AXAS_WIDTH_8:
		memcpy(bytes, &v8, 1);
		break;
	case AXAS_WIDTH_16:
		memcpy(bytes, &v16, 2);
		break;
	case AXAS_WIDTH_32:
		memcpy(bytes, &v32, 4);
		break;
	case AXAS_WIDTH_64:
		memcpy(bytes, &val, 8);
		break;
	}
}

static void try_object(struct space_fixture *f, u64 gpa, enum axas_width width)
{
	u64 val = 0x8192a3b4c5d6e7f8ull, back = 0;
	unsigned int bytes = axas_width_bytes(width);
	u8 expected[24];

	memset(expected, 0xee, sizeof(expected));
	KUNIT_EXPECT_EQ(f->test, write_at(f, gpa - 8, expected, sizeof(expected)), 0);
	integer_bytes(width, val, expected + 8);
	KUNIT_EXPECT_EQ_MSG(f->test, axas_write_obj(f->space, axas_gpa(gpa), width, val), 0,
			    "0x%llx width %u", gpa, bytes);
	expect_memory(f, gpa - 8, expected, sizeof(expected));
	KUNIT_EXPECT_EQ(f->test, axas_read_obj(f->space, axas_gpa(gpa), width, &back), 0);
	KUNIT_EXPECT_EQ_MSG(f->test, back, val & axas_width_mask(width), "0x%llx width %u", gpa,
			    bytes);
	if (gpa % bytes)
		return;
	KUNIT_EXPECT_EQ(f->test, axas_write_volatile(f->space, axas_gpa(gpa), width, ~val), 0);
	KUNIT_EXPECT_EQ(f->test, axas_read_volatile(f->space, axas_gpa(gpa), width, &back), 0);
	KUNIT_EXPECT_EQ(f->test, back, ~val & axas_width_mask(width));
}

/* Defect 7: at every offset around the border of two frames. */
static void objects_come_back_at_every_offset(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	enum axas_width width;
	int offset;

	f->mock->scattered = true;
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BORDER - SZ_4K, SZ_8K, TEST_RW), 0);
	for (width = AXAS_WIDTH_8; width <= AXAS_WIDTH_64; width++)
		for (offset = -16; offset <= 16; offset++)
			try_object(f, BORDER + offset, width);
}

static void failed_object_access_changes_nothing(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_gpa across = axas_gpa(WIN + SZ_4K - 4), hole = axas_gpa(WIN + SZ_4K);
	u64 val = 0x1234;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_4K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, axas_read_obj(f->space, hole, AXAS_WIDTH_64, &val), -EFAULT);
	KUNIT_EXPECT_EQ(test, axas_read_obj(f->space, across, AXAS_WIDTH_64, &val), -EFAULT);
	KUNIT_EXPECT_EQ(test, axas_read_volatile(f->space, hole, AXAS_WIDTH_32, &val), -EFAULT);
	KUNIT_EXPECT_EQ(test, val, 0x1234ull);
	KUNIT_EXPECT_EQ(test, axas_write_obj(f->space, hole, AXAS_WIDTH_64, U64_MAX), -EFAULT);
	KUNIT_EXPECT_EQ(test, axas_write_obj(f->space, across, AXAS_WIDTH_64, U64_MAX), -EFAULT);
	KUNIT_EXPECT_EQ(test, axas_write_volatile(f->space, hole, AXAS_WIDTH_8, 1), -EFAULT);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(space_mem(f, WIN), 0, SZ_4K), NULL);
}

static void volatile_access_must_be_aligned(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	enum axas_width width;
	u64 val = 7, offset;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_8K, TEST_RW), 0);
	for (width = AXAS_WIDTH_8; width <= AXAS_WIDTH_64; width++) {
		for (offset = SZ_4K - 8; offset < SZ_4K + 8; offset++) {
			int expected = offset % axas_width_bytes(width) ? -EINVAL : 0;
			struct axas_gpa gpa = axas_gpa(WIN + offset);

			KUNIT_EXPECT_EQ(test, axas_write_volatile(f->space, gpa, width, 0),
					expected);
			KUNIT_EXPECT_EQ(test, axas_read_volatile(f->space, gpa, width, &val),
					expected);
		}
	}
	KUNIT_EXPECT_EQ(test, val, 0ull);
}

static void zero_bytes_are_always_fine(struct kunit *test)
{
	static const u64 anywhere[] = { 0, WIN, WIN + SZ_4K, BIT_ULL(48), BIT_ULL(60), U64_MAX };
	struct space_fixture *f = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_4K, TEST_R), 0);
	for (i = 0; i < ARRAY_SIZE(anywhere); i++) {
		struct axas_gpa gpa = axas_gpa(anywhere[i]);

		KUNIT_EXPECT_EQ(test, axas_read(f->space, gpa, NULL, 0), 0);
		KUNIT_EXPECT_EQ(test, axas_write(f->space, gpa, NULL, 0), 0);
		KUNIT_EXPECT_EQ(test, axas_read_partial(f->space, gpa, NULL, 0), (ssize_t)0);
		KUNIT_EXPECT_EQ(test, axas_write_partial(f->space, gpa, NULL, 0), (ssize_t)0);
	}
	KUNIT_EXPECT_EQ(test, f->mock->frames, 0l);
}

/* Defect 6, Rule R11: each protection that the format can encode, with a read and a write. */
static void access_respects_protection(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u8 byte = 1;
	u32 prot;

	for (prot = 0; prot <= AXAS_PROT_MASK; prot++) {
		int reads = prot & TEST_R ? 0 : -EACCES, writes = prot & TEST_W ? 0 : -EACCES;

		if (!axas_npt_can(&f->space->npt, prot, AXAS_TYPE_NORMAL))
			continue;
		KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_4K, prot), 0);
		KUNIT_EXPECT_EQ(test, write_at(f, WIN, &byte, 1), writes);
		KUNIT_EXPECT_EQ(test, axas_write_obj(f->space, axas_gpa(WIN), AXAS_WIDTH_32, 1),
				writes);
		KUNIT_EXPECT_EQ(test, axas_write_partial(f->space, axas_gpa(WIN), &byte, 1),
				writes ?: (ssize_t)1);
		KUNIT_EXPECT_EQ(test, read_at(f, WIN, &byte, 1), reads);
		KUNIT_EXPECT_EQ(test, axas_read_partial(f->space, axas_gpa(WIN), &byte, 1),
				reads ?: (ssize_t)1);
		KUNIT_EXPECT_EQ(test, f->mock->frames, prot & TEST_RW ? 1l : 0l);
		axas_space_clear(f->space);
	}
}

static void access_follows_protect(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u8 buf[16];

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_8K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_protect(f, WIN + SZ_4K, SZ_4K, TEST_R), 0);
	memset(buf, 0x11, sizeof(buf));
	KUNIT_EXPECT_EQ(test, write_at(f, WIN + SZ_4K - 8, buf, 16), -EACCES);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(space_mem(f, WIN), 0, SZ_4K), NULL);
	KUNIT_EXPECT_EQ(test, axas_write_partial(f->space, axas_gpa(WIN + SZ_4K - 8), buf, 16),
			(ssize_t)8);
	KUNIT_EXPECT_EQ(test, axas_write_partial(f->space, axas_gpa(WIN + SZ_4K), buf, 16),
			(ssize_t)-EACCES);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(space_mem(f, WIN + SZ_4K), 0, SZ_4K), NULL);
	KUNIT_EXPECT_EQ(test, read_at(f, WIN + SZ_4K - 8, buf, 16), 0);
	KUNIT_EXPECT_EQ(test, buf[7], 0x11);
	KUNIT_EXPECT_EQ(test, buf[8], 0);
}

/* Defect 8: an exact access is all or nothing; a partial one returns the bytes copied. */
static void access_stops_at_a_hole(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_gpa gpa = axas_gpa(WIN + SZ_8K - 100);
	u8 buf[200];

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_8K, TEST_RW), 0);
	memset(buf, 0x33, sizeof(buf));
	KUNIT_EXPECT_EQ(test, axas_write(f->space, gpa, buf, 200), -EFAULT);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(space_mem(f, WIN + SZ_4K), 0, SZ_4K), NULL);
	KUNIT_EXPECT_EQ(test, axas_read(f->space, gpa, buf, 200), -EFAULT);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(buf, 0x33, 200), NULL);
	KUNIT_EXPECT_EQ(test, axas_write_partial(f->space, gpa, buf, 200), (ssize_t)100);
	expect_memory(f, gpa.val, buf, 100);
	memset(buf, 0, sizeof(buf));
	KUNIT_EXPECT_EQ(test, axas_read_partial(f->space, gpa, buf, 200), (ssize_t)100);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(buf, 0x33, 100), NULL);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(buf + 100, 0, 100), NULL);
	KUNIT_EXPECT_EQ(test, axas_read_partial(f->space, axas_gpa(WIN + SZ_8K), buf, 200),
			(ssize_t)-EFAULT);
	/* A hole before memory ends the access at once. */
	KUNIT_EXPECT_EQ(test, axas_read_partial(f->space, axas_gpa(WIN - 1), buf, 200),
			(ssize_t)-EFAULT);
}

/* Defect 8: lengths with which the address would wrap. */
static void access_that_wraps_is_refused(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u8 byte = 0;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, 0, SZ_4K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, read_at(f, U64_MAX, &byte, SZ_4K), -EFAULT);
	KUNIT_EXPECT_EQ(test, write_at(f, -(u64)SZ_4K, &byte, SZ_8K), -EFAULT);
	KUNIT_EXPECT_EQ(test, axas_read_obj(f->space, axas_gpa(U64_MAX), AXAS_WIDTH_8,
					    (u64 []){ 0 }), -EFAULT);
	KUNIT_EXPECT_EQ(test, axas_write_obj(f->space, axas_gpa(U64_MAX - 3), AXAS_WIDTH_64, 1),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, axas_read_partial(f->space, axas_gpa(U64_MAX), &byte, SZ_4K),
			(ssize_t)-EFAULT);
}

/* Defect 10, Rule R4. */
static void untouched_memory_reads_as_zeroes(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u8 buf[64];

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_64K, TEST_RW), 0);
	memset(buf, 0xff, sizeof(buf));
	KUNIT_EXPECT_EQ(test, read_at(f, WIN + SZ_4K - 32, buf, 64), 0);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(buf, 0, 64), NULL);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 2l);
	memset(buf, 0x44, sizeof(buf));
	KUNIT_EXPECT_EQ(test, write_at(f, WIN + SZ_16K - 32, buf, 64), 0);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 4l);
	expect_memory(f, WIN + SZ_16K - 32, buf, 64);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(space_mem(f, WIN + SZ_16K) + 32, 0, SZ_4K - 32),
			    NULL);
}

static void access_without_memory_answers_so(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u8 byte = 1;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_8K, TEST_RW), 0);
	mock_hal_fail_after(f->mock, 0);
	KUNIT_EXPECT_EQ(test, read_at(f, WIN, &byte, 1), -ENOMEM);
	KUNIT_EXPECT_EQ(test, axas_write_partial(f->space, axas_gpa(WIN), &byte, 1),
			(ssize_t)-ENOMEM);
	mock_hal_fail_never(f->mock);
	KUNIT_EXPECT_EQ(test, read_at(f, WIN, &byte, 1), 0);
	KUNIT_EXPECT_EQ(test, byte, 0);
	mock_hal_fail_after(f->mock, 0);
	KUNIT_EXPECT_EQ(test, axas_read_partial(f->space, axas_gpa(WIN + SZ_4K - 1), &byte, 2),
			(ssize_t)1);
	mock_hal_fail_never(f->mock);
}

struct tearing {
	struct space_fixture *f;
	bool write;
};

#define TEARING_ROUNDS	20000

static int tearing_thread(void *arg)
{
	struct tearing *t = arg;
	u64 val = 0;
	int i, err = 0;

	for (i = 0; i < TEARING_ROUNDS && !err; i++) {
		if (t->write)
			err = axas_write_obj(t->f->space, axas_gpa(WIN + 8), AXAS_WIDTH_64,
					     i & 1 ? U64_MAX : 0);
		else
			err = axas_read_obj(t->f->space, axas_gpa(WIN + 8), AXAS_WIDTH_64, &val);
		if (val && val != U64_MAX)
			return -EIO;
	}
	return err;
}

/* A mix of two values would reveal two accesses. */
static void aligned_objects_are_not_torn(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct tearing t[] = { { f, true }, { f, false } };
	struct test_thread threads[] = { { tearing_thread, &t[0] }, { tearing_thread, &t[1] } };

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_4K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, test_run_threads(threads, 2), 0);
	KUNIT_EXPECT_EQ(test, threads[0].result, 0);
	KUNIT_EXPECT_EQ(test, threads[1].result, 0);
}

static int map_device(struct space_fixture *f, u64 gpa, u64 size, u64 hpa, u32 type)
{
	return axas_space_map_linear(f->space, gpa_range(gpa, size), axas_hpa(hpa), TEST_RW, type);
}

static void linear_memory_is_reached_through_windows(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u8 *mem = mock_hal_add_device(f->mock, DEVICE_HPA, DEVICE_SIZE);
	u8 buf[48], back[48];

	KUNIT_ASSERT_NOT_NULL(test, mem);
	fill_pattern(buf, sizeof(buf), 5);
	KUNIT_ASSERT_EQ(test, map_device(f, WIN, SZ_16K, DEVICE_HPA, AXAS_TYPE_NORMAL), 0);
	/* Across the border of two pages: a window never crosses one. */
	KUNIT_EXPECT_EQ(test, write_at(f, WIN + SZ_4K - 16, buf, 48), 0);
	KUNIT_EXPECT_EQ(test, memcmp(mem + SZ_4K - 16, buf, 48), 0);
	KUNIT_EXPECT_EQ(test, read_at(f, WIN + SZ_4K - 16, back, 48), 0);
	KUNIT_EXPECT_EQ(test, memcmp(back, buf, 48), 0);
	KUNIT_EXPECT_EQ(test, f->mock->windows, 0l);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 0l);
}

/* The offset in a large leaf is kept, also far from its start. */
static void window_lies_where_the_leaf_says(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 far = DEVICE_HPA + SZ_512M + SZ_8K;
	u8 *mem = mock_hal_add_device(f->mock, far, SZ_4K);
	u64 val = 0;

	KUNIT_ASSERT_NOT_NULL(test, mem);
	mem[0x123] = 0x5e;
	KUNIT_ASSERT_EQ(test, map_device(f, BORDER, SZ_1G, DEVICE_HPA, AXAS_TYPE_UNCACHED), 0);
	KUNIT_EXPECT_EQ(test, axas_read_obj(f->space, axas_gpa(BORDER + SZ_512M + SZ_8K + 0x123),
					    AXAS_WIDTH_8, &val), 0);
	KUNIT_EXPECT_EQ(test, val, 0x5eull);
	KUNIT_EXPECT_EQ(test, f->mock->last_window.hpa, far + 0x123);
	KUNIT_EXPECT_EQ(test, f->mock->last_window.bytes, (size_t)1);
	KUNIT_EXPECT_EQ(test, f->mock->last_window.type, (u32)AXAS_TYPE_UNCACHED);
}

/* A register is accessed once, with its width, if its area's type demands that. */
static void registers_are_accessed_exactly_once(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u8 *mem = mock_hal_add_device(f->mock, DEVICE_HPA, DEVICE_SIZE);
	enum axas_width width;
	u64 val, opened;

	KUNIT_ASSERT_NOT_NULL(test, mem);
	f->mock->window_io = mock_has_io();
	KUNIT_ASSERT_EQ(test, map_device(f, WIN, SZ_16K, DEVICE_HPA, AXAS_TYPE_DEVICE), 0);
	for (width = AXAS_WIDTH_8; width <= AXAS_WIDTH_64; width++) {
		struct axas_gpa gpa = axas_gpa(WIN + SZ_4K + 0x40);

		opened = f->mock->windows_opened;
		KUNIT_EXPECT_EQ(test, axas_write_volatile(f->space, gpa, width, 0x1122334455667788),
				0);
		KUNIT_EXPECT_EQ(test, f->mock->windows_opened, opened + 1);
		KUNIT_EXPECT_EQ(test, f->mock->last_window.bytes, 1ul << width);
		KUNIT_EXPECT_EQ(test, f->mock->last_window.type, (u32)AXAS_TYPE_DEVICE);
		KUNIT_EXPECT_EQ(test, axas_read_volatile(f->space, gpa, width, &val), 0);
		KUNIT_EXPECT_EQ(test, val, 0x1122334455667788 & axas_width_mask(width));
		KUNIT_EXPECT_EQ(test, f->mock->windows_opened, opened + 2);
	}
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(mem + SZ_4K + 0x48, 0, SZ_8K), NULL);
}

/* Rule R11. */
static void linear_memory_out_of_reach_is_refused(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 val = 5;
	u8 buf[16];

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_4K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, map_device(f, WIN + SZ_4K, SZ_4K, NO_DEVICE, AXAS_TYPE_DEVICE), 0);
	memset(buf, 0x21, sizeof(buf));
	KUNIT_EXPECT_EQ(test, write_at(f, WIN + SZ_4K - 8, buf, 16), -EOPNOTSUPP);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(space_mem(f, WIN), 0, SZ_4K), NULL);
	KUNIT_EXPECT_EQ(test, read_at(f, WIN + SZ_4K, buf, 1), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, axas_read_obj(f->space, axas_gpa(WIN + SZ_4K), AXAS_WIDTH_64, &val),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, axas_read_volatile(f->space, axas_gpa(WIN + SZ_4K), AXAS_WIDTH_64,
						 &val), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, val, 5ull);
	KUNIT_EXPECT_EQ(test, axas_read_partial(f->space, axas_gpa(WIN + SZ_4K - 8), buf, 16),
			(ssize_t)8);
}

static void hal_without_windows_reaches_no_linear_memory(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u8 byte;

	KUNIT_ASSERT_EQ(test, map_device(f, WIN, SZ_4K, DEVICE_HPA, AXAS_TYPE_NORMAL), 0);
	f->mock->hal.window = NULL;
	f->mock->hal.close_window = NULL;
	KUNIT_EXPECT_EQ(test, read_at(f, WIN, &byte, 1), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, axas_write_obj(f->space, axas_gpa(WIN), AXAS_WIDTH_32, 1),
			-EOPNOTSUPP);
}

/* If a window of an exact write cannot be opened, no byte was written. */
static void exact_write_without_a_window_writes_nothing(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u8 *mem = mock_hal_add_device(f->mock, DEVICE_HPA, DEVICE_SIZE);
	unsigned int nth;
	u8 buf[16];
	int err;

	KUNIT_ASSERT_NOT_NULL(test, mem);
	KUNIT_ASSERT_EQ(test, map_device(f, WIN, SZ_8K, DEVICE_HPA, AXAS_TYPE_NORMAL), 0);
	memset(buf, 0x5a, sizeof(buf));
	for (nth = 1; nth < 10; nth++) {
		mock_hal_fail_window(f->mock, nth);
		err = write_at(f, WIN + SZ_4K - 8, buf, sizeof(buf));
		if (!err)
			break;
		KUNIT_EXPECT_EQ(test, err, -ENOMEM);
		KUNIT_EXPECT_PTR_EQ_MSG(test, memchr_inv(mem, 0, SZ_8K), NULL, "window %u", nth);
		memset(mem, 0, SZ_8K);
	}
	KUNIT_EXPECT_GT(test, nth, 2u);
	mock_hal_fail_window(f->mock, 0);
}

#define ITER_BYTES	0x5100

/* A copy by steps, as a descriptor's: bytes copied, or the error if there are none. */
static ssize_t copy_steps(struct space_fixture *f, u64 gpa, void *buf, size_t len, u32 prot,
			  unsigned int *steps)
{
	/* Three pieces, one of them empty. */
	struct kvec kvec[] = {
		{ buf, len / 3 }, { buf, 0 }, { buf + len / 3, len - len / 3 },
	};
	struct iov_iter iter;
	ssize_t n = 0;
	size_t done;

	iov_iter_kvec(&iter, prot == TEST_W ? WRITE : READ, kvec, 3, len);
	for (done = 0; done < len; done += n) {
		n = axas_space_copy_iter(f->space, axas_gpa(gpa + done), &iter, prot);
		if (n <= 0)
			break;
		++*steps;
		KUNIT_EXPECT_EQ(f->test, iov_iter_count(&iter), len - done - n);
	}
	return done ?: n;
}

static ssize_t iter_read(struct space_fixture *f, u64 gpa, void *buf, size_t len)
{
	unsigned int steps = 0;

	return copy_steps(f, gpa, buf, len, TEST_R, &steps);
}

static ssize_t iter_write(struct space_fixture *f, u64 gpa, void *buf, size_t len)
{
	unsigned int steps = 0;

	return copy_steps(f, gpa, buf, len, TEST_W, &steps);
}

static void iterator_comes_back(struct kunit *test, bool scattered, u64 base)
{
	struct space_fixture *f = test->priv;
	u8 *out = kunit_kzalloc(test, ITER_BYTES, GFP_KERNEL);
	u8 *back = kunit_kzalloc(test, ITER_BYTES, GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, out && back);
	f->mock->scattered = scattered;
	fill_pattern(out, ITER_BYTES, 3);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, base - SZ_8K, SZ_32K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, iter_write(f, base - SZ_8K + 0x80, out, ITER_BYTES),
			(ssize_t)ITER_BYTES);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 6l);
	expect_memory(f, base - SZ_8K + 0x80, out, ITER_BYTES);
	KUNIT_EXPECT_EQ(test, space_mem(f, base - SZ_8K)[0x7f], 0);
	KUNIT_EXPECT_EQ(test, space_mem(f, base - SZ_8K + 0x80 + ITER_BYTES)[0], 0);
	KUNIT_EXPECT_EQ(test, iter_read(f, base - SZ_8K + 0x80, back, ITER_BYTES),
			(ssize_t)ITER_BYTES);
	KUNIT_EXPECT_EQ(test, memcmp(out, back, ITER_BYTES), 0);
}

/* Across the border of two tables. */
static void iterator_comes_back_over_frames(struct kunit *test)
{
	iterator_comes_back(test, false, BORDER);
}

static void iterator_comes_back_over_scattered_frames(struct kunit *test)
{
	iterator_comes_back(test, true, WIN + SZ_64K);
}

/* A leaf of 2 MiB and its neighbours, in steps of bounded size. */
static void iterator_crosses_a_large_leaf(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u8 *out = kunit_kzalloc(test, SZ_2M + SZ_8K, GFP_KERNEL);
	u8 *back = kunit_kzalloc(test, SZ_2M + SZ_8K, GFP_KERNEL);
	unsigned int steps = 0;

	KUNIT_ASSERT_TRUE(test, out && back);
	fill_pattern(out, SZ_2M + SZ_8K, 8);
	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(f->space, gpa_range(BORDER - SZ_2M, 3 * SZ_2M),
						   TEST_RW, 0, AXAS_MAP_HUGE_ALWAYS), 0);
	KUNIT_EXPECT_EQ(test, iter_write(f, BORDER - SZ_4K, out, SZ_2M + SZ_8K),
			(ssize_t)(SZ_2M + SZ_8K));
	KUNIT_EXPECT_EQ(test, copy_steps(f, BORDER - SZ_4K, back, SZ_2M + SZ_8K, TEST_R, &steps),
			(ssize_t)(SZ_2M + SZ_8K));
	KUNIT_EXPECT_EQ(test, memcmp(out, back, SZ_2M + SZ_8K), 0);
	KUNIT_EXPECT_GE(test, steps, (unsigned int)(SZ_2M / SZ_256K));
}

/* The iterator stops at a hole, a read-only area and the end of all addresses. */
static void iterator_stops_where_accesses_do(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u8 *buf = kunit_kzalloc(test, SZ_32K, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_8K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN + SZ_8K, SZ_8K, TEST_R), 0);
	memset(buf, 0x44, SZ_32K);
	KUNIT_EXPECT_EQ(test, iter_write(f, WIN + 100, buf, SZ_32K), (ssize_t)(SZ_8K - 100));
	KUNIT_EXPECT_EQ(test, iter_write(f, WIN + SZ_8K, buf, SZ_4K), (ssize_t)-EACCES);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 2l);
	expect_memory(f, WIN + 100, buf, SZ_8K - 100);
	KUNIT_EXPECT_EQ(test, iter_read(f, WIN + 100, buf, SZ_32K), (ssize_t)(SZ_16K - 100));
	KUNIT_EXPECT_EQ(test, iter_read(f, WIN + SZ_16K, buf, 100), (ssize_t)-EFAULT);
	KUNIT_EXPECT_EQ(test, iter_read(f, WIN - 1, buf, 100), (ssize_t)-EFAULT);
	KUNIT_EXPECT_EQ(test, iter_read(f, U64_MAX - 10, buf, 100), (ssize_t)-EFAULT);
	mock_hal_fail_after(f->mock, 0);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN + SZ_32K, SZ_4K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, iter_write(f, WIN + SZ_32K, buf, 100), (ssize_t)-ENOMEM);
	mock_hal_fail_never(f->mock);
}

/* Frames that each lie below the one before, as those of user space do here, are no run. */
static void iterator_takes_descending_frames_one_by_one(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u8 *out = kunit_kzalloc(test, SZ_16K, GFP_KERNEL);
	u8 *back = kunit_kzalloc(test, SZ_16K, GFP_KERNEL);
	u64 gpa;

	KUNIT_ASSERT_TRUE(test, out && back);
	fill_pattern(out, SZ_16K, 4);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_16K, TEST_RW), 0);
	for (gpa = WIN + SZ_16K - SZ_4K; gpa >= WIN; gpa -= SZ_4K) {
		KUNIT_ASSERT_EQ(test, space_fault(f, gpa, TEST_W), AXAS_FAULT_FIXED);
		memcpy(space_mem(f, gpa), out + (gpa - WIN), SZ_4K);
	}
	KUNIT_EXPECT_EQ(test, iter_read(f, WIN, back, SZ_16K), (ssize_t)SZ_16K);
	KUNIT_EXPECT_EQ(test, memcmp(out, back, SZ_16K), 0);
}

/* Linear memory is opened by runs, not by pages, and no run crosses its area's end. */
static void iterator_opens_linear_memory_by_runs(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u8 *mem = mock_hal_add_device(f->mock, DEVICE_HPA, SZ_64K);
	u8 *buf = kunit_kzalloc(test, SZ_64K, GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, mem && buf);
	fill_pattern(mem, SZ_64K, 6);
	f->mock->hal.window_bytes = SZ_16K;
	KUNIT_ASSERT_EQ(test, map_device(f, WIN, SZ_32K, DEVICE_HPA, AXAS_TYPE_NORMAL), 0);
	KUNIT_ASSERT_EQ(test, map_device(f, WIN + SZ_32K, SZ_8K, DEVICE_HPA + SZ_32K + SZ_4K,
					 AXAS_TYPE_NORMAL), 0);
	KUNIT_EXPECT_EQ(test, iter_read(f, WIN + 8, buf, SZ_64K), (ssize_t)(SZ_32K + SZ_8K - 8));
	KUNIT_EXPECT_EQ(test, memcmp(buf, mem + 8, SZ_32K - 8), 0);
	KUNIT_EXPECT_EQ(test, memcmp(buf + SZ_32K - 8, mem + SZ_32K + SZ_4K, SZ_8K), 0);
	/* Windows: 16 KiB from byte 8 on, the rest of the area, and the other area. */
	KUNIT_EXPECT_EQ(test, f->mock->windows_opened, 3ull);
	KUNIT_EXPECT_EQ(test, f->mock->last_window.bytes, (size_t)SZ_8K);
	memset(buf, 0x11, SZ_64K);
	KUNIT_EXPECT_EQ(test, iter_write(f, WIN + SZ_4K, buf, SZ_8K), (ssize_t)SZ_8K);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(mem + SZ_4K, 0x11, SZ_8K), NULL);
	KUNIT_EXPECT_EQ(test, f->mock->windows_opened, 4ull);
	/* A HAL that opens one page at a time. */
	f->mock->hal.window_bytes = 0;
	KUNIT_EXPECT_EQ(test, iter_read(f, WIN + 8, buf, SZ_16K), (ssize_t)SZ_16K);
	KUNIT_EXPECT_EQ(test, f->mock->windows_opened, 4ull + 5);
	KUNIT_EXPECT_EQ(test, f->mock->windows, 0l);
}

/* One copy over memory in the direct map, then over memory that needs windows. */
static void iterator_goes_on_from_frames_to_linear_memory(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u8 *mem = mock_hal_add_device(f->mock, DEVICE_HPA, SZ_8K);
	u8 *buf = kunit_kzalloc(test, SZ_16K, GFP_KERNEL);
	u8 *out = kunit_kzalloc(test, SZ_16K, GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, mem && buf && out);
	fill_pattern(out, SZ_16K, 9);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_8K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, map_device(f, WIN + SZ_8K, SZ_8K, DEVICE_HPA, AXAS_TYPE_NORMAL), 0);
	KUNIT_EXPECT_EQ(test, iter_write(f, WIN, out, SZ_16K), (ssize_t)SZ_16K);
	expect_memory(f, WIN, out, SZ_8K);
	KUNIT_EXPECT_EQ(test, memcmp(mem, out + SZ_8K, SZ_8K), 0);
	KUNIT_EXPECT_EQ(test, iter_read(f, WIN, buf, SZ_16K), (ssize_t)SZ_16K);
	KUNIT_EXPECT_EQ(test, memcmp(buf, out, SZ_16K), 0);
}

/* Rule R11: only normal memory is copied. A window that was refused may be opened later. */
static void iterator_leaves_devices_alone(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u8 *mem = mock_hal_add_device(f->mock, DEVICE_HPA, DEVICE_SIZE);
	u8 buf[256];

	KUNIT_ASSERT_NOT_NULL(test, mem);
	KUNIT_ASSERT_EQ(test, map_device(f, WIN, SZ_4K, DEVICE_HPA, AXAS_TYPE_DEVICE), 0);
	KUNIT_ASSERT_EQ(test, map_device(f, WIN + SZ_4K, SZ_4K, DEVICE_HPA + SZ_4K,
					 AXAS_TYPE_UNCACHED), 0);
	KUNIT_ASSERT_EQ(test, map_device(f, WIN + SZ_8K, SZ_4K, NO_DEVICE, AXAS_TYPE_NORMAL), 0);
	KUNIT_ASSERT_EQ(test, map_device(f, WIN + SZ_16K, SZ_4K, DEVICE_HPA + SZ_8K,
					 AXAS_TYPE_NORMAL), 0);
	KUNIT_EXPECT_EQ(test, iter_read(f, WIN, buf, 256), (ssize_t)-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, iter_read(f, WIN + SZ_4K, buf, 256), (ssize_t)-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, f->mock->windows_opened, 0ull);
	KUNIT_EXPECT_EQ(test, iter_read(f, WIN + SZ_8K, buf, 256), (ssize_t)-EOPNOTSUPP);
	mock_hal_fail_window(f->mock, 1);
	KUNIT_EXPECT_EQ(test, iter_write(f, WIN + SZ_16K, buf, 256), (ssize_t)-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, iter_write(f, WIN + SZ_16K, buf, 256), (ssize_t)256);
	KUNIT_EXPECT_EQ(test, f->mock->windows, 0l);
}

static struct kunit_case access_cases[] = {
	KUNIT_CASE_PARAM(buffer_comes_back_over_scattered_frames, space_gen_params),
	KUNIT_CASE_PARAM(access_waits_for_a_leaf_that_is_replaced, space_gen_params),
	KUNIT_CASE_PARAM(over_long_buffer_is_refused, space_gen_params),
	KUNIT_CASE_PARAM(bytes_come_back_one_by_one, space_gen_params),
	KUNIT_CASE_PARAM(two_spaces_keep_one_gpa_apart, space_gen_params),
	KUNIT_CASE_PARAM(objects_come_back_at_every_offset, space_gen_params),
	KUNIT_CASE_PARAM(failed_object_access_changes_nothing, space_gen_params),
	KUNIT_CASE_PARAM(volatile_access_must_be_aligned, space_gen_params),
	KUNIT_CASE_PARAM(zero_bytes_are_always_fine, space_gen_params),
	KUNIT_CASE_PARAM(access_respects_protection, space_gen_params),
	KUNIT_CASE_PARAM(access_follows_protect, space_gen_params),
	KUNIT_CASE_PARAM(access_stops_at_a_hole, space_gen_params),
	KUNIT_CASE_PARAM(access_that_wraps_is_refused, space_gen_params),
	KUNIT_CASE_PARAM(untouched_memory_reads_as_zeroes, space_gen_params),
	KUNIT_CASE_PARAM(access_without_memory_answers_so, space_gen_params),
	KUNIT_CASE_PARAM(aligned_objects_are_not_torn, space_gen_params),
	KUNIT_CASE_PARAM(linear_memory_is_reached_through_windows, space_gen_params),
	KUNIT_CASE_PARAM(window_lies_where_the_leaf_says, space_gen_params),
	KUNIT_CASE_PARAM(registers_are_accessed_exactly_once, space_gen_params),
	KUNIT_CASE_PARAM(linear_memory_out_of_reach_is_refused, space_gen_params),
	KUNIT_CASE_PARAM(hal_without_windows_reaches_no_linear_memory, space_gen_params),
	KUNIT_CASE_PARAM(exact_write_without_a_window_writes_nothing, space_gen_params),
	KUNIT_CASE_PARAM(iterator_comes_back_over_frames, space_gen_params),
	KUNIT_CASE_PARAM(iterator_comes_back_over_scattered_frames, space_gen_params),
	KUNIT_CASE_PARAM(iterator_crosses_a_large_leaf, space_gen_params),
	KUNIT_CASE_PARAM(iterator_stops_where_accesses_do, space_gen_params),
	KUNIT_CASE_PARAM(iterator_takes_descending_frames_one_by_one, space_gen_params),
	KUNIT_CASE_PARAM(iterator_opens_linear_memory_by_runs, space_gen_params),
	KUNIT_CASE_PARAM(iterator_goes_on_from_frames_to_linear_memory, space_gen_params),
	KUNIT_CASE_PARAM(iterator_leaves_devices_alone, space_gen_params),
	{}
};

struct kunit_suite axas_access_suite = {
	.name = "axas_access",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = access_cases,
};
