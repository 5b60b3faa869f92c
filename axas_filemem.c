// SPDX-License-Identifier: GPL-2.0-only
/*
 * The backend file: lends pages of a file's page cache. An object holds the file, keeps others from
 * writing to it, and has a reference on each page that it has lent, in an xarray that all areas and
 * spaces over the file share. Calls axas_space_map.c, and the HAL for what a guest may execute.
 *
 * Locks: files_lock protects the table of objects; it nests inside space->changing. An object's
 * pages are found by RCU, in sections of a space, and are put with its last reference, when no area
 * is over it.
 *
 * That the content does not change is what makes lending safe:
 *  - a memfd with F_SEAL_WRITE and F_SEAL_SHRINK has no writers, and will have none;
 *    F_SEAL_FUTURE_WRITE is not enough, for mappings that were there before still write;
 *  - for any other file i_writecount is taken below 0, as execve() does. It is refused if somebody
 *    has the file open for writing; and so are open() for writing and truncate() from then on. A
 *    memfd without the seals is refused: its first descriptor does not count as a writer. Two can
 *    still change the content: who had a page of the file pinned for writing before, and the server
 *    of a network file or of a FUSE one. Guests then see the change; no memory is at risk.
 *
 * Pages of tmpfs may be mapped on the host, although page->mapping is another inode's: nothing
 * takes such a page out of the page cache while the object exists. Other file systems may do so
 * (NFS and FUSE when the server has newer content, XFS and Btrfs to deduplicate), and the kernel
 * then looks for all mappings of the page in page->mapping and reports the one that is left as a
 * bug. There a host mapping gets a private copy instead; see AXAS_BACKEND_UNMAPPED.
 */
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/kref.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include <uapi/axas/axas.h>

#include "axas_compat.h"
#include "axas_space.h"

/**
 * struct axas_filemem - a file, and its pages that are lent
 * @ref: areas, faults and callers
 * @node: in @files
 * @file: the file
 * @denied: i_writecount was taken below 0; else the file is sealed
 * @pages: struct page by index, each with a reference
 */
struct axas_filemem {
	struct kref ref;
	struct hlist_node node;
	struct file *file;
	bool denied;
	struct xarray pages;
};

static DEFINE_MUTEX(files_lock);
static DEFINE_HASHTABLE(files, 8);

static struct address_space *mapping_of(const struct axas_filemem *mem)
{
	return mem->file->f_mapping;
}

static bool is_sealed(struct file *file)
{
	const unsigned int both = F_SEAL_WRITE | F_SEAL_SHRINK;

	return shmem_mapping(file->f_mapping) &&
	       (READ_ONCE(SHMEM_I(file_inode(file))->seals) & both) == both;
}

/* hugetlbfs, secretmem, guest_memfd, DAX and stacked file systems have no such pages. */
static bool has_page_cache(struct file *file)
{
	struct inode *inode = file_inode(file);

	if (!S_ISREG(inode->i_mode) || IS_DAX(inode) || file->f_mapping->host != inode)
		return false;
	return shmem_mapping(file->f_mapping) || file->f_mapping->a_ops->read_folio;
}

/*
 * Keep writers away. Files that the kernel itself opens in a file system that nobody can mount,
 * such as those of memfd_create(), are not counted as writers.
 */
static int deny_writers(struct file *file)
{
	if (file_inode(file)->i_sb->s_flags & SB_NOUSER)
		return -ETXTBSY;
	return deny_write_access(file);
}

static struct axas_filemem *find_file(const struct inode *inode)
{
	struct axas_filemem *mem;

	hash_for_each_possible(files, mem, node, (unsigned long)inode)
		if (file_inode(mem->file) == inode && kref_get_unless_zero(&mem->ref))
			return mem;
	return NULL;
}

/* With files_lock held. */
static struct axas_filemem *new_file(struct file *file)
{
	struct axas_filemem *mem = kzalloc(sizeof(*mem), GFP_KERNEL_ACCOUNT);

	if (!mem)
		return ERR_PTR(-ENOMEM);
	mem->denied = !is_sealed(file);
	if (mem->denied && deny_writers(file)) {
		kfree(mem);
		return ERR_PTR(-ETXTBSY);
	}
	kref_init(&mem->ref);
	xa_init_flags(&mem->pages, XA_FLAGS_ACCOUNT);
	mem->file = get_file(file);
	hash_add(files, &mem->node, (unsigned long)file_inode(file));
	return mem;
}

/* One object for each inode, so that all share the same pages. */
static struct axas_filemem *get_file_object(struct file *file)
{
	struct axas_filemem *mem;

	if (!(file->f_mode & FMODE_READ))
		return ERR_PTR(-EBADF);
	if (!has_page_cache(file))
		return ERR_PTR(-EOPNOTSUPP);
	mutex_lock(&files_lock);
	mem = find_file(file_inode(file)) ?: new_file(file);
	mutex_unlock(&files_lock);
	return mem;
}

static void put_pages(struct axas_filemem *mem)
{
	struct page *page;
	unsigned long i;

	xa_for_each(&mem->pages, i, page) {
		put_page(page);
		cond_resched();
	}
	xa_destroy(&mem->pages);
}

static void release_file(struct kref *ref)
{
	struct axas_filemem *mem = container_of(ref, struct axas_filemem, ref);

	mutex_lock(&files_lock);
	hash_del(&mem->node);
	mutex_unlock(&files_lock);
	put_pages(mem);
	if (mem->denied)
		allow_write_access(mem->file);
	fput(mem->file);
	kfree(mem);
}

static void put_file_object(struct axas_filemem *mem)
{
	kref_put(&mem->ref, release_file);
}

/* Bytes of the file, and of the rest of its last page. */
static u64 file_size(const struct axas_filemem *mem)
{
	return round_up((u64)i_size_read(file_inode(mem->file)), PAGE_SIZE);
}

static struct axas_filemem *filemem_of(const struct axas_backend *backend)
{
	return (struct axas_filemem *)backend->object;
}

static int filemem_lend(const struct axas_backend *backend, u64 offset,
			struct axas_hpa *hpas, unsigned int n)
{
	XA_STATE(xas, &filemem_of(backend)->pages, offset >> PAGE_SHIFT);
	struct page *page;
	unsigned int i = 0;

	rcu_read_lock();
	for (page = xas_load(&xas); page && i < n; page = xas_next(&xas)) {
		/* A store may be under way; or the page has failed since. */
		if (unlikely(xas_retry(&xas, page) || PageHWPoison(page)))
			break;
		hpas[i++] = axas_hpa(page_to_phys(page));
	}
	rcu_read_unlock();
	return i;
}

/* Pages that one call of fetch() lends at most. */
#define FETCH_MOST	64u

/*
 * Lend pages from now on, from @index on; the caller keeps its references. Return their number. The
 * store is a release: who finds a page finds its content.
 */
static unsigned int lend_pages(struct axas_filemem *mem, pgoff_t index, struct page **pages,
			       unsigned int n)
{
	XA_STATE(xas, &mem->pages, index);
	unsigned int done = 0;

	do {
		xas_lock(&xas);
		for (; done < n; done++) {
			xas_set(&xas, index + done);
			if (xas_load(&xas))
				continue;
			xas_store(&xas, pages[done]);
			if (xas_error(&xas))
				break;
			get_page(pages[done]);
		}
		xas_unlock(&xas);
	} while (xas_nomem(&xas, GFP_KERNEL | __GFP_NOWARN));
	return done;
}

/* Make what the kernel has read into a page visible to instruction fetch. */
static void clean_page(struct page *page)
{
	const struct axas_hal *hal = &axas_hal_linux;

	if (hal->clean)
		hal->clean(hal, page_address(page), PAGE_SIZE);
	if (hal->fence)
		hal->fence(hal);
}

/* Pages of a folio from @index on, up to @last, at most @max. Return their number. */
static unsigned int pages_of(struct folio *folio, pgoff_t index, pgoff_t last,
			     struct page **pages, unsigned int max)
{
	unsigned int n = 0;

	if (!folio_test_uptodate(folio))
		return 0;
	for (; n < max && index <= last && folio_contains(folio, index); index++) {
		pages[n] = folio_file_page(folio, index);
		if (PageHWPoison(pages[n]))
			break;
		clean_page(pages[n++]);
	}
	return n;
}

/* Lend what is cached from @index on. Return the number of pages. */
static unsigned int add_cached(struct axas_filemem *mem, pgoff_t index, pgoff_t last)
{
	struct page *pages[FETCH_MOST] __uninitialized;
	struct folio_batch batch __uninitialized;
	unsigned int i, more, n = 0;
	pgoff_t from = index;

	folio_batch_init(&batch);
	filemap_get_folios_contig(mapping_of(mem), &from, last, &batch);
	for (i = 0; i < folio_batch_count(&batch); i++) {
		more = pages_of(batch.folios[i], index + n, last, pages + n, FETCH_MOST - n);
		n += more;
		if (!more)
			break;
	}
	n = n ? lend_pages(mem, index, pages, n) : 0;
	folio_batch_release(&batch);
	return n;
}

/* Read a page that is not cached. */
static int add_read(struct axas_filemem *mem, pgoff_t index)
{
	struct address_space *mapping = mapping_of(mem);
	struct page *page;
	int err;

	page = shmem_mapping(mapping) ? shmem_read_mapping_page(mapping, index) :
					read_mapping_page(mapping, index, mem->file);
	if (IS_ERR(page)) {
		err = PTR_ERR(page);
		return err == -ENOMEM || err == -EINTR ? err : -EIO;
	}
	err = -EIO;
	if (!PageHWPoison(page)) {
		clean_page(page);
		err = lend_pages(mem, index, &page, 1) ? 0 : -ENOMEM;
	}
	put_page(page);
	return err;
}

/* A page that is lent already, and has failed since, is neither lent nor fetched any more. */
static bool has_failed(struct axas_filemem *mem, pgoff_t index)
{
	struct page *page = xa_load(&mem->pages, index);

	return page && PageHWPoison(page);
}

static int filemem_fetch(const struct axas_backend *backend, u64 offset, unsigned int n)
{
	struct axas_filemem *mem = filemem_of(backend);
	pgoff_t index = offset >> PAGE_SHIFT;
	pgoff_t end = file_size(mem) >> PAGE_SHIFT;

	if (fatal_signal_pending(current))
		return -EINTR;
	if (has_failed(mem, index))
		return -EIO;
	/* The server of a network file, or of a FUSE one, may shrink it all the same. */
	if (index >= end)
		return -EIO;
	n = min3((pgoff_t)n, (pgoff_t)FETCH_MOST, end - index);
	if (add_cached(mem, index, index + n - 1))
		return 0;
	return add_read(mem, index);
}

static struct page *filemem_page(const struct axas_backend *backend, u64 offset,
				 struct axas_hpa hpa)
{
	struct page *page = xa_load(&filemem_of(backend)->pages, offset >> PAGE_SHIFT);

	return page && page_to_phys(page) == hpa.val ? page : NULL;
}

static void filemem_hold(const struct axas_backend *backend)
{
	kref_get(&filemem_of(backend)->ref);
}

static void filemem_release(const struct axas_backend *backend)
{
	put_file_object(filemem_of(backend));
}

static const struct axas_backend_ops shared_ops = {
	.id	= AXAS_BACKEND_FILE,
	.flags	= AXAS_BACKEND_DIRECT | AXAS_BACKEND_LENDS,
	.lend	= filemem_lend,
	.fetch	= filemem_fetch,
	.page	= filemem_page,
	.hold	= filemem_hold,
	.release = filemem_release,
};

static const struct axas_backend_ops unmapped_ops = {
	.id	= AXAS_BACKEND_FILE,
	.flags	= AXAS_BACKEND_DIRECT | AXAS_BACKEND_LENDS | AXAS_BACKEND_UNMAPPED,
	.lend	= filemem_lend,
	.fetch	= filemem_fetch,
	.page	= filemem_page,
	.hold	= filemem_hold,
	.release = filemem_release,
};

/* The backend of an area that maps @offset of the file at @gpa. */
static struct axas_backend backend_of(struct axas_filemem *mem, u64 gpa, u64 offset)
{
	return (struct axas_backend){
		.ops = shmem_mapping(mapping_of(mem)) ? &shared_ops : &unmapped_ops,
		.object = mem, .offset = offset - gpa,
	};
}

int axas_space_map_file(struct axas_space *space, struct axas_gpa_range range, struct file *file,
			u64 offset, u32 prot, u32 flags)
{
	struct axas_filemem *mem;
	int err = -EINVAL;
	u64 end;

	if (!axas_space_range_ok(space, range) || offset & (AXAS_FRAME_SIZE - 1) ||
	    check_add_overflow(offset, range.size, &end))
		return -EINVAL;
	/* Pages of the page cache are in Linux' direct map. */
	if (space->npt.hal != &axas_hal_linux)
		return -EOPNOTSUPP;
	mem = get_file_object(file);
	if (IS_ERR(mem))
		return PTR_ERR(mem);
	if (end <= file_size(mem))
		err = axas_space_map_lent(space, range, prot, flags,
					  backend_of(mem, range.start.val, offset));
	put_file_object(mem);
	return err;
}
EXPORT_SYMBOL_AXAS(axas_space_map_file);
