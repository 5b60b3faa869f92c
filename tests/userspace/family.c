// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model of a family of spaces and images (family.h): its state, the comparison with the core,
 * begin and end of a program. family_ops.c has the operations.
 *
 * Each space has a consumer that plays the CPUs of a guest, with a TLB, and the page tables of the
 * host: both keep what they have until the core asks for a flush of it. After each operation what
 * they have must be what the leaves say, and leaves what the model says. Every 64 operations all
 * bytes of all pages and of images are compared, and frames and tables are counted.
 */
#include "axas_image.h"
#include "axas_stock.h"
#include "family.h"
#include "npt_fixture.h"
#include "oracle_fixture.h"

#define COMPARE_EACH	64

struct family *family;

bool had_failures(void)
{
	u64 mock = family->mock ? family->mock->failures : 0;

	return family->limited || mock + shim_failures != family->failures ||
	       (family->mock && family->mock->starved);
}

u64 file_word(u32 page, u32 word)
{
	return (page + 1) * 0x9e3779b97f4a7c15ull + word;
}

struct sheet *sheet_new(const u64 *words)
{
	struct sheet *sheet = calloc(1, sizeof(*sheet));

	sheet->refs = 1;
	if (words)
		memcpy(sheet->words, words, sizeof(sheet->words));
	return sheet;
}

void sheet_put(struct sheet *sheet)
{
	if (sheet && !--sheet->refs)
		free(sheet);
}

struct sheet *sheet_of(struct member_page_model *p)
{
	if (!p->sheet)
		p->sheet = sheet_new(NULL);
	return p->sheet;
}

u64 sheet_word(const struct sheet *sheet, u32 word)
{
	return sheet ? sheet->words[word] : 0;
}

bool page_is_zero(const struct member_page_model *p)
{
	return !sheet_word(p->sheet, 0) && !sheet_word(p->sheet, 1) && !sheet_word(p->sheet, 2);
}

void forget_page(struct member_page_model *p)
{
	sheet_put(p->sheet);
	*p = (struct member_page_model){};
}

bool is_held(const struct member_page_model *p)
{
	return p->sheet && p->sheet->refs > 1;
}

struct member *member_by_id(u32 id)
{
	struct member *mb;

	for (mb = family->members; id && mb < family->members + MEMBERS; mb++)
		if (mb->id == id)
			return mb;
	return NULL;
}

bool is_source(const struct member *mb)
{
	const struct member *other;
	u32 i;

	for (other = family->members; other < family->members + MEMBERS; other++)
		for (i = 0; other->id && i < PAGES; i++)
			if (other->pages[i].kind == PAGE_SHARED &&
			    other->pages[i].source == mb->id)
				return true;
	return false;
}

void note_foreign_write(struct sheet *sheet, const struct member_page_model *by)
{
	struct member *mb;
	u32 i;

	if (sheet->refs < 2)
		return;
	for (mb = family->members; mb < family->members + MEMBERS; mb++) {
		for (i = 0; mb->id && i < PAGES; i++) {
			struct member_page_model *p = &mb->pages[i];

			if (p->sheet != sheet || p == by)
				continue;
			p->perhaps_changed = true;
			p->perhaps_dirty = true;
			/* Who exports a page for writing, or hands it out, logs it. */
			p->dirty |= p->logged && p->kind != PAGE_SHARED;
			p->changed |= p->kind != PAGE_SHARED;
		}
	}
}

static void page_written(struct member_page_model *p)
{
	p->changed = true;
	p->written = true;
	p->perhaps_changed = true;
	p->dirty = p->logged;
	p->perhaps_dirty = true;
	p->wiped = false;
}

void note_write(struct member *mb, u32 page, u32 word, u64 val)
{
	struct member_page_model *p = &mb->pages[page];

	sheet_of(p)->words[word] = val;
	page_written(p);
	note_foreign_write(p->sheet, p);
}

bool find_leaf(struct member *mb, u32 page, struct axas_npt_pos *pos, struct axas_leaf *leaf)
{
	struct axas_npt *npt = &space_of(mb)->npt;
	struct axas_npt_cursor cursor = { .region = AXAS_NPT_NO_REGION };
	u64 gpa = page_gpa(page);

	axas_npt_walk(npt, &cursor, gpa, pos);
	if (axas_npt_kind(npt, pos) == AXAS_PT_BUSY)
		fail("the entry of 0x%llx is busy", gpa);
	if (axas_npt_kind(npt, pos) != AXAS_PT_LEAF)
		return false;
	*leaf = npt->fmt->decode(pos->entry, pos->level);
	leaf->hpa.val += gpa & (axas_npt_leaf_size(pos->level) - 1);
	return true;
}

/* The first touch of a page of another space: it has the frame that is there now. */
static void bind_page(struct member *mb, u32 page, u64 hpa)
{
	struct member_page_model *p = &mb->pages[page], *from;
	struct member *source = member_by_id(p->source);
	struct axas_npt_pos pos;
	struct axas_leaf leaf;

	if (!source)
		fail("0x%llx is of a space that is gone", page_gpa(page));
	from = &source->pages[p->from];
	if (!find_leaf(source, p->from, &pos, &leaf) || leaf.hpa.val != hpa)
		fail("0x%llx is not the frame of its source", page_gpa(page));
	p->sheet = sheet_of(from);
	p->sheet->refs++;
	p->bound = true;
	p->perhaps_changed = true;
	p->perhaps_dirty = true;
	from->perhaps_dirty = true;
	from->perhaps_changed = true;
}

void bind_pages(struct member *mb)
{
	struct axas_npt_pos pos;
	struct axas_leaf leaf;
	u32 i;

	for (i = 0; i < PAGES; i++)
		if (mb->pages[i].kind == PAGE_SHARED && !mb->pages[i].bound &&
		    find_leaf(mb, i, &pos, &leaf))
			bind_page(mb, i, leaf.hpa.val);
}

static const u8 zeroes[SZ_4K];

static void check_content(struct member *mb, u32 page, const u8 *va, bool whole)
{
	const struct sheet *sheet = mb->pages[page].sheet;
	u32 i;

	for (i = 0; i < WORDS; i++)
		if (*(u64 *)(va + word_offset(i)) != sheet_word(sheet, i))
			fail("space %u, page %u: word %u is 0x%llx, not 0x%llx", mb->id, page, i,
			     *(u64 *)(va + word_offset(i)), sheet_word(sheet, i));
	for (i = 0; whole && i < WORDS - 1; i++)
		if (memcmp(va + word_offset(i) + 8, zeroes, word_offset(1) - 8))
			fail("space %u, page %u: other bytes behind word %u", mb->id, page, i);
}

/* What CPUs and the host have must not be more than the leaf. */
static void check_cached(struct member *mb, u32 page, const struct axas_leaf *leaf)
{
	const struct cached *tlb = &mb->tlb[page];
	const struct pte *pte = &mb->ptes[page];
	bool write = leaf && leaf->prot & AXAS_PROT_WRITE;

	if (tlb->valid && (!leaf || tlb->hpa != leaf->hpa.val || (tlb->write && !write)))
		fail("space %u, page %u: a CPU was not flushed", mb->id, page);
	if (!pte->page)
		return;
	if (!leaf || (pte->write && !write) ||
	    page_address(pte->page) != axas_hal_va(family->hal, leaf->hpa))
		fail("space %u, page %u: a host mapping was not zapped", mb->id, page);
}

static void check_leaf(struct member *mb, u32 page, const struct axas_npt_pos *pos,
		       const struct axas_leaf *leaf)
{
	struct member_page_model *p = &mb->pages[page];
	bool write = leaf->prot & AXAS_PROT_WRITE;

	if (p->kind == PAGE_HOLE || p->absent)
		fail("space %u, page %u: a leaf where %s", mb->id, page,
		     p->absent ? "the page is missing" : "nothing is mapped");
	if (leaf->prot & ~p->prot)
		fail("space %u, page %u: the leaf permits %u, the area %u", mb->id, page,
		     leaf->prot, p->prot);
	if (write && !pos->level && pos->entry & family->fmt->borrowed)
		fail("space %u, page %u: a borrowed leaf is writable", mb->id, page);
	if (write && p->logged && !p->perhaps_dirty)
		fail("space %u, page %u: a write would not be logged", mb->id, page);
}

static void check_page(struct member *mb, u32 page, bool whole)
{
	struct axas_npt_pos pos;
	struct axas_leaf leaf;

	if (!find_leaf(mb, page, &pos, &leaf)) {
		check_cached(mb, page, NULL);
		return;
	}
	check_leaf(mb, page, &pos, &leaf);
	if (mb->pages[page].kind == PAGE_SHARED && !mb->pages[page].bound)
		bind_page(mb, page, leaf.hpa.val);
	check_cached(mb, page, &leaf);
	check_content(mb, page, axas_hal_va(family->hal, leaf.hpa), whole);
}

void check_pages(struct member *mb, u32 first, u32 n, bool whole)
{
	u32 end = min(first + n, PAGES);

	/* The monitor need not look at tables that are only read. */
	if (family->mock)
		family->mock->nobody_changes = true;
	for (; first < end; first++)
		check_page(mb, first, whole);
	if (family->mock)
		family->mock->nobody_changes = false;
}

void check_picture(struct picture *picture)
{
	u8 buf[SZ_4K];
	u32 page, i;

	for (page = 0; page < PAGES; page++) {
		const struct picture_page *p = &picture->pages[page];
		int err = axas_image_read(picture->image, axas_gpa(page_gpa(page)), buf, SZ_4K);

		if ((err == -ENOMEM && had_failures()) || (err == -EINTR && current->dying))
			continue;
		expect(err, p->kind == PAGE_HOLE ? -EFAULT : 0, page_gpa(page));
		for (i = 0; !err && i < WORDS; i++)
			if (*(u64 *)(buf + word_offset(i)) != p->words[i])
				fail("image %zu, page %u: word %u is 0x%llx, not 0x%llx",
				     picture - family->pictures, page, i,
				     *(u64 *)(buf + word_offset(i)), p->words[i]);
	}
}

static void count_space(struct axas_space *space, long *frames, long *tables)
{
	struct axas_info info;

	axas_space_get_info(space, &info);
	*frames += info.frames;
	*tables += info.tables;
}

/* All images that anybody has, each once. */
static u32 all_images(struct axas_image **images, u32 max)
{
	struct axas_image *image;
	u32 n = 0, i, j;

	for (i = 0; i < MEMBERS + PICTURES; i++) {
		if (i >= MEMBERS)
			image = family->pictures[i - MEMBERS].image;
		else
			image = family->members[i].id ? family->members[i].f.space->image : NULL;
		for (; image; image = image->base->image) {
			for (j = 0; j < n && images[j] != image; j++)
				;
			if (j < n)
				break;
			if (n == max)
				return n;
			images[n++] = image;
		}
	}
	return n;
}

void check_balance(void)
{
	struct axas_image *images[512];
	struct mock_hal *mock = family->mock;
	long frames = FILE_PAGES, tables = 0;
	u32 i, n;

	if (!mock)
		return;
	n = all_images(images, ARRAY_SIZE(images));
	for (i = 0; i < n; i++)
		count_space(images[i]->base, &frames, &tables);
	for (i = 0; i < MEMBERS; i++) {
		if (!family->members[i].id)
			continue;
		monitor_expect_flushed(family->members[i].f.monitor);
		count_space(space_of(&family->members[i]), &frames, &tables);
	}
	if (mock->errors)
		fail("%s", mock->error);
	expect(mock->frames, frames, 0);
	expect(mock->tables, tables, 0);
}

static void compare_member(struct member *mb)
{
	struct axas_npt *npt = &space_of(mb)->npt;
	const char *wrong = NULL;
	u64 gpa = 0;

	check_pages(mb, 0, PAGES, true);
	if (family->mock && npt->fmt->id && npt->caps.oa_bits >= npt->ia_bits)
		wrong = oracle_compare(npt, &gpa);
	if (wrong)
		fail("at 0x%llx the oracle sees %s", gpa, wrong);
}

void compare_family(void)
{
	u32 i;

	verdict.name = "comparison";
	for (i = 0; i < MEMBERS; i++)
		if (family->members[i].id)
			compare_member(&family->members[i]);
	i = verdict.step / COMPARE_EACH % PICTURES;
	if (family->pictures[i].image)
		check_picture(&family->pictures[i]);
}

static void zap(struct pte *pte)
{
	if (pte->page)
		put_page(pte->page);
	*pte = (struct pte){};
}

static void flush_member(struct axas_consumer *consumer, const struct axas_flush *flush,
			 struct cpumask *cpus)
{
	struct member *mb = container_of(consumer, struct member, consumer);
	u64 last = axas_gpa_range_last(flush->range).val;
	u32 i;

	for (i = 0; i < PAGES; i++) {
		u64 gpa = page_gpa(i);

		if (gpa < flush->range.start.val || gpa > last)
			continue;
		if (flush->pages && !test_bit((gpa - flush->base.val) / SZ_4K, flush->pages))
			continue;
		mb->tlb[i].valid = false;
		zap(&mb->ptes[i]);
	}
}

static const struct axas_consumer_ops member_ops = { .request = flush_member };

void member_begin(struct member *mb, struct axas_space *space)
{
	/* The monitor's memory is not to fail. */
	shim_fail_allocations(0, 0);
	mb->f.test = &family->test;
	mb->f.mock = family->mock;
	axas_space_share_pages(space);
	if (!family->mock)
		mb->f.space = space;
	else if (space_adopt(&mb->f, space))
		fail("the monitor has no memory");
	mb->consumer.ops = &member_ops;
	expect(axas_space_attach(space, &mb->consumer), 0, 0);
	mb->id = ++family->last_id;
}

void member_end(struct member *mb)
{
	u32 i;

	for (i = 0; i < PAGES; i++) {
		zap(&mb->ptes[i]);
		forget_page(&mb->pages[i]);
	}
	axas_space_detach(space_of(mb), &mb->consumer);
	if (family->mock)
		space_drop(&mb->f);
	else
		axas_space_put(mb->f.space);
	memset(mb, 0, sizeof(*mb));
}

void member_becomes(struct member *mb, const struct picture *picture, bool dropped)
{
	u32 i;

	for (i = 0; i < PAGES; i++) {
		const struct picture_page *from = &picture->pages[i];
		struct member_page_model *p = &mb->pages[i];
		bool kept = !dropped && p->perhaps_changed;

		forget_page(p);
		if (from->kind == PAGE_HOLE)
			continue;
		p->kind = from->kind;
		p->prot = from->prot;
		p->lends = true;
		p->of_image = true;
		p->perhaps_changed = kept;
		if (from->words[0] || from->words[1] || from->words[2])
			p->sheet = sheet_new(from->words);
	}
}

static int file_lend(const struct axas_backend *backend, u64 offset, struct axas_hpa *hpas,
		     unsigned int n)
{
	u64 first = offset >> AXAS_FRAME_SHIFT;
	unsigned int i;

	for (i = 0; i < n && first + i < FILE_PAGES && family->lender.here[first + i]; i++)
		hpas[i] = family->lender.frames[first + i];
	return i;
}

static int file_fetch(const struct axas_backend *backend, u64 offset, unsigned int n)
{
	u64 first = offset >> AXAS_FRAME_SHIFT;

	might_sleep();
	for (; n-- && first < FILE_PAGES; first++)
		family->lender.here[first] = true;
	return 0;
}

static struct page *file_page(const struct axas_backend *backend, u64 offset, struct axas_hpa hpa)
{
	u64 page = offset >> AXAS_FRAME_SHIFT;

	if (page >= FILE_PAGES || family->lender.frames[page].val != hpa.val)
		return NULL;
	return family->hal->frame_page(family->hal, hpa);
}

const struct axas_backend_ops family_file_ops = {
	.id	= AXAS_BACKEND_FILE,
	.flags	= AXAS_BACKEND_DIRECT | AXAS_BACKEND_LENDS,
	.lend	= file_lend, .fetch = file_fetch, .page = file_page,
};

/* Its pages must not be mapped on the host. */
const struct axas_backend_ops family_private_file_ops = {
	.id	= AXAS_BACKEND_FILE,
	.flags	= AXAS_BACKEND_DIRECT | AXAS_BACKEND_LENDS | AXAS_BACKEND_UNMAPPED,
	.lend	= file_lend, .fetch = file_fetch, .page = file_page,
};

static void begin_file(void)
{
	u32 page, word;

	for (page = 0; page < FILE_PAGES; page++) {
		struct axas_hpa *hpa = &family->lender.frames[page];

		if (!axas_frame_alloc_hpa(family->hal, 0, AXAS_FRAME_ZERO, hpa))
			fail("no memory for the file");
		for (word = 0; word < WORDS; word++)
			*(u64 *)(axas_hal_va(family->hal, *hpa) + word_offset(word)) =
				file_word(page, word);
	}
}

static void end_file(void)
{
	u32 page, word;

	for (page = 0; page < FILE_PAGES; page++) {
		struct axas_hpa hpa = family->lender.frames[page];

		for (word = 0; word < WORDS; word++)
			if (*(u64 *)(axas_hal_va(family->hal, hpa) + word_offset(word)) !=
			    file_word(page, word))
				fail("page %u of the file was written", page);
		family->hal->free_frame(family->hal, hpa, 0, AXAS_FRAME_ZERO);
	}
}

static const struct axas_npt_fmt *const formats[] = {
	&axas_npt_svm, &axas_npt_ept, &axas_npt_s2, &axas_npt_gstage, &axas_npt_fake,
};

static void begin(const struct model_op *op)
{
	struct axas_space_params params = {};
	struct axas_space *space;

	verdict.name = "create";
	family->fmt = formats[op->code % ARRAY_SIZE(formats)];
	family->caps = npt_full_caps(family->fmt);
	if (op->a & 8)
		family->caps.leaf_levels &= op->n & 2 ? 3 : 1;
	if (!(op->a & 1))
		family->mock = mock_hal_create(&family->test);
	family->hal = family->mock ? &family->mock->hal : &axas_hal_linux;
	params.hal = family->hal;
	params.ia_bits = family->fmt->usual_ia_bits;
	family->limited = (op->a & 6) == 6;
	if (family->limited)
		params.max_frames = 100 + op->b % 3000;
	begin_file();
	space = axas_space_create_fmt(&params, family->fmt, &family->caps);
	if (IS_ERR(space))
		fail("%ld", PTR_ERR(space));
	member_begin(&family->members[0], space);
}

static void end(void)
{
	u32 i;

	shim_fail_allocations(0, 0);
	if (family->mock)
		mock_hal_fail_never(family->mock);
	compare_family();
	verdict.name = "end";
	for (i = 0; i < PICTURES; i++)
		if (family->pictures[i].image)
			check_picture(&family->pictures[i]);
	for (i = 0; i < HOLDS; i++)
		if (family->holds[i].bvec.bv_page)
			hold_end(&family->holds[i]);
	for (i = 0; i < MEMBERS; i++)
		if (family->members[i].id)
			member_end(&family->members[i]);
	for (i = 0; i < PICTURES; i++)
		if (family->pictures[i].image)
			axas_image_put(family->pictures[i].image);
	if (family->mock)
		expect(family->mock->frames, FILE_PAGES, 0);
	end_file();
	if (family->mock)
		mock_hal_finish(family->mock);
	axas_stock_drain();
}

static void run_op(const struct model_op *op)
{
	family->failures = (family->mock ? family->mock->failures : 0) + shim_failures;
	if (family->mock)
		family->mock->starved = false;
	family_op(op);
	check_balance();
	model_nr_ops++;
	if (verdict.step % COMPARE_EACH == 0)
		compare_family();
}

static const struct verdict_ops ops_of_model = { begin, run_op, end };

const char *family_run(const struct model_op *program, unsigned int n, bool trace)
{
	axas_stock_drain();
	if (!family)
		family = calloc(1, sizeof(*family));
	memset(family, 0, sizeof(*family));
	family->trace = trace;
	shim_set_param("max_frames", 0);
	return verdict_run(&ops_of_model, program, n);
}
