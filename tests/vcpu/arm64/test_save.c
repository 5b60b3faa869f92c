// SPDX-License-Identifier: GPL-2.0-only
/*
 * All of a vCPU's state: a guest goes on elsewhere, whatever it was doing; and a state that a
 * program makes up does no harm.
 */
#include "vm.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define TIMER		27
#define SPURIOUS	1023

/* Accesses of guest_gic. */
enum { IAR, EOIR, HPPIR, PMR, RPR, CTLR, DIR, ISR, IGRPEN };

/* Make a new vCPU on the same space of the state of @vm's, and close the latter. */
static void move_with(struct vm *vm, u32 flags)
{
	static struct axvcpu_arm64_state state, again;
	static u32 id;
	int vcpu;

	expect_eq(axvcpu_save(vm->vcpu, &state, sizeof(state)), 0);
	vcpu = open_vcpu(vm->space, ++id & 0xff, 0);
	expect_eq(-axvcpu_restore(vcpu, &state, sizeof(state)), EBADFD);
	expect_eq(setup(vcpu, AXVCPU_MODE_EL1, 0, flags), 0);
	expect_eq(axvcpu_restore(vcpu, &state, sizeof(state)), 0);
	expect_eq(axvcpu_save(vcpu, &again, sizeof(again)), 0);
	expect(!memcmp(&state, &again, sizeof(state)));
	close(vm->vcpu);
	vm->vcpu = vcpu;
}

static void move(struct vm *vm)
{
	move_with(vm, 0);
}

static void registers_move(void)
{
	const u64 entries[] = { guest(fpu), guest(registers) };

	for (unsigned int n = 0; n < ARRAY_SIZE(entries); n++) {
		struct vm vm = vm_new();

		save_count_and_move(&vm, entries[n], 300000, move);
	}
}

static u64 gic(struct vm *vm, u64 what, u64 val)
{
	return vm_call(vm, guest(gic), what, val, 0, 0);
}

static void change(struct vm *vm, u32 how, u32 id, u32 priority)
{
	expect_eq(axvcpu_interrupt(vm->vcpu, how, id, priority), 0);
}

/* What is active, pending and masked. */
static void interrupts_move(void)
{
	struct vm vm = vm_new();

	gic(&vm, PMR, 0xf0);
	gic(&vm, IGRPEN, 1);
	change(&vm, 0, 40, 0xa0);
	change(&vm, AXVCPU_INJECT_RAISE, 41, 0xb0);
	change(&vm, 0, 200, 0x80);
	expect_eq(gic(&vm, IAR, 0), 200);
	move(&vm);
	expect_eq(gic(&vm, RPR, 0), 0x80);
	expect_eq(gic(&vm, HPPIR, 0), 40);
	expect_eq(gic(&vm, IAR, 0), SPURIOUS);
	gic(&vm, EOIR, 200);
	move(&vm);
	expect_eq(gic(&vm, IAR, 0), 40);
	gic(&vm, EOIR, 40);
	/* A line stays high until it is lowered. */
	expect_eq(gic(&vm, IAR, 0), 41);
	move(&vm);
	gic(&vm, EOIR, 41);
	expect_eq(gic(&vm, IAR, 0), 41);
	change(&vm, AXVCPU_INJECT_LOWER, 41, 0);
	gic(&vm, EOIR, 41);
	expect_eq(gic(&vm, IAR, 0), SPURIOUS);
	gic(&vm, PMR, 0x40);
	move(&vm);
	change(&vm, 0, 40, 0xa0);
	expect_eq(gic(&vm, IAR, 0), SPURIOUS);
}

static u64 ticks(u64 us)
{
	u64 hz;

	asm volatile("mrs %0, cntfrq_el0" : "=r" (hz));
	return hz * us / 1000000;
}

/* The timer ends the wait of a guest that halted on another vCPU. */
static void a_halt_and_its_timer_move(void)
{
	struct vm vm = vm_with(AXVCPU_SETUP_BLOCK);
	struct axvcpu_arm64_state state;
	struct runner r = { 0 };
	u64 entries, late;

	change(&vm, AXVCPU_INJECT_TIMER, TIMER, 0xa0);
	vm_enter(&vm, guest(timer_wait), ticks(3000000), 0, 0, 0);
	runner_start(&r, &vm, -1);
	while (vcpu_state(vm.vcpu).state != AXVCPU_STATE_BLOCKED)
		usleep(100);
	expect_eq(-axvcpu_save(vm.vcpu, &state, sizeof(state)), EBUSY);
	runner_stop(&r);
	expect_eq(axvcpu_save(vm.vcpu, &state, sizeof(state)), 0);
	expect_eq(state.flags, AXVCPU_ARM64_HALTED);
	move_with(&vm, AXVCPU_SETUP_BLOCK);
	entries = vcpu_state(vm.vcpu).entries;
	runner_start(&r, &vm, -1);
	sleep_ms(50);
	expect_eq(vcpu_state(vm.vcpu).entries, entries);
	runner_join(&r);
	late = expect_end(&vm, &r.exit);
	note("%llu us late", late * 1000000 / ticks(1000000));
	expect(late < ticks(2000000));
}

static void bad_states_are_refused(void)
{
	static struct axvcpu_arm64_state state, bad;
	struct axvcpu_save arg = { .size = sizeof(arg), .data = (unsigned long)&state };
	struct vm vm = vm_new();

	expect_eq(axvcpu_save(vm.vcpu, &state, sizeof(state)), 0);
#define REFUSED(change) do {								\
		bad = state;								\
		bad.change;								\
		expect_eq(-axvcpu_restore(vm.vcpu, &bad, sizeof(bad)), EINVAL);		\
	} while (0)
	REFUSED(version = 2);
	REFUSED(flags = 2);
	REFUSED(pstate = 9);		/* EL2 */
	REFUSED(pstate |= BIT_ULL(21));	/* software step */
	REFUSED(cntv_ctl = 4);
	REFUSED(pmr = 7);
	REFUSED(bpr1 = 2);
	REFUSED(bpr1 = 8);
	REFUSED(igrpen1 = 2);
	REFUSED(eoimode = 2);
	REFUSED(timer = 257);
	REFUSED(priority[255] = 1);
	expect_eq(-axas_ioctl(vm.vcpu, AXVCPU_SAVE, &arg), EINVAL);
	arg.data_size = sizeof(state);
	arg.data = 8;
	expect_eq(-axas_ioctl(vm.vcpu, AXVCPU_SAVE, &arg), EFAULT);
	expect_eq(-axas_ioctl(vm.vcpu, AXVCPU_RESTORE, &arg), EFAULT);
	/* None of it has changed anything. */
	vm_enter(&vm, guest(halt), 0, 0, 0, 0);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
}

static void made_up_states_do_no_harm(void)
{
	static struct axvcpu_arm64_state good, bad;
	const struct random_states states = {
		.good = &good, .bad = &bad, .size = sizeof(good),
		.used = sizeof(good), .rounds = 200, .mode = AXVCPU_MODE_EL1,
	};

	save_random_states(&states);
}

static const struct test tests[] = {
	{ "registers_move", registers_move },
	{ "interrupts_move", interrupts_move },
	{ "a_halt_and_its_timer_move", a_halt_and_its_timer_move },
	{ "bad_states_are_refused", bad_states_are_refused },
	{ "made_up_states_do_no_harm", made_up_states_do_no_harm },
};

const struct suite suite_save = { .tests = tests, .nr = ARRAY_SIZE(tests) };
