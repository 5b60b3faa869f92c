// SPDX-License-Identifier: GPL-2.0-only
/*
 * A HAL of minimal cost: a stack of frames. Guest frames are only numbers without memory, and
 * never zeroed; tables are pages allocated beforehand, and zeroed when they are handed out. One
 * thread, no locks.
 */
#include <linux/gfp.h>
#include <linux/vmalloc.h>

#include "bench.h"

/* Host-physical address of the first guest frame. */
#define LIFO_BASE	((u64)SZ_1G * 16)

static u64 *frames, *tables;
static u64 nr_frames, nr_tables, max_tables;

static int lifo_alloc(const struct axas_hal *hal, unsigned int order, u32 flags,
		      struct axas_hpa *hpa)
{
	if (order)
		return -ENOMEM;
	if (flags & AXAS_FRAME_TABLE) {
		if (!nr_tables)
			return -ENOMEM;
		*hpa = axas_hpa(tables[--nr_tables]);
		if (flags & AXAS_FRAME_ZERO)
			clear_page(__va(hpa->val));
		return 0;
	}
	if (!nr_frames)
		return -ENOMEM;
	*hpa = axas_hpa(frames[--nr_frames]);
	return 0;
}

static void lifo_free(const struct axas_hal *hal, struct axas_hpa hpa, unsigned int order,
		      u32 flags)
{
	u64 i;

	if (flags & AXAS_FRAME_TABLE)
		tables[nr_tables++] = hpa.val;
	else
		for (i = 0; i < 1ull << order; i++)
			frames[nr_frames++] = hpa.val + i * AXAS_FRAME_SIZE;
}

static unsigned int lifo_alloc_frames(const struct axas_hal *hal, unsigned int order, u32 flags,
				      struct axas_hpa *hpas, unsigned int n)
{
	unsigned int i;

	if (order)
		return 0;
	n = min_t(u64, n, nr_frames);
	for (i = 0; i < n; i++)
		hpas[i] = axas_hpa(frames[--nr_frames]);
	return n;
}

static void lifo_free_frames(const struct axas_hal *hal, unsigned int order,
			     const struct axas_hpa *hpas, unsigned int n)
{
	unsigned int i;

	if (order)
		for (i = 0; i < n; i++)
			lifo_free(hal, hpas[i], order, 0);
	else
		for (i = 0; i < n; i++)
			frames[nr_frames++] = hpas[i].val;
}

const struct axas_hal lifo_hal = {
	.name		= "lifo",
	.alloc_frame	= lifo_alloc,
	.free_frame	= lifo_free,
	.alloc_frames	= lifo_alloc_frames,
	.free_frames	= lifo_free_frames,
};

int lifo_hal_init(u64 n)
{
	u64 i;

	frames = vmalloc(array_size(n, sizeof(*frames)));
	/* Level 0 tables of 512 frames each, level 1 tables, and a few above. */
	max_tables = n / 512 + n / SZ_256K + 64;
	tables = vmalloc(array_size(max_tables, sizeof(*tables)));
	if (!frames || !tables)
		return -ENOMEM;
	/* Fill the stack in descending order: the lowest frame is handed out first. */
	for (i = n; i--;)
		frames[nr_frames++] = LIFO_BASE + i * AXAS_FRAME_SIZE;
	for (i = 0; i < max_tables; i++) {
		struct page *page = alloc_page(GFP_KERNEL);

		if (!page)
			return -ENOMEM;
		tables[nr_tables++] = page_to_phys(page);
	}
	return 0;
}

/* All frames and tables must have been freed. */
void lifo_hal_exit(void)
{
	if (tables && nr_tables != max_tables)
		bench_fail("tables were lost", -ENOENT);
	while (nr_tables)
		__free_page(pfn_to_page(tables[--nr_tables] >> PAGE_SHIFT));
	vfree(tables);
	vfree(frames);
	tables = NULL;
	frames = NULL;
	nr_frames = 0;
}
