// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host state saved at an entry and restored at an exit, on both backends: debug registers and
 * DEBUGCTL; and handing over machine checks. Interrupts are off.
 *
 * perf changes both from an interrupt on the CPU concerned: a breakpoint opened on another CPU is
 * written to DR0 to DR3 at once. So neither holds guest values while interrupts are on, between two
 * entries as well as after the last. Intel SDM vol. 3B, chapter 18; AMD64 APM vol. 2, 13.1.
 */
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/mce.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/debugreg.h>

#include "axas_compat.h"
#include "host.h"

#define DR7_OFF		0x400ull	/* bit 10 is always set */

static void save_dr(u64 *dr)
{
	asm volatile("mov %%db0, %0" : "=r" (dr[0]));
	asm volatile("mov %%db1, %0" : "=r" (dr[1]));
	asm volatile("mov %%db2, %0" : "=r" (dr[2]));
	asm volatile("mov %%db3, %0" : "=r" (dr[3]));
}

static void load_dr(const u64 *dr)
{
	asm volatile("mov %0, %%db0" : : "r" (dr[0]));
	asm volatile("mov %0, %%db1" : : "r" (dr[1]));
	asm volatile("mov %0, %%db2" : : "r" (dr[2]));
	asm volatile("mov %0, %%db3" : : "r" (dr[3]));
}

static void write_dr7(u64 dr7)
{
	asm volatile("mov %0, %%db7" : : "r" (dr7));
}

u64 axvcpu_x86_read_dr6(void)
{
	u64 dr6;

	asm volatile("mov %%db6, %0" : "=r" (dr6));
	return dr6;
}

void axvcpu_x86_write_dr6(u64 dr6)
{
	asm volatile("mov %0, %%db6" : : "r" (dr6));
}

/* Slow path of axvcpu_x86_enter(): some host state must be switched. */
void axvcpu_x86_take(struct axvcpu_x86 *x86)
{
	if (x86->host.debugctl)
		wrmsrq(MSR_IA32_DEBUGCTLMSR, 0);
	if (x86->host.dr7)
		write_dr7(DR7_OFF);
	if (!x86->uses_dr)
		return;
	if (x86->host.dr7)
		save_dr(x86->host.dr);
	load_dr(x86->dr);
}

/* An exit sets DR7 to DR7_OFF. Intel SDM vol. 3C, 28.5.1; APM vol. 2, 15.6. */
void axvcpu_x86_give_back(struct axvcpu_x86 *x86)
{
	if (x86->uses_dr)
		save_dr(x86->dr);
	if (x86->host.dr7) {
		if (x86->uses_dr)
			load_dr(x86->host.dr);
		write_dr7(x86->host.dr7);
	}
	if (x86->host.debugctl)
		wrmsrq(MSR_IA32_DEBUGCTLMSR, x86->host.debugctl);
}

/*
 * Report the machine check as one in the thread's own user code: an error that affects only the
 * guest then kills the VMM, or takes a page from it, and the host goes on. The handler's decision
 * is carried out on the thread's way to user space (TIF_NOTIFY_RESUME).
 */
int axvcpu_x86_machine_check(void)
{
#ifdef CONFIG_X86_MCE
	struct pt_regs regs = { .cs = 3, .flags = X86_EFLAGS_IF };

	do_machine_check(&regs);
#endif
	return AXVCPU_RAN_AGAIN;
}

void axvcpu_x86_use_dr(struct axvcpu_x86 *x86)
{
	x86->uses_dr = true;
}

bool axvcpu_x86_idle_dr(struct axvcpu_x86 *x86, u64 dr7)
{
	bool idle = x86->uses_dr && !(dr7 & AXVCPU_X86_DR7_ENABLED);

	if (idle)
		x86->uses_dr = false;
	return idle;
}
