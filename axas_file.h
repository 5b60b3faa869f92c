/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file descriptor of a space, and the dispatcher that copies the structs of ioctls from
 * and to user space.
 */
#ifndef _AXAS_FILE_H
#define _AXAS_FILE_H

#include <linux/build_bug.h>
#include <linux/fs.h>
#include <linux/stddef.h>
#include <linux/types.h>

/* How an ioctl's struct is copied. */
enum axas_ioctl_dir {
	AXAS_IOCTL_IN,		/* from user space */
	AXAS_IOCTL_INOUT,	/* from user space and back */
	AXAS_IOCTL_QUERY,	/* the same, without side effects: written back at the end only */
};

/* Size of the dispatcher's buffer in bytes. */
#define AXAS_IOCTL_MAX	512

/**
 * struct axas_ioctl - one ioctl of a table; AXAS_IOCTL_OF() begins a row
 * @cmd: its number
 * @size: size of its struct in bytes
 * @flags: valid bits of the struct's flags
 * @dir: how the struct is copied
 * @mode: required mode of the file, FMODE_READ, or FMODE_WRITE for ioctls with side effects
 * @run: the handler; gets the dispatcher's @ctx and the struct, with size and flags checked
 */
struct axas_ioctl {
	unsigned int cmd;
	u32 size;
	u32 flags;
	enum axas_ioctl_dir dir;
	fmode_t mode;
	long (*run)(void *ctx, void *arg);
};

/*
 * Initialize @cmd and @size of a row. The build fails if the struct does not begin with size and
 * flags, or does not fit the dispatcher's buffer.
 */
#define AXAS_IOCTL_OF(number, type)						\
	.cmd = (number),							\
	.size = sizeof(type) + BUILD_BUG_ON_ZERO(sizeof(type) > AXAS_IOCTL_MAX) +	\
		BUILD_BUG_ON_ZERO(offsetof(type, size) ||			\
				  offsetof(type, flags) != sizeof(u32))

/*
 * Look up @cmd, copy its struct in, run it on @ctx, copy the struct back. Return the handler's
 * result, -ENOTTY if there is no such ioctl, -EBADF if @filp lacks the row's @mode, or -EFAULT,
 * -EINVAL or -E2BIG for an invalid struct.
 */
long axas_ioctl_dispatch(const struct axas_ioctl *table, unsigned int n,
			 const struct file *filp, void *ctx, unsigned int cmd,
			 void __user *uarg);

struct axas_space;

/* Create a descriptor. Consumes the caller's reference of @space, also on an error. */
int __must_check axas_file_create(struct axas_space *space);

#endif /* _AXAS_FILE_H */
