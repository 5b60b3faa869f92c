// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exceptions injected into the guest, as hardware would take them: Arm J1.1,
 * AArch64.TakeException(). Called with interrupts off and the guest's registers on the CPU. Calls
 * no other file. No locks.
 */
#include <linux/percpu.h>
#include <asm/sysreg.h>

#include "axas_compat.h"
#include "arm64.h"
#include "stage2.h"

/* Exception classes in ESR_EL1. Arm D23.2.39 */
#define A64_EC_UNKNOWN		0x00
#define A64_EC_DATA_ABORT	0x24	/* from EL0; plus 1: from EL1 */

#define A64_ISS_ABORT_STATUS	GENMASK_ULL(5, 0)
#define A64_ISS_WRITE		BIT_ULL(6)
#define A64_ISS_CACHE		BIT_ULL(8)
#define A64_ISS_FAR_INVALID	BIT_ULL(10)

static void enter_handler(struct axvcpu_arm64 *a64, u64 esr)
{
	u64 sctlr = read_sysreg_s(SYS_SCTLR_EL12);

	write_sysreg_s(esr, SYS_ESR_EL12);
	write_sysreg_s(a64->pc, SYS_ELR_EL12);
	write_sysreg_s(a64->pstate, SYS_SPSR_EL12);
	a64->pc = read_sysreg_s(SYS_VBAR_EL12) + a64_vector_offset(a64->pstate);
	a64->pstate = a64_pstate_in_handler(a64->pstate, sctlr,
					    this_cpu_read(axvcpu_arm64_cpu.mte),
					    this_cpu_read(axvcpu_arm64_cpu.nmi));
}

/* IL is set except for 16-bit instructions, which only AArch32 has. Arm D23.2.39 */
void axvcpu_arm64_undefined(struct axvcpu_arm64 *a64)
{
	enter_handler(a64, FIELD_PREP(A64_ESR_EC, A64_EC_UNKNOWN) |
		      (a64_is_aarch32(a64->pstate) ? a64->esr & A64_ESR_IL : A64_ESR_IL));
}

void axvcpu_arm64_undefined_before(struct axvcpu_arm64 *a64)
{
	struct axvcpu_arm64_el1 *el1 = &a64->el1;

	el1->esr = FIELD_PREP(A64_ESR_EC, A64_EC_UNKNOWN) | A64_ESR_IL;
	el1->elr = a64->pc - 4;
	el1->spsr = a64->pstate;
	a64->pc = el1->vbar + a64_vector_offset(a64->pstate);
	/* Features of the CPU that this thread is on: of any, where CPUs are the same. */
	a64->pstate = a64_pstate_in_handler(a64->pstate, el1->sctlr,
					    raw_cpu_read(axvcpu_arm64_cpu.mte),
					    raw_cpu_read(axvcpu_arm64_cpu.nmi));
}

void axvcpu_arm64_abort(struct axvcpu_arm64 *a64, u64 status)
{
	u64 mode = a64->pstate & A64_PSTATE_MODE;
	u64 ec = FIELD_GET(A64_ESR_EC, a64->esr);
	u64 esr = a64->esr & (A64_ESR_IL | A64_ISS_FAR_INVALID);

	if (ec == A64_EC_DATA_ABORT)
		esr |= a64->esr & (A64_ISS_WRITE | A64_ISS_CACHE);
	if (mode == A64_PSTATE_EL1T || mode == A64_PSTATE_EL1H)
		ec++;
	write_sysreg_s(a64->far, SYS_FAR_EL12);
	enter_handler(a64, esr | FIELD_PREP(A64_ESR_EC, ec) |
		      FIELD_PREP(A64_ISS_ABORT_STATUS, status));
}
