// SPDX-License-Identifier: GPL-2.0-only
/*
 * The access matrix: read, write and execute, over each protection, leaves of 4 KiB, 2 MiB
 * and 1 GiB, present and absent.
 */
#include "vm.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RET		0xd65f03c0ull
#define UNDEFINED	0x02000000ull	/* ESR_EL1 of what zeroes are */
#define LEAF(level)	(PAGE << (9 * (level)))

/* How a leaf comes into the table. */
enum kind { ABSENT, PRESENT, LINEAR };

static const char *const kind_names[] = { "absent", "present", "linear" };

struct cell {
	struct vm *vm;
	enum kind kind;
	unsigned int level;
	u32 prot;
	u32 access;
};

__attribute__((format(printf, 2, 3), noreturn))
static void cell_fail(const struct cell *c, const char *fmt, ...)
{
	char what[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	fail("%s, level %u, prot %u, access %u: %s", kind_names[c->kind], c->level, c->prot,
	     c->access, what);
}

/* Memory that the host does not use, as the environment tells: a multiple of 1 GiB. */
static u64 window(void)
{
	const char *text = getenv("AXAS_WINDOW");

	return text ? strtoull(text, NULL, 0) : 0;
}

/* An area that is one leaf, with a RET at its start where something is there before. */
static int prepare(const struct cell *c)
{
	u32 huge = c->level ? AXAS_MAP_HUGE_ALWAYS : AXAS_MAP_HUGE_NEVER;
	int space = c->vm->space;

	unmap(space, VM_TEST, LEAF(2));
	if (c->kind == ABSENT)
		return map_alloc(space, VM_TEST, LEAF(c->level), c->prot, huge);
	if (c->kind == PRESENT)
		map(space, VM_TEST, LEAF(c->level), AXAS_PROT_MASK, AXAS_MAP_POPULATE | huge);
	else
		map_linear(space, VM_TEST, LEAF(c->level), window(), AXAS_PROT_MASK);
	vm_call(c->vm, guest(write), VM_TEST, RET, 0, 0);
	return protect(space, VM_TEST, LEAF(c->level), c->prot);
}

static u64 entry_of(u32 access)
{
	return access == AXAS_PROT_READ ? guest(read) :
	       access == AXAS_PROT_WRITE ? guest(write) : guest(exec);
}

static u64 result_of(const struct cell *c)
{
	if (c->access == AXAS_PROT_WRITE)
		return VM_TEST;
	if (c->access == AXAS_PROT_EXEC)
		return c->kind == ABSENT ? UNDEFINED : 0;
	return c->kind == ABSENT ? 0 : RET;
}

static void check_cell(const struct cell *c)
{
	struct axvcpu_exit exit;
	int err;

	vm_enter(c->vm, entry_of(c->access), VM_TEST, RET, 0, 0);
	err = vcpu_run(c->vm->vcpu, &exit);
	if (err)
		cell_fail(c, "run: %s", strerror(-err));
	if (c->prot & c->access) {
		if (exit.reason != AXVCPU_EXIT_HYPERCALL || exit.hypercall.args[0] != result_of(c))
			cell_fail(c, "%s %#llx %#llx", exit_name(exit.reason), exit.raw[0],
				  exit.raw[1]);
		if (!info(c->vm->space).leaves[c->level])
			cell_fail(c, "there is no such leaf");
		return;
	}
	if (exit.reason != AXVCPU_EXIT_NESTED_PAGE_FAULT ||
	    exit.nested_page_fault.gpa != VM_TEST ||
	    exit.nested_page_fault.access != c->access ||
	    exit.nested_page_fault.result != AXAS_FAULT_DENIED)
		cell_fail(c, "not denied: %s %#llx %#llx", exit_name(exit.reason), exit.raw[0],
			  exit.raw[1]);
}

static void matrix(enum kind kind, unsigned int level)
{
	struct vm vm = vm_new();
	unsigned int cells = 0;

	if (kind == LINEAR && !window())
		skip("no AXAS_WINDOW");
	for (u32 prot = 0; prot <= AXAS_PROT_MASK; prot++) {
		for (u32 access = 1; access < AXAS_PROT_MASK; access <<= 1) {
			struct cell c = { &vm, kind, level, prot, access };
			int err = prepare(&c);

			if (err)
				cell_fail(&c, "mapping: %s", strerror(-err));
			check_cell(&c);
			cells++;
		}
	}
	note("%u cells", cells);
}

static void absent_4k(void) { matrix(ABSENT, 0); }
static void absent_2m(void) { matrix(ABSENT, 1); }
static void present_4k(void) { matrix(PRESENT, 0); }
static void present_2m(void) { matrix(PRESENT, 1); }
static void linear_4k(void) { matrix(LINEAR, 0); }
static void linear_2m(void) { matrix(LINEAR, 1); }
static void linear_1g(void) { matrix(LINEAR, 2); }

static const struct test tests[] = {
	{ "matrix_absent_4k", absent_4k },
	{ "matrix_absent_2m", absent_2m },
	{ "matrix_present_4k", present_4k },
	{ "matrix_present_2m", present_2m },
	{ "matrix_linear_4k", linear_4k },
	{ "matrix_linear_2m", linear_2m },
	{ "matrix_linear_1g", linear_1g },
};

const struct suite suite_matrix = { tests, ARRAY_SIZE(tests) };
