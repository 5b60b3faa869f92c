// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers of a GICv3's distributor and redistributors, as without security and with affinity
 * routing: no LPIs, no SPIs that any CPU may take. The active state of interrupts, which the module
 * has, reads as zero. Calls irq.c. The machine's lock is held.
 *
 * "Arm Generic Interrupt Controller Architecture Specification", IHI 0069, chapter 12.
 */
#include "../boot.h"

/* Of both, where they have the same register; those of interrupts are arrays. */
enum {
	CTLR = 0x0000, TYPER = 0x0004, IIDR = 0x0008, IGROUPR = 0x0080, ISENABLER = 0x0100,
	ICENABLER = 0x0180, ISPENDR = 0x0200, ICPENDR = 0x0280, ISACTIVER = 0x0300,
	IPRIORITYR = 0x0400, ITARGETSR = 0x0800, ICFGR = 0x0c00, IGRPMODR = 0x0d00,
	IROUTER = 0x6000, IROUTER_END = 0x8000, PIDR2 = 0xffe8,
};

/* Of a redistributor. */
enum { RD_CTLR = 0x00, RD_IIDR = 0x04, RD_TYPER = 0x08, RD_WAKER = 0x14, RD_SGI_FRAME = 0x10000 };

#define CTLR_ENABLES	3u
#define CTLR_ARE	0x10u
#define CTLR_DS		0x40u		/* one security state */
#define TYPER_LINES	(NR_SPI_BANKS)	/* banks, without the private one */
#define TYPER_ID_BITS	(15u << 19)	/* 16 bits of INTID */
#define TYPER_NO_1_OF_N	0x2000000u
#define ARCH_GICV3	0x30u
#define RD_TYPER_LAST	0x10u
#define WAKER_SLEEPS	2u
#define WAKER_ASLEEP	4u
#define ROUTE_ANY	0x80000000ull
#define ROUTE_NONE	(~0u)

/* Which bank a register of @bytes for each 32 interrupts is about; NULL: there is none. */
static struct gic_bank *spi_bank(struct machine *m, u32 offset, u32 bytes)
{
	u32 nr = offset / bytes;

	return nr >= 1 && nr <= NR_SPI_BANKS ? &m->arch.spi[nr - 1] : NULL;
}

/* Bits of a register, of which 0x80 bytes begin at @reg. */
static u32 read_bits(const struct gic_bank *bank, u32 reg)
{
	switch (reg & ~0x7fu) {
	case IGROUPR:
		return bank->group;
	case ISENABLER:
	case ICENABLER:
		return bank->enabled;
	case ISPENDR:
	case ICPENDR:
		return bank->latched | (bank->lines & ~bank->edge);
	default:
		return 0;
	}
}

static void write_bits(struct machine *m, struct gic_bank *bank, u32 reg, u32 val)
{
	u32 bits = (reg & ~0x7fu) == IGROUPR ? ~0u : val;

	if (reg >= ISACTIVER)
		return;
	irq_take_back(m, bank, bits);
	switch (reg & ~0x7fu) {
	case IGROUPR:
		bank->group = val;
		break;
	case ISENABLER:
		bank->enabled |= val;
		break;
	case ICENABLER:
		bank->enabled &= ~val;
		break;
	case ISPENDR:
		bank->latched |= val;
		break;
	case ICPENDR:
		bank->latched &= ~val;
		break;
	}
	irq_deliver(m, bank, bits);
}

static u64 read_priorities(const struct gic_bank *bank, u32 i, u32 width)
{
	u64 val = 0;

	for (u32 n = 0; n < width && i + n < 32; n++)
		val |= (u64)bank->priority[i + n] << 8 * n;
	return val;
}

static void write_priorities(struct machine *m, struct gic_bank *bank, u32 i, u32 width, u64 val)
{
	for (u32 n = 0; n < width && i + n < 32; n++) {
		irq_take_back(m, bank, 1u << (i + n));
		bank->priority[i + n] = val >> 8 * n;
		irq_deliver(m, bank, 1u << (i + n));
	}
}

/* Two bits each, of which the upper one says edge. */
static u32 read_config(const struct gic_bank *bank, u32 half)
{
	u32 val = 0;

	for (u32 n = 0; n < 16; n++)
		val |= (bank->edge >> (16 * half + n) & 1) << (2 * n + 1);
	return val;
}

static void write_config(struct gic_bank *bank, u32 half, u32 val)
{
	for (u32 n = 0; n < 16; n++) {
		u32 bit = 1u << (16 * half + n);

		bank->edge = val >> (2 * n + 1) & 1 ? bank->edge | bit : bank->edge & ~bit;
	}
}

/* A register of a bank, at the offset @reg from that of interrupt 0. */
static u64 bank_read(const struct gic_bank *bank, u32 reg, u32 width)
{
	if (reg >= IPRIORITYR && reg < ITARGETSR)
		return read_priorities(bank, reg % 32, width);
	if (reg >= ICFGR && reg < IGRPMODR)
		return read_config(bank, reg / 4 % 2);
	return reg < IPRIORITYR ? read_bits(bank, reg) : 0;
}

static void bank_write(struct machine *m, struct gic_bank *bank, u32 reg, u32 width, u64 val)
{
	if (reg >= IPRIORITYR && reg < ITARGETSR)
		write_priorities(m, bank, reg % 32, width, val);
	else if (reg >= ICFGR && reg < IGRPMODR)
		write_config(bank, reg / 4 % 2, val);
	else if (reg < IPRIORITYR)
		write_bits(m, bank, reg, val);
}

static struct gic_bank *bank_of(struct machine *m, u32 reg)
{
	if (reg >= IGROUPR && reg < IPRIORITYR)
		return spi_bank(m, reg % 0x80, 4);
	if (reg >= IPRIORITYR && reg < ITARGETSR)
		return spi_bank(m, reg - IPRIORITYR, 32);
	if (reg >= ICFGR && reg < IGRPMODR)
		return spi_bank(m, reg - ICFGR, 8);
	return NULL;
}

/* A route of 8 bytes an interrupt; NULL for private interrupts, and those that there are not. */
static struct gic_bank *route_bank(struct machine *m, u32 reg)
{
	return reg >= IROUTER && reg < IROUTER_END ? spi_bank(m, reg - IROUTER, 32 * 8) : NULL;
}

static u64 read_route(const struct gic_bank *bank, u32 reg)
{
	u32 route = bank->route[(reg - IROUTER) / 8 % 32];

	return route == ROUTE_NONE ? ROUTE_ANY : route;
}

/* Affinities other than a CPU's number go nowhere. Of two halves, the upper one has none of it. */
static void write_route(struct machine *m, struct gic_bank *bank, u32 reg, u64 val)
{
	u32 i = (reg - IROUTER) / 8 % 32;

	if (reg % 8)
		return;
	irq_take_back(m, bank, 1u << i);
	bank->route[i] = val < MAX_CPUS ? val : ROUTE_NONE;
	irq_deliver(m, bank, 1u << i);
}

u64 gicd_read(struct machine *m, u32 reg, u32 width)
{
	const struct gic_bank *bank = bank_of(m, reg), *routes = route_bank(m, reg);

	if (bank)
		return bank_read(bank, reg, width);
	if (routes)
		return reg % 8 ? 0 : read_route(routes, reg);
	switch (reg) {
	case CTLR:
		return m->arch.gicd_ctlr | CTLR_ARE | CTLR_DS;
	case TYPER:
		return TYPER_LINES | TYPER_ID_BITS | TYPER_NO_1_OF_N;
	case PIDR2:
		return ARCH_GICV3;
	default:
		return 0;
	}
}

static void write_ctlr(struct machine *m, u32 val)
{
	irq_take_back_all(m);
	m->arch.gicd_ctlr = val & CTLR_ENABLES;
	irq_deliver_all(m);
}

void gicd_write(struct machine *m, u32 reg, u32 width, u64 val)
{
	struct gic_bank *bank = bank_of(m, reg), *routes = route_bank(m, reg);

	if (bank)
		bank_write(m, bank, reg, width, val);
	else if (routes)
		write_route(m, routes, reg, val);
	else if (reg == CTLR)
		write_ctlr(m, val);
}

static u64 rd_typer(const struct cpu *cpu)
{
	return (u64)cpu->id << 32 | cpu->id << 8 |
	       (cpu->id == cpu->m->nr_cpus - 1 ? RD_TYPER_LAST : 0);
}

u64 gicr_read(struct cpu *cpu, u32 reg, u32 width)
{
	if (reg >= RD_SGI_FRAME)
		return bank_read(&cpu->arch.bank, reg - RD_SGI_FRAME, width);
	switch (reg) {
	case RD_TYPER:
		return width == 8 ? rd_typer(cpu) : (u32)rd_typer(cpu);
	case RD_TYPER + 4:
		return rd_typer(cpu) >> 32;
	case RD_WAKER:
		return cpu->arch.asleep ? WAKER_SLEEPS | WAKER_ASLEEP : 0;
	case PIDR2:
		return ARCH_GICV3;
	default:
		return 0;
	}
}

/* SGIs stay edges. */
void gicr_write(struct cpu *cpu, u32 reg, u32 width, u64 val)
{
	if (reg == RD_WAKER)
		cpu->arch.asleep = val & WAKER_SLEEPS;
	else if (reg >= RD_SGI_FRAME && reg != RD_SGI_FRAME + ICFGR)
		bank_write(cpu->m, &cpu->arch.bank, reg - RD_SGI_FRAME, width, val);
}
