// SPDX-License-Identifier: GPL-2.0-only
/*
 * The picture of a space as SVG: a strip for each row, whose cells are filled as far as they are
 * touched, in a colour for each kind of memory; a line above them is the protection. Calls
 * picture.c and parse.c.
 */
#include "picture.h"

#include <string.h>

#define WIDTH		960
#define LEFT		120
#define CELL		12.75
#define STRIP		24	/* height of a row's cells */
#define PITCH		38	/* from row to row */
#define TOP		56
#define LINE		20	/* height of a line of text */
#define MAX_AREAS	16

static const char *const colours[NR_KINDS] = {
	[KIND_UNTOUCHED] = "#e8eaed", [KIND_SMALL] = "#2e7d32", [KIND_LARGE] = "#8bc34a",
	[KIND_BORROWED] = "#1e6fd9", [KIND_SHARED] = "#8e24aa", [KIND_LINEAR] = "#f29900",
};

/* By AXAS_PROT_*. */
static const struct {
	const char *colour;
	const char *name;
} prots[AXAS_PROT_MASK + 1] = {
	[0] = { "#9aa0a6", "---" },
	[AXAS_PROT_READ] = { "#26a69a", "r--" },
	[AXAS_PROT_WRITE] = { "#795548", "-w-" },
	[AXAS_PROT_READ | AXAS_PROT_WRITE] = { "#5f6368", "rw-" },
	[AXAS_PROT_EXEC] = { "#ff7043", "--x" },
	[AXAS_PROT_READ | AXAS_PROT_EXEC] = { "#ec407a", "r-x" },
	[AXAS_PROT_WRITE | AXAS_PROT_EXEC] = { "#ffa000", "-wx" },
	[AXAS_PROT_MASK] = { "#c62828", "rwx" },
};

static void rectangle(FILE *f, double x, double y, double width, double height, const char *colour)
{
	fprintf(f, "<rect x='%.2f' y='%.2f' width='%.2f' height='%.2f' fill='%s'/>\n", x, y, width,
		height, colour);
}

static void put_escaped(char c, FILE *f)
{
	switch (c) {
	case '<':
		fputs("&lt;", f);
		break;
	case '>':
		fputs("&gt;", f);
		break;
	case '&':
		fputs("&amp;", f);
		break;
	default:
		putc(c, f);
	}
}

static void text(FILE *f, double x, double y, const char *anchor, const char *words)
{
	fprintf(f, "<text x='%.1f' y='%.1f' text-anchor='%s'>", x, y, anchor);
	for (; *words; words++)
		put_escaped(*words, f);
	fputs("</text>\n", f);
}

static bool same_cell(const struct pic_row *row, unsigned int a, unsigned int b)
{
	return row->prot[a] == row->prot[b] &&
	       !memcmp(row->kinds[a], row->kinds[b], sizeof(row->kinds[a]));
}

/* Equal cells, from @column on, as one. */
static void draw_cells(const struct picture *p, FILE *f, const struct pic_row *row, double y,
		       unsigned int column, unsigned int n)
{
	double x = LEFT + column * CELL, at = y + STRIP, height;
	u32 prot = row->prot[column] & AXAS_PROT_MASK;

	if (!cell_bytes(row, column))
		return;
	height = STRIP * (double)cell_bytes(row, column) / p->cell;
	rectangle(f, x, y + STRIP - height, n * CELL, height, colours[KIND_UNTOUCHED]);
	rectangle(f, x, y - 6, n * CELL, 4, prots[prot].colour);
	for (unsigned int kind = KIND_SMALL; kind < NR_KINDS; kind++) {
		height = STRIP * (double)row->kinds[column][kind] / p->cell;
		if (!height)
			continue;
		/* A single page of many is seen, too. */
		if (height < 2)
			height = 2;
		at -= height;
		rectangle(f, x, at, n * CELL, height, colours[kind]);
	}
}

static void draw_row(const struct picture *p, FILE *f, const struct pic_row *row, double y)
{
	unsigned int column, n;
	char gpa[24];

	snprintf(gpa, sizeof(gpa), "%#llx", row->gpa);
	text(f, LEFT - 8, y + STRIP - 7, "end", gpa);
	fprintf(f, "<rect x='%d' y='%.1f' width='%.1f' height='%d' ", LEFT, y,
		PICTURE_COLUMNS * CELL, STRIP);
	fputs("fill='none' stroke='#dadce0'/>\n", f);
	for (column = 0; column < PICTURE_COLUMNS; column += n) {
		for (n = 1; column + n < PICTURE_COLUMNS && same_cell(row, column, column + n); n++)
			;
		draw_cells(p, f, row, y, column, n);
	}
}

static double draw_rows(const struct picture *p, FILE *f)
{
	char words[64];
	double y = TOP;
	size_t alike;

	for (size_t i = 0; i < p->nr_rows; i += alike + 1, y += PITCH) {
		if (row_after_gap(p, i)) {
			text(f, LEFT - 8, y + 2, "end", "\xe2\x8b\xae");
			y += LINE;
		}
		draw_row(p, f, &p->rows[i], y);
		alike = rows_alike(p, i);
		if (!alike)
			continue;
		y += LINE;
		snprintf(words, sizeof(words), "%zu more rows like this one", alike);
		text(f, LEFT, y + PITCH - 16, "start", words);
	}
	return y;
}

static double legend_of_kinds(const struct picture *p, FILE *f, double y)
{
	double x = LEFT;
	char words[64], size[16];

	for (unsigned int kind = 0; kind < NR_KINDS; kind++) {
		if (!picture_sum(p, kind))
			continue;
		snprintf(words, sizeof(words), "%s %s", kind_name(kind),
			 short_size(picture_sum(p, kind), size, sizeof(size)));
		rectangle(f, x, y, 14, 14, colours[kind]);
		text(f, x + 20, y + 12, "start", words);
		x += 40 + 8 * strlen(words);
		if (x < WIDTH - 220)
			continue;
		x = LEFT;
		y += LINE;
	}
	return x > LEFT ? y + LINE : y;
}

static double legend_of_prots(const struct picture *p, FILE *f, double y)
{
	bool seen[AXAS_PROT_MASK + 1] = { false };
	double x = LEFT;

	for (size_t i = 0; i < p->nr_areas; i++)
		seen[p->areas[i].info.prot & AXAS_PROT_MASK] = true;
	for (u32 prot = 0; prot <= AXAS_PROT_MASK; prot++) {
		if (!seen[prot])
			continue;
		rectangle(f, x, y + 5, 14, 4, prots[prot].colour);
		text(f, x + 20, y + 12, "start", prots[prot].name);
		x += 64;
	}
	return y + LINE;
}

static void area_line(FILE *f, double y, const struct pic_area *area)
{
	const struct axas_area_info *info = &area->info;
	char words[64], size[16];
	size_t len = 0;

	snprintf(words, sizeof(words), "%#llx", (u64)info->gpa);
	text(f, LEFT + 80, y, "end", words);
	text(f, LEFT + 160, y, "end", short_size(info->length, size, sizeof(size)));
	text(f, LEFT + 180, y, "start", axas_prot_name(info->prot));
	text(f, LEFT + 230, y, "start", axas_type_name(info->type));
	text(f, LEFT + 320, y, "start", axas_backend_name(info->backend));
	text(f, LEFT + 460, y, "end",
	     short_size(info->length - area->kinds[KIND_UNTOUCHED], size, sizeof(size)));
	*words = '\0';
	for (unsigned int i = 0; i < AXAS_LEAF_LEVELS && len < sizeof(words); i++)
		if (area->leaves[i])
			len += snprintf(words + len, sizeof(words) - len, "%s %llu  ",
					axas_leaf_name(i), area->leaves[i]);
	text(f, LEFT + 480, y, "start", words);
}

static double area_lines(const struct picture *p, FILE *f, double y)
{
	static const struct {
		int x;
		const char *anchor, *name;
	} heads[] = {
		{ 80, "end", "area" }, { 160, "end", "size" }, { 180, "start", "prot" },
		{ 230, "start", "type" }, { 320, "start", "backend" }, { 460, "end", "touched" },
		{ 480, "start", "leaves" },
	};
	char words[64];
	size_t i;

	fputs("<g font-weight='bold'>\n", f);
	for (i = 0; i < ARRAY_SIZE(heads); i++)
		text(f, LEFT + heads[i].x, y, heads[i].anchor, heads[i].name);
	fputs("</g>\n", f);
	for (i = 0; i < p->nr_areas && i < MAX_AREAS; i++)
		area_line(f, y += LINE, &p->areas[i]);
	if (p->nr_areas > MAX_AREAS) {
		snprintf(words, sizeof(words), "and %zu more", p->nr_areas - MAX_AREAS);
		text(f, LEFT + 80, y += LINE, "end", words);
	}
	return y + LINE;
}

/* Height of all: rows, gaps between them, legends, areas. */
static double height_of(const struct picture *p)
{
	size_t lines = p->nr_areas <= MAX_AREAS ? p->nr_areas : MAX_AREAS + 1;
	double y = TOP + LINE * (lines + 6);
	size_t alike;

	for (size_t i = 0; i < p->nr_rows; i += alike + 1) {
		alike = rows_alike(p, i);
		y += PITCH + (row_after_gap(p, i) ? LINE : 0) + (alike ? LINE : 0);
	}
	return y;
}

void show_svg(const struct picture *p, const char *title, FILE *f)
{
	double y, height = height_of(p);
	char words[128], cell[32];

	fprintf(f, "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%.0f' ", WIDTH,
		height);
	fprintf(f, "viewBox='0 0 %d %.0f' font-family='sans-serif' font-size='14' ", WIDTH, height);
	fputs("fill='#202124' shape-rendering='crispEdges'>\n", f);
	fprintf(f, "<rect width='%d' height='%.0f' fill='#ffffff'/>\n", WIDTH, height);
	snprintf(words, sizeof(words), "%s; one cell is %s", title,
		 size_name(p->cell, cell, sizeof(cell)));
	fputs("<g font-size='16'>\n", f);
	text(f, LEFT, 28, "start", words);
	fputs("</g>\n", f);
	y = draw_rows(p, f) + LINE / 2;
	y = legend_of_kinds(p, f, y);
	y = legend_of_prots(p, f, y) + LINE;
	area_lines(p, f, y);
	fputs("</svg>\n", f);
}
