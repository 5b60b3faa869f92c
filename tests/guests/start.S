/* SPDX-License-Identifier: GPL-2.0-only */
/* The VMM enters here, with the memory in RDI and its bytes in RSI, and a stack. */
	.section .text.start, "ax"
	.globl	_start
_start:
	xor	%ebp, %ebp
	and	$-16, %rsp
	call	guest_main
	out	%eax, $0xf4
1:	hlt
	jmp	1b

	.section .note.GNU-stack, "", @progbits
