/* SPDX-License-Identifier: GPL-2.0-only */
/* What is x86's own: guests in long mode that end with a write to a port. */
#ifndef AXVCPU_TEST_ARCH_H
#define AXVCPU_TEST_ARCH_H

#define PORT_DONE		0xf4
#define PORT_CONSOLE		0xe9
#define VM_CR3			0x1000ull	/* page tables that map 4 GiB to themselves */

#define ARCH_MODE		AXVCPU_MODE_LONG
#define ARCH_OTHER_FORMAT	AXAS_FORMAT_S2
/* How far guests reach: they have page tables. */
#define ARCH_REACH		(4 * GIB)
/* Exits do not say what the instruction was. */
#define ARCH_HOLES_ARE_MMIO	false
#define GUEST_READ_FAULTS	guest(read)
#define GUEST_WRITE_FAULTS	guest(write)

#define ARCH_HALT_SIZE		1	/* of the instruction */
#define ARCH_HYPERCALL		0x77	/* of guest_hypercall */

/* The highest vector that waits is taken in the one moment; others behind it, or later. */
#define ARCH_TAKEN_AT_ONCE	1
#define ARCH_WAITING_VECTORS	{ 0xf0, 0x40 }
#define ARCH_HOST_VECTOR_MIN	32

#define ARCH_RET		0xc3
/* Zeroes are ADD %AL, (%RAX), and so run on to the end: enter them just before it. */
#define ARCH_ZEROES(begin, end)	((void)(begin), (end) - 16)

GUEST(out);
GUEST(in);
GUEST(ins);
GUEST(outs);
GUEST(rdtscp);
GUEST(rdpid);
GUEST(cpuid);
GUEST(rdmsr);
GUEST(wrmsr);
GUEST(copy);
GUEST(debug);
GUEST(triple);
GUEST(nested_vmrun);
GUEST(xsetbv);
GUEST(real);
GUEST(dr0_stays);
GUEST(read_dr);
/* guests_cpu.S */
GUEST(kernel);
GUEST(user);
GUEST(user_out);
GUEST(step_ss);
GUEST(stepped_ss);
GUEST(int1);
GUEST(after_int1);
GUEST(ss_int1);
GUEST(after_ss_int1);
GUEST(user_sti);
GUEST(after_sti);
GUEST(sti_hlt);
GUEST(out_cli);
GUEST(cr8);
GUEST(flags);
GUEST(watched_stack);
GUEST(alignment);

/* guests_cpu.S: code that is stepped over, and what programs may not do. By name, up to NULL. */
struct step {
	const char *name, *entry, *after;
};

struct forbidden {
	const char *name, *entry;
	u64 vector, cpus;	/* 1 SVM, 2 VMX */
};

extern const struct step guest_steps[];
extern const struct forbidden guest_forbidden[];

bool vm_is_svm(void);
/*
 * The next exit must be that of @vector's delivery: from VM_TEST, where the stack is, the page
 * goes before.
 */
struct axvcpu_exit fault_in_delivery(struct vm *vm, u32 vector);
/* A flag of /proc/cpuinfo. */
bool cpu_has(const char *flag);

#endif /* AXVCPU_TEST_ARCH_H */
