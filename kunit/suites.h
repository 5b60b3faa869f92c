/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one list of the suites: SUITE(name) stands for name_suite in name_test.c. Whoever includes
 * this says what SUITE() makes of a name. suites.mk reads the same lines for the builds, which
 * fail over a *_test.c of this folder that no list has.
 */
#ifndef _AXAS_KUNIT_SUITES_H
#define _AXAS_KUNIT_SUITES_H

/* The suites of lists without their parentheses. */
#define SUITES_UNWRAP(...)	__VA_ARGS__
#define DECLARE_SUITES(list)	extern struct kunit_suite SUITES_UNWRAP list
/* One statement for all: a kernel without CONFIG_KUNIT allows no more in a module. */
#define RUN_SUITES(list)	kunit_test_suites(SUITES_UNWRAP list)
#define RUN_2_SUITES(a, b)	kunit_test_suites(SUITES_UNWRAP a, SUITES_UNWRAP b)
#define RUN_3_SUITES(a, b, c)	kunit_test_suites(SUITES_UNWRAP a, SUITES_UNWRAP b, SUITES_UNWRAP c)

/* axas_kunit.ko, and the program of tests/userspace; beside them each format has one. */
#define AXAS_SUITES (\
	SUITE(axas_addr),	\
	SUITE(axas_device),	\
	SUITE(axas_frame),	\
	SUITE(axas_stock),	\
	SUITE(axas_backend),	\
	SUITE(axas_registry),	\
	SUITE(axas_conform),	\
	SUITE(axas_npt),	\
	SUITE(axas_npt_gather),	\
	SUITE(axas_npt_fake),	\
	SUITE(axas_machine),	\
	SUITE(axas_area),	\
	SUITE(axas_space),	\
	SUITE(axas_space_fault),	\
	SUITE(axas_space_range),	\
	SUITE(axas_space_fail),	\
	SUITE(axas_space_consumer),	\
	SUITE(axas_space_huge),	\
	SUITE(axas_space_pages),	\
	SUITE(axas_space_many),	\
	SUITE(axas_space_discard),	\
	SUITE(axas_space_log),	\
	SUITE(axas_space_aside),	\
	SUITE(axas_space_cow),	\
	SUITE(axas_space_lent),	\
	SUITE(axas_space_lent_log),	\
	SUITE(axas_space_carry),	\
	SUITE(axas_space_image),	\
	SUITE(axas_space_block),	\
	SUITE(axas_space_keep),	\
	SUITE(axas_space_fold),	\
	SUITE(axas_space_supply),	\
	SUITE(axas_shared),	\
	SUITE(axas_linear),	\
	SUITE(axas_bound),	\
	SUITE(axas_dump),	\
	SUITE(axas_single),	\
	SUITE(axas_access),	\
	SUITE(axas_bvec),	\
	SUITE(axas_random),	\
	SUITE(axas_stress),	\
	SUITE(axas_oracle),	\
	SUITE(axas_gib),	\
	SUITE(axas_flush),	\
	SUITE(axas_monitor))

/* axas_kunit.ko alone: they use files of the kernel. */
#define AXAS_LINUX_SUITES (\
	SUITE(axas_filemem))

/* axvcpu_kunit.ko, everywhere. */
#define AXVCPU_SUITES (\
	SUITE(axvcpu),	\
	SUITE(arm64_gic),	\
	SUITE(arm64_pstate),	\
	SUITE(arm64_vmid),	\
	SUITE(riscv_insn),	\
	SUITE(riscv_stale),	\
	SUITE(riscv_timer),	\
	SUITE(riscv_vmid))

/* On x86, in addition. */
#define AXVCPU_X86_SUITES (\
	SUITE(x86_event))

/* On x86 but for User Mode Linux, in addition. */
#define AXVCPU_X86_CPU_SUITES (\
	SUITE(x86_mitigate))

#endif /* _AXAS_KUNIT_SUITES_H */
