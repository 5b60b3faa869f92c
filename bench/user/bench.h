/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * axas_bench: what its files share.
 *
 *   main.c       groups of measurements
 *   machine.c    what machines on axvcpu and on KVM have in common
 *   axas.c       a machine on axas and axvcpu
 *   kvm.c        the same on /dev/kvm, with anonymous memory and others
 *   faults.c     exits, faults, populate, unmap: on either
 *   paths.c      reads and writes of guest memory by its VMM
 *   spaces.c     what a space costs by its descriptor, a page at a time
 *   parallel.c   faults on several CPUs at once
 *   disturb.c    what operations do to other CPUs, and to guests of other spaces
 *   profile.c    operations between marks, for scripts/bench-profile.sh
 *   guests.S     what guests do
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
 * @name: of the row
 * @cost: of all clean samples
 * @ops: operations in them
 * @nr: how many are clean
 * @dirty: how many were thrown away: a tick or another thread was part of them
 * @start: when the one that is being taken began
 * @tick: the coarse clock then, which a tick moves on
 * @switches: context switches of this thread until then
 * @sleeps: the operation waits for other threads, and they are part of its cost
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
/* The cost since bench_begin(); false when a tick was part of it. */
bool bench_stop(struct bench *b, u64 *cost);
void bench_add(struct bench *b, bool clean, u64 cost, u64 ops);
void bench_end(struct bench *b, u64 ops);
bool bench_more(const struct bench *b, unsigned int samples);
void bench_report(const struct bench *b);
void bench_figure(const char *prefix, const char *name, double value);

__attribute__((format(printf, 1, 2), noreturn))
void fail(const char *fmt, ...);

/* A call that answers 0 or more, or -errno, and must not fail; what it returns. */
int must(int ret, const char *what);

/*
 * The first MiB of each machine: a page table that maps 512 GiB to themselves in leaves of
 * 1 GiB, the code of guests.S, a stack.
 */
#define LOW_CR3		0x1000ull
#define LOW_CODE	0x10000ull
#define LOW_STACK	0x90000ull
#define LOW_BYTES	MIB
#define TEST_GPA	(4 * GIB)	/* what is touched */
#define PORT_DONE	0xf4

extern const char guests_begin[], guests_end[];
extern const char guest_touch[], guest_ports[], guest_cpuid[], guest_invd[],
	guest_refused[], guest_spin[];
#define guest(name)	(LOW_CODE + (u64)(guest_##name - guests_begin))

/* What the VMM writes there: @to points to the first MiB. */
void low_memory(void *to);

/*
 * What KVM's guests have for memory: what nobody touched, or what has its frames, so that only
 * KVM's table is to be filled; a file in memory, which for 2 MiB is one of hugetlbfs; KVM's own
 * files (guest_memfd), which have no leaves of 2 MiB yet.
 */
enum kvm_memory { KVM_ANONYMOUS, KVM_PRESENT, KVM_FILE, KVM_GMEM, KVM_GMEM_PRESENT };

void kvm_choose_memory(enum kvm_memory kind);
/* Whether this kernel has a guest_memfd that a VMM can map, for any VM. */
bool kvm_has_gmem(void);

#define MAX_VCPUS	8

/**
 * struct machine - a guest, and what it runs on
 * @ops: how
 * @fd: of the space or the VM
 * @vcpu: of each vCPU
 * @run: KVM's page of each
 * @mem: KVM: where the memory at TEST_GPA is in this process
 * @bytes: how much is there
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

/**
 * struct machine_ops - a kind of machine
 * @name: prefix of its rows
 * @make: a machine with its first MiB
 * @end: of it
 * @add_vcpu: another vCPU, of number @nr
 * @map: @bytes of untouched memory at TEST_GPA, in leaves of 2 MiB if @huge
 * @unmap: the reverse
 * @forget: give the frames back; what is mapped stays, or is mapped anew
 * @protect: make it read-only, or writable again
 * @enter: let vCPU @nr begin at @entry with these arguments
 * @run: run vCPU @nr until it is done
 * @create: make an empty one and end it
 * @populate: NULL, or give all memory its frames
 * @change: unmap, make read-only or writable, or put together a part of the memory
 * @add: map a page of its own that lies behind all others, the @nr th
 * @exits: how often vCPU 0 of a machine of another process left its guest
 */
struct machine_ops {
	const char *name;
	void (*make)(struct machine *m);
	void (*end)(struct machine *m);
	void (*add_vcpu)(struct machine *m, unsigned int nr);
	void (*map)(struct machine *m, u64 bytes, bool huge);
	void (*unmap)(struct machine *m);
	void (*forget)(struct machine *m);
	void (*protect)(struct machine *m, bool writable);
	void (*enter)(struct machine *m, unsigned int nr, u64 entry, u64 rdi, u64 rsi, u64 rdx);
	void (*run)(struct machine *m, unsigned int nr);
	void (*create)(void);
	bool (*populate)(struct machine *m);
	void (*change)(struct machine *m, enum change how, u64 first, u64 bytes);
	void (*add)(struct machine *m, unsigned int nr);
	u64 (*exits)(const struct machine *m, int pid);
};

extern const struct machine_ops axas_machine, kvm_machine;

void bench_faults(const struct machine_ops *ops);
void bench_uncharged(const struct machine_ops *ops);
void bench_kvm_memory(void);
void bench_spaces(void);
/* What a VMM asks for its statistics: the call alone, without what a library does to the struct. */
void bench_get_info(const char *prefix, int fd);
void bench_disturb(const struct machine_ops *ops);
void bench_paths(void);
void bench_parallel(const struct machine_ops *ops);
void bench_profile(const struct machine_ops *ops);
void pin_thread(unsigned int cpu);

#endif /* AXAS_BENCH_H */
