// SPDX-License-Identifier: GPL-2.0-only
/*
 * A machine on axas and axvcpu.
 */
#include "bench.h"

#include <axas/axas.h>
#include <axas/vcpu.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int axas_dev = -1, axvcpu_dev = -1;

static int device(const char *path, int *fd)
{
	if (*fd < 0)
		*fd = open(path, O_RDWR | O_CLOEXEC);
	if (*fd < 0)
		fail("%s: %s", path, strerror(errno));
	return *fd;
}

static int new_space(void)
{
	struct axas_create create = { .size = sizeof(create) };

	return must(device("/dev/axas", &axas_dev), AXAS_CREATE, &create, "AXAS_CREATE");
}

static void map_alloc(int fd, u64 gpa, u64 bytes, u32 flags)
{
	struct axas_map_alloc arg = {
		.size = sizeof(arg), .flags = flags, .gpa = gpa, .length = bytes,
		.prot = AXAS_PROT_MASK
	};

	must(fd, AXAS_MAP_ALLOC, &arg, "AXAS_MAP_ALLOC");
}

static void axas_make(struct machine *m)
{
	void *low = calloc(1, LOW_BYTES);

	m->fd = new_space();
	map_alloc(m->fd, 0, LOW_BYTES, AXAS_MAP_HUGE_NEVER);
	low_memory(low);
	if (pwrite(m->fd, low, LOW_BYTES, 0) != (ssize_t)LOW_BYTES)
		fail("pwrite: %s", strerror(errno));
	free(low);
}

static void axas_end(struct machine *m)
{
	for (unsigned int i = 0; i < MAX_VCPUS; i++)
		if (m->vcpu[i])
			close(m->vcpu[i]);
	close(m->fd);
}

static void axas_add_vcpu(struct machine *m, unsigned int nr)
{
	struct axvcpu_create create = {
		.size = sizeof(create), .space_fd = m->fd, .id = nr,
		.preferred_cpu = AXVCPU_CPU_ANY
	};
	struct axvcpu_setup setup = {
		.size = sizeof(setup), .mode = AXVCPU_MODE_LONG, .entry = guest(ports),
		.stack = LOW_STACK, .cr3 = LOW_CR3
	};

	m->vcpu[nr] = must(device("/dev/axvcpu", &axvcpu_dev), AXVCPU_CREATE, &create,
			   "AXVCPU_CREATE");
	must(m->vcpu[nr], AXVCPU_SETUP, &setup, "AXVCPU_SETUP");
}

static void axas_map(struct machine *m, u64 bytes, bool huge)
{
	map_alloc(m->fd, TEST_GPA, bytes, huge ? AXAS_MAP_HUGE_ALWAYS : AXAS_MAP_HUGE_NEVER);
	m->bytes = bytes;
}

static void axas_unmap(struct machine *m)
{
	struct axas_range arg = { .size = sizeof(arg), .gpa = TEST_GPA, .length = m->bytes };

	must(m->fd, AXAS_UNMAP, &arg, "AXAS_UNMAP");
}

static void axas_protect(struct machine *m, bool writable)
{
	struct axas_protect arg = {
		.size = sizeof(arg), .gpa = TEST_GPA, .length = m->bytes,
		.prot = writable ? AXAS_PROT_MASK : AXAS_PROT_READ
	};

	must(m->fd, AXAS_PROTECT, &arg, "AXAS_PROTECT");
}

static void axas_enter(struct machine *m, unsigned int nr, u64 entry, u64 rdi, u64 rsi, u64 rdx)
{
	struct axvcpu_regs regs = { .size = sizeof(regs) };

	must(m->vcpu[nr], AXVCPU_GET_REGS, &regs, "AXVCPU_GET_REGS");
	regs.rip = entry;
	regs.gpr[AXVCPU_REG_RDI] = rdi;
	regs.gpr[AXVCPU_REG_RSI] = rsi;
	regs.gpr[AXVCPU_REG_RDX] = rdx;
	must(m->vcpu[nr], AXVCPU_SET_REGS, &regs, "AXVCPU_SET_REGS");
}

static void axas_run(struct machine *m, unsigned int nr)
{
	struct axvcpu_exit exit;
	int ret;

	do {
		exit.size = sizeof(exit);
		exit.flags = 0;
		ret = ioctl(m->vcpu[nr], AXVCPU_RUN, &exit);
	} while ((ret && errno == EINTR) || (!ret && exit.reason == AXVCPU_EXIT_NOTHING));
	if (ret || exit.reason != AXVCPU_EXIT_IO_WRITE || exit.io_write.port != PORT_DONE)
		fail("AXVCPU_RUN: %d, exit %u, %#llx, %#llx, %#llx, RIP %#llx", ret, exit.reason,
		     exit.raw[0], exit.raw[1], exit.raw[2], exit.rip);
}

static void axas_create_end(void)
{
	close(new_space());
}

static bool axas_populate(struct machine *m)
{
	struct axas_range arg = { .size = sizeof(arg), .gpa = TEST_GPA, .length = m->bytes };

	must(m->fd, AXAS_POPULATE, &arg, "AXAS_POPULATE");
	return true;
}

static void axas_collapse(struct machine *m, u64 gpa, u64 bytes)
{
	struct axas_collapse arg = { .size = sizeof(arg), .gpa = gpa, .length = bytes };

	must(m->fd, AXAS_COLLAPSE, &arg, "AXAS_COLLAPSE");
	if (arg.collapsed != bytes / (2 * MIB))
		fail("AXAS_COLLAPSE: %llu", arg.collapsed);
}

static void axas_change(struct machine *m, enum change how, u64 first, u64 bytes)
{
	struct axas_range range = {
		.size = sizeof(range), .gpa = TEST_GPA + first, .length = bytes
	};
	struct axas_protect protect = {
		.size = sizeof(protect), .gpa = TEST_GPA + first, .length = bytes,
		.prot = how == READ_ONLY ? AXAS_PROT_READ : AXAS_PROT_MASK
	};

	if (how == UNMAP)
		must(m->fd, AXAS_UNMAP, &range, "AXAS_UNMAP");
	else if (how == COLLAPSE)
		axas_collapse(m, range.gpa, bytes);
	else
		must(m->fd, AXAS_PROTECT, &protect, "AXAS_PROTECT");
}

static void axas_add(struct machine *m, unsigned int nr)
{
	map_alloc(m->fd, TEST_GPA + 16 * GIB + 2 * PAGE * nr, PAGE, 0);
}

static u64 axas_exits(const struct machine *m, int pid)
{
	struct axvcpu_state state = { .size = sizeof(state) };
	int process = syscall(SYS_pidfd_open, pid, 0), fd;
	u64 sum = 0;

	fd = syscall(SYS_pidfd_getfd, process, m->vcpu[0], 0);
	if (process < 0 || fd < 0)
		fail("the other's vCPU: %s", strerror(errno));
	must(fd, AXVCPU_GET_STATE, &state, "AXVCPU_GET_STATE");
	for (unsigned int i = 0; i < ARRAY_SIZE(state.exits); i++)
		sum += state.exits[i];
	close(fd);
	close(process);
	return sum;
}

const struct machine_ops axas_machine = {
	.name		= "axas",
	.make		= axas_make,
	.end		= axas_end,
	.add_vcpu	= axas_add_vcpu,
	.map		= axas_map,
	.unmap		= axas_unmap,
	.forget		= axas_unmap,
	.protect	= axas_protect,
	.enter		= axas_enter,
	.run		= axas_run,
	.create		= axas_create_end,
	.populate	= axas_populate,
	.change		= axas_change,
	.add		= axas_add,
	.exits		= axas_exits,
};
