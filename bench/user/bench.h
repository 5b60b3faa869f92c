/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * axas_bench: declarations shared by its files.
 *
 *   main.c       groups of measurements
 *   machine.c    the first MiB of a machine and running a routine, common to axvcpu and KVM
 *   axas.c       a machine on axas and axvcpu
 *   kvm.c        a machine on /dev/kvm, with anonymous or other memory, or that of a space
 *   faults.c     exits, faults, populate, unmap on either
 *   paths.c      reads and writes of guest memory by its VMM
 *   mappings.c   faults of the VMM on mapped guest memory
 *   supply.c     missing pages, and userfaultfd()
 *   spaces.c     costs of a space seen through its descriptor, page by page
 *   parallel.c   faults on several CPUs at once
 *   log.c        the dirty log
 *   image.c      freeze, clone, reset, copy on write
 *   disturb.c    effects of operations on other CPUs and on guests of other spaces
 *   profile.c    operations between marks, for scripts/bench-profile.sh
 *   guests.S     the guest routines
 *   rows.c       the clock, samples and their report
 *
 * A call that fails ends the program.
 */
#ifndef AXAS_BENCH_H
#define AXAS_BENCH_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

typedef __u64 u64;
typedef __u32 u32;
typedef __u8 u8;

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define PAGE		4096ull
#define MIB		(1024 * 1024ull)
#define GIB		(1024 * MIB)

#define SAMPLES		64

/**
 * struct bench - samples of one operation
 * @name: name of the row
 * @cost: total cost of the clean samples
 * @ops: number of operations in them
 * @nr: number of clean samples
 * @dirty: number of samples dropped because a tick or another thread interrupted them
 * @start: start time of the current sample
 * @tick: the coarse clock at @start, which each tick advances
 * @switches: context switches of this thread at @start
 * @sleeps: the operation waits for other threads, whose cost is included
 */
struct bench {
	char name[64];
	u64 cost;
	u64 ops;
	unsigned int nr;
	unsigned int dirty;
	u64 start;
	struct timespec tick;
	long switches;
	bool sleeps;
};

/* Report the unit of the clock, and take the cost of an empty sample off all later ones. */
void bench_calibrate(void);
struct bench bench_new(const char *prefix, const char *name);
void bench_begin(struct bench *b);
/* Get the cost since bench_begin(); false if a tick interrupted the sample. */
bool bench_stop(struct bench *b, u64 *cost);
void bench_add(struct bench *b, bool clean, u64 cost, u64 ops);
void bench_end(struct bench *b, u64 ops);
bool bench_more(const struct bench *b, unsigned int samples);
void bench_report(const struct bench *b);
void bench_figure(const char *prefix, const char *name, double value);

__attribute__((format(printf, 1, 2), noreturn))
void fail(const char *fmt, ...);

/* Return @ret, or end the program if it is -errno. */
int must(int ret, const char *what);

/*
 * The first MiB of each machine: a page table with an identity map of 512 GiB in 1 GiB leaves,
 * the code of guests.S, a stack.
 */
#define LOW_CR3		0x1000ull
#define LOW_CODE	0x10000ull
#define LOW_STACK	0x90000ull
#define LOW_BYTES	MIB
#define TEST_GPA	(4 * GIB)	/* memory that guests touch */
#define PORT_DONE	0xf4

extern const char guests_begin[], guests_end[];
extern const char guest_touch[], guest_look[], guest_ports[], guest_cpuid[], guest_invd[],
	guest_refused[], guest_spin[];
#define guest(name)	(LOW_CODE + (u64)(guest_##name - guests_begin))

/* Initialize the first MiB, which is at @to. */
void low_memory(void *to);

/*
 * Memory of KVM's guests: anonymous and untouched; anonymous with its frames present, so that a
 * fault only fills KVM's table; a memfd (for 2 MiB on hugetlbfs); a private mapping of a memfd that
 * has all its pages; a guest_memfd, which has no
 * 2 MiB leaves yet, untouched or with its frames present.
 */
enum kvm_memory {
	KVM_ANONYMOUS, KVM_PRESENT, KVM_FILE, KVM_PRIVATE, KVM_GMEM, KVM_GMEM_PRESENT
};

void kvm_choose_memory(enum kvm_memory kind);
/* Mappings of spaces that are made from now on can be pinned, or not. */
void bridge_choose_pinnable(bool pinnable);
/* Does this kernel have a guest_memfd that a VMM can mmap(), for VMs of any type? */
bool kvm_has_gmem(void);

#define MAX_VCPUS	8

/**
 * struct machine - a guest, with its space or VM and its vCPUs
 * @ops: operations of its kind
 * @fd: descriptor of the space or the VM
 * @vcpu: descriptors of the vCPUs
 * @run: KVM: the struct kvm_run of each vCPU
 * @mem: KVM: address in this process of the memory at TEST_GPA
 * @bytes: size of the memory at TEST_GPA
 */
struct machine {
	const struct machine_ops *ops;
	int fd;
	int vcpu[MAX_VCPUS];
	void *run[MAX_VCPUS];
	void *low;
	void *mem;
	u64 bytes;
};

enum change { UNMAP, READ_ONLY, WRITABLE, COLLAPSE };
enum log { LOG_START, LOG_PASS, LOG_PASS_EXTENTS, LOG_STOP };

/**
 * struct machine_ops - a kind of machine
 * @name: prefix of its rows
 * @make: create a machine with its first MiB
 * @end: destroy it
 * @add_vcpu: create vCPU @nr
 * @map: map @bytes of untouched memory at TEST_GPA, in 2 MiB leaves if @huge
 * @unmap: undo @map
 * @forget: free the frames; the range stays mapped, or is mapped again
 * @discard: free the frames, so that the next touch finds zeroes; NULL: @forget does that
 * @protect: make the memory read-only, or writable again
 * @enter: set the registers of vCPU @nr to enter @entry with these arguments
 * @run: run vCPU @nr until it is done
 * @create: create and destroy an empty machine
 * @populate: populate all memory; false if this is not supported
 * @change: unmap, make read-only, make writable or collapse a part of the memory
 * @add: map the @nr th separate page after all other memory
 * @log: start or stop the dirty log of the memory, or get and clear all of it
 * @exits: number of exits of vCPU 0 of a machine in another process
 */
struct machine_ops {
	const char *name;
	void (*make)(struct machine *m);
	void (*end)(struct machine *m);
	void (*add_vcpu)(struct machine *m, unsigned int nr);
	void (*map)(struct machine *m, u64 bytes, bool huge);
	void (*unmap)(struct machine *m);
	void (*forget)(struct machine *m);
	void (*discard)(struct machine *m);
	void (*protect)(struct machine *m, bool writable);
	void (*enter)(struct machine *m, unsigned int nr, u64 entry, u64 rdi, u64 rsi, u64 rdx);
	void (*run)(struct machine *m, unsigned int nr);
	void (*create)(void);
	bool (*populate)(struct machine *m);
	void (*change)(struct machine *m, enum change how, u64 first, u64 bytes);
	void (*add)(struct machine *m, unsigned int nr);
	void (*log)(struct machine *m, enum log how);
	u64 (*exits)(const struct machine *m, int pid);
};

/* bridge_machine is KVM with the memory of a space. */
extern const struct machine_ops axas_machine, kvm_machine, bridge_machine;

/* machine.c: run @routine of guests.S on [TEST_GPA, TEST_GPA + @bytes), every @step bytes. */
void machine_visit(struct machine *m, u64 routine, u64 bytes, u64 step);
/* The same, and get what it cost; false if a tick interrupted it. */
bool machine_enter(struct machine *m, struct bench *b, u64 routine, u64 bytes, u64 step, u64 *cost);

void bench_faults(const struct machine_ops *ops);
void bench_uncharged(const struct machine_ops *ops);
void bench_kvm_memory(void);
void bench_bridge(void);
void bench_log(const struct machine_ops *ops);
void bench_image(const struct machine_ops *ops);
void bench_image_large(void);
void bench_log_large(const struct machine_ops *ops);
void bench_spaces(void);
/* The raw AXAS_GET_INFO ioctl, without the library's initialization of the struct. */
void bench_get_info(const char *prefix, int fd);
void bench_disturb(const struct machine_ops *ops);
void bench_paths(void);
void bench_mappings(void);
void bench_supply(const struct machine_ops *ops);
void bench_parallel(const struct machine_ops *ops);
void bench_profile(const struct machine_ops *ops);
void pin_thread(unsigned int cpu);

#endif /* AXAS_BENCH_H */
