// SPDX-License-Identifier: GPL-2.0-only
/*
 * The demo: its options, its file, its report. The steps are in demo_steps.c.
 */
#include "demo.h"

#include <errno.h>
#include <fcntl.h>
#include <sha256.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIN_FILE	(16 * PAGE)

struct demo_args {
	struct args args;
	const char *file;
	u32 format;
	u64 window, window_size;
	bool has_window, has_window_size;
};

static const struct argp_option demo_options[] = {
	{ "file", OPT_FILE, "FILE", 0, "The file to load, 64 KiB or more", 0 },
	{ "window", OPT_WINDOW, "HPA", 0, "A reserved host-physical range, not System RAM", 0 },
	{ "window-size", OPT_WINDOW_SIZE, "SIZE", 0, "Its size", 0 },
	{ "format", 'f', "NAME", 0, "ept, svm, s2, gstage or default", 0 },
	{ 0 }
};

static error_t demo_parse(int key, char *arg, struct argp_state *state)
{
	struct demo_args *d = state->input;

	switch (key) {
	case OPT_FILE:
		d->file = arg;
		return 0;
	case OPT_WINDOW:
		d->has_window = true;
		return take_number(&d->args, "window", arg, &d->window);
	case OPT_WINDOW_SIZE:
		d->has_window_size = true;
		return take_number(&d->args, "window-size", arg, &d->window_size);
	case 'f':
		return take_format(&d->args, arg, &d->format);
	case ARGP_KEY_END:
		if (!d->file)
			return usage_error(&d->args, "--file is missing");
		if (d->has_window != d->has_window_size || (d->has_window && !d->window_size))
			return usage_error(&d->args, "--window and --window-size go together");
		return 0;
	default:
		return parse_common(key, arg, state);
	}
}

static const struct argp demo_argp = {
	demo_options, demo_parse, "--file FILE [--window HPA --window-size SIZE]",
	"Demonstrate and check the main functions.\n"
	"\vCreates a space, maps memory lazily, loads FILE and reads it back, faults, protects,\n"
	"unmaps, maps the reserved range, clears, and checks areas, frames and tables after each\n"
	"step. Without --window there is no linear range. The exit status is 1 if anything\n"
	"differs.", common_options, NULL, NULL
};

static void add_step(struct demo *d, const char *kind, bool ok, const char *text)
{
	struct json_object *obj;

	if (!d->s->json) {
		printf("  %-7s %s\n", kind, text);
		fflush(stdout);
		return;
	}
	obj = json_object_new_object();
	add_str(obj, "text", text);
	if (strcmp(kind, ""))
		json_object_object_add(obj, "ok", json_object_new_boolean(ok));
	json_object_array_add(d->steps, obj);
}

/* Report a check and its result @ok; return @ok. */
bool check(struct demo *d, bool ok, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add_step(d, ok ? "ok" : "FAILED", ok, text);
	if (!ok && !*d->failure)
		snprintf(d->failure, sizeof(d->failure), "%s", text);
	return ok;
}

/* Report an observation. */
void note(struct demo *d, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add_step(d, "", true, text);
}

/* Fold the per-CPU counters of /proc/meminfo. */
static void refresh_counters(void)
{
	int fd = open("/proc/sys/vm/stat_refresh", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	/* if this fails the counters are only late */
	if (write(fd, "1", 1) < 0)
		errno = 0;
	close(fd);
}

/* SecPageTables of /proc/meminfo in KiB; -1 if the kernel has no such line. */
long read_secpagetables(void)
{
	char line[128];
	long kib = -1;
	FILE *f;

	refresh_counters();
	f = fopen("/proc/meminfo", "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "SecPageTables: %ld kB", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

void sha256_text(const void *buf, size_t len, char text[SHA256_TEXT])
{
	SHA2_CTX ctx;

	SHA256Init(&ctx);
	SHA256Update(&ctx, buf, len);
	SHA256End(&ctx, text);
}

static int read_bytes(struct demo *d, int file)
{
	u64 done;
	ssize_t n;

	d->data = malloc(d->len);
	if (!d->data)
		return fail(d->s, ENOMEM, "%s: %s", d->file, strerror(ENOMEM));
	for (done = 0; done < d->len; done += n) {
		n = read(file, d->data + done, d->len - done);
		if (n <= 0)
			return fail(d->s, n ? errno : EIO, "%s: cannot be read", d->file);
	}
	sha256_text(d->data, d->len, d->sum);
	return 0;
}

static int read_file(struct demo *d)
{
	int file = open(d->file, O_RDONLY | O_CLOEXEC), status;
	struct stat st;

	if (file < 0 || fstat(file, &st))
		return fail(d->s, errno, "%s: %s", d->file, strerror(errno));
	d->len = st.st_size;
	if (!S_ISREG(st.st_mode) || d->len < MIN_FILE)
		status = fail(d->s, EINVAL, "%s: is not a file of 64 KiB or more", d->file);
	else
		status = read_bytes(d, file);
	close(file);
	return status;
}

static void run_steps(struct demo *d)
{
	for (size_t i = 0; i < nr_demo_steps; i++) {
		if (!d->s->json)
			printf("%s\n", demo_steps[i].title);
		if (!demo_steps[i].run(d)) {
			if (!*d->failure)
				check(d, false, "%s", demo_steps[i].title);
			break;
		}
	}
	if (d->fd >= 0)
		close(d->fd);
}

static int report(struct demo *d)
{
	struct json_object *obj;
	bool ok = !*d->failure;

	if (!d->s->json) {
		printf("demo: %s%s\n", ok ? "ok" : "FAILED: ", d->failure);
		return !ok;
	}
	obj = json_object_new_object();
	json_object_object_add(obj, "steps", d->steps);
	if (!ok)
		add_str(obj, "error", d->failure);
	json_object_object_add(obj, "ok", json_object_new_boolean(ok));
	answer(obj);
	return !ok;
}

int cmd_demo(struct session *s, int argc, char **argv)
{
	struct demo_args a = { 0 };
	struct demo d = { .s = s, .fd = -1 };
	int status;

	if (parse_args(s, &demo_argp, argc, argv, &a.args, &status))
		return status;
	d.format = a.format;
	d.file = a.file;
	d.window = a.window;
	d.window_size = a.window_size;
	d.steps = json_object_new_array();
	status = read_file(&d);
	if (!status) {
		run_steps(&d);
		status = report(&d);
	}
	free(d.data);
	return status;
}
