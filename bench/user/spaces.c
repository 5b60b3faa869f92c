// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a space costs its owner by the descriptor: its life, what it is asked, a page of it at a
 * time, its memory. Where many CPUs are possible, none of that may cost more.
 */
#include "bench.h"

#include <axas/axas.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define MANY	4000	/* spaces, so that what the kernel keeps at hand does not show */

static int dev;

static int new_space(void)
{
	struct axas_create create = { .size = sizeof(create) };

	return must(dev, AXAS_CREATE, &create, "AXAS_CREATE");
}

static void bench_life(void)
{
	struct bench life = bench_new("spaces", "create_drop");

	while (bench_more(&life, SAMPLES / 4)) {
		bench_begin(&life);
		close(new_space());
		bench_end(&life, 1);
	}
	bench_report(&life);
}

static void bench_info(int fd)
{
	struct bench get = bench_new("spaces", "get_info");
	struct axas_info info = { .size = sizeof(info) };

	while (bench_more(&get, SAMPLES / 4)) {
		bench_begin(&get);
		must(fd, AXAS_GET_INFO, &info, "AXAS_GET_INFO");
		bench_end(&get, 1);
	}
	bench_report(&get);
}

/* One page that was touched, in the middle of 64 MiB. */
static void bench_page(int fd)
{
	struct bench protect = bench_new("spaces", "protect_page");
	struct bench unmap = bench_new("spaces", "unmap_page");
	struct axas_map_alloc map = {
		.size = sizeof(map), .gpa = TEST_GPA, .length = 64 * MIB, .prot = AXAS_PROT_MASK
	};
	struct axas_range all = { .size = sizeof(all), .gpa = TEST_GPA, .length = 64 * MIB };
	struct axas_fault fault = {
		.size = sizeof(fault), .gpa = TEST_GPA + 33 * MIB, .access = AXAS_PROT_WRITE
	};
	struct axas_protect read_only = {
		.size = sizeof(read_only), .gpa = fault.gpa, .length = PAGE, .prot = AXAS_PROT_READ
	};
	struct axas_range page = { .size = sizeof(page), .gpa = fault.gpa, .length = PAGE };

	map.flags = AXAS_MAP_HUGE_NEVER;
	protect.sleeps = true;
	unmap.sleeps = true;
	while (bench_more(&unmap, SAMPLES)) {
		must(fd, AXAS_MAP_ALLOC, &map, "AXAS_MAP_ALLOC");
		must(fd, AXAS_FAULT, &fault, "AXAS_FAULT");
		bench_begin(&protect);
		must(fd, AXAS_PROTECT, &read_only, "AXAS_PROTECT");
		bench_end(&protect, 1);
		bench_begin(&unmap);
		must(fd, AXAS_UNMAP, &page, "AXAS_UNMAP");
		bench_end(&unmap, 1);
		must(fd, AXAS_UNMAP, &all, "AXAS_UNMAP");
	}
	bench_report(&protect);
	bench_report(&unmap);
}

/* When all that was given back before is there again: some of it waits for grace periods. */
static u64 free_bytes(void)
{
	unsigned long long kib;
	char line[128];
	FILE *file;

	sleep(2);
	file = fopen("/proc/meminfo", "r");
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "MemFree: %llu", &kib) == 1) {
			fclose(file);
			return kib * 1024;
		}
	}
	fail("/proc/meminfo");
}

/* All that is allocated for an empty space: its root, its descriptor, whatever there is. */
static void bench_memory(void)
{
	struct rlimit files = { MANY + 64, MANY + 64 };
	static int fds[MANY];
	u64 before;

	if (setrlimit(RLIMIT_NOFILE, &files))
		fail("RLIMIT_NOFILE: %s", strerror(errno));
	/* Not part of them: the table of descriptors, and what is allocated but once. */
	close(fcntl(dev, F_DUPFD_CLOEXEC, MANY + 60));
	close(new_space());
	before = free_bytes();
	for (unsigned int i = 0; i < MANY; i++)
		fds[i] = new_space();
	bench_figure("spaces", "memory", (double)(before - free_bytes()) / MANY);
	for (unsigned int i = 0; i < MANY; i++)
		close(fds[i]);
}

void bench_spaces(void)
{
	int fd;

	dev = open("/dev/axas", O_RDWR | O_CLOEXEC);
	if (dev < 0)
		fail("/dev/axas: %s", strerror(errno));
	fd = new_space();
	bench_life();
	bench_info(fd);
	bench_page(fd);
	bench_memory();
	close(fd);
	close(dev);
}
