// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory as a file: load by a mapping, see what has frames, give a page back, hand the space
 * on read-only. With libaxas; needs /dev/axas: root, or the group axas.
 */
#include <errno.h>
#include <fcntl.h>
#include <libaxas.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RAM_GPA		0x80000000ull
#define RAM_SIZE	(64ull << 20)
#define RW		(AXAS_PROT_READ | AXAS_PROT_WRITE)

static void die(const char *what, int err)
{
	fprintf(stderr, "%s: %s\n", what, strerror(err));
	exit(1);
}

/* Print the ranges that have frames. */
static void print_data(int space)
{
	off_t first = 0, end;

	while ((first = lseek(space, first, SEEK_DATA)) >= 0) {
		end = lseek(space, first, SEEK_HOLE);
		printf("data: 0x%llx, %lld bytes\n", (long long)first, (long long)(end - first));
		first = end;
	}
}

int main(void)
{
	int space = axas_open_space(NULL, NULL), reader;
	char path[64], text[16] = "";
	char *ram;
	int err;

	if (space < 0)
		die(AXAS_DEV_PATH, -space);
	err = axas_map_alloc(space, RAM_GPA, RAM_SIZE, RW, 0);
	if (err)
		die("AXAS_MAP_ALLOC", -err);
	/* The offset is the guest-physical address. */
	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, space, RAM_GPA);
	if (ram == MAP_FAILED)
		die("mmap", errno);
	strcpy(ram, "first page");
	strcpy(ram + 0x10000, "another page");
	print_data(space);

	/* The guest reads zeroes there now, and so does the mapping. */
	if (fallocate(space, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, RAM_GPA + 0x10000, 4096))
		die("fallocate", errno);
	print_data(space);
	printf("in the hole: \"%s\"\n", ram + 0x10000);

	/* A descriptor that can read, to be passed to another process. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", space);
	reader = open(path, O_RDONLY | O_CLOEXEC);
	if (reader < 0 || pread(reader, text, 10, RAM_GPA) != 10)
		die(path, errno);
	printf("the reader sees \"%s\"\n", text);
	return 0;
}
