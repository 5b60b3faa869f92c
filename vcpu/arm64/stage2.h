/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stage 2 registers for a kernel at EL2 with VHE, and the switch to and from the translation regime
 * of guests. Calls no other file; no locks. "Arm" is the Arm Architecture Reference Manual for
 * A-profile architecture, DDI 0487.
 */
#ifndef _AXVCPU_ARM64_STAGE2_H
#define _AXVCPU_ARM64_STAGE2_H

#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/minmax.h>
#include <linux/types.h>
#include <asm/alternative.h>
#include <asm/barrier.h>
#include <asm/cpufeature.h>
#include <asm/sysreg.h>
#include <asm/tlbflush.h>

#include "axas_compat.h"

/* HCR_EL2. Arm D23.2.58 */
#define A64_HCR_VM		BIT_ULL(0)	/* stage 2 is on */
#define A64_HCR_FMO		BIT_ULL(3)	/* FIQ, IRQ and SError are taken to EL2, */
#define A64_HCR_IMO		BIT_ULL(4)	/* and virtual ones are enabled */
#define A64_HCR_AMO		BIT_ULL(5)
#define A64_HCR_VI		BIT_ULL(7)	/* a virtual IRQ is pending */
#define A64_HCR_FB		BIT_ULL(9)	/* TLB and I-cache maintenance is broadcast */
#define A64_HCR_BSU_IS		BIT_ULL(10)	/* barriers reach the inner shareable domain */
#define A64_HCR_DC		BIT_ULL(12)	/* stage 1 off means cacheable memory */
#define A64_HCR_TWI		BIT_ULL(13)	/* traps WFI */
#define A64_HCR_TID2		BIT_ULL(17)	/* traps cache ID registers */
#define A64_HCR_TID3		BIT_ULL(18)	/* traps ID registers */
#define A64_HCR_TSC		BIT_ULL(19)	/* traps SMC */
#define A64_HCR_TIDCP		BIT_ULL(20)	/* traps implementation defined registers */
#define A64_HCR_TACR		BIT_ULL(21)	/* traps ACTLR_EL1 */
#define A64_HCR_TSW		BIT_ULL(22)	/* traps cache maintenance by set and way */
#define A64_HCR_TVM		BIT_ULL(26)	/* traps writes of stage 1's registers */
#define A64_HCR_TGE		BIT_ULL(27)	/* EL0 belongs to the host */
#define A64_HCR_RW		BIT_ULL(31)	/* EL1 is AArch64 */
#define A64_HCR_E2H		BIT_ULL(34)	/* the host runs at EL2 */
#define A64_HCR_TLOR		BIT_ULL(35)	/* traps limited ordering regions */
#define A64_HCR_TERR		BIT_ULL(36)	/* traps error records */
#define A64_HCR_TEA		BIT_ULL(37)	/* synchronous external aborts go to EL2 */
#define A64_HCR_FWB		BIT_ULL(46)	/* stage 2 controls cacheability */
#define A64_HCR_TID5		BIT_ULL(58)	/* traps GMID_EL1, FEAT_MTE2 */

/* VTCR_EL2. Arm D23.2.215 */
#define A64_VTCR_T0SZ		GENMASK_ULL(5, 0)
#define A64_VTCR_SL0		GENMASK_ULL(7, 6)
#define A64_VTCR_IRGN0_WBWA	BIT_ULL(8)
#define A64_VTCR_ORGN0_WBWA	BIT_ULL(10)
#define A64_VTCR_SH0_INNER	(3ull << 12)
#define A64_VTCR_TG0_4K		(0ull << 14)
#define A64_VTCR_PS		GENMASK_ULL(18, 16)
#define A64_VTCR_VS		BIT_ULL(19)	/* VMIDs have 16 bits */
#define A64_VTCR_RES1		BIT_ULL(31)

/* VTTBR_EL2. Arm D23.2.216 */
#define A64_VTTBR_VMID		GENMASK_ULL(63, 48)

/* 4-bit fields of ID registers. Arm D23.2.77 to D23.2.79 */
#define A64_MMFR0_PARANGE_SHIFT	0
#define A64_MMFR1_VMID_SHIFT	4		/* 2: 16 bits */
#define A64_MMFR2_FWB_SHIFT	40

#define A64_PS_48_BITS		5		/* encoding of PARange and PS */

static inline unsigned int a64_id_field(u64 reg, unsigned int shift)
{
	return (reg >> shift) & 0xf;
}

static inline unsigned int a64_vmid_bits(void)
{
	u64 mmfr1 = read_sanitised_ftr_reg(SYS_ID_AA64MMFR1_EL1);

	return a64_id_field(mmfr1, A64_MMFR1_VMID_SHIFT) == 2 ? 16 : 8;
}

/*
 * AmpereOne erratum AC04_CPU_23: a write of HCR_EL2 may corrupt translations of concurrent loads
 * and stores. The kernel's write_sysreg_hcr() has the workaround since 6.17.
 */
static inline void a64_write_hcr(u64 hcr)
{
	if (axas_has_ampere_hcr_erratum())
		asm volatile("dsb nsh\n\tmsr hcr_el2, %0\n\tisb" : : "r" (hcr) : "memory");
	else
		write_sysreg(hcr, hcr_el2);
}

/*
 * Wait until a broadcast TLBI has completed on all CPUs, and so have accesses by the old
 * translations. On many CPUs this takes a second TLBI and DSB (Cortex-A76 erratum 1286807 and
 * similar; 4118414, CVE-2025-10263: most of Arm's server cores). __tlbi() used to include it; then
 * the kernel moved it into __tlbi_sync_s1ish_hyp(), and a plain TLBI lost it. Doing it here is
 * independent of the kernel's macros.
 */
static inline void a64_tlbi_sync(void)
{
	dsb(ish);
	if (cpus_have_final_cap(ARM64_WORKAROUND_REPEAT_TLBI)) {
		__tlbi(vale2is, 0);
		dsb(ish);
	}
}

static inline bool a64_has_fwb(void)
{
	return a64_id_field(read_sanitised_ftr_reg(SYS_ID_AA64MMFR2_EL1), A64_MMFR2_FWB_SHIFT);
}

/*
 * Cortex-A77 erratum 1508412: a barrier must separate a load of device memory from a read of
 * PAR_EL1. Same as the kernel's read_sysreg_par(), which is a macro.
 */
static inline u64 a64_read_par(void)
{
	u64 par;

	asm volatile(ALTERNATIVE("nop", "dmb sy", ARM64_WORKAROUND_1508412) : : : "memory");
	par = read_sysreg(par_el1);
	asm volatile(ALTERNATIVE("nop", "dmb sy", ARM64_WORKAROUND_1508412) : : : "memory");
	return par;
}

/*
 * VTCR_EL2 for a table of @levels levels that translates @ia_bits. With a 4 KiB granule SL0 is 1
 * for three levels and 2 for four (Arm D8.2.5). HA and HD stay 0: hardware updates no flags in
 * stage 2 entries, which avoids AmpereOne erratum AC03_CPU_38.
 */
static inline u64 a64_vtcr(unsigned int ia_bits, unsigned int levels, unsigned int vmid_bits)
{
	u64 mmfr0 = read_sanitised_ftr_reg(SYS_ID_AA64MMFR0_EL1);
	unsigned int ps = min_t(unsigned int, a64_id_field(mmfr0, A64_MMFR0_PARANGE_SHIFT),
				A64_PS_48_BITS);

	return FIELD_PREP(A64_VTCR_T0SZ, 64 - ia_bits) | FIELD_PREP(A64_VTCR_SL0, levels - 2) |
	       A64_VTCR_IRGN0_WBWA | A64_VTCR_ORGN0_WBWA | A64_VTCR_SH0_INNER |
	       A64_VTCR_TG0_4K | FIELD_PREP(A64_VTCR_PS, ps) |
	       (vmid_bits > 8 ? A64_VTCR_VS : 0) | A64_VTCR_RES1;
}

/*
 * CnP stays 0: CPUs do not share TLB entries (Arm D8.14.1.2), which avoids the erratum of NVIDIA's
 * Carmel.
 */
static inline u64 a64_vttbr(u64 root, unsigned int vmid)
{
	return FIELD_PREP(A64_VTTBR_VMID, vmid) | root;
}

/**
 * struct a64_regime - the host's registers while a guest's regime is in place
 * @vtcr: VTCR_EL2
 * @vttbr: VTTBR_EL2
 * @hcr: HCR_EL2
 */
struct a64_regime {
	u64 vtcr;
	u64 vttbr;
	u64 hcr;
};

/*
 * Until a64_leave_regime(), TLB maintenance and address translation instructions apply to the guest
 * of VTTBR_EL2; with HCR_EL2.TGE set they apply to the host (Arm D8.17.6.1). Stage 2 must be in
 * place before TGE is cleared, since a walk may start at once. Interrupts stay off throughout.
 */
static inline void a64_enter_regime(struct a64_regime *was, u64 vtcr, u64 vttbr, u64 hcr)
{
	was->vtcr = read_sysreg(vtcr_el2);
	was->vttbr = read_sysreg(vttbr_el2);
	was->hcr = read_sysreg(hcr_el2);
	write_sysreg(vtcr, vtcr_el2);
	write_sysreg(vttbr, vttbr_el2);
	isb();
	a64_write_hcr(hcr);
	isb();
}

static inline void a64_leave_regime(const struct a64_regime *was)
{
	isb();
	a64_write_hcr(was->hcr);
	isb();
	write_sysreg(was->vttbr, vttbr_el2);
	write_sysreg(was->vtcr, vtcr_el2);
	isb();
}

#endif /* _AXVCPU_ARM64_STAGE2_H */
