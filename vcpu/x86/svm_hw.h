/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AMD SVM hardware definitions: "AMD64 Architecture Programmer's Manual, Volume 2: System
 * Programming" (APM), chapter 15 and appendices B and C.
 */
#ifndef _AXVCPU_SVM_HW_H
#define _AXVCPU_SVM_HW_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>

/* APM vol. 2, 15.30: model-specific registers. */
#define SVM_MSR_VM_CR		0xc0010114
#define SVM_VM_CR_SVMDIS	BIT_ULL(4)
#define SVM_MSR_VM_HSAVE_PA	0xc0010117
/* AMD, "Technical update regarding speculative return stack overflow", rev. 2.0. */
#define SVM_MSR_BP_CFG		0xc001102e
#define SVM_BP_CFG_SPEC_REDUCE	BIT_ULL(4)

/* APM vol. 3, E.4.9: CPUID Fn8000_000A. EBX is the number of ASIDs. */
#define SVM_CPUID		0x8000000a
#define SVM_CPUID_EDX_NP	BIT(0)
#define SVM_CPUID_EDX_NRIPS	BIT(3)
#define SVM_CPUID_EDX_FLUSH	BIT(6)	/* FlushByAsid */
#define SVM_CPUID_EDX_DECODE	BIT(7)	/* DecodeAssists */

/* APM vol. 2, appendix B, table B-1: intercept vectors of the control area. */
#define SVM_INTERCEPT_CR_WRITE(n)	BIT(16 + (n))
/* offset 00Ch */
#define SVM_INTERCEPT_INTR		BIT(0)
#define SVM_INTERCEPT_NMI		BIT(1)
#define SVM_INTERCEPT_INIT		BIT(3)
#define SVM_INTERCEPT_VINTR		BIT(4)
#define SVM_INTERCEPT_RDPMC		BIT(15)
#define SVM_INTERCEPT_CPUID		BIT(18)
#define SVM_INTERCEPT_RSM		BIT(19)
#define SVM_INTERCEPT_INVD		BIT(22)
#define SVM_INTERCEPT_HLT		BIT(24)
#define SVM_INTERCEPT_INVLPGA		BIT(26)
#define SVM_INTERCEPT_IOIO		BIT(27)
#define SVM_INTERCEPT_MSR		BIT(28)
#define SVM_INTERCEPT_TASK_SWITCH	BIT(29)
#define SVM_INTERCEPT_FERR		BIT(30)
#define SVM_INTERCEPT_SHUTDOWN		BIT(31)
/* offset 010h */
#define SVM_INTERCEPT_VMRUN		BIT(0)
#define SVM_INTERCEPT_VMMCALL		BIT(1)
#define SVM_INTERCEPT_VMLOAD		BIT(2)
#define SVM_INTERCEPT_VMSAVE		BIT(3)
#define SVM_INTERCEPT_STGI		BIT(4)
#define SVM_INTERCEPT_CLGI		BIT(5)
#define SVM_INTERCEPT_SKINIT		BIT(6)
#define SVM_INTERCEPT_RDTSCP		BIT(7)
#define SVM_INTERCEPT_WBINVD		BIT(9)
#define SVM_INTERCEPT_MONITOR		BIT(10)
#define SVM_INTERCEPT_MWAIT		BIT(11)
#define SVM_INTERCEPT_MWAIT_ARMED	BIT(12)
#define SVM_INTERCEPT_XSETBV		BIT(13)
#define SVM_INTERCEPT_RDPRU		BIT(14)
/* offset 014h */
#define SVM_INTERCEPT_INVLPGB		BIT(0)
#define SVM_INTERCEPT_INVLPGB_ILLEGAL	BIT(1)
#define SVM_INTERCEPT_MCOMMIT		BIT(3)
#define SVM_INTERCEPT_TLBSYNC		BIT(4)

/* Offset 05Ch, APM vol. 2, 15.16.2. */
#define SVM_TLB_NOTHING		0
#define SVM_TLB_FLUSH_ALL	1
#define SVM_TLB_FLUSH_ASID	3	/* with FlushByAsid */

/* Offset 060h, APM vol. 2, 15.21. */
#define SVM_V_TPR		0xfull
#define SVM_V_IRQ		BIT_ULL(8)
#define SVM_V_INTR_PRIO_SHIFT	16
#define SVM_V_INTR_PRIO		GENMASK_ULL(19, 16)
#define SVM_V_INTR_MASKING	BIT_ULL(24)
#define SVM_V_INTR_VECTOR_SHIFT	32

#define SVM_INTERRUPT_SHADOW	BIT_ULL(0)	/* offset 068h */
#define SVM_NP_ENABLE		BIT_ULL(0)	/* offset 090h */

/* EVENTINJ and EXITINTINFO, APM vol. 2, 15.20 and 15.7.2. */
#define SVM_EVENT_VECTOR	0xffu
#define SVM_EVENT_TYPE		(7u << 8)
#define SVM_EVENT_INTR		(0u << 8)
#define SVM_EVENT_EXCEPTION	(3u << 8)
#define SVM_EVENT_SOFT		(4u << 8)
#define SVM_EVENT_ERROR		BIT(11)
#define SVM_EVENT_VALID		BIT(31)

/* Exit codes, APM vol. 2, appendix C. */
#define SVM_EXIT_CR4_WRITE	0x014
#define SVM_EXIT_DR_FIRST	0x020
#define SVM_EXIT_DR_LAST	0x03f
#define SVM_EXIT_EXCEPTION	0x040	/* plus the vector */
#define SVM_EXIT_INTR		0x060
#define SVM_EXIT_NMI		0x061
#define SVM_EXIT_SMI		0x062
#define SVM_EXIT_INIT		0x063
#define SVM_EXIT_VINTR		0x064
#define SVM_EXIT_RDPMC		0x06f
#define SVM_EXIT_CPUID		0x072
#define SVM_EXIT_RSM		0x073
#define SVM_EXIT_INVD		0x076
#define SVM_EXIT_HLT		0x078
#define SVM_EXIT_INVLPGA	0x07a
#define SVM_EXIT_IOIO		0x07b
#define SVM_EXIT_MSR		0x07c
#define SVM_EXIT_SHUTDOWN	0x07f
#define SVM_EXIT_VMRUN		0x080
#define SVM_EXIT_VMMCALL	0x081
#define SVM_EXIT_VMLOAD		0x082
#define SVM_EXIT_VMSAVE		0x083
#define SVM_EXIT_STGI		0x084
#define SVM_EXIT_CLGI		0x085
#define SVM_EXIT_SKINIT		0x086
#define SVM_EXIT_RDTSCP		0x087
#define SVM_EXIT_WBINVD		0x089
#define SVM_EXIT_MONITOR	0x08a
#define SVM_EXIT_MWAIT		0x08b
#define SVM_EXIT_MWAIT_ARMED	0x08c
#define SVM_EXIT_XSETBV		0x08d
#define SVM_EXIT_RDPRU		0x08e
#define SVM_EXIT_INVLPGB	0x0a0
#define SVM_EXIT_INVLPGB_BAD	0x0a1
#define SVM_EXIT_MCOMMIT	0x0a3
#define SVM_EXIT_TLBSYNC	0x0a4
#define SVM_EXIT_NPF		0x400
#define SVM_EXIT_INVALID	(~0ull)

/* EXITINFO1 of IOIO, APM vol. 2, 15.10.2; EXITINFO2 is the next RIP. */
#define SVM_IOIO_IN		BIT(0)
#define SVM_IOIO_STRING		BIT(2)
#define SVM_IOIO_WIDTH(info)	(((info) >> 4) & 7)	/* SZ8, SZ16, SZ32 */
#define SVM_IOIO_PORT(info)	((info) >> 16 & 0xffff)

/* EXITINFO1 of a CR access with decode assists, APM vol. 2, 15.33.1. */
#define SVM_CR_MOV		BIT_ULL(63)
#define SVM_CR_GPR(info)	((info) & 0xf)

/* EXITINFO1 of NPF, APM vol. 2, 15.25.6: a page fault's error code, and more. */
#define SVM_NPF_WRITE		BIT_ULL(1)
#define SVM_NPF_RESERVED	BIT_ULL(3)
#define SVM_NPF_FETCH		BIT_ULL(4)

/* Permission maps, APM vol. 2, 15.10.1 and 15.11: 3 pages of ports, 2 of MSRs. */
#define SVM_IOPM_ORDER		2
#define SVM_IOPM_BYTES		(12 << 10)
#define SVM_MSRPM_ORDER		1
#define SVM_MSRPM_BYTES		(8 << 10)

/*
 * struct svm_control - the control area of a VMCB, APM vol. 2, table B-1
 */
struct svm_control {
	u32 intercept_cr;
	u32 intercept_dr;
	u32 intercept_exceptions;
	u32 intercept_1;
	u32 intercept_2;
	u32 intercept_3;
	u8 reserved_018[0x40 - 0x18];
	u64 iopm;
	u64 msrpm;
	u64 tsc_offset;
	u32 asid;
	u32 tlb_control;
	u64 interrupt;
	u64 shadow;
	u64 exit_code;
	u64 exit_info_1;
	u64 exit_info_2;
	u64 exit_int_info;
	u64 nested;
	u8 reserved_098[0xa8 - 0x98];
	u64 event_inj;
	u64 nested_cr3;
	u64 lbr;
	u64 clean;
	u64 next_rip;
	u8 reserved_0d0[0x400 - 0xd0];
};

/**
 * struct svm_segment - a segment register
 * @selector: its visible part
 * @attrib: bits 55:52 and 47:40 of the descriptor
 * @limit: in bytes
 * @base: address
 */
struct svm_segment {
	u16 selector;
	u16 attrib;
	u32 limit;
	u64 base;
};

/*
 * struct svm_save - the state-save area of a VMCB, APM vol. 2, table B-2
 */
struct svm_save {
	struct svm_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	u8 reserved_0a0[0xcb - 0xa0];
	u8 cpl;
	u32 reserved_0cc;
	u64 efer;
	u8 reserved_0d8[0x148 - 0xd8];
	u64 cr4;
	u64 cr3;
	u64 cr0;
	u64 dr7;
	u64 dr6;
	u64 rflags;
	u64 rip;
	u8 reserved_180[0x1d8 - 0x180];
	u64 rsp;
	u8 reserved_1e0[0x1f8 - 0x1e0];
	u64 rax;
	u64 star;
	u64 lstar;
	u64 cstar;
	u64 sfmask;
	u64 kernel_gs_base;
	u64 sysenter_cs;
	u64 sysenter_esp;
	u64 sysenter_eip;
	u64 cr2;
	u8 reserved_248[0x268 - 0x248];
	u64 g_pat;
	u8 reserved_270[0xc00 - 0x270];
};

/**
 * struct svm_vmcb - a virtual machine control block: one page
 * @control: controls for VMRUN, and the reason for #VMEXIT
 * @save: the guest's registers
 */
struct svm_vmcb {
	struct svm_control control;
	struct svm_save save;
};

static_assert(offsetof(struct svm_control, iopm) == 0x40);
static_assert(offsetof(struct svm_control, asid) == 0x58);
static_assert(offsetof(struct svm_control, exit_code) == 0x70);
static_assert(offsetof(struct svm_control, event_inj) == 0xa8);
static_assert(offsetof(struct svm_control, next_rip) == 0xc8);
static_assert(offsetof(struct svm_save, tr) == 0x90);
static_assert(offsetof(struct svm_save, cpl) == 0xcb);
static_assert(offsetof(struct svm_save, efer) == 0xd0);
static_assert(offsetof(struct svm_save, cr4) == 0x148);
static_assert(offsetof(struct svm_save, rip) == 0x178);
static_assert(offsetof(struct svm_save, rsp) == 0x1d8);
static_assert(offsetof(struct svm_save, rax) == 0x1f8);
static_assert(offsetof(struct svm_save, cr2) == 0x240);
static_assert(offsetof(struct svm_save, g_pat) == 0x268);
static_assert(sizeof(struct svm_vmcb) == 4096);

#endif /* _AXVCPU_SVM_HW_H */
