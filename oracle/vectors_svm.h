/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AMD nested page-table entries and walks decoded by hand. Sections are those of the APM vol. 2.
 * Low bits of an entry: 7 = P RW US; 8 PWT, 0x10 PCD, 0x20 A, 0x40 D, 0x80 PS (PAT in a
 * PTE), 0x100 G, 0x1000 PAT of a large leaf.
 */
#ifndef ORACLE_VECTORS_SVM_H
#define ORACLE_VECTORS_SVM_H

#include "vectors.h"

/* 48 address bits, the reset PAT; no capabilities; 52 bits, 5 levels, Linux's PAT. */
static const struct oracle_machine svm48 = {
	.format = ORACLE_SVM, .levels = 4, .oa_bits = 48, .root = 0x1000,
	.svm = { .leaf_1g = true, .nx = true },
};

static const struct oracle_machine svm_bare = {
	.format = ORACLE_SVM, .levels = 4, .oa_bits = 40, .root = 0x1000,
};

/* From index 0: WB WC UC- UC WB WP UC- WT. */
static const struct oracle_machine svm52 = {
	.format = ORACLE_SVM, .levels = 5, .oa_bits = 52, .root = 0x1000,
	.svm = { .leaf_1g = true, .nx = true, .pat = 0x0407050600070106 },
};

static const struct oracle_vector oracle_svm_vectors[] = {
	/* not present */
	V_EMPTY("zero", "5.4.1", svm48, 0, 0x0),
	V_EMPTY("all bits but P", "5.4.1", svm48, 0, 0xfffffffffffffffe),
	V_EMPTY("the same in a PML4E", "5.4.1", svm48, 3, 0xfffffffffffffffe),

	/* 4 KiB leaves: address, permissions */
	V_LEAF("RWX", "5.3.3", svm48, 0, 0x1007, 0x1000, 12, V_RWX, WB, 0),
	V_LEAF("with A and D", "5.4.2", svm48, 0, 0x1067, 0x1000, 12, V_RWX, WB, 0),
	V_LEAF("RX", "5.6.1", svm48, 0, 0x1005, 0x1000, 12, V_RX, WB, 0),
	V_LEAF("RW, NX", "5.6.6", svm48, 0, 0x8000000000001007, 0x1000, 12, V_RW, WB, 0),
	V_LEAF("R, NX", "5.6.6", svm48, 0, 0x8000000000001005, 0x1000, 12, V_R, WB, 0),
	V_LEAF("U clear", "15.25.5", svm48, 0, 0x1003, 0x1000, 12, 0, WB, 0),
	V_BAD("NX with EFER.NXE clear", "5.6.6", svm_bare, 0, 0x8000000000001007, RESERVED),
	V_BAD("the same in a PML4E", "5.6.6", svm_bare, 3, 0x8000000000001007, RESERVED),
	V_LEAF("top of 48 bits", "5.3.3", svm48, 0, 0x0000fffffffff007, 0x0000fffffffff000, 12,
	       V_RWX, WB, 0),
	V_BAD("bit 48 of 48", "5.3.1", svm48, 0, 0x0001000000001007, ADDRESS),
	V_BAD("bit 51 of 48", "5.3.1", svm48, 0, 0x0008000000001007, ADDRESS),
	V_BAD("bit 40 of 40", "5.3.1", svm_bare, 0, 0x0000010000001007, ADDRESS),
	V_LEAF("top of 52 bits", "5.3.3", svm52, 0, 0x000ffffffffff007, 0x000ffffffffff000, 12,
	       V_RWX, WB, 0),
	V_LEAF("available bits 62:52, 11:9", "5.4.1", svm48, 0, 0x7ff0000000001e07, 0x1000, 12,
	       V_RWX, WB, 0),
	V_LEAF("G", "5.4.1", svm48, 0, 0x1107, 0x1000, 12, V_RWX, WB, 0),

	/* memory types */
	V_LEAF("PWT: WT", "7.8.2", svm48, 0, 0x100f, 0x1000, 12, V_RWX, OTHER, 1),
	V_LEAF("PCD: UC-", "7.8.2", svm48, 0, 0x1017, 0x1000, 12, V_RWX, UC, 2),
	V_LEAF("PCD PWT: UC", "7.8.2", svm48, 0, 0x101f, 0x1000, 12, V_RWX, UC, 3),
	V_LEAF("PAT: WB", "7.8.2", svm48, 0, 0x1087, 0x1000, 12, V_RWX, WB, 4),
	V_LEAF("PWT: WC by Linux", "7.8.2", svm52, 0, 0x100f, 0x1000, 12, V_RWX, NC, 1),
	V_LEAF("PCD PWT: UC by Linux", "7.8.2", svm52, 0, 0x101f, 0x1000, 12, V_RWX, UC, 3),
	V_LEAF("PAT PWT: WP by Linux", "7.8.2", svm52, 0, 0x108f, 0x1000, 12, V_RWX, OTHER, 5),
	V_LEAF("PAT PCD PWT: WT by Linux", "7.8.2", svm52, 0, 0x109f, 0x1000, 12,
	       V_RWX, OTHER, 7),

	/* large leaves */
	V_LEAF("2 MiB", "5.3.4", svm48, 1, 0x200087, 0x200000, 21, V_RWX, WB, 0),
	V_LEAF("2 MiB, PAT in bit 12", "5.3.4", svm48, 1, 0x201087, 0x200000, 21, V_RWX, WB, 4),
	V_BAD("2 MiB, bit 13", "5.3.4", svm48, 1, 0x202087, MISALIGNED),
	V_BAD("2 MiB, bit 20", "5.3.4", svm48, 1, 0x300087, MISALIGNED),
	V_LEAF("2 MiB needs no capability", "5.3.4", svm_bare, 1, 0x200087, 0x200000, 21,
	       V_RWX, WB, 0),
	V_LEAF("1 GiB", "5.3.5", svm48, 2, 0x40000087, 0x40000000, 30, V_RWX, WB, 0),
	V_LEAF("1 GiB, PAT PCD PWT", "5.3.5", svm52, 2, 0x4000109f, 0x40000000, 30,
	       V_RWX, OTHER, 7),
	V_BAD("1 GiB, bit 13", "5.3.5", svm48, 2, 0x40002087, MISALIGNED),
	V_BAD("1 GiB, bit 29", "5.3.5", svm48, 2, 0x60000087, MISALIGNED),
	V_BAD("1 GiB without it", "5.3.5", svm_bare, 2, 0x40000087, LEVEL),
	V_BAD("PML4E, PS", "5.4.1", svm48, 3, 0x1087, LEVEL),
	V_BAD("PML5E, PS", "5.4.1", svm52, 4, 0x1087, LEVEL),

	/* tables */
	V_TABLE("PML4E", "5.3.3", svm48, 3, 0x1007, 0x1000),
	V_TABLE("PML5E, top", "5.3.3", svm52, 4, 0x000ffffffffff007, 0x000ffffffffff000),
	V_TABLE("PDE, U clear", "5.3.3", svm48, 1, 0x1003, 0x1000),
	V_TABLE("PDPE, bits 11:8, 6 ignored", "5.3.3", svm48, 2, 0x1f47, 0x1000),
	V_TABLE("PDE, bits 11:8, 6 ignored", "5.3.3", svm48, 1, 0x1f47, 0x1000),
	V_BAD("PML4E, bit 8", "5.3.3", svm48, 3, 0x1107, RESERVED),
	V_BAD("PML5E, bit 8", "5.3.3", svm52, 4, 0x1107, RESERVED),
	V_BAD("PML4E, bit 48 of 48", "5.3.1", svm48, 3, 0x0001000000001007, ADDRESS),
};

static const struct oracle_figure oracle_svm_figures[] = {
	{ "PTE", "5.3.3", &svm48, 0, 0x40001007,
	  "p....... .... XXXX aaaa aaaaaaaa aaaaaaaa aaaaaaaa aaaaaaaa .... mss mmp pE" },
	{ "PTE, no NX, 40 bits", "5.3.3", &svm_bare, 0, 0x40001007,
	  "X....... .... XXXXXXXX XXXX aaaa aaaaaaaa aaaaaaaa aaaaaaaa .... mss mmp pE" },
	{ "PDE of 2 MiB", "5.3.4", &svm48, 1, 0x40000087,
	  "p....... .... XXXX aaaa aaaaaaaa aaaaaaaa aaaaaaaX XXXXXXXm .... Tss mmp pE" },
	{ "PDPE of 1 GiB", "5.3.5", &svm52, 2, 0x40000087,
	  "p....... .... aaaaaaaa aaaaaaaa aaaaaaXX XXXXXXXX XXXXXXXm .... Tss mmp pE" },
	{ "PDE, table", "5.3.4", &svm48, 1, 0x40000007,
	  "p....... .... XXXX aaaa aaaaaaaa aaaaaaaa aaaaaaaa aaaaaaaa .... L.. ..p pE" },
	{ "PDPE, table, no 1 GiB", "5.3.5", &svm_bare, 2, 0x40001007,
	  "X....... .... XXXXXXXX XXXX aaaa aaaaaaaa aaaaaaaa aaaaaaaa .... X.. ..p pE" },
	{ "PML4E", "5.3.3", &svm48, 3, 0x40001007,
	  "p....... .... XXXX aaaa aaaaaaaa aaaaaaaa aaaaaaaa aaaaaaaa ...X X.. ..p pE" },
};

/* Indices 1, 2, 3, 4 from the top, offset 0x567. */
static const struct oracle_walk_vector oracle_svm_walks[] = {
	{ "4 KiB", "15.25.5", &svm48,
	  { { 0x1008, 0x2007 }, { 0x2010, 0x3007 }, { 0x3018, 0x4007 }, { 0x4020, 0x55007 } },
	  0x8080604567, V_R, ORACLE_OK, ORACLE_WHY_NONE, 0x55567, 0, 0 },
	{ "2 MiB", "15.25.5", &svm48,
	  { { 0x1008, 0x2007 }, { 0x2010, 0x3007 }, { 0x3018, 0xa00087 } },
	  0x8080604567, V_W, ORACLE_OK, ORACLE_WHY_NONE, 0xa04567, 1, 0 },
	{ "1 GiB", "15.25.5", &svm48, { { 0x1008, 0x2007 }, { 0x2010, 0xc0000087 } },
	  0x8080604567, V_EX, ORACLE_OK, ORACLE_WHY_NONE, 0xc0604567, 2, 0 },
	{ "5 levels", "15.25.5", &svm52,
	  { { 0x1008, 0x2007 }, { 0x2008, 0x3007 }, { 0x3010, 0xc0000087 } },
	  0x1008080604567, V_R, ORACLE_OK, ORACLE_WHY_NONE, 0xc0604567, 2, 0 },
	{ "no PTE, read", "15.25.6", &svm48,
	  { { 0x1008, 0x2007 }, { 0x2010, 0x3007 }, { 0x3018, 0x4007 } },
	  0x8080604567, V_R, ORACLE_VIOLATION, ORACLE_WHY_ABSENT, 0, 0, 0x100000004 },
	{ "no PML4E, write", "15.25.6", &svm48, { { 0x1000, 0x2007 } },
	  0x8080604567, V_W, ORACLE_VIOLATION, ORACLE_WHY_ABSENT, 0, 3, 0x100000006 },
	{ "no PDE, fetch", "15.25.6", &svm48, { { 0x1008, 0x2007 }, { 0x2010, 0x3007 } },
	  0x8080604567, V_EX, ORACLE_VIOLATION, ORACLE_WHY_ABSENT, 0, 1, 0x100000014 },
	{ "no PDE, fetch, no NX", "8.4.2", &svm_bare, { { 0x1008, 0x2007 }, { 0x2010, 0x3007 } },
	  0x8080604567, V_EX, ORACLE_VIOLATION, ORACLE_WHY_ABSENT, 0, 1, 0x100000004 },
	{ "write to read-only", "15.25.6", &svm48,
	  { { 0x1008, 0x2007 }, { 0x2010, 0x3007 }, { 0x3018, 0x4007 }, { 0x4020, 0x55005 } },
	  0x8080604567, V_W, ORACLE_VIOLATION, ORACLE_WHY_PERM, 0, 0, 0x100000007 },
	{ "fetch from NX", "15.25.6", &svm48,
	  { { 0x1008, 0x2007 }, { 0x2010, 0x3007 }, { 0x3018, 0x8000000000a00087 } },
	  0x8080604567, V_EX, ORACLE_VIOLATION, ORACLE_WHY_PERM, 0, 1, 0x100000015 },
	{ "a table restricts writes", "5.6", &svm48,
	  { { 0x1008, 0x2005 }, { 0x2010, 0xc0000087 } },
	  0x8080604567, V_W, ORACLE_VIOLATION, ORACLE_WHY_PERM, 0, 2, 0x100000007 },
	{ "a table restricts fetches", "5.6.6", &svm48,
	  { { 0x1008, 0x8000000000002007 }, { 0x2010, 0xc0000087 } },
	  0x8080604567, V_EX, ORACLE_VIOLATION, ORACLE_WHY_PERM, 0, 2, 0x100000015 },
	{ "U clear in the leaf", "15.25.5", &svm48, { { 0x1008, 0x2007 }, { 0x2010, 0xc0000083 } },
	  0x8080604567, V_R, ORACLE_VIOLATION, ORACLE_WHY_PERM, 0, 2, 0x100000005 },
	{ "U clear in a table", "15.25.5", &svm48, { { 0x1008, 0x2003 }, { 0x2010, 0xc0000087 } },
	  0x8080604567, V_R, ORACLE_VIOLATION, ORACLE_WHY_PERM, 0, 2, 0x100000005 },
	{ "reserved bit", "15.25.6", &svm48, { { 0x1008, 0x2107 } },
	  0x8080604567, V_W, ORACLE_MISCONFIG, ORACLE_WHY_RESERVED, 0, 3, 0x10000000f },
	{ "misaligned, read", "15.25.6", &svm48, { { 0x1008, 0x2007 }, { 0x2010, 0xe0000087 } },
	  0x8080604567, V_R, ORACLE_MISCONFIG, ORACLE_WHY_MISALIGNED, 0, 2, 0x10000000d },
	{ "walk over nothing", "15.25.5", &svm48, { { 0x1008, 0x2007 } },
	  0x8080604567, V_R | V_WALK, ORACLE_VIOLATION, ORACLE_WHY_ABSENT, 0, 2, 0x200000006 },
	{ "walk over read-only", "15.25.5", &svm48, { { 0x1008, 0x2007 }, { 0x2010, 0xc0000085 } },
	  0x8080604567, V_R | V_WALK, ORACLE_VIOLATION, ORACLE_WHY_PERM, 0, 2, 0x200000007 },
	{ "walk for a fetch, over NX", "15.25.5", &svm48,
	  { { 0x1008, 0x2007 }, { 0x2010, 0x80000000c0000087 } },
	  0x8080604567, V_EX | V_WALK, ORACLE_OK, ORACLE_WHY_NONE, 0xc0604567, 2, 0 },
	{ "walk over a reserved bit", "15.25.6", &svm48, { { 0x1008, 0x2107 } },
	  0x8080604567, V_R | V_WALK, ORACLE_MISCONFIG, ORACLE_WHY_RESERVED, 0, 3, 0x20000000f },
	{ "bit 48 with 4 levels", "5.3.1", &svm48, { { 0x1000, 0x2007 } },
	  0x1000000000000, V_R, ORACLE_VIOLATION, ORACLE_WHY_RANGE, 0, 3, 0x100000004 },
};

#endif /* ORACLE_VECTORS_SVM_H */
