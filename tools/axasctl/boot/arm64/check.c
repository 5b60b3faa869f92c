// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a machine's state may be: the architecture's part of machine_can_be(). Calls nothing.
 */
#include "../boot.h"

/* Of no bank anything is an index: a route to a CPU that is none goes nowhere. */
bool arch_machine_can_be(const struct arch_machine *arch)
{
	(void)arch;
	return true;
}

bool arch_cpu_can_be(const struct arch_cpu *arch, u32 id)
{
	(void)id;
	return is_bool(&arch->on) && is_bool(&arch->asleep);
}
