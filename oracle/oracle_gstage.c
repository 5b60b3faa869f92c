// SPDX-License-Identifier: GPL-2.0-only
/*
 * RISC-V G-stage, from the Privileged manual, edition 20240411. 18.5.1 defines the
 * differences from a single-stage walk: two more bits of root index, all accesses as if from
 * U-mode, guest-page faults. 10.3.2 defines the algorithm, 10.4.1 the entry, 10.5 and 10.6
 * the deeper tables, 11 Svnapot, 12 Svpbmt, 14 Svadu.
 *
 * Not modelled: MXR and HLVX, which permit reads by execute permission, and henvcfg.ADUE,
 * with which the guest's own walk can be a store.
 */
#include "oracle_impl.h"

/* Entry bits, PRIV 10.4.1, figure "Sv39 page table entry". */
enum {
	G_V = 0,
	G_R = 1,
	G_W = 2,
	G_X = 3,
	G_U = 4,
	G_G = 5,
	G_A = 6,
	G_D = 7,
	G_N = 63,
};

/* scause, PRIV table "Supervisor cause register values", 10.1.8 and 18.6.1. */
enum {
	CAUSE_FETCH_ACCESS = 1,
	CAUSE_LOAD_ACCESS = 5,
	CAUSE_STORE_ACCESS = 7,
	CAUSE_FETCH_GUEST_PAGE = 20,
	CAUSE_LOAD_GUEST_PAGE = 21,
	CAUSE_STORE_GUEST_PAGE = 23,
};

static bool gstage_possible(const struct oracle_machine *m)
{
	return m->levels >= 3 && m->levels <= 5 && m->oa_bits >= 32 && m->oa_bits <= 56;
}

/* PRIV 18.5.1: Sv39x4 has 41 bits, Sv48x4 50, Sv57x4 59. */
static unsigned int gstage_ia_bits(const struct oracle_machine *m)
{
	return oracle_shift(m->levels) + 2;
}

static unsigned int gstage_hw_level(const struct oracle_machine *m, unsigned int level)
{
	(void)m;
	return level;
}

/* PRIV 12: PBMT 0: physical memory attributes, 1 NC, 2 IO. */
static enum oracle_mem gstage_mem(unsigned int pbmt)
{
	switch (pbmt) {
	case 0:
		return ORACLE_WB;
	case 1:
		return ORACLE_NC;
	default:
		return ORACLE_UC;
	}
}

/*
 * PRIV 11: N is valid at the last level only, with ppn[0] = xxxx_1000: a 64 KiB leaf, whose
 * 4 low PPN bits come from the address.
 */
static bool gstage_napot_ok(const struct oracle_machine *m, const struct oracle_entry *e)
{
	return m->gstage.svnapot && !e->level && oracle_bits(e->raw, 13, 10) == 8;
}

/* PRIV 10.3.2 step 3: reserved bits and encodings of both tables and leaves. */
static enum oracle_why gstage_reserved(const struct oracle_machine *m,
				       const struct oracle_entry *e)
{
	unsigned int pbmt = oracle_bits(e->raw, 62, 61);

	/* PRIV table 10.4.1, "Encoding of PTE R/W/X fields". */
	if (oracle_bit(e->raw, G_W) && !oracle_bit(e->raw, G_R))
		return ORACLE_WHY_WRITE_ONLY;
	if (oracle_bits(e->raw, 60, 54))
		return ORACLE_WHY_RESERVED;
	/* PRIV 12: bits 62:61 are reserved without Svpbmt; with it, the value 3 is. */
	if (pbmt && !m->gstage.svpbmt)
		return ORACLE_WHY_RESERVED;
	if (pbmt == 3)
		return ORACLE_WHY_MEMTYPE;
	if (oracle_bit(e->raw, G_N) && !gstage_napot_ok(m, e))
		return ORACLE_WHY_RESERVED;
	return ORACLE_WHY_NONE;
}

static void gstage_leaf(const struct oracle_machine *m, struct oracle_entry *e)
{
	bool u = oracle_bit(e->raw, G_U);
	u64 hpa = oracle_bits(e->raw, 53, 10) << 12;

	/* PRIV 18.5.1: accesses are as if from U-mode: with U clear, none is permitted. */
	oracle_set_rwx(e, u && oracle_bit(e->raw, G_R), u && oracle_bit(e->raw, G_W),
		       u && oracle_bit(e->raw, G_X));
	e->a = oracle_bit(e->raw, G_A);
	e->d = oracle_bit(e->raw, G_D);
	/* PRIV 10.3.2: a superpage whose low PPN bits are not zero is misaligned. */
	if (oracle_bits(hpa, oracle_shift(e->level) - 1, 0))
		return oracle_set_bad(e, ORACLE_WHY_MISALIGNED);

	oracle_set_leaf(e, hpa);
	if (oracle_bit(e->raw, G_N)) {
		e->shift = 16;
		e->hpa = oracle_field(hpa, 55, 16);
	}
	e->mem_raw = oracle_bits(e->raw, 62, 61);
	e->mem = gstage_mem(e->mem_raw);
	/* Not reserved, but beyond physical memory: the access faults, not the walk. */
	if (oracle_bits(hpa, 55, m->oa_bits))
		oracle_set_bad(e, ORACLE_WHY_ADDRESS);
}

static void gstage_table(const struct oracle_machine *m, struct oracle_entry *e)
{
	u64 hpa = oracle_bits(e->raw, 53, 10) << 12;

	oracle_set_rwx(e, true, true, true);
	/* PRIV 10.3.2 step 4: no table can be below the last level. */
	if (!e->level)
		return oracle_set_bad(e, ORACLE_WHY_LEVEL);
	/* PRIV 10.4.1: D, A, U are reserved in a table entry; 11, 12: N, PBMT too. */
	if (oracle_bit(e->raw, G_U) || oracle_bits(e->raw, G_D, G_A) ||
	    oracle_bits(e->raw, 63, 61))
		return oracle_set_bad(e, ORACLE_WHY_RESERVED);
	/* Reading that table raises an access fault. */
	if (oracle_bits(hpa, 55, m->oa_bits))
		return oracle_set_bad(e, ORACLE_WHY_ADDRESS);
	oracle_set_table(e, hpa);
}

/**
 * oracle_gstage_entry() - decode one G-stage entry
 * @m: the machine
 * @e: @raw and @level are set; the rest is filled in
 *
 * An &ORACLE_BAD entry raises a guest-page fault, or, if its address is beyond the
 * platform's width, an access fault.
 */
void oracle_gstage_entry(const struct oracle_machine *m, struct oracle_entry *e)
{
	enum oracle_why why;

	if (!oracle_bit(e->raw, G_V))
		return;
	why = gstage_reserved(m, e);
	if (why)
		return oracle_set_bad(e, why);
	if (oracle_bit(e->raw, G_R) || oracle_bit(e->raw, G_X))
		gstage_leaf(m, e);
	else
		gstage_table(m, e);
	/* PRIV 18.5.1: software leaves G clear, hardware ignores it. */
	e->res0 = oracle_field(e->raw, G_G, G_G);
}

/* PRIV 10.3.2: permissions first, then A and D; 14: hardware sets them with Svadu. */
static enum oracle_why gstage_judge(const struct oracle_machine *m, const struct oracle_path *p,
				    const struct oracle_access *a)
{
	/* PRIV 18.5.1: the guest's own walk is a load, whatever the access. */
	bool r = a->walk || a->read;
	bool w = !a->walk && a->write;
	bool x = !a->walk && a->exec;

	if (!oracle_allows(p, r, w, x))
		return ORACLE_WHY_PERM;
	if (!m->gstage.svadu && (!p->e.a || (w && !p->e.d)))
		return ORACLE_WHY_ACCESSED;
	return ORACLE_WHY_NONE;
}

/* PRIV 18.6.1: a fault of the guest's own walk is reported as one of the original access. */
static u64 gstage_syndrome(const struct oracle_machine *m, const struct oracle_path *p,
			   const struct oracle_access *a, enum oracle_why why)
{
	bool access = why == ORACLE_WHY_ADDRESS;

	/* A leaf without the permission faults before the access is made. */
	if (access && p->e.shift && gstage_judge(m, p, a))
		access = false;
	if (a->exec)
		return access ? CAUSE_FETCH_ACCESS : CAUSE_FETCH_GUEST_PAGE;
	if (a->write)
		return access ? CAUSE_STORE_ACCESS : CAUSE_STORE_GUEST_PAGE;
	return access ? CAUSE_LOAD_ACCESS : CAUSE_LOAD_GUEST_PAGE;
}

const struct oracle_ops oracle_gstage_ops = {
	.possible = gstage_possible,
	.ia_bits = gstage_ia_bits,
	.hw_level = gstage_hw_level,
	.entry = oracle_gstage_entry,
	.judge = gstage_judge,
	.syndrome = gstage_syndrome,
};
