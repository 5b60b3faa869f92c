/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * axasctl boot on arm64:
 *
 *   arm64.c   what boot.h wants of an architecture: memory, setup of vCPUs, exits
 *   check.c   what a saved machine may be
 *   image.c   the loader of an arm64 kernel
 *   fdt.c     the device tree
 *   psci.c    the firmware: starts and stops CPUs, ends the machine
 *   mmio.c    which device has which address
 *   gic.c     the GICv3's distributor and redistributors: registers
 *   irq.c     its interrupts, and how they get to the vCPUs
 *   rtc.c     the PL031
 *
 * Each file calls only those below it in this list, and those of ../boot.h.
 */
#ifndef AXASCTL_BOOT_ARCH_H
#define AXASCTL_BOOT_ARCH_H

#define ARCH_NAME	"arm64"
#define arch_vcpu_state	axvcpu_arm64_state
#define ARCH_CMDLINE	"console=ttyS0"
#define ARCH_HELP								\
	"The machine has a GICv3, a clock, PSCI to start CPUs and to power off, and a\n"	\
	"serial line: this terminal. A device tree describes them to the kernel."

/* Guest-physical layout. */
#define GICD_BASE	0x08000000ull
#define GICD_SIZE	0x10000ull
#define GICR_BASE	0x080a0000ull
#define GICR_STRIDE	0x20000ull	/* a frame of control, one of SGIs and PPIs */
#define UART_BASE	0x09000000ull
#define UART_SIZE	0x1000ull
#define RTC_BASE	0x09010000ull
#define RTC_SIZE	0x1000ull
#define VIRTIO_BASE	0x0a000000ull
#define RAM_BASE	0x40000000ull
#define FDT_MAX		0x10000ull

/* Interrupts: INTIDs. */
#define IRQ_TIMER	27
#define SPI_FIRST	32
#define IRQ_UART	33
#define IRQ_RTC		34
#define IRQ_VIRTIO	35	/* of the first device */
#define NR_SPI_BANKS	1

struct machine;
struct cpu;

/**
 * struct gic_bank - 32 interrupts: SGIs and PPIs of a CPU, or SPIs; a bit each
 * @group: they are of group 1, which is the only one that is delivered
 * @enabled: the guest has enabled them
 * @edge: they are edges, not levels
 * @lines: lines that are high
 * @latched: edges, and requests by the guest, that the vCPU does not have yet
 * @sent: the vCPU may have them: an edge injected, a line raised, the timer
 * @priority: of each
 * @route: number of its CPU, or above the last one: none
 */
struct gic_bank {
	u32 group;
	u32 enabled;
	u32 edge;
	u32 lines;
	u32 latched;
	u32 sent;
	u8 priority[32];
	u32 route[32];
};

/**
 * struct arch_cpu - what arm64 adds to a CPU
 * @on: it is set up, and takes interrupts
 * @asleep: GICR_WAKER.ProcessorSleep
 * @bank: its SGIs and PPIs
 */
struct arch_cpu {
	bool on;
	bool asleep;
	struct gic_bank bank;
};

/**
 * struct arch_machine - what arm64 adds to the machine
 * @fdt: address of the device tree
 * @gicd_ctlr: GICD_CTLR, the enable bits
 * @spi: the SPIs
 * @rtc_offset: seconds from the host's clock to the guest's
 * @rtc_mask: RTCIMSC, without effect
 * @rtc_match: RTCMR, without effect
 */
struct arch_machine {
	u64 fdt;
	u32 gicd_ctlr;
	struct gic_bank spi[NR_SPI_BANKS];
	u32 rtc_offset;
	u32 rtc_mask;
	u32 rtc_match;
};

/*
 * fdt.c: make the device tree, of at most FDT_MAX bytes, with the initial RAM disk at [@initrd,
 * @initrd_end). 0 or -E2BIG.
 */
int fdt_make(const struct machine *m, u64 initrd, u64 initrd_end, void *fdt);

/* psci.c. The lock is held. */
void psci_cpu_up(struct cpu *cpu, const struct axvcpu_exit *exit);
void psci_call(struct cpu *cpu, const struct axvcpu_exit *exit);
void psci_system_down(struct cpu *cpu);

/* mmio.c. The lock is held. False: nothing is there. */
bool mmio_read(struct machine *m, u64 gpa, u32 width, u64 *val);
bool mmio_write(struct machine *m, u64 gpa, u32 width, u64 val);

/* gic.c. The lock is held. */
u64 gicd_read(struct machine *m, u32 reg, u32 width);
void gicd_write(struct machine *m, u32 reg, u32 width, u64 val);
u64 gicr_read(struct cpu *cpu, u32 reg, u32 width);
void gicr_write(struct cpu *cpu, u32 reg, u32 width, u64 val);

/* irq.c. The lock is held. */
#define GRP1_ENABLED	2u	/* GICD_CTLR.EnableGrp1 */
void irq_reset(struct machine *m);
/* @cpu is set up, or is not any more. */
void irq_cpu_on(struct cpu *cpu);
void irq_cpu_off(struct cpu *cpu);
/* An SPI's line. */
void irq_set(struct machine *m, u32 irq, bool level);
/* @cpu interrupts others. */
void irq_send(struct cpu *cpu, const struct axvcpu_exit *exit);
/* The guest is about to change interrupts @bits of a bank, and has done so. */
void irq_take_back(struct machine *m, struct gic_bank *bank, u32 bits);
void irq_deliver(struct machine *m, struct gic_bank *bank, u32 bits);
/* Of all banks. */
void irq_take_back_all(struct machine *m);
void irq_deliver_all(struct machine *m);

/* rtc.c. The lock is held. */
void rtc_reset(struct machine *m);
u32 rtc_read(const struct machine *m, u32 reg);
void rtc_write(struct machine *m, u32 reg, u32 val);

#endif /* AXASCTL_BOOT_ARCH_H */
