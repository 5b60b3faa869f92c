/* SPDX-License-Identifier: GPL-2.0-only */
/* The VMM enters here, with the memory and its bytes as arguments, and a stack. */
#include "guest.h"

	.section .text.start, "ax"
	.globl	_start
_start:
#if defined(__x86_64__)
	xor	%ebp, %ebp
	and	$-16, %rsp
	call	guest_main
	out	%eax, $PORT_END
1:	hlt
	jmp	1b
#elif defined(__aarch64__)
	mov	x29, xzr
	bl	guest_main
	ldr	x1, =(DEVICES + PORT_END)
	str	w0, [x1]
1:	wfi
	b	1b
#elif defined(__riscv)
	call	guest_main
	li	t0, DEVICES + PORT_END
	sw	a0, (t0)
1:	wfi
	j	1b
#endif

	.section .note.GNU-stack, "", %progbits
