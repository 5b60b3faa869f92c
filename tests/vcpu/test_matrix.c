// SPDX-License-Identifier: GPL-2.0-only
/*
 * The access matrix: read, write and execute, over each protection that the format can
 * say, leaves of 4 KiB, 2 MiB and 1 GiB, present and absent. What the hardware does is
 * compared with what the oracle makes of the very entry that the hardware walks, which
 * debugfs shows.
 */
#include "vm.h"

#include <errno.h>
#include <oracle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RET		0xc3
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

static u64 entry_of(u32 access)
{
	return access == AXAS_PROT_READ ? guest(read) :
	       access == AXAS_PROT_WRITE ? guest(write) : guest(exec);
}

/* The number by which debugfs calls a space. */
static unsigned int id_of(int space)
{
	char path[64], line[128];
	unsigned int id = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", space);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "axas-id: %u", &id);
	if (f)
		fclose(f);
	return id;
}

/* The entry of the leaf that maps @gpa at its start, as hardware has it; 0: none. */
static u64 entry_at(int space, u64 gpa)
{
	unsigned long long first, entry;
	char path[64], line[256];
	u64 found = 0;
	FILE *f;

	/* There are folders for spaces once somebody has asked which there are. */
	f = fopen("/sys/kernel/debug/axas/spaces", "r");
	while (f && fgets(line, sizeof(line), f))
		;
	if (f)
		fclose(f);
	snprintf(path, sizeof(path), "/sys/kernel/debug/axas/%u/raw", id_of(space));
	f = fopen(path, "r");
	if (!f)
		fail("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx %*u %*s %llx", &first, &entry) == 2 && first == gpa)
			found = entry;
	fclose(f);
	return found;
}

/*
 * A table of one branch for the oracle: at host-physical n * 4 KiB the table of level n,
 * in which each entry leads to the next one down, but the leaf's, which is hardware's.
 */
struct branch {
	unsigned int level;
	u64 entry;
};

#define TABLE_SVM	0x67ull	/* present, writable, user; accessed, dirty */
#define TABLE_EPT	0x7ull	/* read, write, execute */

static u64 read_branch(void *ctx, u64 hpa)
{
	const struct branch *branch = ctx;
	unsigned int level = hpa / PAGE - 1;

	if (level == branch->level)
		return branch->entry;
	return level * PAGE | (vm_is_svm() ? TABLE_SVM : TABLE_EPT);
}

static struct oracle_result predict(const struct axas_info *in, unsigned int level, u64 entry,
				    u64 gpa, u32 access)
{
	struct branch branch = { level, entry };
	struct oracle_machine machine = {
		.format = vm_is_svm() ? ORACLE_SVM : ORACLE_EPT,
		.levels = in->levels,
		.oa_bits = in->oa_bits,
		.root = in->levels * PAGE,
		.ept = { .xonly = true, .leaf_2m = true, .leaf_1g = true },
		.svm = { .leaf_1g = true, .nx = true },
		.read = read_branch,
		.ctx = &branch,
	};
	struct oracle_access a = {
		.read = access & AXAS_PROT_READ,
		.write = access & AXAS_PROT_WRITE,
		.exec = access & AXAS_PROT_EXEC,
	};
	struct oracle_result result;
	int err = oracle_walk(&machine, gpa, &a, &result);

	if (err)
		fail("the oracle: %d", err);
	return result;
}

#define cell_fail(c, fmt, ...)	do {						\
	const struct cell *c_ = (c);						\
										\
	fail("%s, level %u, prot %u, access %u: " fmt, kind_names[c_->kind],	\
	     c_->level, c_->prot, c_->access, ##__VA_ARGS__);			\
} while (0)

/*
 * An area that is one leaf, with a RET at its start where something is there before; what
 * is absent is zero, which is executed as ADD %AL,(%RAX) up to the end.
 */
static int prepare(const struct cell *c, u64 window)
{
	int space = c->vm->space, err;

	unmap(space, VM_TEST, LEAF(2));
	if (c->kind == ABSENT)
		return map_alloc(space, VM_TEST, LEAF(c->level), c->prot,
				 c->level ? AXAS_MAP_HUGE_ALWAYS : AXAS_MAP_HUGE_NEVER);
	if (c->kind == PRESENT)
		map(space, VM_TEST, LEAF(c->level), AXAS_PROT_MASK, AXAS_MAP_POPULATE |
		    (c->level ? AXAS_MAP_HUGE_ALWAYS : AXAS_MAP_HUGE_NEVER));
	else
		map_linear(space, VM_TEST, LEAF(c->level), window, AXAS_PROT_MASK);
	vm_call(c->vm, guest(write), VM_TEST, RET, 0, 0);
	err = protect(space, VM_TEST, LEAF(c->level), c->prot);
	return err;
}

/* Where the access goes: code that is absent is entered just before its end. */
static u64 target(const struct cell *c)
{
	if (c->kind == ABSENT && c->access == AXAS_PROT_EXEC)
		return VM_TEST + LEAF(c->level) - 16;
	return VM_TEST;
}

static struct axvcpu_exit do_access(const struct cell *c, u64 gpa)
{
	struct axvcpu_exit exit;
	int err;

	vm_enter(c->vm, entry_of(c->access), gpa, RET, 0, 0);
	expect_eq(vcpu_set_gpr(c->vm->vcpu, AXVCPU_REG_RAX, VM_DATA), 0);
	err = vcpu_run(c->vm->vcpu, &exit);
	if (err)
		cell_fail(c, "run: %s", strerror(-err));
	return exit;
}

/* It was done: code that was zeroes has come to the hole behind it. */
static void expect_done(const struct cell *c, const struct axvcpu_exit *exit)
{
	u64 end = VM_TEST + LEAF(c->level);

	if (exit->reason == AXVCPU_EXIT_IO_WRITE && exit->io_write.port == PORT_DONE)
		return;
	if (exit->reason == AXVCPU_EXIT_NESTED_PAGE_FAULT && target(c) != VM_TEST &&
	    exit->nested_page_fault.gpa == end &&
	    exit->nested_page_fault.access == AXAS_PROT_EXEC)
		return;
	cell_fail(c, "%s %#llx %#llx %#llx", exit_name(exit->reason), exit->raw[0],
		  exit->raw[1], exit->raw[2]);
}

static void expect_denied(const struct cell *c, const struct axvcpu_exit *exit, u64 syndrome)
{
	u64 info = exit->nested_page_fault.info;

	if (exit->reason != AXVCPU_EXIT_NESTED_PAGE_FAULT ||
	    exit->nested_page_fault.result != AXAS_FAULT_DENIED ||
	    exit->nested_page_fault.access != c->access ||
	    exit->nested_page_fault.gpa != target(c))
		cell_fail(c, "not denied: %s %#llx %#llx %#llx", exit_name(exit->reason),
			  exit->raw[0], exit->raw[1], exit->raw[2]);
	if (vm_known_info(info) != syndrome)
		cell_fail(c, "the hardware reports %#llx, the oracle %#llx", info, syndrome);
}

static void check_cell(const struct cell *c)
{
	struct axas_info before = info(c->vm->space);
	u64 gpa = target(c), entry = entry_at(c->vm->space, VM_TEST);
	struct oracle_result r = predict(&before, c->level, entry, gpa, c->access);
	bool allowed = c->prot & c->access, absent = c->kind == ABSENT;
	struct axvcpu_exit exit;

	if (!entry != absent)
		cell_fail(c, "the entry is %#llx", entry);
	if (r.outcome == ORACLE_MISCONFIG)
		cell_fail(c, "misconfigured: %#llx", entry);
	if (!r.outcome != (allowed && !absent))	/* ORACLE_OK is 0 */
		cell_fail(c, "entry %#llx, oracle %d", entry, r.outcome);
	exit = do_access(c, gpa);
	if (!allowed)
		return expect_denied(c, &exit, r.syndrome);
	expect_done(c, &exit);
	/* It came as a leaf of that size, which the oracle lets pass. */
	entry = entry_at(c->vm->space, VM_TEST);
	r = predict(&before, c->level, entry, gpa, c->access);
	if (r.outcome != ORACLE_OK || r.leaf_shift != 12 + 9 * c->level)
		cell_fail(c, "then entry %#llx, oracle %d, 1 << %u", entry, r.outcome,
			  r.leaf_shift);
}

static void matrix(enum kind kind, unsigned int level)
{
	unsigned int cells = 0, unsayable = 0;
	struct window window = { 0 };
	struct vm vm = vm_new(0);

	if (kind == LINEAR && !find_window(LEAF(level), &window))
		skip("no reserved memory for a leaf of level %u: see memmap=", level);
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
	note("%u cells, %u that the format cannot say", cells, unsayable);
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
