/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The HAL: where frames come from and how their memory is reached. Linux's own
 * allocator is the default; another may be given to each space when it is
 * created. Everything else in axas stands above this.
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

#define AXAS_FRAME_ZERO		BIT(0)	/* zeroed before it is handed out */
#define AXAS_FRAME_TABLE	BIT(1)	/* for a page table, not for a guest */
#define AXAS_FRAME_NOWAIT	BIT(2)	/* the caller may not sleep: rather give none */

/**
 * struct axas_window - a piece of host-physical memory, reachable for a while
 * @va: for memory: where the piece begins
 * @io: for device registers: where the piece begins; @va is NULL then
 * @handle: the HAL's own
 */
struct axas_window {
	void *va;
	void __iomem *io;
	void *handle;
};

/**
 * struct axas_hal - a source of frames, and the way to their memory
 * @name: for messages
 * @phys_bits: bits of host-physical address; 0 for those of the host's CPU
 * @alloc_frame: takes 4 KiB << @order bytes, naturally aligned, and writes their
 *	address. @flags are AXAS_FRAME_*. Answers 0 or -ENOMEM. Address 0 counts
 *	as a failure: it is given back, and the caller sees -ENOMEM.
 * @free_frame: gives back what @alloc_frame gave. Guest frames may come back in other
 *	pieces than they went: 4 KiB << @order at any address aligned to it, all of
 *	which @alloc_frame gave. Tables come back as they went, with AXAS_FRAME_TABLE
 *	in @flags. AXAS_FRAME_ZERO says nothing here.
 * @alloc_frames: optional; takes @n frames as @alloc_frame takes one, none of them at
 *	address 0. Answers how many there were. For a HAL that can do better than to be
 *	called for each.
 * @free_frames: optional; gives @n guest frames back as @free_frame gives one
 * @phys_to_virt: where a frame of this HAL is reached. NULL: in the kernel's
 *	direct map.
 * @virt_to_phys: the reverse; NULL together with @phys_to_virt
 * @frame_page: optional; the struct page of a 4 KiB guest frame, with a reference count of its
 *	own from here on. NULL, or the answer NULL, when there is none: then the frame cannot
 *	be shared.
 * @clean: optional; @bytes at @va are guest memory that the host wrote and a guest may
 *	execute, now or later: see to it that no CPU fetches what was there before
 * @fence: optional; where that cannot be said of an address: every CPU forgets what it
 *	fetched. Called after memory was written that a guest may execute, and before
 *	written memory may be executed for the first time
 * @is_ram: optional; whether any of @bytes at @hpa is memory that the kernel itself uses or
 *	may use: it is mapped as AXAS_TYPE_NORMAL alone. NULL: none is.
 * @window: optional; makes memory that this HAL does not own reachable: @bytes
 *	at @hpa, inside one 4 KiB page, mapped as AXAS_TYPE_* @type asks. NULL:
 *	linear areas have no accessors. Answers 0, -EOPNOTSUPP or -ENOMEM.
 * @close_window: ends what @window began
 * @window_bytes: how many bytes of AXAS_TYPE_NORMAL @window may be asked for at once, over pages
 *	that lie together; 0: it is asked for none that are not inside one 4 KiB page. One that is
 *	refused is asked for in shorter pieces.
 *
 * All but @phys_to_virt, @virt_to_phys, @frame_page, @clean and @fence may sleep, but not to
 * take a frame with AXAS_FRAME_NOWAIT, nor to take back a frame of order 0 if they give any
 * so. They are called by several CPUs at once.
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
 * Frames are charged to the memory cgroup of the task that asks
 * (GFP_KERNEL_ACCOUNT); those of tables are counted in NR_SECONDARY_PAGETABLE. Guest frames
 * come in blocks that are not compound, see Documentation/design.md: only a page that
 * @frame_page gave has a reference count of its own.
 */
extern const struct axas_hal axas_hal_linux;

/**
 * axas_hal_phys_bits() - how far host-physical addresses reach
 * @hal: whose
 *
 * Context: Any.
 * Return: their bits.
 */
unsigned int axas_hal_phys_bits(const struct axas_hal *hal);

/**
 * axas_hal_va() - where the memory of a frame is reached
 * @hal: whose frame it is
 * @hpa: an address in the frame
 *
 * Context: Any.
 * Return: the kernel's address of the same byte.
 */
static inline void *axas_hal_va(const struct axas_hal *hal, struct axas_hpa hpa)
{
	return likely(!hal->phys_to_virt) ? __va(hpa.val) : hal->phys_to_virt(hal, hpa);
}

/**
 * axas_hal_pa() - the host-physical address of a frame's memory
 * @hal: whose frame it is
 * @va: a kernel address in the frame, as axas_hal_va() gave it
 *
 * Context: Any.
 * Return: the host-physical address of the same byte.
 */
static inline struct axas_hpa axas_hal_pa(const struct axas_hal *hal, const void *va)
{
	return likely(!hal->virt_to_phys) ? axas_hpa(__pa(va)) : hal->virt_to_phys(hal, va);
}

#endif /* _AXAS_HAL_H */
