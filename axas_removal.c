// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pieces of a removal; see axas_removal.h. Calls axas_area.c, axas_npt_gather.c and the
 * formats.
 */
#include <linux/sched.h>

#include "axas_compat.h"
#include "axas_removal.h"

/*
 * Entries visited with the bar held, in one piece: some 100,000 instructions, for which faults
 * in other areas may have to wait. An entry that points to a table whose 2 MiB go as a whole
 * counts as one, so a piece removes up to 2,000 leaves one by one, or a million by their tables.
 */
#define PIECE_ENTRIES	4096

void axas_removal_init(struct axas_removal *removal, struct axas_space *space, bool many)
{
	removal->space = space;
	axas_npt_gather_init(&removal->gather, &space->npt, many);
}

void axas_removal_end(struct axas_removal *removal)
{
	axas_npt_gather_end(&removal->gather);
}

void axas_piece_begin(struct axas_removal *removal, u64 first)
{
	removal->budget = PIECE_ENTRIES;
	removal->first = first;
	removal->changed = false;
	axas_bar_begin(removal->space);
}

void axas_piece_end(struct axas_removal *removal, u64 last)
{
	struct axas_npt_gather *gather = &removal->gather;

	if (gather->pending || removal->changed)
		axas_space_flush(removal->space, removal->first, last, gather->tables);
	axas_bar_end(removal->space);
	axas_npt_gather_free(gather);
	cond_resched();
}

void axas_piece_do(struct axas_removal *removal, struct axas_npt_job *job,
		   void (*work)(struct axas_npt *npt, struct axas_npt_job *job))
{
	job->budget = removal->budget;
	work(&removal->space->npt, job);
	removal->budget = job->budget;
	removal->changed |= job->changed;
	job->changed = false;
}

void axas_removal_do(struct axas_removal *removal, struct axas_npt_job *job,
		     void (*work)(struct axas_npt *npt, struct axas_npt_job *job))
{
	for (;;) {
		axas_piece_do(removal, job, work);
		if (job->done)
			return;
		axas_piece_end(removal, job->first - 1);
		axas_piece_begin(removal, job->first);
	}
}
