// SPDX-License-Identifier: GPL-2.0-only
/*
 * The TAP runner: each test runs in its own process group, which is killed at the time limit.
 * The test reports its reason through shared memory.
 */
#include "harness.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIME_LIMIT	900	/* seconds per test */
#define STUCK_SECONDS	60	/* seconds from SIGKILL to exit */

static struct {
	bool list;
	unsigned int limit;
	char **only;
	int nr, failed;
} run = { .limit = TIME_LIMIT };

static void sysrq(char key)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, &key, 1) != 1)
		perror("/proc/sysrq-trigger");
	close(fd);
}

/*
 * Kill a process group whose leader exceeded the time limit. First write the backtrace of each
 * CPU and the blocked tasks to the kernel log. A process that survives SIGKILL is stuck in the
 * kernel: later results could not be trusted, so bail out, as TAP calls it.
 */
static void end_stuck(pid_t pid)
{
	int status;

	sysrq('l');
	sysrq('w');
	kill(-pid, SIGKILL);
	for (int i = 0; i < STUCK_SECONDS * 10; i++) {
		if (waitpid(pid, &status, WNOHANG))
			return;
		usleep(100000);
	}
	puts("Bail out! A test cannot be ended: see the kernel's log");
	fflush(stdout);
	_exit(1);
}

/* Wait for the child, up to the time limit. */
static int wait_for(pid_t pid)
{
	u64 end = now_ms() + run.limit * 1000ull;
	int status;

	for (unsigned int ms = 1; !waitpid(pid, &status, WNOHANG); ms += ms < 50) {
		if (now_ms() > end) {
			snprintf(outcome->reason, sizeof(outcome->reason),
				 "not done after %u seconds", run.limit);
			end_stuck(pid);
			return TEST_FAILED;
		}
		sleep_ms(ms);
	}
	kill(-pid, SIGKILL);	/* descendants that outlive the test */
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

static void report(int result, const char *name)
{
	run.nr++;
	switch (result) {
	case TEST_OK:
		printf("ok %d - %s\n", run.nr, name);
		break;
	case TEST_SKIPPED:
		printf("ok %d - %s # SKIP %s\n", run.nr, name, outcome->reason);
		break;
	default:
		run.failed++;
		printf("not ok %d - %s\n# %s\n", run.nr, name, outcome->reason);
	}
	fflush(stdout);
}

static bool wanted(const char *name)
{
	if (!*run.only)
		return true;
	for (char **p = run.only; name && *p; p++)
		if (strstr(name, *p))
			return true;
	return false;
}

static void run_test(const struct suite *suite, const struct test *test, const char *variant)
{
	char name[256];
	u64 start;

	snprintf(name, sizeof(name), variant ? "%s [%s]" : "%s", test->name, variant);
	if (!wanted(name) && !wanted(suite->name))
		return;
	if (run.list) {
		printf("%s%s%s\n", suite->name ? : "", suite->name ? ": " : "", name);
		return;
	}
	start = now_ms();
	report(run_in_child(test), name);
	if (now_ms() - start > 2000)
		printf("# %s took %llu ms\n", name, now_ms() - start);
}

void harness_suite(const struct suite *suite, const char *variant)
{
	for (size_t i = 0; i < suite->nr; i++)
		run_test(suite, &suite->tests[i], variant);
}

static void usage(const char *name, const struct harness_options *more)
{
	fprintf(stderr, "usage: %s [-l] [-t SECONDS] %s[PART-OF-A-NAME...]\n", name,
		more ? more->usage : "");
	exit(2);
}

static void read_options(int argc, char **argv, const struct harness_options *more)
{
	char letters[32];
	int letter;

	snprintf(letters, sizeof(letters), "lt:%s", more ? more->letters : "");
	while ((letter = getopt(argc, argv, letters)) != -1) {
		if (letter == '?')
			usage(argv[0], more);
		else if (letter == 'l')
			run.list = true;
		else if (letter == 't')
			run.limit = atoi(optarg);
		else
			more->take(letter, optarg);
	}
	run.only = argv + optind;
}

bool harness_begin(int argc, char **argv, const struct harness_options *more)
{
	read_options(argc, argv, more);
	outcome = mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (outcome == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	if (!run.list)
		puts("TAP version 13");
	return !run.list;
}

int harness_end(void)
{
	if (!run.list)
		printf("1..%d\n", run.nr);
	return run.failed != 0;
}
