// SPDX-License-Identifier: GPL-2.0-only
/*
 * Format fake: no hardware's, for tests. 2 to 5 levels, leaves at every level, up to 64 bits of
 * address, and a different encoding at each level, so that an accessor called with the wrong
 * level returns garbage. Encodes every protection and type.
 *
 * An entry has, from bit 0: 3 bits of kind (different at each level), 3 of protection and 2 of
 * type (both inverted on odd levels), and the frame number from bit 8 + 3 * level on.
 */
#include <linux/bitfield.h>
#include <linux/build_bug.h>
#include <linux/errno.h>

#include "axas_compat.h"
#include "axas_npt.h"

#define FAKE_KIND	GENMASK_ULL(2, 0)
#define FAKE_PROT	GENMASK_ULL(5, 3)
#define FAKE_TYPE	GENMASK_ULL(7, 6)
#define FAKE_OA_BITS	48
#define FAKE_ZERO	BIT_ULL(62)		/* no other bit of a leaf */
#define FAKE_BUSY	BIT_ULL(4)
#define FAKE_CLEAN	BIT_ULL(5)
#define FAKE_HW		BIT_ULL(61)

static inline unsigned int fake_shift(unsigned int level)
{
	return 8 + 3 * level;
}

static_assert(8 + 3 * (AXAS_NPT_MAX_LEVELS - 1) + FAKE_OA_BITS - AXAS_FRAME_SHIFT <= 64);

/* Kind of a table: 1 + level. Kind of a leaf: 6, 7, 1, 2, 3. They differ at each level. */
static inline u64 fake_table_kind(unsigned int level)
{
	return 1 + level;
}

static inline u64 fake_leaf_kind(unsigned int level)
{
	return 1 + (level + 5) % 7;
}

static inline enum axas_pt_kind fake_kind(u64 entry, unsigned int level)
{
	if (!(entry & FAKE_KIND))
		return axas_npt_absent(entry, FAKE_ZERO, FAKE_CLEAN, FAKE_BUSY);
	return (entry & FAKE_KIND) == fake_table_kind(level) && level ? AXAS_PT_TABLE :
		AXAS_PT_LEAF;
}

static inline u64 fake_hpa(u64 entry, unsigned int level)
{
	return (entry & ~GENMASK_ULL(63, 60)) >> fake_shift(level) << AXAS_FRAME_SHIFT;
}

static inline u64 fake_make_table(u64 hpa, unsigned int level)
{
	return hpa >> AXAS_FRAME_SHIFT << fake_shift(level) | fake_table_kind(level);
}

static inline u64 fake_perm(u32 prot, unsigned int level)
{
	return FIELD_PREP(FAKE_PROT, level & 1 ? ~prot & AXAS_PROT_MASK : prot);
}

static inline u64 fake_leaf_attr(const struct axas_npt *npt, u32 prot, u32 type,
				 unsigned int level)
{
	return fake_perm(prot, level) | FIELD_PREP(FAKE_TYPE, level & 1 ? 3 - type : type) |
	       fake_leaf_kind(level);
}

static inline u64 fake_make_leaf(u64 hpa, u64 attr, unsigned int level)
{
	return hpa >> AXAS_FRAME_SHIFT << fake_shift(level) | attr;
}

static inline u64 fake_table_hpa(u64 entry, unsigned int level)
{
	return fake_hpa(entry, level);
}

static inline u64 fake_leaf_hpa(u64 entry, unsigned int level)
{
	return fake_hpa(entry, level);
}

static inline u32 fake_leaf_prot(u64 entry, unsigned int level)
{
	u32 prot = FIELD_GET(FAKE_PROT, entry);

	return level & 1 ? ~prot & AXAS_PROT_MASK : prot;
}

static inline u32 fake_leaf_type(u64 entry, unsigned int level)
{
	u32 type = FIELD_GET(FAKE_TYPE, entry);

	return level & 1 ? 3 - type : type;
}

static inline u64 fake_sw_bit(unsigned int level)
{
	return level & 1 ? BIT_ULL(60) : BIT_ULL(63);
}

static inline u64 fake_hw_bits(unsigned int level)
{
	return FAKE_HW;
}

/* Only used at level 0, where the protection is not inverted. */
static inline struct axas_npt_need fake_need(u32 access)
{
	u64 prot = FIELD_PREP(FAKE_PROT, access);

	return (struct axas_npt_need){
		.mask = FAKE_KIND | prot, .value = fake_leaf_kind(0) | prot,
	};
}

static inline u64 fake_prot_diff(u64 entry, u32 prot, unsigned int level)
{
	return (entry ^ fake_perm(prot, level)) & FAKE_PROT;
}

static inline bool fake_break_before_make(void)
{
	return true;
}

static bool fake_can(const struct axas_npt *npt, u32 prot, u32 type)
{
	return true;
}

static int fake_geometry(struct axas_npt *npt)
{
	unsigned int levels = DIV_ROUND_UP(npt->ia_bits - AXAS_FRAME_SHIFT,
					   AXAS_NPT_LEVEL_BITS);

	npt->levels = clamp(levels, 2u, (unsigned int)AXAS_NPT_MAX_LEVELS);
	npt->root_bits = npt->ia_bits - axas_npt_shift(npt->levels - 1);
	return 0;
}

#define AXAS_FMT fake
#include "axas_npt_algo.h"

const struct axas_npt_fmt axas_npt_fake = {
	.name		= "fake",
	.id		= 0,
	.min_ia_bits	= 21,
	.max_ia_bits	= 64,
	.usual_ia_bits	= 48,
	.leaf_levels	= BIT(AXAS_NPT_MAX_LEVELS) - 1,
	.flags		= AXAS_CAP_MASK,
	.leaf_mask	= GENMASK_ULL(43, 8),
	.present	= FAKE_KIND,
	.hw_bits	= FAKE_HW,
	.dirty		= FAKE_HW,
	.borrowed	= BIT_ULL(63),
	.borrowed_large	= BIT_ULL(60),
	.zero		= FAKE_ZERO,
	.clean		= FAKE_CLEAN,
	.busy		= FAKE_BUSY,
	.leaf_shift	= AXAS_FRAME_SHIFT - 8,
	.caps		= {
		.leaf_levels = BIT(AXAS_NPT_MAX_LEVELS) - 1,
		.oa_bits = FAKE_OA_BITS,
		.max_ia_bits = 64,
		.levels = GENMASK(AXAS_NPT_MAX_LEVELS, 2),
	},
	AXAS_NPT_FMT_FUNCTIONS,
};
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_fake);
