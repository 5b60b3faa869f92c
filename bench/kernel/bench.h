/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * axas_bench.ko: what its files share.
 *
 *   bench_main.c    the module, the clock, samples and their report
 *   bench_floor.c   what Linux's own parts cost, without us
 *   bench_table.c   tables alone: frames are numbers from a stack
 *   bench_space.c   spaces on Linux's allocator
 *   bench_access.c  guest reads and writes by the kernel
 *   bench_size.c    cost against the size of a space
 *   bench_areas.c   one page at a time, and one of many areas
 *   bench_held.c    the longest that one piece of work keeps everybody out
 *   lifo_hal.c      the HAL of bench_table.c, bench_areas.c and bench_held.c
 *
 * One thread runs all of it when the module is loaded. No locks.
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
 * @name: of the row
 * @cost: of each sample, in units of bench_now()
 * @ops: how many operations it had
 * @nr: how many are clean
 * @dirty: how many were thrown away: a tick or another thread was part of them
 * @start: when the one that is being taken began
 * @tick: jiffies then
 * @switches: context switches of this thread until then
 * @sleeps: the operation waits for other threads, and they are part of its cost
 * @ticks: it is longer than the time between two ticks, and they are, too
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

/* Under "-icount shift=0" the TSC counts instructions. Elsewhere it is nanoseconds. */
static inline u64 bench_now(void)
{
#ifdef CONFIG_X86
	return rdtsc_ordered();
#else
	return ktime_get_ns();
#endif
}

/* How often this thread has left its CPU to another. */
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

/* Take a sample of @ops operations, which began with bench_begin(). */
void bench_end(struct bench *b, u64 ops);

/* Whether more samples are wanted. */
bool bench_more(const struct bench *b);

void bench_report(const struct bench *b);

/* Print a figure that is not a time, such as a number of tables. */
void bench_figure(const char *name, u64 value);

/* Something could not be measured: the module says so and does not load. */
void bench_fail(const char *what, int err);

static inline struct axas_gpa_range bench_range(u64 gpa, u64 size)
{
	return axas_gpa_range(axas_gpa(gpa), size);
}

/* A space on @hal (NULL: Linux's), in the format of the host's CPU, or in svm's. */
struct axas_space *bench_space(const struct axas_hal *hal);

/* lifo_hal.c: @frames guest frames, and tables enough to map them. */
int lifo_hal_init(u64 frames);
void lifo_hal_exit(void);
extern const struct axas_hal lifo_hal;

void bench_floor(void);
void bench_table(void);
void bench_spaces(void);
void bench_access(void);
void bench_size(void);
void bench_areas(void);
#ifdef CONFIG_KPROBES
void bench_held(void);
#else
static inline void bench_held(void) { }
#endif

#endif /* _AXAS_BENCH_H */
