// SPDX-License-Identifier: GPL-2.0-only
/*
 * Helpers for spaces, on top of libaxas, and snapshots of a space's state.
 */
#include "uapi.h"

#include <string.h>
#include <unistd.h>

int dev_open(void)
{
	int fd = axas_open(NULL);

	if (fd < 0)
		fail("/dev/axas cannot be opened: %s", strerror(-fd));
	return fd;
}

int new_space(void)
{
	struct axas_create c = { .format = test_format };
	int fd = axas_open_space(NULL, &c);

	if (fd < 0)
		fail("no space could be made: %s", strerror(-fd));
	return fd;
}

int image_of(int fd)
{
	int image = axas_freeze(fd);

	if (image < 0)
		fail("no image could be made: %s", strerror(-image));
	return image;
}

int clone_of(int image)
{
	int fd = axas_clone_one(image);

	if (fd < 0)
		fail("no clone could be made: %s", strerror(-fd));
	return fd;
}

/* Each successful call must make progress and stay in the range. */
int populate(int fd, u64 gpa, u64 len)
{
	u64 next = gpa, left = len, before;
	int err;

	do {
		before = left;
		err = axas_populate_some(fd, &next, &left);
		if (err)
			return err;
		expect(left < before);
		expect_eq(next + left, gpa + len);
	} while (left);
	return 0;
}

struct axas_info info(int fd)
{
	struct axas_info arg;

	expect_ok(axas_get_info(fd, &arg));
	return arg;
}

u64 mapped_pages(const struct axas_info *i)
{
	u64 pages = 0;

	for (int n = 0; n < AXAS_LEAF_LEVELS; n++)
		pages += i->leaves[n] << (9 * n);
	return pages;
}

u32 areas_from(int fd, u64 start, struct axas_area_info *buf, u32 room, u32 *more)
{
	int nr = axas_get_areas(fd, &start, buf, room, more);

	if (nr < 0)
		fail("AXAS_GET_AREAS: %s", strerror(-nr));
	expect((u32)nr <= room);
	return nr;
}

u64 space_end(int fd)
{
	struct axas_info i = info(fd);

	return i.base + i.length;
}

/* Can the format of this space encode @prot? */
bool prot_possible(int fd, u32 prot)
{
	struct axas_create c = { .format = info(fd).format };
	int probe = axas_open_space(NULL, &c), err;

	expect(probe >= 0);
	err = axas_map_alloc(probe, 0, PAGE, prot, 0);
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
	st->nr = areas_from(fd, 0, st->areas, STATE_AREAS, &more);
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
	if (now.info.tables < before->info.tables && !(flags & TABLES_MAY_GO))
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
	equal_at(file, line, what, axas_ioctl(fd, nr, arg), -err);
	same_at(file, line, fd, &before, SAME_ALL);
}
