// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exit handling; exit codes are from APM vol. 2, appendix C. Calls svm_event.c, svm_insn.c,
 * event.c, fpu.c, host.c and x86.c. Interrupts are off.
 */
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "axas_compat.h"
#include "svm.h"

/* Retire the instruction that exited: @len bytes plus prefixes, unless the CPU reports its end. */
static void retire(struct axvcpu *vcpu, struct svm *svm, unsigned int len)
{
	u64 rip = svm->vmcb->control.next_rip;

	if (!(svm_machine.features & SVM_CPUID_EDX_NRIPS) || !rip)
		rip = axvcpu_x86_next_rip(&svm->x86, svm_prefixes(svm) + len, svm_code64(svm));
	axvcpu_x86_retire(vcpu, rip);
}

static int on_cpuid(struct axvcpu *vcpu, struct svm *svm, struct axvcpu_exit *exit)
{
	svm->x86.osxsave = svm->vmcb->save.cr4 & X86_CR4_OSXSAVE;
	retire(vcpu, svm, 2);
	return axvcpu_x86_do_cpuid(vcpu, exit) ? AXVCPU_RAN_EXIT : AXVCPU_RAN_AGAIN;
}

/* With CR4.OSXSAVE clear it is undefined, without an exit. APM vol. 2, 15.14.4. */
static int on_xsetbv(struct axvcpu *vcpu, struct svm *svm)
{
	if (svm->vmcb->save.cpl || !axvcpu_x86_xsetbv(&svm->x86))
		return svm_raise(vcpu, X86_TRAP_GP, 0);
	retire(vcpu, svm, 3);
	return AXVCPU_RAN_AGAIN;
}

static int on_hlt(struct axvcpu *vcpu, struct svm *svm, struct axvcpu_exit *exit)
{
	retire(vcpu, svm, 1);
	if (!axvcpu_x86_halts(vcpu))
		return AXVCPU_RAN_AGAIN;
	exit->reason = AXVCPU_EXIT_HALT;
	return AXVCPU_RAN_EXIT;
}

/* Hypercalls are for the guest's kernel: above CPL 0 the instruction is undefined. */
static int on_vmmcall(struct axvcpu *vcpu, struct svm *svm, struct axvcpu_exit *exit)
{
	if (svm->vmcb->save.cpl)
		return svm_raise(vcpu, X86_TRAP_UD, 0);
	retire(vcpu, svm, 3);
	axvcpu_x86_exit_hypercall(&svm->x86, exit);
	return AXVCPU_RAN_EXIT;
}

/* INS and OUTS would need access to the guest's memory: #GP. */
static int on_ioio(struct axvcpu *vcpu, struct svm *svm, struct axvcpu_exit *exit)
{
	u64 info = svm->vmcb->control.exit_info_1;

	if (info & SVM_IOIO_STRING)
		return svm_raise(vcpu, X86_TRAP_GP, 0);
	axvcpu_x86_retire(vcpu, svm->vmcb->control.exit_info_2);
	axvcpu_x86_exit_io(&svm->x86, info & SVM_IOIO_IN, SVM_IOIO_PORT(info),
			   SVM_IOIO_WIDTH(info), exit);
	return AXVCPU_RAN_EXIT;
}

/* The guest cannot see or clear SVME; LMA is read-only. */
#define EFER_GUEST	(EFER_SCE | EFER_LME | EFER_NX)

static bool read_msr(struct svm *svm, u32 msr, u64 *val)
{
	if (msr == MSR_EFER) {
		*val = svm->vmcb->save.efer & ~EFER_SVME;
		return true;
	}
	return axvcpu_x86_rdmsr(&svm->x86, msr, val);
}

static bool write_msr(struct svm *svm, u32 msr, u64 val, bool *bad)
{
	struct svm_save *save = &svm->vmcb->save;

	if (msr != MSR_EFER)
		return axvcpu_x86_wrmsr(&svm->x86, msr, val, bad);
	/* LME cannot change while paging is on: APM vol. 2, 14.6.1. */
	*bad = val & ~(EFER_GUEST | EFER_LMA) ||
	       (save->cr0 & X86_CR0_PG && (val ^ save->efer) & EFER_LME);
	if (!*bad)
		save->efer = (val & EFER_GUEST) | (save->efer & (EFER_SVME | EFER_LMA));
	return true;
}

static int on_msr(struct axvcpu *vcpu, struct svm *svm, struct axvcpu_exit *exit)
{
	u64 *gpr = svm->x86.gpr;
	u32 msr = gpr[AXVCPU_REG_RCX];
	bool write = svm->vmcb->control.exit_info_1 & 1;
	bool known, bad = false;
	u64 val;

	if (write) {
		val = (u32)gpr[AXVCPU_REG_RAX] | gpr[AXVCPU_REG_RDX] << 32;
		known = write_msr(svm, msr, val, &bad);
	} else {
		known = read_msr(svm, msr, &val);
		if (known) {
			gpr[AXVCPU_REG_RAX] = (u32)val;
			gpr[AXVCPU_REG_RDX] = val >> 32;
		}
	}
	if (bad)
		return svm_raise(vcpu, X86_TRAP_GP, 0);
	if (!known)
		axvcpu_x86_exit_msr(&svm->x86, write, exit);
	retire(vcpu, svm, 2);
	return known ? AXVCPU_RAN_AGAIN : AXVCPU_RAN_EXIT;
}

static int on_cr4_write(struct axvcpu *vcpu, struct svm *svm, struct axvcpu_exit *exit)
{
	struct svm_save *save = &svm->vmcb->save;
	u64 info = svm->vmcb->control.exit_info_1;
	u64 val = svm->x86.gpr[SVM_CR_GPR(info)];

	if (!(save->efer & EFER_LMA))
		val = (u32)val;
	if (!(info & SVM_CR_MOV) || val & ~svm_machine.cr4 ||
	    (save->efer & EFER_LMA && !(val & X86_CR4_PAE)))
		return svm_raise(vcpu, X86_TRAP_GP, 0);
	save->cr4 = val;
	set_bit(AXVCPU_REQ_FLUSH, &vcpu->requests);
	retire(vcpu, svm, 3);
	return AXVCPU_RAN_AGAIN;
}

/* Stop intercepting debug registers; the guest executes the access again. */
static int on_dr(struct axvcpu *vcpu, struct svm *svm, struct axvcpu_exit *exit)
{
	svm->vmcb->control.intercept_dr = 0;
	axvcpu_x86_use_dr(&svm->x86);
	return AXVCPU_RAN_AGAIN;
}

/* Exceptions that are intercepted to break delivery loops. DR6 already has the cause of a #DB. */
static int on_exception(struct axvcpu *vcpu, struct svm *svm, u8 vector)
{
	if (vector == X86_TRAP_MC)
		return axvcpu_x86_machine_check();
	if (vector != X86_TRAP_DB)
		return svm_raise(vcpu, vector, svm->vmcb->control.exit_info_1);
	axvcpu_x86_raise_db(vcpu, 0);
	return AXVCPU_RAN_AGAIN;
}

/*
 * Report the access as the space expects it. Walks of the guest's own table are always writes to
 * the hardware, since they may set accessed bits (APM vol. 2, 15.25.5). A reserved bit in one of
 * our entries is no access at all: the space answers with an error.
 */
static int on_npf(struct axvcpu *vcpu, struct svm *svm, struct axvcpu_exit *exit)
{
	u64 info = svm->vmcb->control.exit_info_1;

	exit->nested_page_fault.gpa = svm->vmcb->control.exit_info_2;
	exit->nested_page_fault.info = info;
	if (info & SVM_NPF_RESERVED)
		exit->nested_page_fault.access = 0;
	else if (info & SVM_NPF_FETCH)
		exit->nested_page_fault.access = AXAS_PROT_EXEC;
	else if (info & SVM_NPF_WRITE)
		exit->nested_page_fault.access = AXAS_PROT_WRITE;
	else
		exit->nested_page_fault.access = AXAS_PROT_READ;
	return AXVCPU_RAN_FAULT;
}

int svm_on_shutdown(struct axvcpu *vcpu, struct svm *svm, struct axvcpu_exit *exit)
{
	/* The VMCB is undefined after a shutdown: APM vol. 2, 15.14.3. */
	svm->x86.down = true;
	exit->reason = AXVCPU_EXIT_SYSTEM_DOWN;
	return AXVCPU_RAN_EXIT;
}

static int fail_entry(struct svm *svm, struct axvcpu_exit *exit)
{
	exit->reason = AXVCPU_EXIT_FAIL_ENTRY;
	exit->fail_entry.reason = svm->vmcb->control.exit_code;
	exit->fail_entry.info = svm->vmcb->control.exit_info_1;
	return AXVCPU_RAN_EXIT;
}

static int on_window(struct axvcpu_exit *exit)
{
	exit->reason = AXVCPU_EXIT_WINDOW;
	return AXVCPU_RAN_EXIT;
}

/* INVD and WBINVD: skipped, since caches stay coherent without them. */
static int pass_over(struct axvcpu *vcpu, struct svm *svm, unsigned int len)
{
	retire(vcpu, svm, len);
	return AXVCPU_RAN_AGAIN;
}

int svm_handle_exit(struct axvcpu *vcpu, struct svm *svm, struct axvcpu_exit *exit)
{
	u64 code = svm->vmcb->control.exit_code;

	switch (code) {
	case SVM_EXIT_INTR:
		return AXVCPU_RAN_IRQ;
	case SVM_EXIT_NMI:
	case SVM_EXIT_SMI:
	case SVM_EXIT_INIT:
		/* The host took it at STGI. */
		return AXVCPU_RAN_AGAIN;
	case SVM_EXIT_VINTR:
		return on_window(exit);
	case SVM_EXIT_CR4_WRITE:
		return on_cr4_write(vcpu, svm, exit);
	case SVM_EXIT_DR_FIRST ... SVM_EXIT_DR_LAST:
		return on_dr(vcpu, svm, exit);
	case SVM_EXIT_EXCEPTION ... SVM_EXIT_EXCEPTION + 31:
		return on_exception(vcpu, svm, code - SVM_EXIT_EXCEPTION);
	case SVM_EXIT_CPUID:
		return on_cpuid(vcpu, svm, exit);
	case SVM_EXIT_HLT:
		return on_hlt(vcpu, svm, exit);
	case SVM_EXIT_IOIO:
		return on_ioio(vcpu, svm, exit);
	case SVM_EXIT_MSR:
		return on_msr(vcpu, svm, exit);
	case SVM_EXIT_VMMCALL:
		return on_vmmcall(vcpu, svm, exit);
	case SVM_EXIT_SHUTDOWN:
		return svm_on_shutdown(vcpu, svm, exit);
	case SVM_EXIT_NPF:
		return on_npf(vcpu, svm, exit);
	case SVM_EXIT_INVD:
	case SVM_EXIT_WBINVD:
		return pass_over(vcpu, svm, 2);
	case SVM_EXIT_XSETBV:
		return on_xsetbv(vcpu, svm);
	case SVM_EXIT_RDPMC:
		return svm_raise(vcpu, X86_TRAP_GP, 0);
	case SVM_EXIT_RSM:
	case SVM_EXIT_INVLPGA:
	case SVM_EXIT_VMRUN:
	case SVM_EXIT_VMLOAD ... SVM_EXIT_RDTSCP:
	case SVM_EXIT_MONITOR ... SVM_EXIT_MWAIT_ARMED:
	case SVM_EXIT_RDPRU:
	case SVM_EXIT_INVLPGB ... SVM_EXIT_TLBSYNC:
		/* Instructions that CPUID hides from the guest. */
		return svm_raise(vcpu, X86_TRAP_UD, 0);
	default:
		return fail_entry(svm, exit);
	}
}
