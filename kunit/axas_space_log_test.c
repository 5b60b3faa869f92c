// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log (axas_space_log.c, axas_npt_aside.c): what counts as a write, regions that are put
 * aside and taken back, and the log beside all that changes areas and leaves.
 */
#include <linux/bvec.h>

#include "axas_npt_aside.h"
#include "log_window.h"

static void expect_byte(struct space_fixture *f, u64 gpa)
{
	KUNIT_EXPECT_EQ_MSG(f->test, byte_at(f, gpa), usual_byte(gpa), "page 0x%llx", gpa);
}

/* What hardware permits, whatever the area says. */
static void expect_prot(struct space_fixture *f, u64 gpa, u32 prot)
{
	struct axas_leaf leaf = {};

	KUNIT_EXPECT_TRUE(f->test, axas_npt_lookup(&f->space->npt, gpa, &leaf));
	/* Not every format has memory that cannot be read or executed. */
	KUNIT_EXPECT_EQ(f->test, leaf.prot & prot, prot);
	KUNIT_EXPECT_EQ(f->test, leaf.prot & TEST_W & ~prot, 0);
}

/* A logged window, populated with 4 KiB. */
static void small_window(struct space_fixture *f)
{
	KUNIT_ASSERT_EQ(f->test, space_map_small(f, WIN, WIN_SIZE, TEST_RW), 0);
	KUNIT_ASSERT_EQ(f->test, start(f, WIN, WIN_SIZE), 0);
}

static void first_write_is_logged(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 hpa;

	small_window(f);
	expect_clean(f);
	hpa = space_hpa(f, WIN + SZ_4K);
	KUNIT_EXPECT_NE(test, hpa, AXAS_HPA_NONE);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_8K, TEST_R), AXAS_FAULT_SPURIOUS);
	expect_clean(f);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_4K, TEST_W), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_4K, TEST_W), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, space_hpa(f, WIN + SZ_4K), hpa);
	expect_written(f, WIN + SZ_4K, SZ_4K);
	clear_got(f);
	expect_clean(f);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_4K, TEST_W), AXAS_FAULT_FIXED);
	expect_written(f, WIN + SZ_4K, SZ_4K);
}

/*
 * The first write to memory that can be executed too, on a HAL with a fence: no right to execute is
 * added, so none is due, and no fault waits for the one that would run it.
 */
static void first_write_to_code_is_logged(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, f->mock->hal.fence);
	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, WIN_SIZE, TEST_RWX), 0);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_RX), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_RW), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_RW), AXAS_FAULT_SPURIOUS);
	expect_written(f, WIN, SZ_4K);
	expect_prot(f, WIN, TEST_RWX);
}

static void host_writes_are_logged(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u8 buf[64] = {};

	small_window(f);
	KUNIT_EXPECT_EQ(test, read_at(f, WIN, buf, sizeof(buf)), 0);
	expect_clean(f);
	KUNIT_EXPECT_EQ(test, write_at(f, BORDER - 32, buf, sizeof(buf)), 0);
	expect_written(f, BORDER - SZ_4K, SZ_8K);
	KUNIT_EXPECT_EQ(test, axas_write_obj(f->space, axas_gpa(BORDER + SZ_4K), AXAS_WIDTH_64, 5),
			0);
	expect_written(f, BORDER - SZ_4K, SZ_8K + SZ_4K);
}

static void only_what_was_got_is_cleared(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	small_window(f);
	write_byte(f, WIN);
	KUNIT_EXPECT_EQ(test, get(f), 0);
	write_byte(f, WIN + SZ_4K);
	KUNIT_EXPECT_EQ(test, clear_bits(f, bits), 0);
	expect_written(f, WIN + SZ_4K, SZ_4K);
}

static void stop_permits_all_writes(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	small_window(f);
	write_byte(f, WIN);
	clear_got(f);
	KUNIT_EXPECT_EQ(test, stop(f, WIN, WIN_SIZE), 0);
	KUNIT_EXPECT_EQ(test, get(f), -ENOENT);
	KUNIT_EXPECT_EQ(test, clear_bits(f, bits), -ENOENT);
	KUNIT_EXPECT_EQ(test, stop(f, WIN, WIN_SIZE), -ENOENT);
	expect_prot(f, WIN, TEST_RW);
	expect_prot(f, BORDER, TEST_RW);
	KUNIT_EXPECT_NULL(test, f->space->npt.aside);
	space_expect_balanced(f);
}

/* What the log has left in leaves goes with it: they can be one leaf again. */
static void nothing_is_left_of_a_log(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 collapsed;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, WIN_SIZE, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	write_byte(f, WIN + SZ_4K);
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN, WIN_SIZE, TEST_R), 0);
	/* All leaves are read-only, and one is WRITTEN. */
	KUNIT_EXPECT_EQ(test, axas_space_collapse(f->space, gpa_range(WIN, WIN_SIZE), &collapsed),
			0);
	KUNIT_EXPECT_EQ(test, collapsed, 0);
	expect_written(f, WIN + SZ_4K, SZ_4K);
	KUNIT_EXPECT_EQ(test, stop(f, WIN, WIN_SIZE), 0);
	KUNIT_EXPECT_EQ(test, axas_space_collapse(f->space, gpa_range(WIN, WIN_SIZE), &collapsed),
			0);
	KUNIT_EXPECT_EQ(test, collapsed, 1);
	monitor_expect_flushed(f->monitor);
}

/* An area that was never logged, in a region that was put aside, is as before. */
static void others_are_not_logged(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, WIN_SIZE, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, start(f, BORDER + SZ_64K, SZ_64K), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_W), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, space_fault(f, BORDER, TEST_W), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, space_fault(f, BORDER + SZ_64K, TEST_W), AXAS_FAULT_FIXED);
	expect_written(f, BORDER + SZ_64K, SZ_4K);
	KUNIT_EXPECT_EQ(test, start(f, WIN, SZ_2M), 0);
	/* Beside the log of another range, in a region of its own. */
	KUNIT_EXPECT_EQ(test, stop(f, BORDER + SZ_64K, SZ_64K), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, BORDER + SZ_128K, TEST_W), AXAS_FAULT_SPURIOUS);
	write_byte(f, BORDER - 1);
	expect_written(f, BORDER - SZ_4K, SZ_4K);
}

/* Put aside as a whole, with two areas in one region of which one is logged. */
static void two_areas_in_a_region(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_1M, TEST_RWX), 0);
	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN + SZ_1M, SZ_1M, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, start(f, WIN, SZ_2M), 0);
	KUNIT_ASSERT_EQ(test, stop(f, WIN, SZ_1M), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_W), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_1M, TEST_W), AXAS_FAULT_FIXED);
	expect_written(f, WIN + SZ_1M, SZ_4K);
}

/* A log, of which a part was stopped, ends with the unmap of the rest: nothing of it is left. */
static void unmap_of_the_last_area_ends_the_log(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	small_window(f);
	/* Taken back, and so without the right to write; then put aside again. */
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_SPURIOUS);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	KUNIT_ASSERT_EQ(test, stop(f, WIN, SZ_2M), 0);
	KUNIT_EXPECT_NOT_NULL(test, f->space->npt.aside);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN + SZ_2M, WIN_SIZE - SZ_2M), 0);
	monitor_expect_flushed(f->monitor);
	KUNIT_EXPECT_NULL(test, f->space->npt.aside);
	expect_prot(f, WIN, TEST_RW);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_2M), 0);
	space_expect_empty(f);
}

/* Nor of one that is stopped in parts. */
static void stop_of_the_last_part_ends_the_log(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	small_window(f);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_SPURIOUS);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	KUNIT_ASSERT_EQ(test, stop(f, WIN, SZ_2M), 0);
	KUNIT_ASSERT_EQ(test, stop(f, WIN + SZ_2M, WIN_SIZE - SZ_2M), 0);
	KUNIT_EXPECT_NULL(test, f->space->npt.aside);
	expect_prot(f, WIN, TEST_RW);
	expect_prot(f, BORDER, TEST_RW);
}

static void start_again_forgets(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 epoch, later;

	small_window(f);
	KUNIT_EXPECT_EQ(test, axas_space_get_log(f->space, gpa_range(WIN, WIN_SIZE), bits, &epoch),
			0);
	write_byte(f, WIN);
	write_byte(f, BORDER + SZ_1M);
	KUNIT_EXPECT_EQ(test, start(f, WIN + SZ_4K, WIN_SIZE - SZ_8K), 0);
	expect_written(f, WIN, SZ_4K);
	KUNIT_EXPECT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	expect_clean(f);
	later = epoch;
	KUNIT_EXPECT_EQ(test, axas_space_clear_log(f->space, gpa_range(WIN, WIN_SIZE), bits,
						   &later), -ESTALE);
	write_byte(f, BORDER);
	expect_written(f, BORDER, SZ_4K);
}

static void read_only_large_leaves_stay(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	unsigned int level;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, WIN_SIZE, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	KUNIT_EXPECT_EQ(test, axas_space_fault(f->space, axas_gpa(WIN), TEST_R, &level),
			AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, level, 1);
	expect_clean(f);
	KUNIT_EXPECT_EQ(test, axas_space_fault(f->space, axas_gpa(WIN + SZ_8K), TEST_W, &level),
			AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, level, 0);
	expect_written(f, WIN + SZ_8K, SZ_4K);
	monitor_expect_flushed(f->monitor);
}

/* 1 GiB leaves, where the format has them, are split as far as the write needs. */
static void linear_memory_is_logged(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_linear(f, 0, SZ_1G, LINEAR, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, SZ_1G, SZ_2M, LINEAR + SZ_1G, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, start(f, 0, SZ_2G), 0);
	KUNIT_EXPECT_EQ(test, space_hpa(f, WIN + SZ_4K), LINEAR + WIN + SZ_4K);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_4K, TEST_W), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, space_hpa(f, WIN + SZ_4K), LINEAR + WIN + SZ_4K);
	expect_written(f, WIN + SZ_4K, SZ_4K);
	KUNIT_EXPECT_EQ(test, stop(f, 0, SZ_2G), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_W), AXAS_FAULT_SPURIOUS);
}

/* Another area in a region that was put aside: its leaves need the region's table. */
static void map_beside_what_is_aside(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_1M, TEST_RW), 0);
	write_byte(f, WIN + SZ_4K);
	KUNIT_ASSERT_EQ(test, start(f, WIN, SZ_2M), 0);
	KUNIT_EXPECT_EQ(test, space_map_linear(f, WIN + SZ_1M, SZ_64K, LINEAR, TEST_RW), 0);
	expect_byte(f, WIN + SZ_4K);
	KUNIT_EXPECT_EQ(test, space_map_populated(f, WIN + SZ_1M + SZ_64K, SZ_64K, TEST_RW), 0);
	write_byte(f, WIN);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_1M, TEST_W), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_1M + SZ_64K, TEST_W), AXAS_FAULT_SPURIOUS);
	expect_written(f, WIN, SZ_4K);
}

static void untouched_pages(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 done;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, WIN_SIZE, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(WIN + SZ_1M, SZ_64K), &done),
			0);
	expect_clean(f);
	KUNIT_EXPECT_EQ(test, space_fault(f, BORDER, TEST_W), AXAS_FAULT_FIXED);
	expect_written(f, BORDER, SZ_4K);
	write_byte(f, WIN + SZ_1M);
	KUNIT_EXPECT_TRUE(test, !get(f) && is_set(WIN + SZ_1M) && !is_set(WIN));
}

/* With 2 MiB on a fault, one page is reported, not 512. */
static void huge_fault_logs_a_page(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(f->space, gpa_range(WIN, WIN_SIZE), TEST_RW,
						   TEST_NORMAL, AXAS_MAP_HUGE_ALWAYS), 0);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, BORDER + SZ_4K, TEST_W), AXAS_FAULT_FIXED);
	expect_written(f, BORDER + SZ_4K, SZ_4K);
}

static void discard_is_a_write(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_gpa_range range = gpa_range(WIN + SZ_64K, SZ_64K), part = range;
	u64 done;

	small_window(f);
	KUNIT_EXPECT_EQ(test, axas_space_discard(f->space, &range, 1, &done), 0);
	expect_written(f, WIN + SZ_64K, SZ_64K);
	/* Reading brings a page of zeroes, which is still to be reported. */
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_64K, TEST_R), AXAS_FAULT_FIXED);
	expect_written(f, WIN + SZ_64K, SZ_64K);
	clear_got(f);
	expect_clean(f);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_64K + SZ_4K, TEST_R), AXAS_FAULT_FIXED);
	expect_clean(f);
	/* A whole region, as one entry. */
	range = gpa_range(BORDER, SZ_2M);
	KUNIT_EXPECT_EQ(test, axas_space_discard(f->space, &range, 1, &done), 0);
	expect_written(f, BORDER, SZ_2M);
	write_byte(f, BORDER + SZ_4K);
	expect_written(f, BORDER, SZ_2M);
	clear_got(f);
	expect_clean(f);
	/* Started again, nothing was written, nor discarded. */
	KUNIT_EXPECT_EQ(test, axas_space_discard(f->space, &range, 1, &done), 0);
	KUNIT_EXPECT_EQ(test, axas_space_discard(f->space, &part, 1, &done), 0);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	write_byte(f, WIN);
	expect_written(f, WIN, SZ_4K);
	clear_got(f);
	/* A fault that would take 2 MiB forgets no discarded page. */
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, range, &done), 0);
	KUNIT_EXPECT_EQ(test, axas_space_discard(f->space, &range, 1, &done), 0);
	KUNIT_EXPECT_EQ(test, axas_space_set_policy(f->space, range, AXAS_MAP_HUGE_ALWAYS), 0);
	write_byte(f, BORDER + SZ_4K);
	expect_written(f, BORDER, SZ_2M);
}

static void protect_keeps_the_log(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	small_window(f);
	write_byte(f, WIN);
	write_byte(f, BORDER);
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN, WIN_SIZE, TEST_R), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_W), AXAS_FAULT_DENIED);
	KUNIT_EXPECT_TRUE(test, !get(f) && is_set(WIN) && is_set(BORDER) && !is_set(WIN + SZ_4K));
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN, WIN_SIZE, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_W), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_4K, TEST_W), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_TRUE(test, !get(f) && is_set(WIN) && is_set(WIN + SZ_4K));
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN, WIN_SIZE, TEST_R), 0);
	clear_got(f);
	expect_clean(f);
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN, WIN_SIZE, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_W), AXAS_FAULT_FIXED);
	expect_written(f, WIN, SZ_4K);
}

/* A right that is taken is taken from leaves that are put aside, too. */
static void protect_what_is_aside(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_leaf leaf = {};

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, WIN_SIZE, TEST_RWX), 0);
	write_byte(f, BORDER);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN, WIN_SIZE, TEST_RW), 0);
	expect_byte(f, BORDER);
	KUNIT_EXPECT_EQ(test, space_fault(f, BORDER, TEST_R), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_TRUE(test, axas_npt_lookup(&f->space->npt, BORDER, &leaf));
	KUNIT_EXPECT_EQ(test, leaf.prot, TEST_R);
	expect_clean(f);
}

/* Collapse makes no leaf that would say of 512 pages what is true of one. */
static void collapse_keeps_the_log(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 collapsed, at;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, WIN_SIZE, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	write_byte(f, WIN);
	KUNIT_EXPECT_EQ(test, axas_space_collapse(f->space, gpa_range(WIN, WIN_SIZE), &collapsed),
			0);
	KUNIT_EXPECT_EQ(test, collapsed, 0);
	expect_written(f, WIN, SZ_4K);
	clear_got(f);
	KUNIT_EXPECT_EQ(test, axas_space_collapse(f->space, gpa_range(WIN, WIN_SIZE), &collapsed),
			0);
	KUNIT_EXPECT_EQ(test, collapsed, 1);
	expect_clean(f);
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN, SZ_2M, TEST_R), 0);
	for (at = BORDER; at < BORDER + SZ_2M; at += SZ_4K)
		write_byte(f, at);
	KUNIT_EXPECT_EQ(test, axas_space_collapse(f->space, gpa_range(WIN, WIN_SIZE), &collapsed),
			0);
	KUNIT_EXPECT_EQ(test, get(f), 0);
	bitmap_zero(bits, WIN_PAGES / 2 + 128);
	KUNIT_EXPECT_EQ(test, clear_bits(f, bits), 0);
	expect_written(f, BORDER, 128 * SZ_4K);
	monitor_expect_flushed(f->monitor);
}

static void unmap_what_is_aside(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, WIN_SIZE, TEST_RW), 0);
	write_byte(f, BORDER - SZ_64K - 1);
	write_byte(f, BORDER + SZ_1M);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	KUNIT_EXPECT_EQ(test, space_unmap(f, BORDER - SZ_64K, SZ_1M), 0);
	space_expect_nothing(f, BORDER - SZ_64K, SZ_1M);
	space_expect_balanced(f);
	expect_byte(f, BORDER - SZ_64K - 1);
	expect_byte(f, BORDER + SZ_1M);
	write_byte(f, WIN);
	expect_written(f, WIN, SZ_4K);
	/* Mapped again, the range is not logged. */
	KUNIT_EXPECT_EQ(test, space_map_small(f, BORDER - SZ_64K, SZ_64K, TEST_RW), 0);
	write_byte(f, BORDER - 1);
	expect_written(f, WIN, SZ_4K);
	KUNIT_EXPECT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	axas_space_clear(f->space);
	monitor_expect_flushed(f->monitor);
	space_expect_balanced(f);
}

/* What is put aside is data, and is translated. */
/* Who holds a page for writing still may, after its area forbids it. */
static void held_pages_of_closed_areas(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct bio_vec bvec;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, WIN_SIZE, TEST_RW), 0);
	write_byte(f, WIN + SZ_4K);
	KUNIT_ASSERT_EQ(test, axas_space_bvec(f->space, gpa_range(WIN + SZ_4K, SZ_4K), TEST_RW,
					      &bvec, 1), 1);
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN, WIN_SIZE, TEST_R), 0);
	KUNIT_ASSERT_EQ(test, start(f, WIN, WIN_SIZE), 0);
	expect_written(f, WIN + SZ_4K, SZ_4K);
	clear_got(f);
	expect_written(f, WIN + SZ_4K, SZ_4K);
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN, WIN_SIZE, TEST_RW), 0);
	clear_got(f);
	expect_written(f, WIN + SZ_4K, SZ_4K);
	axas_space_bvec_put(&bvec, 1);
	clear_got(f);
	expect_clean(f);
}

/* Between two pieces of an unmap a fault in another area takes back a region that both share. */
static struct {
	void (*free)(const struct axas_hal *hal, struct axas_hpa hpa, unsigned int order,
		     u32 flags);
	struct space_fixture *f;
	u64 gpa;
	unsigned int calls;
} neighbour;

static void free_and_fault(const struct axas_hal *hal, struct axas_hpa hpa, unsigned int order,
			   u32 flags)
{
	neighbour.free(hal, hpa, order, flags);
	if (!neighbour.calls++)
		space_fault(neighbour.f, neighbour.gpa, TEST_R);
}

static void unmap_beside_a_fault(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 first = BORDER + 108 * SZ_4K, end = BORDER + 9 * SZ_1M, at;
	struct axas_translation to;
	unsigned int i, left = 0;

	for (i = 0; i < 10; i++) {
		at = i ? BORDER + i * SZ_1M : first;
		KUNIT_ASSERT_EQ(test, space_map_small(f, at, BORDER + (i + 1) * SZ_1M - at,
						      i & 1 ? TEST_RW : TEST_RWX), 0);
	}
	KUNIT_ASSERT_EQ(test, start(f, BORDER, SZ_16M), 0);
	neighbour = (typeof(neighbour)){ .free = f->mock->hal.free_frame, .f = f, .gpa = end };
	f->mock->hal.free_frame = free_and_fault;
	KUNIT_EXPECT_EQ(test, space_unmap(f, first, end - first), 0);
	f->mock->hal.free_frame = neighbour.free;
	KUNIT_EXPECT_GT(test, neighbour.calls, 0);
	for (at = first; at < end; at += SZ_4K)
		left += !axas_space_translate(f->space, axas_gpa(at), &to);
	KUNIT_EXPECT_EQ(test, left, 0);
	axas_space_clear(f->space);
	space_expect_empty(f);
}

static void aside_is_seen(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_translation to;
	u64 hpa, found;

	KUNIT_ASSERT_EQ(test, space_map_small(f, BORDER, SZ_64K, TEST_RW), 0);
	hpa = space_hpa(f, BORDER + SZ_4K);
	KUNIT_ASSERT_EQ(test, start(f, 0, SZ_4G), 0);
	KUNIT_EXPECT_EQ(test, axas_space_translate(f->space, axas_gpa(BORDER + SZ_4K), &to), 0);
	KUNIT_EXPECT_EQ(test, to.hpa.val, hpa);
	KUNIT_EXPECT_EQ(test, to.prot & TEST_RW, TEST_R);
	KUNIT_EXPECT_EQ(test, axas_space_translate(f->space, axas_gpa(BORDER + SZ_64K), &to),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, axas_space_seek(f->space, axas_gpa(0), true, &found), 0);
	KUNIT_EXPECT_EQ(test, found, BORDER);
}

static void arguments(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, start(f, WIN, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, start(f, WIN + 1, SZ_4K), -EINVAL);
	KUNIT_EXPECT_EQ(test, start(f, WIN, WIN_SIZE), -ENOENT);
	KUNIT_EXPECT_NULL(test, f->space->npt.aside);
	KUNIT_EXPECT_EQ(test, stop(f, WIN, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, get(f), -ENOENT);
}

/* Each allocation fails in turn: all or nothing. */
static void failing_start(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct space_snapshot before;
	unsigned int nth;
	int err = -ENOMEM;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, WIN_SIZE, TEST_RW), 0);
	space_take(f, &before);
	for (nth = 1; err && nth < 100; nth++) {
		mock_hal_fail_nth(f->mock, nth);
		err = start(f, WIN + SZ_64K, SZ_2M);
		mock_hal_fail_never(f->mock);
		if (err) {
			KUNIT_EXPECT_EQ(test, err, -ENOMEM);
			space_expect_same(f, &before, "start_log");
			KUNIT_EXPECT_NULL(test, f->space->npt.aside);
		}
	}
	KUNIT_EXPECT_GT(test, nth, 3);
	err = -ENOMEM;
	for (nth = 1; err && nth < 100; nth++) {
		mock_hal_fail_nth(f->mock, nth);
		err = space_protect(f, WIN, WIN_SIZE, TEST_R);
		mock_hal_fail_never(f->mock);
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, stop(f, WIN, WIN_SIZE), 0);
	space_expect_balanced(f);
}

/**
 * struct page_model - what the model knows of a page
 * @mapped: an area is there
 * @write: it permits writes
 * @logged: it is logged
 * @must: the log must report it
 * @may: the log may report it
 * @val: its first byte
 */
struct page_model {
	bool mapped;
	bool write;
	bool logged;
	bool must;
	bool may;
	u8 val;
};

static struct page_model model[WIN_SIZE / SZ_4K];

static void model_map(struct space_fixture *f, struct rnd_state *rnd, unsigned int first,
		      unsigned int n)
{
	u32 flags = prandom_u32_state(rnd) % 2 ? AXAS_MAP_POPULATE : AXAS_MAP_HUGE_ALWAYS;
	unsigned int i;

	if (axas_space_map_alloc(f->space, gpa_range(gpa_of_page(first), (u64)n * SZ_4K), TEST_RW,
				 TEST_NORMAL, flags))
		return;
	for (i = first; i < first + n; i++)
		model[i] = (struct page_model){ .mapped = true, .write = true };
}

static void model_discard(struct space_fixture *f, unsigned int first, unsigned int n)
{
	struct axas_gpa_range range = gpa_range(gpa_of_page(first), (u64)n * SZ_4K);
	unsigned int i;
	u64 done;

	for (i = first; i < first + n; i++) {
		model[i].may |= model[i].logged;
		if (space_hpa(f, gpa_of_page(i)) != AXAS_HPA_NONE)
			model[i].must |= model[i].logged;
		model[i].val = 0;
	}
	KUNIT_EXPECT_EQ(f->test, axas_space_discard(f->space, &range, 1, &done), 0);
}

static void model_touch(struct space_fixture *f, struct rnd_state *rnd, unsigned int page)
{
	bool write = prandom_u32_state(rnd) % 2;
	int result = space_fault(f, gpa_of_page(page) + prandom_u32_state(rnd) % SZ_4K,
				 write ? TEST_W : TEST_R);
	bool ok = result == AXAS_FAULT_FIXED || result == AXAS_FAULT_SPURIOUS;

	KUNIT_EXPECT_EQ(f->test, ok, model[page].mapped && (model[page].write || !write));
	if (ok && write)
		model[page].must |= model[page].logged;
}

/* Write a page by the accessors, or read it. */
static void model_access(struct space_fixture *f, struct rnd_state *rnd, unsigned int page)
{
	u8 val = prandom_u32_state(rnd);

	if (!model[page].mapped)
		return;
	if (prandom_u32_state(rnd) % 2) {
		KUNIT_EXPECT_EQ(f->test, read_at(f, gpa_of_page(page), &val, 1), 0);
		KUNIT_EXPECT_EQ_MSG(f->test, val, model[page].val, "page %u", page);
	} else if (model[page].write) {
		KUNIT_EXPECT_EQ(f->test, write_at(f, gpa_of_page(page), &val, 1), 0);
		model[page].val = val;
		model[page].must |= model[page].logged;
	}
}

static void model_log(struct space_fixture *f, struct rnd_state *rnd, unsigned int first,
		      unsigned int n)
{
	bool on = prandom_u32_state(rnd) % 4;
	unsigned int i;
	int err;

	err = (on ? start : stop)(f, gpa_of_page(first), (u64)n * SZ_4K);
	KUNIT_EXPECT_TRUE(f->test, !err || err == -ENOENT);
	for (i = first; !err && i < first + n; i++) {
		model[i].logged = on && model[i].mapped;
		model[i].must = false;
		model[i].may = false;
	}
}

static void model_get(struct space_fixture *f, struct rnd_state *rnd)
{
	unsigned int i, wrong = 0;

	if (get(f))
		bitmap_zero(bits, WIN_PAGES);
	for (i = 0; i < WIN_PAGES; i++)
		wrong += test_bit(i, bits) ? !model[i].must && !model[i].may : model[i].must;
	KUNIT_EXPECT_EQ(f->test, wrong, 0);
	for (i = 0; i < WIN_PAGES; i++) {
		if (!test_bit(i, bits))
			continue;
		if (prandom_u32_state(rnd) % 4)
			/* What is left of a region that was discarded as a whole stays. */
			model[i].must = false;
		else
			__clear_bit(i, bits);
	}
	/* Errors are those of get(). */
	if (clear_bits(f, bits))
		wrong = 0;
}

static void model_protect(struct space_fixture *f, struct rnd_state *rnd, unsigned int first,
			  unsigned int n)
{
	bool write = prandom_u32_state(rnd) % 2;
	unsigned int i;

	KUNIT_EXPECT_EQ(f->test, space_protect(f, gpa_of_page(first), (u64)n * SZ_4K,
					       write ? TEST_RW : TEST_R), 0);
	for (i = first; i < first + n; i++)
		model[i].write = write;
}

static void model_unmap(struct space_fixture *f, unsigned int first, unsigned int n)
{
	KUNIT_EXPECT_EQ(f->test, space_unmap(f, gpa_of_page(first), (u64)n * SZ_4K), 0);
	memset(&model[first], 0, n * sizeof(model[0]));
}

static void model_step(struct space_fixture *f, struct rnd_state *rnd)
{
	unsigned int first, n;
	u64 unused;

	pick(rnd, &first, &n);
	switch (prandom_u32_state(rnd) % 16) {
	case 0:
		model_map(f, rnd, first, n);
		break;
	case 1:
		model_unmap(f, first, n);
		break;
	case 2:
		model_protect(f, rnd, first, n);
		break;
	case 3:
		model_discard(f, first, n);
		break;
	case 4:
		KUNIT_EXPECT_EQ(f->test, axas_space_collapse(f->space, gpa_range(WIN, WIN_SIZE),
							     &unused), 0);
		break;
	case 5:
		if (axas_space_populate(f->space, gpa_range(gpa_of_page(first), (u64)n * SZ_4K),
					&unused))
			unused = 0;
		break;
	case 6:
	case 7:
		model_log(f, rnd, first, n);
		break;
	case 8:
	case 9:
		model_get(f, rnd);
		break;
	case 10:
	case 11:
		model_touch(f, rnd, first);
		break;
	default:
		model_access(f, rnd, first);
		break;
	}
	monitor_expect_flushed(f->monitor);
}

/* Nothing that was written is missed, and nothing is reported that nobody wrote. */
static void random_operations(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct rnd_state rnd;
	unsigned int i;

	prandom_seed_state(&rnd, 16);
	memset(model, 0, sizeof(model));
	for (i = 0; i < 1500; i++)
		model_step(f, &rnd);
	space_expect_balanced(f);
}

/*
 * Of each area, unmap removes leaves first, and then what is put aside: what it has removed is
 * flushed, wherever the piece ends.
 */
static void unmap_beside_a_log_flushes_all(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 gpa = 4 * (u64)SZ_1G, size, epoch;
	unsigned int pages;

	KUNIT_ASSERT_EQ(test, space_map_small(f, 0, SZ_64K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, axas_space_start_log(f->space, gpa_range(0, SZ_64K), &epoch), 0);
	f->mock->scattered = true;
	for (pages = 1; pages < 48; pages++) {
		size = pages * (u64)SZ_4K;
		KUNIT_ASSERT_EQ(test, space_map_small(f, gpa, size, TEST_RW), 0);
		KUNIT_ASSERT_EQ(test, space_map_small(f, gpa + size, SZ_32K, TEST_RX), 0);
		KUNIT_ASSERT_EQ(test, space_map_small(f, gpa + size + SZ_32K, SZ_32K, TEST_RW), 0);
		KUNIT_EXPECT_EQ(test, space_unmap(f, gpa, size + SZ_64K), 0);
	}
}

static struct kunit_case log_cases[] = {
	KUNIT_CASE_PARAM(unmap_beside_a_log_flushes_all, space_gen_params),
	KUNIT_CASE_PARAM(first_write_is_logged, space_gen_params),
	KUNIT_CASE_PARAM(first_write_to_code_is_logged, space_gen_params),
	KUNIT_CASE_PARAM(host_writes_are_logged, space_gen_params),
	KUNIT_CASE_PARAM(only_what_was_got_is_cleared, space_gen_params),
	KUNIT_CASE_PARAM(stop_permits_all_writes, space_gen_params),
	KUNIT_CASE_PARAM(nothing_is_left_of_a_log, space_gen_params),
	KUNIT_CASE_PARAM(others_are_not_logged, space_gen_params),
	KUNIT_CASE_PARAM(two_areas_in_a_region, space_gen_params),
	KUNIT_CASE_PARAM(unmap_of_the_last_area_ends_the_log, space_gen_params),
	KUNIT_CASE_PARAM(stop_of_the_last_part_ends_the_log, space_gen_params),
	KUNIT_CASE_PARAM(start_again_forgets, space_gen_params),
	KUNIT_CASE_PARAM(read_only_large_leaves_stay, space_gen_params),
	KUNIT_CASE_PARAM(linear_memory_is_logged, space_gen_params),
	KUNIT_CASE_PARAM(map_beside_what_is_aside, space_gen_params),
	KUNIT_CASE_PARAM(untouched_pages, space_gen_params),
	KUNIT_CASE_PARAM(huge_fault_logs_a_page, space_gen_params),
	KUNIT_CASE_PARAM(discard_is_a_write, space_gen_params),
	KUNIT_CASE_PARAM(protect_keeps_the_log, space_gen_params),
	KUNIT_CASE_PARAM(protect_what_is_aside, space_gen_params),
	KUNIT_CASE_PARAM(collapse_keeps_the_log, space_gen_params),
	KUNIT_CASE_PARAM(unmap_what_is_aside, space_gen_params),
	KUNIT_CASE_PARAM(held_pages_of_closed_areas, space_gen_params),
	KUNIT_CASE_PARAM(unmap_beside_a_fault, space_gen_params),
	KUNIT_CASE_PARAM(aside_is_seen, space_gen_params),
	KUNIT_CASE_PARAM(arguments, space_gen_params),
	KUNIT_CASE_PARAM(failing_start, space_gen_params),
	KUNIT_CASE_PARAM(random_operations, space_gen_params),
	{}
};

struct kunit_suite axas_space_log_suite = {
	.name = "axas_space_log",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = log_cases,
};
