// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts of the GICv3 on their way to vCPUs. The module has the CPU interfaces: what the guest
 * has enabled is injected, and taken back when it is changed before the guest has acknowledged it.
 * What a vCPU has acknowledged is active in the module alone. Calls libaxas. The machine's lock is
 * held.
 */
#include "../boot.h"

#include <string.h>

#define TIMER_BIT	0x08000000u	/* IRQ_TIMER */
#define SGIS		0xffffu

static bool is_private(const struct machine *m, const struct gic_bank *bank)
{
	return bank < m->arch.spi || bank >= m->arch.spi + NR_SPI_BANKS;
}

/* The number of a bank's first interrupt. */
static u32 first_of(const struct machine *m, const struct gic_bank *bank)
{
	return is_private(m, bank) ? 0 : SPI_FIRST + 32 * (u32)(bank - m->arch.spi);
}

static struct cpu *target(struct machine *m, const struct gic_bank *bank, u32 i)
{
	u32 id = bank->route[i];

	return id < m->nr_cpus && m->cpu[id].arch.on ? &m->cpu[id] : NULL;
}

static void reset_bank(struct gic_bank *bank, u32 cpu)
{
	memset(bank, 0, sizeof(*bank));
	for (u32 i = 0; i < 32; i++)
		bank->route[i] = cpu;
}

void irq_reset(struct machine *m)
{
	m->arch.gicd_ctlr = 0;
	for (u32 i = 0; i < NR_SPI_BANKS; i++)
		reset_bank(&m->arch.spi[i], 0);
	for (u32 i = 0; i < m->nr_cpus; i++) {
		struct arch_cpu *arch = &m->cpu[i].arch;

		reset_bank(&arch->bank, i);
		arch->bank.edge = SGIS;
		arch->asleep = true;
		arch->on = false;
	}
}

/* The timer's line is the module's. */
static u32 how_of(const struct machine *m, const struct gic_bank *bank, u32 bit)
{
	if (is_private(m, bank) && bit == TIMER_BIT)
		return AXVCPU_INJECT_TIMER;
	return bank->latched & bit ? 0 : AXVCPU_INJECT_RAISE;
}

static bool wanted(const struct machine *m, const struct gic_bank *bank, u32 bit)
{
	if (!(m->arch.gicd_ctlr & GRP1_ENABLED) || !(bank->enabled & bank->group & bit))
		return false;
	return (bank->latched | (bank->lines & ~bank->edge)) & bit ||
	       how_of(m, bank, bit) == AXVCPU_INJECT_TIMER;
}

static void deliver(struct machine *m, struct gic_bank *bank, u32 i)
{
	struct cpu *cpu = target(m, bank, i);
	u32 bit = 1u << i, how = how_of(m, bank, bit);

	if (!cpu || !wanted(m, bank, bit) || (how && bank->sent & bit))
		return;
	if (axvcpu_interrupt(cpu->fd, how, first_of(m, bank) + i, bank->priority[i]) < 0)
		return;
	bank->sent |= bit;
	if (!how)
		bank->latched &= ~bit;
}

static void take_back(struct machine *m, struct gic_bank *bank, u32 i)
{
	struct cpu *cpu = target(m, bank, i);
	u32 bit = 1u << i;

	if (!(bank->sent & bit))
		return;
	bank->sent &= ~bit;
	if (cpu && axvcpu_interrupt(cpu->fd, AXVCPU_INJECT_LOWER, first_of(m, bank) + i, 0) > 0)
		bank->latched |= bit;
}

void irq_take_back(struct machine *m, struct gic_bank *bank, u32 bits)
{
	for (; bits; bits &= bits - 1)
		take_back(m, bank, __builtin_ctz(bits));
}

void irq_deliver(struct machine *m, struct gic_bank *bank, u32 bits)
{
	for (; bits; bits &= bits - 1)
		deliver(m, bank, __builtin_ctz(bits));
}

static void for_all(struct machine *m,
		    void (*what)(struct machine *m, struct gic_bank *bank, u32 bits))
{
	for (u32 i = 0; i < NR_SPI_BANKS; i++)
		what(m, &m->arch.spi[i], ~0u);
	for (u32 i = 0; i < m->nr_cpus; i++)
		what(m, &m->cpu[i].arch.bank, ~0u);
}

void irq_take_back_all(struct machine *m)
{
	for_all(m, irq_take_back);
}

void irq_deliver_all(struct machine *m)
{
	for_all(m, irq_deliver);
}

void irq_cpu_on(struct cpu *cpu)
{
	cpu->arch.on = true;
	irq_deliver_all(cpu->m);
}

/* Its reset has dropped what it had. */
void irq_cpu_off(struct cpu *cpu)
{
	cpu->arch.on = false;
	cpu->arch.bank.sent = 0;
	for (u32 i = 0; i < 32 * NR_SPI_BANKS; i++)
		if (cpu->m->arch.spi[i / 32].route[i % 32] == cpu->id)
			cpu->m->arch.spi[i / 32].sent &= ~(1u << i % 32);
}

void irq_set(struct machine *m, u32 irq, bool level)
{
	struct gic_bank *bank = &m->arch.spi[(irq - SPI_FIRST) / 32];
	u32 bit = 1u << irq % 32;

	if (level == !!(bank->lines & bit))
		return;
	bank->lines ^= bit;
	if (level && bank->edge & bit)
		bank->latched |= bit;
	if (level)
		irq_deliver(m, bank, bit);
	else if (!(bank->edge & bit))
		irq_take_back(m, bank, bit);
}

static void send_to(struct cpu *cpu, u32 sgi)
{
	cpu->arch.bank.latched |= 1u << sgi;
	irq_deliver(cpu->m, &cpu->arch.bank, 1u << sgi);
}

/* Numbers of CPUs are their affinity of level 0; the other levels are 0. */
void irq_send(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	struct machine *m = cpu->m;
	u32 sgi = exit->send_ipi.vector & 15;

	for (u32 i = 0; i < m->nr_cpus; i++) {
		bool listed = !exit->send_ipi.target && exit->send_ipi.target_aux >> i & 1;

		if (exit->send_ipi.to_all ? i != cpu->id : listed)
			send_to(&m->cpu[i], sgi);
	}
}
