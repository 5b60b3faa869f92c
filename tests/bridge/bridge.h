/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * axas_bridge_test: declarations shared by its files.
 *
 *   ../lib/         the harness and the expect macros
 *   main.c          list of suites; runs them for each kind of memory
 *   memory.c        a space with memory, and its mapping; the disk
 *   kvm.c           a small VMM on /dev/kvm, whose guest's memory is that mapping
 *   guests.S        the guest routines
 *   vhost.c         a vhost-user-blk front end; tests use vhost.h
 *   test_kvm.c      what a guest sees, and that it runs
 *   test_rounds.c   removals under a running guest
 *   test_device.c   the kernel's ways to transfer to and from a mapping
 *   test_fork.c     images of a guest's memory, and guests on their clones
 *   test_vhost.c    a device back end in another process
 *
 * Functions without an error result fail the test on error.
 */
#ifndef AXAS_BRIDGE_TEST_H
#define AXAS_BRIDGE_TEST_H

#include <libaxas.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/types.h>

#include "harness.h"

#define RWX		AXAS_PROT_MASK
#define RO		AXAS_PROT_READ
#define WORDS		(PAGE / sizeof(u64))

/* Kinds of memory: 4 KiB or whole 2 MiB frames; mappings that can be pinned for long. */
struct kind {
	const char *name;
	u32 map_flags;
	u32 create_flags;
	u64 unit;	/* bytes of a frame */
};

extern const struct kind *kind;
extern const struct suite suite_kvm, suite_fork, suite_rounds, suite_device, suite_vhost;

/* memory.c */

/*
 * May a writable mapping read memory that forbids writing? A pinnable page is writable as soon as
 * it is mapped.
 */
bool reads_what_is_read_only(void);

/**
 * struct memory - memory of a space, from guest-physical address 0 on, and its mapping
 * @fd: the space
 * @bytes: its size
 * @at: the mapping, aligned to 2 MiB
 */
struct memory {
	int fd;
	u64 bytes;
	volatile u64 *at;
};

struct memory new_memory(u64 bytes);	/* of the kind under test */
struct memory clone_of(int image, u64 bytes);	/* of the same kind */
volatile u64 *map_again(const struct memory *m, int prot);
volatile u64 *word(const struct memory *m, u64 gpa);	/* in the mapping */
u64 read_word(const struct memory *m, u64 gpa);		/* by pread() */
void write_word(const struct memory *m, u64 gpa, u64 val);
int discard(const struct memory *m, u64 gpa, u64 length);	/* 0 or -errno */
u64 frames_of(const struct memory *m);
u64 faults_of(const struct memory *m);		/* that gave or found a leaf */
unsigned int rounds(void);			/* AXAS_ROUNDS */

#define DISK		"/dev/ram0"
#define DISK_BYTES	(16 * MIB)

int open_disk(void);			/* O_RDWR | O_DIRECT */
void *buffer(u64 bytes);		/* anonymous, page aligned */
void fill_pattern(volatile u64 *to, u64 bytes, u64 seed);
bool has_pattern(const volatile u64 *from, u64 bytes, u64 seed);

/* kvm.c */
#define TEST_GPA	(4 * GIB)	/* where the guest has the memory under test */
#define LOW_BYTES	MIB
#define LOW_CONTROL	0x80000ull

/**
 * struct control - what a guest routine and the test tell each other; at LOW_CONTROL
 * @stop: ends the routine
 * @gone: no value from 1 to this may be read any more
 * @seen: the last value read or written by the guest
 * @count: rounds of the routine's loop
 * @bad: number of wrong values
 */
struct control {
	u64 stop;
	u64 gone;
	u64 seen;
	u64 count;
	u64 bad;
};

/**
 * struct vm - a guest with one vCPU
 * @fd: of KVM, as @vcpu
 * @run: the vCPU's shared page
 * @low: its first MiB: page table, code
 * @control: in @low
 * @faulted: posted when KVM_RUN ends with EFAULT
 * @resume: waited for then
 * @thread: of vm_start() and vm_go_on()
 */
struct vm {
	int fd;
	int vcpu;
	struct kvm_run *run;
	u8 *low;
	volatile struct control *control;
	sem_t faulted;
	sem_t resume;
	pthread_t thread;
};

extern const char guests_begin[], guests_end[];
extern const char guest_load[], guest_store[], guest_fill[], guest_sum[], guest_touch[],
	guest_watch[], guest_count[], guest_write[];

void vm_make(struct vm *vm, const struct memory *m);
/* The memory becomes @at, of @bytes. */
void vm_slot(struct vm *vm, volatile void *at, u64 bytes);
/* Run a guest routine until it is done: 0, or -EFAULT. @rax may be NULL. */
int vm_call(struct vm *vm, const char *code, u64 rdi, u64 rsi, u64 rdx, u64 *rax);
u64 guest_word(struct vm *vm, u64 gpa);
void guest_set(struct vm *vm, u64 gpa, u64 val);
/* Sum of all words of a range of the memory, as the guest reads it. */
u64 guest_sum_of(struct vm *vm, u64 gpa, u64 bytes);
u64 sum_of(const volatile u64 *from, u64 bytes);

/* A thread that runs @code on the word at @gpa until control->stop. */
void vm_start(struct vm *vm, const char *code, u64 gpa);
void vm_stop(struct vm *vm);
/* It stops anywhere; goes on; another one is as the one that has stopped, on memory @m. */
void vm_pause(struct vm *vm);
void vm_go_on(struct vm *vm);
void vm_copy(struct vm *vm, const struct vm *from, const struct memory *m);
void vm_expect_fault(struct vm *vm);	/* the guest's next access does not succeed */
void vm_resume(struct vm *vm);

#endif /* AXAS_BRIDGE_TEST_H */
