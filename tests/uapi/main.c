// SPDX-License-Identifier: GPL-2.0-only
/*
 * axas_uapi_test: tests of the user API, as TAP.
 *
 *	axas_uapi_test [-l] [-t SECONDS] [-s SEED] [-n CALLS] [-d] [PART-OF-A-NAME...]
 *
 * -d: the host's default format alone, where others are tested by another program.
 *
 * Needs root, the module, and at least 8 MiB of reserved host-physical memory: boot with
 * memmap=16M$0x30000000, or set AXAS_WINDOW=HPA,SIZE. AXAS_LOCKDOWN=1 enables the lockdown
 * test, which locks the kernel down until the next boot.
 */
#include "uapi.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static const struct suite *const suites[] = {
	&suite_system, &suite_envelope, &suite_refuse, &suite_map, &suite_areas, &suite_many,
	&suite_fault, &suite_huge, &suite_discard, &suite_filemem, &suite_fuse, &suite_log,
	&suite_supply, &suite_crowd, &suite_image, &suite_image_life, &suite_image_mmap,
	&suite_shared, &suite_backend, &suite_access, &suite_buffer, &suite_single,
	&suite_file, &suite_mmap,
	&suite_mmap_race, &suite_hostile, &suite_words, &suite_rules, &suite_rights,
	&suite_account, &suite_stock, &suite_life, &suite_threads, &suite_random, &suite_model,
	&suite_model_mmap, &suite_watch, &suite_trace, &suite_failnth,
	&suite_garbage, &suite_last,
};

u32 test_format;
u32 test_seed = 1;
u32 test_ops;
u32 taint_before;
static bool default_only;

/* Collect the formats of this build, the host's first. */
static size_t find_formats(u32 *formats)
{
	struct axas_format_info arg;
	int dev = axas_open(NULL);
	size_t nr = 0;

	for (u32 f = AXAS_FORMAT_DEFAULT; dev >= 0 && f < AXAS_NR_FORMATS; f++) {
		if (axas_get_format(dev, f, &arg) || (nr && formats[0] == arg.format))
			continue;
		formats[nr++] = arg.format;
	}
	if (dev >= 0)
		close(dev);
	if (!nr)
		formats[nr++] = AXAS_FORMAT_DEFAULT;
	return nr;
}

static void run_suite(const struct suite *suite, const u32 *formats, size_t nr_formats)
{
	if (!suite->every_format || default_only)
		nr_formats = 1;
	for (size_t f = 0; f < nr_formats; f++) {
		test_format = formats[f];
		harness_suite(suite, suite->every_format ? axas_format_name(test_format) : NULL);
	}
}

static void take_option(int letter, const char *arg)
{
	if (letter == 's')
		test_seed = strtoul(arg, NULL, 0) | 1;
	else if (letter == 'd')
		default_only = true;
	else
		test_ops = strtoul(arg, NULL, 0);
}

static const struct harness_options options = {
	"s:n:d", "[-s SEED] [-n CALLS] [-d] ", take_option
};

u32 read_taint(void)
{
	char text[32] = "";

	read_file("/proc/sys/kernel/tainted", text, sizeof(text));
	return strtoul(text, NULL, 10);
}

/* For the O_CLOEXEC test: report after exec whether the descriptor is still open. */
static int answer_fd_open(const char *number)
{
	return fcntl(atoi(number), F_GETFD) < 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *seed = getenv("AXAS_SEED");
	u32 formats[AXAS_NR_FORMATS];
	size_t nr_formats;

	if (argc == 3 && !strcmp(argv[1], "--is-open"))
		return answer_fd_open(argv[2]);
	if (seed)
		test_seed = strtoul(seed, NULL, 0) | 1;
	taint_before = read_taint();
	nr_formats = find_formats(formats);
	if (harness_begin(argc, argv, &options))
		printf("# seed %u\n", test_seed);
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++)
		run_suite(suites[i], formats, nr_formats);
	return harness_end();
}
