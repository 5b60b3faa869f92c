// SPDX-License-Identifier: GPL-2.0-only
/*
 * MAP_FILE: what is borrowed and what is private, for guest and host, by every way to the memory;
 * which files are refused; accounting; two spaces over one file; random operations against a model.
 */
#include "uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define AREA		(1 * GIB)
#define FILE_PAGES	(16 + 512 + 40)
#define FILE_BYTES	(FILE_PAGES * PAGE)
#define BASE		(AREA - 16 * PAGE)

static u64 file_stamp(u64 page)
{
	return (page + 1) * 0x9e3779b97f4a7c15ull | 1;
}

/* The first and the last word of each page say which page it is. */
static void write_content(int fd, u64 pages)
{
	u64 buf[PAGE / 8] = {};

	for (u64 i = 0; i < pages; i++) {
		buf[0] = file_stamp(i);
		buf[PAGE / 8 - 1] = buf[0];
		expect_eq(pwrite(fd, buf, PAGE, i * PAGE), (ssize_t)PAGE);
	}
}

static int new_memfd(int seals)
{
	int fd = memfd_create("content", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	expect(fd >= 0);
	write_content(fd, FILE_PAGES);
	expect_ok(fcntl(fd, F_ADD_SEALS, seals));
	return fd;
}

static int sealed(void)
{
	return new_memfd(F_SEAL_WRITE | F_SEAL_SHRINK);
}

static char path[64];

/* A file of the root file system, or in the folder AXAS_DIR, open for reading. */
static int plain_file(void)
{
	int fd;

	snprintf(path, sizeof(path), "%s/axas_filemem.%d", getenv("AXAS_DIR") ?: "", getpid());
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	expect(fd >= 0);
	write_content(fd, FILE_PAGES);
	close(fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	expect(fd >= 0);
	return fd;
}

static u64 gpa_of(u64 page)
{
	return BASE + page * PAGE;
}

static u64 word_at(int fd, u64 gpa)
{
	u64 val = 0;

	expect_eq(axas_read(fd, gpa, &val, sizeof(val)), (ssize_t)sizeof(val));
	return val;
}

static void put_word(int fd, u64 gpa, u64 val)
{
	expect_eq(axas_write(fd, gpa, &val, sizeof(val)), (ssize_t)sizeof(val));
}

static void expect_page(int fd, u64 page, u64 stamp)
{
	expect_eq(word_at(fd, gpa_of(page)), stamp);
	expect_eq(word_at(fd, gpa_of(page + 1) - 8), stamp);
}

static void map_all(int space, int file, u32 prot, u32 flags)
{
	expect_ok(axas_map_file(space, BASE, FILE_BYTES, file, 0, prot, flags));
}

static void touch(int fd, u64 page, u32 access, int result)
{
	expect_eq(axas_fault(fd, gpa_of(page), access, NULL), result);
}

static void expect_counts(int fd, u64 borrowed, u64 frames)
{
	struct axas_info now = info(fd);

	expect_eq(now.borrowed, borrowed);
	expect_eq(now.frames, frames);
}

static void test_reads_borrow(int file)
{
	struct axas_area_info area;
	int fd = new_space();
	u32 more;

	map_all(fd, file, RW, 0);
	expect_eq(areas_from(fd, 0, &area, 1, &more), 1);
	expect_eq(area.backend, AXAS_BACKEND_FILE);
	expect_counts(fd, 0, 0);
	touch(fd, 3, RO, AXAS_FAULT_FIXED);
	touch(fd, 3, RO, AXAS_FAULT_SPURIOUS);
	expect(info(fd).borrowed >= 1);
	expect_eq(info(fd).frames, 0);
	for (u64 i = 0; i < FILE_PAGES; i += 7)
		expect_page(fd, i, file_stamp(i));
	expect_eq(populate(fd, BASE, FILE_BYTES), 0);
	expect_counts(fd, FILE_PAGES, 0);
	close(file);
	expect_page(fd, 11, file_stamp(11));
	expect_ok(axas_unmap(fd, BASE, FILE_BYTES));
	expect_counts(fd, 0, 0);
	close(fd);
}

static void test_memfd_is_borrowed(void)
{
	test_reads_borrow(sealed());
}

static void test_file_is_borrowed(void)
{
	test_reads_borrow(plain_file());
	unlink(path);
}

static void test_writes_are_private(void)
{
	int file = sealed(), one = new_space(), two = new_space();

	map_all(one, file, RW, 0);
	map_all(two, file, RW, AXAS_MAP_POPULATE);
	expect_page(one, 5, file_stamp(5));
	put_word(one, gpa_of(5) + 8, 0x1234);
	expect_page(one, 5, file_stamp(5));
	expect_eq(word_at(one, gpa_of(5) + 8), 0x1234);
	expect_eq(word_at(two, gpa_of(5) + 8), 0);
	expect_eq(info(one).frames, 1);
	expect_counts(two, FILE_PAGES, 0);
	/* Never read before. */
	touch(one, 300, RW, AXAS_FAULT_FIXED);
	expect_page(one, 300, file_stamp(300));
	expect_eq(info(one).frames, 2);
	/* The file is as it was. */
	u64 words[2];

	expect_eq(pread(file, words, sizeof(words), 5 * PAGE), (ssize_t)sizeof(words));
	expect_eq(words[0], file_stamp(5));
	expect_eq(words[1], 0);
	close(one);
	expect_page(two, 5, file_stamp(5));
	close(two);
	close(file);
}

static void test_discard(void)
{
	int file = sealed(), fd = new_space();
	struct axas_extent extent = { gpa_of(4), (12 + 512 + 8) * PAGE };
	u64 done = 0;

	map_all(fd, file, RW, 0);
	put_word(fd, gpa_of(5), 1);
	expect_page(fd, 7, file_stamp(7));
	expect_ok(axas_discard(fd, &extent, 1, &done));
	expect_eq(done, extent.length);
	expect_counts(fd, 0, 0);
	expect_page(fd, 3, file_stamp(3));
	expect_page(fd, 4, 0);
	expect_page(fd, 5, 0);
	expect_page(fd, 7, 0);
	expect_page(fd, 400, 0);
	expect_page(fd, 4 + 12 + 512 + 7, 0);
	expect_page(fd, 4 + 12 + 512 + 8, file_stamp(4 + 12 + 512 + 8));
	expect_ok(punch(fd, gpa_of(0), PAGE));
	expect_page(fd, 0, 0);
	close(fd);
	close(file);
}

static void test_refused_files(void)
{
	int fd = new_space(), file = plain_file(), other, pipes[2];
	struct state before;

	take_state(fd, &before);
	expect_eq(axas_map_file(fd, BASE, PAGE, 1000, 0, RW, 0), -EBADF);
	other = open(path, O_WRONLY | O_CLOEXEC);
	expect_eq(axas_map_file(fd, BASE, PAGE, other, 0, RW, 0), -EBADF);
	/* Somebody can write. */
	expect_eq(axas_map_file(fd, BASE, PAGE, file, 0, RW, 0), -ETXTBSY);
	close(other);
	other = new_memfd(F_SEAL_SHRINK | F_SEAL_GROW);
	expect_eq(axas_map_file(fd, BASE, PAGE, other, 0, RW, 0), -ETXTBSY);
	expect_ok(fcntl(other, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	expect_eq(axas_map_file(fd, BASE, PAGE, other, 0, RW, 0), -ETXTBSY);
	close(other);
	other = new_memfd(F_SEAL_WRITE);
	expect_eq(axas_map_file(fd, BASE, PAGE, other, 0, RW, 0), -ETXTBSY);
	close(other);
	expect_ok(pipe(pipes));
	expect_eq(axas_map_file(fd, BASE, PAGE, pipes[0], 0, RW, 0), -EOPNOTSUPP);
	expect_eq(axas_map_file(fd, BASE, PAGE, fd, 0, RW, 0), -EOPNOTSUPP);
	other = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	expect_eq(axas_map_file(fd, BASE, PAGE, other, 0, RW, 0), -EOPNOTSUPP);
	close(other);
	close(pipes[0]);
	close(pipes[1]);
	expect_same(fd, &before, SAME_ALL);
	expect_ok(axas_map_file(fd, BASE, PAGE, file, 0, RW, 0));
	close(fd);
	close(file);
	unlink(path);
}

static void test_arguments(void)
{
	int fd = new_space(), file = sealed();
	struct state before;

	expect_ok(axas_map_file(fd, BASE, PAGE, file, 0, RW, 0));
	take_state(fd, &before);
	expect_eq(axas_map_file(fd, BASE, PAGE, file, 0, RW, 0), -EEXIST);
	expect_eq(axas_map_file(fd, AREA, PAGE, file, FILE_BYTES, RW, 0), -EINVAL);
	expect_eq(axas_map_file(fd, AREA, 2 * PAGE, file, FILE_BYTES - PAGE, RW, 0), -EINVAL);
	expect_eq(axas_map_file(fd, AREA, PAGE, file, 8, RW, 0), -EINVAL);
	expect_eq(axas_map_file(fd, AREA, PAGE, file, ~0ull << 12, RW, 0), -EINVAL);
	expect_eq(axas_map_file(fd, AREA, 0, file, 0, RW, 0), -EINVAL);
	expect_eq(axas_map_file(fd, AREA, PAGE, file, 0, 8, 0), -EINVAL);
	expect_eq(axas_map_file(fd, AREA, PAGE, file, 0, RW, AXAS_MAP_HUGE_ALWAYS), -EINVAL);
	expect_eq(axas_map_file(fd, AREA, PAGE, file, 0, RW, AXAS_MAP_AROUND(10)), -EINVAL);
	expect_same(fd, &before, SAME_ALL);
	expect_ok(axas_map_file(fd, AREA, PAGE, file, FILE_BYTES - PAGE, RW, 0));
	expect_eq(word_at(fd, AREA), file_stamp(FILE_PAGES - 1));
	close(fd);
	close(file);
}

static void expect_logged(int fd, u64 bits, bool clear)
{
	__u64 seen = 0, epoch;

	expect_ok(axas_get_log(fd, BASE, 32 * PAGE, &seen, &epoch));
	expect_eq(seen, bits);
	if (clear)
		expect_ok(axas_clear_log(fd, BASE, 32 * PAGE, &seen, epoch));
}

/* The first write to a page makes it private; what a discard leaves stays when it was cleared. */
static void test_log(void)
{
	int fd = new_space(), file = sealed();
	u64 *p, word = 1;

	expect_ok(axas_map_file(fd, BASE, 32 * PAGE, file, 0, RW, 0));
	p = (u64 *)map_rw(fd, BASE, 32 * PAGE);
	expect_ok(axas_start_log(fd, BASE, 32 * PAGE));
	for (u64 i = 0; i < 32; i++)
		expect_eq(p[i * PAGE / 8], file_stamp(i));
	expect_logged(fd, 0, false);
	p[3 * PAGE / 8] = 3;
	expect_eq(axas_write(fd, BASE + 20 * PAGE, &word, 8), 8);
	expect_logged(fd, 1 << 3 | 1 << 20, true);
	expect_logged(fd, 0, false);
	p[20 * PAGE / 8] = 20;
	expect_libc(punch(fd, BASE + 7 * PAGE, PAGE));
	expect_logged(fd, 1 << 7 | 1 << 20, true);
	expect_eq(p[7 * PAGE / 8], 0);
	expect_eq(p[8 * PAGE / 8], file_stamp(8));
	expect_logged(fd, 0, false);
	p[7 * PAGE / 8] = 7;
	p[8 * PAGE / 8] = 8;
	expect_logged(fd, 1 << 7 | 1 << 8, false);
	expect_ok(axas_stop_log(fd, BASE, 32 * PAGE));
	expect_eq(word_at(fd, BASE + 8 * PAGE), 8);
	expect_libc(munmap(p, 32 * PAGE));
	close(fd);
	close(file);
}

/* Of root: one that everybody may read; one that all may run, too; one that it gave to nobody. */
struct files {
	int space;
	int file[3];
	int by;		/* test_mounts: which mount */
};

static void map_as_nobody(void *arg)
{
	static const int results[3] = { -EPERM, 0, 0 };
	const struct files *f = arg;

	become_nobody();
	for (int i = 0; i < 3; i++)
		expect_eq(axas_map_file(f->space, BASE + i * PAGE, PAGE, f->file[i], 0, RW, 0),
			  results[i]);
}

static void test_others_files(void)
{
	struct files f = { .space = new_space() };
	char paths[3][sizeof(path) + 8];

	for (int i = 0; i < 3; i++) {
		f.file[i] = plain_file();
		snprintf(paths[i], sizeof(paths[i]), "%s.%c", path, 'a' + i);
		expect_libc(rename(path, paths[i]));
	}
	expect_libc(fchmod(f.file[0], 0644));
	expect_libc(fchmod(f.file[1], 0755));
	expect_libc(fchown(f.file[2], 65534, 65534));
	in_child(map_as_nobody, &f);
	expect_libc(truncate(paths[0], 0));
	for (int i = 0; i < 3; i++)
		expect_libc(unlink(paths[i]));
}

static void by_mounts(void *arg)
{
	static const int results[][3] = { { -EPERM, -EPERM, 0 }, { 0, 0, -EPERM } };
	const struct files *f = arg;

	become_nobody();
	for (int i = 0; i < 3; i++) {
		expect_eq(axas_map_file(f->space, BASE, PAGE, f->file[i], 0, RW, 0),
			  results[f->by][i]);
		expect_ok(axas_unmap(f->space, BASE, PAGE));
	}
}

/*
 * Of nobody: its own file, one that all may write, one that all may run; by a read-only mount, and
 * by one that executes nothing. Other mounts of the file system may be writable.
 */
static void test_mounts(void)
{
	static const unsigned long flags[] = { MS_RDONLY, MS_NOEXEC };
	static const mode_t modes[] = { 0600, 0666, 0755 };
	struct files f = { .space = new_space() };
	char dir[] = "/tmp/axas_mount.XXXXXX", name[64];

	expect(mkdtemp(dir));
	expect_libc(unshare(CLONE_NEWNS));
	expect_libc(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	expect_libc(mount("none", dir, "tmpfs", 0, NULL));
	expect_libc(chmod(dir, 0755));
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s/%d", dir, i);
		f.file[i] = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		write_content(f.file[i], 1);
		expect_libc(fchmod(f.file[i], modes[i]));
		expect_libc(fchown(f.file[i], i ? 0 : 65534, i ? 0 : 65534));
		close(f.file[i]);
	}
	for (f.by = 0; f.by < 2; f.by++) {
		expect_libc(mount(NULL, dir, NULL, MS_REMOUNT | MS_BIND | flags[f.by], NULL));
		for (int i = 0; i < 3; i++) {
			snprintf(name, sizeof(name), "%s/%d", dir, i);
			f.file[i] = open(name, O_RDONLY | O_CLOEXEC);
			expect(f.file[i] >= 0);
		}
		in_child(by_mounts, &f);
		/* With CAP_SYS_ADMIN. */
		expect_ok(axas_map_file(f.space, BASE, PAGE, f.file[0], 0, RW, 0));
		expect_ok(axas_unmap(f.space, BASE, PAGE));
		for (int i = 0; i < 3; i++)
			close(f.file[i]);
	}
	expect_libc(umount(dir));
	expect_libc(rmdir(dir));
}

/* As long as an area is over it, nobody opens the file for writing, and nobody truncates it. */
static void test_writers_are_kept_out(void)
{
	int fd = new_space(), file = plain_file(), other;

	map_all(fd, file, RW, 0);
	expect_page(fd, 9, file_stamp(9));
	other = open(path, O_RDWR | O_CLOEXEC);
	expect(other < 0 && errno == ETXTBSY);
	expect(truncate(path, 0) < 0 && errno == ETXTBSY);
	close(file);
	expect(truncate(path, 0) < 0 && errno == ETXTBSY);
	expect_page(fd, 500, file_stamp(500));
	/* The last area is gone. */
	expect_ok(axas_unmap(fd, BASE, FILE_BYTES));
	for (int i = 0; i < 100 && truncate(path, 0); i++)
		usleep(10000);
	expect_ok(truncate(path, 0));
	close(fd);
	unlink(path);
}

static void test_last_page(void)
{
	int fd = new_space(), file = memfd_create("short", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	u8 byte = 7;

	expect_eq(pwrite(file, &byte, 1, PAGE), (ssize_t)1);
	expect_ok(fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK));
	/* One byte of the second page, and none of the third; the first is a hole of the file. */
	expect_eq(axas_map_file(fd, BASE, 3 * PAGE, file, 0, RW, 0), -EINVAL);
	expect_ok(axas_map_file(fd, BASE, 2 * PAGE, file, 0, RW, AXAS_MAP_POPULATE));
	expect_eq(word_at(fd, BASE), 0);
	expect_eq(word_at(fd, BASE + PAGE), 7);
	close(fd);
	close(file);
}

/* What an image had is uncharged a moment after it is closed. */
static void map_in_the_end(int fd, u64 bytes, int file)
{
	int err = -ENOMEM;

	for (int i = 0; i < 1000 && err == -ENOMEM; i++) {
		err = axas_map_file(fd, BASE, bytes, file, 0, RW, 0);
		usleep(10000);
	}
	expect_ok(err);
	expect_ok(axas_unmap(fd, BASE, bytes));
}

/* Each map is charged as long as something has a part of it, whatever became of the space. */
static void limited_by_images(int file)
{
	int fd = new_space(), other = new_space(), image, second;

	expect_ok(axas_map_file(fd, BASE, FILE_BYTES, file, 0, RW, 0));
	image = axas_freeze(fd);
	expect(image >= 0);
	expect_ok(axas_clear(fd));
	expect_eq(axas_map_file(other, BASE, PAGE, file, 0, RW, 0), -ENOMEM);
	close(image);
	map_in_the_end(other, FILE_BYTES, file);
	expect_ok(axas_map_file(fd, 4 * GIB, PAGE, file, 0, RW, 0));
	image = axas_freeze(fd);
	expect_ok(axas_map_file(fd, BASE, FILE_BYTES - PAGE, file, 0, RW, 0));
	second = axas_freeze(fd);
	expect(image >= 0 && second >= 0);
	close(fd);
	expect_eq(axas_map_file(other, BASE, PAGE, file, 0, RW, 0), -ENOMEM);
	close(second);
	map_in_the_end(other, FILE_BYTES - PAGE, file);
	expect_eq(axas_map_file(other, BASE, FILE_BYTES, file, 0, RW, 0), -ENOMEM);
	close(image);
	map_in_the_end(other, FILE_BYTES, file);
	close(other);
}

static void limited(void)
{
	struct rlimit limit = { FILE_BYTES, FILE_BYTES };
	int fd = new_space(), file = sealed(), image;

	expect_ok(setrlimit(RLIMIT_MEMLOCK, &limit));
	drop_cap(14);	/* CAP_IPC_LOCK */
	expect_ok(axas_map_file(fd, BASE, FILE_BYTES, file, 0, RW, 0));
	expect_eq(axas_map_file(fd, 4 * GIB, PAGE, file, 0, RW, 0), -ENOMEM);
	/* What is left of a map counts as all of it, since all of it may stay in memory. */
	expect_ok(axas_unmap(fd, BASE, FILE_BYTES - PAGE));
	expect_eq(axas_map_file(fd, 4 * GIB, PAGE, file, 0, RW, 0), -ENOMEM);
	expect_ok(axas_unmap(fd, BASE, FILE_BYTES));
	expect_ok(axas_map_file(fd, 4 * GIB, PAGE, file, 0, RW, 0));
	expect_eq(axas_map_file(fd, BASE, FILE_BYTES, file, 0, RW, 0), -ENOMEM);
	expect_ok(axas_clear(fd));
	expect_ok(axas_map_file(fd, 4 * GIB, FILE_BYTES, file, 0, RW, 0));
	/* What an image has stays in memory without the space, and locked. */
	image = axas_freeze(fd);
	expect(image >= 0);
	close(fd);
	fd = new_space();
	expect_eq(axas_map_file(fd, BASE, PAGE, file, 0, RW, 0), -ENOMEM);
	close(image);
	map_in_the_end(fd, FILE_BYTES, file);
	close(fd);
	limited_by_images(file);
}

static void test_locked_memory(void)
{
	long before = locked_kib(getpid());
	int fd = new_space(), file = sealed();
	pid_t child;
	int status;

	map_all(fd, file, RW, 0);
	expect_eq(locked_kib(getpid()), before + FILE_BYTES / 1024);
	expect_eq(axas_map_file(fd, BASE, PAGE, file, 0, RW, AXAS_MAP_POPULATE), -EEXIST);
	expect_ok(axas_unmap(fd, BASE, 16 * PAGE));
	expect_eq(locked_kib(getpid()), before + FILE_BYTES / 1024);
	expect_ok(axas_unmap(fd, BASE, FILE_BYTES));
	expect_eq(locked_kib(getpid()), before);
	map_all(fd, file, RW, AXAS_MAP_POPULATE);
	close(fd);
	expect_eq(locked_kib(getpid()), before);
	close(file);
	child = fork();
	if (!child) {
		limited();
		_exit(0);
	}
	expect_eq(waitpid(child, &status, 0), child);
	expect_eq(status, 0);
}

static void test_limit_of_frames(void)
{
	struct axas_create create = {
		.size = sizeof(create), .format = test_format, .max_frames = 2,
	};
	int dev = dev_open(), fd = axas_create(dev, &create), file = sealed();
	u64 val = 1;

	expect(fd >= 0);
	map_all(fd, file, RW, AXAS_MAP_POPULATE);
	touch(fd, 1, RW, AXAS_FAULT_FIXED);
	touch(fd, 2, RW, AXAS_FAULT_FIXED);
	touch(fd, 3, RW, AXAS_FAULT_NOMEM);
	expect_eq(axas_write(fd, gpa_of(3), &val, 8), -ENOMEM);
	expect_page(fd, 3, file_stamp(3));
	expect_counts(fd, FILE_PAGES - 2, 2);
	close(fd);
	close(file);
	close(dev);
}

static void test_mappings_of(int file, bool shares)
{
	for (int pinnable = 0; pinnable < 2; pinnable++) {
		int fd = new_kind(pinnable);
		volatile u64 *mem;

		map_all(fd, file, RW, 0);
		mem = (void *)map_rw(fd, BASE, FILE_BYTES);
		expect_eq(mem[0], file_stamp(0));
		expect_eq(mem[20 * 512], file_stamp(20));
		/* A page that is writable as soon as it is mapped is private. */
		if (shares && !pinnable)
			expect_eq(info(fd).frames, 0);
		else
			expect(info(fd).frames >= 2);
		mem[1] = 0x77;
		expect_eq(word_at(fd, BASE + 8), 0x77);
		expect_eq(mem[0], file_stamp(0));
		/* A guest's write shows in a mapping that had the borrowed page. */
		expect_eq(mem[30 * 512], file_stamp(30));
		put_word(fd, gpa_of(30), 5);
		expect_eq(mem[30 * 512], 5);
		expect_ok(punch(fd, gpa_of(20), PAGE));
		expect_eq(mem[20 * 512], 0);
		expect_ok(munmap((void *)mem, FILE_BYTES));
		close(fd);
	}
}

static void test_memfd_mappings(void)
{
	int file = sealed();

	test_mappings_of(file, true);
	close(file);
}

/* The root file system may be tmpfs, too: only what is seen matters. */
static void test_file_mappings(void)
{
	int file = plain_file(), fd = new_space();
	volatile u64 *mem;

	map_all(fd, file, RW, 0);
	expect_page(fd, 2, file_stamp(2));
	mem = (void *)map_rw(fd, BASE, FILE_BYTES);
	for (u64 i = 0; i < FILE_PAGES; i += 5)
		expect_eq(mem[i * 512], file_stamp(i));
	mem[2 * 512] = 9;
	expect_eq(word_at(fd, gpa_of(2)), 9);
	expect_ok(munmap((void *)mem, FILE_BYTES));
	close(fd);
	close(file);
	unlink(path);
}

static void test_protect(void)
{
	int fd = new_space(), file = sealed();
	u64 val = 1;

	map_all(fd, file, RO, AXAS_MAP_POPULATE);
	touch(fd, 1, RW, AXAS_FAULT_DENIED);
	expect_eq(axas_write(fd, gpa_of(1), &val, 8), -EACCES);
	expect_ok(axas_protect(fd, BASE, FILE_BYTES, RW));
	expect_counts(fd, FILE_PAGES, 0);
	touch(fd, 1, RW, AXAS_FAULT_FIXED);
	expect_page(fd, 1, file_stamp(1));
	expect_counts(fd, FILE_PAGES - 1, 1);
	close(fd);
	close(file);
}

static void test_seek(void)
{
	int fd = new_space(), file = sealed();

	map_all(fd, file, RW, 0);
	expect_eq(lseek(fd, 0, SEEK_DATA), (off_t)BASE);
	expect_eq(lseek(fd, BASE, SEEK_HOLE), (off_t)(BASE + FILE_BYTES));
	close(fd);
	close(file);
}

/* Threads that write their own word of the same pages, beside readers: no write is lost. */
static struct {
	int fd;
	volatile u64 *mem;
	int end;
} race;

static void *race_writer(void *arg)
{
	u64 nr = (uintptr_t)arg;

	for (u64 i = 0; i < FILE_PAGES; i++) {
		u64 val = nr + 100;

		if (nr & 1)
			race.mem[i * 512 + 1 + nr] = val;
		else
			expect_eq(axas_write(race.fd, gpa_of(i) + 8 + 8 * nr, &val, 8), (ssize_t)8);
	}
	return NULL;
}

static void test_writers_race(void)
{
	int file = sealed();
	pthread_t threads[4];

	race.fd = new_space();
	map_all(race.fd, file, RW, 0);
	race.mem = (void *)map_rw(race.fd, BASE, FILE_BYTES);
	for (u64 i = 0; i < FILE_PAGES; i += 2)
		expect_eq(race.mem[i * 512], file_stamp(i));
	for (uintptr_t i = 0; i < 4; i++)
		expect_ok(pthread_create(&threads[i], NULL, race_writer, (void *)i));
	for (int i = 0; i < 4; i++)
		expect_ok(pthread_join(threads[i], NULL));
	for (u64 i = 0; i < FILE_PAGES; i++) {
		expect_page(race.fd, i, file_stamp(i));
		for (u64 nr = 0; nr < 4; nr++) {
			expect_eq(word_at(race.fd, gpa_of(i) + 8 + 8 * nr), nr + 100);
			expect_eq(race.mem[i * 512 + 1 + nr], nr + 100);
		}
	}
	expect_counts(race.fd, 0, FILE_PAGES);
	expect_ok(munmap((void *)race.mem, FILE_BYTES));
	close(race.fd);
	close(file);
}

/* What each page of each space must hold: random operations, checked against a model. */
struct model {
	int fd;
	volatile u64 *mem;
	u64 word[FILE_PAGES];
	bool mapped[FILE_PAGES];
};

static void model_range(u32 *seed, u64 *first, u64 *n)
{
	*first = random_u32(seed) % FILE_PAGES;
	*n = 1 + random_u32(seed) % (random_u32(seed) % 4 ? 8 : FILE_PAGES);
	if (*n > FILE_PAGES - *first)
		*n = FILE_PAGES - *first;
}

static void model_change(struct model *m, int file, u32 *seed)
{
	u64 first, n, done = 0, i, end;
	struct axas_extent extent;

	model_range(seed, &first, &n);
	extent = (struct axas_extent){ gpa_of(first), n * PAGE };
	switch (random_u32(seed) % 5) {
	case 0:
		expect_ok(axas_unmap(m->fd, extent.gpa, extent.length));
		for (i = first; i < first + n; i++)
			m->mapped[i] = false;
		break;
	case 1:
		expect_ok(axas_discard(m->fd, &extent, 1, &done));
		for (i = first; i < first + n; i++)
			if (m->mapped[i])
				m->word[i] = 0;
		break;
	case 2:
		expect_ok(axas_protect(m->fd, extent.gpa, extent.length, RWX));
		break;
	case 3:
		expect_ok(axas_protect(m->fd, extent.gpa, extent.length, RO));
		expect_ok(axas_protect(m->fd, extent.gpa, extent.length, RW));
		break;
	default:
		/* Map the holes. */
		for (i = first; i < first + n; i = end) {
			for (end = i + 1; end < first + n && m->mapped[end] == m->mapped[i]; end++)
				;
			if (m->mapped[i])
				continue;
			expect_ok(axas_map_file(m->fd, gpa_of(i), (end - i) * PAGE, file, i * PAGE,
						RW, random_u32(seed) & 1));
			for (u64 j = i; j < end; j++) {
				m->mapped[j] = true;
				m->word[j] = file_stamp(j);
			}
		}
	}
}

static void model_touch(struct model *m, u32 *seed)
{
	u64 page = random_u32(seed) % FILE_PAGES, val = random_u32(seed) | 1ull << 40, got = 0;

	if (!m->mapped[page]) {
		expect_eq(axas_read(m->fd, gpa_of(page), &got, 8), -EFAULT);
		return;
	}
	switch (random_u32(seed) % 5) {
	case 0:
		put_word(m->fd, gpa_of(page), val);
		m->word[page] = val;
		break;
	case 1:
		m->mem[page * 512] = val;
		m->word[page] = val;
		break;
	case 2:
		expect_eq(m->mem[page * 512], m->word[page]);
		break;
	default:
		expect_eq(word_at(m->fd, gpa_of(page)), m->word[page]);
	}
}

static void test_model(void)
{
	static struct model models[2];
	u32 seed = test_seed * 2 + 1;
	int file = sealed();

	for (int i = 0; i < 2; i++) {
		models[i] = (struct model){ .fd = new_kind(i) };
		models[i].mem = (void *)map_rw(models[i].fd, BASE, FILE_BYTES);
	}
	for (u32 i = 0; i < (test_ops ?: 20000); i++) {
		struct model *m = &models[random_u32(&seed) & 1];

		if (random_u32(&seed) % 16)
			model_touch(m, &seed);
		else
			model_change(m, file, &seed);
	}
	for (int i = 0; i < 2; i++) {
		struct axas_info now = info(models[i].fd);

		for (u64 page = 0; page < FILE_PAGES; page++)
			if (models[i].mapped[page])
				expect_eq(word_at(models[i].fd, gpa_of(page)),
					  models[i].word[page]);
		expect_eq(now.leaves[0], now.borrowed + now.frames);
		expect_ok(munmap((void *)models[i].mem, FILE_BYTES));
		close(models[i].fd);
	}
	for (u64 page = 0; page < FILE_PAGES; page++) {
		u64 word;

		expect_eq(pread(file, &word, 8, page * PAGE), (ssize_t)8);
		expect_eq(word, file_stamp(page));
	}
	close(file);
}

/* Killed while it faults: what it had goes, and the file can be written again. */
static void test_kill(void)
{
	int file = plain_file();

	for (int i = 0; i < 20; i++) {
		pid_t child = fork();
		int status;

		if (!child) {
			int fd = new_space();

			map_all(fd, file, RW, 0);
			for (u64 page = 0;; page++)
				put_word(fd, gpa_of(page % FILE_PAGES), page);
		}
		usleep(1000 + i * 700);
		kill(child, SIGKILL);
		expect_eq(waitpid(child, &status, 0), child);
		expect(WIFSIGNALED(status));
	}
	close(file);
	for (int i = 0; i < 200 && truncate(path, 0); i++)
		usleep(10000);
	expect_ok(truncate(path, 0));
	unlink(path);
}

static const struct test tests[] = {
	{ "pages of a sealed memfd are borrowed", test_memfd_is_borrowed },
	{ "pages of a file are borrowed", test_file_is_borrowed },
	{ "the first write makes a private copy", test_writes_are_private },
	{ "what was discarded is zero, not the file", test_discard },
	{ "files that can change are refused", test_refused_files },
	{ "wrong arguments are refused", test_arguments },
	{ "writes are logged", test_log },
	{ "nobody writes to the file or truncates it", test_writers_are_kept_out },
	{ "nobody keeps writers from a file of others", test_others_files },
	{ "a mount may keep the caller from it, too", test_mounts },
	{ "the area ends with the page of the last byte", test_last_page },
	{ "R12 pages of the area are locked memory", test_locked_memory },
	{ "private pages come under the limit", test_limit_of_frames },
	{ "mappings share a memfd's pages until one is written", test_memfd_mappings },
	{ "mappings of a file's pages see what the guest sees", test_file_mappings },
	{ "protection never makes the file writable", test_protect },
	{ "all of the area is data", test_seek },
	{ "no write is lost beside copies", test_writers_race },
	{ "random operations on two spaces agree with a model", test_model },
	{ "killed guests leave the file alone", test_kill },
};

const struct suite suite_filemem = { "filemem", tests, ARRAY_SIZE(tests), true };
