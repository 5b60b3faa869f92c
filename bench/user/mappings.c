// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host mappings of guest memory: faults of the VMM on a space's mapping, compared with those on a
 * memfd and on anonymous memory.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <libaxas.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BYTES		(2 * MIB)

/**
 * struct memory - memory that can be mapped
 * @name: part of the rows' names
 * @make: create it, untouched; return a descriptor or -1 for anonymous memory
 * @offset: where in the descriptor it begins
 */
struct memory {
	const char *name;
	int (*make)(void);
	off_t offset;
};

static int make_space(u32 flags)
{
	struct axas_create create = { .flags = flags };
	int fd = must(axas_open_space(NULL, &create), "AXAS_CREATE");

	must(axas_map_alloc(fd, TEST_GPA, BYTES, AXAS_PROT_READ | AXAS_PROT_WRITE,
			    AXAS_MAP_HUGE_NEVER), "AXAS_MAP_ALLOC");
	return fd;
}

static int make_watched(void)
{
	return make_space(0);
}

static int make_pinnable(void)
{
	return make_space(AXAS_CREATE_PINNABLE);
}

static int make_memfd(void)
{
	int fd = memfd_create("bench", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, BYTES))
		fail("memfd: %s", strerror(errno));
	return fd;
}

static int make_anonymous(void)
{
	return -1;
}

static const struct memory memories[] = {
	{ "axas", make_watched, TEST_GPA },
	{ "axas_pinnable", make_pinnable, TEST_GPA },
	{ "memfd", make_memfd, 0 },
	{ "anonymous", make_anonymous, 0 },
};

static u8 *map(const struct memory *memory, int fd)
{
	void *p = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
		       fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, memory->offset);

	if (p == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	madvise(p, BYTES, MADV_NOHUGEPAGE);
	return p;
}

static void touch(u8 *p)
{
	__atomic_store_n(p, 1, __ATOMIC_RELAXED);
}

static void look(const u8 *p)
{
	(void)__atomic_load_n(p, __ATOMIC_RELAXED);
}

/* Give all pages frames, and the page table of @p its tables. */
static void fill(u8 *p)
{
	for (u64 i = 0; i < BYTES; i += PAGE)
		touch(p + i);
}

/* Untouched memory: the first write to each page. */
static void first_touch(const struct memory *memory)
{
	struct bench b = bench_new("mapping.first_touch", memory->name);

	while (bench_more(&b, SAMPLES / 4)) {
		int fd = memory->make();
		u8 *p = map(memory, fd);

		touch(p);
		bench_begin(&b);
		for (u64 i = PAGE; i < BYTES / 8; i += PAGE)
			touch(p + i);
		bench_end(&b, BYTES / 8 / PAGE - 1);
		munmap(p, BYTES);
		if (fd >= 0)
			close(fd);
	}
	bench_report(&b);
}

/* Pages that have frames, mapped again. */
static void present(const struct memory *memory, bool write)
{
	struct bench b = bench_new(write ? "mapping.write_present" : "mapping.read_present",
				   memory->name);
	int fd = memory->make();

	if (fd < 0)
		return;
	while (bench_more(&b, SAMPLES / 4)) {
		u8 *p = map(memory, fd);

		fill(p);
		madvise(p, BYTES, MADV_DONTNEED);
		bench_begin(&b);
		for (u64 i = 0; i < BYTES; i += PAGE) {
			if (write)
				touch(p + i);
			else
				look(p + i);
		}
		bench_end(&b, BYTES / PAGE);
		munmap(p, BYTES);
	}
	close(fd);
	bench_report(&b);
}

void bench_mappings(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(memories); i++) {
		first_touch(&memories[i]);
		present(&memories[i], true);
		present(&memories[i], false);
	}
}
