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
#include <linux/compiler.h>
#include <linux/jump_label.h>
#include <axas/hal.h>
#include <uapi/axas/axas.h>

/* A proof of the algorithm takes tables of 4 entries. */
#ifndef AXAS_NPT_LEVEL_BITS
#define AXAS_NPT_LEVEL_BITS	9
#endif
#define AXAS_NPT_MAX_LEVELS	5

/**
 * enum axas_pt_kind - what an entry is
 * @AXAS_PT_EMPTY: nothing: all zeroes, which is what a removal leaves behind
 * @AXAS_PT_ZERO: nothing yet, and zeroes when it is touched, whatever lies below
 * @AXAS_PT_BUSY: nothing for a moment: somebody replaces what it maps
 * @AXAS_PT_TABLE: points to a table
 * @AXAS_PT_LEAF: maps a frame
 *
 * The first three are not present: they carry no address and no permission.
 */
enum axas_pt_kind {
	AXAS_PT_EMPTY,
	AXAS_PT_ZERO,
	AXAS_PT_BUSY,
	AXAS_PT_TABLE,
	AXAS_PT_LEAF,
};

/* The kind of an entry that is not present, by the format's two markers. */
static inline enum axas_pt_kind axas_npt_absent(u64 entry, u64 zero, u64 busy)
{
	if (likely(!entry))
		return AXAS_PT_EMPTY;
	return entry == zero ? AXAS_PT_ZERO : entry == busy ? AXAS_PT_BUSY : AXAS_PT_EMPTY;
}

/**
 * struct axas_npt_need - what an entry of level 0 must be for an access to go on
 * @mask: the bits that are looked at
 * @value: what they are in a leaf that permits the access
 */
struct axas_npt_need {
	u64 mask;
	u64 value;
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

/*
 * Counters that faults change lie in a few shards, each a cache line: a space costs the
 * same on any number of CPUs. A machine with no more CPUs than shards needs no atomic
 * operation for them.
 */
#define AXAS_NPT_SHARDS		8

/**
 * struct axas_npt_shard - what some CPUs count, at each fault
 * @made: leaves of level 0 that were made one by one
 * @found: faults that found their leaf there
 */
struct axas_npt_shard {
	atomic_long_t made;
	atomic_long_t found;
} ____cacheline_aligned;

/* There are more CPUs than shards. */
DECLARE_STATIC_KEY_FALSE(axas_npt_shared_shards);

/* Count up in this CPU's shard. Preemption is off. */
static __always_inline void axas_npt_count(atomic_long_t *count)
{
	if (static_branch_unlikely(&axas_npt_shared_shards))
		atomic_long_inc(count);
	else
		/* This CPU alone writes to it; a reader may see it as it was. */
		data_race(count->counter++);
}

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
 * struct axas_npt_pos - where a walk ended
 * @ptep: the entry's place: that of a leaf, or of the first entry that is not present
 * @entry: what was there
 * @level: its level
 */
struct axas_npt_pos {
	u64 *ptep;
	u64 entry;
	u32 level;
};

/**
 * struct axas_npt_spares - tables that were allocated where sleeping was allowed
 * @first: the first of them; each holds the address of the next
 * @nr: how many
 */
struct axas_npt_spares {
	u64 *first;
	unsigned int nr;
};

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
 * struct axas_npt_job - what is done to the leaves of a range, piece by piece
 * @begin: first address of the range
 * @first: first address that is to be done yet
 * @last: last address
 * @budget: entries that may be looked at in this piece, those on the way to the first one
 *	included: more than the table has levels. It ends where they are spent, or the
 *	gather is full
 * @done: all of the range is done
 * @changed: protect: whether a flush is needed
 * @prot: protect: the new AXAS_PROT_*
 * @nr: collapse: tables that were replaced
 * @owner: unmap: whose the frames are that the leaves own; NULL: they own none
 * @gather: unmap, collapse: what is freed after the flush
 */
struct axas_npt_job {
	u64 begin;
	u64 first;
	u64 last;
	unsigned int budget;
	bool done;
	bool changed;
	u32 prot;
	u64 nr;
	const void *owner;
	struct axas_npt_gather *gather;
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
 * @can: whether a leaf can encode this protection and type
 * @need: what an access asks of an entry of level 0
 * @present: a leaf of level 0 has one of these bits, at least
 * @hw_bits: bits that hardware sets in a leaf of level 0
 * @borrowed: the software bit of a leaf of level 0 whose frame is an image's
 * @zero: an entry of kind AXAS_PT_ZERO
 * @busy: an entry of kind AXAS_PT_BUSY
 * @kind: what an entry is
 * @decode: a leaf in the algorithm's terms
 * @leaf: a leaf for a frame
 * @with_prot: a leaf with another protection
 * @map: alone in its range; see axas_npt_map()
 * @walk: shared; see axas_npt_walk()
 * @reach: shared; see axas_npt_reach()
 * @split_at: exclusive; see axas_npt_split_at()
 * @unmap: exclusive; see axas_npt_unmap()
 * @protect: exclusive; see axas_npt_protect()
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
	struct axas_npt_need (*need)(u32 access);
	u64 present;
	u64 hw_bits;
	u64 borrowed;
	u64 zero;
	u64 busy;
	enum axas_pt_kind (*kind)(u64 entry, unsigned int level);
	struct axas_leaf (*decode)(u64 entry, unsigned int level);
	u64 (*leaf)(const struct axas_npt *npt, u64 hpa, u32 prot, u32 type,
		    unsigned int level);
	u64 (*with_prot)(u64 entry, u32 prot, unsigned int level);
	int (*map)(struct axas_npt *npt, struct axas_npt_range *range);
	void (*walk)(const struct axas_npt *npt, struct axas_npt_cursor *cursor, u64 gpa,
		     struct axas_npt_pos *pos);
	int (*reach)(struct axas_npt *npt, struct axas_npt_spares *spares, u64 gpa,
		     unsigned int level, struct axas_npt_pos *pos);
	void (*split_at)(struct axas_npt *npt, u64 gpa);
	void (*unmap)(struct axas_npt *npt, struct axas_npt_job *job);
	void (*protect)(struct axas_npt *npt, struct axas_npt_job *job);
	void (*collapse)(struct axas_npt *npt, struct axas_npt_job *job);
	bool (*next_leaf)(const struct axas_npt *npt, u64 *gpa, struct axas_leaf *leaf,
			  u64 *entry);
	void (*free_table)(struct axas_npt *npt, u64 table, unsigned int level,
			   const void *owner);
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
 * @put_frames: the frames of @n leaves at @level are not mapped any more; @owner is what
 *	axas_npt_unmap() was told
 */
struct axas_npt_ops {
	void (*flush)(struct axas_npt *npt, u64 first, u64 last, bool tables);
	void (*put_frames)(struct axas_npt *npt, const void *owner, const struct axas_hpa *hpas,
			   unsigned int n, unsigned int level);
};

/**
 * struct axas_npt - one nested page table
 * @fmt: its format
 * @ops: its owner's callbacks
 * @hal: where its tables come from
 * @root: the root table, or the first of the tables that make up the root
 * @root_hpa: the root's host-physical address
 * @need: the format's, by access; nothing satisfies that of no access at all
 * @leaf_mask: the format's
 * @present: the format's
 * @leaf_fixed: bits in which leaves of level 0 of one area do not differ
 * @marked: entries may be BORROWED, ZERO or BUSY; set before the first one is made
 * @leaf_shift: the format's
 * @ia_bits: bits of guest-physical address
 * @levels: how many
 * @root_bits: bits of guest-physical address that index the root
 * @root_order: log2 of the root's 4 KiB pages
 * @caps: the machine that it is for
 * @reserve: tables for splits
 * @tables: 4 KiB pages of tables
 * @leaves: leaves at each level, but for those in the shards
 * @shards: what faults count
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
	bool marked;
	u8 leaf_shift;
	u8 ia_bits;
	u8 levels;
	u8 root_bits;
	u8 root_order;
	struct axas_npt_caps caps;
	struct axas_npt_spares reserve;
	atomic_long_t tables;
	atomic_long_t leaves[AXAS_NPT_MAX_LEVELS];
	struct axas_npt_shard shards[AXAS_NPT_SHARDS];
};

/* Records on the stack of the caller, and in a buffer if one could be had. */
#define AXAS_GATHER_INLINE	32
#define AXAS_GATHER_BUFFER	(2048 - AXAS_NPT_MAX_LEVELS)

/*
 * A removal of one leaf or table takes three records at most: itself, and a new owner.
 * Behind them is room for the tables above that are empty then.
 */
#define AXAS_GATHER_MOST	3

/**
 * struct axas_npt_gather - what was unlinked and may be freed after the flush
 * @npt: the table it came from
 * @pending: something lost its translation and was not flushed yet
 * @tables: tables are among it
 * @nr: records
 * @max: how many fit
 * @owner: whose the leaves are that come next
 * @recs: the records: @inline_recs or a buffer
 * @inline_recs: room for a few
 *
 * Nothing is allocated while it fills: who removes ends its piece when it is full.
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

/* The last guest-physical byte that a table can encode. */
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
 * @caps: the machine, NULL for this host. -EINVAL: ia_bits out of the format's
 * reach, or no such machine; -EOPNOTSUPP: out of the machine's; -ENOMEM.
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

/* Whether a leaf can encode this; what it cannot encode is never widened. */
static inline bool axas_npt_can(const struct axas_npt *npt, u32 prot, u32 type)
{
	return npt->fmt->can(npt, prot, type);
}

/*
 * How an entry changes, in these ways only:
 *
 *  make	not present to a table or a leaf, by cmpxchg: shared. It is a full barrier:
 *		whoever walks into a table finds it filled.
 *  break	to what is not present, by xchg, for hardware may set accessed and dirty bits
 *		at any time: exclusive, or by who holds the entry's BUSY marker.
 *  adjust	the bits of a leaf in which two protections differ, by xor: exclusive.
 *  replace	a leaf by the table of what it mapped, or the reverse, by a store that
 *		releases: exclusive. Formats that need break-before-make break first.
 *
 * Linear memory is mapped by stores into entries that nobody else fills.
 */
DECLARE_STATIC_KEY_FALSE(axas_npt_watched);

/* For tests: told of each change of an entry that hardware may walk. */
struct axas_npt_watch {
	void (*changed)(struct axas_npt *npt, u64 *ptep, unsigned int level, u64 old, u64 new);
};

extern const struct axas_npt_watch *axas_npt_watch;

static __always_inline void axas_npt_changed(struct axas_npt *npt, u64 *ptep, unsigned int level,
					     u64 old, u64 new)
{
	if (static_branch_unlikely(&axas_npt_watched))
		axas_npt_watch->changed(npt, ptep, level, old, new);
}

/* Whether entries need no more than the eye: none has a marker, and nobody watches. */
static __always_inline bool axas_npt_is_plain(const struct axas_npt *npt)
{
	return !npt->marked && !static_branch_unlikely(&axas_npt_watched);
}

/* True when *@old was still there; else it is what is there now. */
static __always_inline bool axas_npt_make(struct axas_npt *npt, u64 *ptep, unsigned int level,
					  u64 *old, u64 new)
{
	if (unlikely(!try_cmpxchg(ptep, old, new)))
		return false;
	axas_npt_changed(npt, ptep, level, *old, new);
	return true;
}

/* What was there, with all that hardware had set in it. @marker: 0, or the format's. */
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
	/* Whoever walks into the table must find it filled. */
	smp_store_release(ptep, new);
	axas_npt_changed(npt, ptep, level, old, new);
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
 * Walk to the leaf that maps an address, or to the first entry that is not present. Shared.
 * A walk that comes to a table of level 0 leaves it in the cursor. An address beyond the
 * table ends nowhere: with no @pos->ptep, and a @pos->entry of 0.
 */
static inline void axas_npt_walk(const struct axas_npt *npt, struct axas_npt_cursor *cursor,
				 u64 gpa, struct axas_npt_pos *pos)
{
	npt->fmt->walk(npt, cursor, gpa, pos);
}

/*
 * Go on from where a walk ended down to @level, linking spare tables. Shared. 0, and @pos is
 * at @level; -EEXIST: a leaf is in the way, or somebody replaces one; -EAGAIN: @pos is
 * where more spares are wanted, one for each level down to @level.
 */
static inline int axas_npt_reach(struct axas_npt *npt, struct axas_npt_spares *spares, u64 gpa,
				 unsigned int level, struct axas_npt_pos *pos)
{
	return npt->fmt->reach(npt, spares, gpa, level, pos);
}

/*
 * Have @nr spare tables, zeroed. May sleep. 0, -ENOMEM, or if @killable -EINTR on a fatal
 * signal.
 */
int axas_npt_get_spares(struct axas_npt *npt, struct axas_npt_spares *spares, u64 nr,
			bool killable);
/* One of the spares; NULL when there is none. */
u64 *axas_npt_take_spare(struct axas_npt *npt, struct axas_npt_spares *spares, u64 *hpa);
/* Keep a table as a spare that was taken and not linked. @dirty: it is not zeroed any more. */
void axas_npt_keep_spare(struct axas_npt_spares *spares, u64 *table, bool dirty);
void axas_npt_put_spares(struct axas_npt *npt, struct axas_npt_spares *spares);

static inline enum axas_pt_kind axas_npt_kind(const struct axas_npt *npt,
					      const struct axas_npt_pos *pos)
{
	return npt->fmt->kind(pos->entry, pos->level);
}

/* Whether an entry of level 0 lets an access go on: the leaf decides, and it alone. */
static inline bool axas_npt_allows(const struct axas_npt *npt, u64 entry, u32 access)
{
	const struct axas_npt_need *need = &npt->need[access & AXAS_PROT_MASK];

	return (entry & need->mask) == need->value;
}

/*
 * The leaf that maps an address. Shared. False when there is none: leaf->level is
 * then that of the entry which is not present, where the largest leaf could be.
 */
bool axas_npt_lookup(const struct axas_npt *npt, u64 gpa, struct axas_leaf *leaf);

/* Where an address is, by the leaf at which a walk to it ended. */
void axas_npt_resolve(const struct axas_npt *npt, const struct axas_npt_pos *pos, u64 gpa,
		      struct axas_translation *to);

/*
 * Install one leaf. Shared; allocates the tables that it needs. 0; -EEXIST when a leaf, or
 * for a leaf above level 0 a table, is there already; -ENOMEM.
 */
int axas_npt_map_leaf(struct axas_npt *npt, u64 gpa, u64 hpa, u32 prot, u32 type,
		      unsigned int level);

/* Install a leaf where a walk ended, at its level. Shared. False when something is there. */
bool axas_npt_install(struct axas_npt *npt, struct axas_npt_pos *pos, u64 leaf);

/* Whether a cursor is at the table of level 0 that maps an address. */
static inline bool axas_npt_cursor_at(const struct axas_npt_cursor *cursor, u64 gpa)
{
	return cursor->region == gpa >> axas_npt_shift(1);
}

/*
 * Leaves at level 0 are what all that is frequent comes to. On every format such a leaf is
 * an address, shifted, and attributes that do not depend on it. So they can be read and
 * made without asking the format each time.
 */

/* An address's entry in a table of level 0. */
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

/* All of a leaf of level 0 but its address. axas_npt_can() encode @prot and @type. */
static inline u64 axas_npt_leaf_attr(const struct axas_npt *npt, u32 prot, u32 type)
{
	return npt->fmt->leaf(npt, 0, prot, type, 0);
}

/* Whether an entry of level 0 is a leaf, whatever it permits. */
static inline bool axas_npt_is_leaf(const struct axas_npt *npt, u64 entry)
{
	return entry & npt->present;
}

/*
 * Install one leaf in place of *@old, which is not present, and count it in this CPU's
 * shard. Shared; preemption is off.
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
 * Install leaves that follow each other in a table. Shared. How many found something in
 * their place: their frames are the first in @hpas then.
 */
unsigned int axas_npt_fill(struct axas_npt *npt, u64 *ptep, struct axas_hpa *hpas,
			   unsigned int n, u64 attr);

/* Length of the leading run of entries that are all empty (@empty) or all not, at most @max. */
unsigned int axas_npt_run_of(const u64 *ptep, unsigned int max, bool empty);

/* Whether a table has no entries. Exclusive. */
bool axas_npt_is_empty(const u64 *table);

/*
 * Splitting a leaf takes tables. They are reserved before anything is changed, so
 * that the split itself cannot fail: count, reserve, split, and give back the rest.
 * All of it exclusive, but for the counting, which needs that nobody else maps there.
 */
u64 axas_npt_count_split_at(const struct axas_npt *npt, u64 gpa);
/* 0, or -EINTR on a fatal signal. */
int axas_npt_count_split_all(const struct axas_npt *npt, u64 first, u64 last, u64 *tables);

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
 * tables that are empty then. Exclusive.
 */
static inline void axas_npt_unmap(struct axas_npt *npt, struct axas_npt_job *job)
{
	npt->fmt->unmap(npt, job);
}

/*
 * Give the leaves of a range another protection that axas_npt_can() encode. Exclusive. One
 * that reaches across an end has that protection already. Leaves that are larger than it
 * allows are split: tables are reserved then.
 */
static inline void axas_npt_protect(struct axas_npt *npt, struct axas_npt_job *job)
{
	npt->fmt->protect(npt, job);
}

/*
 * Replace tables that lie in a range, and whose leaves map one aligned piece of memory
 * alike, by one leaf each. Exclusive.
 */
static inline void axas_npt_collapse(struct axas_npt *npt, struct axas_npt_job *job)
{
	npt->fmt->collapse(npt, job);
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

/* Leaves of a run at most: looking for its end is bounded work. */
#define AXAS_NPT_RUN_LEAVES	8192

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
/* Leaves of level 0 that were made one by one, since the table was made. */
long axas_npt_made(const struct axas_npt *npt);

/* A zeroed table; NULL when there is no memory. */
u64 *axas_npt_alloc_table(struct axas_npt *npt, u64 *hpa);
/* A table whose entries its taker writes, every one. */
u64 *axas_npt_alloc_table_unset(struct axas_npt *npt, u64 *hpa);
/* A table that no CPU can walk: one that was never linked, or after the flush. */
void axas_npt_free_table(struct axas_npt *npt, u64 hpa);
/* Put what the leaves of an unlinked table of level 0 map, if they own it. The table is spoilt. */
void axas_npt_free_leaves(struct axas_npt *npt, u64 *table, const void *owner);

/* A gather with room for a few records, or if @many for a table's worth and more. May sleep. */
void axas_npt_gather_init(struct axas_npt_gather *gather, struct axas_npt *npt, bool many);
/* Leaves or tables of one owner that there is room for. */
static inline unsigned int axas_npt_gather_room(const struct axas_npt_gather *gather)
{
	/* Of tables that became empty some may lie behind @max already. */
	unsigned int full = gather->nr + (AXAS_GATHER_MOST - 1);

	return full < gather->max ? gather->max - full : 0;
}

/* A leaf was broken; its frame is to be put after the flush, if it has an owner. */
void axas_npt_gather_leaf(struct axas_npt_gather *gather, u64 hpa, unsigned int level,
			  const void *owner);
/* A table at @level was unlinked, with all below it. */
void axas_npt_gather_table(struct axas_npt_gather *gather, u64 hpa, unsigned int level,
			   const void *owner);
/* A table without entries was unlinked. */
void axas_npt_gather_empty(struct axas_npt_gather *gather, u64 hpa);
/* After the flush, and outside the lock: put frames, free tables; it is empty then. */
void axas_npt_gather_free(struct axas_npt_gather *gather);
/* Give the buffer back. */
void axas_npt_gather_end(struct axas_npt_gather *gather);

#endif /* _AXAS_NPT_H */
