// SPDX-License-Identifier: GPL-2.0-only
/*
 * Areas over files (axas_filemem.c), with files of a ramfs of their own: how long pages stay
 * referenced and accounted for, files that are cut off, what is read with which lock held.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>

#include <axas/image.h>

#include "space_fixture.h"

#define FILE_PAGES	256u
#define AREA		((u64)SZ_1G)

/* More than one fetch lends. */
#define LARGE_PAGES	1024u

/**
 * struct file_fixture - a file and a space over Linux' HAL
 * @test: the test
 * @mnt: its file system
 * @file: a file in it, open for reading
 * @ops: what read pages of @file before slow_ops did
 * @space: the space
 */
struct file_fixture {
	struct kunit *test;
	struct vfsmount *mnt;
	struct file *file;
	const struct address_space_operations *ops;
	struct axas_space *space;
};

static struct vfsmount *mount_own(const char *name, char *options)
{
	struct file_system_type *type = get_fs_type(name);
	struct vfsmount *mnt;

	if (!type)
		return ERR_PTR(-ENODEV);
	mnt = vfs_kern_mount(type, 0, "axas_kunit", options);
	module_put(type->owner);
	return mnt;
}

static void set_size(struct file_fixture *f, unsigned int pages)
{
	i_size_write(file_inode(f->file), (loff_t)pages * PAGE_SIZE);
}

/* Read a page into the page cache. */
static struct page *read_page(struct address_space *mapping, unsigned int index)
{
	return shmem_mapping(mapping) ? shmem_read_mapping_page(mapping, index) :
					read_mapping_page(mapping, index, NULL);
}

/* A file whose content is its pages' numbers. */
static void open_file(struct file_fixture *f, unsigned int pages)
{
	struct page *page;
	unsigned int i;

	f->file = file_open_root_mnt(f->mnt, "file", O_RDONLY | O_CREAT, 0600);
	KUNIT_ASSERT_FALSE(f->test, IS_ERR(f->file));
	set_size(f, pages);
	for (i = 0; i < pages; i++) {
		page = read_page(f->file->f_mapping, i);
		KUNIT_ASSERT_FALSE(f->test, IS_ERR(page));
		*(u64 *)page_address(page) = i + 1;
		set_page_dirty(page);
		put_page(page);
	}
}

static int file_init(struct kunit *test)
{
	struct axas_space_params params = { .format = AXAS_FORMAT_EPT };
	struct file_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	if (!f)
		return -ENOMEM;
	f->test = test;
	test->priv = f;
	f->mnt = mount_own("ramfs", NULL);
	if (IS_ERR(f->mnt))
		return PTR_ERR(f->mnt);
	f->space = axas_space_create(&params);
	return PTR_ERR_OR_ZERO(f->space);
}

static void file_exit(struct kunit *test)
{
	struct file_fixture *f = test->priv;

	if (!f)
		return;
	if (!IS_ERR(f->space))
		axas_space_put(f->space);
	if (f->ops) {
		truncate_inode_pages(f->file->f_mapping, 0);
		f->file->f_mapping->a_ops = f->ops;
	}
	if (!IS_ERR_OR_NULL(f->file))
		fput(f->file);
	flush_delayed_fput();
	if (!IS_ERR_OR_NULL(f->mnt))
		mntput(f->mnt);
}

static int map(struct file_fixture *f, u64 gpa, unsigned int first, unsigned int n, u32 flags)
{
	return axas_space_map_file(f->space, gpa_range(gpa, n * (u64)SZ_4K), f->file,
				   first * (u64)SZ_4K, TEST_RW, flags);
}

static int unmap(struct file_fixture *f, u64 gpa, unsigned int n)
{
	return axas_space_unmap(f->space, gpa_range(gpa, n * (u64)SZ_4K));
}

static int touch(struct file_fixture *f, u64 gpa)
{
	return axas_space_fault(f->space, axas_gpa(gpa), TEST_R, NULL);
}

/* References on a page of the file, beside the caller's. */
static int refs(struct file_fixture *f, unsigned int index)
{
	struct page *page = find_get_page(f->file->f_mapping, index);
	int n;

	KUNIT_ASSERT_NOT_NULL(f->test, page);
	n = page_count(page) - 1;
	put_page(page);
	return n;
}

/* Number of pages of [first, first + n) that have more references than the page cache's. */
static unsigned int referenced(struct file_fixture *f, unsigned int first, unsigned int n, int none)
{
	unsigned int i, sum = 0;

	for (i = first; i < first + n; i++)
		sum += refs(f, i) > none;
	return sum;
}

static void expect_pinned(struct file_fixture *f, u64 pages)
{
	KUNIT_ASSERT_NOT_NULL(f->test, f->space->pinned);
	KUNIT_EXPECT_EQ(f->test, (u64)atomic_long_read(&f->space->pinned->pages), pages);
}

static void pages_are_referenced_as_long_as_a_pin_includes_them(struct kunit *test)
{
	struct file_fixture *f = test->priv;
	int none;

	open_file(f, FILE_PAGES);
	none = refs(f, 0);
	KUNIT_ASSERT_EQ(test, map(f, AREA, 0, 8, AXAS_MAP_POPULATE), 0);
	KUNIT_ASSERT_EQ(test, map(f, AREA + SZ_1M, 4, 8, AXAS_MAP_POPULATE), 0);
	expect_pinned(f, 16);
	KUNIT_EXPECT_EQ(test, referenced(f, 0, FILE_PAGES, none), 12u);
	KUNIT_EXPECT_EQ(test, refs(f, 5), none + 1);
	KUNIT_EXPECT_EQ(test, unmap(f, AREA, 8), 0);
	expect_pinned(f, 8);
	KUNIT_EXPECT_EQ(test, referenced(f, 0, 4, none), 0u);
	KUNIT_EXPECT_EQ(test, referenced(f, 4, 8, none), 8u);
	KUNIT_EXPECT_EQ(test, touch(f, AREA + SZ_1M), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, unmap(f, AREA + SZ_1M, 8), 0);
	expect_pinned(f, 0);
	KUNIT_EXPECT_EQ(test, referenced(f, 0, FILE_PAGES, none), 0u);
}

/* Window by window: no more stays than is mapped at once. */
static void windows_leave_nothing_behind(struct kunit *test)
{
	struct file_fixture *f = test->priv;
	unsigned int i, none;

	open_file(f, FILE_PAGES);
	none = refs(f, 0);
	for (i = 0; i < FILE_PAGES; i += 16) {
		KUNIT_ASSERT_EQ(test, map(f, AREA, i, 16, 0), 0);
		KUNIT_EXPECT_EQ(test, touch(f, AREA), AXAS_FAULT_FIXED);
		expect_pinned(f, 16);
		KUNIT_EXPECT_LE(test, referenced(f, 0, FILE_PAGES, none), 16u);
		KUNIT_EXPECT_EQ(test, unmap(f, AREA, 16), 0);
	}
	KUNIT_EXPECT_EQ(test, referenced(f, 0, FILE_PAGES, none), 0u);
}

/* What is left of a map keeps all of it, and pays for all of it. */
static void a_part_that_is_left_counts_as_the_whole(struct kunit *test)
{
	struct file_fixture *f = test->priv;
	int none;

	open_file(f, FILE_PAGES);
	none = refs(f, 0);
	KUNIT_ASSERT_EQ(test, map(f, AREA, 0, 64, AXAS_MAP_POPULATE), 0);
	KUNIT_EXPECT_EQ(test, unmap(f, AREA + SZ_4K, 62), 0);
	KUNIT_EXPECT_EQ(test, axas_space_protect(f->space, gpa_range(AREA, SZ_4K), TEST_R), 0);
	expect_pinned(f, 64);
	KUNIT_EXPECT_EQ(test, referenced(f, 0, 64, none), 64u);
	KUNIT_EXPECT_EQ(test, unmap(f, AREA, 1), 0);
	expect_pinned(f, 64);
	KUNIT_EXPECT_EQ(test, unmap(f, AREA, 64), 0);
	expect_pinned(f, 0);
	KUNIT_EXPECT_EQ(test, referenced(f, 0, 64, none), 0u);
}

static unsigned int told;

static void note_fewer(struct axas_pinned *pinned)
{
	told++;
}

static void note_free(struct axas_pinned *pinned)
{
	told += 100;
}

/* An image pins what it has, longer than the space. Who charged it is told of each that goes. */
static void images_pin_what_they_have(struct kunit *test)
{
	static const struct axas_pinned_ops ops = { .fewer = note_fewer, .free = note_free };
	struct file_fixture *f = test->priv;
	struct axas_image *image;
	struct axas_pinned *pinned;

	open_file(f, FILE_PAGES);
	told = 0;
	KUNIT_ASSERT_EQ(test, map(f, AREA, 0, 8, 0), 0);
	pinned = f->space->pinned;
	pinned->ops = &ops;
	KUNIT_ASSERT_EQ(test, map(f, AREA + SZ_1M, 8, 4, 0), 0);
	image = axas_space_freeze(f->space);
	KUNIT_ASSERT_FALSE(test, IS_ERR(image));
	KUNIT_ASSERT_EQ(test, map(f, AREA + SZ_2M, 0, 1, 0), 0);
	axas_space_clear(f->space);
	KUNIT_EXPECT_EQ(test, told, 1u);
	expect_pinned(f, 12);
	refcount_inc(&pinned->refs);
	axas_space_put(f->space);
	f->space = NULL;
	KUNIT_EXPECT_EQ(test, told, 1u);
	axas_image_put(image);
	KUNIT_EXPECT_EQ(test, told, 3u);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&pinned->pages), 0l);
	axas_pinned_put(pinned);
	KUNIT_EXPECT_EQ(test, told, 103u);
}

static void a_failed_map_pins_nothing(struct kunit *test)
{
	struct file_fixture *f = test->priv;
	int none;

	open_file(f, FILE_PAGES);
	none = refs(f, 0);
	KUNIT_ASSERT_EQ(test, map(f, AREA, 0, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, map(f, AREA, 8, 8, AXAS_MAP_POPULATE), -EEXIST);
	KUNIT_EXPECT_EQ(test, map(f, AREA + SZ_1M, FILE_PAGES - 1, 2, 0), -EINVAL);
	expect_pinned(f, 1);
	KUNIT_EXPECT_EQ(test, referenced(f, 0, FILE_PAGES, none), 0u);
}

/* As a server may, whatever is denied to others. */
static void pages_that_are_cut_off_are_errors(struct kunit *test)
{
	struct file_fixture *f = test->priv;

	open_file(f, FILE_PAGES);
	KUNIT_ASSERT_EQ(test, map(f, AREA, 0, FILE_PAGES, AXAS_MAP_AROUND(1)), 0);
	KUNIT_EXPECT_EQ(test, touch(f, AREA), AXAS_FAULT_FIXED);
	set_size(f, 7);
	KUNIT_EXPECT_EQ(test, touch(f, AREA + 7 * SZ_4K), AXAS_FAULT_ERROR);
	KUNIT_EXPECT_EQ(test, touch(f, AREA + 200 * SZ_4K), AXAS_FAULT_ERROR);
	KUNIT_EXPECT_EQ(test, touch(f, AREA + 6 * SZ_4K), AXAS_FAULT_FIXED);
	set_size(f, 0);
	KUNIT_EXPECT_EQ(test, touch(f, AREA + 4 * SZ_4K), AXAS_FAULT_ERROR);
	/* What is lent stays. */
	KUNIT_EXPECT_EQ(test, touch(f, AREA), AXAS_FAULT_SPURIOUS);
	set_size(f, FILE_PAGES);
	KUNIT_EXPECT_EQ(test, touch(f, AREA + 200 * SZ_4K), AXAS_FAULT_FIXED);
}

/* The same with folios of more pages than one fetch lends. */
static void folios_that_are_cut_off_are_errors(struct kunit *test)
{
	struct file_fixture *f = test->priv;
	struct vfsmount *mnt = mount_own("tmpfs", "huge=always");
	struct page *page;
	bool large;

	if (IS_ERR(mnt))
		kunit_skip(test, "no tmpfs with large folios");
	mntput(f->mnt);
	f->mnt = mnt;
	open_file(f, LARGE_PAGES);
	page = find_get_page(f->file->f_mapping, 0);
	large = page && PageCompound(page);
	put_page(page);
	if (!large)
		kunit_skip(test, "no large folio");
	KUNIT_ASSERT_EQ(test, map(f, AREA, 0, LARGE_PAGES, 0), 0);
	set_size(f, 0);
	KUNIT_EXPECT_EQ(test, touch(f, AREA + 4 * SZ_4K), AXAS_FAULT_ERROR);
	set_size(f, 8);
	KUNIT_EXPECT_EQ(test, touch(f, AREA + 4 * SZ_4K), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, touch(f, AREA + 8 * SZ_4K), AXAS_FAULT_ERROR);
	set_size(f, LARGE_PAGES);
	KUNIT_EXPECT_EQ(test, unmap(f, AREA, LARGE_PAGES), 0);
	KUNIT_EXPECT_EQ(test, map(f, AREA, 0, LARGE_PAGES, AXAS_MAP_POPULATE), 0);
	KUNIT_EXPECT_EQ(test, touch(f, AREA + 700 * SZ_4K), AXAS_FAULT_SPURIOUS);
}

/**
 * struct slow - what slow_read() does, and what it has found
 * @space: the space that a page is read for
 * @reads: number of pages
 * @locked: with a lock of the space held
 * @fail_at: index of a page that cannot be read
 * @kill_at: index of a page with which the task is to die
 */
static struct slow {
	struct axas_space *space;
	unsigned int reads;
	unsigned int locked;
	unsigned int fail_at;
	unsigned int kill_at;
} slow;

static int slow_read(struct file *file, struct folio *folio)
{
	slow.reads++;
	slow.locked += mutex_is_locked(&slow.space->changing) || rwsem_is_locked(&slow.space->lock);
	if (folio->index == slow.kill_at)
		send_sig(SIGKILL, current, 1);
	if (folio->index != slow.fail_at) {
		folio_zero_range(folio, 0, folio_size(folio));
		folio_mark_uptodate(folio);
	}
	folio_unlock(folio);
	return folio->index == slow.fail_at ? -ENODATA : 0;
}

static const struct address_space_operations slow_ops = {
	.read_folio	= slow_read,
	.dirty_folio	= noop_dirty_folio,
};

/* A file of which nothing is cached. */
static void open_slow(struct file_fixture *f)
{
	open_file(f, 0);
	f->ops = f->file->f_mapping->a_ops;
	f->file->f_mapping->a_ops = &slow_ops;
	set_size(f, FILE_PAGES);
	slow = (struct slow){ .space = f->space, .fail_at = ~0u, .kill_at = ~0u };
}

static void files_are_read_with_no_lock_of_the_space(struct kunit *test)
{
	struct file_fixture *f = test->priv;

	open_slow(f);
	KUNIT_ASSERT_EQ(test, map(f, AREA, 0, 32, AXAS_MAP_POPULATE), 0);
	KUNIT_EXPECT_EQ(test, slow.reads, 32u);
	KUNIT_EXPECT_EQ(test, touch(f, AREA + 31 * SZ_4K), AXAS_FAULT_SPURIOUS);
	KUNIT_ASSERT_EQ(test, map(f, AREA + SZ_1M, 32, 32, 0), 0);
	KUNIT_EXPECT_EQ(test, touch(f, AREA + SZ_1M), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, slow.reads, 33u);
	KUNIT_EXPECT_EQ(test, slow.locked, 0u);
}

static void a_page_that_cannot_be_read_maps_nothing(struct kunit *test)
{
	struct file_fixture *f = test->priv;
	struct axas_info info;

	open_slow(f);
	slow.fail_at = 20;
	KUNIT_EXPECT_EQ(test, map(f, AREA, 0, 32, AXAS_MAP_POPULATE), -EIO);
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.areas, 0u);
	KUNIT_EXPECT_EQ(test, info.leaves[0], 0ull);
	expect_pinned(f, 0);
	KUNIT_ASSERT_EQ(test, map(f, AREA, 0, 32, 0), 0);
	KUNIT_EXPECT_EQ(test, touch(f, AREA + 20 * SZ_4K), AXAS_FAULT_ERROR);
	slow.fail_at = ~0u;
	KUNIT_EXPECT_EQ(test, touch(f, AREA + 20 * SZ_4K), AXAS_FAULT_FIXED);
}

static void a_dying_task_reads_no_more(struct kunit *test)
{
	struct file_fixture *f = test->priv;
	int err;

	open_slow(f);
	slow.kill_at = 9;
	allow_signal(SIGKILL);
	err = map(f, AREA, 0, 32, AXAS_MAP_POPULATE);
	flush_signals(current);
	disallow_signal(SIGKILL);
	KUNIT_EXPECT_EQ(test, err, -EINTR);
	KUNIT_EXPECT_EQ(test, slow.reads, 10u);
	expect_pinned(f, 0);
	KUNIT_EXPECT_EQ(test, map(f, AREA, 0, 32, AXAS_MAP_POPULATE), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(pages_are_referenced_as_long_as_a_pin_includes_them),
	KUNIT_CASE(windows_leave_nothing_behind),
	KUNIT_CASE(a_part_that_is_left_counts_as_the_whole),
	KUNIT_CASE(images_pin_what_they_have),
	KUNIT_CASE(a_failed_map_pins_nothing),
	KUNIT_CASE(pages_that_are_cut_off_are_errors),
	KUNIT_CASE(folios_that_are_cut_off_are_errors),
	KUNIT_CASE(files_are_read_with_no_lock_of_the_space),
	KUNIT_CASE(a_page_that_cannot_be_read_maps_nothing),
	KUNIT_CASE(a_dying_task_reads_no_more),
	{}
};

struct kunit_suite axas_filemem_suite = {
	.name = "axas_filemem",
	.init = file_init,
	.exit = file_exit,
	.test_cases = cases,
};
