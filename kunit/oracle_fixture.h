/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A table decoded by the oracle (../oracle), an independent implementation of the manuals.
 */
#ifndef _AXAS_KUNIT_ORACLE_FIXTURE_H
#define _AXAS_KUNIT_ORACLE_FIXTURE_H

#include "axas_npt.h"
#include "../oracle/oracle.h"

/* Describe the table's machine to the oracle. */
struct oracle_machine oracle_machine_of(const struct axas_npt *npt);

/*
 * Compare the lookups of a table with the oracle's walks of its memory, leaf by leaf. Returns
 * NULL, or a description of the first difference, with its @gpa.
 */
const char *oracle_compare(const struct axas_npt *npt, u64 *gpa);

#endif /* _AXAS_KUNIT_ORACLE_FIXTURE_H */
