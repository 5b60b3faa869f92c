// SPDX-License-Identifier: GPL-2.0-only
/*
 * The backend for AMD SVM with nested paging. Calls x86.c and svm_entry.S. No locks: what
 * is of the machine is set up before the first CPU is enabled and does not change after.
 *
 * Manual: APM vol. 2, chapter 15.
 */
#include <linux/cpu.h>
#include <linux/idr.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <axas/frame.h>

#include "axas_compat.h"
#include "svm.h"
#include "x86.h"

/**
 * struct svm - the backend's part of a vCPU
 * @x86: what both backends have; first
 * @frame: the VMCB's page
 * @vmcb: the VMCB
 * @vmcb_pa: where hardware finds it
 * @asid: the tag of its translations, its own as long as it lives
 * @vector: what was handed to the hardware to deliver, or -ENOENT
 */
struct svm {
	struct axvcpu_x86 x86;
	struct axas_frame frame;
	struct svm_vmcb *vmcb;
	u64 vmcb_pa;
	u32 asid;
	int vector;
};

/* What is of the machine, from hw_setup() on. */
static struct {
	u32 asids;
	u32 features;		/* SVM_CPUID_EDX_* */
	bool ibpb_on_exit;
	void *iopm;
	void *msrpm;
} machine;

static DEFINE_IDA(asids);

/* Two pages of each CPU: the hardware's own for VMRUN, and VMSAVE's for the host. */
static DEFINE_PER_CPU(struct svm_pages { u8 *host; u8 *vmsave; }, cpu_pages);

static struct svm *to_svm(const struct axvcpu *vcpu)
{
	return container_of(to_x86(vcpu), struct svm, x86);
}

/*
 * MSRs that VMLOAD and VMSAVE switch: the guest's without an exit. APM vol. 2, 15.5.2.
 */
static const u32 own_msrs[] = {
	MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE,
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK,
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
};

/* Two bits for each MSR of three ranges of 0x2000: read, write. APM vol. 2, 15.11. */
static void allow_msr(void *map, u32 msr)
{
	u32 base = msr >= 0xc0010000 ? 0x4000 : msr >= 0xc0000000 ? 0x2000 : 0;

	__clear_bit(2 * (base + (msr & 0x1fff)), map);
	__clear_bit(2 * (base + (msr & 0x1fff)) + 1, map);
}

static void free_cpu_pages(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct svm_pages *pages = per_cpu_ptr(&cpu_pages, cpu);

		free_page((unsigned long)pages->host);
		free_page((unsigned long)pages->vmsave);
		*pages = (struct svm_pages){};
	}
}

static int alloc_cpu_pages(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct svm_pages *pages = per_cpu_ptr(&cpu_pages, cpu);

		pages->host = (u8 *)get_zeroed_page(GFP_KERNEL);
		pages->vmsave = (u8 *)get_zeroed_page(GFP_KERNEL);
		if (!pages->host || !pages->vmsave) {
			free_cpu_pages();
			return -ENOMEM;
		}
	}
	return 0;
}

static void free_maps(void)
{
	free_pages((unsigned long)machine.iopm, SVM_IOPM_ORDER);
	free_pages((unsigned long)machine.msrpm, SVM_MSRPM_ORDER);
	machine.iopm = NULL;
	machine.msrpm = NULL;
}

/* Every port and every other MSR makes the guest exit. */
static int alloc_maps(void)
{
	int i;

	machine.iopm = (void *)__get_free_pages(GFP_KERNEL, SVM_IOPM_ORDER);
	machine.msrpm = (void *)__get_free_pages(GFP_KERNEL, SVM_MSRPM_ORDER);
	if (!machine.iopm || !machine.msrpm) {
		free_maps();
		return -ENOMEM;
	}
	memset(machine.iopm, 0xff, SVM_IOPM_BYTES);
	memset(machine.msrpm, 0xff, SVM_MSRPM_BYTES);
	for (i = 0; i < ARRAY_SIZE(own_msrs); i++)
		allow_msr(machine.msrpm, own_msrs[i]);
	return 0;
}

static int svm_hw_setup(void)
{
	u32 eax, ecx;
	int err;

	if (boot_cpu_data.extended_cpuid_level < SVM_CPUID)
		return -EOPNOTSUPP;
	cpuid(SVM_CPUID, &eax, &machine.asids, &ecx, &machine.features);
	if (!(machine.features & SVM_CPUID_EDX_NP))
		return -EOPNOTSUPP;
	machine.ibpb_on_exit = axvcpu_x86_ibpb_on_exit();
	err = alloc_maps();
	if (err)
		return err;
	err = alloc_cpu_pages();
	if (err)
		free_maps();
	return err;
}

static void svm_hw_unsetup(void)
{
	free_cpu_pages();
	free_maps();
}

static int svm_cpu_supported(void)
{
	u64 val;

	if (!this_cpu_has(X86_FEATURE_SVM))
		return -EOPNOTSUPP;
	if (rdmsrq_safe(SVM_MSR_VM_CR, &val) || val & SVM_VM_CR_SVMDIS)
		return -EOPNOTSUPP;
	rdmsrq(MSR_EFER, val);
	return val & EFER_SVME ? -EBUSY : 0;
}

static int svm_cpu_enable(void)
{
	u64 efer;

	rdmsrq(MSR_EFER, efer);
	wrmsrq(MSR_EFER, efer | EFER_SVME);
	wrmsrq(SVM_MSR_VM_HSAVE_PA, __pa(this_cpu_read(cpu_pages.host)));
	return 0;
}

static void svm_cpu_disable(void)
{
	u64 efer;

	wrmsrq(SVM_MSR_VM_HSAVE_PA, 0);
	rdmsrq(MSR_EFER, efer);
	wrmsrq(MSR_EFER, efer & ~EFER_SVME);
}

static int svm_create(struct axvcpu *vcpu)
{
	struct svm *svm = kzalloc(sizeof(*svm), GFP_KERNEL_ACCOUNT);
	int err;

	if (!svm)
		return -ENOMEM;
	err = axvcpu_x86_create(&svm->x86);
	if (err)
		goto free_svm;
	err = axas_frame_alloc_zero(&svm->frame, vcpu->hal->mm);
	if (err)
		goto destroy_x86;
	/* 0 is the host's. */
	err = ida_alloc_range(&asids, 1, machine.asids - 1, GFP_KERNEL);
	if (err < 0)
		goto free_frame;
	svm->asid = err;
	svm->vmcb = axas_frame_ptr(&svm->frame);
	svm->vmcb_pa = svm->frame.hpa.val;
	svm->vector = -ENOENT;
	vcpu->arch = svm;
	return 0;

free_frame:
	axas_frame_free(&svm->frame);
destroy_x86:
	axvcpu_x86_destroy(&svm->x86);
free_svm:
	kfree(svm);
	return err;
}

static void svm_destroy(struct axvcpu *vcpu)
{
	struct svm *svm = to_svm(vcpu);

	ida_free(&asids, svm->asid);
	axas_frame_free(&svm->frame);
	axvcpu_x86_destroy(&svm->x86);
	kfree(svm);
}

static bool in_real_mode(const struct svm *svm)
{
	return !(svm->vmcb->save.cr0 & X86_CR0_PE);
}

static int svm_set_entry(struct axvcpu *vcpu, u64 entry)
{
	struct svm_save *save = &to_svm(vcpu)->vmcb->save;

	/* Before setup() neither mode is set: CR0 is 0, as in real mode. */
	if (save->cr0 && in_real_mode(to_svm(vcpu))) {
		if (entry >> 20)
			return -EINVAL;
		save->cs.selector = entry >> 4 & 0xf000;
		save->cs.base = save->cs.selector << 4;
		entry &= 0xffff;
	}
	save->rip = entry;
	return 0;
}

static int svm_set_npt_root(struct axvcpu *vcpu, struct axas_hpa root)
{
	struct svm_control *control = &to_svm(vcpu)->vmcb->control;

	control->nested = SVM_NP_ENABLE;
	control->nested_cr3 = root.val;
	return 0;
}

/*
 * What makes the guest exit. Of exceptions: #MC, which is the host's, and #DB and #AC,
 * whose delivery can loop inside the CPU for ever (CVE-2015-8104, CVE-2015-5307).
 */
static void set_intercepts(struct svm_control *control)
{
	control->intercept_cr = machine.features & SVM_CPUID_EDX_DECODE ?
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
	control->iopm = __pa(machine.iopm);
	control->msrpm = __pa(machine.msrpm);
	control->asid = svm->asid;
	control->interrupt = SVM_V_INTR_MASKING;
}

/* Attributes of segments, APM vol. 2, 4.7 and 4.8: G, D or L, P, S, type. */
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
	/* VMRUN asks for SVME in the guest's EFER, too: APM vol. 2, 15.5.1. */
	save->efer = EFER_SVME;
}

static int svm_setup(struct axvcpu *vcpu, const struct axvcpu_setup *setup)
{
	struct svm *svm = to_svm(vcpu);
	struct svm_save *save = &svm->vmcb->save;

	set_control(svm);
	if (setup->mode == AXVCPU_MODE_LONG)
		set_long_mode(save, setup);
	else
		set_real_mode(save);
	save->rflags = X86_EFLAGS_FIXED;
	save->dr6 = 0xffff0ff0;
	save->dr7 = 0x400;
	svm->x86.gpr[AXVCPU_REG_RSP] = setup->stack;
	return svm_set_entry(vcpu, setup->entry);
}

static void svm_set_gpr(struct axvcpu *vcpu, u32 reg, u64 val)
{
	to_x86(vcpu)->gpr[reg] = val;
}

static void svm_get_regs(struct axvcpu *vcpu, struct axvcpu_regs *regs)
{
	const struct svm *svm = to_svm(vcpu);
	const struct svm_save *save = &svm->vmcb->save;

	memcpy(regs->gpr, svm->x86.gpr, sizeof(regs->gpr));
	regs->rip = save->rip;
	regs->rflags = save->rflags;
	regs->cr0 = save->cr0;
	regs->cr2 = svm->x86.cr2;
	regs->cr3 = save->cr3;
	regs->cr4 = save->cr4;
	regs->efer = save->efer & ~EFER_SVME;
	regs->fs_base = save->fs.base;
	regs->gs_base = save->gs.base;
	memset(regs->reserved, 0, sizeof(regs->reserved));
}

/* Flags that are the guest's program's; the rest of the register is fixed. APM vol. 1, 3.1.4. */
#define RFLAGS_PROGRAM	(X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF | \
			 X86_EFLAGS_SF | X86_EFLAGS_TF | X86_EFLAGS_IF | X86_EFLAGS_DF | \
			 X86_EFLAGS_OF | X86_EFLAGS_IOPL | X86_EFLAGS_NT | X86_EFLAGS_RF | \
			 X86_EFLAGS_AC | X86_EFLAGS_ID)

static int svm_set_regs(struct axvcpu *vcpu, const struct axvcpu_regs *regs)
{
	struct svm *svm = to_svm(vcpu);
	struct svm_save *save = &svm->vmcb->save;

	if (regs->cr0 != save->cr0 || regs->cr4 != save->cr4 ||
	    regs->efer != (save->efer & ~EFER_SVME) ||
	    regs->cr3 >> boot_cpu_data.x86_phys_bits ||
	    (regs->rflags & ~RFLAGS_PROGRAM) != X86_EFLAGS_FIXED)
		return -EINVAL;
	memcpy(svm->x86.gpr, regs->gpr, sizeof(regs->gpr));
	save->rip = regs->rip;
	save->rflags = regs->rflags;
	svm->x86.cr2 = regs->cr2;
	if (save->cr3 != regs->cr3)
		set_bit(AXVCPU_REQ_FLUSH, &vcpu->requests);
	save->cr3 = regs->cr3;
	save->fs.base = regs->fs_base;
	save->gs.base = regs->gs_base;
	return 0;
}

static int svm_load(struct axvcpu *vcpu)
{
	axvcpu_x86_load(to_x86(vcpu));
	return 0;
}

static void svm_put(struct axvcpu *vcpu)
{
	axvcpu_x86_put(to_x86(vcpu));
}

/* An ASID is one vCPU's alone, so that all of it may go. APM vol. 2, 15.16. */
static void svm_flush(struct axvcpu *vcpu)
{
	to_svm(vcpu)->vmcb->control.tlb_control =
		machine.features & SVM_CPUID_EDX_FLUSH ? SVM_TLB_FLUSH_ASID :
							 SVM_TLB_FLUSH_ALL;
}

static void inject_exception(struct svm *svm, u8 vector, bool has_error)
{
	svm->vmcb->control.event_inj = vector | SVM_EVENT_EXCEPTION | SVM_EVENT_VALID |
				       (has_error ? SVM_EVENT_ERROR : 0);
}

/*
 * Hand the next vector to the hardware as a virtual interrupt: it is delivered as soon as
 * the guest takes interrupts, without an exit. APM vol. 2, 15.21.4.
 */
static void offer_vector(struct axvcpu *vcpu, struct svm *svm)
{
	u64 *interrupt = &svm->vmcb->control.interrupt;

	svm->vector = axvcpu_next_vector(vcpu);
	*interrupt = SVM_V_INTR_MASKING;
	if (svm->vector < 0)
		return;
	axvcpu_vector_done(vcpu, svm->vector, false);
	*interrupt |= SVM_V_IRQ | SVM_V_IGN_TPR | 0xfull << SVM_V_INTR_PRIO_SHIFT |
		      (u64)svm->vector << SVM_V_INTR_VECTOR_SHIFT;
}

/* The event whose delivery the exit has interrupted, to be delivered again; 0: none. */
static u64 interrupted_event(const struct svm_control *control)
{
	u64 event = control->exit_int_info;
	u8 vector = event & SVM_EVENT_VECTOR;

	if (!(event & SVM_EVENT_VALID))
		return 0;
	switch (event & SVM_EVENT_TYPE) {
	case SVM_EVENT_SOFT:
		/* INT n: RIP is at the instruction, which raises it itself. */
		return 0;
	case SVM_EVENT_EXCEPTION:
		/* So it is with INT3 and INTO. */
		if (vector == X86_TRAP_BP || vector == X86_TRAP_OF)
			return 0;
		/* QEMU calls an interrupt an exception, too. No exception is above 31. */
		if (vector >= AXVCPU_FIRST_VECTOR)
			return vector | SVM_EVENT_INTR | SVM_EVENT_VALID;
		return event;
	default:
		return event;
	}
}

/* What was not delivered waits on. What was begun and not finished is begun again. */
static void take_back(struct axvcpu *vcpu, struct svm *svm)
{
	struct svm_control *control = &svm->vmcb->control;
	u64 event = interrupted_event(control);

	/* In QEMU a virtual interrupt is still pending while it is being delivered. */
	if (svm->vector >= 0 && control->interrupt & SVM_V_IRQ &&
	    event != (svm->vector | SVM_EVENT_INTR | SVM_EVENT_VALID))
		axvcpu_vector_done(vcpu, svm->vector, true);
	svm->vector = -ENOENT;
	control->event_inj = event;
}

/* Go behind the instruction that exited: @len bytes, where the CPU does not say. */
static void skip(struct svm *svm, unsigned int len)
{
	struct svm_control *control = &svm->vmcb->control;
	struct svm_save *save = &svm->vmcb->save;
	u64 rip = save->rip + len;

	if (machine.features & SVM_CPUID_EDX_NRIPS && control->next_rip)
		rip = control->next_rip;
	if (!(save->efer & EFER_LMA) || !(save->cs.attrib & BIT(9)))
		rip &= 0xffffffff;
	save->rip = rip;
	control->shadow &= ~SVM_INTERRUPT_SHADOW;
}

static int on_cpuid(struct axvcpu *vcpu, struct svm *svm, struct axvcpu_exit *exit)
{
	skip(svm, 2);
	return axvcpu_x86_do_cpuid(vcpu, exit) ? AXVCPU_RAN_EXIT : AXVCPU_RAN_AGAIN;
}

static int on_hlt(struct axvcpu *vcpu, struct svm *svm, struct axvcpu_exit *exit)
{
	skip(svm, 1);
	if (svm->vmcb->save.rflags & X86_EFLAGS_IF && axvcpu_next_vector(vcpu) >= 0)
		return AXVCPU_RAN_AGAIN;
	exit->reason = AXVCPU_EXIT_HALT;
	return AXVCPU_RAN_EXIT;
}

static int on_vmmcall(struct axvcpu *vcpu, struct svm *svm, struct axvcpu_exit *exit)
{
	skip(svm, 3);
	axvcpu_x86_exit_hypercall(&svm->x86, exit);
	return AXVCPU_RAN_EXIT;
}

/* INS and OUTS would need the guest's memory: they fault. */
static int on_ioio(struct axvcpu *vcpu, struct svm *svm, struct axvcpu_exit *exit)
{
	struct svm_control *control = &svm->vmcb->control;
	u64 info = control->exit_info_1;

	if (info & SVM_IOIO_STRING) {
		inject_exception(svm, X86_TRAP_GP, true);
		return AXVCPU_RAN_AGAIN;
	}
	svm->vmcb->save.rip = control->exit_info_2;
	control->shadow &= ~SVM_INTERRUPT_SHADOW;
	axvcpu_x86_exit_io(&svm->x86, info & SVM_IOIO_IN, SVM_IOIO_PORT(info),
			   SVM_IOIO_WIDTH(info), exit);
	return AXVCPU_RAN_EXIT;
}

/* The guest sees neither SVME nor a way to lose it; LMA is the hardware's. */
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
	if (bad) {
		inject_exception(svm, X86_TRAP_GP, true);
		return AXVCPU_RAN_AGAIN;
	}
	skip(svm, 2);
	if (known)
		return AXVCPU_RAN_AGAIN;
	axvcpu_x86_exit_msr(&svm->x86, write, exit);
	return AXVCPU_RAN_EXIT;
}

/* What a guest may have on in CR4: nothing whose state the host does not switch. */
#define CR4_GUEST	(X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PSE | \
			 X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE | X86_CR4_OSFXSR | \
			 X86_CR4_OSXMMEXCPT | X86_CR4_UMIP | X86_CR4_FSGSBASE | \
			 X86_CR4_SMEP | X86_CR4_SMAP)

static int on_cr4_write(struct axvcpu *vcpu, struct svm *svm, struct axvcpu_exit *exit)
{
	struct svm_save *save = &svm->vmcb->save;
	u64 info = svm->vmcb->control.exit_info_1;
	u64 val = svm->x86.gpr[SVM_CR_GPR(info)];

	if (!(save->efer & EFER_LMA))
		val = (u32)val;
	if (!(info & SVM_CR_MOV) || val & ~CR4_GUEST ||
	    (save->efer & EFER_LMA && !(val & X86_CR4_PAE))) {
		inject_exception(svm, X86_TRAP_GP, true);
		return AXVCPU_RAN_AGAIN;
	}
	save->cr4 = val;
	set_bit(AXVCPU_REQ_FLUSH, &vcpu->requests);
	skip(svm, 3);
	return AXVCPU_RAN_AGAIN;
}

/* The debug registers are the guest's from now on: it tries again. */
static int on_dr(struct axvcpu *vcpu, struct svm *svm, struct axvcpu_exit *exit)
{
	svm->vmcb->control.intercept_dr = 0;
	axvcpu_x86_use_dr(&svm->x86);
	return AXVCPU_RAN_AGAIN;
}

/* What was intercepted only so that its delivery can be interrupted. */
static int on_exception(struct axvcpu *vcpu, struct svm *svm, u8 vector)
{
	if (vector == X86_TRAP_MC) {
		pr_err_ratelimited("axvcpu: machine check while a guest ran\n");
		return -EIO;
	}
	inject_exception(svm, vector, vector == X86_TRAP_AC);
	return AXVCPU_RAN_AGAIN;
}

/*
 * The access, in words of the space. A walk of the guest's own table is always a write
 * to hardware, for it may set accessed bits there (APM vol. 2, 15.25.5). A reserved bit
 * in one of our entries is nobody's access: the space answers that with an error.
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

static int on_shutdown(struct axvcpu *vcpu, struct svm *svm, struct axvcpu_exit *exit)
{
	/* The VMCB's content is undefined now: APM vol. 2, 15.14.3. */
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

/* Exits that end in an exception, as if the CPU did not have what was asked for. */
static int refuse(struct svm *svm, u8 vector)
{
	inject_exception(svm, vector, vector == X86_TRAP_GP);
	return AXVCPU_RAN_AGAIN;
}

/* INVD and WBINVD: caches stay coherent without. */
static int pass_over(struct svm *svm, unsigned int len)
{
	skip(svm, len);
	return AXVCPU_RAN_AGAIN;
}

static int handle_exit(struct axvcpu *vcpu, struct svm *svm, struct axvcpu_exit *exit)
{
	u64 code = svm->vmcb->control.exit_code;

	switch (code) {
	case SVM_EXIT_INTR:
		return AXVCPU_RAN_IRQ;
	case SVM_EXIT_NMI:
	case SVM_EXIT_SMI:
	case SVM_EXIT_INIT:
		/* Taken by the host with STGI. */
		return AXVCPU_RAN_AGAIN;
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
		return on_shutdown(vcpu, svm, exit);
	case SVM_EXIT_NPF:
		return on_npf(vcpu, svm, exit);
	case SVM_EXIT_INVD:
	case SVM_EXIT_WBINVD:
		return pass_over(svm, 2);
	case SVM_EXIT_RDPMC:
	case SVM_EXIT_XSETBV:
		return refuse(svm, X86_TRAP_GP);
	case SVM_EXIT_RSM:
	case SVM_EXIT_INVLPGA:
	case SVM_EXIT_VMRUN:
	case SVM_EXIT_VMLOAD ... SVM_EXIT_RDTSCP:
	case SVM_EXIT_MONITOR ... SVM_EXIT_MWAIT_ARMED:
	case SVM_EXIT_RDPRU:
	case SVM_EXIT_INVLPGB ... SVM_EXIT_TLBSYNC:
		return refuse(svm, X86_TRAP_UD);
	default:
		return fail_entry(svm, exit);
	}
}

static int svm_run(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	struct svm *svm = to_svm(vcpu);
	struct svm_control *control = &svm->vmcb->control;
	struct svm_save *save = &svm->vmcb->save;
	struct axvcpu_x86 *x86 = &svm->x86;
	int ran;

	if (x86->down)
		return on_shutdown(vcpu, svm, exit);
	offer_vector(vcpu, svm);
	save->rax = x86->gpr[AXVCPU_REG_RAX];
	save->rsp = x86->gpr[AXVCPU_REG_RSP];
	save->cr2 = x86->cr2;
	save->g_pat = x86->pat;
	/* Nothing in the VMCB is taken to be as it was: APM vol. 2, 15.15. */
	control->clean = 0;
	axvcpu_svm_enter(svm->vmcb_pa, x86, __pa(this_cpu_read(cpu_pages.vmsave)),
			 machine.ibpb_on_exit);
	control->tlb_control = SVM_TLB_NOTHING;
	x86->gpr[AXVCPU_REG_RAX] = save->rax;
	x86->gpr[AXVCPU_REG_RSP] = save->rsp;
	x86->cr2 = save->cr2;
	take_back(vcpu, svm);
	ran = handle_exit(vcpu, svm, exit);
	exit->rip = save->rip;
	return ran;
}

const struct axvcpu_arch_ops axvcpu_svm_ops = {
	.name			= "svm",
	.format			= AXAS_FORMAT_SVM,
	.hw_setup		= svm_hw_setup,
	.hw_unsetup		= svm_hw_unsetup,
	.cpu_supported		= svm_cpu_supported,
	.cpu_enable		= svm_cpu_enable,
	.cpu_disable		= svm_cpu_disable,
	.create			= svm_create,
	.destroy		= svm_destroy,
	.check_setup		= axvcpu_x86_check_setup,
	.set_entry		= svm_set_entry,
	.set_npt_root		= svm_set_npt_root,
	.setup			= svm_setup,
	.set_gpr		= svm_set_gpr,
	.set_return_value	= axvcpu_x86_set_return_value,
	.get_regs		= svm_get_regs,
	.set_regs		= svm_set_regs,
	.load			= svm_load,
	.put			= svm_put,
	.flush			= svm_flush,
	.run			= svm_run,
};
