/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMIDs: tags that separate the translations of spaces in TLBs. Hardware independent, so that KUnit
 * can test it on any machine.
 *
 * Locks: arm64_vmids.lock, a raw spinlock taken with interrupts off; only the callback @forget runs
 * under it.
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
 * There may be more spaces than VMIDs: hardware has 2^8 or 2^16. So a space's VMID is valid for one
 * generation. The identity of a space has the generation in its upper bits and the hardware's VMID
 * in the lower ones; 0 is none. When all VMIDs are allocated, a rollover starts the next
 * generation: it frees every VMID except those that CPUs use at that moment, and flushes all guest
 * translations on all CPUs. A running space keeps its VMID at its next entry; the others are
 * allocated new ones.
 *
 * Entry takes no lock while the identity is of the current generation. Each CPU has a word with the
 * identity in use. A rollover first increments the generation, then exchanges each CPU's word with
 * 0. A CPU stores its identity by cmpxchg on the previous value: either the rollover finds the
 * identity and reserves its VMID, or the CPU finds 0, or another generation, and takes the slow
 * path with the lock.
 *
 * arch/arm64/mm/context.c does the same for ASIDs, and arch/arm64/kvm/vmid.c for KVM.
 */

/**
 * struct arm64_vmid_cpu - VMID state of one CPU
 * @active: the identity in use; ARM64_VMID_IDLE; 0: taken by a rollover
 * @reserved: the identity that the last rollover found in @active
 */
struct arm64_vmid_cpu {
	atomic64_t active;
	u64 reserved;
} ____cacheline_aligned_in_smp;

/**
 * struct arm64_vmids - the VMID allocator
 * @lock: protects all except @generation and the CPUs' active words
 * @bits: width of a VMID
 * @nr_cpus: entries of @cpus
 * @next: start of the search for a free VMID; VMID 0 is the host's
 * @generation: the current one, above @bits; never 0
 * @used: VMIDs allocated in this generation
 * @cpus: by CPU
 * @forget: flush the translations of all guests, on every CPU; interrupts are off
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

/* A CPU that uses no VMID: VMID 0, which is the host's. */
#define ARM64_VMID_IDLE(vmids)	BIT_ULL((vmids)->bits)

/* -EINVAL unless there are more VMIDs than CPUs, -ENOMEM. May sleep. */
int arm64_vmids_init(struct arm64_vmids *vmids, unsigned int bits, unsigned int nr_cpus,
		     void (*forget)(void));
void arm64_vmids_exit(struct arm64_vmids *vmids);

/*
 * The VMID of the space with identity @id, valid until arm64_vmid_leave(). The caller is pinned to
 * @cpu.
 */
unsigned int arm64_vmid_enter(struct arm64_vmids *vmids, unsigned int cpu, atomic64_t *id);
void arm64_vmid_leave(struct arm64_vmids *vmids, unsigned int cpu);

/* The current or last VMID of @id; 0: it never had one. */
static inline unsigned int arm64_vmid_number(const struct arm64_vmids *vmids,
					     const atomic64_t *id)
{
	return atomic64_read(id) & (BIT_ULL(vmids->bits) - 1);
}

/*
 * Called after arm64_vmid_enter(): whether the space has another identity than in @last, which
 * becomes this one. A VMID may come back in a later generation, an identity never does.
 */
static inline bool arm64_vmid_is_new(const atomic64_t *id, u64 *last)
{
	u64 was = *last;

	*last = atomic64_read(id);
	return *last != was;
}

#define ARM64_RAN_SLOTS	64

/**
 * struct arm64_ran - the vCPUs that ran on a CPU last
 * @vcpus: unique numbers of vCPUs, indexed by the number of their space
 *
 * All vCPUs of a space use one slot; several spaces may share it.
 */
struct arm64_ran {
	u64 vcpus[ARM64_RAN_SLOTS];
};

/*
 * Called before a vCPU runs: whether another vCPU of its space may have run on this CPU since it
 * last did, or it never ran here.
 */
static inline bool arm64_ran_another(struct arm64_ran *ran, u64 space, u64 vcpu)
{
	u64 *slot = &ran->vcpus[space % ARM64_RAN_SLOTS];
	bool another = *slot != vcpu;

	*slot = vcpu;
	return another;
}

#endif /* _AXVCPU_ARM64_VMID_H */
