/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KUnit in user space, as far as our suites use it. Functions: ../../kunit_main.c.
 */
#ifndef SHIM_KUNIT_TEST_H
#define SHIM_KUNIT_TEST_H

#include <setjmp.h>
#include "../shim/kernel.h"

struct kunit {
	void *priv;
	const void *param_value;
	const char *name;
	int failures;
	bool skipped;
	char status_comment[256];
	struct list_head allocations;
	jmp_buf end;
};

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
	const void *(*generate_params)(const void *prev, char *desc);
};

struct kunit_suite {
	const char *name;
	int (*suite_init)(struct kunit_suite *suite);
	void (*suite_exit)(struct kunit_suite *suite);
	int (*init)(struct kunit *test);
	void (*exit)(struct kunit *test);
	struct kunit_case *test_cases;
};

#define KUNIT_CASE(fn)			{ .run_case = fn, .name = #fn }
#define KUNIT_CASE_SLOW(fn)		KUNIT_CASE(fn)
#define KUNIT_CASE_PARAM(fn, gen)	{ .run_case = fn, .name = #fn, .generate_params = gen }
#define KUNIT_CASE_PARAM_ATTR(fn, gen, attr) KUNIT_CASE_PARAM(fn, gen)
#define KUNIT_ARRAY_PARAM(name, array, get_desc)				\
static const void *name##_gen_params(const void *prev, char *desc)		\
{										\
	__typeof__((array)[0]) *next = prev ? (__typeof__(next))prev + 1 : (array); \
										\
	if (next - (array) >= (long)ARRAY_SIZE(array))				\
		return NULL;							\
	get_desc(next, desc);							\
	return next;								\
}

/* The suites of the program, for kunit_main.c. */
extern struct kunit_suite *const kunit_all_suites[];
#define kunit_test_suites(...)							\
	struct kunit_suite *const kunit_all_suites[] = { __VA_ARGS__, NULL }

void kunit_fail(struct kunit *test, const char *file, int line, const char *fmt, ...) __printf(4, 5);
__noreturn void kunit_end_case(struct kunit *test);
void *kunit_kmalloc(struct kunit *test, size_t size, gfp_t gfp);
#define kunit_kzalloc(test, size, gfp)	kunit_kmalloc(test, size, (gfp) | __GFP_ZERO)
#define kunit_kcalloc(test, n, size, gfp) kunit_kzalloc(test, size_mul(n, size), gfp)
#define kunit_kmalloc_array(test, n, size, gfp) kunit_kmalloc(test, size_mul(n, size), gfp)
#define kunit_info(test, fmt, ...)	printf("    # %s: " fmt "\n", (test)->name, ##__VA_ARGS__)
#define kunit_warn(test, fmt, ...)	kunit_info(test, fmt, ##__VA_ARGS__)
#define kunit_err(test, fmt, ...)	kunit_info(test, fmt, ##__VA_ARGS__)
#define kunit_mark_skipped(test, fmt, ...)					\
	((test)->skipped = true,						\
	 (void)snprintf((test)->status_comment, sizeof((test)->status_comment), fmt, ##__VA_ARGS__))
#define kunit_skip(test, fmt, ...)						\
	do { kunit_mark_skipped(test, fmt, ##__VA_ARGS__); kunit_end_case(test); } while (0)
#define KUNIT_FAIL(test, fmt, ...) kunit_fail(test, __FILE__, __LINE__, fmt, ##__VA_ARGS__)
#define KUNIT_SUCCEED(test)		((void)(test))

/* @die: the case ends; else it goes on. */
#define KUNIT_BINARY(test, die, a, op, b, fmt, ...)				\
do {										\
	__auto_type _left = (a);						\
	__auto_type _right = (b);						\
										\
	if (!(_left op _right)) {						\
		kunit_fail(test, __FILE__, __LINE__,				\
			   "expected %s " #op " %s, but %lld, %lld" fmt, #a, #b, \
			   (long long)(_left), (long long)(_right), ##__VA_ARGS__); \
		if (die)							\
			kunit_end_case(test);					\
	}									\
} while (0)

#define KUNIT_POINTERS(test, die, a, op, b, fmt, ...)				\
	KUNIT_BINARY(test, die, (long)(a), op, (long)(b), fmt, ##__VA_ARGS__)

#define KUNIT_EXPECT_EQ(t, a, b)	KUNIT_BINARY(t, false, a, ==, b, "")
#define KUNIT_EXPECT_NE(t, a, b)	KUNIT_BINARY(t, false, a, !=, b, "")
#define KUNIT_EXPECT_LT(t, a, b)	KUNIT_BINARY(t, false, a, <, b, "")
#define KUNIT_EXPECT_LE(t, a, b)	KUNIT_BINARY(t, false, a, <=, b, "")
#define KUNIT_EXPECT_GT(t, a, b)	KUNIT_BINARY(t, false, a, >, b, "")
#define KUNIT_EXPECT_GE(t, a, b)	KUNIT_BINARY(t, false, a, >=, b, "")
#define KUNIT_EXPECT_TRUE(t, c)		KUNIT_BINARY(t, false, !!(c), ==, true, " (%s)", #c)
#define KUNIT_EXPECT_FALSE(t, c)	KUNIT_BINARY(t, false, !!(c), ==, false, " (%s)", #c)
#define KUNIT_EXPECT_PTR_EQ(t, a, b)	KUNIT_POINTERS(t, false, a, ==, b, "")
#define KUNIT_EXPECT_PTR_NE(t, a, b)	KUNIT_POINTERS(t, false, a, !=, b, "")
#define KUNIT_EXPECT_NULL(t, a)		KUNIT_POINTERS(t, false, a, ==, NULL, "")
#define KUNIT_EXPECT_NOT_NULL(t, a)	KUNIT_POINTERS(t, false, a, !=, NULL, "")
#define KUNIT_EXPECT_NOT_ERR_OR_NULL(t, a) KUNIT_EXPECT_FALSE(t, IS_ERR_OR_NULL(a))
#define KUNIT_EXPECT_STREQ(t, a, b)	KUNIT_BINARY(t, false, strcmp(a, b), ==, 0, " (%s)", a)
#define KUNIT_EXPECT_MEMEQ(t, a, b, n)	KUNIT_BINARY(t, false, memcmp(a, b, n), ==, 0, "")
#define KUNIT_EXPECT_EQ_MSG(t, a, b, f, ...) KUNIT_BINARY(t, false, a, ==, b, " " f, ##__VA_ARGS__)
#define KUNIT_EXPECT_NE_MSG(t, a, b, f, ...) KUNIT_BINARY(t, false, a, !=, b, " " f, ##__VA_ARGS__)
#define KUNIT_EXPECT_GT_MSG(t, a, b, f, ...) KUNIT_BINARY(t, false, a, >, b, " " f, ##__VA_ARGS__)
#define KUNIT_EXPECT_GE_MSG(t, a, b, f, ...) KUNIT_BINARY(t, false, a, >=, b, " " f, ##__VA_ARGS__)
#define KUNIT_EXPECT_LT_MSG(t, a, b, f, ...) KUNIT_BINARY(t, false, a, <, b, " " f, ##__VA_ARGS__)
#define KUNIT_EXPECT_LE_MSG(t, a, b, f, ...) KUNIT_BINARY(t, false, a, <=, b, " " f, ##__VA_ARGS__)
#define KUNIT_EXPECT_TRUE_MSG(t, c, f, ...)					\
	KUNIT_BINARY(t, false, !!(c), ==, true, " " f, ##__VA_ARGS__)
#define KUNIT_EXPECT_FALSE_MSG(t, c, f, ...)					\
	KUNIT_BINARY(t, false, !!(c), ==, false, " " f, ##__VA_ARGS__)
#define KUNIT_EXPECT_PTR_EQ_MSG(t, a, b, f, ...)				\
	KUNIT_POINTERS(t, false, a, ==, b, " " f, ##__VA_ARGS__)
#define KUNIT_EXPECT_NULL_MSG(t, a, f, ...)					\
	KUNIT_POINTERS(t, false, a, ==, NULL, " " f, ##__VA_ARGS__)
#define KUNIT_EXPECT_NOT_NULL_MSG(t, a, f, ...)					\
	KUNIT_POINTERS(t, false, a, !=, NULL, " " f, ##__VA_ARGS__)
#define KUNIT_EXPECT_STREQ_MSG(t, a, b, f, ...)					\
	KUNIT_BINARY(t, false, strcmp(a, b), ==, 0, " " f, ##__VA_ARGS__)
#define KUNIT_ASSERT_EQ(t, a, b)	KUNIT_BINARY(t, true, a, ==, b, "")
#define KUNIT_ASSERT_NE(t, a, b)	KUNIT_BINARY(t, true, a, !=, b, "")
#define KUNIT_ASSERT_LT(t, a, b)	KUNIT_BINARY(t, true, a, <, b, "")
#define KUNIT_ASSERT_LE(t, a, b)	KUNIT_BINARY(t, true, a, <=, b, "")
#define KUNIT_ASSERT_GT(t, a, b)	KUNIT_BINARY(t, true, a, >, b, "")
#define KUNIT_ASSERT_GE(t, a, b)	KUNIT_BINARY(t, true, a, >=, b, "")
#define KUNIT_ASSERT_TRUE(t, c)		KUNIT_BINARY(t, true, !!(c), ==, true, " (%s)", #c)
#define KUNIT_ASSERT_FALSE(t, c)	KUNIT_BINARY(t, true, !!(c), ==, false, " (%s)", #c)
#define KUNIT_ASSERT_NULL(t, a)		KUNIT_POINTERS(t, true, a, ==, NULL, "")
#define KUNIT_ASSERT_NOT_NULL(t, a)	KUNIT_POINTERS(t, true, a, !=, NULL, "")
#define KUNIT_ASSERT_PTR_EQ(t, a, b)	KUNIT_POINTERS(t, true, a, ==, b, "")
#define KUNIT_ASSERT_NOT_ERR_OR_NULL(t, a) KUNIT_ASSERT_FALSE(t, IS_ERR_OR_NULL(a))
#define KUNIT_ASSERT_EQ_MSG(t, a, b, f, ...) KUNIT_BINARY(t, true, a, ==, b, " " f, ##__VA_ARGS__)
#define KUNIT_ASSERT_TRUE_MSG(t, c, f, ...)					\
	KUNIT_BINARY(t, true, !!(c), ==, true, " " f, ##__VA_ARGS__)

#endif /* SHIM_KUNIT_TEST_H */
