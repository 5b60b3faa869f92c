// SPDX-License-Identifier: GPL-2.0-only
/*
 * What TLBs know of spaces, and how they forget it. All vCPUs of a space have one VMID, for a
 * guest's own TLBI is broadcast with it, and must reach them all (Arm D8.14). Removal by the
 * space is broadcast, too, once a space: nobody has to be interrupted.
 *
 * What a vCPU did not broadcast is its CPU's alone, and no other vCPU's: where one of the same
 * space ran on this CPU in between, all of the VMID is forgotten here before it enters, as KVM
 * does by last_vcpu_ran. With HCR_EL2.FB nothing is left that is not broadcast but ASIDs that
 * two vCPUs give different meanings.
 *
 * Calls vmid.c. Locks: spaces_lock keeps who shares a VMID; axvcpu_arm64_space.lock, outside
 * the space's own, its attaching. What changes VTTBR_EL2 does so with interrupts off, and back.
 */
#include <linux/hashtable.h>
#include <linux/irqflags.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "arm64.h"
#include "stage2.h"
#include "vmid.h"

/* More pages than that are forgotten faster with all the others. */
#define MAX_PAGES	64

/* TCR_EL1: no walks by TTBR0, TTBR1. Arm D23.2.163 */
#define A64_TCR_EPD0	BIT_ULL(7)
#define A64_TCR_EPD1	BIT_ULL(23)

static uint vmid_bits;
module_param(vmid_bits, uint, 0444);
MODULE_PARM_DESC(vmid_bits, "arm64: bits of a VMID, to test with few (0: as many as the CPUs have)");

/**
 * struct axvcpu_arm64_space - what all vCPUs of a space share
 * @lock: @attached
 * @attached: @consumer is
 * @consumer: attached to @space
 * @node: in the table of spaces
 * @space: the space, which each vCPU has a reference on
 * @users: vCPUs
 * @number: no other has had it
 * @vtcr: VTCR_EL2
 * @root: of its table
 * @vmid: its identity, see vmid.h
 */
struct axvcpu_arm64_space {
	struct mutex lock;	/* see above */
	bool attached;
	struct axas_consumer consumer;
	struct hlist_node node;
	struct axas_space *space;
	unsigned int users;
	u64 number;
	u64 vtcr;
	u64 root;
	atomic64_t vmid;
};

static DEFINE_MUTEX(spaces_lock);	/* @spaces, their @users, @last_number */
static DEFINE_HASHTABLE(spaces, 8);
static u64 last_number;

static struct arm64_vmids vmids;
static DEFINE_PER_CPU(struct arm64_ran, ran);
static atomic64_t last_vcpu;

/*
 * The guests' regime, in which stage 2 need not be on, and with a stage 1 that need not be
 * this space's. CPUs with Arm's errata 1165522 (Cortex-A76) and 1530923 (Cortex-A55) may walk it
 * by an AT that they only speculate about, and keep what they find under this VMID: for them
 * stage 1 is on, and walks nowhere. As arch/arm64/kvm/hyp/vhe/tlb.c.
 */
struct regime {
	struct a64_regime el2;
	u64 tcr, sctlr;
};

static void enter(struct regime *was, const struct axvcpu_arm64_space *s)
{
	unsigned int vmid = arm64_vmid_number(&vmids, &s->vmid);

	if (cpus_have_final_cap(ARM64_WORKAROUND_SPECULATIVE_AT)) {
		was->tcr = read_sysreg_s(SYS_TCR_EL12);
		was->sctlr = read_sysreg_s(SYS_SCTLR_EL12);
		write_sysreg_s(was->tcr | A64_TCR_EPD0 | A64_TCR_EPD1, SYS_TCR_EL12);
		write_sysreg_s(was->sctlr | A64_SCTLR_M, SYS_SCTLR_EL12);
		isb();
	}
	a64_enter_regime(&was->el2, s->vtcr, a64_vttbr(s->root, vmid),
			 read_sysreg(hcr_el2) & ~A64_HCR_TGE);
}

static void leave(const struct regime *was)
{
	a64_leave_regime(&was->el2);
	if (cpus_have_final_cap(ARM64_WORKAROUND_SPECULATIVE_AT)) {
		write_sysreg_s(was->tcr, SYS_TCR_EL12);
		write_sysreg_s(was->sctlr, SYS_SCTLR_EL12);
		isb();
	}
}

/* Code may have been written to the frames that come, and another vCPU's code be cached. */
void axvcpu_arm64_flush_here(const struct axvcpu_arm64 *a64)
{
	unsigned long flags;
	struct regime was;

	dsb(nshst);
	local_irq_save(flags);
	enter(&was, a64->space);
	__tlbi(vmalls12e1);
	asm volatile("ic iallu" : : : "memory");
	dsb(nsh);
	leave(&was);
	local_irq_restore(flags);
}

static void flush_all(const struct axvcpu_arm64_space *s)
{
	unsigned long flags;
	struct regime was;

	local_irq_save(flags);
	enter(&was, s);
	__tlbi(vmalls12e1is);
	a64_tlbi_sync();
	leave(&was);
	local_irq_restore(flags);
}

/*
 * By guest-physical address go the entries of stage 2; those that hold a whole way from a
 * guest-virtual address go after them, or a walk could put the old ones back (Arm
 * D8.14.6.1).
 */
static void flush_pages(const struct axvcpu_arm64_space *s, u64 first, u64 pages)
{
	unsigned long flags;
	struct regime was;
	u64 i;

	local_irq_save(flags);
	enter(&was, s);
	for (i = 0; i < pages; i++)
		__tlbi(ipas2e1is, (first >> AXAS_FRAME_SHIFT) + i);
	dsb(ish);
	__tlbi(vmalle1is);
	a64_tlbi_sync();
	leave(&was);
	local_irq_restore(flags);
}

/*
 * The entries were cleared before. Either the VMID that is read here is the one that vCPUs use, or
 * one gets another now, and walks the table after that: then it finds them cleared. This barrier
 * and the one in axvcpu_arm64_vmid_load() see to it.
 */
static void request_flush(struct axas_consumer *consumer, const struct axas_flush *flush,
			  struct cpumask *cpus)
{
	struct axvcpu_arm64_space *s = container_of(consumer, struct axvcpu_arm64_space, consumer);
	u64 pages = flush->range.size >> AXAS_FRAME_SHIFT;

	dsb(ish);
	/* Before it has a VMID it has no translations. */
	if (!arm64_vmid_number(&vmids, &s->vmid))
		return;
	if (pages > MAX_PAGES)
		flush_all(s);
	else
		flush_pages(s, flush->range.start.val, pages);
}

static const struct axas_consumer_ops consumer_ops = { .request = request_flush };

/* With a reference, or NULL. */
static struct axvcpu_arm64_space *find_space(struct axas_space *space)
{
	struct axvcpu_arm64_space *s;

	lockdep_assert_held(&spaces_lock);
	hash_for_each_possible(spaces, s, node, (unsigned long)space) {
		if (s->space != space)
			continue;
		s->users++;
		return s;
	}
	return NULL;
}

static struct axvcpu_arm64_space *new_space(struct axas_space *space)
{
	struct axvcpu_arm64_space *s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	struct axas_info info;

	lockdep_assert_held(&spaces_lock);
	if (!s)
		return NULL;
	axas_space_get_info(space, &info);
	mutex_init(&s->lock);
	s->consumer.ops = &consumer_ops;
	s->space = space;
	s->users = 1;
	s->number = ++last_number;
	s->vtcr = a64_vtcr(info.ia_bits, info.levels, vmids.bits);
	s->root = axas_space_root(space).val;
	hash_add(spaces, &s->node, (unsigned long)space);
	return s;
}

/* Not under spaces_lock: what works on one space does not keep others waiting. */
static int attach(struct axvcpu_arm64_space *s)
{
	int err = 0;

	mutex_lock(&s->lock);
	if (!s->attached)
		err = axas_space_attach(s->space, &s->consumer);
	s->attached |= !err;
	mutex_unlock(&s->lock);
	return err;
}

/* The next with its number finds none of its translations: there may be some on any CPU. */
static void put_space(struct axvcpu_arm64_space *s)
{
	bool last;

	mutex_lock(&spaces_lock);
	last = !--s->users;
	if (last)
		hash_del(&s->node);
	mutex_unlock(&spaces_lock);
	if (!last)
		return;
	if (s->attached)
		axas_space_detach(s->space, &s->consumer);
	if (arm64_vmid_number(&vmids, &s->vmid))
		flush_all(s);
	mutex_destroy(&s->lock);
	kfree(s);
}

int axvcpu_arm64_space_get(struct axvcpu *vcpu)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);
	struct axvcpu_arm64_space *s;
	int err;

	mutex_lock(&spaces_lock);
	s = find_space(vcpu->space) ?: new_space(vcpu->space);
	mutex_unlock(&spaces_lock);
	if (!s)
		return -ENOMEM;
	err = attach(s);
	if (err) {
		put_space(s);
		return err;
	}
	a64->space = s;
	a64->number = atomic64_inc_return(&last_vcpu);
	return 0;
}

void axvcpu_arm64_space_put(struct axvcpu_arm64 *a64)
{
	put_space(a64->space);
}

void axvcpu_arm64_vmid_load(struct axvcpu *vcpu)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);
	struct axvcpu_arm64_space *s = a64->space;
	unsigned int vmid = arm64_vmid_enter(&vmids, smp_processor_id(), &s->vmid);
	u64 vttbr = a64_vttbr(s->root, vmid);

	if (arm64_ran_another(this_cpu_ptr(&ran), s->number, a64->number))
		set_bit(AXVCPU_REQ_FLUSH, &vcpu->requests);
	/* See request_flush(): that it has another VMID is seen before it walks the table. */
	if (vttbr != a64->vttbr)
		dsb(ish);
	a64->vttbr = vttbr;
	write_sysreg(s->vtcr, vtcr_el2);
	write_sysreg(vttbr, vttbr_el2);
}

void axvcpu_arm64_vmid_put(void)
{
	arm64_vmid_leave(&vmids, smp_processor_id());
}

/* Interrupts are off. TGE does not matter: this means the regime of all guests. */
static void forget_all(void)
{
	dsb(ishst);
	__tlbi(alle1is);
	a64_tlbi_sync();
	isb();
}

/* What this CPU knows of guests, it may have missed to forget while it was off. */
void axvcpu_arm64_forget_here(void)
{
	memset(this_cpu_ptr(&ran), 0, sizeof(ran));
	dsb(nshst);
	__tlbi(alle1);
	dsb(nsh);
	isb();
}

/* No CPU is enabled yet: each forgets what it knows by these numbers then. */
int axvcpu_arm64_vmids_setup(void)
{
	unsigned int bits = a64_vmid_bits();
	int err;

	if (vmid_bits)
		bits = min(bits, vmid_bits);
	err = arm64_vmids_init(&vmids, bits, nr_cpu_ids, forget_all);
	if (err == -EINVAL)
		pr_err("axvcpu: %u bits of VMID are too few for %u CPUs\n", bits, nr_cpu_ids);
	return err;
}

void axvcpu_arm64_vmids_unsetup(void)
{
	arm64_vmids_exit(&vmids);
}
