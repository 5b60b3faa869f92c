// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the monitor: it must report each planted fault, and accept correct operations. Faults
 * are entries stored directly, frames freed by hand, and flushes that are lost.
 *
 * Among them are those examples of Casemate (github.com/rems-project/casemate) that are about
 * tables and flushes: good_bbm, bad_no_bbm, bad_bbm_missing_tlbi, good_write_child, good_free_page,
 * bad_free_page_without_clean, bad_reuse_page. Others are about locks, which entries have not here,
 * and about VMIDs, which the monitor does not know: vcpu/arm64 has those, and flushes by consumer.
 */
#include <linux/rcupdate.h>
#include <axas/frame.h>

#include "npt_fixture.h"

#define AT	((u64)SZ_1G)

/* Map a frame of the mock at @gpa. Return its hpa, or 0 without memory. */
static u64 map_frame(struct npt_fixture *f, u64 gpa, u32 flags)
{
	const struct axas_hal *hal = &f->mock->hal;
	struct axas_hpa hpa = {};

	KUNIT_ASSERT_EQ(f->test, hal->alloc_frame(hal, 0, flags, &hpa), 0);
	KUNIT_ASSERT_EQ(f->test, axas_npt_map_leaf(&f->npt, gpa, hpa.val, TEST_RW,
						   AXAS_TYPE_NORMAL, 0), 0);
	return hpa.val;
}

static void put_frame(struct npt_fixture *f, u64 hpa)
{
	f->mock->hal.free_frame(&f->mock->hal, axas_hpa(hpa), 0, 0);
}

/* Accessing a table makes the monitor check it. */
static void look(struct npt_fixture *f, u64 gpa)
{
	struct axas_leaf leaf;

	axas_npt_lookup(&f->npt, gpa, &leaf);
}

static void clear_entry(struct npt_fixture *f, u64 gpa)
{
	look(f, gpa);
	WRITE_ONCE(*npt_raw_ptep(f, gpa, 0), 0);
	look(f, gpa);
}

static void flush(struct npt_fixture *f, u64 gpa, u64 size, bool tables)
{
	monitor_flush(f->monitor, 0, gpa, gpa + size - 1, tables);
}

static bool is_s2(const struct npt_fixture *f)
{
	return f->npt.fmt == &axas_npt_s2;
}

static void frame_put_before_the_flush(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 hpa = map_frame(f, AT, AXAS_FRAME_ZERO);

	clear_entry(f, AT);
	put_frame(f, hpa);
	KUNIT_EXPECT_TRUE(test, mock_hal_saw(f->mock, "before the flush"));
	flush(f, AT, SZ_4K, false);
}

static void frame_put_after_the_flush(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 hpa = map_frame(f, AT, AXAS_FRAME_ZERO);

	clear_entry(f, AT);
	flush(f, AT, SZ_4K, false);
	put_frame(f, hpa);
	KUNIT_EXPECT_FALSE(test, mock_hal_saw(f->mock, ""));
}

static void frame_put_while_it_is_mapped(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 hpa = map_frame(f, AT, AXAS_FRAME_ZERO);

	look(f, AT);
	put_frame(f, hpa);
	KUNIT_EXPECT_TRUE(test, mock_hal_saw(f->mock, "while a leaf maps it"));
}

/* The second of two frames is beyond the flushed range. */
static void flush_of_too_small_a_range(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 hpas[] = { map_frame(f, AT, AXAS_FRAME_ZERO),
		       map_frame(f, AT + SZ_4K, AXAS_FRAME_ZERO) };

	clear_entry(f, AT);
	clear_entry(f, AT + SZ_4K);
	flush(f, AT, SZ_4K, true);
	put_frame(f, hpas[0]);
	KUNIT_EXPECT_FALSE(test, mock_hal_saw(f->mock, ""));
	put_frame(f, hpas[1]);
	KUNIT_EXPECT_TRUE(test, mock_hal_saw(f->mock, "before the flush"));
}

static void flush_of_one_consumer_of_two(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	unsigned int other = monitor_add_consumer(f->monitor);
	u64 hpa = map_frame(f, AT, AXAS_FRAME_ZERO);

	clear_entry(f, AT);
	flush(f, AT, SZ_4K, true);
	put_frame(f, hpa);
	KUNIT_EXPECT_TRUE(test, mock_hal_saw(f->mock, "before the flush"));
	monitor_remove_consumer(f->monitor, other);
}

/* The core's own removal, with its flush lost. */
static void removal_without_a_flush(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	f->own_leaves = true;
	map_frame(f, AT, AXAS_FRAME_ZERO);
	look(f, AT);
	f->lose_flushes = true;
	npt_unmap(f, AT, SZ_4K);
	KUNIT_EXPECT_TRUE(test, mock_hal_saw(f->mock, "before the flush"));
}

static void protect_without_a_flush(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, npt_map(f, AT, SZ_4K, AT, TEST_RW), 0);
	look(f, AT);
	npt_protect(f, AT, AT + SZ_4K - 1, TEST_R);
	monitor_expect_flushed(f->monitor);
	KUNIT_EXPECT_TRUE(test, mock_hal_saw(f->mock, "of a permission"));
	flush(f, AT, SZ_4K, false);
	monitor_expect_flushed(f->monitor);
	KUNIT_EXPECT_FALSE(test, mock_hal_saw(f->mock, ""));
}

static void more_permission_wants_no_flush(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, npt_map(f, AT, SZ_4K, AT, TEST_R), 0);
	look(f, AT);
	npt_protect(f, AT, AT + SZ_4K - 1, TEST_RW);
	monitor_expect_flushed(f->monitor);
	KUNIT_EXPECT_FALSE(test, mock_hal_saw(f->mock, ""));
}

/* A live leaf changes its output address without a break. */
static void live_change(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 other;

	KUNIT_ASSERT_EQ(test, npt_map(f, AT, SZ_4K, AT, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, npt_map(f, AT + SZ_4K, SZ_4K, AT + SZ_8K, TEST_RW), 0);
	other = *npt_raw_ptep(f, AT + SZ_4K, 0);
	look(f, AT);
	WRITE_ONCE(*npt_raw_ptep(f, AT, 0), other);
	look(f, AT);
	KUNIT_EXPECT_EQ(test, mock_hal_saw(f->mock, "in one step"), is_s2(f));
	monitor_expect_flushed(f->monitor);
	KUNIT_EXPECT_TRUE(test, mock_hal_saw(f->mock, "of a leaf"));
	flush(f, AT, SZ_4K, false);
}

static void made_before_the_break_is_flushed(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 entry;

	KUNIT_ASSERT_EQ(test, npt_map(f, AT, SZ_4K, AT, TEST_RW), 0);
	entry = *npt_raw_ptep(f, AT, 0);
	clear_entry(f, AT);
	WRITE_ONCE(*npt_raw_ptep(f, AT, 0), entry);
	look(f, AT);
	KUNIT_EXPECT_EQ(test, mock_hal_saw(f->mock, "made before the flush"), is_s2(f));
	flush(f, AT, SZ_4K, false);
}

/* The core reaches a root without the HAL: it is looked at whenever a table below is. */
static void root_entry_made_before_the_flush(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	unsigned int root = f->npt.levels - 1;
	u64 size = axas_npt_leaf_size(root), entry, *ptep;

	KUNIT_ASSERT_EQ(test, npt_map(f, AT, SZ_4K, AT, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, npt_map(f, AT + size, SZ_4K, AT, TEST_RW), 0);
	look(f, AT + size);
	ptep = npt_raw_ptep(f, AT, root);
	entry = *ptep;
	WRITE_ONCE(*ptep, 0);
	look(f, AT + size);
	WRITE_ONCE(*ptep, entry);
	look(f, AT + size);
	KUNIT_EXPECT_EQ(test, mock_hal_saw(f->mock, "made before the flush"), is_s2(f));
	flush(f, AT & ~(size - 1), size, true);
}

/* Broken, flushed and made: the way to change a live leaf. */
static void broken_flushed_and_made(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 other;

	KUNIT_ASSERT_EQ(test, npt_map(f, AT, SZ_4K, AT, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, npt_map(f, AT + SZ_4K, SZ_4K, AT + SZ_8K, TEST_RW), 0);
	other = *npt_raw_ptep(f, AT + SZ_4K, 0);
	clear_entry(f, AT);
	flush(f, AT, SZ_4K, false);
	WRITE_ONCE(*npt_raw_ptep(f, AT, 0), other);
	look(f, AT);
	monitor_expect_flushed(f->monitor);
	KUNIT_EXPECT_FALSE(test, mock_hal_saw(f->mock, ""));
}

/* An entry that becomes present in a linked table owes no flush. */
static void entry_of_a_linked_table_is_made(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, npt_map(f, AT, SZ_4K, AT, TEST_RW), 0);
	look(f, AT);
	KUNIT_ASSERT_EQ(test, npt_map(f, AT + SZ_4K, SZ_4K, AT, TEST_RW), 0);
	look(f, AT);
	monitor_expect_flushed(f->monitor);
	KUNIT_EXPECT_FALSE(test, mock_hal_saw(f->mock, ""));
}

/* The core's own split: with a lost flush it violates break-before-make on Arm. */
static void split_without_a_flush(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	if (!npt_has_level(&f->npt, 1))
		kunit_skip(test, "no leaves of 2 MiB");
	KUNIT_ASSERT_EQ(test, npt_map(f, AT, SZ_2M, AT, TEST_RW), 0);
	look(f, AT);
	f->lose_flushes = true;
	KUNIT_ASSERT_EQ(test, npt_split_at(f, AT + SZ_4K), 0);
	look(f, AT);
	KUNIT_EXPECT_EQ(test, mock_hal_saw(f->mock, "at gpa"), is_s2(f));
}

static void collapse_without_a_flush(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	if (!npt_has_level(&f->npt, 1))
		kunit_skip(test, "no leaves of 2 MiB");
	KUNIT_ASSERT_EQ(test, npt_map(f, AT, SZ_2M, AT, TEST_RX), 0);
	KUNIT_ASSERT_EQ(test, npt_split_all(f, AT, SZ_2M), 0);
	look(f, AT);
	f->lose_flushes = true;
	KUNIT_EXPECT_EQ(test, npt_collapse(f, AT, AT + SZ_2M - 1), 1ull);
	KUNIT_EXPECT_TRUE(test, mock_hal_saw(f->mock, ""));
}

/* Unlink a table, flush leaves or @walks, too, and free it. Whether the monitor saw @what then. */
static bool free_table_saw(struct kunit *test, bool walks, const char *what)
{
	struct npt_fixture *f = test->priv;
	struct axas_hpa table;

	KUNIT_ASSERT_EQ(test, npt_map(f, AT, SZ_4K, AT, TEST_RW), 0);
	look(f, AT);
	table = axas_hal_pa(&f->mock->hal, npt_raw_ptep(f, AT, 0));
	WRITE_ONCE(*npt_raw_ptep(f, AT, 1), 0);
	flush(f, AT, SZ_2M, walks);
	axas_npt_free_table(&f->npt, table.val & ~(AXAS_FRAME_SIZE - 1));
	atomic_long_dec(&f->npt.leaves[0]);
	return mock_hal_saw(f->mock, what);
}

/* A cached walk may still use the table. */
static void table_freed_before_walks_are_flushed(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, free_table_saw(test, false, "before the flush"));
	flush(test->priv, AT, SZ_2M, true);
}

static void table_freed_after_walks_are_flushed(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, free_table_saw(test, true, ""));
}

/* One table at two places: a removal from one of them would free it under the other. */
static void table_linked_twice(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, npt_map(f, AT, SZ_4K, AT, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, npt_map(f, AT + SZ_2M, SZ_4K, AT, TEST_RW), 0);
	npt_unmap(f, AT + SZ_2M, SZ_2M);
	look(f, AT + SZ_2M);
	WRITE_ONCE(*npt_raw_ptep(f, AT + SZ_2M, 1), *npt_raw_ptep(f, AT, 1));
	look(f, AT + SZ_2M);
	KUNIT_EXPECT_TRUE(test, mock_hal_saw(f->mock, ""));
	WRITE_ONCE(*npt_raw_ptep(f, AT + SZ_2M, 1), 0);
	flush(f, AT, SZ_4M, true);
}

/* A table that is linked with what was in its frame before. */
static void table_that_nobody_filled(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	struct axas_hpa hpa;
	u64 *table;

	table = axas_npt_alloc_table_unset(&f->npt, &hpa.val);
	KUNIT_ASSERT_NOT_NULL(test, table);
	KUNIT_ASSERT_EQ(test, npt_map(f, AT, SZ_4K, AT, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, npt_map(f, AT + SZ_2M, SZ_4K, AT, TEST_RW), 0);
	npt_unmap(f, AT + SZ_2M, SZ_2M);
	look(f, AT + SZ_2M);
	WRITE_ONCE(*npt_raw_ptep(f, AT + SZ_2M, 1), f->npt.fmt->table(hpa.val, 1));
	look(f, AT + SZ_2M);
	KUNIT_EXPECT_TRUE(test, mock_hal_saw(f->mock, "with what was there before"));
	WRITE_ONCE(*npt_raw_ptep(f, AT + SZ_2M, 1), 0);
	look(f, AT);
	flush(f, AT, SZ_4M, true);
	axas_npt_free_table(&f->npt, hpa.val);
}

static void table_freed_while_it_is_linked(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	struct axas_hpa table;

	KUNIT_ASSERT_EQ(test, npt_map(f, AT, SZ_4K, AT, TEST_RW), 0);
	look(f, AT);
	table = axas_hal_pa(&f->mock->hal, npt_raw_ptep(f, AT, 0));
	axas_npt_free_table(&f->npt, table.val & ~(AXAS_FRAME_SIZE - 1));
	KUNIT_EXPECT_TRUE(test, mock_hal_saw(f->mock, "while it is linked"));
	monitor_forget(f->monitor);
	f->monitor = NULL;
	WRITE_ONCE(*npt_raw_ptep(f, AT, 1), 0);
	atomic_long_dec(&f->npt.leaves[0]);
}

static void leaf_to_no_frame(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 hpa = map_frame(f, AT, AXAS_FRAME_ZERO);

	clear_entry(f, AT);
	flush(f, AT, SZ_4K, false);
	put_frame(f, hpa);
	KUNIT_ASSERT_EQ(test, axas_npt_map_leaf(&f->npt, AT + SZ_4K, hpa, TEST_RW,
						AXAS_TYPE_NORMAL, 0), 0);
	look(f, AT);
	KUNIT_EXPECT_TRUE(test, mock_hal_saw(f->mock, "where no frame is"));
}

static void frame_that_nobody_zeroed(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 hpa = map_frame(f, AT, 0);

	look(f, AT);
	KUNIT_EXPECT_TRUE(test, mock_hal_saw(f->mock, "with what was there before"));
	clear_entry(f, AT);
	flush(f, AT, SZ_4K, false);
	put_frame(f, hpa);
}

/* Not zeroed by the allocator, but overwritten completely. */
static void frame_that_was_overwritten_whole(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	struct axas_frame frame;
	u64 hpa;

	KUNIT_ASSERT_EQ(test, axas_frame_alloc(&frame, &f->mock->hal), 0);
	KUNIT_EXPECT_EQ(test, axas_frame_fill(&frame, 7), 0);
	hpa = axas_frame_take(&frame).val;
	KUNIT_ASSERT_EQ(test, axas_npt_map_leaf(&f->npt, AT, hpa, TEST_RW, AXAS_TYPE_NORMAL, 0),
			0);
	look(f, AT);
	clear_entry(f, AT);
	flush(f, AT, SZ_4K, false);
	put_frame(f, hpa);
	KUNIT_EXPECT_FALSE(test, mock_hal_saw(f->mock, ""));
}

static void waiting_for_a_frame_in_a_section(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	const struct axas_hal *hal = &f->mock->hal;
	struct axas_hpa hpa;

	rcu_read_lock_sched();
	if (mock_may_sleep()) {
		rcu_read_unlock_sched();
		kunit_skip(test, "this kernel cannot tell");
	}
	KUNIT_EXPECT_EQ(test, hal->alloc_frame(hal, 0, AXAS_FRAME_NOWAIT, &hpa), 0);
	KUNIT_EXPECT_FALSE(test, mock_hal_saw(f->mock, ""));
	KUNIT_EXPECT_NE(test, hal->alloc_frame(hal, 0, 0, &hpa), 0);
	rcu_read_unlock_sched();
	KUNIT_EXPECT_TRUE(test, mock_hal_saw(f->mock, "in a read-side section"));
	put_frame(f, hpa.val);
}

/* An entry that hardware refuses: 2 MiB at an unaligned address. */
static void entry_that_hardware_refuses(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	if (f->npt.fmt == &axas_npt_fake)
		kunit_skip(test, "nobody refuses its entries");
	KUNIT_ASSERT_EQ(test, npt_map(f, AT, SZ_2M, AT, TEST_RW), 0);
	look(f, AT);
	WRITE_ONCE(*npt_raw_ptep(f, AT, 1), *npt_raw_ptep(f, AT, 1) | BIT(13));
	look(f, AT);
	KUNIT_EXPECT_TRUE(test, mock_hal_saw(f->mock, "hardware refuses"));
}

#define USUAL(NAME, name)	{ &axas_npt_##name },

static const struct npt_geometry geometries[] = {
	AXAS_NPT_FORMATS(USUAL) USUAL(FAKE, fake)
};

static void geometry_name(const struct npt_geometry *g, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", g->fmt->name);
}

KUNIT_ARRAY_PARAM(geometry, geometries, geometry_name);

static struct kunit_case monitor_cases[] = {
	KUNIT_CASE_PARAM(frame_put_before_the_flush, geometry_gen_params),
	KUNIT_CASE_PARAM(frame_put_after_the_flush, geometry_gen_params),
	KUNIT_CASE_PARAM(frame_put_while_it_is_mapped, geometry_gen_params),
	KUNIT_CASE_PARAM(flush_of_too_small_a_range, geometry_gen_params),
	KUNIT_CASE_PARAM(flush_of_one_consumer_of_two, geometry_gen_params),
	KUNIT_CASE_PARAM(removal_without_a_flush, geometry_gen_params),
	KUNIT_CASE_PARAM(protect_without_a_flush, geometry_gen_params),
	KUNIT_CASE_PARAM(more_permission_wants_no_flush, geometry_gen_params),
	KUNIT_CASE_PARAM(live_change, geometry_gen_params),
	KUNIT_CASE_PARAM(made_before_the_break_is_flushed, geometry_gen_params),
	KUNIT_CASE_PARAM(root_entry_made_before_the_flush, geometry_gen_params),
	KUNIT_CASE_PARAM(broken_flushed_and_made, geometry_gen_params),
	KUNIT_CASE_PARAM(entry_of_a_linked_table_is_made, geometry_gen_params),
	KUNIT_CASE_PARAM(split_without_a_flush, geometry_gen_params),
	KUNIT_CASE_PARAM(collapse_without_a_flush, geometry_gen_params),
	KUNIT_CASE_PARAM(table_freed_before_walks_are_flushed, geometry_gen_params),
	KUNIT_CASE_PARAM(table_freed_after_walks_are_flushed, geometry_gen_params),
	KUNIT_CASE_PARAM(table_linked_twice, geometry_gen_params),
	KUNIT_CASE_PARAM(table_that_nobody_filled, geometry_gen_params),
	KUNIT_CASE_PARAM(table_freed_while_it_is_linked, geometry_gen_params),
	KUNIT_CASE_PARAM(leaf_to_no_frame, geometry_gen_params),
	KUNIT_CASE_PARAM(frame_that_nobody_zeroed, geometry_gen_params),
	KUNIT_CASE_PARAM(frame_that_was_overwritten_whole, geometry_gen_params),
	KUNIT_CASE_PARAM(waiting_for_a_frame_in_a_section, geometry_gen_params),
	KUNIT_CASE_PARAM(entry_that_hardware_refuses, geometry_gen_params),
	{}
};

struct kunit_suite axas_monitor_suite = {
	.name = "axas_monitor",
	.init = npt_test_init,
	.exit = npt_test_exit,
	.test_cases = monitor_cases,
};
