// SPDX-License-Identifier: GPL-2.0-only
/*
 * Machine-wide VMX: capabilities, VMX operation on each CPU, VPIDs, and the current VMCS. Calls
 * fpu.c, mitigate.c and emergency.c.
 *
 * VMX operation requires CR4.VMXE. The kernel writes CR4 from a cached copy, so the copy needs the
 * bit, too, or the next write faults. Up to 6.17 modules can change that copy: a CPU then stays in
 * VMX operation from cpu_enable() to cpu_disable(), provided that a crash ends it, too
 * (emergency.c). Otherwise a CPU is in VMX operation only between vmx_begin() and vmx_end(), with
 * interrupts off, invisibly to the kernel.
 */
#include <linux/delay.h>
#include <linux/idr.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/special_insns.h>
#include <asm/tlbflush.h>

#include "axas_compat.h"
#include "mitigate.h"
#include "vmx.h"

/* IA32_VMX_BASIC, SDM vol. 3D, A.1. */
#define BASIC_REVISION	GENMASK_ULL(30, 0)
#define BASIC_TRUE	BIT_ULL(55)

/* IA32_VMX_MISC, SDM vol. 3D, A.6: the timer counts once every 1 << rate TSC ticks. */
#define MISC_TIMER_RATE	GENMASK_ULL(4, 0)

struct vmx_config vmx_config;

static bool vmx_stays_on = true;
module_param(vmx_stays_on, bool, 0444);
MODULE_PARM_DESC(vmx_stays_on, "VMX: CPUs stay in VMX operation between entries, where that is possible (default: Y)");

static DEFINE_PER_CPU(void *, vmxon_region);
static DEFINE_PER_CPU(u64, loaded_vmcs);	/* with stays_on; 0: none */
static void *msr_bitmap;
static DEFINE_IDA(vpids);

/* Fit a field of controls to its capability register, SDM vol. 3D, A.2. */
static int adjust(u32 msr, u32 wanted, u32 welcome, u32 *controls)
{
	u64 cap;

	if (rdmsrq_safe(msr, &cap))
		return -EOPNOTSUPP;
	*controls = ((wanted | welcome) & (cap >> 32)) | (u32)cap;
	return wanted & ~*controls ? -EOPNOTSUPP : 0;
}

/* Guests run without these exits, so a CPU must allow them to be off. */
#define MUST_BE_OFF	(CPU_BASED_CR3_LOAD_EXITING | CPU_BASED_CR3_STORE_EXITING | \
			 CPU_BASED_INVLPG_EXITING | CPU_BASED_RDTSC_EXITING)

static int read_controls(struct vmx_config *c)
{
	int ret;

	ret = adjust(MSR_IA32_VMX_TRUE_PINBASED_CTLS,
		     PIN_BASED_EXT_INTR_MASK | PIN_BASED_NMI_EXITING,
		     PIN_BASED_VMX_PREEMPTION_TIMER, &c->pin);
	ret = ret ?: adjust(MSR_IA32_VMX_TRUE_PROCBASED_CTLS,
			    CPU_BASED_INTR_WINDOW_EXITING | CPU_BASED_HLT_EXITING |
			    CPU_BASED_MWAIT_EXITING | CPU_BASED_MONITOR_EXITING |
			    CPU_BASED_RDPMC_EXITING | CPU_BASED_CR8_LOAD_EXITING |
			    CPU_BASED_CR8_STORE_EXITING | CPU_BASED_MOV_DR_EXITING |
			    CPU_BASED_UNCOND_IO_EXITING | CPU_BASED_USE_MSR_BITMAPS |
			    CPU_BASED_ACTIVATE_SECONDARY_CONTROLS, 0, &c->cpu);
	ret = ret ?: adjust(MSR_IA32_VMX_PROCBASED_CTLS2,
			    SECONDARY_EXEC_ENABLE_EPT | SECONDARY_EXEC_ENABLE_VPID |
			    SECONDARY_EXEC_UNRESTRICTED_GUEST,
			    SECONDARY_EXEC_WBINVD_EXITING, &c->cpu2);
	ret = ret ?: adjust(MSR_IA32_VMX_TRUE_EXIT_CTLS,
			    VM_EXIT_HOST_ADDR_SPACE_SIZE | VM_EXIT_SAVE_DEBUG_CONTROLS |
			    VM_EXIT_SAVE_IA32_PAT | VM_EXIT_LOAD_IA32_PAT |
			    VM_EXIT_SAVE_IA32_EFER | VM_EXIT_LOAD_IA32_EFER,
			    VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL, &c->exit);
	ret = ret ?: adjust(MSR_IA32_VMX_TRUE_ENTRY_CTLS,
			    VM_ENTRY_LOAD_DEBUG_CONTROLS | VM_ENTRY_LOAD_IA32_PAT |
			    VM_ENTRY_LOAD_IA32_EFER | VM_ENTRY_IA32E_MODE,
			    VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL, &c->entry);
	if (ret || c->cpu & MUST_BE_OFF || c->exit & VM_EXIT_ACK_INTR_ON_EXIT)
		return -EOPNOTSUPP;
	c->cpu &= ~CPU_BASED_INTR_WINDOW_EXITING;
	c->entry &= ~VM_ENTRY_IA32E_MODE;
	return 0;
}

#define EPT_NEEDED	(VMX_EPT_PAGE_WALK_4_BIT | VMX_EPTP_WB_BIT | VMX_EPT_INVEPT_BIT)
#define EPT_EXTENTS	(VMX_EPT_EXTENT_CONTEXT_BIT | VMX_EPT_EXTENT_GLOBAL_BIT)

/*
 * Limit a guest's time without an exit to a jiffy. Rarely needed where every interrupt causes an
 * exit. Bochs 2.7 loses some: those masked before an entry stay masked after it. SDM 26.5.1.
 */
static int read_timer(struct vmx_config *c)
{
	u64 misc, ticks;

	if (rdmsrq_safe(MSR_IA32_VMX_MISC, &misc))
		return -EOPNOTSUPP;
	ticks = loops_per_jiffy >> (misc & MISC_TIMER_RATE);
	c->jiffy = clamp_t(u64, ticks, 1, U32_MAX);
	return 0;
}

/*
 * Nehalem and Westmere do not switch the register correctly: errata AAK155, AAP115, AAT100, BC86,
 * BD102.
 */
static bool perf_switch_is_broken(void)
{
	static const u8 models[] = { 26, 30, 37, 44, 46 };

	return boot_cpu_data.x86 == 6 && memchr(models, boot_cpu_data.x86_model, sizeof(models));
}

/* perf's hardware on this machine, and whether entries and exits switch it. */
static void read_perf(struct vmx_config *c)
{
	bool entry = c->entry & VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL;
	bool exit = c->exit & VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL;
	u64 val;

	c->perf_global = boot_cpu_has(X86_FEATURE_ARCH_PERFMON) &&
			 !rdmsrq_safe(MSR_CORE_PERF_GLOBAL_CTRL, &val);
	c->perf_switched = c->perf_global && entry && exit && !perf_switch_is_broken();
	c->pebs = boot_cpu_has(X86_FEATURE_PEBS) && !rdmsrq_safe(MSR_IA32_PEBS_ENABLE, &val);
	if (c->perf_switched)
		return;
	c->entry &= ~VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL;
	c->exit &= ~VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL;
}

static int read_config(struct vmx_config *c)
{
	u64 basic;
	int ret;

	*c = (struct vmx_config){};
	if (!boot_cpu_has(X86_FEATURE_VMX) || rdmsrq_safe(MSR_IA32_VMX_BASIC, &basic) ||
	    !(basic & BASIC_TRUE))
		return -EOPNOTSUPP;
	c->revision = basic & BASIC_REVISION;
	ret = read_controls(c);
	if (ret || rdmsrq_safe(MSR_IA32_VMX_EPT_VPID_CAP, &c->ept_vpid))
		return -EOPNOTSUPP;
	if ((c->ept_vpid & EPT_NEEDED) != EPT_NEEDED || !(c->ept_vpid & EPT_EXTENTS))
		return -EOPNOTSUPP;
	read_perf(c);
	return read_timer(c);
}

/* Old headers lack the feature bit of FRED; CR4.FRED is bit 32. */
static bool host_uses_fred(void)
{
	return (u64)native_read_cr4() & BIT_ULL(32);
}

/* FRED hosts are refused: INT 2 could not deliver an NMI that caused an exit. */
int vmx_cpu_supported(void)
{
	u64 ctl;

	if (!boot_cpu_has(X86_FEATURE_VMX) || rdmsrq_safe(MSR_IA32_FEAT_CTL, &ctl))
		return -EOPNOTSUPP;
	if (!(ctl & FEAT_CTL_LOCKED) || !(ctl & FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX))
		return -EOPNOTSUPP;
	if (host_uses_fred())
		return -EOPNOTSUPP;
	return native_read_cr4() & X86_CR4_VMXE ? -EBUSY : 0;
}

/* Bitmaps of 1 KiB: reads of MSRs from 0 on and from 0xc0000000 on, then writes. SDM 25.6.9. */
static void let_msr(u32 msr)
{
	unsigned int bit = (msr & 0x1fff) + (msr & 0xc0000000 ? 8 * 1024 : 0);

	__clear_bit(bit, msr_bitmap);
	__clear_bit(bit + 8 * 2048, msr_bitmap);
}

/* All MSRs exit except those that hold guest values while a vCPU is loaded. */
static void fill_msr_bitmap(void)
{
	static const u32 guests[] = {
		MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE,
		MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK,
		MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
	};
	unsigned int i;

	memset(msr_bitmap, 0xff, PAGE_SIZE);
	for (i = 0; i < ARRAY_SIZE(guests); i++)
		let_msr(guests[i]);
}

u64 vmx_msr_bitmap(void)
{
	return virt_to_phys(msr_bitmap);
}

static void *alloc_region(int node)
{
	struct page *page = alloc_pages_node(node, GFP_KERNEL | __GFP_ZERO, 0);

	return page ? page_address(page) : NULL;
}

/* On failure VMXON and VMCLEAR leave @failed set. SDM 31.3. */
static int start_vmx(void)
{
	u64 pa = virt_to_phys(this_cpu_read(vmxon_region));
	u8 failed = 1;

	asm volatile("1: vmxon %[pa]\n\t"
		     "setna %[failed]\n"
		     "2:\n" _ASM_EXTABLE(1b, 2b)
		     : [failed] "+q" (failed) : [pa] "m" (pa) : "cc", "memory");
	return failed ? -EIO : 0;
}

/* In a crash an NMI may have turned VMX off already. */
static void stop_vmx(void)
{
	asm volatile("1: vmxoff\n2:\n" _ASM_EXTABLE(1b, 2b) : : : "cc", "memory");
}

static int clear_vmcs(u64 pa)
{
	u8 failed = 1;

	asm volatile("1: vmclear %[pa]\n\t"
		     "setna %[failed]\n"
		     "2:\n" _ASM_EXTABLE(1b, 2b)
		     : [failed] "+q" (failed) : [pa] "m" (pa) : "cc", "memory");
	return failed ? -EIO : 0;
}

static int use_vmcs(u64 pa)
{
	bool failed;

	asm volatile("vmptrld %[pa]" : "=@ccna" (failed) : [pa] "m" (pa) : "memory");
	return failed ? -EIO : 0;
}

/* SDM 29.4.3.1: single-context, or all contexts where the CPU lacks it. */
void vmx_invept(u64 eptp)
{
	struct { u64 eptp, zero; } desc = { eptp };
	unsigned long extent = vmx_config.ept_vpid & VMX_EPT_EXTENT_CONTEXT_BIT ?
			       VMX_EPT_EXTENT_CONTEXT : VMX_EPT_EXTENT_GLOBAL;
	bool failed;

	asm volatile("invept %[desc], %[extent]" : "=@ccna" (failed)
		     : [desc] "m" (desc), [extent] "r" (extent) : "memory");
	WARN_ON_ONCE(failed);
}

/* CR4.VMXE in the kernel's cached copy; without access to it, CPUs do not stay in VMX operation. */
#if AXAS_CR4_FOR_MODULES
static void set_vmxe(void) { cr4_set_bits(X86_CR4_VMXE); }
static void clear_vmxe(void) { cr4_clear_bits(X86_CR4_VMXE); }
#else
static void set_vmxe(void) { }
static void clear_vmxe(void) { }
#endif

int vmx_cpu_enable(void)
{
	int ret = vmx_cpu_supported();

	if (ret || !vmx_config.stays_on)
		return ret;
	set_vmxe();
	ret = start_vmx();
	if (ret)
		clear_vmxe();
	return ret;
}

/* VMCLEAR writes cached VMCS data to memory, required before VMXOFF. SDM 25.11.1. */
static void clear_loaded_vmcs(void)
{
	u64 pa = __this_cpu_read(loaded_vmcs);

	if (pa)
		clear_vmcs(pa);
	__this_cpu_write(loaded_vmcs, 0);
}

void vmx_cpu_disable(void)
{
	if (!vmx_config.stays_on)
		return;
	clear_loaded_vmcs();
	stop_vmx();
	clear_vmxe();
}

/* Make the VMCS current on this CPU; it is active on no other. SDM 25.11.1. */
static int load_vmcs(struct vmx *vmx)
{
	vmx->launched = false;
	if (vmx->fresh && clear_vmcs(vmx->vmcs.hpa.val))
		return -EIO;
	if (use_vmcs(vmx->vmcs.hpa.val))
		return -EIO;
	__this_cpu_write(loaded_vmcs, vmx->vmcs.hpa.val);
	return 0;
}

int vmx_vmcs_load(struct vmx *vmx)
{
	return vmx_config.stays_on ? load_vmcs(vmx) : 0;
}

void vmx_vmcs_put(struct vmx *vmx)
{
	if (vmx_config.stays_on)
		clear_loaded_vmcs();
}

static void write_cr4(unsigned long val)
{
	asm volatile("mov %0, %%cr4" : : "r" (val) : "memory");
}

/* May run as an NMI, at any point of the other code here. */
static void vmx_emergency_disable(void)
{
	if (!__this_cpu_read(axvcpu_enabled) || !(native_read_cr4() & X86_CR4_VMXE))
		return;
	clear_loaded_vmcs();
	stop_vmx();
	clear_vmxe();
	write_cr4(native_read_cr4() & ~X86_CR4_VMXE);
}

static void leave(struct vmx *vmx)
{
	clear_loaded_vmcs();
	stop_vmx();
	write_cr4(native_read_cr4() & ~X86_CR4_VMXE);
	local_irq_restore(vmx->flags);
}

/* Another hypervisor may have started since cpu_enable(). */
static int enter_vmx(struct vmx *vmx)
{
	unsigned long cr4 = native_read_cr4();

	if (cr4 & X86_CR4_VMXE)
		return -EBUSY;
	write_cr4(cr4 | X86_CR4_VMXE);
	if (!start_vmx())
		return 0;
	write_cr4(cr4);
	return -EIO;
}

int vmx_begin(struct vmx *vmx)
{
	int err;

	/* No VMCS: VMX was turned off on this CPU because the machine goes down. */
	if (vmx_config.stays_on)
		return __this_cpu_read(loaded_vmcs) ? 0 : -EAGAIN;
	local_irq_save(vmx->flags);
	err = enter_vmx(vmx);
	if (err) {
		local_irq_restore(vmx->flags);
		return err;
	}
	err = load_vmcs(vmx);
	if (err)
		leave(vmx);
	return err;
}

void vmx_end(struct vmx *vmx)
{
	if (!vmx_config.stays_on)
		leave(vmx);
}

void vmx_hw_unsetup(void)
{
	int cpu;

	axvcpu_x86_emergency_unsetup();
	axvcpu_x86_mitigate_unsetup();
	for_each_possible_cpu(cpu) {
		free_page((unsigned long)per_cpu(vmxon_region, cpu));
		per_cpu(vmxon_region, cpu) = NULL;
	}
	free_page((unsigned long)msr_bitmap);
	msr_bitmap = NULL;
	ida_destroy(&vpids);
}

int vmx_hw_setup(void)
{
	int cpu, ret;

	ret = read_config(&vmx_config);
	if (ret)
		return ret;
	axvcpu_x86_fpu_setup(true);
	msr_bitmap = alloc_region(NUMA_NO_NODE);
	if (!msr_bitmap)
		return -ENOMEM;
	fill_msr_bitmap();
	ret = axvcpu_x86_mitigate_setup();
	if (ret) {
		vmx_hw_unsetup();
		return ret;
	}
	for_each_possible_cpu(cpu) {
		u32 *region = alloc_region(cpu_to_node(cpu));

		if (!region) {
			vmx_hw_unsetup();
			return -ENOMEM;
		}
		*region = vmx_config.revision;	/* SDM 25.11.5 */
		per_cpu(vmxon_region, cpu) = region;
	}
	vmx_config.stays_on = axvcpu_x86_emergency_setup(vmx_emergency_disable) && vmx_stays_on;
	return 0;
}

/* VPID 0 is the host's. SDM 29.1. */
int vmx_vpid_alloc(void)
{
	return ida_alloc_range(&vpids, 1, VMX_NR_VPIDS - 1, GFP_KERNEL);
}

void vmx_vpid_free(int vpid)
{
	ida_free(&vpids, vpid);
}
