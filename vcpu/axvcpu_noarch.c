// SPDX-License-Identifier: GPL-2.0-only
/* For architectures without a backend: the module loads, but cannot create vCPUs. */
#include "axvcpu.h"

const struct axvcpu_arch_ops *axvcpu_arch_host(void)
{
	return NULL;
}

u64 axvcpu_arch_irq_fetch(void)
{
	return 0;
}
