/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the backends for SVM and VMX share: the registers that neither of them switches
 * by itself, CPUID and MSRs that need no VMM, and how exits are filled in.
 */
#ifndef _AXVCPU_X86_H
#define _AXVCPU_X86_H

/* For assembly: where a general register is in struct axvcpu_x86. */
#define AXVCPU_X86_GPR(n)	((n) * 8)

#ifndef __ASSEMBLY__

#include "../axvcpu.h"

/**
 * struct axvcpu_x86 - the part of a vCPU that both backends have; first in theirs
 * @gpr: general registers by AXVCPU_REG_*, RAX and RSP too whenever the guest is not
 *	running. Must stay first: the entry code uses AXVCPU_X86_GPR()
 * @cr2: guest's
 * @dr: guest's DR0 to DR3
 * @dr6: guest's DR6 where hardware does not switch it (VMX)
 * @uses_dr: the guest has debug registers of its own, each entry and exit switches them;
 *	without, its accesses exit
 * @pat: guest's IA32_PAT
 * @fpu: guest's FPU, as XSAVE or FXSAVE writes it
 * @down: a triple fault has ended it
 * @host: the host's, for axvcpu_x86_put() and axvcpu_x86_leave(). @host.dr7: 0 while the
 *	host has no breakpoint
 */
struct axvcpu_x86 {
	u64 gpr[AXVCPU_NR_REGS];
	u64 cr2;
	u64 dr[4];
	u64 dr6;
	bool uses_dr;
	u64 pat;
	void *fpu;
	bool down;
	struct {
		u64 dr[4];
		u64 dr7;
		u64 debugctl;
		u64 tsc_aux;
	} host;
};

extern const struct axvcpu_arch_ops axvcpu_svm_ops;
extern const struct axvcpu_arch_ops axvcpu_vmx_ops;

static inline struct axvcpu_x86 *to_x86(const struct axvcpu *vcpu)
{
	return vcpu->arch;
}

/* As after a reset. May sleep. 0 or -ENOMEM. */
int axvcpu_x86_create(struct axvcpu_x86 *x86);
void axvcpu_x86_destroy(struct axvcpu_x86 *x86);

/*
 * For load() and put(): the FPU and TSC_AUX; the host's user state is safe with the kernel
 * meanwhile (kernel_fpu_begin()).
 */
void axvcpu_x86_load(struct axvcpu_x86 *x86);
void axvcpu_x86_put(struct axvcpu_x86 *x86);

/* DR6 after a reset: bits that are 1 are so until their cause comes. SDM vol. 3B, 18.2.3. */
#define AXVCPU_X86_DR6_RESET	0xffff0ff0ull

/* host.c. Right before an entry and right after the exit, interrupts off in between. */
void axvcpu_x86_enter(struct axvcpu_x86 *x86);
void axvcpu_x86_leave(struct axvcpu_x86 *x86);
u64 axvcpu_x86_read_dr6(void);
void axvcpu_x86_write_dr6(u64 dr6);

/* A machine check came while a guest ran: it is the host's. Right after leave(). */
int axvcpu_x86_machine_check(void);

/* emergency.c: whom it may be that has the CPUs. */
extern const char *const axvcpu_x86_kvm_modules[];

/*
 * For hw_setup() and hw_unsetup(): on each CPU that goes down in a crash @disable is called, with
 * interrupts off or as an NMI. Whether virtualization is off after a crash, whoever sees to
 * it, though it stays on from entry to entry.
 */
bool axvcpu_x86_emergency_setup(void (*disable)(void));
void axvcpu_x86_emergency_unsetup(void);

/* From the next entry on the guest's debug registers are switched. */
void axvcpu_x86_use_dr(struct axvcpu_x86 *x86);

/* Not any more, if the guest's @dr7 enables none of them: true, its accesses shall exit. */
bool axvcpu_x86_idle_dr(struct axvcpu_x86 *x86, u64 dr7);

/* Whether a struct axvcpu_setup can be: mode, alignments. 0 or -EINVAL. */
int axvcpu_x86_check_setup(const struct axvcpu_setup *setup);

/* What the guest sees of CPUID: no more than works in it. @out: EAX to EDX. */
void axvcpu_x86_cpuid(u32 leaf, u32 subleaf, u32 out[4]);

/*
 * A CPUID instruction: fill in @exit and answer true when it is the VMM's, else do it.
 * RIP is the backend's to move.
 */
bool axvcpu_x86_do_cpuid(struct axvcpu *vcpu, struct axvcpu_exit *exit);

/* MSRs that both backends know without their hardware's help: false for all others. */
bool axvcpu_x86_rdmsr(struct axvcpu_x86 *x86, u32 msr, u64 *val);
bool axvcpu_x86_wrmsr(struct axvcpu_x86 *x86, u32 msr, u64 val, bool *bad);

/* The exits of both backends, from registers. */
void axvcpu_x86_exit_msr(const struct axvcpu_x86 *x86, bool write, struct axvcpu_exit *exit);
void axvcpu_x86_exit_io(const struct axvcpu_x86 *x86, bool in, u16 port, u32 width,
			struct axvcpu_exit *exit);
void axvcpu_x86_exit_hypercall(const struct axvcpu_x86 *x86, struct axvcpu_exit *exit);

/* set_return_value() of both. */
void axvcpu_x86_set_return_value(struct axvcpu *vcpu, u64 val);

#endif /* __ASSEMBLY__ */
#endif /* _AXVCPU_X86_H */
