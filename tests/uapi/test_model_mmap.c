// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host mappings as a model: random accesses through mappings, beside calls that change the space,
 * with the result of each, and the contents, predicted from include/uapi/axas/axas.h. Mappings
 * overlap, and are mapped, protected and unmapped in parts. See test_model.c for the ioctls.
 *
 * Seeded: axas_uapi_test -s SEED model-mmap repeats a run; -n N makes N calls per format, else a
 * time limit ends the run on slow machines.
 */
#include "uapi.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BLOCK		512
#define PAGES		1280	/* guest pages in use: 2.5 blocks of 2 MiB */
#define FIRST		(GIB - 2 * MIB - 256 * PAGE)
#define WORDS		8	/* words of a page that the model knows */
#define LIMIT		300	/* max_frames of the spaces that have a limit */
#define SPACES		4
#define VIEWS		3
#define OPS		20000
#define OPS_MS		4000	/* time limit, unless -n is given */

enum touched { NO, MAYBE, YES };

/**
 * struct mpage - a guest page
 * @area: an area covers it
 * @writable: the area permits writes
 * @flags: AXAS_MAP_* of the area
 * @begin: first page of the map call that made the area
 * @end: the first page behind it
 * @touched: it has a frame
 * @words: its contents, WORDS of them
 */
struct mpage {
	bool area, writable;
	u32 flags, begin, end;
	enum touched touched;
	u64 words[WORDS];
};

/* Host memory at one address: how it is mapped, and whether it may become writable. */
struct mslot {
	u8 prot;
	bool shared, maywrite;
};

/**
 * struct mview - addresses for all guest pages
 * @base: where guest page 0 is mapped
 * @fd: the descriptor to map
 * @slots: what is mapped at each page
 */
struct mview {
	u8 *base;
	int fd;
	struct mslot slots[PAGES];
};

struct mspace {
	int fd, ro;
	bool pinnable;
	u32 max;
	struct mpage pages[PAGES];
	struct mview views[VIEWS];
};

static struct mspace *spaces, *sp;
static u32 seed;

static u32 below(u32 n)
{
	return random_u32(&seed) % n;
}

static bool one_in(u32 n)
{
	return !below(n);
}

static u64 gpa_of(u32 page)
{
	return FIRST + page * PAGE;
}

/* Word @i of a page: at another offset for each, in all of the page. */
static u32 offset_of(u32 i)
{
	return i * (PAGE / WORDS) + 8 * i;
}

struct mrange {
	u32 first, end;
};

static struct mrange random_range(void)
{
	static const u32 lengths[] = { 1, 1, 3, 12, 64, BLOCK };
	u32 first = one_in(4) ? 256 + BLOCK * below(2) : below(PAGES);
	u32 nr = one_in(6) ? BLOCK : 1 + below(lengths[below(ARRAY_SIZE(lengths))]);

	return (struct mrange){ first, first + nr < PAGES ? first + nr : PAGES };
}

/* The frames that the space has at least, and at most. */
static void count_frames(u64 *least, u64 *most)
{
	*least = 0;
	*most = 0;
	for (u32 p = 0; p < PAGES; p++) {
		*least += sp->pages[p].touched == YES;
		*most += sp->pages[p].touched != NO;
	}
}

static bool frame_left(void)
{
	u64 least, most;

	if (!sp->max)
		return true;
	count_frames(&least, &most);
	/* with a limit, all frames are of 4 KiB */
	expect_eq(least, most);
	return least < sp->max;
}

static bool has_large(const struct mpage *page)
{
	return page->flags & (AXAS_MAP_HUGE_ALWAYS | AXAS_MAP_HUGE_WHOLE);
}

/* A fault may have brought all of a 2 MiB block that one map call covers. */
static void touch(u32 page)
{
	struct mpage *m = &sp->pages[page];
	u32 start = (gpa_of(page) / PAGE & ~(BLOCK - 1ull)) - FIRST / PAGE;

	if (m->touched != YES && has_large(m) && start >= m->begin && start + BLOCK <= m->end)
		for (u32 p = start; p < start + BLOCK; p++)
			if (sp->pages[p].area && sp->pages[p].touched == NO)
				sp->pages[p].touched = MAYBE;
	m->touched = YES;
}

static void forget(u32 page)
{
	sp->pages[page].touched = NO;
	memset(sp->pages[page].words, 0, sizeof(sp->pages[page].words));
}

/* Whether the space permits an access, which then touches the page. */
static bool reach(u32 page, bool write)
{
	struct mpage *m = &sp->pages[page];

	if (!m->area || (write && !m->writable) || (m->touched == NO && !frame_left()))
		return false;
	touch(page);
	return true;
}

/* The signal that an access through a slot ends in; 0: none. */
static int signal_of(const struct mslot *slot, u32 page, bool write)
{
	if (!(slot->prot & (write ? PROT_WRITE : PROT_READ)))
		return SIGSEGV;
	/* a page of a pinnable mapping is writable from the first access on */
	return reach(page, write || (sp->pinnable && slot->maywrite)) ? 0 : SIGBUS;
}

static u64 *random_word(struct mview **view, u32 *page, u32 *i)
{
	*view = &sp->views[below(VIEWS)];
	*page = below(PAGES);
	*i = below(WORDS);
	return (u64 *)((*view)->base + *page * PAGE + offset_of(*i));
}

static void op_load(void)
{
	struct mview *view;
	u32 page, i;
	u64 *p = random_word(&view, &page, &i), val;
	int want = signal_of(&view->slots[page], page, false);

	expect_eq(try_load(p, &val), want);
	if (!want && val != sp->pages[page].words[i])
		fail("view %d, page %u, word %u: 0x%llx instead of 0x%llx",
		     (int)(view - sp->views), page, i, val, sp->pages[page].words[i]);
}

static void op_store(void)
{
	struct mview *view;
	u32 page, i;
	u64 *p = random_word(&view, &page, &i);
	u64 val = (u64)random_u32(&seed) << 32 | page;
	int want = signal_of(&view->slots[page], page, true);

	expect_eq(try_store(p, val), want);
	if (!want)
		sp->pages[page].words[i] = val;
}

static void op_pread(void)
{
	u32 page = below(PAGES), i = below(WORDS);
	bool there = sp->pages[page].area;
	u64 val = 0;

	expect_eq(axas_read(sp->fd, gpa_of(page) + offset_of(i), &val, 8),
		  reach(page, false) ? 8 : there ? -ENOMEM : -EFAULT);
	expect_eq(val, sp->pages[page].words[i]);
}

static void op_pwrite(void)
{
	u32 page = below(PAGES), i = below(WORDS);
	u64 val = (u64)random_u32(&seed) << 32 | page;
	const struct mpage *m = &sp->pages[page];
	int err = !m->area ? -EFAULT : !m->writable ? -EACCES : -ENOMEM;

	if (reach(page, true)) {
		err = 8;
		sp->pages[page].words[i] = val;
	}
	expect_eq(axas_write(sp->fd, gpa_of(page) + offset_of(i), &val, 8), err);
}

/* Whether a page can be reached that is read through a slot, or written by a call. */
static bool can_copy(const struct mslot *from, u32 page)
{
	const struct mpage *m = &sp->pages[page];
	bool write = !from || (sp->pinnable && from->maywrite);

	return m->area && (m->writable || !write) && (m->touched == YES || !sp->max) &&
	       (!from || from->prot & PROT_READ);
}

/* pwrite() of a page, from a mapping of another page of the space. */
static void op_copy(void)
{
	struct mview *view = &sp->views[below(VIEWS)];
	u32 from = below(PAGES), to = below(PAGES);

	if (from == to || !can_copy(&view->slots[from], from) || !can_copy(NULL, to))
		return;
	touch(from);
	touch(to);
	expect_eq(axas_write(sp->fd, gpa_of(to), view->base + from * PAGE, PAGE), PAGE);
	memcpy(sp->pages[to].words, sp->pages[from].words, sizeof(sp->pages[to].words));
}

static void op_fault(void)
{
	u32 page = below(PAGES), access = one_in(2) ? RO : RW;
	enum touched was = sp->pages[page].touched;
	const struct mpage *m = &sp->pages[page];
	int want = !m->area ? AXAS_FAULT_HOLE :
		   access == RW && !m->writable ? AXAS_FAULT_DENIED : AXAS_FAULT_NOMEM;
	int got = axas_fault(sp->fd, gpa_of(page), access, NULL);

	if (!reach(page, access == RW))
		expect_eq(got, want);
	else if (was == MAYBE)
		expect(got == AXAS_FAULT_FIXED || got == AXAS_FAULT_SPURIOUS);
	else
		expect_eq(got, was == YES ? AXAS_FAULT_SPURIOUS : AXAS_FAULT_FIXED);
}

static void op_map(void)
{
	static const u32 flags[] = {
		0, AXAS_MAP_HUGE_NEVER, AXAS_MAP_HUGE_WHOLE, AXAS_MAP_HUGE_WHOLE,
		AXAS_MAP_HUGE_ALWAYS,
	};
	u32 chosen = flags[below(sp->max ? 2 : ARRAY_SIZE(flags))];
	struct mrange r = random_range();
	bool writable = !one_in(4), free = true;

	for (u32 p = r.first; p < r.end; p++)
		free &= !sp->pages[p].area;
	expect_eq(axas_map_alloc(sp->fd, gpa_of(r.first), (r.end - r.first) * PAGE,
				 writable ? RW : RO, chosen), free ? 0 : -EEXIST);
	for (u32 p = r.first; free && p < r.end; p++)
		sp->pages[p] = (struct mpage){
			.area = true, .writable = writable, .flags = chosen, .begin = r.first,
			.end = r.end,
		};
}

static void op_unmap(void)
{
	struct mrange r = random_range();

	expect_ok(axas_unmap(sp->fd, gpa_of(r.first), (r.end - r.first) * PAGE));
	for (u32 p = r.first; p < r.end; p++)
		sp->pages[p] = (struct mpage){ .touched = NO };
}

static void op_protect(void)
{
	struct mrange r = random_range();
	bool writable = one_in(2);

	expect_ok(axas_protect(sp->fd, gpa_of(r.first), (r.end - r.first) * PAGE,
			       writable ? RW : RO));
	for (u32 p = r.first; p < r.end; p++)
		sp->pages[p].writable = sp->pages[p].area && writable;
}

static void op_collapse(void)
{
	struct mrange r = random_range();
	struct axas_collapse arg = {
		.size = sizeof(arg), .gpa = gpa_of(r.first), .length = (r.end - r.first) * PAGE,
	};

	expect_ok(axas_ioctl(sp->fd, AXAS_COLLAPSE, &arg));
}

static void op_populate(void)
{
	struct mrange r = random_range();
	u32 p = r.first;

	if (sp->max)
		return;
	while (p < r.end && sp->pages[p].area)
		p++;
	r.end = p;
	if (r.first == r.end)
		return;
	expect_ok(populate(sp->fd, gpa_of(r.first), (r.end - r.first) * PAGE));
	for (p = r.first; p < r.end; p++)
		sp->pages[p].touched = YES;
}

/* Whether all slots of a range are those of a shared mapping with @prot. */
static bool all_are(const struct mview *view, const struct mrange *r, u8 prot)
{
	for (u32 p = r->first; p < r->end; p++)
		if (!view->slots[p].shared || view->slots[p].prot != prot)
			return false;
	return true;
}

static void op_discard(void)
{
	struct mview *view = &sp->views[0];
	struct mrange r = random_range();
	u64 len = (r.end - r.first) * PAGE;

	if (one_in(2) && all_are(view, &r, PROT_READ | PROT_WRITE))
		expect_ok(madvise(view->base + r.first * PAGE, len, MADV_REMOVE));
	else
		expect_ok(punch(sp->fd, gpa_of(r.first), len));
	for (u32 p = r.first; p < r.end; p++)
		forget(p);
}

static void set_slots(struct mview *view, const struct mrange *r, struct mslot slot)
{
	for (u32 p = r->first; p < r->end; p++)
		view->slots[p] = slot;
}

static void op_mmap(void)
{
	struct mview *view = &sp->views[below(VIEWS)];
	struct mrange r = random_range();
	bool write = view->fd == sp->fd && !one_in(4);
	int prot = write ? PROT_READ | PROT_WRITE : PROT_READ;
	u8 *at = view->base + r.first * PAGE;

	expect(mmap(at, (r.end - r.first) * PAGE, prot, MAP_SHARED | MAP_FIXED, view->fd,
		    gpa_of(r.first)) == at);
	set_slots(view, &r, (struct mslot){
		.prot = prot, .shared = true,
		.maywrite = sp->pinnable ? write : view->fd == sp->fd,
	});
}

/* Only some of the time, so that most of the views is mapped. */
static void op_munmap(void)
{
	struct mview *view = &sp->views[below(VIEWS)];
	struct mrange r = random_range();
	u8 *at = view->base + r.first * PAGE;

	if (!one_in(3))
		return;
	expect(mmap(at, (r.end - r.first) * PAGE, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == at);
	set_slots(view, &r, (struct mslot){ 0 });
}

static void op_mprotect(void)
{
	struct mview *view = &sp->views[below(VIEWS)];
	struct mrange r = random_range();
	int prot = one_in(3) ? PROT_READ : PROT_READ | PROT_WRITE;
	bool may = true;

	if (!view->slots[r.first].shared || !all_are(view, &r, view->slots[r.first].prot))
		return;
	for (u32 p = r.first; p < r.end; p++) {
		if (view->slots[p].maywrite != view->slots[r.first].maywrite)
			return;
		may = view->slots[p].maywrite || prot == PROT_READ;
	}
	if (mprotect(view->base + r.first * PAGE, (r.end - r.first) * PAGE, prot)) {
		expect_eq(errno, EACCES);
		expect(!may);
		return;
	}
	expect(may);
	for (u32 p = r.first; p < r.end; p++)
		view->slots[p].prot = prot;
}

static void op_advise(void)
{
	static const int advice[] = { MADV_DONTNEED, MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED };
	struct mview *view = &sp->views[below(VIEWS)];
	struct mrange r = random_range();

	madvise(view->base + r.first * PAGE, (r.end - r.first) * PAGE,
		advice[below(ARRAY_SIZE(advice))]);
}

static void op_info(void)
{
	struct axas_info i = info(sp->fd);
	u64 least, most;

	count_frames(&least, &most);
	if (i.frames < least || i.frames > most)
		fail("%llu frames instead of %llu to %llu", i.frames, least, most);
	expect_eq(mapped_pages(&i), i.frames);
}

/* All that can be read through a view. */
static void op_check(void)
{
	struct mview *view = &sp->views[below(VIEWS)];

	for (u32 page = 0; page < PAGES; page++) {
		const struct mpage *m = &sp->pages[page];
		u64 val;

		if (m->touched != YES || try_load((u64 *)(view->base + page * PAGE), &val))
			continue;
		for (u32 i = 0; i < WORDS; i++)
			if (*(u64 *)(view->base + page * PAGE + offset_of(i)) != m->words[i])
				fail("page %u, word %u is not what was written", page, i);
	}
}

static void accesses_of_child(void *arg)
{
	(void)arg;
	for (u32 i = 0; i < 20; i++)
		op_load();
	op_check();
}

/* A child does what this process does after it: the same accesses, of the same random numbers. */
static void op_fork(void)
{
	in_child(accesses_of_child, NULL);
	for (u32 i = 0; i < 20; i++)
		op_load();
}

static void (*const ops[])(void) = {
	op_load, op_load, op_load, op_load, op_load, op_load, op_load, op_load, op_store, op_store,
	op_store, op_store, op_store, op_store, op_pread, op_pread, op_pwrite, op_pwrite, op_copy,
	op_fault, op_map, op_map, op_map, op_unmap, op_protect, op_collapse, op_populate,
	op_discard, op_discard, op_mmap, op_mmap, op_munmap, op_mprotect, op_advise, op_info,
};

/* Addresses for all pages, aligned as the guest's are, or a page beside that. */
static void make_view(struct mview *view, int fd, bool aligned)
{
	u64 len = (PAGES + 2 * BLOCK) * PAGE, in_block = FIRST % (2 * MIB);
	u8 *p = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	expect(p != MAP_FAILED);
	p += -(uintptr_t)p % (2 * MIB) + in_block;
	view->base = aligned ? p : p + PAGE;
	view->fd = fd;
}

static void make_space(struct mspace *space, u32 nr)
{
	struct axas_create c = {
		.format = test_format, .flags = nr % 2 ? AXAS_CREATE_PINNABLE : 0,
		.max_frames = nr / 2 ? LIMIT : 0,
	};

	space->pinnable = nr % 2;
	space->max = c.max_frames;
	space->fd = axas_open_space(NULL, &c);
	if (space->fd < 0)
		fail("no space could be made: %s", strerror(-space->fd));
	space->ro = reopen(space->fd, O_RDONLY);
	expect_libc(space->ro);
	make_view(&space->views[0], space->fd, true);
	make_view(&space->views[1], space->fd, false);
	make_view(&space->views[2], space->ro, true);
}

static void test_model(void)
{
	u64 end = now_ms() + OPS_MS;
	u32 i;

	catch_bus();
	seed = test_seed ^ test_format << 16;
	spaces = calloc(SPACES, sizeof(*spaces));
	expect(spaces);
	for (i = 0; i < SPACES; i++)
		make_space(&spaces[i], i);
	for (i = 0; test_ops ? i < test_ops : i < OPS && now_ms() < end; i++) {
		u32 op = below(ARRAY_SIZE(ops));

		sp = &spaces[below(SPACES)];
		snprintf(test_context, sizeof(test_context), "seed %u, call %u, op %u, space %d: ",
			 test_seed, i, op, (int)(sp - spaces));
		ops[op]();
		if (!(i % 997))
			op_check();
		if (!(i % 1999))
			op_fork();
	}
	for (sp = spaces; sp < spaces + SPACES; sp++) {
		op_info();
		op_check();
		expect_ok(axas_clear(sp->fd));
		expect_eq(info(sp->fd).frames, 0);
	}
	note("%u calls, seed %u", i, test_seed);
}

static const struct test tests[] = {
	{ "accesses through mappings are as the header says", test_model },
};

const struct suite suite_model_mmap = { "model-mmap", tests, ARRAY_SIZE(tests), true };
