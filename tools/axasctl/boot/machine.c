// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine: its space, its vCPUs and their threads, reset, and the end. Calls run.c, memory.c,
 * load.c, the devices and libaxas.
 *
 * Locks: machine_end() takes none, since devices call it with the lock held.
 */
#include "boot.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static u64 read_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * NSEC + t.tv_nsec;
}

u64 now_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

u64 wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

static int open_cpu(struct machine *m, u32 id)
{
	struct cpu *cpu = &m->cpu[id];

	cpu->m = m;
	cpu->id = id;
	cpu->fd = axvcpu_open_vcpu(NULL, m->space, id, id ? 0 : AXVCPU_CREATE_BSP);
	return cpu->fd < 0 ? cpu->fd : 0;
}

int machine_open_cpus(struct machine *m)
{
	int err = 0;

	for (u32 i = 0; i < m->nr_cpus && !err; i++)
		err = open_cpu(m, i);
	return err;
}

void machine_init(struct machine *m)
{
	m->space = -1;
	m->memory.file = -1;
	m->memory.stop_fd = -1;
	for (u32 i = 0; i < MAX_CPUS; i++) {
		m->cpu[i].fd = -1;
		pthread_cond_init(&m->cpu[i].wake, NULL);
	}
	pthread_mutex_init(&m->lock, NULL);
	m->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

/* The caller calls machine_free(), also after an error. */
int machine_create(struct machine *m, const char **what)
{
	struct axas_create create = { 0 };
	int err = 0;

	machine_init(m);
	*what = "open";
	m->space = m->given >= 0 ? dup(m->given) : axas_open_space(device_path(), &create);
	if (m->space < 0)
		return m->given >= 0 ? -errno : m->space;
	err = memory_map(m, what);
	*what = err ? *what : "vcpu";
	if (!err)
		err = machine_open_cpus(m);
	return err ? err : arch_create(m, what);
}

static void reset_cpu(struct cpu *cpu)
{
	arch_reset_cpu(cpu);
	cpu->wait = cpu->id;
	cpu->reset = false;
	cpu->start = false;
	cpu->set_up = false;
}

int machine_load(struct machine *m, const char **what)
{
	uart_reset(m);
	arch_reset(m);
	virtio_reset(m);
	for (u32 i = 0; i < m->nr_cpus; i++)
		reset_cpu(&m->cpu[i]);
	return load_linux(m, what);
}

int machine_start(struct machine *m, const char **what)
{
	enum ending was = m->ending == PAUSED ? PAUSED : RESET;
	u64 count;
	int err = 0;

	*what = "thread";
	while (read(m->end_fd, &count, sizeof(count)) > 0)
		;
	/* The user may have ended it meanwhile. */
	__atomic_compare_exchange_n(&m->ending, &was, RUNNING, false, __ATOMIC_ACQ_REL,
				    __ATOMIC_ACQUIRE);
	if (machine_stopping(m))
		return 0;
	for (u32 i = 0; i < m->nr_cpus && !err; i++) {
		err = -pthread_create(&m->cpu[i].thread, NULL, cpu_thread, &m->cpu[i]);
		m->cpu[i].running = !err;
	}
	if (err) {
		machine_end(m, FAILED);
		machine_stop(m);
	}
	return err;
}

/* Wake every thread until all are gone: one may be about to wait. */
void machine_stop(struct machine *m)
{
	for (u32 i = 0; i < m->nr_cpus; i++) {
		struct cpu *cpu = &m->cpu[i];

		if (!cpu->running)
			continue;
		pthread_mutex_lock(&m->lock);
		pthread_cond_broadcast(&cpu->wake);
		axvcpu_kick(cpu->fd);
		pthread_mutex_unlock(&m->lock);
		pthread_join(cpu->thread, NULL);
		cpu->running = false;
	}
}

static void count_exits(struct machine *m, u32 id)
{
	struct axvcpu_state state;

	if (axvcpu_get_state(m->cpu[id].fd, &state))
		return;
	for (u32 i = 0; i < AXVCPU_NR_EXITS; i++)
		m->exits[i] += state.exits[i];
}

/* After machine_stop(): as at the start, except for the contents of RAM. */
int machine_reset(struct machine *m)
{
	int err = 0;

	for (u32 i = 0; i < m->nr_cpus && !err; i++)
		err = axvcpu_reset(m->cpu[i].fd);
	return err;
}

void machine_close_cpus(struct machine *m)
{
	for (u32 i = 0; i < m->nr_cpus; i++) {
		if (m->cpu[i].fd < 0)
			continue;
		count_exits(m, i);
		close(m->cpu[i].fd);
		m->cpu[i].fd = -1;
	}
}

void machine_free(struct machine *m)
{
	machine_close_cpus(m);
	vhost_close(m);
	memory_free(m);
	if (m->space >= 0)
		close(m->space);
	if (m->disk >= 0)
		close(m->disk);
	close(m->end_fd);
}

bool machine_stopping(struct machine *m)
{
	return __atomic_load_n(&m->ending, __ATOMIC_ACQUIRE) != RUNNING;
}

/*
 * The first reason counts, but the user's also counts during a reset, and any while threads stop
 * for a pause. Async-signal-safe.
 */
void machine_end(struct machine *m, enum ending ending)
{
	enum ending was = RUNNING;
	u64 one = 1;

	while (!__atomic_compare_exchange_n(&m->ending, &was, ending, false, __ATOMIC_ACQ_REL,
					    __ATOMIC_ACQUIRE))
		if (was != PAUSED && (was != RESET || ending != QUIT))
			return;
	if (write(m->end_fd, &one, sizeof(one)) < 0)
		return;
	for (u32 i = 0; i < m->nr_cpus; i++)
		axvcpu_kick(m->cpu[i].fd);
}

/* The lock is held. */
void machine_fail(struct machine *m, int err, const char *what, const char *fmt, ...)
{
	va_list ap;

	if (machine_stopping(m) && m->ending != PAUSED)
		return;
	m->err = err;
	m->what = what;
	va_start(ap, fmt);
	vsnprintf(m->msg, sizeof(m->msg), fmt, ap);
	va_end(ap);
	machine_end(m, err ? FAILED : CRASHED);
}
