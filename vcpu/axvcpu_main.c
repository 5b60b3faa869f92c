// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module: the host HAL, and /dev/axvcpu, which creates vCPUs. Calls axvcpu_file.c,
 * axvcpu_core.c and axvcpu_percpu.c.
 *
 * Locks: hal_lock protects the registered HAL and its use count.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/irqflags.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/processor.h>

#include "axas_compat.h"
#include "axas_file.h"
#include "axvcpu.h"

/* The interrupt is pending: it is taken as soon as interrupts are enabled. */
static void linux_irq_handler(void)
{
	local_irq_enable();
	/* STI keeps interrupts blocked for one more instruction. */
	cpu_relax();
	local_irq_disable();
}

const struct axvcpu_hal axvcpu_hal_linux = {
	.mm		= &axas_hal_linux,
	.irq_fetch	= axvcpu_arch_irq_fetch,
	.irq_handler	= linux_irq_handler,
};
EXPORT_SYMBOL_AXAS(axvcpu_hal_linux);

static DEFINE_MUTEX(hal_lock);	/* @hal and @hal_users */
static const struct axvcpu_hal *hal = &axvcpu_hal_linux;
static unsigned int hal_users;	/* of the registered HAL */

int axvcpu_hal_register(const struct axvcpu_hal *new)
{
	int err = 0;

	if (!new->irq_handler || !new->mm)
		return -EINVAL;
	mutex_lock(&hal_lock);
	if (hal != &axvcpu_hal_linux)
		err = -EBUSY;
	else
		hal = new;
	mutex_unlock(&hal_lock);
	return err;
}
EXPORT_SYMBOL_AXAS(axvcpu_hal_register);

int axvcpu_hal_unregister(const struct axvcpu_hal *old)
{
	int err = 0;

	mutex_lock(&hal_lock);
	if (hal != old || hal == &axvcpu_hal_linux)
		err = -ENOENT;
	else if (hal_users)
		err = -EBUSY;
	else
		hal = &axvcpu_hal_linux;
	mutex_unlock(&hal_lock);
	return err;
}
EXPORT_SYMBOL_AXAS(axvcpu_hal_unregister);

const struct axvcpu_hal *axvcpu_hal_get(void)
{
	const struct axvcpu_hal *got;

	mutex_lock(&hal_lock);
	got = hal;
	if (got != &axvcpu_hal_linux)
		hal_users++;
	mutex_unlock(&hal_lock);
	return got;
}
EXPORT_SYMBOL_AXAS_KUNIT(axvcpu_hal_get);

void axvcpu_hal_put(const struct axvcpu_hal *got)
{
	if (got == &axvcpu_hal_linux)
		return;
	mutex_lock(&hal_lock);
	hal_users--;
	mutex_unlock(&hal_lock);
}
EXPORT_SYMBOL_AXAS_KUNIT(axvcpu_hal_put);

static long create(void *ctx, void *arg)
{
	const struct axvcpu_create *create = arg;
	struct axvcpu_params params = {
		.id = create->id,
		.bsp = create->flags & AXVCPU_CREATE_BSP,
		.preferred_cpu = create->preferred_cpu,
		.cpu_set = create->cpu_set,
	};
	struct axas_space *space;
	struct axvcpu *vcpu;

	if (create->reserved)
		return -EINVAL;
	space = axas_space_get_from_fd(create->space_fd);
	if (IS_ERR(space))
		return PTR_ERR(space);
	vcpu = axvcpu_create(space, &params);
	axas_space_put(space);
	return IS_ERR(vcpu) ? PTR_ERR(vcpu) : axvcpu_file_create(vcpu);
}

static const struct axas_ioctl system_ioctls[] = {
	{ AXAS_IOCTL_OF(AXVCPU_CREATE, struct axvcpu_create),
	  .flags = AXVCPU_CREATE_BSP, .dir = AXAS_IOCTL_IN, .mode = FMODE_WRITE, .run = create },
};

static long axvcpu_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	/* As AXAS_GET_API_VERSION: takes no argument. */
	if (cmd == AXVCPU_GET_API_VERSION)
		return AXVCPU_API_VERSION;
	return axas_ioctl_dispatch(system_ioctls, ARRAY_SIZE(system_ioctls), filp, NULL,
				   cmd, (void __user *)arg);
}

static const struct file_operations axvcpu_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= axvcpu_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static struct miscdevice axvcpu_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "axvcpu",
	.fops	= &axvcpu_fops,
	.mode	= 0600,
};

static int __init axvcpu_init(void)
{
	int err = axvcpu_percpu_init();

	if (err)
		return err;
	err = misc_register(&axvcpu_misc);
	if (err)
		axvcpu_percpu_exit();
	return err;
}
module_init(axvcpu_init);

static void __exit axvcpu_exit(void)
{
	misc_deregister(&axvcpu_misc);
	axvcpu_percpu_exit();
}
module_exit(axvcpu_exit);

MODULE_DESCRIPTION("vCPUs on guest-physical address spaces");
MODULE_AUTHOR("The axas authors");
MODULE_LICENSE("GPL");
AXAS_MODULE_IMPORT_NS(AXAS);
