/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a model says that the core differs from it: the rest of the program is skipped.
 */
#ifndef USERSPACE_VERDICT_H
#define USERSPACE_VERDICT_H

#include <setjmp.h>

#include "model.h"

/**
 * struct verdict - of the program that runs
 * @end: where fail() goes on
 * @why: the difference
 * @name: the operation
 * @step: its number
 */
struct verdict {
	jmp_buf end;
	char why[512];
	const char *name;
	unsigned int step;
};

extern struct verdict verdict;

/* The core does not do what the model says. Does not return. */
__printf(1, 2) __noreturn void fail(const char *fmt, ...);

/**
 * struct verdict_ops - a model
 * @begin: start with the first operation, which says what there is
 * @run: do one more
 * @end: free all
 */
struct verdict_ops {
	void (*begin)(const struct model_op *op);
	void (*run)(const struct model_op *op);
	void (*end)(void);
};

/* Run a program of @n operations. Return NULL, or the difference or leak, until the next call. */
const char *verdict_run(const struct verdict_ops *ops, const struct model_op *program,
			unsigned int n);

/* Fail unless they are equal. */
void expect(s64 got, s64 want, u64 gpa);

#endif /* USERSPACE_VERDICT_H */
