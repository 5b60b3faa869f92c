// SPDX-License-Identifier: GPL-2.0-only
/*
 * Excludes KVM. Both KVM and axvcpu allocate VMIDs from 1, and assume exclusive use of the
 * hypervisor CSRs. Unlike virtualization on x86, the extension has no enable bit that shows its
 * user: from 7.x on KVM delegates only while a vCPU is loaded.
 *
 * The minor number of /dev/kvm serves as the lock. KVM registers it at the end of its load, and
 * from then on may use any CPU; axvcpu registers it while a vCPU exists. The second of both fails.
 * Called by riscv.c; may sleep. No locks: the caller serializes calls.
 */
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "riscv.h"

static void tell_who_holds_the_cpus(void)
{
	pr_warn_ratelimited("axvcpu: KVM cannot have the CPUs while vCPUs of axvcpu exist: end the programs that have /dev/axvcpu in use first\n");
}

/* The node /dev/kvm may exist without KVM: udev creates it at boot. */
static int refuse(struct inode *inode, struct file *file)
{
	tell_who_holds_the_cpus();
	return -EBUSY;
}

static const struct file_operations refusing_fops = {
	.owner	= THIS_MODULE,
	.open	= refuse,
};

static struct miscdevice kvm_minor = {
	.minor	= KVM_MINOR,
	.name	= "axvcpu-instead-of-kvm",
	.fops	= &refusing_fops,
	.mode	= 0400,
};

/* KVM's own registration of the minor would fail, but only after it has used each CPU. */
static int module_comes(struct notifier_block *nb, unsigned long state, void *data)
{
#ifdef CONFIG_MODULES
	const struct module *module = data;

	if (state == MODULE_STATE_COMING && !strcmp(module->name, "kvm")) {
		tell_who_holds_the_cpus();
		return notifier_from_errno(-EBUSY);
	}
#endif
	return NOTIFY_DONE;
}

static struct notifier_block module_notifier = {
	.notifier_call = module_comes,
};

int axvcpu_riscv_keep_kvm_out(void)
{
	int err = misc_register(&kvm_minor);

	if (err == -EBUSY)
		pr_warn_ratelimited("axvcpu: KVM holds the CPUs: unload it first (modprobe -r kvm)\n");
	if (err)
		return err;
	err = register_module_notifier(&module_notifier);
	if (err)
		misc_deregister(&kvm_minor);
	return err;
}

void axvcpu_riscv_let_kvm_in(void)
{
	unregister_module_notifier(&module_notifier);
	misc_deregister(&kvm_minor);
}
