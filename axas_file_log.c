// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of the dirty log: bitmaps and extents from and to user space, in chunks. Calls
 * axas_space_log.c. Locks: none; user memory is accessed between two calls.
 */
#include <linux/bitmap.h>
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "axas_compat.h"
#include "axas_file.h"
#include "axas_space.h"

/* A chunk's bitmap, in bytes, and the guest memory that it is of. */
#define CHUNK_BITMAP	PAGE_SIZE
#define CHUNK		((u64)CHUNK_BITMAP * BITS_PER_BYTE << AXAS_FRAME_SHIFT)

/* Guest memory that is skipped at once: 1 MiB of a bitmap. */
#define SKIP		(CHUNK << 8)

/* Extents copied at once. */
#define SOME		32

/**
 * struct walk - a log call in progress
 * @space: the space
 * @log: its argument; gpa and length are what is left
 * @bitmap: of one chunk
 * @start: first address of the call
 * @done: extents done
 * @any: part of the range is logged
 * @zero: the bitmap is all zero
 * @epoch: in: as in @log; out: of the last chunk
 */
struct walk {
	struct axas_space *space;
	struct axas_log *log;
	unsigned long *bitmap;
	u64 start;
	u32 done;
	bool any;
	bool zero;
	u64 epoch;
};

static struct axas_gpa_range chunk_of(const struct walk *walk)
{
	return axas_gpa_range(axas_gpa(walk->log->gpa), min(walk->log->length, CHUNK));
}

static void advance(struct walk *walk, u64 bytes)
{
	walk->log->gpa += bytes;
	walk->log->length -= bytes;
}

/* Bytes of a bitmap, which is of whole words. */
static size_t bitmap_bytes(u64 size)
{
	return BITS_TO_LONGS(size >> AXAS_FRAME_SHIFT) * sizeof(long);
}

/* Where the chunk's words are in user memory. */
static void __user *user_words(const struct walk *walk)
{
	u64 page = (walk->log->gpa - walk->start) >> AXAS_FRAME_SHIFT;

	return u64_to_user_ptr(walk->log->buf + page / BITS_PER_BYTE);
}

/*
 * Skip untouched memory at the beginning of the remaining range, whose bits are all clear: *@bytes,
 * a multiple of a word of the bitmap unless it is all of the rest. @epoch: see
 * axas_space_skip_log().
 */
static int skip(struct walk *walk, u64 epoch, u64 *bytes)
{
	u64 length = min(walk->log->length, SKIP);
	int ret = axas_space_skip_log(walk->space,
				      axas_gpa_range(axas_gpa(walk->log->gpa), length), bytes,
				      &epoch);

	if (ret < 0)
		return ret;
	if (*bytes < walk->log->length)
		*bytes = round_down(*bytes, (u64)BITS_PER_LONG << AXAS_FRAME_SHIFT);
	if (ret && *bytes) {
		walk->any = true;
		walk->epoch = epoch;
	}
	return 0;
}

/* Get a chunk. walk->zero: no page of it was written. */
static int get_chunk(struct walk *walk, struct axas_gpa_range range)
{
	int ret;

	if (!walk->zero)
		bitmap_zero(walk->bitmap, range.size >> AXAS_FRAME_SHIFT);
	ret = axas_space_add_log(walk->space, range, walk->bitmap, &walk->epoch);
	walk->any |= ret >= 0;
	walk->zero = ret == 0 || ret == -ENOENT;
	return ret == -ENOENT ? 0 : min(ret, 0);
}

/* Write zeroes, or the chunk's bits, for @size bytes of memory. */
static int put_words(struct walk *walk, u64 size, bool zero)
{
	size_t bytes = bitmap_bytes(size), left;

	left = zero ? clear_user(user_words(walk), bytes) :
		      copy_to_user(user_words(walk), walk->bitmap, bytes);
	if (left)
		return -EFAULT;
	advance(walk, size);
	return 0;
}

static int get_bitmap(struct walk *walk)
{
	struct axas_gpa_range range;
	u64 skipped;
	int err = skip(walk, 0, &skipped);

	if (err)
		return err;
	if (skipped)
		return put_words(walk, skipped, true);
	range = chunk_of(walk);
	return get_chunk(walk, range) ?: put_words(walk, range.size, walk->zero);
}

/* Write one extent. Return 0, -EFAULT, or -ENOSPC if there is no room. */
static int put_extent(struct walk *walk, u64 gpa, u64 pages)
{
	struct axas_extent extent = { .gpa = gpa, .length = pages << AXAS_FRAME_SHIFT };
	struct axas_extent __user *to = u64_to_user_ptr(walk->log->buf);

	if (walk->done == walk->log->count)
		return -ENOSPC;
	if (copy_to_user(&to[walk->done], &extent, sizeof(extent)))
		return -EFAULT;
	walk->done++;
	return 0;
}

/* Write the extents of one chunk. */
static int get_some_extents(struct walk *walk)
{
	struct axas_gpa_range range = chunk_of(walk);
	unsigned long n = range.size >> AXAS_FRAME_SHIFT, from, to;
	int err = get_chunk(walk, range);

	if (!err && walk->zero)
		n = 0;
	for (from = find_next_bit(walk->bitmap, n, 0); !err && from < n;
	     from = find_next_bit(walk->bitmap, n, to)) {
		to = find_next_zero_bit(walk->bitmap, n, from);
		err = put_extent(walk, range.start.val + ((u64)from << AXAS_FRAME_SHIFT),
				 to - from);
		if (err == -ENOSPC)
			advance(walk, (u64)from << AXAS_FRAME_SHIFT);
	}
	if (!err)
		advance(walk, range.size);
	return err;
}

static int get_extents(struct walk *walk)
{
	u64 skipped;
	int err = skip(walk, 0, &skipped);

	if (!err && skipped)
		advance(walk, skipped);
	else if (!err)
		err = get_some_extents(walk);
	return err;
}

/* Whether the part of the range that is left is one of the space's. */
static bool range_ok(const struct walk *walk)
{
	return axas_space_range_ok(walk->space,
				   axas_gpa_range(axas_gpa(walk->log->gpa), walk->log->length));
}

static int start_walk(struct walk *walk, struct axas_space *space, struct axas_log *log)
{
	bool extents = log->flags & AXAS_LOG_EXTENTS;

	*walk = (struct walk){
		.space = space, .log = log, .start = log->gpa, .epoch = log->epoch,
	};
	if (log->reserved || (log->count && !extents) || !range_ok(walk))
		return -EINVAL;
	walk->bitmap = kmalloc(CHUNK_BITMAP, GFP_KERNEL_ACCOUNT);
	return walk->bitmap ? 0 : -ENOMEM;
}

long axas_file_get_log(void *ctx, void *arg)
{
	struct axas_file *file = ctx;
	struct axas_log *log = arg;
	struct walk walk;
	u64 length = log->length;
	int err = start_walk(&walk, file->space, log);

	if (err)
		return err;
	while (!err && log->length) {
		err = log->flags & AXAS_LOG_EXTENTS ? get_extents(&walk) : get_bitmap(&walk);
		cond_resched();
		if (!err && log->length && fatal_signal_pending(current))
			err = -EINTR;
	}
	kfree(walk.bitmap);
	if (err == -ENOSPC)
		err = 0;
	if (!err && !walk.any)
		err = -ENOENT;
	if (err)
		return err;
	if (!(log->flags & AXAS_LOG_EXTENTS)) {
		log->gpa = walk.start;
		log->length = length;
	} else {
		log->count = walk.done;
	}
	log->epoch = walk.epoch;
	return 0;
}

static int clear_chunk(struct walk *walk, struct axas_gpa_range range)
{
	u64 epoch = walk->log->epoch;
	int err = axas_space_clear_log(walk->space, range, walk->bitmap, &epoch);

	if (err == -ENOENT)
		return 0;
	if (err)
		return err;
	walk->any = true;
	walk->epoch = epoch;
	return 0;
}

/* The words of what was not touched are not even read. */
static int clear_bitmap(struct walk *walk)
{
	struct axas_gpa_range range;
	u64 skipped;
	int err = skip(walk, walk->log->epoch, &skipped);

	if (err)
		return err;
	if (skipped) {
		advance(walk, skipped);
		return 0;
	}
	range = chunk_of(walk);
	if (copy_from_user(walk->bitmap, user_words(walk), bitmap_bytes(range.size)))
		err = -EFAULT;
	if (!err)
		err = clear_chunk(walk, range);
	if (!err)
		advance(walk, range.size);
	return err;
}

/* Clear one extent, in chunks. */
static int clear_extent(struct walk *walk, struct axas_extent *extent)
{
	u64 size;
	int err;

	while (extent->length) {
		size = min(extent->length, CHUNK);
		bitmap_fill(walk->bitmap, size >> AXAS_FRAME_SHIFT);
		err = clear_chunk(walk, axas_gpa_range(axas_gpa(extent->gpa), size));
		if (err)
			return err;
		extent->gpa += size;
		extent->length -= size;
		cond_resched();
		if (extent->length && fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

/* Whether an extent lies in the range of the call. */
static bool extent_ok(const struct walk *walk, const struct axas_extent *extent)
{
	return axas_space_range_ok(walk->space, axas_gpa_range(axas_gpa(extent->gpa),
							       extent->length)) &&
	       axas_gpa_range_covers(axas_gpa_range(axas_gpa(walk->start), walk->log->length),
				     axas_gpa_range(axas_gpa(extent->gpa), extent->length));
}

/* Call @each for all extents. */
static int each_extent(struct walk *walk, int (*each)(struct walk *walk,
						      struct axas_extent *extent))
{
	const struct axas_extent __user *from = u64_to_user_ptr(walk->log->buf);
	struct axas_extent extents[SOME];
	u32 i, n;
	int err = 0;

	for (walk->done = 0; !err && walk->done < walk->log->count; walk->done += n) {
		n = min_t(u32, SOME, walk->log->count - walk->done);
		if (copy_from_user(extents, from + walk->done, n * sizeof(*extents)))
			return -EFAULT;
		for (i = 0; !err && i < n; i++)
			err = each(walk, &extents[i]);
		cond_resched();
		if (!err && fatal_signal_pending(current))
			err = -EINTR;
	}
	return err;
}

static int check_extent(struct walk *walk, struct axas_extent *extent)
{
	return extent_ok(walk, extent) ? 0 : -EINVAL;
}

/* Check it again: another thread may have changed it. */
static int check_and_clear(struct walk *walk, struct axas_extent *extent)
{
	return check_extent(walk, extent) ?: clear_extent(walk, extent);
}

static int clear_extents(struct walk *walk)
{
	int err = each_extent(walk, check_extent) ?: each_extent(walk, check_and_clear);

	if (!err)
		advance(walk, walk->log->length);
	return err;
}

long axas_file_clear_log(void *ctx, void *arg)
{
	struct axas_file *file = ctx;
	struct axas_log *log = arg;
	struct walk walk;
	int err = start_walk(&walk, file->space, log);

	if (err)
		return err;
	while (!err && log->length) {
		err = log->flags & AXAS_LOG_EXTENTS ? clear_extents(&walk) : clear_bitmap(&walk);
		cond_resched();
		if (!err && log->length && fatal_signal_pending(current))
			err = -EINTR;
	}
	kfree(walk.bitmap);
	if (!walk.any)
		return err ?: -ENOENT;
	log->epoch = walk.epoch;
	return 0;
}

static bool plain_ok(const struct axas_log *log)
{
	return !log->buf && !log->count && !log->reserved;
}

static struct axas_gpa_range range_of(const struct axas_log *log)
{
	return axas_gpa_range(axas_gpa(log->gpa), log->length);
}

long axas_file_start_log(void *ctx, void *arg)
{
	struct axas_file *file = ctx;
	struct axas_log *log = arg;

	return plain_ok(log) ? axas_space_start_log(file->space, range_of(log), &log->epoch) :
			       -EINVAL;
}

long axas_file_stop_log(void *ctx, void *arg)
{
	struct axas_file *file = ctx;
	struct axas_log *log = arg;

	return plain_ok(log) ? axas_space_stop_log(file->space, range_of(log), &log->epoch) :
			       -EINVAL;
}
