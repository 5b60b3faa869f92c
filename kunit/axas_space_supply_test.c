// SPDX-License-Identifier: GPL-2.0-only
/*
 * Missing pages (axas_space_supply.c, axas_missing.c): who finds a page missing, what supply
 * installs and what it refuses, zeroes and discarded pages, waiting host accesses, races.
 */
#include <linux/sched/signal.h>

#include "axas_npt_aside.h"
#include "space_fixture.h"

/* An aligned 2 MiB of the window. */
#define BLOCK		BORDER

/* Pages of one thread's race, and its rounds. */
#define RACE_PAGES	64u
#define ROUNDS		600

static int map_missing(struct space_fixture *f, u32 flags)
{
	return axas_space_map_alloc(f->space, gpa_range(WIN, WIN_SIZE), TEST_RW, AXAS_TYPE_NORMAL,
				    AXAS_MAP_MISSING | flags);
}

/* The content of a page in these tests: its address, and who supplied it. */
static u64 word_of(u64 gpa, u64 seed)
{
	return gpa + seed + 1;
}

/**
 * struct content - a source of words
 * @gpa: where the range begins
 * @seed: makes the content differ
 * @fail_at: address of the page at which copy() fails, or 0
 */
struct content {
	u64 gpa;
	u64 seed;
	u64 fail_at;
};

static int copy_words(void *arg, u64 offset, void *va, size_t len)
{
	const struct content *content = arg;
	u64 gpa = content->gpa + offset, *word = va;

	for (; len; len -= SZ_4K, gpa += SZ_4K) {
		if (gpa == content->fail_at)
			return -EIO;
		memset64(word, word_of(gpa, content->seed), SZ_4K / sizeof(*word));
		word += SZ_4K / sizeof(*word);
	}
	return 0;
}

static int supply_seed(struct space_fixture *f, u64 gpa, u64 size, u64 seed, bool skip, u64 *done)
{
	struct content content = { .gpa = gpa, .seed = seed };
	struct axas_source source = { .copy = copy_words, .arg = &content };

	return axas_space_supply(f->space, gpa_range(gpa, size), &source, skip, done);
}

static int supply(struct space_fixture *f, u64 gpa, u64 size)
{
	u64 done;

	return supply_seed(f, gpa, size, 0, false, &done);
}

static int supply_zero(struct space_fixture *f, u64 gpa, u64 size)
{
	u64 done;

	return axas_space_supply(f->space, gpa_range(gpa, size), NULL, false, &done);
}

static int discard(struct space_fixture *f, u64 gpa, u64 size)
{
	struct axas_gpa_range range = gpa_range(gpa, size);
	u64 done;
	int err = axas_space_discard(f->space, &range, 1, &done);

	monitor_expect_flushed(f->monitor);
	return err;
}

static void expect_words(struct space_fixture *f, u64 gpa, u64 size, u64 seed)
{
	u64 at, *word;
	unsigned int i;

	for (at = gpa; at - gpa < size; at += SZ_4K) {
		word = (u64 *)space_mem(f, at);
		for (i = 0; word && i < SZ_4K / sizeof(*word); i++)
			if (word[i] != word_of(at, seed))
				word = NULL;
		if (!word)
			KUNIT_FAIL(f->test, "wrong content at 0x%llx", at);
	}
}

static void expect_missing(struct space_fixture *f, u64 gpa, u64 size)
{
	u64 at;

	for (at = gpa; at - gpa < size; at += SZ_4K)
		KUNIT_EXPECT_EQ(f->test, space_fault(f, at, TEST_R), AXAS_FAULT_MISSING);
}

/* Touching the pages finds zeroes. */
static void expect_zeroes(struct space_fixture *f, u64 gpa, u64 size)
{
	u64 at;
	int result;

	for (at = gpa; at - gpa < size; at += SZ_4K) {
		result = space_fault(f, at, TEST_W);
		KUNIT_EXPECT_LE(f->test, result, AXAS_FAULT_SPURIOUS);
		if (result > AXAS_FAULT_SPURIOUS)
			return;
		KUNIT_EXPECT_PTR_EQ(f->test, memchr_inv(space_mem(f, at), 0, SZ_4K), NULL);
	}
}

static void a_missing_page_gets_no_frame(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_info info;
	u64 done = 1;

	KUNIT_ASSERT_EQ(test, map_missing(f, AXAS_MAP_HUGE_ALWAYS), 0);
	expect_missing(f, WIN, SZ_16K);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_X), AXAS_FAULT_DENIED);
	KUNIT_EXPECT_EQ(test, space_fault_nowait(f, WIN, TEST_R), AXAS_FAULT_RETRY);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(WIN, SZ_4K), &done),
			-ENODATA);
	KUNIT_EXPECT_EQ(test, done, 0ull);
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.missing, 4ull);
	KUNIT_EXPECT_EQ(test, info.frames, 0ull);
	KUNIT_EXPECT_EQ(test, info.tables, info.root_tables);
	space_expect_nothing(f, WIN, WIN_SIZE);
}

static void wrong_flags_are_refused(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, map_missing(f, AXAS_MAP_POPULATE), -EINVAL);
	KUNIT_EXPECT_EQ(test, axas_space_map_alloc(f->space, gpa_range(WIN, SZ_4K), TEST_RW,
						   AXAS_TYPE_NORMAL, AXAS_MAP_MISSING_FAIL),
			-EINVAL);
}

static void supplied_pages_have_their_content(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 val = 0;

	KUNIT_ASSERT_EQ(test, map_missing(f, 0), 0);
	KUNIT_EXPECT_EQ(test, supply(f, BORDER - SZ_8K, SZ_16K), 0);
	expect_words(f, BORDER - SZ_8K, SZ_16K, 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, BORDER, TEST_W), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, space_fault_nowait(f, BORDER, TEST_W), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, read_at(f, BORDER, &val, sizeof(val)), 0);
	KUNIT_EXPECT_EQ(test, val, word_of(BORDER, 0));
	expect_missing(f, BORDER + SZ_8K, SZ_4K);
	expect_missing(f, BORDER - SZ_8K - SZ_4K, SZ_4K);
	space_expect_balanced(f);
}

/* A block of 2 MiB in one frame, unless the policy forbids it or a page of it is there. */
static void whole_blocks_take_a_large_frame(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_info info;
	u64 done;

	KUNIT_ASSERT_EQ(test, map_missing(f, 0), 0);
	KUNIT_EXPECT_EQ(test, supply(f, BLOCK, SZ_2M), 0);
	KUNIT_EXPECT_EQ(test, supply(f, WIN + SZ_8K, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, supply_seed(f, WIN, SZ_2M, 0, true, &done), 0);
	KUNIT_EXPECT_EQ(test, done, (u64)SZ_2M);
	expect_words(f, WIN, WIN_SIZE, 0);
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.leaves[1], 1ull);
	KUNIT_EXPECT_EQ(test, info.leaves[0], 512ull);
	axas_space_clear(f->space);
	KUNIT_ASSERT_EQ(test, map_missing(f, AXAS_MAP_HUGE_NEVER), 0);
	KUNIT_EXPECT_EQ(test, supply(f, BLOCK, SZ_2M), 0);
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.leaves[1], 0ull);
	space_expect_balanced(f);
}

/* No leaf and no marker reaches across two areas. */
static void a_block_of_two_areas_takes_small_frames(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, map_missing(f, 0), 0);
	KUNIT_ASSERT_EQ(test, space_protect(f, BLOCK + SZ_1M, SZ_1M, TEST_R), 0);
	KUNIT_ASSERT_EQ(test, space_protect(f, WIN + SZ_1M, SZ_1M, TEST_R), 0);
	KUNIT_EXPECT_EQ(test, supply(f, BLOCK, SZ_2M), 0);
	KUNIT_EXPECT_EQ(test, supply_zero(f, WIN, SZ_2M), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK + SZ_1M, TEST_W), AXAS_FAULT_DENIED);
	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK, TEST_W), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN + SZ_1M, SZ_1M), 0);
	expect_zeroes(f, WIN, SZ_8K);
	expect_zeroes(f, WIN + SZ_1M - SZ_8K, SZ_8K);
	expect_words(f, BLOCK, SZ_2M, 0);
	space_expect_balanced(f);
}

static void a_page_that_is_there_is_not_overwritten(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 done;

	KUNIT_ASSERT_EQ(test, map_missing(f, 0), 0);
	KUNIT_EXPECT_EQ(test, supply(f, WIN + SZ_8K, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, supply_seed(f, WIN, SZ_16K, 7, false, &done), -EEXIST);
	KUNIT_EXPECT_EQ(test, done, (u64)SZ_8K);
	KUNIT_EXPECT_EQ(test, supply_zero(f, WIN + SZ_8K, SZ_4K), -EEXIST);
	KUNIT_EXPECT_EQ(test, supply_seed(f, WIN, SZ_16K, 7, true, &done), 0);
	KUNIT_EXPECT_EQ(test, done, (u64)SZ_16K);
	expect_words(f, WIN, SZ_8K, 7);
	expect_words(f, WIN + SZ_8K, SZ_4K, 0);
	expect_words(f, WIN + SZ_8K + SZ_4K, SZ_4K, 7);
	space_expect_balanced(f);
}

static void supply_needs_an_area_with_missing_pages(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 done;

	KUNIT_EXPECT_EQ(test, supply(f, WIN, SZ_4K), -ENOENT);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_4K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, supply(f, WIN, SZ_4K), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, supply(f, WIN, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, supply(f, WIN + 1, SZ_4K), -EINVAL);
	axas_space_clear(f->space);
	KUNIT_ASSERT_EQ(test, map_missing(f, 0), 0);
	KUNIT_EXPECT_EQ(test, supply_seed(f, WIN + WIN_SIZE - SZ_4K, SZ_8K, 0, false, &done),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, done, (u64)SZ_4K);
}

/* A source that fails in the middle of a block leaves just what was done before. */
static void a_source_may_fail(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct content content = { .gpa = WIN + SZ_4K, .fail_at = BLOCK + SZ_1M };
	struct axas_source source = { .copy = copy_words, .arg = &content };
	u64 done;

	KUNIT_ASSERT_EQ(test, map_missing(f, 0), 0);
	KUNIT_EXPECT_EQ(test, axas_space_supply(f->space, gpa_range(WIN + SZ_4K, WIN_SIZE - SZ_4K),
						&source, false, &done), -EIO);
	KUNIT_EXPECT_EQ(test, done, (u64)SZ_2M - SZ_4K);
	expect_missing(f, BLOCK, SZ_8K);
	expect_words(f, WIN + SZ_4K, done, 0);
	space_expect_balanced(f);
}

static void zeroes_take_no_frames(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_info info;

	KUNIT_ASSERT_EQ(test, map_missing(f, AXAS_MAP_HUGE_ALWAYS), 0);
	KUNIT_EXPECT_EQ(test, supply_zero(f, WIN + SZ_4K, SZ_8K), 0);
	KUNIT_EXPECT_EQ(test, supply_zero(f, BLOCK, SZ_2M), 0);
	KUNIT_EXPECT_EQ(test, supply(f, BLOCK, SZ_4K), -EEXIST);
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.frames, 0ull);
	space_expect_nothing(f, WIN, WIN_SIZE);
	expect_missing(f, WIN, SZ_4K);
	expect_zeroes(f, WIN + SZ_4K, SZ_8K);
	expect_missing(f, WIN + SZ_4K + SZ_8K, SZ_4K);
	expect_zeroes(f, BLOCK, SZ_2M);
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.leaves[1], 1ull);
	space_expect_balanced(f);
}

/* One marker for 2 MiB, of which a part leaves: the rest reads zeroes, and nothing else does. */
static void zeroes_of_a_block_come_apart(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, map_missing(f, AXAS_MAP_HUGE_NEVER), 0);
	KUNIT_EXPECT_EQ(test, supply_zero(f, WIN, WIN_SIZE), 0);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN + SZ_1M, SZ_8K), 0);
	KUNIT_EXPECT_EQ(test, space_protect(f, BLOCK + SZ_1M, SZ_2M - SZ_1M, TEST_R), 0);
	KUNIT_EXPECT_EQ(test, space_unmap(f, BLOCK + SZ_1M, SZ_1M), 0);
	KUNIT_EXPECT_EQ(test, axas_space_map_alloc(f->space, gpa_range(WIN + SZ_1M, SZ_8K), TEST_RW,
						   AXAS_TYPE_NORMAL, AXAS_MAP_MISSING), 0);
	expect_missing(f, WIN + SZ_1M, SZ_8K);
	expect_zeroes(f, WIN, SZ_1M);
	expect_zeroes(f, WIN + SZ_1M + SZ_8K, SZ_1M - SZ_8K);
	expect_zeroes(f, BLOCK, SZ_1M);
	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK + SZ_1M, TEST_R), AXAS_FAULT_HOLE);
	axas_space_clear(f->space);
	space_expect_empty(f);
}

/* What was supplied reads as zeroes then; what was not stays missing. */
static void a_discarded_page_is_zero_and_not_missing(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, map_missing(f, AXAS_MAP_HUGE_NEVER), 0);
	KUNIT_EXPECT_EQ(test, supply(f, WIN + SZ_4K, SZ_8K), 0);
	KUNIT_EXPECT_EQ(test, supply_zero(f, WIN + SZ_16K, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, discard(f, WIN, SZ_64K), 0);
	space_expect_nothing(f, WIN, SZ_64K);
	expect_missing(f, WIN, SZ_4K);
	KUNIT_EXPECT_EQ(test, supply(f, WIN + SZ_4K, SZ_4K), -EEXIST);
	expect_zeroes(f, WIN + SZ_4K, SZ_8K);
	expect_missing(f, WIN + SZ_4K + SZ_8K, SZ_4K);
	expect_zeroes(f, WIN + SZ_16K, SZ_4K);
	expect_missing(f, WIN + SZ_32K, SZ_4K);
	KUNIT_EXPECT_EQ(test, supply(f, WIN, SZ_4K), 0);
	expect_words(f, WIN, SZ_4K, 0);
	space_expect_balanced(f);
}

/* All of a block, as one leaf and as a table, and a part of a leaf. */
static void discarded_blocks_are_zero(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_info info;
	u64 tables;

	KUNIT_ASSERT_EQ(test, map_missing(f, 0), 0);
	KUNIT_EXPECT_EQ(test, supply(f, WIN, WIN_SIZE), 0);
	axas_space_get_info(f->space, &info);
	tables = info.tables;
	space_split_leaves(f, WIN, SZ_2M);
	KUNIT_EXPECT_EQ(test, discard(f, WIN, WIN_SIZE), 0);
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.frames, 0ull);
	/* A marker takes the place of each. */
	KUNIT_EXPECT_EQ(test, info.tables, tables);
	KUNIT_EXPECT_EQ(test, supply(f, WIN + SZ_1M, SZ_4K), -EEXIST);
	expect_zeroes(f, WIN, SZ_64K);
	expect_zeroes(f, BLOCK, SZ_2M);
	axas_space_clear(f->space);
	space_expect_empty(f);
	KUNIT_ASSERT_EQ(test, map_missing(f, 0), 0);
	KUNIT_EXPECT_EQ(test, supply(f, BLOCK, SZ_2M), 0);
	KUNIT_EXPECT_EQ(test, discard(f, BLOCK + SZ_8K, SZ_1M), 0);
	expect_words(f, BLOCK, SZ_8K, 0);
	expect_zeroes(f, BLOCK + SZ_8K, SZ_1M);
	expect_words(f, BLOCK + SZ_8K + SZ_1M, SZ_4K, 0);
	space_expect_balanced(f);
}

/* Fault-around, and populate, fill what reads as zeroes, and stop at a missing page. */
static void populate_fills_zeroes_only(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 done;

	KUNIT_ASSERT_EQ(test, map_missing(f, AXAS_MAP_AROUND(9)), 0);
	KUNIT_EXPECT_EQ(test, supply_zero(f, WIN, SZ_16K), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_8K, TEST_R), AXAS_FAULT_SPURIOUS);
	expect_missing(f, WIN + SZ_16K, SZ_4K);
	KUNIT_EXPECT_EQ(test, supply_zero(f, BLOCK, SZ_2M), 0);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(BLOCK - SZ_4K, SZ_2M + SZ_4K),
						  &done), -ENODATA);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(BLOCK, SZ_2M), &done), 0);
	expect_zeroes(f, BLOCK, SZ_2M);
	space_expect_balanced(f);
}

static void supply_from_a_space(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_space *from = space_another(f, &(struct axas_space_params){});
	u64 word = 0x1234567890abcdefull, back = 0, done;

	KUNIT_ASSERT_FALSE(test, IS_ERR(from));
	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(from, gpa_range(0, SZ_16K), TEST_RW,
						   AXAS_TYPE_NORMAL, 0), 0);
	KUNIT_ASSERT_EQ(test, axas_write(from, axas_gpa(SZ_4K + 8), &word, sizeof(word)), 0);
	KUNIT_ASSERT_EQ(test, map_missing(f, 0), 0);
	KUNIT_EXPECT_EQ(test, axas_space_supply_from(f->space, gpa_range(WIN, SZ_16K), from,
						     axas_gpa(8), false, &done), -EFAULT);
	KUNIT_EXPECT_EQ(test, done, (u64)SZ_8K + SZ_4K);
	KUNIT_EXPECT_EQ(test, read_at(f, WIN + SZ_4K, &back, sizeof(back)), 0);
	KUNIT_EXPECT_EQ(test, back, word);
	KUNIT_EXPECT_EQ(test, axas_space_supply_from(f->space, gpa_range(WIN + SZ_64K, SZ_4K), from,
						     axas_gpa(~0ull - 7), false, &done), -EFAULT);
	axas_space_put(from);
}

/* Frames for several pages are filled before one fence; those of pages that are there go back. */
static void code_is_supplied_with_few_fences(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 done, at;

	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(f->space, gpa_range(WIN, SZ_256K), TEST_RWX,
						   AXAS_TYPE_NORMAL, AXAS_MAP_MISSING), 0);
	for (at = WIN; at < WIN + SZ_64K; at += 3 * SZ_4K)
		KUNIT_EXPECT_EQ(test, supply_seed(f, at, SZ_4K, 1, false, &done), 0);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 6l);
	f->mock->fences = 0;
	KUNIT_EXPECT_EQ(test, supply_seed(f, WIN, SZ_64K, 2, true, &done), 0);
	KUNIT_EXPECT_EQ(test, done, (u64)SZ_64K);
	KUNIT_EXPECT_EQ(test, f->mock->fences, 1u);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 16l);
	for (at = WIN; at < WIN + SZ_64K; at += SZ_4K)
		expect_words(f, at, SZ_4K, (at - WIN) % (3 * SZ_4K) ? 2 : 1);
	/* Each batch has its own. */
	f->mock->fences = 0;
	KUNIT_EXPECT_EQ(test, supply_seed(f, WIN + SZ_64K, SZ_128K, 3, false, &done), 0);
	KUNIT_EXPECT_EQ(test, f->mock->fences, 2u);
	space_expect_balanced(f);
}

/* Each allocation fails in turn: what was done stays, and a second call does the rest. */
static void supply_without_memory_can_go_on(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 done, at = BORDER - SZ_8K, size = SZ_16K;
	unsigned int nth, failed = 0;
	int err;

	for (nth = 1; nth < 16; nth++) {
		axas_space_clear(f->space);
		KUNIT_ASSERT_EQ(test, map_missing(f, 0), 0);
		mock_hal_fail_nth(f->mock, nth);
		err = supply_seed(f, at, size, nth, false, &done);
		mock_hal_fail_never(f->mock);
		if (!err) {
			KUNIT_EXPECT_EQ(test, done, size);
			continue;
		}
		failed++;
		KUNIT_EXPECT_EQ(test, err, -ENOMEM);
		KUNIT_EXPECT_EQ(test, f->mock->frames, (long)(done / SZ_4K));
		space_expect_balanced(f);
		KUNIT_EXPECT_EQ(test, supply_seed(f, at + done, size - done, nth, false, &done), 0);
		expect_words(f, at, done, nth);
	}
	/* The second frame of a batch may fail: it comes later. */
	KUNIT_EXPECT_GT(test, failed, 2u);
	space_expect_balanced(f);
}

/* Without a 2 MiB frame the block comes in small ones. */
static void no_large_frame_is_no_error(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_info info;

	KUNIT_ASSERT_EQ(test, map_missing(f, 0), 0);
	mock_hal_fail_nth(f->mock, 1);
	KUNIT_EXPECT_EQ(test, supply(f, BLOCK, SZ_2M), 0);
	mock_hal_fail_never(f->mock);
	expect_words(f, BLOCK, SZ_2M, 0);
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.leaves[0], 512ull);
	space_expect_balanced(f);
}

static void supply_keeps_to_the_limit(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 done;

	space_limit_frames(f, 3);
	KUNIT_ASSERT_EQ(test, map_missing(f, 0), 0);
	KUNIT_EXPECT_EQ(test, supply_seed(f, WIN, SZ_16K, 0, false, &done), -ENOMEM);
	KUNIT_EXPECT_EQ(test, done, (u64)SZ_8K + SZ_4K);
	KUNIT_EXPECT_EQ(test, supply_zero(f, WIN + SZ_16K, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, discard(f, WIN, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, supply(f, WIN + SZ_8K + SZ_4K, SZ_4K), 0);
	space_expect_balanced(f);
}

static void a_dying_task_supplies_nothing(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 done = 1;
	int err;

	KUNIT_ASSERT_EQ(test, map_missing(f, 0), 0);
	allow_signal(SIGKILL);
	send_sig(SIGKILL, current, 1);
	err = supply_seed(f, WIN, SZ_4K, 0, false, &done);
	flush_signals(current);
	disallow_signal(SIGKILL);
	KUNIT_EXPECT_EQ(test, err, -EINTR);
	KUNIT_EXPECT_EQ(test, done, 0ull);
	expect_missing(f, WIN, SZ_4K);
}

/*
 * Beside the dirty log: what START puts aside is no missing page, and what is supplied counts as
 * written.
 */
static void a_logged_area_may_have_missing_pages(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	unsigned long bits[BITS_TO_LONGS(SZ_2M / SZ_4K)] = {};
	struct axas_waiter waiter;
	u64 epoch;

	KUNIT_ASSERT_EQ(test, map_missing(f, 0), 0);
	KUNIT_EXPECT_EQ(test, supply(f, WIN, SZ_8K), 0);
	KUNIT_EXPECT_EQ(test, supply(f, BLOCK, SZ_8K), 0);
	KUNIT_ASSERT_EQ(test, axas_space_start_log(f->space, gpa_range(WIN, WIN_SIZE), &epoch), 0);
	monitor_expect_flushed(f->monitor);
	KUNIT_EXPECT_EQ(test, supply(f, WIN, SZ_4K), -EEXIST);
	KUNIT_EXPECT_EQ(test, axas_space_await_begin(f->space, &waiter, BLOCK), 0);
	axas_missing_del(&f->space->missing, &waiter);
	KUNIT_EXPECT_EQ(test, space_fault(f, BLOCK + SZ_4K, TEST_R), AXAS_FAULT_SPURIOUS);
	expect_missing(f, WIN + SZ_8K, SZ_8K);
	expect_missing(f, BLOCK + SZ_8K, SZ_8K);
	KUNIT_EXPECT_EQ(test, supply(f, WIN + SZ_16K, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, axas_space_get_log(f->space, gpa_range(WIN, SZ_2M), bits, &epoch), 0);
	KUNIT_EXPECT_EQ(test, bits[0], BIT(4));
	expect_words(f, WIN, SZ_8K, 0);
	KUNIT_EXPECT_EQ(test, discard(f, WIN, WIN_SIZE), 0);
	expect_missing(f, WIN + SZ_8K, SZ_8K);
	expect_zeroes(f, WIN, SZ_8K);
	expect_zeroes(f, WIN + SZ_16K, SZ_4K);
	space_expect_balanced(f);
}

static int log_range(struct space_fixture *f, u64 gpa, u64 size)
{
	u64 epoch;
	int err = axas_space_start_log(f->space, gpa_range(gpa, size), &epoch);

	monitor_expect_flushed(f->monitor);
	return err;
}

static int clear_log(struct space_fixture *f)
{
	static unsigned long bits[BITS_TO_LONGS(WIN_SIZE / SZ_4K)];
	u64 epoch = 0;
	int err;

	bitmap_fill(bits, WIN_SIZE / SZ_4K);
	err = axas_space_clear_log(f->space, gpa_range(WIN, WIN_SIZE), bits, &epoch);
	monitor_expect_flushed(f->monitor);
	return err;
}

/*
 * A page of zeroes that was supplied, or discarded, is no missing page again, whatever a log does:
 * as the marker of 2 MiB, and one of a page.
 */
static void a_log_keeps_pages_of_zeroes(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, map_missing(f, 0), 0);
	KUNIT_EXPECT_EQ(test, supply_zero(f, WIN, SZ_2M), 0);
	KUNIT_EXPECT_EQ(test, supply_zero(f, BLOCK, SZ_16K), 0);
	KUNIT_EXPECT_EQ(test, supply(f, BLOCK + SZ_16K, SZ_16K), 0);
	KUNIT_EXPECT_EQ(test, discard(f, BLOCK + SZ_16K, SZ_16K), 0);
	KUNIT_ASSERT_EQ(test, log_range(f, WIN, WIN_SIZE), 0);
	expect_zeroes(f, WIN, SZ_4K);
	expect_zeroes(f, BLOCK, SZ_4K);
	expect_zeroes(f, BLOCK + SZ_16K, SZ_4K);
	expect_missing(f, BLOCK + SZ_32K, SZ_4K);
	KUNIT_EXPECT_EQ(test, clear_log(f), 0);
	expect_zeroes(f, WIN + SZ_4K, SZ_4K);
	expect_zeroes(f, BLOCK + SZ_4K, SZ_4K);
	/* In a region that is put aside in part, and in place. */
	KUNIT_EXPECT_EQ(test, discard(f, WIN, SZ_2M), 0);
	KUNIT_ASSERT_EQ(test, log_range(f, WIN, SZ_2M), 0);
	KUNIT_ASSERT_EQ(test, log_range(f, BLOCK + SZ_8K, SZ_16K), 0);
	KUNIT_EXPECT_EQ(test, clear_log(f), 0);
	expect_zeroes(f, WIN, SZ_8K);
	expect_zeroes(f, BLOCK + SZ_8K, SZ_4K);
	expect_zeroes(f, BLOCK + SZ_16K + SZ_4K, SZ_4K);
	expect_missing(f, BLOCK + SZ_32K, SZ_4K);
	space_expect_balanced(f);
}

/*
 * All of 2 MiB is discarded, but one part of it has missing pages and the other is a logged area:
 * no marker reaches across, so that each part can go alone.
 */
static void discarded_zeroes_end_with_their_area(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(f->space, gpa_range(BLOCK, SZ_1M), TEST_RW,
						   AXAS_TYPE_NORMAL, AXAS_MAP_MISSING), 0);
	KUNIT_ASSERT_EQ(test, space_map_small(f, BLOCK + SZ_1M, SZ_1M, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, log_range(f, BLOCK + SZ_1M, SZ_1M), 0);
	KUNIT_EXPECT_EQ(test, supply(f, BLOCK, SZ_1M), 0);
	KUNIT_EXPECT_EQ(test, discard(f, BLOCK + SZ_1M, SZ_1M), 0);
	KUNIT_EXPECT_EQ(test, discard(f, BLOCK, SZ_1M), 0);
	KUNIT_EXPECT_EQ(test, space_unmap(f, BLOCK + SZ_1M, SZ_1M), 0);
	expect_zeroes(f, BLOCK, SZ_8K);
	expect_zeroes(f, BLOCK + SZ_1M - SZ_4K, SZ_4K);
	space_expect_balanced(f);
}

/* Host accesses */

static void an_access_may_fail_at_once(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 val = 5, gpa;
	bool more;

	KUNIT_ASSERT_EQ(test, map_missing(f, AXAS_MAP_MISSING_FAIL), 0);
	KUNIT_EXPECT_EQ(test, read_at(f, WIN, &val, sizeof(val)), -EFAULT);
	KUNIT_EXPECT_EQ(test, write_at(f, WIN, &val, sizeof(val)), -EFAULT);
	KUNIT_EXPECT_EQ(test, axas_space_get_missing(f->space, true, &gpa, 1, &more), 0u);
	KUNIT_EXPECT_EQ(test, supply(f, WIN, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, read_at(f, WIN, &val, sizeof(val)), 0);
	KUNIT_EXPECT_EQ(test, val, word_of(WIN, 0));
}

static void set_kthread(bool on)
{
	if (on)
		current->flags |= PF_KTHREAD;
	else
		current->flags &= ~PF_KTHREAD;
}

/* Nobody can kill a kernel thread. */
static void a_kernel_thread_does_not_wait_for_ever(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	bool was = current->flags & PF_KTHREAD;
	u64 val;

	KUNIT_ASSERT_EQ(test, map_missing(f, 0), 0);
	set_kthread(true);
	KUNIT_EXPECT_EQ(test, read_at(f, WIN, &val, sizeof(val)), -ETIMEDOUT);
	set_kthread(was);
}

/* A host fault, whose caller holds mmap_lock, finds another area than before: it does not wait. */
static void a_missing_page_is_not_made_private(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	bool was = current->flags & PF_KTHREAD;

	KUNIT_ASSERT_EQ(test, map_missing(f, 0), 0);
	/* A wait would end in -ETIMEDOUT. */
	set_kthread(true);
	KUNIT_EXPECT_EQ(test, axas_space_own_page(f->space, WIN, TEST_R), -EAGAIN);
	set_kthread(was);
	KUNIT_EXPECT_TRUE(test, list_empty(&f->space->missing.waiters));
	KUNIT_EXPECT_EQ(test, supply(f, WIN, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, axas_space_own_page(f->space, WIN, TEST_R), 0);
}

static int start_log(struct space_fixture *f)
{
	u64 epoch;
	int err = axas_space_start_log(f->space, gpa_range(WIN, WIN_SIZE), &epoch);

	monitor_expect_flushed(f->monitor);
	return err;
}

/* One has walked to the empty entry, when another takes the region back. */
static void a_page_that_came_back_since_the_walk_is_not_missing(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_npt_spares none = {};
	struct axas_npt_cursor cursor;
	struct axas_npt_pos pos;

	KUNIT_ASSERT_EQ(test, map_missing(f, 0), 0);
	KUNIT_ASSERT_EQ(test, supply(f, WIN, SZ_4K), 0);
	KUNIT_ASSERT_EQ(test, start_log(f), 0);
	axas_npt_walk(&f->space->npt, &cursor, WIN, &pos);
	KUNIT_ASSERT_EQ(test, (int)axas_npt_kind(&f->space->npt, &pos), (int)AXAS_PT_EMPTY);
	KUNIT_EXPECT_LE(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, axas_space_take_back(f->space, &none, WIN, &pos), -EBUSY);
	/* A page that was never there is missing. */
	axas_npt_walk(&f->space->npt, &cursor, BLOCK, &pos);
	KUNIT_EXPECT_EQ(test, axas_space_take_back(f->space, &none, BLOCK, &pos), 0);
	expect_missing(f, BLOCK, SZ_4K);
}

/**
 * struct awake - who asks whether to wait for a page, which is always there
 * @f: the fixture
 * @ended: the log is not started any more
 * @looks: times that the page was looked at
 */
struct awake {
	struct space_fixture *f;
	bool ended;
	unsigned long looks;
};

static int ask_to_wait(void *arg)
{
	struct awake *awake = arg;
	struct axas_space *space = awake->f->space;
	struct axas_waiter waiter;
	int missing;

	do {
		missing = axas_space_await_begin(space, &waiter, WIN);
		axas_missing_del(&space->missing, &waiter);
		awake->looks++;
		cond_resched();
	} while (!missing && !READ_ONCE(awake->ended));
	return missing;
}

static int touch_until_ended(void *arg)
{
	struct awake *awake = arg;

	while (!READ_ONCE(awake->ended)) {
		if (space_fault(awake->f, WIN, TEST_R) > AXAS_FAULT_SPURIOUS)
			return -EIO;
		cond_resched();
	}
	return 0;
}

static int start_again_and_again(void *arg)
{
	struct awake *awake = arg;
	int i, err = 0;
	u64 epoch;

	for (i = 0; i < ROUNDS / 6 && !err; i++) {
		err = axas_space_start_log(awake->f->space, gpa_range(WIN, WIN_SIZE), &epoch);
		cond_resched();
	}
	WRITE_ONCE(awake->ended, true);
	return err;
}

static void nobody_waits_for_a_page_that_is_there(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct awake awake = { .f = f };
	struct test_thread threads[] = {
		{ ask_to_wait, &awake }, { touch_until_ended, &awake },
		{ start_again_and_again, &awake },
	};
	unsigned int i;

	KUNIT_ASSERT_EQ(test, map_missing(f, 0), 0);
	KUNIT_ASSERT_EQ(test, supply(f, WIN, SZ_4K), 0);
	KUNIT_ASSERT_EQ(test, test_run_threads(threads, ARRAY_SIZE(threads)), 0);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		KUNIT_EXPECT_EQ_MSG(test, threads[i].result, 0, "thread %u", i);
	KUNIT_EXPECT_GT(test, awake.looks, 0ul);
	monitor_expect_flushed(f->monitor);
}

/**
 * struct wait_test - accesses that wait, and who ends that
 * @f: the fixture
 * @read: words that readers found in their pages
 * @ended: readers that ended
 * @end: how the waits end
 */
struct wait_test {
	struct space_fixture *f;
	atomic_t read;
	atomic_t ended;
	void (*end)(struct wait_test *t, const u64 *gpas, unsigned int n);
};

/* Wait for two pages, in turn, and with one page two readers. */
static int wait_reader(void *arg)
{
	struct wait_test *t = arg;
	u64 val = 0;
	int err = axas_read(t->f->space, axas_gpa(WIN + 16), &val, sizeof(val));

	if (!err && val == word_of(WIN, 0))
		atomic_inc(&t->read);
	atomic_inc(&t->ended);
	return err;
}

static int wait_writer(void *arg)
{
	struct wait_test *t = arg;
	u64 val = 7;
	int err = axas_write(t->f->space, axas_gpa(BLOCK - 4), &val, sizeof(val));

	atomic_inc(&t->ended);
	return err;
}

/* Supply, or end otherwise, whatever is reported. */
static int wait_server(void *arg)
{
	struct wait_test *t = arg;
	unsigned int n;
	u64 gpas[2];
	bool more;

	while (atomic_read(&t->ended) < 3) {
		n = axas_space_get_missing(t->f->space, false, gpas, ARRAY_SIZE(gpas), &more);
		t->end(t, gpas, n);
		schedule_timeout_uninterruptible(1);
	}
	return 0;
}

static void end_by_supply(struct wait_test *t, const u64 *gpas, unsigned int n)
{
	while (n)
		KUNIT_EXPECT_EQ(t->f->test, supply(t->f, gpas[--n], SZ_4K), 0);
}

static void end_by_zero(struct wait_test *t, const u64 *gpas, unsigned int n)
{
	while (n)
		KUNIT_EXPECT_EQ(t->f->test, supply_zero(t->f, gpas[--n], SZ_4K), 0);
}

static void end_by_unmap(struct wait_test *t, const u64 *gpas, unsigned int n)
{
	while (n)
		KUNIT_EXPECT_EQ(t->f->test, space_unmap(t->f, gpas[--n], SZ_4K), 0);
}

static void end_by_protect(struct wait_test *t, const u64 *gpas, unsigned int n)
{
	while (n)
		KUNIT_EXPECT_EQ(t->f->test, space_protect(t->f, gpas[--n], SZ_4K, 0), 0);
}

static void run_waiters(struct space_fixture *f, int result, int reads,
			void (*end)(struct wait_test *t, const u64 *gpas, unsigned int n))
{
	struct wait_test t = { .f = f, .end = end };
	struct test_thread threads[] = {
		{ wait_reader, &t }, { wait_reader, &t }, { wait_writer, &t }, { wait_server, &t },
	};
	unsigned int i;

	KUNIT_ASSERT_EQ(f->test, map_missing(f, 0), 0);
	KUNIT_ASSERT_EQ(f->test, test_run_threads(threads, ARRAY_SIZE(threads)), 0);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ_MSG(f->test, threads[i].result, result, "thread %u", i);
	KUNIT_EXPECT_EQ(f->test, atomic_read(&t.read), reads);
	axas_space_clear(f->space);
	space_expect_empty(f);
}

static void accesses_wait_until_the_page_is_there(struct kunit *test)
{
	run_waiters(test->priv, 0, 2, end_by_supply);
	run_waiters(test->priv, 0, 0, end_by_zero);
}

static void accesses_wait_until_the_page_is_gone(struct kunit *test)
{
	run_waiters(test->priv, -EFAULT, 0, end_by_unmap);
	/* ept, gstage and svm cannot all say "no read": then the pages are read-only at least. */
	if (axas_npt_can(&((struct space_fixture *)test->priv)->space->npt, 0, AXAS_TYPE_NORMAL))
		run_waiters(test->priv, -EACCES, 0, end_by_protect);
}

/* The list itself */

static void each_page_is_reported_once(struct kunit *test)
{
	struct axas_missing missing;
	struct axas_waiter waiters[4];
	u64 gpas[4] = {};
	unsigned int i;
	bool more;

	axas_missing_init(&missing);
	for (i = 0; i < ARRAY_SIZE(waiters); i++)
		axas_missing_add(&missing, &waiters[i], WIN + i / 2 * SZ_4K + 5);
	KUNIT_EXPECT_EQ(test, axas_missing_get(&missing, gpas, 4, &more), 0u);
	KUNIT_EXPECT_FALSE(test, axas_missing_any(&missing));
	for (i = 0; i < ARRAY_SIZE(waiters); i++)
		waiters[i].state = AXAS_WAITER_UNTOLD;
	KUNIT_EXPECT_TRUE(test, axas_missing_any(&missing));
	KUNIT_EXPECT_EQ(test, axas_missing_get(&missing, gpas, 1, &more), 1u);
	KUNIT_EXPECT_TRUE(test, more);
	KUNIT_EXPECT_EQ(test, gpas[0], WIN);
	KUNIT_EXPECT_EQ(test, axas_missing_get(&missing, gpas, 4, &more), 1u);
	KUNIT_EXPECT_FALSE(test, more);
	KUNIT_EXPECT_EQ(test, gpas[0], WIN + SZ_4K);
	KUNIT_EXPECT_FALSE(test, axas_missing_any(&missing));
	axas_missing_untell(&missing);
	KUNIT_EXPECT_EQ(test, axas_missing_get(&missing, gpas, 4, &more), 2u);
	axas_missing_wake(&missing, WIN + SZ_4K, WIN + SZ_8K - 1);
	axas_missing_untell(&missing);
	KUNIT_EXPECT_EQ(test, axas_missing_get(&missing, gpas, 4, &more), 1u);
	for (i = 0; i < ARRAY_SIZE(waiters); i++)
		axas_missing_del(&missing, &waiters[i]);
	KUNIT_EXPECT_TRUE(test, list_empty(&missing.waiters));
}

/* Who comes to a page that was reported does not have it reported again. */
static void a_page_is_told_once(struct kunit *test)
{
	struct axas_waiter waiters[3];
	struct axas_missing missing;
	unsigned int i;
	u64 gpas[2];
	bool more;

	axas_missing_init(&missing);
	for (i = 0; i < ARRAY_SIZE(waiters); i++) {
		axas_missing_add(&missing, &waiters[i], WIN + i / 2 * SZ_4K);
		/* Nobody has to wait. */
		complete(&waiters[i].done);
	}
	KUNIT_EXPECT_EQ(test, axas_missing_sleep(&missing, &waiters[0], false), 0);
	KUNIT_EXPECT_EQ(test, axas_missing_get(&missing, gpas, 2, &more), 1u);
	KUNIT_EXPECT_EQ(test, gpas[0], WIN);
	KUNIT_EXPECT_EQ(test, axas_missing_sleep(&missing, &waiters[1], false), 0);
	KUNIT_EXPECT_EQ(test, axas_missing_get(&missing, gpas, 2, &more), 0u);
	KUNIT_EXPECT_EQ(test, axas_missing_sleep(&missing, &waiters[2], false), 0);
	KUNIT_EXPECT_EQ(test, axas_missing_get(&missing, gpas, 2, &more), 1u);
	KUNIT_EXPECT_EQ(test, gpas[0], WIN + SZ_4K);
	for (i = 0; i < ARRAY_SIZE(waiters); i++)
		axas_missing_del(&missing, &waiters[i]);
}

/* Races */

/**
 * struct race - one thread's part
 * @f: the fixture
 * @seed: its content
 * @won: pages that it supplied
 */
struct race {
	struct space_fixture *f;
	u64 seed;
	unsigned int won;
};

static int race_supply(void *arg)
{
	struct race *race = arg;
	unsigned int i;
	u64 done;
	int err;

	for (i = 0; i < RACE_PAGES; i++) {
		err = supply_seed(race->f, WIN + i * SZ_4K, SZ_4K, race->seed, false, &done);
		if (err && err != -EEXIST)
			return err;
		race->won += !err;
		cond_resched();
	}
	return 0;
}

/* Whose content the page has, all of it. */
static unsigned int winner_of(struct space_fixture *f, u64 gpa)
{
	u64 *word = (u64 *)space_mem(f, gpa);
	u64 seed = word ? *word - word_of(gpa, 0) : 0;

	expect_words(f, gpa, SZ_4K, seed);
	return seed / SZ_1G;
}

static void one_of_two_suppliers_wins(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct race races[] = { { f, SZ_1G }, { f, 2ull * SZ_1G } };
	struct test_thread threads[] = { { race_supply, &races[0] }, { race_supply, &races[1] } };
	unsigned int i, pages[3] = {};

	KUNIT_ASSERT_EQ(test, map_missing(f, 0), 0);
	KUNIT_ASSERT_EQ(test, test_run_threads(threads, ARRAY_SIZE(threads)), 0);
	for (i = 0; i < RACE_PAGES; i++)
		pages[min(winner_of(f, WIN + i * SZ_4K), 2u)]++;
	for (i = 0; i < ARRAY_SIZE(races); i++) {
		KUNIT_EXPECT_EQ(test, threads[i].result, 0);
		KUNIT_EXPECT_EQ(test, races[i].won, pages[1 + i]);
	}
	KUNIT_EXPECT_EQ(test, pages[1] + pages[2], RACE_PAGES);
	space_expect_balanced(f);
}

/* Supplies, of pages and of blocks, and guests, beside removals of all kinds. */
static int storm_supply(void *arg)
{
	struct race *race = arg;
	u64 done, gpa, size;
	int i, err = 0;

	for (i = 0; i < ROUNDS && !err; i++) {
		gpa = i % 16 ? WIN + i * 37 % 960 * SZ_4K : BLOCK;
		size = i % 16 ? SZ_4K << i % 5 : SZ_2M;
		err = i % 5 ? supply_seed(race->f, gpa, size, race->seed, i % 2, &done) :
			      supply_zero(race->f, gpa, size);
		if (err == -EEXIST || err == -ENOENT)
			err = 0;
		cond_resched();
	}
	return err;
}

/* A guest never sees a page other than missing, zero or whole. */
static int storm_guest(void *arg)
{
	struct race *race = arg;
	u64 gpa, words[2];
	int i, err;

	for (i = 0; i < 4 * ROUNDS; i++) {
		gpa = WIN + i * 13 % 1024 * SZ_4K;
		if (space_fault(race->f, gpa, TEST_R) > AXAS_FAULT_SPURIOUS)
			continue;
		err = axas_read(race->f->space, axas_gpa(gpa + SZ_4K - 16), words, sizeof(words));
		if (!err && (words[0] != words[1] ||
			     (words[0] && (words[0] - word_of(gpa, 0)) % SZ_1G)))
			return -EIO;
		cond_resched();
	}
	return 0;
}

static int storm_remove(void *arg)
{
	struct race *race = arg;
	struct axas_space *space = race->f->space;
	struct axas_gpa_range range;
	int i, err = 0;
	u64 n;

	for (i = 0; i < ROUNDS && !err; i++) {
		range = gpa_range(WIN + i * 29 % 768 * SZ_4K, SZ_1M);
		err = i % 4 == 0 ? axas_space_discard(space, &range, 1, &n) :
		      i % 4 == 1 ? axas_space_protect(space, range, i % 8 ? TEST_R : TEST_RW) :
		      i % 4 == 2 ? axas_space_collapse(space, gpa_range(WIN, WIN_SIZE), &n) :
		      axas_space_unmap(space, range) ?:
		      axas_space_map_alloc(space, range, TEST_RW, AXAS_TYPE_NORMAL,
					   AXAS_MAP_MISSING | AXAS_MAP_MISSING_FAIL);
		cond_resched();
	}
	return err;
}

static void supply_beside_removals(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct race races[] = { { f, SZ_1G }, { f, 2ull * SZ_1G } };
	struct test_thread threads[] = {
		{ storm_supply, &races[0] }, { storm_supply, &races[1] },
		{ storm_guest, &races[0] }, { storm_remove, &races[0] },
	};
	unsigned int i;

	f->mock->reuse = true;
	KUNIT_ASSERT_EQ(test, map_missing(f, AXAS_MAP_MISSING_FAIL), 0);
	KUNIT_ASSERT_EQ(test, test_run_threads(threads, ARRAY_SIZE(threads)), 0);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		KUNIT_EXPECT_EQ_MSG(test, threads[i].result, 0, "thread %u", i);
	monitor_expect_flushed(f->monitor);
	space_expect_balanced(f);
	axas_space_clear(f->space);
	space_expect_empty(f);
}

static struct kunit_case supply_cases[] = {
	KUNIT_CASE_PARAM(a_missing_page_gets_no_frame, space_gen_params),
	KUNIT_CASE(wrong_flags_are_refused),
	KUNIT_CASE_PARAM(supplied_pages_have_their_content, space_gen_params),
	KUNIT_CASE_PARAM(whole_blocks_take_a_large_frame, space_gen_params),
	KUNIT_CASE_PARAM(a_block_of_two_areas_takes_small_frames, space_gen_params),
	KUNIT_CASE_PARAM(a_page_that_is_there_is_not_overwritten, space_gen_params),
	KUNIT_CASE_PARAM(supply_needs_an_area_with_missing_pages, space_gen_params),
	KUNIT_CASE_PARAM(a_source_may_fail, space_gen_params),
	KUNIT_CASE_PARAM(zeroes_take_no_frames, space_gen_params),
	KUNIT_CASE_PARAM(zeroes_of_a_block_come_apart, space_gen_params),
	KUNIT_CASE_PARAM(a_discarded_page_is_zero_and_not_missing, space_gen_params),
	KUNIT_CASE_PARAM(discarded_blocks_are_zero, space_gen_params),
	KUNIT_CASE_PARAM(populate_fills_zeroes_only, space_gen_params),
	KUNIT_CASE_PARAM(supply_from_a_space, space_gen_params),
	KUNIT_CASE_PARAM(code_is_supplied_with_few_fences, space_gen_params),
	KUNIT_CASE_PARAM(supply_without_memory_can_go_on, space_gen_params),
	KUNIT_CASE_PARAM(no_large_frame_is_no_error, space_gen_params),
	KUNIT_CASE_PARAM(supply_keeps_to_the_limit, space_gen_params),
	KUNIT_CASE_PARAM(a_logged_area_may_have_missing_pages, space_gen_params),
	KUNIT_CASE_PARAM(a_log_keeps_pages_of_zeroes, space_gen_params),
	KUNIT_CASE_PARAM(discarded_zeroes_end_with_their_area, space_gen_params),
	KUNIT_CASE(a_dying_task_supplies_nothing),
	KUNIT_CASE(an_access_may_fail_at_once),
	KUNIT_CASE(a_kernel_thread_does_not_wait_for_ever),
	KUNIT_CASE(a_missing_page_is_not_made_private),
	KUNIT_CASE_PARAM(a_page_that_came_back_since_the_walk_is_not_missing, space_gen_params),
	KUNIT_CASE_PARAM(nobody_waits_for_a_page_that_is_there, space_gen_params),
	KUNIT_CASE_PARAM(accesses_wait_until_the_page_is_there, space_gen_params),
	KUNIT_CASE_PARAM(accesses_wait_until_the_page_is_gone, space_gen_params),
	KUNIT_CASE(each_page_is_reported_once),
	KUNIT_CASE(a_page_is_told_once),
	KUNIT_CASE_PARAM(one_of_two_suppliers_wins, space_gen_params),
	KUNIT_CASE_PARAM(supply_beside_removals, space_gen_params),
	{}
};

struct kunit_suite axas_space_supply_suite = {
	.name = "axas_space_supply",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = supply_cases,
};
