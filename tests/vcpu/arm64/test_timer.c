// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's virtual timer: it brings a guest out, wakes a halted one, runs on while the vCPU is
 * elsewhere, and moves with it.
 */
#include "vm.h"

#define TIMER	27
#define CTL_DUE	5u	/* enabled, and due */

static u64 ticks(u64 us)
{
	u64 hz;

	asm volatile("mrs %0, cntfrq_el0" : "=r" (hz));
	return hz * us / 1000000;
}

static void connect(struct vm *vm)
{
	expect_eq(axvcpu_interrupt(vm->vcpu, AXVCPU_INJECT_TIMER, TIMER, 0xa0), 0);
}

static void a_halted_guest_wakes_in_the_kernel(void)
{
	struct vm vm = vm_with(AXVCPU_SETUP_BLOCK);
	struct axvcpu_state state;
	u64 late;

	connect(&vm);
	for (int i = 0; i < 10; i++) {
		late = vm_call(&vm, guest(timer_wait), ticks(30000), 0, 0, 0);
		note("%llu us late", late * 1000000 / ticks(1000000));
		expect(late < ticks(2000000));
	}
	state = vcpu_state(vm.vcpu);
	/* It halted each time, and hardly entered otherwise. */
	expect(state.exits[AXVCPU_EXIT_HALT] >= 5);
	expect(state.entries < 1000);
}

/* A deadline far away does not end the wait; an interrupt does. */
static void a_far_deadline_is_no_wake_up(void)
{
	struct vm vm = vm_with(AXVCPU_SETUP_BLOCK);
	struct runner r = { 0 };
	u64 halts;

	connect(&vm);
	vm_enter(&vm, guest(timer_wait), 1ull << 62, 0, 0, 0);
	runner_start(&r, &vm, -1);
	sleep_ms(100);
	expect_eq(vcpu_state(vm.vcpu).state, AXVCPU_STATE_BLOCKED);
	halts = vcpu_state(vm.vcpu).exits[AXVCPU_EXIT_HALT];
	expect_eq(halts, 1);
	expect_eq(axvcpu_interrupt(vm.vcpu, 0, 40, 0xa0), 0);
	runner_join(&r);
	expect((long long)expect_end(&vm, &r.exit) < 0);
}

static void it_interrupts_a_spinning_guest(void)
{
	struct vm vm = vm_new();
	u64 start = now_ms(), took;

	connect(&vm);
	vm_call(&vm, guest(timer_spin), ticks(2000), counter(0), 0, 50);
	took = now_ms() - start;
	note("50 interrupts, 2 ms apart, took %llu ms", took);
	expect(took >= 100);
	expect_eq(peek(vm.space, counter(TIMER)), 50);
}

static void it_runs_on_while_the_guest_is_out(void)
{
	struct vm vm = vm_new();

	vm_call(&vm, guest(timer_set), ticks(20000), 0, 0, 0);
	expect_eq(vm_call(&vm, guest(timer_ctl), 0, 0, 0, 0) & 3, 1);
	sleep_ms(40);
	expect_eq(vm_call(&vm, guest(timer_ctl), 0, 0, 0, 0), CTL_DUE);
	/* Not connected, it interrupts nobody, and does not bring the guest out again and again. */
	vm_enter(&vm, guest(interrupts), VM_TABLES, counter(0), 1, 0);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
	expect_eq(peek(vm.space, counter(TIMER)), 0);
	expect(vcpu_state(vm.vcpu).entries < 100);
	connect(&vm);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
	expect_eq(peek(vm.space, counter(TIMER)), 1);
}

static void it_moves_with_the_vcpu(void)
{
	struct vm vm = vm_new();

	connect(&vm);
	for (u32 i = 0; i < 20; i++) {
		expect_eq(axvcpu_set_affinity(vm.vcpu, AXVCPU_CPU_ANY, 1ull << i % 2), 0);
		vm_call(&vm, guest(timer_spin), ticks(1000), counter(0), 0, 3);
		expect_eq(vcpu_state(vm.vcpu).cpu, i % 2);
	}
	expect_eq(peek(vm.space, counter(TIMER)), 60);
}

/* Two guests with timers on one CPU, each with its own deadlines. */
static void guests_have_timers_of_their_own(void)
{
	struct vm vm[2] = { vm_new(), vm_new() };
	struct runner r[2] = { 0 };

	for (int i = 0; i < 2; i++) {
		connect(&vm[i]);
		vm_enter(&vm[i], guest(timer_spin), ticks(1000 + 2000 * i), counter(0), 0, 40);
		runner_start(&r[i], &vm[i], 0);
	}
	for (int i = 0; i < 2; i++) {
		runner_join(&r[i]);
		expect_end(&vm[i], &r[i].exit);
		expect_eq(peek(vm[i].space, counter(TIMER)), 40);
	}
}

static const struct test tests[] = {
	{ "a_halted_guest_wakes_in_the_kernel", a_halted_guest_wakes_in_the_kernel },
	{ "a_far_deadline_is_no_wake_up", a_far_deadline_is_no_wake_up },
	{ "it_interrupts_a_spinning_guest", it_interrupts_a_spinning_guest },
	{ "it_runs_on_while_the_guest_is_out", it_runs_on_while_the_guest_is_out },
	{ "it_moves_with_the_vcpu", it_moves_with_the_vcpu },
	{ "guests_have_timers_of_their_own", guests_have_timers_of_their_own },
};

const struct suite suite_timer = { .tests = tests, .nr = ARRAY_SIZE(tests) };
