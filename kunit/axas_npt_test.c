// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested page tables (axas_npt.c, axas_npt_algo.h): behaviour common to every format in every
 * geometry. Entries bit by bit are in the suites of the formats.
 */
#include <linux/prandom.h>

#include "npt_fixture.h"

/* A multiple of the leaf size that is not a kernel address. */
static u64 test_hpa(unsigned int level)
{
	u64 size = axas_npt_leaf_size(level);

	return size < BIT_ULL(40) ? max(size, SZ_1G + 0ull) : 0;
}

/* A gpa for a leaf at @level, other than 0 if the table has room for two. */
static u64 test_gpa(const struct axas_npt *npt, unsigned int level)
{
	u64 size = axas_npt_leaf_size(level);

	return size - 1 < axas_npt_last(npt) ? size : 0;
}

/* A page near the table's end, with some room above. */
static u64 high_gpa(const struct axas_npt *npt)
{
	return axas_npt_last(npt) - (SZ_64K - 1);
}

static void init_and_destroy_balance(struct kunit *test)
{
	const struct npt_geometry *g = test->param_value;
	struct npt_fixture *f = test->priv;
	struct axas_npt *npt = &f->npt;

	if (g->ia_bits)
		KUNIT_EXPECT_EQ(test, npt->levels, g->levels);
	KUNIT_EXPECT_EQ(test, npt->ia_bits, g->ia_bits ?: g->fmt->usual_ia_bits);
	npt_expect_empty(f);
	npt_drop(f);

	KUNIT_EXPECT_EQ(test, f->mock->tables, 0l);
}

/* Defect 22: the root covers exactly the declared addresses. */
static void root_reaches_all_addresses(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	struct axas_npt *npt = &f->npt;
	u64 entries = 512ull << npt->root_order;
	u64 last = axas_npt_last(npt) >> axas_npt_shift(npt->levels - 1);

	KUNIT_EXPECT_EQ(test, axas_npt_shift(npt->levels - 1) + npt->root_bits,
			(unsigned int)npt->ia_bits);
	KUNIT_EXPECT_LT(test, last, entries);
	if (npt->root_order)
		KUNIT_EXPECT_EQ(test, last, entries - 1);
}

/* Defect 33: hardware requires a root of several pages to be naturally aligned. */
static void root_is_naturally_aligned(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	struct axas_npt *npt = &f->npt;

	KUNIT_EXPECT_EQ(test, f->mock->last_alloc.order, (u32)npt->root_order);
	KUNIT_EXPECT_EQ(test, f->mock->last_alloc.flags, AXAS_FRAME_TABLE | AXAS_FRAME_ZERO);
	KUNIT_EXPECT_EQ(test, npt->root_hpa.val, f->mock->last_alloc.first);
	KUNIT_EXPECT_TRUE(test, axas_hpa_is_aligned(npt->root_hpa,
						    AXAS_FRAME_SIZE << npt->root_order));
	KUNIT_EXPECT_PTR_EQ(test, npt->root, mock_hal_peek(f->mock, npt->root_hpa.val));
}

/* The neighbours of a leaf are not mapped: lookup does not extend a leaf. */
static void expect_edges(struct npt_fixture *f, u64 gpa, u64 size)
{
	if (gpa)
		npt_expect_unmapped(f, gpa - 1);
	if (gpa + size - 1 != axas_npt_last(&f->npt))
		npt_expect_unmapped(f, gpa + size);
}

/* The generic code for leaves at level 0 agrees with the format. */
static void small_leaves_are_address_and_attributes(struct kunit *test)
{
	static const u32 types[] = { AXAS_TYPE_NORMAL, AXAS_TYPE_DEVICE, AXAS_TYPE_UNCACHED };
	struct npt_fixture *f = test->priv;
	struct axas_npt *npt = &f->npt;
	u64 gpa = test_gpa(npt, 0);
	unsigned int i;
	u32 prot;

	for (i = 0; i < 3 * (AXAS_PROT_MASK + 1); i++) {
		struct axas_hpa hpa = axas_hpa((u64)SZ_1G * 7 + SZ_4K * (i + 1));
		u32 type = types[i % 3];
		struct axas_npt_cursor cursor;
		struct axas_npt_pos pos;
		u64 attr, *ptep, old = 0;

		prot = i / 3;
		if (!axas_npt_can(npt, prot, type))
			continue;
		KUNIT_ASSERT_EQ(test, axas_npt_map_leaf(npt, gpa, hpa.val, prot, type, 0), 0);
		attr = axas_npt_leaf_attr(npt, prot, type);
		ptep = npt_raw_ptep(f, gpa, 0);
		axas_npt_walk(npt, &cursor, gpa, &pos);
		KUNIT_EXPECT_PTR_EQ(test, ptep, pos.ptep);
		KUNIT_EXPECT_PTR_EQ(test, ptep, axas_npt_ptep(cursor.table, gpa));
		KUNIT_EXPECT_EQ(test, *ptep, axas_npt_make_leaf(npt, hpa, attr));
		KUNIT_EXPECT_EQ(test, axas_npt_leaf_hpa(npt, *ptep).val, hpa.val);
		KUNIT_EXPECT_FALSE(test, axas_npt_fill_one(npt, &npt->shards[0], ptep, &old, hpa,
							   attr));
		KUNIT_EXPECT_EQ(test, old, *ptep);
		npt_unmap(f, gpa, SZ_4K);
	}
	npt_expect_empty(f);
}

/* The length of a run of empty or of other entries is exact. */
static void runs_are_measured_exactly(struct kunit *test)
{
	u64 slots[12] = {};
	unsigned int i, n;

	for (n = 0; n <= ARRAY_SIZE(slots); n++) {
		memset(slots, 0, sizeof(slots));
		for (i = n; i < ARRAY_SIZE(slots); i++)
			slots[i] = BIT_ULL(i * 5);
		for (i = 0; i <= ARRAY_SIZE(slots); i++)
			KUNIT_EXPECT_EQ(test, axas_npt_run_of(slots, i, true), min(i, n));
		KUNIT_EXPECT_EQ(test, axas_npt_run_of(&slots[n], ARRAY_SIZE(slots) - n, false),
				(unsigned int)ARRAY_SIZE(slots) - n);
		KUNIT_EXPECT_EQ(test, axas_npt_run_of(slots, ARRAY_SIZE(slots), false),
				n ? 0u : (unsigned int)ARRAY_SIZE(slots));
	}
}

/* A batch fills empty entries; frames whose entry holds a leaf go to the front of the array. */
static void batch_fills_what_is_empty(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	struct axas_npt *npt = &f->npt;
	u64 attr = axas_npt_leaf_attr(npt, TEST_RW, AXAS_TYPE_NORMAL);
	u64 gpa = test_gpa(npt, 0) & ~(SZ_2M - 1ull);
	struct axas_hpa hpas[8];
	unsigned int i;

	for (i = 0; i < 8; i++)
		hpas[i] = axas_hpa((u64)SZ_1G * 3 + i * SZ_8K);
	for (i = 1; i < 8; i += 3)
		KUNIT_ASSERT_EQ(test, axas_npt_map_leaf(npt, gpa + i * SZ_4K, SZ_1G + SZ_4K * i,
							TEST_RW, AXAS_TYPE_NORMAL, 0), 0);
	KUNIT_EXPECT_EQ(test, axas_npt_fill(npt, npt_raw_ptep(f, gpa, 0), hpas, 8, attr), 3u);
	for (i = 0; i < 8; i++)
		npt_expect_leaf(f, gpa + i * SZ_4K,
				i % 3 == 1 ? SZ_1G + SZ_4K * i : (u64)SZ_1G * 3 + i * SZ_8K, 0,
				TEST_RW, AXAS_TYPE_NORMAL);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, hpas[i].val, (u64)SZ_1G * 3 + (3 * i + 1) * SZ_8K);
	KUNIT_EXPECT_EQ(test, axas_npt_leaves(npt, 0), 8l);
	npt_unmap(f, gpa, SZ_32K);
	npt_expect_empty(f);
}

static void leaf_maps_at_every_level(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	unsigned int level;

	for (level = 0; level < AXAS_NPT_MAX_LEVELS; level++) {
		u64 gpa = test_gpa(&f->npt, level), hpa = test_hpa(level);
		u64 size = axas_npt_leaf_size(level);

		if (!npt_has_level(&f->npt, level))
			continue;
		KUNIT_ASSERT_EQ(test, axas_npt_map_leaf(&f->npt, gpa, hpa, TEST_RW,
							AXAS_TYPE_NORMAL, level), 0);
		KUNIT_EXPECT_EQ(test, axas_npt_leaves(&f->npt, level), 1l);
		KUNIT_EXPECT_EQ(test, axas_npt_tables(&f->npt),
				npt_root_tables(&f->npt) + f->npt.levels - 1 - level);
		npt_expect_leaf(f, gpa, hpa, level, TEST_RW, AXAS_TYPE_NORMAL);
		npt_expect_leaf(f, gpa + size / 2 + 1, hpa + size / 2 + 1, level, TEST_RW,
				AXAS_TYPE_NORMAL);
		npt_expect_leaf(f, gpa + size - 1, hpa + size - 1, level, TEST_RW,
				AXAS_TYPE_NORMAL);
		expect_edges(f, gpa, size);
		npt_unmap(f, gpa, size);
		npt_expect_unmapped(f, gpa);
		npt_expect_empty(f);
	}
}

/* Leaves of all sizes in one table: each is decoded by the accessors of its level. */
static void leaves_of_all_levels_live_side_by_side(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	unsigned int top = f->npt.root_bits ? f->npt.levels - 1 : f->npt.levels - 2;
	unsigned int level;

	/* At 4 KiB, 2 MiB, 1 GiB, ...: no two share an entry. */
	for (level = 0; level <= top; level++)
		if (npt_has_level(&f->npt, level))
			KUNIT_ASSERT_EQ(test, axas_npt_map_leaf(&f->npt, axas_npt_leaf_size(level),
								test_hpa(level), TEST_R,
								AXAS_TYPE_DEVICE, level), 0);
	for (level = 0; level <= top; level++)
		if (npt_has_level(&f->npt, level))
			npt_expect_leaf(f, axas_npt_leaf_size(level) + 5, test_hpa(level) + 5,
					level, TEST_R, AXAS_TYPE_DEVICE);
	npt_unmap_all(f);
	npt_expect_empty(f);
}

/* Each protection and type that a format can encode is decoded as it was encoded. */
static void prot_and_type_come_back(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	unsigned int level, prot, type;

	for (level = 0; level < AXAS_NPT_MAX_LEVELS; level++) {
		u64 gpa = test_gpa(&f->npt, level), hpa = test_hpa(level);

		for (prot = 0; prot <= AXAS_PROT_MASK; prot++) {
			for (type = 0; type <= AXAS_TYPE_UNCACHED; type++) {
				if (!npt_has_level(&f->npt, level) ||
				    !axas_npt_can(&f->npt, prot, type))
					continue;
				KUNIT_ASSERT_EQ(test, axas_npt_map_leaf(&f->npt, gpa, hpa, prot,
									type, level), 0);
				npt_expect_leaf(f, gpa, hpa, level, prot, type);
				npt_unmap(f, gpa, axas_npt_leaf_size(level));
			}
		}
	}
}

/* Compare each leaf of a range with the largest that fits there. */
static void expect_largest(struct npt_fixture *f, u64 first, u64 bytes, u64 hpa,
			   unsigned int max_level)
{
	u64 done = 0;

	while (done < bytes) {
		unsigned int level = npt_reference_level(&f->npt, first + done,
							 first + (bytes - 1), hpa + done,
							 max_level);
		struct axas_leaf leaf = {};

		if (!axas_npt_lookup(&f->npt, first + done, &leaf) || leaf.level != level ||
		    leaf.hpa.val != hpa + done || leaf.prot != TEST_RWX) {
			KUNIT_FAIL(f->test, "0x%llx: level %u to 0x%llx, should be %u to 0x%llx",
				   first + done, leaf.level, leaf.hpa.val, level, hpa + done);
			return;
		}
		done += axas_npt_leaf_size(level);
	}
}

/* A range of random place and length, with equal low bits in gpa and hpa. */
static void random_range(struct npt_fixture *f, struct rnd_state *rnd,
			 struct axas_npt_range *range)
{
	static const u8 shifts[] = { 12, 21, 30 };
	u8 agree = shifts[prandom_u32_state(rnd) % 3];
	u64 page = 1ull << shifts[prandom_u32_state(rnd) % 3];
	u64 pages = 1 + prandom_u32_state(rnd) % (prandom_u32_state(rnd) % 4 ? 40 : 700);
	u64 space = min(axas_npt_last(&f->npt), SZ_1G * 8ull - 1);

	page = min(page, 1ull << agree);
	if (page == SZ_1G)
		pages %= 5;
	range->first = (prandom_u32_state(rnd) % 8ull * SZ_1G + prandom_u32_state(rnd)) & space;
	range->first &= ~(page - 1);
	range->last = min(range->first + max(pages, 1ull) * page - 1, space);
	range->hpa = (range->first & ((1ull << agree) - 1)) +
		     (prandom_u32_state(rnd) % 64ull << agree);
	range->prot = TEST_RWX;
	range->type = AXAS_TYPE_NORMAL;
	range->max_level = prandom_u32_state(rnd) % AXAS_NPT_MAX_LEVELS;
}

static void map_picks_the_largest_leaves(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	struct axas_npt_range range;
	struct rnd_state rnd;
	unsigned int i, most, rounds = IS_ENABLED(CONFIG_KASAN) ? 4 : 16;
	u64 bytes;

	/* The leaves may map any memory, the mock's own frames too. */
	monitor_forget(f->monitor);
	f->monitor = NULL;
	prandom_seed_state(&rnd, 4711 + f->npt.ia_bits);
	for (i = 0; i < rounds; i++) {
		random_range(f, &rnd, &range);
		most = range.max_level;
		bytes = range.last - range.first + 1;
		KUNIT_ASSERT_EQ_MSG(test, axas_npt_map(&f->npt, &range), 0, "round %u", i);
		KUNIT_EXPECT_EQ(test, range.mapped, bytes);
		expect_largest(f, range.first, bytes, range.hpa, most);
		expect_edges(f, range.first, bytes);
		npt_unmap(f, range.first, bytes);
		npt_expect_empty(f);
	}
}

static void map_at_another_offset_uses_4k_leaves_only(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 first = axas_npt_last(&f->npt) - (SZ_2M - 1);

	KUNIT_ASSERT_EQ(test, npt_map(f, first, SZ_2M, SZ_1G + SZ_4K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, axas_npt_leaves(&f->npt, 0), 512l);
	KUNIT_EXPECT_EQ(test, npt_all_leaves(&f->npt), 512l);
	npt_expect_mapped(f, first, SZ_2M, SZ_1G + SZ_4K, TEST_RW);
	npt_unmap(f, first, SZ_2M);
	npt_expect_empty(f);
}

/* Leaf levels are bounded by the machine's capabilities, not by the format's. */
static void leaf_levels_of_the_machine_are_kept(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	f->npt.caps.leaf_levels = BIT(0);
	KUNIT_ASSERT_EQ(test, npt_map(f, 0, SZ_2M, SZ_1G, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, axas_npt_leaves(&f->npt, 0), 512l);
	npt_unmap(f, 0, SZ_2M);
}

/* Defect 18: a leaf is split only where necessary, and translations stay. */
static void split_keeps_all_translations(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	unsigned int level;

	for (level = 1; level < AXAS_NPT_MAX_LEVELS; level++) {
		u64 gpa = test_gpa(&f->npt, level), hpa = test_hpa(level);
		u64 size = axas_npt_leaf_size(level);
		u64 at = gpa + size / 2 + SZ_4K;
		unsigned int l;

		if (!npt_has_level(&f->npt, level))
			continue;
		KUNIT_ASSERT_EQ(test, npt_map(f, gpa, size, hpa, TEST_RX), 0);
		KUNIT_ASSERT_EQ(test, npt_split_at(f, at), 0);
		npt_expect_mapped(f, gpa, size, hpa, TEST_RX);
		npt_expect_leaf(f, at - 1, hpa + (at - 1 - gpa), 0, TEST_RX, AXAS_TYPE_NORMAL);
		npt_expect_leaf(f, at, hpa + (at - gpa), 0, TEST_RX, AXAS_TYPE_NORMAL);
		for (l = 1; l < level; l++)
			KUNIT_EXPECT_EQ(test, axas_npt_leaves(&f->npt, l), 511l);
		KUNIT_EXPECT_EQ(test, axas_npt_leaves(&f->npt, 0), 512l);
		npt_unmap(f, gpa, size);
		npt_expect_empty(f);
	}
}

/* A split at a border of 2 MiB splits a 1 GiB leaf into 2 MiB leaves and no further. */
static void split_stops_at_the_size_that_suffices(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	if (!npt_has_level(&f->npt, 2))
		kunit_skip(test, "no leaves of 1 GiB");
	KUNIT_ASSERT_EQ(test, npt_map(f, 0, SZ_1G, SZ_1G, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, npt_split_at(f, SZ_2M * 7), 0);
	KUNIT_EXPECT_EQ(test, axas_npt_leaves(&f->npt, 1), 512l);
	KUNIT_EXPECT_EQ(test, npt_all_leaves(&f->npt), 512l);
	npt_expect_mapped(f, 0, SZ_1G, SZ_1G, TEST_RW);
	npt_unmap(f, 0, SZ_1G);
}

/* Also in an empty table, and where leaves end at the address. */
static void split_where_nothing_crosses_does_nothing(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 attempts;

	if (!npt_has_level(&f->npt, 1) || !f->npt.root_bits)
		kunit_skip(test, "one leaf of 2 MiB at most");
	KUNIT_ASSERT_EQ(test, npt_map(f, SZ_2M, SZ_2M, SZ_1G, TEST_RW), 0);
	attempts = f->mock->attempts;
	KUNIT_EXPECT_EQ(test, npt_split_at(f, SZ_2M), 0);
	KUNIT_EXPECT_EQ(test, npt_split_at(f, SZ_4M), 0);
	KUNIT_EXPECT_EQ(test, npt_split_at(f, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, npt_split_at(f, 0), 0);
	KUNIT_EXPECT_EQ(test, f->mock->attempts, attempts);
	KUNIT_EXPECT_EQ(test, axas_npt_leaves(&f->npt, 1), 1l);
	npt_unmap(f, SZ_2M, SZ_2M);
}

/* With break-before-make the flush covers just the leaf (Arm ARM D8.16.1). */
static void split_flushes_where_hardware_wants_it(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	bool wants = f->npt.fmt == &axas_npt_s2 || f->npt.fmt == &axas_npt_fake;
	const struct mock_event *flush;
	u64 gpa = test_gpa(&f->npt, 1);

	if (!npt_has_level(&f->npt, 1))
		kunit_skip(test, "no leaves of 2 MiB");
	KUNIT_ASSERT_EQ(test, npt_map(f, gpa, SZ_2M, SZ_1G, TEST_RW), 0);
	mock_hal_start_log(f->mock);
	KUNIT_ASSERT_EQ(test, npt_split_at(f, gpa + SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, mock_hal_count(f->mock, MOCK_EVENT_FLUSH), wants ? 1u : 0u);
	if (wants) {
		flush = mock_hal_first(f->mock, MOCK_EVENT_FLUSH);
		KUNIT_EXPECT_EQ(test, flush->first, gpa);
		KUNIT_EXPECT_EQ(test, flush->last, gpa + SZ_2M - 1);
	}
	npt_unmap(f, gpa, SZ_2M);
}

static void split_all_leaves_4k_only(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 gpa = test_gpa(&f->npt, 1), size = SZ_2M, tables;

	if (!npt_has_level(&f->npt, 1))
		kunit_skip(test, "no leaves of 2 MiB");
	if (gpa)
		size *= 2;
	KUNIT_ASSERT_EQ(test, npt_map(f, gpa, size, SZ_1G, TEST_RX), 0);
	KUNIT_ASSERT_EQ(test, npt_split_all(f, gpa + SZ_4K, size - SZ_8K), 0);
	npt_expect_mapped(f, gpa, size, SZ_1G, TEST_RX);
	KUNIT_EXPECT_EQ(test, axas_npt_leaves(&f->npt, 0), (long)(size / SZ_4K));
	KUNIT_EXPECT_EQ(test, npt_all_leaves(&f->npt), (long)(size / SZ_4K));
	/* All leaves are 4 KiB now, and a second split needs no tables. */
	KUNIT_EXPECT_EQ(test, axas_npt_count_split_all(&f->npt, 0, axas_npt_last(&f->npt), &tables),
			0);
	KUNIT_EXPECT_EQ(test, tables, 0ull);
	npt_unmap(f, gpa, size);
	npt_expect_empty(f);
}

/* A leaf of 1 GiB becomes 2 MiB leaves outside of the range, 4 KiB ones inside. */
static void split_all_keeps_to_its_range(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	if (!npt_has_level(&f->npt, 2))
		kunit_skip(test, "no leaves of 1 GiB");
	KUNIT_ASSERT_EQ(test, npt_map(f, 0, SZ_1G, SZ_1G, TEST_RX), 0);
	f->npt.caps.flags |= AXAS_CAP_EXEC_4K;
	KUNIT_ASSERT_EQ(test, axas_npt_get_spares(&f->npt, &f->npt.reserve, 3, false), 0);
	KUNIT_EXPECT_FALSE(test, npt_protect(f, SZ_2M * 5 - SZ_4K, SZ_2M * 5 + SZ_4K - 1, TEST_RX));
	KUNIT_EXPECT_EQ(test, f->npt.reserve.nr, 0u);
	npt_expect_mapped(f, 0, SZ_1G, SZ_1G, TEST_RX);
	KUNIT_EXPECT_EQ(test, axas_npt_leaves(&f->npt, 1), 510l);
	KUNIT_EXPECT_EQ(test, axas_npt_leaves(&f->npt, 0), 1024l);
	npt_unmap(f, 0, SZ_1G);
	npt_expect_empty(f);
}

static u64 collapse(struct npt_fixture *f, u64 first, u64 bytes)
{
	return npt_collapse(f, first, first + (bytes - 1));
}

/* Collapse restores the split leaf, and frees the table after a flush. */
static void collapse_undoes_a_split(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	unsigned int level = npt_has_level(&f->npt, 2) ? 2 : 1;
	u64 size = axas_npt_leaf_size(level);

	if (!npt_has_level(&f->npt, 1))
		kunit_skip(test, "no leaves of 2 MiB");
	KUNIT_ASSERT_EQ(test, npt_map(f, 0, size, SZ_1G, TEST_RX), 0);
	KUNIT_ASSERT_EQ(test, npt_split_at(f, SZ_1M), 0);
	mock_hal_start_log(f->mock);
	KUNIT_EXPECT_EQ(test, collapse(f, 0, size), (u64)level);
	KUNIT_EXPECT_TRUE(test, mock_hal_ordered(f->mock, MOCK_EVENT_FLUSH, MOCK_EVENT_FREE) ||
			  mock_hal_count(f->mock, MOCK_EVENT_FLUSH) > 1);
	KUNIT_EXPECT_EQ(test, mock_hal_count(f->mock, MOCK_EVENT_FREE), level);
	npt_expect_leaf(f, size - 1, SZ_1G + size - 1, level, TEST_RX, AXAS_TYPE_NORMAL);
	KUNIT_EXPECT_EQ(test, npt_all_leaves(&f->npt), 1l);
	npt_unmap(f, 0, size);
	npt_expect_empty(f);
}

/* Each of these cases prevents a collapse and leaves the table unchanged. */
static void collapse_keeps_what_is_not_alike(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 gpa = test_gpa(&f->npt, 1);

	if (!npt_has_level(&f->npt, 1))
		kunit_skip(test, "no leaves of 2 MiB");
	/* Not aligned in host-physical memory. */
	KUNIT_ASSERT_EQ(test, npt_map(f, gpa, SZ_2M, SZ_1G + SZ_4K, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, collapse(f, gpa, SZ_2M), 0ull);
	npt_unmap(f, gpa, SZ_2M);
	/* One page with another protection. */
	KUNIT_ASSERT_EQ(test, npt_map(f, gpa, SZ_2M, SZ_1G, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, npt_split_at(f, gpa + SZ_4K), 0);
	npt_protect(f, gpa + SZ_1M, gpa + SZ_1M + SZ_4K - 1, TEST_R);
	KUNIT_EXPECT_EQ(test, collapse(f, gpa, SZ_2M), 0ull);
	/* One page absent, or mapped elsewhere. */
	npt_unmap(f, gpa + SZ_1M, SZ_4K);
	KUNIT_EXPECT_EQ(test, collapse(f, gpa, SZ_2M), 0ull);
	KUNIT_ASSERT_EQ(test, npt_map(f, gpa + SZ_1M, SZ_4K, SZ_1G, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, collapse(f, gpa, SZ_2M), 0ull);
	npt_unmap(f, gpa + SZ_1M, SZ_4K);
	KUNIT_ASSERT_EQ(test, npt_map(f, gpa + SZ_1M, SZ_4K, SZ_1G + SZ_1M, TEST_RW), 0);
	/* The range does not contain the whole leaf. */
	KUNIT_EXPECT_EQ(test, collapse(f, gpa + SZ_4K, SZ_2M - SZ_4K), 0ull);
	KUNIT_EXPECT_EQ(test, axas_npt_leaves(&f->npt, 0), 512l);
	npt_expect_mapped(f, gpa, SZ_2M, SZ_1G, TEST_RW);
	/* Nothing prevents it any more. */
	KUNIT_EXPECT_EQ(test, collapse(f, gpa, SZ_2M), 1ull);
	npt_expect_leaf(f, gpa, SZ_1G, 1, TEST_RW, AXAS_TYPE_NORMAL);
	npt_unmap(f, gpa, SZ_2M);
	npt_expect_empty(f);
}

/* Rule R15: with the ITLB_MULTIHIT erratum executable leaves are 4 KiB only. */
static void executable_leaves_are_small_with_the_erratum(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 gpa = test_gpa(&f->npt, 1);

	f->npt.caps.flags |= AXAS_CAP_EXEC_4K;
	KUNIT_EXPECT_EQ(test, axas_npt_max_level(&f->npt, TEST_RX), 0u);
	KUNIT_ASSERT_EQ(test, npt_map(f, gpa, SZ_2M, SZ_1G, TEST_RX), 0);
	KUNIT_EXPECT_EQ(test, axas_npt_leaves(&f->npt, 0), 512l);
	KUNIT_EXPECT_EQ(test, collapse(f, gpa, SZ_2M), 0ull);
	npt_unmap(f, gpa, SZ_2M);
	KUNIT_ASSERT_EQ(test, npt_map(f, gpa, SZ_2M, SZ_1G, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, axas_npt_leaves(&f->npt, 0), npt_has_level(&f->npt, 1) ? 0l : 512l);
	npt_unmap(f, gpa, SZ_2M);
}

/* Without a leaf, lookup returns the level of the empty entry: the largest leaf possible. */
static void lookup_tells_the_level_of_the_empty_entry(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 gpa = high_gpa(&f->npt);
	struct axas_leaf leaf;

	KUNIT_EXPECT_FALSE(test, axas_npt_lookup(&f->npt, gpa, &leaf));
	KUNIT_EXPECT_EQ(test, leaf.level, f->npt.levels - 1u);
	KUNIT_ASSERT_EQ(test, npt_map(f, gpa, SZ_4K, SZ_1G, TEST_RW), 0);
	KUNIT_EXPECT_FALSE(test, axas_npt_lookup(&f->npt, gpa + SZ_4K, &leaf));
	KUNIT_EXPECT_EQ(test, leaf.level, 0u);
	npt_unmap(f, gpa, SZ_4K);
}

static void expect_run(struct npt_fixture *f, u64 from, bool single, u64 first, u64 last,
		       u32 prot)
{
	struct axas_npt_run run = {};

	KUNIT_EXPECT_TRUE(f->test, axas_npt_next_run(&f->npt, from, single, &run));
	KUNIT_EXPECT_EQ_MSG(f->test, run.first, first, "from 0x%llx", from);
	KUNIT_EXPECT_EQ_MSG(f->test, run.last, last, "from 0x%llx", from);
	KUNIT_EXPECT_EQ(f->test, run.leaf.prot, prot);
}

/* Runs as the dump prints them: up to the last byte, across borders of tables. */
static void runs_are_leaves_that_are_alike(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 last = axas_npt_last(&f->npt), gpa = high_gpa(&f->npt);
	struct axas_npt_run run;

	KUNIT_EXPECT_FALSE(test, axas_npt_next_run(&f->npt, 0, false, &run));
	KUNIT_ASSERT_EQ(test, npt_map(f, 0, SZ_8K, SZ_1G, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, npt_map(f, gpa, SZ_64K, SZ_1G + SZ_4K, TEST_R), 0);
	npt_protect(f, gpa, gpa + SZ_4K - 1, TEST_RX);
	expect_run(f, 0, false, 0, SZ_8K - 1, TEST_RW);
	expect_run(f, 0, true, 0, SZ_4K - 1, TEST_RW);
	expect_run(f, SZ_4K + 5, true, SZ_4K, SZ_8K - 1, TEST_RW);
	expect_run(f, SZ_8K, false, gpa, gpa + SZ_4K - 1, TEST_RX);
	expect_run(f, gpa + SZ_4K, false, gpa + SZ_4K, last, TEST_R);
	expect_run(f, last, true, last - (SZ_4K - 1), last, TEST_R);
	npt_unmap(f, last - (SZ_4K - 1), SZ_4K);
	KUNIT_EXPECT_FALSE(test, axas_npt_next_run(&f->npt, last, false, &run));
	npt_unmap_all(f);
	npt_expect_empty(f);
}

static void protect_changes_its_range_alone(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 gpa = high_gpa(&f->npt), hpa = SZ_1G + SZ_4K;

	KUNIT_ASSERT_EQ(test, npt_map(f, gpa, SZ_64K, hpa, TEST_RW), 0);
	KUNIT_EXPECT_TRUE(test, npt_protect(f, gpa + SZ_16K, gpa + SZ_32K - 1, TEST_R));
	npt_expect_mapped(f, gpa, SZ_16K, hpa, TEST_RW);
	npt_expect_mapped(f, gpa + SZ_16K, SZ_16K, hpa + SZ_16K, TEST_R);
	npt_expect_mapped(f, gpa + SZ_32K, SZ_32K, hpa + SZ_32K, TEST_RW);
	KUNIT_EXPECT_EQ(test, axas_npt_leaves(&f->npt, 0), 16l);
	/* Protecting to the same protection changes no leaf. */
	KUNIT_EXPECT_FALSE(test, npt_protect(f, gpa + SZ_16K, gpa + SZ_32K - 1,
					     TEST_R));
	npt_unmap(f, gpa, SZ_64K);
	/* Nor does protecting unmapped addresses. */
	KUNIT_EXPECT_FALSE(test, npt_protect(f, 0, axas_npt_last(&f->npt), TEST_R));
	npt_expect_empty(f);
}

static void protect_keeps_leaves_and_types(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	unsigned int level, type;

	for (level = 0; level < AXAS_NPT_MAX_LEVELS; level++) {
		u64 gpa = test_gpa(&f->npt, level), size = axas_npt_leaf_size(level);
		u64 hpa = test_hpa(level);

		if (!npt_has_level(&f->npt, level))
			continue;
		for (type = 0; type <= AXAS_TYPE_UNCACHED; type++) {
			KUNIT_ASSERT_EQ(test, axas_npt_map_leaf(&f->npt, gpa, hpa, TEST_RWX, type,
								level), 0);
			KUNIT_EXPECT_TRUE(test, npt_protect(f, gpa, gpa + (size - 1),
							    TEST_R));
			npt_expect_leaf(f, gpa, hpa, level, TEST_R, type);
			npt_unmap(f, gpa, size);
		}
	}
}

/* Defect 20. */
static void unmap_frees_tables_that_became_empty(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	long root = npt_root_tables(&f->npt);
	u64 gpa = high_gpa(&f->npt);

	KUNIT_ASSERT_EQ(test, npt_map(f, gpa, SZ_4K, SZ_1G, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, npt_map(f, gpa + SZ_8K, SZ_4K, SZ_1G, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, axas_npt_tables(&f->npt), root + f->npt.levels - 1);
	npt_unmap(f, gpa, SZ_4K);
	KUNIT_EXPECT_EQ(test, axas_npt_tables(&f->npt), root + f->npt.levels - 1);
	npt_expect_leaf(f, gpa + SZ_8K, SZ_1G, 0, TEST_RW, AXAS_TYPE_NORMAL);
	npt_unmap(f, gpa + SZ_8K, SZ_4K);
	npt_expect_empty(f);
}

/* Defect 20: no empty table of 4 KiB leaves stays to keep out a 2 MiB leaf. */
static void huge_leaf_fits_where_small_ones_were(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 gpa = test_gpa(&f->npt, 1);

	if (!npt_has_level(&f->npt, 1))
		kunit_skip(test, "no leaves of 2 MiB");
	KUNIT_ASSERT_EQ(test, npt_map(f, gpa, SZ_2M, SZ_1G + SZ_4K, TEST_RW), 0);
	npt_unmap(f, gpa, SZ_1M);
	npt_unmap(f, gpa + SZ_1M, SZ_1M);
	KUNIT_EXPECT_EQ(test, axas_npt_map_leaf(&f->npt, gpa, SZ_1G, TEST_RW, AXAS_TYPE_NORMAL,
						1), 0);
	npt_expect_leaf(f, gpa, SZ_1G, 1, TEST_RW, AXAS_TYPE_NORMAL);
	npt_unmap(f, gpa, SZ_2M);
}

static void first_and_last_page_can_be_mapped(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 last = axas_npt_last(&f->npt);

	KUNIT_ASSERT_EQ(test, npt_map(f, 0, SZ_4K, SZ_1G, TEST_RW), 0);
	KUNIT_ASSERT_EQ(test, npt_map(f, last - (SZ_4K - 1), SZ_4K, SZ_2G + 0ull, TEST_R), 0);
	npt_expect_leaf(f, 0, SZ_1G, 0, TEST_RW, AXAS_TYPE_NORMAL);
	npt_expect_leaf(f, last, SZ_2G + 0xfffull, 0, TEST_R, AXAS_TYPE_NORMAL);
	npt_expect_unmapped(f, SZ_4K);
	npt_expect_unmapped(f, last - SZ_4K);
	KUNIT_EXPECT_TRUE(test, npt_protect(f, 0, last, TEST_RX));
	npt_expect_leaf(f, last, SZ_2G + 0xfffull, 0, TEST_RX, AXAS_TYPE_NORMAL);
	npt_unmap(f, last - (SZ_4K - 1), SZ_4K);
	npt_expect_unmapped(f, last);
	npt_expect_leaf(f, 0, SZ_1G, 0, TEST_RX, AXAS_TYPE_NORMAL);
	npt_unmap(f, 0, SZ_4K);
	npt_expect_empty(f);
}

/* All addresses up to the last byte, even 2^64 - 1; at most the 48 bits of hpa. */
static void upper_end_of_the_table_can_be_mapped(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	unsigned int top = f->npt.levels - 1;
	u64 last = axas_npt_last(&f->npt);
	u64 bytes = min(last, BIT_ULL(48) - 1) + 1;
	u64 first = last - (bytes - 1);

	if (f->npt.fmt != &axas_npt_fake)
		kunit_skip(test, "too many leaves");
	KUNIT_ASSERT_EQ(test, npt_map(f, first, bytes, 0, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, axas_npt_leaves(&f->npt, top),
			(long)(bytes >> axas_npt_shift(top)));
	KUNIT_EXPECT_EQ(test, axas_npt_tables(&f->npt), npt_root_tables(&f->npt));
	npt_expect_leaf(f, first, 0, top, TEST_RW, AXAS_TYPE_NORMAL);
	npt_expect_leaf(f, last, bytes - 1, top, TEST_RW, AXAS_TYPE_NORMAL);
	KUNIT_EXPECT_TRUE(test, npt_protect(f, 0, last, TEST_R));
	npt_expect_leaf(f, first, 0, top, TEST_R, AXAS_TYPE_NORMAL);
	npt_expect_leaf(f, last, bytes - 1, top, TEST_R, AXAS_TYPE_NORMAL);
	KUNIT_EXPECT_EQ(test, npt_split_at(f, last - (SZ_4K - 1)), 0);
	npt_unmap(f, last - (SZ_4K - 1), SZ_4K);
	npt_expect_unmapped(f, last);
	npt_expect_leaf(f, last - SZ_4K, bytes - 1 - SZ_4K, 0, TEST_R, AXAS_TYPE_NORMAL);
	npt_unmap_all(f);
	npt_expect_empty(f);
}

static void overmap_is_refused_and_changes_nothing(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 gpa = high_gpa(&f->npt);
	struct axas_npt_range range = {
		.first = gpa, .last = gpa + SZ_64K - 1, .hpa = SZ_1G, .prot = TEST_RW,
	};

	KUNIT_ASSERT_EQ(test, npt_map(f, gpa + SZ_8K, SZ_4K, SZ_2G + 0ull, TEST_R), 0);
	KUNIT_EXPECT_EQ(test, axas_npt_map(&f->npt, &range), -EEXIST);
	KUNIT_EXPECT_EQ(test, range.mapped, (u64)SZ_8K);
	npt_expect_leaf(f, gpa + SZ_8K, SZ_2G + 0ull, 0, TEST_R, AXAS_TYPE_NORMAL);
	npt_expect_unmapped(f, gpa + SZ_8K + SZ_4K);
	npt_unmap(f, range.first, range.mapped);
	npt_expect_leaf(f, gpa + SZ_8K, SZ_2G + 0ull, 0, TEST_R, AXAS_TYPE_NORMAL);
	KUNIT_EXPECT_EQ(test, npt_all_leaves(&f->npt), 1l);
	KUNIT_EXPECT_EQ(test, axas_npt_map_leaf(&f->npt, gpa + SZ_8K, SZ_1G, TEST_RW,
						AXAS_TYPE_NORMAL, 0), -EEXIST);
	npt_expect_leaf(f, gpa + SZ_8K, SZ_2G + 0ull, 0, TEST_R, AXAS_TYPE_NORMAL);
	npt_unmap(f, gpa + SZ_8K, SZ_4K);
	npt_expect_empty(f);
}

/* A large leaf neither replaces a table nor is replaced by one. */
static void leaves_of_two_sizes_do_not_overmap(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 gpa = test_gpa(&f->npt, 1);

	if (!npt_has_level(&f->npt, 1))
		kunit_skip(test, "no leaves of 2 MiB");
	KUNIT_ASSERT_EQ(test, npt_map(f, gpa + SZ_4K, SZ_4K, SZ_2G + 0ull, TEST_R), 0);
	KUNIT_EXPECT_EQ(test, axas_npt_map_leaf(&f->npt, gpa, SZ_1G, TEST_RW, AXAS_TYPE_NORMAL,
						1), -EEXIST);
	npt_expect_leaf(f, gpa + SZ_4K, SZ_2G + 0ull, 0, TEST_R, AXAS_TYPE_NORMAL);
	npt_unmap(f, gpa, SZ_2M);
	KUNIT_ASSERT_EQ(test, npt_map(f, gpa, SZ_2M, SZ_1G, TEST_RW), 0);
	KUNIT_EXPECT_EQ(test, axas_npt_map_leaf(&f->npt, gpa + SZ_4K, SZ_2G + 0ull, TEST_R,
						AXAS_TYPE_NORMAL, 0), -EEXIST);
	KUNIT_EXPECT_EQ(test, npt_map(f, gpa, SZ_4K, SZ_2G + 0ull, TEST_R), -EEXIST);
	npt_expect_leaf(f, gpa + SZ_4K, SZ_1G + SZ_4K, 1, TEST_RW, AXAS_TYPE_NORMAL);
	npt_unmap(f, gpa, SZ_2M);
	npt_expect_empty(f);
}

/* A range across the border of two tables at every level. */
static void map_without_memory_can_be_undone(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 border = f->npt.root_bits ? 1ull << axas_npt_shift(f->npt.levels - 1) : SZ_64K;
	struct axas_npt_range range = {
		.first = border - SZ_8K, .last = border + SZ_8K - 1,
		.hpa = SZ_1G + SZ_4K, .prot = TEST_RW,
	};
	unsigned int nth = 0;
	int err;

	do {
		mock_hal_fail_nth(f->mock, ++nth);
		err = axas_npt_map(&f->npt, &range);
		mock_hal_fail_never(f->mock);
		if (!err)
			break;
		KUNIT_ASSERT_EQ(test, err, -ENOMEM);
		KUNIT_ASSERT_LT(test, range.mapped, (u64)SZ_16K);
		if (range.mapped)
			npt_expect_mapped(f, range.first, range.mapped, range.hpa, TEST_RW);
		npt_expect_unmapped(f, range.first + range.mapped);
		npt_unmap(f, range.first, SZ_16K);
		npt_expect_empty(f);
	} while (nth < 20);
	KUNIT_EXPECT_EQ(test, nth, f->npt.root_bits ? 2u * (f->npt.levels - 1) + 1 :
						      f->npt.levels);
	npt_expect_mapped(f, range.first, SZ_16K, range.hpa, TEST_RW);
	npt_unmap(f, range.first, SZ_16K);
}

static void map_leaf_without_memory_maps_nothing(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	unsigned int nth;
	u64 gpa = high_gpa(&f->npt);

	for (nth = 1; nth < f->npt.levels; nth++) {
		mock_hal_fail_nth(f->mock, nth);
		KUNIT_EXPECT_EQ(test, axas_npt_map_leaf(&f->npt, gpa, SZ_1G, TEST_RW,
							AXAS_TYPE_NORMAL, 0), -ENOMEM);
		mock_hal_fail_never(f->mock);
		npt_expect_unmapped(f, gpa);
		KUNIT_EXPECT_EQ(test, npt_all_leaves(&f->npt), 0l);
		KUNIT_EXPECT_EQ(test, axas_npt_tables(&f->npt), f->mock->tables);
		npt_unmap(f, gpa, SZ_4K);
		npt_expect_empty(f);
	}
	mock_hal_fail_nth(f->mock, nth);
	KUNIT_EXPECT_EQ(test, axas_npt_map_leaf(&f->npt, gpa, SZ_1G, TEST_RW, AXAS_TYPE_NORMAL,
						0), 0);
	mock_hal_fail_never(f->mock);
	npt_unmap(f, gpa, SZ_4K);
}

static void split_without_memory_changes_nothing(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	unsigned int level = npt_has_level(&f->npt, 2) ? 2 : 1, served;
	u64 size = axas_npt_leaf_size(level);
	long tables;

	if (!npt_has_level(&f->npt, 1))
		kunit_skip(test, "no leaves of 2 MiB");
	KUNIT_ASSERT_EQ(test, npt_map(f, 0, size, SZ_1G, TEST_RW), 0);
	tables = f->mock->tables;
	for (served = 0; served < level; served++) {
		mock_hal_fail_after(f->mock, served);
		KUNIT_EXPECT_EQ(test, npt_split_at(f, SZ_1M), -ENOMEM);
		npt_expect_leaf(f, SZ_1M, SZ_1G + SZ_1M, level, TEST_RW, AXAS_TYPE_NORMAL);
		KUNIT_EXPECT_EQ(test, f->mock->tables, tables);
		KUNIT_EXPECT_EQ(test, axas_npt_tables(&f->npt), tables);
	}
	mock_hal_fail_never(f->mock);
	KUNIT_EXPECT_EQ(test, npt_split_at(f, SZ_1M), 0);
	npt_expect_mapped(f, 0, size, SZ_1G, TEST_RW);
	npt_unmap(f, 0, size);
	npt_expect_empty(f);
}

/* Pages in a window across borders of 2 MiB and of the largest entry. */
#define WINDOW_PAGES	1200

static void random_step(struct npt_fixture *f, struct rnd_state *rnd, u64 base, u64 *hpas,
			u8 *prots)
{
	static const u8 all_prots[] = { TEST_R, TEST_RW, TEST_RX, TEST_RWX };
	u32 first = prandom_u32_state(rnd) % WINDOW_PAGES;
	u32 n = 1 + prandom_u32_state(rnd) % min(WINDOW_PAGES - first, 600u);
	u8 prot = all_prots[prandom_u32_state(rnd) % 4];
	u64 gpa = base + first * (u64)SZ_4K, bytes = n * (u64)SZ_4K;
	u64 hpa = gpa % SZ_1G + (1 + prandom_u32_state(rnd) % 9) * (u64)SZ_1G;
	bool map = prandom_u32_state(rnd) & 1;
	u32 i;

	KUNIT_EXPECT_EQ(f->test, npt_split_at(f, gpa), 0);
	KUNIT_EXPECT_EQ(f->test, npt_split_at(f, gpa + bytes), 0);
	if (!map && prandom_u32_state(rnd) & 1) {
		npt_protect(f, gpa, gpa + (bytes - 1), prot);
		memset(prots + first, prot, n);
		return;
	}
	npt_unmap(f, gpa, bytes);
	memset64(hpas + first, 0, n);
	if (!map)
		return;
	KUNIT_EXPECT_EQ(f->test, npt_map(f, gpa, bytes, hpa, prot), 0);
	for (i = 0; i < n; i++)
		hpas[first + i] = hpa + i * (u64)SZ_4K;
	memset(prots + first, prot, n);
}

static bool window_agrees(struct npt_fixture *f, u64 base, const u64 *hpas, const u8 *prots)
{
	struct axas_leaf leaf;
	u64 i, gpa;

	for (i = 0; i < WINDOW_PAGES; i++) {
		gpa = base + i * SZ_4K;
		if (axas_npt_lookup(&f->npt, gpa, &leaf) != !!hpas[i])
			return false;
		if (hpas[i] && (leaf.prot != prots[i] ||
				leaf.hpa.val + (gpa & (axas_npt_leaf_size(leaf.level) - 1)) !=
				hpas[i]))
			return false;
	}
	return true;
}

/* Random maps, unmaps and protects agree with an array of pages. */
static void random_changes_agree_with_a_shadow(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	/* A root of one entry has no border. */
	unsigned int top = f->npt.levels - (f->npt.root_bits ? 1 : 2);
	u64 border = 1ull << axas_npt_shift(top);
	u64 base = border - WINDOW_PAGES / 2 * SZ_4K;
	u64 *hpas = kunit_kcalloc(test, WINDOW_PAGES, sizeof(*hpas), GFP_KERNEL);
	u8 *prots = kunit_kcalloc(test, WINDOW_PAGES, 1, GFP_KERNEL);
	struct rnd_state rnd;
	unsigned int i;

	if (f->npt.ia_bits <= 30)
		kunit_skip(test, "too small for the window");
	KUNIT_ASSERT_TRUE(test, hpas && prots);
	prandom_seed_state(&rnd, 815 + f->npt.ia_bits);
	for (i = 0; i < 200; i++) {
		random_step(f, &rnd, base, hpas, prots);
		if (i % 8 == 7 && !window_agrees(f, base, hpas, prots)) {
			KUNIT_FAIL(test, "differs after step %u", i);
			break;
		}
	}
	npt_unmap_all(f);
	npt_expect_empty(f);
}

struct race {
	struct npt_fixture *f;
	u64 gpa;
	u64 hpa;
};

static int race_map_leaf(void *arg)
{
	struct race *race = arg;

	return axas_npt_map_leaf(&race->f->npt, race->gpa, race->hpa, TEST_RW,
				 AXAS_TYPE_NORMAL, 0);
}

/* Defect 3: of two racing installs at one address, one fails with -EEXIST. */
static void two_threads_cannot_map_one_page(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 gpa = high_gpa(&f->npt);
	struct race races[] = { { f, gpa, SZ_1G }, { f, gpa, SZ_512M } };
	struct test_thread threads[] = {
		{ race_map_leaf, &races[0] }, { race_map_leaf, &races[1] },
	};
	unsigned int winner;

	mock_hal_meet(f->mock, 2, AXAS_FRAME_TABLE);
	KUNIT_ASSERT_EQ(test, test_run_threads(threads, 2), 0);
	KUNIT_EXPECT_FALSE(test, f->mock->meet_missed);
	winner = !!threads[0].result;
	KUNIT_EXPECT_EQ(test, threads[winner].result, 0);
	KUNIT_EXPECT_EQ(test, threads[!winner].result, -EEXIST);
	npt_expect_leaf(f, gpa, races[winner].hpa, 0, TEST_RW, AXAS_TYPE_NORMAL);
	KUNIT_EXPECT_EQ(test, axas_npt_leaves(&f->npt, 0), 1l);
	KUNIT_EXPECT_EQ(test, axas_npt_tables(&f->npt),
			npt_root_tables(&f->npt) + f->npt.levels - 1);
	KUNIT_EXPECT_EQ(test, axas_npt_tables(&f->npt), f->mock->tables);
	npt_unmap(f, gpa, SZ_4K);
	npt_expect_empty(f);
}

/* Both allocate a table; one is linked, the other freed; both leaves are installed. */
static void two_threads_share_one_table(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	u64 gpa = high_gpa(&f->npt);
	struct race races[] = { { f, gpa, SZ_1G }, { f, gpa + SZ_4K, SZ_512M } };
	struct test_thread threads[] = {
		{ race_map_leaf, &races[0] }, { race_map_leaf, &races[1] },
	};

	mock_hal_start_log(f->mock);
	mock_hal_meet(f->mock, 2, AXAS_FRAME_TABLE);
	KUNIT_ASSERT_EQ(test, test_run_threads(threads, 2), 0);
	KUNIT_EXPECT_FALSE(test, f->mock->meet_missed);
	KUNIT_EXPECT_EQ(test, threads[0].result, 0);
	KUNIT_EXPECT_EQ(test, threads[1].result, 0);
	KUNIT_EXPECT_GE(test, mock_hal_count(f->mock, MOCK_EVENT_FREE), 1u);
	npt_expect_leaf(f, gpa, SZ_1G, 0, TEST_RW, AXAS_TYPE_NORMAL);
	npt_expect_leaf(f, gpa + SZ_4K, SZ_512M, 0, TEST_RW, AXAS_TYPE_NORMAL);
	KUNIT_EXPECT_EQ(test, axas_npt_tables(&f->npt),
			npt_root_tables(&f->npt) + f->npt.levels - 1);
	npt_unmap(f, gpa, SZ_8K);
	npt_expect_empty(f);
}

#define FORMAT(NAME, name)	[AXAS_FORMAT_##NAME - 1] = &axas_npt_##name,

static const struct axas_npt_fmt * const formats[] = {
	AXAS_NPT_FORMATS(FORMAT)
	[AXAS_NR_FORMATS - 1] = &axas_npt_fake,
};

/* Defect 22. */
static void init_refuses_addresses_out_of_the_formats_reach(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	const struct axas_hal *hal = &f->mock->hal;
	struct axas_npt npt;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct axas_npt_fmt *fmt = formats[i];
		struct axas_npt_caps caps = npt_full_caps(fmt);

		KUNIT_EXPECT_EQ(test, axas_npt_init(&npt, fmt, &npt_test_ops, hal,
						    fmt->min_ia_bits - 1, &caps), -EOPNOTSUPP);
		KUNIT_EXPECT_EQ(test, axas_npt_init(&npt, fmt, &npt_test_ops, hal,
						    fmt->max_ia_bits + 1, &caps), -EOPNOTSUPP);
		KUNIT_ASSERT_EQ(test, axas_npt_init(&npt, fmt, &npt_test_ops, hal, 0, &caps), 0);
		KUNIT_EXPECT_EQ(test, npt.ia_bits, fmt->usual_ia_bits);
		axas_npt_destroy(&npt);
	}
}

/* What a machine is said to support is what a space of it may have. */
static void widths_are_those_that_init_takes(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	const struct axas_hal *hal = &f->mock->hal;
	unsigned int i, bits;
	struct axas_npt npt;

	for (i = 0; i < 2 * ARRAY_SIZE(formats); i++) {
		const struct axas_npt_fmt *fmt = formats[i / 2];
		struct axas_npt_caps caps = npt_full_caps(fmt);
		u64 widths = 0;

		/* A machine with fewer levels, or fewer bits, than its format. */
		if (i % 2) {
			caps.levels = BIT(__fls(fmt->caps.levels));
			caps.max_ia_bits = fmt->max_ia_bits - 1;
		}
		for (bits = 1; bits < 64; bits++) {
			if (axas_npt_init(&npt, fmt, &npt_test_ops, hal, bits, &caps))
				continue;
			widths |= BIT_ULL(bits);
			axas_npt_destroy(&npt);
		}
		KUNIT_EXPECT_EQ_MSG(test, axas_npt_ia_widths(fmt, &caps), widths, "%s, machine %u",
				    fmt->name, i % 2);
	}
}

static void init_refuses_what_is_no_machine(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	const struct axas_hal *hal = &f->mock->hal;
	struct axas_npt_caps good, caps;
	struct axas_npt npt;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct axas_npt_fmt *fmt = formats[i];

		good = npt_full_caps(fmt);
		caps = good;
		caps.leaf_levels &= ~BIT(0);
		KUNIT_EXPECT_EQ(test, axas_npt_init(&npt, fmt, &npt_test_ops, hal, 0, &caps),
				-EINVAL);
		caps = good;
		caps.leaf_levels = (fmt->leaf_levels << 1) | 1;
		KUNIT_EXPECT_EQ(test, axas_npt_init(&npt, fmt, &npt_test_ops, hal, 0, &caps),
				-EINVAL);
		caps = good;
		caps.oa_bits = fmt->caps.oa_bits + 1;
		KUNIT_EXPECT_EQ(test, axas_npt_init(&npt, fmt, &npt_test_ops, hal, 0, &caps),
				-EINVAL);
		caps.oa_bits = 0;
		KUNIT_EXPECT_EQ(test, axas_npt_init(&npt, fmt, &npt_test_ops, hal, 0, &caps),
				-EINVAL);
		caps = good;
		caps.max_ia_bits = fmt->min_ia_bits;
		KUNIT_EXPECT_EQ(test, axas_npt_init(&npt, fmt, &npt_test_ops, hal,
						    fmt->max_ia_bits, &caps), -EOPNOTSUPP);
	}
}

/* The last case is Defect 27. */
static void init_without_memory_answers_so(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	const struct axas_hal *hal = &f->mock->hal;
	long tables = f->mock->tables;
	struct axas_npt_caps caps;
	struct axas_npt npt;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		axas_host_caps(formats[i], &caps);
		mock_hal_fail_nth(f->mock, 1);
		KUNIT_EXPECT_EQ(test, axas_npt_init(&npt, formats[i], &npt_test_ops, hal, 0, &caps),
				-ENOMEM);
		mock_hal_fail_never(f->mock);
		KUNIT_EXPECT_EQ(test, f->mock->tables, tables);
	}
	f->mock->zero_address = true;
	axas_host_caps(&axas_npt_s2, &caps);
	KUNIT_EXPECT_EQ(test, axas_npt_init(&npt, &axas_npt_s2, &npt_test_ops, hal, 0, &caps),
			-ENOMEM);
	KUNIT_EXPECT_EQ(test, f->mock->tables, tables);
}

/* Defect 27: a table at physical 0 would look like an empty entry. */
static void table_at_physical_0_is_refused(struct kunit *test)
{
	struct npt_fixture *f = test->priv;

	f->mock->zero_address = true;
	KUNIT_EXPECT_EQ(test, axas_npt_map_leaf(&f->npt, 0, SZ_1G, TEST_RW, AXAS_TYPE_NORMAL, 0),
			-ENOMEM);
	npt_expect_empty(f);
	KUNIT_EXPECT_EQ(test, axas_npt_map_leaf(&f->npt, 0, SZ_1G, TEST_RW, AXAS_TYPE_NORMAL, 0),
			0);
	npt_unmap(f, 0, SZ_4K);
}

/* Budget of a piece: more than one table of leaves, less than two. */
#define PIECE	600u

/* Do a job in pieces that visit at most PIECE entries of @level each. Return their number. */
static unsigned int bounded_pieces(struct npt_fixture *f, struct axas_npt_job *job,
				   unsigned int level,
				   void (*work)(struct axas_npt *npt, struct axas_npt_job *job))
{
	unsigned int n = 0;
	u64 from, end;

	do {
		from = job->first;
		job->budget = PIECE;
		work(&f->npt, job);
		end = job->done ? job->last + 1 : job->first;
		KUNIT_EXPECT_LE(f->test, (end - from) >> axas_npt_shift(level), (u64)PIECE);
		if (job->gather && job->gather->pending)
			f->npt.ops->flush(&f->npt, from, end - 1, job->gather->tables);
		if (job->gather)
			axas_npt_gather_free(job->gather);
	} while (++n < 10 && !job->done);
	KUNIT_EXPECT_TRUE(f->test, job->done);
	return n;
}

static unsigned int collapse_pieces(struct npt_fixture *f, u64 bytes)
{
	struct axas_npt_gather gather;
	struct axas_npt_job job = { .last = bytes - 1, .gather = &gather };
	unsigned int n;

	axas_npt_gather_init(&gather, &f->npt, true);
	/* Each table is scanned as a whole: the first piece takes two, the second the third. */
	n = bounded_pieces(f, &job, 1, axas_npt_collapse);
	axas_npt_gather_end(&gather);
	KUNIT_EXPECT_EQ(f->test, job.nr, bytes / SZ_2M);
	return n;
}

static unsigned int unmap_pieces(struct npt_fixture *f, u64 first, u64 bytes, unsigned int level)
{
	struct axas_npt_gather gather;
	struct axas_npt_job job = {
		.begin = first, .first = first, .last = first + bytes - 1, .gather = &gather,
	};
	unsigned int n;

	axas_npt_gather_init(&gather, &f->npt, true);
	n = bounded_pieces(f, &job, level, axas_npt_unmap);
	axas_npt_gather_end(&gather);
	return n;
}

/* Readers are kept out during a piece, so a piece ends when its budget is spent. */
static void pieces_keep_to_their_budget(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	struct axas_npt_job job = { .last = 3 * SZ_2M - 1, .prot = TEST_R };

	if (axas_npt_last(&f->npt) < job.last)
		return;
	KUNIT_ASSERT_EQ(test, npt_map(f, 0, 3 * SZ_2M, test_hpa(1), TEST_RX), 0);
	KUNIT_ASSERT_EQ(test, npt_split_all(f, 0, 3 * SZ_2M), 0);
	KUNIT_EXPECT_EQ(test, bounded_pieces(f, &job, 0, axas_npt_protect), 3u);
	KUNIT_EXPECT_EQ(test, collapse_pieces(f, 3 * SZ_2M), 2u);
	KUNIT_ASSERT_EQ(test, npt_split_all(f, 0, 3 * SZ_2M), 0);
	/* Leave the ends: a table removed as a whole counts as one entry. */
	KUNIT_EXPECT_EQ(test, unmap_pieces(f, SZ_4K, 2 * SZ_2M - SZ_8K, 0), 2u);
	npt_unmap(f, 0, 3 * SZ_2M);
}

/* The same for entries that are large leaves. */
static void pieces_of_large_leaves_keep_to_their_budget(struct kunit *test)
{
	struct npt_fixture *f = test->priv;
	struct axas_npt_job job = { .last = 1500 * (u64)SZ_2M - 1, .prot = TEST_R };
	u64 i;

	if (axas_npt_last(&f->npt) < job.last || !npt_has_level(&f->npt, 1))
		return;
	for (i = 0; i < 1500; i++)
		KUNIT_ASSERT_EQ(test, axas_npt_map_leaf(&f->npt, i * SZ_2M, test_hpa(1), TEST_RW,
							AXAS_TYPE_NORMAL, 1), 0);
	KUNIT_EXPECT_EQ(test, bounded_pieces(f, &job, 1, axas_npt_protect), 3u);
	KUNIT_EXPECT_EQ(test, unmap_pieces(f, SZ_2M, 1022 * (u64)SZ_2M, 1), 2u);
	npt_unmap_all(f);
}

static void formats_are_found_by_id(struct kunit *test)
{
	const struct axas_npt_fmt *fmt;
	u32 id;

	for (id = AXAS_FORMAT_DEFAULT + 1; id < AXAS_NR_FORMATS; id++) {
		fmt = axas_npt_fmt_by_id(id);
		KUNIT_ASSERT_NOT_NULL(test, fmt);
		KUNIT_EXPECT_EQ(test, fmt->id, id);
		KUNIT_EXPECT_PTR_EQ(test, fmt, formats[id - 1]);
	}
	KUNIT_EXPECT_PTR_EQ(test, axas_npt_fmt_by_id(AXAS_NR_FORMATS), NULL);
	KUNIT_EXPECT_PTR_EQ(test, axas_npt_fmt_by_id(1000), (const struct axas_npt_fmt *)NULL);
	if (IS_ENABLED(CONFIG_ARM64))
		KUNIT_EXPECT_PTR_EQ(test, axas_npt_fmt_by_id(AXAS_FORMAT_DEFAULT), &axas_npt_s2);
}

static struct kunit_case npt_cases[] = {
	KUNIT_CASE_PARAM(init_and_destroy_balance, npt_all_gen_params),
	KUNIT_CASE_PARAM(root_reaches_all_addresses, npt_all_gen_params),
	KUNIT_CASE_PARAM(root_is_naturally_aligned, npt_all_gen_params),
	KUNIT_CASE_PARAM(small_leaves_are_address_and_attributes, npt_all_gen_params),
	KUNIT_CASE(runs_are_measured_exactly),
	KUNIT_CASE_PARAM(batch_fills_what_is_empty, npt_all_gen_params),
	KUNIT_CASE_PARAM(leaf_maps_at_every_level, npt_all_gen_params),
	KUNIT_CASE_PARAM(leaves_of_all_levels_live_side_by_side, npt_all_gen_params),
	KUNIT_CASE_PARAM(prot_and_type_come_back, npt_all_gen_params),
	KUNIT_CASE_PARAM(map_picks_the_largest_leaves, npt_all_gen_params),
	KUNIT_CASE_PARAM(map_at_another_offset_uses_4k_leaves_only, npt_all_gen_params),
	KUNIT_CASE_PARAM(leaf_levels_of_the_machine_are_kept, npt_all_gen_params),
	KUNIT_CASE_PARAM(split_keeps_all_translations, npt_all_gen_params),
	KUNIT_CASE_PARAM(split_stops_at_the_size_that_suffices, npt_all_gen_params),
	KUNIT_CASE_PARAM(split_where_nothing_crosses_does_nothing, npt_all_gen_params),
	KUNIT_CASE_PARAM(split_flushes_where_hardware_wants_it, npt_all_gen_params),
	KUNIT_CASE_PARAM(split_all_leaves_4k_only, npt_all_gen_params),
	KUNIT_CASE_PARAM(split_all_keeps_to_its_range, npt_all_gen_params),
	KUNIT_CASE_PARAM(collapse_undoes_a_split, npt_all_gen_params),
	KUNIT_CASE_PARAM(collapse_keeps_what_is_not_alike, npt_all_gen_params),
	KUNIT_CASE_PARAM(executable_leaves_are_small_with_the_erratum, npt_all_gen_params),
	KUNIT_CASE_PARAM(lookup_tells_the_level_of_the_empty_entry, npt_all_gen_params),
	KUNIT_CASE_PARAM(runs_are_leaves_that_are_alike, npt_all_gen_params),
	KUNIT_CASE_PARAM(protect_changes_its_range_alone, npt_all_gen_params),
	KUNIT_CASE_PARAM(protect_keeps_leaves_and_types, npt_all_gen_params),
	KUNIT_CASE_PARAM(unmap_frees_tables_that_became_empty, npt_all_gen_params),
	KUNIT_CASE_PARAM(huge_leaf_fits_where_small_ones_were, npt_all_gen_params),
	KUNIT_CASE_PARAM(first_and_last_page_can_be_mapped, npt_all_gen_params),
	KUNIT_CASE_PARAM(upper_end_of_the_table_can_be_mapped, npt_all_gen_params),
	KUNIT_CASE_PARAM(overmap_is_refused_and_changes_nothing, npt_all_gen_params),
	KUNIT_CASE_PARAM(leaves_of_two_sizes_do_not_overmap, npt_all_gen_params),
	KUNIT_CASE_PARAM(map_without_memory_can_be_undone, npt_all_gen_params),
	KUNIT_CASE_PARAM(map_leaf_without_memory_maps_nothing, npt_all_gen_params),
	KUNIT_CASE_PARAM(split_without_memory_changes_nothing, npt_all_gen_params),
	KUNIT_CASE_PARAM(random_changes_agree_with_a_shadow, npt_all_gen_params),
	KUNIT_CASE_PARAM(two_threads_cannot_map_one_page, npt_all_gen_params),
	KUNIT_CASE_PARAM(two_threads_share_one_table, npt_all_gen_params),
	KUNIT_CASE(init_refuses_addresses_out_of_the_formats_reach),
	KUNIT_CASE(widths_are_those_that_init_takes),
	KUNIT_CASE(init_refuses_what_is_no_machine),
	KUNIT_CASE(init_without_memory_answers_so),
	KUNIT_CASE(table_at_physical_0_is_refused),
	KUNIT_CASE_PARAM(pieces_keep_to_their_budget, npt_all_gen_params),
	KUNIT_CASE_PARAM(pieces_of_large_leaves_keep_to_their_budget, npt_all_gen_params),
	KUNIT_CASE(formats_are_found_by_id),
	{}
};

struct kunit_suite axas_npt_suite = {
	.name = "axas_npt",
	.init = npt_test_init,
	.exit = npt_test_exit,
	.test_cases = npt_cases,
};
