// SPDX-License-Identifier: GPL-2.0-only
/*
 * struct machine_ops on axas and axvcpu. Calls libaxas and machine.c.
 */
#include "bench.h"

#include <errno.h>
#include <libaxas.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int space_dev = -1, vcpu_dev = -1;

static int new_space(void)
{
	if (space_dev < 0)
		space_dev = must(axas_open(NULL), AXAS_DEV_PATH);
	return must(axas_create(space_dev, NULL), "AXAS_CREATE");
}

static void map_alloc(int fd, u64 gpa, u64 bytes, u32 flags)
{
	must(axas_map_alloc(fd, gpa, bytes, AXAS_PROT_MASK, flags), "AXAS_MAP_ALLOC");
}

static void space_make(struct machine *m)
{
	void *low = calloc(1, LOW_BYTES);

	m->fd = new_space();
	map_alloc(m->fd, 0, LOW_BYTES, AXAS_MAP_HUGE_NEVER);
	low_memory(low);
	must(axas_write_all(m->fd, 0, low, LOW_BYTES, NULL), "pwrite");
	free(low);
}

static void space_end(struct machine *m)
{
	for (unsigned int i = 0; i < MAX_VCPUS; i++)
		if (m->vcpu[i])
			close(m->vcpu[i]);
	close(m->fd);
}

static void space_add_vcpu(struct machine *m, unsigned int nr)
{
	struct axvcpu_create create = {
		.space_fd = m->fd, .id = nr, .preferred_cpu = AXVCPU_CPU_ANY
	};
	struct axvcpu_setup setup = {
		.mode = AXVCPU_MODE_LONG, .entry = guest(ports), .stack = LOW_STACK, .cr3 = LOW_CR3
	};

	if (vcpu_dev < 0)
		vcpu_dev = must(axvcpu_open(NULL), AXVCPU_DEV_PATH);
	m->vcpu[nr] = must(axvcpu_create(vcpu_dev, &create), "AXVCPU_CREATE");
	must(axvcpu_setup(m->vcpu[nr], &setup), "AXVCPU_SETUP");
}

static void space_map(struct machine *m, u64 bytes, bool huge)
{
	map_alloc(m->fd, TEST_GPA, bytes, huge ? AXAS_MAP_HUGE_ALWAYS : AXAS_MAP_HUGE_NEVER);
	m->bytes = bytes;
}

static void space_unmap(struct machine *m)
{
	must(axas_unmap(m->fd, TEST_GPA, m->bytes), "AXAS_UNMAP");
}

static void space_discard(struct machine *m)
{
	struct axas_extent extent = { .gpa = TEST_GPA, .length = m->bytes };

	must(axas_discard(m->fd, &extent, 1, NULL), "AXAS_DISCARD");
}

static void space_protect(struct machine *m, bool writable)
{
	must(axas_protect(m->fd, TEST_GPA, m->bytes, writable ? AXAS_PROT_MASK : AXAS_PROT_READ),
	     "AXAS_PROTECT");
}

static void space_enter(struct machine *m, unsigned int nr, u64 entry, u64 rdi, u64 rsi, u64 rdx)
{
	struct axvcpu_regs regs;

	must(axvcpu_get_regs(m->vcpu[nr], &regs), "AXVCPU_GET_REGS");
	regs.rip = entry;
	regs.gpr[AXVCPU_REG_RDI] = rdi;
	regs.gpr[AXVCPU_REG_RSI] = rsi;
	regs.gpr[AXVCPU_REG_RDX] = rdx;
	must(axvcpu_set_regs(m->vcpu[nr], &regs), "AXVCPU_SET_REGS");
}

static void space_run(struct machine *m, unsigned int nr)
{
	struct axvcpu_exit exit;
	int err;

	do {
		err = axvcpu_run(m->vcpu[nr], &exit);
	} while (err == -EINTR || (!err && exit.reason == AXVCPU_EXIT_NOTHING));
	if (err || exit.reason != AXVCPU_EXIT_IO_WRITE || exit.io_write.port != PORT_DONE)
		fail("AXVCPU_RUN: %d, %s %#llx, %#llx, %#llx at %#llx", err,
		     axvcpu_exit_name(exit.reason), exit.raw[0], exit.raw[1], exit.raw[2],
		     exit.rip);
}

static void space_create_end(void)
{
	close(new_space());
}

static bool space_populate(struct machine *m)
{
	must(axas_populate(m->fd, TEST_GPA, m->bytes), "AXAS_POPULATE");
	return true;
}

static void collapse(struct machine *m, u64 gpa, u64 bytes)
{
	u64 collapsed;

	must(axas_collapse(m->fd, gpa, bytes, &collapsed), "AXAS_COLLAPSE");
	if (collapsed != bytes / (2 * MIB))
		fail("AXAS_COLLAPSE: %llu", collapsed);
}

static void space_change(struct machine *m, enum change how, u64 first, u64 bytes)
{
	u64 gpa = TEST_GPA + first;

	if (how == UNMAP)
		must(axas_unmap(m->fd, gpa, bytes), "AXAS_UNMAP");
	else if (how == COLLAPSE)
		collapse(m, gpa, bytes);
	else
		must(axas_protect(m->fd, gpa, bytes,
				  how == READ_ONLY ? AXAS_PROT_READ : AXAS_PROT_MASK),
		     "AXAS_PROTECT");
}

static void space_add(struct machine *m, unsigned int nr)
{
	map_alloc(m->fd, TEST_GPA + 16 * GIB + 2 * PAGE * nr, PAGE, 0);
}

static void log_extents(struct machine *m)
{
	static struct axas_extent extents[256];
	u64 gpa = TEST_GPA, end = TEST_GPA + m->bytes, epoch;
	int n;

	while (gpa < end) {
		n = must(axas_get_log_extents(m->fd, &gpa, end - gpa, extents,
					      ARRAY_SIZE(extents), &epoch), "AXAS_GET_LOG");
		if (n)
			must(axas_clear_log_extents(m->fd, extents, n, epoch), "AXAS_CLEAR_LOG");
	}
}

static void space_log(struct machine *m, enum log how)
{
	static u64 bits[GIB / PAGE / 64];
	u64 epoch;

	if (how == LOG_START) {
		must(axas_start_log(m->fd, TEST_GPA, m->bytes), "AXAS_START_LOG");
	} else if (how == LOG_STOP) {
		must(axas_stop_log(m->fd, TEST_GPA, m->bytes), "AXAS_STOP_LOG");
	} else if (how == LOG_PASS_EXTENTS) {
		log_extents(m);
	} else {
		must(axas_get_log(m->fd, TEST_GPA, m->bytes, bits, &epoch), "AXAS_GET_LOG");
		must(axas_clear_log(m->fd, TEST_GPA, m->bytes, bits, epoch), "AXAS_CLEAR_LOG");
	}
}

static u64 space_exits(const struct machine *m, int pid)
{
	int process = syscall(SYS_pidfd_open, pid, 0), fd;
	struct axvcpu_state state;
	u64 sum = 0;

	fd = syscall(SYS_pidfd_getfd, process, m->vcpu[0], 0);
	if (process < 0 || fd < 0)
		fail("the other's vCPU: %s", strerror(errno));
	must(axvcpu_get_state(fd, &state), "AXVCPU_GET_STATE");
	for (unsigned int i = 0; i < ARRAY_SIZE(state.exits); i++)
		sum += state.exits[i];
	close(fd);
	close(process);
	return sum;
}

const struct machine_ops axas_machine = {
	.name		= "axas",
	.make		= space_make,
	.end		= space_end,
	.add_vcpu	= space_add_vcpu,
	.map		= space_map,
	.unmap		= space_unmap,
	.forget		= space_unmap,
	.discard	= space_discard,
	.protect	= space_protect,
	.enter		= space_enter,
	.run		= space_run,
	.create		= space_create_end,
	.populate	= space_populate,
	.change		= space_change,
	.add		= space_add,
	.log		= space_log,
	.exits		= space_exits,
};
