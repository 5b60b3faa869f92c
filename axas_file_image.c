// SPDX-License-Identifier: GPL-2.0-only
/*
 * The descriptor of an image, and the ioctls freeze, clone, reset and diff. Calls
 * axas_file_image_mmap.c, axas_file_inode.c (clones are spaces), axas_file_ioctl.c, axas_space*.c
 * and axas_image.c. Locks: none of its own.
 */
#include <linux/anon_inodes.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "axas_compat.h"
#include "axas_file.h"
#include "axas_image.h"

/* Extents copied at once. */
#define SOME_EXTENTS	64

/* Clones for whose files and numbers nothing is allocated. */
#define FEW_CLONES	4

/**
 * struct image_file - the file of an image
 * @image: the image; NULL if it could not be made
 * @clone_fops: file operations of its clones
 */
struct image_file {
	struct axas_image *image;
	const struct file_operations *clone_fops;
};

/**
 * struct clones - descriptors of clones that are being made
 * @files: their files
 * @fds: reserved numbers
 * @nr: those made so far
 */
struct clones {
	struct file **files;
	s32 *fds;
	u32 nr;
};

static int add_clone(struct clones *clones, const struct image_file *file,
		     const struct axas_clone *arg)
{
	struct axas_space *space;
	struct file *filp;
	int fd;

	if (fatal_signal_pending(current))
		return -EINTR;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	space = axas_image_clone(file->image, arg->max_frames);
	filp = IS_ERR(space) ? ERR_CAST(space) :
			       axas_file_make(space, arg->flags, file->clone_fops);
	if (IS_ERR(filp)) {
		put_unused_fd(fd);
		return PTR_ERR(filp);
	}
	clones->fds[clones->nr] = fd;
	clones->files[clones->nr++] = filp;
	return 0;
}

static long make_clones(struct clones *clones, const struct image_file *file,
			const struct axas_clone *arg)
{
	s32 __user *to = u64_to_user_ptr(arg->fds);
	int err = 0;
	u32 i;

	while (!err && clones->nr < arg->count)
		err = add_clone(clones, file, arg);
	for (i = 0; !err && i < clones->nr; i++)
		err = put_user(clones->fds[i], &to[i]);
	for (i = 0; i < clones->nr; i++) {
		if (err) {
			put_unused_fd(clones->fds[i]);
			fput(clones->files[i]);
		} else {
			fd_install(clones->fds[i], clones->files[i]);
		}
	}
	return err;
}

static long clone(void *ctx, void *arg)
{
	const struct axas_clone *clone = arg;
	struct file *files[FEW_CLONES];
	s32 fds[FEW_CLONES];
	struct clones clones = { .files = files, .fds = fds };
	long err = -ENOMEM;

	if (clone->reserved || !clone->count || clone->count > AXAS_CLONE_MAX)
		return -EINVAL;
	if (clone->count <= FEW_CLONES)
		return make_clones(&clones, ctx, clone);
	clones.files = kcalloc(clone->count, sizeof(*clones.files), GFP_KERNEL_ACCOUNT);
	clones.fds = kcalloc(clone->count, sizeof(*clones.fds), GFP_KERNEL_ACCOUNT);
	if (clones.files && clones.fds)
		err = make_clones(&clones, ctx, clone);
	kfree(clones.files);
	kfree(clones.fds);
	return err;
}

static long get_info(void *ctx, void *arg)
{
	const struct image_file *file = ctx;

	axas_image_get_info(file->image, arg);
	return 0;
}

static const struct axas_ioctl image_ioctls[] = {
	{ AXAS_IOCTL_OF(AXAS_CLONE, struct axas_clone), .flags = AXAS_CREATE_PINNABLE,
	  .dir = AXAS_IOCTL_IN, .mode = FMODE_READ, .run = clone },
	{ AXAS_IOCTL_OF(AXAS_GET_IMAGE_INFO, struct axas_image_info),
	  .dir = AXAS_IOCTL_QUERY, .mode = FMODE_READ, .run = get_info },
};

static long image_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	return axas_ioctl_dispatch(image_ioctls, ARRAY_SIZE(image_ioctls), filp,
				   filp->private_data, cmd, (void __user *)arg);
}

static ssize_t image_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	const struct image_file *file = iocb->ki_filp->private_data;
	ssize_t done = 0, n = 0;

	while (iov_iter_count(to)) {
		n = axas_image_copy(file->image, iocb->ki_pos + done, to);
		if (n <= 0)
			break;
		done += n;
		if (fatal_signal_pending(current)) {
			n = -EINTR;
			break;
		}
		cond_resched();
	}
	iocb->ki_pos += done;
	return done ?: n;
}

static loff_t image_llseek(struct file *filp, loff_t offset, int whence)
{
	struct image_file *file = filp->private_data;
	struct axas_space *base = file->image->base;
	u64 found;
	int err;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return generic_file_llseek_size(filp, offset, whence, MAX_LFS_FILESIZE,
						axas_space_end(base));
	if (offset < 0)
		return -ENXIO;
	err = axas_space_seek(base, axas_gpa(offset), whence == SEEK_DATA, &found);
	if (err)
		return err == -ENOENT ? -ENXIO : err;
	return vfs_setpos(filp, found, MAX_LFS_FILESIZE);
}

static int image_release(struct inode *inode, struct file *filp)
{
	struct image_file *file = filp->private_data;

	axas_image_put(file->image);
	kfree(file);
	return 0;
}

static int image_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct image_file *file = filp->private_data;

	return axas_file_image_mmap(file->image, vma);
}

static void image_show_fdinfo(struct seq_file *m, struct file *filp)
{
	struct image_file *file = filp->private_data;
	struct axas_image_info info;

	axas_image_get_info(file->image, &info);
	seq_printf(m, "axas-id:\t%u\n", axas_space_id(file->image->base));
	seq_printf(m, "axas-range:\t0x%llx+0x%llx\n", info.base, info.length);
	seq_printf(m, "axas-areas:\t%llu\n", info.areas);
	seq_printf(m, "axas-frames:\t%llu\n", info.frames);
	seq_printf(m, "axas-tables:\t%llu\n", info.tables);
	seq_printf(m, "axas-users:\t%llu\n", info.users);
	seq_printf(m, "axas-depth:\t%u\n", info.depth);
}

static const struct file_operations image_fops = {
	.owner		= THIS_MODULE,
	.llseek		= image_llseek,
	.read_iter	= image_read_iter,
	.mmap		= image_mmap,
	.unlocked_ioctl	= image_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.release	= image_release,
	.show_fdinfo	= image_show_fdinfo,
};

/* A file that gets its image next. */
static struct file *new_file(const struct file_operations *clone_fops)
{
	struct image_file *file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	struct file *filp;

	if (!file)
		return ERR_PTR(-ENOMEM);
	file->clone_fops = clone_fops;
	filp = anon_inode_getfile("[axas-image]", &image_fops, file, O_RDONLY);
	if (IS_ERR(filp)) {
		kfree(file);
		return filp;
	}
	/* pwrite() is EBADF, as with each file that is open for reading. */
	filp->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
	return filp;
}

/* The file comes first: after the freeze nothing can fail. */
static struct file *freeze(struct axas_space *space, const struct file_operations *clone_fops)
{
	struct file *filp = new_file(clone_fops);
	struct axas_image *image;

	if (IS_ERR(filp))
		return filp;
	image = axas_space_freeze(space);
	if (IS_ERR(image)) {
		fput(filp);
		return ERR_CAST(image);
	}
	((struct image_file *)filp->private_data)->image = image;
	return filp;
}

long axas_file_freeze(struct axas_file *file, const struct file_operations *clone_fops)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);
	struct file *filp;

	if (fd < 0)
		return fd;
	filp = freeze(file->space, clone_fops);
	if (IS_ERR(filp)) {
		put_unused_fd(fd);
		return PTR_ERR(filp);
	}
	fd_install(fd, filp);
	return fd;
}

/* The image of a descriptor, with a reference. ERR_PTR(-EBADF), ERR_PTR(-EINVAL). */
static struct axas_image *get_image(int fd)
{
	struct axas_image *image = ERR_PTR(-EINVAL);
	struct file *filp = fget(fd);

	if (!filp)
		return ERR_PTR(-EBADF);
	if (filp->f_op == &image_fops)
		image = axas_image_get(((struct image_file *)filp->private_data)->image);
	fput(filp);
	return image;
}

long axas_file_reset(void *ctx, void *arg)
{
	const struct axas_reset *reset = arg;
	struct axas_file *file = ctx;
	struct axas_image *image;
	long err;

	if (reset->reserved)
		return -EINVAL;
	image = get_image(reset->image_fd);
	if (IS_ERR(image))
		return PTR_ERR(image);
	err = axas_space_reset(file->space, image, reset->flags);
	axas_file_unlock_pages(file);
	axas_image_put(image);
	return err;
}

/* Find some extents and copy them to user space. Return their number or an error. */
static int copy_some(struct axas_file *file, struct axas_gpa_range *range,
		     struct axas_diff_extent *extents, struct axas_diff_extent __user *to, u32 max)
{
	int n = axas_space_diff(file->space, range, extents, min_t(u32, max, SOME_EXTENTS));

	if (n > 0 && copy_to_user(to, extents, n * sizeof(*extents)))
		return -EFAULT;
	return n;
}

static long diff_all(struct axas_file *file, struct axas_diff *diff,
		     struct axas_diff_extent *extents)
{
	struct axas_diff_extent __user *to = u64_to_user_ptr(diff->buf);
	struct axas_gpa_range range = axas_gpa_range(axas_gpa(diff->gpa), diff->length);
	u32 done = 0;
	int n;

	do {
		n = copy_some(file, &range, extents, to + done, diff->count - done);
		if (n < 0)
			return n;
		done += n;
		cond_resched();
	} while (range.size && done < diff->count && n);
	diff->gpa = range.start.val;
	diff->length = range.size;
	diff->count = done;
	return 0;
}

long axas_file_diff(void *ctx, void *arg)
{
	struct axas_diff_extent *extents;
	struct axas_diff *diff = arg;
	long err;

	if (diff->reserved)
		return -EINVAL;
	extents = kmalloc_array(SOME_EXTENTS, sizeof(*extents), GFP_KERNEL_ACCOUNT);
	if (!extents)
		return -ENOMEM;
	err = diff_all(ctx, diff, extents);
	kfree(extents);
	return err;
}
