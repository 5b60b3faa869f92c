// SPDX-License-Identifier: GPL-2.0-only
/*
 * A table as the oracle reads it; see oracle_fixture.h.
 */
#include <linux/kernel.h>

#include "oracle_fixture.h"

/* IA32_PAT as Linux sets it: WB WC UC- UC WB WP UC- WT (arch/x86/mm/pat). */
#define LINUX_PAT	0x0407050600070106ull

static u64 read_table(void *ctx, u64 hpa)
{
	const struct axas_npt *npt = ctx;

	return READ_ONCE(*(u64 *)axas_hal_va(npt->hal, axas_hpa(hpa)));
}

#define FORMAT(NAME, name)	[AXAS_FORMAT_##NAME] = ORACLE_##NAME,

static enum oracle_format format_of(const struct axas_npt *npt)
{
	static const enum oracle_format formats[] = { AXAS_NPT_FORMATS(FORMAT) };

	return formats[npt->fmt->id];
}

struct oracle_machine oracle_machine_of(const struct axas_npt *npt)
{
	u32 levels = npt->caps.leaf_levels;
	u32 flags = npt->caps.flags;

	return (struct oracle_machine){
		.format = format_of(npt),
		.levels = npt->levels,
		.ia_bits = npt->ia_bits,
		.oa_bits = npt->caps.oa_bits,
		.root = npt->root_hpa.val,
		.ept = {
			.xonly = flags & AXAS_CAP_EPT_XONLY,
			.leaf_2m = levels & BIT(1),
			.leaf_1g = levels & BIT(2),
		},
		.svm = {
			.leaf_1g = levels & BIT(2),
			.nx = flags & AXAS_CAP_SVM_NX,
			.pat = LINUX_PAT,
		},
		.s2 = {
			.xnx = flags & AXAS_CAP_S2_XNX,
			.fwb = flags & AXAS_CAP_S2_FWB,
		},
		.gstage = {
			.svpbmt = flags & AXAS_CAP_GSTAGE_SVPBMT,
			.svadu = flags & AXAS_CAP_GSTAGE_SVADU,
			.svnapot = flags & AXAS_CAP_GSTAGE_SVNAPOT,
		},
		.read = read_table,
		.ctx = (void *)npt,
	};
}

/*
 * State and result of a comparison. The last page read is cached: each lookup in the mock runs
 * the monitor's checks.
 */
struct comparison {
	const struct axas_npt *npt;
	u64 page;
	const u64 *mem;
	u64 next;		/* lower bound of the table's next leaf */
	u64 leaves;
	u64 gpa;
	const char *wrong;
};

static u32 prot_of(const struct oracle_result *r)
{
	return (r->r ? AXAS_PROT_READ : 0) | (r->w ? AXAS_PROT_WRITE : 0) |
	       (r->x ? AXAS_PROT_EXEC : 0);
}

static u32 type_of(const struct oracle_result *r)
{
	return r->mem == ORACLE_WB ? AXAS_TYPE_NORMAL :
	       r->mem == ORACLE_NC ? AXAS_TYPE_UNCACHED :
	       r->mem == ORACLE_UC ? AXAS_TYPE_DEVICE : ~0u;
}

static const char *compare_leaf(const struct axas_leaf *leaf, u64 gpa, u64 entry,
				const struct oracle_span *span)
{
	const struct oracle_result *r = &span->first;

	if (r->outcome != ORACLE_OK)
		return oracle_why_name(r->why);
	if (gpa != span->gpa)
		return "another address";
	if (entry != r->entry)
		return "another entry";
	if (span->size != axas_npt_leaf_size(leaf->level) || r->level != leaf->level)
		return "another leaf size";
	if (r->hpa != leaf->hpa.val)
		return "another host-physical address";
	if (prot_of(r) != leaf->prot || r->x != r->x_el0)
		return "another protection";
	if (type_of(r) != leaf->type)
		return "another type";
	return r->res0 ? "bits that must be zero" : NULL;
}

static int compare_next(void *ctx, const struct oracle_span *span)
{
	struct comparison *c = ctx;
	struct axas_leaf leaf;
	u64 gpa = c->next;
	u64 entry;

	c->gpa = span->gpa;
	if (!axas_npt_next_leaf(c->npt, &gpa, &leaf, &entry))
		c->wrong = "a leaf that the table denies";
	else
		c->wrong = compare_leaf(&leaf, gpa, entry, span);
	c->next = span->gpa + span->size;
	c->leaves++;
	return c->wrong ? 1 : 0;
}

static u64 read_page(void *ctx, u64 hpa)
{
	struct comparison *c = ctx;
	u64 page = hpa & ~(AXAS_FRAME_SIZE - 1);

	if (!c->mem || c->page != page) {
		c->mem = axas_hal_va(c->npt->hal, axas_hpa(page));
		c->page = page;
	}
	return READ_ONCE(c->mem[(hpa - page) / sizeof(u64)]);
}

const char *oracle_compare(const struct axas_npt *npt, u64 *gpa)
{
	struct oracle_machine machine = oracle_machine_of(npt);
	struct comparison c = { .npt = npt };
	unsigned int level;
	long leaves = 0;

	if (!oracle_possible(&machine))
		return "no such machine";
	machine.read = read_page;
	machine.ctx = &c;
	oracle_scan(&machine, compare_next, &c);
	*gpa = c.gpa;
	if (c.wrong)
		return c.wrong;
	for (level = 0; level < AXAS_NPT_MAX_LEVELS; level++)
		leaves += axas_npt_leaves(npt, level);
	return c.leaves == leaves ? NULL : "another number of leaves";
}
