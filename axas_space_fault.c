// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults and populate. A fault finds the area, walks the table once, checks the entry's
 * permissions, gets a frame from the area's backend and installs it at the position that the
 * walk returned. If a frame or table must be allocated where that may sleep, it is kept in struct
 * fill, and the lookup and walk are repeated. Calls axas_space_cow.c, axas_space_aside.c,
 * axas_space_await.c, axas_area.c, axas_backend.c, axas_registry.c, axas_npt.c, the formats and,
 * inline, axas_stock.c. Locks: axas_area.h.
 */
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "axas_compat.h"
#include "axas_registry.h"
#include "axas_space.h"
#include "axas_trace.h"

/* Frames that populate allocates and installs together; the array is on the stack. */
#define FILL_BATCH	128

/* Results of a look besides AXAS_FAULT_*: what the caller must do before it looks again. */
#define LOOK_AGAIN	-1	/* lost a race: look at the new entry */
#define LOOK_FRAMES	-2
#define LOOK_TABLES	-3
#define LOOK_ADJUST	-4	/* the leaf permits less than its area */
#define LOOK_SPLIT	-5	/* a write to a large leaf of a logged area */
#define LOOK_LENT	-6	/* the backend lends frames: see axas_space_cow.c */

/**
 * struct fill - a fault or a populate in progress
 * @space: the space
 * @gpa: populate: the next page to fill; fault: the address of the access
 * @last: the last byte to fill
 * @huge: 2 MiB leaves are allowed, within @gpa to @last or, for a fault, within the area
 * @fault: this is a fault, not a populate
 * @access: fault: the AXAS_PROT_* that the access needs
 * @level: fault: level of the leaf that serves it
 * @around: fault: log2 of the pages that fault-around fills; @gpa to @last is that range then
 * @spares: tables allocated for the next look
 * @backend: backend of the frames in @hpas; ops is NULL if there is none
 * @offset: offset in the backend of the first frame in @hpas; NOWHERE: of none
 * @order: order of the frames in @hpas
 * @have: number of frames in @hpas
 * @dry: the last allocation returned fewer frames than @want
 * @want: frames that the last look asked for; 0: give back @hpas first
 * @want_order: their order
 * @want_offset: their offset in the backend
 * @want_tables: tables that the last look asked for
 * @tries: looks since the last that got on; see axas_space_pause()
 * @logged: fault: the leaf of a clean page was made to permit writes
 * @hpas: frames allocated for the next look; room for one, populate: for FILL_BATCH
 */
struct fill {
	struct axas_space *space;
	u64 gpa;
	u64 last;
	bool huge;
	bool fault;
	u32 access;
	unsigned int level;
	unsigned int around;
	struct axas_npt_spares spares;
	struct axas_backend backend;
	u64 offset;
	unsigned int order;
	unsigned int have;
	bool dry;
	unsigned int want;
	unsigned int want_order;
	u64 want_offset;
	unsigned int want_tables;
	unsigned int tries;
	bool logged;
	struct axas_hpa *hpas;
};

/* No offset of a frame. */
#define NOWHERE		(~0ull)

static void count_fault(struct axas_space *space, int result)
{
	atomic_long_inc(&space->faults[result]);
}

static void init_fill(struct fill *fill, struct axas_space *space, struct axas_hpa *hpas)
{
	fill->space = space;
	fill->hpas = hpas;
	fill->spares = (struct axas_npt_spares){};
	fill->have = 0;
	fill->dry = false;
	fill->level = 0;
	fill->around = 0;
	fill->tries = 0;
	fill->logged = false;
	fill->offset = NOWHERE;
	fill->backend.ops = NULL;
}

/* Give unused frames back to their backend. */
static void drop_frames(struct fill *fill)
{
	struct axas_pool *pool = &fill->space->pool;

	if (fill->have) {
		axas_pool_unget(pool, &fill->backend, fill->order, fill->hpas, fill->have);
		axas_pool_settle(pool);
	}
	fill->have = 0;
	if (fill->backend.ops && fill->backend.ops->release)
		fill->backend.ops->release(&fill->backend);
	fill->backend.ops = NULL;
}

static void end_fill(struct fill *fill)
{
	drop_frames(fill);
	axas_npt_put_spares(&fill->space->npt, &fill->spares);
}

static bool same_backend(const struct axas_backend *a, const struct axas_backend *b)
{
	return a->ops == b->ops && a->object == b->object && a->offset == b->offset;
}

/* Ask for @n frames of @area's backend for a leaf at @level. */
static int want_frames(struct fill *fill, const struct axas_area *area, unsigned int level,
		       unsigned int n)
{
	u64 gpa = fill->gpa & ~(axas_npt_leaf_size(level) - 1);

	/* Frames of another backend go back first, in bring_frames(), which may sleep. */
	fill->want = n;
	fill->want_order = AXAS_NPT_LEVEL_BITS * level;
	fill->want_offset = gpa + area->backend.offset;
	if (!fill->have && !fill->backend.ops) {
		fill->backend = area->backend;
		if (area->backend.ops->hold)
			area->backend.ops->hold(&fill->backend);
	} else if (!same_backend(&fill->backend, &area->backend)) {
		fill->want = 0;
	}
	return LOOK_FRAMES;
}

/* Whether the first frame that was brought may be mapped at @gpa: its offset decides, if any. */
static bool in_place(const struct fill *fill, const struct axas_area *area, unsigned int level)
{
	u64 gpa = fill->gpa & ~(axas_npt_leaf_size(level) - 1);

	return !(area->backend.ops->flags & AXAS_BACKEND_PLACED) ||
	       fill->offset == gpa + area->backend.offset;
}

static bool in_hand(const struct fill *fill, const struct axas_area *area, unsigned int level)
{
	return fill->have && fill->order == AXAS_NPT_LEVEL_BITS * level &&
	       same_backend(&fill->backend, &area->backend) && in_place(fill, area, level);
}

/* Get the frames that the last look asked for. Return 0, or an error of the backend. */
static int get_frames(struct fill *fill)
{
	struct axas_space *space = fill->space;
	int got = axas_pool_get(&space->pool, &fill->backend, fill->want_offset, fill->order, 0,
				fill->hpas, fill->want);

	fill->offset = fill->want_offset;
	fill->have = max(got, 0);
	if (likely(!(fill->backend.ops->flags & AXAS_BACKEND_CHECKED)) || got <= 0)
		return min(got, 0);
	return axas_registry_check(space->npt.hal, space->npt.caps.oa_bits, &fill->backend,
				   fill->order, fill->hpas, got);
}

/* Allocate what the last look asked for. Return 0, -ENOMEM, -EINTR, -EACCES or -EIO. */
static int bring_frames(struct fill *fill)
{
	struct axas_space *space = fill->space;
	int err = 0;

	if (fill->have || !fill->want)
		drop_frames(fill);
	if (!fill->want || !fill->backend.ops)
		return 0;
	fill->order = fill->want_order;
	if (!fill->dry)
		err = get_frames(fill);
	if (unlikely(err)) {
		drop_frames(fill);
		return err;
	}
	fill->dry = !fill->order && fill->have && fill->have < fill->want &&
		    !(fill->backend.ops->flags & AXAS_BACKEND_PLACED);
	/* Frames before tables: no table is built for a leaf that cannot be had. */
	if (fill->have)
		return axas_npt_get_spares(&space->npt, &fill->spares, fill->want_tables,
					   false);
	drop_frames(fill);
	if (fill->order) {
		/* No 2 MiB frame: fall back to 4 KiB. */
		fill->huge = false;
		return 0;
	}
	return -ENOMEM;
}

/*
 * With a frame limit, a racing fault may hold the last frame without having installed it, possibly
 * for this very page. Wait a tick for it rather than report exhaustion.
 */
static bool may_come(struct fill *fill)
{
	struct axas_pool *pool = &fill->space->pool;

	/* With frames at hand a table allocation failed, and no racer supplies tables. */
	if (fill->have || !pool->limited || !atomic_read(&pool->on_the_way) ||
	    fatal_signal_pending(current))
		return false;
	schedule_timeout_killable(1);
	return true;
}

/* Populate: an errno. */
static int fill_lent(struct fill *fill)
{
	int result;

	drop_frames(fill);
	result = axas_space_fault_lent(fill->space, fill->gpa, 0, false, NULL);
	return result == AXAS_LENT_OTHER ? 0 : axas_space_fault_errno(result);
}

static int bring(struct fill *fill, int wanted)
{
	switch (wanted) {
	case LOOK_LENT:
		return fill_lent(fill);
	case LOOK_SPLIT:
		return axas_space_split_leaf(fill->space, fill->gpa);
	case LOOK_FRAMES:
		return bring_frames(fill);
	case LOOK_TABLES:
		return axas_npt_get_spares(&fill->space->npt, &fill->spares, fill->want_tables,
					   false);
	default:
		axas_space_pause(&fill->tries);
		return 0;
	}
}

/*
 * Level of the leaf to install: 1 if the area's policy, its bounds, the machine and the table
 * built so far allow it, else 0.
 */
static unsigned int fill_level(const struct fill *fill, const struct axas_cpu *cpu,
			       const struct axas_npt_pos *pos)
{
	u64 mask = axas_npt_leaf_size(1) - 1;
	u64 first = fill->gpa & ~mask, last = fill->gpa | mask;

	/* What was discarded is logged page by page. */
	if (pos->entry && cpu->area->flags & AXAS_AREA_LOGGED)
		return 0;
	if (!fill->huge || !pos->level || READ_ONCE(fill->space->no_huge) ||
	    !axas_npt_max_level(&fill->space->npt, cpu->area->prot))
		return 0;
	if (first < cpu->first || last > cpu->last)
		return 0;
	return fill->fault || (first == fill->gpa && last <= fill->last);
}

/*
 * The leaf to install in place of @entry. In a logged area it says whether the page was written: by
 * this fault, or by the discard that left a ZERO marker.
 */
static u64 leaf_for(const struct fill *fill, const struct axas_area *area, unsigned int level,
		    u64 entry)
{
	const struct axas_npt *npt = &fill->space->npt;
	bool logged = area->flags & AXAS_AREA_LOGGED;
	struct axas_hpa hpa = fill->hpas[0];
	u32 prot = area->prot;
	u64 attr = area->attr;

	if (level)
		return npt->fmt->leaf(npt, hpa.val, logged ? prot & ~AXAS_PROT_WRITE : prot,
				      area->type, level);
	if (unlikely(logged) && (entry == npt->fmt->zero || fill->access & AXAS_PROT_WRITE))
		attr |= prot & AXAS_PROT_WRITE ? npt->write : npt->fmt->zero;
	if (fill->access & AXAS_PROT_WRITE)
		attr |= npt->dirty;
	return axas_npt_make_leaf(npt, hpa, attr);
}

/* The first @n frames of fill->hpas are mapped by leaves now. */
static void spend_frames(struct fill *fill, unsigned int n)
{
	axas_pool_count(&fill->space->pool, &fill->backend, (long)n << fill->order);
	fill->offset += (AXAS_FRAME_SIZE << fill->order) * n;
	fill->have -= n;
	if (fill->have)
		memmove(fill->hpas, fill->hpas + n, fill->have * sizeof(fill->hpas[0]));
	else
		axas_pool_settle(&fill->space->pool);
}

/* Take back what was put aside at a non-present entry. Return 0 if there was nothing, or LOOK_*. */
static int take_back(struct fill *fill, struct axas_npt_pos *pos)
{
	if (likely(!READ_ONCE(fill->space->npt.aside)) || !pos->level)
		return 0;
	switch (axas_space_take_back(fill->space, &fill->spares, fill->gpa, pos)) {
	case 0:
		return 0;
	case -EAGAIN:
		fill->want_tables = pos->level;
		return LOOK_TABLES;
	default:
		return LOOK_AGAIN;
	}
}

/* Descend to the entry for a leaf at @level, linking spare tables; it must be non-present. */
static int reach(struct fill *fill, struct axas_npt_pos *pos, unsigned int level)
{
	struct axas_npt *npt = &fill->space->npt;

	switch (axas_npt_reach(npt, &fill->spares, fill->gpa, level, pos)) {
	case 0:
		break;
	case -EAGAIN:
		fill->want_tables = pos->level - level;
		return LOOK_TABLES;
	default:
		return LOOK_AGAIN;
	}
	return axas_npt_kind(npt, pos) <= AXAS_PT_ZERO ? 0 : LOOK_AGAIN;
}

/* Set the range that fault-around fills. */
static void set_around(struct fill *fill, const struct axas_cpu *cpu)
{
	u64 mask;

	fill->around = axas_area_around(cpu->area);
	mask = (AXAS_FRAME_SIZE << fill->around) - 1;
	fill->last = min(cpu->last, fill->gpa | mask);
	fill->gpa = max(cpu->first, fill->gpa & ~mask);
}

/* Install one frame at a non-present entry. Return AXAS_FAULT_FIXED or LOOK_*. */
static int install(struct fill *fill, const struct axas_cpu *cpu, struct axas_npt_pos *pos)
{
	unsigned int level = fill_level(fill, cpu, pos);
	const struct axas_area *area = cpu->area;
	int wanted;

	/* Leaves of a linear area exist before it does: it is being removed. */
	if (unlikely(axas_area_is_linear(area)))
		return LOOK_AGAIN;
	if (!in_hand(fill, area, level)) {
		fill->want_tables = pos->level - level;
		return want_frames(fill, area, level, 1);
	}
	wanted = reach(fill, pos, level);
	if (wanted)
		return wanted;
	if (!axas_npt_install(&fill->space->npt, pos, leaf_for(fill, area, level, pos->entry)))
		return LOOK_AGAIN;
	spend_frames(fill, 1);
	fill->level = level;
	/* The leaf does not permit the write yet: it is split next. */
	if (level && fill->access & AXAS_PROT_WRITE && area->flags & AXAS_AREA_LOGGED)
		return LOOK_AGAIN;
	if (fill->fault && axas_area_around(area))
		set_around(fill, cpu);
	return AXAS_FAULT_FIXED;
}

/* Whether the entry is a leaf that permits the access. */
static bool leaf_permits(struct fill *fill, const struct axas_npt_pos *pos)
{
	const struct axas_npt *npt = &fill->space->npt;

	if (axas_npt_kind(npt, pos) != AXAS_PT_LEAF)
		return false;
	fill->level = pos->level;
	return !(fill->access & ~npt->fmt->decode(pos->entry, pos->level).prot);
}

/*
 * In a logged area a level 0 leaf that does not permit writes is that of a clean page. Permit them,
 * for the same frame: hardware that walks again on a fault needs no flush. Return false if there is
 * more to do.
 */
static bool log_write(struct axas_space *space, const struct axas_area *area, u64 *ptep,
		      u64 entry, u32 access)
{
	struct axas_npt *npt = &space->npt;
	u64 leaf = (entry | npt->write | npt->dirty) & ~npt->fmt->zero;

	if (!(area->flags & AXAS_AREA_LOGGED) || access & ~area->prot ||
	    !(access & AXAS_PROT_WRITE))
		return false;
	if (!npt->fmt->fault_forgets || !axas_npt_is_leaf(npt, entry) ||
	    entry & npt->fmt->borrowed || !axas_npt_allows(npt, leaf, access))
		return false;
	return axas_npt_make(npt, ptep, 0, &entry, leaf);
}

/* A leaf that does not permit what its area permits. Return AXAS_FAULT_* or LOOK_*. */
static int permit(struct fill *fill, const struct axas_area *area,
		  const struct axas_npt_pos *pos)
{
	bool logged = area->flags & AXAS_AREA_LOGGED && fill->access & AXAS_PROT_WRITE;

	if (leaf_permits(fill, pos))
		return AXAS_FAULT_SPURIOUS;
	if (unlikely(axas_area_lends(area)) && fill->access & AXAS_PROT_WRITE &&
	    axas_npt_is_borrowed(&fill->space->npt, pos->entry, pos->level))
		return LOOK_LENT;
	if (logged && pos->level)
		return LOOK_SPLIT;
	if (logged && log_write(fill->space, area, pos->ptep, pos->entry, fill->access))
		return AXAS_FAULT_FIXED;
	return LOOK_ADJUST;
}

/* Whether a fault takes 2 MiB. Compound frames do not go without, unless a later policy says so. */
static bool huge_on_fault(const struct axas_area *area)
{
	return area->flags & (AXAS_MAP_HUGE_ALWAYS | AXAS_MAP_HUGE_WHOLE) &&
	       !(area->flags & AXAS_MAP_HUGE_NEVER);
}

/*
 * One look at the faulting address. The leaf decides; the area is consulted only if there is no
 * leaf, or one that permits less. Return AXAS_FAULT_* or LOOK_*. In a read-side section, or with
 * space->lock held.
 */
static int look(struct fill *fill, struct axas_cpu *cpu)
{
	struct axas_space *space = fill->space;
	const struct axas_area *area;
	struct axas_npt_pos pos;
	int wanted;

	axas_npt_walk(&space->npt, &cpu->cursor, fill->gpa, &pos);
	if (leaf_permits(fill, &pos)) {
		if (axas_npt_is_clean(&space->npt, pos.entry, pos.level, fill->access))
			axas_npt_set_dirty(&space->npt, &pos);
		return AXAS_FAULT_SPURIOUS;
	}
	area = axas_area_find_here(space, cpu, fill->gpa);
	if (!area)
		return AXAS_FAULT_HOLE;
	if (fill->access & ~area->prot)
		return AXAS_FAULT_DENIED;
	/* A linear area's leaves are made before it is published, but maybe after the walk. */
	if (unlikely(axas_area_is_linear(area)))
		axas_npt_walk(&space->npt, &cpu->cursor, fill->gpa, &pos);
	switch (axas_npt_kind(&space->npt, &pos)) {
	case AXAS_PT_EMPTY:
	case AXAS_PT_ZERO:
		if (unlikely(axas_area_lends(area)))
			return LOOK_LENT;
		wanted = take_back(fill, &pos);
		if (unlikely(wanted))
			return wanted;
		if (!pos.entry && axas_area_is_missing(area))
			return AXAS_FAULT_MISSING;
		fill->huge = fill->huge && huge_on_fault(area);
		return install(fill, cpu, &pos);
	case AXAS_PT_LEAF:
		return permit(fill, area, &pos);
	default:
		return LOOK_AGAIN;
	}
}

/*
 * Widen a leaf that permits less than its area: a protect() has published the wider area, but
 * not changed this leaf yet; or the area is logged, and this is the first write. Leaves are not
 * narrowed while space->lock is held for reading.
 * Return false if only the protect() may change the leaf: it must be split, reaches into another
 * area, permits what the area does not, or needs the HAL's fence.
 */
static bool widen(struct fill *fill)
{
	struct axas_space *space = fill->space;
	struct axas_cpu found = axas_nothing_found();
	const struct axas_area *area;
	struct axas_npt_pos pos;
	u64 mask, leaf;
	u32 may, prot;

	lockdep_assert_held(&space->lock);
	area = axas_area_look_up(space, &found, fill->gpa);
	axas_npt_walk(&space->npt, &found.cursor, fill->gpa, &pos);
	/* If the entry has changed since, the next look deals with it. */
	if (!area || axas_npt_kind(&space->npt, &pos) != AXAS_PT_LEAF)
		return true;
	/* It was collapsed since: the next look asks to split it. */
	if (pos.level && area->flags & AXAS_AREA_LOGGED && fill->access & AXAS_PROT_WRITE)
		return true;
	mask = axas_npt_leaf_size(pos.level) - 1;
	if (pos.level > axas_npt_max_level(&space->npt, area->prot) ||
	    (fill->gpa & ~mask) < found.first || (fill->gpa | mask) > found.last)
		return false;
	/* Other holders of space->lock rely on the permissions that they found. */
	may = space->npt.fmt->decode(pos.entry, pos.level).prot;
	if (may & ~area->prot)
		return false;
	/* protect_leaves() has yet to run the fence that executable memory needs. */
	if (area->prot & ~may & AXAS_PROT_EXEC && space->npt.hal->fence)
		return false;
	prot = area->prot;
	if (area->flags & AXAS_AREA_LOGGED)
		prot &= ~AXAS_PROT_WRITE | fill->access | may;
	leaf = space->npt.fmt->with_prot(pos.entry, prot, pos.level);
	if (prot & AXAS_PROT_WRITE)
		leaf &= ~space->npt.fmt->zero;
	if (leaf == pos.entry || !axas_npt_make(&space->npt, pos.ptep, pos.level, &pos.entry, leaf))
		return true;
	axas_space_flush(space, fill->gpa & ~mask, fill->gpa | mask, false);
	fill->logged = area->flags & AXAS_AREA_LOGGED;
	return true;
}

static int adjust(struct fill *fill)
{
	struct axas_space *space = fill->space;
	bool done;

	down_read(&space->lock);
	done = widen(fill);
	up_read(&space->lock);
	if (done)
		return 0;
	/*
	 * The protect() holds the mutex: wait for it. Drop the frames first: other faults may
	 * wait for them.
	 */
	drop_frames(fill);
	if (mutex_lock_killable(&space->changing))
		return -EINTR;
	mutex_unlock(&space->changing);
	return 0;
}

/* One look, in a read-side section or, while a remover has the bar, with space->lock held. */
static int look_once(struct fill *fill, int (*one)(struct fill *fill, struct axas_cpu *cpu))
{
	struct axas_cpu *cpu = axas_section_enter(fill->space), found;
	int result;

	if (likely(cpu)) {
		result = one(fill, cpu);
		axas_section_leave(cpu);
		return result;
	}
	found = axas_nothing_found();
	down_read(&fill->space->lock);
	result = one(fill, &found);
	up_read(&fill->space->lock);
	return result;
}

/* Out of memory with some tables allocated: link these, so that a retry needs fewer. */
static void keep_tables(struct fill *fill, int (*one)(struct fill *fill, struct axas_cpu *cpu))
{
	if (fill->have && fill->spares.nr)
		look_once(fill, one);
}

/* The rest of a fault, where the backend lends frames. */
static int fault_lent(struct fill *fill)
{
	int result;

	/* Others may wait for frames that were brought for another area. */
	drop_frames(fill);
	result = axas_space_fault_lent(fill->space, fill->gpa, fill->access, false, &fill->level);
	return result == AXAS_LENT_OTHER ? LOOK_AGAIN : result;
}

/* What a fault is answered that cannot get a frame; not for -ENOMEM. */
static int result_of(int err)
{
	switch (err) {
	case -EINTR:
		return AXAS_FAULT_RETRY;
	case -EACCES:
		return AXAS_FAULT_DENIED;
	default:
		return AXAS_FAULT_ERROR;
	}
}

static int run_fault(struct fill *fill, int (*one)(struct fill *fill, struct axas_cpu *cpu))
{
	int result, err;

	for (;;) {
		result = look_once(fill, one);
		if (result == AXAS_FAULT_SPURIOUS && fill->logged)
			return AXAS_FAULT_FIXED;
		if (result == LOOK_LENT)
			result = fault_lent(fill);
		if (result >= 0)
			return result;
		if ((result == LOOK_AGAIN || result == LOOK_ADJUST) &&
		    fatal_signal_pending(current))
			return AXAS_FAULT_RETRY;
		err = result == LOOK_ADJUST ? adjust(fill) : bring(fill, result);
		if (err && err != -ENOMEM)
			return result_of(err);
		if (err && !may_come(fill)) {
			keep_tables(fill, one);
			return AXAS_FAULT_NOMEM;
		}
	}
}

/*
 * Slow path of a fault. @hpa: a frame that the fast path has allocated already, or
 * AXAS_HPA_NONE.
 */
static noinline int handle_fault(struct axas_space *space, u64 gpa, u32 access,
				 unsigned int *level, struct axas_hpa hpa)
{
	struct fill fill __uninitialized;
	int result = AXAS_FAULT_ERROR;
	u64 done;

	init_fill(&fill, space, &hpa);
	fill.gpa = gpa;
	fill.access = access;
	fill.fault = true;
	fill.huge = true;
	if (hpa.val != AXAS_HPA_NONE) {
		fill.backend = axas_alloc(space->npt.hal);
		fill.order = 0;
		fill.have = 1;
	}
	if (access && !(access & ~AXAS_PROT_MASK))
		result = run_fault(&fill, look);
	end_fill(&fill);
	if (level)
		*level = result <= AXAS_FAULT_SPURIOUS ? fill.level : 0;
	/* Fault-around is best effort: pages that it does not fill fault by themselves. */
	if (result == AXAS_FAULT_FIXED && fill.around && !fill.level)
		axas_space_fill(space, fill.gpa, fill.last, false, &done);
	return result;
}

static noinline int fault_slow(struct axas_space *space, u64 gpa, u32 access,
			       unsigned int *level, struct axas_hpa hpa)
{
	int result = handle_fault(space, gpa, access, level, hpa);

	count_fault(space, result);
	return result;
}

/* Allocation failed. With a frame limit the slow path may wait for a racer: see may_come(). */
static noinline int fault_nomem(struct axas_space *space, u64 gpa, u32 access,
				unsigned int *level)
{
	if (space->pool.limited)
		return fault_slow(space, gpa, access, level, axas_hpa(AXAS_HPA_NONE));
	count_fault(space, AXAS_FAULT_NOMEM);
	return AXAS_FAULT_NOMEM;
}

/*
 * Leave the section in which the entry was empty, allocate a frame, install it in a new one. Return
 * true if it is installed; else *@hpa is the frame, or AXAS_HPA_NONE if none could be allocated.
 */
static __always_inline bool fill_page(struct axas_space *space, struct axas_cpu *cpu, u64 *ptep,
				      struct axas_hpa *hpa)
{
	unsigned long generation = READ_ONCE(space->generation);
	u64 attr = cpu->area->attr, empty = 0;

	axas_section_leave(cpu);
	if (unlikely(!axas_pool_get_one(&space->pool, space->npt.hal, 0, hpa))) {
		*hpa = axas_hpa(AXAS_HPA_NONE);
		return false;
	}
	cpu = axas_section_reenter(space, generation);
	if (unlikely(!cpu))
		return false;
	if (unlikely(!axas_npt_fill_one(&space->npt, cpu->shard, ptep, &empty, *hpa, attr))) {
		axas_section_leave(cpu);
		return false;
	}
	axas_section_leave(cpu);
	axas_pool_settle(&space->pool);
	return true;
}

static noinline int fault_fill(struct axas_space *space, struct axas_cpu *cpu, u64 gpa,
			       u32 access, u64 *ptep, unsigned int *level)
{
	struct axas_hpa hpa __uninitialized;

	if (likely(fill_page(space, cpu, ptep, &hpa)))
		return AXAS_FAULT_FIXED;
	if (hpa.val == AXAS_HPA_NONE)
		return fault_nomem(space, gpa, access, level);
	return fault_slow(space, gpa, access, level, hpa);
}

/*
 * Fast path of a host access: a page without a leaf in the area and the table that this CPU has
 * cached. Return AXAS_FAULT_*, or LOOK_AGAIN for the slow path, with *@hpa a frame for it or
 * AXAS_HPA_NONE. With a frame limit the slow path may wait for a racer: see may_come().
 */
static int fault_in_fast(struct axas_space *space, u64 gpa, u32 access, struct axas_hpa *hpa)
{
	struct axas_cpu *cpu = axas_section_hit(space);

	*hpa = axas_hpa(AXAS_HPA_NONE);
	if (unlikely(!cpu))
		return LOOK_AGAIN;
	if (unlikely(!axas_cpu_at(cpu, gpa) || !axas_cpu_covers(cpu, gpa) ||
		     access & ~cpu->area->single || READ_ONCE(*axas_cpu_ptep(cpu, gpa)))) {
		axas_section_leave(cpu);
		return LOOK_AGAIN;
	}
	if (likely(fill_page(space, cpu, axas_cpu_ptep(cpu, gpa), hpa)))
		return AXAS_FAULT_FIXED;
	return hpa->val == AXAS_HPA_NONE && !space->pool.limited ? AXAS_FAULT_NOMEM : LOOK_AGAIN;
}

static __always_inline int fault_in(struct axas_space *space, u64 gpa, u32 access,
				    unsigned int *level)
{
	struct axas_hpa hpa;
	int result = fault_in_fast(space, gpa, access, &hpa);

	if (likely(result != LOOK_AGAIN))
		return result;
	result = handle_fault(space, gpa, access, level, hpa);
	if (result == AXAS_FAULT_FIXED)
		count_fault(space, result);
	return result;
}

/*
 * Handle a fault by @handle, and tell how long that took. Not of RETRY: the access, or
 * axas_space_fault() after axas_space_fault_nowait(), is a fault of its own.
 */
static noinline int fault_traced(struct axas_space *space, u64 gpa, u32 access,
				 unsigned int *level, bool host,
				 int (*handle)(struct axas_space *space, u64 gpa, u32 access,
					       unsigned int *level))
{
	u64 start = ktime_get_ns();
	unsigned int at = 0;
	int result = handle(space, gpa, access, &at);

	if (result != AXAS_FAULT_RETRY)
		trace_axas_fault(space, gpa, access, result, at, host, start);
	if (level)
		*level = at;
	return result;
}

int axas_space_fault_in(struct axas_space *space, u64 gpa, u32 access)
{
	if (trace_axas_fault_enabled())
		return fault_traced(space, gpa, access, NULL, true, fault_in);
	return fault_in(space, gpa, access, NULL);
}

int axas_space_bring_now(struct axas_space *space, u64 gpa, u32 access)
{
	return axas_space_fault_errno(axas_space_fault_in(space, gpa, access));
}

int axas_space_bring(struct axas_space *space, u64 gpa, u32 access)
{
	int err = axas_space_bring_now(space, gpa, access);

	return unlikely(err == -EAGAIN) ? axas_space_await(space, gpa) : err;
}

int axas_space_own_page(struct axas_space *space, u64 gpa, u32 access)
{
	int result = axas_space_fault_lent(space, gpa, access, true, NULL);

	/* A host fault holds mmap_lock: it does not wait here for a missing page. */
	return result == AXAS_LENT_OTHER ? axas_space_bring_now(space, gpa, access) :
					   axas_space_fault_errno(result);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_space_own_page);

/* look() of a fault for another space, which may have frames of alloc alone. */
static int look_export(struct fill *fill, struct axas_cpu *cpu)
{
	const struct axas_area *area = axas_area_find_here(fill->space, cpu, fill->gpa);

	if (area && area->backend.ops->id != AXAS_BACKEND_ALLOC)
		return AXAS_FAULT_ERROR;
	return look(fill, cpu);
}

static int fault_exported(struct axas_space *space, u64 gpa, u32 access, unsigned int *level)
{
	struct axas_hpa hpa __uninitialized;
	struct fill fill __uninitialized;
	int result;

	init_fill(&fill, space, &hpa);
	fill.gpa = gpa;
	fill.access = access;
	fill.fault = true;
	fill.huge = true;
	result = run_fault(&fill, look_export);
	end_fill(&fill);
	*level = result <= AXAS_FAULT_SPURIOUS ? fill.level : 0;
	if (result == AXAS_FAULT_FIXED)
		count_fault(space, result);
	return result;
}

int axas_space_bring_exported(struct axas_space *space, u64 gpa, u32 access)
{
	unsigned int level;
	int result;

	if (trace_axas_fault_enabled())
		result = fault_traced(space, gpa, access, NULL, true, fault_exported);
	else
		result = fault_exported(space, gpa, access, &level);
	/* The fault of the other space cannot wait for a server of this one. */
	return result == AXAS_FAULT_MISSING ? -EIO : axas_space_fault_errno(result);
}

/* Walk to the level 0 table of an address; return false if there is none. */
static noinline bool find_table(struct axas_space *space, struct axas_cpu *cpu, u64 gpa)
{
	struct axas_npt_pos pos;

	axas_npt_walk(&space->npt, &cpu->cursor, gpa, &pos);
	return axas_cpu_at(cpu, gpa);
}

/* Whether a fault is in the area that this CPU has cached, and its backend lends frames. */
static bool is_lent(const struct axas_cpu *cpu, u64 gpa, u32 access)
{
	return axas_cpu_covers(cpu, gpa) && axas_area_lends(cpu->area) && access &&
	       !(access & ~AXAS_PROT_MASK);
}

/* The short way to axas_space_cow.c. Leaves the caller's section. */
static noinline int fault_lent_here(struct axas_space *space, struct axas_cpu *cpu, u64 gpa,
				    u32 access, unsigned int *level)
{
	int result;

	axas_section_leave(cpu);
	result = axas_space_fault_lent(space, gpa, access, false, level);
	if (unlikely(result == AXAS_LENT_OTHER))
		return fault_slow(space, gpa, access, level, axas_hpa(AXAS_HPA_NONE));
	count_fault(space, result);
	return result;
}

/*
 * A present entry that does not permit the access: the first write to a page of a logged area, or
 * else the slow path. Leaves the caller's section.
 */
static noinline int fault_denied(struct axas_space *space, struct axas_cpu *cpu, u64 gpa,
				 u32 access, u64 *ptep, unsigned int *level)
{
	bool found = axas_area_find_here(space, cpu, gpa), done;

	if (found && is_lent(cpu, gpa, access))
		return fault_lent_here(space, cpu, gpa, access, level);
	done = found && log_write(space, cpu->area, ptep, READ_ONCE(*ptep), access);
	axas_section_leave(cpu);
	if (!done)
		return fault_slow(space, gpa, access, level, axas_hpa(AXAS_HPA_NONE));
	count_fault(space, AXAS_FAULT_FIXED);
	return AXAS_FAULT_FIXED;
}

/* The fast paths, for another table or area than those cached. Leaves the caller's section. */
static noinline int fault_elsewhere(struct axas_space *space, struct axas_cpu *cpu, u64 gpa,
				    u32 access, unsigned int *level)
{
	u64 *ptep, entry;

	if (!axas_cpu_at(cpu, gpa) && !find_table(space, cpu, gpa))
		goto slow;
	ptep = axas_cpu_ptep(cpu, gpa);
	entry = READ_ONCE(*ptep);
	if (!entry) {
		if (!axas_area_find_here(space, cpu, gpa) || !access ||
		    access & ~cpu->area->single)
			goto slow;
		if (level)
			*level = 0;
		return fault_fill(space, cpu, gpa, access, ptep, level);
	}
	if (axas_npt_allows(&space->npt, entry, access)) {
		axas_npt_count(&cpu->shard->found);
		axas_section_leave(cpu);
		if (level)
			*level = 0;
		return AXAS_FAULT_SPURIOUS;
	}
	if (level)
		*level = 0;
	return fault_denied(space, cpu, gpa, access, ptep, level);
slow:
	if (is_lent(cpu, gpa, access))
		return fault_lent_here(space, cpu, gpa, access, level);
	axas_section_leave(cpu);
	return fault_slow(space, gpa, access, level, axas_hpa(AXAS_HPA_NONE));
}

/*
 * Fast paths: a 4 KiB page that a racer has mapped already, and one that has no leaf, both in
 * the area and the table that this CPU has cached.
 */
static __always_inline int fault(struct axas_space *space, u64 gpa, u32 access,
				 unsigned int *level)
{
	struct axas_cpu *cpu = axas_section_hit(space);
	u64 *ptep, entry;

	if (unlikely(!cpu))
		goto slow;
	if (unlikely(!axas_cpu_at(cpu, gpa)))
		return fault_elsewhere(space, cpu, gpa, access, level);
	ptep = axas_cpu_ptep(cpu, gpa);
	if (level)
		*level = 0;
	entry = READ_ONCE(*ptep);
	if (likely(!entry)) {
		if (unlikely(!axas_cpu_covers(cpu, gpa) || !access ||
			     access & ~cpu->area->single))
			return fault_elsewhere(space, cpu, gpa, access, level);
		return fault_fill(space, cpu, gpa, access, ptep, level);
	}
	if (likely(axas_npt_allows(&space->npt, entry, access))) {
		axas_npt_count(&cpu->shard->found);
		axas_section_leave(cpu);
		return AXAS_FAULT_SPURIOUS;
	}
	return fault_denied(space, cpu, gpa, access, ptep, level);
slow:
	return fault_slow(space, gpa, access, level, axas_hpa(AXAS_HPA_NONE));
}

int axas_space_fault(struct axas_space *space, struct axas_gpa gpa, u32 access,
		     unsigned int *level)
{
	if (trace_axas_fault_enabled())
		return fault_traced(space, gpa.val, access, level, false, fault);
	return fault(space, gpa.val, access, level);
}
EXPORT_SYMBOL_AXAS(axas_space_fault);

/* Install a frame in the section in which the entry was empty. Return AXAS_FAULT_*. */
static __always_inline int fill_nowait(struct axas_space *space, struct axas_cpu *cpu, u64 *ptep)
{
	struct axas_hpa hpa __uninitialized;
	u64 empty = 0;
	bool filled;

	if (unlikely(!axas_pool_get_one(&space->pool, space->npt.hal, AXAS_FRAME_NOWAIT, &hpa))) {
		axas_section_leave(cpu);
		return AXAS_FAULT_RETRY;
	}
	filled = axas_npt_fill_one(&space->npt, cpu->shard, ptep, &empty, hpa, cpu->area->attr);
	axas_section_leave(cpu);
	if (unlikely(!filled))
		axas_pool_unget_one(&space->pool, space->npt.hal, hpa);
	axas_pool_settle(&space->pool);
	return likely(filled) ? AXAS_FAULT_FIXED : AXAS_FAULT_RETRY;
}

/* A write to a borrowed page. Leaves the caller's section. */
static noinline int copy_nowait(struct axas_space *space, struct axas_cpu *cpu, u64 gpa, u32 access)
{
	int result;

	axas_section_leave(cpu);
	result = axas_space_copy_nowait(space, gpa, access);
	if (result != AXAS_FAULT_RETRY)
		count_fault(space, result);
	return result;
}

/* A single read-side section: area and table stay, so the generation is not rechecked. */
static __always_inline int fault_nowait(struct axas_space *space, u64 gpa, u32 access,
					unsigned int *level)
{
	struct axas_cpu *cpu;
	u64 *ptep, entry;

	/* The page allocator's locks sleep on PREEMPT_RT. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return AXAS_FAULT_RETRY;
	cpu = axas_section_enter(space);
	if (unlikely(!cpu))
		return AXAS_FAULT_RETRY;
	if (unlikely(!axas_cpu_at(cpu, gpa) && !find_table(space, cpu, gpa)))
		goto retry;
	ptep = axas_cpu_ptep(cpu, gpa);
	entry = READ_ONCE(*ptep);
	if (likely(!entry)) {
		if (likely(axas_area_find_here(space, cpu, gpa) && access &&
			   !(access & ~cpu->area->single)))
			return fill_nowait(space, cpu, ptep);
	} else if (likely(axas_npt_allows(&space->npt, entry, access))) {
		axas_npt_count(&cpu->shard->found);
		axas_section_leave(cpu);
		return AXAS_FAULT_SPURIOUS;
	} else if (axas_area_find_here(space, cpu, gpa)) {
		if (log_write(space, cpu->area, ptep, entry, access)) {
			axas_section_leave(cpu);
			count_fault(space, AXAS_FAULT_FIXED);
			return AXAS_FAULT_FIXED;
		}
		if (access & AXAS_PROT_WRITE && is_lent(cpu, gpa, access))
			return copy_nowait(space, cpu, gpa, access);
	}
retry:
	axas_section_leave(cpu);
	return AXAS_FAULT_RETRY;
}

int axas_space_fault_nowait(struct axas_space *space, struct axas_gpa gpa, u32 access)
{
	if (trace_axas_fault_enabled())
		return fault_traced(space, gpa.val, access, NULL, false, fault_nowait);
	return fault_nowait(space, gpa.val, access, NULL);
}
EXPORT_SYMBOL_AXAS(axas_space_fault_nowait);

static void advance(struct fill *fill, u64 bytes)
{
	/* A large leaf may reach beyond @last; @gpa == @last + 1 means done. */
	fill->gpa += min(bytes, fill->last - fill->gpa + 1);
}

/* Pages from @gpa to the end of its level 0 table, area or range, whichever comes first. */
static unsigned int pages_here(const struct fill *fill, const struct axas_cpu *cpu)
{
	u64 last = min3(fill->last, cpu->last, fill->gpa | (axas_npt_leaf_size(1) - 1));

	return axas_page_nr(last) - axas_page_nr(fill->gpa) + 1;
}

static unsigned int run_of_leaves(const struct axas_npt *npt, const u64 *ptep, unsigned int max)
{
	unsigned int n = 0;

	while (n < max && axas_npt_is_leaf(npt, READ_ONCE(ptep[n])))
		n++;
	return n;
}

/* Length of the leading run of empty entries that one batch may fill. */
static unsigned int run_to_fill(const struct fill *fill, const struct axas_cpu *cpu,
				const struct axas_npt_pos *pos)
{
	unsigned int max = min_t(unsigned int, pages_here(fill, cpu), FILL_BATCH);

	/* No table yet: fill one page, the rest next time. A ZERO marker is filled alone, too. */
	if (pos->level)
		return 1;
	return max_t(unsigned int, axas_npt_run_of(pos->ptep, max, true), 1);
}

/* Install as many frames as there are in fill->hpas, within one table. Return 0 or LOOK_*. */
static int fill_small(struct fill *fill, const struct axas_cpu *cpu, struct axas_npt_pos *pos)
{
	const struct axas_area *area = cpu->area;
	struct axas_npt *npt = &fill->space->npt;
	unsigned int n, lost = 0;
	int wanted;

	/* Leaves of a linear area exist before it does: this look came too early, or too late. */
	if (unlikely(axas_area_is_linear(area)))
		return LOOK_AGAIN;
	if (!in_hand(fill, area, 0)) {
		fill->want_tables = pos->level;
		return want_frames(fill, area, 0, run_to_fill(fill, cpu, pos));
	}
	wanted = reach(fill, pos, 0);
	if (wanted)
		return wanted;
	n = min(pages_here(fill, cpu), fill->have);
	if (unlikely(pos->entry)) {
		n = 1;
		if (!axas_npt_install(npt, pos, leaf_for(fill, area, 0, pos->entry)))
			return LOOK_AGAIN;
	} else {
		lost = axas_npt_fill(npt, pos->ptep, fill->hpas, n, area->attr);
	}
	fill->gpa += (u64)n << AXAS_FRAME_SHIFT;
	/* axas_npt_fill() has moved the frames that lost a race to the front. */
	axas_pool_count(&fill->space->pool, &fill->backend, n - lost);
	fill->offset = lost ? NOWHERE : fill->offset + ((u64)n << AXAS_FRAME_SHIFT);
	fill->have -= n - lost;
	if (!fill->have)
		axas_pool_settle(&fill->space->pool);
	else
		memmove(fill->hpas + lost, fill->hpas + n,
			(fill->have - lost) * sizeof(fill->hpas[0]));
	return 0;
}

static int fill_large(struct fill *fill, const struct axas_cpu *cpu, struct axas_npt_pos *pos)
{
	int result = install(fill, cpu, pos);

	if (result != AXAS_FAULT_FIXED)
		return result;
	advance(fill, axas_npt_leaf_size(fill->level));
	return 0;
}

/* Step over present leaves, or fill non-present entries. Return 0, LOOK_* or AXAS_FAULT_MISSING. */
static int fill_at(struct fill *fill, const struct axas_cpu *cpu, struct axas_npt_pos *pos)
{
	struct axas_npt *npt = &fill->space->npt;
	unsigned int n;
	int wanted;

	switch (axas_npt_kind(npt, pos)) {
	case AXAS_PT_BUSY:
		return LOOK_AGAIN;
	case AXAS_PT_LEAF:
		n = pos->level ? 1 : run_of_leaves(npt, pos->ptep, pages_here(fill, cpu));
		advance(fill, axas_npt_leaf_size(pos->level) * n -
			      (fill->gpa & (axas_npt_leaf_size(pos->level) - 1)));
		return 0;
	default:
		break;
	}
	if (unlikely(axas_area_lends(cpu->area)))
		return LOOK_LENT;
	wanted = take_back(fill, pos);
	if (unlikely(wanted))
		return wanted;
	if (!pos->entry && axas_area_is_missing(cpu->area))
		return AXAS_FAULT_MISSING;
	if (cpu->area->flags & AXAS_MAP_HUGE_NEVER || !fill_level(fill, cpu, pos))
		return fill_small(fill, cpu, pos);
	return fill_large(fill, cpu, pos);
}

/* Steps in one read-side section, which has preemption off. */
#define FILL_STEPS	8

/* Populate's look. Return LOOK_*, AXAS_FAULT_HOLE or AXAS_FAULT_MISSING. */
static int fill_here(struct fill *fill, struct axas_cpu *cpu)
{
	u64 first = fill->gpa, size = fill->last - first + 1;
	struct axas_npt_pos pos;
	int i, result = 0;

	for (i = 0; i < FILL_STEPS && !result && fill->gpa - first < size; i++) {
		if (!axas_area_find_here(fill->space, cpu, fill->gpa))
			return AXAS_FAULT_HOLE;
		if (axas_cpu_at(cpu, fill->gpa)) {
			pos.ptep = axas_cpu_ptep(cpu, fill->gpa);
			pos.entry = READ_ONCE(*pos.ptep);
			pos.level = 0;
		} else {
			axas_npt_walk(&fill->space->npt, &cpu->cursor, fill->gpa, &pos);
		}
		result = fill_at(fill, cpu, &pos);
	}
	if (fill->gpa != first)
		fill->tries = 0;
	return result ?: LOOK_AGAIN;
}

/* Fill @gpa to @last. Return 0 or -errno; @done: bytes filled, also on an error. */
static int run_fill(struct fill *fill, u64 *done)
{
	u64 first = fill->gpa, size = fill->last - first + 1;
	int result, err = 0;

	while (!err && fill->gpa - first < size) {
		if (fatal_signal_pending(current)) {
			err = -EINTR;
			break;
		}
		result = look_once(fill, fill_here);
		err = result < 0 ? bring(fill, result) :
		      result == AXAS_FAULT_MISSING ? -ENODATA : -EFAULT;
		if (err == -ENOMEM && may_come(fill))
			err = 0;
	}
	if (err == -ENOMEM)
		keep_tables(fill, fill_here);
	*done = fill->gpa - first;
	return err;
}

int axas_space_fill(struct axas_space *space, u64 first, u64 last, bool huge, u64 *done)
{
	struct axas_hpa hpas[FILL_BATCH] __uninitialized;
	struct fill fill __uninitialized;
	int err;

	init_fill(&fill, space, hpas);
	fill.gpa = first;
	fill.last = last;
	fill.huge = huge;
	fill.fault = false;
	fill.access = 0;
	err = run_fill(&fill, done);
	end_fill(&fill);
	return err;
}

int axas_space_populate(struct axas_space *space, struct axas_gpa_range range, u64 *done)
{
	*done = 0;
	if (!axas_space_range_ok(space, range))
		return -EINVAL;
	return axas_space_fill(space, range.start.val, axas_gpa_range_last(range).val, true,
			       done);
}
EXPORT_SYMBOL_AXAS(axas_space_populate);
