/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the arm64 backend share. It needs a host kernel that runs at EL2,
 * with the Virtualization Host Extensions (FEAT_VHE).
 *
 *   vhe.c      the backend: the machine, and vCPUs while they do not run
 *   switch.c   what is switched between host and guest
 *   exits.c    what an exit means
 *   sysreg.c   system registers that are trapped
 *   tlb.c      VMIDs, and what goes out of TLBs
 *   predict.c  what a guest may leave in branch predictors
 *   entry.S    into the guest and back, and the vectors meanwhile
 *   stage2.h   what hardware is told of a stage 2 table
 *
 * "Arm" is the Arm Architecture Reference Manual for A-profile architecture, DDI 0487.
 */
#ifndef _AXVCPU_ARM64_H
#define _AXVCPU_ARM64_H

/* For assembly: where things are in struct axvcpu_arm64. */
#define AXVCPU_ARM64_X(n)	((n) * 8)
#define AXVCPU_ARM64_SP_EL0	AXVCPU_ARM64_X(31)
#define AXVCPU_ARM64_PC		AXVCPU_ARM64_X(32)
#define AXVCPU_ARM64_PSTATE	AXVCPU_ARM64_X(33)
#define AXVCPU_ARM64_ESR	AXVCPU_ARM64_X(34)
#define AXVCPU_ARM64_FAR	AXVCPU_ARM64_X(35)
#define AXVCPU_ARM64_HPFAR	AXVCPU_ARM64_X(36)
#define AXVCPU_ARM64_EXIT_LOOP	AXVCPU_ARM64_X(37)
#define AXVCPU_ARM64_EXIT_CALL	(AXVCPU_ARM64_X(37) + 4)

/* What axvcpu_arm64_enter() came back for. */
#define AXVCPU_ARM64_SYNC	0
#define AXVCPU_ARM64_IRQ	1
#define AXVCPU_ARM64_FIQ	2
#define AXVCPU_ARM64_SERROR	3

#ifndef __ASSEMBLY__

#include <asm/ptrace.h>

#include "../axvcpu.h"

#define A64_NR_REGS		31

/* PSTATE as SPSR_EL2 has it. Arm C5.2.20 */
#define A64_PSTATE_MODE		GENMASK_ULL(4, 0)
#define A64_PSTATE_EL0T		0x0
#define A64_PSTATE_EL1T		0x4
#define A64_PSTATE_EL1H		0x5
#define A64_PSTATE_AARCH32	BIT_ULL(4)
#define A64_PSTATE_DAIF		GENMASK_ULL(9, 6)
#define A64_PSTATE_BTYPE	GENMASK_ULL(11, 10)
#define A64_PSTATE_SSBS		BIT_ULL(12)
#define A64_PSTATE_PAN		BIT_ULL(22)
#define A64_PSTATE_UAO		BIT_ULL(23)
#define A64_PSTATE_DIT		BIT_ULL(24)
#define A64_PSTATE_NZCV		GENMASK_ULL(31, 28)

/* ESR_EL2. Arm D23.2.40 */
#define A64_ESR_EC		GENMASK_ULL(31, 26)
#define A64_ESR_IL		BIT_ULL(25)	/* the instruction had 32 bits */

/* SCTLR_EL1. Arm D23.2.143 */
#define A64_SCTLR_M		BIT_ULL(0)	/* stage 1 is on */

/*
 * As KVM's guests and firmware begin: no MMU, no caches, no alignment checks; bits that
 * are RES1 without the features that name them are set.
 */
#define A64_SCTLR_RESET		0x30d00800ull

/*
 * Registers that the host, at EL2, has no use for: they stay on the CPU from load() to
 * put(). All but the last line end in _EL1.
 */
struct axvcpu_arm64_el1 {
	u64 sctlr, cpacr, ttbr0, ttbr1, tcr, mair, amair, vbar;
	u64 contextidr, elr, spsr, esr, far, afsr0, afsr1, cntkctl;
	u64 sp, tpidr, par, csselr;
	u64 tpidr_el0, tpidrro_el0;
};

/**
 * struct axvcpu_arm64_gic - the part of a GICv3 CPU interface that the guest sees
 * @pmr: ICC_PMR_EL1, kept, without effect
 * @bpr1: ICC_BPR1_EL1, as @pmr
 * @igrpen1: ICC_IGRPEN1_EL1, as @pmr
 */
struct axvcpu_arm64_gic {
	u32 pmr;
	u32 bpr1;
	u32 igrpen1;
};

/**
 * struct axvcpu_arm64 - the backend's part of a vCPU
 * @x: X0 to X30; first, for the entry code, as all up to @exit_call
 * @sp_el0: SP_EL0
 * @pc: next instruction
 * @pstate: PSTATE
 * @esr: ESR_EL2 of the last exit
 * @far: FAR_EL2 of it
 * @hpfar: HPFAR_EL2 of it
 * @exit_loop: branches to take after an exit, before an indirect one; 0: none
 * @exit_call: the firmware's function to call then, or 0
 * @el1: the others, while it is not loaded
 * @fp: V0 to V31, FPSR, FPCR, while it is not loaded
 * @gic: its interrupt controller
 * @vtcr: VTCR_EL2
 * @vttbr: VTTBR_EL2
 * @hcr: HCR_EL2, but for the pending interrupt
 * @vmid: its tag in TLBs; no other vCPU has it
 * @loaded: @el1 and @fp are on the CPU
 * @down: the guest has ended
 * @host: what load() and run() found, for put() and run()
 */
struct axvcpu_arm64 {
	u64 x[A64_NR_REGS];
	u64 sp_el0;
	u64 pc;
	u64 pstate;
	u64 esr;
	u64 far;
	u64 hpfar;
	u32 exit_loop;
	u32 exit_call;
	struct axvcpu_arm64_el1 el1;
	struct user_fpsimd_state fp;
	struct axvcpu_arm64_gic gic;
	u64 vtcr;
	u64 vttbr;
	u64 hcr;
	unsigned int vmid;
	bool loaded;
	bool down;
	struct {
		struct user_fpsimd_state fp;
		u64 tpidr_el0, tpidrro_el0, csselr;
		u64 vtcr, vttbr, mdcr, cnthctl, ich_hcr, icc_sre, hcrx;
		u64 hcr, cptr, mdscr;
	} host;
};

static inline struct axvcpu_arm64 *to_arm64(const struct axvcpu *vcpu)
{
	return vcpu->arch;
}

/* Register 31 is XZR: reads as zero, and forgets what is written. */
static inline u64 a64_get(const struct axvcpu_arm64 *a64, unsigned int reg)
{
	return reg < A64_NR_REGS ? a64->x[reg] : 0;
}

static inline void a64_set(struct axvcpu_arm64 *a64, unsigned int reg, u64 val)
{
	if (reg < A64_NR_REGS)
		a64->x[reg] = val;
}

/* Past the instruction that exited, which has 16 bits only at EL0 in AArch32. */
static inline void a64_skip(struct axvcpu_arm64 *a64)
{
	a64->pc += a64->esr & A64_ESR_IL ? 4 : 2;
}

/* entry.S. All exceptions masked, stage 2 and the guest's registers in place. */
u64 axvcpu_arm64_enter(struct axvcpu_arm64 *a64);
void axvcpu_arm64_fp_load(const struct user_fpsimd_state *fp);
void axvcpu_arm64_fp_save(struct user_fpsimd_state *fp);

/**
 * struct axvcpu_arm64_machine - what all CPUs have; written by hw_setup()
 * @gic: system registers of a GICv3
 * @hcx: HCRX_EL2, FEAT_HCX
 * @ecv: a trap of the virtual timer, FEAT_ECV
 */
struct axvcpu_arm64_machine {
	bool gic;
	bool hcx;
	bool ecv;
};

extern struct axvcpu_arm64_machine axvcpu_arm64_machine;

/* switch.c: see struct axvcpu_arch_ops */
int axvcpu_arm64_load(struct axvcpu *vcpu);
void axvcpu_arm64_put(struct axvcpu *vcpu);
int axvcpu_arm64_run(struct axvcpu *vcpu, struct axvcpu_exit *exit);

/* exits.c: enum axvcpu_ran for a synchronous exit of a loaded vCPU; interrupts off. */
int axvcpu_arm64_sync_exit(struct axvcpu *vcpu, struct axvcpu_exit *exit);
/* After a fault in a hole: make it an MMIO exit if hardware says what the access was. */
void axvcpu_arm64_hole(struct axvcpu *vcpu, struct axvcpu_exit *exit);
/* An Undefined Instruction exception, in a loaded vCPU. */
void axvcpu_arm64_undefined(struct axvcpu_arm64 *a64);

/* sysreg.c: enum axvcpu_ran for a trapped MRS or MSR. */
int axvcpu_arm64_sysreg(struct axvcpu *vcpu, struct axvcpu_exit *exit);

/* tlb.c */
int axvcpu_arm64_vmid_get(struct axvcpu_arm64 *a64);
void axvcpu_arm64_vmid_put(struct axvcpu_arm64 *a64);
/* Forget all translations of a vCPU, on this CPU alone or on every one. */
void axvcpu_arm64_flush_here(const struct axvcpu_arm64 *a64);
void axvcpu_arm64_flush_all(const struct axvcpu_arm64 *a64);
/* Forget those of a range, on every CPU, also while it runs there. */
void axvcpu_arm64_flush_range(const struct axvcpu_arm64 *a64, const struct axas_flush *flush);

/* predict.c: for this CPU, interrupts off or the vCPU about to be loaded. */
void axvcpu_arm64_predict_probe(void);
void axvcpu_arm64_predict_load(struct axvcpu_arm64 *a64);

#endif /* __ASSEMBLY__ */
#endif /* _AXVCPU_ARM64_H */
