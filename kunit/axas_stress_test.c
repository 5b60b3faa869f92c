// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many threads on one space: guests that fault, read and write, and one thread that maps,
 * unmaps, protects, discards, splits and collapses. A reader sees zeroes or the value written
 * for that address, never another frame's content; nothing leaks. With one CPU the threads
 * alternate where they sleep, with several they run concurrently.
 */
#include <linux/prandom.h>
#include <linux/sched.h>

#include "space_fixture.h"

#define GUESTS		3
#define ROUNDS		4000

/* Two blocks of 2 MiB, and some pages on both sides. */
#define STRESS_BASE	(BORDER - SZ_2M - SZ_64K)
#define STRESS_PAGES	(1024u + 32)

struct stress {
	struct space_fixture *f;
	struct rnd_state rnd;
	u64 accesses;
};

static u32 rnd(struct stress *s, u32 below)
{
	return prandom_u32_state(&s->rnd) % below;
}

static struct axas_gpa random_page(struct stress *s)
{
	return axas_gpa(STRESS_BASE + rnd(s, STRESS_PAGES) * (u64)SZ_4K);
}

static struct axas_gpa_range random_range(struct stress *s)
{
	u32 first = rnd(s, STRESS_PAGES), most = rnd(s, 4) ? 16 : STRESS_PAGES;

	return gpa_range(STRESS_BASE + first * (u64)SZ_4K,
			 (1 + rnd(s, min(most, STRESS_PAGES - first))) * (u64)SZ_4K);
}

/* The value that guests write to an address, and to no other. */
static u64 stamp(struct axas_gpa gpa)
{
	return gpa.val * 0x9e3779b97f4a7c15ull | 1;
}

/* Map errors that may occur at any time to 0. */
static int tolerated(int err)
{
	return err == -EFAULT || err == -EACCES ? 0 : err;
}

static int guest_step(struct stress *s)
{
	struct axas_space *space = s->f->space;
	struct axas_gpa gpa = random_page(s);
	struct axas_translation to;
	u64 val = 0, done;
	u64 some[8] = {};
	int err;

	switch (rnd(s, 11)) {
	case 0:
		err = axas_space_fault(space, gpa, TEST_R, NULL);
		return err == AXAS_FAULT_NOMEM || err == AXAS_FAULT_ERROR ? -EIO : 0;
	case 8:
		return axas_space_fault_nowait(space, gpa, TEST_R) > AXAS_FAULT_RETRY ? -EIO : 0;
	case 9:
		err = axas_space_translate(space, gpa, &to);
		return err == -ENOENT ? 0 : err;
	case 10:
		err = axas_read(space, gpa, some, sizeof(some));
		return some[0] && some[0] != stamp(gpa) ? -EUCLEAN : tolerated(err);
	case 1:
		return tolerated(axas_space_populate(space, gpa_range(gpa.val, SZ_4K), &done));
	case 2:
	case 3:
	case 4:
		return tolerated(axas_write_obj(space, gpa, AXAS_WIDTH_64, stamp(gpa)));
	default:
		err = axas_read_obj(space, gpa, AXAS_WIDTH_64, &val);
		s->accesses += !err;
		return val && val != stamp(gpa) ? -EUCLEAN : tolerated(err);
	}
}

/* Sleep now and then, so that the other threads run with one CPU, too. */
static void take_turns(struct stress *s, u32 one_in)
{
	if (!rnd(s, one_in))
		schedule_timeout_uninterruptible(1);
}

static int guest(void *arg)
{
	struct stress *s = arg;
	int i, err = 0;

	for (i = 0; i < ROUNDS && !err; i++) {
		err = guest_step(s);
		take_turns(s, 200);
	}
	return err;
}

static int change_step(struct stress *s)
{
	static const u32 flags[] = {
		0, AXAS_MAP_HUGE_ALWAYS, AXAS_MAP_HUGE_NEVER, AXAS_MAP_POPULATE,
		AXAS_MAP_HUGE_NEVER | AXAS_MAP_AROUND(4),
	};
	struct axas_space *space = s->f->space;
	struct axas_gpa_range range = random_range(s), ranges[2];
	u64 n;
	int err;

	switch (rnd(s, 11)) {
	case 10:
		return axas_space_set_policy(space, range, flags[rnd(s, 3)]);
	case 8:
	case 9:
		ranges[0] = range;
		ranges[1] = random_range(s);
		return axas_space_discard(space, ranges, 2, &n);
	case 0:
	case 1:
		return axas_space_unmap(space, range);
	case 2:
		return axas_space_protect(space, range, TEST_R);
	case 3:
		return axas_space_protect(space, range, TEST_RW);
	case 4:
		return axas_space_collapse(space, range, &n);
	default:
		err = axas_space_map_alloc(space, range, TEST_RW, AXAS_TYPE_NORMAL,
					   flags[rnd(s, ARRAY_SIZE(flags))]);
		return err == -EEXIST ? 0 : err;
	}
}

static int changer(void *arg)
{
	struct stress *s = arg;
	int i, err = 0;

	for (i = 0; i < ROUNDS / 4 && !err; i++) {
		err = change_step(s);
		take_turns(s, 25);
	}
	return err;
}

/* A flush whose wait is slow, as one that waits for other CPUs. */
static void no_request(struct axas_consumer *consumer, const struct axas_flush *flush,
		       struct cpumask *cpus)
{
}

static void slow_wait(struct axas_consumer *consumer, const struct axas_flush *flush)
{
	if (!(flush->range.start.val & (SZ_128K - 1)))
		schedule_timeout_uninterruptible(1);
}

static void guests_never_see_others_memory(struct kunit *test)
{
	static const struct axas_consumer_ops ops = { .request = no_request, .wait = slow_wait };
	struct axas_consumer consumer = { .ops = &ops };
	struct space_fixture *f = test->priv;
	struct test_thread threads[GUESTS + 1];
	struct stress stress[GUESTS + 1];
	u64 accesses = 0;
	unsigned int i;

	f->mock->reuse = true;
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, STRESS_BASE, STRESS_PAGES * (u64)SZ_4K, TEST_RW),
			0);
	KUNIT_ASSERT_EQ(test, axas_space_attach(f->space, &consumer), 0);
	for (i = 0; i <= GUESTS; i++) {
		stress[i] = (struct stress){ .f = f };
		prandom_seed_state(&stress[i].rnd, 99 + i);
		threads[i] = (struct test_thread){ i < GUESTS ? guest : changer, &stress[i] };
	}
	KUNIT_ASSERT_EQ(test, test_run_threads(threads, GUESTS + 1), 0);
	axas_space_detach(f->space, &consumer);
	for (i = 0; i <= GUESTS; i++) {
		KUNIT_EXPECT_EQ_MSG(test, threads[i].result, 0, "thread %u", i);
		accesses += stress[i].accesses;
	}
	KUNIT_EXPECT_GT(test, accesses, 100ull);
	space_expect_balanced(f);
	axas_space_clear(f->space);
	space_expect_empty(f);
}

static struct kunit_case stress_cases[] = {
	KUNIT_CASE_PARAM(guests_never_see_others_memory, space_gen_params),
	{}
};

struct kunit_suite axas_stress_suite = {
	.name = "axas_stress",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = stress_cases,
};
