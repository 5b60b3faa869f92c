// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lookups on small tables, 2 levels of 4 entries each: any initial table, any address. Nothing is
 * enumerated: small.c is about the operations that change tables.
 */
#include "formats.h"
#include "proof.h"
#include "axas_frame.c"
#include "axas_npt.c"

/* Table 0 is the root, the others are linked below it. Their addresses are not those of frames. */
#define TABLES		(1 + N)
#include "tables.h"

#define FRAMES_FROM	0x100000ull
#define FRAMES_TO	0x2000000ull

/* Separate objects: a solver is faster with small arrays than with a large one. */
static u64 root[N], table1[N], table2[N], table3[N], table4[N];
static u64 *const tables[] = { root, table1, table2, table3, table4 };
static struct axas_npt npt;

/* Translation of one page. */
struct map {
	bool present;
	u64 hpa;
	u32 prot;
	u32 type;
	u32 level;
};

static u64 watched;		/* address of the watched page, and its initial translation */
static struct map was;

static void *phys_to_virt(const struct axas_hal *hal, struct axas_hpa hpa)
{
	unsigned int t;

	for (t = 1; t < TABLES; t++)
		if (hpa.val == TABLE_HPA(t))
			return tables[t];
	claim(false, "no frame is taken for a table");
	assume(false);
	return NULL;
}

static const struct axas_hal hal = {
	.phys_bits = 52,
	.phys_to_virt = phys_to_virt,
};

unsigned int axas_hal_phys_bits(const struct axas_hal *hal)
{
	return hal->phys_bits;
}

static struct map look(u64 gpa)
{
	u64 entry = root[gpa / LARGE];
	unsigned int level = 1;
	struct map map = {};

	if (PT(kind)(entry, 1) == AXAS_PT_TABLE) {
		level = 0;
		entry = tables[table_of(PT(table_hpa)(entry, 1))][gpa / SMALL % N];
	}
	if (PT(kind)(entry, level) != AXAS_PT_LEAF)
		return map;
	map.present = true;
	map.hpa = PT(leaf_hpa)(entry, level) + (level ? gpa % LARGE : 0);
	map.prot = PT(leaf_prot)(entry, level);
	map.type = PT(leaf_type)(entry, level);
	map.level = level;
	return map;
}

static u64 any_leaf(unsigned int level)
{
	u32 prot = nondet_u32(), type = nondet_u32();
	u64 hpa = nondet_u64();
	u64 size = level ? LARGE : SMALL;

	assume(prot <= AXAS_PROT_MASK && type <= AXAS_TYPE_UNCACHED);
	assume(PT(can)(&npt, prot, type));
	assume(hpa >= FRAMES_FROM && hpa < FRAMES_TO && !(hpa & (size - 1)));
	return PT(make_leaf)(hpa, PT(leaf_attr)(&npt, prot, type, level), level);
}

static void any_table(void)
{
	unsigned int i, j;

	for (i = 0; i < N; i++) {
		unsigned int t = 1 + i;

		if (nondet_bool())
			continue;
		if (nondet_bool()) {
			root[i] = any_leaf(1);
			continue;
		}
		root[i] = PT(make_table)(TABLE_HPA(t), 1);
		for (j = 0; j < N; j++) {
			if (nondet_bool())
				continue;
			tables[t][j] = any_leaf(0);
		}
	}
}

static void birth(void)
{
	npt.fmt = &PT_FORMAT;
	npt.hal = &hal;
	npt.root = root;
	npt.root_hpa = axas_hpa(TABLE_HPA(0));
	npt.leaf_mask = PT_FORMAT.leaf_mask;
	npt.leaf_shift = PT_FORMAT.leaf_shift;
	npt.present = PT_FORMAT.present;
	init_needs(&npt);
	npt.levels = 2;
	npt.root_bits = AXAS_NPT_LEVEL_BITS;
	npt.ia_bits = AXAS_FRAME_SHIFT + 2 * AXAS_NPT_LEVEL_BITS;
	npt.caps.flags = nondet_u32();
	npt.caps.leaf_levels = nondet_bool() ? 3 : 1;
	npt.caps.oa_bits = PT_FORMAT.caps.oa_bits;
	any_table();
	watched = nondet_u64();
	assume(watched < SPAN && !(watched & (SMALL - 1)));
	was = look(watched);
}

static void operation(void)
{
	struct axas_npt_cursor cursor = { .region = AXAS_NPT_NO_REGION };
	struct axas_translation to;
	u32 access = nondet_u32();
	struct axas_npt_pos pos;
	struct axas_leaf leaf;
	u64 gpa = watched + nondet_u32() % SMALL, next = gpa, entry;
	bool found;

	assume(access && access <= AXAS_PROT_MASK);
	found = axas_npt_lookup(&npt, gpa, &leaf);
	claim(found == was.present, "lookup: what is there");
	claim(!found || (leaf.prot == was.prot && leaf.type == was.type &&
			 leaf.level == was.level &&
			 leaf.hpa.val == was.hpa - (leaf.level ? watched % LARGE : 0)),
	      "lookup: as it is");
	axas_npt_walk(&npt, &cursor, gpa, &pos);
	found = axas_npt_kind(&npt, &pos) == AXAS_PT_LEAF;
	claim(found == was.present, "walk: to what is there");
	claim(pos.entry == *pos.ptep && (!found || pos.level == was.level), "walk: to its entry");
	claim(pos.level || axas_npt_allows(&npt, pos.entry, access) ==
	      (was.present && !(access & ~was.prot)), "walk: a leaf permits what it permits");
	if (found)
		axas_npt_resolve(&npt, &pos, gpa, &to);
	claim(!found || (to.prot == was.prot && to.type == was.type && to.level == was.level &&
			 to.hpa.val == was.hpa + gpa % SMALL), "resolve: as it is");
	claim(!found || (gpa + to.left - 1 == (gpa | ((was.level ? LARGE : SMALL) - 1))),
	      "resolve: to the end of the leaf");
	claim(cursor.region == AXAS_NPT_NO_REGION ||
	      (axas_npt_cursor_at(&cursor, gpa) &&
	       cursor.table == tables[table_of(PT(table_hpa)(root[gpa / LARGE], 1))]),
	      "walk: the cursor is at the table");
	found = axas_npt_next_leaf(&npt, &next, &leaf, &entry);
	claim(!was.present || (found && next <= gpa && gpa - next < axas_npt_leaf_size(leaf.level)),
	      "next_leaf: the one that is there");
	claim(!found || next + (axas_npt_leaf_size(leaf.level) - 1) >= gpa,
	      "next_leaf: none that ends before");
	claim(!found || look(next).present, "next_leaf: one that there is");
	if (found && next > gpa)
		reached("next_leaf: one that is further on");
}

int main(void)
{
	birth();
	operation();
	return 0;
}
