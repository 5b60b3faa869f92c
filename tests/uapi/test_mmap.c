// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host mappings of guest memory: contents, permissions, SIGBUS, and what removals leave of them,
 * watched and pinnable, with frames of 4 KiB and of 2 MiB.
 */
#include "uapi.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define AREA	(16 * MIB)

static void same_memory(int fd)
{
	u8 buf[64], *p = map_rw(fd, AREA, 64 * PAGE);

	for (int i = 0; i < 64; i++) {
		p[i * PAGE + i] = i;
		expect_eq(axas_read(fd, AREA + i * PAGE + i, buf, 1), 1);
		expect_eq(buf[0], i);
		buf[0] = i + 1;
		expect_eq(axas_write(fd, AREA + i * PAGE + i, buf, 1), 1);
		expect_eq(p[i * PAGE + i], i + 1);
	}
	expect_eq(info(fd).frames, 64);
}

static void test_same_memory(void)
{
	for (int pinnable = 0; pinnable < 2; pinnable++) {
		int fd = new_kind(pinnable);

		expect_ok(axas_map_alloc(fd, AREA, 64 * PAGE, RW, 0));
		same_memory(fd);
		/* the mapping keeps the space */
		close(fd);
	}
}

static void test_reads_zero(void)
{
	for (int pinnable = 0; pinnable < 2; pinnable++) {
		int fd = new_kind(pinnable);
		u8 *p;

		expect_ok(axas_map_alloc(fd, AREA, 16 * PAGE, RW, 0));
		p = map_rw(fd, AREA, 16 * PAGE);
		for (int i = 0; i < 16; i++)
			expect_eq(p[i * PAGE], 0);
		for (int i = 0; i < 16; i++)
			p[i * PAGE] = 1;
		expect_eq(info(fd).frames, 16);
	}
}

/* Pages that have frames are mapped together. */
static void test_around(void)
{
	struct rusage before, after;
	int fd = new_space();
	u8 *p;

	expect_ok(axas_map_alloc(fd, AREA, 2 * MIB, RW, AXAS_MAP_POPULATE | AXAS_MAP_HUGE_NEVER));
	p = map_rw(fd, AREA, 2 * MIB);
	expect_libc(getrusage(RUSAGE_SELF, &before));
	for (int i = 0; i < 512; i++)
		expect_eq(p[i * PAGE], 0);
	expect_libc(getrusage(RUSAGE_SELF, &after));
	note("512 pages: %ld faults", after.ru_minflt - before.ru_minflt);
	expect(after.ru_minflt - before.ru_minflt < 100);
}

static void test_refused(void)
{
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, PAGE, RWX, 0));
	expect(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, AREA) == MAP_FAILED);
	expect_eq(errno, EINVAL);
	expect(mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, AREA) == MAP_FAILED);
	expect_eq(errno, EPERM);
	expect(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, space_end(fd)) == MAP_FAILED);
	expect_eq(errno, EINVAL);
	expect_eq(mprotect(map_rw(fd, AREA, PAGE), PAGE, PROT_READ | PROT_EXEC), -1);
	expect_eq(errno, EACCES);
}

static void test_bus(void)
{
	struct window w = window();

	catch_bus();
	for (int pinnable = 0; pinnable < 2; pinnable++) {
		int fd = new_kind(pinnable);
		u8 *p;

		expect_ok(axas_map_alloc(fd, AREA, PAGE, RO, 0));
		expect_ok(axas_map_linear(fd, AREA + 2 * PAGE, w.hpa, PAGE, RW, AXAS_TYPE_NORMAL));
		p = map_rw(fd, AREA, 4 * PAGE);
		expect_eq(write_signal(p, 1), SIGBUS);
		/* a pinnable page would be writable */
		expect_eq(read_signal(p), pinnable ? SIGBUS : 0);
		expect_eq(read_signal(map_at(fd, AREA, PAGE, PROT_READ)), 0);
		expect_eq(read_signal(p + PAGE), SIGBUS);
		expect_eq(read_signal(p + 2 * PAGE), SIGBUS);
		expect_eq(write_signal(p + 3 * PAGE, 1), SIGBUS);
		/* an area that comes later */
		expect_ok(axas_map_alloc(fd, AREA + 3 * PAGE, PAGE, RW, 0));
		expect_eq(write_signal(p + 3 * PAGE, 1), 0);
	}
}

static void test_limit(void)
{
	struct axas_create c = { .format = test_format, .max_frames = 2 };
	int fd = axas_open_space(NULL, &c);
	u8 *p;

	catch_bus();
	expect(fd >= 0);
	expect_ok(axas_map_alloc(fd, AREA, 4 * PAGE, RW, 0));
	p = map_rw(fd, AREA, 4 * PAGE);
	expect_eq(write_signal(p, 1), 0);
	expect_eq(write_signal(p + PAGE, 1), 0);
	expect_eq(write_signal(p + 2 * PAGE, 1), SIGBUS);
	expect_eq(info(fd).frames, 2);
}

/* After each removal the mapping shows what the space holds. */
static void removals(int fd, u32 flags)
{
	u64 len = 4 * MIB, punched = AREA + 3 * PAGE;
	u8 *p, byte = 9;

	expect_ok(axas_map_alloc(fd, AREA, len, RW, flags));
	p = map_rw(fd, AREA, len);
	memset(p, 5, len);
	expect_ok(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, punched, PAGE));
	expect_eq(p[3 * PAGE], 0);
	expect_eq(p[2 * PAGE], 5);
	expect_eq(p[4 * PAGE], 5);
	p[3 * PAGE] = 6;
	expect_eq(axas_read(fd, punched, &byte, 1), 1);
	expect_eq(byte, 6);
	expect_ok(madvise(p + 5 * PAGE, PAGE, MADV_REMOVE));
	expect_eq(p[5 * PAGE], 0);
	expect_ok(axas_protect(fd, AREA + 2 * MIB, PAGE, RO));
	expect_eq(write_signal(p + 2 * MIB, 1), SIGBUS);
	expect_eq(write_signal(p + 2 * MIB + PAGE, 7), 0);
	expect_ok(axas_protect(fd, AREA + 2 * MIB, PAGE, RW));
	expect_eq(p[2 * MIB], 5);
	expect_eq(write_signal(p + 2 * MIB, 1), 0);
	expect_ok(axas_unmap(fd, AREA + 2 * MIB, PAGE));
	expect_eq(read_signal(p + 2 * MIB), SIGBUS);
	expect_eq(p[2 * MIB + PAGE], 7);
	expect_ok(axas_map_alloc(fd, AREA + 2 * MIB, PAGE, RW, flags));
	expect_eq(p[2 * MIB], 0);
	expect_ok(axas_clear(fd));
	expect_eq(read_signal(p), SIGBUS);
	expect_eq(read_signal(p + len - 1), SIGBUS);
	expect_eq(info(fd).frames, 0);
	expect_libc(munmap(p, len));
}

static void test_removals(void)
{
	static const u32 flags[] = {
		0, AXAS_MAP_POPULATE, AXAS_MAP_HUGE_ALWAYS, AXAS_MAP_HUGE_NEVER,
		AXAS_MAP_HUGE_WHOLE, AXAS_MAP_HUGE_WHOLE | AXAS_MAP_POPULATE, AXAS_MAP_AROUND(4),
	};

	catch_bus();
	for (unsigned int i = 0; i < ARRAY_SIZE(flags); i++)
		for (int pinnable = 0; pinnable < 2; pinnable++) {
			snprintf(test_context, sizeof(test_context), "flags 0x%x, %s: ", flags[i],
				 pinnable ? "pinnable" : "watched");
			removals(new_kind(pinnable), flags[i]);
		}
}

static long smaps(const void *p, const char *key)
{
	char line[256], name[64];
	unsigned long first, last;
	bool here = false;
	FILE *f = fopen("/proc/self/smaps", "re");
	long kib = -1, n;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &first, &last) == 2)
			here = (uintptr_t)p >= first && (uintptr_t)p < last;
		else if (here && sscanf(line, "%63[^:]: %ld", name, &n) == 2 && !strcmp(name, key))
			kib = n;
	}
	if (f)
		fclose(f);
	return kib;
}

/* A mapping that can have PMDs: the kernel aligns those of 64-bit programs alone. */
static u8 *map_aligned(int fd, u64 gpa, u64 len)
{
	u8 *room = mmap(NULL, len + 2 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *p;

	expect(room != MAP_FAILED);
	if (sizeof(void *) == 8)
		expect_eq((uintptr_t)map_rw(fd, gpa, len) % (2 * MIB), 0);
	p = (u8 *)(((uintptr_t)room + 2 * MIB - 1) & ~(uintptr_t)(2 * MIB - 1));
	p = mmap(p, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, gpa);
	expect(p != MAP_FAILED);
	return p;
}

/* One PMD of the host maps a compound frame. */
static void test_whole(void)
{
	u64 len = 8 * MIB;

	for (int pinnable = 0; pinnable < 2; pinnable++) {
		struct rusage before, after;
		int fd = new_kind(pinnable);
		u8 *p;

		expect_ok(axas_map_alloc(fd, AREA, len, RW, AXAS_MAP_HUGE_WHOLE));
		p = map_aligned(fd, AREA, len);
		expect_libc(getrusage(RUSAGE_SELF, &before));
		memset(p, 3, len);
		expect_libc(getrusage(RUSAGE_SELF, &after));
		if (info(fd).leaves[1] != 4)
			skip("no 2 MiB frames");
		note("8 MiB: %ld faults, %ld KiB by PMDs", after.ru_minflt - before.ru_minflt,
		     smaps(p, "FilePmdMapped"));
		expect_eq(smaps(p, "FilePmdMapped"), len / 1024);
		expect(after.ru_minflt - before.ru_minflt <= 16);
		/* a piece goes: the others stay, by 4 KiB */
		expect_ok(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				    AREA + 7 * PAGE, PAGE));
		expect_eq(p[8 * PAGE], 3);
		expect_eq(p[7 * PAGE], 0);
		expect_eq(smaps(p, "FilePmdMapped"), len / 1024 - 2048);
		p[7 * PAGE] = 4;
		expect_eq(p[6 * PAGE], 3);
	}
}

/*
 * Memory of a compound frame is free when its last piece is: as much as the machine has can be
 * mapped and unmapped. (MemFree does not count the free frames that each CPU keeps.)
 */
static void test_whole_is_freed(void)
{
	u64 len = 64 * MIB;
	int rounds = meminfo("MemTotal") / (len / 1024) + 1;
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, len, RW, AXAS_MAP_HUGE_WHOLE));
	for (int i = 0; i < rounds; i++) {
		expect_ok(populate(fd, AREA, len));
		if (!i && info(fd).leaves[1] != 32)
			skip("no 2 MiB frames");
		expect_eq(info(fd).leaves[1], 32);
		for (u64 at = 0; at < len; at += 2 * MIB) {
			expect_ok(axas_unmap(fd, AREA + at + PAGE, 2 * MIB - PAGE));
			expect_ok(axas_unmap(fd, AREA + at, PAGE));
		}
		expect_eq(info(fd).frames, 0);
		expect_ok(axas_map_alloc(fd, AREA, len, RW, AXAS_MAP_HUGE_WHOLE));
	}
}

static void child_writes(void *arg)
{
	u8 *p = arg;

	expect_eq(p[0], 1);
	p[PAGE] = 2;
}

static void test_fork(void)
{
	int fd = new_space();
	u8 *p;

	expect_ok(axas_map_alloc(fd, AREA, 4 * PAGE, RW, 0));
	p = map_rw(fd, AREA, 4 * PAGE);
	p[0] = 1;
	in_child(child_writes, p);
	expect_eq(p[PAGE], 2);
}

static void unmapped_for_the_child(void *arg)
{
	u8 *p = arg;

	catch_bus();
	usleep(200000);
	expect_eq(read_signal(p), SIGBUS);
}

static void *unmap_later(void *arg)
{
	usleep(50000);
	expect_ok(axas_unmap((intptr_t)arg, AREA, PAGE));
	return NULL;
}

static void test_fork_removal(void)
{
	pthread_t thread;
	int fd = new_space();
	u8 *p;

	expect_ok(axas_map_alloc(fd, AREA, 4 * PAGE, RW, 0));
	p = map_rw(fd, AREA, 4 * PAGE);
	p[0] = 1;
	expect_ok(pthread_create(&thread, NULL, unmap_later, (void *)(intptr_t)fd));
	in_child(unmapped_for_the_child, p);
	pthread_join(thread, NULL);
	catch_bus();
	expect_eq(read_signal(p), SIGBUS);
}

static void test_calls(void)
{
	int fd = new_space();
	u8 *p, vec[8], *to = mmap(NULL, 64 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	expect(to != MAP_FAILED);
	expect_ok(axas_map_alloc(fd, AREA, 8 * PAGE, RW, 0));
	p = map_rw(fd, AREA, 8 * PAGE);
	memset(p, 1, 8 * PAGE);
	expect_ok(msync(p, 8 * PAGE, MS_SYNC));
	expect_ok(mincore(p, 8 * PAGE, vec));
	expect_ok(mlock(p, 8 * PAGE));
	expect_ok(munlock(p, 8 * PAGE));
	expect_ok(madvise(p, 8 * PAGE, MADV_DONTNEED));
	expect_eq(p[3 * PAGE], 1);
	expect_ok(madvise(p, 8 * PAGE, MADV_WILLNEED));
	expect_ok(madvise(p, 8 * PAGE, MADV_COLD));
	expect_ok(madvise(p, 8 * PAGE, MADV_PAGEOUT));
	expect_ok(madvise(p, 8 * PAGE, MADV_POPULATE_WRITE));
	expect_eq(p[7 * PAGE], 1);
	p = mremap(p, 8 * PAGE, 4 * PAGE, 0);
	expect(p != MAP_FAILED);
	p = mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	expect(p != MAP_FAILED);
	expect_eq(p[0], 1);
	expect(mremap(p, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED);
	expect_eq(errno, EFAULT);
	expect_ok(mprotect(p, PAGE, PROT_READ));
	catch_bus();
	expect_eq(write_signal(p, 1), SIGSEGV);
	expect_ok(mprotect(p, PAGE, PROT_READ | PROT_WRITE));
	expect_eq(write_signal(p, 2), 0);
	expect_ok(munmap(p + PAGE, PAGE));
	expect_eq(p[2 * PAGE], 1);
}

static void test_pinnable_stays_readable(void)
{
	int fd = new_kind(true);
	u8 *p;

	expect_ok(axas_map_alloc(fd, AREA, PAGE, RO, 0));
	p = map_at(fd, AREA, PAGE, PROT_READ);
	expect_eq(p[0], 0);
	expect_eq(mprotect(p, PAGE, PROT_READ | PROT_WRITE), -1);
	expect_eq(errno, EACCES);
}

static void test_own_mapping(void)
{
	int fd = new_space();
	u8 *p;

	/* pread and pwrite whose buffer is guest memory, of this very space */
	expect_ok(axas_map_alloc(fd, AREA, 2 * MIB, RW, 0));
	p = map_rw(fd, AREA, 2 * MIB);
	memset(p, 4, MIB);
	expect_eq(axas_write(fd, AREA + MIB, p, MIB), MIB);
	expect_eq(p[2 * MIB - 1], 4);
	expect_eq(axas_read(fd, AREA + 5, p + MIB, 3 * PAGE), 3 * PAGE);
	expect_eq(axas_read(fd, AREA, p + 1, MIB), MIB);
}

static const struct test tests[] = {
	{ "a mapping and pread() see the same memory", test_same_memory },
	{ "untouched memory reads as zeroes", test_reads_zero },
	{ "pages that have frames are mapped together", test_around },
	{ "R12 private, executable and outlying mappings are refused", test_refused },
	{ "R12 holes, protection and linear memory are SIGBUS", test_bus },
	{ "a limit of frames is SIGBUS", test_limit },
	{ "after a removal a mapping shows the new truth", test_removals },
	{ "a compound frame is mapped by one PMD, its pieces are not", test_whole },
	{ "a compound frame is freed with its last piece", test_whole_is_freed },
	{ "a mapping is inherited by fork()", test_fork },
	{ "a removal zaps an inherited mapping, too", test_fork_removal },
	{ "system calls on a mapping", test_calls },
	{ "a read-only pinnable mapping stays so", test_pinnable_stays_readable },
	{ "pread() and pwrite() with guest memory as their buffer", test_own_mapping },
};

const struct suite suite_mmap = { "mmap", tests, ARRAY_SIZE(tests), true };
