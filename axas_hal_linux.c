// SPDX-License-Identifier: GPL-2.0-only
/*
 * The default HAL: frames from Linux's page allocator, the direct map, and ioremap() or memremap()
 * for windows of linear areas. Calls axas_stock.c and axas_block.c. No locks.
 */
#ifdef CONFIG_ARM64
#include <asm/cpufeature.h>
#include <asm/sysreg.h>
#endif
#include <linux/cacheflush.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/vmstat.h>
#include <axas/frame.h>
#include <uapi/axas/axas.h>

#include "axas_block.h"
#include "axas_compat.h"
#include "axas_stock.h"

static void account_table(struct page *page, unsigned int order, int sign)
{
	mod_lruvec_page_state(page, NR_SECONDARY_PAGETABLE, sign * (1 << order));
}

#ifdef CONFIG_ARM64
static void linux_clean(const struct axas_hal *hal, void *va, size_t bytes)
{
	axas_sync_code((unsigned long)va, (unsigned long)va + bytes);
}
#else
#define linux_clean	NULL
#endif

#ifdef CONFIG_RISCV
/* FENCE.I covers one hart and all addresses: run it on all. RISC-V Unprivileged, Zifencei. */
static void linux_fence(const struct axas_hal *hal)
{
	flush_icache_all();
}
#else
#define linux_fence	NULL
#endif

static bool alloc_small(u32 flags, struct axas_hpa *hpa)
{
	bool got = flags & AXAS_FRAME_ZERO ? axas_stock_get(hpa) : axas_stock_get_unset(hpa);

	return got || axas_stock_alloc(flags, hpa);
}

static int alloc_table(unsigned int order, u32 flags, struct axas_hpa *hpa)
{
	struct page *page = alloc_pages(axas_frame_gfp(order, flags), order);

	if (unlikely(!page) && axas_stock_drain())
		page = alloc_pages(axas_frame_gfp(order, flags), order);
	if (!page)
		return -ENOMEM;
	account_table(page, order, 1);
	*hpa = axas_hpa(page_to_phys(page));
	return 0;
}

static int linux_alloc_frame(const struct axas_hal *hal, unsigned int order, u32 flags,
			     struct axas_hpa *hpa)
{
	struct page *page;

	if (flags & AXAS_FRAME_TABLE)
		return alloc_table(order, flags, hpa);
	if (!order)
		return alloc_small(flags, hpa) ? 0 : -ENOMEM;
	page = axas_block_alloc(order, flags);
	if (!page)
		return -ENOMEM;
	*hpa = axas_hpa(page_to_phys(page));
	return 0;
}

static void linux_free_frame(const struct axas_hal *hal, struct axas_hpa hpa,
			     unsigned int order, u32 flags)
{
	struct page *page = pfn_to_page(hpa.val >> PAGE_SHIFT);

	if (flags & AXAS_FRAME_TABLE) {
		account_table(page, order, -1);
		__free_pages(page, order);
	} else {
		axas_block_free(page, 1ul << order);
	}
}

/* Order of populate's largest blocks: FILL_BATCH pages. */
#define POPULATE_ORDER		7u

/* Allocate a block and list its pages. */
static bool alloc_pages_of(unsigned int order, u32 flags, struct axas_hpa *hpas)
{
	struct page *page = axas_block_try(order, flags);
	u64 hpa, end;

	if (!page)
		return false;
	hpa = page_to_phys(page);
	for (end = hpa + (PAGE_SIZE << order); hpa != end; hpa += PAGE_SIZE)
		*hpas++ = axas_hpa(hpa);
	return true;
}

/* 4 KiB frames: from the largest blocks that are free, then one by one. */
static unsigned int alloc_many(u32 flags, struct axas_hpa *hpas, unsigned int n)
{
	unsigned int got = 0, order;

	while (got < n) {
		order = min_t(unsigned int, ilog2(n - got), axas_block_order(POPULATE_ORDER));
		if (!order && !alloc_small(flags, &hpas[got]))
			break;
		if (!order || alloc_pages_of(order, flags, &hpas[got]))
			got += 1u << order;
	}
	return got;
}

static unsigned int linux_alloc_frames(const struct axas_hal *hal, unsigned int order,
				       u32 flags, struct axas_hpa *hpas, unsigned int n)
{
	unsigned int i;

	if (!order && !(flags & AXAS_FRAME_TABLE))
		return alloc_many(flags, hpas, n);
	for (i = 0; i < n; i++)
		if (!axas_frame_alloc_hpa(hal, order, flags, &hpas[i]))
			break;
	return i;
}

/* Free contiguous frames together, so that a block whose pieces all go is freed whole. */
static void linux_free_frames(const struct axas_hal *hal, unsigned int order,
			      const struct axas_hpa *hpas, unsigned int n)
{
	/* Large frames: at most 2 MiB between two cond_resched(). */
	unsigned int most = order ? max(1u, 512u >> order) : n;
	const struct axas_hpa *end = hpas + n, *stop, *next;
	u64 size = AXAS_FRAME_SIZE << order;

	for (; hpas < end; hpas = next) {
		stop = hpas + min_t(size_t, most, end - hpas);
		for (next = hpas + 1; next < stop && next->val == next[-1].val + size; next++)
			;
		axas_block_free(pfn_to_page(hpas->val >> PAGE_SHIFT), (next - hpas) << order);
		if (order)
			cond_resched();
	}
}

static bool linux_is_ram(const struct axas_hal *hal, struct axas_hpa hpa, u64 bytes)
{
	return region_intersects(hpa.val, bytes, IORESOURCE_SYSTEM_RAM,
				 IORES_DESC_NONE) != REGION_DISJOINT;
}

/* A page that gets references may outlive its block: split that. */
static struct page *linux_frame_page(const struct axas_hal *hal, struct axas_hpa hpa)
{
	struct page *page = pfn_to_page(hpa.val >> PAGE_SHIFT);

	axas_block_split(page);
	return page;
}

/*
 * Longest window: amortizes the resource lookup and page table setup, and bounds the time for
 * which a copy holds space->lock.
 */
#define WINDOW_BYTES	SZ_256K

/*
 * System RAM is accessed by the direct map, as normal memory only. Everything else is mapped for
 * the duration of the window, with the area's memory type: host and guest must not use different
 * cache attributes. A window over both is refused if it could be shorter.
 */
#ifdef CONFIG_HAS_IOMEM
static int linux_window(const struct axas_hal *hal, struct axas_hpa hpa, size_t bytes,
			u32 type, struct axas_window *window)
{
	int ram = region_intersects(hpa.val, bytes, IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE);

	if (ram != REGION_DISJOINT) {
		if (type != AXAS_TYPE_NORMAL)
			return -EOPNOTSUPP;
		if (ram == REGION_MIXED && offset_in_page(hpa.val) + bytes > PAGE_SIZE)
			return -EOPNOTSUPP;
		*window = (struct axas_window){ .va = __va(hpa.val) };
		return 0;
	}
	*window = (struct axas_window){};
	if (type == AXAS_TYPE_NORMAL)
		window->va = memremap(hpa.val, bytes, MEMREMAP_WB);
	else if (type == AXAS_TYPE_UNCACHED)
		window->va = memremap(hpa.val, bytes, MEMREMAP_WC);
	else
		window->io = ioremap(hpa.val, bytes);
	window->handle = window->va;
	return window->va || window->io ? 0 : -ENOMEM;
}

static void linux_close_window(const struct axas_hal *hal, struct axas_window *window)
{
	if (window->io)
		iounmap(window->io);
	else if (window->handle)
		memunmap(window->handle);
}
#else
#define linux_window		NULL
#define linux_close_window	NULL
#endif

const struct axas_hal axas_hal_linux = {
	.name		= "linux",
	.alloc_frame	= linux_alloc_frame,
	.free_frame	= linux_free_frame,
	.alloc_frames	= linux_alloc_frames,
	.free_frames	= linux_free_frames,
	.frame_page	= linux_frame_page,
	.clean		= linux_clean,
	.fence		= linux_fence,
	.is_ram		= linux_is_ram,
	.window		= linux_window,
	.close_window	= linux_close_window,
	.window_bytes	= WINDOW_BYTES,
};
EXPORT_SYMBOL_AXAS(axas_hal_linux);
