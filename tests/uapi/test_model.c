// SPDX-License-Identifier: GPL-2.0-only
/*
 * The header as a model: random calls on two spaces, with each result predicted only from
 * include/uapi/axas/axas.h. What the header leaves open (2 MiB leaves if available, fault-around
 * if memory is available) the model leaves open.
 *
 * Seeded: axas_uapi_test -s SEED model repeats a run; -n N makes N calls per format, else a time
 * limit ends the run on slow machines.
 */
#include "uapi.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define WINDOW_PAGES	512	/* host-physical pages for linear areas */
#define PAGES		1280	/* guest pages used by calls: 2.5 blocks of 2 MiB */
#define FIRST		(GIB - 2 * MIB - 256 * PAGE)
#define BLOCK		512
#define LIMIT		300	/* max_frames of the second space */
#define NO_PAGE		(~0u)
#define OPS		25000
#define OPS_MS		20000	/* time limit, unless -n is given */

enum touched { NO, MAYBE, YES };

/**
 * struct mpage - state of a guest page
 * @area: number of its area, 0: a hole
 * @touched: whether a leaf maps it: YES, NO or MAYBE
 */
struct mpage {
	u32 area;
	enum touched touched;
};

/**
 * struct marea - an area: arguments of its mapping, and its current protection
 * @first: its first page
 * @nr: number of pages; 0: this element is free
 * @hpa: page of the window, NO_PAGE for an alloc area
 */
struct marea {
	u32 first, nr, hpa, prot, type, flags;
};

/**
 * struct mspace - a space
 * @fd: its descriptor
 * @max: max_frames
 * @base: its first address
 * @length: its length in bytes
 * @pages: guest pages from FIRST on
 * @areas: areas by number; 0 is unused
 * @faults: number of FAULT calls by result
 * @data: contents of the pages of alloc areas
 */
struct mspace {
	int fd;
	u32 max;
	u64 base, length;
	struct mpage pages[PAGES];
	struct marea areas[PAGES + 1];
	u64 faults[AXAS_FAULT_ERROR + 1];
	u8 *data;
};

static struct {
	struct mspace spaces[2];
	u8 *window;		/* contents of the window */
	u64 window_hpa;
	u8 *buf, *want;		/* buffers of one read or write */
	bool prots[RWX + 1];	/* protections that the format can encode */
	bool types[3];		/* types that it can encode with RW */
	u32 seed;
} m;

static struct mspace *sp;	/* space of the current call */

static u32 below(u32 n)
{
	return random_u32(&m.seed) % n;
}

static bool one_in(u32 n)
{
	return !below(n);
}

/* Range argument of a call: valid, or invalid in one way. */
struct mrange {
	u64 gpa, length;
	u32 first, nr;
	bool bad;
};

static u64 gpa_of(u32 page)
{
	return FIRST + page * PAGE;
}

static struct mrange range_of(u32 first, u32 nr)
{
	return (struct mrange){ gpa_of(first), nr * PAGE, first, nr, false };
}

static void spoil(struct mrange *r)
{
	u64 end = sp->base + sp->length;

	r->bad = true;
	switch (below(8)) {
	case 0:
		r->gpa += 1 + below(PAGE - 1);
		break;
	case 1:
		r->length += 1 + below(PAGE - 1);
		break;
	case 2:
		r->length = 0;
		break;
	case 3:
		r->gpa = end;
		break;
	case 4:
		r->length = end - r->gpa + PAGE;
		break;
	case 5:
		r->length = 0 - r->gpa;
		break;
	case 6:
		r->length = 0 - PAGE;
		break;
	case 7:
		r->gpa = 0 - PAGE;
		break;
	}
}

static u32 random_length(u32 most)
{
	static const u32 lengths[] = { 1, 3, 12, 64, BLOCK, PAGES };
	u32 nr = 1 + below(lengths[below(ARRAY_SIZE(lengths))]);

	return nr < most ? nr : most;
}

static struct mrange random_range(void)
{
	u32 first = one_in(4) ? 256 + BLOCK * below(2) : below(PAGES);
	u32 nr = one_in(6) && first + BLOCK <= PAGES ? BLOCK : random_length(PAGES - first);
	struct mrange r = range_of(first, nr);

	if (one_in(24))
		spoil(&r);
	return r;
}

static u32 random_prot(void)
{
	static const u32 likely[] = { RW, RWX, RW, RO, RX };

	return one_in(4) ? below(RWX + 1) : likely[below(ARRAY_SIZE(likely))];
}

/* Pass the struct as a newer header would have it: longer, with trailing zeroes. */
static int mcall(unsigned long nr, void *arg, size_t size)
{
	u8 room[512] = { 0 };
	u32 longer = size + 8 * below(8);
	int err;

	if (!one_in(8))
		return axas_ioctl(sp->fd, nr, arg);
	memcpy(room, arg, size);
	memcpy(room, &longer, sizeof(longer));
	err = axas_ioctl(sp->fd, nr, room);
	memcpy(arg, room, size);
	return err;
}

/* Areas of the model. */

static u32 new_area(struct marea value)
{
	for (u32 i = 1; i <= PAGES; i++) {
		if (sp->areas[i].nr)
			continue;
		sp->areas[i] = value;
		for (u32 p = value.first; p < value.first + value.nr; p++)
			sp->pages[p].area = i;
		return i;
	}
	fail("the model has no room for an area");
}

/* Split the area that contains page @at at its start. */
static void split_at(u32 at)
{
	struct marea *lower, upper;

	if (!at || at >= PAGES || !sp->pages[at].area ||
	    sp->pages[at].area != sp->pages[at - 1].area)
		return;
	lower = &sp->areas[sp->pages[at].area];
	upper = *lower;
	upper.first = at;
	upper.nr = lower->first + lower->nr - at;
	if (lower->hpa != NO_PAGE)
		upper.hpa += at - lower->first;
	lower->nr = at - lower->first;
	new_area(upper);
}

static const struct marea *area_at(u32 page)
{
	return sp->pages[page].area ? &sp->areas[sp->pages[page].area] : NULL;
}

static bool alike(const struct marea *lower, const struct marea *upper)
{
	u32 hpa = lower->hpa == NO_PAGE ? NO_PAGE : lower->hpa + lower->nr;

	return lower->prot == upper->prot && lower->type == upper->type &&
	       lower->flags == upper->flags && upper->hpa == hpa;
}

/* Merge equal areas that meet at page @at. */
static void join_at(u32 at)
{
	u32 lower, upper;

	if (!at || at >= PAGES)
		return;
	lower = sp->pages[at - 1].area;
	upper = sp->pages[at].area;
	if (!lower || !upper || lower == upper || !alike(&sp->areas[lower], &sp->areas[upper]))
		return;
	for (u32 p = at; p < at + sp->areas[upper].nr; p++)
		sp->pages[p].area = lower;
	sp->areas[lower].nr += sp->areas[upper].nr;
	sp->areas[upper].nr = 0;
}

/* Split off only pages whose protection changes, and merge them with equal neighbours. */
static void protect_range(const struct mrange *r, u32 prot)
{
	u32 end = r->first + r->nr, next;

	if (area_at(r->first) && area_at(r->first)->prot != prot)
		split_at(r->first);
	if (area_at(end - 1) && area_at(end - 1)->prot != prot)
		split_at(end);
	for (u32 p = r->first; p < end; p = next) {
		const struct marea *a = area_at(p);

		next = a ? a->first + a->nr : p + 1;
		if (!a || a->prot == prot)
			continue;
		sp->areas[sp->pages[p].area].prot = prot;
		join_at(p);
		join_at(next);
	}
}

/* As protect_range(), for the policy. */
/* AXAS_MAP_HUGE_WHOLE is no policy. */
static u32 with_policy(const struct marea *a, u32 policy)
{
	return policy | (a->flags & ~AXAS_MAP_POLICY);
}

static void change_policy(const struct mrange *r, u32 flags)
{
	u32 end = r->first + r->nr, next;

	if (area_at(r->first) && area_at(r->first)->flags != with_policy(area_at(r->first), flags))
		split_at(r->first);
	if (area_at(end - 1) && area_at(end - 1)->flags != with_policy(area_at(end - 1), flags))
		split_at(end);
	for (u32 p = r->first; p < end; p = next) {
		const struct marea *a = area_at(p);

		next = a ? a->first + a->nr : p + 1;
		if (!a || a->flags == with_policy(a, flags))
			continue;
		sp->areas[sp->pages[p].area].flags = with_policy(a, flags);
		join_at(p);
		join_at(next);
	}
}

static bool is_linear(u32 page)
{
	const struct marea *a = area_at(page);

	return a && a->hpa != NO_PAGE;
}

static u8 *data_of(u32 page)
{
	const struct marea *a = area_at(page);

	if (a->hpa != NO_PAGE)
		return m.window + (a->hpa + page - a->first) * PAGE;
	return sp->data + page * PAGE;
}

static bool any_area(const struct mrange *r)
{
	for (u32 p = r->first; p < r->first + r->nr; p++)
		if (sp->pages[p].area)
			return true;
	return false;
}

static void drop_page(u32 page)
{
	sp->pages[page] = (struct mpage){ 0, NO };
	memset(sp->data + page * PAGE, 0, PAGE);
}

static void drop_range(const struct mrange *r)
{
	split_at(r->first);
	split_at(r->first + r->nr);
	for (u32 p = r->first; p < r->first + r->nr; p++) {
		if (sp->pages[p].area)
			sp->areas[sp->pages[p].area].nr = 0;
	}
	for (u32 p = r->first; p < r->first + r->nr; p++)
		drop_page(p);
}

/* Bounds of the number of frames of the space. */
static void count_frames(u64 *least, u64 *most)
{
	*least = 0;
	*most = 0;
	for (u32 p = 0; p < PAGES; p++) {
		if (!sp->pages[p].area || is_linear(p))
			continue;
		*least += sp->pages[p].touched == YES;
		*most += sp->pages[p].touched != NO;
	}
}

static u64 frames_left(void)
{
	u64 least, most;

	if (!sp->max)
		return ~0ull;
	count_frames(&least, &most);
	/* with a limit the model is exact */
	expect_eq(least, most);
	return sp->max - least;
}

/* Mark @page as mapped by a fault, and its fault-around or block as possibly mapped. */
static void touch(u32 page)
{
	const struct marea *a = area_at(page);
	u32 around = 1u << ((a->flags & AXAS_MAP_AROUND_MASK) >> AXAS_MAP_AROUND_SHIFT);
	u64 nr = gpa_of(page) / PAGE;
	u32 before, size = 1;

	if (sp->pages[page].touched != YES) {
		if (a->flags & (AXAS_MAP_HUGE_ALWAYS | AXAS_MAP_HUGE_WHOLE))
			size = BLOCK;
		if (around > size)
			size = around;
	}
	before = nr & (size - 1);
	for (u32 i = 0; i < size; i++) {
		u32 p = page + i - before;

		if (p >= a->first && p < a->first + a->nr && sp->pages[p].touched == NO)
			sp->pages[p].touched = MAYBE;
	}
	sp->pages[page].touched = YES;
}

/* Does a linear area of either space map these window pages with another memory type? */
static bool meets_another_type(u32 hpa, u32 nr, u32 type)
{
	for (int s = 0; s < 2; s++) {
		for (u32 i = 1; i <= PAGES; i++) {
			const struct marea *a = &m.spaces[s].areas[i];

			if (a->nr && a->hpa != NO_PAGE && a->type != type &&
			    a->hpa < hpa + nr && hpa < a->hpa + a->nr)
				return true;
		}
	}
	return false;
}

/* Calls. */

static void op_map_alloc(void)
{
	static const u32 flags[] = {
		0, 0, 0, AXAS_MAP_POPULATE, AXAS_MAP_HUGE_NEVER,
		AXAS_MAP_HUGE_NEVER | AXAS_MAP_POPULATE, AXAS_MAP_HUGE_ALWAYS,
		AXAS_MAP_AROUND(3), AXAS_MAP_AROUND(9), AXAS_MAP_HUGE_ALWAYS | AXAS_MAP_AROUND(2),
		AXAS_MAP_HUGE_WHOLE,
		AXAS_MAP_HUGE_ALWAYS | AXAS_MAP_HUGE_NEVER, AXAS_MAP_AROUND(10), 1u << 6, 1u << 31,
	};
	struct mrange r = random_range();
	struct axas_map_alloc arg = {
		.size = sizeof(arg), .gpa = r.gpa, .length = r.length, .prot = random_prot(),
		.type = one_in(24) ? below(4) : AXAS_TYPE_NORMAL,
		/* with a limit no flags that may map additional frames */
		.flags = flags[below(sp->max ? 6 : one_in(8) ? ARRAY_SIZE(flags) : 11)],
	};
	bool populate = arg.flags & AXAS_MAP_POPULATE;
	int err, want = 0;

	if (one_in(48))
		arg.prot |= 8u << below(29);
	err = mcall(AXAS_MAP_ALLOC, &arg, sizeof(arg));
	if (arg.flags & ~AXAS_MAP_FLAGS || r.bad || arg.prot & ~AXAS_PROT_MASK || arg.type > 2 ||
	    (arg.flags & AXAS_MAP_AROUND_MASK) > AXAS_MAP_AROUND(9) ||
	    (arg.flags & AXAS_MAP_HUGE_ALWAYS && arg.flags & AXAS_MAP_HUGE_NEVER))
		want = -EINVAL;
	else if (arg.type || !m.prots[arg.prot])
		want = -EOPNOTSUPP;
	else if (any_area(&r))
		want = -EEXIST;
	else if (populate && r.nr > frames_left())
		want = -ENOMEM;
	expect_eq(err, want);
	if (err)
		return;
	arg.flags &= ~AXAS_MAP_POPULATE;
	new_area((struct marea){ r.first, r.nr, NO_PAGE, arg.prot, arg.type, arg.flags });
	for (u32 p = r.first; populate && p < r.first + r.nr; p++)
		sp->pages[p].touched = YES;
}

static void op_map_linear(void)
{
	struct mrange r = random_range();
	u32 page = one_in(4) ? 0 : below(WINDOW_PAGES);
	struct axas_map_linear arg = {
		.size = sizeof(arg), .gpa = r.gpa, .prot = random_prot(),
		.type = one_in(4) ? below(4) : AXAS_TYPE_NORMAL, .hpa = m.window_hpa + page * PAGE,
	};
	int err, want = 0;

	if (r.nr > WINDOW_PAGES - page)
		r.nr = WINDOW_PAGES - page;
	/* use only invalid ranges within the window: others are EPERM */
	arg.length = r.bad && r.length < PAGE ? r.length : r.nr * PAGE;
	if (r.bad && !(arg.gpa % PAGE) && arg.length && !(arg.length % PAGE) &&
	    arg.gpa >= sp->base && arg.gpa - sp->base <= sp->length - arg.length)
		return;
	if (one_in(64))
		arg.hpa += 8;
	if (one_in(64))
		arg.flags = 1u << below(32);
	err = mcall(AXAS_MAP_LINEAR, &arg, sizeof(arg));
	if (arg.flags || r.bad || arg.hpa % PAGE || arg.type > 2)
		want = -EINVAL;
	else if (!m.prots[arg.prot] || !m.types[arg.type])
		want = -EOPNOTSUPP;
	else if (meets_another_type(page, r.nr, arg.type))
		want = -EBUSY;
	else if (any_area(&r))
		want = -EEXIST;
	expect_eq(err, want);
	if (err)
		return;
	new_area((struct marea){ r.first, r.nr, page, arg.prot, arg.type, 0 });
	for (u32 p = r.first; p < r.first + r.nr; p++)
		sp->pages[p].touched = YES;
}

static void op_unmap(void)
{
	struct mrange r = random_range();
	struct axas_range arg = { .size = sizeof(arg), .gpa = r.gpa, .length = r.length };

	expect_eq(mcall(AXAS_UNMAP, &arg, sizeof(arg)), r.bad ? -EINVAL : 0);
	if (!r.bad)
		drop_range(&r);
}

static void op_set_policy(void)
{
	static const u32 flags[] = {
		0, 0, AXAS_MAP_HUGE_NEVER, AXAS_MAP_HUGE_ALWAYS, AXAS_MAP_AROUND(3),
		AXAS_MAP_AROUND(9), AXAS_MAP_HUGE_ALWAYS | AXAS_MAP_AROUND(2),
		AXAS_MAP_HUGE_ALWAYS | AXAS_MAP_HUGE_NEVER, AXAS_MAP_AROUND(10), AXAS_MAP_POPULATE,
		1u << 31,
	};
	struct mrange r = random_range();
	struct axas_range arg = {
		.size = sizeof(arg), .gpa = r.gpa, .length = r.length,
		/* with a limit no flags that may map additional frames */
		.flags = flags[below(sp->max ? 3 : one_in(8) ? ARRAY_SIZE(flags) : 7)],
	};
	int want = 0;

	if (r.bad || arg.flags & ~AXAS_MAP_POLICY ||
	    (arg.flags & AXAS_MAP_AROUND_MASK) > AXAS_MAP_AROUND(9) ||
	    (arg.flags & AXAS_MAP_HUGE_ALWAYS && arg.flags & AXAS_MAP_HUGE_NEVER))
		want = -EINVAL;
	for (u32 p = r.first; !want && p < r.first + r.nr; p++)
		if (is_linear(p))
			want = -EOPNOTSUPP;
	expect_eq(mcall(AXAS_SET_POLICY, &arg, sizeof(arg)), want);
	if (!want)
		change_policy(&r, arg.flags);
}

/* Up to three ranges, in any order; a bad one refuses all before a linear one does. */
static void op_discard(void)
{
	struct mrange ranges[3] = { random_range(), random_range(), random_range() };
	struct axas_extent extents[3];
	struct axas_discard arg = {
		.size = sizeof(arg), .buf = (uintptr_t)extents, .count = below(4),
		.reserved = one_in(64), .done = one_in(64),
	};
	bool bad = arg.reserved || arg.done, linear = false;
	u64 sum = 0;

	for (u32 i = 0; i < 3; i++)
		extents[i] = (struct axas_extent){ ranges[i].gpa, ranges[i].length };
	for (u32 i = 0; i < arg.count; i++) {
		sum += ranges[i].length;
		bad |= ranges[i].bad;
		for (u32 p = ranges[i].first; p < ranges[i].first + ranges[i].nr; p++)
			linear |= is_linear(p);
	}
	expect_eq(mcall(AXAS_DISCARD, &arg, sizeof(arg)), bad ? -EINVAL : linear ? -EOPNOTSUPP : 0);
	if (bad || linear)
		return;
	expect_eq(arg.done, sum);
	for (u32 i = 0; i < arg.count; i++)
		for (u32 p = ranges[i].first; p < ranges[i].first + ranges[i].nr; p++) {
			sp->pages[p].touched = NO;
			memset(sp->data + p * PAGE, 0, PAGE);
		}
}

static void op_clear(void)
{
	struct mrange all = range_of(0, PAGES);

	if (one_in(16)) {
		expect_ok(axas_clear(sp->fd));
		drop_range(&all);
	}
}

/* As op_map_linear(): whether a protection can be encoded is modelled apart from the type. */
static void op_protect(void)
{
	struct mrange r = random_range();
	struct axas_protect arg = {
		.size = sizeof(arg), .gpa = r.gpa, .length = r.length, .prot = random_prot(),
		.reserved = one_in(64),
	};
	int want = 0;

	if (one_in(48))
		arg.prot |= 8u << below(29);
	if (arg.reserved || r.bad || arg.prot & ~AXAS_PROT_MASK)
		want = -EINVAL;
	else if (any_area(&r) && !m.prots[arg.prot])
		want = -EOPNOTSUPP;
	expect_eq(mcall(AXAS_PROTECT, &arg, sizeof(arg)), want);
	if (want)
		return;
	protect_range(&r, arg.prot);
}

/* One call has populated these pages: each must be in an area. */
static void populated(u32 first, u32 end)
{
	for (u32 p = first; p < end; p++) {
		expect(sp->pages[p].area);
		sp->pages[p].touched = YES;
	}
}

static void op_populate(void)
{
	struct mrange r = random_range();
	struct axas_range arg = { .size = sizeof(arg), .gpa = r.gpa, .length = r.length };
	u32 page = r.first, end = r.first + r.nr;

	if (r.bad) {
		expect_eq(mcall(AXAS_POPULATE, &arg, sizeof(arg)), -EINVAL);
		return;
	}
	while (page < end) {
		u64 left = frames_left();
		int err = mcall(AXAS_POPULATE, &arg, sizeof(arg)), want = 0;
		u32 now = (arg.gpa - FIRST) / PAGE;

		arg.size = sizeof(arg);
		if (!sp->pages[page].area)
			want = -EFAULT;
		else if (sp->pages[page].touched == NO && !left)
			want = -ENOMEM;
		expect_eq(err, want);
		expect_eq(arg.gpa % PAGE, 0);
		expect_eq(arg.gpa + arg.length, gpa_of(end));
		if (err) {
			expect_eq(now, page);
			return;
		}
		expect(now > page && now <= end);
		populated(page, now);
		expect(!sp->max || frames_left() <= sp->max);
		page = now;
	}
}

static void op_collapse(void)
{
	struct mrange r = random_range();
	struct axas_collapse arg = {
		.size = sizeof(arg), .gpa = r.gpa, .length = r.length, .collapsed = one_in(32),
	};
	int want = arg.collapsed || r.bad ? -EINVAL : 0;

	expect_eq(mcall(AXAS_COLLAPSE, &arg, sizeof(arg)), want);
	if (!want)
		expect(arg.collapsed <= PAGES / BLOCK);
}

/* An address in a page of the range, or far from all areas. */
static u64 random_gpa(u32 *page)
{
	static const u64 far[] = { 0, 4 * GIB, ~0ull, 1ull << 63 };
	u64 ends[] = { sp->base - 1, sp->base + sp->length, FIRST - 1, FIRST + PAGES * PAGE };

	*page = NO_PAGE;
	if (one_in(24))
		return far[below(ARRAY_SIZE(far))];
	if (one_in(24))
		return ends[below(ARRAY_SIZE(ends))];
	*page = below(PAGES);
	return gpa_of(*page) + below(PAGE);
}

static u32 fault_result(u32 page, u32 access)
{
	const struct marea *a = page == NO_PAGE ? NULL : area_at(page);

	if (!a)
		return AXAS_FAULT_HOLE;
	if (access & ~a->prot)
		return AXAS_FAULT_DENIED;
	if (sp->pages[page].touched == YES)
		return AXAS_FAULT_SPURIOUS;
	return sp->pages[page].touched == NO && !frames_left() ? AXAS_FAULT_NOMEM :
								 AXAS_FAULT_FIXED;
}

static void op_fault(void)
{
	u32 page, want;
	struct axas_fault arg = {
		.size = sizeof(arg), .gpa = random_gpa(&page), .access = below(RWX + 1),
		.result = ~0u, .level = 77, .reserved = one_in(64),
	};
	bool bad = arg.reserved || !arg.access;

	if (one_in(48)) {
		arg.access |= 8u << below(29);
		bad = true;
	}
	expect_eq(mcall(AXAS_FAULT, &arg, sizeof(arg)), bad ? -EINVAL : 0);
	if (bad)
		return;
	want = fault_result(page, arg.access);
	if (want == AXAS_FAULT_FIXED && sp->pages[page].touched == MAYBE)
		expect(arg.result <= AXAS_FAULT_SPURIOUS);
	else
		expect_eq(arg.result, want);
	sp->faults[arg.result]++;
	if (arg.result > AXAS_FAULT_SPURIOUS)
		expect_eq(arg.level, 0);
	else
		touch(page);
}

/* Number of pages from @page on that are contiguous in the window with equal attributes. */
static u32 linear_run(u32 page)
{
	const struct marea *a = area_at(page), *b = a;
	u32 nr = 1;

	for (; page + nr < PAGES; nr++) {
		b = area_at(page + nr);
		if (!b || b->hpa == NO_PAGE || b->prot != a->prot || b->type != a->type ||
		    b->hpa + page + nr - b->first != a->hpa + page - a->first + nr)
			break;
	}
	return nr;
}

static void check_linear(u32 page, const struct axas_translate *t)
{
	const struct marea *a = area_at(page);
	u64 in_page = t->gpa % PAGE;

	expect_eq(t->hpa, m.window_hpa + (a->hpa + page - a->first) * PAGE + in_page);
	expect_eq(t->limit, linear_run(page) * PAGE - in_page);
}

/* The limit of an alloc area is where host-physical contiguity ends. */
static void check_limit(const struct axas_translate *t)
{
	struct axas_translate next;
	u64 end = t->gpa + t->limit;

	if (end >= gpa_of(PAGES) || axas_translate(sp->fd, end, &next))
		return;
	expect(next.hpa != t->hpa + t->limit || next.prot != t->prot || next.type != t->type);
}

static void op_translate(void)
{
	u32 page;
	struct axas_translate arg = {
		.size = sizeof(arg), .gpa = random_gpa(&page), .hpa = 3, .limit = 4,
		.reserved = one_in(64),
	};
	int err = mcall(AXAS_TRANSLATE, &arg, sizeof(arg));
	bool there = page != NO_PAGE && sp->pages[page].touched != NO;
	u64 leaf;

	if (arg.reserved) {
		expect_eq(err, -EINVAL);
		return;
	}
	if (there && sp->pages[page].touched == MAYBE) {
		expect(!err || err == -ENOENT);
		sp->pages[page].touched = err ? NO : YES;
		there = !err;
	}
	expect_eq(err, there ? 0 : -ENOENT);
	if (!there)
		return;
	expect(arg.level < AXAS_LEAF_LEVELS);
	leaf = PAGE << (9 * arg.level);
	expect_eq(arg.left, leaf - arg.gpa % leaf);
	expect(arg.limit >= arg.left);
	expect_eq(arg.hpa % PAGE, arg.gpa % PAGE);
	expect_eq(arg.prot, area_at(page)->prot);
	expect_eq(arg.type, area_at(page)->type);
	if (is_linear(page))
		check_linear(page, &arg);
	else
		check_limit(&arg);
}

/* The error of an access to a page, or 0: then mark it as touched. */
static int reach(u32 page, u32 prot)
{
	const struct marea *a = page < PAGES ? area_at(page) : NULL;

	if (!a)
		return -EFAULT;
	if (!(a->prot & prot))
		return -EACCES;
	if (sp->pages[page].touched == NO && !frames_left())
		return -ENOMEM;
	touch(page);
	return 0;
}

/* Number of accessible bytes from @gpa on, or the error of the first. */
static ssize_t reachable(u64 gpa, size_t len, u32 prot)
{
	size_t done = 0;
	int err;

	while (done < len) {
		u64 at = gpa + done, n = PAGE - at % PAGE;

		err = reach((at - FIRST) / PAGE, prot);
		if (err)
			return done ? (ssize_t)done : err;
		done += n < len - done ? n : len - done;
	}
	return done;
}

/* Copy from or to the model byte by byte: pages may be anywhere in the window. */
static void copy_model(u64 gpa, u8 *buf, size_t len, bool write)
{
	for (size_t done = 0; done < len;) {
		u64 at = gpa + done, in_page = at % PAGE, n = PAGE - in_page;
		u8 *page = data_of((at - FIRST) / PAGE) + in_page;

		if (n > len - done)
			n = len - done;
		if (write)
			memcpy(page, buf + done, n);
		else
			memcpy(buf + done, page, n);
		done += n;
	}
}

static size_t random_size(void)
{
	static const u32 sizes[] = { 1, 2, 4, 8, 16, 100, PAGE, 2 * PAGE, 9 * PAGE };

	return one_in(3) ? below(3 * PAGE) : sizes[below(ARRAY_SIZE(sizes))];
}

static u64 random_place(size_t *len)
{
	u64 room;
	u64 gpa = gpa_of(below(PAGES)) + (one_in(2) ? 8 * below(PAGE / 8) : below(PAGE));

	*len = random_size();
	room = gpa_of(PAGES) + PAGE - gpa;
	if (*len > room)
		*len = room;
	return gpa;
}

static void op_read(void)
{
	struct iovec iov[2] = { { .iov_base = m.buf } };
	size_t len;
	u64 gpa = random_place(&len);
	ssize_t want, got;

	memset(m.buf, 0xee, len + 1);
	iov[0].iov_len = one_in(2) ? len : below(len + 1);
	iov[1].iov_base = m.buf + iov[0].iov_len;
	iov[1].iov_len = len - iov[0].iov_len;
	got = preadv(sp->fd, iov, 2, gpa);
	got = got < 0 ? -errno : got;
	want = reachable(gpa, len, RO);
	expect_eq(got, want);
	if (want <= 0)
		return;
	copy_model(gpa, m.want, want, false);
	if (memcmp(m.buf, m.want, want))
		fail("%zd bytes at %#llx are not what was written", want, gpa);
	expect_eq(m.buf[len], 0xee);
}

static void op_write(void)
{
	size_t len;
	u64 gpa = random_place(&len);
	ssize_t want;

	for (size_t i = 0; i < len; i += 4) {
		u32 word = random_u32(&m.seed);

		memcpy(m.buf + i, &word, 4);
	}
	want = reachable(gpa, len, AXAS_PROT_WRITE);
	expect_eq(axas_write(sp->fd, gpa, m.buf, len), want);
	if (want > 0)
		copy_model(gpa, m.buf, want, true);
}

static void op_access_elsewhere(void)
{
	u32 page;
	u64 gpa = random_gpa(&page);
	u8 byte = 0;

	expect_eq(axas_read(sp->fd, 4 * GIB + below(PAGE), &byte, 1), -EFAULT);
	expect_eq(axas_write(sp->fd, sp->base, &byte, 1), -EFAULT);
	if (gpa < 1ull << 63)
		expect_eq(axas_read(sp->fd, gpa, &byte, 0), 0);
}

static void check_area(const struct axas_area_info *got, const struct marea *want)
{
	expect_eq(got->gpa, gpa_of(want->first));
	expect_eq(got->length, want->nr * PAGE);
	expect_eq(got->prot, want->prot);
	expect_eq(got->type, want->type);
	expect_eq(got->flags, want->flags);
	expect_eq(got->backend,
		  want->hpa == NO_PAGE ? AXAS_BACKEND_ALLOC : AXAS_BACKEND_LINEAR);
	expect_eq(got->hpa,
		  want->hpa == NO_PAGE ? AXAS_HPA_NONE : m.window_hpa + want->hpa * PAGE);
}

/* GET_AREAS from any address, with any capacity. */
static void op_get_areas(void)
{
	struct axas_area_info areas[9];
	u32 page = below(PAGES);
	struct axas_get_areas arg = { .start = gpa_of(page) + below(PAGE) };

	do {
		u32 count = 1 + below(8);

		memset(areas, 0x77, sizeof(areas));
		arg.size = sizeof(arg);
		arg.buf = (uintptr_t)areas;
		arg.count = count;
		expect_ok(mcall(AXAS_GET_AREAS, &arg, sizeof(arg)));
		expect(arg.count <= count);
		expect_eq(areas[arg.count].prot, 0x77777777);
		for (u32 i = 0; i < arg.count; i++) {
			while (page < PAGES && !sp->pages[page].area)
				page++;
			expect(page < PAGES);
			check_area(&areas[i], area_at(page));
			page = area_at(page)->first + area_at(page)->nr;
			expect_eq(arg.start >= gpa_of(page), 1);
		}
		expect(!arg.more || arg.count == count);
	} while (arg.more);
	while (page < PAGES)
		expect(!sp->pages[page++].area);
}

static u64 count_areas(void)
{
	u64 nr = 0;

	for (u32 i = 1; i <= PAGES; i++)
		nr += !!sp->areas[i].nr;
	return nr;
}

static u64 linear_pages(void)
{
	u64 nr = 0;

	for (u32 p = 0; p < PAGES; p++)
		nr += is_linear(p);
	return nr;
}

static void op_get_info(void)
{
	struct axas_info i = info(sp->fd);
	u64 least, most;

	count_frames(&least, &most);
	expect_eq(i.base, sp->base);
	expect_eq(i.length, sp->length);
	expect_eq(i.max_frames, sp->max);
	expect_eq(i.areas, count_areas());
	expect(i.frames >= least && i.frames <= most);
	expect_eq(mapped_pages(&i), i.frames + linear_pages());
	expect(i.tables >= i.root_tables);
	for (int n = AXAS_FAULT_SPURIOUS; n <= AXAS_FAULT_ERROR; n++)
		expect_eq(i.faults[n], sp->faults[n]);
	expect(i.faults[AXAS_FAULT_FIXED] >= sp->faults[AXAS_FAULT_FIXED]);
	expect(i.leaf_levels & 1 && !(i.caps & ~AXAS_CAP_MASK));
}

/* An invalid struct changes nothing, whatever its other fields. */
static void op_bad_struct(void)
{
	static const unsigned long calls[] = {
		AXAS_MAP_LINEAR, AXAS_MAP_ALLOC, AXAS_UNMAP, AXAS_PROTECT, AXAS_CLEAR,
		AXAS_POPULATE, AXAS_FAULT, AXAS_TRANSLATE, AXAS_GET_INFO, AXAS_GET_AREAS,
		AXAS_COLLAPSE, AXAS_DISCARD, AXAS_SUPPLY, AXAS_GET_MISSING, AXAS_FREEZE,
		AXAS_RESET, AXAS_DIFF,
	};
	unsigned long nr = calls[below(ARRAY_SIZE(calls))];
	u32 arg[256];

	memset(arg, 0, sizeof(arg));
	switch (below(5)) {
	case 0:
		arg[0] = below(8);
		expect_eq(axas_ioctl(sp->fd, nr, arg), -EINVAL);
		break;
	case 1:
		arg[0] = AXAS_SIZE_MAX + 1 + below(1u << 30);
		expect_eq(axas_ioctl(sp->fd, nr, arg), -E2BIG);
		break;
	case 2:
		arg[0] = 1000;
		arg[249] = 1;
		expect_eq(axas_ioctl(sp->fd, nr, arg), -E2BIG);
		break;
	case 3:
		arg[0] = 8;
		arg[1] = 1u << (12 + below(20));
		expect_eq(axas_ioctl(sp->fd, nr, arg), -EINVAL);
		break;
	case 4:
		expect_eq(axas_ioctl(sp->fd, nr, NULL), -EFAULT);
		break;
	}
	expect_eq(axas_ioctl(sp->fd, _IO(AXAS_IOC_TYPE, 0x60 + below(0x80)), arg), -ENOTTY);
}

static void (*const ops[])(void) = {
	op_map_alloc, op_map_alloc, op_map_alloc, op_map_linear, op_map_linear, op_unmap,
	op_unmap, op_discard, op_discard, op_set_policy, op_protect, op_protect, op_populate,
	op_fault, op_fault, op_fault, op_fault, op_translate, op_translate, op_translate,
	op_read, op_read, op_read, op_write, op_write, op_write, op_collapse, op_clear,
	op_get_areas, op_get_info, op_bad_struct, op_access_elsewhere,
};

static void make_space(struct mspace *s, const struct axas_create *c)
{
	s->fd = axas_open_space(NULL, c);
	if (s->fd < 0)
		fail("no space could be made: %s", strerror(-s->fd));
	s->max = c->max_frames;
	s->base = info(s->fd).base;
	s->length = info(s->fd).length;
	s->data = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	expect(s->data != MAP_FAILED);
}

/* Find what the format can encode, in a separate space. */
static void probe_format(void)
{
	int fd = new_space();

	for (u32 prot = 0; prot <= RWX; prot++)
		m.prots[prot] = prot_possible(fd, prot);
	for (u32 type = 0; type < ARRAY_SIZE(m.types); type++) {
		int err = axas_map_linear(fd, type * PAGE, m.window_hpa + type * PAGE, PAGE, RW,
					  type);

		expect(!err || err == -EOPNOTSUPP);
		m.types[type] = !err;
	}
	close(fd);
}

/* Clear the window: its initial contents are unknown. */
static void clear_window(void)
{
	int fd = new_space();

	m.window = calloc(WINDOW_PAGES, PAGE);
	expect(m.window);
	expect_ok(axas_map_linear(fd, GIB, m.window_hpa, WINDOW_PAGES * PAGE, RW,
				  AXAS_TYPE_NORMAL));
	expect_eq(axas_write(fd, GIB, m.window, WINDOW_PAGES * PAGE), WINDOW_PAGES * PAGE);
	close(fd);
}

static void test_model(void)
{
	struct axas_create all = { .format = test_format };
	struct axas_create some = {
		.format = test_format, .base = GIB / 2, .length = GIB, .max_frames = LIMIT
	};

	u64 end = now_ms() + OPS_MS;
	u32 i = 0;

	m.seed = test_seed ^ test_format << 16;
	m.window_hpa = window().hpa;
	m.buf = malloc(16 * PAGE);
	m.want = malloc(16 * PAGE);
	expect(m.buf && m.want);
	probe_format();
	clear_window();
	make_space(&m.spaces[0], &all);
	make_space(&m.spaces[1], &some);
	for (; test_ops ? i < test_ops : i < OPS && now_ms() < end; i++) {
		u32 op = below(ARRAY_SIZE(ops));

		sp = &m.spaces[below(2)];
		snprintf(test_context, sizeof(test_context), "seed %u, call %u, op %u, space %d: ",
			 test_seed, i, op, (int)(sp - m.spaces));
		ops[op]();
	}
	for (sp = m.spaces; sp < m.spaces + 2; sp++) {
		op_get_info();
		op_get_areas();
	}
	note("%u calls, seed %u", i, test_seed);
}

static const struct test tests[] = {
	{ "random calls answer as the header says", test_model },
};

const struct suite suite_model = { "model", tests, ARRAY_SIZE(tests), true };
