// SPDX-License-Identifier: GPL-2.0-only
/*
 * Format svm: AMD nested paging, 4 and 5 levels, in the format of the host's long-mode
 * page tables. "APM" is the AMD64 Architecture Programmer's Manual, volume 2, sections
 * 5.3.3 to 5.3.5 (long-mode page translation) and 15.25 (nested paging).
 */
#include <linux/bitfield.h>
#include <linux/build_bug.h>
#include <linux/errno.h>

#include "axas_compat.h"
#include "axas_npt.h"

#define SVM_PRESENT	BIT_ULL(0)		/* APM 5.4.1: present */
#define SVM_WRITE	BIT_ULL(1)		/* APM 5.4.1: read/write */
#define SVM_USER	BIT_ULL(2)		/* APM 15.25.5: guest accesses are user accesses */
#define SVM_PWT		BIT_ULL(3)		/* APM 7.8.2: PAT index, bit 0 */
#define SVM_PCD		BIT_ULL(4)		/* APM 7.8.2: PAT index, bit 1 */
#define SVM_ACCESSED	BIT_ULL(5)		/* APM 5.4.2: accessed */
#define SVM_DIRTY	BIT_ULL(6)		/* APM 5.4.2: dirty, in a leaf */
#define SVM_LARGE	BIT_ULL(7)		/* APM 5.3.4: page size; in a 4 KiB leaf PAT */
#define SVM_SW		BIT_ULL(9)		/* APM 5.4.1: AVL, available to software */
#define SVM_ZERO	BIT_ULL(10)		/* APM 5.4.1: AVL */
#define SVM_BUSY	BIT_ULL(11)
#define SVM_CLEAN	BIT_ULL(52)
#define SVM_HPA		GENMASK_ULL(51, 12)	/* APM 5.3.3: physical address */
#define SVM_NX		BIT_ULL(63)		/* APM 5.6.1: no execute */

/*
 * Nested leaves index the host's PAT (APM 15.25.8), which Linux sets to WB, WC, UC-, UC, ...
 * (arch/x86/mm/pat).
 */
#define SVM_TYPE	(SVM_PWT | SVM_PCD)
#define SVM_WB		0
#define SVM_WC		SVM_PWT
#define SVM_UC		(SVM_PWT | SVM_PCD)

#define SVM_PERM	(SVM_WRITE | SVM_NX)

static_assert(AXAS_PROT_WRITE == SVM_WRITE);
static_assert(!(SVM_HPA & (SVM_PRESENT | SVM_USER | SVM_TYPE | SVM_LARGE | SVM_PERM |
			   SVM_ACCESSED | SVM_DIRTY | SVM_SW | SVM_ZERO)));
static_assert(!((SVM_ZERO | SVM_CLEAN | SVM_BUSY) & (SVM_PRESENT | SVM_WRITE | SVM_HPA)));

static inline enum axas_pt_kind svm_kind(u64 entry, unsigned int level)
{
	if (!(entry & SVM_PRESENT))
		return axas_npt_absent(entry, SVM_ZERO, SVM_CLEAN, SVM_BUSY);
	return !level || (entry & SVM_LARGE) ? AXAS_PT_LEAF : AXAS_PT_TABLE;
}

/* Permissions of all levels are combined, and nested walks are user accesses: U in every entry. */
static inline u64 svm_make_table(u64 hpa, unsigned int level)
{
	return hpa | SVM_USER | SVM_WRITE | SVM_PRESENT;
}

static inline u64 svm_perm(u32 prot)
{
	return (prot & AXAS_PROT_WRITE) | (prot & AXAS_PROT_EXEC ? 0 : SVM_NX);
}

static inline u64 svm_leaf_attr(const struct axas_npt *npt, u32 prot, u32 type,
				unsigned int level)
{
	u64 memtype = type == AXAS_TYPE_NORMAL ? SVM_WB :
		      type == AXAS_TYPE_UNCACHED ? SVM_WC : SVM_UC;

	return svm_perm(prot) | memtype | (level ? SVM_LARGE : 0) | SVM_USER | SVM_PRESENT;
}

static inline u64 svm_make_leaf(u64 hpa, u64 attr, unsigned int level)
{
	return hpa | attr;
}

static inline u64 svm_table_hpa(u64 entry, unsigned int level)
{
	return entry & SVM_HPA;
}

static inline u64 svm_leaf_hpa(u64 entry, unsigned int level)
{
	return entry & SVM_HPA;
}

static inline u32 svm_leaf_prot(u64 entry, unsigned int level)
{
	return AXAS_PROT_READ | (entry & SVM_WRITE) | (entry & SVM_NX ? 0 : AXAS_PROT_EXEC);
}

static inline u32 svm_leaf_type(u64 entry, unsigned int level)
{
	switch (entry & SVM_TYPE) {
	case SVM_WB:
		return AXAS_TYPE_NORMAL;
	case SVM_WC:
		return AXAS_TYPE_UNCACHED;
	default:
		return AXAS_TYPE_DEVICE;
	}
}

static inline u64 svm_sw_bit(unsigned int level)
{
	return SVM_SW;
}

static inline u64 svm_hw_bits(unsigned int level)
{
	return SVM_ACCESSED | SVM_DIRTY;
}

/* A present entry permits reads. */
static inline struct axas_npt_need svm_need(u32 access)
{
	u64 write = access & AXAS_PROT_WRITE;

	return (struct axas_npt_need){
		.mask = SVM_PRESENT | write | (access & AXAS_PROT_EXEC ? SVM_NX : 0),
		.value = SVM_PRESENT | write,
	};
}

static inline u64 svm_prot_diff(u64 entry, u32 prot, unsigned int level)
{
	return (entry ^ svm_perm(prot)) & SVM_PERM;
}

static inline bool svm_break_before_make(void)
{
	return false;
}

/* A present entry permits reads; no-execute needs EFER.NXE (APM 5.6.1). */
static bool svm_can(const struct axas_npt *npt, u32 prot, u32 type)
{
	if (!(prot & AXAS_PROT_READ))
		return false;
	return (prot & AXAS_PROT_EXEC) || (npt->caps.flags & AXAS_CAP_SVM_NX);
}

/*
 * APM 5.3: four levels translate 48 bits, five 57. APM 15.25.3: a host whose own tables have
 * five levels walks five levels of a nested table, whatever its ia_bits.
 */
static int svm_geometry(struct axas_npt *npt)
{
	npt->levels = npt->ia_bits > 48 || !(npt->caps.levels & BIT(4)) ? 5 : 4;
	npt->root_bits = npt->ia_bits - axas_npt_shift(npt->levels - 1);
	return 0;
}

#define AXAS_FMT svm
#include "axas_npt_algo.h"

const struct axas_npt_fmt axas_npt_svm = {
	.name		= "svm",
	.id		= AXAS_FORMAT_SVM,
	.min_ia_bits	= 48,
	.max_ia_bits	= 57,
	.usual_ia_bits	= 48,
	.leaf_levels	= BIT(0) | BIT(1) | BIT(2),
	.flags		= AXAS_CAP_SVM_NX | AXAS_CAP_EXEC_4K,
	.leaf_mask	= SVM_HPA,
	.present	= SVM_PRESENT,
	.hw_bits	= SVM_ACCESSED | SVM_DIRTY,
	.dirty		= SVM_DIRTY,
	.borrowed	= SVM_SW,
	.borrowed_large	= SVM_SW,
	.zero		= SVM_ZERO,
	.clean		= SVM_CLEAN,
	.busy		= SVM_BUSY,
	.fault_forgets	= true,			/* APM 5.5.2: the CPU walks again */
	.caps		= {
		.flags = AXAS_CAP_SVM_NX,
		.leaf_levels = BIT(0) | BIT(1),
		.oa_bits = 52,
		.max_ia_bits = 57,
		.levels = BIT(4) | BIT(5),
	},
	AXAS_NPT_FMT_FUNCTIONS,
};
EXPORT_SYMBOL_AXAS_KUNIT(axas_npt_svm);
