/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Intervals (the part of <linux/interval_tree_generic.h> that is used): a list of them, all
 * of which a search looks at. Whoever uses it has a lock.
 */
#ifndef SHIM_INTERVAL_H
#define SHIM_INTERVAL_H

#include "base.h"

struct rb_node {
	struct rb_node *next;
};

struct rb_root_cached {
	struct rb_node *first;
};

#define RB_ROOT_CACHED	((struct rb_root_cached){ NULL })

#define INTERVAL_TREE_DEFINE(TYPE, NODE, VAL, SUBTREE, START, LAST, STATIC, PREFIX)		\
STATIC void PREFIX##_insert(TYPE *item, struct rb_root_cached *root)				\
{												\
	item->NODE.next = root->first;								\
	root->first = &item->NODE;								\
}												\
STATIC void PREFIX##_remove(TYPE *item, struct rb_root_cached *root)				\
{												\
	struct rb_node **p = &root->first;							\
												\
	while (*p != &item->NODE)								\
		p = &(*p)->next;								\
	*p = item->NODE.next;									\
}												\
static TYPE *PREFIX##_from(struct rb_node *n, VAL start, VAL last)				\
{												\
	for (; n; n = n->next) {								\
		TYPE *item = container_of(n, TYPE, NODE);					\
												\
		if (START(item) <= last && LAST(item) >= start)					\
			return item;								\
	}											\
	return NULL;										\
}												\
STATIC TYPE *PREFIX##_iter_first(struct rb_root_cached *root, VAL start, VAL last)		\
{												\
	return PREFIX##_from(root->first, start, last);						\
}												\
STATIC TYPE *PREFIX##_iter_next(TYPE *item, VAL start, VAL last)				\
{												\
	return PREFIX##_from(item->NODE.next, start, last);					\
}

#endif /* SHIM_INTERVAL_H */
