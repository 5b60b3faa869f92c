// SPDX-License-Identifier: GPL-2.0-only
/*
 * A HAL: guest memory from a region that Linux does not use (memmap= at boot, or the device tree),
 * as a partitioner has it. When the module is loaded the conformance suite checks the HAL, and a
 * space is made on it; in a kernel with KUnit the same is a KUnit suite. Locks: those of the pool.
 *
 *	insmod axas_pool.ko base=0x30c00000 size=0x400000
 */
#define pr_fmt(fmt)	KBUILD_MODNAME ": " fmt

#include <kunit/test.h>
#include <linux/genalloc.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/version.h>
#include <axas/access.h>

/* The suite uses include/axas/ alone, and is compiled into the module that it checks. */
#include "../../kunit/axas_conformance.c"

static unsigned long long base;
module_param(base, ullong, 0444);
MODULE_PARM_DESC(base, "First byte of the region, a multiple of 2 MiB");

static unsigned long long size;
module_param(size, ullong, 0444);
MODULE_PARM_DESC(size, "Bytes of the region");

static struct gen_pool *pool;
static void *memory;

/* The pool aligns within the region, which begins at a multiple of 2 MiB. */
static int pool_alloc(const struct axas_hal *hal, unsigned int order, u32 flags,
		      struct axas_hpa *hpa)
{
	size_t bytes = AXAS_FRAME_SIZE << order;
	unsigned long va = bytes > SZ_2M ? 0 : gen_pool_alloc(pool, bytes);

	if (!va)
		return -ENOMEM;
	if (flags & AXAS_FRAME_ZERO)
		memset((void *)va, 0, bytes);
	*hpa = axas_hpa(gen_pool_virt_to_phys(pool, va));
	return 0;
}

static void *pool_va(const struct axas_hal *hal, struct axas_hpa hpa)
{
	return memory + (hpa.val - base);
}

static struct axas_hpa pool_pa(const struct axas_hal *hal, const void *va)
{
	return axas_hpa(base + (va - memory));
}

/* A piece of what was allocated is as good as all of it. */
static void pool_free(const struct axas_hal *hal, struct axas_hpa hpa, unsigned int order,
		      u32 flags)
{
	gen_pool_free(pool, (unsigned long)pool_va(hal, hpa), AXAS_FRAME_SIZE << order);
}

/* Its frames have no struct page: they cannot be mapped by programs, but read and written. */
static struct axas_hal pool_hal = {
	.name		= "pool",
	.alloc_frame	= pool_alloc,
	.free_frame	= pool_free,
	.phys_to_virt	= pool_va,
	.virt_to_phys	= pool_pa,
};

static int conforms(void)
{
	struct axas_conformance result = {};

	axas_conformance_hal(&result, &pool_hal);
	pr_info("%u errors%s%s\n", result.errors, result.errors ? ": " : "", result.error);
	return result.errors || gen_pool_avail(pool) != size ? -EIO : 0;
}

/* A space that holds 4 KiB and 2 MiB frames of the region, and gives all of them back. */
static int serves_a_space(void)
{
	struct axas_space_params params = { .hal = &pool_hal };
	struct axas_space *space = axas_space_create(&params);
	struct axas_gpa_range ram = axas_gpa_range(axas_gpa(0), SZ_64M);
	u64 val = 0;
	int err;

	if (IS_ERR(space))
		return PTR_ERR(space);
	err = axas_space_map_alloc(space, ram, AXAS_PROT_MASK, AXAS_TYPE_NORMAL,
				   AXAS_MAP_HUGE_ALWAYS);
	if (!err)
		err = axas_write_obj(space, axas_gpa(SZ_2M + 8), AXAS_WIDTH_64, 42);
	if (!err)
		err = axas_read_obj(space, axas_gpa(SZ_2M + 8), AXAS_WIDTH_64, &val);
	pr_info("%zu of %llu KiB are in use, value %llu\n",
		(gen_pool_size(pool) - gen_pool_avail(pool)) >> 10, size >> 10, val);
	axas_space_put(space);
	return err ?: val != 42 || gen_pool_avail(pool) != size ? -EIO : 0;
}

static int make_pool(void)
{
	memory = memremap(base, size, MEMREMAP_WB);
	pool = gen_pool_create(AXAS_FRAME_SHIFT, NUMA_NO_NODE);
	if (!memory || !pool)
		return -ENOMEM;
	gen_pool_set_algo(pool, gen_pool_first_fit_order_align, NULL);
	/* What a CPU needs after a write to code is the same for all memory. */
	pool_hal.clean = axas_hal_linux.clean;
	pool_hal.fence = axas_hal_linux.fence;
	return gen_pool_add_virt(pool, (unsigned long)memory, base, size, NUMA_NO_NODE);
}

/* gen_pool_destroy() is a BUG() while something has memory of the pool: then all of it stays. */
static void destroy(void)
{
	if (pool && gen_pool_avail(pool) != gen_pool_size(pool)) {
		pr_err("frames were not given back\n");
		return;
	}
	if (pool)
		gen_pool_destroy(pool);
	if (memory)
		memunmap(memory);
	release_mem_region(base, size);
}

static int __init pool_init(void)
{
	int err = -EBUSY;

	if (!size || base & (SZ_2M - 1) || size & (AXAS_FRAME_SIZE - 1) || base + size < base)
		return -EINVAL;
	if (!request_mem_region(base, size, KBUILD_MODNAME))
		return -EBUSY;
	if (region_intersects(base, size, IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE) ==
	    REGION_DISJOINT)
		err = make_pool() ?: conforms() ?: serves_a_space();
	if (err)
		destroy();
	return err;
}
module_init(pool_init);

static void __exit pool_exit(void)
{
	destroy();
}
module_exit(pool_exit);

#if IS_ENABLED(CONFIG_KUNIT)
/* Some kernels, 6.1 among them, run a module's suites before its module_init(). */
static int needs_pool(struct kunit *test)
{
	if (!pool)
		kunit_skip(test, "there is no pool yet");
	return 0;
}

static void hal_conforms(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, conforms(), 0);
}

static void hal_serves_a_space(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, serves_a_space(), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(hal_conforms),
	KUNIT_CASE(hal_serves_a_space),
	{}
};

/* Of a module, it runs when the module is loaded. */
static struct kunit_suite suite = {
	.name = "axas_pool", .init = needs_pool, .test_cases = cases,
};

kunit_test_suite(suite);
#endif

MODULE_DESCRIPTION("Example of a HAL of axas: a reserved region of memory");
MODULE_LICENSE("GPL");
/* A namespace is a string from Linux 6.13 on. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
MODULE_IMPORT_NS("AXAS");
#else
MODULE_IMPORT_NS(AXAS);
#endif
