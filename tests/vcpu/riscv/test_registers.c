// SPDX-License-Identifier: GPL-2.0-only
/*
 * AXVCPU_SET_REGS: values that a CPU cannot hold are refused and change nothing.
 */
#include "vm.h"

#define SATP(mode, rest)	((u64)(mode) << 60 | (rest))
#define SSTATUS_64		(2ull << 32)

struct value {
	const char *name;
	size_t at;
	u64 val;
};

#define VALUE(reg, val)	{ #reg " = " #val, offsetof(struct axvcpu_regs, riscv.reg), val }

static const struct value illegal[] = {
	VALUE(x[0], 1), VALUE(pc, 0x10001), VALUE(supervisor, 2), VALUE(sip, 1),
	VALUE(sip, 0x20), VALUE(sip, 0x200), VALUE(sip, 1ull << 63),
	VALUE(satp, SATP(1, 0)), VALUE(satp, SATP(7, 0)), VALUE(satp, SATP(11, 0)),
	VALUE(satp, SATP(15, 0)), VALUE(satp, SATP(0, 1)),
	VALUE(sstatus, 0), VALUE(sstatus, SSTATUS_64 | 1ull << 32),
	VALUE(sstatus, SSTATUS_64 | 1), VALUE(sstatus, SSTATUS_64 | 0x8000),
	VALUE(sstatus, SSTATUS_64 | 1 << 17), VALUE(sstatus, SSTATUS_64 | 1 << 24),
	VALUE(sstatus, SSTATUS_64 | 1ull << 62),
	VALUE(sie, 1), VALUE(sie, 0x800), VALUE(sie, 1ull << 63),
	VALUE(stvec, 0x10002), VALUE(stvec, 0x10003), VALUE(sepc, 0x10001),
	VALUE(scounteren, 1ull << 32), VALUE(senvcfg, 0x20), VALUE(senvcfg, 1ull << 63),
};

static const struct value legal[] = {
	VALUE(pc, 0x10002), VALUE(pc, ~1ull), VALUE(supervisor, 0), VALUE(sip, 2),
	VALUE(satp, SATP(8, 0x50)), VALUE(satp, SATP(8, 3ull << 44 | 0x50)), VALUE(satp, 0),
	VALUE(sstatus, SSTATUS_64), VALUE(sstatus, SSTATUS_64 | 0xc0122),
	VALUE(sstatus, SSTATUS_64 | 1ull << 63 | 0x6000), VALUE(sie, 0x222),
	VALUE(stvec, 0x10000), VALUE(stvec, 0x10001), VALUE(sepc, 0x10002), VALUE(sscratch, -1),
	VALUE(scause, 1ull << 63 | 9), VALUE(stval, -1), VALUE(scounteren, 7),
};

static u64 *reg(struct axvcpu_regs *regs, const struct value *value)
{
	return (u64 *)((char *)regs + value->at);
}

/* Illegal values of each register. */
static void illegal_registers_are_refused(void)
{
	struct axvcpu_regs before, regs, after;
	struct vm vm = vm_new();

	vm_enter(&vm, guest(halt), 0, 0, 0, 0);
	expect_eq(axvcpu_get_regs(vm.vcpu, &before), 0);
	for (size_t i = 0; i < ARRAY_SIZE(illegal); i++) {
		regs = before;
		regs.riscv.x[31] = 0x55;
		*reg(&regs, &illegal[i]) = illegal[i].val;
		if (axvcpu_set_regs(vm.vcpu, &regs) != -EINVAL)
			fail("%s was taken", illegal[i].name);
		expect_eq(axvcpu_get_regs(vm.vcpu, &after), 0);
		if (memcmp(&before, &after, sizeof(before)))
			fail("%s was refused, but not all of it", illegal[i].name);
	}
	vm_expect(&vm, AXVCPU_EXIT_HALT);
}

static void legal_registers_are_kept(void)
{
	struct axvcpu_regs before, regs, after;
	struct vm vm = vm_new();

	expect_eq(axvcpu_get_regs(vm.vcpu, &before), 0);
	for (size_t i = 0; i < ARRAY_SIZE(legal); i++) {
		regs = before;
		*reg(&regs, &legal[i]) = legal[i].val;
		if (axvcpu_set_regs(vm.vcpu, &regs))
			fail("%s was refused", legal[i].name);
		expect_eq(axvcpu_get_regs(vm.vcpu, &after), 0);
		if (*reg(&after, &legal[i]) != legal[i].val)
			fail("%s became %#llx", legal[i].name, *reg(&after, &legal[i]));
	}
	expect_eq(axvcpu_set_regs(vm.vcpu, &before), 0);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
}

/* SET_REGS accepts the registers that a guest left. */
static void registers_of_a_guest_can_be_set_again(void)
{
	const struct {
		u64 entry, a0, a1, a2;
	} guests[] = {
		{ guest(fpu), 5, 1, 0 }, { guest(mmu), VM_TABLES, VM_DATA, 0 },
		{ guest(interrupts), 0, VM_DATA, 1 }, { guest(forbidden), 0, 0, 0 },
		{ guest(user), 0, 7, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(guests); i++) {
		struct axvcpu_regs regs, again;
		struct vm vm = vm_new();
		struct axvcpu_exit exit;

		vm_enter(&vm, guests[i].entry, guests[i].a0, guests[i].a1, guests[i].a2, 0);
		expect_eq(vcpu_run(vm.vcpu, &exit), 0);
		expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
		expect_eq(axvcpu_set_regs(vm.vcpu, &regs), 0);
		expect_eq(axvcpu_get_regs(vm.vcpu, &again), 0);
		if (memcmp(&regs, &again, sizeof(regs)))
			fail("guest %zu: other registers", i);
		vm_free(&vm);
	}
}

static const struct test tests[] = {
	{ "illegal_registers_are_refused", illegal_registers_are_refused },
	{ "legal_registers_are_kept", legal_registers_are_kept },
	{ "registers_of_a_guest_can_be_set_again", registers_of_a_guest_can_be_set_again },
};

const struct suite suite_registers = { .tests = tests, .nr = ARRAY_SIZE(tests) };
