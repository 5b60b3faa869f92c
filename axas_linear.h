/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who maps which host-physical memory as what: a claim for each linear area of every
 * space. See axas_linear.c.
 */
#ifndef _AXAS_LINEAR_H
#define _AXAS_LINEAR_H

#include <linux/rbtree.h>
#include <linux/types.h>

/**
 * struct axas_claim - host-physical memory that a linear area maps
 * @node: in the tree of all claims
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

/* 0, or -EBUSY when somebody maps a byte of it with another type. */
int axas_linear_claim(struct axas_claim *claim);
void axas_linear_release(struct axas_claim *claim);

/* A claim that has other ends now. What it gains is claimed with the same type already. */
void axas_linear_resize(struct axas_claim *claim, u64 first, u64 last);

#endif /* _AXAS_LINEAR_H */
