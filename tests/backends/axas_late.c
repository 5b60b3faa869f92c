// SPDX-License-Identifier: GPL-2.0-only
/*
 * A backend whose frames come late, as from a disk or over a network: get() sleeps. An object is
 * memory of its own, which begins, in each page, with the page's offset, and stays until the object
 * is released: a page that was discarded comes back with its content.
 *
 * Name: "late". Argument: milliseconds of each get(), 0 for 10. Locks: those of the XArray.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include <axas/backend.h>

#include "check.h"
#include "import.h"

#define USUAL_MS	10
#define MOST_MS		10000

/**
 * struct late - an object
 * @pages: its pages by number, each with a reference
 * @delay: jiffies that get() sleeps
 */
struct late {
	struct xarray pages;
	unsigned long delay;
};

static int late_open(u64 arg, bool user, void **object)
{
	struct late *late;

	if (arg > MOST_MS)
		return -EINVAL;
	late = kzalloc(sizeof(*late), GFP_KERNEL_ACCOUNT);
	if (!late)
		return -ENOMEM;
	xa_init(&late->pages);
	late->delay = msecs_to_jiffies(arg ?: USUAL_MS);
	*object = late;
	return 0;
}

static void late_release(void *object)
{
	struct late *late = object;
	struct page *page;
	unsigned long nr;

	xa_for_each(&late->pages, nr, page)
		put_page(page);
	xa_destroy(&late->pages);
	kfree(late);
}

static struct page *make_page(u64 nr)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

	if (page)
		*(u64 *)page_address(page) = nr << AXAS_FRAME_SHIFT;
	return page;
}

/* The page of a number; several calls may bring it at once, and one of them wins. */
static struct page *page_of(struct late *late, unsigned long nr)
{
	struct page *page = xa_load(&late->pages, nr), *other;

	if (page)
		return page;
	page = make_page(nr);
	if (!page)
		return NULL;
	other = xa_cmpxchg(&late->pages, nr, NULL, page, GFP_KERNEL_ACCOUNT);
	if (!other)
		return page;
	put_page(page);
	return xa_is_err(other) ? NULL : other;
}

static int late_get(void *object, u64 offset, unsigned int order, struct axas_hpa *hpas,
		    unsigned int n)
{
	struct late *late = object;
	struct page *page;
	unsigned int i;

	schedule_timeout_killable(late->delay);
	if (fatal_signal_pending(current))
		return -EINTR;
	for (i = 0; i < n; i++) {
		page = page_of(late, (offset >> AXAS_FRAME_SHIFT) + i);
		if (!page)
			break;
		get_page(page);
		hpas[i] = axas_hpa(page_to_phys(page));
	}
	return i ?: -ENOMEM;
}

static void late_put(void *object, unsigned int order, const struct axas_hpa *hpas, unsigned int n)
{
	unsigned int i, j;

	for (i = 0; i < n; i++)
		for (j = 0; j < 1u << order; j++)
			put_page(pfn_to_page((hpas[i].val >> PAGE_SHIFT) + j));
}

static const struct axas_backend_type late_type = {
	.name		= "late",
	.flags		= AXAS_FRAMES_DIRECT | AXAS_FRAMES_PAGES,
	.open		= late_open,
	.release	= late_release,
	.get		= late_get,
	.put		= late_put,
};

static int __init late_init(void)
{
	return check_backend(&late_type, 1, SZ_128K) ?:
	       axas_backend_register(&late_type, THIS_MODULE);
}
module_init(late_init);

static void __exit late_exit(void)
{
	axas_backend_unregister(&late_type);
}
module_exit(late_exit);

MODULE_DESCRIPTION("Example of a backend of axas: frames that come late");
MODULE_LICENSE("GPL");
