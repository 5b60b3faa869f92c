// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two 8259 interrupt controllers of a PC, with fixed priorities: no rotation, no polling. Calls
 * machine_kick(). The machine's lock is held.
 *
 * Intel, "8259A Programmable Interrupt Controller", 1988.
 */
#include "../boot.h"

#include <string.h>

#define IRQ_CASCADE	2
#define ICW1		0x10
#define ICW1_ICW4	0x01
#define ICW4_AUTO_EOI	0x02
#define OCW3		0x08
#define OCW3_READ	0x02	/* with bit 0: the register that reads select */
#define EOI_MASK	0xe0
#define EOI		0x20	/* of the vector in service with the highest priority */
#define EOI_SPECIFIC	0x60

void pic_reset(struct machine *m)
{
	memset(m->arch.pic, 0, sizeof(m->arch.pic));
	m->arch.pic[0].imr = 0xff;
	m->arch.pic[1].imr = 0xff;
}

/* The unmasked request of the highest priority, if it is above all in service; or -1. */
static int request(const struct pic *p)
{
	u8 wants = p->irr & ~p->imr;
	int irq;

	if (!wants)
		return -1;
	irq = __builtin_ctz(wants);
	if (p->isr && __builtin_ctz(p->isr) <= irq)
		return -1;
	return irq;
}

static void update_cascade(struct machine *m)
{
	if (request(&m->arch.pic[1]) >= 0)
		m->arch.pic[0].irr |= 1 << IRQ_CASCADE;
	else
		m->arch.pic[0].irr &= ~(1 << IRQ_CASCADE);
}

static void update(struct machine *m)
{
	update_cascade(m);
	if (request(&m->arch.pic[0]) >= 0)
		machine_kick(&m->cpu[0]);
}

void pic_set(struct machine *m, unsigned int irq, bool level)
{
	struct pic *p = &m->arch.pic[irq >> 3];
	u8 bit = 1 << (irq & 7);

	if (level && (p->elcr & bit || !(p->lines & bit)))
		p->irr |= bit;
	else if (!level)
		p->irr &= ~bit;
	p->lines = level ? p->lines | bit : p->lines & ~bit;
	update(m);
}

int pic_pending(const struct machine *m)
{
	int irq = request(&m->arch.pic[0]);

	if (irq < 0)
		return -1;
	if (irq != IRQ_CASCADE)
		return m->arch.pic[0].base + irq;
	irq = request(&m->arch.pic[1]);
	return m->arch.pic[1].base + (irq < 0 ? 7 : irq);
}

static void ack(struct pic *p, int irq)
{
	u8 bit = 1 << irq;

	if (!p->auto_eoi)
		p->isr |= bit;
	if (!(p->elcr & bit && p->lines & bit))
		p->irr &= ~bit;
}

/* The vector of pic_pending() was delivered. */
void pic_ack(struct machine *m)
{
	int irq = request(&m->arch.pic[0]), second;

	if (irq < 0)
		return;
	ack(&m->arch.pic[0], irq);
	if (irq != IRQ_CASCADE)
		return;
	second = request(&m->arch.pic[1]);
	if (second >= 0)
		ack(&m->arch.pic[1], second);
	update_cascade(m);
}

static void command(struct pic *p, u8 val)
{
	if (val & ICW1) {
		u8 elcr = p->elcr, lines = p->lines;

		*p = (struct pic){ .elcr = elcr, .lines = lines, .step = 2,
				   .wants_icw4 = val & ICW1_ICW4 };
	} else if (val & OCW3) {
		if (val & OCW3_READ)
			p->read_isr = val & 1;
	} else if ((val & EOI_MASK) == EOI) {
		p->isr &= p->isr - 1;
	} else if ((val & EOI_MASK) == EOI_SPECIFIC) {
		p->isr &= ~(1 << (val & 7));
	}
}

/* ICW2 to ICW4, then the mask. */
static void data(struct pic *p, u8 val)
{
	switch (p->step) {
	case 2:
		p->base = val & 0xf8;
		p->step = 3;
		break;
	case 3:
		p->step = p->wants_icw4 ? 4 : 0;
		break;
	case 4:
		p->auto_eoi = val & ICW4_AUTO_EOI;
		p->step = 0;
		break;
	default:
		p->imr = val;
	}
}

void pic_write(struct machine *m, u32 port, u8 val)
{
	struct pic *p = &m->arch.pic[port >> 7 & 1];

	switch (port) {
	case 0x4d0:
	case 0x4d1:
		m->arch.pic[port & 1].elcr = val;
		break;
	case 0x20:
	case 0xa0:
		command(p, val);
		break;
	default:
		data(p, val);
	}
	update(m);
}

u8 pic_read(const struct machine *m, u32 port)
{
	const struct pic *p = &m->arch.pic[port >> 7 & 1];

	if (port == 0x4d0 || port == 0x4d1)
		return m->arch.pic[port & 1].elcr;
	if (port & 1)
		return p->imr;
	return p->read_isr ? p->isr : p->irr;
}
