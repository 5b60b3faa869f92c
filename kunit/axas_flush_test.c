// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flush requests to consumers: which ranges, and when. Ranges are guest-physical, as INVEPT,
 * TLBI IPAS2E1IS and HFENCE.GVMA take them (Defects 11, 12 and 13: the crate flushed the host's
 * own translations, on one CPU). Also, readers concurrent with a split never see a wrong
 * translation.
 */
#include <linux/delay.h>
#include <linux/kthread.h>

#include "space_fixture.h"

#define MANY	3

/**
 * struct watcher - a consumer that looks up an address at each flush request
 * @consumer: its registration with the space
 * @space: the space
 * @look_at: the address to look up
 * @flushes: number of requests
 * @empty: number of requests at which no leaf mapped @look_at
 * @range: the range of the last request
 */
struct watcher {
	struct axas_consumer consumer;
	struct axas_space *space;
	u64 look_at;
	unsigned int flushes;
	unsigned int empty;
	struct axas_gpa_range range;
};

static void watch_flush(struct axas_consumer *consumer, const struct axas_flush *flush,
			struct cpumask *cpus)
{
	struct watcher *w = container_of(consumer, struct watcher, consumer);
	struct axas_leaf leaf;

	w->flushes++;
	w->empty += !axas_npt_lookup(&w->space->npt, w->look_at, &leaf);
	w->range = flush->range;
}

static const struct axas_consumer_ops watch_ops = { .request = watch_flush };

static void watch(struct space_fixture *f, struct watcher *w, u64 look_at)
{
	*w = (struct watcher){
		.consumer = { .ops = &watch_ops }, .space = f->space, .look_at = look_at,
	};
	KUNIT_ASSERT_EQ(f->test, axas_space_attach(f->space, &w->consumer), 0);
}

/* Defect 11: every consumer is asked, wherever it runs. */
static void every_consumer_is_asked(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct watcher w[MANY];
	unsigned int i;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_64K, TEST_RW), 0);
	for (i = 0; i < MANY; i++)
		watch(f, &w[i], WIN);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_4K), 0);
	for (i = 0; i < MANY; i++) {
		KUNIT_EXPECT_EQ(test, w[i].flushes, 1u);
		KUNIT_EXPECT_EQ(test, w[i].empty, 1u);
		axas_space_detach(f->space, &w[i].consumer);
	}
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_64K), 0);
	KUNIT_EXPECT_EQ(test, w[0].flushes, 1u);
}

/* Defects 12 and 13: ranges are guest-physical, of whole pages, and exact. */
static void flush_names_the_guest_physical_range(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct watcher w;

	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER, SZ_4M, LINEAR, TEST_RW), 0);
	watch(f, &w, BORDER + SZ_2M);
	KUNIT_EXPECT_EQ(test, space_protect(f, BORDER + SZ_2M, SZ_2M, TEST_R), 0);
	KUNIT_EXPECT_EQ(test, w.flushes, 1u);
	KUNIT_EXPECT_EQ(test, w.empty, 0u);
	KUNIT_EXPECT_EQ(test, w.range.start.val, BORDER + SZ_2M);
	KUNIT_EXPECT_EQ(test, w.range.size, (u64)SZ_2M);
	axas_space_detach(f->space, &w.consumer);
}

static bool needs_break(const struct space_fixture *f)
{
	return f->kind->fmt == &axas_npt_s2 || f->kind->fmt == &axas_npt_fake;
}

/*
 * With break-before-make, a leaf that becomes a table is flushed while its entry is empty: once
 * for 1 GiB to 2 MiB, once for 2 MiB to 4 KiB. Without it, the old leaf stays until the table
 * replaces it.
 */
static void split_breaks_flushes_and_makes(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	bool bbm = needs_break(f);
	struct watcher w;

	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER, SZ_1G, LINEAR, TEST_RW), 0);
	watch(f, &w, BORDER + SZ_4K);
	KUNIT_EXPECT_EQ(test, space_protect(f, BORDER, SZ_4K, TEST_R), 0);
	/* The last flush is for the protection. */
	KUNIT_EXPECT_EQ(test, w.flushes, bbm ? 3u : 1u);
	KUNIT_EXPECT_EQ(test, w.empty, bbm ? 2u : 0u);
	space_expect_leaf(f, BORDER + SZ_4K, LINEAR + SZ_4K, TEST_RW);
	axas_space_detach(f->space, &w.consumer);
}

/*
 * A leaf of 1 GiB collapsed in several pieces: the piece that installs the leaf flushes all that
 * the leaf covers, not only the range of that piece.
 */
static void collapse_flushes_all_that_a_leaf_covers(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_leaf leaf;
	struct watcher w;
	u64 n;

	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER, SZ_1G, LINEAR, TEST_RWX), 0);
	space_split_leaves(f, BORDER, SZ_32M);
	watch(f, &w, BORDER);
	KUNIT_EXPECT_EQ(test, axas_space_collapse(f->space, gpa_range(BORDER, SZ_1G), &n), 0);
	KUNIT_EXPECT_EQ(test, n, SZ_32M / SZ_2M + 1ull);
	KUNIT_EXPECT_TRUE(test, axas_npt_lookup(&f->space->npt, BORDER, &leaf));
	KUNIT_EXPECT_EQ(test, leaf.level, 2u);
	KUNIT_EXPECT_GT(test, w.flushes, 1u);
	KUNIT_EXPECT_EQ(test, w.range.start.val, BORDER);
	KUNIT_EXPECT_EQ(test, w.range.size, (u64)SZ_1G);
	axas_space_detach(f->space, &w.consumer);
}

/**
 * struct reader - a thread that looks up addresses of a GiB during its split
 * @f: the fixture of the space
 * @may_be_empty: with break-before-make a lookup may find an empty entry
 * @stop: the thread shall end
 * @wrong: number of translations that were not those of the GiB
 * @seen: number of correct translations
 */
struct reader {
	struct space_fixture *f;
	bool may_be_empty;
	bool stop;
	unsigned int wrong;
	unsigned int seen;
};

static int read_on(void *arg)
{
	struct reader *r = arg;
	struct axas_leaf leaf;
	u64 at;

	for (at = 0; !READ_ONCE(r->stop); at = (at + SZ_2M - SZ_4K) % SZ_1G) {
		u64 gpa = BORDER + at;

		/* Not through the space: its lock would exclude the middle of a split. */
		if (axas_npt_lookup(&r->f->space->npt, gpa, &leaf)) {
			u64 in_leaf = gpa & (axas_npt_leaf_size(leaf.level) - 1);

			r->wrong += leaf.hpa.val + in_leaf != LINEAR + at;
			WRITE_ONCE(r->seen, r->seen + 1);
		} else if (!r->may_be_empty) {
			r->wrong++;
		}
		cond_resched();
	}
	return 0;
}

static int split_here_and_there(void *arg)
{
	struct reader *r = arg;
	unsigned int i;
	int err = 0;

	/* Else the splits may be over before the reader has begun. */
	while (!READ_ONCE(r->seen))
		usleep_range(50, 100);
	/* Only splits, which free no tables: the reader needs no section. */
	for (i = 0; i < 64 && !err; i++) {
		err = axas_space_protect(r->f->space,
					 gpa_range(BORDER + i * SZ_16M + SZ_4K, SZ_4K), TEST_R);
		usleep_range(50, 100);
	}
	WRITE_ONCE(r->stop, true);
	return err;
}

static void readers_beside_a_split_see_the_same(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct reader r = { .f = f, .may_be_empty = needs_break(f) };
	struct test_thread threads[] = {
		{ .fn = split_here_and_there, .arg = &r }, { .fn = read_on, .arg = &r },
	};

	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER, SZ_1G, LINEAR, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, test_run_threads(threads, 2), 0);
	KUNIT_EXPECT_EQ(test, threads[0].result, 0);
	KUNIT_EXPECT_EQ(test, r.wrong, 0u);
	KUNIT_EXPECT_GT(test, r.seen, 0u);
}

static struct kunit_case flush_cases[] = {
	KUNIT_CASE_PARAM(every_consumer_is_asked, space_gen_params),
	KUNIT_CASE_PARAM(flush_names_the_guest_physical_range, space_gen_params),
	KUNIT_CASE_PARAM(split_breaks_flushes_and_makes, space_gen_params),
	KUNIT_CASE_PARAM(collapse_flushes_all_that_a_leaf_covers, space_gen_params),
	KUNIT_CASE_PARAM(readers_beside_a_split_see_the_same, space_gen_params),
	{}
};

struct kunit_suite axas_flush_suite = {
	.name = "axas_flush",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = flush_cases,
};
