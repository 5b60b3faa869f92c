// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls of axas, one function each, and snapshots of what a space holds.
 */
#include "uapi.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int call(int fd, unsigned long nr, void *arg)
{
	int ret = ioctl(fd, nr, arg);

	return ret < 0 ? -errno : ret;
}

int dev_open(void)
{
	int fd = open("/dev/axas", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		fail("/dev/axas cannot be opened: %s", strerror(errno));
	return fd;
}

int create(const struct axas_create *arg)
{
	struct axas_create c = *arg;
	int dev = dev_open(), ret;

	c.size = sizeof(c);
	ret = call(dev, AXAS_CREATE, &c);
	close(dev);
	return ret;
}

int new_space(void)
{
	struct axas_create c = { .format = test_format };
	int fd = create(&c);

	if (fd < 0)
		fail("no space could be made: %s", strerror(-fd));
	return fd;
}

int map_alloc(int fd, u64 gpa, u64 len, u32 prot, u32 flags)
{
	struct axas_map_alloc arg = {
		.size = sizeof(arg), .flags = flags, .gpa = gpa, .length = len, .prot = prot
	};

	return call(fd, AXAS_MAP_ALLOC, &arg);
}

int map_linear(int fd, u64 gpa, u64 hpa, u64 len, u32 prot)
{
	struct axas_map_linear arg = {
		.size = sizeof(arg), .gpa = gpa, .hpa = hpa, .length = len, .prot = prot
	};

	return call(fd, AXAS_MAP_LINEAR, &arg);
}

int unmap(int fd, u64 gpa, u64 len)
{
	struct axas_range arg = { .size = sizeof(arg), .gpa = gpa, .length = len };

	return call(fd, AXAS_UNMAP, &arg);
}

int protect(int fd, u64 gpa, u64 len, u32 prot)
{
	struct axas_protect arg = {
		.size = sizeof(arg), .gpa = gpa, .length = len, .prot = prot
	};

	return call(fd, AXAS_PROTECT, &arg);
}

int clear(int fd)
{
	struct axas_clear arg = { .size = sizeof(arg) };

	return call(fd, AXAS_CLEAR, &arg);
}

int populate_once(int fd, struct axas_range *range)
{
	range->size = sizeof(*range);
	return call(fd, AXAS_POPULATE, range);
}

/* Each call that succeeds must come further, and never beyond the range. */
int populate(int fd, u64 gpa, u64 len)
{
	struct axas_range range = { .gpa = gpa, .length = len };
	u64 left;
	int err;

	do {
		left = range.length;
		err = populate_once(fd, &range);
		if (err)
			return err;
		expect(range.length < left);
		expect_eq(range.gpa + range.length, gpa + len);
	} while (range.length);
	return 0;
}

int fault(int fd, u64 gpa, u32 access)
{
	struct axas_fault arg = {
		.size = sizeof(arg), .gpa = gpa, .access = access, .result = ~0u
	};
	int err = call(fd, AXAS_FAULT, &arg);

	return err ? err : (int)arg.result;
}

int translate(int fd, u64 gpa, struct axas_translate *tr)
{
	*tr = (struct axas_translate){ .size = sizeof(*tr), .gpa = gpa };
	return call(fd, AXAS_TRANSLATE, tr);
}

struct axas_info info(int fd)
{
	struct axas_info arg = { .size = sizeof(arg) };

	expect_ok(call(fd, AXAS_GET_INFO, &arg));
	return arg;
}

u64 mapped_pages(const struct axas_info *i)
{
	u64 pages = 0;

	for (int n = 0; n < AXAS_LEAF_LEVELS; n++)
		pages += i->leaves[n] << (9 * n);
	return pages;
}

int get_areas(int fd, u64 start, struct axas_area_info *buf, u32 *count, u32 *more)
{
	struct axas_get_areas arg = {
		.size = sizeof(arg), .start = start, .buf = (uintptr_t)buf, .count = *count
	};
	int err = call(fd, AXAS_GET_AREAS, &arg);

	*count = arg.count;
	*more = arg.more;
	return err;
}

ssize_t guest_read(int fd, u64 gpa, void *buf, size_t len)
{
	ssize_t n = pread(fd, buf, len, gpa);

	return n < 0 ? -errno : n;
}

ssize_t guest_write(int fd, u64 gpa, const void *buf, size_t len)
{
	ssize_t n = pwrite(fd, buf, len, gpa);

	return n < 0 ? -errno : n;
}

u64 space_end(int fd)
{
	struct axas_info i = info(fd);

	return i.base + i.length;
}

/* Can the format of this space say @prot? */
bool prot_possible(int fd, u32 prot)
{
	struct axas_create c = { .format = info(fd).format };
	int probe = create(&c), err;

	expect(probe >= 0);
	err = map_alloc(probe, 0, PAGE, prot, 0);
	if (err)
		expect_eq(err, -EOPNOTSUPP);
	close(probe);
	return !err;
}

void take_state(int fd, struct state *st)
{
	u32 more;

	memset(st, 0, sizeof(*st));
	st->info = info(fd);
	st->nr = STATE_AREAS;
	expect_ok(get_areas(fd, 0, st->areas, &st->nr, &more));
	if (!more)
		expect_eq(st->nr, st->info.areas);
}

void same_at(const char *file, int line, int fd, const struct state *before, int flags)
{
	struct state now;

	take_state(fd, &now);
	equal_at(file, line, "number of areas", now.info.areas, before->info.areas);
	equal_at(file, line, "frames", now.info.frames, before->info.frames);
	if (!(flags & TABLES_MAY_STAY))
		equal_at(file, line, "tables", now.info.tables, before->info.tables);
	if (now.info.tables < before->info.tables)
		fail_at(file, line, "tables went away");
	if (memcmp(now.areas, before->areas, sizeof(now.areas)))
		fail_at(file, line, "the areas have changed");
	equal_at(file, line, "mapped pages", mapped_pages(&now.info),
		 mapped_pages(&before->info));
	if (!(flags & LEAVES_MAY_SPLIT) &&
	    memcmp(now.info.leaves, before->info.leaves, sizeof(now.info.leaves)))
		fail_at(file, line, "the number of leaves has changed");
	if (!(flags & FAULTS_MAY_COUNT) &&
	    memcmp(now.info.faults, before->info.faults, sizeof(now.info.faults)))
		fail_at(file, line, "a fault was counted");
}

void refused_at(const char *file, int line, int fd, unsigned long nr, void *arg, int err,
		const char *what)
{
	struct state before;

	take_state(fd, &before);
	equal_at(file, line, what, call(fd, nr, arg), -err);
	same_at(file, line, fd, &before, SAME_ALL);
}
