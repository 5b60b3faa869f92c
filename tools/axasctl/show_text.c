// SPDX-License-Identifier: GPL-2.0-only
/*
 * The picture of a space as text, 80 columns wide. Calls picture.c and parse.c.
 */
#include "picture.h"

#include <string.h>

/* Areas that are listed below the picture. */
#define MAX_AREAS	16

/**
 * struct style - how a kind is drawn
 * @whole: letter of a cell that is all of it
 * @part: letter of a cell that is partly untouched
 * @colour: on a terminal
 */
struct style {
	char whole;
	char part;
	const char *colour;
};

static const struct style styles[NR_KINDS] = {
	[KIND_UNTOUCHED] = { '.', '.', "\033[2m" },
	[KIND_SMALL] = { 'P', 'p', "\033[32m" },
	[KIND_LARGE] = { 'H', 'h', "\033[1;32m" },
	[KIND_BORROWED] = { 'B', 'b', "\033[34m" },
	[KIND_SHARED] = { 'S', 's', "\033[35m" },
	[KIND_LINEAR] = { 'L', 'l', "\033[33m" },
};

static void draw_cell(const struct pic_row *row, unsigned int column, bool colour, enum kind *last)
{
	enum kind kind = cell_kind(row, column);
	char c = ' ';

	if (kind != NR_KINDS)
		c = row->kinds[column][KIND_UNTOUCHED] ? styles[kind].part : styles[kind].whole;
	if (colour && kind != *last)
		fputs("\033[0m", stdout);
	if (colour && kind != *last && kind != NR_KINDS)
		fputs(styles[kind].colour, stdout);
	*last = kind;
	putchar(c);
}

static void draw_row(const struct pic_row *row, bool colour)
{
	enum kind last = NR_KINDS;

	printf("%#13llx |", row->gpa);
	for (unsigned int column = 0; column < PICTURE_COLUMNS; column++)
		draw_cell(row, column, colour, &last);
	printf("%s|\n", colour ? "\033[0m" : "");
}

static void draw_rows(const struct picture *p, bool colour)
{
	size_t alike;

	for (size_t i = 0; i < p->nr_rows; i += alike + 1) {
		if (row_after_gap(p, i))
			printf("%13s |%*s|\n", "...", PICTURE_COLUMNS, "");
		draw_row(&p->rows[i], colour);
		alike = rows_alike(p, i);
		if (alike)
			printf("%13s   %zu more rows like this one\n", "*", alike);
	}
}

static void legend(const struct picture *p, bool colour)
{
	char size[16];

	for (unsigned int kind = 0; kind < NR_KINDS; kind++) {
		u64 sum = picture_sum(p, kind);

		if (!sum)
			continue;
		printf("%s%c%s %s %s  ", colour ? styles[kind].colour : "", styles[kind].whole,
		       colour ? "\033[0m" : "", kind_name(kind),
		       short_size(sum, size, sizeof(size)));
	}
	puts("\nsmall letters: partly untouched; blank: a hole");
}

static void area_line(const struct pic_area *area)
{
	const struct axas_area_info *info = &area->info;
	u64 touched = info->length - area->kinds[KIND_UNTOUCHED];
	char size[16], own[16];

	printf("%#13llx %8s %-4s %-8s %-7s %8s", (u64)info->gpa,
	       short_size(info->length, size, sizeof(size)), axas_prot_name(info->prot),
	       axas_type_name(info->type), axas_backend_name(info->backend),
	       short_size(touched, own, sizeof(own)));
	for (unsigned int i = 0; i < AXAS_LEAF_LEVELS; i++)
		if (area->leaves[i])
			printf(" %s %llu", axas_leaf_name(i), area->leaves[i]);
	putchar('\n');
}

void show_text(const struct picture *p, const char *title, bool colour)
{
	char cell[32];

	printf("%s; one letter is %s\n", title, size_name(p->cell, cell, sizeof(cell)));
	draw_rows(p, colour);
	legend(p, colour);
	printf("%13s %8s %-4s %-8s %-7s %8s %s\n", "GPA", "SIZE", "PROT", "TYPE", "BACKEND",
	       "TOUCHED", "LEAVES");
	for (size_t i = 0; i < p->nr_areas && i < MAX_AREAS; i++)
		area_line(&p->areas[i]);
	if (p->nr_areas > MAX_AREAS)
		printf("and %zu more: axasctl areas\n", p->nr_areas - MAX_AREAS);
}
