// SPDX-License-Identifier: GPL-2.0-only
/*
 * Machine-wide SVM: capabilities, SVME on each CPU, I/O and MSR permission maps. Calls fpu.c,
 * mitigate.c and emergency.c. No locks: everything is set up before the first CPU is enabled and
 * does not change afterwards.
 *
 * Manual: APM vol. 2, chapter 15.
 */
#include <linux/percpu.h>
#include <linux/slab.h>
#include <asm/asm.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor-flags.h>

#include "axas_compat.h"
#include "mitigate.h"
#include "svm.h"

struct svm_machine svm_machine;
DEFINE_PER_CPU(struct svm_pages, svm_cpu_pages);

/* MSRs that VMLOAD and VMSAVE switch: no exit. APM vol. 2, 15.5.2. */
static const u32 own_msrs[] = {
	MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE,
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK,
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
};

/* Two bits, read and write, for each MSR of three ranges of 0x2000. APM vol. 2, 15.11. */
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
		struct svm_pages *pages = per_cpu_ptr(&svm_cpu_pages, cpu);

		free_page((unsigned long)pages->host);
		free_page((unsigned long)pages->vmsave);
		*pages = (struct svm_pages){};
	}
}

static int alloc_cpu_pages(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct svm_pages *pages = per_cpu_ptr(&svm_cpu_pages, cpu);

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
	free_pages((unsigned long)svm_machine.iopm, SVM_IOPM_ORDER);
	free_pages((unsigned long)svm_machine.msrpm, SVM_MSRPM_ORDER);
	svm_machine.iopm = NULL;
	svm_machine.msrpm = NULL;
}

/* Every port and every other MSR exits. */
static int alloc_maps(void)
{
	int i;

	svm_machine.iopm = (void *)__get_free_pages(GFP_KERNEL, SVM_IOPM_ORDER);
	svm_machine.msrpm = (void *)__get_free_pages(GFP_KERNEL, SVM_MSRPM_ORDER);
	if (!svm_machine.iopm || !svm_machine.msrpm) {
		free_maps();
		return -ENOMEM;
	}
	memset(svm_machine.iopm, 0xff, SVM_IOPM_BYTES);
	memset(svm_machine.msrpm, 0xff, SVM_MSRPM_BYTES);
	for (i = 0; i < ARRAY_SIZE(own_msrs); i++)
		allow_msr(svm_machine.msrpm, own_msrs[i]);
	return 0;
}

/* While GIF is clear, a CPU ignores INIT; without SVME, STGI raises #UD. APM vol. 2, 15.17. */
static void svm_emergency_disable(void)
{
	u64 efer;

	if (!__this_cpu_read(axvcpu_enabled))
		return;
	asm volatile("1: stgi\n2:\n" _ASM_EXTABLE(1b, 2b) : : : "memory");
	rdmsrq(MSR_EFER, efer);
	wrmsrq(MSR_EFER, efer & ~EFER_SVME);
}

/* Only features whose state the host switches. */
#define CR4_GUEST	(X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PSE | \
			 X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE | X86_CR4_OSFXSR | \
			 X86_CR4_OSXMMEXCPT)

/* And only those of the CPU: an entry would be refused otherwise. APM vol. 3, E.3.6. */
static u64 cr4_of_guests(void)
{
	u32 eax, ebx = 0, ecx = 0, edx;

	if (boot_cpu_data.cpuid_level >= 7)
		cpuid_count(7, 0, &eax, &ebx, &ecx, &edx);
	return CR4_GUEST | (ebx & BIT(0) ? X86_CR4_FSGSBASE : 0) |
	       (ebx & BIT(7) ? X86_CR4_SMEP : 0) | (ebx & BIT(20) ? X86_CR4_SMAP : 0) |
	       (ecx & BIT(2) ? X86_CR4_UMIP : 0) |
	       (axvcpu_x86_xstate.guest ? X86_CR4_OSXSAVE : 0);
}

int svm_hw_setup(void)
{
	u32 eax, ecx;
	int err;

	if (boot_cpu_data.extended_cpuid_level < SVM_CPUID)
		return -EOPNOTSUPP;
	cpuid(SVM_CPUID, &eax, &svm_machine.asids, &ecx, &svm_machine.features);
	if (!(svm_machine.features & SVM_CPUID_EDX_NP) || svm_machine.asids < 3)
		return -EOPNOTSUPP;
	/*
	 * Without decode assists, writes of CR4 are not intercepted. CPUs with XSAVE have them, but
	 * not QEMU 7.2, which does not even intercept XSETBV.
	 */
	axvcpu_x86_fpu_setup(svm_machine.features & SVM_CPUID_EDX_DECODE);
	svm_machine.cr4 = cr4_of_guests();
	err = alloc_maps();
	if (err)
		return err;
	err = alloc_cpu_pages();
	if (err)
		goto free_maps;
	err = axvcpu_x86_mitigate_setup();
	if (err)
		goto free_pages;
	axvcpu_x86_emergency_setup(svm_emergency_disable);
	return 0;

free_pages:
	free_cpu_pages();
free_maps:
	free_maps();
	return err;
}

void svm_hw_unsetup(void)
{
	axvcpu_x86_emergency_unsetup();
	axvcpu_x86_mitigate_unsetup();
	free_cpu_pages();
	free_maps();
}

int svm_cpu_supported(void)
{
	u64 val;

	if (!this_cpu_has(X86_FEATURE_SVM))
		return -EOPNOTSUPP;
	if (rdmsrq_safe(SVM_MSR_VM_CR, &val) || val & SVM_VM_CR_SVMDIS)
		return -EOPNOTSUPP;
	rdmsrq(MSR_EFER, val);
	return val & EFER_SVME ? -EBUSY : 0;
}

/* The kernel's mitigation of SRSO, set while guests may run on this CPU. */
static void reduce_speculation(bool on)
{
	u64 cfg;

	if (!(axvcpu_x86_mitigations & AXVCPU_X86_BP_REDUCE) || rdmsrq_safe(SVM_MSR_BP_CFG, &cfg))
		return;
	cfg &= ~SVM_BP_CFG_SPEC_REDUCE;
	wrmsrq(SVM_MSR_BP_CFG, on ? cfg | SVM_BP_CFG_SPEC_REDUCE : cfg);
}

int svm_cpu_enable(void)
{
	u64 efer;

	rdmsrq(MSR_EFER, efer);
	wrmsrq(MSR_EFER, efer | EFER_SVME);
	wrmsrq(SVM_MSR_VM_HSAVE_PA, __pa(this_cpu_read(svm_cpu_pages.host)));
	reduce_speculation(true);
	return 0;
}

void svm_cpu_disable(void)
{
	u64 efer;

	reduce_speculation(false);
	wrmsrq(SVM_MSR_VM_HSAVE_PA, 0);
	rdmsrq(MSR_EFER, efer);
	wrmsrq(MSR_EFER, efer & ~EFER_SVME);
}
