/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The suites (suites.h), and helpers that several of them use.
 */
#ifndef _AXAS_KUNIT_TEST_H
#define _AXAS_KUNIT_TEST_H

#include <kunit/test.h>
#include <linux/sizes.h>
#include <axas/addr.h>

#include "axas_npt_formats.h"
#include "suites.h"

#define SUITE(name)	name##_suite
#define DECLARE_FORMAT_SUITE(NAME, name)	extern struct kunit_suite axas_npt_##name##_suite;
DECLARE_SUITES(AXAS_SUITES);
DECLARE_SUITES(AXAS_LINUX_SUITES);
AXAS_NPT_FORMATS(DECLARE_FORMAT_SUITE)

#define TEST_R		AXAS_PROT_READ
#define TEST_W		AXAS_PROT_WRITE
#define TEST_X		AXAS_PROT_EXEC
#define TEST_RW		(TEST_R | TEST_W)
#define TEST_RX		(TEST_R | TEST_X)
#define TEST_RWX	(TEST_R | TEST_W | TEST_X)

#define TEST_NORMAL	AXAS_TYPE_NORMAL
#define TEST_DEVICE	AXAS_TYPE_DEVICE
#define TEST_UNCACHED	AXAS_TYPE_UNCACHED

/**
 * struct test_thread - a function to run in a thread
 * @fn: the function
 * @arg: its argument
 * @result: its return value
 */
struct test_thread {
	int (*fn)(void *arg);
	void *arg;
	int result;
};

/* Start all threads and wait for them. -ENOMEM if one could not be started. */
int test_run_threads(struct test_thread *threads, unsigned int n);

#endif /* _AXAS_KUNIT_TEST_H */
