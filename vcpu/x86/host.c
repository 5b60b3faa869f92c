// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an entry takes from the host and an exit gives back, on both backends: debug
 * registers, DEBUGCTL, what is left in caches and the divider; and its machine checks. Calls
 * mitigate.c. Interrupts are off.
 *
 * perf changes both by an interrupt on the CPU concerned: a breakpoint that another CPU
 * opens is written to DR0 to DR3 there and then. So neither is the guest's while
 * interrupts are on, between two entries no more than after the last. Intel SDM vol. 3B,
 * chapter 18; AMD64 APM vol. 2, 13.1.
 */
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/mce.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/debugreg.h>

#include "axas_compat.h"
#include "mitigate.h"
#include "x86.h"

#define DR7_OFF		0x400ull	/* bit 10 is always set */
#define DR7_ENABLED	0xffull		/* L0 to G3 */

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

/*
 * The kernel writes DR0 to DR3 before it enables one of them, and keeps what it wrote to
 * DR7: with none enabled, nobody misses the addresses.
 */
static void enter_debug(struct axvcpu_x86 *x86)
{
	u64 dr7 = this_cpu_read(cpu_dr7);

	x86->host.dr7 = dr7 & DR7_ENABLED ? dr7 : 0;
	if (x86->host.dr7)
		write_dr7(DR7_OFF);
	if (!x86->uses_dr)
		return;
	if (x86->host.dr7)
		save_dr(x86->host.dr);
	load_dr(x86->dr);
}

/* An exit has set DR7 to DR7_OFF. Intel SDM vol. 3C, 28.5.1; APM vol. 2, 15.6. */
static void leave_debug(struct axvcpu_x86 *x86)
{
	if (x86->uses_dr)
		save_dr(x86->dr);
	if (!x86->host.dr7)
		return;
	if (x86->uses_dr)
		load_dr(x86->host.dr);
	write_dr7(x86->host.dr7);
}

/* Zen 1 shows the quotient of the last division to the next that faults: CVE-2023-20588. */
static void clear_divider(void)
{
	u32 quotient = 0, rest = 0;

	asm volatile("div %2" : "+a" (quotient), "+d" (rest) : "r" (1) : "cc");
}

void axvcpu_x86_enter(struct axvcpu_x86 *x86)
{
	rdmsrq(MSR_IA32_DEBUGCTLMSR, x86->host.debugctl);
	if (x86->host.debugctl)
		wrmsrq(MSR_IA32_DEBUGCTLMSR, 0);
	enter_debug(x86);
	if (unlikely(axvcpu_x86_mitigations & AXVCPU_X86_DIV))
		clear_divider();
	if (unlikely(axvcpu_x86_mitigations & AXVCPU_X86_L1D))
		axvcpu_x86_flush_l1d();
}

void axvcpu_x86_leave(struct axvcpu_x86 *x86)
{
	leave_debug(x86);
	if (x86->host.debugctl)
		wrmsrq(MSR_IA32_DEBUGCTLMSR, x86->host.debugctl);
}

/*
 * The handler shall take it for one of the thread's own user code: then what only the guest
 * has lost kills the VMM, or loses it a page, and the host goes on. What it decides is done
 * on the thread's way to user space (TIF_NOTIFY_RESUME).
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
	bool idle = x86->uses_dr && !(dr7 & DR7_ENABLED);

	if (idle)
		x86->uses_dr = false;
	return idle;
}
