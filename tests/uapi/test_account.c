// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accounting (SecPageTables, RLIMIT_MEMLOCK, memcg), and interruption of long calls.
 */
#include "uapi.h"

#include <axas/vcpu.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SETTLE_MS	8000	/* per-CPU counters are folded once a second */
#define TOO_LONG_MS	10000	/* limit on slow machines for calls that end at once */

/* Wait until @key of /proc/meminfo is at most @max KiB. */
static void expect_settles(const char *key, long max)
{
	u64 end = now_ms() + SETTLE_MS;
	long now;

	while ((now = meminfo(key)) > max) {
		if (now_ms() > end)
			fail("%s is %ld KiB, not %ld or less", key, now, max);
		sleep_ms(100);
	}
}

/* Touch @nr pages, each in a table of its own. */
static void touch_sparse(int fd, int nr)
{
	expect_ok(axas_map_alloc(fd, 0, nr * 2 * MIB, RW, 0));
	for (int i = 0; i < nr; i++)
		expect_eq(axas_fault(fd, i * 2 * MIB, RW, NULL), AXAS_FAULT_FIXED);
}

static void test_tables_are_counted(void)
{
	long before, with;
	int fd;

	if (meminfo("SecPageTables") < 0)
		skip("this kernel does not count SecPageTables");
	sleep_ms(2000);
	before = meminfo("SecPageTables");
	fd = new_space();
	touch_sparse(fd, 1024);
	expect(info(fd).tables >= 1024);
	sleep_ms(2000);
	with = meminfo("SecPageTables");
	if (with < before + 1024 * 4)
		fail("1024 tables moved SecPageTables from %ld to %ld KiB", before, with);
	expect_ok(axas_unmap(fd, 0, 2 * GIB));
	expect_eq(info(fd).tables, info(fd).root_tables);
	close(fd);
	expect_settles("SecPageTables", before);
}

static void test_memlock(void)
{
	struct rlimit limit = { 16 * PAGE, 16 * PAGE };
	u64 hpa = window().hpa;
	struct state before;
	int fd = new_space();

	expect_eq(locked_kib(getpid()), 0);
	expect_ok(axas_map_linear(fd, GIB, hpa, MIB, RW, AXAS_TYPE_NORMAL));
	expect_eq(locked_kib(getpid()), 1024);
	expect_ok(axas_unmap(fd, GIB, MIB / 2));
	expect_eq(locked_kib(getpid()), 512);
	expect_ok(axas_clear(fd));
	expect_eq(locked_kib(getpid()), 0);
	drop_cap(CAP_IPC_LOCK);
	expect_libc(setrlimit(RLIMIT_MEMLOCK, &limit));
	take_state(fd, &before);
	expect_eq(axas_map_linear(fd, GIB, hpa, 17 * PAGE, RW, AXAS_TYPE_NORMAL), -ENOMEM);
	expect_same(fd, &before, SAME_ALL);
	expect_eq(locked_kib(getpid()), 0);
	expect_ok(axas_map_linear(fd, GIB, hpa, 16 * PAGE, RW, AXAS_TYPE_NORMAL));
	expect_eq(axas_map_linear(fd, 2 * GIB, hpa, PAGE, RW, AXAS_TYPE_NORMAL), -ENOMEM);
	expect_ok(axas_unmap(fd, GIB + 4 * PAGE, PAGE));
	expect_ok(axas_map_linear(fd, 2 * GIB, hpa, PAGE, RW, AXAS_TYPE_NORMAL));
	expect_eq(locked_kib(getpid()), 64);
	/* a call that fails after accounting is uncharged */
	expect_ok(axas_unmap(fd, GIB + 5 * PAGE, PAGE));
	expect_eq(axas_map_linear(fd, GIB, hpa, PAGE, RW, AXAS_TYPE_NORMAL), -EEXIST);
	expect_eq(locked_kib(getpid()), 60);
	close(fd);
	expect_eq(locked_kib(getpid()), 0);
}

/* H11: memory stays accounted while a vCPU holds the space, after its descriptor is closed. */
static void test_memlock_of_a_held_space(void)
{
	int fd = new_space(), vcpu = axvcpu_open_vcpu(NULL, fd, 0, 0);

	if (vcpu == -ENOENT)
		skip("the axvcpu module is not loaded");
	if (vcpu < 0)
		skip("there is no vCPU here: %s", strerrorname_np(-vcpu));
	expect_ok(axas_map_linear(fd, GIB, window().hpa, MIB, RW, AXAS_TYPE_NORMAL));
	expect_eq(locked_kib(getpid()), 1024);
	close(fd);
	expect_eq(locked_kib(getpid()), 1024);
	close(vcpu);
	expect_eq(locked_kib(getpid()), 0);
}

/* Path of @file in the cgroup of this test. */
static const char *group_file(const char *file)
{
	static char path[256];

	snprintf(path, sizeof(path), "/tmp/axas-cgroup/axas-test/%s", file);
	return path;
}

static long group_value(const char *file)
{
	char text[64];

	expect(read_file(group_file(file), text, sizeof(text)));
	return atol(text);
}

static void leave_group(void)
{
	rmdir("/tmp/axas-cgroup/axas-test");
	umount2("/tmp/axas-cgroup", MNT_DETACH);
	rmdir("/tmp/axas-cgroup");
}

static void make_group(void)
{
	char text[256];

	mkdir("/tmp", 01777);
	mkdir("/tmp/axas-cgroup", 0700);
	if (mount("none", "/tmp/axas-cgroup", "cgroup2", 0, NULL))
		skip("cgroup2 cannot be mounted: %s", strerror(errno));
	if (!read_file("/tmp/axas-cgroup/cgroup.controllers", text, sizeof(text)) ||
	    !strstr(text, "memory")) {
		leave_group();
		skip("no memory controller in cgroup2");
	}
	write_file("/tmp/axas-cgroup/cgroup.subtree_control", "+memory");
	rmdir("/tmp/axas-cgroup/axas-test");
	expect_libc(mkdir("/tmp/axas-cgroup/axas-test", 0700));
}

static void expect_group_below(long max)
{
	u64 end = now_ms() + SETTLE_MS;
	long now;

	while ((now = group_value("memory.current")) > max) {
		if (now_ms() > end)
			fail("the group still holds %ld bytes", now);
		sleep_ms(100);
	}
}

static void charge_in_group(void *arg)
{
	long before, with;
	int fd;

	(void)arg;
	expect(write_file(group_file("cgroup.procs"), "0"));
	fd = new_space();
	before = group_value("memory.current");
	expect_ok(axas_map_alloc(fd, 4 * GIB, 8 * MIB, RW, AXAS_MAP_POPULATE));
	with = group_value("memory.current");
	if (with < before + (long)(8 * MIB))
		fail("8 MiB of frames charged %ld bytes", with - before);
	before = with;
	touch_sparse(fd, 512);
	with = group_value("memory.current");
	if (with < before + (long)(512 * 2 * PAGE - MIB / 2))
		fail("512 frames and 512 tables charged %ld bytes", with - before);
}

static void test_memcg_charge(void)
{
	make_group();
	in_child(charge_in_group, NULL);
	expect_group_below(4 * MIB);
	leave_group();
}

/* A space of the group exports memory to one that is not, and pays for it. */
static void share_of_group(void *arg)
{
	int space = new_space(), source;
	long before, with;

	(void)arg;
	expect(write_file(group_file("cgroup.procs"), "0"));
	source = new_space();
	expect_ok(axas_map_alloc(source, GIB, 8 * MIB, RW, 0));
	before = group_value("memory.current");
	expect(write_file("/tmp/axas-cgroup/cgroup.procs", "0"));
	expect_ok(axas_map_shared(space, GIB, 8 * MIB, source, GIB, RW, 0));
	expect_ok(populate(space, GIB, 8 * MIB));
	with = group_value("memory.current");
	/* The group loses some pages of this process's, which has moved, meanwhile. */
	if (with < before + (long)(8 * MIB - MIB / 2))
		fail("8 MiB that were exported charged the source %ld bytes", with - before);
}

static void test_memcg_exported(void)
{
	make_group();
	in_child(share_of_group, NULL);
	expect_group_below(4 * MIB);
	leave_group();
}

/* Number of the cgroup's tasks killed by the OOM killer. */
static long oom_kills(void)
{
	char text[512], *line;

	expect(read_file(group_file("memory.events"), text, sizeof(text)));
	line = strstr(text, "oom_kill ");
	expect(line);
	return atol(line + strlen("oom_kill "));
}

static void populate_in_group(int fd)
{
	u64 step = MIB;
	int err = 0;

	for (u64 gpa = GIB; !err && gpa < GIB + 256 * MIB; gpa += step)
		err = populate(fd, gpa, step);
	_exit(err == -ENOMEM ? 10 : err == -EINTR ? 11 : 12);
}

/*
 * try_charge_memcg() lets the kernel's own __GFP_HIGH and __GFP_NOFAIL allocations exceed the
 * limit. Ours use neither flag: allocations that escaped the limit would exceed any bound.
 */
#define GROUP_EXCESS	(MIB / 2)

/* H10, W8: populating beyond memory.max is ENOMEM, without an OOM kill. */
static void test_memcg_limit(void)
{
	int status;
	long now;
	pid_t pid;

	make_group();
	expect(write_file(group_file("memory.max"), "16777216"));
	pid = fork();
	if (!pid) {
		int fd;

		expect(write_file(group_file("cgroup.procs"), "0"));
		fd = new_space();
		expect_ok(axas_map_alloc(fd, GIB, GIB, RW, 0));
		populate_in_group(fd);
	}
	while (!waitpid(pid, &status, WNOHANG)) {
		now = group_value("memory.current");
		if (now > (long)(16 * MIB + GROUP_EXCESS))
			fail("the group has %ld bytes, %ld more than it may", now,
			     now - (long)(16 * MIB));
		sleep_ms(5);
	}
	if (!WIFEXITED(status))
		fail("populating above memory.max ended by signal %d", WTERMSIG(status));
	expect_eq(WEXITSTATUS(status), 10);
	expect_eq(oom_kills(), 0);
	expect_group_below(4 * MIB);
	leave_group();
}

/* Touch memory through a mapping until the group is full, and go on with less. */
static void touch_in_group(void *flags)
{
	u64 len = 64 * MIB, at = 0;
	int fd;
	u8 *p;

	expect(write_file(group_file("cgroup.procs"), "0"));
	catch_bus();
	for (int pinnable = 0; pinnable < 2; pinnable++) {
		fd = new_kind(pinnable);
		expect_ok(axas_map_alloc(fd, GIB, len, RW, *(u32 *)flags));
		p = map_rw(fd, GIB, len + PAGE);
		/* all that a signal needs, while there is memory */
		expect_eq(write_signal(p + len, 1), SIGBUS);
		for (at = 0; at < len && !write_signal(p + at, 1); at += PAGE)
			;
		expect(at > 4 * MIB && at < 16 * MIB);
		/* less is used: it goes on */
		expect_ok(punch(fd, GIB, 4 * MIB));
		expect_eq(write_signal(p + at, 1), 0);
		munmap(p, len + PAGE);
		close(fd);
	}
}

/* W8: a host fault beyond memory.max is SIGBUS, and what it has charged goes with the space. */
static void test_memcg_mapping(void)
{
	static u32 flags[] = { 0, AXAS_MAP_HUGE_ALWAYS, AXAS_MAP_HUGE_WHOLE };

	make_group();
	expect(write_file(group_file("memory.max"), "16777216"));
	for (unsigned int i = 0; i < ARRAY_SIZE(flags); i++)
		in_child(touch_in_group, &flags[i]);
	expect_eq(oom_kills(), 0);
	expect_group_below(4 * MIB);
	leave_group();
}

/* Bytes to populate: a third of the available memory, at most 256 MiB. */
static u64 big_length(void)
{
	u64 third = meminfo("MemAvailable") * 1024ull / 3 & ~(2 * MIB - 1);

	return third > 256 * MIB ? 256 * MIB : third;
}

static u64 kill_and_wait(pid_t pid)
{
	u64 start = now_ms();
	int status;

	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return now_ms() - start;
}

/* Kill a child in the middle of POPULATE; the next call continues. */
static void test_populate_is_interruptible(void)
{
	u64 len = big_length(), frames, ms = 0;
	struct axas_range range;
	int fd = new_space();
	pid_t pid;

	expect_ok(axas_map_alloc(fd, GIB, len, RW, 0));
	for (int wait = 40; wait; wait /= 2) {
		expect_ok(axas_unmap(fd, GIB, len));
		expect_ok(axas_map_alloc(fd, GIB, len, RW, 0));
		pid = fork();
		if (!pid) {
			populate(fd, GIB, len);
			_exit(0);
		}
		while (!info(fd).frames)
			sleep_ms(1);
		sleep_ms(wait);
		ms = kill_and_wait(pid);
		frames = info(fd).frames;
		if (frames < len / PAGE)
			break;
	}
	note("killed after %llu of %llu frames, gone after %llu ms", frames, len / PAGE, ms);
	expect(frames && frames < len / PAGE);
	expect(ms < TOO_LONG_MS);
	range = (struct axas_range){ .gpa = GIB, .length = len };
	expect_ok(axas_populate_some(fd, &range.gpa, &range.length));
	expect_ok(populate(fd, GIB, len));
	expect_eq(info(fd).frames, len / PAGE);
}

/* The same for MAP_ALLOC with POPULATE, which is all or nothing. */
static void test_map_populate_is_interruptible(void)
{
	u64 len = big_length(), ms, slowest = 0, frames;
	int fd = new_space(), undone = 0;
	pid_t pid;

	for (int wait = 5; wait <= 80; wait *= 2) {
		pid = fork();
		if (!pid)
			_exit(!!axas_map_alloc(fd, GIB, len, RW, AXAS_MAP_POPULATE));
		sleep_ms(wait);
		ms = kill_and_wait(pid);
		slowest = ms > slowest ? ms : slowest;
		frames = info(fd).frames;
		expect_eq(info(fd).areas, !!frames);
		expect(!frames || frames == len / PAGE);
		undone += !frames;
		expect_ok(axas_clear(fd));
	}
	note("%d of 5 calls were undone, the slowest in %llu ms", undone, slowest);
	expect(undone);
	expect(slowest < TOO_LONG_MS);
	expect_eq(info(fd).frames, 0);
}

/* Large empty ranges are skipped quickly. */
static void test_great_ranges(void)
{
	int fd = new_space();
	u64 end = space_end(fd), start = now_ms();

	expect_ok(axas_map_alloc(fd, 0, end, RW, 0));
	expect_ok(axas_protect(fd, 0, end, RO));
	expect_eq(axas_fault(fd, end - 1, RO, NULL), AXAS_FAULT_FIXED);
	expect_ok(axas_protect(fd, PAGE, end - PAGE, RW));
	expect_ok(axas_unmap(fd, 0, end));
	expect(now_ms() - start < TOO_LONG_MS);
	expect_eq(info(fd).frames, 0);
}

static const struct test tests[] = {
	{ "R5 tables count as SecPageTables", test_tables_are_counted },
	{ "R5 linear memory counts against RLIMIT_MEMLOCK", test_memlock },
	{ "H11 linear memory counts as locked while a vCPU has it", test_memlock_of_a_held_space },
	{ "R5 frames and tables are charged to the memory cgroup", test_memcg_charge },
	{ "R5 frames that are exported are charged to their source", test_memcg_exported },
	{ "R5 H10 W8 memory.max of the cgroup holds, by ENOMEM", test_memcg_limit },
	{ "R5 W8 memory.max holds for mappings, by SIGBUS", test_memcg_mapping },
	{ "R7 POPULATE is interruptible and goes on where it stopped",
	  test_populate_is_interruptible },
	{ "R7 MAP_ALLOC with POPULATE is interruptible, all or nothing",
	  test_map_populate_is_interruptible },
	{ "R7 great ranges of nothing take no time", test_great_ranges },
};

const struct suite suite_account = { "account", tests, ARRAY_SIZE(tests), false };
