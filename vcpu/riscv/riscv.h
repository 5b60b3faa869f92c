/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internal header of the RISC-V backend. "Priv" is The RISC-V Instruction Set Manual, volume II,
 * Privileged Architecture; "H" its chapter on the hypervisor extension.
 *
 *   riscv.c   the backend's operations: CSRs of the machine and of a vCPU
 *   save.c    all of a vCPU's state
 *   csrs.c    guest CSRs: load and save, and the values that they can hold
 *   kvm.c     keeps KVM out
 *   exits.c   exit handling
 *   irq.c     interrupts that are pending, the timer
 *   insn.c    decodes loads and stores
 *   tlb.c     hgatp, VMIDs, and TLB maintenance before an entry
 *   entry.S   guest entry and exit; FPU registers
 *   hlv.S     single accesses to guest memory
 *
 * Each file calls only those below it in this list.
 */
#ifndef _AXVCPU_RISCV_H
#define _AXVCPU_RISCV_H

/* Offsets in struct riscv_world, for entry.S: 8-byte registers in this order. */
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
#include "timer.h"
#include "vmid.h"

/**
 * struct riscv_world - state switched by entry.S
 * @x: the guest's registers; @x[0] stays 0
 * @pc: the guest's next instruction
 * @sstatus: sstatus of HS-mode, used by the entry to the guest
 * @hstatus: as @sstatus
 * @trap: reason for the exit
 * @host_x: the host's callee-saved registers
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

/* H, hvip: pending VS-level interrupts. */
#define HVIP_SOFT	BIT(IRQ_VS_SOFT)
#define HVIP_TIMER	BIT(IRQ_VS_TIMER)
#define HVIP_EXT	BIT(IRQ_VS_EXT)

/* f0 to f31 and fcsr. */
struct riscv_fpu {
	u64 f[32];
	u64 fcsr;
};

/* The guest's supervisor CSRs, while not loaded. */
struct riscv_csrs {
	unsigned long vsstatus;
	unsigned long vsie;
	unsigned long vstvec;
	unsigned long vsscratch;
	unsigned long vsepc;
	unsigned long vscause;
	unsigned long vstval;
	unsigned long scounteren;	/* these two have no VS-level copy */
	unsigned long senvcfg;
};

/* The host's values of those two, while a vCPU is loaded. */
struct riscv_host_csrs {
	unsigned long scounteren;
	unsigned long senvcfg;
};

/**
 * struct axvcpu_riscv - the backend's vCPU
 * @world: for entry.S
 * @csrs: the guest's
 * @vsatp: the guest's, switched separately from @csrs
 * @hvip: the pending software interrupt, as a bit of hvip
 * @timer: the guest's
 * @fpu: the guest's
 * @host_fpu: the host's, while a vCPU is loaded
 * @host_csrs: the host's, while a vCPU is loaded
 * @hgatp: mode and root of the G-stage table, without a VMID
 * @vmid: tags its translations
 * @stale: ranges to flush before the next entry
 * @insn: the load or store that caused the last guest page fault, or 0
 * @insn_is_raw: @insn was read from memory, not from htinst
 * @faulted: this CPU may have cached that @fault_gpa faults
 * @fault_gpa: of the last guest page fault
 * @csr: number of the CSR in a read-modify-write instruction
 * @csr_funct3: funct3 of that instruction
 * @csr_operand: operand of that instruction
 * @csr_step: the half of it that exits next
 * @csr_insn: the instruction, if its access can still fault, or 0
 * @down: the guest has ended
 */
struct axvcpu_riscv {
	struct riscv_world world;
	struct riscv_csrs csrs;
	unsigned long vsatp;
	unsigned long hvip;
	struct riscv_timer timer;
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
	u32 csr_insn;
	bool down;
};

static inline struct axvcpu_riscv *to_riscv(const struct axvcpu *vcpu)
{
	return vcpu->arch;
}

/* Writes of x0 are ignored. */
static inline void riscv_set_x(struct axvcpu_riscv *rv, unsigned int reg, u64 val)
{
	if (reg)
		rv->world.x[reg] = val;
}

/* save.c: registers of AXVCPU_GET_REGS: 0, or -EINVAL with nothing changed. Not loaded. */
void axvcpu_riscv_regs_save(const struct axvcpu_riscv *rv, struct axvcpu_regs_riscv *r);
int axvcpu_riscv_regs_restore(struct axvcpu_riscv *rv, const struct axvcpu_regs_riscv *r);
/* See struct axvcpu_arch_ops. */
extern const struct axvcpu_saved axvcpu_riscv_saved;
int axvcpu_riscv_save(struct axvcpu *vcpu, void *arg);
int axvcpu_riscv_restore(struct axvcpu *vcpu, const void *arg);

/* exits.c. Interrupts off, the vCPU is loaded. */
int axvcpu_riscv_exit(struct axvcpu *vcpu, struct axvcpu_exit *exit);
int axvcpu_riscv_csr_write_exit(struct axvcpu_riscv *rv, struct axvcpu_exit *exit);
/* Not loaded. */
void axvcpu_riscv_hole(struct axvcpu *vcpu, struct axvcpu_exit *exit);
void axvcpu_riscv_csr_was_read(struct axvcpu_riscv *rv, u64 val);
int axvcpu_riscv_csr_faults(struct axvcpu_riscv *rv);

/* kvm.c: 0, or -EBUSY if KVM holds the CPUs. May sleep. */
int axvcpu_riscv_keep_kvm_out(void);
void axvcpu_riscv_let_kvm_in(void);

/* irq.c. Not loaded. */
void axvcpu_riscv_timer_init(struct riscv_timer *timer);
void axvcpu_riscv_timer_reset(struct riscv_timer *timer, bool on);
bool axvcpu_riscv_wakes(const struct axvcpu *vcpu);
s64 axvcpu_riscv_sleep_ns(const struct axvcpu *vcpu);
u32 axvcpu_riscv_time_hz(void);
/* Preemption off, within the CSRs' load and save. */
void axvcpu_riscv_timer_load(struct riscv_timer *timer);
void axvcpu_riscv_timer_put(struct riscv_timer *timer);
/* Interrupts off, the vCPU is loaded: what to enter with, as hvip; SBI set_timer; a WFI's end. */
unsigned long axvcpu_riscv_hvip(struct axvcpu *vcpu);
void axvcpu_riscv_timer_set(struct riscv_timer *timer, u64 compare);
bool axvcpu_riscv_wakes_loaded(const struct axvcpu *vcpu);

/* csrs.c: probe which CSRs exist. Called before other functions of csrs.c. */
void axvcpu_riscv_probe_csrs(void);
/*
 * Preemption off, no vCPU loaded: write the CSRs that control the guest, then its own except vsatp,
 * which takes effect together with hgatp. And the reverse.
 */
void axvcpu_riscv_load_csrs(const struct riscv_csrs *guest, struct riscv_host_csrs *host);
void axvcpu_riscv_save_csrs(struct riscv_csrs *guest, const struct riscv_host_csrs *host);
/* Whether CSRs can hold @csrs and @vsatp exactly. No vCPU is loaded on this CPU. */
bool axvcpu_riscv_can_hold(const struct riscv_csrs *csrs, unsigned long vsatp);

/* tlb.c: probe the number of VMIDs. Called before other functions of tlb.c. */
void axvcpu_riscv_probe_vmids(void);
/* Preemption off: invalidate all VMIDs of this CPU. Called before hgatp is loaded. */
void axvcpu_riscv_enable_vmids(void);
/*
 * Preemption off, vsatp is 0: load hgatp, with no stale translations on this CPU. -EIO: the CPU
 * does not support the mode.
 */
int axvcpu_riscv_load_hgatp(struct axvcpu_riscv *rv);
/* See struct axvcpu_arch_ops. */
void axvcpu_riscv_flush(struct axvcpu *vcpu);
void axvcpu_riscv_flush_guest(struct axvcpu *vcpu);
void axvcpu_riscv_flush_range(struct axvcpu *vcpu, const struct axas_flush *flush);
/* Flush the recorded ranges on this CPU, which enters the guest next. */
void axvcpu_riscv_forget_ranges(struct axvcpu_riscv *rv);

/* entry.S. Interrupts off; FPU enabled for the fpu functions. */
void axvcpu_riscv_enter(struct riscv_world *world);
void axvcpu_riscv_fpu_save(struct riscv_fpu *fpu);
void axvcpu_riscv_fpu_load(const struct riscv_fpu *fpu);

#endif /* __ASSEMBLY__ */
#endif /* _AXVCPU_RISCV_H */
