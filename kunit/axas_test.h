/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The suites, and helpers that more than one of them uses.
 */
#ifndef _AXAS_KUNIT_TEST_H
#define _AXAS_KUNIT_TEST_H

#include <kunit/test.h>
#include <linux/sizes.h>
#include <axas/addr.h>

extern struct kunit_suite axas_addr_suite;
extern struct kunit_suite axas_device_suite;
extern struct kunit_suite axas_frame_suite;
extern struct kunit_suite axas_stock_suite;
extern struct kunit_suite axas_backend_suite;
extern struct kunit_suite axas_npt_suite;
extern struct kunit_suite axas_npt_gather_suite;
extern struct kunit_suite axas_npt_ept_suite;
extern struct kunit_suite axas_npt_svm_suite;
extern struct kunit_suite axas_npt_s2_suite;
extern struct kunit_suite axas_npt_gstage_suite;
extern struct kunit_suite axas_npt_fake_suite;
extern struct kunit_suite axas_machine_suite;
extern struct kunit_suite axas_area_suite;
extern struct kunit_suite axas_space_suite;
extern struct kunit_suite axas_space_fault_suite;
extern struct kunit_suite axas_space_range_suite;
extern struct kunit_suite axas_space_fail_suite;
extern struct kunit_suite axas_space_consumer_suite;
extern struct kunit_suite axas_space_huge_suite;
extern struct kunit_suite axas_space_many_suite;
extern struct kunit_suite axas_linear_suite;
extern struct kunit_suite axas_bound_suite;
extern struct kunit_suite axas_single_suite;
extern struct kunit_suite axas_access_suite;
extern struct kunit_suite axas_bvec_suite;
extern struct kunit_suite axas_random_suite;
extern struct kunit_suite axas_stress_suite;
extern struct kunit_suite axas_oracle_suite;
extern struct kunit_suite axas_gib_suite;
extern struct kunit_suite axas_flush_suite;
extern struct kunit_suite axas_monitor_suite;

#define TEST_R		AXAS_PROT_READ
#define TEST_W		AXAS_PROT_WRITE
#define TEST_X		AXAS_PROT_EXEC
#define TEST_RW		(TEST_R | TEST_W)
#define TEST_RX		(TEST_R | TEST_X)
#define TEST_RWX	(TEST_R | TEST_W | TEST_X)

/**
 * struct test_thread - a function that runs beside others
 * @fn: the function
 * @arg: its argument
 * @result: what it answered
 */
struct test_thread {
	int (*fn)(void *arg);
	void *arg;
	int result;
};

/* Start all, wait for all. -ENOMEM when one could not be started. */
int test_run_threads(struct test_thread *threads, unsigned int n);

#endif /* _AXAS_KUNIT_TEST_H */
