/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * axasctl boot: a machine for Linux on one space. Declarations shared by its files:
 *
 *   cmd_boot.c   the machine's run, its report; beside it options.c: the command line
 *   fork.c       it goes on many times, in clones
 *   save.c       it goes on, and is in a file, too, from which another one begins
 *   move.c       it goes on elsewhere
 *   machine.c    the vCPUs and their threads, reset, the end
 *   run.c        a vCPU's loop: interrupts in, exits out
 *   state.c      all of its state but memory
 *   memory.c     the RAM: where its pages come from, the dirty log, accesses of devices
 *   load.c       the files of the kernel and its RAM disk
 *   gunzip.c     compressed kernels
 *   x86/         the machine of an architecture: files are listed in its arch.h
 *   virtio.c     registers of virtio's devices
 *   blk.c        the disk; beside it balloon.c: the memory balloon; vhost.c: a disk elsewhere
 *   virtqueue.c  their queues
 *   uart.c       the 16550
 *   console.c    the terminal: raw mode, the keys after Ctrl-A
 *
 * Each file calls only those below it in this list, and libaxas; except that a device that raises
 * an interrupt calls machine_kick(), what fails machine_fail() or machine_end(), uart.c
 * arch_uart_line(), and virtio's devices memory.c and arch_virtio_line().
 *
 * Parts are in memory.h, virtio.h, console.h, state.h and, for the command alone, options.h.
 *
 * Locks: struct machine.lock protects all devices. A vCPU's registers belong to its thread.
 */
#ifndef AXASCTL_BOOT_H
#define AXASCTL_BOOT_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

/* The parts and the architecture need these. */
#define MAX_CPUS	16
#define NSEC		1000000000ull
#define NEVER		(~0ull)
#define DENIED_WAIT_US	500	/* until an access that is denied is made again */

#include "console.h"
#include "memory.h"
#include "state.h"
#include "virtio.h"

struct machine;

/**
 * struct cpu - a vCPU and its thread
 * @m: the machine
 * @id: its number
 * @fd: its descriptor
 * @thread: the thread, valid if @running
 * @running: the thread has been created
 * @timer: interrupts the thread at the next deadline
 * @armed: for which deadline, in ns
 * @arch: what its architecture adds
 * @wait: it waits until another CPU starts it
 * @reset: it shall be reset, and then wait
 * @set_up: its vCPU has been set up
 * @start: it has been started, at @entry with @arg
 * @entry: where it begins: what this means is the architecture's
 * @arg: its argument
 * @wake: signalled when @start changes
 */
struct cpu {
	struct machine *m;
	u32 id;
	int fd;
	pthread_t thread;
	bool running;
	timer_t timer;
	u64 armed;
	struct arch_cpu arch;
	bool wait;
	bool reset;
	bool set_up;
	bool start;
	u64 entry;
	u64 arg;
	pthread_cond_t wake;
};

/* How the guest ended. */
enum ending {
	RUNNING,
	POWERED_OFF,
	RESET,
	PAUSED,		/* to be moved, forked or saved */
	FORKED,		/* its clones have ended */
	QUIT,		/* by the user */
	TIMED_OUT,
	CRASHED,	/* triple fault */
	FAILED,		/* of the machine: the error is in struct machine */
};

/**
 * struct machine - the machine
 * @mem: bytes of RAM
 * @map_flags: AXAS_MAP_* of the RAM
 * @ram_file: the RAM begins with the content of this file; or NULL
 * @supply: missing pages of the RAM come from this file; or NULL
 * @log: the RAM has a dirty log
 * @nr_cpus: number of vCPUs
 * @kernel: path of the kernel
 * @initrd: path of the initial RAM disk, or NULL
 * @cmdline: the kernel's command line
 * @timeout: seconds until its end, or 0
 * @move_every: seconds between its moves, or 0
 * @moves: how many there were
 * @next_move: when the next one is due, in ns
 * @fork: how it is forked
 * @saver: saves it
 * @from: path of the file that it begins as, or NULL
 * @begin: that file, until it has begun
 * @trace: print exits that no device answers
 * @keys: standard input is a terminal, whose Ctrl-A is ours
 * @given: descriptor of a space to use, or -1: it makes its own
 * @space: the space
 * @memory: the RAM
 * @cpu: the vCPUs
 * @entry: the kernel's first instruction
 * @lock: see the head of this file
 * @uart: the serial line
 * @out: what it sends
 * @virtio: registers of virtio's devices
 * @disk: the disk's file, or -1: there is none
 * @disk_sectors: how long it is
 * @disk_requests: that were done, or the driver's notifications of @vhost
 * @vhost: the disk is elsewhere, and @disk its connection
 * @balloon: there is a memory balloon
 * @reported: pages that it has given back
 * @arch: the other devices
 * @ending: why the vCPUs shall stop
 * @end_fd: an eventfd: written when @ending changes
 * @what: with FAILED: the step that failed
 * @err: with FAILED: -errno, or 0
 * @msg: with CRASHED and FAILED: more
 * @started: when it was started, in ns
 * @exits: of all vCPUs, by AXVCPU_EXIT_*, once it has ended
 */
struct machine {
	u64 mem;
	u32 map_flags;
	const char *ram_file;
	const char *supply;
	bool log;
	u32 nr_cpus;
	const char *kernel;
	const char *initrd;
	const char *cmdline;
	u32 timeout;
	u32 move_every;
	u32 moves;
	u64 next_move;
	struct fork_options fork;
	struct saver saver;
	const char *from;
	struct saved begin;
	bool trace;
	bool keys;
	int given;
	int space;
	struct memory memory;
	struct cpu cpu[MAX_CPUS];
	u64 entry;
	pthread_mutex_t lock;
	struct uart uart;
	struct output out;
	struct virtio virtio[NR_VIRTIO];
	int disk;
	u64 disk_sectors;
	u64 disk_requests;
	struct vhost vhost;
	bool balloon;
	u64 reported;
	struct arch_machine arch;
	enum ending ending;
	int end_fd;
	const char *what;
	int err;
	char msg[160];
	u64 started;
	u64 exits[AXVCPU_NR_EXITS];
};

/*
 * Nanoseconds of the monotonic clock, and of UTC since 1970. time() would lag: it reads what the
 * kernel stored at its last tick, which may be far back on a busy machine.
 */
u64 now_ns(void);
u64 wall_ns(void);

static inline bool virtio_is_there(const struct machine *m, u32 slot)
{
	return slot == VIRTIO_DISK ? m->disk >= 0 : m->balloon;
}

/* machine.c */
void machine_init(struct machine *m);	/* all that has no space yet */
int machine_create(struct machine *m, const char **what);
int machine_load(struct machine *m, const char **what);
int machine_start(struct machine *m, const char **what);
void machine_stop(struct machine *m);	/* waits for the threads */
int machine_reset(struct machine *m);
void machine_free(struct machine *m);
int machine_open_cpus(struct machine *m);
void machine_close_cpus(struct machine *m);	/* and count their exits */
void machine_end(struct machine *m, enum ending ending);
__printf(4, 5)
void machine_fail(struct machine *m, int err, const char *what, const char *fmt, ...);
/* A vCPU has an interrupt to look at. The caller holds the lock. */
void machine_kick(struct cpu *cpu);
bool machine_stopping(struct machine *m);

/* run.c */
void *cpu_thread(void *arg);

/**
 * struct image - a file, mapped
 * @data: its bytes
 * @len: how many
 */
struct image {
	const u8 *data;
	size_t len;
};

/* load.c: 0, or -errno with what failed in @what: a file's name, or a step. */
int load_linux(struct machine *m, const char **what);
void image_unmap(struct image *image);

/* gunzip.c: what is in an image that gzip made; others stay: 0, -ENOEXEC or -ENOMEM. */
int image_gunzip(struct image *image);

/*
 * What an architecture has. Its arch.h defines struct arch_cpu, struct arch_machine, struct
 * arch_vcpu_state as a name of that of AXVCPU_SAVE, ARCH_NAME, ARCH_CMDLINE, the default command
 * line, and ARCH_HELP, a sentence or two on its devices.
 */
/* Where the RAM of m->mem bytes is: how many ranges, in order. */
u32 arch_ram(const struct machine *m, struct axas_extent ranges[RAM_RANGES]);
/* Once, with all vCPUs open: 0 or -errno with what failed in @what. */
int arch_create(struct machine *m, const char **what);
/* The devices as after power-on; then each CPU, whose common members run.c and machine.c reset. */
void arch_reset(struct machine *m);
void arch_reset_cpu(struct cpu *cpu);
/* Whether it can be started: 0 or -ENOEXEC. It may replace the image by what is in it. */
int arch_check_kernel(struct image *k);
/* Write all that the kernel finds in memory, and set m->entry. @initrd may be empty. */
int arch_load(struct machine *m, const struct image *k, const struct image *initrd);
/* The rest on a vCPU's own thread with the lock. Set it up: the first one for m->entry. */
int arch_setup(struct cpu *cpu);
/* Set it up as that does, for a state to be restored; without the lock. */
int arch_setup_again(struct cpu *cpu);
/* What is due at @now; returns the next deadline, or NEVER. */
u64 arch_expire(struct cpu *cpu, u64 now);
/* Deliver interrupts before a run. Returns the vector for which a window is wanted, or 0. */
u32 arch_deliver(struct cpu *cpu);
/* check.c: a machine's devices, and those of CPU @id, can have been so, as machine_can_be(). */
bool arch_machine_can_be(const struct arch_machine *arch);
bool arch_cpu_can_be(const struct arch_cpu *arch, u32 id);
/* Answer an exit; false if it means nothing to the machine. */
bool arch_exit(struct cpu *cpu, const struct axvcpu_exit *exit);
/* The serial line's interrupt. The lock is held, on any thread. */
void arch_uart_line(struct machine *m, bool level);
void arch_virtio_line(struct machine *m, u32 slot, bool level);

#endif /* AXASCTL_BOOT_H */
