/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The CPU interface of a guest's interrupt controller, a GICv3: what is pending, active and masked
 * for one vCPU. Hardware independent, so that KUnit can test it on any machine. "GIC" is the Arm
 * Generic Interrupt Controller Architecture Specification, IHI 0069.
 *
 * Each entry determines in software whether an interrupt is to be signalled (HCR_EL2.VI), and the
 * guest's accesses to the interface trap: the list registers of the host's GIC are not used. So no
 * state of a guest is in hardware, and the host's driver keeps its maintenance interrupt. The price
 * is two exits within the kernel for an interrupt. On a CPU without these registers there is
 * nothing to trap, and guests have no GIC.
 *
 * The VMM has the distributor and the redistributors, which enable and route interrupts.
 *
 * Locks: none. The vCPU's own thread uses all of it; other threads only call a64_gic_change(),
 * which writes @pending, @lines, @priority and @timer, and then make the vCPU leave its guest and
 * look again.
 */
#ifndef _AXVCPU_ARM64_GIC_H
#define _AXVCPU_ARM64_GIC_H

#include <linux/bitmap.h>
#include <linux/types.h>

#define A64_GIC_NR		256	/* interrupts: SGIs, PPIs, SPIs 32 to 255 */
#define A64_GIC_SPURIOUS	1023
#define A64_GIC_NO_TIMER	A64_GIC_NR

/* Priorities have 5 bits, all of which may preempt: one active priorities register. */
#define A64_GIC_PRIORITY_BITS	5
#define A64_GIC_PRIORITY	0xf8u
#define A64_GIC_IDLE		0xffu	/* running priority of none */
#define A64_GIC_BPR_MIN		3u

/**
 * enum a64_gic_change - what happens to an interrupt
 * @A64_GIC_EDGE: it is pending, once
 * @A64_GIC_RAISE: its line is high: it is pending until the line is lowered
 * @A64_GIC_LOWER: its line is low, and it is not pending
 * @A64_GIC_TIMER: its line is the vCPU's virtual timer's, until it is lowered
 */
enum a64_gic_change {
	A64_GIC_EDGE,
	A64_GIC_RAISE,
	A64_GIC_LOWER,
	A64_GIC_TIMER,
};

/**
 * struct a64_gic - the CPU interface
 * @pmr: ICC_PMR_EL1: priorities below it, in number, are signalled
 * @bpr1: ICC_BPR1_EL1: how many lower bits of a priority do not preempt
 * @enabled: ICC_IGRPEN1_EL1
 * @split: ICC_CTLR_EL1.EOImode: an end does not deactivate
 * @apr: ICC_AP1R0_EL1: a bit for each priority that is active, the highest in bit 0
 * @timer: the interrupt that follows the virtual timer, or A64_GIC_NO_TIMER
 * @active: acknowledged, not deactivated
 * @pending: edges
 * @lines: lines that are high
 * @priority: by interrupt
 */
struct a64_gic {
	u8 pmr;
	u8 bpr1;
	bool enabled;
	bool split;
	u32 apr;
	u32 timer;
	DECLARE_BITMAP(active, A64_GIC_NR);
	DECLARE_BITMAP(pending, A64_GIC_NR);
	DECLARE_BITMAP(lines, A64_GIC_NR);
	u8 priority[A64_GIC_NR];
};

void a64_gic_reset(struct a64_gic *gic);

/*
 * By any thread: @what happens to interrupt @id, which has @priority from now on unless it is
 * lowered. Returns 1 when an edge was still pending that A64_GIC_LOWER takes back, else 0.
 */
int a64_gic_change(struct a64_gic *gic, enum a64_gic_change what, u32 id, u8 priority);

/* The following get the level of the virtual timer. Whether an interrupt is signalled: */
bool a64_gic_signals(const struct a64_gic *gic, bool timer);
/* ICC_HPPIR1_EL1 and ICC_IAR1_EL1: the interrupt, or A64_GIC_SPURIOUS. */
u32 a64_gic_highest(const struct a64_gic *gic, bool timer);
u32 a64_gic_acknowledge(struct a64_gic *gic, bool timer);
/* ICC_EOIR1_EL1, ICC_DIR_EL1: any @id. */
void a64_gic_end(struct a64_gic *gic, u64 id);
void a64_gic_deactivate(struct a64_gic *gic, u64 id);
/* ICC_RPR_EL1 */
u32 a64_gic_running(const struct a64_gic *gic);
void a64_gic_set_bpr1(struct a64_gic *gic, u64 val);

#endif /* _AXVCPU_ARM64_GIC_H */
