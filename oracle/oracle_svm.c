// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD nested paging, from the APM vol. 2. 15.25.5 defines the nested walk: the table has the
 * long-mode format (5.3, figures 5-17 to 5-27) and is read with the host's CR4, EFER and
 * PAT. 15.25.6 defines the faults.
 */
#include "oracle_impl.h"

/* Entry bits, APM 5.4.1. */
enum {
	NPT_P = 0,
	NPT_RW = 1,
	NPT_US = 2,
	NPT_PWT = 3,
	NPT_PCD = 4,
	NPT_A = 5,
	NPT_D = 6,
	NPT_PS = 7,		/* PDE and PDPE; PAT in a PTE */
	NPT_PAT_PTE = 7,
	NPT_G = 8,		/* leaves; no meaning in a nested table */
	NPT_PAT_LARGE = 12,
	NPT_NX = 63,
};

/* EXITINFO1 of #VMEXIT(NPF): APM 15.25.6, and 8.4.2 for the page-fault code. */
enum {
	NPF_P = 0,
	NPF_RW = 1,
	NPF_US = 2,
	NPF_RSV = 3,
	NPF_ID = 4,
	NPF_FINAL = 32,		/* on the guest's final physical address */
	NPF_TABLE = 33,		/* on the guest's own page table */
};

static bool svm_possible(const struct oracle_machine *m)
{
	/* APM 5.3: long mode has 4 levels, 5 with the host's CR4.LA57. */
	return (m->levels == 4 || m->levels == 5) && m->oa_bits >= 32 && m->oa_bits <= 52;
}

static unsigned int svm_ia_bits(const struct oracle_machine *m)
{
	return oracle_shift(m->levels);
}

static unsigned int svm_hw_level(const struct oracle_machine *m, unsigned int level)
{
	(void)m;
	return level + 1;
}

/* APM 7.8.2: PAT, PCD, PWT index the PAT register; 7.8.1, table 7-9: its types. */
static void svm_mem(const struct oracle_machine *m, struct oracle_entry *e)
{
	u64 pat = m->svm.pat ? m->svm.pat : ORACLE_PAT_RESET;
	unsigned int at = e->level ? NPT_PAT_LARGE : NPT_PAT_PTE;

	e->mem_raw = oracle_bit(e->raw, at) << 2 | oracle_bits(e->raw, NPT_PCD, NPT_PWT);
	switch (oracle_bits(pat, 8 * e->mem_raw + 2, 8 * e->mem_raw)) {
	case 0:			/* UC */
	case 7:			/* UC- */
		e->mem = ORACLE_UC;
		break;
	case 1:			/* WC */
		e->mem = ORACLE_NC;
		break;
	case 6:			/* WB */
		e->mem = ORACLE_WB;
		break;
	default:		/* 4 = WT, 5 = WP */
		e->mem = ORACLE_OTHER;
		break;
	}
}

static void svm_leaf(const struct oracle_machine *m, struct oracle_entry *e)
{
	unsigned int shift = oracle_shift(e->level);

	/* APM 5.3.4, 5.3.5: bits 20:13 and 29:13 must be zero, bit 12 is PAT. */
	if (oracle_bits(e->raw, shift - 1, 13))
		return oracle_set_bad(e, ORACLE_WHY_MISALIGNED);
	oracle_set_leaf(e, oracle_field(e->raw, 51, shift));
	e->a = oracle_bit(e->raw, NPT_A);
	e->d = oracle_bit(e->raw, NPT_D);
	svm_mem(m, e);
}

static void svm_table(struct oracle_entry *e)
{
	/* APM figures 5-18, 5-19: bit 8 of PML5E and PML4E must be zero. */
	if (e->level >= 3 && oracle_bit(e->raw, NPT_G))
		return oracle_set_bad(e, ORACLE_WHY_RESERVED);
	oracle_set_table(e, oracle_field(e->raw, 51, 12));
}

/**
 * oracle_svm_entry() - decode one entry of an AMD nested page table
 * @m: the machine
 * @e: @raw and @level are set; the rest is filled in
 *
 * APM 15.25.5: all nested accesses are user accesses, so an entry with U/S clear permits none.
 */
void oracle_svm_entry(const struct oracle_machine *m, struct oracle_entry *e)
{
	bool us = oracle_bit(e->raw, NPT_US);
	bool nx = oracle_bit(e->raw, NPT_NX);
	bool ps = oracle_bit(e->raw, NPT_PS);

	/* APM 5.4.1: with P clear, all other bits are available to software. */
	if (!oracle_bit(e->raw, NPT_P))
		return;
	oracle_set_rwx(e, us, us && oracle_bit(e->raw, NPT_RW), us && !nx);
	/* APM 5.6.6: NX must be zero while EFER.NXE is clear. */
	if (nx && !m->svm.nx)
		return oracle_set_bad(e, ORACLE_WHY_RESERVED);
	/* APM 5.4.1: PS must be zero in PML4E and PML5E, and in PDPE without 1 GiB pages. */
	if (ps && (e->level > 2 || (e->level == 2 && !m->svm.leaf_1g)))
		return oracle_set_bad(e, ORACLE_WHY_LEVEL);
	/* APM 5.3.1: address bits above the implemented width must be zero. */
	if (oracle_bits(e->raw, 51, m->oa_bits))
		return oracle_set_bad(e, ORACLE_WHY_ADDRESS);
	if (!e->level || ps)
		svm_leaf(m, e);
	else
		svm_table(e);
}

/* APM 15.25.5: the guest's own walk is a user write at the nested level. */
static bool svm_writes(const struct oracle_access *a)
{
	return a->walk || a->write;
}

static bool svm_fetches(const struct oracle_access *a)
{
	return !a->walk && a->exec;
}

static enum oracle_why svm_judge(const struct oracle_machine *m, const struct oracle_path *p,
				 const struct oracle_access *a)
{
	(void)m;
	if (!oracle_allows(p, true, svm_writes(a), svm_fetches(a)))
		return ORACLE_WHY_PERM;
	return ORACLE_WHY_NONE;
}

/* APM 15.25.6; 8.4.2: ID only if no-execute is enabled; RSV implies P. */
static u64 svm_syndrome(const struct oracle_machine *m, const struct oracle_path *p,
			const struct oracle_access *a, enum oracle_why why)
{
	bool bad = p->e.kind == ORACLE_BAD;
	bool present = bad || why == ORACLE_WHY_PERM;

	return (u64)present << NPF_P | (u64)svm_writes(a) << NPF_RW | 1ull << NPF_US |
	       (u64)bad << NPF_RSV | (u64)(svm_fetches(a) && m->svm.nx) << NPF_ID |
	       1ull << (a->walk ? NPF_TABLE : NPF_FINAL);
}

const struct oracle_ops oracle_svm_ops = {
	.possible = svm_possible,
	.ia_bits = svm_ia_bits,
	.hw_level = svm_hw_level,
	.entry = oracle_svm_entry,
	.judge = svm_judge,
	.syndrome = svm_syndrome,
};
