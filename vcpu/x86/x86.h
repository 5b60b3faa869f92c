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
 * @dr: guest's DR0 to DR3, once @uses_dr
 * @uses_dr: the guest has touched a debug register: they are switched from then on
 * @pat: guest's IA32_PAT
 * @fpu: guest's FPU, as XSAVE or FXSAVE writes it
 * @pkru: guest's
 * @down: a triple fault has ended it
 * @host: what axvcpu_x86_load() found, for axvcpu_x86_put()
 */
struct axvcpu_x86 {
	u64 gpr[AXVCPU_NR_REGS];
	u64 cr2;
	u64 dr[4];
	bool uses_dr;
	u64 pat;
	void *fpu;
	u32 pkru;
	bool down;
	struct {
		u64 dr[4];
		u64 dr7;
		u64 tsc_aux;
		u32 pkru;
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
 * For load() and put(): FPU, debug registers and PKRU of the guest; the host's user state
 * is safe with the kernel meanwhile (kernel_fpu_begin()).
 */
void axvcpu_x86_load(struct axvcpu_x86 *x86);
void axvcpu_x86_put(struct axvcpu_x86 *x86);

/* For run(), right after an exit: hardware has switched DR7 off; the host's comes back in put(). */
static inline bool axvcpu_x86_host_uses_dr(const struct axvcpu_x86 *x86)
{
	return x86->host.dr7 & 0xff;	/* L0 to G3, Intel SDM vol. 3B, 18.2.4 */
}

/* Start to switch debug registers: the guest's are loaded now. After load(). */
void axvcpu_x86_use_dr(struct axvcpu_x86 *x86);

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

/* Keep the branch predictions of one guest from another, or from the host. */
void axvcpu_x86_ibpb(void);

/* Whether each exit needs that, for CPUs whose returns are predicted across it. */
bool axvcpu_x86_ibpb_on_exit(void);

#endif /* __ASSEMBLY__ */
#endif /* _AXVCPU_X86_H */
