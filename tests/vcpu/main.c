// SPDX-License-Identifier: GPL-2.0-only
/*
 * axvcpu_test: tests of vCPUs with real guests, as TAP.
 *
 *	axvcpu_test [-l] [-t SECONDS] [PART-OF-A-NAME...]
 *
 * Needs root and both modules. AXAS_ROUNDS sets the number of rounds of the race tests. Tests
 * of 1 GiB leaves need reserved host-physical memory, see find_window().
 */
#include "vm.h"

int main(int argc, char **argv)
{
	harness_begin(argc, argv, NULL);
	for (size_t i = 0; arch_suites[i]; i++)
		harness_suite(arch_suites[i], NULL);
	return harness_end();
}
