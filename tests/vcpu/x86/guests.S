/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest routines of the tests: position-independent 64-bit code (and one routine of 16-bit
 * code), each entered at its label with arguments in RDI, RSI, RDX and RCX. They end with "done":
 * a write of EAX to port 0xf4, with the result in RAX.
 */

#include "guests.inc"

.macro DONE
	out	%eax, $0xf4
.endm

GUEST halt
	hlt
	DONE

GUEST out
	mov	$0x41, %al
	out	%al, $0xe9
	mov	$0x1234, %ax
	mov	$0x3f8, %dx
	out	%ax, %dx
	mov	$0x12345678, %eax
	out	%eax, %dx
	DONE

/* Read from a port over a known value of RAX. */
GUEST in
	mov	$-1, %rax
	in	$0x60, %al
	DONE
	mov	$-1, %rax
	mov	$0x1f0, %dx
	in	%dx, %ax
	DONE
	mov	$-1, %rax
	in	%dx, %eax
	DONE

GUEST ins
	mov	%rsi, %rdi
	mov	$0x60, %dx
	insb
	DONE

GUEST outs
	mov	$0x60, %dx
	rep outsb
	DONE

GUEST rdtscp
	rdtscp
	DONE

GUEST rdpid
	rdpid	%rax
	DONE

GUEST cpuid
	mov	%edi, %eax
	mov	%esi, %ecx
	cpuid
	DONE

GUEST rdmsr
	mov	%edi, %ecx
	rdmsr
	shl	$32, %rdx
	or	%rdx, %rax
	DONE

GUEST wrmsr
	mov	%edi, %ecx
	mov	%esi, %eax
	mov	%rsi, %rdx
	shr	$32, %rdx
	wrmsr
	DONE

/* Write an IDT gate at RBX for the handler at RAX; both advance by 16. Uses R8. */
.macro GATE selector
	mov	%ax, (%rbx)
	movw	$\selector, 2(%rbx)
	movw	$0x8e00, 4(%rbx)		/* present, interrupt gate */
	mov	%rax, %r8
	shr	$16, %r8
	mov	%r8w, 6(%rbx)
	shr	$16, %r8
	mov	%r8, 8(%rbx)
	add	$16, %rbx
	add	$16, %rax
.endm

/* The instructions of AMD and Intel differ. */
GUEST hypercall
	xor	%eax, %eax
	cpuid
	mov	$1, %edi
	mov	$2, %esi
	mov	$3, %edx
	mov	$4, %ecx
	mov	$5, %r8d
	mov	$6, %r9d
	cmp	$0x68747541, %ebx
	mov	$0x77, %eax
	jne	1f
	vmmcall
	jmp	2f
1:	vmcall
2:	DONE

GUEST read
	mov	(%rdi), %rax
	DONE

GUEST write
	mov	%rsi, (%rdi)
	mov	%rdi, %rax
	DONE

/* Copy RDX bytes from RSI to RDI. */
GUEST copy
	mov	%rdx, %rcx
	rep movsb
	DONE

/* Call a RET. */
GUEST exec
	call	*%rdi
	xor	%eax, %eax
	DONE

/* Store the address xored with RCX every RDX bytes from RDI to RSI; RAX returns the count. */
GUEST fill
	xor	%eax, %eax
1:	mov	%rdi, %rbx
	xor	%rcx, %rbx
	mov	%rbx, (%rdi)
	inc	%rax
	add	%rdx, %rdi
	cmp	%rsi, %rdi
	jb	1b
	DONE

/* Read the same back: RAX returns the number of correct words. */
GUEST check
	xor	%eax, %eax
1:	mov	%rdi, %rbx
	xor	%rcx, %rbx
	cmp	%rbx, (%rdi)
	jne	2f
	inc	%rax
2:	add	%rdx, %rdi
	cmp	%rsi, %rdi
	jb	1b
	DONE

GUEST spin
	jmp	guest_spin

/* Forever: store a count at RDI, then the same count at RSI. */
GUEST stores
	xor	%eax, %eax
1:	inc	%rax
	mov	%rax, (%rdi)
	mov	%rax, (%rsi)
	jmp	1b

/* Forever: load from RDI, then store a count at RSI. */
GUEST loads
	xor	%eax, %eax
1:	inc	%rax
	mov	(%rdi), %rbx
	mov	%rax, (%rsi)
	jmp	1b

/* Wait until (RDI) is RSI, then write RDX there. */
GUEST answer
1:	pause
	cmp	%rsi, (%rdi)
	jne	1b
	mov	%rdx, (%rdi)
	DONE

/*
 * Interrupts: set up a GDT and an IDT in the 2 pages at RDI; the handlers increment the counter
 * at RSI + 8 * vector. Then RDX selects: 0 spins with interrupts enabled, 1 halts in a loop, 2
 * keeps interrupts disabled until the counter at RSI is not 0.
 */
GUEST interrupts
	movabs	$0x00af9b000000ffff, %rax	/* 0x08: 64-bit code */
	mov	%rax, 8(%rdi)
	movabs	$0x00cf93000000ffff, %rax	/* 0x10: data */
	mov	%rax, 16(%rdi)
	sub	$16, %rsp
	movw	$23, (%rsp)
	mov	%rdi, 2(%rsp)
	lgdt	(%rsp)
	lea	4096(%rdi), %rbx		/* the IDT */
	movw	$4095, (%rsp)
	mov	%rbx, 2(%rsp)
	lidt	(%rsp)
	lea	stubs(%rip), %rax
	mov	$256, %ecx
1:	GATE	0x08
	dec	%ecx
	jnz	1b
	add	$16, %rsp
	cmp	$1, %edx
	je	3f
	cmp	$2, %edx
	je	4f
	sti
2:	jmp	2b
3:	sti
	hlt
	jmp	3b
4:	pause
	cmpq	$0, (%rsi)
	je	4b
	sti
	nop
	cli
	DONE

	.balign	16
stubs:
	.set	vector, 0
	.rept	256
	.balign	16
	incq	8 * vector(%rsi)
	.if	vector == 8 || (vector >= 10 && vector <= 14) || vector == 17
	jmp	end_of_exception		/* with an error code */
	.else
	jmp	end_of_interrupt
	.endif
	.set	vector, vector + 1
	.endr
	.balign	16
end_of_exception:
	add	$8, %rsp
end_of_interrupt:
	iretq

/* Print RDI bytes from RSI on to the console, one at a time. */
GUEST console
1:	test	%rdi, %rdi
	jz	2f
	lodsb
	out	%al, $0xe9
	dec	%rdi
	jmp	1b
2:	DONE

/*
 * Demand paging of RSI bytes from RDI on, in steps of RDX. Each word is written, then all are
 * read into a checksum: sum = rotate_left(sum, 1) + word, where a word is the xorshift of its
 * number. RAX returns the sum, which is also printed to the console.
 */
GUEST paging
	add	%rdi, %rsi
	mov	%rdi, %r8
	mov	$1, %r9d
1:	mov	%r9, %rbx
	mov	%r9, %rax
	shl	$13, %rax
	xor	%rax, %rbx
	mov	%rbx, %rax
	shr	$7, %rax
	xor	%rax, %rbx
	mov	%rbx, %rax
	shl	$17, %rax
	xor	%rax, %rbx
	mov	%rbx, (%r8)
	inc	%r9
	add	%rdx, %r8
	cmp	%rsi, %r8
	jb	1b
	xor	%ebx, %ebx
2:	rol	$1, %rbx
	add	(%rdi), %rbx
	add	%rdx, %rdi
	cmp	%rsi, %rdi
	jb	2b
	mov	$60, %ecx			/* 16 hexadecimal digits */
3:	mov	%rbx, %rax
	shr	%cl, %rax
	and	$15, %eax
	add	$'0', %eax
	cmp	$'9', %eax
	jbe	4f
	add	$('a' - '9' - 1), %eax
4:	out	%al, $0xe9
	sub	$4, %ecx
	jns	3b
	mov	$'\n', %al
	out	%al, $0xe9
	mov	%rbx, %rax
	DONE

/* FPU registers keep their values: RDI is a seed, RSI the number of rounds. */
GUEST fpu
	movq	%rdi, %xmm0
	movq	%rdi, %xmm15
	not	%rdi
	movq	%rdi, %xmm7
	not	%rdi
	xor	%eax, %eax
1:	movq	%xmm0, %rbx
	cmp	%rdi, %rbx
	jne	2f
	movq	%xmm15, %rbx
	cmp	%rdi, %rbx
	jne	2f
	movq	%xmm7, %rbx
	not	%rbx
	cmp	%rdi, %rbx
	jne	2f
	inc	%rax
	cmp	%rsi, %rax
	jb	1b
2:	DONE

/* Debug registers are the guest's own. */
GUEST debug
	mov	%rdi, %db0
	mov	%rsi, %db3
	xor	%eax, %eax
	DONE
	mov	%db0, %rax
	DONE
	mov	%db3, %rax
	DONE

/*
 * Increment a counter at RSI until 8(%rsi) is not 0 or DR0 is not RDI any more; end with the
 * value of DR0.
 */
GUEST dr0_stays
	mov	%rdi, %db0
1:	mov	%db0, %rax
	cmp	%rdi, %rax
	jne	2f
	incq	(%rsi)
	cmpq	$0, 8(%rsi)
	je	1b
	mov	%db0, %rax
2:	DONE

GUEST read_dr
	mov	%db0, %rax
	DONE
	mov	%db7, %rax
	DONE

/* Nothing can be delivered without an IDT. */
GUEST triple
	push	$0
	push	$0
	lidt	(%rsp)
	ud2

/* Forbidden instructions: each raises an exception, which guest_interrupts' handler counts. */
GUEST nested_vmrun
	mov	%rdi, %rax
	vmrun	%rax
	DONE

GUEST xsetbv
	xor	%ecx, %ecx
	xor	%edx, %edx
	mov	$1, %eax
	xsetbv
	DONE

	.code16
	.globl	guest_real
	.balign	16
guest_real:
	mov	%cs, %ax
	mov	%ax, %ds
	mov	$0x5a, %al
	mov	%al, %ds:(0x8000)
	mov	%ds:(0x8000), %bl
	movzx	%bl, %eax
	out	%eax, $0xf4
	hlt
	.code64

#include "guests_cpu.S"
#include "guests_fpu.S"

guests_end:
	.section .note.GNU-stack, "", @progbits
