/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What guests do: pieces of position-independent 64-bit code, each entered at its label
 * with arguments in RDI, RSI and RDX. They end with "done", a write of EAX to port 0xf4,
 * as often as they are entered again.
 */

#include "../../tests/lib/guests.inc"

/* Write 8 bytes every RDX bytes from RDI to RSI. */
GUEST touch
	mov	%rdi, (%rdi)
	add	%rdx, %rdi
	cmp	%rsi, %rdi
	jb	guest_touch
1:	out	%eax, $0xf4
	jmp	1b

/* The same, reading. */
GUEST look
	mov	(%rdi), %rax
	add	%rdx, %rdi
	cmp	%rsi, %rdi
	jb	guest_look
1:	out	%eax, $0xf4
	jmp	1b

/* Nothing but exits, to who runs the guest. */
GUEST ports
	out	%eax, $0xf4
	jmp	guest_ports

/* Nothing, for ever. */
GUEST spin
	jmp	guest_spin

/* RDI exits that the kernel handles by itself. */
GUEST cpuid
	mov	$1, %eax
	cpuid
	dec	%rdi
	jnz	guest_cpuid
1:	out	%eax, $0xf4
	jmp	1b

/* The same with the least to be done for each. */
GUEST invd
	invd
	dec	%rdi
	jnz	guest_invd
1:	out	%eax, $0xf4
	jmp	1b

/* RDI exits that the kernel answers with #UD, which is handled in two instructions. */
GUEST refused
	lgdt	gdtr(%rip)
	lidt	idtr(%rip)
2:	invlpga	%rax, %ecx
	dec	%rdi
	jnz	2b
1:	out	%eax, $0xf4
	jmp	1b

undefined:
	addq	$3, (%rsp)
	iretq

/* As bench.h has it. */
#define LOW_CODE	0x10000
#define IN_GUEST(label)	(LOW_CODE + label - guests_begin)

	.balign	16
gdt:	.quad	0, 0x00209b0000000000, 0x0000930000000000	/* code of 64 bits, data */
idt:	.zero	6 * 16
	.word	undefined - guests_begin, 0x08, 0x8e00, LOW_CODE >> 16
	.long	0, 0
idt_end:
gdtr:	.word	3 * 8 - 1
	.quad	IN_GUEST(gdt)
idtr:	.word	idt_end - idt - 1
	.quad	IN_GUEST(idt)

guests_end:
	.section .note.GNU-stack, "", @progbits
