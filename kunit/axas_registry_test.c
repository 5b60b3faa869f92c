// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backends of other modules (axas_registry.c): a type whose frames come from the mock and say which
 * offset they are for, and one that does all that a type must not.
 */
#include <linux/bvec.h>
#include <linux/err.h>
#include <linux/module.h>
#include <axas/backend.h>
#include <axas/frame.h>

#include "axas_registry.h"
#include "space_fixture.h"

/* What get() does wrong. */
enum wrong {
	RIGHT,
	MISALIGNED,
	AT_ZERO,	/* the frame is freed here, as put() is not told which it was */
	BEYOND_BITS,
	TOO_MANY,
	FAILS,
	NO_MEMORY,
	INTERRUPTED,
};

/**
 * struct box - an object
 * @f: the fixture
 * @opened: objects that were opened and not released
 * @out: 4 KiB frames that were got and not put
 * @gets: calls of get()
 * @most: the most frames that get() returns; 0: as many as asked for
 * @wrong: enum wrong
 * @hook: called once by get(), before it returns
 * @user: the last open() was for user space
 */
static struct box {
	struct space_fixture *f;
	int opened;
	long out;
	unsigned int gets;
	unsigned int most;
	enum wrong wrong;
	void (*hook)(struct space_fixture *f);
	bool user;
} box;

static int box_open(u64 arg, bool user, void **object)
{
	if (arg)
		return arg == 2 ? 1 : -ENXIO;
	box.opened++;
	box.user = user;
	*object = &box;
	return 0;
}

static void box_release(void *object)
{
	struct box *b = object;

	b->opened--;
}

static const struct axas_hal *box_hal(void)
{
	return &box.f->mock->hal;
}

static void sign(struct axas_hpa hpa, u64 offset, unsigned int order)
{
	unsigned int i;

	for (i = 0; i < 1u << order; i++, offset += SZ_4K) {
		u64 *mem = axas_hal_va(box_hal(), axas_hpa_offset(hpa, (u64)i * SZ_4K));

		*mem = offset;
	}
}

static int spoil(struct axas_hpa *hpas, int n)
{
	switch (box.wrong) {
	case MISALIGNED:
		hpas[n - 1].val += 8;
		return n;
	case AT_ZERO:
		axas_frames_free(box_hal(), 0, &hpas[n - 1], 1);
		hpas[n - 1].val = 0;
		return n;
	case BEYOND_BITS:
		hpas[n - 1].val |= BIT_ULL(60);
		return n;
	case TOO_MANY:
		return n + 1;
	default:
		return n;
	}
}

static int box_get(void *object, u64 offset, unsigned int order, struct axas_hpa *hpas,
		   unsigned int n)
{
	void (*hook)(struct space_fixture *f) = box.hook;
	unsigned int i;

	might_sleep();
	box.gets++;
	if (box.wrong == FAILS || box.wrong == NO_MEMORY || box.wrong == INTERRUPTED)
		return box.wrong == FAILS ? -EBADMSG : box.wrong == NO_MEMORY ? -ENOMEM : -EINTR;
	KUNIT_EXPECT_EQ(box.f->test, offset & ((SZ_4K << order) - 1), 0ull);
	n = axas_frames_alloc(box_hal(), order, AXAS_FRAME_ZERO, hpas,
			      box.most ? min(n, box.most) : n);
	for (i = 0; i < n; i++)
		sign(hpas[i], offset + ((u64)i * SZ_4K << order), order);
	box.out += (long)n << order;
	box.hook = NULL;
	if (hook)
		hook(box.f);
	return n ? spoil(hpas, n) : -ENOMEM;
}

/* The last frame of a spoilt batch is not the mock's any more. */
static void box_put(void *object, unsigned int order, const struct axas_hpa *hpas, unsigned int n)
{
	struct axas_hpa hpa;
	unsigned int i;

	for (i = 0; i < n; i++) {
		hpa = axas_hpa(hpas[i].val & ~(BIT_ULL(60) | 8));
		if (hpa.val)
			axas_frames_free(box_hal(), order, &hpa, 1);
		box.out -= 1l << order;
	}
}

static const struct axas_backend_type box_type = {
	.name = "test-box", .flags = AXAS_FRAMES_DIRECT | AXAS_FRAMES_PAGES | AXAS_FRAMES_2M,
	.open = box_open, .release = box_release, .get = box_get, .put = box_put,
};

static int registry_init(struct kunit *test)
{
	int err = space_test_init(test);

	if (err)
		return err;
	box = (struct box){ .f = test->priv };
	return axas_backend_register(&box_type, THIS_MODULE);
}

static void registry_exit(struct kunit *test)
{
	axas_backend_unregister(&box_type);
	space_test_exit(test);
	KUNIT_EXPECT_EQ(test, box.opened, 0);
	KUNIT_EXPECT_EQ(test, box.out, 0l);
}

/* Map @size bytes of a new object, from @offset of it on. */
static int map_box(struct space_fixture *f, u64 gpa, u64 size, u64 offset, u32 flags)
{
	struct axas_backend_object *object = axas_backend_open("test-box", 0);
	int err;

	if (IS_ERR(object))
		return PTR_ERR(object);
	err = axas_space_map_backend(f->space, gpa_range(gpa, size), object, offset, TEST_RW,
				     TEST_NORMAL, flags);
	axas_backend_close(object);
	return err;
}

static void expect_offset(struct space_fixture *f, u64 gpa, u64 offset)
{
	u64 val = ~0ull;

	KUNIT_EXPECT_EQ(f->test, axas_read_obj(f->space, axas_gpa(gpa), AXAS_WIDTH_64, &val), 0);
	KUNIT_EXPECT_EQ_MSG(f->test, val, offset, "at %#llx", gpa);
}

/* Every page shows the offset that it belongs to, whichever way it came. */
static void frames_come_to_their_place(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 done, at;

	KUNIT_ASSERT_EQ(test, map_box(f, WIN, WIN_SIZE, SZ_1G, 0), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, BORDER + SZ_8K, TEST_W), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, space_fault(f, BORDER - SZ_64K, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, box.out, 2l);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(WIN, WIN_SIZE), &done), 0);
	for (at = 0; at < WIN_SIZE; at += SZ_4K)
		expect_offset(f, WIN + at, SZ_1G + at);
	KUNIT_EXPECT_EQ(test, box.out, (long)(WIN_SIZE / SZ_4K));
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN + SZ_4K, SZ_64K), 0);
	KUNIT_EXPECT_EQ(test, box.opened, 1);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, WIN_SIZE), 0);
	KUNIT_EXPECT_EQ(test, box.opened, 0);
	space_expect_empty(f);
}

/* Fewer frames than asked for are no end of them; a leaf in between does not shift the others. */
static void short_batches_go_on(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 done, at;

	box.most = 3;
	KUNIT_ASSERT_EQ(test, map_box(f, WIN, SZ_64K, SZ_1M, AXAS_MAP_HUGE_NEVER), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_16K, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(WIN, SZ_64K), &done), 0);
	for (at = 0; at < SZ_64K; at += SZ_4K)
		expect_offset(f, WIN + at, SZ_1M + at);
}

static void fault_in_the_middle(struct space_fixture *f)
{
	KUNIT_EXPECT_EQ(f->test, space_fault(f, WIN + SZ_16K, TEST_R), AXAS_FAULT_FIXED);
}

static void fault_at_the_start(struct space_fixture *f)
{
	KUNIT_EXPECT_EQ(f->test, space_fault(f, WIN, TEST_R), AXAS_FAULT_FIXED);
}

/* Frames that lost their page to another fault serve no other page. */
static void lost_frames_are_given_back(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 done, at;

	KUNIT_ASSERT_EQ(test, map_box(f, WIN, SZ_64K, SZ_1M, AXAS_MAP_HUGE_NEVER), 0);
	KUNIT_ASSERT_EQ(test, space_fault(f, WIN + SZ_32K, TEST_R), AXAS_FAULT_FIXED);
	box.hook = fault_in_the_middle;
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(WIN, SZ_64K), &done), 0);
	for (at = 0; at < SZ_64K; at += SZ_4K)
		expect_offset(f, WIN + at, SZ_1M + at);
	KUNIT_EXPECT_EQ(test, box.out, (long)(SZ_64K / SZ_4K));
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_64K), 0);
	KUNIT_ASSERT_EQ(test, map_box(f, WIN, SZ_64K, 0, 0), 0);
	box.hook = fault_at_the_start;
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, box.out, 1l);
}

static void large_frames_come_whole_if_they_can(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	unsigned int level;

	KUNIT_ASSERT_EQ(test, map_box(f, BORDER, SZ_2M, SZ_4M, AXAS_MAP_HUGE_ALWAYS), 0);
	KUNIT_EXPECT_EQ(test, axas_space_fault(f->space, axas_gpa(BORDER + SZ_1M), TEST_W, &level),
			AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, level, 1u);
	expect_offset(f, BORDER + SZ_64K, SZ_4M + SZ_64K);
	/* Pieces go back too. */
	KUNIT_EXPECT_EQ(test, space_unmap(f, BORDER + SZ_4K, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, box.out, 511l);
	KUNIT_EXPECT_EQ(test, space_unmap(f, BORDER, SZ_2M), 0);
	/* An offset that is not aligned as the address is gets small ones. */
	KUNIT_ASSERT_EQ(test, map_box(f, BORDER, SZ_2M, SZ_4K, AXAS_MAP_HUGE_ALWAYS), 0);
	KUNIT_EXPECT_EQ(test, axas_space_fault(f->space, axas_gpa(BORDER + SZ_1M), TEST_W, &level),
			AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, level, 0u);
	expect_offset(f, BORDER + SZ_1M, SZ_1M + SZ_4K);
}

static void bad_frames_are_refused(struct kunit *test)
{
	static const enum wrong wrongs[] = {
		MISALIGNED, AT_ZERO, BEYOND_BITS, TOO_MANY, FAILS, INTERRUPTED,
	};
	struct space_fixture *f = test->priv;
	unsigned int i;
	u64 done, val;

	KUNIT_ASSERT_EQ(test, map_box(f, WIN, SZ_64K, 0, AXAS_MAP_HUGE_NEVER), 0);
	for (i = 0; i < ARRAY_SIZE(wrongs); i++) {
		box.wrong = wrongs[i];
		KUNIT_EXPECT_EQ_MSG(test, space_fault(f, WIN + SZ_4K, TEST_R), AXAS_FAULT_ERROR,
				    "%u", wrongs[i]);
		KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(WIN, SZ_64K), &done),
				-EIO);
		KUNIT_EXPECT_EQ(test, done, 0ull);
		KUNIT_EXPECT_EQ(test, axas_read_obj(f->space, axas_gpa(WIN), AXAS_WIDTH_64, &val),
				-EIO);
		space_expect_nothing(f, WIN, SZ_64K);
		KUNIT_EXPECT_EQ(test, box.out, 0l);
	}
	box.wrong = NO_MEMORY;
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_NOMEM);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(WIN, SZ_64K), &done),
			-ENOMEM);
	box.wrong = RIGHT;
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_FIXED);
}

/* With a limit, too, what is refused is uncharged. */
static void limit_counts_registered_frames(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 done;

	space_limit_frames(f, 3);
	KUNIT_ASSERT_EQ(test, map_box(f, WIN, SZ_64K, 0, AXAS_MAP_HUGE_NEVER), 0);
	box.wrong = BEYOND_BITS;
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_ERROR);
	box.wrong = FAILS;
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_ERROR);
	box.wrong = RIGHT;
	KUNIT_EXPECT_EQ(test, atomic64_read(&f->space->pool.charged), 0ll);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(WIN, SZ_64K), &done),
			-ENOMEM);
	KUNIT_EXPECT_EQ(test, done, 3ull * SZ_4K);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_32K, TEST_R), AXAS_FAULT_NOMEM);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_32K, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->space->pool.on_the_way), 0);
}

static void unmap_it(struct space_fixture *f)
{
	KUNIT_EXPECT_EQ(f->test, space_unmap(f, WIN, SZ_64K), 0);
	KUNIT_EXPECT_EQ(f->test, box.opened, 1);
}

static void map_another(struct space_fixture *f)
{
	unmap_it(f);
	KUNIT_EXPECT_EQ(f->test, map_box(f, WIN, SZ_64K, SZ_1M, 0), 0);
}

static void protect_it(struct space_fixture *f)
{
	KUNIT_EXPECT_EQ(f->test, space_protect(f, WIN, SZ_64K, TEST_R), 0);
}

/* get() runs with no lock of the space; what it brings is for an area that may have changed. */
static void space_may_change_while_get_waits(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, map_box(f, WIN, SZ_64K, 0, 0), 0);
	box.hook = unmap_it;
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_4K, TEST_R), AXAS_FAULT_HOLE);
	KUNIT_EXPECT_EQ(test, box.opened, 0);
	KUNIT_EXPECT_EQ(test, box.out, 0l);
	KUNIT_ASSERT_EQ(test, map_box(f, WIN, SZ_64K, 0, 0), 0);
	box.hook = map_another;
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_4K, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, box.opened, 1);
	expect_offset(f, WIN + SZ_4K, SZ_1M + SZ_4K);
	box.hook = protect_it;
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_8K, TEST_W), AXAS_FAULT_DENIED);
	KUNIT_EXPECT_EQ(test, box.out, 1l);
}

/* Types have names, which are taken, and objects that outlive them. */
static void types_are_found_by_name(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_backend_type bad = box_type;
	struct axas_backend_object *object;

	KUNIT_EXPECT_EQ(test, axas_backend_register(&box_type, THIS_MODULE), -EEXIST);
	bad.name = "";
	KUNIT_EXPECT_EQ(test, axas_backend_register(&bad, THIS_MODULE), -EINVAL);
	bad.name = "a-name-that-has-more-than-31-bytes";
	KUNIT_EXPECT_EQ(test, axas_backend_register(&bad, THIS_MODULE), -EINVAL);
	bad.name = "other";
	bad.flags = AXAS_FRAMES_PAGES;
	KUNIT_EXPECT_EQ(test, axas_backend_register(&bad, THIS_MODULE), -EINVAL);
	bad.flags = AXAS_FRAMES_DIRECT | AXAS_FRAMES_WINDOW;
	KUNIT_EXPECT_EQ(test, axas_backend_register(&bad, THIS_MODULE), -EINVAL);
	bad.flags = BIT(31);
	KUNIT_EXPECT_EQ(test, axas_backend_register(&bad, THIS_MODULE), -EINVAL);
	KUNIT_EXPECT_PTR_EQ(test, axas_backend_open("other", 0), ERR_PTR(-ENOENT));
	KUNIT_EXPECT_PTR_EQ(test, axas_backend_open("test-box", 1), ERR_PTR(-ENXIO));
	/* What is no error is no object, either. */
	KUNIT_EXPECT_PTR_EQ(test, axas_backend_open("test-box", 2), ERR_PTR(-EIO));
	/* Whose type was refused has none to unregister. */
	bad = box_type;
	KUNIT_EXPECT_EQ(test, axas_backend_register(&bad, THIS_MODULE), -EEXIST);
	axas_backend_unregister(&bad);
	object = axas_backend_open("test-box", 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(object));
	axas_backend_unregister(&box_type);
	KUNIT_EXPECT_PTR_EQ(test, axas_backend_open("test-box", 0), ERR_PTR(-ENOENT));
	KUNIT_EXPECT_EQ(test, axas_space_map_backend(f->space, gpa_range(WIN, SZ_64K), object, 0,
						     TEST_RW, TEST_NORMAL, 0), 0);
	axas_backend_close(object);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_64K), 0);
	KUNIT_EXPECT_EQ(test, box.opened, 0);
	KUNIT_EXPECT_EQ(test, axas_backend_register(&box_type, THIS_MODULE), 0);
}

static void wrong_arguments_map_nothing(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 end = 0ull - SZ_64K;

	KUNIT_EXPECT_EQ(test, map_box(f, WIN + 1, SZ_64K, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, map_box(f, WIN, SZ_64K, 1, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, map_box(f, WIN, SZ_128K, end, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, map_box(f, WIN, SZ_64K, 0, AXAS_MAP_POPULATE), -EINVAL);
	KUNIT_EXPECT_EQ(test, map_box(f, WIN, SZ_64K, 0, AXAS_MAP_HUGE_WHOLE), -EINVAL);
	KUNIT_EXPECT_EQ(test, map_box(f, WIN, SZ_64K, end, 0), 0);
	KUNIT_EXPECT_EQ(test, map_box(f, WIN, SZ_64K, 0, 0), -EEXIST);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_64K - 1, TEST_R), AXAS_FAULT_FIXED);
	expect_offset(f, WIN + SZ_64K - SZ_4K, end + SZ_64K - SZ_4K);
	KUNIT_EXPECT_EQ(test, box.opened, 1);
}

/* Only a privileged user of /dev/axas gets a type that does not say otherwise. */
static void types_are_for_the_privileged(struct kunit *test)
{
	struct axas_backend_type open_type = box_type;
	struct axas_backend_object *object;

	KUNIT_EXPECT_PTR_EQ(test, axas_registry_open("test-box", 0, false), ERR_PTR(-EPERM));
	KUNIT_EXPECT_PTR_EQ(test, axas_registry_open("other", 0, false), ERR_PTR(-EPERM));
	KUNIT_EXPECT_PTR_EQ(test, axas_registry_open("other", 0, true), ERR_PTR(-ENOENT));
	object = axas_registry_open("test-box", 0, true);
	KUNIT_ASSERT_FALSE(test, IS_ERR(object));
	KUNIT_EXPECT_TRUE(test, box.user);
	axas_backend_close(object);
	open_type.name = "open-box";
	open_type.flags |= AXAS_FRAMES_ANY_USER;
	KUNIT_ASSERT_EQ(test, axas_backend_register(&open_type, THIS_MODULE), 0);
	object = axas_registry_open("open-box", 0, false);
	KUNIT_EXPECT_FALSE(test, IS_ERR(object));
	if (!IS_ERR(object))
		axas_backend_close(object);
	axas_backend_unregister(&open_type);
}

/* After a discard the object is asked again; parts of areas keep it. */
static void discard_asks_the_object_again(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_gpa_range range = gpa_range(WIN + SZ_4K, SZ_8K);
	u64 done;

	KUNIT_ASSERT_EQ(test, map_box(f, WIN, SZ_64K, SZ_1M, 0), 0);
	KUNIT_ASSERT_EQ(test, axas_write_obj(f->space, axas_gpa(WIN + SZ_4K), AXAS_WIDTH_64, 5), 0);
	KUNIT_EXPECT_EQ(test, axas_space_discard(f->space, &range, 1, &done), 0);
	KUNIT_EXPECT_EQ(test, box.out, 0l);
	expect_offset(f, WIN + SZ_4K, SZ_1M + SZ_4K);
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN + SZ_8K, SZ_4K, TEST_R), 0);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_8K), 0);
	KUNIT_EXPECT_EQ(test, box.opened, 1);
	expect_offset(f, WIN + SZ_8K, SZ_1M + SZ_8K);
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN + SZ_8K, SZ_4K, TEST_RW), 0);
	space_expect_areas(f, 1);
}

/* Pages are handed out, as the type permits, and outlive the area. */
static void pages_are_handed_out(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct bio_vec bvec;

	KUNIT_ASSERT_EQ(test, map_box(f, WIN, SZ_64K, 0, 0), 0);
	KUNIT_ASSERT_EQ(test, axas_space_bvec(f->space, gpa_range(WIN + SZ_8K, SZ_4K), TEST_RW,
					      &bvec, 1), 1);
	KUNIT_EXPECT_EQ(test, *(u64 *)page_address(bvec.bv_page), (u64)SZ_8K);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_64K), 0);
	KUNIT_EXPECT_EQ(test, *(u64 *)page_address(bvec.bv_page), (u64)SZ_8K);
	axas_space_bvec_put(&bvec, 1);
}

static int dev_get(void *object, u64 offset, unsigned int order, struct axas_hpa *hpas,
		   unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		hpas[i] = axas_hpa(LINEAR + offset + (u64)i * SZ_4K);
	box.out += n;
	return n;
}

static void dev_put(void *object, unsigned int order, const struct axas_hpa *hpas, unsigned int n)
{
	box.out -= n << order;
}

static int map_dev(struct space_fixture *f, const struct axas_backend_type *type, u32 mem)
{
	struct axas_backend_object *object;
	int err;

	axas_space_clear(f->space);
	err = axas_backend_register(type, THIS_MODULE);
	if (err)
		return err;
	object = axas_backend_open(type->name, 0);
	err = axas_space_map_backend(f->space, gpa_range(WIN, SZ_64K), object, 0, TEST_RW, mem, 0);
	axas_backend_close(object);
	axas_backend_unregister(type);
	return err;
}

/* Memory that is no RAM is read by windows, or not at all, and is not handed out. */
static void host_reaches_memory_as_its_type_says(struct kunit *test)
{
	static struct axas_backend_type type = {
		.name = "test-dev", .open = box_open, .release = box_release,
		.get = dev_get, .put = dev_put,
	};
	struct space_fixture *f = test->priv;
	struct bio_vec bvec;
	u64 val = 0;
	u8 *mem = mock_hal_add_device(f->mock, LINEAR, SZ_64K);

	KUNIT_ASSERT_NOT_NULL(test, mem);
	mem[SZ_4K] = 7;
	type.flags = AXAS_FRAMES_WINDOW;
	KUNIT_EXPECT_EQ(test, map_dev(f, &type, TEST_DEVICE), -EOPNOTSUPP);
	KUNIT_ASSERT_EQ(test, map_dev(f, &type, TEST_NORMAL), 0);
	KUNIT_EXPECT_EQ(test, axas_read_obj(f->space, axas_gpa(WIN + SZ_4K), AXAS_WIDTH_8, &val),
			0);
	KUNIT_EXPECT_EQ(test, val, 7ull);
	KUNIT_EXPECT_EQ(test, axas_space_bvec(f->space, gpa_range(WIN, SZ_4K), TEST_R, &bvec, 1),
			-EOPNOTSUPP);
	/* Memory that the kernel uses is not this module's to give. */
	f->mock->ram = LINEAR + SZ_8K;
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_8K, TEST_R), AXAS_FAULT_ERROR);
	f->mock->ram = 0;
	type.flags = 0;
	KUNIT_ASSERT_EQ(test, map_dev(f, &type, TEST_NORMAL), 0);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, axas_read_obj(f->space, axas_gpa(WIN), AXAS_WIDTH_8, &val),
			-EOPNOTSUPP);
	axas_space_clear(f->space);
	KUNIT_EXPECT_EQ(test, box.out, 0l);
	/* Not counted by the mock. */
	KUNIT_EXPECT_EQ(test, f->mock->frames, 0l);
}

/* Each allocation of a fault and of populate fails once; nothing is lost. */
static void failed_allocations_lose_nothing(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_gpa_range range = gpa_range(BORDER - SZ_16K, SZ_32K);
	unsigned int nth, failed = 1;
	u64 done;
	int err;

	for (nth = 1; failed && nth < 200; nth++) {
		axas_space_clear(f->space);
		KUNIT_ASSERT_EQ(test, map_box(f, BORDER - SZ_16K, SZ_32K, SZ_1M, 0), 0);
		mock_hal_fail_nth(f->mock, nth);
		err = axas_space_populate(f->space, range, &done);
		failed = f->mock->failures;
		mock_hal_fail_never(f->mock);
		KUNIT_EXPECT_TRUE(test, !err || (failed && err == -ENOMEM));
		KUNIT_EXPECT_EQ(test, box.out, f->mock->frames);
		KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, range, &done), 0);
		expect_offset(f, BORDER + SZ_4K, SZ_1M + SZ_16K + SZ_4K);
	}
	KUNIT_EXPECT_GT(test, nth, 10u);
}

static struct kunit_case registry_cases[] = {
	KUNIT_CASE_PARAM(frames_come_to_their_place, space_gen_params),
	KUNIT_CASE_PARAM(short_batches_go_on, space_gen_params),
	KUNIT_CASE_PARAM(lost_frames_are_given_back, space_gen_params),
	KUNIT_CASE_PARAM(large_frames_come_whole_if_they_can, space_gen_params),
	KUNIT_CASE_PARAM(bad_frames_are_refused, space_gen_params),
	KUNIT_CASE(limit_counts_registered_frames),
	KUNIT_CASE_PARAM(space_may_change_while_get_waits, space_gen_params),
	KUNIT_CASE(types_are_found_by_name),
	KUNIT_CASE(wrong_arguments_map_nothing),
	KUNIT_CASE(types_are_for_the_privileged),
	KUNIT_CASE_PARAM(discard_asks_the_object_again, space_gen_params),
	KUNIT_CASE(pages_are_handed_out),
	KUNIT_CASE(host_reaches_memory_as_its_type_says),
	KUNIT_CASE_PARAM(failed_allocations_lose_nothing, space_gen_params),
	{}
};

struct kunit_suite axas_registry_suite = {
	.name = "axas_registry",
	.init = registry_init,
	.exit = registry_exit,
	.test_cases = registry_cases,
};
