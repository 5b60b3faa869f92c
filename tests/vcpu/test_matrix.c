// SPDX-License-Identifier: GPL-2.0-only
/*
 * The access matrix: read, write and execute, for each protection that the format can encode,
 * with 4 KiB, 2 MiB and 1 GiB leaves, present and absent.
 */
#include "vm.h"

#include <stdarg.h>

static const char *const kind_names[] = { "absent", "present", "linear" };

void cell_fail(const struct cell *c, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	fail("%s, level %u, prot %u, access %u: %s", kind_names[c->kind], c->level, c->prot,
	     c->access, what);
}

__weak void arch_check_entry(const struct cell *c)
{
	(void)c;
}

__weak void arch_check_denied(const struct cell *c, const struct axvcpu_exit *exit)
{
	(void)c;
	(void)exit;
}

__weak void arch_check_done(const struct cell *c)
{
	(void)c;
}

_Noreturn static void wrong_exit(const struct cell *c, const struct axvcpu_exit *exit)
{
	cell_fail(c, "%s %#llx %#llx %#llx", axvcpu_exit_name(exit->reason), exit->raw[0],
		  exit->raw[1], exit->raw[2]);
}

bool cell_allowed(const struct cell *c)
{
	return c->prot & c->access && c->kind != ABSENT;
}

static bool runs_zeroes(const struct cell *c)
{
	return c->kind == ABSENT && c->access == AXAS_PROT_EXEC;
}

u64 cell_target(const struct cell *c)
{
	return runs_zeroes(c) ? ARCH_ZEROES(VM_TEST, VM_TEST + LEAF(c->level)) : VM_TEST;
}

/* Map an area of one leaf; a present one starts with a RET. Or -errno: cannot be encoded. */
static int prepare(const struct cell *c, u64 window)
{
	u32 huge = c->level ? AXAS_MAP_HUGE_ALWAYS : AXAS_MAP_HUGE_NEVER;
	int space = c->vm->space;

	unmap(space, VM_TEST, LEAF(2));
	if (c->kind == ABSENT)
		return axas_map_alloc(space, VM_TEST, LEAF(c->level), c->prot, huge);
	if (c->kind == PRESENT)
		map(space, VM_TEST, LEAF(c->level), AXAS_PROT_MASK, AXAS_MAP_POPULATE | huge);
	else
		map_linear(space, VM_TEST, LEAF(c->level), window, AXAS_PROT_MASK);
	vm_call(c->vm, guest(write), VM_TEST, ARCH_RET, 0, 0);
	return axas_protect(space, VM_TEST, LEAF(c->level), c->prot);
}

static u64 entry_of(u32 access)
{
	return access == AXAS_PROT_READ ? guest(read) :
	       access == AXAS_PROT_WRITE ? guest(write) : guest(exec);
}

static struct axvcpu_exit do_access(const struct cell *c)
{
	struct axvcpu_exit exit;
	int err;

	vm_enter(c->vm, entry_of(c->access), cell_target(c), ARCH_RET, 0, 0);
	err = vcpu_run(c->vm->vcpu, &exit);
	if (err)
		cell_fail(c, "run: %s", strerror(-err));
	return exit;
}

/* The guest's result after an access that succeeds. */
static u64 result_of(const struct cell *c)
{
	if (c->access == AXAS_PROT_READ)
		return c->kind == ABSENT ? 0 : ARCH_RET;
	return c->access == AXAS_PROT_WRITE ? VM_TEST : 0;
}

static void expect_done(const struct cell *c, const struct axvcpu_exit *exit)
{
	u64 result;

	if (runs_zeroes(c) ? !arch_ran_zeroes(c, exit) :
	    !arch_ended(c->vm->vcpu, exit, &result) || result != result_of(c))
		wrong_exit(c, exit);
	arch_check_done(c);
}

static void expect_denied(const struct cell *c, const struct axvcpu_exit *exit)
{
	if (exit->reason != AXVCPU_EXIT_NESTED_PAGE_FAULT ||
	    exit->nested_page_fault.result != AXAS_FAULT_DENIED ||
	    exit->nested_page_fault.access != c->access ||
	    exit->nested_page_fault.gpa != cell_target(c))
		wrong_exit(c, exit);
	arch_check_denied(c, exit);
}

/* The area is one leaf if the CPU has that size. Low memory has 4 KiB leaves too: not checked. */
static void check_leaves(const struct cell *c, bool mapped)
{
	u64 n = host_format().leaf_levels >> c->level & 1 ? mapped : 0;
	u64 leaves = info(c->vm->space).leaves[c->level];

	if (c->level && leaves != n)
		cell_fail(c, "%llu leaves, not %llu", leaves, n);
}

static void check_cell(const struct cell *c)
{
	bool allowed = c->prot & c->access;
	struct axvcpu_exit exit;

	arch_check_entry(c);
	exit = do_access(c);
	if (allowed)
		expect_done(c, &exit);
	else
		expect_denied(c, &exit);
	check_leaves(c, allowed || c->kind != ABSENT);
}

static void matrix(int kind, unsigned int level)
{
	unsigned int cells = 0, unsayable = 0;
	struct window window = { 0 };
	struct vm vm = vm_new();

	if (kind == LINEAR && !find_window(LEAF(level), LEAF(level), &window))
		skip("no reserved memory for a leaf of level %u", level);
	for (u32 prot = 0; prot <= AXAS_PROT_MASK; prot++) {
		for (u32 access = 1; access < AXAS_PROT_MASK; access <<= 1) {
			struct cell c = { &vm, kind, level, prot, access };
			int err = prepare(&c, window.hpa);

			if (err == -EOPNOTSUPP) {
				unsayable++;
				continue;
			}
			if (err)
				cell_fail(&c, "mapping: %s", strerror(-err));
			check_cell(&c);
			cells++;
		}
	}
	expect(cells);
	note("%u cells, %u that the format cannot encode", cells, unsayable);
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

const struct suite suite_matrix = { .tests = tests, .nr = ARRAY_SIZE(tests) };
