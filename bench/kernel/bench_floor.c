// SPDX-License-Identifier: GPL-2.0-only
/*
 * Costs of the parts of Linux that axas uses: a zeroed and charged page, the copy of a page, a
 * lock, a tree lookup. They are lower bounds of the cost of a fault.
 */
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/maple_tree.h>
#include <linux/mm.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "bench.h"

#define BATCH	64

/* Allocate and free a guest's frame as the Linux HAL does. */
static void bench_pages(const char *take, const char *give, gfp_t gfp)
{
	struct page *pages[BATCH];
	struct bench alloc = BENCH(take);
	struct bench free = BENCH(give);
	int i;

	while (bench_more(&alloc) || bench_more(&free)) {
		bench_begin(&alloc);
		for (i = 0; i < BATCH; i++)
			pages[i] = alloc_page(gfp);
		bench_end(&alloc, BATCH);
		bench_begin(&free);
		for (i = 0; i < BATCH; i++)
			if (pages[i])
				__free_page(pages[i]);
		bench_end(&free, BATCH);
	}
	bench_report(&alloc);
	bench_report(&free);
}

static void bench_huge_page(void)
{
	struct bench alloc = BENCH("floor.alloc_2m_zeroed");
	struct bench split = BENCH("floor.split_2m");
	struct bench put = BENCH("floor.free_split_page");
	struct page *page;
	int i;

	while (bench_more(&alloc)) {
		bench_begin(&alloc);
		page = alloc_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO, 9);
		bench_end(&alloc, 1);
		if (!page) {
			bench_fail("2 MiB", -ENOMEM);
			return;
		}
		bench_begin(&split);
		split_page(page, 9);
		bench_end(&split, 1);
		bench_begin(&put);
		for (i = 0; i < 512; i++)
			__free_page(page + i);
		bench_end(&put, 512);
	}
	bench_report(&alloc);
	bench_report(&split);
	bench_report(&put);
}

static void bench_clear_page(void)
{
	void *page = (void *)__get_free_page(GFP_KERNEL);
	struct bench clear = BENCH("floor.clear_page");

	if (!page)
		return;
	while (bench_more(&clear)) {
		bench_begin(&clear);
		clear_page(page);
		bench_end(&clear, 1);
	}
	bench_report(&clear);
	free_page((unsigned long)page);
}

static void bench_memcpy(const char *name, size_t len)
{
	void *from = kvzalloc(len, GFP_KERNEL), *to = kvzalloc(len, GFP_KERNEL);
	struct bench copy = BENCH(name);

	while (from && to && bench_more(&copy)) {
		bench_begin(&copy);
		/* Keep the compiler from dropping or unrolling the copy. */
		barrier_data(to);
		OPTIMIZER_HIDE_VAR(len);
		memcpy(to, from, len);
		barrier_data(to);
		bench_end(&copy, 1);
	}
	bench_report(&copy);
	kvfree(from);
	kvfree(to);
}

static void bench_lock(void)
{
	static DECLARE_RWSEM(lock);
	struct bench pair = BENCH("floor.rwsem_read_pair");
	int i;

	while (bench_more(&pair)) {
		bench_begin(&pair);
		for (i = 0; i < BATCH; i++) {
			down_read(&lock);
			up_read(&lock);
		}
		bench_end(&pair, BATCH);
	}
	bench_report(&pair);
}

static void bench_tree(void)
{
	DEFINE_MTREE(tree);
	struct bench load = BENCH("floor.mtree_load_of_64");
	unsigned long i;
	void *found = NULL;

	for (i = 0; i < 64; i++)
		mtree_store_range(&tree, i * 1000, i * 1000 + 499, &tree, GFP_KERNEL);
	while (bench_more(&load)) {
		bench_begin(&load);
		for (i = 0; i < 64; i++) {
			found = mtree_load(&tree, i * 1000 + 250);
			OPTIMIZER_HIDE_VAR(found);
		}
		bench_end(&load, 64);
	}
	bench_report(&load);
	mtree_destroy(&tree);
}

void bench_floor(void)
{
	bench_clear_page();
	bench_pages("floor.alloc_page", "floor.free_page", GFP_KERNEL);
	bench_pages("floor.alloc_page_zeroed", "floor.free_page_zeroed", GFP_KERNEL | __GFP_ZERO);
	bench_pages("floor.alloc_page_zeroed_charged", "floor.free_page_charged",
		    GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	bench_huge_page();
	bench_memcpy("floor.memcpy_8", 8);
	bench_memcpy("floor.memcpy_64", 64);
	bench_memcpy("floor.memcpy_4k", SZ_4K);
	bench_memcpy("floor.memcpy_1m", SZ_1M);
	bench_lock();
	bench_tree();
}
