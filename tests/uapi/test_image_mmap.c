// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings of an image's descriptor: content, what they refuse, how long they live.
 */
#include "uapi.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Regions of 2 MiB that begin and end within the area, which begins and ends beside holes. */
#define PAGES	600
#define BASE	(GIB - 40 * PAGE)
#define SIZE	(PAGES * PAGE)

static u64 gpa_of(u64 page)
{
	return BASE + page * PAGE;
}

/* Every third page is not touched: it is zero. */
static u64 number(u64 page, u64 seed)
{
	return page % 3 ? seed + page : 0;
}

static void put_numbers(int fd, u64 seed)
{
	for (u64 page = 0; page < PAGES; page++) {
		u64 val = number(page, seed);

		if (val)
			expect_eq(axas_write(fd, gpa_of(page), &val, 8), (ssize_t)8);
	}
}

static int numbered(u32 flags, u64 seed)
{
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, BASE, SIZE, RW, flags));
	put_numbers(fd, seed);
	return fd;
}

static void expect_mapped(const u8 *at, u64 seed)
{
	for (u64 page = 0; page < PAGES; page++) {
		expect_eq(*(const u64 *)(at + page * PAGE), number(page, seed));
		expect_eq(at[page * PAGE + PAGE - 1], 0);
	}
}

static u8 *map_image(int image, int flags)
{
	u8 *at = mmap(NULL, SIZE, PROT_READ, flags, image, BASE);

	if (at == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	return at;
}

static int refusal(int image, u64 len, int prot, u64 gpa)
{
	void *at = mmap(NULL, len, prot, MAP_SHARED, image, gpa);

	if (at == MAP_FAILED)
		return -errno;
	munmap(at, len);
	return 0;
}

/* What is written later is not seen, by whom ever. */
static void shows(u32 flags, int how)
{
	int fd = numbered(flags, 1000), image = image_of(fd), clone = clone_of(image);
	u8 *at = map_image(image, how);

	put_numbers(fd, 2000);
	expect_mapped(at, 1000);
	put_numbers(clone, 3000);
	expect_ok(axas_unmap(fd, BASE, SIZE));
	expect_mapped(at, 1000);
	close(fd);
	close(clone);
	expect_mapped(map_image(image, how), 1000);
	/* Not by the caches of an earlier mapping, either. */
	expect_ok(munmap(at, SIZE));
	expect_mapped(map_image(image, how), 1000);
}

static void test_content(void)
{
	shows(AXAS_MAP_HUGE_NEVER, MAP_SHARED);
	shows(AXAS_MAP_HUGE_NEVER, MAP_PRIVATE);
}

static void test_content_huge(void)
{
	shows(AXAS_MAP_HUGE_ALWAYS, MAP_SHARED);
	shows(AXAS_MAP_HUGE_WHOLE | AXAS_MAP_POPULATE, MAP_SHARED);
	shows(AXAS_MAP_HUGE_WHOLE | AXAS_MAP_POPULATE, MAP_PRIVATE);
}

/* Its pages are of three images, or of none. */
static void test_chain(void)
{
	int fd = numbered(0, 1000), first = image_of(fd), second, third;
	u64 val = 5, other = 6;
	u8 *at;

	expect_eq(axas_write(fd, gpa_of(40), &val, 8), (ssize_t)8);
	second = image_of(fd);
	expect_ok(punch(fd, gpa_of(41), PAGE));
	expect_eq(axas_write(fd, gpa_of(42), &other, 8), (ssize_t)8);
	third = image_of(fd);
	close(fd);
	close(second);
	expect_mapped(map_image(first, MAP_SHARED), 1000);
	close(first);
	at = map_image(third, MAP_SHARED);
	close(third);
	for (u64 page = 0; page < PAGES; page++) {
		u64 want = page == 40 ? 5 : page == 41 ? 0 : page == 42 ? 6 : number(page, 1000);

		expect_eq(*(u64 *)(at + page * PAGE), want);
	}
}

static void test_refused(void)
{
	int fd = numbered(0, 1000), image = image_of(fd);
	u64 end = space_end(fd);
	u8 *at = map_image(image, MAP_PRIVATE), byte = 1;
	char path[64];
	int mem;

	expect_eq(refusal(image, PAGE, PROT_READ | PROT_WRITE, BASE), -EACCES);
	expect_eq(refusal(image, PAGE, PROT_READ | PROT_EXEC, BASE), -EACCES);
	expect(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, image, BASE) == MAP_FAILED);
	expect_eq(errno, EACCES);
	expect_eq(refusal(image, PAGE, PROT_READ, end), -EINVAL);
	expect_eq(refusal(image, 2 * PAGE, PROT_READ, end - PAGE), -EINVAL);
	/* A 32-bit program cannot name that offset. */
	if (sizeof(long) == 8)
		expect_ok(refusal(image, PAGE, PROT_READ, end - PAGE));
	expect_eq(mprotect(at, PAGE, PROT_READ | PROT_WRITE), -1);
	expect_eq(errno, EACCES);
	expect_eq(mprotect(at, PAGE, PROT_READ | PROT_EXEC), -1);
	expect_eq(errno, EACCES);
	expect(mremap(at, SIZE, SIZE + PAGE, MREMAP_MAYMOVE) == MAP_FAILED);
	/* As a debugger writes. */
	snprintf(path, sizeof(path), "/proc/%d/mem", getpid());
	mem = open(path, O_RDWR | O_CLOEXEC);
	expect(mem >= 0);
	expect_eq(pwrite(mem, &byte, 1, (uintptr_t)at + PAGE), -1);
	expect_eq(pread(mem, &byte, 1, (uintptr_t)at + PAGE), 1);
	expect_eq(byte, (u8)number(1, 1000));
	close(mem);
	expect_mapped(at, 1000);
}

static void test_signals(void)
{
	int fd = numbered(0, 1000), image = image_of(fd);
	u8 *at = mmap(NULL, SIZE + 2 * PAGE, PROT_READ, MAP_SHARED, image, BASE - PAGE);

	expect(at != MAP_FAILED);
	catch_bus();
	expect_eq(read_signal(at), SIGBUS);
	expect_eq(read_signal(at + PAGE), 0);
	expect_eq(read_signal(at + SIZE), 0);
	expect_eq(read_signal(at + SIZE + PAGE), SIGBUS);
	expect_eq(write_signal(at + PAGE, 1), SIGSEGV);
	expect_mapped(at + PAGE, 1000);
}

/* A page in a pipe is there after all that had it. */
static void test_outlives_all(void)
{
	int fd = numbered(0, 1000), image = image_of(fd), pipes[2];
	u8 *at = map_image(image, MAP_SHARED), *again;
	struct iovec part = { at + PAGE, PAGE }, zero = { at + 3 * PAGE, PAGE };
	u64 words[PAGE / 8];

	close(fd);
	close(image);
	expect_mapped(at, 1000);
	expect_ok(pipe(pipes));
	expect_eq(vmsplice(pipes[1], &part, 1, 0), (ssize_t)PAGE);
	expect_eq(vmsplice(pipes[1], &zero, 1, 0), (ssize_t)PAGE);
	expect_ok(munmap(at, SIZE));
	/* Others have the memory that was freed. */
	again = map_rw(numbered(AXAS_MAP_POPULATE, 7000), BASE, SIZE);
	memset(again, 0xff, SIZE);
	expect_eq(read(pipes[0], words, PAGE), (ssize_t)PAGE);
	expect_eq(words[0], number(1, 1000));
	expect_eq(words[511], 0);
	expect_eq(read(pipes[0], words, PAGE), (ssize_t)PAGE);
	expect_eq(words[0], 0);
	close(pipes[0]);
	close(pipes[1]);
}

/* By a process that was forked, and one that gets a part unmapped. */
static void test_forked(void)
{
	int fd = numbered(0, 1000), image = image_of(fd), status;
	u8 *at = map_image(image, MAP_PRIVATE);
	pid_t pid;

	close(image);
	expect_eq(at[PAGE], (u8)number(1, 1000));
	expect_eq(at[3 * PAGE], 0);
	pid = fork();
	expect(pid >= 0);
	if (!pid) {
		munmap(at + 50 * PAGE, 10 * PAGE);
		for (u64 page = 0; page < 50; page++)
			if (*(u64 *)(at + page * PAGE) != number(page, 1000))
				_exit(1);
		_exit(0);
	}
	expect_eq(waitpid(pid, &status, 0), pid);
	expect_eq(status, 0);
	expect_mapped(at, 1000);
}

/* The pages of a file, in an image over it. */
static void of_file(const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC), fd = new_space(), image;
	u64 content[2][PAGE / 8], val = 9;
	u8 *at;

	if (file < 0)
		fail("%s: %s", path, strerror(errno));
	expect_eq(pread(file, content, sizeof(content), 0), (ssize_t)sizeof(content));
	expect_ok(axas_map_file(fd, BASE, 2 * PAGE, file, 0, RW, 0));
	close(file);
	image = image_of(fd);
	at = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, image, BASE);
	expect(at != MAP_FAILED);
	expect(!memcmp(at, content, sizeof(content)));
	expect_eq(axas_write(fd, BASE, &val, 8), (ssize_t)8);
	close(image);
	close(fd);
	expect(!memcmp(at, content, sizeof(content)));
}

static void write_file_of(const char *path)
{
	int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	expect(file >= 0);
	for (u64 i = 0; i < 2 * PAGE / 8; i++)
		expect_eq(write(file, &i, 8), (ssize_t)8);
	close(file);
}

static void on_file_system(const char *type)
{
	char dir[] = "/tmp/imageXXXXXX", path[64];

	expect(mkdtemp(dir));
	expect_ok(mount("none", dir, type, 0, NULL));
	snprintf(path, sizeof(path), "%s/file", dir);
	write_file_of(path);
	of_file(path);
	expect_ok(umount2(dir, MNT_DETACH));
	expect_ok(rmdir(dir));
}

static void test_file(void)
{
	on_file_system("tmpfs");
	/* Its pages must not be mapped: they are copied. */
	on_file_system("ramfs");
}

static void *read_all(void *arg)
{
	u8 *at = arg;

	for (u64 page = 0; page < PAGES; page++)
		if (*(u64 *)(at + page * PAGE) != number(page, 1000))
			return "content";
	return NULL;
}

static void test_threads(void)
{
	int fd = numbered(AXAS_MAP_HUGE_WHOLE | AXAS_MAP_POPULATE, 1000), image = image_of(fd);
	pthread_t threads[4];
	void *failure;

	close(fd);
	for (int round = 0; round < 20; round++) {
		u8 *at = map_image(image, MAP_SHARED);

		for (size_t n = 0; n < ARRAY_SIZE(threads); n++)
			expect_ok(pthread_create(&threads[n], NULL, read_all, at));
		for (size_t n = 0; n < ARRAY_SIZE(threads); n++) {
			expect_ok(pthread_join(threads[n], &failure));
			if (failure)
				fail("%s", (char *)failure);
		}
		expect_ok(munmap(at, SIZE));
	}
}

static const struct test tests[] = {
	{ "a mapping of an image shows its content", test_content },
	{ "frames of 2 MiB in a mapping of an image", test_content_huge },
	{ "a mapping of an image of a chain", test_chain },
	{ "R8 what a mapping of an image refuses", test_refused },
	{ "signals of a mapping of an image", test_signals },
	{ "a mapped page of an image outlives all that had it", test_outlives_all },
	{ "a mapping of an image is inherited", test_forked },
	{ "a mapping of an image of a file", test_file },
	{ "faults of several threads in a mapping of an image", test_threads },
};

const struct suite suite_image_mmap = { "image_mmap", tests, ARRAY_SIZE(tests), false };
