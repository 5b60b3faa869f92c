// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events in flight on x86 (vcpu/x86/event.c): two events at once, an interrupt that the guest
 * has disabled, and an instruction that retires. FINDINGS G3, G5, G6.
 */
#include <asm/trapnr.h>
#include <uapi/asm/debugreg.h>
#include <uapi/asm/processor-flags.h>

#include "axvcpu_test.h"

/* Avoid a clash with axvcpu.ko's names. */
#define axvcpu_x86_retire	test_x86_retire
#define axvcpu_x86_next_rip	test_x86_next_rip
#define axvcpu_x86_raise	test_x86_raise
#define axvcpu_x86_raise_db	test_x86_raise_db
#define axvcpu_x86_raise_int1	test_x86_raise_int1
#define axvcpu_x86_interrupted	test_x86_interrupted
#define axvcpu_x86_check_event	test_x86_check_event
#define axvcpu_x86_dr6	test_x86_dr6
#define axvcpu_x86_next_vector	test_x86_next_vector
#define axvcpu_x86_halts	test_x86_halts
#include "vcpu/x86/event.c"

static struct axvcpu_x86 x86;
static struct axvcpu vcpu;

static int init(struct kunit *test)
{
	x86 = (struct axvcpu_x86){ .rflags = X86_EFLAGS_FIXED | X86_EFLAGS_IF };
	memset(&vcpu, 0, sizeof(vcpu));
	vcpu.arch = &x86;
	return 0;
}

static void interrupt(u32 type, u8 vector, u32 error)
{
	axvcpu_x86_interrupted(&x86, vector | type | X86_EVENT_VALID, error, 2);
}

static void expect_event(struct kunit *test, u32 type, u8 vector)
{
	KUNIT_EXPECT_TRUE(test, axvcpu_x86_event_valid(&x86));
	KUNIT_EXPECT_EQ(test, x86.event.info & X86_EVENT_TYPE, type);
	KUNIT_EXPECT_EQ(test, x86.event.info & X86_EVENT_VECTOR, (u32)vector);
}

/* Intel SDM vol. 3A, table 6-5: the result of exception @second during delivery of @first. */
static int both(u8 first, u8 second)
{
	static const u8 contributory[] = { X86_TRAP_DE, X86_TRAP_TS, X86_TRAP_NP, X86_TRAP_SS,
					   X86_TRAP_GP };
	bool first_bad = memchr(contributory, first, sizeof(contributory));
	bool second_bad = memchr(contributory, second, sizeof(contributory));

	if (first == X86_TRAP_DF && (second_bad || second == X86_TRAP_PF))
		return -1;
	if ((first_bad && second_bad) ||
	    (first == X86_TRAP_PF && (second_bad || second == X86_TRAP_PF)))
		return X86_TRAP_DF;
	return second;
}

static void two_exceptions_are_as_the_manual_says(struct kunit *test)
{
	u8 first, second;

	for (first = 0; first < 20; first++) {
		for (second = 0; second < 20; second++) {
			init(test);
			interrupt(X86_EVENT_EXCEPTION, first, 0);
			axvcpu_x86_raise(&vcpu, second, 5);
			KUNIT_EXPECT_EQ(test, x86.down, both(first, second) < 0);
			if (!x86.down)
				expect_event(test, X86_EVENT_EXCEPTION, both(first, second));
			if (x86.event.info & X86_EVENT_ERROR)
				KUNIT_EXPECT_EQ(test, x86.event.error,
						both(first, second) == second ? 5u : 0u);
		}
	}
}

/* G6: an interrupt whose delivery raised an exception is not lost. */
static void interrupt_waits_for_the_exception(struct kunit *test)
{
	u8 second;

	for (second = 0; second < 20; second++) {
		init(test);
		interrupt(X86_EVENT_INTR, 0x60, 0);
		if (second == X86_TRAP_DB)
			axvcpu_x86_raise_db(&vcpu, DR_STEP);
		else
			axvcpu_x86_raise(&vcpu, second, 0);
		expect_event(test, X86_EVENT_EXCEPTION, second);
		KUNIT_EXPECT_EQ(test, axvcpu_next_vector(&vcpu), 0x60);
	}
}

static void software_interrupt_comes_again_by_itself(struct kunit *test)
{
	static const u32 types[] = { X86_EVENT_INT_N, X86_EVENT_INT1, X86_EVENT_INT3 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		init(test);
		interrupt(types[i], 3, 0);
		axvcpu_x86_raise(&vcpu, X86_TRAP_AC, 0);
		expect_event(test, X86_EVENT_EXCEPTION, X86_TRAP_AC);
		KUNIT_EXPECT_EQ(test, axvcpu_next_vector(&vcpu), -ENOENT);
	}
}

static void nothing_was_interrupted(struct kunit *test)
{
	interrupt(X86_EVENT_EXCEPTION, X86_TRAP_GP, 0);
	axvcpu_x86_interrupted(&x86, X86_TRAP_GP | X86_EVENT_EXCEPTION, 0, 0);
	KUNIT_EXPECT_FALSE(test, axvcpu_x86_event_valid(&x86));
}

static void error_codes_are_for_protected_mode(struct kunit *test)
{
	u8 vector;

	for (vector = 0; vector < 20; vector++) {
		bool coded = vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;

		init(test);
		axvcpu_x86_raise(&vcpu, vector, 0x18);
		KUNIT_EXPECT_EQ(test, !!(x86.event.info & X86_EVENT_ERROR), coded);
		init(test);
		x86.real_mode = true;
		axvcpu_x86_raise(&vcpu, vector, 0x18);
		KUNIT_EXPECT_FALSE(test, x86.event.info & X86_EVENT_ERROR);
	}
}

static void faults_set_the_resume_flag(struct kunit *test)
{
	axvcpu_x86_raise(&vcpu, X86_TRAP_UD, 0);
	KUNIT_EXPECT_TRUE(test, x86.rflags & X86_EFLAGS_RF);
	init(test);
	axvcpu_x86_raise_db(&vcpu, DR_STEP);
	KUNIT_EXPECT_FALSE(test, x86.rflags & X86_EFLAGS_RF);
}

static void interrupt_waits_while_interrupts_are_off(struct kunit *test)
{
	interrupt(X86_EVENT_INTR, 0x60, 0);
	axvcpu_x86_check_event(&vcpu);
	expect_event(test, X86_EVENT_INTR, 0x60);
	x86.rflags &= ~X86_EFLAGS_IF;
	axvcpu_x86_check_event(&vcpu);
	KUNIT_EXPECT_FALSE(test, axvcpu_x86_event_valid(&x86));
	KUNIT_EXPECT_EQ(test, axvcpu_next_vector(&vcpu), 0x60);
	/* Exceptions do not depend on IF. */
	interrupt(X86_EVENT_EXCEPTION, X86_TRAP_PF, 0);
	axvcpu_x86_check_event(&vcpu);
	expect_event(test, X86_EVENT_EXCEPTION, X86_TRAP_PF);
}

/* G3: RIP, RF, the interrupt shadow and the single-step trap. */
static void instruction_retires(struct kunit *test)
{
	x86.rflags |= X86_EFLAGS_RF;
	axvcpu_x86_retire(&vcpu, 0x1234);
	KUNIT_EXPECT_EQ(test, x86.rip, 0x1234ull);
	KUNIT_EXPECT_FALSE(test, x86.rflags & X86_EFLAGS_RF);
	KUNIT_EXPECT_TRUE(test, x86.end_shadow);
	KUNIT_EXPECT_FALSE(test, axvcpu_x86_event_valid(&x86));
	x86.rflags |= X86_EFLAGS_TF;
	axvcpu_x86_retire(&vcpu, 0x1236);
	expect_event(test, X86_EVENT_EXCEPTION, X86_TRAP_DB);
	KUNIT_EXPECT_TRUE(test, axvcpu_x86_event_is_db(&x86));
	KUNIT_EXPECT_EQ(test, x86.db, (u64)DR_STEP);
	KUNIT_EXPECT_TRUE(test, x86.rflags & X86_EFLAGS_TF);
}

static void rip_wraps_outside_of_64_bit_mode(struct kunit *test)
{
	x86.rip = 0xfffffffe;
	KUNIT_EXPECT_EQ(test, axvcpu_x86_next_rip(&x86, 2, true), 0x100000000ull);
	KUNIT_EXPECT_EQ(test, axvcpu_x86_next_rip(&x86, 2, false), 0ull);
}

/* Intel SDM vol. 3B, 18.2.3. */
static void dr6_tells_the_last_cause(struct kunit *test)
{
	const u64 nothing = 0xffff0ff0;

	KUNIT_EXPECT_EQ(test, axvcpu_x86_dr6(nothing, 0), nothing);
	KUNIT_EXPECT_EQ(test, axvcpu_x86_dr6(nothing, DR_STEP), nothing | DR_STEP);
	/* Earlier breakpoints are cleared, BS stays. Bit 12 exists only in pending exceptions. */
	KUNIT_EXPECT_EQ(test, axvcpu_x86_dr6(nothing | DR_STEP | 3, BIT(12) | 4),
			nothing | DR_STEP | 4);
	/* RTM is 0 for an exception in a transaction, else 1. */
	KUNIT_EXPECT_EQ(test, axvcpu_x86_dr6(nothing, BIT(16) | 1),
			(nothing & ~BIT_ULL(16)) | 1);
	KUNIT_EXPECT_EQ(test, axvcpu_x86_dr6(nothing & ~BIT_ULL(16), 1), nothing | 1);
}

/* G5: a vector's class must exceed the task priority. */
static void task_priority_holds_vectors_off(struct kunit *test)
{
	unsigned int cr8;

	axvcpu_vector_done(&vcpu, 0x4f, true);
	for (cr8 = 0; cr8 < 16; cr8++) {
		x86.cr8 = cr8;
		KUNIT_EXPECT_EQ(test, axvcpu_x86_next_vector(&vcpu), cr8 < 4 ? 0x4f : -ENOENT);
		KUNIT_EXPECT_EQ(test, axvcpu_x86_halts(&vcpu), cr8 >= 4);
	}
	x86.cr8 = 0;
	x86.rflags &= ~X86_EFLAGS_IF;
	KUNIT_EXPECT_TRUE(test, axvcpu_x86_halts(&vcpu));
	axvcpu_x86_raise_db(&vcpu, DR_STEP);
	KUNIT_EXPECT_FALSE(test, axvcpu_x86_halts(&vcpu));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(two_exceptions_are_as_the_manual_says),
	KUNIT_CASE(interrupt_waits_for_the_exception),
	KUNIT_CASE(software_interrupt_comes_again_by_itself),
	KUNIT_CASE(nothing_was_interrupted),
	KUNIT_CASE(error_codes_are_for_protected_mode),
	KUNIT_CASE(faults_set_the_resume_flag),
	KUNIT_CASE(interrupt_waits_while_interrupts_are_off),
	KUNIT_CASE(instruction_retires),
	KUNIT_CASE(rip_wraps_outside_of_64_bit_mode),
	KUNIT_CASE(dr6_tells_the_last_cause),
	KUNIT_CASE(task_priority_holds_vectors_off),
	{}
};

struct kunit_suite x86_event_suite = {
	.name = "axvcpu-x86-event",
	.init = init,
	.test_cases = cases,
};
