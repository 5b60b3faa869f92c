// SPDX-License-Identifier: GPL-2.0-only
/*
 * The verdict on a program (verdict.h), and the functions of KUnit that the fixtures call.
 */
#include <kunit/test.h>

#include "verdict.h"

struct verdict verdict;

void fail(const char *fmt, ...)
{
	int n = snprintf(verdict.why, sizeof(verdict.why), "step %u, %s: ", verdict.step,
			 verdict.name);
	va_list args;

	va_start(args, fmt);
	vsnprintf(verdict.why + n, sizeof(verdict.why) - n, fmt, args);
	va_end(args);
	longjmp(verdict.end, 1);
}

void expect(s64 got, s64 want, u64 gpa)
{
	if (got != want)
		fail("at 0x%llx: %lld, but the model says %lld", gpa, got, want);
}

const char *verdict_run(const struct verdict_ops *ops, const struct model_op *program,
			unsigned int n)
{
	static char why[sizeof(verdict.why)];
	long objects = shim_nr_objects, pages = shim_nr_pages;

	verdict.step = 0;
	if (setjmp(verdict.end)) {
		strcpy(why, verdict.why);
		return why;
	}
	/* A quarter of all programs takes the ways of a core that is traced. */
	shim_tracing = !(program->n & 12);
	ops->begin(program);
	for (verdict.step = 1; verdict.step < n; verdict.step++)
		ops->run(&program[verdict.step]);
	ops->end();
	rcu_barrier();
	if (shim_nr_objects == objects && shim_nr_pages == pages)
		return NULL;
	snprintf(why, sizeof(why), "%ld objects and %ld pages leaked", shim_nr_objects - objects,
		 shim_nr_pages - pages);
	return why;
}

void kunit_fail(struct kunit *test, const char *file, int line, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	fail("%s:%d: %s", file, line, text);
}

__noreturn void kunit_end_case(struct kunit *test)
{
	fail("ended");
}

void *kunit_kmalloc(struct kunit *test, size_t size, gfp_t gfp)
{
	fail("not here");
}
