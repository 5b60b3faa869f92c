// SPDX-License-Identifier: GPL-2.0-only
/*
 * Format s2: arm64 stage 2 with the 4 KiB granule, 3 or 4 levels, a root of 1 to 16
 * concatenated tables. "Arm" is the Arm Architecture Reference Manual for A-profile
 * architecture, DDI 0487, chapter D8.
 */
#include <linux/bitfield.h>
#include <linux/build_bug.h>
#include <linux/errno.h>

#include "axas_compat.h"
#include "axas_npt.h"

#define S2_VALID	BIT_ULL(0)		/* Arm D8.3.1: valid descriptor */
#define S2_TABLE	BIT_ULL(1)		/* Arm D8.3.1: table or page, not block */
#define S2_MEMATTR	GENMASK_ULL(5, 2)	/* Arm D8.6.5: MemAttr[3:0] */
#define S2_DEVICE	0x1			/* Device-nGnRE */
#define S2_NORMAL_NC	0x5			/* Normal, outer and inner non-cacheable */
#define S2_NORMAL_WB	0xf			/* Normal, outer and inner write-back */
#define S2_FWB_WB	0x6			/* Arm D8.6.6: with FWB, Normal write-back */
#define S2_READ		BIT_ULL(6)		/* Arm D8.4.3: S2AP[0] */
#define S2_WRITE	BIT_ULL(7)		/* Arm D8.4.3: S2AP[1] */
#define S2_SH		GENMASK_ULL(9, 8)	/* Arm D8.6.5: shareability */
#define S2_SH_INNER	0x3
#define S2_AF		BIT_ULL(10)		/* Arm D8.5.1: access flag */
#define S2_HPA		GENMASK_ULL(47, 12)	/* Arm D8.3.1: output address */
#define S2_SW		BIT_ULL(55)		/* Arm D8.3.1: reserved for software use */
#define S2_ZERO		BIT_ULL(56)		/* Arm D8.3.1: as S2_SW; not valid: all ignored */
#define S2_BUSY		BIT_ULL(57)
#define S2_CLEAN	BIT_ULL(58)
#define S2_XN		GENMASK_ULL(54, 53)	/* Arm D8.4.3: execute-never */
#define S2_XN_NEVER	0x2			/* at EL1 and EL0, with or without XNX */

#define S2_PERM		(S2_READ | S2_WRITE | S2_XN)
#define S2_PROT_SHIFT	6			/* from AXAS_PROT_* to S2AP */

static_assert((AXAS_PROT_READ << S2_PROT_SHIFT) == S2_READ &&
	      (AXAS_PROT_WRITE << S2_PROT_SHIFT) == S2_WRITE);
static_assert(!(S2_HPA & (S2_VALID | S2_TABLE | S2_MEMATTR | S2_SH | S2_AF | S2_PERM | S2_SW |
			  S2_ZERO)));
static_assert(!((S2_ZERO | S2_CLEAN | S2_BUSY) & (S2_VALID | S2_READ | S2_WRITE | S2_HPA)));

/* Bit 1 distinguishes tables from blocks above the last level, and is 1 in a page. */
static inline enum axas_pt_kind s2_kind(u64 entry, unsigned int level)
{
	if (!(entry & S2_VALID))
		return axas_npt_absent(entry, S2_ZERO, S2_CLEAN, S2_BUSY);
	return level && (entry & S2_TABLE) ? AXAS_PT_TABLE : AXAS_PT_LEAF;
}

/* Arm D8.3.1: stage 2 table descriptors have no permissions. */
static inline u64 s2_make_table(u64 hpa, unsigned int level)
{
	return hpa | S2_TABLE | S2_VALID;
}

static inline u64 s2_perm(u32 prot)
{
	u64 perm = (u64)(prot & (AXAS_PROT_READ | AXAS_PROT_WRITE)) << S2_PROT_SHIFT;

	if (!(prot & AXAS_PROT_EXEC))
		perm |= FIELD_PREP(S2_XN, S2_XN_NEVER);
	return perm;
}

static inline u64 s2_leaf_attr(const struct axas_npt *npt, u32 prot, u32 type,
			       unsigned int level)
{
	u64 wb = npt->caps.flags & AXAS_CAP_S2_FWB ? S2_FWB_WB : S2_NORMAL_WB;
	u64 memattr = type == AXAS_TYPE_NORMAL ? wb :
		      type == AXAS_TYPE_UNCACHED ? S2_NORMAL_NC : S2_DEVICE;

	return s2_perm(prot) | FIELD_PREP(S2_MEMATTR, memattr) |
	       FIELD_PREP(S2_SH, S2_SH_INNER) | S2_AF | (level ? 0 : S2_TABLE) | S2_VALID;
}

static inline u64 s2_make_leaf(u64 hpa, u64 attr, unsigned int level)
{
	return hpa | attr;
}

static inline u64 s2_table_hpa(u64 entry, unsigned int level)
{
	return entry & S2_HPA;
}

static inline u64 s2_leaf_hpa(u64 entry, unsigned int level)
{
	return entry & S2_HPA;
}

static inline u32 s2_leaf_prot(u64 entry, unsigned int level)
{
	u32 prot = (entry & (S2_READ | S2_WRITE)) >> S2_PROT_SHIFT;

	return prot | (FIELD_GET(S2_XN, entry) ? 0 : AXAS_PROT_EXEC);
}

static inline u32 s2_leaf_type(u64 entry, unsigned int level)
{
	switch (FIELD_GET(S2_MEMATTR, entry)) {
	case S2_NORMAL_WB:
	case S2_FWB_WB:
		return AXAS_TYPE_NORMAL;
	case S2_NORMAL_NC:
		return AXAS_TYPE_UNCACHED;
	default:
		return AXAS_TYPE_DEVICE;
	}
}

static inline u64 s2_sw_bit(unsigned int level)
{
	return S2_SW;
}

/* Leaves are made with AF set; hardware dirty state (DBM) is not used. */
static inline u64 s2_hw_bits(unsigned int level)
{
	return S2_AF;
}

static inline struct axas_npt_need s2_need(u32 access)
{
	u64 rw = (u64)(access & (AXAS_PROT_READ | AXAS_PROT_WRITE)) << S2_PROT_SHIFT;

	return (struct axas_npt_need){
		.mask = S2_VALID | rw | (access & AXAS_PROT_EXEC ? S2_XN : 0),
		.value = S2_VALID | rw,
	};
}

static inline u64 s2_prot_diff(u64 entry, u32 prot, unsigned int level)
{
	return (entry ^ s2_perm(prot)) & S2_PERM;
}

/* Arm D8.16.1: changing the size of a mapping needs break-before-make. */
static inline bool s2_break_before_make(void)
{
	return true;
}

/* A valid descriptor can encode any combination of read, write and execute. */
static bool s2_can(const struct axas_npt *npt, u32 prot, u32 type)
{
	return true;
}

/*
 * The fewest levels that suffice: up to 16 tables are concatenated to one root, which
 * translates up to 4 more bits (Arm D8.2.9). With the 4 KiB granule three levels start at
 * Arm's level 1 and translate 31 to 43 bits, four start at level 0 and translate 40 to 48.
 */
static int s2_geometry(struct axas_npt *npt)
{
	/* Arm D8.3.1: wider addresses need FEAT_LPA2's descriptor format. */
	if (npt->ia_bits > 48)
		return -EOPNOTSUPP;
	npt->levels = npt->ia_bits > 43 ? 4 : 3;
	npt->root_bits = npt->ia_bits - axas_npt_shift(npt->levels - 1);
	return 0;
}

#define AXAS_FMT s2
#include "axas_npt_algo.h"

const struct axas_npt_fmt axas_npt_s2 = {
	.name		= "s2",
	.id		= AXAS_FORMAT_S2,
	.min_ia_bits	= 32,
	.max_ia_bits	= 52,
	.usual_ia_bits	= 40,
	.leaf_levels	= BIT(0) | BIT(1) | BIT(2),
	.flags		= AXAS_CAP_S2_FWB | AXAS_CAP_S2_XNX | AXAS_CAP_S2_DBM |
			  AXAS_CAP_EXEC_4K,
	.leaf_mask	= S2_HPA,
	.present	= S2_VALID,
	.borrowed	= S2_SW,
	.borrowed_large	= S2_SW,
	.zero		= S2_ZERO,
	.clean		= S2_CLEAN,
	.busy		= S2_BUSY,
	.caps		= {
		.leaf_levels = BIT(0) | BIT(1) | BIT(2),
		.oa_bits = 48,
		.max_ia_bits = 48,
		.levels = BIT(3) | BIT(4),
	},
	AXAS_NPT_FMT_FUNCTIONS,
};
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_s2);
