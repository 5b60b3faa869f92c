// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested page tables: code that does not depend on the encoding of entries. Creation of tables,
 * table pages, spares, counts, lookup, dumps. Calls axas_frame.c, axas_hal.c and the table's
 * format. Locks: axas_npt.h.
 */
#include <linux/build_bug.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <axas/frame.h>

#include "axas_compat.h"
#include "axas_npt.h"

/* collect_owned() overwrites entries with addresses. */
static_assert(sizeof(struct axas_hpa) == sizeof(u64));

DEFINE_STATIC_KEY_FALSE(axas_npt_watched);
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_watched);
const struct axas_npt_watch *axas_npt_watch;
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_watch);

void axas_npt_tell(struct axas_npt *npt, u64 *ptep, unsigned int level, u64 old, u64 new)
{
	axas_npt_watch->changed(npt, ptep, level, old, new);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_tell);

DEFINE_STATIC_KEY_FALSE(axas_npt_shared_shards);
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_shared_shards);

static void count_tables(struct axas_npt *npt, long n)
{
	atomic_long_add(n, &npt->tables);
}

/* Allocate pages for tables; fail if their address is too wide for entries or the root register. */
static int alloc_table_frame(struct axas_npt *npt, struct axas_frame *frame,
			     unsigned int order, u32 flags)
{
	int err = axas_frame_alloc_order(frame, npt->hal, order, flags | AXAS_FRAME_TABLE);

	if (err || !(frame->hpa.val >> npt->caps.oa_bits))
		return err;
	axas_frame_free(frame);
	return -ENOMEM;
}

static u64 *alloc_table(struct axas_npt *npt, u64 *hpa, u32 flags)
{
	struct axas_frame frame;
	u64 *table;

	if (alloc_table_frame(npt, &frame, 0, flags))
		return NULL;
	table = axas_frame_ptr(&frame);
	*hpa = axas_frame_take(&frame).val;
	count_tables(npt, 1);
	return table;
}

u64 *axas_npt_alloc_table(struct axas_npt *npt, u64 *hpa)
{
	return alloc_table(npt, hpa, AXAS_FRAME_ZERO);
}

u64 *axas_npt_alloc_table_unset(struct axas_npt *npt, u64 *hpa)
{
	return alloc_table(npt, hpa, 0);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_alloc_table_unset);

void axas_npt_free_table(struct axas_npt *npt, u64 hpa)
{
	npt->hal->free_frame(npt->hal, axas_hpa(hpa), 0, AXAS_FRAME_TABLE);
	count_tables(npt, -1);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_free_table);

static void count_leaves(struct axas_npt *npt, unsigned int level, long n)
{
	atomic_long_add(n, &npt->leaves[level]);
}

void axas_npt_count_split(struct axas_npt *npt, unsigned int level)
{
	count_leaves(npt, level, -1);
	count_leaves(npt, level - 1, BIT(AXAS_NPT_LEVEL_BITS));
}

void axas_npt_keep_spare(struct axas_npt *npt, struct axas_npt_spares *spares, u64 *table,
			 bool dirty)
{
	if (dirty)
		memset(table, 0, AXAS_FRAME_SIZE);
	*table = (u64)(unsigned long)spares->first;
	spares->first = table;
	spares->nr++;
	atomic_long_inc(&npt->loose);
}

void axas_npt_put_spares(struct axas_npt *npt, struct axas_npt_spares *spares)
{
	u64 hpa;

	while (axas_npt_take_spare(npt, spares, &hpa))
		axas_npt_free_table(npt, hpa);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_put_spares);

int axas_npt_get_spares(struct axas_npt *npt, struct axas_npt_spares *spares, u64 nr,
			bool killable)
{
	u64 *table;
	u64 hpa;

	while (spares->nr < nr) {
		if (killable && fatal_signal_pending(current))
			return -EINTR;
		table = axas_npt_alloc_table(npt, &hpa);
		if (!table)
			return -ENOMEM;
		axas_npt_keep_spare(npt, spares, table, false);
		cond_resched();
	}
	return 0;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_get_spares);

u64 *axas_npt_take_spare(struct axas_npt *npt, struct axas_npt_spares *spares, u64 *hpa)
{
	u64 *table = spares->first;

	if (!table)
		return NULL;
	spares->first = (u64 *)(unsigned long)*table;
	spares->nr--;
	*table = 0;
	atomic_long_dec(&npt->loose);
	*hpa = axas_hal_pa(npt->hal, table).val;
	return table;
}

bool axas_npt_lookup(const struct axas_npt *npt, u64 gpa, struct axas_leaf *leaf)
{
	struct axas_npt_cursor cursor;
	struct axas_npt_pos pos;

	axas_npt_walk(npt, &cursor, gpa, &pos);
	leaf->level = pos.level;
	if (!pos.ptep || axas_npt_kind(npt, &pos) != AXAS_PT_LEAF)
		return false;
	*leaf = npt->fmt->decode(pos.entry, pos.level);
	return true;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_lookup);

/* All that is linked below the root moves, too. With the bar no table is about to be linked. */
static long move_counts(struct axas_npt *npt, struct axas_npt *to)
{
	long tables = atomic_long_read(&npt->tables) - (1l << npt->root_order) -
		      atomic_long_read(&npt->loose);
	long made = 0, n;
	unsigned int i;

	atomic_long_sub(tables, &npt->tables);
	atomic_long_add(tables, &to->tables);
	for (i = 0; i < npt->levels; i++)
		atomic_long_add(atomic_long_xchg(&npt->leaves[i], 0), &to->leaves[i]);
	for (i = 0; i < AXAS_NPT_SHARDS; i++) {
		/* No section runs, so no fault counts. */
		n = atomic_long_xchg(&npt->shards[i].made, 0);
		atomic_long_add(n, &to->shards[i].made);
		made += n;
	}
	return made;
}

/* The first entry of a root, from @i on, that is not empty; beyond its end if there is none. */
static unsigned int next_of_root(const struct axas_npt *npt, const u64 *root, unsigned int i)
{
	return i + axas_npt_run_of(&root[i], (1u << npt->root_bits) - i, true);
}

unsigned int axas_npt_hide(struct axas_npt *npt, struct axas_npt_hidden *hidden)
{
	unsigned int i, n = 1u << npt->root_bits, nr = 0;

	for (i = next_of_root(npt, npt->root, 0); i < n; i = next_of_root(npt, npt->root, i + 1)) {
		hidden[nr].ptep = &npt->root[i];
		hidden[nr++].entry = axas_npt_break(npt, &npt->root[i], npt->levels - 1, 0);
	}
	return nr;
}

void axas_npt_show(struct axas_npt *npt, const struct axas_npt_hidden *hidden, unsigned int nr)
{
	u64 empty;

	for (; nr; nr--, hidden++) {
		empty = 0;
		axas_npt_make(npt, hidden->ptep, npt->levels - 1, &empty, hidden->entry);
	}
}

struct axas_hpa axas_npt_remove(struct axas_npt *npt, u64 *ptep)
{
	count_leaves(npt, 0, -1);
	return axas_npt_leaf_hpa(npt, axas_npt_break(npt, ptep, 0, 0));
}

void axas_npt_exchange(struct axas_npt *npt, u64 *ptep, struct axas_npt *other, u64 *to)
{
	long more = axas_npt_is_leaf(npt, *to) - axas_npt_is_leaf(npt, *ptep);

	swap(*ptep, *to);
	count_leaves(npt, 0, more);
	count_leaves(other, 0, -more);
}

bool axas_npt_is_held(const struct axas_npt *npt, u64 leaf)
{
	struct page *page;

	if (!npt->hal->frame_page)
		return false;
	page = npt->hal->frame_page(npt->hal, axas_npt_leaf_hpa(npt, leaf));
	return page && page_count(page) > 1;
}

long axas_npt_move(struct axas_npt *npt, struct axas_npt *to)
{
	unsigned int i, n = 1u << npt->root_bits, level = npt->levels - 1;
	u64 empty;

	for (i = next_of_root(npt, npt->root, 0); i < n; i = next_of_root(npt, npt->root, i + 1)) {
		empty = 0;
		axas_npt_make(to, &to->root[i], level, &empty,
			      axas_npt_break(npt, &npt->root[i], level, 0));
	}
	WRITE_ONCE(to->marked, npt->marked);
	return move_counts(npt, to);
}

void axas_npt_resolve(const struct axas_npt *npt, const struct axas_npt_pos *pos, u64 gpa,
		      struct axas_translation *to)
{
	struct axas_leaf leaf = npt->fmt->decode(pos->entry, pos->level);
	u64 mask = axas_npt_leaf_size(pos->level) - 1;

	/* A host write must set the dirty bit first, by a fault. */
	if (axas_npt_is_clean(npt, pos->entry, pos->level, AXAS_PROT_WRITE))
		leaf.prot &= ~AXAS_PROT_WRITE;
	*to = (struct axas_translation){
		.hpa = axas_hpa_offset(leaf.hpa, gpa & mask),
		.left = mask + 1 - (gpa & mask),
		.prot = leaf.prot, .type = leaf.type, .level = leaf.level,
	};
}

bool axas_npt_install(struct axas_npt *npt, struct axas_npt_pos *pos, u64 leaf)
{
	if (!axas_npt_make(npt, pos->ptep, pos->level, &pos->entry, leaf))
		return false;
	count_leaves(npt, pos->level, 1);
	return true;
}

bool axas_npt_link(struct axas_npt *npt, struct axas_npt_pos *pos, u64 gpa, u64 *table, u64 hpa,
		   unsigned int leaves)
{
	if (!axas_npt_make(npt, pos->ptep, pos->level, &pos->entry,
			   npt->fmt->table(hpa, pos->level)))
		return false;
	count_leaves(npt, 0, leaves);
	pos->ptep = axas_npt_ptep(table, gpa);
	pos->entry = READ_ONCE(*pos->ptep);
	pos->level = 0;
	return true;
}

int axas_npt_map_leaf(struct axas_npt *npt, u64 gpa, u64 hpa, u32 prot, u32 type,
		      unsigned int level)
{
	u64 leaf = npt->fmt->leaf(npt, hpa, prot, type, level);
	struct axas_npt_spares spares = {};
	struct axas_npt_cursor cursor;
	struct axas_npt_pos pos;
	int err;

	axas_npt_walk(npt, &cursor, gpa, &pos);
	while ((err = axas_npt_reach(npt, &spares, gpa, level, &pos)) == -EAGAIN) {
		err = axas_npt_get_spares(npt, &spares, pos.level - level, false);
		if (err)
			break;
	}
	axas_npt_put_spares(npt, &spares);
	if (err)
		return err;
	if (pos.level != level || axas_npt_kind(npt, &pos) >= AXAS_PT_BUSY ||
	    !axas_npt_install(npt, &pos, leaf))
		return -EEXIST;
	return 0;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_map_leaf);

unsigned int axas_npt_fill(struct axas_npt *npt, u64 *ptep, struct axas_hpa *hpas,
			   unsigned int n, u64 attr)
{
	u8 shift = npt->leaf_shift;
	unsigned int lost = 0;
	unsigned long i;
	u64 empty;

	if (likely(axas_npt_is_plain(npt))) {
		for (i = 0; i < n; i++) {
			empty = 0;
			if (unlikely(!try_cmpxchg(&ptep[i], &empty, hpas[i].val >> shift | attr)))
				hpas[lost++] = hpas[i];
		}
		goto count;
	}
	for (i = 0; i < n; i++) {
		empty = 0;
		if (!axas_npt_make(npt, &ptep[i], 0, &empty, hpas[i].val >> shift | attr))
			hpas[lost++] = hpas[i];
	}
count:
	count_leaves(npt, 0, n - lost);
	return lost;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_fill);

static long count_in_table(const struct axas_npt *npt, const u64 *table)
{
	const u64 *end = table + BIT(AXAS_NPT_LEVEL_BITS);
	u64 present = npt->present;
	long leaves = 0;

	if (likely(!READ_ONCE(npt->marked)))
		for (; table < end; table++)
			leaves += !!*table;
	for (; table < end; table++)
		leaves += !!(*table & present);
	return leaves;
}

/*
 * Overwrite a table with the addresses of the frames that its leaves own; an owned frame is never
 * at address 0. Return the number of leaves.
 */
static long collect_owned(const struct axas_npt *npt, u64 *table, unsigned int *owned)
{
	u64 borrowed = READ_ONCE(npt->marked) ? npt->fmt->borrowed : 0, mask = npt->leaf_mask;
	struct axas_hpa *hpas = (struct axas_hpa *)table, *next = hpas;
	const u64 *end = table + BIT(AXAS_NPT_LEVEL_BITS);
	u8 shift = npt->leaf_shift;
	long others = 0;

	for (; table < end; table++) {
		u64 leaf = *table, bits = leaf & mask;

		if (!bits)
			continue;
		if (unlikely(leaf & borrowed)) {
			others++;
			continue;
		}
		*next++ = axas_hpa(bits << shift);
	}
	*owned = next - hpas;
	return *owned + others;
}

void axas_npt_free_leaves(struct axas_npt *npt, u64 *table, const void *owner)
{
	unsigned int owned;
	long leaves;

	if (!owner) {
		leaves = count_in_table(npt, table);
	} else {
		leaves = collect_owned(npt, table, &owned);
		if (owned)
			npt->ops->put_frames(npt, owner, (struct axas_hpa *)table, owned, 0);
	}
	count_leaves(npt, 0, -leaves);
}

/* Entries tested per iteration; tables in proofs have fewer. */
#define EMPTY_STEP	(AXAS_NPT_LEVEL_BITS < 4 ? 1u << AXAS_NPT_LEVEL_BITS : 16u)

unsigned int axas_npt_run_of(const u64 *ptep, unsigned int max, bool empty)
{
	const u64 *end = ptep + max, *p = ptep;
	unsigned int i;
	u64 any;

	/* Mostly all entries are empty. */
	for (; empty && end - p >= EMPTY_STEP; p += EMPTY_STEP) {
		any = 0;
#pragma GCC unroll 16
		for (i = 0; i < EMPTY_STEP; i++)
			/* Plain: half as many instructions, and what is found is read again. */
			any |= data_race(p[i]);
		if (any)
			break;
	}
	while (p < end && !READ_ONCE(*p) == empty)
		p++;
	return p - ptep;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_run_of);

bool axas_npt_is_empty(const u64 *table)
{
	const u64 *end = table + BIT(AXAS_NPT_LEVEL_BITS);
	unsigned int i;
	u64 any;

	/*
	 * A table in use mostly ends the loop early; an empty one is read to its end. Plain loads:
	 * nothing fills the table concurrently, and hardware sets bits in present entries only.
	 */
	for (; table < end; table += EMPTY_STEP) {
		any = 0;
#pragma GCC unroll 16
		for (i = 0; i < EMPTY_STEP; i++)
			any |= table[i];
		if (any)
			return false;
	}
	return true;
}

bool axas_npt_is_all(const u64 *table, u64 entry)
{
	unsigned int i;

	for (i = 0; i < BIT(AXAS_NPT_LEVEL_BITS) && table[i] == entry; i++)
		;
	return i == BIT(AXAS_NPT_LEVEL_BITS);
}

/* A leaf that is being replaced (BUSY) is a leaf again soon, or a table: then fewer are needed. */
u64 axas_npt_count_split_at(const struct axas_npt *npt, u64 gpa)
{
	struct axas_npt_cursor cursor;
	struct axas_npt_pos pos;
	u64 tables = 0;

	axas_npt_walk(npt, &cursor, gpa, &pos);
	if (!pos.ptep || axas_npt_kind(npt, &pos) == AXAS_PT_EMPTY)
		return 0;
	for (; gpa & (axas_npt_leaf_size(pos.level) - 1); pos.level--)
		tables++;
	return tables;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_count_split_at);

/* Tables to split a leaf at @level to level 0: one, and those of its 512 leaves below. */
static u64 tables_of_leaf(unsigned int level)
{
	u64 tables = 0;

	while (level--)
		tables = (tables << AXAS_NPT_LEVEL_BITS) + 1;
	return tables;
}

int axas_npt_count_split_all(const struct axas_npt *npt, u64 first, u64 last, u64 *tables)
{
	struct axas_leaf leaf;
	u64 entry;

	*tables = 0;
	while (axas_npt_next_leaf(npt, &first, &leaf, &entry) && first <= last) {
		*tables += tables_of_leaf(leaf.level);
		first |= axas_npt_leaf_size(leaf.level) - 1;
		if (first++ >= last)
			break;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_count_split_all);

long axas_npt_tables(const struct axas_npt *npt)
{
	return atomic_long_read(&npt->tables);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_tables);

long axas_npt_made(const struct axas_npt *npt)
{
	unsigned int i;
	long sum = 0;

	for (i = 0; i < AXAS_NPT_SHARDS; i++)
		sum += atomic_long_read(&npt->shards[i].made);
	return sum;
}

long axas_npt_leaves(const struct axas_npt *npt, unsigned int level)
{
	long leaves = atomic_long_read(&npt->leaves[level]);

	return level ? leaves : leaves + axas_npt_made(npt);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_leaves);

static bool run_goes_on(const struct axas_npt_run *run, u64 gpa, const struct axas_leaf *leaf,
			bool borrowed)
{
	return gpa == run->last + 1 && leaf->level == run->leaf.level &&
	       leaf->prot == run->leaf.prot && leaf->type == run->leaf.type &&
	       borrowed == run->borrowed;
}

bool axas_npt_next_run(const struct axas_npt *npt, u64 gpa, bool single,
		       struct axas_npt_run *run)
{
	struct axas_leaf leaf;
	unsigned int n;
	u64 entry;

	if (!axas_npt_next_leaf(npt, &gpa, &run->leaf, &run->entry))
		return false;
	run->first = gpa;
	run->last = gpa + axas_npt_leaf_size(run->leaf.level) - 1;
	run->borrowed = axas_npt_is_borrowed(npt, run->entry, run->leaf.level);
	for (n = 1; !single && n < AXAS_NPT_RUN_LEAVES && run->last != axas_npt_last(npt); n++) {
		gpa = run->last + 1;
		if (!axas_npt_next_leaf(npt, &gpa, &leaf, &entry) ||
		    !run_goes_on(run, gpa, &leaf,
				 axas_npt_is_borrowed(npt, entry, leaf.level)))
			break;
		run->last += axas_npt_leaf_size(leaf.level);
		cond_resched();
	}
	return true;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_next_run);

static const char *leaf_size_name(unsigned int level)
{
	static const char * const names[] = { "4K", "2M", "1G", "512G", "256T" };

	return level < ARRAY_SIZE(names) ? names[level] : "?";
}

static const char *type_name(u32 type)
{
	static const char * const names[] = { "normal", "device", "uncached" };

	return type < ARRAY_SIZE(names) ? names[type] : "?";
}

void axas_npt_dump(struct seq_file *m, const struct axas_npt_run *run)
{
	const struct axas_leaf *leaf = &run->leaf;

	seq_printf(m, "0x%016llx-0x%016llx %12lluK %4s %c%c%c %s%s\n", run->first, run->last,
		   ((run->last - run->first) >> 10) + 1, leaf_size_name(leaf->level),
		   leaf->prot & AXAS_PROT_READ ? 'r' : '-',
		   leaf->prot & AXAS_PROT_WRITE ? 'w' : '-',
		   leaf->prot & AXAS_PROT_EXEC ? 'x' : '-', type_name(leaf->type),
		   run->borrowed ? " borrowed" : "");
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_dump);

void axas_npt_dump_raw(struct seq_file *m, const struct axas_npt_run *run)
{
	seq_printf(m, "0x%016llx %u 0x%016llx 0x%016llx\n", run->first, run->leaf.level,
		   run->leaf.hpa.val, run->entry);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_dump_raw);

/* Hardware requires that a root of several pages is aligned to its size. */
u64 *axas_npt_alloc_root(struct axas_npt *npt, struct axas_hpa *hpa)
{
	struct axas_frame frame;
	u64 *root;

	if (alloc_table_frame(npt, &frame, npt->root_order, AXAS_FRAME_ZERO))
		return NULL;
	root = axas_frame_ptr(&frame);
	*hpa = axas_frame_take(&frame);
	count_tables(npt, 1 << npt->root_order);
	return root;
}

void axas_npt_free_root(struct axas_npt *npt, struct axas_hpa hpa)
{
	npt->hal->free_frame(npt->hal, hpa, npt->root_order, AXAS_FRAME_TABLE);
	count_tables(npt, -(1 << npt->root_order));
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_free_root);

/* A machine may support less than the format, but not more; its leaf levels have no gaps. */
static bool caps_ok(const struct axas_npt_fmt *fmt, const struct axas_npt_caps *caps)
{
	return (caps->leaf_levels & BIT(0)) && !(caps->leaf_levels & ~fmt->leaf_levels) &&
	       !(caps->leaf_levels & (caps->leaf_levels + 1)) &&
	       caps->oa_bits > AXAS_FRAME_SHIFT && caps->oa_bits <= fmt->caps.oa_bits;
}

/* Default ia_bits: those of the fewest levels that the machine supports. */
static unsigned int usual_ia_bits(const struct axas_npt_fmt *fmt,
				  const struct axas_npt_caps *caps)
{
	if (caps->levels & BIT(__ffs(fmt->caps.levels)))
		return min_t(u32, fmt->usual_ia_bits, caps->max_ia_bits);
	return caps->max_ia_bits;
}

/* Set levels and root for npt->ia_bits; -EOPNOTSUPP if the machine does not support them. */
static int set_geometry(struct axas_npt *npt)
{
	int err = -EOPNOTSUPP;

	if (npt->ia_bits <= npt->caps.max_ia_bits)
		err = npt->fmt->geometry(npt);
	if (!err && !(npt->caps.levels & BIT(npt->levels)))
		err = -EOPNOTSUPP;
	return err;
}

static void init_needs(struct axas_npt *npt)
{
	const u32 read = AXAS_PROT_READ, write = AXAS_PROT_WRITE;
	u32 access;

	npt->write = axas_npt_leaf_attr(npt, read | write, AXAS_TYPE_NORMAL) ^
		     axas_npt_leaf_attr(npt, read, AXAS_TYPE_NORMAL);

	/* No entry permits an empty access: entry & 0 is never 1. */
	npt->need[0] = (struct axas_npt_need){ .value = 1 };
	for (access = 1; access <= AXAS_PROT_MASK; access++)
		npt->need[access] = npt->fmt->need(access);
}

void axas_npt_need_dirty(struct axas_npt *npt)
{
	u32 access;

	npt->dirty = npt->fmt->dirty;
	npt->leaf_fixed |= npt->dirty;
	for (access = 1; access <= AXAS_PROT_MASK; access++) {
		if (access & AXAS_PROT_WRITE) {
			npt->need[access].mask |= npt->dirty;
			npt->need[access].value |= npt->dirty;
		}
	}
}

/* Take from the format what the machine leaves open. */
static void complete_caps(struct axas_npt *npt)
{
	npt->caps.max_ia_bits = npt->caps.max_ia_bits ?: npt->fmt->max_ia_bits;
	npt->caps.levels = npt->caps.levels ?: npt->fmt->caps.levels;
}

u64 axas_npt_ia_widths(const struct axas_npt_fmt *fmt, const struct axas_npt_caps *caps)
{
	struct axas_npt npt = { .fmt = fmt, .caps = *caps };
	u64 widths = 0;

	complete_caps(&npt);
	for (npt.ia_bits = fmt->min_ia_bits; npt.ia_bits <= min_t(int, fmt->max_ia_bits, 63);
	     npt.ia_bits++)
		if (!set_geometry(&npt))
			widths |= BIT_ULL(npt.ia_bits);
	return widths;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_ia_widths);

int axas_npt_init(struct axas_npt *npt, const struct axas_npt_fmt *fmt,
		  const struct axas_npt_ops *ops, const struct axas_hal *hal,
		  unsigned int ia_bits, const struct axas_npt_caps *caps)
{
	int err;

	*npt = (struct axas_npt){
		.fmt = fmt, .ops = ops, .hal = hal,
		.leaf_mask = fmt->leaf_mask, .leaf_shift = fmt->leaf_shift,
		.leaf_fixed = ~(fmt->leaf_mask | fmt->hw_bits), .present = fmt->present,
		.caps = *caps,
	};
	complete_caps(npt);
	ia_bits = ia_bits ?: usual_ia_bits(fmt, &npt->caps);
	if (!caps_ok(fmt, &npt->caps))
		return -EINVAL;
	if (ia_bits < fmt->min_ia_bits || ia_bits > fmt->max_ia_bits)
		return -EOPNOTSUPP;
	npt->ia_bits = ia_bits;
	npt->caps.oa_bits = min(npt->caps.oa_bits, axas_hal_phys_bits(hal));
	err = set_geometry(npt);
	if (err)
		return err;
	npt->caps.leaf_levels &= BIT(npt->levels) - 1;
	init_needs(npt);
	npt->root_order = max_t(int, npt->root_bits - AXAS_NPT_LEVEL_BITS, 0);
	npt->root = axas_npt_alloc_root(npt, &npt->root_hpa);
	return npt->root ? 0 : -ENOMEM;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_init);

int axas_npt_init_like(struct axas_npt *npt, const struct axas_npt *other)
{
	npt->fmt = other->fmt;
	npt->ops = other->ops;
	npt->hal = other->hal;
	memcpy(npt->need, other->need, sizeof(npt->need));
	npt->leaf_mask = other->leaf_mask;
	npt->present = other->present;
	npt->leaf_fixed = other->leaf_fixed;
	npt->write = other->write;
	/* @need and @leaf_fixed say the same. */
	npt->dirty = other->dirty;
	npt->leaf_shift = other->leaf_shift;
	npt->ia_bits = other->ia_bits;
	npt->levels = other->levels;
	npt->root_bits = other->root_bits;
	npt->root_order = other->root_order;
	npt->caps = other->caps;
	npt->root = axas_npt_alloc_root(npt, &npt->root_hpa);
	return npt->root ? 0 : -ENOMEM;
}

/*
 * Most flags permit more encodings: the machine must have all flags of the table. EXEC_4K forbids
 * encodings: the table must have the machine's. S2_FWB changes the encoding of memory types
 * (Arm DDI 0487, D8.6.6): both must have it or neither.
 */
static bool flags_within(u32 flags, u32 machine)
{
	if ((flags ^ machine) & AXAS_CAP_S2_FWB)
		return false;
	return !(machine & ~flags & AXAS_CAP_EXEC_4K) &&
	       !(flags & ~machine & ~AXAS_CAP_EXEC_4K);
}

bool axas_npt_within(const struct axas_npt *npt, const struct axas_npt_caps *machine)
{
	const struct axas_npt_caps *caps = &npt->caps;

	return npt->ia_bits <= machine->max_ia_bits && (machine->levels & BIT(npt->levels)) &&
	       caps->oa_bits <= machine->oa_bits &&
	       !(caps->leaf_levels & ~machine->leaf_levels) &&
	       flags_within(caps->flags, machine->flags);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_within);
