// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host accesses that wait for a missing page. Calls axas_space_aside.c, axas_area.c, axas_missing.c
 * and axas_npt.c. Locks: entries are read in a read-side section or under space->lock, and no
 * access waits with either. See axas_area.h.
 */
#include <linux/sched.h>

#include "axas_compat.h"
#include "axas_space.h"

/*
 * A process that exits gets no signals any more, so it could not be killed while it waits. The
 * kernel still accesses words of its memory then, such as those of its futexes.
 */
static bool may_wait(const struct axas_area *area)
{
	return !(area->flags & AXAS_MAP_MISSING_FAIL) && !(current->flags & PF_EXITING);
}

/* Whether the page of @gpa is missing: 1, 0, or -EFAULT if accesses fail then. */
static int is_missing(struct axas_space *space, struct axas_cpu *cpu, u64 gpa)
{
	const struct axas_area *area = axas_area_find_here(space, cpu, gpa);
	struct axas_npt_spares none = {};
	struct axas_npt_pos pos;

	if (!area || !axas_area_is_missing(area))
		return 0;
	axas_npt_walk(&space->npt, &cpu->cursor, gpa, &pos);
	if (axas_npt_kind(&space->npt, &pos) != AXAS_PT_EMPTY)
		return 0;
	/* The next fault takes the region back. */
	if (READ_ONCE(space->npt.aside) && pos.level &&
	    axas_space_take_back(space, &none, gpa, &pos))
		return 0;
	return may_wait(area) ? 1 : -EFAULT;
}

int axas_space_await_begin(struct axas_space *space, struct axas_waiter *waiter, u64 gpa)
{
	struct axas_cpu *cpu, found;
	int missing;

	axas_missing_add(&space->missing, waiter, gpa);
	cpu = axas_section_enter(space);
	if (likely(cpu)) {
		missing = is_missing(space, cpu, gpa);
		axas_section_leave(cpu);
		return missing;
	}
	found = axas_nothing_found();
	down_read(&space->lock);
	missing = is_missing(space, &found, gpa);
	up_read(&space->lock);
	return missing;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_space_await_begin);

int axas_space_await(struct axas_space *space, u64 gpa)
{
	struct axas_waiter waiter;
	int err = axas_space_await_begin(space, &waiter, gpa);

	if (err > 0)
		err = axas_missing_sleep(&space->missing, &waiter, false);
	axas_missing_del(&space->missing, &waiter);
	return err;
}
