/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMIDs: which vCPU has which on which CPU. Pure logic, for any machine.
 *
 * Each CPU gives out VMIDs of its own, one to each vCPU that comes to it, and begins again
 * when all are out: a vCPU whose VMID is of an earlier round takes a new one, and so there
 * may be more vCPUs than VMIDs. Nothing of this is shared, and nothing waits.
 *
 * One VMID for all vCPUs of a space would do no more. Nothing that a guest executes reaches
 * another hart: its SFENCE.VMA is local, and remote fences are SBI calls, which come out.
 * A vCPU that shared its VMID with siblings would have to forget their first stage whenever
 * it follows one of them on a CPU, for what an ASID means is each hart's own affair.
 */
#ifndef _AXVCPU_RISCV_VMID_H
#define _AXVCPU_RISCV_VMID_H

#include <linux/types.h>

/**
 * struct riscv_vmids - the VMIDs of one CPU
 * @round: counts up when they begin again
 * @next: the one to be given next
 */
struct riscv_vmids {
	u64 round;
	unsigned int next;
};

/**
 * struct riscv_vmid - the VMID of a vCPU
 * @of: the CPU's that gave it; NULL: none did
 * @round: of @of when it was given
 * @val: the VMID; 0 where hardware has none
 */
struct riscv_vmid {
	const struct riscv_vmids *of;
	u64 round;
	unsigned int val;
};

/* Whether @mine is this CPU's, and nobody else's since. */
static inline bool riscv_vmid_holds(const struct riscv_vmid *mine,
				    const struct riscv_vmids *cpu)
{
	return mine->of == cpu && mine->round == cpu->round;
}

/* Nobody's VMID holds any more. They are 1 to 2^@bits - 1; without any, all have 0. */
static inline void riscv_vmid_begin_again(struct riscv_vmids *cpu, unsigned int bits)
{
	cpu->round++;
	cpu->next = bits ? 1 : 0;
}

/*
 * What is taken may have been another's in an earlier round: what is known by it has to be
 * forgotten.
 */
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
