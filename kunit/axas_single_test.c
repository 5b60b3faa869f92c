// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host accesses to guest memory (axas_single.h, axas_space_access.c): a single access where a
 * device would make one, and made visible to the guest's instruction fetch.
 */
#include <linux/prandom.h>
#include <linux/uio.h>

#include "axas_single.h"
#include "space_fixture.h"

static void aligned_powers_of_two_are_single(struct kunit *test)
{
	unsigned long addr;
	size_t len;

	for (addr = 0x1000; addr < 0x1010; addr++) {
		for (len = 0; len <= 16; len++) {
			bool want = (len == 1 || len == 2 || len == 4 || len == 8) && !(addr % len);

			KUNIT_EXPECT_EQ_MSG(test, axas_is_single(addr, len), want,
					    "%zu bytes at %#lx", len, addr);
		}
	}
}

/* Each length at each alignment of source and destination; bytes around stay untouched. */
static void copies_are_exact(struct kunit *test)
{
	u8 guest[48] __aligned(8), buf[48] __aligned(8), want[48];
	unsigned int at, from, len, i;

	for (at = 0; at < 8; at++) {
		for (from = 0; from < 8; from++) {
			for (len = 0; len <= 17; len++) {
				for (i = 0; i < sizeof(buf); i++)
					buf[i] = 0x80 | i;
				memset(guest, 0x11, sizeof(guest));
				memset(want, 0x11, sizeof(want));
				memcpy(want + 8 + at, buf + 8 + from, len);
				axas_copy_out(guest + 8 + at, buf + 8 + from, len);
				KUNIT_EXPECT_EQ(test, memcmp(guest, want, sizeof(guest)), 0);
				memset(buf, 0x22, sizeof(buf));
				axas_copy_in(buf + 8 + from, guest + 8 + at, len);
				memset(want, 0x22, sizeof(want));
				memcpy(want + 8 + from, guest + 8 + at, len);
				KUNIT_EXPECT_EQ(test, memcmp(buf, want, sizeof(buf)), 0);
			}
		}
	}
}

/**
 * struct racer - one of two threads that race on guest memory
 * @f: the fixture of the space
 * @write: write, else read
 * @partial: use the partial accessors
 * @len: 2, 4 or 8 bytes
 * @torn: number of values read that were never written
 */
struct racer {
	struct space_fixture *f;
	bool write;
	bool partial;
	size_t len;
	unsigned int torn;
};

#define RACE_GPA	(WIN + 0x340)
#define RACE_TURNS	200000

static int touch(struct racer *r, u64 *val)
{
	struct axas_space *space = r->f->space;
	struct axas_gpa gpa = axas_gpa(RACE_GPA);

	if (r->partial)
		return (r->write ? axas_write_partial(space, gpa, val, r->len) :
				   axas_read_partial(space, gpa, val, r->len)) < 0;
	return r->write ? axas_write(space, gpa, val, r->len) :
			  axas_read(space, gpa, val, r->len);
}

/* The writer alternates all bits 0 and all bits 1; a reader must never see a mix. */
static int race(void *arg)
{
	u64 all, val = 0;
	struct racer *r = arg;
	unsigned int i;

	all = ~0ull >> (64 - 8 * r->len);
	for (i = 0; i < RACE_TURNS; i++) {
		if (r->write)
			val = i & 1 ? all : 0;
		if (touch(r, &val))
			return -EIO;
		r->torn += val && val != all;
		if (!(i % 256))
			cond_resched();
	}
	return 0;
}

static void run_race(struct space_fixture *f, size_t len, bool partial_write,
		     bool partial_read)
{
	struct racer racers[] = {
		{ f, true, partial_write, len }, { f, false, partial_read, len },
	};
	struct test_thread threads[] = { { race, &racers[0] }, { race, &racers[1] } };
	u64 zeroes = 0;

	KUNIT_ASSERT_EQ(f->test, axas_write(f->space, axas_gpa(RACE_GPA), &zeroes, 8), 0);
	KUNIT_ASSERT_EQ(f->test, test_run_threads(threads, 2), 0);
	KUNIT_EXPECT_EQ(f->test, threads[0].result, 0);
	KUNIT_EXPECT_EQ(f->test, threads[1].result, 0);
	KUNIT_EXPECT_EQ_MSG(f->test, racers[1].torn, 0u, "%zu bytes", len);
}

/* G1: a reader never sees a ring's index half written. Races only with several CPUs. */
static void aligned_accesses_are_never_torn(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	size_t len;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_4K, TEST_RW), 0);
	for (len = 2; len <= 8; len *= 2) {
		run_race(f, len, false, false);
		run_race(f, len, true, true);
	}
}

/* G1: the same for linear memory, accessed by windows with the space's lock. */
static void aligned_accesses_by_windows_are_never_torn(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	size_t len;

	KUNIT_ASSERT_NOT_NULL(test, mock_hal_add_device(f->mock, LINEAR, SZ_4K));
	KUNIT_ASSERT_EQ(test, space_map_linear(f, WIN, SZ_4K, LINEAR, TEST_RW), 0);
	for (len = 2; len <= 8; len *= 2) {
		run_race(f, len, false, false);
		run_race(f, len, true, true);
	}
}

/* An aligned access to a device register is one access of that width. */
static void aligned_accesses_of_devices_are_single(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u8 *mem = mock_hal_add_device(f->mock, LINEAR, SZ_4K);
	static const u8 in[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	u8 out[8];
	size_t len;

	KUNIT_ASSERT_NOT_NULL(test, mem);
	f->mock->window_io = mock_has_io();
	KUNIT_ASSERT_EQ(test, axas_space_map_linear(f->space, gpa_range(WIN, SZ_4K),
						    axas_hpa(LINEAR), TEST_RW,
						    AXAS_TYPE_DEVICE), 0);
	for (len = 1; len <= 8; len++) {
		u64 opened = f->mock->windows_opened;

		memset(mem, 0, 16);
		KUNIT_EXPECT_EQ(test, axas_write(f->space, axas_gpa(WIN), in, len), 0);
		KUNIT_EXPECT_EQ(test, f->mock->windows_opened, opened + 1);
		KUNIT_EXPECT_EQ(test, f->mock->last_window.bytes, len);
		KUNIT_EXPECT_EQ(test, memcmp(mem, in, len), 0);
		KUNIT_EXPECT_PTR_EQ(test, memchr_inv(mem + len, 0, 16 - len), NULL);
		memset(out, 0xee, sizeof(out));
		KUNIT_EXPECT_EQ(test, axas_read(f->space, axas_gpa(WIN), out, len), 0);
		KUNIT_EXPECT_EQ(test, memcmp(out, in, len), 0);
	}
}

/* Expect the bytes cleaned and the number of fences since the last call. */
static void expect_sync(struct space_fixture *f, u64 cleaned, unsigned int fences,
			const char *what)
{
	KUNIT_EXPECT_EQ_MSG(f->test, f->mock->cleaned, cleaned, "%s", what);
	KUNIT_EXPECT_EQ_MSG(f->test, f->mock->fences, fences, "%s", what);
	f->mock->cleaned = 0;
	f->mock->fences = 0;
}

/* G9: code is cleaned after the write, not at allocation, and each byte of it. */
static void written_code_is_made_visible(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_gpa gpa = axas_gpa(WIN + SZ_4K - 8);
	u8 code[64] = { 0x90 };
	u64 val;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_64K, TEST_RWX), 0);
	expect_sync(f, 0, 0, "nothing was written");
	KUNIT_EXPECT_EQ(test, axas_write(f->space, gpa, code, sizeof(code)), 0);
	expect_sync(f, sizeof(code), 1, "two pages, faulted in");
	KUNIT_EXPECT_EQ(test, axas_write(f->space, gpa, code, sizeof(code)), 0);
	expect_sync(f, sizeof(code), 1, "two pages that were there");
	KUNIT_EXPECT_EQ(test, axas_write(f->space, axas_gpa(WIN + 16), code, 32), 0);
	expect_sync(f, 32, 1, "a page that was there");
	KUNIT_EXPECT_PTR_EQ(test, (u8 *)f->mock->last_cleaned, space_mem(f, WIN + 16));
	KUNIT_EXPECT_EQ(test, axas_write_partial(f->space, gpa, code, 16), (ssize_t)16);
	expect_sync(f, 16, 1, "a partial write");
	KUNIT_EXPECT_EQ(test, axas_write_obj(f->space, axas_gpa(WIN), AXAS_WIDTH_32, 1), 0);
	expect_sync(f, 4, 1, "an integer");
	KUNIT_EXPECT_EQ(test, axas_write_obj(f->space, axas_gpa(WIN + SZ_32K), AXAS_WIDTH_64, 1),
			0);
	expect_sync(f, 8, 1, "an integer in a page that was not there");
	KUNIT_EXPECT_EQ(test, axas_write_volatile(f->space, axas_gpa(WIN), AXAS_WIDTH_16, 1), 0);
	expect_sync(f, 2, 1, "a volatile integer");
	KUNIT_EXPECT_EQ(test, axas_read(f->space, gpa, code, sizeof(code)), 0);
	KUNIT_EXPECT_EQ(test, axas_read_obj(f->space, axas_gpa(WIN), AXAS_WIDTH_32, &val), 0);
	expect_sync(f, 0, 0, "reads");
}

/* G9: data may become code later: all CPUs are fenced then. */
static void data_is_made_visible_when_it_becomes_code(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u8 code[64] = { 0x90 };

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_64K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, axas_write(f->space, axas_gpa(WIN), code, sizeof(code)), 0);
	expect_sync(f, sizeof(code), 0, "data is cleaned, and fenced later");
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN, SZ_4K, TEST_R), 0);
	expect_sync(f, 0, 0, "still no code");
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN, SZ_64K, TEST_RX), 0);
	expect_sync(f, 0, 1, "code from now on");
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN, SZ_64K, TEST_RWX), 0);
	expect_sync(f, 0, 0, "code it was before");
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN, SZ_4K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, space_protect(f, BORDER, SZ_4K, TEST_RX), 0);
	expect_sync(f, 0, 0, "code no more, and a hole");
}

static void code_in_linear_memory_is_made_visible(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u8 code[64] = { 0x90 };

	KUNIT_ASSERT_NOT_NULL(test, mock_hal_add_device(f->mock, LINEAR, SZ_8K));
	KUNIT_ASSERT_EQ(test, space_map_linear(f, WIN, SZ_8K, LINEAR, TEST_RWX), 0);
	KUNIT_EXPECT_EQ(test, axas_write(f->space, axas_gpa(WIN + SZ_4K - 32), code, 64), 0);
	expect_sync(f, 64, 1, "two windows");
}

/* G9: also for writes by an iterator. */
static void code_from_an_iterator_is_made_visible(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u8 code[256] = { 0x90 };
	struct kvec kvec = { code, sizeof(code) };
	struct iov_iter iter;

	KUNIT_ASSERT_NOT_NULL(test, mock_hal_add_device(f->mock, LINEAR, SZ_4K));
	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_4K, TEST_RWX), 0);
	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN + SZ_4K, SZ_4K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, WIN + SZ_8K, SZ_4K, LINEAR, TEST_RWX), 0);
	f->mock->cleaned = 0;
	f->mock->fences = 0;
	iov_iter_kvec(&iter, WRITE, &kvec, 1, sizeof(code));
	KUNIT_EXPECT_EQ(test, axas_space_copy_iter(f->space, axas_gpa(WIN), &iter, TEST_W),
			(ssize_t)sizeof(code));
	expect_sync(f, sizeof(code), 1, "memory");
	iov_iter_kvec(&iter, WRITE, &kvec, 1, sizeof(code));
	KUNIT_EXPECT_EQ(test, axas_space_copy_iter(f->space, axas_gpa(WIN + SZ_4K), &iter, TEST_W),
			(ssize_t)sizeof(code));
	expect_sync(f, sizeof(code), 0, "data");
	iov_iter_kvec(&iter, WRITE, &kvec, 1, sizeof(code));
	KUNIT_EXPECT_EQ(test, axas_space_copy_iter(f->space, axas_gpa(WIN + SZ_8K), &iter, TEST_W),
			(ssize_t)sizeof(code));
	expect_sync(f, sizeof(code), 1, "a window");
	iov_iter_kvec(&iter, READ, &kvec, 1, sizeof(code));
	KUNIT_EXPECT_EQ(test, axas_space_copy_iter(f->space, axas_gpa(WIN), &iter, TEST_R),
			(ssize_t)sizeof(code));
	expect_sync(f, 0, 0, "a read");
}

static struct kunit_case single_cases[] = {
	KUNIT_CASE(aligned_powers_of_two_are_single),
	KUNIT_CASE(copies_are_exact),
	KUNIT_CASE(aligned_accesses_are_never_torn),
	KUNIT_CASE(aligned_accesses_by_windows_are_never_torn),
	KUNIT_CASE(aligned_accesses_of_devices_are_single),
	KUNIT_CASE_PARAM(written_code_is_made_visible, space_gen_params),
	KUNIT_CASE_PARAM(data_is_made_visible_when_it_becomes_code, space_gen_params),
	KUNIT_CASE_PARAM(code_in_linear_memory_is_made_visible, space_gen_params),
	KUNIT_CASE_PARAM(code_from_an_iterator_is_made_visible, space_gen_params),
	{}
};

struct kunit_suite axas_single_suite = {
	.name = "axas_single",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = single_cases,
};
