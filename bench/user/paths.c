// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads and writes of guest memory by its VMM: pread() and pwrite() on a space, compared with
 * process_vm_readv() and process_vm_writev() on a process; and a VMM's queries of a space.
 */
#include "bench.h"

#include <errno.h>
#include <libaxas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

static const struct {
	const char *name;
	size_t bytes;
} sizes[] = { { "8", 8 }, { "64", 64 }, { "4k", PAGE }, { "1m", MIB } };

static void *own;	/* memory of this process, for process_vm_readv() */
static int space;

static ssize_t do_pread(void *buf, size_t len)
{
	return pread(space, buf, len, TEST_GPA);
}

static ssize_t do_pwrite(void *buf, size_t len)
{
	return pwrite(space, buf, len, TEST_GPA);
}

static ssize_t do_readv(void *buf, size_t len)
{
	struct iovec local = { buf, len }, remote = { own, len };

	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
}

static ssize_t do_writev(void *buf, size_t len)
{
	struct iovec local = { buf, len }, remote = { own, len };

	return process_vm_writev(getpid(), &local, 1, &remote, 1, 0);
}

static const struct {
	const char *name;
	ssize_t (*call)(void *buf, size_t len);
} calls[] = {
	{ "pread", do_pread }, { "pwrite", do_pwrite },
	{ "process_vm_readv", do_readv }, { "process_vm_writev", do_writev },
};

static void bench_one(unsigned int call, unsigned int size, void *buf)
{
	char name[32];
	struct bench b;
	size_t len = sizes[size].bytes;

	snprintf(name, sizeof(name), "%s_%s", calls[call].name, sizes[size].name);
	b = bench_new("paths", name);
	while (bench_more(&b, SAMPLES / 4)) {
		ssize_t n;

		bench_begin(&b);
		n = calls[call].call(buf, len);
		bench_end(&b, 1);
		if (n != (ssize_t)len)
			fail("%s: %s", name, strerror(errno));
	}
	bench_report(&b);
}

void bench_get_info(const char *prefix, int fd)
{
	struct bench b = bench_new(prefix, "get_info");
	struct axas_info info = { .size = sizeof(info) };

	while (bench_more(&b, SAMPLES / 4)) {
		int err;

		bench_begin(&b);
		err = axas_ioctl(fd, AXAS_GET_INFO, &info);
		bench_end(&b, 1);
		must(err, "AXAS_GET_INFO");
	}
	bench_report(&b);
}

void bench_paths(void)
{
	struct machine m = { .ops = &axas_machine };
	void *buf = aligned_alloc(PAGE, MIB);

	m.ops->make(&m);
	m.ops->map(&m, MIB, false);
	m.ops->populate(&m);
	space = m.fd;
	own = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!buf || own == MAP_FAILED)
		fail("no memory");
	madvise(own, MIB, MADV_NOHUGEPAGE);
	memset(own, 1, MIB);
	memset(buf, 1, MIB);
	for (unsigned int call = 0; call < ARRAY_SIZE(calls); call++)
		for (unsigned int size = 0; size < ARRAY_SIZE(sizes); size++)
			bench_one(call, size, buf);
	bench_get_info("paths", space);
	m.ops->end(&m);
}
