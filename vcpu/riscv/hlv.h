/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Accesses to guest memory through the current vsatp and hgatp, with the privilege in hstatus.SPVP,
 * and fences for their cached translations. Implemented in hlv.S; called with interrupts off. Calls
 * no other file.
 */
#ifndef _AXVCPU_RISCV_HLV_H
#define _AXVCPU_RISCV_HLV_H

#include <linux/types.h>
#include <asm/csr.h>

/* hlv.S and entry.S rely on the order. Without a trap, @cause is unchanged. */
struct riscv_trap {
	unsigned long cause;	/* scause */
	unsigned long tval;	/* stval */
	unsigned long htval;	/* guest-physical address >> 2 */
	unsigned long htinst;	/* transformed instruction, or 0 */
};

typedef unsigned long riscv_access_fn(unsigned long addr, struct riscv_trap *trap,
				      unsigned long val);

riscv_access_fn riscv_hlv_b, riscv_hlv_bu, riscv_hlv_h, riscv_hlv_hu, riscv_hlv_w;
riscv_access_fn riscv_hlv_wu, riscv_hlv_d, riscv_hlvx_hu, riscv_hlvx_wu;
riscv_access_fn riscv_hsv_b, riscv_hsv_h, riscv_hsv_w, riscv_hsv_d;

#define RISCV_NO_TRAP	(~0ul)

/* RISC-V Privileged, "H" Extension, htval: guest-physical addresses are shifted right by 2 bits. */
#define RISCV_GPA_SHIFT	2

static inline unsigned long riscv_trap_gpa(const struct riscv_trap *trap)
{
	return trap->htval << RISCV_GPA_SHIFT | (trap->tval & 3);
}

/*
 * HFENCE.GVMA takes the address in rs1 shifted as in htval, and the VMID in rs2; x0 as rs1 means
 * all addresses. RISC-V Privileged, "H" Extension, section "Hypervisor Memory-Management Fence
 * Instructions".
 */
static inline void riscv_hfence_gvma(unsigned long gpa, unsigned long vmid)
{
	asm volatile(".insn r 0x73, 0, 0x31, x0, %0, %1"
		     : : "r" (gpa >> RISCV_GPA_SHIFT), "r" (vmid) : "memory");
}

static inline void riscv_hfence_gvma_vmid(unsigned long vmid)
{
	asm volatile(".insn r 0x73, 0, 0x31, x0, x0, %0" : : "r" (vmid) : "memory");
}

static inline void riscv_hfence_gvma_all(void)
{
	asm volatile(".insn r 0x73, 0, 0x31, x0, x0, x0" : : : "memory");
}

/*
 * Flush VS-stage translations of the VMID in hgatp. Hardware that caches the stages separately does
 * not flush them by HFENCE.GVMA.
 */
static inline void riscv_hfence_vvma_all(void)
{
	asm volatile(".insn r 0x73, 0, 0x11, x0, x0, x0" : : : "memory");
}

/* hgatp for a root of @ia_bits: Sv39x4, Sv48x4 or Sv57x4. */
static inline unsigned long riscv_hgatp(u64 root, unsigned int ia_bits, unsigned long vmid)
{
	unsigned long mode = ia_bits > 50 ? HGATP_MODE_SV57X4 :
			     ia_bits > 41 ? HGATP_MODE_SV48X4 : HGATP_MODE_SV39X4;

	return mode << HGATP_MODE_SHIFT | vmid << HGATP_VMID_SHIFT |
	       root >> HGATP_PAGE_SHIFT;
}

#endif /* _AXVCPU_RISCV_HLV_H */
