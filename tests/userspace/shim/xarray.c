// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pointers by index: a radix tree of 512 slots a node, of six levels. Loads take no lock; a
 * node, once there, stays until xa_destroy().
 */
#include "shim/kernel.h"

#define SLOT_BITS	9
#define SLOTS		512u
#define LEVELS		5	/* the root's: 54 bits of index */

/**
 * struct node - a node of the tree
 * @first: index of its first entry, or of the first one below it
 * @slots: nodes, or entries
 */
struct node {
	unsigned long first;
	void *slots[SLOTS];
};

void xa_init(struct xarray *xa)
{
	*xa = (struct xarray)XARRAY_INIT(xa, 0);
}

static unsigned int slot_of(unsigned long index, int level)
{
	return (index >> (level * SLOT_BITS)) & (SLOTS - 1);
}

/* The node of an entry. Most look for one near the last. */
static struct node *entries_of(struct xarray *xa, unsigned long index)
{
	struct node *node = __atomic_load_n(&xa->recent, __ATOMIC_ACQUIRE);
	int level;

	if (node && index - node->first < SLOTS)
		return node;
	node = __atomic_load_n(&xa->root, __ATOMIC_ACQUIRE);
	for (level = LEVELS; node && level > 0; level--)
		node = __atomic_load_n(&node->slots[slot_of(index, level)], __ATOMIC_ACQUIRE);
	if (node)
		__atomic_store_n(&xa->recent, node, __ATOMIC_RELEASE);
	return node;
}

void *xa_load(struct xarray *xa, unsigned long index)
{
	struct node *node = entries_of(xa, index);

	return node ? __atomic_load_n(&node->slots[slot_of(index, 0)], __ATOMIC_ACQUIRE) : NULL;
}

static void **find_slot(struct xarray *xa, unsigned long index)
{
	void **slot = &xa->root;
	int level;

	for (level = LEVELS; level >= 0; level--) {
		struct node *node = *slot;

		if (!node) {
			node = calloc(1, sizeof(*node));
			if (!node)
				abort();
			node->first = index & ~((1ul << ((level + 1) * SLOT_BITS)) - 1);
			__atomic_store_n(slot, node, __ATOMIC_RELEASE);
		}
		slot = &node->slots[slot_of(index, level)];
	}
	return slot;
}

static void *set(struct xarray *xa, unsigned long index, void *entry)
{
	void **slot, *old;

	pthread_mutex_lock(&xa->lock);
	slot = find_slot(xa, index);
	old = *slot;
	__atomic_store_n(slot, entry, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&xa->lock);
	return old;
}

void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	if (shim_allocation_fails(gfp))
		return ERR_PTR(-ENOMEM);
	return set(xa, index, entry);
}

void *xa_erase(struct xarray *xa, unsigned long index)
{
	return xa_load(xa, index) ? set(xa, index, NULL) : NULL;
}

/* The first entry at or after *@index below a node whose first index is @base. */
static void *find(void *p, int level, unsigned long base, unsigned long *index)
{
	unsigned long span = 1ul << (level * SLOT_BITS);
	unsigned long first = *index > base ? (*index - base) / span : 0, i;

	for (i = first; i < SLOTS; i++) {
		void *child = __atomic_load_n(&((struct node *)p)->slots[i], __ATOMIC_ACQUIRE);

		if (!child)
			continue;
		*index = max(*index, base + i * span);
		if (level)
			child = find(child, level - 1, base + i * span, index);
		if (child)
			return child;
	}
	return NULL;
}

void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max, unsigned int mark)
{
	unsigned long at = *index;
	void *root = __atomic_load_n(&xa->root, __ATOMIC_ACQUIRE);
	void *found;

	if (!root)
		return NULL;
	found = find(root, LEVELS, 0, &at);
	if (!found || at > max)
		return NULL;
	*index = at;
	return found;
}

static void free_node(void *p, int level)
{
	unsigned int i;

	for (i = 0; level && i < SLOTS; i++)
		if (((struct node *)p)->slots[i])
			free_node(((struct node *)p)->slots[i], level - 1);
	free(p);
}

void xa_destroy(struct xarray *xa)
{
	if (xa->root)
		free_node(xa->root, LEVELS);
	xa->root = NULL;
	xa->recent = NULL;
}
