/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * axvcpu: the user API of virtual CPUs on axas spaces.
 *
 * /dev/axvcpu creates vCPUs; all other ioctls go to the vCPU's file descriptor. The conventions of
 * <axas/axas.h> apply: each struct begins with its size, unknown flags and non-zero reserved fields
 * are EINVAL, unknown ioctls ENOTTY, and a call that fails changes nothing unless its description
 * says otherwise.
 *
 * One thread at a time uses a vCPU: while one is in AXVCPU_RUN, calls by other threads return
 * EBUSY. AXVCPU_INJECT, AXVCPU_FLUSH, AXVCPU_KICK, AXVCPU_GET_STATE and AXVCPU_SET_AFFINITY may be
 * called at any time.
 */
#ifndef _UAPI_AXAS_VCPU_H
#define _UAPI_AXAS_VCPU_H

#include <linux/ioctl.h>
#include <linux/types.h>
#include "axas.h"	/* next to this file, in kernel and user builds alike */

#define AXVCPU_API_VERSION	1

/* Numbers 0x40 to 0x5f of AXAS_IOC_TYPE belong to axvcpu. */

/*
 * AXVCPU_GET_API_VERSION on /dev/axvcpu: returns AXVCPU_API_VERSION. Takes no argument; any value
 * passed is ignored.
 */
#define AXVCPU_GET_API_VERSION	_IO(AXAS_IOC_TYPE, 0x40)

/*
 * The states of a vCPU. AXVCPU_SETUP leads from CREATED to FREE. AXVCPU_RUN leads from FREE to
 * RUNNING and back to FREE; in CREATED it returns EBADFD and changes nothing. A step from any other
 * state returns EBADFD and leaves the vCPU INVALID, which is final. READY is used by kernel modules
 * alone (axvcpu_bind()).
 */
#define AXVCPU_STATE_INVALID	0	/* after a failed step: close it */
#define AXVCPU_STATE_CREATED	1	/* not set up yet */
#define AXVCPU_STATE_FREE	2	/* set up, bound to no CPU */
#define AXVCPU_STATE_READY	3	/* bound to a CPU */
#define AXVCPU_STATE_RUNNING	4	/* running its guest */
#define AXVCPU_STATE_BLOCKED	5	/* halted, within AXVCPU_RUN: AXVCPU_SETUP_BLOCK */

#define AXVCPU_CREATE_BSP	(1u << 0)	/* bootstrap processor: starts the guest */

#define AXVCPU_CPU_ANY		(~0u)

/**
 * struct axvcpu_create - AXVCPU_CREATE on /dev/axvcpu: create a vCPU, returned as an fd
 * @size: sizeof(struct axvcpu_create)
 * @flags: 0 or AXVCPU_CREATE_BSP
 * @space_fd: the axas space to run on, for a machine that this host provides
 * @id: its number in the guest, chosen by the caller
 * @preferred_cpu: the host CPU to prefer within @cpu_set, or AXVCPU_CPU_ANY
 * @reserved: must be zero
 * @cpu_set: host CPUs that may run it: bit n is CPU n; 0: any
 *
 * Returns a file descriptor (O_RDWR | O_CLOEXEC). The vCPU holds a reference to the space. Creating
 * the first vCPU enables the virtualization extensions on all CPUs, closing the last one disables
 * them.
 *
 * Errors: EBADF, also when /dev/axvcpu is not open for writing; EINVAL when @space_fd is not a
 * space, or @cpu_set lacks @preferred_cpu or holds no possible CPU; EMEDIUMTYPE when the space is
 * for a machine that this CPU is not: another format, or AXAS_CREATE_CAPS beyond or different from
 * its own (levels, leaf levels, address bits, capabilities); EOPNOTSUPP when the CPU has no
 * virtualization, or firmware disabled it; ENODEV when an arm64 kernel does not run at EL2 with
 * VHE, or a RISC-V CPU has no hypervisor extension; EBUSY when another hypervisor holds the CPUs;
 * ENOSPC when no hardware tag for translations is left (VMX); ESHUTDOWN while the machine goes
 * down; EIO when a CPU fails to enable them; ENOMEM, EMFILE, ENFILE.
 */
struct axvcpu_create {
	__u32 size;
	__u32 flags;
	__s32 space_fd;
	__u32 id;
	__u32 preferred_cpu;
	__u32 reserved;
	__u64 cpu_set;
};

#define AXVCPU_CREATE		_IO(AXAS_IOC_TYPE, 0x41)

/* Initial mode of a vCPU. */
#define AXVCPU_MODE_LONG	0	/* x86: 64-bit mode, flat segments */
#define AXVCPU_MODE_REAL	1	/* x86: real mode, CS:IP from the entry */
#define AXVCPU_MODE_EL1		2	/* arm64: EL1, stage 1 off */
#define AXVCPU_MODE_VS		3	/* RISC-V: VS-mode, paging off */

#define AXVCPU_SETUP_EXIT_CPUID	(1u << 0)	/* CPUID exits to the VMM: AXVCPU_EXIT_CPUID */
#define AXVCPU_SETUP_EXIT_IRQ	(1u << 1)	/* host interrupts exit to the VMM */
#define AXVCPU_SETUP_BLOCK	(1u << 2)	/* a halted vCPU waits inside of AXVCPU_RUN */
#define AXVCPU_SETUP_X2APIC	(1u << 3)	/* x86: CPUID tells of a local x2APIC */
#define AXVCPU_SETUP_STARTUP	(1u << 4)	/* x86, real mode: CS:0, as after a startup IPI */
#define AXVCPU_SETUP_TIMER	(1u << 5)	/* RISC-V: the module has the guest's timer */
#define AXVCPU_SETUP_FLAGS	(AXVCPU_SETUP_EXIT_CPUID | AXVCPU_SETUP_EXIT_IRQ | \
				 AXVCPU_SETUP_BLOCK | AXVCPU_SETUP_X2APIC | \
				 AXVCPU_SETUP_STARTUP | AXVCPU_SETUP_TIMER)

/**
 * struct axvcpu_setup - AXVCPU_SETUP: set the guest's initial state
 * @size: sizeof(struct axvcpu_setup)
 * @flags: AXVCPU_SETUP_*
 * @mode: AXVCPU_MODE_*
 * @reserved: must be zero
 * @entry: first instruction: the guest-virtual RIP; in real mode a linear address below 1 MiB, from
 *	which CS:IP is made with CS a multiple of 0x1000; with AXVCPU_SETUP_STARTUP a multiple of
 *	0x1000, from which CS:0 is made
 * @stack: the stack pointer
 * @cr3: guest-physical address of the guest's page table, 4 KiB aligned; zero in real mode. On
 *	arm64 X0, on RISC-V a1
 *
 * In long mode paging is on, interrupts are off, CS is 0x08, the data segments are 0x10 and there
 * is neither a GDT nor an IDT: the guest loads its own. All other registers are zero, or as after a
 * reset.
 *
 * With AXVCPU_SETUP_BLOCK, AXVCPU_EXIT_HALT does not end AXVCPU_RUN: the vCPU is BLOCKED until an
 * interrupt or exception for it is pending. A signal or AXVCPU_KICK ends the run as always; the
 * next one waits again.
 *
 * With AXVCPU_SETUP_TIMER the guest has a timer: by the SBI call set_timer, which does not exit,
 * and by stimecmp where the host's CPU has Sstc. Its interrupt is the supervisor timer interrupt,
 * and ends a halt. Without the flag both exit.
 *
 * With AXVCPU_SETUP_X2APIC the VMM emulates a local APIC in x2APIC mode, whose registers exit as
 * MSRs 0x800 to 0x8ff, 0x1b and 0x6e0 (TSC deadline). CPUID tells of both, and the vCPU's number is
 * its APIC's. EINVAL for a number above 254.
 *
 * In CREATED only: otherwise EBADFD, and the vCPU is INVALID. Errors: EINVAL, EBADFD, EBUSY.
 */
struct axvcpu_setup {
	__u32 size;
	__u32 flags;
	__u32 mode;
	__u32 reserved;
	__u64 entry;
	__u64 stack;
	__u64 cr3;
};

#define AXVCPU_SETUP		_IO(AXAS_IOC_TYPE, 0x48)

/* General registers, numbered as in x86 instruction encodings. */
#define AXVCPU_REG_RAX		0
#define AXVCPU_REG_RCX		1
#define AXVCPU_REG_RDX		2
#define AXVCPU_REG_RBX		3
#define AXVCPU_REG_RSP		4
#define AXVCPU_REG_RBP		5
#define AXVCPU_REG_RSI		6
#define AXVCPU_REG_RDI		7
#define AXVCPU_REG_R8		8
#define AXVCPU_REG_R15		15
#define AXVCPU_NR_REGS		16

/* On arm64, X0 to X30 are 0 to 30. */
#define AXVCPU_ARM64_NR_REGS	31

/**
 * struct axvcpu_regs_arm64 - registers of arm64 in struct axvcpu_regs
 * @x: X0 to X30
 * @sp: SP_EL1
 * @sp_el0: SP_EL0
 * @pc: next instruction
 * @pstate: as in SPSR_EL2. SET_REGS accepts every value that GET_REGS returns: AArch64 at EL1 and
 *	EL0, and AArch32 at EL0 where all CPUs have it, with any masks, flags and IL, but without
 *	software step
 * @sctlr: SCTLR_EL1
 * @tcr: TCR_EL1
 * @ttbr0: TTBR0_EL1
 * @ttbr1: TTBR1_EL1
 * @mair: MAIR_EL1
 * @vbar: VBAR_EL1
 * @elr: ELR_EL1
 * @spsr: SPSR_EL1
 * @esr: ESR_EL1
 * @far: FAR_EL1
 * @tpidr: TPIDR_EL1
 * @tpidr_el0: TPIDR_EL0
 */
struct axvcpu_regs_arm64 {
	__u64 x[AXVCPU_ARM64_NR_REGS];
	__u64 sp;
	__u64 sp_el0;
	__u64 pc;
	__u64 pstate;
	__u64 sctlr;
	__u64 tcr;
	__u64 ttbr0;
	__u64 ttbr1;
	__u64 mair;
	__u64 vbar;
	__u64 elr;
	__u64 spsr;
	__u64 esr;
	__u64 far;
	__u64 tpidr;
	__u64 tpidr_el0;
};

/* On RISC-V, x0 to x31 are 0 to 31. */
#define AXVCPU_RISCV_NR_REGS	32

/*
 * Interrupts on RISC-V: vector 32 is the supervisor software interrupt, which the guest clears in
 * sip. All others raise the external interrupt: an SBI call of the extension AXVCPU_RISCV_SBI_CLAIM
 * claims the highest pending vector and returns it in a1, or 0. A VMM with an interrupt controller
 * of its own sets the lines instead, numbered as in scause: AXVCPU_INJECT_RAISE and _LOWER.
 */
#define AXVCPU_RISCV_LINE_TIMER		5
#define AXVCPU_RISCV_LINE_EXTERNAL	9
#define AXVCPU_RISCV_VECTOR_SOFT	32
#define AXVCPU_RISCV_SBI_CLAIM		0x0a617861

/**
 * struct axvcpu_regs_riscv - registers of RISC-V in struct axvcpu_regs
 * @x: x0 to x31; x0 is 0
 * @pc: next instruction
 * @supervisor: 1 in VS-mode, 0 in VU-mode
 * @sstatus: the supervisor CSR of this name
 * @sie: as @sstatus
 * @sip: as @sstatus; SET_REGS sets only the software interrupt
 * @stvec: as @sstatus
 * @sscratch: as @sstatus
 * @sepc: as @sstatus
 * @scause: as @sstatus
 * @stval: as @sstatus
 * @satp: as @sstatus
 * @scounteren: as @sstatus
 * @senvcfg: as @sstatus
 *
 * SET_REGS returns EINVAL, and changes nothing, when a register of the CPU would not hold its value
 * unchanged.
 */
struct axvcpu_regs_riscv {
	__u64 x[AXVCPU_RISCV_NR_REGS];
	__u64 pc;
	__u64 supervisor;
	__u64 sstatus;
	__u64 sie;
	__u64 sip;
	__u64 stvec;
	__u64 sscratch;
	__u64 sepc;
	__u64 scause;
	__u64 stval;
	__u64 satp;
	__u64 scounteren;
	__u64 senvcfg;
};

/*
 * The VMM has emulated the instruction that caused a NestedPageFault, and @rip is the next one. The
 * side effects of retirement follow: RF is cleared, an interrupt shadow from before the instruction
 * ends, and with TF set before it, its #DB is raised.
 */
#define AXVCPU_REGS_RETIRED	(1u << 0)
#define AXVCPU_REGS_FLAGS	AXVCPU_REGS_RETIRED

/**
 * struct axvcpu_regs - AXVCPU_GET_REGS, AXVCPU_SET_REGS: registers
 * @size: sizeof(struct axvcpu_regs)
 * @flags: SET_REGS: 0 or, on x86, AXVCPU_REGS_RETIRED; GET_REGS: must be zero
 * @gpr: general registers, by AXVCPU_REG_*
 * @rip: next instruction
 * @rflags: flags
 * @cr0: SET_REGS accepts only the current value
 * @cr2: page-fault address
 * @cr3: page table
 * @cr4: SET_REGS accepts only the current value
 * @efer: SET_REGS accepts only the current value
 * @fs_base: base of FS
 * @gs_base: base of GS
 * @cr8: task priority, 0 to 15
 * @cpl: privilege level, 0 to 3; SET_REGS accepts only the current value
 * @arm64: on arm64, instead of the x86 registers
 * @riscv: on RISC-V, the same
 * @raw: reserves space for future registers
 * @reserved: must be zero
 *
 * On x86 SET_REGS accepts only values that a VM entry accepts: @rip, @fs_base and @gs_base
 * canonical for the CPU's linear-address width (outside of 64-bit mode @rip has 32 bits), in
 * @rflags only changes that a program can make (not VM, VIF, VIP or reserved bits), @cr3 within the
 * CPU's physical-address width, and on VMX only the current @cr3 while the guest uses PAE paging
 * outside of long mode. An event whose delivery an exit interrupted stays in flight and is
 * delivered first, at the new @rip. An interrupt in flight becomes pending again when IF is clear.
 *
 * Errors: EINVAL, EBADFD before AXVCPU_SETUP (the state stays), EBUSY.
 */
struct axvcpu_regs {
	__u32 size;
	__u32 flags;
	union {
		struct {
			__u64 gpr[AXVCPU_NR_REGS];
			__u64 rip;
			__u64 rflags;
			__u64 cr0;
			__u64 cr2;
			__u64 cr3;
			__u64 cr4;
			__u64 efer;
			__u64 fs_base;
			__u64 gs_base;
			__u64 cr8;
			__u64 cpl;
		};
		struct axvcpu_regs_arm64 arm64;
		struct axvcpu_regs_riscv riscv;
		__u64 raw[56];
	};
	__u64 reserved[4];
};

#define AXVCPU_GET_REGS		_IO(AXAS_IOC_TYPE, 0x49)
#define AXVCPU_SET_REGS		_IO(AXAS_IOC_TYPE, 0x4a)

/**
 * struct axvcpu_set_gpr - AXVCPU_SET_GPR: one general register
 * @size: sizeof(struct axvcpu_set_gpr)
 * @flags: must be zero
 * @reg: AXVCPU_REG_*
 * @reserved: must be zero
 * @val: its value
 *
 * Errors: EINVAL, EBADFD before AXVCPU_SETUP, EBUSY.
 */
struct axvcpu_set_gpr {
	__u32 size;
	__u32 flags;
	__u32 reg;
	__u32 reserved;
	__u64 val;
};

#define AXVCPU_SET_GPR		_IO(AXAS_IOC_TYPE, 0x4b)

/* @flags of AXVCPU_RUN */
#define AXVCPU_RUN_WINDOW	(1u << 0)	/* x86: exit once the guest accepts a vector */
#define AXVCPU_RUN_FLAGS	AXVCPU_RUN_WINDOW

/* Why AXVCPU_RUN returned. RIP is behind the instruction that exited, if any: it has retired. */
#define AXVCPU_EXIT_NOTHING		0	/* no exit for the VMM: run again */
#define AXVCPU_EXIT_HYPERCALL		1
#define AXVCPU_EXIT_MMIO_READ		2
#define AXVCPU_EXIT_MMIO_WRITE		3
#define AXVCPU_EXIT_SYSREG_READ		4
#define AXVCPU_EXIT_SYSREG_WRITE	5
#define AXVCPU_EXIT_IO_READ		6
#define AXVCPU_EXIT_IO_WRITE		7
#define AXVCPU_EXIT_EXTERNAL_INTERRUPT	8
#define AXVCPU_EXIT_NESTED_PAGE_FAULT	9	/* RIP is still at the instruction */
#define AXVCPU_EXIT_HALT		10
#define AXVCPU_EXIT_CPU_UP		11
#define AXVCPU_EXIT_CPU_DOWN		12
#define AXVCPU_EXIT_SYSTEM_DOWN		13	/* x86: triple fault; it cannot run again */
#define AXVCPU_EXIT_FAIL_ENTRY		14	/* the hardware refused the guest's state */
#define AXVCPU_EXIT_SEND_IPI		15
#define AXVCPU_EXIT_CPUID		16
#define AXVCPU_EXIT_WINDOW		17	/* the guest accepts the vector */
#define AXVCPU_NR_EXITS			24	/* further ones are reserved */

/* Longest instruction of x86, in bytes. */
#define AXVCPU_MAX_INSN			15

/**
 * struct axvcpu_exit - AXVCPU_RUN: run the guest until an exit for the VMM
 * @size: sizeof(struct axvcpu_exit)
 * @flags: AXVCPU_RUN_*; out: 0
 * @reason: out: AXVCPU_EXIT_*, selects the member below
 * @vector: with AXVCPU_RUN_WINDOW the vector, 32 to 255; else zero; out: 0
 * @rip: out: the guest's next instruction
 * @hypercall: service @hypercall.nr (x86: RAX) with @hypercall.args (RDI, RSI, RDX, RCX, R8, R9);
 *	answered by AXVCPU_SET_RETURN. x86: from CPL 0 alone; above, the instruction raises #UD.
 *	RISC-V: an SBI call with the extension in the low half and the function in the high half,
 *	and a0 to a5; the answer goes to a0, and a1 is zero unless set
 * @mmio_read: a read of @mmio_read.width bytes at a gpa without memory, for register @mmio_read.reg
 *	of @mmio_read.reg_width bytes, with @mmio_read.sign_extend; answered by AXVCPU_SET_RETURN
 * @mmio_write: a write of @mmio_write.data
 * @sysreg_read: a read of a system register (x86: MSR) into @sysreg_read.reg (x86: EDX:EAX);
 *	answered by AXVCPU_SET_RETURN
 * @sysreg_write: a write of a system register
 * @io_read: a read of @io_read.width bytes from a port; answered by AXVCPU_SET_RETURN
 * @io_write: a write to a port. INS and OUTS, the string forms, do not exit: they raise #GP in the
 *	guest
 * @external_interrupt: a host interrupt arrived and was handled
 * @nested_page_fault: an access to @nested_page_fault.gpa that the space does not allow.
 *	@nested_page_fault.access is AXAS_PROT_*, @nested_page_fault.result AXAS_FAULT_HOLE,
 *	_DENIED, _ERROR or _MISSING, @nested_page_fault.info the hardware's report: EXITINFO1 on
 *	SVM, the exit qualification on VMX. x86: for a hole @nested_page_fault.insn are the bytes at
 *	@rip, up to @nested_page_fault.insn_len, as far as the guest's page table and the space map
 *	them
 * @cpu_up: the guest starts CPU @cpu_up.target at @cpu_up.entry with @cpu_up.arg
 * @cpu_down: the guest stops this vCPU
 * @fail_entry: @fail_entry.reason is the hardware's: exit code on SVM, VM-instruction error or exit
 *	reason on VMX; @fail_entry.info has details
 * @send_ipi: the guest sends @send_ipi.vector to other vCPUs. On RISC-V @send_ipi.target is a mask
 *	of harts, the first of which is @send_ipi.target_aux
 * @cpuid: with AXVCPU_SETUP_EXIT_CPUID: the requested leaf; answered by AXVCPU_SET_GPR for RAX,
 *	RBX, RCX and RDX. @cpuid.regs is what the module would have answered: EAX to EDX
 * @raw: reserves space for future exits
 *
 * With AXVCPU_RUN_WINDOW the run ends by AXVCPU_EXIT_WINDOW as soon as the guest accepts @vector:
 * at once, if it does already. AXVCPU_INJECT_NOW succeeds then.
 *
 * The module handles nested page faults that the space can resolve, and host interrupts, without an
 * exit to the VMM. A signal or AXVCPU_KICK ends the run with EINTR: call it again.
 *
 * With a cpu_set the thread's CPU mask is narrowed to it until the call returns. The previous mask
 * is restored then, unless another thread has set a different one meanwhile: that one stays.
 *
 * Errors: EINTR; ENOMEM when no frame can be allocated for a page; EBADFD when the vCPU is not FREE
 * (it is INVALID then, unless it was never set up); EINVAL, also when the thread may run on none of
 * the vCPU's CPUs; EBUSY; EIO when the host's CPU failed.
 */
struct axvcpu_exit {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__u32 vector;
	__u64 rip;
	union {
		struct {
			__u64 nr;
			__u64 args[6];
		} hypercall;
		struct {
			__u64 gpa;
			__u32 width;
			__u32 reg;
			__u32 reg_width;
			__u32 sign_extend;
		} mmio_read;
		struct {
			__u64 gpa;
			__u64 data;
			__u32 width;
			__u32 reserved;
		} mmio_write;
		struct {
			__u32 addr;
			__u32 reg;
		} sysreg_read;
		struct {
			__u32 addr;
			__u32 reserved;
			__u64 value;
		} sysreg_write;
		struct {
			__u32 port;
			__u32 width;
		} io_read;
		struct {
			__u32 port;
			__u32 width;
			__u64 data;
		} io_write;
		struct {
			__u64 vector;
		} external_interrupt;
		struct {
			__u64 gpa;
			__u32 access;
			__u32 result;
			__u64 info;
			__u32 insn_len;
			__u32 reserved;
			__u8 insn[AXVCPU_MAX_INSN + 1];
		} nested_page_fault;
		struct {
			__u64 target;
			__u64 entry;
			__u64 arg;
		} cpu_up;
		struct {
			__u64 state;
		} cpu_down;
		struct {
			__u64 reason;
			__u64 info;
		} fail_entry;
		struct {
			__u64 target;
			__u64 target_aux;
			__u32 to_all;
			__u32 to_self;
			__u64 vector;
		} send_ipi;
		struct {
			__u32 leaf;
			__u32 subleaf;
			__u32 regs[4];
		} cpuid;
		__u64 raw[12];
	};
};

#define AXVCPU_RUN		_IO(AXAS_IOC_TYPE, 0x4c)

#define AXVCPU_INJECT_NOW	(1u << 0)	/* only if it is taken by the next entry */
#define AXVCPU_INJECT_EXCEPTION	(1u << 1)	/* x86: an exception, not an interrupt */
#define AXVCPU_INJECT_RAISE	(1u << 2)	/* arm64, RISC-V: a line is high from now on */
#define AXVCPU_INJECT_LOWER	(1u << 3)	/* arm64, RISC-V: it is low */
#define AXVCPU_INJECT_TIMER	(1u << 4)	/* arm64: it is the virtual timer's */
#define AXVCPU_INJECT_FLAGS	(AXVCPU_INJECT_NOW | AXVCPU_INJECT_EXCEPTION | \
				 AXVCPU_INJECT_RAISE | AXVCPU_INJECT_LOWER | \
				 AXVCPU_INJECT_TIMER)

/**
 * struct axvcpu_inject - AXVCPU_INJECT: make an interrupt pending in the guest
 * @size: sizeof(struct axvcpu_inject)
 * @flags: 0 or one of AXVCPU_INJECT_*
 * @vector: the vector, 32 to 255; of an exception 0 to 31, but not 2 (NMI); or AXVCPU_RISCV_LINE_*;
 *	on arm64 the interrupt (INTID), 0 to 255
 * @error: with AXVCPU_INJECT_EXCEPTION the error code, for vectors that have one; on arm64 the
 *	priority, 0 to 255, but with AXVCPU_INJECT_LOWER zero; else zero
 *
 * An interrupt is delivered as soon as the guest accepts interrupts, the highest vector first;
 * injecting a pending vector again has no effect. A running vCPU is interrupted for it, a BLOCKED
 * one woken.
 *
 * With AXVCPU_INJECT_NOW it is made pending only if the next entry delivers it: no event is in
 * flight, the guest accepts interrupts, and the vector is above its task priority and above all
 * that are pending. Otherwise EAGAIN.
 *
 * An exception is delivered by the next entry, at the current RIP: as the fault of the instruction
 * there. An event in flight and the exception combine as on a CPU: two may become a double fault.
 *
 * A raised line keeps its interrupt pending until it is lowered. Both are for any time, as an
 * injection without flags.
 *
 * On arm64 the module has the CPU interface of a GICv3, ICC_*_EL1, and the VMM the rest: it injects
 * what is enabled and for this vCPU. Of several pending interrupts the one of the lowest priority,
 * in number, comes first, then the one of the lowest number; priorities have 5 bits. With
 * AXVCPU_INJECT_TIMER the interrupt is pending while the vCPU's virtual timer is due, until
 * AXVCPU_INJECT_LOWER. That also takes back an interrupt that was injected without flags, and
 * returns 1 if the guest had not acknowledged it yet.
 *
 * Errors: EINVAL, EBADFD before AXVCPU_SETUP; with flags also EAGAIN, EBUSY, and EOPNOTSUPP on
 * other architectures than these.
 */
struct axvcpu_inject {
	__u32 size;
	__u32 flags;
	__u32 vector;
	__u32 error;
};

#define AXVCPU_INJECT		_IO(AXAS_IOC_TYPE, 0x4d)

/**
 * struct axvcpu_state - AXVCPU_GET_STATE: state and counters of a vCPU
 * @size: sizeof(struct axvcpu_state)
 * @flags: must be zero; out: AXVCPU_CREATE_BSP
 * @state: out: AXVCPU_STATE_*
 * @id: out: its number in the guest
 * @preferred_cpu: out: as AXVCPU_CREATE or AXVCPU_SET_AFFINITY
 * @cpu: out: the host CPU that ran it last, or AXVCPU_CPU_ANY
 * @cpu_set: out: as AXVCPU_CREATE or AXVCPU_SET_AFFINITY
 * @entries: out: entries into the guest
 * @exits: out: exits by AXVCPU_EXIT_*, including those handled by the module; exits handled without
 *	any such reason count as AXVCPU_EXIT_NOTHING
 * @tsc_khz: out: x86: frequency of the guest's TSC, which is the host's; otherwise 0
 * @time_hz: out: RISC-V: frequency of the guest's time, which is the host's; otherwise 0
 */
struct axvcpu_state {
	__u32 size;
	__u32 flags;
	__u32 state;
	__u32 id;
	__u32 preferred_cpu;
	__u32 cpu;
	__u64 cpu_set;
	__u64 entries;
	__u64 exits[AXVCPU_NR_EXITS];
	__u32 tsc_khz;
	__u32 time_hz;
};

#define AXVCPU_GET_STATE	_IO(AXAS_IOC_TYPE, 0x4e)

/**
 * struct axvcpu_affinity - AXVCPU_SET_AFFINITY: set the host CPUs of a vCPU
 * @size: sizeof(struct axvcpu_affinity)
 * @flags: must be zero
 * @preferred_cpu: a host CPU, or AXVCPU_CPU_ANY
 * @reserved: must be zero
 * @cpu_set: host CPUs that may run it: bit n is CPU n; 0: any
 *
 * Takes effect with the next AXVCPU_RUN. Errors: EINVAL as AXVCPU_CREATE.
 */
struct axvcpu_affinity {
	__u32 size;
	__u32 flags;
	__u32 preferred_cpu;
	__u32 reserved;
	__u64 cpu_set;
};

#define AXVCPU_SET_AFFINITY	_IO(AXAS_IOC_TYPE, 0x4f)

#define AXVCPU_RETURN_FAULT	(1u << 0)	/* the access to the system register faults */

/**
 * struct axvcpu_return - AXVCPU_SET_RETURN: the result of the last exit
 * @size: sizeof(struct axvcpu_return)
 * @flags: 0, or AXVCPU_RETURN_FAULT after AXVCPU_EXIT_SYSREG_READ and _WRITE
 * @val: goes to the destination of the instruction that exited: RAX after a hypercall, the bytes of
 *	RAX that a port read names, EDX:EAX after an MSR read, the register of an MMIO read. After
 *	any other exit, RAX.
 *
 * With AXVCPU_RETURN_FAULT the RDMSR or WRMSR raises #GP(0) instead: RIP is at the instruction
 * again. On arm64 the access is an Undefined Instruction. On RISC-V the access to the CSR is an
 * illegal instruction; if it exits twice, the first exit must say so. Once for an exit, and before
 * any other change of RIP; @val is ignored.
 *
 * Errors: EINVAL, EBADFD before AXVCPU_SETUP, EBUSY.
 */
struct axvcpu_return {
	__u32 size;
	__u32 flags;
	__u64 val;
};

#define AXVCPU_SET_RETURN	_IO(AXAS_IOC_TYPE, 0x50)

/**
 * struct axvcpu_kick - AXVCPU_KICK: end a run
 * @size: sizeof(struct axvcpu_kick)
 * @flags: must be zero
 *
 * The current AXVCPU_RUN returns EINTR; without one, the next AXVCPU_RUN does, before its guest
 * runs. A kick that races with a run ending for another reason applies to the next one; several
 * kicks before that count as one. No kick is lost: a signal handler that kicks ends the run that
 * its thread was about to begin.
 */
struct axvcpu_kick {
	__u32 size;
	__u32 flags;
};

#define AXVCPU_KICK		_IO(AXAS_IOC_TYPE, 0x51)

/**
 * struct axvcpu_reset - AXVCPU_RESET: return to CREATED, for another AXVCPU_SETUP
 * @size: sizeof(struct axvcpu_reset)
 * @flags: must be zero
 *
 * All registers and pending events are dropped; counters and affinity stay. From CREATED and FREE.
 *
 * Errors: EINVAL, EBADFD, EBUSY.
 */
struct axvcpu_reset {
	__u32 size;
	__u32 flags;
};

#define AXVCPU_RESET		_IO(AXAS_IOC_TYPE, 0x52)

/**
 * struct axvcpu_x86_segment - a segment register, or GDTR or IDTR (base and limit)
 * @base: its address
 * @limit: in bytes
 * @selector: its visible part
 * @attrib: bits 40 to 47 and 52 to 55 of its descriptor; without P (bit 7) it is unusable
 */
struct axvcpu_x86_segment {
	__u64 base;
	__u32 limit;
	__u16 selector;
	__u16 attrib;
};

#define AXVCPU_X86_STATE_VERSION	1

/* @flags of struct axvcpu_x86_state */
#define AXVCPU_X86_SHADOW	(1u << 0)	/* in an interrupt shadow */
#define AXVCPU_X86_HALTED	(1u << 1)	/* AXVCPU_SETUP_BLOCK: halted */
#define AXVCPU_X86_STATE_FLAGS	(AXVCPU_X86_SHADOW | AXVCPU_X86_HALTED)

#define AXVCPU_X86_FPU_MAX	8192

/**
 * struct axvcpu_x86_state - all of an x86 vCPU, for AXVCPU_SAVE and AXVCPU_RESTORE
 * @version: AXVCPU_X86_STATE_VERSION
 * @flags: AXVCPU_X86_*
 * @gpr: general registers, by AXVCPU_REG_*
 * @rip: next instruction
 * @rflags: flags
 * @cr0: control register
 * @cr2: page-fault address
 * @cr3: page table
 * @cr4: control register
 * @cr8: task priority
 * @efer: IA32_EFER
 * @dr: DR0 to DR3
 * @dr6: debug status
 * @dr7: debug control
 * @es: segment, as the following
 * @cs: segment
 * @ss: segment
 * @ds: segment
 * @fs: segment
 * @gs: segment
 * @ldtr: local descriptor table
 * @tr: task register
 * @gdtr: base and limit
 * @idtr: base and limit
 * @star: IA32_STAR, and the MSRs below
 * @lstar: IA32_LSTAR
 * @cstar: IA32_CSTAR
 * @sfmask: IA32_FMASK
 * @kernel_gs_base: IA32_KERNEL_GS_BASE
 * @sysenter_cs: IA32_SYSENTER_CS
 * @sysenter_esp: IA32_SYSENTER_ESP
 * @sysenter_eip: IA32_SYSENTER_EIP
 * @pat: IA32_PAT
 * @pdpte: VMX: page-directory-pointer entries of PAE paging; SVM reads them from memory
 * @vectors: pending interrupts: bit n % 64 of word n / 64
 * @event_info: the event in flight, as in VM-entry interruption information; 0: none
 * @event_error: its error code
 * @event_len: length of the instruction that raised it
 * @cpl: privilege level
 * @event_db: DR6 bits that it sets, if it is a debug exception
 * @fpu_size: bytes of @fpu in use
 * @xcr0: lower half of XCR0, whose upper half is zero; 0: as after a reset, 1
 * @fpu: FPU and vector registers in the standard format of XSAVE, or as FXSAVE writes them
 */
struct axvcpu_x86_state {
	__u32 version;
	__u32 flags;
	__u64 gpr[AXVCPU_NR_REGS];
	__u64 rip;
	__u64 rflags;
	__u64 cr0;
	__u64 cr2;
	__u64 cr3;
	__u64 cr4;
	__u64 cr8;
	__u64 efer;
	__u64 dr[4];
	__u64 dr6;
	__u64 dr7;
	struct axvcpu_x86_segment es;
	struct axvcpu_x86_segment cs;
	struct axvcpu_x86_segment ss;
	struct axvcpu_x86_segment ds;
	struct axvcpu_x86_segment fs;
	struct axvcpu_x86_segment gs;
	struct axvcpu_x86_segment ldtr;
	struct axvcpu_x86_segment tr;
	struct axvcpu_x86_segment gdtr;
	struct axvcpu_x86_segment idtr;
	__u64 star;
	__u64 lstar;
	__u64 cstar;
	__u64 sfmask;
	__u64 kernel_gs_base;
	__u64 sysenter_cs;
	__u64 sysenter_esp;
	__u64 sysenter_eip;
	__u64 pat;
	__u64 pdpte[4];
	__u64 vectors[4];
	__u32 event_info;
	__u32 event_error;
	__u32 event_len;
	__u32 cpl;
	__u64 event_db;
	__u32 fpu_size;
	__u32 xcr0;
	__u8 fpu[AXVCPU_X86_FPU_MAX];
};

#define AXVCPU_ARM64_STATE_VERSION	1

/* @flags of struct axvcpu_arm64_state */
#define AXVCPU_ARM64_HALTED	(1u << 0)	/* AXVCPU_SETUP_BLOCK: halted */
#define AXVCPU_ARM64_STATE_FLAGS	AXVCPU_ARM64_HALTED

/* Interrupts of a vCPU's GIC; as its timer's: none. */
#define AXVCPU_ARM64_NR_IRQS	256
#define AXVCPU_ARM64_NO_TIMER	AXVCPU_ARM64_NR_IRQS

/**
 * struct axvcpu_arm64_state - all of an arm64 vCPU, for AXVCPU_SAVE and AXVCPU_RESTORE
 * @version: AXVCPU_ARM64_STATE_VERSION
 * @flags: AXVCPU_ARM64_*
 * @x: X0 to X30
 * @sp_el0: SP_EL0
 * @pc: next instruction
 * @pstate: as in struct axvcpu_regs_arm64
 * @sctlr: SCTLR_EL1, and so the following, up to @par
 * @cpacr: CPACR_EL1
 * @ttbr0: TTBR0_EL1
 * @ttbr1: TTBR1_EL1
 * @tcr: TCR_EL1
 * @mair: MAIR_EL1
 * @amair: AMAIR_EL1
 * @vbar: VBAR_EL1
 * @contextidr: CONTEXTIDR_EL1
 * @elr: ELR_EL1
 * @spsr: SPSR_EL1
 * @esr: ESR_EL1
 * @far: FAR_EL1
 * @afsr0: AFSR0_EL1
 * @afsr1: AFSR1_EL1
 * @cntkctl: CNTKCTL_EL1
 * @sp: SP_EL1
 * @tpidr: TPIDR_EL1
 * @par: PAR_EL1
 * @csselr: CSSELR_EL1
 * @tpidr_el0: TPIDR_EL0
 * @tpidrro_el0: TPIDRRO_EL0
 * @disr: DISR_EL1 as the guest reads it
 * @cntv_ctl: CNTV_CTL_EL0, without its status
 * @cntv_cval: CNTV_CVAL_EL0; the counter is the host's
 * @v: V0 to V31, the lower half of each first
 * @fpsr: FPSR
 * @fpcr: FPCR
 * @pmr: ICC_PMR_EL1, and so the following, up to @apr
 * @bpr1: ICC_BPR1_EL1
 * @igrpen1: ICC_IGRPEN1_EL1
 * @eoimode: ICC_CTLR_EL1.EOImode
 * @apr: ICC_AP1R0_EL1
 * @timer: the interrupt of AXVCPU_INJECT_TIMER, or AXVCPU_ARM64_NO_TIMER
 * @active: acknowledged interrupts: bit n % 64 of word n / 64
 * @pending: injected interrupts that are not acknowledged
 * @lines: raised interrupts
 * @priority: by interrupt
 */
struct axvcpu_arm64_state {
	__u32 version;
	__u32 flags;
	__u64 x[AXVCPU_ARM64_NR_REGS];
	__u64 sp_el0;
	__u64 pc;
	__u64 pstate;
	__u64 sctlr;
	__u64 cpacr;
	__u64 ttbr0;
	__u64 ttbr1;
	__u64 tcr;
	__u64 mair;
	__u64 amair;
	__u64 vbar;
	__u64 contextidr;
	__u64 elr;
	__u64 spsr;
	__u64 esr;
	__u64 far;
	__u64 afsr0;
	__u64 afsr1;
	__u64 cntkctl;
	__u64 sp;
	__u64 tpidr;
	__u64 par;
	__u64 csselr;
	__u64 tpidr_el0;
	__u64 tpidrro_el0;
	__u64 disr;
	__u64 cntv_ctl;
	__u64 cntv_cval;
	__u64 v[64];
	__u32 fpsr;
	__u32 fpcr;
	__u32 pmr;
	__u32 bpr1;
	__u32 igrpen1;
	__u32 eoimode;
	__u32 apr;
	__u32 timer;
	__u64 active[AXVCPU_ARM64_NR_IRQS / 64];
	__u64 pending[AXVCPU_ARM64_NR_IRQS / 64];
	__u64 lines[AXVCPU_ARM64_NR_IRQS / 64];
	__u8 priority[AXVCPU_ARM64_NR_IRQS];
};

#define AXVCPU_RISCV_STATE_VERSION	1

/* @flags of struct axvcpu_riscv_state */
#define AXVCPU_RISCV_HALTED	(1u << 0)	/* AXVCPU_SETUP_BLOCK: halted */
#define AXVCPU_RISCV_CSR_WRITE	(1u << 1)	/* a CSR instruction has yet to write */
#define AXVCPU_RISCV_STATE_FLAGS	(AXVCPU_RISCV_HALTED | AXVCPU_RISCV_CSR_WRITE)

/**
 * struct axvcpu_riscv_state - all of a RISC-V vCPU, for AXVCPU_SAVE and AXVCPU_RESTORE
 * @version: AXVCPU_RISCV_STATE_VERSION
 * @flags: AXVCPU_RISCV_*
 * @regs: as AXVCPU_GET_REGS returns them
 * @stimecmp: AXVCPU_SETUP_TIMER: the deadline, in ticks of the host's time
 * @vectors: pending interrupts: bit n % 64 of word n / 64
 * @lines: interrupt lines that are high: bit n is AXVCPU_RISCV_LINE_*
 * @csr_value: with AXVCPU_RISCV_CSR_WRITE: what the next run's exit writes
 * @csr: with AXVCPU_RISCV_CSR_WRITE: the number of the CSR
 * @fcsr: fcsr
 * @f: f0 to f31
 */
struct axvcpu_riscv_state {
	__u32 version;
	__u32 flags;
	struct axvcpu_regs_riscv regs;
	__u64 stimecmp;
	__u64 vectors[4];
	__u64 lines;
	__u64 csr_value;
	__u32 csr;
	__u32 fcsr;
	__u64 f[32];
};

/**
 * struct axvcpu_save - AXVCPU_SAVE, AXVCPU_RESTORE: all of a vCPU's registers and pending events
 * @size: sizeof(struct axvcpu_save)
 * @flags: must be zero
 * @data: address of a struct axvcpu_x86_state, axvcpu_arm64_state or axvcpu_riscv_state: that of
 *	the architecture
 * @data_size: its bytes: exactly the size of the struct
 * @reserved: must be zero
 *
 * RESTORE is for a vCPU after AXVCPU_SETUP, whose registers it replaces; the flags of the setup
 * stay. What SAVE returned on a vCPU of the same host and format is accepted. A state that no CPU
 * can have is EINVAL, or else the next run's exit is FAIL_ENTRY. SAVE after a triple fault, or
 * after SystemDown, is EBADFD. After RESTORE, no exit waits to be completed. The guest's clock is
 * the host's, and does not stop. Neither call is to be made while another thread injects.
 *
 * Errors: EINVAL, EFAULT, ENOMEM, EBADFD before AXVCPU_SETUP, EBUSY, EIO when the host's CPU
 * failed.
 */
struct axvcpu_save {
	__u32 size;
	__u32 flags;
	__u64 data;
	__u32 data_size;
	__u32 reserved;
};

#define AXVCPU_SAVE		_IO(AXAS_IOC_TYPE, 0x53)
#define AXVCPU_RESTORE		_IO(AXAS_IOC_TYPE, 0x54)

/**
 * struct axvcpu_flush - AXVCPU_FLUSH: flush what a RISC-V CPU has cached of the guest's own tables
 * @size: sizeof(struct axvcpu_flush)
 * @flags: must be zero
 *
 * For SBI's remote fences: on return the vCPU uses no translation of the guest's page tables, and
 * no fetched instruction, from before the call. A vCPU in its guest is brought out for it. At any
 * time.
 *
 * Errors: EINVAL, EBADFD before AXVCPU_SETUP; EOPNOTSUPP on x86 and arm64, whose guests need no
 * such service.
 */
struct axvcpu_flush {
	__u32 size;
	__u32 flags;
};

#define AXVCPU_FLUSH		_IO(AXAS_IOC_TYPE, 0x55)

#endif /* _UAPI_AXAS_VCPU_H */
