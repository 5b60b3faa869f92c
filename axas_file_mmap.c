// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host mappings: mmap() of a space's descriptor. A host fault takes the page from the leaf, which a
 * guest's access would use, and returns it locked; see "DOC: host mappings". The mappings are a
 * consumer of the space: flushes zap their PTEs. Calls axas_space*.c, axas_missing.c and
 * axas_area.c.
 *
 * Locks: mmap_lock or the VMA's lock is held by all callers but those of host_wait(); file->attach,
 * locks of a space and page locks nest inside it.
 */
#include <linux/bitmap.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/pagemap.h>
#include <linux/sched.h>

#include "axas_compat.h"
#include "axas_file.h"
#include "axas_space.h"

/**
 * DOC: host mappings
 *
 * A page is mapped with a reference of its own, so a host mapping never shows a freed page. That it
 * shows what the space holds needs more, because the kernel sets the PTE after .fault or
 * .page_mkwrite has returned: a removal must not miss a PTE that is about to be set.
 *
 *	host fault				removal
 *	section: leaf permits the access	bar: no section is running
 *	         trylock_page()			wait until no page of the range is locked
 *	set the PTE				break or narrow the leaves
 *	unlock_page()				flush: zap the PTEs of the range
 *						put frames
 *
 * The page is locked in the section in which the leaf was read. So a removal finds it locked, and
 * the PTE set when it is unlocked; or the fault finds the new leaf. Nobody waits for a lock of the
 * space with a page locked, so a removal may wait for page locks with the bar.
 *
 * Two kinds of mappings, by the file. Watched: a PTE is read-only until the first write, which
 * .page_mkwrite notices. Pinnable: without .page_mkwrite, which would exclude long-term pins from
 * Linux 6.5 on; each PTE of a writable mapping is writable at once, so a read fault needs the
 * permission to write, too.
 *
 * A mapping of areas with compound 2 MiB frames gets pages by vmf->page, which lets the kernel map
 * a frame by one PMD; but not the pieces of one that the space does not have all of. Other mappings
 * are VM_MIXEDMAP, so that one fault may insert several pages: a PMD in such a mapping would not be
 * counted.
 */

/* Pages that a fault inserts at most: as many as the kernel's own fault-around. */
#define AROUND		16

#if IS_ENABLED(CONFIG_AXAS_KUNIT_TEST)
static uint host_fault_delay;
module_param(host_fault_delay, uint, 0600);
MODULE_PARM_DESC(host_fault_delay, "Test: microseconds before a page is mapped on the host");

/* Widens the window in which a removal could miss a PTE. */
static void delay_for_test(void)
{
	if (READ_ONCE(host_fault_delay))
		fsleep(READ_ONCE(host_fault_delay));
}
#else
static void delay_for_test(void)
{
}
#endif

static bool is_watched(const struct vm_area_struct *vma)
{
	return vma->vm_ops->page_mkwrite;
}

/* Access that the PTE will permit. A writable PTE is readable, too. */
static u32 access_of(const struct vm_fault *vmf)
{
	bool write = vmf->flags & FAULT_FLAG_WRITE;

	/* Not VM_WRITE: mprotect() makes present PTEs writable. */
	if (!is_watched(vmf->vma) && vmf->vma->vm_flags & VM_MAYWRITE)
		write = true;
	return write ? AXAS_PROT_READ | AXAS_PROT_WRITE : AXAS_PROT_READ;
}

static u64 gpa_of(const struct vm_fault *vmf)
{
	return (u64)vmf->pgoff << PAGE_SHIFT;
}

static struct axas_space *space_of(const struct vm_fault *vmf)
{
	struct axas_file *file = vmf->vma->vm_file->private_data;

	return file->space;
}

/* A fault has no errno: without memory, too, the access ends in SIGBUS, as with hugetlbfs. */
static vm_fault_t fault_error(int err)
{
	/*
	 * A fatal signal: the access is repeated, but the thread ends first. A missing page in
	 * .page_mkwrite: the mapping was zapped, and the access comes to .fault.
	 */
	return err == -EINTR || err == -EAGAIN ? VM_FAULT_NOPAGE : VM_FAULT_SIGBUS;
}

/* Pages from the faulting one on that fit the mapping and its page table. */
static unsigned int pages_ahead(const struct vm_fault *vmf)
{
	unsigned long addr = vmf->address & PAGE_MASK;
	unsigned long end = min(vmf->vma->vm_end, pmd_addr_end(addr, vmf->vma->vm_end));

	return min_t(unsigned long, AROUND, (end - addr) >> PAGE_SHIFT);
}

static void unlock_pages(struct page **pages, unsigned int n)
{
	while (n)
		unlock_page(pages[--n]);
}

static int no_pte(pte_t *pte, unsigned long addr, void *unused)
{
	return 0;
}

/*
 * Make a page table, so that finish_fault() does not make a PMD. If there is a PMD of a frame that
 * is in pieces by now, it is about to be zapped: the access is repeated.
 */
static vm_fault_t make_table(struct vm_fault *vmf)
{
	unsigned long addr = vmf->address & PAGE_MASK;

	if (!pmd_none(READ_ONCE(*vmf->pmd)))
		return 0;
	return apply_to_page_range(vmf->vma->vm_mm, addr, PAGE_SIZE, no_pte, NULL) ?
	       VM_FAULT_OOM : 0;
}

/* Let the kernel map a locked page. */
static vm_fault_t give_page(struct vm_fault *vmf, struct page *page)
{
	get_page(page);
	vmf->page = page;
	return VM_FAULT_LOCKED;
}

/*
 * Map one page of a compound one of which the space may have only pieces. It is locked, so no other
 * fault maps it by a PMD meanwhile.
 */
static vm_fault_t give_piece(struct vm_fault *vmf, struct page *page)
{
	vm_fault_t done = axas_insert_piece(vmf, page);

	if (done == VM_FAULT_FALLBACK)
		done = make_table(vmf) ?: give_page(vmf, page);
	if (done != VM_FAULT_LOCKED)
		unlock_page(page);
	return done;
}

/*
 * Whether the kernel must not map more than this page of a compound one. From 6.15 on it would do
 * so although another page has failed.
 */
static bool is_piece(struct page *page, bool whole)
{
	return PageCompound(page) && (!whole || folio_test_has_hwpoisoned(page_folio(page)));
}

/*
 * Insert locked pages, up to the first PTE that is in use. If that is the first one, it may be a
 * marker of userfaultfd(), which only the kernel itself can replace by a page.
 */
static vm_fault_t insert(struct vm_fault *vmf, struct page **pages, unsigned int n)
{
	unsigned long left = n;
	int err = vm_insert_pages(vmf->vma, vmf->address & PAGE_MASK, pages, &left);

	if (unlikely(err == -EBUSY && left == n)) {
		unlock_pages(pages + 1, n - 1);
		return PageCompound(pages[0]) ? give_piece(vmf, pages[0]) :
						give_page(vmf, pages[0]);
	}
	unlock_pages(pages, n);
	/* Else repeat the access: from 6.14 on another thread may have freed the page table. */
	return err == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_NOPAGE;
}

/*
 * Memory failure: the kernel would look for other mappings of the page in page->mapping, which is
 * NULL. Return the number of pages before the first one that has failed; unlock the others.
 */
static unsigned int healthy(struct page **pages, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n && likely(!PageHWPoison(pages[i])); i++)
		;
	unlock_pages(pages + i, n - i);
	return i;
}

/*
 * Wait for a missing page, as userfaultfd() does: with no lock held, then the access is repeated. A
 * fault that may not be repeated fails.
 */
static vm_fault_t wait_for_supply(struct vm_fault *vmf)
{
	bool interruptible = vmf->flags & FAULT_FLAG_INTERRUPTIBLE;
	struct axas_space *space = space_of(vmf);
	struct axas_waiter waiter;
	struct file *filp;
	int missing, err;

	if (vmf->flags & FAULT_FLAG_ALLOW_RETRY && vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_RETRY;
	missing = axas_space_await_begin(space, &waiter, gpa_of(vmf));
	/* The second time for a kernel thread, which waits for a second only. */
	if (missing > 0 && (!(vmf->flags & FAULT_FLAG_ALLOW_RETRY) ||
			    (current->flags & PF_KTHREAD && vmf->flags & FAULT_FLAG_TRIED)))
		missing = -EFAULT;
	if (missing <= 0) {
		axas_missing_del(&space->missing, &waiter);
		return missing ? VM_FAULT_SIGBUS : VM_FAULT_NOPAGE;
	}
	/* Without the lock the mapping may go away. */
	filp = get_file(vmf->vma->vm_file);
	axas_release_fault_lock(vmf);
	/* Whatever ended the wait, the access is repeated, or a signal is handled first. */
	err = axas_missing_sleep(&space->missing, &waiter, interruptible);
	axas_missing_del(&space->missing, &waiter);
	/* In kernel mode the signal is not handled first: the access is repeated at once. */
	if (err == -EINTR && !(vmf->flags & FAULT_FLAG_USER))
		schedule_timeout_killable(1);
	fput(filp);
	return VM_FAULT_RETRY;
}

static vm_fault_t host_fault(struct vm_fault *vmf)
{
	bool mixed = vmf->vma->vm_flags & VM_MIXEDMAP;
	/* vm_insert_pages() makes read-only PTEs in a watched mapping: no use for a write. */
	bool many = mixed && !(is_watched(vmf->vma) && vmf->flags & FAULT_FLAG_WRITE);
	struct page *pages[AROUND];
	bool whole;
	int n;

	/* Not with pages locked: a memory cgroup's OOM killer may wait for a task that waits. */
	if (mixed && make_table(vmf))
		return VM_FAULT_OOM;
	n = axas_space_lock_pages(space_of(vmf), axas_gpa(gpa_of(vmf)), access_of(vmf), pages,
				  many ? pages_ahead(vmf) : 1, &whole);
	if (n == -EAGAIN)
		return wait_for_supply(vmf);
	if (n < 0)
		return fault_error(n);
	n = healthy(pages, n);
	if (unlikely(!n))
		return VM_FAULT_HWPOISON;
	delay_for_test();
	if (many || (mixed && PageCompound(pages[0])))
		return insert(vmf, pages, n);
	if (is_piece(pages[0], whole))
		return give_piece(vmf, pages[0]);
	return give_page(vmf, pages[0]);
}

/*
 * Whether the kernel may go on with a page whose first write is permitted. If .fault brought it
 * before, and unlocked it then, it may have been all of a frame and be a piece now.
 */
static bool is_still(const struct vm_fault *vmf, struct page *page, bool whole)
{
	if (page != vmf->page)
		return false;
	return !is_piece(page, whole) || axas_finishes_piece(vmf);
}

/* The frequent case: a 4 KiB frame that is still the leaf's. */
static bool relock(struct vm_fault *vmf, struct axas_gpa gpa, u32 access)
{
	struct page *page = vmf->page;

	if (unlikely(PageCompound(page)) ||
	    !axas_space_relock_page(space_of(vmf), gpa, access, page))
		return false;
	delay_for_test();
	return healthy(&page, 1);
}

/*
 * The first write through a read-only PTE, or a write that .fault has brought the page for. The
 * page is returned locked: for any other success the kernel looks at page->mapping, which is NULL.
 */
static vm_fault_t host_mkwrite(struct vm_fault *vmf)
{
	u32 access = AXAS_PROT_READ | AXAS_PROT_WRITE;
	struct axas_gpa gpa = axas_gpa(gpa_of(vmf));
	struct page *page = vmf->page;
	bool whole;
	int n;

	/* Between .fault and here, too, a removal can come. */
	delay_for_test();
	if (likely(relock(vmf, gpa, access)))
		return VM_FAULT_LOCKED;
	n = axas_space_lock_pages(space_of(vmf), gpa, access, &page, 1, &whole);
	if (n < 0)
		return fault_error(n);
	if (unlikely(!healthy(&page, 1)))
		return VM_FAULT_HWPOISON;
	delay_for_test();
	if (is_still(vmf, page, whole))
		return VM_FAULT_LOCKED;
	unlock_page(page);
	return VM_FAULT_NOPAGE;
}

/* From 6.6 on, a mapping that has this is faulted without mmap_lock. It maps nothing itself. */
static vm_fault_t host_map_pages(struct vm_fault *vmf, pgoff_t first, pgoff_t last)
{
	return 0;
}

static const struct vm_operations_struct watched_ops = {
	.fault		= host_fault,
	.map_pages	= host_map_pages,
	.page_mkwrite	= host_mkwrite,
};

static const struct vm_operations_struct pinnable_ops = {
	.fault		= host_fault,
	.map_pages	= host_map_pages,
};

/* Zapping may sleep: host_wait() does it. */
static void host_request(struct axas_consumer *consumer, const struct axas_flush *flush,
			 struct cpumask *cpus)
{
}

/* Zap the pages of a bitmap alone: the others would only be faulted in again. */
static void zap_pages(struct address_space *mapping, const struct axas_flush *flush)
{
	u64 first = flush->range.start.val - flush->base.val;
	unsigned long end = (first + flush->range.size) >> PAGE_SHIFT, from, to;

	for (from = find_next_bit(flush->pages, end, first >> PAGE_SHIFT); from < end;
	     from = find_next_bit(flush->pages, end, to)) {
		to = find_next_zero_bit(flush->pages, end, from);
		unmap_mapping_range(mapping, flush->base.val + ((u64)from << PAGE_SHIFT),
				    (u64)(to - from) << PAGE_SHIFT, 0);
	}
}

static void host_wait(struct axas_consumer *consumer, const struct axas_flush *flush)
{
	struct axas_file *file = container_of(consumer, struct axas_file, host);

	if (flush->pages)
		zap_pages(file->mapping, flush);
	else
		unmap_mapping_range(file->mapping, flush->range.start.val, flush->range.size, 0);
}

static const struct axas_consumer_ops host_ops = {
	.request	= host_request,
	.wait		= host_wait,
};

/* With the first mapping: a space that is never mapped pays nothing. */
static int attach(struct axas_file *file)
{
	int err = 0;

	mutex_lock(&file->attach);
	if (!file->attached) {
		file->host.ops = &host_ops;
		axas_space_share_pages(file->space);
		err = axas_space_attach(file->space, &file->host);
		file->attached = !err;
	}
	mutex_unlock(&file->attach);
	return err;
}

void axas_file_no_mmap(struct axas_file *file)
{
	if (file->attached)
		axas_space_detach(file->space, &file->host);
}

int axas_file_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct axas_file *file = filp->private_data;
	struct axas_gpa_range range = axas_gpa_range(axas_gpa((u64)vma->vm_pgoff << PAGE_SHIFT),
						     vma->vm_end - vma->vm_start);
	int err;

	/* A private copy of guest memory is no guest memory. */
	if (!(vma->vm_flags & VM_MAYSHARE) || !axas_space_contains(file->space, range))
		return -EINVAL;
	err = attach(file);
	if (err)
		return err;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	if (!axas_space_has_whole(file->space, range))
		vm_flags_set(vma, VM_MIXEDMAP);
	/* mprotect() would make the PTEs writable without asking .page_mkwrite. */
	if (file->pinnable && !(vma->vm_flags & VM_WRITE))
		vm_flags_clear(vma, VM_MAYWRITE);
	vma->vm_ops = file->pinnable ? &pinnable_ops : &watched_ops;
	return 0;
}
