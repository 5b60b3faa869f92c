// SPDX-License-Identifier: GPL-2.0-only
/*
 * User-space tests of the oracle, with TAP output.
 *
 * Runs the vectors of vectors_<format>.h, and has the tests that need more than a few entries
 * of memory or a rule over many values: scans, runs, sweeps, impossible machines.
 */
#include <stdio.h>
#include <string.h>

#include "vectors_all.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static unsigned int tests, failures;

static void result(const char *wrong, const char *format, const char *name, const char *section)
{
	tests++;
	failures += !!wrong;
	printf("%sok %u - %s: %s [%s]\n", wrong ? "not " : "", tests, format, name, section);
	if (wrong)
		printf("# wrong: %s\n", wrong);
}

static void run_vectors(const char *format, const struct oracle_vector *v, size_t n)
{
	for (; n; n--, v++)
		result(oracle_vector_check(v), format, v->name, v->section);
}

static void run_figures(const char *format, const struct oracle_figure *f, size_t n)
{
	for (; n; n--, f++)
		result(oracle_figure_check(f), format, f->name, f->section);
}

static void run_walks(const char *format, const struct oracle_walk_vector *v, size_t n)
{
	for (; n; n--, v++)
		result(oracle_walk_vector_check(v), format, v->name, v->section);
}

/* Sparse memory: a few entries with their addresses. */
struct memory {
	size_t n;
	const u64 (*cell)[2];
};

static u64 memory_read(void *ctx, u64 hpa)
{
	const struct memory *mem = ctx;
	size_t i;

	for (i = 0; i < mem->n; i++)
		if (mem->cell[i][0] == hpa)
			return mem->cell[i][1];
	return 0;
}

struct seen {
	size_t n;
	struct oracle_span span[16];
};

static int record(void *ctx, const struct oracle_span *span)
{
	struct seen *seen = ctx;

	if (seen->n == COUNT(seen->span))
		return -1;
	seen->span[seen->n++] = *span;
	return 0;
}

static int refuse(void *ctx, const struct oracle_span *span)
{
	struct seen *seen = ctx;

	(void)span;
	seen->n++;
	return -1;
}

static bool span_is(const struct oracle_span *s, u64 gpa, u64 size, u64 hpa)
{
	return s->gpa == gpa && s->size == size && s->first.hpa == hpa;
}

/* Two pages, a hole, a bad page, a table's last page and 2 MiB after it, 1 GiB, the last page. */
static const u64 ept_scan_cells[][2] = {
	{ 0x1000, 0x2007 }, { 0x2000, 0x3007 }, { 0x3000, 0x4007 }, { 0x4000, 0x10037 },
	{ 0x4008, 0x11037 }, { 0x4018, 0x12032 }, { 0x4ff8, 0x7ff037 }, { 0x3008, 0x8000b7 },
	{ 0x2008, 0x400000b7 }, { 0x1ff8, 0x5007 }, { 0x5ff8, 0x6007 }, { 0x6ff8, 0x7007 },
	{ 0x7ff8, 0x13031 },
};

static void test_scan(void)
{
	struct memory mem = { COUNT(ept_scan_cells), ept_scan_cells };
	struct oracle_machine m = ept46;
	struct seen s = {};
	bool ok;

	m.read = memory_read;
	m.ctx = &mem;
	ok = !oracle_scan(&m, record, &s) && s.n == 7 &&
	     span_is(&s.span[0], 0, 0x1000, 0x10000) &&
	     span_is(&s.span[1], 0x1000, 0x1000, 0x11000) &&
	     span_is(&s.span[2], 0x3000, 0x1000, 0) &&
	     s.span[2].first.outcome == ORACLE_MISCONFIG &&
	     s.span[2].first.why == ORACLE_WHY_WRITE_ONLY &&
	     span_is(&s.span[3], 0x1ff000, 0x1000, 0x7ff000) &&
	     span_is(&s.span[4], 0x200000, 0x200000, 0x800000) &&
	     span_is(&s.span[5], 0x40000000, 0x40000000, 0x40000000) &&
	     span_is(&s.span[6], 0xfffffffff000, 0x1000, 0x13000) &&
	     s.span[6].first.r && !s.span[6].first.w;
	result(ok ? NULL : "spans", "scan", "each entry once, in order", "29.3.2");

	s.n = 0;
	ok = !oracle_scan_runs(&m, record, &s) && s.n == 5 &&
	     span_is(&s.span[0], 0, 0x2000, 0x10000) &&
	     span_is(&s.span[1], 0x3000, 0x1000, 0) &&
	     span_is(&s.span[2], 0x1ff000, 0x201000, 0x7ff000) &&
	     span_is(&s.span[3], 0x40000000, 0x40000000, 0x40000000) &&
	     span_is(&s.span[4], 0xfffffffff000, 0x1000, 0x13000);
	result(ok ? NULL : "runs", "scan", "runs join across leaf sizes", "29.3.2");

	s.n = 0;
	ok = oracle_scan_runs(&m, refuse, &s) == -1 && s.n == 1;
	result(ok ? NULL : "calls", "scan", "runs end when told to", "-");
	mem.n = 0;
	s.n = 0;
	ok = !oracle_scan_runs(&m, record, &s) && !s.n && !oracle_scan(&m, record, &s) && !s.n;
	result(ok ? NULL : "calls", "scan", "an empty table has neither", "-");

	mem.n = COUNT(ept_scan_cells);
	s.n = COUNT(s.span) - 2;
	ok = oracle_scan(&m, record, &s) == -1 && s.n == COUNT(s.span);
	result(ok ? NULL : "return", "scan", "ends when told to", "-");
}

/* Leaves with different permissions or memory types are not joined to one run. */
static const u64 s2_scan_cells[][2] = {
	{ 0x40000000, 0x40010003 }, { 0x40010000, 0x40011003 },
	{ 0x40011000, 0x500007ff }, { 0x40011008, 0x5000177f }, { 0x40011010, 0x5000275f },
	{ 0x40011018, 0x005000005000375f }, { 0x40011020, 0x5000475f },
	{ 0x40001ff8, 0xc00007fd },
};

static void test_runs_split(void)
{
	struct memory mem = { COUNT(s2_scan_cells), s2_scan_cells };
	struct oracle_machine m = s2_40;
	struct seen s = {};
	bool ok;

	m.read = memory_read;
	m.ctx = &mem;
	ok = !oracle_scan_runs(&m, record, &s) && s.n == 6 &&
	     span_is(&s.span[0], 0, 0x1000, 0x50000000) &&
	     span_is(&s.span[1], 0x1000, 0x1000, 0x50001000) &&
	     span_is(&s.span[2], 0x2000, 0x1000, 0x50002000) &&
	     s.span[2].first.mem == ORACLE_OTHER && s.span[2].first.mem_raw == 7 &&
	     span_is(&s.span[3], 0x3000, 0x1000, 0x50003000) &&
	     s.span[3].first.contig && !s.span[3].first.x && s.span[3].first.share == 3 &&
	     span_is(&s.span[5], 0xffc0000000, 0x40000000, 0xc0000000);
	result(ok ? NULL : "runs", "scan", "runs end at a change, concatenated roots", "D8.2.2");
}

/* A 64 KiB Svnapot leaf: 16 spans, one run. */
static void test_napot_run(void)
{
	u64 cell[18][2] = { { 0x80000000, 0x20004001 }, { 0x80010000, 0x20004401 } };
	struct memory mem = { COUNT(cell), (const u64 (*)[2])cell };
	struct oracle_machine m = sv39x4_all;
	struct seen s = {};
	unsigned int i;
	bool ok;

	for (i = 0; i < 16; i++) {
		cell[2 + i][0] = 0x80011000 + 8 * i;
		cell[2 + i][1] = 0x80000000240020df;
	}
	m.read = memory_read;
	m.ctx = &mem;
	ok = !oracle_scan(&m, record, &s) && s.n == 16 &&
	     span_is(&s.span[15], 0xf000, 0x1000, 0x9000f000) &&
	     s.span[15].first.leaf_shift == 16;
	s.n = 0;
	ok = ok && !oracle_scan_runs(&m, record, &s) && s.n == 1 &&
	     span_is(&s.span[0], 0, 0x10000, 0x90000000);
	result(ok ? NULL : "spans", "scan", "Svnapot", "11");
}

/* Walk to a leaf in the root table, to check the other members of the result. */
static bool look(const struct oracle_machine *from, const u64 (*cell)[2], u64 gpa,
		 struct oracle_result *r)
{
	struct memory mem = { 1, cell };
	struct oracle_access a = { .read = true };
	struct oracle_machine m = *from;

	m.read = memory_read;
	m.ctx = &mem;
	return !oracle_walk(&m, gpa, &a, r);
}

static void test_result_fields(void)
{
	static const u64 svm[][2] = { { 0x1008, 0x2107 } };
	static const u64 s2[][2] = { { 0x40000008, 0xc0000afd } };
	static const u64 gstage[][2] = { { 0x80000008, 0x3000007f } };
	struct oracle_result r;
	bool ok;

	ok = look(&svm48, svm, 1ull << 39, &r) && r.outcome == ORACLE_MISCONFIG &&
	     r.entry == 0x2107 && r.level == 3 && r.hw_level == 4 && !r.leaf_shift && !r.hpa;
	result(ok ? NULL : "fields", "svm", "a bad entry shows no leaf", "5.3.3");
	ok = look(&s2_40, s2, 1ull << 30, &r) && r.outcome == ORACLE_VIOLATION &&
	     r.leaf_shift == 30 && r.r && r.w && r.d && !r.a && r.share == 2 && r.res0 == 0x800 &&
	     r.level == 2 && r.hw_level == 1;
	result(ok ? NULL : "fields", "s2", "an unaccessed block still shows itself", "D8.3.1");
	ok = look(&sv39x4, gstage, 1ull << 30, &r) && r.outcome == ORACLE_OK && r.a && !r.d &&
	     r.res0 == 0x20 && r.level == 2 && r.hw_level == 2;
	result(ok ? NULL : "fields", "gstage", "A, D and G of a leaf", "10.4.1");
}

/* The table permits all, with ignored bits set; the leaf is R X, A, not D; the write is denied. */
static void test_denied_fields(void)
{
	static const u64 cells[][2] = {
		{ 0x1008, 0xffb0000000002007 }, { 0x2010, 0x400001b5 },
	};
	struct memory mem = { COUNT(cells), cells };
	struct oracle_access a = { .write = true };
	struct oracle_machine m = ept46;
	struct oracle_result r;
	bool ok;

	m.read = memory_read;
	m.ctx = &mem;
	m.ept.ad = true;
	ok = !oracle_walk(&m, 0x8080604567, &a, &r) && r.outcome == ORACLE_VIOLATION &&
	     r.hpa == 0x40604567 && r.leaf_shift == 30 && r.r && !r.w && r.x && r.x_el0 &&
	     r.mem == ORACLE_WB && r.mem_raw == 6 && r.a && !r.d && !r.res0 &&
	     r.entry == 0x400001b5 && r.level == 2 && r.hw_level == 3;
	result(ok ? NULL : "fields", "ept", "a denied access still shows the leaf", "table 28-7");
}

/* Rules over all values of some bits, independent of the decoder's order of checks. */
static int rule_ept(void *ctx, const struct oracle_entry *e)
{
	/* Indexed by bits 2:0 (X W R), and by bits 5:3 of a leaf: SDM 29.3.3.1. */
	static const char xwr[] = "-L-LLL-L", type[] = "LL--LLL-";
	bool leaf = xwr[e->raw & 7] == 'L' && type[e->raw >> 3 & 7] == 'L';

	(void)ctx;
	if (!(e->raw & 7))
		return e->kind == ORACLE_EMPTY ? 0 : -1;
	return e->kind == (leaf ? ORACLE_LEAF : ORACLE_BAD) ? 0 : -1;
}

static int rule_svm(void *ctx, const struct oracle_entry *e)
{
	bool x = e->raw & 4 && !(e->raw >> 63);

	(void)ctx;
	if (!(e->raw & 1))
		return e->kind == ORACLE_EMPTY ? 0 : -1;
	return e->kind == ORACLE_LEAF && e->r == !!(e->raw & 4) &&
	       e->w == ((e->raw & 6) == 6) && e->x == x && e->x_el0 == x ? 0 : -1;
}

static int rule_s2(void *ctx, const struct oracle_entry *e)
{
	/* Indexed by XN[1:0] (bits 54:53), with FEAT_XNX. */
	static const bool el1[] = { true, false, false, true };
	static const bool el0[] = { true, true, false, false };
	unsigned int xn = e->raw >> 53 & 3;

	(void)ctx;
	if ((e->raw & 3) != 3)
		return e->kind == (e->raw & 1 ? ORACLE_BAD : ORACLE_EMPTY) ? 0 : -1;
	return e->kind == ORACLE_LEAF && e->x == el1[xn] && e->x_el0 == el0[xn] &&
	       e->r == (e->raw >> 6 & 1) && e->w == (e->raw >> 7 & 1) &&
	       e->mem_raw == (e->raw >> 2 & 15) ? 0 : -1;
}

static int rule_gstage(void *ctx, const struct oracle_entry *e)
{
	/* Indexed by XWR (bits 3:1), PRIV 10.4.1: 000 is a table, not allowed at level 0. */
	static const char xwr[] = "-L-LLL-L";
	bool leaf = xwr[e->raw >> 1 & 7] == 'L' && (e->raw >> 61 & 3) != 3;

	(void)ctx;
	if (!(e->raw & 1))
		return e->kind == ORACLE_EMPTY ? 0 : -1;
	return e->kind == (leaf ? ORACLE_LEAF : ORACLE_BAD) ? 0 : -1;
}

static void test_sweeps(void)
{
	int ret;

	ret = oracle_sweep(&ept46, 0, 0x1000, 0xfff, rule_ept, NULL);
	result(ret ? "rule" : NULL, "ept", "all values of bits 11:0", "29.3.3.1");
	ret = oracle_sweep(&svm48, 0, 0x1000, 0x8000000000000fff, rule_svm, NULL);
	result(ret ? "rule" : NULL, "svm", "all values of bits 63, 11:0", "5.4.1");
	ret = oracle_sweep(&s2_40, 0, 0x40000000, 0x00600000000007ff, rule_s2, NULL);
	result(ret ? "rule" : NULL, "s2", "all values of bits 54:53, 10:0", "D8.4.3");
	ret = oracle_sweep(&sv39x4_all, 0, 0x20000000, 0x60000000000003ff, rule_gstage, NULL);
	result(ret ? "rule" : NULL, "gstage", "all values of bits 62:61, 9:0", "10.4.1");
}

static int count_up(void *ctx, const struct oracle_entry *e)
{
	u64 *last = ctx;

	if (e->raw != last[0] + 1 && last[1])
		return -1;
	last[0] = e->raw;
	last[1]++;
	return 0;
}

static void test_sweep_covers(void)
{
	u64 last[2] = { 0, 0 };
	int ret = oracle_sweep(&svm48, 0, 0xfff000, 0x3ff, count_up, last);

	result(!ret && last[1] == 1024 && last[0] == 0xfff3ff ? NULL : "count", "sweep",
	       "every value once", "-");
	last[1] = 0;
	ret = oracle_sweep(&svm48, 0, 0xfff000, 0, count_up, last);
	result(!ret && last[1] == 1 ? NULL : "count", "sweep", "no bits: one value", "-");
}

struct width {
	const struct oracle_machine *m;
	unsigned int levels, ia_bits, oa_bits;
	u64 root;
	bool possible;
	u64 root_bytes;
	const char *section;
};

static const struct width widths[] = {
	{ &ept46, 4, 0, 46, 0x1000, true, 0x1000, "29.3.2" },
	{ &ept46, 3, 0, 46, 0x1000, false, 0, "table 25-9" },
	{ &ept46, 4, 0, 53, 0x1000, false, 0, "29.3.2" },
	{ &ept46, 4, 0, 32, 0x1000, true, 0x1000, "29.3.2" },
	{ &ept46, 4, 0, 31, 0x1000, false, 0, "29.3.2" },
	{ &ept46, 4, 0, 46, 0x1008, false, 0, "table 25-9" },
	{ &ept46, 4, 0, 46, 0x400000000000, false, 0, "table 25-9" },
	{ &svm48, 5, 0, 48, 0x1000, true, 0x1000, "5.3" },
	{ &svm48, 6, 0, 48, 0x1000, false, 0, "5.3" },
	{ &svm48, 4, 0, 53, 0x1000, false, 0, "5.3.1" },
	{ &svm48, 4, 0, 32, 0x1000, true, 0x1000, "5.3.1" },
	{ &svm48, 4, 0, 31, 0x1000, false, 0, "5.3.1" },
	/* From level 1: 31 bits (part of a table) to 43 bits (16 tables). */
	{ &s2_40, 3, 31, 44, 0x40001000, true, 0x1000, "D8.2.2" },
	{ &s2_40, 3, 39, 44, 0x40001000, true, 0x1000, "D8.2.2" },
	{ &s2_40, 3, 40, 44, 0x40002000, true, 0x2000, "D8.2.2" },
	{ &s2_40, 3, 40, 44, 0x40001000, false, 0, "D8.2.2" },
	{ &s2_40, 3, 41, 44, 0x40004000, true, 0x4000, "D8.2.2" },
	{ &s2_40, 3, 42, 44, 0x40008000, true, 0x8000, "D8.2.2" },
	{ &s2_40, 3, 43, 44, 0x40010000, true, 0x10000, "D8.2.2" },
	{ &s2_40, 3, 43, 44, 0x40008000, false, 0, "D8.2.2" },
	{ &s2_40, 3, 44, 44, 0x40000000, false, 0, "D8.2.2" },
	{ &s2_40, 3, 30, 44, 0x40000000, false, 0, "D8.2.2" },
	{ &s2_40, 3, 41, 40, 0x40000000, false, 0, "D8.2.4" },
	{ &s2_40, 4, 40, 44, 0x40001000, true, 0x1000, "D8.2.4" },
	{ &s2_40, 4, 40, 43, 0x40001000, false, 0, "D8.2.4" },
	{ &s2_40, 4, 48, 49, 0x40001000, false, 0, "D8.3.1" },
	{ &s2_40, 1, 25, 44, 0x40010000, false, 0, "D8.2.4" },
	{ &s2_40, 5, 52, 52, 0x40010000, false, 0, "D8.2.4" },
	{ &s2_40, 2, 32, 32, 0x40010000, true, 0x4000, "D8.2.2" },
	{ &s2_40, 2, 31, 31, 0x40010000, false, 0, "D8.2.4" },
	{ &s2_40, 4, 48, 48, 0x40001000, true, 0x1000, "D8.2.4" },
	{ &s2_40, 4, 49, 48, 0x40000000, false, 0, "D8.2.4" },
	{ &sv39x4, 3, 0, 56, 0x80004000, true, 0x4000, "18.5.1" },
	{ &sv39x4, 3, 0, 56, 0x80001000, false, 0, "18.5.1" },
	{ &sv39x4, 5, 0, 56, 0x80000000, true, 0x4000, "18.5.1" },
	{ &sv39x4, 6, 0, 56, 0x80000000, false, 0, "18.5.1" },
	{ &sv39x4, 3, 0, 32, 0x80000000, true, 0x4000, "18.5.1" },
	{ &sv39x4, 3, 0, 31, 0x40000000, false, 0, "18.5.1" },
	{ &sv39x4, 2, 0, 56, 0x80000000, false, 0, "18.5.1" },
	{ &sv39x4, 3, 0, 57, 0x80000000, false, 0, "10.4.1" },
};

static void test_widths(void)
{
	struct oracle_access a = { .read = true };
	struct oracle_result r;
	struct memory mem = {};
	char name[64];
	size_t i;

	for (i = 0; i < COUNT(widths); i++) {
		const struct width *w = &widths[i];
		struct oracle_machine m = *w->m;
		bool ok;

		m.levels = w->levels;
		m.ia_bits = w->ia_bits;
		m.oa_bits = w->oa_bits;
		m.root = w->root;
		m.read = memory_read;
		m.ctx = &mem;
		ok = oracle_possible(&m) == w->possible &&
		     oracle_walk(&m, 0, &a, &r) == (w->possible ? 0 : -EINVAL) &&
		     (!w->possible || oracle_root_bytes(&m) == w->root_bytes);
		snprintf(name, sizeof(name), "%u levels, %u to %u bits, root %llx", w->levels,
			 w->ia_bits, w->oa_bits, w->root);
		result(ok ? NULL : "possible", "machine", name, w->section);
	}
}

static void test_arguments(void)
{
	static const struct oracle_access none, mixed = { .write = true, .exec = true };
	struct memory mem = {};
	struct oracle_machine m = ept46;
	struct oracle_entry e;
	struct oracle_result r;
	unsigned int why;
	bool ok;

	m.read = memory_read;
	m.ctx = &mem;
	ok = oracle_walk(&m, 0, &none, &r) == -EINVAL && oracle_walk(&m, 0, &mixed, &r) == -EINVAL;
	result(ok ? NULL : "return", "walk", "refuses no access, and a fetch that writes", "-");
	ok = oracle_entry(&m, 4, 0, &e) == -EINVAL && oracle_entry(&m, 3, 0, &e) == 0;
	result(ok ? NULL : "return", "entry", "refuses a level that is not there", "-");
	m.format = ORACLE_NR_FORMATS;
	ok = !oracle_possible(&m) && oracle_entry(&m, 0, 0, &e) == -EINVAL;
	result(ok ? NULL : "return", "entry", "refuses a format that is not there", "-");
	for (why = 0; why <= ORACLE_WHY_RESERVED; why++)
		ok = ok && strcmp(oracle_why_name(why), "?");
	result(ok ? NULL : "name", "why", "each reason has a name", "-");
}

#define ROW(_format) {								\
	#_format,								\
	oracle_##_format##_vectors, COUNT(oracle_##_format##_vectors),		\
	oracle_##_format##_figures, COUNT(oracle_##_format##_figures),		\
	oracle_##_format##_walks, COUNT(oracle_##_format##_walks),		\
},

static const struct {
	const char *format;
	const struct oracle_vector *vectors;
	unsigned int nr_vectors;
	const struct oracle_figure *figures;
	unsigned int nr_figures;
	const struct oracle_walk_vector *walks;
	unsigned int nr_walks;
} rows[] = { ORACLE_VECTORS(ROW) };

int main(void)
{
	unsigned int i;

	puts("TAP version 13");
	for (i = 0; i < COUNT(rows); i++) {
		run_vectors(rows[i].format, rows[i].vectors, rows[i].nr_vectors);
		run_figures(rows[i].format, rows[i].figures, rows[i].nr_figures);
		run_walks(rows[i].format, rows[i].walks, rows[i].nr_walks);
	}
	test_scan();
	test_runs_split();
	test_napot_run();
	test_result_fields();
	test_denied_fields();
	test_sweeps();
	test_sweep_covers();
	test_widths();
	test_arguments();
	printf("1..%u\n", tests);
	return failures != 0;
}
