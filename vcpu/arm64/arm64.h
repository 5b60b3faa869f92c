/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the arm64 backend share. It needs a host kernel that runs at EL2,
 * with the Virtualization Host Extensions (FEAT_VHE).
 *
 *   vhe.c      the backend: the machine, and vCPUs while they do not run
 *   switch.c   what is switched between host and guest
 *   traps.c    what EL2 keeps from the guest meanwhile
 *   exits.c    what an exit means
 *   exception.c   exceptions that the guest gets from us
 *   sysreg.c   system registers that are trapped
 *   tlb.c      what TLBs know of spaces, and how they forget it
 *   vmid.c     VMIDs, by generation
 *   predict.c  what a guest may leave in branch predictors
 *   entry.S    into the guest and back, and the vectors meanwhile
 *   pstate.h   PSTATE: what is permitted, and what becomes of it
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
#define AXVCPU_ARM64_DISR	AXVCPU_ARM64_X(37)
#define AXVCPU_ARM64_EXIT_LOOP	AXVCPU_ARM64_X(38)
#define AXVCPU_ARM64_EXIT_CALL	(AXVCPU_ARM64_X(38) + 4)

/* What axvcpu_arm64_enter() came back for. */
#define AXVCPU_ARM64_SYNC	0
#define AXVCPU_ARM64_IRQ	1
#define AXVCPU_ARM64_FIQ	2
#define AXVCPU_ARM64_SERROR	3
#define AXVCPU_ARM64_ILLEGAL	4	/* never entered: an illegal exception return */
#define AXVCPU_ARM64_WHY	0xff
#define AXVCPU_ARM64_AND_SERROR_BIT	8	/* an SError beside it, in DISR if that is not 0 */

#ifndef __ASSEMBLY__

#include <asm/ptrace.h>

#include "../axvcpu.h"
#include "pstate.h"

#define A64_NR_REGS		31

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
	u64 vdisr;		/* DISR_EL1, as the guest calls VDISR_EL2; FEAT_RAS */
};

/**
 * struct axvcpu_arm64_cpu - what a CPU has, by its own ID registers
 * @gic: system registers of a GICv3
 * @hcx: HCRX_EL2, FEAT_HCX
 * @ecv: a trap of the virtual timer, FEAT_ECV
 * @fgt: fine-grained traps, FEAT_FGT
 * @fgt2: more of them, FEAT_FGT2
 * @amu: activity monitors
 * @ras: ESB, DISR_EL1
 * @mte: PSTATE.TCO and memory tags, FEAT_MTE2
 * @nmi: PSTATE.ALLINT
 * @tpidr2: TPIDR2_EL0, and nothing that keeps a guest from it
 */
struct axvcpu_arm64_cpu {
	bool gic, hcx, ecv, fgt, fgt2, amu, ras, mte, nmi, tpidr2;
};

DECLARE_PER_CPU(struct axvcpu_arm64_cpu, axvcpu_arm64_cpu);

/*
 * What the CPU had when a vCPU was loaded, or entered: named as registers, those of EL2
 * without _EL2. @fp is room for the kernel.
 */
struct axvcpu_arm64_host {
	struct user_fpsimd_state fp;
	u64 tpidr_el0, tpidrro_el0, tpidr2, csselr;
	u64 vtcr, vttbr, mdcr, hstr, cnthctl, ich_hcr, icc_sre, hcrx;
	u64 fgt[11];
	u64 hcr, cptr, mdscr;
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
 * @disr: an SError that the exit found, DISR_EL1
 * @exit_loop: branches to take after an exit, before an indirect one; 0: none
 * @exit_call: the firmware's function to call then, or 0
 * @el1: the others, while it is not loaded
 * @fp: V0 to V31, FPSR, FPCR, while it is not loaded
 * @gic: its interrupt controller
 * @space: what it shares with the other vCPUs of its space
 * @number: no other vCPU has had it
 * @vttbr: VTTBR_EL2, when it was loaded last
 * @hcr: HCR_EL2, but for the pending interrupt
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
	u64 disr;
	u32 exit_loop;
	u32 exit_call;
	struct axvcpu_arm64_el1 el1;
	struct user_fpsimd_state fp;
	struct axvcpu_arm64_gic gic;
	struct axvcpu_arm64_space *space;
	u64 number;
	u64 vttbr;
	u64 hcr;
	bool loaded;
	bool down;
	struct axvcpu_arm64_host host;
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

/*
 * The instruction that exited is done. Every emulation retires it here. It has 16 bits only
 * at EL0 in AArch32. Nothing else depends on it: a guest has no software step (MDSCR_EL1 is 0).
 */
static inline void a64_retire(struct axvcpu_arm64 *a64)
{
	a64->pc += a64->esr & A64_ESR_IL ? 4 : 2;
	a64->pstate = a64_pstate_retired(a64->pstate);
}

/* entry.S. All exceptions masked, stage 2 and the guest's registers in place. */
u64 axvcpu_arm64_enter(struct axvcpu_arm64 *a64);
/* PAR_EL1 after AT S1E1R of a guest's address, or bit 0 when its walk ended in an abort. */
u64 axvcpu_arm64_at_s1e1r(u64 va);
void axvcpu_arm64_fp_load(const struct user_fpsimd_state *fp);
void axvcpu_arm64_fp_save(struct user_fpsimd_state *fp);

/* traps.c: on this CPU, which is to be enabled: 0 or -EOPNOTSUPP. */
int axvcpu_arm64_cpu_probe(void);
bool axvcpu_arm64_has_aarch32(void);
/* Preemption is off from load to put. */
void axvcpu_arm64_traps_load(struct axvcpu_arm64_host *host);
void axvcpu_arm64_traps_put(const struct axvcpu_arm64_host *host);
/* Interrupts are off from enter to leave. */
void axvcpu_arm64_mpam_enter(void);
void axvcpu_arm64_mpam_leave(void);

/* vhe.c: @sctlr is the vCPU's SCTLR_EL1 from now on. Loaded with interrupts off, or not. */
void axvcpu_arm64_follow_sctlr(struct axvcpu *vcpu, u64 sctlr);

/* switch.c: see struct axvcpu_arch_ops */
int axvcpu_arm64_load(struct axvcpu *vcpu);
void axvcpu_arm64_put(struct axvcpu *vcpu);
int axvcpu_arm64_run(struct axvcpu *vcpu, struct axvcpu_exit *exit);

/* exits.c: enum axvcpu_ran for a synchronous exit of a loaded vCPU; interrupts off. */
int axvcpu_arm64_sync_exit(struct axvcpu *vcpu, struct axvcpu_exit *exit);
/* After a fault in a hole: make it an MMIO exit if hardware says what the access was. */
void axvcpu_arm64_hole(struct axvcpu *vcpu, struct axvcpu_exit *exit);

/* exception.c: exceptions in a loaded vCPU; interrupts off. Undefined Instruction. */
void axvcpu_arm64_undefined(struct axvcpu_arm64 *a64);
/* The abort of the last exit, as EL1's own, of status @status. */
void axvcpu_arm64_abort(struct axvcpu_arm64 *a64, u64 status);

/* sysreg.c: enum axvcpu_ran for a trapped MRS or MSR. */
int axvcpu_arm64_sysreg(struct axvcpu *vcpu, struct axvcpu_exit *exit);

/* tlb.c: once, before any CPU is enabled, and after the last is not any more. */
int axvcpu_arm64_vmids_setup(void);
void axvcpu_arm64_vmids_unsetup(void);
/* This CPU, which is to be enabled, knows nothing of guests. */
void axvcpu_arm64_forget_here(void);
/* What vCPUs of one space share: 0 or -ENOMEM. May sleep. */
int axvcpu_arm64_space_get(struct axvcpu *vcpu);
void axvcpu_arm64_space_put(struct axvcpu_arm64 *a64);
/* VTCR_EL2 and VTTBR_EL2, between load and put. */
void axvcpu_arm64_vmid_load(struct axvcpu *vcpu);
void axvcpu_arm64_vmid_put(void);
/* Forget all translations of a vCPU's space, on this CPU. */
void axvcpu_arm64_flush_here(const struct axvcpu_arm64 *a64);

/* predict.c: for this CPU, interrupts off or the vCPU about to be loaded. */
void axvcpu_arm64_predict_probe(void);
void axvcpu_arm64_predict_load(struct axvcpu_arm64 *a64);

#endif /* __ASSEMBLY__ */
#endif /* _AXVCPU_ARM64_H */
