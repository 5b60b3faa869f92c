/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A space over the mock HAL, for each format of a parametrized test, with consumers that check
 * flushes, and snapshots to verify that nothing changed.
 */
#ifndef _AXAS_KUNIT_SPACE_FIXTURE_H
#define _AXAS_KUNIT_SPACE_FIXTURE_H

#include <axas/access.h>

#include "axas_space.h"
#include "axas_test.h"
#include "mock_hal.h"
#include "monitor.h"

/* Most tests use this window: pages on both sides of a 1 GiB boundary. */
#define WIN		((u64)SZ_1G - SZ_2M)
#define WIN_SIZE	((u64)SZ_4M)
#define BORDER		((u64)SZ_1G)

/* Memory not of the mock, for linear areas. */
#define LINEAR		((u64)SZ_1G * 4)

/**
 * struct space_kind - the parameters of a space
 * @fmt: its format, with the default number of guest-physical address bits
 */
struct space_kind {
	const struct axas_npt_fmt *fmt;
};

/**
 * struct space_watcher - a consumer that reports flushes to the monitor
 * @consumer: the consumer
 * @monitor: the monitor
 * @nr: its number in the monitor
 */
struct space_watcher {
	struct axas_consumer consumer;
	struct monitor *monitor;
	unsigned int nr;
};

/**
 * struct space_fixture - the fixture of a test of spaces
 * @test: the test
 * @mock: the HAL of the space
 * @kind: the parameters of the space
 * @space: the space
 * @monitor: the monitor of its table
 * @watchers: consumers that are always attached, for @monitor
 * @consumer: one that records flushes; see space_attach()
 * @attached: whether @consumer is attached
 * @flushes: flush requests to @consumer
 * @flush: the last one
 * @frames_at_flush: frames allocated at that time
 */
struct space_fixture {
	struct kunit *test;
	struct mock_hal *mock;
	const struct space_kind *kind;
	struct axas_space *space;
	struct monitor *monitor;
	struct space_watcher watchers[2];
	struct axas_consumer consumer;
	bool attached;
	unsigned int flushes;
	struct axas_flush flush;
	long frames_at_flush;
};

/* All formats: for KUNIT_CASE_PARAM. */
const void *space_gen_params(const void *prev, char *desc);

/* Init and exit of a suite: a space by test->param_value, default: ept with 48 bits. */
int space_test_init(struct kunit *test);
void space_test_exit(struct kunit *test);

/* axas_space_create() of the same kind; the default HAL is the mock. */
struct axas_space *space_another(struct space_fixture *f,
				 const struct axas_space_params *params);
/* Put the fixture's space and set it to NULL. No flush may be owed. */
void space_drop(struct space_fixture *f);
/* The same, and replace it by @space, if that is no ERR_PTR. Returns 0 or its error. */
int space_adopt(struct space_fixture *f, struct axas_space *space);
/* Replace the fixture's space by one with a limit of @max_frames frames. */
void space_limit_frames(struct space_fixture *f, u64 max_frames);

static inline struct axas_gpa_range gpa_range(u64 start, u64 size)
{
	return axas_gpa_range(axas_gpa(start), size);
}

static inline int space_map_alloc(struct space_fixture *f, u64 gpa, u64 size, u32 prot)
{
	return axas_space_map_alloc(f->space, gpa_range(gpa, size), prot, AXAS_TYPE_NORMAL, 0);
}

static inline int space_map_populated(struct space_fixture *f, u64 gpa, u64 size, u32 prot)
{
	return axas_space_map_alloc(f->space, gpa_range(gpa, size), prot, AXAS_TYPE_NORMAL,
				    AXAS_MAP_POPULATE);
}

/* Populated with 4 KiB frames. */
static inline int space_map_small(struct space_fixture *f, u64 gpa, u64 size, u32 prot)
{
	return axas_space_map_alloc(f->space, gpa_range(gpa, size), prot, AXAS_TYPE_NORMAL,
				    AXAS_MAP_POPULATE | AXAS_MAP_HUGE_NEVER);
}

static inline int space_map_linear(struct space_fixture *f, u64 gpa, u64 size, u64 hpa,
				   u32 prot)
{
	return axas_space_map_linear(f->space, gpa_range(gpa, size), axas_hpa(hpa), prot,
				     AXAS_TYPE_NORMAL);
}

static inline int space_unmap(struct space_fixture *f, u64 gpa, u64 size)
{
	int err = axas_space_unmap(f->space, gpa_range(gpa, size));

	monitor_expect_flushed(f->monitor);
	return err;
}

static inline int space_protect(struct space_fixture *f, u64 gpa, u64 size, u32 prot)
{
	int err = axas_space_protect(f->space, gpa_range(gpa, size), prot);

	monitor_expect_flushed(f->monitor);
	return err;
}

static inline int space_fault(struct space_fixture *f, u64 gpa, u32 access)
{
	return axas_space_fault(f->space, axas_gpa(gpa), access, NULL);
}

static inline int space_fault_nowait(struct space_fixture *f, u64 gpa, u32 access)
{
	return axas_space_fault_nowait(f->space, axas_gpa(gpa), access);
}

/* The hpa that @gpa maps to; AXAS_HPA_NONE if none. */
u64 space_hpa(struct space_fixture *f, u64 gpa);
/* The host's address of the byte at @gpa; NULL if no frame of the mock is mapped there. */
u8 *space_mem(struct space_fixture *f, u64 gpa);

void space_expect_leaf(struct space_fixture *f, u64 gpa, u64 hpa, u32 prot);
void space_expect_nothing(struct space_fixture *f, u64 gpa, u64 size);
/* Expect this as the area number @n, in order of address. */
void space_expect_area(struct space_fixture *f, unsigned int n, u64 gpa, u64 size, u32 prot);
void space_expect_areas(struct space_fixture *f, unsigned int n);
/* The counters of the space equal those of the mock. */
void space_expect_balanced(struct space_fixture *f);
/* Nothing is mapped, and all frames and tables but the root are freed. */
void space_expect_empty(struct space_fixture *f);

/* Split all leaves of a range, which have one protection, without changing areas. */
void space_split_leaves(struct space_fixture *f, u64 gpa, u64 size);

/* Record flushes from now on, and clear the log. */
void space_attach(struct space_fixture *f);
/* Exactly one flush, of this range, since space_attach(), before any free. */
void space_expect_one_flush(struct space_fixture *f, u64 gpa, u64 size);

/**
 * struct space_snapshot - the state that a failed operation must not change
 * @info: counters; those of faults and tables are not compared
 * @areas: a hash over all areas
 * @pages: a hash over the leaves and the memory of the window WIN
 */
struct space_snapshot {
	struct axas_info info;
	u64 areas;
	u64 pages;
};

void space_take(struct space_fixture *f, struct space_snapshot *snap);
/* @what is for messages. */
void space_expect_same(struct space_fixture *f, const struct space_snapshot *before,
		       const char *what);

/* Bytes of guest memory, and bytes to put there. */
static inline int read_at(struct space_fixture *f, u64 gpa, void *buf, size_t len)
{
	return axas_read(f->space, axas_gpa(gpa), buf, len);
}

static inline int write_at(struct space_fixture *f, u64 gpa, const void *buf, size_t len)
{
	return axas_write(f->space, axas_gpa(gpa), buf, len);
}

static inline void fill_pattern(u8 *buf, size_t len, u8 seed)
{
	size_t i;

	for (i = 0; i < len; i++)
		buf[i] = seed + i * 7 + (i >> 8);
}

#endif /* _AXAS_KUNIT_SPACE_FIXTURE_H */
