// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtualization on each CPU: enabled everywhere with the first vCPU, disabled with the
 * last, and kept right while CPUs come and go and the machine sleeps. Calls the backend.
 *
 * Locks: machine_lock keeps the first and the last user apart, outside the hotplug lock.
 * The callbacks take none: @machine does not change while they are registered, and
 * @enabled is written on its own CPU.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include <linux/syscore_ops.h>

#include "axas_compat.h"
#include "axvcpu.h"

static DEFINE_MUTEX(machine_lock);	/* @machine and @users */
static const struct axvcpu_arch_ops *machine;
static unsigned int users;
static int hotplug_state;
static DEFINE_PER_CPU(bool, enabled);

bool axvcpu_machine_here(const struct axvcpu_arch_ops *ops)
{
	return __this_cpu_read(enabled) && READ_ONCE(machine) == ops;
}
EXPORT_SYMBOL_AXAS_KUNIT(axvcpu_machine_here);

/* On its CPU, which cannot be left. */
static int enable_here(void)
{
	unsigned long flags;
	int err;

	local_irq_save(flags);
	err = machine->cpu_supported();
	if (!err)
		err = machine->cpu_enable();
	__this_cpu_write(enabled, !err);
	local_irq_restore(flags);
	return err;
}

static void disable_here(void *unused)
{
	unsigned long flags;

	local_irq_save(flags);
	if (__this_cpu_read(enabled)) {
		__this_cpu_write(enabled, false);
		machine->cpu_disable();
	}
	local_irq_restore(flags);
}

/*
 * A CPU that cannot be enabled cannot come online: its threads might run a vCPU. It goes
 * offline only after it has been disabled; by then no vCPU is loaded there, since this
 * runs in a thread of that CPU, and preemption is off while one is.
 */
static int cpu_comes(unsigned int cpu)
{
	return enable_here();
}

static int cpu_goes(unsigned int cpu)
{
	disable_here(NULL);
	return 0;
}

/* The last CPU of a machine that falls asleep is not taken offline. */
static int machine_sleeps(void)
{
	disable_here(NULL);
	return 0;
}

static void machine_wakes(void)
{
	/* What cannot be enabled again stays disabled: vCPUs do not run there. */
	enable_here();
}

AXAS_SYSCORE(sleep_ops, machine_sleeps, machine_wakes);

/* Firmware and the next kernel expect CPUs as they were after a reset. */
static int machine_reboots(struct notifier_block *nb, unsigned long action, void *data)
{
	on_each_cpu(disable_here, NULL, 1);
	return NOTIFY_OK;
}

static struct notifier_block reboot_notifier = {
	.notifier_call = machine_reboots,
};

static int start_cpus(void)
{
	int err = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "axvcpu:online", cpu_comes, cpu_goes);

	if (err < 0)
		return err;
	hotplug_state = err;
	axas_register_syscore(&sleep_ops);
	register_reboot_notifier(&reboot_notifier);
	return 0;
}

static void stop_cpus(void)
{
	unregister_reboot_notifier(&reboot_notifier);
	axas_unregister_syscore(&sleep_ops);
	cpuhp_remove_state(hotplug_state);
}

static int start(const struct axvcpu_arch_ops *ops)
{
	int err = ops->hw_setup ? ops->hw_setup() : 0;

	if (err)
		return err;
	WRITE_ONCE(machine, ops);
	err = start_cpus();
	if (!err)
		return 0;
	WRITE_ONCE(machine, NULL);
	if (ops->hw_unsetup)
		ops->hw_unsetup();
	return err;
}

static void stop(void)
{
	const struct axvcpu_arch_ops *ops = machine;

	stop_cpus();
	WRITE_ONCE(machine, NULL);
	if (ops->hw_unsetup)
		ops->hw_unsetup();
}

int axvcpu_machine_get(const struct axvcpu_arch_ops *ops)
{
	int err = 0;

	mutex_lock(&machine_lock);
	if (machine && machine != ops)
		err = -EBUSY;
	else if (!users)
		err = start(ops);
	users += !err;
	mutex_unlock(&machine_lock);
	return err;
}
EXPORT_SYMBOL_AXAS_KUNIT(axvcpu_machine_get);

void axvcpu_machine_put(void)
{
	mutex_lock(&machine_lock);
	if (!--users)
		stop();
	mutex_unlock(&machine_lock);
}
EXPORT_SYMBOL_AXAS_KUNIT(axvcpu_machine_put);
