// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads and writes of a space's descriptor, and the file operations on ranges: lseek() and
 * fallocate(). The offset is the guest-physical address. Calls axas_space*.c.
 *
 * Locks: none. User memory is faulted in with no lock of a space held.
 */
#include <linux/fs.h>
#include <linux/falloc.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <axas/access.h>

#include "axas_compat.h"
#include "axas_file.h"
#include "axas_space.h"

/* Bytes copied through the stack: a register, a descriptor, a ring's index. */
#define SMALL_COPY	64

/* Bytes of user memory to fault in before a retry. */
#define FAULT_AHEAD	SZ_64K

/* Copy up to a page through @bounce, which is large enough. Return bytes or an error. */
static ssize_t read_page(struct axas_space *space, u64 gpa, void *bounce, struct iov_iter *to)
{
	size_t len = min_t(size_t, iov_iter_count(to), PAGE_SIZE - offset_in_page(gpa));
	ssize_t n = axas_read_partial(space, axas_gpa(gpa), bounce, len);

	if (n <= 0)
		return n;
	/* @len bytes fit @bounce: skip the size check of copy_to_iter(). */
	return _copy_to_iter(bounce, n, to) ?: -EFAULT;
}

static ssize_t write_page(struct axas_space *space, u64 gpa, void *bounce,
			  struct iov_iter *from)
{
	size_t len = min_t(size_t, iov_iter_count(from), PAGE_SIZE - offset_in_page(gpa));
	ssize_t n;

	len = _copy_from_iter(bounce, len, from);
	if (!len)
		return -EFAULT;
	n = axas_write_partial(space, axas_gpa(gpa), bounce, len);
	iov_iter_revert(from, len - max_t(ssize_t, n, 0));
	return n;
}

static ssize_t bounce_page(struct axas_space *space, u64 gpa, void *bounce, struct iov_iter *iter,
			   u32 prot)
{
	if (prot == AXAS_PROT_WRITE)
		return write_page(space, gpa, bounce, iter);
	return read_page(space, gpa, bounce, iter);
}

/* Return false if not even one byte can be faulted in. */
static bool fault_in_user(const struct iov_iter *iter, u32 prot)
{
	size_t len = min_t(size_t, iov_iter_count(iter), FAULT_AHEAD);

	if (prot == AXAS_PROT_WRITE)
		return fault_in_iov_iter_readable(iter, len) < len;
	return fault_in_iov_iter_writeable(iter, len) < len;
}

/*
 * One step of a long copy. Copy with page faults disabled; if user memory is not present, fault
 * it in and try once more. If that fails, too, because it was reclaimed at once or is present but
 * not accessible (memory tags, protection keys), or if only the accessors can reach the guest
 * memory, copy one page through *@bounce with page faults enabled: each step makes progress or
 * fails. Return bytes or an error.
 */
static ssize_t copy_step(struct axas_space *space, u64 gpa, void **bounce, struct iov_iter *iter,
			 u32 prot)
{
	ssize_t n = axas_space_copy_iter(space, axas_gpa(gpa), iter, prot);

	if (unlikely(!n)) {
		if (!fault_in_user(iter, prot))
			return -EFAULT;
		n = axas_space_copy_iter(space, axas_gpa(gpa), iter, prot);
	}
	if (likely(n && n != -EOPNOTSUPP))
		return n;
	if (!*bounce)
		*bounce = (void *)__get_free_page(GFP_KERNEL);
	return *bounce ? bounce_page(space, gpa, *bounce, iter, prot) : -ENOMEM;
}

/* Copy until the end of @iter, an error or a fatal signal. */
static ssize_t copy_long(struct kiocb *iocb, struct axas_space *space, struct iov_iter *iter,
			 u32 prot)
{
	ssize_t done = 0, n = 0;
	void *bounce = NULL;

	while (iov_iter_count(iter)) {
		n = fatal_signal_pending(current) ? -EINTR :
		    copy_step(space, iocb->ki_pos, &bounce, iter, prot);
		if (n <= 0)
			break;
		done += n;
		iocb->ki_pos += n;
		cond_resched();
	}
	if (bounce)
		free_page((unsigned long)bounce);
	return done ?: n;
}

/* The same through the stack, for small sizes, which may have to be a single access. */
static ssize_t copy_small(struct kiocb *iocb, struct axas_space *space, struct iov_iter *iter,
			  u32 prot)
{
	u8 bounce[SMALL_COPY] __uninitialized;
	ssize_t done = 0, n = 0;

	while (iov_iter_count(iter)) {
		n = bounce_page(space, iocb->ki_pos, bounce, iter, prot);
		if (n <= 0)
			break;
		done += n;
		iocb->ki_pos += n;
	}
	return done ?: n;
}

static ssize_t copy_any(struct kiocb *iocb, struct iov_iter *iter, u32 prot)
{
	struct axas_file *file = iocb->ki_filp->private_data;

	if (iov_iter_count(iter) <= SMALL_COPY)
		return copy_small(iocb, file->space, iter, prot);
	return copy_long(iocb, file->space, iter, prot);
}

ssize_t axas_file_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return copy_any(iocb, to, AXAS_PROT_READ);
}

/* Guest memory has no end to append to. Writes are synchronous. */
ssize_t axas_file_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return iocb->ki_flags & IOCB_APPEND ? -EOPNOTSUPP :
					      copy_any(iocb, from, AXAS_PROT_WRITE);
}

/* The kernel turns -EFAULT of a read into -EAGAIN, "nothing to put there": our reads have none. */
ssize_t axas_file_splice_read(struct file *filp, loff_t *pos, struct pipe_inode_info *pipe,
			      size_t len, unsigned int flags)
{
	ssize_t n = axas_splice_read(filp, pos, pipe, len, flags);

	return n == -EAGAIN ? -EFAULT : n;
}

/* The end of the file in the sense of lseek() and fstat(): the end of the highest area. */
loff_t axas_file_size(struct axas_file *file)
{
	return min_t(u64, axas_space_end(file->space), LLONG_MAX);
}

/* The largest offset plus one, at which an area may begin later. */
loff_t axas_file_max_size(struct axas_file *file)
{
	struct axas_gpa_range range = axas_space_range(file->space);

	return min_t(u64, axas_gpa_range_last(range).val, LLONG_MAX - 1) + 1;
}

/* Data is what has a frame; untouched memory, holes and devices are holes of the file. */
static loff_t seek_data(struct file *filp, loff_t offset, bool data)
{
	struct axas_file *file = filp->private_data;
	loff_t size = axas_file_size(file);
	u64 found;
	int err;

	if (offset < 0 || offset >= size)
		return -ENXIO;
	err = axas_space_seek(file->space, axas_gpa(offset), data, &found);
	if (err == -ENOENT || (!err && found >= size)) {
		if (data)
			return -ENXIO;
		found = size;
	} else if (err) {
		return err;
	}
	return vfs_setpos(filp, found, axas_file_max_size(file));
}

loff_t axas_file_llseek(struct file *filp, loff_t offset, int whence)
{
	struct axas_file *file = filp->private_data;

	if (whence == SEEK_DATA || whence == SEEK_HOLE)
		return seek_data(filp, offset, whence == SEEK_DATA);
	return generic_file_llseek_size(filp, offset, whence, axas_file_max_size(file),
					axas_file_size(file));
}

/* Also called for madvise(MADV_REMOVE), without mmap_lock. */
long axas_file_fallocate(struct file *filp, int mode, loff_t offset, loff_t length)
{
	struct axas_file *file = filp->private_data;
	struct axas_gpa_range range = axas_gpa_range(axas_gpa(offset), length);
	u64 done;

	if (mode != (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	return axas_space_discard(file->space, &range, 1, &done);
}
