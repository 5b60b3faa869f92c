/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Spaces in debugfs. Until "spaces" is read, a space costs just a list entry.
 */
#ifndef _AXAS_DEBUGFS_H
#define _AXAS_DEBUGFS_H

#include <linux/list.h>

struct axas_space;
struct dentry;

/**
 * struct axas_debugfs - a space in debugfs
 * @node: entry in the list of spaces
 * @space: the space; the caller of axas_debugfs_add() holds a reference until removal
 * @dir: its directory; NULL until "spaces" has been read
 */
struct axas_debugfs {
	struct list_head node;
	struct axas_space *space;
	struct dentry *dir;
};

void axas_debugfs_add(struct axas_debugfs *entry, struct axas_space *space);
/* On return, files of the space can no longer be opened. */
void axas_debugfs_remove(struct axas_debugfs *entry);

void axas_debugfs_init(void);
void axas_debugfs_exit(void);

#endif /* _AXAS_DEBUGFS_H */
