/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Types of the entries and walks that were decoded by hand, and their checks.
 *
 * A harness includes vectors_<format>.h and calls the check for each element of
 * oracle_<format>_vectors, _figures and _walks; it returns NULL, or the name of the first
 * wrong field.
 */
#ifndef ORACLE_VECTORS_H
#define ORACLE_VECTORS_H

#include "oracle.h"

/* Permissions of an entry, or kinds of an access. */
enum {
	V_R = 1,
	V_W = 2,
	V_X = 4,		/* on Arm at EL1 */
	V_X0 = 8,		/* at EL0; other formats: same as V_X */
	V_WALK = 16,		/* access: the guest's own walk for it */
	V_EX = V_X | V_X0,
	V_RX = V_R | V_EX,
	V_RW = V_R | V_W,
	V_RWX = V_R | V_W | V_EX,
};

/**
 * struct oracle_vector - an entry and its decoding by the manual
 * @name: name of the test
 * @section: section of the manual
 * @m: the machine
 * @level: level of the entry, 0 = 4 KiB
 * @raw: its value
 * @kind: expected kind
 * @why: expected reason, bad entries only
 * @hpa: expected address, tables and leaves
 * @shift: expected log2 of the size, leaves
 * @perm: expected permissions V_*, leaves
 * @mem: expected memory type, leaves
 * @mem_raw: expected encoding of the memory type, leaves
 * @res0: expected &oracle_entry.res0, tables and leaves
 */
struct oracle_vector {
	const char *name;
	const char *section;
	const struct oracle_machine *m;
	unsigned int level;
	u64 raw;
	enum oracle_kind kind;
	enum oracle_why why;
	u64 hpa;
	unsigned int shift;
	unsigned int perm;
	enum oracle_mem mem;
	unsigned int mem_raw;
	u64 res0;
};

#define V_EMPTY(_name, _section, _m, _level, _raw) {			\
	.name = _name, .section = _section, .m = &(_m), .level = _level,	\
	.raw = _raw, .kind = ORACLE_EMPTY }

#define V_BAD(_name, _section, _m, _level, _raw, _why) {		\
	.name = _name, .section = _section, .m = &(_m), .level = _level,	\
	.raw = _raw, .kind = ORACLE_BAD, .why = ORACLE_WHY_##_why }

#define V_TABLE0(_name, _section, _m, _level, _raw, _hpa, _res0) {	\
	.name = _name, .section = _section, .m = &(_m), .level = _level,	\
	.raw = _raw, .kind = ORACLE_TABLE, .hpa = _hpa, .res0 = _res0 }

#define V_TABLE(_name, _section, _m, _level, _raw, _hpa)		\
	V_TABLE0(_name, _section, _m, _level, _raw, _hpa, 0)

#define V_LEAF0(_name, _section, _m, _level, _raw, _hpa, _shift, _perm, _mem, _mem_raw, _res0) { \
	.name = _name, .section = _section, .m = &(_m), .level = _level,	\
	.raw = _raw, .kind = ORACLE_LEAF, .hpa = _hpa, .shift = _shift,		\
	.perm = _perm, .mem = ORACLE_##_mem, .mem_raw = _mem_raw, .res0 = _res0 }

#define V_LEAF(_name, _section, _m, _level, _raw, _hpa, _shift, _perm, _mem, _mem_raw)	\
	V_LEAF0(_name, _section, _m, _level, _raw, _hpa, _shift, _perm, _mem, _mem_raw, 0)

/**
 * struct oracle_figure - an entry and the effect of flipping each of its bits
 * @name: name of the test
 * @section: the manual's figure or table
 * @m: the machine
 * @level: level of the entry
 * @raw: its value
 * @bits: 64 letters for bits 63 to 0, with optional blanks. Flipping the bit changes: '.'
 *	nothing, 'a' the address, 'p' permissions, 'm' the memory type, 's' accessed, dirty,
 *	shareability or contiguous, 'z' a bit that must be zero and is ignored; or the entry
 *	becomes 'T' a table, 'L' a leaf, 'E' empty, 'X' bad
 */
struct oracle_figure {
	const char *name;
	const char *section;
	const struct oracle_machine *m;
	unsigned int level;
	u64 raw;
	const char *bits;
};

/**
 * struct oracle_walk_vector - memory contents, an access, and its result
 * @name: name of the test
 * @section: section of the manual
 * @m: the machine, without its read and ctx
 * @mem: memory contents by address; all other memory reads as 0
 * @gpa: address of the access
 * @access: V_*; V_X is a fetch at EL1, V_X0 at EL0
 * @outcome: expected outcome
 * @why: expected reason of a fault
 * @hpa: expected address, if the access succeeds
 * @level: expected level at which the walk ends
 * @syndrome: expected syndrome of a fault
 */
struct oracle_walk_vector {
	const char *name;
	const char *section;
	const struct oracle_machine *m;
	struct {
		u64 hpa;
		u64 raw;
	} mem[5];
	u64 gpa;
	unsigned int access;
	enum oracle_outcome outcome;
	enum oracle_why why;
	u64 hpa;
	unsigned int level;
	u64 syndrome;
};

static inline unsigned int oracle_vector_perm(const struct oracle_entry *e)
{
	return (e->r ? V_R : 0) | (e->w ? V_W : 0) | (e->x ? V_X : 0) | (e->x_el0 ? V_X0 : 0);
}

static inline const char *oracle_vector_check(const struct oracle_vector *v)
{
	struct oracle_entry e;

	if (oracle_entry(v->m, v->level, v->raw, &e))
		return "machine";
	if (e.kind != v->kind)
		return "kind";
	if (e.why != v->why)
		return "why";
	if (e.kind != ORACLE_LEAF && e.kind != ORACLE_TABLE)
		return NULL;
	if (e.hpa != v->hpa)
		return "hpa";
	if (e.res0 != v->res0)
		return "res0";
	if (e.kind != ORACLE_LEAF)
		return NULL;
	if (e.shift != v->shift)
		return "shift";
	if (oracle_vector_perm(&e) != v->perm)
		return "perm";
	if (e.mem != v->mem)
		return "mem";
	return e.mem_raw != v->mem_raw ? "mem_raw" : NULL;
}

/* The letter in &oracle_figure.bits for the difference between two entries. */
static inline char oracle_figure_letter(const struct oracle_entry *from,
					const struct oracle_entry *to)
{
	static const char kind[] = { 'E', 'T', 'L', 'X' };

	if (from->kind != to->kind)
		return kind[to->kind];
	if (from->hpa != to->hpa || from->shift != to->shift)
		return 'a';
	if (oracle_vector_perm(from) != oracle_vector_perm(to))
		return 'p';
	if (from->mem_raw != to->mem_raw)
		return 'm';
	if (from->a != to->a || from->d != to->d || from->share != to->share ||
	    from->contig != to->contig)
		return 's';
	return from->res0 != to->res0 ? 'z' : '.';
}

static inline const char *oracle_figure_check(const struct oracle_figure *f)
{
	struct oracle_entry from, to;
	const char *want = f->bits;
	int bit;

	if (oracle_entry(f->m, f->level, f->raw, &from))
		return "machine";
	for (bit = 63; bit >= 0; bit--) {
		while (*want == ' ')
			want++;
		oracle_entry(f->m, f->level, f->raw ^ 1ull << bit, &to);
		if (oracle_figure_letter(&from, &to) != *want++)
			return "bits";
	}
	return *want ? "length" : NULL;
}

static inline u64 oracle_walk_vector_read(void *ctx, u64 hpa)
{
	const struct oracle_walk_vector *v = ctx;
	unsigned int i;

	for (i = 0; i < sizeof(v->mem) / sizeof(*v->mem); i++)
		if (v->mem[i].raw && v->mem[i].hpa == hpa)
			return v->mem[i].raw;
	return 0;
}

static inline const char *oracle_walk_vector_check(const struct oracle_walk_vector *v)
{
	struct oracle_access a = {
		.read = v->access & V_R,
		.write = v->access & V_W,
		.exec = v->access & V_EX,
		.user = v->access & V_X0,
		.walk = v->access & V_WALK,
	};
	struct oracle_machine m = *v->m;
	struct oracle_result res;

	m.read = oracle_walk_vector_read;
	m.ctx = (void *)v;
	if (oracle_walk(&m, v->gpa, &a, &res))
		return "machine";
	if (res.outcome != v->outcome)
		return "outcome";
	if (res.why != v->why)
		return "why";
	if (res.level != v->level)
		return "level";
	if (res.syndrome != v->syndrome)
		return "syndrome";
	return res.outcome == ORACLE_OK && res.hpa != v->hpa ? "hpa" : NULL;
}

#endif /* ORACLE_VECTORS_H */
