// SPDX-License-Identifier: GPL-2.0-only
/*
 * Geometry of a table of one format, for every machine and every address: levels, indexes,
 * sizes, first and last bytes, up to the last byte of 64 bits.
 */
#include "formats.h"
#include "proof.h"
#include "axas_frame.c"
#include "axas_npt.c"

static u64 root_memory[1 << MAX_ROOT_BITS];
static unsigned int root_order;

unsigned int axas_hal_phys_bits(const struct axas_hal *hal)
{
	return hal->phys_bits;
}

bool axas_host_caps(const struct axas_npt_fmt *fmt, struct axas_npt_caps *caps)
{
	*caps = fmt->caps;
	return true;
}

/* Allocates the root, the only allocation here. */
static int alloc_frame(const struct axas_hal *hal, unsigned int order, u32 flags,
		       struct axas_hpa *hpa)
{
	*hpa = axas_hpa(nondet_u64());
	assume(hpa->val && !(hpa->val & ((AXAS_FRAME_SIZE << order) - 1)));
	claim(order <= MAX_ROOT_BITS - AXAS_NPT_LEVEL_BITS, "a root is no larger than there are");
	claim(flags == (AXAS_FRAME_ZERO | AXAS_FRAME_TABLE), "a root is zeroed, and a table");
	root_order = order;
	return nondet_u32() ? 0 : -ENOMEM;
}

static void *phys_to_virt(const struct axas_hal *hal, struct axas_hpa hpa)
{
	return root_memory;
}

/* Frees a root beyond the machine's addresses; axas_npt_destroy() is not called here. */
static void free_frame(const struct axas_hal *hal, struct axas_hpa hpa, unsigned int order,
		       u32 flags)
{
	claim(order == root_order && flags & AXAS_FRAME_TABLE, "what was allocated is given back");
}

static const struct axas_hal hal = {
	.phys_bits = 52, .alloc_frame = alloc_frame, .free_frame = free_frame,
	.phys_to_virt = phys_to_virt,
};

/* axas_npt_init() for every ia_bits and every machine: which it accepts, and the result. */
static struct axas_npt birth(void)
{
	struct axas_npt_caps caps = { nondet_u32(), nondet_u32(), nondet_u32(), nondet_u32(),
				     nondet_u32() };
	u32 max_ia_bits = caps.max_ia_bits ?: PT_FORMAT.max_ia_bits;
	unsigned int ia_bits = nondet_u32();
	struct axas_npt npt;
	int err;

	err = axas_npt_init(&npt, &PT_FORMAT, NULL, &hal, ia_bits, &caps);
	claim(!err || err == -EINVAL || err == -EOPNOTSUPP || err == -ENOMEM,
	      "init answers what it promises");
	claim(err || !ia_bits || npt.ia_bits == ia_bits, "the bits asked for are those given");
	assume(!err);
	reached("a table is made");
	claim(npt.ia_bits >= PT_FORMAT.min_ia_bits && npt.ia_bits <= PT_FORMAT.max_ia_bits &&
	      npt.ia_bits <= max_ia_bits, "as many bits as format and machine have");
	claim(npt.caps.leaf_levels & BIT(0) && !(npt.caps.leaf_levels >> npt.levels) &&
	      !(npt.caps.leaf_levels & ~caps.leaf_levels), "leaves where the machine has levels");
	claim(npt.caps.oa_bits <= caps.oa_bits && npt.caps.oa_bits <= hal.phys_bits,
	      "no address that the machine has not");
	claim(!(npt.root_hpa.val >> npt.caps.oa_bits), "a root that the machine can reach");
	claim(npt.caps.levels & BIT(npt.levels), "as many levels as the machine can have");
	claim(npt.levels >= 2 && npt.levels <= AXAS_NPT_MAX_LEVELS, "2 to 5 levels");
	claim(npt.ia_bits == axas_npt_shift(npt.levels - 1) + npt.root_bits,
	      "levels and root together are all bits of an address");
	claim(npt.root_bits <= MAX_ROOT_BITS,
	      "a root has no more entries than there are");
	claim(npt.root_order == root_order &&
	      8ull << npt.root_bits <= AXAS_FRAME_SIZE << npt.root_order,
	      "the root is as large as it is indexed");
	claim(npt.root == root_memory && !(npt.root_hpa.val &
	      ((AXAS_FRAME_SIZE << npt.root_order) - 1)), "at a multiple of its size");
	claim(axas_npt_last(&npt) == (u64)(((u128)1 << npt.ia_bits) - 1),
	      "its last byte is that of its bits");
	return npt;
}

#ifdef ORACLE
/* A walk by hardware uses the same entries. */
static void hardware_walks_the_same(const struct axas_npt *npt, u64 gpa)
{
	struct oracle_machine m = { .format = ORACLE, .levels = npt->levels,
				    .ia_bits = npt->ia_bits, .oa_bits = npt->caps.oa_bits };
	unsigned int level = nondet_u32();
	unsigned int top;

	assume(oracle_possible(&m) && level < npt->levels);
	reached("there is such hardware");
	claim(oracle_ia_bits(&m) >= npt->ia_bits, "hardware: all bits of the address");
	claim(oracle_root_bytes(&m) == AXAS_FRAME_SIZE << npt->root_order,
	      "hardware: a root of the same size");
	top = level == npt->levels - 1 ? oracle_ia_bits(&m) : oracle_shift(level + 1);
	claim(PT(index)(npt, gpa, level) == oracle_bits(gpa, top - 1, oracle_shift(level)),
	      "hardware: the same entry at every level");
}
#else
#define hardware_walks_the_same(...)	((void)0)
#endif

static void addresses(const struct axas_npt *npt)
{
	u64 gpa = nondet_u64(), last = nondet_u64();
	unsigned int level = nondet_u32();
	u64 size, sum, end;
	struct axas_npt_cursor cursor;
	struct axas_leaf leaf;
	unsigned int i, l, shift;

	assume(gpa <= last && last <= axas_npt_last(npt) && level < npt->levels);
	reached("an address in a table");
	size = axas_npt_leaf_size(level);
	shift = 12 + 9 * level;
	claim(axas_npt_shift(level) == shift && size == 1ull << shift,
	      "a level is 9 bits more than the one below");

	i = PT(index)(npt, gpa, level);
	claim(level == npt->levels - 1 ? i < 1u << npt->root_bits : i < 512,
	      "an index is inside its table");
	for (l = 0, sum = gpa & (AXAS_FRAME_SIZE - 1); l < npt->levels; l++)
		sum += (u64)PT(index)(npt, gpa, l) << axas_npt_shift(l);
	claim(sum == gpa, "the indexes of all levels are the address");

	end = PT(entry_last)(gpa, last, level);
	claim(end >= gpa && end <= last, "an entry's part of a range is inside it");
	claim(gpa >> shift == end >> shift, "and inside the entry");
	claim(end == last || !~(end | ~(size - 1)), "and is all of it");

	leaf.level = level;
	claim(axas_npt_left(&leaf, gpa) >= 1 && axas_npt_left(&leaf, gpa) <= size &&
	      gpa + (axas_npt_left(&leaf, gpa) - 1) == (gpa | (size - 1)),
	      "what is left of a leaf is to its last byte");

	cursor.region = gpa >> axas_npt_shift(1);
	claim(axas_npt_cursor_at(&cursor, last) == (gpa >> 21 == last >> 21),
	      "a cursor is for 2 MiB");
	cursor.region = AXAS_NPT_NO_REGION;
	claim(!axas_npt_cursor_at(&cursor, gpa), "no cursor is for no address");
	claim(axas_npt_ptep(root_memory, gpa) - root_memory == PT(index)(npt, gpa, 0),
	      "a slot of level 0 is where its index says");
	hardware_walks_the_same(npt, gpa);
}

/* The highest leaf level: one that the machine has, and 0 where large code leaves are unsafe. */
static void largest_leaf(const struct axas_npt *npt)
{
	u32 prot = nondet_u32();
	unsigned int level = axas_npt_max_level(npt, prot);

	assume(prot <= AXAS_PROT_MASK);
	claim(npt->caps.leaf_levels & BIT(level), "the largest leaf is one that there is");
	claim(!level || !(prot & AXAS_PROT_EXEC) || !(npt->caps.flags & AXAS_CAP_EXEC_4K),
	      "no large leaf is executable where that is not safe");
}

int main(void)
{
	struct axas_npt npt = birth();

	addresses(&npt);
	largest_leaf(&npt);
	return 0;
}
