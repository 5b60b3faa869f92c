// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lazy restore: a guest runs on memory that is still in a file. Another process serves it, page by
 * page as they are needed, with some pages ahead, and the rest while nobody waits. That process is
 * killed in between, and a second one takes over. With libaxas; needs /dev/axas: root, or the group
 * axas.
 *
 * The "guest" here is this process, by a mapping. With vCPUs a run exits with the result
 * AXAS_FAULT_MISSING instead of waiting: its thread supplies the page by itself, or reads a byte of
 * it by pread(), which waits for the server, and runs on.
 */
#include <errno.h>
#include <libaxas.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE		4096ull
#define RAM_GPA		0x80000000ull
#define RAM_PAGES	4096ull
#define RAM_SIZE	(RAM_PAGES * PAGE)
#define AHEAD		16ull		/* pages that are supplied with one that is needed */
#define IDLE		64ull		/* pages at a time while nobody waits */

static void die(const char *what, int err)
{
	fprintf(stderr, "%s: %s\n", what, strerror(err));
	exit(1);
}

/* The guest's memory as it was saved: the number of a page in each of its words. */
static int saved_file(void)
{
	int file = memfd_create("saved", MFD_CLOEXEC);
	__u64 page[PAGE / sizeof(__u64)];

	if (file < 0)
		die("memfd_create", errno);
	for (__u64 i = 0; i < RAM_PAGES; i++) {
		for (size_t word = 0; word < PAGE / sizeof(page[0]); word++)
			page[word] = i;
		if (write(file, page, PAGE) != (ssize_t)PAGE)
			die("write", errno);
	}
	return file;
}

/* Supply the pages at @first that are not there yet. */
static void supply(int space, const char *saved, __u64 first, __u64 pages)
{
	int err;

	if (pages > RAM_PAGES - first)
		pages = RAM_PAGES - first;
	/* A page that is there was supplied before, or the guest has it already: step over it. */
	err = axas_supply(space, RAM_GPA + first * PAGE, saved + first * PAGE, pages * PAGE,
			  AXAS_SUPPLY_SKIP, NULL);
	/* -ENOENT: the guest has unmapped it meanwhile. */
	if (err && err != -ENOENT)
		die("AXAS_SUPPLY", -err);
}

/* What is waited for comes first. Ends when all memory is there, unless @lazy. */
static void serve(int space, int file, int lazy)
{
	const char *saved = mmap(NULL, RAM_SIZE, PROT_READ, MAP_SHARED, file, 0);
	struct pollfd pfd = { .fd = space, .events = POLLPRI };
	__u64 gpas[AXAS_MISSING_MAX], next = 0;
	__u32 flags = AXAS_MISSING_AGAIN;	/* what an earlier server was told, too */
	int n;

	if (saved == MAP_FAILED)
		die("mmap", errno);
	while (lazy || next < RAM_PAGES) {
		n = axas_get_missing(space, flags, gpas, AXAS_MISSING_MAX, NULL);
		flags = 0;
		if (n < 0)
			die("AXAS_GET_MISSING", -n);
		for (int i = 0; i < n; i++)
			supply(space, saved, (gpas[i] - RAM_GPA) / PAGE, AHEAD);
		if (!n && lazy) {
			poll(&pfd, 1, -1);
		} else if (!n) {
			supply(space, saved, next, IDLE);
			next += IDLE;
		}
	}
}

static pid_t start_server(int space, int file, int lazy)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork", errno);
	if (!pid) {
		serve(space, file, lazy);
		exit(0);
	}
	return pid;
}

/* The guest: pages in an order of its own, each read, checked and written. */
static void run_guest(__u64 *ram, __u64 first, __u64 pages)
{
	for (__u64 i = first; i < first + pages; i++) {
		__u64 page = i * 2654435761u % RAM_PAGES;
		__u64 *word = ram + page * PAGE / sizeof(*ram) + i % 512;
		__u64 content = __atomic_load_n(word, __ATOMIC_RELAXED);

		if (content != page) {
			fprintf(stderr, "page %llu has the content of %llu\n", page, content);
			exit(1);
		}
		__atomic_store_n(word, page, __ATOMIC_RELAXED);
	}
}

int main(void)
{
	int space = axas_open_space(NULL, NULL), file = saved_file(), status;
	struct axas_info info;
	pid_t server;
	__u64 *ram;
	int err;

	/* What is printed before a fork() is printed once, into a pipe too. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (space < 0)
		die(AXAS_DEV_PATH, -space);
	err = axas_map_alloc(space, RAM_GPA, RAM_SIZE, AXAS_PROT_MASK, AXAS_MAP_MISSING);
	if (err)
		die("AXAS_MAP_ALLOC", -err);
	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, space, RAM_GPA);
	if (ram == MAP_FAILED)
		die("mmap", errno);

	server = start_server(space, file, 1);
	run_guest(ram, 0, 64);
	axas_get_info(space, &info);
	printf("64 pages read: %s\n", info.frames < RAM_PAGES ? "the rest is still in the file" :
	       "all memory is there");
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);

	/* Whoever needs a page waits until the next server has come. */
	server = start_server(space, file, 0);
	run_guest(ram, 64, RAM_PAGES - 64);
	waitpid(server, &status, 0);
	axas_get_info(space, &info);
	printf("all pages read: %llu of %llu are there\n", info.frames, RAM_PAGES);
	return status || info.frames != RAM_PAGES;
}
