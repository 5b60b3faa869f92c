// SPDX-License-Identifier: GPL-2.0-only
/*
 * All of a vCPU's state: a guest goes on elsewhere, whatever it was doing; and a state that a
 * program makes up does no harm.
 */
#include "vm.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define TIMER_FLAGS	(AXVCPU_SETUP_TIMER | AXVCPU_SETUP_BLOCK)
#define LINE_SOFT	1
#define CSR_STIMECMP	0x14d

/* Make a new vCPU on the same space of the state of @vm's, and close the latter. */
static void move_with(struct vm *vm, u32 flags)
{
	static struct axvcpu_riscv_state state, again;
	static u32 id;
	int vcpu;

	expect_eq(axvcpu_save(vm->vcpu, &state, sizeof(state)), 0);
	vcpu = open_vcpu(vm->space, ++id, 0);
	expect_eq(-axvcpu_restore(vcpu, &state, sizeof(state)), EBADFD);
	expect_eq(setup(vcpu, AXVCPU_MODE_VS, 0, flags), 0);
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

/* A line, a vector and a software interrupt that wait. */
static void pending_interrupts_move(void)
{
	struct vm vm = vm_with(TIMER_FLAGS);
	struct runner r = { 0 };

	vm_enter(&vm, guest(lines), 0, VM_DATA, 0, 0);
	expect_eq(axvcpu_set_line(vm.vcpu, AXVCPU_RISCV_LINE_EXTERNAL, 1), 0);
	expect_eq(axvcpu_inject(vm.vcpu, AXVCPU_RISCV_VECTOR_SOFT), 0);
	move_with(&vm, TIMER_FLAGS);
	/* The handler asks for the external line to be lowered. */
	expect_eq(vm_done(&vm), AXVCPU_RISCV_LINE_EXTERNAL);
	move_with(&vm, TIMER_FLAGS);
	expect_eq(axvcpu_set_line(vm.vcpu, AXVCPU_RISCV_LINE_EXTERNAL, 0), 0);
	runner_start(&r, &vm, -1);
	wait_change(vm.space, counter(LINE_SOFT), 0);
	runner_stop(&r);
	expect_eq(peek(vm.space, counter(AXVCPU_RISCV_LINE_EXTERNAL)), 1);
	expect_eq(peek(vm.space, counter(LINE_SOFT)), 1);
}

/* The timer ends the wait of a guest that halted on another vCPU. */
static void a_halt_and_its_timer_move(void)
{
	struct vm vm = vm_with(TIMER_FLAGS);
	struct axvcpu_riscv_state state;
	struct runner r = { 0 };
	u64 n, entries;

	vm_enter(&vm, guest(lines), 0, VM_DATA, vcpu_state(vm.vcpu).time_hz, 0);
	runner_start(&r, &vm, -1);
	n = wait_change(vm.space, counter(AXVCPU_RISCV_LINE_TIMER), 0);
	while (vcpu_state(vm.vcpu).state != AXVCPU_STATE_BLOCKED)
		usleep(100);
	expect_eq(-axvcpu_save(vm.vcpu, &state, sizeof(state)), EBUSY);
	runner_stop(&r);
	expect_eq(axvcpu_save(vm.vcpu, &state, sizeof(state)), 0);
	expect_eq(state.flags, AXVCPU_RISCV_HALTED);
	move_with(&vm, TIMER_FLAGS);
	entries = vcpu_state(vm.vcpu).entries;
	runner_start(&r, &vm, -1);
	sleep_ms(20);
	expect_eq(vcpu_state(vm.vcpu).entries, entries);
	wait_change(vm.space, counter(AXVCPU_RISCV_LINE_TIMER), n);
	runner_stop(&r);
}

/* Between the two exits of a CSR instruction. */
static void a_csr_instruction_moves(void)
{
	struct vm vm = vm_new();
	struct axvcpu_exit exit;

	vm_enter(&vm, guest(csr_write), 0x11, 0x22, 0x44, 0);
	vm_expect(&vm, AXVCPU_EXIT_SYSREG_WRITE);
	vm_expect(&vm, AXVCPU_EXIT_SYSREG_READ);
	expect_eq(axvcpu_set_return(vm.vcpu, 0x99), 0);
	move(&vm);
	exit = vm_expect(&vm, AXVCPU_EXIT_SYSREG_WRITE);
	expect_eq(exit.sysreg_write.addr, CSR_STIMECMP);
	expect_eq(exit.sysreg_write.value, 0x22);
	move(&vm);
	expect_eq(vm_done(&vm), 0x99);
}

static void bad_states_are_refused(void)
{
	static struct axvcpu_riscv_state state, bad;
	struct axvcpu_save arg = { .size = sizeof(arg), .data = (unsigned long)&state };
	struct vm vm = vm_new();

	expect_eq(axvcpu_save(vm.vcpu, &state, sizeof(state)), 0);
#define REFUSED(change) do {								\
		bad = state;								\
		bad.change;								\
		expect_eq(-axvcpu_restore(vm.vcpu, &bad, sizeof(bad)), EINVAL);		\
	} while (0)
	REFUSED(version = 2);
	REFUSED(flags = 4);
	REFUSED(regs.x[0] = 1);
	REFUSED(regs.pc |= 1);
	REFUSED(regs.supervisor = 2);
	REFUSED(regs.sstatus = ~0ull);
	REFUSED(regs.satp = 1ull << 60);
	REFUSED(fcsr = 0x100);
	REFUSED(lines = 1);
	REFUSED(csr = 1);
	REFUSED(csr_value = 1);
	REFUSED(vectors[0] = 1);
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
	static struct axvcpu_riscv_state good, bad;
	const struct random_states states = {
		.good = &good, .bad = &bad, .size = sizeof(good),
		.used = sizeof(good), .rounds = 200, .mode = AXVCPU_MODE_VS,
	};

	save_random_states(&states);
}

static const struct test tests[] = {
	{ "registers_move", registers_move },
	{ "pending_interrupts_move", pending_interrupts_move },
	{ "a_halt_and_its_timer_move", a_halt_and_its_timer_move },
	{ "a_csr_instruction_moves", a_csr_instruction_moves },
	{ "bad_states_are_refused", bad_states_are_refused },
	{ "made_up_states_do_no_harm", made_up_states_do_no_harm },
};

const struct suite suite_save = { .tests = tests, .nr = ARRAY_SIZE(tests) };
