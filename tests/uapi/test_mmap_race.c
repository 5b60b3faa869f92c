// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host mappings against removals at the same time. A module that was built for tests pauses in its
 * host faults (host_fault_delay), so that removals meet them there; the tests that need it are
 * skipped with any other module.
 */
#include "uapi.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define AREA	(16 * MIB)

/*
 * A word of each page counts up, by the host, while pages are discarded, protected, unmapped and
 * mapped again. Reading after a discard returns 0 or what was written since: a host that writes
 * through a stale mapping is seen, because its write is lost in the space.
 */
#define RACE_PAGES	8
#define RACE_MS		1500

static struct race {
	int fd;
	u32 flags;
	u64 length, end;
	u8 *p;
	atomic_ulong writes, lost, bus;
} race;

static void *race_write(void *arg)
{
	u32 seed = 7 + (intptr_t)arg;

	while (now_ms() < race.end) {
		u32 page = random_u32(&seed) % RACE_PAGES;

		if (try_store((u64 *)(race.p + page * PAGE) + (intptr_t)arg, seed))
			race.bus++;
		else
			race.writes++;
	}
	return NULL;
}

/* What is read by the mapping and by pread must agree when nobody writes. */
static void race_check(void)
{
	for (int i = 0; i < RACE_PAGES; i++) {
		u8 buf[64];

		if (read_signal(race.p + i * PAGE))
			continue;
		if (axas_read(race.fd, AREA + i * PAGE, buf, sizeof(buf)) == sizeof(buf) &&
		    memcmp(buf, race.p + i * PAGE, sizeof(buf)))
			race.lost++;
	}
}

static void race_change(u32 *seed)
{
	u64 gpa = AREA + random_u32(seed) % RACE_PAGES * PAGE;

	switch (random_u32(seed) % 13) {
	case 0 ... 2:
		expect_ok(punch(race.fd, gpa, PAGE));
		break;
	case 3 ... 5:
		expect_ok(axas_unmap(race.fd, gpa, PAGE));
		expect_ok(axas_map_alloc(race.fd, gpa, PAGE, RW, race.flags));
		break;
	case 6 ... 8:
		expect_ok(axas_protect(race.fd, gpa, PAGE, RO));
		expect_ok(axas_protect(race.fd, gpa, PAGE, RW));
		break;
	case 9 ... 11:
		expect_ok(madvise(race.p + (gpa - AREA), PAGE, MADV_DONTNEED));
		break;
	default:
		/* all: a 2 MiB frame comes back with the next touch */
		expect_ok(axas_unmap(race.fd, AREA, race.length));
		expect_ok(axas_map_alloc(race.fd, AREA, race.length, RW, race.flags));
	}
}

static void run_race(bool pinnable, u32 flags)
{
	pthread_t threads[2];
	u32 seed = test_seed;

	race.flags = flags;
	race.length = flags & AXAS_MAP_HUGE_WHOLE ? 2 * MIB : RACE_PAGES * PAGE;
	for (int round = 0; round < 3; round++) {
		race.fd = new_kind(pinnable);
		expect_ok(axas_map_alloc(race.fd, AREA, race.length, RW, flags));
		race.p = map_rw(race.fd, AREA, race.length);
		race.end = now_ms() + RACE_MS / 3;
		for (intptr_t i = 0; i < 2; i++)
			expect_ok(pthread_create(&threads[i], NULL, race_write, (void *)i));
		while (now_ms() < race.end)
			race_change(&seed);
		for (int i = 0; i < 2; i++)
			pthread_join(threads[i], NULL);
		race_check();
		munmap(race.p, race.length);
		close(race.fd);
	}
	note("%s, flags 0x%x: %lu writes, %lu SIGBUS", pinnable ? "pinnable" : "watched", flags,
	     race.writes, race.bus);
	expect(race.writes > 20);
	expect_eq(race.lost, 0);
}

static void run_races(void)
{
	catch_bus();
	for (int pinnable = 0; pinnable < 2; pinnable++) {
		run_race(pinnable, 0);
		run_race(pinnable, AXAS_MAP_HUGE_WHOLE);
	}
}

static void test_race(void)
{
	run_races();
}

static void delay_host_faults(const char *us)
{
	if (!write_file("/sys/module/axas/parameters/host_fault_delay", us))
		skip("the module has no such pause");
}

/*
 * The same with a pause between the look at the leaf and the PTE, so that most removals meet a host
 * fault there.
 */
static void test_race_delayed(void)
{
	delay_host_faults("300");
	run_races();
	delay_host_faults("0");
}

/* Each pause of a host fault in the tests below. */
#define PAUSE_MS	300
#define PAUSE_US	"300000"

/**
 * struct actor - a thread that does one thing at its time
 * @run: what it does
 * @p: where
 * @after: milliseconds after the start. Threads are made before: that waits for host faults
 * @thread: the thread
 */
struct actor {
	void (*run)(u8 *p);
	u8 *p;
	unsigned int after;
	pthread_t thread;
};

static u64 start_ms;

static void sleep_until(unsigned int after)
{
	u64 now = now_ms();

	if (now < start_ms + after)
		sleep_ms(start_ms + after - now);
}

static void *act(void *arg)
{
	struct actor *actor = arg;

	sleep_until(actor->after);
	actor->run(actor->p);
	return NULL;
}

static void start_all(struct actor *actors, unsigned int n)
{
	delay_host_faults(PAUSE_US);
	start_ms = now_ms() + 100;
	for (unsigned int i = 0; i < n; i++)
		expect_ok(pthread_create(&actors[i].thread, NULL, act, &actors[i]));
}

static void join_all(struct actor *actors, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		pthread_join(actors[i].thread, NULL);
	delay_host_faults("0");
}

static void read_byte(u8 *p)
{
	read_signal(p);
}

static void write_byte(u8 *p)
{
	write_signal(p, 1);
}

static pthread_t start(void *(*run)(void *arg), void *arg)
{
	pthread_t thread;

	expect_ok(pthread_create(&thread, NULL, run, arg));
	return thread;
}

/* A space with one compound frame at AREA, filled. */
static int new_whole(u64 len)
{
	int fd = new_space();
	u8 page[PAGE];

	expect_ok(axas_map_alloc(fd, AREA, len, RW, AXAS_MAP_HUGE_WHOLE | AXAS_MAP_POPULATE));
	if (info(fd).leaves[1] != len / (2 * MIB))
		skip("no 2 MiB frames");
	memset(page, 7, sizeof(page));
	for (u64 at = 0; at < len; at += PAGE)
		expect_eq(axas_write(fd, AREA + at, page, PAGE), PAGE);
	return fd;
}

/*
 * A first write is two looks at the leaf: one for the page, one for its first write. If a piece of
 * the frame goes between them, the other pieces must not be mapped by one PMD.
 */
static void first_write(int (*removal)(int fd, u64 gpa, u64 len), bool is_bus)
{
	int fd = new_whole(2 * MIB);
	u8 *p = map_rw(fd, AREA, 2 * MIB), byte = 0;
	struct actor writer = { .run = write_byte, .p = p };

	/* it looks at once, and again after two pauses */
	start_all(&writer, 1);
	sleep_until(PAUSE_MS * 3 / 2);
	expect_ok(removal(fd, AREA + 5 * PAGE, PAGE));
	join_all(&writer, 1);
	expect_eq(p[0], 1);
	expect_eq(p[6 * PAGE], 7);
	if (is_bus) {
		expect_eq(write_signal(p + 5 * PAGE, 9), SIGBUS);
		return;
	}
	expect_eq(p[5 * PAGE], 0);
	p[5 * PAGE] = 9;
	expect_eq(axas_read(fd, AREA + 5 * PAGE, &byte, 1), 1);
	expect_eq(byte, 9);
}

static int make_read_only(int fd, u64 gpa, u64 len)
{
	return axas_protect(fd, gpa, len, RO);
}

static void test_first_write(void)
{
	catch_bus();
	first_write(punch, false);
	first_write(make_read_only, true);
	first_write(axas_unmap, true);
}

/*
 * A long unmap() splits the last leaf in its first piece, and zaps the mapping of it in its last
 * one. Between these, a fault finds pieces behind a PMD that still maps the whole frame: two
 * readers of that frame, of which the second has begun before the first one's PMD is there, and a
 * third one that holds the unmap up in an earlier piece.
 */
static void test_whole_and_pieces(void)
{
	int fd = new_whole(64 * MIB);
	u8 *p = map_rw(fd, AREA, 64 * MIB);
	u32 before = read_taint();
	struct actor readers[] = {
		{ .run = read_byte, .p = p + 63 * MIB },
		{ .run = read_byte, .p = p + 63 * MIB + PAGE, .after = PAUSE_MS / 6 },
		{ .run = read_byte, .p = p + 20 * MIB, .after = PAUSE_MS / 2 },
	};

	catch_bus();
	start_all(readers, ARRAY_SIZE(readers));
	sleep_until(PAUSE_MS * 2 / 3);
	expect_ok(axas_unmap(fd, AREA, 63 * MIB));
	join_all(readers, ARRAY_SIZE(readers));
	expect_eq(read_taint(), before);
	expect_eq(read_signal(p + 63 * MIB - PAGE), SIGBUS);
	expect_eq(p[63 * MIB], 7);
	expect_eq(p[64 * MIB - 1], 7);
}

/*
 * Parties that end at any moment: children that access a mapping die while their parent removes
 * memory. What they touched is free afterwards.
 */
static void die_writing(u8 *p, u32 seed)
{
	catch_bus();
	for (;;) {
		u64 at = random_u32(&seed) % 1024 * PAGE;

		write_signal(p + at, 1);
		read_signal(p + (at ^ 7 * PAGE));
		if (!(random_u32(&seed) % 64))
			madvise(p, 2 * MIB, MADV_DONTNEED);
	}
}

static void kill_round(int fd, u8 *p, u32 *seed)
{
	pid_t pids[3];

	for (int i = 0; i < 3; i++) {
		pids[i] = fork();
		expect(pids[i] >= 0);
		if (!pids[i])
			die_writing(p, *seed + i);
	}
	for (int i = 0; i < 40; i++) {
		u64 gpa = AREA + random_u32(seed) % 512 * 2 * PAGE;

		expect_ok(punch(fd, gpa, (1 + random_u32(seed) % 2) * PAGE));
		if (i == 20)
			expect_ok(axas_protect(fd, AREA, 4 * MIB, i % 2 ? RO : RW));
		if (i % 10 == 9)
			kill(pids[i / 10 % 3], SIGKILL);
	}
	for (int i = 0; i < 3; i++) {
		kill(pids[i], SIGKILL);
		expect_eq(waitpid(pids[i], NULL, 0), pids[i]);
	}
}

static void kills(bool pinnable, u32 flags)
{
	int fd = new_kind(pinnable);
	u32 seed = test_seed;
	u8 *p;

	expect_ok(axas_map_alloc(fd, AREA, 4 * MIB, RW, flags));
	p = map_rw(fd, AREA, 4 * MIB);
	for (int round = 0; round < 12; round++)
		kill_round(fd, p, &seed);
	expect_ok(axas_clear(fd));
	expect_eq(info(fd).frames, 0);
	expect_eq(read_signal(p), SIGBUS);
	munmap(p, 4 * MIB);
	close(fd);
}

static void test_kills(void)
{
	catch_bus();
	for (int pinnable = 0; pinnable < 2; pinnable++) {
		kills(pinnable, 0);
		kills(pinnable, AXAS_MAP_HUGE_WHOLE);
	}
}

/* Every order in which the pieces of compound frames go, many at once and from several threads. */
static void *take_pieces(void *arg)
{
	u32 seed = test_seed + (uintptr_t)arg * 77;

	for (int i = 0; i < 40; i++) {
		u64 page = random_u32(&seed) % 1024, n = 1 + random_u32(&seed) % 200;

		n = page + n > 1024 ? 1024 - page : n;
		write_signal(race.p + page * PAGE, 1);
		if (i % 3)
			expect_ok(punch(race.fd, AREA + page * PAGE, n * PAGE));
		else
			madvise(race.p + page * PAGE, n * PAGE, MADV_REMOVE);
	}
	return NULL;
}

static void pieces_round(void)
{
	pthread_t threads[3];

	expect_ok(axas_map_alloc(race.fd, AREA, 4 * MIB, RW, AXAS_MAP_HUGE_WHOLE));
	race.p = map_rw(race.fd, AREA, 4 * MIB);
	for (intptr_t i = 0; i < 3; i++)
		threads[i] = start(take_pieces, (void *)i);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	expect_ok(axas_unmap(race.fd, AREA, 4 * MIB));
	expect_eq(info(race.fd).frames, 0);
	munmap(race.p, 4 * MIB);
}

static void test_pieces(void)
{
	long before = 0, after;

	catch_bus();
	race.fd = new_space();
	for (int round = 0; round < 40; round++) {
		if (round == 8)
			before = meminfo("MemAvailable");
		pieces_round();
	}
	after = meminfo("MemAvailable");
	note("MemAvailable: %ld KiB less", before - after);
	/* a frame lost in each round would be 64 MiB; each CPU keeps some MiB of free frames */
	expect(before - after < 40 * 1024);
}

/* fstat() and lseek() read the size without a lock. */
static void *change_end(void *arg)
{
	while (now_ms() < race.end) {
		expect_ok(axas_map_alloc(race.fd, 2 * AREA, PAGE, RW, 0));
		expect_ok(axas_unmap(race.fd, 2 * AREA, PAGE));
	}
	return arg;
}

static void test_size(void)
{
	bool seen[2] = { false, false };
	pthread_t changer;

	race.fd = new_space();
	race.end = now_ms() + 500;
	expect_ok(axas_map_alloc(race.fd, AREA, PAGE, RW, 0));
	changer = start(change_end, NULL);
	while (now_ms() < race.end) {
		off_t size = lseek(race.fd, 0, SEEK_END);

		if (size != (off_t)(AREA + PAGE) && size != (off_t)(2 * AREA + PAGE))
			fail("a size of 0x%llx", (unsigned long long)size);
		seen[size > (off_t)(2 * AREA)] = true;
	}
	pthread_join(changer, NULL);
	expect(seen[0] && seen[1]);
}

static const struct test tests[] = {
	{ "host writes beside removals are not lost", test_race },
	{ "the same, with host faults that take their time", test_race_delayed },
	{ "a piece goes between the two looks of a first write", test_first_write },
	{ "a fault meets the PMD of a frame that is in pieces by now", test_whole_and_pieces },
	{ "processes that are killed while they access a mapping", test_kills },
	{ "the pieces of compound frames go in any order", test_pieces },
	{ "the size is one that the space had", test_size },
};

const struct suite suite_mmap_race = { "race", tests, ARRAY_SIZE(tests), false };
