// SPDX-License-Identifier: GPL-2.0-only
/*
 * Areas over a file whose pages are cached: what a fault costs that borrows, and one that copies,
 * beside the floor of a copy: a page from the allocator, and the copy.
 */
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/shmem_fs.h>

#include "bench.h"

#define GPA	((u64)SZ_1G)
#define BYTES	((u64)SZ_8M)
#define STEP	((u64)SZ_64K)		/* what one fault borrows */

/* A file in memory with all its pages, sealed as memfd's F_ADD_SEALS does. */
static struct file *new_file(void)
{
	struct file *file = shmem_file_setup("axas_bench", BYTES, 0);
	struct page *page;
	pgoff_t i;

	for (i = 0; !IS_ERR(file) && i < BYTES / PAGE_SIZE; i++) {
		page = shmem_read_mapping_page(file->f_mapping, i);
		if (IS_ERR(page)) {
			fput(file);
			return ERR_CAST(page);
		}
		put_page(page);
	}
	if (!IS_ERR(file))
		SHMEM_I(file_inode(file))->seals |= F_SEAL_WRITE | F_SEAL_SHRINK;
	return file;
}

static bool map_file(struct axas_space *space, struct file *file)
{
	int err = axas_space_map_file(space, bench_range(GPA, BYTES), file, 0,
				      AXAS_PROT_READ | AXAS_PROT_WRITE, 0);

	if (err)
		bench_fail("map_file", err);
	return !err;
}

/* Faults at each @step of a fresh area. @before: access of an untimed fault at each page. */
static void bench_touch(struct axas_space *space, struct file *file, const char *name, u64 step,
			u32 before, u32 access)
{
	struct bench fault = BENCH(name);
	u64 gpa;

	while (bench_more(&fault)) {
		if (!map_file(space, file))
			return;
		for (gpa = GPA; before && gpa < GPA + BYTES; gpa += SZ_4K)
			axas_space_fault(space, axas_gpa(gpa), before, NULL);
		for (gpa = GPA; gpa < GPA + BYTES;) {
			u64 end = gpa + 8 * step;

			bench_begin(&fault);
			for (; gpa < end; gpa += step)
				axas_space_fault(space, axas_gpa(gpa), access, NULL);
			bench_end(&fault, 8);
		}
		bench_ignore(axas_space_unmap(space, bench_range(GPA, BYTES)));
	}
	bench_report(&fault);
}

/* Faults on pages of which another space has borrowed all. */
static void bench_lent(struct axas_space *space, struct file *file)
{
	struct axas_space *other = bench_space(NULL);
	u64 done;

	if (!other)
		return;
	if (map_file(other, file) &&
	    !axas_space_populate(other, bench_range(GPA, BYTES), &done)) {
		bench_touch(space, file, "file.borrow_16_held", STEP, 0, AXAS_PROT_READ);
		bench_touch(space, file, "file.touch_held", SZ_4K, 0, AXAS_PROT_READ);
		bench_touch(space, file, "file.write_untouched", SZ_4K, 0, AXAS_PROT_WRITE);
		bench_touch(space, file, "file.write_borrowed", SZ_4K, AXAS_PROT_READ,
			    AXAS_PROT_WRITE);
	}
	axas_space_put(other);
}

/* What a copy costs at least. */
static void bench_copy(struct file *file)
{
	struct page *from = shmem_read_mapping_page(file->f_mapping, 0);
	struct bench copy = BENCH("file.floor_page_and_copy");
	struct page *pages[64] = {};
	unsigned int i;

	if (IS_ERR(from))
		return;
	while (bench_more(&copy)) {
		bench_begin(&copy);
		for (i = 0; i < ARRAY_SIZE(pages); i++) {
			pages[i] = alloc_page(GFP_KERNEL_ACCOUNT);
			if (pages[i])
				copy_page(page_address(pages[i]), page_address(from));
		}
		bench_end(&copy, ARRAY_SIZE(pages));
		for (i = 0; i < ARRAY_SIZE(pages); i++)
			if (pages[i])
				__free_page(pages[i]);
	}
	put_page(from);
	bench_report(&copy);
}

void bench_files(void)
{
	struct axas_space *space = bench_space(NULL);
	struct file *file;

	if (!space)
		return;
	file = new_file();
	if (IS_ERR(file)) {
		bench_fail("file", PTR_ERR(file));
	} else {
		bench_copy(file);
		bench_touch(space, file, "file.borrow_16", STEP, 0, AXAS_PROT_READ);
		bench_touch(space, file, "file.touch", SZ_4K, 0, AXAS_PROT_READ);
		bench_lent(space, file);
		fput(file);
	}
	axas_space_put(space);
}
