// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leaves that are replaced beside readers (axas_space_cow.c): by a leaf of another frame, and by
 * a table. The fixture's monitor checks break-before-make and that nothing is freed too early.
 */
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/prandom.h>
#include <linux/sched.h>

#include "space_fixture.h"

static struct axas_npt_pos find(struct space_fixture *f, u64 gpa)
{
	struct axas_npt_cursor cursor;
	struct axas_npt_pos pos;

	axas_npt_walk(&f->space->npt, &cursor, gpa, &pos);
	return pos;
}

static struct axas_hpa new_frame(struct space_fixture *f)
{
	struct axas_backend alloc = axas_alloc(f->space->npt.hal);
	struct axas_hpa hpa = axas_hpa(AXAS_HPA_NONE);

	KUNIT_EXPECT_EQ(f->test, axas_pool_get(&f->space->pool, &alloc, 0, 0, 0, &hpa, 1), 1u);
	axas_pool_settle(&f->space->pool);
	return hpa;
}

static void drop_frame(struct space_fixture *f, struct axas_hpa hpa)
{
	struct axas_backend alloc = axas_alloc(f->space->npt.hal);

	axas_pool_unget(&f->space->pool, &alloc, 0, &hpa, 1);
}

/* Replace the 4 KiB leaf at @gpa by one of another frame with the same content; free the old. */
static bool move_page(struct space_fixture *f, u64 gpa)
{
	struct axas_space *space = f->space;
	struct axas_hpa hpa = new_frame(f), old;
	struct axas_npt_pos pos;
	bool done = false;

	down_read(&space->lock);
	pos = find(f, gpa);
	old = hpa;
	if (!pos.level && axas_npt_kind(&space->npt, &pos) == AXAS_PT_LEAF) {
		old = axas_npt_leaf_hpa(&space->npt, pos.entry);
		memcpy(axas_hal_va(space->npt.hal, hpa), axas_hal_va(space->npt.hal, old),
		       AXAS_FRAME_SIZE);
		done = axas_space_replace_leaf(space, &pos, gpa,
					       axas_npt_make_leaf(&space->npt, hpa,
								  pos.entry &
								  space->npt.leaf_fixed));
	}
	up_read(&space->lock);
	drop_frame(f, done ? old : hpa);
	return done;
}

static void another_frame_takes_a_leafs_place(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 hpa, val = 0;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_64K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, axas_write_obj(f->space, axas_gpa(WIN), AXAS_WIDTH_64, 0x1234), 0);
	KUNIT_ASSERT_EQ(test, space_protect(f, WIN, SZ_64K, TEST_R), 0);
	hpa = space_hpa(f, WIN);
	space_attach(f);
	KUNIT_EXPECT_TRUE(test, move_page(f, WIN));
	monitor_expect_flushed(f->monitor);
	space_expect_one_flush(f, WIN, SZ_4K);
	KUNIT_EXPECT_NE(test, space_hpa(f, WIN), hpa);
	space_expect_leaf(f, WIN, space_hpa(f, WIN), TEST_R);
	KUNIT_EXPECT_TRUE(test, f->space->npt.marked);
	KUNIT_EXPECT_EQ(test, axas_read_obj(f->space, axas_gpa(WIN), AXAS_WIDTH_64, &val), 0);
	KUNIT_EXPECT_EQ(test, val, 0x1234ull);
}

/**
 * struct at_flush - a consumer that looks at an address in each flush
 * @consumer: its registration
 * @f: the fixture
 * @gpa: the address
 * @busy: flushes in which its entry was BUSY
 * @nowait: result of axas_space_fault_nowait() there
 */
struct at_flush {
	struct axas_consumer consumer;
	struct space_fixture *f;
	u64 gpa;
	unsigned int busy;
	int nowait;
};

static void look_at_flush(struct axas_consumer *consumer, const struct axas_flush *flush,
			  struct cpumask *cpus)
{
	struct at_flush *at = container_of(consumer, struct at_flush, consumer);
	struct axas_npt_pos pos = find(at->f, at->gpa);
	struct leaf_entry leaf;

	if (axas_npt_kind(&at->f->space->npt, &pos) == AXAS_PT_BUSY &&
	    !monitor_leaf(at->f->monitor, at->gpa, &leaf))
		at->busy++;
}

/* Not in request(): it runs with preemption off. */
static void fault_at_flush(struct axas_consumer *consumer, const struct axas_flush *flush)
{
	struct at_flush *at = container_of(consumer, struct at_flush, consumer);

	at->nowait = space_fault_nowait(at->f, at->gpa, TEST_R);
}

static const struct axas_consumer_ops at_flush_ops = {
	.request = look_at_flush, .wait = fault_at_flush,
};

static void there_is_no_leaf_between_claim_and_settle(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct at_flush at = { .consumer.ops = &at_flush_ops, .f = f, .gpa = WIN + SZ_8K };

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_64K, TEST_R), 0);
	KUNIT_ASSERT_EQ(test, axas_space_attach(f->space, &at.consumer), 0);
	KUNIT_EXPECT_TRUE(test, move_page(f, at.gpa));
	KUNIT_EXPECT_EQ(test, at.busy, 1u);
	KUNIT_EXPECT_EQ(test, at.nowait, AXAS_FAULT_RETRY);
	axas_space_detach(f->space, &at.consumer);
	KUNIT_EXPECT_EQ(test, space_fault(f, at.gpa, TEST_R), AXAS_FAULT_SPURIOUS);
}

/* Hardware sets an accessed or dirty bit between the walk and the claim: nothing is lost. */
static void a_claim_fails_if_hardware_was_first(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_npt *npt = &f->space->npt;
	struct axas_npt_pos pos;
	u64 hw;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_64K, TEST_R), 0);
	pos = find(f, WIN);
	hw = npt->fmt->hw_bits;
	if (!hw)
		return;	/* this format makes leaves with all of them */
	pos.entry &= ~hw;
	WRITE_ONCE(*pos.ptep, pos.entry | hw);
	down_read(&f->space->lock);
	KUNIT_EXPECT_FALSE(test, axas_space_replace_leaf(f->space, &pos, WIN, 0));
	KUNIT_EXPECT_EQ(test, pos.entry & hw, hw);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*pos.ptep), pos.entry);
	KUNIT_EXPECT_TRUE(test, axas_space_replace_leaf(f->space, &pos, WIN, pos.entry));
	up_read(&f->space->lock);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*pos.ptep), pos.entry);
}

/**
 * struct waiter - a task that meets a BUSY entry, and one that holds it
 * @f: the fixture
 * @gpa: the address of the entry
 * @busy: the entry is BUSY
 * @begun: the other is about to look
 * @done: it has got its result
 */
struct waiter {
	struct space_fixture *f;
	u64 gpa;
	struct completion busy;
	struct completion begun;
	bool done;
};

static int wait_fault(struct waiter *w)
{
	return space_fault(w->f, w->gpa, TEST_R) == AXAS_FAULT_SPURIOUS ? 0 : -EIO;
}

static int wait_translate(struct waiter *w)
{
	struct axas_translation to;

	return axas_space_translate(w->f->space, axas_gpa(w->gpa), &to);
}

static int wait_read(struct waiter *w)
{
	u64 val;

	return axas_read_obj(w->f->space, axas_gpa(w->gpa), AXAS_WIDTH_64, &val);
}

static int wait_populate(struct waiter *w)
{
	u64 done;

	return axas_space_populate(w->f->space, gpa_range(w->gpa, SZ_4K), &done);
}

static int (*const waits[])(struct waiter *w) = {
	wait_fault, wait_translate, wait_read, wait_populate,
};

struct wait_one {
	struct waiter *w;
	int (*fn)(struct waiter *w);
};

static int run_waiter(void *arg)
{
	struct wait_one *one = arg;
	int err;

	wait_for_completion(&one->w->busy);
	complete(&one->w->begun);
	err = one->fn(one->w);
	WRITE_ONCE(one->w->done, true);
	return err;
}

/* Hold the entry BUSY for many more ticks than there are tries without sleep. */
static int hold_busy(void *arg)
{
	struct waiter *w = arg;
	struct axas_npt *npt = &w->f->space->npt;
	struct axas_npt_pos pos;
	bool early;
	u64 leaf;

	down_read(&w->f->space->lock);
	pos = find(w->f, w->gpa);
	leaf = pos.entry;
	if (!axas_npt_claim(npt, &pos)) {
		up_read(&w->f->space->lock);
		complete(&w->busy);
		return -EBUSY;
	}
	complete(&w->busy);
	axas_space_flush(w->f->space, w->gpa, w->gpa + SZ_4K - 1, false);
	wait_for_completion(&w->begun);
	schedule_timeout_uninterruptible(2 * AXAS_TRIES);
	early = READ_ONCE(w->done);
	axas_npt_settle(npt, &pos, leaf);
	up_read(&w->f->space->lock);
	return early ? -EUCLEAN : 0;
}

static void who_meets_a_busy_entry_waits_for_its_leaf(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_64K, TEST_R), 0);
	for (i = 0; i < ARRAY_SIZE(waits); i++) {
		struct waiter w = { .f = f, .gpa = WIN + SZ_4K };
		struct wait_one one = { &w, waits[i] };
		struct test_thread threads[] = {
			{ hold_busy, &w }, { run_waiter, &one },
		};

		init_completion(&w.busy);
		init_completion(&w.begun);
		KUNIT_ASSERT_EQ(test, test_run_threads(threads, ARRAY_SIZE(threads)), 0);
		KUNIT_EXPECT_EQ_MSG(test, threads[0].result, 0, "holder %u", i);
		KUNIT_EXPECT_EQ_MSG(test, threads[1].result, 0, "waiter %u", i);
	}
}

/* Else a real-time task could keep the entry's owner from the CPU for ever. */
static void after_some_tries_a_wait_sleeps(struct kunit *test)
{
	unsigned int tries = 0, i;
	unsigned long start;

	for (i = 1; i < AXAS_TRIES; i++)
		axas_space_pause(&tries);
	start = jiffies;
	for (i = 0; i < 100; i++)
		axas_space_pause(&tries);
	KUNIT_EXPECT_NE(test, jiffies, start);
}

/* lseek(SEEK_HOLE) and reservations of tables count a leaf that is being replaced. */
static void a_busy_entry_is_found_as_a_leaf(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_npt *npt = &f->space->npt;
	struct axas_npt_pos pos;
	u64 found, leaf, tables;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, BORDER, SZ_2M, TEST_R), 0);
	down_read(&f->space->lock);
	pos = find(f, BORDER);
	KUNIT_ASSERT_EQ(test, pos.level, 1u);
	leaf = pos.entry;
	KUNIT_ASSERT_TRUE(test, axas_npt_claim(npt, &pos));
	axas_space_flush(f->space, BORDER, BORDER + SZ_2M - 1, false);
	up_read(&f->space->lock);
	KUNIT_EXPECT_EQ(test, axas_space_seek(f->space, axas_gpa(BORDER), true, &found), 0);
	KUNIT_EXPECT_EQ(test, found, BORDER);
	KUNIT_EXPECT_EQ(test, axas_space_seek(f->space, axas_gpa(BORDER), false, &found), 0);
	KUNIT_EXPECT_EQ(test, found, BORDER + SZ_2M);
	KUNIT_EXPECT_EQ(test, axas_npt_count_split_at(npt, BORDER + SZ_4K), 1ull);
	KUNIT_EXPECT_EQ(test, axas_npt_count_split_at(npt, BORDER), 0ull);
	KUNIT_EXPECT_EQ(test, axas_npt_count_split_all(npt, BORDER, BORDER + SZ_2M - 1, &tables),
			0);
	KUNIT_EXPECT_EQ(test, tables, 1ull);
	axas_npt_settle(npt, &pos, leaf);
}

static void expect_leaves(struct space_fixture *f, u64 small, u64 large)
{
	struct axas_info info;

	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(f->test, info.leaves[0], small);
	KUNIT_EXPECT_EQ(f->test, info.leaves[1], large);
}

/* A read-only 2 MiB leaf, with the bits that hardware sets, becomes 512 that say the same. */
static void a_large_leaf_is_split_beside_readers(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_npt *npt = &f->space->npt;
	struct axas_npt_pos pos;
	u64 hpa, at;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, BORDER, SZ_2M, TEST_R), 0);
	hpa = space_hpa(f, BORDER);
	pos = find(f, BORDER);
	KUNIT_ASSERT_EQ(test, pos.level, 1u);
	WRITE_ONCE(*pos.ptep, pos.entry | npt->fmt->hw_bits);
	space_attach(f);
	KUNIT_EXPECT_EQ(test, axas_space_split_leaf(f->space, BORDER + SZ_1M), 0);
	monitor_expect_flushed(f->monitor);
	space_expect_one_flush(f, BORDER, SZ_2M);
	expect_leaves(f, 512, 0);
	for (at = 0; at < SZ_2M; at += SZ_64K) {
		space_expect_leaf(f, BORDER + at, hpa + at, TEST_R);
		KUNIT_EXPECT_EQ(test, find(f, BORDER + at).entry & npt->fmt->hw_bits,
				npt->fmt->hw_bits);
	}
	/* Once more: there is nothing to split, and the table goes back. */
	KUNIT_EXPECT_EQ(test, axas_space_split_leaf(f->space, BORDER + SZ_1M), 0);
	KUNIT_EXPECT_EQ(test, f->flushes, 1u);
	space_expect_balanced(f);
}

static void a_1g_leaf_is_split_level_by_level(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	if (!(f->space->npt.caps.leaf_levels & BIT(2)))
		return;
	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER, SZ_1G, LINEAR, TEST_R), 0);
	KUNIT_EXPECT_EQ(test, axas_space_split_leaf(f->space, BORDER + 5 * SZ_2M), 0);
	expect_leaves(f, 0, 512);
	KUNIT_EXPECT_EQ(test, axas_space_split_leaf(f->space, BORDER + 5 * SZ_2M), 0);
	expect_leaves(f, 512, 511);
	space_expect_leaf(f, BORDER + 5 * SZ_2M + SZ_4K, LINEAR + 5 * SZ_2M + SZ_4K, TEST_R);
	KUNIT_EXPECT_EQ(test, space_unmap(f, BORDER, SZ_1G), 0);
}

static void a_split_without_memory_changes_nothing(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, BORDER, SZ_2M, TEST_R), 0);
	space_attach(f);
	mock_hal_fail_nth(f->mock, 1);
	KUNIT_EXPECT_EQ(test, axas_space_split_leaf(f->space, BORDER), -ENOMEM);
	mock_hal_fail_never(f->mock);
	KUNIT_EXPECT_EQ(test, f->flushes, 0u);
	expect_leaves(f, 0, 1);
}

#define ROUNDS		1500
#define STRESS_PAGES	64u

/**
 * struct crowd - one thread of the stress
 * @f: the fixture
 * @rnd: its random numbers
 * @moved: pages that it moved
 */
struct crowd {
	struct space_fixture *f;
	struct rnd_state rnd;
	u64 moved;
};

static u64 some_page(struct crowd *c)
{
	return prandom_u32_state(&c->rnd) % STRESS_PAGES * (u64)SZ_4K;
}

static void take_turns(struct crowd *c, u32 one_in)
{
	if (!(prandom_u32_state(&c->rnd) % one_in))
		schedule_timeout_uninterruptible(1);
}

/* Two of these: each entry has one owner. */
static int splitter(void *arg)
{
	struct crowd *c = arg;
	unsigned int i;
	int err = 0;

	for (i = 0; i < ROUNDS && !err; i++) {
		u64 at = some_page(c);

		err = axas_space_split_leaf(c->f->space, BORDER + at);
		take_turns(c, 100);
	}
	return err;
}

static int collapser(void *arg)
{
	struct crowd *c = arg;
	unsigned int i;
	int err = 0;
	u64 n;

	for (i = 0; i < ROUNDS / 4 && !err; i++) {
		err = axas_space_collapse(c->f->space, gpa_range(BORDER, SZ_2M), &n);
		c->moved += n;
		take_turns(c, 10);
	}
	return err;
}

/* All pages hold their number. */
static int read_step(struct crowd *c, u64 at, bool fault)
{
	u64 val = 0;
	int err;

	if (fault)
		return axas_space_fault(c->f->space, axas_gpa(BORDER + at), TEST_R, NULL) >
		       AXAS_FAULT_SPURIOUS ? -EIO : 0;
	err = axas_read_obj(c->f->space, axas_gpa(BORDER + at), AXAS_WIDTH_64, &val);
	return err ?: val == at + 1 ? 0 : -EUCLEAN;
}

static int reader(void *arg)
{
	struct crowd *c = arg;
	unsigned int i;
	int err = 0;

	for (i = 0; i < ROUNDS && !err; i++) {
		err = read_step(c, some_page(c), i & 1);
		take_turns(c, 100);
	}
	return err;
}

static void splits_beside_readers_and_collapses(struct kunit *test)
{
	int (*const fns[])(void *arg) = { splitter, splitter, collapser, reader, reader };
	struct space_fixture *f = test->priv;
	struct test_thread threads[ARRAY_SIZE(fns)];
	struct crowd crowd[ARRAY_SIZE(fns)];
	unsigned int i;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, BORDER, SZ_2M, TEST_RW), 0);
	for (i = 0; i < STRESS_PAGES; i++)
		KUNIT_ASSERT_EQ(test, axas_write_obj(f->space, axas_gpa(BORDER + i * (u64)SZ_4K),
						     AXAS_WIDTH_64, i * (u64)SZ_4K + 1), 0);
	KUNIT_ASSERT_EQ(test, space_protect(f, BORDER, SZ_2M, TEST_R), 0);
	for (i = 0; i < ARRAY_SIZE(fns); i++) {
		crowd[i] = (struct crowd){ .f = f };
		prandom_seed_state(&crowd[i].rnd, 7 + i);
		threads[i] = (struct test_thread){ fns[i], &crowd[i] };
	}
	KUNIT_ASSERT_EQ(test, test_run_threads(threads, ARRAY_SIZE(fns)), 0);
	for (i = 0; i < ARRAY_SIZE(fns); i++)
		KUNIT_EXPECT_EQ_MSG(test, threads[i].result, 0, "thread %u", i);
	KUNIT_EXPECT_GT(test, crowd[2].moved, 0ull);
	monitor_expect_flushed(f->monitor);
	space_expect_balanced(f);
}

static struct kunit_case cow_cases[] = {
	KUNIT_CASE_PARAM(another_frame_takes_a_leafs_place, space_gen_params),
	KUNIT_CASE_PARAM(there_is_no_leaf_between_claim_and_settle, space_gen_params),
	KUNIT_CASE_PARAM(a_claim_fails_if_hardware_was_first, space_gen_params),
	KUNIT_CASE_PARAM(who_meets_a_busy_entry_waits_for_its_leaf, space_gen_params),
	KUNIT_CASE(after_some_tries_a_wait_sleeps),
	KUNIT_CASE_PARAM(a_busy_entry_is_found_as_a_leaf, space_gen_params),
	KUNIT_CASE_PARAM(a_large_leaf_is_split_beside_readers, space_gen_params),
	KUNIT_CASE_PARAM(a_1g_leaf_is_split_level_by_level, space_gen_params),
	KUNIT_CASE_PARAM(a_split_without_memory_changes_nothing, space_gen_params),
	KUNIT_CASE_PARAM(splits_beside_readers_and_collapses, space_gen_params),
	{}
};

struct kunit_suite axas_space_cow_suite = {
	.name = "axas_space_cow",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = cow_cases,
};
