/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * axasctl boot: a machine for Linux on one space. Declarations shared by its files:
 *
 *   cmd_boot.c   options, report
 *   machine.c    memory, the vCPUs and their threads, reset, the end
 *   run.c        a vCPU's loop: interrupts in, exits out
 *   bzimage.c    the loader of an x86 kernel
 *   acpi.c       the ACPI tables
 *   ports.c      which device has which port; the ports of ACPI and of the reset
 *   msr.c        model-specific registers
 *   apic.c       local APICs, in x2APIC mode
 *   pic.c        the two 8259
 *   pit.c        the 8254
 *   uart.c       the 16550
 *   rtc.c        the clock and memory of CMOS
 *   console.c    the terminal: raw mode, the keys after Ctrl-A
 *
 * Each file calls only those below it in this list, and libaxas; except that a device that raises
 * an interrupt calls machine_kick().
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

/* Guest-physical layout. RAM has no hole up to LOW_RAM_MAX; more of it begins at HIGH_RAM. */
#define ZERO_PAGE	0x10000ull
#define CMDLINE		0x20000ull
#define CMDLINE_MAX	0x10000ull
#define PAGE_TABLES	0x30000ull	/* 6 pages */
#define BOOT_STACK	0x9f000ull
#define EBDA		0x9fc00ull	/* end of the usable memory below 1 MiB */
#define ACPI_TABLES	0xe0000ull
#define ACPI_SIZE	0x10000ull
#define KERNEL_MIN	0x1000000ull
#define LOW_RAM_MAX	0xc0000000ull
#define HIGH_RAM	0x100000000ull

/* Ports of ACPI, told by its tables. */
#define PORT_PM1_EVT	0x600		/* status, enable: 2 bytes each */
#define PORT_PM1_CNT	0x604
#define PORT_RESET	0x64
#define RESET_VALUE	0xfe
#define SLEEP_TYPE_S5	5
#define IRQ_SCI		9

struct machine;

/**
 * struct apic - a local APIC in x2APIC mode
 * @id: its number
 * @base: IA32_APIC_BASE
 * @svr: spurious-interrupt vector register
 * @lvt: local vector table, by LVT_*
 * @irr: requested vectors, a bit each
 * @isr: vectors in service
 * @icr: interrupt command register
 * @initial: initial count of the timer
 * @divide: its divide configuration
 * @started: when the count began, in ns
 * @tsc_deadline: IA32_TSC_DEADLINE
 * @due: when the timer's interrupt is due, in ns, or NEVER
 */
struct apic {
	u32 id;
	u64 base;
	u32 svr;
	u32 lvt[7];
	u64 irr[4];
	u64 isr[4];
	u64 icr;
	u32 initial;
	u32 divide;
	u64 started;
	u64 tsc_deadline;
	u64 due;
};

/**
 * struct cpu - a vCPU and its thread
 * @m: the machine
 * @id: its number
 * @fd: its descriptor
 * @thread: the thread, valid if @running
 * @running: the thread has been created
 * @timer: interrupts the thread at the next deadline
 * @armed: for which deadline, in ns
 * @apic: its local APIC
 * @wait: it waits for a startup IPI
 * @init: an INIT has arrived while it ran: it shall be reset
 * @sipi: page of the startup IPI, or -1
 * @wake: signalled when @sipi changes
 */
struct cpu {
	struct machine *m;
	u32 id;
	int fd;
	pthread_t thread;
	bool running;
	timer_t timer;
	u64 armed;
	struct apic apic;
	bool wait;
	bool init;
	int sipi;
	pthread_cond_t wake;
};

struct pic {
	u8 irr, isr, imr, base, elcr, lines;
	u8 step;	/* of the initialization: next ICW, or 0 */
	bool wants_icw4, read_isr, auto_eoi;
};

struct pit_channel {
	u16 reload;
	u8 mode, access;
	bool high_next, read_high;	/* of a word in two accesses */
	u8 low;
	bool latched;
	u16 latch;
	bool counting;
	u64 start;			/* ns */
	u64 fired;			/* interrupts since then */
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
	QUIT,		/* by the user */
	TIMED_OUT,
	CRASHED,	/* triple fault */
	FAILED,		/* of the machine: the error is in struct machine */
};

/**
 * struct machine - the machine
 * @mem: bytes of RAM
 * @map_flags: AXAS_MAP_* of the RAM
 * @nr_cpus: number of vCPUs
 * @kernel: path of the kernel
 * @initrd: path of the initial RAM disk, or NULL
 * @cmdline: the kernel's command line
 * @timeout: seconds until its end, or 0
 * @trace: print exits that no device answers
 * @keys: standard input is a terminal, whose Ctrl-A is ours
 * @given: descriptor of a space to use, or -1: it makes its own
 * @space: the space
 * @cpu: the vCPUs
 * @tsc_khz: frequency of the guest's TSC
 * @entry: the kernel's first instruction
 * @lock: see the head of this file
 * @pic: master and slave
 * @pit: channels
 * @port61: what was written to port 0x61
 * @uart: the serial line
 * @cmos: memory of the clock
 * @cmos_index: the index register
 * @pm1_enable: enable register of PM1
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
	u32 nr_cpus;
	const char *kernel;
	const char *initrd;
	const char *cmdline;
	u32 timeout;
	bool trace;
	bool keys;
	int given;
	int space;
	struct cpu cpu[MAX_CPUS];
	u32 tsc_khz;
	u64 entry;
	pthread_mutex_t lock;
	struct pic pic[2];
	struct pit_channel pit[3];
	u8 port61;
	struct uart uart;
	u8 cmos[128];
	u8 cmos_index;
	u16 pm1_enable;
	enum ending ending;
	int end_fd;
	const char *what;
	int err;
	char msg[160];
	u64 started;
	u64 exits[AXVCPU_NR_EXITS];
};

u64 now_ns(void);

/* machine.c */
int machine_create(struct machine *m, const char **what);
int machine_load(struct machine *m, const char **what);
int machine_start(struct machine *m, const char **what);
void machine_stop(struct machine *m);	/* waits for the threads */
int machine_reset(struct machine *m);
void machine_free(struct machine *m);
void machine_end(struct machine *m, enum ending ending);
__printf(4, 5)
void machine_fail(struct machine *m, int err, const char *what, const char *fmt, ...);
/* A vCPU has an interrupt to look at. The caller holds the lock. */
void machine_kick(struct cpu *cpu);
bool machine_stopping(struct machine *m);

/* run.c */
void *cpu_thread(void *arg);

/* bzimage.c */
int load_linux(struct machine *m, const char **what);

/* acpi.c: make the tables, at most ACPI_SIZE bytes for address ACPI_TABLES. */
void acpi_make(const struct machine *m, u8 *tables);

/* ports.c. The lock is held. */
void port_write(struct machine *m, u32 port, u32 width, u32 val);
u32 port_read(struct machine *m, u32 port, u32 width);
/* Earliest deadline of the devices on the bootstrap processor, and what is due. */
u64 devices_due(const struct machine *m);
void devices_expire(struct machine *m, u64 now);

/* msr.c. The lock is held. False: the access raises #GP. */
bool msr_read(struct cpu *cpu, u32 msr, u64 *val);
bool msr_write(struct cpu *cpu, u32 msr, u64 val);

/* apic.c. The lock is held. */
void apic_reset(struct apic *a, u32 id);
bool apic_msr(u32 msr);
bool apic_read(struct cpu *cpu, u32 msr, u64 *val);
bool apic_write(struct cpu *cpu, u32 msr, u64 val);
int apic_pending(const struct apic *a);		/* vector to deliver, or -1 */
void apic_ack(struct apic *a, u32 vector);
bool apic_takes_pic(const struct apic *a);
void apic_expire(struct apic *a, u64 now);

/* pic.c. The lock is held. */
void pic_reset(struct machine *m);
void pic_set(struct machine *m, unsigned int irq, bool level);
int pic_pending(const struct machine *m);	/* vector to deliver, or -1 */
void pic_ack(struct machine *m);
void pic_write(struct machine *m, u32 port, u8 val);
u8 pic_read(const struct machine *m, u32 port);

/* pit.c. The lock is held. */
void pit_reset(struct machine *m);
void pit_write(struct machine *m, u32 port, u8 val);
u8 pit_read(struct machine *m, u32 port);
bool pit_out2(const struct machine *m);
void pit_gate2(struct machine *m);
u64 pit_due(const struct machine *m);
void pit_expire(struct machine *m, u64 now);

/* uart.c. The lock is held. */
void uart_reset(struct machine *m);
void uart_write(struct machine *m, u32 reg, u8 val);
u8 uart_read(struct machine *m, u32 reg);
bool uart_receive(struct machine *m, u8 byte);	/* false: its buffer is full */

/* rtc.c. The lock is held. */
void rtc_reset(struct machine *m);
void rtc_write(struct machine *m, u8 val);
u8 rtc_read(const struct machine *m);

/* console.c */
void console_put(u8 byte);
int console_begin(struct machine *m);
/* Pass on keys until the machine ends. */
void console_loop(struct machine *m);
void console_end(void);

#endif /* AXASCTL_BOOT_H */
