/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's timer, and the length of its waits. Hardware independent. Calls no other file. */
#ifndef _AXVCPU_RISCV_TIMER_H
#define _AXVCPU_RISCV_TIMER_H

#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/minmax.h>

#define RISCV_TIMER_NEVER	U64_MAX

/* Longest wait: a vCPU that wakes up early waits again. */
#define RISCV_TIMER_SECONDS	3600u

/**
 * struct riscv_timer - the timer of a vCPU
 * @on: the guest has it
 * @by_cpu: the CPU compares (Sstc)
 * @compare: the interrupt is pending from this time on; with @by_cpu, while not loaded
 * @armed: the value of @compare for which @hrtimer was started
 * @hrtimer: without @by_cpu: ends the stay in the guest
 */
struct riscv_timer {
	bool on;
	bool by_cpu;
	u64 compare;
	u64 armed;
	struct hrtimer hrtimer;
};

/* Nanoseconds from @now until @compare, rounded up, at most RISCV_TIMER_SECONDS. */
static inline s64 riscv_timer_ns(u64 now, u64 compare, u32 hz)
{
	u64 ticks = compare > now ? compare - now : 0;

	ticks = min_t(u64, ticks, (u64)RISCV_TIMER_SECONDS * hz);
	return ticks / hz * NSEC_PER_SEC + DIV_ROUND_UP_ULL(ticks % hz * NSEC_PER_SEC, hz);
}

#endif /* _AXVCPU_RISCV_TIMER_H */
