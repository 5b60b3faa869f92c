// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host-state area of a VMCS (SDM 25.5), which an exit loads, and host state that an exit does
 * not restore: user segment selectors, limits of descriptor tables, MSRs (SDM 28.5). Calls
 * vmx_entry.S, host.c, fpu.c and mitigate.c.
 *
 * Exports of the kernel's descriptor-table helpers changed in 6.18, so the instructions are used
 * directly.
 */
#include <linux/irqflags.h>
#include <linux/version.h>
#include <asm/cpufeature.h>
#include <asm/desc_defs.h>
#include <asm/msr.h>
#include <asm/segment.h>
#include <asm/special_insns.h>

#include "axas_compat.h"
#include "host.h"
#include "vmx.h"

static const u32 msrs[VMX_NR_MSRS] = {
	[VMX_MSR_STAR]			= MSR_STAR,
	[VMX_MSR_LSTAR]			= MSR_LSTAR,
	[VMX_MSR_CSTAR]			= MSR_CSTAR,
	[VMX_MSR_SYSCALL_MASK]		= MSR_SYSCALL_MASK,
	[VMX_MSR_KERNEL_GS_BASE]	= MSR_KERNEL_GS_BASE,
};

static u64 read_msr(u32 msr)
{
	u64 val;

	rdmsrq(msr, val);
	return val;
}

static unsigned long host_cr3(void)
{
	unsigned long cr3;

	asm volatile("mov %%cr3, %0" : "=r" (cr3) : : "memory");
	return cr3;
}

static void host_gdt(struct desc_ptr *gdt)
{
	asm volatile("sgdt %0" : "=m" (*gdt));
}

static void host_idt(struct desc_ptr *idt)
{
	asm volatile("sidt %0" : "=m" (*idt));
}

static u16 host_ldt(void)
{
	u16 sel;

	asm volatile("sldt %0" : "=m" (sel));
	return sel;
}

static u16 host_tr(void)
{
	u16 sel;

	asm volatile("str %0" : "=m" (sel));
	return sel;
}

/* A 16-byte descriptor in the GDT. SDM vol. 3A, 7.2.3. */
static u64 tss_base(const struct desc_ptr *gdt)
{
	const struct ldttss_desc *tss = (void *)gdt->address + (host_tr() & ~7);

	return tss->base0 | (u64)tss->base1 << 16 | (u64)tss->base2 << 24 |
	       (u64)tss->base3 << 32;
}

/* Host selectors must have RPL and TI clear, which excludes user selectors. SDM 27.2.3. */
static void write_segments(struct vmx_host *host)
{
	struct desc_ptr gdt, idt;

	asm volatile("mov %%ds, %0" : "=m" (host->ds));
	asm volatile("mov %%es, %0" : "=m" (host->es));
	asm volatile("mov %%fs, %0" : "=m" (host->fs));
	asm volatile("mov %%gs, %0" : "=m" (host->gs));
	host->ldt = host_ldt();
	host_gdt(&gdt);
	host_idt(&idt);
	host->gdt = gdt.size;
	host->idt = idt.size;
	vmcs_write(HOST_CS_SELECTOR, __KERNEL_CS);
	vmcs_write(HOST_SS_SELECTOR, __KERNEL_DS);
	vmcs_write(HOST_DS_SELECTOR, 0);
	vmcs_write(HOST_ES_SELECTOR, 0);
	vmcs_write(HOST_FS_SELECTOR, 0);
	vmcs_write(HOST_GS_SELECTOR, 0);
	vmcs_write(HOST_TR_SELECTOR, host_tr());
	vmcs_write(HOST_FS_BASE, read_msr(MSR_FS_BASE));
	vmcs_write(HOST_GS_BASE, read_msr(MSR_GS_BASE));
	vmcs_write(HOST_TR_BASE, tss_base(&gdt));
	vmcs_write(HOST_GDTR_BASE, gdt.address);
	vmcs_write(HOST_IDTR_BASE, idt.address);
}

static void write_msrs(void)
{
	vmcs_write(HOST_IA32_SYSENTER_CS, read_msr(MSR_IA32_SYSENTER_CS));
	vmcs_write(HOST_IA32_SYSENTER_ESP, read_msr(MSR_IA32_SYSENTER_ESP));
	vmcs_write(HOST_IA32_SYSENTER_EIP, read_msr(MSR_IA32_SYSENTER_EIP));
	vmcs_write(HOST_IA32_PAT, read_msr(MSR_IA32_CR_PAT));
	vmcs_write(HOST_IA32_EFER, read_msr(MSR_EFER));
	if (vmx_config.perf_switched)
		vmcs_write(HOST_IA32_PERF_GLOBAL_CTRL, 0);
}

/* Preemption is off: the thread stays on this CPU, and does not return to user space. */
static void switch_msrs(u64 *old, const u64 *new)
{
	int i;

	for (i = 0; i < VMX_NR_MSRS; i++) {
		old[i] = read_msr(msrs[i]);
		if (old[i] != new[i])
			wrmsrq(msrs[i], new[i]);
	}
}

void vmx_host_save(struct vmx *vmx)
{
	struct vmx_host *host = &vmx->host;

	host->cr3 = host_cr3();
	host->cr4 = native_read_cr4();
	vmcs_write(HOST_CR0, native_read_cr0());
	vmcs_write(HOST_CR3, host->cr3);
	vmcs_write(HOST_CR4, host->cr4);
	vmcs_write(HOST_RIP, (unsigned long)axvcpu_vmx_exit);
	host->perf_global = 0;
	write_segments(host);
	write_msrs();
	switch_msrs(host->msr, vmx->msr);
}

/* An interrupt between two entries may have changed them. */
static void update_control_registers(struct vmx *vmx)
{
	unsigned long cr3 = host_cr3();
	unsigned long cr4 = native_read_cr4();

	if (vmx->host.cr3 != cr3)
		vmcs_write(HOST_CR3, cr3);
	if (vmx->host.cr4 != cr4)
		vmcs_write(HOST_CR4, cr4);
	vmx->host.cr3 = cr3;
	vmx->host.cr4 = cr4;
}

/*
 * perf's counters stop in a guest, which has none. PEBS would write its records through the guest's
 * tables to host addresses (SDM vol. 3B, 20.9.5), some time after its counter overflowed: disable
 * it well before the entry. An NMI from perf may enable it again, but has no effect since the entry
 * itself disables the counters.
 */
static void enter_perf(struct vmx_host *host)
{
	u64 global;

	if (!vmx_config.perf_global)
		return;
	global = read_msr(MSR_CORE_PERF_GLOBAL_CTRL);
	if (!vmx_config.perf_switched && global)
		wrmsrq(MSR_CORE_PERF_GLOBAL_CTRL, 0);
	if (vmx_config.perf_switched && global != host->perf_global)
		vmcs_write(HOST_IA32_PERF_GLOBAL_CTRL, global);
	host->perf_global = global;
	host->pebs = vmx_config.pebs ? read_msr(MSR_IA32_PEBS_ENABLE) : 0;
	if (host->pebs)
		wrmsrq(MSR_IA32_PEBS_ENABLE, 0);
}

static void leave_perf(const struct vmx_host *host)
{
	if (host->pebs)
		wrmsrq(MSR_IA32_PEBS_ENABLE, host->pebs);
	if (!vmx_config.perf_switched && host->perf_global)
		wrmsrq(MSR_CORE_PERF_GLOBAL_CTRL, host->perf_global);
}

/*
 * Hardware does not switch DR6. A guest without debug registers of its own cannot read it, and all
 * its #DBs are intercepted, which leaves DR6 unchanged. SDM 28.1.
 */
void vmx_host_enter(struct vmx *vmx)
{
	update_control_registers(vmx);
	enter_perf(&vmx->host);
	axvcpu_x86_enter(&vmx->x86);
	if (vmx->x86.uses_dr)
		axvcpu_x86_write_dr6(vmx->x86.dr6);
}

void vmx_host_leave(struct vmx *vmx)
{
	if (vmx->x86.uses_dr) {
		vmx->x86.dr6 = axvcpu_x86_read_dr6();
		axvcpu_x86_write_dr6(AXVCPU_X86_DR6_RESET);
	}
	axvcpu_x86_leave(&vmx->x86);
	leave_perf(&vmx->host);
}

#define GDT_BYTES	(GDT_ENTRIES * 8)

/*
 * An exit sets both limits to 0xffff, and that of the TSS to 0x67, which excludes the I/O bitmap.
 * Loading TR sets the descriptor's busy bit, and the kernel's GDT is read-only: load TR from a
 * copy. Interrupts are off.
 */
static void restore_tables(const struct vmx_host *host)
{
	u8 copy[GDT_BYTES] __aligned(8);
	struct desc_ptr gdt, idt, temporary = {
		.size = GDT_BYTES - 1,
		.address = (unsigned long)copy,
	};
	u16 tr = host_tr();
	struct ldttss_desc *tss = (void *)(copy + (tr & ~7));

	host_gdt(&gdt);
	host_idt(&idt);
	memcpy(copy, (void *)gdt.address, GDT_BYTES);
	tss->type = DESC_TSS;
	asm volatile("lgdt %0" : : "m" (temporary) : "memory");
	asm volatile("ltr %0" : : "m" (tr) : "memory");
	gdt.size = host->gdt;
	idt.size = host->idt;
	asm volatile("lgdt %0" : : "m" (gdt));
	asm volatile("lidt %0" : : "m" (idt));
}

/*
 * Loading GS also loads its base, and the kernel needs its own back at once: no memory access
 * through GS in between. A selector that is no longer valid becomes zero.
 */
static void restore_gs(u16 sel)
{
	u64 base = read_msr(MSR_GS_BASE);

	asm volatile("1: mov %[sel], %%gs\n"
		     "2: wrmsr\n"
		     _ASM_EXTABLE(1b, 2b)
		     : : [sel] "r" ((u32)sel), "c" (MSR_GS_BASE), "a" ((u32)base),
			 "d" ((u32)(base >> 32)) : "memory");
}

/* Usually none: 64-bit programs use flat segments with null selectors. */
static void restore_segments(const struct vmx_host *host)
{
	u64 fs_base;

	if (host->ldt)
		asm volatile("lldt %0" : : "m" (host->ldt));
	if (host->ds)
		loadsegment(ds, host->ds);
	if (host->es)
		loadsegment(es, host->es);
	if (host->fs) {
		fs_base = read_msr(MSR_FS_BASE);
		loadsegment(fs, host->fs);
		wrmsrq(MSR_FS_BASE, fs_base);
	}
	if (host->gs)
		restore_gs(host->gs);
}

void vmx_host_restore(struct vmx *vmx)
{
	restore_tables(&vmx->host);
	restore_segments(&vmx->host);
	switch_msrs(vmx->msr, vmx->host.msr);
}
