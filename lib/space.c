// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of <axas/axas.h>, one function each, and guest memory access. Calls libc only;
 * vcpu.c calls axas_ioctl() and axas_open(). No state, no locks.
 */
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS	64	/* an offset is a guest-physical address */
#endif

#include "libaxas.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static_assert(sizeof(off_t) == sizeof(__u64), "guest-physical addresses have 64 bits");

int axas_ioctl(int fd, unsigned long nr, void *arg)
{
	int ret = ioctl(fd, nr, arg);

	return ret < 0 ? -errno : ret;
}

int axas_open(const char *path)
{
	int fd = open(path ? path : AXAS_DEV_PATH, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int axas_get_api_version(int dev)
{
	return axas_ioctl(dev, AXAS_GET_API_VERSION, NULL);
}

int axas_get_format(int dev, __u32 format, struct axas_format_info *info)
{
	*info = (struct axas_format_info){ .size = sizeof(*info), .format = format };
	return axas_ioctl(dev, AXAS_GET_FORMAT, info);
}

int axas_create(int dev, const struct axas_create *create)
{
	struct axas_create arg = { 0 };

	if (create)
		arg = *create;
	arg.size = sizeof(arg);
	return axas_ioctl(dev, AXAS_CREATE, &arg);
}

int axas_open_space(const char *path, const struct axas_create *create)
{
	int dev = axas_open(path), ret;

	if (dev < 0)
		return dev;
	ret = axas_create(dev, create);
	close(dev);
	return ret;
}

int axas_map_linear(int space, __u64 gpa, __u64 hpa, __u64 length, __u32 prot, __u32 type)
{
	struct axas_map_linear arg = {
		.size = sizeof(arg), .gpa = gpa, .hpa = hpa, .length = length,
		.prot = prot, .type = type
	};

	return axas_ioctl(space, AXAS_MAP_LINEAR, &arg);
}

int axas_map_alloc(int space, __u64 gpa, __u64 length, __u32 prot, __u32 flags)
{
	struct axas_map_alloc arg = {
		.size = sizeof(arg), .flags = flags, .gpa = gpa, .length = length,
		.prot = prot, .type = AXAS_TYPE_NORMAL
	};

	return axas_ioctl(space, AXAS_MAP_ALLOC, &arg);
}

int axas_map_file(int space, __u64 gpa, __u64 length, int fd, __u64 offset, __u32 prot, __u32 flags)
{
	struct axas_map_file arg = {
		.size = sizeof(arg), .flags = flags, .gpa = gpa, .length = length,
		.offset = offset, .fd = fd, .prot = prot
	};

	return axas_ioctl(space, AXAS_MAP_FILE, &arg);
}

int axas_unmap(int space, __u64 gpa, __u64 length)
{
	struct axas_range arg = { .size = sizeof(arg), .gpa = gpa, .length = length };

	return axas_ioctl(space, AXAS_UNMAP, &arg);
}

int axas_protect(int space, __u64 gpa, __u64 length, __u32 prot)
{
	struct axas_protect arg = {
		.size = sizeof(arg), .gpa = gpa, .length = length, .prot = prot
	};

	return axas_ioctl(space, AXAS_PROTECT, &arg);
}

int axas_map_shared(int space, __u64 gpa, __u64 length, int source, __u64 source_gpa, __u32 prot,
		    __u32 flags)
{
	struct axas_map_shared arg = {
		.size = sizeof(arg), .flags = flags, .gpa = gpa, .length = length,
		.source_gpa = source_gpa, .fd = source, .prot = prot,
	};

	return axas_ioctl(space, AXAS_MAP_SHARED, &arg);
}

int axas_map_backend(int space, __u64 gpa, __u64 length, const char *name, __u64 arg, __u64 offset,
		     __u32 prot, __u32 type, __u32 flags)
{
	struct axas_map_backend map = {
		.size = sizeof(map), .flags = flags, .gpa = gpa, .length = length,
		.offset = offset, .arg = arg, .prot = prot, .type = type,
	};

	if (strlen(name) >= sizeof(map.name))
		return -ENOENT;
	strcpy(map.name, name);
	return axas_ioctl(space, AXAS_MAP_BACKEND, &map);
}

int axas_set_policy(int space, __u64 gpa, __u64 length, __u32 flags)
{
	struct axas_range arg = {
		.size = sizeof(arg), .flags = flags, .gpa = gpa, .length = length
	};

	return axas_ioctl(space, AXAS_SET_POLICY, &arg);
}

int axas_set_limit(int space, __u64 max_frames)
{
	struct axas_limit arg = { .size = sizeof(arg), .max_frames = max_frames };

	return axas_ioctl(space, AXAS_SET_LIMIT, &arg);
}

int axas_discard(int space, const struct axas_extent *extents, __u32 count, __u64 *done)
{
	struct axas_discard arg = {
		.size = sizeof(arg), .buf = (uintptr_t)extents, .count = count
	};
	int err = axas_ioctl(space, AXAS_DISCARD, &arg);

	if (!err && done)
		*done = arg.done;
	return err;
}

int axas_start_log(int space, __u64 gpa, __u64 length)
{
	struct axas_log arg = { .size = sizeof(arg), .gpa = gpa, .length = length };

	return axas_ioctl(space, AXAS_START_LOG, &arg);
}

int axas_stop_log(int space, __u64 gpa, __u64 length)
{
	struct axas_log arg = { .size = sizeof(arg), .gpa = gpa, .length = length };

	return axas_ioctl(space, AXAS_STOP_LOG, &arg);
}

int axas_get_log(int space, __u64 gpa, __u64 length, __u64 *bitmap, __u64 *epoch)
{
	struct axas_log arg = {
		.size = sizeof(arg), .gpa = gpa, .length = length, .buf = (uintptr_t)bitmap,
	};
	int err = axas_ioctl(space, AXAS_GET_LOG, &arg);

	if (!err && epoch)
		*epoch = arg.epoch;
	return err;
}

int axas_get_log_extents(int space, __u64 *gpa, __u64 length, struct axas_extent *extents,
			 __u32 count, __u64 *epoch)
{
	struct axas_log arg = {
		.size = sizeof(arg), .flags = AXAS_LOG_EXTENTS, .gpa = *gpa, .length = length,
		.buf = (uintptr_t)extents, .count = count,
	};
	int err = axas_ioctl(space, AXAS_GET_LOG, &arg);

	if (err)
		return err;
	*gpa = arg.gpa;
	if (epoch)
		*epoch = arg.epoch;
	return arg.count;
}

/* Call until all is done: a call that did a part says what is left. */
static int clear_log(int space, struct axas_log *arg)
{
	__u64 left = arg->length, bit;
	int err;

	for (;;) {
		err = axas_ioctl(space, AXAS_CLEAR_LOG, arg);
		if (err || !arg->length)
			return err;
		bit = (left - arg->length) >> 12;
		if (!(arg->flags & AXAS_LOG_EXTENTS))
			arg->buf += bit / 8;
		left = arg->length;
	}
}

int axas_clear_log(int space, __u64 gpa, __u64 length, const __u64 *bitmap, __u64 epoch)
{
	struct axas_log arg = {
		.size = sizeof(arg), .gpa = gpa, .length = length, .buf = (uintptr_t)bitmap,
		.epoch = epoch,
	};

	return clear_log(space, &arg);
}

int axas_clear_log_extents(int space, const struct axas_extent *extents, __u32 count,
			   __u64 epoch)
{
	struct axas_log arg = {
		.size = sizeof(arg), .flags = AXAS_LOG_EXTENTS, .buf = (uintptr_t)extents,
		.count = count, .epoch = epoch,
	};
	__u64 first = ~0ull, last = 0;

	for (__u32 i = 0; i < count; i++) {
		__u64 end = extents[i].gpa + extents[i].length;

		first = extents[i].gpa < first ? extents[i].gpa : first;
		last = end > last ? end : last;
	}
	arg.gpa = first;
	arg.length = last - first;
	return clear_log(space, &arg);
}

/* @arg: the first call. It ends early only before a page that cannot be supplied. */
static int supply_all(int space, struct axas_supply *arg, __u64 *done)
{
	__u64 length = arg->length, step;
	int err;

	for (;;) {
		arg->done = 0;
		err = axas_ioctl(space, AXAS_SUPPLY, arg);
		step = err ? 0 : arg->done;
		arg->length -= step;
		if (err || !arg->length)
			break;
		arg->gpa += step;
		if (!(arg->flags & AXAS_SUPPLY_ZERO))
			arg->source += step;
	}
	if (done)
		*done = length - arg->length;
	return err;
}

int axas_supply(int space, __u64 gpa, const void *buf, __u64 length, __u32 flags, __u64 *done)
{
	struct axas_supply arg = {
		.size = sizeof(arg), .flags = flags | (buf ? 0 : AXAS_SUPPLY_ZERO), .gpa = gpa,
		.length = length, .source = (uintptr_t)buf
	};

	return supply_all(space, &arg, done);
}

int axas_supply_from(int space, __u64 gpa, __u64 length, int from, __u64 from_gpa, __u32 flags,
		     __u64 *done)
{
	struct axas_supply arg = {
		.size = sizeof(arg), .flags = flags | AXAS_SUPPLY_SPACE, .gpa = gpa,
		.length = length, .source = from_gpa, .space_fd = from
	};

	return supply_all(space, &arg, done);
}

int axas_get_missing(int space, __u32 flags, __u64 *gpas, __u32 nr, __u32 *more)
{
	struct axas_get_missing arg = {
		.size = sizeof(arg), .flags = flags, .buf = (uintptr_t)gpas, .count = nr
	};
	int err = axas_ioctl(space, AXAS_GET_MISSING, &arg);

	if (err)
		return err;
	if (more)
		*more = arg.more;
	return arg.count;
}

int axas_freeze(int space)
{
	struct axas_freeze arg = { .size = sizeof(arg) };

	return axas_ioctl(space, AXAS_FREEZE, &arg);
}

static_assert(sizeof(int) == sizeof(__s32), "descriptors have 32 bits");

int axas_clone(int image, __u32 flags, __u64 max_frames, int *fds, __u32 count)
{
	struct axas_clone arg = {
		.size = sizeof(arg), .flags = flags, .max_frames = max_frames,
		.fds = (uintptr_t)fds, .count = count
	};

	return axas_ioctl(image, AXAS_CLONE, &arg);
}

int axas_clone_one(int image)
{
	int fd, err = axas_clone(image, 0, 0, &fd, 1);

	return err ? err : fd;
}

int axas_reset(int space, int image, __u32 flags)
{
	struct axas_reset arg = { .size = sizeof(arg), .flags = flags, .image_fd = image };

	return axas_ioctl(space, AXAS_RESET, &arg);
}

int axas_diff(int space, __u64 *gpa, __u64 *length, struct axas_diff_extent *extents, __u32 count)
{
	struct axas_diff arg = {
		.size = sizeof(arg), .gpa = *gpa, .length = *length, .buf = (uintptr_t)extents,
		.count = count
	};
	int err = axas_ioctl(space, AXAS_DIFF, &arg);

	if (err)
		return err;
	*gpa = arg.gpa;
	*length = arg.length;
	return arg.count;
}

int axas_get_image_info(int image, struct axas_image_info *info)
{
	*info = (struct axas_image_info){ .size = sizeof(*info) };
	return axas_ioctl(image, AXAS_GET_IMAGE_INFO, info);
}

int axas_clear(int space)
{
	struct axas_clear arg = { .size = sizeof(arg) };

	return axas_ioctl(space, AXAS_CLEAR, &arg);
}

int axas_populate(int space, __u64 gpa, __u64 length)
{
	int err;

	do {
		err = axas_populate_some(space, &gpa, &length);
	} while (!err && length);
	return err;
}

int axas_populate_some(int space, __u64 *gpa, __u64 *length)
{
	struct axas_range arg = { .size = sizeof(arg), .gpa = *gpa, .length = *length };
	int err = axas_ioctl(space, AXAS_POPULATE, &arg);

	*gpa = arg.gpa;
	*length = arg.length;
	return err;
}

int axas_collapse(int space, __u64 gpa, __u64 length, __u64 *collapsed)
{
	struct axas_collapse arg = { .size = sizeof(arg), .gpa = gpa, .length = length };
	int err = axas_ioctl(space, AXAS_COLLAPSE, &arg);

	if (!err && collapsed)
		*collapsed = arg.collapsed;
	return err;
}

int axas_fault(int space, __u64 gpa, __u32 access, __u32 *level)
{
	struct axas_fault arg = {
		.size = sizeof(arg), .gpa = gpa, .access = access, .result = AXAS_FAULT_ERROR
	};
	int err = axas_ioctl(space, AXAS_FAULT, &arg);

	if (err)
		return err;
	if (level)
		*level = arg.level;
	return arg.result;
}

int axas_translate(int space, __u64 gpa, struct axas_translate *to)
{
	*to = (struct axas_translate){ .size = sizeof(*to), .gpa = gpa };
	return axas_ioctl(space, AXAS_TRANSLATE, to);
}

int axas_get_info(int space, struct axas_info *info)
{
	*info = (struct axas_info){ .size = sizeof(*info) };
	return axas_ioctl(space, AXAS_GET_INFO, info);
}

int axas_get_areas(int space, __u64 *start, struct axas_area_info *areas, __u32 nr, __u32 *more)
{
	struct axas_get_areas arg = {
		.size = sizeof(arg), .start = *start, .buf = (uintptr_t)areas, .count = nr
	};
	int err = axas_ioctl(space, AXAS_GET_AREAS, &arg);

	if (err)
		return err;
	*start = arg.start;
	if (more)
		*more = arg.more;
	return arg.count;
}

void axas_areas_begin(struct axas_areas *it, int space, __u64 start)
{
	it->space = space;
	it->err = 0;
	it->start = start;
	it->more = 1;
	it->i = 0;
	it->nr = 0;
}

const struct axas_area_info *axas_areas_next(struct axas_areas *it)
{
	int nr;

	if (it->i == it->nr) {
		if (!it->more)
			return NULL;
		nr = axas_get_areas(it->space, &it->start, it->buf, AXAS_GET_AREAS_MAX,
				    &it->more);
		if (nr <= 0) {
			it->err = nr;
			it->more = 0;
			return NULL;
		}
		it->i = 0;
		it->nr = nr;
	}
	return &it->buf[it->i++];
}

int axas_is_hole(int space, __u64 gpa)
{
	struct axas_area_info area;
	int nr = axas_get_areas(space, &(__u64){ gpa }, &area, 1, NULL);

	return nr < 0 ? nr : !nr || area.gpa > gpa;
}

ssize_t axas_read(int space, __u64 gpa, void *buf, size_t length)
{
	ssize_t n = pread(space, buf, length, gpa);

	return n < 0 ? -errno : n;
}

ssize_t axas_write(int space, __u64 gpa, const void *buf, size_t length)
{
	ssize_t n = pwrite(space, buf, length, gpa);

	return n < 0 ? -errno : n;
}

/* Add the result of a read or write to *@done, or return the error that ends the loop. */
static int add_done(ssize_t n, size_t *done)
{
	if (n == -EINTR)
		return 0;
	if (n <= 0)
		return n ? n : -EFAULT;
	*done += n;
	return 0;
}

int axas_read_all(int space, __u64 gpa, void *buf, size_t length, size_t *done)
{
	size_t n = 0;
	int err = 0;

	while (!err && n < length)
		err = add_done(axas_read(space, gpa + n, (char *)buf + n, length - n), &n);
	if (done)
		*done = n;
	return err;
}

int axas_write_all(int space, __u64 gpa, const void *buf, size_t length, size_t *done)
{
	size_t n = 0;
	int err = 0;

	while (!err && n < length)
		err = add_done(axas_write(space, gpa + n, (const char *)buf + n, length - n), &n);
	if (done)
		*done = n;
	return err;
}
