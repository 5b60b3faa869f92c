/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * axasctl boot on x86:
 *
 *   x86.c        what boot.h wants of an architecture
 *   check.c      what a saved machine may be
 *   bzimage.c    the loader of an x86 kernel
 *   acpi.c       the ACPI tables
 *   ports.c      which device has which port; the ports of ACPI and of the reset
 *   msr.c        model-specific registers
 *   mmio.c       devices in memory: accesses are decoded by Zydis
 *   apic.c       local APICs, in x2APIC mode
 *   pic.c        the two 8259
 *   pit.c        the 8254
 *   rtc.c        the clock and memory of CMOS
 *
 * Each file calls only those below it in this list, and those of ../boot.h.
 */
#ifndef AXASCTL_BOOT_ARCH_H
#define AXASCTL_BOOT_ARCH_H

#define ARCH_NAME	"x86"
#define arch_vcpu_state	axvcpu_x86_state
#define ARCH_CMDLINE	"console=ttyS0"
#define ARCH_HELP							\
	"The machine has local APICs in x2APIC mode, an 8259, an 8254, a clock, ACPI to\n"	\
	"power off, virtio devices that ACPI describes, and a serial line: this terminal.\n"	\
	"Parameters that describe its clock are added to the command line."

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

/* Virtio devices, above all RAM below 4 GiB, and the first one's line. */
#define VIRTIO_BASE	0xd0000000ull
#define IRQ_VIRTIO	10

struct machine;
struct cpu;

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
 * struct arch_cpu - what x86 adds to a CPU
 * @apic: its local APIC
 */
struct arch_cpu {
	struct apic apic;
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

/**
 * struct arch_machine - what x86 adds to the machine
 * @tsc_khz: frequency of the guest's TSC
 * @pic: master and slave
 * @pit: channels
 * @port61: what was written to port 0x61
 * @cmos: memory of the clock
 * @cmos_index: the index register
 * @pm1_enable: enable register of PM1
 */
struct arch_machine {
	u32 tsc_khz;
	struct pic pic[2];
	struct pit_channel pit[3];
	u8 port61;
	u8 cmos[128];
	u8 cmos_index;
	u16 pm1_enable;
};

/* acpi.c: make the tables, at most ACPI_SIZE bytes for address ACPI_TABLES. */
void acpi_make(const struct machine *m, u8 *tables);

/* ports.c. The lock is held. */
void port_write(struct machine *m, u32 port, u32 width, u32 val);
u32 port_read(struct machine *m, u32 port, u32 width);

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

/* rtc.c. The lock is held. */
void rtc_reset(struct machine *m);
void rtc_write(struct machine *m, u8 val);
u8 rtc_read(const struct machine *m);

#endif /* AXASCTL_BOOT_ARCH_H */
