/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one list of the formats. X(NAME, name) stands for AXAS_FORMAT_NAME of the user API, for
 * axas_npt_name in axas_npt_name.c, its suite in kunit/axas_npt_name_test.c, and its second
 * implementation in oracle/oracle_name.c. formats.mk reads the same lines for the builds.
 */
#ifndef _AXAS_NPT_FORMATS_H
#define _AXAS_NPT_FORMATS_H

#define AXAS_NPT_FORMATS(X)	\
	X(EPT, ept)		\
	X(SVM, svm)		\
	X(S2, s2)		\
	X(GSTAGE, gstage)

#endif /* _AXAS_NPT_FORMATS_H */
