// SPDX-License-Identifier: GPL-2.0-only
/*
 * The inode of a space: a regular file of a pseudo file system, so that it can be opened again by
 * /proc/PID/fd/N, has a size, and has an address_space of its own that lists its host mappings.
 * Calls axas_file_io.c, axas_file_mmap.c, axas_debugfs.c, axas_filemem.c, axas_space.c and
 * axas_area.c. Locks: fewer_lock protects the list of accounts for the work item; nothing nests
 * inside it. file->lock is outside space->changing, pinned->lock inside mmap_lock.
 *
 * The file system is mounted while /dev/axas is open, and while an inode is made: a permanent mount
 * would pin the module. Open files keep the mount, also those by O_PATH, and the super block keeps
 * the module.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/list.h>
#include <linux/mm.h>
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

/**
 * DOC: locked memory
 *
 * Pages are charged with the call that maps them: linear ones until their area is gone, those of
 * files as long as an area of that call is left, of the space, of an image, or of a clone. So it is
 * the account that is charged (struct axas_pinned), not the space, which may be gone before. What
 * is given back is uncharged at once by calls of the process that made the descriptor, and a moment
 * later if its mmap_lock is taken in a call of another one, or if an image or a clone had it.
 *
 * The mmap_lock that this needs is that of the process which has made the descriptor. It may keep
 * the lock as long as it likes: by a fault that a file server does not serve. So others never wait
 * for it, who may only be closing a descriptor that was passed to them, nor does the work item.
 */

static LIST_HEAD(fewer);
static DEFINE_SPINLOCK(fewer_lock);

/* How long the work item lets those be whose mmap_lock is taken. */
#define BUSY_DELAY	(HZ / 10)

/* Pages that are charged, but neither pinned nor about to be. */
static u64 surplus(const struct axas_pinned *pinned)
{
	u64 pages = atomic_long_read(&pinned->pages) + pinned->reserved;

	lockdep_assert_held(&pinned->lock);
	return pages < pinned->charged ? pinned->charged - pages : 0;
}

/* Uncharge these. mmap_lock and pinned->lock are held. */
static void uncharge(struct axas_pinned *pinned)
{
	u64 pages = surplus(pinned);

	if (pages)
		__account_locked_vm(pinned->mm, pages, false, current, true);
	pinned->charged -= pages;
}

static bool has_surplus(struct axas_pinned *pinned)
{
	bool any;

	mutex_lock(&pinned->lock);
	any = surplus(pinned);
	mutex_unlock(&pinned->lock);
	return any;
}

/*
 * Only the process itself waits for its mmap_lock. Not by mmap_write_lock(), which has no trylock
 * from Linux 6.12 on, and tells those who look at VMAs without the lock: no VMA changes here.
 */
static bool lock_mm(struct mm_struct *mm)
{
	return mm == current->mm ? !down_write_killable(&mm->mmap_lock) :
				   down_write_trylock(&mm->mmap_lock);
}

/* Uncharge what is not pinned any more, nor about to be. False: mmap_lock is taken. */
static bool settle(struct axas_pinned *pinned)
{
	if (!has_surplus(pinned))
		return true;
	if (!lock_mm(pinned->mm))
		return false;
	mutex_lock(&pinned->lock);
	uncharge(pinned);
	mutex_unlock(&pinned->lock);
	up_write(&pinned->mm->mmap_lock);
	return true;
}

static struct axas_pinned *take_fewer(void)
{
	struct axas_pinned *pinned;

	spin_lock(&fewer_lock);
	pinned = list_first_entry_or_null(&fewer, struct axas_pinned, node);
	if (pinned)
		list_del_init(&pinned->node);
	spin_unlock(&fewer_lock);
	return pinned;
}

/* Add an account, with a reference, to a list, unless it is in one. */
static void add_to(struct list_head *list, struct axas_pinned *pinned)
{
	spin_lock(&fewer_lock);
	if (list_empty(&pinned->node)) {
		refcount_inc(&pinned->refs);
		list_add_tail(&pinned->node, list);
	}
	spin_unlock(&fewer_lock);
}

static void settle_all(struct work_struct *work)
{
	struct axas_pinned *pinned;
	LIST_HEAD(busy);

	while ((pinned = take_fewer())) {
		if (!settle(pinned))
			add_to(&busy, pinned);
		axas_pinned_put(pinned);
		cond_resched();
	}
	if (list_empty(&busy))
		return;
	spin_lock(&fewer_lock);
	list_splice(&busy, &fewer);
	spin_unlock(&fewer_lock);
	schedule_delayed_work(to_delayed_work(work), BUSY_DELAY);
}

static DECLARE_DELAYED_WORK(settling, settle_all);

/* A pin may go in a fault, with the mmap_lock that uncharging needs. */
static void note_fewer(struct axas_pinned *pinned)
{
	add_to(&fewer, pinned);
	schedule_delayed_work(&settling, 0);
}

/* At once, if that is possible. */
static void settle_soon(struct axas_pinned *pinned)
{
	if (!settle(pinned))
		note_fewer(pinned);
}

static void free_account(struct axas_pinned *pinned)
{
	WARN_ON_ONCE(pinned->charged);
	mmdrop(pinned->mm);
}

static const struct axas_pinned_ops pinned_ops = {
	.fewer	= note_fewer,
	.free	= free_account,
};

/* The account of a file, on which the file has a reference from then on. */
static struct axas_pinned *account_of(struct axas_file *file)
{
	struct axas_pinned *pinned = file->pinned ?: axas_space_get_pinned(file->space);

	if (IS_ERR(pinned) || file->pinned)
		return pinned;
	mmgrab(file->mm);
	/* Used by who has found a surplus, with pinned->lock, and so after charge(). */
	pinned->mm = file->mm;
	WRITE_ONCE(pinned->ops, &pinned_ops);
	WRITE_ONCE(file->pinned, pinned);
	return pinned;
}

/* Charge pages, and uncharge what a fault in progress may have kept from being uncharged. */
static int charge(struct axas_pinned *pinned, u64 pages)
{
	int err;

	if (mmap_write_lock_killable(pinned->mm))
		return -EINTR;
	mutex_lock(&pinned->lock);
	uncharge(pinned);
	err = __account_locked_vm(pinned->mm, pages, true, current, capable(CAP_IPC_LOCK));
	if (!err) {
		pinned->charged += pages;
		pinned->reserved += pages;
	}
	mutex_unlock(&pinned->lock);
	mmap_write_unlock(pinned->mm);
	return err;
}

/* Linear areas that are gone, maybe by a module's call, have no locked pages. */
static void forget_linear(struct axas_file *file)
{
	u64 pages = axas_space_linear_pages(file->space);

	lockdep_assert_held(&file->lock);
	if (pages >= file->locked)
		return;
	atomic_long_sub(file->locked - pages, &file->pinned->pages);
	file->locked = pages;
}

int axas_file_reserve_pages(struct axas_file *file, u64 pages)
{
	struct axas_pinned *pinned;
	int err;

	mutex_lock(&file->lock);
	pinned = account_of(file);
	if (!IS_ERR(pinned))
		forget_linear(file);
	mutex_unlock(&file->lock);
	if (IS_ERR(pinned))
		return PTR_ERR(pinned);
	err = charge(pinned, pages);
	if (err != -ENOMEM)
		return err;
	/* What others have unmapped, of another space of this process, may wait to be uncharged. */
	flush_delayed_work(&settling);
	return charge(pinned, pages);
}

void axas_file_lock_pages(struct axas_file *file, u64 pages)
{
	mutex_lock(&file->lock);
	file->locked += pages;
	atomic_long_add(pages, &file->pinned->pages);
	mutex_unlock(&file->lock);
}

void axas_file_unlock_pages(struct axas_file *file)
{
	struct axas_pinned *pinned = READ_ONCE(file->pinned);

	if (!pinned)
		return;
	mutex_lock(&file->lock);
	forget_linear(file);
	mutex_unlock(&file->lock);
	settle_soon(pinned);
}

void axas_file_unreserve_pages(struct axas_file *file, u64 pages)
{
	struct axas_pinned *pinned = READ_ONCE(file->pinned);

	mutex_lock(&pinned->lock);
	pinned->reserved -= pages;
	mutex_unlock(&pinned->lock);
	axas_file_unlock_pages(file);
}

/* Who keeps its mmap_lock, and keeps us from waiting for it any longer, stays charged. */
static void forget_charge(struct axas_pinned *pinned)
{
	mutex_lock(&pinned->lock);
	pinned->charged = 0;
	mutex_unlock(&pinned->lock);
}

void axas_file_exit(void)
{
	struct axas_pinned *pinned;

	cancel_delayed_work_sync(&settling);
	while ((pinned = take_fewer())) {
		while (!settle(pinned))
			if (schedule_timeout_killable(BUSY_DELAY)) {
				forget_charge(pinned);
				break;
			}
		axas_pinned_put(pinned);
	}
}

/* Called when the space, with its linear areas, has been freed. */
static void free_file(void *arg)
{
	struct axas_file *file = arg;

	mmdrop(file->mm);
	if (file->pinned) {
		atomic_long_sub(file->locked, &file->pinned->pages);
		settle_soon(file->pinned);
	}
	axas_pinned_put(file->pinned);
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
