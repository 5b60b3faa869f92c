// SPDX-License-Identifier: GPL-2.0-only
/*
 * User buffers of long pread() and pwrite(): not present, not accessible, or unmapped during the
 * copy. The result is exactly the number of bytes copied.
 */
#include "uapi.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define AREA	(16 * MIB)
#define LONG	(3 * MIB + 5 * PAGE)	/* more than is faulted in ahead, or copied at once */

/* Create a space with a pattern of @len bytes at AREA; return a copy of the pattern. */
static u8 *patterned(int *fd, size_t len)
{
	u8 *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	u32 seed = 77;

	expect(p != MAP_FAILED);
	for (size_t i = 0; i < len; i++)
		p[i] = random_u32(&seed);
	*fd = new_space();
	expect_ok(axas_map_alloc(*fd, AREA, (len + PAGE - 1) & ~(PAGE - 1), RW, 0));
	expect_eq(axas_write(*fd, AREA, p, len), len);
	return p;
}

static u8 *untouched(size_t len)
{
	u8 *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	expect(p != MAP_FAILED);
	return p;
}

static void test_read_into_untouched(void)
{
	u8 *buf = untouched(LONG + PAGE), *want;
	int fd;

	want = patterned(&fd, LONG);
	expect_eq(axas_read(fd, AREA, buf + 123, LONG), LONG);
	expect(!memcmp(buf + 123, want, LONG));
	expect_eq(buf[122] | buf[123 + LONG], 0);
}

static void test_write_from_untouched(void)
{
	u8 *buf = untouched(LONG), *back = untouched(LONG);
	int fd;

	patterned(&fd, LONG);
	expect_eq(axas_write(fd, AREA, buf, LONG), LONG);
	memset(back, 1, LONG);
	expect_eq(axas_read(fd, AREA, back, LONG), LONG);
	expect(!memcmp(back, buf, LONG));
}

/* Short copies are exact to the byte, in both directions, for any offset in a page. */
static void test_middle_is_closed(void)
{
	static const size_t offsets[] = { 0, 1, 8, 100, PAGE - 1 };
	size_t len = 32 * PAGE;
	u8 *buf = untouched(len), *back = untouched(len), *want;
	int fd;

	want = patterned(&fd, len);
	expect_libc(mprotect(buf + 20 * PAGE, PAGE, PROT_NONE));
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		size_t off = offsets[i], open = 20 * PAGE - off;

		expect_eq(axas_read(fd, AREA, buf + off, len - off), open);
		expect(!memcmp(buf + off, want, open));
		memset(buf, 0x5a + i, 20 * PAGE);
		expect_eq(axas_write(fd, AREA, buf + off, len - off), open);
		expect_eq(axas_read(fd, AREA, back, len), len);
		expect(!memcmp(back, buf + off, open));
		expect(!memcmp(back + open, want + open, len - open));
		expect_eq(axas_write(fd, AREA, want, len), len);
	}
	expect_eq(axas_read(fd, AREA, buf + 20 * PAGE, PAGE), -EFAULT);
	expect_eq(axas_write(fd, AREA, buf + 20 * PAGE, PAGE), -EFAULT);
}

static void test_read_only_buffer(void)
{
	size_t len = 8 * PAGE;
	u8 *buf = untouched(len);
	int fd;

	patterned(&fd, len);
	memset(buf, 0x33, len);
	expect_libc(mprotect(buf + 4 * PAGE, 4 * PAGE, PROT_READ));
	expect_eq(axas_read(fd, AREA, buf + 4 * PAGE, 4 * PAGE), -EFAULT);
	expect_eq(axas_read(fd, AREA, buf, len), 4 * PAGE);
	for (size_t i = 4 * PAGE; i < len; i++)
		expect_eq(buf[i], 0x33);
	expect_eq(axas_write(fd, AREA, buf + 4 * PAGE, 4 * PAGE), 4 * PAGE);
}

/* A read into a copy-on-write page of parent and child does not change the child's. */
static void test_read_after_fork(void)
{
	size_t len = 16 * PAGE;
	u8 *buf = untouched(len), *want;
	int fd, status, go[2];
	char c;
	pid_t pid;

	want = patterned(&fd, len);
	memset(buf, 0x21, len);
	expect_libc(pipe(go));
	pid = fork();
	if (!pid) {
		close(go[1]);
		if (read(go[0], &c, 1))
			_exit(1);
		for (size_t i = 0; i < len; i++)
			if (buf[i] != 0x21)
				_exit(2);
		_exit(0);
	}
	expect_eq(axas_read(fd, AREA, buf, len), len);
	expect(!memcmp(buf, want, len));
	close(go[1]);
	expect_eq(waitpid(pid, &status, 0), pid);
	expect_eq(status, 0);
}

/* A hole, the end of the space or missing rights end a copy; an adjacent area does not. */
static void test_guest_ends(void)
{
	u8 *buf = untouched(16 * PAGE);
	int fd = new_space();
	u64 end = space_end(fd);

	memset(buf, 0x42, 16 * PAGE);
	expect_ok(axas_map_alloc(fd, end - 4 * PAGE, 4 * PAGE, RW, 0));
	expect_eq(axas_write(fd, end - 4 * PAGE + 1, buf, 16 * PAGE), 4 * PAGE - 1);
	expect_eq(axas_read(fd, end - 2 * PAGE, buf, 16 * PAGE), 2 * PAGE);
	expect_ok(axas_map_alloc(fd, AREA, 4 * PAGE, RW, 0));
	expect_ok(axas_map_alloc(fd, AREA + 4 * PAGE, 4 * PAGE, RO, 0));
	expect_ok(axas_map_alloc(fd, AREA + 9 * PAGE, PAGE, RW, 0));
	expect_eq(axas_read(fd, AREA + 1, buf, 16 * PAGE), 8 * PAGE - 1);
	expect_eq(axas_write(fd, AREA + 1, buf, 16 * PAGE), 4 * PAGE - 1);
	expect_eq(axas_write(fd, AREA + 4 * PAGE, buf, 16 * PAGE), -EACCES);
	expect_eq(axas_read(fd, AREA + 8 * PAGE, buf, 16 * PAGE), -EFAULT);
}

#define SEGMENTS	1000

static void test_many_vectors(void)
{
	size_t len = 0;
	struct iovec iov[SEGMENTS];
	u8 *buf = untouched(SEGMENTS * 512), *want, *at = buf;
	int fd;

	want = patterned(&fd, SEGMENTS * 512);
	for (int i = 0; i < SEGMENTS; i++) {
		iov[i] = (struct iovec){ at, i % 7 ? i % 300 : 0 };
		at += iov[i].iov_len;
		len += iov[i].iov_len;
	}
	expect_eq(preadv(fd, iov, SEGMENTS, AREA + 11), len);
	expect(!memcmp(buf, want + 11, len));
	expect_eq(pwritev(fd, iov, SEGMENTS, AREA), len);
	expect_eq(axas_read(fd, AREA, want, len), len);
	expect(!memcmp(buf, want, len));
	/* the last byte of one segment is not accessible */
	at = (u8 *)guarded_pages(1) + PAGE;
	iov[400] = (struct iovec){ at - 5, 6 };
	len = 0;
	for (int i = 0; i < 400; i++)
		len += iov[i].iov_len;
	expect_eq(preadv(fd, iov, SEGMENTS, AREA), len + 5);
	expect_eq(pwritev(fd, iov, SEGMENTS, AREA), len + 5);
}

/* Linear memory of each type between alloc areas: mapped in runs, or through a bounce buffer. */
static void test_linear_runs(void)
{
	static const u32 types[] = { AXAS_TYPE_NORMAL, AXAS_TYPE_UNCACHED, AXAS_TYPE_DEVICE };
	size_t len = 2 * MIB + 2 * PAGE;
	u64 hpa = window().hpa;
	u8 *in = untouched(len), *out;
	int fd, err;

	out = patterned(&fd, len);
	expect_ok(axas_clear(fd));
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		err = axas_map_linear(fd, AREA + PAGE, hpa, 2 * MIB, RW, types[i]);
		if (err == -EOPNOTSUPP)
			continue;
		expect_ok(err);
		expect_ok(axas_map_alloc(fd, AREA, PAGE, RW, 0));
		expect_ok(axas_map_alloc(fd, AREA + PAGE + 2 * MIB, 2 * PAGE, RW, 0));
		out[i] ^= 0xff;
		expect_eq(axas_write(fd, AREA + 5, out, len), len);
		memset(in, 0, len);
		expect_eq(axas_read(fd, AREA + 5, in, len), len);
		expect(!memcmp(in, out, len));
		expect_eq(axas_write(fd, AREA + 5, out, 4 * PAGE), 4 * PAGE);
		expect_ok(axas_clear(fd));
	}
	/* linear memory with a user buffer that ends early */
	expect_ok(axas_map_linear(fd, AREA, hpa, 2 * MIB, RW, AXAS_TYPE_NORMAL));
	expect_libc(mprotect(in + 100 * PAGE, PAGE, PROT_NONE));
	expect_eq(axas_read(fd, AREA, in + 3, 200 * PAGE), 100 * PAGE - 3);
	expect_eq(axas_write(fd, AREA, in + 3, 200 * PAGE), 100 * PAGE - 3);
}

static int userfault(void *start, size_t len)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)start, .len = len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int uffd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (uffd < 0)
		skip("no userfaultfd: %s", strerror(errno));
	expect_libc(ioctl(uffd, UFFDIO_API, &api));
	expect_libc(ioctl(uffd, UFFDIO_REGISTER, &reg));
	return uffd;
}

static void *supply(void *arg)
{
	int uffd = *(int *)arg;
	struct pollfd poll_fd = { .fd = uffd, .events = POLLIN };
	static u8 page[PAGE] __attribute__((aligned(4096)));
	struct uffdio_copy copy;
	struct uffd_msg msg;

	memset(page, 0x66, sizeof(page));
	while (poll(&poll_fd, 1, -1) > 0) {
		if (read(uffd, &msg, sizeof(msg)) != (ssize_t)sizeof(msg))
			continue;
		copy = (struct uffdio_copy){
			.dst = msg.arg.pagefault.address & ~(PAGE - 1),
			.src = (uintptr_t)page, .len = PAGE,
		};
		ioctl(uffd, UFFDIO_COPY, &copy);
	}
	return NULL;
}

/* User memory that another thread supplies through userfaultfd. */
static void test_userfault(void)
{
	size_t len = 24 * PAGE;
	u8 *to = untouched(len), *from = untouched(len), *back = untouched(len), *want;
	pthread_t threads[2];
	int fd, uffd[2];

	want = patterned(&fd, len);
	uffd[0] = userfault(to, len);
	uffd[1] = userfault(from, len);
	for (int i = 0; i < 2; i++)
		expect_eq(pthread_create(&threads[i], NULL, supply, &uffd[i]), 0);
	expect_eq(axas_read(fd, AREA + 9, to + 1, len - 9), len - 9);
	expect(!memcmp(to + 1, want + 9, len - 9));
	expect_eq(to[0], 0x66);
	expect_eq(axas_write(fd, AREA, from, len), len);
	expect_eq(axas_read(fd, AREA, back, len), len);
	for (size_t i = 0; i < len; i++)
		expect_eq(back[i], 0x66);
}

struct stalled {
	int fd;
	int uffd;
	int tell;
	bool write;
};

/* Report to the parent that the copy waits for its buffer. */
static void *tell(void *arg)
{
	struct stalled *s = arg;
	struct pollfd poll_fd = { .fd = s->uffd, .events = POLLIN };

	if (poll(&poll_fd, 1, -1) == 1 && write(s->tell, "x", 1) != 1)
		_exit(1);
	return NULL;
}

static _Noreturn void stall(struct stalled *s)
{
	size_t len = 16 * PAGE;
	u8 *buf = untouched(len);
	pthread_t thread;

	s->uffd = userfault(buf, len);
	if (pthread_create(&thread, NULL, tell, s))
		_exit(1);
	if (s->write)
		axas_write(s->fd, AREA, buf, len);
	else
		axas_read(s->fd, AREA, buf, len);
	_exit(1);
}

/* No thread supplies the memory: the copy waits, and SIGKILL ends it. */
static void stall_and_kill(bool to_guest)
{
	struct stalled s = { .write = to_guest };
	int status, told[2];
	pid_t pid;
	char c;

	close(userfault(untouched(PAGE), PAGE));
	patterned(&s.fd, 16 * PAGE);
	expect_libc(pipe(told));
	s.tell = told[1];
	pid = fork();
	expect(pid >= 0);
	if (!pid)
		stall(&s);
	close(told[1]);
	expect_eq(read(told[0], &c, 1), 1);
	expect_libc(kill(pid, SIGKILL));
	expect_eq(waitpid(pid, &status, 0), pid);
	expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_stalled_copies(void)
{
	stall_and_kill(false);
	stall_and_kill(true);
}

static struct {
	u8 *buf;
	size_t len;
	atomic_bool stop;
} hostile;

static void *close_and_open(void *arg)
{
	(void)arg;
	for (u32 i = 0; !atomic_load(&hostile.stop); i++) {
		size_t page = i % (hostile.len / PAGE) * PAGE;

		mprotect(hostile.buf + page, PAGE, PROT_NONE);
		if (i % 3)
			madvise(hostile.buf + page, PAGE, MADV_DONTNEED);
		mprotect(hostile.buf + page, PAGE, PROT_READ | PROT_WRITE);
	}
	return NULL;
}

/* Each call returns, and reports no more bytes than it copied. */
static void test_buffer_comes_and_goes(void)
{
	size_t len = 24 * PAGE, whole = 0;
	u8 *back = untouched(len), *want;
	pthread_t thread;
	ssize_t n;
	int fd;

	want = patterned(&fd, len);
	hostile.buf = untouched(len);
	hostile.len = len;
	expect_eq(pthread_create(&thread, NULL, close_and_open, NULL), 0);
	for (u32 i = 0; i < 500; i++) {
		n = axas_read(fd, AREA, hostile.buf, len);
		expect(n == -EFAULT || (n > 0 && n <= (ssize_t)len));
		n = axas_write(fd, AREA, hostile.buf, len);
		expect(n == -EFAULT || (n > 0 && n <= (ssize_t)len));
		whole += n == (ssize_t)len;
		n = n > 0 ? n : 0;
		expect_eq(axas_write(fd, AREA, want, n), n);
		expect_eq(axas_read(fd, AREA, back, len), len);
		expect(!memcmp(back, want, len));
	}
	atomic_store(&hostile.stop, true);
	pthread_join(thread, NULL);
	note("%zu of 500 writes were whole", whole);
}

static const struct test tests[] = {
	{ "R11 a read into memory that nobody touched", test_read_into_untouched },
	{ "R11 a write from memory that nobody touched", test_write_from_untouched },
	{ "R11 a buffer that is closed in its middle", test_middle_is_closed },
	{ "R11 a buffer that is read-only", test_read_only_buffer },
	{ "R11 a buffer that is shared until it is written", test_read_after_fork },
	{ "R11 a long copy ends where the guest's memory does", test_guest_ends },
	{ "R11 many vectors, one of them out of reach", test_many_vectors },
	{ "R11 linear memory by runs, beside other memory", test_linear_runs },
	{ "R11 a buffer that another thread brings", test_userfault },
	{ "R11 a fatal signal ends a copy that waits for its buffer", test_stalled_copies },
	{ "R11 a buffer that comes and goes", test_buffer_comes_and_goes },
};

const struct suite suite_buffer = { "buffer", tests, ARRAY_SIZE(tests), false };
