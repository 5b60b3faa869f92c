// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory types (axas_linear.c, axas_space.c): each byte of host-physical memory has one type in
 * all spaces, and the host's own memory is always cached.
 */
#include <linux/err.h>

#include "space_fixture.h"

#define NORMAL		AXAS_TYPE_NORMAL
#define DEVICE		AXAS_TYPE_DEVICE
#define UNCACHED	AXAS_TYPE_UNCACHED

static int map(struct axas_space *space, u64 gpa, u64 size, u64 hpa, u32 type)
{
	return axas_space_map_linear(space, gpa_range(gpa, size), axas_hpa(hpa), TEST_RW, type);
}

static struct axas_space *another(struct kunit *test)
{
	struct axas_space_params params = {};
	struct axas_space *space = space_another(test->priv, &params);

	KUNIT_ASSERT_FALSE(test, IS_ERR(space));
	return space;
}

/* S6: an uncached guest access would read a frame's former content from memory. */
static void frames_are_normal_memory(struct kunit *test)
{
	static const u32 flags[] = { 0, AXAS_MAP_POPULATE, AXAS_MAP_HUGE_ALWAYS };
	struct space_fixture *f = test->priv;
	unsigned int i;
	u32 type;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		for (type = DEVICE; type <= UNCACHED; type++)
			KUNIT_EXPECT_EQ(test, axas_space_map_alloc(f->space,
								   gpa_range(WIN, WIN_SIZE),
								   TEST_RW, type, flags[i]),
					-EOPNOTSUPP);
		KUNIT_EXPECT_EQ(test, axas_space_map_alloc(f->space, gpa_range(WIN, WIN_SIZE),
							   TEST_RW, UNCACHED + 1, flags[i]),
				-EINVAL);
	}
	space_expect_empty(f);
}

/* G12, as the tests below. */
static void memory_has_one_type_in_a_space(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, map(f->space, WIN, SZ_64K, LINEAR, NORMAL), 0);
	KUNIT_EXPECT_EQ(test, map(f->space, BORDER, SZ_64K, LINEAR, DEVICE), -EBUSY);
	KUNIT_EXPECT_EQ(test, map(f->space, BORDER, SZ_64K, LINEAR, UNCACHED), -EBUSY);
	/* An overlap of one page suffices. */
	KUNIT_EXPECT_EQ(test, map(f->space, BORDER, SZ_64K, LINEAR + SZ_64K - SZ_4K, DEVICE),
			-EBUSY);
	KUNIT_EXPECT_EQ(test, map(f->space, BORDER, SZ_64K, LINEAR - SZ_64K + SZ_4K, DEVICE),
			-EBUSY);
	space_expect_areas(f, 1);
	/* Another type may be adjacent, and the same type may overlap. */
	KUNIT_EXPECT_EQ(test, map(f->space, BORDER, SZ_64K, LINEAR + SZ_64K, DEVICE), 0);
	KUNIT_EXPECT_EQ(test, map(f->space, BORDER + SZ_64K, SZ_64K, LINEAR - SZ_64K, UNCACHED),
			0);
	KUNIT_EXPECT_EQ(test, map(f->space, BORDER + SZ_128K, SZ_64K, LINEAR, NORMAL), 0);
	/* The whole range has areas of three types. */
	KUNIT_EXPECT_EQ(test, map(f->space, BORDER + SZ_256K, SZ_256K, LINEAR - SZ_64K, NORMAL),
			-EBUSY);
}

static void memory_has_one_type_in_all_spaces(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_space *other = another(test), *third = another(test);

	KUNIT_EXPECT_EQ(test, map(f->space, WIN, SZ_64K, LINEAR, DEVICE), 0);
	KUNIT_EXPECT_EQ(test, map(other, WIN, SZ_64K, LINEAR, NORMAL), -EBUSY);
	KUNIT_EXPECT_EQ(test, map(other, WIN, SZ_64K, LINEAR, DEVICE), 0);
	KUNIT_EXPECT_EQ(test, map(third, WIN, SZ_4K, LINEAR + SZ_4K, UNCACHED), -EBUSY);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_64K), 0);
	KUNIT_EXPECT_EQ(test, map(third, WIN, SZ_4K, LINEAR + SZ_4K, UNCACHED), -EBUSY);
	/* The last put of a space removes its areas. */
	axas_space_put(other);
	KUNIT_EXPECT_EQ(test, map(third, WIN, SZ_4K, LINEAR + SZ_4K, UNCACHED), 0);
	axas_space_clear(third);
	KUNIT_EXPECT_EQ(test, map(f->space, WIN, SZ_64K, LINEAR, NORMAL), 0);
	axas_space_put(third);
}

/* A page's type is free once the piece of area that maps the page is removed, not before. */
static void type_follows_the_pieces_of_an_area(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_space *other = another(test);
	u64 piece;

	KUNIT_ASSERT_EQ(test, map(f->space, WIN, SZ_64K, LINEAR, DEVICE), 0);
	KUNIT_ASSERT_EQ(test, space_protect(f, WIN + SZ_16K, SZ_4K, TEST_R), 0);
	KUNIT_ASSERT_EQ(test, space_unmap(f, WIN + SZ_32K, SZ_4K), 0);
	for (piece = 0; piece < SZ_64K; piece += SZ_4K) {
		int want = piece == SZ_32K ? 0 : -EBUSY;

		KUNIT_EXPECT_EQ_MSG(test, map(other, WIN + piece, SZ_4K, LINEAR + piece, NORMAL),
				    want, "page at %#llx", piece);
	}
	KUNIT_EXPECT_EQ(test, map(f->space, BORDER, SZ_64K, LINEAR, DEVICE), -EBUSY);
	KUNIT_ASSERT_EQ(test, space_unmap(f, WIN, SZ_64K), 0);
	axas_space_clear(other);
	KUNIT_EXPECT_EQ(test, map(other, WIN, SZ_64K, LINEAR, NORMAL), 0);
	axas_space_put(other);
}

/* A call that fails claims no type. */
static void refused_areas_have_no_type(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	unsigned int nth;
	int err = -ENOMEM;

	KUNIT_ASSERT_EQ(test, map(f->space, WIN, SZ_4K, LINEAR, NORMAL), 0);
	KUNIT_EXPECT_EQ(test, map(f->space, WIN, SZ_64K, LINEAR + SZ_1M, NORMAL), -EEXIST);
	KUNIT_EXPECT_EQ(test, map(f->space, BORDER, SZ_64K, LINEAR + SZ_1M, DEVICE), 0);
	for (nth = 1; err == -ENOMEM; nth++) {
		mock_hal_fail_nth(f->mock, nth);
		err = map(f->space, BORDER + SZ_1G, SZ_4M, LINEAR + SZ_4M + SZ_4K, NORMAL);
		mock_hal_fail_never(f->mock);
		if (!err)
			break;
		KUNIT_EXPECT_EQ(test, map(f->space, BORDER + SZ_2G, SZ_4M,
					  LINEAR + SZ_4M + SZ_4K, DEVICE), 0);
		KUNIT_EXPECT_EQ(test, space_unmap(f, BORDER + SZ_2G, SZ_4M), 0);
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_GT(test, nth, 1u);
}

/* G12: the kernel maps its own memory cached. */
static void the_hosts_own_memory_is_normal(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	f->mock->ram = LINEAR;
	KUNIT_EXPECT_EQ(test, map(f->space, WIN, SZ_64K, LINEAR, DEVICE), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, map(f->space, WIN, SZ_64K, LINEAR, UNCACHED), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, map(f->space, WIN, SZ_64K, LINEAR - SZ_64K + SZ_4K, DEVICE),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, map(f->space, WIN, SZ_64K, LINEAR, NORMAL), 0);
	KUNIT_EXPECT_EQ(test, map(f->space, BORDER, SZ_64K, LINEAR - SZ_64K, DEVICE), 0);
}

static struct kunit_case linear_cases[] = {
	KUNIT_CASE_PARAM(frames_are_normal_memory, space_gen_params),
	KUNIT_CASE_PARAM(memory_has_one_type_in_a_space, space_gen_params),
	KUNIT_CASE_PARAM(memory_has_one_type_in_all_spaces, space_gen_params),
	KUNIT_CASE_PARAM(type_follows_the_pieces_of_an_area, space_gen_params),
	KUNIT_CASE_PARAM(refused_areas_have_no_type, space_gen_params),
	KUNIT_CASE_PARAM(the_hosts_own_memory_is_normal, space_gen_params),
	{}
};

struct kunit_suite axas_linear_suite = {
	.name = "axas_linear",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = linear_cases,
};
