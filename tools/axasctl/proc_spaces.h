/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The spaces that processes have open, as /proc tells: what top shows.
 */
#ifndef AXASCTL_PROC_SPACES_H
#define AXASCTL_PROC_SPACES_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct proc_space - one space
 * @id: its number
 * @pid: the process of the lowest number that has it open
 * @command: that process' name
 * @areas: areas
 * @frames: 4 KiB frames of its own
 * @borrowed: 4 KiB pages that it maps of an image or a file
 * @shared: 4 KiB frames of other spaces
 * @tables: 4 KiB pages of page table
 * @faults: faults that were handled
 * @vcpus: vCPUs that run on it
 * @exits: how often they left their guest
 */
struct proc_space {
	unsigned int id;
	int pid;
	char command[32];
	unsigned long long areas, frames, borrowed, shared, tables, faults;
	unsigned int vcpus;
	unsigned long long exits;
};

/**
 * struct proc_spaces - all of them, by number
 * @list: the spaces
 * @nr: their number
 */
struct proc_spaces {
	struct proc_space *list;
	size_t nr;
};

/*
 * Look through a folder like /proc for spaces of processes that may be looked into. Return 0 or
 * -errno; @spaces is to be freed by proc_spaces_free().
 */
int proc_spaces_read(struct proc_spaces *spaces, const char *proc);
void proc_spaces_free(struct proc_spaces *spaces);
const struct proc_space *proc_spaces_find(const struct proc_spaces *spaces, unsigned int id);

/* Does the link of a descriptor, in a folder like /proc/PID/fd, name a space? */
bool proc_names_space(int folder, const char *link);

#endif /* AXASCTL_PROC_SPACES_H */
