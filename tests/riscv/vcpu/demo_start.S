/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest is entered here, with its memory in a0, its bytes in a1, and a stack. */
#include "guests.h"

	.section .text.start, "ax"
	.globl	_start
_start:
	call	guest_main
	li	a6, 0
	li	a7, SBI_DONE
	ecall
1:	wfi
	j	1b

	.section .note.GNU-stack, "", @progbits
