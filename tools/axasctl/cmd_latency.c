// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command latency: how long faults take, by result, as a histogram that the kernel makes of the
 * tracepoint axas_fault, in a tracing instance of its own. Calls cmd.c and report.c.
 */
#include "axasctl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRACING		"/sys/kernel/tracing"
#define EVENT		"events/axas/axas_fault"
#define BUCKETS		64
#define KINDS		(AXAS_FAULT_MISSING + 1)
#define BAR		40

struct latency_args {
	struct args args;
	u64 space;
	u64 seconds;
};

/**
 * struct histogram - faults by result and time
 * @counts: faults that took more than 2^(n - 1) and at most 2^n nanoseconds
 */
struct histogram {
	u64 counts[KINDS][BUCKETS];
};

static const struct argp_option latency_options[] = {
	{ "time", 't', "SECONDS", 0, "Duration (default: 5)", 0 },
	{ "space", OPT_SPACE, "N", 0,
	  "Only faults of the space with this number (see axasctl top)", 0 },
	{ 0 }
};

static error_t latency_parse(int key, char *arg, struct argp_state *state)
{
	struct latency_args *l = state->input;

	switch (key) {
	case 't':
		return take_number(&l->args, "time", arg, &l->seconds);
	case OPT_SPACE:
		if (take_number(&l->args, "space", arg, &l->space))
			return -EINVAL;
		return l->space ? 0 : usage_error(&l->args, "spaces are counted from 1");
	default:
		return parse_common(key, arg, state);
	}
}

static const struct argp latency_argp = {
	latency_options, latency_parse, "[-- PROGRAM [ARG...]]",
	"Show how long faults take, by result, during some seconds or while PROGRAM runs.\n"
	"\vNeeds root, and a kernel with CONFIG_HIST_TRIGGERS, as Debian's.",
	common_options, NULL, NULL
};

/* The folder of the instance. */
static const char *instance(void)
{
	static char path[64];

	snprintf(path, sizeof(path), TRACING "/instances/axasctl-%d", getpid());
	return path;
}

static FILE *open_file(const char *name, const char *mode)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/" EVENT "/%s", instance(), name);
	return fopen(path, mode);
}

/* Begin to count. Return 0 or -errno. */
static int begin(u64 space)
{
	FILE *f;
	int err;

	if (access(TRACING "/instances", F_OK) && mount("tracefs", TRACING, "tracefs", 0, NULL))
		return -errno;
	if (mkdir(instance(), 0700))
		return -errno;
	f = open_file("trigger", "w");
	if (!f)
		return -errno;
	fputs("hist:keys=kind,ns.log2", f);
	if (space)
		fprintf(f, " if space==%llu", space);
	err = fflush(f) ? -errno : 0;
	fclose(f);
	return err;
}

static int wait_for(char **words)
{
	pid_t pid;
	int err = posix_spawnp(&pid, words[0], NULL, NULL, words, environ);

	if (err)
		return -err;
	while (waitpid(pid, NULL, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* A line of the kernel's histogram: "{ kind:          0, ns: ~ 2^12 } hitcount:       6971". */
static void take_line(struct histogram *h, const char *line)
{
	const char *kind = strstr(line, "kind:"), *ns = strstr(line, "ns: ~ 2^");
	const char *hits = strstr(line, "hitcount:");
	u64 k, n;

	if (!kind || !ns || !hits)
		return;
	k = strtoull(kind + 5, NULL, 10);
	n = strtoull(ns + 8, NULL, 10);
	if (k < KINDS && n < BUCKETS)
		h->counts[k][n] += strtoull(hits + 9, NULL, 10);
}

static int read_histogram(struct histogram *h)
{
	FILE *f = open_file("hist", "r");
	char line[256];

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f))
		take_line(h, line);
	fclose(f);
	return 0;
}

static u64 sum_of(const u64 *counts)
{
	u64 sum = 0;

	for (unsigned int i = 0; i < BUCKETS; i++)
		sum += counts[i];
	return sum;
}

/* The bucket that @part of all are in or below. */
static unsigned int quantile(const u64 *counts, double part)
{
	u64 sum = sum_of(counts), seen = 0;
	unsigned int i;

	for (i = 0; i < BUCKETS - 1; i++) {
		seen += counts[i];
		if (seen && seen >= part * sum)
			break;
	}
	return i;
}

static const char *time_name(unsigned int bucket, char *buf, size_t len)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	double n = 1ull << bucket;
	unsigned int u = 0;

	for (; n >= 1000 && u < 3; u++)
		n /= 1000;
	snprintf(buf, len, n < 10 && u ? "%.1f %s" : "%.0f %s", n, units[u]);
	return buf;
}

static void show_kind(unsigned int kind, const u64 *counts)
{
	char half[16], most[16], at[16];
	u64 max = 1;
	unsigned int from = quantile(counts, 0), to = quantile(counts, 1);

	for (unsigned int i = from; i <= to; i++)
		max = counts[i] > max ? counts[i] : max;
	printf("%s: %llu faults, half of them within %s, 99%% within %s\n", axas_fault_name(kind),
	       sum_of(counts), time_name(quantile(counts, 0.5), half, sizeof(half)),
	       time_name(quantile(counts, 0.99), most, sizeof(most)));
	for (unsigned int i = from; i <= to; i++)
		printf("  <= %7s %10llu |%-*.*s|\n", time_name(i, at, sizeof(at)), counts[i], BAR,
		       (int)((counts[i] * BAR + max - 1) / max),
		       "########################################");
}

static void show_histogram(const struct histogram *h)
{
	u64 all = 0;

	for (unsigned int kind = 0; kind < KINDS; kind++) {
		u64 sum = sum_of(h->counts[kind]);

		all += sum;
		if (sum)
			show_kind(kind, h->counts[kind]);
	}
	if (!all)
		puts("no faults");
}

static int histogram_json(const struct histogram *h)
{
	struct json_object *obj = json_object_new_object(), *kind, *one;

	for (unsigned int k = 0; k < KINDS; k++) {
		kind = json_object_new_array();
		for (unsigned int i = 0; i < BUCKETS; i++) {
			if (!h->counts[k][i])
				continue;
			one = json_object_new_object();
			add_num(one, "max_ns", 1ull << i);
			add_num(one, "faults", h->counts[k][i]);
			json_object_array_add(kind, one);
		}
		json_object_object_add(obj, axas_fault_name(k), kind);
	}
	return answer(obj);
}

static void nothing(int signal)
{
	(void)signal;
}

/* What ends the wait, and not the program: the instance is removed, and the report comes. */
static void on_signals(void (*handler)(int))
{
	signal(SIGINT, handler);
	signal(SIGTERM, handler);
	signal(SIGHUP, handler);
}

static int measure(struct session *s, struct histogram *h, const struct latency_args *l)
{
	int err, status = 0;

	on_signals(nothing);
	err = begin(l->space);
	if (err) {
		rmdir(instance());
		return fail(s, -err, "%s", explain("latency", -err));
	}
	err = l->args.rest ? wait_for(l->args.rest) : 0;
	if (err)
		status = fail(s, -err, "%s: %s", l->args.rest[0], strerror(-err));
	if (!l->args.rest)
		sleep(l->seconds);
	err = status ? 0 : read_histogram(h);
	rmdir(instance());
	on_signals(SIG_DFL);
	return err ? fail(s, -err, "%s", explain("latency", -err)) : status;
}

int cmd_latency(struct session *s, int argc, char **argv)
{
	struct latency_args l = { .args = { .take_rest = true }, .seconds = 5 };
	struct histogram h = { 0 };
	int status;

	if (parse_args(s, &latency_argp, argc, argv, &l.args, &status))
		return status;
	status = measure(s, &h, &l);
	if (status)
		return status;
	if (s->json)
		return histogram_json(&h);
	show_histogram(&h);
	return 0;
}
