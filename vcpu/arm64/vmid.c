// SPDX-License-Identifier: GPL-2.0-only
/* VMIDs by generation: see vmid.h. Calls only the callback @forget. */
#include <linux/bitmap.h>
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/slab.h>

#include "vmid.h"

static u64 number_mask(const struct arm64_vmids *vmids)
{
	return BIT_ULL(vmids->bits) - 1;
}

static bool is_current(const struct arm64_vmids *vmids, u64 id)
{
	return !((id ^ atomic64_read(&vmids->generation)) & ~number_mask(vmids));
}

/*
 * Reserve the VMID of every CPU. A CPU whose active word is 0 has not entered again since the
 * previous rollover, and may have been in its guest all the time: keep its reservation.
 */
static void reserve_active(struct arm64_vmids *vmids)
{
	struct arm64_vmid_cpu *cpu;
	u64 id;

	for (cpu = vmids->cpus; cpu < vmids->cpus + vmids->nr_cpus; cpu++) {
		id = atomic64_xchg(&cpu->active, 0);
		if (id)
			cpu->reserved = id;
		__set_bit(cpu->reserved & number_mask(vmids), vmids->used);
	}
}

static void rollover(struct arm64_vmids *vmids)
{
	atomic64_add(BIT_ULL(vmids->bits), &vmids->generation);
	bitmap_zero(vmids->used, BIT(vmids->bits));
	reserve_active(vmids);
	vmids->next = 1;
	vmids->forget();
}

/* An identity in use at a rollover, perhaps on several CPUs, continues as @new. */
static bool renew_reserved(struct arm64_vmids *vmids, u64 id, u64 new)
{
	struct arm64_vmid_cpu *cpu;
	bool found = false;

	for (cpu = vmids->cpus; cpu < vmids->cpus + vmids->nr_cpus; cpu++) {
		if (cpu->reserved != id)
			continue;
		cpu->reserved = new;
		found = true;
	}
	return found;
}

/* There are more VMIDs than CPUs, so one is free after a rollover. */
static unsigned long free_number(struct arm64_vmids *vmids)
{
	unsigned long end = BIT(vmids->bits);
	unsigned long number = find_next_zero_bit(vmids->used, end, vmids->next);

	if (number < end)
		return number;
	rollover(vmids);
	return find_next_zero_bit(vmids->used, end, vmids->next);
}

/* The previous VMID if it is reserved for @id or free, otherwise a new one. */
static u64 new_identity(struct arm64_vmids *vmids, u64 id)
{
	u64 number = id & number_mask(vmids);
	u64 same = atomic64_read(&vmids->generation) | number;

	if (number && (renew_reserved(vmids, id, same) ||
		       !__test_and_set_bit(number, vmids->used)))
		return same;
	number = free_number(vmids);
	__set_bit(number, vmids->used);
	vmids->next = number + 1;
	return atomic64_read(&vmids->generation) | number;
}

unsigned int arm64_vmid_enter(struct arm64_vmids *vmids, unsigned int cpu, atomic64_t *id)
{
	atomic64_t *active = &vmids->cpus[cpu].active;
	u64 was = atomic64_read(active), mine = atomic64_read(id);
	unsigned long flags;

	/* See "VMIDs by generation". */
	if (was && is_current(vmids, mine) && atomic64_cmpxchg(active, was, mine) == was)
		return mine & number_mask(vmids);
	raw_spin_lock_irqsave(&vmids->lock, flags);
	mine = atomic64_read(id);
	if (!is_current(vmids, mine)) {
		mine = new_identity(vmids, mine);
		atomic64_set(id, mine);
	}
	atomic64_set(active, mine);
	raw_spin_unlock_irqrestore(&vmids->lock, flags);
	return mine & number_mask(vmids);
}

void arm64_vmid_leave(struct arm64_vmids *vmids, unsigned int cpu)
{
	atomic64_set(&vmids->cpus[cpu].active, ARM64_VMID_IDLE(vmids));
}

int arm64_vmids_init(struct arm64_vmids *vmids, unsigned int bits, unsigned int nr_cpus,
		     void (*forget)(void))
{
	unsigned int i;

	if (BIT(bits) - 1 <= nr_cpus)
		return -EINVAL;
	raw_spin_lock_init(&vmids->lock);
	vmids->bits = bits;
	vmids->nr_cpus = nr_cpus;
	vmids->next = 1;
	vmids->forget = forget;
	atomic64_set(&vmids->generation, BIT_ULL(bits));
	vmids->used = bitmap_zalloc(BIT(bits), GFP_KERNEL);
	vmids->cpus = kcalloc(nr_cpus, sizeof(*vmids->cpus), GFP_KERNEL);
	if (!vmids->used || !vmids->cpus) {
		arm64_vmids_exit(vmids);
		return -ENOMEM;
	}
	for (i = 0; i < nr_cpus; i++)
		arm64_vmid_leave(vmids, i);
	return 0;
}

void arm64_vmids_exit(struct arm64_vmids *vmids)
{
	bitmap_free(vmids->used);
	kfree(vmids->cpus);
	vmids->used = NULL;
	vmids->cpus = NULL;
}
