// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests see what real hardware shows: privilege, single steps over emulated instructions, task
 * priority, events whose delivery exits. FINDINGS G2 to G6 and G8.
 */
#include "vm.h"

#include <unistd.h>

#define FLAG_RF		0x10000ull
#define FLAGS		2ull		/* after a reset */
#define IOPL_3		0x3000ull
#define DR6_STEP	0x4000ull
#define USER_CS		0x23
#define DB		1

static u64 in_guest(const char *label)
{
	return VM_CODE + (u64)(label - guests_begin);
}

static void set_flags(struct vm *vm, u64 flags)
{
	struct axvcpu_regs regs;

	expect_eq(axvcpu_get_regs(vm->vcpu, &regs), 0);
	regs.rflags = flags;
	expect_eq(axvcpu_set_regs(vm->vcpu, &regs), 0);
}

/* Emulate a load from a hole as a VMM does: set RAX, and RIP to @after. */
static void emulate(struct vm *vm, u64 after)
{
	struct axvcpu_regs regs;

	expect_eq(axvcpu_get_regs(vm->vcpu, &regs), 0);
	regs.gpr[AXVCPU_REG_RAX] = 0x1234;
	regs.rip = after;
	regs.flags = AXVCPU_REGS_RETIRED;
	expect_eq(axvcpu_set_regs(vm->vcpu, &regs), 0);
}

/* Complete exits until the guest is done; return their number. */
static unsigned int run_step(struct vm *vm, const struct step *step)
{
	struct axvcpu_exit exit;
	unsigned int n;

	for (n = 0; ; n++) {
		expect_eq(vcpu_run(vm->vcpu, &exit), 0);
		if (exit.reason == AXVCPU_EXIT_IO_WRITE && exit.io_write.port == PORT_DONE)
			return n;
		if (exit.reason == AXVCPU_EXIT_NESTED_PAGE_FAULT)
			emulate(vm, in_guest(step->after));
		else if (exit.rip != in_guest(step->after))
			fail("%s: %s at %#llx, not behind it", step->name,
			     axvcpu_exit_name(exit.reason), exit.rip);
		if (exit.reason == AXVCPU_EXIT_HALT)
			fail("%s halts in spite of the trap that is pending", step->name);
		if (exit.reason == AXVCPU_EXIT_IO_READ || exit.reason == AXVCPU_EXIT_SYSREG_READ)
			expect_eq(axvcpu_set_return(vm->vcpu, 0), 0);
	}
}

/*
 * Emulator bugs: QEMU 7.2 inhibits the trap after STI, as it does interrupts. Bochs 2.7 traps
 * before an instruction that is retried after its exit.
 */
static bool steps_well(const char *name)
{
	static const char *const qemu[] = { "vmcall", "sti" };
	static const char *const bochs[] = { "vmmcall", "write_cr0", "write_cr4", "page_fault" };
	const char *const *bad = vm_is_svm() ? qemu : bochs;
	size_t n = vm_is_svm() ? ARRAY_SIZE(qemu) : ARRAY_SIZE(bochs);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(name, bad[i]))
			return false;
	return true;
}

/*
 * G3: with TF each instruction traps once, directly after it, with BS in DR6, whether hardware,
 * axvcpu or the VMM executes it.
 */
static void every_instruction_traps_after_itself(void)
{
	struct vm vm = kernel(1u << DB);
	unsigned int n = 0, exits = 0;

	map(vm.space, VM_TEST + 2 * MIB, PAGE, RW, 0);
	for (const struct step *step = guest_steps; step->name; step++) {
		struct record r;

		if (!steps_well(step->name))
			continue;
		poke(vm.space, LOG_COUNT, 0);
		vm_enter(&vm, in_guest(step->entry), 0, 0, 0x60, 0);
		exits += run_step(&vm, step);
		if (records(&vm) != 1)
			fail("%s: %llu traps", step->name, records(&vm));
		r = record(&vm, 0);
		if (r.vector != DB || r.rip != in_guest(step->after) || !(r.dr6 & DR6_STEP))
			fail("%s: vector %llu at %#llx, not %#llx, DR6 %#llx", step->name,
			     r.vector, r.rip, in_guest(step->after), r.dr6);
		if (!(r.rflags & FLAG_TF) || r.rflags & FLAG_RF)
			fail("%s: flags %#llx", step->name, r.rflags);
		n++;
	}
	note("%u instructions, %u exits", n, exits);
}

/* G3: RF is cleared after one instruction, also one that the VMM emulates. */
static void resume_flag_ends_with_the_instruction(void)
{
	struct vm vm = kernel(0);
	struct axvcpu_regs regs;

	vm_enter(&vm, guest(out_cli) + 2, 0, 0, 0, 0);
	set_flags(&vm, FLAGS | FLAG_RF);
	vm_expect(&vm, AXVCPU_EXIT_IO_WRITE);
	expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
	expect_eq(regs.rflags & FLAG_RF, 0);

	vm_enter(&vm, guest(read), VM_TEST, 0, 0, 0);
	set_flags(&vm, FLAGS | FLAG_RF);
	vm_expect(&vm, AXVCPU_EXIT_NESTED_PAGE_FAULT);
	emulate(&vm, guest(read) + 3);
	expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
	expect_eq(regs.rflags & FLAG_RF, 0);
	expect_eq(vm_done(&vm), 0x1234);
}

/* G3: MOV SS inhibits its trap until after the next instruction, which axvcpu emulates. */
static void stack_switch_traps_once(void)
{
	struct vm vm = kernel(1u << DB);
	struct record r;

	if (vm_is_svm())
		skip("QEMU 7.2 does not hold a trap off after MOV SS");
	vm_call(&vm, guest(step_ss), 0, 0, 0, 0);
	expect_eq(records(&vm), 1);
	r = record(&vm, 0);
	expect_eq(r.vector, DB);
	expect_eq(r.rip, guest(stepped_ss));
	expect(r.dr6 & DR6_STEP);
}

/* Run @entry at CPL 3 until an exception ends it in the guest's kernel; return the vector. */
static u64 run_program(struct vm *vm, u64 entry, u64 flags)
{
	vm_enter(vm, guest(user), entry, flags, 0, 0);
	poke(vm->space, LOG_COUNT, 0);
	return vm_done(vm);
}

/* G2: CPL 3 cannot cause a hypercall exit nor any other exit reserved for CPL 0. */
static void programs_may_not_what_kernels_may(void)
{
	struct vm vm = kernel(0);
	unsigned int n = 0;

	for (const struct forbidden *f = guest_forbidden; f->name; f++) {
		struct axvcpu_exit exit;
		struct record r;

		if (!(f->cpus & (vm_is_svm() ? 1 : 2)))
			continue;
		vm_enter(&vm, guest(user), in_guest(f->entry), FLAGS, 0, 0);
		poke(vm.space, LOG_COUNT, 0);
		expect_eq(vcpu_run(vm.vcpu, &exit), 0);
		if (exit.reason != AXVCPU_EXIT_IO_WRITE || exit.io_write.data != f->vector)
			fail("%s: %s %#llx at %#llx", f->name, axvcpu_exit_name(exit.reason),
			     exit.raw[1], exit.rip);
		r = record(&vm, 0);
		if (r.rip != in_guest(f->entry) || r.cs != USER_CS)
			fail("%s: at %#llx, CS %#llx", f->name, r.rip, r.cs);
		n++;
	}
	note("%u instructions", n);
}

/* G2: for exits that CPL 3 can cause, the registers tell the CPL. */
static void registers_tell_privilege(void)
{
	struct vm vm = kernel(0);
	struct axvcpu_regs regs;

	expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
	expect_eq(regs.cpl, 0);
	vm_enter(&vm, guest(user), guest(user_out), FLAGS | IOPL_3, 0, 0);
	expect_eq(vm_expect(&vm, AXVCPU_EXIT_IO_WRITE).io_write.port, 0x80);
	expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
	expect_eq(regs.cpl, 3);
	for (u64 cpl = 0; cpl < 5; cpl++) {
		regs.cpl = cpl;
		expect_eq(-axvcpu_set_regs(vm.vcpu, &regs), cpl == 3 ? 0 : EINVAL);
	}
	expect_eq(vm_done(&vm), 0x80);
	expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
	expect_eq(regs.cpl, 0);
}

/* G4: an INT1 is delivered once, and its handler returns to the next instruction. */
static void int1_is_delivered_once(void)
{
	struct vm vm = kernel(1u << DB);

	if (vm_is_svm())
		skip("QEMU has no INT1");
	for (int i = 0; i < 2; i++) {
		expect_eq(run_program(&vm, guest(int1), i ? FLAGS | FLAG_TF : FLAGS), 0x80);
		expect_eq(records(&vm), 2);
		expect_eq(record(&vm, 0).vector, DB);
		expect_eq(record(&vm, 0).rip, guest(after_int1));
		expect_eq(record(&vm, 0).dr6 & DR6_STEP, 0);
	}
}

/* G4: a trap in the shadow of STI or MOV SS ends the program, and does not fail the VM entry. */
static void traps_in_a_shadow_are_delivered(void)
{
	struct vm vm = kernel(1u << DB);

	expect_eq(run_program(&vm, guest(user_sti), FLAGS | IOPL_3), 0x80);
	expect_eq(records(&vm), 2);
	expect_eq(record(&vm, 0).vector, DB);
	/* QEMU 7.2 inhibits the trap as it does interrupts, and has no INT1. */
	if (vm_is_svm())
		return;
	expect_eq(record(&vm, 0).rip, guest(after_sti));
	expect_eq(run_program(&vm, guest(ss_int1), FLAGS), 0x80);
	expect_eq(record(&vm, 0).vector, DB);
	expect_eq(record(&vm, 0).rip, guest(after_ss_int1));
}

/* STI; HLT with an interrupt pending: the interrupt ends the HLT, which does not exit. */
static void halt_does_not_come_out_when_a_vector_waits(void)
{
	struct vm vm = kernel(0);

	for (u32 vector = 0x20; vector < 0x100; vector += 0x25) {
		poke(vm.space, LOG_COUNT, 0);
		vm_enter(&vm, guest(sti_hlt), 0, 0, 0, 0);
		set_flags(&vm, FLAGS);
		expect_eq(axvcpu_inject(vm.vcpu, vector), 0);
		expect_eq(vm_done(&vm), 1);
		expect_eq(record(&vm, 0).vector, vector);
	}
	/* Without one HLT exits; one injected then is delivered before the CLI. */
	poke(vm.space, LOG_COUNT, 0);
	vm_enter(&vm, guest(sti_hlt), 0, 0, 0, 0);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
	expect_eq(axvcpu_inject(vm.vcpu, 0x40), 0);
	expect_eq(vm_done(&vm), 1);
	/* With IF 0 HLT exits in spite of the pending vector. */
	vm_enter(&vm, guest(halt), 0, 0, 0, 0);
	set_flags(&vm, FLAGS);
	expect_eq(axvcpu_inject(vm.vcpu, 0x40), 0);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
}

/* The host's STI before the entry leaves no shadow in the guest, whose first instruction is CLI. */
static void no_shadow_of_the_hosts_reaches_the_guest(void)
{
	struct vm vm = kernel(0);

	for (u64 i = 0; i < 20; i++) {
		poke(vm.space, LOG_COUNT, 0);
		vm_enter(&vm, guest(out_cli), 0, 0, 0, 0);
		vm_expect(&vm, AXVCPU_EXIT_IO_WRITE);
		expect_eq(axvcpu_inject(vm.vcpu, 0x30 + i), 0);
		expect_eq(vm_done(&vm), 1);
		expect_eq(record(&vm, 0).vector, 0x30 + i);
	}
}

static u64 cr8_of(struct vm *vm)
{
	struct axvcpu_regs regs;

	expect_eq(axvcpu_get_regs(vm->vcpu, &regs), 0);
	return regs.cr8;
}

static void set_cr8(struct vm *vm, u64 cr8)
{
	struct axvcpu_regs regs;

	expect_eq(axvcpu_get_regs(vm->vcpu, &regs), 0);
	regs.cr8 = cr8;
	expect_eq(axvcpu_set_regs(vm->vcpu, &regs), 0);
}

/* G5: CR8 survives exits and holds back vectors not above it, on VMX and SVM alike. */
static void task_priority_stays_and_holds_interrupts_off(void)
{
	struct vm vm = kernel(0);

	for (u64 cr8 = 0; cr8 < 16; cr8++) {
		poke(vm.space, LOG_COUNT, 0);
		vm_enter(&vm, guest(cr8), cr8, 0, 0, 0);
		set_flags(&vm, FLAGS);
		for (int i = 0; i < 2; i++) {
			vm_expect(&vm, AXVCPU_EXIT_IO_WRITE);
			expect_eq(cr8_of(&vm), cr8);
		}
		expect_eq(vm_done(&vm), cr8);
		if (cr8 < 4)
			continue;
		/* Two classes below: the vector stays pending until CR8 is 0. */
		expect_eq(axvcpu_inject(vm.vcpu, (cr8 - 2) << 4 | 5), 0);
		vm_expect(&vm, AXVCPU_EXIT_HALT);
		expect_eq(records(&vm), 0);
		/* QEMU 7.2 aborts when a guest lowers CR8 before a virtual interrupt. */
		if (vm_is_svm())
			set_cr8(&vm, 0);
		vm_done(&vm);
		expect_eq(records(&vm), 1);
	}
}

/* G5: the guest sees the CR8 that the VMM sets; vectors of the same class stay pending. */
static void task_priority_can_be_set(void)
{
	struct vm vm = kernel(0);
	struct axvcpu_regs regs;

	vm_enter(&vm, guest(cr8), 5, 0, 0, 0);
	set_flags(&vm, FLAGS);
	vm_expect(&vm, AXVCPU_EXIT_IO_WRITE);
	expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
	regs.cr8 = 16;
	expect_eq(-axvcpu_set_regs(vm.vcpu, &regs), EINVAL);
	regs.cr8 = 9;
	expect_eq(axvcpu_set_regs(vm.vcpu, &regs), 0);
	vm_expect(&vm, AXVCPU_EXIT_IO_WRITE);
	expect_eq(vm_done(&vm), 9);
	/* QEMU 7.2 wrongly delivers a virtual interrupt of the same class, too. */
	expect_eq(axvcpu_inject(vm.vcpu, vm_is_svm() ? 0x8f : 0x9f), 0);
	poke(vm.space, LOG_COUNT, 0);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
	expect_eq(records(&vm), 0);
	expect_eq(axvcpu_inject(vm.vcpu, 0xa0), 0);
	if (vm_is_svm())
		set_cr8(&vm, 0);
	expect_eq(vm_done(&vm), 2);
	expect_eq(record(&vm, 0).vector, 0xa0);
}

/*
 * G6: the interrupt's delivery raises #AC, which exits. The guest's kernel realigns the stack,
 * and then the interrupt is delivered.
 */
static void interrupt_survives_an_alignment_check(void)
{
	int space = open_space();
	struct vm vm = { .space = space };

	if (vm_is_svm())
		skip("QEMU checks no alignment");
	low_memory(space);
	vm.vcpu = open_vcpu(space, 0, 0);
	expect_eq(setup(vm.vcpu, AXVCPU_MODE_REAL, guest(alignment), 0), 0);
	vm_expect(&vm, AXVCPU_EXIT_IO_WRITE);
	expect_eq(axvcpu_inject(vm.vcpu, 0x60), 0);
	vm_done(&vm);
	expect_eq(peek(space, VM_DATA), 1);
	expect_eq(peek(space, VM_DATA + 8), 1);
}

/* CVE-2015-5307: #AC whose delivery raises #AC, endlessly. The host can still end the run. */
static void endless_alignment_checks_can_be_ended(void)
{
	int space = open_space();
	struct vm vm = { .space = space };
	struct runner r = { 0 };

	if (vm_is_svm())
		skip("QEMU checks no alignment");
	low_memory(space);
	poke(space, VM_DATA + 32, 1);
	vm.vcpu = open_vcpu(space, 0, 0);
	expect_eq(setup(vm.vcpu, AXVCPU_MODE_REAL, guest(alignment), 0), 0);
	vm_expect(&vm, AXVCPU_EXIT_IO_WRITE);
	expect_eq(axvcpu_inject(vm.vcpu, 0x60), 0);
	runner_start(&r, &vm, -1);
	sleep_ms(100);
	runner_stop(&r);
	expect_eq(peek(space, VM_DATA + 8), 0);
}

/* G6: an interrupt's delivery hits a data breakpoint: the interrupt and #DB each come once. */
static void interrupt_and_breakpoint_on_its_stack_both_come(void)
{
	struct vm vm = kernel(1u << DB);
	u64 seen[256] = { 0 }, n;

	if (vm_is_svm())
		skip("QEMU 7.2 aborts");
	vm_enter(&vm, guest(watched_stack), 0, 0, 0, 0);
	vm_expect(&vm, AXVCPU_EXIT_IO_WRITE);
	expect_eq(axvcpu_inject(vm.vcpu, 0x60), 0);
	n = vm_done(&vm);
	for (u64 i = 0; i < n; i++)
		seen[record(&vm, i).vector & 0xff]++;
	note("%llu records, %llu of them the interrupt, %llu #DB", n, seen[0x60], seen[DB]);
	expect_eq(seen[0x60], 1);
	expect_eq(seen[DB], 1);
}

/* G8: the VMM clears IF while an interrupt awaits redelivery: it stays pending, entries succeed. */
static void interrupt_on_its_way_waits_when_the_vmm_clears_if(void)
{
	struct vm vm = kernel(0);

	map(vm.space, VM_TEST, PAGE, RW, 0);
	vm_enter(&vm, guest(out_cli), 0, 0, 0, 0);
	vm_expect(&vm, AXVCPU_EXIT_IO_WRITE);
	fault_in_delivery(&vm, 0x60);
	/* Continue elsewhere with IF 0 and a mapped stack. */
	vm_enter(&vm, guest(out_cli) + 2, 0, 0, 0, 0);
	set_flags(&vm, FLAGS);
	vm_expect(&vm, AXVCPU_EXIT_IO_WRITE);
	expect_eq(records(&vm), 0);
	expect_eq(vm_done(&vm), 0);
	/* It is delivered once IF is 1. */
	vm_enter(&vm, guest(sti_hlt), 0, 0, 0, 0);
	expect_eq(vm_done(&vm), 1);
	expect_eq(record(&vm, 0).vector, 0x60);
}

/* G8: the VMM sets and clears TF in the shadow of STI: entries succeed. */
static void trap_flag_may_change_in_a_shadow(void)
{
	static const u8 code[] = { 0xfb, 0x48, 0x8b, 0x07, 0x90, 0xe7, PORT_DONE };
	struct vm vm = kernel(1u << DB);
	struct axvcpu_regs regs;

	for (size_t i = 0; i < sizeof(code); i++)
		expect_eq(pwrite(vm.space, &code[i], 1, VM_DATA + 0x8000 + i), 1);
	for (int i = 0; i < 2; i++) {
		vm_enter(&vm, VM_DATA + 0x8000, VM_TEST, 0, 0, 0);
		set_flags(&vm, i ? FLAGS | FLAG_TF : FLAGS);
		vm_expect(&vm, AXVCPU_EXIT_NESTED_PAGE_FAULT);
		expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
		regs.rflags ^= FLAG_TF;
		expect_eq(axvcpu_set_regs(vm.vcpu, &regs), 0);
		vm_expect(&vm, AXVCPU_EXIT_NESTED_PAGE_FAULT);
	}
}

static const u8 prefixes[][12] = {
	{ 0 }, { 0x66 }, { 0x2e }, { 0x48 }, { 0x67 }, { 0x64, 0x66, 0x41 }, { 0x3e, 0x26, 0x36 },
	{ 0xf2 }, { 0xf3, 0x65 }, { 0x40, 0x4f },
	{ 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66 },
	{ 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x4c },
};

static const struct { u8 code[3], len; bool real; } opcodes[] = {
	{ { 0xf4 }, 1, true }, { { 0x0f, 0xa2 }, 2, true }, { { 0x0f, 0x32 }, 2, true },
	{ { 0x0f, 0x08 }, 2, true }, { { 0xe4, 0x60 }, 2, true }, { { 0xec }, 1, true },
};

static size_t length(const u8 *prefix)
{
	return strnlen((const char *)prefix, 12);
}

static void write_bytes(int space, u64 gpa, const void *buf, size_t len)
{
	if (pwrite(space, buf, len, gpa) != (ssize_t)len)
		fail("pwrite at %#llx", gpa);
}

/* G8: the instruction after a prefixed one at @gpa is reached: its length is right. */
static void expect_length(struct vm *vm, u64 gpa, const u8 *prefix, const u8 *code, u8 len)
{
	static const u8 done[] = { 0xe7, PORT_DONE, 0xf4 };
	size_t n = length(prefix);
	struct axvcpu_exit exit;

	write_bytes(vm->space, gpa, prefix, n);
	write_bytes(vm->space, gpa + n, code, len);
	write_bytes(vm->space, gpa + n + len, done, sizeof(done));
	do {
		expect_eq(vcpu_run(vm->vcpu, &exit), 0);
		if (exit.reason != AXVCPU_EXIT_HALT && exit.reason != AXVCPU_EXIT_IO_READ &&
		    exit.reason != AXVCPU_EXIT_IO_WRITE && exit.reason != AXVCPU_EXIT_SYSREG_READ)
			fail("%s at %#llx", axvcpu_exit_name(exit.reason), exit.rip);
	} while (exit.reason != AXVCPU_EXIT_IO_WRITE);
	if (exit.io_write.port != PORT_DONE)
		fail("port %#x", exit.io_write.port);
}

static void prefixed_instructions_have_their_length(void)
{
	struct vm vm = kernel(0);
	unsigned int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		for (size_t j = 0; j < ARRAY_SIZE(opcodes); j++) {
			/* Alternate: within one page, across two. */
			u64 gpa = VM_DATA + (n & 1 ? 0x9000 : 0x8fff), len = length(prefixes[i]);

			/* An instruction has at most 15 bytes. Intel SDM vol. 2A, 2.3.11. */
			if (len + opcodes[j].len > 15)
				continue;
			vm_enter(&vm, gpa, 0, 0, 0x60, 0x277);
			expect_length(&vm, gpa, prefixes[i], opcodes[j].code, opcodes[j].len);
			n++;
		}
	note("%u instructions", n);
}

/* The same in real mode: no page tables, no REX prefixes. */
static void prefixed_instructions_in_real_mode(void)
{
	int space = open_space();
	struct vm vm = { .space = space };

	low_memory(space);
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t len = length(prefixes[i]);

		if (memchr(prefixes[i], 0x48, len) || memchr(prefixes[i], 0x41, len) ||
		    memchr(prefixes[i], 0x40, len) || memchr(prefixes[i], 0x4c, len))
			continue;
		vm.vcpu = open_vcpu(space, i, 0);
		expect_eq(setup(vm.vcpu, AXVCPU_MODE_REAL, VM_DATA + 0xfff, 0), 0);
		expect_length(&vm, VM_DATA + 0xfff, prefixes[i], (const u8 *)"\xf4", 1);
		vm_expect(&vm, AXVCPU_EXIT_HALT);
	}
}

/* Set @regs; false if refused with EINVAL. If accepted, the VM entry must succeed. */
static bool takes(struct vm *vm, const struct axvcpu_regs *regs)
{
	struct axvcpu_regs wanted = *regs;
	struct axvcpu_exit exit;
	int err = axvcpu_set_regs(vm->vcpu, &wanted);

	if (err) {
		expect_eq(-err, EINVAL);
		return false;
	}
	expect_eq(vcpu_run(vm->vcpu, &exit), 0);
	if (exit.reason == AXVCPU_EXIT_FAIL_ENTRY)
		fail("entry refused, %#llx, with RIP %#llx, flags %#llx, CR3 %#llx, FS %#llx",
		     exit.fail_entry.reason, regs->rip, regs->rflags, regs->cr3, regs->fs_base);
	return true;
}

static struct axvcpu_regs good_regs(struct vm *vm)
{
	struct axvcpu_regs regs;

	vm_enter(vm, guest(flags), 0, 0, 0, 0);
	set_flags(vm, FLAGS);
	expect_eq(axvcpu_get_regs(vm->vcpu, &regs), 0);
	return regs;
}

#define FLAGS_FREE	0x257fd5ull	/* ID, AC, RF, NT, IOPL, OF to CF */

/* G8: flip each bit of each register that VM entry checks. */
static void registers_that_an_entry_refuses_are_refused(void)
{
	struct vm vm = kernel(1u << DB);
	struct axvcpu_regs good = good_regs(&vm), regs;
	u64 *const fixed[] = { &regs.cr0, &regs.cr4, &regs.efer, &regs.cpl };

	for (int bit = 0; bit < 64; bit++) {
		u64 one = 1ull << bit;

		regs = good;
		regs.rflags ^= one;
		if (takes(&vm, &regs) != !!(FLAGS_FREE & one))
			fail("bit %d of the flags", bit);
		for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
			regs = good;
			*fixed[i] ^= one;
			expect_eq(-axvcpu_set_regs(vm.vcpu, &regs), EINVAL);
		}
		regs = good;
		regs.cr8 = one;
		expect_eq(takes(&vm, &regs), bit < 4);
		good_regs(&vm);
	}
	expect_eq(axvcpu_set_regs(vm.vcpu, &good), 0);
	vm_expect(&vm, AXVCPU_EXIT_IO_WRITE);
	expect_eq(vm_done(&vm), FLAGS);
}

/* G8: each bit of CR3. A guest may crash with another table: one vCPU each. */
static void page_tables_are_within_the_machine(void)
{
	struct vm vm = vm_new();
	struct axvcpu_regs regs;

	for (int bit = 0; bit < 64; bit++) {
		struct vm one = vm_on(vm.space, bit);
		bool taken;

		expect_eq(axvcpu_get_regs(one.vcpu, &regs), 0);
		regs.cr3 |= 1ull << bit;
		taken = takes(&one, &regs);
		/* CPUs have 32 to 52 physical address bits: bits between are not checked. */
		if (bit >= 52 ? taken : bit < 32 && !taken)
			fail("bit %d of CR3", bit);
		close(one.vcpu);
	}
}

/* G8: addresses that are not canonical with either 48 or 57 bits. */
static void addresses_must_be_canonical(void)
{
	static const u64 bad[] = {
		1ull << 57, 1ull << 63, 0x0100000000000000, 0xfe00000000000000,
		0x7fffffffffffffff, 0x8000000000000000, 0xfeffffffffffffff,
	};
	static const u64 good[] = {
		0, 0x00007fffffffffff, 0xffff800000000000, 0xffffffffffffffff,
	};
	struct vm vm = kernel(0);
	struct axvcpu_regs regs = good_regs(&vm), again;
	struct axvcpu_setup arg = { .size = sizeof(arg), .cr3 = VM_CR3 };
	u64 *const addresses[] = { &again.fs_base, &again.gs_base, &again.rip };
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		for (j = 0; j < ARRAY_SIZE(addresses); j++) {
			again = regs;
			*addresses[j] = bad[i];
			if (takes(&vm, &again))
				fail("%zu: %#llx", j, bad[i]);
		}
		expect_eq(-setup(open_vcpu(vm.space, i, 0), AXVCPU_MODE_LONG, bad[i], 0), EINVAL);
	}
	for (i = 0; i < ARRAY_SIZE(good); i++)
		for (j = 0; j < 2; j++) {
			again = regs;
			*addresses[j] = good[i];
			if (!takes(&vm, &again))
				fail("%zu: %#llx", j, good[i]);
		}
}

static const struct test tests[] = {
	{ "every_instruction_traps_after_itself", every_instruction_traps_after_itself },
	{ "resume_flag_ends_with_the_instruction", resume_flag_ends_with_the_instruction },
	{ "stack_switch_traps_once", stack_switch_traps_once },
	{ "programs_may_not_what_kernels_may", programs_may_not_what_kernels_may },
	{ "registers_tell_privilege", registers_tell_privilege },
	{ "int1_is_delivered_once", int1_is_delivered_once },
	{ "traps_in_a_shadow_are_delivered", traps_in_a_shadow_are_delivered },
	{ "halt_does_not_come_out_when_a_vector_waits",
	  halt_does_not_come_out_when_a_vector_waits },
	{ "no_shadow_of_the_hosts_reaches_the_guest", no_shadow_of_the_hosts_reaches_the_guest },
	{ "task_priority_stays_and_holds_interrupts_off",
	  task_priority_stays_and_holds_interrupts_off },
	{ "task_priority_can_be_set", task_priority_can_be_set },
	{ "interrupt_survives_an_alignment_check", interrupt_survives_an_alignment_check },
	{ "endless_alignment_checks_can_be_ended", endless_alignment_checks_can_be_ended },
	{ "interrupt_and_breakpoint_on_its_stack_both_come",
	  interrupt_and_breakpoint_on_its_stack_both_come },
	{ "interrupt_on_its_way_waits_when_the_vmm_clears_if",
	  interrupt_on_its_way_waits_when_the_vmm_clears_if },
	{ "trap_flag_may_change_in_a_shadow", trap_flag_may_change_in_a_shadow },
	{ "prefixed_instructions_have_their_length", prefixed_instructions_have_their_length },
	{ "prefixed_instructions_in_real_mode", prefixed_instructions_in_real_mode },
	{ "registers_that_an_entry_refuses_are_refused",
	  registers_that_an_entry_refuses_are_refused },
	{ "page_tables_are_within_the_machine", page_tables_are_within_the_machine },
	{ "addresses_must_be_canonical", addresses_must_be_canonical },
};

const struct suite suite_cpu = { .tests = tests, .nr = ARRAY_SIZE(tests) };
