// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frame handles, and frames without handles, over a HAL. Calls the HAL alone; no locks.
 */
#include <linux/errno.h>
#include <linux/string.h>
#include <axas/frame.h>

#include "axas_compat.h"

int axas_frame_alloc_order(struct axas_frame *frame, const struct axas_hal *hal,
			   unsigned int order, u32 flags)
{
	struct axas_hpa hpa;

	*frame = axas_frame_uninit();
	if (!axas_frame_alloc_hpa(hal, order, flags, &hpa))
		return -ENOMEM;
	*frame = (struct axas_frame){ hal, hpa, order, flags };
	return 0;
}
EXPORT_SYMBOL_AXAS(axas_frame_alloc_order);

int axas_frame_start(const struct axas_frame *frame, struct axas_hpa *hpa)
{
	if (!frame->hal)
		return -ENXIO;
	*hpa = frame->hpa;
	return 0;
}
EXPORT_SYMBOL_AXAS(axas_frame_start);

void *axas_frame_ptr(const struct axas_frame *frame)
{
	return frame->hal ? axas_hal_va(frame->hal, frame->hpa) : NULL;
}
EXPORT_SYMBOL_AXAS(axas_frame_ptr);

int axas_frame_fill(struct axas_frame *frame, u8 byte)
{
	if (!frame->hal)
		return -ENXIO;
	memset(axas_hal_va(frame->hal, frame->hpa), byte, AXAS_FRAME_SIZE << frame->order);
	return 0;
}
EXPORT_SYMBOL_AXAS(axas_frame_fill);

struct axas_hpa axas_frame_take(struct axas_frame *frame)
{
	struct axas_hpa hpa = frame->hpa;

	*frame = axas_frame_uninit();
	return hpa;
}
EXPORT_SYMBOL_AXAS(axas_frame_take);

void axas_frame_free(struct axas_frame *frame)
{
	const struct axas_hal *hal = frame->hal;
	struct axas_frame old = *frame;

	*frame = axas_frame_uninit();
	if (hal)
		hal->free_frame(hal, old.hpa, old.order, old.flags);
}
EXPORT_SYMBOL_AXAS(axas_frame_free);

unsigned int axas_frames_alloc_each(const struct axas_hal *hal, unsigned int order, u32 flags,
				    struct axas_hpa *hpas, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (!axas_frame_alloc_hpa(hal, order, flags, &hpas[i]))
			break;
	return i;
}
EXPORT_SYMBOL_AXAS(axas_frames_alloc_each);

void axas_frames_free_each(const struct axas_hal *hal, unsigned int order,
			   const struct axas_hpa *hpas, unsigned int n)
{
	while (n--)
		hal->free_frame(hal, *hpas++, order, 0);
}
EXPORT_SYMBOL_AXAS(axas_frames_free_each);
