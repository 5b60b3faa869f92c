// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the tests of a vCPU's state have in common on all architectures: a guest that is moved while
 * it counts, and states with random bytes.
 */
#include "vm.h"

#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

void save_count_and_move(struct vm *vm, u64 entry, u64 rounds, void (*move)(struct vm *vm))
{
	struct runner r = { 0 };

	vm_enter(vm, entry, 0x1234, rounds, 0, 0);
	for (int i = 0; i < 20; i++) {
		runner_start(&r, vm, -1);
		usleep(3000);
		atomic_store(&r.stop, true);
		axvcpu_kick(vm->vcpu);
		runner_join(&r);
		if (runner_ended(&r))
			break;
		expect_eq(-r.err, r.err ? EINTR : 0);
		move(vm);
	}
	expect_eq(runner_ended(&r) ? expect_end(vm, &r.exit) : vm_done(vm), rounds);
}

static void on_alarm(int sig)
{
	(void)sig;
}

static u64 next_random(u64 *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return *seed >> 33;
}

void save_random_states(const struct random_states *s)
{
	struct itimerval timer = { { 0, 20000 }, { 0, 20000 } };
	struct sigaction action = { .sa_handler = on_alarm };
	struct vm vm = vm_new();
	u64 seed = 1, ran = 0;
	u8 *bad = s->bad;

	/* Ends those that run for ever. */
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	expect_eq(axvcpu_save(vm.vcpu, s->good, s->size), 0);
	for (int round = 0; round < s->rounds; round++) {
		struct axvcpu_exit exit;

		memcpy(bad, s->good, s->size);
		for (u64 i = next_random(&seed) % 6; i < 6; i++) {
			u64 at = next_random(&seed) % s->used;

			bad[at] = next_random(&seed);
		}
		/* The version comes first in all of them. */
		memcpy(bad, s->good, sizeof(u32));
		if (axvcpu_restore(vm.vcpu, bad, s->size))
			continue;
		ran++;
		for (int i = 0; i < 3; i++)
			axvcpu_run(vm.vcpu, &exit);
		expect_eq(axvcpu_reset(vm.vcpu), 0);
		expect_eq(setup(vm.vcpu, s->mode, guest(halt), 0), 0);
	}
	note("%llu states of %d were accepted", ran, s->rounds);
	expect(ran > (u64)s->rounds / 10);
	expect_eq(axvcpu_restore(vm.vcpu, s->good, s->size), 0);
	vm_enter(&vm, guest(halt), 0, 0, 0, 0);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
}
