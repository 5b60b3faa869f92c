// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command show: the map of guest memory, drawn in the terminal or as SVG, or its sums as JSON.
 * Areas come from the space, leaves from debugfs, which is for root alone: without it, what is
 * touched comes from the space's file, and the size of leaves and who owns them is not known.
 * Calls picture.c, show_text.c, show_svg.c, cmd_dump.c, cmd.c, parse.c and report.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "picture.h"

struct show_args {
	struct args args;
	const char *svg;
};

static const struct argp_option show_options[] = {
	{ "svg", OPT_SVG, "FILE", 0, "Write an SVG picture to FILE (-: standard output)", 0 },
	{ 0 }
};

static error_t show_parse(int key, char *arg, struct argp_state *state)
{
	struct show_args *a = state->input;

	if (key != OPT_SVG)
		return parse_common(key, arg, state);
	a->svg = arg;
	return 0;
}

static const struct argp show_argp = {
	show_options, show_parse, "[GPA SIZE]",
	"Draw the map of guest memory: areas, and which parts are touched.\n"
	"\vWithout GPA and SIZE all areas are drawn; rows without an area are left out. P:\n"
	"private in 4 KiB leaves, H: in larger ones, B: borrowed from an image or a file, S:\n"
	"shared with another space, L: linear, a dot: untouched, blank: a hole. Owners and leaf\n"
	"sizes are read from debugfs, which needs root.",
	common_options, NULL, NULL
};

static int add_areas(struct picture *p, int fd)
{
	const struct axas_area_info *area;
	struct axas_areas it;
	int err = 0;

	axas_areas_begin(&it, fd, 0);
	while (!err && (area = axas_areas_next(&it)))
		err = picture_add_area(p, area);
	return err ? err : it.err;
}

/* A line of the file "table" in debugfs. */
static bool parse_run(const char *line, struct pic_run *run)
{
	static const char *const sizes[] = { "4K", "2M", "1G", "512G" };
	char size[8], rest[64] = "";
	u64 first, last, kib;

	if (sscanf(line, "%llx-%llx %lluK %7s %63[^\n]", &first, &last, &kib, size, rest) < 4)
		return false;
	*run = (struct pic_run){
		.gpa = first, .length = last - first + 1, .level = AXAS_LEAF_LEVELS,
		.borrowed = strstr(rest, "borrowed"),
	};
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++)
		if (!strcmp(size, sizes[i]))
			run->level = i;
	return true;
}

static bool read_leaves(struct picture *p, int fd)
{
	char path[64], line[256];
	struct pic_run run;
	FILE *f = open_dump(fd, "table", path, sizeof(path));

	if (!f)
		return false;
	p->leaves = true;
	while (fgets(line, sizeof(line), f))
		if (parse_run(line, &run))
			picture_add_run(p, &run);
	fclose(f);
	return true;
}

/* What the space's file has data for, as if in leaves of 4 KiB. */
static void add_data(struct picture *p, int fd)
{
	off_t at = p->first > INT64_MAX ? -1 : (off_t)p->first, end;

	while (at >= 0) {
		at = lseek(fd, at, SEEK_DATA);
		end = at < 0 ? -1 : lseek(fd, at, SEEK_HOLE);
		if (end <= at)
			break;
		picture_add_run(p, &(struct pic_run){ at, end - at, 0, false });
		at = end;
	}
	p->leaves = false;
}

static struct json_object *kinds_json(const u64 *kinds, bool leaves)
{
	static const char *const keys[NR_KINDS] = {
		"untouched", "private_4k", "private_large", "borrowed", "shared", "linear",
	};
	struct json_object *obj = json_object_new_object();
	u64 touched = 0;

	for (unsigned int kind = KIND_SMALL; kind < NR_KINDS; kind++)
		touched += kinds[kind];
	add_num(obj, keys[KIND_UNTOUCHED], kinds[KIND_UNTOUCHED]);
	add_num(obj, "touched", touched);
	for (unsigned int kind = KIND_SMALL; leaves && kind < NR_KINDS; kind++)
		add_num(obj, keys[kind], kinds[kind]);
	return obj;
}

static int show_json(const struct picture *p)
{
	struct json_object *obj = json_object_new_object(), *list = json_object_new_array(), *one;

	for (size_t i = 0; i < p->nr_areas; i++) {
		const struct axas_area_info *info = &p->areas[i].info;

		one = json_object_new_object();
		add_hex(one, "gpa", info->gpa);
		add_num(one, "length", info->length);
		add_str(one, "prot", axas_prot_name(info->prot));
		add_str(one, "type", axas_type_name(info->type));
		add_str(one, "backend", axas_backend_name(info->backend));
		json_object_object_add(one, "bytes", kinds_json(p->areas[i].kinds, p->leaves));
		json_object_array_add(list, one);
	}
	json_object_object_add(obj, "areas", list);
	return answer(obj);
}

static int write_svg(struct session *s, const struct picture *p, const char *title,
		     const char *name)
{
	FILE *f = strcmp(name, "-") ? fopen(name, "w") : stdout;
	int err;

	if (!f)
		return fail(s, errno, "%s: %s", name, strerror(errno));
	show_svg(p, title, f);
	err = ferror(f) ? EIO : 0;
	if (f != stdout && fclose(f))
		err = errno;
	return err ? fail(s, err, "%s: %s", name, strerror(err)) : 0;
}

static int draw(struct session *s, const struct picture *p, int fd, const char *svg)
{
	const char *term = getenv("TERM");
	char title[128], size[16], touched[16];
	struct axas_info info;
	u64 sum = 0, all;
	int err = axas_get_info(fd, &info);

	if (err)
		return fail(s, -err, "%s", explain("info", -err));
	for (unsigned int kind = KIND_SMALL; kind < NR_KINDS; kind++)
		sum += picture_sum(p, kind);
	all = sum + picture_sum(p, KIND_UNTOUCHED);
	snprintf(title, sizeof(title), "%s, %zu area%s, %s, %s touched",
		 axas_format_name(info.format), p->nr_areas, p->nr_areas == 1 ? "" : "s",
		 short_size(all, size, sizeof(size)),
		 short_size(sum, touched, sizeof(touched)));
	if (svg)
		return write_svg(s, p, title, svg);
	if (s->json)
		return show_json(p);
	show_text(p, title, isatty(STDOUT_FILENO) && !getenv("NO_COLOR") &&
		  term && strcmp(term, "dumb"));
	return 0;
}

/* What is drawn: the operands, or all areas. */
static int take_range(struct show_args *a, const struct picture *p, u64 *first, u64 *last)
{
	const struct pic_area *end = p->nr_areas ? &p->areas[p->nr_areas - 1] : NULL;
	u64 gpa, size;

	*first = end ? p->areas[0].info.gpa : 0;
	*last = end ? end->info.gpa + end->info.length - 1 : 0;
	if (!a->args.nr)
		return 0;
	if (a->args.nr != 2)
		return usage_error(&a->args, "give GPA and SIZE, or neither");
	if (take_number(&a->args, "GPA", a->args.arg[0], &gpa) ||
	    take_number(&a->args, "SIZE", a->args.arg[1], &size))
		return -EINVAL;
	if (!size || gpa + size - 1 < gpa)
		return usage_error(&a->args, "the range is empty or wraps");
	*first = gpa;
	*last = gpa + size - 1;
	return 0;
}

int cmd_show(struct session *s, int argc, char **argv)
{
	struct show_args a = { .args = { .min = 0, .max = 2 } };
	struct picture p = { 0 };
	int status, fd, err;
	u64 first, last;

	if (parse_args(s, &show_argp, argc, argv, &a.args, &status))
		return status;
	if (take_range(&a, &p, &first, &last))
		return 1;
	fd = need_space(s);
	if (fd < 0)
		return 1;
	err = add_areas(&p, fd);
	if (!err) {
		take_range(&a, &p, &first, &last);
		err = picture_scale(&p, first, last);
	}
	if (!err && !read_leaves(&p, fd))
		add_data(&p, fd);
	status = err ? fail(s, -err, "%s", explain("areas", -err)) : draw(s, &p, fd, a.svg);
	picture_free(&p);
	return status;
}
