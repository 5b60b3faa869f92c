/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * axvcpu_test: declarations shared by its files. One program is built per architecture.
 *
 *   ../lib/       the harness, the expect macros, the start of a guests.S
 *   main.c        runs the architecture's suites
 *   vm.c          VMs for the tests: a space, vCPUs, a guest of guests.S
 *   runner.c      a thread that runs a vCPU
 *   test_*.c      tests shared by all architectures, by subject
 *
 * and in the architecture's folder
 *
 *   arch.h, arch.c   hooks of the shared files, and the list of suites
 *   guests.S         the guest routines
 *   test_*.c         tests of this architecture only
 */
#ifndef AXVCPU_TEST_VM_H
#define AXVCPU_TEST_VM_H

#include <libaxas.h>
#include <pthread.h>
#include <stdatomic.h>

#include "harness.h"

/* Default of a hook that an architecture may override. */
#define __weak	__attribute__((weak))

#define RW	(AXAS_PROT_READ | AXAS_PROT_WRITE)

/* Every VM has its first MiB mapped: the code of guests.S, a stack, and data. */
#define VM_CODE		0x10000ull
#define VM_DATA		0x40000ull	/* for the test */
#define VM_TABLES	0x50000ull	/* of guest_interrupts or guest_mmu */
#define VM_STACK	0x90000ull
#define VM_LOW		MIB
#define VM_TEST		GIB		/* nothing is mapped from here on */

struct vm {
	int space;
	int vcpu;
};

extern const char guests_begin[], guests_end[];
#define GUEST(name)	extern const char guest_##name[]
#define guest(name)	(VM_CODE + (u64)(guest_##name - guests_begin))

/* Guest routines that every architecture has: guest_NAME in guests.S. */
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

/* arch.c: the suites, NULL-terminated */
extern const struct suite *const arch_suites[];
/* Set the rest of @arg for its mode (entry and stack are set), and of the first MiB of a space. */
void arch_setup(struct axvcpu_setup *arg);
void arch_low_memory(int space);
/* Set the registers to enter @entry with @args and a stack. */
void arch_enter(struct axvcpu_regs *regs, u64 entry, const u64 args[4]);
/* Is @exit the guest's end? If so, store its @result. */
bool arch_ended(int vcpu, const struct axvcpu_exit *exit, u64 *result);
/* Is @exit console output? If so, store the character. */
bool arch_printed(const struct axvcpu_exit *exit, char *c);
/* The count of guest_stores and guest_loads. */
u64 arch_count(const struct axvcpu_regs *regs);

extern const struct suite suite_api, suite_attacks, suite_calls, suite_failnth, suite_fire,
	suite_interrupts, suite_life,
	suite_log, suite_matrix, suite_memory, suite_parallel, suite_programs;

/**
 * struct cell - one access of the matrix, to an area at VM_TEST that is one leaf
 * @vm: the VM
 * @kind: how the leaf is installed
 * @level: level of the leaf
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

/* test_matrix.c: fail the test, naming the cell. */
__attribute__((format(printf, 2, 3), noreturn))
void cell_fail(const struct cell *c, const char *fmt, ...);
/* Guest-physical address of the access. */
u64 cell_target(const struct cell *c);
/* Is the access allowed, with the leaf present before it? */
bool cell_allowed(const struct cell *c);

/* arch.c: is @exit the result of executing a page of zeroes? */
bool arch_ran_zeroes(const struct cell *c, const struct axvcpu_exit *exit);
/* Further checks of the architecture: before the access, after a denied one, after a done one. */
void arch_check_entry(const struct cell *c);
void arch_check_denied(const struct cell *c, const struct axvcpu_exit *exit);
void arch_check_done(const struct cell *c);

/* These fail the test on error. The space has the format of the host's CPU. */
int open_space(void);
int open_limited_space(u64 max_frames);
int open_vcpu(int space, u32 id, u32 flags);
struct vm vm_new(void);
struct vm vm_with(u32 setup_flags);
struct vm vm_on(int space, u32 id);
void vm_free(struct vm *vm);
void low_memory(int space);
int setup(int vcpu, u32 mode, u64 entry, u32 flags);	/* or -errno */

/* These fail the test on error. */
void map(int space, u64 gpa, u64 len, u32 prot, u32 flags);
void map_linear(int space, u64 gpa, u64 len, u64 hpa, u32 prot);
void unmap(int space, u64 gpa, u64 len);
struct axas_info info(int space);
struct axas_format_info host_format(void);
/* Open a space for machine @m; -errno if axas does not accept such a machine. */
int try_space_for(const struct axas_format_info *m);
void write_guest(int space, u64 gpa, const void *buf, size_t len);
u64 peek(int space, u64 gpa);
void poke(int space, u64 gpa, u64 val);

struct axvcpu_state vcpu_state(int vcpu);
/* Run, repeating on EINTR and AXVCPU_EXIT_NOTHING; 0 or -errno. */
int vcpu_run(int vcpu, struct axvcpu_exit *exit);

/* Set the guest's registers to enter @entry with these arguments. */
void vm_enter(struct vm *vm, u64 entry, u64 arg0, u64 arg1, u64 arg2, u64 arg3);
/* Run to the next exit, which must have @reason. */
struct axvcpu_exit vm_expect(struct vm *vm, u32 reason);
/* Run to the next exit, which must be the guest's end; return the result. */
u64 vm_done(struct vm *vm);
u64 vm_call(struct vm *vm, u64 entry, u64 arg0, u64 arg1, u64 arg2, u64 arg3);
/* @exit must be the guest's end; return the result. */
u64 expect_end(struct vm *vm, const struct axvcpu_exit *exit);

/* Run @entry on two vCPUs: it counts the rounds in which its registers kept their values. */
void expect_own_registers(u64 entry, u64 rounds);

/* AXVCPU_EXIT_* of an @access to a hole by guest_read, guest_write or guest_exec. */
u32 hole_reason(u32 access);
/* @exit must be that of such an access at @gpa. */
void expect_hole_exit(const struct axvcpu_exit *exit, u64 gpa, u32 access);
/* Run to the next exit, which must be this MMIO access. */
struct axvcpu_exit expect_mmio_read(struct vm *vm, u64 gpa, u32 width);
void expect_mmio_write(struct vm *vm, u64 gpa, u32 width, u64 data);
/* Run to the next exit, which must be a request to start vCPU @target. */
void expect_cpu_up(struct vm *vm, u64 target, u64 entry, u64 arg);

/* Enter guest_interrupts, which counts interrupt v at counter(v). */
#define counter(v)	(VM_DATA + 8 * (u64)(v))
void enter_interrupts(struct vm *vm, u64 mode);

/* The checksum of guest_paging over its words, numbered from 1. */
u64 checksum(u64 words);

/**
 * struct runner - a thread that runs a vCPU until an exit
 * @vm: the VM
 * @thread: the thread
 * @cpu: CPU to which the thread is pinned, or -1
 * @exit: the exit, valid after @done
 * @err: last result of AXVCPU_RUN
 * @returns: number of returns from AXVCPU_RUN
 * @stop: end at the next return
 * @done: the thread has ended
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
void runner_stop(struct runner *r);	/* fails if the guest ended by itself */

/*
 * The error of a call beside a run of the guest that @enter enters. A run may end at any time, as
 * its thread has work before user space, and the call is no longer beside it: then the guest is
 * entered again.
 */
int beside_run(struct vm *vm, void (*enter)(struct vm *vm), int (*call)(struct vm *vm));

/* Whether the guest came to its end, and not only a signal or a kick to the vCPU. */
static inline bool runner_ended(const struct runner *r)
{
	return !r->err && r->exit.reason != AXVCPU_EXIT_NOTHING;
}

/* save.c */

/* A guest that counts @rounds in registers; @move is called wherever a kick finds it. */
void save_count_and_move(struct vm *vm, u64 entry, u64 rounds, void (*move)(struct vm *vm));

/**
 * struct random_states - states with random bytes
 * @good: room for a state
 * @bad: room for another
 * @size: its bytes
 * @used: those of them that may be changed
 * @rounds: states to try, of which at least a tenth is expected to be accepted
 * @mode: AXVCPU_MODE_* to set a vCPU up after one
 */
struct random_states {
	void *good;
	void *bad;
	u64 size;
	u64 used;
	int rounds;
	u32 mode;
};

/* They are refused, or the guest ends as it may; the host and a new vCPU go on. */
void save_random_states(const struct random_states *s);

u64 wait_change(int space, u64 gpa, u64 from);

void pin_thread(int cpu);

/* Let the calling thread run on all CPUs: not on the first one, it may have begun. */
void use_all_cpus(void);
void need_two_cpus(void);	/* else skip the test */

#endif /* AXVCPU_TEST_VM_H */
