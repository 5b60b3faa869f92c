// SPDX-License-Identifier: GPL-2.0-only
/*
 * RISC-V hooks of the shared tests: registers, the guest's end. Calls nothing but libc.
 */
#include "vm.h"

extern const struct suite suite_exits, suite_registers, suite_irqs, suite_kvm,
	suite_system, suite_save;

const struct suite *const arch_suites[] = {
	&suite_exits, &suite_calls, &suite_registers, &suite_memory, &suite_log, &suite_matrix,
	&suite_parallel, &suite_interrupts, &suite_irqs, &suite_system, &suite_save,
	&suite_programs, &suite_attacks, &suite_api, &suite_life, &suite_kvm, &suite_failnth,
	&suite_fire, NULL
};

void arch_enter(struct axvcpu_regs *regs, u64 entry, const u64 args[4])
{
	regs->riscv.pc = entry;
	regs->riscv.supervisor = 1;
	regs->riscv.x[2] = VM_STACK;
	memcpy(&regs->riscv.x[10], args, 4 * sizeof(*args));
}

bool arch_ended(int vcpu, const struct axvcpu_exit *exit, u64 *result)
{
	(void)vcpu;
	*result = exit->hypercall.args[0];
	return exit->reason == AXVCPU_EXIT_HYPERCALL && exit->hypercall.nr == SBI_DONE;
}

bool arch_printed(const struct axvcpu_exit *exit, char *c)
{
	*c = exit->hypercall.args[0];
	return exit->reason == AXVCPU_EXIT_HYPERCALL && exit->hypercall.nr == SBI_PUTCHAR;
}

u64 arch_count(const struct axvcpu_regs *regs)
{
	return regs->riscv.x[10];
}

/*
 * Illegal instruction: scause is 2. Firmware handles it first and reads the instruction; if the
 * page is not readable, OpenSBI under QEMU forwards a page fault, scause 12, to the guest.
 */
bool arch_ran_zeroes(const struct cell *c, const struct axvcpu_exit *exit)
{
	u64 scause;

	return arch_ended(c->vm->vcpu, exit, &scause) &&
	       (scause == 2 || (scause == 12 && c->prot == AXAS_PROT_EXEC));
}
