/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A space that becomes a clone, its image, and the window of the log in both.
 */
#ifndef _AXAS_KUNIT_IMAGE_WINDOW_H
#define _AXAS_KUNIT_IMAGE_WINDOW_H

#include <axas/image.h>

#include "log_window.h"

static inline u8 image_byte(struct kunit *test, struct axas_image *image, u64 gpa)
{
	u8 byte = 0xff;

	KUNIT_EXPECT_EQ(test, axas_image_read(image, axas_gpa(gpa), &byte, 1), 0);
	return byte;
}

static inline struct axas_image *freeze_it(struct space_fixture *f)
{
	struct axas_image *image = axas_space_freeze(f->space);

	monitor_expect_flushed(f->monitor);
	KUNIT_ASSERT_FALSE(f->test, IS_ERR(image));
	return image;
}

/* Nothing is left of the space, nor of its image. */
static inline void finish(struct space_fixture *f, struct axas_image *image)
{
	axas_image_put(image);
	axas_space_clear(f->space);
	monitor_expect_flushed(f->monitor);
	space_expect_empty(f);
}

#endif /* _AXAS_KUNIT_IMAGE_WINDOW_H */
