// SPDX-License-Identifier: GPL-2.0-only
/*
 * Model-specific registers that the module leaves to the VMM. Unknown ones raise #GP, as on a CPU
 * without them. Calls apic.c. The machine's lock is held.
 */
#include "../boot.h"

/*
 * Registers that every CPU of the vendor has, and that Linux reads without expecting a fault. They
 * read as zero and ignore writes. AMD: "Processor Programming Reference" of families 17h and 19h.
 * Intel: SDM vol. 4, chapter 2.
 */
static const u32 zero_msrs[] = {
	0x17,		/* IA32_PLATFORM_ID */
	0x8b,		/* patch level */
	0x1d9,		/* IA32_DEBUGCTL */
	0xc0010010,	/* SYSCFG */
	0xc0010015,	/* HWCR */
	0xc001001f,	/* NB_CFG */
	0xc0010055,	/* interrupt pending and CMP-halt */
	0xc0010112,	/* TSEG address */
	0xc0010113,	/* TSEG mask */
	0xc0011020,	/* LS_CFG */
	0xc0011022,	/* DC_CFG */
	0xc0011029,	/* DE_CFG */
	0xc001102a,	/* BU_CFG2 */
	0xc001102c,	/* EX_CFG */
};

static bool is_zero(u32 msr)
{
	for (size_t i = 0; i < ARRAY_SIZE(zero_msrs); i++)
		if (zero_msrs[i] == msr)
			return true;
	return false;
}

/*
 * IA32_MISC_ENABLE, which Linux reads on Intel before it can take a fault: fast strings; no branch
 * trace store, no precise events, as their CPUID bits say. Writes are ignored.
 */
#define MSR_MISC_ENABLE		0x1a0
#define MISC_ENABLE		0x1801

bool msr_read(struct cpu *cpu, u32 msr, u64 *val)
{
	*val = msr == MSR_MISC_ENABLE ? MISC_ENABLE : 0;
	if (*val)
		return true;
	return apic_msr(msr) ? apic_read(cpu, msr, val) : is_zero(msr);
}

bool msr_write(struct cpu *cpu, u32 msr, u64 val)
{
	return apic_msr(msr) ? apic_write(cpu, msr, val) :
	       msr == MSR_MISC_ENABLE || is_zero(msr);
}
