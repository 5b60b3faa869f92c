// SPDX-License-Identifier: GPL-2.0-only
/*
 * Helpers for descriptors of a space as files: mappings, holes, opening again. Calls the harness,
 * libaxas and libc.
 */
#include "uapi.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <unistd.h>

int new_kind(bool pinnable)
{
	struct axas_create c = {
		.format = test_format, .flags = pinnable ? AXAS_CREATE_PINNABLE : 0,
	};
	int fd = axas_open_space(NULL, &c);

	if (fd < 0)
		fail("no space could be made: %s", strerror(-fd));
	return fd;
}

u8 *map_at(int fd, u64 gpa, u64 len, int prot)
{
	u8 *p = mmap(NULL, len, prot, MAP_SHARED, fd, gpa);

	if (p == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	return p;
}

u8 *map_rw(int fd, u64 gpa, u64 len)
{
	return map_at(fd, gpa, len, PROT_READ | PROT_WRITE);
}

int punch(int fd, u64 gpa, u64 len)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, gpa, len);
}

int reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_CLOEXEC);
}
