/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Nested page tables: the interface to axas_space*.c and axas_area.c, and the functions
 * that a format provides. A table maps frames and knows neither areas nor backends.
 *
 * The algorithm is in axas_npt_algo.h, which each format's file includes, so that it is
 * compiled once per format. Code that does not depend on the encoding of entries is in
 * axas_npt.c and axas_npt_gather.c. Calls axas_frame.c and the HAL.
 *
 * Levels: 0 is the level of 4 KiB leaves, 1 of 2 MiB, 2 of 1 GiB, on every format.
 * Ranges are inclusive, [first, last], so that the last byte of a 64-bit address space is
 * representable.
 *
 * Locks: none of its own. "Shared" functions run concurrently with each other; the caller
 * is in a read-side section, or holds space->lock for reading or space->changing.
 * "Exclusive" ones need the bar: no read-side section is active, and space->lock is held
 * for writing. A table without users, before publication or after the last reference,
 * needs neither. See axas_area.h.
 */
#ifndef _AXAS_NPT_H
#define _AXAS_NPT_H

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/jump_label.h>
#include <axas/hal.h>
#include <uapi/axas/axas.h>

#include "axas_npt_formats.h"

/* proofs/cbmc/npt.c verifies the algorithm on tables of 4 entries. */
#ifndef AXAS_NPT_LEVEL_BITS
#define AXAS_NPT_LEVEL_BITS	9
#endif
#define AXAS_NPT_MAX_LEVELS	5

/**
 * enum axas_pt_kind - kind of an entry
 * @AXAS_PT_EMPTY: non-present, all bits 0; a removal leaves this
 * @AXAS_PT_ZERO: non-present; a fault installs a zeroed frame, never one of an image. In a logged
 *	area: discarded, which the log reports as a write
 * @AXAS_PT_BUSY: non-present while its leaf is being replaced
 * @AXAS_PT_TABLE: points to a table
 * @AXAS_PT_LEAF: maps a frame
 *
 * The first three kinds carry no address and no permission.
 */
enum axas_pt_kind {
	AXAS_PT_EMPTY,
	AXAS_PT_ZERO,
	AXAS_PT_BUSY,
	AXAS_PT_TABLE,
	AXAS_PT_LEAF,
};

/* Kind of a non-present entry; @zero, @clean and @busy are the format's markers. */
static inline enum axas_pt_kind axas_npt_absent(u64 entry, u64 zero, u64 clean, u64 busy)
{
	if (likely(!entry))
		return AXAS_PT_EMPTY;
	if (entry == zero || entry == clean)
		return AXAS_PT_ZERO;
	return entry == busy ? AXAS_PT_BUSY : AXAS_PT_EMPTY;
}

/**
 * struct axas_npt_need - test whether a level 0 entry permits an access
 * @mask: the bits to test
 * @value: their value in a leaf that permits the access
 */
struct axas_npt_need {
	u64 mask;
	u64 value;
};

/**
 * struct axas_npt_caps - a machine: hardware that walks a table
 * @flags: AXAS_CAP_*
 * @leaf_levels: bit n: leaves are supported at level n
 * @oa_bits: width of a host-physical address
 * @max_ia_bits: maximum width of a guest-physical address; 0: the format's
 * @levels: bit n: tables of n levels are supported; 0: the format's
 */
struct axas_npt_caps {
	u32 flags;
	u32 leaf_levels;
	u32 oa_bits;
	u32 max_ia_bits;
	u32 levels;
};

/*
 * Counters that faults update are split into a few shards, one cache line each, so that the
 * size of a space does not depend on the number of CPUs. With at most as many CPUs as
 * shards, updates need no atomic operation.
 */
#define AXAS_NPT_SHARDS		8

/**
 * struct axas_npt_shard - counters that some CPUs update at each fault
 * @made: level 0 leaves installed by axas_npt_fill_one()
 * @found: faults that found the leaf present
 */
struct axas_npt_shard {
	atomic_long_t made;
	atomic_long_t found;
} ____cacheline_aligned;

/* Enabled if there are more CPUs than shards. */
DECLARE_STATIC_KEY_FALSE(axas_npt_shared_shards);

/* Increment a counter of this CPU's shard. Preemption is off. */
static __always_inline void axas_npt_count(atomic_long_t *count)
{
	if (static_branch_unlikely(&axas_npt_shared_shards))
		atomic_long_inc(count);
	else
		/* This CPU is the only writer; a racing reader may see the old value. */
		data_race(count->counter++);
}

struct axas_npt;
struct axas_npt_gather;

/**
 * struct axas_npt_cursor - the level 0 table that the last walk reached
 * @region: gpa >> 21 of the 2 MiB that it maps; AXAS_NPT_NO_REGION: none
 * @table: the table
 *
 * A cached cursor must be invalidated before tables are freed.
 */
struct axas_npt_cursor {
	u64 region;
	u64 *table;
};

#define AXAS_NPT_NO_REGION	(~0ull)

/**
 * struct axas_npt_pos - position at which a walk ended
 * @ptep: pointer to the leaf, or to the first non-present entry
 * @entry: value read from @ptep
 * @level: its level
 */
struct axas_npt_pos {
	u64 *ptep;
	u64 entry;
	u32 level;
};

/**
 * struct axas_npt_spares - tables allocated in advance, in a context that may sleep
 * @first: head of the list; the first word of each table points to the next
 * @nr: number of tables
 */
struct axas_npt_spares {
	u64 *first;
	unsigned int nr;
};

/**
 * struct axas_leaf - a decoded leaf
 * @hpa: first byte of the frame that it maps
 * @level: its level
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
 * struct axas_npt_range - argument of axas_npt_map()
 * @first: first guest-physical byte
 * @last: last guest-physical byte
 * @hpa: host-physical address that @first maps to
 * @prot: AXAS_PROT_*
 * @type: AXAS_TYPE_*
 * @max_level: highest level of a leaf
 * @mapped: out: bytes from @first on that are mapped, also on an error
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
 * struct axas_npt_job - unmap, protect or collapse of a range, in pieces
 * @begin: first byte of the range
 * @first: first byte not done yet
 * @last: last byte of the range
 * @budget: entries that this piece may visit, including those on the way down to @first, so
 *	more than the table has levels. The piece ends when @budget is 0 or @gather is full
 * @done: the whole range is done
 * @changed: protect: a leaf has changed, so a flush is needed
 * @prot: protect: the new AXAS_PROT_*
 * @aside: unmap: of the part that is put aside
 * @logged: protect, collapse: the area is logged, see "DOC: dirty log"
 * @sparse: unmap, with a @marker: empty entries stay empty, also where all of a table goes
 * @marker: unmap: what is left in the entries of leaves and tables; 0, or the ZERO marker
 * @stays: unmap: tables stay where they get empty, but for those that the range covers
 * @mark_all: unmap: empty entries get the @marker, too; where the range covers an entry in part
 *	there is a table
 * @nr: collapse: tables replaced by leaves
 * @owner: unmap: owner of the frames, for put_frames(); NULL: leaves do not own their frames
 * @gather: unmap, collapse: frames and tables to free after the flush
 */
struct axas_npt_job {
	u64 begin;
	u64 first;
	u64 last;
	unsigned int budget;
	bool done;
	bool changed;
	u32 prot;
	bool aside;
	bool logged;
	bool mark_all;
	bool sparse;
	bool stays;
	u64 marker;
	u64 nr;
	const void *owner;
	struct axas_npt_gather *gather;
};

/**
 * struct axas_npt_fmt - a format, and the algorithm compiled for it
 * @name: name in user interfaces
 * @id: AXAS_FORMAT_*; 0 for the fake format
 * @min_ia_bits: minimum width of a guest-physical address
 * @max_ia_bits: maximum width
 * @usual_ia_bits: default width
 * @leaf_levels: bit n: the format has leaves at level n
 * @flags: the AXAS_CAP_* that a machine of this format may have
 * @leaf_mask: address bits of a level 0 leaf
 * @leaf_shift: right shift from a host-physical address to @leaf_mask
 * @caps: the machine if the host does not walk this format; its oa_bits bound every machine's
 * @geometry: set npt->levels and npt->root_bits from npt->ia_bits; where more than one number
 *	of levels would do, npt->caps.levels decides. -EOPNOTSUPP: no such table
 * @can: whether a leaf can encode this protection and type
 * @need: the test that a level 0 entry must pass to permit an access
 * @present: a level 0 leaf has at least one of these bits set, other entries none
 * @hw_bits: bits that hardware may set in a level 0 leaf that was made without them
 * @dirty: the one of them that hardware sets when it writes through a level 0 leaf that permits it,
 *	on every machine; 0: there is none
 * @borrowed: BORROWED bit of a level 0 leaf, which does not own its frame
 * @borrowed_large: the same of a level 1 leaf; none above is BORROWED
 * @zero: the AXAS_PT_ZERO marker; in a leaf that bit is WRITTEN: it was written since the log was
 *	cleared, although it does not permit that any more
 * @clean: the AXAS_PT_ZERO marker of what was not discarded since the log was cleared
 * @busy: the AXAS_PT_BUSY marker
 * @fault_forgets: a fault removes the translations that caused it, so that more permissions need
 *	no flush
 * @kind: kind of an entry
 * @child: the table that an entry points to
 * @below: the same of an entry of any kind above level 0; NULL: it points to none
 * @table: encode an entry that points to a table
 * @decode: decode a leaf
 * @leaf: encode a leaf
 * @with_prot: the same leaf with another protection; a BORROWED one stays read-only
 * @map: nothing else fills entries of the range; see axas_npt_map()
 * @walk: shared; see axas_npt_walk()
 * @reach: shared; see axas_npt_reach()
 * @split_into: see axas_npt_split_into()
 * @split_at: exclusive; see axas_npt_split_at()
 * @unmap: exclusive; see axas_npt_unmap()
 * @protect: exclusive; see axas_npt_protect()
 * @collapse: exclusive; see axas_npt_collapse()
 * @next_leaf: shared; see axas_npt_next_leaf()
 * @free_table: free an unlinked table at @level, all tables below it, and the leaves' frames
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
	struct axas_npt_need (*need)(u32 access);
	u64 present;
	u64 hw_bits;
	u64 dirty;
	u64 borrowed;
	u64 borrowed_large;
	u64 zero;
	u64 clean;
	u64 busy;
	bool fault_forgets;
	enum axas_pt_kind (*kind)(u64 entry, unsigned int level);
	u64 *(*child)(const struct axas_npt *npt, u64 entry, unsigned int level);
	u64 *(*below)(const struct axas_npt *npt, u64 entry, unsigned int level);
	u64 (*table)(u64 hpa, unsigned int level);
	struct axas_leaf (*decode)(u64 entry, unsigned int level);
	u64 (*leaf)(const struct axas_npt *npt, u64 hpa, u32 prot, u32 type,
		    unsigned int level);
	u64 (*with_prot)(u64 entry, u32 prot, unsigned int level);
	int (*map)(struct axas_npt *npt, struct axas_npt_range *range);
	void (*walk)(const struct axas_npt *npt, struct axas_npt_cursor *cursor, u64 gpa,
		     struct axas_npt_pos *pos);
	int (*reach)(struct axas_npt *npt, struct axas_npt_spares *spares, u64 gpa,
		     unsigned int level, struct axas_npt_pos *pos);
	u64 (*split_into)(const struct axas_npt *npt, u64 *table, u64 hpa, u64 leaf,
			  unsigned int level);
	void (*split_at)(struct axas_npt *npt, u64 gpa);
	void (*unmap)(struct axas_npt *npt, struct axas_npt_job *job);
	void (*protect)(struct axas_npt *npt, struct axas_npt_job *job);
	void (*collapse)(struct axas_npt *npt, struct axas_npt_job *job);
	bool (*next_leaf)(const struct axas_npt *npt, u64 *gpa, struct axas_leaf *leaf,
			  u64 *entry);
	void (*free_table)(struct axas_npt *npt, u64 table, unsigned int level,
			   const void *owner);
};

#define AXAS_NPT_DECLARE(NAME, name)	extern const struct axas_npt_fmt axas_npt_##name;
AXAS_NPT_FORMATS(AXAS_NPT_DECLARE)
extern const struct axas_npt_fmt axas_npt_fake;

/**
 * struct axas_npt_ops - callbacks to the owner of a table
 * @flush: invalidate the cached translations of [first, last] on all CPUs, and with @tables
 *	also cached walks, before it returns
 * @put_frames: the @n frames at @hpas, of leaves at @level, are no longer mapped; @owner is
 *	job->owner of the unmap
 */
struct axas_npt_ops {
	void (*flush)(struct axas_npt *npt, u64 first, u64 last, bool tables);
	void (*put_frames)(struct axas_npt *npt, const void *owner, const struct axas_hpa *hpas,
			   unsigned int n, unsigned int level);
};

/**
 * struct axas_npt - one nested page table
 * @fmt: its format
 * @ops: callbacks to its owner
 * @hal: allocates its tables
 * @root: the root table, or the first of the concatenated tables that form the root
 * @root_hpa: host-physical address of @root
 * @need: @fmt->need() of each AXAS_PROT_*; no entry passes that of 0
 * @leaf_mask: copy of @fmt->leaf_mask
 * @present: copy of @fmt->present
 * @leaf_fixed: bits that are equal in all level 0 leaves with the same prot and type
 * @write: bits that a level 0 leaf has set if it permits writes
 * @dirty: @fmt->dirty if level 0 leaves say which pages were written, by the host, too; else 0
 * @marked: entries may be BORROWED, ZERO, BUSY or WRITTEN; set before the first one is made
 * @leaf_shift: copy of @fmt->leaf_shift
 * @ia_bits: width of a guest-physical address
 * @levels: number of levels
 * @root_bits: bits of guest-physical address that index the root
 * @root_order: log2 of the root's 4 KiB pages
 * @aside: NULL, or a second root, of what is put aside: see axas_npt_aside.c
 * @aside_hpa: host-physical address of @aside
 * @caps: the machine that the table is for
 * @reserve: tables reserved for splits
 * @tables: 4 KiB pages used for tables
 * @loose: those of them that are spare, so not linked
 * @leaves: leaves at each level, without those counted in @shards
 * @shards: counters that faults update
 */
struct axas_npt {
	const struct axas_npt_fmt *fmt;
	const struct axas_npt_ops *ops;
	const struct axas_hal *hal;
	u64 *root;
	struct axas_hpa root_hpa;
	struct axas_npt_need need[AXAS_PROT_MASK + 1];
	u64 leaf_mask;
	u64 present;
	u64 leaf_fixed;
	u64 write;
	u64 dirty;
	bool marked;
	u8 leaf_shift;
	u8 ia_bits;
	u8 levels;
	u8 root_bits;
	u8 root_order;
	u64 *aside;
	struct axas_hpa aside_hpa;
	struct axas_npt_caps caps;
	struct axas_npt_spares reserve;
	atomic_long_t tables;
	atomic_long_t loose;
	atomic_long_t leaves[AXAS_NPT_MAX_LEVELS];
	struct axas_npt_shard shards[AXAS_NPT_SHARDS];
};

/* Capacity of the inline array, on the caller's stack, and of an allocated buffer. */
#define AXAS_GATHER_INLINE	32
#define AXAS_GATHER_BUFFER	(2048 - AXAS_NPT_MAX_LEVELS)

/*
 * Removing one leaf or table takes at most three records: two for a new owner, one for
 * itself. AXAS_NPT_MAX_LEVELS more are for the tables above that become empty.
 */
#define AXAS_GATHER_MOST	3

/**
 * struct axas_npt_gather - frames and tables to free after the flush
 * @npt: the table that they were unlinked from
 * @pending: entries were broken and are not flushed yet
 * @tables: tables were unlinked and are not flushed yet
 * @nr: number of records
 * @max: capacity, without the spare records for empty tables
 * @owner: owner of the records that follow
 * @recs: the records: @inline_recs or a buffer
 * @inline_recs: storage for small removals
 *
 * Adding a record does not allocate: a removal ends its piece when the gather is full.
 */
struct axas_npt_gather {
	struct axas_npt *npt;
	bool pending;
	bool tables;
	u32 nr;
	u32 max;
	const void *owner;
	u64 *recs;
	u64 inline_recs[AXAS_GATHER_INLINE + AXAS_NPT_MAX_LEVELS];
};

/* log2 of the bytes that an entry at @level covers. */
static inline unsigned int axas_npt_shift(unsigned int level)
{
	return AXAS_FRAME_SHIFT + AXAS_NPT_LEVEL_BITS * level;
}

static inline u64 axas_npt_leaf_size(unsigned int level)
{
	return 1ull << axas_npt_shift(level);
}

/* Bytes from @gpa to the end of the leaf that maps it. */
static inline u64 axas_npt_left(const struct axas_leaf *leaf, u64 gpa)
{
	u64 size = axas_npt_leaf_size(leaf->level);

	return size - (gpa & (size - 1));
}

/* The last guest-physical byte that a table can map. */
static inline u64 axas_npt_last(const struct axas_npt *npt)
{
	return ~0ull >> (64 - npt->ia_bits);
}

/* Look a format up by AXAS_FORMAT_*; DEFAULT is the host's. NULL: no such format. */
const struct axas_npt_fmt *axas_npt_fmt_by_id(u32 id);

/* The default AXAS_FORMAT_*, whether or not CPUs can walk it; AXAS_FORMAT_DEFAULT: none. */
u32 axas_host_format(void);
/* Fill in @caps; return true if this host's CPUs walk the format, else @caps are the default. */
bool axas_host_caps(const struct axas_npt_fmt *fmt, struct axas_npt_caps *caps);

/*
 * @caps: the machine; NULL: this host. @ia_bits: 0 for the default. Return 0; -EINVAL: @caps
 * are no machine of this format; -EOPNOTSUPP: format or machine has no table of @ia_bits;
 * -ENOMEM.
 */
int axas_npt_init(struct axas_npt *npt, const struct axas_npt_fmt *fmt,
		  const struct axas_npt_ops *ops, const struct axas_hal *hal,
		  unsigned int ia_bits, const struct axas_npt_caps *caps);
/* An empty table like @other, in zeroed memory. Return 0 or -ENOMEM. */
int axas_npt_init_like(struct axas_npt *npt, const struct axas_npt *other);
/* Bit n: a machine of this format has a table of n ia_bits, less than 64. */
u64 axas_npt_ia_widths(const struct axas_npt_fmt *fmt, const struct axas_npt_caps *caps);
/*
 * Whether @machine reads the table as written: it supports the table's levels, leaf levels
 * and address widths, and decodes each bit that entries may have set in the same way.
 */
bool axas_npt_within(const struct axas_npt *npt, const struct axas_npt_caps *machine);
/* Exclusive. All leaves must be unmapped; empty tables may remain. */
void axas_npt_destroy(struct axas_npt *npt);

/* Whether a leaf can encode @prot and @type. If not, callers fail; they never widen @prot. */
static inline bool axas_npt_can(const struct axas_npt *npt, u32 prot, u32 type)
{
	return npt->fmt->can(npt, prot, type);
}

/*
 * An entry changes in these ways only:
 *
 *  make	non-present to table or leaf, or a leaf to the same leaf with more permissions,
 *		or empty to ZERO, by cmpxchg: shared. A full barrier, so that a walk into a new
 *		table finds its entries.
 *  claim	a leaf to the BUSY marker, by cmpxchg: shared, with space->lock held for reading
 *		until settle. No other task changes a BUSY entry, and exclusive functions find none.
 *  settle	the BUSY marker to a leaf or a table, by a store-release: by the task that claimed
 *		it, after the flush.
 *  break	present to non-present, by xchg, because hardware may set accessed and dirty
 *		bits at any time: exclusive.
 *  adjust	flip the bits of a leaf in which two protections differ, by atomic xor:
 *		exclusive.
 *  replace	a leaf by a table that maps the same memory, or the reverse, by a store-release:
 *		exclusive. Formats that need break-before-make break the entry first.
 *
 * axas_npt_map() uses plain stores: no other path fills entries of its range.
 */
DECLARE_STATIC_KEY_FALSE(axas_npt_watched);

/* For tests: a callback for each change of an entry that hardware may walk. */
struct axas_npt_watch {
	void (*changed)(struct axas_npt *npt, u64 *ptep, unsigned int level, u64 old, u64 new);
};

extern const struct axas_npt_watch *axas_npt_watch;

/* Call that callback. Cold, so that loops over entries keep their registers. */
void __cold axas_npt_tell(struct axas_npt *npt, u64 *ptep, unsigned int level, u64 old, u64 new);

static __always_inline void axas_npt_changed(struct axas_npt *npt, u64 *ptep, unsigned int level,
					     u64 old, u64 new)
{
	if (static_branch_unlikely(&axas_npt_watched))
		axas_npt_tell(npt, ptep, level, old, new);
}

/* No entry has a marker or BORROWED bit, and no test watches: take the fast loops. */
static __always_inline bool axas_npt_is_plain(const struct axas_npt *npt)
{
	return !READ_ONCE(npt->marked) && !static_branch_unlikely(&axas_npt_watched);
}

/* Return true on success; else *@old is updated to the current value. */
static __always_inline bool axas_npt_make(struct axas_npt *npt, u64 *ptep, unsigned int level,
					  u64 *old, u64 new)
{
	if (unlikely(!try_cmpxchg(ptep, old, new)))
		return false;
	axas_npt_changed(npt, ptep, level, *old, new);
	return true;
}

/* Return the old entry, with all bits that hardware has set. @marker: 0, or the format's. */
static inline u64 axas_npt_break(struct axas_npt *npt, u64 *ptep, unsigned int level, u64 marker)
{
	u64 old = xchg(ptep, marker);

	axas_npt_changed(npt, ptep, level, old, marker);
	return old;
}

static __always_inline void axas_npt_adjust(struct axas_npt *npt, u64 *ptep, unsigned int level,
					    u64 entry, u64 diff)
{
	atomic64_xor(diff, (atomic64_t *)ptep);
	axas_npt_changed(npt, ptep, level, entry, entry ^ diff);
}

static inline void axas_npt_replace(struct axas_npt *npt, u64 *ptep, unsigned int level, u64 old,
				    u64 new)
{
	/* Entries of a new table first; pairs with the address dependency in a walk. */
	smp_store_release(ptep, new);
	axas_npt_changed(npt, ptep, level, old, new);
}

/* From now on entries may be BORROWED, ZERO or BUSY. With space->lock held. */
static inline void axas_npt_mark(struct axas_npt *npt)
{
	if (unlikely(!READ_ONCE(npt->marked)))
		WRITE_ONCE(npt->marked, true);
}

/*
 * Claim the leaf at @pos: from now on there is no leaf, and only the caller makes one.
 * space->lock stays held, for reading or writing, until axas_npt_settle(). Return false if the
 * entry has changed, maybe just by an accessed or dirty bit; @pos->entry is updated then. Else it
 * holds all bits that hardware has set: it sets none in a non-present entry.
 */
static inline bool __must_check axas_npt_claim(struct axas_npt *npt, struct axas_npt_pos *pos)
{
	axas_npt_mark(npt);
	return axas_npt_make(npt, pos->ptep, pos->level, &pos->entry, npt->fmt->busy);
}

/*
 * Put @new, a leaf or a table at the level of @pos, in place of a claimed leaf that was flushed in
 * all consumers.
 */
static inline void axas_npt_settle(struct axas_npt *npt, const struct axas_npt_pos *pos, u64 new)
{
	axas_npt_replace(npt, pos->ptep, pos->level, npt->fmt->busy, new);
}

/*
 * Fill @table, at @hpa, with leaves one level down that map the same memory as @leaf at @level.
 * Return the entry that points to it.
 */
static inline u64 axas_npt_split_into(const struct axas_npt *npt, u64 *table, u64 hpa, u64 leaf,
				      unsigned int level)
{
	return npt->fmt->split_into(npt, table, hpa, leaf, level);
}

/* A leaf at @level was replaced by a table of leaves one level down. */
void axas_npt_count_split(struct axas_npt *npt, unsigned int level);

/*
 * Map a range to contiguous memory with the largest leaves that fit. Other CPUs may walk the
 * range concurrently, but must not fill its entries; shared functions may run elsewhere. May
 * sleep. Return 0, -ENOMEM, -EINTR on a fatal signal, or -EEXIST if a leaf or a marker is in the
 * way; after an error the caller unmaps the first range->mapped bytes.
 */
static inline int axas_npt_map(struct axas_npt *npt, struct axas_npt_range *range)
{
	return npt->fmt->map(npt, range);
}

/*
 * Walk to the leaf that maps @gpa, or to the first non-present entry. Shared. If the walk
 * reaches a level 0 table, @cursor is set to it. For an address beyond the table @pos->ptep
 * is NULL and @pos->entry 0.
 */
static inline void axas_npt_walk(const struct axas_npt *npt, struct axas_npt_cursor *cursor,
				 u64 gpa, struct axas_npt_pos *pos)
{
	npt->fmt->walk(npt, cursor, gpa, pos);
}

/*
 * Continue a walk from @pos down to @level, linking spare tables. Shared. Return 0 with @pos at
 * @level; -EEXIST: there is a leaf or a BUSY marker above @level; -EAGAIN: out of spares, the
 * caller needs pos->level - @level more, and continues from @pos.
 */
static inline int __must_check axas_npt_reach(struct axas_npt *npt, struct axas_npt_spares *spares,
					      u64 gpa, unsigned int level,
					      struct axas_npt_pos *pos)
{
	return npt->fmt->reach(npt, spares, gpa, level, pos);
}

/*
 * Fill @spares up to @nr zeroed tables. May sleep. Return 0, -ENOMEM, or, if @killable, -EINTR
 * on a fatal signal.
 */
int __must_check axas_npt_get_spares(struct axas_npt *npt, struct axas_npt_spares *spares, u64 nr,
				     bool killable);
/* Take a spare table; NULL if there is none. */
u64 *__must_check axas_npt_take_spare(struct axas_npt *npt, struct axas_npt_spares *spares,
				       u64 *hpa);
/* Give back a table taken but not linked. @dirty: it needs to be zeroed. */
void axas_npt_keep_spare(struct axas_npt *npt, struct axas_npt_spares *spares, u64 *table,
			 bool dirty);
void axas_npt_put_spares(struct axas_npt *npt, struct axas_npt_spares *spares);

static inline enum axas_pt_kind axas_npt_kind(const struct axas_npt *npt,
					      const struct axas_npt_pos *pos)
{
	return npt->fmt->kind(pos->entry, pos->level);
}

/* Whether a level 0 entry permits an access. The leaf decides, not the area. */
static inline bool axas_npt_allows(const struct axas_npt *npt, u64 entry, u32 access)
{
	const struct axas_npt_need *need = &npt->need[access & AXAS_PROT_MASK];

	return (entry & need->mask) == need->value;
}

/*
 * Look up the leaf that maps @gpa. Shared. Return false if there is none; leaf->level is then
 * the level of the non-present entry, the highest at which a leaf could be installed.
 */
bool axas_npt_lookup(const struct axas_npt *npt, u64 gpa, struct axas_leaf *leaf);

/* Translate @gpa by the leaf at @pos. */
void axas_npt_resolve(const struct axas_npt *npt, const struct axas_npt_pos *pos, u64 gpa,
		      struct axas_translation *to);

/*
 * Move all that @npt maps, with its tables, to @to: an empty table of the same geometry. Exclusive.
 * The roots stay where they are, and so do spares; all of @npt must be flushed, cached walks
 * included. Return the leaves that were counted in shards: their frames are not counted elsewhere.
 */
long axas_npt_move(struct axas_npt *npt, struct axas_npt *to);

/**
 * struct axas_npt_hidden - an entry of the root that was taken out
 * @ptep: where it was
 * @entry: the entry
 */
struct axas_npt_hidden {
	u64 *ptep;
	u64 entry;
};

/*
 * Take all entries out of the root into @hidden, which has room for as many as the root has.
 * Exclusive. Return their number. After a flush, with cached walks, neither hardware nor host
 * reaches the tables, until axas_npt_show() puts the entries back.
 */
unsigned int axas_npt_hide(struct axas_npt *npt, struct axas_npt_hidden *hidden);
void axas_npt_show(struct axas_npt *npt, const struct axas_npt_hidden *hidden, unsigned int nr);

/* Break a level 0 leaf. Exclusive. Return its frame, which the caller frees after a flush. */
struct axas_hpa __must_check axas_npt_remove(struct axas_npt *npt, u64 *ptep);

/* Exchange level 0 entries of two tables that are not walked. */
void axas_npt_exchange(struct axas_npt *npt, u64 *ptep, struct axas_npt *other, u64 *to);

/* Whether the page of a level 0 leaf that the space owns has a reference beside the leaf's. */
bool axas_npt_is_held(const struct axas_npt *npt, u64 leaf);

/* From now on a host write needs the dirty bit, if the format has it. Exclusive. */
void axas_npt_need_dirty(struct axas_npt *npt);

/* Whether a write through a leaf that permits it has to be noted by axas_npt_set_dirty() first. */
static inline bool axas_npt_is_clean(const struct axas_npt *npt, u64 entry, unsigned int level,
				     u32 access)
{
	return unlikely(npt->dirty) && access & AXAS_PROT_WRITE && !level &&
	       !(entry & npt->dirty);
}

/* Shared. May fail to set it: a caller that needs the bit looks again. */
static inline void axas_npt_set_dirty(struct axas_npt *npt, struct axas_npt_pos *pos)
{
	u64 entry = pos->entry;

	if (axas_npt_make(npt, pos->ptep, 0, &entry, entry | npt->dirty))
		pos->entry = entry | npt->dirty;
}

/*
 * Install one leaf, allocating tables as needed. Shared; may sleep. Return 0, -ENOMEM, or
 * -EEXIST if there is a leaf, a BUSY marker or, above level 0, a table.
 */
int axas_npt_map_leaf(struct axas_npt *npt, u64 gpa, u64 hpa, u32 prot, u32 type,
		      unsigned int level);

/* Install a leaf at @pos, at its level. Shared. Return false if the entry has changed. */
bool __must_check axas_npt_install(struct axas_npt *npt, struct axas_npt_pos *pos, u64 leaf);

/*
 * Link @table, at @hpa, with @leaves leaves, at the empty entry @pos of level 1. Shared. Return
 * false if the entry has changed; else @pos is the entry of @gpa in it.
 */
bool __must_check axas_npt_link(struct axas_npt *npt, struct axas_npt_pos *pos, u64 gpa, u64 *table,
				u64 hpa, unsigned int leaves);

/* Make an empty entry a ZERO marker; npt->marked is set. Shared. False: it has changed. */
static inline bool __must_check axas_npt_mark_zero(struct axas_npt *npt, struct axas_npt_pos *pos)
{
	return axas_npt_make(npt, pos->ptep, pos->level, &pos->entry, npt->fmt->zero);
}

/* Whether the cursor is at the level 0 table that maps @gpa. */
static inline bool axas_npt_cursor_at(const struct axas_npt_cursor *cursor, u64 gpa)
{
	return cursor->region == gpa >> axas_npt_shift(1);
}

/*
 * Hot paths deal with level 0 leaves. On every format such a leaf is a shifted address plus
 * attributes that do not depend on the address, so that it can be encoded and decoded without
 * an indirect call to the format.
 */

/* Pointer to the entry of @gpa in a level 0 table. */
static inline u64 *axas_npt_ptep(u64 *table, u64 gpa)
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

/* A level 0 leaf without its address. axas_npt_can() must hold for @prot and @type. */
static inline u64 axas_npt_leaf_attr(const struct axas_npt *npt, u32 prot, u32 type)
{
	return npt->fmt->leaf(npt, 0, prot, type, 0);
}

/* Whether a level 0 entry is a leaf, with any permission. */
static inline bool axas_npt_is_leaf(const struct axas_npt *npt, u64 entry)
{
	return entry & npt->present;
}

/* Whether a leaf of @level is BORROWED. */
static inline bool axas_npt_is_borrowed(const struct axas_npt *npt, u64 leaf, unsigned int level)
{
	if (likely(!level))
		return leaf & npt->fmt->borrowed;
	return level == 1 && leaf & npt->fmt->borrowed_large;
}

/*
 * Install a leaf in place of the non-present *@old and count it in this CPU's shard. Shared;
 * preemption is off. Return false if the entry has changed; *@old is updated then.
 */
static __always_inline bool axas_npt_fill_one(struct axas_npt *npt, struct axas_npt_shard *shard,
					      u64 *ptep, u64 *old, struct axas_hpa hpa, u64 attr)
{
	if (unlikely(!axas_npt_make(npt, ptep, 0, old, axas_npt_make_leaf(npt, hpa, attr))))
		return false;
	axas_npt_count(&shard->made);
	return true;
}

/*
 * Install @n leaves in consecutive entries of a level 0 table. Shared. Return how many lost a
 * race because the entry was not empty; their frames are moved to the front of @hpas.
 */
unsigned int axas_npt_fill(struct axas_npt *npt, u64 *ptep, struct axas_hpa *hpas,
			   unsigned int n, u64 attr);

/* Length of the leading run of entries that are all 0 (@empty) or all not 0, at most @max. */
unsigned int axas_npt_run_of(const u64 *ptep, unsigned int max, bool empty);

/* Whether all entries of a table are 0. Exclusive. */
bool axas_npt_is_empty(const u64 *table);
/* Whether all entries of a table are @entry. Exclusive. */
bool axas_npt_is_all(const u64 *table, u64 entry);

/*
 * Splitting leaves takes tables, which are reserved in npt->reserve before any entry changes,
 * so that the split itself cannot fail: count, reserve, split, give back the rest. Only the
 * split is exclusive; between the count and the split no larger leaves may be installed.
 */
u64 axas_npt_count_split_at(const struct axas_npt *npt, u64 gpa);
/* @tables: to split all leaves of the range to level 0. Return 0, or -EINTR on a fatal signal. */
int __must_check axas_npt_count_split_all(const struct axas_npt *npt, u64 first, u64 last,
					  u64 *tables);

/*
 * Split the leaf, or the ZERO marker, that reaches across @gpa, if any; @gpa is a multiple of 4
 * KiB. Exclusive; tables are reserved. Translations stay the same.
 */
static inline void axas_npt_split_at(struct axas_npt *npt, u64 gpa)
{
	npt->fmt->split_at(npt, gpa);
}

/*
 * Remove the leaves of a range, and tables that become empty. Exclusive. No leaf may reach
 * across the ends of the range.
 */
static inline void axas_npt_unmap(struct axas_npt *npt, struct axas_npt_job *job)
{
	npt->fmt->unmap(npt, job);
}

/*
 * Change the protection of the leaves of a range; axas_npt_can() holds for it. Exclusive. A leaf
 * that reaches across an end must have that protection already. Leaves above
 * axas_npt_max_level() of it are split: tables are reserved.
 */
static inline void axas_npt_protect(struct axas_npt *npt, struct axas_npt_job *job)
{
	npt->fmt->protect(npt, job);
}

/*
 * Replace each table within a range by one leaf, if its leaves map contiguous, aligned memory
 * with the same attributes. Exclusive.
 */
static inline void axas_npt_collapse(struct axas_npt *npt, struct axas_npt_job *job)
{
	npt->fmt->collapse(npt, job);
}

/*
 * Find the first leaf that ends at or after *@gpa, and set *@gpa to its first byte. Shared.
 * @entry: the raw entry. One that is being replaced (BUSY) is found, too, as a leaf of no memory
 * that permits nothing.
 */
static inline bool axas_npt_next_leaf(const struct axas_npt *npt, u64 *gpa,
				      struct axas_leaf *leaf, u64 *entry)
{
	return npt->fmt->next_leaf(npt, gpa, leaf, entry);
}

/* The highest level of a leaf with this protection, alignment aside. */
static inline unsigned int axas_npt_max_level(const struct axas_npt *npt, u32 prot)
{
	if ((prot & AXAS_PROT_EXEC) && (npt->caps.flags & AXAS_CAP_EXEC_4K))
		return 0;
	return __fls(npt->caps.leaf_levels);
}

/* Maximum number of leaves in a run, so that finding its end is bounded work. */
#define AXAS_NPT_RUN_LEAVES	8192

/**
 * struct axas_npt_run - adjacent leaves with the same level, protection, type and owner
 * @first: first guest-physical byte
 * @last: last guest-physical byte
 * @leaf: the first leaf
 * @entry: its raw entry
 * @borrowed: their frames are an image's or a file's
 */
struct axas_npt_run {
	u64 first;
	u64 last;
	struct axas_leaf leaf;
	u64 entry;
	bool borrowed;
};

/*
 * Find the first run, or with @single the first leaf, that ends at or after @gpa. Shared.
 * Return false if there is none.
 */
bool axas_npt_next_run(const struct axas_npt *npt, u64 gpa, bool single,
		       struct axas_npt_run *run);

struct seq_file;

/* Print a run: range, size, leaf size, protection, type, "borrowed". */
void axas_npt_dump(struct seq_file *m, const struct axas_npt_run *run);
/* Print a leaf: address, level, host-physical address, raw entry. */
void axas_npt_dump_raw(struct seq_file *m, const struct axas_npt_run *run);

long axas_npt_tables(const struct axas_npt *npt);
long axas_npt_leaves(const struct axas_npt *npt, unsigned int level);
/* Level 0 leaves installed by axas_npt_fill_one() since the table was created. */
long axas_npt_made(const struct axas_npt *npt);

/* Allocate an empty root; NULL if out of memory. */
u64 *__must_check axas_npt_alloc_root(struct axas_npt *npt, struct axas_hpa *hpa);
void axas_npt_free_root(struct axas_npt *npt, struct axas_hpa hpa);
/* Allocate a zeroed table; NULL if out of memory. */
u64 *__must_check axas_npt_alloc_table(struct axas_npt *npt, u64 *hpa);
/* The same without zeroing: the caller writes every entry. */
u64 *__must_check axas_npt_alloc_table_unset(struct axas_npt *npt, u64 *hpa);
/* Free a table that no CPU can walk: never linked, or unlinked and flushed. */
void axas_npt_free_table(struct axas_npt *npt, u64 hpa);
/* Put the frames that leaves of an unlinked level 0 table own. Overwrites the table. */
void axas_npt_free_leaves(struct axas_npt *npt, u64 *table, const void *owner);

/* @many: allocate a buffer, if possible, instead of using the inline records. May sleep. */
void axas_npt_gather_init(struct axas_npt_gather *gather, struct axas_npt *npt, bool many);
/* Leaves or tables of one owner that still fit. */
static inline unsigned int axas_npt_gather_room(const struct axas_npt_gather *gather)
{
	/* Records of empty tables may have filled the spare room beyond @max. */
	unsigned int full = gather->nr + (AXAS_GATHER_MOST - 1);

	return full < gather->max ? gather->max - full : 0;
}

/* Record a broken leaf; its frame is put after the flush, if @owner is not NULL. */
void axas_npt_gather_leaf(struct axas_npt_gather *gather, u64 hpa, unsigned int level,
			  const void *owner);
/* Record an unlinked table at @level, with all tables and leaves below it. */
void axas_npt_gather_table(struct axas_npt_gather *gather, u64 hpa, unsigned int level,
			   const void *owner);
/* Record an unlinked table without entries. */
void axas_npt_gather_empty(struct axas_npt_gather *gather, u64 hpa);
/* Put frames, free tables, and empty the gather. After the flush, without space->lock. */
void axas_npt_gather_free(struct axas_npt_gather *gather);
/* Free the buffer. */
void axas_npt_gather_end(struct axas_npt_gather *gather);

#endif /* _AXAS_NPT_H */
