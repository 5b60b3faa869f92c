/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Spaces in debugfs, for people. A space that nobody looks at costs an entry in a list.
 */
#ifndef _AXAS_DEBUGFS_H
#define _AXAS_DEBUGFS_H

#include <linux/list.h>

struct axas_space;
struct dentry;

/**
 * struct axas_debugfs - a space that somebody may want to look at
 * @node: in the list of them
 * @space: the space; whoever added it holds it
 * @id: its number
 * @dir: its folder, once somebody has looked; or NULL
 */
struct axas_debugfs {
	struct list_head node;
	struct axas_space *space;
	unsigned int id;
	struct dentry *dir;
};

void axas_debugfs_add(struct axas_debugfs *entry, struct axas_space *space, unsigned int id);
/* Nobody opens a file of it any more on return. */
void axas_debugfs_remove(struct axas_debugfs *entry);

void axas_debugfs_init(void);
void axas_debugfs_exit(void);

#endif /* _AXAS_DEBUGFS_H */
