// SPDX-License-Identifier: GPL-2.0-only
/*
 * axas_bench GROUP...: what memory for guests costs, seen from user space.
 *
 * The groups are axas and kvm (exits and faults), axas-uncharged and kvm-uncharged (faults),
 * kvm-memory (faults on other memory than anonymous), axas-log and kvm-log (the dirty log),
 * axas-log-large (its start on 8 GiB), axas-image and kvm-image (freeze, clone, copy on write),
 * axas-image-large (a freeze of 4 and 8 GiB),
 * bridge (on memory of a space), paths (reads and writes by a VMM), mappings (its faults on mapped
 * guest memory), spaces (what a space costs), axas-supply and kvm-supply (missing pages, on KVM by
 * userfaultfd()), axas-parallel and kvm-parallel (faults on several CPUs), axas-disturb and
 * kvm-disturb (what others notice of an operation, on two CPUs; the rest wants one), axas-profile,
 * kvm-profile and bridge-profile (see profile.c).
 *
 * main.c calls the other files; none of them calls main.c. Rows of the report: see rows.c.
 */
#include "bench.h"

#include <string.h>
#include <sys/mman.h>

static const struct {
	const char *name;
	void (*run)(void);
	void (*run_on)(const struct machine_ops *ops);
	const struct machine_ops *ops;
} groups[] = {
	{ "axas", .run_on = bench_faults, .ops = &axas_machine },
	{ "kvm", .run_on = bench_faults, .ops = &kvm_machine },
	{ "axas-uncharged", .run_on = bench_uncharged, .ops = &axas_machine },
	{ "kvm-uncharged", .run_on = bench_uncharged, .ops = &kvm_machine },
	{ "kvm-memory", .run = bench_kvm_memory },
	{ "bridge", .run = bench_bridge },
	{ "axas-log", .run_on = bench_log, .ops = &axas_machine },
	{ "axas-log-large", .run_on = bench_log_large, .ops = &axas_machine },
	{ "kvm-log", .run_on = bench_log, .ops = &kvm_machine },
	{ "axas-image-large", .run = bench_image_large },
	{ "axas-image", .run_on = bench_image, .ops = &axas_machine },
	{ "kvm-image", .run_on = bench_image, .ops = &kvm_machine },
	{ "paths", .run = bench_paths },
	{ "mappings", .run = bench_mappings },
	{ "spaces", .run = bench_spaces },
	{ "axas-supply", .run_on = bench_supply, .ops = &axas_machine },
	{ "kvm-supply", .run_on = bench_supply, .ops = &kvm_machine },
	{ "axas-disturb", .run_on = bench_disturb, .ops = &axas_machine },
	{ "kvm-disturb", .run_on = bench_disturb, .ops = &kvm_machine },
	{ "axas-parallel", .run_on = bench_parallel, .ops = &axas_machine },
	{ "kvm-parallel", .run_on = bench_parallel, .ops = &kvm_machine },
	{ "axas-profile", .run_on = bench_profile, .ops = &axas_machine },
	{ "kvm-profile", .run_on = bench_profile, .ops = &kvm_machine },
	{ "bridge-profile", .run_on = bench_profile, .ops = &bridge_machine },
};

static void run_group(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		if (strcmp(name, groups[i].name))
			continue;
		if (groups[i].run)
			groups[i].run();
		else
			groups[i].run_on(groups[i].ops);
		return;
	}
	fail("no group %s", name);
}

int main(int argc, char **argv)
{
	mlockall(MCL_CURRENT);
	bench_calibrate();
	for (int i = 1; i < argc; i++)
		run_group(argv[i]);
	return 0;
}
