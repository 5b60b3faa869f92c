/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * axas_bench.ko: declarations shared by its files.
 *
 *   bench_main.c    the module, the clock, samples and their report
 *   bench_floor.c   costs of the parts of Linux that axas uses
 *   bench_table.c   tables only: frames are numbers from a stack
 *   bench_space.c   spaces on Linux's allocator
 *   bench_shared.c  memory of another space
 *   bench_access.c  guest reads and writes by the kernel
 *   bench_file.c    areas over a file
 *   bench_size.c    cost as a function of the size of an area
 *   bench_areas.c   one page at a time, and one of many areas
 *   bench_held.c    the longest time for which one batch holds the lock and bars readers
 *   lifo_hal.c      the HAL of bench_table.c, bench_areas.c and bench_held.c
 *
 * One thread runs everything when the module is loaded. No locks.
 */
#ifndef _AXAS_BENCH_H
#define _AXAS_BENCH_H

#include <linux/jiffies.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/timekeeping.h>
#include <axas/space.h>
#ifdef CONFIG_X86
#include <asm/tsc.h>
#endif

#define BENCH_SAMPLES	16

/**
 * struct bench - samples of one operation
 * @name: name of the row
 * @cost: cost of each clean sample, in units of bench_now()
 * @ops: number of operations of each
 * @nr: number of clean samples
 * @dirty: number of samples dropped because a tick or another thread interrupted them
 * @start: start time of the current sample
 * @tick: jiffies at @start
 * @switches: context switches of this thread at @start
 * @sleeps: the operation waits for other threads, whose cost is included
 * @ticks: the operation is longer than a tick, and ticks are included
 */
struct bench {
	const char *name;
	u64 cost[BENCH_SAMPLES];
	u64 ops[BENCH_SAMPLES];
	unsigned int nr;
	unsigned int dirty;
	u64 start;
	unsigned long tick;
	unsigned long switches;
	bool sleeps;
	bool ticks;
};

#define BENCH(text)		{ .name = (text) }
#define BENCH_SLEEPS(text)	{ .name = (text), .sleeps = true }
#define BENCH_TICKS(text)	{ .name = (text), .sleeps = true, .ticks = true }

/* On x86 the TSC, which counts instructions under "-icount shift=0"; elsewhere nanoseconds. */
static inline u64 bench_now(void)
{
#ifdef CONFIG_X86
	return rdtsc_ordered();
#else
	return ktime_get_ns();
#endif
}

/* Number of context switches of this thread. */
static inline unsigned long bench_switches(void)
{
	return current->nvcsw + current->nivcsw;
}

static inline void bench_begin(struct bench *b)
{
	b->switches = bench_switches();
	b->tick = jiffies;
	b->start = bench_now();
}

/* End the sample that bench_begin() started, of @ops operations. */
void bench_end(struct bench *b, u64 ops);

/* Are more samples needed? */
bool bench_more(const struct bench *b);

void bench_report(const struct bench *b);

/* Report a figure that is not a time, such as a number of tables. */
void bench_figure(const char *name, u64 value);

/* Log that a measurement failed; loading the module will fail. */
void bench_fail(const char *what, int err);

/* For calls that are measured: a look at the result would be measured, too. */
static inline void bench_ignore(int result)
{
}

static inline struct axas_gpa_range bench_range(u64 gpa, u64 size)
{
	return axas_gpa_range(axas_gpa(gpa), size);
}

/* Create a space on @hal (NULL: Linux's), in the format of the host's CPU, else in svm's. */
struct axas_space *bench_space(const struct axas_hal *hal);

/* lifo_hal.c: provide @frames guest frames, and enough tables to map them. */
int lifo_hal_init(u64 frames);
void lifo_hal_exit(void);
extern const struct axas_hal lifo_hal;

void bench_floor(void);
void bench_table(void);
void bench_spaces(void);
void bench_shared(void);
void bench_access(void);
void bench_files(void);
void bench_size(void);
void bench_areas(void);
#ifdef CONFIG_KPROBES
void bench_held(void);
#else
static inline void bench_held(void) { }
#endif

#endif /* _AXAS_BENCH_H */
