// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a machine's state may be: the architecture's part of machine_can_be(). Calls nothing.
 */
#include "../boot.h"

/* Nothing of the PLIC is an index. */
bool arch_machine_can_be(const struct arch_machine *arch)
{
	return arch->time_hz;
}

bool arch_cpu_can_be(const struct arch_cpu *arch, u32 id)
{
	(void)id;
	return is_bool(&arch->on) && is_bool(&arch->line);
}
