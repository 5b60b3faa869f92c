// SPDX-License-Identifier: GPL-2.0-only
/*
 * Consumers (axas_space.c): a consumer runs vCPUs on a space, and is asked to flush before any
 * frame is freed, once per operation, and for the exact range. Rule R13.
 */
#include "space_fixture.h"

static void attach_wants_a_flush_callback(struct kunit *test)
{
	static const struct axas_consumer_ops none = {};
	struct axas_consumer without_ops = {}, without_flush = { .ops = &none };
	struct space_fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, axas_space_attach(f->space, &without_ops), -EINVAL);
	KUNIT_EXPECT_EQ(test, axas_space_attach(f->space, &without_flush), -EINVAL);
	/* Neither is called by a removal. */
	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_4K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_4K), 0);
}

/* Defects 11 and 38: one flush before the first free. */
static void unmap_flushes_once_before_it_frees(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, WIN_SIZE, TEST_RW), 0);
	space_attach(f);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN + SZ_4K, WIN_SIZE - SZ_8K), 0);
	space_expect_one_flush(f, WIN + SZ_4K, WIN_SIZE - SZ_8K);
	KUNIT_EXPECT_EQ(test, f->frames_at_flush, 1024l);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 2l);
}

/* Over several areas of both backends, and holes. */
static void unmap_of_several_areas_flushes_once(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_64K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, WIN + SZ_128K, SZ_64K, LINEAR, TEST_R), 0);
	KUNIT_ASSERT_EQ(test, space_map_populated(f, BORDER, SZ_64K, TEST_RX), 0);
	space_attach(f);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, WIN_SIZE), 0);
	space_expect_one_flush(f, WIN, WIN_SIZE);
	KUNIT_EXPECT_EQ(test, f->frames_at_flush, 32l);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 0l);
}

static void clear_flushes_once_before_it_frees(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_64K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER, SZ_2M, LINEAR, TEST_R), 0);
	space_attach(f);
	axas_space_clear(f->space);
	space_expect_one_flush(f, 0, BIT_ULL(f->kind->fmt->usual_ia_bits));
	KUNIT_EXPECT_TRUE(test, f->flush.tables);
}

/* A linear area frees no frame, but TLBs must drop its leaves all the same. */
static void unmap_of_linear_memory_flushes(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER, SZ_1G, LINEAR, TEST_RW), 0);
	space_attach(f);
	KUNIT_EXPECT_EQ(test, space_unmap(f, BORDER, SZ_1G), 0);
	KUNIT_EXPECT_EQ(test, f->flushes, 1u);
	KUNIT_EXPECT_EQ(test, f->flush.range.start.val, BORDER);
	KUNIT_EXPECT_EQ(test, f->flush.range.size, (u64)SZ_1G);
}

/* Walks cached by hardware need flushing only when tables are freed. */
static void flush_tells_whether_tables_go(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_64K, TEST_RW), 0);
	space_attach(f);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_4K), 0);
	KUNIT_EXPECT_FALSE(test, f->flush.tables);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_64K), 0);
	KUNIT_EXPECT_TRUE(test, f->flush.tables);
	KUNIT_EXPECT_EQ(test, f->flushes, 2u);
	KUNIT_EXPECT_TRUE(test, f->mock->tables > 0);
}

static void nothing_is_flushed_where_nothing_was_mapped(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	space_attach(f);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, WIN_SIZE, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, space_unmap(f, 0, SZ_64K), 0);
	KUNIT_EXPECT_EQ(test, space_unmap(f, BORDER, SZ_2M), 0);
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN + SZ_4K, SZ_1M, TEST_R), 0);
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN, SZ_4K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, f->flushes, 0u);
	KUNIT_EXPECT_EQ(test, space_unmap(f, 0, SZ_2G), 0);
	KUNIT_EXPECT_EQ(test, f->flushes, 1u);
	axas_space_clear(f->space);
	KUNIT_EXPECT_EQ(test, f->flushes, 1u);
}

/* Filling an empty entry needs no flush: the architectures do not cache absent entries. */
static void mapping_and_faults_do_not_flush(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 done;

	space_attach(f);
	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_64K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_linear(f, BORDER + SZ_2M, SZ_2M, LINEAR, TEST_R), 0);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BORDER, SZ_64K, TEST_RX), 0);
	space_fault(f, BORDER, TEST_R);
	axas_space_populate(f->space, gpa_range(BORDER, SZ_64K), &done);
	KUNIT_EXPECT_EQ(test, f->flushes, 0u);
}

static void protect_flushes_its_range_once(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_64K, TEST_RW), 0);
	space_attach(f);
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN + SZ_4K, SZ_16K, TEST_R), 0);
	KUNIT_EXPECT_EQ(test, f->flushes, 1u);
	KUNIT_EXPECT_EQ(test, f->flush.range.start.val, WIN + SZ_4K);
	KUNIT_EXPECT_EQ(test, f->flush.range.size, (u64)SZ_16K);
	KUNIT_EXPECT_FALSE(test, f->flush.tables);
	KUNIT_EXPECT_EQ(test, mock_hal_count(f->mock, MOCK_EVENT_FREE), 0u);
}

/* An undo flushes the leaves that were live before it frees their frames. */
static void undoing_flushes_before_it_frees(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	space_attach(f);
	mock_hal_fail_after(f->mock, 8);
	KUNIT_EXPECT_EQ(test, space_map_populated(f, WIN, SZ_64K, TEST_RW), -ENOMEM);
	mock_hal_fail_never(f->mock);
	KUNIT_EXPECT_TRUE(test, f->flushes > 0);
	KUNIT_EXPECT_TRUE(test, mock_hal_ordered(f->mock, MOCK_EVENT_FLUSH, MOCK_EVENT_FREE));
	KUNIT_EXPECT_EQ(test, f->mock->frames, 0l);
}

static void put_of_a_detached_space_asks_nobody(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_64K, TEST_RW), 0);
	space_attach(f);
	axas_space_detach(f->space, &f->consumer);
	f->attached = false;
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_4K), 0);
	space_drop(f);
	KUNIT_EXPECT_EQ(test, f->flushes, 0u);
}

struct counting {
	struct axas_consumer consumer;
	unsigned int flushes;
};

static void count_flush(struct axas_consumer *consumer, const struct axas_flush *flush,
			struct cpumask *cpus)
{
	container_of(consumer, struct counting, consumer)->flushes++;
}

static const struct axas_consumer_ops counting_ops = { .request = count_flush };

/* A detached consumer is not called; the others still are. */
static void every_attached_consumer_is_asked(struct kunit *test)
{
	struct counting a = { { .ops = &counting_ops } }, b = { { .ops = &counting_ops } };
	struct space_fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_64K, TEST_RW), 0);
	space_attach(f);
	KUNIT_ASSERT_EQ(test, axas_space_attach(f->space, &a.consumer), 0);
	KUNIT_ASSERT_EQ(test, axas_space_attach(f->space, &b.consumer), 0);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, a.flushes, 1u);
	KUNIT_EXPECT_EQ(test, b.flushes, 1u);
	axas_space_detach(f->space, &a.consumer);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_8K), 0);
	KUNIT_EXPECT_EQ(test, a.flushes, 1u);
	KUNIT_EXPECT_EQ(test, b.flushes, 2u);
	KUNIT_EXPECT_EQ(test, f->flushes, 2u);
	axas_space_detach(f->space, &b.consumer);
	/* A consumer may attach again. */
	KUNIT_ASSERT_EQ(test, axas_space_attach(f->space, &a.consumer), 0);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_64K), 0);
	KUNIT_EXPECT_EQ(test, a.flushes, 2u);
	axas_space_detach(f->space, &a.consumer);
}

/* State during the callback: the entry is clear, so no TLB loads it again. */
struct prober {
	struct axas_consumer consumer;
	struct space_fixture *f;
	u8 *mem;
	bool gone;
	u8 byte;
};

static void probe_flush(struct axas_consumer *consumer, const struct axas_flush *flush,
			struct cpumask *cpus)
{
	struct prober *p = container_of(consumer, struct prober, consumer);
	struct axas_leaf leaf;

	p->gone = !axas_npt_lookup(&p->f->space->npt, WIN, &leaf);
	p->byte = p->mem[3];
}

static const struct axas_consumer_ops probe_ops = { .request = probe_flush };

static void leaf_is_gone_and_frame_is_there_at_the_flush(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct prober p = { { .ops = &probe_ops }, f };

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_4K, TEST_RW), 0);
	p.mem = space_mem(f, WIN);
	KUNIT_ASSERT_NOT_NULL(test, p.mem);
	p.mem[3] = 0x99;
	KUNIT_ASSERT_EQ(test, axas_space_attach(f->space, &p.consumer), 0);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_4K), 0);
	KUNIT_EXPECT_TRUE(test, p.gone);
	/* Not freed yet: the mock would have poisoned it. */
	KUNIT_EXPECT_EQ(test, p.byte, 0x99);
	axas_space_detach(f->space, &p.consumer);
}

/**
 * struct waiter - a consumer with a wait() callback
 * @consumer: its registration with the space
 * @turns: calls to all waiters so far, shared by them
 * @asked: the turn of its request(), from 1 on; 0: none
 * @waited: the turn of its wait()
 * @flush: argument of wait()
 * @mem: memory of a page that is removed
 * @byte: a byte of @mem during wait()
 */
struct waiter {
	struct axas_consumer consumer;
	unsigned int *turns;
	unsigned int asked;
	unsigned int waited;
	struct axas_flush flush;
	u8 *mem;
	u8 byte;
};

static void waiter_request(struct axas_consumer *consumer, const struct axas_flush *flush,
			   struct cpumask *cpus)
{
	struct waiter *w = container_of(consumer, struct waiter, consumer);

	w->asked = ++*w->turns;
}

static void waiter_wait(struct axas_consumer *consumer, const struct axas_flush *flush)
{
	struct waiter *w = container_of(consumer, struct waiter, consumer);

	w->waited = ++*w->turns;
	w->flush = *flush;
	w->byte = w->mem[3];
}

static const struct axas_consumer_ops waiter_ops = {
	.request = waiter_request, .wait = waiter_wait,
};

/* All request() calls precede the first wait(): struct axas_consumer_ops, @wait. */
static void all_are_asked_then_each_is_waited_for(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	unsigned int turns = 0, i;
	struct waiter w[2];

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_64K, TEST_RW), 0);
	for (i = 0; i < 2; i++) {
		w[i] = (struct waiter){ { .ops = &waiter_ops }, &turns };
		w[i].mem = space_mem(f, WIN + SZ_4K);
		KUNIT_ASSERT_NOT_NULL(test, w[i].mem);
		KUNIT_ASSERT_EQ(test, axas_space_attach(f->space, &w[i].consumer), 0);
	}
	w[0].mem[3] = 0x99;
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN + SZ_4K, SZ_8K), 0);
	KUNIT_EXPECT_EQ(test, turns, 4u);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_TRUE(test, w[i].asked == 1 || w[i].asked == 2);
		KUNIT_EXPECT_TRUE(test, w[i].waited == 3 || w[i].waited == 4);
		KUNIT_EXPECT_EQ(test, w[i].flush.range.start.val, WIN + SZ_4K);
		KUNIT_EXPECT_EQ(test, w[i].flush.range.size, (u64)SZ_8K);
		KUNIT_EXPECT_EQ(test, w[i].byte, 0x99);
		axas_space_detach(f->space, &w[i].consumer);
	}
}

static struct kunit_case consumer_cases[] = {
	KUNIT_CASE_PARAM(attach_wants_a_flush_callback, space_gen_params),
	KUNIT_CASE_PARAM(unmap_flushes_once_before_it_frees, space_gen_params),
	KUNIT_CASE_PARAM(unmap_of_several_areas_flushes_once, space_gen_params),
	KUNIT_CASE_PARAM(clear_flushes_once_before_it_frees, space_gen_params),
	KUNIT_CASE_PARAM(unmap_of_linear_memory_flushes, space_gen_params),
	KUNIT_CASE_PARAM(flush_tells_whether_tables_go, space_gen_params),
	KUNIT_CASE_PARAM(nothing_is_flushed_where_nothing_was_mapped, space_gen_params),
	KUNIT_CASE_PARAM(mapping_and_faults_do_not_flush, space_gen_params),
	KUNIT_CASE_PARAM(protect_flushes_its_range_once, space_gen_params),
	KUNIT_CASE_PARAM(undoing_flushes_before_it_frees, space_gen_params),
	KUNIT_CASE_PARAM(put_of_a_detached_space_asks_nobody, space_gen_params),
	KUNIT_CASE_PARAM(every_attached_consumer_is_asked, space_gen_params),
	KUNIT_CASE_PARAM(leaf_is_gone_and_frame_is_there_at_the_flush, space_gen_params),
	KUNIT_CASE_PARAM(all_are_asked_then_each_is_waited_for, space_gen_params),
	{}
};

struct kunit_suite axas_space_consumer_suite = {
	.name = "axas_space_consumer",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = consumer_cases,
};
