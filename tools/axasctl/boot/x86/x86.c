// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine on x86: memory, setup of vCPUs, delivery of vectors, exits. Calls the devices and
 * libaxas.
 *
 * Locks: the machine's lock is held, except by arch_ram() and arch_create().
 */
#include "mmio.h"

#include <stdio.h>
#include <unistd.h>
#include <x86intrin.h>

#define IRQ_UART	4
#define ENOSYS_RETURN	(-38ll)

u32 arch_ram(const struct machine *m, struct axas_extent ranges[RAM_RANGES])
{
	u64 low = m->mem < LOW_RAM_MAX ? m->mem : LOW_RAM_MAX;

	ranges[0] = (struct axas_extent){ 0, low };
	ranges[1] = (struct axas_extent){ HIGH_RAM, m->mem - low };
	return m->mem > low ? 2 : 1;
}

#define MEASURE_US	50000
#define MEASURE_TRIES	32

/* The clock and the TSC at one moment. */
struct moment {
	u64 ns;
	u64 tsc;
};

/* Of several readings the one with the shortest pause between clock and TSC. */
static struct moment now_by_both(void)
{
	struct moment best = { 0 };
	u64 shortest = ~0ull;

	for (int i = 0; i < MEASURE_TRIES; i++) {
		u64 before = __rdtsc(), ns = now_ns(), after = __rdtsc();

		if (after - before < shortest) {
			shortest = after - before;
			best = (struct moment){ ns, before + shortest / 2 };
		}
	}
	return best;
}

static u32 measure_tsc_khz(void)
{
	struct moment start = now_by_both(), end;

	usleep(MEASURE_US);
	end = now_by_both();
	return (__uint128_t)(end.tsc - start.tsc) * 1000000 / (end.ns - start.ns);
}

/*
 * The kernel's figure is the better one, unless it is off: a kernel that does not trust the TSC and
 * has another clock never corrects what it found at boot.
 */
int arch_create(struct machine *m, const char **what)
{
	u32 measured = measure_tsc_khz(), off;
	struct axvcpu_state state;
	int err = axvcpu_get_state(m->cpu[0].fd, &state);

	*what = "vcpu";
	if (err)
		return err;
	off = state.tsc_khz > measured ? state.tsc_khz - measured : measured - state.tsc_khz;
	m->arch.tsc_khz = off > measured / 500 ? measured : state.tsc_khz;
	return 0;
}

void arch_reset(struct machine *m)
{
	pic_reset(m);
	pit_reset(m);
	rtc_reset(m);
	m->arch.pm1_enable = 0;
}

void arch_reset_cpu(struct cpu *cpu)
{
	apic_reset(&cpu->arch.apic, cpu->id);
}

void arch_uart_line(struct machine *m, bool level)
{
	pic_set(m, IRQ_UART, level);
}

void arch_virtio_line(struct machine *m, u32 slot, bool level)
{
	pic_set(m, IRQ_VIRTIO + slot, level);
}

#define SETUP_FLAGS	(AXVCPU_SETUP_BLOCK | AXVCPU_SETUP_X2APIC)

/* The boot protocol's state of the first CPU: RSI has the zero page. */
static int setup_first(struct cpu *cpu)
{
	struct axvcpu_setup setup = {
		.flags = SETUP_FLAGS, .mode = AXVCPU_MODE_LONG, .entry = cpu->m->entry,
		.stack = BOOT_STACK, .cr3 = PAGE_TABLES,
	};
	int err = axvcpu_setup(cpu->fd, &setup);

	return err ? err : axvcpu_set_gpr(cpu->fd, AXVCPU_REG_RSI, ZERO_PAGE);
}

static int setup_other(struct cpu *cpu)
{
	struct axvcpu_setup setup = {
		.flags = SETUP_FLAGS | AXVCPU_SETUP_STARTUP, .mode = AXVCPU_MODE_REAL,
		.entry = cpu->entry,
	};

	return axvcpu_setup(cpu->fd, &setup);
}

int arch_setup_again(struct cpu *cpu)
{
	struct axvcpu_setup setup = { .flags = SETUP_FLAGS, .mode = AXVCPU_MODE_LONG };

	return axvcpu_setup(cpu->fd, &setup);
}

int arch_setup(struct cpu *cpu)
{
	return cpu->id ? setup_other(cpu) : setup_first(cpu);
}

u64 arch_expire(struct cpu *cpu, u64 now)
{
	u64 due;

	apic_expire(&cpu->arch.apic, now);
	if (cpu->id)
		return cpu->arch.apic.due;
	pit_expire(cpu->m, now);
	due = pit_due(cpu->m);
	return due < cpu->arch.apic.due ? due : cpu->arch.apic.due;
}

/* The vector that waits, or -1; the 8259 comes first. */
static int pending(struct cpu *cpu, bool *from_pic)
{
	int vector = -1;

	if (!cpu->id && apic_takes_pic(&cpu->arch.apic))
		vector = pic_pending(cpu->m);
	*from_pic = vector >= 0;
	return *from_pic ? vector : apic_pending(&cpu->arch.apic);
}

/* Deliver what the guest takes at once. Returns the vector for which it must run, or 0. */
u32 arch_deliver(struct cpu *cpu)
{
	bool from_pic;
	int vector;

	while ((vector = pending(cpu, &from_pic)) >= 0) {
		if (vector < 32 || axvcpu_inject_now(cpu->fd, vector))
			return vector < 32 ? 0 : vector;
		if (from_pic)
			pic_ack(cpu->m);
		else
			apic_ack(&cpu->arch.apic, vector);
	}
	return 0;
}

static void on_io_read(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	axvcpu_set_return(cpu->fd, port_read(cpu->m, exit->io_read.port, exit->io_read.width));
}

static void trace_msr(const struct cpu *cpu, const struct axvcpu_exit *exit, bool known)
{
	if (cpu->m->trace)
		fprintf(stderr, "%#llx %s MSR %#x%s\r\n", exit->rip,
			exit->reason == AXVCPU_EXIT_SYSREG_READ ? "reads" : "writes",
			exit->sysreg_read.addr, known ? "" : ": #GP");
}

static void on_msr_read(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	u64 val;
	bool known = msr_read(cpu, exit->sysreg_read.addr, &val);

	if (!apic_msr(exit->sysreg_read.addr))
		trace_msr(cpu, exit, known);
	if (known)
		axvcpu_set_return(cpu->fd, val);
	else
		axvcpu_set_return_fault(cpu->fd);
}

static void on_msr_write(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	bool known = msr_write(cpu, exit->sysreg_write.addr, exit->sysreg_write.value);

	if (!apic_msr(exit->sysreg_write.addr))
		trace_msr(cpu, exit, known);
	if (!known)
		axvcpu_set_return_fault(cpu->fd);
}

/* Where hardware leaves the registers as they were, they tell what happened. */
static void on_triple_fault(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	struct axvcpu_regs regs = { 0 };

	axvcpu_get_regs(cpu->fd, &regs);
	machine_fail(cpu->m, 0, "run",
		     "CPU %u: triple fault at %#llx, rsp %#llx, cr2 %#llx, cr3 %#llx, rflags %#llx",
		     cpu->id, exit->rip, regs.gpr[AXVCPU_REG_RSP], regs.cr2, regs.cr3, regs.rflags);
}

bool arch_exit(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	switch (exit->reason) {
	case AXVCPU_EXIT_IO_WRITE:
		port_write(cpu->m, exit->io_write.port, exit->io_write.width, exit->io_write.data);
		return true;
	case AXVCPU_EXIT_IO_READ:
		on_io_read(cpu, exit);
		return true;
	case AXVCPU_EXIT_SYSREG_READ:
		on_msr_read(cpu, exit);
		return true;
	case AXVCPU_EXIT_SYSREG_WRITE:
		on_msr_write(cpu, exit);
		return true;
	case AXVCPU_EXIT_NESTED_PAGE_FAULT:
		return mmio_exit(cpu, exit);
	case AXVCPU_EXIT_HYPERCALL:
		axvcpu_set_return(cpu->fd, ENOSYS_RETURN);
		return true;
	case AXVCPU_EXIT_SYSTEM_DOWN:
		on_triple_fault(cpu, exit);
		return true;
	default:
		return false;
	}
}
