// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest-state area of a VMCS (SDM 25.4) and the execution controls (SDM 25.6 to 25.8). Calls
 * vmx_cpu.c and x86.c.
 */
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <asm/vmx.h>

#include "vmx.h"

/* Access rights, SDM 25.4.1, table 25-2. */
#define AR_CODE64	(AR_TYPE_CODE | AR_USUAL | VMX_AR_L_MASK | VMX_AR_G_MASK)
#define AR_DATA64	(AR_TYPE_DATA | AR_USUAL | VMX_AR_DB_MASK | VMX_AR_G_MASK)
#define AR_CODE16	(AR_TYPE_CODE | AR_USUAL)
#define AR_DATA16	(AR_TYPE_DATA | AR_USUAL)
#define AR_TSS		(VMX_AR_TYPE_BUSY_64_TSS | VMX_AR_P_MASK)
#define AR_TYPE_CODE	0xb	/* executable, readable, accessed */
#define AR_TYPE_DATA	0x3	/* writable, accessed */
#define AR_USUAL		(VMX_AR_S_MASK | VMX_AR_P_MASK)

#define CR0_REAL	X86_CR0_ET
#define CR0_LONG	(X86_CR0_PG | X86_CR0_WP | X86_CR0_NE | X86_CR0_ET | X86_CR0_MP | \
			 X86_CR0_PE)
#define CR4_LONG	(X86_CR4_PAE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT)
#define DR7_RESET	0x400

/* MCE is set, as in the host; VMXE must be. SDM vol. 3D, A.8. */
#define CR4_OURS	(X86_CR4_MCE | X86_CR4_VMXE)

/* SDM 25.6.11: write-back, @levels page-walk levels, no accessed and dirty flags. */
static u64 make_eptp(u64 root, u32 levels)
{
	return root | VMX_EPTP_MT_WB | (u64)(levels - 1) << 3;
}

void vmx_guest_set_root(struct vmx *vmx, u64 root, u32 levels)
{
	vmx->eptp = make_eptp(root, levels);
}

/* Fields of segment registers are consecutive, in the order of enum vmx_segment. */
static void write_segment(enum vmx_segment seg, u16 selector, u64 base, u32 limit, u32 ar)
{
	vmcs_write(GUEST_ES_SELECTOR + 2 * seg, selector);
	vmcs_write(GUEST_ES_BASE + 2 * seg, base);
	vmcs_write(GUEST_ES_LIMIT + 2 * seg, limit);
	vmcs_write(GUEST_ES_AR_BYTES + 2 * seg, ar);
}

static bool is_real(const struct vmx *vmx)
{
	return !(vmx->cr0 & X86_CR0_PE);
}

/* In real mode the entry also sets CS, which is kept in the VMCS only. */
void vmx_guest_set_entry(struct vmx *vmx, u64 entry)
{
	vmx->entry = entry;
	vmx->cs = is_real(vmx) ? axvcpu_x86_real_cs(&vmx->x86, entry) : 0;
	vmx->x86.rip = entry - ((u64)vmx->cs << 4);
	vmx->entry_changed = true;
	vmx->regs_changed = true;
}

static void write_entry(struct vmx *vmx)
{
	if (vmx->entry_changed && is_real(vmx))
		write_segment(VMX_CS, vmx->cs, vmx->cs << 4, 0xffff, AR_CODE16);
	vmx->entry_changed = false;
}

void vmx_guest_set_crs(struct vmx *vmx, u64 cr0, u64 cr4)
{
	vmx->cr0_shadow = cr0;
	vmx->cr0 = (cr0 & ~(u64)VMX_CR0_KEPT) | X86_CR0_NE;
	vmx->cr4_shadow = cr4;
	vmx->cr4 = cr4 | CR4_OURS;
	vmx->x86.osxsave = cr4 & X86_CR4_OSXSAVE;
}

void vmx_guest_setup(struct vmx *vmx, const struct axvcpu_setup *setup)
{
	bool real = setup->mode == AXVCPU_MODE_REAL;

	vmx->x86.gpr[AXVCPU_REG_RSP] = setup->stack;
	vmx->x86.rflags = X86_EFLAGS_FIXED;
	vmx_guest_set_crs(vmx, real ? CR0_REAL : CR0_LONG, real ? 0 : CR4_LONG);
	vmx->cr3 = setup->cr3;
	vmx->cpl = 0;
	vmx->code64 = !real;
	vmx->efer = real ? 0 : EFER_LME | EFER_LMA | EFER_NX | EFER_SCE;
	vmx->cpu_controls = vmx_config.cpu;
	vmx->x86.startup = setup->flags & AXVCPU_SETUP_STARTUP;
	vmx_guest_set_entry(vmx, vmx->entry);
	vmx->x86.startup = false;
	vmx->fresh = true;
}

/* setup() writes the other registers, and all of the VMCS. */
void vmx_guest_reset(struct vmx *vmx)
{
	memset(vmx->msr, 0, sizeof(vmx->msr));
	vmx->fs_base = 0;
	vmx->gs_base = 0;
	vmx->blocked = false;
	vmx->flush = true;
}

static void write_segments_long(void)
{
	enum vmx_segment seg;

	for (seg = VMX_ES; seg <= VMX_GS; seg++)
		write_segment(seg, 0x10, 0, ~0, AR_DATA64);
	write_segment(VMX_CS, 0x08, 0, ~0, AR_CODE64);
	vmcs_write(GUEST_GDTR_LIMIT, 0);
	vmcs_write(GUEST_IDTR_LIMIT, 0);
}

/* Reset state, SDM vol. 3A, table 10-1. CS comes from the entry. */
static void write_segments_real(void)
{
	enum vmx_segment seg;

	for (seg = VMX_ES; seg <= VMX_GS; seg++)
		write_segment(seg, 0, 0, 0xffff, AR_DATA16);
	vmcs_write(GUEST_GDTR_LIMIT, 0xffff);
	vmcs_write(GUEST_IDTR_LIMIT, 0xffff);
}

static void write_segments(const struct vmx *vmx)
{
	if (is_real(vmx))
		write_segments_real();
	else
		write_segments_long();
	write_segment(VMX_LDTR, 0, 0, 0, VMX_AR_UNUSABLE_MASK);
	write_segment(VMX_TR, 0, 0, 0xffff, AR_TSS);
	vmcs_write(GUEST_GDTR_BASE, 0);
	vmcs_write(GUEST_IDTR_BASE, 0);
}

/*
 * #MC is the host's. #AC and #DB can recur without end during their own delivery, which only an
 * exit can interrupt (CVE-2015-5307, CVE-2015-8104).
 */
#define EXCEPTIONS	(BIT(X86_TRAP_MC) | BIT(X86_TRAP_AC) | BIT(X86_TRAP_DB))

static void write_controls(struct vmx *vmx)
{
	vmcs_write(PIN_BASED_VM_EXEC_CONTROL, vmx_config.pin);
	if (vmx_config.pin & PIN_BASED_VMX_PREEMPTION_TIMER)
		vmcs_write(VMX_PREEMPTION_TIMER_VALUE, vmx_config.jiffy);
	vmcs_write(CPU_BASED_VM_EXEC_CONTROL, vmx->cpu_controls);
	vmcs_write(SECONDARY_VM_EXEC_CONTROL, vmx_config.cpu2);
	vmcs_write(VM_EXIT_CONTROLS, vmx_config.exit);
	vmcs_write(EXCEPTION_BITMAP, EXCEPTIONS);
	vmcs_write(PAGE_FAULT_ERROR_CODE_MASK, 0);
	vmcs_write(PAGE_FAULT_ERROR_CODE_MATCH, 0);
	vmcs_write(CR3_TARGET_COUNT, 0);
	vmcs_write(VM_EXIT_MSR_STORE_COUNT, 0);
	vmcs_write(VM_EXIT_MSR_LOAD_COUNT, 0);
	vmcs_write(VM_ENTRY_MSR_LOAD_COUNT, 0);
	vmcs_write(VM_ENTRY_INTR_INFO_FIELD, 0);
	vmcs_write(MSR_BITMAP, vmx_msr_bitmap());
	vmcs_write(EPT_POINTER, vmx->eptp);
	vmcs_write(VIRTUAL_PROCESSOR_ID, vmx->vpid);
	vmcs_write(CR0_GUEST_HOST_MASK, VMX_CR0_KEPT);
	vmcs_write(CR4_GUEST_HOST_MASK, VMX_CR4_KEPT);
}

/* All fields of a new VMCS except those of vmx_guest_write_regs(). */
void vmx_guest_write(struct vmx *vmx)
{
	write_controls(vmx);
	write_segments(vmx);
	vmcs_write(VMCS_LINK_POINTER, ~0ul);
	vmcs_write(GUEST_IA32_DEBUGCTL, 0);
	vmcs_write(GUEST_IA32_PAT, vmx->x86.pat);
	if (vmx_config.perf_switched)
		vmcs_write(GUEST_IA32_PERF_GLOBAL_CTRL, 0);
	vmcs_write(GUEST_DR7, DR7_RESET);
	vmcs_write(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	vmcs_write(GUEST_INTERRUPTIBILITY_INFO, 0);
	vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS, 0);
	vmcs_write(GUEST_SYSENTER_CS, 0);
	vmcs_write(GUEST_SYSENTER_ESP, 0);
	vmcs_write(GUEST_SYSENTER_EIP, 0);
}

void vmx_guest_write_regs(struct vmx *vmx)
{
	write_entry(vmx);
	vmcs_write(GUEST_CR0, vmx->cr0);
	vmcs_write(CR0_READ_SHADOW, vmx->cr0_shadow);
	vmcs_write(GUEST_CR3, vmx->cr3);
	vmcs_write(GUEST_CR4, vmx->cr4);
	vmcs_write(CR4_READ_SHADOW, vmx->cr4_shadow);
	vmcs_write(GUEST_IA32_EFER, vmx->efer);
	vmcs_write(VM_ENTRY_CONTROLS, vmx_config.entry |
		(vmx->efer & EFER_LMA ? VM_ENTRY_IA32E_MODE : 0));
	vmcs_write(GUEST_FS_BASE, vmx->fs_base);
	vmcs_write(GUEST_GS_BASE, vmx->gs_base);
}

/* CS.L is defined in long mode only. */
bool vmx_guest_code64(void)
{
	return vmcs_read(GUEST_IA32_EFER) & EFER_LMA &&
	       vmcs_read(GUEST_CS_AR_BYTES) & VMX_AR_L_MASK;
}

/* The DPL of SS always equals the CPL: SDM 25.4.1. */
u32 vmx_guest_cpl(void)
{
	return VMX_AR_DPL(vmcs_read(GUEST_SS_AR_BYTES));
}

/* An interrupt shadow, by STI or a load of SS. SDM 25.4.2. */
bool vmx_guest_blocked(void)
{
	return vmcs_read(GUEST_INTERRUPTIBILITY_INFO) &
	       (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS);
}

void vmx_guest_read_regs(struct vmx *vmx)
{
	vmx->cpl = vmx_guest_cpl();
	vmx->code64 = vmx_guest_code64();
	if (!vmx->code64)
		vmx->cs_base = vmcs_read(GUEST_CS_BASE);
	vmx->blocked = vmx_guest_blocked();
	vmx->cr0 = vmcs_read(GUEST_CR0);
	vmx->cr3 = vmcs_read(GUEST_CR3);
	vmx->cr4 = vmcs_read(GUEST_CR4);
	vmx->efer = vmcs_read(GUEST_IA32_EFER);
	vmx->fs_base = vmcs_read(GUEST_FS_BASE);
	vmx->gs_base = vmcs_read(GUEST_GS_BASE);
}

void vmx_guest_controls(struct vmx *vmx, u32 set, u32 clear)
{
	u32 controls = (vmx->cpu_controls | set) & ~clear;

	if (controls != vmx->cpu_controls)
		vmcs_write(CPU_BASED_VM_EXEC_CONTROL, controls);
	vmx->cpu_controls = controls;
}
