// SPDX-License-Identifier: GPL-2.0-only
/*
 * FREEZE, CLONE, RESET, DIFF and the descriptor of an image: content, isolation of a space, its
 * image and its clones, by every way to the memory. Lifetimes, limits and errors are in
 * test_image_life.c.
 */
#include "uapi.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

/* Regions of 2 MiB that begin and end within the area. */
#define PAGES	600
#define BASE	(GIB - 40 * PAGE)
#define SIZE	(PAGES * PAGE)

static u64 gpa_of(u64 page)
{
	return BASE + page * PAGE;
}

static void put(int fd, u64 page, u64 val)
{
	expect_eq(axas_write(fd, gpa_of(page), &val, sizeof(val)), (ssize_t)sizeof(val));
}

/* Of a space or an image. */
static u64 get(int fd, u64 page)
{
	u64 val;

	expect_eq(axas_read(fd, gpa_of(page), &val, sizeof(val)), (ssize_t)sizeof(val));
	return val;
}

static struct axas_image_info image_info(int image)
{
	struct axas_image_info i;

	expect_ok(axas_get_image_info(image, &i));
	return i;
}

static const u64 some[] = { 0, 1, 39, 40, 41, 300, 551, 552, 599 };

static void put_some(int fd, u64 val)
{
	for (size_t i = 0; i < ARRAY_SIZE(some); i++)
		put(fd, some[i], val + some[i]);
}

static void expect_some(int fd, u64 val)
{
	for (size_t i = 0; i < ARRAY_SIZE(some); i++)
		expect_eq(get(fd, some[i]), val + some[i]);
}

/* In a space, a page that is read, and of which the image has nothing, gets a frame. */
static void expect_zeroes(int fd)
{
	expect_eq(get(fd, 2), 0);
	expect_eq(get(fd, 598), 0);
}

static int filled(bool pinnable, u32 flags, u64 val)
{
	int fd = new_kind(pinnable);

	expect_ok(axas_map_alloc(fd, BASE, SIZE, RW, flags));
	put_some(fd, val);
	return fd;
}

static void isolated(u32 flags)
{
	int fd = filled(false, flags, 1000), image = image_of(fd), one = clone_of(image), two;

	expect_eq(info(fd).frames, 0);
	expect_some(fd, 1000);
	expect_some(image, 1000);
	put_some(fd, 2000);
	expect_some(one, 1000);
	put_some(one, 3000);
	two = clone_of(image);
	expect_some(two, 1000);
	put_some(two, 4000);
	expect_some(image, 1000);
	expect_some(fd, 2000);
	expect_some(one, 3000);
	expect_some(two, 4000);
	/* Only what was written. */
	expect_eq(info(two).frames, ARRAY_SIZE(some));
	expect_zeroes(image);
	close(image);
	close(fd);
	expect_some(one, 3000);
	expect_zeroes(one);
}

static void test_isolated(void)
{
	isolated(AXAS_MAP_HUGE_NEVER);
}

static void test_isolated_huge(void)
{
	isolated(AXAS_MAP_HUGE_ALWAYS);
}

static void test_guest_faults(void)
{
	int fd = filled(false, 0, 1000), image = image_of(fd);

	expect_eq(axas_fault(fd, gpa_of(40), RO, NULL), AXAS_FAULT_FIXED);
	expect_eq(axas_fault(fd, gpa_of(41), RO, NULL), AXAS_FAULT_SPURIOUS);
	expect_eq(info(fd).frames, 0);
	expect(info(fd).borrowed >= 2);
	expect_eq(axas_fault(fd, gpa_of(41), RW, NULL), AXAS_FAULT_FIXED);
	expect_eq(axas_fault(fd, gpa_of(41), RW, NULL), AXAS_FAULT_SPURIOUS);
	expect_eq(info(fd).frames, 1);
	expect_some(fd, 1000);
	expect_eq(image_info(image).frames, ARRAY_SIZE(some));
	expect_eq(populate(fd, BASE, SIZE), 0);
	expect_some(fd, 1000);
	expect_some(image, 1000);
}

static void test_reads_of_an_image(void)
{
	int fd = filled(false, 0, 1000), image = image_of(fd);
	static u8 buf[4 * PAGE];
	struct iovec iov[2] = { { buf, 5000 }, { buf + 5000, sizeof(buf) - 5000 } };
	u64 val;

	put_some(fd, 5);
	memset(buf, 0xff, sizeof(buf));
	expect_eq(pread(image, buf, sizeof(buf), gpa_of(39) + 4), sizeof(buf));
	memcpy(&val, buf + PAGE - 4, sizeof(val));
	expect_eq(val, 1040);
	memcpy(&val, buf + 3 * PAGE - 4, sizeof(val));
	expect_eq(val, 0);
	expect_eq(preadv(image, iov, 2, gpa_of(39)), sizeof(buf));
	memcpy(&val, buf + 2 * PAGE, sizeof(val));
	expect_eq(val, 1041);
	/* Up to a hole, and then not. */
	expect_eq(pread(image, buf, sizeof(buf), gpa_of(PAGES) - 100), 100);
	expect_eq(axas_read(image, gpa_of(PAGES), buf, 1), -EFAULT);
	expect_eq(axas_read(image, BASE - 1, buf, 1), -EFAULT);
	expect_eq(axas_read(image, BASE, NULL, 8), -EFAULT);
	expect_eq(axas_read(image, BASE, buf, 0), 0);
	/* The position moves. */
	expect_eq(lseek(image, gpa_of(40), SEEK_SET), (off_t)gpa_of(40));
	expect_eq(read(image, &val, sizeof(val)), (ssize_t)sizeof(val));
	expect_eq(val, 1040);
	expect_eq(lseek(image, 0, SEEK_CUR), (off_t)gpa_of(40) + 8);
	expect_eq(lseek(image, 0, SEEK_END), (off_t)gpa_of(PAGES));
}

static void test_image_is_read_only(void)
{
	int fd = filled(false, 0, 1000), image = image_of(fd);
	u64 val = 1;

	expect_eq(fcntl(image, F_GETFL) & O_ACCMODE, O_RDONLY);
	expect(fcntl(image, F_GETFD) & FD_CLOEXEC);
	expect_eq(axas_write(image, BASE, &val, sizeof(val)), -EBADF);
	expect_eq(punch(image, BASE, PAGE), -1);
	expect(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, image, BASE) == MAP_FAILED);
	expect_eq(axas_unmap(image, BASE, PAGE), -ENOTTY);
	expect_eq(axas_freeze(image), -ENOTTY);
	expect_eq(axas_clone_one(fd), -ENOTTY);
	expect_some(image, 1000);
}

/* SEEK_DATA passes over no page that has content; a chain is data as far as it may have some. */
static void test_seek(void)
{
	int fd = filled(false, AXAS_MAP_HUGE_NEVER, 1000), image = image_of(fd), later;

	put_some(fd, 5);
	expect_eq(lseek(image, 0, SEEK_DATA), (off_t)BASE);
	expect_eq(lseek(image, BASE, SEEK_HOLE), (off_t)gpa_of(2));
	expect_eq(lseek(image, gpa_of(2), SEEK_DATA), (off_t)gpa_of(39));
	expect_eq(lseek(image, gpa_of(2), SEEK_HOLE), (off_t)gpa_of(2));
	expect_eq(lseek(image, gpa_of(42), SEEK_DATA), (off_t)gpa_of(300));
	expect_eq(lseek(image, gpa_of(599) + 17, SEEK_DATA), (off_t)gpa_of(599) + 17);
	expect_eq(lseek(image, gpa_of(600), SEEK_DATA), -1);
	expect_eq(errno, ENXIO);
	put(fd, 100, 6);
	later = image_of(fd);
	for (size_t i = 0; i < ARRAY_SIZE(some); i++)
		expect_eq(lseek(later, gpa_of(some[i]), SEEK_DATA), (off_t)gpa_of(some[i]));
	expect_eq(lseek(later, gpa_of(100), SEEK_DATA), (off_t)gpa_of(100));
	expect_eq(lseek(later, gpa_of(600), SEEK_DATA), -1);
}

/* Each freeze sees what was written before, whoever is gone. */
static void test_chain(void)
{
	enum { DEPTH = 20 };
	int fd = filled(false, 0, 1000), images[DEPTH], last;

	for (int i = 0; i < DEPTH; i++) {
		put(fd, 100 + i, 7000 + i);
		put(fd, 90, i);
		images[i] = image_of(fd);
		expect_eq(image_info(images[i]).depth, i + 1);
	}
	for (int i = 0; i < DEPTH; i++) {
		expect_some(images[i], 1000);
		expect_eq(get(images[i], 90), i);
		expect_eq(get(images[i], 100 + i), 7000 + i);
		expect_eq(get(images[i], 101 + i), 0);
	}
	close(fd);
	for (int i = 0; i < DEPTH - 1; i++)
		close(images[i]);
	last = clone_of(images[DEPTH - 1]);
	expect_some(last, 1000);
	for (int i = 0; i < DEPTH; i++)
		expect_eq(get(last, 100 + i), 7000 + i);
}

/* Unmap and map again, discard, protect: the image's page does not come back. */
static void test_changes_of_a_clone(void)
{
	int fd = filled(false, AXAS_MAP_HUGE_NEVER, 1000), image = image_of(fd);
	int one = clone_of(image);
	u64 val = 1;

	expect_eq(get(one, 41), 1041);
	expect_ok(axas_unmap(one, gpa_of(39), 2 * PAGE));
	expect_eq(axas_read(one, gpa_of(40), &val, 8), -EFAULT);
	expect_ok(axas_map_alloc(one, gpa_of(39), 2 * PAGE, RW, 0));
	expect_eq(get(one, 39), 0);
	expect_eq(get(one, 40), 0);
	expect_eq(get(one, 41), 1041);
	expect_eq(punch(one, gpa_of(41), PAGE), 0);
	expect_eq(axas_fault(one, gpa_of(41), RW, NULL), AXAS_FAULT_FIXED);
	expect_eq(get(one, 41), 0);
	expect_ok(axas_protect(one, gpa_of(300), PAGE, RO));
	expect_eq(axas_write(one, gpa_of(300), &val, 8), -EACCES);
	expect_eq(axas_fault(one, gpa_of(300), RW, NULL), AXAS_FAULT_DENIED);
	expect_eq(get(one, 300), 1300);
	expect_ok(axas_protect(one, gpa_of(300), PAGE, RW));
	put(one, 300, 5);
	expect_some(image, 1000);
	expect_some(fd, 1000);
}

static void mmap_is_private(bool pinnable)
{
	int fd = filled(pinnable, 0, 1000), image, one;
	u8 *p = map_rw(fd, BASE, SIZE), *q;
	u64 *word = (u64 *)(p + 40 * PAGE);

	*word = 7;
	image = image_of(fd);
	expect_eq(*word, 7);
	*word = 8;
	expect_eq(get(fd, 40), 8);
	expect_eq(get(image, 40), 7);
	expect_ok(axas_clone(image, pinnable ? AXAS_CREATE_PINNABLE : 0, 0, &one, 1));
	q = map_rw(one, BASE, SIZE);
	expect_eq(*(u64 *)(q + 40 * PAGE), 7);
	*(u64 *)(q + 40 * PAGE) = 9;
	*(u64 *)(q + 41 * PAGE) = 10;
	expect_eq(get(one, 41), 10);
	expect_eq(get(image, 40), 7);
	expect_eq(get(image, 41), 1041);
	expect_eq(*word, 8);
	/* A mapping is kept over a reset, and shows the image. */
	expect_ok(axas_reset(one, image, 0));
	expect_eq(*(u64 *)(q + 40 * PAGE), 7);
	expect_eq(*(u64 *)(q + 41 * PAGE), 1041);
	*(u64 *)(q + 41 * PAGE) = 11;
	expect_eq(get(one, 41), 11);
	expect_eq(get(image, 41), 1041);
	expect_eq(get(image, 598), 0);
}

static void test_mmap_is_private(void)
{
	mmap_is_private(false);
	mmap_is_private(true);
}

/* A page that a pipe holds: the image gets a copy, and the space keeps the page. */
static void held_page(bool pinnable)
{
	int fd = filled(pinnable, 0, 1000), pipes[2], image;
	u8 *p = map_rw(fd, BASE, SIZE);
	struct iovec iov = { p + 40 * PAGE, PAGE };
	static u8 buf[PAGE];
	u64 val;

	expect_libc(pipe(pipes));
	expect_eq(vmsplice(pipes[1], &iov, 1, 0), PAGE);
	image = image_of(fd);
	expect_eq(info(fd).frames, 1);
	put(fd, 40, 5);
	expect_eq(get(image, 40), 1040);
	expect_some(image, 1000);
	expect_eq(read(pipes[0], buf, PAGE), PAGE);
	memcpy(&val, buf, sizeof(val));
	expect_eq(val, 5);
	close(image);
	close(pipes[0]);
	close(pipes[1]);
	expect_eq(get(fd, 40), 5);
	expect_eq(get(fd, 41), 1041);
}

static void test_held_page(void)
{
	held_page(false);
	held_page(true);
}

static void test_reset(void)
{
	int fd = filled(false, 0, 1000), image = image_of(fd);
	struct axas_area_info area, was;
	u32 more;

	expect_eq(areas_from(fd, 0, &was, 1, NULL), 1);
	expect_eq(was.backend, AXAS_BACKEND_IMAGE);
	put_some(fd, 5);
	put(fd, 2, 7);
	expect_ok(axas_unmap(fd, gpa_of(100), 10 * PAGE));
	expect_ok(axas_protect(fd, gpa_of(300), PAGE, RO));
	expect_eq(punch(fd, gpa_of(551), PAGE), 0);
	expect_ok(axas_map_alloc(fd, 2 * GIB, PAGE, RW, AXAS_MAP_POPULATE));
	expect_ok(axas_reset(fd, image, 0));
	expect_some(fd, 1000);
	expect_eq(info(fd).frames, 0);
	expect_eq(info(fd).areas, 1);
	expect_eq(areas_from(fd, 0, &area, 1, &more), 1);
	expect(!memcmp(&area, &was, sizeof(area)));
	expect_eq(axas_read(fd, 2 * GIB, &more, 4), -EFAULT);
	put_some(fd, 6);
	expect_ok(axas_reset(fd, image, 0));
	expect_some(fd, 1000);
	expect_zeroes(fd);
}

/* Pages that a reset copies back in place, written in all ways; one of them is held by a pipe. */
static void reset_in_place(bool pinnable)
{
	int fd = filled(pinnable, 0, 1000), image = image_of(fd), pipes[2];
	u8 *p = map_rw(fd, BASE, SIZE);
	struct iovec iov = { p + 41 * PAGE, PAGE };
	static u8 buf[PAGE];
	u64 val;

	expect_libc(pipe(pipes));
	for (u64 round = 1; round <= 20; round++) {
		put_some(fd, 2000 * round);
		*(u64 *)(p + 40 * PAGE) = round;
		*(u64 *)(p + 100 * PAGE) = round;
		if (round == 10)
			expect_eq(vmsplice(pipes[1], &iov, 1, 0), PAGE);
		expect_ok(axas_reset(fd, image, 0));
		/* The first one drops all, and another one what the pipe holds. */
		if (round > 1)
			expect_eq(info(fd).frames, ARRAY_SIZE(some) + (round == 10 ? 0 : 1));
		expect_some(fd, 1000);
		expect_eq(*(u64 *)(p + 40 * PAGE), 1040);
		expect_eq(*(u64 *)(p + 100 * PAGE), 0);
	}
	expect_eq(read(pipes[0], buf, PAGE), PAGE);
	memcpy(&val, buf, sizeof(val));
	expect_eq(val, 20041);
	expect_ok(axas_reset(fd, image, AXAS_RESET_DROP));
	expect_eq(info(fd).frames, 0);
	expect_some(fd, 1000);
	close(pipes[0]);
	close(pipes[1]);
}

static void test_reset_in_place(void)
{
	reset_in_place(false);
	reset_in_place(true);
}

/* To an older image of the same space, a younger one, one of another space. */
static void test_reset_to_others(void)
{
	int fd = filled(false, 0, 1000), old = image_of(fd), young, other = new_space(), image;

	put_some(fd, 2000);
	young = image_of(fd);
	put_some(fd, 3000);
	expect_ok(axas_reset(fd, old, 0));
	expect_some(fd, 1000);
	expect_ok(axas_reset(fd, young, 0));
	expect_some(fd, 2000);
	expect_ok(axas_map_alloc(other, 0, 4 * PAGE, RW, AXAS_MAP_POPULATE));
	expect_ok(axas_reset(other, young, 0));
	expect_some(other, 2000);
	expect_eq(info(other).areas, 1);
	expect_ok(axas_clear(other));
	image = image_of(other);
	expect_ok(axas_reset(fd, image, 0));
	expect_eq(info(fd).areas, 0);
	close(old);
	expect_some(young, 2000);
}

static int diff_all(int fd, struct axas_diff_extent *extents, u32 room)
{
	u64 gpa = BASE, length = SIZE;
	int n = axas_diff(fd, &gpa, &length, extents, room);

	expect(n >= 0);
	expect_eq(gpa + length, BASE + SIZE);
	expect(!length || n == (int)room);
	return n;
}

static void expect_extent(const struct axas_diff_extent *extent, u64 page, u64 pages, u32 flags)
{
	expect_eq(extent->gpa, gpa_of(page));
	expect_eq(extent->length, pages * PAGE);
	expect_eq(extent->flags, flags);
	expect_eq(extent->reserved, 0);
}

static void test_diff(void)
{
	int fd = filled(false, AXAS_MAP_HUGE_NEVER, 1000), image = image_of(fd);
	struct axas_diff_extent extents[8];
	u64 gpa = BASE, length = SIZE;

	expect_eq(diff_all(fd, extents, 8), 0);
	expect_some(fd, 1000);
	expect_eq(diff_all(fd, extents, 8), 0);
	put(fd, 39, 1);
	put(fd, 40, 1);
	put(fd, 300, 1);
	expect_eq(punch(fd, gpa_of(301), PAGE), 0);
	put(fd, 599, 1);
	expect_ok(axas_unmap(fd, gpa_of(551), PAGE));
	expect_eq(diff_all(fd, extents, 8), 4);
	expect_extent(&extents[0], 39, 2, 0);
	expect_extent(&extents[1], 300, 1, 0);
	expect_extent(&extents[2], 301, 1, AXAS_DIFF_ZERO);
	expect_extent(&extents[3], 599, 1, 0);
	/* By pieces: the next call goes on. */
	expect_eq(axas_diff(fd, &gpa, &length, extents, 2), 2);
	expect_eq(gpa, gpa_of(301));
	expect_eq(axas_diff(fd, &gpa, &length, extents, 2), 2);
	expect_extent(&extents[0], 301, 1, AXAS_DIFF_ZERO);
	expect_extent(&extents[1], 599, 1, 0);
	gpa = gpa_of(40);
	length = PAGE;
	expect_eq(axas_diff(fd, &gpa, &length, extents, 2), 1);
	expect_extent(&extents[0], 40, 1, 0);
	expect_eq(length, 0);
	expect_ok(axas_reset(fd, image, 0));
	expect_eq(diff_all(fd, extents, 8), 0);
}

/* What a host mapping wrote counts as written. */
static void test_diff_of_a_mapping(void)
{
	int fd = filled(false, 0, 1000), image = image_of(fd);
	u8 *p = map_rw(fd, BASE, SIZE);
	struct axas_diff_extent extent;

	expect_eq(p[41 * PAGE], 1041 & 255);
	expect_eq(diff_all(fd, &extent, 1), 0);
	p[41 * PAGE] = 1;
	expect_eq(diff_all(fd, &extent, 1), 1);
	expect_extent(&extent, 41, 1, 0);
	expect_eq(get(image, 41), 1041);
}

static void test_info(void)
{
	int fd = filled(false, AXAS_MAP_HUGE_NEVER, 1000), image = image_of(fd), later, clones[3];
	struct axas_image_info i = image_info(image);
	struct axas_info of_space = info(fd);

	expect_eq(i.size, sizeof(i));
	expect_eq(i.format, of_space.format);
	expect_eq(i.base, of_space.base);
	expect_eq(i.length, of_space.length);
	expect_eq(i.depth, 1);
	expect_eq(i.frames, ARRAY_SIZE(some));
	expect_eq(i.borrowed, 0);
	expect(i.tables >= 2);
	expect_eq(i.areas, 1);
	expect_eq(i.users, 2);
	expect_ok(axas_clone(image, 0, 0, clones, 3));
	expect_eq(image_info(image).users, 5);
	close(clones[1]);
	put(fd, 40, 1);
	later = image_of(fd);
	i = image_info(later);
	expect_eq(i.depth, 2);
	expect_eq(i.frames, 1);
	/* The space gave its reference to the younger image. */
	expect_eq(image_info(image).users, 4);
	expect_eq(i.users, 2);
	expect_ok(axas_clear(fd));
	expect_eq(image_info(later).users, 1);
}

/* Two threads write pages in turn; the second page of each pair is written after the first. */
struct writer {
	pthread_t thread;
	u64 *p;
	int fd;
	u64 page;
	bool stop;
	u64 rounds;
};

static void *write_pairs(void *arg)
{
	struct writer *w = arg;

	for (u64 i = 1; !__atomic_load_n(&w->stop, __ATOMIC_RELAXED); i++) {
		if (w->p) {
			__atomic_store_n(w->p + w->page * PAGE / 8, i, __ATOMIC_RELEASE);
			__atomic_store_n(w->p + (w->page + 1) * PAGE / 8, i, __ATOMIC_RELEASE);
		} else if (axas_write(w->fd, gpa_of(w->page), &i, 8) != 8 ||
			   axas_write(w->fd, gpa_of(w->page + 1), &i, 8) != 8) {
			return "write";
		}
		w->rounds = i;
	}
	return NULL;
}

static void check_moment(int image, u64 page)
{
	u64 first = get(image, page), second = get(image, page + 1);

	if (first - second > 1)
		fail("page %llu has %llu, the next one %llu", page, first, second);
	sleep_ms(1);
	expect_eq(get(image, page), first);
	expect_eq(get(image, page + 1), second);
}

static void one_moment(bool pinnable)
{
	int fd = filled(pinnable, 0, 0), image = -1;
	struct writer writers[2] = {
		{ .fd = fd, .page = 39 }, { .fd = fd, .page = 300 },
	};
	void *failure;

	writers[0].p = (u64 *)map_rw(fd, BASE, SIZE);
	for (int i = 0; i < 2; i++) {
		put(fd, writers[i].page, 0);
		put(fd, writers[i].page + 1, 0);
		expect_ok(pthread_create(&writers[i].thread, NULL, write_pairs, &writers[i]));
	}
	for (int n = 0; n < 60; n++) {
		image = image_of(fd);
		check_moment(image, 39);
		check_moment(image, 300);
		close(image);
	}
	for (int i = 0; i < 2; i++) {
		__atomic_store_n(&writers[i].stop, true, __ATOMIC_RELAXED);
		expect_ok(pthread_join(writers[i].thread, &failure));
		expect(!failure);
		/* No write was lost. */
		expect_eq(get(fd, writers[i].page), writers[i].rounds);
		expect_eq(get(fd, writers[i].page + 1), writers[i].rounds);
	}
}

static void test_one_moment(void)
{
	one_moment(false);
	one_moment(true);
}

static const struct test tests[] = {
	{ "a space, its image and its clones do not see each other's writes", test_isolated },
	{ "nor do they with large pages", test_isolated_huge },
	{ "a guest's reads borrow, its writes copy", test_guest_faults },
	{ "an image is read as a file", test_reads_of_an_image },
	{ "an image is never written", test_image_is_read_only },
	{ "SEEK_DATA and SEEK_HOLE of an image", test_seek },
	{ "a chain of images", test_chain },
	{ "unmap, discard and protect in a clone", test_changes_of_a_clone },
	{ "writes by mmap are private, and mappings stay", test_mmap_is_private },
	{ "a page that is held stays with the space", test_held_page },
	{ "reset restores content, areas and protections", test_reset },
	{ "reset copies back in place what was written", test_reset_in_place },
	{ "reset to an older, a younger, another space's image", test_reset_to_others },
	{ "diff finds what was written and discarded", test_diff },
	{ "diff finds what was written by mmap", test_diff_of_a_mapping },
	{ "the numbers of an image", test_info },
	{ "an image is of one moment, and no write is lost", test_one_moment },
};

const struct suite suite_image = { "image", tests, ARRAY_SIZE(tests), true };
