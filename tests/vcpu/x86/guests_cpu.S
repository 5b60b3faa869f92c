/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests that examine their CPU: a kernel with its own descriptor tables that records each
 * exception, and code for it to step over or for its programs to run. Part of guests.S.
 *
 * At GUEST_LOG: the number of records; a mask of the vectors below 32 whose handlers return (the
 * others end the guest); then the records of 64 bytes each: vector, error code, RIP, CS, RFLAGS,
 * RSP, DR6, CR2. Handlers of vectors from 32 on return, except 0x80, by which programs end.
 */

#define GUEST_TABLES	0x50000		/* VM_TABLES */
#define GUEST_LOG	0x40000		/* VM_DATA */
#define GUEST_STACK	0x90000		/* VM_STACK */

#define LOG_COUNT	GUEST_LOG
#define LOG_MASK	(GUEST_LOG + 8)
#define LOG_RECORDS	(GUEST_LOG + 64)

#define KERNEL_CS	0x08
#define KERNEL_DS	0x10
#define USER_DS		0x1b
#define USER_CS		0x23
#define TSS		0x28

/* Set up GDT, IDT and TSS, for the lifetime of the vCPU. */
GUEST kernel
	mov	$GUEST_TABLES, %edi
	movabs	$0x00af9b000000ffff, %rax
	mov	%rax, KERNEL_CS(%rdi)
	movabs	$0x00cf93000000ffff, %rax
	mov	%rax, KERNEL_DS(%rdi)
	movabs	$0x00cff3000000ffff, %rax
	mov	%rax, (USER_DS & ~3)(%rdi)
	movabs	$0x00affb000000ffff, %rax
	mov	%rax, (USER_CS & ~3)(%rdi)
	/* A 64-bit TSS at GUEST_TABLES + 8192, below 4 GiB */
	movabs	$0x0000890520000067, %rax
	mov	%rax, TSS(%rdi)
	movq	$0, (TSS + 8)(%rdi)
	movq	$(GUEST_STACK - 0x1000), (8192 + 4)(%rdi)	/* RSP0 */
	movw	$104, (8192 + 102)(%rdi)			/* no ports */
	sub	$16, %rsp
	movw	$(TSS + 15), (%rsp)
	mov	%rdi, 2(%rsp)
	lgdt	(%rsp)
	lea	4096(%rdi), %rbx
	movw	$4095, (%rsp)
	mov	%rbx, 2(%rsp)
	lidt	(%rsp)
	add	$16, %rsp
	mov	$TSS, %eax
	ltr	%ax
	lea	vectors(%rip), %rax
	xor	%ecx, %ecx
1:	GATE	KERNEL_CS
	cmp	$0x80, %ecx
	jne	2f
	movw	$0xee00, 4 - 16(%rbx)		/* DPL 3: usable by programs */
2:	inc	%ecx
	cmp	$256, %ecx
	jne	1b
	DONE

	.balign	16
vectors:
	.set	vector, 0
	.rept	256
	.balign	16
	.if	!(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17)
	push	$0
	.endif
	push	$vector
	jmp	record
	.set	vector, vector + 1
	.endr

record:
	push	%rax
	push	%rbx
	push	%rcx
	mov	LOG_COUNT, %rbx
	incq	LOG_COUNT
	shl	$6, %rbx
	add	$LOG_RECORDS, %rbx
	.set	field, 0
	.rept	6
	mov	(24 + 8 * field)(%rsp), %rax
	mov	%rax, (8 * field)(%rbx)
	.set	field, field + 1
	.endr
	mov	%db6, %rax
	mov	%rax, 48(%rbx)
	mov	$0xffff0ff0, %eax
	mov	%rax, %db6
	mov	%cr2, %rax
	mov	%rax, 56(%rbx)
	mov	24(%rsp), %ecx
	cmp	$0x80, %ecx
	je	end_recorded
	cmp	$32, %ecx
	jae	2f
	bt	%rcx, LOG_MASK
	jnc	end_recorded
	/* Clear TF and AC: no further steps or alignment checks. */
	andq	$~0x40100, 56(%rsp)
2:	pop	%rcx
	pop	%rbx
	pop	%rax
	add	$16, %rsp
	iretq

/* Return the vector in RAX. */
end_recorded:
	mov	%rcx, %rax
	mov	$GUEST_STACK, %esp
	DONE

/* Run RDI at CPL 3 with flags RSI. */
GUEST user
	push	$USER_DS
	push	$(GUEST_STACK - 0x2000)
	push	%rsi
	push	$USER_CS
	push	%rdi
	mov	$USER_DS, %eax
	mov	%eax, %ds
	mov	%eax, %es
	iretq

/* A program that uses a port, and ends. */
GUEST user_out
	out	%al, $0x80
	int	$0x80

	.pushsection .rodata.steps, "a"
	.globl	guest_steps
guest_steps:
	.popsection
	.pushsection .rodata.forbidden, "a"
	.globl	guest_forbidden
guest_forbidden:
	.popsection

/* TF set by POPF: the trap comes after the instruction that follows. */
.macro SET_TF
	pushfq
	orl	$0x100, (%rsp)
	popfq
.endm

/* A step: one or more instructions, followed by a single trap. */
.macro STEP name
	.balign	16
step_\name:
.endm

.macro STEPPED name
stepped_\name:
	nop
	nop
	mov	$0x600d, %eax
	DONE
	.pushsection .rodata.steps, "a"
	.quad	name_\name, step_\name, stepped_\name
	.popsection
	.pushsection .rodata.names, "a"
name_\name:
	.asciz	"\name"
	.popsection
.endm

/* The same with ECX, EAX and EDX set before. */
.macro STEP_ONE name, insn:vararg
	STEP	\name
	SET_TF
	\insn
	STEPPED	\name
.endm

.macro STEP_MSR name, msr, insn
	STEP	\name
	mov	$\msr, %ecx
	mov	$0x00070406, %eax
	mov	%eax, %edx
	SET_TF
	\insn
	STEPPED	\name
.endm

	STEP_ONE nop, nop
	STEP_ONE rdtsc, rdtsc
	STEP_ONE cpuid, cpuid
	STEP_ONE cpuid_prefixed, .byte 0x2e, 0x66, 0x48, 0x0f, 0xa2
	STEP_ONE in8, in $0x60, %al
	STEP_ONE in16, in %dx, %ax
	STEP_ONE in32, in %dx, %eax
	STEP_ONE out8, out %al, $0x80
	STEP_ONE out32, out %eax, %dx
	STEP_MSR rdmsr_pat, 0x277, rdmsr
	STEP_MSR wrmsr_pat, 0x277, wrmsr
	STEP_MSR rdmsr_unknown, 0xc0010055, rdmsr
	STEP_MSR wrmsr_unknown, 0xc0010055, wrmsr
	STEP_MSR rdmsr_lstar, 0xc0000082, rdmsr
	STEP_ONE hlt, hlt
	STEP_ONE hlt_prefixed, .byte 0x66, 0x2e, 0xf4
	STEP_ONE vmmcall, vmmcall
	STEP_ONE vmcall, vmcall
	STEP_ONE invd, invd
	STEP_ONE wbinvd, wbinvd
	STEP_ONE read_cr8, mov %cr8, %rax
	STEP	 write_cr8
	xor	%eax, %eax
	SET_TF
	mov	%rax, %cr8
	STEPPED	 write_cr8
	/* On VMX the host owns CR0.NE and CR4.MCE. */
	STEP	 write_cr0
	mov	%cr0, %rax
	xor	$0x20, %rax
	SET_TF
	mov	%rax, %cr0
	STEPPED	 write_cr0
	STEP	 write_cr4
	mov	%cr4, %rax
	xor	$0x40, %rax
	SET_TF
	mov	%rax, %cr4
	STEPPED	 write_cr4
	STEP_ONE read_dr, mov %db0, %rax
	STEP_ONE write_dr, mov %rbx, %db0
	STEP_ONE sti, sti
	/* The access is retried after axas has mapped a page. */
	STEP	 page_fault
	mov	$0x40200000, %ebx
	SET_TF
	mov	%eax, (%rbx)
	STEPPED	 page_fault
	/* The VMM emulates it. */
	STEP	 hole
	mov	$0x40000000, %ebx
	SET_TF
	mov	(%rbx), %eax
	STEPPED	 hole

	.globl	guest_step_ss, guest_stepped_ss, guest_int1, guest_after_int1, guest_ss_int1
	.globl	guest_after_ss_int1
	/* MOV SS inhibits the trap until after the next instruction. */
	.balign	16
guest_step_ss:
	mov	$KERNEL_DS, %ebx
	SET_TF
	mov	%ebx, %ss
	cpuid
guest_stepped_ss:
	nop
	DONE

	.balign	16
guest_int1:
	.byte	0xf1
guest_after_int1:
	int	$0x80

	/* The trap of MOV SS is pending, in its shadow, when INT1 is raised. */
	.balign	16
guest_ss_int1:
	mov	$USER_DS, %ebx
	SET_TF
	mov	%ebx, %ss
	.byte	0xf1
guest_after_ss_int1:
	int	$0x80

	/* The shadow of STI, in a program with IOPL 3. */
	.globl	guest_user_sti, guest_after_sti
	.balign	16
guest_user_sti:
	SET_TF
	sti
guest_after_sti:
	nop
	int	$0x80

/*
 * Instructions forbidden to programs: each raises one exception in the guest. The table has the
 * vector and the CPUs: 1 SVM, 2 VMX.
 */
.macro FORBIDDEN name, vector, cpus, insn:vararg
	.balign	16
forbidden_\name:
	\insn
	int	$0x80
	.pushsection .rodata.forbidden, "a"
	.quad	name_of_\name, forbidden_\name, \vector, \cpus
	.popsection
	.pushsection .rodata.names, "a"
name_of_\name:
	.asciz	"\name"
	.popsection
.endm

	FORBIDDEN vmmcall, 6, 3, vmmcall
	FORBIDDEN vmcall, 6, 3, vmcall
	FORBIDDEN hlt, 13, 3, hlt
	FORBIDDEN rdmsr, 13, 3, rdmsr
	FORBIDDEN wrmsr, 13, 3, wrmsr
	FORBIDDEN invd, 13, 3, invd
	FORBIDDEN wbinvd, 13, 3, wbinvd
	FORBIDDEN write_cr0, 13, 3, mov %rax, %cr0
	FORBIDDEN read_cr0, 13, 3, mov %cr0, %rax
	FORBIDDEN write_cr3, 13, 3, mov %rax, %cr3
	FORBIDDEN write_cr4, 13, 3, mov %rax, %cr4
	FORBIDDEN write_cr8, 13, 3, mov %rax, %cr8
	FORBIDDEN read_cr8, 13, 3, mov %cr8, %rax
	FORBIDDEN write_dr0, 13, 3, mov %rax, %db0
	FORBIDDEN read_dr7, 13, 3, mov %db7, %rax
	FORBIDDEN clts, 13, 3, clts
	FORBIDDEN in, 13, 3, in $0x60, %al
	FORBIDDEN out, 13, 3, out %al, $0xf4
	FORBIDDEN insb, 13, 3, insb
	FORBIDDEN outsb, 13, 3, outsb
	FORBIDDEN cli, 13, 3, cli
	FORBIDDEN sti, 13, 3, sti
	FORBIDDEN lgdt, 13, 3, lgdt (%rsp)
	FORBIDDEN invlpg, 13, 3, invlpg (%rsp)
	FORBIDDEN swapgs, 13, 3, swapgs
	FORBIDDEN sysretq, 13, 3, sysretq
	FORBIDDEN int33, 13, 3, int $0x21
	FORBIDDEN rsm, 6, 3, rsm
	FORBIDDEN monitor, 6, 3, monitor
	FORBIDDEN xsetbv, 6, 2, xsetbv
	FORBIDDEN vmxoff, 6, 3, vmxoff
	FORBIDDEN vmlaunch, 6, 3, vmlaunch
	FORBIDDEN vmread, 6, 3, vmread %rax, %rbx
	FORBIDDEN getsec, 6, 2, getsec
	FORBIDDEN rdtscp, 6, 2, rdtscp
	FORBIDDEN vmrun, 6, 2, vmrun %rax
	FORBIDDEN clgi, 6, 2, clgi

	.pushsection .rodata.steps, "a"
	.quad	0
	.popsection
	.pushsection .rodata.forbidden, "a"
	.quad	0
	.popsection

/* An interrupt stays pending while IF is 0, and ends HLT in the shadow of STI at once. */
GUEST sti_hlt
	sti
	hlt
	cli
	mov	LOG_COUNT, %rax
	DONE

/* OUT exits with IF set: an interrupt injected during the exit is delivered before CLI. */
GUEST out_cli
	sti
	nop
	out	%al, $0x80
	cli
	mov	LOG_COUNT, %rax
	DONE

/* Set CR8 to RDI, exit twice, return CR8; then set it to RSI, and IF to 1. */
GUEST cr8
	mov	%rdi, %cr8
	out	%al, $0x80
	out	%al, $0x80
	mov	%cr8, %rax
	DONE
	sti
	nop
	nop
	hlt
	mov	%rsi, %cr8
	nop
	nop
	cli
	mov	LOG_COUNT, %rax
	DONE

/* Return the flags that the VMM set. */
GUEST flags
	out	%al, $0x80
	pushfq
	pop	%rax
	DONE

/*
 * Set a data breakpoint on the stack where the next interrupt writes its frame. OUT exits with IF
 * set; the delivery of an interrupt injected then raises #DB.
 */
GUEST watched_stack
	lea	-16(%rsp), %rax
	mov	%rax, %db0
	mov	$0x00090402, %eax		/* G0, writes of 8 bytes */
	mov	%rax, %db7
	sti
	nop
	out	%al, $0x80
	nop
	nop
	cli
	mov	$0x400, %eax
	mov	%rax, %db7
	mov	LOG_COUNT, %rax
	DONE

/*
 * Alignment checks, which exist only at CPL 3, and for the delivery of events only outside long
 * mode. Starts in real mode; the word at GUEST_LOG + 32 selects the handler of #AC: 0 the
 * kernel's, which realigns the stack, 1 one at CPL 3, whose delivery raises #AC again. At
 * GUEST_LOG are counts: #AC, interrupts of vector 0x60.
 */
#define OFFSET(label)	((label) - guests_begin)	/* in real mode's CS */
#define LINEAR(label)	((label) - guests_begin + 0x10000)	/* VM_CODE */

	.code16
	.balign	16
	.globl	guest_alignment
guest_alignment:
	cli
	mov	%cs, %ax
	mov	%ax, %ds
	lgdtl	OFFSET(gdt32_pointer)
	lidtl	OFFSET(idt32_pointer)
	mov	%cr0, %eax
	or	$0x40001, %eax			/* AM, PE */
	mov	%eax, %cr0
	ljmpl	$0x08, $LINEAR(protected)

	.balign	8
gdt32:	.quad	0
	.quad	0x00cf9b000000ffff
	.quad	0x00cf93000000ffff
	.quad	0x00cffb000000ffff
	.quad	0x00cff3000000ffff
	.quad	0x0000890520000067		/* the TSS at 0x52000 */
gdt32_pointer:
	.word	. - gdt32 - 1
	.long	LINEAR(gdt32)
idt32_pointer:
	.word	0x81 * 8 - 1
	.long	0x51000

	.code32
	.macro	GATE32 vector, selector, dpl, handler
	movl	$(\selector << 16 | (LINEAR(\handler) & 0xffff)), 0x51000 + 8 * \vector
	movl	$(0x8e00 | \dpl << 13), 0x51004 + 8 * \vector
	movw	$(LINEAR(\handler) >> 16), 0x51006 + 8 * \vector
	.endm
protected:
	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$0x8f000, %esp
	movl	$0x8e000, 0x52004		/* ESP0, SS0 */
	movl	$0x10, 0x52008
	mov	$0x28, %eax
	ltr	%ax
	GATE32	17, 0x08, 0, mend_stack
	GATE32	0x60, 0x1b, 0, count_60
	GATE32	0x80, 0x08, 3, end32
	cmpl	$0, GUEST_LOG + 32
	je	1f
	GATE32	17, 0x1b, 0, end_of_ac
1:	pushl	$0x23
	pushl	$0x8a001
	pushl	$0x43202			/* AC, IOPL, IF */
	pushl	$0x1b
	pushl	$LINEAR(program)
	mov	$0x23, %eax
	mov	%eax, %ds
	mov	%eax, %es
	iretl
program:
	out	%al, $0x80
1:	pause
	cmpl	$0, GUEST_LOG + 8
	je	1b
	int	$0x80
count_60:
	incl	GUEST_LOG + 8
	iretl
mend_stack:
	incl	GUEST_LOG
	andl	$~3, 16(%esp)
end_of_ac:
	add	$4, %esp
	iretl
end32:
	out	%eax, $0xf4
	hlt
	.code64
