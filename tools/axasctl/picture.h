/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A picture of a space: its areas, and cells of equal size with what their memory is. picture.c
 * makes it of areas and of runs of equal leaves; show_text.c and show_svg.c draw it.
 */
#ifndef AXASCTL_PICTURE_H
#define AXASCTL_PICTURE_H

#include "axasctl.h"

#define PICTURE_COLUMNS	64	/* cells of a row */
#define PICTURE_ROWS	32	/* the most rows */

/* What a byte of an area is. */
enum kind {
	KIND_UNTOUCHED,		/* no leaf maps it */
	KIND_SMALL,		/* the space's own, in 4 KiB leaves */
	KIND_LARGE,		/* the space's own, in larger leaves */
	KIND_BORROWED,		/* an image's or a file's */
	KIND_SHARED,		/* another space's */
	KIND_LINEAR,		/* a host-physical range */
	NR_KINDS,
};

/**
 * struct pic_area - an area
 * @info: the area
 * @kinds: bytes of each kind
 * @leaves: leaves by level
 */
struct pic_area {
	struct axas_area_info info;
	u64 kinds[NR_KINDS];
	u64 leaves[AXAS_LEAF_LEVELS];
};

/**
 * struct pic_row - a row of cells
 * @gpa: its first address
 * @kinds: bytes of each kind, by cell; a hole is none of them
 * @prot: protection of the first area in each cell
 */
struct pic_row {
	u64 gpa;
	u64 kinds[PICTURE_COLUMNS][NR_KINDS];
	u32 prot[PICTURE_COLUMNS];
};

/**
 * struct picture - all of it
 * @areas: areas, by address
 * @nr_areas: their number
 * @first: first address that is drawn
 * @last: last address
 * @cell: bytes of a cell
 * @rows: rows with an area
 * @nr_rows: their number
 * @leaves: whether leaves are known, by picture_add_run()
 */
struct picture {
	struct pic_area *areas;
	size_t nr_areas;
	u64 first;
	u64 last;
	u64 cell;
	struct pic_row *rows;
	size_t nr_rows;
	bool leaves;
};

/**
 * struct pic_run - equal leaves
 * @gpa: first address
 * @length: bytes
 * @level: of each leaf
 * @borrowed: they are an image's or a file's
 */
struct pic_run {
	u64 gpa;
	u64 length;
	unsigned int level;
	bool borrowed;
};

/* Areas first, in order of address. 0 or -ENOMEM. */
int picture_add_area(struct picture *p, const struct axas_area_info *area);
/* Then the scale, for what lies in [first, last]. 0 or -ENOMEM. */
int picture_scale(struct picture *p, u64 first, u64 last);
/* Then the leaves. */
void picture_add_run(struct picture *p, const struct pic_run *run);
void picture_free(struct picture *p);

/* Names, and bytes of a kind in all areas. */
const char *kind_name(enum kind kind);
u64 picture_sum(const struct picture *p, enum kind kind);

/* How a cell is drawn: what most of its touched memory is; NR_KINDS: a hole. */
enum kind cell_kind(const struct pic_row *row, unsigned int column);
u64 cell_bytes(const struct pic_row *row, unsigned int column);	/* in areas */

/* How many rows follow row @i without a gap and have the same cells, if it saves any to say so. */
size_t rows_alike(const struct picture *p, size_t i);
/* Whether row @i does not follow the one before at once. */
bool row_after_gap(const struct picture *p, size_t i);

/* show_text.c, show_svg.c */
void show_text(const struct picture *p, const char *title, bool colour);
void show_svg(const struct picture *p, const char *title, FILE *f);

#endif /* AXASCTL_PICTURE_H */
