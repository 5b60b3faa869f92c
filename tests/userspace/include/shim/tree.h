/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ranges by index (the part of <linux/maple_tree.h> that is used) and pointers by index
 * (of <linux/xarray.h>). Functions: ../../shim/maple.c, xarray.c.
 */
#ifndef SHIM_TREE_H
#define SHIM_TREE_H

#include "base.h"
#include "mm.h"
#include "sync.h"

struct shim_range;

/*
 * A tree of ranges none of whose nodes ever changes: a store makes new nodes on the way
 * to the root, publishes the root, and leaves the old nodes to RCU. So a reader needs
 * nothing but a read-side section, and ThreadSanitizer sees all that there is to see.
 */
struct maple_tree {
	struct shim_range *root;
	unsigned int flags;
	spinlock_t ma_lock;
};

#define MT_FLAGS_ALLOC_RANGE	0x01
#define MT_FLAGS_USE_RCU	0x02
#define mas_lock(mas)		spin_lock(&(mas)->tree->ma_lock)
#define mas_unlock(mas)		spin_unlock(&(mas)->tree->ma_lock)

/**
 * struct ma_state - a place in a tree
 * @tree: the tree
 * @index: first index of what was found, or of what is to be stored
 * @last: and the last
 * @at: where a search goes on; see mas_find()
 * @started: whether something was searched
 * @end: there is nothing after @at
 */
struct ma_state {
	struct maple_tree *tree;
	unsigned long index;
	unsigned long last;
	unsigned long at;
	bool started;
	bool end;
	int err;
	void *found;
};

#define MA_STATE(n, mt, first, end)						\
	struct ma_state n = { .tree = (mt), .index = (first), .last = (end), .at = (first) }

static inline void mas_init(struct ma_state *mas, struct maple_tree *mt, unsigned long at)
{ *mas = (struct ma_state){ .tree = mt, .index = at, .last = at, .at = at }; }
static inline void mas_set_range(struct ma_state *mas, unsigned long first, unsigned long last)
{ *mas = (struct ma_state){ .tree = mas->tree, .index = first, .last = last, .at = first }; }
static inline void mas_set(struct ma_state *mas, unsigned long at) { mas_set_range(mas, at, at); }
static inline void mas_reset(struct ma_state *mas) { mas_set_range(mas, mas->index, mas->last); }
static inline void mt_init_flags(struct maple_tree *mt, unsigned int flags)
{
	*mt = (struct maple_tree){ .flags = flags };
	spin_lock_init(&mt->ma_lock);
}
static inline void mt_init(struct maple_tree *mt) { mt_init_flags(mt, 0); }

void *mtree_load(struct maple_tree *mt, unsigned long index);
void *mas_find(struct ma_state *mas, unsigned long max);
void *mas_next(struct ma_state *mas, unsigned long max);
void *mas_prev(struct ma_state *mas, unsigned long min);
void *mas_find_rev(struct ma_state *mas, unsigned long min);
void *mas_walk(struct ma_state *mas);
int mas_store_gfp(struct ma_state *mas, void *entry, gfp_t gfp);
void *mas_store(struct ma_state *mas, void *entry);
void *mas_erase(struct ma_state *mas);
int mas_preallocate_shim(struct ma_state *mas, gfp_t gfp);
/* 6.1's has the entry as its second argument, later ones as well. */
#define mas_preallocate(mas, entry, gfp) mas_preallocate_shim(mas, gfp)
void mas_store_prealloc(struct ma_state *mas, void *entry);
void mas_destroy(struct ma_state *mas);
void *mt_find(struct maple_tree *mt, unsigned long *index, unsigned long max);
void *mt_find_after(struct maple_tree *mt, unsigned long *index, unsigned long max);
void *mt_next(struct maple_tree *mt, unsigned long index, unsigned long max);
void *mt_prev(struct maple_tree *mt, unsigned long index, unsigned long min);
int mtree_store_range(struct maple_tree *mt, unsigned long first, unsigned long last, void *entry,
		      gfp_t gfp);
int mtree_insert_range(struct maple_tree *mt, unsigned long first, unsigned long last, void *entry,
		       gfp_t gfp);
void *mtree_erase(struct maple_tree *mt, unsigned long index);
void mtree_destroy(struct maple_tree *mt);
int mtree_dup(struct maple_tree *from, struct maple_tree *to, gfp_t gfp);
#define __mt_dup(from, to, gfp)		mtree_dup(from, to, gfp)
#define __mt_destroy(mt)		mtree_destroy(mt)
#define mtree_empty(mt)			(!READ_ONCE((mt)->root))
#define mtree_store(mt, i, e, gfp)	mtree_store_range(mt, i, i, e, gfp)
#define mtree_insert(mt, i, e, gfp)	mtree_insert_range(mt, i, i, e, gfp)
#define mtree_lock(mt)			((void)(mt))
#define mtree_unlock(mt)		((void)(mt))
#define mas_pause(mas)			((void)(mas))
#define mas_is_err(mas)			((mas)->err)
#define mas_for_each(mas, e, max)	while (((e) = mas_find(mas, max)))
#define mas_for_each_rev(mas, e, min)	while (((e) = mas_find_rev(mas, min)))
#define mt_for_each(mt, e, i, max)						\
	for (e = mt_find(mt, &(i), max); e; e = mt_find_after(mt, &(i), max))

/* Small numbers as entries. */
static inline void *xa_mk_value(unsigned long v) { return (void *)(v << 1 | 1); }
static inline unsigned long xa_to_value(const void *e) { return (unsigned long)e >> 1; }
static inline bool xa_is_value(const void *e) { return (unsigned long)e & 1; }
static inline bool xa_is_err(const void *e) { return (unsigned long)e >= (unsigned long)-MAX_ERRNO; }
static inline int xa_err(void *e) { return xa_is_err(e) ? (long)e : 0; }

struct xarray {
	void *root;
	void *recent;		/* a node of entries: the one that was last found */
	pthread_mutex_t lock;
};

#define XARRAY_INIT(n, f)	{ NULL, NULL, PTHREAD_MUTEX_INITIALIZER }
#define DEFINE_XARRAY(n)	struct xarray n = XARRAY_INIT(n, 0)
void xa_init(struct xarray *xa);
#define xa_init_flags(xa, f)	xa_init(xa)
void *xa_load(struct xarray *xa, unsigned long index);
void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp);
void *xa_erase(struct xarray *xa, unsigned long index);
void xa_destroy(struct xarray *xa);
void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max, unsigned int mark);
#define XA_PRESENT		8u
#define xa_empty(xa)		({ unsigned long _i = 0; !xa_find(xa, &_i, ULONG_MAX, XA_PRESENT); })
#define xa_insert(xa, i, e, gfp) (xa_load(xa, i) ? -EBUSY : xa_err(xa_store(xa, i, e, gfp)))
#define xa_for_each_range(xa, i, e, first, last)				\
	for ((i) = (first), (e) = xa_find(xa, &(i), last, XA_PRESENT); (e);	\
	     (e) = (i) == (last) ? NULL : ((i)++, xa_find(xa, &(i), last, XA_PRESENT)))
#define xa_for_each(xa, i, e)	xa_for_each_range(xa, i, e, 0, ULONG_MAX)

#endif /* SHIM_TREE_H */
