// SPDX-License-Identifier: GPL-2.0-only
/*
 * Intel EPT, from the SDM vol. 3C. 29.3.2 defines the walk and the formats: tables
 * 29-1 (PML5E), 29-2 (PML4E), 29-3 (PDPTE, 1 GiB), 29-4 (PDPTE, table), 29-5
 * (PDE, 2 MiB), 29-6 (PDE, table), 29-7 (PTE). 29.3.3 defines the faults.
 *
 * Controls that give a meaning to otherwise ignored bits are assumed to be off: mode-based
 * execute, sub-page write, supervisor shadow stack, paging-write, EPT-violation #VE.
 */
#include "oracle_impl.h"

/* Entry bits, SDM tables 29-1 to 29-7. */
enum {
	EPT_R = 0,
	EPT_W = 1,
	EPT_X = 2,
	EPT_LARGE = 7,		/* maps a page; PDPTE and PDE only */
	EPT_A = 8,		/* ignored unless bit 6 of the EPTP is set */
	EPT_D = 9,		/* likewise; leaves only */
};

/* Exit qualification, SDM table 28-7. */
enum {
	QUAL_READ = 0,
	QUAL_WRITE = 1,
	QUAL_FETCH = 2,
	QUAL_ENTRY_R = 3,	/* 5:3: logical AND over the entries used */
	QUAL_ENTRY_W = 4,
	QUAL_ENTRY_X = 5,
	QUAL_GLA_VALID = 7,
	QUAL_FINAL = 8,		/* the access itself, not the guest's page walk */
};

static bool ept_possible(const struct oracle_machine *m)
{
	/* EPTP bits 5:3, SDM table 25-9: 4 or 5 levels. */
	return (m->levels == 4 || m->levels == 5) && m->oa_bits >= 32 && m->oa_bits <= 52;
}

static unsigned int ept_ia_bits(const struct oracle_machine *m)
{
	/* SDM 29.3.2: 48 bits with 4 levels, 57 with 5. */
	return oracle_shift(m->levels);
}

static unsigned int ept_hw_level(const struct oracle_machine *m, unsigned int level)
{
	(void)m;
	return level + 1;
}

/* Leaf sizes, SDM vol. 3D A.10: bits 16 and 17 of IA32_VMX_EPT_VPID_CAP. */
static bool ept_may_be_large(const struct oracle_machine *m, unsigned int level)
{
	return (level == 1 && m->ept.leaf_2m) || (level == 2 && m->ept.leaf_1g);
}

/* SDM table 29-7, bits 5:3; encoding in vol. 3A 12.3, "Methods of Caching". */
static enum oracle_mem ept_mem(unsigned int type)
{
	switch (type) {
	case 0:			/* UC */
		return ORACLE_UC;
	case 1:			/* WC */
		return ORACLE_NC;
	case 6:			/* WB */
		return ORACLE_WB;
	default:		/* 4 = WT, 5 = WP */
		return ORACLE_OTHER;
	}
}

static void ept_leaf(const struct oracle_machine *m, struct oracle_entry *e)
{
	unsigned int type = oracle_bits(e->raw, 5, 3);

	/* SDM 29.3.3.1: a leaf with memory type 2, 3 or 7 is misconfigured. */
	if (type == 2 || type == 3 || type == 7)
		return oracle_set_bad(e, ORACLE_WHY_MEMTYPE);
	/* SDM tables 29-3 and 29-5: bits 29:12 and 20:12 are reserved. */
	if (oracle_bits(e->raw, oracle_shift(e->level) - 1, 12))
		return oracle_set_bad(e, ORACLE_WHY_MISALIGNED);

	oracle_set_leaf(e, oracle_field(e->raw, 51, 12));
	e->mem = ept_mem(type);
	e->mem_raw = oracle_bits(e->raw, 6, 3);
	e->a = !m->ept.ad || oracle_bit(e->raw, EPT_A);
	e->d = !m->ept.ad || oracle_bit(e->raw, EPT_D);
}

static void ept_table(struct oracle_entry *e)
{
	/*
	 * SDM tables 29-1 and 29-2: bits 7:3 of PML5E and PML4E are reserved;
	 * tables 29-4 and 29-6: bits 6:3. Bit 7 is clear here.
	 */
	if (oracle_bits(e->raw, 6, 3))
		return oracle_set_bad(e, ORACLE_WHY_RESERVED);
	oracle_set_table(e, oracle_field(e->raw, 51, 12));
}

/**
 * oracle_ept_entry() - decode one EPT entry
 * @m: the machine
 * @e: @raw and @level are set; the rest is filled in
 *
 * Misconfigurations: SDM 29.3.3.1.
 */
void oracle_ept_entry(const struct oracle_machine *m, struct oracle_entry *e)
{
	bool r = oracle_bit(e->raw, EPT_R);
	bool w = oracle_bit(e->raw, EPT_W);
	bool x = oracle_bit(e->raw, EPT_X);
	bool large = oracle_bit(e->raw, EPT_LARGE);

	/* SDM 29.3.2: present if any of bits 2:0 is set; else all bits are ignored. */
	if (!r && !w && !x)
		return;
	oracle_set_rwx(e, r, w, x);
	if (w && !r)
		return oracle_set_bad(e, ORACLE_WHY_WRITE_ONLY);
	if (x && !r && !m->ept.xonly)
		return oracle_set_bad(e, ORACLE_WHY_EXEC_ONLY);
	/* Reserved: bit 7 at levels without pages; bits 51:N, N = MAXPHYADDR. */
	if (large && e->level && !ept_may_be_large(m, e->level))
		return oracle_set_bad(e, ORACLE_WHY_LEVEL);
	if (oracle_bits(e->raw, 51, m->oa_bits))
		return oracle_set_bad(e, ORACLE_WHY_ADDRESS);
	/* SDM table 29-7: bit 7 of a PTE is ignored; a PTE is always a leaf. */
	if (!e->level || large)
		ept_leaf(m, e);
	else
		ept_table(e);
}

/*
 * SDM 29.3.3.2: the guest's own walk is a read; with accessed and dirty flags enabled it is
 * treated as a write, too (29.3.5), whatever the access.
 */
static void ept_needs(const struct oracle_machine *m, const struct oracle_access *a,
		      bool *r, bool *w, bool *x)
{
	*r = a->walk || a->read;
	*w = a->walk ? m->ept.ad : a->write;
	*x = !a->walk && a->exec;
}

static enum oracle_why ept_judge(const struct oracle_machine *m, const struct oracle_path *p,
				 const struct oracle_access *a)
{
	bool r, w, x;

	ept_needs(m, a, &r, &w, &x);
	return oracle_allows(p, r, w, x) ? ORACLE_WHY_NONE : ORACLE_WHY_PERM;
}

/* SDM table 28-7; an EPT misconfiguration leaves the exit qualification 0 (28.2.1). */
static u64 ept_syndrome(const struct oracle_machine *m, const struct oracle_path *p,
			const struct oracle_access *a, enum oracle_why why)
{
	bool r, w, x;

	(void)why;
	if (p->e.kind == ORACLE_BAD)
		return 0;
	ept_needs(m, a, &r, &w, &x);
	return (u64)r << QUAL_READ | (u64)w << QUAL_WRITE | (u64)x << QUAL_FETCH |
	       (u64)p->r << QUAL_ENTRY_R | (u64)p->w << QUAL_ENTRY_W |
	       (u64)p->x << QUAL_ENTRY_X | 1ull << QUAL_GLA_VALID |
	       (u64)!a->walk << QUAL_FINAL;
}

const struct oracle_ops oracle_ept_ops = {
	.possible = ept_possible,
	.ia_bits = ept_ia_bits,
	.hw_level = ept_hw_level,
	.entry = oracle_ept_entry,
	.judge = ept_judge,
	.syndrome = ept_syndrome,
};
