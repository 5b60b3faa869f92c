// SPDX-License-Identifier: GPL-2.0-only
/*
 * Encoding and decoding of entries of one format, for every value of every argument: decoding
 * returns the encoded values, an entry never permits more than requested, and the oracle, as
 * a model of hardware, decodes the same.
 */
#include "formats.h"
#include "proof.h"

/* Any machine of the format, in the properties that entries depend on. */
static struct axas_npt machine(void)
{
	const struct axas_npt_fmt *fmt = &PT_FORMAT;
	struct axas_npt npt = { .fmt = fmt, .leaf_mask = fmt->leaf_mask,
				.leaf_shift = fmt->leaf_shift, .present = fmt->present };

	npt.caps.flags = nondet_u32();
	npt.caps.oa_bits = nondet_u32();
	npt.ia_bits = nondet_u32();
	assume(npt.caps.oa_bits >= 32 && npt.caps.oa_bits <= fmt->caps.oa_bits);
	assume(npt.ia_bits >= fmt->min_ia_bits && npt.ia_bits <= fmt->max_ia_bits);
	assume(!PT(geometry)(&npt));
	return npt;
}

static u64 address(const struct axas_npt *npt, unsigned int shift)
{
	u64 hpa = nondet_u64();

	assume(!(hpa & ((1ull << shift) - 1)));
	assume(!(hpa >> npt->caps.oa_bits));
	return hpa;
}

#ifdef ORACLE
/* Hardware with any subset of the format's capabilities. */
static struct oracle_machine hardware(const struct axas_npt *npt)
{
	struct oracle_machine m = { .format = ORACLE, .levels = npt->levels,
				    .ia_bits = npt->ia_bits, .oa_bits = npt->caps.oa_bits };
	u32 flags = npt->caps.flags;

	m.ept.xonly = flags & AXAS_CAP_EPT_XONLY;
	m.ept.leaf_2m = true;
	m.ept.leaf_1g = true;
	m.svm.leaf_1g = true;
	m.ept.ad = flags & AXAS_CAP_EPT_AD;
	m.svm.nx = flags & AXAS_CAP_SVM_NX;
	m.svm.pat = HOST_PAT;
	m.s2.xnx = flags & AXAS_CAP_S2_XNX;
	m.s2.fwb = flags & AXAS_CAP_S2_FWB;
	m.gstage.svpbmt = flags & AXAS_CAP_GSTAGE_SVPBMT;
	m.gstage.svadu = flags & AXAS_CAP_GSTAGE_SVADU;
	m.gstage.svnapot = flags & AXAS_CAP_GSTAGE_SVNAPOT;
	return m;
}

static struct oracle_entry read_by_hardware(const struct axas_npt *npt, unsigned int level,
					    u64 entry)
{
	struct oracle_machine m = hardware(npt);
	struct oracle_entry e;

	/* Some machines that a table may be for cannot exist: see oracle_possible(). */
	assume(!oracle_entry(&m, level, entry, &e));
	reached("there is such hardware");
	return e;
}

static const enum oracle_mem mem_of_type[] = {
	[AXAS_TYPE_NORMAL] = ORACLE_WB,
	[AXAS_TYPE_DEVICE] = ORACLE_UC,
	[AXAS_TYPE_UNCACHED] = ORACLE_NC,
};

static void hardware_sees_leaf(const struct axas_npt *npt, unsigned int level, u64 entry,
			       u64 hpa, u32 prot, u32 type)
{
	struct oracle_entry e = read_by_hardware(npt, level, entry);

	claim(e.kind == ORACLE_LEAF, "hardware: a leaf is a leaf");
	claim(e.hpa == hpa, "hardware: it maps the address asked for");
	claim(e.shift == axas_npt_shift(level), "hardware: and that many bytes");
	claim(e.r == !!(prot & AXAS_PROT_READ) && e.w == !!(prot & AXAS_PROT_WRITE),
	      "hardware: it reads and writes what was asked for, no more and no less");
	claim(e.x == !!(prot & AXAS_PROT_EXEC) && e.x_el0 == e.x,
	      "hardware: it executes what was asked for, no more and no less");
	claim(e.mem == mem_of_type[type], "hardware: it caches as was asked for");
	claim(!e.res0, "hardware: no bit is set that shall be 0");
	claim(LEAF_IS_RIGHT, "hardware: nothing else of it is wrong");
}

static void hardware_sees_table(const struct axas_npt *npt, unsigned int level, u64 entry,
				u64 hpa)
{
	struct oracle_entry e = read_by_hardware(npt, level, entry);

	claim(e.kind == ORACLE_TABLE, "hardware: a table is a table");
	claim(e.hpa == hpa, "hardware: it is at the address asked for");
	claim(e.r && e.w && e.x && e.x_el0, "hardware: a table permits all");
	claim(!e.res0, "hardware: no bit of a table is set that shall be 0");
}

/* Any 64-bit value: if it is valid to hardware, the format decodes the same kind. */
static void kinds_agree(const struct axas_npt *npt)
{
	unsigned int level = nondet_u32();
	u64 entry = nondet_u64();
	struct oracle_entry e;
	enum axas_pt_kind kind;

	assume(level < npt->levels);
	e = read_by_hardware(npt, level, entry);
	kind = PT(kind)(entry, level);
	if (e.kind == ORACLE_EMPTY)
		claim(kind < AXAS_PT_TABLE, "not present to hardware is so to the format");
	if (e.kind == ORACLE_TABLE)
		claim(kind == AXAS_PT_TABLE && PT(table_hpa)(entry, level) == e.hpa,
		      "a table to hardware is that table to the format");
	if (e.kind == ORACLE_LEAF)
		claim(kind == AXAS_PT_LEAF, "a leaf to hardware is a leaf to the format");
	if (kind < AXAS_PT_TABLE)
		claim(e.kind == ORACLE_EMPTY || (e.kind == ORACLE_BAD && !e.r && !e.w && !e.x),
		      "not present to the format permits hardware nothing");
}

static void hardware_sees_nothing(const struct axas_npt *npt, unsigned int level, u64 entry)
{
	struct oracle_entry e = read_by_hardware(npt, level, entry);

	claim(e.kind == ORACLE_EMPTY, "hardware: a marker is not present");
}
#else
#define hardware_sees_leaf(...)		((void)0)
#define hardware_sees_table(...)	((void)0)
#define kinds_agree(...)		((void)0)
#define hardware_sees_nothing(...)	((void)0)
#endif

/* axas_npt_allows(), for a level 0 entry. */
static bool allows(u64 entry, u32 access)
{
	struct axas_npt_need need = PT(need)(access);

	return (entry & need.mask) == need.value;
}

static void absent(const struct axas_npt *npt)
{
	unsigned int level = nondet_u32();
	enum axas_pt_kind kind = nondet_bool() ? AXAS_PT_ZERO : AXAS_PT_BUSY;
	u64 clean = npt->fmt->clean;
	u32 access = nondet_u32();
	u64 entry = kind == AXAS_PT_ZERO ? npt->fmt->zero : npt->fmt->busy;
	u64 write;

	assume(level < npt->levels);
	assume(access && access <= AXAS_PROT_MASK);
	claim(PT(kind)(0, level) == AXAS_PT_EMPTY, "0 is empty");
	claim(PT(kind)(entry, level) == kind, "a marker is what it marks");
	claim(!axas_npt_leaf_hpa(npt, entry).val, "a marker has no address");
	claim(!allows(0, access) && !allows(entry, access), "what is not present permits nothing");
	claim(!axas_npt_is_leaf(npt, 0) && !axas_npt_is_leaf(npt, entry),
	      "what is not present is no leaf to the core");
	hardware_sees_nothing(npt, level, entry);
	claim(PT(kind)(clean, level) == AXAS_PT_ZERO && clean != npt->fmt->zero,
	      "the clean marker is another ZERO");
	write = axas_npt_leaf_attr(npt, AXAS_PROT_READ | AXAS_PROT_WRITE, AXAS_TYPE_NORMAL) ^
		axas_npt_leaf_attr(npt, AXAS_PROT_READ, AXAS_TYPE_NORMAL);
	claim(!(clean & (npt->fmt->zero | write)), "the clean marker was not written");
	claim(!allows(clean, access) && !axas_npt_is_leaf(npt, clean) &&
	      !axas_npt_leaf_hpa(npt, clean).val, "the clean marker is not present");
	hardware_sees_nothing(npt, level, clean);
}

static void tables(const struct axas_npt *npt)
{
	unsigned int level = nondet_u32();
	u64 hpa = address(npt, AXAS_FRAME_SHIFT);
	u64 entry;

	assume(level && level < npt->levels);
	entry = PT(make_table)(hpa, level);
	claim(PT(kind)(entry, level) == AXAS_PT_TABLE, "a table is a table");
	claim(PT(table_hpa)(entry, level) == hpa, "a table is where it was put");
	hardware_sees_table(npt, level, entry, hpa);
	claim(!(entry & PT(sw_bit)(level)), "a table is not handed out");
	entry |= PT(sw_bit)(level);
	claim(PT(kind)(entry, level) == AXAS_PT_TABLE && PT(table_hpa)(entry, level) == hpa,
	      "handed out it is the same table");
	hardware_sees_table(npt, level, entry, hpa);
}

/* A level 0 leaf, as the core decodes it without a call to the format. */
static void small_leaf(const struct axas_npt *npt, u64 entry, u64 hpa, u32 prot)
{
	u32 access = nondet_u32();

	assume(access && access <= AXAS_PROT_MASK);
	claim(axas_npt_is_leaf(npt, entry), "a leaf has a bit of those that are present");
	claim(axas_npt_leaf_hpa(npt, entry).val == hpa, "the core finds a leaf's address itself");
	claim(allows(entry, access) == !(access & ~prot),
	      "an access goes on if the leaf permits all of it, and only then");
}

static void leaves(const struct axas_npt *npt)
{
	unsigned int level = nondet_u32();
	u32 prot = nondet_u32(), type = nondet_u32(), other = nondet_u32();
	u64 hpa, attr, entry, hardware_set, changed, made;

	assume(level < npt->levels && (npt->fmt->leaf_levels & BIT(level)));
	assume(prot <= AXAS_PROT_MASK && other <= AXAS_PROT_MASK);
	assume(type <= AXAS_TYPE_UNCACHED);
	assume(PT(can)(npt, prot, type));
	hpa = address(npt, axas_npt_shift(level));
	attr = PT(leaf_attr)(npt, prot, type, level);
	entry = PT(make_leaf)(hpa, attr, level);

	claim(entry, "a leaf is not 0");
	claim(PT(kind)(entry, level) == AXAS_PT_LEAF, "a leaf is a leaf");
	claim(PT(leaf_hpa)(entry, level) == hpa, "a leaf maps the address asked for");
	claim(PT(leaf_prot)(entry, level) == prot, "a leaf permits what was asked for");
	claim(PT(leaf_type)(entry, level) == type, "a leaf caches as was asked for");
	hardware_sees_leaf(npt, level, entry, hpa, prot, type);
	if (!level) {
		claim(axas_npt_make_leaf(npt, axas_hpa(hpa), attr) == entry,
		      "a leaf that the core makes itself is the format's");
		small_leaf(npt, entry, hpa, prot);
	}

	/* Hardware may have set its bits since, and the leaf may be BORROWED. */
	claim(!(entry & PT(sw_bit)(level)), "a leaf is not borrowed");
	claim(!(HARDWARE_SETS & ~PT(hw_bits)(level)), "the format knows what hardware sets");
	hardware_set = nondet_u64() & (HARDWARE_SETS | PT(sw_bit)(level));
	entry |= hardware_set;
	claim(PT(kind)(entry, level) == AXAS_PT_LEAF && PT(leaf_hpa)(entry, level) == hpa &&
	      PT(leaf_prot)(entry, level) == prot && PT(leaf_type)(entry, level) == type,
	      "what hardware sets in a leaf, or that it is borrowed, changes nothing that it says");
	hardware_sees_leaf(npt, level, entry, hpa, prot, type);
	if (!level)
		small_leaf(npt, entry, hpa, prot);

	if (!PT(can)(npt, other, type))
		return;
	changed = entry ^ PT(prot_diff)(entry, other, level);
	made = PT(make_leaf)(hpa, PT(leaf_attr)(npt, other, type, level), level);
	reached("two protections");
	claim(changed == (made | hardware_set), "protect is the same as making it anew");
	claim((changed == entry) == (prot == other), "protect changes what differs alone");
	if (!(entry & PT(sw_bit)(level)))
		return;
	reached("a borrowed leaf");
	claim(!(PT(leaf_prot)(PT(with_prot)(entry, other, level), level) & AXAS_PROT_WRITE),
	      "a borrowed leaf is never made writable");
}

int main(void)
{
	struct axas_npt npt = machine();

	absent(&npt);
	tables(&npt);
	leaves(&npt);
	kinds_agree(&npt);
	return 0;
}
