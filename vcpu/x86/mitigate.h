/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mitigations against speculation at entry and exit: the bits of axvcpu_x86_mitigations, which both
 * backends' entry code takes as flags, too.
 */
#ifndef _AXVCPU_X86_MITIGATE_H
#define _AXVCPU_X86_MITIGATE_H

#define AXVCPU_X86_VERW		0x001	/* before an entry: clear CPU buffers */
#define AXVCPU_X86_BHB		0x002	/* after an exit: overwrite the branch history */
#define AXVCPU_X86_IBPB_EXIT	0x004	/* after an exit: IBPB */
#define AXVCPU_X86_IBPB_USER	0x008	/* before the host's user space: IBPB */
#define AXVCPU_X86_IBPB_SWITCH	0x010	/* between two vCPUs: IBPB */
#define AXVCPU_X86_L1D		0x020	/* before an entry: flush the L1 data cache */
#define AXVCPU_X86_DIV		0x040	/* before an entry: clear the divider */
#define AXVCPU_X86_FXSAVE	0x080	/* before an FPU load: clear x87 pointers */
#define AXVCPU_X86_BP_REDUCE	0x100	/* while a CPU is enabled: set BP_CFG.BpSpecReduce */

/* Used by the entry code only. */
#define AXVCPU_X86_RESUME	0x1000	/* VMX: VMRESUME; this VMCS was launched before */

#ifndef __ASSEMBLY__

#include <linux/types.h>
#include <asm/cpufeatures.h>
#include <asm/processor.h>

#include "axas_compat.h"

/**
 * struct axvcpu_x86_cpu - CPU properties that select mitigations
 * @caps: feature and bug bits, as in struct cpuinfo_x86, and AXAS_X86_NEVER, never set
 * @off: mitigations=off
 * @smt: cores run more than one thread
 * @l1d_by_host: a hypervisor below flushes the L1 data cache
 * @gds_open: gathers leak registers: no microcode against it, or it is off
 */
struct axvcpu_x86_cpu {
	DECLARE_BITMAP(caps, AXAS_X86_NEVER + 1);
	bool off;
	bool smt;
	bool l1d_by_host;
	bool gds_open;
};

/* Chosen by axvcpu_x86_mitigate_setup(). */
extern u32 axvcpu_x86_mitigations;

/* The mitigations that the kernel's KVM would apply on @cpu: AXVCPU_X86_*. */
u32 axvcpu_x86_choose(const struct axvcpu_x86_cpu *cpu);

/* Write the unmitigated bugs of @cpu, and why, to @buf; returns the length. */
size_t axvcpu_x86_left(const struct axvcpu_x86_cpu *cpu, char *buf, size_t size);

/* Memory operand of VERW in the entry code. */
extern const u16 axvcpu_x86_verw_sel;

/* For hw_setup() and hw_unsetup(): choose mitigations and log them. 0 or -ENOMEM. */
int axvcpu_x86_mitigate_setup(void);
void axvcpu_x86_mitigate_unsetup(void);

/* For an entry, when AXVCPU_X86_L1D is set. */
void axvcpu_x86_flush_l1d(void);

/* For load(), when this CPU ran another vCPU before. */
void axvcpu_x86_ibpb(void);

#endif /* __ASSEMBLY__ */
#endif /* _AXVCPU_X86_MITIGATE_H */
