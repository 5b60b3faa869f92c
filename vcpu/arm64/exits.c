// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a synchronous exit means: ESR_EL2, read. Called with interrupts off, in the guest's
 * translation regime, and its registers on the CPU. Calls sysreg.c. No locks.
 */
#include <uapi/linux/psci.h>
#include <asm/barrier.h>
#include <asm/sysreg.h>

#include "axas_compat.h"
#include "arm64.h"
#include "stage2.h"

/* Exception classes in ESR_EL2. Arm D23.2.40 */
#define A64_EC_UNKNOWN		0x00
#define A64_EC_WFX			0x01
#define A64_EC_FP			0x07	/* FP or SVE, where CPTR_EL2 says so */
#define A64_EC_PAUTH		0x09
#define A64_EC_HVC64		0x16
#define A64_EC_SMC64		0x17
#define A64_EC_SYSREG		0x18
#define A64_EC_SVE			0x19
#define A64_EC_SME			0x1d
#define A64_EC_INSTR_ABORT		0x20	/* from EL1 or EL0 */
#define A64_EC_DATA_ABORT		0x24

/* The syndrome of WFI and WFE. */
#define A64_ISS_WFE			BIT_ULL(0)

/* The syndrome of aborts. */
#define A64_ISS_STATUS		GENMASK_ULL(5, 0)
#define A64_ISS_STATUS_CLASS	GENMASK_ULL(5, 2)	/* without the level */
#define A64_ISS_WRITE		BIT_ULL(6)
#define A64_ISS_WALK		BIT_ULL(7)	/* of stage 1: an access to its tables */
#define A64_ISS_CACHE		BIT_ULL(8)	/* an instruction that maintains caches */
#define A64_ISS_SF			BIT_ULL(15)	/* a 64-bit register */
#define A64_ISS_SRT			GENMASK_ULL(20, 16)
#define A64_ISS_SSE			BIT_ULL(21)	/* sign-extend */
#define A64_ISS_SAS			GENMASK_ULL(23, 22)	/* log2 of the bytes */
#define A64_ISS_VALID		BIT_ULL(24)	/* the five above say something */

#define A64_CLASS_TRANSLATION	1
#define A64_CLASS_PERMISSION	3

/* HPFAR_EL2: bits 12 up of the address. Arm D23.2.60 */
#define A64_HPFAR_FIPA		GENMASK_ULL(43, 4)
#define A64_PAGE_OFFSET_BITS	GENMASK_ULL(11, 0)

/* PAR_EL1. Arm D23.2.131 */
#define A64_PAR_FAILED		BIT_ULL(0)
#define A64_PAR_PA			GENMASK_ULL(51, 12)

/* Where an exception of EL1 begins: from its own level, or from EL0. Arm D1.3.1.5 */
#define A64_VECTOR_EL1T		0x000
#define A64_VECTOR_EL1H		0x200
#define A64_VECTOR_EL0		0x400
#define A64_VECTOR_EL0_32		0x600

static u64 vector_offset(u64 pstate)
{
	if (pstate & A64_PSTATE_AARCH32)
		return A64_VECTOR_EL0_32;
	switch (pstate & A64_PSTATE_MODE) {
	case A64_PSTATE_EL1H:
		return A64_VECTOR_EL1H;
	case A64_PSTATE_EL1T:
		return A64_VECTOR_EL1T;
	default:
		return A64_VECTOR_EL0;
	}
}

void axvcpu_arm64_undefined(struct axvcpu_arm64 *a64)
{
	write_sysreg_s(FIELD_PREP(A64_ESR_EC, A64_EC_UNKNOWN) | A64_ESR_IL, SYS_ESR_EL12);
	write_sysreg_s(a64->pc, SYS_ELR_EL12);
	write_sysreg_s(a64->pstate, SYS_SPSR_EL12);
	a64->pc = read_sysreg_s(SYS_VBAR_EL12) + vector_offset(a64->pstate);
	a64->pstate = A64_PSTATE_EL1H | A64_PSTATE_DAIF;
}

/* WFE is not trapped. A guest that waits for what has come need not leave. */
static int wait_exit(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	a64_skip(to_arm64(vcpu));
	if (axvcpu_next_vector(vcpu) >= 0)
		return AXVCPU_RAN_AGAIN;
	exit->reason = AXVCPU_EXIT_HALT;
	return AXVCPU_RAN_EXIT;
}

static int psci_features(u32 id)
{
	switch (id) {
	case PSCI_0_2_FN_PSCI_VERSION:
	case PSCI_0_2_FN_CPU_OFF:
	case PSCI_0_2_FN_CPU_ON:
	case PSCI_0_2_FN64_CPU_ON:
	case PSCI_0_2_FN_SYSTEM_OFF:
	case PSCI_0_2_FN_SYSTEM_RESET:
	case PSCI_1_0_FN_PSCI_FEATURES:
		return PSCI_RET_SUCCESS;
	default:
		return PSCI_RET_NOT_SUPPORTED;
	}
}

static int answer(struct axvcpu_arm64 *a64, u64 val)
{
	a64->x[0] = val;
	return AXVCPU_RAN_AGAIN;
}

static void exit_cpu_up(const struct axvcpu_arm64 *a64, bool wide, struct axvcpu_exit *exit)
{
	u64 mask = wide ? ~0ull : ~0u;

	exit->reason = AXVCPU_EXIT_CPU_UP;
	exit->cpu_up.target = a64->x[1] & mask;
	exit->cpu_up.entry = a64->x[2] & mask;
	exit->cpu_up.arg = a64->x[3] & mask;
}

static void exit_hypercall(const struct axvcpu_arm64 *a64, struct axvcpu_exit *exit)
{
	exit->reason = AXVCPU_EXIT_HYPERCALL;
	exit->hypercall.nr = a64->x[0];
	memcpy(exit->hypercall.args, &a64->x[1], sizeof(exit->hypercall.args));
}

/* Arm Power State Coordination Interface, DEN 0022, chapter 5; the rest is the VMM's. */
static int call_exit(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);

	switch ((u32)a64->x[0]) {
	case PSCI_0_2_FN_PSCI_VERSION:
		return answer(a64, PSCI_VERSION(1, 0));
	case PSCI_1_0_FN_PSCI_FEATURES:
		return answer(a64, psci_features(a64->x[1]));
	case PSCI_0_2_FN_CPU_ON:
	case PSCI_0_2_FN64_CPU_ON:
		exit_cpu_up(a64, (u32)a64->x[0] == PSCI_0_2_FN64_CPU_ON, exit);
		break;
	case PSCI_0_2_FN_CPU_OFF:
		exit->reason = AXVCPU_EXIT_CPU_DOWN;
		break;
	case PSCI_0_2_FN_SYSTEM_OFF:
	case PSCI_0_2_FN_SYSTEM_RESET:
		exit->reason = AXVCPU_EXIT_SYSTEM_DOWN;
		a64->down = true;
		break;
	default:
		exit_hypercall(a64, exit);
	}
	return AXVCPU_RAN_EXIT;
}

/*
 * The guest-physical page of a fault, which hardware does not tell for permission faults
 * other than those of a walk (Arm D23.2.60): then the guest's own tables do, unless
 * another CPU has just changed them.
 */
static bool fault_page(const struct axvcpu_arm64 *a64, u64 class, u64 *page)
{
	u64 mine, par;

	if (class != A64_CLASS_PERMISSION || a64->esr & A64_ISS_WALK) {
		*page = FIELD_GET(A64_HPFAR_FIPA, a64->hpfar) << AXAS_FRAME_SHIFT;
		return true;
	}
	mine = read_sysreg(par_el1);
	asm volatile("at s1e1r, %0" : : "r" (a64->far));
	isb();
	par = read_sysreg(par_el1);
	write_sysreg(mine, par_el1);
	*page = par & A64_PAR_PA;
	return !(par & A64_PAR_FAILED);
}

/*
 * A walk of stage 1 reads; what it is not permitted may be to set a flag. An instruction
 * that maintains caches claims to write; it needs that only where it says so.
 */
static u32 fault_access(u64 esr, u64 class)
{
	bool denied = class == A64_CLASS_PERMISSION;

	if (esr & A64_ISS_WALK)
		return denied ? AXAS_PROT_READ | AXAS_PROT_WRITE : AXAS_PROT_READ;
	if (FIELD_GET(A64_ESR_EC, esr) == A64_EC_INSTR_ABORT)
		return AXAS_PROT_EXEC;
	if (esr & A64_ISS_CACHE)
		return denied ? AXAS_PROT_WRITE : AXAS_PROT_READ;
	return esr & A64_ISS_WRITE ? AXAS_PROT_WRITE : AXAS_PROT_READ;
}

static int fail_exit(const struct axvcpu_arm64 *a64, struct axvcpu_exit *exit)
{
	exit->reason = AXVCPU_EXIT_FAIL_ENTRY;
	exit->fail_entry.reason = a64->esr;
	exit->fail_entry.info = a64->far;
	return AXVCPU_RAN_EXIT;
}

static int abort_exit(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	const struct axvcpu_arm64 *a64 = to_arm64(vcpu);
	u64 class = FIELD_GET(A64_ISS_STATUS_CLASS, a64->esr);
	u64 page;

	if (class < A64_CLASS_TRANSLATION || class > A64_CLASS_PERMISSION)
		return fail_exit(a64, exit);
	if (!fault_page(a64, class, &page))
		return AXVCPU_RAN_AGAIN;
	exit->nested_page_fault.gpa = page;
	/* The address of a walk is not that of the access. */
	if (!(a64->esr & A64_ISS_WALK))
		exit->nested_page_fault.gpa |= a64->far & A64_PAGE_OFFSET_BITS;
	exit->nested_page_fault.access = fault_access(a64->esr, class);
	exit->nested_page_fault.info = a64->esr;
	return AXVCPU_RAN_FAULT;
}

void axvcpu_arm64_hole(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);
	u64 gpa = exit->nested_page_fault.gpa;
	u64 esr = exit->nested_page_fault.info;
	u32 width = 1u << FIELD_GET(A64_ISS_SAS, esr);
	u32 reg = FIELD_GET(A64_ISS_SRT, esr);

	if (FIELD_GET(A64_ESR_EC, esr) != A64_EC_DATA_ABORT || !(esr & A64_ISS_VALID) ||
	    esr & (A64_ISS_WALK | A64_ISS_CACHE))
		return;
	memset(exit->raw, 0, sizeof(exit->raw));
	if (esr & A64_ISS_WRITE) {
		exit->reason = AXVCPU_EXIT_MMIO_WRITE;
		exit->mmio_write.gpa = gpa;
		exit->mmio_write.width = width;
		exit->mmio_write.data = a64_get(a64, reg) & (~0ull >> (64 - 8 * width));
	} else {
		exit->reason = AXVCPU_EXIT_MMIO_READ;
		exit->mmio_read.gpa = gpa;
		exit->mmio_read.width = width;
		exit->mmio_read.reg = reg;
		exit->mmio_read.reg_width = esr & A64_ISS_SF ? 8 : 4;
		exit->mmio_read.sign_extend = !!(esr & A64_ISS_SSE);
	}
	a64_skip(a64);
	exit->rip = a64->pc;
}

int axvcpu_arm64_sync_exit(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);

	switch (FIELD_GET(A64_ESR_EC, a64->esr)) {
	case A64_EC_WFX:
		return wait_exit(vcpu, exit);
	case A64_EC_SMC64:
		/* Trapped before it is done, unlike HVC. */
		a64_skip(a64);
		fallthrough;
	case A64_EC_HVC64:
		return call_exit(vcpu, exit);
	case A64_EC_SYSREG:
		return axvcpu_arm64_sysreg(vcpu, exit);
	case A64_EC_INSTR_ABORT:
	case A64_EC_DATA_ABORT:
		return abort_exit(vcpu, exit);
	case A64_EC_FP:
	case A64_EC_PAUTH:
	case A64_EC_SVE:
	case A64_EC_SME:
		axvcpu_arm64_undefined(a64);
		return AXVCPU_RAN_AGAIN;
	default:
		return fail_exit(a64, exit);
	}
}
