/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file of a space: shared by the files axas_file*.c. The dispatcher that copies the structs
 * of ioctls from and to user space, for axvcpu too.
 */
#ifndef _AXAS_FILE_H
#define _AXAS_FILE_H

#include <linux/build_bug.h>
#include <linux/fs.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/stddef.h>
#include <linux/types.h>
#include <axas/space.h>

#include "axas_debugfs.h"

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

/**
 * struct axas_file - the file of a space
 * @space: the space
 * @mm: linear areas and files are accounted to its locked_vm, against RLIMIT_MEMLOCK
 * @lock: protects @locked, and that @pinned is set once
 * @locked: pages of linear areas that were charged to @pinned
 * @pinned: the account of these and of pages of files, with a reference, or NULL
 * @debugfs: its entry in debugfs
 * @mapping: the inode's, which lists the host mappings
 * @pinnable: its host mappings are pinnable; else watched
 * @attach: protects @attached; inside mmap_lock
 * @attached: @host is attached to the space: there was a host mapping
 * @host: the host mappings as a consumer of the space
 *
 * Lives as long as its space, to which others (a vCPU) may hold references after the inode is
 * gone: linear memory stays accounted until the last one is put.
 */
struct axas_file {
	struct axas_space *space;
	struct mm_struct *mm;
	struct mutex lock;	/* see @lock above */
	u64 locked;
	struct axas_pinned *pinned;
	struct axas_debugfs debugfs;
	struct address_space *mapping;
	bool pinnable;
	struct mutex attach;	/* see @attach above */
	bool attached;
	struct axas_consumer host;
};

/* axas_file.c */

/*
 * Create a descriptor. @flags: 0 or AXAS_CREATE_PINNABLE. Consumes the caller's reference of
 * @space, also on an error.
 */
int __must_check axas_file_create(struct axas_space *space, u32 flags);

/* axas_file_image.c: ioctls of images; @ctx is the struct axas_file */

/* Make an image, whose clones' files have @fops. Return its descriptor or an error. */
long axas_file_freeze(struct axas_file *file, const struct file_operations *fops);
long axas_file_reset(void *ctx, void *arg);
long axas_file_diff(void *ctx, void *arg);

struct axas_image;
/*
 * axas_file_image_mmap.c: map an image, whose file @vma has. -EINVAL out of its range, -EACCES to
 * write or execute.
 */
int axas_file_image_mmap(struct axas_image *image, struct vm_area_struct *vma);

/* axas_file_inode.c */

/* Keep the file system mounted, so that inodes are made quickly. -ENOMEM, ... */
int __must_check axas_file_pin_mount(void);
void axas_file_unpin_mount(void);

/* Consumes the caller's reference of @space. ERR_PTR(-ENOMEM), ERR_PTR(-EEXIST). */
struct axas_file *__must_check axas_file_new(struct axas_space *space, u32 flags);
/* Undo axas_file_new(): for a file without an inode. */
void axas_file_close(struct axas_file *file);
/* Make the inode and open it, O_RDWR. Consumes @file, also on an error. */
struct file *__must_check axas_file_open_new(struct axas_file *file,
					      const struct file_operations *fops);

/*
 * The file of a new space, for a descriptor. Consumes the caller's reference of @space, also on an
 * error. ERR_PTR as those above.
 */
struct file *__must_check axas_file_make(struct axas_space *space, u32 flags,
					 const struct file_operations *fops);
/*
 * Locked memory, see "DOC: locked memory": charge pages that are about to be mapped, say that they
 * were if they are linear, and unreserve them. -ENOMEM, -EINTR. No lock is held by callers.
 */
int __must_check axas_file_reserve_pages(struct axas_file *file, u64 pages);
void axas_file_lock_pages(struct axas_file *file, u64 pages);
void axas_file_unreserve_pages(struct axas_file *file, u64 pages);
/* Uncharge the pages of areas that are gone. */
void axas_file_unlock_pages(struct axas_file *file);
/* At module unload, when no space and no image exists. */
void axas_file_exit(void);

/* axas_file_io.c: file operations */

ssize_t axas_file_read_iter(struct kiocb *iocb, struct iov_iter *to);
ssize_t axas_file_write_iter(struct kiocb *iocb, struct iov_iter *from);
ssize_t axas_file_splice_read(struct file *filp, loff_t *pos, struct pipe_inode_info *pipe,
			      size_t len, unsigned int flags);
loff_t axas_file_llseek(struct file *filp, loff_t offset, int whence);
long axas_file_fallocate(struct file *filp, int mode, loff_t offset, loff_t length);
/* The end of the highest area. */
loff_t axas_file_size(struct axas_file *file);
loff_t axas_file_max_size(struct axas_file *file);

/* axas_file_missing.c: of ioctls, and a file operation */

/* Whether flags, reserved members and those that go with the flags are valid. */
bool axas_file_supply_ok(const struct axas_supply *supply);
/* @from: the space to copy from, or NULL. */
long axas_file_supply(struct axas_file *file, struct axas_supply *supply, struct axas_space *from);
long axas_file_get_missing(void *ctx, void *arg);
__poll_t axas_file_poll(struct file *filp, struct poll_table_struct *wait);

/* axas_file_mmap.c */

int axas_file_mmap(struct file *filp, struct vm_area_struct *vma);
/* No host mapping is left, nor can there be another. */
void axas_file_no_mmap(struct axas_file *file);

/* axas_file_log.c: ioctls of the dirty log; @ctx is the struct axas_file, @arg struct axas_log. */
long axas_file_start_log(void *ctx, void *arg);
long axas_file_stop_log(void *ctx, void *arg);
long axas_file_get_log(void *ctx, void *arg);
long axas_file_clear_log(void *ctx, void *arg);

#endif /* _AXAS_FILE_H */
