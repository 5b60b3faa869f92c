// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits by which a guest calls its VMM: halt and hypercall.
 */
#include "vm.h"

static void halt_comes_out(void)
{
	struct vm vm = vm_new();
	struct axvcpu_exit exit = vm_expect(&vm, AXVCPU_EXIT_HALT);

	expect_eq(exit.rip, guest(halt) + ARCH_HALT_SIZE);
	vm_done(&vm);
	expect_eq(vcpu_state(vm.vcpu).state, AXVCPU_STATE_FREE);
}

static void hypercall_comes_out_and_is_answered(void)
{
	struct vm vm = vm_new();
	struct axvcpu_exit exit;

	vm_enter(&vm, guest(hypercall), 0, 0, 0, 0);
	exit = vm_expect(&vm, AXVCPU_EXIT_HYPERCALL);
	expect_eq(exit.hypercall.nr, ARCH_HYPERCALL);
	for (u64 i = 0; i < 6; i++)
		expect_eq(exit.hypercall.args[i], i + 1);
	expect_ok(axvcpu_set_return(vm.vcpu, 0xfeedfacecafebeef));
	expect_eq(vm_done(&vm), 0xfeedfacecafebeef);
}

static const struct test tests[] = {
	{ "halt_comes_out", halt_comes_out },
	{ "hypercall_comes_out_and_is_answered", hypercall_comes_out_and_is_answered },
};

const struct suite suite_calls = { .tests = tests, .nr = ARRAY_SIZE(tests) };
