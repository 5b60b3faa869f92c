/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internal to the oracle: bit fields in the manuals' notation, and the functions that each
 * format provides to oracle.c.
 */
#ifndef ORACLE_IMPL_H
#define ORACLE_IMPL_H

#include "oracle.h"

/* v[hi:lo] in the manuals' notation; 0 if hi < lo. */
static inline u64 oracle_bits(u64 v, unsigned int hi, unsigned int lo)
{
	if (hi < lo)
		return 0;
	return (v >> lo) & (~0ull >> (63 - (hi - lo)));
}

static inline bool oracle_bit(u64 v, unsigned int n)
{
	return (v >> n) & 1;
}

/* v with all bits but v[hi:lo] cleared. */
static inline u64 oracle_field(u64 v, unsigned int hi, unsigned int lo)
{
	return oracle_bits(v, hi, lo) << (hi < lo ? 0 : lo);
}

/* All formats have 4 KiB pages and 512 entries in a table below the root. */
static inline unsigned int oracle_shift(unsigned int level)
{
	return 12 + 9 * level;
}

/**
 * struct oracle_path - a completed walk
 * @e: the entry at which it ended
 * @r: all its entries permit reads
 * @w: likewise, writes
 * @x: likewise, execution
 * @x_el0: likewise, execution at EL0
 * @range: the gpa has too many bits: no entry was read
 * @res0: combined over all its entries
 */
struct oracle_path {
	struct oracle_entry e;
	bool r;
	bool w;
	bool x;
	bool x_el0;
	bool range;
	u64 res0;
};

/**
 * struct oracle_ops - one format
 * @possible: whether such a machine can exist: levels and widths; oracle.c checks the root
 * @ia_bits: width of the guest-physical addresses that a table translates
 * @hw_level: the manual's number of a level
 * @entry: decode an entry; @raw and @level are set, all other members are zero
 * @judge: check whether the walk permits the access
 * @syndrome: fault information for a known reason
 */
struct oracle_ops {
	bool (*possible)(const struct oracle_machine *m);
	unsigned int (*ia_bits)(const struct oracle_machine *m);
	unsigned int (*hw_level)(const struct oracle_machine *m, unsigned int level);
	void (*entry)(const struct oracle_machine *m, struct oracle_entry *e);
	enum oracle_why (*judge)(const struct oracle_machine *m, const struct oracle_path *p,
				 const struct oracle_access *a);
	u64 (*syndrome)(const struct oracle_machine *m, const struct oracle_path *p,
			const struct oracle_access *a, enum oracle_why why);
};

#define ORACLE_OPS(NAME, name)	extern const struct oracle_ops oracle_##name##_ops;
AXAS_NPT_FORMATS(ORACLE_OPS)

static inline void oracle_set_rwx(struct oracle_entry *e, bool r, bool w, bool x)
{
	e->r = r;
	e->w = w;
	e->x = x;
	e->x_el0 = x;
}

static inline void oracle_set_bad(struct oracle_entry *e, enum oracle_why why)
{
	e->kind = ORACLE_BAD;
	e->why = why;
}

static inline void oracle_set_table(struct oracle_entry *e, u64 hpa)
{
	e->kind = ORACLE_TABLE;
	e->hpa = hpa;
}

static inline void oracle_set_leaf(struct oracle_entry *e, u64 hpa)
{
	e->kind = ORACLE_LEAF;
	e->shift = oracle_shift(e->level);
	e->hpa = hpa;
}

static inline bool oracle_allows(const struct oracle_path *p, bool r, bool w, bool x)
{
	return (!r || p->r) && (!w || p->w) && (!x || p->x);
}

#endif /* ORACLE_IMPL_H */
