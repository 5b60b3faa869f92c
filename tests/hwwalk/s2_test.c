// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compares the CPU's walks of stage 2 tables with axas_space_translate(), for random spaces of
 * each number of address bits, and so of each root size and start level, at random addresses.
 * The CPU translates a read and a write by AT S12E1R and AT S12E1W with stage 1 off. This needs
 * neither a guest nor memory that the tables map. It reports in KTAP to the kernel log. "Arm" is
 * the Arm Architecture Reference Manual for A-profile architecture, DDI 0487.
 *
 * Calls axas.ko only. The module owns the guest's translation regime only while interrupts are
 * off.
 */
#include <linux/irqflags.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <asm/tlbflush.h>
#include <asm/virt.h>

#include <axas/space.h>
#include "axas_compat.h"
#include "../../vcpu/arm64/stage2.h"

static uint addresses = 8000;
module_param(addresses, uint, 0444);
MODULE_PARM_DESC(addresses, "how many addresses to compare for each number of bits (8000)");

static uint seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of the random numbers; 0: another one each time");

#define MIN_IA_BITS	32
#define MAX_IA_BITS	48
#define AREAS		24
#define PER_SPACE	2000		/* addresses */
#define BATCH		50		/* addresses per interrupts-off section */
#define VMID		1		/* no guests run now */
#define SCTLR_OFF	0x30d00800ull	/* SCTLR_EL1: stage 1 off */

/* PAR_EL1. Arm D23.2.131 */
#define PAR_FAILED	BIT_ULL(0)
#define PAR_STATUS	GENMASK_ULL(6, 1)	/* fault status code, as in ESR */
#define PAR_SH		GENMASK_ULL(8, 7)
#define PAR_STAGE2	BIT_ULL(9)		/* a stage 2 fault */
#define PAR_PA		GENMASK_ULL(51, 12)
#define PAR_ATTR	GENMASK_ULL(63, 56)	/* as in MAIR_EL1 */

#define STATUS_LEVEL	GENMASK_ULL(1, 0)
#define STATUS_CLASS	GENMASK_ULL(5, 2)
#define CLASS_TRANSLATION	1
#define CLASS_PERMISSION	3

#define ATTR_DEVICE_NGNRE	0x04
#define ATTR_NORMAL_NC		0x44
#define ATTR_NORMAL_WB		0xff

#define HCR_TEST	(A64_HCR_E2H | A64_HCR_RW | A64_HCR_VM | A64_HCR_DC)

struct question {
	u64 gpa;
	bool mapped;
	struct axas_translation to;
	u64 par[2];		/* results of a read and of a write */
};

struct test {
	struct axas_space *space;
	struct axas_consumer consumer;
	unsigned int ia_bits;
	u64 vtcr, vttbr, hcr;
	struct axas_gpa_range areas[AREAS];
	unsigned int nr;
	struct rnd_state rnd;
	struct question batch[BATCH];
	u64 compared, mapped, denied, differ;
	u64 at_level[AXAS_LEAF_LEVELS];
};

static u64 rnd(struct test *t, u64 below)
{
	u64 val = (u64)prandom_u32_state(&t->rnd) << 32 | prandom_u32_state(&t->rnd);

	return val % below;
}

/* Flush all translations of the test's VMID on all CPUs. */
static void flush(struct axas_consumer *consumer, const struct axas_flush *what,
		  struct cpumask *cpus)
{
	struct test *t = container_of(consumer, struct test, consumer);
	struct a64_regime was;
	unsigned long flags;

	dsb(ishst);
	local_irq_save(flags);
	a64_enter_regime(&was, t->vtcr, t->vttbr, read_sysreg(hcr_el2) & ~A64_HCR_TGE);
	__tlbi(vmalls12e1is);
	a64_tlbi_sync();
	a64_leave_regime(&was);
	local_irq_restore(flags);
}

static const struct axas_consumer_ops consumer_ops = { .request = flush };

/* A range of up to 4 leaves of @level, plus some pages if @ragged. */
static struct axas_gpa_range random_range(struct test *t, unsigned int level, bool ragged)
{
	u64 leaf = AXAS_FRAME_SIZE << (9 * level), all = BIT_ULL(t->ia_bits);
	u64 start = rnd(t, all / leaf) * leaf;
	u64 size = min((1 + rnd(t, 4)) * leaf, all - start);

	if (ragged && level && start + size < all)
		size += AXAS_FRAME_SIZE * (1 + rnd(t, 7));
	return axas_gpa_range(axas_gpa(start), size);
}

/* The host-physical range need not be memory: it is never accessed. */
static int add_linear(struct test *t, struct axas_gpa_range range, unsigned int level)
{
	static const u32 types[] = { AXAS_TYPE_NORMAL, AXAS_TYPE_DEVICE, AXAS_TYPE_UNCACHED };
	unsigned int bits = min(axas_hal_phys_bits(&axas_hal_linux), 48u);
	u64 leaf = AXAS_FRAME_SIZE << (9 * level);
	u64 hpa = rnd(t, BIT_ULL(bits - 1) / leaf) * leaf;

	/* Offset gpa and hpa against each other, so that only smaller leaves can be used. */
	if (!rnd(t, 8))
		hpa += AXAS_FRAME_SIZE;
	return axas_space_map_linear(t->space, range, axas_hpa(hpa),
				     rnd(t, AXAS_PROT_MASK + 1), types[rnd(t, 3)]);
}

static int add_alloc(struct test *t, struct axas_gpa_range range)
{
	u32 flags = rnd(t, 2) ? AXAS_MAP_HUGE_NEVER : AXAS_MAP_HUGE_ALWAYS;

	range.size = min_t(u64, range.size, 4 << 20);
	if (rnd(t, 2))
		flags |= AXAS_MAP_POPULATE;
	return axas_space_map_alloc(t->space, range, rnd(t, AXAS_PROT_MASK + 1),
				    AXAS_TYPE_NORMAL, flags);
}

/* Areas that overlap or do not fit are skipped. */
static void add_areas(struct test *t)
{
	unsigned int i, level;
	int err;

	t->nr = 0;
	for (i = 0; i < AREAS; i++) {
		struct axas_gpa_range range;

		level = rnd(t, 3);
		range = random_range(t, level, !rnd(t, 3));
		err = rnd(t, 5) ? add_linear(t, range, level) : add_alloc(t, range);
		if (!err)
			t->areas[t->nr++] = range;
	}
}

/* An address in an area, at its ends, or anywhere. */
static u64 random_address(struct test *t)
{
	struct axas_gpa_range range = t->areas[rnd(t, t->nr)];

	switch (rnd(t, 8)) {
	case 0:
		return rnd(t, BIT_ULL(t->ia_bits));
	case 1:
		return range.start.val ? range.start.val - 1 - rnd(t, 16) : 0;
	case 2:
		return min(range.start.val + range.size + rnd(t, 16), BIT_ULL(t->ia_bits) - 1);
	case 3:
		return range.start.val + range.size - 1 - rnd(t, 16);
	default:
		return range.start.val + rnd(t, range.size);
	}
}

static void ask_axas(struct test *t)
{
	struct question *q;

	for (q = t->batch; q < t->batch + BATCH; q++) {
		q->gpa = random_address(t);
		q->mapped = !axas_space_translate(t->space, axas_gpa(q->gpa), &q->to);
	}
}

static void ask_hardware(struct test *t)
{
	struct a64_regime was;
	unsigned long flags;
	struct question *q;
	u64 sctlr, par;

	local_irq_save(flags);
	sctlr = read_sysreg_s(SYS_SCTLR_EL12);
	par = a64_read_par();
	write_sysreg_s(SCTLR_OFF, SYS_SCTLR_EL12);
	a64_enter_regime(&was, t->vtcr, t->vttbr, t->hcr);
	for (q = t->batch; q < t->batch + BATCH; q++) {
		asm volatile("at s12e1r, %0" : : "r" (q->gpa));
		isb();
		q->par[0] = a64_read_par();
		asm volatile("at s12e1w, %0" : : "r" (q->gpa));
		isb();
		q->par[1] = a64_read_par();
	}
	a64_leave_regime(&was);
	write_sysreg(par, par_el1);
	write_sysreg_s(sctlr, SYS_SCTLR_EL12);
	local_irq_restore(flags);
}

static u64 attr_of(u32 type)
{
	return type == AXAS_TYPE_NORMAL ? ATTR_NORMAL_WB :
	       type == AXAS_TYPE_UNCACHED ? ATTR_NORMAL_NC : ATTR_DEVICE_NGNRE;
}

/* Arm's level 3 is level 0 here. */
static bool same(const struct question *q, u64 par, u32 access)
{
	u64 status = FIELD_GET(PAR_STATUS, par);

	if (!q->mapped)
		return par & PAR_FAILED && par & PAR_STAGE2 &&
		       FIELD_GET(STATUS_CLASS, status) == CLASS_TRANSLATION;
	if (!(q->to.prot & access))
		return par & PAR_FAILED && par & PAR_STAGE2 &&
		       FIELD_GET(STATUS_CLASS, status) == CLASS_PERMISSION &&
		       FIELD_GET(STATUS_LEVEL, status) == 3 - q->to.level;
	return !(par & PAR_FAILED) && (par & PAR_PA) == (q->to.hpa.val & PAR_PA) &&
	       FIELD_GET(PAR_ATTR, par) == attr_of(q->to.type);
}

static void tell(const struct test *t, const struct question *q, unsigned int i)
{
	pr_info("# %u bits, " AXAS_GPA_FMT ": %s, PAR_EL1 %#llx\n", t->ia_bits, q->gpa,
		i ? "write" : "read", q->par[i]);
	if (q->mapped)
		pr_info("# axas: " AXAS_HPA_FMT ", level %u, prot %u, type %u\n",
			q->to.hpa.val, q->to.level, q->to.prot, q->to.type);
}

static void compare(struct test *t)
{
	static const u32 access[] = { AXAS_PROT_READ, AXAS_PROT_WRITE };
	const struct question *q;
	unsigned int i;

	for (q = t->batch; q < t->batch + BATCH; q++) {
		t->compared++;
		t->mapped += q->mapped;
		if (q->mapped)
			t->at_level[q->to.level]++;
		for (i = 0; i < 2; i++) {
			t->denied += q->mapped && !(q->to.prot & access[i]);
			if (same(q, q->par[i], access[i]))
				continue;
			if (t->differ++ < 10)
				tell(t, q, i);
		}
	}
}

static void compare_some(struct test *t, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i += BATCH) {
		ask_axas(t);
		ask_hardware(t);
		compare(t);
		cond_resched();
	}
}

/* Unmap or protect parts of areas whose translations the hardware has cached. */
static void change(struct test *t)
{
	unsigned int i;
	int err;

	for (i = 0; i < t->nr; i++) {
		struct axas_gpa_range range = t->areas[i];
		u64 pages = range.size / AXAS_FRAME_SIZE, first = rnd(t, pages);

		range = axas_gpa_range(axas_gpa(range.start.val + first * AXAS_FRAME_SIZE),
				       (1 + rnd(t, min(pages - first, 1024ull))) *
				       AXAS_FRAME_SIZE);
		if (rnd(t, 2))
			err = axas_space_unmap(t->space, range);
		else
			err = axas_space_protect(t->space, range, rnd(t, AXAS_PROT_MASK + 1));
		WARN_ON_ONCE(err && err != -EOPNOTSUPP);
	}
}

static int one_space(struct test *t)
{
	struct axas_space_params params = { .format = AXAS_FORMAT_S2, .ia_bits = t->ia_bits };
	struct axas_machine machine;
	struct axas_info info;
	int err;

	t->space = axas_space_create(&params);
	if (IS_ERR(t->space))
		return PTR_ERR(t->space);
	axas_space_get_info(t->space, &info);
	axas_space_get_machine(t->space, &machine);
	t->vtcr = a64_vtcr(t->ia_bits, info.levels, a64_vmid_bits());
	t->vttbr = a64_vttbr(info.root, VMID);
	t->hcr = HCR_TEST | (machine.caps & AXAS_CAP_S2_FWB ? A64_HCR_FWB : 0);
	t->consumer.ops = &consumer_ops;
	err = axas_space_attach(t->space, &t->consumer);
	if (!err) {
		flush(&t->consumer, NULL, NULL);
		add_areas(t);
		compare_some(t, PER_SPACE / 2);
		change(t);
		compare_some(t, PER_SPACE / 2);
		flush(&t->consumer, NULL, NULL);
		axas_space_detach(t->space, &t->consumer);
	}
	axas_space_put(t->space);
	return err;
}

static int one_width(struct test *t, unsigned int ia_bits, unsigned int nr)
{
	int err = 0;

	t->ia_bits = ia_bits;
	t->compared = 0;
	t->mapped = 0;
	t->denied = 0;
	t->differ = 0;
	memset(t->at_level, 0, sizeof(t->at_level));
	while (!err && t->compared < addresses)
		err = one_space(t);
	if (err == -EOPNOTSUPP && !t->compared) {
		pr_info("ok %u walks_of_%u_bits_agree # SKIP not on this CPU\n", nr, ia_bits);
		return 0;
	}
	pr_info("# %llu addresses, %llu mapped (4K %llu, 2M %llu, 1G %llu), %llu accesses denied, %llu differ\n",
		t->compared, t->mapped, t->at_level[0], t->at_level[1], t->at_level[2],
		t->denied, t->differ);
	pr_info("%sok %u walks_of_%u_bits_agree\n", err || t->differ ? "not " : "", nr, ia_bits);
	return err ?: t->differ ? -EIO : 0;
}

static int run(struct test *t)
{
	unsigned int bits, nr = 0;
	u64 compared = 0;
	int err = 0;

	pr_info("KTAP version 1\n");
	pr_info("1..%u\n", MAX_IA_BITS - MIN_IA_BITS + 1);
	for (bits = MIN_IA_BITS; bits <= MAX_IA_BITS; bits++) {
		int failed = one_width(t, bits, ++nr);

		err = err ?: failed;
		compared += t->compared;
	}
	pr_info("# s2: %llu addresses compared in all\n", compared);
	return err;
}

static int __init s2_test_init(void)
{
	struct test *t;
	int err;

	if (!is_kernel_in_hyp_mode()) {
		pr_info("axas_s2_test: the kernel does not run at EL2\n");
		return -ENODEV;
	}
	t = kzalloc(sizeof(*t), GFP_KERNEL);
	if (!t)
		return -ENOMEM;
	prandom_seed_state(&t->rnd, seed ?: get_random_u64());
	err = run(t);
	kfree(t);
	return err;
}
module_init(s2_test_init);

static void __exit s2_test_exit(void)
{
}
module_exit(s2_test_exit);

MODULE_DESCRIPTION("Compares stage 2 walks of hardware with those of axas");
MODULE_AUTHOR("The axas authors");
MODULE_LICENSE("GPL");
AXAS_MODULE_IMPORT_NS(AXAS);
