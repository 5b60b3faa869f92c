// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults on several CPUs at once: each vCPU touches separate pages, in 2 MiB ranges of its own.
 * The figure is wall time: the minimum of many short rounds, which alternate between one, two
 * and more vCPUs, so that other load of the host affects all of them alike, and some rounds not
 * at all.
 */
#include "bench.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define STRIDE	(2 * MIB)	/* distance between the pages of two vCPUs */
#define EACH	MIB
#define ROUNDS	200

struct worker {
	struct machine *m;
	unsigned int nr;
	pthread_t thread;
	u64 start;
	u64 end;
};

static pthread_barrier_t barrier;
static atomic_uint awaited;

void pin_thread(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail("CPU %u", cpu);
}

static u64 ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	u64 first = TEST_GPA + w->nr * STRIDE;

	pin_thread(w->nr);
	w->m->ops->enter(w->m, w->nr, guest(touch), first, first + EACH, PAGE);
	pthread_barrier_wait(&barrier);
	/* The threads wake up at different times: spin until all have arrived. */
	atomic_fetch_sub(&awaited, 1);
	while (atomic_load(&awaited))
		;
	w->start = ns();
	w->m->ops->run(w->m, w->nr);
	w->end = ns();
	return NULL;
}

/* Time from the first thread's start to the last thread's end. */
static u64 one_round(struct machine *m, unsigned int vcpus)
{
	struct worker workers[MAX_VCPUS];
	u64 start = ~0ull, end = 0;
	unsigned int i;

	m->ops->map(m, vcpus * STRIDE, false);
	atomic_store(&awaited, vcpus);
	pthread_barrier_init(&barrier, NULL, vcpus);
	for (i = 0; i < vcpus; i++) {
		workers[i] = (struct worker){ .m = m, .nr = i };
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			fail("no thread");
	}
	for (i = 0; i < vcpus; i++) {
		pthread_join(workers[i].thread, NULL);
		if (workers[i].start < start)
			start = workers[i].start;
		if (workers[i].end > end)
			end = workers[i].end;
	}
	m->ops->unmap(m);
	return end - start;
}

void bench_parallel(const struct machine_ops *ops)
{
	unsigned int cpus = sysconf(_SC_NPROCESSORS_ONLN), vcpus, round, i;
	u64 least[MAX_VCPUS + 1] = { 0 };
	struct machine m = { .ops = ops };
	char name[64];

	if (cpus > MAX_VCPUS)
		cpus = MAX_VCPUS;
	ops->make(&m);
	for (i = 0; i < cpus; i++)
		ops->add_vcpu(&m, i);
	for (round = 0; round < ROUNDS; round++) {
		for (vcpus = 1; vcpus <= cpus; vcpus *= 2) {
			u64 took = one_round(&m, vcpus);

			if (!least[vcpus] || took < least[vcpus])
				least[vcpus] = took;
		}
	}
	for (vcpus = 1; vcpus <= cpus; vcpus *= 2) {
		snprintf(name, sizeof(name), "parallel_ns_of_%u", vcpus);
		bench_figure(ops->name, name, (double)least[vcpus] / (EACH / PAGE));
		snprintf(name, sizeof(name), "parallel_speedup_of_%u", vcpus);
		bench_figure(ops->name, name, (double)least[1] * vcpus / least[vcpus]);
	}
	ops->end(&m);
}
