// SPDX-License-Identifier: GPL-2.0-only
/*
 * The steps of the demo, in order. Each reports its action and checks the resulting state.
 *
 * Guest-physical layout:
 *   0            one read-only page
 *   1 GiB        the reserved host-physical window
 *   64 GiB       the file
 *   upper half   the large lazy area: 1 TiB if the space is large enough
 */
#include "demo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GIB		0x40000000ull
#define TIB		0x10000000000ull
#define GPA_READ_ONLY	0ull
#define GPA_WINDOW	GIB
#define GPA_FILE	(64 * GIB)
#define RO		AXAS_PROT_READ
#define RW		(AXAS_PROT_READ | AXAS_PROT_WRITE)
#define RWX		AXAS_PROT_MASK
#define SETTLE_STEPS	50	/* of 100 ms: time for counters to settle */

static u64 file_pages(const struct demo *d)
{
	return (d->len + PAGE - 1) / PAGE;
}

/* Check that a call succeeded; report its error if not. */
static bool check_call(struct demo *d, int err, const char *what)
{
	if (err >= 0)
		return check(d, true, "%s", what);
	return check(d, false, "%s: %s", what, strerror(-err));
}

static bool get_info(struct demo *d, struct axas_info *info)
{
	int err = axas_get_info(d->fd, info);

	return !err || check_call(d, err, "reading the space's counters");
}

/* The space must hold exactly one frame per touched page. */
static bool check_frames(struct demo *d)
{
	struct axas_info info;

	if (!get_info(d, &info))
		return false;
	return check(d, info.frames == d->touched, "%llu pages touched, %llu frames held",
		     d->touched, info.frames);
}

static int create_space(struct demo *d, u32 ia_bits)
{
	struct axas_create create = { .format = d->format, .ia_bits = ia_bits };

	return axas_open_space(device_path(), &create);
}

/* The format's default size, or one with room for the 1 TiB area. */
static bool step_create(struct demo *d)
{
	static const u32 wider[] = { 42, 48 };
	struct axas_info info;
	int wide;

	d->secpagetables = read_secpagetables();
	d->fd = create_space(d, 0);
	if (d->fd < 0) {
		check(d, false, "a space: %s", d->fd == -ENOENT ?
		      explain("open", ENOENT) : explain("create", -d->fd));
		return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(wider); i++) {
		if (!get_info(d, &info) || info.length >= 2 * TIB)
			break;
		wide = create_space(d, wider[i]);
		if (wide < 0)
			continue;
		close(d->fd);
		d->fd = wide;
	}
	if (!get_info(d, &info))
		return false;
	d->lazy_len = info.length >= 2 * TIB ? TIB : info.length / 2;
	d->lazy = info.length >= 2 * TIB ? TIB : info.length / 2;
	check(d, true, "a space of format %s, %u bits, %u levels", axas_format_name(info.format),
	      info.ia_bits, info.levels);
	return check(d, info.tables == info.root_tables && !info.frames && !info.areas,
		     "it holds its root (%llu pages of table) and nothing else",
		     info.tables);
}

static bool step_lazy(struct demo *d)
{
	struct axas_info info;
	char size[32], what[64];
	int err = axas_map_alloc(d->fd, d->lazy, d->lazy_len, RWX, 0);

	snprintf(what, sizeof(what), "an area of %s, to be filled on first touch",
		 size_name(d->lazy_len, size, sizeof(size)));
	if (!check_call(d, err, what) || !get_info(d, &info))
		return false;
	return check(d, info.tables == info.root_tables && !info.frames,
		     "it costs nothing yet: %llu tables (the root), %llu frames",
		     info.tables, info.frames);
}

static bool step_load(struct demo *d)
{
	u8 *back = calloc(1, d->len);
	char sum[SHA256_TEXT];
	int err;

	err = back ? axas_map_alloc(d->fd, GPA_FILE, file_pages(d) * PAGE, RWX, 0) : -ENOMEM;
	if (check_call(d, err, "an area for the file")) {
		err = axas_write_all(d->fd, GPA_FILE, d->data, d->len, NULL);
		check_call(d, err, "writing the file into it, each page faulting in");
	}
	if (!err) {
		d->touched += file_pages(d);
		err = axas_read_all(d->fd, GPA_FILE, back, d->len, NULL);
		check_call(d, err, "reading it back");
	}
	if (!err) {
		sha256_text(back, d->len, sum);
		note(d, "SHA-256 of the file:       %s", d->sum);
		note(d, "SHA-256 of guest memory:   %s", sum);
		check(d, !strcmp(sum, d->sum), "%llu bytes, the same both ways", d->len);
	}
	free(back);
	return !err && check_frames(d);
}

static bool check_fault(struct demo *d, const char *what, u64 gpa, u32 access, int want,
			u32 *level)
{
	int result = axas_fault(d->fd, gpa, access, level);

	if (result < 0)
		return check_call(d, result, what);
	if (result == want)
		return check(d, true, "%s: %s", what, axas_fault_name(want));
	return check(d, false, "%s: %s instead of %s", what, axas_fault_name(result),
		     axas_fault_name(want));
}

static bool step_faults(struct demo *d)
{
	u64 gpa = d->lazy + d->lazy_len / 2, hole = GPA_FILE - GIB;
	u32 level;
	int err = axas_map_alloc(d->fd, GPA_READ_ONLY, PAGE, RO, 0);

	if (!check_call(d, err, "a read-only area of one page") ||
	    !check_fault(d, "a write to an untouched page", gpa, RW, AXAS_FAULT_FIXED, &level))
		return false;
	d->touched += 1ull << (9 * level);
	check_fault(d, "the same again", gpa, RW, AXAS_FAULT_SPURIOUS, NULL);
	check_fault(d, "a read where no area is", hole, AXAS_PROT_READ, AXAS_FAULT_HOLE, NULL);
	check_fault(d, "a write to the read-only area", GPA_READ_ONLY, AXAS_PROT_WRITE,
		    AXAS_FAULT_DENIED, NULL);
	return check_frames(d);
}

/* Check the areas of the file after parts of it were protected and unmapped. */
static bool check_pieces(struct demo *d, u64 ro, u64 gone, u64 end)
{
	const struct axas_area_info want[] = {
		{ .gpa = GPA_FILE, .length = ro - GPA_FILE, .prot = RWX },
		{ .gpa = ro, .length = gone - ro, .prot = RO },
		{ .gpa = gone + PAGE, .length = end - gone - PAGE, .prot = RWX },
	};
	const struct axas_area_info *area;
	size_t nr = 0, hit = 0;
	struct axas_areas it;

	axas_areas_begin(&it, d->fd, 0);
	while ((area = axas_areas_next(&it))) {
		nr++;
		for (size_t i = 0; i < ARRAY_SIZE(want); i++)
			hit += area->gpa == want[i].gpa && area->prot == want[i].prot &&
			       area->length == want[i].length;
	}
	if (it.err)
		return check_call(d, it.err, "listing the areas");
	/* plus the read-only page and the lazy area */
	return check(d, hit == ARRAY_SIZE(want) && nr == hit + 2,
		     "the file's area is now three, around a hole of one page");
}

/* The file's contents must be intact except for the unmapped page. */
static bool check_rest(struct demo *d, u64 gone)
{
	u64 head = gone - GPA_FILE, tail = head + PAGE;
	u8 *back = calloc(1, d->len);
	int err = back ? axas_read_all(d->fd, GPA_FILE, back, head, NULL) : -ENOMEM;
	bool same;

	if (!err)
		err = axas_read_all(d->fd, GPA_FILE + tail, back + tail, d->len - tail, NULL);
	same = !err && !memcmp(back, d->data, head) &&
	       !memcmp(back + tail, d->data + tail, d->len - tail);
	free(back);
	if (err)
		return check_call(d, err, "reading around the hole");
	return check(d, same, "all bytes around the hole are still the file's");
}

static bool step_split(struct demo *d)
{
	u64 quarter = file_pages(d) / 4 * PAGE;
	u64 ro = GPA_FILE + quarter, gone = GPA_FILE + 2 * quarter;
	u8 byte = 0;
	int err;

	err = axas_protect(d->fd, ro, gone - ro, RO);
	if (!check_call(d, err, "protecting a piece of the file's area against writes"))
		return false;
	err = axas_unmap(d->fd, gone, PAGE);
	if (!check_call(d, err, "unmapping the page behind it"))
		return false;
	d->touched--;
	err = axas_write_all(d->fd, ro, &byte, 1, NULL);
	check(d, err == -EACCES, "a write to the protected piece is refused");
	err = axas_read_all(d->fd, gone, &byte, 1, NULL);
	check(d, err == -EFAULT, "a read of the unmapped page finds a hole");
	check_pieces(d, ro, gone, GPA_FILE + file_pages(d) * PAGE);
	check_rest(d, gone);
	return check_frames(d);
}

static bool check_translation(struct demo *d, u64 offset)
{
	struct axas_translate tr;
	int err = axas_translate(d->fd, GPA_WINDOW + offset, &tr);

	if (err)
		return check_call(d, err, "translating in it");
	check(d, tr.hpa == d->window + offset, "gpa %#llx is hpa %#llx",
	      tr.gpa, tr.hpa);
	return check(d, tr.limit == d->window_size - offset && tr.left <= tr.limit,
		     "%#llx bytes can be reached from there, %#llx of them in its leaf (level %u)",
		     tr.limit, tr.left, tr.level);
}

static bool step_linear(struct demo *d)
{
	int err;

	if (!d->window_size) {
		note(d, "not asked for: no --window was given");
		return true;
	}
	err = axas_map_linear(d->fd, GPA_WINDOW, d->window, d->window_size, RW, AXAS_TYPE_NORMAL);
	if (err < 0) {
		check(d, false, "mapping it: %s", explain("map linear", -err));
		return true;
	}
	check(d, true, "mapped at %#llx", GPA_WINDOW);
	check_translation(d, 0);
	check_translation(d, d->window_size / 2 + 0x123);
	return check_frames(d);
}

static void note_areas(struct demo *d)
{
	const struct axas_area_info *area;
	struct axas_areas it;
	char size[32];

	axas_areas_begin(&it, d->fd, 0);
	while ((area = axas_areas_next(&it)))
		note(d, "area %#14llx %12s %s %s", area->gpa,
		     size_name(area->length, size, sizeof(size)), axas_prot_name(area->prot),
		     axas_backend_name(area->backend));
}

static bool step_show(struct demo *d)
{
	struct axas_info info;

	if (!get_info(d, &info))
		return false;
	note_areas(d);
	note(d, "frames %llu, tables %llu, leaves %llu of 4 KiB, %llu of 2 MiB, %llu of 1 GiB",
	     info.frames, info.tables, info.leaves[0], info.leaves[1], info.leaves[2]);
	for (int i = 0; i <= AXAS_FAULT_ERROR; i++)
		if (info.faults[i])
			note(d, "faults that came to %s: %llu", axas_fault_name(i),
			     info.faults[i]);
	if (d->secpagetables >= 0)
		note(d, "the system's page tables for guests: %ld KiB before, %ld KiB now",
		     d->secpagetables, read_secpagetables());
	return check_frames(d);
}

static bool step_clear(struct demo *d)
{
	struct axas_info info;
	u64 leaves = 0;

	if (!check_call(d, axas_unmap(d->fd, GPA_FILE, file_pages(d) * PAGE),
			"unmapping the file's range") ||
	    !check_call(d, axas_clear(d->fd), "clearing the rest") || !get_info(d, &info))
		return false;
	for (int i = 0; i < AXAS_LEAF_LEVELS; i++)
		leaves += info.leaves[i];
	check(d, !info.areas && !info.frames && !leaves,
	      "%llu areas, %llu frames, %llu leaves are left",
	      info.areas, info.frames, leaves);
	check(d, info.tables == info.root_tables, "%llu tables are left: the root",
	      info.tables);
	return true;
}

/* Per-CPU counters are folded once a second: wait for them. */
static bool step_drop(struct demo *d)
{
	long now = 0;

	close(d->fd);
	d->fd = -1;
	if (d->secpagetables < 0) {
		note(d, "this kernel does not count SecPageTables");
		return true;
	}
	for (int i = 0; i < SETTLE_STEPS; i++) {
		now = read_secpagetables();
		if (now <= d->secpagetables)
			break;
		usleep(100000);
	}
	return check(d, now <= d->secpagetables,
		     "the system's page tables for guests: %ld KiB before, %ld KiB now",
		     d->secpagetables, now);
}

const struct demo_step demo_steps[] = {
	{ "Create a space", step_create },
	{ "Map a big lazy area", step_lazy },
	{ "Load a file", step_load },
	{ "Fault as a vCPU would", step_faults },
	{ "Protect and unmap a piece", step_split },
	{ "Map a reserved host-physical range", step_linear },
	{ "What the space holds", step_show },
	{ "Unmap everything", step_clear },
	{ "Drop the space", step_drop },
};

const size_t nr_demo_steps = ARRAY_SIZE(demo_steps);
