// SPDX-License-Identifier: GPL-2.0-only
/*
 * The C code that README.md and user-api.md show, line by line, in a program that runs, so that the
 * pages show only code that works: with the system calls themselves, or with libaxas, as there.
 * Needs /dev/axas.
 */
#include <errno.h>
#include <fcntl.h>
#include <libaxas.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define RAM_GPA		0x80000000ull
#define LOGGED		(64 * 4096ull)	/* one word of a bitmap */

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

/* README.md */
static int make_space(void)
{
	static const char program[] = "\xf4 hlt";
	char back[sizeof(program)];

	int dev = open("/dev/axas", O_RDWR | O_CLOEXEC);
	struct axas_create create = { .size = sizeof(create) };
	int space = ioctl(dev, AXAS_CREATE, &create);
	struct axas_map_alloc map = {		/* 64 MiB, each page on first touch */
		.size = sizeof(map), .gpa = 0x80000000, .length = 64 << 20,
		.prot = AXAS_PROT_READ | AXAS_PROT_WRITE | AXAS_PROT_EXEC,
	};
	must(dev >= 0 && space >= 0, "a space");
	ioctl(space, AXAS_MAP_ALLOC, &map);
	must(pwrite(space, "", 1, RAM_GPA) == 1, "64 MiB");
	pwrite(space, program, sizeof(program), 0x80000000);
	must(pread(space, back, sizeof(back), RAM_GPA) == sizeof(back) &&
	     !memcmp(back, program, sizeof(back)), "the program");
	close(dev);
	return space;
}

/* user-api.md: what may take long is called again. */
static void populate(int space, __u64 gpa, __u64 length)
{
	int err;
	struct axas_range range = { .size = sizeof(range), .gpa = gpa, .length = length };

	do
		err = ioctl(space, AXAS_POPULATE, &range);
	while (!err && range.length);
	must(!err, "AXAS_POPULATE");
}

/* user-api.md: lists of ranges */
static void discard_two(int space, __u64 gpa, __u64 length, __u64 other_gpa, __u64 other_length)
{
	struct axas_extent extents[] = { { gpa, length }, { other_gpa, other_length } };
	struct axas_discard discard = {
		.size = sizeof(discard), .buf = (uintptr_t)extents, .count = 2,
	};
	int err;

	err = ioctl(space, AXAS_DISCARD, &discard);
	must(!err, "AXAS_DISCARD");
}

/* Where a space is moved to, and what the guest of it does meanwhile: it writes ever less. */
static struct {
	char memory[LOGGED];
	int space;
	int writes;
} move;

static void write_some(void)
{
	for (int i = 0; i < move.writes; i++)
		must(pwrite(move.space, "written", 7, RAM_GPA + i * 8192) == 7, "pwrite");
	move.writes /= 2;
}

static void copy_all(void)
{
	must(pread(move.space, move.memory, LOGGED, RAM_GPA) == LOGGED, "pread");
	write_some();
}

static void copy_pages(const __u64 *bitmap)
{
	for (int i = 0; i < 64; i++)
		if (*bitmap >> i & 1)
			must(pread(move.space, move.memory + i * 4096, 4096,
				   RAM_GPA + i * 4096) == 4096, "pread");
	write_some();
}

static int count(const __u64 *bitmap)
{
	return __builtin_popcountll(*bitmap);
}

/* user-api.md: the dirty log */
static void move_space(int space, __u64 gpa, __u64 length)
{
	__u64 bitmap[1], epoch;
	static char memory[LOGGED];
	const int few = 0;

	move.space = space;
	move.writes = 16;
	axas_start_log(space, gpa, length);
	copy_all();
	do {
		axas_get_log(space, gpa, length, bitmap, &epoch);
		axas_clear_log(space, gpa, length, bitmap, epoch);
		copy_pages(bitmap);		/* after the clear */
	} while (count(bitmap) > few);
	must(!axas_read_all(space, gpa, memory, length, NULL) &&
	     !memcmp(memory, move.memory, length), "the copy");
	must(!axas_stop_log(space, gpa, length), "the log");
}

/* user-api.md: missing pages */
static void supply_page(int space, __u64 gpa, const char *page)
{
	struct axas_supply supply = {
		.size = sizeof(supply), .gpa = gpa, .length = 4096, .source = (uintptr_t)page,
	};
	int err;

	err = ioctl(space, AXAS_SUPPLY, &supply);
	must(!err, "AXAS_SUPPLY");
}

static unsigned long long frames(int space)
{
	struct axas_info info;

	must(!axas_get_info(space, &info), "AXAS_GET_INFO");
	return info.frames;
}

int main(void)
{
	static char page[4096] = "supplied";
	const __u64 missing = RAM_GPA + (64 << 20);
	int space = make_space();
	char back[sizeof(page)];

	populate(space, RAM_GPA, 64 << 20);
	printf("populated: %llu frames\n", frames(space));
	discard_two(space, RAM_GPA, 32 << 20, RAM_GPA + (48 << 20), 16 << 20);
	printf("discarded: %llu frames\n", frames(space));
	move_space(space, RAM_GPA, LOGGED);
	printf("moved: %s\n", move.memory);
	must(!axas_map_alloc(space, missing, 4096, AXAS_PROT_MASK, AXAS_MAP_MISSING), "missing");
	supply_page(space, missing, page);
	must(!axas_read_all(space, missing, back, sizeof(back), NULL), "pread");
	puts(back);
	return 0;
}
