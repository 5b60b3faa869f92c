// SPDX-License-Identifier: GPL-2.0-only
/*
 * The inode of a space: a regular file of a pseudo file system, so that it can be opened again by
 * /proc/PID/fd/N, has a size, and has an address_space of its own that lists its host mappings.
 * Calls axas_file_io.c, axas_file_mmap.c, axas_debugfs.c, axas_space.c and axas_area.c. Locks:
 * ended_lock protects the accounts that a work item uncharges; it nests inside nothing.
 *
 * The file system is mounted while /dev/axas is open, and while an inode is made: a permanent mount
 * would pin the module. Open files keep the mount, also those by O_PATH, and the super block keeps
 * the module.
 */
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/statfs.h>
#include <linux/workqueue.h>

#include "axas_compat.h"
#include "axas_file.h"
#include "axas_space.h"

#define AXAS_MAGIC	0x61786173	/* f_type: "axas" */
#define BLOCK_SHIFT	9		/* of st_blocks */

static struct vfsmount *mount;
static int mounts;

static LIST_HEAD(ended);
static DEFINE_SPINLOCK(ended_lock);

static void uncharge_ended(struct work_struct *work)
{
	struct axas_pinned *pinned, *next;
	LIST_HEAD(all);

	spin_lock(&ended_lock);
	list_splice_init(&ended, &all);
	spin_unlock(&ended_lock);
	list_for_each_entry_safe(pinned, next, &all, node) {
		account_locked_vm(pinned->mm, pinned->charged, false);
		mmdrop(pinned->mm);
		kfree(pinned);
	}
}

static DECLARE_WORK(uncharging, uncharge_ended);

/* The last pin may go in a fault, with the mmap_lock that uncharging needs. */
static void end_account(struct axas_pinned *pinned)
{
	spin_lock(&ended_lock);
	list_add_tail(&pinned->node, &ended);
	spin_unlock(&ended_lock);
	schedule_work(&uncharging);
}

/*
 * Pages of files that images have pinned stay charged until the last of them is unpinned. Consumes
 * the file's references on the account and on the mm.
 */
static void leave_charged(struct axas_file *file)
{
	struct axas_pinned *pinned = file->pinned;

	pinned->charged = min_t(u64, file->locked, atomic_long_read(&pinned->pages));
	pinned->mm = file->mm;
	pinned->last = end_account;
	file->locked -= pinned->charged;
	if (file->locked)
		account_locked_vm(file->mm, file->locked, false);
	axas_pinned_put(pinned);
}

static void uncharge(struct axas_file *file)
{
	if (file->locked)
		account_locked_vm(file->mm, file->locked, false);
	mmdrop(file->mm);
	axas_pinned_put(file->pinned);
}

void axas_file_exit(void)
{
	flush_work(&uncharging);
}

/* Called when the space, with its linear areas, has been freed. */
static void free_file(void *arg)
{
	struct axas_file *file = arg;

	if (file->pinned && atomic_long_read(&file->pinned->pages))
		leave_charged(file);
	else
		uncharge(file);
	mutex_destroy(&file->lock);
	mutex_destroy(&file->attach);
	kfree(file);
}

struct axas_file *axas_file_new(struct axas_space *space, u32 flags)
{
	struct axas_file *file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	int err = -ENOMEM;

	if (file)
		err = axas_space_on_release(space, free_file, file);
	if (err) {
		axas_space_put(space);
		kfree(file);
		return ERR_PTR(err);
	}
	file->space = space;
	file->pinnable = flags & AXAS_CREATE_PINNABLE;
	file->mm = current->mm;
	mmgrab(file->mm);
	mutex_init(&file->lock);
	mutex_init(&file->attach);
	axas_debugfs_add(&file->debugfs, space);
	return file;
}

void axas_file_close(struct axas_file *file)
{
	axas_debugfs_remove(&file->debugfs);
	axas_space_put(file->space);
}

static int inode_getattr(struct mnt_idmap *idmap, const struct path *path, struct kstat *stat,
			 u32 mask, unsigned int flags)
{
	struct inode *inode = d_inode(path->dentry);
	struct axas_file *file = inode->i_private;
	struct axas_info info;

	axas_generic_fillattr(idmap, mask, inode, stat);
	stat->size = axas_file_size(file);
	if (mask & STATX_BLOCKS) {
		axas_space_get_info(file->space, &info);
		stat->blocks = info.frames << (AXAS_FRAME_SHIFT - BLOCK_SHIFT);
	}
	return 0;
}

/* Areas make the size: it cannot be set, but to what it is. */
static int inode_setattr(struct mnt_idmap *idmap, struct dentry *dentry, struct iattr *attr)
{
	struct inode *inode = d_inode(dentry);
	int err = setattr_prepare(idmap, dentry, attr);

	if (err)
		return err;
	if (attr->ia_valid & ATTR_SIZE && attr->ia_size != axas_file_size(inode->i_private))
		return -EPERM;
	setattr_copy(idmap, inode, attr);
	return 0;
}

static const struct inode_operations inode_iops = {
	.getattr	= inode_getattr,
	.setattr	= inode_setattr,
};

static void evict_inode(struct inode *inode)
{
	struct axas_file *file = inode->i_private;

	clear_inode(inode);
	if (!file)
		return;
	axas_file_no_mmap(file);
	axas_file_close(file);
}

static const struct super_operations super_ops = {
	.statfs		= simple_statfs,
	.evict_inode	= evict_inode,
};

static int init_context(struct fs_context *fc)
{
	struct pseudo_fs_context *ctx = init_pseudo(fc, AXAS_MAGIC);

	if (!ctx)
		return -ENOMEM;
	ctx->ops = &super_ops;
	/* Refuses PROT_EXEC in mmap() and mprotect(), and execve(). */
	fc->s_iflags |= SB_I_NOEXEC | SB_I_NODEV;
	return 0;
}

static struct file_system_type axas_fs = {
	.name		= "axas",
	.owner		= THIS_MODULE,
	.init_fs_context = init_context,
	.kill_sb	= kill_anon_super,
};

/* fstat() shows another size: see inode_getattr(). */
static struct inode *new_file_inode(struct axas_file *file, const struct file_operations *fops)
{
	struct inode *inode = new_inode(mount->mnt_sb);

	if (!inode)
		return NULL;
	inode->i_ino = get_next_ino();
	inode->i_mode = S_IFREG | 0600;
	/* All that may ever be mapped: from 6.12 on the kernel makes no PMD beyond it. */
	inode->i_size = axas_file_max_size(file) & PAGE_MASK;
	/* No update of times on each write fault. */
	inode->i_flags |= S_NOCMTIME;
	inode->i_uid = current_fsuid();
	inode->i_gid = current_fsgid();
	inode->i_op = &inode_iops;
	inode->i_fop = fops;
	inode->i_private = file;
	file->mapping = inode->i_mapping;
	return inode;
}

/*
 * alloc_file_pseudo() takes no reference on the module, but the last fput() drops one. It sets
 * neither FMODE_LSEEK nor FMODE_PREAD and FMODE_PWRITE.
 */
static struct file *open_inode(struct inode *inode, const struct file_operations *fops)
{
	struct file *filp;

	__module_get(THIS_MODULE);
	filp = alloc_file_pseudo(inode, mount, "axas-space", O_RDWR | O_LARGEFILE, fops);
	if (IS_ERR(filp)) {
		module_put(THIS_MODULE);
		iput(inode);
		return filp;
	}
	filp->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
	filp->private_data = inode->i_private;
	return filp;
}

int axas_file_pin_mount(void)
{
	return simple_pin_fs(&axas_fs, &mount, &mounts);
}

void axas_file_unpin_mount(void)
{
	simple_release_fs(&mount, &mounts);
}

struct file *axas_file_open_new(struct axas_file *file, const struct file_operations *fops)
{
	struct inode *inode = NULL;
	struct file *filp;
	int err;

	err = axas_file_pin_mount();
	if (!err) {
		inode = new_file_inode(file, fops);
		/* From here on evict_inode() closes @file. */
		filp = inode ? open_inode(inode, fops) : ERR_PTR(-ENOMEM);
		axas_file_unpin_mount();
	} else {
		filp = ERR_PTR(err);
	}
	if (!inode)
		axas_file_close(file);
	return filp;
}

struct file *axas_file_make(struct axas_space *space, u32 flags, const struct file_operations *fops)
{
	struct axas_file *file = axas_file_new(space, flags);

	return IS_ERR(file) ? ERR_CAST(file) : axas_file_open_new(file, fops);
}

/* Uncharge the locked pages of areas that are gone. */
void axas_file_unlock_pages(struct axas_file *file)
{
	u64 pages = axas_space_locked_pages(file->space) + file->reserved;

	lockdep_assert_held(&file->lock);
	if (pages >= file->locked)
		return;
	account_locked_vm(file->mm, file->locked - pages, false);
	file->locked = pages;
}
