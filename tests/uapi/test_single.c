// SPDX-License-Identifier: GPL-2.0-only
/*
 * Naturally aligned accesses are not torn: one thread alternately writes all zeroes and all ones,
 * another one reads.
 */
#include "uapi.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define AREA	(16 * MIB)
#define WORD	(AREA + 0x340)
#define TURNS	30000

static struct {
	int fd;
	size_t len;
	bool vectors;
	atomic_bool stop;
	atomic_int failed;
} race;

static ssize_t put_word(const void *val)
{
	struct iovec iov[] = {
		{ (void *)val, 1 }, { (u8 *)val + 1, race.len - 1 },
	};

	return race.vectors ? pwritev(race.fd, iov, 2, WORD) :
			      pwrite(race.fd, val, race.len, WORD);
}

static ssize_t get_word(void *val)
{
	struct iovec iov[] = { { val, race.len / 2 }, { (u8 *)val + race.len / 2,
							race.len - race.len / 2 } };

	return race.vectors ? preadv(race.fd, iov, 2, WORD) :
			      pread(race.fd, val, race.len, WORD);
}

static void *writer(void *arg)
{
	static const u64 ones = ~0ull, zeroes;

	(void)arg;
	for (u32 i = 0; !atomic_load(&race.stop); i++)
		if (put_word(i & 1 ? &ones : &zeroes) != (ssize_t)race.len)
			atomic_store(&race.failed, 1);
	return NULL;
}

static void run_race(int fd, size_t len, bool vectors)
{
	u64 all = ~0ull >> (64 - 8 * len), val, seen[2] = { 0 };
	pthread_t thread;

	expect_eq(axas_write(fd, WORD, seen, 8), 8);
	race.fd = fd;
	race.len = len;
	race.vectors = vectors;
	atomic_store(&race.stop, false);
	expect_eq(pthread_create(&thread, NULL, writer, NULL), 0);
	for (u32 i = 0; i < TURNS; i++) {
		val = 0;
		expect_eq(get_word(&val), len);
		if (val && val != all)
			fail("%zu bytes were read as %#llx", len, val);
		seen[!!val]++;
	}
	atomic_store(&race.stop, true);
	pthread_join(thread, NULL);
	expect_eq(atomic_load(&race.failed), 0);
	note("%zu bytes: %llu times zeroes, %llu times ones", len, seen[0], seen[1]);
}

static void race_all(int fd)
{
	for (size_t len = 2; len <= 8; len *= 2) {
		run_race(fd, len, false);
		run_race(fd, len, true);
	}
}

static void test_alloc(void)
{
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, PAGE, RW, 0));
	race_all(fd);
}

static void test_linear(void)
{
	int fd = new_space();

	expect_ok(axas_map_linear(fd, AREA, window().hpa, PAGE, RW, AXAS_TYPE_NORMAL));
	race_all(fd);
}

static void test_device(void)
{
	int fd = new_space();

	if (axas_map_linear(fd, AREA, window().hpa, PAGE, RW, AXAS_TYPE_DEVICE) == -EOPNOTSUPP)
		skip("this format has one type on this machine");
	race_all(fd);
}

static const struct test tests[] = {
	{ "G1 aligned reads and writes of memory are never torn", test_alloc },
	{ "G1 those of linear memory are never torn", test_linear },
	{ "G1 those of a device are never torn", test_device },
};

const struct suite suite_single = { "single", tests, ARRAY_SIZE(tests), false };
