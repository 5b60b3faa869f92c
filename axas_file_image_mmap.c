// SPDX-License-Identifier: GPL-2.0-only
/*
 * Read-only mappings of an image's descriptor. A fault inserts the image's own pages, each with a
 * reference. Calls axas_image.c and axas_area.c.
 *
 * An image never changes, so no PTE has to be zapped. No lock is needed to keep a page: the mapping
 * holds the file, which holds the image. A page with further references, such as one in a pipe, is
 * freed with the last of them.
 *
 * Locks: none of its own. mmap_lock or the VMA's lock is held by all callers.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "axas_compat.h"
#include "axas_file.h"
#include "axas_image.h"

/* Pages that a fault inserts at most: as many as the kernel's own fault-around. */
#define AROUND		16

/* Find a page. @first: read it if it is a file's; else -EAGAIN. */
static int find(const struct axas_image *image, u64 gpa, bool first, struct axas_image_page *page)
{
	int err;

	for (;;) {
		if (!axas_image_find(image, gpa, page))
			return -EFAULT;
		if (!page->backend)
			return 0;
		if (!first)
			return -EAGAIN;
		if (fatal_signal_pending(current))
			return -EINTR;
		err = page->backend->ops->fetch(page->backend, page->offset, 1);
		if (err)
			return err;
	}
}

static int insert_copy(const struct axas_image *image, struct vm_area_struct *vma,
		       unsigned long addr, struct axas_hpa hpa)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT);
	int err;

	if (!page)
		return -ENOMEM;
	copy_page(page_address(page), axas_hal_va(image->base->npt.hal, hpa));
	err = vm_insert_page(vma, addr, page);
	/* The PTE has a reference. */
	put_page(page);
	return err;
}

/* A frame; a copy of one whose page must not be mapped, but only if it was asked for. */
static int insert_frame(const struct axas_image *image, struct vm_area_struct *vma,
			unsigned long addr, u64 gpa, struct axas_hpa hpa, bool first)
{
	struct page *page = axas_image_frame(image, gpa, hpa);

	if (!page)
		return first ? insert_copy(image, vma, addr, hpa) : -EAGAIN;
	if (unlikely(PageHWPoison(page)))
		return -EHWPOISON;
	return vm_insert_page(vma, addr, page);
}

/* @first: the page that the access is about. */
static vm_fault_t insert(const struct axas_image *image, struct vm_area_struct *vma,
			 unsigned long addr, u64 gpa, bool first)
{
	struct axas_image_page page;
	int err = find(image, gpa, first, &page);

	if (!err && page.hpa.val == AXAS_HPA_NONE)
		return axas_insert_zero(vma, addr);
	if (!err)
		err = insert_frame(image, vma, addr, gpa, page.hpa, first);
	switch (err) {
	case 0:
	case -EBUSY:	/* another thread's fault was first */
	case -EINTR:	/* a fatal signal: the access is repeated, but the thread ends first */
		return VM_FAULT_NOPAGE;
	case -EHWPOISON:
		return VM_FAULT_HWPOISON;
	default:
		return VM_FAULT_SIGBUS;
	}
}

static vm_fault_t image_fault(struct vm_fault *vmf)
{
	const struct axas_image *image = vmf->vma->vm_private_data;
	unsigned long addr = vmf->address & PAGE_MASK, end;
	u64 gpa = (u64)vmf->pgoff << PAGE_SHIFT;
	vm_fault_t done = insert(image, vmf->vma, addr, gpa, true);

	end = min(vmf->vma->vm_end, pmd_addr_end(addr, vmf->vma->vm_end));
	end = min(end, addr + AROUND * PAGE_SIZE);
	if (done != VM_FAULT_NOPAGE)
		return done;
	for (addr += PAGE_SIZE, gpa += PAGE_SIZE; addr < end; addr += PAGE_SIZE, gpa += PAGE_SIZE)
		if (insert(image, vmf->vma, addr, gpa, false) != VM_FAULT_NOPAGE)
			break;
	return VM_FAULT_NOPAGE;
}

/* From 6.6 on, a mapping that has this is faulted without mmap_lock. It maps nothing itself. */
static vm_fault_t image_map_pages(struct vm_fault *vmf, pgoff_t first, pgoff_t last)
{
	return 0;
}

static const struct vm_operations_struct image_vm_ops = {
	.fault		= image_fault,
	.map_pages	= image_map_pages,
};

int axas_file_image_mmap(struct axas_image *image, struct vm_area_struct *vma)
{
	struct axas_gpa_range range = axas_gpa_range(axas_gpa((u64)vma->vm_pgoff << PAGE_SHIFT),
						     vma->vm_end - vma->vm_start);

	if (!axas_space_contains(image->base, range))
		return -EINVAL;
	/* Nor by a debugger: the pages are those of all clones. */
	if (vma->vm_flags & (VM_WRITE | VM_EXEC))
		return -EACCES;
	vm_flags_clear(vma, VM_MAYWRITE | VM_MAYEXEC);
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP | VM_MIXEDMAP);
	vma->vm_private_data = image;
	vma->vm_ops = &image_vm_ops;
	return 0;
}
