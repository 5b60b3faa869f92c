// SPDX-License-Identifier: GPL-2.0-only
/*
 * x86's part of the access matrix: what the hardware does is compared with what the oracle
 * makes of the very entry that the hardware walks, which debugfs shows.
 */
#include "vm.h"

#include <oracle.h>

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

/* What the oracle makes of the access by the entry that is there now. */
static struct oracle_result ask_oracle(const struct cell *c, u64 *entry)
{
	struct axas_info in = info(c->vm->space);

	*entry = entry_at(c->vm->space, VM_TEST);
	return predict(&in, c->level, *entry, cell_target(c), c->access);
}

void arch_check_entry(const struct cell *c)
{
	bool absent = c->kind == ABSENT;
	u64 entry;
	struct oracle_result r = ask_oracle(c, &entry);

	if (!entry != absent)
		cell_fail(c, "the entry is %#llx", entry);
	if (r.outcome == ORACLE_MISCONFIG)
		cell_fail(c, "misconfigured: %#llx", entry);
	if (!r.outcome != cell_allowed(c))	/* ORACLE_OK is 0 */
		cell_fail(c, "entry %#llx, oracle %d", entry, r.outcome);
}

/*
 * Of what the hardware reports of a nested page fault, the bits that the oracle knows. SVM:
 * the bits of a page fault but reserved ones, and where in the walk it was; VMX: the access,
 * what the entries allow, and whether the guest's address is told.
 */
static u64 known_info(u64 info)
{
	return info & (vm_is_svm() ? 0x30000001full : 0x1bf);
}

/* A fault that is denied leaves the entry as it was. */
void arch_check_denied(const struct cell *c, const struct axvcpu_exit *exit)
{
	u64 entry, info = exit->nested_page_fault.info;
	struct oracle_result r = ask_oracle(c, &entry);

	if (known_info(info) != r.syndrome)
		cell_fail(c, "the hardware reports %#llx, the oracle %#llx", info, r.syndrome);
}

/* It came as a leaf of that size, which the oracle lets pass. */
void arch_check_done(const struct cell *c)
{
	u64 entry;
	struct oracle_result r = ask_oracle(c, &entry);

	if (r.outcome != ORACLE_OK || r.leaf_shift != 12 + 9 * c->level)
		cell_fail(c, "then entry %#llx, oracle %d, 1 << %u", entry, r.outcome,
			  r.leaf_shift);
}

/* They have run up to the hole behind them. */
bool arch_ran_zeroes(const struct cell *c, const struct axvcpu_exit *exit)
{
	return exit->reason == AXVCPU_EXIT_NESTED_PAGE_FAULT &&
	       exit->nested_page_fault.gpa == VM_TEST + LEAF(c->level) &&
	       exit->nested_page_fault.access == AXAS_PROT_EXEC;
}
