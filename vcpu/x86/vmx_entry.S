/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world switch of VMX, whose hardware switches neither general registers nor branch predictor
 * state. Interrupts are off.
 */
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/alternative.h>
#include <asm/asm.h>
#include <asm/cpufeatures.h>
#include <asm/ibt.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include <asm/unwind_hints.h>

#include "mitigate.h"
#include "x86.h"

#define HOST_RSP	0x6c14		/* SDM vol. 3D, B.4.4 */

.text

/*
 * 2 * 5 * 5 taken branches and some calls and returns: more than a branch history holds. Intel,
 * "Branch history injection and intra-mode branch target injection", "software BHB-clearing
 * sequence". The returns are in the upper half of a cache line, where CPUs with ITS do not need
 * thunks.
 */
SYM_FUNC_START_LOCAL(clear_branch_history)
	push	%rbp
	mov	%rsp, %rbp
	movl	$5, %ecx
	ANNOTATE_INTRA_FUNCTION_CALL
	call	1f
	jmp	5f
	.balign	64, 0xcc
	.skip	32 - (.Lret_outer - 1f), 0xcc
	ANNOTATE_INTRA_FUNCTION_CALL
1:	call	2f
.Lret_outer:
	RET
	.balign	64, 0xcc
	.skip	32 - 18, 0xcc		/* size of the code before the RET */
2:	movl	$5, %eax
3:	jmp	4f
	nop
4:	subl	$1, %eax
	jnz	3b
	subl	$1, %ecx
	jnz	1b
	RET
5:	lfence
	pop	%rbp
	RET
SYM_FUNC_END(clear_branch_history)
STACK_FRAME_NON_STANDARD clear_branch_history

/*
 * bool axvcpu_vmx_enter(u64 *gpr, unsigned long flags)
 *
 * Run the guest of the current VMCS until it exits. @flags are AXVCPU_X86_*.
 *
 * The stack at the exit is the only state that survives: @flags, then @gpr, then the callee-saved
 * registers.
 */
SYM_FUNC_START(axvcpu_vmx_enter)
	push	%rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rdi
	push	%rsi
	movl	$HOST_RSP, %eax
	vmwrite	%rsp, %rax

	movq	AXVCPU_X86_GPR(0)(%rdi), %rax
	movq	AXVCPU_X86_GPR(1)(%rdi), %rcx
	movq	AXVCPU_X86_GPR(2)(%rdi), %rdx
	movq	AXVCPU_X86_GPR(3)(%rdi), %rbx
	movq	AXVCPU_X86_GPR(5)(%rdi), %rbp
	movq	AXVCPU_X86_GPR(6)(%rdi), %rsi
	movq	AXVCPU_X86_GPR(8)(%rdi), %r8
	movq	AXVCPU_X86_GPR(9)(%rdi), %r9
	movq	AXVCPU_X86_GPR(10)(%rdi), %r10
	movq	AXVCPU_X86_GPR(11)(%rdi), %r11
	movq	AXVCPU_X86_GPR(12)(%rdi), %r12
	movq	AXVCPU_X86_GPR(13)(%rdi), %r13
	movq	AXVCPU_X86_GPR(14)(%rdi), %r14
	movq	AXVCPU_X86_GPR(15)(%rdi), %r15
	movq	AXVCPU_X86_GPR(7)(%rdi), %rdi

	/* VERW comes last: no register holds host data any more. */
	testl	$AXVCPU_X86_VERW, (%rsp)
	jz	.Lno_verw
	verw	axvcpu_x86_verw_sel(%rip)
.Lno_verw:
	/* The exit continues at axvcpu_vmx_exit with the stack at this point. */
	UNWIND_HINT_SAVE
	testl	$AXVCPU_X86_RESUME, (%rsp)
	jz	.Llaunch
	vmresume
	jmp	.Lfailed
.Llaunch:
	vmlaunch
.Lfailed:
	xorl	%eax, %eax
	jmp	.Lout

SYM_INNER_LABEL_ALIGN(axvcpu_vmx_exit, SYM_L_GLOBAL)
	UNWIND_HINT_RESTORE
	ENDBR
	push	%rdi
	movq	16(%rsp), %rdi
	movq	%rax, AXVCPU_X86_GPR(0)(%rdi)
	movq	%rcx, AXVCPU_X86_GPR(1)(%rdi)
	movq	%rdx, AXVCPU_X86_GPR(2)(%rdi)
	movq	%rbx, AXVCPU_X86_GPR(3)(%rdi)
	movq	%rbp, AXVCPU_X86_GPR(5)(%rdi)
	movq	%rsi, AXVCPU_X86_GPR(6)(%rdi)
	popq	AXVCPU_X86_GPR(7)(%rdi)
	movq	%r8, AXVCPU_X86_GPR(8)(%rdi)
	movq	%r9, AXVCPU_X86_GPR(9)(%rdi)
	movq	%r10, AXVCPU_X86_GPR(10)(%rdi)
	movq	%r11, AXVCPU_X86_GPR(11)(%rdi)
	movq	%r12, AXVCPU_X86_GPR(12)(%rdi)
	movq	%r13, AXVCPU_X86_GPR(13)(%rdi)
	movq	%r14, AXVCPU_X86_GPR(14)(%rdi)
	movq	%r15, AXVCPU_X86_GPR(15)(%rdi)

	/* The host must not use return predictions of the guest. */
	FILL_RETURN_BUFFER %rcx, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, \
			   X86_FEATURE_RSB_VMEXIT_LITE
	/* Kernels that set IBRS at each kernel entry need it after an exit, too. */
	ALTERNATIVE "jmp .Lno_ibrs", "", X86_FEATURE_KERNEL_IBRS
	movl	$MSR_IA32_SPEC_CTRL, %ecx
	rdmsr
	wrmsr
.Lno_ibrs:
	testl	$AXVCPU_X86_BHB, (%rsp)
	jz	.Lno_bhb
	call	clear_branch_history
	/* The branches above and the one to axvcpu_vmx_exit may have been mispredicted. */
.Lno_bhb:
	lfence
	movl	$1, %eax

	/* Guest values must not remain in registers, where host speculation could use them. */
.Lout:
	xorl	%ecx, %ecx
	xorl	%edx, %edx
	xorl	%esi, %esi
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	xorl	%r10d, %r10d
	xorl	%r11d, %r11d
	addq	$16, %rsp
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET
SYM_FUNC_END(axvcpu_vmx_enter)
