// SPDX-License-Identifier: GPL-2.0-only
/*
 * A space over the mock HAL; see space_fixture.h.
 */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/slab.h>

#include "npt_fixture.h"
#include "space_fixture.h"

#define KIND(NAME, name)	{ &axas_npt_##name },

static const struct space_kind kinds[] = {
	AXAS_NPT_FORMATS(KIND) KIND(FAKE, fake)
};

const void *space_gen_params(const void *prev, char *desc)
{
	const struct space_kind *next = prev ? (const struct space_kind *)prev + 1 : kinds;

	if (next == kinds + ARRAY_SIZE(kinds))
		return NULL;
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", next->fmt->name);
	return next;
}

struct axas_space *space_another(struct space_fixture *f,
				 const struct axas_space_params *params)
{
	struct axas_npt_caps caps = npt_full_caps(f->kind->fmt);
	struct axas_space_params p = *params;

	p.hal = p.hal ?: &f->mock->hal;
	p.ia_bits = p.ia_bits ?: f->kind->fmt->usual_ia_bits;
	return axas_space_create_fmt(&p, f->kind->fmt, &caps);
}

/* No more than the consumer has to. */
static void flush_pages(struct space_watcher *w, const struct axas_flush *flush)
{
	u64 base = flush->base.val, first = flush->range.start.val - base;
	unsigned long end = (first + flush->range.size) / SZ_4K, from, to;

	for (from = find_next_bit(flush->pages, end, first / SZ_4K); from < end;
	     from = find_next_bit(flush->pages, end, to)) {
		to = find_next_zero_bit(flush->pages, end, from);
		monitor_flush(w->monitor, w->nr, base + (u64)from * SZ_4K,
			      base + (u64)to * SZ_4K - 1, false);
	}
}

static void monitor_is_flushed(struct axas_consumer *consumer, const struct axas_flush *flush,
			       struct cpumask *cpus)
{
	struct space_watcher *w = container_of(consumer, struct space_watcher, consumer);

	if (flush->pages)
		flush_pages(w, flush);
	else
		monitor_flush(w->monitor, w->nr, flush->range.start.val,
			      axas_gpa_range_last(flush->range).val, flush->tables);
}

static const struct axas_consumer_ops watcher_ops = { .request = monitor_is_flushed };

/* Two consumers, to detect a flush of only one. */
static int watch_space(struct space_fixture *f)
{
	unsigned int i;
	int err = 0;

	f->monitor = monitor_watch(f->mock, &f->space->npt);
	if (!f->monitor)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(f->watchers) && !err; i++) {
		struct space_watcher *w = &f->watchers[i];

		w->monitor = f->monitor;
		w->consumer.ops = &watcher_ops;
		w->nr = monitor_add_consumer(f->monitor);
		err = axas_space_attach(f->space, &w->consumer);
	}
	return err;
}

void space_drop(struct space_fixture *f)
{
	unsigned int i;

	if (f->space && f->attached)
		axas_space_detach(f->space, &f->consumer);
	f->attached = false;
	monitor_expect_flushed(f->monitor);
	for (i = 0; f->monitor && i < ARRAY_SIZE(f->watchers); i++)
		axas_space_detach(f->space, &f->watchers[i].consumer);
	monitor_forget(f->monitor);
	axas_space_put(f->space);
	f->monitor = NULL;
	f->space = NULL;
}

int space_adopt(struct space_fixture *f, struct axas_space *space)
{
	space_drop(f);
	if (IS_ERR(space))
		return PTR_ERR(space);
	f->space = space;
	return watch_space(f);
}

static int make_space(struct space_fixture *f, u64 max_frames)
{
	struct axas_space_params params = { .max_frames = max_frames };

	return space_adopt(f, space_another(f, &params));
}

int space_test_init(struct kunit *test)
{
	struct space_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	test->priv = f;
	if (!f)
		return -ENOMEM;
	f->test = test;
	f->kind = test->param_value ?: &kinds[0];
	f->mock = mock_hal_create(test);
	return f->mock ? make_space(f, 0) : -ENOMEM;
}

void space_test_exit(struct kunit *test)
{
	struct space_fixture *f = test->priv;

	if (!f)
		return;
	if (f->space)
		space_expect_balanced(f);
	space_drop(f);
	if (f->mock)
		mock_hal_finish(f->mock);
}

void space_limit_frames(struct space_fixture *f, u64 max_frames)
{
	KUNIT_ASSERT_EQ(f->test, make_space(f, max_frames), 0);
}

u64 space_hpa(struct space_fixture *f, u64 gpa)
{
	struct axas_translation to;

	if (axas_space_translate(f->space, axas_gpa(gpa), &to))
		return AXAS_HPA_NONE;
	return to.hpa.val;
}

u8 *space_mem(struct space_fixture *f, u64 gpa)
{
	return mock_hal_peek(f->mock, space_hpa(f, gpa));
}

void space_expect_leaf(struct space_fixture *f, u64 gpa, u64 hpa, u32 prot)
{
	struct axas_translation to = {};
	struct leaf_entry leaf = {};

	KUNIT_EXPECT_EQ_MSG(f->test, axas_space_translate(f->space, axas_gpa(gpa), &to), 0,
			    "at 0x%llx", gpa);
	KUNIT_EXPECT_EQ_MSG(f->test, to.hpa.val, hpa, "at 0x%llx", gpa);
	KUNIT_EXPECT_EQ_MSG(f->test, to.prot, prot, "at 0x%llx", gpa);
	/* Also check the entry that hardware reads, which translate may not have read. */
	KUNIT_EXPECT_TRUE_MSG(f->test, monitor_leaf(f->monitor, gpa, &leaf), "at 0x%llx", gpa);
	KUNIT_EXPECT_EQ_MSG(f->test, leaf.hpa + (gpa & (axas_npt_leaf_size(leaf.level) - 1)), hpa,
			    "in the leaf at 0x%llx", gpa);
	KUNIT_EXPECT_EQ_MSG(f->test, leaf.prot, prot, "in the leaf at 0x%llx", gpa);
}

void space_expect_nothing(struct space_fixture *f, u64 gpa, u64 size)
{
	u64 at;

	for (at = gpa; at - gpa < size; at += SZ_4K)
		if (space_hpa(f, at) != AXAS_HPA_NONE)
			KUNIT_FAIL(f->test, "0x%llx is mapped", at);
}

void space_expect_area(struct space_fixture *f, unsigned int n, u64 gpa, u64 size, u32 prot)
{
	struct axas_area_info info = {};
	u64 from = 0;

	do {
		if (!axas_space_next_area(f->space, axas_gpa(from), &info)) {
			KUNIT_FAIL(f->test, "no area for 0x%llx", gpa);
			return;
		}
		from = info.gpa + info.length;
	} while (n--);
	KUNIT_EXPECT_EQ_MSG(f->test, info.gpa, gpa, "of the area at 0x%llx", gpa);
	KUNIT_EXPECT_EQ_MSG(f->test, info.length, size, "of the area at 0x%llx", gpa);
	KUNIT_EXPECT_EQ_MSG(f->test, info.prot, prot, "of the area at 0x%llx", gpa);
}

void space_expect_areas(struct space_fixture *f, unsigned int n)
{
	struct axas_area_info area = {};
	struct axas_info info;
	unsigned int found = 0;
	u64 from = 0;

	while (axas_space_next_area(f->space, axas_gpa(from), &area)) {
		found++;
		from = area.gpa + area.length;
		if (!from)
			break;
	}
	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(f->test, found, n);
	KUNIT_EXPECT_EQ(f->test, info.areas, (u64)n);
}

void space_expect_balanced(struct space_fixture *f)
{
	struct axas_info info;

	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(f->test, info.frames, (u64)f->mock->frames);
	KUNIT_EXPECT_EQ(f->test, info.tables, (u64)f->mock->tables);
}

void space_expect_empty(struct space_fixture *f)
{
	struct axas_info info;
	unsigned int i;

	axas_space_get_info(f->space, &info);
	KUNIT_EXPECT_EQ(f->test, info.areas, 0ull);
	KUNIT_EXPECT_EQ(f->test, info.frames, 0ull);
	KUNIT_EXPECT_EQ(f->test, info.tables, info.root_tables);
	for (i = 0; i < AXAS_LEAF_LEVELS; i++)
		KUNIT_EXPECT_EQ(f->test, info.leaves[i], 0ull);
	space_expect_balanced(f);
}

static void watch_flush(struct axas_consumer *consumer, const struct axas_flush *flush,
			struct cpumask *cpus)
{
	struct space_fixture *f = container_of(consumer, struct space_fixture, consumer);

	f->flushes++;
	f->flush = *flush;
	f->frames_at_flush = f->mock->frames;
	mock_hal_log(f->mock, &(struct mock_event){
		MOCK_EVENT_FLUSH, flush->range.start.val,
		axas_gpa_range_last(flush->range).val, 0, flush->tables,
	});
}

static const struct axas_consumer_ops watch_ops = { .request = watch_flush };

void space_attach(struct space_fixture *f)
{
	f->consumer.ops = &watch_ops;
	if (!f->attached)
		KUNIT_EXPECT_EQ(f->test, axas_space_attach(f->space, &f->consumer), 0);
	f->attached = true;
	f->flushes = 0;
	mock_hal_start_log(f->mock);
}

void space_split_leaves(struct space_fixture *f, u64 gpa, u64 size)
{
	struct axas_npt *npt = &f->space->npt;
	struct axas_npt_job job = {
		.first = gpa, .last = gpa + size - 1, .prot = TEST_RWX, .budget = ~0u,
	};
	u32 flags = npt->caps.flags;
	struct axas_leaf leaf;
	u64 tables;

	KUNIT_ASSERT_TRUE(f->test, axas_npt_lookup(npt, gpa, &leaf));
	mutex_lock(&f->space->changing);
	axas_bar_begin(f->space);
	KUNIT_EXPECT_EQ(f->test, axas_npt_count_split_all(npt, gpa, gpa + size - 1, &tables), 0);
	KUNIT_EXPECT_EQ(f->test, axas_npt_get_spares(npt, &npt->reserve, tables, false), 0);
	/* Protect as on a machine that forbids large executable leaves; then restore. */
	npt->caps.flags |= AXAS_CAP_EXEC_4K;
	axas_npt_protect(npt, &job);
	npt->caps.flags = flags;
	job = (struct axas_npt_job){
		.first = gpa, .last = gpa + size - 1, .prot = leaf.prot, .budget = ~0u,
	};
	axas_npt_protect(npt, &job);
	axas_npt_put_spares(npt, &npt->reserve);
	axas_space_flush(f->space, gpa, gpa + size - 1, false);
	axas_bar_end(f->space);
	mutex_unlock(&f->space->changing);
}

void space_expect_one_flush(struct space_fixture *f, u64 gpa, u64 size)
{
	struct mock_hal *mock = f->mock;

	KUNIT_EXPECT_EQ(f->test, f->flushes, 1u);
	KUNIT_EXPECT_EQ(f->test, f->flush.range.start.val, gpa);
	KUNIT_EXPECT_EQ(f->test, f->flush.range.size, size);
	KUNIT_EXPECT_TRUE(f->test, mock_hal_ordered(mock, MOCK_EVENT_FLUSH, MOCK_EVENT_FREE));
}

static u64 hash(u64 h, u64 val)
{
	return (h ^ val) * 0x100000001b3ull + (h >> 29);
}

static u64 hash_memory(u64 h, const void *mem)
{
	const u64 *p = mem;
	unsigned int i;

	for (i = 0; p && i < AXAS_FRAME_SIZE / sizeof(*p); i++)
		h = hash(h, p[i]);
	return h;
}

static u64 hash_areas(struct space_fixture *f)
{
	struct axas_area_info area;
	u64 h = 1, from = 0;

	while (axas_space_next_area(f->space, axas_gpa(from), &area)) {
		h = hash(hash(hash(h, area.gpa), area.length), area.hpa);
		h = hash(hash(hash(h, area.prot), area.type), area.backend);
		from = area.gpa + area.length;
		if (!from)
			break;
	}
	return h;
}

static u64 hash_pages(struct space_fixture *f)
{
	struct axas_translation to;
	u64 h = 1, gpa;

	for (gpa = WIN; gpa < WIN + WIN_SIZE; gpa += SZ_4K) {
		if (axas_space_translate(f->space, axas_gpa(gpa), &to))
			continue;
		h = hash(hash(hash(h, gpa), to.hpa.val), to.prot);
		h = hash_memory(hash(h, to.type), mock_hal_peek(f->mock, to.hpa.val));
	}
	return h;
}

void space_take(struct space_fixture *f, struct space_snapshot *snap)
{
	axas_space_get_info(f->space, &snap->info);
	snap->areas = hash_areas(f);
	snap->pages = hash_pages(f);
}

void space_expect_same(struct space_fixture *f, const struct space_snapshot *before,
		       const char *what)
{
	struct space_snapshot now;
	unsigned int i;

	space_take(f, &now);
	KUNIT_EXPECT_EQ_MSG(f->test, now.info.areas, before->info.areas, "%s", what);
	KUNIT_EXPECT_EQ_MSG(f->test, now.info.frames, before->info.frames, "%s", what);
	for (i = 0; i < AXAS_LEAF_LEVELS; i++)
		KUNIT_EXPECT_EQ_MSG(f->test, now.info.leaves[i], before->info.leaves[i],
				    "%s: leaves at level %u", what, i);
	KUNIT_EXPECT_TRUE_MSG(f->test, now.areas == before->areas, "%s: areas changed", what);
	KUNIT_EXPECT_TRUE_MSG(f->test, now.pages == before->pages, "%s: pages changed", what);
	space_expect_balanced(f);
}
