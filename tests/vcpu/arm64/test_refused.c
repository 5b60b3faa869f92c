// SPDX-License-Identifier: GPL-2.0-only
/*
 * Machines that cannot run vCPUs: AXVCPU_CREATE reports it, and spaces work.
 */
#include "vm.h"

#include <unistd.h>

/* ENODEV if the host booted at EL1, EBUSY beside KVM, whose device node tells them apart. */
static void there_are_no_vcpus(void)
{
	bool kvm = !access("/dev/kvm", F_OK);
	int space = open_space(), fd = axvcpu_open_vcpu(NULL, space, 0, 0);

	if (fd >= 0)
		skip("there are vCPUs here");
	expect_eq(-fd, kvm ? EBUSY : ENODEV);
	low_memory(space);
	map(space, VM_TEST, MIB, AXAS_PROT_MASK, 0);
	poke(space, VM_TEST, 0x1234);
	expect_eq(peek(space, VM_TEST), 0x1234);
	note("%s", strerror(-fd));
}

static const struct test tests[] = {
	{ "there_are_no_vcpus", there_are_no_vcpus },
};

const struct suite suite_refused = { .tests = tests, .nr = ARRAY_SIZE(tests) };
