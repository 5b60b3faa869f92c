// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMIDs (S4): all vCPUs of a space share one, so that a guest's TLBI reaches them all, and they
 * are recycled for more spaces than there are VMIDs. QEMU's TLBs do not tag by VMID: the tests
 * read VTTBR_EL2 through axas_el2.ko.
 */
#include "vm.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define REGISTERS	"/sys/module/axas_el2/parameters/registers"

#define VMID(vttbr)	((vttbr) >> 48)

/* VTTBR_EL2 of @cpu, read from a thread on another CPU. */
static u64 read_vttbr(unsigned int cpu)
{
	FILE *file = fopen(REGISTERS, "r");
	unsigned int line_cpu;
	char line[512];
	u64 val, vttbr = 0;

	if (!file)
		skip("axas_el2.ko is not loaded");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "cpu %u vttbr %llx", &line_cpu, &val) == 2 && line_cpu == cpu)
			vttbr = val;
	fclose(file);
	return vttbr;
}

/* VTTBR_EL2 of CPUs 0 and 1 while @a and @b spin there. */
static void vttbrs_of(struct vm *a, struct vm *b, u64 vttbr[2])
{
	struct runner r[2] = { 0 };

	vm_enter(a, guest(spin), 0, 0, 0, 0);
	vm_enter(b, guest(spin), 0, 0, 0, 0);
	runner_start(&r[0], a, 0);
	runner_start(&r[1], b, 1);
	for (int cpu = 0; cpu < 2; cpu++) {
		u64 end = now_ms() + 20000;

		pin_thread(!cpu);
		while (!(vttbr[cpu] = read_vttbr(cpu)))
			if (now_ms() > end)
				fail("no guest is seen on CPU %d", cpu);
	}
	runner_stop(&r[0]);
	runner_stop(&r[1]);
}

static void vcpus_of_one_space_have_one_vmid(void)
{
	struct vm a = vm_new(), b;
	u64 vttbr[2];

	need_two_cpus();
	b = vm_on(a.space, 1);
	vttbrs_of(&a, &b, vttbr);
	expect(VMID(vttbr[0]));
	expect_eq(vttbr[0], vttbr[1]);
	note("VTTBR_EL2 %#llx on both", vttbr[0]);
}

static void spaces_have_vmids_of_their_own(void)
{
	struct vm a = vm_new(), b = vm_new();
	u64 vttbr[2];

	need_two_cpus();
	vttbrs_of(&a, &b, vttbr);
	expect(VMID(vttbr[0]));
	expect(VMID(vttbr[1]));
	expect(VMID(vttbr[0]) != VMID(vttbr[1]));
}

static void no_vmid_stays_behind(void)
{
	struct vm vm = vm_new();

	vm_call(&vm, guest(read), VM_DATA, 0, 0, 0);
	expect_eq(read_vttbr(0), 0);
	expect_eq(read_vttbr(1), 0);
}

#define BLOCK		0x705ull	/* attributes as in guest_mmu */
#define PAGE_ENTRY	0x707ull
#define TABLE_ENTRY	0x3ull
#define ROUNDS		200

/*
 * A guest of two vCPUs: one changes a page of their stage 1 table and broadcasts a TLBI, which
 * applies to its VMID; the other reads the page in a loop and must see each change.
 */
static void tlbi_of_a_guest_reaches_its_siblings(void)
{
	u64 root = VM_DATA, middle = root + PAGE, last = middle + PAGE, words = last + PAGE;
	u64 frames = words + PAGE, va = 4 * GIB;
	struct vm a = vm_new(), b;
	struct axvcpu_regs regs;
	struct runner r = { 0 };

	need_two_cpus();
	b = vm_on(a.space, 1);
	poke(a.space, root, BLOCK);
	poke(a.space, root + 8 * (va / GIB), middle | TABLE_ENTRY);
	poke(a.space, middle, last | TABLE_ENTRY);
	poke(a.space, last, frames | PAGE_ENTRY);
	poke(a.space, words, 0);
	poke(a.space, words + 8, 0);
	vm_enter(&a, guest(shoot), root, ROUNDS, va, last);
	vm_enter(&b, guest(shot), root, ROUNDS, va, last);
	for (int i = 0; i < 2; i++) {
		struct vm *vm = i ? &b : &a;

		expect_eq(axvcpu_get_regs(vm->vcpu, &regs), 0);
		regs.arm64.x[4] = frames;
		regs.arm64.x[5] = words;
		expect_eq(axvcpu_set_regs(vm->vcpu, &regs), 0);
	}
	runner_start(&r, &b, 1);
	pin_thread(0);
	expect_eq(vm_done(&a), ROUNDS);
	runner_join(&r);
	expect_eq(r.exit.reason, AXVCPU_EXIT_HYPERCALL);
	expect_eq(r.exit.hypercall.args[0], ROUNDS);
}

/* A VM with the pages of its code and one page of data. */
static struct vm small(void)
{
	struct vm vm = { .space = open_space() };
	u64 bytes = guests_end - guests_begin;

	map(vm.space, VM_CODE, (bytes + PAGE - 1) & ~(PAGE - 1), AXAS_PROT_MASK,
	    AXAS_MAP_HUGE_NEVER);
	if (pwrite(vm.space, guests_begin, bytes, VM_CODE) != (ssize_t)bytes)
		fail("pwrite: %s", strerror(errno));
	map(vm.space, VM_DATA, PAGE, RW, AXAS_MAP_HUGE_NEVER);
	vm.vcpu = open_vcpu(vm.space, 0, 0);
	expect_eq(setup(vm.vcpu, AXVCPU_MODE_EL1, guest(halt), 0), 0);
	return vm;
}

/* VMID bits that a module parameter limits axvcpu.ko to; 0: no limit but the CPUs'. */
static unsigned int vmid_bits(void)
{
	FILE *file = fopen("/sys/module/axvcpu/parameters/vmid_bits", "r");
	unsigned int bits = 0;

	if (file && fscanf(file, "%u", &bits) != 1)
		bits = 0;
	if (file)
		fclose(file);
	return bits;
}

/* Number of spaces; AXAS_ROUNDS overrides it. */
static u64 many(void)
{
	const char *text = getenv("AXAS_ROUNDS");

	return text ? strtoul(text, NULL, 10) : 10000;
}

/* Spaces that exist at the same time keep their contents across VMID generations. */
static void spaces_by_the_thousand_have_vmids(void)
{
	struct rlimit limit = { 2 * many() + 100, 2 * many() + 100 };
	struct vm *vms = calloc(many(), sizeof(*vms));

	if (!vmid_bits())
		skip("there are VMIDs for all of them");
	expect_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (u64 i = 0; i < many(); i++) {
		vms[i] = small();
		vm_call(&vms[i], guest(write), VM_DATA, i, 0, 0);
	}
	for (u64 i = 0; i < many(); i += 7)
		expect_eq(vm_call(&vms[i], guest(read), VM_DATA, 0, 0, 0), i);
	note("%llu spaces, VMIDs of %u bits", many(), vmid_bits());
}

/* A guest and its sibling run across VMID rollovers that other spaces cause. */
static void rollovers_under_running_guests(void)
{
	struct vm a = vm_new(), b, other;
	struct runner r = { 0 };
	u64 mark = 0;

	need_two_cpus();
	b = vm_on(a.space, 1);
	map(a.space, VM_TEST, 2 * PAGE, RW, 0);
	vm_enter(&b, guest(stores), VM_TEST, VM_TEST + 8, 0, 0);
	runner_start(&r, &b, 1);
	pin_thread(0);
	for (u64 i = 0; i < 300; i++) {
		other = small();
		expect_eq(vm_call(&other, guest(read), VM_DATA, 0, 0, 0), 0);
		vm_call(&other, guest(write), VM_DATA, i, 0, 0);
		vm_free(&other);
		if (i % 50)
			continue;
		mark = wait_change(a.space, VM_TEST + 8, mark);
		vm_call(&a, guest(write), VM_TEST + PAGE, i, 0, 0);
		expect_eq(peek(a.space, VM_TEST + PAGE), i);
	}
	runner_stop(&r);
}

static const struct test tests[] = {
	{ "vcpus_of_one_space_have_one_vmid", vcpus_of_one_space_have_one_vmid },
	{ "spaces_have_vmids_of_their_own", spaces_have_vmids_of_their_own },
	{ "no_vmid_stays_behind", no_vmid_stays_behind },
	{ "tlbi_of_a_guest_reaches_its_siblings", tlbi_of_a_guest_reaches_its_siblings },
	{ "spaces_by_the_thousand_have_vmids", spaces_by_the_thousand_have_vmids },
	{ "rollovers_under_running_guests", rollovers_under_running_guests },
};

const struct suite suite_vmids = { .tests = tests, .nr = ARRAY_SIZE(tests) };
