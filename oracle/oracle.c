// SPDX-License-Identifier: GPL-2.0-only
/*
 * Format-independent part: the walk from the root, the scan over all mapped memory, and the
 * sweep over values of an entry. The manuals are implemented in oracle_<format>.c, which this
 * file calls by struct oracle_ops; it relies only on tables below the root having 512 entries
 * of 8 bytes. No locks.
 */
#include "oracle_impl.h"

#define OPS(NAME, name)	[ORACLE_##NAME] = &oracle_##name##_ops,

static const struct oracle_ops *oracle_ops(const struct oracle_machine *m)
{
	static const struct oracle_ops *const ops[] = { AXAS_NPT_FORMATS(OPS) };

	return (unsigned int)m->format < ORACLE_NR_FORMATS ? ops[m->format] : NULL;
}

/**
 * oracle_possible() - whether such a machine can exist
 * @m: the machine
 *
 * Checks levels, widths and the address of the root; does not read the root.
 *
 * Return: true if oracle_walk() would walk on it.
 */
bool oracle_possible(const struct oracle_machine *m)
{
	const struct oracle_ops *ops = oracle_ops(m);

	if (!ops || !ops->possible(m))
		return false;
	return !(m->root & (oracle_root_bytes(m) - 1)) && !(m->root >> m->oa_bits);
}

/**
 * oracle_ia_bits() - width of the guest-physical addresses that a table translates
 * @m: the machine; its format and levels must be possible
 *
 * Return: number of bits; a gpa with a higher bit set faults.
 */
unsigned int oracle_ia_bits(const struct oracle_machine *m)
{
	return oracle_ops(m)->ia_bits(m);
}

/**
 * oracle_root_bytes() - size of the root table, which is also its alignment
 * @m: the machine; its format, levels and ia_bits must be possible
 *
 * Return: bytes, at least 4096: the module does not use the smaller roots that the manual
 * permits (ARM D8.2.2).
 */
u64 oracle_root_bytes(const struct oracle_machine *m)
{
	u64 bytes = 8ull << (oracle_ia_bits(m) - oracle_shift(m->levels - 1));

	return bytes < 4096 ? 4096 : bytes;
}

static void oracle_decode(const struct oracle_machine *m, unsigned int level, u64 raw,
			  struct oracle_entry *e)
{
	*e = (struct oracle_entry){ .raw = raw, .level = level };
	oracle_ops(m)->entry(m, e);
}

/**
 * oracle_entry() - decode a single entry as hardware does
 * @m: the machine; @root and @read are not used
 * @level: level of the entry, 0 = 4 KiB leaves
 * @raw: its value
 * @e: the decoded entry
 *
 * Return: 0, or -EINVAL if the machine is impossible or has no such level.
 */
int oracle_entry(const struct oracle_machine *m, unsigned int level, u64 raw,
		 struct oracle_entry *e)
{
	const struct oracle_ops *ops = oracle_ops(m);

	if (!ops || !ops->possible(m) || level >= m->levels)
		return -EINVAL;
	oracle_decode(m, level, raw, e);
	return 0;
}

/* Walk to the first entry that does not point to a table. */
static void oracle_descend(const struct oracle_machine *m, u64 gpa, struct oracle_path *p)
{
	unsigned int level = m->levels, top = oracle_ia_bits(m);
	u64 table = m->root;

	*p = (struct oracle_path){ .e.level = level - 1 };
	p->range = gpa >> top;
	if (p->range)
		return;
	p->r = true;
	p->w = true;
	p->x = true;
	p->x_el0 = true;
	do {
		unsigned int shift = oracle_shift(--level);
		u64 slot = table + 8 * oracle_bits(gpa, top - 1, shift);

		oracle_decode(m, level, m->read(m->ctx, slot), &p->e);
		p->r = p->r && p->e.r;
		p->w = p->w && p->e.w;
		p->x = p->x && p->e.x;
		p->x_el0 = p->x_el0 && p->e.x_el0;
		p->res0 |= p->e.res0;
		table = p->e.hpa;
		top = shift;
	} while (p->e.kind == ORACLE_TABLE && level);
}

/* Fill in what the walk has found, before the access is checked. */
static void oracle_report(const struct oracle_machine *m, u64 gpa, const struct oracle_path *p,
			  struct oracle_result *res)
{
	const struct oracle_entry *e = &p->e;

	*res = (struct oracle_result){
		.leaf_shift = e->kind == ORACLE_LEAF ? e->shift : 0,
		.r = p->r,
		.w = p->w,
		.x = p->x,
		.x_el0 = p->x_el0,
		.mem = e->mem,
		.mem_raw = e->mem_raw,
		.share = e->share,
		.contig = e->contig,
		.a = e->a,
		.d = e->d,
		.res0 = p->res0,
		.entry = e->raw,
		.level = e->level,
		.hw_level = oracle_ops(m)->hw_level(m, e->level),
	};
	if (res->leaf_shift)
		res->hpa = e->hpa | oracle_bits(gpa, e->shift - 1, 0);
}

static enum oracle_why oracle_judge(const struct oracle_machine *m, const struct oracle_path *p,
				    const struct oracle_access *a)
{
	if (p->range)
		return ORACLE_WHY_RANGE;
	if (p->e.kind == ORACLE_EMPTY)
		return ORACLE_WHY_ABSENT;
	if (p->e.kind == ORACLE_BAD)
		return p->e.why;
	return oracle_ops(m)->judge(m, p, a);
}

/**
 * oracle_walk() - translate an access as hardware does
 * @m: the machine
 * @gpa: guest-physical address of the access
 * @a: the access
 * @res: the result
 *
 * Context: that of @m->read.
 * Return: 0 for every outcome; -EINVAL if the machine is impossible, or if the access is empty
 * or combines a fetch with a read or write.
 */
int oracle_walk(const struct oracle_machine *m, u64 gpa, const struct oracle_access *a,
		struct oracle_result *res)
{
	struct oracle_path p;

	if (!oracle_possible(m) || a->exec == (a->read || a->write))
		return -EINVAL;
	oracle_descend(m, gpa, &p);
	oracle_report(m, gpa, &p, res);
	res->why = oracle_judge(m, &p, a);
	if (!res->why)
		return 0;
	res->outcome = p.e.kind == ORACLE_BAD ? ORACLE_MISCONFIG : ORACLE_VIOLATION;
	res->syndrome = oracle_ops(m)->syndrome(m, &p, a, res->why);
	return 0;
}

/**
 * oracle_scan() - visit every entry that ends a walk and is not empty
 * @m: the machine
 * @fn: called for each leaf, and each bad entry, in address order
 * @ctx: for @fn
 *
 * A span is the range that one entry covers: a Svnapot leaf is visited as its 16 entries.
 * Cost: one walk for each leaf and each empty entry.
 *
 * Context: that of @m->read and @fn.
 * Return: 0, -EINVAL if the machine is impossible, or the non-zero value that @fn returned.
 */
int oracle_scan(const struct oracle_machine *m, oracle_visit_fn fn, void *ctx)
{
	struct oracle_span span = {};
	struct oracle_path p;
	u64 end;
	int ret;

	if (!oracle_possible(m))
		return -EINVAL;
	end = 1ull << oracle_ia_bits(m);
	for (span.gpa = 0; span.gpa < end; span.gpa += span.size) {
		oracle_descend(m, span.gpa, &p);
		span.size = 1ull << oracle_shift(p.e.level);
		if (p.e.kind == ORACLE_EMPTY)
			continue;
		oracle_report(m, span.gpa, &p, &span.first);
		if (p.e.kind == ORACLE_BAD) {
			span.first.outcome = ORACLE_MISCONFIG;
			span.first.why = p.e.why;
		}
		ret = fn(ctx, &span);
		if (ret)
			return ret;
	}
	return 0;
}

struct oracle_runs {
	oracle_visit_fn fn;
	void *ctx;
	struct oracle_span run;
};

static bool oracle_joins(const struct oracle_span *run, const struct oracle_span *next)
{
	const struct oracle_result *a = &run->first, *b = &next->first;

	return run->size && run->gpa + run->size == next->gpa &&
	       a->outcome == ORACLE_OK && b->outcome == ORACLE_OK &&
	       a->hpa + run->size == b->hpa &&
	       a->r == b->r && a->w == b->w && a->x == b->x && a->x_el0 == b->x_el0 &&
	       a->mem == b->mem && a->mem_raw == b->mem_raw && a->share == b->share;
}

static int oracle_run_step(void *ctx, const struct oracle_span *next)
{
	struct oracle_runs *runs = ctx;
	int ret = 0;

	if (oracle_joins(&runs->run, next)) {
		runs->run.size += next->size;
		return 0;
	}
	if (runs->run.size)
		ret = runs->fn(runs->ctx, &runs->run);
	runs->run = *next;
	return ret;
}

/**
 * oracle_scan_runs() - visit mapped memory in runs, independent of leaf sizes
 * @m: the machine
 * @fn: called for each run, in address order
 * @ctx: for @fn
 *
 * A run consists of adjacent leaves that map adjacent memory with the same permissions and
 * memory type: the mapping that was requested, not its encoding. A bad entry is a run of its
 * own.
 *
 * Context: that of @m->read and @fn.
 * Return: as oracle_scan().
 */
int oracle_scan_runs(const struct oracle_machine *m, oracle_visit_fn fn, void *ctx)
{
	struct oracle_runs runs = { .fn = fn, .ctx = ctx };
	int ret;

	ret = oracle_scan(m, oracle_run_step, &runs);
	if (ret || !runs.run.size)
		return ret;
	return fn(ctx, &runs.run);
}

/**
 * oracle_sweep() - decode an entry with every value of some of its bits
 * @m: the machine
 * @level: level of the entry
 * @base: value of the other bits; its bits in @mask are ignored
 * @mask: the bits to vary; 2^n calls for n bits
 * @fn: called for each value, in ascending order
 * @ctx: for @fn
 *
 * Return: 0, -EINVAL as oracle_entry(), or the non-zero value that @fn returned.
 */
int oracle_sweep(const struct oracle_machine *m, unsigned int level, u64 base, u64 mask,
		 int (*fn)(void *ctx, const struct oracle_entry *e), void *ctx)
{
	struct oracle_entry e;
	u64 v = 0;
	int ret;

	do {
		ret = oracle_entry(m, level, (base & ~mask) | v, &e);
		if (!ret)
			ret = fn(ctx, &e);
		if (ret)
			return ret;
		v = (v - mask) & mask;	/* increment within the bits of mask */
	} while (v);
	return 0;
}

/**
 * oracle_why_name() - name of a reason, for messages
 * @why: the reason
 *
 * Return: a constant string.
 */
const char *oracle_why_name(enum oracle_why why)
{
	switch (why) {
	case ORACLE_WHY_NONE:
		return "none";
	case ORACLE_WHY_RANGE:
		return "gpa out of range";
	case ORACLE_WHY_ABSENT:
		return "not present";
	case ORACLE_WHY_PERM:
		return "permission";
	case ORACLE_WHY_ACCESSED:
		return "accessed or dirty bit";
	case ORACLE_WHY_WRITE_ONLY:
		return "write without read";
	case ORACLE_WHY_EXEC_ONLY:
		return "execute-only";
	case ORACLE_WHY_MEMTYPE:
		return "memory type";
	case ORACLE_WHY_LEVEL:
		return "wrong level";
	case ORACLE_WHY_MISALIGNED:
		return "misaligned";
	case ORACLE_WHY_ADDRESS:
		return "address width";
	case ORACLE_WHY_RESERVED:
		return "reserved bit";
	}
	return "?";
}
