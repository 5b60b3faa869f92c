// SPDX-License-Identifier: GPL-2.0-only
/*
 * Init and exit of the module, and /dev/axas, which describes formats and creates spaces. Calls
 * axas_file.c, axas_file_*.c, axas_debugfs.c, axas_space.c, axas_area.c, axas_npt.c,
 * axas_npt_host.c, axas_hal.c and axas_stock.c. No locks.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "axas_compat.h"
#include "axas_debugfs.h"
#include "axas_area.h"
#include "axas_file.h"
#include "axas_space.h"
#include "axas_stock.h"

static long get_format(void *ctx, void *arg)
{
	struct axas_format_info *info = arg;
	const struct axas_npt_fmt *fmt;
	struct axas_npt_caps caps;
	bool native;

	if (info->caps)
		return -EINVAL;
	fmt = axas_npt_fmt_by_id(info->format);
	if (!fmt)
		return -EOPNOTSUPP;
	native = axas_host_caps(fmt, &caps);
	info->format = fmt->id;
	info->caps = caps.flags | (native ? AXAS_CAP_NATIVE : 0);
	info->min_ia_bits = fmt->min_ia_bits;
	info->max_ia_bits = caps.max_ia_bits;
	info->oa_bits = min(caps.oa_bits, axas_hal_phys_bits(&axas_hal_linux));
	info->leaf_levels = caps.leaf_levels;
	info->ia_bits = axas_npt_ia_widths(fmt, &caps);
	return 0;
}

static long create(void *ctx, void *arg)
{
	const struct axas_create *create = arg;
	struct axas_space_params params = {
		.format = create->format,
		.ia_bits = create->ia_bits,
		.base = axas_gpa(create->base),
		.size = create->length,
		.max_frames = create->max_frames,
	};
	struct axas_machine machine = {
		.caps = create->caps,
		.leaf_levels = create->leaf_levels,
		.oa_bits = create->oa_bits,
	};
	struct axas_space *space;

	if (create->reserved)
		return -EINVAL;
	if (create->flags & AXAS_CREATE_CAPS)
		params.machine = &machine;
	else if (create->caps || create->leaf_levels || create->oa_bits)
		return -EINVAL;
	space = axas_space_create(&params);
	return IS_ERR(space) ? PTR_ERR(space) :
			       axas_file_create(space, create->flags & AXAS_CREATE_PINNABLE);
}

static const struct axas_ioctl system_ioctls[] = {
	{ AXAS_IOCTL_OF(AXAS_GET_FORMAT, struct axas_format_info),
	  .dir = AXAS_IOCTL_QUERY, .mode = FMODE_READ, .run = get_format },
	{ AXAS_IOCTL_OF(AXAS_CREATE, struct axas_create),
	  .flags = AXAS_CREATE_CAPS | AXAS_CREATE_PINNABLE, .dir = AXAS_IOCTL_IN,
	  .mode = FMODE_WRITE, .run = create },
};

static long axas_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	/* This ioctl has no argument: programs may leave @arg undefined. */
	if (cmd == AXAS_GET_API_VERSION)
		return AXAS_API_VERSION;
	return axas_ioctl_dispatch(system_ioctls, ARRAY_SIZE(system_ioctls), filp, NULL,
				   cmd, (void __user *)arg);
}

static int axas_open(struct inode *inode, struct file *filp)
{
	return axas_file_pin_mount();
}

static int axas_release(struct inode *inode, struct file *filp)
{
	axas_file_unpin_mount();
	return 0;
}

static const struct file_operations axas_fops = {
	.owner		= THIS_MODULE,
	.open		= axas_open,
	.release	= axas_release,
	.unlocked_ioctl	= axas_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static struct miscdevice axas_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "axas",
	.fops	= &axas_fops,
	.mode	= 0600,
};

static int __init axas_init(void)
{
	int err;

	err = axas_stock_init();
	if (err)
		return err;
	err = axas_area_init();
	if (err)
		goto no_areas;
	axas_debugfs_init();
	err = misc_register(&axas_misc);
	if (!err)
		return 0;
	axas_debugfs_exit();
	axas_area_exit();
no_areas:
	axas_stock_exit();
	return err;
}

static void __exit axas_exit(void)
{
	misc_deregister(&axas_misc);
	axas_file_exit();
	axas_debugfs_exit();
	axas_area_exit();
	axas_stock_exit();
}

module_init(axas_init);
module_exit(axas_exit);

MODULE_DESCRIPTION("Guest-memory service: guest-physical address spaces with nested page tables");
MODULE_AUTHOR("The axas authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(AXAS_VERSION);
