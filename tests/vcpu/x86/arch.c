// SPDX-License-Identifier: GPL-2.0-only
/*
 * x86 hooks of the shared tests: page tables for long mode, registers, the guest's end. Calls
 * vm.c and libaxas.
 */
#include "vm.h"

#include <cpuid.h>

extern const struct suite suite_exits, suite_exceptions, suite_setup, suite_host, suite_cpu,
	suite_attack, suite_system, suite_save, suite_fpu;

const struct suite *const arch_suites[] = {
	&suite_exits, &suite_calls, &suite_memory, &suite_log, &suite_matrix, &suite_parallel,
	&suite_interrupts, &suite_exceptions, &suite_api, &suite_setup, &suite_life,
	&suite_programs, &suite_host, &suite_cpu, &suite_attack,
	&suite_system, &suite_save, &suite_fpu, &suite_failnth,
	&suite_fire, NULL
};

void arch_setup(struct axvcpu_setup *arg)
{
	if (arg->mode == AXVCPU_MODE_LONG)
		arg->cr3 = VM_CR3;
	else
		arg->stack = 0xf000;
}

/* Present, writable, user; in the lowest level also PS: 2 MiB each. */
#define PT_TABLE	0x7ull
#define PT_LEAF_2M	0x87ull

void arch_low_memory(int space)
{
	u64 table[512] = { VM_CR3 + PAGE + PT_TABLE };

	write_guest(space, VM_CR3, table, sizeof(table));
	memset(table, 0, sizeof(table));
	for (u64 i = 0; i < 4; i++)
		table[i] = (VM_CR3 + (2 + i) * PAGE) | PT_TABLE;
	write_guest(space, VM_CR3 + PAGE, table, sizeof(table));
	for (u64 i = 0; i < 4; i++) {
		for (u64 j = 0; j < 512; j++)
			table[j] = i * GIB | j * 2 * MIB | PT_LEAF_2M;
		write_guest(space, VM_CR3 + (2 + i) * PAGE, table, sizeof(table));
	}
}

void arch_enter(struct axvcpu_regs *regs, u64 entry, const u64 args[4])
{
	regs->rip = entry;
	regs->gpr[AXVCPU_REG_RDI] = args[0];
	regs->gpr[AXVCPU_REG_RSI] = args[1];
	regs->gpr[AXVCPU_REG_RDX] = args[2];
	regs->gpr[AXVCPU_REG_RCX] = args[3];
	regs->gpr[AXVCPU_REG_RAX] = VM_DATA;	/* executed zeroes write there */
	regs->gpr[AXVCPU_REG_RSP] = VM_STACK;
}

/* The exit has only EAX: read RAX from the registers. */
bool arch_ended(int vcpu, const struct axvcpu_exit *exit, u64 *result)
{
	struct axvcpu_regs regs;

	if (exit->reason != AXVCPU_EXIT_IO_WRITE || exit->io_write.port != PORT_DONE)
		return false;
	expect_ok(axvcpu_get_regs(vcpu, &regs));
	*result = regs.gpr[AXVCPU_REG_RAX];
	return true;
}

bool arch_printed(const struct axvcpu_exit *exit, char *c)
{
	*c = exit->io_write.data;
	return exit->reason == AXVCPU_EXIT_IO_WRITE && exit->io_write.port == PORT_CONSOLE;
}

u64 arch_count(const struct axvcpu_regs *regs)
{
	return regs->gpr[AXVCPU_REG_RAX];
}

struct axvcpu_exit fault_in_delivery(struct vm *vm, u32 vector)
{
	struct axvcpu_exit exit;
	struct axvcpu_regs regs;

	expect_ok(axvcpu_get_regs(vm->vcpu, &regs));
	regs.gpr[AXVCPU_REG_RSP] = VM_TEST + PAGE;
	expect_ok(axvcpu_set_regs(vm->vcpu, &regs));
	unmap(vm->space, VM_TEST, PAGE);
	expect_ok(axvcpu_inject(vm->vcpu, vector));
	exit = vm_expect(vm, AXVCPU_EXIT_NESTED_PAGE_FAULT);
	expect_eq(exit.nested_page_fault.gpa & ~(PAGE - 1), VM_TEST);
	return exit;
}

struct vm kernel(u64 mask)
{
	struct vm vm = vm_new();

	vm_call(&vm, guest(kernel), 0, 0, 0, 0);
	poke(vm.space, LOG_MASK, mask);
	return vm;
}

struct record record(struct vm *vm, u64 n)
{
	struct record r;

	for (size_t i = 0; i < sizeof(r) / 8; i++)
		((u64 *)&r)[i] = peek(vm->space, LOG_RECORDS + n * sizeof(r) + i * 8);
	return r;
}

u64 records(struct vm *vm)
{
	return peek(vm->space, LOG_COUNT);
}

bool vm_is_svm(void)
{
	unsigned int eax, ebx, ecx, edx;

	__cpuid(0, eax, ebx, ecx, edx);
	return ebx == signature_AMD_ebx;
}

bool cpu_has(const char *flag)
{
	char line[8192] = "", *word, *rest;
	FILE *f = fopen("/proc/cpuinfo", "r");

	if (!f)
		fail("/proc/cpuinfo: %s", strerror(errno));
	while (fgets(line, sizeof(line), f) && strncmp(line, "flags", 5))
		;
	fclose(f);
	for (word = strtok_r(line, "\n ", &rest); word; word = strtok_r(NULL, "\n ", &rest))
		if (!strcmp(word, flag))
			return true;
	return false;
}

bool guest_has_avx(void)
{
	struct axvcpu_regs regs;
	struct vm vm = vm_new();

	vm_call(&vm, guest(cpuid), 1, 0, 0, 0);
	expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
	vm_free(&vm);
	return regs.gpr[AXVCPU_REG_RCX] & 1u << 28;
}

void need_guest_avx(void)
{
	if (!guest_has_avx())
		skip("guests have no AVX here");
}
