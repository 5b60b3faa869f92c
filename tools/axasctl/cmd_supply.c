// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command that brings missing pages: supply.
 */
#include "axasctl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_BYTES	4096ull

struct supply_args {
	struct args args;
	u32 flags;
	bool zero;
};

static const struct argp_option supply_options[] = {
	{ "skip", OPT_SKIP, NULL, 0, "Skip pages that are present; else they are an error", 0 },
	{ "zero", OPT_ZERO, NULL, 0, "Zeroes, for GPA and SIZE", 0 },
	{ 0 }
};

static error_t supply_parse(int key, char *arg, struct argp_state *state)
{
	struct supply_args *supply = state->input;

	switch (key) {
	case OPT_SKIP:
		supply->flags |= AXAS_SUPPLY_SKIP;
		return 0;
	case OPT_ZERO:
		supply->zero = true;
		return 0;
	default:
		return parse_common(key, arg, state);
	}
}

static const struct argp supply_argp = {
	supply_options, supply_parse, "FILE GPA\n--zero GPA SIZE",
	"Supply missing pages: the bytes of FILE, or zeroes.\n"
	"\vThe pages are in an area that was mapped with --missing, and have no content yet.\n"
	"The last page of FILE is padded with zeroes.", common_options, NULL, NULL
};

static int supply(struct session *s, u64 gpa, const void *buf, u64 len, u32 flags)
{
	int fd = need_space(s), err;
	u64 done;

	if (fd < 0)
		return 1;
	err = axas_supply(fd, gpa, buf, len, flags, &done);
	if (err)
		return fail(s, -err, "%#llx, after %llu bytes: %s", gpa + done, done,
			    explain("supply", -err));
	return answer_range(s, gpa, done);
}

/* A mapping of a file reads zeroes up to the end of its last page. */
static int supply_file(struct session *s, const char *name, u64 gpa, u32 flags)
{
	int file = open(name, O_RDONLY | O_CLOEXEC), status;
	void *at = MAP_FAILED;
	struct stat st;
	u64 len = 0;

	if (file >= 0 && !fstat(file, &st)) {
		len = (st.st_size + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
		at = mmap(NULL, len, PROT_READ, MAP_PRIVATE, file, 0);
	}
	status = at == MAP_FAILED ? fail(s, errno, "%s: %s", name, strerror(errno)) :
				    supply(s, gpa, at, len, flags);
	if (at != MAP_FAILED)
		munmap(at, len);
	if (file >= 0)
		close(file);
	return status;
}

int cmd_supply(struct session *s, int argc, char **argv)
{
	struct supply_args supply_args = { .args = { .min = 2, .max = 2 } };
	struct args *args = &supply_args.args;
	u64 gpa, len;
	int status;

	if (parse_args(s, &supply_argp, argc, argv, args, &status))
		return status;
	if (take_number(args, "GPA", args->arg[!supply_args.zero], &gpa))
		return 1;
	if (!supply_args.zero)
		return supply_file(s, args->arg[0], gpa, supply_args.flags);
	if (take_number(args, "SIZE", args->arg[1], &len))
		return 1;
	return supply(s, gpa, NULL, len, supply_args.flags);
}
