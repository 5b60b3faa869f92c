// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands for whole spaces: create, info, areas, formats, clear.
 */
#include "axasctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct create_args {
	struct args args;
	struct axas_create create;
};

static const struct argp_option create_options[] = {
	{ "format", 'f', "NAME", 0, "ept, svm, s2, gstage or default: the host CPU's", 0 },
	{ "ia-bits", OPT_IA_BITS, "N", 0, "Bits of guest-physical address", 0 },
	{ "base", OPT_BASE, "GPA", 0, "First guest-physical address", 0 },
	{ "length", OPT_LENGTH, "SIZE", 0, "Bytes of the space (default: all)", 0 },
	{ "max-frames", OPT_MAX_FRAMES, "N", 0, "Limit of 4 KiB frames", 0 },
	{ 0 }
};

static error_t create_parse(int key, char *arg, struct argp_state *state)
{
	struct create_args *c = state->input;
	u64 n;

	switch (key) {
	case 'f':
		return take_format(&c->args, arg, &c->create.format);
	case OPT_IA_BITS:
		return take_u32(&c->args, "ia-bits", arg, &c->create.ia_bits);
	case OPT_BASE:
		if (take_number(&c->args, "base", arg, &n))
			return -EINVAL;
		c->create.base = n;
		return 0;
	case OPT_LENGTH:
		if (take_number(&c->args, "length", arg, &n))
			return -EINVAL;
		c->create.length = n;
		return 0;
	case OPT_MAX_FRAMES:
		if (take_number(&c->args, "max-frames", arg, &n))
			return -EINVAL;
		c->create.max_frames = n;
		return 0;
	default:
		return parse_common(key, arg, state);
	}
}

static const struct argp create_argp = {
	create_options, create_parse, "[-- COMMAND [ARG...]]",
	"Create a space.\n"
	"\vA space lives as long as a descriptor of it is open. So COMMAND runs with the space\n"
	"open, and the number of its descriptor in AXAS_FD, where each command of axasctl finds\n"
	"it. The space is closed when COMMAND and its children have exited. In the shell there\n"
	"is no COMMAND: the next commands work on the new space, and the previous one is\n"
	"closed.\n\n"
	"  axasctl create -- sh -c 'axasctl map alloc 0 1M; axasctl info'\n"
	"  axasctl shell -c 'create; map alloc 0 1M; info'",
	common_options, NULL, NULL
};

int exec_with_space(struct session *s, int fd, char **words)
{
	char number[12];

	snprintf(number, sizeof(number), "%d", fd);
	if (fcntl(fd, F_SETFD, 0) || setenv("AXAS_FD", number, 1))
		return fail(s, errno, "handing the space on: %s", strerror(errno));
	fflush(NULL);
	execvp(words[0], words);
	return fail(s, errno, "%s: %s", words[0], strerror(errno));
}

static int report_created(struct session *s, int fd)
{
	struct json_object *obj;
	struct axas_info info;
	int err = axas_get_info(fd, &info);

	if (err)
		return fail(s, -err, "info: %s", explain("info", -err));
	if (!s->json)
		return 0;
	obj = json_object_new_object();
	add_num(obj, "fd", fd);
	add_str(obj, "format", axas_format_name(info.format));
	add_num(obj, "ia_bits", info.ia_bits);
	return answer(obj);
}

int cmd_create(struct session *s, int argc, char **argv)
{
	struct create_args c = { .args = { .take_rest = true } };
	int status, fd;

	if (parse_args(s, &create_argp, argc, argv, &c.args, &status))
		return status;
	if (!s->in_shell && !c.args.rest)
		return fail(s, EINVAL, "a space ends with its last descriptor: %s",
			    "give -- COMMAND, or use axasctl shell");
	if (s->in_shell && c.args.rest)
		return fail(s, EINVAL, "in the shell it takes no COMMAND");
	fd = axas_open_space(device_path(), &c.create);
	if (fd == -ENOENT || fd == -EACCES)
		return fail(s, -fd, "/dev/axas: %s", explain("open", -fd));
	if (fd < 0)
		return fail(s, -fd, "%s", explain("create", -fd));
	if (!s->in_shell)
		return exec_with_space(s, fd, c.args.rest);
	set_space(s, fd, -1, 0);
	return report_created(s, fd);
}

static const struct argp info_argp = {
	NULL, parse_common, NULL,
	"Show parameters and counters of the space.\n"
	"\vtables: 4 KiB pages of the page table, including the root. frames: 4 KiB frames of\n"
	"alloc areas, and private copies of pages of an image or a file. shared: frames of other\n"
	"spaces that this one maps. exported: frames of this space that others map. faults: by\n"
	"result.",
	common_options, NULL, NULL
};

static int info_json(const struct axas_info *info)
{
	struct json_object *obj = json_object_new_object();

	add_str(obj, "format", axas_format_name(info->format));
	add_num(obj, "levels", info->levels);
	add_num(obj, "ia_bits", info->ia_bits);
	add_num(obj, "oa_bits", info->oa_bits);
	add_hex(obj, "base", info->base);
	add_num(obj, "length", info->length);
	add_hpa(obj, "root", info->root);
	add_num(obj, "areas", info->areas);
	add_num(obj, "frames", info->frames);
	add_num(obj, "max_frames", info->max_frames);
	add_num(obj, "borrowed", info->borrowed);
	add_num(obj, "shared", info->shared);
	add_num(obj, "exported", info->exported);
	add_num(obj, "tables", info->tables);
	add_num(obj, "root_tables", info->root_tables);
	add_leaves(obj, info);
	add_faults(obj, info);
	return answer(obj);
}

static int info_text(const struct axas_info *info)
{
	char size[32];

	printf("format   %s, %u levels, %u bits to %u bits\n", axas_format_name(info->format),
	       info->levels, info->ia_bits, info->oa_bits);
	printf("range    %#llx + %s\n", info->base,
	       size_name(info->length, size, sizeof(size)));
	if (info->root != AXAS_HPA_NONE)
		printf("root     %#llx\n", info->root);
	printf("areas    %llu\n", info->areas);
	printf("frames   %llu", info->frames);
	if (info->max_frames)
		printf(" of at most %llu", info->max_frames);
	if (info->borrowed)
		printf("\nborrowed %llu", info->borrowed);
	if (info->shared)
		printf("\nshared   %llu", info->shared);
	if (info->exported)
		printf("\nexported %llu", info->exported);
	printf("\ntables   %llu, %llu of them the root\n", info->tables, info->root_tables);
	print_leaves(info);
	print_faults(info);
	return 0;
}

int cmd_info(struct session *s, int argc, char **argv)
{
	struct args args = { 0 };
	struct axas_info info;
	int status, fd, err;

	if (parse_args(s, &info_argp, argc, argv, &args, &status))
		return status;
	fd = need_space(s);
	if (fd < 0)
		return 1;
	err = axas_get_info(fd, &info);
	if (err)
		return fail(s, -err, "%s", explain("info", -err));
	return s->json ? info_json(&info) : info_text(&info);
}

static const struct argp areas_argp = {
	NULL, parse_common, NULL, "List the areas in order of address.",
	common_options, NULL, NULL
};

static const char *huge_name(u32 flags)
{
	if (flags & AXAS_MAP_HUGE_ALWAYS)
		return "always";
	return flags & AXAS_MAP_HUGE_NEVER ? "never" : "populate";
}

/* What accesses by the host do at a missing page. */
static const char *missing_name(u32 flags)
{
	if (!(flags & AXAS_MAP_MISSING))
		return "none";
	return flags & AXAS_MAP_MISSING_FAIL ? "fail" : "wait";
}

/* Fault-around of an area: log2 of the number of pages. */
static u32 around(u32 flags)
{
	return (flags & AXAS_MAP_AROUND_MASK) >> AXAS_MAP_AROUND_SHIFT;
}

static struct json_object *area_json(const struct axas_area_info *area)
{
	struct json_object *obj = json_object_new_object();

	add_hex(obj, "gpa", area->gpa);
	add_num(obj, "length", area->length);
	add_str(obj, "prot", axas_prot_name(area->prot));
	add_str(obj, "type", axas_type_name(area->type));
	add_str(obj, "backend", axas_backend_name(area->backend));
	add_hpa(obj, "hpa", area->hpa);
	add_str(obj, "huge", huge_name(area->flags));
	add_num(obj, "around", around(area->flags));
	add_str(obj, "missing", missing_name(area->flags));
	return obj;
}

static int areas_json(struct axas_areas *it)
{
	struct json_object *obj = json_object_new_object();
	struct json_object *list = json_object_new_array();
	const struct axas_area_info *area;

	while ((area = axas_areas_next(it)))
		json_object_array_add(list, area_json(area));
	json_object_object_add(obj, "areas", list);
	if (!it->err)
		return answer(obj);
	json_object_put(obj);
	return 1;
}

static void area_text(const struct axas_area_info *area)
{
	char size[32];

	printf("%#-18llx %14s %-4s %-8s %-8s", area->gpa,
	       size_name(area->length, size, sizeof(size)), axas_prot_name(area->prot),
	       axas_type_name(area->type), axas_backend_name(area->backend));
	if (area->hpa != AXAS_HPA_NONE)
		printf(" %#llx\n", area->hpa);
	else
		puts(" -");
}

static int areas_text(struct axas_areas *it)
{
	const struct axas_area_info *area = axas_areas_next(it);

	if (area)
		printf("%-18s %14s %-4s %-8s %-8s %s\n", "GPA", "SIZE", "PROT", "TYPE",
		       "BACKEND", "HPA");
	for (; area; area = axas_areas_next(it))
		area_text(area);
	return 0;
}

int cmd_areas(struct session *s, int argc, char **argv)
{
	struct args args = { 0 };
	struct axas_areas it;
	int status, fd;

	if (parse_args(s, &areas_argp, argc, argv, &args, &status))
		return status;
	fd = need_space(s);
	if (fd < 0)
		return 1;
	axas_areas_begin(&it, fd, 0);
	status = s->json ? areas_json(&it) : areas_text(&it);
	return it.err ? fail(s, -it.err, "%s", explain("areas", -it.err)) : status;
}

static const struct argp formats_argp = {
	NULL, parse_common, NULL,
	"List the page-table formats of this build of the module.\n"
	"\vThe host's CPU walks the default format, marked with a star; tables of the others\n"
	"are used by software only.", common_options, NULL, NULL
};

static struct json_object *format_json(const struct axas_format_info *info, bool is_default)
{
	struct json_object *obj = json_object_new_object();
	struct json_object *sizes = json_object_new_array();
	struct json_object *names = json_object_new_array();

	add_str(obj, "format", axas_format_name(info->format));
	json_object_object_add(obj, "default", json_object_new_boolean(is_default));
	add_num(obj, "min_ia_bits", info->min_ia_bits);
	add_num(obj, "max_ia_bits", info->max_ia_bits);
	add_num(obj, "oa_bits", info->oa_bits);
	json_object_object_add(obj, "native",
			       json_object_new_boolean(!!(info->caps & AXAS_CAP_NATIVE)));
	add_hex(obj, "caps", info->caps & AXAS_CAP_MASK);
	for (u32 cap = 1; cap & AXAS_CAP_MASK; cap <<= 1)
		if (info->caps & cap)
			json_object_array_add(names, json_object_new_string(axas_cap_name(cap)));
	json_object_object_add(obj, "cap_names", names);
	for (int i = 0; i < AXAS_LEAF_LEVELS; i++)
		if (info->leaf_levels & (1u << i))
			json_object_array_add(sizes, json_object_new_string(axas_leaf_name(i)));
	json_object_object_add(obj, "leaf_sizes", sizes);
	return obj;
}

static void format_text(const struct axas_format_info *info, bool is_default)
{
	printf("%c %-8s %u to %u bits, to %u bits, leaves", is_default ? '*' : ' ',
	       axas_format_name(info->format), info->min_ia_bits, info->max_ia_bits, info->oa_bits);
	for (int i = 0; i < AXAS_LEAF_LEVELS; i++)
		if (info->leaf_levels & (1u << i))
			printf(" %s", axas_leaf_name(i));
	if (info->caps & AXAS_CAP_MASK)
		printf(", with");
	for (u32 cap = 1; cap & AXAS_CAP_MASK; cap <<= 1)
		if (info->caps & cap)
			printf(" %s", axas_cap_name(cap));
	putchar('\n');
}

static int list_formats(struct session *s, int dev)
{
	struct json_object *obj, *list = json_object_new_array();
	u32 default_format = AXAS_FORMAT_DEFAULT;
	struct axas_format_info info;
	int err;

	if (!axas_get_format(dev, AXAS_FORMAT_DEFAULT, &info))
		default_format = info.format;
	for (u32 f = AXAS_FORMAT_EPT; f < AXAS_NR_FORMATS; f++) {
		err = axas_get_format(dev, f, &info);
		if (err == -EOPNOTSUPP)
			continue;
		if (err) {
			json_object_put(list);
			return fail(s, -err, "%s: %s", axas_format_name(f), strerror(-err));
		}
		if (s->json)
			json_object_array_add(list, format_json(&info, f == default_format));
		else
			format_text(&info, f == default_format);
	}
	if (!s->json) {
		json_object_put(list);
		return 0;
	}
	obj = json_object_new_object();
	json_object_object_add(obj, "formats", list);
	return answer(obj);
}

int cmd_formats(struct session *s, int argc, char **argv)
{
	struct args args = { 0 };
	int status, dev;

	if (parse_args(s, &formats_argp, argc, argv, &args, &status))
		return status;
	dev = axas_open(device_path());
	if (dev < 0)
		return fail(s, -dev, "/dev/axas: %s", explain("open", -dev));
	status = list_formats(s, dev);
	close(dev);
	return status;
}

static const struct argp clear_argp = {
	NULL, parse_common, NULL, "Remove every area of the space.",
	common_options, NULL, NULL
};

int cmd_clear(struct session *s, int argc, char **argv)
{
	struct args args = { 0 };
	int status, fd, err;

	if (parse_args(s, &clear_argp, argc, argv, &args, &status))
		return status;
	fd = need_space(s);
	if (fd < 0)
		return 1;
	err = axas_clear(fd);
	if (err)
		return fail(s, -err, "%s", explain("clear", -err));
	return s->json ? answer(json_object_new_object()) : 0;
}
