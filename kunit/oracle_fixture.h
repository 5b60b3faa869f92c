/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A table as the oracle (../oracle) sees it: another author's reading of the manuals.
 */
#ifndef _AXAS_KUNIT_ORACLE_FIXTURE_H
#define _AXAS_KUNIT_ORACLE_FIXTURE_H

#include "axas_npt.h"
#include "../oracle/oracle.h"

/* The machine that would walk a table. */
struct oracle_machine oracle_machine_of(const struct axas_npt *npt);

/*
 * Compare all that a table says with all that the oracle reads from its memory, leaf
 * by leaf: NULL, or what is wrong, and at which gpa.
 */
const char *oracle_compare(const struct axas_npt *npt, u64 *gpa);

#endif /* _AXAS_KUNIT_ORACLE_FIXTURE_H */
