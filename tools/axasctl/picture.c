// SPDX-License-Identifier: GPL-2.0-only
/*
 * The picture of a space, see picture.h. Calls libc only.
 */
#include "picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static u64 area_last(const struct pic_area *area)
{
	return area->info.gpa + area->info.length - 1;
}

static u64 min(u64 a, u64 b)
{
	return a < b ? a : b;
}

static u64 max(u64 a, u64 b)
{
	return a > b ? a : b;
}

int picture_add_area(struct picture *p, const struct axas_area_info *info)
{
	struct pic_area *areas = p->areas;

	if (!(p->nr_areas & (p->nr_areas - 1)))
		areas = reallocarray(areas, p->nr_areas ? 2 * p->nr_areas : 1, sizeof(*areas));
	if (!areas)
		return -ENOMEM;
	p->areas = areas;
	areas[p->nr_areas] = (struct pic_area){ .info = *info };
	areas[p->nr_areas++].kinds[KIND_UNTOUCHED] = info->length;
	return 0;
}

/* Visit the rows of @size bytes, from @p->first on, that overlap an area. Return their number. */
static size_t for_rows(struct picture *p, u64 size, struct pic_row *rows)
{
	u64 next = p->first & ~(size - 1);
	size_t n = 0;

	for (size_t i = 0; i < p->nr_areas; i++) {
		const struct pic_area *area = &p->areas[i];
		u64 first = max(area->info.gpa, p->first), last = min(area_last(area), p->last);

		if (first > last || (n && last < next))
			continue;
		for (u64 at = max(first & ~(size - 1), next); ; at += size) {
			/* Enough to know that these are too many. */
			if (!rows && n > PICTURE_ROWS)
				return n;
			if (rows)
				rows[n].gpa = at;
			n++;
			next = at + size;
			if (last - at < size)
				break;
		}
		/* The end of the 64-bit space. */
		if (!next)
			break;
	}
	return n;
}

static struct pic_row *row_of(struct picture *p, u64 gpa)
{
	u64 size = p->cell * PICTURE_COLUMNS;
	size_t low = 0, high = p->nr_rows;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (gpa >= p->rows[middle].gpa && gpa - p->rows[middle].gpa < size)
			return &p->rows[middle];
		if (p->rows[middle].gpa > gpa)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* Move [gpa, last] from untouched to @kind; all of it lies in one area. */
static void add_to_cells(struct picture *p, u64 gpa, u64 last, enum kind kind, bool moves, u32 prot)
{
	u64 end, n;

	gpa = max(gpa, p->first);
	last = min(last, p->last);
	for (; gpa <= last; gpa = end + 1) {
		struct pic_row *row = row_of(p, gpa);
		unsigned int column;

		end = min(last, gpa | (p->cell - 1));
		n = end - gpa + 1;
		if (row) {
			column = (gpa - row->gpa) / p->cell;
			row->kinds[column][kind] += n;
			if (moves)
				row->kinds[column][KIND_UNTOUCHED] -= n;
			else if (!row->prot[column])
				row->prot[column] = prot | 1u << 31;
		}
		if (end == ~0ull)
			break;
	}
}

int picture_scale(struct picture *p, u64 first, u64 last)
{
	p->first = first;
	p->last = last;
	p->cell = PAGE;
	while (for_rows(p, p->cell * PICTURE_COLUMNS, NULL) > PICTURE_ROWS)
		p->cell *= 2;
	p->nr_rows = for_rows(p, p->cell * PICTURE_COLUMNS, NULL);
	p->rows = calloc(p->nr_rows ? p->nr_rows : 1, sizeof(*p->rows));
	if (!p->rows)
		return -ENOMEM;
	for_rows(p, p->cell * PICTURE_COLUMNS, p->rows);
	for (size_t i = 0; i < p->nr_areas; i++)
		add_to_cells(p, p->areas[i].info.gpa, area_last(&p->areas[i]), KIND_UNTOUCHED,
			     false, p->areas[i].info.prot);
	return 0;
}

static enum kind kind_of(const struct pic_area *area, const struct pic_run *run)
{
	if (area->info.backend == AXAS_BACKEND_LINEAR)
		return KIND_LINEAR;
	if (area->info.backend == AXAS_BACKEND_SHARED)
		return KIND_SHARED;
	if (run->borrowed)
		return KIND_BORROWED;
	return run->level ? KIND_LARGE : KIND_SMALL;
}

/* The first area that ends at or after @gpa. */
static size_t area_from(const struct picture *p, u64 gpa)
{
	size_t low = 0, high = p->nr_areas;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (area_last(&p->areas[middle]) < gpa)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void picture_add_run(struct picture *p, const struct pic_run *run)
{
	u64 run_last = run->gpa + run->length - 1;

	p->leaves = true;
	for (size_t i = area_from(p, run->gpa); i < p->nr_areas; i++) {
		struct pic_area *area = &p->areas[i];
		u64 first = max(run->gpa, area->info.gpa), last = min(run_last, area_last(area));
		enum kind kind = kind_of(area, run);

		if (first > last)
			break;
		area->kinds[kind] += last - first + 1;
		area->kinds[KIND_UNTOUCHED] -= last - first + 1;
		if (run->level < AXAS_LEAF_LEVELS)
			area->leaves[run->level] += (last - first + 1) >> (12 + 9 * run->level);
		add_to_cells(p, first, last, kind, true, 0);
	}
}

void picture_free(struct picture *p)
{
	free(p->areas);
	free(p->rows);
}

const char *kind_name(enum kind kind)
{
	static const char *const names[NR_KINDS] = {
		[KIND_UNTOUCHED] = "untouched", [KIND_SMALL] = "private, 4 KiB leaves",
		[KIND_LARGE] = "private, larger leaves", [KIND_BORROWED] = "borrowed",
		[KIND_SHARED] = "shared", [KIND_LINEAR] = "linear",
	};

	return names[kind];
}

u64 picture_sum(const struct picture *p, enum kind kind)
{
	u64 sum = 0;

	for (size_t i = 0; i < p->nr_areas; i++)
		sum += p->areas[i].kinds[kind];
	return sum;
}

u64 cell_bytes(const struct pic_row *row, unsigned int column)
{
	u64 sum = 0;

	for (unsigned int kind = 0; kind < NR_KINDS; kind++)
		sum += row->kinds[column][kind];
	return sum;
}

enum kind cell_kind(const struct pic_row *row, unsigned int column)
{
	const u64 *kinds = row->kinds[column];
	enum kind most = KIND_UNTOUCHED;

	if (!cell_bytes(row, column))
		return NR_KINDS;
	for (unsigned int kind = KIND_SMALL; kind < NR_KINDS; kind++)
		if (kinds[kind] > (most ? kinds[most] : 0))
			most = kind;
	return most;
}

bool row_after_gap(const struct picture *p, size_t i)
{
	return i && p->rows[i].gpa != p->rows[i - 1].gpa + p->cell * PICTURE_COLUMNS;
}

size_t rows_alike(const struct picture *p, size_t i)
{
	const struct pic_row *row = &p->rows[i];
	size_t n = 0;

	while (i + n + 1 < p->nr_rows && !row_after_gap(p, i + n + 1) &&
	       !memcmp(row->kinds, row[n + 1].kinds, sizeof(row->kinds)) &&
	       !memcmp(row->prot, row[n + 1].prot, sizeof(row->prot)))
		n++;
	return n > 1 ? n : 0;
}
