/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The suites of axvcpu_kunit.ko (suites.h).
 */
#ifndef _AXVCPU_TEST_H
#define _AXVCPU_TEST_H

#include <kunit/test.h>

#include "suites.h"

#define SUITE(name)	name##_suite
DECLARE_SUITES(AXVCPU_SUITES);
DECLARE_SUITES(AXVCPU_X86_SUITES);
DECLARE_SUITES(AXVCPU_X86_CPU_SUITES);

#endif /* _AXVCPU_TEST_H */
