/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file descriptor of a space, as axas_main.c makes it, and how both files take
 * a struct from user space.
 */
#ifndef _AXAS_FILE_H
#define _AXAS_FILE_H

#include <linux/build_bug.h>
#include <linux/fs.h>
#include <linux/stddef.h>
#include <linux/types.h>

/* What becomes of an ioctl's struct. */
enum axas_ioctl_dir {
	AXAS_IOCTL_IN,		/* it is taken */
	AXAS_IOCTL_INOUT,	/* it is written back, too */
	AXAS_IOCTL_QUERY,	/* the same; that it was asked has changed nothing */
};

/* Room for any struct of the API. */
#define AXAS_IOCTL_MAX	512

/**
 * struct axas_ioctl - one ioctl of a table; AXAS_IOCTL_OF() begins a row
 * @cmd: its number
 * @size: bytes of its struct
 * @flags: the bits that its flags may have
 * @dir: what becomes of the struct
 * @mode: how the file must be open, FMODE_READ or FMODE_WRITE: that for what changes anything
 * @run: does it, on the file's private data and the struct, whose size and flags
 *	are checked
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
 * The number of an ioctl, and the size of its struct, which begins with size and flags and
 * has room in the dispatcher.
 */
#define AXAS_IOCTL_OF(number, type)						\
	.cmd = (number),							\
	.size = sizeof(type) + BUILD_BUG_ON_ZERO(sizeof(type) > AXAS_IOCTL_MAX) +	\
		BUILD_BUG_ON_ZERO(offsetof(type, size) ||			\
				  offsetof(type, flags) != sizeof(u32))

/*
 * Find the ioctl, take its struct once, run it on @ctx, write the struct back. -ENOTTY;
 * -EBADF where @filp is not open as the row wants it.
 */
long axas_ioctl_dispatch(const struct axas_ioctl *table, unsigned int n,
			 const struct file *filp, void *ctx, unsigned int cmd,
			 void __user *uarg);

struct axas_space;

/* A new descriptor that owns the caller's reference of @space, also on an error. */
int axas_file_create(struct axas_space *space);

#endif /* _AXAS_FILE_H */
