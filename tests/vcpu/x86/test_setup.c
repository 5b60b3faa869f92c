// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits of the VMM's settings: initial state, registers, vectors.
 */
#include "vm.h"

static void setup_refuses_what_it_cannot(void)
{
	struct axvcpu_setup arg = { .mode = 2 };
	int space = open_space(), vcpu = open_vcpu(space, 0, 0);

	expect_eq(-axvcpu_setup(vcpu, &arg), EINVAL);
	arg.mode = AXVCPU_MODE_LONG;
	arg.cr3 = 0x1234;
	expect_eq(-axvcpu_setup(vcpu, &arg), EINVAL);
	arg.mode = AXVCPU_MODE_REAL;
	arg.cr3 = 0;
	arg.entry = MIB;
	expect_eq(-axvcpu_setup(vcpu, &arg), EINVAL);
	expect_eq(vcpu_state(vcpu).state, AXVCPU_STATE_CREATED);
}

static void registers_keep_what_is_set(void)
{
	struct vm vm = vm_new();
	struct axvcpu_regs regs, again;

	expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
	expect_eq(regs.gpr[AXVCPU_REG_RSP], VM_STACK);
	expect_eq(regs.cr3, VM_CR3);
	expect_eq(regs.efer, 0xd01);
	for (u64 i = 0; i < AXVCPU_NR_REGS; i++)
		regs.gpr[i] = i * 0x123456789;
	regs.rip = 0x4321;
	regs.rflags |= 1;
	regs.fs_base = 0x1111;
	regs.gs_base = 0x2222;
	regs.cr2 = 0x3333;
	expect_eq(axvcpu_set_regs(vm.vcpu, &regs), 0);
	expect_eq(axvcpu_get_regs(vm.vcpu, &again), 0);
	expect_eq(memcmp(&regs, &again, sizeof(regs)), 0);
	expect_eq(axvcpu_set_gpr(vm.vcpu, AXVCPU_REG_R15, 0x99), 0);
	expect_eq(axvcpu_get_regs(vm.vcpu, &again), 0);
	expect_eq(again.gpr[AXVCPU_REG_R15], 0x99);
	expect_eq(-axvcpu_set_gpr(vm.vcpu, AXVCPU_NR_REGS, 0), EINVAL);
	regs.cr0 ^= 1;
	expect_eq(-axvcpu_set_regs(vm.vcpu, &regs), EINVAL);
	regs.cr0 ^= 1;
	regs.rflags |= 1 << 17;	/* VM */
	expect_eq(-axvcpu_set_regs(vm.vcpu, &regs), EINVAL);
}

static void vectors_below_32_are_refused(void)
{
	struct vm vm = vm_new();

	expect_eq(-axvcpu_inject(vm.vcpu, 31), EINVAL);
	expect_eq(-axvcpu_inject(vm.vcpu, 256), EINVAL);
}

static const struct test tests[] = {
	{ "setup_refuses_what_it_cannot", setup_refuses_what_it_cannot },
	{ "registers_keep_what_is_set", registers_keep_what_is_set },
	{ "vectors_below_32_are_refused", vectors_below_32_are_refused },
};

const struct suite suite_setup = { .tests = tests, .nr = ARRAY_SIZE(tests) };
