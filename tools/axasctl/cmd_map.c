// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands that change areas and their leaves: map, unmap, protect, discard,
 * populate, collapse.
 */
#include "axasctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct map_args {
	struct args args;
	u32 prot;
	u32 type;
	u32 flags;
};

static const struct argp_option map_options[] = {
	{ "prot", 'p', "PROT", 0, "Protection, as rwx, r-x, rw (default: rwx)", 0 },
	{ "type", OPT_TYPE, "TYPE", 0, "normal, device or uncached (default: normal)", 0 },
	{ "populate", OPT_POPULATE, NULL, 0, "Allocate all frames now, not on first touch", 0 },
	{ "huge", OPT_HUGE, "WHEN", 0,
	  "2 MiB frames: always, never, or advise (the default): with --populate", 0 },
	{ "missing", OPT_MISSING, "ACCESS", OPTION_ARG_OPTIONAL,
	  "No content before supply: accesses by the host wait or, if ACCESS is fail, fail", 0 },
	{ "around", OPT_AROUND, "N", 0,
	  "A fault fills 2^N pages around it, N from 0 to 9 (default: 0)", 0 },
	{ 0 }
};

static error_t take_around(struct map_args *m, const char *arg)
{
	u64 order;
	int err;

	err = take_number(&m->args, "N", arg, &order);
	if (err)
		return err;
	if (order > 9)
		return usage_error(&m->args, "--around takes a number from 0 to 9");
	m->flags &= ~AXAS_MAP_AROUND_MASK;
	m->flags |= AXAS_MAP_AROUND((u32)order);
	return 0;
}

static error_t take_missing(struct map_args *m, const char *arg)
{
	m->flags |= AXAS_MAP_MISSING;
	if (!arg || !strcmp(arg, "wait"))
		return 0;
	if (strcmp(arg, "fail"))
		return usage_error(&m->args, "--missing takes wait or fail");
	m->flags |= AXAS_MAP_MISSING_FAIL;
	return 0;
}

static error_t map_parse(int key, char *arg, struct argp_state *state)
{
	struct map_args *m = state->input;

	switch (key) {
	case 'p':
		return take_prot(&m->args, arg, &m->prot);
	case OPT_TYPE:
		return take_type(&m->args, arg, &m->type);
	case OPT_POPULATE:
		m->flags |= AXAS_MAP_POPULATE;
		return 0;
	case OPT_HUGE:
		return take_huge(&m->args, arg, &m->flags);
	case OPT_AROUND:
		return take_around(m, arg);
	case OPT_MISSING:
		return take_missing(m, arg);
	default:
		return parse_common(key, arg, state);
	}
}

static const struct argp map_argp = {
	map_options, map_parse, "alloc GPA SIZE\nlinear GPA HPA SIZE\n"
	"file GPA PATH OFFSET SIZE\nshared GPA SPACE SOURCE SIZE\nbackend NAME ARG GPA SIZE",
	"Map memory into the space.\n"
	"\valloc: zeroed frames from the page allocator, on first touch unless --populate is\n"
	"given. linear: the host-physical range at HPA, which must not overlap System RAM. file:\n"
	"SIZE bytes of the file at PATH, whose pages are shared until they are written; it must\n"
	"not be open for writing. shared: the memory at SOURCE of another space, whose\n"
	"descriptor is the file SPACE, such as /proc/PID/fd/N; its areas must permit PROT.\n"
	"backend: memory of the kernel module that registered NAME, which interprets ARG.\n"
	"Numbers are decimal or 0x..., with K, M, G, T, P for powers of 1024, and must be\n"
	"multiples of 4 KiB.", common_options, NULL, NULL
};

static int fail_range(struct session *s, const char *what, int err, u64 gpa, u64 len)
{
	char size[32];

	return fail(s, -err, "%#llx + %s: %s", gpa,
		    size_name(len, size, sizeof(size)), explain(what, -err));
}

static int map_alloc(struct session *s, struct map_args *m)
{
	u64 gpa, len;
	int fd, err;

	if (m->args.nr != 3)
		return !!usage_error(&m->args, "alloc takes GPA and SIZE");
	if (take_number(&m->args, "GPA", m->args.arg[1], &gpa) ||
	    take_number(&m->args, "SIZE", m->args.arg[2], &len))
		return 1;
	fd = need_space(s);
	if (fd < 0)
		return 1;
	if (m->type == AXAS_TYPE_NORMAL)
		err = axas_map_alloc(fd, gpa, len, m->prot, m->flags);
	else
		err = -EOPNOTSUPP;	/* only linear memory can have that type */
	return err ? fail_range(s, "map alloc", err, gpa, len) : answer_range(s, gpa, len);
}

static int map_linear(struct session *s, struct map_args *m)
{
	u64 gpa, hpa, len;
	int fd, err;

	if (m->args.nr != 4)
		return !!usage_error(&m->args, "linear takes GPA, HPA and SIZE");
	if (m->flags)
		return !!usage_error(&m->args, "linear memory takes no frames");
	if (take_number(&m->args, "GPA", m->args.arg[1], &gpa) ||
	    take_number(&m->args, "HPA", m->args.arg[2], &hpa) ||
	    take_number(&m->args, "SIZE", m->args.arg[3], &len))
		return 1;
	fd = need_space(s);
	if (fd < 0)
		return 1;
	err = axas_map_linear(fd, gpa, hpa, len, m->prot, m->type);
	return err ? fail_range(s, "map linear", err, gpa, len) : answer_range(s, gpa, len);
}

static int map_file(struct session *s, struct map_args *m)
{
	u64 gpa, offset, len;
	int fd, file, err;

	if (m->args.nr != 5)
		return !!usage_error(&m->args, "file takes GPA, PATH, OFFSET and SIZE");
	if (take_number(&m->args, "GPA", m->args.arg[1], &gpa) ||
	    take_number(&m->args, "OFFSET", m->args.arg[3], &offset) ||
	    take_number(&m->args, "SIZE", m->args.arg[4], &len))
		return 1;
	fd = need_space(s);
	if (fd < 0)
		return 1;
	file = open(m->args.arg[2], O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return fail(s, errno, "%s: %s", m->args.arg[2], strerror(errno));
	err = m->type == AXAS_TYPE_NORMAL ?
	      axas_map_file(fd, gpa, len, file, offset, m->prot, m->flags) : -EOPNOTSUPP;
	close(file);
	return err ? fail_range(s, "map file", err, gpa, len) : answer_range(s, gpa, len);
}

static int map_shared(struct session *s, struct map_args *m)
{
	u64 gpa, source, len;
	int fd, from, err;

	if (m->args.nr != 5)
		return !!usage_error(&m->args, "shared takes GPA, SPACE, SOURCE and SIZE");
	if (take_number(&m->args, "GPA", m->args.arg[1], &gpa) ||
	    take_number(&m->args, "SOURCE", m->args.arg[3], &source) ||
	    take_number(&m->args, "SIZE", m->args.arg[4], &len))
		return 1;
	fd = need_space(s);
	if (fd < 0)
		return 1;
	from = open(m->args.arg[2], O_RDWR | O_CLOEXEC);
	if (from < 0)
		return fail(s, errno, "%s: %s", m->args.arg[2], strerror(errno));
	err = m->type == AXAS_TYPE_NORMAL ?
	      axas_map_shared(fd, gpa, len, from, source, m->prot, m->flags) : -EOPNOTSUPP;
	close(from);
	return err ? fail_range(s, "map shared", err, gpa, len) : answer_range(s, gpa, len);
}

static int map_backend(struct session *s, struct map_args *m)
{
	u64 gpa, arg, len;
	int fd, err;

	if (m->args.nr != 5)
		return !!usage_error(&m->args, "backend takes NAME, ARG, GPA and SIZE");
	if (take_number(&m->args, "ARG", m->args.arg[2], &arg) ||
	    take_number(&m->args, "GPA", m->args.arg[3], &gpa) ||
	    take_number(&m->args, "SIZE", m->args.arg[4], &len))
		return 1;
	fd = need_space(s);
	if (fd < 0)
		return 1;
	err = axas_map_backend(fd, gpa, len, m->args.arg[1], arg, 0, m->prot, m->type, m->flags);
	return err ? fail_range(s, "map backend", err, gpa, len) : answer_range(s, gpa, len);
}

int cmd_map(struct session *s, int argc, char **argv)
{
	struct map_args m = {
		.args = { .min = 1, .max = 5 }, .prot = AXAS_PROT_MASK
	};
	int status;

	if (parse_args(s, &map_argp, argc, argv, &m.args, &status))
		return status;
	if (!strcmp(m.args.arg[0], "alloc"))
		return map_alloc(s, &m);
	if (!strcmp(m.args.arg[0], "linear"))
		return map_linear(s, &m);
	if (!strcmp(m.args.arg[0], "file"))
		return map_file(s, &m);
	if (!strcmp(m.args.arg[0], "shared"))
		return map_shared(s, &m);
	if (!strcmp(m.args.arg[0], "backend"))
		return map_backend(s, &m);
	return !!usage_error(&m.args, "'%s' is not alloc, linear, file, shared or backend",
			     m.args.arg[0]);
}

/* Parse GPA and SIZE and get the space: its descriptor, or -1 with *@status set. */
static int parse_range(struct session *s, const struct argp *argp, int argc, char **argv,
		       u64 *gpa, u64 *len, int *status)
{
	struct args args = { .min = 2, .max = 2 };

	if (parse_args(s, argp, argc, argv, &args, status))
		return -1;
	*status = 1;
	if (take_number(&args, "GPA", args.arg[0], gpa) ||
	    take_number(&args, "SIZE", args.arg[1], len))
		return -1;
	return need_space(s);
}

static const struct argp unmap_argp = {
	NULL, parse_common, "GPA SIZE",
	"Unmap a range.\n"
	"\vAreas are split at the ends of the range; holes are skipped.",
	common_options, NULL, NULL
};

int cmd_unmap(struct session *s, int argc, char **argv)
{
	u64 gpa, len;
	int status, fd, err;

	fd = parse_range(s, &unmap_argp, argc, argv, &gpa, &len, &status);
	if (fd < 0)
		return status;
	err = axas_unmap(fd, gpa, len);
	return err ? fail_range(s, "unmap", err, gpa, len) : answer_range(s, gpa, len);
}

static const struct argp protect_argp = {
	NULL, parse_common, "GPA SIZE PROT",
	"Change the protection of a range to PROT, as rwx, r-x, rw.\n"
	"\vAreas are split at the ends of the range; holes are skipped.",
	common_options, NULL, NULL
};

int cmd_protect(struct session *s, int argc, char **argv)
{
	struct args args = { .min = 3, .max = 3 };
	u64 gpa, len;
	u32 prot;
	int status, fd, err;

	if (parse_args(s, &protect_argp, argc, argv, &args, &status))
		return status;
	if (take_number(&args, "GPA", args.arg[0], &gpa) ||
	    take_number(&args, "SIZE", args.arg[1], &len) ||
	    take_prot(&args, args.arg[2], &prot))
		return 1;
	fd = need_space(s);
	if (fd < 0)
		return 1;
	err = axas_protect(fd, gpa, len, prot);
	return err ? fail_range(s, "protect", err, gpa, len) : answer_range(s, gpa, len);
}

static const struct argp discard_argp = {
	NULL, parse_common, "GPA SIZE",
	"Free the frames of a range; its areas stay, and its pages read as zeroes.\n"
	"\vHoles are skipped.", common_options, NULL, NULL
};

int cmd_discard(struct session *s, int argc, char **argv)
{
	struct axas_extent extent;
	int status, fd, err;
	u64 gpa, len;

	fd = parse_range(s, &discard_argp, argc, argv, &gpa, &len, &status);
	if (fd < 0)
		return status;
	extent = (struct axas_extent){ .gpa = gpa, .length = len };
	err = axas_discard(fd, &extent, 1, NULL);
	return err ? fail_range(s, "discard", err, gpa, len) : answer_range(s, gpa, len);
}

static const struct argp populate_argp = {
	NULL, parse_common, "GPA SIZE",
	"Allocate a frame for every untouched page of a range.\n"
	"\vAfter an error the pages that were populated stay.", common_options, NULL, NULL
};

int cmd_populate(struct session *s, int argc, char **argv)
{
	u64 gpa, len, next, left;
	int status, fd, err;

	fd = parse_range(s, &populate_argp, argc, argv, &gpa, &len, &status);
	if (fd < 0)
		return status;
	next = gpa;
	left = len;
	do {
		err = axas_populate_some(fd, &next, &left);
		if (err)
			return fail(s, -err, "at %#llx, %llu bytes left: %s", next, left,
				    explain("populate", -err));
		progress("populate", len - left, len);
	} while (left);
	return answer_range(s, gpa, len);
}

static const struct argp collapse_argp = {
	NULL, parse_common, "GPA SIZE",
	"Replace small leaves by larger ones, where they map contiguous memory.\n"
	"\vNo memory is copied. Prints the number of tables that a leaf has replaced.",
	common_options, NULL, NULL
};

int cmd_collapse(struct session *s, int argc, char **argv)
{
	struct json_object *obj;
	int status, fd, err;
	u64 gpa, len, collapsed;

	fd = parse_range(s, &collapse_argp, argc, argv, &gpa, &len, &status);
	if (fd < 0)
		return status;
	err = axas_collapse(fd, gpa, len, &collapsed);
	if (err)
		return fail_range(s, "collapse", err, gpa, len);
	if (!s->json)
		return printf("%llu\n", collapsed) < 0;
	obj = json_object_new_object();
	add_hex(obj, "gpa", gpa);
	add_num(obj, "length", len);
	add_num(obj, "collapsed", collapsed);
	return answer(obj);
}
