/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * axasctl boot on RISC-V:
 *
 *   riscv.c      what boot.h wants of an architecture
 *   check.c      what a saved machine may be
 *   sbi.c        the firmware: SBI calls
 *   image.c      the loader of a RISC-V kernel
 *   tree.c       the device tree
 *   isa.c        what the guest's harts can do
 *   plic.c       the interrupt controller
 *   goldfish.c   the clock
 *
 * Each file calls only those below it in this list, and those of ../boot.h.
 */
#ifndef AXASCTL_BOOT_ARCH_H
#define AXASCTL_BOOT_ARCH_H

#define ARCH_NAME	"riscv"
#define arch_vcpu_state	axvcpu_riscv_state
#define ARCH_CMDLINE	"console=ttyS0"
#define ARCH_HELP							\
	"The machine has an SBI, a PLIC, a clock, and a serial line: this terminal. A\n"	\
	"device tree describes them to the kernel."

/* Guest-physical layout. */
#define RTC_BASE	0x101000ull
#define RTC_SIZE	0x1000ull
#define PLIC_BASE	0xc000000ull
#define PLIC_SIZE	0x400000ull
#define UART_BASE	0x10000000ull
#define UART_SIZE	0x100ull
#define VIRTIO_BASE	0x10001000ull
#define RAM_BASE	0x80000000ull
#define TREE_SIZE	0x10000ull	/* of the device tree, at the end of the RAM */

/* Sources of the PLIC. */
#define IRQ_UART	10
#define IRQ_RTC		11
#define IRQ_VIRTIO	12		/* of the first device */
#define NR_IRQS		32		/* 0 is none */

struct machine;
struct cpu;

/**
 * struct arch_cpu - what RISC-V adds to a CPU
 * @on: its vCPU has been set up
 * @line: the level of its external interrupt that the vCPU has
 */
struct arch_cpu {
	bool on;
	bool line;
};

/**
 * struct plic - the interrupt controller: a context for each CPU's supervisor
 * @priority: of each source
 * @lines: level of each source, a bit each
 * @claimed: sources that a CPU has claimed and not completed
 * @enable: sources that interrupt a CPU
 * @threshold: priorities up to it do not interrupt it
 */
struct plic {
	u32 priority[NR_IRQS];
	u32 lines;
	u32 claimed;
	u32 enable[MAX_CPUS];
	u32 threshold[MAX_CPUS];
};

/**
 * struct arch_machine - what RISC-V adds to the machine
 * @plic: the interrupt controller
 * @clock: the clock's time in ns when its low half was read
 * @time_hz: frequency of the guest's time
 */
struct arch_machine {
	struct plic plic;
	u64 clock;
	u32 time_hz;
};

#define ISA_MAX		512

/**
 * struct isa - what a hart can do
 * @base: such as "rv64imafdc"
 * @extensions: names of more than one letter, separated by blanks
 * @mmu: its largest page table, such as "sv48"
 */
struct isa {
	char base[32];
	char extensions[ISA_MAX];
	char mmu[16];
};

/* sbi.c. The lock is held. */
void sbi_call(struct cpu *cpu, const struct axvcpu_exit *exit);
void sbi_send_ipi(struct cpu *cpu, const struct axvcpu_exit *exit);
void sbi_hart_start(struct cpu *cpu, const struct axvcpu_exit *exit);
void sbi_hart_stop(struct cpu *cpu);
void sbi_down(struct cpu *cpu);

/* tree.c: make the device tree. Returns its size, or -errno. */
int tree_make(const struct machine *m, u64 initrd, u64 initrd_len, void *fdt, size_t size);

/* isa.c: of the host, without what guests do not have. @text is as /proc/cpuinfo. */
void isa_read(struct isa *isa);
void isa_parse(const char *text, struct isa *isa);

/* plic.c. The lock is held. */
void plic_reset(struct machine *m);
void plic_set(struct machine *m, unsigned int irq, bool level);
void plic_update(struct cpu *cpu);	/* sets the line of a CPU */
void plic_write(struct machine *m, u64 offset, u32 val);
u32 plic_read(struct machine *m, u64 offset);

/* goldfish.c. The lock is held. */
u32 goldfish_read(struct machine *m, u64 offset);

#endif /* AXASCTL_BOOT_ARCH_H */
