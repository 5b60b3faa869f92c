/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * axvcpu_test: what its files share.
 *
 *   main.c       runs the tests, each in a process of its own
 *   vm.c         machines for them: a space, a vCPU, a guest of guests.S
 *   runner.c     a thread that runs a vCPU
 *   guests.S     what guests do, with guests_cpu.S
 *   test_*.c     the tests, by subject
 *
 * A check that fails ends the test's process with a reason.
 */
#ifndef AXVCPU_TEST_H
#define AXVCPU_TEST_H

#include <axas/axas.h>
#include <axas/vcpu.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef __u64 u64;
typedef __u32 u32;
typedef __u16 u16;
typedef __u8 u8;

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define PAGE		4096ull
#define MIB		(1024 * 1024ull)
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

extern const struct suite suite_exits, suite_memory, suite_matrix, suite_parallel,
	suite_interrupts, suite_api, suite_life, suite_host, suite_cpu, suite_attack;

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

/*
 * Every machine has its first MiB: a page table that maps 4 GiB to themselves, the code
 * of guests.S, a stack, and room.
 */
#define VM_CR3		0x1000ull
#define VM_CODE		0x10000ull
#define VM_DATA		0x40000ull	/* for the test */
#define VM_TABLES	0x50000ull	/* GDT and IDT of guest_interrupts */
#define VM_STACK	0x90000ull
#define VM_LOW		MIB
#define VM_TEST		GIB		/* from here on nothing is mapped */
#define PORT_DONE	0xf4

struct vm {
	int space;
	int vcpu;
};

extern const char guests_begin[], guests_end[];
/* guests.S: the entries, each called guest_NAME there. */
extern const char guest_hlt[], guest_out[], guest_in[], guest_ins[], guest_outs[],
	guest_rdtscp[], guest_rdpid[], guest_cpuid[],
	guest_rdmsr[], guest_wrmsr[], guest_hypercall[], guest_read[], guest_write[],
	guest_copy[], guest_exec[], guest_fill[], guest_check[], guest_spin[],
	guest_stores[], guest_loads[], guest_answer[], guest_interrupts[], guest_fpu[],
	guest_debug[], guest_triple[], guest_nested_vmrun[], guest_xsetbv[], guest_real[],
	guest_dr0_stays[], guest_read_dr[];
/* guests_cpu.S */
extern const char guest_kernel[], guest_user[], guest_user_out[], guest_step_ss[],
	guest_stepped_ss[], guest_int1[], guest_after_int1[], guest_ss_int1[],
	guest_after_ss_int1[], guest_user_sti[], guest_after_sti[], guest_sti_hlt[],
	guest_out_cli[], guest_cr8[], guest_flags[], guest_watched_stack[], guest_alignment[];
#define guest(name)	(VM_CODE + (u64)(guest_##name - guests_begin))

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
int vcpu_kick(int vcpu);
int vcpu_return(int vcpu, u64 val);
int vcpu_set_gpr(int vcpu, u32 reg, u64 val);
int vcpu_get_regs(int vcpu, struct axvcpu_regs *regs);
int vcpu_set_regs(int vcpu, struct axvcpu_regs *regs);
struct axvcpu_state vcpu_state(int vcpu);
int vcpu_affinity(int vcpu, u32 preferred, u64 set);

/* Let a guest begin at @entry with these arguments. */
void vm_enter(struct vm *vm, u64 entry, u64 rdi, u64 rsi, u64 rdx, u64 rcx);
/* The next exit, which must be this one. */
struct axvcpu_exit vm_expect(struct vm *vm, u32 reason);
/* It must be the guest's end; RAX. */
u64 vm_done(struct vm *vm);
u64 vm_call(struct vm *vm, u64 entry, u64 rdi, u64 rsi, u64 rdx, u64 rcx);

/* Memory that the kernel leaves alone: memmap=SIZE$HPA, of this size and alignment. */
struct window {
	u64 hpa;
	u64 size;
};

bool find_window(u64 size, struct window *w);
bool vm_is_svm(void);
/* A flag of /proc/cpuinfo. */
bool cpu_has(const char *flag);
/* Of what the hardware reports of a nested page fault, the bits that the oracle knows. */
u64 vm_known_info(u64 info);

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

#endif /* AXVCPU_TEST_H */
