/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arm stage 2 entries and walks decoded by hand. Sections are those of the Arm ARM DDI 0487. Low
 * bits of a leaf: 3 = page, 1 = block; MemAttr times 4 (0x3c = Write-Back), S2AP 0x40 read
 * and 0x80 write, SH 0x300 = inner, AF 0x400: 0x7ff is a page with all permissions, 0x7fd such a
 * block.
 */
#ifndef ORACLE_VECTORS_S2_H
#define ORACLE_VECTORS_S2_H

#include "vectors.h"

/* 40-bit IPA from level 1 (two tables concatenated), 44-bit PA, FEAT_XNX. */
static const struct oracle_machine s2_40 = {
	.format = ORACLE_S2, .levels = 3, .ia_bits = 40, .oa_bits = 44, .root = 0x40000000,
	.s2 = { .xnx = true },
};

/* 39-bit IPA: one root table; no FEAT_XNX, but hardware sets AF and dirty state. */
static const struct oracle_machine s2_39_hd = {
	.format = ORACLE_S2, .levels = 3, .ia_bits = 39, .oa_bits = 40, .root = 0x40000000,
	.s2 = { .ha = true, .hd = true },
};

/* 43-bit IPA from level 1: sixteen tables. */
static const struct oracle_machine s2_43 = {
	.format = ORACLE_S2, .levels = 3, .ia_bits = 43, .oa_bits = 44, .root = 0x40000000,
};

/* 48-bit IPA from level 0, 48-bit PA, FEAT_S2FWB. */
static const struct oracle_machine s2_48_fwb = {
	.format = ORACLE_S2, .levels = 4, .ia_bits = 48, .oa_bits = 48, .root = 0x40000000,
	.s2 = { .fwb = true, .xnx = true },
};

/* 34-bit IPA from level 2: sixteen tables of 2 MiB blocks. */
static const struct oracle_machine s2_34 = {
	.format = ORACLE_S2, .levels = 2, .ia_bits = 34, .oa_bits = 36, .root = 0x40000000,
};

static const struct oracle_vector oracle_s2_vectors[] = {
	/* invalid */
	V_EMPTY("zero", "D8.3.1", s2_40, 0, 0x0),
	V_EMPTY("all bits but 0", "D8.3.1", s2_40, 0, 0xfffffffffffffffe),
	V_EMPTY("the same at level 1", "D8.3.1", s2_40, 2, 0xfffffffffffffffe),
	V_BAD("0b01 at level 3", "D8.3.1", s2_40, 0, 0x400007fd, RESERVED),
	V_BAD("block at level 0", "D8.3.1", s2_48_fwb, 3, 0x400007fd, LEVEL),

	/* pages: address, permissions */
	V_LEAF("page", "D8.3.1", s2_40, 0, 0x400007ff, 0x40000000, 12, V_RWX, WB, 15),
	V_LEAF("address 0", "D8.3.1", s2_40, 0, 0x7ff, 0, 12, V_RWX, WB, 15),
	V_LEAF("top of 44 bits", "D8.3.1", s2_40, 0, 0x00000ffffffff7ff, 0xffffffff000, 12,
	       V_RWX, WB, 15),
	V_BAD("bit 44 of 44", "D8.15", s2_40, 0, 0x00001000000007ff, ADDRESS),
	V_BAD("bit 47 of 44", "D8.15", s2_40, 0, 0x00008000000007ff, ADDRESS),
	V_LEAF("bit 47 of 48", "D8.3.1", s2_48_fwb, 0, 0x00008000000007db, 0x800000000000, 12,
	       V_RWX, WB, 6),
	V_LEAF0("bits 50:48", "D8.3.1", s2_40, 0, 0x00070000400007ff, 0x40000000, 12,
		V_RWX, WB, 15, 0x0007000000000000),
	V_LEAF0("bit 11", "D8.3.1", s2_40, 0, 0x40000fff, 0x40000000, 12, V_RWX, WB, 15, 0x800),
	V_LEAF("bits 63:55 ignored", "D8.3.1", s2_40, 0, 0xff800000400007ff, 0x40000000, 12,
	       V_RWX, WB, 15),
	V_LEAF("AF clear", "D8.5.1", s2_40, 0, 0x400003ff, 0x40000000, 12, V_RWX, WB, 15),
	V_LEAF("contiguous", "D8.7.1", s2_40, 0, 0x00100000400007ff, 0x40000000, 12,
	       V_RWX, WB, 15),
	V_LEAF("S2AP 00", "D8.4.2", s2_40, 0, 0x4000073f, 0x40000000, 12, V_EX, WB, 15),
	V_LEAF("S2AP 01", "D8.4.2", s2_40, 0, 0x4000077f, 0x40000000, 12, V_RX, WB, 15),
	V_LEAF("S2AP 10: write without read", "D8.4.2", s2_40, 0, 0x400007bf, 0x40000000, 12,
	       V_W | V_EX, WB, 15),
	V_LEAF("XN 01: EL0", "D8.4.3", s2_40, 0, 0x00200000400007ff, 0x40000000, 12,
	       V_RW | V_X0, WB, 15),
	V_LEAF("XN 10: none", "D8.4.3", s2_40, 0, 0x00400000400007ff, 0x40000000, 12,
	       V_RW, WB, 15),
	V_LEAF("XN 11: EL1", "D8.4.3", s2_40, 0, 0x00600000400007ff, 0x40000000, 12,
	       V_RW | V_X, WB, 15),
	V_LEAF0("XN 01 without FEAT_XNX: both", "D8.4.3", s2_39_hd, 0, 0x00200000400007ff,
		0x40000000, 12, V_RWX, WB, 15, 0x0020000000000000),
	V_LEAF("XN 10 without FEAT_XNX: none", "D8.4.3", s2_39_hd, 0, 0x00400000400007ff,
	       0x40000000, 12, V_RW, WB, 15),
	V_LEAF0("XN 11 without FEAT_XNX: none", "D8.4.3", s2_39_hd, 0, 0x00600000400007ff,
		0x40000000, 12, V_RW, WB, 15, 0x0020000000000000),
	V_LEAF("DBM without HD", "D8.5.2", s2_40, 0, 0x000800004000077f, 0x40000000, 12,
	       V_RX, WB, 15),
	V_LEAF("DBM with HD", "D8.5.2", s2_39_hd, 0, 0x000800004000077f, 0x40000000, 12,
	       V_RWX, WB, 15),

	/* memory types */
	V_LEAF("Device-nGnRnE", "D8.6", s2_40, 0, 0x7c3, 0, 12, V_RWX, UC, 0),
	V_LEAF("Device-nGnRE", "D8.6", s2_40, 0, 0x7c7, 0, 12, V_RWX, UC, 1),
	V_LEAF("Device-GRE", "D8.6", s2_40, 0, 0x7cf, 0, 12, V_RWX, UC, 3),
	V_LEAF("reserved 0b0100", "D8.6", s2_40, 0, 0x7d3, 0, 12, V_RWX, OTHER, 4),
	V_LEAF("Non-cacheable", "D8.6", s2_40, 0, 0x7d7, 0, 12, V_RWX, NC, 5),
	V_LEAF("outer NC, inner WT", "D8.6", s2_40, 0, 0x7db, 0, 12, V_RWX, OTHER, 6),
	V_LEAF("Write-Through", "D8.6", s2_40, 0, 0x7eb, 0, 12, V_RWX, OTHER, 10),
	V_LEAF("FWB: Device-nGnRE", "D8.6", s2_48_fwb, 0, 0x7c7, 0, 12, V_RWX, UC, 1),
	V_LEAF("FWB: Device-GRE", "D8.6", s2_48_fwb, 0, 0x7cf, 0, 12, V_RWX, UC, 3),
	V_LEAF("FWB: reserved 0b0100", "D8.6", s2_48_fwb, 0, 0x7d3, 0, 12, V_RWX, OTHER, 4),
	V_LEAF("FWB: Non-cacheable", "D8.6", s2_48_fwb, 0, 0x7d7, 0, 12, V_RWX, NC, 5),
	V_LEAF("FWB: Write-Back", "D8.6", s2_48_fwb, 0, 0x7db, 0, 12, V_RWX, WB, 6),
	V_LEAF("FWB: as stage 1", "D8.6", s2_48_fwb, 0, 0x7df, 0, 12, V_RWX, OTHER, 7),
	V_LEAF("FWB: reserved 0b1111", "D8.6", s2_48_fwb, 0, 0x7ff, 0, 12, V_RWX, OTHER, 15),

	/* blocks */
	V_LEAF("2 MiB", "D8.3.1", s2_40, 1, 0x402007fd, 0x40200000, 21, V_RWX, WB, 15),
	V_LEAF0("2 MiB, bit 12", "D8.3.1", s2_40, 1, 0x402017fd, 0x40200000, 21, V_RWX, WB, 15,
		0x1000),
	V_LEAF0("2 MiB, bit 20", "D8.3.1", s2_40, 1, 0x403007fd, 0x40200000, 21, V_RWX, WB, 15,
		0x100000),
	V_LEAF("1 GiB", "D8.3.1", s2_40, 2, 0x400007fd, 0x40000000, 30, V_RWX, WB, 15),
	V_LEAF0("1 GiB, bit 29", "D8.3.1", s2_40, 2, 0x600007fd, 0x40000000, 30, V_RWX, WB, 15,
		0x20000000),
	V_BAD("1 GiB, bit 44 of 44", "D8.15", s2_40, 2, 0x00001000400007fd, ADDRESS),

	/* tables */
	V_TABLE("level 1", "D8.3.1", s2_40, 2, 0x40001003, 0x40001000),
	V_TABLE("level 0", "D8.3.1", s2_48_fwb, 3, 0x0000fffffffff003, 0xfffffffff000),
	V_TABLE("bits 58:51, 11:2 ignored", "D8.3.1", s2_40, 1, 0x07f8000040001fff, 0x40001000),
	V_TABLE0("bits 63:59", "D8.3.1", s2_40, 1, 0xf800000040001003, 0x40001000,
		 0xf800000000000000),
	V_BAD("bit 44 of 44", "D8.15", s2_40, 1, 0x0000100040001003, ADDRESS),
};

static const struct oracle_figure oracle_s2_figures[] = {
	{ "page", "D8.3.1", &s2_40, 0, 0x400007ff,
	  "........ .pp s. zzz XXXX aaaa aaaaaaaa aaaaaaaa aaaaaaaa aaaa z sss pp mmmm XE" },
	{ "page, HD, no XNX, 40 bits", "D8.5.2", &s2_39_hd, 0, 0x4000077f,
	  "........ .pz sp zzz XXXXXXXX aaaaaaaa aaaaaaaa aaaaaaaa aaaa z sss pp mmmm XE" },
	{ "2 MiB block", "D8.3.1", &s2_40, 1, 0x402007fd,
	  "........ .pp s. zzz XXXX aaaa aaaaaaaa aaaaaaaa aaaz zzzzzzzz z sss pp mmmm TE" },
	{ "1 GiB block", "D8.3.1", &s2_48_fwb, 2, 0x400007fd,
	  "........ .pp s. zzz aaaaaaaa aaaaaaaa aazzzzzz zzzzzzzz zzzz z sss pp mmmm TE" },
	{ "table at level 1", "D8.3.1", &s2_40, 2, 0x40001003,
	  "zzzzz... ..... zzz XXXX aaaa aaaaaaaa aaaaaaaa aaaaaaaa aaaa .... ...... LE" },
	{ "table at level 0", "D8.3.1", &s2_48_fwb, 3, 0x40001003,
	  "zzzzz... ..... zzz aaaaaaaa aaaaaaaa aaaaaaaa aaaaaaaa aaaa .... ...... XE" },
};

/* Indices 0x201, 3, 4 from level 1, offset 0x567. */
static const struct oracle_walk_vector oracle_s2_walks[] = {
	{ "page, second of two root tables", "D8.2.2", &s2_40,
	  { { 0x40001008, 0x40010003 }, { 0x40010018, 0x40011003 }, { 0x40011020, 0x500007ff } },
	  0x8040604567, V_R, ORACLE_OK, ORACLE_WHY_NONE, 0x50000567, 0, 0 },
	{ "2 MiB", "D8.3.1", &s2_40,
	  { { 0x40001008, 0x40010003 }, { 0x40010018, 0x502007fd } },
	  0x8040604567, V_W, ORACLE_OK, ORACLE_WHY_NONE, 0x50204567, 1, 0 },
	{ "1 GiB", "D8.3.1", &s2_40, { { 0x40001008, 0xc00007fd } },
	  0x8040604567, V_X, ORACLE_OK, ORACLE_WHY_NONE, 0xc0604567, 2, 0 },
	{ "last entry of sixteen root tables", "D8.2.2", &s2_43, { { 0x4000fff8, 0xc00007fd } },
	  0x7ffffffffff, V_R, ORACLE_OK, ORACLE_WHY_NONE, 0xffffffff, 2, 0 },
	{ "sixteen root tables at level 2", "D8.2.2", &s2_34, { { 0x4000fff8, 0x802007fd } },
	  0x3ffffffff, V_R, ORACLE_OK, ORACLE_WHY_NONE, 0x803fffff, 1, 0 },
	{ "from level 0", "D8.2.4", &s2_48_fwb,
	  { { 0x40000008, 0x40010003 }, { 0x40010008, 0xc00007d9 } },
	  0x8040604567, V_R, ORACLE_OK, ORACLE_WHY_NONE, 0xc0604567, 2, 0 },
	{ "nothing at level 0", "ESR_EL2", &s2_48_fwb, { { 0x40000000, 0x40010003 } },
	  0x8040604567, V_R, ORACLE_VIOLATION, ORACLE_WHY_ABSENT, 0, 3, 0x04 },
	{ "nothing at level 1", "ESR_EL2", &s2_40, { { 0x40000008, 0x40010003 } },
	  0x8040604567, V_R, ORACLE_VIOLATION, ORACLE_WHY_ABSENT, 0, 2, 0x05 },
	{ "nothing at level 2, write", "ESR_EL2", &s2_40, { { 0x40001008, 0x40010003 } },
	  0x8040604567, V_W, ORACLE_VIOLATION, ORACLE_WHY_ABSENT, 0, 1, 0x46 },
	{ "nothing at level 3, fetch", "ESR_EL2", &s2_40,
	  { { 0x40001008, 0x40010003 }, { 0x40010018, 0x40011003 } },
	  0x8040604567, V_X, ORACLE_VIOLATION, ORACLE_WHY_ABSENT, 0, 0, 0x07 },
	{ "write to read-only page", "ESR_EL2", &s2_40,
	  { { 0x40001008, 0x40010003 }, { 0x40010018, 0x40011003 }, { 0x40011020, 0x5000077f } },
	  0x8040604567, V_W, ORACLE_VIOLATION, ORACLE_WHY_PERM, 0, 0, 0x4f },
	{ "fetch from XN block", "ESR_EL2", &s2_40,
	  { { 0x40001008, 0x40010003 }, { 0x40010018, 0x00400000502007fd } },
	  0x8040604567, V_X, ORACLE_VIOLATION, ORACLE_WHY_PERM, 0, 1, 0x0e },
	{ "read of XN", "D8.4.3", &s2_40, { { 0x40001008, 0x00400000c00007fd } },
	  0x8040604567, V_R, ORACLE_OK, ORACLE_WHY_NONE, 0xc0604567, 2, 0 },
	{ "walk over XN, for a fetch", "D8.4.3", &s2_40, { { 0x40001008, 0x00400000c00007fd } },
	  0x8040604567, V_X | V_WALK, ORACLE_OK, ORACLE_WHY_NONE, 0xc0604567, 2, 0 },
	{ "read of S2AP 10", "ESR_EL2", &s2_40, { { 0x40001008, 0xc00007bd } },
	  0x8040604567, V_R, ORACLE_VIOLATION, ORACLE_WHY_PERM, 0, 2, 0x0d },
	{ "XN 01, EL1", "D8.4.3", &s2_40, { { 0x40001008, 0x00200000c00007fd } },
	  0x8040604567, V_X, ORACLE_VIOLATION, ORACLE_WHY_PERM, 0, 2, 0x0d },
	{ "XN 01, EL0", "D8.4.3", &s2_40, { { 0x40001008, 0x00200000c00007fd } },
	  0x8040604567, V_X0, ORACLE_OK, ORACLE_WHY_NONE, 0xc0604567, 2, 0 },
	{ "XN 11, EL0", "D8.4.3", &s2_40, { { 0x40001008, 0x00600000c00007fd } },
	  0x8040604567, V_X0, ORACLE_VIOLATION, ORACLE_WHY_PERM, 0, 2, 0x0d },
	{ "AF clear", "D8.5.1", &s2_40,
	  { { 0x40001008, 0x40010003 }, { 0x40010018, 0x40011003 }, { 0x40011020, 0x500003ff } },
	  0x8040604567, V_R, ORACLE_VIOLATION, ORACLE_WHY_ACCESSED, 0, 0, 0x0b },
	{ "AF clear before permission", "D8.15", &s2_40, { { 0x40001008, 0xc000037d } },
	  0x8040604567, V_W, ORACLE_VIOLATION, ORACLE_WHY_ACCESSED, 0, 2, 0x49 },
	{ "AF clear with HA", "D8.5.1", &s2_39_hd, { { 0x40000008, 0xc00003fd } },
	  0x40604567, V_R, ORACLE_OK, ORACLE_WHY_NONE, 0xc0604567, 2, 0 },
	{ "write to DBM with HD", "D8.5.2", &s2_39_hd, { { 0x40000008, 0x00080000c000077d } },
	  0x40604567, V_W, ORACLE_OK, ORACLE_WHY_NONE, 0xc0604567, 2, 0 },
	{ "table beyond the PA size", "D8.15", &s2_40, { { 0x40001008, 0x0000100040010003 } },
	  0x8040604567, V_R, ORACLE_MISCONFIG, ORACLE_WHY_ADDRESS, 0, 2, 0x01 },
	{ "block beyond the PA size, AF clear", "D8.15", &s2_40,
	  { { 0x40001008, 0x40010003 }, { 0x40010018, 0x00001000502003fd } },
	  0x8040604567, V_R, ORACLE_MISCONFIG, ORACLE_WHY_ADDRESS, 0, 1, 0x02 },
	{ "reserved type at level 3", "D8.3.1", &s2_40,
	  { { 0x40001008, 0x40010003 }, { 0x40010018, 0x40011003 }, { 0x40011020, 0x500007fd } },
	  0x8040604567, V_R, ORACLE_MISCONFIG, ORACLE_WHY_RESERVED, 0, 0, 0x07 },
	{ "block at level 0", "D8.3.1", &s2_48_fwb, { { 0x40000008, 0x8000000007d9 } },
	  0x8040604567, V_R, ORACLE_MISCONFIG, ORACLE_WHY_LEVEL, 0, 3, 0x04 },
	{ "bit 40 of a 40-bit IPA", "D8.15", &s2_40, { { 0x40000000, 0xc00007fd } },
	  0x10000000000, V_R, ORACLE_VIOLATION, ORACLE_WHY_RANGE, 0, 2, 0x04 },
	{ "walk over nothing", "ESR_EL2", &s2_40, { { 0x40001008, 0x40010003 } },
	  0x8040604567, V_W | V_WALK, ORACLE_VIOLATION, ORACLE_WHY_ABSENT, 0, 1, 0x86 },
	{ "walk over read-only, for a write", "D8.4.2", &s2_40, { { 0x40001008, 0xc000077d } },
	  0x8040604567, V_W | V_WALK, ORACLE_OK, ORACLE_WHY_NONE, 0xc0604567, 2, 0 },
	{ "walk over S2AP 10, for a fetch", "ESR_EL2", &s2_40, { { 0x40001008, 0xc00007bd } },
	  0x8040604567, V_X | V_WALK, ORACLE_VIOLATION, ORACLE_WHY_PERM, 0, 2, 0x8d },
};

#endif /* ORACLE_VECTORS_S2_H */
