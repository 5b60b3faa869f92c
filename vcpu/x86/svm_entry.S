/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world switch of SVM. Between CLGI and STGI not even an NMI comes: the guest's GS
 * and TR are loaded there (APM vol. 2, 15.17).
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/cpufeatures.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>

#include "mitigate.h"
#include "x86.h"

	.text

/* The general registers but RAX and RSP, which are VMRUN's, from or to where @base points. */
.macro LOAD_GPRS base
	mov	AXVCPU_X86_GPR(1)(\base), %rcx
	mov	AXVCPU_X86_GPR(2)(\base), %rdx
	mov	AXVCPU_X86_GPR(3)(\base), %rbx
	mov	AXVCPU_X86_GPR(5)(\base), %rbp
	mov	AXVCPU_X86_GPR(7)(\base), %rdi
	mov	AXVCPU_X86_GPR(8)(\base), %r8
	mov	AXVCPU_X86_GPR(9)(\base), %r9
	mov	AXVCPU_X86_GPR(10)(\base), %r10
	mov	AXVCPU_X86_GPR(11)(\base), %r11
	mov	AXVCPU_X86_GPR(12)(\base), %r12
	mov	AXVCPU_X86_GPR(13)(\base), %r13
	mov	AXVCPU_X86_GPR(14)(\base), %r14
	mov	AXVCPU_X86_GPR(15)(\base), %r15
	mov	AXVCPU_X86_GPR(6)(\base), %rsi
.endm

.macro SAVE_GPRS base
	mov	%rcx, AXVCPU_X86_GPR(1)(\base)
	mov	%rdx, AXVCPU_X86_GPR(2)(\base)
	mov	%rbx, AXVCPU_X86_GPR(3)(\base)
	mov	%rbp, AXVCPU_X86_GPR(5)(\base)
	mov	%rsi, AXVCPU_X86_GPR(6)(\base)
	mov	%rdi, AXVCPU_X86_GPR(7)(\base)
	mov	%r8, AXVCPU_X86_GPR(8)(\base)
	mov	%r9, AXVCPU_X86_GPR(9)(\base)
	mov	%r10, AXVCPU_X86_GPR(10)(\base)
	mov	%r11, AXVCPU_X86_GPR(11)(\base)
	mov	%r12, AXVCPU_X86_GPR(12)(\base)
	mov	%r13, AXVCPU_X86_GPR(13)(\base)
	mov	%r14, AXVCPU_X86_GPR(14)(\base)
	mov	%r15, AXVCPU_X86_GPR(15)(\base)
.endm

/* Nothing that the guest chose stays for the host to speculate with. */
.macro CLEAR_GPRS
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%ebx, %ebx
	xor	%ebp, %ebp
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d
.endm

/*
 * void axvcpu_svm_enter(u64 vmcb, struct axvcpu_x86 *x86, u64 host, u32 mitigations)
 *
 * Run the guest of the VMCB at physical address @vmcb until it exits. @host is the
 * physical address of a page for what VMSAVE saves, @mitigations are AXVCPU_X86_*.
 * Interrupts are off, before and after; in between IF must be set, or none would make the
 * guest exit: with V_INTR_MASKING the IF at VMRUN is what masks them (APM vol. 2, 15.21.1).
 * GIF keeps them out meanwhile. STI stands well before VMRUN: its shadow would be the
 * guest's.
 */
SYM_FUNC_START(axvcpu_svm_enter)
	push	%rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rcx
	push	%rdx
	push	%rsi

	clgi
	sti
	mov	%rdx, %rax
	vmsave	%rax
	mov	%rdi, %rax
	vmload	%rax
	LOAD_GPRS %rsi
	/* Last, when no register holds anything of the host's any more. */
	testb	$AXVCPU_X86_VERW, 16(%rsp)
	jz	1f
	verw	axvcpu_x86_verw_sel(%rip)
1:	vmrun	%rax
	cli
	vmsave	%rax

	mov	(%rsp), %rax
	SAVE_GPRS %rax
	CLEAR_GPRS
	mov	8(%rsp), %rax
	vmload	%rax
	/* The returns that the guest has predicted must not be ours. */
	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT

	/* Nor what it has taught the CPU of the kernel's returns (Retbleed, SRSO): one of both. */
	CALL_UNTRAIN_RET
	testb	$AXVCPU_X86_IBPB_EXIT, 16(%rsp)
	jz	2f
	mov	$MSR_IA32_PRED_CMD, %ecx
	mov	$PRED_CMD_IBPB, %eax
	xor	%edx, %edx
	wrmsr
	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_BUG_IBPB_NO_RET
	/* The branch above may have been guessed, too. */
2:	lfence
	stgi

	add	$24, %rsp
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET
SYM_FUNC_END(axvcpu_svm_enter)
