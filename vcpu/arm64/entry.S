/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest entry and exit. The kernel's vectors cannot handle exceptions from guests, so the vectors
 * here are installed from just before the entry to just after the exit, with all exceptions masked
 * in the host; and during an AT, which walks the guest's tables.
 *
 * Spectre v3a concerns vector addresses on CPUs without VHE (Cortex-A57, A72): KVM hides them only
 * outside of VHE, too.
 */
#include <linux/linkage.h>
#include <asm/alternative.h>
#include <asm/assembler.h>
#include <asm/sysreg.h>

#include "arm64.h"

/* Frame on the host's stack while the guest runs. */
#define FRAME_SELF	0	/* struct axvcpu_arm64 */
#define FRAME_VBAR	8
#define FRAME_SP_EL0	16	/* the kernel's current task */
#define FRAME_X18	24
#define FRAME_X19	32	/* to X30 */
#define FRAME_SIZE	128

#define A64_ISR_A	8	/* ISR_EL1: an SError is pending. Arm D23.2.95 */
#define A64_SPSR_IL	20

	.text

/*
 * An exception from the guest preserves its PAN, since SCTLR_EL2.SPAN is ignored with HCR_EL2.TGE
 * clear (Arm D8.4.13), and its DIT; it sets TCO. The host runs with PAN set, DIT set since 6.2, and
 * tags checked. All CPUs with VHE have PAN, so no alternative is needed: CONFIG_ARM64_PAN was
 * removed after 6.12, and code guarded by it would silently vanish.
 */
.macro host_pstate
	SET_PSTATE_PAN(1)
	ALTERNATIVE(nop, SET_PSTATE_TCO(0), ARM64_MTE)
#ifdef ARM64_HAS_DIT
	ALTERNATIVE(nop, SET_PSTATE_DIT(1), ARM64_HAS_DIT)
#endif
.endm

/* u64 axvcpu_arm64_enter(struct axvcpu_arm64 *a64) */
SYM_FUNC_START(axvcpu_arm64_enter)
	sub	sp, sp, #FRAME_SIZE
	stp	x19, x20, [sp, #FRAME_X19]
	stp	x21, x22, [sp, #FRAME_X19 + 16]
	stp	x23, x24, [sp, #FRAME_X19 + 32]
	stp	x25, x26, [sp, #FRAME_X19 + 48]
	stp	x27, x28, [sp, #FRAME_X19 + 64]
	stp	x29, x30, [sp, #FRAME_X19 + 80]
	mrs	x1, vbar_el1
	stp	x0, x1, [sp, #FRAME_SELF]
	mrs	x1, sp_el0
	stp	x1, x18, [sp, #FRAME_SP_EL0]

	/* An SError pending now belongs to the host and must be taken as such. */
alternative_if ARM64_HAS_RAS_EXTN
	dsb	nshst
	isb
alternative_else_nop_endif
	mrs	x1, isr_el1
	cbnz	x1, .Lnot_now

	adr_l	x1, vectors_in_guest
	msr	vbar_el1, x1
	ldp	x1, x2, [x0, #AXVCPU_ARM64_SP_EL0]
	msr	sp_el0, x1
	msr	elr_el2, x2
	ldr	x1, [x0, #AXVCPU_ARM64_PSTATE]
	msr	spsr_el2, x1
alternative_if ARM64_WORKAROUND_1508412
	dmb	sy
alternative_else_nop_endif
	isb

	ldp	x2, x3, [x0, #AXVCPU_ARM64_X(2)]
	ldp	x4, x5, [x0, #AXVCPU_ARM64_X(4)]
	ldp	x6, x7, [x0, #AXVCPU_ARM64_X(6)]
	ldp	x8, x9, [x0, #AXVCPU_ARM64_X(8)]
	ldp	x10, x11, [x0, #AXVCPU_ARM64_X(10)]
	ldp	x12, x13, [x0, #AXVCPU_ARM64_X(12)]
	ldp	x14, x15, [x0, #AXVCPU_ARM64_X(14)]
	ldp	x16, x17, [x0, #AXVCPU_ARM64_X(16)]
	ldp	x18, x19, [x0, #AXVCPU_ARM64_X(18)]
	ldp	x20, x21, [x0, #AXVCPU_ARM64_X(20)]
	ldp	x22, x23, [x0, #AXVCPU_ARM64_X(22)]
	ldp	x24, x25, [x0, #AXVCPU_ARM64_X(24)]
	ldp	x26, x27, [x0, #AXVCPU_ARM64_X(26)]
	ldp	x28, x29, [x0, #AXVCPU_ARM64_X(28)]
	ldr	x30, [x0, #AXVCPU_ARM64_X(30)]
	ldp	x0, x1, [x0, #AXVCPU_ARM64_X(0)]
	eret
	sb

	/* From a vector: its number in X1, the guest's X0 and X1 on the stack. */
SYM_INNER_LABEL(axvcpu_arm64_left, SYM_L_LOCAL)
	host_pstate
	ldr	x0, [sp, #16 + FRAME_SELF]
	stp	x2, x3, [x0, #AXVCPU_ARM64_X(2)]
	ldp	x2, x3, [sp], #16
	stp	x2, x3, [x0, #AXVCPU_ARM64_X(0)]
	stp	x4, x5, [x0, #AXVCPU_ARM64_X(4)]
	stp	x6, x7, [x0, #AXVCPU_ARM64_X(6)]
	stp	x8, x9, [x0, #AXVCPU_ARM64_X(8)]
	stp	x10, x11, [x0, #AXVCPU_ARM64_X(10)]
	stp	x12, x13, [x0, #AXVCPU_ARM64_X(12)]
	stp	x14, x15, [x0, #AXVCPU_ARM64_X(14)]
	stp	x16, x17, [x0, #AXVCPU_ARM64_X(16)]
	stp	x18, x19, [x0, #AXVCPU_ARM64_X(18)]
	stp	x20, x21, [x0, #AXVCPU_ARM64_X(20)]
	stp	x22, x23, [x0, #AXVCPU_ARM64_X(22)]
	stp	x24, x25, [x0, #AXVCPU_ARM64_X(24)]
	stp	x26, x27, [x0, #AXVCPU_ARM64_X(26)]
	stp	x28, x29, [x0, #AXVCPU_ARM64_X(28)]
	mrs	x2, sp_el0
	stp	x30, x2, [x0, #AXVCPU_ARM64_X(30)]
	mrs	x2, elr_el2
	mrs	x3, spsr_el2
	stp	x2, x3, [x0, #AXVCPU_ARM64_PC]
	mrs	x2, esr_el2
	mrs	x3, far_el2
	stp	x2, x3, [x0, #AXVCPU_ARM64_ESR]
	mrs	x2, hpfar_el2
	str	x2, [x0, #AXVCPU_ARM64_HPFAR]

	/*
	 * No indirect branch has executed up to here. CLRBHB is a hint, a NOP where not implemented
	 * (Arm C6.2.83). The loop is the kernel's (Arm, "Spectre-BHB", 2022): two dummy branches
	 * per iteration. The firmware call may clobber X0 to X3.
	 */
	hint	#22
	ldr	w2, [x0, #AXVCPU_ARM64_EXIT_LOOP]
	cbz	w2, .Lno_loop
.Lloop:
	b	. + 4
	subs	w2, w2, #1
	b.ne	.Lloop
.Lno_loop:
	sb
	ldr	w2, [x0, #AXVCPU_ARM64_EXIT_CALL]
	cbz	w2, .Lno_call
	mov	x19, x1
	mov	w0, w2
	smc	#0
	mov	x1, x19
.Lno_call:
	/*
	 * SErrors caused by the guest's accesses are attributed to it. ESB (in the vector) has
	 * recorded one in DISR_EL1; without FEAT_RAS a pending one is taken here.
	 */
	ldr	x0, [sp, #FRAME_SELF]
	str	xzr, [x0, #AXVCPU_ARM64_DISR]
alternative_if ARM64_HAS_RAS_EXTN
	mrs_s	x2, SYS_DISR_EL1
	cbz	x2, .Lno_serror
	msr_s	SYS_DISR_EL1, xzr
	str	x2, [x0, #AXVCPU_ARM64_DISR]
	orr	x1, x1, #(1 << AXVCPU_ARM64_AND_SERROR_BIT)
	b	.Lno_serror
alternative_else
	dsb	sy
	isb
	mrs	x2, isr_el1
	tbz	x2, #A64_ISR_A, .Lno_serror
	nop
	nop
alternative_endif
	msr	daifclr, #4
SYM_INNER_LABEL(axvcpu_arm64_serror_window, SYM_L_LOCAL)
	isb
SYM_INNER_LABEL(axvcpu_arm64_serror_window_end, SYM_L_LOCAL)
	msr	daifset, #4
.Lno_serror:
	ldr	x2, [sp, #FRAME_VBAR]
	msr	vbar_el1, x2
	ldp	x2, x18, [sp, #FRAME_SP_EL0]
	msr	sp_el0, x2
	isb
	mov	x0, x1
.Lrestore:
	ldp	x19, x20, [sp, #FRAME_X19]
	ldp	x21, x22, [sp, #FRAME_X19 + 16]
	ldp	x23, x24, [sp, #FRAME_X19 + 32]
	ldp	x25, x26, [sp, #FRAME_X19 + 48]
	ldp	x27, x28, [sp, #FRAME_X19 + 64]
	ldp	x29, x30, [sp, #FRAME_X19 + 80]
	add	sp, sp, #FRAME_SIZE
	ret
.Lnot_now:
	mov	x0, #AXVCPU_ARM64_IRQ
	b	.Lrestore
SYM_FUNC_END(axvcpu_arm64_enter)

/*
 * u64 axvcpu_arm64_at_s1e1r(u64 va): called in the guest's regime, all exceptions masked. If the
 * walk ends in an external abort, it is taken here and 1 is returned.
 */
SYM_FUNC_START(axvcpu_arm64_at_s1e1r)
	sub	sp, sp, #FRAME_SIZE
	mrs	x2, vbar_el1
	str	x2, [sp, #FRAME_VBAR]
	adr_l	x1, vectors_in_guest
	msr	vbar_el1, x1
	isb
	mov	x1, #1				/* PAR_EL1.F */
SYM_INNER_LABEL(axvcpu_arm64_at, SYM_L_LOCAL)
	at	s1e1r, x0
	isb
alternative_if ARM64_WORKAROUND_1508412
	dmb	sy
alternative_else_nop_endif
	mrs	x1, par_el1
alternative_if ARM64_WORKAROUND_1508412
	dmb	sy
alternative_else_nop_endif
SYM_INNER_LABEL(axvcpu_arm64_at_end, SYM_L_LOCAL)
	msr	vbar_el1, x2
	isb
	mov	x0, x1
	add	sp, sp, #FRAME_SIZE
	ret
SYM_FUNC_END(axvcpu_arm64_at_s1e1r)

/* An exit of the guest. With FEAT_RAS, ESB (a hint) separates SErrors of guest and host. */
.macro guest_vector number
	.align	7
	hint	#16
	stp	x0, x1, [sp, #-16]!
	mov	x1, #\number
	b	axvcpu_arm64_left
.endm

/*
 * An unexpected exception of the host while our vectors are installed is a bug, which the kernel's
 * vectors report. X17 is lost. RET, since they are not BTI landing pads.
 */
.macro to_host offset
	ldr	x17, [sp, #FRAME_VBAR]
	msr	vbar_el1, x17
	isb
	add	x17, x17, #\offset
	ret	x17
.endm

.macro host_vector offset
	.align	7
	to_host	\offset
.endm

/* Expected exceptions, with X0 and X1 on the stack. */
.macro host_vector_known target
	.align	7
	stp	x0, x1, [sp, #-16]!
	b	\target
.endm

/* Two are expected: an illegal exception return, after which the guest was not entered, and AT. */
SYM_CODE_START_LOCAL(host_sync)
	mov	x1, #AXVCPU_ARM64_ILLEGAL
	mrs	x0, spsr_el2
	tbnz	x0, #A64_SPSR_IL, axvcpu_arm64_left
	mrs	x0, elr_el2
	adr_l	x1, axvcpu_arm64_at
	cmp	x0, x1
	adr_l	x1, axvcpu_arm64_at_end
	b.eq	go_on
	ldp	x0, x1, [sp], #16
	to_host	0x200
SYM_INNER_LABEL(go_on, SYM_L_LOCAL)
	msr	elr_el2, x1
	ldp	x0, x1, [sp], #16
	eret
	sb
SYM_CODE_END(host_sync)

/* An SError in the window: X0 is struct axvcpu_arm64, X1 the return value. */
SYM_CODE_START_LOCAL(host_serror)
	mrs	x0, elr_el2
	adr_l	x1, axvcpu_arm64_serror_window
	sub	x0, x0, x1
	adr_l	x1, axvcpu_arm64_serror_window_end
	cmp	x0, #4
	b.ls	1f
	ldp	x0, x1, [sp], #16
	to_host	0x380
1:	msr	elr_el2, x1
	ldp	x0, x1, [sp], #16
	mrs	x2, esr_el2
	str	x2, [x0, #AXVCPU_ARM64_DISR]
	orr	x1, x1, #(1 << AXVCPU_ARM64_AND_SERROR_BIT)
	eret
	sb
SYM_CODE_END(host_serror)

/* Arm D1.3.1.5: by source of the exception. */
	.align	11
SYM_CODE_START_LOCAL(vectors_in_guest)
	host_vector 0x000		/* EL2, SP_EL0 */
	host_vector 0x080
	host_vector 0x100
	host_vector 0x180
	host_vector_known host_sync	/* EL2, SP_EL2 */
	host_vector 0x280
	host_vector 0x300
	host_vector_known host_serror
	guest_vector AXVCPU_ARM64_SYNC	/* EL1 and EL0, AArch64 */
	guest_vector AXVCPU_ARM64_IRQ
	guest_vector AXVCPU_ARM64_FIQ
	guest_vector AXVCPU_ARM64_SERROR
	guest_vector AXVCPU_ARM64_SYNC	/* EL0, AArch32 */
	guest_vector AXVCPU_ARM64_IRQ
	guest_vector AXVCPU_ARM64_FIQ
	guest_vector AXVCPU_ARM64_SERROR
SYM_CODE_END(vectors_in_guest)

/* struct user_fpsimd_state: V0 to V31, FPSR, FPCR. The kernel's macros were removed in 7.1. */
	.arch_extension fp
	.arch_extension simd

#define FP_FPSR		512
#define FP_FPCR		516

.macro fp_registers instruction
	\instruction	q0, q1, [x0, #16 * 0]
	\instruction	q2, q3, [x0, #16 * 2]
	\instruction	q4, q5, [x0, #16 * 4]
	\instruction	q6, q7, [x0, #16 * 6]
	\instruction	q8, q9, [x0, #16 * 8]
	\instruction	q10, q11, [x0, #16 * 10]
	\instruction	q12, q13, [x0, #16 * 12]
	\instruction	q14, q15, [x0, #16 * 14]
	\instruction	q16, q17, [x0, #16 * 16]
	\instruction	q18, q19, [x0, #16 * 18]
	\instruction	q20, q21, [x0, #16 * 20]
	\instruction	q22, q23, [x0, #16 * 22]
	\instruction	q24, q25, [x0, #16 * 24]
	\instruction	q26, q27, [x0, #16 * 26]
	\instruction	q28, q29, [x0, #16 * 28]
	\instruction	q30, q31, [x0, #16 * 30]
.endm

/* void axvcpu_arm64_fp_load(const struct user_fpsimd_state *fp) */
SYM_FUNC_START(axvcpu_arm64_fp_load)
	fp_registers ldp
	ldr	w1, [x0, #FP_FPSR]
	msr	fpsr, x1
	ldr	w1, [x0, #FP_FPCR]
	msr	fpcr, x1
	ret
SYM_FUNC_END(axvcpu_arm64_fp_load)

/* void axvcpu_arm64_fp_save(struct user_fpsimd_state *fp) */
SYM_FUNC_START(axvcpu_arm64_fp_save)
	fp_registers stp
	mrs	x1, fpsr
	str	w1, [x0, #FP_FPSR]
	mrs	x1, fpcr
	str	w1, [x0, #FP_FPCR]
	ret
SYM_FUNC_END(axvcpu_arm64_fp_save)
