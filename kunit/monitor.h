/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The monitor: it watches the entries of tables over the mock HAL, the flushes and what
 * is given back, and fails the test (as an error of the mock) for
 *
 *  - a live entry that changes in one step where the format wants break-before-make, or
 *    is made before what it replaces was flushed;
 *  - a frame or a table that is given back while an entry leads to it, or before all
 *    consumers have flushed; a flush that does not reach that far;
 *  - a flush that an operation owes and never does;
 *  - an entry that hardware refuses, or that leads to what is no frame or no table;
 *  - a frame or table linked with content that nobody wrote.
 *
 * It changes nothing in the core. It keeps a copy of each table and compares it with
 * the table whenever the core comes by: when it reaches a table through the HAL, flushes,
 * or gives something back. Between two of those, several stores to an entry look like one.
 * Entries are decoded by the oracle, another author's reading of the manuals.
 */
#ifndef _AXAS_KUNIT_MONITOR_H
#define _AXAS_KUNIT_MONITOR_H

#include "axas_npt.h"

struct mock_hal;
struct mock_page;
struct monitor;

/* How many consumers one table may have. */
#define MONITOR_CONSUMERS	8

/**
 * struct leaf_entry - an entry, decoded by the oracle, or by the fake format's page
 * @kind: AXAS_PT_*; what hardware refuses is a leaf with @bad
 * @bad: hardware refuses it
 * @hpa: of the table, or of the memory that it maps
 * @level: where it is
 * @prot: of a leaf, AXAS_PROT_*
 * @type: of a leaf, AXAS_TYPE_*
 * @raw: as it lies in memory
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
 * Watch a table from now on, until monitor_forget(). It may have leaves already. NULL when
 * there is no memory: then nothing is watched.
 */
struct monitor *monitor_watch(struct mock_hal *mock, const struct axas_npt *npt);
void monitor_forget(struct monitor *mon);

/* One more or one less that must flush; its number is the lowest that was free. */
unsigned int monitor_add_consumer(struct monitor *mon);
void monitor_remove_consumer(struct monitor *mon, unsigned int nr);
void monitor_flush(struct monitor *mon, unsigned int nr, u64 first, u64 last, bool tables);

/* Between two operations, when nobody else is at it: no flush may be owed. */
void monitor_expect_flushed(struct monitor *mon);

/*
 * The leaf that hardware would find for @gpa, read from the table's memory; false when
 * there is none. Asks neither the core nor its formats.
 */
bool monitor_leaf(struct monitor *mon, u64 gpa, struct leaf_entry *leaf);

/* For the mock, its lock held: a frame was reached, is given back. */
void monitor_reached(struct mock_hal *mock, struct mock_page *mp);
void monitor_freed(struct mock_hal *mock, struct mock_page *mp);

#endif /* _AXAS_KUNIT_MONITOR_H */
