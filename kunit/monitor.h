/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The monitor watches the entries of tables over the mock HAL, flushes and frees, and fails
 * the test (as an error of the mock) for
 *
 *  - a live entry that changes in one step although the format needs break-before-make, or
 *    that is made before the flush of its predecessor;
 *  - a frame or table that is freed while an entry points to it, or before all consumers
 *    have flushed it; a flush of too small a range;
 *  - a flush that an operation owes and omits;
 *  - an entry that hardware refuses, or that points to no frame or no table;
 *  - a frame or table that is linked with uninitialized content.
 *
 * It needs no hooks in the core. It keeps a copy of each table, and compares it with the table
 * whenever the core accesses a table through the HAL, flushes, or frees. Several stores to an
 * entry between two of those appear as one. The oracle, an independent implementation of the
 * manuals, decodes entries.
 */
#ifndef _AXAS_KUNIT_MONITOR_H
#define _AXAS_KUNIT_MONITOR_H

#include "axas_npt.h"

struct mock_hal;
struct mock_page;
struct monitor;

/* Consumers of one table, at most. */
#define MONITOR_CONSUMERS	8

/**
 * struct leaf_entry - an entry, decoded by the oracle, or by the comment in axas_npt_fake.c
 * @kind: AXAS_PT_*; an entry that hardware refuses is a leaf with @bad
 * @bad: hardware refuses it
 * @hpa: address of the table, or of the memory that it maps
 * @level: its level
 * @prot: for a leaf, AXAS_PROT_*
 * @type: for a leaf, AXAS_TYPE_*
 * @raw: its value in memory
 */
struct leaf_entry {
	enum axas_pt_kind kind;
	bool bad;
	u64 hpa;
	u32 level;
	u32 prot;
	u32 type;
	u64 raw;
};

/*
 * Watch a table until monitor_forget(). It may have leaves already. NULL if out of memory:
 * the table is not watched then.
 */
struct monitor *monitor_watch(struct mock_hal *mock, const struct axas_npt *npt);
void monitor_forget(struct monitor *mon);

/* Add or remove a consumer that must flush; its number is the lowest free one. */
unsigned int monitor_add_consumer(struct monitor *mon);
void monitor_remove_consumer(struct monitor *mon, unsigned int nr);
void monitor_flush(struct monitor *mon, unsigned int nr, u64 first, u64 last, bool tables);

/* Fail if a flush is owed. Call between operations, with no other thread at work. */
void monitor_expect_flushed(struct monitor *mon);

/*
 * The leaf that a hardware walk finds for @gpa, read from the table's memory; false if there is
 * none. Uses neither the core nor its formats.
 */
bool monitor_leaf(struct monitor *mon, u64 gpa, struct leaf_entry *leaf);

/* Calls from the mock, its lock held: a frame was accessed, is being freed. */
void monitor_reached(struct mock_hal *mock, struct mock_page *mp);
void monitor_freed(struct mock_hal *mock, struct mock_page *mp);

#endif /* _AXAS_KUNIT_MONITOR_H */
