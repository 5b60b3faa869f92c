// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a machine's state may be: the architecture's part of machine_can_be(). Calls nothing.
 */
#include "../boot.h"

/* Nothing of it is an index, but the TSC's frequency a divisor; a PIC's vectors are 8 in a row. */
static bool pic_can_be(const struct pic *p)
{
	return is_bool(&p->wants_icw4) && is_bool(&p->read_isr) && is_bool(&p->auto_eoi) &&
	       !(p->base & 7) && p->step <= 4;
}

static bool channel_can_be(const struct pit_channel *c)
{
	return is_bool(&c->high_next) && is_bool(&c->read_high) && is_bool(&c->latched) &&
	       is_bool(&c->counting) && c->mode <= 5 && c->access <= 3;
}

bool arch_machine_can_be(const struct arch_machine *arch)
{
	for (size_t i = 0; i < ARRAY_SIZE(arch->pic); i++)
		if (!pic_can_be(&arch->pic[i]))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(arch->pit); i++)
		if (!channel_can_be(&arch->pit[i]))
			return false;
	return arch->tsc_khz && arch->cmos_index < sizeof(arch->cmos);
}

bool arch_cpu_can_be(const struct arch_cpu *arch, u32 id)
{
	return arch->apic.id == id;
}
