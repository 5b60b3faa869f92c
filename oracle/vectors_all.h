/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The formats that have entries and walks worked out by hand, each X(name).
 */
#ifndef ORACLE_VECTORS_ALL_H
#define ORACLE_VECTORS_ALL_H

#include "vectors_ept.h"
#include "vectors_gstage.h"
#include "vectors_s2.h"
#include "vectors_svm.h"

#define ORACLE_VECTORS(X)	\
	X(ept)			\
	X(svm)			\
	X(s2)			\
	X(gstage)

#endif /* ORACLE_VECTORS_ALL_H */
