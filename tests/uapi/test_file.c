// SPDX-License-Identifier: GPL-2.0-only
/*
 * A space's descriptor as a file: opened again, its size and rights, seeking, holes punched, and
 * programs that know nothing of it (sendfile, splice).
 */
#include "uapi.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define AREA	(16 * MIB)

static void test_reopen(void)
{
	int fd = new_space(), again;
	struct stat st, st2;
	u64 word = 0;

	expect_ok(axas_map_alloc(fd, AREA, 2 * PAGE, RW, 0));
	again = reopen(fd, O_RDWR);
	expect_libc(again);
	expect_eq(axas_write(fd, AREA, "in guest", 8), 8);
	expect_eq(axas_read(again, AREA, &word, 8), 8);
	expect(!memcmp(&word, "in guest", 8));
	expect_libc(fstat(fd, &st));
	expect_libc(fstat(again, &st2));
	expect(S_ISREG(st.st_mode));
	expect_eq(st.st_mode & 07777, 0600);
	expect_eq(st.st_uid, geteuid());
	expect_eq(st.st_ino, st2.st_ino);
	expect_eq(st.st_size, AREA + 2 * PAGE);
	expect_eq(st.st_blocks, 8);
	/* the space lives as long as one of them */
	close(fd);
	expect_eq(axas_read(again, AREA, &word, 8), 8);
	expect_eq(info(again).areas, 1);
}

static void test_inodes_differ(void)
{
	int a = new_space(), b = new_space();
	struct stat st, st2;
	struct statfs fs;

	expect_libc(fstat(a, &st));
	expect_libc(fstat(b, &st2));
	expect(st.st_ino != st2.st_ino);
	expect_libc(fstatfs(a, &fs));
	expect_eq(fs.f_type, 0x61786173);
}

static void test_read_only(void)
{
	struct axas_range range = { .size = sizeof(range), .gpa = AREA, .length = PAGE };
	int fd = new_space(), ro;
	struct state before;
	u64 word;

	expect_ok(axas_map_alloc(fd, AREA, PAGE, RW, AXAS_MAP_POPULATE));
	ro = reopen(fd, O_RDONLY);
	expect_libc(ro);
	take_state(fd, &before);
	expect_eq(axas_ioctl(ro, AXAS_UNMAP, &range), -EBADF);
	expect_eq(axas_ioctl(ro, AXAS_POPULATE, &range), -EBADF);
	expect_eq(axas_protect(ro, AREA, PAGE, RO), -EBADF);
	expect_eq(axas_map_alloc(ro, 0, PAGE, RW, 0), -EBADF);
	expect_eq(axas_write(ro, AREA, &word, 8), -EBADF);
	expect_eq(fallocate(ro, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, AREA, PAGE), -1);
	expect_eq(errno, EBADF);
	expect_eq(axas_read(ro, AREA, &word, 8), 8);
	expect_eq(info(ro).areas, 1);
	expect_same(fd, &before, 0);
}

static void test_write_only(void)
{
	int fd = new_space(), wo;
	struct axas_info i;
	u64 word = 7;

	expect_ok(axas_map_alloc(fd, AREA, PAGE, RW, 0));
	wo = reopen(fd, O_WRONLY);
	expect_libc(wo);
	expect_eq(axas_write(wo, AREA, &word, 8), 8);
	expect_eq(axas_read(wo, AREA, &word, 8), -EBADF);
	expect_eq(axas_get_info(wo, &i), -EBADF);
}

static void open_as_nobody(void *arg)
{
	become_nobody();
	expect_eq(reopen(*(int *)arg, O_RDONLY), -1);
	expect_eq(errno, EACCES);
}

static void test_not_by_others(void)
{
	int fd = new_space();

	in_child(open_as_nobody, &fd);
	expect_ok(axas_map_alloc(fd, AREA, PAGE, RW, 0));
	/* unless its owner says so */
	expect_libc(fchmod(fd, 0644));
	expect_eq(reopen(fd, O_RDWR | O_APPEND), -1);
	expect_eq(errno, EINVAL);
	expect_eq(reopen(fd, O_RDWR | O_TRUNC), -1);
	expect_eq(errno, EPERM);
}

static void expect_size(int fd, u64 size)
{
	struct stat st;

	expect_libc(fstat(fd, &st));
	expect_eq(st.st_size, size);
	expect_eq(lseek(fd, 0, SEEK_END), size);
}

static void test_size(void)
{
	int fd = new_space();

	expect_size(fd, 0);
	expect_ok(axas_map_alloc(fd, GIB, PAGE, RW, 0));
	expect_size(fd, GIB + PAGE);
	expect_ok(axas_map_alloc(fd, 0, PAGE, RW, 0));
	expect_size(fd, GIB + PAGE);
	expect_ok(axas_unmap(fd, GIB, PAGE));
	expect_size(fd, PAGE);
	expect_ok(ftruncate(fd, PAGE));
	expect_eq(ftruncate(fd, 2 * PAGE), -1);
	expect_eq(errno, EPERM);
	/* an offset may lie behind it: an area may come there */
	expect_eq(lseek(fd, 2 * GIB, SEEK_SET), 2 * GIB);
	expect_eq(lseek(fd, space_end(fd) + PAGE, SEEK_SET), -1);
	expect_eq(errno, EINVAL);
}

static void test_seek(void)
{
	int fd = new_space();
	u64 word = 1;

	expect_ok(axas_map_alloc(fd, AREA, 64 * MIB, RW, 0));
	expect_eq(lseek(fd, 0, SEEK_DATA), -1);
	expect_eq(errno, ENXIO);
	expect_eq(lseek(fd, 0, SEEK_HOLE), 0);
	expect_eq(axas_write(fd, AREA + 3 * MIB, &word, 8), 8);
	expect_ok(populate(fd, AREA + 8 * MIB, 4 * MIB));
	expect_eq(lseek(fd, 0, SEEK_DATA), AREA + 3 * MIB);
	expect_eq(lseek(fd, AREA + 3 * MIB + 5, SEEK_DATA), AREA + 3 * MIB + 5);
	expect_eq(lseek(fd, AREA + 3 * MIB, SEEK_HOLE), AREA + 3 * MIB + PAGE);
	expect_eq(lseek(fd, AREA + 4 * MIB, SEEK_DATA), AREA + 8 * MIB);
	expect_eq(lseek(fd, AREA + 8 * MIB, SEEK_HOLE), AREA + 12 * MIB);
	expect_eq(lseek(fd, AREA + 12 * MIB, SEEK_DATA), -1);
	expect_eq(errno, ENXIO);
	expect_eq(lseek(fd, AREA + 64 * MIB, SEEK_HOLE), -1);
	expect_eq(errno, ENXIO);
	/* the last page is data: the hole is the end of the file */
	expect_eq(axas_write(fd, AREA + 64 * MIB - PAGE, &word, 8), 8);
	expect_eq(lseek(fd, AREA + 64 * MIB - PAGE, SEEK_HOLE), AREA + 64 * MIB);
}

static void test_punch(void)
{
	int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	int fd = new_space();
	u64 word = 1;

	expect_ok(axas_map_alloc(fd, AREA, 4 * MIB, RW, AXAS_MAP_POPULATE));
	expect_eq(axas_write(fd, AREA + MIB, &word, 8), 8);
	expect_ok(fallocate(fd, mode, AREA + MIB, PAGE));
	expect_eq(lseek(fd, AREA, SEEK_HOLE), AREA + MIB);
	expect_eq(axas_read(fd, AREA + MIB, &word, 8), 8);
	expect_eq(word, 0);
	expect_eq(info(fd).areas, 1);
	expect_eq(fallocate(fd, mode, AREA + 1, PAGE), -1);
	expect_eq(errno, EINVAL);
	expect_eq(fallocate(fd, 0, AREA, PAGE), -1);
	expect_eq(errno, EOPNOTSUPP);
	expect_eq(fallocate(fd, FALLOC_FL_ZERO_RANGE, AREA, PAGE), -1);
	expect_eq(errno, EOPNOTSUPP);
}

/* sendfile() to a file, and splice() through a pipe and back. */
static void test_sendfile(void)
{
	char out[2 * PAGE], in[2 * PAGE];
	char name[] = "/tmp/axas-XXXXXX";
	int fd = new_space(), file = mkstemp(name), pipes[2];
	loff_t from = AREA, to = AREA + 4 * PAGE;

	expect_libc(file);
	unlink(name);
	memset(out, 'x', sizeof(out));
	expect_ok(axas_map_alloc(fd, AREA, 8 * PAGE, RW, 0));
	expect_eq(axas_write(fd, AREA, out, sizeof(out)), sizeof(out));
	expect_eq(sendfile64(file, fd, &from, sizeof(out)), sizeof(out));
	expect_eq(pread(file, in, sizeof(in), 0), sizeof(in));
	expect(!memcmp(in, out, sizeof(in)));
	expect_libc(pipe(pipes));
	expect_eq(splice(file, &(loff_t){ 0 }, pipes[1], NULL, sizeof(out), 0), sizeof(out));
	expect_eq(splice(pipes[0], NULL, fd, &to, sizeof(out), 0), sizeof(out));
	expect_eq(axas_read(fd, AREA + 4 * PAGE, in, sizeof(in)), sizeof(in));
	expect(!memcmp(in, out, sizeof(in)));
	/* a hole */
	from = 0;
	expect_eq(sendfile64(file, fd, &from, PAGE), -1);
	expect_eq(errno, EFAULT);
}

static void test_sync(void)
{
	int fd = new_space();

	expect_ok(fsync(fd));
	expect_ok(fdatasync(fd));
}

static void test_execute(void)
{
	int fd = new_space();
	char path[64];

	expect_libc(fchmod(fd, 0700));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	expect_eq(execl(path, path, NULL), -1);
	expect_eq(errno, EACCES);
}

static const struct test tests[] = {
	{ "a descriptor can be opened again by its path", test_reopen },
	{ "each space has an inode of its own", test_inodes_differ },
	{ "a read-only descriptor changes nothing", test_read_only },
	{ "a write-only descriptor tells nothing", test_write_only },
	{ "others cannot open it; modes that make no sense are refused", test_not_by_others },
	{ "the size is the end of the highest area", test_size },
	{ "SEEK_DATA and SEEK_HOLE find frames and the lack of them", test_seek },
	{ "fallocate() punches holes, and does nothing else", test_punch },
	{ "sendfile() and splice() work on it", test_sendfile },
	{ "it can be synced", test_sync },
	{ "it cannot be executed", test_execute },
};

const struct suite suite_file = { "file", tests, ARRAY_SIZE(tests), true };
