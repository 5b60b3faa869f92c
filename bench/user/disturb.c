// SPDX-License-Identifier: GPL-2.0-only
/*
 * Side effects of an operation: IPIs to another CPU, RCU grace periods, and exits of a guest on
 * that CPU that uses unrelated memory. Reported per operation; ticks of the other CPU are
 * subtracted. Other kernel threads contribute to the first two: a few in a thousand operations
 * are noise.
 *
 * The other guest belongs to another process, as with VMMs: a process that changes its mappings
 * sends IPIs to the CPUs of its own threads.
 */
#include "bench.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPS	512
#define LARGE	16	/* 2 MiB leaves */
#define OTHER	1	/* the CPU of the other guest */

/* Parameter of axas_bench_rcu.ko. */
#define GRACE_PERIODS	"/sys/module/axas_bench_rcu/parameters/grace_periods"

/**
 * struct counts - counters of side effects
 * @ipis: function call and reschedule IPIs of the other CPU
 * @ticks: timer ticks of the other CPU
 * @gps: grace periods, normal and expedited
 * @exits: exits of the other guest
 */
struct counts {
	u64 ipis;
	u64 ticks;
	u64 gps;
	u64 exits;
};

/* The process of the other guest, and the machine that it shares with this one. */
static int other_pid;
static struct machine *other;
static atomic_bool *other_is_there;

/* Count of a row of /proc/interrupts for the other CPU. */
static u64 interrupts(const char *rows, const char *name)
{
	const char *row = strstr(rows, name);
	unsigned long long count[OTHER + 1];

	if (!row || sscanf(row + strlen(name), "%llu %llu", &count[0], &count[1]) != 2)
		fail("/proc/ has no interrupts %s", name);
	return count[OTHER];
}

static void read_file(const char *path, char *buf, size_t size)
{
	FILE *file = fopen(path, "r");

	if (!file)
		fail("%s: %s", path, strerror(errno));
	buf[fread(buf, 1, size - 1, file)] = 0;
	fclose(file);
}

static u64 grace_periods(void)
{
	unsigned long long normal, expedited;
	char both[64];

	read_file(GRACE_PERIODS, both, sizeof(both));
	if (sscanf(both, "%llu %llu", &normal, &expedited) != 2)
		fail(GRACE_PERIODS);
	return normal + expedited;
}

/* Read all counters between two ticks of the other CPU. */
static struct counts look(void)
{
	static char rows[1 << 16];
	struct counts c;
	u64 ticks;

	do {
		read_file("/proc/interrupts", rows, sizeof(rows));
		ticks = interrupts(rows, "LOC:");
		c.gps = grace_periods();
		c.exits = other->ops->exits(other, other_pid);
		read_file("/proc/interrupts", rows, sizeof(rows));
		c.ipis = interrupts(rows, "CAL:") + interrupts(rows, "RES:");
		c.ticks = interrupts(rows, "LOC:");
	} while (c.ticks != ticks);
	return c;
}

/* Report the counts since @from per operation. */
static void report(const char *prefix, const char *what, const struct counts *from,
		   unsigned int ops)
{
	struct counts now = look();
	u64 exits = now.exits - from->exits, ticks = now.ticks - from->ticks;
	char name[64];

	exits -= exits < ticks ? exits : ticks;
	snprintf(name, sizeof(name), "ipis_of_%s", what);
	bench_figure(prefix, name, (double)(now.ipis - from->ipis) / ops);
	snprintf(name, sizeof(name), "grace_periods_of_%s", what);
	bench_figure(prefix, name, (double)(now.gps - from->gps) / ops);
	snprintf(name, sizeof(name), "exits_of_others_of_%s", what);
	bench_figure(prefix, name, (double)exits / ops);
}

static void run_other(const struct machine_ops *ops)
{
	struct machine m = { .ops = ops };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin_thread(OTHER);
	ops->make(&m);
	ops->add_vcpu(&m, 0);
	ops->enter(&m, 0, guest(spin), 0, 0, 0);
	*other = m;
	atomic_store(other_is_there, true);
	ops->run(&m, 0);
}

static void start_other(const struct machine_ops *ops)
{
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	u64 exits;

	if (page == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	other = (struct machine *)page;
	other_is_there = (atomic_bool *)(page + sizeof(*other));
	other_pid = fork();
	if (!other_pid) {
		run_other(ops);
		_exit(1);
	}
	while (!atomic_load(other_is_there))
		usleep(1000);
	/* The first exits, by ticks, show that the other guest is running. */
	exits = ops->exits(other, other_pid);
	while (ops->exits(other, other_pid) < exits + 3)
		usleep(1000);
}

static void end_other(void)
{
	kill(other_pid, SIGKILL);
	waitpid(other_pid, NULL, 0);
}

/* Apply @how to OPS pages of a range, one at a time, and report as @what. */
static void each_page(struct machine *m, const char *what, enum change how)
{
	struct counts from = look();

	for (u64 i = 0; i < OPS; i++)
		m->ops->change(m, how, 2 * i * PAGE, PAGE);
	report(m->ops->name, what, &from, OPS);
}

static void touch(struct machine *m, u64 bytes, u64 step)
{
	m->ops->enter(m, 0, guest(touch), TEST_GPA, TEST_GPA + bytes, step);
	m->ops->run(m, 0);
}

static void small_pages(struct machine *m)
{
	u64 bytes = 2 * OPS * PAGE;
	struct counts from;

	m->ops->map(m, bytes, false);
	from = look();
	touch(m, bytes, PAGE);
	report(m->ops->name, "fault", &from, bytes / PAGE);
	each_page(m, "protect_page", READ_ONLY);
	each_page(m, "unprotect_page", WRITABLE);
	touch(m, bytes, PAGE);
	each_page(m, "unmap_page", UNMAP);
	m->ops->unmap(m);
}

static void maps(struct machine *m)
{
	struct counts from = look();

	for (unsigned int i = 0; i < OPS; i++)
		m->ops->add(m, i);
	report(m->ops->name, "map", &from, OPS);
}

/* Collapse leaves that were split by changing one page. */
static void collapses(struct machine *m)
{
	u64 bytes = LARGE * 2 * MIB;
	struct counts from;

	m->ops->map(m, bytes, true);
	touch(m, bytes, PAGE);
	for (u64 first = 0; first < bytes; first += 2 * MIB) {
		m->ops->change(m, READ_ONLY, first + MIB, PAGE);
		m->ops->change(m, WRITABLE, first + MIB, PAGE);
	}
	from = look();
	for (u64 first = 0; first < bytes; first += 2 * MIB)
		m->ops->change(m, COLLAPSE, first, 2 * MIB);
	report(m->ops->name, "collapse", &from, LARGE);
	m->ops->unmap(m);
}

void bench_disturb(const struct machine_ops *ops)
{
	struct machine m = { .ops = ops };

	start_other(ops);
	pin_thread(0);
	ops->make(&m);
	ops->add_vcpu(&m, 0);
	small_pages(&m);
	maps(&m);
	collapses(&m);
	ops->end(&m);
	end_other();
}
