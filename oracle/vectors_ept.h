/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Intel EPT entries and walks decoded by hand. Sections are those of the SDM vol. 3C. Low bits
 * of a leaf: 7 = R W X, memory type times 8 in bits 5:3 (0x30 = WB), bit 6 ignore-PAT, bit 7
 * large.
 */
#ifndef ORACLE_VECTORS_EPT_H
#define ORACLE_VECTORS_EPT_H

#include "vectors.h"

/* 46 address bits, all leaf sizes, execute-only; without these; 52 bits, 5 levels, A/D enabled. */
static const struct oracle_machine ept46 = {
	.format = ORACLE_EPT, .levels = 4, .oa_bits = 46, .root = 0x1000,
	.ept = { .xonly = true, .leaf_2m = true, .leaf_1g = true },
};

static const struct oracle_machine ept_bare = {
	.format = ORACLE_EPT, .levels = 4, .oa_bits = 46, .root = 0x1000,
};

static const struct oracle_machine ept52 = {
	.format = ORACLE_EPT, .levels = 5, .oa_bits = 52, .root = 0x1000,
	.ept = { .xonly = true, .leaf_2m = true, .leaf_1g = true, .ad = true },
};

static const struct oracle_vector oracle_ept_vectors[] = {
	/* not present */
	V_EMPTY("zero", "29.3.2", ept46, 0, 0x0),
	V_EMPTY("address without R, W, X", "29.3.2", ept46, 0, 0x12345030),
	V_EMPTY("all bits but R, W, X", "29.3.3.1", ept46, 0, 0xfffffffffffffff8),
	V_EMPTY("the same in a PML4E", "29.3.3.1", ept46, 3, 0xfffffffffffffff8),

	/* 4 KiB leaves: address, permissions */
	V_LEAF("RWX WB", "table 29-7", ept46, 0, 0x1037, 0x1000, 12, V_RWX, WB, 6),
	V_LEAF("address 0", "table 29-7", ept46, 0, 0x37, 0, 12, V_RWX, WB, 6),
	V_LEAF("top of 46 bits", "table 29-7", ept46, 0, 0x00003ffffffff037,
	       0x3ffffffff000, 12, V_RWX, WB, 6),
	V_BAD("bit 46 of 46", "29.3.3.1", ept46, 0, 0x0000400000000037, ADDRESS),
	V_BAD("bit 51 of 46", "29.3.3.1", ept46, 0, 0x0008000000000037, ADDRESS),
	V_LEAF("bit 51 of 52", "table 29-7", ept52, 0, 0x0008000000000037,
	       0x0008000000000000, 12, V_RWX, WB, 6),
	V_LEAF("top of 52 bits", "table 29-7", ept52, 0, 0x000ffffffffff037,
	       0x000ffffffffff000, 12, V_RWX, WB, 6),
	V_LEAF("ignored bits 63:52, 11:7", "table 29-7", ept46, 0, 0xfff0000000001fb7,
	       0x1000, 12, V_RWX, WB, 6),
	V_LEAF("R", "29.3.2", ept46, 0, 0x1031, 0x1000, 12, V_R, WB, 6),
	V_LEAF("RW", "29.3.2", ept46, 0, 0x1033, 0x1000, 12, V_RW, WB, 6),
	V_LEAF("RX", "29.3.2", ept46, 0, 0x1035, 0x1000, 12, V_RX, WB, 6),
	V_LEAF("X with the capability", "29.3.3.1", ept46, 0, 0x1034, 0x1000, 12, V_EX, WB, 6),
	V_BAD("X without it", "29.3.3.1", ept_bare, 0, 0x1034, EXEC_ONLY),
	V_BAD("W", "29.3.3.1", ept46, 0, 0x1032, WRITE_ONLY),
	V_BAD("WX", "29.3.3.1", ept46, 0, 0x1036, WRITE_ONLY),
	V_BAD("W in a PML4E", "29.3.3.1", ept46, 3, 0x1002, WRITE_ONLY),
	V_BAD("X in a PDE without the capability", "29.3.3.1", ept_bare, 1, 0x1004, EXEC_ONLY),

	/* memory types */
	V_LEAF("UC", "table 29-7", ept46, 0, 0x1007, 0x1000, 12, V_RWX, UC, 0),
	V_LEAF("WC", "table 29-7", ept46, 0, 0x100f, 0x1000, 12, V_RWX, NC, 1),
	V_BAD("type 2", "29.3.3.1", ept46, 0, 0x1017, MEMTYPE),
	V_BAD("type 3", "29.3.3.1", ept46, 0, 0x101f, MEMTYPE),
	V_LEAF("WT", "table 29-7", ept46, 0, 0x1027, 0x1000, 12, V_RWX, OTHER, 4),
	V_LEAF("WP", "table 29-7", ept46, 0, 0x102f, 0x1000, 12, V_RWX, OTHER, 5),
	V_BAD("type 7", "29.3.3.1", ept46, 0, 0x103f, MEMTYPE),
	V_LEAF("WB, PAT ignored", "table 29-7", ept46, 0, 0x1077, 0x1000, 12, V_RWX, WB, 14),
	V_BAD("type 7 in 2 MiB", "29.3.3.1", ept46, 1, 0x2000bf, MEMTYPE),
	V_BAD("type 2 in 1 GiB", "29.3.3.1", ept46, 2, 0x40000097, MEMTYPE),

	/* large leaves */
	V_LEAF("2 MiB", "table 29-5", ept46, 1, 0x2000b7, 0x200000, 21, V_RWX, WB, 6),
	V_LEAF("top 2 MiB", "table 29-5", ept46, 1, 0x00003fffffe000b7, 0x3fffffe00000, 21,
	       V_RWX, WB, 6),
	V_BAD("2 MiB, bit 12", "table 29-5", ept46, 1, 0x2010b7, MISALIGNED),
	V_BAD("2 MiB, bit 20", "table 29-5", ept46, 1, 0x3000b7, MISALIGNED),
	V_BAD("2 MiB without it", "29.3.3.1", ept_bare, 1, 0x2000b7, LEVEL),
	V_LEAF("1 GiB", "table 29-3", ept46, 2, 0x400000b7, 0x40000000, 30, V_RWX, WB, 6),
	V_BAD("1 GiB, bit 12", "table 29-3", ept46, 2, 0x400010b7, MISALIGNED),
	V_BAD("1 GiB, bit 29", "table 29-3", ept46, 2, 0x600000b7, MISALIGNED),
	V_BAD("1 GiB without it", "29.3.3.1", ept_bare, 2, 0x400000b7, LEVEL),
	V_BAD("PML4E, bit 7", "table 29-2", ept46, 3, 0x1087, LEVEL),
	V_BAD("PML5E, bit 7", "table 29-1", ept52, 4, 0x1087, LEVEL),

	/* tables */
	V_TABLE("PML4E", "table 29-2", ept46, 3, 0x1007, 0x1000),
	V_TABLE("PDE, bits 11:8 ignored", "table 29-6", ept46, 1, 0x1f07, 0x1000),
	V_TABLE("PDPTE, bits 63:52 ignored", "table 29-4", ept46, 2, 0xfff0000000001007, 0x1000),
	V_TABLE("PML5E, top", "table 29-1", ept52, 4, 0x000ffffffffff007, 0x000ffffffffff000),
	V_TABLE("PDE, R alone", "table 29-6", ept_bare, 1, 0x1001, 0x1000),
	V_BAD("PDE, bit 3", "table 29-6", ept46, 1, 0x100f, RESERVED),
	V_BAD("PDE, bit 6", "table 29-6", ept46, 1, 0x1047, RESERVED),
	V_BAD("PDPTE, bit 4", "table 29-4", ept46, 2, 0x1017, RESERVED),
	V_BAD("PML4E, bit 5", "table 29-2", ept46, 3, 0x1027, RESERVED),
	V_BAD("PML5E, bit 3", "table 29-1", ept52, 4, 0x100f, RESERVED),
	V_BAD("PML4E, bit 46 of 46", "29.3.3.1", ept46, 3, 0x0000400000001007, ADDRESS),
};

static const struct oracle_figure oracle_ept_figures[] = {
	{ "PTE", "table 29-7", &ept46, 0, 0x40001037,
	  "........ .... XXXXXX aa aaaaaaaa aaaaaaaa aaaaaaaa aaaaaaaa .... .m XmX ppX" },
	{ "PTE, A/D on, 52 bits", "table 29-7", &ept52, 0, 0x40001037,
	  "........ .... aaaaaaaa aaaaaaaa aaaaaaaa aaaaaaaa aaaaaaaa ..ss .m XmX ppX" },
	{ "PDE of 2 MiB", "table 29-5", &ept46, 1, 0x400000b7,
	  "........ .... XXXXXX aa aaaaaaaa aaaaaaaa aaaaaaaX XXXXXXXX .... Xm XmX ppX" },
	{ "PDPTE of 1 GiB", "table 29-3", &ept46, 2, 0x400000b7,
	  "........ .... XXXXXX aa aaaaaaaa aaaaaaXX XXXXXXXX XXXXXXXX .... Xm XmX ppX" },
	{ "PDE, table, no 2 MiB", "table 29-6", &ept_bare, 1, 0x40001007,
	  "........ .... XXXXXX aa aaaaaaaa aaaaaaaa aaaaaaaa aaaaaaaa .... XX XXX ppX" },
	{ "PML5E", "table 29-1", &ept52, 4, 0x40001007,
	  "........ .... aaaaaaaa aaaaaaaa aaaaaaaa aaaaaaaa aaaaaaaa .... XX XXX ppX" },
};

/* Indices 1, 2, 3, 4 from the top, offset 0x567. */
static const struct oracle_walk_vector oracle_ept_walks[] = {
	{ "4 KiB", "29.3.2", &ept46,
	  { { 0x1008, 0x2007 }, { 0x2010, 0x3007 }, { 0x3018, 0x4007 }, { 0x4020, 0x55037 } },
	  0x8080604567, V_R, ORACLE_OK, ORACLE_WHY_NONE, 0x55567, 0, 0 },
	{ "2 MiB", "29.3.2", &ept46,
	  { { 0x1008, 0x2007 }, { 0x2010, 0x3007 }, { 0x3018, 0xa000b7 } },
	  0x8080604567, V_W, ORACLE_OK, ORACLE_WHY_NONE, 0xa04567, 1, 0 },
	{ "1 GiB", "29.3.2", &ept46, { { 0x1008, 0x2007 }, { 0x2010, 0xc00000b7 } },
	  0x8080604567, V_X | V_X0, ORACLE_OK, ORACLE_WHY_NONE, 0xc0604567, 2, 0 },
	{ "5 levels", "29.3.2", &ept52,
	  { { 0x1008, 0x2007 }, { 0x2008, 0x3007 }, { 0x3010, 0xc00000b7 } },
	  0x1008080604567, V_R, ORACLE_OK, ORACLE_WHY_NONE, 0xc0604567, 2, 0 },
	{ "write to read-only", "table 28-7", &ept46,
	  { { 0x1008, 0x2007 }, { 0x2010, 0x3007 }, { 0x3018, 0x4007 }, { 0x4020, 0x55031 } },
	  0x8080604567, V_W, ORACLE_VIOLATION, ORACLE_WHY_PERM, 0, 0, 0x18a },
	{ "fetch from read-write", "table 28-7", &ept46,
	  { { 0x1008, 0x2007 }, { 0x2010, 0x3007 }, { 0x3018, 0x4007 }, { 0x4020, 0x55033 } },
	  0x8080604567, V_EX, ORACLE_VIOLATION, ORACLE_WHY_PERM, 0, 0, 0x19c },
	{ "read-modify-write of read-only", "table 28-7", &ept46,
	  { { 0x1008, 0x2007 }, { 0x2010, 0x3007 }, { 0x3018, 0x4007 }, { 0x4020, 0x55031 } },
	  0x8080604567, V_RW, ORACLE_VIOLATION, ORACLE_WHY_PERM, 0, 0, 0x18b },
	{ "read of execute-only", "table 28-7", &ept46,
	  { { 0x1008, 0x2007 }, { 0x2010, 0x3007 }, { 0x3018, 0x4007 }, { 0x4020, 0x55034 } },
	  0x8080604567, V_R, ORACLE_VIOLATION, ORACLE_WHY_PERM, 0, 0, 0x1a1 },
	{ "a table restricts", "29.3.3.2", &ept46,
	  { { 0x1008, 0x2007 }, { 0x2010, 0x3005 }, { 0x3018, 0xa000b7 } },
	  0x8080604567, V_W, ORACLE_VIOLATION, ORACLE_WHY_PERM, 0, 1, 0x1aa },
	{ "no PML4E", "table 28-7", &ept46, { { 0x1000, 0x2007 } },
	  0x8080604567, V_R, ORACLE_VIOLATION, ORACLE_WHY_ABSENT, 0, 3, 0x181 },
	{ "no PDE, write", "table 28-7", &ept46, { { 0x1008, 0x2007 }, { 0x2010, 0x3007 } },
	  0x8080604567, V_W, ORACLE_VIOLATION, ORACLE_WHY_ABSENT, 0, 1, 0x182 },
	{ "no PTE, fetch", "table 28-7", &ept46,
	  { { 0x1008, 0x2007 }, { 0x2010, 0x3007 }, { 0x3018, 0x4007 } },
	  0x8080604567, V_EX, ORACLE_VIOLATION, ORACLE_WHY_ABSENT, 0, 0, 0x184 },
	{ "misconfigured PTE", "29.3.3.1", &ept46,
	  { { 0x1008, 0x2007 }, { 0x2010, 0x3007 }, { 0x3018, 0x4007 }, { 0x4020, 0x55032 } },
	  0x8080604567, V_R, ORACLE_MISCONFIG, ORACLE_WHY_WRITE_ONLY, 0, 0, 0 },
	{ "misconfiguration before a permission above it", "29.3.3.3", &ept46,
	  { { 0x1008, 0x2001 }, { 0x2010, 0x300f } },
	  0x8080604567, V_W, ORACLE_MISCONFIG, ORACLE_WHY_RESERVED, 0, 2, 0 },
	{ "bit 48 with 4 levels", "29.3.2", &ept46, { { 0x1000, 0x2007 } },
	  0x1000000000000, V_R, ORACLE_VIOLATION, ORACLE_WHY_RANGE, 0, 3, 0x181 },
	{ "bit 47 with 4 levels", "29.3.2", &ept46, { { 0x1ff8, 0x2007 }, { 0x2ff8, 0xc00000b7 } },
	  0xffffffffffff, V_R, ORACLE_OK, ORACLE_WHY_NONE, 0xffffffff, 2, 0 },
	{ "walk over read-only, A/D off", "29.3.3.2", &ept46,
	  { { 0x1008, 0x2007 }, { 0x2010, 0xc00000b1 } },
	  0x8080604567, V_W | V_WALK, ORACLE_OK, ORACLE_WHY_NONE, 0xc0604567, 2, 0 },
	{ "walk over read-only, A/D on", "29.3.5", &ept52,
	  { { 0x1008, 0x2007 }, { 0x2008, 0x3007 }, { 0x3010, 0xc00000b1 } },
	  0x1008080604567, V_R | V_WALK, ORACLE_VIOLATION, ORACLE_WHY_PERM, 0, 2, 0x8b },
	{ "walk over nothing, A/D off", "table 28-7", &ept46, { { 0x1008, 0x2007 } },
	  0x8080604567, V_EX | V_WALK, ORACLE_VIOLATION, ORACLE_WHY_ABSENT, 0, 2, 0x81 },
};

#endif /* ORACLE_VECTORS_EPT_H */
