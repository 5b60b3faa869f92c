// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CPU interface of a guest's GICv3: priorities, masks, levels, active interrupts, and what the
 * VMM takes back; registers that the VMM refuses; a reset.
 */
#include "vm.h"

/* Accesses of guest_gic. */
enum { IAR, EOIR, HPPIR, PMR, RPR, CTLR, DIR, ISR, IGRPEN, SGI1R };

#define SPURIOUS	1023
#define ISR_IRQ		0x80
#define EOIMODE		2
#define SGI_OTHERS	BIT_ULL(40)

static u64 gic(struct vm *vm, u64 what, u64 val)
{
	return vm_call(vm, guest(gic), what, val, 0, 0);
}

static struct vm vm_with_gic(void)
{
	struct vm vm = vm_new();

	gic(&vm, PMR, 0xf0);
	gic(&vm, IGRPEN, 1);
	return vm;
}

static void change(struct vm *vm, u32 how, u32 id, u32 priority)
{
	expect_eq(axvcpu_interrupt(vm->vcpu, how, id, priority), 0);
}

static void priorities_decide(void)
{
	struct vm vm = vm_with_gic();

	change(&vm, 0, 40, 0xa0);
	change(&vm, 0, 3, 0xa0);
	change(&vm, 0, 200, 0x80);
	expect_eq(gic(&vm, ISR, 0), ISR_IRQ);
	expect_eq(gic(&vm, HPPIR, 0), 200);
	expect_eq(gic(&vm, IAR, 0), 200);
	expect_eq(gic(&vm, RPR, 0), 0x80);
	/* None preempts it, until it has ended. */
	expect_eq(gic(&vm, IAR, 0), SPURIOUS);
	expect_eq(gic(&vm, ISR, 0), 0);
	gic(&vm, EOIR, 200);
	expect_eq(gic(&vm, IAR, 0), 3);
	change(&vm, 0, 27, 0x20);
	expect_eq(gic(&vm, IAR, 0), 27);
	expect_eq(gic(&vm, RPR, 0), 0x20);
	gic(&vm, EOIR, 27);
	expect_eq(gic(&vm, RPR, 0), 0xa0);
	gic(&vm, EOIR, 3);
	expect_eq(gic(&vm, IAR, 0), 40);
	gic(&vm, EOIR, 40);
	expect_eq(gic(&vm, IAR, 0), SPURIOUS);
	expect_eq(gic(&vm, RPR, 0), 0xff);
}

static void masks_hold_interrupts(void)
{
	struct vm vm = vm_new();

	change(&vm, 0, 40, 0xa0);
	expect_eq(gic(&vm, ISR, 0), 0);
	gic(&vm, IGRPEN, 1);
	expect_eq(gic(&vm, ISR, 0), 0);
	gic(&vm, PMR, 0xa0);
	expect_eq(gic(&vm, IAR, 0), SPURIOUS);
	expect_eq(gic(&vm, HPPIR, 0), SPURIOUS);
	gic(&vm, PMR, 0xa8);
	expect_eq(gic(&vm, ISR, 0), ISR_IRQ);
	gic(&vm, IGRPEN, 0);
	expect_eq(gic(&vm, ISR, 0), 0);
	expect_eq(gic(&vm, IAR, 0), SPURIOUS);
	gic(&vm, IGRPEN, 1);
	expect_eq(gic(&vm, IAR, 0), 40);
}

/* An edge while it is active comes again afterwards; a level as long as it is high. */
static void edges_and_levels(void)
{
	struct vm vm = vm_with_gic();

	change(&vm, 0, 40, 0);
	expect_eq(gic(&vm, IAR, 0), 40);
	change(&vm, 0, 40, 0);
	change(&vm, 0, 40, 0);
	expect_eq(gic(&vm, HPPIR, 0), SPURIOUS);
	gic(&vm, EOIR, 40);
	expect_eq(gic(&vm, IAR, 0), 40);
	gic(&vm, EOIR, 40);
	expect_eq(gic(&vm, IAR, 0), SPURIOUS);
	change(&vm, AXVCPU_INJECT_RAISE, 41, 0);
	for (int i = 0; i < 3; i++) {
		expect_eq(gic(&vm, IAR, 0), 41);
		gic(&vm, EOIR, 41);
	}
	expect_eq(gic(&vm, IAR, 0), 41);
	change(&vm, AXVCPU_INJECT_LOWER, 41, 0);
	gic(&vm, EOIR, 41);
	expect_eq(gic(&vm, IAR, 0), SPURIOUS);
}

static void a_split_end_deactivates_later(void)
{
	struct vm vm = vm_with_gic();

	gic(&vm, CTLR, EOIMODE);
	change(&vm, AXVCPU_INJECT_RAISE, 40, 0x40);
	expect_eq(gic(&vm, IAR, 0), 40);
	gic(&vm, EOIR, 40);
	expect_eq(gic(&vm, RPR, 0), 0xff);
	expect_eq(gic(&vm, IAR, 0), SPURIOUS);
	change(&vm, 0, 41, 0xf0 - 8);
	expect_eq(gic(&vm, IAR, 0), 41);
	gic(&vm, EOIR, 41);
	gic(&vm, DIR, 40);
	expect_eq(gic(&vm, IAR, 0), 40);
}

/* Nothing that a guest writes confuses it. */
static void wild_ends_end_nothing(void)
{
	static const u64 wild[] = { 256, 1020, 1023, 0xffffff, ~0ull };
	struct vm vm = vm_with_gic();

	for (size_t i = 0; i < ARRAY_SIZE(wild); i++) {
		gic(&vm, EOIR, wild[i]);
		gic(&vm, DIR, wild[i]);
	}
	gic(&vm, EOIR, 40);
	gic(&vm, CTLR, ~0ull);
	gic(&vm, PMR, ~0ull);
	change(&vm, 0, 255, 0xf0);
	expect_eq(gic(&vm, IAR, 0), 255);
	expect_eq(gic(&vm, RPR, 0), 0xf0);
}

static void what_is_not_acknowledged_comes_back(void)
{
	struct vm vm = vm_with_gic();

	change(&vm, 0, 40, 0);
	expect_eq(axvcpu_interrupt(vm.vcpu, AXVCPU_INJECT_LOWER, 40, 0), 1);
	expect_eq(gic(&vm, IAR, 0), SPURIOUS);
	change(&vm, 0, 40, 0);
	expect_eq(gic(&vm, IAR, 0), 40);
	expect_eq(axvcpu_interrupt(vm.vcpu, AXVCPU_INJECT_LOWER, 40, 0), 0);
	gic(&vm, EOIR, 40);
	expect_eq(gic(&vm, IAR, 0), SPURIOUS);
}

static void wrong_interrupts_are_refused(void)
{
	struct vm vm = vm_new();

	expect_eq(axvcpu_interrupt(vm.vcpu, 0, 256, 0), -EINVAL);
	expect_eq(axvcpu_interrupt(vm.vcpu, 0, 40, 256), -EINVAL);
	expect_eq(axvcpu_interrupt(vm.vcpu, AXVCPU_INJECT_LOWER, 40, 1), -EINVAL);
	expect_eq(axvcpu_interrupt(vm.vcpu, AXVCPU_INJECT_RAISE | AXVCPU_INJECT_LOWER, 40, 0),
		  -EINVAL);
	expect_eq(axvcpu_interrupt(vm.vcpu, AXVCPU_INJECT_NOW, 40, 0), -EOPNOTSUPP);
	expect_eq(axvcpu_reset(vm.vcpu), 0);
	expect_eq(axvcpu_interrupt(vm.vcpu, 0, 40, 0), -EBADFD);
}

static void an_sgi_is_an_exit(void)
{
	struct vm vm = vm_new();
	struct axvcpu_exit exit;

	vm_enter(&vm, guest(gic), SGI1R, 0x0003000200050009 | 7ull << 24, 0, 0);
	exit = vm_expect(&vm, AXVCPU_EXIT_SEND_IPI);
	expect_eq(exit.send_ipi.vector, 7);
	expect_eq(exit.send_ipi.target_aux, 9);
	expect_eq(exit.send_ipi.target, 3ull << 32 | 2 << 16 | 5 << 8);
	expect_eq(exit.send_ipi.to_all, 0);
	vm_done(&vm);
	vm_enter(&vm, guest(gic), SGI1R, SGI_OTHERS | 15ull << 24, 0, 0);
	exit = vm_expect(&vm, AXVCPU_EXIT_SEND_IPI);
	expect_eq(exit.send_ipi.vector, 15);
	expect_eq(exit.send_ipi.to_all, 1);
}

#define EL1H	5ull
#define NZCV	(15ull << 28)

/* As one that this CPU does not have: guest_udf tells how that is. */
static void a_refused_register_is_undefined(void)
{
	static const u64 pstates[] = { EL1H, EL1H | NZCV };
	struct vm vm = vm_new();
	struct axvcpu_regs was, is;
	struct axvcpu_exit exit;
	u64 sctlr;

	expect_eq(axvcpu_get_regs(vm.vcpu, &was), 0);
	sctlr = was.arm64.sctlr;
	for (size_t i = 0; i < ARRAY_SIZE(pstates); i++) {
		vm_enter(&vm, guest(become), guest(udf), sctlr, pstates[i], 0);
		vm_done(&vm);
		expect_eq(axvcpu_get_regs(vm.vcpu, &was), 0);
		vm_enter(&vm, guest(become), guest(sysreg_read), sctlr, pstates[i], 0);
		exit = vm_expect(&vm, AXVCPU_EXIT_SYSREG_READ);
		expect_eq(exit.rip, guest(sysreg_read) + 4);
		expect_eq(axvcpu_set_return_fault(vm.vcpu), 0);
		expect_eq(axvcpu_set_return_fault(vm.vcpu), -EINVAL);
		vm_done(&vm);
		expect_eq(axvcpu_get_regs(vm.vcpu, &is), 0);
		expect_eq(is.arm64.esr, was.arm64.esr);
		expect_eq(is.arm64.elr, guest(sysreg_read));
		expect_eq(is.arm64.spsr, was.arm64.spsr);
		expect_eq(is.arm64.x[5], was.arm64.x[5]);
		/* QEMU clears NZCV in an exception; Arm preserves it. */
		expect_eq(is.arm64.pstate & ~NZCV, was.arm64.pstate & ~NZCV);
	}
}

static void a_reset_drops_all(void)
{
	struct vm vm = vm_with_gic();
	struct axvcpu_regs regs;

	change(&vm, 0, 40, 0);
	change(&vm, AXVCPU_INJECT_RAISE, 41, 0);
	change(&vm, AXVCPU_INJECT_TIMER, 27, 0);
	expect_eq(gic(&vm, IAR, 0), 40);
	vm_call(&vm, guest(timer_set), 0, 0, 0, 0);
	expect_eq(axvcpu_reset(vm.vcpu), 0);
	expect_eq(vcpu_state(vm.vcpu).state, AXVCPU_STATE_CREATED);
	expect_eq(setup(vm.vcpu, ARCH_MODE, guest(halt), 0), 0);
	expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
	expect_eq(regs.arm64.x[20], 0);
	expect_eq(regs.arm64.vbar, 0);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
	gic(&vm, PMR, 0xf0);
	gic(&vm, IGRPEN, 1);
	expect_eq(gic(&vm, IAR, 0), SPURIOUS);
	expect_eq(gic(&vm, RPR, 0), 0xff);
	expect_eq(vm_call(&vm, guest(timer_ctl), 0, 0, 0, 0), 0);
}

static const struct test tests[] = {
	{ "priorities_decide", priorities_decide },
	{ "masks_hold_interrupts", masks_hold_interrupts },
	{ "edges_and_levels", edges_and_levels },
	{ "a_split_end_deactivates_later", a_split_end_deactivates_later },
	{ "wild_ends_end_nothing", wild_ends_end_nothing },
	{ "what_is_not_acknowledged_comes_back", what_is_not_acknowledged_comes_back },
	{ "wrong_interrupts_are_refused", wrong_interrupts_are_refused },
	{ "an_sgi_is_an_exit", an_sgi_is_an_exit },
	{ "a_refused_register_is_undefined", a_refused_register_is_undefined },
	{ "a_reset_drops_all", a_reset_drops_all },
};

const struct suite suite_gic = { .tests = tests, .nr = ARRAY_SIZE(tests) };
