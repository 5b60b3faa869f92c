// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's breakpoints survive guests, and guests do not see them (S9).
 */
#include "vm.h"

#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static u64 watched;

static void touch(void)
{
	__atomic_fetch_add(&watched, 1, __ATOMIC_SEQ_CST);
}

/* Set a breakpoint for all tasks on @cpu; perf enables it there by an IPI. */
static int open_breakpoint(int cpu, const void *addr)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT, .size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_W, .bp_addr = (unsigned long)addr,
		.bp_len = HW_BREAKPOINT_LEN_8,
	};
	int fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		skip("this CPU has no breakpoints for perf");
	if (fd < 0)
		fail("perf_event_open: %s", strerror(errno));
	return fd;
}

static u64 hits(int fd)
{
	u64 n;

	if (read(fd, &n, sizeof(n)) != sizeof(n))
		fail("perf event: %s", strerror(errno));
	return n;
}

/* CPU 1 for the guest, if there is one: the test disturbs it from another CPU. */
static int guest_cpu(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 1 : 0;
}

/*
 * S9: perf writes DR0 to DR3 in an IPI handler between two entries of a guest. Neither side
 * sees the other's values.
 */
static void breakpoint_of_the_host_is_not_the_guests(void)
{
	u64 mine = 0x12345000, mark = 0;
	struct vm vm = vm_new();
	struct runner r = { 0 };

	map(vm.space, VM_TEST, PAGE, RW, 0);
	vm_enter(&vm, guest(dr0_stays), mine, VM_TEST, 0, 0);
	runner_start(&r, &vm, guest_cpu());
	for (int i = 0; i < 50 && !atomic_load(&r.done); i++) {
		int fd = open_breakpoint(guest_cpu(), &watched);

		mark = wait_change(vm.space, VM_TEST, mark);
		close(fd);
		mark = wait_change(vm.space, VM_TEST, mark);
	}
	poke(vm.space, VM_TEST + 8, 1);
	runner_join(&r);
	expect_eq(r.exit.reason, AXVCPU_EXIT_IO_WRITE);
	expect_eq(r.exit.io_write.data, mine);
	vm_free(&vm);
}

/* S9: the host's breakpoint triggers as before after guests with and without their own. */
static void breakpoint_of_the_host_survives_guests(void)
{
	struct vm vm = vm_new();
	int fd;

	pin_thread(guest_cpu());
	fd = open_breakpoint(guest_cpu(), &watched);
	expect_eq(vm_call(&vm, guest(read), VM_DATA, 0, 0, 0), 0);
	touch();
	expect_eq(hits(fd), 1);
	/* The guest's first access to debug registers reads its own values, not the host's. */
	expect_eq(vm_call(&vm, guest(read_dr), 0, 0, 0, 0), 0);
	expect_eq(vm_done(&vm), 0x400);
	touch();
	expect_eq(hits(fd), 2);
	vm_call(&vm, guest(debug), 0x12340, 0x56780, 0, 0);
	touch();
	expect_eq(hits(fd), 3);
	expect_eq(vm_done(&vm), 0x12340);
	expect_eq(vm_done(&vm), 0x56780);
	close(fd);
	touch();
	vm_free(&vm);
}

static const struct test tests[] = {
	{ "breakpoint_of_the_host_is_not_the_guests", breakpoint_of_the_host_is_not_the_guests },
	{ "breakpoint_of_the_host_survives_guests", breakpoint_of_the_host_survives_guests },
};

const struct suite suite_host = { .tests = tests, .nr = ARRAY_SIZE(tests) };
