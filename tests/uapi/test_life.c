// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lifetimes of descriptors and spaces.
 */
#include "uapi.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define AREA	(16 * MIB)

static void test_cloexec(void)
{
	int fd = new_space(), status;
	char number[12];
	pid_t pid;

	expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	expect_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	snprintf(number, sizeof(number), "%d", fd);
	pid = fork();
	if (!pid) {
		execl("/proc/self/exe", "axas_uapi_test", "--is-open", number, NULL);
		_exit(99);
	}
	expect_eq(waitpid(pid, &status, 0), pid);
	expect_eq(status, 0);
}

static void test_no_descriptor_left(void)
{
	struct axas_create good = { .format = test_format };
	int dev = dev_open(), fds = count_fds();
	struct rlimit limit, none;

	expect_libc(getrlimit(RLIMIT_NOFILE, &limit));
	none = limit;
	none.rlim_cur = dev + 1;
	expect_libc(setrlimit(RLIMIT_NOFILE, &none));
	expect_eq(axas_create(dev, &good), -EMFILE);
	expect_libc(setrlimit(RLIMIT_NOFILE, &limit));
	good.length = 1;
	expect_eq(axas_create(dev, &good), -EINVAL);
	good.length = 0;
	good.reserved = 1;
	expect_eq(axas_create(dev, &good), -EINVAL);
	expect_eq(axas_ioctl(dev, AXAS_CREATE, NULL), -EFAULT);
	expect_eq(count_fds(), fds);
}

static void test_many_spaces(void)
{
	struct axas_create c = { .format = test_format };
	int dev = dev_open(), fds[200];

	for (int round = 0; round < 5; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
			fds[i] = axas_create(dev, &c);
			expect(fds[i] >= 0);
			expect_ok(axas_map_alloc(fds[i], i * GIB, 2 * PAGE, RW, i % 2));
		}
		for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
			expect_libc(close(fds[(i * 7) % ARRAY_SIZE(fds)]));
	}
}

static void use_in_child(void *arg)
{
	int fd = *(int *)arg;

	expect_eq(axas_write(fd, AREA, "child", 5), 5);
	expect_ok(axas_map_alloc(fd, GIB, PAGE, RW, 0));
	close(fd);
}

static void test_fork(void)
{
	int fd = new_space();
	char buf[5];

	expect_ok(axas_map_alloc(fd, AREA, PAGE, RW, 0));
	in_child(use_in_child, &fd);
	expect_eq(axas_read(fd, AREA, buf, 5), 5);
	expect(!memcmp(buf, "child", 5));
	expect_eq(info(fd).areas, 2);
}

static void test_dup(void)
{
	int fd = new_space(), other = dup(fd);
	char buf[4];

	expect(other >= 0);
	expect_ok(axas_map_alloc(fd, AREA, PAGE, RW, 0));
	expect_eq(axas_write(fd, AREA, "same", 4), 4);
	close(fd);
	expect_eq(axas_read(other, AREA, buf, 4), 4);
	expect(!memcmp(buf, "same", 4));
}

/* A space outlives its creator if its descriptor was passed to another process. */
static void make_and_wait(int *fds)
{
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, PAGE, RW, 0));
	expect_ok(axas_map_linear(fd, GIB, window().hpa, PAGE, RW, AXAS_TYPE_NORMAL));
	expect_eq(axas_write(fd, AREA, "kept", 4), 4);
	expect_eq(write(fds[1], &fd, sizeof(fd)), sizeof(fd));
	for (;;)
		pause();
}

static void test_taken_over(void)
{
	int fds[2], pidfd, fd, theirs, status;
	char buf[4];
	pid_t pid;

	expect_libc(pipe(fds));
	pid = fork();
	if (!pid)
		make_and_wait(fds);
	expect_eq(read(fds[0], &theirs, sizeof(theirs)), sizeof(theirs));
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	expect_libc(pidfd);
	fd = syscall(SYS_pidfd_getfd, pidfd, theirs, 0);
	expect_libc(fd);
	kill(pid, SIGKILL);
	expect_eq(waitpid(pid, &status, 0), pid);
	expect_eq(axas_read(fd, AREA, buf, 4), 4);
	expect(!memcmp(buf, "kept", 4));
	expect_ok(axas_unmap(fd, GIB, PAGE));
	expect_ok(axas_map_linear(fd, GIB, window().hpa, PAGE, RW, AXAS_TYPE_NORMAL));
	expect_ok(axas_clear(fd));
}

static void *use_until_closed(void *arg)
{
	struct axas_range range;
	int fd = *(int *)arg;
	char buf[64] = { 0 };
	long turn = 0;
	ssize_t n;

	do {
		u64 gpa = AREA + turn++ % 1024 * PAGE;

		n = turn % 4 ? axas_write(fd, gpa, buf, 64) : axas_read(fd, gpa, buf, 64);
		if (n >= 0 && turn % 16 == 0)
			n = axas_fault(fd, gpa, RW, NULL);
		if (n >= 0 && turn % 64 == 0) {
			range = (struct axas_range){ .gpa = AREA, .length = 4 * MIB };
			n = axas_populate_some(fd, &range.gpa, &range.length);
		}
		if (n >= 0 && turn % 128 == 0)
			n = axas_unmap(fd, AREA + 8 * MIB, PAGE);
	} while (n >= 0);
	return (void *)(intptr_t)n;
}

static void test_close_under_use(void)
{
	pthread_t threads[4];
	void *ret;

	for (int round = 0; round < 8; round++) {
		int fd = new_space();

		expect_ok(axas_map_alloc(fd, AREA, 4 * MIB, RW, 0));
		for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
			expect_ok(pthread_create(&threads[i], NULL, use_until_closed, &fd));
		sleep_ms(20 + 10 * round);
		close(fd);
		for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
			expect_ok(pthread_join(threads[i], &ret));
			expect_eq((intptr_t)ret, -EBADF);
		}
	}
}

static void test_exit_under_use(void)
{
	static int fd;
	pthread_t thread;
	int status;
	pid_t pid;

	for (int round = 0; round < 4; round++) {
		pid = fork();
		if (!pid) {
			fd = new_space();
			expect_ok(axas_map_alloc(fd, AREA, 4 * MIB, RW, 0));
			for (int i = 0; i < 4; i++)
				pthread_create(&thread, NULL, use_until_closed, &fd);
			sleep_ms(30);
			_exit(0);
		}
		expect_eq(waitpid(pid, &status, 0), pid);
		expect_eq(status, 0);
	}
}

static void test_mmap_is_never_private(void)
{
	int fd = new_space();
	void *p;

	expect_ok(axas_map_alloc(fd, AREA, PAGE, RW, AXAS_MAP_POPULATE));
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, AREA);
	expect(p == MAP_FAILED);
	expect(errno == EINVAL || errno == ENODEV);
	p = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, AREA);
	expect(p == MAP_FAILED);
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, dev_open(), 0);
	expect(p == MAP_FAILED);
}

static void test_fdinfo(void)
{
	char path[64], text[4096];
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, 4 * PAGE, RW, AXAS_MAP_POPULATE));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	expect(read_file(path, text, sizeof(text)));
	expect(strstr(text, "pos:"));
	expect(strstr(text, "axas-frames:\t4\n"));
	expect(strstr(text, "axas-faults:\t0\n"));
	expect_eq(axas_fault(fd, AREA, RO, NULL), AXAS_FAULT_SPURIOUS);
	expect_eq(axas_fault(fd, 0, RO, NULL), AXAS_FAULT_HOLE);
	expect(read_file(path, text, sizeof(text)));
	expect(strstr(text, "axas-faults:\t2\n"));
}

static const struct test tests[] = {
	{ "R10 a space's descriptor closes on exec", test_cloexec },
	{ "R10 CREATE that fails leaves no descriptor", test_no_descriptor_left },
	{ "R10 closing under use is safe", test_close_under_use },
	{ "R10 exiting under use is safe", test_exit_under_use },
	{ "R12 private, executable and device mappings are refused", test_mmap_is_never_private },
	{ "a thousand spaces come and go", test_many_spaces },
	{ "a forked child shares the space", test_fork },
	{ "a duplicate keeps the space", test_dup },
	{ "a space outlives its creator", test_taken_over },
	{ "fdinfo can be read", test_fdinfo },
};

const struct suite suite_life = { "life", tests, ARRAY_SIZE(tests), false };
