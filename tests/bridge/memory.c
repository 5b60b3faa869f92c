// SPDX-License-Identifier: GPL-2.0-only
/*
 * A space with memory of the kind under test, and its mapping; the disk; patterns. Calls libaxas
 * and libc.
 */
#include "bridge.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE	(2 * MIB)

/* Address space for @bytes, aligned to 2 MiB. */
static void *room(u64 bytes)
{
	char *at = mmap(NULL, bytes + HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			-1, 0);

	if (at == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	return (void *)(((uintptr_t)at + HUGE - 1) & ~(HUGE - 1));
}

volatile u64 *map_again(const struct memory *m, int prot)
{
	void *at = mmap(room(m->bytes), m->bytes, prot, MAP_SHARED | MAP_FIXED, m->fd, 0);

	if (at == MAP_FAILED)
		fail("mmap of a space: %s", strerror(errno));
	return at;
}

bool reads_what_is_read_only(void)
{
	return !(kind->create_flags & AXAS_CREATE_PINNABLE);
}

struct memory new_memory(u64 bytes)
{
	struct axas_create create = { .flags = kind->create_flags };
	struct memory m = { .bytes = bytes, .fd = axas_open_space(NULL, &create) };

	if (m.fd < 0)
		fail("no space: %s", strerror(-m.fd));
	expect_ok(axas_map_alloc(m.fd, 0, bytes, RWX, kind->map_flags));
	m.at = map_again(&m, PROT_READ | PROT_WRITE);
	return m;
}

struct memory clone_of(int image, u64 bytes)
{
	struct memory m = { .bytes = bytes };

	expect_ok(axas_clone(image, kind->create_flags, 0, &m.fd, 1));
	m.at = map_again(&m, PROT_READ | PROT_WRITE);
	return m;
}

volatile u64 *word(const struct memory *m, u64 gpa)
{
	return m->at + gpa / sizeof(u64);
}

u64 read_word(const struct memory *m, u64 gpa)
{
	u64 val;

	expect_eq(axas_read(m->fd, gpa, &val, sizeof(val)), (int)sizeof(val));
	return val;
}

void write_word(const struct memory *m, u64 gpa, u64 val)
{
	expect_eq(axas_write(m->fd, gpa, &val, sizeof(val)), (int)sizeof(val));
}

int discard(const struct memory *m, u64 gpa, u64 length)
{
	return fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, gpa, length) ?
	       -errno : 0;
}

static struct axas_info info(const struct memory *m)
{
	struct axas_info info;

	expect_ok(axas_get_info(m->fd, &info));
	return info;
}

u64 frames_of(const struct memory *m)
{
	return info(m).frames;
}

u64 faults_of(const struct memory *m)
{
	struct axas_info now = info(m);

	return now.faults[AXAS_FAULT_FIXED] + now.faults[AXAS_FAULT_SPURIOUS];
}

unsigned int rounds(void)
{
	const char *env = getenv("AXAS_ROUNDS");

	return env ? strtoul(env, NULL, 0) : 1000;
}

int open_disk(void)
{
	int fd = open(DISK, O_RDWR | O_DIRECT | O_CLOEXEC);

	if (fd < 0)
		fail(DISK ": %s", strerror(errno));
	return fd;
}

void *buffer(u64 bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	return at;
}

/* The word at an offset depends on both, and is never 0. */
static u64 pattern(u64 seed, u64 i)
{
	return (seed << 32 | i) * 0x9e3779b97f4a7c15ull | 1;
}

void fill_pattern(volatile u64 *to, u64 bytes, u64 seed)
{
	for (u64 i = 0; i < bytes / sizeof(u64); i++)
		to[i] = pattern(seed, i);
}

bool has_pattern(const volatile u64 *from, u64 bytes, u64 seed)
{
	for (u64 i = 0; i < bytes / sizeof(u64); i++) {
		if (from[i] != pattern(seed, i)) {
			note("word %llu is %#llx, not %#llx", i, from[i], pattern(seed, i));
			return false;
		}
	}
	return true;
}
