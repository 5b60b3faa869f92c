/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * With check=1 a module of this folder checks its backend by the conformance suite when it is
 * loaded, and fails to load if it does not conform. A stock kernel has no KUnit.
 */
#ifndef _AXAS_TESTS_CHECK_H
#define _AXAS_TESTS_CHECK_H

#include "../../kunit/axas_conformance.c"

static bool check;
module_param(check, bool, 0444);
MODULE_PARM_DESC(check, "Run the conformance suite");

/* In the host's format if there is one; else any, as no hardware walks the table. */
static void check_all_formats(struct axas_conformance *result,
			      const struct axas_backend_type *type, u64 arg, u64 bytes)
{
	struct axas_space_params params = {};

	for (params.format = AXAS_FORMAT_EPT; params.format < AXAS_NR_FORMATS; params.format++)
		axas_conformance_backend(result, &params, type, arg, bytes);
}

/* Return 0 or -EIO. */
static int check_backend(const struct axas_backend_type *type, u64 arg, u64 bytes)
{
	struct axas_conformance result = {};

	if (!check)
		return 0;
	check_all_formats(&result, type, arg, bytes);
	pr_info("backend \"%s\": %u errors%s%s\n", type->name, result.errors,
		result.errors ? ": " : "", result.error);
	return result.errors ? -EIO : 0;
}

#endif /* _AXAS_TESTS_CHECK_H */
