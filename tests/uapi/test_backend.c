// SPDX-License-Identifier: GPL-2.0-only
/*
 * MAP_BACKEND: memory of the modules in tests/backends, where they are loaded.
 */
#include "uapi.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define AREA	(16 * MIB)
#define OTHER	(64 * MIB)
#define SIZE	(16 * PAGE)
#define LATE_MS	400

static int map(int fd, u64 gpa, u64 length, const char *name, u64 arg, u64 offset)
{
	int err = axas_map_backend(fd, gpa, length, name, arg, offset, RW, AXAS_TYPE_NORMAL, 0);

	if (err == -ENOENT)
		skip("axas_%s.ko is not loaded", name);
	return err;
}

static u64 get(int fd, u64 gpa)
{
	u64 val;

	expect_eq(axas_read(fd, gpa, &val, sizeof(val)), (ssize_t)sizeof(val));
	return val;
}

static void put(int fd, u64 gpa, u64 val)
{
	expect_eq(axas_write(fd, gpa, &val, sizeof(val)), (ssize_t)sizeof(val));
}

/* rmmod without waiting. */
static int remove_module(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

static void test_content(void)
{
	struct axas_area_info area;
	int fd = new_space();
	u32 more;
	u8 *p;

	expect_ok(map(fd, AREA, SIZE, "late", 1, MIB));
	expect_eq(get(fd, AREA + 5 * PAGE), MIB + 5 * PAGE);
	put(fd, AREA + PAGE, 7);
	expect_ok(punch(fd, AREA, SIZE));
	expect_eq(info(fd).frames, 0);
	expect_eq(get(fd, AREA + PAGE), 7);
	expect_ok(populate(fd, AREA, SIZE));
	expect_eq(info(fd).frames, SIZE / PAGE);
	p = map_rw(fd, AREA, SIZE);
	expect_eq(*(u64 *)(p + 3 * PAGE), MIB + 3 * PAGE);
	p[3 * PAGE] = 1;
	expect_eq(get(fd, AREA + 3 * PAGE), MIB + 3 * PAGE + 1);
	expect_eq(areas_from(fd, 0, &area, 1, &more), 1);
	expect_eq(area.backend, AXAS_BACKEND_OTHER);
	expect_ok(axas_unmap(fd, AREA, SIZE));
	catch_bus();
	expect_eq(read_signal(p), SIGBUS);
}

/**
 * struct waiter - a thread with a fault that comes late
 * @fd: the space
 * @thread: the thread
 * @result: of the fault
 * @done: the fault has ended
 */
struct waiter {
	int fd;
	pthread_t thread;
	int result;
	bool done;
};

static void *wait_for_fault(void *arg)
{
	struct waiter *w = arg;

	w->result = axas_fault(w->fd, AREA, AXAS_PROT_READ, NULL);
	__atomic_store_n(&w->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static bool is_done(const struct waiter *w)
{
	return __atomic_load_n(&w->done, __ATOMIC_ACQUIRE);
}

static void start_waiter(struct waiter *w)
{
	*w = (struct waiter){ .fd = new_space() };
	expect_ok(map(w->fd, AREA, SIZE, "late", LATE_MS, 0));
	expect_eq(pthread_create(&w->thread, NULL, wait_for_fault, w), 0);
	sleep_ms(LATE_MS / 8);
}

static void end_waiter(struct waiter *w, int result)
{
	pthread_join(w->thread, NULL);
	expect_eq(w->result, result);
}

/* Other faults, and an unmap of another area, go on while get() sleeps. */
static void test_nobody_waits(void)
{
	struct waiter w;

	start_waiter(&w);
	expect_ok(axas_map_alloc(w.fd, OTHER, 2 * SIZE, RW, 0));
	for (u64 at = 0; at < 2 * SIZE; at += PAGE)
		expect_eq(axas_fault(w.fd, OTHER + at, AXAS_PROT_WRITE, NULL), AXAS_FAULT_FIXED);
	expect_ok(axas_unmap(w.fd, OTHER, SIZE));
	expect_ok(axas_protect(w.fd, OTHER + SIZE, SIZE, RO));
	expect(!is_done(&w));
	end_waiter(&w, AXAS_FAULT_FIXED);
}

/* Nor does an unmap of the very area; the fault then finds it gone. */
static void test_unmap_in_flight(void)
{
	struct waiter w;

	start_waiter(&w);
	expect_ok(axas_unmap(w.fd, AREA, SIZE));
	expect(!is_done(&w));
	expect_eq(info(w.fd).areas, 0);
	/* The fault holds the object, and so the module. */
	expect_eq(remove_module("axas_late"), -EWOULDBLOCK);
	end_waiter(&w, AXAS_FAULT_HOLE);
	expect_eq(info(w.fd).frames, 0);
}

static void test_module_stays(void)
{
	int fd = new_space();

	expect_ok(map(fd, AREA, SIZE, "late", 1, 0));
	expect_eq(remove_module("axas_late"), -EWOULDBLOCK);
	expect_ok(axas_unmap(fd, AREA + PAGE, SIZE - PAGE));
	expect_eq(remove_module("axas_late"), -EWOULDBLOCK);
	expect_eq(get(fd, AREA), 0);
}

static void fault_forever(int fd)
{
	for (;;) {
		axas_fault(fd, AREA, AXAS_PROT_READ, NULL);
		punch(fd, AREA, SIZE);
	}
}

/* A fault that waits ends with its process. */
static void test_kill(void)
{
	int fd = new_space();
	u64 begin;
	pid_t pid;

	expect_ok(map(fd, AREA, SIZE, "late", 5000, 0));
	pid = fork();
	expect_libc(pid);
	if (!pid)
		fault_forever(fd);
	sleep_ms(100);
	begin = now_ms();
	kill(pid, SIGKILL);
	expect_libc(waitpid(pid, NULL, 0));
	expect(now_ms() - begin < 3000);
	expect_eq(info(fd).frames, 0);
}

/* Calls of each kind, of which any may be where a signal meets the process. */
static _Noreturn void map_forever(int fd)
{
	for (;;) {
		map(fd, AREA, SIZE, "late", 1, 0);
		axas_populate(fd, AREA, 2 * PAGE);
		axas_unmap(fd, AREA + PAGE, PAGE);
		punch(fd, AREA, SIZE);
		axas_unmap(fd, AREA, SIZE);
	}
}

static void test_killed_at_each_step(void)
{
	int fd = new_space();
	u32 seed = test_seed;

	expect_ok(map(fd, OTHER, SIZE, "late", 1, 0));
	for (int i = 0; i < 30; i++) {
		pid_t pid = fork();

		expect_libc(pid);
		if (!pid)
			map_forever(fd);
		sleep_ms(1 + random_u32(&seed) % 10);
		kill(pid, SIGKILL);
		expect_libc(waitpid(pid, NULL, 0));
		expect_ok(axas_unmap(fd, AREA, SIZE));
		expect_eq(info(fd).frames, 0);
		expect_eq(get(fd, OTHER + PAGE), PAGE);
		expect_ok(punch(fd, OTHER, SIZE));
	}
	expect_ok(axas_clear(fd));
	expect_eq(info(fd).tables, info(fd).root_tables);
}

static void test_limit(void)
{
	struct axas_create c = { .format = test_format, .max_frames = 2 };
	int fd = axas_open_space(NULL, &c);

	expect(fd >= 0);
	expect_ok(map(fd, AREA, SIZE, "late", 1, 0));
	expect_eq(axas_populate(fd, AREA, SIZE), -ENOMEM);
	expect_eq(info(fd).frames, 2);
	expect_ok(axas_unmap(fd, AREA, PAGE));
	expect_eq(axas_fault(fd, AREA + 8 * PAGE, RO, NULL), AXAS_FAULT_FIXED);
}

static void test_region(void)
{
	int a = new_space(), b = new_space();
	u64 val;

	expect_ok(map(a, AREA, SIZE, "reserved", 0, 0));
	expect_ok(map(b, OTHER, SIZE, "reserved", 0, PAGE));
	put(a, AREA + 2 * PAGE, 0x1234);
	expect_eq(get(b, OTHER + PAGE), 0x1234);
	expect_ok(axas_unmap(a, AREA, SIZE));
	expect_eq(get(b, OTHER + PAGE), 0x1234);
	expect_eq(remove_module("axas_reserved"), -EWOULDBLOCK);
	catch_bus();
	expect_eq(read_signal(map_rw(b, OTHER, SIZE)), SIGBUS);
	/* Beyond the region. */
	expect_ok(map(a, AREA, SIZE, "reserved", 0, TIB));
	expect_eq(axas_fault(a, AREA, RO, NULL), AXAS_FAULT_ERROR);
	expect_eq(axas_read(a, AREA, &val, sizeof(val)), -EIO);
	expect_eq(axas_populate(a, AREA, SIZE), -EIO);
	put(b, OTHER + PAGE, 0);
}

static void expect_nothing_for_nobody(void *arg)
{
	drop_cap(CAP_SYS_RAWIO);
	expect_eq(axas_map_backend(*(int *)arg, AREA, SIZE, "late", 0, 0, RW, 0, 0), -EPERM);
	expect_eq(axas_map_backend(*(int *)arg, AREA, SIZE, "none", 0, 0, RW, 0, 0), -EPERM);
}

static void test_errors(void)
{
	struct axas_map_backend arg = {
		.size = sizeof(arg), .gpa = AREA, .length = SIZE, .name = "late", .prot = RW,
	}, bad = arg;
	int fd = new_space();

	memset(bad.name, 'x', sizeof(bad.name));
	expect_refused(fd, AXAS_MAP_BACKEND, &bad, EINVAL, "a name without an end");
	bad = arg;
	strcpy(bad.name, "none");
	expect_refused(fd, AXAS_MAP_BACKEND, &bad, ENOENT, "an unknown name");
	in_child(expect_nothing_for_nobody, &fd);
	expect_ok(map(fd, OTHER, SIZE, "late", 1, 0));
	bad = arg;
	bad.arg = ~0ull;
	expect_refused(fd, AXAS_MAP_BACKEND, &bad, EINVAL, "an argument that the module refuses");
	bad = arg;
	bad.offset = 1;
	expect_refused(fd, AXAS_MAP_BACKEND, &bad, EINVAL, "an offset that is not aligned");
	bad.offset = -PAGE;
	expect_refused(fd, AXAS_MAP_BACKEND, &bad, EINVAL, "offsets that wrap");
	bad = arg;
	bad.type = AXAS_TYPE_DEVICE;
	expect_refused(fd, AXAS_MAP_BACKEND, &bad, EOPNOTSUPP, "uncached RAM");
	bad = arg;
	bad.flags = AXAS_MAP_POPULATE;
	expect_refused(fd, AXAS_MAP_BACKEND, &bad, EINVAL, "populate");
	bad = arg;
	bad.gpa = OTHER;
	expect_refused(fd, AXAS_MAP_BACKEND, &bad, EEXIST, "an area");
}

static const struct test tests[] = {
	{ "memory has the module's content", test_content },
	{ "nobody else waits for late memory", test_nobody_waits },
	{ "nor does an unmap of it", test_unmap_in_flight },
	{ "its module stays", test_module_stays },
	{ "a fault that waits ends with its process", test_kill },
	{ "a process is killed at any step", test_killed_at_each_step },
	{ "the limit counts it", test_limit },
	{ "a region is one memory for all", test_region },
	{ "what cannot be mapped is refused", test_errors },
};

const struct suite suite_backend = {
	.name = "backend", .tests = tests, .nr = ARRAY_SIZE(tests), .every_format = true,
};
