/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Host state around each entry: host.c, fpu.c, and the inline check for whether there is anything
 * to switch, which is common to both backends and on their hot path. Interrupts are off.
 */
#ifndef _AXVCPU_X86_HOST_H
#define _AXVCPU_X86_HOST_H

#include <linux/percpu.h>
#include <asm/debugreg.h>
#include <asm/msr.h>

#include "mitigate.h"
#include "x86.h"

#define AXVCPU_X86_DR7_ENABLED	0xffull		/* L0 to G3 */

/* host.c: called only by the two functions below. */
void axvcpu_x86_take(struct axvcpu_x86 *x86);
void axvcpu_x86_give_back(struct axvcpu_x86 *x86);

/* Zen 1 leaks the quotient of the last division to the next faulting one: CVE-2023-20588. */
static __always_inline void axvcpu_x86_clear_divider(void)
{
	u32 quotient = 0, rest = 0;

	asm volatile("div %2" : "+a" (quotient), "+d" (rest) : "r" (1) : "cc");
}

/*
 * Right before an entry. The kernel writes DR0 to DR3 before it enables one of them, and caches its
 * DR7: with none enabled, losing the addresses is harmless. DEBUGCTL is read by the RDMSR
 * instruction: hypervisors that need a paravirtual call instead do not support our guests.
 */
static __always_inline void axvcpu_x86_enter(struct axvcpu_x86 *x86)
{
	u64 dr7 = this_cpu_read(cpu_dr7);

	x86->host.xstate = x86->osxsave && (x86->xcr0 != axvcpu_x86_xstate.host ||
					    axvcpu_x86_xstate.host_xss);
	if (x86->host.xstate)
		axvcpu_x86_xstate_enter(x86);
	x86->host.debugctl = native_read_msr(MSR_IA32_DEBUGCTLMSR);
	x86->host.dr7 = dr7 & AXVCPU_X86_DR7_ENABLED ? dr7 : 0;
	if (unlikely(x86->uses_dr || x86->host.dr7 || x86->host.debugctl))
		axvcpu_x86_take(x86);
	if (unlikely(axvcpu_x86_mitigations & AXVCPU_X86_DIV))
		axvcpu_x86_clear_divider();
	if (unlikely(axvcpu_x86_mitigations & AXVCPU_X86_L1D))
		axvcpu_x86_flush_l1d();
}

/* Right after the exit. */
static __always_inline void axvcpu_x86_leave(struct axvcpu_x86 *x86)
{
	/* Before a machine check is handled, and the host's FPU is used. */
	if (x86->host.xstate)
		axvcpu_x86_xstate_leave();
	if (unlikely(x86->uses_dr || x86->host.dr7 || x86->host.debugctl))
		axvcpu_x86_give_back(x86);
}

#endif /* _AXVCPU_X86_HOST_H */
