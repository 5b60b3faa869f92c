// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory: most of it holds what was written, while the host may work on it; threads see each
 * other's changes of the page table.
 */
#include "linux_test.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* For so long it is written and checked again. */
#define MEMORY_MS	8000

/* Linux 6.1 */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

/* The number behind @name in @path. */
static u64 value_in(const char *path, const char *name)
{
	FILE *f = fopen(path, "r");
	char line[128];
	u64 value = 0;

	expect(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name))) {
			value = strtoull(line + strlen(name), NULL, 10);
			break;
		}
	fclose(f);
	return value;
}

static u64 available(void)
{
	return value_in("/proc/meminfo", "MemAvailable:") << 10;
}

static u64 migrated(void)
{
	return value_in("/proc/vmstat", "pgmigrate_success ");
}

static u64 large_pages(void)
{
	return value_in("/proc/vmstat", "thp_fault_alloc ") +
	       value_in("/proc/vmstat", "thp_collapse_alloc ");
}

static void write_to(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	expect(f);
	fputs(text, f);
	expect_ok(fclose(f));
}

/* Linux has none with less than 512 MiB unless it is told. */
static void want_large_pages(void)
{
	write_to("/sys/kernel/mm/transparent_hugepage/enabled", "always");
}

/* Move pages together. */
static void compact(void)
{
	write_to("/proc/sys/vm/compact_memory", "1");
}

static u64 word(u64 i, u64 round)
{
	return (i + 1) * 0x9e3779b97f4a7c15ull ^ round << 56;
}

static void check(const u64 *words, u64 n, u64 round)
{
	for (u64 i = 0; i < n; i++)
		if (words[i] != word(i, round))
			fail("round %llu: word %#llx at byte %#llx is not %#llx", round, words[i],
			     8 * i, word(i, round));
}

static atomic_bool stop;

static void *mover(void *unused)
{
	(void)unused;
	while (!stop) {
		compact();
		sleep_ms(50);
	}
	return NULL;
}

/* 7/8 of what is available; half of it asks for large pages. Pages are moved meanwhile. */
static void most_memory_keeps_its_contents(void)
{
	u64 bytes, n, start = now_ms(), round, *words;
	u64 moved = migrated(), large = large_pages();
	pthread_t thread;

	want_large_pages();
	bytes = available() / 8 * 7 / (2 * MIB) * (2 * MIB);
	n = bytes / sizeof(u64);
	words = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	expect(words != MAP_FAILED);
	expect_ok(madvise(words, bytes / 2 / (2 * MIB) * (2 * MIB), MADV_HUGEPAGE));
	expect_ok(pthread_create(&thread, NULL, mover, NULL));
	for (round = 0; round < 2 || now_ms() - start < MEMORY_MS; round++) {
		for (u64 i = 0; i < n; i++)
			words[i] = word(i, round);
		check(words, n, round);
	}
	stop = true;
	expect_ok(pthread_join(thread, NULL));
	note("%llu MiB, %llu rounds, %llu ms, %llu pages moved, %llu large ones", bytes / MIB,
	     round, now_ms() - start, migrated() - moved, large_pages() - large);
	expect(large_pages() > large);
}

/* Give back every second page, and check the others and what came instead of these. */
static void make_holes(u64 *words, u64 bytes)
{
	for (u64 at = 0; at < bytes; at += 2 * PAGE)
		expect_ok(madvise((char *)words + at, PAGE, MADV_DONTNEED));
}

static void check_pages(const u64 *words, u64 bytes, u64 round)
{
	for (u64 i = 0; i < bytes / sizeof(*words); i++) {
		bool hole = !(i * sizeof(*words) / PAGE % 2);

		expect_eq(words[i], hole ? 0 : word(i, round));
	}
}

/*
 * The kernel moves what is left of memory with holes, then makes large pages of it: contents go to
 * other addresses of the guest.
 */
static void moved_pages_keep_their_contents(void)
{
	u64 bytes = 32 * MIB, moved = migrated(), large = large_pages();
	u64 *words = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int err;

	want_large_pages();
	expect(words != MAP_FAILED);
	expect_ok(madvise(words, bytes, MADV_NOHUGEPAGE));
	for (u64 i = 0; i < bytes / sizeof(*words); i++)
		words[i] = word(i, 0);
	make_holes(words, bytes);
	compact();
	check_pages(words, bytes, 0);
	expect_ok(madvise(words, bytes, MADV_HUGEPAGE));
	err = madvise(words, bytes, MADV_COLLAPSE);
	check_pages(words, bytes, 0);
	moved = migrated() - moved;
	large = large_pages() - large;
	note("%llu pages moved, %llu large ones made", moved, large);
	expect(moved || large);
	expect(err || large);
}

static void freed_memory_comes_zeroed(void)
{
	u64 bytes = available() / 2 / PAGE * PAGE;

	for (int round = 0; round < 2; round++) {
		u64 *words = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		expect(words != MAP_FAILED);
		for (u64 i = 0; i < bytes / sizeof(u64); i += 64) {
			expect_eq(words[i], 0);
			words[i] = ~i;
		}
		expect_ok(munmap(words, bytes));
	}
}

struct pair {
	atomic_ullong *page;
	atomic_ullong turn;
	atomic_bool failed;
};

static sigjmp_buf back;

static void on_fault(int sig)
{
	(void)sig;
	siglongjmp(back, 1);
}

/* True if a write faults. */
static bool is_protected(atomic_ullong *page)
{
	if (sigsetjmp(back, 1))
		return true;
	*page = 1;
	return false;
}

/* Wait for odd turns, in which the page is read-only. */
static void *writer(void *arg)
{
	struct pair *p = arg;

	for (u64 i = 1; i < 400; i += 2) {
		while (p->turn != i)
			sched_yield();
		if (!is_protected(p->page))
			p->failed = true;
		p->turn = i + 1;
	}
	return NULL;
}

/* A thread's mprotect() holds for another, which wrote the page before: its TLB was flushed. */
static void protection_reaches_other_threads(void)
{
	struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	struct pair p = { 0 };
	pthread_t thread;

	p.page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	expect(p.page != MAP_FAILED);
	expect_ok(sigaction(SIGSEGV, &action, NULL));
	expect_ok(pthread_create(&thread, NULL, writer, &p));
	for (u64 i = 0; i < 400; i += 2) {
		while (p.turn != i)
			sched_yield();
		expect_ok(mprotect((void *)p.page, PAGE, PROT_READ | PROT_WRITE));
		*p.page = i;
		expect_ok(mprotect((void *)p.page, PAGE, PROT_READ));
		p.turn = i + 1;
	}
	expect_ok(pthread_join(thread, NULL));
	expect(!p.failed);
}

static const struct test tests[] = {
	{ "most_memory_keeps_its_contents", most_memory_keeps_its_contents },
	{ "moved_pages_keep_their_contents", moved_pages_keep_their_contents },
	{ "freed_memory_comes_zeroed", freed_memory_comes_zeroed },
	{ "protection_reaches_other_threads", protection_reaches_other_threads },
};

const struct suite suite_memory = { .tests = tests, .nr = ARRAY_SIZE(tests) };
