// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exceptions in a guest, and faults during an interrupt's delivery.
 */
#include "vm.h"

#include <sched.h>
#include <unistd.h>

/* The page of the stack is unmapped when the CPU delivers. */
static void interrupt_survives_a_fault_in_its_delivery(void)
{
	struct vm vm = vm_new();

	map(vm.space, VM_TEST, PAGE, RW, 0);
	enter_interrupts(&vm, 1);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
	fault_in_delivery(&vm, 0x60);
	expect_eq(peek(vm.space, counter(0x60)), 0);
	map(vm.space, VM_TEST, PAGE, RW, 0);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
	expect_eq(peek(vm.space, counter(0x60)), 1);
}

/* The handler returns to the faulting instruction, so the exception repeats. */
static void expect_exception(struct vm *vm, u64 entry, u32 vector)
{
	struct runner r = { 0 };
	u64 before = peek(vm->space, counter(vector));

	vm_enter(vm, entry, VM_TEST, counter(0), 0, 0);
	runner_start(&r, vm, -1);
	wait_change(vm->space, counter(vector), before);
	runner_stop(&r);
}

/* Instructions that guests may not use raise #UD or #GP in the guest. */
static void forbidden_instructions_raise_exceptions(void)
{
	struct vm vm = vm_new();

	enter_interrupts(&vm, 1);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
	if (vm_is_svm())
		expect_exception(&vm, guest(nested_vmrun), 6);
	expect_exception(&vm, guest(ins), 13);
	expect_exception(&vm, guest(outs), 13);
	/* QEMU 7.2 ignores SVM's RDTSCP intercept. */
	if (!vm_is_svm())
		expect_exception(&vm, guest(rdtscp), 6);
	expect_exception(&vm, guest(xsetbv), 6);
	/* The guest still works. */
	vm_call(&vm, guest(read), VM_DATA, 0, 0, 0);
}

/* RDPID does not leak the host's CPU number: #UD, or 0 where SVM cannot intercept it. */
static void rdpid_does_not_tell_of_the_host(void)
{
	struct vm vm = vm_new();
	unsigned int cpu = 0;
	u64 pid;

	if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
		pin_thread(1);
	getcpu(&cpu, NULL);
	enter_interrupts(&vm, 1);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
	if (!vm_is_svm() || !cpu_has("rdpid"))
		return expect_exception(&vm, guest(rdpid), 6);
	if (!cpu)
		skip("this is CPU 0");
	expect_eq(vm_call(&vm, guest(rdpid), 0, 0, 0, 0), 0);
	/* The host's TSC_AUX is restored. Its bits from 12 on are the node. */
	asm volatile("rdpid %0" : "=r" (pid));
	expect_eq(pid & 0xfff, cpu);
}

static const struct test tests[] = {
	{ "interrupt_survives_a_fault_in_its_delivery",
	  interrupt_survives_a_fault_in_its_delivery },
	{ "forbidden_instructions_raise_exceptions", forbidden_instructions_raise_exceptions },
	{ "rdpid_does_not_tell_of_the_host", rdpid_does_not_tell_of_the_host },
};

const struct suite suite_exceptions = { .tests = tests, .nr = ARRAY_SIZE(tests) };
