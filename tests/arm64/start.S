/* SPDX-License-Identifier: GPL-2.0-only */
/* The VMM enters here, with the memory in X0 and its bytes in X1, and a stack. */
	.section .text.start, "ax"
	.globl	_start
_start:
	mov	x29, xzr
	bl	guest_main
	ldr	x1, =0xf00000f4			/* PORT_END, see guest.h */
	str	w0, [x1]
1:	wfi
	b	1b

	.section .note.GNU-stack, "", %progbits
