/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A nested page table over the mock HAL, one for each format and geometry that a
 * parametrised test runs on.
 */
#ifndef _AXAS_KUNIT_NPT_FIXTURE_H
#define _AXAS_KUNIT_NPT_FIXTURE_H

#include "axas_npt.h"
#include "axas_test.h"
#include "mock_hal.h"
#include "monitor.h"

/**
 * struct npt_geometry - a format and the size of its addresses
 * @fmt: the format
 * @ia_bits: bits of guest-physical address; 0: as many as are usual
 * @levels: how many levels that makes, where @ia_bits are given
 */
struct npt_geometry {
	const struct axas_npt_fmt *fmt;
	unsigned int ia_bits;
	unsigned int levels;
};

/**
 * struct npt_fixture - what a test of tables works on
 * @npt: the table
 * @test: the test
 * @mock: its HAL
 * @monitor: watches it
 * @lose_flushes: knob: no flush reaches @monitor, as if nobody had asked for it
 * @own_leaves: the leaves' frames came from @mock and go back there when put
 * @piece: entries that an operation looks at in one piece; 0: as many as there are
 * @flushes: flush callbacks so far
 * @puts: leaves that were put so far
 * @ready: @npt was initialised, and is destroyed at the end
 */
struct npt_fixture {
	struct axas_npt npt;
	struct kunit *test;
	struct mock_hal *mock;
	struct monitor *monitor;
	bool lose_flushes;
	bool own_leaves;
	unsigned int piece;
	unsigned int flushes;
	unsigned int puts;
	bool ready;
};

extern const struct axas_npt_ops npt_test_ops;

/* All formats in all their geometries: for KUNIT_CASE_PARAM. */
const void *npt_all_gen_params(const void *prev, char *desc);

/* For a suite: the table of test->param_value, else of the fake format, 48 bits. */
int npt_test_init(struct kunit *test);
void npt_test_exit(struct kunit *test);

/* Destroy the table, before the end of the test. */
void npt_drop(struct npt_fixture *f);

/* A machine that has all that the format knows, but for errata and FEAT_S2FWB. */
struct axas_npt_caps npt_full_caps(const struct axas_npt_fmt *fmt);

/* Whether leaves may be at this level of the table. */
bool npt_has_level(const struct axas_npt *npt, unsigned int level);

/* The largest level that fits, found by trying them all. */
unsigned int npt_reference_level(const struct axas_npt *npt, u64 gpa, u64 last, u64 hpa,
				 unsigned int max_level);

/* Pages of tables when nothing is mapped. */
long npt_root_tables(const struct axas_npt *npt);

long npt_all_leaves(const struct axas_npt *npt);

int npt_map(struct npt_fixture *f, u64 first, u64 bytes, u64 hpa, u32 prot);
void npt_unmap(struct npt_fixture *f, u64 first, u64 bytes);
void npt_unmap_all(struct npt_fixture *f);
/* Whether any leaf of [first, last] changed. */
bool npt_protect(struct npt_fixture *f, u64 first, u64 last, u32 prot);
/* How many tables of [first, last] were replaced. */
u64 npt_collapse(struct npt_fixture *f, u64 first, u64 last);

/* Count, reserve, split, and check that just so many were needed. -ENOMEM. */
int npt_split_at(struct npt_fixture *f, u64 gpa);
int npt_split_all(struct npt_fixture *f, u64 first, u64 bytes);
/* Tables that it takes. */
u64 npt_count_split_all(const struct axas_npt *npt, u64 first, u64 last);

/* The leaf at @gpa is there and says exactly this about that very byte. */
void npt_expect_leaf(struct npt_fixture *f, u64 gpa, u64 hpa, unsigned int level, u32 prot,
		     u32 type);
/* The range is mapped onto contiguous memory, by leaves of any size. */
void npt_expect_mapped(struct npt_fixture *f, u64 first, u64 bytes, u64 hpa, u32 prot);
void npt_expect_unmapped(struct npt_fixture *f, u64 gpa);
/* Nothing is mapped, no table but the root is left, and no entry holds a bit. */
void npt_expect_empty(struct npt_fixture *f);

/* The entry that covers @gpa at @level, as it lies in memory; NULL if no table does. */
u64 *npt_raw_ptep(struct npt_fixture *f, u64 gpa, unsigned int level);

/**
 * struct npt_vector - a leaf, and its entry computed by hand from the manual
 * @prot: AXAS_PROT_*
 * @type: AXAS_TYPE_*
 * @level: where it is
 * @hpa: what it maps
 * @entry: the bits
 */
struct npt_vector {
	u32 prot;
	u32 type;
	unsigned int level;
	u64 hpa;
	u64 entry;
};

/* Map each, compare its bits, read it back, unmap it. */
void npt_expect_vectors(struct npt_fixture *f, const struct npt_vector *v, unsigned int n);
/* What links the tables to @gpa, from the root down to @level: an address and @bits. */
void npt_expect_table_bits(struct npt_fixture *f, u64 gpa, unsigned int level, u64 bits);
/* Protecting the leaf at @gpa changes its bits in @mask to @now, and no other. */
void npt_expect_protect_bits(struct npt_fixture *f, u64 gpa, u32 prot, u64 mask, u64 now);

#endif /* _AXAS_KUNIT_NPT_FIXTURE_H */
