/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The suites of axvcpu_kunit.ko beside axvcpu_test.c's own.
 */
#ifndef _AXVCPU_TEST_H
#define _AXVCPU_TEST_H

#include <kunit/test.h>

extern struct kunit_suite arm64_pstate_suite;
extern struct kunit_suite arm64_vmid_suite;
extern struct kunit_suite riscv_insn_suite;
extern struct kunit_suite riscv_stale_suite;
extern struct kunit_suite x86_mitigate_suite;
extern struct kunit_suite riscv_vmid_suite;
extern struct kunit_suite x86_event_suite;	/* on x86 */

#endif /* _AXVCPU_TEST_H */
