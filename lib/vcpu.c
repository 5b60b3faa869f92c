// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of <axas/vcpu.h>, one function each. Calls space.c's axas_ioctl() and axas_open().
 */
#include "libaxas.h"

#include <unistd.h>

int axvcpu_open(const char *path)
{
	return axas_open(path ? path : AXVCPU_DEV_PATH);
}

int axvcpu_get_api_version(int dev)
{
	return axas_ioctl(dev, AXVCPU_GET_API_VERSION, NULL);
}

int axvcpu_create(int dev, const struct axvcpu_create *create)
{
	struct axvcpu_create arg = *create;

	arg.size = sizeof(arg);
	return axas_ioctl(dev, AXVCPU_CREATE, &arg);
}

int axvcpu_open_vcpu(const char *path, int space, __u32 id, __u32 flags)
{
	struct axvcpu_create create = {
		.flags = flags, .space_fd = space, .id = id, .preferred_cpu = AXVCPU_CPU_ANY
	};
	int dev = axvcpu_open(path), ret;

	if (dev < 0)
		return dev;
	ret = axvcpu_create(dev, &create);
	close(dev);
	return ret;
}

int axvcpu_setup(int vcpu, const struct axvcpu_setup *setup)
{
	struct axvcpu_setup arg = *setup;

	arg.size = sizeof(arg);
	return axas_ioctl(vcpu, AXVCPU_SETUP, &arg);
}

int axvcpu_get_regs(int vcpu, struct axvcpu_regs *regs)
{
	*regs = (struct axvcpu_regs){ .size = sizeof(*regs) };
	return axas_ioctl(vcpu, AXVCPU_GET_REGS, regs);
}

int axvcpu_set_regs(int vcpu, const struct axvcpu_regs *regs)
{
	struct axvcpu_regs arg = *regs;

	arg.size = sizeof(arg);
	return axas_ioctl(vcpu, AXVCPU_SET_REGS, &arg);
}

int axvcpu_set_gpr(int vcpu, __u32 reg, __u64 val)
{
	struct axvcpu_set_gpr arg = { .size = sizeof(arg), .reg = reg, .val = val };

	return axas_ioctl(vcpu, AXVCPU_SET_GPR, &arg);
}

/* Only the input fields are set: on success the kernel writes all of @exit. */
static int run(int vcpu, __u32 vector, struct axvcpu_exit *exit)
{
	exit->size = sizeof(*exit);
	exit->flags = vector ? AXVCPU_RUN_WINDOW : 0;
	exit->reason = AXVCPU_EXIT_NOTHING;
	exit->vector = vector;
	return axas_ioctl(vcpu, AXVCPU_RUN, exit);
}

int axvcpu_run(int vcpu, struct axvcpu_exit *exit)
{
	return run(vcpu, 0, exit);
}

int axvcpu_run_window(int vcpu, __u32 vector, struct axvcpu_exit *exit)
{
	return run(vcpu, vector, exit);
}

int axvcpu_set_return(int vcpu, __u64 val)
{
	struct axvcpu_return arg = { .size = sizeof(arg), .val = val };

	return axas_ioctl(vcpu, AXVCPU_SET_RETURN, &arg);
}

int axvcpu_set_return_fault(int vcpu)
{
	struct axvcpu_return arg = { .size = sizeof(arg), .flags = AXVCPU_RETURN_FAULT };

	return axas_ioctl(vcpu, AXVCPU_SET_RETURN, &arg);
}

int axvcpu_inject_now(int vcpu, __u32 vector)
{
	struct axvcpu_inject arg = {
		.size = sizeof(arg), .flags = AXVCPU_INJECT_NOW, .vector = vector
	};

	return axas_ioctl(vcpu, AXVCPU_INJECT, &arg);
}

int axvcpu_inject_exception(int vcpu, __u32 vector, __u32 error)
{
	struct axvcpu_inject arg = {
		.size = sizeof(arg), .flags = AXVCPU_INJECT_EXCEPTION, .vector = vector,
		.error = error
	};

	return axas_ioctl(vcpu, AXVCPU_INJECT, &arg);
}

int axvcpu_reset(int vcpu)
{
	struct axvcpu_reset arg = { .size = sizeof(arg) };

	return axas_ioctl(vcpu, AXVCPU_RESET, &arg);
}

int axvcpu_save(int vcpu, void *state, __u32 size)
{
	struct axvcpu_save arg = {
		.size = sizeof(arg), .data = (__u64)(unsigned long)state,
		.data_size = size
	};

	return axas_ioctl(vcpu, AXVCPU_SAVE, &arg);
}

int axvcpu_restore(int vcpu, const void *state, __u32 size)
{
	struct axvcpu_save arg = {
		.size = sizeof(arg), .data = (__u64)(unsigned long)state,
		.data_size = size
	};

	return axas_ioctl(vcpu, AXVCPU_RESTORE, &arg);
}

int axvcpu_inject(int vcpu, __u32 vector)
{
	struct axvcpu_inject arg = { .size = sizeof(arg), .vector = vector };

	return axas_ioctl(vcpu, AXVCPU_INJECT, &arg);
}

int axvcpu_set_line(int vcpu, __u32 line, int level)
{
	struct axvcpu_inject arg = {
		.size = sizeof(arg), .flags = level ? AXVCPU_INJECT_RAISE : AXVCPU_INJECT_LOWER,
		.vector = line
	};

	return axas_ioctl(vcpu, AXVCPU_INJECT, &arg);
}

int axvcpu_interrupt(int vcpu, __u32 how, __u32 id, __u32 priority)
{
	struct axvcpu_inject arg = {
		.size = sizeof(arg), .flags = how, .vector = id, .error = priority
	};

	return axas_ioctl(vcpu, AXVCPU_INJECT, &arg);
}

int axvcpu_flush(int vcpu)
{
	struct axvcpu_flush arg = { .size = sizeof(arg) };

	return axas_ioctl(vcpu, AXVCPU_FLUSH, &arg);
}

int axvcpu_kick(int vcpu)
{
	struct axvcpu_kick arg = { .size = sizeof(arg) };

	return axas_ioctl(vcpu, AXVCPU_KICK, &arg);
}

int axvcpu_get_state(int vcpu, struct axvcpu_state *state)
{
	*state = (struct axvcpu_state){ .size = sizeof(*state) };
	return axas_ioctl(vcpu, AXVCPU_GET_STATE, state);
}

int axvcpu_set_affinity(int vcpu, __u32 preferred_cpu, __u64 cpu_set)
{
	struct axvcpu_affinity arg = {
		.size = sizeof(arg), .preferred_cpu = preferred_cpu, .cpu_set = cpu_set
	};

	return axas_ioctl(vcpu, AXVCPU_SET_AFFINITY, &arg);
}
