// SPDX-License-Identifier: GPL-2.0-only
/*
 * The descriptor of a space: ioctls, fdinfo, creation and lookup. Checks that concern user space
 * only, such as capabilities and RLIMIT_MEMLOCK, are here. Calls axas_file_*.c, axas_filemem.c,
 * axas_shared.c, axas_space*.c and axas_registry.c.
 *
 * Locks: none of its own; see axas_file_inode.c for locked memory.
 */
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/security.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/splice.h>
#include <linux/uaccess.h>

#include "axas_compat.h"
#include "axas_file.h"
#include "axas_registry.h"
#include "axas_space.h"

/* Hide host-physical addresses from callers that may not access physical memory. */
static u64 shown_hpa(u64 hpa)
{
	return capable(CAP_SYS_RAWIO) ? hpa : AXAS_HPA_NONE;
}

/*
 * Hide from them, too, which addresses are contiguous in host-physical memory. The total is no
 * secret: the counters show it, as smaps shows huge pages.
 */
static void hide_contiguity(struct axas_translate *translate)
{
	translate->level = 0;
	translate->left = AXAS_FRAME_SIZE - (translate->gpa & (AXAS_FRAME_SIZE - 1));
	translate->limit = translate->left;
}

/*
 * x86: the CPU's own local APIC, and the message addresses of all local APICs (Intel SDM
 * vol. 3A, 11.4.1 and 11.11.1), by which a guest could interrupt and stop host CPUs.
 */
#define APIC_FIRST	0xfee00000ull
#define APIC_LAST	0xfeefffffull

static bool is_apic(const struct axas_map_linear *arg)
{
	return IS_ENABLED(CONFIG_X86) && arg->hpa <= APIC_LAST &&
	       arg->hpa + (arg->length - 1) >= APIC_FIRST;
}

/*
 * Like /dev/mem: requires CAP_SYS_RAWIO and a kernel that is not locked down, and refuses System
 * RAM; refuses the local APIC, too.
 */
static int may_map_linear(const struct axas_map_linear *arg)
{
	int err;

	if (!capable(CAP_SYS_RAWIO))
		return -EPERM;
	err = security_locked_down(LOCKDOWN_DEV_MEM);
	if (err)
		return err;
	if (region_intersects(arg->hpa, arg->length, IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) != REGION_DISJOINT)
		return -EPERM;
	return is_apic(arg) ? -EPERM : 0;
}

static struct axas_gpa_range arg_range(u64 gpa, u64 length)
{
	return axas_gpa_range(axas_gpa(gpa), length);
}

static long map_linear(void *ctx, void *arg)
{
	struct axas_map_linear *map = arg;
	struct axas_file *file = ctx;
	u64 last, pages = map->length >> PAGE_SHIFT;
	int err;

	if (!map->length || check_add_overflow(map->hpa, map->length - 1, &last))
		return -EINVAL;
	err = may_map_linear(map) ?: axas_file_reserve_pages(file, pages);
	if (err)
		return err;
	err = axas_space_map_linear(file->space, arg_range(map->gpa, map->length),
				    axas_hpa(map->hpa), map->prot, map->type);
	if (!err)
		axas_file_lock_pages(file, pages);
	axas_file_unreserve_pages(file, pages);
	return err;
}

static long map_alloc(void *ctx, void *arg)
{
	struct axas_map_alloc *map = arg;
	struct axas_file *file = ctx;

	return axas_space_map_alloc(file->space, arg_range(map->gpa, map->length),
				    map->prot, map->type, map->flags);
}

static long map_shared(void *ctx, void *arg)
{
	struct axas_map_shared *map = arg;
	struct axas_file *file = ctx;
	struct axas_space *source = axas_space_get_from_fd(map->fd);
	long err;

	if (IS_ERR(source))
		return PTR_ERR(source);
	err = axas_space_map_shared(file->space, arg_range(map->gpa, map->length), source,
				    axas_gpa(map->source_gpa), map->prot, map->flags);
	axas_space_put(source);
	return err;
}

static long map_backend(void *ctx, void *arg)
{
	struct axas_map_backend *map = arg;
	struct axas_backend_object *object;
	struct axas_file *file = ctx;
	long err;

	if (!memchr(map->name, 0, sizeof(map->name)))
		return -EINVAL;
	object = axas_registry_open(map->name, map->arg, capable(CAP_SYS_RAWIO));
	if (IS_ERR(object))
		return PTR_ERR(object);
	err = axas_space_map_backend(file->space, arg_range(map->gpa, map->length), object,
				     map->offset, map->prot, map->type, map->flags);
	axas_backend_close(object);
	return err;
}

/*
 * By a mount that is read-only nobody changes a file or its mode. MAY_ACCESS: a FUSE server is
 * asked what it permits.
 */
static bool may_change(struct file *file)
{
	return !(file->f_path.mnt->mnt_flags & MNT_READONLY) &&
	       (inode_owner_or_capable(file_mnt_idmap(file), file_inode(file)) ||
		!file_permission(file, MAY_WRITE | MAY_ACCESS));
}

static bool may_execute(struct file *file)
{
	const struct vfsmount *mnt = file->f_path.mnt;

	return !(mnt->mnt_flags & MNT_NOEXEC) && !(mnt->mnt_sb->s_iflags & SB_I_NOEXEC) &&
	       !file_permission(file, MAY_EXEC);
}

/*
 * A mapped file cannot be written. So the caller must be able to prevent writes in another way: by
 * changing the file or its mode, or by executing it, which prevents writes, too; or it may mount
 * the file system as it likes. Memfds must be sealed; a read-only file system has no writers.
 */
static int may_keep_writers_away(struct file *file)
{
	const struct inode *inode = file_inode(file);

	if (!(file->f_mode & FMODE_READ) || !S_ISREG(inode->i_mode) ||
	    inode->i_sb->s_flags & SB_NOUSER || sb_rdonly(inode->i_sb) ||
	    may_change(file) || may_execute(file) || capable(CAP_SYS_ADMIN))
		return 0;
	return -EPERM;
}

static long map_file_of(struct axas_file *file, const struct axas_map_file *map, struct file *from)
{
	u64 pages = map->length >> PAGE_SHIFT;
	long err;

	err = axas_file_reserve_pages(file, pages);
	if (err)
		return err;
	err = axas_space_map_file(file->space, arg_range(map->gpa, map->length), from, map->offset,
				  map->prot, map->flags);
	axas_file_unreserve_pages(file, pages);
	return err;
}

static long map_file(void *ctx, void *arg)
{
	const struct axas_map_file *map = arg;
	struct file *from = fget(map->fd);
	long err;

	if (!from)
		return -EBADF;
	err = may_keep_writers_away(from) ?: map_file_of(ctx, map, from);
	fput(from);
	return err;
}

static long unmap(void *ctx, void *arg)
{
	struct axas_file *file = ctx;
	struct axas_range *range = arg;
	long err;

	err = axas_space_unmap(file->space, arg_range(range->gpa, range->length));
	axas_file_unlock_pages(file);
	return err;
}

static long clear(void *ctx, void *arg)
{
	struct axas_file *file = ctx;

	axas_space_clear(file->space);
	axas_file_unlock_pages(file);
	return 0;
}

static long protect(void *ctx, void *arg)
{
	struct axas_protect *protect = arg;
	struct axas_file *file = ctx;

	if (protect->reserved)
		return -EINVAL;
	return axas_space_protect(file->space, arg_range(protect->gpa, protect->length),
				  protect->prot);
}

/* Copy the ranges in before the call; struct axas_gpa_range is laid out like an extent. */
static long discard(void *ctx, void *arg)
{
	struct axas_discard *discard = arg;
	struct axas_file *file = ctx;
	struct axas_gpa_range *ranges;
	size_t bytes = discard->count * sizeof(*ranges);
	long err;

	static_assert(sizeof(*ranges) == sizeof(struct axas_extent));
	static_assert(offsetof(struct axas_gpa_range, size) ==
		      offsetof(struct axas_extent, length));
	if (discard->reserved || discard->done || discard->count > AXAS_DISCARD_MAX)
		return -EINVAL;
	ranges = kvmalloc(bytes ?: 1, GFP_KERNEL_ACCOUNT);
	if (!ranges)
		return -ENOMEM;
	err = -EFAULT;
	if (!copy_from_user(ranges, u64_to_user_ptr(discard->buf), bytes))
		err = axas_space_discard(file->space, ranges, discard->count, &discard->done);
	kvfree(ranges);
	return discard->done ? 0 : err;
}

static long populate(void *ctx, void *arg)
{
	struct axas_file *file = ctx;
	struct axas_range *range = arg;
	u64 done;
	long err;

	err = axas_space_populate(file->space, arg_range(range->gpa, range->length), &done);
	range->gpa += done;
	range->length -= done;
	return done ? 0 : err;
}

static long set_policy(void *ctx, void *arg)
{
	struct axas_file *file = ctx;
	struct axas_range *range = arg;

	return axas_space_set_policy(file->space, arg_range(range->gpa, range->length),
				     range->flags);
}

static long set_limit(void *ctx, void *arg)
{
	struct axas_limit *limit = arg;
	struct axas_file *file = ctx;

	return axas_space_set_limit(file->space, limit->max_frames);
}

static long collapse(void *ctx, void *arg)
{
	struct axas_collapse *collapse = arg;
	struct axas_file *file = ctx;

	if (collapse->collapsed)
		return -EINVAL;
	return axas_space_collapse(file->space, arg_range(collapse->gpa, collapse->length),
				   &collapse->collapsed);
}

static long fault(void *ctx, void *arg)
{
	struct axas_file *file = ctx;
	struct axas_fault *fault = arg;

	if (fault->reserved || !fault->access || fault->access & ~AXAS_PROT_MASK)
		return -EINVAL;
	fault->result = axas_space_fault(file->space, axas_gpa(fault->gpa), fault->access,
					 &fault->level);
	if (fault->level && !capable(CAP_SYS_RAWIO))
		fault->level = 0;
	return 0;
}

static long translate(void *ctx, void *arg)
{
	struct axas_translate *translate = arg;
	struct axas_file *file = ctx;
	struct axas_translation to;
	int err;

	if (translate->reserved)
		return -EINVAL;
	err = axas_space_translate_and_get_limit(file->space, axas_gpa(translate->gpa), &to,
						 &translate->limit);
	if (err)
		return err;
	translate->hpa = shown_hpa(to.hpa.val);
	translate->left = to.left;
	translate->prot = to.prot;
	translate->type = to.type;
	translate->level = to.level;
	if (!capable(CAP_SYS_RAWIO))
		hide_contiguity(translate);
	return 0;
}

static long get_info(void *ctx, void *arg)
{
	struct axas_file *file = ctx;
	struct axas_info *info = arg;

	axas_space_get_info(file->space, info);
	info->root = shown_hpa(info->root);
	return 0;
}

/* Copy areas to user space; hpas of linear ones only if the caller may see them. */
static long copy_areas(struct axas_get_areas *areas, struct axas_area_info *infos,
		       unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		infos[i].hpa = shown_hpa(infos[i].hpa);
	if (copy_to_user(u64_to_user_ptr(areas->buf), infos, n * sizeof(*infos)))
		return -EFAULT;
	if (n)
		areas->start = infos[n - 1].gpa + infos[n - 1].length;
	areas->count = n;
	return 0;
}

/* Collect first: user memory is not accessed with a lock of the space held. */
static long get_areas(void *ctx, void *arg)
{
	struct axas_get_areas *areas = arg;
	u32 max = min_t(u32, areas->count, AXAS_GET_AREAS_MAX);
	struct axas_file *file = ctx;
	struct axas_area_info *infos;
	bool more;
	long ret;

	infos = kvmalloc_array(max ?: 1, sizeof(*infos), GFP_KERNEL_ACCOUNT);
	if (!infos)
		return -ENOMEM;
	ret = copy_areas(areas, infos, axas_space_get_areas(file->space,
							    axas_gpa(areas->start), infos,
							    max, &more));
	areas->more = more;
	kvfree(infos);
	return ret;
}

static const struct file_operations space_fops;

static long freeze(void *ctx, void *arg)
{
	struct axas_file *file = ctx;

	return axas_file_freeze(file, &space_fops);
}

static long supply(void *ctx, void *arg)
{
	struct axas_supply *supply = arg;
	struct axas_space *from = NULL;
	long err;

	if (!axas_file_supply_ok(supply))
		return -EINVAL;
	if (supply->flags & AXAS_SUPPLY_SPACE)
		from = axas_space_get_from_fd(supply->space_fd);
	if (IS_ERR(from))
		return PTR_ERR(from);
	err = axas_file_supply(ctx, supply, from);
	axas_space_put(from);
	return err;
}

static const struct axas_ioctl space_ioctls[] = {
	/* Searched in this order: frequent calls first. */
	{ AXAS_IOCTL_OF(AXAS_FAULT, struct axas_fault),
	  .dir = AXAS_IOCTL_INOUT, .mode = FMODE_WRITE, .run = fault },
	{ AXAS_IOCTL_OF(AXAS_TRANSLATE, struct axas_translate),
	  .dir = AXAS_IOCTL_QUERY, .mode = FMODE_READ, .run = translate },
	{ AXAS_IOCTL_OF(AXAS_GET_INFO, struct axas_info),
	  .dir = AXAS_IOCTL_QUERY, .mode = FMODE_READ, .run = get_info },
	{ AXAS_IOCTL_OF(AXAS_MAP_LINEAR, struct axas_map_linear),
	  .dir = AXAS_IOCTL_IN, .mode = FMODE_WRITE, .run = map_linear },
	{ AXAS_IOCTL_OF(AXAS_MAP_ALLOC, struct axas_map_alloc),
	  .flags = AXAS_MAP_FLAGS, .dir = AXAS_IOCTL_IN, .mode = FMODE_WRITE, .run = map_alloc },
	{ AXAS_IOCTL_OF(AXAS_MAP_FILE, struct axas_map_file),
	  .flags = AXAS_MAP_POPULATE | AXAS_MAP_AROUND_MASK, .dir = AXAS_IOCTL_IN,
	  .mode = FMODE_WRITE, .run = map_file },
	{ AXAS_IOCTL_OF(AXAS_MAP_SHARED, struct axas_map_shared),
	  .flags = AXAS_MAP_POLICY, .dir = AXAS_IOCTL_IN, .mode = FMODE_WRITE,
	  .run = map_shared },
	{ AXAS_IOCTL_OF(AXAS_MAP_BACKEND, struct axas_map_backend),
	  .flags = AXAS_MAP_POLICY, .dir = AXAS_IOCTL_IN, .mode = FMODE_WRITE,
	  .run = map_backend },
	{ AXAS_IOCTL_OF(AXAS_UNMAP, struct axas_range),
	  .dir = AXAS_IOCTL_IN, .mode = FMODE_WRITE, .run = unmap },
	{ AXAS_IOCTL_OF(AXAS_PROTECT, struct axas_protect),
	  .dir = AXAS_IOCTL_IN, .mode = FMODE_WRITE, .run = protect },
	{ AXAS_IOCTL_OF(AXAS_CLEAR, struct axas_clear),
	  .dir = AXAS_IOCTL_IN, .mode = FMODE_WRITE, .run = clear },
	{ AXAS_IOCTL_OF(AXAS_DISCARD, struct axas_discard),
	  .dir = AXAS_IOCTL_INOUT, .mode = FMODE_WRITE, .run = discard },
	{ AXAS_IOCTL_OF(AXAS_GET_LOG, struct axas_log), .flags = AXAS_LOG_EXTENTS,
	  .dir = AXAS_IOCTL_QUERY, .mode = FMODE_READ, .run = axas_file_get_log },
	{ AXAS_IOCTL_OF(AXAS_CLEAR_LOG, struct axas_log), .flags = AXAS_LOG_EXTENTS,
	  .dir = AXAS_IOCTL_INOUT, .mode = FMODE_WRITE, .run = axas_file_clear_log },
	{ AXAS_IOCTL_OF(AXAS_POPULATE, struct axas_range),
	  .dir = AXAS_IOCTL_INOUT, .mode = FMODE_WRITE, .run = populate },
	{ AXAS_IOCTL_OF(AXAS_COLLAPSE, struct axas_collapse),
	  .dir = AXAS_IOCTL_INOUT, .mode = FMODE_WRITE, .run = collapse },
	{ AXAS_IOCTL_OF(AXAS_SET_POLICY, struct axas_range),
	  .flags = AXAS_MAP_POLICY, .dir = AXAS_IOCTL_IN, .mode = FMODE_WRITE,
	  .run = set_policy },
	{ AXAS_IOCTL_OF(AXAS_SET_LIMIT, struct axas_limit),
	  .dir = AXAS_IOCTL_IN, .mode = FMODE_WRITE, .run = set_limit },
	{ AXAS_IOCTL_OF(AXAS_START_LOG, struct axas_log),
	  .dir = AXAS_IOCTL_INOUT, .mode = FMODE_WRITE, .run = axas_file_start_log },
	{ AXAS_IOCTL_OF(AXAS_STOP_LOG, struct axas_log),
	  .dir = AXAS_IOCTL_INOUT, .mode = FMODE_WRITE, .run = axas_file_stop_log },
	{ AXAS_IOCTL_OF(AXAS_SUPPLY, struct axas_supply),
	  .flags = AXAS_SUPPLY_ZERO | AXAS_SUPPLY_SPACE | AXAS_SUPPLY_SKIP,
	  .dir = AXAS_IOCTL_INOUT, .mode = FMODE_WRITE, .run = supply },
	{ AXAS_IOCTL_OF(AXAS_GET_MISSING, struct axas_get_missing),
	  .flags = AXAS_MISSING_AGAIN, .dir = AXAS_IOCTL_INOUT, .mode = FMODE_WRITE,
	  .run = axas_file_get_missing },
	{ AXAS_IOCTL_OF(AXAS_RESET, struct axas_reset), .flags = AXAS_RESET_DROP,
	  .dir = AXAS_IOCTL_IN, .mode = FMODE_WRITE, .run = axas_file_reset },
	/* The image lets its holder read the content of the space. */
	{ AXAS_IOCTL_OF(AXAS_FREEZE, struct axas_freeze),
	  .dir = AXAS_IOCTL_IN, .mode = FMODE_READ | FMODE_WRITE, .run = freeze },
	{ AXAS_IOCTL_OF(AXAS_DIFF, struct axas_diff),
	  .dir = AXAS_IOCTL_INOUT, .mode = FMODE_READ, .run = axas_file_diff },
	{ AXAS_IOCTL_OF(AXAS_GET_AREAS, struct axas_get_areas),
	  .dir = AXAS_IOCTL_INOUT, .mode = FMODE_READ, .run = get_areas },
};

static long space_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	return axas_ioctl_dispatch(space_ioctls, ARRAY_SIZE(space_ioctls), filp,
				   filp->private_data, cmd, (void __user *)arg);
}

static u64 faults_of(const struct axas_info *info)
{
	u64 sum = info->missing;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(info->faults); i++)
		sum += info->faults[i];
	return sum;
}

static void space_show_fdinfo(struct seq_file *m, struct file *filp)
{
	struct axas_file *file = filp->private_data;
	struct axas_info info;

	axas_space_get_info(file->space, &info);
	seq_printf(m, "axas-id:\t%u\n", axas_space_id(file->space));
	seq_printf(m, "axas-range:\t0x%llx+0x%llx\n", info.base, info.length);
	seq_printf(m, "axas-areas:\t%llu\n", info.areas);
	seq_printf(m, "axas-frames:\t%llu\n", info.frames);
	seq_printf(m, "axas-tables:\t%llu\n", info.tables);
	seq_printf(m, "axas-borrowed:\t%llu\n", info.borrowed);
	seq_printf(m, "axas-shared:\t%llu\n", info.shared);
	seq_printf(m, "axas-exported:\t%llu\n", info.exported);
	seq_printf(m, "axas-faults:\t%llu\n", faults_of(&info));
}

static int space_open(struct inode *inode, struct file *filp)
{
	if (filp->f_flags & O_APPEND)
		return -EINVAL;
	filp->private_data = inode->i_private;
	return 0;
}

/* Called by fcntl(F_SETFL). Guest memory has no end to append to. */
static int space_check_flags(int flags)
{
	return flags & O_APPEND ? -EINVAL : 0;
}

static const struct file_operations space_fops = {
	.owner		= THIS_MODULE,
	.open		= space_open,
	.llseek		= axas_file_llseek,
	.read_iter	= axas_file_read_iter,
	.write_iter	= axas_file_write_iter,
	.splice_read	= axas_file_splice_read,
	.splice_write	= iter_file_splice_write,
	.fallocate	= axas_file_fallocate,
	.fsync		= noop_fsync,
	.mmap		= axas_file_mmap,
	.get_unmapped_area = axas_get_unmapped_area,
	.poll		= axas_file_poll,
	.unlocked_ioctl	= space_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= space_show_fdinfo,
	.check_flags	= space_check_flags,
};

int axas_file_create(struct axas_space *space, u32 flags)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);
	struct file *filp;

	if (fd < 0) {
		axas_space_put(space);
		return fd;
	}
	filp = axas_file_make(space, flags, &space_fops);
	if (IS_ERR(filp)) {
		put_unused_fd(fd);
		return PTR_ERR(filp);
	}
	fd_install(fd, filp);
	return fd;
}

int axas_space_fd(struct axas_space *space, u32 flags)
{
	if (flags & ~AXAS_CREATE_PINNABLE || !current->mm)
		return -EINVAL;
	return axas_file_create(axas_space_get(space), flags);
}
EXPORT_SYMBOL_AXAS(axas_space_fd);

struct axas_space *axas_space_get_from_fd(int fd)
{
	struct axas_space *space = ERR_PTR(-EINVAL);
	struct file *filp = fget(fd);

	if (!filp)
		return ERR_PTR(-EBADF);
	if (filp->f_op == &space_fops) {
		struct axas_file *file = filp->private_data;
		fmode_t both = FMODE_READ | FMODE_WRITE;

		space = (filp->f_mode & both) == both ? axas_space_get(file->space) :
							ERR_PTR(-EBADF);
	}
	fput(filp);
	return space;
}
EXPORT_SYMBOL_AXAS(axas_space_get_from_fd);
