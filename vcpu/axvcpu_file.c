// SPDX-License-Identifier: GPL-2.0-only
/*
 * The descriptor of a vCPU: ioctls. Copies each argument from user space once, checks it, and calls
 * axvcpu_core.c.
 *
 * Locks: none. axvcpu_begin() excludes other threads.
 */
#include <linux/anon_inodes.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "axas_compat.h"
#include "axas_file.h"
#include "axvcpu.h"

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

	return ret->flags & AXVCPU_RETURN_FAULT ? axvcpu_set_return_fault(ctx) :
	       axvcpu_set_return_value(ctx, ret->val);
}

/* AXVCPU_RUN_WINDOW is for backends that can tell. */
static bool window_ok(const struct axvcpu *vcpu, u32 flags, u32 vector)
{
	if (likely(!flags))
		return !vector;
	return flags == AXVCPU_RUN_WINDOW && vcpu->ops->accepts &&
	       vector >= AXVCPU_FIRST_VECTOR && vector < AXVCPU_NR_VECTORS;
}

/* Bound to a CPU only during the run. */
static long run(void *ctx, void *arg)
{
	struct axvcpu_exit *exit = arg;
	struct axvcpu *vcpu = ctx;
	long err;

	if (!window_ok(vcpu, exit->flags, exit->vector))
		return -EINVAL;
	err = axvcpu_begin(vcpu);
	if (err)
		return err;
	vcpu->window = exit->vector;
	err = axvcpu_run_unbound(vcpu);
	if (!err)
		*exit = *vcpu->exit;
	axvcpu_end(vcpu);
	return err;
}

static long inject(void *ctx, void *arg)
{
	const struct axvcpu_inject *inject = arg;
	const struct axvcpu *vcpu = ctx;

	if (vcpu->ops->interrupt)
		return axvcpu_interrupt(ctx, inject->flags, inject->vector, inject->error);
	switch (inject->flags) {
	case 0:
		return inject->error ? -EINVAL : axvcpu_inject_interrupt(ctx, inject->vector);
	case AXVCPU_INJECT_NOW:
		return inject->error ? -EINVAL : axvcpu_inject_now(ctx, inject->vector);
	case AXVCPU_INJECT_EXCEPTION:
		return axvcpu_inject_exception(ctx, inject->vector, inject->error);
	case AXVCPU_INJECT_RAISE:
	case AXVCPU_INJECT_LOWER:
		return inject->error ? -EINVAL :
		       axvcpu_set_line(ctx, inject->vector, inject->flags == AXVCPU_INJECT_RAISE);
	default:
		return -EINVAL;
	}
}

static long flush(void *ctx, void *arg)
{
	return axvcpu_flush(ctx);
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
	/* While the vCPU runs, these may be stale. */
	state->entries = READ_ONCE(vcpu->entries);
	memcpy(state->exits, vcpu->exits, sizeof(state->exits));
	state->tsc_khz = vcpu->ops->khz ? vcpu->ops->khz() : 0;
	state->time_hz = vcpu->ops->time_hz ? vcpu->ops->time_hz() : 0;
	return 0;
}

static long save_arg_error(const struct axvcpu *vcpu, const struct axvcpu_save *save)
{
	if (save->reserved)
		return -EINVAL;
	if (!vcpu->ops->saved)
		return -EOPNOTSUPP;
	return save->data_size == vcpu->ops->saved->size ? 0 : -EINVAL;
}

static long save(void *ctx, void *arg)
{
	const struct axvcpu_save *save = arg;
	long err = save_arg_error(ctx, save);
	void *state;

	if (err)
		return err;
	state = kvzalloc(save->data_size, GFP_KERNEL_ACCOUNT);
	if (!state)
		return -ENOMEM;
	err = axvcpu_save(ctx, state, save->data_size);
	if (!err && copy_to_user(u64_to_user_ptr(save->data), state, save->data_size))
		err = -EFAULT;
	kvfree(state);
	return err;
}

static long restore(void *ctx, void *arg)
{
	const struct axvcpu_save *save = arg;
	long err = save_arg_error(ctx, save);
	void *state;

	if (err)
		return err;
	state = vmemdup_user(u64_to_user_ptr(save->data), save->data_size);
	if (IS_ERR(state))
		return PTR_ERR(state);
	err = axvcpu_restore(ctx, state, save->data_size);
	kvfree(state);
	return err;
}

static long reset(void *ctx, void *arg)
{
	return axvcpu_reset(ctx);
}

static long set_affinity(void *ctx, void *arg)
{
	const struct axvcpu_affinity *affinity = arg;

	return affinity->reserved ? -EINVAL :
	       axvcpu_set_affinity(ctx, affinity->preferred_cpu, affinity->cpu_set);
}

static const struct axas_ioctl vcpu_ioctls[] = {
	/* Serialized: one thread at a time, by axvcpu_begin(). */
	{ AXAS_IOCTL_OF(AXVCPU_RUN, struct axvcpu_exit), .flags = AXVCPU_RUN_FLAGS,
	  .dir = AXAS_IOCTL_INOUT, .mode = FMODE_WRITE, .run = run },
	{ AXAS_IOCTL_OF(AXVCPU_SET_RETURN, struct axvcpu_return), .flags = AXVCPU_RETURN_FAULT,
	  .dir = AXAS_IOCTL_IN, .mode = FMODE_WRITE, .run = set_return },
	{ AXAS_IOCTL_OF(AXVCPU_GET_REGS, struct axvcpu_regs),
	  .dir = AXAS_IOCTL_QUERY, .mode = FMODE_READ, .run = get_regs },
	{ AXAS_IOCTL_OF(AXVCPU_SET_REGS, struct axvcpu_regs),
	  .flags = AXVCPU_REGS_FLAGS, .dir = AXAS_IOCTL_IN, .mode = FMODE_WRITE, .run = set_regs },
	{ AXAS_IOCTL_OF(AXVCPU_SET_GPR, struct axvcpu_set_gpr),
	  .dir = AXAS_IOCTL_IN, .mode = FMODE_WRITE, .run = set_gpr },
	{ AXAS_IOCTL_OF(AXVCPU_SETUP, struct axvcpu_setup),
	  .flags = AXVCPU_SETUP_FLAGS, .dir = AXAS_IOCTL_IN, .mode = FMODE_WRITE, .run = setup },
	{ AXAS_IOCTL_OF(AXVCPU_SAVE, struct axvcpu_save),
	  .dir = AXAS_IOCTL_IN, .mode = FMODE_WRITE, .run = save },
	{ AXAS_IOCTL_OF(AXVCPU_RESTORE, struct axvcpu_save),
	  .dir = AXAS_IOCTL_IN, .mode = FMODE_WRITE, .run = restore },
	{ AXAS_IOCTL_OF(AXVCPU_RESET, struct axvcpu_reset),
	  .dir = AXAS_IOCTL_IN, .mode = FMODE_WRITE, .run = reset },
	/* At any time; AXVCPU_INJECT with NOW or EXCEPTION is serialized, too. */
	{ AXAS_IOCTL_OF(AXVCPU_FLUSH, struct axvcpu_flush),
	  .dir = AXAS_IOCTL_IN, .mode = FMODE_WRITE, .run = flush },
	{ AXAS_IOCTL_OF(AXVCPU_KICK, struct axvcpu_kick),
	  .dir = AXAS_IOCTL_IN, .mode = FMODE_WRITE, .run = kick },
	{ AXAS_IOCTL_OF(AXVCPU_INJECT, struct axvcpu_inject), .flags = AXVCPU_INJECT_FLAGS,
	  .dir = AXAS_IOCTL_IN, .mode = FMODE_WRITE, .run = inject },
	{ AXAS_IOCTL_OF(AXVCPU_GET_STATE, struct axvcpu_state),
	  .dir = AXAS_IOCTL_QUERY, .mode = FMODE_READ, .run = get_state },
	{ AXAS_IOCTL_OF(AXVCPU_SET_AFFINITY, struct axvcpu_affinity),
	  .dir = AXAS_IOCTL_IN, .mode = FMODE_WRITE, .run = set_affinity },
};

/*
 * RUN is called after each exit, usually with the current struct size. This path copies the struct
 * word by word, without a copy on the stack: only the head is input, and accessing both ends proves
 * that all of it is writable, since it is smaller than a page. False for another size or a bad
 * struct: axas_ioctl_dispatch() returns the error.
 */
static bool take_run(struct axvcpu_exit __user *uexit, u32 *flags, u32 *vector)
{
	u32 size;
	u64 last;

	if (!user_access_begin(uexit, sizeof(*uexit)))
		return false;
	unsafe_get_user(size, &uexit->size, bad);
	if (size != sizeof(*uexit))
		goto bad;
	unsafe_get_user(*flags, &uexit->flags, bad);
	unsafe_get_user(*vector, &uexit->vector, bad);
	unsafe_get_user(last, &uexit->raw[ARRAY_SIZE(uexit->raw) - 1], bad);
	unsafe_put_user(size, &uexit->size, bad);
	unsafe_put_user(last, &uexit->raw[ARRAY_SIZE(uexit->raw) - 1], bad);
	user_access_end();
	return true;

bad:
	user_access_end();
	return false;
}

static_assert(!(sizeof(struct axvcpu_exit) % sizeof(u64)) &&
	      sizeof(struct axvcpu_exit) < PAGE_SIZE);

static int give_exit(const struct axvcpu_exit *exit, struct axvcpu_exit __user *uexit)
{
	if (!user_write_access_begin(uexit, sizeof(*uexit)))
		return -EFAULT;
	unsafe_copy_to_user((char __user *)uexit, (const char *)exit, sizeof(*exit), bad);
	user_write_access_end();
	return 0;

bad:
	user_write_access_end();
	return -EFAULT;
}

static long run_fast(struct axvcpu *vcpu, struct axvcpu_exit __user *uexit, u32 vector)
{
	long err = axvcpu_begin(vcpu);

	if (err)
		return err;
	vcpu->window = vector;
	err = axvcpu_run_unbound(vcpu);
	if (!err) {
		vcpu->exit->size = sizeof(*uexit);
		err = give_exit(vcpu->exit, uexit);
	}
	axvcpu_end(vcpu);
	return err;
}

static long vcpu_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct axvcpu *vcpu = filp->private_data;
	void __user *uarg = (void __user *)arg;
	u32 flags, vector;

	if (likely(cmd == AXVCPU_RUN && filp->f_mode & FMODE_WRITE) &&
	    likely(take_run(uarg, &flags, &vector)) && likely(window_ok(vcpu, flags, vector)))
		return run_fast(vcpu, uarg, vector);
	return axas_ioctl_dispatch(vcpu_ioctls, ARRAY_SIZE(vcpu_ioctls), filp, vcpu, cmd, uarg);
}

static void vcpu_show_fdinfo(struct seq_file *m, struct file *filp)
{
	const struct axvcpu *vcpu = filp->private_data;

	seq_printf(m, "axvcpu-id:\t%u\n", vcpu->id);
	seq_printf(m, "axvcpu-space:\t%u\n", axas_space_id(vcpu->space));
	seq_printf(m, "axvcpu-state:\t%u\n", axvcpu_state(vcpu));
	seq_printf(m, "axvcpu-entries:\t%llu\n", READ_ONCE(vcpu->entries));
}

static int vcpu_release(struct inode *inode, struct file *filp)
{
	axvcpu_destroy(filp->private_data);
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
	int fd = anon_inode_getfd("[axvcpu]", &vcpu_fops, vcpu, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		axvcpu_destroy(vcpu);
	return fd;
}
