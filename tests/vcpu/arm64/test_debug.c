// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's watchpoints, counters and registers of EL2 survive guests, and guests do not see
 * them (S9 for arm64).
 */
#include "vm.h"

#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PSTATE_PAN	BIT_ULL(22)
#define PSTATE_TCO	BIT_ULL(25)
#define EL1H		0x5ull
#ifndef HWCAP2_SME
#define HWCAP2_SME	BIT_ULL(23)
#endif

#define REGISTERS	"/sys/module/axas_el2/parameters/registers"

static _Alignas(4096) u64 watched;

/* Address of the watched word, in the process and as a gpa. */
static u64 address(void)
{
	return (uintptr_t)&watched;
}

static int open_event(struct perf_event_attr *attr, pid_t pid, int cpu)
{
	attr->size = sizeof(*attr);
	attr->read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	return syscall(SYS_perf_event_open, attr, pid, cpu, -1, 0);
}

/* Set a watchpoint for all threads on @cpu, at EL0 and in the kernel. */
static int watch(int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT, .bp_type = HW_BREAKPOINT_W,
		.bp_addr = address(), .bp_len = HW_BREAKPOINT_LEN_8,
		.sample_period = 1, .wakeup_events = 1,
	};
	int fd = open_event(&attr, -1, cpu);

	if (fd < 0)
		skip("no watchpoint: %s", strerror(errno));
	return fd;
}

static u64 count(int fd)
{
	u64 val[3];

	expect_eq(read(fd, val, sizeof(val)), sizeof(val));
	expect_eq(val[1], val[2]);
	return val[0];
}

static void write_watched(unsigned int times)
{
	for (unsigned int i = 0; i < times; i++)
		__atomic_store_n(&watched, i, __ATOMIC_SEQ_CST);
}

/* A guest's writes to the same address in its own memory do not trigger the host's watchpoint. */
static void watchpoints_survive_guests_and_stay_the_hosts(void)
{
	struct vm vm = vm_new();
	int fd;

	pin_thread(0);
	if (address() < VM_LOW)
		skip("the program is where the guest is");
	map(vm.space, address(), PAGE, RW, 0);
	fd = watch(0);
	write_watched(3);
	expect_eq(count(fd), 3);
	for (u64 i = 0; i < 100; i++)
		vm_call(&vm, guest(write), address(), i, 0, 0);
	expect_eq(peek(vm.space, address()), 99);
	expect_eq(count(fd), 3);
	write_watched(4);
	expect_eq(count(fd), 7);
	close(fd);
}

/* The same for a watchpoint that perf sets by an IPI while the guest writes. */
static void watchpoints_come_and_go_under_a_guest(void)
{
	u64 mark = 0;
	struct vm vm = vm_new();
	struct runner r = { 0 };
	int fd;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip("there is one CPU");
	map(vm.space, address(), PAGE, RW, 0);
	map(vm.space, VM_TEST, PAGE, RW, 0);
	vm_enter(&vm, guest(stores), address(), VM_TEST, 0, 0);
	runner_start(&r, &vm, 1);
	for (int i = 0; i < 20; i++) {
		mark = wait_change(vm.space, VM_TEST, mark);
		fd = watch(1);
		mark = wait_change(vm.space, VM_TEST, mark);
		mark = wait_change(vm.space, VM_TEST, mark);
		expect_eq(count(fd), 0);
		close(fd);
	}
	fd = watch(1);
	mark = wait_change(vm.space, VM_TEST, mark);
	runner_stop(&r);
	pin_thread(1);
	write_watched(5);
	expect_eq(count(fd), 5);
	close(fd);
}

static void counters_survive_guests(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE, .config = PERF_COUNT_HW_CPU_CYCLES, .pinned = 1,
	};
	struct vm vm = vm_new();
	u64 before, after;
	int fd = open_event(&attr, 0, -1);

	if (fd < 0)
		skip("no counter: %s", strerror(errno));
	before = count(fd);
	for (int i = 0; i < 10; i++)
		vm_call(&vm, guest(registers), 0x1234, 1000, 0, 0);
	after = count(fd);
	expect(after > before);
	write_watched(1000);
	expect(count(fd) > after);
	close(fd);
}

static void write_tpidr2(u64 val)
{
	__asm__ volatile("msr S3_3_C13_C0_5, %0" : : "r" (val));
}

static u64 read_tpidr2(void)
{
	u64 val;

	__asm__ volatile("mrs %0, S3_3_C13_C0_5" : "=r" (val));
	return val;
}

/* TPIDR2_EL0 (SME): the host thread's value survives guests, which do not see it. */
static void tpidr2_stays_the_hosts(void)
{
	struct vm vm = vm_new();
	struct axvcpu_regs regs;

	if (!(getauxval(AT_HWCAP2) & HWCAP2_SME))
		skip("the CPUs have no SME");
	expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
	for (u64 i = 1; i < 10; i++) {
		write_tpidr2(i);
		vm_enter(&vm, guest(become), guest(tpidr2), regs.arm64.sctlr, EL1H, 0x4711);
		/* The access is undefined, or reads 0: never the host's value. */
		expect((vm_done(&vm) & ~0x2000000ull) == 0);
		expect_eq(read_tpidr2(), i);
	}
	write_tpidr2(0);
}

static void read_registers(char *buf, size_t size)
{
	FILE *file = fopen(REGISTERS, "r");
	size_t n;

	if (!file)
		skip("axas_el2.ko is not loaded");
	n = fread(buf, 1, size - 1, file);
	buf[n] = 0;
	fclose(file);
	expect(n > 0);
}

/* Every EL2 register that a vCPU changes between load and put is restored. */
static void el2_is_as_before(void)
{
	static char before[8192], during[8192], after[8192];
	struct vm vm = vm_new();
	struct runner r = { 0 };

	read_registers(before, sizeof(before));
	vm_enter(&vm, guest(spin), 0, 0, 0, 0);
	runner_start(&r, &vm, 1);
	/* A register must differ meanwhile, or the comparison would prove nothing. */
	for (u64 end = now_ms() + 20000;;) {
		read_registers(during, sizeof(during));
		if (strcmp(before, during))
			break;
		if (now_ms() > end)
			fail("no vCPU is seen: %.180s", during);
	}
	runner_stop(&r);
	read_registers(after, sizeof(after));
	if (strcmp(before, after))
		fail("before: %.180s after: %.180s", before, after);
}

/* The host's PSTATE on CPU 1, sampled by an interrupt while a vCPU is loaded there. */
static bool loaded_pstate(u64 *pstate)
{
	FILE *file = fopen("/sys/module/axas_el2/parameters/pstate", "r");
	unsigned int cpu;
	char line[128];
	u64 vttbr, val;
	bool loaded = false;

	if (!file)
		skip("axas_el2.ko is not loaded");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "cpu %u vttbr %llx pstate %llx", &cpu, &vttbr, &val) != 3 ||
		    cpu != 1 || !vttbr)
			continue;
		loaded = true;
		*pstate = val;
	}
	fclose(file);
	return loaded;
}

/*
 * A guest runs with PAN clear and TCO set. Host code must not inherit them: it could access user
 * memory by mistake, and would not check tags (S3: the host hung).
 */
static void the_hosts_pstate_is_not_the_guests(void)
{
	struct vm vm = vm_new();
	struct runner r = { 0 };
	struct axvcpu_regs regs;
	u64 pstate;

	/* TCO is set on system call entry and stays set for tasks without tag checks. */
	prctl(PR_SET_TAGGED_ADDR_CTRL, PR_TAGGED_ADDR_ENABLE | PR_MTE_TCF_SYNC, 0, 0, 0);
	expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
	vm_enter(&vm, guest(become), guest(spin), regs.arm64.sctlr | BIT_ULL(23),
		 EL1H | PSTATE_TCO, 0);
	runner_start(&r, &vm, 1);
	for (int i = 0; i < 100; i++) {
		for (u64 end = now_ms() + 20000; !loaded_pstate(&pstate);)
			if (now_ms() > end)
				fail("no vCPU is seen");
		if (!(pstate & PSTATE_PAN) || pstate & PSTATE_TCO)
			fail("the host's PSTATE is %#llx", pstate);
	}
	runner_stop(&r);
	expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
	expect_eq(regs.arm64.pstate & PSTATE_PAN, 0);
}

static const struct test tests[] = {
	{ "watchpoints_survive_guests_and_stay_the_hosts",
	  watchpoints_survive_guests_and_stay_the_hosts },
	{ "watchpoints_come_and_go_under_a_guest", watchpoints_come_and_go_under_a_guest },
	{ "counters_survive_guests", counters_survive_guests },
	{ "tpidr2_stays_the_hosts", tpidr2_stays_the_hosts },
	{ "el2_is_as_before", el2_is_as_before },
	{ "the_hosts_pstate_is_not_the_guests", the_hosts_pstate_is_not_the_guests },
};

const struct suite suite_debug = { .tests = tests, .nr = ARRAY_SIZE(tests) };
