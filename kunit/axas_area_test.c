// SPDX-License-Identifier: GPL-2.0-only
/*
 * Areas, read-side sections and the bar (axas_area.c, axas_space_map.c): splitting and joining
 * of areas, and removals, which wait only for sections of their own space, work in pieces, and
 * do not block faults between the pieces.
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/pagemap.h>
#include <linux/sched.h>

#include "space_fixture.h"

static unsigned long generation(struct space_fixture *f)
{
	return READ_ONCE(f->space->generation);
}

/* H7, W2: protecting page by page and back leaves one area and large leaves. */
static void protect_there_and_back_leaves_one_area(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_info info;
	u64 gpa, n;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, BORDER, SZ_4M, TEST_RW), 0);
	for (gpa = BORDER; gpa < BORDER + SZ_4M; gpa += SZ_4K) {
		KUNIT_ASSERT_EQ(test, space_protect(f, gpa, SZ_4K, TEST_R), 0);
		space_expect_leaf(f, gpa, space_hpa(f, gpa), TEST_R);
	}
	space_expect_areas(f, 1);
	for (gpa = BORDER + SZ_4M; gpa > BORDER; gpa -= SZ_4K)
		KUNIT_ASSERT_EQ(test, space_protect(f, gpa - SZ_4K, SZ_4K, TEST_RW), 0);
	space_expect_areas(f, 1);
	space_expect_area(f, 0, BORDER, SZ_4M, TEST_RW);
	KUNIT_EXPECT_EQ(test, axas_space_collapse(f->space, gpa_range(BORDER, SZ_4M), &n), 0);
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.leaves[1], 2ull);
	KUNIT_EXPECT_EQ(test, info.leaves[0], 0ull);
}

/* W3: protecting to the current protection splits nothing and takes no bar. */
static void protect_to_the_same_changes_nothing(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct space_snapshot before;
	unsigned long was;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, BORDER, SZ_4M, TEST_RW), 0);
	space_attach(f);
	space_take(f, &before);
	was = generation(f);
	KUNIT_EXPECT_EQ(test, space_protect(f, BORDER + SZ_4K, SZ_8K, TEST_RW), 0);
	space_expect_same(f, &before, "protect to the same");
	KUNIT_EXPECT_EQ(test, generation(f), was);
	KUNIT_EXPECT_EQ(test, f->flushes, 0u);
}

/* H5: a removal that finds nothing takes no bar. */
static void removal_of_nothing_waits_for_nobody(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	unsigned long was;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_64K, TEST_RW), 0);
	was = generation(f);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN + SZ_1M, SZ_1M), 0);
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN + SZ_1M, SZ_1M, TEST_R), 0);
	KUNIT_EXPECT_EQ(test, generation(f), was);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_4K), 0);
	KUNIT_EXPECT_NE(test, generation(f), was);
	KUNIT_EXPECT_EQ(test, generation(f) & 1, 0ul);
}

/* Record this CPU as a reader of the space's present generation. */
static bool find_something(const struct axas_space *space)
{
	struct axas_cpu *cpu = axas_section_enter(space);

	if (cpu)
		axas_section_leave(cpu);
	return cpu;
}

static bool still_knows(const struct axas_space *space)
{
	struct axas_cpu *cpu = axas_section_hit(space);

	if (cpu)
		axas_section_leave(cpu);
	return cpu;
}

/* Generations are unique over all spaces, so a bar invalidates all earlier lookups of CPUs. */
static void generations_are_never_used_twice(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_space_params params = {};
	struct axas_space *other = space_another(f, &params);
	unsigned long last = generation(f), next;
	unsigned int i;

	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	for (i = 0; i < 1000000; i++) {
		struct axas_space *space = i & 1 ? other : f->space;

		if (!find_something(space))
			break;
		mutex_lock(&space->changing);
		axas_bar_begin(space);
		axas_bar_end(space);
		mutex_unlock(&space->changing);
		next = READ_ONCE(space->generation);
		if (next <= last || next & 1 || still_knows(space))
			break;
		last = next;
	}
	KUNIT_EXPECT_EQ(test, i, 1000000u);
	axas_space_put(other);
}

static bool on_list(const struct axas_space *space)
{
	return !bitmap_empty(space->list, AXAS_LIST_BITS);
}

/* A CPU stays on a space's list from its first section there to the next bar. */
static void cpu_is_listed_until_the_next_removal(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_space_params params = {};
	struct axas_space *other = space_another(f, &params);
	struct axas_translation to;

	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_64K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, axas_space_translate(f->space, axas_gpa(WIN), &to), 0);
	KUNIT_EXPECT_TRUE(test, on_list(f->space));
	KUNIT_EXPECT_FALSE(test, on_list(other));
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_4K), 0);
	KUNIT_EXPECT_FALSE(test, on_list(f->space));
	KUNIT_EXPECT_EQ(test, axas_space_translate(f->space, axas_gpa(WIN), &to), -ENOENT);
	KUNIT_EXPECT_TRUE(test, on_list(f->space));
	axas_space_put(other);
}

/**
 * struct sitter - a reader that stays in a section, and a concurrent remover
 * @f: the fixture
 * @sits: the space of the section
 * @removes: the space of the removal
 * @inside: the section has begun
 * @go: the section shall end
 * @left: the section has ended
 * @early: the removal ended before the section
 */
struct sitter {
	struct space_fixture *f;
	struct axas_space *sits;
	struct axas_space *removes;
	struct completion inside;
	bool go;
	bool left;
	bool early;
};

static int sit(void *arg)
{
	struct sitter *s = arg;
	/* Bounded: a removal of this space waits for us, one of another may be slow to begin. */
	int i, most = s->sits == s->removes ? 20000 : 1000000;
	struct axas_cpu *cpu;

	cpu = axas_section_enter(s->sits);
	if (!cpu)
		return -EBUSY;
	complete(&s->inside);
	for (i = 0; i < most && !READ_ONCE(s->go); i++)
		udelay(5);
	WRITE_ONCE(s->left, true);
	axas_section_leave(cpu);
	return 0;
}

static int remove_beside(void *arg)
{
	struct sitter *s = arg;
	int err;

	wait_for_completion(&s->inside);
	err = axas_space_unmap(s->removes, gpa_range(WIN, SZ_4K));
	s->early = !READ_ONCE(s->left);
	WRITE_ONCE(s->go, true);
	return err;
}

static void sit_and_remove(struct space_fixture *f, struct sitter *s, struct axas_space *sits,
			   struct axas_space *removes)
{
	struct test_thread threads[] = { { sit, s }, { remove_beside, s } };

	*s = (struct sitter){ .f = f, .sits = sits, .removes = removes };
	init_completion(&s->inside);
	KUNIT_ASSERT_EQ(f->test, test_run_threads(threads, ARRAY_SIZE(threads)), 0);
	KUNIT_EXPECT_EQ(f->test, threads[0].result, 0);
	KUNIT_EXPECT_EQ(f->test, threads[1].result, 0);
}

static void removal_waits_for_sections_of_its_space_alone(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_space_params params = {};
	struct axas_space *other = space_another(f, &params);
	struct axas_translation to;
	struct sitter s;

	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	if (num_online_cpus() < 2) {
		axas_space_put(other);
		kunit_skip(test, "a section and a remover need a CPU each");
	}
	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_64K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, axas_space_translate(f->space, axas_gpa(WIN), &to), 0);
	/* The section times out: the remover waits for it, and sets @go only then. */
	sit_and_remove(f, &s, f->space, f->space);
	KUNIT_EXPECT_FALSE(test, s.early);
	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_4K, TEST_RW), 0);
	sit_and_remove(f, &s, other, f->space);
	KUNIT_EXPECT_TRUE(test, s.early);
	axas_space_put(other);
}

/* Readers cannot enter while the bar is up, and can after it. */
static void no_section_begins_while_somebody_has_the_bar(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct axas_cpu *cpu;

	mutex_lock(&f->space->changing);
	axas_bar_begin(f->space);
	cpu = axas_section_enter(f->space);
	KUNIT_EXPECT_PTR_EQ(test, cpu, NULL);
	axas_bar_end(f->space);
	mutex_unlock(&f->space->changing);
	cpu = axas_section_enter(f->space);
	KUNIT_EXPECT_NOT_NULL(test, cpu);
	if (cpu)
		axas_section_leave(cpu);
}

/**
 * struct waiter - a reader that comes while somebody has the bar
 * @f: the fixture
 * @read: what it does, with memory that is there
 * @up: somebody has the bar
 * @done: it has returned
 * @early: while somebody had the bar
 */
struct waiter {
	struct space_fixture *f;
	int (*read)(struct space_fixture *f);
	struct completion up;
	bool done;
	bool early;
};

static int hand_out(struct space_fixture *f)
{
	struct bio_vec bvec;
	int n = axas_space_bvec(f->space, gpa_range(WIN, SZ_4K), TEST_W, &bvec, 1);

	if (n == 1)
		axas_space_bvec_put(&bvec, n);
	return n - 1;
}

static int lock_page_there(struct space_fixture *f)
{
	struct page *page;
	bool whole;
	int n = axas_space_lock_pages(f->space, axas_gpa(WIN), TEST_W, &page, 1, &whole);

	if (n == 1)
		unlock_page(page);
	return n - 1;
}

static int translate_there(struct space_fixture *f)
{
	struct axas_translation to;

	return axas_space_translate(f->space, axas_gpa(WIN), &to);
}

static int fault_there(struct space_fixture *f)
{
	return space_fault(f, WIN, TEST_W) - AXAS_FAULT_SPURIOUS;
}

static int write_there(struct space_fixture *f)
{
	return axas_write_obj(f->space, axas_gpa(WIN), AXAS_WIDTH_32, 1);
}

static int read_there(void *arg)
{
	struct waiter *w = arg;
	int err;

	wait_for_completion(&w->up);
	err = w->read(w->f);
	WRITE_ONCE(w->done, true);
	return err;
}

static int have_the_bar(void *arg)
{
	struct waiter *w = arg;
	struct axas_space *space = w->f->space;

	mutex_lock(&space->changing);
	axas_bar_begin(space);
	complete(&w->up);
	schedule_timeout_uninterruptible(HZ / 50);
	w->early = READ_ONCE(w->done);
	axas_bar_end(space);
	mutex_unlock(&space->changing);
	return 0;
}

static void readers_wait_where_somebody_has_the_bar(struct kunit *test)
{
	static int (* const reads[])(struct space_fixture *f) = {
		hand_out, lock_page_there, translate_there, fault_there, write_there,
	};
	struct space_fixture *f = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, space_map_populated(f, WIN, SZ_4K, TEST_RW), 0);
	axas_space_share_pages(f->space);
	for (i = 0; i < ARRAY_SIZE(reads); i++) {
		struct waiter w = { .f = f, .read = reads[i] };
		struct test_thread threads[] = { { read_there, &w }, { have_the_bar, &w } };

		init_completion(&w.up);
		KUNIT_ASSERT_EQ(test, test_run_threads(threads, ARRAY_SIZE(threads)), 0);
		KUNIT_EXPECT_EQ_MSG(test, threads[0].result, 0, "reader %u", i);
		KUNIT_EXPECT_FALSE_MSG(test, w.early, "reader %u", i);
	}
}

/* A HAL that faults in another area whenever a frame is freed. */
struct nosy {
	struct axas_hal hal;
	struct space_fixture *f;
	struct axas_space *space;
	u64 next;
	unsigned int frees;
	unsigned int answers[AXAS_FAULT_ERROR + 1];
};

static struct nosy *to_nosy(const struct axas_hal *hal)
{
	return container_of(hal, struct nosy, hal);
}

static int nosy_alloc(const struct axas_hal *hal, unsigned int order, u32 flags,
		      struct axas_hpa *hpa)
{
	const struct axas_hal *mock = &to_nosy(hal)->f->mock->hal;

	return mock->alloc_frame(mock, order, flags, hpa);
}

static void nosy_free(const struct axas_hal *hal, struct axas_hpa hpa, unsigned int order,
		      u32 flags)
{
	const struct axas_hal *mock = &to_nosy(hal)->f->mock->hal;
	struct nosy *nosy = to_nosy(hal);

	mock->free_frame(mock, hpa, order, flags);
	if (flags & AXAS_FRAME_TABLE || !nosy->space)
		return;
	nosy->frees++;
	nosy->answers[axas_space_fault(nosy->space, axas_gpa(nosy->next), TEST_W, NULL)]++;
	nosy->next += SZ_4K;
}

static void *nosy_va(const struct axas_hal *hal, struct axas_hpa hpa)
{
	return axas_hal_va(&to_nosy(hal)->f->mock->hal, hpa);
}

static struct axas_hpa nosy_pa(const struct axas_hal *hal, const void *va)
{
	return axas_hal_pa(&to_nosy(hal)->f->mock->hal, va);
}

/* H4: frames are freed with no lock held, and concurrent faults elsewhere are fixed. */
static void faults_get_on_while_frames_are_freed(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct nosy nosy = {
		.hal = {
			.name = "nosy", .phys_bits = f->mock->hal.phys_bits,
			.alloc_frame = nosy_alloc, .free_frame = nosy_free,
			.phys_to_virt = nosy_va, .virt_to_phys = nosy_pa,
		},
		.f = f, .next = BORDER,
	};
	struct axas_space_params params = { .hal = &nosy.hal };
	struct axas_space *own = f->space;

	f->space = space_another(f, &params);
	KUNIT_ASSERT_FALSE(test, IS_ERR(f->space));
	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_1M, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BORDER, SZ_2M, TEST_RW), 0);
	nosy.space = f->space;
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_1M), 0);
	nosy.space = NULL;
	KUNIT_EXPECT_EQ(test, nosy.frees, 256u);
	KUNIT_EXPECT_EQ(test, nosy.answers[AXAS_FAULT_FIXED], 256u);
	axas_space_put(f->space);
	f->space = own;
}

/* Change the leaf at @gpa directly. Accesses must obey the leaf, not its area. */
static void set_leaf(struct space_fixture *f, u64 gpa, u64 entry)
{
	struct axas_npt_cursor cursor;
	struct axas_npt_pos pos;

	f->space->npt.marked = true;
	axas_npt_walk(&f->space->npt, &cursor, gpa, &pos);
	KUNIT_ASSERT_EQ(f->test, pos.level, 0u);
	WRITE_ONCE(*pos.ptep, entry);
}

static u64 get_leaf(struct space_fixture *f, u64 gpa)
{
	struct axas_npt_cursor cursor;
	struct axas_npt_pos pos;

	axas_npt_walk(&f->space->npt, &cursor, gpa, &pos);
	return pos.entry;
}

/* A leaf may permit less than its area: accesses obey the leaf, and a fault widens it. */
static void leaf_decides_what_an_access_may_do(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	const struct axas_npt *npt = &f->space->npt;
	struct axas_translation to;
	u64 leaf;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_16K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_fault(f, WIN, TEST_W), AXAS_FAULT_SPURIOUS);
	space_attach(f);
	leaf = get_leaf(f, WIN);
	set_leaf(f, WIN, npt->fmt->with_prot(leaf, TEST_R, 0));
	KUNIT_EXPECT_EQ(test, axas_space_translate(f->space, axas_gpa(WIN), &to), 0);
	KUNIT_EXPECT_EQ(test, to.prot, (u32)TEST_R);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, space_fault_nowait(f, WIN, TEST_W), AXAS_FAULT_RETRY);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN, TEST_W), AXAS_FAULT_SPURIOUS);
	KUNIT_EXPECT_EQ(test, get_leaf(f, WIN), leaf);
	KUNIT_EXPECT_EQ(test, f->flushes, 1u);
	/* A host write to such a page faults first, too. */
	set_leaf(f, WIN + SZ_4K, npt->fmt->with_prot(get_leaf(f, WIN + SZ_4K), TEST_R, 0));
	KUNIT_EXPECT_EQ(test, axas_write_obj(f->space, axas_gpa(WIN + SZ_4K), AXAS_WIDTH_32, 5),
			0);
	KUNIT_EXPECT_EQ(test, f->flushes, 2u);
}

/* A borrowed frame belongs to an image: it is never put, and never becomes writable. */
static void borrowed_leaf_is_neither_put_nor_written(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	const struct axas_npt *npt = &f->space->npt;
	struct axas_hpa hpa = axas_hpa(space_hpa(f, WIN));
	struct axas_translation to;
	u64 leaf;

	KUNIT_ASSERT_EQ(test, space_map_small(f, WIN, SZ_16K, TEST_R), 0);
	leaf = get_leaf(f, WIN);
	hpa = axas_npt_leaf_hpa(npt, leaf);
	set_leaf(f, WIN, leaf | npt->fmt->borrowed);
	KUNIT_EXPECT_EQ(test, space_protect(f, WIN, SZ_16K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, axas_space_translate(f->space, axas_gpa(WIN), &to), 0);
	KUNIT_EXPECT_EQ(test, to.prot, (u32)TEST_R);
	KUNIT_EXPECT_EQ(test, to.hpa.val, hpa.val);
	KUNIT_EXPECT_EQ(test, axas_space_translate(f->space, axas_gpa(WIN + SZ_4K), &to), 0);
	KUNIT_EXPECT_EQ(test, to.prot, (u32)TEST_RW);
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_16K), 0);
	KUNIT_EXPECT_EQ(test, f->mock->frames, 1l);
	f->mock->hal.free_frame(&f->mock->hal, hpa, 0, 0);
	/* The space counted the frame as its own. */
	atomic_long_dec(&f->space->pool.frames);
}

/* A zero marker is filled by a fault like an empty entry, and removed by an unmap. */
static void zero_marker_is_filled_on_a_touch(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	const struct axas_npt *npt = &f->space->npt;
	struct axas_npt_cursor cursor;
	struct axas_npt_pos pos;
	u64 done;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_4M, TEST_RW), 0);
	/* A marker for a whole region, and one for a page of another. */
	KUNIT_ASSERT_EQ(test, space_fault(f, WIN, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_ASSERT_EQ(test, space_fault(f, WIN + SZ_2M, TEST_R), AXAS_FAULT_FIXED);
	KUNIT_ASSERT_EQ(test, space_unmap(f, WIN + SZ_2M, SZ_2M), 0);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN + SZ_2M, SZ_2M, TEST_RW), 0);
	set_leaf(f, WIN + SZ_4K, npt->fmt->zero);
	axas_npt_walk(npt, &cursor, WIN + SZ_2M, &pos);
	KUNIT_ASSERT_GE(test, pos.level, 1u);
	if (pos.level == 1)
		WRITE_ONCE(*pos.ptep, npt->fmt->zero);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_4K, TEST_W), AXAS_FAULT_FIXED);
	KUNIT_EXPECT_EQ(test, space_fault(f, WIN + SZ_2M + SZ_8K, TEST_W), AXAS_FAULT_FIXED);
	if (pos.level == 1)
		KUNIT_EXPECT_EQ(test, get_leaf(f, WIN + SZ_2M), npt->fmt->zero);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(WIN + SZ_2M, SZ_64K), &done),
			0);
	KUNIT_EXPECT_EQ(test, done, (u64)SZ_64K);
	KUNIT_EXPECT_TRUE(test, axas_npt_allows(npt, get_leaf(f, WIN + SZ_2M), TEST_W));
	KUNIT_EXPECT_EQ(test, space_unmap(f, WIN, SZ_4M), 0);
	space_expect_empty(f);
}

/* H6: a fault concurrent with removals elsewhere never returns RETRY. */
struct stream {
	struct space_fixture *f;
	bool stop;
	unsigned int removals;
};

static int keep_removing(void *arg)
{
	struct stream *s = arg;
	int err = 0;

	while (!READ_ONCE(s->stop) && !err) {
		err = axas_space_unmap(s->f->space, gpa_range(BORDER, SZ_4K)) ?:
		      axas_space_map_alloc(s->f->space, gpa_range(BORDER, SZ_4K), TEST_RW,
					   AXAS_TYPE_NORMAL, 0);
		WRITE_ONCE(s->removals, s->removals + 1);
		cond_resched();
	}
	return err;
}

static int keep_faulting(void *arg)
{
	struct stream *s = arg;
	unsigned int i;
	int result = 0;

	/* Run concurrently with the other thread, however late that starts. */
	while (!READ_ONCE(s->removals))
		schedule_timeout_uninterruptible(1);
	for (i = 0; i < 2048 && !result; i++) {
		result = space_fault(s->f, WIN + i % 512 * SZ_4K, TEST_W);
		if (i % 512 >= 256 || result == AXAS_FAULT_SPURIOUS)
			result = 0;
		if (i % 64 == 63)
			schedule_timeout_uninterruptible(1);
	}
	WRITE_ONCE(s->stop, true);
	return result;
}

static void no_fault_is_asked_again_beside_removals(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct stream s = { .f = f };
	struct test_thread threads[] = { { keep_removing, &s }, { keep_faulting, &s } };
	struct axas_info info;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_2M, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BORDER, SZ_4K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, test_run_threads(threads, ARRAY_SIZE(threads)), 0);
	KUNIT_EXPECT_EQ(test, threads[0].result, 0);
	KUNIT_EXPECT_EQ(test, threads[1].result, 0);
	KUNIT_EXPECT_GT(test, s.removals, 0u);
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(test, info.faults[AXAS_FAULT_RETRY], 0ull);
	KUNIT_EXPECT_EQ(test, info.faults[AXAS_FAULT_FIXED], 512ull);
}

/*
 * Records of tables that become empty may take a gather's last room for leaves. The next
 * owner's leaves then have no room, and the piece ends.
 */
static void removal_of_many_owners_fits_its_gather(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 third = BORDER + SZ_2M, i;

	/* A short removal, with few records in its gather. */
	KUNIT_ASSERT_EQ(test, space_map_populated(f, third - 28 * SZ_4K, 27 * SZ_4K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_populated(f, third - SZ_4K, SZ_4K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_populated(f, third, SZ_4K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, space_unmap(f, third - 28 * SZ_4K, 29 * SZ_4K), 0);
	space_expect_empty(f);

	/* A long removal, with many. */
	for (i = 0; i < 6; i++)
		KUNIT_ASSERT_EQ(test, space_map_populated(f, BORDER + i * SZ_1M, SZ_1M, TEST_RW),
				0);
	KUNIT_ASSERT_EQ(test, space_map_populated(f, BORDER + 3 * SZ_2M, 490 * SZ_4K, TEST_RW), 0);
	for (i = 4; i < 8; i++)
		KUNIT_ASSERT_EQ(test, space_map_populated(f, BORDER + i * SZ_2M, 511 * SZ_4K,
							  TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, space_unmap(f, BORDER, SZ_16M), 0);
	space_expect_empty(f);
}

/* With a limit, a fault waits for frames in flight, but not if it has a frame and lacks a table. */
static void tables_that_do_not_come_end_a_fault(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 done;

	space_limit_frames(f, 16);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, BORDER, SZ_4M, TEST_RW), 0);
	/* Only the frame can be allocated, no table. */
	mock_hal_fail_after(f->mock, 1);
	KUNIT_EXPECT_EQ(test, space_fault(f, BORDER, TEST_W), AXAS_FAULT_NOMEM);
	mock_hal_fail_after(f->mock, 1);
	KUNIT_EXPECT_EQ(test, axas_space_populate(f->space, gpa_range(BORDER, SZ_4K), &done),
			-ENOMEM);
	mock_hal_fail_never(f->mock);
	KUNIT_EXPECT_EQ(test, space_fault(f, BORDER, TEST_W), AXAS_FAULT_FIXED);
}

/*
 * A protect joins its area with the one before it, and a concurrent fault installs a large leaf
 * across the former border before the leaves are protected. That leaf must not be split: no
 * table was allocated for it.
 */
struct joiner {
	struct space_fixture *f;
	bool stop;
};

#define JOINS		40
#define JOINED_AREAS	64

static int keep_joining(void *arg)
{
	struct joiner *j = arg;
	struct axas_space *space = j->f->space;
	u64 others = BORDER + SZ_4M;
	unsigned int i, n;
	int err = 0;

	for (n = 0; n < JOINS && !err; n++) {
		err = axas_space_map_alloc(space, gpa_range(BORDER, SZ_1M), TEST_RW,
					   AXAS_TYPE_NORMAL, AXAS_MAP_HUGE_ALWAYS) ?:
		      axas_space_map_alloc(space, gpa_range(BORDER + SZ_1M, SZ_1M), TEST_R,
					   AXAS_TYPE_NORMAL, AXAS_MAP_HUGE_ALWAYS);
		for (i = 0; i < JOINED_AREAS && !err; i++)
			err = axas_space_map_alloc(space, gpa_range(others + i * SZ_8K, SZ_4K),
						   TEST_R, AXAS_TYPE_NORMAL, 0);
		err = err ?: axas_space_protect(space, gpa_range(BORDER + SZ_1M, SZ_4M), TEST_RW);
		axas_space_clear(space);
	}
	WRITE_ONCE(j->stop, true);
	return err;
}

static int keep_writing(void *arg)
{
	struct joiner *j = arg;

	while (!READ_ONCE(j->stop)) {
		space_fault(j->f, BORDER + SZ_1M, TEST_W);
		cond_resched();
	}
	return 0;
}

static void large_leaf_may_come_across_a_join(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct joiner j = { .f = f };
	struct test_thread threads[] = { { keep_joining, &j }, { keep_writing, &j } };

	KUNIT_ASSERT_EQ(test, test_run_threads(threads, ARRAY_SIZE(threads)), 0);
	KUNIT_EXPECT_EQ(test, threads[0].result, 0);
	space_expect_empty(f);
}

/*
 * A large leaf that crosses the border of a protect is split before a concurrent fault can widen
 * it: the page before the border keeps its protection.
 */
static int keep_widening(void *arg)
{
	struct joiner *j = arg;
	struct axas_space *space = j->f->space;
	u64 others = BORDER + SZ_4M, done;
	struct axas_translation to;
	unsigned int i, n;
	int err = 0;

	for (n = 0; n < JOINS && !err; n++) {
		err = axas_space_map_alloc(space, gpa_range(BORDER, SZ_2M), TEST_R,
					   AXAS_TYPE_NORMAL, AXAS_MAP_HUGE_ALWAYS) ?:
		      axas_space_populate(space, gpa_range(BORDER, SZ_2M), &done);
		for (i = 0; i < JOINED_AREAS && !err; i++)
			err = axas_space_map_alloc(space, gpa_range(others + i * SZ_8K, SZ_4K),
						   TEST_R, AXAS_TYPE_NORMAL, 0);
		err = err ?: axas_space_protect(space, gpa_range(BORDER + SZ_1M, SZ_4M), TEST_RW);
		err = err ?: axas_space_translate(space, axas_gpa(BORDER), &to);
		if (!err && to.prot != TEST_R)
			err = -EACCES;
		axas_space_clear(space);
	}
	WRITE_ONCE(j->stop, true);
	return err;
}

static void nobody_widens_a_leaf_beyond_its_area(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct joiner j = { .f = f };
	struct test_thread threads[] = { { keep_widening, &j }, { keep_writing, &j } };

	KUNIT_ASSERT_EQ(test, test_run_threads(threads, ARRAY_SIZE(threads)), 0);
	KUNIT_EXPECT_EQ(test, threads[0].result, 0);
	space_expect_empty(f);
}

/* The tree's nodes are charged to no memcg: each charged object pays for some ranges. */
static void expect_charged(struct space_fixture *f, u64 objects)
{
	struct kunit *test = f->test;
	struct list_head *token;
	u64 needed = DIV_ROUND_UP(f->space->areas->nr_ranges, AXAS_RANGES_PER_AREA);
	u64 tokens = 0;

	list_for_each(token, &f->space->areas->tokens)
		tokens++;
	KUNIT_EXPECT_EQ(test, f->space->areas->nr_tokens, tokens);
	KUNIT_EXPECT_EQ(test, f->space->areas->nr_objects, objects);
	KUNIT_EXPECT_EQ(test, tokens, needed > objects ? needed - objects : 0);
}

#define CHARGED_PAGES	64

/* R5: objects that a guest's owner can create in numbers are charged to the owner. */
static void holes_are_charged_as_areas_are(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_2M, TEST_RW), 0);
	for (i = 1; i < CHARGED_PAGES; i++) {
		KUNIT_ASSERT_EQ(test, space_unmap(f, WIN + i * SZ_8K, SZ_4K), 0);
		space_expect_areas(f, i + 1);
		expect_charged(f, 1);
	}
	/* A removal at the end of a range makes no new range. */
	KUNIT_ASSERT_EQ(test, space_unmap(f, WIN, SZ_4K), 0);
	space_expect_areas(f, CHARGED_PAGES);
	expect_charged(f, 1);
	KUNIT_ASSERT_EQ(test, space_unmap(f, WIN, SZ_128K), 0);
	expect_charged(f, 1);
	axas_space_clear(f->space);
	expect_charged(f, 0);
}

/* R5: each page first gets an area of its own, and both are removed together. */
static void holes_by_way_of_protect_are_charged(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN, SZ_2M, TEST_RW), 0);
	for (i = 1; i < CHARGED_PAGES; i++) {
		KUNIT_ASSERT_EQ(test, space_protect(f, WIN + i * SZ_8K, SZ_4K, TEST_R), 0);
		expect_charged(f, 2);
		KUNIT_ASSERT_EQ(test, space_unmap(f, WIN + i * SZ_8K, SZ_4K), 0);
		space_expect_areas(f, i + 1);
		expect_charged(f, 1);
	}
	/* From the middle of the first range to the middle of the last. */
	KUNIT_ASSERT_EQ(test, space_protect(f, WIN + SZ_4K, SZ_2M - SZ_8K, TEST_R), 0);
	expect_charged(f, 2);
	axas_space_clear(f->space);
	expect_charged(f, 0);
}

/* R5: many areas become one area with as many ranges. */
static void ranges_that_share_an_area_stay_charged(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	u64 end = WIN + CHARGED_PAGES * SZ_8K;
	unsigned int i;

	for (i = 0; i < CHARGED_PAGES; i++)
		KUNIT_ASSERT_EQ(test, space_map_alloc(f, WIN + i * SZ_8K, SZ_4K, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, space_map_alloc(f, end, SZ_1M, TEST_RW), 0);
	expect_charged(f, CHARGED_PAGES + 1);
	KUNIT_ASSERT_EQ(test, space_protect(f, WIN, end - WIN, TEST_R), 0);
	space_expect_areas(f, CHARGED_PAGES + 1);
	expect_charged(f, 2);
	KUNIT_ASSERT_EQ(test, space_protect(f, end, SZ_1M, TEST_R), 0);
	expect_charged(f, 2);
	KUNIT_ASSERT_EQ(test, space_unmap(f, end + SZ_64K, SZ_4K), 0);
	/* From the middle of one range to the middle of another, both of one area. */
	KUNIT_ASSERT_EQ(test, space_protect(f, end + SZ_32K, SZ_64K, TEST_RW), 0);
	space_expect_areas(f, CHARGED_PAGES + 4);
	expect_charged(f, 3);
	/* And back. */
	KUNIT_ASSERT_EQ(test, space_protect(f, end + SZ_32K, SZ_64K, TEST_R), 0);
	space_expect_areas(f, CHARGED_PAGES + 2);
	expect_charged(f, 2);
	KUNIT_ASSERT_EQ(test, space_unmap(f, WIN, end + SZ_1M - WIN), 0);
	expect_charged(f, 0);
}

static struct kunit_case area_cases[] = {
	KUNIT_CASE_PARAM(nobody_widens_a_leaf_beyond_its_area, space_gen_params),
	KUNIT_CASE_PARAM(removal_of_many_owners_fits_its_gather, space_gen_params),
	KUNIT_CASE_PARAM(tables_that_do_not_come_end_a_fault, space_gen_params),
	KUNIT_CASE_PARAM(large_leaf_may_come_across_a_join, space_gen_params),
	KUNIT_CASE_PARAM(protect_there_and_back_leaves_one_area, space_gen_params),
	KUNIT_CASE_PARAM(protect_to_the_same_changes_nothing, space_gen_params),
	KUNIT_CASE_PARAM(removal_of_nothing_waits_for_nobody, space_gen_params),
	KUNIT_CASE(generations_are_never_used_twice),
	KUNIT_CASE(cpu_is_listed_until_the_next_removal),
	KUNIT_CASE(removal_waits_for_sections_of_its_space_alone),
	KUNIT_CASE(no_section_begins_while_somebody_has_the_bar),
	KUNIT_CASE(readers_wait_where_somebody_has_the_bar),
	KUNIT_CASE_PARAM(faults_get_on_while_frames_are_freed, space_gen_params),
	KUNIT_CASE_PARAM(leaf_decides_what_an_access_may_do, space_gen_params),
	KUNIT_CASE_PARAM(borrowed_leaf_is_neither_put_nor_written, space_gen_params),
	KUNIT_CASE_PARAM(zero_marker_is_filled_on_a_touch, space_gen_params),
	KUNIT_CASE_PARAM(no_fault_is_asked_again_beside_removals, space_gen_params),
	KUNIT_CASE_PARAM(holes_are_charged_as_areas_are, space_gen_params),
	KUNIT_CASE_PARAM(holes_by_way_of_protect_are_charged, space_gen_params),
	KUNIT_CASE_PARAM(ranges_that_share_an_area_stay_charged, space_gen_params),
	{}
};

struct kunit_suite axas_area_suite = {
	.name = "axas_area",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = area_cases,
};
