// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pictures of spaces of different sizes: their scale, sums and cells, as TAP.
 */
#include "picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB	0x100000ull
#define GIB	0x40000000ull

static int nr, failed;

static void ok(bool good, const char *name)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++nr, name);
	failed |= !good;
}

static void add(struct picture *p, u64 gpa, u64 length, u32 backend)
{
	struct axas_area_info info = {
		.gpa = gpa, .length = length, .prot = AXAS_PROT_MASK, .backend = backend,
	};

	if (picture_add_area(p, &info))
		abort();
}

static void scale(struct picture *p)
{
	const struct axas_area_info *end = &p->areas[p->nr_areas - 1].info;

	if (picture_scale(p, p->areas[0].info.gpa, end->gpa + end->length - 1))
		abort();
}

static void run(struct picture *p, u64 gpa, u64 length, unsigned int level, bool borrowed)
{
	picture_add_run(p, &(struct pic_run){ gpa, length, level, borrowed });
}

/* Cells have all that the areas have, once. */
static bool cells_are_whole(const struct picture *p)
{
	u64 sums[NR_KINDS] = { 0 };

	for (size_t i = 0; i < p->nr_rows; i++)
		for (unsigned int column = 0; column < PICTURE_COLUMNS; column++)
			for (unsigned int kind = 0; kind < NR_KINDS; kind++)
				sums[kind] += p->rows[i].kinds[column][kind];
	for (unsigned int kind = 0; kind < NR_KINDS; kind++)
		if (sums[kind] != picture_sum(p, kind))
			return false;
	return true;
}

static void test_small(void)
{
	struct picture p = { 0 };

	add(&p, 0, 16 * PAGE, AXAS_BACKEND_ALLOC);
	scale(&p);
	run(&p, 0, 4 * PAGE, 0, false);
	run(&p, 4 * PAGE, 2 * PAGE, 0, true);
	ok(p.cell == PAGE && p.nr_rows == 1, "64 KiB is one row of pages");
	ok(cell_kind(&p.rows[0], 3) == KIND_SMALL && cell_kind(&p.rows[0], 5) == KIND_BORROWED &&
	   cell_kind(&p.rows[0], 6) == KIND_UNTOUCHED && cell_kind(&p.rows[0], 16) == NR_KINDS,
	   "each page is what it is");
	ok(p.areas[0].leaves[0] == 6 && cells_are_whole(&p), "leaves are counted");
	picture_free(&p);
}

static void test_large(void)
{
	struct picture p = { 0 };

	add(&p, 0, 3 * GIB, AXAS_BACKEND_ALLOC);
	add(&p, 4 * GIB, 60 * GIB, AXAS_BACKEND_ALLOC);
	scale(&p);
	run(&p, 0, GIB, 1, false);
	run(&p, GIB, 3 * PAGE, 0, false);
	run(&p, 4 * GIB, 2 * GIB, 2, false);
	ok(p.cell == 32 * MIB && p.nr_rows == 32, "64 GiB is 32 rows of 2 GiB");
	ok(cell_kind(&p.rows[0], 0) == KIND_LARGE && cell_kind(&p.rows[0], 32) == KIND_SMALL &&
	   cell_kind(&p.rows[1], 40) == NR_KINDS, "leaves and holes are where they are");
	ok(p.areas[1].leaves[2] == 2 && cells_are_whole(&p), "no byte is lost");
	ok(rows_alike(&p, 3) == 28 && !rows_alike(&p, 0), "rows alike are told");
	picture_free(&p);
}

/* Areas far apart: what lies between takes no rows. */
static void test_sparse(void)
{
	struct picture p = { 0 };

	add(&p, 0, 16 * PAGE, AXAS_BACKEND_ALLOC);
	add(&p, 1ull << 47, 16 * PAGE, AXAS_BACKEND_LINEAR);
	add(&p, ~0ull - 16 * PAGE + 1, 16 * PAGE, AXAS_BACKEND_SHARED);
	scale(&p);
	run(&p, 1ull << 47, 16 * PAGE, 0, false);
	run(&p, ~0ull - 16 * PAGE + 1, 16 * PAGE, 0, false);
	ok(p.cell == PAGE && p.nr_rows == 3, "three areas far apart are three rows");
	ok(cell_kind(&p.rows[1], 0) == KIND_LINEAR && cell_kind(&p.rows[2], 63) == KIND_SHARED &&
	   cells_are_whole(&p), "up to the end of the 64-bit space");
	picture_free(&p);
}

static void test_many(void)
{
	struct picture p = { 0 };

	for (u64 i = 0; i < 5000; i++)
		add(&p, i * 64 * PAGE, PAGE, AXAS_BACKEND_ALLOC);
	scale(&p);
	for (u64 i = 0; i < 5000; i += 2)
		run(&p, i * 64 * PAGE, PAGE, 0, false);
	ok(p.nr_rows <= PICTURE_ROWS && cells_are_whole(&p), "5,000 areas");
	ok(picture_sum(&p, KIND_SMALL) == 2500 * PAGE, "half of them touched");
	picture_free(&p);
}

/* A part of the space: the rest is not drawn, and counts in the areas alone. */
static void test_part(void)
{
	struct picture p = { 0 };
	u64 sum = 0;

	add(&p, 0, 16 * PAGE, AXAS_BACKEND_ALLOC);
	if (picture_scale(&p, 4 * PAGE, 8 * PAGE - 1))
		abort();
	run(&p, 0, 6 * PAGE, 0, false);
	for (unsigned int column = 0; column < PICTURE_COLUMNS; column++)
		sum += cell_bytes(&p.rows[0], column);
	ok(p.nr_rows == 1 && sum == 4 * PAGE, "a part of an area");
	ok(picture_sum(&p, KIND_SMALL) == 6 * PAGE, "its sums are the area's");
	picture_free(&p);
}

static void test_empty(void)
{
	struct picture p = { 0 };

	ok(!picture_scale(&p, 0, 0) && !p.nr_rows, "no areas");
	picture_free(&p);
}

/* The SVG is closed, with as much text as there are areas, and no more elements than cells. */
static void test_svg(void)
{
	struct picture p = { 0 };
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	add(&p, 0, 64 * GIB, AXAS_BACKEND_ALLOC);
	scale(&p);
	for (u64 gpa = 0; gpa < 64 * GIB; gpa += 4 * MIB)
		run(&p, gpa, 2 * MIB, 1, false);
	show_svg(&p, "a <title>", f);
	fclose(f);
	ok(strstr(text, "a &lt;title&gt;") && !strcmp(text + len - 7, "</svg>\n"), "SVG is XML");
	ok(len < 100000, "equal cells are one");
	free(text);
	picture_free(&p);
}

int main(void)
{
	test_small();
	test_large();
	test_sparse();
	test_many();
	test_part();
	test_empty();
	test_svg();
	printf("1..%d\n", nr);
	return failed;
}
