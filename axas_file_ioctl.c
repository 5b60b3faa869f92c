// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dispatcher of ioctls, for all descriptors of axas and axvcpu: copies each argument from and
 * to user space, and checks its size and flags. Calls nothing of axas. No locks.
 */
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/uaccess.h>

#include "axas_compat.h"
#include "axas_file.h"

/*
 * Copy the struct in once, so that user space cannot change it between check and use. An INOUT
 * struct is first copied back unchanged, so that a bad address fails before there are side
 * effects. Members beyond user space's size are 0.
 */
static long run_ioctl(const struct axas_ioctl *ioctl, const struct file *filp, void *ctx,
		      void __user *uarg)
{
	u64 arg[AXAS_IOCTL_MAX / sizeof(u64)] __uninitialized;
	u32 *head = (u32 *)arg;
	u32 usize;
	long ret;

	if (get_user(usize, (u32 __user *)uarg))
		return -EFAULT;
	if (usize < 2 * sizeof(u32))
		return -EINVAL;
	if (usize > AXAS_SIZE_MAX)
		return -E2BIG;
	ret = copy_struct_from_user(arg, ioctl->size, uarg, usize);
	if (ret)
		return ret;
	head[0] = usize;
	if (head[1] & ~ioctl->flags)
		return -EINVAL;
	usize = min(usize, ioctl->size);
	if (ioctl->dir == AXAS_IOCTL_INOUT && copy_to_user(uarg, arg, usize))
		return -EFAULT;
	if ((filp->f_mode & ioctl->mode) != ioctl->mode)
		return -EBADF;
	ret = ioctl->run(ctx, arg);
	head[0] = usize;
	if (ret >= 0 && ioctl->dir != AXAS_IOCTL_IN && copy_to_user(uarg, arg, usize))
		return -EFAULT;
	return ret;
}

long axas_ioctl_dispatch(const struct axas_ioctl *table, unsigned int n,
			 const struct file *filp, void *ctx, unsigned int cmd,
			 void __user *uarg)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (table[i].cmd == cmd)
			return run_ioctl(&table[i], filp, ctx, uarg);
	return -ENOTTY;
}
EXPORT_SYMBOL_AXAS(axas_ioctl_dispatch);
