/* SPDX-License-Identifier: GPL-2.0-only */
/* The memory image of the guest "demo" of ../guests, for the tests to load. */
	.section .rodata
	.globl	demo_begin, demo_end
demo_begin:
	.incbin	"demo.bin"
demo_end:
	.section .note.GNU-stack, "", %progbits
