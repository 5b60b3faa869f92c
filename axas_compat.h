/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All differences between the kernels that axas builds for, 6.1 to 7.2. Old kernels get the new
 * names; each block names the version that made the change.
 */
#ifndef _AXAS_COMPAT_H
#define _AXAS_COMPAT_H

#include <linux/bits.h>
#include <linux/cpumask.h>
#include <linux/export.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/thread_info.h>
#include <linux/version.h>

/* 6.13: a symbol namespace is a string literal; before, a bare identifier. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define EXPORT_SYMBOL_AXAS(sym)		EXPORT_SYMBOL_NS_GPL(sym, "AXAS")
#define AXAS_MODULE_IMPORT_NS(ns)	MODULE_IMPORT_NS(#ns)
#else
#define EXPORT_SYMBOL_AXAS(sym)		EXPORT_SYMBOL_NS_GPL(sym, AXAS)
#define AXAS_MODULE_IMPORT_NS(ns)	MODULE_IMPORT_NS(ns)
#endif

/*
 * 6.2: the mask given by sched_setaffinity() is kept and limits masks that the kernel sets
 * later, unless that leaves no CPU. Return true if current's mask excludes all of @mask.
 */
static inline bool axas_user_mask_excludes(const struct cpumask *mask)
{
	bool excludes = false;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0) && defined(CONFIG_SMP)
	raw_spin_lock_irq(&current->pi_lock);
	if (current->user_cpus_ptr)
		excludes = !cpumask_intersects(current->user_cpus_ptr, mask);
	raw_spin_unlock_irq(&current->pi_lock);
#endif
	return excludes;
}

/* 7.2: the header of folio batches has their name. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
#include <linux/folio_batch.h>
#else
#include <linux/pagevec.h>
#endif

/* 6.13: lazy preemption has a resched flag of its own. */
#ifdef TIF_NEED_RESCHED_LAZY
#define AXAS_TIF_RESCHED_LAZY		BIT(TIF_NEED_RESCHED_LAZY)
#else
#define AXAS_TIF_RESCHED_LAZY		0
#endif

/* 6.13: hrtimer_setup() replaces hrtimer_init(). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define hrtimer_setup(timer, fn, clock, mode) do {			\
	struct hrtimer *__timer = (timer);				\
									\
	hrtimer_init(__timer, clock, mode);				\
	__timer->function = (fn);					\
} while (0)
#endif

/* 6.16: rdmsrl(), wrmsrl() and variants are renamed to rdmsrq(), wrmsrq(). */
#if defined(CONFIG_X86) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define rdmsrq_safe(msr, val)		rdmsrl_safe(msr, val)
#define rdmsrq(msr, val)		rdmsrl(msr, val)
#define wrmsrq(msr, val)		wrmsrl(msr, val)
#endif

/* 6.16: cpuid() and variants moved to this header; 7.2: no other header includes it. */
#if defined(CONFIG_X86) && LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#include <asm/cpuid/api.h>
#endif

/*
 * Feature and bug bits that select x86 mitigations; of 6.1, 6.1.152 or later is required. A bit
 * that a kernel lacks is defined as one that is never set.
 */
#ifdef CONFIG_X86
#include <asm/cpufeatures.h>
#define AXAS_X86_NEVER			((NCAPINTS + NBUGINTS) * 32)
#ifndef X86_FEATURE_CALL_DEPTH		/* 6.2 */
#define X86_FEATURE_CALL_DEPTH		AXAS_X86_NEVER
#endif
#ifndef X86_FEATURE_SRSO_BP_SPEC_REDUCE	/* 6.15, and 6.12 */
#define X86_FEATURE_SRSO_BP_SPEC_REDUCE	AXAS_X86_NEVER
#endif
#ifndef X86_FEATURE_CLEAR_CPU_BUF_VM_MMIO	/* 6.19 */
#define X86_FEATURE_CLEAR_CPU_BUF_VM_MMIO	AXAS_X86_NEVER
#endif
#ifndef X86_FEATURE_CLEAR_BHB_VMEXIT	/* 6.16: renamed */
#define X86_FEATURE_CLEAR_BHB_VMEXIT	X86_FEATURE_CLEAR_BHB_LOOP_ON_VMEXIT
#endif
#ifndef X86_BUG_MMIO_UNKNOWN		/* until 6.16 */
#define X86_BUG_MMIO_UNKNOWN		AXAS_X86_NEVER
#endif
#ifndef X86_BUG_TDX_PW_MCE		/* 6.8 */
#define X86_BUG_TDX_PW_MCE		AXAS_X86_NEVER
#endif
#ifndef X86_BUG_SPECTRE_V2_USER		/* 6.15 */
#define X86_BUG_SPECTRE_V2_USER		AXAS_X86_NEVER
#endif
#ifndef X86_BUG_OLD_MICROCODE		/* 6.16 */
#define X86_BUG_OLD_MICROCODE		AXAS_X86_NEVER
#endif
#ifndef X86_BUG_SEAMRET_INVD_VMCS	/* 7.1 */
#define X86_BUG_SEAMRET_INVD_VMCS	AXAS_X86_NEVER
#endif
#ifndef X86_BUG_TLBI			/* 7.1 */
#define X86_BUG_TLBI			AXAS_X86_NEVER
#endif
#endif /* CONFIG_X86 */

/*
 * 6.12: KVM enables virtualization when it is loaded, unless told not to, and registers its
 * CPU hotplug state with it. A hotplug state has one owner: registering it again fails with
 * -EBUSY, before any callback runs. Before 6.12, KVM registers the state when it is loaded,
 * whether or not it enables virtualization.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define AXAS_CPUHP_STATE		CPUHP_AP_KVM_ONLINE
#define AXAS_KVM_HOLDS_FROM_LOAD	1
#else
#define AXAS_CPUHP_STATE		CPUHP_AP_ONLINE_DYN
#define AXAS_KVM_HOLDS_FROM_LOAD	0
#endif

/*
 * 6.18: the functions that change CR4 persistently and register an emergency callback are
 * exported to KVM only. VMX is then on just between an entry and its exit, with interrupts
 * off. Before 6.6, but for stable kernels with a backport, there is no such callback and none
 * is needed: a crash disables VMX anyway. vcpu/Kbuild tests for it.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define AXAS_CR4_FOR_MODULES		1
#ifdef AXVCPU_HAVE_EMERGENCY_CALLBACK
#define AXAS_EMERGENCY_CALLBACK		1
#else
#define AXAS_EMERGENCY_CALLBACK		0
#endif
#else
#define AXAS_CR4_FOR_MODULES		0
#define AXAS_EMERGENCY_CALLBACK		0
#endif

/*
 * 6.19, and stable kernels with a backport: suspend and resume callbacks take a pointer and are
 * registered in a struct syscore. vcpu/Kbuild tests for it.
 */
#ifdef AXVCPU_HAVE_STRUCT_SYSCORE
#define AXAS_SYSCORE(name, sleep, wake)						\
static int name##_suspend(void *data) { return sleep(); }			\
static void name##_resume(void *data) { wake(); }				\
static const struct syscore_ops name##_ops = {					\
	.suspend = name##_suspend, .resume = name##_resume			\
};										\
static struct syscore name = { .ops = &name##_ops }
#define axas_register_syscore(s)	register_syscore(s)
#define axas_unregister_syscore(s)	unregister_syscore(s)
#else
#define AXAS_SYSCORE(name, sleep, wake)						\
static struct syscore_ops name = { .suspend = sleep, .resume = wake }
#define axas_register_syscore(s)	register_syscore_ops(s)
#define axas_unregister_syscore(s)	unregister_syscore_ops(s)
#endif

/* 6.19: kernel_neon_begin() takes the buffer in which it saves registers. */
#ifdef CONFIG_ARM64
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
#define axas_neon_begin(state)		kernel_neon_begin(state)
#define axas_neon_end(state)		kernel_neon_end(state)
#else
#define axas_neon_begin(state)		kernel_neon_begin()
#define axas_neon_end(state)		kernel_neon_end()
#endif

/* CPU capabilities whose numbers are renamed or missing in some kernels. */
#include <asm/cpufeature.h>

/* GICv3 system registers: the capability was renamed twice since 6.1, last in 6.17. */
static inline bool axas_has_gicv3(void)
{
#if defined(ARM64_HAS_GICV3_CPUIF)
	return cpus_have_final_cap(ARM64_HAS_GICV3_CPUIF);
#elif defined(ARM64_HAS_GIC_CPUIF_SYSREGS)
	return cpus_have_final_cap(ARM64_HAS_GIC_CPUIF_SYSREGS);
#else
	return cpus_have_final_cap(ARM64_HAS_SYSREG_GIC_CPUIF);
#endif
}

/* 6.13: the kernel uses MPAM. */
static inline bool axas_has_mpam(void)
{
#ifdef ARM64_MPAM
	return cpus_have_final_cap(ARM64_MPAM);
#else
	return false;
#endif
}

static inline bool axas_has_mpam_hcr(void)
{
#ifdef ARM64_MPAM_HCR
	return cpus_have_final_cap(ARM64_MPAM_HCR);
#else
	return false;
#endif
}

/* 6.17, and stable kernels with a backport: AmpereOne's erratum AC04_CPU_23. */
static inline bool axas_has_ampere_hcr_erratum(void)
{
#ifdef ARM64_WORKAROUND_AMPERE_AC04_CPU_23
	return cpus_have_final_cap(ARM64_WORKAROUND_AMPERE_AC04_CPU_23);
#else
	return false;
#endif
}
#endif

/* 6.7: shrinker_alloc() takes the name; before, the caller allocates and registers with it. */
#include <linux/shrinker.h>
#include <linux/slab.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
#define axas_shrinker_alloc(name)	shrinker_alloc(0, name)
#define axas_shrinker_register(s, name)	({ shrinker_register(s); 0; })
#define axas_shrinker_free(s)		shrinker_free(s)
#else
#define axas_shrinker_alloc(name)	kzalloc(sizeof(struct shrinker), GFP_KERNEL)
#define axas_shrinker_register(s, name)	register_shrinker(s, name)
static inline void axas_shrinker_free(struct shrinker *shrinker)
{
	unregister_shrinker(shrinker);
	kfree(shrinker);
}
#endif

/* 6.3: vm_flags is changed by functions; inode operations take an ID mapping of the mount. */
#include <linux/fs.h>
#include <linux/mm.h>
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define mnt_idmap			user_namespace
#define file_mnt_idmap			file_mnt_user_ns
#define vm_flags_set(vma, flags)	((vma)->vm_flags |= (flags))
#define vm_flags_clear(vma, flags)	((vma)->vm_flags &= ~(flags))
#endif

/* Map zeroes, read-only, in a VM_MIXEDMAP mapping. 6.17: a pfn is a number. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#include <linux/pfn_t.h>
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
#define axas_pfn_t(pfn)	(pfn)
#else
#define axas_pfn_t(pfn)	pfn_to_pfn_t(pfn)
#endif
#define axas_insert_zero(vma, addr)						\
({										\
	unsigned long at_ = (addr);						\
										\
	vmf_insert_mixed(vma, at_, axas_pfn_t(page_to_pfn(ZERO_PAGE(at_))));	\
})

/* 6.6: generic_fillattr() takes the request mask. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define axas_generic_fillattr(idmap, mask, inode, stat)	\
	generic_fillattr(idmap, mask, inode, stat)
#else
#define axas_generic_fillattr(idmap, mask, inode, stat)	generic_fillattr(idmap, inode, stat)
#endif

/* 6.5: reading into a pipe by read_iter() is renamed. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define axas_splice_read		copy_splice_read
#else
#define axas_splice_read		generic_file_splice_read
#endif

/* User mappings: not in the core as a program (tests/userspace). */
#ifdef CONFIG_MMU
/* 6.4: a fault may hold the VMA's lock only; 6.6: this is a function of the kernel. */
static inline void axas_release_fault_lock(struct vm_fault *vmf)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	release_fault_lock(vmf);
#else
	mmap_read_unlock(vmf->vma->vm_mm);
#endif
}

/*
 * 6.15: one page of a compound one can be inserted in any mapping. Needed there, because
 * finish_fault() maps as much of a compound page as the mapping has room for: all of it by PTEs,
 * or by a PMD, for which 6.14 began to free page tables that are empty. userfaultfd() disables
 * both, and needs finish_fault() for its markers. Return VM_FAULT_FALLBACK to use finish_fault().
 */
#include <linux/userfaultfd_k.h>
static inline vm_fault_t axas_insert_piece(struct vm_fault *vmf, struct page *page)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
	if (!userfaultfd_armed(vmf->vma))
		return vmf_insert_page_mkwrite(vmf, page, vmf->flags & FAULT_FLAG_WRITE);
#endif
	return VM_FAULT_FALLBACK;
}

/* The same for a write that .fault has brought the page for: whether finish_fault() may go on. */
static inline bool axas_finishes_piece(const struct vm_fault *vmf)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
	if (!userfaultfd_armed(vmf->vma))
		return pte_present(vmf->orig_pte);
#endif
	return !pmd_none(READ_ONCE(*vmf->pmd));
}

#endif /* CONFIG_MMU */

/* Mappings aligned to 2 MiB, where the kernel has such pages. */
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
#include <linux/huge_mm.h>
#define axas_get_unmapped_area		thp_get_unmapped_area
#else
#define axas_get_unmapped_area		NULL
#endif

/* 6.18: system_unbound_wq is renamed. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#define AXAS_UNBOUND_WQ			system_dfl_wq
#else
#define AXAS_UNBOUND_WQ			system_unbound_wq
#endif

/*
 * Exports for the KUnit suites only. The kernel's own EXPORT_SYMBOL_IF_KUNIT does the same, but
 * depends on CONFIG_KUNIT instead of our option.
 */
#if IS_ENABLED(CONFIG_AXAS_KUNIT_TEST)
#define EXPORT_SYMBOL_AXAS_KUNIT(sym)	EXPORT_SYMBOL_AXAS(sym)
#else
#define EXPORT_SYMBOL_AXAS_KUNIT(sym)
#endif

/*
 * The same for per-CPU variables. Sparse takes an export for a declaration without __percpu;
 * <linux/percpu-defs.h> does the same.
 */
#ifdef __CHECKER__
#define EXPORT_PER_CPU_SYMBOL_AXAS_KUNIT(sym)
#else
#define EXPORT_PER_CPU_SYMBOL_AXAS_KUNIT(sym)	EXPORT_SYMBOL_AXAS_KUNIT(sym)
#endif

#endif /* _AXAS_COMPAT_H */
