/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What axas_space.c and axas_access.c share, and what the KUnit suites see. The
 * lock rules are in axas_space.c.
 */
#ifndef _AXAS_SPACE_INTERNAL_H
#define _AXAS_SPACE_INTERNAL_H

#include <linux/kref.h>
#include <linux/maple_tree.h>
#include <linux/rwsem.h>
#include <axas/space.h>

#include "axas_backend.h"
#include "axas_npt.h"

/**
 * struct axas_area - a range of a space with one protection and one backend
 * @first: first guest-physical byte
 * @last: last guest-physical byte
 * @prot: AXAS_PROT_*
 * @type: AXAS_TYPE_*
 * @flags: AXAS_MAP_HUGE_*
 * @backend: where its frames come from
 * @gone: while it is being removed
 */
struct axas_area {
	u64 first;
	u64 last;
	u32 prot;
	u32 type;
	u32 flags;
	struct axas_backend backend;
	struct list_head gone;
};

/**
 * struct axas_space_stats - one CPU's share of a space's counters
 * @faults: how many came to each AXAS_FAULT_*
 */
struct axas_space_stats {
	u64 faults[AXAS_FAULT_ERROR + 1];
};

/**
 * struct axas_space - one guest-physical address space
 * @ref: who uses it
 * @range: its addresses
 * @lock: see axas_space.c
 * @areas: struct axas_area by 4 KiB page number
 * @nr_areas: how many
 * @linear_pages: 4 KiB pages that linear areas cover
 * @consumers: struct axas_consumer that are attached
 * @npt: its table
 * @pool: its frames
 * @stats: its counters
 */
struct axas_space {
	struct kref ref;
	struct axas_gpa_range range;
	struct rw_semaphore lock;
	struct maple_tree areas;
	u64 nr_areas;
	u64 linear_pages;
	struct list_head consumers;
	struct axas_npt npt;
	struct axas_pool pool;
	struct axas_space_stats __percpu *stats;
};

/* As axas_space_create(), on a format and for a machine (NULL: the usual one). */
struct axas_space *axas_space_create_fmt(const struct axas_space_params *params,
					 const struct axas_npt_fmt *fmt,
					 const struct axas_npt_caps *caps);

/* The area that covers an address, or NULL. space->lock held. */
struct axas_area *axas_space_area(struct axas_space *space, u64 gpa);

/* As axas_space_fault(), with space->lock held for reading or writing. */
int axas_space_fault_locked(struct axas_space *space, struct axas_area *area, u64 gpa,
			    u32 access, struct axas_leaf *leaf);

/* Pages of linear areas, for RLIMIT_MEMLOCK. */
u64 axas_space_linear_pages(struct axas_space *space);

#endif /* _AXAS_SPACE_INTERNAL_H */
