// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits of RISC-V: SBI calls, MMIO, CSRs, guest exceptions, two-stage paging.
 */
#include "vm.h"

#include <stdlib.h>

#define CSR_INSTRET	0xc02
#define CSR_STIMECMP	0x14d
#define DEVICE		(VM_TEST + 0x1000)	/* nothing is mapped there */

static void guest_starts_as_sbi_says(void)
{
	struct vm vm = vm_new();
	struct vm other = vm_on(vm.space, 5);
	struct axvcpu_regs regs;

	expect_eq(axvcpu_get_regs(other.vcpu, &regs), 0);
	expect_eq(regs.riscv.x[10], 5);
	expect_eq(regs.riscv.x[2], VM_STACK);
	expect_eq(regs.riscv.satp, 0);
	expect_eq(regs.riscv.supervisor, 1);
	expect_eq(regs.riscv.pc, guest(halt));
}

static void harts_start_and_stop(void)
{
	struct vm vm = vm_new();

	vm_enter(&vm, guest(sbi), SBI_HSM, 0, 3, 0x8000);
	expect_cpu_up(&vm, 3, 0x8000, 0x33);
	expect_eq(axvcpu_set_return(vm.vcpu, -6), 0);
	expect_eq(vm_done(&vm), -6);
	vm_enter(&vm, guest(sbi), SBI_HSM, 1, 0, 0);
	vm_expect(&vm, AXVCPU_EXIT_CPU_DOWN);
}

static void interrupts_are_sent(void)
{
	struct vm vm = vm_new();
	struct axvcpu_exit exit;

	vm_enter(&vm, guest(sbi), SBI_IPI, 0, 0xa, 64);
	exit = vm_expect(&vm, AXVCPU_EXIT_SEND_IPI);
	expect_eq(exit.send_ipi.target, 0xa);
	expect_eq(exit.send_ipi.target_aux, 64);
	expect_eq(exit.send_ipi.to_all, 0);
	expect_eq(exit.send_ipi.vector, AXVCPU_RISCV_VECTOR_SOFT);
	vm_enter(&vm, guest(sbi), SBI_IPI, 0, 0, -1);
	expect_eq(vm_expect(&vm, AXVCPU_EXIT_SEND_IPI).send_ipi.to_all, 1);
}

static void shutdown_is_system_down(void)
{
	static const u64 extensions[] = { SBI_SRST, SBI_SHUTDOWN };

	for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
		struct vm vm = vm_new();

		vm_enter(&vm, guest(sbi), extensions[i], 0, 0, 0);
		vm_expect(&vm, AXVCPU_EXIT_SYSTEM_DOWN);
		vm_expect(&vm, AXVCPU_EXIT_SYSTEM_DOWN);
	}
}

struct load {
	u64 offset;
	u32 width;
	u32 sign;
	u64 result;
};

#define VALUE	0x8877665584838281ull

static void expect_loads(struct vm *vm, const struct load *loads, size_t nr, u64 skip_last)
{
	for (size_t i = 0; i < nr; i++) {
		struct axvcpu_exit exit = expect_mmio_read(vm, DEVICE + loads[i].offset,
							   loads[i].width);

		expect_eq(exit.mmio_read.sign_extend, loads[i].sign);
		expect_eq(exit.mmio_read.reg_width, 8);
		expect_eq(axvcpu_set_return(vm->vcpu, VALUE), 0);
		if (i + 1 < nr || !skip_last)
			expect_eq(vm_done(vm), loads[i].result);
	}
}

static void loads_from_holes_are_mmio(void)
{
	static const struct load loads[] = {
		{ 0, 1, 1, 0xffffffffffffff81 }, { 1, 1, 0, 0x81 },
		{ 2, 2, 1, 0xffffffffffff8281 }, { 4, 2, 0, 0x8281 },
		{ 8, 4, 1, 0xffffffff84838281 }, { 12, 4, 0, 0x84838281 },
		{ 16, 8, 1, VALUE }, { 24, 8, 1, 0 },
	};
	struct vm vm = vm_new();

	vm_enter(&vm, guest(mmio_loads), DEVICE, 0, 0, 0);
	expect_loads(&vm, loads, ARRAY_SIZE(loads), 0);
}

static void stores_to_holes_are_mmio(void)
{
	struct vm vm = vm_new();

	vm_enter(&vm, guest(mmio_stores), DEVICE, VALUE, 0, 0);
	expect_mmio_write(&vm, DEVICE, 1, 0x81);
	expect_mmio_write(&vm, DEVICE + 2, 2, 0x8281);
	expect_mmio_write(&vm, DEVICE + 4, 4, 0x84838281);
	expect_mmio_write(&vm, DEVICE + 8, 8, VALUE);
	expect_mmio_write(&vm, DEVICE + 16, 8, 0);
	vm_done(&vm);
}

static void compressed_ones_are_mmio(void)
{
	static const struct load loads[] = {
		{ 4, 4, 1, 0xffffffff84838281 }, { 8, 8, 1, VALUE },
		{ 12, 4, 1, 0xffffffff84838281 }, { 16, 8, 1, VALUE },
	};
	struct vm vm = vm_new();

	vm_enter(&vm, guest(mmio_compressed), DEVICE, VALUE, 0, 0);
	expect_loads(&vm, loads, ARRAY_SIZE(loads), 1);
	expect_mmio_write(&vm, DEVICE + 4, 4, 0x84838281);
	expect_mmio_write(&vm, DEVICE + 8, 8, VALUE);
	expect_mmio_write(&vm, DEVICE + 12, 4, 0x84838281);
	expect_mmio_write(&vm, DEVICE + 16, 8, VALUE);
	expect_eq(vm_done(&vm), VALUE);
}

static void what_is_not_decoded_is_a_fault(void)
{
	struct vm vm = vm_new();
	struct axvcpu_exit exit;

	vm_enter(&vm, guest(amo), DEVICE, 5, 0, 0);
	exit = vm_expect(&vm, AXVCPU_EXIT_NESTED_PAGE_FAULT);
	expect_eq(exit.nested_page_fault.gpa, DEVICE);
	expect_eq(exit.nested_page_fault.access, AXAS_PROT_WRITE);
	expect_eq(exit.nested_page_fault.result, AXAS_FAULT_HOLE);
	map(vm.space, DEVICE, PAGE, RW, 0);
	expect_eq(vm_done(&vm), 0);
	expect_eq(peek(vm.space, DEVICE), 5);
}

static void csrs_come_out(void)
{
	struct vm vm = vm_new();
	struct axvcpu_exit exit;

	vm_enter(&vm, guest(csr_read), 0, 0, 0, 0);
	exit = vm_expect(&vm, AXVCPU_EXIT_SYSREG_READ);
	expect_eq(exit.sysreg_read.addr, CSR_INSTRET);
	expect_eq(exit.sysreg_read.reg, 10);
	expect_eq(axvcpu_set_return(vm.vcpu, 0x123456789abcdef0), 0);
	expect_eq(vm_done(&vm), 0x123456789abcdef0);
}

static void expect_csr_write(struct vm *vm, u64 val)
{
	struct axvcpu_exit exit = vm_expect(vm, AXVCPU_EXIT_SYSREG_WRITE);

	expect_eq(exit.sysreg_write.addr, CSR_STIMECMP);
	expect_eq(exit.sysreg_write.value, val);
}

/* A CSR read-modify-write is two exits; the second has the value derived from the first. */
static void csrs_are_read_and_written(void)
{
	struct vm vm = vm_new();

	vm_enter(&vm, guest(csr_write), 0x11, 0x22, 0x44, 0);
	expect_csr_write(&vm, 0x11);
	expect_eq(vm_expect(&vm, AXVCPU_EXIT_SYSREG_READ).sysreg_read.addr, CSR_STIMECMP);
	expect_eq(axvcpu_set_return(vm.vcpu, 0x99), 0);
	expect_csr_write(&vm, 0x22);
	expect_eq(vm_done(&vm), 0x99);
	vm_expect(&vm, AXVCPU_EXIT_SYSREG_READ);
	expect_eq(axvcpu_set_return(vm.vcpu, 0x801), 0);
	expect_csr_write(&vm, 0x845);
	expect_eq(vm_done(&vm), 0x801);
}

static void time_goes_on_inside(void)
{
	struct vm vm = vm_new();
	u64 first = vm_call(&vm, guest(time), 0, 0, 0, 0);

	expect(vm_call(&vm, guest(time), 0, 0, 0, 0) > first);
	expect_eq(vcpu_state(vm.vcpu).exits[AXVCPU_EXIT_SYSREG_READ], 0);
}

static void fpu_registers_stay_the_guests(void)
{
	struct vm a = vm_new(), b = vm_new();
	double mine = atof("1.5");

	for (u64 i = 0; i < 20; i++) {
		expect_eq(vm_call(&a, guest(fpu), 0x1111222233334444, 30000, 0, 0), 30000);
		mine *= 1.5;
		expect_eq(vm_call(&b, guest(fpu), 0x5555666677778888, 30000, 0, 0), 30000);
	}
	expect(mine > 4987.8 && mine < 4987.9);
}

static u64 word(const char *reg)
{
	u64 val = 0;

	if (!strcmp(reg, "f8"))
		asm volatile("fmv.x.d %0, f8" : "=r" (val));
	return val;
}

/* The VMM's FPU registers survive a run; its C code does not use them meanwhile. */
static void fpu_registers_stay_the_hosts(void)
{
	struct vm vm = vm_new();
	struct axvcpu_exit exit;

	vm_enter(&vm, guest(fpu), 0x1111222233334444, 300000, 0, 0);
	asm volatile("fmv.d.x f8, %0\n\tfmv.d.x f27, %0" : : "r" (VALUE) : "f8", "f27");
	expect_eq(vcpu_run(vm.vcpu, &exit), 0);
	expect_eq(word("f8"), VALUE);
	expect_eq(exit.hypercall.args[0], 300000);
}

static void registers_stay_the_guests(void)
{
	expect_own_registers(guest(registers), 300000);
}

static void forbidden_instructions_are_illegal(void)
{
	struct vm vm = vm_new();
	struct axvcpu_regs regs;

	expect_eq(vm_call(&vm, guest(forbidden), 0, 0, 0, 0), 2);
	expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
	expect_eq(regs.riscv.x[7], 0x60002373);		/* csrr t1, hstatus */
	expect(regs.riscv.x[28] & 0x100);		/* from the supervisor */
}

/* As in guests.S. */
enum {
	USER_WFI, USER_CSRR, USER_CSRW, USER_HSTATUS, USER_SRET, USER_SFENCE, USER_INSTRET,
	USER_TIME, USER_NOP
};

#define CAUSE_ILLEGAL	2
#define CAUSE_ECALL	8
#define COUNTEREN_TIME	2
#define COUNTEREN_INSTRET 4

/* The exception goes to the guest's supervisor and does not exit to the VMM. */
static void expect_user(u64 nr, u64 scounteren, u64 cause)
{
	struct vm vm = vm_new();
	u64 code = guest(user_code) + 8 * nr, insn = peek(vm.space, code) & 0xffffffff;
	struct axvcpu_regs regs;

	expect_eq(vm_call(&vm, guest(user), nr, scounteren, 0, 0), cause);
	expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
	expect_eq(regs.riscv.x[6], cause == CAUSE_ECALL ? 4 : 0);
	expect_eq(regs.riscv.x[28] & 0x100, 0);		/* from its user mode */
	/* Hardware may set stval to 0 instead of the instruction. */
	if (cause == CAUSE_ILLEGAL && regs.riscv.x[7])
		expect_eq(regs.riscv.x[7], insn);
	vm_free(&vm);
}

/* G2: forbidden instructions in VU-mode trap to the guest's kernel, not to the VMM. */
static void user_mode_is_the_guests_affair(void)
{
	expect_user(USER_NOP, 0, CAUSE_ECALL);
	expect_user(USER_WFI, 0, CAUSE_ILLEGAL);
	expect_user(USER_CSRR, -1u, CAUSE_ILLEGAL);
	expect_user(USER_CSRW, -1u, CAUSE_ILLEGAL);
	expect_user(USER_HSTATUS, -1u, CAUSE_ILLEGAL);
	expect_user(USER_SRET, 0, CAUSE_ILLEGAL);
	expect_user(USER_SFENCE, 0, CAUSE_ILLEGAL);
}

/*
 * S9 for RISC-V: a guest cannot access the host's debug triggers. Each access raises an
 * exception in the guest.
 */
static void debug_registers_are_not_the_guests(void)
{
	struct vm vm = vm_new();
	struct axvcpu_regs regs;

	for (u64 nr = 0; nr < 16; nr++) {
		expect_eq(vm_call(&vm, guest(debug), nr, 0, 0, 0), CAUSE_ILLEGAL);
		expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
		expect_eq(regs.riscv.x[6], 0);
	}
}

/* G2: the guest's scounteren controls counters in VU-mode. */
static void counters_of_user_mode_are_as_scounteren_says(void)
{
	struct vm vm = vm_new();
	struct axvcpu_exit exit;
	struct axvcpu_regs regs;

	expect_user(USER_TIME, 0, CAUSE_ILLEGAL);
	expect_user(USER_TIME, COUNTEREN_TIME, CAUSE_ECALL);
	expect_user(USER_INSTRET, COUNTEREN_TIME, CAUSE_ILLEGAL);
	vm_enter(&vm, guest(user), USER_INSTRET, COUNTEREN_INSTRET, 0, 0);
	exit = vm_expect(&vm, AXVCPU_EXIT_SYSREG_READ);
	expect_eq(exit.sysreg_read.addr, CSR_INSTRET);
	expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
	expect_eq(regs.riscv.supervisor, 0);
	expect_eq(axvcpu_set_return(vm.vcpu, VALUE), 0);
	expect_eq(vm_done(&vm), CAUSE_ECALL);
	expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
	expect_eq(regs.riscv.x[12], VALUE);
}

static void two_stages_of_paging(void)
{
	struct vm vm = vm_new();

	map(vm.space, VM_TEST, MIB, RW, 0);
	poke(vm.space, VM_TEST + 0x1238, VALUE);
	expect_eq(vm_call(&vm, guest(mmu), VM_TABLES, VM_TEST + 0x1238, 0, 0), VALUE);
}

/* The guest's page table is in an absent page: the CPU's implicit access faults it in. */
static void page_table_is_paged_in(void)
{
	struct vm vm = vm_new();

	map(vm.space, VM_TEST, MIB, RW, 0);
	map(vm.space, 2 * GIB, PAGE, RW, 0);
	poke(vm.space, VM_TEST + 8, VALUE);
	expect_eq(vm_call(&vm, guest(mmu), 2 * GIB, VM_TEST + 8, 0, 0), VALUE);
}

/*
 * S7: no vCPU uses another one's translations of either stage, whichever VMID it has on a CPU.
 * Also run with fewer VMIDs than vCPUs.
 */
static void vcpus_take_turns_on_cpus(void)
{
	struct vm vms[5];

	for (u64 i = 0; i < ARRAY_SIZE(vms); i++) {
		vms[i] = vm_new();
		map(vms[i].space, VM_TEST, MIB, RW, 0);
		poke(vms[i].space, VM_TEST + 0x1238, VALUE + i);
	}
	for (u64 round = 0; round < 8; round++) {
		for (u64 i = 0; i < ARRAY_SIZE(vms); i++) {
			pin_thread((round / 2 + i) & 1);
			expect_eq(vm_call(&vms[i], guest(mmu), VM_TABLES, VM_TEST + 0x1238, 0, 0),
				  VALUE + i);
		}
	}
	for (u64 i = 0; i < ARRAY_SIZE(vms); i++)
		vm_free(&vms[i]);
}

static void no_extension_no_vcpus(void)
{
	int space = open_space();
	int vcpu = axvcpu_open_vcpu(NULL, space, 0, 0);

	if (vcpu >= 0)
		skip("there is the extension");
	expect_eq(-vcpu, ENODEV);
	map(space, VM_TEST, MIB, RW, 0);
	poke(space, VM_TEST + 8, VALUE);
	expect_eq(peek(space, VM_TEST + 8), VALUE);
}

static const struct test tests[] = {
	{ "guest_starts_as_sbi_says", guest_starts_as_sbi_says },
	{ "harts_start_and_stop", harts_start_and_stop },
	{ "interrupts_are_sent", interrupts_are_sent },
	{ "shutdown_is_system_down", shutdown_is_system_down },
	{ "loads_from_holes_are_mmio", loads_from_holes_are_mmio },
	{ "stores_to_holes_are_mmio", stores_to_holes_are_mmio },
	{ "compressed_ones_are_mmio", compressed_ones_are_mmio },
	{ "what_is_not_decoded_is_a_fault", what_is_not_decoded_is_a_fault },
	{ "csrs_come_out", csrs_come_out },
	{ "csrs_are_read_and_written", csrs_are_read_and_written },
	{ "time_goes_on_inside", time_goes_on_inside },
	{ "fpu_registers_stay_the_guests", fpu_registers_stay_the_guests },
	{ "fpu_registers_stay_the_hosts", fpu_registers_stay_the_hosts },
	{ "registers_stay_the_guests", registers_stay_the_guests },
	{ "forbidden_instructions_are_illegal", forbidden_instructions_are_illegal },
	{ "user_mode_is_the_guests_affair", user_mode_is_the_guests_affair },
	{ "debug_registers_are_not_the_guests", debug_registers_are_not_the_guests },
	{ "counters_of_user_mode_are_as_scounteren_says",
	  counters_of_user_mode_are_as_scounteren_says },
	{ "two_stages_of_paging", two_stages_of_paging },
	{ "page_table_is_paged_in", page_table_is_paged_in },
	{ "vcpus_take_turns_on_cpus", vcpus_take_turns_on_cpus },
	{ "no_extension_no_vcpus", no_extension_no_vcpus },
};

const struct suite suite_exits = { .tests = tests, .nr = ARRAY_SIZE(tests) };
