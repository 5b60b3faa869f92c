// SPDX-License-Identifier: GPL-2.0-only
/*
 * The monitor; see monitor.h. Locks: mock->lock is held for everything but monitor_watch()'s
 * allocation and monitor_leaf(), so that nothing here sleeps; the mock allocates the copies of
 * tables with their pages. Calls the mock, the oracle, and the inline functions of axas_npt.h.
 */
#include <linux/sizes.h>
#include <linux/slab.h>

#include "mock_hal.h"
#include "monitor.h"
#include "oracle_fixture.h"

/* Owed flushes that are tracked; if there are more the monitor stops checking flushes. */
#define MONITOR_OWED	16384u

enum owed_kind {
	OWED_LEAF,	/* a translation was removed or replaced */
	OWED_PROT,	/* a permission was removed */
	OWED_TABLE,	/* a cached walk may use an unlinked table */
};

/**
 * struct owed - an owed flush: translations that consumers may still cache
 * @first: first gpa
 * @last: last gpa
 * @hpa: address of the memory or the table
 * @bytes: size of the memory or the table
 * @kind: the reason
 * @who: the consumers that have not flushed yet
 * @leaves: the table still had leaves: the flush must cover its whole range
 */
struct owed {
	u64 first;
	u64 last;
	u64 hpa;
	u64 bytes;
	enum owed_kind kind;
	u8 who;
	bool leaves;
};

/**
 * struct monitor - one watched table
 * @node: in mock->monitors
 * @mock: the HAL of its pages
 * @npt: the table
 * @machine: the oracle's view of it
 * @consumers: bit mask of the consumers that must flush
 * @tables: its linked tables, struct mock_page
 * @blind: too many flushes were owed
 * @nr_owed: length of @owed
 * @owed: the owed flushes
 */
struct monitor {
	struct list_head node;
	struct mock_hal *mock;
	const struct axas_npt *npt;
	struct oracle_machine machine;
	u8 consumers;
	struct list_head tables;
	bool blind;
	unsigned int nr_owed;
	struct owed owed[MONITOR_OWED];
};

static bool needs_break(const struct monitor *mon)
{
	return mon->npt->fmt->id == AXAS_FORMAT_S2;
}

/* The fake format as axas_npt_fake.c has it: kind in 2:0, protection in 5:3, type in 7:6. */
static void decode_fake(u64 raw, struct leaf_entry *e)
{
	u32 prot = raw >> 3 & 7, type = raw >> 6 & 3;

	e->kind = !(raw & 7) ? AXAS_PT_EMPTY :
		  e->level && (raw & 7) == 1 + e->level ? AXAS_PT_TABLE : AXAS_PT_LEAF;
	e->bad = e->kind == AXAS_PT_LEAF && (raw & 7) != 1 + (e->level + 5) % 7;
	/* The last bits are software's. */
	e->hpa = (raw & ~GENMASK_ULL(63, 60)) >> (8 + 3 * e->level) << AXAS_FRAME_SHIFT;
	e->prot = e->level & 1 ? ~prot & 7 : prot;
	e->type = e->level & 1 ? 3 - type : type;
}

static void decode_by_oracle(const struct monitor *mon, u64 raw, struct leaf_entry *e)
{
	struct oracle_entry o = {};

	e->bad = oracle_entry(&mon->machine, e->level, raw, &o) || o.kind == ORACLE_BAD ||
		 (o.kind != ORACLE_EMPTY && o.res0);
	e->kind = o.kind == ORACLE_EMPTY ? AXAS_PT_EMPTY :
		  o.kind == ORACLE_TABLE ? AXAS_PT_TABLE : AXAS_PT_LEAF;
	e->hpa = o.hpa;
	e->prot = (o.r ? AXAS_PROT_READ : 0) | (o.w ? AXAS_PROT_WRITE : 0) |
		  (o.x ? AXAS_PROT_EXEC : 0);
	e->type = o.mem == ORACLE_WB ? AXAS_TYPE_NORMAL :
		  o.mem == ORACLE_NC ? AXAS_TYPE_UNCACHED : AXAS_TYPE_DEVICE;
}

static struct leaf_entry decode(const struct monitor *mon, u64 raw, unsigned int level)
{
	struct leaf_entry e = { .level = level, .raw = raw };

	if (!raw)
		return e;
	if (!mon->npt->fmt->id)
		decode_fake(raw, &e);
	else
		decode_by_oracle(mon, raw, &e);
	return e;
}

static struct mock_page *page_at(struct monitor *mon, u64 hpa)
{
	return xa_load(&mon->mock->pages, PHYS_PFN(hpa));
}

static u64 entry_gpa(const struct mock_page *table, unsigned int i)
{
	return table->gpa + ((u64)i << axas_npt_shift(table->level));
}

/* Add @sign to the entries, or stale entries, that map each page of a piece of memory. */
static void count_maps(struct monitor *mon, u64 hpa, u64 bytes, int sign, bool stale)
{
	struct mock_page *mp;
	unsigned int *count;
	u64 at;

	/* Memory is the mock's completely or not at all; not at all if larger than a frame. */
	if (!page_at(mon, hpa) || bytes > SZ_2M)
		return;
	for (at = hpa; at - hpa < bytes; at += AXAS_FRAME_SIZE) {
		mp = page_at(mon, at);
		count = !mp ? NULL : stale ? &mp->stale : &mp->maps;
		/* The counts of a page that was freed and reallocated start at 0 again. */
		if (count && (sign > 0 || *count))
			*count += sign;
	}
}

static void owe(struct monitor *mon, enum owed_kind kind, u64 gpa, u64 size, u64 hpa, u64 bytes,
		bool leaves)
{
	if (!mon->consumers || mon->blind)
		return;
	if (mon->nr_owed == MONITOR_OWED) {
		mon->blind = true;
		return;
	}
	mon->owed[mon->nr_owed++] = (struct owed){
		.first = gpa, .last = gpa + (size - 1), .hpa = hpa, .bytes = bytes,
		.kind = kind, .who = mon->consumers, .leaves = leaves,
	};
	count_maps(mon, hpa, bytes, 1, true);
}

/* Whether a consumer may still cache an old translation of [first, last]. */
static bool is_owed(const struct monitor *mon, u64 first, u64 last)
{
	unsigned int i;

	for (i = 0; i < mon->nr_owed; i++)
		if (mon->owed[i].kind != OWED_PROT && mon->owed[i].first <= last &&
		    mon->owed[i].last >= first)
			return true;
	return false;
}

static void pay(struct monitor *mon, const struct owed *o)
{
	count_maps(mon, o->hpa, o->bytes, -1, true);
}

static void pay_all(struct monitor *mon)
{
	while (mon->nr_owed)
		pay(mon, &mon->owed[--mon->nr_owed]);
}

static bool is_paid_by(const struct owed *o, u64 first, u64 last, bool tables)
{
	bool covers = first <= o->first && last >= o->last;

	if (o->kind != OWED_TABLE)
		return covers;
	/* A flush of any address below a table invalidates the cached walk. */
	return tables && (o->leaves ? covers : first <= o->last && last >= o->first);
}

static void change(struct monitor *mon, struct mock_page *table, unsigned int i, u64 raw);

static unsigned int nr_entries(const struct monitor *mon, const struct mock_page *table)
{
	if (table->level < mon->npt->levels - 1u || mon->npt->root_bits >= AXAS_NPT_LEVEL_BITS)
		return BIT(AXAS_NPT_LEVEL_BITS);
	return BIT(mon->npt->root_bits);
}

/* Fast check for the usual case. KCSAN must see the marked loads of look_at() instead. */
static bool is_as_before(const u64 *entries, const u64 *shadow)
{
	u64 diff = 0;
	unsigned int i;

	if (IS_ENABLED(CONFIG_KCSAN))
		return false;
#ifndef __KERNEL__
	return !memcmp(entries, shadow, PAGE_SIZE);
#endif
	/* memcmp() compares bytes on some architectures, User Mode Linux among them. */
	for (i = 0; i < PAGE_SIZE / sizeof(*entries); i++)
		diff |= entries[i] ^ shadow[i];
	return !diff;
}

/* Process the changes of a table since the last check. */
static void look_at(struct monitor *mon, struct mock_page *table)
{
	u64 *entries = page_address(table->page);
	unsigned int i, n = nr_entries(mon, table);
	u64 raw;

	if (is_as_before(entries, table->shadow))
		return;
	for (i = 0; i < n; i++) {
		raw = READ_ONCE(entries[i]);
		if (unlikely(raw != table->shadow[i]))
			change(mon, table, i, raw);
	}
}

static void look_at_all(struct monitor *mon)
{
	struct mock_page *table;
	LIST_HEAD(todo);

	/* A change may unlink any of them; new tables are checked as they are linked. */
	list_splice_init(&mon->tables, &todo);
	while (!list_empty(&todo)) {
		table = list_first_entry(&todo, struct mock_page, live);
		list_move_tail(&table->live, &mon->tables);
		look_at(mon, table);
	}
}

/* A page allocated without AXAS_FRAME_ZERO must be written completely before it is linked. */
static void check_content(struct monitor *mon, struct mock_page *mp, const char *what)
{
	const u64 *p = page_address(mp->page);
	unsigned int i;

	if (mp->flags & AXAS_FRAME_ZERO)
		return;
	for (i = 0; i < PAGE_SIZE / sizeof(*p); i++) {
		if (READ_ONCE(p[i]) != MOCK_POISON_ALLOC * 0x0101010101010101ull)
			continue;
		mock_error(mon->mock, "%s %#llx is linked with what was there before", what,
			   (u64)PFN_PHYS(mp->pfn));
		return;
	}
	/* Check once only. */
	mp->flags |= AXAS_FRAME_ZERO;
}

static void make_live(struct monitor *mon, struct mock_page *mp, u64 gpa, unsigned int level)
{
	mp->monitor = mon;
	mp->gpa = gpa;
	mp->level = level;
	mp->used = false;
	memset(mp->shadow, 0, PAGE_SIZE);
	list_add_tail(&mp->live, &mon->tables);
	check_content(mon, mp, "table");
	look_at(mon, mp);
}

static void link_table(struct monitor *mon, u64 hpa, u64 gpa, unsigned int level)
{
	struct mock_page *mp = page_at(mon, hpa);

	if (!mp || !mock_page_is_out(mp) || !(mp->flags & AXAS_FRAME_TABLE))
		mock_error(mon->mock, "at gpa %#llx an entry leads to %#llx, where no table is",
			   gpa, hpa);
	else if (mp->monitor)
		mock_error(mon->mock, "table %#llx is linked twice", hpa);
	else if (mp->shadow)
		make_live(mon, mp, gpa, level);
}

/* A table, and all tables below it, are unlinked. Whether it had any leaf. */
static bool unlink_table(struct monitor *mon, u64 hpa)
{
	struct mock_page *mp = page_at(mon, hpa);
	bool leaves = false;
	unsigned int i;

	if (!mp || mp->monitor != mon)
		return false;
	/* First process single entries that were removed before. */
	look_at(mon, mp);
	list_del(&mp->live);
	mp->monitor = NULL;
	for (i = 0; i < nr_entries(mon, mp); i++) {
		struct leaf_entry e = decode(mon, mp->shadow[i], mp->level);
		u64 size = axas_npt_leaf_size(mp->level);

		if (e.kind == AXAS_PT_TABLE) {
			leaves |= unlink_table(mon, e.hpa);
			owe(mon, OWED_TABLE, entry_gpa(mp, i), size, e.hpa, PAGE_SIZE, false);
		} else if (e.kind == AXAS_PT_LEAF) {
			leaves = true;
			count_maps(mon, e.hpa, size, -1, false);
			owe(mon, OWED_LEAF, entry_gpa(mp, i), size, e.hpa, size, true);
		}
	}
	return leaves;
}

static void link_leaf(struct monitor *mon, const struct leaf_entry *e, u64 gpa)
{
	u64 at, size = axas_npt_leaf_size(e->level);
	struct mock_page *mp;

	count_maps(mon, e->hpa, size, 1, false);
	if (!page_at(mon, e->hpa) || size > SZ_2M)
		return;
	for (at = e->hpa; at - e->hpa < size; at += AXAS_FRAME_SIZE) {
		mp = page_at(mon, at);
		if (!mp || !mock_page_is_out(mp) || mp->flags & AXAS_FRAME_TABLE) {
			mock_error(mon->mock, "gpa %#llx: a leaf leads to %#llx, where no frame is",
				   gpa, at);
			return;
		}
		check_content(mon, mp, "frame");
	}
}

/* Two leaves of the same memory with the same type: only permissions may differ. */
static bool is_same_memory(const struct leaf_entry *a, const struct leaf_entry *b)
{
	return a->kind == AXAS_PT_LEAF && b->kind == AXAS_PT_LEAF && a->hpa == b->hpa &&
	       a->type == b->type && !a->bad && !b->bad;
}

/* A table replaced a leaf: where they differ, a flush is owed. */
static void compare_split(struct monitor *mon, const struct leaf_entry *old, u64 gpa,
			  const struct mock_page *table)
{
	u64 size = axas_npt_leaf_size(table->level);
	struct leaf_entry piece = *old;
	unsigned int i;

	for (i = 0; i < BIT(AXAS_NPT_LEVEL_BITS); i++, gpa += size, piece.hpa += size) {
		struct leaf_entry e = decode(mon, table->shadow[i], table->level);
		struct mock_page *below = e.kind == AXAS_PT_TABLE ? page_at(mon, e.hpa) : NULL;

		if (below && below->monitor == mon)
			compare_split(mon, &piece, gpa, below);
		else if (!is_same_memory(&piece, &e))
			owe(mon, OWED_LEAF, gpa, size, piece.hpa, size, true);
		else if (piece.prot & ~e.prot)
			owe(mon, OWED_PROT, gpa, size, piece.hpa, size, true);
	}
}

static void check_break(struct monitor *mon, const struct leaf_entry *old,
			const struct leaf_entry *new, u64 gpa)
{
	u64 last = gpa + (axas_npt_leaf_size(new->level) - 1);

	if (!needs_break(mon) || new->kind == AXAS_PT_EMPTY || !mon->consumers ||
	    is_same_memory(old, new))
		return;
	if (old->kind != AXAS_PT_EMPTY)
		mock_error(mon->mock, "at gpa %#llx a live entry %#llx becomes %#llx in one step",
			   gpa, old->raw, new->raw);
	else if (is_owed(mon, gpa, last))
		mock_error(mon->mock, "at gpa %#llx entry %#llx is made before the flush", gpa,
			   new->raw);
}

static void leave_old(struct monitor *mon, const struct leaf_entry *old,
		      const struct leaf_entry *new, u64 gpa)
{
	u64 size = axas_npt_leaf_size(old->level);
	bool leaves;

	if (old->kind == AXAS_PT_TABLE) {
		leaves = unlink_table(mon, old->hpa);
		owe(mon, OWED_TABLE, gpa, size, old->hpa, PAGE_SIZE, leaves);
	} else if (old->kind == AXAS_PT_LEAF) {
		count_maps(mon, old->hpa, size, -1, false);
		if (is_same_memory(old, new) && old->prot & ~new->prot)
			owe(mon, OWED_PROT, gpa, size, old->hpa, size, true);
		else if (!is_same_memory(old, new) && new->kind != AXAS_PT_TABLE)
			owe(mon, OWED_LEAF, gpa, size, old->hpa, size, true);
	}
}

/* Process a changed entry. */
static void change(struct monitor *mon, struct mock_page *table, unsigned int i, u64 raw)
{
	struct leaf_entry old = decode(mon, table->shadow[i], table->level);
	struct leaf_entry new = decode(mon, raw, table->level);
	u64 gpa = entry_gpa(table, i);

	table->shadow[i] = raw;
	table->used = true;
	if (new.bad)
		mock_error(mon->mock, "at gpa %#llx hardware refuses the entry %#llx", gpa, raw);
	if (new.bad || old.bad)
		return;
	check_break(mon, &old, &new, gpa);
	leave_old(mon, &old, &new, gpa);
	if (new.kind == AXAS_PT_LEAF)
		link_leaf(mon, &new, gpa);
	if (new.kind != AXAS_PT_TABLE)
		return;
	link_table(mon, new.hpa, gpa, table->level - 1);
	if (old.kind == AXAS_PT_LEAF && page_at(mon, new.hpa) &&
	    page_at(mon, new.hpa)->monitor == mon)
		compare_split(mon, &old, gpa, page_at(mon, new.hpa));
}

/* @linked: the table is known, so that no page of the root has just got its first entry for it. */
static void look_at_root(struct monitor *mon, bool linked)
{
	struct mock_page *root;
	unsigned int i;

	for (i = 0; i < BIT(mon->npt->root_order); i++) {
		root = page_at(mon, mon->npt->root_hpa.val + i * PAGE_SIZE);
		if (root && root->monitor == mon && (root->used || !linked))
			look_at(mon, root);
	}
}

/*
 * The core does not access a root through the HAL, so check it here too: it may have linked the
 * table since. A root may have many pages, most of them without entries.
 */
void monitor_reached(struct mock_hal *mock, struct mock_page *mp)
{
	struct monitor *mon;

	lockdep_assert_held(&mock->lock);
	if (mock->nobody_changes || !(mp->flags & AXAS_FRAME_TABLE))
		return;
	list_for_each_entry(mon, &mock->monitors, node)
		if (!mp->monitor || mp->monitor == mon)
			look_at_root(mon, mp->monitor);
	if (mp->monitor)
		look_at(mp->monitor, mp);
}

void monitor_freed(struct mock_hal *mock, struct mock_page *mp)
{
	const char *what = mp->flags & AXAS_FRAME_TABLE ? "table" : "frame";
	struct monitor *mon;

	lockdep_assert_held(&mock->lock);
	/* Process entries that were cleared since the last check. */
	if (mp->maps || mp->monitor)
		list_for_each_entry(mon, &mock->monitors, node)
			look_at_all(mon);
	if (mp->monitor) {
		mock_error(mock, "table %#llx is given back while it is linked",
			   (u64)PFN_PHYS(mp->pfn));
		unlink_table(mp->monitor, PFN_PHYS(mp->pfn));
	} else if (mp->maps) {
		mock_error(mock, "frame %#llx is given back while a leaf maps it",
			   (u64)PFN_PHYS(mp->pfn));
	} else if (mp->stale) {
		mock_error(mock, "%s %#llx is given back before the flush", what,
			   (u64)PFN_PHYS(mp->pfn));
	}
}

struct monitor *monitor_watch(struct mock_hal *mock, const struct axas_npt *npt)
{
	struct monitor *mon = kvzalloc(sizeof(*mon), GFP_KERNEL);
	struct mock_page *mp;
	unsigned int i;

	if (!mon)
		return NULL;
	mon->mock = mock;
	mon->npt = npt;
	mon->machine = oracle_machine_of(npt);
	/* All bits that the format encodes: tests of entries exceed the mock's addresses. */
	mon->machine.oa_bits = npt->fmt->caps.oa_bits;
	INIT_LIST_HEAD(&mon->tables);
	raw_spin_lock(&mock->lock);
	list_add(&mon->node, &mock->monitors);
	for (i = 0; i < BIT(npt->root_order); i++) {
		mp = page_at(mon, npt->root_hpa.val + i * PAGE_SIZE);
		if (mp && mp->shadow)
			make_live(mon, mp, (u64)i << (AXAS_NPT_LEVEL_BITS +
					   axas_npt_shift(npt->levels - 1)), npt->levels - 1);
	}
	raw_spin_unlock(&mock->lock);
	return mon;
}

void monitor_expect_flushed(struct monitor *mon)
{
	const struct owed *o;

	if (!mon)
		return;
	o = mon->owed;
	raw_spin_lock(&mon->mock->lock);
	look_at_all(mon);
	if (mon->nr_owed)
		mock_error(mon->mock, "at gpa %#llx to %#llx a flush is missing (%s)", o->first,
			   o->last, o->kind == OWED_TABLE ? "of a table" :
			   o->kind == OWED_PROT ? "of a permission" : "of a leaf");
	raw_spin_unlock(&mon->mock->lock);
}

void monitor_forget(struct monitor *mon)
{
	struct mock_page *mp;
	struct mock_hal *mock;

	if (!mon)
		return;
	mock = mon->mock;
	raw_spin_lock(&mock->lock);
	pay_all(mon);
	mon->consumers = 0;
	while (!list_empty(&mon->tables)) {
		mp = list_first_entry(&mon->tables, struct mock_page, live);
		unlink_table(mon, PFN_PHYS(mp->pfn));
	}
	list_del(&mon->node);
	raw_spin_unlock(&mock->lock);
	kvfree(mon);
}

unsigned int monitor_add_consumer(struct monitor *mon)
{
	unsigned int nr;

	raw_spin_lock(&mon->mock->lock);
	for (nr = 0; nr < MONITOR_CONSUMERS - 1 && mon->consumers & BIT(nr); nr++)
		;
	look_at_all(mon);
	mon->consumers |= BIT(nr);
	raw_spin_unlock(&mon->mock->lock);
	return nr;
}

/* The consumers @who flushed [first, last], and cached walks if @tables. */
static void settle(struct monitor *mon, u8 who, u64 first, u64 last, bool tables)
{
	unsigned int i, n = 0;

	for (i = 0; i < mon->nr_owed; i++) {
		struct owed *o = &mon->owed[i];

		if (is_paid_by(o, first, last, tables))
			o->who &= ~who;
		if (o->who)
			mon->owed[n++] = *o;
		else
			pay(mon, o);
	}
	mon->nr_owed = n;
}

void monitor_remove_consumer(struct monitor *mon, unsigned int nr)
{
	raw_spin_lock(&mon->mock->lock);
	mon->consumers &= ~BIT(nr);
	settle(mon, BIT(nr), 0, ~0ull, true);
	raw_spin_unlock(&mon->mock->lock);
}

void monitor_flush(struct monitor *mon, unsigned int nr, u64 first, u64 last, bool tables)
{
	if (!mon)
		return;
	raw_spin_lock(&mon->mock->lock);
	look_at_all(mon);
	settle(mon, BIT(nr), first, last, tables);
	raw_spin_unlock(&mon->mock->lock);
}

bool monitor_leaf(struct monitor *mon, u64 gpa, struct leaf_entry *leaf)
{
	unsigned int level = mon->npt->levels - 1;
	u64 hpa = mon->npt->root_hpa.val;
	u64 index = gpa >> axas_npt_shift(level);

	for (;; level--) {
		u64 *ptep = mock_hal_peek(mon->mock, hpa + index * sizeof(u64));

		if (!ptep)
			return false;
		*leaf = decode(mon, READ_ONCE(*ptep), level);
		if (leaf->kind != AXAS_PT_TABLE)
			return leaf->kind == AXAS_PT_LEAF && !leaf->bad;
		hpa = leaf->hpa;
		index = gpa >> axas_npt_shift(level - 1) & (BIT(AXAS_NPT_LEVEL_BITS) - 1);
	}
}
