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
#include <sys/mman.h>
#include <unistd.h>

/* For so long it is written and checked again. */
#define MEMORY_MS	8000

static u64 available(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[128];
	u64 kib = 0;

	expect(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			break;
	fclose(f);
	return kib << 10;
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

/* 7/8 of what is available; every second half of it asks for large pages. */
static void most_memory_keeps_its_contents(void)
{
	u64 bytes = available() / 8 * 7 / (2 * MIB) * (2 * MIB);
	u64 n = bytes / sizeof(u64), start = now_ms(), round;
	u64 *words = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	expect(words != MAP_FAILED);
	expect_ok(madvise(words, bytes / 2 / (2 * MIB) * (2 * MIB), MADV_HUGEPAGE));
	for (round = 0; round < 2 || now_ms() - start < MEMORY_MS; round++) {
		for (u64 i = 0; i < n; i++)
			words[i] = word(i, round);
		check(words, n, round);
	}
	note("%llu MiB, %llu rounds, %llu ms", bytes / MIB, round, now_ms() - start);
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
	{ "freed_memory_comes_zeroed", freed_memory_comes_zeroed },
	{ "protection_reaches_other_threads", protection_reaches_other_threads },
};

const struct suite suite_memory = { .tests = tests, .nr = ARRAY_SIZE(tests) };
