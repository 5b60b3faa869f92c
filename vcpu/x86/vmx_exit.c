// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exit handling; reasons are from SDM vol. 3D, appendix C, qualifications from SDM 28.2.1. Calls
 * vmx_event.c, vmx_guest.c, event.c, fpu.c, host.c and x86.c.
 */
#include <linux/bitfield.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <asm/vmx.h>

#include "vmx.h"

static u32 fail_entry(struct axvcpu_exit *exit, u64 reason, u64 info)
{
	exit->reason = AXVCPU_EXIT_FAIL_ENTRY;
	exit->fail_entry.reason = reason;
	exit->fail_entry.info = info;
	return AXVCPU_RAN_EXIT;
}

/* VMLAUNCH or VMRESUME failed before any state was loaded. SDM 31.4. */
int vmx_handle_failure(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	vmx_keep_event(to_vmx(vcpu));
	return fail_entry(exit, vmcs_read(VM_INSTRUCTION_ERROR), 0);
}

/* Deliver the event to the host as if it arrived now. */
void vmx_handle_host_event(struct vmx *vmx)
{
	if (vmx->host_event == X86_TRAP_NMI)
		asm volatile("int $2");
	else
		axvcpu_x86_machine_check();
	vmx->host_event = 0;
}

/* DR6 does not have the cause yet (SDM 28.1). INT1 is a trap: RIP moves over its instruction. */
static int handle_db(struct axvcpu *vcpu, u32 info)
{
	if ((info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_PRIV_SW_EXCEPTION)
		axvcpu_x86_raise_int1(vcpu, vmcs_read(VM_EXIT_INSTRUCTION_LEN));
	else
		axvcpu_x86_raise_db(vcpu, vmcs_read(EXIT_QUALIFICATION));
	return AXVCPU_RAN_AGAIN;
}

/* NMIs and machine checks go to the host, other exceptions back to the guest. SDM 28.2.2. */
static int handle_exception(struct axvcpu *vcpu)
{
	u32 info = vmcs_read(VM_EXIT_INTR_INFO);
	u8 trap = info & INTR_INFO_VECTOR_MASK;

	if ((info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_NMI_INTR || trap == X86_TRAP_MC) {
		to_vmx(vcpu)->host_event = trap;
		return AXVCPU_RAN_AGAIN;
	}
	if (trap == X86_TRAP_DB)
		return handle_db(vcpu, info);
	return vmx_raise(vcpu, trap, vmcs_read(VM_EXIT_INTR_ERROR_CODE));
}

/* SDM table 28-3. Register numbers are those of AXVCPU_REG_*. */
#define CR_NUMBER	GENMASK(3, 0)
#define CR_ACCESS	GENMASK(5, 4)
#define CR_ACCESS_TO	0
#define CR_ACCESS_FROM	1
#define CR_GPR		GENMASK(11, 8)

/*
 * The guest changes its view of a masked bit. Update the shadow and let the guest execute the
 * instruction again: hardware then does the rest.
 */
static int set_cr0(struct axvcpu *vcpu, u64 val)
{
	struct vmx *vmx = to_vmx(vcpu);

	if (val >> 32 || (val & X86_CR0_NW && !(val & X86_CR0_CD)))
		return vmx_raise(vcpu, X86_TRAP_GP, 0);
	vmx->cr0_shadow = val;
	vmcs_write(CR0_READ_SHADOW, val);
	return AXVCPU_RAN_AGAIN;
}

/* The same for MCE, and for OSXSAVE with its real bit; guests may not set other masked bits. */
static int set_cr4(struct axvcpu *vcpu, u64 val)
{
	struct vmx *vmx = to_vmx(vcpu);

	if (val & vmx_cr4_refused())
		return vmx_raise(vcpu, X86_TRAP_GP, 0);
	vmx->x86.osxsave = val & X86_CR4_OSXSAVE;
	vmcs_write(GUEST_CR4, (vmcs_read(GUEST_CR4) & ~(u64)X86_CR4_OSXSAVE) |
		   (val & X86_CR4_OSXSAVE));
	vmx->cr4_shadow = val;
	vmcs_write(CR4_READ_SHADOW, val);
	return AXVCPU_RAN_AGAIN;
}

static int set_cr8(struct axvcpu *vcpu, u64 val)
{
	if (val > 15)
		return vmx_raise(vcpu, X86_TRAP_GP, 0);
	to_x86(vcpu)->cr8 = val;
	vmx_retire(vcpu);
	return AXVCPU_RAN_AGAIN;
}

static int handle_cr(struct axvcpu *vcpu, u64 qual, struct axvcpu_exit *exit)
{
	u64 *gpr = &to_x86(vcpu)->gpr[FIELD_GET(CR_GPR, qual)];
	u32 access = FIELD_GET(CR_ACCESS, qual);

	switch (FIELD_GET(CR_NUMBER, qual) | access << 4) {
	case CR_ACCESS_TO << 4 | 0:
		return set_cr0(vcpu, *gpr);
	case CR_ACCESS_TO << 4 | 4:
		return set_cr4(vcpu, *gpr);
	case CR_ACCESS_TO << 4 | 8:
		return set_cr8(vcpu, *gpr);
	case CR_ACCESS_FROM << 4 | 8:
		*gpr = to_x86(vcpu)->cr8;
		vmx_retire(vcpu);
		return AXVCPU_RAN_AGAIN;
	default:
		return fail_entry(exit, EXIT_REASON_CR_ACCESS, qual);
	}
}

/* Give the guest debug registers of its own on its first access. */
static int handle_dr(struct vmx *vmx)
{
	axvcpu_x86_use_dr(&vmx->x86);
	vmx_guest_controls(vmx, 0, CPU_BASED_MOV_DR_EXITING);
	vmx_run_anew();
	return AXVCPU_RAN_AGAIN;
}

/* SDM table 28-5. */
#define IO_SIZE		GENMASK(2, 0)
#define IO_IN		BIT(3)
#define IO_STRING	BIT(4)
#define IO_PORT		GENMASK(31, 16)

/* String I/O would need access to the guest's memory: #GP. */
static int handle_io(struct axvcpu *vcpu, u64 qual, struct axvcpu_exit *exit)
{
	if (qual & IO_STRING)
		return vmx_raise(vcpu, X86_TRAP_GP, 0);
	vmx_retire(vcpu);
	axvcpu_x86_exit_io(to_x86(vcpu), qual & IO_IN, FIELD_GET(IO_PORT, qual),
			   FIELD_GET(IO_SIZE, qual) + 1, exit);
	return AXVCPU_RAN_EXIT;
}

#define EFER_GUESTS	(EFER_SCE | EFER_LME | EFER_NX)

/* LMA is read-only, and LME must not change while paging is on. SDM vol. 3A, 2.2.1, 10.8.5. */
static bool write_efer(struct vmx *vmx, u64 val)
{
	u64 old = vmcs_read(GUEST_IA32_EFER);

	if (val & ~(u64)(EFER_GUESTS | EFER_LMA))
		return false;
	if ((val ^ old) & EFER_LME && vmcs_read(GUEST_CR0) & X86_CR0_PG)
		return false;
	vmcs_write(GUEST_IA32_EFER, (val & EFER_GUESTS) | (old & EFER_LMA));
	return true;
}

static int handle_rdmsr(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	struct vmx *vmx = to_vmx(vcpu);
	u64 *gpr = vmx->x86.gpr;
	u32 msr = gpr[AXVCPU_REG_RCX];
	u64 val;

	if (msr == MSR_EFER) {
		val = vmcs_read(GUEST_IA32_EFER);
	} else if (!axvcpu_x86_rdmsr(&vmx->x86, msr, &val)) {
		axvcpu_x86_exit_msr(&vmx->x86, false, exit);
		vmx_retire(vcpu);
		return AXVCPU_RAN_EXIT;
	}
	gpr[AXVCPU_REG_RAX] = (u32)val;
	gpr[AXVCPU_REG_RDX] = val >> 32;
	vmx_retire(vcpu);
	return AXVCPU_RAN_AGAIN;
}

static int handle_wrmsr(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	struct vmx *vmx = to_vmx(vcpu);
	u64 *gpr = vmx->x86.gpr;
	u32 msr = gpr[AXVCPU_REG_RCX];
	u64 val = (u32)gpr[AXVCPU_REG_RAX] | gpr[AXVCPU_REG_RDX] << 32;
	bool bad = false;

	if (msr == MSR_EFER) {
		bad = !write_efer(vmx, val);
	} else if (!axvcpu_x86_wrmsr(&vmx->x86, msr, val, &bad)) {
		axvcpu_x86_exit_msr(&vmx->x86, true, exit);
		vmx_retire(vcpu);
		return AXVCPU_RAN_EXIT;
	}
	if (bad)
		return vmx_raise(vcpu, X86_TRAP_GP, 0);
	vmcs_write(GUEST_IA32_PAT, vmx->x86.pat);
	vmx_retire(vcpu);
	return AXVCPU_RAN_AGAIN;
}

/* SDM table 28-7: the access type; other bits of the qualification are in @info. */
#define QUAL_READ	BIT(0)
#define QUAL_WRITE	BIT(1)
#define QUAL_FETCH	BIT(2)
#define QUAL_ACCESS	(QUAL_READ | QUAL_WRITE | QUAL_FETCH)

static_assert(QUAL_READ == AXAS_PROT_READ && QUAL_WRITE == AXAS_PROT_WRITE &&
	      QUAL_FETCH == AXAS_PROT_EXEC);

static int handle_violation(u64 qual, struct axvcpu_exit *exit)
{
	exit->nested_page_fault.gpa = vmcs_read(GUEST_PHYSICAL_ADDRESS);
	exit->nested_page_fault.access = qual & QUAL_ACCESS;
	exit->nested_page_fault.info = qual;
	return AXVCPU_RAN_FAULT;
}

static int handle_cpuid(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	vmx_retire(vcpu);
	return axvcpu_x86_do_cpuid(vcpu, exit) ? AXVCPU_RAN_EXIT : AXVCPU_RAN_AGAIN;
}

/* Hypercalls are for the guest's kernel: above CPL 0 the instruction is undefined. SDM 28.1.2. */
static int handle_hypercall(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	if (vmx_guest_cpl())
		return vmx_raise(vcpu, X86_TRAP_UD, 0);
	vmx_retire(vcpu);
	axvcpu_x86_exit_hypercall(to_x86(vcpu), exit);
	return AXVCPU_RAN_EXIT;
}

static int handle_halt(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	vmx_retire(vcpu);
	if (!axvcpu_x86_halts(vcpu))
		return AXVCPU_RAN_AGAIN;
	exit->reason = AXVCPU_EXIT_HALT;
	return AXVCPU_RAN_EXIT;
}

/* With CR4.OSXSAVE clear it is undefined, without an exit. SDM 26.1.1. */
static int handle_xsetbv(struct axvcpu *vcpu)
{
	if (vmx_guest_cpl() || !axvcpu_x86_xsetbv(to_x86(vcpu)))
		return vmx_raise(vcpu, X86_TRAP_GP, 0);
	vmx_retire(vcpu);
	return AXVCPU_RAN_AGAIN;
}

static int handle_triple_fault(struct vmx *vmx, struct axvcpu_exit *exit)
{
	vmx->x86.down = true;
	exit->reason = AXVCPU_EXIT_SYSTEM_DOWN;
	return AXVCPU_RAN_EXIT;
}

/* For a pending vector, or AXVCPU_RUN_WINDOW. */
static int handle_window(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	vmx_guest_controls(to_vmx(vcpu), 0, CPU_BASED_INTR_WINDOW_EXITING);
	if (!vcpu->window || vcpu->window >> 4 <= to_x86(vcpu)->cr8 ||
	    axvcpu_next_vector(vcpu) >= (int)vcpu->window)
		return AXVCPU_RAN_AGAIN;
	exit->reason = AXVCPU_EXIT_WINDOW;
	return AXVCPU_RAN_EXIT;
}

/* INVD and WBINVD: skipped, since caches are the host's and coherent. */
static int handle_nothing(struct axvcpu *vcpu)
{
	vmx_retire(vcpu);
	return AXVCPU_RAN_AGAIN;
}

/* Instructions that CPUID hides from the guest. */
static int handle_undefined(struct axvcpu *vcpu, u32 reason, u64 qual, struct axvcpu_exit *exit)
{
	switch (reason) {
	case EXIT_REASON_RDPMC:
		return vmx_raise(vcpu, X86_TRAP_GP, 0);
	case EXIT_REASON_VMCLEAR ... EXIT_REASON_VMON:
	case EXIT_REASON_MWAIT_INSTRUCTION:
	case EXIT_REASON_MONITOR_INSTRUCTION:
	case EXIT_REASON_INVEPT:
	case EXIT_REASON_INVVPID:
		return vmx_raise(vcpu, X86_TRAP_UD, 0);
	default:
		return fail_entry(exit, reason, qual);
	}
}

static int handle(struct axvcpu *vcpu, u32 reason, u64 qual, struct axvcpu_exit *exit)
{
	struct vmx *vmx = to_vmx(vcpu);

	switch (reason) {
	case EXIT_REASON_EXCEPTION_NMI:
		return handle_exception(vcpu);
	case EXIT_REASON_EXTERNAL_INTERRUPT:
	case EXIT_REASON_PREEMPTION_TIMER:
		return AXVCPU_RAN_IRQ;
	case EXIT_REASON_TRIPLE_FAULT:
		return handle_triple_fault(vmx, exit);
	case EXIT_REASON_INTERRUPT_WINDOW:
		return handle_window(vcpu, exit);
	case EXIT_REASON_CPUID:
		return handle_cpuid(vcpu, exit);
	case EXIT_REASON_HLT:
		return handle_halt(vcpu, exit);
	case EXIT_REASON_INVD:
	case EXIT_REASON_WBINVD:
		return handle_nothing(vcpu);
	case EXIT_REASON_VMCALL:
		return handle_hypercall(vcpu, exit);
	case EXIT_REASON_CR_ACCESS:
		return handle_cr(vcpu, qual, exit);
	case EXIT_REASON_DR_ACCESS:
		return handle_dr(vmx);
	case EXIT_REASON_IO_INSTRUCTION:
		return handle_io(vcpu, qual, exit);
	case EXIT_REASON_MSR_READ:
		return handle_rdmsr(vcpu, exit);
	case EXIT_REASON_MSR_WRITE:
		return handle_wrmsr(vcpu, exit);
	case EXIT_REASON_EPT_VIOLATION:
		return handle_violation(qual, exit);
	case EXIT_REASON_XSETBV:
		return handle_xsetbv(vcpu);
	case EXIT_REASON_EPT_MISCONFIG:
		return fail_entry(exit, reason, vmcs_read(GUEST_PHYSICAL_ADDRESS));
	default:
		return handle_undefined(vcpu, reason, qual, exit);
	}
}

int vmx_handle_exit(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	u32 reason = vmcs_read(VM_EXIT_REASON);
	u64 qual = vmcs_read(EXIT_QUALIFICATION);

	/* The entry failed while loading guest state: the guest did not run. SDM 27.8. */
	if (reason & VMX_EXIT_REASONS_FAILED_VMENTRY) {
		vmx_keep_event(to_vmx(vcpu));
		/* No exception follows; until it is handled, another one is a shutdown. */
		if ((reason & 0xffff) == EXIT_REASON_MCE_DURING_VMENTRY)
			to_vmx(vcpu)->host_event = X86_TRAP_MC;
		return fail_entry(exit, reason, qual);
	}
	vmx_read_event(to_vmx(vcpu));
	return handle(vcpu, reason & 0xffff, qual, exit);
}
