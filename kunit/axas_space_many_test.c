// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many areas (axas_space.c): trees of several levels, and each way to remove their areas. Z1: a
 * tree without MT_FLAGS_ALLOC_RANGE frees foreign memory when it loses a few thousand entries at
 * once.
 */
#include "space_fixture.h"

#define STEP	(2 * AXAS_FRAME_SIZE)	/* an area of a page, and a hole */

/* 100,000 only without KASAN, which takes a hundred times as long. */
static const unsigned int numbers[] = {
	1000, 3008, 5000, 20000,
#ifndef CONFIG_KASAN
	100000,
#endif
};

static void number_name(const unsigned int *nr, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u areas", *nr);
}

KUNIT_ARRAY_PARAM(number, numbers, number_name);

static int many_test_init(struct kunit *test)
{
	int err;

	/* The fixture expects another type of parameter. */
	const void *param = test->param_value;

	test->param_value = NULL;
	err = space_test_init(test);
	test->param_value = param;
	return err;
}

static u64 map_many(struct kunit *test)
{
	unsigned int nr = *(const unsigned int *)test->param_value, i;
	struct space_fixture *f = test->priv;

	for (i = 0; i < nr; i++)
		if (space_map_alloc(f, i * STEP, AXAS_FRAME_SIZE, TEST_RW))
			break;
	KUNIT_ASSERT_EQ(test, i, nr);
	return nr * STEP;
}

static void many_areas_are_unmapped_at_once(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 size = map_many(test);

	KUNIT_EXPECT_EQ(test, space_unmap(f, 0, size), 0);
	space_expect_areas(f, 0);
	/* The tree is intact: the range can hold an area, and only one. */
	KUNIT_EXPECT_EQ(test, space_map_alloc(f, 0, size, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, space_map_alloc(f, size - STEP, STEP, TEST_RW), -EEXIST);
}

static void many_areas_are_cleared(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 size = map_many(test);

	axas_space_clear(f->space);
	space_expect_areas(f, 0);
	KUNIT_EXPECT_EQ(test, space_map_alloc(f, 0, size, TEST_RW), 0);
}

static void many_areas_go_with_their_space(struct kunit *test)
{
	map_many(test);
}

static void many_areas_go_from_the_middle(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 size = map_many(test);
	u64 first = round_down(size / 4, STEP), bytes = round_down(size / 2, STEP);

	KUNIT_EXPECT_EQ(test, space_unmap(f, first, bytes), 0);
	KUNIT_EXPECT_EQ(test, space_map_alloc(f, first, bytes, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, space_map_alloc(f, first - STEP, STEP, TEST_RW), -EEXIST);
	KUNIT_EXPECT_EQ(test, space_map_alloc(f, first + bytes, STEP, TEST_RW), -EEXIST);
}

static struct kunit_case many_cases[] = {
	KUNIT_CASE_PARAM(many_areas_are_unmapped_at_once, number_gen_params),
	KUNIT_CASE_PARAM(many_areas_are_cleared, number_gen_params),
	KUNIT_CASE_PARAM(many_areas_go_with_their_space, number_gen_params),
	KUNIT_CASE_PARAM(many_areas_go_from_the_middle, number_gen_params),
	{}
};

struct kunit_suite axas_space_many_suite = {
	.name = "axas_space_many",
	.init = many_test_init,
	.exit = space_test_exit,
	.test_cases = many_cases,
};
