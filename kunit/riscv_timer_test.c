// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long a vCPU of RISC-V waits for its timer (vcpu/riscv/timer.h).
 */
#include "axvcpu_test.h"
#include "vcpu/riscv/timer.h"

#define HZ_QEMU		10000000u
#define HZ_SLOW		32768u
#define LONGEST		((s64)RISCV_TIMER_SECONDS * NSEC_PER_SEC)

static void past_deadlines_are_now(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, riscv_timer_ns(5, 5, HZ_QEMU), 0);
	KUNIT_EXPECT_EQ(test, riscv_timer_ns(6, 5, HZ_QEMU), 0);
	KUNIT_EXPECT_EQ(test, riscv_timer_ns(U64_MAX, 0, HZ_QEMU), 0);
}

/* Not a moment too early: the guest would be entered in vain. */
static void waits_are_rounded_up(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, riscv_timer_ns(0, 1, HZ_QEMU), 100);
	KUNIT_EXPECT_EQ(test, riscv_timer_ns(0, 1, HZ_SLOW), 30518);
	KUNIT_EXPECT_EQ(test, riscv_timer_ns(7, 7 + HZ_SLOW, HZ_SLOW), NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, riscv_timer_ns(7, 8 + HZ_SLOW, HZ_SLOW), NSEC_PER_SEC + 30518);
	KUNIT_EXPECT_EQ(test, riscv_timer_ns(0, 3, U32_MAX), 1);
}

static void long_waits_end(struct kunit *test)
{
	static const u32 hz[] = { 1, HZ_SLOW, HZ_QEMU, U32_MAX };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hz); i++) {
		u64 ticks = (u64)RISCV_TIMER_SECONDS * hz[i];

		KUNIT_EXPECT_EQ(test, riscv_timer_ns(0, U64_MAX - 1, hz[i]), LONGEST);
		KUNIT_EXPECT_EQ(test, riscv_timer_ns(0, ticks + 1, hz[i]), LONGEST);
		KUNIT_EXPECT_EQ(test, riscv_timer_ns(9, ticks + 9, hz[i]), LONGEST);
		KUNIT_EXPECT_LE(test, riscv_timer_ns(0, ticks - 1, hz[i]), LONGEST);
	}
}

static struct kunit_case riscv_timer_cases[] = {
	KUNIT_CASE(past_deadlines_are_now),
	KUNIT_CASE(waits_are_rounded_up),
	KUNIT_CASE(long_waits_end),
	{}
};

struct kunit_suite riscv_timer_suite = {
	.name		= "axvcpu_riscv_timer",
	.test_cases	= riscv_timer_cases,
};
