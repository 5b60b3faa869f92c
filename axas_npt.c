// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested page tables, as far as no entry's encoding matters: formats by name, a
 * table's birth and end, pages for tables, counters, and the gathering of what is
 * freed after a flush. Calls the frame room and the HAL. Locks: axas_npt.h.
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

/*
 * A record of a gather: an address of 4 KiB alignment, and in its low bits what
 * is there.
 */
#define REC_LEVEL	GENMASK_ULL(3, 0)
#define REC_TABLE	BIT_ULL(4)
#define REC_OWNED	BIT_ULL(5)
#define REC_HPA		(~GENMASK_ULL(AXAS_FRAME_SHIFT - 1, 0))

/* A page of records; those that are full form a list. */
struct axas_npt_batch {
	struct axas_npt_batch *next;
	u64 nr;
	u64 recs[PAGE_SIZE / sizeof(u64) - 2];
};

static_assert(sizeof(struct axas_npt_batch) == PAGE_SIZE);
/* Entries and records become addresses in their place. */
static_assert(sizeof(struct axas_hpa) == sizeof(u64));

static const struct axas_npt_fmt * const formats[] = {
	&axas_npt_ept,
	&axas_npt_svm,
	&axas_npt_s2,
	&axas_npt_gstage,
};

const struct axas_npt_fmt *axas_npt_fmt_by_id(u32 id)
{
	unsigned int i;

	if (id == AXAS_FORMAT_DEFAULT)
		id = axas_host_format();
	for (i = 0; i < ARRAY_SIZE(formats); i++)
		if (formats[i]->id == id)
			return formats[i];
	return NULL;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_fmt_by_id);

static void count_tables(struct axas_npt *npt, long n)
{
	this_cpu_add(npt->stats->tables, n);
}

/* Pages for tables. One that no entry and no control register can name is none. */
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

void axas_npt_free_table(struct axas_npt *npt, u64 hpa)
{
	npt->hal->free_frame(npt->hal, axas_hpa(hpa), 0, AXAS_FRAME_TABLE);
	count_tables(npt, -1);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_free_table);

unsigned int axas_npt_fill(struct axas_npt *npt, u64 *slot, struct axas_hpa *hpas,
			   unsigned int n, u64 attr)
{
	unsigned int lost = 0;
	unsigned long i;

	for (i = 0; i < n; i++) {
		u64 empty = 0;

		if (unlikely(!try_cmpxchg(&slot[i], &empty,
					  axas_npt_make_leaf(npt, hpas[i], attr))))
			hpas[lost++] = hpas[i];
	}
	this_cpu_add(npt->stats->leaves[0], n - lost);
	return lost;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_fill);

void axas_npt_free_leaves(struct axas_npt *npt, u64 *table, bool owned)
{
	struct axas_hpa *hpas = (struct axas_hpa *)table, *next = hpas;
	const u64 *end = table + BIT(AXAS_NPT_LEVEL_BITS);
	long leaves = 0;

	if (!owned) {
		for (; table < end; table++)
			leaves += !!*table;
	} else {
		/* They are collected where the leaves were. */
		for (; table < end; table++)
			if (*table)
				*next++ = axas_npt_leaf_hpa(npt, *table);
		leaves = next - hpas;
		if (leaves)
			npt->ops->put_leaves(npt, hpas, leaves, 0);
	}
	this_cpu_sub(npt->stats->leaves[0], leaves);
}

unsigned int axas_npt_run_of(const u64 *slot, unsigned int max, bool empty)
{
	const u64 *end = slot + max;
	const u64 *p = slot;

	/* Most often they are all empty: four at a time. */
	for (; empty && end - p >= 4; p += 4)
		if (READ_ONCE(p[0]) | READ_ONCE(p[1]) | READ_ONCE(p[2]) | READ_ONCE(p[3]))
			break;
	while (p < end && !READ_ONCE(*p) == empty)
		p++;
	return p - slot;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_run_of);

u64 axas_npt_count_split_at(const struct axas_npt *npt, u64 gpa)
{
	struct axas_leaf leaf;
	u64 tables = 0;

	if (!axas_npt_lookup(npt, gpa, &leaf))
		return 0;
	for (; gpa & (axas_npt_leaf_size(leaf.level) - 1); leaf.level--)
		tables++;
	return tables;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_count_split_at);

/* A leaf at level n becomes a table, each entry of which is such a leaf at n - 1. */
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

int axas_npt_reserve(struct axas_npt *npt, u64 tables, bool killable)
{
	u64 *table;
	u64 hpa;

	for (; tables; tables--) {
		bool dying = killable && fatal_signal_pending(current);

		table = dying ? NULL : axas_npt_alloc_table(npt, &hpa);
		if (!table) {
			axas_npt_unreserve(npt);
			return dying ? -EINTR : -ENOMEM;
		}
		*table = (u64)(unsigned long)npt->reserve;
		npt->reserve = table;
		cond_resched();
	}
	return 0;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_reserve);

u64 *axas_npt_take_table(struct axas_npt *npt, u64 *hpa)
{
	u64 *table = npt->reserve;

	npt->reserve = (u64 *)(unsigned long)*table;
	*table = 0;
	*hpa = axas_hal_pa(npt->hal, table).val;
	return table;
}

void axas_npt_unreserve(struct axas_npt *npt)
{
	u64 hpa;

	while (npt->reserve) {
		axas_npt_take_table(npt, &hpa);
		axas_npt_free_table(npt, hpa);
		cond_resched();
	}
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_unreserve);

long axas_npt_tables(const struct axas_npt *npt)
{
	long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu_ptr(npt->stats, cpu)->tables;
	/* As axas_pool_frames(); and the root is always there. */
	return max(sum, 1l << npt->root_order);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_tables);

long axas_npt_leaves(const struct axas_npt *npt, unsigned int level)
{
	long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu_ptr(npt->stats, cpu)->leaves[level];
	return sum;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_leaves);

static bool run_goes_on(const struct axas_npt_run *run, u64 gpa, const struct axas_leaf *leaf)
{
	return gpa == run->last + 1 && leaf->level == run->leaf.level &&
	       leaf->prot == run->leaf.prot && leaf->type == run->leaf.type;
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
	for (n = 1; !single && n < AXAS_NPT_RUN_LEAVES && run->last != axas_npt_last(npt); n++) {
		gpa = run->last + 1;
		if (!axas_npt_next_leaf(npt, &gpa, &leaf, &entry) ||
		    !run_goes_on(run, gpa, &leaf))
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

	seq_printf(m, "0x%016llx-0x%016llx %12lluK %4s %c%c%c %s\n", run->first, run->last,
		   ((run->last - run->first) >> 10) + 1, leaf_size_name(leaf->level),
		   leaf->prot & AXAS_PROT_READ ? 'r' : '-',
		   leaf->prot & AXAS_PROT_WRITE ? 'w' : '-',
		   leaf->prot & AXAS_PROT_EXEC ? 'x' : '-', type_name(leaf->type));
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_dump);

void axas_npt_dump_raw(struct seq_file *m, const struct axas_npt_run *run)
{
	seq_printf(m, "0x%016llx %u 0x%016llx 0x%016llx\n", run->first, run->leaf.level,
		   run->leaf.hpa.val, run->entry);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_dump_raw);

/* A root of several pages lies at a multiple of its size, as hardware wants it. */
static int alloc_root(struct axas_npt *npt)
{
	struct axas_frame frame;

	npt->root_order = max_t(int, npt->root_bits - AXAS_NPT_LEVEL_BITS, 0);
	if (alloc_table_frame(npt, &frame, npt->root_order, AXAS_FRAME_ZERO))
		return -ENOMEM;
	npt->root = axas_frame_ptr(&frame);
	npt->root_hpa = axas_frame_take(&frame);
	count_tables(npt, 1 << npt->root_order);
	return 0;
}

/* Less than the format can say is fine; more, or a level left out, is no such machine. */
static bool caps_ok(const struct axas_npt_fmt *fmt, const struct axas_npt_caps *caps)
{
	return (caps->leaf_levels & BIT(0)) && !(caps->leaf_levels & ~fmt->leaf_levels) &&
	       !(caps->leaf_levels & (caps->leaf_levels + 1)) &&
	       caps->oa_bits > AXAS_FRAME_SHIFT && caps->oa_bits <= fmt->caps.oa_bits;
}

/* The bits when nobody asks for a number: those of the fewest levels that there are. */
static unsigned int usual_ia_bits(const struct axas_npt_fmt *fmt,
				  const struct axas_npt_caps *caps)
{
	if (caps->levels & BIT(__ffs(fmt->caps.levels)))
		return min_t(u32, fmt->usual_ia_bits, caps->max_ia_bits);
	return caps->max_ia_bits;
}

/* Levels and root for npt->ia_bits; -EOPNOTSUPP where the machine has none such. */
static int set_geometry(struct axas_npt *npt)
{
	int err = -EOPNOTSUPP;

	if (npt->ia_bits <= npt->caps.max_ia_bits)
		err = npt->fmt->geometry(npt);
	if (!err && !(npt->caps.levels & BIT(npt->levels)))
		err = -EOPNOTSUPP;
	return err;
}

int axas_npt_init(struct axas_npt *npt, const struct axas_npt_fmt *fmt,
		  const struct axas_npt_ops *ops, const struct axas_hal *hal,
		  unsigned int ia_bits, const struct axas_npt_caps *caps)
{
	int err;

	*npt = (struct axas_npt){
		.fmt = fmt, .ops = ops, .hal = hal,
		.leaf_mask = fmt->leaf_mask, .leaf_shift = fmt->leaf_shift,
	};
	if (caps)
		npt->caps = *caps;
	else
		axas_host_caps(fmt, &npt->caps);
	npt->caps.max_ia_bits = npt->caps.max_ia_bits ?: fmt->max_ia_bits;
	npt->caps.levels = npt->caps.levels ?: fmt->caps.levels;
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
	npt->stats = alloc_percpu_gfp(struct axas_npt_stats, GFP_KERNEL_ACCOUNT);
	if (!npt->stats)
		return -ENOMEM;
	err = alloc_root(npt);
	if (err)
		free_percpu(npt->stats);
	return err;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_init);

/*
 * The bits of a machine that it can lack without reading an entry otherwise are those that
 * let us say more; EXEC_4K is one that lets us say less, and with S2_FWB memory types have
 * another encoding (Arm DDI 0487, D8.6.6).
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

void axas_npt_destroy(struct axas_npt *npt)
{
	struct axas_npt_gather gather __uninitialized;

	axas_npt_gather_init(&gather, npt, 0, axas_npt_last(npt));
	axas_npt_unmap(npt, 0, axas_npt_last(npt), false, &gather);
	axas_npt_gather_finish(&gather);
	npt->hal->free_frame(npt->hal, npt->root_hpa, npt->root_order, AXAS_FRAME_TABLE);
	free_percpu(npt->stats);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_destroy);

void axas_npt_gather_init(struct axas_npt_gather *gather, struct axas_npt *npt,
			  u64 first, u64 last)
{
	gather->npt = npt;
	gather->first = first;
	gather->last = last;
	gather->pending = false;
	gather->tables = false;
	gather->nr = 0;
	gather->cur = gather->inline_recs;
	gather->batches = NULL;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_gather_init);

/* Leaves at one level that were recorded one after the other. How many. */
static u64 put_leaf_records(struct axas_npt *npt, u64 *recs, u64 nr)
{
	u64 kind = recs[0] & ~REC_HPA;
	u64 n = 0;

	do
		recs[n++] &= REC_HPA;
	while (n < nr && (recs[n] & ~REC_HPA) == kind);
	npt->ops->put_leaves(npt, (struct axas_hpa *)recs, n, kind & REC_LEVEL);
	return n;
}

static void free_records(struct axas_npt_gather *gather, u64 *recs, u64 nr)
{
	struct axas_npt *npt = gather->npt;
	u64 i = 0;

	while (i < nr) {
		if (!(recs[i] & REC_TABLE)) {
			i += put_leaf_records(npt, &recs[i], nr - i);
			continue;
		}
		npt->fmt->free_table(gather, recs[i] & REC_HPA, recs[i] & REC_LEVEL,
				     recs[i] & REC_OWNED);
		i++;
	}
	cond_resched();
}

void axas_npt_gather_finish(struct axas_npt_gather *gather)
{
	struct axas_npt_batch *batch = gather->batches;

	if (gather->pending)
		gather->npt->ops->flush(gather->npt, gather->first, gather->last,
					gather->tables);
	if (batch)
		batch->nr = gather->nr;
	free_records(gather, gather->inline_recs,
		     batch ? AXAS_GATHER_INLINE : gather->nr);
	while (batch) {
		struct axas_npt_batch *next = batch->next;

		free_records(gather, batch->recs, batch->nr);
		free_page((unsigned long)batch);
		batch = next;
	}
	axas_npt_gather_init(gather, gather->npt, gather->first, gather->last);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_gather_finish);

static bool gather_is_full(const struct axas_npt_gather *gather)
{
	if (!gather->batches)
		return gather->nr == AXAS_GATHER_INLINE;
	return gather->nr == ARRAY_SIZE(gather->batches->recs);
}

/* Room for one more record: a new batch, or by flushing what is there. */
static void gather_make_room(struct axas_npt_gather *gather)
{
	struct axas_npt_batch *batch;

	batch = (struct axas_npt_batch *)__get_free_page(GFP_KERNEL | __GFP_NOWARN);
	if (!batch) {
		axas_npt_gather_finish(gather);
		gather->pending = true;
		return;
	}
	if (gather->batches)
		gather->batches->nr = gather->nr;
	batch->next = gather->batches;
	gather->batches = batch;
	gather->cur = batch->recs;
	gather->nr = 0;
}

void axas_npt_gather_leaf(struct axas_npt_gather *gather, u64 hpa, unsigned int level,
			  bool owned)
{
	gather->pending = true;
	if (!owned)
		return;
	if (gather_is_full(gather))
		gather_make_room(gather);
	gather->cur[gather->nr++] = hpa | level | REC_OWNED;
}

void axas_npt_gather_table(struct axas_npt_gather *gather, u64 hpa, unsigned int level,
			   bool owned)
{
	gather->pending = true;
	if (gather_is_full(gather))
		gather_make_room(gather);
	gather->tables = true;
	gather->cur[gather->nr++] = hpa | level | REC_TABLE | (owned ? REC_OWNED : 0);
}
