// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMIDs by generation (vcpu/arm64/vmid.c; S4): no two spaces share a VMID at one time on any
 * CPUs, and no space hits translations of another in a TLB.
 */
#include <linux/prandom.h>

#include "axvcpu_test.h"

/* The names are axvcpu.ko's on arm64; avoid a clash there. */
#define arm64_vmids_init	test_vmids_init
#define arm64_vmids_exit	test_vmids_exit
#define arm64_vmid_enter	test_vmid_enter
#define arm64_vmid_leave	test_vmid_leave
#include "vcpu/arm64/vmid.c"

#define CPUS	6
#define BITS	4
#define NUMBERS	BIT(BITS)
#define SPACES	40

static struct arm64_vmids vmids;
static atomic64_t ids[SPACES];
static unsigned int forgets;

/*
 * Model of the CPUs' TLBs: the space whose translations a VMID has, or -1; and the space that
 * each CPU runs.
 */
static int tlb[CPUS][NUMBERS];
static int runs[CPUS];

static void forget(void)
{
	forgets++;
	memset(tlb, -1, sizeof(tlb));
}

static int init(struct kunit *test)
{
	forgets = 0;
	forget();
	memset(runs, -1, sizeof(runs));
	memset(ids, 0, sizeof(ids));
	forgets = 0;
	return arm64_vmids_init(&vmids, BITS, CPUS, forget);
}

static void finish(struct kunit *test)
{
	arm64_vmids_exit(&vmids);
}

/* The guest of @space runs on @cpu: its translations get into the TLB. */
static unsigned int enter(struct kunit *test, unsigned int cpu, unsigned int space)
{
	unsigned int number = arm64_vmid_enter(&vmids, cpu, &ids[space]);
	unsigned int other;

	KUNIT_ASSERT_NE(test, number, 0);
	KUNIT_ASSERT_LT(test, (u64)number, (u64)NUMBERS);
	KUNIT_EXPECT_EQ(test, arm64_vmid_number(&vmids, &ids[space]), number);
	runs[cpu] = space;
	for (other = 0; other < CPUS; other++) {
		if (runs[other] < 0 || runs[other] == space)
			continue;
		KUNIT_EXPECT_NE(test, arm64_vmid_number(&vmids, &ids[runs[other]]), number);
	}
	KUNIT_EXPECT_TRUE(test, tlb[cpu][number] == -1 || tlb[cpu][number] == space);
	tlb[cpu][number] = space;
	return number;
}

/* The guest ran until now, and filled the TLB under the VMID it entered with. */
static void leave(struct kunit *test, unsigned int cpu, unsigned int number)
{
	tlb[cpu][number] = runs[cpu];
	runs[cpu] = -1;
	arm64_vmid_leave(&vmids, cpu);
}

static unsigned int visit(struct kunit *test, unsigned int cpu, unsigned int space)
{
	unsigned int number = enter(test, cpu, space);

	leave(test, cpu, number);
	return number;
}

static void a_space_keeps_its_number(struct kunit *test)
{
	unsigned int number = visit(test, 0, 0), i;

	for (i = 1; i < NUMBERS - 1; i++)
		visit(test, i % CPUS, i);
	KUNIT_EXPECT_EQ(test, visit(test, 1, 0), number);
	KUNIT_EXPECT_EQ(test, forgets, 0);
}

/* Two vCPUs of one space, concurrently and on any CPUs. */
static void siblings_have_one_number(struct kunit *test)
{
	unsigned int number = enter(test, 0, 3);

	KUNIT_EXPECT_EQ(test, enter(test, 1, 3), number);
	leave(test, 0, number);
	KUNIT_EXPECT_EQ(test, enter(test, 2, 3), number);
}

static void the_number_after_the_last_forgets_all(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < NUMBERS - 1; i++)
		visit(test, 0, i);
	KUNIT_EXPECT_EQ(test, forgets, 0);
	visit(test, 0, NUMBERS - 1);
	KUNIT_EXPECT_EQ(test, forgets, 1);
	/* The rollover freed all VMIDs: earlier spaces come back without another rollover. */
	for (i = 0; i < NUMBERS - 2; i++)
		visit(test, 1, i);
	KUNIT_EXPECT_EQ(test, forgets, 1);
}

static void give_all_away(struct kunit *test, unsigned int cpu)
{
	unsigned int now = forgets, i;

	for (i = 0; i < SPACES / 2 && forgets == now; i++)
		visit(test, cpu, SPACES / 2 + i);
	KUNIT_ASSERT_NE(test, forgets, now);
}

/* A guest that runs through rollovers keeps its VMID, and no other space gets it. */
static void running_guests_keep_their_numbers(struct kunit *test)
{
	unsigned int number[CPUS - 1], cpu, round;

	for (cpu = 0; cpu < CPUS - 1; cpu++)
		number[cpu] = enter(test, cpu, cpu);
	for (round = 0; round < 5; round++)
		give_all_away(test, CPUS - 1);
	KUNIT_EXPECT_EQ(test, forgets, 5);
	for (cpu = 0; cpu < CPUS - 1; cpu++) {
		leave(test, cpu, number[cpu]);
		KUNIT_EXPECT_EQ(test, enter(test, cpu, cpu), number[cpu]);
	}
}

/* A sibling that enters after the rollover gets the VMID still in use. */
static void siblings_meet_again_after_a_rollover(struct kunit *test)
{
	unsigned int number = enter(test, 0, 0);

	give_all_away(test, 1);
	KUNIT_EXPECT_EQ(test, enter(test, 2, 0), number);
	give_all_away(test, 1);
	give_all_away(test, 1);
	KUNIT_EXPECT_EQ(test, enter(test, 3, 0), number);
	leave(test, 0, number);
	leave(test, 2, number);
	KUNIT_EXPECT_EQ(test, enter(test, 0, 0), number);
}

/* A VMID in use at one rollover and not at the next is free. */
static void reserved_numbers_are_given_back(struct kunit *test)
{
	unsigned int cpu, used = 0, i;

	for (cpu = 0; cpu < CPUS; cpu++)
		enter(test, cpu, cpu);
	leave(test, 0, arm64_vmid_number(&vmids, &ids[0]));
	give_all_away(test, 0);
	for (cpu = 1; cpu < CPUS; cpu++)
		leave(test, cpu, arm64_vmid_number(&vmids, &ids[cpu]));
	give_all_away(test, 0);
	for (i = 1; i < NUMBERS; i++)
		used += test_bit(i, vmids.used);
	KUNIT_EXPECT_EQ(test, used, 1);
}

/*
 * A space has VMID 2, then 3, then 2 again: by then a vCPU of it that ran with the first must not
 * take the last for it. Who flushes may still read 3.
 */
static void a_number_that_comes_back_is_new(struct kunit *test)
{
	u64 last = 0;

	KUNIT_EXPECT_EQ(test, visit(test, 0, 1), 1);
	KUNIT_EXPECT_EQ(test, visit(test, 0, 0), 2);
	KUNIT_EXPECT_TRUE(test, arm64_vmid_is_new(&ids[0], &last));
	KUNIT_EXPECT_FALSE(test, arm64_vmid_is_new(&ids[0], &last));
	KUNIT_EXPECT_EQ(test, visit(test, 0, 2), 3);
	give_all_away(test, 1);
	KUNIT_EXPECT_EQ(test, visit(test, 0, 3), 2);
	KUNIT_EXPECT_EQ(test, visit(test, 0, 0), 3);
	give_all_away(test, 1);
	KUNIT_EXPECT_EQ(test, visit(test, 0, 2), 3);
	KUNIT_EXPECT_EQ(test, visit(test, 0, 0), 2);
	KUNIT_EXPECT_TRUE(test, arm64_vmid_is_new(&ids[0], &last));
}

static void ten_thousand_spaces_fit(struct kunit *test)
{
	unsigned int i, nr = 10000;
	atomic64_t *many = kunit_kcalloc(test, nr, sizeof(*many), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, many);
	for (i = 0; i < nr; i++) {
		KUNIT_EXPECT_NE(test, arm64_vmid_enter(&vmids, i % CPUS, &many[i]), 0);
		arm64_vmid_leave(&vmids, i % CPUS);
	}
	KUNIT_EXPECT_EQ(test, forgets, (nr - 1) / (NUMBERS - 1));
}

/* Enter and leave on random CPUs with random spaces. */
static void random_runs(struct kunit *test)
{
	unsigned int number[CPUS] = {}, step, cpu, entered = 0;
	struct rnd_state rnd;

	prandom_seed_state(&rnd, 4711);
	for (step = 0; step < 200000; step++) {
		cpu = prandom_u32_state(&rnd) % CPUS;
		if (runs[cpu] >= 0) {
			leave(test, cpu, number[cpu]);
			continue;
		}
		number[cpu] = enter(test, cpu, prandom_u32_state(&rnd) % SPACES);
		entered++;
	}
	KUNIT_EXPECT_GT(test, forgets, 1000);
	kunit_info(test, "%u entries, %u rollovers\n", entered, forgets);
}

static void more_cpus_than_numbers_are_refused(struct kunit *test)
{
	struct arm64_vmids few;

	KUNIT_EXPECT_EQ(test, arm64_vmids_init(&few, 3, 7, forget), -EINVAL);
	KUNIT_ASSERT_EQ(test, arm64_vmids_init(&few, 3, 6, forget), 0);
	arm64_vmids_exit(&few);
}

/* vCPUs 1 and 2 are siblings in space 5; vCPU 3 is in a space that shares their slot. */
static void a_vcpu_forgets_after_a_sibling(struct kunit *test)
{
	struct arm64_ran *ran = kunit_kzalloc(test, sizeof(*ran), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ran);
	KUNIT_EXPECT_TRUE(test, arm64_ran_another(ran, 5, 1));
	KUNIT_EXPECT_FALSE(test, arm64_ran_another(ran, 5, 1));
	KUNIT_EXPECT_TRUE(test, arm64_ran_another(ran, 6, 4));
	KUNIT_EXPECT_FALSE(test, arm64_ran_another(ran, 5, 1));
	KUNIT_EXPECT_TRUE(test, arm64_ran_another(ran, 5, 2));
	KUNIT_EXPECT_TRUE(test, arm64_ran_another(ran, 5, 1));
	/* A collision of slots may flush without need, but never omits a flush. */
	KUNIT_EXPECT_TRUE(test, arm64_ran_another(ran, 5 + ARM64_RAN_SLOTS, 3));
	KUNIT_EXPECT_TRUE(test, arm64_ran_another(ran, 5, 1));
}

static struct kunit_case arm64_vmid_cases[] = {
	KUNIT_CASE(a_space_keeps_its_number),
	KUNIT_CASE(siblings_have_one_number),
	KUNIT_CASE(the_number_after_the_last_forgets_all),
	KUNIT_CASE(running_guests_keep_their_numbers),
	KUNIT_CASE(siblings_meet_again_after_a_rollover),
	KUNIT_CASE(reserved_numbers_are_given_back),
	KUNIT_CASE(a_number_that_comes_back_is_new),
	KUNIT_CASE(ten_thousand_spaces_fit),
	KUNIT_CASE(random_runs),
	KUNIT_CASE(more_cpus_than_numbers_are_refused),
	KUNIT_CASE(a_vcpu_forgets_after_a_sibling),
	{}
};

struct kunit_suite arm64_vmid_suite = {
	.name		= "axvcpu_arm64_vmid",
	.init		= init,
	.exit		= finish,
	.test_cases	= arm64_vmid_cases,
};
