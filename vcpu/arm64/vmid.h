/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMIDs: the numbers by which TLBs keep the translations of spaces apart. Nothing here knows
 * hardware, so that KUnit can test it anywhere.
 *
 * Locks: arm64_vmids.lock, a raw spinlock taken with interrupts off, and nothing below it but
 * the callback @forget.
 */
#ifndef _AXVCPU_ARM64_VMID_H
#define _AXVCPU_ARM64_VMID_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/**
 * DOC: VMIDs by generation
 *
 * There may be more spaces than VMIDs: hardware has 2^8 or 2^16. So a space's VMID is good for
 * one generation. Its identity is the generation above, and the number that hardware gets
 * below; 0 is none yet. When all numbers have been given away, a rollover begins the next
 * generation: every number is free again, but those that CPUs use at that moment, and every
 * translation of every guest is forgotten on all CPUs. A space that runs keeps its number, and
 * finds it again when it enters next; the others get another.
 *
 * Entering is without a lock while the identity is of the current generation. Each CPU has a
 * word that says which identity it uses. A rollover first counts the generation up, and then
 * takes each CPU's word by an exchange with 0. A CPU puts its identity there by a compare and
 * exchange with what was there before: either the rollover finds the identity and reserves its
 * number, or the CPU finds 0, or another generation, and goes the way with the lock.
 *
 * The same as arch/arm64/mm/context.c does for ASIDs, and arch/arm64/kvm/vmid.c for KVM.
 */

/**
 * struct arm64_vmid_cpu - what one CPU does with VMIDs
 * @active: the identity in use; ARM64_VMID_IDLE; 0: a rollover took it
 * @reserved: the identity that the last rollover found there
 */
struct arm64_vmid_cpu {
	atomic64_t active;
	u64 reserved;
} ____cacheline_aligned_in_smp;

/**
 * struct arm64_vmids - all VMIDs
 * @lock: everything but @generation and the CPUs' active words
 * @bits: of a number
 * @nr_cpus: entries of @cpus
 * @next: where the search for a free number goes on; 0 is the host's
 * @generation: the current one, above @bits; never 0
 * @used: numbers of this generation
 * @cpus: by CPU
 * @forget: forget the translations of all guests, on every CPU; interrupts are off
 */
struct arm64_vmids {
	raw_spinlock_t lock;	/* see above */
	unsigned int bits;
	unsigned int nr_cpus;
	unsigned long next;
	atomic64_t generation;
	unsigned long *used;
	struct arm64_vmid_cpu *cpus;
	void (*forget)(void);
};

/* A CPU that uses none: of the number 0, which is the host's. */
#define ARM64_VMID_IDLE(vmids)	BIT_ULL((vmids)->bits)

/* -EINVAL when there are not more numbers than CPUs, -ENOMEM. May sleep. */
int arm64_vmids_init(struct arm64_vmids *vmids, unsigned int bits, unsigned int nr_cpus,
		     void (*forget)(void));
void arm64_vmids_exit(struct arm64_vmids *vmids);

/*
 * The number of the space whose identity is @id, until arm64_vmid_leave(). On @cpu, which
 * cannot be left.
 */
unsigned int arm64_vmid_enter(struct arm64_vmids *vmids, unsigned int cpu, atomic64_t *id);
void arm64_vmid_leave(struct arm64_vmids *vmids, unsigned int cpu);

/* The number that @id has, or had last; 0: it never had one. */
static inline unsigned int arm64_vmid_number(const struct arm64_vmids *vmids,
					     const atomic64_t *id)
{
	return atomic64_read(id) & (BIT_ULL(vmids->bits) - 1);
}

#define ARM64_RAN_SLOTS	64

/**
 * struct arm64_ran - which vCPUs ran on a CPU last
 * @vcpus: numbers that no two vCPUs have, by the number of their space
 *
 * vCPUs of one space share a slot, and may share it with those of others.
 */
struct arm64_ran {
	u64 vcpus[ARM64_RAN_SLOTS];
};

/*
 * A vCPU is about to run: whether another of its space may have run on this CPU since it
 * did, or it never did.
 */
static inline bool arm64_ran_another(struct arm64_ran *ran, u64 space, u64 vcpu)
{
	u64 *slot = &ran->vcpus[space % ARM64_RAN_SLOTS];
	bool another = *slot != vcpu;

	*slot = vcpu;
	return another;
}

#endif /* _AXVCPU_ARM64_VMID_H */
