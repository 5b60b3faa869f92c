// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's thread: runs the guest between the architecture's delivery of interrupts and its answers
 * to exits, sleeps until the CPU is started. Calls memory.c, the devices and libaxas.
 *
 * Locks: the machine's lock is held except while the guest runs.
 */
#include "boot.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SIG_TIMER	SIGUSR1

/* The vCPU of this thread. */
static __thread struct cpu *this_cpu;

void machine_kick(struct cpu *cpu)
{
	if (cpu == this_cpu)
		return;
	pthread_cond_signal(&cpu->wake);
	axvcpu_kick(cpu->fd);
}

/* The signal itself ends a run; the kick ends one that is about to begin. */
static void on_timer(int sig)
{
	(void)sig;
	if (this_cpu)
		axvcpu_kick(this_cpu->fd);
}

static int make_timer(struct cpu *cpu)
{
	struct sigaction action = { .sa_handler = on_timer };
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIG_TIMER,
	};

	event._sigev_un._tid = syscall(SYS_gettid);
	if (sigaction(SIG_TIMER, &action, NULL) ||
	    timer_create(CLOCK_MONOTONIC, &event, &cpu->timer))
		return -errno;
	return 0;
}

static void arm_timer(struct cpu *cpu, u64 due)
{
	struct itimerspec at = { 0 };

	if (due == cpu->armed)
		return;
	cpu->armed = due;
	if (due != NEVER) {
		at.it_value.tv_sec = due / NSEC;
		at.it_value.tv_nsec = due % NSEC;
	}
	timer_settime(cpu->timer, TIMER_ABSTIME, &at, NULL);
}

static void expire(struct cpu *cpu)
{
	arm_timer(cpu, arch_expire(cpu, now_ns()));
}

static void fail_fault(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	machine_fail(cpu->m, 0, "run", "CPU %u at %#llx wanted %s of %#llx: %s", cpu->id, exit->rip,
		     axas_prot_name(exit->nested_page_fault.access), exit->nested_page_fault.gpa,
		     axas_fault_name(exit->nested_page_fault.result));
}

/*
 * Another process that has the space may protect memory for a while, to copy it: the access waits
 * until it is allowed, and is made again. So does one of a missing page. A hole may be a device of
 * the architecture.
 */
static void on_fault(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	struct machine *m = cpu->m;

	if (exit->nested_page_fault.result != AXAS_FAULT_DENIED &&
	    exit->nested_page_fault.result != AXAS_FAULT_MISSING) {
		if (!arch_exit(cpu, exit))
			fail_fault(cpu, exit);
		return;
	}
	pthread_mutex_unlock(&m->lock);
	if (exit->nested_page_fault.result == AXAS_FAULT_DENIED)
		usleep(DENIED_WAIT_US);
	else
		memory_wait(m, exit->nested_page_fault.gpa);
	pthread_mutex_lock(&m->lock);
}

static void answer_exit(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	struct machine *m = cpu->m;

	switch (exit->reason) {
	case AXVCPU_EXIT_NOTHING:
	case AXVCPU_EXIT_EXTERNAL_INTERRUPT:
	case AXVCPU_EXIT_WINDOW:
		break;
	case AXVCPU_EXIT_NESTED_PAGE_FAULT:
		on_fault(cpu, exit);
		break;
	default:
		if (arch_exit(cpu, exit))
			break;
		machine_fail(m, 0, "run", "CPU %u at %#llx came out with %s %#llx", cpu->id,
			     exit->rip, axvcpu_exit_name(exit->reason), exit->raw[0]);
	}
}

/* The reset, and the wait for the start. False: the machine stops. */
static bool wait_for_start(struct cpu *cpu)
{
	int err = 0;

	if (cpu->reset) {
		cpu->reset = false;
		err = axvcpu_reset(cpu->fd);
		arch_reset_cpu(cpu);
		cpu->set_up = false;
		cpu->wait = true;
	}
	while (cpu->wait && !cpu->start && !machine_stopping(cpu->m))
		pthread_cond_wait(&cpu->wake, &cpu->m->lock);
	if (machine_stopping(cpu->m))
		return false;
	if (cpu->wait && !err)
		err = arch_setup(cpu);
	cpu->set_up = true;
	cpu->wait = false;
	cpu->start = false;
	if (err)
		machine_fail(cpu->m, err, "setup", "CPU %u", cpu->id);
	return !err;
}

static void run_once(struct cpu *cpu)
{
	struct axvcpu_exit exit;
	u32 window;
	int err;

	expire(cpu);
	window = arch_deliver(cpu);
	pthread_mutex_unlock(&cpu->m->lock);
	err = window ? axvcpu_run_window(cpu->fd, window, &exit) : axvcpu_run(cpu->fd, &exit);
	pthread_mutex_lock(&cpu->m->lock);
	if (err && err != -EINTR)
		machine_fail(cpu->m, err, "run", "CPU %u", cpu->id);
	else if (!err)
		answer_exit(cpu, &exit);
}

static void *run_cpu(struct cpu *cpu)
{
	struct machine *m = cpu->m;
	int err = make_timer(cpu);

	pthread_mutex_lock(&m->lock);
	cpu->armed = NEVER;
	if (!err && !cpu->id && !cpu->set_up) {
		err = arch_setup(cpu);
		cpu->set_up = true;
	}
	if (err)
		machine_fail(m, err, "setup", "CPU %u", cpu->id);
	while (!machine_stopping(m)) {
		if ((cpu->wait || cpu->reset) && !wait_for_start(cpu))
			break;
		run_once(cpu);
	}
	pthread_mutex_unlock(&m->lock);
	timer_delete(cpu->timer);
	return NULL;
}

void *cpu_thread(void *arg)
{
	this_cpu = arg;
	return run_cpu(arg);
}
