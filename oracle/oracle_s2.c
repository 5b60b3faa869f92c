// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arm stage 2, from the Arm ARM DDI 0487: AArch64, 4 KiB granule, Non-secure,
 * without FEAT_LPA2, FEAT_S2PIE and FEAT_MTE_PERM. D8.2 defines the walk, D8.3.1 the
 * descriptors, D8.4 permissions, D8.5 accessed and dirty state, D8.6 memory types, D8.15
 * the faults, which ESR_EL2 reports.
 *
 * Hardware levels count from the top: 3 is our level 0. The guest's own walk is a read:
 * hardware updates of its stage 1 descriptors are not modelled.
 */
#include "oracle_impl.h"

/* Descriptor bits, ARM D8.3.1, "VMSAv8-64 stage 2 attributes". */
enum {
	S2_VALID = 0,
	S2_TYPE = 1,		/* table above the last level, page at the last */
	S2_S2AP_R = 6,
	S2_S2AP_W = 7,
	S2_AF = 10,
	S2_DBM = 51,
	S2_CONTIG = 52,
	S2_XN0 = 53,
	S2_XN1 = 54,
};

/* ISS of a Data Abort or Instruction Abort, ESR_EL2. */
enum {
	FSC_ADDRESS = 0x00,	/* bits 1:0: the level */
	FSC_TRANSLATION = 0x04,
	FSC_ACCESS_FLAG = 0x08,
	FSC_PERMISSION = 0x0c,
	ISS_WNR = 6,
	ISS_S1PTW = 7,
};

/*
 * ARM D8.2.2, "Concatenated translation tables": up to 16 tables at the root, so its index
 * has 1 to 13 bits. D8.2.4: a walk from level 0 needs at least 44 PA bits, and the IPA
 * must not be wider than the PA.
 */
static bool s2_possible(const struct oracle_machine *m)
{
	unsigned int below;

	if (m->levels < 2 || m->levels > 4)
		return false;
	below = oracle_shift(m->levels - 1);
	if (m->ia_bits <= below || m->ia_bits > below + 13 || m->ia_bits > 48)
		return false;
	if (m->levels == 4 && m->oa_bits < 44)
		return false;
	return m->oa_bits >= 32 && m->oa_bits <= 48 && m->ia_bits <= m->oa_bits;
}

static unsigned int s2_ia_bits(const struct oracle_machine *m)
{
	return m->ia_bits;
}

static unsigned int s2_hw_level(const struct oracle_machine *m, unsigned int level)
{
	(void)m;
	return 3 - level;
}

/* ARM D8.6, "Stage 2 memory type and Cacheability attributes when FEAT_S2FWB is disabled". */
static enum oracle_mem s2_mem(unsigned int memattr)
{
	if (memattr < 4)	/* 0b00xx: Device-nGnRnE, nGnRE, nGRE, GRE */
		return ORACLE_UC;
	switch (memattr) {
	case 5:			/* 0b0101: outer and inner Non-cacheable */
		return ORACLE_NC;
	case 15:		/* 0b1111: outer and inner Write-Back */
		return ORACLE_WB;
	default:		/* Write-Through, mixtures; 0bxx00 is reserved */
		return ORACLE_OTHER;
	}
}

/* The same section, "... when FEAT_S2FWB is enabled". */
static enum oracle_mem s2_mem_fwb(unsigned int memattr)
{
	switch (memattr) {
	case 0:
	case 1:
	case 2:
	case 3:			/* 0b00xx: Device, as without FWB */
		return ORACLE_UC;
	case 5:			/* 0b0101: Non-cacheable, if stage 1 is Normal */
		return ORACLE_NC;
	case 6:			/* 0b0110: Write-Back, whatever the stage 1 type */
		return ORACLE_WB;
	default:		/* 0b0111: the stage 1 type; the rest reserved */
		return ORACLE_OTHER;
	}
}

/*
 * ARM D8.4.2: S2AP[0] permits reads, S2AP[1] writes, independently of each other. XN[1:0]
 * with FEAT_XNX: executable at 00 EL1 and EL0, 01 EL0, 10 none, 11 EL1; without it only
 * bit 54 is used. Execution does not require read permission.
 */
static void s2_permission(const struct oracle_machine *m, struct oracle_entry *e)
{
	bool xn1 = oracle_bit(e->raw, S2_XN1);
	bool xn0 = oracle_bit(e->raw, S2_XN0) && m->s2.xnx;

	e->r = oracle_bit(e->raw, S2_S2AP_R);
	e->w = oracle_bit(e->raw, S2_S2AP_W);
	e->x = xn1 == xn0;
	e->x_el0 = !xn1;
	/* ARM D8.5.2: with HD, DBM makes a read-only leaf writable but clean. */
	e->d = e->w;
	if (m->s2.hd && oracle_bit(e->raw, S2_DBM))
		e->w = true;
}

/*
 * ARM D8.3.1: RES0 of a leaf: 50:48, the address bits below its size, 11
 * (FnXS with FEAT_XS), 53 without FEAT_XNX. Ignored: 63:55, DBM without HD.
 */
static u64 s2_leaf_res0(const struct oracle_machine *m, const struct oracle_entry *e)
{
	return oracle_field(e->raw, 50, 48) |
	       oracle_field(e->raw, oracle_shift(e->level) - 1, 12) |
	       oracle_field(e->raw, 11, 11) |
	       (m->s2.xnx ? 0 : oracle_field(e->raw, S2_XN0, S2_XN0));
}

static void s2_leaf(const struct oracle_machine *m, struct oracle_entry *e)
{
	unsigned int memattr = oracle_bits(e->raw, 5, 2);

	oracle_set_leaf(e, oracle_field(e->raw, 47, oracle_shift(e->level)));
	s2_permission(m, e);
	e->mem_raw = memattr;
	e->mem = m->s2.fwb ? s2_mem_fwb(memattr) : s2_mem(memattr);
	e->share = oracle_bits(e->raw, 9, 8);
	e->contig = oracle_bit(e->raw, S2_CONTIG);
	e->a = oracle_bit(e->raw, S2_AF);
	e->res0 = s2_leaf_res0(m, e);
}

/* ARM D8.3.1: a stage 2 table descriptor has no attributes: 63:59 and 50:48 are RES0. */
static void s2_table(struct oracle_entry *e)
{
	oracle_set_rwx(e, true, true, true);
	oracle_set_table(e, oracle_field(e->raw, 47, 12));
	e->res0 = oracle_field(e->raw, 63, 59) | oracle_field(e->raw, 50, 48);
}

/**
 * oracle_s2_entry() - decode one stage 2 descriptor
 * @m: the machine
 * @e: @raw and @level are set; the rest is filled in
 *
 * Hardware treats a reserved type as invalid (a Translation fault). The oracle reports
 * &ORACLE_BAD, because software that writes one has a bug.
 */
void oracle_s2_entry(const struct oracle_machine *m, struct oracle_entry *e)
{
	bool type = oracle_bit(e->raw, S2_TYPE);

	if (!oracle_bit(e->raw, S2_VALID))
		return;
	/* ARM D8.3.1: 0b01 is reserved at level 3; no block at level 0. */
	if (!type && e->level == 0)
		return oracle_set_bad(e, ORACLE_WHY_RESERVED);
	if (!type && e->level > 2)
		return oracle_set_bad(e, ORACLE_WHY_LEVEL);
	/* ARM D8.15, "Address size fault": bits 47 down to the PA size. */
	if (oracle_bits(e->raw, 47, m->oa_bits))
		return oracle_set_bad(e, ORACLE_WHY_ADDRESS);
	if (type && e->level)
		s2_table(e);
	else
		s2_leaf(m, e);
}

/* ARM D8.15, "MMU fault prioritization": the Access flag before permissions. */
static enum oracle_why s2_judge(const struct oracle_machine *m, const struct oracle_path *p,
				const struct oracle_access *a)
{
	bool r = a->walk || a->read;
	bool w = !a->walk && a->write;
	bool x = !a->walk && a->exec;

	if (!p->e.a && !m->s2.ha)
		return ORACLE_WHY_ACCESSED;
	if (x && !(a->user ? p->x_el0 : p->x))
		return ORACLE_WHY_PERM;
	return oracle_allows(p, r, w, false) ? ORACLE_WHY_NONE : ORACLE_WHY_PERM;
}

static unsigned int s2_fsc(const struct oracle_machine *m, const struct oracle_path *p,
			   enum oracle_why why)
{
	unsigned int level = s2_hw_level(m, p->e.level);

	switch (why) {
	case ORACLE_WHY_ADDRESS:
		return FSC_ADDRESS + level;
	case ORACLE_WHY_ACCESSED:
		return FSC_ACCESS_FLAG + level;
	case ORACLE_WHY_PERM:
		return FSC_PERMISSION + level;
	case ORACLE_WHY_RANGE:
		/* ARM D8.15: an IPA beyond the input size faults at level 0. */
		return FSC_TRANSLATION;
	default:
		return FSC_TRANSLATION + level;
	}
}

static u64 s2_syndrome(const struct oracle_machine *m, const struct oracle_path *p,
		       const struct oracle_access *a, enum oracle_why why)
{
	return s2_fsc(m, p, why) | (u64)(a->write && !a->walk) << ISS_WNR |
	       (u64)a->walk << ISS_S1PTW;
}

const struct oracle_ops oracle_s2_ops = {
	.possible = s2_possible,
	.ia_bits = s2_ia_bits,
	.hw_level = s2_hw_level,
	.entry = oracle_s2_entry,
	.judge = s2_judge,
	.syndrome = s2_syndrome,
};
