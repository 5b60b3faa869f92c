// SPDX-License-Identifier: GPL-2.0-only
/*
 * A backend whose frames come from a region of memory that Linux does not use: reserved by memmap=
 * or in the device tree. All areas see the one region, at the offset that they name. It is cleared
 * when the module is loaded.
 *
 * Name: "reserved". Argument: 0. No locks.
 */
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <axas/backend.h>

#include "check.h"
#include "import.h"

static unsigned long long base;
module_param(base, ullong, 0444);
MODULE_PARM_DESC(base, "First byte of the region");

static unsigned long long size;
module_param(size, ullong, 0444);
MODULE_PARM_DESC(size, "Bytes of the region");

static int reserved_open(u64 arg, bool user, void **object)
{
	*object = NULL;
	return arg ? -EINVAL : 0;
}

/* The end of the region is an error of the access, and so is a 2 MiB frame that is not aligned. */
static int reserved_get(void *object, u64 offset, unsigned int order, struct axas_hpa *hpas,
			unsigned int n)
{
	u64 bytes = AXAS_FRAME_SIZE << order;
	unsigned int i;

	if (order && base & (bytes - 1))
		return -ENOMEM;
	for (i = 0; i < n && offset < size && bytes <= size - offset; i++, offset += bytes)
		hpas[i] = axas_hpa(base + offset);
	return i ?: order ? -ENOMEM : -ENXIO;
}

/* The region stays. */
static void reserved_put(void *object, unsigned int order, const struct axas_hpa *hpas,
			 unsigned int n)
{
}

static const struct axas_backend_type reserved_type = {
	.name	= "reserved",
	.flags	= AXAS_FRAMES_WINDOW | AXAS_FRAMES_2M | AXAS_FRAMES_ANY_TYPE,
	.open	= reserved_open,
	.get	= reserved_get,
	.put	= reserved_put,
};

static int clear_region(void)
{
	void *mem = memremap(base, size, MEMREMAP_WB);

	if (!mem)
		return -ENOMEM;
	memset(mem, 0, size);
	memunmap(mem);
	return 0;
}

static int __init reserved_init(void)
{
	int err = -EBUSY;

	if (!size || (base | size) & (AXAS_FRAME_SIZE - 1) || base + size < base)
		return -EINVAL;
	if (!request_mem_region(base, size, "axas_reserved"))
		return -EBUSY;
	if (region_intersects(base, size, IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE) ==
	    REGION_DISJOINT)
		err = clear_region() ?: check_backend(&reserved_type, 0, size) ?:
		      clear_region() ?: axas_backend_register(&reserved_type, THIS_MODULE);
	if (err)
		release_mem_region(base, size);
	return err;
}
module_init(reserved_init);

static void __exit reserved_exit(void)
{
	axas_backend_unregister(&reserved_type);
	release_mem_region(base, size);
}
module_exit(reserved_exit);

MODULE_DESCRIPTION("Example of a backend of axas: a reserved region of memory");
MODULE_LICENSE("GPL");
