// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts: those that the VMM injects reach the guest, those of the host reach the host.
 */
#include "vm.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#define COUNTERS	VM_DATA
#define counter(v)	(COUNTERS + 8 * (u64)(v))
#define SOFT		AXVCPU_RISCV_VECTOR_SOFT

static void enter_interrupts(struct vm *vm, u64 mode)
{
	vm_enter(vm, guest(interrupts), 0, COUNTERS, mode, 0);
}

static void injected_vectors_arrive(void)
{
	struct vm vm = vm_new(0);
	struct runner r = { 0 };

	enter_interrupts(&vm, 0);
	runner_start(&r, &vm, -1);
	for (u32 vector = 32; vector < 256; vector++) {
		expect_eq(vcpu_inject(vm.vcpu, vector), 0);
		expect_eq(wait_change(vm.space, counter(vector), 0), 1);
	}
	runner_stop(&r);
	for (u32 vector = 0; vector < 256; vector++)
		expect_eq(peek(vm.space, counter(vector)), vector >= 32);
}

/* None is lost and none comes twice, whenever it is injected. */
static void every_injection_counts(u32 vector)
{
	struct vm vm = vm_new(0);
	struct runner r = { 0 };
	u64 n = 0;

	enter_interrupts(&vm, 0);
	runner_start(&r, &vm, -1);
	for (u64 i = 0; i < 1000; i++) {
		expect_eq(vcpu_inject(vm.vcpu, vector), 0);
		n = wait_change(vm.space, counter(vector), n);
		expect_eq(n, i + 1);
	}
	runner_stop(&r);
	expect_eq(peek(vm.space, counter(vector)), 1000);
}

static void every_external_interrupt_counts(void) { every_injection_counts(0x80); }
static void every_software_interrupt_counts(void) { every_injection_counts(SOFT); }

/* While it takes none they wait; then the highest comes first, each of them once. */
static void vectors_wait_for_the_guest(void)
{
	struct vm vm = vm_new(0);
	struct runner r = { 0 };

	enter_interrupts(&vm, 2);
	expect_eq(vcpu_inject(vm.vcpu, 0x40), 0);
	expect_eq(vcpu_inject(vm.vcpu, 0x40), 0);
	expect_eq(vcpu_inject(vm.vcpu, SOFT), 0);
	runner_start(&r, &vm, -1);
	expect_eq(vcpu_inject(vm.vcpu, 0xf0), 0);
	sleep_ms(50);
	expect_eq(peek(vm.space, counter(0x40)), 0);
	expect_eq(peek(vm.space, counter(0xf0)), 0);
	expect_eq(peek(vm.space, counter(SOFT)), 0);
	poke(vm.space, counter(0), 1);
	runner_join(&r);
	expect_eq(r.exit.reason, AXVCPU_EXIT_HYPERCALL);
	enter_interrupts(&vm, 1);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
	expect_eq(peek(vm.space, counter(0x40)), 1);
	expect_eq(peek(vm.space, counter(0xf0)), 1);
	expect_eq(peek(vm.space, counter(SOFT)), 1);
}

static void interrupt_ends_wait(void)
{
	struct vm vm = vm_new(0);

	enter_interrupts(&vm, 1);
	for (u64 i = 0; i < 10; i++) {
		vm_expect(&vm, AXVCPU_EXIT_HALT);
		expect_eq(peek(vm.space, counter(0x50)), i);
		expect_eq(vcpu_inject(vm.vcpu, 0x50), 0);
	}
	vm_expect(&vm, AXVCPU_EXIT_HALT);
	expect_eq(peek(vm.space, counter(0x50)), 10);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* A guest that never exits: the timer's signal ends the call. */
static void timer_ends_a_spinning_guest(void)
{
	struct itimerval timer = { { 0, 50000 }, { 0, 50000 } };
	struct sigaction action = { .sa_handler = on_alarm };
	struct vm vm = vm_new(0);
	struct axvcpu_exit exit;
	int err;

	vm_enter(&vm, guest(spin), 0, 0, 0, 0);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (int i = 0; i < 10; i++) {
		do {
			err = vcpu_run_once(vm.vcpu, &exit);
		} while (!err && exit.reason == AXVCPU_EXIT_NOTHING);
		expect_eq(-err, EINTR);
	}
	expect(vcpu_state(vm.vcpu).exits[AXVCPU_EXIT_EXTERNAL_INTERRUPT] >= 10);
}

/* On request the host's interrupts are exits: 5 is the supervisor's timer. */
static void host_interrupts_come_out(void)
{
	struct vm vm = vm_new(AXVCPU_SETUP_EXIT_IRQ);
	bool timer = false;

	vm_enter(&vm, guest(spin), 0, 0, 0, 0);
	for (int i = 0; i < 1000 && !timer; i++) {
		struct axvcpu_exit exit = vm_expect(&vm, AXVCPU_EXIT_EXTERNAL_INTERRUPT);

		timer = exit.external_interrupt.vector == 5;
	}
	expect(timer);
}

static const struct test tests[] = {
	{ "injected_vectors_arrive", injected_vectors_arrive },
	{ "every_external_interrupt_counts", every_external_interrupt_counts },
	{ "every_software_interrupt_counts", every_software_interrupt_counts },
	{ "vectors_wait_for_the_guest", vectors_wait_for_the_guest },
	{ "interrupt_ends_wait", interrupt_ends_wait },
	{ "timer_ends_a_spinning_guest", timer_ends_a_spinning_guest },
	{ "host_interrupts_come_out", host_interrupts_come_out },
};

const struct suite suite_interrupts = { tests, ARRAY_SIZE(tests) };
