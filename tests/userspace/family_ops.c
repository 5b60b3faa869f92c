// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operations on a family of spaces (family.h), each with the result that the model expects.
 * An operation that may fail for want of memory, or because the task is dying, must change nothing
 * then, unless its description says otherwise.
 */
#include <linux/bitmap.h>

#include "family.h"

/* The rest of a range after its first page, at most. */
#define FEW	12u
#define MANY	900u

/* Pages of the first region of 2 MiB that lie below the family's. */
#define TO_REGION	(1024u - BEFORE)

static struct member *op_member(const struct model_op *op)
{
	u32 i, first = op->a >> 6;

	for (i = 0; i < MEMBERS; i++)
		if (family->members[(first + i) % MEMBERS].id)
			return &family->members[(first + i) % MEMBERS];
	fail("no space is left");
}

static u32 op_page(const struct model_op *op)
{
	return op->page % PAGES;
}

static u32 op_pages(const struct model_op *op)
{
	u32 most = op->n & 0x700 ? FEW : MANY;

	return 1 + (op->n & 0xff) * most / 256 % (PAGES - op_page(op));
}

static u32 op_prot(const struct model_op *op)
{
	static const u8 prots[] = { TEST_RW, TEST_RW, TEST_RWX, TEST_R };

	return prots[op->b & 3];
}

static u64 op_value(const struct model_op *op, u32 i)
{
	return (verdict.step * 0x10001ull + i + 1) * 0x9e3779b97f4a7c15ull;
}

/* True if it is @want; false for an error that had to be expected, with nothing changed. */
static bool succeeded(s64 got, s64 want, u32 page)
{
	if (got == -ENOMEM && want != -ENOMEM && had_failures())
		return false;
	if (got == -EINTR && current->dying)
		return false;
	expect(got, want, page_gpa(page));
	return !got;
}

static bool is_hole(const struct member *mb, u32 first, u32 n)
{
	while (n--)
		if (mb->pages[first++].kind != PAGE_HOLE)
			return false;
	return true;
}

/* A host access would wait for a page for ever. */
static bool would_wait(const struct member *mb, u32 first, u32 n)
{
	for (; n-- && first < PAGES; first++) {
		const struct member_page_model *p = &mb->pages[first];
		struct member *source = p->bound ? NULL : member_by_id(p->source);

		if (p->absent && !p->fails)
			return true;
		if (p->kind == PAGE_SHARED && source && source->pages[p->from].absent)
			return true;
	}
	return false;
}

/* May a page of another space that was never touched be had? Only the source knows. */
static bool is_uncertain(const struct member_page_model *p)
{
	return p->kind == PAGE_SHARED && !p->bound;
}

/* Pages of a file that the host must not map are private if it wants one. */
static void handed(struct member_page_model *p)
{
	p->perhaps_changed |= p->kind == PAGE_FILE;
}

static void touched(struct member_page_model *p)
{
	if (!p->lends || page_is_zero(p))
		p->perhaps_changed = true;
}

/* Fault-around and large leaves touch pages next to the one that was asked for. */
static void touched_around(struct member *mb, u32 first, u32 n)
{
	u32 i, end = min(PAGES, ((first + n - 1 + TO_REGION) | 511) - TO_REGION + 1);

	i = (first + TO_REGION) & ~511;
	for (i = i > TO_REGION ? i - TO_REGION : 0; i < end; i++)
		touched(&mb->pages[i]);
}

static const u32 policies[] = {
	0, AXAS_MAP_HUGE_ALWAYS, AXAS_MAP_HUGE_NEVER, AXAS_MAP_AROUND(4),
};

static void set_pages(struct member *mb, u32 first, u32 n, const struct member_page_model *like)
{
	u32 i;

	for (i = first; i < first + n; i++)
		mb->pages[i] = *like;
}

static void do_map_alloc(const struct model_op *op)
{
	struct member *mb = op_member(op);
	u32 first = op_page(op), n = op_pages(op), flags = policies[op->b >> 4 & 3];
	struct member_page_model like = { .kind = PAGE_ALLOC, .prot = op_prot(op) };
	int err;

	if (op->a & 1 && op->b & 0x300) {
		like.missing = true;
		like.absent = true;
		like.fails = op->b & 0x800 || !(op->b & 0x3000);
		flags |= AXAS_MAP_MISSING | (like.fails ? AXAS_MAP_MISSING_FAIL : 0);
	} else if (op->a & 2) {
		flags |= AXAS_MAP_POPULATE;
		like.perhaps_changed = true;
	}
	like.perhaps_changed = true;
	err = axas_space_map_alloc(space_of(mb), pages_range(first, n), like.prot, AXAS_TYPE_NORMAL,
				   flags);
	if (succeeded(err, is_hole(mb, first, n) ? 0 : -EEXIST, first))
		set_pages(mb, first, n, &like);
	check_pages(mb, first, n, false);
}

static void do_map_file(const struct model_op *op)
{
	struct member *mb = op_member(op);
	u32 first = op_page(op), from = op->b >> 6 & 127, i, w;
	u32 n = min(op_pages(op), FILE_PAGES - from), flags = op->a & 1 ? AXAS_MAP_POPULATE : 0;
	struct axas_backend backend = {
		.ops = op->a & 2 ? &family_file_ops : &family_private_file_ops,
		.offset = from * (u64)SZ_4K - page_gpa(first),
	};
	int err;

	if (op->a & 4)
		flags |= AXAS_MAP_AROUND(op->b & 7);
	err = axas_space_map_lent(space_of(mb), pages_range(first, n), op_prot(op), flags, backend);
	if (succeeded(err, is_hole(mb, first, n) ? 0 : -EEXIST, first)) {
		for (i = 0; i < n; i++) {
			struct member_page_model *p = &mb->pages[first + i];

			*p = (struct member_page_model){
				.kind = PAGE_FILE, .prot = op_prot(op), .lends = true,
			};
			for (w = 0; w < WORDS; w++)
				sheet_of(p)->words[w] = file_word(from + i, w);
		}
	}
	check_pages(mb, first, n, false);
}

/* Whether a range of a source may be shared; -EFAULT and the like stand for any error. */
static int share_error(const struct member *source, u32 from, u32 n, u32 prot)
{
	for (; n--; from++) {
		const struct member_page_model *p = &source->pages[from];

		if (p->kind == PAGE_HOLE)
			return -EFAULT;
		if (p->kind != PAGE_ALLOC || p->lends)
			return -EOPNOTSUPP;
		if (prot & ~p->prot)
			return -EACCES;
	}
	return 0;
}

static void do_map_shared(const struct model_op *op)
{
	struct member *mb = op_member(op), *source = &family->members[op->b >> 8 & 3];
	u32 first = op_page(op), n = op_pages(op), from = (op->b * 7 + op->n) % PAGES, i;
	int want, err;

	/* Over Linux' allocator alone: a frame of the mock belongs to one table. */
	if (family->mock || !source->id)
		return;
	n = min(n, PAGES - from);
	want = share_error(source, from, n, op_prot(op)) ?:
	       is_hole(mb, first, n) ? 0 : -EEXIST;
	err = axas_space_map_shared(space_of(mb), pages_range(first, n), space_of(source),
				    axas_gpa(page_gpa(from)), op_prot(op),
				    policies[op->b >> 4 & 3]);
	if (!succeeded(err, want, first))
		return;
	for (i = 0; i < n; i++)
		mb->pages[first + i] = (struct member_page_model){
			.kind = PAGE_SHARED, .prot = op_prot(op), .source = source->id,
			.from = from + i, .perhaps_changed = true,
		};
	check_pages(mb, first, n, false);
}

static void do_unmap(const struct model_op *op)
{
	struct member *mb = op_member(op);
	u32 first = op_page(op), n = op_pages(op), i;

	if (succeeded(axas_space_unmap(space_of(mb), pages_range(first, n)), 0, first))
		for (i = first; i < first + n; i++)
			forget_page(&mb->pages[i]);
	check_pages(mb, first, n, false);
}

static void do_clear(const struct model_op *op)
{
	struct member *mb = op_member(op);
	u32 i;

	if (op->n % 16)
		return;
	axas_space_clear(space_of(mb));
	for (i = 0; i < PAGES; i++)
		forget_page(&mb->pages[i]);
	check_pages(mb, 0, PAGES, false);
}

static void do_protect(const struct model_op *op)
{
	struct member *mb = op_member(op);
	u32 first = op_page(op), n = op_pages(op), prot = op_prot(op), i;
	int err = axas_space_protect(space_of(mb), pages_range(first, n), prot);

	/* A shared area has a bound of its own, which was not noted. */
	if (err == -EACCES || err == -EOPNOTSUPP) {
		for (i = first; i < first + n && mb->pages[i].kind != PAGE_SHARED; i++)
			;
		if (i < first + n)
			return check_pages(mb, first, n, false);
	}
	if (succeeded(err, 0, first))
		for (i = first; i < first + n; i++)
			if (mb->pages[i].kind != PAGE_HOLE)
				mb->pages[i].prot = prot;
	check_pages(mb, first, n, false);
}

static void do_set_policy(const struct model_op *op)
{
	struct member *mb = op_member(op);
	u32 first = op_page(op), n = op_pages(op);
	int err = axas_space_set_policy(space_of(mb), pages_range(first, n),
					policies[op->b >> 4 & 3]);

	succeeded(err, 0, first);
	check_pages(mb, first, n, false);
}

static void discard_page(struct member_page_model *p)
{
	if (p->kind == PAGE_HOLE || p->absent)
		return;
	p->dirty |= p->logged && !page_is_zero(p);
	p->perhaps_dirty = true;
	p->wiped = true;
	p->changed |= p->lends;
	p->written = false;
	p->perhaps_changed = true;
	/* Without a marker nobody can tell that it was written. */
	if (!p->lends)
		p->changed = false;
	sheet_put(p->sheet);
	p->sheet = NULL;
	p->bound = false;
}

/* A range, or every second page of it. */
static void do_discard(const struct model_op *op)
{
	static struct axas_gpa_range ranges[100];
	struct member *mb = op_member(op);
	u32 first = op_page(op), n = op_pages(op), step = op->a & 1 ? 2 : n, nr = 0, i;
	u64 done = 0, left;
	int err;

	for (i = 0; i < n && nr < ARRAY_SIZE(ranges); i += step)
		ranges[nr++] = pages_range(first + i, op->a & 1 ? 1 : n);
	err = axas_space_discard(space_of(mb), ranges, nr, &done);
	left = done;
	if (succeeded(err, 0, first))
		expect(done, ranges[0].size * nr, 0);
	for (i = 0; i < nr && left; i++) {
		u64 part = min(left, ranges[i].size);
		u32 page = first + i * step;

		for (left -= part; part; part -= SZ_4K)
			discard_page(&mb->pages[page++]);
	}
	check_pages(mb, first, n, false);
}

/* What a guest's access to a page comes to; -1: only the source knows. */
static int fault_result(const struct member_page_model *p, u32 access)
{
	if (p->kind == PAGE_HOLE)
		return AXAS_FAULT_HOLE;
	if (access & ~p->prot)
		return AXAS_FAULT_DENIED;
	if (p->absent)
		return AXAS_FAULT_MISSING;
	return is_uncertain(p) ? -1 : AXAS_FAULT_FIXED;
}

static void check_fault(struct member *mb, u32 page, u32 access, int got)
{
	struct member_page_model *p = &mb->pages[page];
	int want = fault_result(p, access);

	if (got == AXAS_FAULT_NOMEM && had_failures())
		return;
	if (got == AXAS_FAULT_RETRY && current->dying)
		return;
	if (want < 0 && got > AXAS_FAULT_SPURIOUS)
		return;
	if (want != AXAS_FAULT_FIXED && want >= 0)
		expect(got, want, page_gpa(page));
	else if (got > AXAS_FAULT_SPURIOUS)
		expect(got, AXAS_FAULT_FIXED, page_gpa(page));
}

/* A fault makes a page private that nobody has written. */
static void note_fault(struct member *mb, u32 page, u32 access, bool done)
{
	struct member_page_model *p = &mb->pages[page];

	if (done && access & AXAS_PROT_WRITE) {
		p->perhaps_changed = true;
		p->perhaps_dirty = true;
	}
	touched_around(mb, page, 1);
	check_pages(mb, page, 1, false);
}

static void do_fault(const struct model_op *op)
{
	struct member *mb = op_member(op);
	u32 page = op_page(op), access = op->b & 1 ? TEST_W : TEST_R;
	struct axas_npt_pos pos;
	struct axas_leaf leaf;
	unsigned int level;
	int got = axas_space_fault(space_of(mb), axas_gpa(page_gpa(page)), access,
				   op->n & 1 ? &level : NULL);

	check_fault(mb, page, access, got);
	note_fault(mb, page, access, got <= AXAS_FAULT_SPURIOUS);
	if (op->n & 1 && got <= AXAS_FAULT_SPURIOUS && find_leaf(mb, page, &pos, &leaf))
		expect(level, leaf.level, page_gpa(page));
}

static void do_fault_nowait(const struct model_op *op)
{
	struct member *mb = op_member(op);
	u32 page = op_page(op), access = op->b & 1 ? TEST_W : TEST_R;
	int got = axas_space_fault_nowait(space_of(mb), axas_gpa(page_gpa(page)), access);

	if (got != AXAS_FAULT_RETRY)
		check_fault(mb, page, access, got);
	note_fault(mb, page, access, got <= AXAS_FAULT_SPURIOUS);
}

/* Writes make pages private, also if they stop before the page. */
static void accessed(struct member *mb, u32 page, u32 n, bool write)
{
	u32 i;

	touched_around(mb, page, n);
	for (i = page; write && i < page + n; i++) {
		mb->pages[i].perhaps_dirty = true;
		mb->pages[i].perhaps_changed = true;
	}
	bind_pages(mb);
}

/* The hardware: find a leaf that permits the access, set its dirty bit, remember both. */
static bool load_tlb(struct member *mb, u32 page, u32 access)
{
	const u64 dirty = family->fmt->dirty;
	struct cached *tlb = &mb->tlb[page];
	struct axas_npt_pos pos;
	struct axas_leaf leaf;

	if (!find_leaf(mb, page, &pos, &leaf) || access & ~leaf.prot)
		return false;
	if (access & AXAS_PROT_WRITE && dirty)
		WRITE_ONCE(*pos.ptep, pos.entry | dirty);
	*tlb = (struct cached){
		.hpa = leaf.hpa.val, .valid = true, .write = access & AXAS_PROT_WRITE,
	};
	return true;
}

/* The frame that a guest reaches at a page, or NULL. */
static u8 *guest_reach(struct member *mb, u32 page, u32 access)
{
	struct cached *tlb = &mb->tlb[page];
	int got, tries = 0;

	if (tlb->valid && (tlb->write || !(access & AXAS_PROT_WRITE)))
		return axas_hal_va(family->hal, axas_hpa(tlb->hpa));
	while (!load_tlb(mb, page, access)) {
		got = axas_space_fault(space_of(mb), axas_gpa(page_gpa(page)), access, NULL);
		check_fault(mb, page, access, got);
		if (got > AXAS_FAULT_SPURIOUS)
			return NULL;
		if (++tries == 4)
			fail("faults at page %u change nothing", page);
	}
	return axas_hal_va(family->hal, axas_hpa(tlb->hpa));
}

/* A guest reads or writes, by what its TLB has, or by a fault. */
static void guest_access(struct member *mb, u32 page, u32 word, bool write, u64 val)
{
	u32 access = write ? TEST_W : TEST_R;
	u8 *va = guest_reach(mb, page, access);
	struct member_page_model *p = &mb->pages[page];

	if (!va)
		return;
	if (p->kind == PAGE_HOLE || access & ~p->prot)
		fail("a guest reaches page %u, but must not", page);
	/* A page of another space gets its frame now. */
	accessed(mb, page, 1, write);
	check_pages(mb, page, 1, false);
	va += word_offset(word);
	if (*(u64 *)va != sheet_word(p->sheet, word))
		fail("a guest reads 0x%llx at page %u, not 0x%llx", *(u64 *)va, page,
		     sheet_word(p->sheet, word));
	if (!write)
		return;
	*(u64 *)va = val;
	note_write(mb, page, word, val);
}

static void do_guest(const struct model_op *op)
{
	struct member *mb = op_member(op);
	u32 n = 1 + op->n % 4, page = op_page(op), i;

	for (i = 0; i < n && page + i < PAGES; i++)
		guest_access(mb, page + i, (op->b + i) % WORDS, op->b & 0x300, op_value(op, i));
}

/* A value that the host has read or written. */
static void host_word(struct member *mb, u32 page, u32 word, bool write, u64 val)
{
	const struct member_page_model *p = &mb->pages[page];
	u32 access = write ? TEST_W : TEST_R;

	if (p->kind == PAGE_HOLE || access & ~p->prot || p->absent)
		fail("the host reaches page %u, but must not", page);
	if (is_uncertain(p))
		fail("the host reaches page %u, which has no frame", page);
	if (write)
		note_write(mb, page, word, val);
	else if (val != sheet_word(p->sheet, word))
		fail("the host reads 0x%llx at page %u, not 0x%llx", val, page,
		     sheet_word(p->sheet, word));
}

/* The host stopped at a page: was that right? */
static void host_stopped(const struct member *mb, u32 page, bool write, ssize_t got)
{
	const struct member_page_model *p = &mb->pages[page];
	bool may = p->kind != PAGE_HOLE && !((write ? TEST_W : TEST_R) & ~p->prot) && !p->absent;

	if (may && !is_uncertain(p) && !had_failures() && !current->dying)
		fail("host access to page %u: %zd", page, got);
}

static void fill_words(u8 *buf, u32 n, const struct model_op *op)
{
	u32 i, w;

	memset(buf, 0, n * SZ_4K);
	for (i = 0; i < n; i++)
		for (w = 0; w < WORDS; w++)
			*(u64 *)(buf + i * SZ_4K + word_offset(w)) = op_value(op, i * WORDS + w);
}

/* The host's read() and write(), from one value to another one, over a few pages. */
static void do_host(const struct model_op *op)
{
	static u8 buf[4 * SZ_4K];
	struct member *mb = op_member(op);
	u32 page = op_page(op), n = min(1 + op->n % 3, PAGES - page), i;
	bool write = op->b & 0x300;
	size_t start = word_offset(op->b % WORDS), len = (n - 1) * SZ_4K + 8, at;
	struct axas_gpa gpa = axas_gpa(page_gpa(page) + start);
	ssize_t got;

	if (would_wait(mb, page, n))
		return;
	fill_words(buf, n, op);
	if (write)
		got = axas_write_partial(space_of(mb), gpa, buf + start, len);
	else
		got = axas_read_partial(space_of(mb), gpa, buf + start, len);
	accessed(mb, page, n, write);
	for (i = 0; i < n * WORDS; i++) {
		at = i / WORDS * SZ_4K + word_offset(i % WORDS);
		if (at < start || at + 8 > start + len)
			continue;
		if (got < (ssize_t)(at + 8 - start)) {
			host_stopped(mb, page + i / WORDS, write, got);
			break;
		}
		host_word(mb, page + i / WORDS, i % WORDS, write, *(u64 *)(buf + at));
	}
	check_pages(mb, page, n, false);
}

/* The host's accessors of one integer. */
static void do_integer(const struct model_op *op)
{
	struct member *mb = op_member(op);
	u32 page = op_page(op), word = op->n % WORDS;
	struct axas_gpa gpa = axas_gpa(page_gpa(page) + word_offset(word));
	bool write = op->b & 1;
	u64 val = op_value(op, 0);
	int err;

	if (would_wait(mb, page, 1))
		return;
	if (op->b & 2)
		err = write ? axas_write_volatile(space_of(mb), gpa, AXAS_WIDTH_64, val) :
			      axas_read_volatile(space_of(mb), gpa, AXAS_WIDTH_64, &val);
	else
		err = write ? axas_write_obj(space_of(mb), gpa, AXAS_WIDTH_64, val) :
			      axas_read_obj(space_of(mb), gpa, AXAS_WIDTH_64, &val);
	accessed(mb, page, 1, write);
	if (err)
		host_stopped(mb, page, write, err);
	else
		host_word(mb, page, word, write, val);
	check_pages(mb, page, 1, false);
}

static void do_populate(const struct model_op *op)
{
	struct member *mb = op_member(op);
	u32 first = op_page(op), n = op_pages(op), i;
	u64 done = 0;
	int err = axas_space_populate(space_of(mb), pages_range(first, n), &done), want = 0;

	for (i = first; i < first + n && !want; i++)
		want = mb->pages[i].kind == PAGE_HOLE ? -EFAULT :
		       mb->pages[i].absent ? -ENODATA : is_uncertain(&mb->pages[i]) ? 1 : 0;
	touched_around(mb, first, n);
	bind_pages(mb);
	if (want != 1)
		succeeded(err, want, first);
	check_pages(mb, first, n, false);
}

static void do_collapse(const struct model_op *op)
{
	struct member *mb = op_member(op);
	u32 first = op->a & 1 ? 0 : op_page(op), n = op->a & 1 ? PAGES : op_pages(op);
	u64 collapsed;
	int err = axas_space_collapse(space_of(mb), pages_range(first, n), &collapsed);

	succeeded(err, 0, first);
	check_pages(mb, first, n, false);
}

static bool any_logged(const struct member *mb, u32 first, u32 n)
{
	for (; n--; first++)
		if (mb->pages[first].logged)
			return true;
	return false;
}

static bool any_lent(const struct member *mb, u32 first, u32 n)
{
	for (; n--; first++)
		if (mb->pages[first].lends)
			return true;
	return false;
}

/* The page counts as not written, unless somebody may write it by a reference. */
static void clear_page_log(struct member_page_model *p)
{
	p->perhaps_dirty = is_held(p) || p->wiped;
	p->dirty = false;
}

static void do_start_log(const struct model_op *op)
{
	struct member *mb = op_member(op);
	u32 first = op->a & 1 ? 0 : op_page(op), n = op->a & 1 ? PAGES : op_pages(op), i;
	u64 epoch;
	int err = axas_space_start_log(space_of(mb), pages_range(first, n), &epoch);

	if (err == -EOPNOTSUPP && any_lent(mb, first, n))
		return;
	if (!succeeded(err, is_hole(mb, first, n) ? -ENOENT : 0, first))
		return;
	for (i = first; i < first + n; i++) {
		struct member_page_model *p = &mb->pages[i];

		p->logged = p->kind != PAGE_HOLE;
		p->wiped = false;
		clear_page_log(p);
	}
	check_pages(mb, first, n, false);
}

static void do_stop_log(const struct model_op *op)
{
	struct member *mb = op_member(op);
	u32 first = op->a & 1 ? 0 : op_page(op), n = op->a & 1 ? PAGES : op_pages(op), i;
	u64 epoch;
	int err = axas_space_stop_log(space_of(mb), pages_range(first, n), &epoch);

	if (succeeded(err, any_logged(mb, first, n) ? 0 : -ENOENT, first))
		for (i = first; i < first + n; i++) {
			mb->pages[i].logged = false;
			mb->pages[i].dirty = false;
		}
	check_pages(mb, first, n, false);
}

static void check_log(struct member *mb, u32 first, u32 n, const unsigned long *bitmap)
{
	u32 i;

	for (i = 0; i < n; i++) {
		const struct member_page_model *p = &mb->pages[first + i];
		bool got = test_bit(i, bitmap);

		if (got && !p->logged)
			fail("page %u is in the log, but is not logged", first + i);
		if (p->logged && p->dirty && !got)
			fail("page %u was written, but is not in the log", first + i);
		if (got && !p->perhaps_dirty)
			fail("page %u is in the log, but was not written", first + i);
	}
}

static void do_log(const struct model_op *op)
{
	DECLARE_BITMAP(bitmap, PAGES);
	struct member *mb = op_member(op);
	u32 first = op->a & 1 ? 0 : op_page(op), n = op->a & 1 ? PAGES : op_pages(op), i;
	struct axas_gpa_range range = pages_range(first, n);
	u64 epoch = 0;
	int err = axas_space_get_log(space_of(mb), range, bitmap, &epoch);

	if (!succeeded(err, any_logged(mb, first, n) ? 0 : -ENOENT, first))
		return;
	check_log(mb, first, n, bitmap);
	if (op->a & 2)
		return;
	for (i = 0; op->a & 4 && i < n; i++)
		if ((i ^ op->b) & 3)
			__clear_bit(i, bitmap);
	epoch = op->a & 8 ? epoch : 0;
	err = axas_space_clear_log(space_of(mb), range, bitmap, &epoch);
	if (succeeded(err, 0, first))
		for (i = 0; i < n; i++)
			if (test_bit(i, bitmap))
				clear_page_log(&mb->pages[first + i]);
	check_pages(mb, first, n, false);
}

static int copy_words(void *arg, u64 offset, void *va, size_t len)
{
	const struct model_op *op = arg;
	size_t at;
	u32 w;

	memset(va, 0, len);
	for (at = 0; at < len; at += SZ_4K)
		for (w = 0; w < WORDS; w++)
			*(u64 *)(va + at + word_offset(w)) =
				op_value(op, (offset + at) / SZ_4K * WORDS + w);
	return 0;
}

static void supply_page(struct member_page_model *p, const u64 *words)
{
	if (!p->absent)
		return;
	p->absent = false;
	p->perhaps_changed = true;
	p->perhaps_dirty = true;
	p->wiped = !words;
	if (!words || !(words[0] | words[1] | words[2]))
		return;
	p->sheet = sheet_new(words);
	p->dirty = p->logged;
}

static void do_supply(const struct model_op *op)
{
	struct member *mb = op_member(op);
	u32 first = op_page(op), n = op_pages(op), i, w;
	bool skip = op->a & 1, zeroes = (op->a & 6) == 6;
	const struct axas_source source = { .copy = copy_words, .arg = (void *)op };
	u64 done = 0, words[WORDS];
	int err, want = 0;

	for (i = first; i < first + n && !want; i++) {
		const struct member_page_model *p = &mb->pages[i];

		want = p->kind == PAGE_HOLE ? -ENOENT : !p->missing ? -EOPNOTSUPP :
		       !p->absent && !skip ? -EEXIST : 0;
	}
	err = axas_space_supply(space_of(mb), pages_range(first, n), zeroes ? NULL : &source, skip,
				&done);
	succeeded(err, want, first);
	if (err == want)
		expect(done, (i - first - !!want) * (u64)SZ_4K, page_gpa(first));
	for (i = 0; i < done / SZ_4K; i++) {
		for (w = 0; w < WORDS; w++)
			words[w] = op_value(op, i * WORDS + w);
		supply_page(&mb->pages[first + i], zeroes ? NULL : words);
	}
	check_pages(mb, first, n, false);
}

/* The content of another space, or of this one. */
static void do_supply_from(const struct model_op *op)
{
	struct member *mb = op_member(op), *from = &family->members[op->b >> 8 & 3];
	u32 first = op_page(op), n = op_pages(op), at = (op->b * 5 + op->n) % PAGES, i;
	u64 done = 0;
	int err;

	n = min(n, PAGES - at);
	if (!from->id || would_wait(from, at, n))
		return;
	err = axas_space_supply_from(space_of(mb), pages_range(first, n), space_of(from),
				     axas_gpa(page_gpa(at)), op->a & 1, &done);
	touched_around(from, at, n);
	bind_pages(from);
	for (i = 0; i < done / SZ_4K; i++) {
		const struct sheet *sheet = from->pages[at + i].sheet;
		u64 none[WORDS] = {};

		if (mb->pages[first + i].absent && from->pages[at + i].kind == PAGE_HOLE)
			fail("page %u was supplied from a hole", first + i);
		supply_page(&mb->pages[first + i], sheet ? sheet->words : none);
	}
	if (!err && done != n * (u64)SZ_4K)
		fail("only 0x%llx bytes were supplied", done);
	check_pages(mb, first, n, false);
}

/* Whether a freeze may end like this. */
static bool freeze_error_ok(const struct member *mb, int err)
{
	bool other = is_source(mb);
	u32 i;

	for (i = 0; i < PAGES; i++)
		other |= mb->pages[i].kind == PAGE_SHARED || mb->pages[i].missing;
	return err == (other ? -EOPNOTSUPP : 0);
}

static void take_picture(struct picture *picture, struct member *mb)
{
	u32 i, w;

	for (i = 0; i < PAGES; i++) {
		struct member_page_model *p = &mb->pages[i];

		picture->pages[i].kind = p->kind;
		picture->pages[i].prot = p->prot;
		for (w = 0; w < WORDS; w++)
			picture->pages[i].words[w] = sheet_word(p->sheet, w);
		p->lends = p->kind != PAGE_HOLE;
		p->of_image = p->lends;
		p->changed = false;
		p->written = false;
		/* The space keeps a page that is held, and markers of its log. */
		p->perhaps_changed = is_held(p) || (p->logged && p->wiped);
	}
}

/* Freeze a space. Return its image or NULL. */
static struct axas_image *freeze(struct member *mb)
{
	struct axas_image *image = axas_space_freeze(space_of(mb));
	int err = IS_ERR(image) ? PTR_ERR(image) : 0;

	if ((err == -ENOMEM && had_failures()) || (err == -EINTR && current->dying) ||
	    err == -ELOOP)
		return NULL;
	if (!freeze_error_ok(mb, err))
		fail("freeze: %d", err);
	return err ? NULL : image;
}

static struct picture *op_picture(const struct model_op *op)
{
	u32 i, first = op->b >> 4;

	for (i = 0; i < PICTURES; i++)
		if (family->pictures[(first + i) % PICTURES].image)
			return &family->pictures[(first + i) % PICTURES];
	return NULL;
}

static void do_freeze(const struct model_op *op)
{
	struct member *mb = op_member(op);
	struct picture *picture = &family->pictures[op->b % PICTURES];
	struct axas_image *image = freeze(mb);

	check_pages(mb, 0, PAGES, false);
	if (!image)
		return;
	if (picture->image)
		axas_image_put(picture->image);
	picture->image = image;
	take_picture(picture, mb);
	check_pages(mb, 0, PAGES, false);
}

/* Freezes one after the other whose images nobody keeps: they are folded. */
static void do_chain(const struct model_op *op)
{
	struct member *mb = op_member(op);
	static struct picture picture;
	u32 n = 2 + op->n % 24, i;

	for (i = 0; i < n; i++) {
		struct axas_image *image = freeze(mb);

		if (!image)
			break;
		axas_image_put(image);
		take_picture(&picture, mb);
		check_pages(mb, op_page(op), 8, false);
		guest_access(mb, (op_page(op) + i * op->b) % PAGES, i % WORDS, i % 4,
			     op_value(op, i));
	}
	check_pages(mb, 0, PAGES, false);
}

static void do_clone(const struct model_op *op)
{
	struct picture *picture = op_picture(op);
	struct axas_space *space;
	struct member *mb;

	for (mb = family->members; mb < family->members + MEMBERS && mb->id; mb++)
		;
	if (mb == family->members + MEMBERS || !picture)
		return;
	space = axas_image_clone(picture->image, family->limited ? 50 + op->n % 1000 : 0);
	if (!IS_ERR(space)) {
		member_begin(mb, space);
		member_becomes(mb, picture, true);
		check_pages(mb, 0, PAGES, false);
	} else if (PTR_ERR(space) != -ENOMEM || !had_failures()) {
		fail("clone: %ld", PTR_ERR(space));
	}
}

static void do_reset(const struct model_op *op)
{
	struct member *mb = op_member(op);
	struct picture *picture = op_picture(op);
	u32 flags = op->n % 8 ? 0 : AXAS_RESET_DROP;
	int err;

	if (!picture)
		return;
	err = axas_space_reset(space_of(mb), picture->image, flags);
	if (err == -EOPNOTSUPP && is_source(mb))
		return;
	if (succeeded(err, any_logged(mb, 0, PAGES) ? -EBUSY : 0, 0))
		member_becomes(mb, picture, flags);
	check_pages(mb, 0, PAGES, false);
}

/* What a diff says of one page: 0: nothing; 1: written; 2: zeroes. */
static void check_diff(const struct member *mb, u32 page, u32 got)
{
	const struct member_page_model *p = &mb->pages[page];

	if (p->kind == PAGE_HOLE && got)
		fail("the diff has page %u, where nothing is", page);
	if (p->lends && p->changed && !got)
		fail("page %u was %s, but is not in the diff", page,
		     p->written ? "written" : "discarded");
	if (p->written && p->changed && got == 2)
		fail("page %u was written, but is zero in the diff", page);
	if (got == 2 && !page_is_zero(p))
		fail("page %u is not zero, but is in the diff", page);
	if (got && !p->perhaps_changed)
		fail("page %u was not written, but is in the diff", page);
}

static void do_diff(const struct model_op *op)
{
	static struct axas_diff_extent extents[PAGES];
	static u8 got[PAGES];
	struct member *mb = op_member(op);
	struct axas_gpa_range range = pages_range(0, PAGES);
	u32 max = 1 + op->n % PAGES, i;
	u64 page;
	int n;

	memset(got, 0, sizeof(got));
	while (range.size) {
		n = axas_space_diff(space_of(mb), &range, extents, max);
		if (n == -ENOENT) {
			for (i = 0; i < PAGES; i++)
				if (mb->pages[i].of_image)
					fail("the space is no clone");
			return;
		}
		if (n == -EINTR && current->dying)
			return;
		if (n < 0 || (!n && range.size))
			fail("diff: %d", n);
		for (i = 0; i < n; i++)
			for (page = 0; page < extents[i].length / SZ_4K; page++)
				got[(extents[i].gpa - page_gpa(0)) / SZ_4K + page] =
					extents[i].flags ? 2 : 1;
	}
	for (i = 0; i < PAGES; i++)
		check_diff(mb, i, got[i]);
}

static void do_put_image(const struct model_op *op)
{
	struct picture *picture = op_picture(op);

	if (!picture || op->n % 2)
		return;
	if (op->n & 4)
		check_picture(picture);
	axas_image_put(picture->image);
	picture->image = NULL;
}

static void do_put_space(const struct model_op *op)
{
	struct member *mb = op_member(op), *other;
	u32 nr = 0;

	for (other = family->members; other < family->members + MEMBERS; other++)
		nr += !!other->id;
	if (nr > 1 && op->n % 4 == 0)
		member_end(mb);
}

void hold_end(struct hold *hold)
{
	char *va = bvec_virt(&hold->bvec);
	u32 w;

	for (w = 0; w < WORDS; w++)
		if (*(u64 *)(va + word_offset(w)) != sheet_word(hold->sheet, w))
			fail("a page that is held has 0x%llx, not 0x%llx",
			     *(u64 *)(va + word_offset(w)), sheet_word(hold->sheet, w));
	axas_space_bvec_put(&hold->bvec, 1);
	sheet_put(hold->sheet);
	*hold = (struct hold){};
}

static void hold_begin(struct hold *hold, struct member *mb, u32 page, bool write)
{
	struct member_page_model *p = &mb->pages[page];
	u32 access = write ? TEST_W : TEST_R;
	struct axas_npt_pos pos;
	struct axas_leaf leaf;
	int got;

	if (would_wait(mb, page, 1))
		return;
	got = axas_space_bvec(space_of(mb), pages_range(page, 1), access, &hold->bvec, 1);
	accessed(mb, page, 1, write);
	handed(p);
	if (got < 0) {
		host_stopped(mb, page, write, got);
		hold->bvec.bv_page = NULL;
		return;
	}
	if (p->kind == PAGE_HOLE || access & ~p->prot || p->absent || is_uncertain(p))
		fail("page %u is handed out, but must not", page);
	if (!find_leaf(mb, page, &pos, &leaf) ||
	    axas_hal_va(family->hal, leaf.hpa) != bvec_virt(&hold->bvec))
		fail("what is handed out is not page %u", page);
	hold->write = write;
	if (!pos.level && pos.entry & family->fmt->borrowed) {
		if (write)
			fail("a borrowed page %u is handed out for writing", page);
		hold->sheet = sheet_new(p->sheet ? p->sheet->words : NULL);
		return;
	}
	hold->sheet = sheet_of(p);
	hold->sheet->refs++;
	/* It stays in the log, and with the space. */
	p->perhaps_dirty = true;
	p->perhaps_changed = true;
}

/* Somebody takes a page, writes to it at any time later, and gives it back. */
static void do_hold(const struct model_op *op)
{
	struct hold *hold = &family->holds[op->n % HOLDS];
	u32 word = op->b % WORDS;

	if (!hold->bvec.bv_page) {
		hold_begin(hold, op_member(op), op_page(op), op->b & 0x300);
	} else if (hold->write && op->b & 0x300) {
		u64 val = op_value(op, 0);

		*(u64 *)(bvec_virt(&hold->bvec) + word_offset(word)) = val;
		hold->sheet->words[word] = val;
		note_foreign_write(hold->sheet, NULL);
	} else {
		hold_end(hold);
	}
}

/* A mapping of the host: pages are locked, mapped, and stay until the core zaps them. */
static void map_ptes(struct member *mb, u32 page, bool write)
{
	u32 access = write ? TEST_RW : TEST_R, i;
	struct page *pages[16];
	bool whole;
	int n;

	n = axas_space_lock_pages(space_of(mb), axas_gpa(page_gpa(page)), access, pages,
				  min(16u, PAGES - page), &whole);
	accessed(mb, page, 1, write);
	handed(&mb->pages[page]);
	if (n < 0) {
		if (n != -EOPNOTSUPP)
			host_stopped(mb, page, write, n);
		return;
	}
	for (i = 0; i < n; i++) {
		struct pte *pte = &mb->ptes[page + i];

		if (mb->pages[page + i].kind == PAGE_HOLE || access & ~mb->pages[page + i].prot)
			fail("page %u is mapped, but must not", page + i);
		if (pte->page)
			put_page(pte->page);
		get_page(pages[i]);
		*pte = (struct pte){ pages[i], write };
		unlock_page(pages[i]);
	}
}

static void do_mapping(const struct model_op *op)
{
	struct member *mb = op_member(op);
	u32 page = op_page(op), word = op->n % WORDS;
	struct pte *pte = &mb->ptes[page];
	bool write = op->b & 0x300;
	u64 *at;

	if (!pte->page || (write && !pte->write))
		map_ptes(mb, page, write);
	check_pages(mb, page, min(16u, PAGES - page), false);
	if (!pte->page || (write && !pte->write))
		return;
	at = page_address(pte->page) + word_offset(word);
	if (*at != sheet_word(mb->pages[page].sheet, word))
		fail("a mapping has 0x%llx at page %u", *at, page);
	if (!write)
		return;
	*at = op_value(op, 0);
	note_write(mb, page, word, *at);
}

static void do_failures(const struct model_op *op)
{
	u32 one_in = op->n & 3 ? 0 : 2 + op->b % 60;

	if (family->mock) {
		mock_hal_fail_random(family->mock, op->a & 1 ? one_in : 0, op->b);
		family->mock->failures = 0;
		family->mock->scattered = op->a & 4;
		family->mock->reuse = op->a & 8;
	}
	shim_fail_allocations(op->a & 2 ? one_in : 0, op->b);
	if (family->limited && op->a & 16 &&
	    axas_space_set_limit(space_of(op_member(op)), 100 + op->b % 3000))
		return;
}

static const struct {
	void (*run)(const struct model_op *op);
	const char *name;
} ops[] = {
	{ do_map_alloc, "map_alloc" }, { do_map_alloc, "map_alloc" },
	{ do_map_alloc, "map_alloc" }, { do_map_file, "map_file" },
	{ do_map_shared, "map_shared" }, { do_unmap, "unmap" }, { do_clear, "clear" },
	{ do_protect, "protect" }, { do_set_policy, "set_policy" },
	{ do_discard, "discard" }, { do_discard, "discard" }, { do_fault, "fault" },
	{ do_fault_nowait, "fault_nowait" }, { do_guest, "guest" }, { do_guest, "guest" },
	{ do_guest, "guest" }, { do_guest, "guest" }, { do_guest, "guest" },
	{ do_host, "host" }, { do_host, "host" }, { do_integer, "integer" },
	{ do_integer, "integer" }, { do_populate, "populate" }, { do_collapse, "collapse" },
	{ do_start_log, "start_log" }, { do_stop_log, "stop_log" }, { do_log, "log" },
	{ do_log, "log" }, { do_supply, "supply" }, { do_supply, "supply" },
	{ do_supply_from, "supply_from" }, { do_freeze, "freeze" }, { do_freeze, "freeze" },
	{ do_chain, "chain" }, { do_clone, "clone" }, { do_clone, "clone" },
	{ do_reset, "reset" }, { do_reset, "reset" }, { do_reset, "reset" },
	{ do_reset, "reset" }, { do_diff, "diff" }, { do_diff, "diff" },
	{ do_put_image, "put_image" }, { do_put_space, "put_space" }, { do_hold, "hold" },
	{ do_hold, "hold" }, { do_mapping, "mapping" }, { do_mapping, "mapping" },
	{ do_failures, "failures" },
};

void family_op(const struct model_op *op)
{
	unsigned int nr = op->code % ARRAY_SIZE(ops), i;

	verdict.name = ops[nr].name;
	if (family->trace)
		printf("%4u %-12s space %u a 0x%02x page %4u pages %3u n 0x%04x b 0x%04x\n",
		       verdict.step, verdict.name, op_member(op)->id, op->a, op_page(op),
		       op_pages(op), op->n, op->b);
	/* Sometimes the task is dying. */
	current->dying = op->n >= 0xf800;
	ops[nr].run(op);
	current->dying = false;
	for (i = 0; i < MEMBERS; i++)
		if (family->members[i].id)
			bind_pages(&family->members[i]);
}
