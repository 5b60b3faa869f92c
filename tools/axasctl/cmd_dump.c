// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command dump: print the table of a space from debugfs. The descriptor's fdinfo gives the
 * number of its directory.
 */
#include "axasctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DEBUGFS		"/sys/kernel/debug/axas"

struct dump_args {
	struct args args;
	bool raw;
};

static const struct argp_option dump_options[] = {
	{ "raw", OPT_RAW, NULL, 0, "Each leaf with its level, its hpa and its entry", 0 },
	{ 0 }
};

static error_t dump_parse(int key, char *arg, struct argp_state *state)
{
	struct dump_args *d = state->input;

	if (key != OPT_RAW)
		return parse_common(key, arg, state);
	d->raw = true;
	return 0;
}

static const struct argp dump_argp = {
	dump_options, dump_parse, NULL,
	"Show the mappings of the page table.\n"
	"\vA line for each run of equal leaves: range, KiB, leaf size, protection,\n"
	"type, borrowed if the frames are an image's or a file's. It reads\n"
	DEBUGFS ", so debugfs must be mounted, and --raw needs CAP_SYS_RAWIO.",
	common_options, NULL, NULL
};

/* Number of the space of descriptor @fd; 0 if it is not a space. */
static unsigned int space_number(int fd)
{
	char path[64], line[128];
	unsigned int id = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && !id && fgets(line, sizeof(line), f))
		if (sscanf(line, "axas-id: %u", &id) != 1)
			id = 0;
	if (f)
		fclose(f);
	return id;
}

static int dump_text(FILE *f)
{
	char line[256];

	while (fgets(line, sizeof(line), f))
		fputs(line, stdout);
	return ferror(f) ? 1 : 0;
}

static void add_run(struct json_object *list, const char *line)
{
	struct json_object *one;
	unsigned long long first, last, kib;
	char size[8], prot[4], type[16], owner[16] = "";

	if (sscanf(line, "%llx-%llx %lluK %7s %3s %15s %15s", &first, &last, &kib, size, prot,
		   type, owner) < 6)
		return;
	one = json_object_new_object();
	add_hex(one, "gpa", first);
	add_num(one, "length", kib << 10);
	add_str(one, "leaf", size);
	add_str(one, "prot", prot);
	add_str(one, "type", type);
	json_object_object_add(one, "borrowed", json_object_new_boolean(!!*owner));
	json_object_array_add(list, one);
}

static void add_leaf(struct json_object *list, const char *line)
{
	unsigned long long gpa, hpa, entry;
	struct json_object *one;
	unsigned int level;

	if (sscanf(line, "%llx %u %llx %llx", &gpa, &level, &hpa, &entry) != 4)
		return;
	one = json_object_new_object();
	add_hex(one, "gpa", gpa);
	add_num(one, "level", level);
	add_hex(one, "hpa", hpa);
	add_hex(one, "entry", entry);
	json_object_array_add(list, one);
}

static int dump_json(FILE *f, bool raw)
{
	struct json_object *obj = json_object_new_object();
	struct json_object *list = json_object_new_array();
	char line[256];

	while (fgets(line, sizeof(line), f))
		(raw ? add_leaf : add_run)(list, line);
	json_object_object_add(obj, raw ? "leaves" : "runs", list);
	return answer(obj) || ferror(f);
}

FILE *open_dump(int fd, const char *name, char *path, size_t len)
{
	/* Reading the list creates the directories of the spaces. */
	FILE *f = fopen(DEBUGFS "/spaces", "r");
	char buf[256];

	while (f && fread(buf, 1, sizeof(buf), f) == sizeof(buf))
		;
	if (f)
		fclose(f);
	snprintf(path, len, DEBUGFS "/%u/%s", space_number(fd), name);
	return fopen(path, "r");
}

int cmd_dump(struct session *s, int argc, char **argv)
{
	struct dump_args d = { 0 };
	int status, fd;
	char path[64];
	FILE *f;

	if (parse_args(s, &dump_argp, argc, argv, &d.args, &status))
		return status;
	fd = need_space(s);
	if (fd < 0)
		return 1;
	f = open_dump(fd, d.raw ? "raw" : "table", path, sizeof(path));
	if (!f)
		return fail(s, errno, "%s: %s", path, strerror(errno));
	status = s->json ? dump_json(f, d.raw) : dump_text(f);
	fclose(f);
	return status ? fail(s, EIO, "%s: it could not be read", path) : 0;
}
