/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world switch of SVM. GIF is clear between CLGI and STGI, which blocks even NMIs while the
 * guest's GS and TR are loaded (APM vol. 2, 15.17).
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/cpufeatures.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>

#include "mitigate.h"
#include "x86.h"

	.text

/* Load or save the general registers at @base, except RAX and RSP, which VMRUN switches. */
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

/* Guest values must not remain in registers, where host speculation could use them. */
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
 * Run the guest of the VMCB at physical address @vmcb until it exits. @host is the physical address
 * of the page for VMSAVE of host state, @mitigations are AXVCPU_X86_*. Called with interrupts off.
 * IF must be set during VMRUN, or no interrupt makes the guest exit: with V_INTR_MASKING the IF at
 * VMRUN masks physical interrupts (APM vol. 2, 15.21.1). GIF blocks them until then. STI must not
 * directly precede VMRUN: its shadow would become the guest's.
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
	/* VERW comes last: no register holds host data any more. */
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
	/* The host must not use return predictions of the guest. */
	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT

	/* Untrain return predictions (Retbleed, SRSO), by the one or the other. */
	CALL_UNTRAIN_RET
	testb	$AXVCPU_X86_IBPB_EXIT, 16(%rsp)
	jz	2f
	mov	$MSR_IA32_PRED_CMD, %ecx
	mov	$PRED_CMD_IBPB, %eax
	xor	%edx, %edx
	wrmsr
	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_BUG_IBPB_NO_RET
	/* The branch above may have been mispredicted. */
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
