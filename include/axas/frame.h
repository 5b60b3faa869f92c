/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frame handles: a struct axas_frame owns one frame of a HAL until it is freed
 * or its ownership is taken. Declared with __free(axas_frame) it is freed when
 * it leaves its scope. Calls the HAL alone.
 */
#ifndef _AXAS_FRAME_H
#define _AXAS_FRAME_H

#include <linux/cleanup.h>
#include <axas/hal.h>

/**
 * struct axas_frame - an owned frame of 4 KiB << order
 * @hal: whose it is; NULL in a handle that owns nothing
 * @hpa: where it begins
 * @order: log2 of its 4 KiB pages
 * @flags: the AXAS_FRAME_* that it was asked for with
 */
struct axas_frame {
	const struct axas_hal *hal;
	struct axas_hpa hpa;
	u32 order;
	u32 flags;
};

/**
 * axas_frame_uninit() - a handle that owns nothing
 *
 * Context: Any.
 * Return: the handle; every access to it is an error, freeing it does nothing.
 */
static inline struct axas_frame axas_frame_uninit(void)
{
	return (struct axas_frame){};
}

/**
 * axas_frame_alloc_order() - take a frame of any order
 * @frame: the handle to fill; owns nothing before and after a failure
 * @hal: where to take it from
 * @order: log2 of its 4 KiB pages
 * @flags: AXAS_FRAME_*
 *
 * Context: May sleep.
 * Return: 0, or -ENOMEM, also when the HAL gave the frame at address 0.
 */
int axas_frame_alloc_order(struct axas_frame *frame, const struct axas_hal *hal,
			   unsigned int order, u32 flags);

/**
 * axas_frame_alloc() - take a 4 KiB frame, its content whatever it was
 * @frame: the handle to fill; owns nothing before and after a failure
 * @hal: where to take it from
 *
 * Context: May sleep.
 * Return: 0, or -ENOMEM.
 */
static inline int axas_frame_alloc(struct axas_frame *frame, const struct axas_hal *hal)
{
	return axas_frame_alloc_order(frame, hal, 0, 0);
}

/**
 * axas_frame_alloc_zero() - take a 4 KiB frame of zeroes
 * @frame: the handle to fill; owns nothing before and after a failure
 * @hal: where to take it from
 *
 * Context: May sleep.
 * Return: 0, or -ENOMEM.
 */
static inline int axas_frame_alloc_zero(struct axas_frame *frame,
					const struct axas_hal *hal)
{
	return axas_frame_alloc_order(frame, hal, 0, AXAS_FRAME_ZERO);
}

/**
 * axas_frame_start() - where a frame begins
 * @frame: the handle
 * @hpa: its host-physical address
 *
 * Context: Any.
 * Return: 0, or -ENXIO when the handle owns nothing.
 */
int axas_frame_start(const struct axas_frame *frame, struct axas_hpa *hpa);

/**
 * axas_frame_ptr() - a frame's memory
 * @frame: the handle
 *
 * Context: Any.
 * Return: its first byte, or NULL when the handle owns nothing.
 */
void *axas_frame_ptr(const struct axas_frame *frame);

/**
 * axas_frame_fill() - set every byte of a frame
 * @frame: the handle
 * @byte: the value
 *
 * Context: Any.
 * Return: 0, or -ENXIO when the handle owns nothing.
 */
int axas_frame_fill(struct axas_frame *frame, u8 byte);

/**
 * axas_frame_take() - take the ownership out of a handle
 * @frame: the handle; owns nothing afterwards, so that leaving its scope frees
 *	nothing
 *
 * Context: Any.
 * Return: where the frame begins; address 0 when the handle owned nothing.
 */
struct axas_hpa axas_frame_take(struct axas_frame *frame);

/**
 * axas_frame_free() - give a frame back
 * @frame: the handle; owns nothing afterwards
 *
 * Context: May sleep.
 */
void axas_frame_free(struct axas_frame *frame);

/* One frame; false when it did not come, or was at address 0 and went back. */
static inline bool axas_frame_alloc_hpa(const struct axas_hal *hal, unsigned int order,
					u32 flags, struct axas_hpa *hpa)
{
	if (unlikely(hal->alloc_frame(hal, order, flags, hpa)))
		return false;
	/* Address 0 is how a table or a leaf that is not there looks: refuse it. */
	if (likely(hpa->val))
		return true;
	hal->free_frame(hal, *hpa, order, flags);
	return false;
}

/* What the two below do for a HAL that takes and gives frames one by one. */
unsigned int axas_frames_alloc_each(const struct axas_hal *hal, unsigned int order, u32 flags,
				    struct axas_hpa *hpas, unsigned int n);
void axas_frames_free_each(const struct axas_hal *hal, unsigned int order,
			   const struct axas_hpa *hpas, unsigned int n);

/**
 * axas_frames_alloc() - take several frames, without handles
 * @hal: where to take them from
 * @order: log2 of the 4 KiB pages of each
 * @flags: AXAS_FRAME_*
 * @hpas: where they begin
 * @n: how many
 *
 * Context: May sleep.
 * Return: how many came before one did not, or was at address 0.
 */
static inline unsigned int axas_frames_alloc(const struct axas_hal *hal, unsigned int order,
					     u32 flags, struct axas_hpa *hpas, unsigned int n)
{
	if (n == 1)
		return axas_frame_alloc_hpa(hal, order, flags, hpas);
	if (hal->alloc_frames)
		return hal->alloc_frames(hal, order, flags, hpas, n);
	return axas_frames_alloc_each(hal, order, flags, hpas, n);
}

/**
 * axas_frames_free() - give back guest frames that have no handles
 * @hal: whose they are
 * @order: log2 of the 4 KiB pages of each
 * @hpas: where they begin
 * @n: how many
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
