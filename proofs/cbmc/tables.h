/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small tables for proofs: 2 levels of 4 entries each. The proof has TABLES of them, the root among
 * them, and their host-physical addresses are here.
 */
#ifndef PROOF_TABLES_H
#define PROOF_TABLES_H

#define N		4		/* entries of a table: AXAS_NPT_LEVEL_BITS is 2 */
#define PAGES		(N * N)
#define SMALL		AXAS_FRAME_SIZE
#define LARGE		(N * AXAS_FRAME_SIZE)
#define SPAN		(PAGES * AXAS_FRAME_SIZE)

#define TABLE_HPA(t)	((u64)((t) + 1) << AXAS_FRAME_SHIFT)

static unsigned int table_of(u64 hpa)
{
	u64 t = (hpa >> AXAS_FRAME_SHIFT) - 1;

	claim(t && t < TABLES && hpa == TABLE_HPA(t), "a table is where a table is");
	assume(t && t < TABLES);
	return t;
}

#endif /* PROOF_TABLES_H */
