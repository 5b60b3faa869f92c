/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The dirty log of the window WIN: start, stop, get and clear, and what is expected of it.
 */
#ifndef _AXAS_KUNIT_LOG_WINDOW_H
#define _AXAS_KUNIT_LOG_WINDOW_H

#include <linux/bitmap.h>

#include "space_fixture.h"

#define WIN_PAGES	((unsigned int)(WIN_SIZE / SZ_4K))

static unsigned long bits[BITS_TO_LONGS(WIN_SIZE / SZ_4K)];

static inline int start(struct space_fixture *f, u64 gpa, u64 size)
{
	u64 epoch;
	int err = axas_space_start_log(f->space, gpa_range(gpa, size), &epoch);

	monitor_expect_flushed(f->monitor);
	return err;
}

static inline int stop(struct space_fixture *f, u64 gpa, u64 size)
{
	u64 epoch;
	int err = axas_space_stop_log(f->space, gpa_range(gpa, size), &epoch);

	monitor_expect_flushed(f->monitor);
	return err;
}

/* Get the log of the window. */
static inline int get(struct space_fixture *f)
{
	u64 epoch;

	return axas_space_get_log(f->space, gpa_range(WIN, WIN_SIZE), bits, &epoch);
}

static inline int clear_bits(struct space_fixture *f, const unsigned long *bitmap)
{
	u64 epoch = 0;
	int err = axas_space_clear_log(f->space, gpa_range(WIN, WIN_SIZE), bitmap, &epoch);

	monitor_expect_flushed(f->monitor);
	return err;
}

/* Clear all that was got. */
static inline void clear_got(struct space_fixture *f)
{
	KUNIT_EXPECT_EQ(f->test, get(f), 0);
	KUNIT_EXPECT_EQ(f->test, clear_bits(f, bits), 0);
}

static inline bool is_set(u64 gpa)
{
	return test_bit((gpa - WIN) / SZ_4K, bits);
}

/* Expect that the pages of [gpa, gpa + size), and no others, were written. */
static inline void expect_written(struct space_fixture *f, u64 gpa, u64 size)
{
	u64 at;

	KUNIT_ASSERT_EQ(f->test, get(f), 0);
	for (at = WIN; at < WIN + WIN_SIZE; at += SZ_4K)
		KUNIT_EXPECT_EQ_MSG(f->test, is_set(at), at >= gpa && at - gpa < size,
				    "page 0x%llx", at);
}

static inline void expect_clean(struct space_fixture *f)
{
	expect_written(f, WIN, 0);
}

static inline void write_byte(struct space_fixture *f, u64 gpa)
{
	u8 byte = 1 + gpa / SZ_4K % 255;

	KUNIT_EXPECT_EQ(f->test, write_at(f, gpa, &byte, 1), 0);
}

#endif /* _AXAS_KUNIT_LOG_WINDOW_H */
