// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log: START_LOG, GET_LOG, CLEAR_LOG, STOP_LOG. Writes by each way, beside all that
 * changes the memory: nothing that was written is missed, and nothing else is reported.
 */
#include "uapi.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define AREA		(16 * MIB)
#define PAGES		1024u		/* of the range, which is 4 MiB */
#define SIZE		(PAGES * PAGE)
#define WORDS		(PAGES / 64)

static bool is_set(const __u64 *bits, u64 page)
{
	return bits[page / 64] >> page % 64 & 1;
}

/* A space with an area, which is touched and logged. */
static int logged_space(bool pinnable, u32 flags)
{
	int fd = new_kind(pinnable);

	expect_ok(axas_map_alloc(fd, AREA, SIZE, RW, flags | AXAS_MAP_POPULATE));
	expect_ok(axas_start_log(fd, AREA, SIZE));
	return fd;
}

/* The log has exactly these pages. */
static void expect_pages(int fd, u64 first, u64 n)
{
	__u64 bits[WORDS];

	expect_ok(axas_get_log(fd, AREA, SIZE, bits, NULL));
	for (u64 i = 0; i < PAGES; i++)
		if (is_set(bits, i) != (i >= first && i < first + n))
			fail("page %llu is %sreported", i, is_set(bits, i) ? "" : "not ");
}

static void clear_all(int fd)
{
	__u64 bits[WORDS], epoch;

	expect_ok(axas_get_log(fd, AREA, SIZE, bits, &epoch));
	expect_ok(axas_clear_log(fd, AREA, SIZE, bits, epoch));
}

static void test_writes(void)
{
	u8 buf[2 * PAGE] = {};
	int fd = logged_space(false, 0);

	expect_pages(fd, 0, 0);
	expect_eq(axas_read(fd, AREA, buf, sizeof(buf)), (ssize_t)sizeof(buf));
	expect_eq(axas_fault(fd, AREA, RO, NULL), AXAS_FAULT_SPURIOUS);
	expect_pages(fd, 0, 0);
	expect_eq(axas_write(fd, AREA + 5 * PAGE - 1, buf, 2), 2);
	expect_pages(fd, 4, 2);
	expect_eq(axas_fault(fd, AREA + 6 * PAGE, RW, NULL), AXAS_FAULT_FIXED);
	expect_pages(fd, 4, 3);
	clear_all(fd);
	expect_pages(fd, 0, 0);
	expect_eq(axas_fault(fd, AREA + 6 * PAGE, RW, NULL), AXAS_FAULT_FIXED);
	expect_pages(fd, 6, 1);
	expect_ok(axas_stop_log(fd, AREA, SIZE));
	expect_eq(axas_fault(fd, AREA + 7 * PAGE, RW, NULL), AXAS_FAULT_SPURIOUS);
	close(fd);
}

/* Writes by mappings, of both kinds; a pinnable page is writable, so it counts as written. */
static void test_mappings(void)
{
	for (int pinnable = 0; pinnable < 2; pinnable++) {
		int fd = logged_space(pinnable, AXAS_MAP_HUGE_NEVER);
		volatile u8 *p = map_rw(fd, AREA, SIZE);

		expect_eq(p[3 * PAGE], 0);
		if (!pinnable)
			expect_pages(fd, 0, 0);
		clear_all(fd);
		if (!pinnable)
			expect_pages(fd, 0, 0);
		p[9 * PAGE] = 1;
		expect_pages(fd, 9, 1);
		p[9 * PAGE] = 2;
		clear_all(fd);
		expect_pages(fd, 0, 0);
		p[9 * PAGE] = 3;
		expect_pages(fd, 9, 1);
		expect_ok(axas_start_log(fd, AREA, SIZE));
		expect_pages(fd, 0, 0);
		p[9 * PAGE] = 4;
		expect_pages(fd, 9, 1);
		munmap((void *)p, SIZE);
		close(fd);
	}
}

/* CLEAR takes the pages that it clears from host mappings, and no others. */
static void test_mapped_pages_stay(void)
{
	int fd = logged_space(false, AXAS_MAP_HUGE_NEVER);
	volatile u8 *p = map_rw(fd, AREA, SIZE);
	u8 present[PAGES];

	for (u64 i = 0; i < PAGES; i++)
		expect_eq(p[i * PAGE], 0);
	for (u64 i = 9; i < PAGES; i += 100)
		p[i * PAGE] = 1;
	clear_all(fd);
	expect_libc(mincore((void *)p, SIZE, present));
	for (u64 i = 0; i < PAGES; i++)
		if ((present[i] & 1) != (i < 9 || (i - 9) % 100))
			fail("page %llu is %smapped", i, present[i] & 1 ? "" : "not ");
	munmap((void *)p, SIZE);
	close(fd);
}

/* A start, or a clear, of what was not written says so of pages that are mapped to be read, too. */
static void test_mapped_clean(void)
{
	int fd = logged_space(false, AXAS_MAP_HUGE_NEVER);
	volatile u8 *p = map_rw(fd, AREA, SIZE);
	__u64 bits[WORDS];

	memset(bits, 0xff, sizeof(bits));
	for (int i = 0; i < 2; i++) {
		for (u64 page = 0; page < PAGES; page++)
			expect_eq(p[page * PAGE], 0);
		expect_ok(axas_start_log(fd, AREA, SIZE));
		expect_pages(fd, 0, 0);
		expect_ok(axas_clear_log(fd, AREA, SIZE, bits, 0));
		expect_pages(fd, 0, 0);
	}
	munmap((void *)p, SIZE);
	close(fd);
}

/* 2 MiB leaves of compound frames, mapped by PMDs: a write is one page. */
static void test_huge(void)
{
	int fd = logged_space(false, AXAS_MAP_HUGE_WHOLE);
	volatile u8 *p = map_rw(fd, AREA, SIZE);

	expect_eq(p[3 * PAGE], 0);
	expect_pages(fd, 0, 0);
	p[700 * PAGE] = 1;
	expect_pages(fd, 700, 1);
	clear_all(fd);
	p[700 * PAGE] = 2;
	p[701 * PAGE] = 2;
	expect_pages(fd, 700, 2);
	munmap((void *)p, SIZE);
	close(fd);
}

/* A page that is held for writing stays in the log until it is let go. */
static void test_held(void)
{
	int pipes[2], fd = logged_space(false, AXAS_MAP_HUGE_NEVER);
	u8 *p = map_rw(fd, AREA, SIZE), byte;
	struct iovec iov = { p + 5 * PAGE, PAGE };

	expect_libc(pipe(pipes));
	p[5 * PAGE] = 7;
	expect_eq(vmsplice(pipes[1], &iov, 1, SPLICE_F_GIFT), PAGE);
	clear_all(fd);
	expect_pages(fd, 5, 1);
	for (u64 i = 0; i < PAGE; i++)
		expect_eq(read(pipes[0], &byte, 1), 1);
	clear_all(fd);
	expect_pages(fd, 0, 0);
	munmap(p, SIZE);
	close(pipes[0]);
	close(pipes[1]);
	close(fd);
}

static void test_extents(void)
{
	struct axas_extent extents[4], bad = { AREA - PAGE, PAGE };
	int fd = logged_space(false, 0);
	u64 byte = 1, epoch;
	__u64 gpa = AREA;
	struct axas_log arg;

	for (u64 page = 0; page < 10; page += 2)
		expect_eq(axas_write(fd, AREA + page * PAGE, &byte, 8), 8);
	expect_eq(axas_get_log_extents(fd, &gpa, SIZE, extents, 4, (__u64 *)&epoch), 4);
	expect_eq(gpa, AREA + 8 * PAGE);
	for (int i = 0; i < 4; i++) {
		expect_eq(extents[i].gpa, AREA + 2 * i * PAGE);
		expect_eq(extents[i].length, PAGE);
	}
	expect_ok(axas_clear_log_extents(fd, extents, 4, epoch));
	expect_pages(fd, 8, 1);
	gpa = AREA;
	expect_eq(axas_get_log_extents(fd, &gpa, SIZE, extents, 4, NULL), 1);
	expect_eq(gpa, AREA + SIZE);
	arg = (struct axas_log){
		.size = sizeof(arg), .flags = AXAS_LOG_EXTENTS, .gpa = AREA, .length = SIZE,
		.buf = (uintptr_t)&bad, .count = 1,
	};
	expect_refused(fd, AXAS_CLEAR_LOG, &arg, EINVAL, "an extent outside the range");
	close(fd);
}

static void test_errors(void)
{
	__u64 bits[WORDS] = {}, epoch;
	int fd = new_space();
	struct axas_log arg = { .size = sizeof(arg), .gpa = AREA, .length = SIZE };
	u8 byte = 1;

	expect_refused(fd, AXAS_START_LOG, &arg, ENOENT, "nothing to log");
	expect_ok(axas_map_alloc(fd, AREA, SIZE, RW, 0));
	expect_refused(fd, AXAS_STOP_LOG, &arg, ENOENT, "no log");
	arg.buf = (uintptr_t)bits;
	expect_refused(fd, AXAS_GET_LOG, &arg, ENOENT, "no log");
	expect_refused(fd, AXAS_CLEAR_LOG, &arg, ENOENT, "no log");
	expect_refused(fd, AXAS_START_LOG, &arg, EINVAL, "a buffer");
	expect_ok(axas_start_log(fd, AREA, SIZE));
	arg.buf = 8;
	expect_refused(fd, AXAS_GET_LOG, &arg, EFAULT, "an address that is not mapped");
	expect_eq(axas_write(fd, AREA, &byte, 1), 1);
	expect_refused(fd, AXAS_GET_LOG, &arg, EFAULT, "an address that is not mapped");
	expect_refused(fd, AXAS_CLEAR_LOG, &arg, EFAULT, "an address that is not mapped");
	arg.buf = (uintptr_t)bits;
	arg.count = 1;
	expect_refused(fd, AXAS_GET_LOG, &arg, EINVAL, "a count beside a bitmap");
	expect_ok(axas_get_log(fd, AREA, SIZE, bits, &epoch));
	expect_ok(axas_start_log(fd, AREA, SIZE));
	expect_eq(axas_clear_log(fd, AREA, SIZE, bits, epoch), -ESTALE);
	expect_eq(axas_write(fd, AREA, &byte, 1), 1);
	expect_eq(axas_clear_log(fd, AREA, SIZE, bits, epoch), -ESTALE);
	close(fd);
}

/* What was touched is between what was not, and the range begins in the middle of a region. */
static void test_skipped_regions(void)
{
	const u64 first = AREA + MIB + 5 * PAGE, length = 16 * MIB - 9 * PAGE;
	const u64 written[] = { first + 2 * PAGE, AREA + 6 * MIB + 77 * PAGE, AREA + 13 * MIB };
	__u64 bits[16 * MIB / PAGE / 64], epoch;
	int fd = new_space();
	u8 byte = 1;

	expect_ok(axas_map_alloc(fd, AREA, 20 * MIB, RW, 0));
	expect_ok(axas_start_log(fd, AREA, 20 * MIB));
	for (u64 i = 0; i < 3; i++) {
		expect_eq(axas_write(fd, written[i], &byte, 1), 1);
		memset(bits, 0xff, sizeof(bits));
		expect_ok(axas_get_log(fd, first, length, bits, &epoch));
		for (u64 n = 0; n < length / PAGE; n++)
			if (is_set(bits, n) != (first + n * PAGE == written[i]))
				fail("page %llu of %llu", n, i);
		expect_ok(axas_clear_log(fd, first, length, bits, epoch));
	}
	expect_ok(axas_get_log(fd, first, length, bits, &epoch));
	for (u64 n = 0; n < length / PAGE; n++)
		expect(!is_set(bits, n));
	close(fd);
}

/* 1 GiB of areas, of which little is touched. */
static void test_large_range(void)
{
	int fd = new_space();
	u64 end = space_end(fd), byte = 1;
	__u64 *bits = calloc(1024 * MIB / PAGE / 64, 8);

	expect(bits);
	expect_ok(axas_map_alloc(fd, 0, 1024 * MIB, RW, 0));
	expect_eq(axas_write(fd, 777 * MIB, &byte, 8), 8);
	expect_ok(axas_start_log(fd, 0, end ? end : 1024 * MIB));
	expect_eq(axas_write(fd, 777 * MIB + PAGE, &byte, 8), 8);
	expect_eq(axas_write(fd, 3 * PAGE, &byte, 8), 8);
	expect_ok(axas_get_log(fd, 0, 1024 * MIB, bits, NULL));
	for (u64 i = 0; i < 1024 * MIB / PAGE; i++)
		if (is_set(bits, i) != (i == 3 || i == 777 * MIB / PAGE + 1))
			fail("page %llu", i);
	expect_ok(axas_clear_log(fd, 0, 1024 * MIB, bits, 0));
	free(bits);
	close(fd);
}

/* Calls that take as long as their range, in which nothing was written, and as they name it. */
static void get_range(int fd, u64 size, u32 times)
{
	struct axas_extent extents[4];
	__u64 gpa;

	while (times--) {
		gpa = 0;
		expect_eq(axas_get_log_extents(fd, &gpa, size, extents, 4, NULL), 0);
	}
}

/* One call. */
static void clear_range(int fd, u64 size, u32 times)
{
	struct axas_extent *extents = calloc(times, sizeof(*extents));

	expect(extents);
	for (u32 i = 0; i < times; i++)
		extents[i] = (struct axas_extent){ 0, size };
	expect_ok(axas_clear_log_extents(fd, extents, times, 0));
	free(extents);
}

/**
 * struct long_call - a call that takes long
 * @call: makes it
 * @size: of its range
 * @times: how often it names that
 * @ms: what it took
 */
struct long_call {
	void (*call)(int fd, u64 size, u32 times);
	u64 size;
	u32 times;
	u64 ms;
};

static void measure(int fd, struct long_call *c)
{
	u64 begin = now_ms();

	c->call(fd, c->size, c->times);
	c->ms = now_ms() - begin;
}

/* How long a call goes on after SIGKILL, that comes when it has run for a while. */
static u64 time_to_die(int fd, const struct long_call *c)
{
	int fds[2], status;
	u64 killed;
	char byte;
	pid_t pid;

	expect_libc(pipe(fds));
	pid = fork();
	if (!pid) {
		if (write(fds[1], "", 1) == 1)
			c->call(fd, c->size, c->times);
		_exit(0);
	}
	expect_eq(read(fds[0], &byte, 1), 1);
	sleep_ms(c->ms / 8);
	killed = now_ms();
	kill(pid, SIGKILL);
	expect_eq(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status))
		fail("the call ended before the signal");
	close(fds[0]);
	close(fds[1]);
	return now_ms() - killed;
}

#define LONG_MS		800	/* a call of this length is long */
#define MOST_TIMES	65536u

/* Make the range larger, then name it more often, until the call takes long. */
static void make_long(int fd, struct long_call *c, u64 most, u32 most_times)
{
	measure(fd, c);
	while (c->ms < LONG_MS && (c->size * 2 <= most || c->times < most_times)) {
		if (c->size * 2 <= most)
			c->size *= 2;
		else
			c->times *= 2;
		measure(fd, c);
	}
}

static void expect_killable(int fd, struct long_call *c)
{
	u64 late = time_to_die(fd, c);

	if (late > c->ms / 4)
		fail("%llu ms after SIGKILL; the call takes %llu", late, c->ms);
	note("%llu GiB %u times in %llu ms; killed in %llu", c->size / GIB, c->times, c->ms, late);
}

/* Whoever gets or clears the log of terabytes can be killed. */
static void test_kill(void)
{
	struct long_call get = { get_range, GIB, 1, 0 }, clear = { clear_range, GIB, 1, 0 };
	int fd = new_space();
	u64 end = space_end(fd), most = end ? end : 1ull << 63;

	expect_ok(axas_map_alloc(fd, 0, most, RW, 0));
	expect_ok(axas_start_log(fd, 0, most));
	make_long(fd, &get, most, 1);
	if (get.ms < LONG_MS)
		note("to get %llu TiB takes %llu ms only", get.size / TIB, get.ms);
	else
		expect_killable(fd, &get);
	make_long(fd, &clear, most, MOST_TIMES);
	expect(clear.ms >= LONG_MS);
	expect_killable(fd, &clear);
	close(fd);
}

/* All that a log's owner does, until it is killed. */
static _Noreturn void use_log(int fd, u32 seed)
{
	volatile u8 *p = map_rw(fd, AREA, SIZE);
	__u64 bits[WORDS], epoch;

	for (;;) {
		u64 at = random_u32(&seed) % PAGES * PAGE;

		axas_start_log(fd, AREA, SIZE);
		p[at] = 1;
		(void)axas_write(fd, AREA + at / 2, (void *)&at, 8);
		axas_get_log(fd, AREA, SIZE, bits, &epoch);
		axas_clear_log(fd, AREA, SIZE, bits, epoch);
		axas_protect(fd, AREA, at + PAGE, random_u32(&seed) % 2 ? RO : RW);
		punch(fd, AREA + at, PAGE);
		axas_start_log(fd, AREA + at, SIZE - at);
		axas_protect(fd, AREA, SIZE, RW);
		p[at] = 2;
		axas_clear_log_extents(fd, &(struct axas_extent){ AREA, SIZE }, 1, 0);
		axas_stop_log(fd, AREA, at + PAGE);
	}
}

/* Wherever the owner of a log is killed, the space has a log that works, or none. */
static void test_killed_owner(void)
{
	int fd = logged_space(false, AXAS_MAP_HUGE_NEVER);
	u32 seed = test_seed;
	u8 byte = 1;

	for (int i = 0; i < 40; i++) {
		pid_t pid = fork();

		expect_libc(pid);
		if (!pid)
			use_log(fd, seed + i);
		sleep_ms(1 + random_u32(&seed) % 8);
		kill(pid, SIGKILL);
		expect_libc(waitpid(pid, NULL, 0));
		expect_ok(axas_protect(fd, AREA, SIZE, RW));
		expect_ok(axas_start_log(fd, AREA, SIZE));
		expect_pages(fd, 0, 0);
		expect_eq(axas_write(fd, AREA + i * PAGE, &byte, 1), 1);
		expect_pages(fd, i, 1);
		clear_all(fd);
		expect_pages(fd, 0, 0);
	}
	expect_ok(axas_unmap(fd, AREA, SIZE));
	expect_eq(info(fd).frames, 0);
	expect_eq(info(fd).tables, info(fd).root_tables);
}

/**
 * struct copier - a copy of the memory that is kept up by the log, as a migration keeps one
 * @fd: the space
 * @p: the memory, mapped
 * @copy: the copy
 * @stop: writers end
 * @writes: how many there were
 * @allowed: how many there may be until the copy has followed
 */
struct copier {
	int fd;
	u8 *p;
	u8 *copy;
	bool stop;
	u64 writes;
	u64 allowed;
};

#define QUOTA		400	/* writes between two rounds, at most */

#define QUIET(page)	((page) % 16 == 9)	/* pages that nobody writes */
#define CHURN		(PAGES - 128)		/* pages from here on are changed in other ways */

/* Whether a writer goes on. It does not run far ahead of the copy. */
static bool goes_on(const struct copier *c)
{
	while (!__atomic_load_n(&c->stop, __ATOMIC_RELAXED)) {
		if (__atomic_load_n(&c->writes, __ATOMIC_RELAXED) <
		    __atomic_load_n(&c->allowed, __ATOMIC_RELAXED))
			return true;
		usleep(100);
	}
	return false;
}

static u64 some_page(u32 *seed, u64 below)
{
	u64 page = random_u32(seed) % below;

	return QUIET(page) ? page - 1 : page;
}

static void *write_by_file(void *arg)
{
	struct copier *c = arg;
	u32 seed = test_seed + 1;

	while (goes_on(c)) {
		u64 val = random_u32(&seed), at = some_page(&seed, CHURN) * PAGE;

		if (axas_write(c->fd, AREA + at + val % 500 * 8, &val, 8) != 8)
			return "pwrite";
		__atomic_add_fetch(&c->writes, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *write_by_mapping(void *arg)
{
	struct copier *c = arg;
	u32 seed = test_seed + 2;

	while (goes_on(c)) {
		u64 *at = (u64 *)(c->p + some_page(&seed, CHURN) * PAGE) + random_u32(&seed) % 500;

		__atomic_store_n(at, random_u32(&seed), __ATOMIC_RELAXED);
		__atomic_add_fetch(&c->writes, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Reads of a disk into the memory, if there is a RAM disk: the pages are held meanwhile. */
static void *write_by_disk(void *arg)
{
	int disk = open("/dev/ram0", O_RDWR | O_DIRECT | O_CLOEXEC);
	struct copier *c = arg;
	u32 seed = test_seed + 3;

	while (disk >= 0 && goes_on(c)) {
		u64 from = some_page(&seed, 8) * PAGE, at = some_page(&seed, CHURN) * PAGE;

		if (pwrite(disk, c->p + at, PAGE, from) != PAGE ||
		    pread(disk, c->p + at, PAGE, from) != PAGE)
			return "O_DIRECT";
		__atomic_add_fetch(&c->writes, 1, __ATOMIC_RELAXED);
	}
	if (disk >= 0)
		close(disk);
	return NULL;
}

/* All else that changes memory, in the last pages. */
static void *change(void *arg)
{
	struct copier *c = arg;
	u32 seed = test_seed + 4;

	while (goes_on(c)) {
		u64 page = CHURN + random_u32(&seed) % 120, gpa = AREA + page * PAGE;
		u64 len = (1 + random_u32(&seed) % 8) * PAGE;

		switch (random_u32(&seed) % 6) {
		case 0:
			axas_protect(c->fd, gpa, len, RO);
			break;
		case 1:
			axas_protect(c->fd, gpa, len, RW);
			break;
		case 2:
			punch(c->fd, gpa, len);
			break;
		case 3:
			axas_collapse(c->fd, AREA, SIZE, NULL);
			break;
		case 4:
			axas_populate(c->fd, gpa, len);
			break;
		default:
			axas_fault(c->fd, gpa, random_u32(&seed) % 2 ? RW : RO, NULL);
		}
	}
	return NULL;
}

/* Copy what was written since the last time. */
static u64 copy_written(struct copier *c)
{
	__u64 bits[WORDS], epoch;
	u64 pages = 0;

	expect_ok(axas_get_log(c->fd, AREA, SIZE, bits, &epoch));
	expect_ok(axas_clear_log(c->fd, AREA, SIZE, bits, epoch));
	for (u64 i = 0; i < PAGES; i++) {
		if (!is_set(bits, i))
			continue;
		if (QUIET(i) && i < CHURN)
			fail("page %llu is reported, and nobody wrote it", i);
		memset(c->copy + i * PAGE, 0, PAGE);
		if (axas_read(c->fd, AREA + i * PAGE, c->copy + i * PAGE, PAGE) != PAGE)
			fail("page %llu cannot be read", i);
		pages++;
	}
	return pages;
}

/* Every write, by any way, is in the copy at the end. */
static void keep_copy(bool pinnable, u32 flags)
{
	void *(*const run[])(void *) = { write_by_file, write_by_mapping, write_by_disk, change };
	struct copier c = { .fd = logged_space(pinnable, flags), .copy = calloc(1, SIZE) };
	u64 want = test_ops ? test_ops : 20000, rounds = 0, copied = 0;
	pthread_t threads[4];
	void *failed;

	expect(c.copy);
	c.p = map_rw(c.fd, AREA, SIZE);
	for (int i = 0; i < 4; i++)
		expect_eq(pthread_create(&threads[i], NULL, run[i], &c), 0);
	for (; __atomic_load_n(&c.writes, __ATOMIC_RELAXED) < want; rounds++) {
		__atomic_add_fetch(&c.allowed, QUOTA, __ATOMIC_RELAXED);
		copied += copy_written(&c);
		while (__atomic_load_n(&c.writes, __ATOMIC_RELAXED) + QUOTA / 2 <
		       __atomic_load_n(&c.allowed, __ATOMIC_RELAXED))
			usleep(100);
	}
	__atomic_store_n(&c.stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &failed);
		if (failed)
			fail("a writer failed: %s", (char *)failed);
	}
	expect_ok(axas_protect(c.fd, AREA, SIZE, RW));
	copy_written(&c);
	copy_written(&c);
	for (u64 i = 0; i < PAGES; i++)
		if (memcmp(c.p + i * PAGE, c.copy + i * PAGE, PAGE))
			fail("a write to page %llu was missed, after %llu rounds", i, rounds);
	note("%llu writes, %llu rounds, %llu pages copied", c.writes, rounds, copied);
	munmap(c.p, SIZE);
	free(c.copy);
	close(c.fd);
}

static void test_no_write_is_missed(void)
{
	keep_copy(false, AXAS_MAP_HUGE_NEVER);
	keep_copy(false, 0);
	keep_copy(false, AXAS_MAP_HUGE_WHOLE);
}

static void test_no_write_is_missed_pinnable(void)
{
	keep_copy(true, AXAS_MAP_HUGE_NEVER);
}

static const struct test tests[] = {
	{ "writes by calls and faults", test_writes },
	{ "writes by mappings", test_mappings },
	{ "clear leaves other pages mapped", test_mapped_pages_stay },
	{ "pages that are mapped to be read are not written", test_mapped_clean },
	{ "a write to 2 MiB of a PMD is one page", test_huge },
	{ "a page that is held stays written", test_held },
	{ "extents", test_extents },
	{ "errors", test_errors },
	{ "what was not touched is skipped", test_skipped_regions },
	{ "a range of 1 GiB", test_large_range },
	{ "SIGKILL ends get and clear", test_kill },
	{ "the owner of a log is killed", test_killed_owner },
	{ "no write is missed", test_no_write_is_missed },
	{ "no write is missed, pinnable", test_no_write_is_missed_pinnable },
};

const struct suite suite_log = { "log", tests, ARRAY_SIZE(tests), true };
