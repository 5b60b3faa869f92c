// SPDX-License-Identifier: GPL-2.0-only
/*
 * axvcpu_test: tests of vCPUs with real guests, as TAP.
 *
 *	axvcpu_test [-l] [-t SECONDS] [PART-OF-A-NAME...]
 *
 * Each test runs in a process group of its own, which is killed after a limit of time;
 * what it says goes through shared memory. Needs root and both modules.
 */
#include "../stuck.h"
#include "vm.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIME_LIMIT	900	/* seconds that a test may take */

static const struct suite *const suites[] = {
#ifdef RISCV_SUITES
	&suite_exits, &suite_registers, &suite_memory, &suite_matrix, &suite_parallel,
	&suite_interrupts, &suite_paging, &suite_attacks, &suite_life, &suite_kvm,
#else
	&suite_exits, &suite_memory, &suite_matrix, &suite_parallel, &suite_interrupts,
	&suite_api, &suite_life, &suite_host, &suite_cpu, &suite_attack,
#endif
};

struct outcome {
	char reason[512];
};

static struct outcome *outcome;

static struct {
	bool list;
	unsigned int limit;
	char **only;
	int nr, failed;
} run = { .limit = TIME_LIMIT };

void fail_at(const char *file, int line, const char *fmt, ...)
{
	size_t len = sizeof(outcome->reason);
	va_list ap;
	int n;

	n = snprintf(outcome->reason, len, "%s:%d: ", file, line);
	va_start(ap, fmt);
	vsnprintf(outcome->reason + n, len - n, fmt, ap);
	va_end(ap);
	_exit(TEST_FAILED);
}

void skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(outcome->reason, sizeof(outcome->reason), fmt, ap);
	va_end(ap);
	_exit(TEST_SKIPPED);
}

static bool wanted(const char *name)
{
	if (!*run.only)
		return true;
	for (char **p = run.only; *p; p++)
		if (strstr(name, *p))
			return true;
	return false;
}

/* Wait for the child, but not for ever. */
static int wait_for(pid_t pid)
{
	u64 end = now_ms() + run.limit * 1000ull;
	int status;

	for (unsigned int ms = 1; !waitpid(pid, &status, WNOHANG); ms += ms < 50) {
		if (now_ms() > end) {
			snprintf(outcome->reason, sizeof(outcome->reason),
				 "not done after %u seconds", run.limit);
			stuck_end(pid);
			return TEST_FAILED;
		}
		sleep_ms(ms);
	}
	kill(-pid, SIGKILL);	/* what the test may have left */
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	snprintf(outcome->reason, sizeof(outcome->reason), "ended by signal %d",
		 WTERMSIG(status));
	return TEST_FAILED;
}

static int run_in_child(const struct test *test)
{
	pid_t pid;

	fflush(stdout);
	outcome->reason[0] = '\0';
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		test->run();
		_exit(TEST_OK);
	}
	setpgid(pid, pid);
	return wait_for(pid);
}

static void run_test(const struct test *test)
{
	u64 start = now_ms();
	int result = run_in_child(test);

	run.nr++;
	if (result == TEST_SKIPPED) {
		printf("ok %d %s # SKIP %s\n", run.nr, test->name, outcome->reason);
	} else if (result == TEST_OK) {
		printf("ok %d %s\n", run.nr, test->name);
		if (*outcome->reason)
			printf("# %s\n", outcome->reason);
	} else {
		run.failed++;
		printf("not ok %d %s\n# %s\n", run.nr, test->name, outcome->reason);
	}
	if (now_ms() - start > 2000)
		printf("# %s took %llu ms\n", test->name, now_ms() - start);
	fflush(stdout);
}

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(outcome->reason, sizeof(outcome->reason), fmt, ap);
	va_end(ap);
}

/* What tests of one kernel's promises ask: 6012 is 6.12. */
unsigned int kernel_version(void)
{
	struct utsname name;
	unsigned int major = 0, minor = 0;

	if (uname(&name) || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		fail("uname: %s", strerror(errno));
	return major * 1000 + minor;
}

static void run_suite(const struct suite *suite)
{
	for (size_t i = 0; i < suite->nr; i++) {
		if (!wanted(suite->tests[i].name))
			continue;
		if (run.list)
			puts(suite->tests[i].name);
		else
			run_test(&suite->tests[i]);
	}
}

int main(int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "lt:")) != -1) {
		if (opt == 'l')
			run.list = true;
		else if (opt == 't')
			run.limit = atoi(optarg);
		else
			return 2;
	}
	run.only = argv + optind;
	outcome = mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (outcome == MAP_FAILED) {
		perror("mmap");
		return 2;
	}
	if (!run.list)
		puts("TAP version 13");
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++)
		run_suite(suites[i]);
	if (!run.list)
		printf("1..%d\n", run.nr);
	return run.failed != 0;
}
