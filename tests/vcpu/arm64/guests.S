/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest routines of the tests: position-independent code at EL1 with the MMU off, each
 * entered at its label with arguments in X0 to X3. They end with "done": a hypercall of number
 * DONE with the result in X1.
 */
#include "calls.h"

	.arch	armv8-a
#include "guests.inc"

.macro DONE result=x0
	mov	x1, \result
	ldr	w0, =CALL_DONE
	hvc	#0
.endm

/* Enable stage 1 with its table at X0. Uses X9. */
.macro STAGE1_ON
	ldr	x9, =0xff00			/* MAIR: 0 device, 1 write-back */
	msr	mair_el1, x9
	ldr	x9, =0x200803519		/* TCR: 39 bits, 4 KiB, WB, EPD1, 40 bits PA */
	msr	tcr_el1, x9
	msr	ttbr0_el1, x0
	dsb	ish
	isb
	mrs	x9, sctlr_el1
	orr	x9, x9, #1			/* M */
	orr	x9, x9, #4			/* C */
	msr	sctlr_el1, x9
	isb
.endm

/* Count interrupts at X1 by the vectors at an offset of \far. Uses X9. */
.macro COUNT_INTERRUPTS far=xzr
	mov	x20, x1
	adr	x9, vectors
	add	x9, x9, \far
	msr	vbar_el1, x9
	mov	x9, #0xf0
	msr	S3_0_C4_C6_0, x9		/* ICC_PMR_EL1 */
	mov	x9, #1
	msr	S3_0_C12_C12_7, x9		/* ICC_IGRPEN1_EL1 */
	isb
.endm

GUEST halt
	wfi
	DONE

/* Seven registers are passed, one is returned. */
GUEST hypercall
	mov	x0, #0x77
	mov	x1, #1
	mov	x2, #2
	mov	x3, #3
	mov	x4, #4
	mov	x5, #5
	mov	x6, #6
	hvc	#0
	DONE

/* The same by SMC. */
GUEST smc
	mov	x0, #0x78
	smc	#0
	DONE

/* PSCI: function in X0, its arguments in X1 to X3. */
GUEST psci
	hvc	#0
	DONE

GUEST read
	ldr	x0, [x0]
	DONE

/* The same, where it may raise an exception in the guest: then X0 is ESR_EL1. */
GUEST reach
	adr	x10, vectors
	msr	vbar_el1, x10
	isb
	mov	x2, #3				/* vectors: see there */
	ldr	x0, [x0]
	DONE

GUEST write
	str	x1, [x0]
	DONE

/* Call X0, which has a RET, or zeroes: those are undefined, and X0 becomes ESR_EL1. */
GUEST exec
	mov	x9, x0
	adr	x10, vectors
	msr	vbar_el1, x10
	ic	iallu
	dsb	nsh
	isb
	mov	x2, #3				/* vectors: see there */
	blr	x9
	mov	x0, #0
	DONE

/* Each kind of load from one address, completed by the VMM; W and X are distinguished. */
GUEST loads_mmio
	mov	x9, x0
	ldrb	w0, [x9]
	DONE
	ldrh	w0, [x9, #2]
	DONE
	ldr	w0, [x9, #4]
	DONE
	ldr	x0, [x9, #8]
	DONE
	ldrsb	w0, [x9]
	DONE
	ldrsb	x0, [x9]
	DONE
	ldrsw	x0, [x9, #4]
	DONE
	ldr	xzr, [x9, #8]
	mov	x0, #0
	DONE

/* Store X1 in each width, and XZR. */
GUEST stores_mmio
	mov	x9, x0
	mov	x10, x1
	strb	w10, [x9]
	strh	w10, [x9, #2]
	str	w10, [x9, #4]
	str	x10, [x9, #8]
	str	xzr, [x9, #16]
	DONE

/* No syndrome describes a pair, or an access with writeback. */
GUEST pair
	ldp	x2, x3, [x0]
	DONE

GUEST store_pair
	stp	x1, xzr, [x0]
	DONE

/* A register that the VMM emulates. */
GUEST sysreg_read
	mrs	x0, cntp_cval_el0
	DONE

GUEST sysreg_write
	msr	cntp_cval_el0, x0
	DONE

/* Read the ID register of number X0. */
GUEST id
	cmp	x0, #1
	b.eq	1f
	cmp	x0, #2
	b.eq	2f
	cmp	x0, #3
	b.eq	3f
	mrs	x0, id_aa64pfr0_el1
	DONE
1:	mrs	x0, id_aa64isar1_el1
	DONE
2:	mrs	x0, mpidr_el1
	DONE
3:	mrs	x0, S3_0_C0_C4_4		/* ID_AA64ZFR0_EL1 */
	DONE

/* Debug registers always exist: they read as zero and ignore writes. */
GUEST missing
	mov	x0, #-1
	msr	mdscr_el1, x0
	mrs	x0, mdscr_el1
	mov	x9, #-1
	msr	dbgwvr0_el1, x9
	mrs	x9, dbgwvr0_el1
	orr	x0, x0, x9
	msr	S2_0_C1_C0_4, xzr		/* OSLAR_EL1 */
	DONE

/*
 * Go to X0 with SCTLR_EL1 = X1 and PSTATE = X2. The resulting exception ends the guest: X1 to X3
 * are ESR_EL1, SPSR_EL1 and ELR_EL1, X5 is the vector. PSTATE at the hypercall is that of the
 * exception's handler.
 */
GUEST become
	adr	x9, told
	msr	vbar_el1, x9
	mov	x9, #0x33 << 16			/* CPACR_EL1.FPEN, ZEN */
	msr	cpacr_el1, x9
	msr	sctlr_el1, x1
	isb
	msr	elr_el1, x0
	msr	spsr_el1, x2
	eret

/* Targets for it: undefined in hardware, */
GUEST udf
	.inst	0
/* trapped by CPTR_EL2 (cntd x0), */
GUEST cntd
	.inst	0x04e0e3e0
/* registers trapped by FEAT_FGT, MDCR_EL2, CPTR_EL2, HCR_EL2 and others, selected by X4: */
GUEST hidden
	adr	x9, 1f
	add	x9, x9, x4, lsl #2
	br	x9
1:	mrs	x0, pmcr_el0
	mrs	x0, S3_3_C9_C13_0		/* PMCCNTR_EL0 */
	mrs	x0, S3_0_C9_C9_0		/* PMSCR_EL1 */
	mrs	x0, S3_0_C9_C11_0		/* TRBLIMITR_EL1 */
	mrs	x0, S3_0_C1_C2_1		/* TRFCR_EL1 */
	mrs	x0, S2_1_C9_C0_0		/* BRBCR_EL1 */
	mrs	x0, S3_0_C10_C4_0		/* LORSA_EL1 */
	mrs	x0, S3_0_C10_C5_0		/* MPAM1_EL1 */
	mrs	x0, S3_0_C5_C3_0		/* ERRIDR_EL1 */
	mrs	x0, S3_3_C13_C2_0		/* AMCR_EL0 */
	mrs	x0, S3_0_C2_C1_0		/* APIAKEYLO_EL1 */
	mrs	x0, S3_3_C10_C2_4		/* POR_EL0 */
	mrs	x0, S3_0_C10_C2_3		/* PIR_EL1 */
	mrs	x0, S3_0_C2_C0_3		/* TCR2_EL1 */
	mrs	x0, S3_0_C1_C0_5		/* RGSR_EL1 */
	mrs	x0, S3_0_C13_C0_7		/* SCXTNUM_EL1 */
	.globl	guest_hidden_id
guest_hidden_id:
	mrs	x0, S3_1_C0_C0_4		/* GMID_EL1 */
	.globl	guest_hidden_end
guest_hidden_end:
/* TPIDR2_EL0, not trapped without FEAT_FGT, which hardware with it always has; */
GUEST tpidr2
	mrs	x10, S3_3_C13_C0_5
	msr	S3_3_C13_C0_5, x3
	DONE x10
/* at EL0: implementation defined registers, */
GUEST impdef
	mrs	x0, S3_3_C15_C0_0
/* and not trapped. */
GUEST svc
	svc	#0
GUEST at_el0
	b	guest_at_el0
/* Emulated instructions that are no branch targets: CNTP_CVAL_EL0, ID_AA64PFR0_EL1. */
GUEST emulated
	mrs	x0, cntp_cval_el0
	mrs	x0, id_aa64pfr0_el1
	DONE

/* In AArch32 (A32): an endless loop; */
GUEST a32_spin
	.inst	0xeafffffe			/* b . */
/* debug registers, which are trapped: MRC p14, 0, r0, c0, c1, 0; */
GUEST a32_mrc
	.inst	0xee100e11
/* the same with a condition that fails, then SVC. */
GUEST a32_mrcne
	.inst	0xe3b00000			/* movs r0, #0 */
	.inst	0x1e100e11			/* mrcne */
	.inst	0xef000000			/* svc #0 */

/* An SVE instruction, which EL1 does not trap: undefined, and X0 becomes ESR_EL1. */
GUEST undefined
	adr	x9, vectors
	msr	vbar_el1, x9
	mov	x9, #0x33 << 16			/* CPACR_EL1.FPEN, ZEN */
	msr	cpacr_el1, x9
	isb
	mov	x2, #3				/* vectors: see there */
	.inst	0x04e0e3e0			/* cntd x0 */
	mov	x0, #-1
	DONE

/* Store the address xored with X3 every X2 bytes from X0 to X1; X0 returns the count. */
GUEST fill
	mov	x9, #0
1:	eor	x10, x0, x3
	str	x10, [x0]
	add	x9, x9, #1
	add	x0, x0, x2
	cmp	x0, x1
	b.lo	1b
	DONE x9

/* Read the same back: X0 returns the number of correct words. */
GUEST check
	mov	x9, #0
1:	eor	x10, x0, x3
	ldr	x11, [x0]
	cmp	x10, x11
	cinc	x9, x9, eq
	add	x0, x0, x2
	cmp	x0, x1
	b.lo	1b
	DONE x9

GUEST spin
	b	guest_spin

/* Forever: store a count at X0, then the same count at X1. */
GUEST stores
	mov	x9, #0
1:	add	x9, x9, #1
	str	x9, [x0]
	dmb	ish
	str	x9, [x1]
	b	1b

/* Forever: load from X0, then store a count at X1. */
GUEST loads
	mov	x9, #0
1:	add	x9, x9, #1
	ldr	x10, [x0]
	dmb	ish
	str	x9, [x1]
	b	1b

/* Wait until (X0) is X1, then write X2 there. */
GUEST answer
1:	ldr	x9, [x0]
	cmp	x9, x1
	b.ne	1b
	str	x2, [x0]
	DONE

/*
 * Interrupts: the handler increments the counter at X1 + 8 * INTID. X2 selects: 0 spins with
 * interrupts enabled, 1 waits in a loop, 2 keeps them disabled until the counter at X1 is not 0,
 * then takes those pending.
 */
GUEST interrupts
	COUNT_INTERRUPTS
	cmp	x2, #1
	b.eq	3f
	cmp	x2, #2
	b.eq	4f
	msr	daifclr, #2
2:	b	2b
3:	msr	daifclr, #2
	wfi
	b	3b
4:	ldr	x9, [x20]
	cbz	x9, 4b
	msr	daifclr, #2
	nop
	nop
	msr	daifset, #2
	DONE

/*
 * The same with vectors at an offset of X3: spins until interrupts 0x40 and 0x41 have come. X2
 * is 0.
 */
GUEST far_vectors
	COUNT_INTERRUPTS x3
	msr	daifclr, #2
1:	ldr	x11, [x20, #8 * 0x40]
	cbz	x11, 1b
	ldr	x11, [x20, #8 * 0x41]
	cbz	x11, 1b
	msr	daifset, #2
	DONE

/* Access X0 to the interrupt controller: a write of X1, or a read. */
GUEST gic
	adr	x9, 1f
	add	x9, x9, x0, lsl #3
	br	x9
1:	mrs	x0, S3_0_C12_C12_0		/* ICC_IAR1_EL1 */
	b	2f
	msr	S3_0_C12_C12_1, x1		/* ICC_EOIR1_EL1 */
	b	2f
	mrs	x0, S3_0_C12_C12_2		/* ICC_HPPIR1_EL1 */
	b	2f
	msr	S3_0_C4_C6_0, x1		/* ICC_PMR_EL1 */
	b	2f
	mrs	x0, S3_0_C12_C11_3		/* ICC_RPR_EL1 */
	b	2f
	msr	S3_0_C12_C12_4, x1		/* ICC_CTLR_EL1 */
	b	2f
	msr	S3_0_C12_C11_1, x1		/* ICC_DIR_EL1 */
	b	2f
	mrs	x0, isr_el1
	b	2f
	msr	S3_0_C12_C12_7, x1		/* ICC_IGRPEN1_EL1 */
	b	2f
	msr	S3_0_C12_C11_5, x1		/* ICC_SGI1R_EL1 */
2:	isb
	DONE

/* The virtual timer is due in X0 ticks. Uses X9 and X10. */
.macro TIMER_IN
	mrs	x9, cntvct_el0
	add	x9, x9, x0
	msr	cntv_cval_el0, x9
	mov	x10, #1
	msr	cntv_ctl_el0, x10
	isb
.endm

GUEST timer_set
	TIMER_IN
	DONE

GUEST timer_ctl
	mrs	x0, cntv_ctl_el0
	DONE

/* Wait for the timer with interrupts masked; X0 becomes how late it was, in ticks. */
GUEST timer_wait
	TIMER_IN
	mov	x10, #0xf0
	msr	S3_0_C4_C6_0, x10		/* ICC_PMR_EL1 */
	mov	x10, #1
	msr	S3_0_C12_C12_7, x10		/* ICC_IGRPEN1_EL1 */
	isb
	wfi
	isb
	mrs	x0, cntvct_el0
	sub	x0, x0, x9
	DONE

/* Count X3 interrupts of the timer, X0 ticks apart, without an exit of its own. X2 is 0. */
GUEST timer_spin
	COUNT_INTERRUPTS
	msr	daifclr, #2
1:	ldr	x11, [x20, #8 * 27]
	TIMER_IN
2:	ldr	x12, [x20, #8 * 27]
	cmp	x11, x12
	b.eq	2b
	subs	x3, x3, #1
	b.ne	1b
	msr	daifset, #2
	DONE

/* Fill the page at X0 with words X1, then load from X2. */
GUEST craft
	mov	x9, #512
	mov	x10, x0
1:	str	x1, [x10], #8
	subs	x9, x9, #1
	b.ne	1b
	dsb	sy
	ldr	x0, [x2]
	DONE

/* V registers keep their values: X0 is a seed, X1 the number of rounds. */
GUEST fpu
	mov	x9, #3 << 20
	msr	cpacr_el1, x9
	isb
	mvn	x10, x0
	fmov	d0, x0
	fmov	d31, x0
	fmov	d8, x10
	mov	x9, #0
1:	fmov	x11, d0
	cmp	x11, x0
	b.ne	2f
	fmov	x11, d31
	cmp	x11, x0
	b.ne	2f
	fmov	x11, d8
	cmp	x11, x10
	b.ne	2f
	add	x9, x9, #1
	cmp	x9, x1
	b.lo	1b
2:	DONE x9

/* Registers that a world switch may lose: X0 is a seed, X1 the number of rounds. */
GUEST registers
	msr	tpidr_el0, x0
	add	x9, x0, #1
	msr	tpidrro_el0, x9
	add	x9, x0, #2
	msr	tpidr_el1, x9
	add	x9, x0, #3
	msr	sp_el0, x9
	add	x18, x0, #4
	add	x29, x0, #5
	add	x9, x0, #6
	msr	contextidr_el1, x9
	mov	x10, #0
1:	mrs	x9, tpidr_el0
	cmp	x9, x0
	b.ne	2f
	mrs	x9, tpidrro_el0
	sub	x9, x9, #1
	cmp	x9, x0
	b.ne	2f
	mrs	x9, tpidr_el1
	sub	x9, x9, #2
	cmp	x9, x0
	b.ne	2f
	mrs	x9, sp_el0
	sub	x9, x9, #3
	cmp	x9, x0
	b.ne	2f
	sub	x9, x18, #4
	cmp	x9, x0
	b.ne	2f
	sub	x9, x29, #5
	cmp	x9, x0
	b.ne	2f
	mrs	x9, contextidr_el1
	sub	x9, x9, #6
	and	x11, x0, #0xffffffff
	and	x9, x9, #0xffffffff
	cmp	x9, x11
	b.ne	2f
	add	x10, x10, #1
	cmp	x10, x1
	b.lo	1b
2:	DONE x10

/*
 * Enable stage 1 with its one table at X0, an identity map of 4 GiB in 1 GiB blocks, so that
 * every access has two stages. Then load from virtual address X1 + 4 GiB, which maps X1.
 */
GUEST mmu
	mov	x12, x1
	mov	x9, #0x705			/* block, MAIR 1, AF, inner shareable */
	mov	x10, #0
1:	orr	x11, x9, x10, lsl #30
	and	x13, x10, #3
	orr	x11, x9, x13, lsl #30
	str	x11, [x0, x10, lsl #3]
	add	x10, x10, #1
	cmp	x10, #8
	b.lo	1b
	STAGE1_ON
	mov	x9, #1 << 32
	ldr	x0, [x12, x9]
	DONE

/*
 * One of two sibling vCPUs that race over a translation (S4), with stage 1 as in guest_mmu. X0 is
 * the root of tables filled by the test: an identity map, and the page X2 by the entry at X3. In
 * each of X1 rounds, map the page to the other one of two frames at X4, whose first word is the
 * number of the round, store the number at X5, and wait for the same number at X5 + 8.
 */
GUEST shoot
	bl	stage1_on
	lsr	x9, x2, #12			/* operand of TLBI */
	mov	x10, #0
	ldr	x11, [x3]			/* attributes */
	and	x11, x11, #0xfff
1:	add	x10, x10, #1
	and	x12, x10, #1
	add	x12, x4, x12, lsl #12
	str	x10, [x12]
	orr	x12, x12, x11
	str	xzr, [x3]
	dsb	ishst
	tlbi	vaae1is, x9
	dsb	ish
	str	x12, [x3]
	dsb	ish
	isb
	str	x10, [x5]
2:	ldr	x12, [x5, #8]
	cmp	x12, x10
	b.lo	2b
	b.hi	3f				/* the sibling gave up */
	cmp	x10, x1
	b.lo	1b
3:	DONE x10

/* The sibling: reads the page in a loop, and must find the number of the round. */
GUEST shot
	bl	stage1_on
	mov	x10, #0
1:	ldr	x9, [x2]
	ldr	x12, [x5]
	cmp	x12, x10
	b.eq	1b
	dmb	ish
	ldr	x9, [x2]
	mov	x10, x12
	cmp	x9, x10
	b.ne	2f
	str	x10, [x5, #8]
	cmp	x10, x1
	b.lo	1b
	DONE x10
2:	mov	x12, #-1
	str	x12, [x5, #8]
	DONE x9

stage1_on:
	adr	x9, vectors
	msr	vbar_el1, x9
	STAGE1_ON
	ret

/* Print X0 bytes from X1 on to the console, one at a time. */
GUEST console
	mov	x20, x0
	mov	x21, x1
1:	cbz	x20, 2f
	ldrb	w1, [x21], #1
	ldr	w0, =CALL_PUTC
	hvc	#0
	sub	x20, x20, #1
	b	1b
2:	DONE

/*
 * Demand paging of X1 bytes from X0 on, in steps of X2. Each word is written, then all are read
 * into a checksum: sum = rotate_left(sum, 1) + word, where a word is the xorshift of its number.
 * The result is the sum, which is also printed to the console.
 */
GUEST paging
	mov	x9, x0
	add	x10, x0, x1
	mov	x11, #1
1:	mov	x12, x11
	eor	x12, x12, x12, lsl #13
	eor	x12, x12, x12, lsr #7
	eor	x12, x12, x12, lsl #17
	str	x12, [x9]
	add	x11, x11, #1
	add	x9, x9, x2
	cmp	x9, x10
	b.lo	1b
	mov	x9, x0
	mov	x13, #0
2:	ldr	x12, [x9]
	ror	x13, x13, #63
	add	x13, x13, x12
	add	x9, x9, x2
	cmp	x9, x10
	b.lo	2b
	mov	x20, x13
	mov	x21, #60			/* 16 hexadecimal digits */
3:	lsr	x1, x20, x21
	and	x1, x1, #15
	add	x1, x1, #'0'
	cmp	x1, #'9'
	b.ls	4f
	add	x1, x1, #'a' - '9' - 1
4:	ldr	w0, =CALL_PUTC
	hvc	#0
	subs	x21, x21, #4
	b.pl	3b
	mov	x1, #'\n'
	ldr	w0, =CALL_PUTC
	hvc	#0
	DONE x20

	.ltorg

/* Vectors of guest_become. They preserve the flags. */
	.balign	2048
told:
	.set	vector, 0
	.rept	16
	.balign	128
	mov	x5, #vector
	b	tell_all
	.set	vector, vector + 1
	.endr

tell_all:
	mrs	x1, esr_el1
	mrs	x2, spsr_el1
	mrs	x3, elr_el1
	ldr	w0, =CALL_DONE
	hvc	#0

	.ltorg

/*
 * Vectors, by X2: 0 to 2 (guest_interrupts) count an interrupt, 3 returns ESR_EL1 in X0, an
 * address (guest_shot) retries the access.
 */
	.balign	2048
vectors:
	.rept	16
	.balign	128
	cmp	x2, #3
	b.eq	tell
	b.lo	count
	eret
	.endr

tell:
	mrs	x0, esr_el1
	DONE

count:
	mrs	x9, S3_0_C12_C12_0		/* ICC_IAR1_EL1 */
	cmp	x9, #1020
	b.hs	1f
	ldr	x10, [x20, x9, lsl #3]
	add	x10, x10, #1
	str	x10, [x20, x9, lsl #3]
	cmp	x9, #27
	b.ne	2f
	msr	cntv_ctl_el0, xzr		/* lowers its line */
	isb
2:	msr	S3_0_C12_C12_1, x9		/* ICC_EOIR1_EL1 */
1:	eret

	.ltorg
guests_end:
	.section .note.GNU-stack, "", %progbits
