/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an entry and an exit do against speculation: the bits of axvcpu_x86_mitigations,
 * which are flags of both backends' entry code, too.
 */
#ifndef _AXVCPU_X86_MITIGATE_H
#define _AXVCPU_X86_MITIGATE_H

#define AXVCPU_X86_VERW		0x001	/* before an entry: overwrite the CPU's buffers */
#define AXVCPU_X86_BHB		0x002	/* after an exit: overwrite the branch history */
#define AXVCPU_X86_IBPB_EXIT	0x004	/* after an exit: forget all branches */
#define AXVCPU_X86_IBPB_USER	0x008	/* before the host's user space: the same */
#define AXVCPU_X86_IBPB_SWITCH	0x010	/* between two vCPUs: the same */
#define AXVCPU_X86_L1D		0x020	/* before an entry: empty the first data cache */
#define AXVCPU_X86_DIV		0x040	/* before an entry: empty the divider */
#define AXVCPU_X86_FXSAVE	0x080	/* before registers of the FPU are loaded: its pointers */
#define AXVCPU_X86_BP_REDUCE	0x100	/* while a CPU is enabled: BP_CFG.BpSpecReduce */

/* Of the entry code alone. */
#define AXVCPU_X86_RESUME	0x1000	/* VMX: VMRESUME, as this VMCS was launched before */

#ifndef __ASSEMBLY__

#include <linux/types.h>
#include <asm/cpufeatures.h>
#include <asm/processor.h>

#include "axas_compat.h"

/**
 * struct axvcpu_x86_cpu - what decides about mitigations
 * @caps: feature and bug bits, as in struct cpuinfo_x86, and AXAS_X86_NEVER, never set
 * @off: mitigations=off
 * @smt: cores run more than one thread
 * @l1d_by_host: a hypervisor below flushes the first data cache
 */
struct axvcpu_x86_cpu {
	DECLARE_BITMAP(caps, AXAS_X86_NEVER + 1);
	bool off;
	bool smt;
	bool l1d_by_host;
};

/* Chosen by axvcpu_x86_mitigate_setup(). */
extern u32 axvcpu_x86_mitigations;

/* What the kernel's KVM would do on @cpu: AXVCPU_X86_*. */
u32 axvcpu_x86_choose(const struct axvcpu_x86_cpu *cpu);

/* The bugs of @cpu against which guests are not held, and why, in @buf; its length. */
size_t axvcpu_x86_left(const struct axvcpu_x86_cpu *cpu, char *buf, size_t size);

/* What the entries, which are assembly, give to VERW. */
extern const u16 axvcpu_x86_verw_sel;

/* For hw_setup() and hw_unsetup(): choose, and tell of it. 0 or -ENOMEM. */
int axvcpu_x86_mitigate_setup(void);
void axvcpu_x86_mitigate_unsetup(void);

/* For an entry, where AXVCPU_X86_L1D is set. */
void axvcpu_x86_flush_l1d(void);

/* For load(): another vCPU was here before. */
void axvcpu_x86_ibpb(void);

#endif /* __ASSEMBLY__ */
#endif /* _AXVCPU_X86_MITIGATE_H */
