// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts: those that the VMM injects reach the guest, those of the host reach the host.
 */
#include "vm.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define COUNTERS	VM_DATA
#define counter(v)	(COUNTERS + 8 * (u64)(v))

static void enter_interrupts(struct vm *vm, u64 mode)
{
	vm_enter(vm, guest(interrupts), VM_TABLES, COUNTERS, mode, 0);
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
static void every_injection_counts(void)
{
	struct vm vm = vm_new(0);
	struct runner r = { 0 };
	u64 n = 0;

	enter_interrupts(&vm, 0);
	runner_start(&r, &vm, -1);
	for (int i = 0; i < 2000; i++) {
		expect_eq(vcpu_inject(vm.vcpu, 0x80), 0);
		n = wait_change(vm.space, counter(0x80), n);
		expect_eq(n, i + 1);
	}
	runner_stop(&r);
	expect_eq(peek(vm.space, counter(0x80)), 2000);
}

static void vectors_wait_for_the_guest(void)
{
	struct vm vm = vm_new(0);
	struct runner r = { 0 };

	enter_interrupts(&vm, 2);
	expect_eq(vcpu_inject(vm.vcpu, 0x40), 0);
	expect_eq(vcpu_inject(vm.vcpu, 0x40), 0);
	runner_start(&r, &vm, -1);
	expect_eq(vcpu_inject(vm.vcpu, 0xf0), 0);
	sleep_ms(50);
	expect_eq(peek(vm.space, counter(0x40)), 0);
	expect_eq(peek(vm.space, counter(0xf0)), 0);
	poke(vm.space, counter(0), 1);
	runner_join(&r);
	expect_eq(r.exit.reason, AXVCPU_EXIT_IO_WRITE);
	/* The higher one was taken in the one moment; the other behind it, or later. */
	expect_eq(peek(vm.space, counter(0xf0)), 1);
	enter_interrupts(&vm, 1);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
	expect_eq(peek(vm.space, counter(0x40)), 1);
	expect_eq(peek(vm.space, counter(0xf0)), 1);
}

static void interrupt_ends_halt(void)
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

/* The page of the stack is gone when the CPU wants to deliver. */
static void interrupt_survives_a_fault_in_its_delivery(void)
{
	struct vm vm = vm_new(0);
	struct axvcpu_exit exit;
	struct axvcpu_regs regs;

	map(vm.space, VM_TEST, PAGE, AXAS_PROT_READ | AXAS_PROT_WRITE, 0);
	enter_interrupts(&vm, 1);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
	expect_eq(vcpu_get_regs(vm.vcpu, &regs), 0);
	regs.gpr[AXVCPU_REG_RSP] = VM_TEST + PAGE;
	expect_eq(vcpu_set_regs(vm.vcpu, &regs), 0);
	unmap(vm.space, VM_TEST, PAGE);
	expect_eq(vcpu_inject(vm.vcpu, 0x60), 0);
	exit = vm_expect(&vm, AXVCPU_EXIT_NESTED_PAGE_FAULT);
	expect_eq(exit.nested_page_fault.gpa & ~(PAGE - 1), VM_TEST);
	expect_eq(peek(vm.space, counter(0x60)), 0);
	map(vm.space, VM_TEST, PAGE, AXAS_PROT_READ | AXAS_PROT_WRITE, 0);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
	expect_eq(peek(vm.space, counter(0x60)), 1);
}

/* The guest's handler returns to what raised the exception: it comes again and again. */
static void expect_exception(struct vm *vm, u64 entry, u32 vector)
{
	struct runner r = { 0 };
	u64 before = peek(vm->space, counter(vector));

	vm_enter(vm, entry, VM_TEST, COUNTERS, 0, 0);
	runner_start(&r, vm, -1);
	wait_change(vm->space, counter(vector), before);
	runner_stop(&r);
}

/* What would reach beyond the guest raises #UD or #GP in it. */
static void forbidden_instructions_raise_exceptions(void)
{
	struct vm vm = vm_new(0);

	enter_interrupts(&vm, 1);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
	if (vm_is_svm())
		expect_exception(&vm, guest(nested_vmrun), 6);
	expect_exception(&vm, guest(ins), 13);
	expect_exception(&vm, guest(outs), 13);
	/* QEMU 7.2 does not look at SVM's intercept of it. */
	if (!vm_is_svm())
		expect_exception(&vm, guest(rdtscp), 6);
	expect_exception(&vm, guest(xsetbv), 6);
	/* It is as good as ever after all that. */
	vm_call(&vm, guest(read), VM_DATA, 0, 0, 0);
}

/* The host's number of a CPU, which RDPID would tell, is not for guests. */
static void rdpid_does_not_tell_of_the_host(void)
{
	struct vm vm = vm_new(0);
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
	/* And the host has it back: the node is above the CPU. */
	asm volatile("rdpid %0" : "=r" (pid));
	expect_eq(pid & 0xfff, cpu);
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
	u64 start;
	int err;

	vm_enter(&vm, guest(spin), 0, 0, 0, 0);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (int i = 0; i < 10; i++) {
		start = now_ms();
		do {
			err = vcpu_run_once(vm.vcpu, &exit);
		} while (!err && exit.reason == AXVCPU_EXIT_NOTHING);
		expect_eq(-err, EINTR);
		expect(now_ms() - start < 2000);
	}
	expect(vcpu_state(vm.vcpu).exits[AXVCPU_EXIT_EXTERNAL_INTERRUPT]);
}

static int kicked;

static void kick_handler(int sig)
{
	(void)sig;
	vcpu_kick(kicked);
}

/* G13: a signal that comes just before the call is not lost when its handler kicks. */
static void kick_just_before_a_run_ends_it(void)
{
	struct sigaction action = { .sa_handler = kick_handler };
	struct vm vm = vm_new(0);
	struct axvcpu_exit exit;
	u64 entries;

	vm_enter(&vm, guest(spin), 0, 0, 0, 0);
	sigaction(SIGUSR1, &action, NULL);
	kicked = vm.vcpu;
	for (int i = 0; i < 5; i++) {
		entries = vcpu_state(vm.vcpu).entries;
		raise(SIGUSR1);
		expect_eq(-vcpu_run_once(vm.vcpu, &exit), EINTR);
		/* Before the guest ran. */
		expect_eq(vcpu_state(vm.vcpu).entries, entries);
	}
	/* Two are as one, and one is for one run. */
	expect_eq(vcpu_kick(vm.vcpu), 0);
	expect_eq(vcpu_kick(vm.vcpu), 0);
	vm_enter(&vm, guest(hlt), 0, 0, 0, 0);
	expect_eq(-vcpu_run_once(vm.vcpu, &exit), EINTR);
	/* The host's own interrupts end a run as well, and say so. */
	do
		expect_eq(vcpu_run_once(vm.vcpu, &exit), 0);
	while (exit.reason == AXVCPU_EXIT_NOTHING);
	expect_eq(exit.reason, AXVCPU_EXIT_HALT);
}

/* G13: a kick alone ends the run of a guest that never exits. */
static void kick_ends_a_run(void)
{
	struct vm vm = vm_new(0);
	struct runner r = { 0 };
	struct axvcpu_exit exit;

	map(vm.space, VM_TEST, 2 * MIB, AXAS_PROT_READ | AXAS_PROT_WRITE, 0);
	for (int i = 0; i < 20; i++) {
		vm_enter(&vm, guest(stores), VM_TEST, VM_TEST + 8, 0, 0);
		runner_start(&r, &vm, -1);
		wait_change(vm.space, VM_TEST + 8, peek(vm.space, VM_TEST + 8));
		atomic_store(&r.stop, true);
		expect_eq(vcpu_kick(vm.vcpu), 0);
		runner_join(&r);
		/* A run that the host ended just before the kick leaves it to the next. */
		exit = r.exit;
		while (!r.err) {
			expect_eq(exit.reason, AXVCPU_EXIT_NOTHING);
			r.err = vcpu_run_once(vm.vcpu, &exit);
		}
		expect_eq(-r.err, EINTR);
	}
}

static void host_interrupts_come_out_when_asked_for(void)
{
	struct vm vm = vm_new(AXVCPU_SETUP_EXIT_IRQ);
	struct axvcpu_exit exit;
	u64 known = 0;

	vm_enter(&vm, guest(spin), 0, 0, 0, 0);
	for (int i = 0; i < 50; i++) {
		exit = vm_expect(&vm, AXVCPU_EXIT_EXTERNAL_INTERRUPT);
		expect_eq(exit.rip, guest(spin));
		expect(exit.external_interrupt.vector < 256);
		known += exit.external_interrupt.vector >= 32;
	}
	/* One that was gone when it was looked for has no number. */
	expect(known >= 40);
	note("50 interrupts, %llu of them with a vector, the last %llu", known,
	     (u64)exit.external_interrupt.vector);
}

/* A thread that shares the CPU with a spinning guest gets its time. */
static void host_work_goes_on(void)
{
	struct vm vm = vm_new(0);
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

static const struct test tests[] = {
	{ "injected_vectors_arrive", injected_vectors_arrive },
	{ "every_injection_counts", every_injection_counts },
	{ "vectors_wait_for_the_guest", vectors_wait_for_the_guest },
	{ "interrupt_ends_halt", interrupt_ends_halt },
	{ "interrupt_survives_a_fault_in_its_delivery",
	  interrupt_survives_a_fault_in_its_delivery },
	{ "forbidden_instructions_raise_exceptions", forbidden_instructions_raise_exceptions },
	{ "rdpid_does_not_tell_of_the_host", rdpid_does_not_tell_of_the_host },
	{ "timer_ends_a_spinning_guest", timer_ends_a_spinning_guest },
	{ "kick_just_before_a_run_ends_it", kick_just_before_a_run_ends_it },
	{ "kick_ends_a_run", kick_ends_a_run },
	{ "host_interrupts_come_out_when_asked_for", host_interrupts_come_out_when_asked_for },
	{ "host_work_goes_on", host_work_goes_on },
};

const struct suite suite_interrupts = { tests, ARRAY_SIZE(tests) };
