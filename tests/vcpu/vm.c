// SPDX-License-Identifier: GPL-2.0-only
/*
 * Machines for the tests: a space, a vCPU, a guest of guests.S.
 */
#include "vm.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static int call(int fd, unsigned long nr, void *arg)
{
	int ret = ioctl(fd, nr, arg);

	return ret < 0 ? -errno : ret;
}

static int open_device(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	return fd;
}

int open_limited_space(u64 max_frames)
{
	struct axas_create create = { .size = sizeof(create), .max_frames = max_frames };
	int dev = open_device("/dev/axas");
	int fd = call(dev, AXAS_CREATE, &create);

	close(dev);
	if (fd < 0)
		fail("AXAS_CREATE: %s", strerror(-fd));
	return fd;
}

int open_space(void)
{
	return open_limited_space(0);
}

int try_vcpu(int space, u32 id, u32 flags)
{
	struct axvcpu_create create = {
		.size = sizeof(create), .flags = flags, .space_fd = space, .id = id,
		.preferred_cpu = AXVCPU_CPU_ANY
	};
	int dev = open_device("/dev/axvcpu");
	int fd = call(dev, AXVCPU_CREATE, &create);

	close(dev);
	return fd;
}

int open_vcpu(int space, u32 id, u32 flags)
{
	int fd = try_vcpu(space, id, flags);

	if (fd < 0)
		fail("AXVCPU_CREATE: %s", strerror(-fd));
	return fd;
}

int setup(int vcpu, u32 mode, u64 entry, u32 flags)
{
	struct axvcpu_setup arg = {
		.size = sizeof(arg), .flags = flags, .mode = mode, .entry = entry,
		.stack = mode == AXVCPU_MODE_LONG ? VM_STACK : 0xf000,
		.cr3 = mode == AXVCPU_MODE_LONG ? VM_CR3 : 0,
	};

	return call(vcpu, AXVCPU_SETUP, &arg);
}

static void write_all(int space, u64 gpa, const void *buf, size_t len)
{
	ssize_t n = pwrite(space, buf, len, gpa);

	if (n != (ssize_t)len)
		fail("pwrite of %zu bytes at %#llx: %zd, %s", len, gpa, n, strerror(errno));
}

/* Present, writable, user; and in the lowest level 2 MiB each. */
#define PT_TABLE	0x7ull
#define PT_LEAF_2M	0x87ull

static void write_tables(int space)
{
	u64 table[512] = { VM_CR3 + PAGE + PT_TABLE };

	write_all(space, VM_CR3, table, sizeof(table));
	memset(table, 0, sizeof(table));
	for (u64 i = 0; i < 4; i++)
		table[i] = (VM_CR3 + (2 + i) * PAGE) | PT_TABLE;
	write_all(space, VM_CR3 + PAGE, table, sizeof(table));
	for (u64 i = 0; i < 4; i++) {
		for (u64 j = 0; j < 512; j++)
			table[j] = i * GIB | j * 2 * MIB | PT_LEAF_2M;
		write_all(space, VM_CR3 + (2 + i) * PAGE, table, sizeof(table));
	}
}

void low_memory(int space)
{
	map(space, 0, VM_LOW, AXAS_PROT_MASK, AXAS_MAP_HUGE_NEVER);
	write_tables(space);
	write_all(space, VM_CODE, guests_begin, guests_end - guests_begin);
}

struct vm vm_on(int space, u32 id, u32 setup_flags)
{
	struct vm vm = { .space = space, .vcpu = open_vcpu(space, id, 0) };
	int err = setup(vm.vcpu, AXVCPU_MODE_LONG, guest(hlt), setup_flags);

	if (err)
		fail("AXVCPU_SETUP: %s", strerror(-err));
	return vm;
}

struct vm vm_new(u32 setup_flags)
{
	int space = open_space();

	low_memory(space);
	return vm_on(space, 0, setup_flags);
}

void vm_free(struct vm *vm)
{
	close(vm->vcpu);
	close(vm->space);
}

int map_alloc(int space, u64 gpa, u64 len, u32 prot, u32 flags)
{
	struct axas_map_alloc arg = {
		.size = sizeof(arg), .flags = flags, .gpa = gpa, .length = len, .prot = prot
	};

	return call(space, AXAS_MAP_ALLOC, &arg);
}

void map(int space, u64 gpa, u64 len, u32 prot, u32 flags)
{
	int err = map_alloc(space, gpa, len, prot, flags);

	if (err)
		fail("AXAS_MAP_ALLOC %#llx: %s", gpa, strerror(-err));
}

void unmap(int space, u64 gpa, u64 len)
{
	struct axas_range arg = { .size = sizeof(arg), .gpa = gpa, .length = len };
	int err = call(space, AXAS_UNMAP, &arg);

	if (err)
		fail("AXAS_UNMAP %#llx: %s", gpa, strerror(-err));
}

int protect(int space, u64 gpa, u64 len, u32 prot)
{
	struct axas_protect arg = {
		.size = sizeof(arg), .gpa = gpa, .length = len, .prot = prot
	};

	return call(space, AXAS_PROTECT, &arg);
}

struct axas_info info(int space)
{
	struct axas_info arg = { .size = sizeof(arg) };
	int err = call(space, AXAS_GET_INFO, &arg);

	if (err)
		fail("AXAS_GET_INFO: %s", strerror(-err));
	return arg;
}

void map_linear(int space, u64 gpa, u64 len, u64 hpa, u32 prot)
{
	struct axas_map_linear arg = {
		.size = sizeof(arg), .gpa = gpa, .hpa = hpa, .length = len, .prot = prot
	};
	int err = call(space, AXAS_MAP_LINEAR, &arg);

	if (err)
		fail("AXAS_MAP_LINEAR %#llx: %s", hpa, strerror(-err));
}

u64 peek(int space, u64 gpa)
{
	u64 val;

	if (pread(space, &val, sizeof(val), gpa) != sizeof(val))
		fail("pread at %#llx: %s", gpa, strerror(errno));
	return val;
}

void poke(int space, u64 gpa, u64 val)
{
	write_all(space, gpa, &val, sizeof(val));
}

int vcpu_run_once(int vcpu, struct axvcpu_exit *exit)
{
	*exit = (struct axvcpu_exit){ .size = sizeof(*exit) };
	return call(vcpu, AXVCPU_RUN, exit);
}

int vcpu_run(int vcpu, struct axvcpu_exit *exit)
{
	int ret;

	do {
		ret = vcpu_run_once(vcpu, exit);
	} while (ret == -EINTR || (!ret && exit->reason == AXVCPU_EXIT_NOTHING));
	return ret;
}

int vcpu_inject(int vcpu, u32 vector)
{
	struct axvcpu_inject arg = { .size = sizeof(arg), .vector = vector };

	return call(vcpu, AXVCPU_INJECT, &arg);
}

int vcpu_kick(int vcpu)
{
	struct axvcpu_kick arg = { .size = sizeof(arg) };

	return call(vcpu, AXVCPU_KICK, &arg);
}

int vcpu_return(int vcpu, u64 val)
{
	struct axvcpu_return arg = { .size = sizeof(arg), .val = val };

	return call(vcpu, AXVCPU_SET_RETURN, &arg);
}

int vcpu_set_gpr(int vcpu, u32 reg, u64 val)
{
	struct axvcpu_set_gpr arg = { .size = sizeof(arg), .reg = reg, .val = val };

	return call(vcpu, AXVCPU_SET_GPR, &arg);
}

int vcpu_get_regs(int vcpu, struct axvcpu_regs *regs)
{
	*regs = (struct axvcpu_regs){ .size = sizeof(*regs) };
	return call(vcpu, AXVCPU_GET_REGS, regs);
}

int vcpu_set_regs(int vcpu, struct axvcpu_regs *regs)
{
	regs->size = sizeof(*regs);
	return call(vcpu, AXVCPU_SET_REGS, regs);
}

struct axvcpu_state vcpu_state(int vcpu)
{
	struct axvcpu_state arg = { .size = sizeof(arg) };
	int err = call(vcpu, AXVCPU_GET_STATE, &arg);

	if (err)
		fail("AXVCPU_GET_STATE: %s", strerror(-err));
	return arg;
}

int vcpu_affinity(int vcpu, u32 preferred, u64 set)
{
	struct axvcpu_affinity arg = {
		.size = sizeof(arg), .preferred_cpu = preferred, .cpu_set = set
	};

	return call(vcpu, AXVCPU_SET_AFFINITY, &arg);
}

void vm_enter(struct vm *vm, u64 entry, u64 rdi, u64 rsi, u64 rdx, u64 rcx)
{
	struct axvcpu_regs regs;

	expect_eq(vcpu_get_regs(vm->vcpu, &regs), 0);
	regs.rip = entry;
	regs.gpr[AXVCPU_REG_RDI] = rdi;
	regs.gpr[AXVCPU_REG_RSI] = rsi;
	regs.gpr[AXVCPU_REG_RDX] = rdx;
	regs.gpr[AXVCPU_REG_RCX] = rcx;
	regs.gpr[AXVCPU_REG_RSP] = VM_STACK;
	expect_eq(vcpu_set_regs(vm->vcpu, &regs), 0);
}

static const char *const names[] = {
	"Nothing", "Hypercall", "MmioRead", "MmioWrite", "SysRegRead", "SysRegWrite", "IoRead",
	"IoWrite", "ExternalInterrupt", "NestedPageFault", "Halt", "CpuUp", "CpuDown",
	"SystemDown", "FailEntry", "SendIpi", "Cpuid",
};

const char *exit_name(u32 reason)
{
	return reason < ARRAY_SIZE(names) ? names[reason] : "?";
}

struct axvcpu_exit vm_expect(struct vm *vm, u32 reason)
{
	struct axvcpu_exit exit;
	int err = vcpu_run(vm->vcpu, &exit);

	if (err)
		fail("AXVCPU_RUN: %s, not %s", strerror(-err), exit_name(reason));
	if (exit.reason != reason)
		fail("exit %s { %#llx, %#llx, %#llx } at %#llx, not %s", exit_name(exit.reason),
		     exit.raw[0], exit.raw[1], exit.raw[2], exit.rip, exit_name(reason));
	return exit;
}

u64 vm_done(struct vm *vm)
{
	struct axvcpu_exit exit = vm_expect(vm, AXVCPU_EXIT_IO_WRITE);
	struct axvcpu_regs regs;

	expect_eq(exit.io_write.port, PORT_DONE);
	expect_eq(vcpu_get_regs(vm->vcpu, &regs), 0);
	return regs.gpr[AXVCPU_REG_RAX];
}

u64 vm_call(struct vm *vm, u64 entry, u64 rdi, u64 rsi, u64 rdx, u64 rcx)
{
	vm_enter(vm, entry, rdi, rsi, rdx, rcx);
	return vm_done(vm);
}

static u64 number(const char *text, char **end)
{
	static const char units[] = "KMG";
	u64 n = strtoull(text, end, 0);
	const char *unit = **end ? strchr(units, **end) : NULL;

	if (!unit)
		return n;
	(*end)++;
	return n << (10 * (unit - units + 1));
}

bool find_window(u64 size, struct window *w)
{
	char line[4096] = "", *p, *end;
	FILE *f = fopen("/proc/cmdline", "r");

	if (!f || !fgets(line, sizeof(line), f))
		return false;
	fclose(f);
	for (p = line; (p = strstr(p, "memmap=")); p = end) {
		w->size = number(p + strlen("memmap="), &end);
		if (*end != '$')
			continue;
		w->hpa = number(end + 1, &end);
		if (w->size >= size && !(w->hpa % size))
			return true;
	}
	return false;
}

bool cpu_has(const char *flag)
{
	char line[8192] = "", *word, *rest;
	FILE *f = fopen("/proc/cpuinfo", "r");

	if (!f)
		fail("/proc/cpuinfo: %s", strerror(errno));
	while (fgets(line, sizeof(line), f) && strncmp(line, "flags", 5))
		;
	fclose(f);
	for (word = strtok_r(line, "\n ", &rest); word; word = strtok_r(NULL, "\n ", &rest))
		if (!strcmp(word, flag))
			return true;
	return false;
}

bool vm_is_svm(void)
{
	unsigned int eax, ebx, ecx, edx;

	__cpuid(0, eax, ebx, ecx, edx);
	return ebx == signature_AMD_ebx;
}

/*
 * SVM: the bits of a page fault but reserved ones, and where in the walk it was; VMX: the
 * access, what the entries allow, and whether the guest's address is told.
 */
u64 vm_known_info(u64 info)
{
	return info & (vm_is_svm() ? 0x30000001full : 0x1bf);
}

u64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

void sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000l };

	nanosleep(&ts, NULL);
}

void pin_thread(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail("sched_setaffinity to CPU %d: %s", cpu, strerror(errno));
}
