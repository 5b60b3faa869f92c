// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts: injected ones reach the guest, the host's reach the host; kicks and signals.
 */
#include "vm.h"

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

static void injected_vectors_arrive(void)
{
	struct vm vm = vm_new();
	struct runner r = { 0 };

	enter_interrupts(&vm, 0);
	runner_start(&r, &vm, -1);
	for (u32 vector = 32; vector < 256; vector++) {
		expect_eq(axvcpu_inject(vm.vcpu, vector), 0);
		expect_eq(wait_change(vm.space, counter(vector), 0), 1);
	}
	runner_stop(&r);
	for (u32 vector = 0; vector < 256; vector++)
		expect_eq(peek(vm.space, counter(vector)), vector >= 32);
}

/* Each injected interrupt is delivered exactly once. */
static void every_injection_counts(void)
{
	struct vm vm = vm_new();
	struct runner r = { 0 };
	u64 n = 0;

	enter_interrupts(&vm, 0);
	runner_start(&r, &vm, -1);
	for (int i = 0; i < 2000; i++) {
		expect_eq(axvcpu_inject(vm.vcpu, 0x80), 0);
		n = wait_change(vm.space, counter(0x80), n);
		expect_eq(n, i + 1);
	}
	runner_stop(&r);
	expect_eq(peek(vm.space, counter(0x80)), 2000);
}

/* Vectors stay pending while the guest masks interrupts; then each comes once, highest first. */
static void vectors_wait_for_the_guest(void)
{
	static const u32 waiting[] = ARCH_WAITING_VECTORS;
	size_t at_once = ARCH_TAKEN_AT_ONCE;
	struct vm vm = vm_new();
	struct runner r = { 0 };

	enter_interrupts(&vm, 2);
	for (size_t i = 1; i < ARRAY_SIZE(waiting); i++) {
		expect_eq(axvcpu_inject(vm.vcpu, waiting[i]), 0);
		expect_eq(axvcpu_inject(vm.vcpu, waiting[i]), 0);
	}
	runner_start(&r, &vm, -1);
	expect_eq(axvcpu_inject(vm.vcpu, waiting[0]), 0);
	sleep_ms(50);
	for (size_t i = 0; i < ARRAY_SIZE(waiting); i++)
		expect_eq(peek(vm.space, counter(waiting[i])), 0);
	poke(vm.space, counter(0), 1);
	runner_join(&r);
	expect_end(&vm, &r.exit);
	for (size_t i = 0; i < at_once; i++)
		expect_eq(peek(vm.space, counter(waiting[i])), 1);
	enter_interrupts(&vm, 1);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
	for (size_t i = 0; i < ARRAY_SIZE(waiting); i++)
		expect_eq(peek(vm.space, counter(waiting[i])), 1);
}

static void interrupt_ends_halt(void)
{
	struct vm vm = vm_new();

	enter_interrupts(&vm, 1);
	for (u64 i = 0; i < 10; i++) {
		vm_expect(&vm, AXVCPU_EXIT_HALT);
		expect_eq(peek(vm.space, counter(0x50)), i);
		expect_eq(axvcpu_inject(vm.vcpu, 0x50), 0);
	}
	vm_expect(&vm, AXVCPU_EXIT_HALT);
	expect_eq(peek(vm.space, counter(0x50)), 10);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* A guest that never exits: a timer signal ends AXVCPU_RUN. */
static void timer_ends_a_spinning_guest(void)
{
	struct itimerval timer = { { 0, 50000 }, { 0, 50000 } };
	struct sigaction action = { .sa_handler = on_alarm };
	struct vm vm = vm_new();
	struct axvcpu_exit exit;
	u64 start;
	int err;

	vm_enter(&vm, guest(spin), 0, 0, 0, 0);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (int i = 0; i < 10; i++) {
		start = now_ms();
		do {
			err = axvcpu_run(vm.vcpu, &exit);
		} while (!err && exit.reason == AXVCPU_EXIT_NOTHING);
		expect_eq(-err, EINTR);
		expect(now_ms() - start < 2000);
	}
	expect(vcpu_state(vm.vcpu).exits[AXVCPU_EXIT_EXTERNAL_INTERRUPT] >= 10);
}

static int kicked;

static void kick_handler(int sig)
{
	(void)sig;
	axvcpu_kick(kicked);
}

/* G13: a signal just before AXVCPU_RUN still ends the run if its handler kicks the vCPU. */
static void kick_just_before_a_run_ends_it(void)
{
	struct sigaction action = { .sa_handler = kick_handler };
	struct vm vm = vm_new();
	struct axvcpu_exit exit;
	u64 entries;

	vm_enter(&vm, guest(spin), 0, 0, 0, 0);
	sigaction(SIGUSR1, &action, NULL);
	kicked = vm.vcpu;
	for (int i = 0; i < 5; i++) {
		entries = vcpu_state(vm.vcpu).entries;
		raise(SIGUSR1);
		expect_eq(-axvcpu_run(vm.vcpu, &exit), EINTR);
		/* The guest was not entered. */
		expect_eq(vcpu_state(vm.vcpu).entries, entries);
	}
	/* Kicks coalesce, and end one run only. */
	expect_eq(axvcpu_kick(vm.vcpu), 0);
	expect_eq(axvcpu_kick(vm.vcpu), 0);
	vm_enter(&vm, guest(halt), 0, 0, 0, 0);
	expect_eq(-axvcpu_run(vm.vcpu, &exit), EINTR);
	/* Host interrupts end a run with AXVCPU_EXIT_NOTHING. */
	do
		expect_eq(axvcpu_run(vm.vcpu, &exit), 0);
	while (exit.reason == AXVCPU_EXIT_NOTHING);
	expect_eq(exit.reason, AXVCPU_EXIT_HALT);
}

/* G13: a kick without a signal ends the run of a guest that never exits. */
static void kick_ends_a_run(void)
{
	struct vm vm = vm_new();
	struct runner r = { 0 };
	struct axvcpu_exit exit;

	map(vm.space, VM_TEST, 2 * MIB, RW, 0);
	for (int i = 0; i < 20; i++) {
		vm_enter(&vm, guest(stores), VM_TEST, VM_TEST + 8, 0, 0);
		runner_start(&r, &vm, -1);
		wait_change(vm.space, VM_TEST + 8, peek(vm.space, VM_TEST + 8));
		atomic_store(&r.stop, true);
		expect_eq(axvcpu_kick(vm.vcpu), 0);
		runner_join(&r);
		/* If a host interrupt ended the run just before the kick, the next run takes it. */
		exit = r.exit;
		while (!r.err) {
			expect_eq(exit.reason, AXVCPU_EXIT_NOTHING);
			r.err = axvcpu_run(vm.vcpu, &exit);
		}
		expect_eq(-r.err, EINTR);
	}
}

static void host_interrupts_come_out_when_asked_for(void)
{
	struct vm vm = vm_with(AXVCPU_SETUP_EXIT_IRQ);
	struct axvcpu_exit exit;
	u64 known = 0;

	vm_enter(&vm, guest(spin), 0, 0, 0, 0);
	for (int i = 0; i < 50; i++) {
		exit = vm_expect(&vm, AXVCPU_EXIT_EXTERNAL_INTERRUPT);
		expect_eq(exit.rip, guest(spin));
		expect(exit.external_interrupt.vector < 256);
		known += exit.external_interrupt.vector >= ARCH_HOST_VECTOR_MIN;
	}
	/* An interrupt that is gone when the host reads its number has vector 0. */
	expect(known >= 40);
	note("50 interrupts, %llu of them with a vector, the last %llu", known,
	     (u64)exit.external_interrupt.vector);
}

/* A thread on the same CPU as a spinning guest makes progress. */
static void host_work_goes_on(void)
{
	struct vm vm = vm_new();
	struct runner r = { 0 };
	u64 end, rounds = 0;

	vm_enter(&vm, guest(spin), 0, 0, 0, 0);
	pin_thread(0);
	runner_start(&r, &vm, 0);
	for (end = now_ms() + 1000; now_ms() < end; rounds++)
		;
	runner_stop(&r);
	expect(rounds > 1000);
}

static bool is_blocked(int vcpu)
{
	for (u64 end = now_ms() + 20000; now_ms() < end; usleep(100))
		if (vcpu_state(vcpu).state == AXVCPU_STATE_BLOCKED)
			return true;
	return false;
}

/* AXVCPU_SETUP_BLOCK: HLT or WFI waits inside of AXVCPU_RUN until an interrupt comes. */
static void blocked_halt_ends_by_an_interrupt(void)
{
	struct vm vm = vm_with(AXVCPU_SETUP_BLOCK);
	struct runner r = { 0 };

	enter_interrupts(&vm, 1);
	runner_start(&r, &vm, -1);
	for (u64 i = 0; i < 200; i++) {
		/* At any time: before the halt, within it, after it. */
		if (i % 4 == 0)
			expect(is_blocked(vm.vcpu));
		expect_eq(axvcpu_inject(vm.vcpu, 0x50), 0);
		expect_eq(wait_change(vm.space, counter(0x50), i), i + 1);
	}
	expect(is_blocked(vm.vcpu));
	expect(vcpu_state(vm.vcpu).exits[AXVCPU_EXIT_HALT] >= 50);
	runner_stop(&r);
	expect_eq(vcpu_state(vm.vcpu).state, AXVCPU_STATE_FREE);
}

/* A kick ends a run and leaves the guest halted: the next run enters only for an interrupt. */
static void blocked_halt_outlives_a_run(void)
{
	struct vm vm = vm_with(AXVCPU_SETUP_BLOCK);
	struct runner r = { 0 };
	struct axvcpu_exit exit;
	u64 entries;

	enter_interrupts(&vm, 1);
	runner_start(&r, &vm, -1);
	expect(is_blocked(vm.vcpu));
	runner_stop(&r);
	entries = vcpu_state(vm.vcpu).entries;
	for (int i = 0; i < 3; i++) {
		expect_eq(axvcpu_kick(vm.vcpu), 0);
		expect_eq(-axvcpu_run(vm.vcpu, &exit), EINTR);
	}
	runner_start(&r, &vm, -1);
	expect(is_blocked(vm.vcpu));
	expect_eq(vcpu_state(vm.vcpu).entries, entries);
	expect_eq(axvcpu_inject(vm.vcpu, 0x50), 0);
	wait_change(vm.space, counter(0x50), 0);
	runner_stop(&r);
	expect(vcpu_state(vm.vcpu).entries > entries);
}

static const struct test tests[] = {
	{ "injected_vectors_arrive", injected_vectors_arrive },
	{ "every_injection_counts", every_injection_counts },
	{ "vectors_wait_for_the_guest", vectors_wait_for_the_guest },
	{ "interrupt_ends_halt", interrupt_ends_halt },
	{ "timer_ends_a_spinning_guest", timer_ends_a_spinning_guest },
	{ "kick_just_before_a_run_ends_it", kick_just_before_a_run_ends_it },
	{ "kick_ends_a_run", kick_ends_a_run },
	{ "host_interrupts_come_out_when_asked_for", host_interrupts_come_out_when_asked_for },
	{ "host_work_goes_on", host_work_goes_on },
	{ "blocked_halt_ends_by_an_interrupt", blocked_halt_ends_by_an_interrupt },
	{ "blocked_halt_outlives_a_run", blocked_halt_outlives_a_run },
};

const struct suite suite_interrupts = { .tests = tests, .nr = ARRAY_SIZE(tests) };
