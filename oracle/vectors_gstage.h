/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RISC-V G-stage entries and walks decoded by hand. Sections are those of the Privileged manual,
 * edition 20240411. Low bits: V 1, R 2, W 4, X 8, U 0x10, G 0x20, A 0x40, D 0x80; the page
 * number starts at bit 10, so address 0x80000000 is encoded as 0x20000000. 0xdf is a leaf
 * with all low bits but G.
 */
#ifndef ORACLE_VECTORS_GSTAGE_H
#define ORACLE_VECTORS_GSTAGE_H

#include "vectors.h"

static const struct oracle_machine sv39x4 = {
	.format = ORACLE_GSTAGE, .levels = 3, .oa_bits = 56, .root = 0x80000000,
};

static const struct oracle_machine sv39x4_all = {
	.format = ORACLE_GSTAGE, .levels = 3, .oa_bits = 56, .root = 0x80000000,
	.gstage = { .svpbmt = true, .svadu = true, .svnapot = true },
};

static const struct oracle_machine sv48x4 = {
	.format = ORACLE_GSTAGE, .levels = 4, .oa_bits = 50, .root = 0x80000000,
};

static const struct oracle_machine sv57x4 = {
	.format = ORACLE_GSTAGE, .levels = 5, .oa_bits = 56, .root = 0x80000000,
	.gstage = { .svpbmt = true },
};

static const struct oracle_vector oracle_gstage_vectors[] = {
	/* invalid */
	V_EMPTY("zero", "10.3.2", sv39x4, 0, 0x0),
	V_EMPTY("all bits but V", "10.4.1", sv39x4, 0, 0xfffffffffffffffe),
	V_EMPTY("the same at the root", "10.4.1", sv39x4, 2, 0xfffffffffffffffe),

	/* 4 KiB leaves: address, permissions */
	V_LEAF("RWX", "10.4.1", sv39x4, 0, 0x200000df, 0x80000000, 12, V_RWX, WB, 0),
	V_LEAF("address 0", "10.4.1", sv39x4, 0, 0xdf, 0, 12, V_RWX, WB, 0),
	V_LEAF("top of 56 bits", "10.4.1", sv39x4, 0, 0x003ffffffffffcdf, 0xfffffffffff000, 12,
	       V_RWX, WB, 0),
	V_LEAF("top of 50 bits", "10.4.1", sv48x4, 0, 0x0000fffffffffcdf, 0x3fffffffff000, 12,
	       V_RWX, WB, 0),
	V_BAD("bit 50 of 50", "3.6 (PMA)", sv48x4, 0, 0x00010000000000df, ADDRESS),
	V_LEAF("RSW", "10.4.1", sv39x4, 0, 0x200003df, 0x80000000, 12, V_RWX, WB, 0),
	V_LEAF0("G", "18.5.1", sv39x4, 0, 0x200000ff, 0x80000000, 12, V_RWX, WB, 0, 0x20),
	V_LEAF("R", "10.4.1", sv39x4, 0, 0x200000d3, 0x80000000, 12, V_R, WB, 0),
	V_LEAF("RW", "10.4.1", sv39x4, 0, 0x200000d7, 0x80000000, 12, V_RW, WB, 0),
	V_LEAF("RX", "10.4.1", sv39x4, 0, 0x200000db, 0x80000000, 12, V_RX, WB, 0),
	V_LEAF("X", "10.4.1", sv39x4, 0, 0x200000d9, 0x80000000, 12, V_EX, WB, 0),
	V_BAD("W", "10.4.1", sv39x4, 0, 0x200000d5, WRITE_ONLY),
	V_BAD("WX", "10.4.1", sv39x4, 0, 0x200000dd, WRITE_ONLY),
	V_BAD("W at the root", "10.4.1", sv39x4, 2, 0x200000d5, WRITE_ONLY),
	V_LEAF("U clear", "18.5.1", sv39x4, 0, 0x200000cf, 0x80000000, 12, 0, WB, 0),
	V_LEAF("A and D clear", "10.4.1", sv39x4, 0, 0x2000001f, 0x80000000, 12, V_RWX, WB, 0),
	V_BAD("bit 54", "10.4.1", sv39x4_all, 0, 0x00400000200000df, RESERVED),
	V_BAD("bit 60", "10.4.1", sv39x4_all, 0, 0x10000000200000df, RESERVED),

	/* memory types */
	V_LEAF("NC", "12", sv39x4_all, 0, 0x20000000200000df, 0x80000000, 12, V_RWX, NC, 1),
	V_LEAF("IO", "12", sv39x4_all, 0, 0x40000000200000df, 0x80000000, 12, V_RWX, UC, 2),
	V_BAD("PBMT 3", "12", sv39x4_all, 0, 0x60000000200000df, MEMTYPE),
	V_BAD("NC without Svpbmt", "12", sv39x4, 0, 0x20000000200000df, RESERVED),
	V_BAD("IO without Svpbmt", "12", sv39x4, 0, 0x40000000200000df, RESERVED),
	V_LEAF("NC in 1 GiB", "12", sv57x4, 2, 0x20000000100000df, 0x40000000, 30, V_RWX, NC, 1),

	/* Svnapot */
	V_LEAF("64 KiB", "11", sv39x4_all, 0, 0x80000000200020df, 0x80000000, 16, V_RWX, WB, 0),
	V_LEAF("64 KiB, IO", "11", sv39x4_all, 0, 0xc0000000200020df, 0x80000000, 16,
	       V_RWX, UC, 2),
	V_BAD("N with ppn[0] 0000", "11", sv39x4_all, 0, 0x80000000200000df, RESERVED),
	V_BAD("N with ppn[0] 1001", "11", sv39x4_all, 0, 0x80000000200024df, RESERVED),
	V_BAD("N in 2 MiB", "11", sv39x4_all, 1, 0x80000000200000df, RESERVED),
	V_BAD("N without Svnapot", "11", sv39x4, 0, 0x80000000200020df, RESERVED),

	/* superpages */
	V_LEAF("2 MiB", "10.4.1", sv39x4, 1, 0x200800df, 0x80200000, 21, V_RWX, WB, 0),
	V_BAD("2 MiB, bit 12", "10.3.2", sv39x4, 1, 0x200004df, MISALIGNED),
	V_BAD("2 MiB, bit 20", "10.3.2", sv39x4, 1, 0x200400df, MISALIGNED),
	V_LEAF("1 GiB", "10.4.1", sv39x4, 2, 0x100000df, 0x40000000, 30, V_RWX, WB, 0),
	V_BAD("1 GiB, bit 29", "10.3.2", sv39x4, 2, 0x180000df, MISALIGNED),
	V_LEAF("512 GiB", "10.5.1", sv48x4, 3, 0x20000000df, 0x8000000000, 39, V_RWX, WB, 0),
	V_BAD("512 GiB, bit 38", "10.3.2", sv48x4, 3, 0x30000000df, MISALIGNED),
	V_LEAF("256 TiB", "10.6.1", sv57x4, 4, 0x4000000000df, 0x1000000000000, 48, V_RWX, WB, 0),
	V_BAD("256 TiB, bit 47", "10.3.2", sv57x4, 4, 0x2000000000df, MISALIGNED),

	/* tables */
	V_TABLE("root", "10.4.1", sv39x4, 2, 0x20000001, 0x80000000),
	V_TABLE("RSW", "10.4.1", sv39x4, 1, 0x20000301, 0x80000000),
	V_TABLE0("G", "18.5.1", sv39x4, 1, 0x20000021, 0x80000000, 0x20),
	V_TABLE("top of 56 bits", "10.4.1", sv57x4, 4, 0x003ffffffffffc01, 0xfffffffffff000),
	V_BAD("U", "10.4.1", sv39x4, 1, 0x20000011, RESERVED),
	V_BAD("A", "10.4.1", sv39x4, 1, 0x20000041, RESERVED),
	V_BAD("D", "10.4.1", sv39x4, 2, 0x20000081, RESERVED),
	V_BAD("PBMT", "12", sv39x4_all, 1, 0x2000000020000001, RESERVED),
	V_BAD("N", "11", sv39x4_all, 1, 0x8000000020002001, RESERVED),
	V_BAD("bit 54", "10.4.1", sv39x4, 2, 0x0040000020000001, RESERVED),
	V_BAD("at the last level", "10.3.2", sv39x4, 0, 0x20000001, LEVEL),
	V_BAD("bit 55 of 50", "3.6 (PMA)", sv48x4, 3, 0x0020000000000001, ADDRESS),
	V_BAD("bit 50 of 50", "3.6 (PMA)", sv48x4, 3, 0x0001000000000001, ADDRESS),
};

static const struct oracle_figure oracle_gstage_figures[] = {
	{ "4 KiB", "10.4.1", &sv39x4_all, 0, 0x200000df,
	  "X mm XXXXXXX aaaa aaaaaaaaaa aaaaaaaaaa aaaaaaaaaa aaaaaaaaaa .. ss z p ppX E" },
	{ "4 KiB, no extensions", "10.4.1", &sv39x4, 0, 0x200000df,
	  "X XX XXXXXXX aaaa aaaaaaaaaa aaaaaaaaaa aaaaaaaaaa aaaaaaaaaa .. ss z p ppX E" },
	{ "64 KiB", "11", &sv39x4_all, 0, 0x80000000200020df,
	  "a mm XXXXXXX aaaa aaaaaaaaaa aaaaaaaaaa aaaaaaaaaa aaaaaaXXXX .. ss z p ppX E" },
	{ "2 MiB", "10.4.1", &sv39x4_all, 1, 0x200000df,
	  "X mm XXXXXXX aaaa aaaaaaaaaa aaaaaaaaaa aaaaaaaaaa aXXXXXXXXX .. ss z p ppX E" },
	{ "512 GiB, 50 bits", "10.5.1", &sv48x4, 3, 0x20000000df,
	  "X XX XXXXXXX XXXX XXaaaaaaaa aaaXXXXXXX XXXXXXXXXX XXXXXXXXXX .. ss z p ppX E" },
	{ "table", "10.4.1", &sv39x4_all, 2, 0x20000001,
	  "X XX XXXXXXX aaaa aaaaaaaaaa aaaaaaaaaa aaaaaaaaaa aaaaaaaaaa .. XX z X LXL E" },
};

/* Sv39x4: indices 0x401, 3, 4 from the root, offset 0x567. */
static const struct oracle_walk_vector oracle_gstage_walks[] = {
	{ "4 KiB, third page of the root", "18.5.1", &sv39x4,
	  { { 0x80002008, 0x20004001 }, { 0x80010018, 0x20004401 }, { 0x80011020, 0x240000df } },
	  0x10040604567, V_R, ORACLE_OK, ORACLE_WHY_NONE, 0x90000567, 0, 0 },
	{ "2 MiB", "10.3.2", &sv39x4,
	  { { 0x80002008, 0x20004001 }, { 0x80010018, 0x240000df } },
	  0x10040604567, V_W, ORACLE_OK, ORACLE_WHY_NONE, 0x90004567, 1, 0 },
	{ "1 GiB", "10.3.2", &sv39x4, { { 0x80002008, 0x300000df } },
	  0x10040604567, V_EX, ORACLE_OK, ORACLE_WHY_NONE, 0xc0604567, 2, 0 },
	{ "512 GiB", "10.5", &sv48x4, { { 0x80000010, 0x20000000df } },
	  0x10040604567, V_R, ORACLE_OK, ORACLE_WHY_NONE, 0x8040604567, 3, 0 },
	{ "five levels", "10.6", &sv57x4,
	  { { 0x80003ff8, 0x20004001 }, { 0x80010010, 0x20000000df } },
	  0x7ff010040604567, V_R, ORACLE_OK, ORACLE_WHY_NONE, 0x8040604567, 3, 0 },
	{ "64 KiB: low bits from the gpa", "11", &sv39x4_all,
	  { { 0x80002008, 0x20004001 }, { 0x80010018, 0x20004401 },
	    { 0x80011020, 0x80000000240020df } },
	  0x10040604567, V_R, ORACLE_OK, ORACLE_WHY_NONE, 0x90004567, 0, 0 },
	{ "last entry of the 16 KiB root", "18.5.1", &sv39x4, { { 0x80003ff8, 0x300000df } },
	  0x1ffffffffff, V_R, ORACLE_OK, ORACLE_WHY_NONE, 0xffffffff, 2, 0 },
	{ "bit 41 with Sv39x4", "18.5.1", &sv39x4, { { 0x80000000, 0x300000df } },
	  0x20000000000, V_R, ORACLE_VIOLATION, ORACLE_WHY_RANGE, 0, 2, 21 },
	{ "nothing at the root, read", "18.6.1", &sv39x4, { { 0x80000008, 0x300000df } },
	  0x10040604567, V_R, ORACLE_VIOLATION, ORACLE_WHY_ABSENT, 0, 2, 21 },
	{ "nothing below, write", "18.6.1", &sv39x4, { { 0x80002008, 0x20004001 } },
	  0x10040604567, V_W, ORACLE_VIOLATION, ORACLE_WHY_ABSENT, 0, 1, 23 },
	{ "nothing at the end, fetch", "18.6.1", &sv39x4,
	  { { 0x80002008, 0x20004001 }, { 0x80010018, 0x20004401 } },
	  0x10040604567, V_EX, ORACLE_VIOLATION, ORACLE_WHY_ABSENT, 0, 0, 20 },
	{ "write to read-only", "18.6.1", &sv39x4, { { 0x80002008, 0x300000d3 } },
	  0x10040604567, V_W, ORACLE_VIOLATION, ORACLE_WHY_PERM, 0, 2, 23 },
	{ "atomic on read-only", "18.6.1", &sv39x4, { { 0x80002008, 0x300000d3 } },
	  0x10040604567, V_RW, ORACLE_VIOLATION, ORACLE_WHY_PERM, 0, 2, 23 },
	{ "fetch from read-write", "18.6.1", &sv39x4, { { 0x80002008, 0x300000d7 } },
	  0x10040604567, V_EX, ORACLE_VIOLATION, ORACLE_WHY_PERM, 0, 2, 20 },
	{ "read of read-only", "10.3.2", &sv39x4, { { 0x80002008, 0x300000d3 } },
	  0x10040604567, V_R, ORACLE_OK, ORACLE_WHY_NONE, 0xc0604567, 2, 0 },
	{ "read of execute-only", "18.6.1", &sv39x4, { { 0x80002008, 0x300000d9 } },
	  0x10040604567, V_R, ORACLE_VIOLATION, ORACLE_WHY_PERM, 0, 2, 21 },
	{ "U clear", "18.5.1", &sv39x4, { { 0x80002008, 0x300000cf } },
	  0x10040604567, V_R, ORACLE_VIOLATION, ORACLE_WHY_PERM, 0, 2, 21 },
	{ "A clear", "10.3.2", &sv39x4, { { 0x80002008, 0x3000009f } },
	  0x10040604567, V_R, ORACLE_VIOLATION, ORACLE_WHY_ACCESSED, 0, 2, 21 },
	{ "D clear, write", "10.3.2", &sv39x4, { { 0x80002008, 0x3000005f } },
	  0x10040604567, V_W, ORACLE_VIOLATION, ORACLE_WHY_ACCESSED, 0, 2, 23 },
	{ "D clear, read", "10.3.2", &sv39x4, { { 0x80002008, 0x3000005f } },
	  0x10040604567, V_R, ORACLE_OK, ORACLE_WHY_NONE, 0xc0604567, 2, 0 },
	{ "A and D clear with Svadu, write", "14", &sv39x4_all, { { 0x80002008, 0x3000001f } },
	  0x10040604567, V_W, ORACLE_OK, ORACLE_WHY_NONE, 0xc0604567, 2, 0 },
	{ "misaligned", "10.3.2", &sv39x4, { { 0x80002008, 0x310000df } },
	  0x10040604567, V_R, ORACLE_MISCONFIG, ORACLE_WHY_MISALIGNED, 0, 2, 21 },
	{ "table with A", "10.4.1", &sv39x4, { { 0x80002008, 0x20004041 } },
	  0x10040604567, V_W, ORACLE_MISCONFIG, ORACLE_WHY_RESERVED, 0, 2, 23 },
	{ "leaf where no memory is", "3.6 (PMA)", &sv48x4, { { 0x80000010, 0x10020000000df } },
	  0x10040604567, V_W, ORACLE_MISCONFIG, ORACLE_WHY_ADDRESS, 0, 3, 7 },
	{ "the same, read", "3.6 (PMA)", &sv48x4, { { 0x80000010, 0x10020000000d3 } },
	  0x10040604567, V_R, ORACLE_MISCONFIG, ORACLE_WHY_ADDRESS, 0, 3, 5 },
	{ "the same, and read-only", "10.3.2", &sv48x4, { { 0x80000010, 0x10020000000d3 } },
	  0x10040604567, V_W, ORACLE_MISCONFIG, ORACLE_WHY_ADDRESS, 0, 3, 23 },
	{ "table where no memory is", "3.6 (PMA)", &sv48x4, { { 0x80000010, 0x1002000000001 } },
	  0x10040604567, V_EX, ORACLE_MISCONFIG, ORACLE_WHY_ADDRESS, 0, 3, 1 },
	{ "walk over read-only, for a write", "18.5.1", &sv39x4, { { 0x80002008, 0x300000d3 } },
	  0x10040604567, V_W | V_WALK, ORACLE_OK, ORACLE_WHY_NONE, 0xc0604567, 2, 0 },
	{ "walk over execute-only, for a fetch", "18.6.1", &sv39x4,
	  { { 0x80002008, 0x300000d9 } },
	  0x10040604567, V_EX | V_WALK, ORACLE_VIOLATION, ORACLE_WHY_PERM, 0, 2, 20 },
};

#endif /* ORACLE_VECTORS_GSTAGE_H */
