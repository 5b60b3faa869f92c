/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internal header of the SVM backend. "APM" is the AMD64 Architecture Programmer's Manual.
 *
 *   svm.c         the operations: create, load, put, run
 *   svm_exit.c    exit handling
 *   svm_event.c   events in flight to the guest
 *   svm_insn.c    instruction length, where the CPU does not report it
 *   svm_save.c    all of a vCPU's state, for another one
 *   svm_guest.c   the guest's registers and intercepts
 *   svm_cpu.c     the machine: capabilities, SVME, permission maps
 *   svm_hw.h      hardware definitions
 *   svm_entry.S   guest entry and exit
 *
 * Each file calls only those below it in this list.
 */
#ifndef _AXVCPU_SVM_H
#define _AXVCPU_SVM_H

#include <linux/percpu.h>
#include <axas/frame.h>
#include <asm/msr-index.h>

#include "svm_hw.h"
#include "x86.h"

/**
 * struct svm_machine - machine-wide data, set by hw_setup()
 * @asids: number of ASIDs
 * @features: SVM_CPUID_EDX_*
 * @cr4: CR4 bits that a guest may set
 * @iopm: I/O permission map: every port exits
 * @msrpm: MSR permission map
 */
struct svm_machine {
	u32 asids;
	u32 features;
	u64 cr4;
	void *iopm;
	void *msrpm;
};

extern struct svm_machine svm_machine;

/* Two pages per CPU: the hardware's for VMRUN, and one for VMSAVE of host state. */
struct svm_pages {
	u8 *host;
	u8 *vmsave;
};

DECLARE_PER_CPU(struct svm_pages, svm_cpu_pages);

/**
 * struct svm - the backend's vCPU
 * @x86: common part; first
 * @frame: the VMCB's page
 * @vmcb: the VMCB
 * @vmcb_pa: its physical address
 * @asid: tags its translations, until the vCPU is destroyed; the last one is shared
 * @levels: of the nested table
 * @vector: vector passed to the hardware for delivery, or -ENOENT
 */
struct svm {
	struct axvcpu_x86 x86;
	struct axas_frame frame;
	struct svm_vmcb *vmcb;
	u64 vmcb_pa;
	u32 asid;
	u32 levels;
	int vector;
};

static inline struct svm *to_svm(const struct axvcpu *vcpu)
{
	return container_of(to_x86(vcpu), struct svm, x86);
}

/* CS.L, bit 53 of its descriptor: SVM's attributes are bits 40 to 47 and 52 to 55. */
static inline bool svm_code64(const struct svm *svm)
{
	const struct svm_save *save = &svm->vmcb->save;

	return save->efer & EFER_LMA && save->cs.attrib & BIT(9);
}

/* svm_cpu.c */
int svm_hw_setup(void);
void svm_hw_unsetup(void);
int svm_cpu_supported(void);
int svm_cpu_enable(void);
void svm_cpu_disable(void);

/* svm_guest.c */
int svm_set_entry(struct axvcpu *vcpu, u64 entry);
int svm_setup(struct axvcpu *vcpu, const struct axvcpu_setup *setup);
void svm_get_regs(struct axvcpu *vcpu, struct axvcpu_regs *regs);
int svm_set_regs(struct axvcpu *vcpu, const struct axvcpu_regs *regs);
void svm_reset(struct axvcpu *vcpu);
void svm_hole(struct axvcpu *vcpu, struct axvcpu_exit *exit);

/* svm_save.c */
int svm_save_state(struct axvcpu *vcpu, void *arg);
int svm_restore_state(struct axvcpu *vcpu, const void *arg);

/* svm_event.c. Interrupts are off. */
int svm_raise(struct axvcpu *vcpu, u8 vector, u32 error);	/* returns AXVCPU_RAN_AGAIN */
bool svm_accepts(const struct axvcpu *vcpu, u8 vector);
void svm_inject_event(struct axvcpu *vcpu, struct svm *svm);	/* when one is in flight */
void svm_offer_vector(struct axvcpu *vcpu, struct svm *svm);	/* delivers @svm->vector */
void svm_ask_for_window(struct svm *svm, u8 vector);	/* exit once it would be taken */
void svm_take_back_event(struct axvcpu *vcpu, struct svm *svm);

/* svm_insn.c: number of prefix bytes before the opcode at RIP. Interrupts are off. */
unsigned int svm_prefixes(const struct svm *svm);

/* svm_exit.c: enum axvcpu_ran. Interrupts are off. */
int svm_on_shutdown(struct axvcpu *vcpu, struct svm *svm, struct axvcpu_exit *exit);
int svm_handle_exit(struct axvcpu *vcpu, struct svm *svm, struct axvcpu_exit *exit);

/* svm_entry.S: run the guest until it exits. */
void axvcpu_svm_enter(u64 vmcb, struct axvcpu_x86 *x86, u64 host, u32 mitigations);

#endif /* _AXVCPU_SVM_H */
