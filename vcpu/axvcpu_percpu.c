// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtualization on each CPU: enabled on all CPUs with the first vCPU, disabled with the last, and
 * maintained across CPU hotplug, suspend and reboot. Keeps KVM out, and is kept out by it. Calls
 * the backend.
 *
 * Locks: machine_lock serializes the first and the last user; it is taken outside the hotplug lock.
 * The callbacks take no lock: @machine does not change while they are registered, and
 * axvcpu_enabled is written on its own CPU with interrupts off.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/kobject.h>
#include <linux/module.h>
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
static bool going_down;
DEFINE_PER_CPU(bool, axvcpu_enabled);

bool axvcpu_machine_here(const struct axvcpu_arch_ops *ops)
{
	return __this_cpu_read(axvcpu_enabled) && READ_ONCE(machine) == ops;
}

#if IS_ENABLED(CONFIG_AXAS_KUNIT_TEST)
void axvcpu_machine_pretend(bool here)
{
	__this_cpu_write(axvcpu_enabled, here);
}
EXPORT_SYMBOL_AXAS_KUNIT(axvcpu_machine_pretend);
#endif

/* Runs pinned to its CPU. Once the machine goes down, no CPU is enabled again. */
static int enable_here(void)
{
	unsigned long flags;
	int err;

	local_irq_save(flags);
	err = READ_ONCE(going_down) ? -ESHUTDOWN : machine->cpu_supported();
	if (!err)
		err = machine->cpu_enable();
	__this_cpu_write(axvcpu_enabled, !err);
	local_irq_restore(flags);
	return err;
}

static void disable_here(void *unused)
{
	unsigned long flags;

	local_irq_save(flags);
	if (__this_cpu_read(axvcpu_enabled)) {
		__this_cpu_write(axvcpu_enabled, false);
		machine->cpu_disable();
	}
	local_irq_restore(flags);
}

/*
 * Hotplug. A CPU that cannot be enabled does not come online: its threads might run a vCPU. A CPU
 * is disabled before it goes offline; no vCPU is loaded there at that time, because the callback
 * runs in a thread of that CPU and preemption is off while a vCPU is loaded.
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

/* Suspend does not take the last CPU offline. */
static int machine_sleeps(void)
{
	disable_here(NULL);
	return 0;
}

static void machine_wakes(void)
{
	/* A CPU that cannot be enabled again stays disabled: no vCPU runs there. */
	enable_here();
}

AXAS_SYSCORE(sleep_ops, machine_sleeps, machine_wakes);

/*
 * Firmware and the next kernel expect CPUs in their reset state. Guests run on until the interrupt
 * of on_each_cpu() makes them exit; a thread about to enter checks axvcpu_enabled with interrupts
 * off and does not enter.
 */
static int machine_reboots(struct notifier_block *nb, unsigned long action, void *data)
{
	WRITE_ONCE(going_down, true);
	on_each_cpu(disable_here, NULL, 1);
	return NOTIFY_OK;
}

static struct notifier_block reboot_notifier = {
	.notifier_call = machine_reboots,
};

int axvcpu_percpu_init(void)
{
	return register_reboot_notifier(&reboot_notifier);
}

void axvcpu_percpu_exit(void)
{
	unregister_reboot_notifier(&reboot_notifier);
}

bool axvcpu_module_loaded(const char *name)
{
	struct kobject *module = NULL;

#ifdef MODULE
	module = kset_find_obj(THIS_MODULE->mkobj.kobj.kset, name);
#endif
	kobject_put(module);
	return module;
}

static const char *loaded_kvm(const struct axvcpu_arch_ops *ops)
{
	const char *const *name;

	for (name = ops->kvm_modules; name && *name; name++)
		if (axvcpu_module_loaded(*name))
			return *name;
	return NULL;
}

/* Log which hypervisor holds the CPUs and how to release them: the caller only gets EBUSY. */
static void tell_who_has_them(const struct axvcpu_arch_ops *ops)
{
	const char *kvm = loaded_kvm(ops);

	if (!kvm)
		pr_warn_ratelimited("axvcpu: another hypervisor has this machine's CPUs: close its guests or unload it\n");
	else if (AXAS_KVM_HOLDS_FROM_LOAD)
		pr_warn_ratelimited("axvcpu: KVM has this machine's CPUs: unload %s, or close its guests if kvm was loaded with enable_virt_at_load=0\n",
				    kvm);
	else
		pr_warn_ratelimited("axvcpu: KVM has this machine's CPUs: close its guests, or unload %s\n",
				    kvm);
}

static int start_cpus(void)
{
	int err = cpuhp_setup_state(AXAS_CPUHP_STATE, "axvcpu:online", cpu_comes, cpu_goes);

	if (err < 0)
		return err;
	hotplug_state = err ?: AXAS_CPUHP_STATE;
	axas_register_syscore(&sleep_ops);
	return 0;
}

static void stop_cpus(void)
{
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
	if (!err && loaded_kvm(ops))
		pr_notice("axvcpu: vCPUs have this machine's CPUs: KVM is kept out until the last is closed\n");
	if (!err)
		return 0;
	if (err == -EBUSY)
		tell_who_has_them(ops);
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
