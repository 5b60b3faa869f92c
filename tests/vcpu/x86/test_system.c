// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VMM of an operating system needs: exceptions, faults of MSRs, the moment when an interrupt
 * is taken, reset, startup IPIs, CPUID of an x2APIC, instructions that accessed a hole.
 */
#include "vm.h"

#include <time.h>
#include <x86intrin.h>

#define MSR_UNKNOWN	0xc0010055u
#define MSR_LSTAR	0xc0000082u
#define BIT64(n)	(1ull << (n))

enum { DB = 1, NMI = 2, UD = 6, DF = 8, GP = 13, PF = 14 };

static void run_to_halt(struct vm *vm, u64 entry)
{
	vm_enter(vm, entry, 0, 0, 0, 0);
	vm_expect(vm, AXVCPU_EXIT_HALT);
}

static void exceptions_are_raised_with_their_code(void)
{
	static const struct { u32 vector, error; bool has_code; } all[] = {
		{ UD, 0, false }, { GP, 0x18, true }, { PF, 6, true }, { UD, 5, false },
	};
	struct vm vm = kernel(BIT64(UD) | BIT64(GP) | BIT64(PF));

	for (u64 i = 0; i < ARRAY_SIZE(all); i++) {
		struct record r;

		vm_enter(&vm, guest(halt), 0, 0, 0, 0);
		expect_eq(axvcpu_inject_exception(vm.vcpu, all[i].vector, all[i].error), 0);
		vm_expect(&vm, AXVCPU_EXIT_HALT);
		expect_eq(records(&vm), i + 1);
		r = record(&vm, i);
		expect_eq(r.vector, all[i].vector);
		expect_eq(r.error, all[i].has_code ? all[i].error : 0);
		expect_eq(r.rip, guest(halt));
	}
	expect_eq(-axvcpu_inject_exception(vm.vcpu, NMI, 0), EINVAL);
	expect_eq(-axvcpu_inject_exception(vm.vcpu, 32, 0), EINVAL);
}

static void two_faults_make_a_double_fault(void)
{
	struct vm vm = kernel(0);

	vm_enter(&vm, guest(halt), 0, 0, 0, 0);
	expect_eq(axvcpu_inject_exception(vm.vcpu, GP, 1), 0);
	expect_eq(axvcpu_inject_exception(vm.vcpu, GP, 2), 0);
	expect_eq(vm_done(&vm), DF);
	expect_eq(record(&vm, 0).error, 0);
	expect_eq(records(&vm), 1);
}

/* The access faults as if it had not exited: at its own address, without the step of TF. */
static void msr_accesses_fault(void)
{
	static const u32 reasons[] = { AXVCPU_EXIT_SYSREG_READ, AXVCPU_EXIT_SYSREG_WRITE };

	for (u64 i = 0; i < 4; i++) {
		struct vm vm = kernel(0);
		struct axvcpu_regs regs;
		struct axvcpu_exit exit;

		vm_enter(&vm, i & 1 ? guest(wrmsr) : guest(rdmsr), MSR_UNKNOWN, 7, 0, 0);
		exit = vm_expect(&vm, reasons[i & 1]);
		if (i & 2) {
			/* The same again with TF. */
			expect_ok(axvcpu_get_regs(vm.vcpu, &regs));
			regs.rip = exit.rip - 2;
			regs.rflags |= FLAG_TF;
			expect_ok(axvcpu_set_regs(vm.vcpu, &regs));
			exit = vm_expect(&vm, reasons[i & 1]);
		}
		expect_eq(axvcpu_set_return_fault(vm.vcpu), 0);
		expect_eq(-axvcpu_set_return_fault(vm.vcpu), EINVAL);
		expect_eq(vm_done(&vm), GP);
		expect_eq(records(&vm), 1);
		expect_eq(record(&vm, 0).rip, exit.rip - 2);
		expect_eq(record(&vm, 0).error, 0);
	}
}

static void other_exits_do_not_fault(void)
{
	struct vm vm = kernel(0);

	expect_eq(-axvcpu_set_return_fault(vm.vcpu), EINVAL);
	vm_enter(&vm, guest(out), 0, 0, 0, 0);
	vm_expect(&vm, AXVCPU_EXIT_IO_WRITE);
	expect_eq(-axvcpu_set_return_fault(vm.vcpu), EINVAL);
}

/* Run with a window for @vector to the next exit. */
static struct axvcpu_exit run_window(struct vm *vm, u32 vector)
{
	struct axvcpu_exit exit;
	int err;

	do
		err = axvcpu_run_window(vm->vcpu, vector, &exit);
	while (err == -EINTR || (!err && exit.reason == AXVCPU_EXIT_NOTHING));
	expect_eq(-err, 0);
	return exit;
}

/* G13: with IF clear nothing is injected now; the run ends where IF is set. */
static void window_opens_with_the_flag(void)
{
	struct vm vm = vm_new();

	enter_interrupts(&vm, 2);
	expect_eq(-axvcpu_inject_now(vm.vcpu, 0x60), EAGAIN);
	poke(vm.space, counter(0), 1);
	expect_eq(run_window(&vm, 0x60).reason, AXVCPU_EXIT_WINDOW);
	expect_eq(peek(vm.space, counter(0x60)), 0);
	/* It stays open until the guest runs. */
	expect_eq(run_window(&vm, 0x60).reason, AXVCPU_EXIT_WINDOW);
	expect_eq(axvcpu_inject_now(vm.vcpu, 0x60), 0);
	/* One that is pending comes first. */
	expect_eq(-axvcpu_inject_now(vm.vcpu, 0x50), EAGAIN);
	expect_eq(-axvcpu_inject_now(vm.vcpu, 0x60), EAGAIN);
	vm_done(&vm);
	expect_eq(peek(vm.space, counter(0x60)), 1);
	expect_eq(peek(vm.space, counter(0x50)), 0);
}

/* A window is for a vector: one that the task priority keeps out does not open it. */
static void window_heeds_the_task_priority(void)
{
	struct vm vm = kernel(0);
	struct axvcpu_regs regs;

	vm_enter(&vm, guest(cr8), 8, 5, 0, 0);
	for (int i = 0; i < 2; i++)
		expect_eq(vm_expect(&vm, AXVCPU_EXIT_IO_WRITE).io_write.port, 0x80);
	expect_eq(vm_done(&vm), 8);
	expect_eq(run_window(&vm, 0x61).reason, AXVCPU_EXIT_HALT);
	expect_eq(-axvcpu_inject_now(vm.vcpu, 0x61), EAGAIN);
	/* QEMU 7.2 aborts when a guest lowers CR8 before a virtual interrupt. */
	if (vm_is_svm()) {
		expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
		regs.cr8 = 5;
		expect_eq(axvcpu_set_regs(vm.vcpu, &regs), 0);
	}
	expect_eq(run_window(&vm, 0x61).reason, AXVCPU_EXIT_WINDOW);
	expect_eq(axvcpu_inject_now(vm.vcpu, 0x61), 0);
	expect_eq(vm_done(&vm), 1);
	expect_eq(record(&vm, 0).vector, 0x61);
}

static void windows_are_for_vectors(void)
{
	struct vm vm = vm_new();
	struct axvcpu_exit exit = { .size = sizeof(exit), .flags = AXVCPU_RUN_WINDOW };

	vm_enter(&vm, guest(halt), 0, 0, 0, 0);
	expect_eq(-axas_ioctl(vm.vcpu, AXVCPU_RUN, &exit), EINVAL);
	exit.vector = 31;
	expect_eq(-axas_ioctl(vm.vcpu, AXVCPU_RUN, &exit), EINVAL);
	exit.vector = 256;
	expect_eq(-axas_ioctl(vm.vcpu, AXVCPU_RUN, &exit), EINVAL);
	exit.vector = 32;
	exit.flags = 0;
	expect_eq(-axas_ioctl(vm.vcpu, AXVCPU_RUN, &exit), EINVAL);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
}

/* A halted vCPU whose window is open leaves its wait. */
static void window_ends_a_blocked_halt(void)
{
	struct vm vm = vm_with(AXVCPU_SETUP_BLOCK);

	enter_interrupts(&vm, 1);
	for (u64 i = 0; i < 5; i++) {
		expect_eq(run_window(&vm, 0x70).reason, AXVCPU_EXIT_WINDOW);
		expect_eq(axvcpu_inject_now(vm.vcpu, 0x70), 0);
	}
	/* What is pending goes first. */
	expect_eq(run_window(&vm, 0x6f).reason, AXVCPU_EXIT_WINDOW);
	expect_eq(peek(vm.space, counter(0x70)), 5);
}

static void reset_starts_anew(void)
{
	struct vm vm = vm_new();
	struct axvcpu_regs regs;
	struct axvcpu_exit exit;

	enter_interrupts(&vm, 2);
	vm_call(&vm, guest(wrmsr), MSR_LSTAR, 0xffff800012345678, 0, 0);
	expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
	regs.cr8 = 9;
	regs.gpr[AXVCPU_REG_R15] = 15;
	expect_eq(axvcpu_set_regs(vm.vcpu, &regs), 0);
	expect_eq(axvcpu_inject(vm.vcpu, 0x50), 0);
	expect_eq(axvcpu_inject_exception(vm.vcpu, UD, 0), 0);
	expect_eq(axvcpu_reset(vm.vcpu), 0);
	expect_eq(vcpu_state(vm.vcpu).state, AXVCPU_STATE_CREATED);
	expect_eq(-axvcpu_run(vm.vcpu, &exit), EBADFD);
	expect_eq(axvcpu_reset(vm.vcpu), 0);
	expect_eq(setup(vm.vcpu, AXVCPU_MODE_LONG, guest(halt), 0), 0);
	expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
	expect_eq(regs.cr8, 0);
	expect_eq(regs.gpr[AXVCPU_REG_R15], 0);
	expect_eq(vm_call(&vm, guest(rdmsr), MSR_LSTAR, 0, 0, 0), 0);
	enter_interrupts(&vm, 1);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
	expect_eq(peek(vm.space, counter(0x50)), 0);
}

static void reset_ends_a_triple_fault(void)
{
	struct vm vm = vm_new();

	for (int i = 0; i < 3; i++) {
		vm_enter(&vm, guest(triple), 0, 0, 0, 0);
		vm_expect(&vm, AXVCPU_EXIT_SYSTEM_DOWN);
		expect_eq(axvcpu_reset(vm.vcpu), 0);
		expect_eq(setup(vm.vcpu, AXVCPU_MODE_LONG, guest(halt), 0), 0);
		run_to_halt(&vm, guest(halt));
	}
}

static void enter_spin(struct vm *vm)
{
	expect_eq(axvcpu_reset(vm->vcpu), 0);
	expect_eq(setup(vm->vcpu, AXVCPU_MODE_LONG, guest(spin), 0), 0);
}

static int reset(struct vm *vm)
{
	return axvcpu_reset(vm->vcpu);
}

static int inject_now(struct vm *vm)
{
	return axvcpu_inject_now(vm->vcpu, 0x50);
}

static int inject_exception(struct vm *vm)
{
	return axvcpu_inject_exception(vm->vcpu, UD, 0);
}

static void reset_waits_for_no_run(void)
{
	struct vm vm = vm_new();

	expect_eq(-beside_run(&vm, enter_spin, reset), EBUSY);
	expect_eq(-beside_run(&vm, enter_spin, inject_now), EBUSY);
	expect_eq(-beside_run(&vm, enter_spin, inject_exception), EBUSY);
	expect_eq(axvcpu_reset(vm.vcpu), 0);
}

/* After a startup IPI for page 0x31 CS is 0x3100; without, the same address is 0x3000:0x1000. */
static void startup_sets_cs_alone(void)
{
	static const struct { u32 flags; u64 base; } entries[] = {
		{ AXVCPU_SETUP_STARTUP, 0x31000 }, { 0, 0x30000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		int space = open_space();
		struct vm vm = { .space = space };

		low_memory(space);
		write_guest(space, 0x31000, guest_real, 32);
		vm.vcpu = open_vcpu(space, 0, 0);
		expect_eq(setup(vm.vcpu, AXVCPU_MODE_REAL, 0x31000, entries[i].flags), 0);
		expect_eq(vm_done(&vm), 0x5a);
		expect_eq(peek(space, entries[i].base + 0x8000) & 0xff, 0x5a);
		vm_free(&vm);
	}
}

static void startup_is_for_pages_of_real_mode(void)
{
	int vcpu = open_vcpu(open_space(), 0, 0);

	expect_eq(-setup(vcpu, AXVCPU_MODE_REAL, 0x31800, AXVCPU_SETUP_STARTUP), EINVAL);
	expect_eq(-setup(vcpu, AXVCPU_MODE_LONG, 0x31000, AXVCPU_SETUP_STARTUP), EINVAL);
	expect_eq(vcpu_state(vcpu).state, AXVCPU_STATE_CREATED);
}

static struct axvcpu_regs cpuid(struct vm *vm, u32 leaf)
{
	struct axvcpu_regs regs;

	vm_call(vm, guest(cpuid), leaf, 0, 0, 0);
	expect_eq(axvcpu_get_regs(vm->vcpu, &regs), 0);
	return regs;
}

static void cpuid_tells_of_the_x2apic(void)
{
	struct vm vm = vm_new(), other = { .space = vm.space };
	struct axvcpu_regs regs = cpuid(&vm, 1);

	expect_eq(regs.gpr[AXVCPU_REG_RCX] & (BIT64(21) | BIT64(24)), 0);
	expect_eq(regs.gpr[AXVCPU_REG_RDX] & BIT64(9), 0);
	other.vcpu = open_vcpu(vm.space, 5, 0);
	expect_eq(setup(other.vcpu, AXVCPU_MODE_LONG, guest(halt), AXVCPU_SETUP_X2APIC), 0);
	regs = cpuid(&other, 1);
	expect_eq(regs.gpr[AXVCPU_REG_RCX] & (BIT64(21) | BIT64(24)), BIT64(21) | BIT64(24));
	expect_eq(regs.gpr[AXVCPU_REG_RDX] & BIT64(9), BIT64(9));
	expect_eq(regs.gpr[AXVCPU_REG_RBX] >> 24, 5);
	other.vcpu = open_vcpu(vm.space, 255, 0);
	expect_eq(-setup(other.vcpu, AXVCPU_MODE_LONG, guest(halt), AXVCPU_SETUP_X2APIC), EINVAL);
}

/* mov (%rdi), %rax */
static const u8 load_rax[] = { 0x48, 0x8b, 0x07 };

static void holes_tell_the_instruction(void)
{
	struct vm vm = vm_new();
	struct axvcpu_exit exit;

	vm_enter(&vm, guest(read), VM_TEST, 0, 0, 0);
	exit = vm_expect(&vm, AXVCPU_EXIT_NESTED_PAGE_FAULT);
	expect_eq(exit.nested_page_fault.insn_len, AXVCPU_MAX_INSN);
	expect(!memcmp(exit.nested_page_fault.insn, guest_read, AXVCPU_MAX_INSN));
	expect(!memcmp(exit.nested_page_fault.insn, load_rax, sizeof(load_rax)));
	/* At the end of the memory the bytes end, too. */
	write_guest(vm.space, VM_LOW - sizeof(load_rax), load_rax, sizeof(load_rax));
	vm_enter(&vm, VM_LOW - sizeof(load_rax), VM_TEST, 0, 0, 0);
	exit = vm_expect(&vm, AXVCPU_EXIT_NESTED_PAGE_FAULT);
	expect_eq(exit.nested_page_fault.gpa, VM_TEST);
	expect_eq(exit.nested_page_fault.insn_len, sizeof(load_rax));
	expect(!memcmp(exit.nested_page_fault.insn, load_rax, sizeof(load_rax)));
}

/* The kernel's figure, as it says itself: "cpu MHz". */
static u64 khz_of_cpuinfo(void)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[8192];
	double mhz = 0;

	expect(f);
	while (fgets(line, sizeof(line), f) && sscanf(line, "cpu MHz : %lf", &mhz) != 1)
		;
	fclose(f);
	return mhz * 1000;
}

static bool is_near(u64 a, u64 b)
{
	return a > b * 9 / 10 && a < b * 11 / 10;
}

/* On a busy machine the kernel's figure may be off, or the measured one. */
static void tsc_frequency_is_told(void)
{
	struct vm vm = vm_new();
	u64 khz = vcpu_state(vm.vcpu).tsc_khz, ms = now_ms(), tsc = __rdtsc(), measured;

	sleep_ms(300);
	tsc = __rdtsc() - tsc;
	ms = now_ms() - ms;
	measured = tsc / ms;
	if (!is_near(measured, khz) && !is_near(khz_of_cpuinfo(), khz))
		fail("%llu kHz are told, %llu measured, %llu in cpuinfo", khz, measured,
		     khz_of_cpuinfo());
}

static const struct test tests[] = {
	{ "exceptions_are_raised_with_their_code", exceptions_are_raised_with_their_code },
	{ "two_faults_make_a_double_fault", two_faults_make_a_double_fault },
	{ "msr_accesses_fault", msr_accesses_fault },
	{ "other_exits_do_not_fault", other_exits_do_not_fault },
	{ "window_opens_with_the_flag", window_opens_with_the_flag },
	{ "window_heeds_the_task_priority", window_heeds_the_task_priority },
	{ "windows_are_for_vectors", windows_are_for_vectors },
	{ "window_ends_a_blocked_halt", window_ends_a_blocked_halt },
	{ "reset_starts_anew", reset_starts_anew },
	{ "reset_ends_a_triple_fault", reset_ends_a_triple_fault },
	{ "reset_waits_for_no_run", reset_waits_for_no_run },
	{ "startup_sets_cs_alone", startup_sets_cs_alone },
	{ "startup_is_for_pages_of_real_mode", startup_is_for_pages_of_real_mode },
	{ "cpuid_tells_of_the_x2apic", cpuid_tells_of_the_x2apic },
	{ "holes_tell_the_instruction", holes_tell_the_instruction },
	{ "tsc_frequency_is_told", tsc_frequency_is_told },
};

const struct suite suite_system = { .tests = tests, .nr = ARRAY_SIZE(tests) };
