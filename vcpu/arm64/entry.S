/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Into the guest and back. The kernel's own vectors know nothing of guests, so that ours
 * are in place from just before the guest to just behind it, with all exceptions masked
 * on this side.
 */
#include <linux/linkage.h>
#include <asm/alternative.h>
#include <asm/assembler.h>
#include <asm/fpsimdmacros.h>
#include <asm/sysreg.h>

#include "arm64.h"

/* The frame on the host's stack, while the guest runs. */
#define FRAME_SELF	0	/* struct axvcpu_arm64 */
#define FRAME_VBAR	8
#define FRAME_SP_EL0	16	/* the kernel's current task */
#define FRAME_X18	24
#define FRAME_X19	32	/* to X30 */
#define FRAME_SIZE	128

	.text

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

	adr_l	x1, vectors_in_guest
	msr	vbar_el1, x1
	ldp	x1, x2, [x0, #AXVCPU_ARM64_SP_EL0]
	msr	sp_el0, x1
	msr	elr_el2, x2
	ldr	x1, [x0, #AXVCPU_ARM64_PSTATE]
	msr	spsr_el2, x1
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
	/* HCR_EL2.TGE is clear: SCTLR_EL2.SPAN has not done it. Arm D8.4.13. */
	ALTERNATIVE(nop, SET_PSTATE_PAN(1), ARM64_HAS_PAN, CONFIG_ARM64_PAN)
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
	 * Up to here no branch was indirect. CLRBHB is a hint, and nothing where it is
	 * not known (Arm C6.2.83). The loop is the kernel's (Arm, "Spectre-BHB", 2022): each
	 * round two branches of no use. The firmware's call may take X0 to X3.
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
	ldr	x2, [sp, #FRAME_VBAR]
	msr	vbar_el1, x2
	ldp	x2, x18, [sp, #FRAME_SP_EL0]
	msr	sp_el0, x2
	isb
	mov	x0, x1
	ldp	x19, x20, [sp, #FRAME_X19]
	ldp	x21, x22, [sp, #FRAME_X19 + 16]
	ldp	x23, x24, [sp, #FRAME_X19 + 32]
	ldp	x25, x26, [sp, #FRAME_X19 + 48]
	ldp	x27, x28, [sp, #FRAME_X19 + 64]
	ldp	x29, x30, [sp, #FRAME_X19 + 80]
	add	sp, sp, #FRAME_SIZE
	ret
SYM_FUNC_END(axvcpu_arm64_enter)

/* An exit of the guest. */
.macro guest_vector number
	.align	7
	stp	x0, x1, [sp, #-16]!
	mov	x1, #\number
	b	axvcpu_arm64_left
.endm

/*
 * An exception of the host between our vectors' coming and going: a bug, which the
 * kernel's own vectors tell of. X17 is lost.
 */
.macro host_vector offset
	.align	7
	ldr	x17, [sp, #FRAME_VBAR]
	msr	vbar_el1, x17
	isb
	add	x17, x17, #\offset
	br	x17
.endm

/* Arm D1.3.1.5: by where the exception comes from. */
	.align	11
SYM_CODE_START_LOCAL(vectors_in_guest)
	host_vector 0x000		/* EL2, SP_EL0 */
	host_vector 0x080
	host_vector 0x100
	host_vector 0x180
	host_vector 0x200		/* EL2, SP_EL2 */
	host_vector 0x280
	host_vector 0x300
	host_vector 0x380
	guest_vector AXVCPU_ARM64_SYNC	/* EL1 and EL0, AArch64 */
	guest_vector AXVCPU_ARM64_IRQ
	guest_vector AXVCPU_ARM64_FIQ
	guest_vector AXVCPU_ARM64_SERROR
	guest_vector AXVCPU_ARM64_SYNC	/* EL0, AArch32 */
	guest_vector AXVCPU_ARM64_IRQ
	guest_vector AXVCPU_ARM64_FIQ
	guest_vector AXVCPU_ARM64_SERROR
SYM_CODE_END(vectors_in_guest)

/* void axvcpu_arm64_fp_load(const struct user_fpsimd_state *fp) */
SYM_FUNC_START(axvcpu_arm64_fp_load)
	fpsimd_restore x0, 8
	ret
SYM_FUNC_END(axvcpu_arm64_fp_load)

/* void axvcpu_arm64_fp_save(struct user_fpsimd_state *fp) */
SYM_FUNC_START(axvcpu_arm64_fp_save)
	fpsimd_save x0, 8
	ret
SYM_FUNC_END(axvcpu_arm64_fp_save)
