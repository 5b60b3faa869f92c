// SPDX-License-Identifier: GPL-2.0-only
/*
 * The algorithm on small tables, 2 levels of 4 entries each: for any initial table, any range
 * and arguments, and any allocation failing. Each proof has one operation (-DOP_x). The claims
 * are made about one watched page and its frame, chosen arbitrarily, so they hold for each.
 *
 * Every store to a linked table goes through proof_store(); every flush and every freed table
 * or frame through the functions below it. They are a monitor like the mock HAL's.
 */
#define PROOF_STORE
#include "formats.h"
#include "proof.h"
#include "axas_frame.c"
#include "axas_npt.c"
#include "axas_npt_gather.c"

#define N		4		/* entries of a table: AXAS_NPT_LEVEL_BITS is 2 */
#define PAGES		(N * N)
#define SMALL		AXAS_FRAME_SIZE
#define LARGE		(N * AXAS_FRAME_SIZE)
#define SPAN		(PAGES * AXAS_FRAME_SIZE)

/*
 * Table 0 is the root, 1 to N are linked below it in the initial table, the others are allocated
 * later. Their addresses are distinct from those of frames.
 */
#if defined(OP_map) || defined(OP_map_leaf) || defined(OP_split) || defined(OP_protect)
#define TABLES		(1 + N + N)
#else
#define TABLES		(1 + N)
#endif
#define TABLE_HPA(t)	((u64)((t) + 1) << AXAS_FRAME_SHIFT)
#define FRAMES_FROM	0x100000ull
#define MOST_PIECES	2
#define LEAST_BUDGET	6
#define FRAMES_TO	0x2000000ull
#define POISON		0x5a5a5a5a5a5a5a5aull

enum state {
	NOBODYS,	/* free */
	FRESH,		/* allocated, not linked yet */
	LINKED,
	STALE,		/* unlinked, but hardware may still walk it */
	FLUSHED,
};

/* Separate objects: a solver is faster with nine small arrays than with a large one. */
static u64 root[N], table1[N], table2[N], table3[N], table4[N], table5[N], table6[N],
	   table7[N], table8[N];
static u64 *const tables[] = { root, table1, table2, table3, table4, table5, table6, table7,
			       table8 };
static enum state states[TABLES];
static unsigned int next_table;
static struct axas_npt npt;

/* Translation of one page. */
struct map {
	bool present;
	u64 hpa;
	u32 prot;
	u32 type;
	u32 level;
};

static u64 watched;		/* address of the watched page, and its initial translation */
static struct map was;
static bool stale;		/* hardware may still use the initial translation */
static bool owned;		/* leaves own their frames, with the_owner as the owner */
static const char the_owner;
static unsigned int puts;	/* times that its frame was put */
static unsigned int flushes;

static unsigned int table_of(u64 hpa)
{
	u64 t = (hpa >> AXAS_FRAME_SHIFT) - 1;

	claim(t && t < TABLES && hpa == TABLE_HPA(t), "a table is where a table is");
	assume(t && t < TABLES);
	return t;
}

static void *phys_to_virt(const struct axas_hal *hal, struct axas_hpa hpa)
{
	unsigned int t;

	for (t = 1; t < TABLES; t++)
		if (hpa.val == TABLE_HPA(t))
			return tables[t];
	claim(false, "no frame is taken for a table");
	assume(false);
	return NULL;
}

/* Number of the table that contains an entry; TABLES: none. */
static unsigned int table_with(const void *va)
{
	unsigned int t;

	for (t = 0; t < TABLES; t++)
		if (__CPROVER_same_object(va, tables[t]))
			break;
	return t;
}

static struct axas_hpa virt_to_phys(const struct axas_hal *hal, const void *va)
{
	return axas_hpa(TABLE_HPA(table_with(va)));
}

static int alloc_frame(const struct axas_hal *hal, unsigned int order, u32 flags,
		       struct axas_hpa *hpa)
{
	unsigned int t = next_table, i;

	claim(flags & AXAS_FRAME_TABLE && !order, "only tables are allocated here");
	if (nondet_bool())
		return -ENOMEM;
	claim(t < TABLES, "no more tables than there can be");
	assume(t < TABLES);
	next_table++;
	for (i = 0; i < N; i++)
		tables[t][i] = flags & AXAS_FRAME_ZERO ? 0 : POISON;
	states[t] = FRESH;
	*hpa = axas_hpa(TABLE_HPA(t));
	return 0;
}

static void free_frame(const struct axas_hal *hal, struct axas_hpa hpa, unsigned int order,
		       u32 flags)
{
	unsigned int t = table_of(hpa.val);

	claim(flags & AXAS_FRAME_TABLE && !order, "only tables are freed here");
	claim(states[t] == FRESH || states[t] == FLUSHED,
	      "a table is freed once, unlinked, and after the flush");
	states[t] = NOBODYS;
}

static const struct axas_hal hal = {
	.phys_bits = 52,
	.alloc_frame = alloc_frame,
	.free_frame = free_frame,
	.phys_to_virt = phys_to_virt,
	.virt_to_phys = virt_to_phys,
};

unsigned int axas_hal_phys_bits(const struct axas_hal *hal)
{
	return hal->phys_bits;
}

/* The gather's buffer; allocating it may fail. */
static u64 buffer[AXAS_GATHER_BUFFER + AXAS_NPT_MAX_LEVELS];
static bool buffer_used;

void *kvmalloc(size_t bytes, gfp_t gfp)
{
	claim(bytes == sizeof(buffer), "a buffer is as large as it is filled");
	if (buffer_used || nondet_bool())
		return NULL;
	buffer_used = true;
	return buffer;
}

void kvfree(const void *p)
{
	claim(buffer_used && p == buffer, "a buffer is freed once");
	buffer_used = false;
}

static bool is_watched(unsigned int level, unsigned int table, unsigned int index)
{
	unsigned int top = watched / LARGE;

	if (level)
		return index == top;
	return PT(kind)(root[top], 1) == AXAS_PT_TABLE &&
	       table_of(PT(table_hpa)(root[top], 1)) == table &&
	       index == watched / SMALL % N;
}

static void link(u64 entry)
{
	unsigned int t = table_of(PT(table_hpa)(entry, 1)), i = nondet_u32();

	claim(states[t] == FRESH, "a table is linked once");
	states[t] = LINKED;
	assume(i < N);
	claim(tables[t][i] != POISON, "a table is filled before it is linked");
}

/* Monitors a store to an entry, which hardware may be walking. */
static void proof_store(u64 *slot, u64 new)
{
	unsigned int table = table_with(slot);
	unsigned int level = !table;
	u64 old = *slot;
	enum axas_pt_kind from, to;

	*slot = new;
	if (table == TABLES || states[table] != LINKED)
		return;
	from = PT(kind)(old, level);
	to = PT(kind)(new, level);
	if (from == AXAS_PT_TABLE || (from == AXAS_PT_LEAF && to == AXAS_PT_TABLE))
		claim(to == AXAS_PT_EMPTY || !PT(break_before_make)(),
		      "a live entry is broken before another is made");
	if (from == AXAS_PT_LEAF && to == AXAS_PT_LEAF)
		claim(PT(leaf_hpa)(old, level) == PT(leaf_hpa)(new, level),
		      "a live leaf keeps its frame");
	if (from == AXAS_PT_TABLE)
		states[table_of(PT(table_hpa)(old, 1))] = STALE;
	if (to == AXAS_PT_TABLE)
		link(new);
	if (from != AXAS_PT_EMPTY && from != to && is_watched(level, table, slot - tables[table]))
		stale = true;
}

static void flush(struct axas_npt *n, u64 first, u64 last, bool tables)
{
	unsigned int t;

	claim(n == &npt && first <= last && last < SPAN, "a flush is of a range");
	flushes++;
	for (t = 1; tables && t < TABLES; t++)
		if (states[t] == STALE)
			states[t] = FLUSHED;
	if (watched >= first && watched <= last)
		stale = false;
}

static struct map look(u64 gpa)
{
	u64 entry = root[gpa / LARGE];
	unsigned int level = 1;
	struct map map = {};

	if (PT(kind)(entry, 1) == AXAS_PT_TABLE) {
		level = 0;
		entry = tables[table_of(PT(table_hpa)(entry, 1))][gpa / SMALL % N];
	}
	if (PT(kind)(entry, level) != AXAS_PT_LEAF)
		return map;
	map.present = true;
	map.hpa = PT(leaf_hpa)(entry, level) + (level ? gpa % LARGE : 0);
	map.prot = PT(leaf_prot)(entry, level);
	map.type = PT(leaf_type)(entry, level);
	map.level = level;
	return map;
}

static void frames_put(struct axas_npt *n, const void *owner, const struct axas_hpa *hpas,
		       unsigned int nr, unsigned int level)
{
	u64 size = level ? LARGE : SMALL;
	unsigned int i;

	claim(owned && owner == &the_owner, "only what is owned is given back, to its owner");
	claim(nr <= PAGES, "no more frames than pages");
	for (i = 0; i < nr; i++) {
		claim(hpas[i].val >= FRAMES_FROM && !(hpas[i].val & (size - 1)),
		      "a frame is given back as it was got");
		if (!was.present || was.level != level ||
		    hpas[i].val != (was.hpa & ~(size - 1)))
			continue;
		puts++;
		claim(!stale, "a frame is given back after the flush");
	}
}

static const struct axas_npt_ops ops = { .flush = flush, .put_frames = frames_put };

/* Any leaf at @gpa. An owned frame is mapped once: its address determines its gpa. */
static u64 any_leaf(unsigned int level, u64 gpa)
{
	u32 prot = nondet_u32(), type = nondet_u32();
	u64 hpa = nondet_u64();
	u64 size = level ? LARGE : SMALL;

	assume(prot <= AXAS_PROT_MASK && type <= AXAS_TYPE_UNCACHED);
	assume(PT(can)(&npt, prot, type));
	assume(hpa >= FRAMES_FROM && hpa < FRAMES_TO && !(hpa & (size - 1)));
	assume(!owned || hpa % SPAN == gpa);
	return PT(make_leaf)(hpa, PT(leaf_attr)(&npt, prot, type, level), level);
}

static void any_table(void)
{
	unsigned int i, j;

	states[0] = LINKED;
	next_table = 1 + N;
	npt.tables.counter = 1;
	for (i = 0; i < N; i++) {
		unsigned int t = 1 + i;

		if (nondet_bool())
			continue;
		if (nondet_bool()) {
			root[i] = any_leaf(1, i * LARGE);
			npt.leaves[1].counter++;
			continue;
		}
		root[i] = PT(make_table)(TABLE_HPA(t), 1);
		states[t] = LINKED;
		npt.tables.counter++;
		for (j = 0; j < N; j++) {
			if (nondet_bool())
				continue;
			tables[t][j] = any_leaf(0, i * LARGE + j * SMALL);
			npt.leaves[0].counter++;
		}
	}
}

static void birth(void)
{
	npt.fmt = &PT_FORMAT;
	npt.ops = &ops;
	npt.hal = &hal;
	npt.root = root;
	npt.root_hpa = axas_hpa(TABLE_HPA(0));
	npt.leaf_mask = PT_FORMAT.leaf_mask;
	npt.leaf_shift = PT_FORMAT.leaf_shift;
	npt.present = PT_FORMAT.present;
	init_needs(&npt);
	npt.levels = 2;
	npt.root_bits = AXAS_NPT_LEVEL_BITS;
	npt.ia_bits = AXAS_FRAME_SHIFT + 2 * AXAS_NPT_LEVEL_BITS;
	npt.caps.flags = nondet_u32();
	npt.caps.leaf_levels = nondet_bool() ? 3 : 1;
	npt.caps.oa_bits = PT_FORMAT.caps.oa_bits;
	owned = nondet_bool();
	any_table();
	watched = nondet_u64();
	assume(watched < SPAN && !(watched & (SMALL - 1)));
	was = look(watched);
}

/* After each operation: every table is linked or freed, and the counters are right. */
static void balance(void)
{
	long linked = 1, leaves[2] = {};
	unsigned int i, j, t;

	for (i = 0; i < N; i++) {
		enum axas_pt_kind kind = PT(kind)(root[i], 1);

		leaves[1] += kind == AXAS_PT_LEAF;
		if (kind != AXAS_PT_TABLE)
			continue;
		t = table_of(PT(table_hpa)(root[i], 1));
		claim(states[t] == LINKED, "no table is freed while it is linked");
		linked++;
		for (j = 0; j < N; j++)
			leaves[0] += PT(kind)(tables[t][j], 0) == AXAS_PT_LEAF;
	}
	claim(axas_npt_tables(&npt) == linked && axas_npt_leaves(&npt, 0) == leaves[0] &&
	      axas_npt_leaves(&npt, 1) == leaves[1], "the counters are what there is");
	for (t = 0; t < TABLES; t++)
		linked -= states[t] == LINKED;
	claim(!linked, "every table is linked in one place");
	for (t = 0; t < TABLES; t++)
		claim(states[t] == LINKED || states[t] == NOBODYS, "no table is lost");
	claim(!buffer_used, "no buffer is lost");
	claim(!stale, "nothing is used that is gone");
}

static bool same(struct map a, struct map b)
{
	return a.present == b.present && (!a.present || (a.hpa == b.hpa && a.prot == b.prot &&
							 a.type == b.type));
}

static u64 first, last;

static void any_range(void)
{
	first = nondet_u64();
	last = nondet_u64();
	assume(first <= last && last < SPAN);
	assume(!(first & (SMALL - 1)) && !(~last & (SMALL - 1)));
}

static bool in_range(void)
{
	return watched >= first && watched <= last;
}

/* No leaf reaches across the ends of the range. */
static void ends_split(void)
{
	assume(PT(kind)(root[first / LARGE], 1) != AXAS_PT_LEAF || !(first % LARGE));
	assume(PT(kind)(root[last / LARGE], 1) != AXAS_PT_LEAF || !(~last % LARGE));
}

/* A job in pieces, as in axas_space_map.c: change entries, flush, free frames and tables. */
static void do_pieces(struct axas_npt_job *job,
		      void (*work)(struct axas_npt *npt, struct axas_npt_job *job))
{
	unsigned int i;

	for (i = 0; i < MOST_PIECES && !job->done; i++) {
		u64 from = job->first;

		job->budget = nondet_u32();
		assume(job->budget >= LEAST_BUDGET);
		work(&npt, job);
		claim(job->done || (job->first > from && job->first <= last),
		      "a piece does something, and ends in the range");
		if (job->gather && job->gather->pending)
			flush(&npt, job->begin, job->done ? last : job->first - 1,
			      job->gather->tables);
		if (job->gather)
			axas_npt_gather_free(job->gather);
	}
	assume(job->done);
}

#if defined(OP_unmap)
static void operation(void)
{
	struct axas_npt_gather gather;
	struct axas_npt_job job = { .gather = &gather, .owner = owned ? &the_owner : NULL };

	any_range();
	ends_split();
	job.begin = first;
	job.first = first;
	job.last = last;
	axas_npt_gather_init(&gather, &npt, true);
	do_pieces(&job, axas_npt_unmap);
	axas_npt_gather_end(&gather);
	if (in_range()) {
		claim(!look(watched).present, "unmap: what was there is gone");
		claim(puts == (owned && was.present), "unmap: its frame was given back, once");
		claim(!was.present || flushes, "unmap: and flushed");
	} else {
		claim(same(look(watched), was) && look(watched).level == was.level && !puts,
		      "unmap: what lies outside stays");
	}
	reached("unmap");
}
#elif defined(OP_protect)
/* Reserve tables for all leaves that may be split, as axas_space_map.c does. */
static bool reserve(void)
{
	u64 tables;

	if (axas_npt_count_split_all(&npt, first, last, &tables))
		return false;
	return !axas_npt_get_spares(&npt, &npt.reserve, tables, false);
}

static void operation(void)
{
	u32 prot = nondet_u32();
	struct axas_npt_job job = { .prot = prot };
	struct map now;

	any_range();
	ends_split();
	assume(prot <= AXAS_PROT_MASK && PT(can)(&npt, prot, AXAS_TYPE_NORMAL) &&
	       PT(can)(&npt, prot, AXAS_TYPE_DEVICE) && PT(can)(&npt, prot, AXAS_TYPE_UNCACHED));
	job.begin = first;
	job.first = first;
	job.last = last;
	if (axas_npt_max_level(&npt, prot) || reserve()) {
		do_pieces(&job, axas_npt_protect);
		reached("protect");
	} else {
		job.changed = true;
		prot = was.prot;
	}
	axas_npt_put_spares(&npt, &npt.reserve);
	now = look(watched);
	if (in_range() && was.present) {
		claim(job.changed || was.prot == prot, "protect: a change is told");
		claim(!now.level || !(prot & AXAS_PROT_EXEC) || prot == was.prot ||
		      !(npt.caps.flags & AXAS_CAP_EXEC_4K), "protect: no large executable leaf");
		was.prot = prot;
	}
	claim(same(now, was) && now.level <= was.level, "protect: the protection, nothing else");
	claim(!puts, "protect: nothing is given back");
	/* The caller of protect flushes narrowed leaves. */
	stale = false;
}
#elif defined(OP_split)
static void operation(void)
{
	u64 tables;

	any_range();
	tables = axas_npt_count_split_at(&npt, first);
	if (axas_npt_get_spares(&npt, &npt.reserve, tables, false))
		goto out;
	axas_npt_split_at(&npt, first);
	claim(PT(kind)(root[first / LARGE], 1) != AXAS_PT_LEAF || !(first % LARGE),
	      "split_at: no leaf reaches across");
	claim(!npt.reserve.nr, "split: as many tables as were counted");
	reached("split");
out:
	axas_npt_put_spares(&npt, &npt.reserve);
	claim(same(look(watched), was) && !puts, "split: translations are the same");
	/* The caller flushes split leaves when it changes them, unless break-before-make has. */
	stale = false;
}
#elif defined(OP_collapse)
static void operation(void)
{
	struct axas_npt_gather gather;
	struct axas_npt_job job = { .gather = &gather };
	u64 tables = axas_npt_tables(&npt);

	any_range();
	job.begin = first;
	job.first = first;
	job.last = last;
	axas_npt_gather_init(&gather, &npt, true);
	do_pieces(&job, axas_npt_collapse);
	axas_npt_gather_end(&gather);
	claim(same(look(watched), was) && !puts, "collapse: translations are the same");
	claim(look(watched).level >= was.level, "collapse: no leaf is smaller");
	claim(look(watched).level == was.level || in_range(), "collapse: in the range alone");
	claim(job.nr == tables - axas_npt_tables(&npt), "collapse: what it did is told");
	claim(!job.nr || flushes, "collapse: and flushed");
	if (job.nr)
		reached("collapse");
}
#elif defined(OP_map)
static void operation(void)
{
	struct axas_npt_range range = { .prot = nondet_u32(), .type = nondet_u32(),
					.hpa = nondet_u64(), .max_level = nondet_u32() };
	struct map now;
	int err;

	any_range();
	range.first = first;
	range.last = last;
	assume(range.prot <= AXAS_PROT_MASK && range.type <= AXAS_TYPE_UNCACHED);
	assume(range.max_level <= 1 && PT(can)(&npt, range.prot, range.type));
	assume(range.hpa >= FRAMES_FROM && range.hpa < FRAMES_TO && !(range.hpa & (SMALL - 1)));
	err = axas_npt_map(&npt, &range);
	now = look(watched);
	claim(!err || err == -ENOMEM || err == -EINTR || err == -EEXIST,
	      "map: it answers what it promises");
	claim(range.mapped <= last - first + 1 && !(range.mapped & (SMALL - 1)),
	      "map: no more than the range");
	claim(err || range.mapped == last - first + 1, "map: all of it, or an error");
	if (in_range() && watched - first < range.mapped) {
		claim(!was.present, "map: nothing is mapped over");
		claim(now.present && now.hpa == range.hpa + (watched - first) &&
		      now.prot == range.prot && now.type == range.type,
		      "map: what was asked for");
		claim(now.level <= range.max_level && (npt.caps.leaf_levels & BIT(now.level)),
		      "map: no leaf that there is none of");
		claim(!now.level || !(now.prot & AXAS_PROT_EXEC) ||
		      !(npt.caps.flags & AXAS_CAP_EXEC_4K), "map: no large executable leaf");
	} else {
		claim(same(now, was) && now.level == was.level, "map: the rest stays");
	}
	if (err == -EEXIST)
		reached("map: something is in the way");
	if (!err)
		reached("map");
	claim(!puts && !flushes, "map: nothing is given back");
}
#elif defined(OP_look)
static void operation(void)
{
	struct axas_npt_cursor cursor = { .region = AXAS_NPT_NO_REGION };
	struct axas_translation to;
	u32 access = nondet_u32();
	struct axas_npt_pos pos;
	struct axas_leaf leaf;
	u64 gpa = watched + nondet_u32() % SMALL, next = gpa, entry;
	bool found;

	assume(access && access <= AXAS_PROT_MASK);
	found = axas_npt_lookup(&npt, gpa, &leaf);
	claim(found == was.present, "lookup: what is there");
	claim(!found || (leaf.prot == was.prot && leaf.type == was.type &&
			 leaf.level == was.level &&
			 leaf.hpa.val == was.hpa - (leaf.level ? watched % LARGE : 0)),
	      "lookup: as it is");
	axas_npt_walk(&npt, &cursor, gpa, &pos);
	found = axas_npt_kind(&npt, &pos) == AXAS_PT_LEAF;
	claim(found == was.present, "walk: to what is there");
	claim(pos.entry == *pos.ptep && (!found || pos.level == was.level), "walk: to its entry");
	claim(pos.level || axas_npt_allows(&npt, pos.entry, access) ==
	      (was.present && !(access & ~was.prot)), "walk: a leaf permits what it permits");
	if (found)
		axas_npt_resolve(&npt, &pos, gpa, &to);
	claim(!found || (to.prot == was.prot && to.type == was.type && to.level == was.level &&
			 to.hpa.val == was.hpa + gpa % SMALL), "resolve: as it is");
	claim(!found || (gpa + to.left - 1 == (gpa | ((was.level ? LARGE : SMALL) - 1))),
	      "resolve: to the end of the leaf");
	claim(cursor.region == AXAS_NPT_NO_REGION ||
	      (axas_npt_cursor_at(&cursor, gpa) &&
	       cursor.table == tables[table_of(PT(table_hpa)(root[gpa / LARGE], 1))]),
	      "walk: the cursor is at the table");
	found = axas_npt_next_leaf(&npt, &next, &leaf, &entry);
	claim(!was.present || (found && next <= gpa && gpa - next < axas_npt_leaf_size(leaf.level)),
	      "next_leaf: the one that is there");
	claim(!found || next + (axas_npt_leaf_size(leaf.level) - 1) >= gpa,
	      "next_leaf: none that ends before");
	claim(!found || look(next).present, "next_leaf: one that there is");
	if (found && next > gpa)
		reached("next_leaf: one that is further on");
}
#elif defined(OP_map_leaf)
static void operation(void)
{
	u32 prot = nondet_u32(), type = nondet_u32();
	unsigned int level = nondet_u32();
	struct map now;
	u64 gpa = nondet_u64(), hpa = nondet_u64(), size;
	int err;

	assume(level <= 1 && prot <= AXAS_PROT_MASK && type <= AXAS_TYPE_UNCACHED);
	assume(PT(can)(&npt, prot, type));
	size = level ? LARGE : SMALL;
	assume(gpa < SPAN && !(gpa & (size - 1)));
	assume(hpa >= FRAMES_FROM && hpa < FRAMES_TO && !(hpa & (size - 1)));
	err = axas_npt_map_leaf(&npt, gpa, hpa, prot, type, level);
	now = look(watched);
	claim(!err || err == -ENOMEM || err == -EEXIST, "map_leaf: it answers what it promises");
	if (!err && watched >= gpa && watched - gpa < size)
		claim(!was.present && now.present && now.hpa == hpa + (watched - gpa) &&
		      now.prot == prot && now.type == type && now.level == level,
		      "map_leaf: what was asked for, over nothing");
	else
		claim(same(now, was) && now.level == was.level, "map_leaf: the rest stays");
	claim(!puts && !flushes, "map_leaf: nothing is given back");
	if (!err)
		reached("map_leaf");
}
#else
#error "which operation?"
#endif

int main(void)
{
	birth();
	operation();
	balance();
	return 0;
}
