// SPDX-License-Identifier: GPL-2.0-only
/*
 * The spaces that processes have open, from /proc/PID/fd and /proc/PID/fdinfo. A space that
 * several processes have open counts once, as does each of its vCPUs. Calls libc only.
 */
#include "proc_spaces.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A vCPU. One that was handed to other processes is seen several times. */
struct proc_vcpu {
	unsigned long long space;
	unsigned long long id;
	unsigned long long entries;
};

struct scan {
	struct proc_spaces *spaces;
	struct proc_vcpu *vcpus;
	size_t nr_vcpus;
	int pid;		/* the process that is looked into, and its folder */
	int folder;
};

/* Room for one more element of @size bytes. NULL: out of memory. */
static void *grow(void *list, size_t nr, size_t size)
{
	return nr & (nr - 1) ? list : reallocarray(list, nr ? 2 * nr : 1, size);
}

static FILE *open_in(int folder, const char *sub, const char *name)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", sub, name);
	fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? NULL : fdopen(fd, "r");
}

/* A process chooses its name: bytes that a terminal or JSON would take for something else go. */
static void take_command(struct proc_space *space, int folder)
{
	FILE *f = open_in(folder, ".", "comm");

	if (f && fgets(space->command, sizeof(space->command), f)) {
		space->command[strcspn(space->command, "\n")] = '\0';
		for (char *c = space->command; *c; c++)
			*c = *c < ' ' || *c > '~' ? '?' : *c;
	}
	if (f)
		fclose(f);
}

/* Take the number of a line of fdinfo, if it is that of @key. */
static void take(const char *line, const char *key, unsigned long long *to)
{
	size_t len = strlen(key);

	if (!strncmp(line, key, len) && line[len] == ':')
		*to = strtoull(line + len + 1, NULL, 10);
}

static void take_line(struct proc_space *space, const char *line)
{
	unsigned long long id = space->id;

	take(line, "axas-id", &id);
	space->id = id;
	take(line, "axas-areas", &space->areas);
	take(line, "axas-frames", &space->frames);
	take(line, "axas-borrowed", &space->borrowed);
	take(line, "axas-shared", &space->shared);
	take(line, "axas-tables", &space->tables);
	take(line, "axas-faults", &space->faults);
}

static int add_space(struct scan *scan, const struct proc_space *space)
{
	struct proc_spaces *spaces = scan->spaces;
	struct proc_space *list;

	for (size_t i = 0; i < spaces->nr; i++) {
		list = &spaces->list[i];
		if (list->id != space->id)
			continue;
		if (scan->pid < list->pid)
			*list = *space;
		return 0;
	}
	list = grow(spaces->list, spaces->nr, sizeof(*list));
	if (!list)
		return -ENOMEM;
	spaces->list = list;
	list[spaces->nr++] = *space;
	return 0;
}

static int take_space(struct scan *scan, const char *fd)
{
	struct proc_space space = { .pid = scan->pid };
	FILE *f = open_in(scan->folder, "fdinfo", fd);
	char line[256];

	/* It was closed meanwhile. */
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		take_line(&space, line);
	fclose(f);
	if (!space.id)
		return 0;
	take_command(&space, scan->folder);
	return add_space(scan, &space);
}

static int take_vcpu(struct scan *scan, const char *fd)
{
	FILE *f = open_in(scan->folder, "fdinfo", fd);
	struct proc_vcpu vcpu = { 0 }, *list;
	char line[256];

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		take(line, "axvcpu-id", &vcpu.id);
		take(line, "axvcpu-space", &vcpu.space);
		take(line, "axvcpu-entries", &vcpu.entries);
	}
	fclose(f);
	for (size_t i = 0; i < scan->nr_vcpus; i++)
		if (scan->vcpus[i].space == vcpu.space && scan->vcpus[i].id == vcpu.id)
			return 0;
	list = grow(scan->vcpus, scan->nr_vcpus, sizeof(*list));
	if (!list)
		return -ENOMEM;
	scan->vcpus = list;
	list[scan->nr_vcpus++] = vcpu;
	return 0;
}

/* Is it what @link names, and not a file with that in its name? */
static bool names(int folder, const char *link, const char *what)
{
	char to[64];
	ssize_t n = readlinkat(folder, link, to, sizeof(to));

	return n == (ssize_t)strlen(what) && !memcmp(to, what, n);
}

bool proc_names_space(int folder, const char *link)
{
	return names(folder, link, "/axas-space (deleted)");
}

static int take_fd(struct scan *scan, DIR *fds, const char *name)
{
	if (proc_names_space(dirfd(fds), name))
		return take_space(scan, name);
	return names(dirfd(fds), name, "anon_inode:[axvcpu]") ? take_vcpu(scan, name) : 0;
}

/* Look into one process. Nothing is seen of one that is gone, or somebody else's. */
static int take_process(struct scan *scan)
{
	int fd = openat(scan->folder, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
	DIR *fds = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!fds)
		return 0;
	while (!err && (entry = readdir(fds)))
		err = take_fd(scan, fds, entry->d_name);
	closedir(fds);
	return err;
}

static int take_all(struct scan *scan, DIR *proc)
{
	struct dirent *entry;
	int err = 0;

	while (!err && (entry = readdir(proc))) {
		if (!isdigit((unsigned char)*entry->d_name))
			continue;
		scan->pid = atoi(entry->d_name);
		scan->folder = openat(dirfd(proc), entry->d_name, O_PATH | O_CLOEXEC);
		if (scan->folder < 0)
			continue;
		err = take_process(scan);
		close(scan->folder);
	}
	return err;
}

static int by_id(const void *a, const void *b)
{
	unsigned int left = ((const struct proc_space *)a)->id;
	unsigned int right = ((const struct proc_space *)b)->id;

	return left < right ? -1 : left > right;
}

/* Count the vCPUs in their spaces. */
static void count_vcpus(const struct scan *scan)
{
	struct proc_spaces *spaces = scan->spaces;

	for (size_t i = 0; i < scan->nr_vcpus; i++)
		for (size_t j = 0; j < spaces->nr; j++)
			if (spaces->list[j].id == scan->vcpus[i].space) {
				spaces->list[j].vcpus++;
				spaces->list[j].exits += scan->vcpus[i].entries;
			}
}

int proc_spaces_read(struct proc_spaces *spaces, const char *proc)
{
	struct scan scan = { .spaces = spaces };
	DIR *dir = opendir(proc);
	int err;

	*spaces = (struct proc_spaces){ 0 };
	if (!dir)
		return -errno;
	err = take_all(&scan, dir);
	closedir(dir);
	if (err) {
		proc_spaces_free(spaces);
	} else {
		count_vcpus(&scan);
		if (spaces->nr)
			qsort(spaces->list, spaces->nr, sizeof(*spaces->list), by_id);
	}
	free(scan.vcpus);
	return err;
}

void proc_spaces_free(struct proc_spaces *spaces)
{
	free(spaces->list);
	*spaces = (struct proc_spaces){ 0 };
}

const struct proc_space *proc_spaces_find(const struct proc_spaces *spaces, unsigned int id)
{
	const struct proc_space key = { .id = id };

	return spaces->nr ? bsearch(&key, spaces->list, spaces->nr, sizeof(key), by_id) : NULL;
}
