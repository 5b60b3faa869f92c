/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tables of spaces, for people: /sys/kernel/debug/axas/ID/, while the file
 * descriptor of a space is open.
 */
#ifndef _AXAS_DEBUGFS_H
#define _AXAS_DEBUGFS_H

struct axas_space;
struct dentry;

void axas_debugfs_init(void);
void axas_debugfs_exit(void);

/* The folder of a space, which must stay until it is removed again. */
struct dentry *axas_debugfs_add(struct axas_space *space, unsigned int id);
void axas_debugfs_remove(struct dentry *dir);

#endif /* _AXAS_DEBUGFS_H */
