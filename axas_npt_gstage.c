// SPDX-License-Identifier: GPL-2.0-only
/*
 * Format gstage: RISC-V G-stage, Sv39x4, Sv48x4 and Sv57x4, whose 16 KiB root translates two
 * more bits than a 4 KiB table. "Priv" is The RISC-V Instruction Set Manual, volume II,
 * Privileged Architecture: chapter "Supervisor-Level ISA" for the entries, "H" Extension,
 * section "Two-Stage Address Translation", for the differences of the G-stage.
 */
#include <linux/bitfield.h>
#include <linux/build_bug.h>
#include <linux/errno.h>

#include "axas_compat.h"
#include "axas_npt.h"

#define GS_VALID	BIT_ULL(0)		/* Priv, Sv39: V */
#define GS_READ		BIT_ULL(1)		/* Priv, Sv39: R */
#define GS_WRITE	BIT_ULL(2)		/* Priv, Sv39: W */
#define GS_EXEC		BIT_ULL(3)		/* Priv, Sv39: X */
#define GS_RWX		(GS_READ | GS_WRITE | GS_EXEC)
#define GS_USER		BIT_ULL(4)		/* Priv, H: accesses are as if in U-mode */
#define GS_ACCESSED	BIT_ULL(6)		/* Priv, Sv39: A */
#define GS_DIRTY	BIT_ULL(7)		/* Priv, Sv39: D */
#define GS_SW		BIT_ULL(8)		/* Priv, Sv39: RSW */
#define GS_ZERO		BIT_ULL(9)		/* Priv, Sv39: RSW; V = 0: all bits for software */
#define GS_BUSY		BIT_ULL(8)
#define GS_CLEAN	BIT_ULL(5)
#define GS_PPN		GENMASK_ULL(53, 10)	/* Priv, Sv39: PPN */
#define GS_PBMT		GENMASK_ULL(62, 61)	/* Priv, Svpbmt */
#define GS_PMA		0			/* the memory's own attributes */
#define GS_NC		1			/* non-cacheable, idempotent memory */
#define GS_IO		2			/* non-cacheable, strongly ordered I/O */

#define GS_PROT_SHIFT	1			/* from AXAS_PROT_* to R, W, X */
#define GS_PPN_SHIFT	2			/* from an address to PPN */

static_assert((AXAS_PROT_READ << GS_PROT_SHIFT) == GS_READ &&
	      (AXAS_PROT_WRITE << GS_PROT_SHIFT) == GS_WRITE &&
	      (AXAS_PROT_EXEC << GS_PROT_SHIFT) == GS_EXEC);
static_assert(!(GS_PPN & (GS_VALID | GS_RWX | GS_USER | GS_ACCESSED | GS_DIRTY | GS_PBMT |
			  GS_SW | GS_ZERO)));
static_assert(!((GS_ZERO | GS_CLEAN | GS_BUSY) & (GS_VALID | GS_RWX | GS_PPN)));

/* Priv, Sv39: a valid entry without R, W and X points to a table. */
static inline enum axas_pt_kind gstage_kind(u64 entry, unsigned int level)
{
	if (!(entry & GS_VALID))
		return axas_npt_absent(entry, GS_ZERO, GS_CLEAN, GS_BUSY);
	return entry & GS_RWX ? AXAS_PT_LEAF : AXAS_PT_TABLE;
}

/* A, D and U are reserved in an entry that points to a table. */
static inline u64 gstage_make_table(u64 hpa, unsigned int level)
{
	return hpa >> GS_PPN_SHIFT | GS_VALID;
}

/* Set A and D in advance: a CPU without Svadu faults if they are clear. */
static inline u64 gstage_leaf_attr(const struct axas_npt *npt, u32 prot, u32 type,
				   unsigned int level)
{
	u64 pbmt = type == AXAS_TYPE_NORMAL ? GS_PMA :
		   type == AXAS_TYPE_UNCACHED ? GS_NC : GS_IO;

	return prot << GS_PROT_SHIFT | FIELD_PREP(GS_PBMT, pbmt) | GS_DIRTY | GS_ACCESSED |
	       GS_USER | GS_VALID;
}

static inline u64 gstage_make_leaf(u64 hpa, u64 attr, unsigned int level)
{
	return hpa >> GS_PPN_SHIFT | attr;
}

static inline u64 gstage_table_hpa(u64 entry, unsigned int level)
{
	return (entry & GS_PPN) << GS_PPN_SHIFT;
}

static inline u64 gstage_leaf_hpa(u64 entry, unsigned int level)
{
	return (entry & GS_PPN) << GS_PPN_SHIFT;
}

static inline u32 gstage_leaf_prot(u64 entry, unsigned int level)
{
	return (entry & GS_RWX) >> GS_PROT_SHIFT;
}

static inline u32 gstage_leaf_type(u64 entry, unsigned int level)
{
	switch (FIELD_GET(GS_PBMT, entry)) {
	case GS_PMA:
		return AXAS_TYPE_NORMAL;
	case GS_NC:
		return AXAS_TYPE_UNCACHED;
	default:
		return AXAS_TYPE_DEVICE;
	}
}

static inline u64 gstage_sw_bit(unsigned int level)
{
	return GS_SW;
}

static inline u64 gstage_hw_bits(unsigned int level)
{
	return GS_ACCESSED | GS_DIRTY;
}

static inline struct axas_npt_need gstage_need(u32 access)
{
	u64 bits = GS_VALID | (u64)access << GS_PROT_SHIFT;

	return (struct axas_npt_need){ .mask = bits, .value = bits };
}

static inline u64 gstage_prot_diff(u64 entry, u32 prot, unsigned int level)
{
	return (entry ^ prot << GS_PROT_SHIFT) & GS_RWX;
}

static inline bool gstage_break_before_make(void)
{
	return false;
}

/* Write without read is reserved; an entry without permissions would point to a table. */
static bool gstage_can(const struct axas_npt *npt, u32 prot, u32 type)
{
	if (!prot || (prot & (AXAS_PROT_READ | AXAS_PROT_WRITE)) == AXAS_PROT_WRITE)
		return false;
	return type == AXAS_TYPE_NORMAL || (npt->caps.flags & AXAS_CAP_GSTAGE_SVPBMT);
}

/* Sv39x4, Sv48x4 and Sv57x4 translate 41, 50 and 59 bits, no other width. */
static int gstage_geometry(struct axas_npt *npt)
{
	npt->levels = (npt->ia_bits - AXAS_FRAME_SHIFT - 2) / AXAS_NPT_LEVEL_BITS;
	npt->root_bits = AXAS_NPT_LEVEL_BITS + 2;
	return npt->ia_bits == axas_npt_shift(npt->levels) + 2 ? 0 : -EOPNOTSUPP;
}

#define AXAS_FMT gstage
#include "axas_npt_algo.h"

const struct axas_npt_fmt axas_npt_gstage = {
	.name		= "gstage",
	.id		= AXAS_FORMAT_GSTAGE,
	.min_ia_bits	= 41,
	.max_ia_bits	= 59,
	.usual_ia_bits	= 41,
	.leaf_levels	= BIT(0) | BIT(1) | BIT(2) | BIT(3),
	.flags		= AXAS_CAP_GSTAGE_SVPBMT | AXAS_CAP_GSTAGE_SVADU |
			  AXAS_CAP_GSTAGE_SVNAPOT | AXAS_CAP_EXEC_4K,
	.leaf_mask	= GS_PPN,
	.present	= GS_VALID,
	.borrowed	= GS_SW,
	.borrowed_large	= GS_SW,
	.zero		= GS_ZERO,
	.clean		= GS_CLEAN,
	.busy		= GS_BUSY,
	.leaf_shift	= GS_PPN_SHIFT,
	.caps		= {
		.leaf_levels = BIT(0) | BIT(1) | BIT(2) | BIT(3),
		.oa_bits = 56,
		.max_ia_bits = 59,
		.levels = BIT(3) | BIT(4) | BIT(5),
	},
	AXAS_NPT_FMT_FUNCTIONS,
};
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_gstage);
