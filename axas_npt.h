/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Nested page tables: what the rooms above may ask of them, and what a format
 * must bring. A table holds leaves and knows no area and no backend.
 *
 * The algorithm is written once, in axas_npt_algo.h, and compiled once for each
 * format, which includes it (see there). Whatever does not depend on the entries'
 * encoding is in axas_npt.c. Calls the frame room and the HAL.
 *
 * Levels: 0 is the level of 4 KiB leaves, 1 of 2 MiB, 2 of 1 GiB, on every format.
 * Ranges inside this room are inclusive, [first, last], so that the last byte of
 * 64 bits can be said.
 *
 * Locks: "shared" functions may run beside each other; "exclusive" ones beside
 * nothing. The caller's space->lock sees to it.
 */
#ifndef _AXAS_NPT_H
#define _AXAS_NPT_H

#include <linux/atomic.h>
#include <linux/percpu.h>
#include <axas/hal.h>
#include <uapi/axas/axas.h>

/* A proof of the algorithm takes tables of 4 entries. */
#ifndef AXAS_NPT_LEVEL_BITS
#define AXAS_NPT_LEVEL_BITS	9
#endif
#define AXAS_NPT_MAX_LEVELS	5

/* What an entry is. */
enum axas_pt_kind {
	AXAS_PT_EMPTY,
	AXAS_PT_TABLE,
	AXAS_PT_LEAF,
};

/**
 * struct axas_npt_caps - the machine that a table is for
 * @flags: AXAS_CAP_*
 * @leaf_levels: bit n: leaves may be at level n
 * @oa_bits: bits of host-physical address
 * @max_ia_bits: most bits of guest-physical address; 0: as many as the format has
 * @levels: bit n: it walks tables of n levels; 0: whatever the format has
 */
struct axas_npt_caps {
	u32 flags;
	u32 leaf_levels;
	u32 oa_bits;
	u32 max_ia_bits;
	u32 levels;
};

/**
 * struct axas_npt_stats - one CPU's share of a table's counters
 * @tables: 4 KiB pages of tables
 * @leaves: leaves at each level
 *
 * A share may be negative: what one CPU added another may take away.
 */
struct axas_npt_stats {
	long tables;
	long leaves[AXAS_NPT_MAX_LEVELS];
};

struct axas_npt;
struct axas_npt_gather;

/**
 * struct axas_npt_cursor - the table of level 0 that a walk came to last
 * @region: the 2 MiB that it maps: their address >> 21; AXAS_NPT_NO_REGION: none
 * @table: the table
 *
 * Whoever keeps one forgets it before tables are freed.
 */
struct axas_npt_cursor {
	u64 region;
	u64 *table;
};

#define AXAS_NPT_NO_REGION	(~0ull)

/**
 * struct axas_leaf - a leaf, decoded
 * @hpa: where the memory that it maps begins
 * @level: where it is
 * @prot: AXAS_PROT_*
 * @type: AXAS_TYPE_*
 */
struct axas_leaf {
	struct axas_hpa hpa;
	u32 level;
	u32 prot;
	u32 type;
};

/**
 * struct axas_npt_range - what axas_npt_map() maps
 * @first: first guest-physical byte
 * @last: last guest-physical byte
 * @hpa: the host-physical address of @first
 * @prot: AXAS_PROT_*
 * @type: AXAS_TYPE_*
 * @max_level: leaves are at this level at most
 * @mapped: out: bytes from @first on that have leaves now
 */
struct axas_npt_range {
	u64 first;
	u64 last;
	u64 hpa;
	u32 prot;
	u32 type;
	u32 max_level;
	u64 mapped;
};

/**
 * struct axas_npt_fmt - a format, and the algorithm compiled for it
 * @name: as users write it
 * @id: AXAS_FORMAT_*; 0 for the fake one
 * @min_ia_bits: fewest bits of guest-physical address
 * @max_ia_bits: most
 * @usual_ia_bits: when nobody asks for a number
 * @leaf_levels: bit n: the format has leaves at level n
 * @flags: the AXAS_CAP_* that a machine of this format may have
 * @leaf_mask: the bits of a leaf at level 0 that are its address
 * @leaf_shift: how far they are from where they are in the address, to the right
 * @caps: what every machine that walks it has
 * @geometry: sets npt->levels and npt->root_bits from npt->ia_bits, and where both do
 *	from npt->caps.levels, or answers -EOPNOTSUPP
 * @can: whether a leaf can say this protection and type
 * @leaf_attr: all of a leaf at level 0 but its address
 * @map: alone in its range; see axas_npt_map()
 * @map_leaf: shared; see axas_npt_map_leaf()
 * @lookup: shared; see axas_npt_lookup()
 * @translate: shared; see axas_npt_translate()
 * @table: shared; see axas_npt_table()
 * @split_at: exclusive; see axas_npt_split_at()
 * @unmap: exclusive; see axas_npt_unmap()
 * @protect: exclusive; see axas_npt_protect()
 * @split_all: exclusive; see axas_npt_split_all()
 * @collapse: exclusive; see axas_npt_collapse()
 * @next_leaf: shared; see axas_npt_next_leaf()
 * @free_table: frees a detached table at @level, all below it and the leaves' frames
 */
struct axas_npt_fmt {
	const char *name;
	u32 id;
	u8 min_ia_bits;
	u8 max_ia_bits;
	u8 usual_ia_bits;
	u32 leaf_levels;
	u32 flags;
	u64 leaf_mask;
	u8 leaf_shift;
	struct axas_npt_caps caps;
	int (*geometry)(struct axas_npt *npt);
	bool (*can)(const struct axas_npt *npt, u32 prot, u32 type);
	u64 (*leaf_attr)(const struct axas_npt *npt, u32 prot, u32 type);
	int (*map)(struct axas_npt *npt, struct axas_npt_range *range);
	int (*map_leaf)(struct axas_npt *npt, u64 gpa, u64 hpa, u32 prot, u32 type,
			unsigned int level);
	bool (*lookup)(const struct axas_npt *npt, u64 gpa, struct axas_leaf *leaf);
	bool (*translate)(const struct axas_npt *npt, struct axas_npt_cursor *cursor, u64 gpa,
			  struct axas_translation *to);
	u64 *(*table)(struct axas_npt *npt, u64 gpa);
	void (*split_at)(struct axas_npt *npt, u64 gpa);
	void (*unmap)(struct axas_npt *npt, u64 first, u64 last, bool owned,
		      struct axas_npt_gather *gather);
	bool (*protect)(struct axas_npt *npt, u64 first, u64 last, u32 prot);
	void (*split_all)(struct axas_npt *npt, u64 first, u64 last);
	u64 (*collapse)(struct axas_npt *npt, u64 first, u64 last,
			struct axas_npt_gather *gather);
	bool (*next_leaf)(const struct axas_npt *npt, u64 *gpa, struct axas_leaf *leaf,
			  u64 *entry);
	void (*free_table)(struct axas_npt_gather *gather, u64 table, unsigned int level,
			   bool owned);
};

extern const struct axas_npt_fmt axas_npt_ept;
extern const struct axas_npt_fmt axas_npt_svm;
extern const struct axas_npt_fmt axas_npt_s2;
extern const struct axas_npt_fmt axas_npt_gstage;
extern const struct axas_npt_fmt axas_npt_fake;

/**
 * struct axas_npt_ops - what a table asks of its owner
 * @flush: no CPU may use a translation of [first, last] any more when it returns;
 *	@tables: nor a cached walk
 * @put_leaves: the frames of @n owned leaves at @level are not mapped any more
 */
struct axas_npt_ops {
	void (*flush)(struct axas_npt *npt, u64 first, u64 last, bool tables);
	void (*put_leaves)(struct axas_npt *npt, const struct axas_hpa *hpas, unsigned int n,
			   unsigned int level);
};

/**
 * struct axas_npt - one nested page table
 * @fmt: its format
 * @ops: its owner's callbacks
 * @hal: where its tables come from
 * @root: the root table, or the first of the tables that make up the root
 * @root_hpa: the root's host-physical address
 * @caps: the machine that it is for
 * @reserve: tables that were allocated beforehand, each with the address of the next
 * @stats: its counters
 * @leaf_mask: the format's
 * @leaf_shift: the format's
 * @ia_bits: bits of guest-physical address
 * @levels: how many
 * @root_bits: bits of guest-physical address that index the root
 * @root_order: log2 of the root's 4 KiB pages
 */
struct axas_npt {
	const struct axas_npt_fmt *fmt;
	const struct axas_npt_ops *ops;
	const struct axas_hal *hal;
	u64 *root;
	struct axas_hpa root_hpa;
	struct axas_npt_caps caps;
	u64 *reserve;
	struct axas_npt_stats __percpu *stats;
	u64 leaf_mask;
	u8 leaf_shift;
	u8 ia_bits;
	u8 levels;
	u8 root_bits;
	u8 root_order;
};

/* Records on the stack of the caller, before a batch is asked for. */
#ifndef AXAS_GATHER_INLINE
#define AXAS_GATHER_INLINE	32
#endif

/**
 * struct axas_npt_gather - what was unlinked and may be freed after the flush
 * @npt: the table it came from
 * @first: first address of the operation's range, for the flush
 * @last: last address
 * @pending: something lost its translation and was not flushed yet
 * @tables: tables are among it
 * @nr: records in @cur
 * @cur: where records go
 * @batches: pages of records that were full
 * @inline_recs: the first records
 *
 * When no page can be had for more records, what is there is flushed and freed
 * first: gathering never fails.
 */
struct axas_npt_gather {
	struct axas_npt *npt;
	u64 first;
	u64 last;
	bool pending;
	bool tables;
	u32 nr;
	u64 *cur;
	struct axas_npt_batch *batches;
	u64 inline_recs[AXAS_GATHER_INLINE];
};

/* Bytes that one entry at @level covers, as a shift. */
static inline unsigned int axas_npt_shift(unsigned int level)
{
	return AXAS_FRAME_SHIFT + AXAS_NPT_LEVEL_BITS * level;
}

static inline u64 axas_npt_leaf_size(unsigned int level)
{
	return 1ull << axas_npt_shift(level);
}

/* Bytes from an address to the end of the leaf that maps it. */
static inline u64 axas_npt_left(const struct axas_leaf *leaf, u64 gpa)
{
	u64 size = axas_npt_leaf_size(leaf->level);

	return size - (gpa & (size - 1));
}

/* The last guest-physical byte that a table can say. */
static inline u64 axas_npt_last(const struct axas_npt *npt)
{
	return ~0ull >> (64 - npt->ia_bits);
}

/* A format by its AXAS_FORMAT_*, DEFAULT included; NULL when there is none. */
const struct axas_npt_fmt *axas_npt_fmt_by_id(u32 id);

/* The AXAS_FORMAT_* that this host's CPU walks; AXAS_FORMAT_DEFAULT: none. */
u32 axas_host_format(void);
/* What this host's CPU can do with a format; true when it walks it at all. */
bool axas_host_caps(const struct axas_npt_fmt *fmt, struct axas_npt_caps *caps);

/*
 * @caps: the machine, NULL for this host. -EINVAL: no such machine; -EOPNOTSUPP: ia_bits
 * out of the format's reach or the machine's; -ENOMEM.
 */
int axas_npt_init(struct axas_npt *npt, const struct axas_npt_fmt *fmt,
		  const struct axas_npt_ops *ops, const struct axas_hal *hal,
		  unsigned int ia_bits, const struct axas_npt_caps *caps);
/*
 * Whether a machine walks a table as it was written: as many levels, no leaf where it
 * knows none, no address that it cuts, and no bit that means something else to it.
 */
bool axas_npt_within(const struct axas_npt *npt, const struct axas_npt_caps *machine);
/* Exclusive. No leaf may be left; empty tables may. */
void axas_npt_destroy(struct axas_npt *npt);

/* Whether a leaf can say this; what it cannot say is never widened. */
static inline bool axas_npt_can(const struct axas_npt *npt, u32 prot, u32 type)
{
	return npt->fmt->can(npt, prot, type);
}

/*
 * Map a range onto contiguous memory with the largest leaves that fit. Alone in that range:
 * others may read it, but fill no entry of it; elsewhere they may do what is shared.
 * 0, -ENOMEM, -EINTR, or -EEXIST for a leaf in the way; range->mapped tells what
 * must be unmapped after an error.
 */
static inline int axas_npt_map(struct axas_npt *npt, struct axas_npt_range *range)
{
	return npt->fmt->map(npt, range);
}

/*
 * Install one leaf. Shared. 0; -EEXIST when a leaf, or for a leaf above level 0 a
 * table, is there already; -ENOMEM.
 */
static inline int axas_npt_map_leaf(struct axas_npt *npt, u64 gpa, u64 hpa, u32 prot,
				    u32 type, unsigned int level)
{
	return npt->fmt->map_leaf(npt, gpa, hpa, prot, type, level);
}

/*
 * The leaf that maps an address. Shared. False when there is none: leaf->level is
 * then that of the empty entry, where the largest leaf could be.
 */
static inline bool axas_npt_lookup(const struct axas_npt *npt, u64 gpa,
				   struct axas_leaf *leaf)
{
	return npt->fmt->lookup(npt, gpa, leaf);
}

/*
 * Where an address is, its @to->left bytes to the end of its leaf included. Shared. As
 * axas_npt_lookup(), but a walk that comes to a table of level 0 leaves it in the cursor.
 */
static inline bool axas_npt_translate(const struct axas_npt *npt,
				      struct axas_npt_cursor *cursor, u64 gpa,
				      struct axas_translation *to)
{
	return npt->fmt->translate(npt, cursor, gpa, to);
}

/* Whether a cursor is at the table of level 0 that maps an address. */
static inline bool axas_npt_cursor_at(const struct axas_npt_cursor *cursor, u64 gpa)
{
	return cursor->region == gpa >> axas_npt_shift(1);
}

/*
 * The table of level 0 for an address, linked now if there was none. Shared. NULL: no
 * memory. An ERR_PTR of -EEXIST: a leaf above level 0 is there.
 */
static inline u64 *axas_npt_table(struct axas_npt *npt, u64 gpa)
{
	return npt->fmt->table(npt, gpa);
}

/*
 * Leaves at level 0 are what all that is frequent comes to. On every format such a leaf is
 * an address, shifted, and attributes that do not depend on it; 0 is an empty entry. So
 * they can be read and made without asking the format each time.
 */

/* An address's entry in a table of level 0. */
static inline u64 *axas_npt_slot(u64 *table, u64 gpa)
{
	return &table[gpa >> AXAS_FRAME_SHIFT & (BIT(AXAS_NPT_LEVEL_BITS) - 1)];
}

static inline struct axas_hpa axas_npt_leaf_hpa(const struct axas_npt *npt, u64 leaf)
{
	return axas_hpa((leaf & npt->leaf_mask) << npt->leaf_shift);
}

static inline u64 axas_npt_make_leaf(const struct axas_npt *npt, struct axas_hpa hpa, u64 attr)
{
	return hpa.val >> npt->leaf_shift | attr;
}

/* All of a leaf but its address. axas_npt_can() say @prot and @type. */
static inline u64 axas_npt_leaf_attr(const struct axas_npt *npt, u32 prot, u32 type)
{
	return npt->fmt->leaf_attr(npt, prot, type);
}

/* Install one leaf. Shared. False when there is one. */
static inline bool axas_npt_fill_one(struct axas_npt *npt, u64 *slot, struct axas_hpa hpa,
				     u64 attr)
{
	u64 empty = 0;

	if (unlikely(!try_cmpxchg(slot, &empty, axas_npt_make_leaf(npt, hpa, attr))))
		return false;
	this_cpu_inc(npt->stats->leaves[0]);
	return true;
}

/*
 * Install leaves that follow each other in a table. Shared. How many found another leaf in
 * their place: their frames are the first in @hpas then.
 */
unsigned int axas_npt_fill(struct axas_npt *npt, u64 *slot, struct axas_hpa *hpas,
			   unsigned int n, u64 attr);

/* Put what the leaves of an unlinked table map, if they own it. The table is spoilt. */
void axas_npt_free_leaves(struct axas_npt *npt, u64 *table, bool owned);

/* How many entries, @max at most, are empty, or else are not, before one is otherwise. */
unsigned int axas_npt_run_of(const u64 *slot, unsigned int max, bool empty);

/*
 * Splitting a leaf takes tables. They are reserved before anything is changed, so
 * that the split itself cannot fail: count, reserve, split, and give back the rest.
 * All of it exclusive.
 */
u64 axas_npt_count_split_at(const struct axas_npt *npt, u64 gpa);
/* *@tables grows. 0, or -EINTR on a fatal signal. */
int axas_npt_count_split_all(const struct axas_npt *npt, u64 first, u64 last, u64 *tables);
/* 0, or -ENOMEM, or if @killable -EINTR on a fatal signal, with nothing reserved. */
int axas_npt_reserve(struct axas_npt *npt, u64 tables, bool killable);
void axas_npt_unreserve(struct axas_npt *npt);
/* One of the reserved tables, zeroed. */
u64 *axas_npt_take_table(struct axas_npt *npt, u64 *hpa);

/*
 * See to it that no leaf reaches across @gpa, which is a multiple of 4 KiB.
 * Exclusive; tables are reserved. Translations are the same before and after.
 */
static inline void axas_npt_split_at(struct axas_npt *npt, u64 gpa)
{
	npt->fmt->split_at(npt, gpa);
}

/*
 * Remove the leaves of a range, none of which may reach across its ends, and the
 * tables that are empty then. Exclusive. @owned: the leaves own their frames.
 */
static inline void axas_npt_unmap(struct axas_npt *npt, u64 first, u64 last, bool owned,
				  struct axas_npt_gather *gather)
{
	npt->fmt->unmap(npt, first, last, owned, gather);
}

/*
 * Give the leaves of a range, none of which may reach across its ends, another
 * protection that axas_npt_can() say. Exclusive. True when a flush is needed.
 */
static inline bool axas_npt_protect(struct axas_npt *npt, u64 first, u64 last, u32 prot)
{
	return npt->fmt->protect(npt, first, last, prot);
}

/*
 * See to it that every leaf of a range is at level 0. Exclusive; tables are reserved.
 * Translations are the same before and after.
 */
static inline void axas_npt_split_all(struct axas_npt *npt, u64 first, u64 last)
{
	npt->fmt->split_all(npt, first, last);
}

/*
 * Replace tables that lie in a range, and whose leaves map one aligned piece of memory
 * alike, by one leaf each. Exclusive. How many tables; not all on a fatal signal.
 */
static inline u64 axas_npt_collapse(struct axas_npt *npt, u64 first, u64 last,
				    struct axas_npt_gather *gather)
{
	return npt->fmt->collapse(npt, first, last, gather);
}

/*
 * The first leaf that ends at or after *@gpa, which becomes its first address.
 * Shared. @entry: as it lies in the table.
 */
static inline bool axas_npt_next_leaf(const struct axas_npt *npt, u64 *gpa,
				      struct axas_leaf *leaf, u64 *entry)
{
	return npt->fmt->next_leaf(npt, gpa, leaf, entry);
}

/* The largest leaf level that this protection may have, alignment aside. */
static inline unsigned int axas_npt_max_level(const struct axas_npt *npt, u32 prot)
{
	if ((prot & AXAS_PROT_EXEC) && (npt->caps.flags & AXAS_CAP_EXEC_4K))
		return 0;
	return __fls(npt->caps.leaf_levels);
}

/**
 * struct axas_npt_run - leaves that follow each other and are alike
 * @first: first guest-physical byte
 * @last: last guest-physical byte
 * @leaf: the first of them
 * @entry: the same, as it lies in the table
 */
struct axas_npt_run {
	u64 first;
	u64 last;
	struct axas_leaf leaf;
	u64 entry;
};

/* Leaves of a run at most: whoever looks for its end holds the space's lock. */
#define AXAS_NPT_RUN_LEAVES	8192

/*
 * The first run, or with @single the first leaf, that begins at or after @gpa. Shared.
 * Leaves are alike when level, protection and type are. False when there is none.
 */
bool axas_npt_next_run(const struct axas_npt *npt, u64 gpa, bool single,
		       struct axas_npt_run *run);

struct seq_file;

/* A line for a run: range, bytes, leaf size, protection, type. */
void axas_npt_dump(struct seq_file *m, const struct axas_npt_run *run);
/* A line for a leaf, with its level, host-physical address and entry. */
void axas_npt_dump_raw(struct seq_file *m, const struct axas_npt_run *run);

long axas_npt_tables(const struct axas_npt *npt);
long axas_npt_leaves(const struct axas_npt *npt, unsigned int level);

/* A zeroed table; NULL when there is no memory. */
u64 *axas_npt_alloc_table(struct axas_npt *npt, u64 *hpa);
/* A table whose entries its taker writes, every one. */
u64 *axas_npt_alloc_table_unset(struct axas_npt *npt, u64 *hpa);
/* A table that no CPU can walk: one that was never linked, or after the flush. */
void axas_npt_free_table(struct axas_npt *npt, u64 hpa);

/* All removals of one operation lie in [first, last]; it is flushed as a whole. */
void axas_npt_gather_init(struct axas_npt_gather *gather, struct axas_npt *npt,
			  u64 first, u64 last);
/* A leaf was cleared; its frame is to be put after the flush if owned. */
void axas_npt_gather_leaf(struct axas_npt_gather *gather, u64 hpa, unsigned int level,
			  bool owned);
/* A table at @level was unlinked, with all below it. */
void axas_npt_gather_table(struct axas_npt_gather *gather, u64 hpa, unsigned int level,
			   bool owned);
/* Flush, then free: the end of every removal. */
void axas_npt_gather_finish(struct axas_npt_gather *gather);

#endif /* _AXAS_NPT_H */
