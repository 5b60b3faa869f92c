/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The dirty log of the window WIN: start, stop, get and clear, and what is expected of it.
 */
#ifndef _AXAS_KUNIT_LOG_WINDOW_H
#define _AXAS_KUNIT_LOG_WINDOW_H

#include <linux/bitmap.h>
#include <linux/prandom.h>

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

/* What write_byte() writes, which differs from page to page. */
static inline u8 usual_byte(u64 gpa)
{
	return 1 + gpa / SZ_4K % 255;
}

static inline void write_byte(struct space_fixture *f, u64 gpa)
{
	u8 byte = usual_byte(gpa);

	KUNIT_EXPECT_EQ(f->test, write_at(f, gpa, &byte, 1), 0);
}

static inline u8 byte_at(struct space_fixture *f, u64 gpa)
{
	u8 byte = 0xff;

	KUNIT_EXPECT_EQ(f->test, read_at(f, gpa, &byte, 1), 0);
	return byte;
}

static inline u64 gpa_of_page(unsigned int page)
{
	return WIN + (u64)page * SZ_4K;
}

/* A random range of the window, often of whole regions. */
static inline void pick(struct rnd_state *rnd, unsigned int *first, unsigned int *n)
{
	if (!(prandom_u32_state(rnd) % 8)) {
		*first = prandom_u32_state(rnd) % 2 * 512;
		*n = 512;
		return;
	}
	*first = prandom_u32_state(rnd) % WIN_PAGES;
	*n = 1 + prandom_u32_state(rnd) % (prandom_u32_state(rnd) % 4 ? 8 : WIN_PAGES);
	*n = min(*n, WIN_PAGES - *first);
}

#endif /* _AXAS_KUNIT_LOG_WINDOW_H */
