// SPDX-License-Identifier: GPL-2.0-only
/*
 * Format ept: Intel EPT, 4 and 5 levels. "SDM" is the Intel 64 and IA-32 Architectures
 * Software Developer's Manual, volume 3C, chapter 29 (VMX support for address translation),
 * sections 29.3.2 and 29.3.3, tables 29-1 to 29-7.
 */
#include <linux/bitfield.h>
#include <linux/build_bug.h>
#include <linux/errno.h>

#include "axas_compat.h"
#include "axas_npt.h"

#define EPT_READ	BIT_ULL(0)		/* SDM table 29-7: read access */
#define EPT_WRITE	BIT_ULL(1)		/* SDM table 29-7: write access */
#define EPT_EXEC	BIT_ULL(2)		/* SDM table 29-7: execute access */
#define EPT_RWX		(EPT_READ | EPT_WRITE | EPT_EXEC)
#define EPT_MEMTYPE	GENMASK_ULL(5, 3)	/* SDM 29.3.7.2: EPT memory type */
#define EPT_UC		0			/* SDM 12.3, table 12-2: uncacheable */
#define EPT_WC		1			/* write combining */
#define EPT_WB		6			/* write back */
#define EPT_IPAT	BIT_ULL(6)		/* SDM 29.3.7.2: ignore the guest's PAT */
#define EPT_LARGE	BIT_ULL(7)		/* SDM tables 29-3, 29-5: maps a page */
#define EPT_ACCESSED	BIT_ULL(8)		/* SDM 29.3.5: accessed, where enabled */
#define EPT_DIRTY	BIT_ULL(9)		/* SDM 29.3.5: dirty, in a leaf */
#define EPT_HPA		GENMASK_ULL(51, 12)	/* SDM 29.3.2: physical address */
#define EPT_SW		BIT_ULL(52)		/* SDM tables 29-4 to 29-7: ignored */
#define EPT_ZERO	BIT_ULL(53)		/* SDM tables 29-2, 29-6: ignored */
#define EPT_BUSY	BIT_ULL(54)
#define EPT_CLEAN	BIT_ULL(55)

static_assert(EPT_READ == AXAS_PROT_READ && EPT_WRITE == AXAS_PROT_WRITE &&
	      EPT_EXEC == AXAS_PROT_EXEC);
static_assert(!(EPT_HPA & (EPT_RWX | EPT_MEMTYPE | EPT_IPAT | EPT_LARGE | EPT_ACCESSED |
			   EPT_DIRTY | EPT_SW | EPT_ZERO)));
static_assert(!((EPT_ZERO | EPT_CLEAN | EPT_BUSY) & (EPT_RWX | EPT_HPA)));

/* SDM 29.3.2: an entry is present if it permits any access. */
static inline enum axas_pt_kind ept_kind(u64 entry, unsigned int level)
{
	if (!(entry & EPT_RWX))
		return axas_npt_absent(entry, EPT_ZERO, EPT_CLEAN, EPT_BUSY);
	return !level || (entry & EPT_LARGE) ? AXAS_PT_LEAF : AXAS_PT_TABLE;
}

static inline u64 ept_make_table(u64 hpa, unsigned int level)
{
	return hpa | EPT_RWX;
}

/*
 * IPAT makes hardware ignore the guest's PAT: the host maps the same memory, and memory types
 * must not conflict.
 */
static inline u64 ept_leaf_attr(const struct axas_npt *npt, u32 prot, u32 type,
				unsigned int level)
{
	u64 memtype = type == AXAS_TYPE_NORMAL ? EPT_WB :
		      type == AXAS_TYPE_UNCACHED ? EPT_WC : EPT_UC;

	return prot | FIELD_PREP(EPT_MEMTYPE, memtype) | EPT_IPAT | (level ? EPT_LARGE : 0);
}

static inline u64 ept_make_leaf(u64 hpa, u64 attr, unsigned int level)
{
	return hpa | attr;
}

static inline u64 ept_table_hpa(u64 entry, unsigned int level)
{
	return entry & EPT_HPA;
}

static inline u64 ept_leaf_hpa(u64 entry, unsigned int level)
{
	return entry & EPT_HPA;
}

static inline u32 ept_leaf_prot(u64 entry, unsigned int level)
{
	return entry & EPT_RWX;
}

static inline u32 ept_leaf_type(u64 entry, unsigned int level)
{
	switch (FIELD_GET(EPT_MEMTYPE, entry)) {
	case EPT_WB:
		return AXAS_TYPE_NORMAL;
	case EPT_WC:
		return AXAS_TYPE_UNCACHED;
	default:
		return AXAS_TYPE_DEVICE;
	}
}

static inline u64 ept_sw_bit(unsigned int level)
{
	return EPT_SW;
}

static inline u64 ept_hw_bits(unsigned int level)
{
	return EPT_ACCESSED | EPT_DIRTY;
}

static inline struct axas_npt_need ept_need(u32 access)
{
	return (struct axas_npt_need){ .mask = access, .value = access };
}

static inline u64 ept_prot_diff(u64 entry, u32 prot, unsigned int level)
{
	return (entry ^ prot) & EPT_RWX;
}

static inline bool ept_break_before_make(void)
{
	return false;
}

/*
 * SDM 29.3.3.1: write without read is a misconfiguration, and so is execute without read on a
 * CPU without that capability. An entry without permissions is non-present, and a non-present
 * entry must not hold an address.
 */
static bool ept_can(const struct axas_npt *npt, u32 prot, u32 type)
{
	if (prot & AXAS_PROT_READ)
		return true;
	return prot == AXAS_PROT_EXEC && (npt->caps.flags & AXAS_CAP_EPT_XONLY);
}

/* SDM 29.3.2: four levels translate 48 bits, five 57. */
static int ept_geometry(struct axas_npt *npt)
{
	npt->levels = npt->ia_bits > 48 ? 5 : 4;
	npt->root_bits = npt->ia_bits - axas_npt_shift(npt->levels - 1);
	return 0;
}

#define AXAS_FMT ept
#include "axas_npt_algo.h"

const struct axas_npt_fmt axas_npt_ept = {
	.name		= "ept",
	.id		= AXAS_FORMAT_EPT,
	.min_ia_bits	= 48,
	.max_ia_bits	= 57,
	.usual_ia_bits	= 48,
	.leaf_levels	= BIT(0) | BIT(1) | BIT(2),
	.flags		= AXAS_CAP_EPT_XONLY | AXAS_CAP_EPT_AD | AXAS_CAP_EXEC_4K,
	.leaf_mask	= EPT_HPA,
	.present	= EPT_RWX,
	.hw_bits	= EPT_ACCESSED | EPT_DIRTY,
	.borrowed	= EPT_SW,
	.borrowed_large	= EPT_SW,
	.zero		= EPT_ZERO,
	.clean		= EPT_CLEAN,
	.busy		= EPT_BUSY,
	.fault_forgets	= true,			/* SDM 29.4.3.1 */
	.caps		= {
		.leaf_levels = BIT(0) | BIT(1),
		.oa_bits = 52,
		.max_ia_bits = 57,
		.levels = BIT(4) | BIT(5),
	},
	AXAS_NPT_FMT_FUNCTIONS,
};
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_ept);
