// SPDX-License-Identifier: GPL-2.0-only
/*
 * arm64 hooks of the shared tests: registers, the guest's end. Calls nothing but libc.
 */
#include "vm.h"

extern const struct suite suite_refused, suite_exits, suite_exceptions, suite_registers,
	suite_vmids, suite_debug, suite_gic, suite_timer, suite_save;

const struct suite *const arch_suites[] = {
	&suite_refused, &suite_exits, &suite_calls, &suite_exceptions, &suite_registers,
	&suite_memory, &suite_log, &suite_matrix, &suite_parallel, &suite_vmids, &suite_debug,
	&suite_interrupts, &suite_gic, &suite_timer, &suite_save, &suite_attacks,
	&suite_api, &suite_life, &suite_programs, &suite_failnth,
	&suite_fire, NULL
};

void arch_enter(struct axvcpu_regs *regs, u64 entry, const u64 args[4])
{
	regs->arm64.pc = entry;
	memcpy(regs->arm64.x, args, 4 * sizeof(*args));
	regs->arm64.sp = VM_STACK;
}

bool arch_ended(int vcpu, const struct axvcpu_exit *exit, u64 *result)
{
	(void)vcpu;
	*result = exit->hypercall.args[0];
	return exit->reason == AXVCPU_EXIT_HYPERCALL && exit->hypercall.nr == CALL_DONE;
}

bool arch_printed(const struct axvcpu_exit *exit, char *c)
{
	*c = exit->hypercall.args[0];
	return exit->reason == AXVCPU_EXIT_HYPERCALL && exit->hypercall.nr == CALL_PUTC;
}

u64 arch_count(const struct axvcpu_regs *regs)
{
	return regs->arm64.x[9];
}

/* UDF: ESR_EL1 has EC 0 and IL, a 32-bit instruction. */
bool arch_ran_zeroes(const struct cell *c, const struct axvcpu_exit *exit)
{
	u64 esr;

	return arch_ended(c->vm->vcpu, exit, &esr) && esr == 0x02000000;
}
