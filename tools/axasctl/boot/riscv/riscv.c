// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine on RISC-V: memory, setup of vCPUs, exits, which device has which address. Calls
 * sbi.c, the devices and libaxas. The timers of vCPUs are axvcpu's.
 *
 * Locks: the machine's lock is held, except by arch_ram() and arch_create().
 */
#include "../boot.h"

#include <stdio.h>

#define SCOUNTEREN_TIME	0x2	/* RISC-V Privileged, scounteren */

u32 arch_ram(const struct machine *m, struct axas_extent ranges[RAM_RANGES])
{
	ranges[0] = (struct axas_extent){ RAM_BASE, m->mem };
	return 1;
}

int arch_create(struct machine *m, const char **what)
{
	struct axvcpu_state state;
	int err = axvcpu_get_state(m->cpu[0].fd, &state);

	*what = "vcpu";
	m->arch.time_hz = state.time_hz;
	return err;
}

void arch_reset(struct machine *m)
{
	plic_reset(m);
	m->arch.clock = 0;
}

void arch_reset_cpu(struct cpu *cpu)
{
	cpu->arch = (struct arch_cpu){ 0 };
}

void arch_uart_line(struct machine *m, bool level)
{
	plic_set(m, IRQ_UART, level);
}

void arch_virtio_line(struct machine *m, u32 slot, bool level)
{
	plic_set(m, IRQ_VIRTIO + slot, level);
}

/* Programs may read the time, as firmware leaves it: Linux relies on that for its vDSO. */
static int let_programs_read_time(int fd)
{
	struct axvcpu_regs regs;
	int err = axvcpu_get_regs(fd, &regs);

	regs.riscv.scounteren = SCOUNTEREN_TIME;
	return err ? err : axvcpu_set_regs(fd, &regs);
}

#define SETUP_FLAGS	(AXVCPU_SETUP_BLOCK | AXVCPU_SETUP_TIMER)

int arch_setup_again(struct cpu *cpu)
{
	struct axvcpu_setup setup = { .flags = SETUP_FLAGS, .mode = AXVCPU_MODE_VS };

	return axvcpu_setup(cpu->fd, &setup);
}

/* As SBI starts a hart: its number in a0, the argument in a1. */
int arch_setup(struct cpu *cpu)
{
	struct axvcpu_setup setup = {
		.flags = SETUP_FLAGS, .mode = AXVCPU_MODE_VS,
		.entry = cpu->entry, .cr3 = cpu->arg,
	};
	int err = axvcpu_setup(cpu->fd, &setup);

	if (!err)
		err = let_programs_read_time(cpu->fd);
	cpu->arch.on = !err;
	plic_update(cpu);
	return err;
}

u64 arch_expire(struct cpu *cpu, u64 now)
{
	(void)cpu;
	(void)now;
	return NEVER;
}

/* Lines and IPIs reach a vCPU when they change. */
u32 arch_deliver(struct cpu *cpu)
{
	(void)cpu;
	return 0;
}

static bool in(u64 gpa, u64 base, u64 size)
{
	return gpa >= base && gpa - base < size;
}

/* All but the serial line have registers of 4 bytes; other accesses read 0 and write nothing. */
static bool mmio_read(struct machine *m, u64 gpa, u32 width, u64 *val)
{
	*val = 0;
	if (in(gpa, UART_BASE, UART_SIZE)) {
		if (width == 1)
			*val = uart_read(m, gpa & 7);
	} else if (in(gpa, PLIC_BASE, PLIC_SIZE)) {
		if (width == 4 && !(gpa & 3))
			*val = plic_read(m, gpa - PLIC_BASE);
	} else if (in(gpa, RTC_BASE, RTC_SIZE)) {
		if (width == 4)
			*val = goldfish_read(m, gpa - RTC_BASE);
	} else if (in(gpa, VIRTIO_BASE, NR_VIRTIO * VIRTIO_SIZE)) {
		*val = virtio_read(m, (gpa - VIRTIO_BASE) / VIRTIO_SIZE,
				   (gpa - VIRTIO_BASE) % VIRTIO_SIZE, width);
	} else {
		return false;
	}
	return true;
}

static bool mmio_write(struct machine *m, u64 gpa, u32 width, u64 val)
{
	if (in(gpa, UART_BASE, UART_SIZE)) {
		if (width == 1)
			uart_write(m, gpa & 7, val);
	} else if (in(gpa, PLIC_BASE, PLIC_SIZE)) {
		if (width == 4 && !(gpa & 3))
			plic_write(m, gpa - PLIC_BASE, val);
	} else if (in(gpa, VIRTIO_BASE, NR_VIRTIO * VIRTIO_SIZE)) {
		virtio_write(m, (gpa - VIRTIO_BASE) / VIRTIO_SIZE,
			     (gpa - VIRTIO_BASE) % VIRTIO_SIZE, val);
	} else {
		return in(gpa, RTC_BASE, RTC_SIZE);
	}
	return true;
}

static bool on_mmio_read(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	u64 val;

	if (!mmio_read(cpu->m, exit->mmio_read.gpa, exit->mmio_read.width, &val))
		return false;
	axvcpu_set_return(cpu->fd, val);
	return true;
}

/* A hart without them: counters, and whatever else traps. */
static void on_csr(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	if (cpu->m->trace)
		fprintf(stderr, "%#llx %s CSR %#x: illegal\r\n", exit->rip,
			exit->reason == AXVCPU_EXIT_SYSREG_READ ? "reads" : "writes",
			exit->sysreg_read.addr);
	axvcpu_set_return_fault(cpu->fd);
}

/* False: an access to a hole. */
static bool on_mmio(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	if (exit->reason == AXVCPU_EXIT_MMIO_READ)
		return on_mmio_read(cpu, exit);
	return mmio_write(cpu->m, exit->mmio_write.gpa, exit->mmio_write.width,
			  exit->mmio_write.data);
}

bool arch_exit(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	switch (exit->reason) {
	case AXVCPU_EXIT_MMIO_READ:
	case AXVCPU_EXIT_MMIO_WRITE:
		return on_mmio(cpu, exit);
	case AXVCPU_EXIT_HYPERCALL:
		sbi_call(cpu, exit);
		return true;
	case AXVCPU_EXIT_SEND_IPI:
		sbi_send_ipi(cpu, exit);
		return true;
	case AXVCPU_EXIT_CPU_UP:
		sbi_hart_start(cpu, exit);
		return true;
	case AXVCPU_EXIT_CPU_DOWN:
		sbi_hart_stop(cpu);
		return true;
	case AXVCPU_EXIT_SYSTEM_DOWN:
		sbi_down(cpu);
		return true;
	case AXVCPU_EXIT_SYSREG_READ:
	case AXVCPU_EXIT_SYSREG_WRITE:
		on_csr(cpu, exit);
		return true;
	default:
		return false;
	}
}
