// SPDX-License-Identifier: GPL-2.0-only
/*
 * The access matrix on x86: compare the hardware's result with the oracle's for the same entry,
 * read through debugfs. Calls the oracle.
 */
#include "vm.h"

#include <oracle.h>

/* Number of a space in debugfs. */
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

/* The raw entry of the leaf that starts at @gpa; 0: none. */
static u64 entry_at(int space, u64 gpa)
{
	unsigned long long first, entry;
	char path[64], line[256];
	u64 found = 0;
	FILE *f;

	/* Reading the list creates the directories of the spaces. */
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
 * A single-branch table for the oracle. The table of level n is at host-physical address
 * (n + 1) * 4 KiB; each entry points to the next lower table, except the raw leaf entry.
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

/* The oracle's result for the access with the current entry. */
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
 * The bits of a nested page fault's syndrome that the oracle predicts. SVM: the page fault error
 * code without reserved bits, and the stage of the walk; VMX: the access, the rights of the
 * entries, and whether the guest-linear address is valid.
 */
static u64 known_info(u64 info)
{
	return info & (vm_is_svm() ? 0x30000001full : 0x1bf);
}

/* The hardware's syndrome is the oracle's for the entry after the denied fault. */
void arch_check_denied(const struct cell *c, const struct axvcpu_exit *exit)
{
	u64 entry, info = exit->nested_page_fault.info;
	struct oracle_result r = ask_oracle(c, &entry);

	if (known_info(info) != r.syndrome)
		cell_fail(c, "the hardware reports %#llx, the oracle %#llx", info, r.syndrome);
}

/* The leaf has the level expected, and the oracle allows the access. */
void arch_check_done(const struct cell *c)
{
	u64 entry;
	struct oracle_result r = ask_oracle(c, &entry);

	if (r.outcome != ORACLE_OK || r.leaf_shift != 12 + 9 * c->level)
		cell_fail(c, "then entry %#llx, oracle %d, 1 << %u", entry, r.outcome,
			  r.leaf_shift);
}

/* The zeroes have run to the hole after the leaf. */
bool arch_ran_zeroes(const struct cell *c, const struct axvcpu_exit *exit)
{
	return exit->reason == AXVCPU_EXIT_NESTED_PAGE_FAULT &&
	       exit->nested_page_fault.gpa == VM_TEST + LEAF(c->level) &&
	       exit->nested_page_fault.access == AXAS_PROT_EXEC;
}
