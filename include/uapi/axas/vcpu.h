/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * axvcpu: the user API of virtual CPUs on axas spaces.
 *
 * /dev/axvcpu creates vCPUs; the file descriptor of a vCPU does the rest. The rules
 * of <axas/axas.h> hold here, too: each struct begins with its size, unknown flags
 * and non-zero reserved fields are EINVAL, unknown ioctls ENOTTY, and a call that
 * fails changes nothing unless its description says so.
 *
 * A vCPU is used by one thread at a time: while one is in AXVCPU_RUN, calls of others
 * answer EBUSY. AXVCPU_INJECT, AXVCPU_KICK, AXVCPU_GET_STATE and AXVCPU_SET_AFFINITY may be
 * called at any time.
 */
#ifndef _UAPI_AXAS_VCPU_H
#define _UAPI_AXAS_VCPU_H

#include <linux/ioctl.h>
#include <linux/types.h>
#include "axas.h"	/* beside this file, in a kernel's build and in a program's */

#define AXVCPU_API_VERSION	1

/* The numbers 0x40 to 0x5f of AXAS_IOC_TYPE are axvcpu's. */

/*
 * AXVCPU_GET_API_VERSION on /dev/axvcpu: returns AXVCPU_API_VERSION. There is no argument,
 * and whatever stands in its place is not looked at.
 */
#define AXVCPU_GET_API_VERSION	_IO(AXAS_IOC_TYPE, 0x40)

/*
 * The states of a vCPU. AXVCPU_SETUP leads from CREATED to FREE. AXVCPU_RUN leads from
 * FREE by way of READY to RUNNING, and back; from CREATED it answers EBADFD and changes
 * nothing. A step from any other state is EBADFD and leaves INVALID, out of which nothing
 * leads.
 */
#define AXVCPU_STATE_INVALID	0	/* a step went wrong: close it */
#define AXVCPU_STATE_CREATED	1	/* to be set up */
#define AXVCPU_STATE_FREE	2	/* set up, bound to no CPU */
#define AXVCPU_STATE_READY	3	/* bound to a CPU */
#define AXVCPU_STATE_RUNNING	4	/* runs its guest */
#define AXVCPU_STATE_BLOCKED	5	/* waits for an event */

#define AXVCPU_CREATE_BSP	(1u << 0)	/* it is the one that starts the guest */

#define AXVCPU_CPU_ANY		(~0u)

/**
 * struct axvcpu_create - AXVCPU_CREATE on /dev/axvcpu: a new vCPU, returned as an fd
 * @size: sizeof(struct axvcpu_create)
 * @flags: 0 or AXVCPU_CREATE_BSP
 * @space_fd: the axas space that it runs on, for a machine within this host
 * @id: its number in the guest; the caller's to choose
 * @preferred_cpu: the host CPU to run it on where there is a choice, or AXVCPU_CPU_ANY
 * @reserved: must be zero
 * @cpu_set: host CPUs that may run it: bit n is CPU n; 0: any
 *
 * Returns a file descriptor (O_RDWR | O_CLOEXEC). The vCPU holds the space. The first
 * vCPU takes the virtualization extensions of all CPUs, the last gives them back.
 *
 * Errors: EBADF, also when /dev/axvcpu is not open for writing; EINVAL when @space_fd is
 * no space, or a @cpu_set without @preferred_cpu or without a possible CPU; EMEDIUMTYPE
 * when the space is for a machine that this CPU is not: another format, or by
 * AXAS_CREATE_CAPS more or other than it has (levels, leaf levels, address bits,
 * capabilities); EOPNOTSUPP when the CPU has no virtualization, or firmware disabled it;
 * ENODEV when an arm64 kernel does not run at EL2 with VHE, or a RISC-V CPU
 * has no hypervisor extension; EBUSY when another hypervisor has it; ENOSPC when the
 * hardware has no more tags for translations; ENOMEM, EMFILE, ENFILE.
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

/* How a vCPU starts. */
#define AXVCPU_MODE_LONG	0	/* x86: 64-bit mode, flat segments */
#define AXVCPU_MODE_REAL	1	/* x86: real mode, CS:IP from the entry */
#define AXVCPU_MODE_EL1		2	/* arm64: EL1, stage 1 off */
#define AXVCPU_MODE_VS		3	/* RISC-V: VS-mode, paging off */

#define AXVCPU_SETUP_EXIT_CPUID	(1u << 0)	/* CPUID is the VMM's: AXVCPU_EXIT_CPUID */
#define AXVCPU_SETUP_EXIT_IRQ	(1u << 1)	/* host interrupts come out as exits */
#define AXVCPU_SETUP_FLAGS	(AXVCPU_SETUP_EXIT_CPUID | AXVCPU_SETUP_EXIT_IRQ)

/**
 * struct axvcpu_setup - AXVCPU_SETUP: how the guest starts
 * @size: sizeof(struct axvcpu_setup)
 * @flags: AXVCPU_SETUP_*
 * @mode: AXVCPU_MODE_*
 * @reserved: must be zero
 * @entry: where execution begins: the guest-virtual RIP; in real mode the linear
 *	address below 1 MiB that CS:IP is made of, with CS a multiple of 0x1000
 * @stack: the stack pointer
 * @cr3: guest-physical address of the guest's page table, 4 KiB aligned; zero in real
 *	mode
 *
 * In long mode paging is on, interrupts are off, CS is 0x08, the data segments are
 * 0x10 and there is neither a GDT nor an IDT: the guest loads its own. All other
 * registers are zero, or as after a reset.
 *
 * From CREATED only: else EBADFD, and the vCPU is INVALID. Errors: EINVAL, EBADFD.
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

/* General registers, by the numbers that x86 instructions use. */
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
 * struct axvcpu_regs_arm64 - the registers of arm64 in struct axvcpu_regs
 * @x: X0 to X30
 * @sp: SP_EL1
 * @sp_el0: SP_EL0
 * @pc: next instruction
 * @pstate: as in SPSR_EL2. SET_REGS takes whatever GET_REGS gave: AArch64 at EL1 and EL0, and
 *	AArch32 at EL0 where all CPUs have it, with any masks, flags and IL, but no software step
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
 * Interrupts on RISC-V: vector 32 is the supervisor's software interrupt, which the guest
 * takes back in sip. All others are its external interrupt: an SBI call of the extension
 * AXVCPU_RISCV_SBI_CLAIM takes the highest one that waits and answers it in a1, or 0.
 */
#define AXVCPU_RISCV_VECTOR_SOFT	32
#define AXVCPU_RISCV_SBI_CLAIM		0x0a617861

/**
 * struct axvcpu_regs_riscv - the registers of RISC-V in struct axvcpu_regs
 * @x: x0 to x31; x0 is 0
 * @pc: next instruction
 * @supervisor: 1 in VS-mode, 0 in VU-mode
 * @sstatus: the supervisor's CSRs of these names
 * @sie: as @sstatus
 * @sip: as @sstatus; SET_REGS takes only the software interrupt
 * @stvec: as @sstatus
 * @sscratch: as @sstatus
 * @sepc: as @sstatus
 * @scause: as @sstatus
 * @stval: as @sstatus
 * @satp: as @sstatus
 * @scounteren: as @sstatus
 * @senvcfg: as @sstatus
 *
 * SET_REGS answers EINVAL to a value that the CPU's registers would not hold as it is, and
 * changes nothing then.
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
 * The VMM has carried out the instruction that a NestedPageFault has come from, and @rip is
 * behind it. What follows from an instruction's end follows: RF is cleared, an interrupt
 * shadow from before it ends, and with TF set before it, its #DB comes.
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
 * @cr0: SET_REGS takes only the value that it has
 * @cr2: page-fault address
 * @cr3: page table
 * @cr4: SET_REGS takes only the value that it has
 * @efer: SET_REGS takes only the value that it has
 * @fs_base: base of FS
 * @gs_base: base of GS
 * @cr8: task priority, 0 to 15
 * @cpl: privilege level, 0 to 3; SET_REGS takes only the value that it has
 * @arm64: on arm64, in place of all those
 * @riscv: on RISC-V, the same
 * @raw: room for what comes
 * @reserved: must be zero
 *
 * SET_REGS takes on x86 what the CPU takes when it enters a guest, and nothing else: @rip,
 * @fs_base and @gs_base canonical for the CPU's linear addresses (outside of 64-bit mode @rip
 * has 32 bits), of @rflags those bits changed that a program can change (not VM, VIF, VIP or
 * reserved ones), @cr3 within the CPU's physical addresses, and on VMX only the value that it
 * has while the guest uses PAE outside of long mode. An event whose delivery an exit has
 * interrupted stays on its way: it is delivered first, at @rip as it is set. An interrupt
 * waits again when IF is clear.
 *
 * Errors: EINVAL, EBADFD before AXVCPU_SETUP (the state stays as it is), EBUSY.
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

/* Why AXVCPU_RUN returned. The instruction, where there is one, is done: RIP is behind it. */
#define AXVCPU_EXIT_NOTHING		0	/* for no reason of the guest's: run again */
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
#define AXVCPU_EXIT_SYSTEM_DOWN		13	/* x86: triple fault; it will not run again */
#define AXVCPU_EXIT_FAIL_ENTRY		14	/* the hardware refused the guest's state */
#define AXVCPU_EXIT_SEND_IPI		15
#define AXVCPU_EXIT_CPUID		16

/**
 * struct axvcpu_exit - AXVCPU_RUN: run the guest until it needs the VMM
 * @size: sizeof(struct axvcpu_exit)
 * @flags: must be zero
 * @reason: out: AXVCPU_EXIT_*, which names the member that follows
 * @reserved: must be zero
 * @rip: out: the guest's next instruction
 * @hypercall: @hypercall.nr asks for a service (x86: RAX), with @hypercall.args (RDI, RSI,
 *	RDX, RCX, R8, R9); answered by AXVCPU_SET_RETURN. x86: of the guest's kernel alone;
 *	in its programs, above CPL 0, the instruction raises #UD. RISC-V: an SBI call of the
 *	extension in the low half and the function in the high half, and a0 to a5; the
 *	answer goes to a0, and a1 is zero unless set
 * @mmio_read: a read of @mmio_read.width bytes at a gpa without memory, for register
 *	@mmio_read.reg of @mmio_read.reg_width bytes, with @mmio_read.sign_extend; answered by
 *	AXVCPU_SET_RETURN
 * @mmio_write: a write of @mmio_write.data
 * @sysreg_read: a read of a system register (x86: MSR) into @sysreg_read.reg (x86:
 *	EDX:EAX); answered by AXVCPU_SET_RETURN
 * @sysreg_write: a write of one
 * @io_read: a read of @io_read.width bytes from a port; answered by AXVCPU_SET_RETURN
 * @io_write: a write of one. INS and OUTS, which move strings, do not come out: they
 *	raise #GP in the guest
 * @external_interrupt: a host interrupt came, and was handled
 * @nested_page_fault: an access to a @nested_page_fault.gpa that the space does not allow.
 *	@nested_page_fault.access is AXAS_PROT_*, @nested_page_fault.result AXAS_FAULT_HOLE,
 *	_DENIED or _ERROR, @nested_page_fault.info what the hardware reports: EXITINFO1 on
 *	SVM, the exit qualification on VMX
 * @cpu_up: the guest wants @cpu_up.target to start at @cpu_up.entry with @cpu_up.arg
 * @cpu_down: the guest wants this vCPU to stop
 * @fail_entry: @fail_entry.reason is the hardware's: exit code on SVM, VM-instruction
 *	error or exit reason on VMX; @fail_entry.info is more of it
 * @send_ipi: the guest sends @send_ipi.vector to others. On RISC-V @send_ipi.target is a
 *	mask of harts, the first of which is @send_ipi.target_aux
 * @cpuid: with AXVCPU_SETUP_EXIT_CPUID: the leaf asked for; answered by AXVCPU_SET_GPR
 *	for RAX, RBX, RCX and RDX
 * @raw: room for what comes
 *
 * Nested page faults that the space can handle are handled inside, and so are host
 * interrupts. A signal or AXVCPU_KICK ends it with EINTR: call it again.
 *
 * With a cpu_set the thread is where the vCPU may be until it returns, and has its own mask
 * again then, unless somebody else has set another one meanwhile: that one stays.
 *
 * Errors: EINTR; ENOMEM when there is no frame for a page; EBADFD when it is not FREE (it is
 * INVALID then, but for one that was never set up); EINVAL, also when the thread may be on no
 * CPU where the vCPU may; EBUSY; EIO when the host's CPU failed.
 */
struct axvcpu_exit {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__u32 reserved;
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
		} cpuid;
		__u64 raw[12];
	};
};

#define AXVCPU_RUN		_IO(AXAS_IOC_TYPE, 0x4c)

/**
 * struct axvcpu_inject - AXVCPU_INJECT: an interrupt for the guest
 * @size: sizeof(struct axvcpu_inject)
 * @flags: must be zero
 * @vector: which, 32 to 255
 * @reserved: must be zero
 *
 * It is delivered as soon as the guest takes interrupts, the highest vector first; the
 * same vector twice before that counts once. A vCPU that runs is interrupted for it.
 *
 * Errors: EINVAL, EBADFD before AXVCPU_SETUP.
 */
struct axvcpu_inject {
	__u32 size;
	__u32 flags;
	__u32 vector;
	__u32 reserved;
};

#define AXVCPU_INJECT		_IO(AXAS_IOC_TYPE, 0x4d)

/**
 * struct axvcpu_state - AXVCPU_GET_STATE: what a vCPU is and does
 * @size: sizeof(struct axvcpu_state)
 * @flags: must be zero; out: AXVCPU_CREATE_BSP
 * @state: out: AXVCPU_STATE_*
 * @id: out: its number
 * @preferred_cpu: out: as AXVCPU_CREATE or AXVCPU_SET_AFFINITY
 * @cpu: out: the host CPU that ran it last, or AXVCPU_CPU_ANY
 * @cpu_set: out: as AXVCPU_CREATE or AXVCPU_SET_AFFINITY
 * @entries: out: how often it entered its guest
 * @exits: out: exits by AXVCPU_EXIT_*, those that were handled inside among them;
 *	what it handled without any such reason counts as AXVCPU_EXIT_NOTHING
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
	__u64 exits[AXVCPU_EXIT_CPUID + 1];
};

#define AXVCPU_GET_STATE	_IO(AXAS_IOC_TYPE, 0x4e)

/**
 * struct axvcpu_affinity - AXVCPU_SET_AFFINITY: where a vCPU may run
 * @size: sizeof(struct axvcpu_affinity)
 * @flags: must be zero
 * @preferred_cpu: a host CPU, or AXVCPU_CPU_ANY
 * @reserved: must be zero
 * @cpu_set: host CPUs that may run it: bit n is CPU n; 0: any
 *
 * It holds from the next AXVCPU_RUN on. Errors: EINVAL as AXVCPU_CREATE.
 */
struct axvcpu_affinity {
	__u32 size;
	__u32 flags;
	__u32 preferred_cpu;
	__u32 reserved;
	__u64 cpu_set;
};

#define AXVCPU_SET_AFFINITY	_IO(AXAS_IOC_TYPE, 0x4f)

/**
 * struct axvcpu_return - AXVCPU_SET_RETURN: the answer to the last exit
 * @size: sizeof(struct axvcpu_return)
 * @flags: must be zero
 * @val: goes where the instruction that exited wants it: RAX after a hypercall, as many
 *	bytes of RAX as were asked for after a port read, EDX:EAX after an MSR read, the
 *	register of an MMIO read. After any other exit, RAX.
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
 * The AXVCPU_RUN that is under way answers EINTR, or else the next one does at once, before
 * its guest runs. A kick that meets a run that ends by itself is for the next one, too; many
 * before that count as one. So none is lost, whenever it comes: a signal handler that kicks
 * ends the run that the thread was just about to begin.
 */
struct axvcpu_kick {
	__u32 size;
	__u32 flags;
};

#define AXVCPU_KICK		_IO(AXAS_IOC_TYPE, 0x51)

#endif /* _UAPI_AXAS_VCPU_H */
