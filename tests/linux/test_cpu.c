// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CPU: vector registers over switches between threads, clocks, every vCPU at work.
 */
#include "linux_test.h"

#include <fcntl.h>
#include <linux/rtc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define THREADS		4

/* Of two threads: at most TURNS, fewer if they take longer. */
#define TURNS		2000
#define TURNS_MIN	50
#define TURNS_MS	2000

struct fpu_thread {
	pthread_t thread;
	u64 seed;
	u64 rounds;
	bool failed;
};

static atomic_bool stop;

#define REGS16	"0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15"
#define REGS32	REGS16 ", 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31"

/* Load all registers from @in, give up the CPU by sched_yield(), store them. Return their bytes. */
#if defined(__x86_64__)
#define CLOBBERED	"rax", "rcx", "r11", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", \
			"xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",	 \
			"xmm13", "xmm14", "xmm15"

static size_t over_a_switch(const u64 *in, u64 *out)
{
	if (__builtin_cpu_supports("avx")) {
		asm volatile(".irp n, " REGS16 "\n\tvmovdqu \\n * 32(%0), %%ymm\\n\n\t.endr\n\t"
			     "mov $24, %%eax\n\tsyscall\n\t"
			     ".irp n, " REGS16 "\n\tvmovdqu %%ymm\\n, \\n * 32(%1)\n\t.endr\n\t"
			     "vzeroupper" : : "r" (in), "r" (out) : CLOBBERED);
		return 16 * 32;
	}
	asm volatile(".irp n, " REGS16 "\n\tmovdqu \\n * 16(%0), %%xmm\\n\n\t.endr\n\t"
		     "mov $24, %%eax\n\tsyscall\n\t"
		     ".irp n, " REGS16 "\n\tmovdqu %%xmm\\n, \\n * 16(%1)\n\t.endr"
		     : : "r" (in), "r" (out) : CLOBBERED);
	return 16 * 16;
}
#elif defined(__aarch64__)
static size_t over_a_switch(const u64 *in, u64 *out)
{
	asm volatile(".irp n, " REGS32 "\n\tldr q\\n, [%0, #\\n * 16]\n\t.endr\n\t"
		     "mov x8, #124\n\tsvc #0\n\t"
		     ".irp n, " REGS32 "\n\tstr q\\n, [%1, #\\n * 16]\n\t.endr"
		     : : "r" (in), "r" (out)
		     : "x0", "x8", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8",
		       "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19",
		       "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30",
		       "v31");
	return 32 * 16;
}
#elif defined(__riscv)
static size_t over_a_switch(const u64 *in, u64 *out)
{
	asm volatile(".irp n, " REGS32 "\n\tfld f\\n, \\n * 8(%0)\n\t.endr\n\t"
		     "li a7, 124\n\tecall\n\t"
		     ".irp n, " REGS32 "\n\tfsd f\\n, \\n * 8(%1)\n\t.endr"
		     : : "r" (in), "r" (out)
		     : "a0", "a7", "memory", "f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8",
		       "f9", "f10", "f11", "f12", "f13", "f14", "f15", "f16", "f17", "f18", "f19",
		       "f20", "f21", "f22", "f23", "f24", "f25", "f26", "f27", "f28", "f29", "f30",
		       "f31");
	return 32 * 8;
}
#endif

static bool registers_stay(u64 seed)
{
	u64 in[64], out[64];

	for (size_t i = 0; i < ARRAY_SIZE(in); i++)
		in[i] = seed * (i + 1);
	return !memcmp(in, out, over_a_switch(in, out));
}

static void *fpu_thread(void *arg)
{
	struct fpu_thread *t = arg;

	for (; !stop && !t->failed; t->rounds++)
		t->failed = !registers_stay(t->seed + t->rounds);
	return NULL;
}

static void vector_registers_survive_switches(void)
{
	struct fpu_thread threads[THREADS] = { 0 };
	u64 rounds = 0;

	for (u64 i = 0; i < THREADS; i++) {
		threads[i].seed = (i + 1) << 40;
		expect_ok(pthread_create(&threads[i].thread, NULL, fpu_thread, &threads[i]));
	}
	sleep_ms(1500);
	stop = true;
	for (u64 i = 0; i < THREADS; i++) {
		expect_ok(pthread_join(threads[i].thread, NULL));
		expect(!threads[i].failed);
		rounds += threads[i].rounds;
	}
	note("%llu rounds", rounds);
	expect(rounds > 100);
}

/* Longest time of two readings of which the second one may be taken for the moment. */
#define GAP_MS	40

static int read_second(int rtc)
{
	struct rtc_time t;

	expect_ok(ioctl(rtc, RTC_RD_TIME, &t));
	return t.tm_sec;
}

/*
 * Milliseconds of the monotonic clock when the host's clock begins a second: between the begin of a
 * reading and the end of the next one, if there was no pause from the one to the other.
 */
static u64 next_second(int rtc, int *second)
{
	u64 before = now_ms(), between, now;
	int last = read_second(rtc);

	between = now_ms();
	for (int tries = 0; tries < 60; before = between, between = now, last = *second) {
		*second = read_second(rtc);
		now = now_ms();
		if (*second == last)
			continue;
		if (now - before <= GAP_MS)
			return now;
		tries++;
	}
	skip("the machine pauses at each second");
}

/* The CMOS clock is the host's: over four of its seconds or more our clock must agree. */
static void clock_keeps_up_with_the_hosts(void)
{
	int rtc = open("/dev/rtc0", O_RDONLY), first, last;
	u64 start, took;

	if (rtc < 0)
		skip("no /dev/rtc0");
	start = next_second(rtc, &first);
	do
		took = next_second(rtc, &last) - start;
	while ((last - first + 60) % 60 < 4);
	note("%d s of the host are %llu ms", (last - first + 60) % 60, took);
	last = (last - first + 60) % 60 * 1000;
	expect(took + 2 * GAP_MS > (u64)last && took < (u64)last + 2 * GAP_MS);
}

static void clock_never_goes_back(void)
{
	struct timespec last = { 0 }, t;

	for (int i = 0; i < 200000; i++) {
		clock_gettime(CLOCK_MONOTONIC, &t);
		expect(t.tv_sec > last.tv_sec ||
		       (t.tv_sec == last.tv_sec && t.tv_nsec >= last.tv_nsec));
		last = t;
		if (!(i % 1000))
			sched_yield();
	}
}

/* Pin to each CPU in turn, and sleep there: interrupts between CPUs, timers of each. */
static void every_cpu_works(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t set;

	for (long round = 0; round < 20; round++) {
		for (int cpu = 0; cpu < cpus; cpu++) {
			CPU_ZERO(&set);
			CPU_SET(cpu, &set);
			expect_ok(sched_setaffinity(0, sizeof(set), &set));
			usleep(1000);
			expect_eq(sched_getcpu(), cpu);
		}
	}
	note("%ld CPUs", cpus);
}

static atomic_uint turn;
static atomic_bool over;

/* The first one says when it is enough: on a busy machine each turn waits for another CPU. */
static bool enough(u32 turns, u64 start)
{
	return turns >= TURNS || (turns >= TURNS_MIN && now_ms() - start > TURNS_MS);
}

static void *pong(void *arg)
{
	u32 me = *(u32 *)arg, turns = 0;
	u64 start = now_ms();
	bool last;

	do {
		while (atomic_load(&turn) != me)
			sched_yield();
		turns++;
		if (!me && enough(turns, start))
			atomic_store(&over, true);
		last = atomic_load(&over);
		atomic_store(&turn, !me);
	} while (!last);
	if (!me)
		note("%u turns", turns);
	return NULL;
}

static void threads_take_turns(void)
{
	u32 numbers[2] = { 0, 1 };
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		expect_ok(pthread_create(&threads[i], NULL, pong, &numbers[i]));
	for (int i = 0; i < 2; i++)
		expect_ok(pthread_join(threads[i], NULL));
	expect_eq(atomic_load(&turn), 0);
}

static const struct test tests[] = {
	{ "vector_registers_survive_switches", vector_registers_survive_switches },
	{ "clock_keeps_up_with_the_hosts", clock_keeps_up_with_the_hosts },
	{ "clock_never_goes_back", clock_never_goes_back },
	{ "every_cpu_works", every_cpu_works },
	{ "threads_take_turns", threads_take_turns },
};

const struct suite suite_cpu = { .tests = tests, .nr = ARRAY_SIZE(tests) };
