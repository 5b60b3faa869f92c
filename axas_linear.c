// SPDX-License-Identifier: GPL-2.0-only
/*
 * Claims: the host-physical memory that linear areas of all spaces map. They ensure that no
 * memory is mapped with two memory types at once, because no architecture defines accesses to
 * a line both through the cache and around it: Intel SDM vol. 3A, 12.12.4; AMD APM vol. 2,
 * 7.8.7; Arm DDI 0487, B2.10. Calls nothing of axas.
 *
 * Locks: claims_lock protects the tree; it nests inside space->changing.
 */
#include <linux/errno.h>
#include <linux/interval_tree_generic.h>
#include <linux/mutex.h>

#include "axas_compat.h"
#include "axas_linear.h"

static DEFINE_MUTEX(claims_lock);
static struct rb_root_cached claims = RB_ROOT_CACHED;

static u64 claim_first(const struct axas_claim *claim)
{
	return claim->first;
}

static u64 claim_last(const struct axas_claim *claim)
{
	return claim->last;
}

INTERVAL_TREE_DEFINE(struct axas_claim, node, u64, subtree_last, claim_first, claim_last,
		     static __maybe_unused, claim_tree)

static bool has_another_type(const struct axas_claim *claim)
{
	struct axas_claim *other;

	for (other = claim_tree_iter_first(&claims, claim->first, claim->last); other;
	     other = claim_tree_iter_next(other, claim->first, claim->last))
		if (other->type != claim->type)
			return true;
	return false;
}

int axas_linear_claim(struct axas_claim *claim)
{
	int err = 0;

	mutex_lock(&claims_lock);
	if (has_another_type(claim))
		err = -EBUSY;
	else
		claim_tree_insert(claim, &claims);
	mutex_unlock(&claims_lock);
	return err;
}

void axas_linear_release(struct axas_claim *claim)
{
	mutex_lock(&claims_lock);
	claim_tree_remove(claim, &claims);
	mutex_unlock(&claims_lock);
}

void axas_linear_resize(struct axas_claim *claim, u64 first, u64 last)
{
	mutex_lock(&claims_lock);
	claim_tree_remove(claim, &claims);
	claim->first = first;
	claim->last = last;
	claim_tree_insert(claim, &claims);
	mutex_unlock(&claims_lock);
}
