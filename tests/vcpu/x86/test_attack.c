// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attacks by a guest and its VMM on memory of others: tables that the CPU would walk otherwise
 * than they were built. Debug registers (S9) are in test_host.c.
 */
#include "vm.h"

#include <unistd.h>

/* A machine, and the name of its difference from the host. */
struct machine {
	const char *what;
	struct axas_format_info is;
};

static struct machine this_machine(void)
{
	struct machine m = { "this one", host_format() };
	int space = open_space();

	m.is.max_ia_bits = info(space).ia_bits;
	close(space);
	return m;
}

static int open_described(const struct machine *m)
{
	int space = try_space_for(&m->is);

	if (space < 0)
		fail("%s: AXAS_CREATE: %s", m->what, strerror(-space));
	return space;
}

static void runs(const struct machine *m)
{
	int space = open_described(m);
	struct vm vm;

	low_memory(space);
	vm = vm_on(space, 0);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
	vm_free(&vm);
}

static void never_runs(const struct machine *m)
{
	int space = open_described(m), vcpu = axvcpu_open_vcpu(NULL, space, 0, 0);

	if (vcpu != -EMEDIUMTYPE)
		fail("%s: AXVCPU_CREATE answers %d", m->what, vcpu);
	close(space);
}

/* No entry has more address bits than the host's frames, whatever machine is described. */
static void stays_within(const struct machine *m, u32 oa_bits)
{
	int space = open_described(m);

	if (info(space).oa_bits > oa_bits)
		fail("%s: %u, the host has %u", m->what, info(space).oa_bits, oa_bits);
	close(space);
	runs(m);
}

/* The host's capabilities with one more or one less. */
static void vary_caps(const struct machine *host, u32 caps)
{
	for (u32 cap = 1; cap & AXAS_CAP_MASK; cap <<= 1) {
		struct machine m = *host;

		if (!(cap & caps))
			continue;
		m.what = "capabilities";
		m.is.caps ^= cap;
		/* AXAS_CAP_EXEC_4K restricts tables: it is the exception. */
		if (!(m.is.caps & cap) == !(cap & AXAS_CAP_EXEC_4K))
			runs(&m);
		else
			never_runs(&m);
	}
}

static void vary_levels(const struct machine *host, u32 max_ia_bits)
{
	struct machine m = *host;

	m.what = "levels";
	m.is.max_ia_bits = host->is.max_ia_bits > 48 ? 48 : 57;
	/*
	 * SVM walks the host's number of levels; EPTP encodes the number. APM vol. 2, 15.25.3; SDM
	 * vol. 3C, 25.6.11.
	 */
	if (vm_is_svm() || m.is.max_ia_bits > max_ia_bits)
		never_runs(&m);
	else
		runs(&m);
}

/*
 * S1, S2: a table built for a machine with features that the host lacks is never walked; other
 * tables are.
 */
static void tables_of_another_machine_never_run(void)
{
	struct machine host = this_machine(), m = host;

	runs(&host);
	vary_levels(&host, host_format().max_ia_bits);
	vary_caps(&host, vm_is_svm() ? AXAS_CAP_SVM_NX :
			 AXAS_CAP_EPT_XONLY | AXAS_CAP_EPT_AD | AXAS_CAP_EXEC_4K);
	m.what = "leaf levels";
	m.is.leaf_levels = 7;
	if (host.is.leaf_levels == m.is.leaf_levels)
		runs(&m);
	else
		never_runs(&m);
	m = host;
	m.what = "fewer address bits";
	m.is.oa_bits--;
	runs(&m);
	m.what = "more address bits";
	m.is.oa_bits = host.is.oa_bits + 1;
	if (m.is.oa_bits <= 52)
		stays_within(&m, host.is.oa_bits);
}

#define SECRET		0x5ec2e7ull
#define SECRET_AT	VM_LOW			/* in the window, after the guest's memory */
/* The addresses that the page at VM_DATA maps if hardware walks it as a level 0 table. */
#define BEHIND(i)	((VM_DATA / PAGE * 512 + (i)) * PAGE)
/* Present, writable, accessible to the guest in both formats. */
#define ENTRY		7ull

/*
 * Prepare the guest's low memory in @w. If hardware walks one level too many, it takes guest
 * pages for tables: the entries in page 0 then map low memory to itself, so that the guest still
 * runs, and those in VM_DATA map the secret.
 */
static void craft(const struct window *w)
{
	struct vm vm = vm_new();

	for (u64 i = 0; i < VM_LOW / PAGE; i++)
		poke(vm.space, i * 8, (w->hpa + i * PAGE) | ENTRY);
	for (u64 i = 0; i < 512; i++)
		poke(vm.space, VM_DATA + i * 8, (w->hpa + SECRET_AT) | ENTRY);
	map_linear(vm.space, VM_TEST, 2 * VM_LOW, w->hpa, RW);
	vm_call(&vm, guest(copy), VM_TEST, 0, VM_LOW, 0);
	vm_call(&vm, guest(write), VM_TEST + SECRET_AT, SECRET, 0, 0);
	vm_free(&vm);
}

static void expect_hole(struct vm *vm, u64 entry, u64 gpa)
{
	struct axvcpu_exit exit;

	vm_enter(vm, entry, gpa, ~SECRET, 0, 0);
	exit = vm_expect(vm, AXVCPU_EXIT_NESTED_PAGE_FAULT);
	expect_eq(exit.nested_page_fault.gpa, gpa);
	expect_eq(exit.nested_page_fault.result, AXAS_FAULT_HOLE);
}

/*
 * S1: axas built 4 levels where hardware walks 5, so guest pages served as tables. A guest that
 * knows the addresses of its pages kept running and could read any memory.
 */
static void crafted_page_0_shows_nothing(void)
{
	struct window w;
	struct vm vm;

	if (!find_window(2 * VM_LOW, 2 * VM_LOW, &w))
		skip("no reserved memory: see memmap=");
	craft(&w);
	vm.space = open_space();
	map_linear(vm.space, 0, VM_LOW, w.hpa, AXAS_PROT_MASK);
	vm = vm_on(vm.space, 0);
	for (u64 i = 0; i < 512; i += 73) {
		expect_hole(&vm, guest(read), BEHIND(i));
		expect_hole(&vm, guest(write), BEHIND(i));
	}
	map_linear(vm.space, VM_TEST, PAGE, w.hpa + SECRET_AT, AXAS_PROT_READ);
	expect_eq(vm_call(&vm, guest(read), VM_TEST, 0, 0, 0), SECRET);
	vm_free(&vm);
}

static const struct test tests[] = {
	{ "tables_of_another_machine_never_run", tables_of_another_machine_never_run },
	{ "crafted_page_0_shows_nothing", crafted_page_0_shows_nothing },
};

const struct suite suite_attack = { .tests = tests, .nr = ARRAY_SIZE(tests) };
