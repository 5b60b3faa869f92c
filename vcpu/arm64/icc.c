// SPDX-License-Identifier: GPL-2.0-only
/*
 * The GICv3 registers of a guest's CPU, ICC_*_EL1, which all trap (ICH_HCR_EL2.TC, TALL0, TALL1).
 * Group 0 is there, without interrupts. Called with interrupts off and the guest's registers on the
 * CPU. Calls gic.c and timer.c. No locks.
 *
 * "GIC" is the Arm Generic Interrupt Controller Architecture Specification, IHI 0069.
 */
#include <linux/bitfield.h>

#include "arm64.h"
#include "sysreg.h"

#define ICC_PMR		A64_REG(3, 0, 4, 6, 0)
#define ICC_IAR0	A64_REG(3, 0, 12, 8, 0)
#define ICC_EOIR0	A64_REG(3, 0, 12, 8, 1)
#define ICC_HPPIR0	A64_REG(3, 0, 12, 8, 2)
#define ICC_BPR0	A64_REG(3, 0, 12, 8, 3)
#define ICC_AP0R0	A64_REG(3, 0, 12, 8, 4)
#define ICC_AP1R0	A64_REG(3, 0, 12, 9, 0)
#define ICC_DIR		A64_REG(3, 0, 12, 11, 1)
#define ICC_RPR		A64_REG(3, 0, 12, 11, 3)
#define ICC_SGI1R	A64_REG(3, 0, 12, 11, 5)
#define ICC_IAR1	A64_REG(3, 0, 12, 12, 0)
#define ICC_EOIR1	A64_REG(3, 0, 12, 12, 1)
#define ICC_HPPIR1	A64_REG(3, 0, 12, 12, 2)
#define ICC_BPR1	A64_REG(3, 0, 12, 12, 3)
#define ICC_CTLR	A64_REG(3, 0, 12, 12, 4)
#define ICC_SRE		A64_REG(3, 0, 12, 12, 5)
#define ICC_IGRPEN0	A64_REG(3, 0, 12, 12, 6)
#define ICC_IGRPEN1	A64_REG(3, 0, 12, 12, 7)

#define SRE_ALWAYS	7u			/* system registers only. GIC 12.2.22 */
#define BPR0_MIN	2u
#define INTID		GENMASK_ULL(23, 0)

/* ICC_CTLR_EL1; INTIDs have 16 bits. GIC 12.2.6 */
#define CTLR_EOIMODE	BIT_ULL(1)
#define CTLR_PRIBITS	((A64_GIC_PRIORITY_BITS - 1) << 8)

/* ICC_SGI1R_EL1. GIC 12.2.20 */
#define SGI_TARGETS	GENMASK_ULL(15, 0)
#define SGI_AFF1	GENMASK_ULL(23, 16)
#define SGI_ID		GENMASK_ULL(27, 24)
#define SGI_AFF2	GENMASK_ULL(39, 32)
#define SGI_TO_OTHERS	BIT_ULL(40)
#define SGI_AFF3	GENMASK_ULL(55, 48)

/* Affinity fields of MPIDR_EL1. Arm D23.2.121 */
#define MPIDR_AFF1	GENMASK_ULL(15, 8)
#define MPIDR_AFF2	GENMASK_ULL(23, 16)
#define MPIDR_AFF3	GENMASK_ULL(39, 32)

bool axvcpu_arm64_irq(const struct axvcpu_arm64 *a64)
{
	return a64_gic_signals(&a64->gic, axvcpu_arm64_timer_line(a64));
}

bool axvcpu_arm64_icc_read(struct axvcpu *vcpu, u32 reg, u64 *val)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);
	struct a64_gic *gic = &a64->gic;

	switch (reg) {
	case ICC_IAR1:
		*val = a64_gic_acknowledge(gic, axvcpu_arm64_timer_line(a64));
		return true;
	case ICC_HPPIR1:
		*val = a64_gic_highest(gic, axvcpu_arm64_timer_line(a64));
		return true;
	case ICC_RPR:
		*val = a64_gic_running(gic);
		return true;
	case ICC_PMR:
		*val = gic->pmr;
		return true;
	case ICC_BPR1:
		*val = gic->bpr1;
		return true;
	case ICC_AP1R0:
		*val = gic->apr;
		return true;
	case ICC_IGRPEN1:
		*val = gic->enabled;
		return true;
	case ICC_CTLR:
		*val = CTLR_PRIBITS | (gic->split ? CTLR_EOIMODE : 0);
		return true;
	case ICC_SRE:
		*val = SRE_ALWAYS;
		return true;
	case ICC_IAR0:
	case ICC_HPPIR0:
		*val = A64_GIC_SPURIOUS;
		return true;
	case ICC_BPR0:
		*val = BPR0_MIN;
		return true;
	case ICC_AP0R0:
	case ICC_IGRPEN0:
		*val = 0;
		return true;
	default:
		return false;
	}
}

bool axvcpu_arm64_icc_write(struct axvcpu *vcpu, u32 reg, u64 val)
{
	struct a64_gic *gic = &to_arm64(vcpu)->gic;

	switch (reg) {
	case ICC_EOIR1:
		a64_gic_end(gic, val & INTID);
		return true;
	case ICC_DIR:
		if (gic->split)
			a64_gic_deactivate(gic, val & INTID);
		return true;
	case ICC_PMR:
		gic->pmr = val & A64_GIC_PRIORITY;
		return true;
	case ICC_BPR1:
		a64_gic_set_bpr1(gic, val);
		return true;
	case ICC_AP1R0:
		gic->apr = val;
		return true;
	case ICC_IGRPEN1:
		gic->enabled = val & 1;
		return true;
	case ICC_CTLR:
		gic->split = val & CTLR_EOIMODE;
		return true;
	case ICC_SRE:
	case ICC_EOIR0:
	case ICC_BPR0:
	case ICC_AP0R0:
	case ICC_IGRPEN0:
		return true;
	default:
		return false;
	}
}

bool axvcpu_arm64_icc_sgi(u32 reg, u64 val, struct axvcpu_exit *exit)
{
	if (reg != ICC_SGI1R)
		return false;
	exit->reason = AXVCPU_EXIT_SEND_IPI;
	exit->send_ipi.target = FIELD_PREP(MPIDR_AFF1, FIELD_GET(SGI_AFF1, val)) |
				FIELD_PREP(MPIDR_AFF2, FIELD_GET(SGI_AFF2, val)) |
				FIELD_PREP(MPIDR_AFF3, FIELD_GET(SGI_AFF3, val));
	exit->send_ipi.target_aux = FIELD_GET(SGI_TARGETS, val);
	exit->send_ipi.to_all = !!(val & SGI_TO_OTHERS);
	exit->send_ipi.vector = FIELD_GET(SGI_ID, val);
	return true;
}
