// SPDX-License-Identifier: GPL-2.0-only
/*
 * S7: KVM and axvcpu never use the CPUs at the same time: the second one gets an error.
 */
#include "vm.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define KVM_MODULE	"/axas/kvm.ko"
#define KVM_NODE	"/tmp/kvm"	/* as udev makes it at boot, KVM loaded or not */
#define KVM_MINOR	232
#define READ_ALL	3		/* klogctl() */

static int load_kvm(void)
{
	int fd = open(KVM_MODULE, O_RDONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		fail("%s: %s", KVM_MODULE, strerror(errno));
	if (syscall(SYS_finit_module, fd, "", 0))
		err = errno;
	close(fd);
	return err;
}

static int unload_kvm(void)
{
	return syscall(SYS_delete_module, "kvm", O_NONBLOCK) ? errno : 0;
}

static int open_kvm(void)
{
	int fd;

	if (mknod(KVM_NODE, S_IFCHR | 0600, makedev(10, KVM_MINOR)) && errno != EEXIST)
		fail("mknod: %s", strerror(errno));
	fd = open(KVM_NODE, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool kernel_said(const char *words)
{
	static char log[1 << 20];
	int n = klogctl(READ_ALL, log, sizeof(log) - 1);

	if (n < 0)
		fail("klogctl: %s", strerror(errno));
	log[n] = 0;
	return strstr(log, words);
}

static void expect_it_works(struct vm *vm)
{
	expect_eq(vm_call(vm, guest(registers), 0x1111222233334444, 1000, 0, 0), 1000);
	expect_eq(vm_call(vm, guest(forbidden), 0, 0, 0, 0), 2);
}

static void kvm_cannot_start_beside_a_vcpu(void)
{
	struct vm vm = vm_new();
	struct runner r = { 0 };
	struct vm other = vm_on(vm.space, 1);

	vm_enter(&other, guest(spin), 0, 0, 0, 0);
	runner_start(&r, &other, -1);
	for (int i = 0; i < 2; i++) {
		expect_eq(load_kvm(), EBUSY);
		expect_eq(-open_kvm(), EBUSY);
		expect_it_works(&vm);
	}
	runner_stop(&r);
	expect(kernel_said("KVM cannot have the CPUs while vCPUs of axvcpu exist"));
}

static void vcpus_cannot_start_beside_kvm(void)
{
	int space = open_space(), kvm, machine;
	struct vm vm;

	for (int i = 0; i < 2; i++) {
		expect_eq(load_kvm(), 0);
		kvm = open_kvm();
		expect(kvm >= 0);
		expect_eq(-axvcpu_open_vcpu(NULL, space, 0, 0), EBUSY);
		machine = ioctl(kvm, KVM_CREATE_VM, 0);
		if (machine < 0)
			fail("KVM_CREATE_VM: %s", strerror(errno));
		expect_eq(-axvcpu_open_vcpu(NULL, space, 0, 0), EBUSY);
		close(machine);
		close(kvm);
		expect_eq(-axvcpu_open_vcpu(NULL, space, 0, 0), EBUSY);
		expect_eq(unload_kvm(), 0);
		vm = vm_new();
		expect_it_works(&vm);
		vm_free(&vm);
	}
	expect(kernel_said("KVM holds the CPUs"));
}

static const struct test tests[] = {
	{ "kvm_cannot_start_beside_a_vcpu", kvm_cannot_start_beside_a_vcpu },
	{ "vcpus_cannot_start_beside_kvm", vcpus_cannot_start_beside_kvm },
};

const struct suite suite_kvm = { .tests = tests, .nr = ARRAY_SIZE(tests) };
