/* SPDX-License-Identifier: GPL-2.0-only */
/* Guests as they are in memory, for the test to load. */
	.section .rodata
	.globl	image_demo, image_demo_end
image_demo:
	.incbin	"demo.bin"
image_demo_end:

	.section .note.GNU-stack, "", %progbits
