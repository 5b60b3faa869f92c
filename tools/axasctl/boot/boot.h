/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * axasctl boot: a machine for Linux on one space. Declarations shared by its files:
 *
 *   cmd_boot.c   options, report
 *   move.c       the machine goes on elsewhere
 *   machine.c    the vCPUs and their threads, reset, the end
 *   run.c        a vCPU's loop: interrupts in, exits out
 *   state.c      all of its state but memory
 *   memory.c     the RAM: where its pages come from, the dirty log
 *   load.c       the files of the kernel and its RAM disk
 *   gunzip.c     compressed kernels
 *   x86/         the machine of an architecture: files are listed in its arch.h
 *   uart.c       the 16550
 *   console.c    the terminal: raw mode, the keys after Ctrl-A
 *
 * Each file calls only those below it in this list, and libaxas; except that a device that raises
 * an interrupt calls machine_kick(), what fails machine_fail(), and uart.c arch_uart_line().
 *
 * Locks: struct machine.lock protects all devices. A vCPU's registers belong to its thread.
 */
#ifndef AXASCTL_BOOT_H
#define AXASCTL_BOOT_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "../axasctl.h"

#define MAX_CPUS	16
#define NSEC		1000000000ull
#define NEVER		(~0ull)

/* The architecture's folder is in the search path. */
#include "arch.h"

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

#define RAM_RANGES	2

/**
 * struct memory - the RAM
 * @range: its addresses
 * @nr: how many of them
 * @file: what it begins with, or what is supplied, or -1
 * @stop_fd: an eventfd: the threads shall end
 * @server: brings missing pages, valid if @serves
 * @serves: the thread has been created
 * @logger: collects the dirty log, valid if @logs
 * @logs: the thread has been created
 * @blocks: that @server has brought
 * @rounds: that @logger has made
 * @logged: pages that it found written, in all rounds
 */
struct memory {
	struct axas_extent range[RAM_RANGES];
	u32 nr;
	int file;
	int stop_fd;
	pthread_t server;
	bool serves;
	pthread_t logger;
	bool logs;
	u64 blocks;
	u64 rounds;
	u64 logged;
};

#define UART_FIFO	4096

struct uart {
	u8 ier, lcr, mcr, scr, fcr;
	u16 divisor;
	bool thr_empty;			/* its interrupt has not been acknowledged */
	u8 fifo[UART_FIFO];
	u32 head, tail;
};

/* How the guest ended. */
enum ending {
	RUNNING,
	POWERED_OFF,
	RESET,
	PAUSED,		/* to be moved */
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
 * @trace: print exits that no device answers
 * @keys: standard input is a terminal, whose Ctrl-A is ours
 * @given: descriptor of a space to use, or -1: it makes its own
 * @space: the space
 * @memory: the RAM
 * @cpu: the vCPUs
 * @entry: the kernel's first instruction
 * @lock: see the head of this file
 * @uart: the serial line
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
	bool trace;
	bool keys;
	int given;
	int space;
	struct memory memory;
	struct cpu cpu[MAX_CPUS];
	u64 entry;
	pthread_mutex_t lock;
	struct uart uart;
	struct arch_machine arch;
	enum ending ending;
	int end_fd;
	const char *what;
	int err;
	char msg[160];
	u64 started;
	u64 exits[AXVCPU_NR_EXITS];
};

u64 now_ns(void);

/* move.c: 0, or -errno with what failed in @what. No thread runs. */
int machine_move(struct machine *m, const char **what);

/* machine.c */
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
 * struct cpu_state - all of a CPU
 * @wait: as in struct cpu, and so the following
 * @reset: as in struct cpu
 * @start: as in struct cpu
 * @set_up: as in struct cpu
 * @entry: as in struct cpu
 * @arg: as in struct cpu
 * @arch: what its architecture adds
 * @vcpu: if @set_up: of AXVCPU_SAVE
 */
struct cpu_state {
	bool wait;
	bool reset;
	bool start;
	bool set_up;
	u64 entry;
	u64 arg;
	struct arch_cpu arch;
	struct arch_vcpu_state vcpu;
};

#define STATE_VERSION	1

/**
 * struct machine_state - all of a machine but its memory; it has no pointers
 * @version: STATE_VERSION
 * @size: bytes of it all
 * @name: ARCH_NAME
 * @mem: bytes of RAM
 * @nr_cpus: elements of @cpu
 * @uart: the serial line
 * @arch: the other devices
 * @cpu: the CPUs
 */
struct machine_state {
	u32 version;
	u32 size;
	char name[8];
	u64 mem;
	u32 nr_cpus;
	struct uart uart;
	struct arch_machine arch;
	struct cpu_state cpu[];
};

/* state.c: 0 or -errno. No thread runs. The caller frees *@state. */
int machine_save(const struct machine *m, struct machine_state **state);
int machine_resume(struct machine *m, const struct machine_state *state);

/* memory.c: 0, or -errno with what failed. The caller calls memory_free(), also after an error. */
int memory_map(struct machine *m, const char **what);
void memory_free(struct machine *m);
void memory_wait(struct machine *m, u64 gpa);

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
/* Once, with all vCPUs open: 0 or -errno. */
int arch_create(struct machine *m);
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
/* Answer an exit; false if it means nothing to the machine. */
bool arch_exit(struct cpu *cpu, const struct axvcpu_exit *exit);
/* The serial line's interrupt. The lock is held, on any thread. */
void arch_uart_line(struct machine *m, bool level);

/* uart.c. The lock is held. */
void uart_reset(struct machine *m);
void uart_write(struct machine *m, u32 reg, u8 val);
u8 uart_read(struct machine *m, u32 reg);
bool uart_receive(struct machine *m, u8 byte);	/* false: its buffer is full */

/* console.c */
void console_put(u8 byte);
int console_begin(struct machine *m);
/* Pass on keys until the machine ends. */
void console_loop(struct machine *m);
void console_end(void);

#endif /* AXASCTL_BOOT_H */
