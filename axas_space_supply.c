// SPDX-License-Identifier: GPL-2.0-only
/*
 * Supply: content for missing pages. A page is supplied in three steps: look up its area and entry;
 * get a frame and fill it, where that may sleep; install it by one cmpxchg. If the HAL has a fence,
 * several frames are filled before one fence. Calls axas_space_access.c (to read another space),
 * axas_space_aside.c, axas_missing.c, axas_area.c, axas_backend.c, axas_npt.c and the formats.
 *
 * Locks: lookup and installation are in a read-side section or under space->lock; the source is
 * copied without any lock. See axas_area.h.
 */
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <axas/access.h>

#include "axas_compat.h"
#include "axas_space.h"

/* Results of a look besides 0 and -errno: what to do before the next one. */
#define LOOK_AGAIN	1	/* lost a race: begin with the page again */
#define LOOK_TABLES	2
#define LOOK_FENCE	3	/* the memory is executable by now */

/* Frames filled at once if the HAL has a fence, which interrupts all CPUs. */
#define BATCH		16

/**
 * struct supply - a supply in progress
 * @space: the space
 * @source: where the content comes from; NULL: zeroes
 * @skip: step over pages that are there
 * @first: first byte of the range
 * @last: last byte of the range
 * @gpa: the next page
 * @huge: a 2 MiB frame may be had for this page
 * @level: level of the leaf, or of the ZERO marker, to install
 * @there: with -EEXIST: bytes from @gpa on that are there
 * @want_tables: tables that the last look asked for
 * @spares: tables allocated for the next look
 * @backend: where @frames come from. Backends of such areas have no hold(): no reference is needed
 * @fenced: the content of @frames is visible to the instruction fetch
 * @next: index in @frames of the one for @gpa
 * @nr: number of @frames; those from @next on are filled, for consecutive pages, and not used
 * @frames: frames
 */
struct supply {
	struct axas_space *space;
	const struct axas_source *source;
	bool skip;
	u64 first;
	u64 last;
	u64 gpa;
	bool huge;
	unsigned int level;
	u64 there;
	unsigned int want_tables;
	struct axas_npt_spares spares;
	struct axas_backend backend;
	bool fenced;
	unsigned int next;
	unsigned int nr;
	struct axas_hpa frames[BATCH];
};

/* Take back what was put aside at an empty entry. Return 0, if there was nothing, or LOOK_*. */
static int take_back(struct supply *supply, struct axas_npt_pos *pos)
{
	if (likely(!READ_ONCE(supply->space->npt.aside)) || !pos->level)
		return 0;
	switch (axas_space_take_back(supply->space, &supply->spares, supply->gpa, pos)) {
	case 0:
		return 0;
	case -EAGAIN:
		supply->want_tables = pos->level;
		return LOOK_TABLES;
	default:
		return LOOK_AGAIN;
	}
}

/* Find the page's area and its empty entry. Return 0, LOOK_* or an error. */
static int find_missing(struct supply *supply, struct axas_cpu *cpu, struct axas_npt_pos *pos)
{
	const struct axas_area *area = axas_area_find_here(supply->space, cpu, supply->gpa);
	struct axas_npt *npt = &supply->space->npt;

	if (!area)
		return -ENOENT;
	if (!axas_area_is_missing(area))
		return -EOPNOTSUPP;
	axas_npt_walk(npt, &cpu->cursor, supply->gpa, pos);
	switch (axas_npt_kind(npt, pos)) {
	case AXAS_PT_EMPTY:
		return take_back(supply, pos);
	case AXAS_PT_BUSY:
		return LOOK_AGAIN;
	default:
		supply->there = axas_npt_leaf_size(pos->level) -
				(supply->gpa & (axas_npt_leaf_size(pos->level) - 1));
		return -EEXIST;
	}
}

/* Whether one entry of level 1 may serve the page: the range and the area cover it. */
static bool may_be_huge(const struct supply *supply, const struct axas_cpu *cpu,
			const struct axas_npt_pos *pos)
{
	const struct axas_npt *npt = &supply->space->npt;
	u64 mask = axas_npt_leaf_size(1) - 1;

	if (!supply->huge || !pos->level || supply->gpa & mask ||
	    supply->last - supply->gpa < mask || supply->gpa < cpu->first ||
	    (supply->gpa | mask) > cpu->last)
		return false;
	/* The ZERO marker is no leaf. */
	if (!supply->source)
		return true;
	/* Pages are logged one by one. */
	if (cpu->area->flags & AXAS_AREA_LOGGED)
		return false;
	return !(cpu->area->flags & AXAS_MAP_HUGE_NEVER) &&
	       axas_npt_max_level(npt, cpu->area->prot) && !READ_ONCE(supply->space->no_huge);
}

static bool have_frames(const struct supply *supply)
{
	return supply->next < supply->nr;
}

/* First look: what the page needs. */
static int plan(struct supply *supply, struct axas_cpu *cpu)
{
	struct axas_npt_pos pos;
	int err = find_missing(supply, cpu, &pos);

	if (err)
		return err;
	supply->level = may_be_huge(supply, cpu, &pos);
	supply->want_tables = pos.level - supply->level;
	if (!have_frames(supply))
		supply->backend = cpu->area->backend;
	return 0;
}

static bool install_at(struct supply *supply, const struct axas_area *area,
		       struct axas_npt_pos *pos)
{
	struct axas_hpa hpa = supply->frames[supply->next];
	struct axas_npt *npt = &supply->space->npt;
	u64 attr = area->attr;

	if (!supply->source)
		return axas_npt_mark_zero(npt, pos);
	if (supply->level)
		return axas_npt_install(npt, pos, npt->fmt->leaf(npt, hpa.val, area->prot,
								 area->type, supply->level));
	/* In a logged area the leaf says that the page was written. */
	if (unlikely(area->flags & AXAS_AREA_LOGGED))
		attr |= area->prot & AXAS_PROT_WRITE ? npt->write : npt->fmt->zero;
	return axas_npt_install(npt, pos, axas_npt_make_leaf(npt, hpa, attr));
}

/* Second look: install the page. Return 0, LOOK_* or an error. */
static int install(struct supply *supply, struct axas_cpu *cpu)
{
	struct axas_space *space = supply->space;
	struct axas_npt_pos pos;
	int err = find_missing(supply, cpu, &pos);

	if (err)
		return err;
	if ((supply->level && !may_be_huge(supply, cpu, &pos)) ||
	    cpu->area->backend.ops != supply->backend.ops)
		return LOOK_AGAIN;
	if (supply->source && cpu->area->prot & AXAS_PROT_EXEC && space->npt.hal->fence &&
	    !supply->fenced)
		return LOOK_FENCE;
	err = axas_npt_reach(&space->npt, &supply->spares, supply->gpa, supply->level, &pos);
	if (err == -EAGAIN) {
		supply->want_tables = pos.level - supply->level;
		return LOOK_TABLES;
	}
	if (err || axas_npt_kind(&space->npt, &pos) != AXAS_PT_EMPTY)
		return LOOK_AGAIN;
	return install_at(supply, cpu->area, &pos) ? 0 : LOOK_AGAIN;
}

/* One look, in a read-side section or, while a remover has the bar, with space->lock held. */
static int look_once(struct supply *supply,
		     int (*one)(struct supply *supply, struct axas_cpu *cpu))
{
	struct axas_cpu *cpu = axas_section_enter(supply->space), found;
	int result;

	if (likely(cpu)) {
		result = one(supply, cpu);
		axas_section_leave(cpu);
		return result;
	}
	found = axas_nothing_found();
	down_read(&supply->space->lock);
	result = one(supply, &found);
	up_read(&supply->space->lock);
	return result;
}

static unsigned int order_of(const struct supply *supply)
{
	return AXAS_NPT_LEVEL_BITS * supply->level;
}

/* Free the frames of those of the next @n pages that are present already. */
static void drop_frames(struct supply *supply, u64 n)
{
	struct axas_pool *pool = &supply->space->pool;

	if (!have_frames(supply))
		return;
	n = min_t(u64, n, supply->nr - supply->next);
	axas_pool_unget(pool, &supply->backend, order_of(supply), &supply->frames[supply->next], n);
	supply->next += n;
	if (!have_frames(supply))
		axas_pool_settle(pool);
}

/* How many frames to fill at once: not beyond an address from which a 2 MiB frame may serve. */
static unsigned int batch_of(const struct supply *supply)
{
	u64 left = min(supply->last, supply->gpa | (axas_npt_leaf_size(1) - 1)) - supply->gpa;

	if (supply->level || !supply->space->npt.hal->fence)
		return 1;
	return min_t(u64, BATCH, left / AXAS_FRAME_SIZE + 1);
}

/* Fill frame @i. */
static int fill_frame(struct supply *supply, unsigned int i, size_t len)
{
	const struct axas_hal *hal = supply->space->npt.hal;
	void *va = axas_hal_va(hal, supply->frames[i]);
	int err;

	err = supply->source->copy(supply->source->arg, supply->gpa - supply->first + i * len, va,
				   len);
	if (!err && hal->clean)
		hal->clean(hal, va, len);
	return err;
}

/*
 * Get frames, and fill them. Return 0, LOOK_AGAIN: without a 2 MiB frame, or an error. An error
 * behind the first frame waits until its page is the first.
 */
static int fill_frames(struct supply *supply)
{
	struct axas_pool *pool = &supply->space->pool;
	unsigned int order = order_of(supply), i = 0;
	int got, err;

	got = axas_pool_get(pool, &supply->backend, supply->gpa + supply->backend.offset, order,
			    AXAS_GET_UNSET, supply->frames, batch_of(supply));
	if (got < 1) {
		supply->huge = false;
		return supply->level ? LOOK_AGAIN : -ENOMEM;
	}
	supply->next = 0;
	supply->nr = got;
	supply->fenced = false;
	do {
		err = fill_frame(supply, i, AXAS_FRAME_SIZE << order);
	} while (!err && ++i < supply->nr);
	if (!err || !i)
		return err;
	axas_pool_unget(pool, &supply->backend, order, &supply->frames[i], supply->nr - i);
	supply->nr = i;
	return 0;
}

/* Install what is ready, with what else that takes. Return 0, LOOK_AGAIN or an error. */
static int publish(struct supply *supply)
{
	const struct axas_hal *hal = supply->space->npt.hal;
	int err;

	for (;;) {
		err = axas_npt_get_spares(&supply->space->npt, &supply->spares,
					  supply->want_tables, true);
		if (err)
			return err;
		switch (err = look_once(supply, install)) {
		case LOOK_TABLES:
			continue;
		case LOOK_FENCE:
			hal->fence(hal);
			supply->fenced = true;
			continue;
		default:
			return err;
		}
	}
}

static void advance(struct supply *supply, u64 bytes)
{
	/* A present leaf may reach beyond the range; @gpa == @last + 1 means done. */
	supply->gpa += min(bytes, supply->last - supply->gpa + 1);
	supply->huge = true;
}

/* The page is installed: its waiters can go on. */
static void settle(struct supply *supply)
{
	struct axas_pool *pool = &supply->space->pool;
	u64 bytes = axas_npt_leaf_size(supply->level);

	if (supply->source) {
		axas_pool_count(pool, &supply->backend, 1l << order_of(supply));
		if (++supply->next == supply->nr)
			axas_pool_settle(pool);
	}
	axas_missing_wake(&supply->space->missing, supply->gpa, supply->gpa + bytes - 1);
	advance(supply, bytes);
}

/* Supply one page, of 4 KiB or 2 MiB, or step over one. Return 0, LOOK_AGAIN or an error. */
static int supply_one(struct supply *supply)
{
	int err = look_once(supply, plan);

	if (unlikely(err == LOOK_TABLES))
		return axas_npt_get_spares(&supply->space->npt, &supply->spares,
					   supply->want_tables, true) ?: LOOK_AGAIN;
	if (!err && supply->source && !have_frames(supply))
		err = fill_frames(supply);
	if (!err)
		err = publish(supply);
	if (!err) {
		settle(supply);
		return 0;
	}
	if (err != -EEXIST || !supply->skip) {
		drop_frames(supply, BATCH);
		return err;
	}
	drop_frames(supply, supply->there / AXAS_FRAME_SIZE);
	advance(supply, supply->there);
	return 0;
}

int axas_space_supply(struct axas_space *space, struct axas_gpa_range range,
		      const struct axas_source *source, bool skip, u64 *done)
{
	struct supply supply = {
		.space = space, .source = source, .skip = skip, .huge = true,
		.first = range.start.val, .gpa = range.start.val,
	};
	int err = 0;

	*done = 0;
	if (!axas_space_range_ok(space, range))
		return -EINVAL;
	supply.last = axas_gpa_range_last(range).val;
	while (supply.gpa - supply.first < range.size) {
		err = fatal_signal_pending(current) ? -EINTR : supply_one(&supply);
		if (err < 0)
			break;
		cond_resched();
	}
	drop_frames(&supply, BATCH);
	axas_npt_put_spares(&space->npt, &supply.spares);
	*done = supply.gpa - supply.first;
	return min(err, 0);
}
EXPORT_SYMBOL_AXAS(axas_space_supply);

/**
 * struct from_space - a space as a source
 * @space: the space
 * @gpa: the first byte of the content
 */
struct from_space {
	struct axas_space *space;
	u64 gpa;
};

static int copy_from_space(void *arg, u64 offset, void *va, size_t len)
{
	const struct from_space *from = arg;
	u64 gpa;

	if (check_add_overflow(from->gpa, offset, &gpa))
		return -EFAULT;
	return axas_read(from->space, axas_gpa(gpa), va, len);
}

int axas_space_supply_from(struct axas_space *space, struct axas_gpa_range range,
			   struct axas_space *from, struct axas_gpa gpa, bool skip, u64 *done)
{
	struct from_space arg = { .space = from, .gpa = gpa.val };
	const struct axas_source source = { .copy = copy_from_space, .arg = &arg };

	return axas_space_supply(space, range, &source, skip, done);
}
EXPORT_SYMBOL_AXAS(axas_space_supply_from);

unsigned int axas_space_get_missing(struct axas_space *space, bool again, u64 *gpas,
				    unsigned int max, bool *more)
{
	if (again)
		axas_missing_untell(&space->missing);
	return axas_missing_get(&space->missing, gpas, max, more);
}
EXPORT_SYMBOL_AXAS(axas_space_get_missing);
