/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests that use XSAVE's components. Part of guests.S.
 */

.macro SET_OSXSAVE
	mov	%cr4, %rax
	bts	$18, %rax
	mov	%rax, %cr4
.endm

/* Set the extended control register RDI to RSI; return XCR0 with bit 16 set. */
GUEST xcr
	SET_OSXSAVE
	mov	%edi, %ecx
	mov	%esi, %eax
	mov	%rsi, %rdx
	shr	$32, %rdx
	xsetbv
	xor	%ecx, %ecx
	xgetbv
	bts	$16, %eax
	DONE

/* Return XCR0. */
GUEST xgetbv
	xor	%ecx, %ecx
	xgetbv
	DONE

/* The same with CR4.OSXSAVE clear. */
GUEST no_osxsave
	mov	%cr4, %rax
	btr	$18, %rax
	mov	%rax, %cr4
	xor	%ecx, %ecx
	xgetbv
	DONE

/* An instruction of AVX, without more. */
GUEST vzeroall
	vzeroall
	xor	%eax, %eax
	DONE

.macro UPPER_HALF ymm, to
	vextractf128 $1, %\ymm, %xmm1
	vmovq	%xmm1, %\to
.endm

/* Registers of AVX keep their values: RDI is a seed, RSI the number of rounds. */
GUEST avx
	SET_OSXSAVE
	xor	%ecx, %ecx
	mov	$7, %eax
	xor	%edx, %edx
	xsetbv
	vmovq	%rdi, %xmm0
	vinsertf128 $1, %xmm0, %ymm0, %ymm0
	vmovaps	%ymm0, %ymm15
	not	%rdi
	vmovq	%rdi, %xmm7
	vinsertf128 $1, %xmm7, %ymm7, %ymm7
	not	%rdi
	xor	%eax, %eax
1:	UPPER_HALF ymm0, rbx
	cmp	%rdi, %rbx
	jne	2f
	UPPER_HALF ymm15, rbx
	cmp	%rdi, %rbx
	jne	2f
	UPPER_HALF ymm7, rbx
	not	%rbx
	cmp	%rdi, %rbx
	jne	2f
	inc	%rax
	cmp	%rsi, %rax
	jb	1b
2:	DONE

/* Return the upper half of YMM9, as the vCPU began with it. */
GUEST first_upper_half
	SET_OSXSAVE
	xor	%ecx, %ecx
	mov	$7, %eax
	xor	%edx, %edx
	xsetbv
	UPPER_HALF ymm9, rax
	DONE
