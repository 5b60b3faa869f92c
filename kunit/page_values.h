/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest pages by number, each with a value in its first bytes: for tests of images and resets. The
 * pages lie on both sides of a border of 1 GiB, not aligned to 2 MiB.
 */
#ifndef _AXAS_KUNIT_PAGE_VALUES_H
#define _AXAS_KUNIT_PAGE_VALUES_H

#include "space_fixture.h"

#define BASE	(BORDER - 40 * (u64)SZ_4K)

static inline u64 gpa_of(unsigned int page)
{
	return BASE + page * (u64)SZ_4K;
}

static inline void put_value(struct kunit *test, unsigned int page, u64 value)
{
	struct space_fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, axas_write_obj(f->space, axas_gpa(gpa_of(page)), AXAS_WIDTH_64,
					     value), 0);
}

static inline u64 get_value(struct kunit *test, unsigned int page)
{
	struct space_fixture *f = test->priv;
	u64 value = ~0ull;

	KUNIT_EXPECT_EQ(test, axas_read_obj(f->space, axas_gpa(gpa_of(page)), AXAS_WIDTH_64,
					    &value), 0);
	return value;
}

#endif /* _AXAS_KUNIT_PAGE_VALUES_H */
