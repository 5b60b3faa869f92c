// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables of axas_npt_algo.h as hardware reads them: random operations on every format, number of
 * levels and set of capabilities. After each operation the table is compared with the oracle's
 * reading of its memory, and with a model in a maple tree. Also, the oracle's own entries and
 * walks, computed by hand.
 */
#include <linux/maple_tree.h>
#include <linux/prandom.h>
#include <linux/xarray.h>

#include "npt_fixture.h"
#include "oracle_fixture.h"
#include "../oracle/vectors_all.h"

/* Operations for each format, over all its machines; fewer with KASAN, which is slow. */
static uint steps = IS_ENABLED(CONFIG_KASAN) ? 200 : 20000;
module_param(steps, uint, 0444);
MODULE_PARM_DESC(steps, "Operations of the axas_oracle suite for each format");

/* Unmap everything beyond this many leaves, to keep comparing cheap. */
#define MANY_LEAVES	800
#define WINDOW		((u64)SZ_4G)
#define HPA_BASE	BIT_ULL(36)

/**
 * struct machine_case - a machine, and its share of a format's operations
 * @fmt: the format
 * @ia_bits: bits of guest-physical address; 0: the usual bits and full capabilities
 * @leaf_levels: bit n: leaves may be at level n
 * @flags: AXAS_CAP_*
 */
struct machine_case {
	const struct axas_npt_fmt *fmt;
	unsigned int ia_bits;
	u32 leaf_levels;
	u32 flags;
};

#define USUAL(NAME, name)	{ &axas_npt_##name },

static const struct machine_case cases[] = {
	AXAS_NPT_FORMATS(USUAL)
	{ &axas_npt_ept, 48, 0x3, 0 },
	{ &axas_npt_ept, 57, 0x7, 0 },
	{ &axas_npt_ept, 57, 0x1, AXAS_CAP_EPT_XONLY },
	{ &axas_npt_svm, 48, 0x3, 0 },
	{ &axas_npt_svm, 57, 0x7, AXAS_CAP_SVM_NX },
	{ &axas_npt_svm, 57, 0x1, 0 },
	{ &axas_npt_s2, 32, 0x7, 0 },
	{ &axas_npt_s2, 40, 0x7, AXAS_CAP_S2_FWB },
	{ &axas_npt_s2, 43, 0x3, AXAS_CAP_S2_XNX },
	{ &axas_npt_s2, 44, 0x7, AXAS_CAP_S2_XNX | AXAS_CAP_S2_FWB },
	{ &axas_npt_s2, 48, 0x1, 0 },
	{ &axas_npt_gstage, 41, 0x7, AXAS_CAP_GSTAGE_SVPBMT },
	{ &axas_npt_gstage, 50, 0xf, 0 },
	{ &axas_npt_gstage, 59, 0xf, AXAS_CAP_GSTAGE_SVPBMT | AXAS_CAP_GSTAGE_SVADU },
	{ &axas_npt_gstage, 59, 0x1, AXAS_CAP_GSTAGE_SVNAPOT },
};

static void case_name(const struct machine_case *c, char *desc)
{
	if (c->ia_bits)
		snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s %u bits, leaves %#x, caps %#x",
			 c->fmt->name, c->ia_bits, c->leaf_levels, c->flags);
	else
		snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", c->fmt->name);
}

KUNIT_ARRAY_PARAM(machine, cases, case_name);

static unsigned int steps_of(const struct machine_case *c)
{
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		n += cases[i].fmt == c->fmt;
	return DIV_ROUND_UP(steps, n);
}

/**
 * struct model - expected content of a table
 * @f: the table
 * @rnd: random state
 * @runs: by page number: an xa_value of the mapping, as model_value() packs it
 * @base: first gpa of the window that operations use
 */
struct model {
	struct npt_fixture f;
	struct rnd_state rnd;
	struct maple_tree runs;
	u64 base;
};

/* Offsets of host-physical memory: aligned for leaves of all levels, down to 4 KiB only. */
static const u64 shifts[] = { 0, SZ_1G, SZ_2M, SZ_4K };

static void *model_value(unsigned int shift, u32 prot, u32 type)
{
	return xa_mk_value(shift << 8 | type << 4 | prot);
}

static u64 model_hpa(const struct model *m, void *value, u64 gpa)
{
	return HPA_BASE + (gpa - m->base) + shifts[xa_to_value(value) >> 8];
}

static u32 pick(struct model *m, u32 n)
{
	return prandom_u32_state(&m->rnd) % n;
}

/* A range of the window: some leaves of one size, at times off by some pages. */
static void pick_range(struct model *m, u64 *first, u64 *last)
{
	unsigned int level = pick(m, 3);
	u64 size = axas_npt_leaf_size(level) * (1 + pick(m, 3));
	u64 at = (u64)pick(m, WINDOW >> AXAS_FRAME_SHIFT) << AXAS_FRAME_SHIFT;

	if (pick(m, 6))
		at &= ~(axas_npt_leaf_size(level) - 1);
	*first = m->base + at;
	*last = *first + min(size, WINDOW - at) - 1;
}

static bool range_is_free(struct model *m, u64 first, u64 last)
{
	unsigned long index = first >> AXAS_FRAME_SHIFT;

	return !mt_find(&m->runs, &index, last >> AXAS_FRAME_SHIFT);
}

static int model_store(struct model *m, u64 first, u64 last, void *value)
{
	return mtree_store_range(&m->runs, first >> AXAS_FRAME_SHIFT, last >> AXAS_FRAME_SHIFT,
				 value, GFP_KERNEL);
}

/* Whether the range has few enough leaves for a comparison after each step. */
static bool is_cheap(const struct model *m, const struct axas_npt_range *range)
{
	unsigned int level = npt_reference_level(&m->f.npt, range->first, range->last,
						 range->hpa, range->max_level);

	return (range->last - range->first) >> axas_npt_shift(level) < MANY_LEAVES / 2;
}

static void step_map(struct model *m)
{
	u32 prot = pick(m, AXAS_PROT_MASK + 1), type = pick(m, AXAS_TYPE_UNCACHED + 1);
	void *value = model_value(pick(m, ARRAY_SIZE(shifts)), prot, type);
	struct axas_npt_range range = { .prot = prot, .type = type };

	pick_range(m, &range.first, &range.last);
	range.hpa = model_hpa(m, value, range.first);
	range.max_level = pick(m, AXAS_NPT_MAX_LEVELS);
	if (!axas_npt_can(&m->f.npt, prot, type) || !is_cheap(m, &range) ||
	    !range_is_free(m, range.first, range.last))
		return;
	KUNIT_EXPECT_EQ(m->f.test, axas_npt_map(&m->f.npt, &range), 0);
	KUNIT_EXPECT_EQ(m->f.test, model_store(m, range.first, range.last, value), 0);
}

static void isolate(struct model *m, u64 first, u64 last)
{
	KUNIT_ASSERT_EQ(m->f.test, npt_split_at(&m->f, first), 0);
	if (last != axas_npt_last(&m->f.npt))
		KUNIT_ASSERT_EQ(m->f.test, npt_split_at(&m->f, last + 1), 0);
}

static void step_unmap(struct model *m)
{
	u64 first, last;

	pick_range(m, &first, &last);
	isolate(m, first, last);
	npt_unmap(&m->f, first, last - first + 1);
	KUNIT_EXPECT_EQ(m->f.test, model_store(m, first, last, NULL), 0);
}

/* Whether the format can encode @prot with every type in the range. */
static bool can_protect(struct model *m, u64 first, u64 last, u32 prot)
{
	MA_STATE(mas, &m->runs, first >> AXAS_FRAME_SHIFT, first >> AXAS_FRAME_SHIFT);
	bool can = true;
	void *value;

	rcu_read_lock();
	mas_for_each(&mas, value, last >> AXAS_FRAME_SHIFT)
		can &= axas_npt_can(&m->f.npt, prot, xa_to_value(value) >> 4 & 3);
	rcu_read_unlock();
	return can;
}

static void model_protect(struct model *m, u64 first, u64 last, u32 prot)
{
	unsigned long index = first >> AXAS_FRAME_SHIFT, end = last >> AXAS_FRAME_SHIFT;
	void *value;

	while (index <= end) {
		MA_STATE(mas, &m->runs, index, index);

		rcu_read_lock();
		value = mas_find(&mas, end);
		rcu_read_unlock();
		if (!value)
			return;
		index = max(index, mas.index);
		value = xa_mk_value((xa_to_value(value) & ~(unsigned long)AXAS_PROT_MASK) | prot);
		KUNIT_EXPECT_EQ(m->f.test, mtree_store_range(&m->runs, index, min(end, mas.last),
							     value, GFP_KERNEL), 0);
		index = min(end, mas.last) + 1;
	}
}

static void step_protect(struct model *m)
{
	u32 prot = pick(m, AXAS_PROT_MASK + 1);
	u64 first, last;

	pick_range(m, &first, &last);
	if (!can_protect(m, first, last, prot))
		return;
	isolate(m, first, last);
	m->f.piece = pick(m, 40);
	npt_protect(&m->f, first, last, prot);
	model_protect(m, first, last, prot);
}

static void step_collapse(struct model *m)
{
	u64 first, last;

	pick_range(m, &first, &last);
	m->f.piece = pick(m, 40);
	npt_collapse(&m->f, first, last);
}

/* Every leaf lies in one run of the model, and the total sizes are equal. */
static const char *compare_model(struct model *m, u64 *at)
{
	MA_STATE(mas, &m->runs, 0, 0);
	u64 gpa = 0, bytes = 0, model_bytes = 0, entry;
	struct axas_leaf leaf;
	const char *wrong = NULL;
	void *value;

	rcu_read_lock();
	mas_for_each(&mas, value, ULONG_MAX)
		model_bytes += (u64)(mas.last - mas.index + 1) << AXAS_FRAME_SHIFT;
	rcu_read_unlock();
	while (!wrong && axas_npt_next_leaf(&m->f.npt, &gpa, &leaf, &entry)) {
		value = mtree_load(&m->runs, gpa >> AXAS_FRAME_SHIFT);
		if (!value)
			wrong = "a leaf where nothing is mapped";
		else if (leaf.hpa.val != model_hpa(m, value, gpa))
			wrong = "a leaf that maps other memory";
		else if ((leaf.type << 4 | leaf.prot) != (xa_to_value(value) & 0xff))
			wrong = "a leaf of another protection or type";
		*at = gpa;
		bytes += axas_npt_leaf_size(leaf.level);
		gpa += axas_npt_leaf_size(leaf.level);
		if (!gpa)
			break;
	}
	return wrong ?: bytes == model_bytes ? NULL : "more or fewer bytes are mapped";
}

static void one_step(struct model *m)
{
	switch (pick(m, 10)) {
	case 0 ... 3:
		return step_map(m);
	case 4 ... 6:
		return step_unmap(m);
	case 7 ... 8:
		return step_protect(m);
	default:
		return step_collapse(m);
	}
}

static void unmap_all(struct model *m)
{
	npt_unmap_all(&m->f);
	KUNIT_EXPECT_EQ(m->f.test, model_store(m, m->base, m->base + WINDOW - 1, NULL), 0);
}

static void forget_monitor(struct npt_fixture *f)
{
	monitor_forget(f->monitor);
	f->monitor = NULL;
}

static void tables_say_what_hardware_reads(struct kunit *test)
{
	const struct machine_case *c = test->param_value;
	unsigned int step, steps = steps_of(c);
	struct model *m = test->priv;
	const char *wrong = NULL;
	u64 gpa = 0;

	for (step = 0; step < steps && !wrong; step++) {
		one_step(m);
		m->f.mock->nobody_changes = true;
		wrong = oracle_compare(&m->f.npt, &gpa) ?: compare_model(m, &gpa);
		m->f.mock->nobody_changes = false;
		if (npt_all_leaves(&m->f.npt) > MANY_LEAVES)
			unmap_all(m);
		/* The monitor takes as long as all else together: a fifth of the steps will do. */
		if (step == steps / 5)
			forget_monitor(&m->f);
		cond_resched();
	}
	if (wrong)
		KUNIT_FAIL(test, "after step %u, at 0x%llx: %s", step, gpa, wrong);
	unmap_all(m);
	npt_expect_empty(&m->f);
	kunit_info(test, "%u steps compared", step);
}

/* Result of a guest access while *@ptep is @entry. */
static struct oracle_result walk_with(struct model *m, u64 *ptep, u64 entry, bool write)
{
	const struct oracle_machine machine = oracle_machine_of(&m->f.npt);
	const struct oracle_access access = { .read = !write, .write = write };
	struct oracle_result result;
	u64 old = *ptep;

	WRITE_ONCE(*ptep, entry);
	oracle_walk(&machine, m->base, &access, &result);
	WRITE_ONCE(*ptep, old);
	return result;
}

static void expect_reached(struct model *m, u64 *ptep, u64 entry, u64 hpa)
{
	struct oracle_result r = walk_with(m, ptep, entry, true);

	KUNIT_EXPECT_EQ_MSG(m->f.test, r.outcome, ORACLE_OK, "0x%llx", entry);
	KUNIT_EXPECT_EQ_MSG(m->f.test, r.hpa, hpa, "0x%llx", entry);
}

static void expect_absent(struct model *m, u64 *ptep, u64 entry)
{
	struct oracle_result r = walk_with(m, ptep, entry, false);

	KUNIT_EXPECT_EQ_MSG(m->f.test, r.outcome, ORACLE_VIOLATION, "0x%llx", entry);
	KUNIT_EXPECT_EQ_MSG(m->f.test, r.why, ORACLE_WHY_ABSENT, "0x%llx", entry);
}

/* Hardware ignores BORROWED and HANDED; ZERO and BUSY are not present. */
static void software_bits_are_not_hardwares(struct kunit *test)
{
	struct model *m = test->priv;
	struct axas_npt *npt = &m->f.npt;
	const struct axas_npt_fmt *fmt = npt->fmt;
	unsigned int level = npt->levels - 1;
	struct axas_npt_spares none = {};
	struct axas_npt_pos pos = {
		.ptep = &npt->root[m->base >> axas_npt_shift(level)], .level = level,
	};
	const u64 hpa = SZ_2M;

	/* Entries change here in ways the monitor would report. */
	forget_monitor(&m->f);
	KUNIT_ASSERT_EQ(test, npt_map(&m->f, m->base, AXAS_FRAME_SIZE, hpa, AXAS_PROT_MASK), 0);
	pos.entry = *pos.ptep;
	for (;; level--) {
		KUNIT_ASSERT_EQ(test, axas_npt_reach(npt, &none, m->base, level, &pos), 0);
		expect_reached(m, pos.ptep, pos.entry, hpa);
		expect_reached(m, pos.ptep, pos.entry | fmt->borrowed, hpa);
		expect_absent(m, pos.ptep, fmt->zero);
		expect_absent(m, pos.ptep, fmt->busy);
		if (!level)
			break;
		if (npt_has_level(npt, level) && level <= axas_npt_max_level(npt, AXAS_PROT_MASK))
			expect_reached(m, pos.ptep,
				       fmt->leaf(npt, 0, AXAS_PROT_MASK, AXAS_TYPE_NORMAL, level) |
				       fmt->borrowed, m->base & (axas_npt_leaf_size(level) - 1));
	}
	npt_unmap_all(&m->f);
}

static void hand_computed_entries(struct kunit *test, const struct oracle_vector *v,
				  unsigned int n, const struct oracle_figure *f,
				  unsigned int nr_figures)
{
	unsigned int i;

	KUNIT_EXPECT_GE(test, n, 20u);
	for (i = 0; i < n; i++) {
		const char *wrong = oracle_vector_check(&v[i]);

		KUNIT_EXPECT_NULL_MSG(test, wrong, "%s (%s): %s", v[i].name, v[i].section, wrong);
	}
	for (i = 0; i < nr_figures; i++) {
		const char *wrong = oracle_figure_check(&f[i]);

		KUNIT_EXPECT_NULL_MSG(test, wrong, "%s (%s): %s", f[i].name, f[i].section, wrong);
	}
}

static void hand_computed_walks(struct kunit *test, const struct oracle_walk_vector *v,
				unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		const char *wrong = oracle_walk_vector_check(&v[i]);

		KUNIT_EXPECT_NULL_MSG(test, wrong, "%s (%s): %s", v[i].name, v[i].section, wrong);
	}
}

#define HAND_COMPUTED(_fmt)								\
static void _fmt##_is_read_as_computed_by_hand(struct kunit *test)			\
{											\
	hand_computed_entries(test, oracle_##_fmt##_vectors,				\
			      ARRAY_SIZE(oracle_##_fmt##_vectors),			\
			      oracle_##_fmt##_figures, ARRAY_SIZE(oracle_##_fmt##_figures)); \
	hand_computed_walks(test, oracle_##_fmt##_walks,				\
			    ARRAY_SIZE(oracle_##_fmt##_walks));				\
}

ORACLE_VECTORS(HAND_COMPUTED)

static int oracle_test_init(struct kunit *test)
{
	const struct machine_case *c = test->param_value;
	struct axas_npt_caps caps;
	struct model *m;
	int err;

	if (!c)
		return 0;
	m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	test->priv = m;
	if (!m)
		return -ENOMEM;
	mt_init(&m->runs);
	prandom_seed_state(&m->rnd, c->ia_bits * 1000 + c->leaf_levels);
	m->f.test = test;
	m->f.mock = mock_hal_create(test);
	if (!m->f.mock)
		return -ENOMEM;
	/* The oracle refuses s2 with more guest than host address bits. */
	m->f.mock->hal.phys_bits = 48;
	caps = npt_full_caps(c->fmt);
	if (c->ia_bits) {
		caps.flags = c->flags;
		caps.leaf_levels = c->leaf_levels;
	}
	err = axas_npt_init(&m->f.npt, c->fmt, &npt_test_ops, &m->f.mock->hal, c->ia_bits, &caps);
	m->f.ready = !err;
	if (err)
		return err;
	m->base = axas_npt_last(&m->f.npt) - WINDOW + 1;
	m->f.monitor = monitor_watch(m->f.mock, &m->f.npt);
	if (!m->f.monitor)
		return -ENOMEM;
	monitor_add_consumer(m->f.monitor);
	return 0;
}

static void oracle_test_exit(struct kunit *test)
{
	struct model *m = test->priv;

	if (!m)
		return;
	mtree_destroy(&m->runs);
	monitor_forget(m->f.monitor);
	if (m->f.ready)
		axas_npt_destroy(&m->f.npt);
	if (m->f.mock)
		mock_hal_finish(m->f.mock);
}

#define HAND_COMPUTED_CASE(_fmt)	KUNIT_CASE(_fmt##_is_read_as_computed_by_hand),

static struct kunit_case oracle_cases[] = {
	ORACLE_VECTORS(HAND_COMPUTED_CASE)
	KUNIT_CASE_PARAM(software_bits_are_not_hardwares, machine_gen_params),
	KUNIT_CASE_PARAM(tables_say_what_hardware_reads, machine_gen_params),
	{}
};

struct kunit_suite axas_oracle_suite = {
	.name = "axas_oracle",
	.init = oracle_test_init,
	.exit = oracle_test_exit,
	.test_cases = oracle_cases,
};
