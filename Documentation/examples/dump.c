// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dump a space or an image of another process: its areas, and its memory as a file with holes, in
 * which an offset is a guest-physical address. Untouched memory stays a hole, so a guest of 1 TiB
 * that touched 1 MiB makes a file of 1 MiB. With libaxas; needs no device, but the right to open
 * the descriptor.
 *
 *	example_dump /proc/PID/fd/N [FILE]	areas to standard output, memory to FILE
 */
#include <errno.h>
#include <fcntl.h>
#include <libaxas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int must(int ret, const char *what)
{
	if (ret >= 0)
		return ret;
	fprintf(stderr, "%s: %s\n", what, strerror(-ret));
	exit(1);
}

#define BATCH	64u

static void print_areas(int space)
{
	struct axas_area_info areas[BATCH];
	__u64 start = 0;
	__u32 more = 1;
	int n;

	while (more) {
		n = axas_get_areas(space, &start, areas, BATCH, &more);
		if (n == -ENOTTY) {
			printf("an image\n");
			return;
		}
		must(n, "AXAS_GET_AREAS");
		for (int i = 0; i < n; i++)
			printf("0x%010llx + 0x%010llx %s %s %s\n", areas[i].gpa, areas[i].length,
			       axas_prot_name(areas[i].prot), axas_type_name(areas[i].type),
			       axas_backend_name(areas[i].backend));
	}
}

/* One range that has frames. Memory that the guest is giving back meanwhile reads as zeroes. */
static __u64 copy_range(int space, int file, off_t first, off_t end)
{
	static char buf[1 << 20];

	for (off_t at = first; at < end;) {
		size_t len = end - at < (off_t)sizeof(buf) ? (size_t)(end - at) : sizeof(buf);
		ssize_t n = pread(space, buf, len, at);

		if (n <= 0)
			must(n ? -errno : -EIO, "read");
		if (pwrite(file, buf, n, at) != n)
			must(errno ? -errno : -ENOSPC, "write");
		at += n;
	}
	return end - first;
}

static void copy_memory(int space, const char *path)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	__u64 bytes = 0;
	off_t first = 0, end;

	if (file < 0)
		must(-errno, path);
	while ((first = lseek(space, first, SEEK_DATA)) >= 0) {
		end = lseek(space, first, SEEK_HOLE);
		if (end < 0)
			must(-errno, "SEEK_HOLE");
		bytes += copy_range(space, file, first, end);
		first = end;
	}
	/* ENXIO: there is no more. */
	if (errno != ENXIO)
		must(-errno, "SEEK_DATA");
	if (ftruncate(file, lseek(space, 0, SEEK_END)) || close(file))
		must(-errno, path);
	printf("%llu bytes of memory\n", bytes);
}

int main(int argc, char **argv)
{
	int space;

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: %s /proc/PID/fd/N [FILE]\n", argv[0]);
		return 2;
	}
	space = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (space < 0)
		must(-errno, argv[1]);
	print_areas(space);
	if (argc == 3)
		copy_memory(space, argv[2]);
	return 0;
}
