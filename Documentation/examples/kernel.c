// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module that uses axas: a HAL that counts its frames, and a consumer, as the part
 * of a hypervisor is that runs vCPUs on a space.
 */
#define pr_fmt(fmt)	KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/version.h>
#include <axas/access.h>

#define RAM	axas_gpa_range(axas_gpa(0x80000000), 64ull << 20)
#define RWX	AXAS_PROT_MASK

/* Linux's frames, counted. What it leaves NULL has a default or is not offered. */
static atomic_long_t frames = ATOMIC_LONG_INIT(0);

static int counted_alloc(const struct axas_hal *hal, unsigned int order, u32 flags,
			 struct axas_hpa *hpa)
{
	int err = axas_hal_linux.alloc_frame(&axas_hal_linux, order, flags, hpa);

	if (!err)
		atomic_long_add(1l << order, &frames);
	return err;
}

static void counted_free(const struct axas_hal *hal, struct axas_hpa hpa,
			 unsigned int order, u32 flags)
{
	axas_hal_linux.free_frame(&axas_hal_linux, hpa, order, flags);
	atomic_long_sub(1l << order, &frames);
}

static const struct axas_hal counted_hal = {
	.name		= "counted",
	.alloc_frame	= counted_alloc,
	.free_frame	= counted_free,
};

/*
 * Here a hypervisor notes for each vCPU that it is to forget what it cached of flush->range,
 * and adds the CPU of each that is in its guest to @cpus: they are interrupted then, and
 * when all have answered the memory is freed.
 */
static void forget(struct axas_consumer *consumer, const struct axas_flush *flush,
		   struct cpumask *cpus)
{
	pr_info("flush " AXAS_GPA_FMT " + 0x%llx%s\n", flush->range.start.val,
		flush->range.size, flush->tables ? ", and cached walks" : "");
}

static const struct axas_consumer_ops consumer_ops = { .request = forget };
static struct axas_consumer consumer = { .ops = &consumer_ops };

/* What a vCPU's loop does when the guest's access faulted. */
static int use_space(struct axas_space *space)
{
	u64 val = 0;
	int err;

	err = axas_space_map_alloc(space, RAM, RWX, AXAS_TYPE_NORMAL, 0);
	if (err)
		return err;
	if (axas_space_fault(space, axas_gpa(0x80001234), AXAS_PROT_WRITE, NULL) !=
	    AXAS_FAULT_FIXED)
		return -EIO;
	err = axas_write_obj(space, axas_gpa(0x80001238), AXAS_WIDTH_64, 42);
	if (!err)
		err = axas_read_obj(space, axas_gpa(0x80001238), AXAS_WIDTH_64, &val);
	pr_info("root " AXAS_HPA_FMT ", %ld frames, value %llu\n",
		axas_space_root(space).val, atomic_long_read(&frames), val);
	return err ?: axas_space_unmap(space, RAM);
}

static int __init example_init(void)
{
	struct axas_space_params params = { .hal = &counted_hal };
	struct axas_space *space = axas_space_create(&params);
	int err;

	if (IS_ERR(space))
		return PTR_ERR(space);
	err = axas_space_attach(space, &consumer);
	if (!err) {
		err = use_space(space);
		axas_space_detach(space, &consumer);
	}
	axas_space_put(space);
	pr_info("%ld frames are left\n", atomic_long_read(&frames));
	return err;
}

static void __exit example_exit(void)
{
}

module_init(example_init);
module_exit(example_exit);

MODULE_DESCRIPTION("Example of a user of axas in the kernel");
MODULE_LICENSE("GPL");
/* A namespace is a string from Linux 6.13 on. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
MODULE_IMPORT_NS("AXAS");
#else
MODULE_IMPORT_NS(AXAS);
#endif
