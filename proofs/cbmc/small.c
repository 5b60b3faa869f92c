// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations that change tables, on small tables: 2 levels of 4 entries each. A proof has one
 * operation (-DOP_x) and one shape of the root (-DSHAPE): what each of its entries is. Ranges,
 * allocations that fail and the protection are enumerated in main(), so that each pointer and
 * each address is a constant for CBMC. Symbolic are the entries of the tables below (empty, ZERO,
 * or a leaf of any permission, type and owner, that does or does not continue the one before),
 * and what the operation is told of the owner. Claims are about one watched page, any of them.
 *
 * Every store to a linked table goes through proof_store(); every flush and every freed table
 * or frame through the functions below it. They are a monitor like the mock HAL's. Instead of the
 * gather (axas_npt_gather.c) there is what it promises: to free what it was given, once, when it
 * is told to.
 */
#define PROOF_STORE
#include "formats.h"
#include "proof.h"
#include "axas_frame.c"
#include "axas_npt.c"

/*
 * Table 0 is the root, 1 + i may be linked at entry i of the root, and 1 + N + i is what an
 * operation allocates next. Addresses of tables and frames are distinct.
 */
#define TABLES		(1 + N + N)
#include "tables.h"

#define FRAME(page)	(0x100000ull + (u64)(page) * SMALL)
#define ELSEWHERE	0x200000ull	/* a frame that does not continue those beside it */
#define NEW		0x800000ull	/* memory that is mapped anew */
#define TAKEN		6		/* the page that a map finds taken, if its table is there */
#define NEVER		1000
#define POISON		0x5a5a5a5a5a5a5a5aull

/* A digit of a shape: what an entry of the root is. */
enum shape { EMPTY, TABLE, LEAF, BORROWED, ZERO, SHAPES };	/* scripts/prove.sh */

enum state {
	NOBODYS,	/* free */
	FRESH,		/* allocated, not linked yet */
	LINKED,
	STALE,		/* unlinked, but hardware may still walk it */
	FLUSHED,
};

/* Separate objects of few entries: CBMC then propagates constants through them. */
static u64 root[N], table1[N], table2[N], table3[N], table4[N], table5[N], table6[N],
	   table7[N], table8[N];
static u64 *const tables[] = { root, table1, table2, table3, table4, table5, table6, table7,
			       table8 };
static enum state states[TABLES];
static unsigned int next_table;
static unsigned int fails_at;	/* the table that cannot be allocated */
static unsigned int signal_at;	/* calls of fatal_signal_pending() before the signal */
static u32 new_prot;
static u64 first, last;
static struct axas_npt npt;

/* Translation of one page. */
struct map {
	enum axas_pt_kind kind;		/* EMPTY, ZERO or LEAF */
	u64 hpa;
	u32 prot;
	u32 type;
	u32 level;
	bool borrowed;
};

static u64 watched;		/* address of the watched page, and its initial translation */
static struct map was;
static bool stale;		/* hardware may still use the initial translation */
static unsigned int gone;	/* times that its leaf was gathered, and that its frame was put */
static unsigned int puts;
static unsigned int flushes;
static const char the_owner;

static void *phys_to_virt(const struct axas_hal *hal, struct axas_hpa hpa)
{
	return tables[table_of(hpa.val)];
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
	if (t == fails_at)
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

bool nondet_signal(void)
{
	return !signal_at--;
}

static u64 entry_of(u64 gpa, unsigned int *level)
{
	u64 entry = root[gpa / LARGE];

	*level = 1;
	if (PT(kind)(entry, 1) != AXAS_PT_TABLE)
		return entry;
	*level = 0;
	return tables[table_of(PT(table_hpa)(entry, 1))][gpa / SMALL % N];
}

static struct map look(u64 gpa)
{
	struct map map = {};
	unsigned int level;
	u64 entry = entry_of(gpa, &level);

	map.kind = PT(kind)(entry, level);
	map.level = level;
	if (map.kind != AXAS_PT_LEAF)
		return map;
	map.hpa = PT(leaf_hpa)(entry, level) + (level ? gpa % LARGE : 0);
	map.prot = PT(leaf_prot)(entry, level);
	map.type = PT(leaf_type)(entry, level);
	map.borrowed = entry & PT(sw_bit)(level);
	claim(!map.borrowed || !(map.prot & AXAS_PROT_WRITE), "a BORROWED leaf is never writable");
	return map;
}

/* What the gather promises. */
struct gathered {
	bool table;
	bool empty;
	const void *owner;
};

static struct gathered gathered[TABLES];

void axas_npt_gather_leaf(struct axas_npt_gather *gather, u64 hpa, unsigned int level,
			  const void *owner)
{
	u64 size = level ? LARGE : SMALL;

	claim(!owner || owner == &the_owner, "only what is owned is given back, to its owner");
	claim(hpa >= FRAME(0) && !(hpa & (size - 1)), "a frame is given back as it was got");
	gather->pending = true;
	if (owner && was.kind == AXAS_PT_LEAF && level == was.level &&
	    hpa == (was.hpa & ~(size - 1)))
		gone++;
}

void axas_npt_gather_table(struct axas_npt_gather *gather, u64 hpa, unsigned int level,
			   const void *owner)
{
	unsigned int t = table_of(hpa);

	claim(!level && !gathered[t].table && !gathered[t].empty, "a table is gathered once");
	gather->pending = true;
	gather->tables = true;
	gathered[t].table = true;
	gathered[t].owner = owner;
}

void axas_npt_gather_empty(struct axas_npt_gather *gather, u64 hpa)
{
	unsigned int t = table_of(hpa), i;

	claim(!gathered[t].table && !gathered[t].empty, "a table is gathered once");
	for (i = 0; i < N; i++)
		claim(PT(kind)(tables[t][i], 0) != AXAS_PT_LEAF, "a table without leaves is one");
	gather->pending = true;
	gather->tables = true;
	gathered[t].empty = true;
}

static void gather_init(struct axas_npt_gather *gather)
{
	gather->npt = &npt;
	gather->nr = 0;
	gather->max = AXAS_GATHER_INLINE;
	gather->pending = false;
	gather->tables = false;
}

static void gather_free(struct axas_npt_gather *gather)
{
	unsigned int t;

	claim(!gone || !stale, "a frame is given back after the flush");
	puts += gone;
	gone = 0;
	for (t = 1; t < TABLES; t++) {
		if (gathered[t].table)
			PT_FORMAT.free_table(&npt, TABLE_HPA(t), 0, gathered[t].owner);
		else if (gathered[t].empty)
			axas_npt_free_table(&npt, TABLE_HPA(t));
		gathered[t].table = false;
		gathered[t].empty = false;
	}
	gather->pending = false;
	gather->tables = false;
}

static void frames_put(struct axas_npt *n, const void *owner, const struct axas_hpa *hpas,
		       unsigned int nr, unsigned int level)
{
	unsigned int i;

	claim(owner == &the_owner, "only what is owned is given back, to its owner");
	claim(nr <= N && !level, "no more frames than a table has");
	for (i = 0; i < nr; i++) {
		claim(hpas[i].val >= FRAME(0) && !(hpas[i].val & (SMALL - 1)),
		      "a frame is given back as it was got");
		if (was.kind != AXAS_PT_LEAF || was.level || hpas[i].val != was.hpa)
			continue;
		puts++;
		claim(!stale, "a frame is given back after the flush");
	}
}

static bool is_watched(unsigned int table, unsigned int index)
{
	unsigned int top = watched / LARGE;

	if (!table)
		return index == top;
	return PT(kind)(root[top], 1) == AXAS_PT_TABLE && index == watched / SMALL % N &&
	       table_of(PT(table_hpa)(root[top], 1)) == table;
}

/* Monitors a store to an entry, which hardware may be walking. */
static void proof_store(u64 *slot, u64 new)
{
	unsigned int table = table_with(slot), level = !table, t, i = nondet_u32();
	enum axas_pt_kind from, to;
	u64 old = *slot;

	*slot = new;
	if (table == TABLES || states[table] != LINKED)
		return;
	from = PT(kind)(old, level);
	to = PT(kind)(new, level);
	if (from == AXAS_PT_TABLE || (from == AXAS_PT_LEAF && to == AXAS_PT_TABLE))
		claim(to < AXAS_PT_TABLE || !PT(break_before_make)(),
		      "a live entry is broken before another is made");
	if (from == AXAS_PT_LEAF && to == AXAS_PT_LEAF)
		claim(PT(leaf_hpa)(old, level) == PT(leaf_hpa)(new, level),
		      "a live leaf keeps its frame");
	for (t = 0; level && to == AXAS_PT_LEAF && t < TABLES; t++)
		claim(states[t] != STALE || !PT(break_before_make)(),
		      "a table is flushed before a leaf takes its place");
	if (from == AXAS_PT_TABLE)
		states[table_of(PT(table_hpa)(old, 1))] = STALE;
	if (to == AXAS_PT_TABLE) {
		t = table_of(PT(table_hpa)(new, 1));
		claim(states[t] == FRESH, "a table is linked once");
		states[t] = LINKED;
		assume(i < N);
		claim(tables[t][i] != POISON, "a table is filled before it is linked");
	}
	if (from == AXAS_PT_TABLE)
		from = PT(kind)(tables[table_of(PT(table_hpa)(old, 1))][watched / SMALL % N], 0);
	if (from == AXAS_PT_LEAF && to != AXAS_PT_LEAF && is_watched(table, slot - tables[table]))
		stale = true;
}

static void flush(struct axas_npt *n, u64 first, u64 last, bool walks)
{
	unsigned int t;

	claim(n == &npt && first <= last && last < SPAN, "flushes are of ranges");
	flushes++;
	for (t = 1; walks && t < TABLES; t++)
		if (states[t] == STALE)
			states[t] = FLUSHED;
	if (watched >= first && watched <= last)
		stale = false;
}

static const struct axas_npt_ops ops = { .flush = flush, .put_frames = frames_put };

static u64 leaf_of(u64 hpa, u32 prot, u32 type, unsigned int level, bool borrowed)
{
	return PT(make_leaf)(hpa, PT(leaf_attr)(&npt, prot, type, level), level) |
	       (borrowed ? PT(sw_bit)(level) : 0);
}

#ifdef OP_map
/* A map stops at the first page that is there: that has to be a constant. */
static u64 any_entry(unsigned int page)
{
	if (!(page == TAKEN))
		return 0;
	npt.leaves[0].counter++;
	return leaf_of(FRAME(page), AXAS_PROT_READ, AXAS_TYPE_NORMAL, 0, false);
}
#else
/* Any entry of a level 0 table. */
static u64 any_entry(unsigned int page)
{
	u32 prot = nondet_u32(), type = nondet_u32();
	bool borrowed = nondet_bool();

	assume(prot <= AXAS_PROT_MASK && type <= AXAS_TYPE_UNCACHED);
	assume(PT(can)(&npt, prot, type) && !(borrowed && prot & AXAS_PROT_WRITE));
	if (nondet_bool())
		return 0;
	if (nondet_bool())
		return npt.fmt->zero;
	npt.leaves[0].counter++;
	return leaf_of(FRAME(page) + (nondet_bool() ? ELSEWHERE : 0), prot, type, 0, borrowed);
}
#endif

static u64 root_entry(enum shape shape, unsigned int i)
{
	unsigned int j;

	switch (shape) {
	case TABLE:
		states[1 + i] = LINKED;
		npt.tables.counter++;
		for (j = 0; j < N; j++)
			tables[1 + i][j] = any_entry(i * N + j);
		return PT(make_table)(TABLE_HPA(1 + i), 1);
	case LEAF:
	case BORROWED:
		npt.leaves[1].counter++;
		return leaf_of(FRAME(i * N), AXAS_PROT_READ | (shape == LEAF ? AXAS_PROT_WRITE : 0),
			       AXAS_TYPE_NORMAL, 1, shape == BORROWED);
	case ZERO:
		return npt.fmt->zero;
	default:
		return 0;
	}
}

static void any_table(unsigned int shape)
{
	unsigned int i, t;

	for (t = 0; t < TABLES; t++) {
		states[t] = NOBODYS;
		gathered[t].table = false;
		gathered[t].empty = false;
		for (i = 0; i < N; i++)
			tables[t][i] = 0;
	}
	states[0] = LINKED;
	next_table = 1 + N;
	npt.tables.counter = 1;
	npt.leaves[0].counter = 0;
	npt.leaves[1].counter = 0;
	for (i = 0; i < N; i++, shape /= SHAPES)
		root[i] = root_entry(shape % SHAPES, i);
}

static void birth(unsigned int shape)
{
	npt.fmt = &PT_FORMAT;
	npt.ops = &ops;
	npt.hal = &hal;
	npt.root = root;
	npt.root_hpa = axas_hpa(TABLE_HPA(0));
	npt.leaf_mask = PT_FORMAT.leaf_mask;
	npt.leaf_shift = PT_FORMAT.leaf_shift;
	npt.present = PT_FORMAT.present;
	npt.marked = true;
	npt.levels = 2;
	npt.root_bits = AXAS_NPT_LEVEL_BITS;
	npt.ia_bits = AXAS_FRAME_SHIFT + 2 * AXAS_NPT_LEVEL_BITS;
	npt.caps.oa_bits = PT_FORMAT.caps.oa_bits;
	npt.caps.leaf_levels = 3;
	npt.caps.flags = AXAS_CAP_EXEC_4K;
	any_table(shape);
	watched = nondet_u32() % PAGES * SMALL;
	was = look(watched);
	stale = false;
	gone = 0;
	puts = 0;
	flushes = 0;
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
	for (t = 0; t < TABLES; t++) {
		linked -= states[t] == LINKED;
		claim(states[t] == LINKED || states[t] == NOBODYS, "no table is lost");
	}
	claim(!linked, "every table is linked in one place");
	claim(!gone && !stale, "nothing is used that is gone");
}

static bool same(struct map a, struct map b)
{
	return a.kind == b.kind && (a.kind != AXAS_PT_LEAF ||
	       (a.level == b.level && a.hpa == b.hpa && a.prot == b.prot && a.type == b.type &&
		a.borrowed == b.borrowed));
}

static bool in_range(void)
{
	return watched >= first && watched <= last;
}

#if defined(OP_unmap)
#define FAILURES	0
#define PROTS		1
static void operation(void)
{
	struct axas_npt_gather gather;
	struct axas_npt_job job = { .gather = &gather, .begin = first, .first = first,
				    .last = last, .budget = NEVER };
	struct map now;

	job.owner = nondet_bool() ? &the_owner : NULL;
	gather_init(&gather);
	axas_npt_unmap(&npt, &job);
	claim(job.done, "unmap: all of it");
	if (gather.pending)
		flush(&npt, first, last, gather.tables);
	gather_free(&gather);
	now = look(watched);
	if (in_range()) {
		claim(now.kind == AXAS_PT_EMPTY, "unmap: what was there is gone");
		claim(puts == (job.owner && was.kind == AXAS_PT_LEAF && !was.borrowed),
		      "unmap: its frame was given back, once");
		claim(was.kind != AXAS_PT_LEAF || flushes, "unmap: and flushed");
	} else {
		claim(same(now, was) && !puts, "unmap: what lies outside stays");
	}
	reached("unmap");
}
#elif defined(OP_protect)
#define FAILURES	0
#define PROTS		2
static void operation(void)
{
	struct axas_npt_job job = { .begin = first, .first = first, .last = last,
				    .budget = NEVER, .prot = new_prot };
	bool splits = new_prot & AXAS_PROT_EXEC;
	struct map now;
	int err;

	err = axas_npt_get_spares(&npt, &npt.reserve, splits ? N : 0, false);
	claim(!err && job.budget, "protect: tables are reserved");
	axas_npt_protect(&npt, &job);
	axas_npt_put_spares(&npt, &npt.reserve);
	claim(job.done, "protect: all of it");
	now = look(watched);
	if (in_range() && was.kind == AXAS_PT_LEAF) {
		u32 prot = new_prot & ~(was.borrowed ? AXAS_PROT_WRITE : 0);

		claim(job.changed || was.prot == prot, "protect: a change is told");
		claim(!now.level || !splits, "protect: no large executable leaf");
		was.prot = prot;
		was.level = splits ? 0 : was.level;
	}
	claim(same(now, was), "protect: the protection, nothing else");
	claim(!puts && !gone, "protect: nothing is given back");
	/* The caller flushes narrowed leaves. */
	stale = false;
	reached("protect");
}
#elif defined(OP_split)
#define FAILURES	1
#define PROTS		1
static void operation(void)
{
	u64 tables = axas_npt_count_split_at(&npt, first);

	claim(tables <= 1, "split: one table at most");
	if (axas_npt_get_spares(&npt, &npt.reserve, tables, false)) {
		claim(fails_at != NEVER, "split: memory is there");
	} else {
		axas_npt_split_at(&npt, first);
		claim(!(first % LARGE) || PT(kind)(root[first / LARGE], 1) == AXAS_PT_TABLE ||
		      !root[first / LARGE], "split: nothing reaches across");
		claim(!npt.reserve.nr, "split: as many tables as were counted");
		if (was.kind == AXAS_PT_LEAF && first % LARGE && first / LARGE == watched / LARGE)
			was.level = 0;
	}
	axas_npt_put_spares(&npt, &npt.reserve);
	claim(same(look(watched), was) && !puts, "split: translations are the same");
	claim(!PT(break_before_make)() || !stale, "split: what was broken is flushed");
	stale = false;
	reached("split");
}
#elif defined(OP_collapse)
#define FAILURES	2
#define PROTS		1
static void operation(void)
{
	struct axas_npt_gather gather;
	struct axas_npt_job job = { .gather = &gather, .begin = first, .first = first,
				    .last = last, .budget = NEVER };
	u64 tables = axas_npt_tables(&npt);
	struct map now;

	gather_init(&gather);
	axas_npt_collapse(&npt, &job);
	claim(job.done || signal_at >= NEVER, "collapse: all of it, but for a signal");
	if (gather.pending)
		flush(&npt, first, last, gather.tables);
	claim(!gone, "collapse: no frame is given back");
	gather_free(&gather);
	now = look(watched);
	claim(now.level >= was.level, "collapse: no leaf is smaller");
	claim(now.level == was.level || (in_range() && was.kind == AXAS_PT_LEAF),
	      "collapse: in the range alone, of leaves alone");
	claim(!now.level || now.level == was.level || !(now.prot & AXAS_PROT_EXEC),
	      "collapse: no large executable leaf");
	was.level = now.level;
	claim(same(now, was) && !puts, "collapse: translations are the same");
	claim(job.nr == tables - axas_npt_tables(&npt), "collapse: what it did is told");
	claim(!job.nr || flushes, "collapse: and flushed");
	reached("collapse");
}
#elif defined(OP_map)
#define FAILURES	2
#define PROTS		2
static void operation(void)
{
	u32 type = nondet_u32() & 1 ? AXAS_TYPE_DEVICE : AXAS_TYPE_NORMAL;
	struct axas_npt_range range = { .first = first, .last = last, .hpa = NEW + first,
					.prot = new_prot, .type = type, .max_level = 1 };
	struct map now;
	int err;

	err = axas_npt_map(&npt, &range);
	now = look(watched);
	claim(!err || err == -ENOMEM || err == -EINTR || err == -EEXIST,
	      "map: it answers what it promises");
	claim(range.mapped <= last - first + 1 && !(range.mapped & (SMALL - 1)),
	      "map: no more than the range");
	claim(err || range.mapped == last - first + 1, "map: all of it, or an error");
	if (in_range() && watched - first < range.mapped) {
		claim(was.kind == AXAS_PT_EMPTY, "map: nothing is mapped over");
		claim(now.kind == AXAS_PT_LEAF && now.hpa == NEW + watched &&
		      now.prot == new_prot && now.type == type && !now.borrowed,
		      "map: what was asked for");
		claim(!now.level || !(now.prot & AXAS_PROT_EXEC), "map: no large executable leaf");
	} else {
		claim(same(now, was), "map: the rest stays");
	}
	claim(!puts && !flushes, "map: nothing is given back");
	reached("map");
}
#else
#error "which operation?"
#endif

/* Whether a leaf or marker reaches across a page: then no range begins or ends there. */
static bool reaches_across(unsigned int page)
{
#if defined(OP_unmap) || defined(OP_protect)
	unsigned int shape = SHAPE, i;

	for (i = 0; i < page / N; i++)
		shape /= SHAPES;
	return page % N && shape % SHAPES != EMPTY && shape % SHAPES != TABLE;
#else
	return false;
#endif
}

static void prove(unsigned int from, unsigned int to, unsigned int failure, unsigned int prot)
{
	static const u32 prots[] = { AXAS_PROT_READ | AXAS_PROT_WRITE,
				     AXAS_PROT_READ | AXAS_PROT_EXEC };

	first = from * SMALL;
	last = to * SMALL - 1;
	birth(SHAPE);
	new_prot = prots[prot];
	fails_at = failure == 1 ? 1 + N : NEVER;
	signal_at = failure == 2 ? 1 : NEVER + NEVER;
	operation();
	balance();
}

int main(void)
{
	static const u8 froms[] = { FROMS }, tos[] = { TOS };
	unsigned int from, to, failure, prot;

	for (from = 0; from < sizeof(froms); from++)
		for (to = 0; to < sizeof(tos); to++) {
			if (froms[from] >= tos[to] || reaches_across(froms[from]) ||
			    reaches_across(tos[to]))
				continue;
			for (prot = 0; prot < PROTS; prot++)
				prove(froms[from], tos[to], 0, prot);
			for (failure = 1; failure <= FAILURES; failure++)
				prove(froms[from], tos[to], failure, 0);
		}
	return 0;
}
