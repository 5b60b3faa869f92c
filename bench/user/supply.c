// SPDX-License-Identifier: GPL-2.0-only
/*
 * Missing pages: the whole round of a page that a guest or the VMM itself touches, and what copies
 * it. On axas the vCPU's thread supplies it between two runs, or a server's thread for a mapping;
 * on KVM a server's thread by userfaultfd(), the only way there.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <libaxas.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BYTES	(8 * MIB)
#define SOME	(64 * PAGE)	/* of a sample */
#define LARGE	(2 * MIB)

static u8 *content;	/* LARGE bytes */

/* userfaultfd() for a mapping. */
static int watch_missing(void *p, u64 bytes)
{
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)p, .len = bytes },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg))
		fail("userfaultfd: %s", strerror(errno));
	return fd;
}

static void copy_by_uffd(int fd, u64 to, u64 bytes)
{
	struct uffdio_copy copy = { .dst = to, .src = (uintptr_t)content, .len = bytes };

	if (ioctl(fd, UFFDIO_COPY, &copy))
		fail("UFFDIO_COPY: %s", strerror(errno));
}

static void copy_by_supply(int fd, u64 gpa, u64 bytes)
{
	must(axas_supply(fd, gpa, content, bytes, 0, NULL), "AXAS_SUPPLY");
}

/* Servers: one page at a time, for ever. */

static void *serve_uffd(void *arg)
{
	int fd = *(int *)arg;
	struct uffd_msg msg;

	for (;;) {
		if (read(fd, &msg, sizeof(msg)) != sizeof(msg))
			fail("read of a userfaultfd: %s", strerror(errno));
		copy_by_uffd(fd, msg.arg.pagefault.address & ~(PAGE - 1), PAGE);
	}
}

static void *serve_space(void *arg)
{
	int fd = *(int *)arg;
	struct pollfd pfd = { .fd = fd, .events = POLLPRI };
	u64 gpa;

	for (;;) {
		if (poll(&pfd, 1, -1) != 1)
			fail("poll: %s", strerror(errno));
		if (must(axas_get_missing(fd, 0, &gpa, 1, NULL), "AXAS_GET_MISSING"))
			copy_by_supply(fd, gpa, PAGE);
	}
}

static pthread_t start(void *(*serve)(void *arg), int *fd)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, serve, fd))
		fail("no thread");
	return thread;
}

static void stop(pthread_t thread)
{
	pthread_cancel(thread);
	pthread_join(thread, NULL);
}

/* A range of missing pages in the machine. Return the descriptor that serves it. */
static int map_missing(struct machine *m, u64 bytes)
{
	if (m->ops == &kvm_machine) {
		m->ops->map(m, bytes, false);
		return watch_missing(m->mem, bytes);
	}
	must(axas_map_alloc(m->fd, TEST_GPA, bytes, AXAS_PROT_MASK, AXAS_MAP_MISSING),
	     "AXAS_MAP_ALLOC");
	m->bytes = bytes;
	return m->fd;
}

static void unmap_missing(struct machine *m, int fd)
{
	m->ops->unmap(m);
	if (fd != m->fd)
		close(fd);
}

/* Run the vCPU, and supply what it finds missing. */
static void run_and_supply(struct machine *m)
{
	struct axvcpu_exit exit;

	for (;;) {
		int err = axvcpu_run(m->vcpu[0], &exit);

		if (err == -EINTR || (!err && exit.reason == AXVCPU_EXIT_NOTHING))
			continue;
		must(err, "AXVCPU_RUN");
		if (exit.reason == AXVCPU_EXIT_IO_WRITE)
			return;
		if (exit.reason != AXVCPU_EXIT_NESTED_PAGE_FAULT ||
		    exit.nested_page_fault.result != AXAS_FAULT_MISSING)
			fail("AXVCPU_RUN: %s", axvcpu_exit_name(exit.reason));
		copy_by_supply(m->fd, exit.nested_page_fault.gpa & ~(PAGE - 1), PAGE);
	}
}

static bool touch(struct machine *m, struct bench *b, u64 at, u64 *cost)
{
	m->ops->enter(m, 0, guest(touch), TEST_GPA + at, TEST_GPA + at + SOME, PAGE);
	bench_begin(b);
	if (m->ops == &kvm_machine)
		m->ops->run(m, 0);
	else
		run_and_supply(m);
	return bench_stop(b, cost);
}

/* The guest touches missing pages, then the same again: the difference is the rounds' cost. */
static void bench_guest(struct machine *m)
{
	struct bench b = bench_new(m->ops->name, "supply_guest_4k");
	u64 rounds, again;

	b.sleeps = true;
	while (bench_more(&b, SAMPLES)) {
		int fd = map_missing(m, BYTES);
		pthread_t server = 0;

		if (fd != m->fd)
			server = start(serve_uffd, &fd);
		for (u64 at = 0; at < BYTES; at += SOME) {
			bool clean = touch(m, &b, at, &rounds);

			clean = touch(m, &b, at, &again) && clean;
			bench_add(&b, clean, rounds - again, SOME / PAGE);
		}
		if (server)
			stop(server);
		unmap_missing(m, fd);
	}
	bench_report(&b);
}

/* The VMM's own touch of a mapping, which waits for a server. */
static void bench_host(struct machine *m)
{
	struct bench b = bench_new(m->ops->name, "supply_host_4k");

	b.sleeps = true;
	while (bench_more(&b, SAMPLES)) {
		int fd = map_missing(m, BYTES);
		bool uffd = fd != m->fd;
		u8 *p = uffd ? m->mem : mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
					     TEST_GPA);
		pthread_t server = start(uffd ? serve_uffd : serve_space, &fd);

		if (p == MAP_FAILED)
			fail("mmap: %s", strerror(errno));
		for (u64 at = 0; at < BYTES; at += SOME) {
			bench_begin(&b);
			for (u64 i = 0; i < SOME; i += PAGE)
				__atomic_store_n(&p[at + i], 1, __ATOMIC_RELAXED);
			bench_end(&b, SOME / PAGE);
		}
		stop(server);
		if (!uffd)
			munmap(p, BYTES);
		unmap_missing(m, fd);
	}
	bench_report(&b);
}

/* Just the call that copies, @bytes at a time. */
static void bench_copy(struct machine *m, const char *name, u64 bytes)
{
	struct bench b = bench_new(m->ops->name, name);
	u64 step = bytes > SOME ? bytes : SOME;

	while (bench_more(&b, SAMPLES)) {
		int fd = map_missing(m, BYTES);
		bool uffd = fd != m->fd;

		for (u64 at = 0; at < BYTES; at += step) {
			bench_begin(&b);
			for (u64 i = 0; i < step; i += bytes)
				if (uffd)
					copy_by_uffd(fd, (uintptr_t)m->mem + at + i, bytes);
				else
					copy_by_supply(fd, TEST_GPA + at + i, bytes);
			bench_end(&b, step / bytes);
		}
		unmap_missing(m, fd);
	}
	bench_report(&b);
}

void bench_supply(const struct machine_ops *ops)
{
	struct machine m = { .ops = ops };

	content = aligned_alloc(LARGE, LARGE);
	if (!content)
		fail("no memory");
	memset(content, 1, LARGE);
	ops->make(&m);
	ops->add_vcpu(&m, 0);
	bench_guest(&m);
	bench_host(&m);
	bench_copy(&m, "supply_call_4k", PAGE);
	bench_copy(&m, "supply_call_2m", LARGE);
	ops->end(&m);
	free(content);
}
