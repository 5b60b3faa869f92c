// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VMM of an operating system needs: the guest's timer, interrupt lines, refused CSRs,
 * flushes of the guest's own tables, reset, the end by SRST.
 */
#include "vm.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#define TIMER_FLAGS	(AXVCPU_SETUP_TIMER | AXVCPU_SETUP_BLOCK)
#define LINE_SOFT	1
#define TICKS		100000		/* 10 ms of QEMU's clock */
#define CAUSE_ILLEGAL	2
#define RDINSTRET_A0	0xc0202573

static bool has_sstc(void)
{
	char line[512];
	bool has = false;
	FILE *f = fopen("/proc/cpuinfo", "r");

	expect(f);
	while (fgets(line, sizeof(line), f))
		has |= !strncmp(line, "isa", 3) && strstr(line, "_sstc");
	fclose(f);
	return has;
}

static u64 tick_ms(void)
{
	struct vm vm = vm_with(TIMER_FLAGS);
	u64 ms = TICKS * 1000ull / vcpu_state(vm.vcpu).time_hz;

	vm_free(&vm);
	return ms;
}

/* Ten interrupts of a timer that is set again in each, while the guest waits in between. */
static void expect_timer(u64 by_cpu)
{
	struct vm vm = vm_with(TIMER_FLAGS);
	struct runner r = { 0 };
	u64 start = now_ms(), n = 0, ms = tick_ms();

	vm_enter(&vm, guest(lines), 0, VM_DATA, TICKS, by_cpu);
	runner_start(&r, &vm, -1);
	while (n < 10)
		n = wait_change(vm.space, counter(AXVCPU_RISCV_LINE_TIMER), n);
	runner_stop(&r);
	note("%llu interrupts of %llu ms in %llu ms", n, ms, now_ms() - start);
	expect(now_ms() - start >= 10 * ms);
	expect(vcpu_state(vm.vcpu).exits[AXVCPU_EXIT_HALT] >= 5);
	expect_eq(vcpu_state(vm.vcpu).exits[AXVCPU_EXIT_HYPERCALL], 0);
}

static void timer_by_sbi(void)
{
	expect_timer(0);
}

static void timer_by_stimecmp(void)
{
	if (!has_sstc())
		skip("the CPU has no Sstc");
	expect_timer(1);
}

/* The shortest of some times in which the guest is interrupted @nr times. */
static u64 shortest_ms(const struct vm *vm, u64 nr)
{
	u64 at = counter(AXVCPU_RISCV_LINE_TIMER), shortest = ~0ull, n, start;

	for (int i = 0; i < 20; i++) {
		n = wait_change(vm->space, at, peek(vm->space, at));
		start = now_ms();
		for (u64 end = n + nr; n < end;)
			n = wait_change(vm->space, at, n);
		if (now_ms() - start < shortest)
			shortest = now_ms() - start;
	}
	return shortest;
}

/* A guest that does not wait is interrupted as well, every ms, not only at ticks of the host. */
static void timer_interrupts_a_busy_guest(void)
{
	struct vm vm = vm_with(AXVCPU_SETUP_TIMER);
	struct axvcpu_regs regs;
	struct runner r = { 0 };
	u64 shortest;

	vm_enter(&vm, guest(lines), 0, VM_DATA, vcpu_state(vm.vcpu).time_hz / 1000, 0);
	/* Without AXVCPU_SETUP_BLOCK the first wait comes out, its timer set. */
	vm_expect(&vm, AXVCPU_EXIT_HALT);
	expect_ok(axvcpu_get_regs(vm.vcpu, &regs));
	regs.riscv.pc = guest(spin);
	expect_ok(axvcpu_set_regs(vm.vcpu, &regs));
	runner_start(&r, &vm, -1);
	shortest = shortest_ms(&vm, 5);
	runner_stop(&r);
	note("5 ms are %llu ms", shortest);
	expect(shortest < 16);
}

/* It goes on while the vCPU is outside: on the next run it is due. */
static void timer_is_kept_outside(void)
{
	struct vm vm = vm_with(TIMER_FLAGS);
	struct axvcpu_exit exit;
	struct runner r = { 0 };
	u64 before;

	vm_enter(&vm, guest(lines), 0, VM_DATA, TICKS, 0);
	runner_start(&r, &vm, -1);
	wait_change(vm.space, counter(AXVCPU_RISCV_LINE_TIMER), 0);
	runner_stop(&r);
	before = peek(vm.space, counter(AXVCPU_RISCV_LINE_TIMER));
	sleep_ms(tick_ms() + 20);
	expect_eq(peek(vm.space, counter(AXVCPU_RISCV_LINE_TIMER)), before);
	expect_eq(axvcpu_kick(vm.vcpu), 0);
	expect_eq(-axvcpu_run(vm.vcpu, &exit), EINTR);
	runner_start(&r, &vm, -1);
	wait_change(vm.space, counter(AXVCPU_RISCV_LINE_TIMER), before);
	runner_stop(&r);
}

/* Without the flag both ways come out. */
static void timer_is_the_vmms_without_the_flag(void)
{
	struct vm vm = vm_new();
	struct axvcpu_exit exit;

	vm_enter(&vm, guest(set_timer), 1234, 0, 0, 0);
	exit = vm_expect(&vm, AXVCPU_EXIT_HYPERCALL);
	expect_eq(exit.hypercall.nr, SBI_TIME);
	expect_eq(exit.hypercall.args[0], 1234);
	expect_eq(axvcpu_set_return(vm.vcpu, 5), 0);
	expect_eq(vm_done(&vm), 5);
	expect_eq(vm_expect(&vm, AXVCPU_EXIT_SYSREG_WRITE).sysreg_write.value, 5);
}

/* A line is high until it is lowered; it wakes a waiting guest. */
static void external_line_has_a_level(void)
{
	struct vm vm = vm_with(AXVCPU_SETUP_BLOCK);
	struct runner r = { 0 };

	vm_enter(&vm, guest(lines), 0, VM_DATA, 0, 0);
	for (u64 i = 0; i < 20; i++) {
		runner_start(&r, &vm, -1);
		sleep_ms(i % 3);
		expect_ok(axvcpu_set_line(vm.vcpu, AXVCPU_RISCV_LINE_EXTERNAL, 1));
		runner_join(&r);
		expect_eq(expect_end(&vm, &r.exit), AXVCPU_RISCV_LINE_EXTERNAL);
		expect_eq(peek(vm.space, counter(AXVCPU_RISCV_LINE_EXTERNAL)), 2 * i + 1);
		/* Still high: it comes again as soon as the handler has returned. */
		expect_eq(vm_done(&vm), AXVCPU_RISCV_LINE_EXTERNAL);
		expect_ok(axvcpu_set_line(vm.vcpu, AXVCPU_RISCV_LINE_EXTERNAL, 0));
	}
	runner_start(&r, &vm, -1);
	expect_ok(axvcpu_inject(vm.vcpu, AXVCPU_RISCV_VECTOR_SOFT));
	wait_change(vm.space, counter(LINE_SOFT), 0);
	runner_stop(&r);
	expect_eq(peek(vm.space, counter(AXVCPU_RISCV_LINE_EXTERNAL)), 40);
}

static void other_lines_do_not_exist(void)
{
	struct vm vm = vm_new(), other;

	for (u32 line = 0; line < 64; line++) {
		bool exists = line == AXVCPU_RISCV_LINE_TIMER || line == AXVCPU_RISCV_LINE_EXTERNAL;

		expect_eq(-axvcpu_set_line(vm.vcpu, line, 0), exists ? 0 : EINVAL);
	}
	expect_eq(-axvcpu_set_line(vm.vcpu, 1u << 31, 1), EINVAL);
	other = (struct vm){ vm.space, open_vcpu(vm.space, 1, 0) };
	expect_eq(-axvcpu_set_line(other.vcpu, AXVCPU_RISCV_LINE_TIMER, 1), EBADFD);
	expect_eq(-axvcpu_flush(other.vcpu), EBADFD);
}

/* Only what it enables ends a guest's wait. */
static void disabled_interrupts_do_not_end_a_wait(void)
{
	struct vm vm = vm_new();

	vm_enter(&vm, guest(halt), 0, 0, 0, 0);
	expect_ok(axvcpu_inject(vm.vcpu, AXVCPU_RISCV_VECTOR_SOFT));
	expect_ok(axvcpu_set_line(vm.vcpu, AXVCPU_RISCV_LINE_EXTERNAL, 1));
	vm_expect(&vm, AXVCPU_EXIT_HALT);
}

static void refused_csrs_are_illegal(void)
{
	struct vm vm = vm_new();
	struct axvcpu_regs regs;

	expect_eq(-axvcpu_set_return_fault(vm.vcpu), EINVAL);
	for (int i = 0; i < 2; i++) {
		vm_enter(&vm, guest(csr_fault), 0, 0, 0, 0);
		vm_expect(&vm, AXVCPU_EXIT_SYSREG_READ);
		expect_ok(axvcpu_set_return_fault(vm.vcpu));
		expect_eq(-axvcpu_set_return_fault(vm.vcpu), EINVAL);
		expect_eq(vm_done(&vm), CAUSE_ILLEGAL);
		expect_ok(axvcpu_get_regs(vm.vcpu, &regs));
		expect_eq(regs.riscv.x[6], guest(csr_fault_at));
		expect_eq(regs.riscv.x[7], RDINSTRET_A0);
		expect(regs.riscv.x[28] & 0x100);	/* from the supervisor */
	}
	/* An answer, or another pc, is final. */
	vm_enter(&vm, guest(csr_fault), 0, 0, 0, 0);
	vm_expect(&vm, AXVCPU_EXIT_SYSREG_READ);
	expect_ok(axvcpu_set_return(vm.vcpu, 1));
	expect_eq(-axvcpu_set_return_fault(vm.vcpu), EINVAL);
	vm_enter(&vm, guest(csr_fault), 0, 0, 0, 0);
	vm_expect(&vm, AXVCPU_EXIT_SYSREG_READ);
	vm_enter(&vm, guest(halt), 0, 0, 0, 0);
	expect_eq(-axvcpu_set_return_fault(vm.vcpu), EINVAL);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
	expect_eq(-axvcpu_set_return_fault(vm.vcpu), EINVAL);
}

/* Writes, and the two exits of a read and a write. */
static void refused_writes_are_illegal(void)
{
	struct vm vm = vm_new();

	vm_enter(&vm, guest(csr_write), 0x11, 0x22, 0, 0);
	vm_expect(&vm, AXVCPU_EXIT_SYSREG_WRITE);
	vm_expect(&vm, AXVCPU_EXIT_SYSREG_READ);
	expect_ok(axvcpu_set_return(vm.vcpu, 0x99));
	vm_expect(&vm, AXVCPU_EXIT_SYSREG_WRITE);
	expect_eq(-axvcpu_set_return_fault(vm.vcpu), EINVAL);
	expect_eq(vm_done(&vm), 0x99);
}

#define LEAF_1G(gib)	((u64)(gib) << 28 | 0xcf)	/* D, A, X, W, R, V */

/* The page at 4 GiB is one of two; after each change and flush the guest reads the other. */
static void flush_reaches_a_running_guest(void)
{
	struct vm vm = vm_new();
	struct runner r = { 0 };
	u64 entries, flushes = 200, where = VM_DATA + 0x100;

	map(vm.space, VM_TEST, PAGE, RW, 0);
	map(vm.space, 2 * VM_TEST, PAGE, RW, 0);
	poke(vm.space, VM_TEST, 1);
	poke(vm.space, 2 * VM_TEST, 2);
	poke(vm.space, VM_TABLES, LEAF_1G(0));
	poke(vm.space, VM_TABLES + 8 * 4, LEAF_1G(1));
	vm_enter(&vm, guest(reread), VM_TABLES, 4 * VM_TEST, where, 0);
	runner_start(&r, &vm, -1);
	wait_change(vm.space, where, 0);
	entries = vcpu_state(vm.vcpu).entries;
	for (u64 i = 0; i < flushes; i++) {
		poke(vm.space, VM_TABLES + 8 * 4, LEAF_1G(2 - i % 2));
		expect_ok(axvcpu_flush(vm.vcpu));
		poke(vm.space, where, 0);
		expect_eq(wait_change(vm.space, where, 0), 2 - i % 2);
	}
	entries = vcpu_state(vm.vcpu).entries - entries;
	runner_stop(&r);
	note("%llu entries for %llu flushes", entries, flushes);
	expect(entries >= flushes / 2);
}

static void reset_begins_again(void)
{
	struct vm vm = vm_with(TIMER_FLAGS);
	struct axvcpu_regs regs;

	vm_enter(&vm, guest(set_timer), 0, 0, 0, 0);
	expect_eq(vm_done(&vm), 0);
	expect_ok(axvcpu_set_line(vm.vcpu, AXVCPU_RISCV_LINE_EXTERNAL, 1));
	vm_enter(&vm, guest(sbi), SBI_SRST, 0, 0, 0);
	vm_expect(&vm, AXVCPU_EXIT_SYSTEM_DOWN);
	expect_ok(axvcpu_reset(vm.vcpu));
	expect_eq(vcpu_state(vm.vcpu).state, AXVCPU_STATE_CREATED);
	expect_eq(setup(vm.vcpu, AXVCPU_MODE_VS, guest(csr_read), 0), 0);
	expect_ok(axvcpu_get_regs(vm.vcpu, &regs));
	expect_eq(regs.riscv.x[17], 0);
	expect_eq(regs.riscv.sip, 0);
	vm_expect(&vm, AXVCPU_EXIT_SYSREG_READ);
	expect_ok(axvcpu_set_return(vm.vcpu, 7));
	expect_eq(vm_done(&vm), 7);
	/* The timer's and the line's interrupts are gone. */
	vm_enter(&vm, guest(lines), 0, VM_DATA, 0, 0);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
	for (u64 n = 0; n < 16; n++)
		expect_eq(peek(vm.space, counter(n)), 0);
}

/* SRST has three types, in a0; others, and other functions, are the VMM's to answer. */
static void system_reset_tells_its_type(void)
{
	for (u64 type = 0; type < 5; type++) {
		struct vm vm = vm_new();
		struct axvcpu_regs regs;

		vm_enter(&vm, guest(sbi), SBI_SRST, type == 4, type, 0);
		if (type < 3) {
			vm_expect(&vm, AXVCPU_EXIT_SYSTEM_DOWN);
			expect_ok(axvcpu_get_regs(vm.vcpu, &regs));
			expect_eq(regs.riscv.x[10], type);
			expect_eq(regs.riscv.x[17], SBI_SRST);
		} else {
			expect_eq(vm_expect(&vm, AXVCPU_EXIT_HYPERCALL).hypercall.nr,
				  SBI_SRST | (u64)(type == 4) << 32);
		}
		vm_free(&vm);
	}
}

#define INSN_SYSTEM	0x73u
#define SSTATUS_UXL_64	(2ull << 32)
#define SSTATUS_SIE	2
#define INSN_ECALL	0x73u
#define INSN_EBREAK	0x100073ull
#define ROUNDS		4000

static void on_alarm(int sig)
{
	(void)sig;
}

static u64 random64(void)
{
	return (u64)rand() << 42 ^ (u64)rand() << 21 ^ rand();
}

/* SBI calls with arguments that mean something, CSRs that matter, any system instruction. */
static u32 random_instruction(u64 *x)
{
	static const u64 extensions[] = {
		SBI_TIME, SBI_IPI, SBI_HSM, SBI_SRST, SBI_CLAIM, SBI_SHUTDOWN, SBI_PUTCHAR, 0x10,
		0x52464e43,
	};
	static const u32 csrs[] = {
		0xc00, 0xc01, 0xc02, 0xc1f, 0x100, 0x104, 0x106, 0x10a, 0x144, 0x14d, 0x180, 0x600,
		0x644, 0x680,
	};

	for (int i = 1; i < 32; i++)
		x[i] = rand() & 1 ? random64() : (u64)rand() % 8;
	if (rand() & 1)
		return INSN_SYSTEM | (u32)random64() << 7;
	if (rand() & 1)
		return INSN_SYSTEM | (u32)rand() % 0x2000 << 7 |
		       csrs[(size_t)rand() % ARRAY_SIZE(csrs)] << 20;
	x[16] = (u64)rand() % 4;
	x[17] = extensions[(size_t)rand() % ARRAY_SIZE(extensions)];
	return INSN_ECALL;
}

/*
 * Enter a random instruction, with an exception handler that ends the guest. Registers that QEMU
 * lets a guest write to values that no CPU has are set as well.
 */
static void enter_random(struct vm *vm)
{
	struct axvcpu_regs regs;

	expect_ok(axvcpu_get_regs(vm->vcpu, &regs));
	poke(vm->space, VM_DATA, random_instruction(regs.riscv.x) | INSN_EBREAK << 32);
	regs.riscv.pc = VM_DATA;
	regs.riscv.supervisor = rand() % 4 != 0;
	regs.riscv.satp = 0;
	regs.riscv.stvec = guest(console);	/* with a0 of 0 it is done */
	regs.riscv.sie = (u64)rand() & 0x222;
	regs.riscv.sstatus = SSTATUS_UXL_64 | ((u64)rand() & SSTATUS_SIE);
	regs.riscv.sepc = 0;
	regs.riscv.scounteren = (u64)rand() % 8;
	regs.riscv.senvcfg = 0;
	expect_ok(axvcpu_set_regs(vm->vcpu, &regs));
}

static void answer_randomly(struct vm *vm, const struct axvcpu_exit *exit)
{
	if (rand() & 1)
		expect_ok(axvcpu_set_return(vm->vcpu, random64()));
	if (rand() & 1)
		axvcpu_set_return_fault(vm->vcpu);
	if (rand() % 8 == 0)
		expect_ok(axvcpu_set_line(vm->vcpu, AXVCPU_RISCV_LINE_EXTERNAL, rand() & 1));
	if (exit->reason != AXVCPU_EXIT_SYSTEM_DOWN)
		return;
	expect_ok(axvcpu_reset(vm->vcpu));
	expect_eq(setup(vm->vcpu, AXVCPU_MODE_VS, guest(halt), TIMER_FLAGS), 0);
}

/* Whatever a guest calls or executes, its VMM gets control back, and the vCPU can be used again. */
static void random_instructions_harm_nobody(void)
{
	struct itimerval timer = { { 0, 5000 }, { 0, 5000 } };
	struct sigaction action = { .sa_handler = on_alarm };
	struct vm vm = vm_with(TIMER_FLAGS), other = vm_new();
	u64 reasons = 0, interrupted = 0;
	struct axvcpu_exit exit;
	int err;

	srand(getpid());
	note("seed %d", getpid());
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (u64 i = 0; i < ROUNDS; i++) {
		enter_random(&vm);
		err = axvcpu_run(vm.vcpu, &exit);
		expect(!err || err == -EINTR);
		interrupted += !!err;
		if (err)
			continue;
		reasons |= 1ull << exit.reason;
		answer_randomly(&vm, &exit);
	}
	note("exits %#llx, %llu runs interrupted", reasons, interrupted);
	expect_ok(axvcpu_reset(vm.vcpu));
	expect_eq(setup(vm.vcpu, AXVCPU_MODE_VS, guest(halt), 0), 0);
	expect_eq(vm_call(&vm, guest(registers), 7, 1000, 0, 0), 1000);
	expect_eq(vm_call(&other, guest(registers), 9, 1000, 0, 0), 1000);
}

static void time_has_a_frequency(void)
{
	struct vm vm = vm_new();
	u64 hz = vcpu_state(vm.vcpu).time_hz, ms = now_ms(), ticks, measured;

	ticks = vm_call(&vm, guest(time), 0, 0, 0, 0);
	sleep_ms(500);
	ticks = vm_call(&vm, guest(time), 0, 0, 0, 0) - ticks;
	measured = ticks * 1000 / (now_ms() - ms);
	note("%llu Hz, measured %llu", hz, measured);
	expect(measured > hz / 10 * 8 && measured < hz / 10 * 12);
}

static const struct test tests[] = {
	{ "timer_by_sbi", timer_by_sbi },
	{ "timer_by_stimecmp", timer_by_stimecmp },
	{ "timer_interrupts_a_busy_guest", timer_interrupts_a_busy_guest },
	{ "timer_is_kept_outside", timer_is_kept_outside },
	{ "timer_is_the_vmms_without_the_flag", timer_is_the_vmms_without_the_flag },
	{ "external_line_has_a_level", external_line_has_a_level },
	{ "other_lines_do_not_exist", other_lines_do_not_exist },
	{ "disabled_interrupts_do_not_end_a_wait", disabled_interrupts_do_not_end_a_wait },
	{ "refused_csrs_are_illegal", refused_csrs_are_illegal },
	{ "refused_writes_are_illegal", refused_writes_are_illegal },
	{ "flush_reaches_a_running_guest", flush_reaches_a_running_guest },
	{ "reset_begins_again", reset_begins_again },
	{ "system_reset_tells_its_type", system_reset_tells_its_type },
	{ "random_instructions_harm_nobody", random_instructions_harm_nobody },
	{ "time_has_a_frequency", time_has_a_frequency },
};

const struct suite suite_system = { .tests = tests, .nr = ARRAY_SIZE(tests) };
