// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PLIC: 31 level-triggered sources, a context for each CPU's supervisor. Sets the external
 * interrupt line of the vCPUs. The machine's lock is held.
 *
 * RISC-V Platform-Level Interrupt Controller Specification, 1.0.0.
 */
#include "../boot.h"

#include <string.h>

/* Registers of 4 bytes. */
#define PRIORITY	0x000000	/* of each source */
#define PENDING		0x001000	/* a bit for each source */
#define ENABLE		0x002000	/* of each context, 0x80 apart */
#define ENABLE_SIZE	0x80
#define CONTEXT		0x200000	/* of each context, 0x1000 apart */
#define CONTEXT_SIZE	0x1000
#define THRESHOLD	0
#define CLAIM		4

#define PRIORITY_MAX	7

/* The gateway of a level-triggered source is open unless it is claimed. */
static u32 pending(const struct plic *p)
{
	return p->lines & ~p->claimed;
}

/* The source with the highest priority, then the lowest number; 0: none. 0 is no priority. */
static u32 best(const struct plic *p, u32 context)
{
	u32 irqs = pending(p) & p->enable[context], found = 0;

	for (u32 irq = 1; irq < NR_IRQS; irq++)
		if (irqs & 1u << irq && p->priority[irq] > p->priority[found])
			found = irq;
	return found;
}

void plic_update(struct cpu *cpu)
{
	const struct plic *p = &cpu->m->arch.plic;
	bool level = p->priority[best(p, cpu->id)] > p->threshold[cpu->id];

	if (!cpu->arch.on || level == cpu->arch.line)
		return;
	cpu->arch.line = level;
	axvcpu_set_line(cpu->fd, AXVCPU_RISCV_LINE_EXTERNAL, level);
}

static void update(struct machine *m)
{
	for (u32 i = 0; i < m->nr_cpus; i++)
		plic_update(&m->cpu[i]);
}

void plic_reset(struct machine *m)
{
	memset(&m->arch.plic, 0, sizeof(m->arch.plic));
}

void plic_set(struct machine *m, unsigned int irq, bool level)
{
	struct plic *p = &m->arch.plic;
	u32 lines = level ? p->lines | 1u << irq : p->lines & ~(1u << irq);

	if (lines == p->lines)
		return;
	p->lines = lines;
	update(m);
}

/* Not affected by the threshold. */
static u32 claim(struct machine *m, u32 context)
{
	struct plic *p = &m->arch.plic;
	u32 irq = best(p, context);

	if (irq) {
		p->claimed |= 1u << irq;
		update(m);
	}
	return irq;
}

/* Ignored for a source that does not interrupt the context. */
static void complete(struct plic *p, u32 context, u32 irq)
{
	if (irq < NR_IRQS)
		p->claimed &= ~(p->enable[context] & 1u << irq);
}

static void write_context(struct plic *p, u32 context, u32 reg, u32 val)
{
	if (reg == THRESHOLD)
		p->threshold[context] = val & PRIORITY_MAX;
	else if (reg == CLAIM)
		complete(p, context, val);
}

/* The context of an offset into its registers; other contexts than those of CPUs: false. */
static bool context_of(const struct machine *m, u64 offset, u64 size, u32 *context)
{
	*context = offset / size;
	return offset / size < m->nr_cpus;
}

void plic_write(struct machine *m, u64 offset, u32 val)
{
	struct plic *p = &m->arch.plic;
	u32 context;

	if (offset < PRIORITY + 4 * NR_IRQS) {
		if (offset)
			p->priority[offset / 4] = val & PRIORITY_MAX;
	} else if (offset >= CONTEXT) {
		if (context_of(m, offset - CONTEXT, CONTEXT_SIZE, &context))
			write_context(p, context, offset % CONTEXT_SIZE, val);
	} else if (offset >= ENABLE && offset % ENABLE_SIZE == 0) {
		if (context_of(m, offset - ENABLE, ENABLE_SIZE, &context))
			p->enable[context] = val & ~1u;
	}
	update(m);
}

static u32 read_context(struct machine *m, u32 context, u32 reg)
{
	if (reg == THRESHOLD)
		return m->arch.plic.threshold[context];
	return reg == CLAIM ? claim(m, context) : 0;
}

u32 plic_read(struct machine *m, u64 offset)
{
	const struct plic *p = &m->arch.plic;
	u32 context;

	if (offset < PRIORITY + 4 * NR_IRQS)
		return p->priority[offset / 4];
	if (offset == PENDING)
		return pending(p);
	if (offset >= CONTEXT && context_of(m, offset - CONTEXT, CONTEXT_SIZE, &context))
		return read_context(m, context, offset % CONTEXT_SIZE);
	if (offset >= ENABLE && offset < CONTEXT && offset % ENABLE_SIZE == 0 &&
	    context_of(m, offset - ENABLE, ENABLE_SIZE, &context))
		return p->enable[context];
	return 0;
}
