/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that differs between the kernels that axas builds for, 6.1 to 7.2.
 * New names are mapped onto old kernels; each block names the version.
 */
#ifndef _AXAS_COMPAT_H
#define _AXAS_COMPAT_H

#include <linux/export.h>
#include <linux/module.h>
#include <linux/version.h>

/* 6.13: a symbol namespace is a string literal, where it was a bare identifier. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define EXPORT_SYMBOL_AXAS(sym)		EXPORT_SYMBOL_NS_GPL(sym, "AXAS")
#define AXAS_MODULE_IMPORT_NS(ns)	MODULE_IMPORT_NS(#ns)
#else
#define EXPORT_SYMBOL_AXAS(sym)		EXPORT_SYMBOL_NS_GPL(sym, AXAS)
#define AXAS_MODULE_IMPORT_NS(ns)	MODULE_IMPORT_NS(ns)
#endif

/* 6.16: rdmsrl() and its kin are rdmsrq(). */
#if defined(CONFIG_X86) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define rdmsrq_safe(msr, val)		rdmsrl_safe(msr, val)
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
