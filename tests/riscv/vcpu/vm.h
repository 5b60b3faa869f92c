/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * axvcpu_riscv_test: what its files share. It stands in for ../../vcpu/vm.h: those of that
 * folder's tests that are the same on every architecture are built with it.
 *
 *   ../../vcpu/  main.c, runner.c, test_memory.c, test_parallel.c, test_life.c
 *   ../../arm64/ test_attacks.c
 *   vm.c         machines for them: a space, a vCPU, a guest of guests.S
 *   guests.S     what guests do
 *   test_*.c     the tests that are RISC-V's own
 *
 * A check that fails ends the test's process with a reason.
 */
#ifndef AXVCPU_TEST_H
#define AXVCPU_TEST_H
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
typedef __u16 u16;
typedef __u8 u8;

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define PAGE		4096ull
#define MIB		0x100000ull
#define GIB		0x40000000ull

enum { TEST_OK, TEST_FAILED, TEST_SKIPPED };

struct test {
	const char *name;
	void (*run)(void);
};

struct suite {
	const struct test *tests;
	size_t nr;
};

extern const struct suite suite_exits, suite_registers, suite_memory, suite_matrix,
	suite_parallel, suite_interrupts, suite_paging, suite_life, suite_kvm,
	suite_attacks;
#define RISCV_SUITES	1	/* for main.c */

/* main.c: end the test */
__attribute__((format(printf, 3, 4), noreturn))
void fail_at(const char *file, int line, const char *fmt, ...);
__attribute__((format(printf, 1, 2), noreturn))
void skip(const char *fmt, ...);
/* Something to tell of a test that passes. */
__attribute__((format(printf, 1, 2)))
void note(const char *fmt, ...);
unsigned int kernel_version(void);	/* 6012 is 6.12 */

#define fail(...)	fail_at(__FILE__, __LINE__, __VA_ARGS__)
#define expect(cond)	do { if (!(cond)) fail("not so: %s", #cond); } while (0)
#define expect_eq(a, b)	do {							\
	u64 a_ = (a), b_ = (b);							\
										\
	if (a_ != b_)								\
		fail("%s is %#llx, not %s = %#llx", #a, a_, #b, b_);		\
} while (0)

/* What the shared tests call by x86's names: where a result is, and the guest's end. */
#undef AXVCPU_REG_RAX
#define AXVCPU_REG_RAX		10	/* a0 */
#undef AXVCPU_EXIT_IO_WRITE
#define AXVCPU_EXIT_IO_WRITE	AXVCPU_EXIT_HYPERCALL

/* Every machine has its first MiB: the code of guests.S, a stack, and room. */
#define VM_CODE		0x10000ull
#define VM_DATA		0x40000ull	/* for the test */
#define VM_TABLES	0x50000ull	/* for the guest's page table */
#define VM_STACK	0x90000ull
#define VM_LOW		MIB
#define VM_TEST		GIB		/* from here on nothing is mapped */

struct vm {
	int space;
	int vcpu;
};

extern const char guests_begin[], guests_end[];
extern const char guest_hlt[], guest_hypercall[], guest_sbi[], guest_read[], guest_write[];
extern const char guest_exec[], guest_mmio_loads[], guest_mmio_stores[];
extern const char guest_mmio_compressed[], guest_amo[], guest_csr_read[], guest_csr_write[];
extern const char guest_forbidden[], guest_time[], guest_fill[], guest_check[], guest_spin[];
extern const char guest_stores[], guest_loads[], guest_answer[], guest_interrupts[];
extern const char guest_fpu[], guest_registers[], guest_mmu[], guest_console[];
extern const char guest_paging[], guest_user[], guest_user_code[];
extern const char guest_debug[], guest_craft[], guest_far_vectors[];
extern const char demo_begin[], demo_end[];	/* ../../guests/demo.c, built for RISC-V */
#define guest(name)	(VM_CODE + (u64)(guest_##name - guests_begin))

/* Made or the test fails. The space has the format of the host's CPU. */
int open_space(void);
int open_limited_space(u64 max_frames);
int open_vcpu(int space, u32 id, u32 flags);
int try_vcpu(int space, u32 id, u32 flags);	/* or -errno */
struct vm vm_new(u32 setup_flags);
struct vm vm_on(int space, u32 id, u32 setup_flags);
void vm_free(struct vm *vm);
void low_memory(int space);
int setup(int vcpu, u32 mode, u64 entry, u32 flags);	/* or -errno */

int map_alloc(int space, u64 gpa, u64 len, u32 prot, u32 flags);	/* or -errno */
void map(int space, u64 gpa, u64 len, u32 prot, u32 flags);
void unmap(int space, u64 gpa, u64 len);
int protect(int space, u64 gpa, u64 len, u32 prot);
struct axas_info info(int space);
void map_linear(int space, u64 gpa, u64 len, u64 hpa, u32 prot);
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
void vm_enter(struct vm *vm, u64 entry, u64 a0, u64 a1, u64 a2, u64 a3);
/* The next exit, which must be this one. */
struct axvcpu_exit vm_expect(struct vm *vm, u32 reason);
/* It must be the guest's end; its result. */
u64 vm_done(struct vm *vm);
u64 vm_call(struct vm *vm, u64 entry, u64 a0, u64 a1, u64 a2, u64 a3);

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

const char *exit_name(u32 reason);
u64 now_ms(void);
void sleep_ms(unsigned int ms);
void pin_thread(int cpu);

/* For test_attacks.c, which is arm64's, too. */
#define ATTACK_FORMAT		AXAS_FORMAT_GSTAGE
#define ATTACK_CAPS		(AXAS_CAP_GSTAGE_SVPBMT | AXAS_CAP_GSTAGE_SVADU | \
				 AXAS_CAP_GSTAGE_SVNAPOT)
#define attack_vcpu(space)	try_vcpu(space, 0, 0)
#define attack_vm(space)	vm_on(space, 0, 0)

/* A leaf at any level: V, R, W, X, U, A, D. Priv, "Sv39" */
static inline u64 attack_entry(u64 hpa)
{
	return hpa >> 2 | 0xdf;
}

#endif /* AXVCPU_TEST_H */
