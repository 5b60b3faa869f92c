// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands that use guest memory: fault, translate, read, write, load.
 */
#include "axasctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK	0x100000	/* bytes per system call */

static const struct argp fault_argp = {
	NULL, parse_common, "GPA ACCESS",
	"Handle a guest access as for a vCPU; ACCESS is r, w, x or several of them.\n"
	"\vPrints the result: fixed, spurious, retry, hole, denied, nomem, error or missing.\n"
	"The exit status is 0 for each of them.", common_options, NULL, NULL
};

int cmd_fault(struct session *s, int argc, char **argv)
{
	struct args args = { .min = 2, .max = 2 };
	struct json_object *obj;
	int status, fd, result;
	u32 access, level;
	u64 gpa;

	if (parse_args(s, &fault_argp, argc, argv, &args, &status))
		return status;
	if (take_number(&args, "GPA", args.arg[0], &gpa) ||
	    take_prot(&args, args.arg[1], &access))
		return 1;
	fd = need_space(s);
	if (fd < 0)
		return 1;
	result = axas_fault(fd, gpa, access, &level);
	if (result < 0)
		return fail(s, -result, "%#llx: %s", gpa, explain("fault", -result));
	if (!s->json)
		return puts(axas_fault_name(result)) < 0;
	obj = json_object_new_object();
	add_hex(obj, "gpa", gpa);
	add_str(obj, "result", axas_fault_name(result));
	if (result <= AXAS_FAULT_SPURIOUS)
		add_num(obj, "level", level);
	return answer(obj);
}

static const struct argp translate_argp = {
	NULL, parse_common, "GPA", "Translate a guest-physical address.\n"
	"\vleft: bytes to the end of the leaf. limit: bytes that are contiguous in\n"
	"host-physical memory. Host-physical addresses need CAP_SYS_RAWIO.",
	common_options, NULL, NULL
};

static int translate_json(const struct axas_translate *tr)
{
	struct json_object *obj = json_object_new_object();

	add_hex(obj, "gpa", tr->gpa);
	add_hpa(obj, "hpa", tr->hpa);
	add_num(obj, "left", tr->left);
	add_num(obj, "limit", tr->limit);
	add_str(obj, "prot", axas_prot_name(tr->prot));
	add_str(obj, "type", axas_type_name(tr->type));
	add_num(obj, "level", tr->level);
	return answer(obj);
}

static int translate_text(const struct axas_translate *tr)
{
	if (tr->hpa == AXAS_HPA_NONE)
		printf("hpa -");
	else
		printf("hpa %#llx", tr->hpa);
	printf(", left %#llx, limit %#llx, %s, %s, level %u\n",
	       tr->left, tr->limit, axas_prot_name(tr->prot),
	       axas_type_name(tr->type), tr->level);
	return 0;
}

int cmd_translate(struct session *s, int argc, char **argv)
{
	struct args args = { .min = 1, .max = 1 };
	struct axas_translate tr;
	int status, fd, err;
	u64 gpa;

	if (parse_args(s, &translate_argp, argc, argv, &args, &status))
		return status;
	if (take_number(&args, "GPA", args.arg[0], &gpa))
		return 1;
	fd = need_space(s);
	if (fd < 0)
		return 1;
	err = axas_translate(fd, gpa, &tr);
	if (err)
		return fail(s, -err, "%#llx: %s", gpa, explain("translate", -err));
	return s->json ? translate_json(&tr) : translate_text(&tr);
}

struct read_args {
	struct args args;
	const char *out;
};

static const struct argp_option read_options[] = {
	{ "output", 'o', "FILE", 0, "Write the bytes to FILE instead of a dump", 0 },
	{ 0 }
};

static error_t read_parse(int key, char *arg, struct argp_state *state)
{
	struct read_args *r = state->input;

	if (key != 'o')
		return parse_common(key, arg, state);
	r->out = arg;
	return 0;
}

static const struct argp read_argp = {
	read_options, read_parse, "GPA SIZE", "Read guest memory.\n"
	"\vUntouched pages are faulted in. Bytes before a hole or a page that forbids\n"
	"reading are printed before the error. With --json the bytes are a string of\n"
	"hexadecimal digits.", common_options, NULL, NULL
};

/* Output of read: a file, a hex dump, or a hexadecimal string for JSON. */
struct sink {
	FILE *file;
	char *hex;	/* filled by open_memstream(), as @file */
	size_t hex_len;
	bool dump;
};

static void dump_line(u64 gpa, const u8 *p, size_t n)
{
	printf("%012llx ", gpa);
	for (size_t i = 0; i < 16; i++) {
		if (i < n)
			printf("%s%02x", i == 8 ? "  " : " ", p[i]);
		else
			printf("%s", i == 8 ? "    " : "   ");
	}
	printf("  |");
	for (size_t i = 0; i < n; i++)
		putchar(p[i] >= 0x20 && p[i] < 0x7f ? p[i] : '.');
	puts("|");
}

static int sink_put(struct sink *sink, u64 gpa, const u8 *buf, size_t n)
{
	if (sink->dump) {
		for (size_t i = 0; i < n; i += 16)
			dump_line(gpa + i, buf + i, n - i < 16 ? n - i : 16);
		return ferror(stdout) ? -EIO : 0;
	}
	if (!sink->hex_len && !sink->hex)
		return fwrite(buf, 1, n, sink->file) == n ? 0 : -errno;
	for (size_t i = 0; i < n; i++)
		fprintf(sink->file, "%02x", buf[i]);
	return 0;
}

static int sink_open(struct sink *sink, struct session *s, const char *out)
{
	*sink = (struct sink){ .dump = !out && !s->json };
	if (out)
		sink->file = fopen(out, "we");
	else if (s->json)
		sink->file = open_memstream(&sink->hex, &sink->hex_len);
	if (!sink->file && !sink->dump)
		return -errno;
	/* fflush() sets sink->hex before the first byte */
	if (sink->file && fflush(sink->file))
		return -errno;
	return 0;
}

static int sink_close(struct sink *sink)
{
	return sink->file && fclose(sink->file) ? -errno : 0;
}

/* Copy guest memory to @sink; *@done counts the bytes copied, *@what names a failed step. */
static int copy_out(int fd, u64 gpa, u64 len, struct sink *sink, u64 *done,
		    const char **what)
{
	u8 *buf = malloc(CHUNK);
	int err = buf ? 0 : -ENOMEM, put = 0;
	size_t n, got;

	*what = "read";
	for (*done = 0; !err && *done < len; *done += got) {
		n = len - *done < CHUNK ? len - *done : CHUNK;
		err = axas_read_all(fd, gpa + *done, buf, n, &got);
		put = sink_put(sink, gpa + *done, buf, got);
		if (put) {
			*what = "output";
			err = put;
		}
		progress("read", *done + got, len);
	}
	free(buf);
	return err;
}

static int read_to_sink(struct session *s, int fd, u64 gpa, u64 len, const char *out)
{
	struct sink sink;
	const char *what;
	u64 done;
	int err, status;

	err = sink_open(&sink, s, out);
	if (err)
		return fail(s, -err, "%s: %s", out ? out : "output", strerror(-err));
	err = copy_out(fd, gpa, len, &sink, &done, &what);
	if (sink_close(&sink) && !err) {
		what = "output";
		err = -EIO;
	}
	if (err)
		status = fail(s, -err, "%#llx, after %llu bytes: %s", gpa + done,
			      done, explain(what, -err));
	else
		status = answer_bytes(s, gpa, len, sink.hex);
	free(sink.hex);
	return status;
}

int cmd_read(struct session *s, int argc, char **argv)
{
	struct read_args r = { .args = { .min = 2, .max = 2 } };
	u64 gpa, len;
	int status, fd;

	if (parse_args(s, &read_argp, argc, argv, &r.args, &status))
		return status;
	if (take_number(&r.args, "GPA", r.args.arg[0], &gpa) ||
	    take_number(&r.args, "SIZE", r.args.arg[1], &len))
		return 1;
	fd = need_space(s);
	if (fd < 0)
		return 1;
	return read_to_sink(s, fd, gpa, len, r.out);
}

/* Copy a file to its end into guest memory; *@done counts the bytes copied. */
static int copy_in(int fd, u64 gpa, int file, u64 total, u64 *done,
		   const char **what)
{
	u8 *buf = malloc(CHUNK);
	int err = buf ? 0 : -ENOMEM;
	size_t put = 0;
	ssize_t n;

	for (*done = 0; !err; *done += put) {
		*what = "file";
		n = read(file, buf, CHUNK);
		if (n <= 0) {
			err = n ? -errno : 0;
			break;
		}
		*what = "load";
		err = axas_write_all(fd, gpa + *done, buf, n, &put);
		progress("load", *done + put, total);
	}
	free(buf);
	return err;
}

static int load_file(struct session *s, int fd, const char *name, u64 gpa)
{
	int file = open(name, O_RDONLY | O_CLOEXEC), err;
	struct stat st;
	const char *what;
	u64 done;

	if (file < 0 || fstat(file, &st))
		return fail(s, errno, "%s: %s", name, strerror(errno));
	err = copy_in(fd, gpa, file, S_ISREG(st.st_mode) ? st.st_size : 0, &done, &what);
	close(file);
	if (err && !strcmp(what, "file"))
		return fail(s, -err, "%s: %s", name, strerror(-err));
	if (err)
		return fail(s, -err, "%#llx, after %llu bytes: %s", gpa + done,
			    done, explain(what, -err));
	return answer_range(s, gpa, done);
}

static const struct argp load_argp = {
	NULL, parse_common, "FILE GPA",
	"Write the bytes of FILE into guest memory at GPA, which areas must cover.",
	common_options, NULL, NULL
};

int cmd_load(struct session *s, int argc, char **argv)
{
	struct args args = { .min = 2, .max = 2 };
	u64 gpa;
	int status, fd;

	if (parse_args(s, &load_argp, argc, argv, &args, &status))
		return status;
	if (take_number(&args, "GPA", args.arg[1], &gpa))
		return 1;
	fd = need_space(s);
	if (fd < 0)
		return 1;
	return load_file(s, fd, args.arg[0], gpa);
}

struct write_args {
	struct args args;
	const char *hex, *string, *file;
};

static const struct argp_option write_options[] = {
	{ "hex", OPT_HEX, "BYTES", 0, "Bytes as pairs of hexadecimal digits", 0 },
	{ "string", OPT_STRING, "TEXT", 0, "The bytes of TEXT, without a final zero", 0 },
	{ "file", OPT_FILE, "FILE", 0, "The bytes of FILE", 0 },
	{ 0 }
};

static error_t write_parse(int key, char *arg, struct argp_state *state)
{
	struct write_args *w = state->input;

	switch (key) {
	case OPT_HEX:
		w->hex = arg;
		return 0;
	case OPT_STRING:
		w->string = arg;
		return 0;
	case OPT_FILE:
		w->file = arg;
		return 0;
	default:
		return parse_common(key, arg, state);
	}
}

static const struct argp write_argp = {
	write_options, write_parse, "GPA", "Write guest memory.\n"
	"\vOne of --hex, --string and --file is needed.", common_options, NULL, NULL
};

static int write_bytes(struct session *s, int fd, u64 gpa, const void *buf, size_t len)
{
	size_t done;
	int err = axas_write_all(fd, gpa, buf, len, &done);

	if (err)
		return fail(s, -err, "%#llx, after %zu bytes: %s", gpa + done, done,
			    explain("write", -err));
	return answer_range(s, gpa, len);
}

static int write_hex(struct session *s, int fd, u64 gpa, struct write_args *w)
{
	size_t max = strlen(w->hex) / 2;
	u8 *buf = malloc(max + 1);
	ssize_t n;
	int status;

	if (!buf)
		return fail(s, ENOMEM, "%s", strerror(ENOMEM));
	n = parse_hex(w->hex, buf, max);
	if (n < 0)
		status = !!usage_error(&w->args, "'%s' is not pairs of hexadecimal digits",
				       w->hex);
	else
		status = write_bytes(s, fd, gpa, buf, n);
	free(buf);
	return status;
}

int cmd_write(struct session *s, int argc, char **argv)
{
	struct write_args w = { .args = { .min = 1, .max = 1 } };
	u64 gpa;
	int status, fd;

	if (parse_args(s, &write_argp, argc, argv, &w.args, &status))
		return status;
	if (take_number(&w.args, "GPA", w.args.arg[0], &gpa))
		return 1;
	if (!!w.hex + !!w.string + !!w.file != 1)
		return !!usage_error(&w.args, "give one of --hex, --string and --file");
	fd = need_space(s);
	if (fd < 0)
		return 1;
	if (w.file)
		return load_file(s, fd, w.file, gpa);
	if (w.string)
		return write_bytes(s, fd, gpa, w.string, strlen(w.string));
	return write_hex(s, fd, gpa, &w);
}
