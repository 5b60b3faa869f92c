// SPDX-License-Identifier: GPL-2.0-only
/*
 * Images: errors of the calls, limits, descriptors that are passed on, processes that are killed,
 * long chains and many clones, O_DIRECT in progress at a freeze. Content is in test_image.c.
 */
#include "uapi.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define AREA	(16 * MIB)
#define PAGES	64

static void put(int fd, u64 page, u64 val)
{
	expect_eq(axas_write(fd, AREA + page * PAGE, &val, sizeof(val)), (ssize_t)sizeof(val));
}

static u64 get(int fd, u64 page)
{
	u64 val;

	expect_eq(axas_read(fd, AREA + page * PAGE, &val, sizeof(val)), (ssize_t)sizeof(val));
	return val;
}

/* A space of @pages pages; the number of each is in it. */
static int numbered(u64 pages)
{
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, pages * PAGE, RW, AXAS_MAP_HUGE_NEVER));
	for (u64 i = 0; i < pages; i++)
		put(fd, i, i);
	return fd;
}

static void cannot_freeze(int fd, int err, const char *what)
{
	struct axas_freeze arg = { .size = sizeof(arg) };
	int fds = count_fds();

	expect_refused(fd, AXAS_FREEZE, &arg, err, what);
	expect_eq(count_fds(), fds);
}

static void test_areas_refused(void)
{
	int fd = numbered(PAGES), other = new_space();

	expect_ok(axas_map_linear(fd, GIB, window().hpa, PAGE, RW, AXAS_TYPE_NORMAL));
	cannot_freeze(fd, EOPNOTSUPP, "FREEZE with linear memory");
	expect_ok(axas_unmap(fd, GIB, PAGE));
	expect_ok(axas_map_alloc(fd, GIB, PAGE, RW, AXAS_MAP_MISSING));
	cannot_freeze(fd, EOPNOTSUPP, "FREEZE with missing memory");
	expect_ok(axas_unmap(fd, GIB, PAGE));
	expect_ok(axas_map_shared(other, AREA, PAGE, fd, AREA, RW, 0));
	cannot_freeze(fd, EOPNOTSUPP, "FREEZE of a source");
	cannot_freeze(other, EOPNOTSUPP, "FREEZE with shared memory");
	expect_ok(axas_unmap(other, AREA, PAGE));
	close(other);
	expect_eq(get(fd, 5), 5);
}

/* The log goes on, for writes by calls and by a mapping; the image is in nobody's log. */
static void test_freeze_in_a_log(void)
{
	int fd = numbered(PAGES), image, clone;
	u64 bits = ~0ull, *mem;

	mem = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, AREA);
	expect(mem != MAP_FAILED);
	expect_ok(axas_start_log(fd, AREA, PAGES * PAGE));
	put(fd, 3, 33);
	mem[5 * PAGE / 8] = 55;
	image = image_of(fd);
	expect_ok(axas_get_log(fd, AREA, PAGES * PAGE, &bits, NULL));
	expect_eq(bits, 1u << 3 | 1u << 5);
	mem[7 * PAGE / 8] = 77;
	put(fd, 3, 34);
	expect_ok(axas_get_log(fd, AREA, PAGES * PAGE, &bits, NULL));
	expect_eq(bits, 1u << 3 | 1u << 5 | 1u << 7);
	expect_ok(axas_clear_log(fd, AREA, PAGES * PAGE, &bits, 0));
	expect_ok(axas_get_log(fd, AREA, PAGES * PAGE, &bits, NULL));
	expect_eq(bits, 0);
	mem[5 * PAGE / 8] = 56;
	expect_ok(axas_get_log(fd, AREA, PAGES * PAGE, &bits, NULL));
	expect_eq(bits, 1u << 5);
	expect_ok(axas_clone(image, 0, 0, &clone, 1));
	expect_eq(axas_get_log(clone, AREA, PAGES * PAGE, &bits, NULL), -ENOENT);
	expect_eq(get(clone, 3), 33);
	expect_eq(get(clone, 5), 55);
	expect_eq(get(clone, 7), 7);
	expect_eq(get(fd, 3), 34);
	expect_eq(get(fd, 5), 56);
	expect_eq(mem[7 * PAGE / 8], 77);
	expect_ok(axas_stop_log(fd, AREA, PAGES * PAGE));
	munmap(mem, PAGES * PAGE);
}

static void cannot_reset(int fd, int image, int err, const char *what)
{
	struct axas_reset arg = { .size = sizeof(arg), .image_fd = image };

	expect_refused(fd, AXAS_RESET, &arg, err, what);
}

static int image_like(const struct axas_create *c)
{
	int fd = axas_open_space(NULL, c), image;

	expect(fd >= 0);
	image = image_of(fd);
	close(fd);
	return image;
}

static void test_reset_refused(void)
{
	struct axas_create based = { .format = test_format, .base = PAGE };
	struct axas_create shorter = { .format = test_format, .length = GIB };
	int fd = numbered(PAGES), image = image_of(fd), null = open("/dev/null", O_RDWR);

	put(fd, 1, 77);
	cannot_reset(fd, -1, EBADF, "RESET to no descriptor");
	cannot_reset(fd, 9999, EBADF, "RESET to no descriptor");
	cannot_reset(fd, fd, EINVAL, "RESET to a space");
	cannot_reset(fd, null, EINVAL, "RESET to another file");
	cannot_reset(fd, image_like(&based), EINVAL, "RESET to another base");
	cannot_reset(fd, image_like(&shorter), EINVAL, "RESET to another length");
	for (u32 f = 0; f < AXAS_NR_FORMATS; f++) {
		struct axas_create c = { .format = f };
		int other = axas_open_space(NULL, &c);

		if (other >= 0 && info(other).format != info(fd).format)
			cannot_reset(fd, image_like(&c), EINVAL, "RESET to another format");
		close(other);
	}
	expect_ok(axas_map_alloc(fd, GIB, PAGE, RW, 0));
	expect_ok(axas_start_log(fd, GIB, PAGE));
	cannot_reset(fd, image, EBUSY, "RESET in a log");
	expect_ok(axas_stop_log(fd, GIB, PAGE));
	expect_ok(axas_unmap(fd, GIB, PAGE));
	expect_ok(axas_map_linear(fd, GIB, window().hpa, PAGE, RW, AXAS_TYPE_NORMAL));
	cannot_reset(fd, image, EOPNOTSUPP, "RESET with linear memory");
	expect_ok(axas_unmap(fd, GIB, PAGE));
	expect_eq(get(fd, 1), 77);
	expect_ok(axas_reset(fd, image, 0));
	expect_eq(get(fd, 1), 1);
}

static void test_diff_refused(void)
{
	struct axas_diff_extent extent;
	struct axas_diff arg = {
		.size = sizeof(arg), .gpa = AREA, .length = PAGE, .buf = (uintptr_t)&extent,
		.count = 1,
	};
	int fd = numbered(PAGES);

	expect_refused(fd, AXAS_DIFF, &arg, ENOENT, "DIFF of no clone");
	close(image_of(fd));
	put(fd, 0, 5);
	arg.gpa++;
	expect_refused(fd, AXAS_DIFF, &arg, EINVAL, "DIFF of an unaligned range");
	arg.gpa--;
	arg.length = 0;
	expect_refused(fd, AXAS_DIFF, &arg, EINVAL, "DIFF of nothing");
	arg.length = ~0ull << 12;
	expect_refused(fd, AXAS_DIFF, &arg, EINVAL, "DIFF of a range that wraps");
	arg.length = PAGE;
	arg.buf = 8;
	expect_refused(fd, AXAS_DIFF, &arg, EFAULT, "DIFF into nothing");
	arg.count = 0;
	expect_ok(axas_ioctl(fd, AXAS_DIFF, &arg));
	expect_eq(arg.count, 0);
	expect_eq(arg.length, PAGE);
	/* Memory that is mapped now, and untouched, differs in nothing. */
	expect_ok(axas_clear(fd));
	expect_ok(axas_map_alloc(fd, AREA, PAGE, RW, 0));
	expect_eq(axas_ioctl(fd, AXAS_DIFF, &arg), -ENOENT);
}

static void cannot_clone(int image, struct axas_clone arg, int err)
{
	int fds = count_fds();

	arg.size = sizeof(arg);
	expect_eq(axas_ioctl(image, AXAS_CLONE, &arg), -err);
	expect_eq(count_fds(), fds);
}

static void test_clone_refused(void)
{
	int fd = numbered(PAGES), image = image_of(fd), fds[8];
	u8 *page = guarded_pages(1);
	struct axas_clone good = { .fds = (uintptr_t)fds, .count = 8 }, c;
	struct axas_image_info i;
	struct rlimit limit, few;

	c = good;
	c.count = 0;
	cannot_clone(image, c, EINVAL);
	c.count = AXAS_CLONE_MAX + 1;
	cannot_clone(image, c, EINVAL);
	c = good;
	c.reserved = 1;
	cannot_clone(image, c, EINVAL);
	c = good;
	c.fds = 0;
	cannot_clone(image, c, EFAULT);
	/* Room for the first ones only. */
	c.fds = (uintptr_t)page + PAGE - 16;
	cannot_clone(image, c, EFAULT);
	expect_libc(getrlimit(RLIMIT_NOFILE, &limit));
	few = limit;
	few.rlim_cur = image + 5;
	expect_libc(setrlimit(RLIMIT_NOFILE, &few));
	expect_eq(axas_clone(image, 0, 0, fds, 8), -EMFILE);
	few.rlim_cur = image + 1;
	expect_libc(setrlimit(RLIMIT_NOFILE, &few));
	expect_eq(axas_freeze(fd), -EMFILE);
	expect_libc(setrlimit(RLIMIT_NOFILE, &limit));
	expect_ok(axas_get_image_info(image, &i));
	expect_eq(i.users, 2);
	expect_eq(i.depth, 1);
}

static void test_read_only_space(void)
{
	int fd = numbered(PAGES), image = image_of(fd), again = reopen(fd, O_RDONLY);
	struct axas_diff_extent extent;
	u64 gpa = AREA, length = PAGE;

	expect(again >= 0);
	put(fd, 0, 9);
	expect_eq(axas_freeze(again), -EBADF);
	/* Nor for writing alone: its image would tell what it contains. */
	expect_eq(axas_freeze(reopen(fd, O_WRONLY)), -EBADF);
	expect_eq(axas_reset(again, image, 0), -EBADF);
	expect_eq(axas_diff(again, &gpa, &length, &extent, 1), 1);
	expect_eq(get(fd, 0), 9);
}

static void expect_numbered(int fd, u64 pages)
{
	for (u64 i = 0; i < pages; i++)
		expect_eq(get(fd, i), i);
}

static void test_many_clones(void)
{
	struct rlimit limit = { 4096, 4096 };
	static int fds[AXAS_CLONE_MAX];
	int fd = numbered(PAGES), image = image_of(fd), before;
	struct axas_image_info i;

	expect_libc(setrlimit(RLIMIT_NOFILE, &limit));
	before = count_fds();
	expect_ok(axas_clone(image, 0, 0, fds, 1));
	expect(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
	expect_eq(fcntl(fds[0], F_GETFL) & O_ACCMODE, O_RDWR);
	expect_numbered(fds[0], PAGES);
	close(fds[0]);
	expect_ok(axas_clone(image, 0, 0, fds, AXAS_CLONE_MAX));
	expect_eq(count_fds(), before + AXAS_CLONE_MAX);
	expect_ok(axas_get_image_info(image, &i));
	expect_eq(i.users, AXAS_CLONE_MAX + 2);
	for (u32 n = 0; n < AXAS_CLONE_MAX; n++)
		put(fds[n], n % PAGES, 100000 + n);
	close(image);
	close(fd);
	for (u32 n = 0; n < AXAS_CLONE_MAX; n++) {
		expect_eq(get(fds[n], n % PAGES), 100000 + n);
		expect_eq(get(fds[n], (n + 1) % PAGES), (n + 1) % PAGES);
		expect_eq(info(fds[n]).frames, 1);
		close(fds[n]);
	}
}

/* Somebody has each of the images. */
static void test_long_chain(void)
{
	const struct rlimit limit = { 2048, 2048 };
	int fd = numbered(PAGES), image = -1, clone;

	expect_libc(setrlimit(RLIMIT_NOFILE, &limit));
	for (int i = 0; i < 1024; i++) {
		put(fd, i % PAGES, 100000 + i);
		image = image_of(fd);
	}
	cannot_freeze(fd, ELOOP, "FREEZE number 1,025");
	clone = clone_of(image);
	cannot_freeze(clone, ELOOP, "FREEZE of a clone of number 1,024");
	close(fd);
	for (u64 i = 0; i < PAGES; i++)
		expect_eq(get(clone, i), 100000 + 1024 - PAGES + i);
	close(image);
	put(clone, 1, 1);
	expect_eq(get(clone, 0), 100000 + 1024 - PAGES);
}

/* Nobody has the older ones: they are joined. */
static void test_short_chain(void)
{
	int fd = numbered(PAGES), image = -1, clone;
	struct axas_image_info info;

	for (int i = 0; i < 3000; i++) {
		close(image);
		put(fd, i % PAGES, 100000 + i);
		image = image_of(fd);
	}
	expect_ok(axas_get_image_info(image, &info));
	expect_eq(info.depth, 16);
	clone = clone_of(image);
	close(fd);
	close(image);
	for (u64 i = 3000 - PAGES; i < 3000; i++)
		expect_eq(get(clone, i % PAGES), 100000 + i);
}

static void test_limits(void)
{
	struct axas_create c = { .format = test_format, .max_frames = 100 };
	int fd = axas_open_space(NULL, &c), image, clone;
	u64 val = 1;

	expect(fd >= 0);
	expect_ok(axas_map_alloc(fd, AREA, 200 * PAGE, RW, 0));
	for (u64 i = 0; i < 60; i++)
		put(fd, i, i);
	image = image_of(fd);
	for (u64 i = 0; i < 60; i++)
		put(fd, i, 1000 + i);
	close(image);
	/* The space and the image that only it has: 120. */
	cannot_freeze(fd, ENOMEM, "FREEZE past the limit");
	expect_ok(axas_set_limit(fd, 120));
	image = image_of(fd);
	expect_ok(axas_clone(image, 0, 3, &clone, 1));
	for (u64 i = 0; i < 3; i++)
		put(clone, i, 5);
	expect_eq(axas_write(clone, AREA + 3 * PAGE, &val, sizeof(val)), -ENOMEM);
	expect_eq(axas_fault(clone, AREA + 4 * PAGE, RW, NULL), AXAS_FAULT_NOMEM);
	expect_eq(get(clone, 3), 1003);
	expect_ok(axas_reset(clone, image, 0));
	put(clone, 3, 5);
	expect_eq(info(clone).frames, 1);
	expect_eq(get(fd, 3), 1003);
}

/* More pages than a freeze copies, held by pipes. */
static void test_too_many_held(void)
{
	const u64 pages = 2304;
	int fd = numbered(pages), pipes[2304 / 256][2], image;
	u8 *p = map_rw(fd, AREA, pages * PAGE);
	struct iovec iov = { .iov_len = 256 * PAGE };

	for (size_t i = 0; i < ARRAY_SIZE(pipes); i++) {
		expect_libc(pipe(pipes[i]));
		if (fcntl(pipes[i][1], F_SETPIPE_SZ, 256 * PAGE) < 0)
			skip("pipes are smaller here");
		iov.iov_base = p + i * 256 * PAGE;
		expect_eq(vmsplice(pipes[i][1], &iov, 1, 0), 256 * PAGE);
	}
	cannot_freeze(fd, EBUSY, "FREEZE with 2,304 pages that are held");
	close(pipes[0][0]);
	close(pipes[0][1]);
	image = image_of(fd);
	expect_eq(info(fd).frames, pages - 256);
	put(fd, 300, 5);
	expect_numbered(image, pages);
}

static void send_fd(int sock, int fd)
{
	char room[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = {};
	struct iovec iov = { "x", 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = room,
		.msg_controllen = sizeof(room),
	};
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	head->cmsg_len = CMSG_LEN(sizeof(int));
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	expect_eq(sendmsg(sock, &msg, 0), 1);
}

static int receive_fd(int sock)
{
	char byte, room[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = room,
		.msg_controllen = sizeof(room),
	};
	int fd;

	expect_eq(recvmsg(sock, &msg, 0), 1);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* A process without rights to the device gets an image, and clones it. */
static void clone_what_comes(void *arg)
{
	int *socks = arg, image, fd;

	become_nobody();
	image = receive_fd(socks[1]);
	fd = clone_of(image);
	expect_numbered(fd, PAGES);
	put(fd, 3, 99);
	expect_eq(get(image, 3), 3);
	expect_ok(axas_reset(fd, image, 0));
	expect_eq(get(fd, 3), 3);
	put(fd, 3, 98);
	send_fd(socks[1], fd);
}

static void test_passed_on(void)
{
	int fd = numbered(PAGES), image = image_of(fd), socks[2], clone;

	expect_libc(socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
	send_fd(socks[0], image);
	close(image);
	close(fd);
	in_child(clone_what_comes, socks);
	clone = receive_fd(socks[0]);
	expect_eq(get(clone, 3), 98);
	expect_eq(get(clone, 4), 4);
}

/* All that images can be asked, for ever. */
static void work(int fd, int image, u32 seed)
{
	const u64 pages = 1024;
	int clones[3];

	for (;;) {
		put(fd, random_u32(&seed) % pages, seed);
		if (axas_clone(image, 0, 0, clones, 3))
			continue;
		for (u64 i = 0; i < 100; i++)
			put(clones[i % 3], random_u32(&seed) % pages, i);
		close(image);
		image = image_of(clones[0]);
		expect_ok(axas_reset(clones[1], image, 0));
		expect_ok(axas_reset(fd, image, 0));
		for (int i = 0; i < 3; i++)
			close(clones[i]);
	}
}

static pid_t start_work(int fd, int image, u32 seed)
{
	pid_t pid = fork();

	expect(pid >= 0);
	if (!pid)
		work(fd, image, seed);
	return pid;
}

/*
 * The maker of a space and its image, or one of those that clone it, is killed: at each step, as
 * the delay wants it. What the others have stays whole, and all memory comes back.
 */
static void test_killed(void)
{
	long before = meminfo("MemAvailable"), now = 0;

	for (int round = 0; round < 24; round++) {
		int fd = numbered(1024), image = image_of(fd), mine = clone_of(image);
		pid_t pids[2];

		for (int i = 0; i < 2; i++)
			pids[i] = start_work(i ? mine : fd, image, round * 2 + i + 1);
		close(fd);
		sleep_ms(5 + round * 3);
		kill(pids[round % 2], SIGKILL);
		sleep_ms(round % 5);
		expect_eq(get(image, 1000), 1000);
		close(image);
		kill(pids[!(round % 2)], SIGKILL);
		for (int i = 0; i < 2; i++)
			expect_eq(waitpid(pids[i], NULL, 0), pids[i]);
		expect_ok(axas_clear(mine));
		close(mine);
	}
	for (u64 end = now_ms() + 10000; now_ms() < end; sleep_ms(100)) {
		now = meminfo("MemAvailable");
		if (now > before - 48 * 1024)
			return;
	}
	fail("%ld KiB of memory were available, now %ld", before, now);
}

/* What is left when a descriptor, the space or a clone goes first, by the numbers of the image. */
static void test_order_of_ends(void)
{
	for (int order = 0; order < 6; order++) {
		int fd = numbered(PAGES), image = image_of(fd), clone = clone_of(image);
		int all[3] = { fd, image, clone };
		int first = order / 2, second = (first + 1 + order % 2) % 3;

		put(clone, 1, 5);
		close(all[first]);
		if (first != 2)
			expect_eq(get(clone, 1), 5);
		close(all[second]);
		expect_eq(get(all[3 - first - second], 2), 2);
		close(all[3 - first - second]);
	}
}

static void test_mapping_holds_a_clone(void)
{
	int fd = numbered(PAGES), image = image_of(fd), clone = clone_of(image);
	u8 *p = map_rw(clone, AREA, PAGES * PAGE);

	close(clone);
	close(image);
	close(fd);
	for (u64 i = 0; i < PAGES; i++)
		expect_eq(*(u64 *)(p + i * PAGE), i);
	memset(p, 1, PAGES * PAGE);
	expect_libc(munmap(p, PAGES * PAGE));
}

/* Reads of a disk into guest memory are in progress at each freeze. */
struct reader {
	pthread_t thread;
	int disk;
	u8 *p;
	bool stop;
	u64 reads;
};

static void *read_disk(void *arg)
{
	struct reader *r = arg;

	while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
		if (pread(r->disk, r->p, 32 * PAGE, 0) != 32 * PAGE)
			return "O_DIRECT";
		for (u64 i = 0; i < 32; i++)
			if (*(u64 *)(r->p + i * PAGE) != 4000 + i)
				return "a page that was read is lost";
		memset(r->p, 0, 32 * PAGE);
		r->reads++;
	}
	return NULL;
}

static void read_while_frozen(bool pinnable)
{
	struct reader r = { .disk = open("/dev/ram0", O_RDWR | O_DIRECT | O_CLOEXEC) };
	int fd = new_kind(pinnable), image;
	void *failure;

	if (r.disk < 0)
		skip("no RAM disk");
	expect_ok(axas_map_alloc(fd, AREA, PAGES * PAGE, RW, 0));
	r.p = map_rw(fd, AREA, PAGES * PAGE);
	for (u64 i = 0; i < 32; i++)
		put(fd, i, 4000 + i);
	expect_eq(pwrite(r.disk, r.p, 32 * PAGE, 0), 32 * PAGE);
	expect_ok(pthread_create(&r.thread, NULL, read_disk, &r));
	for (int n = 0; n < 100; n++) {
		u64 seen[32];

		image = image_of(fd);
		for (u64 i = 0; i < 32; i++) {
			seen[i] = get(image, i);
			expect(!seen[i] || seen[i] == 4000 + i);
		}
		for (u64 i = 0; i < 32; i++)
			expect_eq(get(image, i), seen[i]);
		close(image);
	}
	__atomic_store_n(&r.stop, true, __ATOMIC_RELAXED);
	expect_ok(pthread_join(r.thread, &failure));
	if (failure)
		fail("%s", (char *)failure);
	note("%llu reads", r.reads);
}

static void test_direct(void)
{
	read_while_frozen(false);
	read_while_frozen(true);
}

/* One image, and clones by several threads, which end while others begin. */
static void *clone_and_close(void *arg)
{
	int image = *(int *)arg, fds[4];

	for (int n = 0; n < 50; n++) {
		if (axas_clone(image, 0, 0, fds, 4))
			return "clone";
		for (int i = 0; i < 4; i++) {
			u64 val = 0;

			if (axas_read(fds[i], AREA + 7 * PAGE, &val, 8) != 8 || val != 7)
				return "content";
			val = 8;
			if (axas_write(fds[i], AREA + 7 * PAGE, &val, 8) != 8)
				return "write";
			close(fds[i]);
		}
	}
	return NULL;
}

static void test_cloned_by_threads(void)
{
	int fd = numbered(PAGES), image = image_of(fd);
	struct axas_image_info i;
	pthread_t threads[4];
	void *failure;

	close(fd);
	for (size_t n = 0; n < ARRAY_SIZE(threads); n++)
		expect_ok(pthread_create(&threads[n], NULL, clone_and_close, &image));
	for (size_t n = 0; n < ARRAY_SIZE(threads); n++) {
		expect_ok(pthread_join(threads[n], &failure));
		if (failure)
			fail("%s", (char *)failure);
	}
	expect_numbered(image, PAGES);
	/* Files are closed after the call that closes them has returned. */
	for (u64 end = now_ms() + 5000; now_ms() < end; sleep_ms(20)) {
		expect_ok(axas_get_image_info(image, &i));
		if (i.users == 1)
			return;
	}
	fail("the image has %llu users", i.users);
}

static const struct test tests[] = {
	{ "R8 freeze refuses what no image can have", test_areas_refused },
	{ "a dirty log goes on after a freeze", test_freeze_in_a_log },
	{ "R8 reset refuses what is no image of the kind", test_reset_refused },
	{ "R8 diff refuses bad ranges and spaces that are no clones", test_diff_refused },
	{ "R8 clone makes all or none", test_clone_refused },
	{ "a space that is open for reading is not frozen, nor reset", test_read_only_space },
	{ "1,024 clones", test_many_clones },
	{ "a chain of 1,024 images, and no more", test_long_chain },
	{ "a chain of images that nobody has stays short", test_short_chain },
	{ "limits of frames", test_limits },
	{ "2,048 pages that are held, and no more", test_too_many_held },
	{ "an image that is passed on is cloned", test_passed_on },
	{ "processes with spaces, images and clones are killed", test_killed },
	{ "a space, an image and a clone end in any order", test_order_of_ends },
	{ "a mapping of a clone outlives its descriptors", test_mapping_holds_a_clone },
	{ "O_DIRECT in progress at a freeze", test_direct },
	{ "clones by several threads", test_cloned_by_threads },
};

const struct suite suite_image_life = { "image_life", tests, ARRAY_SIZE(tests), false };
