// SPDX-License-Identifier: GPL-2.0-only
/*
 * The access matrix: read, write and execute, over each protection that the format can
 * say, leaves of 4 KiB and 2 MiB, present and absent.
 */
#include "vm.h"

#include <errno.h>
#include <string.h>

#define RET		0x8082		/* c.ret */
#define LEAF(level)	(PAGE << (9 * (level)))

static u64 entry_of(u32 access)
{
	return access == AXAS_PROT_READ ? guest(read) :
	       access == AXAS_PROT_WRITE ? guest(write) : guest(exec);
}

/* An area that is one leaf, with a RET at its start. */
static int prepare(struct vm *vm, unsigned int level, u32 prot, bool present)
{
	u32 flags = level ? AXAS_MAP_HUGE_ALWAYS : AXAS_MAP_HUGE_NEVER;
	int err;

	unmap(vm->space, VM_TEST, LEAF(level));
	if (!present)
		return map_alloc(vm->space, VM_TEST, LEAF(level), prot, flags);
	err = map_alloc(vm->space, VM_TEST, LEAF(level), AXAS_PROT_MASK,
			flags | AXAS_MAP_POPULATE);
	if (err)
		return err;
	poke(vm->space, VM_TEST, RET);
	return protect(vm->space, VM_TEST, LEAF(level), prot);
}

static void check_cell(struct vm *vm, u32 prot, u32 access, bool present)
{
	struct axvcpu_exit exit;

	vm_enter(vm, entry_of(access), VM_TEST, RET, 0, 0);
	expect_eq(vcpu_run(vm->vcpu, &exit), 0);
	if (!(prot & access)) {
		expect_eq(exit.reason, AXVCPU_EXIT_NESTED_PAGE_FAULT);
		expect_eq(exit.nested_page_fault.gpa, VM_TEST);
		expect_eq(exit.nested_page_fault.access, access);
		expect_eq(exit.nested_page_fault.result, AXAS_FAULT_DENIED);
		return;
	}
	/* What is absent is zero: no instruction, and no handler for it. */
	if (access == AXAS_PROT_EXEC && !present)
		return;
	if (exit.reason != AXVCPU_EXIT_HYPERCALL)
		fail("prot %u, access %u: %s %#llx %#llx", prot, access,
		     exit_name(exit.reason), exit.raw[0], exit.raw[1]);
}

static void matrix(unsigned int level, bool present)
{
	unsigned int cells = 0, unsayable = 0;
	struct vm vm = vm_new(0);

	for (u32 prot = 1; prot <= AXAS_PROT_MASK; prot++) {
		for (u32 access = 1; access < AXAS_PROT_MASK; access <<= 1) {
			int err = prepare(&vm, level, prot, present);

			if (err == -EOPNOTSUPP) {
				unsayable++;
				continue;
			}
			if (err)
				fail("mapping prot %u: %s", prot, strerror(-err));
			if (!present && access == AXAS_PROT_EXEC && prot & access)
				continue;
			check_cell(&vm, prot, access, present);
			expect_eq(info(vm.space).leaves[1], (present || prot & access) && level);
			cells++;
		}
	}
	note("%u cells, %u that the format cannot encode", cells, unsayable);
}

static void absent_4k(void) { matrix(0, false); }
static void absent_2m(void) { matrix(1, false); }
static void present_4k(void) { matrix(0, true); }
static void present_2m(void) { matrix(1, true); }

static const struct test tests[] = {
	{ "matrix_absent_4k", absent_4k },
	{ "matrix_absent_2m", absent_2m },
	{ "matrix_present_4k", present_4k },
	{ "matrix_present_2m", present_2m },
};

const struct suite suite_matrix = { tests, ARRAY_SIZE(tests) };
