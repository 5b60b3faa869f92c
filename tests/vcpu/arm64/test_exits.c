// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits of arm64: MMIO, system registers, PSCI and SMC, and their completion by the VMM.
 */
#include "vm.h"

static void smc_is_a_hypercall(void)
{
	struct vm vm = vm_new();

	vm_enter(&vm, guest(smc), 0, 0, 0, 0);
	expect_eq(vm_expect(&vm, AXVCPU_EXIT_HYPERCALL).hypercall.nr, 0x78);
	expect_eq(axvcpu_set_return(vm.vcpu, 5), 0);
	expect_eq(vm_done(&vm), 5);
}

#define PSCI_VERSION		0x84000000
#define PSCI_CPU_OFF		0x84000002
#define PSCI_CPU_ON		0x84000003
#define PSCI_CPU_ON_64		0xc4000003
#define PSCI_SYSTEM_OFF		0x84000008

static void psci_cpu_on_is_cpu_up(void)
{
	struct vm vm = vm_new();

	vm_enter(&vm, guest(psci), PSCI_CPU_ON_64, 3, 0x140001000, 0x1122334455);
	expect_cpu_up(&vm, 3, 0x140001000, 0x1122334455);
	expect_eq(axvcpu_set_return(vm.vcpu, 0), 0);
	expect_eq(vm_done(&vm), 0);
	vm_enter(&vm, guest(psci), PSCI_CPU_ON, 3, ~0ull, 7);
	expect_cpu_up(&vm, 3, 0xffffffff, 7);
}

static void psci_cpu_off_is_cpu_down(void)
{
	struct vm vm = vm_new();

	vm_enter(&vm, guest(psci), PSCI_CPU_OFF, 0, 0, 0);
	vm_expect(&vm, AXVCPU_EXIT_CPU_DOWN);
}

static void psci_system_off_is_system_down(void)
{
	struct vm vm = vm_new();

	vm_enter(&vm, guest(psci), PSCI_SYSTEM_OFF, 0, 0, 0);
	vm_expect(&vm, AXVCPU_EXIT_SYSTEM_DOWN);
	vm_expect(&vm, AXVCPU_EXIT_SYSTEM_DOWN);
}

static void psci_version_is_answered_inside(void)
{
	struct vm vm = vm_new();

	expect_eq(vm_call(&vm, guest(psci), PSCI_VERSION, 0, 0, 0), 0x10000);
}

static void mmio_reads_are_decoded_and_answered(void)
{
	static const struct { u64 offset; u32 width, reg_width, sign; u64 x0; } reads[] = {
		{ 0, 1, 4, 0, 0x88 }, { 2, 2, 4, 0, 0x8788 }, { 4, 4, 4, 0, 0x85868788 },
		{ 8, 8, 8, 0, 0x8182838485868788 }, { 0, 1, 4, 1, 0xffffff88 },
		{ 0, 1, 8, 1, 0xffffffffffffff88 }, { 4, 4, 8, 1, 0xffffffff85868788 },
	};
	struct vm vm = vm_new();
	struct axvcpu_exit exit;

	vm_enter(&vm, guest(loads_mmio), VM_TEST, 0, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(reads); i++) {
		exit = expect_mmio_read(&vm, VM_TEST + reads[i].offset, reads[i].width);
		expect_eq(exit.mmio_read.reg, 0);
		expect_eq(exit.mmio_read.reg_width, reads[i].reg_width);
		expect_eq(exit.mmio_read.sign_extend, reads[i].sign);
		expect_eq(axvcpu_set_return(vm.vcpu, 0x8182838485868788), 0);
		expect_eq(vm_done(&vm), reads[i].x0);
	}
	/* A load into XZR. */
	expect_eq(vm_expect(&vm, AXVCPU_EXIT_MMIO_READ).mmio_read.reg, 31);
	expect_eq(axvcpu_set_return(vm.vcpu, 7), 0);
	expect_eq(vm_done(&vm), 0);
}

static void mmio_writes_are_decoded(void)
{
	static const struct { u64 offset; u32 width; u64 data; } writes[] = {
		{ 0, 1, 0x88 }, { 2, 2, 0x7788 }, { 4, 4, 0x55667788 },
		{ 8, 8, 0x1122334455667788 }, { 16, 8, 0 },
	};
	struct vm vm = vm_new();

	vm_enter(&vm, guest(stores_mmio), VM_TEST + 0x5000, 0x1122334455667788, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(writes); i++) {
		expect_mmio_write(&vm, VM_TEST + 0x5000 + writes[i].offset, writes[i].width,
				  writes[i].data);
	}
	vm_done(&vm);
}

static void hole_without_syndrome_is_a_nested_page_fault(void)
{
	struct vm vm = vm_new();
	struct axvcpu_exit exit;

	vm_enter(&vm, guest(pair), VM_TEST + 0x120, 0, 0, 0);
	exit = vm_expect(&vm, AXVCPU_EXIT_NESTED_PAGE_FAULT);
	expect_eq(exit.nested_page_fault.gpa, VM_TEST + 0x120);
	expect_eq(exit.nested_page_fault.access, AXAS_PROT_READ);
	expect_eq(exit.nested_page_fault.result, AXAS_FAULT_HOLE);
	expect_eq(exit.rip, guest(pair));
	map(vm.space, VM_TEST, PAGE, AXAS_PROT_MASK, 0);
	vm_done(&vm);
}

static void fetch_from_a_hole_is_a_nested_page_fault(void)
{
	struct vm vm = vm_new();
	struct axvcpu_exit exit;

	vm_enter(&vm, guest(exec), VM_TEST + 0x40, 0, 0, 0);
	exit = vm_expect(&vm, AXVCPU_EXIT_NESTED_PAGE_FAULT);
	expect_eq(exit.nested_page_fault.gpa, VM_TEST + 0x40);
	expect_eq(exit.nested_page_fault.access, AXAS_PROT_EXEC);
	expect_eq(exit.rip, VM_TEST + 0x40);
}

/*
 * An address beyond the space is a hole. An address beyond the CPU's range is a stage 1 fault
 * of the guest: a data abort taken to EL1.
 */
static void beyond_the_space_is_no_memory(void)
{
	struct vm vm = vm_new();
	struct axvcpu_exit exit;
	u64 gpa = 1ull << info(vm.space).ia_bits;

	vm_enter(&vm, guest(reach), gpa, 0, 0, 0);
	expect_eq(vcpu_run(vm.vcpu, &exit), 0);
	if (exit.reason == AXVCPU_EXIT_MMIO_READ)
		expect_eq(exit.mmio_read.gpa, gpa);
	else if (exit.reason == AXVCPU_EXIT_HYPERCALL)
		expect_eq(exit.hypercall.args[0] >> 26, 0x25);
	else
		fail("exit %s", axvcpu_exit_name(exit.reason));
}

/* CNTP_CVAL_EL0, encoded as in bits 20 to 5 of MRS */
#define REG_CNTP_CVAL	(3u << 14 | 3u << 11 | 14u << 7 | 2u << 3 | 2u)

static void system_registers_come_out(void)
{
	struct vm vm = vm_new();
	struct axvcpu_exit exit;

	vm_enter(&vm, guest(sysreg_read), 0, 0, 0, 0);
	exit = vm_expect(&vm, AXVCPU_EXIT_SYSREG_READ);
	expect_eq(exit.sysreg_read.addr, REG_CNTP_CVAL);
	expect_eq(axvcpu_set_return(vm.vcpu, 0x123456789abcdef0), 0);
	expect_eq(vm_done(&vm), 0x123456789abcdef0);
	vm_enter(&vm, guest(sysreg_write), 0xfedcba9876543210, 0, 0, 0);
	exit = vm_expect(&vm, AXVCPU_EXIT_SYSREG_WRITE);
	expect_eq(exit.sysreg_write.addr, REG_CNTP_CVAL);
	expect_eq(exit.sysreg_write.value, 0xfedcba9876543210);
	vm_done(&vm);
}

/* ID registers show neither AArch32, SVE nor pointer authentication; MPIDR is the vCPU's. */
static void id_registers_show_what_the_guest_has(void)
{
	struct vm vm = vm_new(), second = vm_on(vm.space, 5);

	expect_eq(vm_call(&vm, guest(id), 0, 0, 0, 0) & 0xf00000000000ffffull, 0x11);
	expect_eq(vm_call(&vm, guest(id), 1, 0, 0, 0) & 0xff000ff0, 0);
	expect_eq(vm_call(&second, guest(id), 2, 0, 0, 0), 0x80000005);
	expect_eq(vm_call(&vm, guest(id), 3, 0, 0, 0), 0);
}

static void debug_registers_read_as_zero(void)
{
	struct vm vm = vm_new();

	expect_eq(vm_call(&vm, guest(missing), 0, 0, 0, 0), 0);
}

/* EC 0, a 32-bit instruction. */
static void sve_is_undefined(void)
{
	struct vm vm = vm_new();

	expect_eq(vm_call(&vm, guest(undefined), 0, 0, 0, 0), 0x02000000);
}

static void fp_registers_stay_the_guests(void)
{
	expect_own_registers(guest(fpu), 2000000);
}

static void other_registers_stay_the_guests(void)
{
	expect_own_registers(guest(registers), 500000);
}

static void stage1_walks_through_stage2(void)
{
	struct vm vm = vm_new();
	u64 table = 2 * VM_TEST, data = VM_TEST + 0x7008;

	map(vm.space, VM_TEST, 16 * PAGE, AXAS_PROT_MASK, 0);
	map(vm.space, table, PAGE, AXAS_PROT_MASK, 0);
	poke(vm.space, data, 0x1234567890);
	expect_eq(vm_call(&vm, guest(mmu), table, data, 0, 0), 0x1234567890);
}

static void modes_of_others_are_refused(void)
{
	int space = open_space(), vcpu = open_vcpu(space, 0, 0);

	expect_eq(setup(vcpu, AXVCPU_MODE_LONG, 0, 0), -EINVAL);
	expect_eq(setup(vcpu, AXVCPU_MODE_REAL, 0, 0), -EINVAL);
	expect_eq(setup(vcpu, AXVCPU_MODE_EL1, 2, 0), -EINVAL);
	expect_eq(setup(vcpu, AXVCPU_MODE_EL1, 0, AXVCPU_SETUP_EXIT_CPUID), -EINVAL);
	expect_eq(setup(vcpu, AXVCPU_MODE_EL1, 0, 0), 0);
}

static const struct test tests[] = {
	{ "smc_is_a_hypercall", smc_is_a_hypercall },
	{ "psci_cpu_on_is_cpu_up", psci_cpu_on_is_cpu_up },
	{ "psci_cpu_off_is_cpu_down", psci_cpu_off_is_cpu_down },
	{ "psci_system_off_is_system_down", psci_system_off_is_system_down },
	{ "psci_version_is_answered_inside", psci_version_is_answered_inside },
	{ "mmio_reads_are_decoded_and_answered", mmio_reads_are_decoded_and_answered },
	{ "mmio_writes_are_decoded", mmio_writes_are_decoded },
	{ "hole_without_syndrome_is_a_nested_page_fault",
	  hole_without_syndrome_is_a_nested_page_fault },
	{ "fetch_from_a_hole_is_a_nested_page_fault", fetch_from_a_hole_is_a_nested_page_fault },
	{ "beyond_the_space_is_no_memory", beyond_the_space_is_no_memory },
	{ "system_registers_come_out", system_registers_come_out },
	{ "id_registers_show_what_the_guest_has", id_registers_show_what_the_guest_has },
	{ "debug_registers_read_as_zero", debug_registers_read_as_zero },
	{ "sve_is_undefined", sve_is_undefined },
	{ "fp_registers_stay_the_guests", fp_registers_stay_the_guests },
	{ "other_registers_stay_the_guests", other_registers_stay_the_guests },
	{ "stage1_walks_through_stage2", stage1_walks_through_stage2 },
	{ "modes_of_others_are_refused", modes_of_others_are_refused },
};

const struct suite suite_exits = { .tests = tests, .nr = ARRAY_SIZE(tests) };
