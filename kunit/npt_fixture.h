/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A nested page table over the mock HAL, for each format and geometry of a parametrized test.
 */
#ifndef _AXAS_KUNIT_NPT_FIXTURE_H
#define _AXAS_KUNIT_NPT_FIXTURE_H

#include "axas_npt.h"
#include "axas_test.h"
#include "mock_hal.h"
#include "monitor.h"

/**
 * struct npt_geometry - a format and its number of address bits
 * @fmt: the format
 * @ia_bits: bits of guest-physical address; 0: the format's default
 * @levels: the number of levels for them, if @ia_bits is not 0
 */
struct npt_geometry {
	const struct axas_npt_fmt *fmt;
	unsigned int ia_bits;
	unsigned int levels;
};

/**
 * struct npt_fixture - the fixture of a test of tables
 * @npt: the table
 * @test: the test
 * @mock: its HAL
 * @monitor: its monitor
 * @lose_flushes: knob: flushes do not reach @monitor, as if they were missing
 * @own_leaves: the frames of leaves are from @mock, and are freed there when put
 * @piece: entries that an operation processes in one piece; 0: no limit
 * @flushes: flush callbacks so far
 * @puts: frames put so far
 * @ready: @npt was initialized, and is destroyed at the end
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

/* Name of a parameter: its number of levels. */
void npt_levels_name(const struct npt_geometry *g, char *desc);

/* Init and exit of a suite: a table by test->param_value, default: fake format, 48 bits. */
int npt_test_init(struct kunit *test);
void npt_test_exit(struct kunit *test);

/* Destroy the table before the end of the test. */
void npt_drop(struct npt_fixture *f);

/* A machine with all capabilities of the format, except errata and FEAT_S2FWB. */
struct axas_npt_caps npt_full_caps(const struct axas_npt_fmt *fmt);

/* Whether the table can have leaves at this level. */
bool npt_has_level(const struct axas_npt *npt, unsigned int level);

/* The largest level that fits, found by trying all levels. */
unsigned int npt_reference_level(const struct axas_npt *npt, u64 gpa, u64 last, u64 hpa,
				 unsigned int max_level);

/* Pages of tables of an empty table: the root. */
long npt_root_tables(const struct axas_npt *npt);

long npt_all_leaves(const struct axas_npt *npt);

int npt_map(struct npt_fixture *f, u64 first, u64 bytes, u64 hpa, u32 prot);
void npt_unmap(struct npt_fixture *f, u64 first, u64 bytes);
void npt_unmap_all(struct npt_fixture *f);
/* Whether any leaf of [first, last] changed. */
bool npt_protect(struct npt_fixture *f, u64 first, u64 last, u32 prot);
/* Returns the number of tables of [first, last] that were replaced. */
u64 npt_collapse(struct npt_fixture *f, u64 first, u64 last);

/* Count, reserve, split, and check that the reserve was used up. -ENOMEM. */
int npt_split_at(struct npt_fixture *f, u64 gpa);
int npt_split_all(struct npt_fixture *f, u64 first, u64 bytes);

/* There is a leaf at @gpa that maps this byte to exactly these values. */
void npt_expect_leaf(struct npt_fixture *f, u64 gpa, u64 hpa, unsigned int level, u32 prot,
		     u32 type);
/* The range is mapped onto contiguous memory, by leaves of any size. */
void npt_expect_mapped(struct npt_fixture *f, u64 first, u64 bytes, u64 hpa, u32 prot);
void npt_expect_unmapped(struct npt_fixture *f, u64 gpa);
/* Nothing is mapped, there is no table but the root, and all its entries are 0. */
void npt_expect_empty(struct npt_fixture *f);

/* The entry in memory that covers @gpa at @level; NULL if there is no table. */
u64 *npt_raw_ptep(struct npt_fixture *f, u64 gpa, unsigned int level);

/**
 * struct npt_vector - a leaf, and its entry worked out by hand from the manual
 * @prot: AXAS_PROT_*
 * @type: AXAS_TYPE_*
 * @level: its level
 * @hpa: the address that it maps
 * @entry: its value
 */
struct npt_vector {
	u32 prot;
	u32 type;
	unsigned int level;
	u64 hpa;
	u64 entry;
};

/* Map each vector, compare its bits, look it up, unmap it. */
void npt_expect_vectors(struct npt_fixture *f, const struct npt_vector *v, unsigned int n);
/* The entries above @gpa, from the root down to @level, are a table address and @bits. */
void npt_expect_table_bits(struct npt_fixture *f, u64 gpa, unsigned int level, u64 bits);
/* Tables on the way to a leaf, and tables that a split makes, are linked with @bits. */
void npt_expect_tables(struct npt_fixture *f, u64 bits);
/* A removed entry is 0; its neighbour, of @prot, stays @neighbour. */
void npt_expect_removal(struct npt_fixture *f, u32 prot, u64 neighbour);
/* Set @bits in the leaf at @gpa, as hardware does on an access. */
void npt_set_hardware_bits(struct npt_fixture *f, u64 gpa, unsigned int level, u64 bits);

/**
 * struct npt_protect_vector - protections of one leaf in turn, with the bits that they set
 * @hardware: bits that hardware sets before, which stay
 * @mask: bits that depend on the protection; no others change
 * @steps: AXAS_PROT_*, and the value of the bits in @mask
 * @nr: the number of @steps
 * @last: the whole entry after the last step: 1 GiB maps onto 1 GiB
 */
struct npt_protect_vector {
	u64 hardware;
	u64 mask;
	struct {
		u32 prot;
		u64 bits;
	} steps[4];
	unsigned int nr;
	u64 last;
};

/* Map a leaf, protect it step by step, compare its bits, unmap it. */
void npt_expect_protect(struct npt_fixture *f, const struct npt_protect_vector *v);

#endif /* _AXAS_KUNIT_NPT_FIXTURE_H */
