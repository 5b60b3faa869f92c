/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that differs between the kernels that axas builds for, 6.1 to 7.2.
 * New names are mapped onto old kernels; each block names the version.
 */
#ifndef _AXAS_COMPAT_H
#define _AXAS_COMPAT_H

#include <linux/bits.h>
#include <linux/export.h>
#include <linux/module.h>
#include <linux/thread_info.h>
#include <linux/version.h>

/* 6.13: a symbol namespace is a string literal, where it was a bare identifier. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define EXPORT_SYMBOL_AXAS(sym)		EXPORT_SYMBOL_NS_GPL(sym, "AXAS")
#define AXAS_MODULE_IMPORT_NS(ns)	MODULE_IMPORT_NS(#ns)
#else
#define EXPORT_SYMBOL_AXAS(sym)		EXPORT_SYMBOL_NS_GPL(sym, AXAS)
#define AXAS_MODULE_IMPORT_NS(ns)	MODULE_IMPORT_NS(ns)
#endif

/* 6.13: a thread may be wanted elsewhere at leisure, too. */
#ifdef TIF_NEED_RESCHED_LAZY
#define AXAS_TIF_RESCHED_LAZY		BIT(TIF_NEED_RESCHED_LAZY)
#else
#define AXAS_TIF_RESCHED_LAZY		0
#endif

/* 6.16: rdmsrl() and its kin are rdmsrq(). */
#if defined(CONFIG_X86) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define rdmsrq_safe(msr, val)		rdmsrl_safe(msr, val)
#define rdmsrq(msr, val)		rdmsrl(msr, val)
#define wrmsrq(msr, val)		wrmsrl(msr, val)
#endif

/* 6.16: cpuid() and its kin have a header of their own; 7.2: no other includes it. */
#if defined(CONFIG_X86) && LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#include <asm/cpuid/api.h>
#endif

/*
 * 6.19, and stable kernels before it: what is called when the machine falls asleep is a
 * struct syscore around the callbacks, which take a pointer. vcpu/Kbuild finds out.
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

/* 6.19: kernel_neon_begin() is given the memory that it saves registers in. */
#ifdef CONFIG_ARM64
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
#define axas_neon_begin(state)		kernel_neon_begin(state)
#define axas_neon_end(state)		kernel_neon_end(state)
#else
#define axas_neon_begin(state)		kernel_neon_begin()
#define axas_neon_end(state)		kernel_neon_end()
#endif
#endif

/*
 * What the KUnit suites see of the inside, and nobody else. The kernel's own
 * EXPORT_SYMBOL_IF_KUNIT does the same, but follows CONFIG_KUNIT, not ours.
 */
#if IS_ENABLED(CONFIG_AXAS_KUNIT_TEST)
#define EXPORT_SYMBOL_AXAS_KUNIT(sym)	EXPORT_SYMBOL_AXAS(sym)
#else
#define EXPORT_SYMBOL_AXAS_KUNIT(sym)
#endif

#endif /* _AXAS_COMPAT_H */
