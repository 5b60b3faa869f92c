// SPDX-License-Identifier: GPL-2.0-only
/*
 * Common to all HALs. Calls nothing; no locks.
 */
#include <axas/hal.h>

#include "axas_compat.h"

#if defined(CONFIG_X86) && !defined(CONFIG_UML)
#include <asm/processor.h>
#elif defined(CONFIG_ARM64)
#include <asm/cpufeature.h>
#include <asm/sysreg.h>
#endif

/* MAXPHYADDR or PARange; on other machines what page table entries can encode. */
static unsigned int host_phys_bits(void)
{
#if defined(CONFIG_X86) && !defined(CONFIG_UML)
	return boot_cpu_data.x86_phys_bits;
#elif defined(CONFIG_ARM64)
	u64 mmfr0 = read_sanitised_ftr_reg(SYS_ID_AA64MMFR0_EL1);

	return id_aa64mmfr0_parange_to_phys_shift(mmfr0 & 0xf);
#else
	return 56;
#endif
}

unsigned int axas_hal_phys_bits(const struct axas_hal *hal)
{
	return hal->phys_bits ?: host_phys_bits();
}
EXPORT_SYMBOL_AXAS(axas_hal_phys_bits);
