// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMIDs of vCPUs on each CPU of RISC-V (vcpu/riscv/vmid.h).
 */
#include "axvcpu_test.h"
#include "vcpu/riscv/vmid.h"

#define BITS		3
#define NR		(BIT(BITS) - 1)
#define VCPUS		20

static struct riscv_vmids cpus[2];
static struct riscv_vmid vcpus[VCPUS];

static int init(struct kunit *test)
{
	memset(cpus, 0, sizeof(cpus));
	memset(vcpus, 0, sizeof(vcpus));
	return 0;
}

static void enable(unsigned int bits)
{
	riscv_vmid_begin_again(&cpus[0], bits);
	riscv_vmid_begin_again(&cpus[1], bits);
}

static void each_has_its_own(struct kunit *test)
{
	unsigned int i;

	enable(BITS);
	for (i = 0; i < NR; i++) {
		KUNIT_EXPECT_FALSE(test, riscv_vmid_holds(&vcpus[i], &cpus[0]));
		riscv_vmid_take(&vcpus[i], &cpus[0], BITS);
		KUNIT_EXPECT_EQ(test, vcpus[i].val, i + 1);
	}
	for (i = 0; i < NR; i++)
		KUNIT_EXPECT_TRUE(test, riscv_vmid_holds(&vcpus[i], &cpus[0]));
}

/* S4's kind: with more vCPUs than VMIDs, no two hold the same one. */
static void none_is_two_vcpus(struct kunit *test)
{
	unsigned int step, i, j;
	u32 random = 1;

	enable(BITS);
	for (step = 0; step < 10000; step++) {
		random = random * 1664525 + 1013904223;
		i = (random >> 16) % VCPUS;
		if (!riscv_vmid_holds(&vcpus[i], &cpus[0]))
			riscv_vmid_take(&vcpus[i], &cpus[0], BITS);
		KUNIT_ASSERT_TRUE(test, riscv_vmid_holds(&vcpus[i], &cpus[0]));
		KUNIT_ASSERT_TRUE(test, vcpus[i].val >= 1 && vcpus[i].val <= NR);
		for (j = 0; j < VCPUS; j++)
			if (j != i && riscv_vmid_holds(&vcpus[j], &cpus[0]))
				KUNIT_ASSERT_NE(test, vcpus[i].val, vcpus[j].val);
	}
}

/* S7: a vCPU back on a CPU takes a new VMID: its old one may have stale translations there. */
static void who_comes_back_to_a_cpu_takes_another(struct kunit *test)
{
	unsigned int first;

	enable(BITS);
	riscv_vmid_take(&vcpus[0], &cpus[0], BITS);
	first = vcpus[0].val;
	KUNIT_EXPECT_FALSE(test, riscv_vmid_holds(&vcpus[0], &cpus[1]));
	riscv_vmid_take(&vcpus[0], &cpus[1], BITS);
	KUNIT_EXPECT_FALSE(test, riscv_vmid_holds(&vcpus[0], &cpus[0]));
	riscv_vmid_take(&vcpus[0], &cpus[0], BITS);
	KUNIT_EXPECT_NE(test, vcpus[0].val, first);
}

static void without_vmids_each_change_is_one(struct kunit *test)
{
	enable(0);
	riscv_vmid_take(&vcpus[0], &cpus[0], 0);
	KUNIT_EXPECT_EQ(test, vcpus[0].val, 0);
	KUNIT_EXPECT_TRUE(test, riscv_vmid_holds(&vcpus[0], &cpus[0]));
	riscv_vmid_take(&vcpus[1], &cpus[0], 0);
	KUNIT_EXPECT_EQ(test, vcpus[1].val, 0);
	KUNIT_EXPECT_FALSE(test, riscv_vmid_holds(&vcpus[0], &cpus[0]));
	riscv_vmid_take(&vcpus[0], &cpus[0], 0);
	KUNIT_EXPECT_FALSE(test, riscv_vmid_holds(&vcpus[1], &cpus[0]));
}

/* A CPU that was enabled again may have stale translations, and holds no VMID. */
static void none_holds_over_a_beginning(struct kunit *test)
{
	enable(BITS);
	riscv_vmid_take(&vcpus[0], &cpus[0], BITS);
	riscv_vmid_take(&vcpus[1], &cpus[1], BITS);
	riscv_vmid_begin_again(&cpus[0], BITS);
	KUNIT_EXPECT_FALSE(test, riscv_vmid_holds(&vcpus[0], &cpus[0]));
	KUNIT_EXPECT_TRUE(test, riscv_vmid_holds(&vcpus[1], &cpus[1]));
}

static struct kunit_case riscv_vmid_cases[] = {
	KUNIT_CASE(each_has_its_own),
	KUNIT_CASE(none_is_two_vcpus),
	KUNIT_CASE(who_comes_back_to_a_cpu_takes_another),
	KUNIT_CASE(without_vmids_each_change_is_one),
	KUNIT_CASE(none_holds_over_a_beginning),
	{}
};

struct kunit_suite riscv_vmid_suite = {
	.name		= "axvcpu_riscv_vmid",
	.init		= init,
	.test_cases	= riscv_vmid_cases,
};
