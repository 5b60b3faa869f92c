/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Constants of each format for the proofs. -DFORMAT_ept etc. selects the format. Manuals are
 * cited as in oracle/oracle.h.
 *
 * HARDWARE_SETS: bits of a leaf that hardware may set.
 * LEAF_IS_RIGHT: further conditions on the oracle's decoding of a leaf.
 * MAX_ROOT_BITS: number of address bits that index the largest root.
 */
#ifndef PROOFS_FORMATS_H
#define PROOFS_FORMATS_H

#if defined(FORMAT_ept)
#include "axas_npt_ept.c"
#define ORACLE		ORACLE_EPT
/* SDM 29.3.7.2: the guest's PAT is ignored. */
#define LEAF_IS_RIGHT	(e.mem_raw & 8)
#define MAX_ROOT_BITS	9
#define HARDWARE_SETS	(BIT_ULL(8) | BIT_ULL(9))	/* SDM 29.3.5: accessed, dirty */
#elif defined(FORMAT_svm)
#include "axas_npt_svm.c"
#define ORACLE		ORACLE_SVM
#define LEAF_IS_RIGHT	true
#define MAX_ROOT_BITS	9
#define HARDWARE_SETS	(BIT_ULL(5) | BIT_ULL(6))	/* APM 5.4.1: accessed, dirty */
#elif defined(FORMAT_s2)
#include "axas_npt_s2.c"
#define ORACLE		ORACLE_S2
/* ARM D8.5.1, D8.6.5: no Access flag fault; inner shareable. */
#define LEAF_IS_RIGHT	(e.a && e.share == 3 && !e.contig)
#define MAX_ROOT_BITS	13
#define HARDWARE_SETS	BIT_ULL(10)			/* ARM D8.5.1: access flag */
#elif defined(FORMAT_gstage)
#include "axas_npt_gstage.c"
#define ORACLE		ORACLE_GSTAGE
/* PRIV 10.3.2: no fault due to A and D without Svadu. */
#define LEAF_IS_RIGHT	(e.a && e.d)
#define MAX_ROOT_BITS	11
#define HARDWARE_SETS	(BIT_ULL(6) | BIT_ULL(7))	/* PRIV 10.4.1: A, D */
#elif defined(FORMAT_fake)
#include "axas_npt_fake.c"
#define MAX_ROOT_BITS	16
#define HARDWARE_SETS	0
#else
#error "which format?"
#endif

#define PT_FORMAT	_PT(axas_npt, AXAS_FMT)

#ifdef ORACLE
#include "oracle/oracle_impl.h"

/* Linux's IA32_PAT, arch/x86/mm/pat: WB WC UC- UC WB WP UC- WT. */
#define HOST_PAT	0x0407050600070106ull
#endif

#endif /* PROOFS_FORMATS_H */
