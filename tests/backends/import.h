/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MODULE_IMPORT_NS() for the namespace of axas: since Linux 6.13 it is a string literal instead of
 * an identifier.
 */
#ifndef _AXAS_TESTS_IMPORT_H
#define _AXAS_TESTS_IMPORT_H

#include <linux/module.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
MODULE_IMPORT_NS("AXAS");
#else
MODULE_IMPORT_NS(AXAS);
#endif

#endif /* _AXAS_TESTS_IMPORT_H */
