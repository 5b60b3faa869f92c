// SPDX-License-Identifier: GPL-2.0-only
/* Exits as text. Calls nothing; no locks. */
#include <linux/kernel.h>

#include "axas_compat.h"
#include "axvcpu.h"

static const char * const names[] = {
	[AXVCPU_EXIT_NOTHING]			= "Nothing",
	[AXVCPU_EXIT_HYPERCALL]			= "Hypercall",
	[AXVCPU_EXIT_MMIO_READ]			= "MmioRead",
	[AXVCPU_EXIT_MMIO_WRITE]		= "MmioWrite",
	[AXVCPU_EXIT_SYSREG_READ]		= "SysRegRead",
	[AXVCPU_EXIT_SYSREG_WRITE]		= "SysRegWrite",
	[AXVCPU_EXIT_IO_READ]			= "IoRead",
	[AXVCPU_EXIT_IO_WRITE]			= "IoWrite",
	[AXVCPU_EXIT_EXTERNAL_INTERRUPT]	= "ExternalInterrupt",
	[AXVCPU_EXIT_NESTED_PAGE_FAULT]		= "NestedPageFault",
	[AXVCPU_EXIT_HALT]			= "Halt",
	[AXVCPU_EXIT_CPU_UP]			= "CpuUp",
	[AXVCPU_EXIT_CPU_DOWN]			= "CpuDown",
	[AXVCPU_EXIT_SYSTEM_DOWN]		= "SystemDown",
	[AXVCPU_EXIT_FAIL_ENTRY]		= "FailEntry",
	[AXVCPU_EXIT_SEND_IPI]			= "SendIpi",
	[AXVCPU_EXIT_CPUID]			= "Cpuid",
	[AXVCPU_EXIT_WINDOW]			= "Window",
};

const char *axvcpu_exit_name(u32 reason)
{
	return reason < ARRAY_SIZE(names) ? names[reason] : "?";
}
EXPORT_SYMBOL_AXAS(axvcpu_exit_name);

static int print_memory(char *buf, size_t len, const struct axvcpu_exit *exit)
{
	const char *name = axvcpu_exit_name(exit->reason);
	u32 access = exit->nested_page_fault.access;

	switch (exit->reason) {
	case AXVCPU_EXIT_MMIO_READ:
		return scnprintf(buf, len, "%s { addr: " AXAS_GPA_FMT
				 ", width: %u, reg: %u, reg_width: %u, sign_extend: %u }",
				 name, exit->mmio_read.gpa, exit->mmio_read.width,
				 exit->mmio_read.reg, exit->mmio_read.reg_width,
				 exit->mmio_read.sign_extend);
	case AXVCPU_EXIT_MMIO_WRITE:
		return scnprintf(buf, len, "%s { addr: " AXAS_GPA_FMT
				 ", width: %u, data: 0x%llx }", name, exit->mmio_write.gpa,
				 exit->mmio_write.width, exit->mmio_write.data);
	default:
		return scnprintf(buf, len, "%s { addr: " AXAS_GPA_FMT ", access: %c%c%c }",
				 name, exit->nested_page_fault.gpa,
				 access & AXAS_PROT_READ ? 'r' : '-',
				 access & AXAS_PROT_WRITE ? 'w' : '-',
				 access & AXAS_PROT_EXEC ? 'x' : '-');
	}
}

static int print_port(char *buf, size_t len, const struct axvcpu_exit *exit)
{
	const char *name = axvcpu_exit_name(exit->reason);

	if (exit->reason == AXVCPU_EXIT_IO_READ)
		return scnprintf(buf, len, "%s { port: 0x%x, width: %u }", name,
				 exit->io_read.port, exit->io_read.width);
	return scnprintf(buf, len, "%s { port: 0x%x, width: %u, data: 0x%llx }", name,
			 exit->io_write.port, exit->io_write.width, exit->io_write.data);
}

static int print_sysreg(char *buf, size_t len, const struct axvcpu_exit *exit)
{
	const char *name = axvcpu_exit_name(exit->reason);

	if (exit->reason == AXVCPU_EXIT_SYSREG_READ)
		return scnprintf(buf, len, "%s { addr: 0x%x, reg: %u }", name,
				 exit->sysreg_read.addr, exit->sysreg_read.reg);
	return scnprintf(buf, len, "%s { addr: 0x%x, value: 0x%llx }", name,
			 exit->sysreg_write.addr, exit->sysreg_write.value);
}

static int print_hypercall(char *buf, size_t len, const struct axvcpu_exit *exit)
{
	const u64 *args = exit->hypercall.args;

	return scnprintf(buf, len, "%s { nr: 0x%llx, args: [%llx, %llx, %llx, %llx, %llx, %llx] }",
			 axvcpu_exit_name(exit->reason), exit->hypercall.nr, args[0], args[1],
			 args[2], args[3], args[4], args[5]);
}

/* Exits with at most five numbers. */
static int print_other(char *buf, size_t len, const struct axvcpu_exit *exit)
{
	const char *name = axvcpu_exit_name(exit->reason);

	switch (exit->reason) {
	case AXVCPU_EXIT_EXTERNAL_INTERRUPT:
		return scnprintf(buf, len, "%s { vector: %llu }", name,
				 exit->external_interrupt.vector);
	case AXVCPU_EXIT_CPU_UP:
		return scnprintf(buf, len, "%s { target: %llu, entry: " AXAS_GPA_FMT
				 ", arg: 0x%llx }", name, exit->cpu_up.target,
				 exit->cpu_up.entry, exit->cpu_up.arg);
	case AXVCPU_EXIT_CPU_DOWN:
		return scnprintf(buf, len, "%s { state: %llu }", name, exit->cpu_down.state);
	case AXVCPU_EXIT_FAIL_ENTRY:
		return scnprintf(buf, len, "%s { reason: 0x%llx, info: 0x%llx }", name,
				 exit->fail_entry.reason, exit->fail_entry.info);
	case AXVCPU_EXIT_SEND_IPI:
		return scnprintf(buf, len,
				 "%s { target: %llu, aux: %llu, all: %u, self: %u, vector: %llu }",
				 name, exit->send_ipi.target, exit->send_ipi.target_aux,
				 exit->send_ipi.to_all, exit->send_ipi.to_self,
				 exit->send_ipi.vector);
	case AXVCPU_EXIT_CPUID:
		return scnprintf(buf, len, "%s { leaf: 0x%x, subleaf: 0x%x }", name,
				 exit->cpuid.leaf, exit->cpuid.subleaf);
	default:
		return scnprintf(buf, len, "%s", name);
	}
}

int axvcpu_exit_snprint(char *buf, size_t len, const struct axvcpu_exit *exit)
{
	switch (exit->reason) {
	case AXVCPU_EXIT_MMIO_READ:
	case AXVCPU_EXIT_MMIO_WRITE:
	case AXVCPU_EXIT_NESTED_PAGE_FAULT:
		return print_memory(buf, len, exit);
	case AXVCPU_EXIT_IO_READ:
	case AXVCPU_EXIT_IO_WRITE:
		return print_port(buf, len, exit);
	case AXVCPU_EXIT_SYSREG_READ:
	case AXVCPU_EXIT_SYSREG_WRITE:
		return print_sysreg(buf, len, exit);
	case AXVCPU_EXIT_HYPERCALL:
		return print_hypercall(buf, len, exit);
	default:
		return print_other(buf, len, exit);
	}
}
EXPORT_SYMBOL_AXAS(axvcpu_exit_snprint);
