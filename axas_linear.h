/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Claims on host-physical memory and its memory type, one per linear area of any space. See
 * axas_linear.c.
 */
#ifndef _AXAS_LINEAR_H
#define _AXAS_LINEAR_H

#include <linux/rbtree.h>
#include <linux/types.h>

/**
 * struct axas_claim - host-physical memory that a linear area maps
 * @node: node in the tree of all claims
 * @first: first byte
 * @last: last byte
 * @subtree_last: the highest @last below @node
 * @type: AXAS_TYPE_*
 */
struct axas_claim {
	struct rb_node node;
	u64 first;
	u64 last;
	u64 subtree_last;
	u32 type;
};

/* Return 0, or -EBUSY if a linear area maps a byte of it with another type. */
int __must_check axas_linear_claim(struct axas_claim *claim);
void axas_linear_release(struct axas_claim *claim);

/* Change the ends of a claim; memory that it gains is already claimed with the same type. */
void axas_linear_resize(struct axas_claim *claim, u64 first, u64 last);

#endif /* _AXAS_LINEAR_H */
