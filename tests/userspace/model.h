/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Operations on a space beside a model of it: pages, their content, their protection and
 * frames. A program is a sequence of operations of 8 bytes each; the first 8 bytes say
 * what machine and which limits. Every sequence of bytes is a program.
 */
#ifndef USERSPACE_MODEL_H
#define USERSPACE_MODEL_H

#include "shim/kernel.h"

/**
 * struct model_op - one operation
 * @code: which; see model.c
 * @a: choices: protection, flags, widths
 * @page: where
 * @n: how much
 * @b: more choices: offsets, values, host-physical addresses
 */
struct model_op {
	u8 code;
	u8 a;
	u16 page;
	u16 n;
	u16 b;
};

static_assert(sizeof(struct model_op) == 8);

/*
 * Run a program: NULL when all agreed, else what did not (in a static buffer). @ops[0]
 * chooses the machine. @trace: print each operation.
 */
const char *model_run(const struct model_op *ops, unsigned int n, bool trace);

/* Operations that were run so far. */
extern unsigned long model_nr_ops;

#endif /* USERSPACE_MODEL_H */
