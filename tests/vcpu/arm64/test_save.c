// SPDX-License-Identifier: GPL-2.0-only
/*
 * All of a vCPU's state: a guest goes on elsewhere, whatever it was doing; and a state that a
 * program makes up does no harm.
 */
#include "vm.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
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

/* A guest that counts in registers, moved wherever a signal finds it. */
static void registers_move(void)
{
	const u64 entries[] = { guest(fpu), guest(registers) };
	const u64 rounds = 300000;

	for (unsigned int n = 0; n < ARRAY_SIZE(entries); n++) {
		struct vm vm = vm_new();
		struct runner r = { 0 };

		vm_enter(&vm, entries[n], 0x1234, rounds, 0, 0);
		for (int i = 0; i < 20; i++) {
			runner_start(&r, &vm, -1);
			usleep(3000);
			atomic_store(&r.stop, true);
			axvcpu_kick(vm.vcpu);
			runner_join(&r);
			if (runner_ended(&r))
				break;
			expect_eq(-r.err, r.err ? EINTR : 0);
			move(&vm);
		}
		expect_eq(runner_ended(&r) ? expect_end(&vm, &r.exit) : vm_done(&vm), rounds);
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

static void on_alarm(int sig)
{
	(void)sig;
}

static u64 next_random(u64 *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return *seed >> 33;
}

/* States with random bytes: refused, or the guest ends as it may; the host and a new vCPU go on. */
static void made_up_states_do_no_harm(void)
{
	struct itimerval timer = { { 0, 20000 }, { 0, 20000 } };
	struct sigaction action = { .sa_handler = on_alarm };
	static struct axvcpu_arm64_state good, bad;
	struct vm vm = vm_new();
	u64 seed = 1, ran = 0;

	/* Ends those that run for ever. */
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	expect_eq(axvcpu_save(vm.vcpu, &good, sizeof(good)), 0);
	for (int round = 0; round < 200; round++) {
		struct axvcpu_exit exit;

		bad = good;
		for (u64 i = next_random(&seed) % 6; i < 6; i++)
			((u8 *)&bad)[next_random(&seed) % sizeof(bad)] = next_random(&seed);
		bad.version = good.version;
		if (axvcpu_restore(vm.vcpu, &bad, sizeof(bad)))
			continue;
		ran++;
		for (int i = 0; i < 3; i++)
			axvcpu_run(vm.vcpu, &exit);
		expect_eq(axvcpu_reset(vm.vcpu), 0);
		expect_eq(setup(vm.vcpu, AXVCPU_MODE_EL1, guest(halt), 0), 0);
	}
	note("%llu states of 200 were accepted", ran);
	expect(ran > 20);
	expect_eq(axvcpu_restore(vm.vcpu, &good, sizeof(good)), 0);
	vm_enter(&vm, guest(halt), 0, 0, 0, 0);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
}

static const struct test tests[] = {
	{ "registers_move", registers_move },
	{ "interrupts_move", interrupts_move },
	{ "a_halt_and_its_timer_move", a_halt_and_its_timer_move },
	{ "bad_states_are_refused", bad_states_are_refused },
	{ "made_up_states_do_no_harm", made_up_states_do_no_harm },
};

const struct suite suite_save = { .tests = tests, .nr = ARRAY_SIZE(tests) };
