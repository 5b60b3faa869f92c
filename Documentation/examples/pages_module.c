// SPDX-License-Identifier: GPL-2.0-only
/*
 * The C code that README.md and kernel-api.md show, line by line, in a module that runs, so that
 * the pages show only code that works. It is loaded inside of "axasctl create", with the
 * descriptor of a space, in which it handles a fault; and it makes a space with a HAL and a backend
 * of its own.
 */
#define pr_fmt(fmt)	KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/version.h>
#include <axas/access.h>
#include <axas/backend.h>

#define LENGTH	(64ull << 10)

static int fd = -1;
module_param(fd, int, 0444);
MODULE_PARM_DESC(fd, "Descriptor of a space, of the process that loads the module");

/* README.md */
/* Post a TLB flush to each vCPU, and add the CPUs that run one to @cpus. */
static void request_flush(struct axas_consumer *consumer, const struct axas_flush *flush,
			  struct cpumask *cpus);
static const struct axas_consumer_ops ops = { .request = request_flush };
static struct axas_consumer consumer = { .ops = &ops };

/* It has no vCPUs. */
static void request_flush(struct axas_consumer *consumer, const struct axas_flush *flush,
			  struct cpumask *cpus)
{
}

static void load_nested_root(struct axas_hpa root)
{
	pr_info("root " AXAS_HPA_FMT "\n", root.val);
}

static int answer_fault(u64 gpa)
{
	struct axas_space *space = axas_space_get_from_fd(fd);
	int err, result = -EFAULT;

	if (IS_ERR(space))
		return PTR_ERR(space);
	err = axas_space_attach(space, &consumer);	/* before hardware may walk the table */
	if (err) {
		axas_space_put(space);
		return err;
	}
	load_nested_root(axas_space_root(space));	/* this address never changes */
	switch (axas_space_fault(space, axas_gpa(gpa), AXAS_PROT_WRITE, NULL)) {
	case AXAS_FAULT_FIXED:
		result = 0;	/* repeat the guest's access */
		break;
	case AXAS_FAULT_HOLE:
		result = -ENXIO;	/* no memory there: emulate a device */
		break;
	}
	axas_space_detach(space, &consumer);
	axas_space_put(space);
	return result;
}

/* kernel-api.md: a HAL */
static void *take_from_my_pool(unsigned int order)
{
	return (void *)__get_free_pages(GFP_NOWAIT, order);
}

static void give_back_to_my_pool(void *va, unsigned int order)
{
	free_pages((unsigned long)va, order);
}

static int my_alloc(const struct axas_hal *hal, unsigned int order, u32 flags,
		    struct axas_hpa *hpa)
{
	void *va = take_from_my_pool(order);	/* aligned to 4 KiB << order */

	if (!va)
		return -ENOMEM;
	if (flags & AXAS_FRAME_ZERO)
		memset(va, 0, AXAS_FRAME_SIZE << order);
	*hpa = axas_hpa(virt_to_phys(va));
	return 0;
}

static void my_free(const struct axas_hal *hal, struct axas_hpa hpa, unsigned int order,
		    u32 flags)
{
	give_back_to_my_pool(phys_to_virt(hpa.val), order);
}

static const struct axas_hal my_hal = {
	.name = "mine", .alloc_frame = my_alloc, .free_frame = my_free,
};

/* kernel-api.md: a backend. Each page is a new one, and forgotten when it is put. */
static int my_open(u64 arg, bool user, void **object)
{
	*object = NULL;
	return 0;
}

static void my_release(void *object)
{
}

static int my_get(void *object, u64 offset, unsigned int order, struct axas_hpa *hpas,
		  unsigned int n)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

	if (!page)
		return -ENOMEM;
	*hpas = axas_hpa(page_to_phys(page));
	return 1;
}

static void my_put(void *object, unsigned int order, const struct axas_hpa *hpas, unsigned int n)
{
	while (n--)
		put_page(pfn_to_page(PHYS_PFN(hpas[n].val)));
}

static const struct axas_backend_type my_type = {
	.name = "mine", .flags = AXAS_FRAMES_DIRECT | AXAS_FRAMES_PAGES,
	.open = my_open, .release = my_release, .get = my_get, .put = my_put,
};

static int register_mine(void)
{
	int err;

	err = axas_backend_register(&my_type, THIS_MODULE);	/* in module_init() */
	return err;
}

/* Both in a space of its own. */
static int map_mine(struct axas_space *space)
{
	struct axas_gpa_range range = axas_gpa_range(axas_gpa(0x80000000), LENGTH);
	struct axas_backend_object *object;
	u64 arg = 0, offset = 0, val = 0;
	u32 prot = AXAS_PROT_MASK;
	int err;

	object = axas_backend_open("mine", arg);
	if (IS_ERR(object))
		return PTR_ERR(object);
	err = axas_space_map_backend(space, range, object, offset, prot, AXAS_TYPE_NORMAL, 0);
	axas_backend_close(object);	/* the area has its own reference */
	err = err ?: axas_write_obj(space, range.start, AXAS_WIDTH_64, 42) ?:
		     axas_read_obj(space, range.start, AXAS_WIDTH_64, &val);
	pr_info("value %llu\n", val);
	return err;
}

static int use_mine(void)
{
	struct axas_space_params params = { .hal = &my_hal };
	struct axas_space *space = axas_space_create(&params);
	int err;

	if (IS_ERR(space))
		return PTR_ERR(space);
	err = map_mine(space);
	axas_space_put(space);
	return err;
}

static int __init pages_init(void)
{
	int err = register_mine();

	if (err)
		return err;
	err = use_mine() ?: answer_fault(0x1000);
	if (err)
		axas_backend_unregister(&my_type);
	return err;
}
module_init(pages_init);

static void __exit pages_exit(void)
{
	axas_backend_unregister(&my_type);
}
module_exit(pages_exit);

MODULE_DESCRIPTION("What the documentation of axas shows for modules");
MODULE_LICENSE("GPL");
/* A namespace is a string from Linux 6.13 on. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
MODULE_IMPORT_NS("AXAS");
#else
MODULE_IMPORT_NS(AXAS);
#endif
