// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the KUnit suites as a program and prints KTAP as the kernel does:
 *
 *   kunit [-x] [-t SECONDS] [SUITE-GLOB[.CASE-GLOB]] [NAME=NUMBER...]
 *
 * Globs may have bash's @(a|b) and !(a|b). -x ends at the first failure; -t ends the program by a
 * signal if a case takes more CPU time; NAME=NUMBER sets a module parameter.
 */
#include <fnmatch.h>
#include <sys/time.h>
#include <kunit/test.h>

struct allocation {
	struct list_head node;
	char data[] __aligned(16);
};

void kunit_fail(struct kunit *test, const char *file, int line, const char *fmt, ...)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	va_list args;

	pthread_mutex_lock(&lock);
	if (test->failures++ < 20) {
		printf("    # %s: FAILED at %s:%d\n    #   ", test->name, file, line);
		va_start(args, fmt);
		vprintf(fmt, args);
		va_end(args);
		printf("\n");
	}
	pthread_mutex_unlock(&lock);
}

__noreturn void kunit_end_case(struct kunit *test)
{
	longjmp(test->end, 1);
}

void *kunit_kmalloc(struct kunit *test, size_t size, gfp_t gfp)
{
	struct allocation *a = shim_kmalloc(sizeof(*a) + size, gfp);

	if (!a)
		return NULL;
	list_add(&a->node, &test->allocations);
	return a->data;
}

static void free_allocations(struct kunit *test)
{
	struct allocation *a, *next;

	list_for_each_entry_safe(a, next, &test->allocations, node)
		kfree(a);
}

static void run_body(struct kunit_suite *suite, const struct kunit_case *c, struct kunit *test)
{
	int err = suite->init ? suite->init(test) : 0;

	if (err) {
		KUNIT_FAIL(test, "init: %d", err);
		return;
	}
	if (!setjmp(test->end))
		c->run_case(test);
	if (suite->exit && !setjmp(test->end))
		suite->exit(test);
}

static void run_one(struct kunit_suite *suite, const struct kunit_case *c, struct kunit *test)
{
	long objects = shim_nr_objects, pages = shim_nr_pages;

	INIT_LIST_HEAD(&test->allocations);
	run_body(suite, c, test);
	free_allocations(test);
	rcu_barrier();
	/* Only a case that ran to its end must have freed everything. */
	if (!test->failures && !test->skipped) {
		KUNIT_EXPECT_EQ_MSG(test, shim_nr_objects, objects, "objects of kmalloc() leaked");
		KUNIT_EXPECT_EQ_MSG(test, shim_nr_pages, pages, "pages leaked");
	}
}

static unsigned int nr_results;
static unsigned int nr_failed;
static bool end_at_failure;
static unsigned int seconds_each;

static void print_result(const struct kunit *test, const char *name, const char *desc,
			 const char *indent)
{
	printf("%s%s %u %s%s%s%s%s\n", indent, test->failures ? "not ok" : "ok", ++nr_results, name,
	       desc ? " " : "", desc ?: "", test->skipped ? " # SKIP " : "",
	       test->skipped ? test->status_comment : "");
	fflush(stdout);
	nr_failed += !!test->failures;
	if (test->failures && end_at_failure)
		exit(1);
}

static void run_case(struct kunit_suite *suite, const struct kunit_case *c)
{
	const struct itimerval limit = { .it_value.tv_sec = seconds_each };
	char desc[KUNIT_PARAM_DESC_SIZE] = "";
	const void *param = NULL;

	do {
		static struct kunit test;

		test = (struct kunit){ .name = c->name };
		if (c->generate_params) {
			param = c->generate_params(param, desc);
			if (!param)
				return;
			test.param_value = param;
		}
		setitimer(ITIMER_PROF, &limit, NULL);
		run_one(suite, c, &test);
		print_result(&test, c->name, desc, "    ");
	} while (param);
}

static void run_suite(struct kunit_suite *suite, const char *cases)
{
	const struct kunit_case *c;

	printf("    # Subtest: %s\n", suite->name);
	if (suite->suite_init && suite->suite_init(suite)) {
		printf("not ok %s: suite_init\n", suite->name);
		nr_failed++;
		return;
	}
	for (c = suite->test_cases; c->run_case; c++)
		if (!fnmatch(cases, c->name, FNM_EXTMATCH))
			run_case(suite, c);
	if (suite->suite_exit)
		suite->suite_exit(suite);
}

static void set_param(char *arg)
{
	char *val = strchr(arg, '=');

	*val++ = 0;
	if (!shim_set_param(arg, strtoul(val, NULL, 0))) {
		fprintf(stderr, "no parameter %s\n", arg);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct kunit_suite *const *suite;
	char *suites = "*", *cases = "*";
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-x")) {
			end_at_failure = true;
			continue;
		}
		if (!strcmp(argv[i], "-t") && i + 1 < argc) {
			seconds_each = strtoul(argv[++i], NULL, 0);
			continue;
		}
		if (strchr(argv[i], '=')) {
			set_param(argv[i]);
			continue;
		}
		suites = argv[i];
		if (strchr(suites, '.')) {
			cases = strchr(suites, '.') + 1;
			cases[-1] = 0;
		}
	}
	for (suite = kunit_all_suites; *suite; suite++)
		if (!fnmatch(suites, (*suite)->name, FNM_EXTMATCH))
			run_suite(*suite, cases);
	printf("# %u passed, %u failed\n", nr_results - nr_failed, nr_failed);
	return nr_failed || !nr_results;
}
