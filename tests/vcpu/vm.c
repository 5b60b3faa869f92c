// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMs for the tests: a space, a vCPU, a guest of guests.S. Calls libaxas, the harness and arch.c.
 */
#include "vm.h"

#include <sched.h>
#include <unistd.h>

/* Fail the test if @ret is an error, else return it. */
static int must(const char *what, int ret)
{
	if (ret < 0)
		fail("%s: %s", what, strerror(-ret));
	return ret;
}

int open_limited_space(u64 max_frames)
{
	struct axas_create create = { .max_frames = max_frames };

	return must("AXAS_CREATE", axas_open_space(NULL, &create));
}

int open_space(void)
{
	return open_limited_space(0);
}

int open_vcpu(int space, u32 id, u32 flags)
{
	return must("AXVCPU_CREATE", axvcpu_open_vcpu(NULL, space, id, flags));
}

__weak void arch_setup(struct axvcpu_setup *arg)
{
	(void)arg;
}

__weak void arch_low_memory(int space)
{
	(void)space;
}

int setup(int vcpu, u32 mode, u64 entry, u32 flags)
{
	struct axvcpu_setup arg = {
		.flags = flags, .mode = mode, .entry = entry, .stack = VM_STACK
	};

	arch_setup(&arg);
	return axvcpu_setup(vcpu, &arg);
}

void write_guest(int space, u64 gpa, const void *buf, size_t len)
{
	int err = axas_write_all(space, gpa, buf, len, NULL);

	if (err)
		fail("write of %zu bytes at %#llx: %s", len, gpa, strerror(-err));
}

void low_memory(int space)
{
	map(space, 0, VM_LOW, AXAS_PROT_MASK, AXAS_MAP_HUGE_NEVER);
	arch_low_memory(space);
	write_guest(space, VM_CODE, guests_begin, guests_end - guests_begin);
}

static struct vm start(int space, u32 id, u32 setup_flags)
{
	struct vm vm = { .space = space, .vcpu = open_vcpu(space, id, 0) };

	must("AXVCPU_SETUP", setup(vm.vcpu, ARCH_MODE, guest(halt), setup_flags));
	return vm;
}

struct vm vm_on(int space, u32 id)
{
	return start(space, id, 0);
}

struct vm vm_with(u32 setup_flags)
{
	int space = open_space();

	low_memory(space);
	return start(space, 0, setup_flags);
}

struct vm vm_new(void)
{
	return vm_with(0);
}

void vm_free(struct vm *vm)
{
	close(vm->vcpu);
	close(vm->space);
}

void map(int space, u64 gpa, u64 len, u32 prot, u32 flags)
{
	must("AXAS_MAP_ALLOC", axas_map_alloc(space, gpa, len, prot, flags));
}

void map_linear(int space, u64 gpa, u64 len, u64 hpa, u32 prot)
{
	must("AXAS_MAP_LINEAR",
	     axas_map_linear(space, gpa, hpa, len, prot, AXAS_TYPE_NORMAL));
}

void unmap(int space, u64 gpa, u64 len)
{
	must("AXAS_UNMAP", axas_unmap(space, gpa, len));
}

struct axas_info info(int space)
{
	struct axas_info info;

	must("AXAS_GET_INFO", axas_get_info(space, &info));
	return info;
}

struct axas_format_info host_format(void)
{
	int dev = must("/dev/axas", axas_open(NULL));
	struct axas_format_info info;

	must("AXAS_GET_FORMAT", axas_get_format(dev, AXAS_FORMAT_DEFAULT, &info));
	expect(info.caps & AXAS_CAP_NATIVE);
	close(dev);
	return info;
}

int try_space_for(const struct axas_format_info *m)
{
	struct axas_create create = {
		.flags = AXAS_CREATE_CAPS, .format = m->format, .ia_bits = m->max_ia_bits,
		.caps = m->caps & AXAS_CAP_MASK, .leaf_levels = m->leaf_levels,
		.oa_bits = m->oa_bits,
	};

	return axas_open_space(NULL, &create);
}

u64 peek(int space, u64 gpa)
{
	u64 val;
	int err = axas_read_all(space, gpa, &val, sizeof(val), NULL);

	if (err)
		fail("read at %#llx: %s", gpa, strerror(-err));
	return val;
}

void poke(int space, u64 gpa, u64 val)
{
	write_guest(space, gpa, &val, sizeof(val));
}

struct axvcpu_state vcpu_state(int vcpu)
{
	struct axvcpu_state state;

	must("AXVCPU_GET_STATE", axvcpu_get_state(vcpu, &state));
	return state;
}

int vcpu_run(int vcpu, struct axvcpu_exit *exit)
{
	int ret;

	do {
		ret = axvcpu_run(vcpu, exit);
	} while (ret == -EINTR || (!ret && exit->reason == AXVCPU_EXIT_NOTHING));
	return ret;
}

void vm_enter(struct vm *vm, u64 entry, u64 arg0, u64 arg1, u64 arg2, u64 arg3)
{
	const u64 args[] = { arg0, arg1, arg2, arg3 };
	struct axvcpu_regs regs;

	expect_ok(axvcpu_get_regs(vm->vcpu, &regs));
	arch_enter(&regs, entry, args);
	expect_ok(axvcpu_set_regs(vm->vcpu, &regs));
}

_Noreturn static void wrong_exit(const struct axvcpu_exit *exit, const char *wanted)
{
	fail("exit %s { %#llx, %#llx, %#llx } at %#llx, not %s", axvcpu_exit_name(exit->reason),
	     exit->raw[0], exit->raw[1], exit->raw[2], exit->rip, wanted);
}

static struct axvcpu_exit next_exit(struct vm *vm)
{
	struct axvcpu_exit exit;

	must("AXVCPU_RUN", vcpu_run(vm->vcpu, &exit));
	return exit;
}

struct axvcpu_exit vm_expect(struct vm *vm, u32 reason)
{
	struct axvcpu_exit exit = next_exit(vm);

	if (exit.reason != reason)
		wrong_exit(&exit, axvcpu_exit_name(reason));
	return exit;
}

u64 expect_end(struct vm *vm, const struct axvcpu_exit *exit)
{
	u64 result;

	if (!arch_ended(vm->vcpu, exit, &result))
		wrong_exit(exit, "the guest's end");
	return result;
}

u64 vm_done(struct vm *vm)
{
	struct axvcpu_exit exit = next_exit(vm);

	return expect_end(vm, &exit);
}

u64 vm_call(struct vm *vm, u64 entry, u64 arg0, u64 arg1, u64 arg2, u64 arg3)
{
	vm_enter(vm, entry, arg0, arg1, arg2, arg3);
	return vm_done(vm);
}

void expect_own_registers(u64 entry, u64 rounds)
{
	struct vm a = vm_new(), b = vm_new();

	expect_eq(vm_call(&a, entry, 0x1111222233334444, rounds, 0, 0), rounds);
	expect_eq(vm_call(&b, entry, 0x5555666677778888, rounds, 0, 0), rounds);
}

u32 hole_reason(u32 access)
{
	if (!ARCH_HOLES_ARE_MMIO || access == AXAS_PROT_EXEC)
		return AXVCPU_EXIT_NESTED_PAGE_FAULT;
	return access == AXAS_PROT_WRITE ? AXVCPU_EXIT_MMIO_WRITE : AXVCPU_EXIT_MMIO_READ;
}

void expect_hole_exit(const struct axvcpu_exit *exit, u64 gpa, u32 access)
{
	u32 reason = hole_reason(access);

	if (exit->reason != reason)
		wrong_exit(exit, axvcpu_exit_name(reason));
	if (reason == AXVCPU_EXIT_MMIO_READ)
		return expect_eq(exit->mmio_read.gpa, gpa);
	if (reason == AXVCPU_EXIT_MMIO_WRITE)
		return expect_eq(exit->mmio_write.gpa, gpa);
	expect_eq(exit->nested_page_fault.gpa, gpa);
	expect_eq(exit->nested_page_fault.access, access);
	expect_eq(exit->nested_page_fault.result, AXAS_FAULT_HOLE);
}

struct axvcpu_exit expect_mmio_read(struct vm *vm, u64 gpa, u32 width)
{
	struct axvcpu_exit exit = vm_expect(vm, AXVCPU_EXIT_MMIO_READ);

	expect_eq(exit.mmio_read.gpa, gpa);
	expect_eq(exit.mmio_read.width, width);
	return exit;
}

void expect_mmio_write(struct vm *vm, u64 gpa, u32 width, u64 data)
{
	struct axvcpu_exit exit = vm_expect(vm, AXVCPU_EXIT_MMIO_WRITE);

	expect_eq(exit.mmio_write.gpa, gpa);
	expect_eq(exit.mmio_write.width, width);
	expect_eq(exit.mmio_write.data, data);
}

void expect_cpu_up(struct vm *vm, u64 target, u64 entry, u64 arg)
{
	struct axvcpu_exit exit = vm_expect(vm, AXVCPU_EXIT_CPU_UP);

	expect_eq(exit.cpu_up.target, target);
	expect_eq(exit.cpu_up.entry, entry);
	expect_eq(exit.cpu_up.arg, arg);
}

void enter_interrupts(struct vm *vm, u64 mode)
{
	vm_enter(vm, guest(interrupts), VM_TABLES, counter(0), mode, 0);
}

u64 checksum(u64 words)
{
	u64 sum = 0;

	for (u64 n = 1; n <= words; n++) {
		u64 word = n;

		word ^= word << 13;
		word ^= word >> 7;
		word ^= word << 17;
		sum = (sum << 1 | sum >> 63) + word;
	}
	return sum;
}

void pin_thread(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail("sched_setaffinity to CPU %d: %s", cpu, strerror(errno));
}

void use_all_cpus(void)
{
	cpu_set_t set;

	memset(&set, 0xff, sizeof(set));
	if (sched_setaffinity(0, sizeof(set), &set))
		fail("sched_setaffinity to all CPUs: %s", strerror(errno));
}

void need_two_cpus(void)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip("there is one CPU");
}
