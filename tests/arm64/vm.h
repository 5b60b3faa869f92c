/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * axvcpu_arm64_test: what its files share.
 *
 *   main.c       runs the tests, each in a process of its own
 *   vm.c         machines for them: a space, a vCPU, a guest of guests.S
 *   guest.h, start.S, images.S   guests of ../guests
 *   runner.c     a thread that runs a vCPU
 *   guests.S     what guests do
 *   test_*.c     the tests, by subject
 *
 * A check that fails ends the test's process with a reason.
 */
#ifndef ARM64_VM_H
#define ARM64_VM_H

#include <axas/axas.h>
#include <axas/vcpu.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guests.h"

typedef __u64 u64;
typedef __u32 u32;
typedef __u8 u8;

#define BIT_ULL(n)	(1ull << (n))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define PAGE		4096ull
#define MIB		(1024ull * 1024)
#define GIB		(1024 * MIB)

enum { TEST_OK, TEST_FAILED, TEST_SKIPPED };

struct test {
	const char *name;
	void (*run)(void);
};

struct suite {
	const struct test *tests;
	size_t nr;
};

extern const struct suite suite_refused, suite_exits, suite_exceptions, suite_registers,
	suite_memory, suite_matrix, suite_parallel, suite_vmids, suite_debug,
	suite_interrupts, suite_attacks, suite_life, suite_demo;

/* main.c: end the test, or something to tell of one that passes */
__attribute__((format(printf, 3, 4), noreturn))
void fail_at(const char *file, int line, const char *fmt, ...);
__attribute__((format(printf, 1, 2), noreturn))
void skip(const char *fmt, ...);
__attribute__((format(printf, 1, 2)))
void note(const char *fmt, ...);

#define fail(...)	fail_at(__FILE__, __LINE__, __VA_ARGS__)
#define expect(cond)	do { if (!(cond)) fail("not so: %s", #cond); } while (0)
#define expect_eq(a, b)	do {							\
	u64 a_ = (a), b_ = (b);							\
										\
	if (a_ != b_)								\
		fail("%s is %#llx, not %s = %#llx", #a, a_, #b, b_);		\
} while (0)

/* Every machine has its first MiB: the code of guests.S, a stack, and room. */
#define VM_CODE		0x10000ull
#define VM_DATA		0x40000ull	/* for the test */
#define VM_STACK	0x90000ull
#define VM_LOW		MIB
#define VM_TEST		GIB		/* from here on nothing is mapped */

struct vm {
	int space;
	int vcpu;
};

extern const char guests_begin[], guests_end[];
#define GUEST(name)	extern const char guest_##name[]
GUEST(wfi);
GUEST(hypercall);
GUEST(smc);
GUEST(psci);
GUEST(read);
GUEST(reach);
GUEST(write);
GUEST(exec);
GUEST(loads_mmio);
GUEST(stores_mmio);
GUEST(pair);
GUEST(sysreg_read);
GUEST(sysreg_write);
GUEST(id);
GUEST(missing);
GUEST(become);
GUEST(udf);
GUEST(cntd);
GUEST(hidden);
GUEST(hidden_id);
GUEST(hidden_end);
GUEST(tpidr2);
GUEST(impdef);
GUEST(svc);
GUEST(at_el0);
GUEST(emulated);
GUEST(a32_spin);
GUEST(a32_mrc);
GUEST(a32_mrcne);
GUEST(shoot);
GUEST(shot);
GUEST(undefined);
GUEST(fill);
GUEST(check);
GUEST(spin);
GUEST(stores);
GUEST(loads);
GUEST(answer);
GUEST(interrupts);
GUEST(far_vectors);
GUEST(craft);
GUEST(fpu);
GUEST(registers);
GUEST(mmu);
GUEST(console);
GUEST(paging);
#define guest(name)	(VM_CODE + (u64)(guest_##name - guests_begin))

/* ../guests/demo.c as it is in a guest, and as a part of this program, which it calls */
extern const char image_demo[], image_demo_end[];
u32 demo_main(unsigned long mem, unsigned long bytes);
void outb(unsigned short port, u8 val);

/* Made or the test fails. */
int open_space(void);
int open_limited_space(u64 max_frames);
int open_vcpu(int space, u32 id);
int try_vcpu(int space, u32 id);	/* or -errno */
int setup(int vcpu, u32 mode, u64 entry, u32 flags);	/* or -errno */
int vcpu_setup(int vcpu, struct axvcpu_setup *arg);	/* or -errno */
struct vm vm_new(void);
struct vm vm_with(u32 setup_flags);
struct vm vm_on(int space, u32 id);
void vm_free(struct vm *vm);
void low_memory(int space);

int map_alloc(int space, u64 gpa, u64 len, u32 prot, u32 flags);	/* or -errno */
void map(int space, u64 gpa, u64 len, u32 prot, u32 flags);
void map_linear(int space, u64 gpa, u64 len, u64 hpa, u32 prot);
void unmap(int space, u64 gpa, u64 len);
int protect(int space, u64 gpa, u64 len, u32 prot);
struct axas_info info(int space);
u64 peek(int space, u64 gpa);
void poke(int space, u64 gpa, u64 val);

/* The vCPU's ioctls: 0 or -errno */
int vcpu_run(int vcpu, struct axvcpu_exit *exit);	/* again on EINTR and NOTHING */
int vcpu_run_once(int vcpu, struct axvcpu_exit *exit);
int vcpu_inject(int vcpu, u32 vector);
int vcpu_return(int vcpu, u64 val);
int vcpu_set_gpr(int vcpu, u32 reg, u64 val);
int vcpu_get_regs(int vcpu, struct axvcpu_regs *regs);
int vcpu_set_regs(int vcpu, struct axvcpu_regs *regs);
struct axvcpu_state vcpu_state(int vcpu);
int vcpu_affinity(int vcpu, u32 preferred, u64 set);

/* Let a guest begin at @entry with these arguments. */
void vm_enter(struct vm *vm, u64 entry, u64 x0, u64 x1, u64 x2, u64 x3);
/* The next exit, which must be this one. */
struct axvcpu_exit vm_expect(struct vm *vm, u32 reason);
/* It must be the guest's end; its result. */
u64 vm_done(struct vm *vm);
u64 vm_call(struct vm *vm, u64 entry, u64 x0, u64 x1, u64 x2, u64 x3);

/* A thread that runs a vCPU until it exits, or is stopped. */
struct runner {
	struct vm *vm;
	int cpu;			/* -1: any */
	pthread_t thread;
	atomic_bool stop;
	atomic_bool done;
	int err;
	struct axvcpu_exit exit;
};

void runner_start(struct runner *r, struct vm *vm, int cpu);
void runner_join(struct runner *r);
void runner_stop(struct runner *r);
u64 wait_change(int space, u64 gpa, u64 from);

const char *exit_name(u32 reason);
u64 now_ms(void);
void sleep_ms(unsigned int ms);
void pin_thread(int cpu);

/* For test_attacks.c, which is RISC-V's, too. */
#define ATTACK_FORMAT		AXAS_FORMAT_S2
#define ATTACK_CAPS		(AXAS_CAP_S2_FWB | AXAS_CAP_S2_XNX | AXAS_CAP_S2_DBM)
#define attack_vcpu(space)	try_vcpu(space, 0)
#define attack_vm(space)	vm_on(space, 0)

/* A page, block or table at any level, of normal memory, for all. Arm D8.3 */
static inline u64 attack_entry(u64 hpa)
{
	return hpa | 0x7ff;
}

#endif /* ARM64_VM_H */
