// SPDX-License-Identifier: GPL-2.0-only
/*
 * MAP_FILE over a file whose server is not trusted: it may take any time, cut the file off, or die.
 * Whoever does not touch its pages goes on meanwhile.
 */
#include "uapi.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuse.h"

#define AREA		(1 * GIB)
#define ELSEWHERE	(2 * GIB)
#define PAGES		64

static int open_file(void)
{
	int fd = open(fuse_path(), O_RDONLY | O_CLOEXEC);

	expect_libc(fd);
	return fd;
}

static int map_file(int fd, int file, u64 gpa, u64 first, u64 pages, u32 flags)
{
	return axas_map_file(fd, gpa, pages * PAGE, file, first * PAGE, RW, flags);
}

static u64 word_at(int fd, u64 gpa)
{
	u64 val = 0;

	expect_eq(axas_read(fd, gpa, &val, sizeof(val)), (ssize_t)sizeof(val));
	return val;
}

static void expect_stamps(int fd, u64 gpa, u64 first, u64 pages)
{
	for (u64 i = 0; i < pages; i++)
		expect_eq(word_at(fd, gpa + i * PAGE), fuse_stamp(first + i));
}

/* Have the kernel ask for the file's size again. */
static void refresh(int file, u64 pages)
{
	struct stat st;

	expect_libc(fstat(file, &st));
	expect_eq(st.st_size, (off_t)(pages * PAGE));
}

static void test_content(void)
{
	struct fuse_server *server = fuse_start(PAGES);
	int file = open_file(), fd = new_space();
	u64 val = 7, *mem;

	expect_ok(map_file(fd, file, AREA, 0, PAGES, 0));
	expect_eq(server->reads, 0);
	expect_stamps(fd, AREA, 0, PAGES);
	expect_eq(server->reads, PAGES);
	expect_ok(map_file(fd, file, ELSEWHERE, 8, 8, AXAS_MAP_POPULATE));
	expect_stamps(fd, ELSEWHERE, 8, 8);
	expect_eq(info(fd).borrowed, PAGES + 8);
	expect_eq(axas_write(fd, AREA + 8, &val, 8), 8);
	mem = (u64 *)map_rw(fd, AREA, PAGES * PAGE);
	expect_eq(mem[0], fuse_stamp(0));
	expect_eq(mem[1], 7);
	expect_eq(mem[5 * 512], fuse_stamp(5));
	expect_libc(munmap(mem, PAGES * PAGE));
	close(fd);
	close(file);
	fuse_end(server);
}

static void test_cut_off(void)
{
	struct fuse_server *server = fuse_start(PAGES);
	int file = open_file(), fd = new_space();
	u64 val;
	u8 *mem;

	catch_bus();
	expect_ok(map_file(fd, file, AREA, 0, PAGES, AXAS_MAP_AROUND(1)));
	mem = map_rw(fd, AREA, PAGES * PAGE);
	expect_stamps(fd, AREA, 0, 4);
	server->pages = 8;
	refresh(file, 8);
	expect_stamps(fd, AREA, 0, 8);
	expect_eq(axas_fault(fd, AREA + 8 * PAGE, RO, NULL), AXAS_FAULT_ERROR);
	expect_eq(axas_fault(fd, AREA + 9 * PAGE, RW, NULL), AXAS_FAULT_ERROR);
	expect_eq(axas_read(fd, AREA + 10 * PAGE, &val, 8), -EIO);
	expect_eq(read_signal(mem + 11 * PAGE), SIGBUS);
	expect_eq(write_signal(mem + 12 * PAGE, 1), SIGBUS);
	expect_eq(map_file(fd, file, ELSEWHERE, 0, 9, AXAS_MAP_POPULATE), -EINVAL);
	server->pages = 0;
	refresh(file, 0);
	expect_eq(axas_fault(fd, AREA + 20 * PAGE, RO, NULL), AXAS_FAULT_ERROR);
	/* What is borrowed, and what is private, stays. */
	expect_stamps(fd, AREA, 0, 8);
	expect_eq(read_signal(mem + PAGE), 0);
	server->pages = PAGES;
	refresh(file, PAGES);
	expect_stamps(fd, AREA, 0, PAGES);
	close(fd);
	close(file);
	fuse_end(server);
}

/**
 * struct caller - a thread with a call that waits for the server
 * @fd: the space
 * @file: the file
 * @map: it maps and populates; else it reads a page at AREA
 * @ended: the call has returned
 * @result: what it returned
 */
struct caller {
	int fd;
	int file;
	bool map;
	atomic_bool ended;
	long result;
};

static void *call(void *arg)
{
	struct caller *c = arg;
	u64 val;

	c->result = c->map ? map_file(c->fd, c->file, AREA, 0, PAGES, AXAS_MAP_POPULATE) :
			     axas_read(c->fd, AREA, &val, 8);
	c->ended = true;
	return NULL;
}

static void wait_for_reads(const struct fuse_server *server, unsigned int reads)
{
	for (int ms = 0; server->reads < reads && ms < 5000; ms++)
		sleep_ms(1);
	expect(server->reads >= reads);
}

static pthread_t begin_call(const struct fuse_server *server, struct caller *c)
{
	unsigned int reads = server->reads;
	pthread_t thread;

	expect_ok(pthread_create(&thread, NULL, call, c));
	wait_for_reads(server, reads + 1);
	expect(!c->ended);
	return thread;
}

/* Every lock of the space and of its descriptor is taken by one of these. */
static void *use_space(void *arg)
{
	struct caller *c = arg;
	struct axas_extent extent = { ELSEWHERE, 2 * PAGE };
	u64 done = 0, val = 3;

	expect_ok(axas_map_alloc(c->fd, ELSEWHERE, 16 * PAGE, RW, AXAS_MAP_POPULATE));
	expect_eq(axas_write(c->fd, ELSEWHERE, &val, 8), 8);
	expect_ok(axas_protect(c->fd, ELSEWHERE, 8 * PAGE, RO));
	expect_ok(axas_discard(c->fd, &extent, 1, &done));
	expect_eq(info(c->fd).areas >= 2, 1);
	expect_ok(axas_unmap(c->fd, ELSEWHERE, 16 * PAGE));
	c->ended = true;
	return NULL;
}

static void expect_usable(int fd)
{
	struct caller c = { .fd = fd };
	pthread_t thread;

	expect_ok(pthread_create(&thread, NULL, use_space, &c));
	for (int ms = 0; !c.ended && ms < 10000; ms++)
		sleep_ms(1);
	if (!c.ended)
		fail("the space waits for the file's server");
	expect_ok(pthread_join(thread, NULL));
}

static void test_slow_server(void)
{
	struct fuse_server *server = fuse_start(PAGES);
	int file = open_file(), fd = new_space();

	for (int map = 1; map >= 0; map--) {
		struct caller c = { .fd = fd, .file = file, .map = map };
		pthread_t thread;

		if (!map) {
			expect_ok(axas_unmap(fd, AREA, PAGES * PAGE));
			expect_libc(posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED));
			expect_ok(map_file(fd, file, AREA, 0, PAGES, 0));
		}
		server->hold = true;
		thread = begin_call(server, &c);
		expect_usable(fd);
		expect(!c.ended);
		server->hold = false;
		expect_ok(pthread_join(thread, NULL));
		expect_eq(c.result, map ? 0 : 8);
		expect_stamps(fd, AREA, 0, 4);
	}
	close(fd);
	close(file);
	fuse_end(server);
}

/* The server dies with a request that it has taken. */
static void test_killed_server(void)
{
	for (int map = 0; map < 2; map++) {
		struct fuse_server *server = fuse_start(PAGES);
		int file = open_file(), fd = new_space();
		struct caller c = { .fd = fd, .file = file, .map = map };
		pthread_t thread;

		if (!map)
			expect_ok(map_file(fd, file, AREA, 0, PAGES, 0));
		server->hold = true;
		thread = begin_call(server, &c);
		fuse_kill(server);
		expect_ok(pthread_join(thread, NULL));
		expect_eq(c.result, -EIO);
		if (map)
			expect_eq(info(fd).areas, 0);
		else
			expect_eq(axas_fault(fd, AREA, RO, NULL), AXAS_FAULT_ERROR);
		expect_usable(reopen(fd, O_RDWR));
		close(fd);
		close(file);
		fuse_end(server);
	}
}

static void expect_dies(pid_t pid)
{
	int status;
	pid_t got = 0;

	expect_libc(kill(pid, SIGKILL));
	for (int ms = 0; !got && ms < 5000; ms++) {
		got = waitpid(pid, &status, WNOHANG);
		sleep_ms(1);
	}
	if (got != pid)
		fail("a process waits for the file's server, and cannot be killed");
	expect(WIFSIGNALED(status));
}

static pid_t fork_call(int fd, int file, bool map)
{
	struct caller c = { .fd = fd, .file = file, .map = map };
	pid_t pid = fork();

	expect_libc(pid);
	if (!pid) {
		call(&c);
		_exit(0);
	}
	return pid;
}

/* As long as the server has not taken its request: a taken one is waited for, as by read(). */
static void test_killed_guest(void)
{
	struct fuse_server *server = fuse_start(PAGES);
	int file = open_file(), fd = new_space();

	for (int map = 1; map >= 0; map--) {
		pid_t pid;

		if (!map)
			expect_ok(map_file(fd, file, AREA, 0, PAGES, 0));
		fuse_stop(server);
		pid = fork_call(fd, file, map);
		sleep_ms(100);
		expect_usable(fd);
		expect_dies(pid);
		expect_eq(info(fd).areas, map ? 0 : 1);
		fuse_continue(server);
	}
	expect_stamps(fd, AREA, 0, PAGES);
	close(fd);
	close(file);
	fuse_end(server);
}

/* Killed at any step of a populate, by pages: nothing is left, and the next one succeeds. */
static void test_killed_at_each_page(void)
{
	struct fuse_server *server = fuse_start(PAGES);
	int file = open_file(), fd = new_space();

	for (unsigned int page = 1; page < PAGES; page += 7) {
		unsigned int reads = server->reads;
		pid_t pid;

		server->hold = true;
		pid = fork_call(fd, file, true);
		for (unsigned int i = 1; i <= page; i++) {
			wait_for_reads(server, reads + i);
			if (i == page)
				expect_libc(kill(pid, SIGKILL));
			server->hold = false;
			while (i < page && server->reads < reads + i + 1)
				;
			server->hold = i < page;
		}
		server->hold = false;
		expect_eq(waitpid(pid, NULL, 0), pid);
		expect(info(fd).areas <= 1);
		expect_ok(axas_clear(fd));
		expect_eq(info(fd).borrowed, 0);
		expect_libc(posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED));
	}
	expect_ok(map_file(fd, file, AREA, 0, PAGES, AXAS_MAP_POPULATE));
	expect_stamps(fd, AREA, 0, PAGES);
	close(fd);
	close(file);
	fuse_end(server);
}

/* For who neither owns nor may run the file. */
struct visit {
	struct fuse_server *server;
	int fd, file;
};

static void visit_as_nobody(void *arg)
{
	const struct visit *v = arg;

	become_nobody();
	v->server->forbids = true;
	expect_eq(map_file(v->fd, v->file, AREA, 0, 1, 0), -EPERM);
	v->server->forbids = false;
	expect_ok(map_file(v->fd, v->file, AREA, 0, 1, 0));
}

static void test_permission(void)
{
	struct visit v = { .server = fuse_start(PAGES), .fd = new_space() };

	v.file = open_file();
	in_child(visit_as_nobody, &v);
	expect_stamps(v.fd, AREA, 0, 1);
	close(v.fd);
	close(v.file);
	fuse_end(v.server);
}

/**
 * struct hoarder - a process that keeps its own mmap_lock
 * @server: what it waits for
 * @file: the server's file
 * @fds: descriptors of spaces that it has made, to be taken from it
 * @made: they are there
 * @taken: they were taken
 */
struct hoarder {
	struct fuse_server *server;
	int file;
	int fds[2];
	atomic_bool made;
	atomic_bool taken;
};

static void await_flag(const atomic_bool *flag)
{
	for (int ms = 0; !*flag && ms < 5000; ms++)
		sleep_ms(1);
	expect(*flag);
}

/* process_vm_readv() holds mmap_lock while the fault waits for the server. */
static void hoard(struct hoarder *h)
{
	int fd = new_space();
	u8 *mem, byte;
	struct iovec to = { &byte, 1 }, from = { NULL, 1 };

	expect_libc(prctl(PR_SET_PDEATHSIG, SIGKILL));
	for (unsigned int i = 0; i < ARRAY_SIZE(h->fds); i++) {
		h->fds[i] = new_space();
		expect_ok(map_file(h->fds[i], h->file, AREA, 0, PAGES, 0));
	}
	expect_ok(map_file(fd, h->file, AREA, 0, 1, 0));
	mem = map_rw(fd, AREA, PAGE);
	h->made = true;
	await_flag(&h->taken);
	for (unsigned int i = 0; i < ARRAY_SIZE(h->fds); i++)
		close(h->fds[i]);
	h->server->hold = true;
	from.iov_base = mem;
	process_vm_readv(getpid(), &to, 1, &from, 1, 0);
	for (;;)
		pause();
}

static void *end_spaces(void *arg)
{
	struct caller *c = arg;

	expect_ok(axas_unmap(c->fd, AREA, PAGES * PAGE));
	close(c->fd);
	close(c->file);
	c->ended = true;
	return NULL;
}

static pid_t begin_hoarder(struct hoarder *h, struct caller *c)
{
	pid_t pid = fork();
	int handle;

	expect_libc(pid);
	if (!pid)
		hoard(h);
	await_flag(&h->made);
	handle = syscall(SYS_pidfd_open, pid, 0);
	expect_libc(handle);
	c->fd = syscall(SYS_pidfd_getfd, handle, h->fds[0], 0);
	c->file = syscall(SYS_pidfd_getfd, handle, h->fds[1], 0);
	expect_libc(c->fd);
	expect_libc(c->file);
	close(handle);
	expect_eq(locked_kib(pid), (2 * PAGES + 1) * (long)PAGE / 1024);
	return pid;
}

/* Who maps waits until the process that made the descriptor can be charged. */
static pid_t fork_map_linear(const struct caller *c)
{
	pid_t pid = fork();

	expect_libc(pid);
	if (!pid) {
		close(c->file);
		_exit(axas_map_linear(c->fd, GIB, window().hpa, PAGE, RW, AXAS_TYPE_NORMAL) != 0);
	}
	sleep_ms(100);
	expect_eq(waitpid(pid, NULL, WNOHANG), 0);
	return pid;
}

/*
 * The pages of a descriptor's spaces are charged to who made it. Others who unmap them, or just
 * close it, do not wait for that process; who maps can be killed, and holds up nobody. It is
 * uncharged when it lets its mmap_lock go.
 */
static void test_creator_waits(void)
{
	struct fuse_server *server = fuse_start(PAGES);
	struct hoarder *h = mmap(NULL, sizeof(*h), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int reads = server->reads;
	struct caller c = {};
	pthread_t thread;
	pid_t pid, mapper;
	bool ended;

	expect(h != MAP_FAILED);
	*h = (struct hoarder){ .server = server, .file = open_file() };
	pid = begin_hoarder(h, &c);
	h->taken = true;
	wait_for_reads(server, reads + 1);
	mapper = fork_map_linear(&c);
	expect_ok(pthread_create(&thread, NULL, end_spaces, &c));
	for (int ms = 0; !c.ended && ms < 5000; ms++)
		sleep_ms(1);
	ended = c.ended;
	expect_dies(mapper);
	server->hold = false;
	expect_ok(pthread_join(thread, NULL));
	if (!ended)
		fail("who closes a space waits for the process that made it");
	for (int ms = 0; locked_kib(pid) != (long)PAGE / 1024 && ms < 5000; ms++)
		sleep_ms(1);
	expect_eq(locked_kib(pid), (long)PAGE / 1024);
	expect_libc(kill(pid, SIGKILL));
	expect_eq(waitpid(pid, NULL, 0), pid);
	expect_libc(munmap(h, sizeof(*h)));
	fuse_end(server);
}

static const struct test tests[] = {
	{ "pages of a FUSE file are borrowed", test_content },
	{ "pages that the server cut off are errors", test_cut_off },
	{ "a slow server holds up nobody else", test_slow_server },
	{ "a server that dies is an error", test_killed_server },
	{ "who waits for a server can be killed", test_killed_guest },
	{ "populate is killed at each page", test_killed_at_each_page },
	{ "the server says who may keep writers away", test_permission },
	{ "who closes a space does not wait for its creator's mmap_lock", test_creator_waits },
};

const struct suite suite_fuse = { "fuse", tests, ARRAY_SIZE(tests), false };
