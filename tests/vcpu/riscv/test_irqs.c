// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts specific to RISC-V: the software interrupt, and the numbers of host interrupts.
 */
#include "vm.h"

#define SOFT		AXVCPU_RISCV_VECTOR_SOFT

/* Each injected software interrupt is delivered exactly once. */
static void every_software_interrupt_counts(void)
{
	struct vm vm = vm_new();
	struct runner r = { 0 };

	enter_interrupts(&vm, 0);
	runner_start(&r, &vm, -1);
	for (u64 i = 0; i < 1000; i++) {
		expect_ok(axvcpu_inject(vm.vcpu, SOFT));
		expect_eq(wait_change(vm.space, counter(SOFT), i), i + 1);
	}
	runner_stop(&r);
	expect_eq(peek(vm.space, counter(SOFT)), 1000);
}

/* With AXVCPU_SETUP_EXIT_IRQ host interrupts exit: 5 is the supervisor timer. */
static void host_interrupts_come_out(void)
{
	struct vm vm = vm_with(AXVCPU_SETUP_EXIT_IRQ);
	bool timer = false;

	vm_enter(&vm, guest(spin), 0, 0, 0, 0);
	for (int i = 0; i < 1000 && !timer; i++) {
		struct axvcpu_exit exit = vm_expect(&vm, AXVCPU_EXIT_EXTERNAL_INTERRUPT);

		timer = exit.external_interrupt.vector == 5;
	}
	expect(timer);
}

static const struct test tests[] = {
	{ "every_software_interrupt_counts", every_software_interrupt_counts },
	{ "host_interrupts_come_out", host_interrupts_come_out },
};

const struct suite suite_irqs = { .tests = tests, .nr = ARRAY_SIZE(tests) };
