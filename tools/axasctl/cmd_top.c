// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command top: all spaces, what memory they have, and how many faults and exits they take a
 * second. Calls proc_spaces.c, cmd.c, parse.c and report.c.
 */
#include "axasctl.h"
#include "proc_spaces.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define MAX_DELAY	3600

struct top_args {
	struct args args;
	u64 count;
	u64 delay;
};

static const struct argp_option top_options[] = {
	{ "count", 'n', "N", 0, "Number of lists (default: 1; on a terminal no limit)", 0 },
	{ "delay", 'd', "SECONDS", 0, "Time between two lists (default: 2)", 0 },
	{ 0 }
};

static error_t top_parse(int key, char *arg, struct argp_state *state)
{
	struct top_args *t = state->input;

	switch (key) {
	case 'n':
		if (take_number(&t->args, "count", arg, &t->count))
			return -EINVAL;
		return t->count ? 0 : usage_error(&t->args, "a count is 1 or more");
	case 'd':
		if (take_number(&t->args, "delay", arg, &t->delay))
			return -EINVAL;
		if (t->delay && t->delay <= MAX_DELAY)
			return 0;
		return usage_error(&t->args, "a delay is 1 to %d seconds", MAX_DELAY);
	default:
		return parse_common(key, arg, state);
	}
}

static const struct argp top_argp = {
	top_options, top_parse, NULL,
	"List all spaces that processes have open: memory, faults and exits per second.\n"
	"\vPrivate memory is the space's own, borrowed memory belongs to an image or a file,\n"
	"shared memory to another space. Only root sees spaces of other users. On a terminal\n"
	"Ctrl-C ends the list.",
	common_options, NULL, NULL
};

/**
 * struct sample - the spaces at one time
 * @spaces: the spaces
 * @ns: the time
 */
struct sample {
	struct proc_spaces spaces;
	u64 ns;
};

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static int take_sample(struct sample *sample)
{
	const char *proc = getenv("AXAS_PROC");
	int err = proc_spaces_read(&sample->spaces, proc ? proc : "/proc");

	sample->ns = now_ns();
	return err;
}

/**
 * struct row - a space and what it did since the sample before
 * @space: the space
 * @faults: faults a second
 * @exits: exits a second
 */
struct row {
	const struct proc_space *space;
	u64 faults;
	u64 exits;
};

static u64 rate(u64 now, u64 before, u64 ns)
{
	return now > before && ns ? (now - before) * 1e9 / ns + 0.5 : 0;
}

/* Busy spaces first. */
static int by_rate(const void *a, const void *b)
{
	const struct row *left = a, *right = b;
	u64 l = left->faults + left->exits, r = right->faults + right->exits;

	if (l != r)
		return l > r ? -1 : 1;
	return left->space->id < right->space->id ? -1 : 1;
}

/* A new space has no rates yet. */
static struct row *make_rows(const struct sample *before, const struct sample *now)
{
	size_t nr = now->spaces.nr;
	struct row *rows = calloc(nr ? nr : 1, sizeof(*rows));

	for (size_t i = 0; rows && i < nr; i++) {
		const struct proc_space *space = &now->spaces.list[i];
		const struct proc_space *old = proc_spaces_find(&before->spaces, space->id);

		rows[i].space = space;
		if (old) {
			rows[i].faults = rate(space->faults, old->faults, now->ns - before->ns);
			rows[i].exits = rate(space->exits, old->exits, now->ns - before->ns);
		}
	}
	if (rows && nr)
		qsort(rows, nr, sizeof(*rows), by_rate);
	return rows;
}

static void print_row(const struct row *row)
{
	const struct proc_space *space = row->space;
	char private[16], borrowed[16], shared[16], tables[16];

	printf("%5u %7d %-15.15s %5u %8s %8s %8s %8s %9llu %9llu\n", space->id, space->pid,
	       space->command, space->vcpus,
	       short_size(space->frames * PAGE, private, sizeof(private)),
	       short_size(space->borrowed * PAGE, borrowed, sizeof(borrowed)),
	       short_size(space->shared * PAGE, shared, sizeof(shared)),
	       short_size(space->tables * PAGE, tables, sizeof(tables)),
	       row->faults, row->exits);
}

/* Rows that a terminal has room for below the two lines above them. */
static size_t room(size_t nr)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || size.ws_row < 4)
		return nr;
	return nr < size.ws_row - 3u ? nr : size.ws_row - 3u;
}

static void print_sum(const struct row *rows, size_t nr)
{
	u64 frames = 0, faults = 0, exits = 0;
	char size[16];

	for (size_t i = 0; i < nr; i++) {
		frames += rows[i].space->frames;
		faults += rows[i].faults;
		exits += rows[i].exits;
	}
	printf("%zu space%s, %s private, %llu faults/s, %llu exits/s\n", nr,
	       nr == 1 ? "" : "s",
	       short_size(frames * PAGE, size, sizeof(size)), faults, exits);
}

static void show_text(const struct row *rows, size_t nr)
{
	bool terminal = isatty(STDOUT_FILENO);

	if (terminal)
		fputs("\033[H\033[J", stdout);
	print_sum(rows, nr);
	fputs(terminal ? "\033[7m" : "", stdout);
	printf("%5s %7s %-15s %5s %8s %8s %8s %8s %9s %9s", "SPACE", "PID", "COMMAND", "VCPUS",
	       "PRIVATE", "BORROWED", "SHARED", "TABLES", "FAULTS/S", "EXITS/S");
	puts(terminal ? "\033[0m" : "");
	for (size_t i = 0; i < room(nr); i++)
		print_row(&rows[i]);
}

static struct json_object *row_json(const struct row *row)
{
	const struct proc_space *space = row->space;
	struct json_object *obj = json_object_new_object();

	add_num(obj, "space", space->id);
	add_num(obj, "pid", space->pid);
	add_str(obj, "command", space->command);
	add_num(obj, "vcpus", space->vcpus);
	add_num(obj, "areas", space->areas);
	add_num(obj, "frames", space->frames);
	add_num(obj, "borrowed", space->borrowed);
	add_num(obj, "shared", space->shared);
	add_num(obj, "tables", space->tables);
	add_num(obj, "faults", space->faults);
	add_num(obj, "exits", space->exits);
	add_num(obj, "faults_per_s", row->faults);
	add_num(obj, "exits_per_s", row->exits);
	return obj;
}

static void show_json(const struct row *rows, size_t nr)
{
	struct json_object *obj = json_object_new_object(), *list = json_object_new_array();

	for (size_t i = 0; i < nr; i++)
		json_object_array_add(list, row_json(&rows[i]));
	json_object_object_add(obj, "spaces", list);
	answer(obj);
}

/* Show one sample after the one before. Return 0 or -errno. */
static int show(struct session *s, const struct sample *before, const struct sample *now)
{
	struct row *rows = make_rows(before, now);

	if (!rows)
		return -ENOMEM;
	(s->json ? show_json : show_text)(rows, now->spaces.nr);
	fflush(stdout);
	free(rows);
	return 0;
}

/* @count: so often; 0: without end. Return 0 or -errno. */
static int watch(struct session *s, u64 count, u64 delay)
{
	struct sample before, now;
	int err = take_sample(&before);

	for (u64 n = 0; !err && (!count || n < count); n++) {
		sleep(delay);
		err = take_sample(&now);
		if (!err)
			err = show(s, &before, &now);
		proc_spaces_free(&before.spaces);
		before = now;
	}
	proc_spaces_free(&before.spaces);
	return err;
}

int cmd_top(struct session *s, int argc, char **argv)
{
	struct top_args t = { .delay = 2 };
	int status, err;

	if (parse_args(s, &top_argp, argc, argv, &t.args, &status))
		return status;
	if (!t.count && (s->json || !isatty(STDOUT_FILENO)))
		t.count = 1;
	err = watch(s, t.count, t.delay);
	return err ? fail(s, -err, "/proc: %s", strerror(-err)) : 0;
}
