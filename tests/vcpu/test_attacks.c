// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests that attack the host through nested page tables of other machines, and through exits
 * that interrupt an event's delivery. Attacks from user mode and on debug registers are in each
 * architecture's folder. x86 has its own variants instead of these.
 */
#include "vm.h"

#include <unistd.h>

#define SECRET		0x5ec2e75ec2e75ec2ull
#define HOLE		VM_TEST

/*
 * Does the host's CPU support everything in a table for @m? Output address bits need no check:
 * no table has an address beyond the host's, whatever @m allows.
 */
static bool host_is(const struct axas_format_info *host, const struct axas_format_info *m)
{
	return m->max_ia_bits <= host->max_ia_bits && !(m->caps & ~host->caps) &&
	       !(m->leaf_levels & ~host->leaf_levels);
}

/* Fill a page of another space with SECRET; return its host-physical address. */
static u64 hide_secret(int *space)
{
	struct axas_translate where;

	*space = open_space();
	map(*space, 0, PAGE, RW, AXAS_MAP_POPULATE);
	for (u64 gpa = 0; gpa < PAGE; gpa += 8)
		poke(*space, gpa, SECRET);
	expect_ok(axas_translate(*space, 0, &where));
	return where.hpa;
}

/*
 * If a table had one level less than the CPU walks, the CPU would take the guest's pages for
 * tables, page 0 for low addresses. The guest fills pages with entries that map the secret and
 * reads through them: the reads must be holes.
 */
static void craft_and_look(int space, u64 entry)
{
	static const u64 pages[] = { 0, VM_DATA };
	static const u64 holes[] = { HOLE, 2 * GIB, 3 * GIB + 8 * PAGE };
	struct vm vm = vm_on(space, 0);
	struct axvcpu_exit exit;

	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		expect_eq(vm_call(&vm, guest(craft), pages[i], entry, 0, 0), entry);
		expect_eq(vm_call(&vm, guest(craft), pages[i], entry, pages[i] + 0xff8, 0), entry);
		expect_eq(peek(space, pages[i] + 0x238), entry);
	}
	for (size_t i = 0; i < ARRAY_SIZE(holes); i++) {
		vm_enter(&vm, guest(craft), 0, entry, holes[i], 0);
		exit = vm_expect(&vm, AXVCPU_EXIT_MMIO_READ);
		expect_eq(exit.mmio_read.gpa, holes[i]);
	}
	close(vm.vcpu);
}

/*
 * Try the attack on a space for @m. Return true if AXVCPU_CREATE refuses the space; where the
 * host covers @m it must not.
 */
static bool attack_on(const struct axas_format_info *host, const struct axas_format_info *m,
		      u64 entry)
{
	int space = try_space_for(m), vcpu;

	if (space < 0) {
		expect(space == -EOPNOTSUPP || space == -EINVAL);
		return false;
	}
	low_memory(space);
	vcpu = axvcpu_open_vcpu(NULL, space, 0, 0);
	if (!host_is(host, m)) {
		expect_eq(-vcpu, EMEDIUMTYPE);
		close(space);
		return true;
	}
	if (vcpu < 0)
		fail("AXVCPU_CREATE: %s", strerror(-vcpu));
	close(vcpu);
	craft_and_look(space, entry);
	close(space);
	return false;
}

/* S2: tables of other machines are never walked, and guest pages never serve as tables. */
static void tables_of_other_machines_are_not_walked(void)
{
	struct axas_format_info host = host_format(), m;
	u64 entry, refused = 0;
	int secret;

	entry = arch_leaf(hide_secret(&secret));
	for (u32 bits = 30; bits <= 60; bits++) {
		for (u32 fewer = 0; fewer < 4; fewer++) {
			m = host;
			m.max_ia_bits = bits;
			m.leaf_levels = fewer & 1 ? 1 : 7;
			m.caps = fewer & 2 ? host.caps : ARCH_CAPS;
			refused += attack_on(&host, &m, entry);
		}
	}
	for (u32 bits = 32; bits <= 60; bits++) {
		m = host;
		m.oa_bits = bits;
		refused += attack_on(&host, &m, entry);
	}
	expect_eq(peek(secret, 0), SECRET);
	note("%llu refused", refused);
}

/* As G6: an exit during an event's delivery loses neither the event nor one injected meanwhile. */
static void interrupts_survive_faults_on_their_way_in(void)
{
	u64 code = VM_TEST + VM_CODE, size = guests_end - guests_begin;
	int space = open_space();
	struct axvcpu_exit exit;
	struct vm vm;

	low_memory(space);
	vm = vm_on(space, 0);
	vm_enter(&vm, guest(far_vectors), 0, VM_DATA, 0, VM_TEST);
	expect_eq(axvcpu_inject(vm.vcpu, 0x40), 0);
	for (int i = 0; i < 3; i++) {
		exit = vm_expect(&vm, AXVCPU_EXIT_NESTED_PAGE_FAULT);
		expect(exit.nested_page_fault.gpa >= code);
		expect(exit.nested_page_fault.gpa < code + size);
		expect_eq(exit.nested_page_fault.access, AXAS_PROT_EXEC);
		expect_eq(axvcpu_inject(vm.vcpu, 0x41), 0);
	}
	map(space, VM_TEST, MIB, AXAS_PROT_MASK, 0);
	write_guest(space, code, guests_begin, size);
	vm_done(&vm);
	expect_eq(peek(space, VM_DATA + 8 * 0x40), 1);
	expect_eq(peek(space, VM_DATA + 8 * 0x41), 1);
}

static const struct test tests[] = {
	{ "tables_of_other_machines_are_not_walked", tables_of_other_machines_are_not_walked },
	{ "interrupts_survive_faults_on_their_way_in",
	  interrupts_survive_faults_on_their_way_in },
};

const struct suite suite_attacks = { .tests = tests, .nr = ARRAY_SIZE(tests) };
