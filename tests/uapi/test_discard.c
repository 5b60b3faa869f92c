// SPDX-License-Identifier: GPL-2.0-only
/*
 * DISCARD: what it gives back, what it leaves, and each of its errors.
 */
#include "uapi.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AREA		(16 * MIB)
#define BIG		(32 * MIB)
#define STRESS_MS	1500

static void fill(int fd, u64 gpa, u64 bytes)
{
	u8 *buf = malloc(bytes);

	expect(buf);
	memset(buf, 0x5a, bytes);
	expect_eq(axas_write(fd, gpa, buf, bytes), (ssize_t)bytes);
	free(buf);
}

/* All bytes of a range are @byte. Reading touches pages. */
static void expect_bytes(int fd, u64 gpa, u64 bytes, u8 byte)
{
	u8 *buf = malloc(bytes);

	expect(buf);
	expect_eq(axas_read(fd, gpa, buf, bytes), (ssize_t)bytes);
	for (u64 i = 0; i < bytes; i++)
		if (buf[i] != byte)
			fail("0x%x is read at %#llx", buf[i], gpa + i);
	free(buf);
}

static void expect_discards(int fd, u64 gpa, u64 length)
{
	struct axas_extent extent = { gpa, length };
	u64 done = 0;

	expect_ok(axas_discard(fd, &extent, 1, &done));
	expect_eq(done, length);
}

static void test_pages_are_zero(void)
{
	struct state before;
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, 64 * PAGE, RW, AXAS_MAP_HUGE_NEVER));
	fill(fd, AREA, 64 * PAGE);
	take_state(fd, &before);
	expect_discards(fd, AREA + 8 * PAGE, 16 * PAGE);
	expect_eq(info(fd).frames, 48);
	expect_eq(info(fd).areas, 1);
	expect_bytes(fd, AREA, 8 * PAGE, 0x5a);
	expect_bytes(fd, AREA + 24 * PAGE, 40 * PAGE, 0x5a);
	expect_eq(info(fd).frames, 48);
	expect_bytes(fd, AREA + 8 * PAGE, 16 * PAGE, 0);
	expect_same(fd, &before, FAULTS_MAY_COUNT);
	/* again, and what is not touched yet */
	expect_discards(fd, AREA, 64 * PAGE);
	expect_discards(fd, AREA, 64 * PAGE);
	expect_eq(info(fd).frames, 0);
	expect_eq(info(fd).tables, info(fd).root_tables);
	expect_bytes(fd, AREA, 64 * PAGE, 0);
}

static void test_large_leaves(void)
{
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, 4 * MIB, RW, AXAS_MAP_POPULATE));
	fill(fd, AREA, 4 * MIB);
	expect_discards(fd, AREA + PAGE, PAGE);
	expect_eq(info(fd).frames, 1023);
	expect_eq(info(fd).areas, 1);
	expect_bytes(fd, AREA, PAGE, 0x5a);
	expect_bytes(fd, AREA + PAGE, PAGE, 0);
	expect_bytes(fd, AREA + 2 * PAGE, 4 * MIB - 2 * PAGE, 0x5a);
	expect_discards(fd, AREA + MIB, 2 * MIB);
	expect_eq(info(fd).frames, 512);
	expect_bytes(fd, AREA + MIB, 2 * MIB, 0);
	expect_bytes(fd, AREA + 3 * MIB, MIB, 0x5a);
}

/* In any order, overlapping, over areas of any protection and holes. */
static void test_vector(void)
{
	struct axas_extent extents[] = {
		{ AREA + 40 * PAGE, 8 * PAGE }, { AREA, 2 * PAGE }, { AREA + PAGE, 4 * PAGE },
		{ AREA + 44 * PAGE, 2 * PAGE }, { 0, PAGE }, { AREA + 10 * PAGE, 30 * PAGE },
	};
	int fd = new_space();
	u64 done = 0;

	expect_ok(axas_map_alloc(fd, AREA, 16 * PAGE, RW, 0));
	expect_ok(axas_map_alloc(fd, AREA + 32 * PAGE, 32 * PAGE, RW, 0));
	fill(fd, AREA, 16 * PAGE);
	fill(fd, AREA + 32 * PAGE, 32 * PAGE);
	expect_ok(axas_protect(fd, AREA + 32 * PAGE, 16 * PAGE, RO));
	expect_ok(axas_discard(fd, extents, ARRAY_SIZE(extents), &done));
	expect_eq(done, 47 * PAGE);
	expect_eq(info(fd).frames, 48 - 5 - 6 - 16);
	expect_eq(info(fd).areas, 3);
	expect_bytes(fd, AREA + 5 * PAGE, 5 * PAGE, 0x5a);
	expect_bytes(fd, AREA + 48 * PAGE, 16 * PAGE, 0x5a);
	expect_bytes(fd, AREA, 5 * PAGE, 0);
	expect_bytes(fd, AREA + 10 * PAGE, 6 * PAGE, 0);
	expect_bytes(fd, AREA + 32 * PAGE, 16 * PAGE, 0);
}

static void test_most_ranges(void)
{
	static struct axas_extent extents[AXAS_DISCARD_MAX + 1];
	struct axas_discard arg = {
		.size = sizeof(arg), .buf = (uintptr_t)extents, .count = AXAS_DISCARD_MAX + 1,
	};
	int fd = new_space();
	u64 done = 0;

	expect_ok(axas_map_alloc(fd, AREA, 8 * MIB, RW, AXAS_MAP_POPULATE));
	for (u32 i = 0; i <= AXAS_DISCARD_MAX; i++)
		extents[i] = (struct axas_extent){ AREA + i % 1024 * 2 * PAGE, PAGE };
	expect_refused(fd, AXAS_DISCARD, &arg, EINVAL, "too many ranges");
	expect_ok(axas_discard(fd, extents, AXAS_DISCARD_MAX, &done));
	expect_eq(done, AXAS_DISCARD_MAX * PAGE);
	expect_eq(info(fd).frames, 2048 - AXAS_DISCARD_MAX);
	expect_ok(axas_discard(fd, NULL, 0, &done));
	expect_eq(done, 0);
}

static void test_linear(void)
{
	struct axas_extent extents[] = { { AREA, PAGE }, { GIB - PAGE, 2 * PAGE } };
	struct axas_discard arg = { .size = sizeof(arg), .buf = (uintptr_t)extents, .count = 2 };
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, PAGE, RW, AXAS_MAP_POPULATE));
	expect_ok(axas_map_linear(fd, GIB, window().hpa, PAGE, RW, AXAS_TYPE_NORMAL));
	expect_refused(fd, AXAS_DISCARD, &arg, EOPNOTSUPP, "DISCARD of linear memory");
	extents[1].gpa -= PAGE;
	expect_ok(axas_ioctl(fd, AXAS_DISCARD, &arg));
	expect_eq(arg.done, 3 * PAGE);
	expect_eq(info(fd).frames, 0);
}

static void test_arguments(void)
{
	struct axas_extent *extents = guarded_pages(1);
	struct axas_extent *last = extents + PAGE / sizeof(*extents) - 1;
	struct axas_discard arg = { .size = sizeof(arg), .count = 1 };
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, 2 * PAGE, RW, AXAS_MAP_POPULATE));
	*last = (struct axas_extent){ AREA, PAGE };
	expect_refused(fd, AXAS_DISCARD, &arg, EFAULT, "no array");
	arg.buf = (uintptr_t)last;
	arg.count = 2;
	expect_refused(fd, AXAS_DISCARD, &arg, EFAULT, "an array that ends early");
	arg.buf = ~0ull;
	expect_refused(fd, AXAS_DISCARD, &arg, EFAULT, "a wild array");
	arg.buf = (uintptr_t)last;
	arg.count = 1;
	arg.done = 1;
	expect_refused(fd, AXAS_DISCARD, &arg, EINVAL, "done is not zero");
	arg.done = 0;
	arg.reserved = 1;
	expect_refused(fd, AXAS_DISCARD, &arg, EINVAL, "reserved is not zero");
	arg.reserved = 0;
	expect_ok(axas_ioctl(fd, AXAS_DISCARD, &arg));
	expect_eq(arg.done, PAGE);
	expect_eq(info(fd).frames, 1);
}

/* The memory comes back: the frames' counter and the machine agree. */
static void test_memory_comes_back(void)
{
	long before, with, after;
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, BIG, RW, 0));
	before = meminfo("MemFree");
	expect_ok(populate(fd, AREA, BIG));
	fill(fd, AREA, BIG);
	with = meminfo("MemFree");
	expect_discards(fd, AREA, BIG);
	after = meminfo("MemFree");
	expect_eq(info(fd).frames, 0);
	note("MemFree %ld KiB, %ld populated, %ld discarded", before, with, after);
	/* other things happen on the machine, such as the end of earlier tests' spaces */
	expect(with < before - (long)(BIG / 1024) / 2);
	expect(after > with + (long)(BIG / 1024) - 4096);
}

/* What the limit counts comes back, too. */
static void test_limit(void)
{
	struct axas_create c = { .format = test_format, .max_frames = 16 };
	int fd = axas_open_space(NULL, &c);

	expect(fd >= 0);
	expect_ok(axas_map_alloc(fd, AREA, 64 * PAGE, RW, 0));
	expect_ok(populate(fd, AREA, 16 * PAGE));
	expect_eq(axas_fault(fd, AREA + 16 * PAGE, RW, NULL), AXAS_FAULT_NOMEM);
	expect_discards(fd, AREA + 4 * PAGE, 4 * PAGE);
	for (int i = 0; i < 4; i++)
		expect_eq(axas_fault(fd, AREA + (16 + i) * PAGE, RW, NULL), AXAS_FAULT_FIXED);
	expect_eq(axas_fault(fd, AREA + 20 * PAGE, RW, NULL), AXAS_FAULT_NOMEM);
	close(fd);
}

static struct {
	int fd;
	u64 end;
	u64 discards, zeroes;
} stress;

static u64 stamp(u64 gpa)
{
	return gpa * 0x9e3779b97f4a7c15ull | 1;
}

/* A page holds zeroes or the word that is written to it alone. */
static void *touch(void *arg)
{
	u32 seed = 1 + (intptr_t)arg;

	while (now_ms() < stress.end) {
		u64 gpa = AREA + random_u32(&seed) % 1024 * PAGE, word = stamp(gpa);

		if (random_u32(&seed) % 2) {
			expect_eq(axas_write(stress.fd, gpa, &word, 8), 8);
			continue;
		}
		expect_eq(axas_read(stress.fd, gpa, &word, 8), 8);
		expect(!word || word == stamp(gpa));
		if (!word)
			__atomic_fetch_add(&stress.zeroes, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *discard(void *arg)
{
	u32 seed = 77;

	(void)arg;
	while (now_ms() < stress.end) {
		struct axas_extent extents[4];
		u64 done = 0, sum = 0;

		for (int i = 0; i < 4; i++) {
			u64 first = random_u32(&seed) % 1024;
			u64 nr = 1 + random_u32(&seed) % (i ? 16 : 1024 - first);

			extents[i] = (struct axas_extent){ AREA + first * PAGE, nr * PAGE };
			sum += nr * PAGE;
		}
		expect_ok(axas_discard(stress.fd, extents, 4, &done));
		expect_eq(done, sum);
		stress.discards++;
	}
	return NULL;
}

static void test_beside_faults(void)
{
	pthread_t threads[3];

	stress.fd = new_space();
	stress.end = now_ms() + STRESS_MS;
	stress.discards = 0;
	stress.zeroes = 0;
	expect_ok(axas_map_alloc(stress.fd, AREA, 5 * MIB, RW, AXAS_MAP_HUGE_ALWAYS));
	for (int i = 0; i < 3; i++)
		expect_ok(pthread_create(&threads[i], NULL, i ? touch : discard,
					 (void *)(intptr_t)i));
	for (int i = 0; i < 3; i++)
		expect_ok(pthread_join(threads[i], NULL));
	note("%llu discards, %llu pages found empty", stress.discards, stress.zeroes);
	expect(stress.discards && stress.zeroes);
	expect_discards(stress.fd, AREA, 5 * MIB);
	expect_eq(info(stress.fd).frames, 0);
	expect_eq(info(stress.fd).tables, info(stress.fd).root_tables);
}

static const struct test tests[] = {
	{ "discarded pages are zero, and their frames free", test_pages_are_zero },
	{ "parts of 2 MiB leaves can be discarded", test_large_leaves },
	{ "ranges come in any order and overlap", test_vector },
	{ "one call takes 1024 ranges, and no more", test_most_ranges },
	{ "linear memory is refused before anything changes", test_linear },
	{ "wrong arguments are refused", test_arguments },
	{ "the machine has the memory again", test_memory_comes_back },
	{ "a limit of frames counts what is left", test_limit },
	{ "threads beside a discard see zeroes or their own", test_beside_faults },
};

const struct suite suite_discard = { "discard", tests, ARRAY_SIZE(tests), true };
