// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local APICs in x2APIC mode: registers by MSR, the timer, interrupts between processors. The task
 * priority is the vCPU's CR8. Calls machine_kick(). The machine's lock is held.
 *
 * Intel SDM vol. 3A, chapter 11.
 */
#include "../boot.h"

#include <string.h>
#include <x86intrin.h>

#define MSR_APIC_BASE		0x1b
#define MSR_TSC_DEADLINE	0x6e0
#define MSR_X2APIC		0x800
#define MSR_X2APIC_LAST		0x8ff

#define BASE_BSP		0x100u
#define BASE_X2APIC		0x400u
#define BASE_ENABLE		0x800u
#define BASE_ADDRESS		0xfee00000u

/* Registers, by MSR number from MSR_X2APIC. SDM table 11-6. */
enum {
	REG_ID = 0x02, REG_VERSION = 0x03, REG_TPR = 0x08, REG_PPR = 0x0a, REG_EOI = 0x0b,
	REG_LDR = 0x0d, REG_SVR = 0x0f, REG_ISR = 0x10, REG_TMR = 0x18, REG_IRR = 0x20,
	REG_ESR = 0x28, REG_CMCI = 0x2f, REG_ICR = 0x30, REG_LVT = 0x32, REG_LVT_LAST = 0x37,
	REG_INITIAL = 0x38, REG_CURRENT = 0x39, REG_DIVIDE = 0x3e, REG_SELF = 0x3f,
};

/* The local vector table, by register from REG_LVT; CMCI is the last. */
enum { LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_CMCI };

#define LVT_MASKED		0x10000u
#define LVT_MODE		0x700u
#define LVT_EXTINT		0x700u
#define TIMER_MODE		0x60000u
#define TIMER_PERIODIC		0x20000u
#define TIMER_DEADLINE		0x40000u

#define VERSION			(0x14 | (6 << 16))
#define SVR_ENABLE		0x100u
#define TIMER_HZ		NSEC	/* before its divider */

#define ICR_MODE		0x700u
#define ICR_FIXED		0x0u
#define ICR_LOWEST		0x100u
#define ICR_INIT		0x500u
#define ICR_STARTUP		0x600u
#define ICR_LOGICAL		0x800u
#define ICR_ASSERT		0x4000u
#define ICR_LEVEL		0x8000u
#define ICR_SHORTHAND		0xc0000u
#define ICR_SELF		0x40000u
#define ICR_ALL			0x80000u
#define ICR_OTHERS		0xc0000u
#define BROADCAST		0xffffffffu

bool apic_msr(u32 msr)
{
	return msr == MSR_APIC_BASE || msr == MSR_TSC_DEADLINE ||
	       (msr >= MSR_X2APIC && msr <= MSR_X2APIC_LAST);
}

/* As firmware leaves it: enabled in x2APIC mode, the 8259 connected to the first one. */
void apic_reset(struct apic *a, u32 id)
{
	memset(a, 0, sizeof(*a));
	a->id = id;
	a->base = BASE_ADDRESS | BASE_ENABLE | BASE_X2APIC | (id ? 0 : BASE_BSP);
	a->svr = 0xff;
	for (int i = 0; i <= LVT_CMCI; i++)
		a->lvt[i] = LVT_MASKED;
	if (!id)
		a->lvt[LVT_LINT0] = LVT_EXTINT;
	a->due = NEVER;
}

static void set(u64 *bits, u32 vector)
{
	bits[vector / 64] |= 1ull << vector % 64;
}

static void clear(u64 *bits, u32 vector)
{
	bits[vector / 64] &= ~(1ull << vector % 64);
}

static int highest(const u64 *bits)
{
	for (int i = 3; i >= 0; i--)
		if (bits[i])
			return i * 64 + 63 - __builtin_clzll(bits[i]);
	return -1;
}

int apic_pending(const struct apic *a)
{
	int vector = highest(a->irr), busy = highest(a->isr);

	if (!(a->svr & SVR_ENABLE) || vector < 0)
		return -1;
	return busy >= 0 && vector >> 4 <= busy >> 4 ? -1 : vector;
}

void apic_ack(struct apic *a, u32 vector)
{
	clear(a->irr, vector);
	set(a->isr, vector);
}

bool apic_takes_pic(const struct apic *a)
{
	u32 lint0 = a->lvt[LVT_LINT0];

	return !(lint0 & LVT_MASKED) && (lint0 & LVT_MODE) == LVT_EXTINT;
}

static void raise(struct cpu *cpu, u32 vector)
{
	if (vector < 32)
		return;
	set(cpu->arch.apic.irr, vector);
	machine_kick(cpu);
}

/* The logical number: a cluster of 16, and a bit in it. SDM 11.12.10.2. */
static u32 logical_id(const struct apic *a)
{
	return a->id >> 4 << 16 | 1u << (a->id & 15);
}

static bool is_target(const struct apic *a, u32 to, u64 icr)
{
	if (to == BROADCAST)
		return true;
	if (!(icr & ICR_LOGICAL))
		return a->id == to;
	return a->id >> 4 == to >> 16 && logical_id(a) & to & 0xffff;
}

static void deliver(struct cpu *cpu, u64 icr)
{
	switch (icr & ICR_MODE) {
	case ICR_FIXED:
	case ICR_LOWEST:
		raise(cpu, icr & 0xff);
		break;
	case ICR_INIT:
		/* The de-assert of old has no effect. */
		if (icr & ICR_LEVEL && !(icr & ICR_ASSERT))
			break;
		/* One that waits for its startup has nothing to be reset. */
		cpu->reset = !cpu->wait;
		cpu->start = false;
		machine_kick(cpu);
		break;
	case ICR_STARTUP:
		cpu->start = cpu->wait || cpu->reset;
		cpu->entry = (icr & 0xff) << 12;
		machine_kick(cpu);
		break;
	}
}

static void send(struct cpu *from, u64 icr)
{
	struct machine *m = from->m;
	u32 shorthand = icr & ICR_SHORTHAND;

	for (u32 i = 0; i < m->nr_cpus; i++) {
		struct cpu *cpu = &m->cpu[i];
		bool self = cpu == from;

		if (shorthand == ICR_SELF ? self : shorthand == ICR_ALL ? true :
		    shorthand == ICR_OTHERS ? !self : is_target(&cpu->arch.apic, icr >> 32, icr))
			deliver(cpu, icr);
	}
}

/* SDM 11.5.4: 0b1011 divides by 1, the others by 2 to 128. */
static u32 divider(const struct apic *a)
{
	u32 code = (a->divide & 3) | (a->divide >> 1 & 4);

	return code == 7 ? 1 : 2u << code;
}

static u64 period(const struct apic *a)
{
	return (u64)a->initial * divider(a) * (NSEC / TIMER_HZ);
}

static bool is_deadline(const struct apic *a)
{
	return (a->lvt[LVT_TIMER] & TIMER_MODE) == TIMER_DEADLINE;
}

static void start_timer(struct cpu *cpu)
{
	struct apic *a = &cpu->arch.apic;

	a->started = now_ns();
	a->due = a->initial ? a->started + period(a) : NEVER;
}

/* The guest's TSC is the host's. */
static void set_deadline(struct cpu *cpu, u64 tsc)
{
	struct apic *a = &cpu->arch.apic;
	u64 now = __rdtsc();

	if (!is_deadline(a))
		return;
	a->tsc_deadline = tsc;
	a->due = !tsc ? NEVER : tsc <= now ? now_ns() :
		 now_ns() + (u64)((__uint128_t)(tsc - now) * 1000000 / cpu->m->arch.tsc_khz);
}

void apic_expire(struct apic *a, u64 now)
{
	u32 lvt = a->lvt[LVT_TIMER];

	if (now < a->due)
		return;
	a->tsc_deadline = 0;
	if ((lvt & TIMER_MODE) == TIMER_PERIODIC && period(a))
		a->due += (now - a->due) / period(a) * period(a) + period(a);
	else
		a->due = NEVER;
	if (!(lvt & LVT_MASKED) && (lvt & 0xff) >= 32)
		set(a->irr, lvt & 0xff);
}

static u32 current_count(const struct apic *a)
{
	u64 now = now_ns();

	if (is_deadline(a) || a->due == NEVER || now >= a->due)
		return 0;
	return (a->due - now) / (divider(a) * (NSEC / TIMER_HZ));
}

static void write_lvt(struct apic *a, u32 i, u32 val)
{
	u32 old = a->lvt[i];

	a->lvt[i] = val;
	/* A change of the timer's mode disarms it. SDM 11.5.4.1. */
	if (i == LVT_TIMER && (old ^ val) & TIMER_DEADLINE)
		a->due = NEVER;
}

static bool write_tpr(struct cpu *cpu, u64 val)
{
	struct axvcpu_regs regs;

	if (val > 0xff || axvcpu_get_regs(cpu->fd, &regs))
		return false;
	regs.cr8 = val >> 4;
	return !axvcpu_set_regs(cpu->fd, &regs);
}

static u64 read_tpr(struct cpu *cpu)
{
	struct axvcpu_regs regs;

	return axvcpu_get_regs(cpu->fd, &regs) ? 0 : regs.cr8 << 4;
}

static u64 read_ppr(struct cpu *cpu)
{
	int busy = highest(cpu->arch.apic.isr);
	u64 tpr = read_tpr(cpu);

	return busy >= 0 && (u64)(busy & 0xf0) > tpr ? (u64)(busy & 0xf0) : tpr;
}

static bool read_reg(struct cpu *cpu, u32 reg, u64 *val)
{
	const struct apic *a = &cpu->arch.apic;

	switch (reg) {
	case REG_ID:
		*val = a->id;
		return true;
	case REG_VERSION:
		*val = VERSION;
		return true;
	case REG_TPR:
		*val = read_tpr(cpu);
		return true;
	case REG_PPR:
		*val = read_ppr(cpu);
		return true;
	case REG_LDR:
		*val = logical_id(a);
		return true;
	case REG_SVR:
		*val = a->svr;
		return true;
	case REG_ISR ... REG_ISR + 7:
		*val = (u32)(a->isr[(reg - REG_ISR) / 2] >> 32 * (reg & 1));
		return true;
	case REG_IRR ... REG_IRR + 7:
		*val = (u32)(a->irr[(reg - REG_IRR) / 2] >> 32 * (reg & 1));
		return true;
	case REG_TMR ... REG_TMR + 7:
	case REG_ESR:
		*val = 0;
		return true;
	case REG_CMCI:
		*val = a->lvt[LVT_CMCI];
		return true;
	case REG_ICR:
		*val = a->icr;
		return true;
	case REG_LVT ... REG_LVT_LAST:
		*val = a->lvt[reg - REG_LVT];
		return true;
	case REG_INITIAL:
		*val = a->initial;
		return true;
	case REG_CURRENT:
		*val = current_count(a);
		return true;
	case REG_DIVIDE:
		*val = a->divide;
		return true;
	default:
		return false;
	}
}

bool apic_read(struct cpu *cpu, u32 msr, u64 *val)
{
	if (msr == MSR_APIC_BASE) {
		*val = cpu->arch.apic.base;
		return true;
	}
	if (msr == MSR_TSC_DEADLINE) {
		*val = cpu->arch.apic.tsc_deadline;
		return true;
	}
	return read_reg(cpu, msr - MSR_X2APIC, val);
}

static bool write_reg(struct cpu *cpu, u32 reg, u64 val)
{
	struct apic *a = &cpu->arch.apic;
	int busy = highest(a->isr);

	switch (reg) {
	case REG_TPR:
		return write_tpr(cpu, val);
	case REG_EOI:
		if (busy >= 0)
			clear(a->isr, busy);
		return !val;
	case REG_SVR:
		a->svr = val;
		return true;
	case REG_ESR:
		return !val;
	case REG_CMCI:
		write_lvt(a, LVT_CMCI, val);
		return true;
	case REG_ICR:
		a->icr = val;
		send(cpu, val);
		return true;
	case REG_LVT ... REG_LVT_LAST:
		write_lvt(a, reg - REG_LVT, val);
		return true;
	case REG_INITIAL:
		a->initial = val;
		if (!is_deadline(a))
			start_timer(cpu);
		return true;
	case REG_DIVIDE:
		a->divide = val;
		return true;
	case REG_SELF:
		raise(cpu, val & 0xff);
		return true;
	default:
		return false;
	}
}

/* IA32_APIC_BASE: the mode is fixed. */
bool apic_write(struct cpu *cpu, u32 msr, u64 val)
{
	if (msr == MSR_APIC_BASE)
		return val == cpu->arch.apic.base;
	if (msr == MSR_TSC_DEADLINE) {
		set_deadline(cpu, val);
		return true;
	}
	return write_reg(cpu, msr - MSR_X2APIC, val);
}
