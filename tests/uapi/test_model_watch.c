// SPDX-License-Identifier: GPL-2.0-only
/*
 * The header as a model, for memory that is watched and supplied: random calls on three spaces with
 * areas of all kinds (of the allocator, missing, shared with another space, of a file, of a backend
 * if one is loaded), dirty logs, images and clones. Content, presence and log of each page are
 * predicted from include/uapi/axas/axas.h.
 *
 * Seeded, as test_model.c: axas_uapi_test -s SEED -n CALLS watch.
 */
#include "uapi.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SPACES	3
#define IMAGES	3
#define PAGES	1152u		/* two regions of 2 MiB, and 64 pages on either side */
#define FIRST	(16 * MIB - 64 * PAGE)
#define OPS	8000
#define OPS_MS	6000		/* time limit, unless -n is given */

enum kind { HOLE, ALLOC, MISSING, SHARED, FILED, BACKEND };

/**
 * struct frame - memory, which pages of several spaces may have
 * @val: its first word
 */
struct frame {
	u64 val;
};

/**
 * struct wpage - a page of a space
 * @kind: of its area
 * @lent: its area is of an image
 * @write: it may be written
 * @there: a missing page was supplied; a shared one was touched
 * @logged: its area is logged
 * @must: it was written since it was cleared
 * @may: it may be in the log: it was discarded
 * @frame: its memory, if it was written or shared; NULL: @val
 * @val: content of a page without a frame
 * @source: shared: the space, @life its number at that time, @page there
 */
struct wpage {
	enum kind kind;
	bool lent, write, there, logged, must, may;
	struct frame *frame;
	u64 val;
	u32 source, life, page;
};

struct wspace {
	int fd;
	u32 life;
	struct wpage pages[PAGES];
};

struct wimage {
	int fd;
	struct wpage pages[PAGES];
};

static struct wspace spaces[SPACES];
static struct wimage images[IMAGES];
static int file;
static bool has_backend;
static u32 seed, lives;
static u32 s;			/* the space of this call */
static u32 first, nr;		/* its pages */

static u32 below(u32 n)
{
	return random_u32(&seed) % n;
}

static u64 gpa(void)
{
	return FIRST + first * PAGE;
}

static u64 len(void)
{
	return nr * PAGE;
}

static struct wpage *at(u32 page)
{
	return &spaces[s].pages[page];
}

static void pick(void)
{
	s = below(SPACES);
	first = below(8) ? below(PAGES) : 64 + 512 * below(2);
	nr = below(6) ? 1 + below(12) : below(2) ? 512 : 1 + below(PAGES);
	nr = nr < PAGES - first ? nr : PAGES - first;
}

static bool any(bool (*is)(const struct wpage *p))
{
	for (u32 i = first; i < first + nr; i++)
		if (is(at(i)))
			return true;
	return false;
}

static bool is_area(const struct wpage *p)
{
	return p->kind != HOLE;
}

static bool is_logged(const struct wpage *p)
{
	return p->logged;
}

static bool never_frozen(const struct wpage *p)
{
	return p->kind == MISSING || p->kind == SHARED || p->kind == BACKEND;
}

/* Content. */

static u64 val_of(const struct wpage *p)
{
	return p->frame ? p->frame->val : p->val;
}

static struct frame *frame_of(struct wpage *p)
{
	if (!p->frame) {
		p->frame = malloc(sizeof(*p->frame));
		expect(p->frame);
		p->frame->val = p->val;
	}
	return p->frame;
}

/* A missing page is the space's own, too. */
static bool can_share(const struct wpage *p)
{
	return (p->kind == ALLOC || p->kind == MISSING) && !p->lent && p->write;
}

/* The first touch of a shared page: false if the source has no such memory. */
static bool reach_source(struct wpage *p)
{
	struct wspace *from = &spaces[p->source];
	struct wpage *there = &from->pages[p->page];

	if (from->life != p->life || !can_share(there) || (there->kind == MISSING && !there->there))
		return false;
	p->frame = frame_of(there);
	p->there = true;
	return true;
}

/* Whether an access is possible: 0, or what it fails with; 1: any error. */
static int reach(struct wpage *p, bool write)
{
	if (p->kind == HOLE)
		return -EFAULT;
	if (write && !p->write)
		return -EACCES;
	if (p->kind == MISSING && !p->there)
		return -EFAULT;
	return p->kind == SHARED && !p->there && !reach_source(p) ? 1 : 0;
}

static void op_write(void)
{
	struct wpage *p = at(first);
	u64 val = random_u32(&seed);
	int want = reach(p, true);
	ssize_t n = axas_write(spaces[s].fd, gpa(), &val, 8);

	if (want == 1) {
		expect(n < 0);
		return;
	}
	expect_eq(n, want ? want : 8);
	if (want)
		return;
	frame_of(p)->val = val;
	p->must |= p->logged;
}

static void op_read(void)
{
	struct wpage *p = at(first);
	int want = reach(p, false);
	u64 val = 0;
	ssize_t n = axas_read(spaces[s].fd, gpa(), &val, 8);

	if (want == 1) {
		expect(n < 0);
		return;
	}
	expect_eq(n, want ? want : 8);
	if (!want)
		expect_eq(val, val_of(p));
}

static void op_fault(void)
{
	struct wpage *p = at(first);
	bool write = below(2);
	int want = reach(p, write);
	int got = axas_fault(spaces[s].fd, gpa(), write ? RW : RO, NULL);

	if (!want) {
		expect(got == AXAS_FAULT_FIXED || got == AXAS_FAULT_SPURIOUS);
		p->must |= write && p->logged;
	} else if (want == 1) {
		expect(got == AXAS_FAULT_ERROR || got == AXAS_FAULT_DENIED ||
		       got == AXAS_FAULT_MISSING);
	} else {
		expect_eq(got, p->kind == HOLE ? AXAS_FAULT_HOLE :
			       want == -EACCES ? AXAS_FAULT_DENIED : AXAS_FAULT_MISSING);
	}
}

/* Areas. */

static void set_pages(struct wpage value, u64 step)
{
	for (u32 i = first; i < first + nr; i++) {
		*at(i) = value;
		value.val += step;
		value.page += value.kind == SHARED;
	}
}

static void op_map_alloc(void)
{
	u32 flags = below(3) ? 0 : below(2) ? AXAS_MAP_HUGE_NEVER : AXAS_MAP_POPULATE;
	bool missing = !below(3);
	int err;

	if (missing)
		flags = AXAS_MAP_MISSING | AXAS_MAP_MISSING_FAIL;
	err = axas_map_alloc(spaces[s].fd, gpa(), len(), RW, flags);
	expect_eq(err, any(is_area) ? -EEXIST : 0);
	if (!err)
		set_pages((struct wpage){ .kind = missing ? MISSING : ALLOC, .write = true }, 0);
}

static void op_map_file(void)
{
	u32 offset = below(PAGES - nr + 1), flags = below(2) ? 0 : AXAS_MAP_POPULATE;
	int err = axas_map_file(spaces[s].fd, gpa(), len(), file, offset * PAGE, RW, flags);

	expect_eq(err, any(is_area) ? -EEXIST : 0);
	if (!err)
		set_pages((struct wpage){ .kind = FILED, .write = true, .val = 1 + offset }, 1);
}

static void op_map_backend(void)
{
	u64 offset = below(100);
	int err;

	if (!has_backend)
		return;
	nr = nr < 8 ? nr : 8;
	err = axas_map_backend(spaces[s].fd, gpa(), len(), "late", 1, offset * PAGE, RW, 0, 0);
	expect_eq(err, any(is_area) ? -EEXIST : 0);
	if (!err)
		set_pages((struct wpage){ .kind = BACKEND, .write = true, .val = offset * PAGE },
			  PAGE);
}

static void op_map_shared(void)
{
	u32 from = below(SPACES), page = below(PAGES - nr + 1);
	const struct wpage *there = &spaces[from].pages[page];
	struct wpage shared;
	bool ok = true;
	int err;

	for (u32 i = 0; i < nr; i++)
		ok &= can_share(&there[i]);
	err = axas_map_shared(spaces[s].fd, gpa(), len(), spaces[from].fd, FIRST + page * PAGE, RW,
			      0);
	if (!ok || any(is_area)) {
		expect(err < 0);
		return;
	}
	expect_ok(err);
	shared = (struct wpage){
		.kind = SHARED, .write = true, .source = from, .life = spaces[from].life,
		.page = page,
	};
	set_pages(shared, 0);
}

static void op_unmap(void)
{
	expect_ok(axas_unmap(spaces[s].fd, gpa(), len()));
	set_pages((struct wpage){}, 0);
}

static void op_protect(void)
{
	bool write = below(2);

	expect_ok(axas_protect(spaces[s].fd, gpa(), len(), write ? RW : RO));
	for (u32 i = first; i < first + nr; i++)
		at(i)->write = write && at(i)->kind != HOLE;
}

static void op_discard(void)
{
	expect_libc(punch(spaces[s].fd, gpa(), len()));
	for (u32 i = first; i < first + nr; i++) {
		struct wpage *p = at(i);

		p->may |= p->logged;
		if (p->kind == BACKEND)
			continue;
		p->frame = NULL;
		p->val = 0;
		p->there &= p->kind != SHARED;
	}
}

static void op_collapse(void)
{
	expect_ok(axas_collapse(spaces[s].fd, gpa(), len(), NULL));
}

/* The page's content, or zeroes. */
static void op_supply(void)
{
	u64 buf[PAGE / 8] = { random_u32(&seed) };
	bool zero = below(2);
	struct wpage *p = at(first);
	int want = p->kind == HOLE ? -ENOENT : p->kind != MISSING ? -EOPNOTSUPP :
		   p->there ? -EEXIST : 0;

	expect_eq(axas_supply(spaces[s].fd, gpa(), zero ? NULL : buf, PAGE, 0, NULL), want);
	if (want)
		return;
	p->there = true;
	p->val = zero ? 0 : buf[0];
	p->may |= p->logged;
}

/* Logs. */

static void op_start(void)
{
	int err = axas_start_log(spaces[s].fd, gpa(), len());

	expect_eq(err, any(is_area) ? 0 : -ENOENT);
	for (u32 i = first; !err && i < first + nr; i++) {
		at(i)->logged = at(i)->kind != HOLE;
		at(i)->must = false;
		at(i)->may = false;
	}
}

static void op_stop(void)
{
	int err = axas_stop_log(spaces[s].fd, gpa(), len());

	expect_eq(err, any(is_logged) ? 0 : -ENOENT);
	for (u32 i = first; i < first + nr; i++) {
		at(i)->logged = false;
		at(i)->must = false;
		at(i)->may = false;
	}
}

static void op_get(void)
{
	__u64 bits[PAGES / 64], epoch;
	bool clear = below(2);
	int err;

	first = 0;
	nr = PAGES;
	err = axas_get_log(spaces[s].fd, gpa(), len(), bits, &epoch);
	expect_eq(err, any(is_logged) ? 0 : -ENOENT);
	if (err)
		return;
	for (u32 i = 0; i < PAGES; i++) {
		bool set = bits[i / 64] >> i % 64 & 1;

		if (set ? !at(i)->must && !at(i)->may : at(i)->must)
			fail("page %u is %sin the log", i, set ? "" : "not ");
		if (set && clear && below(4))
			at(i)->must = false;
		else if (set)
			bits[i / 64] &= ~(1ull << i % 64);
	}
	if (clear)
		expect_ok(axas_clear_log(spaces[s].fd, gpa(), len(), bits, epoch));
}

/* Images. */

static struct wspace *whole(void)
{
	first = 0;
	nr = PAGES;
	return &spaces[s];
}

/* Another space, or an area of this one, shares its memory. */
static bool exports(const struct wspace *space)
{
	for (u32 other = 0; other < SPACES; other++)
		for (u32 i = 0; i < PAGES; i++) {
			const struct wpage *p = &spaces[other].pages[i];

			if (p->kind == SHARED && &spaces[p->source] == space &&
			    p->life == space->life)
				return true;
		}
	return false;
}

static void op_freeze(void)
{
	struct wspace *space = whole();
	struct wimage *image = &images[below(IMAGES)];
	bool refused = any(never_frozen) || exports(space);
	int fd = axas_freeze(space->fd);

	if (refused)
		return expect_eq(fd, -EOPNOTSUPP);
	expect(fd >= 0);
	if (image->fd >= 0)
		close(image->fd);
	image->fd = fd;
	for (u32 i = 0; i < PAGES; i++) {
		struct wpage *p = at(i);

		p->val = val_of(p);
		p->frame = NULL;
		p->lent = p->kind != HOLE;
		image->pages[i] = *p;
		/* The log is the space's alone. */
		image->pages[i].logged = false;
		image->pages[i].must = false;
		image->pages[i].may = false;
	}
}

static void take_pages(struct wspace *space, const struct wimage *image)
{
	memcpy(space->pages, image->pages, sizeof(space->pages));
}

static void op_clone(void)
{
	const struct wimage *image = &images[below(IMAGES)];
	struct wspace *space = &spaces[s];

	if (image->fd < 0)
		return;
	close(space->fd);
	*space = (struct wspace){ .fd = clone_of(image->fd), .life = ++lives };
	take_pages(space, image);
}

static void op_reset(void)
{
	const struct wimage *image = &images[below(IMAGES)];
	struct wspace *space = whole();
	int err;

	if (image->fd < 0)
		return;
	err = axas_reset(space->fd, image->fd, 0);
	if (any(is_logged) || exports(space)) {
		expect(err == -EOPNOTSUPP || err == -EBUSY);
		return;
	}
	expect_ok(err);
	take_pages(space, image);
}

static void op_read_image(void)
{
	const struct wimage *image = &images[below(IMAGES)];
	const struct wpage *p = &image->pages[first];
	u64 val = 0;
	ssize_t n;

	if (image->fd < 0)
		return;
	n = pread(image->fd, &val, 8, gpa());
	n = n < 0 ? -errno : n;
	if (p->kind == HOLE) {
		expect(n <= 0);
		return;
	}
	expect_eq(n, 8);
	expect_eq(val, p->val);
}

static void op_new_space(void)
{
	if (below(4))
		return;
	close(spaces[s].fd);
	spaces[s] = (struct wspace){ .fd = new_space(), .life = ++lives };
}

static void (*const ops[])(void) = {
	op_map_alloc, op_map_alloc, op_map_alloc, op_map_file, op_map_backend, op_map_shared,
	op_map_shared, op_unmap, op_unmap, op_protect, op_protect, op_discard, op_collapse,
	op_supply, op_supply, op_supply, op_start, op_start, op_stop, op_get, op_get, op_freeze,
	op_freeze, op_clone, op_reset, op_read_image, op_new_space, op_fault, op_fault, op_fault,
	op_fault, op_write, op_write, op_write, op_write, op_write, op_write, op_write, op_read,
	op_read, op_read, op_read, op_read, op_read,
};

/* Page n of it begins with n + 1. */
static int make_file(void)
{
	int fd = memfd_create("watch", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	expect_libc(ftruncate(fd, PAGES * PAGE));
	for (u64 i = 0, val = 1; i < PAGES; i++, val++)
		expect_eq(pwrite(fd, &val, 8, i * PAGE), 8);
	expect_libc(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK));
	return fd;
}

static void find_backend(void)
{
	int fd = new_space();

	has_backend = !axas_map_backend(fd, 0, PAGE, "late", 1, 0, RW, 0, 0);
	close(fd);
}

static void expect_nothing_left(void)
{
	for (s = 0; s < SPACES; s++)
		expect_ok(axas_clear(spaces[s].fd));
	for (s = 0; s < SPACES; s++) {
		expect_eq(info(spaces[s].fd).frames, 0);
		expect_eq(info(spaces[s].fd).shared, 0);
		expect_eq(info(spaces[s].fd).exported, 0);
		expect_eq(info(spaces[s].fd).tables, info(spaces[s].fd).root_tables);
	}
}

static void test_watched(void)
{
	u64 end = now_ms() + OPS_MS;
	u32 i, op;

	seed = test_seed ^ test_format << 16;
	file = make_file();
	find_backend();
	for (i = 0; i < SPACES; i++)
		spaces[i] = (struct wspace){ .fd = new_space(), .life = ++lives };
	for (i = 0; i < IMAGES; i++)
		images[i].fd = -1;
	for (i = 0; test_ops ? i < test_ops : i < OPS && now_ms() < end; i++) {
		op = below(ARRAY_SIZE(ops));
		pick();
		snprintf(test_context, sizeof(test_context),
			 "seed %u, call %u, op %u, space %u, page %u + %u: ", test_seed, i, op, s,
			 first, nr);
		ops[op]();
	}
	note("%u calls, seed %u%s", i, test_seed, has_backend ? ", with a backend" : "");
	expect_nothing_left();
}

static const struct test tests[] = {
	{ "random calls on watched, supplied, shared and frozen memory", test_watched },
};

const struct suite suite_watch = { "watch", tests, ARRAY_SIZE(tests), true };
