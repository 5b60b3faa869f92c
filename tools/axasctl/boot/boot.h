/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * axasctl boot: a machine for Linux on one space. Declarations shared by its files:
 *
 *   cmd_boot.c   options, report
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
 * an interrupt calls machine_kick(), what fails machine_fail(), uart.c arch_uart_line(), and
 * virtio's devices memory.c and arch_virtio_line().
 *
 * Locks: struct machine.lock protects all devices. A vCPU's registers belong to its thread.
 */
#ifndef AXASCTL_BOOT_H
#define AXASCTL_BOOT_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "../image_file.h"

#define MAX_CPUS	16
#define NSEC		1000000000ull
#define NEVER		(~0ull)
#define DENIED_WAIT_US	500	/* until an access that is denied is made again */

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

/* Virtio's devices, by slot. */
enum { VIRTIO_DISK, VIRTIO_BALLOON, NR_VIRTIO };

#define VIRTIO_SIZE		0x200ull	/* registers of a device */
#define VIRTIO_CONFIG_MAX	64
#define VIRTIO_QUEUES		5
#define VIRTQ_MAX		128u

/**
 * struct virtq - a queue, as the driver has set it up
 * @num: its length, a power of two, or 0
 * @ready: it is in use
 * @next: of the next buffer in the available ring
 * @used_idx: of the next one in the used ring
 * @desc: address of the descriptors
 * @avail: of the available ring
 * @used: of the used ring
 */
struct virtq {
	u32 num;
	bool ready;
	u16 next;
	u16 used_idx;
	u64 desc;
	u64 avail;
	u64 used;
};

/**
 * struct virtio - registers of a virtio device; all 0 after a reset
 * @status: of the driver's start
 * @isr: pending causes of its interrupt
 * @features_sel: the half of the features that the driver reads
 * @driver_sel: and that it writes
 * @driver_features: what it wants
 * @queue_sel: the queue that its accesses are about
 * @queue: the queues
 */
struct virtio {
	u32 status;
	u32 isr;
	u32 features_sel;
	u32 driver_sel;
	u64 driver_features;
	u32 queue_sel;
	struct virtq queue[VIRTIO_QUEUES];
};

#define VHOST_CONFIG	60	/* bytes of a disk's configuration */

/**
 * struct vhost - a disk in another process
 * @there: there is one; else nothing here is valid
 * @sock: the connection
 * @kick: an eventfd: buffers wait in the queue
 * @call: an eventfd: the device interrupts
 * @stop: an eventfd: the thread shall end
 * @features: that the back end offers
 * @config: the disk's configuration
 * @thread: waits for interrupts, valid if @runs
 * @runs: the thread has been created
 * @started: the back end works on the queue
 */
struct vhost {
	bool there;
	int sock;
	int kick;
	int call;
	int stop;
	u64 features;
	u8 config[VHOST_CONFIG];
	pthread_t thread;
	bool runs;
	bool started;
};

#define UART_FIFO	4096

struct uart {
	u8 ier, lcr, mcr, scr, fcr;
	u16 divisor;
	bool thr_empty;			/* its interrupt has not been acknowledged */
	u8 fifo[UART_FIFO];
	u32 head, tail;
};

/**
 * struct output - what the guest prints
 * @until: pause the machine once it has printed this, or NULL
 * @clone: number of the clone, which begins each of its lines; or 0
 * @len: bytes of @line
 * @line: the last one, as far as it came
 */
struct output {
	const char *until;
	u32 clone;
	u32 len;
	char line[256];
};

/**
 * struct fork_options - how it is forked
 * @nr: number of clones, or 0: not at all
 * @at: when it has printed this; or NULL: by a key; when it is saved, too
 * @type: what is typed into each clone, or NULL
 * @again: number of the clone that is reset and runs again, or 0
 * @each: show figures of each clone
 * @asked: when the pause for it began, in ns
 */
struct fork_options {
	u32 nr;
	const char *at;
	const char *type;
	u32 again;
	bool each;
	u64 asked;
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
 * struct saver - a machine that is saved to a file
 * @path: the file, or NULL
 * @done: it has begun
 * @save: what is written
 * @thread: writes it, valid if @runs
 * @runs: the thread has been created
 * @err: its result
 * @stop_ns: how long the vCPUs took to stop
 * @state_ns: to save their state and that of the devices
 * @freeze_ns: to make the image
 * @write_ns: to write it
 */
struct saver {
	const char *path;
	bool done;
	struct to_save save;
	pthread_t thread;
	bool runs;
	int err;
	u64 stop_ns;
	u64 state_ns;
	u64 freeze_ns;
	u64 write_ns;
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

u64 now_ns(void);

/* fork.c: as machine_move(). Returns when all clones have ended. */
int machine_fork(struct machine *m, const char **what);

/*
 * save.c: 0, or -errno with what failed in @what. No thread runs when it begins; it ends when the
 * file is whole, also if it has not begun.
 */
int save_begin(struct machine *m, const char **what);
int save_end(struct machine *m, const char **what);
void save_report(const struct machine *m);
/* Before machine_create(), and in the place of machine_load(): 0 or -errno. */
int from_open(struct machine *m);
int from_resume(struct machine *m);

/* move.c: 0, or -errno with what failed in @what. No thread runs. */
int machine_move(struct machine *m, const char **what);

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
 * @virtio: registers of virtio's devices
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
	struct virtio virtio[NR_VIRTIO];
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
/* A device's access, which waits for memory that is protected or missing: 0 or -errno. */
int memory_read(struct machine *m, u64 gpa, void *buf, size_t len);
int memory_write(struct machine *m, u64 gpa, const void *buf, size_t len);

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
/* Answer an exit; false if it means nothing to the machine. */
bool arch_exit(struct cpu *cpu, const struct axvcpu_exit *exit);
/* The serial line's interrupt. The lock is held, on any thread. */
void arch_uart_line(struct machine *m, bool level);
void arch_virtio_line(struct machine *m, u32 slot, bool level);

/* virtio.c. The lock is held. */
void virtio_reset(struct machine *m);
static inline bool virtio_is_there(const struct machine *m, u32 slot)
{
	return slot == VIRTIO_DISK ? m->disk >= 0 : m->balloon;
}

u32 virtio_read(struct machine *m, u32 slot, u32 reg, u32 width);
void virtio_write(struct machine *m, u32 slot, u32 reg, u32 val);

/**
 * struct virtio_device - what a kind of device has
 * @id: VIRTIO_ID_*
 * @features: that it offers, besides version 1
 * @nr_queues: how many
 * @notify: a queue may have buffers
 * @config: write its configuration, of at most VIRTIO_CONFIG_MAX bytes
 * @status: the driver has changed its status, or NULL
 */
struct virtio_device {
	u32 id;
	u64 features;
	u32 nr_queues;
	void (*notify)(struct machine *m, struct virtio *v, u32 queue);
	void (*config)(const struct machine *m, u8 *buf);
	void (*status)(struct machine *m, struct virtio *v);
};

/* blk.c, balloon.c, vhost.c */
extern const struct virtio_device blk_device, balloon_device, vhost_device;
/* Before the machine is created: 0 or -errno. */
int blk_open(struct machine *m, const char *path);
int vhost_open(struct machine *m, const char *path);
void vhost_close(struct machine *m);

/**
 * struct part - a part of a buffer
 * @gpa: its address
 * @len: bytes
 * @in: the device writes it; else it reads it
 */
struct part {
	u64 gpa;
	u32 len;
	bool in;
};

/**
 * struct chain - a buffer
 * @head: its number
 * @nr: parts, at least 1
 * @part: the parts
 */
struct chain {
	u16 head;
	u32 nr;
	struct part part[VIRTQ_MAX];
};

/* virtqueue.c: the next buffer of a queue, false: none; it is done. The lock is held. */
bool virtq_next(struct machine *m, struct virtio *v, u32 nr, struct chain *c);
void virtq_done(struct machine *m, struct virtio *v, u32 nr, const struct chain *c, u32 written);
/* Its interrupt may have changed. */
void virtio_update(struct machine *m, struct virtio *v);

/* uart.c. The lock is held. */
void uart_reset(struct machine *m);
void uart_write(struct machine *m, u32 reg, u8 val);
u8 uart_read(struct machine *m, u32 reg);
bool uart_receive(struct machine *m, u8 byte);	/* false: its buffer is full */

/* console.c */
void console_put(struct machine *m, u8 byte);
void console_flush(struct machine *m);	/* a clone's last line, if it has no end */
int console_begin(struct machine *m);
/* Pass on keys until the machine ends. */
void console_loop(struct machine *m);
int console_time_left(u64 end);		/* in ms, at most; 0: it has passed */
void console_end(void);

#endif /* AXASCTL_BOOT_H */
