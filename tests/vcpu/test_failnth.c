// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fail each allocation of each call of a vCPU in turn: the call returns ENOMEM, and works the next
 * time. Needs a kernel with fault injection (../lib/failnth.c).
 */
#include "vm.h"

#include <unistd.h>

/**
 * struct call - one call
 * @name: of the ioctl
 * @nr: its number
 * @before: what has to be so before it, or NULL
 * @run: make the call: 0 or -errno
 */
struct call {
	const char *name;
	unsigned long nr;
	void (*before)(struct vm *vm);
	int (*run)(struct vm *vm);
};

static int run_create(struct vm *vm)
{
	int vcpu = axvcpu_open_vcpu(NULL, vm->space, 7, 0);

	return vcpu < 0 ? vcpu : close(vcpu);
}

static void reset(struct vm *vm)
{
	expect_ok(axvcpu_reset(vm->vcpu));
}

static int run_setup(struct vm *vm)
{
	return setup(vm->vcpu, ARCH_MODE, guest(halt), 0);
}

/* The guest reads a page that nobody has touched. */
static void enter_read(struct vm *vm)
{
	unmap(vm->space, VM_TEST, 2 * MIB);
	map(vm->space, VM_TEST, 2 * MIB, RW, AXAS_MAP_HUGE_NEVER);
	vm_enter(vm, guest(read), VM_TEST + 5 * PAGE, 0, 0, 0);
}

static int run_run(struct vm *vm)
{
	struct axvcpu_exit exit;
	u64 result;
	int err = vcpu_run(vm->vcpu, &exit);

	if (!err && !arch_ended(vm->vcpu, &exit, &result))
		fail("exit %s", axvcpu_exit_name(exit.reason));
	return err;
}

static int run_get_regs(struct vm *vm)
{
	struct axvcpu_regs regs;

	return axvcpu_get_regs(vm->vcpu, &regs);
}

static int run_set_regs(struct vm *vm)
{
	struct axvcpu_regs regs;
	int err = axvcpu_get_regs(vm->vcpu, &regs);

	return err ? err : axvcpu_set_regs(vm->vcpu, &regs);
}

static int run_set_gpr(struct vm *vm)
{
	return axvcpu_set_gpr(vm->vcpu, 1, 7);
}

static int run_inject(struct vm *vm)
{
	return axvcpu_inject(vm->vcpu, 0x40);
}

static int run_get_state(struct vm *vm)
{
	struct axvcpu_state state;

	return axvcpu_get_state(vm->vcpu, &state);
}

static int run_set_affinity(struct vm *vm)
{
	return axvcpu_set_affinity(vm->vcpu, AXVCPU_CPU_ANY, 1);
}

static int run_set_return(struct vm *vm)
{
	int err = axvcpu_set_return(vm->vcpu, 0);

	/* no exit waits for it */
	return err == -EINVAL ? 0 : err;
}

static int run_kick(struct vm *vm)
{
	return axvcpu_kick(vm->vcpu);
}

static int run_reset(struct vm *vm)
{
	int err = axvcpu_reset(vm->vcpu);

	return err ? err : setup(vm->vcpu, ARCH_MODE, guest(halt), 0);
}

static ARCH_STATE state;

static int run_save(struct vm *vm)
{
	return axvcpu_save(vm->vcpu, &state, sizeof(state));
}

static void save(struct vm *vm)
{
	expect_ok(run_save(vm));
}

static int run_restore(struct vm *vm)
{
	return axvcpu_restore(vm->vcpu, &state, sizeof(state));
}

static int run_flush(struct vm *vm)
{
	int err = axvcpu_flush(vm->vcpu);

	return err == -EOPNOTSUPP ? 0 : err;
}

static int run_version(struct vm *vm)
{
	int dev = axvcpu_open(NULL), version;

	(void)vm;
	if (dev < 0)
		return dev;
	version = axvcpu_get_api_version(dev);
	close(dev);
	return version < 0 ? version : 0;
}

static const struct call calls[] = {
	{ "GET_API_VERSION", AXVCPU_GET_API_VERSION, NULL, run_version },
	{ "CREATE", AXVCPU_CREATE, NULL, run_create },
	{ "SETUP", AXVCPU_SETUP, reset, run_setup },
	{ "RUN", AXVCPU_RUN, enter_read, run_run },
	{ "GET_REGS", AXVCPU_GET_REGS, NULL, run_get_regs },
	{ "SET_REGS", AXVCPU_SET_REGS, NULL, run_set_regs },
	{ "SET_GPR", AXVCPU_SET_GPR, NULL, run_set_gpr },
	{ "INJECT", AXVCPU_INJECT, NULL, run_inject },
	{ "GET_STATE", AXVCPU_GET_STATE, NULL, run_get_state },
	{ "SET_AFFINITY", AXVCPU_SET_AFFINITY, NULL, run_set_affinity },
	{ "SET_RETURN", AXVCPU_SET_RETURN, NULL, run_set_return },
	{ "KICK", AXVCPU_KICK, NULL, run_kick },
	{ "SAVE", AXVCPU_SAVE, NULL, run_save },
	{ "RESTORE", AXVCPU_RESTORE, save, run_restore },
	{ "FLUSH", AXVCPU_FLUSH, NULL, run_flush },
	{ "RESET", AXVCPU_RESET, NULL, run_reset },
};

static u32 fail_each(struct vm *vm, const struct call *call)
{
	int nth = fail_nth_open(), n, err;
	bool hit = true;

	for (n = 1; hit && n < FAIL_NTH_LIMIT; n++) {
		if (call->before)
			call->before(vm);
		fail_nth_arm(nth, n);
		err = call->run(vm);
		hit = fail_nth_disarm(nth);
		if (err && err != -ENFILE && !is_injected_error(err))
			fail("%s, failure %d: %s", call->name, n, strerrorname_np(-err));
		/* It has changed nothing, or the test's own second step failed. */
		if (err && call->run(vm) && call->before)
			call->before(vm);
	}
	expect(n < FAIL_NTH_LIMIT);
	expect_ok(err);
	close(nth);
	return n - 2;
}

static void every_call_lacks_memory(void)
{
	struct vm vm = vm_new();

	map(vm.space, VM_TEST, 2 * MIB, RW, AXAS_MAP_HUGE_NEVER);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		note("%s: %u allocations", calls[i].name, fail_each(&vm, &calls[i]));
	enter_read(&vm);
	vm_done(&vm);
}

static bool is_tested(unsigned long nr)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].nr == nr)
			return true;
	return false;
}

/* A call without a line in the list above is found here. */
static void every_call_is_in_the_list(void)
{
	struct vm vm = vm_new();
	int objects[] = { axvcpu_open(NULL), vm.vcpu };

	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		expect_calls_tested(objects[i], is_tested);
}

static const struct test tests[] = {
	{ "every_call_lacks_memory", every_call_lacks_memory },
	{ "every_call_is_in_the_list", every_call_is_in_the_list },
};

const struct suite suite_failnth = { .name = "failnth", .tests = tests, .nr = ARRAY_SIZE(tests) };
