// SPDX-License-Identifier: GPL-2.0-only
/*
 * linux_test: what a Linux guest does in its machine, as TAP. Runs inside of the guest, as root.
 *
 *	linux_test [-l] [-t SECONDS] [PART-OF-A-NAME...]
 */
#include "linux_test.h"

int main(int argc, char **argv)
{
	static const struct suite *const suites[] = { &suite_process, &suite_cpu, &suite_memory };

	harness_begin(argc, argv, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++)
		harness_suite(suites[i], NULL);
	return harness_end();
}
