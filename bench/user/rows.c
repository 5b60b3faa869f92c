// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clock, samples and their report, and the exit when a call fails.
 *
 * A row of the report is "NAME MEAN CLEAN DIRTY": the mean cost of an operation in the clean
 * samples, the number of clean samples, the number of dirty ones. Costs are TSC counts, which
 * under QEMU's "-icount shift=0" are instructions.
 */
#include "bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <x86intrin.h>

/* What bench_begin() and bench_stop() themselves put into each sample. */
static u64 overhead;

void fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("failed: ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	exit(1);
}

int must(int ret, const char *what)
{
	if (ret < 0)
		fail("%s: %s", what, strerror(-ret));
	return ret;
}

struct bench bench_new(const char *prefix, const char *name)
{
	struct bench b = { .nr = 0 };

	snprintf(b.name, sizeof(b.name), "%s.%s", prefix, name);
	return b;
}

static long switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nvcsw + usage.ru_nivcsw;
}

static u64 now(void)
{
	u64 t;

	_mm_lfence();
	t = __rdtsc();
	_mm_lfence();
	return t;
}

/* Until a tick has just been: what begins now has all of the time to the next one. */
static void await_tick(void)
{
	struct timespec first, t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &first);
	do
		clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	while (t.tv_sec == first.tv_sec && t.tv_nsec == first.tv_nsec);
}

void bench_begin(struct bench *b)
{
	/* Samples that are nearly as long as a tick may have one each time. */
	if (b->dirty > b->nr)
		await_tick();
	b->switches = switches();
	clock_gettime(CLOCK_MONOTONIC_COARSE, &b->tick);
	b->start = now();
}

bool bench_stop(struct bench *b, u64 *cost)
{
	u64 end = now();
	struct timespec tick;

	*cost = end - b->start;
	*cost -= *cost < overhead ? *cost : overhead;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &tick);
	return tick.tv_sec == b->tick.tv_sec && tick.tv_nsec == b->tick.tv_nsec &&
	       (b->sleeps || switches() == b->switches);
}

void bench_add(struct bench *b, bool clean, u64 cost, u64 ops)
{
	if (!clean) {
		b->dirty++;
		return;
	}
	b->nr++;
	b->cost += cost;
	b->ops += ops;
}

void bench_end(struct bench *b, u64 ops)
{
	u64 cost;
	bool clean = bench_stop(b, &cost);

	bench_add(b, clean, cost, ops);
}

/* Not for ever: an operation may be longer than the time between two ticks. */
bool bench_more(const struct bench *b, unsigned int samples)
{
	return b->nr < samples && b->nr + b->dirty < 8 * samples;
}

void bench_report(const struct bench *b)
{
	if (!b->nr)
		printf("failed: %s: no clean sample of %u\n", b->name, b->dirty);
	else
		printf("%s %.3f %u %u\n", b->name, (double)b->cost / b->ops, b->nr, b->dirty);
	fflush(stdout);
}

void bench_figure(const char *prefix, const char *name, double value)
{
	printf("%s.%s %.3f 1 0\n", prefix, name, value);
	fflush(stdout);
}

/* A loop of a known number of instructions shows what the unit is. */
void bench_calibrate(void)
{
	struct bench empty = bench_new("clock", "user_empty");
	struct bench loop = bench_new("clock", "user_loop_of_1000_instructions");

	while (bench_more(&empty, SAMPLES)) {
		bench_begin(&empty);
		bench_end(&empty, 1);
	}
	overhead = empty.ops ? empty.cost / empty.ops : 0;
	while (bench_more(&loop, SAMPLES)) {
		u64 n = 500;

		bench_begin(&loop);
		asm volatile("1: dec %0\n\tjnz 1b" : "+r" (n) : : "cc");
		bench_end(&loop, 1);
	}
	bench_report(&empty);
	bench_report(&loop);
}
