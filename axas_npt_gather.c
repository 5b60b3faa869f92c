// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gather: records of the leaves and tables that a removal has unlinked, in order, with
 * the owners of the frames, until they can be freed after the flush. Adding a record does not
 * allocate. Destruction of a table, too. Calls axas_npt.c, the table's format, its HAL and its
 * owner's put_frames(). Locks: none of its own; filled with the bar, freed without space->lock.
 */
#include <linux/build_bug.h>
#include <linux/gfp.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "axas_compat.h"
#include "axas_npt.h"

/*
 * A record is a 4 KiB aligned address with its kind in the low bits. A REC_OWNER record is
 * followed by the owner's address and applies to the REC_OWNED records after it.
 */
#define REC_LEVEL	GENMASK_ULL(3, 0)
#define REC_TABLE	BIT_ULL(4)
#define REC_OWNED	BIT_ULL(5)
#define REC_OWNER	BIT_ULL(6)
#define REC_EMPTY	BIT_ULL(7)
#define REC_HPA		(~GENMASK_ULL(AXAS_FRAME_SHIFT - 1, 0))

#define BUFFER_BYTES	((AXAS_GATHER_BUFFER + AXAS_NPT_MAX_LEVELS) * sizeof(u64))

static void start(struct axas_npt_gather *gather)
{
	gather->pending = false;
	gather->tables = false;
	gather->nr = 0;
	gather->owner = NULL;
}

void axas_npt_gather_init(struct axas_npt_gather *gather, struct axas_npt *npt, bool many)
{
	gather->npt = npt;
	gather->recs = many ? kvmalloc(BUFFER_BYTES, GFP_KERNEL | __GFP_NOWARN) : NULL;
	gather->max = gather->recs ? AXAS_GATHER_BUFFER : AXAS_GATHER_INLINE;
	if (!gather->recs)
		gather->recs = gather->inline_recs;
	start(gather);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_gather_init);

void axas_npt_gather_end(struct axas_npt_gather *gather)
{
	if (gather->recs != gather->inline_recs)
		kvfree(gather->recs);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_gather_end);

static void add(struct axas_npt_gather *gather, u64 rec, const void *owner)
{
	if (owner && owner != gather->owner) {
		gather->recs[gather->nr++] = REC_OWNER;
		gather->recs[gather->nr++] = (unsigned long)owner;
		gather->owner = owner;
	}
	gather->recs[gather->nr++] = rec | (owner ? REC_OWNED : 0);
}

void axas_npt_gather_leaf(struct axas_npt_gather *gather, u64 hpa, unsigned int level,
			  const void *owner)
{
	gather->pending = true;
	if (owner)
		add(gather, hpa | level, owner);
}

void axas_npt_gather_table(struct axas_npt_gather *gather, u64 hpa, unsigned int level,
			   const void *owner)
{
	gather->pending = true;
	gather->tables = true;
	add(gather, hpa | level | REC_TABLE, owner);
}

void axas_npt_gather_empty(struct axas_npt_gather *gather, u64 hpa)
{
	gather->pending = true;
	gather->tables = true;
	add(gather, hpa | REC_EMPTY, NULL);
}

/* Put a run of frames of one level. Return the number of records. */
static u32 put_frames(struct axas_npt *npt, const void *owner, u64 *recs, u32 nr)
{
	u64 kind = recs[0] & ~REC_HPA;
	u32 n = 0;

	do
		recs[n++] &= REC_HPA;
	while (n < nr && (recs[n] & ~REC_HPA) == kind);
	npt->ops->put_frames(npt, owner, (struct axas_hpa *)recs, n, kind & REC_LEVEL);
	return n;
}

void axas_npt_gather_free(struct axas_npt_gather *gather)
{
	struct axas_npt *npt = gather->npt;
	const void *owner = NULL;
	u64 *recs = gather->recs;
	u32 i = 0;

	while (i < gather->nr) {
		if (recs[i] == REC_OWNER) {
			owner = (const void *)(unsigned long)recs[i + 1];
			i += 2;
		} else if (recs[i] & REC_EMPTY) {
			axas_npt_free_table(npt, recs[i++] & REC_HPA);
		} else if (recs[i] & REC_TABLE) {
			npt->fmt->free_table(npt, recs[i] & REC_HPA, recs[i] & REC_LEVEL,
					     recs[i] & REC_OWNED ? owner : NULL);
			i++;
		} else {
			i += put_frames(npt, owner, &recs[i], gather->nr - i);
		}
		cond_resched();
	}
	start(gather);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_gather_free);

/* Free empty tables, for example those linked for leaves that were never installed. */
static void remove_tables(struct axas_npt *npt, bool aside)
{
	struct axas_npt_gather gather __uninitialized;
	struct axas_npt_job job = {
		.last = axas_npt_last(npt), .gather = &gather, .aside = aside,
	};

	axas_npt_gather_init(&gather, npt, false);
	do {
		job.budget = ~0u;
		axas_npt_unmap(npt, &job);
		axas_npt_gather_free(&gather);
	} while (!job.done);
	axas_npt_gather_end(&gather);
}

void axas_npt_destroy(struct axas_npt *npt)
{
	if (npt->aside) {
		remove_tables(npt, true);
		axas_npt_free_root(npt, npt->aside_hpa);
	}
	if (axas_npt_tables(npt) != 1l << npt->root_order)
		remove_tables(npt, false);
	npt->hal->free_frame(npt->hal, npt->root_hpa, npt->root_order, AXAS_FRAME_TABLE);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_destroy);
