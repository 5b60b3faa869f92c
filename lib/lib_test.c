// SPDX-License-Identifier: GPL-2.0-only
/*
 * lib_test LIBAXAS.H AXAS.H VCPU.H: tests of libaxas, as TAP, without the kernel module. They
 * check that the library covers the whole API, that names parse back, the errors for a
 * descriptor that is not a space, and the ioctls that reach a fake kernel (ioctl() below).
 */
#include "libaxas.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static int tests, failed;

static void ok(bool good, const char *name, const char *input)
{
	printf("%sok %d - %s '%s'\n", good ? "" : "not ", ++tests, name, input);
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

/* Prefixes of the API's constants that have names. */
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

/* Parse "3" or "(1u << 3)"; any other value is not a named constant. */
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

/* Whether an ioctl of either header has this value already. */
static bool is_used_before(const char *value)
{
	static char seen[64][64];
	static unsigned int nr;

	for (unsigned int i = 0; i < nr; i++)
		if (!strcmp(seen[i], value))
			return true;
	if (nr < ARRAY_SIZE(seen))
		strcpy(seen[nr++], value);
	return false;
}

/* The function of AXAS_MAP_ALLOC is axas_map_alloc(), and so on. */
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
	ok(!is_used_before(value), "has a number of its own", name);
	return 1;
}

/* Each ioctl that the header at @path defines has a function, each constant a name. */
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

/* Names parse back; any other text is -EINVAL. */
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

/* A failed call returns the kernel's errno as a negative number and no result. */
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

/*
 * The fake kernel records the ioctls on descriptor FAKE. It has @areas areas of one page, each
 * followed by a hole of one page, and populates 3 pages per call, up to @last.
 */
#define FAKE	1000
#define PAGE	4096ull

static struct {
	unsigned long nr;
	__u32 size;
	__u32 flags;
	__u32 areas;
	__u64 last;
	unsigned int calls;
	__u64 buf;
} fake;

static int fake_get_areas(struct axas_get_areas *arg)
{
	struct axas_area_info *area = (struct axas_area_info *)(uintptr_t)arg->buf;
	__u32 room = arg->count < AXAS_GET_AREAS_MAX ? arg->count : AXAS_GET_AREAS_MAX;
	__u64 i = (arg->start + PAGE) / (2 * PAGE);

	for (arg->count = 0; i < fake.areas && arg->count < room; i++, arg->count++) {
		*area++ = (struct axas_area_info){ .gpa = 2 * i * PAGE, .length = PAGE };
		arg->start = (2 * i + 1) * PAGE;
	}
	arg->more = i < fake.areas;
	return 0;
}

static int fake_populate(struct axas_range *arg)
{
	__u64 n = arg->length < 3 * PAGE ? arg->length : 3 * PAGE;

	if (arg->gpa + n > fake.last) {
		errno = ENOMEM;
		return -1;
	}
	arg->gpa += n;
	arg->length -= n;
	return 0;
}

/* Clears up to 128 pages. */
static int fake_clear_log(struct axas_log *arg)
{
	__u64 n = arg->length < 128 * PAGE ? arg->length : 128 * PAGE;

	fake.buf = arg->buf;
	arg->gpa += n;
	arg->length -= n;
	return 0;
}

/* Replaces libc's. */
int ioctl(int fd, unsigned long nr, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, nr);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (fd != FAKE)
		return syscall(SYS_ioctl, fd, nr, arg);
	fake.nr = nr;
	fake.size = arg ? ((__u32 *)arg)[0] : 0;
	fake.flags = arg ? ((__u32 *)arg)[1] : 0;
	fake.calls++;
	if (nr == AXAS_GET_AREAS)
		return fake_get_areas(arg);
	if (nr == AXAS_CLONE)
		*(__s32 *)(uintptr_t)((struct axas_clone *)arg)->fds = FAKE + 1;
	if (nr == AXAS_SUPPLY)
		((struct axas_supply *)arg)->done = ((struct axas_supply *)arg)->length;
	if (nr == AXAS_CLEAR_LOG)
		return fake_clear_log(arg);
	return nr == AXAS_POPULATE ? fake_populate(arg) : 0;
}

#define passes_with(call, number, type, set)						\
	do {										\
		(void)(call);								\
		ok(fake.nr == (number) && fake.size == sizeof(struct type) &&		\
		   fake.flags == (set), "passes its number and size", #number);		\
	} while (0)

#define passes(call, number, type)	passes_with(call, number, type, 0)

/* The library sets the size of each struct and clears those that only receive results. */
static void test_space_calls(void)
{
	struct axas_extent extent = { .length = PAGE }, room;
	struct axas_create create = { .size = 77 };
	__u64 bitmap[4] = {}, gpa = 0;
	struct axas_format_info format;
	struct axas_translate to;
	struct axas_info info;
	__u64 start = 0;

	memset(&format, 0x55, sizeof(format));
	memset(&to, 0x55, sizeof(to));
	memset(&info, 0x55, sizeof(info));
	passes(axas_get_format(FAKE, 1, &format), AXAS_GET_FORMAT, axas_format_info);
	ok(format.format == 1 && !format.caps, "asks for", "a format");
	passes(axas_create(FAKE, NULL), AXAS_CREATE, axas_create);
	passes(axas_create(FAKE, &create), AXAS_CREATE, axas_create);
	passes(axas_map_linear(FAKE, 0, 0, PAGE, 7, 0), AXAS_MAP_LINEAR, axas_map_linear);
	passes(axas_map_file(FAKE, 0, PAGE, 1, 0, 7, 0), AXAS_MAP_FILE, axas_map_file);
	passes(axas_map_alloc(FAKE, 0, PAGE, 7, 0), AXAS_MAP_ALLOC, axas_map_alloc);
	passes(axas_map_shared(FAKE, 0, PAGE, FAKE, 0, 7, 0), AXAS_MAP_SHARED, axas_map_shared);
	passes(axas_map_backend(FAKE, 0, PAGE, "b", 0, 0, 7, 0, 0), AXAS_MAP_BACKEND,
	       axas_map_backend);
	passes(axas_unmap(FAKE, 0, PAGE), AXAS_UNMAP, axas_range);
	passes(axas_populate(FAKE, 0, PAGE), AXAS_POPULATE, axas_range);
	passes(axas_protect(FAKE, 0, PAGE, 1), AXAS_PROTECT, axas_protect);
	passes(axas_discard(FAKE, &extent, 1, NULL), AXAS_DISCARD, axas_discard);
	passes(axas_supply(FAKE, 0, &to, PAGE, 0, NULL), AXAS_SUPPLY, axas_supply);
	passes_with(axas_supply(FAKE, 0, NULL, PAGE, AXAS_SUPPLY_SKIP, NULL), AXAS_SUPPLY,
		    axas_supply, AXAS_SUPPLY_ZERO | AXAS_SUPPLY_SKIP);
	passes_with(axas_supply_from(FAKE, 0, PAGE, 5, 0, 0, NULL), AXAS_SUPPLY, axas_supply,
		    AXAS_SUPPLY_SPACE);
	passes(axas_get_missing(FAKE, 0, NULL, 0, NULL), AXAS_GET_MISSING, axas_get_missing);
	passes(axas_set_limit(FAKE, 5), AXAS_SET_LIMIT, axas_limit);
	passes(axas_start_log(FAKE, 0, PAGE), AXAS_START_LOG, axas_log);
	passes(axas_stop_log(FAKE, 0, PAGE), AXAS_STOP_LOG, axas_log);
	passes(axas_get_log(FAKE, 0, PAGE, bitmap, NULL), AXAS_GET_LOG, axas_log);
	passes_with(axas_get_log_extents(FAKE, &gpa, PAGE, &room, 1, NULL), AXAS_GET_LOG, axas_log,
		    AXAS_LOG_EXTENTS);
	passes_with(axas_clear_log_extents(FAKE, &extent, 1, 0), AXAS_CLEAR_LOG, axas_log,
		    AXAS_LOG_EXTENTS);
	fake.calls = 0;
	passes(axas_clear_log(FAKE, 0, 256 * PAGE, bitmap, 0), AXAS_CLEAR_LOG, axas_log);
	ok(fake.calls == 2 && fake.buf == (uintptr_t)(bitmap + 2), "goes on with what is left",
	   "AXAS_CLEAR_LOG");
	passes(axas_clear(FAKE), AXAS_CLEAR, axas_clear);
	passes(axas_collapse(FAKE, 0, PAGE, NULL), AXAS_COLLAPSE, axas_collapse);
	passes(axas_fault(FAKE, 0, 1, NULL), AXAS_FAULT, axas_fault);
	ok(axas_fault(FAKE, 0, 1, NULL) == AXAS_FAULT_ERROR, "is an error", "no result");
	passes(axas_translate(FAKE, 5, &to), AXAS_TRANSLATE, axas_translate);
	ok(to.gpa == 5 && !to.reserved, "asks for", "a translation");
	passes(axas_get_info(FAKE, &info), AXAS_GET_INFO, axas_info);
	ok(!info.caps && !info.faults[0], "asks for", "the counters");
	passes(axas_get_areas(FAKE, &start, NULL, 0, NULL), AXAS_GET_AREAS, axas_get_areas);
	ok(axas_set_policy(FAKE, 0, PAGE, AXAS_MAP_HUGE_NEVER) == 0 &&
	   fake.nr == AXAS_SET_POLICY && fake.size == sizeof(struct axas_range) &&
	   fake.flags == AXAS_MAP_HUGE_NEVER, "passes its number, size and flags",
	   "AXAS_SET_POLICY");
}

static void test_image_calls(void)
{
	struct axas_diff_extent extent;
	struct axas_image_info info;
	__u64 gpa = 0, length = PAGE;
	int fds[1];

	memset(&info, 0x55, sizeof(info));
	passes(axas_freeze(FAKE), AXAS_FREEZE, axas_freeze);
	passes_with(axas_clone(FAKE, AXAS_CREATE_PINNABLE, 5, fds, 1), AXAS_CLONE, axas_clone,
		    AXAS_CREATE_PINNABLE);
	ok(axas_clone_one(FAKE) == FAKE + 1, "returns a descriptor", "clone_one");
	ok(axas_clone_one(-1) == -EBADF, "no descriptor", "clone_one");
	passes(axas_reset(FAKE, FAKE, 0), AXAS_RESET, axas_reset);
	passes(axas_diff(FAKE, &gpa, &length, &extent, 1), AXAS_DIFF, axas_diff);
	ok(axas_diff(-1, &gpa, &length, &extent, 1) == -EBADF && length == PAGE, "no descriptor",
	   "diff");
	passes(axas_get_image_info(FAKE, &info), AXAS_GET_IMAGE_INFO, axas_image_info);
	ok(!info.depth && !info.users, "asks for", "the counters of an image");
}

static void test_vcpu_calls(void)
{
	struct axvcpu_create create = { .size = 77 };
	struct axvcpu_setup setup = { .size = 77 };
	struct axvcpu_state state;
	struct axvcpu_regs regs;
	struct axvcpu_exit exit;

	memset(&state, 0x55, sizeof(state));
	memset(&regs, 0x55, sizeof(regs));
	memset(&exit, 0x55, sizeof(exit));
	passes(axvcpu_create(FAKE, &create), AXVCPU_CREATE, axvcpu_create);
	passes(axvcpu_setup(FAKE, &setup), AXVCPU_SETUP, axvcpu_setup);
	passes(axvcpu_get_regs(FAKE, &regs), AXVCPU_GET_REGS, axvcpu_regs);
	ok(!regs.reserved[0] && !regs.raw[55], "asks for", "registers");
	passes(axvcpu_set_regs(FAKE, &regs), AXVCPU_SET_REGS, axvcpu_regs);
	passes(axvcpu_set_gpr(FAKE, 1, 2), AXVCPU_SET_GPR, axvcpu_set_gpr);
	passes(axvcpu_run(FAKE, &exit), AXVCPU_RUN, axvcpu_exit);
	ok(exit.reason == AXVCPU_EXIT_NOTHING && !exit.vector, "begins with", "a run");
	passes_with(axvcpu_run_window(FAKE, 32, &exit), AXVCPU_RUN, axvcpu_exit,
		    AXVCPU_RUN_WINDOW);
	ok(exit.vector == 32, "asks for", "a window");
	passes(axvcpu_inject(FAKE, 32), AXVCPU_INJECT, axvcpu_inject);
	passes_with(axvcpu_inject_now(FAKE, 32), AXVCPU_INJECT, axvcpu_inject, AXVCPU_INJECT_NOW);
	passes_with(axvcpu_inject_exception(FAKE, 13, 1), AXVCPU_INJECT, axvcpu_inject,
		    AXVCPU_INJECT_EXCEPTION);
	passes(axvcpu_save(FAKE, NULL, 8), AXVCPU_SAVE, axvcpu_save);
	passes(axvcpu_restore(FAKE, NULL, 8), AXVCPU_RESTORE, axvcpu_save);
	passes(axvcpu_reset(FAKE), AXVCPU_RESET, axvcpu_reset);
	passes(axvcpu_get_state(FAKE, &state), AXVCPU_GET_STATE, axvcpu_state);
	ok(!state.entries && !state.exits[0], "asks for", "a state");
	passes(axvcpu_set_affinity(FAKE, 0, 1), AXVCPU_SET_AFFINITY, axvcpu_affinity);
	passes(axvcpu_set_return(FAKE, 1), AXVCPU_SET_RETURN, axvcpu_return);
	passes_with(axvcpu_set_return_fault(FAKE), AXVCPU_SET_RETURN, axvcpu_return,
		    AXVCPU_RETURN_FAULT);
	passes(axvcpu_kick(FAKE), AXVCPU_KICK, axvcpu_kick);
}

/* The iterator returns each area once, also when that takes several ioctls. */
static void test_iterator(void)
{
	static const __u32 sizes[] = {
		0, 1, AXAS_GET_AREAS_MAX, AXAS_GET_AREAS_MAX + 1, 3 * AXAS_GET_AREAS_MAX - 1
	};
	const struct axas_area_info *area;
	struct axas_areas it;
	char name[16];
	__u32 seen;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		fake.areas = sizes[i];
		fake.calls = 0;
		seen = 0;
		axas_areas_begin(&it, FAKE, 0);
		while ((area = axas_areas_next(&it)) && area->gpa == 2 * seen * PAGE)
			seen++;
		snprintf(name, sizeof(name), "%u", sizes[i]);
		ok(!area && !it.err && seen == sizes[i] && !axas_areas_next(&it),
		   "lists each area once", name);
		ok(fake.calls == sizes[i] / (AXAS_GET_AREAS_MAX + 1) + 1, "in few calls", name);
	}
	fake.areas = 5;
	ok(!axas_is_hole(FAKE, 0) && !axas_is_hole(FAKE, 3 * PAGE - 1), "an area is", "no hole");
	ok(axas_is_hole(FAKE, PAGE) == 1 && axas_is_hole(FAKE, 10 * PAGE) == 1, "is", "a hole");
	ok(axas_is_hole(-1, 0) == -EBADF, "no descriptor", "is_hole");
	axas_areas_begin(&it, FAKE, 4 * PAGE);
	area = axas_areas_next(&it);
	ok(area && area->gpa == 4 * PAGE, "begins at", "its start");
}

static void test_populate(void)
{
	__u64 gpa = PAGE, length = 10 * PAGE;

	fake.last = 11 * PAGE;
	fake.calls = 0;
	ok(!axas_populate(FAKE, PAGE, 10 * PAGE) && fake.calls == 4, "populates", "all of it");
	fake.calls = 0;
	ok(axas_populate(FAKE, PAGE, 11 * PAGE) == -ENOMEM && fake.calls == 4, "populates",
	   "up to an error");
	ok(!axas_populate_some(FAKE, &gpa, &length) && gpa == 4 * PAGE && length == 7 * PAGE,
	   "populates", "some");
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
	fake.last = ~0ull;
	test_space_calls();
	test_image_calls();
	test_vcpu_calls();
	test_iterator();
	test_populate();
	printf("1..%d\n", tests);
	return !!failed;
}
