// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shared areas (axas_shared.c): a source, which exports its frames, and a space that maps them,
 * both over Linux's allocator but where allocations shall fail.
 */
#include <linux/bvec.h>
#include <linux/err.h>

#include <axas/image.h>

#include "axas_shared.h"
#include "space_fixture.h"

/* Where the source has its memory, and where the other space maps it. */
#define THERE	((u64)SZ_64M)
#define HERE	BORDER
#define SIZE	((u64)SZ_64K)

/**
 * struct pair - two spaces
 * @f: the fixture, for failing allocations; its space is not used otherwise
 * @source: has an alloc area of SIZE bytes at THERE
 * @space: maps it at HERE
 */
struct pair {
	struct space_fixture *f;
	struct axas_space *source;
	struct axas_space *space;
};

static struct axas_space *linux_space(struct space_fixture *f, u64 max_frames)
{
	struct axas_space_params params = { .hal = &axas_hal_linux, .max_frames = max_frames };
	struct axas_space *space = space_another(f, &params);

	KUNIT_ASSERT_FALSE(f->test, IS_ERR(space));
	return space;
}

static int map_source(struct axas_space *source, u32 prot, u32 flags)
{
	return axas_space_map_alloc(source, gpa_range(THERE, SIZE), prot, TEST_NORMAL, flags);
}

static int share(struct pair *p, u32 prot)
{
	return axas_space_map_shared(p->space, gpa_range(HERE, SIZE), p->source, axas_gpa(THERE),
				     prot, 0);
}

static struct pair make_pair(struct kunit *test, u32 prot)
{
	struct pair p = { .f = test->priv };

	p.source = linux_space(p.f, 0);
	p.space = linux_space(p.f, 0);
	KUNIT_ASSERT_EQ(test, map_source(p.source, TEST_RWX, 0), 0);
	KUNIT_ASSERT_EQ(test, share(&p, prot), 0);
	return p;
}

static void end_pair(struct pair *p)
{
	axas_space_put(p->space);
	axas_space_put(p->source);
}

static int fault(struct axas_space *space, u64 gpa, u32 access)
{
	return axas_space_fault(space, axas_gpa(gpa), access, NULL);
}

static int put(struct axas_space *space, u64 gpa, u64 val)
{
	return axas_write_obj(space, axas_gpa(gpa), AXAS_WIDTH_64, val);
}

static void expect_val(struct pair *p, struct axas_space *space, u64 gpa, u64 val)
{
	u64 is = ~val;

	KUNIT_EXPECT_EQ(p->f->test, axas_read_obj(space, axas_gpa(gpa), AXAS_WIDTH_64, &is), 0);
	KUNIT_EXPECT_EQ(p->f->test, is, val);
}

/* Frames of the source, those that the space shares, and those that the source exports. */
static void expect_counts(struct pair *p, u64 frames, u64 shared, u64 exported)
{
	struct axas_info source, space;

	axas_space_get_info(p->source, &source);
	axas_space_get_info(p->space, &space);
	KUNIT_EXPECT_EQ(p->f->test, source.frames, frames);
	KUNIT_EXPECT_EQ(p->f->test, source.exported, exported);
	KUNIT_EXPECT_EQ(p->f->test, space.shared, shared);
	KUNIT_EXPECT_EQ(p->f->test, space.frames, 0ull);
}

static int discard(struct axas_space *space, u64 gpa)
{
	struct axas_gpa_range range = gpa_range(gpa, SZ_4K);
	u64 done;

	return axas_space_discard(space, &range, 1, &done);
}

static void both_spaces_have_one_memory(struct kunit *test)
{
	struct pair p = make_pair(test, TEST_RW);

	expect_counts(&p, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, put(p.source, THERE + SZ_4K, 1), 0);
	expect_val(&p, p.space, HERE + SZ_4K, 1);
	expect_counts(&p, 1, 1, 1);
	KUNIT_EXPECT_EQ(test, put(p.space, HERE + SZ_4K, 2), 0);
	expect_val(&p, p.source, THERE + SZ_4K, 2);
	/* What the source never touched comes from there, too. */
	KUNIT_EXPECT_EQ(test, fault(p.space, HERE + SZ_8K, TEST_W), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, fault(p.space, HERE + SZ_8K, TEST_W), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, fault(p.source, THERE + SZ_8K, TEST_W), AXAS_FAULT_SPURIOUS);
	expect_counts(&p, 2, 2, 2);
	end_pair(&p);
}

static void populate_shares_all(struct kunit *test)
{
	struct pair p = make_pair(test, TEST_R);
	u64 done, at;

	for (at = 0; at < SIZE; at += SZ_8K)
		KUNIT_EXPECT_EQ(test, put(p.source, THERE + at, at), 0);
	KUNIT_EXPECT_EQ(test, fault(p.space, HERE + SZ_16K, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, axas_space_populate(p.space, gpa_range(HERE, SIZE), &done), 0);
	expect_counts(&p, SIZE / SZ_4K, SIZE / SZ_4K, SIZE / SZ_4K);
	for (at = 0; at < SIZE; at += SZ_8K)
		expect_val(&p, p.space, HERE + at, at);
	end_pair(&p);
}

/* What one side gives back, the other keeps. */
static void unmapped_pages_stay_on_the_other_side(struct kunit *test)
{
	struct pair p = make_pair(test, TEST_RW);
	struct bio_vec bvec;

	KUNIT_EXPECT_EQ(test, put(p.space, HERE, 1), 0);
	KUNIT_EXPECT_EQ(test, put(p.space, HERE + SZ_4K, 2), 0);
	KUNIT_EXPECT_EQ(test, put(p.space, HERE + SZ_8K, 3), 0);
	KUNIT_ASSERT_EQ(test, axas_space_bvec(p.space, gpa_range(HERE, SZ_4K), TEST_RW, &bvec, 1),
			1);
	KUNIT_EXPECT_EQ(test, page_count(bvec.bv_page), 3);
	KUNIT_EXPECT_EQ(test, axas_space_unmap(p.source, gpa_range(THERE, SZ_4K)), 0);
	KUNIT_EXPECT_EQ(test, page_count(bvec.bv_page), 2);
	expect_val(&p, p.space, HERE, 1);
	expect_counts(&p, 2, 3, 3);
	KUNIT_EXPECT_EQ(test, discard(p.source, THERE + SZ_4K), 0);
	expect_val(&p, p.source, THERE + SZ_4K, 0);
	expect_val(&p, p.space, HERE + SZ_4K, 2);
	KUNIT_EXPECT_EQ(test, discard(p.space, HERE + SZ_4K), 0);
	expect_val(&p, p.space, HERE + SZ_4K, 0);
	KUNIT_EXPECT_EQ(test, axas_space_unmap(p.space, gpa_range(HERE, SIZE)), 0);
	KUNIT_EXPECT_EQ(test, page_count(bvec.bv_page), 1);
	expect_val(&p, p.source, THERE + SZ_8K, 3);
	expect_counts(&p, 2, 0, 0);
	axas_space_bvec_put(&bvec, 1);
	end_pair(&p);
}

/* Never more than the source permits at the first touch, nor than was asked for at the start. */
static void protection_has_a_bound(struct kunit *test)
{
	struct pair p = make_pair(test, TEST_RW);
	struct axas_gpa_range here = gpa_range(HERE, SIZE), there = gpa_range(THERE, SIZE);

	KUNIT_EXPECT_EQ(test, axas_space_protect(p.space, here, TEST_RWX), -EACCES);
	KUNIT_EXPECT_EQ(test, axas_space_protect(p.space, here, TEST_R), 0);
	KUNIT_EXPECT_EQ(test, fault(p.space, HERE, TEST_W), AXAS_FAULT_DENIED);
	KUNIT_EXPECT_EQ(test, axas_space_protect(p.space, here, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, put(p.space, HERE, 1), 0);
	KUNIT_EXPECT_EQ(test, axas_space_protect(p.source, there, TEST_R), 0);
	KUNIT_EXPECT_EQ(test, put(p.space, HERE, 2), 0);
	KUNIT_EXPECT_EQ(test, fault(p.space, HERE + SZ_4K, TEST_W), AXAS_FAULT_DENIED);
	KUNIT_EXPECT_EQ(test, fault(p.space, HERE + SZ_4K, TEST_R), AXAS_FAULT_DENIED);
	expect_counts(&p, 1, 1, 1);
	axas_space_clear(p.space);
	KUNIT_EXPECT_EQ(test, share(&p, TEST_RW), -EACCES);
	KUNIT_EXPECT_EQ(test, share(&p, TEST_R), 0);
	KUNIT_EXPECT_EQ(test, fault(p.space, HERE + SZ_4K, TEST_R), AXAS_FAULT_FIXED);
	end_pair(&p);
}

/* The source pays, and its limit counts; a limit of the other space does not. */
static void limit_of_the_source_counts(struct kunit *test)
{
	struct pair p = { .f = test->priv };
	u64 done;

	p.source = linux_space(p.f, 2);
	p.space = linux_space(p.f, 1);
	KUNIT_ASSERT_EQ(test, map_source(p.source, TEST_RW, 0), 0);
	KUNIT_ASSERT_EQ(test, share(&p, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, fault(p.space, HERE, TEST_W), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, fault(p.space, HERE + SZ_4K, TEST_W), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, fault(p.space, HERE + SZ_8K, TEST_W), AXAS_FAULT_NOMEM);
	KUNIT_EXPECT_EQ(test, axas_space_populate(p.space, gpa_range(HERE, SIZE), &done), -ENOMEM);
	KUNIT_EXPECT_EQ(test, done, (u64)SZ_8K);
	expect_counts(&p, 2, 2, 2);
	KUNIT_EXPECT_EQ(test, atomic64_read(&p.space->pool.charged), 0ll);
	KUNIT_EXPECT_EQ(test, atomic_read(&p.space->pool.on_the_way), 0);
	KUNIT_EXPECT_EQ(test, axas_space_unmap(p.space, gpa_range(HERE, SIZE)), 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&p.space->pool.charged), 0ll);
	end_pair(&p);
}

static void only_own_memory_is_exported(struct kunit *test)
{
	struct pair p = make_pair(test, TEST_RW);
	struct axas_gpa_range far = gpa_range(SZ_2G, SZ_8K);
	struct space_fixture *f = p.f;

	/* A chain. */
	KUNIT_EXPECT_EQ(test, axas_space_map_shared(p.source, far, p.space, axas_gpa(HERE), TEST_R,
						    0), -EOPNOTSUPP);
	/* Beyond the area, and before it. */
	KUNIT_EXPECT_EQ(test, axas_space_map_shared(p.space, far, p.source,
						    axas_gpa(THERE + SIZE - SZ_4K), TEST_R, 0),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, axas_space_map_shared(p.space, far, p.source,
						    axas_gpa(THERE - SZ_4K), TEST_R, 0), -EFAULT);
	KUNIT_EXPECT_EQ(test, axas_space_map_linear(p.source, far, axas_hpa(LINEAR), TEST_R,
						    TEST_NORMAL), 0);
	KUNIT_EXPECT_EQ(test, axas_space_map_shared(p.space, far, p.source, far.start, TEST_R, 0),
			-EOPNOTSUPP);
	/* Memory of another HAL. */
	KUNIT_EXPECT_EQ(test, space_map_alloc(f, WIN, SZ_8K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, axas_space_map_shared(p.space, far, f->space, axas_gpa(WIN), TEST_R,
						    0), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, axas_space_map_shared(p.space, far, p.source, axas_gpa(THERE + 1),
						    TEST_R, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, axas_space_map_shared(p.space, far, p.source, axas_gpa(THERE),
						    TEST_R, AXAS_MAP_POPULATE), -EINVAL);
	KUNIT_EXPECT_EQ(test, share(&p, TEST_R), -EEXIST);
	end_pair(&p);
}

/* Areas that turned into shares of each other end in errors, not in each other. */
static void cycles_end(struct kunit *test)
{
	struct pair p = make_pair(test, TEST_RW);
	u64 val;

	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(p.space, gpa_range(SZ_2G, SIZE), TEST_RW,
						   TEST_NORMAL, 0), 0);
	KUNIT_EXPECT_EQ(test, axas_space_unmap(p.source, gpa_range(THERE, SIZE)), 0);
	KUNIT_EXPECT_EQ(test, fault(p.space, HERE, TEST_R), AXAS_FAULT_ERROR);
	KUNIT_EXPECT_EQ(test, axas_space_map_shared(p.source, gpa_range(THERE, SIZE), p.space,
						    axas_gpa(SZ_2G), TEST_RW, 0), 0);
	KUNIT_EXPECT_EQ(test, axas_space_unmap(p.space, gpa_range(SZ_2G, SIZE)), 0);
	KUNIT_EXPECT_EQ(test, fault(p.space, HERE, TEST_R), AXAS_FAULT_ERROR);
	KUNIT_EXPECT_EQ(test, fault(p.source, THERE, TEST_R), AXAS_FAULT_ERROR);
	KUNIT_EXPECT_EQ(test, axas_read_obj(p.space, axas_gpa(HERE), AXAS_WIDTH_8, &val), -EIO);
	/* Nor is memory exported that has become linear. */
	axas_space_clear(p.source);
	KUNIT_EXPECT_EQ(test, axas_space_map_linear(p.source, gpa_range(THERE, SIZE),
						    axas_hpa(LINEAR), TEST_RW, TEST_NORMAL), 0);
	KUNIT_EXPECT_EQ(test, fault(p.space, HERE, TEST_R), AXAS_FAULT_ERROR);
	end_pair(&p);
}

/* Spaces that share into each other are freed, and each in turn is gone first. */
static void source_may_go_first(struct kunit *test)
{
	struct pair p = make_pair(test, TEST_RW);
	u64 val;

	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(p.space, gpa_range(SZ_2G, SIZE), TEST_RW,
						   TEST_NORMAL, 0), 0);
	KUNIT_ASSERT_EQ(test, axas_space_map_shared(p.source, gpa_range(SZ_2G, SIZE), p.space,
						    axas_gpa(SZ_2G), TEST_RW, 0), 0);
	KUNIT_EXPECT_EQ(test, put(p.source, SZ_2G, 5), 0);
	KUNIT_EXPECT_EQ(test, put(p.space, HERE, 7), 0);
	axas_space_put(p.source);
	expect_val(&p, p.space, HERE, 7);
	KUNIT_EXPECT_EQ(test, fault(p.space, HERE + SZ_4K, TEST_R), AXAS_FAULT_ERROR);
	KUNIT_EXPECT_EQ(test, axas_read_obj(p.space, axas_gpa(HERE + SZ_4K), AXAS_WIDTH_8, &val),
			-EIO);
	KUNIT_EXPECT_EQ(test, axas_shared_exported(p.space), 0ull);
	KUNIT_EXPECT_EQ(test, axas_space_protect(p.space, gpa_range(HERE, SIZE), TEST_R), 0);
	expect_val(&p, p.space, HERE, 7);
	axas_space_put(p.space);
}

static void space_shares_with_itself(struct kunit *test)
{
	struct pair p = { .f = test->priv };

	p.source = linux_space(p.f, 0);
	p.space = p.source;
	KUNIT_ASSERT_EQ(test, map_source(p.source, TEST_RW, 0), 0);
	KUNIT_ASSERT_EQ(test, share(&p, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, put(p.space, HERE + SZ_4K, 7), 0);
	expect_val(&p, p.source, THERE + SZ_4K, 7);
	KUNIT_EXPECT_EQ(test, axas_space_unmap(p.source, gpa_range(THERE, SIZE)), 0);
	expect_val(&p, p.source, HERE + SZ_4K, 7);
	KUNIT_EXPECT_EQ(test, map_source(p.source, TEST_RW, 0), 0);
	KUNIT_EXPECT_EQ(test, put(p.space, HERE, 8), 0);
	axas_space_put(p.source);
}

/* Pieces of large frames, whole or not, stay when the source has let go of all of it. */
static void pieces_of_large_frames_are_exported(struct kunit *test)
{
	static const u32 flags[] = { AXAS_MAP_HUGE_ALWAYS, AXAS_MAP_HUGE_WHOLE };
	struct axas_gpa_range there = gpa_range(THERE, SZ_2M);
	struct pair p = { .f = test->priv };
	struct axas_info info;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		p.source = linux_space(p.f, 0);
		p.space = linux_space(p.f, 0);
		KUNIT_ASSERT_EQ(test, axas_space_map_alloc(p.source, there, TEST_RW, TEST_NORMAL,
							   flags[i]), 0);
		KUNIT_ASSERT_EQ(test, axas_space_map_shared(p.space, gpa_range(HERE, SZ_2M),
							    p.source, there.start, TEST_RW,
							    AXAS_MAP_HUGE_ALWAYS), 0);
		KUNIT_EXPECT_EQ(test, put(p.space, HERE + SZ_1M, 9), 0);
		axas_space_get_info(p.source, &info);
		KUNIT_EXPECT_EQ(test, info.leaves[1], 1ull);
		expect_counts(&p, 512, 1, 1);
		KUNIT_EXPECT_EQ(test, axas_space_unmap(p.source, there), 0);
		expect_val(&p, p.space, HERE + SZ_1M, 9);
		expect_counts(&p, 0, 1, 1);
		end_pair(&p);
	}
}

static bool is_logged(struct axas_space *space, u64 page)
{
	unsigned long bits[BITS_TO_LONGS(SIZE / SZ_4K)] = {};
	u64 epoch;

	return !axas_space_get_log(space, gpa_range(THERE, SIZE), bits, &epoch) &&
	       test_bit(page, bits);
}

/* The source's log cannot see writes by another space: what is exported stays written. */
static void exported_pages_stay_in_the_log(struct kunit *test)
{
	struct pair p = make_pair(test, TEST_RW);
	unsigned long bits[BITS_TO_LONGS(SIZE / SZ_4K)] = { ~0ul };
	u64 epoch;

	KUNIT_ASSERT_EQ(test, axas_space_start_log(p.source, gpa_range(THERE, SIZE), &epoch), 0);
	KUNIT_EXPECT_EQ(test, put(p.source, THERE, 1), 0);
	KUNIT_EXPECT_EQ(test, put(p.space, HERE + SZ_4K, 2), 0);
	KUNIT_EXPECT_TRUE(test, is_logged(p.source, 0));
	KUNIT_EXPECT_TRUE(test, is_logged(p.source, 1));
	KUNIT_EXPECT_EQ(test, axas_space_clear_log(p.source, gpa_range(THERE, SIZE), bits, &epoch),
			0);
	KUNIT_EXPECT_FALSE(test, is_logged(p.source, 0));
	KUNIT_EXPECT_TRUE(test, is_logged(p.source, 1));
	axas_space_clear(p.space);
	KUNIT_EXPECT_EQ(test, axas_space_clear_log(p.source, gpa_range(THERE, SIZE), bits, &epoch),
			0);
	KUNIT_EXPECT_FALSE(test, is_logged(p.source, 1));
	end_pair(&p);
}

/* So is what was exported before the log started. */
static void exported_pages_are_in_a_new_log(struct kunit *test)
{
	struct pair p = make_pair(test, TEST_RW);
	u64 epoch;

	KUNIT_EXPECT_EQ(test, put(p.source, THERE, 1), 0);
	KUNIT_EXPECT_EQ(test, put(p.space, HERE + SZ_4K, 2), 0);
	KUNIT_ASSERT_EQ(test, axas_space_start_log(p.source, gpa_range(THERE, SIZE), &epoch), 0);
	/* By a leaf that the source's log does not narrow. */
	KUNIT_EXPECT_EQ(test, fault(p.space, HERE + SZ_4K, TEST_W), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_FALSE(test, is_logged(p.source, 0));
	KUNIT_EXPECT_TRUE(test, is_logged(p.source, 1));
	end_pair(&p);
}

/* A table of a whole block collapses here, and its leaf goes back in pieces. */
static void shared_leaves_collapse(struct kunit *test)
{
	struct pair p = { .f = test->priv };
	u64 done;

	p.source = linux_space(p.f, 0);
	p.space = linux_space(p.f, 0);
	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(p.source, gpa_range(THERE, SZ_2M), TEST_RW,
						   TEST_NORMAL, AXAS_MAP_HUGE_ALWAYS), 0);
	KUNIT_ASSERT_EQ(test, axas_space_map_shared(p.space, gpa_range(HERE, SZ_2M), p.source,
						    axas_gpa(THERE), TEST_RW, 0), 0);
	KUNIT_ASSERT_EQ(test, fault(p.source, THERE, TEST_W), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, axas_space_populate(p.space, gpa_range(HERE, SZ_2M), &done), 0);
	KUNIT_EXPECT_EQ(test, axas_space_collapse(p.space, gpa_range(HERE, SZ_2M), &done), 0);
	KUNIT_EXPECT_EQ(test, done, 1ull);
	expect_counts(&p, 512, 512, 512);
	KUNIT_EXPECT_EQ(test, axas_space_unmap(p.source, gpa_range(THERE, SZ_2M)), 0);
	KUNIT_EXPECT_EQ(test, axas_space_unmap(p.space, gpa_range(HERE + SZ_4K, SZ_1M)), 0);
	expect_counts(&p, 0, 256, 256);
	expect_val(&p, p.space, HERE, 0);
	end_pair(&p);
}

/* With the mock's allocations failing: nothing changes, and the next attempt succeeds. */
static void after_a_reset_nothing_is_shared(struct kunit *test)
{
	struct pair p = { .f = test->priv };
	struct axas_image *image;

	p.source = linux_space(p.f, 0);
	p.space = linux_space(p.f, 0);
	image = axas_space_freeze(p.space);
	KUNIT_ASSERT_FALSE(test, IS_ERR(image));
	KUNIT_ASSERT_EQ(test, map_source(p.source, TEST_RWX, 0), 0);
	KUNIT_ASSERT_EQ(test, share(&p, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, put(p.space, HERE, 1), 0);
	expect_counts(&p, 1, 1, 1);
	KUNIT_EXPECT_EQ(test, axas_space_reset(p.space, image, AXAS_RESET_DROP), 0);
	expect_counts(&p, 1, 0, 0);
	KUNIT_ASSERT_EQ(test, share(&p, TEST_RW), 0);
	expect_val(&p, p.space, HERE, 1);
	expect_counts(&p, 1, 1, 1);
	axas_image_put(image);
	end_pair(&p);
}

static void failed_allocations_share_nothing(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_space_params params = {};
	unsigned int nth, failed = 1;
	struct pair p = { .f = f, .source = f->space };
	int result;

	p.space = space_another(f, &params);
	KUNIT_ASSERT_FALSE(test, IS_ERR(p.space));
	for (nth = 1; failed && nth < 50; nth++) {
		KUNIT_ASSERT_EQ(test, map_source(p.source, TEST_RW, 0), 0);
		KUNIT_ASSERT_EQ(test, share(&p, TEST_RW), 0);
		mock_hal_fail_nth(f->mock, nth);
		result = fault(p.space, HERE, TEST_W);
		failed = f->mock->failures;
		mock_hal_fail_never(f->mock);
		KUNIT_EXPECT_EQ(test, result, failed ? AXAS_FAULT_NOMEM : AXAS_FAULT_FIXED);
		KUNIT_EXPECT_EQ(test, axas_shared_exported(p.source), failed ? 0ull : 1ull);
		result = fault(p.space, HERE, TEST_W);
		KUNIT_EXPECT_EQ(test, result, failed ? AXAS_FAULT_FIXED : AXAS_FAULT_SPURIOUS);
		axas_space_clear(p.space);
		axas_space_clear(p.source);
	}
	KUNIT_EXPECT_GT(test, nth, 4u);
	axas_space_put(p.space);
}

#define ROUNDS	300

/**
 * struct swap - a thread that works on one of two spaces that share into each other
 * @mine: its space
 * @other: the other one
 */
struct swap {
	struct axas_space *mine;
	struct axas_space *other;
};

static int map_both(struct swap *s)
{
	int err = axas_space_map_alloc(s->mine, gpa_range(THERE, SIZE), TEST_RW, TEST_NORMAL, 0);

	if (err)
		return err;
	err = axas_space_map_shared(s->mine, gpa_range(HERE, SIZE), s->other, axas_gpa(THERE),
				    TEST_RW, 0);
	/* The other side may have unmapped or protected its memory. */
	return err == -EFAULT || err == -EACCES ? 0 : err;
}

static int touch_and_unmap(void *arg)
{
	struct swap *s = arg;
	unsigned int i;
	u64 at, done;
	int err = 0;

	for (i = 0; i < ROUNDS && !err; i++) {
		err = map_both(s);
		for (at = 0; at < SIZE && !err; at += SZ_4K) {
			fault(s->mine, HERE + at, TEST_W);
			fault(s->mine, THERE + at, TEST_R);
			cond_resched();
		}
		if (!err)
			axas_space_populate(s->mine, gpa_range(HERE, SIZE), &done);
		if (!err)
			err = axas_space_protect(s->mine, gpa_range(THERE, SIZE),
						 i & 1 ? TEST_R : TEST_RW);
		axas_space_clear(s->mine);
	}
	return err;
}

/* No deadlock, no lost page; under lockdep no order of two spaces' locks. */
static void spaces_share_into_each_other_at_once(struct kunit *test)
{
	struct pair p = { .f = test->priv };
	struct swap swaps[2];
	struct test_thread threads[2];
	unsigned int i;

	p.source = linux_space(p.f, 0);
	p.space = linux_space(p.f, 0);
	swaps[0] = (struct swap){ p.source, p.space };
	swaps[1] = (struct swap){ p.space, p.source };
	for (i = 0; i < 2; i++)
		threads[i] = (struct test_thread){ touch_and_unmap, &swaps[i] };
	KUNIT_ASSERT_EQ(test, test_run_threads(threads, 2), 0);
	KUNIT_EXPECT_EQ(test, threads[0].result, 0);
	KUNIT_EXPECT_EQ(test, threads[1].result, 0);
	expect_counts(&p, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, axas_shared_exported(p.space), 0ull);
	end_pair(&p);
}

/* No frame stays in stock. */
static void shared_exit(struct kunit *test)
{
	space_test_exit(test);
	axas_stock_drain();
}

static struct kunit_case shared_cases[] = {
	KUNIT_CASE_PARAM(both_spaces_have_one_memory, space_gen_params),
	KUNIT_CASE_PARAM(populate_shares_all, space_gen_params),
	KUNIT_CASE_PARAM(unmapped_pages_stay_on_the_other_side, space_gen_params),
	KUNIT_CASE_PARAM(protection_has_a_bound, space_gen_params),
	KUNIT_CASE(limit_of_the_source_counts),
	KUNIT_CASE(only_own_memory_is_exported),
	KUNIT_CASE(cycles_end),
	KUNIT_CASE(source_may_go_first),
	KUNIT_CASE(space_shares_with_itself),
	KUNIT_CASE_PARAM(pieces_of_large_frames_are_exported, space_gen_params),
	KUNIT_CASE_PARAM(exported_pages_stay_in_the_log, space_gen_params),
	KUNIT_CASE_PARAM(exported_pages_are_in_a_new_log, space_gen_params),
	KUNIT_CASE_PARAM(shared_leaves_collapse, space_gen_params),
	KUNIT_CASE_PARAM(after_a_reset_nothing_is_shared, space_gen_params),
	KUNIT_CASE_PARAM(failed_allocations_share_nothing, space_gen_params),
	KUNIT_CASE_PARAM(spaces_share_into_each_other_at_once, space_gen_params),
	{}
};

struct kunit_suite axas_shared_suite = {
	.name = "axas_shared",
	.init = space_test_init,
	.exit = shared_exit,
	.test_cases = shared_cases,
};
