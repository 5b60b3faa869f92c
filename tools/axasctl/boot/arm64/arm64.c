// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine on arm64: memory, setup of vCPUs, exits. The timers and the CPU interfaces of the
 * interrupt controller are the module's. Calls psci.c, the devices and libaxas.
 *
 * Locks: the machine's lock is held, except by arch_ram() and arch_create().
 */
#include "../boot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

u32 arch_ram(const struct machine *m, struct axas_extent ranges[RAM_RANGES])
{
	ranges[0] = (struct axas_extent){ RAM_BASE, m->mem };
	return 1;
}

/* The host's driver has one name for all since version 3. */
static bool host_has_gicv3(void)
{
	FILE *f = fopen("/proc/interrupts", "r");
	char line[4096];
	bool has = !f;

	while (f && fgets(line, sizeof(line), f))
		has |= !!strstr(line, "GICv3");
	if (f)
		fclose(f);
	return has;
}

/* On another host the guest's accesses to the CPU interface would not trap: they are undefined. */
int arch_create(struct machine *m, const char **what)
{
	(void)m;
	*what = "the host has no GICv3, on whose CPU interface a guest's depends";
	return host_has_gicv3() ? 0 : -ENODEV;
}

void arch_reset(struct machine *m)
{
	irq_reset(m);
	rtc_reset(m);
}

void arch_reset_cpu(struct cpu *cpu)
{
	irq_cpu_off(cpu);
}

void arch_uart_line(struct machine *m, bool level)
{
	irq_set(m, IRQ_UART, level);
}

int arch_setup_again(struct cpu *cpu)
{
	struct axvcpu_setup setup = { .flags = AXVCPU_SETUP_BLOCK, .mode = AXVCPU_MODE_EL1 };

	return axvcpu_setup(cpu->fd, &setup);
}

void arch_virtio_line(struct machine *m, u32 slot, bool level)
{
	irq_set(m, IRQ_VIRTIO + slot, level);
}

/* X0 has the device tree, or what the guest gave to PSCI. */
int arch_setup(struct cpu *cpu)
{
	struct axvcpu_setup setup = {
		.flags = AXVCPU_SETUP_BLOCK, .mode = AXVCPU_MODE_EL1,
		.entry = cpu->start ? cpu->entry : cpu->m->entry,
		.cr3 = cpu->start ? cpu->arg : cpu->m->arch.fdt,
	};
	int err = axvcpu_setup(cpu->fd, &setup);

	if (!err)
		irq_cpu_on(cpu);
	return err;
}

u64 arch_expire(struct cpu *cpu, u64 now)
{
	(void)cpu;
	(void)now;
	return NEVER;
}

u32 arch_deliver(struct cpu *cpu)
{
	(void)cpu;
	return 0;
}

static void on_mmio_read(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	u64 val = 0;

	if (mmio_read(cpu->m, exit->mmio_read.gpa, exit->mmio_read.width, &val))
		axvcpu_set_return(cpu->fd, val);
	else
		machine_fail(cpu->m, 0, "run", "CPU %u at %#llx reads %#llx, where nothing is",
			     cpu->id, exit->rip, exit->mmio_read.gpa);
}

static void on_mmio_write(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	if (!mmio_write(cpu->m, exit->mmio_write.gpa, exit->mmio_write.width,
			exit->mmio_write.data))
		machine_fail(cpu->m, 0, "run", "CPU %u at %#llx writes %#llx, where nothing is",
			     cpu->id, exit->rip, exit->mmio_write.gpa);
}

/* None is the VMM's: it is undefined. */
static void on_sysreg(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	u32 reg = exit->sysreg_read.addr;

	if (cpu->m->trace)
		fprintf(stderr, "%#llx %s S%u_%u_C%u_C%u_%u: undefined\r\n", exit->rip,
			exit->reason == AXVCPU_EXIT_SYSREG_READ ? "reads" : "writes", reg >> 14,
			reg >> 11 & 7, reg >> 7 & 15, reg >> 3 & 15, reg & 7);
	axvcpu_set_return_fault(cpu->fd);
}

bool arch_exit(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	switch (exit->reason) {
	case AXVCPU_EXIT_MMIO_READ:
		on_mmio_read(cpu, exit);
		return true;
	case AXVCPU_EXIT_MMIO_WRITE:
		on_mmio_write(cpu, exit);
		return true;
	case AXVCPU_EXIT_SYSREG_READ:
	case AXVCPU_EXIT_SYSREG_WRITE:
		on_sysreg(cpu, exit);
		return true;
	case AXVCPU_EXIT_SEND_IPI:
		irq_send(cpu, exit);
		return true;
	case AXVCPU_EXIT_HYPERCALL:
		psci_call(cpu, exit);
		return true;
	case AXVCPU_EXIT_CPU_UP:
		psci_cpu_up(cpu, exit);
		return true;
	case AXVCPU_EXIT_CPU_DOWN:
		cpu->reset = true;
		return true;
	case AXVCPU_EXIT_SYSTEM_DOWN:
		psci_system_down(cpu);
		return true;
	default:
		return false;
	}
}
