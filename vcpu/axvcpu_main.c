// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module, and /dev/axvcpu, which creates vCPUs. Calls axvcpu_file.c, axvcpu_core.c and
 * axvcpu_percpu.c. No locks.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "axas_compat.h"
#include "axas_file.h"
#include "axvcpu.h"

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
MODULE_VERSION(AXAS_VERSION);
AXAS_MODULE_IMPORT_NS(AXAS);
