/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest routines of the tests: position-independent 64-bit code, each entered at its label
 * with arguments in RDI, RSI and RDX. They end with "done": a write of EAX to port 0xf4, with
 * the result in RAX. RSI of the last three is a struct control (bridge.h).
 */

#include "guests.inc"

#define STOP	0
#define GONE	8
#define SEEN	16
#define COUNT	24
#define BAD	32

.macro DONE
	out	%eax, $0xf4
.endm

GUEST load
	mov	(%rdi), %rax
	DONE

GUEST store
	mov	%rsi, (%rdi)
	DONE

/* Write RDX, RDX + 1, ... to the words from RDI to RSI. */
GUEST fill
	mov	%rdx, (%rdi)
	inc	%rdx
	add	$8, %rdi
	cmp	%rsi, %rdi
	jb	guest_fill
	DONE

/* Sum the words from RDI to RSI. */
GUEST sum
	xor	%eax, %eax
1:	add	(%rdi), %rax
	add	$8, %rdi
	cmp	%rsi, %rdi
	jb	1b
	DONE

/* Write a word every RDX bytes from RDI to RSI. */
GUEST touch
	mov	%rdi, (%rdi)
	add	%rdx, %rdi
	cmp	%rsi, %rdi
	jb	guest_touch
	DONE

/* Read the word at RDI again and again. */
GUEST watch
1:	mov	GONE(%rsi), %rax
	mov	(%rdi), %rcx
	test	%rcx, %rcx
	jz	2f
	cmp	%rax, %rcx
	ja	2f
	incq	BAD(%rsi)
2:	mov	%rcx, SEEN(%rsi)
	incq	COUNT(%rsi)
	cmpq	$0, STOP(%rsi)
	je	1b
	DONE

/* Increment the word at RDI, which nobody else does. */
GUEST count
	xor	%ebx, %ebx
1:	inc	%rbx
	lock incq (%rdi)
	cmp	(%rdi), %rbx
	je	2f
	incq	BAD(%rsi)
2:	mov	%rbx, SEEN(%rsi)
	incq	COUNT(%rsi)
	cmpq	$0, STOP(%rsi)
	je	1b
	DONE

/* Write 1, 2, ... to the word at RDI. */
GUEST write
	xor	%ebx, %ebx
1:	inc	%rbx
	mov	%rbx, (%rdi)
	mov	%rbx, SEEN(%rsi)
	incq	COUNT(%rsi)
	cmpq	$0, STOP(%rsi)
	je	1b
	DONE

guests_end:
	.section .note.GNU-stack, "", @progbits
