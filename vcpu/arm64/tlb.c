// SPDX-License-Identifier: GPL-2.0-only
/*
 * TLB maintenance for spaces. All vCPUs of a space have one VMID, because a guest's own TLBI is
 * broadcast by VMID and must reach all of them (Arm D8.14). Removal from the space broadcasts a
 * TLBI as well, once per space: no interrupts are sent.
 *
 * Translations that a vCPU's TLBI does not reach are local to one CPU and valid for that vCPU
 * alone. If another vCPU of the space ran on the CPU in between, the whole VMID is flushed there
 * before the entry, like KVM's last_vcpu_ran. With HCR_EL2.FB this concerns only ASIDs to which two
 * vCPUs assign different meanings.
 *
 * Calls vmid.c. Locks: spaces_lock protects the table of VMID owners; axvcpu_arm64_space.lock,
 * taken outside the space's own, protects attachment. VTTBR_EL2 is changed and restored with
 * interrupts off.
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

/* Beyond this number of pages, flushing the whole VMID is faster. */
#define MAX_PAGES	64

/* TCR_EL1: disable walks by TTBR0, TTBR1. Arm D23.2.163 */
#define A64_TCR_EPD0	BIT_ULL(7)
#define A64_TCR_EPD1	BIT_ULL(23)

static uint vmid_bits;
module_param(vmid_bits, uint, 0444);
MODULE_PARM_DESC(vmid_bits, "arm64: bits of a VMID, to test with few (0: as many as the CPUs have)");

/**
 * struct axvcpu_arm64_space - data shared by all vCPUs of a space
 * @lock: protects @attached
 * @attached: @consumer is attached
 * @consumer: attached to @space
 * @node: in the table of spaces
 * @space: the space, of which each vCPU holds a reference
 * @users: number of vCPUs
 * @number: unique among all spaces ever used
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
 * The guests' regime, possibly with stage 2 off and another guest's stage 1 registers. CPUs with
 * Arm errata 1165522 (Cortex-A76) and 1530923 (Cortex-A55) may walk stage 1 for a speculative AT,
 * and cache the result under this VMID: on them, enable stage 1 with walks disabled. As
 * arch/arm64/kvm/hyp/vhe/tlb.c.
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

/* IC IALLU: new frames may have been written with code, and the I-cache may hold another vCPU's. */
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
 * TLBI by IPA invalidates stage 2 entries only; combined entries from guest-virtual addresses must
 * be invalidated afterwards, or a walk could reload the old ones (Arm D8.14.6.1).
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
 * The entries are already clear. Either the VMID read here is the one in use, or a vCPU is assigned
 * another one now and walks the table afterwards, which finds the entries clear. Ordered by this
 * barrier and the one in axvcpu_arm64_vmid_load().
 */
static void request_flush(struct axas_consumer *consumer, const struct axas_flush *flush,
			  struct cpumask *cpus)
{
	struct axvcpu_arm64_space *s = container_of(consumer, struct axvcpu_arm64_space, consumer);
	u64 pages = flush->range.size >> AXAS_FRAME_SHIFT;

	dsb(ish);
	/* Without a VMID the space has no cached translations. */
	if (!arm64_vmid_number(&vmids, &s->vmid))
		return;
	if (pages > MAX_PAGES)
		flush_all(s);
	else
		flush_pages(s, flush->range.start.val, pages);
}

static const struct axas_consumer_ops consumer_ops = { .request = request_flush };

/* Takes a reference; NULL if not found. */
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

/* Not under spaces_lock: a busy space must not delay other spaces. */
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

/* Flush the VMID before it is reused: any CPU may hold translations of it. */
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

	if (arm64_ran_another(this_cpu_ptr(&ran), s->number, a64->number))
		set_bit(AXVCPU_REQ_FLUSH, &vcpu->requests);
	/* Pairs with request_flush(): the new VMID is visible before the table is walked. */
	if (arm64_vmid_is_new(&s->vmid, &a64->vmid))
		dsb(ish);
	write_sysreg(s->vtcr, vtcr_el2);
	write_sysreg(a64_vttbr(s->root, vmid), vttbr_el2);
}

void axvcpu_arm64_vmid_put(void)
{
	arm64_vmid_leave(&vmids, smp_processor_id());
}

/* Interrupts are off. TGE has no effect: ALLE1 covers the regimes of all guests. */
static void forget_all(void)
{
	dsb(ishst);
	__tlbi(alle1is);
	a64_tlbi_sync();
	isb();
}

/* This CPU may have missed flushes while it was offline. */
void axvcpu_arm64_forget_here(void)
{
	memset(this_cpu_ptr(&ran), 0, sizeof(ran));
	dsb(nshst);
	__tlbi(alle1);
	dsb(nsh);
	isb();
}

/* No CPU is enabled yet: each flushes its TLB when it is. */
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
