// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random calls; a model with one record per page predicts each result. Seeded, so that failures
 * can be reproduced.
 */
#include "uapi.h"

#include <string.h>

#define BASE	(2 * MIB - 24 * PAGE)	/* the end of a table is in the middle */
#define PAGES	48
#define OPS	4000

struct page {
	bool mapped;
	bool touched;	/* mapped by a leaf */
	u32 prot;
	u64 hpa;	/* if linear, else 0 */
};

static struct page model[PAGES];
static u8 shadow[PAGES * PAGE];
static u32 seed;
static int fd;

static u32 below(u32 n)
{
	return random_u32(&seed) % n;
}

static u32 random_prot(void)
{
	static const u32 prots[] = { RO, RW, RX, RWX, RW, RWX };

	return prots[below(ARRAY_SIZE(prots))];
}

struct run {
	u32 first, nr;
};

static struct run random_run(void)
{
	struct run r = { .first = below(PAGES) };

	r.nr = 1 + below(PAGES - r.first < 12 ? PAGES - r.first : 12);
	return r;
}

static bool any_mapped(struct run r)
{
	for (u32 i = r.first; i < r.first + r.nr; i++)
		if (model[i].mapped)
			return true;
	return false;
}

static void set_run(struct run r, struct page value, u64 hpa_step)
{
	for (u32 i = 0; i < r.nr; i++) {
		model[r.first + i] = value;
		model[r.first + i].hpa += i * hpa_step;
		memset(shadow + (r.first + i) * PAGE, 0, PAGE);
	}
}

static void op_map_alloc(void)
{
	struct run r = random_run();
	struct page value = { .mapped = true, .touched = below(3) == 0, .prot = random_prot() };
	int err = axas_map_alloc(fd, BASE + r.first * PAGE, r.nr * PAGE, value.prot, value.touched);

	expect_eq(err, any_mapped(r) ? -EEXIST : 0);
	if (!err)
		set_run(r, value, 0);
}

static void op_map_linear(void)
{
	struct run r = random_run();
	u64 hpa = window().hpa + below(64) * PAGE;
	struct page value = {
		.mapped = true, .touched = true, .prot = random_prot(), .hpa = hpa
	};
	int err = axas_map_linear(fd, BASE + r.first * PAGE, hpa, r.nr * PAGE, value.prot,
				  AXAS_TYPE_NORMAL);

	expect_eq(err, any_mapped(r) ? -EEXIST : 0);
	if (!err)
		set_run(r, value, PAGE);
}

static void op_unmap(void)
{
	struct run r = random_run();

	expect_ok(axas_unmap(fd, BASE + r.first * PAGE, r.nr * PAGE));
	set_run(r, (struct page){ 0 }, 0);
}

static void op_protect(void)
{
	struct run r = random_run();
	u32 prot = random_prot();

	expect_ok(axas_protect(fd, BASE + r.first * PAGE, r.nr * PAGE, prot));
	for (u32 i = r.first; i < r.first + r.nr; i++)
		if (model[i].mapped)
			model[i].prot = prot;
}

static void op_clear(void)
{
	if (below(64))
		return;
	expect_ok(axas_clear(fd));
	set_run((struct run){ 0, PAGES }, (struct page){ 0 }, 0);
}

static void op_populate(void)
{
	struct run r = random_run();
	int err = populate(fd, BASE + r.first * PAGE, r.nr * PAGE);
	u32 i;

	for (i = r.first; i < r.first + r.nr && model[i].mapped; i++)
		model[i].touched = true;
	expect_eq(err, i < r.first + r.nr ? -EFAULT : 0);
}

static void op_fault(void)
{
	static const u32 accesses[] = { RO, RW, RX, AXAS_PROT_WRITE, AXAS_PROT_EXEC };
	u32 i = below(PAGES), access = accesses[below(ARRAY_SIZE(accesses))];
	int want;

	if (!model[i].mapped)
		want = AXAS_FAULT_HOLE;
	else if (access & ~model[i].prot)
		want = AXAS_FAULT_DENIED;
	else
		want = model[i].touched ? AXAS_FAULT_SPURIOUS : AXAS_FAULT_FIXED;
	expect_eq(axas_fault(fd, BASE + i * PAGE + below(4096), access, NULL), want);
	if (want == AXAS_FAULT_FIXED)
		model[i].touched = true;
}

static void op_translate(void)
{
	u32 i = below(PAGES), off = below(4096);
	struct axas_translate tr;
	int err = axas_translate(fd, BASE + i * PAGE + off, &tr);

	expect_eq(err, model[i].touched ? 0 : -ENOENT);
	if (err)
		return;
	expect_eq(tr.prot, model[i].prot);
	expect_eq(tr.left, PAGE - off);
	if (model[i].hpa)
		expect_eq(tr.hpa, model[i].hpa + off);
}

/*
 * Predict the result of an access of @len bytes at @at that needs @access, and mark the pages
 * it reaches as touched. -1: not predictable.
 */
static ssize_t reach(u32 at, u32 len, u32 access)
{
	ssize_t want = len, done = 0, n;
	u32 i;

	for (i = at / PAGE; i <= (at + len - 1) / PAGE && i < PAGES; i++)
		if (model[i].hpa)
			return -1;
	while (done < want) {
		i = (at + done) / PAGE;
		if (i >= PAGES || !model[i].mapped)
			return done ? done : -EFAULT;
		if (access & ~model[i].prot)
			return done ? done : -EACCES;
		model[i].touched = true;
		n = PAGE - (at + done) % PAGE;
		done += n < want - done ? n : want - done;
	}
	return done;
}

static void op_read(void)
{
	u32 at = below(PAGES * PAGE), len = 1 + below(3 * PAGE);
	ssize_t want = reach(at, len, RO);
	u8 buf[3 * PAGE];

	if (want == -1)
		return;
	expect_eq(axas_read(fd, BASE + at, buf, len), want);
	if (want > 0)
		expect(!memcmp(buf, shadow + at, want));
}

static void op_write(void)
{
	u32 at = below(PAGES * PAGE), len = 1 + below(3 * PAGE);
	ssize_t want = reach(at, len, AXAS_PROT_WRITE);
	u8 buf[3 * PAGE];

	if (want == -1)
		return;
	for (u32 i = 0; i < len; i++)
		buf[i] = random_u32(&seed);
	expect_eq(axas_write(fd, BASE + at, buf, len), want);
	if (want > 0)
		memcpy(shadow + at, buf, want);
}

/* Compare the whole space: areas page by page, frames, leaves. */
static void check_all(void)
{
	struct axas_area_info a[PAGES], *p = a;
	u64 frames = 0, leaves = 0;
	u32 nr = areas_from(fd, 0, a, PAGES, NULL);

	for (u64 i = 0; i < PAGES; i++) {
		u64 gpa = BASE + i * PAGE;

		while (p < a + nr && p->gpa + p->length <= gpa)
			p++;
		expect_eq(p < a + nr && p->gpa <= gpa, model[i].mapped);
		leaves += model[i].touched;
		if (!model[i].mapped)
			continue;
		frames += model[i].touched && !model[i].hpa;
		expect_eq(p->prot, model[i].prot);
		expect_eq(p->backend, model[i].hpa ? AXAS_BACKEND_LINEAR : AXAS_BACKEND_ALLOC);
		if (model[i].hpa)
			expect_eq(p->hpa + (gpa - p->gpa), model[i].hpa);
	}
	expect_eq(info(fd).frames, frames);
	expect_eq(info(fd).leaves[0], leaves);
}

static void test_small(void)
{
	static void (*const ops[])(void) = {
		op_map_alloc, op_map_alloc, op_map_linear, op_unmap, op_protect, op_clear,
		op_populate, op_fault, op_fault, op_translate, op_read, op_read, op_write,
		op_write
	};

	seed = test_seed;
	fd = new_space();
	for (int i = 0; i < OPS; i++) {
		ops[below(ARRAY_SIZE(ops))]();
		if (i % 8 == 0)
			check_all();
	}
	expect_ok(axas_clear(fd));
	expect_eq(info(fd).frames, 0);
	expect_eq(info(fd).tables, info(fd).root_tables);
}

/* 8 MiB of the window in leaves of all sizes, split and merged at random. */
#define BIG_PAGES	(8 * MIB / PAGE)
#define BIG_OPS		600

static struct page big[BIG_PAGES];

static struct run random_big_run(void)
{
	u32 unit = below(3) ? 1 : 512;
	struct run r = { .first = below(BIG_PAGES / unit) * unit };
	u32 most = (BIG_PAGES - r.first) / unit;

	r.nr = (1 + below(most)) * unit;
	if (below(2) && r.nr > 16 * unit)
		r.nr = 16 * unit;
	return r;
}

static void big_map(struct run r, u64 hpa)
{
	u32 prot = random_prot(), i;
	int err = axas_map_linear(fd, GIB + r.first * PAGE, hpa + r.first * PAGE, r.nr * PAGE,
				  prot, AXAS_TYPE_NORMAL);

	for (i = r.first; i < r.first + r.nr && !big[i].mapped; i++)
		;
	expect_eq(err, i < r.first + r.nr ? -EEXIST : 0);
	for (i = r.first; !err && i < r.first + r.nr; i++)
		big[i] = (struct page){ true, true, prot, hpa + i * PAGE };
}

static void big_change(struct run r)
{
	u32 prot = random_prot();
	bool gone = below(2);

	if (gone)
		expect_ok(axas_unmap(fd, GIB + r.first * PAGE, r.nr * PAGE));
	else
		expect_ok(axas_protect(fd, GIB + r.first * PAGE, r.nr * PAGE, prot));
	for (u32 i = r.first; i < r.first + r.nr; i++) {
		if (gone)
			big[i] = (struct page){ 0 };
		else if (big[i].mapped)
			big[i].prot = prot;
	}
}

static void big_check_page(u32 i)
{
	struct axas_translate tr;
	int err = axas_translate(fd, GIB + i * PAGE, &tr);
	u64 limit = 0;

	expect_eq(err, big[i].mapped ? 0 : -ENOENT);
	if (err)
		return;
	expect_eq(tr.hpa, big[i].hpa);
	expect_eq(tr.prot, big[i].prot);
	for (u32 n = i; n < BIG_PAGES && big[n].mapped && big[n].prot == tr.prot; n++)
		limit += PAGE;
	expect_eq(tr.limit, limit);
	expect(tr.left <= tr.limit);
}

static void test_large(void)
{
	u64 hpa = window().hpa, pages;
	struct axas_info now;

	seed = test_seed;
	fd = new_space();
	for (int op = 0; op < BIG_OPS; op++) {
		if (below(2))
			big_map(random_big_run(), hpa);
		else
			big_change(random_big_run());
		for (int i = 0; i < 16; i++)
			big_check_page(below(BIG_PAGES));
		pages = 0;
		for (u32 i = 0; i < BIG_PAGES; i++)
			pages += big[i].mapped;
		now = info(fd);
		for (int i = 0; i < AXAS_LEAF_LEVELS; i++)
			pages -= now.leaves[i] << (9 * i);
		expect_eq(pages, 0);
	}
	expect_ok(axas_clear(fd));
	expect_eq(info(fd).tables, info(fd).root_tables);
}

static const struct test tests[] = {
	{ "random calls against a model", test_small },
	{ "random maps and splits of large leaves against a model", test_large },
};

const struct suite suite_random = { "random", tests, ARRAY_SIZE(tests), true };
