// SPDX-License-Identifier: GPL-2.0-only
/*
 * lib_test LIBAXAS.H AXAS.H VCPU.H: tests of libaxas, as TAP. Needs no kernel module: that
 * nothing of the API is left out, that names parse back, and what the calls make of a
 * descriptor that is no space.
 */
#include "libaxas.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static int nr, failed;

static void ok(bool good, const char *name, const char *input)
{
	printf("%sok %d - %s '%s'\n", good ? "" : "not ", ++nr, name, input);
	failed += !good;
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = calloc(1, 1 << 20);

	if (!f || !text || !fread(text, 1, (1 << 20) - 1, f) || fclose(f)) {
		printf("Bail out! %s cannot be read\n", path);
		exit(2);
	}
	return text;
}

/* "MMIO_READ" and "MmioRead", "EPT_AD" and "ept-ad" are the same. */
static bool is_name_of(const char *name, const char *constant)
{
	for (; *constant; constant++) {
		if (*constant == '_')
			continue;
		if (*name == '-')
			name++;
		if (toupper((unsigned char)*name++) != *constant)
			return false;
	}
	return !*name;
}

/* Kinds of constants of the API that have names. */
static const struct {
	const char *prefix;
	const char *(*name)(__u32 val);
} kinds[] = {
	{ "AXAS_TYPE_", axas_type_name },
	{ "AXAS_FORMAT_", axas_format_name },
	{ "AXAS_BACKEND_", axas_backend_name },
	{ "AXAS_FAULT_", axas_fault_name },
	{ "AXAS_CAP_", axas_cap_name },
	{ "AXVCPU_EXIT_", axvcpu_exit_name },
};

/* "3", or "(1u << 3)"; everything else is no constant of a kind. */
static bool read_value(const char *text, __u32 *val)
{
	unsigned int n;
	char end;

	if (sscanf(text, "(1u << %u%c", &n, &end) == 2 && end == ')')
		*val = 1u << n;
	else if (sscanf(text, "%u%c", &n, &end) == 2 && isspace((unsigned char)end))
		*val = n;
	else
		return false;
	return true;
}

static unsigned int test_constant(const char *name, const char *value)
{
	__u32 val;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strncmp(name, kinds[i].prefix, strlen(kinds[i].prefix)) ||
		    !read_value(value, &val))
			continue;
		ok(is_name_of(kinds[i].name(val), name + strlen(kinds[i].prefix)),
		   "has its name", name);
		return 1;
	}
	return 0;
}

/* AXAS_MAP_ALLOC is axas_map_alloc(). */
static unsigned int test_ioctl(const char *name, const char *value, const char *lib)
{
	char call[80];
	char *c;

	if (strncmp(value, "_IO(", 4))
		return 0;
	snprintf(call, sizeof(call), "\nint %s(int ", name);
	for (c = call; *c; c++)
		*c = tolower((unsigned char)*c);
	ok(strstr(lib, call), "has its function", name);
	return 1;
}

/* What a header of the API defines: each ioctl has its function, each constant its name. */
static void test_header(const char *path, const char *lib)
{
	unsigned int constants = 0, ioctls = 0;
	char *text = read_file(path), *line, *rest;
	char name[64], value[64];

	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (sscanf(line, "#define %63s %62[^\n]", name, value) != 2)
			continue;
		strcat(value, " ");
		constants += test_constant(name, value);
		ioctls += test_ioctl(name, value, lib);
	}
	ok(constants && ioctls, "defines constants and ioctls", path);
	free(text);
}

static void test_prots(void)
{
	static const struct {
		const char *text;
		int ret;
		__u32 val;
	} cases[] = {
		{ "rwx", 0, 7 }, { "r-x", 0, 5 }, { "rw", 0, 3 }, { "rw-", 0, 3 }, { "---", 0, 0 },
		{ "-", 0, 0 }, { "x", 0, 4 }, { "wr", 0, 3 }, { "", -EINVAL, 0 },
		{ "rr", -EINVAL, 0 }, { "rwxr", -EINVAL, 0 }, { "7", -EINVAL, 0 },
		{ "RW", -EINVAL, 0 },
	};
	__u32 val;
	int ret;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ret = axas_parse_prot(cases[i].text, &val);
		ok(ret == cases[i].ret && (ret || val == cases[i].val), "prot", cases[i].text);
	}
	for (__u32 p = 0; p <= AXAS_PROT_MASK; p++)
		ok(!axas_parse_prot(axas_prot_name(p), &val) && val == p, "prot round trip",
		   axas_prot_name(p));
	ok(!strcmp(axas_prot_name(8), "???"), "prot name of", "8");
}

/* Names parse back, and what is none is refused. */
static void test_names(void)
{
	__u32 val = 99;

	for (__u32 f = 0; *axas_format_name(f) != '?'; f++)
		ok(!axas_parse_format(axas_format_name(f), &val) && val == f,
		   "format round trip", axas_format_name(f));
	for (__u32 t = 0; *axas_type_name(t) != '?'; t++)
		ok(!axas_parse_type(axas_type_name(t), &val) && val == t,
		   "type round trip", axas_type_name(t));
	ok(!axas_parse_format("EPT", &val) && val == AXAS_FORMAT_EPT, "format", "EPT");
	ok(axas_parse_format("", &val) == -EINVAL, "format", "");
	ok(axas_parse_format("fake", &val) == -EINVAL, "format", "fake");
	ok(axas_parse_format("?", &val) == -EINVAL, "format", "?");
	ok(axas_parse_type("wb", &val) == -EINVAL && val == AXAS_FORMAT_EPT, "type", "wb");
	ok(!strcmp(axas_leaf_name(0), "4K") && !strcmp(axas_leaf_name(3), "512G"), "leaf", "4K");
}

static void test_unknown_names(void)
{
	static const __u32 unknown[] = { 1000, ~0u };

	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
			ok(!strcmp(kinds[k].name(unknown[i]), "?"), "unknown", kinds[k].prefix);
		ok(!strcmp(axas_leaf_name(unknown[i]), "?"), "unknown", "leaf");
	}
	ok(!strcmp(axas_backend_name(0), "?"), "unknown", "backend 0");
	ok(!strcmp(axas_cap_name(0), "?"), "unknown", "cap 0");
}

/* The error is the kernel's, as a negative number, and what was asked for is not there. */
static void test_errors(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), file = open("/proc/self/exe", O_RDONLY);
	__u64 gpa = 0x1000, length = 0x2000, start = 5;
	struct axas_areas it;
	char buf[4];
	size_t done;

	ok(axas_open("/nonexistent") == -ENOENT, "no device", "axas");
	ok(axvcpu_open("/nonexistent") == -ENOENT, "no device", "axvcpu");
	ok(axas_open_space("/nonexistent", NULL) == -ENOENT, "no device", "a space");
	ok(axas_open_space("/dev/null", NULL) == -ENOTTY, "another device", "a space");
	ok(axvcpu_open_vcpu("/dev/null", null, 0, 0) == -ENOTTY, "another device", "a vCPU");
	ok(axas_get_api_version(null) == -ENOTTY, "another device", "version");
	ok(axas_map_alloc(-1, 0, 4096, 7, 0) == -EBADF, "no descriptor", "map");
	ok(axas_fault(null, 0, 7, NULL) == -ENOTTY, "no space", "fault");
	ok(axas_populate(null, gpa, length) == -ENOTTY, "no space", "populate");
	ok(axas_populate_some(null, &gpa, &length) == -ENOTTY && gpa == 0x1000 && length == 0x2000,
	   "no space", "populate_some");
	ok(axas_get_areas(null, &start, NULL, 0, NULL) == -ENOTTY && start == 5, "no space",
	   "get_areas");
	axas_areas_begin(&it, null, 0);
	ok(!axas_areas_next(&it) && it.err == -ENOTTY && !axas_areas_next(&it), "no space",
	   "iterator");
	ok(axas_read(-1, 0, buf, 4) == -EBADF, "no descriptor", "read");
	ok(axas_read_all(null, 0, buf, 4, &done) == -EFAULT && !done, "an end at once", "read_all");
	ok(!axas_read_all(file, 0, buf, 4, &done) && done == 4, "all of it", "read_all");
	ok(axas_write_all(file, 0, buf, 4, NULL) == -EBADF, "not for writing", "write_all");
	ok(!axas_write_all(null, 0, buf, 4, &done) && done == 4, "all of it", "write_all");
	close(null);
	close(file);
}

int main(int argc, char **argv)
{
	char *lib;

	if (argc != 4) {
		fputs("usage: lib_test LIBAXAS.H AXAS.H VCPU.H\n", stderr);
		return 2;
	}
	puts("TAP version 13");
	lib = read_file(argv[1]);
	test_header(argv[2], lib);
	test_header(argv[3], lib);
	free(lib);
	test_prots();
	test_names();
	test_unknown_names();
	test_errors();
	printf("1..%d\n", nr);
	return !!failed;
}
