/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the oracle's own files: bit fields as the manuals write them, and
 * what each format supplies to the walk in oracle.c.
 */
#ifndef ORACLE_IMPL_H
#define ORACLE_IMPL_H

#include "oracle.h"

/* v[hi:lo], as every manual writes it; empty if hi < lo. */
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

/* v with all but v[hi:lo] clear. */
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
 * struct oracle_path - a walk that has ended
 * @e: the entry at which it did
 * @r: permission over all entries, likewise @w, @x, @x_el0
 * @w: see @r
 * @x: see @r
 * @x_el0: see @r
 * @range: it never began, the gpa is too wide
 * @res0: over all entries
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
 * @possible: can such a machine exist; @levels and @root are the format's to
 *	check, what holds for all is checked in oracle.c
 * @ia_bits: guest-physical bits that a table translates
 * @hw_level: the manual's name of a level
 * @entry: decodes; @raw and @level are set, all else is zero
 * @judge: whether the leaf at the end of the walk allows the access
 * @syndrome: what is reported of a fault, outcome and why being known
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

extern const struct oracle_ops oracle_ept_ops;
extern const struct oracle_ops oracle_svm_ops;
extern const struct oracle_ops oracle_s2_ops;
extern const struct oracle_ops oracle_gstage_ops;

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
