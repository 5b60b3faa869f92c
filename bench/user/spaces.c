// SPDX-License-Identifier: GPL-2.0-only
/*
 * Costs of a space through its descriptor: creation, queries, operations on single pages,
 * memory. None of them may grow with the number of possible CPUs.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <libaxas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define MANY	4000	/* spaces, so that the kernel's caches do not matter */

static int dev;

static int new_space(void)
{
	return must(axas_create(dev, NULL), "AXAS_CREATE");
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

/* One touched page in the middle of 64 MiB. */
static void bench_page(int fd)
{
	struct bench protect = bench_new("spaces", "protect_page");
	struct bench unmap = bench_new("spaces", "unmap_page");
	const u64 page = TEST_GPA + 33 * MIB;

	protect.sleeps = true;
	unmap.sleeps = true;
	while (bench_more(&unmap, SAMPLES)) {
		must(axas_map_alloc(fd, TEST_GPA, 64 * MIB, AXAS_PROT_MASK, AXAS_MAP_HUGE_NEVER),
		     "AXAS_MAP_ALLOC");
		must(axas_fault(fd, page, AXAS_PROT_WRITE, NULL), "AXAS_FAULT");
		bench_begin(&protect);
		must(axas_protect(fd, page, PAGE, AXAS_PROT_READ), "AXAS_PROTECT");
		bench_end(&protect, 1);
		bench_begin(&unmap);
		must(axas_unmap(fd, page, PAGE), "AXAS_UNMAP");
		bench_end(&unmap, 1);
		must(axas_unmap(fd, TEST_GPA, 64 * MIB), "AXAS_UNMAP");
	}
	bench_report(&protect);
	bench_report(&unmap);
}

/* MemFree, after waiting for frees that are deferred to grace periods. */
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

/* All memory of an empty space: its root, its descriptor, everything else. */
static void bench_memory(void)
{
	struct rlimit files = { MANY + 64, MANY + 64 };
	static int fds[MANY];
	u64 before;

	if (setrlimit(RLIMIT_NOFILE, &files))
		fail("RLIMIT_NOFILE: %s", strerror(errno));
	/* Allocate the descriptor table and one-time allocations beforehand. */
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

	dev = must(axas_open(NULL), AXAS_DEV_PATH);
	fd = new_space();
	bench_life();
	bench_get_info("spaces", fd);
	bench_page(fd);
	bench_memory();
	close(fd);
	close(dev);
}
