// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several threads on one space.
 */
#include "uapi.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define AREA		(16 * MIB)
#define THREADS		4
#define PAGES		256
#define STRESS_MS	2000
#define MOVED_MS	1000

static int shared_fd;
static pthread_barrier_t barrier;

static void run_threads(int nr, void *(*run)(void *arg))
{
	pthread_t threads[8];

	expect(nr <= 8);
	expect_ok(pthread_barrier_init(&barrier, NULL, nr));
	for (int i = 0; i < nr; i++)
		expect_ok(pthread_create(&threads[i], NULL, run, (void *)(intptr_t)i));
	for (int i = 0; i < nr; i++)
		expect_ok(pthread_join(threads[i], NULL));
}

static u32 fixed[PAGES];

/* All threads fault each page at once, then each writes its own word into it. */
static void *fault_pages(void *arg)
{
	u64 me = (intptr_t)arg;
	int ret;

	for (u64 page = 0; page < PAGES; page++) {
		u64 gpa = AREA + page * PAGE, word = page << 8 | me;

		pthread_barrier_wait(&barrier);
		do {
			ret = axas_fault(shared_fd, gpa + 16 * me, RW, NULL);
		} while (ret == AXAS_FAULT_RETRY);
		if (ret == AXAS_FAULT_FIXED)
			__atomic_fetch_add(&fixed[page], 1, __ATOMIC_RELAXED);
		else
			expect_eq(ret, AXAS_FAULT_SPURIOUS);
		expect_eq(axas_write(shared_fd, gpa + 16 * me, &word, 8), 8);
	}
	return NULL;
}

static void test_parallel_faults(void)
{
	u64 word;

	shared_fd = new_space();
	expect_ok(axas_map_alloc(shared_fd, AREA, PAGES * PAGE, RW, 0));
	run_threads(THREADS, fault_pages);
	expect_eq(info(shared_fd).frames, PAGES);
	expect_eq(info(shared_fd).leaves[0], PAGES);
	for (u64 page = 0; page < PAGES; page++) {
		expect_eq(fixed[page], 1);
		for (u64 t = 0; t < THREADS; t++) {
			expect_eq(axas_read(shared_fd, AREA + page * PAGE + 16 * t, &word, 8), 8);
			expect_eq(word, page << 8 | t);
		}
	}
	expect_ok(axas_clear(shared_fd));
	expect_eq(info(shared_fd).frames, 0);
	expect_eq(info(shared_fd).tables, info(shared_fd).root_tables);
}

static void *touch_far_apart(void *arg)
{
	u64 me = (intptr_t)arg;

	for (u64 i = 0; i < 128; i++) {
		pthread_barrier_wait(&barrier);
		expect(axas_fault(shared_fd, i * 2 * MIB + me * PAGE, RW, NULL) <=
		       AXAS_FAULT_RETRY);
		expect_eq(axas_write(shared_fd, i * 2 * MIB + me * PAGE, "x", 1), 1);
	}
	return NULL;
}

/* All threads install new tables at once: none is leaked or installed twice. */
static void test_parallel_tables(void)
{
	struct axas_info i;

	shared_fd = new_space();
	expect_ok(axas_map_alloc(shared_fd, 0, GIB, RW, 0));
	run_threads(THREADS, touch_far_apart);
	i = info(shared_fd);
	expect_eq(i.frames, 128 * THREADS);
	expect(i.tables >= 128 + i.root_tables && i.tables <= 128 + i.root_tables + i.levels);
	expect_ok(axas_clear(shared_fd));
	expect_eq(info(shared_fd).tables, info(shared_fd).root_tables);
}

static void *populate_all(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&barrier);
	expect_ok(populate(shared_fd, GIB, 16 * MIB));
	return NULL;
}

static void test_parallel_populate(void)
{
	shared_fd = new_space();
	for (int round = 0; round < 4; round++) {
		expect_ok(axas_map_alloc(shared_fd, GIB, 16 * MIB, RW, 0));
		run_threads(THREADS, populate_all);
		expect_eq(info(shared_fd).frames, 16 * MIB / PAGE);
		expect_ok(axas_clear(shared_fd));
		expect_eq(info(shared_fd).frames, 0);
	}
}

static void *map_same(void *arg)
{
	static int mapped;
	int err;

	for (int i = 0; i < 200; i++) {
		pthread_barrier_wait(&barrier);
		err = axas_map_alloc(shared_fd, AREA, 4 * PAGE, RW, i % 2);
		if (!err)
			expect_eq(__atomic_fetch_add(&mapped, 1, __ATOMIC_RELAXED), i);
		else
			expect_eq(err, -EEXIST);
		pthread_barrier_wait(&barrier);
		if (!(intptr_t)arg)
			expect_ok(axas_unmap(shared_fd, AREA, 4 * PAGE));
		pthread_barrier_wait(&barrier);
	}
	expect_eq(mapped, 200);
	return NULL;
}

static void test_one_map_wins(void)
{
	shared_fd = new_space();
	run_threads(THREADS, map_same);
	expect_eq(info(shared_fd).areas, 0);
	expect_eq(info(shared_fd).frames, 0);
}

/*
 * Stress: each byte of guest memory is 0 or derived from its page number. Threads read and write
 * while others unmap, map, protect and populate.
 */
#define STRESS_PAGES	64

static u64 stress_end;

static u8 page_byte(u64 page)
{
	return page | 0x80;
}

static void stress_write(u32 *seed)
{
	u64 page = random_u32(seed) % STRESS_PAGES;
	u32 off = random_u32(seed) % 4096, len = random_u32(seed) % (4096 - off + 1);
	u8 buf[4096];
	ssize_t n;

	memset(buf, page_byte(page), len);
	n = axas_write(shared_fd, AREA + page * PAGE + off, buf, len);
	expect(n == (ssize_t)len || n == -EFAULT || n == -EACCES || n == -ENOMEM);
}

static void stress_read(u32 *seed)
{
	u64 page = random_u32(seed) % STRESS_PAGES;
	u8 buf[4 * 4096];
	ssize_t n;

	n = axas_read(shared_fd, AREA + page * PAGE, buf, sizeof(buf));
	expect(n >= 0 || n == -EFAULT || n == -EACCES || n == -ENOMEM);
	for (ssize_t i = 0; i < n; i++)
		if (buf[i] && buf[i] != page_byte(page + i / PAGE))
			fail("page %llu holds %#x", page + i / PAGE, buf[i]);
}

static void stress_change(u32 *seed)
{
	u64 page = random_u32(seed) % STRESS_PAGES, gpa = AREA + page * PAGE;
	u64 len = (random_u32(seed) % (STRESS_PAGES - page) + 1) * PAGE;
	int err;

	switch (random_u32(seed) % 8) {
	case 0:
	case 1:
		err = axas_unmap(shared_fd, gpa, len);
		break;
	case 2:
		err = axas_protect(shared_fd, gpa, len, RO);
		break;
	case 3:
		err = axas_protect(shared_fd, gpa, len, RW);
		break;
	case 4:
		err = populate(shared_fd, gpa, len);
		break;
	default:
		err = axas_map_alloc(shared_fd, gpa, len, RW, random_u32(seed) % 2);
	}
	expect(!err || err == -EEXIST || err == -EFAULT || err == -ENOMEM);
}

static void stress_look(u32 *seed)
{
	u64 gpa = AREA + random_u32(seed) % (STRESS_PAGES * PAGE);
	struct axas_area_info a[STRESS_PAGES];
	struct axas_translate tr;
	u32 nr;
	int ret;

	ret = axas_translate(shared_fd, gpa, &tr);
	expect(!ret || ret == -ENOENT);
	if (!ret)
		expect_eq(tr.hpa % PAGE, gpa % PAGE);
	ret = axas_fault(shared_fd, gpa, RW, NULL);
	expect(ret >= 0 && ret <= AXAS_FAULT_DENIED);
	nr = areas_from(shared_fd, 0, a, STRESS_PAGES, NULL);
	/* the list may be outdated by now: check only that each area is possible */
	for (u32 i = 0; i < nr; i++)
		expect(a[i].length && a[i].length <= STRESS_PAGES * PAGE);
	expect(info(shared_fd).frames <= STRESS_PAGES);
}

static void *stress(void *arg)
{
	static void (*const roles[])(u32 *seed) = {
		stress_write, stress_read, stress_change, stress_look, stress_write,
		stress_change
	};
	u32 me = (intptr_t)arg, seed = test_seed + 2 * me;

	pthread_barrier_wait(&barrier);
	while (now_ms() < stress_end)
		for (int i = 0; i < 16; i++)
			roles[me](&seed);
	return NULL;
}

static void run_stress(int nr, void *(*run)(void *arg), unsigned int ms)
{
	struct axas_info i;

	shared_fd = new_space();
	stress_end = now_ms() + ms;
	run_threads(nr, run);
	expect_ok(axas_unmap(shared_fd, 0, GIB));
	i = info(shared_fd);
	expect_eq(i.areas, 0);
	expect_eq(i.frames, 0);
	expect_eq(i.leaves[0], 0);
	expect_eq(i.tables, i.root_tables);
}

static void test_stress(void)
{
	run_stress(6, stress, STRESS_MS);
}

/* The same while thread 0 migrates the others from CPU to CPU at any point. */
#define MOVED		4

static pid_t moved[1 + MOVED];

/* Migration to a CPU that went offline fails: ignore that. */
static void move_to(pid_t tid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(tid, sizeof(set), &set))
		expect_eq(errno, EINVAL);
}

static void *be_moved(u64 me)
{
	static void (*const roles[MOVED])(u32 *seed) = {
		stress_look, stress_change, stress_read, stress_write
	};
	u32 seed = test_seed + 2 * me;

	moved[me] = syscall(SYS_gettid);
	pthread_barrier_wait(&barrier);
	while (now_ms() < stress_end)
		for (int i = 0; i < 16; i++)
			roles[me - 1](&seed);
	/* Stay until thread 0 no longer moves anybody. */
	pthread_barrier_wait(&barrier);
	return NULL;
}

static void *move(void *arg)
{
	u32 seed = test_seed, cpus = sysconf(_SC_NPROCESSORS_CONF);

	if (arg)
		return be_moved((intptr_t)arg);
	pthread_barrier_wait(&barrier);
	while (now_ms() < stress_end) {
		move_to(moved[1 + random_u32(&seed) % MOVED], random_u32(&seed) % cpus);
		usleep(random_u32(&seed) % 200);
	}
	pthread_barrier_wait(&barrier);
	return NULL;
}

/* Per-CPU lookup caches are valid also when a thread migrates in the middle of a fault (H5). */
static void test_moved(void)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip("there is one CPU");
	run_stress(1 + MOVED, move, MOVED_MS);
}

static int set_online(bool on)
{
	return write_file("/sys/devices/system/cpu/cpu1/online", on ? "1" : "0") ? 0 : errno;
}

static void *take_cpu_away(void *arg)
{
	if (arg)
		return be_moved((intptr_t)arg);
	pthread_barrier_wait(&barrier);
	while (now_ms() < stress_end) {
		for (int i = 1; i <= MOVED; i += 2)
			move_to(moved[i], 1);
		usleep(2000);
		expect_ok(set_online(false));
		usleep(2000);
		expect_ok(set_online(true));
	}
	pthread_barrier_wait(&barrier);
	return NULL;
}

/*
 * A CPU that is on a space's list goes offline under readers and removers, and comes back with
 * its cached lookups.
 */
static void test_cpu_goes(void)
{
	if (set_online(true))
		skip("CPU 1 cannot go");
	run_stress(1 + MOVED, take_cpu_away, MOVED_MS);
}

static const struct test tests[] = {
	{ "parallel faults of a page install one frame", test_parallel_faults },
	{ "parallel faults make each table once", test_parallel_tables },
	{ "parallel populates share the work", test_parallel_populate },
	{ "of parallel maps of a range one wins", test_one_map_wins },
	{ "readers and writers beside unmap, map and protect", test_stress },
	{ "H5 the same, taken from CPU to CPU meanwhile", test_moved },
	{ "H5 the same, while a CPU goes and comes", test_cpu_goes },
};

const struct suite suite_threads = { "threads", tests, ARRAY_SIZE(tests), true };
