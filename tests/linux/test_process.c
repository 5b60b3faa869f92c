// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes and signals: page tables come and go, faults are recovered, timers fire.
 */
#include "linux_test.h"

#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES	200

/* A child changes its copy of the parent's memory, and returns what it read before. */
static void child(u32 *words, u32 nr)
{
	u32 sum = 0;

	for (u32 i = 0; i < 1024; i++) {
		sum += words[i];
		words[i] = nr;
	}
	_exit(sum == 1024 * 1023 / 2 ? nr % 251 : 255);
}

static void two_hundred_forks(void)
{
	static u32 words[1024];
	int status;

	for (u32 i = 0; i < ARRAY_SIZE(words); i++)
		words[i] = i;
	for (u32 i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();

		expect_libc(pid);
		if (!pid)
			child(words, i);
		expect_eq(waitpid(pid, &status, 0), pid);
		expect(WIFEXITED(status));
		expect_eq(WEXITSTATUS(status), i % 251);
	}
	for (u32 i = 0; i < ARRAY_SIZE(words); i++)
		expect_eq(words[i], i);
}

static void many_at_once(void)
{
	int pipes[2];
	char byte;

	expect_ok(pipe(pipes));
	for (u32 i = 0; i < 50; i++) {
		pid_t pid = fork();

		expect_libc(pid);
		if (!pid) {
			expect_eq(read(pipes[0], &byte, 1), 1);
			_exit(0);
		}
	}
	for (u32 i = 0; i < 50; i++)
		expect_eq(write(pipes[1], "x", 1), 1);
	for (u32 i = 0; i < 50; i++)
		expect(wait(NULL) > 0);
}

static void programs_start(void)
{
	for (u32 i = 0; i < 20; i++)
		expect_eq(system("/bin/busybox true"), 0);
	expect_eq(WEXITSTATUS(system("exit 7")), 7);
}

static sigjmp_buf back;
static atomic_int faults, alarms;

static void on_fault(int sig)
{
	(void)sig;
	faults++;
	siglongjmp(back, 1);
}

static void faults_become_signals(void)
{
	struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	atomic_uint *page = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	expect(page != MAP_FAILED);
	expect_ok(sigaction(SIGSEGV, &action, NULL));
	while (faults < 500)
		if (!sigsetjmp(back, 1))
			*page = 1;
}

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

/* 100 alarms, 5 ms apart, under computation. */
static void timers_fire(void)
{
	struct itimerval timer = { { 0, 5000 }, { 0, 5000 } };
	struct sigaction action = { .sa_handler = on_alarm };
	u64 start = now_ms(), took;

	expect_ok(sigaction(SIGALRM, &action, NULL));
	expect_ok(setitimer(ITIMER_REAL, &timer, NULL));
	while (alarms < 100)
		if (now_ms() - start > 20000)
			fail("only %d alarms in 20 s", atomic_load(&alarms));
	took = now_ms() - start;
	note("100 alarms in %llu ms", took);
	expect(took >= 490);
}

static void sleeps_have_their_length(void)
{
	u64 start = now_ms(), took;

	for (int i = 0; i < 20; i++)
		usleep(10000);
	took = now_ms() - start;
	note("20 sleeps of 10 ms took %llu ms", took);
	expect(took >= 200 && took < 5000);
}

static const struct test tests[] = {
	{ "two_hundred_forks", two_hundred_forks },
	{ "many_at_once", many_at_once },
	{ "programs_start", programs_start },
	{ "faults_become_signals", faults_become_signals },
	{ "timers_fire", timers_fire },
	{ "sleeps_have_their_length", sleeps_have_their_length },
};

const struct suite suite_process = { .tests = tests, .nr = ARRAY_SIZE(tests) };
