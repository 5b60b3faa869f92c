// SPDX-License-Identifier: GPL-2.0-only
/*
 * Decodes synchronous exits from ESR_EL2. Called with interrupts off, in the guest's translation
 * regime, and its registers on the CPU. Calls sysreg.c, icc.c, exception.c and entry.S. No
 * locks.
 *
 * EL0 can cause an exit to the VMM only by memory accesses, or a wait that its EL1 permits
 * (SCTLR_EL1.nTWI): HVC and SMC are undefined there, and so are trapped AArch32 instructions, which
 * only EL0 can execute. EL0 cannot cause FailEntry, which ends the guest.
 */
#include <linux/printk.h>
#include <uapi/linux/psci.h>
#include <asm/barrier.h>
#include <asm/sysreg.h>

#include "axas_compat.h"
#include "arm64.h"
#include "stage2.h"

/* Exception classes in ESR_EL2. Arm D23.2.40 */
#define A64_EC_WFX		0x01
#define A64_EC_CP15_32		0x03	/* AArch32: MCR, MRC */
#define A64_EC_CP15_64		0x04	/* MCRR, MRRC */
#define A64_EC_CP14_32		0x05
#define A64_EC_CP14_LS		0x06	/* LDC, STC */
#define A64_EC_FP		0x07	/* FP or SVE, trapped by CPTR_EL2 */
#define A64_EC_CP10_ID		0x08	/* VMRS */
#define A64_EC_PAUTH		0x09
#define A64_EC_LS64		0x0a	/* and others, by ISS */
#define A64_EC_CP14_64		0x0c
#define A64_EC_SYSREG128	0x14
#define A64_EC_HVC64		0x16
#define A64_EC_SMC64		0x17
#define A64_EC_SYSREG		0x18
#define A64_EC_SVE		0x19
#define A64_EC_SME		0x1d
#define A64_EC_INSTR_ABORT	0x20	/* from EL1 or EL0 */
#define A64_EC_DATA_ABORT	0x24
#define A64_EC_MOPS		0x27
#define A64_EC_GCS		0x2d

/* Syndrome of aborts. */
#define A64_ISS_STATUS		GENMASK_ULL(5, 0)
#define A64_ISS_STATUS_CLASS	GENMASK_ULL(5, 2)	/* without the level */
#define A64_ISS_WRITE		BIT_ULL(6)
#define A64_ISS_WALK		BIT_ULL(7)	/* stage 1 walk: access to its tables */
#define A64_ISS_CACHE		BIT_ULL(8)	/* cache maintenance instruction */
#define A64_ISS_SF			BIT_ULL(15)	/* a 64-bit register */
#define A64_ISS_SRT			GENMASK_ULL(20, 16)
#define A64_ISS_SSE			BIT_ULL(21)	/* sign-extend */
#define A64_ISS_SAS			GENMASK_ULL(23, 22)	/* log2 of the bytes */
#define A64_ISS_VALID		BIT_ULL(24)	/* the five above are valid */

#define A64_CLASS_TRANSLATION	1
#define A64_CLASS_PERMISSION	3

/* Aborts other than stage 2 faults. Arm D23.2.40, "DFSC" */
#define A64_STATUS_EXTERNAL	0x10	/* synchronous external abort */
#define A64_STATUS_EXTERNAL_LAST	0x17	/* on a walk, last level */
#define A64_STATUS_PARITY	0x18
#define A64_STATUS_PARITY_LAST	0x1f
#define A64_STATUS_EXCLUSIVE	0x35	/* unsupported exclusive or atomic */

/* HPFAR_EL2: address bits from 12 up. Arm D23.2.60 */
#define A64_HPFAR_FIPA		GENMASK_ULL(43, 4)
#define A64_PAGE_OFFSET_BITS	GENMASK_ULL(11, 0)

/* PAR_EL1. Arm D23.2.131 */
#define A64_PAR_FAILED		BIT_ULL(0)
#define A64_PAR_PA		GENMASK_ULL(51, 12)

/*
 * WFE is not trapped. With an interrupt pending, WFI does not exit to the VMM. WFIT, which no ID
 * register advertises, may end early.
 */
static int wait_exit(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	a64_retire(to_arm64(vcpu));
	if (axvcpu_arm64_irq(to_arm64(vcpu)))
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

/* Arm Power State Coordination Interface, DEN 0022, chapter 5; other calls go to the VMM. */
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
 * The guest-physical page of a fault. Hardware does not report it for permission faults outside a
 * stage 1 walk (Arm D23.2.60): translate by the guest's own tables, which fails if another CPU has
 * just changed them.
 */
static bool fault_page(const struct axvcpu_arm64 *a64, u64 class, u64 *page)
{
	u64 mine, par;

	if (class != A64_CLASS_PERMISSION || a64->esr & A64_ISS_WALK) {
		*page = FIELD_GET(A64_HPFAR_FIPA, a64->hpfar) << AXAS_FRAME_SHIFT;
		return true;
	}
	mine = a64_read_par();
	par = axvcpu_arm64_at_s1e1r(a64->far);
	write_sysreg(mine, par_el1);
	*page = par & A64_PAR_PA;
	return !(par & A64_PAR_FAILED);
}

/*
 * A stage 1 walk reads; a permission fault on one may come from setting a flag. Cache maintenance
 * instructions report a write; they require write permission only on a permission fault.
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

static bool is_external(u64 status)
{
	return (status >= A64_STATUS_EXTERNAL && status <= A64_STATUS_EXTERNAL_LAST) ||
	       (status >= A64_STATUS_PARITY && status <= A64_STATUS_PARITY_LAST);
}

/*
 * Aborts from the memory system: report them to the guest's EL1, as hardware without stage 2 would.
 * HCR_EL2.TEA routes external aborts here; firmware notifies the host by GHES, and the function
 * that polls it is not exported.
 */
static int other_abort(struct axvcpu_arm64 *a64, struct axvcpu_exit *exit)
{
	u64 status = FIELD_GET(A64_ISS_STATUS, a64->esr);

	if (is_external(status)) {
		pr_warn_ratelimited("axvcpu: external abort in a guest, ESR_EL2 %#llx\n",
				    a64->esr);
		axvcpu_arm64_abort(a64, A64_STATUS_EXTERNAL);
		return AXVCPU_RAN_AGAIN;
	}
	if (status == A64_STATUS_EXCLUSIVE) {
		axvcpu_arm64_abort(a64, status);
		return AXVCPU_RAN_AGAIN;
	}
	return fail_exit(a64, exit);
}

static int abort_exit(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);
	u64 class = FIELD_GET(A64_ISS_STATUS_CLASS, a64->esr);
	u64 page;

	if (class < A64_CLASS_TRANSLATION || class > A64_CLASS_PERMISSION)
		return other_abort(a64, exit);
	if (!fault_page(a64, class, &page))
		return AXVCPU_RAN_AGAIN;
	exit->nested_page_fault.gpa = page;
	/* For a walk, FAR_EL2 is not the address of the faulting access. */
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
	a64_retire(a64);
	exit->rip = a64->pc;
}

static bool is_el0(u64 pstate)
{
	return a64_is_aarch32(pstate) || (pstate & A64_PSTATE_MODE) == A64_PSTATE_EL0T;
}

/* AArch32 at EL0: instructions may be trapped even if their condition fails. */
static int aarch32_exit(struct axvcpu_arm64 *a64)
{
	if (a64_condition_holds(a64->pstate, a64->esr))
		axvcpu_arm64_undefined(a64);
	else
		a64_retire(a64);
	return AXVCPU_RAN_AGAIN;
}

int axvcpu_arm64_sync_exit(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	struct axvcpu_arm64 *a64 = to_arm64(vcpu);

	switch (FIELD_GET(A64_ESR_EC, a64->esr)) {
	case A64_EC_WFX:
		if (!a64_condition_holds(a64->pstate, a64->esr))
			return aarch32_exit(a64);
		return wait_exit(vcpu, exit);
	case A64_EC_SMC64:
		/* SMC is trapped before it retires, unlike HVC. */
		a64_retire(a64);
		fallthrough;
	case A64_EC_HVC64:
		return call_exit(vcpu, exit);
	case A64_EC_SYSREG:
		return axvcpu_arm64_sysreg(vcpu, exit);
	case A64_EC_INSTR_ABORT:
	case A64_EC_DATA_ABORT:
		return abort_exit(vcpu, exit);
	case A64_EC_CP15_32:
	case A64_EC_CP15_64:
	case A64_EC_CP14_32:
	case A64_EC_CP14_LS:
	case A64_EC_CP10_ID:
	case A64_EC_CP14_64:
	case A64_EC_FP:
		return aarch32_exit(a64);
	case A64_EC_PAUTH:
	case A64_EC_LS64:
	case A64_EC_SYSREG128:
	case A64_EC_SVE:
	case A64_EC_SME:
	case A64_EC_MOPS:
	case A64_EC_GCS:
		axvcpu_arm64_undefined(a64);
		return AXVCPU_RAN_AGAIN;
	default:
		if (!is_el0(a64->pstate))
			return fail_exit(a64, exit);
		axvcpu_arm64_undefined(a64);
		return AXVCPU_RAN_AGAIN;
	}
}
