// SPDX-License-Identifier: GPL-2.0-only
/*
 * The RAM: how it is mapped, a thread that brings missing pages from a file, and one that collects
 * the dirty log. Calls arch_ram() and libaxas.
 *
 * Locks: none; the threads have their own members of struct memory.
 */
#include "boot.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Supplied at once: a naturally aligned block. */
#define BLOCK		0x10000ull
#define LOG_MS		100
#define SOME		64

/* Of address @gpa of the RAM. */
static u64 file_offset(const struct memory *mem, u64 gpa)
{
	u64 before = 0;

	for (u32 i = 0; i < mem->nr; i++) {
		if (gpa - mem->range[i].gpa < mem->range[i].length)
			return before + gpa - mem->range[i].gpa;
		before += mem->range[i].length;
	}
	return before;
}

/* What is behind the end of the file is zero. */
static ssize_t read_block(int file, u64 offset, u8 *buf)
{
	size_t len = 0;
	ssize_t n = 0;

	memset(buf, 0, BLOCK);
	while (len < BLOCK) {
		n = pread(file, buf + len, BLOCK - len, offset + len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += n;
	}
	return n < 0 ? -errno : (ssize_t)len;
}

/* Pages of the block that are there already stay as they are. */
static int supply_block(struct machine *m, u64 gpa)
{
	struct memory *mem = &m->memory;
	u64 block = gpa & ~(BLOCK - 1);
	u8 buf[BLOCK];
	ssize_t n = read_block(mem->file, file_offset(mem, block), buf);

	if (n < 0)
		return n;
	mem->blocks++;
	return axas_supply(m->space, block, n ? buf : NULL, BLOCK, AXAS_SUPPLY_SKIP, NULL);
}

static int supply_missing(struct machine *m)
{
	__u64 gpas[SOME];
	int nr, err = 0;

	do {
		nr = axas_get_missing(m->space, 0, gpas, SOME, NULL);
		for (int i = 0; i < nr && !err; i++)
			err = supply_block(m, gpas[i]);
	} while (nr > 0 && !err);
	return nr < 0 ? nr : err;
}

/* Without the RAM, accesses that wait for its pages fail: nobody brings them any more. */
static void unmap_all(const struct machine *m)
{
	for (u32 i = 0; i < m->memory.nr; i++)
		axas_unmap(m->space, m->memory.range[i].gpa, m->memory.range[i].length);
}

/* Without the machine's lock: who has it may wait for a page. */
static void give_up(struct machine *m, int err)
{
	m->memory.lost = err;
	machine_end(m, FAILED);
	unmap_all(m);
}

static void *serve(void *arg)
{
	struct machine *m = arg;
	struct pollfd fds[2] = {
		{ .fd = m->space, .events = POLLPRI },
		{ .fd = m->memory.stop_fd, .events = POLLIN },
	};
	int err = 0;

	while (!err && !fds[1].revents)
		if (poll(fds, 2, -1) > 0 && fds[0].revents)
			err = supply_missing(m);
	if (err)
		give_up(m, err);
	return NULL;
}

/* An access of our own waits until the page is there, whoever brings it. */
void memory_wait(struct machine *m, u64 gpa)
{
	u8 byte;

	axas_read(m->space, gpa, &byte, sizeof(byte));
}

/* Whether an access that failed is to be made again: another process may lift the protection. */
static bool waits(struct machine *m, int err)
{
	if (err != -EACCES || machine_stopping(m))
		return false;
	usleep(DENIED_WAIT_US);
	return true;
}

int memory_read(struct machine *m, u64 gpa, void *buf, size_t len)
{
	int err;

	do
		err = axas_read_all(m->space, gpa, buf, len, NULL);
	while (waits(m, err));
	return err;
}

int memory_write(struct machine *m, u64 gpa, const void *buf, size_t len)
{
	int err;

	do
		err = axas_write_all(m->space, gpa, buf, len, NULL);
	while (waits(m, err));
	return err;
}

/* Count what was written, and take it as not written. */
static int collect(struct machine *m, const struct axas_extent *range)
{
	struct axas_extent extents[SOME];
	__u64 at = range->gpa, epoch;
	int nr, err;

	while (at < range->gpa + range->length) {
		nr = axas_get_log_extents(m->space, &at, range->gpa + range->length - at, extents,
					  SOME, &epoch);
		err = nr > 0 ? axas_clear_log_extents(m->space, extents, nr, epoch) : nr;
		if (err)
			return err;
		for (int i = 0; i < nr; i++)
			m->memory.logged += extents[i].length / PAGE;
	}
	return 0;
}

/* As before a migration: again and again, and once more at the end. */
static void *keep_log(void *arg)
{
	struct machine *m = arg;
	struct pollfd stop = { .fd = m->memory.stop_fd, .events = POLLIN };
	int err = 0;

	while (!err) {
		poll(&stop, 1, LOG_MS);
		for (u32 i = 0; i < m->memory.nr && !err; i++)
			err = collect(m, &m->memory.range[i]);
		m->memory.rounds++;
		if (stop.revents)
			return NULL;
	}
	pthread_mutex_lock(&m->lock);
	machine_fail(m, err, "log", "the RAM");
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

static int map_range(const struct machine *m, const struct axas_extent *range)
{
	u32 flags = m->map_flags | (m->supply ? AXAS_MAP_MISSING : 0);

	if (m->ram_file)
		return axas_map_file(m->space, range->gpa, range->length, m->memory.file,
				     file_offset(&m->memory, range->gpa), AXAS_PROT_MASK, flags);
	return axas_map_alloc(m->space, range->gpa, range->length, AXAS_PROT_MASK, flags);
}

static int map_ranges(struct machine *m)
{
	int err = 0;

	if (m->from)
		return saved_map(&m->begin, 1, m->space);
	for (u32 i = 0; i < m->memory.nr && !err; i++)
		err = map_range(m, &m->memory.range[i]);
	return err;
}

static int open_file(struct machine *m)
{
	const char *path = m->ram_file ? m->ram_file : m->supply;

	if (path)
		m->memory.file = open(path, O_RDONLY | O_CLOEXEC);
	return path && m->memory.file < 0 ? -errno : 0;
}

static int start_threads(struct machine *m)
{
	struct memory *mem = &m->memory;
	int err = 0;

	if (m->supply)
		err = pthread_create(&mem->server, NULL, serve, m);
	mem->serves = m->supply && !err;
	if (m->log && !err)
		err = pthread_create(&mem->logger, NULL, keep_log, m);
	mem->logs = m->log && !err;
	return -err;
}

int memory_map(struct machine *m, const char **what)
{
	struct memory *mem = &m->memory;
	int err;

	mem->stop_fd = eventfd(0, EFD_CLOEXEC);
	mem->nr = arch_ram(m, mem->range);
	*what = m->ram_file ? m->ram_file : m->supply;
	err = open_file(m);
	*what = err ? *what : "map";
	err = err ? err : map_ranges(m);
	*what = err ? *what : "log";
	for (u32 i = 0; i < mem->nr && m->log && !err; i++)
		err = axas_start_log(m->space, mem->range[i].gpa, mem->range[i].length);
	*what = err ? *what : "thread";
	return err ? err : start_threads(m);
}

/* The vCPUs have stopped: none waits for a page. */
void memory_free(struct machine *m)
{
	struct memory *mem = &m->memory;
	u64 one = 1;

	if (mem->stop_fd < 0 || write(mem->stop_fd, &one, sizeof(one)) < 0)
		return;
	if (mem->serves) {
		pthread_join(mem->server, NULL);
		unmap_all(m);
	}
	if (mem->logs)
		pthread_join(mem->logger, NULL);
	if (mem->file >= 0)
		close(mem->file);
	close(mem->stop_fd);
	mem->stop_fd = -1;
	mem->file = -1;
}
