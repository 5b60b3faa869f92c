// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random operations on one space, compared with a model that is an array of pages. Each result
 * and the number of frames are compared after each operation, the whole window now and then. The
 * same seed gives the same sequence.
 */
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/vmalloc.h>

#include "space_fixture.h"

static ulong seed = 20260101;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "Seed of the axas_random suite (the failing one is printed)");

/* A kernel with KASAN takes a hundred times as long. */
#define STEPS		(IS_ENABLED(CONFIG_KASAN) ? 5000 : 25000)
#define COMPARE_EACH	500

/* Across the borders of tables of all levels. */
#define PAGES		2048u
#define BASE		(BORDER - PAGES / 2 * SZ_4K)

/* Memory of linear areas. */
#define MEM_SIZE	((u64)SZ_16M)

enum page_kind {
	PAGE_HOLE,
	PAGE_ALLOC,
	PAGE_LINEAR,
};

/**
 * struct model_page - expected state of one page
 * @kind: enum page_kind
 * @area: number of its area; a split gives the upper part a new number
 * @flags: AXAS_MAP_HUGE_* of its area
 * @touched: an alloc page has its frame
 * @prot: AXAS_PROT_*
 * @hpa: of a linear page; of a touched page from its first translation on
 * @first: its first 8 bytes
 * @middle: 8 bytes in the middle
 * @last: its last 8 bytes
 */
struct model_page {
	enum page_kind kind;
	u32 area;
	u32 flags;
	bool touched;
	u32 prot;
	u64 hpa;
	u64 first;
	u64 middle;
	u64 last;
};

struct model {
	struct space_fixture *f;
	struct rnd_state rnd;
	unsigned int step;
	const char *op;
	long frames;
	bool lost;
	u32 last_area;
	u8 *mem;
	struct model_page pages[PAGES];
};

static u32 rnd(struct model *m, u32 below)
{
	return prandom_u32_state(&m->rnd) % below;
}

/* Without contiguous 2 MiB in Linux, 4 KiB are used instead, which the model cannot predict. */
static bool agree(struct model *m, s64 got, s64 want, u64 at)
{
	if (got == want)
		return true;
	m->lost = READ_ONCE(m->f->mock->starved);
	if (m->lost)
		return false;
	KUNIT_FAIL(m->f->test, "seed %lu step %u: %s at 0x%llx: %lld, but the model says %lld",
		   seed, m->step, m->op, at, got, want);
	return false;
}

static u64 page_gpa(u32 page)
{
	return BASE + page * (u64)SZ_4K;
}

/* Return a number of pages from @first on: mostly a few, sometimes many. */
static u32 random_pages(struct model *m, u32 *first)
{
	u32 most = rnd(m, 10) ? 12 : 1200;

	*first = rnd(m, PAGES);
	return 1 + rnd(m, min(most, PAGES - *first));
}

static u32 random_prot(struct model *m)
{
	static const u8 prots[] = { TEST_R, TEST_RW, TEST_RX, TEST_RWX };

	return prots[rnd(m, ARRAY_SIZE(prots))];
}

static bool is_free(struct model *m, u32 first, u32 n)
{
	for (; n--; first++)
		if (m->pages[first].kind != PAGE_HOLE)
			return false;
	return true;
}

/* Split the area of @page there, if the area begins before it. */
static void model_split(struct model *m, u32 page)
{
	u32 area;

	if (!page || page >= PAGES || m->pages[page].area != m->pages[page - 1].area)
		return;
	area = m->pages[page].area;
	for (m->last_area++; area && page < PAGES && m->pages[page].area == area; page++)
		m->pages[page].area = m->last_area;
}

/* Whether the page's 2 MiB are all in its area and untouched. */
static bool block_is_free(struct model *m, u32 page)
{
	u32 first = page & ~511u, i;

	for (i = first; i < first + 512; i++)
		if (m->pages[i].area != m->pages[page].area || m->pages[i].touched)
			return false;
	return true;
}

/*
 * Give a page its frame, and the frames around it that the area's policy demands. @left: pages to
 * populate from here on, which must cover a frame of 2 MiB; 0: it is touched.
 */
static void model_touch(struct model *m, u32 page, u32 left)
{
	bool huge;
	struct model_page *p = &m->pages[page];
	u32 n = 1;

	if (p->kind != PAGE_ALLOC || p->touched)
		return;
	huge = left ? !(page % 512) && left >= 512 : p->flags & AXAS_MAP_HUGE_ALWAYS;
	if (huge && !(p->flags & AXAS_MAP_HUGE_NEVER) && block_is_free(m, page)) {
		page &= ~511u;
		n = 512;
	}
	m->frames += n;
	while (n--)
		m->pages[page++].touched = true;
}

static void model_forget(struct model *m, u32 first, u32 n)
{
	for (; n--; first++) {
		m->frames -= m->pages[first].touched;
		m->pages[first] = (struct model_page){};
	}
}

static void model_map(struct model *m, u32 first, u32 n, const struct model_page *as)
{
	u32 i;

	m->last_area++;
	for (i = 0; i < n; i++) {
		m->pages[first + i] = *as;
		m->pages[first + i].area = m->last_area;
		if (as->kind == PAGE_LINEAR)
			m->pages[first + i].hpa += i * (u64)SZ_4K;
	}
}

static bool do_map_linear(struct model *m)
{
	u32 first, n = random_pages(m, &first), prot = random_prot(m);
	u64 gpa = page_gpa(first), size = n * (u64)SZ_4K, hpa;
	bool fits = is_free(m, first, n);

	hpa = rnd(m, (MEM_SIZE - size) / SZ_4K) * (u64)SZ_4K;
	if (rnd(m, 2) && size + SZ_2M <= MEM_SIZE)
		hpa = gpa % SZ_2M;
	m->op = "map_linear";
	if (!agree(m, space_map_linear(m->f, gpa, size, LINEAR + hpa, prot),
		   fits ? 0 : -EEXIST, gpa))
		return false;
	if (fits)
		model_map(m, first, n, &(struct model_page){
			.kind = PAGE_LINEAR, .prot = prot, .hpa = LINEAR + hpa,
		});
	return true;
}

static bool do_map_alloc(struct model *m)
{
	static const u32 policies[] = { 0, AXAS_MAP_HUGE_ALWAYS, AXAS_MAP_HUGE_NEVER };
	u32 first, n = random_pages(m, &first), prot = random_prot(m), i;
	u32 policy = policies[rnd(m, ARRAY_SIZE(policies))];
	u32 populate = rnd(m, 3) ? 0 : AXAS_MAP_POPULATE;
	bool fits = is_free(m, first, n);
	u64 gpa = page_gpa(first);

	m->op = populate ? "map_alloc populated" : "map_alloc";
	if (!agree(m, axas_space_map_alloc(m->f->space, gpa_range(gpa, n * (u64)SZ_4K), prot,
					   AXAS_TYPE_NORMAL, policy | populate),
		   fits ? 0 : -EEXIST, gpa))
		return false;
	if (fits)
		model_map(m, first, n, &(struct model_page){
			.kind = PAGE_ALLOC, .flags = policy, .prot = prot,
		});
	for (i = 0; fits && populate && i < n; i++)
		model_touch(m, first + i, n - i);
	return true;
}

static bool do_unmap(struct model *m)
{
	u32 first, n = random_pages(m, &first);

	m->op = "unmap";
	model_split(m, first);
	model_split(m, first + n);
	model_forget(m, first, n);
	return agree(m, space_unmap(m->f, page_gpa(first), n * (u64)SZ_4K), 0, page_gpa(first));
}

/* Areas and their policy stay, content and frames go; linear memory cannot go. */
static void model_discard(struct model *m, u32 first, u32 n)
{
	for (; n--; first++) {
		struct model_page *p = &m->pages[first];

		m->frames -= p->touched;
		*p = (struct model_page){
			.kind = p->kind, .area = p->area, .flags = p->flags, .prot = p->prot,
		};
	}
}

static bool do_discard(struct model *m)
{
	struct axas_gpa_range ranges[3];
	u32 first[3], n[3], i, j;
	u64 done, size = 0;
	bool can = true;

	m->op = "discard";
	for (i = 0; i < 3; i++) {
		n[i] = random_pages(m, &first[i]);
		ranges[i] = gpa_range(page_gpa(first[i]), n[i] * (u64)SZ_4K);
		size += ranges[i].size;
		for (j = first[i]; j < first[i] + n[i]; j++)
			can &= m->pages[j].kind != PAGE_LINEAR;
	}
	for (i = 0; i < 3 && can; i++)
		model_discard(m, first[i], n[i]);
	if (!agree(m, axas_space_discard(m->f->space, ranges, 3, &done), can ? 0 : -EOPNOTSUPP,
		   page_gpa(first[0])))
		return false;
	monitor_expect_flushed(m->f->monitor);
	return agree(m, done, can ? size : 0, page_gpa(first[0]));
}

/* Make two areas that meet at @page one, if they are alike now. */
static void model_join(struct model *m, u32 page)
{
	const struct model_page *lower = &m->pages[page - 1], *upper = lower + 1;
	u32 area = upper->area, i;

	if (!page || page >= PAGES || lower->kind != PAGE_ALLOC || upper->kind != PAGE_ALLOC ||
	    lower->area == area || lower->prot != upper->prot || lower->flags != upper->flags)
		return;
	for (i = page; i < PAGES && m->pages[i].area == area; i++)
		m->pages[i].area = lower->area;
}

/* Change the protection and the policy of pages, where these differ from @prot and @flags. */
static void model_change(struct model *m, u32 first, u32 n, const u32 *prot, const u32 *flags)
{
	static bool changes[PAGES + 1];
	struct model_page *p;
	u32 i;

	for (i = first; i < first + n; i++) {
		p = &m->pages[i];
		changes[i] = p->kind != PAGE_HOLE &&
			     ((prot && p->prot != *prot) || (flags && p->flags != *flags));
	}
	if (changes[first])
		model_split(m, first);
	if (changes[first + n - 1])
		model_split(m, first + n);
	for (i = first; i < first + n; i++) {
		p = &m->pages[i];
		p->prot = changes[i] && prot ? *prot : p->prot;
		p->flags = changes[i] && flags ? *flags : p->flags;
	}
	for (i = first; i <= first + n; i++)
		if ((i < first + n && changes[i]) || (i > first && changes[i - 1]))
			model_join(m, i);
}

static bool do_set_policy(struct model *m)
{
	static const u32 policies[] = { 0, AXAS_MAP_HUGE_ALWAYS, AXAS_MAP_HUGE_NEVER };
	u32 first, n = random_pages(m, &first), i;
	u32 flags = policies[rnd(m, ARRAY_SIZE(policies))];
	bool can = true;

	m->op = "set_policy";
	for (i = first; i < first + n; i++)
		can &= m->pages[i].kind != PAGE_LINEAR;
	if (can)
		model_change(m, first, n, NULL, &flags);
	return agree(m, axas_space_set_policy(m->f->space,
					      gpa_range(page_gpa(first), n * (u64)SZ_4K), flags),
		     can ? 0 : -EOPNOTSUPP, page_gpa(first));
}

static bool do_protect(struct model *m)
{
	u32 first, n = random_pages(m, &first), prot = random_prot(m);

	m->op = "protect";
	model_change(m, first, n, &prot, NULL);
	return agree(m, space_protect(m->f, page_gpa(first), n * (u64)SZ_4K, prot), 0,
		     page_gpa(first));
}

static bool do_fault(struct model *m)
{
	u32 page = rnd(m, PAGES), access = 1 + rnd(m, AXAS_PROT_MASK);
	struct model_page *p = &m->pages[page];
	int want;

	want = p->kind == PAGE_HOLE ? AXAS_FAULT_HOLE :
	       access & ~p->prot ? AXAS_FAULT_DENIED :
	       p->kind == PAGE_LINEAR || p->touched ? AXAS_FAULT_SPURIOUS : AXAS_FAULT_FIXED;
	if (want == AXAS_FAULT_FIXED)
		model_touch(m, page, 0);
	m->op = "fault";
	return agree(m, space_fault(m->f, page_gpa(page) + rnd(m, SZ_4K), access), want,
		     page_gpa(page));
}

/* Compare the entry as hardware reads it, independently of translate. */
static bool leaf_agrees(struct model *m, u64 gpa, u64 hpa, u32 prot)
{
	struct leaf_entry leaf = {};

	if (!agree(m, monitor_leaf(m->f->monitor, gpa, &leaf), hpa != AXAS_HPA_NONE, gpa))
		return false;
	return hpa == AXAS_HPA_NONE ||
	       (agree(m, leaf.hpa + (gpa & (axas_npt_leaf_size(leaf.level) - 1)), hpa, gpa) &&
		agree(m, leaf.prot, prot, gpa));
}

/* A page's translation; the frame of a touched page never changes. */
static bool translate_page(struct model *m, u32 page, u32 offset)
{
	struct model_page *p = &m->pages[page];
	bool mapped = p->kind == PAGE_LINEAR || p->touched;
	u64 gpa = page_gpa(page) + offset;
	struct axas_translation to;

	if (!agree(m, axas_space_translate(m->f->space, axas_gpa(gpa), &to),
		   mapped ? 0 : -ENOENT, gpa))
		return false;
	if (!mapped)
		return leaf_agrees(m, gpa, AXAS_HPA_NONE, 0);
	if (!p->hpa)
		p->hpa = to.hpa.val - offset;
	return agree(m, to.hpa.val, p->hpa + offset, gpa) && agree(m, to.prot, p->prot, gpa) &&
	       leaf_agrees(m, gpa, to.hpa.val, p->prot) &&
	       (p->kind == PAGE_LINEAR || agree(m, !!mock_hal_peek(m->f->mock, p->hpa), 1, gpa));
}

static bool do_translate(struct model *m)
{
	m->op = "translate";
	return translate_page(m, rnd(m, PAGES), rnd(m, SZ_4K));
}

/* Expected error of an access to a page. */
static int access_error(const struct model_page *p, u32 prot)
{
	return p->kind == PAGE_HOLE ? -EFAULT : p->prot & prot ? 0 : -EACCES;
}

/* The model's 8 bytes at @offset of a page. */
static u64 *model_word(struct model *m, struct model_page *p, u32 offset)
{
	if (p->kind == PAGE_LINEAR)
		return (u64 *)(m->mem + (p->hpa - LINEAR) + offset);
	return offset == 0 ? &p->first : offset == SZ_2K ? &p->middle : &p->last;
}

static bool do_read(struct model *m)
{
	u32 page = rnd(m, PAGES);
	struct model_page *p = &m->pages[page];
	u64 gpa = page_gpa(page) + SZ_2K, val = 0;
	int err = access_error(p, TEST_R);

	m->op = "read";
	if (!agree(m, axas_read_obj(m->f->space, axas_gpa(gpa), AXAS_WIDTH_64, &val), err, gpa))
		return false;
	if (err)
		return true;
	model_touch(m, page, 0);
	return agree(m, val, *model_word(m, p, SZ_2K), gpa);
}

static bool do_write(struct model *m)
{
	u32 page = rnd(m, PAGES);
	struct model_page *p = &m->pages[page];
	u64 gpa = page_gpa(page) + SZ_2K, val = prandom_u32_state(&m->rnd);
	int err = access_error(p, TEST_W);

	m->op = "write";
	if (!agree(m, axas_write_obj(m->f->space, axas_gpa(gpa), AXAS_WIDTH_64, val), err, gpa))
		return false;
	if (err)
		return true;
	model_touch(m, page, 0);
	*model_word(m, p, SZ_2K) = val;
	return true;
}

/* 16 bytes across two pages: all or nothing. */
static bool do_write_across(struct model *m)
{
	u32 page = rnd(m, PAGES - 1);
	struct model_page *p = &m->pages[page];
	u64 val[] = { prandom_u32_state(&m->rnd), prandom_u32_state(&m->rnd) };
	u64 gpa = page_gpa(page + 1) - 8;
	int err0 = access_error(p, TEST_W), err1 = access_error(p + 1, TEST_W);

	m->op = "write across";
	if (!agree(m, axas_write(m->f->space, axas_gpa(gpa), val, 16), err0 ?: err1, gpa))
		return false;
	if (!err0)
		model_touch(m, page, 0);
	if (err0 || err1)
		return true;
	model_touch(m, page + 1, 0);
	*model_word(m, p, SZ_4K - 8) = val[0];
	*model_word(m, p + 1, 0) = val[1];
	return true;
}

static bool do_read_across(struct model *m)
{
	u32 page = rnd(m, PAGES - 1);
	struct model_page *p = &m->pages[page];
	u64 gpa = page_gpa(page + 1) - 8, val[2] = {};
	int err0 = access_error(p, TEST_R), err1 = access_error(p + 1, TEST_R);

	m->op = "read across";
	if (!agree(m, axas_read_partial(m->f->space, axas_gpa(gpa), val, 16),
		   err0 ?: err1 ? 8 : 16, gpa))
		return false;
	if (err0)
		return true;
	model_touch(m, page, 0);
	if (!agree(m, val[0], *model_word(m, p, SZ_4K - 8), gpa))
		return false;
	if (err1)
		return agree(m, val[1], 0, gpa + 8);
	model_touch(m, page + 1, 0);
	return agree(m, val[1], *model_word(m, p + 1, 0), gpa + 8);
}

static bool do_populate(struct model *m)
{
	u32 first, n = random_pages(m, &first), i;
	u64 done, gpa = page_gpa(first);
	int err;

	m->op = "populate";
	for (i = 0; i < n && m->pages[first + i].kind != PAGE_HOLE; i++)
		model_touch(m, first + i, n - i);
	err = axas_space_populate(m->f->space, gpa_range(gpa, n * (u64)SZ_4K), &done);
	return agree(m, err, i < n ? -EFAULT : 0, gpa) && agree(m, done, i * (u64)SZ_4K, gpa);
}

/* Now and then, collapse the whole window; no result may change. */
static bool do_collapse(struct model *m)
{
	u64 collapsed;

	m->op = "collapse";
	if (rnd(m, 20))
		return true;
	return agree(m, axas_space_collapse(m->f->space, gpa_range(BASE, PAGES * (u64)SZ_4K),
					    &collapsed), 0, BASE);
}

static bool do_clear(struct model *m)
{
	m->op = "clear";
	if (rnd(m, 100))
		return true;
	model_forget(m, 0, PAGES);
	axas_space_clear(m->f->space);
	return true;
}

static bool (* const ops[])(struct model *m) = {
	do_map_linear, do_map_alloc, do_map_alloc, do_unmap, do_unmap, do_protect,
	do_set_policy, do_discard, do_discard, do_fault, do_fault, do_translate, do_read,
	do_write, do_write_across, do_read_across, do_populate, do_collapse, do_clear,
};

/* Compare every page of the window, and the content of touched pages. */
static bool compare_all(struct model *m)
{
	struct model_page *p;
	u32 i;
	u64 *mem;

	m->op = "comparison";
	for (i = 0; i < PAGES; i++) {
		p = &m->pages[i];
		if (!translate_page(m, i, 0))
			return false;
		if (!p->touched)
			continue;
		mem = mock_hal_peek(m->f->mock, p->hpa);
		if (!agree(m, mem[0], p->first, page_gpa(i)) ||
		    !agree(m, mem[SZ_2K / 8], p->middle, page_gpa(i) + SZ_2K) ||
		    !agree(m, mem[SZ_4K / 8 - 1], p->last, page_gpa(i + 1) - 8))
			return false;
	}
	return true;
}

static bool one_step(struct model *m)
{
	if (!ops[rnd(m, ARRAY_SIZE(ops))](m) ||
	    !agree(m, m->f->mock->frames, m->frames, 0))
		return false;
	return m->step % COMPARE_EACH || compare_all(m);
}

static void space_agrees_with_a_model(struct kunit *test)
{
	struct space_fixture *f = test->priv;
	struct model *m = vzalloc(sizeof(*m));

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->f = f;
	m->mem = mock_hal_add_device(f->mock, LINEAR, MEM_SIZE);
	prandom_seed_state(&m->rnd, seed);
	/* Frames are reused at once: stale content would be seen. */
	f->mock->reuse = true;
	for (m->step = 1; m->mem && m->step <= STEPS; m->step++)
		if (!one_step(m))
			break;
	if (m->lost)
		kunit_mark_skipped(test, "no memory of 2 MiB in one piece");
	else
		KUNIT_EXPECT_EQ(test, m->step, STEPS + 1u);
	space_expect_balanced(f);
	vfree(m);
	axas_space_clear(f->space);
	space_expect_empty(f);
}

static struct kunit_case random_cases[] = {
	KUNIT_CASE_PARAM(space_agrees_with_a_model, space_gen_params),
	{}
};

struct kunit_suite axas_random_suite = {
	.name = "axas_random",
	.init = space_test_init,
	.exit = space_test_exit,
	.test_cases = random_cases,
};
