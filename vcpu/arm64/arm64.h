/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internal header of the arm64 backend, which requires a host kernel at EL2 with the Virtualization
 * Host Extensions (FEAT_VHE).
 *
 *   vhe.c      the backend: the machine, and vCPUs while they do not run
 *   save.c     all of a vCPU's state
 *   switch.c   the world switch
 *   traps.c    EL2 traps for registers hidden from the guest
 *   exits.c    decoding of synchronous exits
 *   exception.c   exceptions injected into the guest
 *   sysreg.c   emulation of trapped system registers
 *   icc.c      those of the guest's interrupt controller
 *   gic.c      its state: what is pending, active, masked
 *   timer.c    the guest's virtual timer
 *   tlb.c      TLB maintenance and the VMID of a space
 *   vmid.c     VMID allocation, by generation
 *   predict.c  branch predictor mitigations
 *   entry.S    guest entry and exit, and the vectors used meanwhile
 *   pstate.h   PSTATE: valid values, and changes by exceptions and retirement
 *   stage2.h   stage 2 registers
 *
 * "Arm" is the Arm Architecture Reference Manual for A-profile architecture, DDI 0487.
 */
#ifndef _AXVCPU_ARM64_H
#define _AXVCPU_ARM64_H

/* For assembly: offsets in struct axvcpu_arm64. */
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

/* Return values of axvcpu_arm64_enter(). */
#define AXVCPU_ARM64_SYNC	0
#define AXVCPU_ARM64_IRQ	1
#define AXVCPU_ARM64_FIQ	2
#define AXVCPU_ARM64_SERROR	3
#define AXVCPU_ARM64_ILLEGAL	4	/* not entered: illegal exception return */
#define AXVCPU_ARM64_WHY	0xff
#define AXVCPU_ARM64_AND_SERROR_BIT	8	/* an SError as well, in DISR if not 0 */

#ifndef __ASSEMBLY__

#include <asm/ptrace.h>

#include "../axvcpu.h"
#include "gic.h"
#include "pstate.h"

#define A64_NR_REGS		31

/*
 * Reset value, as in KVM's guests and firmware: no MMU, no caches, no alignment checks; bits that
 * are RES1 without the features that define them are set.
 */
#define A64_SCTLR_RESET		0x30d00800ull

/*
 * Registers unused by the host at EL2: they keep guest values from load() to put(). All except the
 * last two lines end in _EL1.
 */
struct axvcpu_arm64_el1 {
	u64 sctlr, cpacr, ttbr0, ttbr1, tcr, mair, amair, vbar;
	u64 contextidr, elr, spsr, esr, far, afsr0, afsr1, cntkctl;
	u64 sp, tpidr, par, csselr;
	u64 tpidr_el0, tpidrro_el0;
	u64 vdisr;		/* VDISR_EL2, which the guest reads as DISR_EL1; FEAT_RAS */
};

/**
 * struct axvcpu_arm64_cpu - features of a CPU, by its own ID registers
 * @gic: system registers of a GICv3
 * @hcx: HCRX_EL2, FEAT_HCX
 * @fgt: fine-grained traps, FEAT_FGT
 * @fgt2: further fine-grained traps, FEAT_FGT2
 * @amu: activity monitors
 * @ras: ESB, DISR_EL1
 * @mte: PSTATE.TCO and memory tags, FEAT_MTE2
 * @nmi: PSTATE.ALLINT
 * @tpidr2: TPIDR2_EL0, and no trap for it
 */
struct axvcpu_arm64_cpu {
	bool gic, hcx, fgt, fgt2, amu, ras, mte, nmi, tpidr2;
};

DECLARE_PER_CPU(struct axvcpu_arm64_cpu, axvcpu_arm64_cpu);

/*
 * Host values saved when a vCPU is loaded or entered: named after registers, those of EL2 without
 * _EL2. @fp is a buffer for the kernel.
 */
struct axvcpu_arm64_host {
	struct user_fpsimd_state fp;
	u64 tpidr_el0, tpidrro_el0, tpidr2, csselr;
	u64 vtcr, vttbr, mdcr, hstr, cnthctl, ich_hcr, icc_sre, hcrx;
	u64 fgt[11];
	u64 hcr, cptr, mdscr;
};

/* CNTV_CTL_EL0.ENABLE and IMASK. Arm D23.10.12 */
#define A64_TIMER_CTL	3u

/**
 * struct axvcpu_arm64_timer - the virtual timer, while not loaded
 * @ctl: CNTV_CTL_EL0
 * @cval: CNTV_CVAL_EL0
 */
struct axvcpu_arm64_timer {
	u64 ctl;
	u64 cval;
};

/**
 * struct axvcpu_arm64 - the backend's vCPU
 * @x: X0 to X30; first, for the entry code, which uses all members up to @exit_call
 * @sp_el0: SP_EL0
 * @pc: next instruction
 * @pstate: PSTATE
 * @esr: ESR_EL2 of the last exit
 * @far: FAR_EL2 of the last exit
 * @hpfar: HPFAR_EL2 of the last exit
 * @disr: DISR_EL1, an SError found at the exit
 * @exit_loop: number of branches to take after an exit, before any indirect one; 0: none
 * @exit_call: firmware function to call after an exit, or 0
 * @el1: the other registers, while not loaded
 * @fp: V0 to V31, FPSR, FPCR, while not loaded
 * @gic: its interrupt controller
 * @timer: its virtual timer, while not loaded
 * @space: data shared by the vCPUs of its space
 * @number: unique among all vCPUs ever created
 * @vmid: identity of its space at the last load, see vmid.h
 * @hcr: HCR_EL2, except for the pending interrupt
 * @loaded: @el1, @fp and @timer are on the CPU
 * @down: the guest has ended
 * @host: host values saved by load() and run(), for put() and run()
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
	struct a64_gic gic;
	struct axvcpu_arm64_timer timer;
	struct axvcpu_arm64_space *space;
	u64 number;
	u64 vmid;
	u64 hcr;
	bool loaded;
	bool down;
	struct axvcpu_arm64_host host;
};

static inline struct axvcpu_arm64 *to_arm64(const struct axvcpu *vcpu)
{
	return vcpu->arch;
}

/* Register 31 is XZR: reads as zero, writes are ignored. */
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
 * Retire the emulated instruction; every emulation calls this. Only AArch32 at EL0 has 16-bit
 * instructions. No other state changes: guests have no software step (MDSCR_EL1 is 0).
 */
static inline void a64_retire(struct axvcpu_arm64 *a64)
{
	a64->pc += a64->esr & A64_ESR_IL ? 4 : 2;
	a64->pstate = a64_pstate_retired(a64->pstate);
}

/* entry.S. All exceptions masked; stage 2 and the guest's registers are loaded. */
u64 axvcpu_arm64_enter(struct axvcpu_arm64 *a64);
/* PAR_EL1 after AT S1E1R of a guest address, or 1 (PAR_EL1.F) when its walk ended in an abort. */
u64 axvcpu_arm64_at_s1e1r(u64 va);
void axvcpu_arm64_fp_load(const struct user_fpsimd_state *fp);
void axvcpu_arm64_fp_save(struct user_fpsimd_state *fp);

/* traps.c: probe this CPU before it is enabled: 0 or -EOPNOTSUPP. */
int axvcpu_arm64_cpu_probe(void);
bool axvcpu_arm64_has_aarch32(void);
/* Preemption is off from load to put. */
void axvcpu_arm64_traps_load(struct axvcpu_arm64_host *host);
void axvcpu_arm64_traps_put(const struct axvcpu_arm64_host *host);
/* Interrupts are off from enter to leave. */
void axvcpu_arm64_mpam_enter(void);
void axvcpu_arm64_mpam_leave(void);

/* vhe.c: the vCPU's SCTLR_EL1 becomes @sctlr. Loaded with interrupts off, or not loaded. */
void axvcpu_arm64_follow_sctlr(struct axvcpu *vcpu, u64 sctlr);

/* save.c: see struct axvcpu_arch_ops */
extern const struct axvcpu_saved axvcpu_arm64_saved;
int axvcpu_arm64_save(struct axvcpu *vcpu, void *arg);
int axvcpu_arm64_restore(struct axvcpu *vcpu, const void *arg);

/* switch.c: see struct axvcpu_arch_ops */
int axvcpu_arm64_load(struct axvcpu *vcpu);
void axvcpu_arm64_put(struct axvcpu *vcpu);
int axvcpu_arm64_run(struct axvcpu *vcpu, struct axvcpu_exit *exit);

/* exits.c: handle a synchronous exit of a loaded vCPU: enum axvcpu_ran. Interrupts off. */
int axvcpu_arm64_sync_exit(struct axvcpu *vcpu, struct axvcpu_exit *exit);
/* After a fault in a hole: turn it into an MMIO exit if the syndrome describes the access. */
void axvcpu_arm64_hole(struct axvcpu *vcpu, struct axvcpu_exit *exit);

/* exception.c: inject exceptions into a loaded vCPU; interrupts off. Undefined Instruction. */
void axvcpu_arm64_undefined(struct axvcpu_arm64 *a64);
/* The same into one that is not loaded, by its last instruction of 4 bytes, which has retired. */
void axvcpu_arm64_undefined_before(struct axvcpu_arm64 *a64);
/* Reinject the abort of the last exit at EL1, with status code @status. */
void axvcpu_arm64_abort(struct axvcpu_arm64 *a64, u64 status);

/* sysreg.c: emulate a trapped MRS or MSR: enum axvcpu_ran. */
int axvcpu_arm64_sysreg(struct axvcpu *vcpu, struct axvcpu_exit *exit);

/* icc.c: whether an interrupt is signalled. Loaded with interrupts off, or not loaded. */
bool axvcpu_arm64_irq(const struct axvcpu_arm64 *a64);
/* The interrupt controller's registers; false for others. Loaded with interrupts off. */
bool axvcpu_arm64_icc_read(struct axvcpu *vcpu, u32 reg, u64 *val);
bool axvcpu_arm64_icc_write(struct axvcpu *vcpu, u32 reg, u64 val);
/* A write that interrupts other CPUs is an exit to the VMM. */
bool axvcpu_arm64_icc_sgi(u32 reg, u64 val, struct axvcpu_exit *exit);

/* timer.c: called once, before the first CPU is enabled, and after the last is disabled. */
int axvcpu_arm64_timer_setup(void);
void axvcpu_arm64_timer_unsetup(void);
/* On a CPU that is to be disabled. */
void axvcpu_arm64_timer_disable(void);
/* Between load and put of the vCPU; enter with interrupts off. */
void axvcpu_arm64_timer_load(const struct axvcpu_arm64 *a64);
void axvcpu_arm64_timer_enter(const struct axvcpu_arm64 *a64);
void axvcpu_arm64_timer_put(struct axvcpu_arm64 *a64);
/* Whether it is due, and not masked in itself. Loaded with interrupts off, or not loaded. */
bool axvcpu_arm64_timer_line(const struct axvcpu_arm64 *a64);
/* See struct axvcpu_arch_ops. */
s64 axvcpu_arm64_sleep_ns(const struct axvcpu *vcpu);

/* tlb.c: called once, before the first CPU is enabled, and after the last is disabled. */
int axvcpu_arm64_vmids_setup(void);
void axvcpu_arm64_vmids_unsetup(void);
/* Flush all guest translations on this CPU, before it is enabled. */
void axvcpu_arm64_forget_here(void);
/* The data shared by the vCPUs of a space: 0 or -ENOMEM. May sleep. */
int axvcpu_arm64_space_get(struct axvcpu *vcpu);
void axvcpu_arm64_space_put(struct axvcpu_arm64 *a64);
/* Load VTCR_EL2 and VTTBR_EL2 between load and put. */
void axvcpu_arm64_vmid_load(struct axvcpu *vcpu);
void axvcpu_arm64_vmid_put(void);
/* Flush all translations of the vCPU's space on this CPU. */
void axvcpu_arm64_flush_here(const struct axvcpu_arm64 *a64);

/* predict.c: for this CPU; interrupts off, or the vCPU is being loaded. */
void axvcpu_arm64_predict_probe(void);
void axvcpu_arm64_predict_load(struct axvcpu_arm64 *a64);

#endif /* __ASSEMBLY__ */
#endif /* _AXVCPU_ARM64_H */
