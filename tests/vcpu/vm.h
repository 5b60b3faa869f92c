/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * axvcpu_test: what its files share. It is one program for each architecture.
 *
 *   ../lib/       runs the suites, and has words for what a test expects; how a
 *                 guests.S begins
 *   main.c        runs the architecture's suites
 *   vm.c          machines for the tests: a space, vCPUs, a guest of guests.S
 *   runner.c      a thread that runs a vCPU
 *   test_*.c      the tests that are the same on every architecture, by subject
 *
 * and in the architecture's folder
 *
 *   arch.h, arch.c   what the shared files ask of it, and the list of its suites
 *   guests.S         what guests do
 *   test_*.c         the tests that are its own
 */
#ifndef AXVCPU_TEST_VM_H
#define AXVCPU_TEST_VM_H

#include <libaxas.h>
#include <pthread.h>
#include <stdatomic.h>

#include "harness.h"

/* The shared one of what an architecture may have of its own. */
#define __weak	__attribute__((weak))

#define RW	(AXAS_PROT_READ | AXAS_PROT_WRITE)

/* Every machine has its first MiB: the code of guests.S, a stack, and room. */
#define VM_CODE		0x10000ull
#define VM_DATA		0x40000ull	/* for the test */
#define VM_TABLES	0x50000ull	/* of guest_interrupts or guest_mmu */
#define VM_STACK	0x90000ull
#define VM_LOW		MIB
#define VM_TEST		GIB		/* from here on nothing is mapped */

struct vm {
	int space;
	int vcpu;
};

extern const char guests_begin[], guests_end[];
#define GUEST(name)	extern const char guest_##name[]
#define guest(name)	(VM_CODE + (u64)(guest_##name - guests_begin))

/* Guests that every architecture has: entries of guests.S, each called guest_NAME there. */
GUEST(halt);
GUEST(hypercall);
GUEST(read);
GUEST(write);
GUEST(exec);
GUEST(fill);
GUEST(check);
GUEST(spin);
GUEST(stores);
GUEST(loads);
GUEST(answer);
GUEST(interrupts);
GUEST(fpu);
GUEST(console);
GUEST(paging);

/* demo_image.S: the guest "demo" of ../guests */
extern const char demo_begin[], demo_end[];

#include "arch.h"

/* arch.c: the suites, up to NULL */
extern const struct suite *const arch_suites[];
/* What a guest of @arg's mode has beside entry and stack, and the first MiB beside code. */
void arch_setup(struct axvcpu_setup *arg);
void arch_low_memory(int space);
/* It goes on at @entry with these arguments, and a stack. */
void arch_enter(struct axvcpu_regs *regs, u64 entry, const u64 args[4]);
/* Is this a guest's end? Its result then. */
bool arch_ended(int vcpu, const struct axvcpu_exit *exit, u64 *result);
/* Has the guest printed @c? */
bool arch_printed(const struct axvcpu_exit *exit, char *c);
/* The count of guest_stores and guest_loads. */
u64 arch_count(const struct axvcpu_regs *regs);

extern const struct suite suite_api, suite_attacks, suite_calls, suite_interrupts, suite_life,
	suite_matrix, suite_memory, suite_parallel, suite_programs;

/**
 * struct cell - one access of the matrix, to an area at VM_TEST that is one leaf
 * @vm: whose
 * @kind: how the leaf comes into the table
 * @level: the leaf's
 * @prot: the area's protection
 * @access: AXAS_PROT_READ, _WRITE or _EXEC
 */
struct cell {
	struct vm *vm;
	enum { ABSENT, PRESENT, LINEAR } kind;
	unsigned int level;
	u32 prot;
	u32 access;
};

#define LEAF(level)	(PAGE << (9 * (level)))

/* test_matrix.c: end the test. */
__attribute__((format(printf, 2, 3), noreturn))
void cell_fail(const struct cell *c, const char *fmt, ...);
/* Where the access goes. */
u64 cell_target(const struct cell *c);
/* May it, and is there something? */
bool cell_allowed(const struct cell *c);

/* arch.c: have zeroes run as instructions, from which the guest came out so? */
bool arch_ran_zeroes(const struct cell *c, const struct axvcpu_exit *exit);
/* More that the architecture knows of: before the access, after one that was denied, or done. */
void arch_check_entry(const struct cell *c);
void arch_check_denied(const struct cell *c, const struct axvcpu_exit *exit);
void arch_check_done(const struct cell *c);

/* Made or the test fails. The space has the format of the host's CPU. */
int open_space(void);
int open_limited_space(u64 max_frames);
int open_vcpu(int space, u32 id, u32 flags);
struct vm vm_new(void);
struct vm vm_with(u32 setup_flags);
struct vm vm_on(int space, u32 id);
void vm_free(struct vm *vm);
void low_memory(int space);
int setup(int vcpu, u32 mode, u64 entry, u32 flags);	/* or -errno */

/* Done or the test fails. */
void map(int space, u64 gpa, u64 len, u32 prot, u32 flags);
void map_linear(int space, u64 gpa, u64 len, u64 hpa, u32 prot);
void unmap(int space, u64 gpa, u64 len);
struct axas_info info(int space);
struct axas_format_info host_format(void);
/* A space for a machine that is like @m; or -errno: there is no such machine. */
int try_space_for(const struct axas_format_info *m);
void write_guest(int space, u64 gpa, const void *buf, size_t len);
u64 peek(int space, u64 gpa);
void poke(int space, u64 gpa, u64 val);

struct axvcpu_state vcpu_state(int vcpu);
/* Again on EINTR and NOTHING; 0 or -errno. */
int vcpu_run(int vcpu, struct axvcpu_exit *exit);

/* Let a guest begin at @entry with these arguments. */
void vm_enter(struct vm *vm, u64 entry, u64 arg0, u64 arg1, u64 arg2, u64 arg3);
/* The next exit, which must be this one. */
struct axvcpu_exit vm_expect(struct vm *vm, u32 reason);
/* The next exit must be the guest's end; its result. */
u64 vm_done(struct vm *vm);
u64 vm_call(struct vm *vm, u64 entry, u64 arg0, u64 arg1, u64 arg2, u64 arg3);
/* This exit must be the guest's end; its result. */
u64 expect_end(struct vm *vm, const struct axvcpu_exit *exit);

/* Two vCPUs run @entry, which counts so many rounds in which its registers were its own. */
void expect_own_registers(u64 entry, u64 rounds);

/* What comes of @access by guest_read, guest_write or guest_exec to a hole: AXVCPU_EXIT_*. */
u32 hole_reason(u32 access);
/* This exit must be that of such an access at @gpa. */
void expect_hole_exit(const struct axvcpu_exit *exit, u64 gpa, u32 access);
/* The next exit must be an access to a hole that the VMM carries out. */
struct axvcpu_exit expect_mmio_read(struct vm *vm, u64 gpa, u32 width);
void expect_mmio_write(struct vm *vm, u64 gpa, u32 width, u64 data);
/* The next exit must be a guest's call that starts another vCPU. */
void expect_cpu_up(struct vm *vm, u64 target, u64 entry, u64 arg);

/* Let guest_interrupts begin; interrupt @v is counted at counter(v). */
#define counter(v)	(VM_DATA + 8 * (u64)(v))
void enter_interrupts(struct vm *vm, u64 mode);

/* The words of guest_paging, by their number from 1 on, summed up as it does. */
u64 checksum(u64 words);

/**
 * struct runner - a thread that runs a vCPU until an exit
 * @vm: whose
 * @thread: the thread
 * @cpu: the CPU that it is pinned to, or -1
 * @exit: the exit, when @done
 * @err: what AXVCPU_RUN answered last
 * @returns: how often AXVCPU_RUN has returned
 * @stop: it shall end at the next return
 * @done: it has ended
 */
struct runner {
	struct vm *vm;
	pthread_t thread;
	int cpu;
	struct axvcpu_exit exit;
	int err;
	atomic_int returns;
	atomic_bool stop;
	atomic_bool done;
};

void runner_start(struct runner *r, struct vm *vm, int cpu);
void runner_join(struct runner *r);
void runner_stop(struct runner *r);	/* the guest must not have ended by itself */
u64 wait_change(int space, u64 gpa, u64 from);

void pin_thread(int cpu);
void need_two_cpus(void);	/* or the test is skipped */

#endif /* AXVCPU_TEST_VM_H */
