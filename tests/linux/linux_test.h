/* SPDX-License-Identifier: GPL-2.0-only */
/* linux_test: the suites. Each file has one subject. */
#ifndef AXAS_LINUX_TEST_H
#define AXAS_LINUX_TEST_H

#include "harness.h"

extern const struct suite suite_process, suite_memory, suite_cpu;

#endif /* AXAS_LINUX_TEST_H */
