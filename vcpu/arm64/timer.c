// SPDX-License-Identifier: GPL-2.0-only
/*
 * The virtual timer of the guest, which its EL1 accesses without an exit. It is on the CPU from
 * load to put: its interrupt, a PPI of the host, makes the vCPU leave its guest. The line stays
 * high until the guest lowers it, so the PPI is masked until then. Otherwise the timer's state is
 * in memory, and the wait of a halted vCPU ends at its deadline (sleep_ns).
 *
 * The guest's counter is the host's: CNTVOFF_EL2 stays 0. Calls the kernel's interrupt code. No
 * locks.
 */
#include <linux/acpi.h>
#include <linux/errno.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/ktime.h>
#include <linux/of.h>
#include <linux/of_irq.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <asm/arch_timer.h>
#include <asm/sysreg.h>

#include "arm64.h"

/* CNTV_CTL_EL0. Arm D23.10.12 */
#define CTL_ENABLE	BIT_ULL(0)
#define CTL_MASKED	BIT_ULL(1)
#define CTL_DUE		BIT_ULL(2)

/* Position in a device tree's list without names. */
#define OF_VIRT		2

/* The wait of a halted vCPU is not longer: it looks again then. */
#define WAIT_MAX_S	3600

static int ppi;
static u64 hz;
static DEFINE_PER_CPU(bool, listens);

static int find_by_tree(void)
{
	struct device_node *node = of_find_compatible_node(NULL, NULL, "arm,armv8-timer");
	int irq;

	if (!node)
		return 0;
	if (of_property_read_bool(node, "interrupt-names"))
		irq = of_irq_get_byname(node, "virt");
	else
		irq = irq_of_parse_and_map(node, OF_VIRT);
	of_node_put(node);
	return irq;
}

#ifdef CONFIG_ACPI
/* ACPI 5.2.25, GTDT */
static int find_by_acpi(void)
{
	struct acpi_table_header *table;
	struct acpi_table_gtdt *gtdt;
	u32 flags;
	int irq;

	if (acpi_disabled || ACPI_FAILURE(acpi_get_table(ACPI_SIG_GTDT, 0, &table)))
		return 0;
	gtdt = container_of(table, struct acpi_table_gtdt, header);
	flags = gtdt->virtual_timer_flags;
	irq = acpi_register_gsi(NULL, gtdt->virtual_timer_interrupt,
				flags & ACPI_GTDT_INTERRUPT_MODE ? ACPI_EDGE_SENSITIVE :
				ACPI_LEVEL_SENSITIVE,
				flags & ACPI_GTDT_INTERRUPT_POLARITY ? ACPI_ACTIVE_LOW :
				ACPI_ACTIVE_HIGH);
	acpi_put_table(table);
	return irq;
}
#else
static int find_by_acpi(void)
{
	return 0;
}
#endif

/* Whether an interrupt of the timer reaches this CPU. Preemption is off. */
static void listen(bool on)
{
	if (__this_cpu_read(listens) == on)
		return;
	__this_cpu_write(listens, on);
	if (on)
		enable_percpu_irq(ppi, irq_get_trigger_type(ppi));
	else
		disable_percpu_irq(ppi);
}

/* The guest is out already: the next entry finds the line high. */
static irqreturn_t on_timer(int irq, void *data)
{
	listen(false);
	return IRQ_HANDLED;
}

int axvcpu_arm64_timer_setup(void)
{
	int err;

	hz = arch_timer_get_cntfrq();
	ppi = find_by_tree();
	if (ppi <= 0)
		ppi = find_by_acpi();
	if (ppi <= 0 || !hz) {
		pr_info("axvcpu: the interrupt or the frequency of the virtual timer is not known: no vCPUs\n");
		return -ENODEV;
	}
	err = request_percpu_irq(ppi, on_timer, "axvcpu timer", &axvcpu_arm64_cpu);
	if (err)
		pr_info("axvcpu: the interrupt of the virtual timer has a user: no vCPUs\n");
	return err;
}

void axvcpu_arm64_timer_unsetup(void)
{
	free_percpu_irq(ppi, &axvcpu_arm64_cpu);
}

void axvcpu_arm64_timer_disable(void)
{
	listen(false);
}

static bool is_due(const struct axvcpu_arm64_timer *timer)
{
	return (timer->ctl & (CTL_ENABLE | CTL_MASKED)) == CTL_ENABLE &&
	       arch_timer_read_counter() >= timer->cval;
}

bool axvcpu_arm64_timer_line(const struct axvcpu_arm64 *a64)
{
	if (!a64->loaded)
		return is_due(&a64->timer);
	return (read_sysreg_s(SYS_CNTV_CTL_EL02) & (CTL_ENABLE | CTL_MASKED | CTL_DUE)) ==
	       (CTL_ENABLE | CTL_DUE);
}

/* The line rises during a run: then the interrupt ends it. */
void axvcpu_arm64_timer_enter(const struct axvcpu_arm64 *a64)
{
	listen(!axvcpu_arm64_timer_line(a64));
}

void axvcpu_arm64_timer_load(const struct axvcpu_arm64 *a64)
{
	listen(!is_due(&a64->timer));
	write_sysreg_s(a64->timer.cval, SYS_CNTV_CVAL_EL02);
	isb();
	write_sysreg_s(a64->timer.ctl, SYS_CNTV_CTL_EL02);
}

void axvcpu_arm64_timer_put(struct axvcpu_arm64 *a64)
{
	a64->timer.ctl = read_sysreg_s(SYS_CNTV_CTL_EL02) & (CTL_ENABLE | CTL_MASKED);
	a64->timer.cval = read_sysreg_s(SYS_CNTV_CVAL_EL02);
	write_sysreg_s(0, SYS_CNTV_CTL_EL02);
	write_sysreg_s(0, SYS_CNTV_CVAL_EL02);
}

/* One that is due already has been looked at: what masks it will be changed by an event. */
s64 axvcpu_arm64_sleep_ns(const struct axvcpu *vcpu)
{
	const struct axvcpu_arm64_timer *timer = &to_arm64(vcpu)->timer;
	u64 now = arch_timer_read_counter(), ticks;

	if ((timer->ctl & (CTL_ENABLE | CTL_MASKED)) != CTL_ENABLE || now >= timer->cval)
		return KTIME_MAX;
	ticks = timer->cval - now;
	if (ticks / hz >= WAIT_MAX_S)
		return (s64)WAIT_MAX_S * NSEC_PER_SEC;
	return ticks / hz * NSEC_PER_SEC + ticks % hz * NSEC_PER_SEC / hz + 1;
}
