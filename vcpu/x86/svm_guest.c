// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's registers in the VMCB, and its intercepts. Calls x86.c and fetch.c. No locks.
 *
 * Manual: APM vol. 2, chapter 15.
 */
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "axas_compat.h"
#include "svm.h"

static bool in_real_mode(const struct svm *svm)
{
	return !(svm->vmcb->save.cr0 & X86_CR0_PE);
}

int svm_set_entry(struct axvcpu *vcpu, u64 entry)
{
	struct svm_save *save = &to_svm(vcpu)->vmcb->save;

	/* Before setup() the mode is not known: CR0 is 0, which also means real mode. */
	if (save->cr0 && in_real_mode(to_svm(vcpu))) {
		if (entry >> 20)
			return -EINVAL;
		save->cs.selector = axvcpu_x86_real_cs(to_x86(vcpu), entry);
		save->cs.base = save->cs.selector << 4;
		entry -= save->cs.base;
	}
	if (!axvcpu_x86_canonical(entry))
		return -EINVAL;
	to_x86(vcpu)->rip = entry;
	return 0;
}

/*
 * Intercepts. Exceptions: #MC, which the host handles, and #DB and #AC, whose delivery can loop
 * inside the CPU forever (CVE-2015-8104, CVE-2015-5307).
 */
static void set_intercepts(struct svm_control *control)
{
	control->intercept_cr = svm_machine.features & SVM_CPUID_EDX_DECODE ?
				SVM_INTERCEPT_CR_WRITE(4) : 0;
	control->intercept_dr = ~0u;
	control->intercept_exceptions = BIT(X86_TRAP_MC) | BIT(X86_TRAP_DB) | BIT(X86_TRAP_AC);
	control->intercept_1 =
		SVM_INTERCEPT_INTR | SVM_INTERCEPT_NMI | SVM_INTERCEPT_INIT |
		SVM_INTERCEPT_RDPMC | SVM_INTERCEPT_CPUID | SVM_INTERCEPT_RSM |
		SVM_INTERCEPT_INVD | SVM_INTERCEPT_HLT | SVM_INTERCEPT_INVLPGA |
		SVM_INTERCEPT_IOIO | SVM_INTERCEPT_MSR | SVM_INTERCEPT_TASK_SWITCH |
		SVM_INTERCEPT_FERR | SVM_INTERCEPT_SHUTDOWN;
	control->intercept_2 =
		SVM_INTERCEPT_VMRUN | SVM_INTERCEPT_VMMCALL | SVM_INTERCEPT_VMLOAD |
		SVM_INTERCEPT_VMSAVE | SVM_INTERCEPT_STGI | SVM_INTERCEPT_CLGI |
		SVM_INTERCEPT_SKINIT | SVM_INTERCEPT_RDTSCP | SVM_INTERCEPT_WBINVD |
		SVM_INTERCEPT_MONITOR | SVM_INTERCEPT_MWAIT | SVM_INTERCEPT_MWAIT_ARMED |
		SVM_INTERCEPT_XSETBV | SVM_INTERCEPT_RDPRU;
	control->intercept_3 =
		SVM_INTERCEPT_INVLPGB | SVM_INTERCEPT_INVLPGB_ILLEGAL |
		SVM_INTERCEPT_MCOMMIT | SVM_INTERCEPT_TLBSYNC;
}

static void set_control(struct svm *svm)
{
	struct svm_control *control = &svm->vmcb->control;

	set_intercepts(control);
	control->iopm = __pa(svm_machine.iopm);
	control->msrpm = __pa(svm_machine.msrpm);
	control->asid = svm->asid;
	control->interrupt = SVM_V_INTR_MASKING;
}

/* Segment attributes, APM vol. 2, 4.7 and 4.8: G, D or L, P, S, type. */
#define SEG_CODE_64	0xa9b
#define SEG_DATA_FLAT	0xc93
#define SEG_CODE_16	0x09b
#define SEG_DATA_16	0x093
#define SEG_TSS_64	0x08b
#define SEG_LDT		0x082

static void set_segments(struct svm_save *save, struct svm_segment code,
			 struct svm_segment data)
{
	save->cs = code;
	save->ds = data;
	save->es = data;
	save->fs = data;
	save->gs = data;
	save->ss = data;
	save->tr = (struct svm_segment){ .attrib = SEG_TSS_64, .limit = 0xffff };
	save->ldtr = (struct svm_segment){ .attrib = SEG_LDT, .limit = 0xffff };
}

static void set_long_mode(struct svm_save *save, const struct axvcpu_setup *setup)
{
	set_segments(save,
		     (struct svm_segment){ 0x08, SEG_CODE_64, 0xffffffff, 0 },
		     (struct svm_segment){ 0x10, SEG_DATA_FLAT, 0xffffffff, 0 });
	save->cr0 = X86_CR0_PE | X86_CR0_MP | X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_PG;
	save->cr4 = X86_CR4_PAE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
	save->cr3 = setup->cr3;
	save->efer = EFER_SVME | EFER_SCE | EFER_LME | EFER_LMA | EFER_NX;
}

static void set_real_mode(struct svm_save *save)
{
	set_segments(save,
		     (struct svm_segment){ 0, SEG_CODE_16, 0xffff, 0 },
		     (struct svm_segment){ 0, SEG_DATA_16, 0xffff, 0 });
	save->idtr.limit = 0x3ff;
	save->cr0 = X86_CR0_ET;
	/* VMRUN requires SVME in the guest's EFER, too: APM vol. 2, 15.5.1. */
	save->efer = EFER_SVME;
}

int svm_setup(struct axvcpu *vcpu, const struct axvcpu_setup *setup)
{
	struct svm *svm = to_svm(vcpu);
	struct svm_save *save = &svm->vmcb->save;
	int err;

	set_control(svm);
	if (setup->mode == AXVCPU_MODE_LONG)
		set_long_mode(save, setup);
	else
		set_real_mode(save);
	svm->x86.rflags = X86_EFLAGS_FIXED;
	save->dr6 = 0xffff0ff0;
	save->dr7 = 0x400;
	svm->x86.gpr[AXVCPU_REG_RSP] = setup->stack;
	svm->x86.startup = setup->flags & AXVCPU_SETUP_STARTUP;
	err = svm_set_entry(vcpu, setup->entry);
	svm->x86.startup = false;
	return err;
}

/* setup() writes all other fields of the VMCB. */
void svm_reset(struct axvcpu *vcpu)
{
	struct svm *svm = to_svm(vcpu);

	axvcpu_x86_reset(&svm->x86);
	memset(&svm->vmcb->control, 0, sizeof(svm->vmcb->control));
	memset(&svm->vmcb->save, 0, sizeof(svm->vmcb->save));
	svm->vector = -ENOENT;
}

void svm_hole(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	const struct svm *svm = to_svm(vcpu);
	const struct svm_save *save = &svm->vmcb->save;
	struct axvcpu_x86_code code = {
		.cr0 = save->cr0, .cr3 = save->cr3, .cr4 = save->cr4, .efer = save->efer,
		.code64 = svm_code64(svm),
	};

	if (!code.code64)
		code.base = save->cs.base;
	axvcpu_x86_fetch(vcpu, &code, exit);
}

void svm_get_regs(struct axvcpu *vcpu, struct axvcpu_regs *regs)
{
	const struct svm *svm = to_svm(vcpu);
	const struct svm_save *save = &svm->vmcb->save;

	axvcpu_x86_get_regs(&svm->x86, regs);
	regs->cr0 = save->cr0;
	regs->cr3 = save->cr3;
	regs->cr4 = save->cr4;
	regs->efer = save->efer & ~EFER_SVME;
	regs->fs_base = save->fs.base;
	regs->gs_base = save->gs.base;
	regs->cpl = save->cpl;
}

int svm_set_regs(struct axvcpu *vcpu, const struct axvcpu_regs *regs)
{
	struct svm *svm = to_svm(vcpu);
	struct svm_save *save = &svm->vmcb->save;

	if (regs->cr0 != save->cr0 || regs->cr4 != save->cr4 ||
	    regs->efer != (save->efer & ~EFER_SVME) || regs->cpl != save->cpl ||
	    !axvcpu_x86_regs_valid(&svm->x86, regs, svm_code64(svm)))
		return -EINVAL;
	axvcpu_x86_set_regs(vcpu, regs);
	if (save->cr3 != regs->cr3)
		set_bit(AXVCPU_REQ_FLUSH, &vcpu->requests);
	save->cr3 = regs->cr3;
	save->fs.base = regs->fs_base;
	save->gs.base = regs->gs_base;
	return 0;
}
