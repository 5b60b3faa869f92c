// SPDX-License-Identifier: GPL-2.0-only
/*
 * The per-CPU stock of frames for faults: it is small, and frames that are not used leave it
 * soon.
 */
#include "uapi.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define STOCK		"/sys/kernel/debug/axas/stock"
#define MOST_OF_A_CPU	48	/* three blocks of 64 KiB */

/* Frames in the stock of @cpu, of all CPUs if negative. */
static unsigned long in_stock(int cpu)
{
	char text[4096], *line = text, *next;
	unsigned long frames, sum = 0;
	char *end;
	long nr;

	if (!read_file(STOCK, text, sizeof(text)))
		skip("no debugfs");
	for (; *line; line = next) {
		next = strchrnul(line, '\n');
		next += *next == '\n';
		expect(!strncmp(line, "cpu ", 4));
		nr = strtol(line + 4, &end, 10);
		expect(!strncmp(end, " frames ", 8));
		frames = strtoul(end + 8, &end, 10);
		expect(!*end || *end == '\n');
		expect(frames && frames <= MOST_OF_A_CPU);
		if (cpu < 0 || cpu == nr)
			sum += frames;
	}
	return sum;
}

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		skip("there is no CPU %d", cpu);
}

/* Fault until the stock of @cpu is not empty; it may hold frames left by other tests. */
static void fill_stock(int fd, int cpu)
{
	run_on(cpu);
	for (u64 i = 0; i < 64; i++) {
		expect_eq(axas_fault(fd, GIB + i * PAGE, RW, NULL), AXAS_FAULT_FIXED);
		if (in_stock(cpu))
			return;
	}
	fail("64 faults, and no frame in stock");
}

static int space_to_fault_in(void)
{
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, GIB, 64 * MIB, RW, AXAS_MAP_HUGE_NEVER));
	return fd;
}

/* An idle stock is emptied after two periods of the timer, of one second each. */
static void test_idle(void)
{
	u64 end = now_ms() + 60000;

	fill_stock(space_to_fault_in(), 0);
	while (in_stock(-1)) {
		if (now_ms() > end)
			fail("frames stay in stock");
		sleep_ms(200);
	}
}

static void test_pressure(void)
{
	fill_stock(space_to_fault_in(), 0);
	/* drop_caches calls shrinkers until they have nothing to free. */
	expect(write_file("/proc/sys/vm/drop_caches", "2"));
	expect_eq(in_stock(-1), 0);
}

static void test_cpu_goes(void)
{
	const char *online = "/sys/devices/system/cpu/cpu1/online";

	if (!write_file(online, "1"))
		skip("CPU 1 cannot go");
	fill_stock(space_to_fault_in(), 1);
	run_on(0);
	expect(write_file(online, "0"));
	expect_eq(in_stock(1), 0);
	expect(write_file(online, "1"));
}

static const struct test tests[] = {
	{ "what nobody fetches goes back", test_idle },
	{ "the stock goes back under memory pressure", test_pressure },
	{ "the stock of a CPU goes with it", test_cpu_goes },
};

const struct suite suite_stock = { "stock", tests, ARRAY_SIZE(tests), false };
