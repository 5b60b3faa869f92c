// SPDX-License-Identifier: GPL-2.0-only
/*
 * AXVCPU_GET_REGS and SET_REGS: SET_REGS accepts every state that GET_REGS returned, and
 * refuses states that a CPU cannot enter (G7).
 */
#include "vm.h"

#include <sys/personality.h>

#define PSTATE_MODE	0x1full
#define EL0T		0x0ull
#define EL1H		0x5ull
#define USER32		0x10ull
#define TCO		BIT_ULL(25)
#define IL		BIT_ULL(20)

static struct axvcpu_regs get_regs(const struct vm *vm)
{
	struct axvcpu_regs regs;

	expect_eq(axvcpu_get_regs(vm->vcpu, &regs), 0);
	return regs;
}

static bool has_aarch32(void)
{
	if (personality(PER_LINUX32) < 0)
		return false;
	personality(PER_LINUX);
	return true;
}

static int set_pstate(const struct vm *vm, u64 pstate)
{
	struct axvcpu_regs regs = get_regs(vm);

	regs.arm64.pstate = pstate;
	return axvcpu_set_regs(vm->vcpu, &regs);
}

/*
 * Every mode of PSTATE, and each other bit alone in each mode: EL2 and EL3, AArch32 modes other
 * than user, software step and reserved bits are refused.
 */
static void what_no_cpu_would_enter_is_refused(void)
{
	static const u64 modes[] = { 0x0, 0x4, 0x5 };
	bool aarch32 = has_aarch32();
	struct vm vm = vm_new();
	unsigned int good = 0;

	expect_eq(get_regs(&vm).arm64.pstate, 0x3c5);
	for (u64 mode = 0; mode < 32; mode++) {
		bool ok = mode == 0 || mode == 4 || mode == 5 || (mode == USER32 && aarch32);

		good += ok;
		if (set_pstate(&vm, mode) != (ok ? 0 : -EINVAL))
			fail("mode %#llx is %s", mode, ok ? "refused" : "taken");
	}
	for (size_t m = 0; m < ARRAY_SIZE(modes); m++) {
		static const u64 named = 0xf3d03fc0ull;

		for (unsigned int bit = 5; bit < 64; bit++) {
			bool ok = named >> bit & 1;

			if (set_pstate(&vm, modes[m] | BIT_ULL(bit)) != (ok ? 0 : -EINVAL))
				fail("bit %u is %s", bit, ok ? "refused" : "taken");
		}
	}
	note("%u modes are good here", good);
}

static void registers_that_are_not_there_are_refused(void)
{
	struct vm vm = vm_new();

	expect_eq(axvcpu_set_gpr(vm.vcpu, 30, 7), 0);
	expect_eq(axvcpu_set_gpr(vm.vcpu, 31, 7), -EINVAL);
	expect_eq(get_regs(&vm).arm64.x[30], 7);
}

/* The registers read from @vm can be written back to it and to another vCPU. */
static void expect_round_trip(struct vm *vm)
{
	struct axvcpu_regs regs = get_regs(vm), again;
	struct vm other = vm_on(vm->space, 7);

	expect_eq(axvcpu_set_regs(vm->vcpu, &regs), 0);
	again = get_regs(vm);
	expect(!memcmp(&regs, &again, sizeof(regs)));
	expect_eq(axvcpu_set_regs(other.vcpu, &regs), 0);
	again = get_regs(&other);
	expect(!memcmp(&regs, &again, sizeof(regs)));
}

static void enter(struct vm *vm, u64 at, u64 pstate)
{
	vm_enter(vm, guest(become), at, get_regs(vm).arm64.sctlr, pstate, 0);
}

/* Stop a guest that spins at @at, and round-trip its registers. */
static void round_trip_of(u64 at, u64 pstate)
{
	struct vm vm = vm_new();
	struct runner r = { 0 };

	enter(&vm, at, pstate);
	runner_start(&r, &vm, -1);
	while (vcpu_state(vm.vcpu).entries < 3)
		sleep_ms(1);
	sleep_ms(20);
	runner_stop(&r);
	expect_eq(get_regs(&vm).arm64.pc, at);
	expect_eq(get_regs(&vm).arm64.pstate & PSTATE_MODE, pstate & PSTATE_MODE);
	expect_round_trip(&vm);
}

static void el0_goes_round(void)
{
	round_trip_of(guest(at_el0), EL0T);
}

static void aarch32_goes_round(void)
{
	if (!has_aarch32())
		skip("the CPUs have no AArch32");
	round_trip_of(guest(a32_spin), USER32);
}

/* Exceptions set TCO on CPUs with MTE; on others the bit stays 0, and may be written. */
static void tco_goes_round(void)
{
	struct vm vm = vm_new();

	enter(&vm, guest(cntd), EL1H);
	vm_expect(&vm, AXVCPU_EXIT_HYPERCALL);
	note("PSTATE in a handler: %#llx", get_regs(&vm).arm64.pstate);
	expect_round_trip(&vm);
	expect_eq(set_pstate(&vm, EL1H | TCO), 0);
}

/* Stage 1 that is on is carried over to a new vCPU, whose own is off. */
static void stage1_goes_round(void)
{
	struct vm vm = vm_new(), other;
	struct axvcpu_regs regs;
	u64 table = 2 * VM_TEST, data = VM_TEST + 0x7008;

	map(vm.space, VM_TEST, 16 * PAGE, AXAS_PROT_MASK, 0);
	map(vm.space, table, PAGE, AXAS_PROT_MASK, 0);
	poke(vm.space, data, 0x1234567890);
	expect_eq(vm_call(&vm, guest(mmu), table, data, 0, 0), 0x1234567890);
	expect_round_trip(&vm);
	/* The new vCPU continues: only stage 1 maps this address. */
	regs = get_regs(&vm);
	regs.arm64.pc = guest(read);
	regs.arm64.x[0] = data + BIT_ULL(32);
	other = vm_on(vm.space, 1);
	expect_eq(axvcpu_set_regs(other.vcpu, &regs), 0);
	expect_eq(vm_done(&other), 0x1234567890);
}

/* A misaligned PC and the illegal execution state raise exceptions in the guest. */
static void the_guests_own_mistakes_are_its_own(void)
{
	struct vm vm = vm_new();
	struct axvcpu_regs regs;

	enter(&vm, guest(udf), EL1H);
	vm_expect(&vm, AXVCPU_EXIT_HYPERCALL);
	regs = get_regs(&vm);
	regs.arm64.pc = guest(halt) + 2;
	expect_eq(axvcpu_set_regs(vm.vcpu, &regs), 0);
	expect_round_trip(&vm);
	expect_eq(vm_done(&vm) >> 26, 0x22);	/* PC alignment */
	regs.arm64.pc = guest(halt);
	regs.arm64.pstate |= IL;
	expect_eq(axvcpu_set_regs(vm.vcpu, &regs), 0);
	expect_eq(vm_done(&vm) >> 26, 0x0e);	/* illegal execution state */
}

static const struct test tests[] = {
	{ "what_no_cpu_would_enter_is_refused", what_no_cpu_would_enter_is_refused },
	{ "registers_that_are_not_there_are_refused", registers_that_are_not_there_are_refused },
	{ "el0_goes_round", el0_goes_round },
	{ "aarch32_goes_round", aarch32_goes_round },
	{ "tco_goes_round", tco_goes_round },
	{ "stage1_goes_round", stage1_goes_round },
	{ "the_guests_own_mistakes_are_its_own", the_guests_own_mistakes_are_its_own },
};

const struct suite suite_registers = { .tests = tests, .nr = ARRAY_SIZE(tests) };
