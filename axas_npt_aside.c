// SPDX-License-Identifier: GPL-2.0-only
/*
 * The part of a nested page table that is aside, and the state of pages in the dirty log: see
 * axas_npt_aside.h. It does not depend on the encoding of entries, except for the bits of a leaf
 * in struct axas_npt. Calls axas_npt.c and the table's format. Locks: axas_npt.h.
 */
#include <linux/bitmap.h>
#include <linux/minmax.h>
#include <linux/sched.h>

#include "axas_compat.h"
#include "axas_npt_aside.h"

static unsigned int index_of(const struct axas_npt *npt, u64 gpa, unsigned int level)
{
	u64 index = gpa >> axas_npt_shift(level);

	return level == npt->levels - 1 ? index : index & (BIT(AXAS_NPT_LEVEL_BITS) - 1);
}

/* Last byte that the entry of @gpa at @level covers, at most @last. */
static u64 entry_last(u64 gpa, u64 last, unsigned int level)
{
	return min(last, gpa | (axas_npt_leaf_size(level) - 1));
}

static enum axas_pt_kind kind_of(const struct axas_npt *npt, u64 entry, unsigned int level)
{
	return entry ? npt->fmt->kind(entry, level) : AXAS_PT_EMPTY;
}

enum axas_pt_kind axas_npt_look_aside(const struct axas_npt *npt, u64 gpa,
				      struct axas_npt_pos *pos)
{
	u64 *table = READ_ONCE(npt->aside);
	enum axas_pt_kind kind;

	*pos = (struct axas_npt_pos){ .level = npt->levels };
	if (!table || gpa > axas_npt_last(npt))
		return AXAS_PT_EMPTY;
	for (;;) {
		pos->ptep = &table[index_of(npt, gpa, --pos->level)];
		/* If it is EMPTY now, its region is linked. Pairs with axas_npt_take_back(). */
		pos->entry = smp_load_acquire(pos->ptep);
		kind = kind_of(npt, pos->entry, pos->level);
		if (kind != AXAS_PT_TABLE || pos->level == 1)
			return kind;
		table = npt->fmt->child(npt, pos->entry, pos->level);
	}
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_look_aside);

void axas_npt_take_back(struct axas_npt *npt, struct axas_npt_pos *claim, u64 entry,
			struct axas_npt_pos *pos)
{
	bool linked = !entry || axas_npt_make(npt, pos->ptep, pos->level, &pos->entry, entry);

	WARN_ON_ONCE(!linked);
	pos->entry = entry;
	/* The region is linked before it is gone here. Pairs with axas_npt_look_aside(). */
	smp_store_release(claim->ptep, linked ? 0 : entry);
}

bool axas_npt_next_aside(const struct axas_npt *npt, u64 *gpa)
{
	struct axas_npt_pos pos;

	while (axas_npt_look_aside(npt, *gpa, &pos) == AXAS_PT_EMPTY) {
		if (!pos.ptep)
			return false;
		*gpa |= axas_npt_leaf_size(pos.level) - 1;
		if (*gpa >= axas_npt_last(npt))
			return false;
		++*gpa;
	}
	return true;
}

/*
 * Tables on the way to one end of a range, whose first byte beyond is @at: one for each entry that
 * the end is inside of. Level 0 tables are moved, not made.
 */
static unsigned int tables_to(const struct axas_npt *npt, u64 at)
{
	unsigned int level, tables = 0;

	for (level = 2; level < npt->levels; level++)
		tables += !!(at & (axas_npt_leaf_size(level) - 1));
	return tables;
}

int axas_npt_reserve_aside(struct axas_npt *npt, struct axas_npt_spares *spares, u64 first,
			   u64 last)
{
	struct axas_hpa hpa;
	u64 *root;

	if (!npt->aside) {
		root = axas_npt_alloc_root(npt, &hpa);
		if (!root)
			return -ENOMEM;
		npt->aside_hpa = hpa;
		/* Readers follow it at once, and find it empty. */
		smp_store_release(&npt->aside, root);
	}
	return axas_npt_get_spares(npt, spares, tables_to(npt, first) + tables_to(npt, last + 1),
				   true);
}

/* Forbid writes by a leaf that hardware may walk. Accessed and dirty bits may change meanwhile. */
static bool narrow(struct axas_npt *npt, u64 *ptep, unsigned int level)
{
	u64 entry = READ_ONCE(*ptep), leaf;
	u32 prot;

	if (kind_of(npt, entry, level) != AXAS_PT_LEAF)
		return false;
	prot = npt->fmt->decode(entry, level).prot & ~AXAS_PROT_WRITE;
	leaf = npt->fmt->with_prot(entry, prot, level) & ~npt->fmt->zero;
	if (leaf == entry)
		return false;
	axas_npt_adjust(npt, ptep, level, entry, entry ^ leaf);
	return true;
}

/* The bytes up to @last are done. */
static void advance(struct axas_npt_job *job, u64 last)
{
	job->done = last == job->last;
	if (!job->done)
		job->first = last + 1;
}

/* Move what one entry at @from has to @to, which is NULL at level 0. False: out of budget. */
typedef bool move_entry_fn(struct axas_npt *npt, struct axas_npt_move *move, u64 *from, u64 *to,
			   unsigned int level, u64 last);

/* Call @entry for the entries of one table that are not empty. False: out of budget. */
static bool move_table(struct axas_npt *npt, struct axas_npt_move *move, u64 *from, u64 *to,
		       unsigned int level, move_entry_fn *entry)
{
	struct axas_npt_job *job = &move->job;
	u64 end = level == npt->levels - 1 ? job->last :
					     entry_last(job->first, job->last, level + 1);
	unsigned int i = index_of(npt, job->first, level), n = index_of(npt, end, level) + 1;
	u64 size = axas_npt_leaf_size(level), last;
	/* The first byte of entry 0. */
	u64 base = (job->first & ~(size - 1)) - i * size;

	for (; i < n; i++) {
		if (!job->budget)
			return false;
		job->budget--;
		if (!READ_ONCE(from[i]))
			i += axas_npt_run_of(&from[i], n - i, true);
		if (i == n)
			break;
		job->first = max(job->first, base + i * size);
		last = entry_last(job->first, job->last, level);
		if (!entry(npt, move, &from[i], to ? &to[i] : NULL, level, last))
			return false;
		advance(job, last);
	}
	advance(job, end);
	return true;
}

static bool put_entry(struct axas_npt *npt, struct axas_npt_move *move, u64 *from, u64 *to,
		      unsigned int level, u64 last)
{
	bool whole = last - move->job.first == axas_npt_leaf_size(level) - 1;
	u64 entry = READ_ONCE(*from), hpa, *child;
	enum axas_pt_kind kind = kind_of(npt, entry, level);

	if (kind < AXAS_PT_TABLE) {
		/* What was discarded before. */
		if (kind == AXAS_PT_ZERO && whole)
			axas_npt_break(npt, from, level, move->zeroes ? npt->fmt->clean : 0);
		return true;
	}
	if (level && whole && !*to) {
		*to = axas_npt_break(npt, from, level, 0);
		return true;
	}
	if (kind == AXAS_PT_LEAF) {
		narrow(npt, from, level);
		return true;
	}
	child = npt->fmt->child(npt, entry, level);
	if (level == 1)
		return move_table(npt, move, child, NULL, 0, put_entry);
	if (!*to && !WARN_ON_ONCE(!axas_npt_take_spare(npt, move->spares, &hpa)))
		*to = npt->fmt->table(hpa, level);
	return !*to || move_table(npt, move, child, npt->fmt->child(npt, *to, level), level - 1,
				  put_entry);
}

void axas_npt_put_aside(struct axas_npt *npt, struct axas_npt_move *move)
{
	move_table(npt, move, npt->root, npt->aside, npt->levels - 1, put_entry);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_put_aside);

/*
 * Of two tables, that of @from is empty in the end, and is collected. Where there is a ZERO marker,
 * or no table (@to is NULL), all was taken back before it was discarded: no leaves are left.
 */
static bool end_entry(struct axas_npt *npt, struct axas_npt_move *move, u64 *from, u64 *to,
		      unsigned int level, u64 last)
{
	u64 entry = *from, old = to ? READ_ONCE(*to) : 0, *child, *into = NULL;

	if (to && !old) {
		axas_npt_make(npt, to, level, &old, entry);
		WRITE_ONCE(*from, 0);
		return true;
	}
	if (WARN_ON_ONCE(level == 1))
		return true;
	if (to && kind_of(npt, old, level) == AXAS_PT_TABLE)
		into = npt->fmt->child(npt, old, level);
	child = npt->fmt->child(npt, entry, level);
	if (!move_table(npt, move, child, into, level - 1, end_entry))
		return false;
	WRITE_ONCE(*from, 0);
	/* Not zeroed: it is freed next. */
	axas_npt_keep_spare(npt, move->spares, child, false);
	return true;
}

void axas_npt_end_aside(struct axas_npt *npt, struct axas_npt_move *move)
{
	if (move_table(npt, move, npt->aside, npt->root, npt->levels - 1, end_entry))
		WRITE_ONCE(npt->aside, NULL);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_end_aside);

void axas_npt_begin_log(const struct axas_npt *npt, u64 *ptep, unsigned int n, bool write,
			bool zeroes)
{
	u64 zero = npt->fmt->zero, clean = zeroes ? npt->fmt->clean : 0;
	u64 borrowed = npt->fmt->borrowed, keep = ~(npt->write | npt->fmt->zero);
	u64 *end = ptep + n;

	/* Other entries than leaves are EMPTY or ZERO. */
	if (!write && !zeroes) {
		/* Who translates meanwhile forbids writes itself. */
#pragma GCC unroll 8
		for (; ptep < end; ptep++)
			/* A word is not torn. */
			data_race(*ptep &= keep);
		return;
	}
	for (; ptep < end; ptep++) {
		u64 entry = *ptep == zero ? clean : *ptep & keep;

		if (write && axas_npt_is_leaf(npt, entry) && !(entry & borrowed))
			entry |= npt->write;
		WRITE_ONCE(*ptep, entry);
	}
}

/* Leaves that are tested together, by halves: mostly none was written. */
#define HALF		4
#define TOGETHER	(2 * HALF)

/* Set the bits of some level 0 leaves. Return whether there are any. */
static __always_inline bool get_some(const u64 *ptep, unsigned int n, u64 mask, unsigned long bit,
				     unsigned long *bitmap)
{
	bool found = false;
	unsigned int i;

#pragma GCC unroll 8
	for (i = 0; i < n; i++) {
		if (!(READ_ONCE(ptep[i]) & mask))
			continue;
		__set_bit(bit + i, bitmap);
		found = true;
	}
	return found;
}

/* Bits that one of HALF entries has. */
static __always_inline u64 any_of(const u64 *ptep)
{
	u64 any = 0;
	unsigned int i;

#pragma GCC unroll 4
	for (i = 0; i < HALF; i++)
		/* A hint: what matters is read again. Faults set bits meanwhile. */
		any |= data_race(ptep[i]);
	return any;
}

/* The same of any number, from @ptep on: a loop with few variables. */
static noinline bool get_leaves(const u64 *ptep, unsigned int n, u64 mask, unsigned long bit,
				unsigned long *bitmap)
{
	const u64 *end = ptep + round_down(n, TOGETHER);
	bool found = false;

	for (; ptep < end; ptep += TOGETHER, bit += TOGETHER) {
		u64 low = any_of(ptep), high = any_of(ptep + HALF);

		if (likely(!((low | high) & mask)))
			continue;
		if (low & mask)
			found |= get_some(ptep, HALF, mask, bit, bitmap);
		if (high & mask)
			found |= get_some(ptep + HALF, HALF, mask, bit + HALF, bitmap);
	}
	return get_some(ptep, n % TOGETHER, mask, bit, bitmap) || found;
}

/**
 * struct written - a search for pages that were written
 * @npt: the table
 * @base: address of bit 0
 * @bitmap: out
 * @found: out: a bit was set
 */
struct written {
	const struct axas_npt *npt;
	u64 base;
	unsigned long *bitmap;
	bool found;
};

static void get_table(struct written *w, const u64 *table, unsigned int level, u64 first,
		      u64 last);

/* Whether the pages of an entry above level 0 that points to no table were written. */
static bool is_written(const struct axas_npt *npt, u64 entry, unsigned int level)
{
	switch (kind_of(npt, entry, level)) {
	case AXAS_PT_LEAF:
		return npt->fmt->decode(entry, level).prot & AXAS_PROT_WRITE ||
		       entry & npt->fmt->zero;
	case AXAS_PT_ZERO:
		return entry != npt->fmt->clean;
	default:
		return false;
	}
}

static void get_entry(struct written *w, u64 entry, unsigned int level, u64 first, u64 last)
{
	unsigned long bit = (first - w->base) >> AXAS_FRAME_SHIFT;
	unsigned int n = (last >> AXAS_FRAME_SHIFT) - (first >> AXAS_FRAME_SHIFT) + 1;
	const struct axas_npt *npt = w->npt;
	u64 *child = npt->fmt->below(npt, entry, level);

	if (likely(child && level == 1)) {
		w->found |= get_leaves(axas_npt_ptep(child, first), n, npt->write | npt->fmt->zero,
				       bit, w->bitmap);
	} else if (child) {
		get_table(w, child, level - 1, first, last);
	} else if (is_written(npt, entry, level)) {
		bitmap_set(w->bitmap, bit, n);
		w->found = true;
	}
}

static void get_table(struct written *w, const u64 *table, unsigned int level, u64 first,
		      u64 last)
{
	unsigned int i = index_of(w->npt, first, level), end = index_of(w->npt, last, level);
	u64 size = axas_npt_leaf_size(level), entry;

	for (; i <= end; i++, first = (first & ~(size - 1)) + size) {
		entry = READ_ONCE(table[i]);
		if (!entry)
			continue;
		get_entry(w, entry, level, first, entry_last(first, last, level));
		if (level > 1)
			cond_resched();
	}
}

bool axas_npt_get_written(const struct axas_npt *npt, u64 first, u64 last, u64 base,
			  unsigned long *bitmap)
{
	struct written written = { npt, base, bitmap, false };

	get_table(&written, npt->root, npt->levels - 1, first, last);
	return written.found;
}

/* The next entry of a table above level 0, and of those below it, that is not EMPTY. */
static bool next_touched(const struct axas_npt *npt, const u64 *table, unsigned int level,
			 u64 *gpa, u64 last)
{
	unsigned int i = index_of(npt, *gpa, level), end = index_of(npt, last, level);
	u64 size = axas_npt_leaf_size(level);

	for (; i <= end; i++) {
		unsigned int empty = axas_npt_run_of(&table[i], end - i + 1, true);
		u64 entry, at;

		if (empty > end - i)
			return false;
		i += empty;
		if (empty)
			*gpa = (*gpa & ~(size - 1)) + empty * size;
		entry = READ_ONCE(table[i]);
		/* A search below that finds nothing may leave *@gpa in the next entry. */
		at = *gpa & ~(size - 1);
		if (level == 1 || kind_of(npt, entry, level) != AXAS_PT_TABLE ||
		    next_touched(npt, npt->fmt->child(npt, entry, level), level - 1, gpa,
				 entry_last(*gpa, last, level)))
			return true;
		*gpa = at + size;
	}
	return false;
}

bool axas_npt_next_touched(const struct axas_npt *npt, u64 *gpa, u64 last)
{
	return next_touched(npt, npt->root, npt->levels - 1, gpa, last);
}

/* What pages cost that are @dear, in entries: by page, and by run of pages. */
#define DEAR_PAGE	2
#define DEAR_RUN	64

/* What the pages of a word of the bitmap cost if they are @dear, besides one entry for each. */
static noinline unsigned int dear_cost(const struct axas_npt_clear *clear, unsigned long word)
{
	unsigned int pages = (DEAR_PAGE - 1) * hweight_long(word);

	return clear->bitmap ? pages + DEAR_RUN * hweight_long(word & ~(word << 1)) : pages;
}

/* Charge @n entries, besides the one that clear_table() charges. */
static void charge(struct axas_npt_clear *clear, unsigned int n)
{
	clear->job.budget -= min(clear->job.budget, n);
}

/* Clear an entry that does not permit writes: a WRITTEN leaf, or a ZERO marker. */
static noinline __cold void clear_zero(const struct axas_npt_clear *clear, struct axas_npt *npt,
				       u64 *ptep, u64 entry)
{
	u64 zero = entry & npt->fmt->zero;

	if (zero && axas_npt_is_leaf(npt, entry))
		axas_npt_adjust(npt, ptep, 0, entry, zero);
	else if (zero)
		axas_npt_break(npt, ptep, 0, clear->zeroes ? npt->fmt->clean : 0);
}

/*
 * Clear the entries from @ptep on that @word, not 0, names. Return how many. Only leaves permit
 * writes; @mask: that, and WRITTEN.
 */
static __always_inline unsigned int clear_word(struct axas_npt_clear *clear, struct axas_npt *npt,
					       u64 *ptep, unsigned long word, u64 mask)
{
	unsigned int n = 0;

	do {
		u64 *p = &ptep[__ffs(word)], entry = READ_ONCE(*p);

		n++;
		if (unlikely(!(entry & npt->write))) {
			if (entry & mask)
				clear_zero(clear, npt, p, entry);
			continue;
		}
		axas_npt_adjust(npt, p, 0, entry, entry & mask);
		clear->job.changed = true;
	} while (word &= word - 1);
	return n;
}

/* Clear all entries of a table whose first page has bit 0 of @words. */
static noinline void clear_all(struct axas_npt_clear *clear, struct axas_npt *npt, u64 *table,
			       const unsigned long *words)
{
	const u64 mask = npt->write | npt->fmt->zero;
	unsigned int i, spent = BIT(AXAS_NPT_LEVEL_BITS) / BITS_PER_LONG;

	/* clang does not unroll this one, and warns. */
#ifndef __clang__
#pragma GCC unroll 8
#endif
	for (i = 0; i < BIT(AXAS_NPT_LEVEL_BITS) / BITS_PER_LONG; i++)
		if (words[i])
			spent += clear_word(clear, npt, &table[i * BITS_PER_LONG], words[i], mask);
	charge(clear, spent);
}

/* Clear @n entries from @ptep on, the first one of page @bit; without a bitmap: all. */
static noinline void clear_part(struct axas_npt_clear *clear, struct axas_npt *npt, u64 *ptep,
				unsigned int n, unsigned long bit)
{
	unsigned long end = bit + n, at = round_down(bit, BITS_PER_LONG), word;
	const u64 mask = npt->write | npt->fmt->zero;
	unsigned int spent = n / BITS_PER_LONG;

	for (ptep -= bit - at; at < end; at += BITS_PER_LONG, ptep += BITS_PER_LONG) {
		word = clear->bitmap ? clear->bitmap[at / BITS_PER_LONG] : ~0ul;
		if (at < bit)
			word &= BITMAP_FIRST_WORD_MASK(bit);
		if (end - at < BITS_PER_LONG)
			word &= BITMAP_LAST_WORD_MASK(end);
		if (!word)
			continue;
		spent += clear_word(clear, npt, ptep, word, mask);
		if (clear->dear)
			spent += dear_cost(clear, word);
	}
	charge(clear, spent);
}

/* Clear @n level 0 entries from @ptep on, the first one of page @bit. */
static void clear_leaves(struct axas_npt_clear *clear, struct axas_npt *npt, u64 *ptep,
			 unsigned int n, unsigned long bit)
{
	if (likely(n == BIT(AXAS_NPT_LEVEL_BITS) && clear->bitmap && !(bit % BITS_PER_LONG) &&
		   !clear->dear))
		clear_all(clear, npt, ptep, clear->bitmap + bit / BITS_PER_LONG);
	else
		clear_part(clear, npt, ptep, n, bit);
}

/* Clear an entry above level 0, if all of its pages are given. */
static void clear_large(struct axas_npt_clear *clear, struct axas_npt *npt, u64 *ptep,
			unsigned int level, u64 last, unsigned long bit)
{
	unsigned long n = (last - clear->job.first + 1) >> AXAS_FRAME_SHIFT;

	if (last - clear->job.first != axas_npt_leaf_size(level) - 1 ||
	    (clear->bitmap && find_next_zero_bit(clear->bitmap, bit + n, bit) < bit + n))
		return;
	if (clear->dear)
		charge(clear, DEAR_RUN + DEAR_PAGE * BIT(AXAS_NPT_LEVEL_BITS));
	if (kind_of(npt, READ_ONCE(*ptep), level) != AXAS_PT_ZERO)
		clear->job.changed |= narrow(npt, ptep, level);
	else
		axas_npt_break(npt, ptep, level, clear->zeroes ? npt->fmt->clean : 0);
}

static bool clear_table(struct axas_npt_clear *clear, struct axas_npt *npt, u64 *table,
			unsigned int level);

/* Clear what one entry above level 0 has, up to @last. Return false if the piece ended early. */
static __always_inline bool clear_entry(struct axas_npt_clear *clear, struct axas_npt *npt,
					u64 *ptep, unsigned int level, u64 last)
{
	unsigned long bit = (clear->job.first - clear->base) >> AXAS_FRAME_SHIFT;
	unsigned int n = ((last - clear->job.first) >> AXAS_FRAME_SHIFT) + 1;
	u64 entry = READ_ONCE(*ptep), *child;

	if (!entry)
		return true;
	child = npt->fmt->below(npt, entry, level);
	if (child && level > 1)
		return clear_table(clear, npt, child, level - 1);
	if (likely(child))
		clear_leaves(clear, npt, axas_npt_ptep(child, clear->job.first), n, bit);
	else
		clear_large(clear, npt, ptep, level, last, bit);
	return true;
}

/* Clear from job->first to the end of table or range. Return false if the piece ended early. */
static __always_inline bool clear_entries(struct axas_npt_clear *clear, struct axas_npt *npt,
					  u64 *table, unsigned int level)
{
	u64 *ptep = &table[index_of(npt, clear->job.first, level)], last, above;
	struct axas_npt_job *job = &clear->job;

	above = level == npt->levels - 1 ? job->last : entry_last(job->first, job->last, level + 1);
	do {
		if (!job->budget)
			return false;
		job->budget--;
		last = entry_last(job->first, above, level);
		if (!clear_entry(clear, npt, ptep++, level, last))
			return false;
		job->done = last == job->last;
		job->first = job->done ? job->first : last + 1;
	} while (last != above);
	return true;
}

/* At level 1 most of the time is spent: a loop of its own. */
static bool clear_table(struct axas_npt_clear *clear, struct axas_npt *npt, u64 *table,
			unsigned int level)
{
	return level == 1 ? clear_entries(clear, npt, table, 1) :
			    clear_entries(clear, npt, table, level);
}

void axas_npt_clear_written(struct axas_npt *npt, struct axas_npt_job *job)
{
	struct axas_npt_clear *clear = container_of(job, struct axas_npt_clear, job);

	job->changed = clear->closed;
	clear_table(clear, npt, npt->root, npt->levels - 1);
}

void axas_npt_set_written(struct axas_npt *npt, u64 gpa, bool write)
{
	struct axas_npt_cursor cursor;
	struct axas_npt_pos pos;
	u64 leaf;
	u32 prot;

	axas_npt_walk(npt, &cursor, gpa, &pos);
	if (axas_npt_kind(npt, &pos) != AXAS_PT_LEAF ||
	    axas_npt_is_borrowed(npt, pos.entry, pos.level))
		return;
	prot = npt->fmt->decode(pos.entry, pos.level).prot;
	if (prot & AXAS_PROT_WRITE)
		return;
	leaf = pos.entry | npt->fmt->zero;
	if (write)
		leaf = npt->fmt->with_prot(pos.entry, prot | AXAS_PROT_WRITE, pos.level);
	axas_npt_adjust(npt, pos.ptep, pos.level, pos.entry, pos.entry ^ leaf);
}
