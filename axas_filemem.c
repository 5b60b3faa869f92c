// SPDX-License-Identifier: GPL-2.0-only
/*
 * The backend file: lends pages of a file's page cache. An object holds the file, prevents writes
 * to it, and has a reference on each page that it lends, in an xarray that all areas and spaces
 * over the file share. Calls axas_space_map.c, axas_area.c, and the HAL for pages that a guest may
 * execute.
 *
 * Locks: files_lock protects the table of objects, mem->lock the pins of one; both nest inside
 * space->changing. An object's pages are found by RCU, in sections of a space. Files are read with
 * no lock held, since a file server may take any time.
 *
 * Each axas_space_map_file() has a pin, the range of the file that it maps: the object of its
 * areas' backend. A page is lent as long as a pin includes it. A pin, and with it the number of
 * locked pages, keeps its size until no area of its map is left, even if a part is unmapped before:
 * so no more pages are referenced than are accounted for.
 *
 * Lending is safe because the content does not change:
 *  - a memfd with F_SEAL_WRITE and F_SEAL_SHRINK has no writers, and will have none;
 *    F_SEAL_FUTURE_WRITE is not enough, since mappings that exist already can still write;
 *  - for any other file i_writecount is made negative, as by execve(). That fails if somebody has
 *    the file open for writing; from then on open() for writing and truncate() fail. A memfd
 *    without the seals is refused: its first descriptor does not count as a writer. The content can
 *    still change if somebody pinned a page of the file for writing before, and by the server of a
 *    network or FUSE file. Guests then see the change; no memory is at risk.
 *
 * Pages of tmpfs may be mapped on the host, although page->mapping is another inode's: nothing
 * takes such a page out of the page cache while the object exists. Other file systems may do so
 * (NFS and FUSE when the server has newer content, XFS and Btrfs to deduplicate); the kernel then
 * removes all mappings that it finds by page->mapping, and reports any other as a bug. On these a
 * host mapping gets a private copy instead; see AXAS_BACKEND_UNMAPPED.
 */
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/interval_tree_generic.h>
#include <linux/kref.h>
#include <linux/list.h>
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
 * @ref: pins and callers
 * @node: in @files
 * @file: the file
 * @denied: i_writecount was taken below 0; else the file is sealed
 * @pages: struct page by index, each with a reference
 * @lock: protects @pins; held while pages are put
 * @pins: struct pin by index
 */
struct axas_filemem {
	struct kref ref;
	struct hlist_node node;
	struct file *file;
	bool denied;
	struct xarray pages;
	struct mutex lock;		/* see @lock above */
	struct rb_root_cached pins;
};

/**
 * struct pin - the range of a file that one axas_space_map_file() maps
 * @ref: areas, faults and callers
 * @mem: the file
 * @pinned: the account of the space that the map was for
 * @node: in @mem->pins
 * @first: index of the first page
 * @last: index of the last page
 * @subtree_last: the largest @last below @node
 */
struct pin {
	struct kref ref;
	struct axas_filemem *mem;
	struct axas_pinned *pinned;
	struct rb_node node;
	unsigned long first;
	unsigned long last;
	unsigned long subtree_last;
};

#define PIN_FIRST(pin)	((pin)->first)
#define PIN_LAST(pin)	((pin)->last)
INTERVAL_TREE_DEFINE(struct pin, node, unsigned long, subtree_last, PIN_FIRST, PIN_LAST,
		     static inline, pins);

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
 * Prevent writes. Files that the kernel itself opens on a file system that cannot be mounted, such
 * as those of memfd_create(), are not counted as writers.
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
	mutex_init(&mem->lock);
	mem->pins = RB_ROOT_CACHED;
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

static void release_file(struct kref *ref)
{
	struct axas_filemem *mem = container_of(ref, struct axas_filemem, ref);

	mutex_lock(&files_lock);
	hash_del(&mem->node);
	mutex_unlock(&files_lock);
	xa_destroy(&mem->pages);
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

static void put_pinned(struct axas_pinned *pinned, long pages)
{
	const struct axas_pinned_ops *ops = READ_ONCE(pinned->ops);

	atomic_long_sub(pages, &pinned->pages);
	if (ops)
		ops->fewer(pinned);
	axas_pinned_put(pinned);
}

static unsigned long pages_in(const struct pin *pin)
{
	return pin->last - pin->first + 1;
}

struct axas_pinned *axas_space_get_pinned(struct axas_space *space)
{
	struct axas_pinned *pinned;

	if (mutex_lock_killable(&space->changing))
		return ERR_PTR(-EINTR);
	pinned = space->pinned ?: kzalloc(sizeof(*pinned), GFP_KERNEL_ACCOUNT);
	if (pinned && !space->pinned) {
		refcount_set(&pinned->refs, 1);
		mutex_init(&pinned->lock);
		INIT_LIST_HEAD(&pinned->node);
		space->pinned = pinned;
	}
	if (pinned)
		refcount_inc(&pinned->refs);
	mutex_unlock(&space->changing);
	return pinned ?: ERR_PTR(-ENOMEM);
}

/* Consumes a reference on @mem, also on an error. */
static struct pin *new_pin(struct axas_filemem *mem, struct axas_space *space, u64 offset, u64 size)
{
	struct pin *pin = kzalloc(sizeof(*pin), GFP_KERNEL_ACCOUNT);
	struct axas_pinned *pinned = axas_space_get_pinned(space);

	if (!pin || IS_ERR(pinned)) {
		kfree(pin);
		if (!IS_ERR(pinned))
			axas_pinned_put(pinned);
		put_file_object(mem);
		return IS_ERR(pinned) ? ERR_CAST(pinned) : ERR_PTR(-ENOMEM);
	}
	kref_init(&pin->ref);
	pin->mem = mem;
	pin->pinned = pinned;
	pin->first = offset >> PAGE_SHIFT;
	pin->last = (offset + size - 1) >> PAGE_SHIFT;
	atomic_long_add(pages_in(pin), &pinned->pages);
	mutex_lock(&mem->lock);
	pins_insert(pin, &mem->pins);
	mutex_unlock(&mem->lock);
	return pin;
}

/* Put the pages that no other pin includes. None of these is found or added meanwhile. */
static void put_pages(struct axas_filemem *mem, const struct pin *pin)
{
	const struct pin *other;
	struct page *page;
	unsigned long i;

	lockdep_assert_held(&mem->lock);
	xa_for_each_range(&mem->pages, i, page, pin->first, pin->last) {
		other = pins_iter_first(&mem->pins, i, i);
		cond_resched();
		if (other) {
			i = min(other->last, pin->last);
			continue;
		}
		xa_erase(&mem->pages, i);
		put_page(page);
	}
}

static void release_pin(struct kref *ref)
{
	struct pin *pin = container_of(ref, struct pin, ref);
	struct axas_filemem *mem = pin->mem;

	mutex_lock(&mem->lock);
	pins_remove(pin, &mem->pins);
	put_pages(mem, pin);
	mutex_unlock(&mem->lock);
	put_pinned(pin->pinned, pages_in(pin));
	put_file_object(mem);
	kfree(pin);
}

static void put_pin(struct pin *pin)
{
	kref_put(&pin->ref, release_pin);
}

static struct pin *pin_of(const struct axas_backend *backend)
{
	return (struct pin *)backend->object;
}

static struct axas_filemem *filemem_of(const struct axas_backend *backend)
{
	return pin_of(backend)->mem;
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
 * store is a release: a reader that finds a page finds its content.
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

/* Make what the kernel has read into pages visible to instruction fetch. */
static void clean_pages(struct page **pages, unsigned int n)
{
	const struct axas_hal *hal = &axas_hal_linux;
	unsigned int i;

	for (i = 0; hal->clean && i < n; i++)
		hal->clean(hal, page_address(pages[i]), PAGE_SIZE);
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
		n++;
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
	if (n) {
		clean_pages(pages, n);
		n = lend_pages(mem, index, pages, n);
	}
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
		clean_pages(&page, 1);
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

/* Lend the page at @index, and some of the next @n - 1 if they are cached. No lock is held. */
static int fetch(const struct pin *pin, pgoff_t index, unsigned int n)
{
	struct axas_filemem *mem = pin->mem;
	pgoff_t end = min_t(pgoff_t, file_size(mem) >> PAGE_SHIFT, pin->last + 1);

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

static int filemem_fetch(const struct axas_backend *backend, u64 offset, unsigned int n)
{
	return fetch(pin_of(backend), offset >> PAGE_SHIFT, n);
}

/* Lend all pages of a pin, before populate needs them with a lock of the space held. */
static int fetch_all(const struct pin *pin)
{
	pgoff_t index;
	int err = 0;

	for (index = pin->first; !err && index <= pin->last; index++) {
		if (!xa_load(&pin->mem->pages, index))
			err = fetch(pin, index, FETCH_MOST);
		else if (fatal_signal_pending(current))
			err = -EINTR;
		cond_resched();
	}
	return err;
}

static struct page *filemem_page(const struct axas_backend *backend, u64 offset,
				 struct axas_hpa hpa)
{
	struct page *page = xa_load(&filemem_of(backend)->pages, offset >> PAGE_SHIFT);

	return page && page_to_phys(page) == hpa.val ? page : NULL;
}

static void filemem_hold(const struct axas_backend *backend)
{
	kref_get(&pin_of(backend)->ref);
}

static void filemem_release(const struct axas_backend *backend)
{
	put_pin(pin_of(backend));
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
static struct axas_backend backend_of(struct pin *pin, u64 gpa, u64 offset)
{
	return (struct axas_backend){
		.ops = shmem_mapping(mapping_of(pin->mem)) ? &shared_ops : &unmapped_ops,
		.object = pin, .offset = offset - gpa,
	};
}

static struct pin *pin_file(struct axas_space *space, struct file *file, u64 offset, u64 size)
{
	struct axas_filemem *mem = get_file_object(file);

	if (IS_ERR(mem))
		return ERR_CAST(mem);
	if (offset + size <= file_size(mem))
		return new_pin(mem, space, offset, size);
	put_file_object(mem);
	return ERR_PTR(-EINVAL);
}

int axas_space_map_file(struct axas_space *space, struct axas_gpa_range range, struct file *file,
			u64 offset, u32 prot, u32 flags)
{
	struct pin *pin;
	int err = 0;
	u64 end;

	if (!axas_space_range_ok(space, range) || offset & (AXAS_FRAME_SIZE - 1) ||
	    check_add_overflow(offset, range.size, &end))
		return -EINVAL;
	/* Pages of the page cache are in Linux' direct map. */
	if (space->npt.hal != &axas_hal_linux)
		return -EOPNOTSUPP;
	pin = pin_file(space, file, offset, range.size);
	if (IS_ERR(pin))
		return PTR_ERR(pin);
	if (flags & AXAS_MAP_POPULATE)
		err = fetch_all(pin);
	if (!err)
		err = axas_space_map_lent(space, range, prot, flags,
					  backend_of(pin, range.start.val, offset));
	put_pin(pin);
	return err;
}
EXPORT_SYMBOL_AXAS(axas_space_map_file);
