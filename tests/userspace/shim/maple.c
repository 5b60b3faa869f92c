// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ranges by index, as <linux/maple_tree.h> has them, in a treap whose nodes never change:
 * a store copies the nodes on its way and publishes a new root; the old nodes go to RCU.
 * Callers order stores among each other, as with the kernel's tree.
 */
#include "shim/kernel.h"

/**
 * struct shim_range - a range and its entry; a node of the treap
 * @first: its first index
 * @last: its last
 * @entry: what it holds
 * @left: ranges before it
 * @right: ranges behind it
 * @rank: no child has a higher one
 * @next: in a list of nodes to be freed
 */
struct shim_range {
	unsigned long first, last;
	void *entry;
	struct shim_range *left, *right;
	unsigned long rank;
	struct shim_range *next;
};

/* The nodes that one store makes and makes superfluous. */
struct change {
	struct shim_range *old;
	struct shim_range *made;
	struct rcu_head rcu;
};

static unsigned long random_rank(void)
{
	static unsigned long x = 0x9e3779b97f4a7c15ul;
	unsigned long z = __atomic_add_fetch(&x, 0x9e3779b97f4a7c15ul, __ATOMIC_RELAXED);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ul;
	return z ^ (z >> 27);
}

static struct shim_range *new_node(struct change *c, const struct shim_range *from)
{
	struct shim_range *n = malloc(sizeof(*n));

	if (!n)
		abort();
	*n = *from;
	n->next = NULL;
	return n;
}

/* A node may be superseded and was itself made by the same change: then twice in no list. */
static struct shim_range *copy_node(struct change *c, struct shim_range *n)
{
	struct shim_range *copy = new_node(c, n);

	n->next = c->old;
	c->old = n;
	return copy;
}

static void drop_node(struct change *c, struct shim_range *n)
{
	n->next = c->old;
	c->old = n;
}

/* Cut in two: what lies before @at and the rest; a range across it becomes two. */
static void split(struct change *c, struct shim_range *n, unsigned long at,
		  struct shim_range **left, struct shim_range **right)
{
	struct shim_range *copy, *upper;

	if (!n) {
		*left = *right = NULL;
		return;
	}
	copy = copy_node(c, n);
	if (copy->last < at) {
		split(c, copy->right, at, &copy->right, right);
		*left = copy;
	} else if (copy->first >= at) {
		split(c, copy->left, at, left, &copy->left);
		*right = copy;
	} else {
		upper = new_node(c, copy);
		upper->first = at;
		upper->left = NULL;
		copy->last = at - 1;
		copy->right = NULL;
		*left = copy;
		*right = upper;
	}
}

static struct shim_range *merge(struct change *c, struct shim_range *a, struct shim_range *b)
{
	struct shim_range *top;

	if (!a || !b)
		return a ?: b;
	if (a->rank >= b->rank) {
		top = copy_node(c, a);
		top->right = merge(c, top->right, b);
	} else {
		top = copy_node(c, b);
		top->left = merge(c, a, top->left);
	}
	return top;
}

static void drop_all(struct change *c, struct shim_range *n)
{
	if (!n)
		return;
	drop_all(c, n->left);
	drop_all(c, n->right);
	drop_node(c, n);
}

static void free_old(struct rcu_head *head)
{
	struct change *c = container_of(head, struct change, rcu);
	struct shim_range *n, *next;

	for (n = c->old; n; n = next) {
		next = n->next;
		free(n);
	}
	free(c);
}

static void store(struct maple_tree *mt, unsigned long first, unsigned long last, void *entry)
{
	struct change *c = calloc(1, sizeof(*c));
	struct shim_range *root = mt->root, *left, *middle, *right = NULL;

	if (!c)
		abort();
	split(c, root, first, &left, &middle);
	if (last != ULONG_MAX)
		split(c, middle, last + 1, &middle, &right);
	drop_all(c, middle);
	if (entry) {
		struct shim_range n = { first, last, entry, .rank = random_rank() };

		left = merge(c, left, new_node(c, &n));
	}
	/* Whoever finds the root finds its nodes as they are. */
	smp_store_release(&mt->root, merge(c, left, right));
	if (mt->flags & MT_FLAGS_USE_RCU)
		call_rcu(&c->rcu, free_old);
	else
		free_old(&c->rcu);
}

static struct shim_range *root_of(struct maple_tree *mt)
{
	/* Who reads a tree that others change holds its lock, or is in a section. */
	if (mt->flags & MT_FLAGS_USE_RCU)
		WARN_ON(!rcu_read_lock_any_held() && !lockdep_is_held(&mt->ma_lock));
	/* Pairs with the release in store(). */
	return smp_load_acquire(&mt->root);
}

/* The first range that ends at or after an index. */
static struct shim_range *at_or_after(struct maple_tree *mt, unsigned long index)
{
	struct shim_range *n = root_of(mt), *best = NULL;

	while (n) {
		if (n->last >= index) {
			best = n;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return best;
}

/* The last range that begins at or before an index. */
static struct shim_range *at_or_before(struct maple_tree *mt, unsigned long index)
{
	struct shim_range *n = root_of(mt), *best = NULL;

	while (n) {
		if (n->first <= index) {
			best = n;
			n = n->right;
		} else {
			n = n->left;
		}
	}
	return best;
}

void *mtree_load(struct maple_tree *mt, unsigned long index)
{
	struct shim_range *n;
	void *entry;

	rcu_read_lock();
	n = at_or_after(mt, index);
	entry = n && n->first <= index ? n->entry : NULL;
	rcu_read_unlock();
	return entry;
}

static void *found(struct ma_state *mas, struct shim_range *n)
{
	mas->index = n->first;
	mas->last = n->last;
	return n->entry;
}

void *mas_find(struct ma_state *mas, unsigned long max)
{
	struct shim_range *n;

	if (mas->end)
		return NULL;
	n = at_or_after(mas->tree, mas->at);
	if (!n || n->first > max) {
		mas->end = true;
		return NULL;
	}
	mas->end = n->last == ULONG_MAX;
	mas->at = n->last + 1;
	mas->started = true;
	return found(mas, n);
}

void *mas_next(struct ma_state *mas, unsigned long max)
{
	if (!mas->started && mas->last != ULONG_MAX)
		mas->at = mas->last + 1;
	mas->end = mas->last == ULONG_MAX;
	return mas_find(mas, max);
}

void *mas_prev(struct ma_state *mas, unsigned long min)
{
	struct shim_range *n = mas->index ? at_or_before(mas->tree, mas->index - 1) : NULL;

	if (!n || n->last < min)
		return NULL;
	mas->at = n->last + 1;
	return found(mas, n);
}

void *mas_find_rev(struct ma_state *mas, unsigned long min)
{
	struct shim_range *n;

	if (mas->end)
		return NULL;
	n = at_or_before(mas->tree, mas->started ? mas->at : mas->index);
	if (!n || n->last < min) {
		mas->end = true;
		return NULL;
	}
	mas->started = true;
	mas->end = !n->first;
	mas->at = n->first - 1;
	return found(mas, n);
}

void *mas_walk(struct ma_state *mas)
{
	struct shim_range *n = at_or_after(mas->tree, mas->index);

	if (!n || n->first > mas->index)
		return NULL;
	mas->at = n->last + 1;
	mas->started = true;
	return found(mas, n);
}

/* The tree's lock is held, but not while this allocates. */
int mas_store_gfp(struct ma_state *mas, void *entry, gfp_t gfp)
{
	bool fails;

	lockdep_assert_held(&mas->tree->ma_lock);
	mas_unlock(mas);
	fails = shim_allocation_fails(gfp);
	mas_lock(mas);
	if (fails) {
		mas->err = -ENOMEM;
		return -ENOMEM;
	}
	store(mas->tree, mas->index, mas->last, entry);
	return 0;
}

void *mas_store(struct ma_state *mas, void *entry)
{
	void *old = mtree_load(mas->tree, mas->index);

	store(mas->tree, mas->index, mas->last, entry);
	return old;
}

void *mas_erase(struct ma_state *mas)
{
	void *entry = mas_walk(mas);

	if (entry)
		store(mas->tree, mas->index, mas->last, NULL);
	return entry;
}

int mas_preallocate_shim(struct ma_state *mas, gfp_t gfp)
{
	return shim_allocation_fails(gfp) ? -ENOMEM : 0;
}

void mas_store_prealloc(struct ma_state *mas, void *entry)
{
	store(mas->tree, mas->index, mas->last, entry);
}

void mas_destroy(struct ma_state *mas)
{
}

void *mt_find(struct maple_tree *mt, unsigned long *index, unsigned long max)
{
	struct shim_range *n;
	void *entry = NULL;

	rcu_read_lock();
	n = at_or_after(mt, *index);
	if (n && n->first <= max) {
		entry = n->entry;
		*index = n->last + 1;
	}
	rcu_read_unlock();
	return entry;
}

void *mt_find_after(struct maple_tree *mt, unsigned long *index, unsigned long max)
{
	return *index ? mt_find(mt, index, max) : NULL;
}

void *mt_next(struct maple_tree *mt, unsigned long index, unsigned long max)
{
	MA_STATE(mas, mt, index, index);

	return mas_next(&mas, max);
}

void *mt_prev(struct maple_tree *mt, unsigned long index, unsigned long min)
{
	MA_STATE(mas, mt, index, index);

	return mas_prev(&mas, min);
}

int mtree_store_range(struct maple_tree *mt, unsigned long first, unsigned long last, void *entry,
		      gfp_t gfp)
{
	if (first > last)
		return -EINVAL;
	if (shim_allocation_fails(gfp))
		return -ENOMEM;
	store(mt, first, last, entry);
	return 0;
}

int mtree_insert_range(struct maple_tree *mt, unsigned long first, unsigned long last, void *entry,
		       gfp_t gfp)
{
	unsigned long index = first;

	if (mt_find(mt, &index, last))
		return -EEXIST;
	return mtree_store_range(mt, first, last, entry, gfp);
}

void *mtree_erase(struct maple_tree *mt, unsigned long index)
{
	MA_STATE(mas, mt, index, index);

	return mas_erase(&mas);
}

void mtree_destroy(struct maple_tree *mt)
{
	if (mt->root)
		store(mt, 0, ULONG_MAX, NULL);
}

int mtree_dup(struct maple_tree *from, struct maple_tree *to, gfp_t gfp)
{
	MA_STATE(mas, from, 0, 0);
	void *entry;

	if (shim_allocation_fails(gfp))
		return -ENOMEM;
	mas_for_each(&mas, entry, ULONG_MAX)
		store(to, mas.index, mas.last, entry);
	return 0;
}
