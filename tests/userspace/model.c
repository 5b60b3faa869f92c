// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model, and the expected result of each operation; see model.h. After each operation the
 * monitor reads the leaves involved from the table's memory (never through the core), frames are
 * counted, and no flush may be pending. Every 128 operations all pages, their contents, the
 * areas, and the oracle's walk of the whole table are compared.
 */
#include <kunit/test.h>

#include "model.h"
#include "oracle_fixture.h"
#include "space_fixture.h"
#include "verdict.h"

/* A window around a 1 GiB boundary, and the last pages of the space. */
#define MAIN_PAGES	2048u
#define TOP_PAGES	64u
#define PAGES		(MAIN_PAGES + TOP_PAGES)
#define MEM_SIZE	((u64)SZ_4M)
#define MOST_LINEAR	512u
#define COMPARE_EACH	128

enum page_kind { PAGE_HOLE, PAGE_ALLOC, PAGE_LINEAR };

/**
 * struct page_model - expected state of one page
 * @kind: hole, alloc or linear
 * @touched: the alloc page has its frame
 * @area: number of the map operation that created its area
 * @prot: AXAS_PROT_*
 * @type: AXAS_TYPE_*
 * @flags: AXAS_MAP_*
 * @hpa: of a linear page; of a touched page once it was read from its leaf
 */
struct page_model {
	enum page_kind kind;
	bool touched;
	u32 area;
	u32 prot;
	u32 type;
	u32 flags;
	u64 hpa;
};

static struct model {
	struct space_fixture f;
	struct kunit test;
	bool trace;
	bool limited;
	u32 limit;
	u64 failures;
	u64 top;
	u32 last_area;
	long frames;
	u8 *mem;
	struct page_model pages[PAGES];
	u8 content[PAGES][AXAS_FRAME_SIZE];
	u8 mem_content[MEM_SIZE];
} *m;

unsigned long model_nr_ops;

/* Each format with all its features, and with other combinations. */
#define USUAL_CAPS		(AXAS_CAP_MASK & ~(AXAS_CAP_EXEC_4K | AXAS_CAP_S2_FWB))
#define USUAL(NAME, name)	{ &axas_npt_##name, 0, ~0u, USUAL_CAPS },

static const struct {
	const struct axas_npt_fmt *fmt;
	u32 ia_bits;
	u32 leaf_levels;
	u32 flags;
} machines[] = {
	AXAS_NPT_FORMATS(USUAL)
	{ &axas_npt_fake, 48, 0x1f, 0 },
	{ &axas_npt_ept, 48, 0x3, AXAS_CAP_EXEC_4K },
	{ &axas_npt_ept, 57, 0x7, 0 },
	{ &axas_npt_svm, 57, 0x1, 0 },
	{ &axas_npt_s2, 32, 0x7, AXAS_CAP_S2_XNX },
	{ &axas_npt_s2, 44, 0x3, AXAS_CAP_S2_FWB },
	{ &axas_npt_gstage, 50, 0xf, 0 },
	{ &axas_npt_gstage, 59, 0x1, AXAS_CAP_GSTAGE_SVADU },
	{ &axas_npt_fake, 64, 0x3, 0 },
	{ &axas_npt_fake, 39, 0x1, AXAS_CAP_EXEC_4K },
};

static u64 page_gpa(u32 page)
{
	if (page < MAIN_PAGES)
		return BORDER - MAIN_PAGES / 2 * (u64)SZ_4K + page * (u64)SZ_4K;
	return m->top + (page - MAIN_PAGES) * (u64)SZ_4K;
}

static u32 page_of(u64 gpa)
{
	return gpa >= m->top ? MAIN_PAGES + (gpa - m->top) / SZ_4K : (gpa - page_gpa(0)) / SZ_4K;
}

/* May the operation return -ENOMEM: a frame limit, or an allocation that was made to fail? */
static bool had_failures(void)
{
	return m->limited || m->f.mock->failures + shim_failures != m->failures ||
	       m->f.mock->starved;
}

/* Check a result that may be -ENOMEM if allocations failed. True if it is @want. */
static bool expect_or_enomem(s64 got, s64 want, u64 gpa)
{
	if (got == -ENOMEM && want != -ENOMEM && had_failures())
		return false;
	expect(got, want, gpa);
	return true;
}

/* Decoding of operations. */
static u32 op_prot(const struct model_op *op)
{
	static const u8 usual[] = { TEST_RW, TEST_R, TEST_RX, TEST_RWX };

	return op->a & 0x20 ? op->a & AXAS_PROT_MASK : usual[op->a & 3];
}

static u32 op_type(const struct model_op *op)
{
	return op->a & 0x40 ? op->b % (AXAS_TYPE_UNCACHED + 1) : AXAS_TYPE_NORMAL;
}

static u32 op_page(const struct model_op *op)
{
	return op->page % PAGES;
}

/* Number of pages from op_page() on, all in one window. */
static u32 op_pages(const struct model_op *op)
{
	u32 first = op_page(op), most = op->n & 0x700 ? 12 : 1200;
	u32 end = first < MAIN_PAGES ? MAIN_PAGES : PAGES;

	return 1 + (op->n & 0xff) * most / 256 % (end - first);
}

static struct axas_gpa_range range_of(u32 first, u32 n)
{
	return gpa_range(page_gpa(first), n * (u64)SZ_4K);
}

static bool can(u32 prot, u32 type)
{
	return axas_npt_can(&m->f.space->npt, prot, type);
}

static bool is_free(u32 first, u32 n)
{
	while (n--)
		if (m->pages[first++].kind != PAGE_HOLE)
			return false;
	return true;
}

static void forget(u32 first, u32 n)
{
	for (; n--; first++) {
		if (m->pages[first].touched) {
			m->frames--;
			memset(m->content[first], 0, AXAS_FRAME_SIZE);
		}
		m->pages[first] = (struct page_model){};
	}
}

/* Check the leaf of one page in the table. @may_touch: the operation may have mapped it. */
static void check_page(u32 page, bool may_touch)
{
	struct page_model *p = &m->pages[page];
	u64 gpa = page_gpa(page), hpa;
	struct leaf_entry leaf = {};
	bool there = monitor_leaf(m->f.monitor, gpa, &leaf);

	if (p->kind == PAGE_ALLOC && !p->touched && there && may_touch) {
		p->touched = true;
		m->frames++;
	}
	expect(there, p->kind == PAGE_LINEAR || p->touched, gpa);
	if (!there)
		return;
	hpa = leaf.hpa + (gpa & (axas_npt_leaf_size(leaf.level) - 1));
	p->hpa = p->hpa ?: hpa;
	if (hpa != p->hpa)
		fail("at 0x%llx the frame is 0x%llx, but was 0x%llx", gpa, hpa, p->hpa);
	if (leaf.prot != p->prot || leaf.type != p->type)
		fail("at 0x%llx the leaf permits %u of type %u, but the model says %u, %u", gpa,
		     leaf.prot, leaf.type, p->prot, p->type);
}

/* Check the pages around an operation's, which a large leaf or fault-around may reach. */
static void check_around(u32 first, u32 n, bool may_touch)
{
	u32 end = first < MAIN_PAGES ? MAIN_PAGES : PAGES, mask = 0, i;

	for (i = first; may_touch && i < min(end, first + n); i++)
		mask |= m->pages[i].flags & AXAS_MAP_HUGE_NEVER ? 15 : 511;
	i = first < MAIN_PAGES ? first & ~mask : MAIN_PAGES;
	for (; i < min(end, ((first + n - 1) | mask) + 1); i++)
		check_page(i, may_touch);
}

static const u32 policies[] = {
	0, AXAS_MAP_HUGE_ALWAYS, AXAS_MAP_HUGE_NEVER, AXAS_MAP_AROUND(4),
};

static void do_map_alloc(const struct model_op *op)
{
	u32 first = op_page(op), n = op_pages(op), prot = op_prot(op), type = op_type(op), i;
	u32 flags = policies[op->b >> 4 & 3], populate = op->b & 3 ? 0 : AXAS_MAP_POPULATE;
	/* Alloc areas are normal memory only. */
	int want = type || !can(prot, type) ? -EOPNOTSUPP : is_free(first, n) ? 0 : -EEXIST;
	int err = axas_space_map_alloc(m->f.space, range_of(first, n), prot, type,
				       flags | populate);

	if (populate && current->dying && err == -EINTR)
		return check_around(first, n, false);
	if (expect_or_enomem(err, want, page_gpa(first)) && !err) {
		m->last_area++;
		for (i = first; i < first + n; i++)
			m->pages[i] = (struct page_model){
				.kind = PAGE_ALLOC, .area = m->last_area, .prot = prot,
				.type = type, .flags = flags,
			};
	}
	check_around(first, n, populate && !err);
	for (i = first; populate && !err && i < first + n; i++)
		if (!m->pages[i].touched)
			fail("0x%llx was not populated", page_gpa(i));
}

/* Does another area map part of this host-physical range with another memory type? */
static bool has_another_type(u64 hpa, u64 size, u32 type)
{
	const struct page_model *p;

	for (p = m->pages; p < m->pages + PAGES; p++)
		if (p->kind == PAGE_LINEAR && p->type != type && p->hpa - hpa < size)
			return true;
	return false;
}

static void do_map_linear(const struct model_op *op)
{
	u32 first = op_page(op), n = min(op_pages(op), MOST_LINEAR);
	u32 prot = op_prot(op), type = op_type(op), i;
	u64 size = n * (u64)SZ_4K, hpa = (op->b * (u64)SZ_4K) % (MEM_SIZE - size);
	int want, err;

	if (op->a & 0x10 && page_gpa(first) % SZ_2M + size <= MEM_SIZE)
		hpa = page_gpa(first) % SZ_2M;
	want = !can(prot, type) ? -EOPNOTSUPP :
	       has_another_type(LINEAR + hpa, size, type) ? -EBUSY :
	       is_free(first, n) ? 0 : -EEXIST;
	err = axas_space_map_linear(m->f.space, range_of(first, n), axas_hpa(LINEAR + hpa), prot,
				    type);
	if (current->dying && err == -EINTR)
		return check_around(first, n, false);
	if (expect_or_enomem(err, want, page_gpa(first)) && !err) {
		m->last_area++;
		for (i = 0; i < n; i++)
			m->pages[first + i] = (struct page_model){
				.kind = PAGE_LINEAR, .area = m->last_area, .prot = prot,
				.type = type, .hpa = LINEAR + hpa + i * (u64)SZ_4K,
			};
	}
	check_around(first, n, false);
}

static void do_unmap(const struct model_op *op)
{
	u32 first = op_page(op), n = op_pages(op);
	int err = axas_space_unmap(m->f.space, range_of(first, n));

	if (expect_or_enomem(err, 0, page_gpa(first)))
		forget(first, n);
	check_around(first, n, false);
}

static void do_protect(const struct model_op *op)
{
	u32 first = op_page(op), n = op_pages(op), prot = op_prot(op), i;
	int want = 0, err;

	for (i = first; i < first + n; i++)
		if (m->pages[i].kind != PAGE_HOLE && !can(prot, m->pages[i].type))
			want = -EOPNOTSUPP;
	err = axas_space_protect(m->f.space, range_of(first, n), prot);
	if (current->dying && err == -EINTR)
		return check_around(first, n, false);
	if (expect_or_enomem(err, want, page_gpa(first)) && !err)
		for (i = first; i < first + n; i++)
			if (m->pages[i].kind != PAGE_HOLE)
				m->pages[i].prot = prot;
	check_around(first, n, false);
}

/* Areas stay; content and frames go. */
static void empty(u32 first, u32 n)
{
	for (; n--; first++) {
		if (!m->pages[first].touched)
			continue;
		m->frames--;
		memset(m->content[first], 0, AXAS_FRAME_SIZE);
		m->pages[first].touched = false;
		m->pages[first].hpa = 0;
	}
}

/* A few ranges, or many of one page each: every second or every third one. */
static u32 discard_ranges(const struct model_op *op, struct axas_gpa_range *ranges, u32 max)
{
	u32 first = op_page(op), n = op_pages(op), step = 2 + (op->a & 1), i;
	u32 end = first < MAIN_PAGES ? MAIN_PAGES : PAGES, at;

	ranges[0] = range_of(first, n);
	if (op->a & 2) {
		for (i = 0; i < max && first + i * step < end; i++)
			ranges[i] = range_of(first + i * step, 1);
		return i;
	}
	at = op->b % MAIN_PAGES;
	ranges[1] = range_of(at, 1 + op->b / MAIN_PAGES % 8 % (MAIN_PAGES - at));
	ranges[2] = range_of(MAIN_PAGES - 1 - op->b % 600, 1 + op->b % 600);
	return op->a >> 2 & 3;
}

static void do_discard(const struct model_op *op)
{
	static struct axas_gpa_range ranges[400];
	u32 n = discard_ranges(op, ranges, ARRAY_SIZE(ranges)), i, j;
	u64 done = 0, size = 0;
	int want = 0, err;

	for (i = 0; i < n; i++) {
		size += ranges[i].size;
		for (j = 0; j < ranges[i].size / SZ_4K; j++)
			if (m->pages[page_of(ranges[i].start.val) + j].kind == PAGE_LINEAR)
				want = -EOPNOTSUPP;
	}
	err = axas_space_discard(m->f.space, ranges, n, &done);
	if (err == -EINTR && current->dying) {
		expect(done, 0, 0);
		err = 1;
	}
	if (err != 1 && expect_or_enomem(err, want, op_page(op))) {
		expect(done, err ? 0 : size, 0);
		for (i = 0; i < n && !err; i++)
			empty(page_of(ranges[i].start.val), ranges[i].size / SZ_4K);
	}
	check_around(0, MAIN_PAGES, false);
	check_around(MAIN_PAGES, TOP_PAGES, false);
}

static void do_set_policy(const struct model_op *op)
{
	u32 first = op_page(op), n = op_pages(op), flags = policies[op->b >> 4 & 3], i;
	int want = 0, err;

	for (i = first; i < first + n; i++)
		if (m->pages[i].kind == PAGE_LINEAR)
			want = -EOPNOTSUPP;
	err = axas_space_set_policy(m->f.space, range_of(first, n), flags);
	if (current->dying && err == -EINTR)
		return check_around(first, n, false);
	if (expect_or_enomem(err, want, page_gpa(first)) && !err)
		for (i = first; i < first + n; i++)
			if (m->pages[i].kind == PAGE_ALLOC)
				m->pages[i].flags = flags;
	check_around(first, n, false);
}

static void do_fault(const struct model_op *op)
{
	u32 page = op_page(op), access = op->a & AXAS_PROT_MASK;
	const struct page_model *p = &m->pages[page];
	int want = !access ? AXAS_FAULT_ERROR : p->kind == PAGE_HOLE ? AXAS_FAULT_HOLE :
		   access & ~p->prot ? AXAS_FAULT_DENIED :
		   p->kind == PAGE_LINEAR || p->touched ? AXAS_FAULT_SPURIOUS : AXAS_FAULT_FIXED;
	u64 gpa = page_gpa(page) + op->b % SZ_4K;
	struct leaf_entry leaf;
	unsigned int level;
	int got = axas_space_fault(m->f.space, axas_gpa(gpa), access, op->n & 1 ? &level : NULL);

	if (got != AXAS_FAULT_NOMEM || want != AXAS_FAULT_FIXED || !had_failures())
		expect(got, want, gpa);
	check_around(page, 1, got == AXAS_FAULT_FIXED);
	expect(m->pages[page].touched, p->kind == PAGE_ALLOC && got <= AXAS_FAULT_SPURIOUS ? 1 :
	       m->pages[page].touched, gpa);
	if (op->n & 1 && got <= AXAS_FAULT_SPURIOUS && monitor_leaf(m->f.monitor, gpa, &leaf))
		expect(level, leaf.level, gpa);
}

static void do_fault_nowait(const struct model_op *op)
{
	u32 page = op_page(op), access = op->a & AXAS_PROT_MASK;
	const struct page_model *p = &m->pages[page];
	bool may = access && p->kind != PAGE_HOLE && !(access & ~p->prot);
	bool was = p->kind == PAGE_LINEAR || p->touched;
	int got = axas_space_fault_nowait(m->f.space, axas_gpa(page_gpa(page)), access);

	if (got != AXAS_FAULT_RETRY)
		expect(may ? got : -1, was ? AXAS_FAULT_SPURIOUS : AXAS_FAULT_FIXED,
		       page_gpa(page));
	check_around(page, 1, got == AXAS_FAULT_FIXED);
}

/* Number of accessible bytes from @offset on, and the error after them. */
static size_t reachable(u32 page, u32 offset, size_t len, u32 prot, int *err)
{
	u32 end = page < MAIN_PAGES ? MAIN_PAGES : PAGES;
	size_t n = 0;

	for (*err = 0; n < len; page++, offset = 0) {
		const struct page_model *p = &m->pages[page];

		if (page == end || p->kind == PAGE_HOLE)
			*err = -EFAULT;
		else if (!(p->prot & prot))
			*err = -EACCES;
		if (*err)
			return n;
		n += min(len - n, (size_t)SZ_4K - offset);
	}
	return n;
}

static u8 *model_byte(u32 page, u32 offset)
{
	const struct page_model *p = &m->pages[page];

	return p->kind == PAGE_LINEAR ? &m->mem_content[p->hpa - LINEAR + offset] :
	       &m->content[page][offset];
}

static void model_copy(u32 page, u32 offset, u8 *buf, size_t len, bool write)
{
	for (; len--; buf++) {
		if (write)
			*model_byte(page, offset) = *buf;
		else
			*buf = *model_byte(page, offset);
		if (++offset == SZ_4K) {
			offset = 0;
			page++;
		}
	}
}

/* Copy a buffer, whole or up to the first error. */
static void do_copy(const struct model_op *op)
{
	static u8 buf[3 * SZ_4K], want[3 * SZ_4K];
	u32 page = op_page(op), offset = op->b % SZ_4K;
	bool write = op->a & 1, partial = op->a & 2;
	size_t len = op->a & 4 ? op->n % sizeof(buf) : op->n % 64, reach, i;
	struct axas_gpa gpa = axas_gpa(page_gpa(page) + offset);
	int err;
	ssize_t got;

	for (i = 0; i < len; i++)
		buf[i] = op->b + i * 7 + 1;
	memcpy(want, buf, len);
	reach = reachable(page, offset, len, write ? TEST_W : TEST_R, &err);
	if (!write)
		model_copy(page, offset, want, reach, false);
	if (partial)
		got = write ? axas_write_partial(m->f.space, gpa, buf, len) :
			      axas_read_partial(m->f.space, gpa, buf, len);
	else
		got = write ? axas_write(m->f.space, gpa, buf, len) :
			      axas_read(m->f.space, gpa, buf, len);
	check_around(page, 1 + (offset + len) / SZ_4K, true);
	if (had_failures() && (got == -ENOMEM || (partial && got >= 0 && got < reach)))
		reach = partial && got > 0 ? got : 0;
	else if (partial)
		expect(got, reach ? (ssize_t)reach : err, page_gpa(page) + offset);
	else
		expect(got, err, page_gpa(page) + offset);
	if (!partial && got)
		reach = 0;
	if (write)
		model_copy(page, offset, buf, reach, true);
	else if (memcmp(buf, want, reach))
		fail("at 0x%llx other bytes are read", page_gpa(page) + offset);
}

/* Access an integer, aligned or not. */
static void do_integer(const struct model_op *op)
{
	enum axas_width width = op->a & 3;
	u32 bytes = axas_width_bytes(width), page = op_page(op), offset = op->b % SZ_4K;
	bool write = op->a & 4, is_volatile = op->a & 8;
	u64 gpa, val = op->n * 0x0123456789abcdefull, want = 0;
	size_t reach;
	int err, got;

	if (!(op->a & 16) || is_volatile)
		offset &= ~(bytes - 1);
	if (op->a & 64)
		offset |= op->a >> 7;
	gpa = page_gpa(page) + offset;
	reach = reachable(page, offset, bytes, write ? TEST_W : TEST_R, &err);
	if (reach == bytes)
		model_copy(page, offset, (u8 *)&want, bytes, false);
	if (is_volatile && offset & (bytes - 1))
		err = -EINVAL;
	if (is_volatile)
		got = write ? axas_write_volatile(m->f.space, axas_gpa(gpa), width, val) :
			      axas_read_volatile(m->f.space, axas_gpa(gpa), width, &val);
	else
		got = write ? axas_write_obj(m->f.space, axas_gpa(gpa), width, val) :
			      axas_read_obj(m->f.space, axas_gpa(gpa), width, &val);
	check_around(page, 1 + (offset + bytes) / SZ_4K, true);
	if (!expect_or_enomem(got, err, gpa) || got)
		return;
	if (write)
		model_copy(page, offset, (u8 *)&val, bytes, true);
	else if (val != want)
		fail("at 0x%llx 0x%llx is read, but 0x%llx is there", gpa, val, want);
}

static void do_populate(const struct model_op *op)
{
	u32 first = op_page(op), n = op_pages(op), i;
	u64 done = 0;
	int err = axas_space_populate(m->f.space, range_of(first, n), &done);

	check_around(first, n, true);
	for (i = first; i < first + done / SZ_4K; i++)
		expect(m->pages[i].kind == PAGE_LINEAR || m->pages[i].touched, 1, page_gpa(i));
	for (i = 0; i < n && m->pages[first + i].kind != PAGE_HOLE; i++)
		;
	if ((err == -EINTR && current->dying) || (err == -ENOMEM && had_failures())) {
		if (done > i * (u64)SZ_4K)
			fail("0x%llx bytes done of 0x%llx", done, i * (u64)SZ_4K);
		return;
	}
	expect(err, i < n ? -EFAULT : 0, page_gpa(first));
	expect(done, i * (u64)SZ_4K, page_gpa(first));
}

static void do_collapse(const struct model_op *op)
{
	u32 first = op_page(op), n = op_pages(op);
	u64 collapsed = 0;
	int err;

	if (op->a & 1) {
		first = 0;
		n = MAIN_PAGES;
	}
	err = axas_space_collapse(m->f.space, range_of(first, n), &collapsed);
	if (err != -EINTR || !current->dying)
		expect_or_enomem(err, 0, page_gpa(first));
	check_around(first, n, false);
}

static void do_clear(const struct model_op *op)
{
	if (op->n % 16)
		return;
	axas_space_clear(m->f.space);
	forget(0, PAGES);
}

/* Translate a page, with the length of the contiguous range that follows. */
static void do_translate(const struct model_op *op)
{
	u32 page = op_page(op), end = page < MAIN_PAGES ? MAIN_PAGES : PAGES;
	u32 offset = op->b % SZ_4K;
	u64 gpa = page_gpa(page) + offset, limit = SZ_4K - offset;
	const struct page_model *p = &m->pages[page], *next = p + 1;
	bool there = p->kind == PAGE_LINEAR || p->touched;
	struct axas_translation to;
	u64 got = 0;
	int err;

	err = op->a & 1 ? axas_space_translate(m->f.space, axas_gpa(gpa), &to) :
	      axas_space_translate_and_get_limit(m->f.space, axas_gpa(gpa), &to, &got);
	expect(err, there ? 0 : -ENOENT, gpa);
	if (err)
		return;
	expect(to.hpa.val, p->hpa + offset, gpa);
	expect(to.prot, p->prot, gpa);
	expect(to.type, p->type, gpa);
	if (op->a & 1)
		return;
	for (page++; page < end; page++, next++, limit += SZ_4K)
		if ((next->kind != PAGE_LINEAR && !next->touched) || next->prot != p->prot ||
		    next->type != p->type || next->hpa + 0 != p->hpa + (next - p) * (u64)SZ_4K)
			break;
	/* The number of leaves examined is bounded. */
	if (limit > AXAS_LIMIT_LEAVES * SZ_4K ? got < SZ_4K || got > limit :
	    current->dying ? got > limit : got != limit)
		fail("at 0x%llx the limit is 0x%llx, but the model says 0x%llx", gpa, got, limit);
}

static void do_bvec(const struct model_op *op)
{
	struct bio_vec bvecs[8];
	u32 page = op_page(op), offset = op->b % SZ_4K, access = 1 + (op->a & 1), i;
	size_t len = 1 + op->n % (6 * SZ_4K), reach, done = 0;
	int err, got;

	reach = reachable(page, offset, len, access, &err);
	for (i = page; i <= page + (offset + reach - 1) / SZ_4K && reach; i++)
		if (m->pages[i].kind == PAGE_LINEAR)
			err = 1;
	got = axas_space_bvec(m->f.space, gpa_range(page_gpa(page) + offset, len), access, bvecs,
			      ARRAY_SIZE(bvecs));
	/* A range that wraps is invalid. */
	if (page_gpa(page) + offset + len - 1 < page_gpa(page)) {
		expect(got, -EINVAL, page_gpa(page));
		return;
	}
	check_around(page, 1 + (offset + len) / SZ_4K, true);
	if (got == -EOPNOTSUPP && err == 1)
		return;
	if (got < 0) {
		if (err != 1)
			expect_or_enomem(got, err, page_gpa(page));
		return;
	}
	for (i = 0; i < got; i++) {
		char *va = bvec_virt(&bvecs[i]);

		if (memcmp(va, model_byte(page + (offset + done) / SZ_4K,
					  (offset + done) % SZ_4K), bvecs[i].bv_len))
			fail("a bvec holds other bytes than page 0x%llx", page_gpa(page));
		done += bvecs[i].bv_len;
	}
	axas_space_bvec_put(bvecs, got);
	expect(done, len, page_gpa(page));
}

/* Invalid ranges and unknown flags, which every call must refuse. */
static void do_wrong(const struct model_op *op)
{
	struct axas_gpa_range range = range_of(op_page(op), 1);
	struct axas_space *space = m->f.space;
	u32 prot = TEST_R, flags = 0;
	u64 n;

	switch (op->a & 7) {
	case 0:
		range.size = 0;
		break;
	case 1:
		range.size += 1 + op->b % (SZ_4K - 1);
		break;
	case 2:
		range.start.val += 1 + op->b % (SZ_4K - 1);
		break;
	case 3:
		range.size = -SZ_4K;
		break;
	case 4:
		range = axas_gpa_range(axas_gpa(-SZ_4K), SZ_8K);
		break;
	case 5:
		range.size = -range.start.val + SZ_4K;
		break;
	case 6:
		prot = 1u << (3 + op->b % 29);
		break;
	case 7:
		flags = 1u << 31 | 1u << (16 + op->b % 15);
		break;
	}
	if (!flags)
		expect(axas_space_protect(space, range, prot), -EINVAL, 0);
	if (prot == TEST_R)
		expect(axas_space_set_policy(space, range, flags), -EINVAL, 0);
	expect(axas_space_map_alloc(space, range, prot, 0, flags), -EINVAL, 0);
	if (prot != TEST_R || flags)
		return;
	expect(axas_space_map_linear(space, range, axas_hpa(LINEAR), prot, 0), -EINVAL, 0);
	expect(axas_space_unmap(space, range), -EINVAL, 0);
	expect(axas_space_discard(space, &range, 1, &n), -EINVAL, 0);
	expect(axas_space_populate(space, range, &n), -EINVAL, 0);
	expect(axas_space_collapse(space, range, &n), -EINVAL, 0);
}

/* Make one in N of the following allocations fail, or none. */
static void do_failures(const struct model_op *op)
{
	u32 one_in = op->n & 3 ? 0 : 2 + op->b % 30;

	mock_hal_fail_random(m->f.mock, op->a & 1 ? one_in : 0, op->b);
	m->f.mock->failures = 0;
	shim_fail_allocations(op->a & 2 ? one_in : 0, op->b);
	m->f.mock->scattered = op->a & 4;
	m->f.mock->reuse = op->a & 8;
}

static void compare_areas(void)
{
	struct axas_area_info area = {};
	u64 from = 0, pages = 0, n = 0;
	struct axas_info info;
	u32 i, found = 0;

	axas_space_get_info(m->f.space, &info);
	while (axas_space_next_area(m->f.space, axas_gpa(from), &area)) {
		n++;
		for (i = 0; i < PAGES; i++) {
			const struct page_model *p = &m->pages[i];
			u64 gpa = page_gpa(i);

			if (gpa - area.gpa >= area.length)
				continue;
			found++;
			if (p->kind == PAGE_HOLE || area.prot != p->prot || area.type != p->type ||
			    area.flags != p->flags ||
			    (p->kind == PAGE_LINEAR && area.hpa + (gpa - area.gpa) != p->hpa))
				fail("the area at 0x%llx is another at 0x%llx", area.gpa, gpa);
		}
		from = area.gpa + area.length;
		if (!from)
			break;
	}
	for (i = 0; i < PAGES; i++)
		pages += m->pages[i].kind != PAGE_HOLE;
	expect(found, pages, 0);
	expect(info.areas, n, 0);
}

static void compare_all(void)
{
	struct axas_npt *npt = &m->f.space->npt;
	const char *wrong = NULL;
	u64 gpa = 0;
	u32 i;

	verdict.name = "comparison";
	m->f.mock->nobody_changes = true;
	for (i = 0; i < PAGES; i++) {
		check_page(i, false);
		if (m->pages[i].touched && memcmp(mock_hal_peek(m->f.mock, m->pages[i].hpa),
						  m->content[i], AXAS_FRAME_SIZE))
			fail("page 0x%llx holds other bytes", page_gpa(i));
	}
	compare_areas();
	if (npt->fmt->id && npt->caps.oa_bits >= npt->ia_bits)
		wrong = oracle_compare(npt, &gpa);
	if (wrong)
		fail("at 0x%llx the oracle sees %s", gpa, wrong);
	m->f.mock->nobody_changes = false;
}

/* Invariants after every operation. */
static void check_balance(void)
{
	struct mock_hal *mock = m->f.mock;
	struct axas_info info;

	monitor_expect_flushed(m->f.monitor);
	axas_space_get_info(m->f.space, &info);
	if (mock->errors)
		fail("%s", mock->error);
	expect(mock->frames, m->frames, 0);
	expect(info.frames, mock->frames, 0);
	expect(info.tables, mock->tables, 0);
	if (info.max_frames && info.frames > info.max_frames)
		fail("%llu frames of %llu", info.frames, info.max_frames);
}

static const struct {
	void (*run)(const struct model_op *op);
	const char *name;
} ops[] = {
	{ do_map_alloc, "map_alloc" }, { do_map_alloc, "map_alloc" },
	{ do_map_alloc, "map_alloc" }, { do_map_linear, "map_linear" },
	{ do_unmap, "unmap" }, { do_unmap, "unmap" }, { do_discard, "discard" },
	{ do_discard, "discard" }, { do_protect, "protect" },
	{ do_protect, "protect" }, { do_set_policy, "set_policy" },
	{ do_fault, "fault" }, { do_fault, "fault" }, { do_fault, "fault" },
	{ do_fault_nowait, "fault_nowait" },
	{ do_fault_nowait, "fault_nowait" }, { do_copy, "copy" }, { do_copy, "copy" },
	{ do_copy, "copy" }, { do_integer, "integer" }, { do_integer, "integer" },
	{ do_integer, "integer" }, { do_integer, "integer" }, { do_populate, "populate" },
	{ do_collapse, "collapse" }, { do_clear, "clear" }, { do_translate, "translate" },
	{ do_translate, "translate" }, { do_translate, "translate" }, { do_bvec, "bvec" },
	{ do_wrong, "wrong" }, { do_failures, "failures" },
};

static void run_op(const struct model_op *op)
{
	unsigned int nr = op->code % ARRAY_SIZE(ops);

	verdict.name = ops[nr].name;
	if (m->trace)
		printf("%4u %-12s a 0x%02x page %4u n 0x%04x b 0x%04x\n", verdict.step,
		       verdict.name, op->a, op_page(op), op->n, op->b);
	m->failures = m->f.mock->failures + shim_failures;
	m->f.mock->starved = false;
	/* Sometimes the task is dying. */
	current->dying = op->n >= 0xf800;
	ops[nr].run(op);
	current->dying = false;
	check_balance();
	model_nr_ops++;
	if (verdict.step % COMPARE_EACH == 0)
		compare_all();
}

static void begin(const struct model_op *op)
{
	unsigned int nr = op->code % ARRAY_SIZE(machines);
	struct axas_space_params params = { .ia_bits = machines[nr].ia_bits };
	struct axas_npt_caps caps = {
		.flags = machines[nr].flags,
		.leaf_levels = machines[nr].leaf_levels & machines[nr].fmt->leaf_levels,
		.oa_bits = machines[nr].fmt->caps.oa_bits,
	};
	struct axas_space *space;

	verdict.name = "create";
	m->f.test = &m->test;
	m->f.mock = mock_hal_create(&m->test);
	params.hal = &m->f.mock->hal;
	if (op->a % 4 == 1)
		params.max_frames = 1 + op->b % 600;
	/* The module's limit applies to spaces at their creation. */
	m->limit = params.max_frames;
	if (op->a % 4 == 2)
		m->limit = 1 + op->b % 600;
	m->limited = m->limit;
	shim_set_param("max_frames", op->a % 4 == 2 ? m->limit : 0);
	m->f.mock->window_io = op->a & 4;
	if (params.ia_bits == 64)
		params.size = -(u64)SZ_4K;
	space = axas_space_create_fmt(&params, machines[nr].fmt, &caps);
	if (space_adopt(&m->f, space))
		fail("%ld", PTR_ERR(space));
	m->top = axas_gpa_range_last(axas_space_range(space)).val + 1 - TOP_PAGES * (u64)SZ_4K;
	m->mem = mock_hal_add_device(m->f.mock, LINEAR, MEM_SIZE);
}

/* Exactly the number of frames that the limit allows can be allocated again. */
static void check_limit(void)
{
	u64 size = m->limit * (u64)SZ_4K, done;

	if (!m->limit)
		return;
	axas_space_clear(m->f.space);
	forget(0, PAGES);
	expect(axas_space_map_alloc(m->f.space, axas_gpa_range(axas_gpa(page_gpa(0)), size + SZ_4K),
				    TEST_RX, AXAS_TYPE_NORMAL, AXAS_MAP_HUGE_NEVER), 0, 0);
	expect(axas_space_populate(m->f.space, axas_gpa_range(axas_gpa(page_gpa(0)), size), &done),
	       0, done);
	expect(axas_space_fault(m->f.space, axas_gpa(page_gpa(m->limit)), TEST_R, NULL),
	       AXAS_FAULT_NOMEM, 0);
	axas_space_clear(m->f.space);
}

static void end(void)
{
	struct mock_hal *mock = m->f.mock;

	verdict.name = "end";
	shim_fail_allocations(0, 0);
	mock_hal_fail_never(mock);
	compare_all();
	check_limit();
	if (memcmp(m->mem, m->mem_content, MEM_SIZE))
		fail("linear memory holds other bytes");
	check_balance();
	verdict.name = "put";
	space_drop(&m->f);
	mock_hal_finish(mock);
}

static const struct verdict_ops ops_of_model = { begin, run_op, end };

const char *model_run(const struct model_op *program, unsigned int n, bool trace)
{
	if (!m)
		m = calloc(1, sizeof(*m));
	for (unsigned int i = 0; i < PAGES; i++)
		if (m->pages[i].touched)
			memset(m->content[i], 0, AXAS_FRAME_SIZE);
	memset(m->mem_content, 0, MEM_SIZE);
	memset(m->pages, 0, sizeof(m->pages));
	m->f = (struct space_fixture){};
	m->frames = 0;
	m->trace = trace;
	return verdict_run(&ops_of_model, program, n);
}
