// SPDX-License-Identifier: GPL-2.0-only
/*
 * axas_bridge_test: KVM guests and device back ends on memory of a space, as TAP.
 *
 *	axas_bridge_test [-l] [-t SECONDS] [-k] [PART-OF-A-NAME...]
 *
 * -k only creates a VM, and holds it until the process is killed: KVM changes code of the
 * scheduler when the first VM comes and when the last one goes.
 *
 * Needs root, axas.ko, KVM, and brd.ko's /dev/ram0 of 16 MiB. AXAS_ROUNDS sets the number of
 * rounds of the race tests.
 */
#include "bridge.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const struct kind kinds[] = {
	{ "4K", 0, 0, PAGE },
	{ "4K pinnable", 0, AXAS_CREATE_PINNABLE, PAGE },
	{ "2M", AXAS_MAP_HUGE_WHOLE, 0, 2 * MIB },
	{ "2M pinnable", AXAS_MAP_HUGE_WHOLE, AXAS_CREATE_PINNABLE, 2 * MIB },
};

static const struct suite *const suites[] = {
	&suite_kvm, &suite_fork, &suite_rounds, &suite_device, &suite_vhost,
};

const struct kind *kind;

static void hold_vm(int letter, const char *arg)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (kvm < 0 || ioctl(kvm, KVM_CREATE_VM, 0) < 0) {
		perror("/dev/kvm");
		exit(2);
	}
	(void)letter;
	(void)arg;
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	static const struct harness_options more = { "k", "[-k] ", hold_vm };

	harness_begin(argc, argv, &more);
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
			kind = &kinds[k];
			harness_suite(suites[i], kind->name);
		}
	}
	return harness_end();
}
