// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command log: the dirty log of a range. Calls libaxas, cmd.c, parse.c and report.c.
 */
#include "axasctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Extents asked for at once. */
#define SOME	64

static const struct argp log_argp = {
	NULL, parse_common, "start GPA SIZE\nget GPA SIZE\nclear GPA SIZE\nstop GPA SIZE",
	"Log which pages of a range are written.\n"
	"\vstart: start the log, with all pages clean. get: print the ranges that were written\n"
	"since. clear: print them, and mark them as clean. stop: end the log.",
	common_options, NULL, NULL
};

static int fail_log(struct session *s, int err, u64 gpa, u64 len)
{
	char size[32];

	return fail(s, -err, "%#llx + %s: %s", gpa, size_name(len, size, sizeof(size)),
		    explain("log", -err));
}

static void print_extent(struct json_object *list, const struct axas_extent *extent)
{
	struct json_object *obj;

	if (!list) {
		printf("%#llx %llu\n", (u64)extent->gpa, (u64)extent->length / 4096);
		return;
	}
	obj = json_object_new_object();
	add_hex(obj, "gpa", extent->gpa);
	add_num(obj, "length", extent->length);
	json_object_array_add(list, obj);
}

/* Print what was written, and clear it if @clear. Return 0 or -errno. */
static int print_log(int fd, u64 gpa, u64 len, bool clear, struct json_object *list)
{
	struct axas_extent extents[SOME];
	__u64 at = gpa, epoch;
	int n, err;

	while (at < gpa + len) {
		n = axas_get_log_extents(fd, &at, gpa + len - at, extents, SOME, &epoch);
		if (n < 0)
			return n;
		for (int i = 0; i < n; i++)
			print_extent(list, &extents[i]);
		err = clear && n ? axas_clear_log_extents(fd, extents, n, epoch) : 0;
		if (err)
			return err;
	}
	return 0;
}

static int show_log(struct session *s, int fd, u64 gpa, u64 len, bool clear)
{
	struct json_object *list = s->json ? json_object_new_array() : NULL, *obj;
	int err = print_log(fd, gpa, len, clear, list);

	if (err) {
		json_object_put(list);
		return fail_log(s, err, gpa, len);
	}
	if (!list)
		return 0;
	obj = json_object_new_object();
	json_object_object_add(obj, "written", list);
	return answer(obj);
}

int cmd_log(struct session *s, int argc, char **argv)
{
	struct args args = { .min = 3, .max = 3 };
	int status, fd, err;
	u64 gpa, len;

	if (parse_args(s, &log_argp, argc, argv, &args, &status))
		return status;
	if (take_number(&args, "GPA", args.arg[1], &gpa) ||
	    take_number(&args, "SIZE", args.arg[2], &len))
		return 1;
	fd = need_space(s);
	if (fd < 0)
		return 1;
	if (!strcmp(args.arg[0], "get") || !strcmp(args.arg[0], "clear"))
		return show_log(s, fd, gpa, len, *args.arg[0] == 'c');
	if (!strcmp(args.arg[0], "start"))
		err = axas_start_log(fd, gpa, len);
	else if (!strcmp(args.arg[0], "stop"))
		err = axas_stop_log(fd, gpa, len);
	else
		return !!usage_error(&args, "'%s' is none of start, get, clear, stop", args.arg[0]);
	return err ? fail_log(s, err, gpa, len) : answer_range(s, gpa, len);
}
