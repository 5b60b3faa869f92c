/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frame handles: a struct axas_frame owns one frame of a HAL until the frame is freed or its
 * ownership is taken. A handle declared with __free(axas_frame) is freed at the end of its
 * scope. Calls only the HAL.
 */
#ifndef _AXAS_FRAME_H
#define _AXAS_FRAME_H

#include <linux/cleanup.h>
#include <axas/hal.h>

/**
 * struct axas_frame - an owned frame of 4 KiB << order
 * @hal: the HAL it came from; NULL if the handle is empty
 * @hpa: host-physical address
 * @order: log2 of its 4 KiB pages
 * @flags: the AXAS_FRAME_* of its allocation
 */
struct axas_frame {
	const struct axas_hal *hal;
	struct axas_hpa hpa;
	u32 order;
	u32 flags;
};

/**
 * axas_frame_uninit() - an empty handle
 *
 * Context: Any.
 * Return: the handle; accesses fail, freeing it does nothing.
 */
static inline struct axas_frame axas_frame_uninit(void)
{
	return (struct axas_frame){};
}

/**
 * axas_frame_alloc_order() - allocate a frame of any order
 * @frame: the handle to fill; empty before, and after a failure
 * @hal: the HAL to allocate from
 * @order: log2 of its 4 KiB pages
 * @flags: AXAS_FRAME_*
 *
 * Context: May sleep.
 * Return: 0, or -ENOMEM, also if the HAL returned the frame at address 0.
 */
int __must_check axas_frame_alloc_order(struct axas_frame *frame, const struct axas_hal *hal,
					unsigned int order, u32 flags);

/**
 * axas_frame_alloc() - allocate a 4 KiB frame with undefined content
 * @frame: the handle to fill; empty before, and after a failure
 * @hal: the HAL to allocate from
 *
 * Context: May sleep.
 * Return: 0, or -ENOMEM.
 */
static inline int __must_check axas_frame_alloc(struct axas_frame *frame,
						const struct axas_hal *hal)
{
	return axas_frame_alloc_order(frame, hal, 0, 0);
}

/**
 * axas_frame_alloc_zero() - allocate a zeroed 4 KiB frame
 * @frame: the handle to fill; empty before, and after a failure
 * @hal: the HAL to allocate from
 *
 * Context: May sleep.
 * Return: 0, or -ENOMEM.
 */
static inline int __must_check axas_frame_alloc_zero(struct axas_frame *frame,
						     const struct axas_hal *hal)
{
	return axas_frame_alloc_order(frame, hal, 0, AXAS_FRAME_ZERO);
}

/**
 * axas_frame_start() - the address of a frame
 * @frame: the handle
 * @hpa: its host-physical address
 *
 * Context: Any.
 * Return: 0, or -ENXIO if the handle is empty.
 */
int __must_check axas_frame_start(const struct axas_frame *frame, struct axas_hpa *hpa);

/**
 * axas_frame_ptr() - the memory of a frame
 * @frame: the handle
 *
 * Context: Any.
 * Return: its first byte, or NULL if the handle is empty.
 */
void *axas_frame_ptr(const struct axas_frame *frame);

/**
 * axas_frame_fill() - set every byte of a frame
 * @frame: the handle
 * @byte: the value
 *
 * Context: Any.
 * Return: 0, or -ENXIO if the handle is empty.
 */
int axas_frame_fill(struct axas_frame *frame, u8 byte);

/**
 * axas_frame_take() - transfer ownership of the frame to the caller
 * @frame: the handle; empty afterwards, so that the end of its scope frees nothing
 *
 * Context: Any.
 * Return: the address of the frame; 0 if the handle was empty.
 */
struct axas_hpa __must_check axas_frame_take(struct axas_frame *frame);

/**
 * axas_frame_free() - free a frame
 * @frame: the handle; empty afterwards
 *
 * Context: May sleep.
 */
void axas_frame_free(struct axas_frame *frame);

/* Allocate one frame. False on failure, or if it was at address 0 and was freed again. */
static inline bool __must_check axas_frame_alloc_hpa(const struct axas_hal *hal, unsigned int order,
						     u32 flags, struct axas_hpa *hpa)
{
	if (unlikely(hal->alloc_frame(hal, order, flags, hpa)))
		return false;
	/* Address 0 stands for "no table" and "no leaf": refuse it. */
	if (likely(hpa->val))
		return true;
	hal->free_frame(hal, *hpa, order, flags);
	return false;
}

/* Fallback of the two functions below for a HAL without @alloc_frames and @free_frames. */
unsigned int __must_check axas_frames_alloc_each(const struct axas_hal *hal, unsigned int order,
						 u32 flags, struct axas_hpa *hpas, unsigned int n);
void axas_frames_free_each(const struct axas_hal *hal, unsigned int order,
			   const struct axas_hpa *hpas, unsigned int n);

/**
 * axas_frames_alloc() - allocate several frames, without handles
 * @hal: the HAL to allocate from
 * @order: log2 of the 4 KiB pages of each
 * @flags: AXAS_FRAME_*
 * @hpas: set to their addresses
 * @n: number of frames
 *
 * Context: May sleep.
 * Return: frames allocated before the first failure, or the first frame at address 0.
 */
static inline unsigned int __must_check axas_frames_alloc(const struct axas_hal *hal,
							  unsigned int order, u32 flags,
							  struct axas_hpa *hpas, unsigned int n)
{
	if (n == 1)
		return axas_frame_alloc_hpa(hal, order, flags, hpas);
	if (hal->alloc_frames)
		return hal->alloc_frames(hal, order, flags, hpas, n);
	return axas_frames_alloc_each(hal, order, flags, hpas, n);
}

/**
 * axas_frames_free() - free guest frames that have no handles
 * @hal: the HAL they came from
 * @order: log2 of the 4 KiB pages of each
 * @hpas: their addresses
 * @n: number of frames
 *
 * Context: May sleep.
 */
static inline void axas_frames_free(const struct axas_hal *hal, unsigned int order,
				    const struct axas_hpa *hpas, unsigned int n)
{
	if (likely(hal->free_frames))
		hal->free_frames(hal, order, hpas, n);
	else
		axas_frames_free_each(hal, order, hpas, n);
}

DEFINE_FREE(axas_frame, struct axas_frame, axas_frame_free(&_T))

#endif /* _AXAS_FRAME_H */
