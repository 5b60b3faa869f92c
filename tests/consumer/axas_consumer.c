// SPDX-License-Identifier: GPL-2.0-only
/*
 * A minimal hypervisor module: it uses only include/axas/, creates a space on Linux's allocator,
 * attaches a consumer, and checks that no frame is freed before the flush. It logs one TAP line
 * per check; loading fails if a check fails.
 */
#include <linux/anon_inodes.h>
#include <linux/bvec.h>
#include <linux/err.h>
#include <linux/fdtable.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/version.h>
#include <axas/access.h>
#include <axas/space.h>

/* Start of the guest's memory of AREA pages. */
#define GPA	((u64)SZ_1G)
#define AREA	((u64)SZ_64K)

static unsigned int passed, failed;

static void check(bool good, const char *name)
{
	if (good)
		passed++;
	else
		failed++;
	pr_info("%s %u - %s\n", good ? "ok" : "not ok", passed + failed, name);
}

/**
 * struct watcher - a consumer that records the references of a page at each flush request
 * @consumer: attached to the space
 * @page: a page of the guest, on which the test holds a reference
 * @flushes: number of flush requests
 * @range: range of the last request
 * @references: references of @page at the last request
 */
struct watcher {
	struct axas_consumer consumer;
	struct page *page;
	unsigned int flushes;
	struct axas_gpa_range range;
	int references;
};

static void watch(struct axas_consumer *consumer, const struct axas_flush *flush,
		  struct cpumask *cpus)
{
	struct watcher *w = container_of(consumer, struct watcher, consumer);

	might_sleep();
	w->flushes++;
	w->range = flush->range;
	w->references = w->page ? page_count(w->page) : 0;
}

static const struct axas_consumer_ops watch_ops = { .request = watch };

static bool flushed_once(struct watcher *w, u64 gpa, u64 size)
{
	bool good = w->flushes == 1 && w->range.start.val == gpa && w->range.size == size;

	w->flushes = 0;
	return good;
}

static struct axas_gpa_range range(u64 gpa, u64 size)
{
	return axas_gpa_range(axas_gpa(gpa), size);
}

/* Use the host's format if there is one; else any, as no hardware walks the table. */
static struct axas_space *make_space(void)
{
	struct axas_space_params params = { .format = AXAS_FORMAT_DEFAULT };
	struct axas_space *space = axas_space_create(&params);

	if (space != ERR_PTR(-EOPNOTSUPP))
		return space;
	params.format = AXAS_FORMAT_EPT;
	return axas_space_create(&params);
}

static const struct file_operations no_space_fops = { .owner = THIS_MODULE };

static void check_fds(void)
{
	int fd = anon_inode_getfd("[axas_consumer]", &no_space_fops, NULL, O_CLOEXEC);

	check(axas_space_get_from_fd(-1) == ERR_PTR(-EBADF), "fd -1 is no space");
	check(axas_space_get_from_fd(1 << 20) == ERR_PTR(-EBADF), "closed fd is no space");
	if (fd < 0) {
		check(false, "an fd to try");
		return;
	}
	check(axas_space_get_from_fd(fd) == ERR_PTR(-EINVAL), "fd of something else is no space");
	close_fd(fd);
}

static void check_attach(struct axas_space *space, struct watcher *w)
{
	static const struct axas_consumer_ops none = {};
	struct axas_consumer without = { .ops = &none };

	check(axas_space_attach(space, &without) == -EINVAL, "attach wants a flush callback");
	check(!axas_space_attach(space, &w->consumer), "attach");
	check(axas_space_root(space).val, "there is a root to walk from");
	check(axas_space_contains(space, range(GPA, AREA)), "the space is large enough");
}

static void check_faults(struct axas_space *space)
{
	struct axas_translation first = {}, second = {};
	struct axas_gpa gpa = axas_gpa(GPA);

	check(!axas_space_map_alloc(space, range(GPA, AREA), AXAS_PROT_MASK, AXAS_TYPE_NORMAL, 0),
	      "map memory");
	check(axas_space_map_alloc(space, range(GPA, AREA), AXAS_PROT_MASK, AXAS_TYPE_NORMAL, 0) ==
	      -EEXIST, "an area does not cover another");
	check(axas_space_translate(space, gpa, &first) == -ENOENT, "memory is not there untouched");
	check(axas_space_fault(space, gpa, AXAS_PROT_WRITE, NULL) == AXAS_FAULT_FIXED,
	      "a fault brings it");
	check(!axas_space_translate(space, gpa, &first), "then it is there");
	check(axas_space_fault(space, gpa, AXAS_PROT_READ, NULL) == AXAS_FAULT_SPURIOUS,
	      "a second fault finds it");
	check(!axas_space_translate(space, gpa, &second) && second.hpa.val == first.hpa.val,
	      "and does not replace it");
	check(axas_space_fault(space, axas_gpa(GPA + AREA), AXAS_PROT_READ, NULL) ==
	      AXAS_FAULT_HOLE, "a fault behind it is a hole");
}

static void check_access(struct axas_space *space)
{
	static const char text[] = "Written by the host across the border of two pages.";
	char back[sizeof(text)] = {};
	struct axas_gpa gpa = axas_gpa(GPA + PAGE_SIZE - 20);
	u64 val = 1;

	check(!axas_read_obj(space, axas_gpa(GPA + SZ_8K), AXAS_WIDTH_64, &val) && !val,
	      "untouched memory reads as zero");
	check(!axas_write(space, gpa, text, sizeof(text)), "write");
	check(!axas_read(space, gpa, back, sizeof(back)) && !memcmp(text, back, sizeof(text)),
	      "read what was written");
	check(axas_write(space, axas_gpa(GPA + AREA - 4), text, sizeof(text)) == -EFAULT,
	      "an exact write over the end is refused");
	check(axas_write_partial(space, axas_gpa(GPA + AREA - 4), text, sizeof(text)) == 4,
	      "a partial one tells how far it came");
	check(!axas_write_obj(space, axas_gpa(GPA), AXAS_WIDTH_32, 0x12345678), "write an integer");
	check(!axas_read_volatile(space, axas_gpa(GPA), AXAS_WIDTH_32, &val) && val == 0x12345678,
	      "read an integer");
}

static void check_protect(struct axas_space *space, struct watcher *w)
{
	u8 byte = 1;

	w->flushes = 0;
	check(!axas_space_protect(space, range(GPA, SZ_4K), AXAS_PROT_READ | AXAS_PROT_EXEC),
	      "protect a page");
	check(flushed_once(w, GPA, SZ_4K), "protect flushes its range, once");
	check(axas_write(space, axas_gpa(GPA), &byte, 1) == -EACCES, "then it is not written");
	check(axas_space_fault(space, axas_gpa(GPA), AXAS_PROT_WRITE, NULL) == AXAS_FAULT_DENIED,
	      "nor by the guest");
	check(!axas_space_protect(space, range(GPA, SZ_4K), AXAS_PROT_MASK), "permit it again");
	check(!axas_write(space, axas_gpa(GPA), &byte, 1), "then it is written");
}

/* The reference count of a page that the test also holds shows when the space drops its own. */
static void check_flush_before_free(struct axas_space *space, struct watcher *w)
{
	struct bio_vec bvec = {};
	u8 *mem;

	check(axas_space_bvec(space, range(GPA, SZ_4K), AXAS_PROT_READ, &bvec, 1) == 1,
	      "take a page of the guest");
	if (!bvec.bv_page)
		return;
	w->page = bvec.bv_page;
	w->flushes = 0;
	check(page_count(w->page) == 2, "it has our reference and the space's");
	check(!axas_space_unmap(space, range(GPA, AREA)), "unmap");
	check(w->references == 2, "no page is freed before the flush");
	check(flushed_once(w, GPA, AREA), "unmap flushes its range, once");
	check(page_count(w->page) == 1, "the page is freed after the flush");
	mem = page_address(w->page);
	check(mem[0] == 1, "we may still read it");
	w->page = NULL;
	axas_space_bvec_put(&bvec, 1);
	check(!axas_space_unmap(space, range(GPA, AREA)) && !w->flushes,
	      "nothing is flushed where nothing was mapped");
}

/* A linear area over a page of this module, which the guest cannot write. */
static void check_linear(struct axas_space *space, struct watcher *w)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	u8 byte = 0;

	if (!page) {
		check(false, "a page to map");
		return;
	}
	*(u8 *)page_address(page) = 0x5a;
	check(!axas_space_map_linear(space, range(GPA, SZ_4K), axas_hpa(page_to_phys(page)),
				     AXAS_PROT_READ | AXAS_PROT_EXEC, AXAS_TYPE_NORMAL),
	      "map a page of ours");
	check(!axas_read(space, axas_gpa(GPA), &byte, 1) && byte == 0x5a, "read it as the guest");
	check(axas_write(space, axas_gpa(GPA), &byte, 1) == -EACCES, "it is not to be written");
	w->flushes = 0;
	check(!axas_space_unmap(space, range(GPA, SZ_4K)) && flushed_once(w, GPA, SZ_4K),
	      "unmap flushes it");
	check(page_count(page) == 1, "and leaves it ours");
	__free_page(page);
}

static void check_detach(struct axas_space *space, struct watcher *w)
{
	struct axas_info info;

	axas_space_detach(space, &w->consumer);
	w->flushes = 0;
	check(!axas_space_map_alloc(space, range(GPA, SZ_2M), AXAS_PROT_MASK, AXAS_TYPE_NORMAL,
				    AXAS_MAP_POPULATE), "map 2 MiB at once");
	axas_space_get_info(space, &info);
	check(info.frames == SZ_2M / SZ_4K, "all of it is there");
	axas_space_clear(space);
	check(!w->flushes, "who detached is not asked");
	axas_space_get_info(space, &info);
	check(!info.frames && info.tables == info.root_tables, "everything is given back");
}

/* The descriptors stay with the process that loads this module. */
static void check_descriptor(struct axas_space *space)
{
	struct axas_space *same;
	int fd;

	check(axas_space_fd(space, ~0u) == -EINVAL, "a descriptor with unknown flags is refused");
	fd = axas_space_fd(space, AXAS_CREATE_PINNABLE);
	check(fd >= 0, "make a descriptor of our space");
	same = axas_space_get_from_fd(fd);
	check(same == space, "it is the space's");
	if (!IS_ERR(same))
		axas_space_put(same);
	check(axas_space_fd(space, 0) == -EEXIST, "a second one is refused");
}

static int __init consumer_init(void)
{
	struct watcher w = { .consumer.ops = &watch_ops };
	struct axas_space *space = make_space();

	check(!IS_ERR(space), "create a space");
	if (!IS_ERR(space)) {
		check_fds();
		check_attach(space, &w);
		check_faults(space);
		check_access(space);
		check_protect(space, &w);
		check_flush_before_free(space, &w);
		check_linear(space, &w);
		check_detach(space, &w);
		check_descriptor(space);
		axas_space_put(space);
	}
	pr_info("1..%u\n", passed + failed);
	pr_info("axas_consumer: %u passed, %u failed\n", passed, failed);
	return failed ? -EIO : 0;
}
module_init(consumer_init);

static void __exit consumer_exit(void)
{
}
module_exit(consumer_exit);

MODULE_DESCRIPTION("Test of axas by a module that uses it");
MODULE_LICENSE("GPL");
/* Since 6.13 the namespace is a string literal instead of an identifier. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
MODULE_IMPORT_NS("AXAS");
#else
MODULE_IMPORT_NS(AXAS);
#endif
