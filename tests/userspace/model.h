/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Operations on a space and on a model of it: pages with their contents, protection and frames.
 * A program is a sequence of operations of 8 bytes each; the first 8 bytes select the machine
 * and the limits. Every sequence of bytes is a program.
 */
#ifndef USERSPACE_MODEL_H
#define USERSPACE_MODEL_H

#include "shim/kernel.h"

/**
 * struct model_op - one operation
 * @code: selects the operation; see model.c
 * @a: parameters: protection, flags, widths
 * @page: first page
 * @n: length
 * @b: further parameters: offsets, values, host-physical addresses
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
 * Run a program: NULL if it passes, else a description of the difference (in a static buffer).
 * @ops[0] selects the machine. @trace: print each operation.
 */
const char *model_run(const struct model_op *ops, unsigned int n, bool trace);

/* The same for a family of spaces and images: see family.h. */
const char *family_run(const struct model_op *ops, unsigned int n, bool trace);

/* Number of operations run so far. */
extern unsigned long model_nr_ops;

#endif /* USERSPACE_MODEL_H */
