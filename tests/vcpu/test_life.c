// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lifetimes: killed VMMs, closed descriptors, module removal, CPU hotplug, coexistence with KVM.
 */
#include "vm.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void works(void)
{
	struct vm vm = vm_new();

	map(vm.space, VM_TEST, MIB, RW, 0);
	expect_eq(vm_call(&vm, guest(fill), VM_TEST, VM_TEST + MIB, 64, 3), MIB / 64);
	vm_free(&vm);
}

/* Fork a VMM with two running vCPUs, one per thread. */
static pid_t start_vmm(void)
{
	pid_t pid = fork();

	if (!pid) {
		struct vm a = vm_new(), b = vm_on(a.space, 1);
		struct runner r = { 0 };
		struct axvcpu_exit exit;

		map(a.space, VM_TEST, 2 * MIB, RW, 0);
		vm_enter(&a, guest(stores), VM_TEST, VM_TEST + 8, 0, 0);
		vm_enter(&b, guest(spin), 0, 0, 0, 0);
		runner_start(&r, &b, -1);
		vcpu_run(a.vcpu, &exit);
		_exit(1);
	}
	return pid;
}

static void kill_9_of_the_vmm(void)
{
	int status;

	for (int i = 0; i < 20; i++) {
		pid_t pid = start_vmm();

		sleep_ms(20 + 7 * i);
		kill(pid, SIGKILL);
		expect_eq(waitpid(pid, &status, 0), pid);
		if (!WIFSIGNALED(status))
			fail("the VMM ended by itself with %#x", status);
	}
	works();
}

/* The space lives until its descriptor and its vCPUs are closed, in either order. */
static void closing_in_any_order(void)
{
	for (int i = 0; i < 2; i++) {
		struct vm vm = vm_new();

		if (i) {
			close(vm.space);
			vm_enter(&vm, guest(read), VM_DATA, 0, 0, 0);
			vm_done(&vm);
			close(vm.vcpu);
		} else {
			close(vm.vcpu);
			poke(vm.space, VM_DATA, 5);
			expect_eq(peek(vm.space, VM_DATA), 5);
			close(vm.space);
		}
	}
	works();
}

static int remove_module(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? errno : 0;
}

static void modules_in_use_stay(void)
{
	struct vm vm = vm_new();
	struct runner r = { 0 };

	vm_enter(&vm, guest(spin), 0, 0, 0, 0);
	runner_start(&r, &vm, -1);
	for (int i = 0; i < 20; i++) {
		expect_eq(remove_module("axvcpu"), EAGAIN);
		expect_eq(remove_module("axas"), EAGAIN);
		sleep_ms(2);
	}
	runner_stop(&r);
	close(vm.space);
	expect_eq(remove_module("axvcpu"), EAGAIN);
}

static int set_online(bool on)
{
	int fd = open("/sys/devices/system/cpu/cpu1/online", O_WRONLY), err = 0;

	if (fd < 0)
		return errno;
	if (write(fd, on ? "1" : "0", 1) != 1)
		err = errno;
	close(fd);
	return err;
}

/**
 * struct remover - a thread that flushes one leaf in a loop
 * @space: the space
 * @thread: the thread
 * @stop: ends the loop
 */
struct remover {
	int space;
	pthread_t thread;
	atomic_bool stop;
};

static void *remove_and_give_back(void *arg)
{
	struct remover *r = arg;

	while (!r->stop) {
		expect_eq(axas_protect(r->space, VM_TEST + MIB, PAGE, AXAS_PROT_READ), 0);
		expect_eq(axas_protect(r->space, VM_TEST + MIB, PAGE, RW), 0);
		poke(r->space, VM_TEST + MIB, 1);
	}
	return NULL;
}

/*
 * CPU 1 goes offline and online repeatedly under a running guest, while a remover flushes the
 * guest's memory.
 */
static void cpus_go_and_come_under_a_guest(void)
{
	struct vm vm = vm_new();
	struct remover remover = { .space = vm.space };
	struct runner r = { 0 };
	u64 mark = 0;
	int err;

	err = set_online(true);
	if (err == ENOENT)
		skip("CPU 1 cannot go");
	map(vm.space, VM_TEST, 2 * MIB, RW, 0);
	vm_enter(&vm, guest(stores), VM_TEST, VM_TEST + 8, 0, 0);
	expect_eq(axvcpu_set_affinity(vm.vcpu, 1, 0), 0);
	runner_start(&r, &vm, -1);
	expect_eq(pthread_create(&remover.thread, NULL, remove_and_give_back, &remover), 0);
	for (int i = 0; i < 10; i++) {
		mark = wait_change(vm.space, VM_TEST + 8, mark);
		err = set_online(false);
		if (err)
			fail("offline: %s", strerror(err));
		mark = wait_change(vm.space, VM_TEST + 8, mark);
		mark = wait_change(vm.space, VM_TEST + 8, mark);
		expect(vcpu_state(vm.vcpu).cpu != 1);
		err = set_online(true);
		if (err)
			fail("online: %s", strerror(err));
	}
	remover.stop = true;
	pthread_join(remover.thread, NULL);
	runner_stop(&r);
	/* The CPU that is online again runs guests. */
	expect_eq(axvcpu_set_affinity(vm.vcpu, 1, 2), 0);
	vm_call(&vm, guest(read), VM_DATA, 0, 0, 0);
	expect_eq(vcpu_state(vm.vcpu).cpu, 1);
}

/* A CPU that was offline when the first vCPU was created runs guests. */
static void cpu_comes_after_the_first_vcpu(void)
{
	struct vm vm;

	if (set_online(false))
		skip("CPU 1 cannot go");
	vm = vm_new();
	expect_eq(set_online(true), 0);
	expect_eq(axvcpu_set_affinity(vm.vcpu, 1, 2), 0);
	vm_call(&vm, guest(read), VM_DATA, 0, 0, 0);
	expect_eq(vcpu_state(vm.vcpu).cpu, 1);
}

/* AXAS_CLEAR under a running guest: its next access faults. */
static void clear_under_a_guest(void)
{
	int cpu = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 1 : -1;

	for (int i = 0; i < 50; i++) {
		struct vm vm = vm_new();
		struct runner r = { 0 };

		map(vm.space, VM_TEST, 2 * MIB, RW, 0);
		vm_enter(&vm, guest(stores), VM_TEST, VM_TEST + 8, 0, 0);
		runner_start(&r, &vm, cpu);
		wait_change(vm.space, VM_TEST + 8, 0);
		expect_ok(axas_clear(vm.space));
		expect_eq(info(vm.space).frames, 0);
		runner_join(&r);
		/* The fault is that of its next store or of its next instruction fetch. */
		if (r.exit.reason != hole_reason(AXAS_PROT_WRITE))
			expect_eq(r.exit.reason, AXVCPU_EXIT_NESTED_PAGE_FAULT);
		if (r.exit.reason == AXVCPU_EXIT_NESTED_PAGE_FAULT)
			expect_eq(r.exit.nested_page_fault.result, AXAS_FAULT_HOLE);
		vm_free(&vm);
	}
}

static bool shell(const char *command)
{
	return !system(command);
}

/* KVM enables virtualization for its first VM, axvcpu for its first vCPU: never both. */
static void never_beside_kvm(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), space, machine, vcpu;

	if (kvm < 0)
		skip("this kernel has no KVM loaded");
	space = open_space();
	machine = ioctl(kvm, KVM_CREATE_VM, 0);
	if (machine < 0)
		fail("KVM_CREATE_VM: %s", strerror(errno));
	expect_eq(-axvcpu_open_vcpu(NULL, space, 0, 0), EBUSY);
	expect(shell("axasctl run /axas/hello.elf 2>&1 | grep 'another hypervisor has the CPUs'"));
	close(machine);
	vcpu = open_vcpu(space, 0, 0);
	machine = ioctl(kvm, KVM_CREATE_VM, 0);
	/* KVM returns EBUSY, or EIO in versions that enable CPU by CPU. */
	if (machine >= 0 || (errno != EBUSY && errno != EIO))
		fail("KVM_CREATE_VM beside us: %s", machine < 0 ? strerror(errno) : "it could");
	works();
	close(vcpu);
	machine = ioctl(kvm, KVM_CREATE_VM, 0);
	if (machine < 0)
		fail("KVM_CREATE_VM then: %s", strerror(errno));
}

#define KVM_AMD	"/axas/kvm-amd.ko"

/*
 * S7: since 6.12 KVM enables virtualization when it is loaded. The kernel log names the module
 * that holds the CPUs when the other one is refused.
 */
static void kvm_has_the_cpus_from_its_load_on(void)
{
	int space, vcpu;

	if (access(KVM_AMD, R_OK) || kernel_version() < 6012)
		skip("no KVM that would take the CPUs when it is loaded");
	space = open_space();
	expect(shell("rmmod kvm_amd kvm && insmod /axas/kvm.ko"));
	vcpu = open_vcpu(space, 0, 0);
	expect(!shell("insmod " KVM_AMD));
	expect(shell("dmesg | tail -n 10 | grep 'axvcpu: vCPUs have this'"));
	works();
	close(vcpu);
	expect(shell("insmod " KVM_AMD));
	expect_eq(-axvcpu_open_vcpu(NULL, space, 0, 0), EBUSY);
	expect(shell("dmesg | tail -n 10 | grep 'axvcpu: KVM has this.* unload kvm_amd'"));
	expect(shell("rmmod kvm_amd kvm && insmod /axas/kvm.ko enable_virt_at_load=0"));
	expect(shell("insmod " KVM_AMD));
	works();
}

static const struct test tests[] = {
	{ "kill_9_of_the_vmm", kill_9_of_the_vmm },
	{ "closing_in_any_order", closing_in_any_order },
	{ "modules_in_use_stay", modules_in_use_stay },
	{ "cpus_go_and_come_under_a_guest", cpus_go_and_come_under_a_guest },
	{ "cpu_comes_after_the_first_vcpu", cpu_comes_after_the_first_vcpu },
	{ "clear_under_a_guest", clear_under_a_guest },
	{ "never_beside_kvm", never_beside_kvm },
	{ "kvm_has_the_cpus_from_its_load_on", kvm_has_the_cpus_from_its_load_on },
};

const struct suite suite_life = { .tests = tests, .nr = ARRAY_SIZE(tests) };
