// SPDX-License-Identifier: GPL-2.0-only
/*
 * Turn virtualization off before a crashed kernel hands the CPUs on: a CPU in VMX operation ignores
 * INIT, and faults when the next kernel clears CR4.VMXE (SDM 24.7, 24.8). Calls axvcpu_percpu.c.
 *
 * The kernel calls one callback on each CPU that goes down in an emergency, and warns when a second
 * is registered. KVM has priority: it registers its own from the load of kvm_intel on up to 6.11,
 * since then while it holds the CPUs. So ours is registered only while no KVM is loaded or about to
 * be.
 *
 * Locks: callback_lock protects @callback's registration. The callback takes none: it may run as an
 * NMI.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/string.h>
#include <asm/reboot.h>

#include "axas_compat.h"
#include "x86.h"

const char *const axvcpu_x86_kvm_modules[] = { "kvm_amd", "kvm_intel", NULL };

static inline bool is_kvm(const char *name)
{
	const char *const *kvm;

	for (kvm = axvcpu_x86_kvm_modules; *kvm; kvm++)
		if (!strcmp(name, *kvm))
			return true;
	return false;
}

#if AXAS_EMERGENCY_CALLBACK

static DEFINE_MUTEX(callback_lock);	/* @callback and @registered */
static void (*callback)(void);
static bool registered;

static bool kvm_is_loaded(void)
{
	const char *const *kvm;

	for (kvm = axvcpu_x86_kvm_modules; *kvm; kvm++)
		if (axvcpu_module_loaded(*kvm))
			return true;
	return false;
}

static void register_callback(void)
{
	mutex_lock(&callback_lock);
	if (!registered && callback) {
		cpu_emergency_register_virt_callback(callback);
		registered = true;
	}
	mutex_unlock(&callback_lock);
}

static void unregister_callback(void)
{
	mutex_lock(&callback_lock);
	if (registered)
		cpu_emergency_unregister_virt_callback(callback);
	registered = false;
	mutex_unlock(&callback_lock);
}

static void set_callback(void (*disable)(void))
{
	if (!disable)
		unregister_callback();
	callback = disable;
	if (disable && !kvm_is_loaded())
		register_callback();
}

#else

static bool registered;

static inline void register_callback(void) { }
static inline void unregister_callback(void) { }
static void set_callback(void (*disable)(void)) { }

#endif /* AXAS_EMERGENCY_CALLBACK */

/*
 * The notifier gets COMING before any of the module's own code runs, GOING after all of it. Kernels
 * without modules have no KVM that comes or goes.
 */
static int module_changes(struct notifier_block *nb, unsigned long action, void *data)
{
#ifdef CONFIG_MODULES
	const struct module *module = data;

	if (!is_kvm(module->name))
		return NOTIFY_DONE;
	if (action == MODULE_STATE_COMING) {
		pr_notice("axvcpu: vCPUs have this machine's CPUs: KVM is kept out until the last is closed\n");
		unregister_callback();
	} else if (action == MODULE_STATE_GOING) {
		register_callback();
	}
#endif
	return NOTIFY_OK;
}

static struct notifier_block module_notifier = {
	.notifier_call = module_changes,
};

bool axvcpu_x86_emergency_setup(void (*disable)(void))
{
	register_module_notifier(&module_notifier);
	set_callback(disable);
	/*
	 * KVM's callback turns off any virtualization; since 6.12 it is absent while KVM is idle.
	 */
	return AXAS_CR4_FOR_MODULES &&
	       (!AXAS_EMERGENCY_CALLBACK || registered || !AXAS_KVM_HOLDS_FROM_LOAD);
}

void axvcpu_x86_emergency_unsetup(void)
{
	set_callback(NULL);
	unregister_module_notifier(&module_notifier);
}
