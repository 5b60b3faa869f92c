/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of boot's devices and loaders have in common: TAP lines, and a file's content. A
 * test is one program of one source file, which includes this once.
 */
#ifndef AXASCTL_BOOT_TEST_H
#define AXASCTL_BOOT_TEST_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static int nr, failures;

static void ok(bool good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++nr, what);
	failures += !good;
}

static inline void write_file(const char *path, const void *bytes, size_t len)
{
	FILE *f = fopen(path, "w");

	if (!f || fwrite(bytes, 1, len, f) != len || fclose(f))
		exit(1);
}

#endif /* AXASCTL_BOOT_TEST_H */
