// SPDX-License-Identifier: GPL-2.0-only
/*
 * All of a vCPU's state: a guest goes on elsewhere, whatever it was doing; and a state that a
 * program makes up does no harm.
 */
#include "vm.h"

#include <unistd.h>

#define MSR_LSTAR	0xc0000082u
#define UD		6

/* Make a new vCPU on the same space of the state of @vm's, and close the latter. */
static void move(struct vm *vm)
{
	static struct axvcpu_x86_state state;
	static u32 id;
	int vcpu;

	expect_eq(axvcpu_save(vm->vcpu, &state, sizeof(state)), 0);
	vcpu = open_vcpu(vm->space, ++id, 0);
	expect_eq(-axvcpu_restore(vcpu, &state, sizeof(state)), EBADFD);
	expect_eq(setup(vcpu, AXVCPU_MODE_REAL, 0, 0), 0);
	expect_eq(axvcpu_restore(vcpu, &state, sizeof(state)), 0);
	close(vm->vcpu);
	vm->vcpu = vcpu;
}

static void guest_goes_on_elsewhere(void)
{
	struct vm vm = vm_new();
	u64 want = 0;

	map(vm.space, VM_TEST, MIB, RW, 0);
	vm_call(&vm, guest(wrmsr), MSR_LSTAR, 0xffff800012345678, 0, 0);
	vm_enter(&vm, guest(out), 0, 0, 0, 0);
	for (int i = 0; i < 3; i++) {
		expect_eq(vm_expect(&vm, AXVCPU_EXIT_IO_WRITE).reason, AXVCPU_EXIT_IO_WRITE);
		move(&vm);
	}
	vm_done(&vm);
	move(&vm);
	expect_eq(vm_call(&vm, guest(rdmsr), MSR_LSTAR, 0, 0, 0), 0xffff800012345678);
	for (u64 gpa = VM_TEST; gpa < VM_TEST + MIB; gpa += 4096)
		want++;
	expect_eq(vm_call(&vm, guest(fill), VM_TEST, VM_TEST + MIB, 4096, 9), want);
	move(&vm);
	expect_eq(vm_call(&vm, guest(check), VM_TEST, VM_TEST + MIB, 4096, 9), want);
}

static void count_and_move(u64 entry)
{
	struct vm vm = vm_new();

	save_count_and_move(&vm, entry, 1000000, move);
}

static void registers_move(void)
{
	count_and_move(guest(fpu));
}

static void registers_of_avx_move(void)
{
	need_guest_avx();
	count_and_move(guest(avx));
}

static void pending_events_move(void)
{
	struct vm vm = kernel(1ull << UD);

	/* Interrupts are off: three wait. */
	vm_enter(&vm, guest(out_cli), 0, 0, 0, 0);
	for (u32 vector = 0x40; vector < 0x100; vector += 0x40)
		expect_eq(axvcpu_inject(vm.vcpu, vector == 0x80 ? 0x81 : vector), 0);
	expect_eq(axvcpu_inject_exception(vm.vcpu, UD, 0), 0);
	move(&vm);
	vm_expect(&vm, AXVCPU_EXIT_IO_WRITE);
	move(&vm);
	expect_eq(vm_done(&vm), 4);
	expect_eq(record(&vm, 0).vector, UD);
	expect_eq(record(&vm, 0).rip, guest(out_cli));
	expect_eq(record(&vm, 1).vector, 0xc0);
	expect_eq(record(&vm, 2).vector, 0x81);
	expect_eq(record(&vm, 3).vector, 0x40);
}

/* An interrupt whose delivery an exit interrupted. */
static void events_in_flight_move(void)
{
	struct vm vm = kernel(0);

	map(vm.space, VM_TEST, PAGE, RW, 0);
	vm_enter(&vm, guest(out_cli), 0, 0, 0, 0);
	vm_expect(&vm, AXVCPU_EXIT_IO_WRITE);
	fault_in_delivery(&vm, 0x60);
	move(&vm);
	map(vm.space, VM_TEST, PAGE, RW, 0);
	expect_eq(vm_done(&vm), 1);
	expect_eq(record(&vm, 0).vector, 0x60);
}

static void debug_registers_move(void)
{
	struct vm vm = vm_new();

	vm_call(&vm, guest(debug), 0x12340, 0x56780, 0, 0);
	move(&vm);
	expect_eq(vm_done(&vm), 0x12340);
	move(&vm);
	expect_eq(vm_done(&vm), 0x56780);
}

static void halts_move(void)
{
	static struct axvcpu_x86_state state;
	struct vm vm = vm_with(AXVCPU_SETUP_BLOCK), other = { .space = vm.space };
	struct runner r = { 0 };
	u64 entries;

	enter_interrupts(&vm, 1);
	runner_start(&r, &vm, -1);
	while (vcpu_state(vm.vcpu).state != AXVCPU_STATE_BLOCKED)
		usleep(100);
	expect_eq(-axvcpu_save(vm.vcpu, &state, sizeof(state)), EBUSY);
	runner_stop(&r);
	expect_eq(axvcpu_save(vm.vcpu, &state, sizeof(state)), 0);
	expect_eq(state.flags & AXVCPU_X86_HALTED, AXVCPU_X86_HALTED);
	other.vcpu = open_vcpu(vm.space, 7, 0);
	expect_eq(setup(other.vcpu, AXVCPU_MODE_LONG, 0, AXVCPU_SETUP_BLOCK), 0);
	expect_eq(axvcpu_restore(other.vcpu, &state, sizeof(state)), 0);
	entries = vcpu_state(other.vcpu).entries;
	runner_start(&r, &other, -1);
	while (vcpu_state(other.vcpu).state != AXVCPU_STATE_BLOCKED)
		usleep(100);
	expect_eq(vcpu_state(other.vcpu).entries, entries);
	expect_eq(axvcpu_inject(other.vcpu, 0x50), 0);
	expect_eq(wait_change(vm.space, counter(0x50), 0), 1);
	runner_stop(&r);
}

static void bad_states_are_refused(void)
{
	static struct axvcpu_x86_state state, bad;
	struct axvcpu_save arg = { .size = sizeof(arg), .data = (unsigned long)&state };
	struct vm vm = vm_new();

	expect_eq(axvcpu_save(vm.vcpu, &state, sizeof(state)), 0);
#define REFUSED(change) do {							\
		bad = state;							\
		bad.change;							\
		expect_eq(-axvcpu_restore(vm.vcpu, &bad, sizeof(bad)), EINVAL);		\
	} while (0)
	REFUSED(version = 2);
	REFUSED(flags = 1u << 31);
	REFUSED(rip = 1ull << 62);
	REFUSED(lstar = 1ull << 62);
	REFUSED(kernel_gs_base = 1ull << 62);
	REFUSED(fs.base = 1ull << 62);
	REFUSED(efer |= 1ull << 12);
	REFUSED(cr0 |= 1ull << 32);
	REFUSED(cr3 = ~0ull);
	REFUSED(cr4 |= 1ull << 13);
	REFUSED(cr8 = 16);
	REFUSED(cpl = 4);
	REFUSED(dr7 |= 1ull << 32);
	REFUSED(pat = 2);
	REFUSED(fpu_size = AXVCPU_X86_FPU_MAX + 1);
	/* Without x87; with AVX, but without SSE; PKRU. */
	REFUSED(xcr0 = 2);
	REFUSED(xcr0 = 5);
	REFUSED(xcr0 = 0x203);
	REFUSED(vectors[0] = 1);
	REFUSED(event_info = 0x80000202);	/* NMI */
	REFUSED(event_info = 0x80000300 | 32);
	REFUSED(event_info = 1);
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
	static struct axvcpu_x86_state good, bad;
	const struct random_states states = {
		.good = &good, .bad = &bad, .size = sizeof(good),
		.used = offsetof(struct axvcpu_x86_state, fpu) + 700,
		.rounds = 300, .mode = AXVCPU_MODE_LONG,
	};

	save_random_states(&states);
}

static const struct test tests[] = {
	{ "guest_goes_on_elsewhere", guest_goes_on_elsewhere },
	{ "registers_move", registers_move },
	{ "registers_of_avx_move", registers_of_avx_move },
	{ "pending_events_move", pending_events_move },
	{ "events_in_flight_move", events_in_flight_move },
	{ "debug_registers_move", debug_registers_move },
	{ "halts_move", halts_move },
	{ "bad_states_are_refused", bad_states_are_refused },
	{ "made_up_states_do_no_harm", made_up_states_do_no_harm },
};

const struct suite suite_save = { .tests = tests, .nr = ARRAY_SIZE(tests) };
