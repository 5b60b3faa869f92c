/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Common code of the SVM and VMX backends: registers that neither of them switches in hardware,
 * CPUID and MSRs handled without the VMM, and filling in exits.
 */
#ifndef _AXVCPU_X86_H
#define _AXVCPU_X86_H

/* For assembly: offset of a general register in struct axvcpu_x86. */
#define AXVCPU_X86_GPR(n)	((n) * 8)

#ifndef __ASSEMBLY__

#include <uapi/asm/debugreg.h>
#include <uapi/asm/processor-flags.h>

#include "../axvcpu.h"

/*
 * Events in the encoding of SVM's EVENTINJ (APM vol. 2, 15.20) and VMX's interruption information
 * (Intel SDM vol. 3C, 25.8.3): the bits are the same, and VMX has more types.
 */
#define X86_EVENT_VECTOR	0xffu
#define X86_EVENT_TYPE		(7u << 8)
#define X86_EVENT_INTR		(0u << 8)
#define X86_EVENT_EXCEPTION	(3u << 8)
#define X86_EVENT_INT_N		(4u << 8)
#define X86_EVENT_INT1		(5u << 8)	/* VMX */
#define X86_EVENT_INT3		(6u << 8)	/* and INTO; VMX */
#define X86_EVENT_ERROR		BIT(11)
#define X86_EVENT_VALID		BIT(31)
#define X86_EVENT_KNOWN		(X86_EVENT_VECTOR | X86_EVENT_TYPE | X86_EVENT_ERROR | \
				 X86_EVENT_VALID)

#define X86_DR7_GD		BIT_ULL(13)	/* #DB before an access to a debug register */

/**
 * struct axvcpu_x86_event - an event in flight to the guest
 * @info: X86_EVENT_*
 * @error: its error code, with X86_EVENT_ERROR
 * @len: length of the instruction that raised it, for types from X86_EVENT_INT_N on
 */
struct axvcpu_x86_event {
	u32 info;
	u32 error;
	u32 len;
};

/**
 * struct axvcpu_x86 - vCPU data common to both backends; first member of theirs
 * @gpr: general registers by AXVCPU_REG_*, RAX and RSP included while the guest is not running.
 *	Must stay first: the entry code uses AXVCPU_X86_GPR()
 * @rip: valid, like the next two, while the guest is not running
 * @rflags: flags
 * @cr2: page-fault address
 * @cr8: task priority
 * @event: delivered by the next entry, before anything else
 * @db: DR6 bits to set when @event, a #DB, is delivered; encoded as VMX's pending debug exceptions
 * @end_shadow: an interrupt shadow ended with the last retired instruction
 * @real_mode: exceptions raised now have no error codes
 * @dr: guest's DR0 to DR3
 * @dr6: guest's DR6 where hardware does not switch it (VMX)
 * @uses_dr: the guest has debug registers of its own, switched at each entry and exit; otherwise
 *	its accesses exit
 * @pat: guest's IA32_PAT
 * @fpu: guest's FPU, in XSAVE or FXSAVE format
 * @xcr0: guest's XCR0
 * @osxsave: guest's CR4.OSXSAVE: XCR0 has effect
 * @down: the guest has ended by a triple fault
 * @startup: the entry is that of a startup IPI, while setup() writes it
 * @undo: state before the instruction of the last MSR exit retired, for set_return_fault()
 * @host: host state for axvcpu_x86_put() and axvcpu_x86_leave(). @host.dr7: 0 while the host has no
 *	breakpoint; @host.xstate: XCR0 and IA32_XSS are the guest's
 */
struct axvcpu_x86 {
	u64 gpr[AXVCPU_NR_REGS];
	u64 rip;
	u64 rflags;
	u64 cr2;
	u64 cr8;
	struct axvcpu_x86_event event;
	u64 db;
	bool end_shadow;
	bool real_mode;
	u64 dr[4];
	u64 dr6;
	bool uses_dr;
	u64 pat;
	void *fpu;
	u64 xcr0;
	bool osxsave;
	bool down;
	bool startup;
	struct {
		u64 rip;
		u64 rflags;
		bool valid;
	} undo;
	struct {
		u64 dr[4];
		u64 dr7;
		u64 debugctl;
		u64 tsc_aux;
		bool xstate;
	} host;
};

extern const struct axvcpu_arch_ops axvcpu_svm_ops;
extern const struct axvcpu_arch_ops axvcpu_vmx_ops;

static inline struct axvcpu_x86 *to_x86(const struct axvcpu *vcpu)
{
	return vcpu->arch;
}

/* Reset state. May sleep. 0 or -ENOMEM. */
int axvcpu_x86_create(struct axvcpu_x86 *x86);
void axvcpu_x86_destroy(struct axvcpu_x86 *x86);

/*
 * For load() and put(): switch the FPU and TSC_AUX; kernel_fpu_begin() preserves the host's user
 * state meanwhile.
 */
void axvcpu_x86_load(struct axvcpu_x86 *x86);
void axvcpu_x86_put(struct axvcpu_x86 *x86);

/* DR6 after a reset: active-low bits read 1 until their event occurs. SDM vol. 3B, 18.2.3. */
#define AXVCPU_X86_DR6_RESET	0xffff0ff0ull

/* host.c */
u64 axvcpu_x86_read_dr6(void);
void axvcpu_x86_write_dr6(u64 dr6);

/* Hand a machine check that arrived in a guest to the host. Right after leave(). */
int axvcpu_x86_machine_check(void);

/* emergency.c: names of KVM's modules, which may hold the CPUs. */
extern const char *const axvcpu_x86_kvm_modules[];

/*
 * For hw_setup() and hw_unsetup(): call @disable on each CPU that goes down in a crash, with
 * interrupts off or as an NMI. Returns whether a crash turns virtualization off, by this callback
 * or KVM's, even if it stays on between entries.
 */
bool axvcpu_x86_emergency_setup(void (*disable)(void));
void axvcpu_x86_emergency_unsetup(void);

/* Switch the guest's debug registers from the next entry on. */
void axvcpu_x86_use_dr(struct axvcpu_x86 *x86);

/* Stop switching them if the guest's @dr7 enables none. True: intercept its accesses again. */
bool axvcpu_x86_idle_dr(struct axvcpu_x86 *x86, u64 dr7);

/* event.c: whether an event is in flight. */
static inline bool axvcpu_x86_event_valid(const struct axvcpu_x86 *x86)
{
	return x86->event.info & X86_EVENT_VALID;
}

static inline void axvcpu_x86_event_clear(struct axvcpu_x86 *x86)
{
	x86->event.info = 0;
}

/* A #DB of any type: DR6 and DR7 must be prepared for it. */
static inline bool axvcpu_x86_event_is_db(const struct axvcpu_x86 *x86)
{
	u32 type = x86->event.info & X86_EVENT_TYPE;

	return axvcpu_x86_event_valid(x86) && (x86->event.info & X86_EVENT_VECTOR) == 1 &&
	       (type == X86_EVENT_EXCEPTION || type == X86_EVENT_INT1);
}

/* Raise #DB; @cause as in struct axvcpu_x86.db, or 0 when DR6 already has it. */
void axvcpu_x86_raise_db(struct axvcpu *vcpu, u64 cause);

/**
 * axvcpu_x86_retire() - retire an emulated instruction
 * @vcpu: the vCPU
 * @rip: address of the next instruction
 *
 * The only place where RIP moves over an instruction. RF is cleared, an interrupt shadow from
 * before the instruction ends, and its single-step #DB is raised if TF is set. The instruction's
 * own effects may be written before or after.
 */
static inline void axvcpu_x86_retire(struct axvcpu *vcpu, u64 rip)
{
	struct axvcpu_x86 *x86 = to_x86(vcpu);

	x86->rip = rip;
	x86->rflags &= ~X86_EFLAGS_RF;
	x86->end_shadow = true;
	if (unlikely(x86->rflags & X86_EFLAGS_TF))
		axvcpu_x86_raise_db(vcpu, DR_STEP);
}

/* RIP after an instruction of @len bytes; outside 64-bit mode (@code64) it wraps at 32 bits. */
static inline u64 axvcpu_x86_next_rip(const struct axvcpu_x86 *x86, u32 len, bool code64)
{
	u64 rip = x86->rip + len;

	return code64 ? rip : (u32)rip;
}

/*
 * Raise an exception caused by the instruction that exited, or by the CPU's own action during the
 * exit. An event in flight and the exception combine as in SDM vol. 3A, 6.15.
 */
void axvcpu_x86_raise(struct axvcpu *vcpu, u8 vector, u32 error);
/* Raise INT1: a #DB whose delivery skips its instruction of @len bytes. */
void axvcpu_x86_raise_int1(struct axvcpu *vcpu, u32 len);

/* After each exit: record the event whose delivery was interrupted, if @info is valid. */
static inline void axvcpu_x86_interrupted(struct axvcpu_x86 *x86, u32 info, u32 error, u32 len)
{
	if (likely(!(info & X86_EVENT_VALID))) {
		axvcpu_x86_event_clear(x86);
		return;
	}
	x86->event.info = info & X86_EVENT_KNOWN;
	x86->event.error = error;
	x86->event.len = len;
}

/* Before an entry with an event: an interrupt becomes pending again if IF is clear by now. */
void axvcpu_x86_check_event(struct axvcpu *vcpu);

/* DR6 after a #DB with this cause. */
u64 axvcpu_x86_dr6(u64 dr6, u64 cause);

/*
 * The next vector to deliver that exceeds the task priority; else -ENOENT. The upper half of a
 * vector is its class, which must be above the task's: SDM vol. 3A, 10.8.3.
 */
static inline int axvcpu_x86_next_vector(const struct axvcpu *vcpu)
{
	int vector = axvcpu_next_vector(vcpu);

	return vector >= 0 && vector >> 4 > to_x86(vcpu)->cr8 ? vector : -ENOENT;
}

/*
 * Whether the next entry would deliver @vector: no event is in flight, IF is set, an interrupt
 * @shadow, if any, has ended, and the task priority is lower.
 */
bool axvcpu_x86_accepts(const struct axvcpu *vcpu, u8 vector, bool shadow);
/* wakes() of both backends. */
bool axvcpu_x86_wakes(const struct axvcpu *vcpu);

/* HLT has retired: whether the vCPU halts, with no event to wake it at once. */
bool axvcpu_x86_halts(const struct axvcpu *vcpu);

/* Validate a struct axvcpu_setup: mode, alignments. 0 or -EINVAL. */
int axvcpu_x86_check_setup(const struct axvcpu_setup *setup);

/* Real mode: CS for a linear address below 1 MiB. IP is the rest. */
u16 axvcpu_x86_real_cs(const struct axvcpu_x86 *x86, u64 entry);

/* Whether an address is canonical for the CPU's linear-address width. SDM vol. 1, 3.3.7.1. */
bool axvcpu_x86_canonical(u64 addr);

/*
 * SET_REGS: check the registers common to both backends, in 64-bit mode or not (@code64), against
 * the requirements of an entry, and write them.
 */
bool axvcpu_x86_regs_valid(const struct axvcpu_x86 *x86, const struct axvcpu_regs *regs,
			   bool code64);
void axvcpu_x86_set_regs(struct axvcpu *vcpu, const struct axvcpu_regs *regs);
void axvcpu_x86_get_regs(const struct axvcpu_x86 *x86, struct axvcpu_regs *regs);

/* CPUID as the guest sees it: only features that work in a guest. @out: EAX to EDX. */
void axvcpu_x86_cpuid(u32 leaf, u32 subleaf, u32 out[4]);

/*
 * A CPUID instruction: fill in @exit and return true when the VMM handles it, else emulate it. The
 * backend moves RIP.
 */
bool axvcpu_x86_do_cpuid(struct axvcpu *vcpu, struct axvcpu_exit *exit);

/* MSRs that both backends emulate alike; false for all others. */
bool axvcpu_x86_rdmsr(struct axvcpu_x86 *x86, u32 msr, u64 *val);
bool axvcpu_x86_wrmsr(struct axvcpu_x86 *x86, u32 msr, u64 val, bool *bad);

/* Exits common to both backends, filled in from registers. */
/* Before the instruction retires: the VMM may turn it into a fault. */
void axvcpu_x86_exit_msr(struct axvcpu_x86 *x86, bool write, struct axvcpu_exit *exit);
void axvcpu_x86_exit_io(const struct axvcpu_x86 *x86, bool in, u16 port, u32 width,
			struct axvcpu_exit *exit);
void axvcpu_x86_exit_hypercall(const struct axvcpu_x86 *x86, struct axvcpu_exit *exit);

/* set_return_value(), set_return_fault() and khz() of both backends. */
void axvcpu_x86_set_return_value(struct axvcpu *vcpu, u64 val);
int axvcpu_x86_set_return_fault(struct axvcpu *vcpu);
u32 axvcpu_x86_khz(void);

/* For reset(): all but the FPU's memory and the host's state is as after create(). */
void axvcpu_x86_reset(struct axvcpu_x86 *x86);

/*
 * save.c: the part of save() and restore() common to both backends. valid() checks what an entry or
 * the host relies on, and that the registers hold their values; restore() changes nothing else.
 */
void axvcpu_x86_save(const struct axvcpu_x86 *x86, struct axvcpu_x86_state *state);
extern const struct axvcpu_saved axvcpu_x86_saved;
bool axvcpu_x86_state_valid(const struct axvcpu_x86_state *state);
void axvcpu_x86_restore(struct axvcpu_x86 *x86, const struct axvcpu_x86_state *state);

/**
 * struct axvcpu_x86_xstate - what the machine has of XSAVE
 * @host: the host's XCR0; 0 without XSAVE
 * @guest: bits of XCR0 that a guest may set
 * @host_xss: the host's IA32_XSS, where a guest could use it: SVM
 * @cpuid_1_ecx: features that need some of @guest, by their places in CPUID
 * @cpuid_7_ebx: the same
 * @cpuid_7_ecx: the same
 */
struct axvcpu_x86_xstate {
	u64 host;
	u64 guest;
	u64 host_xss;
	u32 cpuid_1_ecx;
	u32 cpuid_7_ebx;
	u32 cpuid_7_ecx;
};

extern struct axvcpu_x86_xstate axvcpu_x86_xstate;

/* fpu.c: for hw_setup(), before the first CPU is enabled. @offer: guests may use XSAVE. */
void axvcpu_x86_fpu_setup(bool offer);
/* The memory of a vCPU's FPU, and its state after a reset. 0 or -ENOMEM. */
int axvcpu_x86_fpu_create(struct axvcpu_x86 *x86);
void axvcpu_x86_fpu_reset(struct axvcpu_x86 *x86);
/* Begin and end the kernel's use of the FPU; between them it is the guest's. */
void axvcpu_x86_fpu_load(struct axvcpu_x86 *x86);
void axvcpu_x86_fpu_put(struct axvcpu_x86 *x86);
/* Called only by axvcpu_x86_enter() and _leave(). */
void axvcpu_x86_xstate_enter(const struct axvcpu_x86 *x86);
void axvcpu_x86_xstate_leave(void);
/* XSETBV with the guest's registers. False: #GP. */
bool axvcpu_x86_xsetbv(struct axvcpu_x86 *x86);
/* Leaf 0xd of CPUID. @out: zeroes. */
void axvcpu_x86_cpuid_xsave(const struct axvcpu_x86 *x86, u32 subleaf, u32 out[4]);
/* For save.c. */
bool axvcpu_x86_xcr0_valid(u32 xcr0);
u32 axvcpu_x86_fpu_save(const struct axvcpu_x86 *x86, u8 *area, u32 room);
void axvcpu_x86_fpu_restore(struct axvcpu_x86 *x86, const u8 *area, u32 bytes);

bool axvcpu_x86_pat_valid(u64 pat);
bool axvcpu_x86_cr3_valid(u64 cr3);

/**
 * struct axvcpu_x86_code - where the guest's instructions are
 * @cr0: control register
 * @cr3: control register
 * @cr4: control register
 * @efer: IA32_EFER
 * @base: of CS; 0 in 64-bit mode
 * @code64: 64-bit mode
 */
struct axvcpu_x86_code {
	u64 cr0;
	u64 cr3;
	u64 cr4;
	u64 efer;
	u64 base;
	bool code64;
};

/* fetch.c, for hole(): read the instruction at RIP. May sleep. */
void axvcpu_x86_fetch(struct axvcpu *vcpu, const struct axvcpu_x86_code *code,
		      struct axvcpu_exit *exit);

#endif /* __ASSEMBLY__ */
#endif /* _AXVCPU_X86_H */
