// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thread that runs a vCPU while the test changes its space or state. Calls libaxas and the
 * harness; @stop and @done are atomic, no locks.
 */
#include "vm.h"

#include <signal.h>
#include <unistd.h>

static void wake(int sig)
{
	(void)sig;
}

static void *run_thread(void *arg)
{
	struct runner *r = arg;
	int err;

	if (r->cpu >= 0)
		pin_thread(r->cpu);
	do {
		err = axvcpu_run(r->vm->vcpu, &r->exit);
		atomic_fetch_add(&r->returns, 1);
	} while (!atomic_load(&r->stop) &&
		 (err == -EINTR || (!err && r->exit.reason == AXVCPU_EXIT_NOTHING)));
	r->err = err;
	atomic_store(&r->done, true);
	return NULL;
}

void runner_start(struct runner *r, struct vm *vm, int cpu)
{
	struct sigaction action = { .sa_handler = wake };

	sigaction(SIGUSR1, &action, NULL);
	r->vm = vm;
	r->cpu = cpu;
	r->err = 0;
	atomic_store(&r->stop, false);
	atomic_store(&r->done, false);
	if (pthread_create(&r->thread, NULL, run_thread, r))
		fail("no thread");
}

void runner_join(struct runner *r)
{
	pthread_join(r->thread, NULL);
}

/* Signal in a loop: a signal just before the ioctl is lost. */
static void end(struct runner *r)
{
	atomic_store(&r->stop, true);
	while (!atomic_load(&r->done)) {
		pthread_kill(r->thread, SIGUSR1);
		sleep_ms(1);
	}
	runner_join(r);
}

void runner_stop(struct runner *r)
{
	end(r);
	if (r->err != -EINTR && !(r->err == 0 && r->exit.reason == AXVCPU_EXIT_NOTHING))
		fail("the guest came back by itself: %s, %s %#llx", strerror(-r->err),
		     axvcpu_exit_name(r->exit.reason), r->exit.raw[0]);
}

int beside_run(struct vm *vm, void (*enter)(struct vm *vm), int (*call)(struct vm *vm))
{
	int err = 0;

	for (int tries = 0; tries < 20 && err != -EBUSY; tries++) {
		struct runner r = { 0 };

		enter(vm);
		runner_start(&r, vm, -1);
		while (vcpu_state(vm->vcpu).state != AXVCPU_STATE_RUNNING)
			sleep_ms(1);
		err = call(vm);
		end(&r);
	}
	return err;
}

/* Wait until the word at @gpa is no longer @from, and return it. */
u64 wait_change(int space, u64 gpa, u64 from)
{
	u64 end = now_ms() + 20000, val;

	while ((val = peek(space, gpa)) == from) {
		if (now_ms() > end)
			fail("the guest stands still: %#llx at %#llx", from, gpa);
		/* Leave the CPU to the guest: an emulator's CPUs may share fewer host CPUs. */
		usleep(20);
	}
	return val;
}
