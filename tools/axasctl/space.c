// SPDX-License-Identifier: GPL-2.0-only
/*
 * The system calls of axas, one function each. They report nothing: 0 or a
 * positive value, or -errno.
 */
#include "axasctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

int device_open(void)
{
	const char *path = getenv("AXAS_DEVICE");
	int fd = open(path ? path : "/dev/axas", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int space_ioctl(int fd, unsigned long nr, void *arg)
{
	int ret = ioctl(fd, nr, arg);

	return ret < 0 ? -errno : ret;
}

/* Returns the descriptor of the new space. */
int space_create(const struct axas_create *create)
{
	struct axas_create arg = *create;
	int dev = device_open(), ret;

	if (dev < 0)
		return dev;
	arg.size = sizeof(arg);
	ret = space_ioctl(dev, AXAS_CREATE, &arg);
	close(dev);
	return ret;
}

int space_info(int fd, struct axas_info *info)
{
	*info = (struct axas_info){ .size = sizeof(*info) };
	return space_ioctl(fd, AXAS_GET_INFO, info);
}

/* All areas, however many calls it takes; the caller frees *@areas. */
int space_areas(int fd, struct axas_area_info **areas, size_t *nr)
{
	struct axas_get_areas get = { .size = sizeof(get) };
	struct axas_area_info *bigger;
	int ret;

	*areas = NULL;
	*nr = 0;
	do {
		bigger = reallocarray(*areas, *nr + AXAS_GET_AREAS_MAX, sizeof(**areas));
		if (!bigger)
			return -ENOMEM;
		*areas = bigger;
		get.buf = (uintptr_t)(bigger + *nr);
		get.count = AXAS_GET_AREAS_MAX;
		get.more = 0;
		ret = space_ioctl(fd, AXAS_GET_AREAS, &get);
		if (ret < 0)
			return ret;
		*nr += get.count;
	} while (get.more);
	return 0;
}

int space_fault(int fd, u64 gpa, u32 access, struct axas_fault *fault)
{
	*fault = (struct axas_fault){
		.size = sizeof(*fault), .gpa = gpa, .access = access
	};
	return space_ioctl(fd, AXAS_FAULT, fault);
}

int space_translate(int fd, u64 gpa, struct axas_translate *tr)
{
	*tr = (struct axas_translate){ .size = sizeof(*tr), .gpa = gpa };
	return space_ioctl(fd, AXAS_TRANSLATE, tr);
}

int space_map_alloc(int fd, u64 gpa, u64 len, u32 prot, u32 flags)
{
	struct axas_map_alloc map = {
		.size = sizeof(map), .flags = flags, .gpa = gpa, .length = len, .prot = prot
	};

	return space_ioctl(fd, AXAS_MAP_ALLOC, &map);
}

int space_unmap(int fd, u64 gpa, u64 len)
{
	struct axas_range range = { .size = sizeof(range), .gpa = gpa, .length = len };

	return space_ioctl(fd, AXAS_UNMAP, &range);
}

int space_protect(int fd, u64 gpa, u64 len, u32 prot)
{
	struct axas_protect protect = {
		.size = sizeof(protect), .gpa = gpa, .length = len, .prot = prot
	};

	return space_ioctl(fd, AXAS_PROTECT, &protect);
}

int space_clear(int fd)
{
	struct axas_clear clear = { .size = sizeof(clear) };

	return space_ioctl(fd, AXAS_CLEAR, &clear);
}

/* Read all of it; on an error *@done tells how much came before. */
int read_all(int fd, u64 gpa, void *buf, size_t len, size_t *done)
{
	ssize_t n;

	for (*done = 0; *done < len; *done += n) {
		n = pread(fd, (char *)buf + *done, len - *done, gpa + *done);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return n ? -errno : -EFAULT;
	}
	return 0;
}

/* Write all of it; on an error *@done tells how much went before. */
int write_all(int fd, u64 gpa, const void *buf, size_t len, size_t *done)
{
	ssize_t n;

	for (*done = 0; *done < len; *done += n) {
		n = pwrite(fd, (const char *)buf + *done, len - *done, gpa + *done);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return n ? -errno : -EFAULT;
	}
	return 0;
}
