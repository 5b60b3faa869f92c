// SPDX-License-Identifier: GPL-2.0-only
/*
 * A nested page table over the mock HAL; see npt_fixture.h.
 */
#include <linux/slab.h>

#include "npt_fixture.h"

#define USUAL(NAME, name)	{ &axas_npt_##name },

/* Each format as it comes, and what else it can be. */
static const struct npt_geometry geometries[] = {
	AXAS_NPT_FORMATS(USUAL)
	USUAL(FAKE, fake)
	{ &axas_npt_ept, 57, 5 },
	{ &axas_npt_svm, 57, 5 },
	{ &axas_npt_svm, 48, 5 },	/* a host whose own tables have five */
	{ &axas_npt_s2, 32, 3 },
	{ &axas_npt_s2, 33, 3 },
	{ &axas_npt_s2, 34, 3 },
	{ &axas_npt_s2, 35, 3 },
	{ &axas_npt_s2, 36, 3 },
	{ &axas_npt_s2, 37, 3 },
	{ &axas_npt_s2, 38, 3 },
	{ &axas_npt_s2, 39, 3 },
	{ &axas_npt_s2, 41, 3 },
	{ &axas_npt_s2, 42, 3 },
	{ &axas_npt_s2, 43, 3 },
	{ &axas_npt_s2, 44, 4 },
	{ &axas_npt_s2, 45, 4 },
	{ &axas_npt_s2, 46, 4 },
	{ &axas_npt_s2, 47, 4 },
	{ &axas_npt_s2, 48, 4 },
	{ &axas_npt_gstage, 50, 4 },
	{ &axas_npt_gstage, 59, 5 },
	{ &axas_npt_fake, 21, 2 },
	{ &axas_npt_fake, 30, 2 },
	{ &axas_npt_fake, 39, 3 },
	{ &axas_npt_fake, 57, 5 },
	{ &axas_npt_fake, 64, 5 },
};

static void geometry_name(const struct npt_geometry *g, char *desc)
{
	if (g->ia_bits)
		snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s %u bits, %u levels", g->fmt->name,
			 g->ia_bits, g->levels);
	else
		snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", g->fmt->name);
}

/*
 * KASAN makes the tests a hundred times slower. Stage 2, whose root grows with each bit, is then
 * tested with the smallest and largest geometry and the last one with 3 levels.
 */
static bool takes_too_long(const struct npt_geometry *g)
{
	return IS_ENABLED(CONFIG_KASAN) && g->fmt == &axas_npt_s2 && g->ia_bits &&
	       g->ia_bits != 32 && g->ia_bits != 43 && g->ia_bits != 48;
}

const void *npt_all_gen_params(const void *prev, char *desc)
{
	const struct npt_geometry *next = prev ? (const struct npt_geometry *)prev + 1 :
						 geometries;

	while (next < geometries + ARRAY_SIZE(geometries) && takes_too_long(next))
		next++;
	if (next == geometries + ARRAY_SIZE(geometries))
		return NULL;
	geometry_name(next, desc);
	return next;
}

void npt_levels_name(const struct npt_geometry *g, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u levels", g->levels);
}

static void npt_test_flush(struct axas_npt *npt, u64 first, u64 last, bool tables)
{
	struct npt_fixture *f = container_of(npt, struct npt_fixture, npt);

	f->flushes++;
	if (!f->lose_flushes)
		monitor_flush(f->monitor, 0, first, last, tables);
	mock_hal_log(f->mock, &(struct mock_event){ MOCK_EVENT_FLUSH, first, last, 0, tables });
}

static void npt_test_put_frames(struct axas_npt *npt, const void *owner,
				const struct axas_hpa *hpas, unsigned int n, unsigned int level)
{
	struct npt_fixture *f = container_of(npt, struct npt_fixture, npt);
	unsigned int order = AXAS_NPT_LEVEL_BITS * level;

	for (; n--; hpas++) {
		f->puts++;
		mock_hal_log(f->mock, &(struct mock_event){
			MOCK_EVENT_PUT_LEAF, hpas->val, 0, level, 0 });
		if (f->own_leaves)
			f->mock->hal.free_frame(&f->mock->hal, *hpas, order, 0);
	}
}

const struct axas_npt_ops npt_test_ops = {
	.flush		= npt_test_flush,
	.put_frames	= npt_test_put_frames,
};

struct axas_npt_caps npt_full_caps(const struct axas_npt_fmt *fmt)
{
	return (struct axas_npt_caps){
		.flags = AXAS_CAP_MASK & ~(AXAS_CAP_EXEC_4K | AXAS_CAP_S2_FWB),
		.leaf_levels = fmt->leaf_levels,
		.oa_bits = fmt->caps.oa_bits,
	};
}

int npt_test_init(struct kunit *test)
{
	static const struct npt_geometry usual = { &axas_npt_fake };
	const struct npt_geometry *g = test->param_value ?: &usual;
	struct axas_npt_caps caps = npt_full_caps(g->fmt);
	struct npt_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	int err;

	test->priv = f;
	if (!f)
		return -ENOMEM;
	caps.levels = g->levels ? BIT(g->levels) : 0;
	f->test = test;
	f->mock = mock_hal_create(test);
	if (!f->mock)
		return -ENOMEM;
	err = axas_npt_init(&f->npt, g->fmt, &npt_test_ops, &f->mock->hal, g->ia_bits, &caps);
	f->ready = !err;
	if (err)
		return err;
	f->monitor = monitor_watch(f->mock, &f->npt);
	if (!f->monitor)
		return -ENOMEM;
	monitor_add_consumer(f->monitor);
	return 0;
}

void npt_drop(struct npt_fixture *f)
{
	monitor_forget(f->monitor);
	f->monitor = NULL;
	if (f->ready)
		axas_npt_destroy(&f->npt);
	f->ready = false;
}

void npt_test_exit(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	if (!f)
		return;
	npt_drop(f);
	if (f->mock)
		mock_hal_finish(f->mock);
}

bool npt_has_level(const struct axas_npt *npt, unsigned int level)
{
	return level < npt->levels && (npt->caps.leaf_levels & BIT(level));
}

unsigned int npt_reference_level(const struct axas_npt *npt, u64 gpa, u64 last, u64 hpa,
				 unsigned int max_level)
{
	unsigned int level, best = 0;

	for (level = 1; level <= max_level; level++) {
		u64 size = axas_npt_leaf_size(level);

		if (npt_has_level(npt, level) && gpa % size == 0 && hpa % size == 0 &&
		    last - gpa >= size - 1)
			best = level;
	}
	return best;
}

long npt_root_tables(const struct axas_npt *npt)
{
	return 1l << npt->root_order;
}

long npt_all_leaves(const struct axas_npt *npt)
{
	unsigned int level;
	long n = 0;

	for (level = 0; level < AXAS_NPT_MAX_LEVELS; level++)
		n += axas_npt_leaves(npt, level);
	return n;
}

int npt_map(struct npt_fixture *f, u64 first, u64 bytes, u64 hpa, u32 prot)
{
	struct axas_npt_range range = {
		.first = first,
		.last = first + (bytes - 1),
		.hpa = hpa,
		.prot = prot,
		.type = AXAS_TYPE_NORMAL,
		.max_level = AXAS_NPT_MAX_LEVELS,
	};

	return axas_npt_map(&f->npt, &range);
}

/* The entries of a piece, and those of the walk to it. */
static unsigned int piece_budget(const struct npt_fixture *f)
{
	return f->piece ? f->piece + f->npt.levels : ~0u;
}

/* Run a job in pieces, with a flush and frees after each, as a space does. */
static void run_job(struct npt_fixture *f, struct axas_npt_job *job,
		    void (*work)(struct axas_npt *npt, struct axas_npt_job *job))
{
	u64 piece = job->first;

	do {
		job->budget = piece_budget(f);
		work(&f->npt, job);
		if (job->gather->pending)
			npt_test_flush(&f->npt, piece, job->done ? job->last : job->first - 1,
				       job->gather->tables);
		axas_npt_gather_free(job->gather);
		piece = job->first;
	} while (!job->done);
	axas_npt_gather_end(job->gather);
}

static void unmap_to_last(struct npt_fixture *f, u64 first, u64 last)
{
	struct axas_npt_gather gather;
	struct axas_npt_job job = {
		.begin = first, .first = first, .last = last, .gather = &gather,
		.owner = f->own_leaves ? f : NULL,
	};

	axas_npt_gather_init(&gather, &f->npt, true);
	run_job(f, &job, axas_npt_unmap);
}

bool npt_protect(struct npt_fixture *f, u64 first, u64 last, u32 prot)
{
	struct axas_npt_job job = { .begin = first, .first = first, .last = last, .prot = prot };

	do {
		job.budget = piece_budget(f);
		axas_npt_protect(&f->npt, &job);
	} while (!job.done);
	return job.changed;
}

u64 npt_collapse(struct npt_fixture *f, u64 first, u64 last)
{
	struct axas_npt_gather gather;
	struct axas_npt_job job = {
		.begin = first, .first = first, .last = last, .gather = &gather,
	};

	axas_npt_gather_init(&gather, &f->npt, true);
	run_job(f, &job, axas_npt_collapse);
	return job.nr;
}

void npt_unmap(struct npt_fixture *f, u64 first, u64 bytes)
{
	unmap_to_last(f, first, first + (bytes - 1));
}

void npt_unmap_all(struct npt_fixture *f)
{
	unmap_to_last(f, 0, axas_npt_last(&f->npt));
}

static void expect_all_used(struct npt_fixture *f)
{
	KUNIT_EXPECT_EQ_MSG(f->test, f->npt.reserve.nr, 0u, "more was reserved than needed");
	axas_npt_put_spares(&f->npt, &f->npt.reserve);
}

int npt_split_at(struct npt_fixture *f, u64 gpa)
{
	int err = axas_npt_get_spares(&f->npt, &f->npt.reserve,
				      axas_npt_count_split_at(&f->npt, gpa), false);

	if (err) {
		axas_npt_put_spares(&f->npt, &f->npt.reserve);
		return err;
	}
	axas_npt_split_at(&f->npt, gpa);
	expect_all_used(f);
	return 0;
}

/* Protect on a machine that forbids large executable leaves. */
int npt_split_all(struct npt_fixture *f, u64 first, u64 bytes)
{
	u64 last = first + (bytes - 1), tables;
	u32 flags = f->npt.caps.flags;
	int err;

	err = axas_npt_count_split_all(&f->npt, first, last, &tables) ?:
	      axas_npt_get_spares(&f->npt, &f->npt.reserve, tables, true);
	if (err) {
		axas_npt_put_spares(&f->npt, &f->npt.reserve);
		return err;
	}
	f->npt.caps.flags |= AXAS_CAP_EXEC_4K;
	npt_protect(f, first, last, TEST_RX);
	f->npt.caps.flags = flags;
	expect_all_used(f);
	return 0;
}

void npt_expect_leaf(struct npt_fixture *f, u64 gpa, u64 hpa, unsigned int level, u32 prot,
		     u32 type)
{
	u64 in_leaf = gpa & (axas_npt_leaf_size(level) - 1);
	struct axas_leaf leaf;

	if (!axas_npt_lookup(&f->npt, gpa, &leaf)) {
		KUNIT_FAIL(f->test, "nothing is mapped at 0x%llx", gpa);
		return;
	}
	KUNIT_EXPECT_EQ_MSG(f->test, leaf.hpa.val + in_leaf, hpa, "at 0x%llx", gpa);
	KUNIT_EXPECT_EQ_MSG(f->test, leaf.level, level, "at 0x%llx", gpa);
	KUNIT_EXPECT_EQ_MSG(f->test, leaf.prot, prot, "at 0x%llx", gpa);
	KUNIT_EXPECT_EQ_MSG(f->test, leaf.type, type, "at 0x%llx", gpa);
}

void npt_expect_mapped(struct npt_fixture *f, u64 first, u64 bytes, u64 hpa, u32 prot)
{
	u64 done, in_leaf, step;
	struct axas_leaf leaf;

	for (done = 0; done < bytes; done += step) {
		if (!axas_npt_lookup(&f->npt, first + done, &leaf)) {
			KUNIT_FAIL(f->test, "nothing is mapped at 0x%llx", first + done);
			return;
		}
		in_leaf = (first + done) & (axas_npt_leaf_size(leaf.level) - 1);
		if (leaf.hpa.val + in_leaf != hpa + done || leaf.prot != prot) {
			KUNIT_FAIL(f->test, "0x%llx is mapped to 0x%llx with %u",
				   first + done, leaf.hpa.val + in_leaf, leaf.prot);
			return;
		}
		step = axas_npt_leaf_size(leaf.level) - in_leaf;
	}
}

void npt_expect_unmapped(struct npt_fixture *f, u64 gpa)
{
	struct axas_leaf leaf = {};

	KUNIT_EXPECT_FALSE_MSG(f->test, axas_npt_lookup(&f->npt, gpa, &leaf),
			       "0x%llx is mapped to 0x%llx", gpa, leaf.hpa.val);
}

void npt_expect_empty(struct npt_fixture *f)
{
	struct axas_npt *npt = &f->npt;

	KUNIT_EXPECT_EQ(f->test, npt_all_leaves(npt), 0l);
	KUNIT_EXPECT_EQ(f->test, axas_npt_tables(npt), npt_root_tables(npt));
	KUNIT_EXPECT_EQ(f->test, f->mock->tables, npt_root_tables(npt));
	KUNIT_EXPECT_PTR_EQ(f->test, memchr_inv(npt->root, 0,
						AXAS_FRAME_SIZE << npt->root_order), NULL);
}

/* The address in an entry: its position in the fake format depends on the level. */
static u64 entry_hpa(struct npt_fixture *f, u64 entry, unsigned int level)
{
	if (f->npt.fmt == &axas_npt_fake)
		return entry >> (8 + 3 * level) << AXAS_FRAME_SHIFT;
	return (entry & f->npt.fmt->leaf_mask) << f->npt.fmt->leaf_shift;
}

u64 *npt_raw_ptep(struct npt_fixture *f, u64 gpa, unsigned int level)
{
	unsigned int l = f->npt.levels - 1;
	u64 *ptep = &f->npt.root[gpa >> axas_npt_shift(l)];

	for (; l > level; l--) {
		u64 *table = mock_hal_peek(f->mock, entry_hpa(f, *ptep, l));

		if (!table) {
			KUNIT_FAIL(f->test, "no table for 0x%llx below level %u", gpa, l);
			return NULL;
		}
		ptep = &table[(gpa >> axas_npt_shift(l - 1)) & 511];
	}
	return ptep;
}

static u64 raw_entry(struct npt_fixture *f, u64 gpa, unsigned int level)
{
	u64 *ptep = npt_raw_ptep(f, gpa, level);

	return ptep ? *ptep : 0;
}

void npt_expect_vectors(struct npt_fixture *f, const struct npt_vector *v, unsigned int n)
{
	u64 gpa = (u64)SZ_1G * 3;

	for (; n--; v++) {
		KUNIT_EXPECT_EQ(f->test, axas_npt_map_leaf(&f->npt, gpa, v->hpa, v->prot,
							   v->type, v->level), 0);
		KUNIT_EXPECT_EQ_MSG(f->test, raw_entry(f, gpa, v->level), v->entry,
				    "prot %u type %u level %u", v->prot, v->type, v->level);
		npt_expect_leaf(f, gpa, v->hpa, v->level, v->prot, v->type);
		npt_unmap(f, gpa, axas_npt_leaf_size(v->level));
		npt_expect_empty(f);
	}
}

void npt_expect_table_bits(struct npt_fixture *f, u64 gpa, unsigned int level, u64 bits)
{
	unsigned int l;

	for (l = f->npt.levels - 1; l >= level; l--) {
		u64 entry = raw_entry(f, gpa, l);
		u64 hpa = entry_hpa(f, entry, l);
		u64 address = hpa >> f->npt.fmt->leaf_shift;

		KUNIT_EXPECT_EQ_MSG(f->test, entry, address | bits, "at level %u", l);
		KUNIT_EXPECT_NOT_NULL(f->test, mock_hal_peek(f->mock, hpa));
	}
}

void npt_expect_tables(struct npt_fixture *f, u64 bits)
{
	KUNIT_ASSERT_EQ(f->test, npt_map(f, SZ_1G + SZ_8K, SZ_4K, SZ_1G, TEST_R), 0);
	npt_expect_table_bits(f, SZ_1G + SZ_8K, 1, bits);
	npt_unmap(f, SZ_1G + SZ_8K, SZ_4K);
	/* Tables that a split makes, too. */
	KUNIT_ASSERT_EQ(f->test, npt_map(f, SZ_1G, SZ_1G, SZ_1G, TEST_R), 0);
	KUNIT_ASSERT_EQ(f->test, npt_split_at(f, SZ_1G + SZ_4K), 0);
	npt_expect_table_bits(f, SZ_1G, 1, bits);
	npt_unmap(f, SZ_1G, SZ_1G);
}

void npt_expect_removal(struct npt_fixture *f, u32 prot, u64 neighbour)
{
	u64 *ptep;

	KUNIT_ASSERT_EQ(f->test, npt_map(f, SZ_1G, SZ_8K, SZ_2M + SZ_4K, prot), 0);
	ptep = npt_raw_ptep(f, SZ_1G, 0);
	KUNIT_ASSERT_NOT_NULL(f->test, ptep);
	npt_unmap(f, SZ_1G, SZ_4K);
	KUNIT_EXPECT_EQ(f->test, ptep[0], 0ull);
	KUNIT_EXPECT_EQ(f->test, ptep[1], neighbour);
	npt_expect_unmapped(f, SZ_1G);
	npt_expect_unmapped(f, 0);
	npt_unmap(f, SZ_1G + SZ_4K, SZ_4K);
}

void npt_set_hardware_bits(struct npt_fixture *f, u64 gpa, unsigned int level, u64 bits)
{
	u64 *ptep = npt_raw_ptep(f, gpa, level);

	KUNIT_ASSERT_NOT_NULL(f->test, ptep);
	*ptep |= bits;
}

void npt_expect_protect(struct npt_fixture *f, const struct npt_protect_vector *v)
{
	u64 gpa = SZ_1G;
	unsigned int i;

	KUNIT_ASSERT_EQ(f->test, npt_map(f, gpa, SZ_4K, SZ_1G, TEST_RWX), 0);
	npt_set_hardware_bits(f, gpa, 0, v->hardware);
	for (i = 0; i < v->nr; i++) {
		u64 before = raw_entry(f, gpa, 0);

		KUNIT_EXPECT_TRUE(f->test, npt_protect(f, gpa, gpa + SZ_4K - 1, v->steps[i].prot));
		KUNIT_EXPECT_EQ_MSG(f->test, raw_entry(f, gpa, 0),
				    (before & ~v->mask) | v->steps[i].bits,
				    "prot %u", v->steps[i].prot);
	}
	KUNIT_EXPECT_EQ(f->test, raw_entry(f, gpa, 0), v->last);
	npt_unmap(f, gpa, SZ_4K);
}
