// SPDX-License-Identifier: GPL-2.0-only
/*
 * The descriptor of a vCPU: ioctls. Takes every argument from user space once, checks
 * it, and calls axvcpu_core.c.
 *
 * Locks: vcpu_file->busy, never waited for, makes a call that binds, runs and unbinds
 * one step for all other threads.
 */
#include <linux/anon_inodes.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "axas_compat.h"
#include "axas_file.h"
#include "axvcpu.h"

/**
 * struct vcpu_file - what stands behind the descriptor of a vCPU
 * @vcpu: the vCPU
 * @busy: held by the thread that uses it
 */
struct vcpu_file {
	struct axvcpu *vcpu;
	struct mutex busy;	/* see above */
};

static long setup(void *ctx, void *arg)
{
	return axvcpu_setup(ctx, arg);
}

static long get_regs(void *ctx, void *arg)
{
	return axvcpu_get_regs(ctx, arg);
}

static long set_regs(void *ctx, void *arg)
{
	const struct axvcpu_regs *regs = arg;

	if (memchr_inv(regs->reserved, 0, sizeof(regs->reserved)))
		return -EINVAL;
	return axvcpu_set_regs(ctx, regs);
}

static long set_gpr(void *ctx, void *arg)
{
	const struct axvcpu_set_gpr *set = arg;

	return set->reserved ? -EINVAL : axvcpu_set_gpr(ctx, set->reg, set->val);
}

static long set_return(void *ctx, void *arg)
{
	const struct axvcpu_return *ret = arg;

	return axvcpu_set_return_value(ctx, ret->val);
}

/* Bound to a CPU only while it runs: what happens in between is the scheduler's. */
static long run(void *ctx, void *arg)
{
	struct axvcpu_exit *exit = arg;
	struct axvcpu *vcpu = ctx;
	u32 size = exit->size;
	long err;

	if (exit->reserved)
		return -EINVAL;
	/* A program that runs it too early may set it up yet. */
	if (axvcpu_state(vcpu) == AXVCPU_STATE_CREATED)
		return -EBADFD;
	err = axvcpu_bind(vcpu);
	if (err)
		return err;
	err = axvcpu_run(vcpu, exit);
	exit->size = size;
	if (axvcpu_state(vcpu) == AXVCPU_STATE_READY)
		err = axvcpu_unbind(vcpu) ?: err;
	return err;
}

static long inject(void *ctx, void *arg)
{
	const struct axvcpu_inject *inject = arg;

	return inject->reserved ? -EINVAL : axvcpu_inject_interrupt(ctx, inject->vector);
}

static long kick(void *ctx, void *arg)
{
	axvcpu_kick(ctx);
	return 0;
}

static long get_state(void *ctx, void *arg)
{
	struct axvcpu_state *state = arg;
	const struct axvcpu *vcpu = ctx;

	state->flags = vcpu->bsp ? AXVCPU_CREATE_BSP : 0;
	state->state = axvcpu_state(vcpu);
	state->id = vcpu->id;
	state->preferred_cpu = axvcpu_preferred_cpu(vcpu);
	state->cpu = READ_ONCE(vcpu->cpu);
	state->cpu_set = axvcpu_cpu_set(vcpu);
	/* While it runs these are of a moment ago. */
	state->entries = READ_ONCE(vcpu->entries);
	memcpy(state->exits, vcpu->exits, sizeof(state->exits));
	return 0;
}

static long set_affinity(void *ctx, void *arg)
{
	const struct axvcpu_affinity *affinity = arg;

	return affinity->reserved ? -EINVAL :
	       axvcpu_set_affinity(ctx, affinity->preferred_cpu, affinity->cpu_set);
}

/* For one thread at a time. */
static const struct axas_ioctl exclusive_ioctls[] = {
	{ AXVCPU_SETUP, sizeof(struct axvcpu_setup), AXVCPU_SETUP_FLAGS, AXAS_IOCTL_IN, setup },
	{ AXVCPU_GET_REGS, sizeof(struct axvcpu_regs), 0, AXAS_IOCTL_QUERY, get_regs },
	{ AXVCPU_SET_REGS, sizeof(struct axvcpu_regs), AXVCPU_REGS_FLAGS, AXAS_IOCTL_IN, set_regs },
	{ AXVCPU_SET_GPR, sizeof(struct axvcpu_set_gpr), 0, AXAS_IOCTL_IN, set_gpr },
	{ AXVCPU_RUN, sizeof(struct axvcpu_exit), 0, AXAS_IOCTL_INOUT, run },
	{ AXVCPU_SET_RETURN, sizeof(struct axvcpu_return), 0, AXAS_IOCTL_IN, set_return },
};

/* At any time. */
static const struct axas_ioctl shared_ioctls[] = {
	{ AXVCPU_KICK, sizeof(struct axvcpu_kick), 0, AXAS_IOCTL_IN, kick },
	{ AXVCPU_INJECT, sizeof(struct axvcpu_inject), 0, AXAS_IOCTL_IN, inject },
	{ AXVCPU_GET_STATE, sizeof(struct axvcpu_state), 0, AXAS_IOCTL_QUERY, get_state },
	{ AXVCPU_SET_AFFINITY, sizeof(struct axvcpu_affinity), 0, AXAS_IOCTL_IN, set_affinity },
};

static_assert(sizeof(struct axvcpu_regs) <= AXAS_IOCTL_MAX);
static_assert(sizeof(struct axvcpu_state) <= AXAS_IOCTL_MAX);

/* What there is not is ENOTTY at any time, also beside a vCPU that runs. */
static bool is_exclusive(unsigned int cmd)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(exclusive_ioctls); i++)
		if (exclusive_ioctls[i].cmd == cmd)
			return true;
	return false;
}

static long vcpu_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct vcpu_file *file = filp->private_data;
	void __user *uarg = (void __user *)arg;
	long ret;

	ret = axas_ioctl_dispatch(shared_ioctls, ARRAY_SIZE(shared_ioctls), file->vcpu, cmd,
				  uarg);
	if (ret != -ENOTTY || !is_exclusive(cmd))
		return ret;
	if (!mutex_trylock(&file->busy))
		return -EBUSY;
	ret = axas_ioctl_dispatch(exclusive_ioctls, ARRAY_SIZE(exclusive_ioctls), file->vcpu,
				  cmd, uarg);
	mutex_unlock(&file->busy);
	return ret;
}

static void vcpu_show_fdinfo(struct seq_file *m, struct file *filp)
{
	const struct axvcpu *vcpu = ((struct vcpu_file *)filp->private_data)->vcpu;

	seq_printf(m, "axvcpu-id:\t%u\n", vcpu->id);
	seq_printf(m, "axvcpu-state:\t%u\n", axvcpu_state(vcpu));
	seq_printf(m, "axvcpu-entries:\t%llu\n", READ_ONCE(vcpu->entries));
}

static int vcpu_release(struct inode *inode, struct file *filp)
{
	struct vcpu_file *file = filp->private_data;

	axvcpu_destroy(file->vcpu);
	kfree(file);
	return 0;
}

static const struct file_operations vcpu_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= vcpu_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= vcpu_show_fdinfo,
	.release	= vcpu_release,
};

int axvcpu_file_create(struct axvcpu *vcpu)
{
	struct vcpu_file *file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	int fd = -ENOMEM;

	if (!file)
		goto no_file;
	file->vcpu = vcpu;
	mutex_init(&file->busy);
	fd = anon_inode_getfd("[axvcpu]", &vcpu_fops, file, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	kfree(file);
no_file:
	axvcpu_destroy(vcpu);
	return fd;
}
