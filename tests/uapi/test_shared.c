// SPDX-License-Identifier: GPL-2.0-only
/*
 * MAP_SHARED: two spaces with one memory, what each of them may do alone, and each error.
 */
#include "uapi.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THERE		(16 * MIB)
#define HERE		(64 * MIB)
#define SIZE		(16 * PAGE)
#define STRESS_MS	1500

struct pair {
	int source;
	int space;
};

static struct pair new_pair(u32 prot)
{
	struct pair p = { new_space(), new_space() };

	expect_ok(axas_map_alloc(p.source, THERE, SIZE, RW, 0));
	expect_ok(axas_map_shared(p.space, HERE, SIZE, p.source, THERE, prot, 0));
	return p;
}

static void put(int fd, u64 gpa, u64 val)
{
	expect_eq(axas_write(fd, gpa, &val, sizeof(val)), (ssize_t)sizeof(val));
}

static u64 get(int fd, u64 gpa)
{
	u64 val;

	expect_eq(axas_read(fd, gpa, &val, sizeof(val)), (ssize_t)sizeof(val));
	return val;
}

static void expect_counts(const struct pair *p, u64 frames, u64 shared, u64 exported)
{
	expect_eq(info(p->source).frames, frames);
	expect_eq(info(p->source).exported, exported);
	expect_eq(info(p->space).shared, shared);
	expect_eq(info(p->space).frames, 0);
}

static void test_one_memory(void)
{
	struct pair p = new_pair(RW);
	struct axas_area_info area;
	u32 more;

	put(p.source, THERE + PAGE, 7);
	expect_eq(get(p.space, HERE + PAGE), 7);
	put(p.space, HERE + 2 * PAGE, 8);
	expect_eq(get(p.source, THERE + 2 * PAGE), 8);
	expect_counts(&p, 2, 2, 2);
	expect_eq(axas_fault(p.space, HERE, AXAS_PROT_WRITE, NULL), AXAS_FAULT_FIXED);
	expect_eq(areas_from(p.space, 0, &area, 1, &more), 1);
	expect_eq(area.backend, AXAS_BACKEND_SHARED);
	expect_eq(area.hpa, AXAS_HPA_NONE);
	expect_ok(populate(p.space, HERE, SIZE));
	expect_counts(&p, SIZE / PAGE, SIZE / PAGE, SIZE / PAGE);
}

static void test_mappings(void)
{
	struct pair p = new_pair(RW);
	u8 *there = map_rw(p.source, THERE, SIZE), *here = map_rw(p.space, HERE, SIZE);

	there[5] = 1;
	expect_eq(here[5], 1);
	here[PAGE] = 2;
	expect_eq(there[PAGE], 2);
	/* Each side zaps its own mappings, and no other. */
	expect_ok(axas_unmap(p.source, THERE, PAGE));
	expect_eq(here[5], 1);
	catch_bus();
	expect_eq(read_signal(there + 5), SIGBUS);
	expect_ok(punch(p.space, HERE + PAGE, PAGE));
	expect_eq(here[PAGE], 2);
	expect_ok(punch(p.source, THERE + PAGE, PAGE));
	expect_eq(there[PAGE], 0);
	expect_eq(here[PAGE], 2);
	expect_ok(axas_unmap(p.space, HERE, SIZE));
	expect_eq(read_signal(here + PAGE), SIGBUS);
	there[PAGE] = 3;
	expect_eq(get(p.source, THERE + PAGE), 3);
}

static void test_source_is_gone(void)
{
	struct pair p = new_pair(RW);
	u64 val;

	put(p.space, HERE, 7);
	close(p.source);
	expect_eq(get(p.space, HERE), 7);
	expect_eq(axas_fault(p.space, HERE + PAGE, RO, NULL), AXAS_FAULT_ERROR);
	expect_eq(axas_read(p.space, HERE + PAGE, &val, sizeof(val)), -EIO);
	catch_bus();
	expect_eq(read_signal(map_rw(p.space, HERE, SIZE) + PAGE), SIGBUS);
	expect_ok(axas_unmap(p.space, HERE, SIZE));
	expect_eq(info(p.space).shared, 0);
}

static void test_protection(void)
{
	struct pair p = new_pair(RO);

	expect_eq(axas_protect(p.space, HERE, SIZE, RW), -EACCES);
	expect_eq(axas_fault(p.space, HERE, AXAS_PROT_WRITE, NULL), AXAS_FAULT_DENIED);
	expect_ok(axas_clear(p.space));
	expect_ok(axas_map_shared(p.space, HERE, SIZE, p.source, THERE, RW, 0));
	put(p.space, HERE, 7);
	expect_ok(axas_protect(p.source, THERE, SIZE, RO));
	put(p.space, HERE, 8);
	expect_eq(axas_fault(p.space, HERE + PAGE, RO, NULL), AXAS_FAULT_DENIED);
	expect_eq(axas_map_shared(p.space, GIB, SIZE, p.source, THERE, RW, 0), -EACCES);
}

static void test_errors(void)
{
	struct pair p = new_pair(RW);
	struct axas_map_shared map = {
		.size = sizeof(map), .gpa = GIB, .length = SIZE, .source_gpa = THERE,
		.fd = p.source, .prot = RW,
	}, bad = map;
	int read_only = reopen(p.source, O_RDONLY);

	bad.source_gpa = THERE + 1;
	expect_refused(p.space, AXAS_MAP_SHARED, &bad, EINVAL, "a source that is not aligned");
	bad = map;
	bad.source_gpa = THERE + PAGE;
	expect_refused(p.space, AXAS_MAP_SHARED, &bad, EFAULT, "a source with a hole");
	bad = map;
	bad.fd = -1;
	expect_refused(p.space, AXAS_MAP_SHARED, &bad, EBADF, "no descriptor");
	bad.fd = read_only;
	expect_refused(p.space, AXAS_MAP_SHARED, &bad, EBADF, "a source open for reading");
	bad.fd = 0;
	expect_refused(p.space, AXAS_MAP_SHARED, &bad, EINVAL, "a source that is no space");
	bad = map;
	bad.prot = RWX;
	expect_refused(p.space, AXAS_MAP_SHARED, &bad, EACCES, "more than the source permits");
	bad = map;
	bad.gpa = HERE;
	expect_refused(p.space, AXAS_MAP_SHARED, &bad, EEXIST, "an area");
	bad = map;
	bad.flags = AXAS_MAP_POPULATE;
	expect_refused(p.space, AXAS_MAP_SHARED, &bad, EINVAL, "populate");
	bad = map;
	bad.fd = p.space;
	bad.source_gpa = HERE;
	expect_refused(p.source, AXAS_MAP_SHARED, &bad, EOPNOTSUPP, "a chain");
	expect_ok(axas_map_linear(p.source, GIB, window().hpa, SIZE, RW, AXAS_TYPE_NORMAL));
	bad = map;
	bad.source_gpa = GIB;
	expect_refused(p.space, AXAS_MAP_SHARED, &bad, EOPNOTSUPP, "linear memory");
}

static int freeze(int fd)
{
	int image = axas_freeze(fd);

	return image < 0 ? image : close(image);
}

/* Only as long as others share it, memory cannot be frozen. */
static void test_freeze(void)
{
	struct pair p = new_pair(RW);

	put(p.space, HERE, 7);
	expect_eq(freeze(p.source), -EOPNOTSUPP);
	expect_ok(axas_unmap(p.space, HERE, SIZE));
	expect_ok(freeze(p.source));
	expect_ok(axas_map_alloc(p.source, HERE, SIZE, RW, 0));
	expect_ok(axas_map_alloc(p.space, HERE, SIZE, RW, 0));
	expect_eq(axas_map_shared(p.space, HERE, SIZE, p.source, HERE, RW, 0), -EEXIST);
	expect_ok(freeze(p.source));
	expect_eq(get(p.source, THERE), 7);
}

static bool over;

static void *unmap_both(void *arg)
{
	struct pair *p = arg;

	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		expect_ok(axas_unmap(p->source, THERE, SIZE));
		expect_ok(axas_map_alloc(p->source, THERE, SIZE, RW, 0));
		expect_ok(axas_unmap(p->space, HERE, SIZE));
		expect_ok(axas_map_shared(p->space, HERE, SIZE, p->source, THERE, RW, 0));
	}
	return NULL;
}

/* Touch all that is there, in both, by mapping and by call, while it comes and goes. */
static void test_stress(void)
{
	struct pair p = new_pair(RW);
	u8 *there = map_rw(p.source, THERE, SIZE), *here = map_rw(p.space, HERE, SIZE);
	u64 end = now_ms() + STRESS_MS;
	pthread_t thread;

	catch_bus();
	over = false;
	expect_eq(pthread_create(&thread, NULL, unmap_both, &p), 0);
	while (now_ms() < end)
		for (u64 at = 0; at < SIZE; at += PAGE) {
			axas_fault(p.space, HERE + at, AXAS_PROT_WRITE, NULL);
			write_signal(here + at, 1);
			write_signal(there + at, 2);
			axas_fault(p.source, THERE + at, AXAS_PROT_WRITE, NULL);
		}
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	expect_ok(axas_clear(p.space));
	expect_ok(axas_clear(p.source));
	expect_counts(&p, 0, 0, 0);
}

/* A process that is killed while it touches leaves nothing behind. */
static void test_kill(void)
{
	struct pair p = new_pair(RW);

	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		expect_libc(pid);
		if (!pid)
			for (;;) {
				axas_populate(p.space, HERE, SIZE);
				axas_unmap(p.source, THERE, SIZE);
				axas_map_alloc(p.source, THERE, SIZE, RW, 0);
				axas_unmap(p.space, HERE, SIZE);
				axas_map_shared(p.space, HERE, SIZE, p.source, THERE, RW, 0);
			}
		sleep_ms(5);
		kill(pid, SIGKILL);
		expect_libc(waitpid(pid, NULL, 0));
	}
	expect_ok(axas_clear(p.space));
	expect_ok(axas_clear(p.source));
	expect_counts(&p, 0, 0, 0);
}

/* The file "shared" of a space in debugfs. */
static void read_debugfs(int fd, char *text, size_t len)
{
	char path[64];

	/* Reading the list creates the folders of the spaces. */
	if (!read_file("/sys/kernel/debug/axas/spaces", text, len))
		skip("no debugfs");
	snprintf(path, sizeof(path), "/sys/kernel/debug/axas/%u/shared", space_id(fd));
	expect(read_file(path, text, len));
}

static void test_debugfs(void)
{
	struct pair p = new_pair(RW);
	char text[4096], line[128];

	put(p.space, HERE, 1);
	put(p.space, HERE + PAGE, 1);
	read_debugfs(p.space, text, sizeof(text));
	snprintf(line, sizeof(line), "exported 0\n0x%016llx-0x%016llx space %u 0x%llx\n", HERE,
		 HERE + SIZE - 1, space_id(p.source), THERE);
	if (strcmp(text, line))
		fail("the space has %s", text);
	read_debugfs(p.source, text, sizeof(text));
	if (strcmp(text, "exported 2\n"))
		fail("the source has %s", text);
}

static const struct test tests[] = {
	{ "both spaces have one memory", test_one_memory },
	{ "host mappings of both show it", test_mappings },
	{ "what was mapped outlives its source", test_source_is_gone },
	{ "the source bounds the protection", test_protection },
	{ "what cannot be shared is refused", test_errors },
	{ "a source is frozen when nobody shares it", test_freeze },
	{ "both unmap while both touch", test_stress },
	{ "a killed process leaves nothing", test_kill },
	{ "debugfs tells who shares what", test_debugfs },
};

const struct suite suite_shared = {
	.name = "shared", .tests = tests, .nr = ARRAY_SIZE(tests), .every_format = true,
};
