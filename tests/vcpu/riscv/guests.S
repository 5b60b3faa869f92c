/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest routines of the tests: position-independent code in VS-mode with paging off, each
 * entered at its label with arguments in a0 to a3. They end with "done": an SBI call of SBI_DONE
 * with the result in a0.
 *
 * axvcpu does not decode loads and stores of the FPU, which therefore fault in holes; integer
 * ones become MMIO.
 */
#include "calls.h"

#define SSTATUS_SIE	0x2
#define SSTATUS_SPP	0x100
#define SSTATUS_FS	0x2000		/* FS: initial */
#define SIE_ALL		0x222
#define SIP_SSIP	0x2
#define CAUSE_SOFT	0x8000000000000001

	.option	norvc
#include "guests.inc"

.macro CALL nr
	li	a7, \nr
	ecall
.endm

.macro DONE
	li	a6, 0
	CALL	SBI_DONE
.endm

.macro FPU_ON
	li	t0, SSTATUS_FS
	csrs	sstatus, t0
.endm

GUEST halt
	wfi
	DONE

GUEST hypercall
	li	a0, 1
	li	a1, 2
	li	a2, 3
	li	a3, 4
	li	a4, 5
	li	a5, 6
	li	a6, 7
	CALL	0x77777
	DONE

/* Call extension a0, function a1 with arguments from a2 on. Returns the sum of both results. */
GUEST sbi
	mv	a7, a0
	mv	a6, a1
	mv	a0, a2
	mv	a1, a3
	li	a2, 0x33
	ecall
	add	a0, a0, a1
	DONE

GUEST read
	FPU_ON
	fld	fa0, (a0)
	fmv.x.d	a0, fa0
	DONE

GUEST write
	FPU_ON
	fmv.d.x	fa0, a1
	fsd	fa0, (a0)
	DONE

/* Call a0, which has a RET, or zeroes: those are illegal, and a0 becomes scause. */
GUEST exec
	lla	t0, 1f
	csrw	stvec, t0
	fence.i
	jalr	a0
	li	a0, 0
	DONE
	.balign	4
1:	csrr	a0, scause
	DONE

/* Each kind of load from one address. */
GUEST mmio_loads
	mv	s0, a0
	lb	a0, 0(s0)
	DONE
	lbu	a0, 1(s0)
	DONE
	lh	a0, 2(s0)
	DONE
	lhu	a0, 4(s0)
	DONE
	lw	a0, 8(s0)
	DONE
	lwu	a0, 12(s0)
	DONE
	ld	a0, 16(s0)
	DONE
	ld	zero, 24(s0)
	mv	a0, zero
	DONE

/* Store a1 in each width, and x0. */
GUEST mmio_stores
	mv	s0, a0
	sb	a1, 0(s0)
	sh	a1, 2(s0)
	sw	a1, 4(s0)
	sd	a1, 8(s0)
	sd	zero, 16(s0)
	DONE

/* The same with 16-bit instructions: relative to a register, then to the stack pointer. */
GUEST mmio_compressed
	.option	rvc
	mv	s0, a0
	mv	s1, a1
	mv	sp, a0
	c.lw	a0, 4(s0)
	.option	norvc
	DONE
	.option	rvc
	c.ld	a0, 8(s0)
	.option	norvc
	DONE
	.option	rvc
	c.lwsp	a0, 12(sp)
	.option	norvc
	DONE
	.option	rvc
	c.ldsp	a0, 16(sp)
	c.sw	s1, 4(s0)
	c.sd	s1, 8(s0)
	c.swsp	s1, 12(sp)
	c.sdsp	s1, 16(sp)
	.option	norvc
	DONE

/* An atomic access, which is not decoded. */
GUEST amo
	amoadd.d a0, a1, (a0)
	DONE

/* A CSR that the VMM emulates: instret. */
GUEST csr_read
	rdinstret a0
	DONE

/* stimecmp: write; write and read; set bits. */
GUEST csr_write
	csrw	0x14d, a0
	csrrw	a0, 0x14d, a1
	DONE
	csrrs	a0, 0x14d, a2
	DONE

/* Instructions forbidden to guests: the exception goes to the guest's handler. a0 is scause. */
GUEST forbidden
	lla	t0, 1f
	csrw	stvec, t0
	csrr	t1, 0x600		/* hstatus */
	li	a0, -1
	DONE
	.balign	4
1:	csrr	a0, scause
	csrr	t1, sepc
	csrr	t2, stval
	csrr	t3, sstatus
	DONE

/*
 * In user mode: execute instruction a0 of those below, followed by an ECALL, with scounteren a1.
 * The exception goes to the guest's supervisor: a0 is scause, t1 the distance of sepc from the
 * instruction, t2 stval, t3 sstatus, a2 the value read.
 */
GUEST user
	lla	t0, 9f
	csrw	stvec, t0
	csrw	scounteren, a1
	li	t0, SSTATUS_SPP
	csrc	sstatus, t0
	lla	s1, guest_user_code
	slli	a0, a0, 3
	add	s1, s1, a0
	csrw	sepc, s1
	li	a2, 0
	sret
	.globl	guest_user_code
	.balign	8
guest_user_code:
	wfi
	ecall
	csrr	a2, sstatus
	ecall
	csrw	sscratch, zero
	ecall
	csrr	a2, 0x600		/* hstatus */
	ecall
	sret
	ecall
	sfence.vma
	ecall
	rdinstret a2
	ecall
	rdtime	a2
	ecall
	nop
	ecall
	.balign	4
9:	csrr	a0, scause
	csrr	t1, sepc
	sub	t1, t1, s1
	csrr	t2, stval
	csrr	t3, sstatus
	DONE

/*
 * In supervisor mode: access a0 of those below to debug registers. The result is scause; t1 is
 * the distance of sepc from the access. Access n is a write if n is odd.
 */
GUEST debug
	lla	t0, 9f
	csrw	stvec, t0
	lla	s1, 1f
	slli	a0, a0, 3
	add	s1, s1, a0
	jr	s1
	.balign	8
1:
	.irp	csr, 0x7a0, 0x7a1, 0x7a2, 0x7a3, 0x7a8, 0x7b0, 0x5a8, 0x6a8
	csrr	a2, \csr
	ebreak
	csrw	\csr, zero
	ebreak
	.endr
	.balign	4
9:	csrr	a0, scause
	csrr	t1, sepc
	sub	t1, t1, s1
	DONE

/* Fill the page at a0 with words a1, then load from a2. */
GUEST craft
	li	t0, 512
	mv	t1, a0
1:	sd	a1, (t1)
	addi	t1, t1, 8
	addi	t0, t0, -1
	bnez	t0, 1b
	fence
	ld	a0, (a2)
	DONE

/* Time advances without an exit. */
GUEST time
	rdtime	a0
1:	rdtime	t0
	beq	a0, t0, 1b
	DONE

/* Store the address xored with a3 every a2 bytes from a0 to a1; a0 returns the count. */
GUEST fill
	mv	t0, a0
	li	a0, 0
1:	xor	t1, t0, a3
	sd	t1, (t0)
	addi	a0, a0, 1
	add	t0, t0, a2
	bltu	t0, a1, 1b
	DONE

/* Read the same back: a0 returns the number of correct words. */
GUEST check
	mv	t0, a0
	li	a0, 0
1:	xor	t1, t0, a3
	ld	t2, (t0)
	bne	t1, t2, 2f
	addi	a0, a0, 1
2:	add	t0, t0, a2
	bltu	t0, a1, 1b
	DONE

GUEST spin
	j	guest_spin

/* Forever: store a count at a0, then the same count at a1. The count is in a0. */
GUEST stores
	FPU_ON
	mv	t1, a0
	li	a0, 0
1:	addi	a0, a0, 1
	fmv.d.x	fa0, a0
	fsd	fa0, (t1)
	fence
	sd	a0, (a1)
	j	1b

/* Forever: load from a0, then store a count at a1. The count is in a0. */
GUEST loads
	FPU_ON
	mv	t1, a0
	li	a0, 0
1:	addi	a0, a0, 1
	fld	fa0, (t1)
	fence
	sd	a0, (a1)
	j	1b

/* Wait until (a0) is a1, then write a2 there. */
GUEST answer
1:	ld	t0, (a0)
	bne	t0, a1, 1b
	fence
	sd	a2, (a0)
	DONE

/*
 * Interrupts: the handler increments the counter at a1 + 8 * vector. a2 selects: 0 spins with
 * interrupts enabled, 1 waits in a loop, 2 keeps them disabled until the counter at a1 is not 0,
 * takes those pending, and ends.
 */
GUEST interrupts
	mv	s1, a1
	mv	s2, a2
	lla	t0, handler
	csrw	stvec, t0
	li	t0, SIE_ALL
	csrw	sie, t0
	li	t0, 1
	beq	s2, t0, 2f
	li	t0, 2
	beq	s2, t0, 3f
	csrsi	sstatus, SSTATUS_SIE
1:	j	1b
2:	csrsi	sstatus, SSTATUS_SIE
	wfi
	j	2b
3:	ld	t0, (s1)
	beqz	t0, 3b
	csrsi	sstatus, SSTATUS_SIE
	nop
	csrci	sstatus, SSTATUS_SIE
	DONE

/*
 * Lines: the handler counts interrupt n of scause at a1 + 8 * n. It sets the timer to come after a2
 * ticks again, by SBI, or stimecmp if a3 is 1; without an interval it ends the timer. An external
 * interrupt exits by SBI_DONE with its number, for the VMM to lower the line. Waits in a loop.
 */
GUEST lines
	mv	s1, a1
	mv	s2, a2
	mv	s3, a3
	lla	t0, 8f
	csrw	stvec, t0
	li	t0, SIE_ALL
	csrw	sie, t0
	beqz	s2, 1f
	rdtime	a0
	add	a0, a0, s2
	jal	ra, set_timer
1:	csrsi	sstatus, SSTATUS_SIE
	wfi
	j	1b
	.balign	4
8:	csrr	t4, scause
	slli	t4, t4, 1		/* drops the interrupt bit */
	slli	t5, t4, 2
	add	t5, t5, s1
	ld	t6, (t5)
	addi	t6, t6, 1
	sd	t6, (t5)
	srli	t4, t4, 1
	li	t5, 5
	beq	t4, t5, 2f
	csrci	sip, SIP_SSIP
	li	t5, 9
	bne	t4, t5, 3f
	mv	a0, t4
	DONE
3:	sret
2:	li	a0, -1
	beqz	s2, 4f
	rdtime	a0
	add	a0, a0, s2
4:	jal	ra, set_timer
	sret

set_timer:
	bnez	s3, 1f
	li	a6, 0
	CALL	SBI_TIME
	ret
1:	csrw	0x14d, a0		/* stimecmp */
	ret

/* Set the timer to a0 by SBI; the result. Then stimecmp. */
GUEST set_timer
	li	a6, 0
	CALL	SBI_TIME
	DONE
	csrw	0x14d, a0
	DONE

/* A counter, whose access may be an illegal instruction: a0 is scause, t1 sepc, t2 stval. */
GUEST csr_fault
	lla	t0, 1f
	csrw	stvec, t0
	li	a0, 77
	.globl	guest_csr_fault_at
guest_csr_fault_at:
	rdinstret a0
	DONE
	.balign	4
1:	csrr	t1, sepc
	csrr	t2, stval
	csrr	t3, sstatus
	csrr	a0, scause
	DONE

/* Sv39 with one table at a0: load from a1 and store the word at a2, without end or fence. */
GUEST reread
	mv	s1, a1
	mv	s2, a2
	srli	t0, a0, 12
	li	t1, 8
	slli	t1, t1, 60
	or	t0, t0, t1
	csrw	satp, t0
	sfence.vma
1:	ld	t0, (s1)
	sd	t0, (s2)
	j	1b

/*
 * The same with the handler at an offset of a3: spins until interrupts 0x40 and 0x41 have come.
 */
GUEST far_vectors
	mv	s1, a1
	lla	t0, handler
	add	t0, t0, a3
	csrw	stvec, t0
	li	t0, SIE_ALL
	csrw	sie, t0
	csrsi	sstatus, SSTATUS_SIE
1:	ld	t0, 8 * 0x40(s1)
	beqz	t0, 1b
	ld	t0, 8 * 0x41(s1)
	beqz	t0, 1b
	csrci	sstatus, SSTATUS_SIE
	DONE

	.balign	4
handler:
	csrr	t4, scause
	li	t5, CAUSE_SOFT
	li	a1, 32
	beq	t4, t5, 1f
	li	a6, 0
	CALL	SBI_CLAIM
	beqz	a1, 2f
	j	3f
1:	csrci	sip, SIP_SSIP
3:	slli	a1, a1, 3
	add	a1, a1, s1
	ld	t4, (a1)
	addi	t4, t4, 1
	sd	t4, (a1)
2:	sret

/* FPU registers keep their values: a0 is a seed, a1 the number of rounds. */
GUEST fpu
	FPU_ON
	fmv.d.x	f0, a0
	fmv.d.x	f31, a0
	not	t0, a0
	fmv.d.x	f9, t0
	fsflagsi 0x15
	mv	t0, a0
	li	a0, 0
1:	fmv.x.d	t1, f0
	bne	t1, t0, 2f
	fmv.x.d	t1, f31
	bne	t1, t0, 2f
	fmv.x.d	t1, f9
	not	t1, t1
	bne	t1, t0, 2f
	frflags	t1
	li	t2, 0x15
	bne	t1, t2, 2f
	addi	a0, a0, 1
	bltu	a0, a1, 1b
2:	DONE

/* Registers that a world switch may lose: a0 is a seed, a1 the number of rounds. */
GUEST registers
	csrw	sscratch, a0
	addi	gp, a0, 1
	addi	tp, a0, 2
	addi	s11, a0, 3
	addi	t6, a0, 4
	addi	ra, a0, 5
	csrw	stval, a0
	mv	t0, a0
	li	a0, 0
1:	csrr	t1, sscratch
	bne	t1, t0, 2f
	addi	t1, gp, -1
	bne	t1, t0, 2f
	addi	t1, tp, -2
	bne	t1, t0, 2f
	addi	t1, s11, -3
	bne	t1, t0, 2f
	addi	t1, t6, -4
	bne	t1, t0, 2f
	addi	t1, ra, -5
	bne	t1, t0, 2f
	csrr	t1, stval
	bne	t1, t0, 2f
	addi	a0, a0, 1
	bltu	a0, a1, 1b
2:	DONE

/*
 * Enable paging: Sv39 with one table at a0, which maps the first 8 GiB to the first 4 GiB twice.
 * Then load from virtual address a1 + 4 GiB.
 */
GUEST mmu
	li	t0, 0
1:	andi	t1, t0, 3
	slli	t1, t1, 28		/* PPN of n GiB */
	ori	t1, t1, 0xcf		/* D, A, X, W, R, V */
	slli	t2, t0, 3
	add	t2, t2, a0
	sd	t1, (t2)
	addi	t0, t0, 1
	li	t1, 8
	bltu	t0, t1, 1b
	srli	t0, a0, 12
	li	t1, 8
	slli	t1, t1, 60		/* Sv39 */
	or	t0, t0, t1
	sfence.vma
	csrw	satp, t0
	sfence.vma
	li	t0, 1
	slli	t0, t0, 32
	add	a1, a1, t0
	ld	a0, (a1)
	DONE

/* Print a0 bytes from a1 on to the console, one at a time. */
GUEST console
	mv	s0, a0
	mv	s1, a1
1:	beqz	s0, 2f
	lbu	a0, (s1)
	addi	s1, s1, 1
	CALL	SBI_PUTCHAR
	addi	s0, s0, -1
	j	1b
2:	DONE

/*
 * Demand paging of a1 bytes from a0 on, in steps of a2. Each word is written, then all are read
 * into a checksum: sum = rotate_left(sum, 1) + word, where a word is the xorshift of its number.
 * a0 returns the sum, which is also printed to the console.
 */
GUEST paging
	mv	s0, a0
	add	s1, a0, a1
	mv	t0, s0
	li	t1, 1
1:	slli	t2, t1, 13
	xor	t2, t2, t1
	srli	t3, t2, 7
	xor	t2, t2, t3
	slli	t3, t2, 17
	xor	t2, t2, t3
	sd	t2, (t0)
	addi	t1, t1, 1
	add	t0, t0, a2
	bltu	t0, s1, 1b
	mv	t0, s0
	li	s2, 0
2:	ld	t2, (t0)
	srli	t3, s2, 63
	slli	s2, s2, 1
	or	s2, s2, t3
	add	s2, s2, t2
	add	t0, t0, a2
	bltu	t0, s1, 2b
	li	s3, 60			/* 16 hexadecimal digits */
3:	srl	a0, s2, s3
	andi	a0, a0, 15
	addi	a0, a0, '0'
	li	t0, '9'
	bleu	a0, t0, 4f
	addi	a0, a0, 'a' - '9' - 1
4:	CALL	SBI_PUTCHAR
	addi	s3, s3, -4
	bgez	s3, 3b
	li	a0, '\n'
	CALL	SBI_PUTCHAR
	mv	a0, s2
	DONE

guests_end:
	.section .note.GNU-stack, "", @progbits
