// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits of x86: ports, CPUID, MSRs, EPT misconfiguration, and their completion.
 */
#include "vm.h"

#include <stdlib.h>
#include <unistd.h>

static void port_writes_come_out(void)
{
	static const struct { u32 port, width; u64 data; } writes[] = {
		{ 0xe9, 1, 0x41 }, { 0x3f8, 2, 0x1234 }, { 0x3f8, 4, 0x12345678 },
	};
	struct vm vm = vm_new();

	vm_enter(&vm, guest(out), 0, 0, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(writes); i++) {
		struct axvcpu_exit exit = vm_expect(&vm, AXVCPU_EXIT_IO_WRITE);

		expect_eq(exit.io_write.port, writes[i].port);
		expect_eq(exit.io_write.width, writes[i].width);
		expect_eq(exit.io_write.data, writes[i].data);
	}
	vm_done(&vm);
}

/* Reads of one and two bytes preserve the rest of RAX, of four clear its upper half. */
static void port_reads_are_answered(void)
{
	static const struct { u32 port, width; u64 rax; } reads[] = {
		{ 0x60, 1, 0xffffffffffffff99 }, { 0x1f0, 2, 0xffffffffffff7799 },
		{ 0x1f0, 4, 0x55667799 },
	};
	struct vm vm = vm_new();

	vm_enter(&vm, guest(in), 0, 0, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(reads); i++) {
		struct axvcpu_exit exit = vm_expect(&vm, AXVCPU_EXIT_IO_READ);

		expect_eq(exit.io_read.port, reads[i].port);
		expect_eq(exit.io_read.width, reads[i].width);
		expect_eq(axvcpu_set_return(vm.vcpu, 0x1122334455667799), 0);
		expect_eq(vm_done(&vm), reads[i].rax);
	}
}

static void cpuid_is_handled_inside(void)
{
	struct vm vm = vm_new();
	struct axvcpu_regs regs;

	vm_call(&vm, guest(cpuid), 0, 0, 0, 0);
	expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
	expect_eq(regs.gpr[AXVCPU_REG_RAX], guest_has_avx() ? 0xd : 7);
	/* The hypervisor bit is set; virtualization is hidden, and CR4.OSXSAVE is clear. */
	vm_call(&vm, guest(cpuid), 1, 0, 0, 0);
	expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
	expect_eq(regs.gpr[AXVCPU_REG_RCX] & (1u << 5 | 1u << 27), 0);
	expect(regs.gpr[AXVCPU_REG_RCX] & 1u << 31);
	vm_call(&vm, guest(cpuid), 0x80000001, 0, 0, 0);
	expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
	expect_eq(regs.gpr[AXVCPU_REG_RCX] & 1u << 2, 0);
	vm_call(&vm, guest(cpuid), 0x8000000a, 0, 0, 0);
	expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
	expect_eq(regs.gpr[AXVCPU_REG_RDX], 0);
}

static void cpuid_comes_out_when_asked_for(void)
{
	struct vm vm = vm_with(AXVCPU_SETUP_EXIT_CPUID);
	struct axvcpu_exit exit;

	vm_enter(&vm, guest(cpuid), 0x40000123, 5, 0, 0);
	exit = vm_expect(&vm, AXVCPU_EXIT_CPUID);
	expect_eq(exit.cpuid.leaf, 0x40000123);
	expect_eq(exit.cpuid.subleaf, 5);
	expect_eq(exit.cpuid.regs[0] | exit.cpuid.regs[1], 0);
	expect_eq(axvcpu_set_gpr(vm.vcpu, AXVCPU_REG_RAX, 0xabc), 0);
	expect_eq(vm_done(&vm), 0xabc);
	/* What the module would have answered comes with it. */
	vm_enter(&vm, guest(cpuid), 0, 0, 0, 0);
	exit = vm_expect(&vm, AXVCPU_EXIT_CPUID);
	expect_eq(exit.cpuid.regs[0], guest_has_avx() ? 0xd : 7);
	expect(exit.cpuid.regs[1] && exit.cpuid.regs[2] && exit.cpuid.regs[3]);
}

#define MSR_UNKNOWN	0xc0010055u
#define MSR_PAT		0x277u
#define MSR_EFER	0xc0000080u
#define MSR_LSTAR	0xc0000082u

static void msrs_come_out(void)
{
	struct vm vm = vm_new();
	struct axvcpu_exit exit;

	vm_enter(&vm, guest(rdmsr), MSR_UNKNOWN, 0, 0, 0);
	exit = vm_expect(&vm, AXVCPU_EXIT_SYSREG_READ);
	expect_eq(exit.sysreg_read.addr, MSR_UNKNOWN);
	expect_eq(axvcpu_set_return(vm.vcpu, 0x123456789abcdef0), 0);
	expect_eq(vm_done(&vm), 0x123456789abcdef0);
	vm_enter(&vm, guest(wrmsr), MSR_UNKNOWN, 0xfedcba9876543210, 0, 0);
	exit = vm_expect(&vm, AXVCPU_EXIT_SYSREG_WRITE);
	expect_eq(exit.sysreg_write.addr, MSR_UNKNOWN);
	expect_eq(exit.sysreg_write.value, 0xfedcba9876543210);
	vm_done(&vm);
}

/* MSRs of the guest: accesses do not exit, and values persist. */
static void own_msrs_keep_their_value(void)
{
	struct vm vm = vm_new();

	vm_call(&vm, guest(wrmsr), MSR_LSTAR, 0xffff800012345678, 0, 0);
	expect_eq(vm_call(&vm, guest(rdmsr), MSR_LSTAR, 0, 0, 0), 0xffff800012345678);
	expect_eq(vm_call(&vm, guest(rdmsr), MSR_PAT, 0, 0, 0), 0x0007040600070406);
	vm_call(&vm, guest(wrmsr), MSR_PAT, 0x0007040600070401, 0, 0);
	expect_eq(vm_call(&vm, guest(rdmsr), MSR_PAT, 0, 0, 0), 0x0007040600070401);
	/* SCE, LME, LMA, NXE; SVME is hidden */
	expect_eq(vm_call(&vm, guest(rdmsr), MSR_EFER, 0, 0, 0), 0xd01);
	vm_call(&vm, guest(wrmsr), MSR_EFER, 0xd00, 0, 0);
	expect_eq(vm_call(&vm, guest(rdmsr), MSR_EFER, 0, 0, 0), 0xd00);
}

static void triple_fault_is_system_down(void)
{
	struct vm vm = vm_new();

	vm_enter(&vm, guest(triple), 0, 0, 0, 0);
	vm_expect(&vm, AXVCPU_EXIT_SYSTEM_DOWN);
	vm_expect(&vm, AXVCPU_EXIT_SYSTEM_DOWN);
}

static void fpu_registers_stay_the_guests(void)
{
	expect_own_registers(guest(fpu), 300000);
}

static void debug_registers_stay_the_guests(void)
{
	struct vm vm = vm_new();

	vm_call(&vm, guest(debug), 0x12340, 0x56780, 0, 0);
	expect_eq(vm_done(&vm), 0x12340);
	expect_eq(vm_done(&vm), 0x56780);
}

static void real_mode_starts(void)
{
	int space = open_space();
	struct vm vm = { .space = space };

	low_memory(space);
	vm.vcpu = open_vcpu(space, 0, AXVCPU_CREATE_BSP);
	expect_eq(setup(vm.vcpu, AXVCPU_MODE_REAL, guest(real), 0), 0);
	expect_eq(vm_done(&vm), 0x5a);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
	expect_eq(peek(space, VM_CODE + 0x8000) & 0xff, 0x5a);
}

/* The guest's own page table is in a hole: the instruction fetch exits. */
static void guest_table_in_a_hole_comes_out(void)
{
	struct vm vm = vm_new();
	struct axvcpu_regs regs;
	struct axvcpu_exit exit;

	expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
	regs.cr3 = ~0ull;
	expect_eq(-axvcpu_set_regs(vm.vcpu, &regs), EINVAL);
	regs.cr3 = VM_TEST;
	expect_eq(axvcpu_set_regs(vm.vcpu, &regs), 0);
	exit = vm_expect(&vm, AXVCPU_EXIT_NESTED_PAGE_FAULT);
	expect_eq(exit.nested_page_fault.gpa, VM_TEST);
	expect_eq(exit.nested_page_fault.result, AXAS_FAULT_HOLE);
}

#define EXIT_REASON_EPT_MISCONFIG	49	/* Intel SDM vol. 3D, appendix C */
#define CORRUPT				"/axas/axas_corrupt.ko"

/*
 * axas never writes a misconfigured entry: a test module does. The exit reports it with its
 * address; once the entry is repaired, the guest continues at the same instruction.
 */
static void ept_misconfiguration_comes_out(void)
{
	struct vm vm = vm_new();
	struct axvcpu_exit exit;
	char command[128];
	int inherited;

	if (vm_is_svm())
		skip("this CPU has no EPT");
	if (access(CORRUPT, R_OK))
		skip("there is no " CORRUPT);
	map(vm.space, VM_TEST, 2 * PAGE, RW,
	    AXAS_MAP_POPULATE | AXAS_MAP_HUGE_NEVER);
	poke(vm.space, VM_TEST + PAGE + 8, 0x5eed);
	inherited = dup(vm.space);
	snprintf(command, sizeof(command), "insmod " CORRUPT " fd=%d gpa=%#llx", inherited,
		 VM_TEST + PAGE);
	expect_eq(system(command), 0);
	close(inherited);
	vm_enter(&vm, guest(read), VM_TEST + PAGE + 8, 0, 0, 0);
	exit = vm_expect(&vm, AXVCPU_EXIT_FAIL_ENTRY);
	expect_eq(exit.fail_entry.reason, EXIT_REASON_EPT_MISCONFIG);
	expect_eq(exit.fail_entry.info, VM_TEST + PAGE + 8);
	expect_eq(system("rmmod axas_corrupt"), 0);
	expect_eq(vm_done(&vm), 0x5eed);
	/* The neighbouring entry is unaffected. */
	expect_eq(vm_call(&vm, guest(read), VM_TEST, 0, 0, 0), 0);
}

static const struct test tests[] = {
	{ "port_writes_come_out", port_writes_come_out },
	{ "port_reads_are_answered", port_reads_are_answered },
	{ "cpuid_is_handled_inside", cpuid_is_handled_inside },
	{ "cpuid_comes_out_when_asked_for", cpuid_comes_out_when_asked_for },
	{ "msrs_come_out", msrs_come_out },
	{ "own_msrs_keep_their_value", own_msrs_keep_their_value },
	{ "triple_fault_is_system_down", triple_fault_is_system_down },
	{ "fpu_registers_stay_the_guests", fpu_registers_stay_the_guests },
	{ "debug_registers_stay_the_guests", debug_registers_stay_the_guests },
	{ "real_mode_starts", real_mode_starts },
	{ "guest_table_in_a_hole_comes_out", guest_table_in_a_hole_comes_out },
	{ "ept_misconfiguration_comes_out", ept_misconfiguration_comes_out },
};

const struct suite suite_exits = { .tests = tests, .nr = ARRAY_SIZE(tests) };
