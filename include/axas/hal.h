/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The HAL: allocates frames and gives access to their memory. The default is Linux's page
 * allocator; each space may be created with another. The lowest layer of axas.
 */
#ifndef _AXAS_HAL_H
#define _AXAS_HAL_H

#include <linux/bits.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <axas/addr.h>

struct page;

#define AXAS_FRAME_SHIFT	12
#define AXAS_FRAME_SIZE		BIT_ULL(AXAS_FRAME_SHIFT)

#define AXAS_FRAME_ZERO		BIT(0)	/* zeroed by the HAL */
#define AXAS_FRAME_TABLE	BIT(1)	/* for a page table, not for a guest */
#define AXAS_FRAME_NOWAIT	BIT(2)	/* the caller may not sleep: fail instead */
#define AXAS_FRAME_WHOLE	BIT(3)	/* one compound page: its pieces share a reference count */

/**
 * struct axas_window - a temporary mapping of host-physical memory
 * @va: address of the mapping, for memory
 * @io: address of the mapping, for device registers; @va is NULL then
 * @handle: private to the HAL
 */
struct axas_window {
	void *va;
	void __iomem *io;
	void *handle;
};

/**
 * struct axas_hal - a source of frames, and access to their memory
 * @name: for messages
 * @phys_bits: bits of host-physical address; 0: those of the host's CPU
 * @alloc_frame: allocate 4 KiB << @order bytes, naturally aligned, and set @hpa. @flags are
 *	AXAS_FRAME_*. Return 0 or -ENOMEM. A frame at address 0 counts as a failure: it is
 *	freed again, and the caller sees -ENOMEM.
 * @free_frame: free memory from @alloc_frame. Guest frames may be freed in pieces or together:
 *	4 KiB << @order at any address aligned to it, all of it allocated by @alloc_frame.
 *	Tables are freed with the order of their allocation and AXAS_FRAME_TABLE in @flags.
 *	AXAS_FRAME_ZERO and AXAS_FRAME_WHOLE have no meaning here.
 * @alloc_frames: optional; allocate @n frames, as @alloc_frame one, none of them at address 0.
 *	Return the number allocated. For a HAL whose batch is cheaper than single calls.
 * @free_frames: optional; free @n guest frames, as @free_frame one
 * @phys_to_virt: address of a frame of this HAL. NULL: its address in the kernel's direct map.
 * @virt_to_phys: the reverse; NULL together with @phys_to_virt
 * @frame_page: optional; the struct page of a 4 KiB guest frame, which has its own reference
 *	count from this call on, or that of its compound page (AXAS_FRAME_WHOLE), and whose page
 *	lock the HAL does not use. NULL, or a NULL result: the frame has none and cannot be
 *	shared.
 * @clean: optional; the host wrote @bytes at @va of guest memory that a guest may execute, now
 *	or later: make the write visible to the instruction fetch of every CPU
 * @fence: optional; for CPUs that cannot do so by address: discard prefetched instructions on
 *	every CPU. Called after a write to memory that a guest may execute, and before written
 *	memory becomes executable
 * @is_ram: optional; whether any of @bytes at @hpa is memory that the kernel uses or may use:
 *	it is mapped as AXAS_TYPE_NORMAL only. NULL: none is.
 * @window: optional; map memory that this HAL does not own: @bytes at @hpa, inside one 4 KiB
 *	page, with AXAS_TYPE_* @type. NULL: the host cannot read or write linear areas. Return
 *	0, -EOPNOTSUPP or -ENOMEM.
 * @close_window: unmap a window
 * @window_bytes: largest window of AXAS_TYPE_NORMAL, over contiguous pages; 0: windows lie
 *	inside one 4 KiB page. A refused window is requested again in smaller pieces.
 *
 * Callbacks other than @phys_to_virt, @virt_to_phys, @frame_page, @clean and @fence may sleep.
 * Exceptions: an allocation with AXAS_FRAME_NOWAIT, and in a HAL that serves those, freeing a
 * frame of order 0. All are called concurrently.
 */
struct axas_hal {
	const char *name;
	unsigned int phys_bits;
	int (*alloc_frame)(const struct axas_hal *hal, unsigned int order, u32 flags,
			   struct axas_hpa *hpa);
	void (*free_frame)(const struct axas_hal *hal, struct axas_hpa hpa,
			   unsigned int order, u32 flags);
	unsigned int (*alloc_frames)(const struct axas_hal *hal, unsigned int order, u32 flags,
				     struct axas_hpa *hpas, unsigned int n);
	void (*free_frames)(const struct axas_hal *hal, unsigned int order,
			    const struct axas_hpa *hpas, unsigned int n);
	void *(*phys_to_virt)(const struct axas_hal *hal, struct axas_hpa hpa);
	struct axas_hpa (*virt_to_phys)(const struct axas_hal *hal, const void *va);
	struct page *(*frame_page)(const struct axas_hal *hal, struct axas_hpa hpa);
	void (*clean)(const struct axas_hal *hal, void *va, size_t bytes);
	void (*fence)(const struct axas_hal *hal);
	bool (*is_ram)(const struct axas_hal *hal, struct axas_hpa hpa, u64 bytes);
	int (*window)(const struct axas_hal *hal, struct axas_hpa hpa, size_t bytes,
		      u32 type, struct axas_window *window);
	void (*close_window)(const struct axas_hal *hal, struct axas_window *window);
	size_t window_bytes;
};

/*
 * axas_hal_linux - Linux's page allocator and direct map
 *
 * Frames are charged to the memory cgroup of the allocating task (__GFP_ACCOUNT); tables
 * count in NR_SECONDARY_PAGETABLE. Guest frames are allocated in non-compound blocks, see
 * Documentation/design.md: a page has its own reference count only after @frame_page. With
 * AXAS_FRAME_WHOLE a frame is a compound page instead: memory of a piece that is freed alone is
 * free when all pieces are.
 */
extern const struct axas_hal axas_hal_linux;

/**
 * axas_hal_phys_bits() - bits of host-physical address
 * @hal: the HAL
 *
 * Context: Any.
 * Return: @hal->phys_bits, or those of the host's CPU.
 */
unsigned int axas_hal_phys_bits(const struct axas_hal *hal);

/**
 * axas_hal_va() - the kernel address of a frame's memory
 * @hal: the HAL of the frame
 * @hpa: an address in the frame
 *
 * Context: Any.
 * Return: the kernel address of the same byte.
 */
static inline void *axas_hal_va(const struct axas_hal *hal, struct axas_hpa hpa)
{
	return likely(!hal->phys_to_virt) ? __va(hpa.val) : hal->phys_to_virt(hal, hpa);
}

/**
 * axas_hal_pa() - the host-physical address of a frame's memory
 * @hal: the HAL of the frame
 * @va: a kernel address in the frame, from axas_hal_va()
 *
 * Context: Any.
 * Return: the host-physical address of the same byte.
 */
static inline struct axas_hpa axas_hal_pa(const struct axas_hal *hal, const void *va)
{
	return likely(!hal->virt_to_phys) ? axas_hpa(__pa(va)) : hal->virt_to_phys(hal, va);
}

#endif /* _AXAS_HAL_H */
