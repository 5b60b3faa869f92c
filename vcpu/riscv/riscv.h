/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the RISC-V backend share. "Priv" is The RISC-V Instruction Set Manual,
 * volume II, Privileged Architecture; "H" its chapter on the hypervisor extension.
 *
 *   riscv.c   the backend's operations: CSRs of the machine and of a vCPU
 *   csrs.c    the CSRs that are a guest's while it is loaded, and what they can hold
 *   kvm.c     KVM is kept out
 *   exits.c   why a guest left, and what that means
 *   insn.c    loads and stores out of instructions
 *   tlb.c     hgatp, VMIDs, and what goes out of TLBs before the next entry
 *   entry.S   the way in and out; FPU registers
 *   hlv.S     single accesses to guest memory
 *
 * Each calls only what stands below it.
 */
#ifndef _AXVCPU_RISCV_H
#define _AXVCPU_RISCV_H

/* struct riscv_world, for entry.S: registers are 8 bytes, in this order. */
#define WORLD_X(n)		((n) * 8)
#define WORLD_PC		256
#define WORLD_SSTATUS		264
#define WORLD_HSTATUS		272
#define WORLD_TRAP		280	/* scause, stval, htval, htinst */
#define WORLD_HOST_X(n)		(312 + (n) * 8)	/* ra, sp, gp, tp, s0 to s11 */
#define WORLD_HOST_SSTATUS	440
#define WORLD_HOST_HSTATUS	448
#define WORLD_HOST_STVEC	456
#define WORLD_HOST_SSCRATCH	464

#ifndef __ASSEMBLY__

#include "../axvcpu.h"
#include "hlv.h"
#include "stale.h"
#include "vmid.h"

/**
 * struct riscv_world - what is exchanged on the way in and out
 * @x: the guest's registers; @x[0] stays 0
 * @pc: where it goes on
 * @sstatus: of the host's level, while the guest runs
 * @hstatus: the same
 * @trap: why it left
 * @host_x: the host's registers that a call keeps
 * @host_sstatus: the host's
 * @host_hstatus: the host's
 * @host_stvec: the host's
 * @host_sscratch: the host's
 */
struct riscv_world {
	unsigned long x[32];
	unsigned long pc;
	unsigned long sstatus;
	unsigned long hstatus;
	struct riscv_trap trap;
	unsigned long host_x[16];
	unsigned long host_sstatus;
	unsigned long host_hstatus;
	unsigned long host_stvec;
	unsigned long host_sscratch;
};

static_assert(offsetof(struct riscv_world, pc) == WORLD_PC);
static_assert(offsetof(struct riscv_world, sstatus) == WORLD_SSTATUS);
static_assert(offsetof(struct riscv_world, hstatus) == WORLD_HSTATUS);
static_assert(offsetof(struct riscv_world, trap) == WORLD_TRAP);
static_assert(offsetof(struct riscv_world, host_x) == WORLD_HOST_X(0));
static_assert(offsetof(struct riscv_world, host_sstatus) == WORLD_HOST_SSTATUS);
static_assert(offsetof(struct riscv_world, host_hstatus) == WORLD_HOST_HSTATUS);
static_assert(offsetof(struct riscv_world, host_stvec) == WORLD_HOST_STVEC);
static_assert(offsetof(struct riscv_world, host_sscratch) == WORLD_HOST_SSCRATCH);

/* H, hvip: interrupts of VS level that are pending. */
#define HVIP_SOFT	BIT(IRQ_VS_SOFT)
#define HVIP_EXT	BIT(IRQ_VS_EXT)

/* f0 to f31 and fcsr. */
struct riscv_fpu {
	u64 f[32];
	u64 fcsr;
};

/* The guest's supervisor: in CSRs from load to put, here in between. */
struct riscv_csrs {
	unsigned long vsstatus;
	unsigned long vsie;
	unsigned long vstvec;
	unsigned long vsscratch;
	unsigned long vsepc;
	unsigned long vscause;
	unsigned long vstval;
	unsigned long scounteren;	/* these two have no copy of their own for guests */
	unsigned long senvcfg;
};

/* What the host has in those two, meanwhile. */
struct riscv_host_csrs {
	unsigned long scounteren;
	unsigned long senvcfg;
};

/**
 * struct axvcpu_riscv - a vCPU's own
 * @world: for entry.S
 * @csrs: the guest's
 * @vsatp: the guest's, which is switched apart from @csrs
 * @hvip: the software interrupt that it has pending, as a bit of hvip
 * @fpu: the guest's
 * @host_fpu: the host's, while the guest's is in the registers
 * @host_csrs: the host's, the same
 * @hgatp: where its guest-physical addresses are looked up, without a VMID
 * @vmid: under which what was looked up is known
 * @stale: ranges whose translations go before the next entry
 * @insn: the load or store that made the last guest page fault, or 0
 * @insn_is_raw: @insn is as it stands in memory, not as htinst has it
 * @faulted: @fault_gpa may be kept as a fault by this CPU
 * @fault_gpa: of the last guest page fault
 * @csr: of an instruction that reads and writes a CSR: the number,
 * @csr_funct3: its kind
 * @csr_operand: and its operand
 * @csr_step: how far it has come
 * @down: the guest ended itself
 */
struct axvcpu_riscv {
	struct riscv_world world;
	struct riscv_csrs csrs;
	unsigned long vsatp;
	unsigned long hvip;
	struct riscv_fpu fpu;
	struct riscv_fpu host_fpu;
	struct riscv_host_csrs host_csrs;
	unsigned long hgatp;
	struct riscv_vmid vmid;
	struct riscv_stale stale;
	u32 insn;
	bool insn_is_raw;
	bool faulted;
	u64 fault_gpa;
	u32 csr;
	u32 csr_funct3;
	u64 csr_operand;
	enum { RISCV_CSR_NONE, RISCV_CSR_READ, RISCV_CSR_WRITE } csr_step;
	bool down;
};

static inline struct axvcpu_riscv *to_riscv(const struct axvcpu *vcpu)
{
	return vcpu->arch;
}

/* x0 takes nothing. */
static inline void riscv_set_x(struct axvcpu_riscv *rv, unsigned int reg, u64 val)
{
	if (reg)
		rv->world.x[reg] = val;
}

/* exits.c. Interrupts off, the vCPU is loaded. */
int axvcpu_riscv_exit(struct axvcpu *vcpu, struct axvcpu_exit *exit);
int axvcpu_riscv_csr_write_exit(struct axvcpu_riscv *rv, struct axvcpu_exit *exit);
/* Not loaded. */
void axvcpu_riscv_hole(struct axvcpu *vcpu, struct axvcpu_exit *exit);
void axvcpu_riscv_csr_was_read(struct axvcpu_riscv *rv, u64 val);

/* kvm.c: 0, or -EBUSY if KVM has the CPUs. May sleep. */
int axvcpu_riscv_keep_kvm_out(void);
void axvcpu_riscv_let_kvm_in(void);

/* csrs.c: what there is. Before anything else of it. */
void axvcpu_riscv_probe_csrs(void);
/*
 * Preemption off, nothing loaded: all that decides what a guest may do to itself, then its
 * own but vsatp, which counts from where hgatp does. And the reverse.
 */
void axvcpu_riscv_load_csrs(const struct riscv_csrs *guest, struct riscv_host_csrs *host);
void axvcpu_riscv_save_csrs(struct riscv_csrs *guest, const struct riscv_host_csrs *host);
/* Whether CSRs can hold what @csrs and @vsatp say, all of it. Nothing is loaded here. */
bool axvcpu_riscv_can_hold(const struct riscv_csrs *csrs, unsigned long vsatp);

/* tlb.c: how many VMIDs there are. Before anything else of tlb.c. */
void axvcpu_riscv_probe_vmids(void);
/* Preemption off: what this CPU knew by any of them is nobody's. Before it loads hgatp. */
void axvcpu_riscv_enable_vmids(void);
/*
 * Preemption off: from here on this CPU looks up the guest's addresses, and knows nothing
 * that is not true. vsatp is 0. -EIO: the CPU cannot do it.
 */
int axvcpu_riscv_load_hgatp(struct axvcpu_riscv *rv);
/* See struct axvcpu_arch_ops. */
void axvcpu_riscv_flush(struct axvcpu *vcpu);
void axvcpu_riscv_flush_range(struct axvcpu *vcpu, const struct axas_flush *flush);
/* Forget the ranges that were told of, on this CPU, which enters the guest next. */
void axvcpu_riscv_forget_ranges(struct axvcpu_riscv *rv);

/* entry.S. Interrupts off; for those of the FPU, it is on. */
void axvcpu_riscv_enter(struct riscv_world *world);
void axvcpu_riscv_fpu_save(struct riscv_fpu *fpu);
void axvcpu_riscv_fpu_load(const struct riscv_fpu *fpu);

#endif /* __ASSEMBLY__ */
#endif /* _AXVCPU_RISCV_H */
