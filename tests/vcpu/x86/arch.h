/* SPDX-License-Identifier: GPL-2.0-only */
/* x86: guests run in long mode and end with a write to a port. */
#ifndef AXVCPU_TEST_ARCH_H
#define AXVCPU_TEST_ARCH_H

#define PORT_DONE		0xf4
#define PORT_CONSOLE		0xe9
#define VM_CR3			0x1000ull	/* page tables: identity map of 4 GiB */

#define ARCH_MODE		AXVCPU_MODE_LONG
#define ARCH_STATE		struct axvcpu_x86_state	/* of AXVCPU_SAVE */
#define ARCH_OTHER_FORMAT	AXAS_FORMAT_S2
/* End of the guest's identity map. */
#define ARCH_REACH		(4 * GIB)
/* Exits do not describe the instruction. */
#define ARCH_HOLES_ARE_MMIO	false
#define GUEST_READ_FAULTS	guest(read)
#define GUEST_WRITE_FAULTS	guest(write)

#define ARCH_HALT_SIZE		1	/* of the instruction */
#define ARCH_HYPERCALL		0x77	/* of guest_hypercall */

/* Only the highest pending vector is sure to be taken in that window; others may follow later. */
#define ARCH_TAKEN_AT_ONCE	1
#define ARCH_WAITING_VECTORS	{ 0xf0, 0x40 }
#define ARCH_HOST_VECTOR_MIN	32

#define ARCH_RET		0xc3
/* Zeroes are ADD %AL, (%RAX), and run to the end of the leaf: enter them 16 bytes before it. */
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
/* guests_fpu.S */
GUEST(xcr);
GUEST(xgetbv);
GUEST(no_osxsave);
GUEST(vzeroall);
GUEST(avx);
GUEST(first_upper_half);

/* guests_cpu.S: instructions to step over, and those forbidden at CPL 3. Name NULL ends a list. */
struct step {
	const char *name, *entry, *after;
};

struct forbidden {
	const char *name, *entry;
	u64 vector, cpus;	/* 1 SVM, 2 VMX */
};

extern const struct step guest_steps[];
extern const struct forbidden guest_forbidden[];

/* What guest_kernel records of an exception, from LOG_RECORDS on. */
struct record {
	u64 vector, error, rip, cs, rflags, rsp, dr6, cr2;
};

#define LOG_COUNT	VM_DATA
#define LOG_MASK	(VM_DATA + 8)
#define LOG_RECORDS	(VM_DATA + 64)
#define FLAG_TF		0x100ull

/* A VM with descriptor tables loaded, whose handlers return from the exceptions in @mask. */
struct vm kernel(u64 mask);
struct record record(struct vm *vm, u64 n);
u64 records(struct vm *vm);

bool vm_is_svm(void);
/*
 * Unmap the page of the stack at VM_TEST and inject @vector: the next exit must be the fault of
 * its delivery.
 */
struct axvcpu_exit fault_in_delivery(struct vm *vm, u32 vector);
/* Does CPUID tell guests of AVX? Not on SVM without decode assists. Else skip the test. */
bool guest_has_avx(void);
void need_guest_avx(void);
/* Does /proc/cpuinfo list @flag? */
bool cpu_has(const char *flag);

#endif /* AXVCPU_TEST_ARCH_H */
