/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMID allocation per CPU. Hardware independent.
 *
 * Each CPU assigns VMIDs of its own, one to each vCPU that arrives, and starts a new round when all
 * are assigned: a vCPU with a VMID of an earlier round takes a new one, so there may be more vCPUs
 * than VMIDs. Nothing is shared between CPUs, and nothing waits.
 *
 * One VMID for all vCPUs of a space would have no advantage. No instruction of a guest affects
 * another hart: SFENCE.VMA is local, and remote fences are SBI calls, which exit. vCPUs that shared
 * a VMID would need a flush of VS-stage translations whenever one runs on a CPU after another,
 * since ASIDs are local to a hart.
 */
#ifndef _AXVCPU_RISCV_VMID_H
#define _AXVCPU_RISCV_VMID_H

#include <linux/types.h>

/**
 * struct riscv_vmids - the VMIDs of one CPU
 * @round: incremented when assignment starts over
 * @next: the next VMID to assign
 */
struct riscv_vmids {
	u64 round;
	unsigned int next;
};

/**
 * struct riscv_vmid - the VMID of a vCPU
 * @of: the CPU that assigned it; NULL: none
 * @round: of @of when it was assigned
 * @val: the VMID; 0 where hardware has none
 */
struct riscv_vmid {
	const struct riscv_vmids *of;
	u64 round;
	unsigned int val;
};

/* Whether @mine is of this CPU and its current round. */
static inline bool riscv_vmid_holds(const struct riscv_vmid *mine,
				    const struct riscv_vmids *cpu)
{
	return mine->of == cpu && mine->round == cpu->round;
}

/* Invalidate all VMIDs of a CPU. VMIDs are 1 to 2^@bits - 1; with 0 bits, all vCPUs have VMID 0. */
static inline void riscv_vmid_begin_again(struct riscv_vmids *cpu, unsigned int bits)
{
	cpu->round++;
	cpu->next = bits ? 1 : 0;
}

/* The VMID may have been another vCPU's in an earlier round: the caller must flush it. */
static inline void riscv_vmid_take(struct riscv_vmid *mine, struct riscv_vmids *cpu,
				   unsigned int bits)
{
	if (cpu->next >> bits)
		riscv_vmid_begin_again(cpu, bits);
	mine->of = cpu;
	mine->round = cpu->round;
	mine->val = cpu->next++;
}

#endif /* _AXVCPU_RISCV_VMID_H */
