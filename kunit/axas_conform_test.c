// SPDX-License-Identifier: GPL-2.0-only
/*
 * The conformance checks (axas_conformance.c): what is right passes, and each way to be wrong is
 * found. Also an example of their use.
 */
#include <linux/bvec.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <axas/conformance.h>
#include <axas/frame.h>

#include "axas_stock.h"
#include "space_fixture.h"

#define SIZE	((u64)SZ_64K)

/* What a backend, a HAL or a consumer does wrong. */
enum wrong {
	RIGHT,
	MISALIGNED,
	TOO_MANY,
	TWICE,
	NOT_ZEROED,
	NOTHING,
	DEAF,
};

static enum wrong wrong;
static struct page *last;

static int plain_open(u64 arg, bool user, void **object)
{
	*object = NULL;
	return 0;
}

/* With NOT_ZEROED the page that was put last comes again, as it is. */
static struct page *new_page(void)
{
	struct page *page = wrong == NOT_ZEROED ? xchg(&last, NULL) : NULL;

	return page ?: alloc_page(GFP_KERNEL | __GFP_ZERO);
}

static int plain_get(void *object, u64 offset, unsigned int order, struct axas_hpa *hpas,
		     unsigned int n)
{
	struct page *page;
	unsigned int i;

	if (wrong == NOTHING)
		return 0;
	for (i = 0; i < n; i++) {
		page = new_page();
		if (!page)
			break;
		hpas[i] = axas_hpa(page_to_phys(page));
	}
	if (wrong == MISALIGNED)
		hpas[0].val += 8;
	if (wrong == TWICE && i > 1) {
		__free_page(pfn_to_page(hpas[1].val >> PAGE_SHIFT));
		get_page(pfn_to_page(hpas[0].val >> PAGE_SHIFT));
		hpas[1] = hpas[0];
	}
	return (i ?: -ENOMEM) + (wrong == TOO_MANY);
}

static void plain_put(void *object, unsigned int order, const struct axas_hpa *hpas,
		      unsigned int n)
{
	struct page *page;
	unsigned int i;

	for (i = 0; i < n; i++) {
		page = pfn_to_page(hpas[i].val >> PAGE_SHIFT);
		if (wrong == NOT_ZEROED)
			page = xchg(&last, page);
		if (page)
			put_page(page);
	}
}

static const struct axas_backend_type plain = {
	.name = "plain", .flags = AXAS_FRAMES_DIRECT | AXAS_FRAMES_PAGES,
	.open = plain_open, .get = plain_get, .put = plain_put,
};

static unsigned int run_backend(struct kunit *test, enum wrong how)
{
	struct axas_space_params params = { .format = AXAS_FORMAT_EPT };
	struct axas_conformance result = {};

	wrong = how;
	axas_conformance_backend(&result, &params, &plain, 0, SIZE);
	wrong = RIGHT;
	if (last)
		__free_page(xchg(&last, NULL));
	if (!how)
		KUNIT_EXPECT_EQ_MSG(test, result.errors, 0u, "%s", result.error);
	return result.errors;
}

static void right_backend_passes(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, run_backend(test, RIGHT), 0u);
}

static void wrong_backends_are_found(struct kunit *test)
{
	static const enum wrong how[] = { MISALIGNED, TOO_MANY, TWICE, NOT_ZEROED, NOTHING };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(how); i++)
		KUNIT_EXPECT_GT_MSG(test, run_backend(test, how[i]), 0u, "%u", how[i]);
}

static void hals_pass(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_conformance result = {};

	axas_conformance_hal(&result, &axas_hal_linux);
	KUNIT_EXPECT_EQ_MSG(test, result.errors, 0u, "%s", result.error);
	axas_conformance_hal(&result, &f->mock->hal);
	KUNIT_EXPECT_EQ_MSG(test, result.errors, 0u, "%s", result.error);
}

static int dirty_alloc(const struct axas_hal *hal, unsigned int order, u32 flags,
		       struct axas_hpa *hpa)
{
	return axas_hal_linux.alloc_frame(hal, order, flags & ~AXAS_FRAME_ZERO, hpa) ?:
	       (memset(axas_hal_va(hal, *hpa), 1, AXAS_FRAME_SIZE << order), 0);
}

static void wrong_hal_is_found(struct kunit *test)
{
	struct axas_conformance result = {};
	struct axas_hal hal = axas_hal_linux;

	hal.alloc_frame = dirty_alloc;
	hal.alloc_frames = NULL;
	axas_conformance_hal(&result, &hal);
	KUNIT_EXPECT_GT(test, result.errors, 0u);
}

/**
 * struct tlb - a consumer with one cached translation
 * @consumer: attached to @space
 * @space: the space
 * @gpa: the page cached; 1: none
 * @bvec: its page, with a reference, so that a stale translation reads what was there
 * @has: there is a @bvec
 */
struct tlb {
	struct axas_consumer consumer;
	struct axas_space *space;
	u64 gpa;
	struct bio_vec bvec;
	bool has;
};

static void flush_tlb(struct axas_consumer *consumer, const struct axas_flush *flush,
		      struct cpumask *cpus)
{
	if (wrong != DEAF)
		container_of(consumer, struct tlb, consumer)->gpa = 1;
}

static const struct axas_consumer_ops tlb_ops = { .request = flush_tlb };

static void drop_page(struct tlb *tlb)
{
	if (tlb->has)
		axas_space_bvec_put(&tlb->bvec, 1);
	tlb->has = false;
}

static int fill_tlb(struct tlb *tlb, u64 gpa)
{
	drop_page(tlb);
	if (axas_space_fault(tlb->space, axas_gpa(gpa), AXAS_PROT_READ, NULL) >
	    AXAS_FAULT_SPURIOUS)
		return -EFAULT;
	tlb->has = axas_space_bvec(tlb->space, gpa_range(gpa, SZ_4K), AXAS_PROT_READ, &tlb->bvec,
				   1) == 1;
	tlb->gpa = gpa;
	return tlb->has ? 0 : -EFAULT;
}

/* As a guest: by the cached translation, else after a fault. */
static int tlb_read(void *ctx, u64 gpa, u64 *val)
{
	struct tlb *tlb = ctx;
	int err = tlb->gpa == gpa ? 0 : fill_tlb(tlb, gpa);

	if (!err)
		*val = *(u64 *)page_address(tlb->bvec.bv_page);
	return err;
}

static unsigned int run_consumer(struct kunit *test, enum wrong how)
{
	struct axas_space_params params = { .format = AXAS_FORMAT_EPT };
	struct tlb tlb = { .consumer.ops = &tlb_ops, .gpa = 1 };
	struct axas_conformance result = {};

	tlb.space = axas_space_create(&params);
	KUNIT_ASSERT_FALSE(test, IS_ERR(tlb.space));
	KUNIT_ASSERT_EQ(test, axas_space_attach(tlb.space, &tlb.consumer), 0);
	wrong = how;
	axas_conformance_consumer(&result, tlb.space, tlb_read, &tlb);
	wrong = RIGHT;
	axas_space_detach(tlb.space, &tlb.consumer);
	drop_page(&tlb);
	axas_space_put(tlb.space);
	if (!how)
		KUNIT_EXPECT_EQ_MSG(test, result.errors, 0u, "%s", result.error);
	return result.errors;
}

static void consumers_are_told_apart(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, run_consumer(test, RIGHT), 0u);
	KUNIT_EXPECT_GT(test, run_consumer(test, DEAF), 0u);
}

static void conform_exit(struct kunit *test)
{
	space_test_exit(test);
	axas_stock_drain();
}

static struct kunit_case conform_cases[] = {
	KUNIT_CASE(right_backend_passes),
	KUNIT_CASE(wrong_backends_are_found),
	KUNIT_CASE(hals_pass),
	KUNIT_CASE(wrong_hal_is_found),
	KUNIT_CASE(consumers_are_told_apart),
	{}
};

struct kunit_suite axas_conform_suite = {
	.name = "axas_conform",
	.init = space_test_init,
	.exit = conform_exit,
	.test_cases = conform_cases,
};
