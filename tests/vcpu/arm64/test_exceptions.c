// SPDX-License-Identifier: GPL-2.0-only
/*
 * Injected exceptions are entered as hardware enters them, and emulated instructions leave the
 * state that real ones leave (G7; G2 and G3 for arm64).
 */
#include "vm.h"

#include <sys/personality.h>

#define PSTATE_MODE	0x1full
#define EL0T		0x0ull
#define EL1T		0x4ull
#define EL1H		0x5ull
#define USER32		0x10ull
#define DAIF		0x3c0ull
#define BTYPE_J		(3ull << 10)
#define SSBS		BIT_ULL(12)
#define PAN		BIT_ULL(22)
#define UAO		BIT_ULL(23)
#define DIT		BIT_ULL(24)
#define TCO		BIT_ULL(25)
#define NZCV		(15ull << 28)

#define SPAN		BIT_ULL(23)
#define DSSBS		BIT_ULL(44)

#define EC(esr)		((esr) >> 26 & 0x3f)
#define EC_SVC32	0x11
#define EC_SVC64	0x15
#define EC_SYSREG	0x18

/* State that the guest's handler found. */
struct told {
	u64 pstate, esr, spsr, elr, vector;
};

static u64 reset_sctlr(const struct vm *vm)
{
	struct axvcpu_regs regs;

	expect_eq(axvcpu_get_regs(vm->vcpu, &regs), 0);
	return regs.arm64.sctlr;
}

static struct told told_by(struct vm *vm)
{
	struct axvcpu_exit exit = vm_expect(vm, AXVCPU_EXIT_HYPERCALL);
	struct axvcpu_regs regs;

	expect_eq(exit.hypercall.nr, CALL_DONE);
	expect_eq(axvcpu_get_regs(vm->vcpu, &regs), 0);
	return (struct told){
		.pstate = regs.arm64.pstate, .esr = exit.hypercall.args[0],
		.spsr = exit.hypercall.args[1], .elr = exit.hypercall.args[2],
		.vector = exit.hypercall.args[4],
	};
}

static void enter(struct vm *vm, u64 at, u64 sctlr, u64 pstate)
{
	vm_enter(vm, guest(become), at, sctlr, pstate, 0);
}

static struct told take(struct vm *vm, u64 at, u64 sctlr, u64 pstate)
{
	enter(vm, at, sctlr, pstate);
	return told_by(vm);
}

/* Compare an injected undefined exception (SVE, trapped to EL2) with hardware's own (UDF). */
static void compare(struct vm *vm, u64 sctlr, u64 pstate)
{
	struct told real = take(vm, guest(udf), sctlr, pstate);
	struct told ours = take(vm, guest(cntd), sctlr, pstate);

	expect_eq(real.elr, guest(udf));
	expect_eq(ours.elr, guest(cntd));
	/*
	 * Exceptions preserve NZCV and DIT, but QEMU clears them, also for cntd where its CPU has
	 * no SVE.
	 */
	if ((ours.pstate ^ real.pstate) & (NZCV | DIT))
		expect_eq(ours.pstate & (NZCV | DIT), ours.spsr & (NZCV | DIT));
	if ((ours.pstate ^ real.pstate) & ~(NZCV | DIT))
		fail("from PSTATE %#llx, SCTLR %#llx: PSTATE %#llx, hardware %#llx", pstate, sctlr,
		     ours.pstate, real.pstate);
	expect_eq(ours.spsr, real.spsr);
	expect_eq(ours.esr, real.esr);
	expect_eq(ours.vector, real.vector);
}

/* ERET ignores the bits that a CPU does not implement: all of them can be tried. */
static void injected_exceptions_enter_as_real_ones(void)
{
	static const u64 bits[] = { 0, BTYPE_J, SSBS, PAN, UAO, DIT, TCO, NZCV, DAIF,
				    SSBS | PAN | UAO | DIT | TCO | NZCV | DAIF };
	static const u64 modes[] = { EL0T, EL1T, EL1H };
	static const u64 sctlrs[] = { 0, SPAN, DSSBS, SPAN | DSSBS };
	struct vm vm = vm_new();
	u64 sctlr = reset_sctlr(&vm) & ~(SPAN | DSSBS);
	unsigned int n = 0;

	for (size_t s = 0; s < ARRAY_SIZE(sctlrs); s++)
		for (size_t m = 0; m < ARRAY_SIZE(modes); m++)
			for (size_t b = 0; b < ARRAY_SIZE(bits); b++, n++)
				compare(&vm, sctlr | sctlrs[s], modes[m] | bits[b]);
	note("%u states", n);
}

/* Hardware must set PAN itself, or the comparison above would prove nothing. */
static void exceptions_set_pan_unless_span(void)
{
	struct vm vm = vm_new();
	u64 sctlr = reset_sctlr(&vm);

	expect(take(&vm, guest(cntd), sctlr & ~SPAN, EL0T).pstate & PAN);
	expect(take(&vm, guest(cntd), sctlr & ~SPAN, EL1H).pstate & PAN);
	expect(!(take(&vm, guest(cntd), sctlr | SPAN, EL0T).pstate & PAN));
	expect(take(&vm, guest(cntd), sctlr | SPAN, EL1H | PAN).pstate & PAN);
}

static void hidden_registers_are_undefined(void)
{
	struct vm vm = vm_new();
	u64 sctlr = reset_sctlr(&vm);
	struct told told;

	for (u64 at = guest(hidden) + 12; at < guest(hidden_end); at += 4) {
		told = take(&vm, at, sctlr, EL1H);
		expect_eq(told.elr, at);
		/* With FEAT_IDST, missing ID registers report EC 0x18 instead of 0. */
		if (at != guest(hidden_id) || EC(told.esr) != EC_SYSREG)
			expect_eq(told.esr, 0x02000000);	/* EC 0, 32 bits */
		expect_eq(told.vector, 4);
	}
}

/* EL0 accesses to implementation defined registers are undefined and do not exit to the VMM. */
static void el0_is_undefined_where_el1_would_come_out(void)
{
	struct vm vm = vm_new();
	struct told told = take(&vm, guest(impdef), reset_sctlr(&vm), EL0T);

	expect_eq(told.elr, guest(impdef));
	expect_eq(EC(told.esr), 0);
	expect_eq(told.vector, 8);
	/* HVC and SMC are undefined at EL0. */
	told = take(&vm, guest(psci), reset_sctlr(&vm), EL0T);
	expect_eq(told.elr, guest(psci));
	expect_eq(EC(told.esr), 0);
	told = take(&vm, guest(smc) + 4, reset_sctlr(&vm), EL0T);
	expect_eq(told.elr, guest(smc) + 4);
	expect_eq(EC(told.esr), 0);
	/* SVC is taken to EL1. */
	told = take(&vm, guest(svc), reset_sctlr(&vm), EL0T);
	expect_eq(EC(told.esr), EC_SVC64);
}

/* An emulated instruction clears BTYPE, as any instruction but a branch (G3). */
static void emulated_instructions_clear_btype(void)
{
	struct vm vm = vm_new();
	struct axvcpu_regs regs;

	enter(&vm, guest(emulated), reset_sctlr(&vm), EL1H | BTYPE_J);
	vm_expect(&vm, AXVCPU_EXIT_SYSREG_READ);
	expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
	expect_eq(regs.arm64.pc, guest(emulated) + 4);
	expect_eq(regs.arm64.pstate & BTYPE_J, 0);
	vm_done(&vm);
}

static void need_aarch32(void)
{
	if (personality(PER_LINUX32) < 0)
		skip("the CPUs have no AArch32");
	personality(PER_LINUX);
}

/* ID registers hide AArch32 from the guest, but no trap keeps EL0 from using it. */
static void aarch32_traps_are_undefined(void)
{
	struct vm vm = vm_new();
	struct told told;

	need_aarch32();
	told = take(&vm, guest(a32_mrc), reset_sctlr(&vm), USER32);
	expect_eq(told.elr, guest(a32_mrc));
	expect_eq(told.esr, 0x02000000);
	expect_eq(told.spsr & PSTATE_MODE, USER32);
	expect_eq(told.vector, 12);
	expect_eq(told.pstate & PSTATE_MODE, EL1H);
	told = take(&vm, guest(a32_mrcne), reset_sctlr(&vm), USER32);
	expect_eq(EC(told.esr), EC_SVC32);
	expect_eq(told.elr, guest(a32_mrcne) + 12);
}

static const struct test tests[] = {
	{ "injected_exceptions_enter_as_real_ones", injected_exceptions_enter_as_real_ones },
	{ "exceptions_set_pan_unless_span", exceptions_set_pan_unless_span },
	{ "hidden_registers_are_undefined", hidden_registers_are_undefined },
	{ "el0_is_undefined_where_el1_would_come_out",
	  el0_is_undefined_where_el1_would_come_out },
	{ "emulated_instructions_clear_btype", emulated_instructions_clear_btype },
	{ "aarch32_traps_are_undefined", aarch32_traps_are_undefined },
};

const struct suite suite_exceptions = { .tests = tests, .nr = ARRAY_SIZE(tests) };
