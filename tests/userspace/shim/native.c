// SPDX-License-Identifier: GPL-2.0-only
/*
 * For nanoseconds (SHIM_NATIVE), what the kernel's objects find in the kernel: memcpy() and
 * memset() as a CPU with ERMS runs them, where a library would use registers that the kernel
 * does not; and the thunks of its retpolines and returns. Linux 6.1, arch/x86/lib/retpoline.S:
 * a call through a register is the retpoline, and a return is one, unless the CPU needs more.
 */
#ifdef SHIM_NATIVE
asm(".text\n"
	".globl	memcpy, memset\n"
	".type	memcpy, @function\n"
	"memcpy:	mov	%rdi, %rax\n"
	"	mov	%rdx, %rcx\n"
	"	rep movsb\n"
	"	ret\n"
	"	int3\n"
	".type	memset, @function\n"
	"memset:	mov	%rdi, %r9\n"
	"	mov	%esi, %eax\n"
	"	mov	%rdx, %rcx\n"
	"	rep stosb\n"
	"	mov	%r9, %rax\n"
	"	ret\n"
	"	int3\n");
#endif

#ifdef SHIM_RETPOLINE
#define THUNK(reg)						\
	".globl	__x86_indirect_thunk_" #reg "\n"		\
	".p2align 5\n"						\
	"__x86_indirect_thunk_" #reg ":\n"			\
	"	call	2f\n"					\
	"1:	pause\n"					\
	"	lfence\n"					\
	"	jmp	1b\n"					\
	"2:	mov	%" #reg ", (%rsp)\n"			\
	"	ret\n"						\
	"	int3\n"

asm(".text\n"
	THUNK(rax) THUNK(rbx) THUNK(rcx) THUNK(rdx) THUNK(rsi) THUNK(rdi) THUNK(rbp)
	THUNK(r8) THUNK(r9) THUNK(r10) THUNK(r11) THUNK(r12) THUNK(r13) THUNK(r14) THUNK(r15)
	".globl	__x86_return_thunk\n"
	".p2align 6\n"
	"__x86_return_thunk:\n"
	"	ret\n"
	"	int3\n");
#endif
