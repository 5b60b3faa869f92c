// SPDX-License-Identifier: GPL-2.0-only
/*
 * axas_uapi_test: tests of the user API, as TAP.
 *
 *	axas_uapi_test [-l] [-t SECONDS] [-s SEED] [-n CALLS] [PART-OF-A-NAME...]
 *
 * Each test runs in a process group of its own, which is killed after a limit of
 * time; what it says goes through shared memory. Needs root, the module, and 8 MiB
 * or more of host-physical memory that the kernel leaves alone: boot with
 * memmap=16M$0x30000000, or set AXAS_WINDOW=HPA,SIZE. AXAS_LOCKDOWN=1 allows the
 * test of lockdown, after which only a boot unlocks the kernel.
 */
#include "../stuck.h"
#include "uapi.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIME_LIMIT	900	/* seconds that a test may take */

static const struct suite *const suites[] = {
	&suite_system, &suite_envelope, &suite_refuse, &suite_map, &suite_areas, &suite_many,
	&suite_fault, &suite_huge, &suite_access, &suite_buffer, &suite_single, &suite_words,
	&suite_rules, &suite_account, &suite_stock, &suite_life, &suite_threads, &suite_random,
	&suite_model, &suite_failnth, &suite_last,
};

static const char *const format_names[] = { "default", "ept", "svm", "s2", "gstage" };

u32 test_format;
u32 test_seed = 1;
u32 test_ops;
u32 taint_before;

static struct {
	bool list;
	unsigned int limit;
	char **only;
	int nr, failed;
} run = { .limit = TIME_LIMIT };

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

static void run_test(const struct suite *suite, const struct test *test)
{
	char name[256];
	u64 start;

	if (suite->every_format)
		snprintf(name, sizeof(name), "%s [%s]", test->name, format_names[test_format]);
	else
		snprintf(name, sizeof(name), "%s", test->name);
	if (!wanted(name) && !wanted(suite->name))
		return;
	if (run.list) {
		printf("%s: %s\n", suite->name, name);
		return;
	}
	start = now_ms();
	report(run_in_child(test), name);
	if (now_ms() - start > 2000)
		printf("# %s took %llu ms\n", name, now_ms() - start);
}

/* The formats of this build, the host's own first. */
static size_t find_formats(u32 *formats)
{
	struct axas_format_info arg;
	int dev = open("/dev/axas", O_RDWR | O_CLOEXEC);
	size_t nr = 0;

	for (u32 f = AXAS_FORMAT_DEFAULT; dev >= 0 && f <= AXAS_FORMAT_GSTAGE; f++) {
		arg = (struct axas_format_info){ .size = sizeof(arg), .format = f };
		if (call(dev, AXAS_GET_FORMAT, &arg) || (nr && formats[0] == arg.format))
			continue;
		formats[nr++] = arg.format;
	}
	if (dev >= 0)
		close(dev);
	if (!nr)
		formats[nr++] = AXAS_FORMAT_DEFAULT;
	return nr;
}

static void run_suite(const struct suite *suite, const u32 *formats, size_t nr_formats)
{
	if (!suite->every_format)
		nr_formats = 1;
	for (size_t f = 0; f < nr_formats; f++) {
		test_format = formats[f];
		for (size_t i = 0; i < suite->nr; i++)
			run_test(suite, &suite->tests[i]);
	}
}

static void usage(const char *name)
{
	fprintf(stderr,
		"usage: %s [-l] [-t SECONDS] [-s SEED] [-n CALLS] [PART-OF-A-NAME...]\n", name);
	exit(2);
}

static void read_options(int argc, char **argv)
{
	const char *seed = getenv("AXAS_SEED");
	int opt;

	if (seed)
		test_seed = strtoul(seed, NULL, 0) | 1;
	while ((opt = getopt(argc, argv, "lt:s:n:")) != -1) {
		switch (opt) {
		case 'l':
			run.list = true;
			break;
		case 't':
			run.limit = atoi(optarg);
			break;
		case 's':
			test_seed = strtoul(optarg, NULL, 0) | 1;
			break;
		case 'n':
			test_ops = strtoul(optarg, NULL, 0);
			break;
		default:
			usage(argv[0]);
		}
	}
	run.only = argv + optind;
}

static u32 read_taint(void)
{
	char text[32] = "";

	read_file("/proc/sys/kernel/tainted", text, sizeof(text));
	return strtoul(text, NULL, 10);
}

/* For the test of O_CLOEXEC: is the descriptor still open after exec? */
static int answer_fd_open(const char *number)
{
	return fcntl(atoi(number), F_GETFD) < 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	u32 formats[AXAS_FORMAT_GSTAGE + 1];
	size_t nr_formats;

	if (argc == 3 && !strcmp(argv[1], "--is-open"))
		return answer_fd_open(argv[2]);
	read_options(argc, argv);
	outcome = mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (outcome == MAP_FAILED)
		return 2;
	taint_before = read_taint();
	nr_formats = find_formats(formats);
	if (!run.list)
		printf("TAP version 13\n# seed %u\n", test_seed);
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++)
		run_suite(suites[i], formats, nr_formats);
	if (!run.list)
		printf("1..%d\n", run.nr);
	return !!run.failed;
}
