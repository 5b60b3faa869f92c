// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takes the entries of a 2 MiB region back that were put aside: on the first touch, or for an
 * operation on a range. Their leaves get the permissions that the areas and the dirty log want.
 * Calls axas_area.c, axas_npt_aside.c and axas_npt.c. Locks: in a section, or with space->lock held
 * for reading; to take everything back, the bar; see axas_area.h.
 */
#include <linux/minmax.h>
#include <linux/sched.h>

#include "axas_compat.h"
#include "axas_npt_aside.h"
#include "axas_removal.h"

/* Whether leaves of an area permit writes before the first one. */
static bool may_write(const struct axas_area *area)
{
	return area && area->prot & AXAS_PROT_WRITE && !(area->flags & AXAS_AREA_LOGGED);
}

/* Whether ZERO markers stand, in an area, for more than a write in the log. */
static bool keeps_zero(const struct axas_area *area)
{
	return area && (axas_area_is_missing(area) || axas_area_lends(area));
}

/*
 * Fit the leaves of a claimed level 0 table to their areas. Where no area is, the leaves are about
 * to be removed.
 */
static void fit_table(struct axas_space *space, u64 *table, u64 gpa)
{
	u64 first = gpa & ~(axas_npt_leaf_size(1) - 1), end = gpa | (axas_npt_leaf_size(1) - 1);
	struct axas_cpu found = axas_nothing_found();
	const struct axas_area *area;
	u64 last;

	for (;; first = last + 1) {
		area = axas_area_look_up(space, &found, first);
		last = min(end, area ? found.last : first | (AXAS_FRAME_SIZE - 1));
		axas_npt_begin_log(&space->npt, axas_npt_ptep(table, first),
				   axas_page_nr(last) - axas_page_nr(first) + 1, may_write(area),
				   keeps_zero(area));
		if (last == end)
			return;
	}
}

/* The same for a claimed leaf above level 0: it lies in one area. */
static u64 fit_leaf(struct axas_space *space, u64 entry, unsigned int level, u64 gpa)
{
	const struct axas_npt_fmt *fmt = space->npt.fmt;
	struct axas_cpu found = axas_nothing_found();
	u32 prot = fmt->decode(entry, level).prot;

	if (may_write(axas_area_look_up(space, &found, gpa)))
		prot |= AXAS_PROT_WRITE;
	else
		prot &= ~AXAS_PROT_WRITE;
	return fmt->with_prot(entry, prot, level) & ~fmt->zero;
}

/* A claimed ZERO marker, which lies in one area: it becomes a clean one, or EMPTY. */
static u64 fit_zero(struct axas_space *space, u64 gpa)
{
	struct axas_cpu found = axas_nothing_found();

	return keeps_zero(axas_area_look_up(space, &found, gpa)) ? space->npt.fmt->clean : 0;
}

int axas_space_take_back(struct axas_space *space, struct axas_npt_spares *spares, u64 gpa,
			 struct axas_npt_pos *pos)
{
	struct axas_npt *npt = &space->npt;
	struct axas_npt_pos aside;
	enum axas_pt_kind kind = axas_npt_look_aside(npt, gpa, &aside);
	u64 entry = aside.entry;
	int err;

	/* Nothing; or it was taken back since the walk, which is repeated then. */
	if (kind == AXAS_PT_EMPTY)
		return !pos->ptep || READ_ONCE(*pos->ptep) == pos->entry ? 0 : -EBUSY;
	/* There is a table: nothing can be aside. */
	if (WARN_ON_ONCE(pos->level < aside.level))
		return 0;
	if (kind == AXAS_PT_BUSY)
		return -EBUSY;
	err = axas_npt_reach(npt, spares, gpa, aside.level, pos);
	if (err == -EAGAIN)
		pos->level -= aside.level;
	if (err)
		return err == -EAGAIN ? err : -EBUSY;
	if (axas_npt_kind(npt, pos) >= AXAS_PT_BUSY || !axas_npt_claim_aside(npt, &aside))
		return -EBUSY;
	if (kind == AXAS_PT_TABLE)
		fit_table(space, npt->fmt->child(npt, entry, aside.level), gpa);
	else if (kind == AXAS_PT_LEAF)
		entry = fit_leaf(space, entry, aside.level, gpa);
	else
		entry = fit_zero(space, gpa);
	axas_npt_take_back(npt, &aside, entry, pos);
	return -EBUSY;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_space_take_back);

/* One step of axas_space_take_back_all(), at @gpa. Return as axas_space_take_back(). */
static int step(struct axas_space *space, struct axas_npt_spares *spares, u64 gpa,
		unsigned int *tables)
{
	struct axas_cpu *cpu = axas_section_enter(space), found = axas_nothing_found();
	struct axas_npt_pos pos;
	int err;

	if (!cpu)
		down_read(&space->lock);
	axas_npt_walk(&space->npt, cpu ? &cpu->cursor : &found.cursor, gpa, &pos);
	err = axas_space_take_back(space, spares, gpa, &pos);
	if (cpu)
		axas_section_leave(cpu);
	else
		up_read(&space->lock);
	*tables = pos.level;
	return err;
}

int axas_space_take_back_all(struct axas_space *space, u64 first, u64 last)
{
	/* One region, at an end of unmap, is no work to interrupt: unmap knows no -EINTR. */
	bool killable = (first ^ last) >> axas_npt_shift(1);
	struct axas_npt_spares spares = {};
	unsigned int tables;
	int err = 0;

	/* What is put aside stays, or becomes less, while the caller holds the mutex. */
	lockdep_assert_held(&space->changing);
	first &= ~(axas_npt_leaf_size(1) - 1);
	while (!err && space->npt.aside && axas_npt_next_aside(&space->npt, &first) &&
	       first <= last) {
		err = step(space, &spares, first, &tables);
		if (err == -EAGAIN)
			err = axas_npt_get_spares(&space->npt, &spares, tables, killable);
		else
			err = 0;
		cond_resched();
	}
	axas_npt_put_spares(&space->npt, &spares);
	return err;
}

void axas_space_end_aside(struct axas_space *space)
{
	struct axas_npt *npt = &space->npt;
	struct axas_hpa hpa = npt->aside_hpa;
	struct axas_npt_spares spares = {};
	struct axas_npt_move move = {
		.job = { .last = axas_npt_last(npt) }, .spares = &spares,
	};

	/* Nothing is flushed: what is linked was not present. */
	while (!move.job.done) {
		move.job.budget = AXAS_PIECE_ENTRIES;
		axas_bar_begin(space);
		axas_npt_end_aside(npt, &move);
		axas_bar_end(space);
		cond_resched();
	}
	axas_npt_put_spares(npt, &spares);
	axas_npt_free_root(npt, hpa);
}
