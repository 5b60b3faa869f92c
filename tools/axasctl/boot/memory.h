/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The RAM: declarations of memory.c. Included by boot.h.
 */
#ifndef AXASCTL_BOOT_MEMORY_H
#define AXASCTL_BOOT_MEMORY_H

#include <pthread.h>

#include "../axasctl.h"

struct machine;

#define RAM_RANGES	2

/**
 * struct memory - the RAM
 * @range: its addresses
 * @nr: how many of them
 * @file: what it begins with, or what is supplied, or -1
 * @stop_fd: an eventfd: the threads shall end
 * @server: brings missing pages, valid if @serves
 * @serves: the thread has been created
 * @logger: collects the dirty log, valid if @logs
 * @logs: the thread has been created
 * @lost: -errno for which @server has given up, or 0
 * @blocks: that @server has brought
 * @rounds: that @logger has made
 * @logged: pages that it found written, in all rounds
 */
struct memory {
	struct axas_extent range[RAM_RANGES];
	u32 nr;
	int file;
	int stop_fd;
	pthread_t server;
	bool serves;
	pthread_t logger;
	bool logs;
	int lost;
	u64 blocks;
	u64 rounds;
	u64 logged;
};

#define MEM_MIN		0x4000000ull
#define MEM_MAX		0x10000000000ull
#define MEM_UNIT	0x200000ull

/* A machine may have so many bytes of RAM. */
static inline bool memory_can_be(u64 bytes)
{
	return bytes >= MEM_MIN && bytes <= MEM_MAX && bytes % MEM_UNIT == 0;
}

/* memory.c: 0, or -errno with what failed. The caller calls memory_free(), also after an error. */
int memory_map(struct machine *m, const char **what);
void memory_free(struct machine *m);
void memory_wait(struct machine *m, u64 gpa);
/* A device's access, which waits for memory that is protected or missing: 0 or -errno. */
int memory_read(struct machine *m, u64 gpa, void *buf, size_t len);
int memory_write(struct machine *m, u64 gpa, const void *buf, size_t len);

#endif /* AXASCTL_BOOT_MEMORY_H */
