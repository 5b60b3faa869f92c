// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events of the kernel's tracing, of this process alone, in a buffer (instance) of their own.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

#define TRACING		"/sys/kernel/tracing"
#define INSTANCE	TRACING "/instances/axas_test"

static void put(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_TRUNC | O_CLOEXEC);

	expect_libc(fd);
	expect_libc(write(fd, text, strlen(text)));
	close(fd);
}

unsigned int space_id(int fd)
{
	char path[64], line[256];
	unsigned int id = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "axas-id: %u", &id);
	if (f)
		fclose(f);
	expect(id);
	return id;
}

static void put_event(const char *event, const char *file, const char *text)
{
	char name[256];

	snprintf(name, sizeof(name), INSTANCE "/events/%s/%s", event, file);
	put(name, text);
}

/*
 * Neither set_event_pid nor recorded names: they attach to sched_switch, whose jump label is then
 * written while other CPUs run it, which QEMU 7.2 may break (hold_a_vm() in guest/bridge.sh).
 */
void trace_begin(const char *event)
{
	char filter[32];

	if (access(TRACING, F_OK))
		skip("this kernel has no tracing");
	if (access(TRACING "/instances", F_OK))
		expect_libc(mount("tracefs", TRACING, "tracefs", 0, NULL));
	rmdir(INSTANCE);
	/* An instance takes this over when it is made. */
	put(TRACING "/options/record-cmd", "0");
	expect_libc(mkdir(INSTANCE, 0700));
	snprintf(filter, sizeof(filter), "common_pid == %d", getpid());
	put_event(event, "filter", filter);
	put_event(event, "enable", "1");
}

void trace_end(void)
{
	expect_libc(rmdir(INSTANCE));
}

/* The lines of the buffer, which the caller frees. */
static char *trace_text(void)
{
	size_t size = 1 << 16, len = 0;
	char *text = malloc(size);
	FILE *f = fopen(INSTANCE "/trace", "re");

	expect(f && text);
	len = fread(text, 1, size - 1, f);
	text[len] = '\0';
	fclose(f);
	return text;
}

/* Whether @line has @event with fields that begin with @fields; then @rest is what follows. */
static bool is_event(const char *line, const char *event, const char *fields, const char **rest)
{
	char name[64];
	const char *at;

	snprintf(name, sizeof(name), " %s: ", event);
	at = strstr(line, name);
	if (!at || strncmp(at + strlen(name), fields, strlen(fields)))
		return false;
	*rest = at + strlen(name) + strlen(fields);
	return true;
}

unsigned int trace_count(const char *event, const char *fields)
{
	char *text = trace_text(), *save, *line;
	unsigned int n = 0;
	const char *rest;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		n += is_event(line, event, fields, &rest);
	free(text);
	return n;
}

/* Other fields, or " ns=" and a number. */
static bool ends_well(const char *rest)
{
	char *end;

	rest = strstr(rest, " ns=") ?: rest;
	if (*rest == '\0' || strncmp(rest, " ns=", 4))
		return *rest == '\0' || *rest == ' ';
	if (rest[4] < '0' || rest[4] > '9')
		return false;
	strtoull(rest + 4, &end, 10);
	return !*end;
}

/* Whether there is such an event; @tell: print the lines. */
static bool find(const char *event, const char *fields, bool tell)
{
	char *text = trace_text(), *save, *line;
	bool found = false;
	const char *rest;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		found |= is_event(line, event, fields, &rest) && ends_well(rest);
		if (tell && *line != '#')
			note("%s", line);
	}
	free(text);
	return found;
}

void trace_expect_at(const char *file, int line, const char *event, const char *fmt, ...)
{
	char fields[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(fields, sizeof(fields), fmt, args);
	va_end(args);
	if (find(event, fields, false))
		return;
	find(event, fields, true);
	fail_at(file, line, "no event %s: %s", event, fields);
}
