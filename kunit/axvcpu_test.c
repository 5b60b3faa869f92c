// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs over a mock backend: states, bind and run, exclusion between threads, the HAL, exits,
 * faults and flushes. tests/vcpu/ covers hardware.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "axas_compat.h"
#include "axvcpu_test.h"
#include "vcpu/axvcpu.h"

/**
 * struct mock - calls that the backend recorded, and results for it to return
 * @cpus: number of enabled CPUs
 * @vcpus: number of existing vCPUs
 * @machine_err: result of check_machine()
 * @machine_asked: number of calls of check_machine()
 * @create_err: result of create()
 * @setup_err: result of setup()
 * @bind_err: result of bind()
 * @entry: last argument of set_entry()
 * @root: argument of set_npt_root()
 * @gpr: arguments of set_gpr()
 * @ret: argument of set_return_value()
 * @binds: number of calls of bind()
 * @unbinds: number of calls of unbind()
 * @runs: number of calls of run()
 * @flushes: number of calls of flush()
 * @loaded: between load() and put()
 * @goes: disable the CPU while a vCPU is loaded, once
 * @kick: kick the vCPU in run()
 * @script: results of run(), in order; the last one repeats
 * @at: index of the next one in @script
 * @steps: number of entries in @script
 * @nested_err: result of an operation within the interrupt handler of run()
 * @fetched: number of calls of irq_fetch()
 * @handled: number of calls of irq_handler()
 * @current_in_irq: axvcpu_current() in irq_handler()
 * @state_in_irq: axvcpu_state() in irq_handler()
 * @moved: run() was called by a thread with a changed CPU mask
 * @lazy: set TIF_NEED_RESCHED_LAZY in run()
 * @loads: number of calls of load()
 */
static struct mock {
	atomic_t cpus;
	int vcpus;
	int machine_err;
	int machine_asked;
	int create_err;
	int setup_err;
	int bind_err;
	u64 entry;
	u64 root;
	u64 gpr[AXVCPU_NR_REGS];
	u64 ret;
	int binds;
	int unbinds;
	int runs;
	int flushes;
	bool loaded;
	bool goes;
	bool kick;
	struct step {
		int ran;
		struct axvcpu_exit exit;
	} script[8];
	unsigned int at, steps;
	int nested_err;
	int fetched;
	int handled;
	struct axvcpu *current_in_irq;
	u32 state_in_irq;
	bool moved;
	bool lazy;
	int loads;
} mock;

static struct axas_space *space;
static struct axvcpu *vcpu;

static int mock_cpu_supported(void)
{
	return 0;
}

static int mock_cpu_enable(void)
{
	atomic_inc(&mock.cpus);
	return 0;
}

static void mock_cpu_disable(void)
{
	atomic_dec(&mock.cpus);
}

/* No hardware walks these tables. */
static int mock_check_machine(const struct axas_space *space)
{
	mock.machine_asked++;
	return mock.machine_err;
}

static int mock_create(struct axvcpu *vcpu)
{
	if (!mock.create_err)
		mock.vcpus++;
	return mock.create_err;
}

static void mock_destroy(struct axvcpu *vcpu)
{
	mock.vcpus--;
}

static int mock_set_entry(struct axvcpu *vcpu, u64 entry)
{
	mock.entry = entry;
	return 0;
}

static int mock_set_npt_root(struct axvcpu *vcpu, struct axas_hpa root)
{
	mock.root = root.val;
	return 0;
}

static int mock_setup(struct axvcpu *vcpu, const struct axvcpu_setup *setup)
{
	return mock.setup_err;
}

static int mock_bind(struct axvcpu *vcpu)
{
	mock.binds++;
	return mock.bind_err;
}

static int mock_unbind(struct axvcpu *vcpu)
{
	mock.unbinds++;
	return 0;
}

static void mock_set_gpr(struct axvcpu *vcpu, u32 reg, u64 val)
{
	mock.gpr[reg] = val;
}

static void mock_set_return_value(struct axvcpu *vcpu, u64 val)
{
	mock.ret = val;
}

static void mock_get_regs(struct axvcpu *vcpu, struct axvcpu_regs *regs)
{
	regs->rip = mock.entry;
}

static int mock_set_regs(struct axvcpu *vcpu, const struct axvcpu_regs *regs)
{
	mock.entry = regs->rip;
	return 0;
}

static int mock_load(struct axvcpu *vcpu)
{
	mock.loaded = true;
	mock.loads++;
	if (mock.goes)
		axvcpu_machine_pretend(false);
	return 0;
}

static void mock_put(struct axvcpu *vcpu)
{
	mock.loaded = false;
	if (mock.goes)
		axvcpu_machine_pretend(true);
	mock.goes = false;
}

static void mock_flush(struct axvcpu *vcpu)
{
	mock.flushes++;
}

static int mock_run(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	const struct step *step = &mock.script[min(mock.at, mock.steps - 1)];

	mock.at++;
	mock.runs++;
	if (!mock.loaded || !irqs_disabled())
		return -EIO;
	if (mock.kick)
		set_bit(AXVCPU_REQ_LEAVE, &vcpu->requests);
	mock.moved |= vcpu->moved;
#ifdef TIF_NEED_RESCHED_LAZY
	if (mock.lazy)
		set_thread_flag(TIF_NEED_RESCHED_LAZY);
	mock.lazy = false;
#endif
	*exit = step->exit;
	return step->ran;
}

static const struct axvcpu_arch_ops mock_ops = {
	.name			= "mock",
	.format			= AXAS_FORMAT_EPT,
	.cpu_supported		= mock_cpu_supported,
	.cpu_enable		= mock_cpu_enable,
	.cpu_disable		= mock_cpu_disable,
	.check_machine		= mock_check_machine,
	.create			= mock_create,
	.destroy		= mock_destroy,
	.set_entry		= mock_set_entry,
	.set_npt_root		= mock_set_npt_root,
	.setup			= mock_setup,
	.bind			= mock_bind,
	.unbind			= mock_unbind,
	.set_gpr		= mock_set_gpr,
	.set_return_value	= mock_set_return_value,
	.get_regs		= mock_get_regs,
	.set_regs		= mock_set_regs,
	.load			= mock_load,
	.put			= mock_put,
	.flush			= mock_flush,
	.run			= mock_run,
};

static u64 mock_irq_fetch(void)
{
	mock.fetched++;
	return 0x42;
}

static void mock_irq_handler(void)
{
	mock.handled++;
	mock.current_in_irq = axvcpu_current();
	if (!vcpu)
		return;
	mock.state_in_irq = axvcpu_state(vcpu);
	mock.nested_err = axvcpu_set_gpr(vcpu, 0, 0);
}

static const struct axvcpu_hal mock_hal = {
	.mm		= &axas_hal_linux,
	.irq_fetch	= mock_irq_fetch,
	.irq_handler	= mock_irq_handler,
};

static const struct axvcpu_hal default_fetch_hal = {
	.mm		= &axas_hal_linux,
	.irq_handler	= mock_irq_handler,
};

static struct step *will(int ran, u32 reason)
{
	struct step *step = &mock.script[mock.steps++];

	step->ran = ran;
	step->exit.reason = reason;
	return step;
}

static const struct axvcpu_params any = { .preferred_cpu = AXVCPU_CPU_ANY };

static int init(struct kunit *test)
{
	struct axas_space_params params = { .format = AXAS_FORMAT_EPT };
	int err;

	memset(&mock, 0, sizeof(mock));
	err = axvcpu_machine_get(&mock_ops);
	if (err)
		return err;
	space = axas_space_create(&params);
	if (IS_ERR(space)) {
		axvcpu_machine_put();
		return PTR_ERR(space);
	}
	vcpu = axvcpu_create_on(space, &any, &mock_ops, &mock_hal);
	return PTR_ERR_OR_ZERO(vcpu);
}

static void exit_test(struct kunit *test)
{
	if (!IS_ERR_OR_NULL(vcpu))
		axvcpu_destroy_on(vcpu);
	vcpu = NULL;
	KUNIT_EXPECT_EQ(test, mock.vcpus, 0);
	axas_space_put(space);
	axvcpu_machine_put();
	KUNIT_EXPECT_EQ(test, atomic_read(&mock.cpus), 0);
}

static const struct axvcpu_setup long_setup = { .size = sizeof(long_setup), .entry = 0x1000 };

/* Bring the vCPU to state READY. */
static void make_ready(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, axvcpu_setup(vcpu, &long_setup), 0);
	KUNIT_ASSERT_EQ(test, axvcpu_bind(vcpu), 0);
}

static void a_new_vcpu_is_created(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, axvcpu_state(vcpu), (u32)AXVCPU_STATE_CREATED);
	KUNIT_EXPECT_EQ(test, mock.vcpus, 1);
	KUNIT_EXPECT_GE(test, atomic_read(&mock.cpus), 1);
}

static void creation_fails_with_the_backend(struct kunit *test)
{
	mock.create_err = -ENOSPC;
	KUNIT_EXPECT_EQ(test,
			PTR_ERR(axvcpu_create_on(space, &any, &mock_ops, &mock_hal)), -ENOSPC);
	KUNIT_EXPECT_EQ(test, mock.vcpus, 1);
}

static void creation_wants_the_hosts_format(struct kunit *test)
{
	struct axas_space_params params = { .format = AXAS_FORMAT_SVM };
	struct axas_space *other = axas_space_create(&params);

	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	KUNIT_EXPECT_EQ(test, PTR_ERR(axvcpu_create_on(other, &any, &mock_ops, &mock_hal)),
			-EMEDIUMTYPE);
	axas_space_put(other);
}

/* S1, S2: the format alone does not identify a machine. */
static void creation_wants_the_hosts_machine(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, mock.machine_asked, 1);
	mock.machine_err = -EMEDIUMTYPE;
	KUNIT_EXPECT_EQ(test, PTR_ERR(axvcpu_create_on(space, &any, &mock_ops, &mock_hal)),
			-EMEDIUMTYPE);
	KUNIT_EXPECT_EQ(test, mock.vcpus, 1);
}

static void root_is_not_given_to_another_machine(struct kunit *test)
{
	mock.machine_err = -EMEDIUMTYPE;
	KUNIT_EXPECT_EQ(test, axvcpu_setup(vcpu, &long_setup), -EMEDIUMTYPE);
	KUNIT_EXPECT_EQ(test, mock.root, 0ull);
	KUNIT_EXPECT_EQ(test, axvcpu_state(vcpu), (u32)AXVCPU_STATE_INVALID);
}

/* Without check_machine() the space is checked against this host: there is no way around it. */
static void machine_is_checked_for_every_backend(struct kunit *test)
{
	static const struct axas_machine more = {
		.caps = AXAS_CAP_EPT_XONLY | AXAS_CAP_EPT_AD, .leaf_levels = 7, .oa_bits = 52,
	};
	struct axas_space_params params = { .format = AXAS_FORMAT_EPT, .machine = &more,
					    .ia_bits = 57 };
	struct axas_space *other = axas_space_create(&params);
	struct axvcpu_arch_ops ops = mock_ops;

	ops.check_machine = NULL;
	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	if (!axas_space_check_machine(other)) {
		axas_space_put(other);
		kunit_skip(test, "this CPU is that machine");
	}
	KUNIT_EXPECT_EQ(test, PTR_ERR(axvcpu_create_on(other, &any, &ops, &mock_hal)),
			-EMEDIUMTYPE);
	axas_space_put(other);
}

static void setup_gives_entry_and_root(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, axvcpu_setup(vcpu, &long_setup), 0);
	KUNIT_EXPECT_EQ(test, axvcpu_state(vcpu), (u32)AXVCPU_STATE_FREE);
	KUNIT_EXPECT_EQ(test, mock.entry, 0x1000ull);
	KUNIT_EXPECT_EQ(test, mock.root, axas_space_root(space).val);
}

static void setup_that_fails_leaves_invalid(struct kunit *test)
{
	mock.setup_err = -EINVAL;
	KUNIT_EXPECT_EQ(test, axvcpu_setup(vcpu, &long_setup), -EINVAL);
	KUNIT_EXPECT_EQ(test, axvcpu_state(vcpu), (u32)AXVCPU_STATE_INVALID);
}

static void setup_with_unknown_flags_changes_nothing(struct kunit *test)
{
	struct axvcpu_setup setup = long_setup;

	setup.flags = 1u << 30;
	KUNIT_EXPECT_EQ(test, axvcpu_setup(vcpu, &setup), -EINVAL);
	KUNIT_EXPECT_EQ(test, axvcpu_state(vcpu), (u32)AXVCPU_STATE_CREATED);
}

static void setup_in_a_wrong_state_is_refused(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, axvcpu_setup(vcpu, &long_setup), 0);
	KUNIT_EXPECT_EQ(test, axvcpu_setup(vcpu, &long_setup), -EBADFD);
	KUNIT_EXPECT_EQ(test, axvcpu_state(vcpu), (u32)AXVCPU_STATE_INVALID);
	/* INVALID is final. */
	KUNIT_EXPECT_EQ(test, axvcpu_setup(vcpu, &long_setup), -EBADFD);
	KUNIT_EXPECT_EQ(test, axvcpu_bind(vcpu), -EBADFD);
}

/* All pairs of states: a step from the current state succeeds, any other leaves INVALID. */
static void every_transition(struct kunit *test)
{
	u32 is, from, to;

	for (is = AXVCPU_STATE_INVALID; is <= AXVCPU_STATE_BLOCKED; is++) {
		for (from = AXVCPU_STATE_CREATED; from <= AXVCPU_STATE_BLOCKED; from++) {
			for (to = AXVCPU_STATE_CREATED; to <= AXVCPU_STATE_BLOCKED; to++) {
				int err;

				atomic_set(&vcpu->state, is);
				err = axvcpu_transition(vcpu, from, to);
				KUNIT_EXPECT_EQ(test, err, is == from ? 0 : -EBADFD);
				KUNIT_EXPECT_EQ(test, axvcpu_state(vcpu),
						is == from ? to : AXVCPU_STATE_INVALID);
			}
		}
	}
}

static void bind_and_unbind(struct kunit *test)
{
	make_ready(test);
	KUNIT_EXPECT_EQ(test, axvcpu_state(vcpu), (u32)AXVCPU_STATE_READY);
	KUNIT_EXPECT_EQ(test, mock.binds, 1);
	KUNIT_EXPECT_EQ(test, axvcpu_unbind(vcpu), 0);
	KUNIT_EXPECT_EQ(test, axvcpu_state(vcpu), (u32)AXVCPU_STATE_FREE);
	KUNIT_EXPECT_EQ(test, mock.unbinds, 1);
	KUNIT_EXPECT_EQ(test, axvcpu_unbind(vcpu), -EBADFD);
	KUNIT_EXPECT_EQ(test, mock.unbinds, 1);
	KUNIT_EXPECT_EQ(test, axvcpu_state(vcpu), (u32)AXVCPU_STATE_INVALID);
}

static void bind_that_fails_leaves_invalid(struct kunit *test)
{
	mock.bind_err = -ENOMEM;
	KUNIT_ASSERT_EQ(test, axvcpu_setup(vcpu, &long_setup), 0);
	KUNIT_EXPECT_EQ(test, axvcpu_bind(vcpu), -ENOMEM);
	KUNIT_EXPECT_EQ(test, axvcpu_state(vcpu), (u32)AXVCPU_STATE_INVALID);
}

static void run_without_bind_is_refused(struct kunit *test)
{
	struct axvcpu_exit exit;

	will(AXVCPU_RAN_EXIT, AXVCPU_EXIT_HALT);
	KUNIT_ASSERT_EQ(test, axvcpu_setup(vcpu, &long_setup), 0);
	KUNIT_EXPECT_EQ(test, axvcpu_run(vcpu, &exit), -EBADFD);
	KUNIT_EXPECT_EQ(test, mock.runs, 0);
	KUNIT_EXPECT_EQ(test, axvcpu_state(vcpu), (u32)AXVCPU_STATE_INVALID);
}

static void run_brings_an_exit(struct kunit *test)
{
	struct axvcpu_exit exit;

	will(AXVCPU_RAN_AGAIN, 0);
	will(AXVCPU_RAN_EXIT, AXVCPU_EXIT_HALT);
	make_ready(test);
	KUNIT_EXPECT_EQ(test, axvcpu_run(vcpu, &exit), 0);
	KUNIT_EXPECT_EQ(test, exit.reason, (u32)AXVCPU_EXIT_HALT);
	KUNIT_EXPECT_EQ(test, mock.runs, 2);
	KUNIT_EXPECT_FALSE(test, mock.loaded);
	KUNIT_EXPECT_EQ(test, axvcpu_state(vcpu), (u32)AXVCPU_STATE_READY);
	KUNIT_EXPECT_EQ(test, vcpu->entries, 2ull);
	KUNIT_EXPECT_EQ(test, vcpu->exits[AXVCPU_EXIT_HALT], 1ull);
}

/* A run without separate bind() and unbind(): READY is never visible. */
static void run_unbound_is_one_step(struct kunit *test)
{
	will(AXVCPU_RAN_IRQ, 0);
	will(AXVCPU_RAN_EXIT, AXVCPU_EXIT_HALT);
	KUNIT_ASSERT_EQ(test, axvcpu_setup(vcpu, &long_setup), 0);
	KUNIT_ASSERT_EQ(test, axvcpu_begin(vcpu), 0);
	KUNIT_EXPECT_EQ(test, axvcpu_run_unbound(vcpu), 0);
	KUNIT_EXPECT_EQ(test, vcpu->exit->reason, (u32)AXVCPU_EXIT_HALT);
	KUNIT_EXPECT_EQ(test, axvcpu_begin(vcpu), -EBUSY);
	axvcpu_end(vcpu);
	KUNIT_EXPECT_EQ(test, mock.state_in_irq, (u32)AXVCPU_STATE_RUNNING);
	KUNIT_EXPECT_EQ(test, axvcpu_state(vcpu), (u32)AXVCPU_STATE_FREE);
	KUNIT_EXPECT_EQ(test, mock.binds, 1);
	KUNIT_EXPECT_EQ(test, mock.unbinds, 1);
}

static void run_unbound_of_a_wrong_state_is_refused(struct kunit *test)
{
	will(AXVCPU_RAN_EXIT, AXVCPU_EXIT_HALT);
	KUNIT_EXPECT_EQ(test, axvcpu_run_unbound(vcpu), -EBADFD);
	KUNIT_EXPECT_EQ(test, axvcpu_state(vcpu), (u32)AXVCPU_STATE_CREATED);
	make_ready(test);
	KUNIT_EXPECT_EQ(test, axvcpu_run_unbound(vcpu), -EBADFD);
	KUNIT_EXPECT_EQ(test, axvcpu_state(vcpu), (u32)AXVCPU_STATE_INVALID);
	KUNIT_EXPECT_EQ(test, mock.runs, 0);
}

static void run_unbound_that_fails_leaves_invalid(struct kunit *test)
{
	will(-EIO, 0);
	KUNIT_ASSERT_EQ(test, axvcpu_setup(vcpu, &long_setup), 0);
	KUNIT_EXPECT_EQ(test, axvcpu_run_unbound(vcpu), -EIO);
	KUNIT_EXPECT_EQ(test, axvcpu_state(vcpu), (u32)AXVCPU_STATE_INVALID);
	KUNIT_EXPECT_EQ(test, mock.unbinds, 0);
}

static void run_unbound_ends_where_bind_fails(struct kunit *test)
{
	mock.bind_err = -ENOMEM;
	KUNIT_ASSERT_EQ(test, axvcpu_setup(vcpu, &long_setup), 0);
	KUNIT_EXPECT_EQ(test, axvcpu_run_unbound(vcpu), -ENOMEM);
	KUNIT_EXPECT_EQ(test, axvcpu_state(vcpu), (u32)AXVCPU_STATE_INVALID);
	KUNIT_EXPECT_EQ(test, mock.runs, 0);
}

/* An exit can still be answered after a later run that returned none. */
static void the_last_exit_outlives_a_run_without_one(struct kunit *test)
{
	will(AXVCPU_RAN_EXIT, AXVCPU_EXIT_IO_READ)->exit.io_read.width = 2;
	KUNIT_ASSERT_EQ(test, axvcpu_setup(vcpu, &long_setup), 0);
	KUNIT_ASSERT_EQ(test, axvcpu_run_unbound(vcpu), 0);
	axvcpu_kick(vcpu);
	KUNIT_EXPECT_EQ(test, axvcpu_run_unbound(vcpu), -EINTR);
	KUNIT_EXPECT_EQ(test, vcpu->exit->reason, (u32)AXVCPU_EXIT_IO_READ);
	KUNIT_EXPECT_EQ(test, vcpu->exit->io_read.width, 2u);
	/* The next exit has its own struct, with no data of the previous one. */
	mock.script[0].exit.reason = AXVCPU_EXIT_HALT;
	mock.script[0].exit.io_read.width = 0;
	KUNIT_EXPECT_EQ(test, axvcpu_run_unbound(vcpu), 0);
	KUNIT_EXPECT_EQ(test, vcpu->exit->reason, (u32)AXVCPU_EXIT_HALT);
	KUNIT_EXPECT_EQ(test, vcpu->exit->io_read.width, 0u);
}

/* H1: a reboot disables the CPU of a loaded vCPU, which then does not enter. */
static void no_entry_on_a_cpu_that_was_disabled(struct kunit *test)
{
	struct axvcpu_exit exit;

	will(AXVCPU_RAN_EXIT, AXVCPU_EXIT_HALT);
	make_ready(test);
	mock.goes = true;
	KUNIT_EXPECT_EQ(test, axvcpu_run(vcpu, &exit), 0);
	KUNIT_EXPECT_FALSE(test, mock.goes);
	KUNIT_EXPECT_EQ(test, mock.runs, 1);
	KUNIT_EXPECT_EQ(test, vcpu->entries, 1ull);
}

/* G13: a kick before or during a run ends one run. */
static void kick_ends_a_run(struct kunit *test)
{
	struct axvcpu_exit exit;

	will(AXVCPU_RAN_EXIT, AXVCPU_EXIT_HALT);
	make_ready(test);
	axvcpu_kick(vcpu);
	axvcpu_kick(vcpu);
	KUNIT_EXPECT_EQ(test, axvcpu_run(vcpu, &exit), -EINTR);
	KUNIT_EXPECT_EQ(test, mock.runs, 0);
	KUNIT_EXPECT_EQ(test, axvcpu_state(vcpu), (u32)AXVCPU_STATE_READY);
	KUNIT_EXPECT_EQ(test, axvcpu_run(vcpu, &exit), 0);
	mock.kick = true;
	mock.script[0].ran = AXVCPU_RAN_AGAIN;
	KUNIT_EXPECT_EQ(test, axvcpu_run(vcpu, &exit), -EINTR);
	KUNIT_EXPECT_EQ(test, mock.runs, 2);
	KUNIT_EXPECT_FALSE(test, mock.loaded);
}

/* An injected interrupt or a flush interrupts the guest, but does not end the run. */
static void injection_does_not_end_a_run(struct kunit *test)
{
	struct axvcpu_exit exit;

	will(AXVCPU_RAN_EXIT, AXVCPU_EXIT_HALT);
	make_ready(test);
	KUNIT_EXPECT_EQ(test, axvcpu_inject_interrupt(vcpu, 40), 0);
	KUNIT_EXPECT_EQ(test, axvcpu_run(vcpu, &exit), 0);
}

static void unknown_register_flags_are_refused(struct kunit *test)
{
	struct axvcpu_regs regs = { .flags = AXVCPU_REGS_RETIRED, .rip = 0x77 };

	make_ready(test);
	KUNIT_EXPECT_EQ(test, axvcpu_set_regs(vcpu, &regs), -EINVAL);
	KUNIT_EXPECT_EQ(test, mock.entry, 0x1000ull);
	regs.flags = 0;
	KUNIT_EXPECT_EQ(test, axvcpu_set_regs(vcpu, &regs), 0);
	KUNIT_EXPECT_EQ(test, mock.entry, 0x77ull);
}

static void run_that_fails_leaves_invalid(struct kunit *test)
{
	struct axvcpu_exit exit;

	will(-EIO, 0);
	make_ready(test);
	KUNIT_EXPECT_EQ(test, axvcpu_run(vcpu, &exit), -EIO);
	KUNIT_EXPECT_FALSE(test, mock.loaded);
	KUNIT_EXPECT_EQ(test, axvcpu_state(vcpu), (u32)AXVCPU_STATE_INVALID);
}

static void hypercall_is_answered(struct kunit *test)
{
	struct step *step = will(AXVCPU_RAN_EXIT, AXVCPU_EXIT_HYPERCALL);
	struct axvcpu_exit exit;

	step->exit.hypercall.nr = 7;
	step->exit.hypercall.args[5] = 9;
	make_ready(test);
	KUNIT_ASSERT_EQ(test, axvcpu_run(vcpu, &exit), 0);
	KUNIT_EXPECT_EQ(test, exit.hypercall.nr, 7ull);
	KUNIT_EXPECT_EQ(test, exit.hypercall.args[5], 9ull);
	KUNIT_EXPECT_EQ(test, axvcpu_set_return_value(vcpu, 0x55), 0);
	KUNIT_EXPECT_EQ(test, mock.ret, 0x55ull);
	KUNIT_EXPECT_EQ(test, vcpu->exit->reason, (u32)AXVCPU_EXIT_HYPERCALL);
}

static void registers_want_a_setup(struct kunit *test)
{
	struct axvcpu_regs regs = {};

	KUNIT_EXPECT_EQ(test, axvcpu_set_gpr(vcpu, 3, 4), -EBADFD);
	KUNIT_EXPECT_EQ(test, axvcpu_set_entry(vcpu, 4), -EBADFD);
	KUNIT_EXPECT_EQ(test, axvcpu_get_regs(vcpu, &regs), -EBADFD);
	KUNIT_EXPECT_EQ(test, axvcpu_state(vcpu), (u32)AXVCPU_STATE_CREATED);
	KUNIT_ASSERT_EQ(test, axvcpu_setup(vcpu, &long_setup), 0);
	KUNIT_EXPECT_EQ(test, axvcpu_set_gpr(vcpu, 3, 4), 0);
	KUNIT_EXPECT_EQ(test, mock.gpr[3], 4ull);
	KUNIT_EXPECT_EQ(test, axvcpu_set_gpr(vcpu, AXVCPU_NR_REGS, 4), -EINVAL);
	KUNIT_EXPECT_EQ(test, axvcpu_set_entry(vcpu, 0x2000), 0);
	KUNIT_EXPECT_EQ(test, axvcpu_get_regs(vcpu, &regs), 0);
	KUNIT_EXPECT_EQ(test, regs.rip, 0x2000ull);
}

static void vectors_wait_highest_first(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, axvcpu_inject_interrupt(vcpu, 40), -EBADFD);
	KUNIT_ASSERT_EQ(test, axvcpu_setup(vcpu, &long_setup), 0);
	KUNIT_EXPECT_EQ(test, axvcpu_next_vector(vcpu), -ENOENT);
	KUNIT_EXPECT_EQ(test, axvcpu_inject_interrupt(vcpu, 31), -EINVAL);
	KUNIT_EXPECT_EQ(test, axvcpu_inject_interrupt(vcpu, 256), -EINVAL);
	KUNIT_EXPECT_EQ(test, axvcpu_inject_interrupt(vcpu, 40), 0);
	KUNIT_EXPECT_EQ(test, axvcpu_inject_interrupt(vcpu, 255), 0);
	KUNIT_EXPECT_EQ(test, axvcpu_inject_interrupt(vcpu, 40), 0);
	KUNIT_EXPECT_EQ(test, axvcpu_next_vector(vcpu), 255);
	axvcpu_vector_done(vcpu, 255, false);
	KUNIT_EXPECT_EQ(test, axvcpu_next_vector(vcpu), 40);
	axvcpu_vector_done(vcpu, 40, false);
	KUNIT_EXPECT_EQ(test, axvcpu_next_vector(vcpu), -ENOENT);
	axvcpu_vector_done(vcpu, 40, true);
	KUNIT_EXPECT_EQ(test, axvcpu_next_vector(vcpu), 40);
}

static void bsp_and_id_are_kept(struct kunit *test)
{
	struct axvcpu_params params = { .id = 5, .bsp = true, .preferred_cpu = 0, .cpu_set = 1 };
	struct axvcpu *bsp = axvcpu_create_on(space, &params, &mock_ops, &mock_hal);

	KUNIT_ASSERT_FALSE(test, IS_ERR(bsp));
	KUNIT_EXPECT_TRUE(test, axvcpu_is_bsp(bsp));
	KUNIT_EXPECT_FALSE(test, axvcpu_is_bsp(vcpu));
	KUNIT_EXPECT_EQ(test, axvcpu_id(bsp), 5u);
	KUNIT_EXPECT_EQ(test, axvcpu_preferred_cpu(bsp), 0u);
	KUNIT_EXPECT_EQ(test, axvcpu_cpu_set(bsp), 1ull);
	axvcpu_destroy_on(bsp);
}

static void affinity_is_checked(struct kunit *test)
{
	struct axvcpu_params params = { .preferred_cpu = AXVCPU_CPU_ANY, .cpu_set = 1ull << 63 };

	/* Every machine has a CPU 0, and few have a CPU 63. */
	if (num_possible_cpus() < 64)
		KUNIT_EXPECT_EQ(test, PTR_ERR(axvcpu_create_on(space, &params, &mock_ops,
							       &mock_hal)), -EINVAL);
	KUNIT_EXPECT_EQ(test, axvcpu_set_affinity(vcpu, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, axvcpu_preferred_cpu(vcpu), 0u);
	KUNIT_EXPECT_EQ(test, axvcpu_set_affinity(vcpu, 0, 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, axvcpu_set_affinity(vcpu, nr_cpu_ids, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, axvcpu_cpu_set(vcpu), 1ull);
}

static void affinity_moves_the_thread_for_the_run(struct kunit *test)
{
	struct axvcpu_exit exit;
	unsigned int cpus = cpumask_weight(current->cpus_ptr);

	will(AXVCPU_RAN_EXIT, AXVCPU_EXIT_HALT);
	KUNIT_ASSERT_EQ(test, axvcpu_set_affinity(vcpu, 0, 1), 0);
	make_ready(test);
	KUNIT_EXPECT_EQ(test, axvcpu_run(vcpu, &exit), 0);
	KUNIT_EXPECT_EQ(test, vcpu->cpu, 0);
	KUNIT_EXPECT_EQ(test, cpumask_weight(current->cpus_ptr), cpus);
}

/* A run of a thread in place neither changes its mask nor uses the stopper. */
static void a_thread_that_is_in_place_is_not_moved(struct kunit *test)
{
	u64 everywhere = 0;
	struct axvcpu_exit exit;
	unsigned int cpu;

	if (nr_cpu_ids > 64)
		kunit_skip(test, "a set is of 64 CPUs");
	for_each_possible_cpu(cpu)
		everywhere |= 1ull << cpu;
	will(AXVCPU_RAN_EXIT, AXVCPU_EXIT_HALT);
	KUNIT_ASSERT_EQ(test, axvcpu_set_affinity(vcpu, AXVCPU_CPU_ANY, everywhere), 0);
	make_ready(test);
	KUNIT_EXPECT_EQ(test, axvcpu_run(vcpu, &exit), 0);
	KUNIT_EXPECT_FALSE(test, mock.moved);
}

/* Otherwise it would retry the entry until the next tick. */
static void a_thread_that_is_wanted_at_leisure_gives_way(struct kunit *test)
{
	struct axvcpu_exit exit;

	if (!AXAS_TIF_RESCHED_LAZY || IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "this kernel has no such flag");
	will(AXVCPU_RAN_AGAIN, 0);
	will(AXVCPU_RAN_EXIT, AXVCPU_EXIT_HALT);
	make_ready(test);
	mock.lazy = true;
	KUNIT_EXPECT_EQ(test, axvcpu_run(vcpu, &exit), 0);
	KUNIT_EXPECT_EQ(test, mock.runs, 2);
	KUNIT_EXPECT_LE(test, mock.loads, 4);
}

static void no_operation_inside_another(struct kunit *test)
{
	struct axvcpu_exit exit;

	will(AXVCPU_RAN_IRQ, 0);
	will(AXVCPU_RAN_EXIT, AXVCPU_EXIT_HALT);
	make_ready(test);
	KUNIT_EXPECT_NULL(test, axvcpu_current());
	KUNIT_EXPECT_EQ(test, axvcpu_run(vcpu, &exit), 0);
	KUNIT_EXPECT_EQ(test, mock.nested_err, -EDEADLK);
	KUNIT_EXPECT_PTR_EQ(test, mock.current_in_irq, vcpu);
	KUNIT_EXPECT_NULL(test, axvcpu_current());
	KUNIT_EXPECT_EQ(test, axvcpu_state(vcpu), (u32)AXVCPU_STATE_READY);
}

static void host_interrupts_go_to_the_hal(struct kunit *test)
{
	struct axvcpu_exit exit;

	will(AXVCPU_RAN_IRQ, 0);
	will(AXVCPU_RAN_IRQ, 0);
	will(AXVCPU_RAN_EXIT, AXVCPU_EXIT_HALT);
	make_ready(test);
	KUNIT_EXPECT_EQ(test, axvcpu_run(vcpu, &exit), 0);
	KUNIT_EXPECT_EQ(test, exit.reason, (u32)AXVCPU_EXIT_HALT);
	/* irq_fetch() is called only with AXVCPU_SETUP_EXIT_IRQ. */
	KUNIT_EXPECT_EQ(test, mock.fetched, 0);
	KUNIT_EXPECT_EQ(test, mock.handled, 2);
	KUNIT_EXPECT_EQ(test, vcpu->exits[AXVCPU_EXIT_EXTERNAL_INTERRUPT], 2ull);
}

static void host_interrupts_come_out_when_asked_for(struct kunit *test)
{
	struct axvcpu_setup setup = long_setup;
	struct axvcpu_exit exit;

	setup.flags = AXVCPU_SETUP_EXIT_IRQ;
	will(AXVCPU_RAN_IRQ, 0);
	KUNIT_ASSERT_EQ(test, axvcpu_setup(vcpu, &setup), 0);
	KUNIT_ASSERT_EQ(test, axvcpu_bind(vcpu), 0);
	KUNIT_EXPECT_EQ(test, axvcpu_run(vcpu, &exit), 0);
	KUNIT_EXPECT_EQ(test, exit.reason, (u32)AXVCPU_EXIT_EXTERNAL_INTERRUPT);
	KUNIT_EXPECT_EQ(test, exit.external_interrupt.vector, 0x42ull);
	KUNIT_EXPECT_EQ(test, mock.fetched, 1);
	KUNIT_EXPECT_EQ(test, mock.handled, 1);
}

static void irq_fetch_answers_0_by_default(struct kunit *test)
{
	struct axvcpu_setup setup = long_setup;
	struct axvcpu_exit exit;
	int err;

	axvcpu_destroy_on(vcpu);
	vcpu = axvcpu_create_on(space, &any, &mock_ops, &default_fetch_hal);
	KUNIT_ASSERT_FALSE(test, IS_ERR(vcpu));
	setup.flags = AXVCPU_SETUP_EXIT_IRQ;
	will(AXVCPU_RAN_IRQ, 0);
	err = axvcpu_setup(vcpu, &setup) ?: axvcpu_bind(vcpu) ?: axvcpu_run(vcpu, &exit);
	KUNIT_ASSERT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, exit.external_interrupt.vector, 0ull);
	KUNIT_EXPECT_EQ(test, mock.fetched, 0);
	KUNIT_EXPECT_EQ(test, mock.handled, 1);
}

static void hal_without_irq_handler_is_refused(struct kunit *test)
{
	static const struct axvcpu_hal no_handler = { .mm = &axas_hal_linux };
	static const struct axvcpu_hal no_mm = { .irq_handler = mock_irq_handler };

	KUNIT_EXPECT_EQ(test, axvcpu_hal_register(&no_handler), -EINVAL);
	KUNIT_EXPECT_EQ(test, axvcpu_hal_register(&no_mm), -EINVAL);
}

static void hal_is_registered_once_and_held(struct kunit *test)
{
	const struct axvcpu_hal *held;

	KUNIT_EXPECT_EQ(test, axvcpu_hal_unregister(&mock_hal), -ENOENT);
	KUNIT_ASSERT_EQ(test, axvcpu_hal_register(&mock_hal), 0);
	KUNIT_EXPECT_EQ(test, axvcpu_hal_register(&default_fetch_hal), -EBUSY);
	held = axvcpu_hal_get();
	KUNIT_EXPECT_PTR_EQ(test, held, &mock_hal);
	KUNIT_EXPECT_EQ(test, axvcpu_hal_unregister(&mock_hal), -EBUSY);
	axvcpu_hal_put(held);
	KUNIT_EXPECT_EQ(test, axvcpu_hal_unregister(&default_fetch_hal), -ENOENT);
	KUNIT_EXPECT_EQ(test, axvcpu_hal_unregister(&mock_hal), 0);
	held = axvcpu_hal_get();
	KUNIT_EXPECT_PTR_EQ(test, held, &axvcpu_hal_linux);
	axvcpu_hal_put(held);
}

static struct step *will_fault(u64 gpa, u32 access)
{
	struct step *step = will(AXVCPU_RAN_FAULT, 0);

	step->exit.nested_page_fault.gpa = gpa;
	step->exit.nested_page_fault.access = access;
	step->exit.nested_page_fault.info = 0x99;
	return step;
}

static void faults_on_areas_are_handled_inside(struct kunit *test)
{
	struct axas_gpa_range range = axas_gpa_range(axas_gpa(SZ_1M), SZ_1M);
	struct axas_translation to;
	struct axvcpu_exit exit;

	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(space, range, AXAS_PROT_READ | AXAS_PROT_WRITE,
						   AXAS_TYPE_NORMAL, 0), 0);
	will_fault(SZ_1M + 8, AXAS_PROT_WRITE);
	will_fault(SZ_1M + 8, AXAS_PROT_WRITE);
	will(AXVCPU_RAN_EXIT, AXVCPU_EXIT_HALT);
	make_ready(test);
	KUNIT_EXPECT_EQ(test, axvcpu_run(vcpu, &exit), 0);
	KUNIT_EXPECT_EQ(test, exit.reason, (u32)AXVCPU_EXIT_HALT);
	KUNIT_EXPECT_EQ(test, mock.runs, 3);
	KUNIT_EXPECT_EQ(test, axas_space_translate(space, axas_gpa(SZ_1M), &to), 0);
	KUNIT_EXPECT_EQ(test, vcpu->exits[AXVCPU_EXIT_NESTED_PAGE_FAULT], 2ull);
}

static void faults_on_holes_come_out(struct kunit *test)
{
	struct axvcpu_exit exit;

	will_fault(0x1234, AXAS_PROT_EXEC);
	make_ready(test);
	KUNIT_EXPECT_EQ(test, axvcpu_run(vcpu, &exit), 0);
	KUNIT_EXPECT_EQ(test, exit.reason, (u32)AXVCPU_EXIT_NESTED_PAGE_FAULT);
	KUNIT_EXPECT_EQ(test, exit.nested_page_fault.gpa, 0x1234ull);
	KUNIT_EXPECT_EQ(test, exit.nested_page_fault.access, AXAS_PROT_EXEC);
	KUNIT_EXPECT_EQ(test, exit.nested_page_fault.result, (u32)AXAS_FAULT_HOLE);
	KUNIT_EXPECT_EQ(test, exit.nested_page_fault.info, 0x99ull);
}

static void denied_faults_come_out(struct kunit *test)
{
	struct axas_gpa_range range = axas_gpa_range(axas_gpa(SZ_1M), SZ_1M);
	struct axvcpu_exit exit;

	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(space, range, AXAS_PROT_READ,
						   AXAS_TYPE_NORMAL, 0), 0);
	will_fault(SZ_1M, AXAS_PROT_WRITE);
	make_ready(test);
	KUNIT_EXPECT_EQ(test, axvcpu_run(vcpu, &exit), 0);
	KUNIT_EXPECT_EQ(test, exit.nested_page_fault.result, (u32)AXAS_FAULT_DENIED);
}

/* A memory HAL whose allocator calls the vCPU API. */
static struct lookout {
	struct axvcpu *current_there, *current_elsewhere;
	int err, err_elsewhere;
	u32 state_elsewhere;
	struct completion seen;
	int asked;
} lookout;

static int look_from_elsewhere(void *unused)
{
	lookout.current_elsewhere = axvcpu_current();
	lookout.state_elsewhere = axvcpu_state(vcpu);
	lookout.err_elsewhere = axvcpu_set_gpr(vcpu, 0, 0);
	complete(&lookout.seen);
	return 0;
}

static int lookout_alloc(const struct axas_hal *hal, unsigned int order, u32 flags,
			 struct axas_hpa *hpa)
{
	/* A table or a frame is allocated by a fault that may sleep. */
	if (!(flags & AXAS_FRAME_NOWAIT) && axvcpu_state(vcpu) == AXVCPU_STATE_RUNNING) {
		lookout.asked++;
		lookout.current_there = axvcpu_current();
		lookout.err = axvcpu_set_gpr(vcpu, 0, 0);
		if (!IS_ERR(kthread_run(look_from_elsewhere, NULL, "axvcpu_test")))
			wait_for_completion(&lookout.seen);
	}
	return axas_hal_linux.alloc_frame(&axas_hal_linux, order, flags, hpa);
}

static void lookout_free(const struct axas_hal *hal, struct axas_hpa hpa, unsigned int order,
			 u32 flags)
{
	axas_hal_linux.free_frame(&axas_hal_linux, hpa, order, flags);
}

static const struct axas_hal lookout_hal = {
	.name		= "lookout",
	.alloc_frame	= lookout_alloc,
	.free_frame	= lookout_free,
};

/* A thread that sleeps in a fault keeps its current vCPU, and other threads out of it. */
static void a_fault_that_sleeps_keeps_the_vcpu(struct kunit *test)
{
	struct axas_space_params params = { .format = AXAS_FORMAT_EPT, .hal = &lookout_hal };
	struct axas_gpa_range range = axas_gpa_range(axas_gpa(SZ_1M), SZ_1M);
	struct axas_space *other = axas_space_create(&params);
	struct axvcpu_exit exit;

	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	memset(&lookout, 0, sizeof(lookout));
	init_completion(&lookout.seen);
	axvcpu_destroy_on(vcpu);
	vcpu = axvcpu_create_on(other, &any, &mock_ops, &mock_hal);
	axas_space_put(other);
	KUNIT_ASSERT_FALSE(test, IS_ERR(vcpu));
	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(vcpu->space, range, AXAS_PROT_READ,
						   AXAS_TYPE_NORMAL, 0), 0);
	will_fault(SZ_1M, AXAS_PROT_READ);
	will(AXVCPU_RAN_EXIT, AXVCPU_EXIT_HALT);
	make_ready(test);
	KUNIT_EXPECT_EQ(test, axvcpu_run(vcpu, &exit), 0);
	KUNIT_ASSERT_GE(test, lookout.asked, 1);
	KUNIT_EXPECT_PTR_EQ(test, lookout.current_there, vcpu);
	KUNIT_EXPECT_EQ(test, lookout.err, -EDEADLK);
	KUNIT_EXPECT_NULL(test, lookout.current_elsewhere);
	KUNIT_EXPECT_EQ(test, lookout.err_elsewhere, -EBUSY);
	KUNIT_EXPECT_EQ(test, lookout.state_elsewhere, (u32)AXVCPU_STATE_RUNNING);
	KUNIT_EXPECT_NULL(test, axvcpu_current());
	KUNIT_EXPECT_EQ(test, axvcpu_set_gpr(vcpu, 0, 0), 0);
}

/* The first entry on a CPU flushes what an earlier vCPU may have left there. */
static void unmap_makes_the_next_entry_flush(struct kunit *test)
{
	struct axas_gpa_range range = axas_gpa_range(axas_gpa(SZ_1M), SZ_1M);
	struct axvcpu_exit exit;

	/* Otherwise the thread may migrate, which flushes as well. */
	KUNIT_ASSERT_EQ(test, axvcpu_set_affinity(vcpu, 0, 1), 0);
	will(AXVCPU_RAN_EXIT, AXVCPU_EXIT_HALT);
	make_ready(test);
	KUNIT_ASSERT_EQ(test, axvcpu_run(vcpu, &exit), 0);
	KUNIT_EXPECT_EQ(test, mock.flushes, 1);
	KUNIT_ASSERT_EQ(test, axvcpu_run(vcpu, &exit), 0);
	KUNIT_EXPECT_EQ(test, mock.flushes, 1);
	KUNIT_ASSERT_EQ(test, axas_space_map_alloc(space, range, AXAS_PROT_READ, AXAS_TYPE_NORMAL,
						   AXAS_MAP_POPULATE), 0);
	KUNIT_ASSERT_EQ(test, axas_space_unmap(space, range), 0);
	KUNIT_ASSERT_EQ(test, axvcpu_run(vcpu, &exit), 0);
	KUNIT_EXPECT_EQ(test, mock.flushes, 2);
	KUNIT_ASSERT_EQ(test, axvcpu_run(vcpu, &exit), 0);
	KUNIT_EXPECT_EQ(test, mock.flushes, 2);
}

static void machine_is_one_backends(struct kunit *test)
{
	static const struct axvcpu_arch_ops other = { .name = "other" };

	KUNIT_EXPECT_EQ(test, axvcpu_machine_get(&other), -EBUSY);
	KUNIT_EXPECT_EQ(test, axvcpu_machine_get(&mock_ops), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&mock.cpus), (int)num_online_cpus());
	axvcpu_machine_put();
	KUNIT_EXPECT_EQ(test, atomic_read(&mock.cpus), (int)num_online_cpus());
}

static void exits_are_printed(struct kunit *test)
{
	struct axvcpu_exit exit = { .reason = AXVCPU_EXIT_IO_WRITE };
	char text[AXVCPU_EXIT_STRLEN];
	u32 reason;

	exit.io_write.port = 0x3f8;
	exit.io_write.width = 1;
	exit.io_write.data = 0x41;
	axvcpu_exit_snprint(text, sizeof(text), &exit);
	KUNIT_EXPECT_STREQ(test, text, "IoWrite { port: 0x3f8, width: 1, data: 0x41 }");
	exit = (struct axvcpu_exit){ .reason = AXVCPU_EXIT_NESTED_PAGE_FAULT };
	exit.nested_page_fault.gpa = 0x1000;
	exit.nested_page_fault.access = AXAS_PROT_WRITE;
	axvcpu_exit_snprint(text, sizeof(text), &exit);
	KUNIT_EXPECT_STREQ(test, text, "NestedPageFault { addr: GPA:0x1000, access: -w- }");
	for (reason = 0; reason <= AXVCPU_EXIT_CPUID; reason++) {
		memset(&exit, 0xff, sizeof(exit));
		exit.reason = reason;
		/* For any content the text begins with the name and fits. */
		KUNIT_EXPECT_LT(test, axvcpu_exit_snprint(text, sizeof(text), &exit),
				(int)sizeof(text) - 1);
		KUNIT_EXPECT_PTR_EQ(test, strstr(text, axvcpu_exit_name(reason)), (char *)text);
	}
	KUNIT_EXPECT_STREQ(test, axvcpu_exit_name(1000), "?");
}

static struct kunit_case axvcpu_cases[] = {
	KUNIT_CASE(a_new_vcpu_is_created),
	KUNIT_CASE(creation_fails_with_the_backend),
	KUNIT_CASE(creation_wants_the_hosts_format),
	KUNIT_CASE(creation_wants_the_hosts_machine),
	KUNIT_CASE(root_is_not_given_to_another_machine),
	KUNIT_CASE(machine_is_checked_for_every_backend),
	KUNIT_CASE(setup_gives_entry_and_root),
	KUNIT_CASE(setup_that_fails_leaves_invalid),
	KUNIT_CASE(setup_with_unknown_flags_changes_nothing),
	KUNIT_CASE(setup_in_a_wrong_state_is_refused),
	KUNIT_CASE(every_transition),
	KUNIT_CASE(bind_and_unbind),
	KUNIT_CASE(bind_that_fails_leaves_invalid),
	KUNIT_CASE(run_without_bind_is_refused),
	KUNIT_CASE(run_brings_an_exit),
	KUNIT_CASE(run_unbound_is_one_step),
	KUNIT_CASE(run_unbound_of_a_wrong_state_is_refused),
	KUNIT_CASE(run_unbound_that_fails_leaves_invalid),
	KUNIT_CASE(run_unbound_ends_where_bind_fails),
	KUNIT_CASE(the_last_exit_outlives_a_run_without_one),
	KUNIT_CASE(no_entry_on_a_cpu_that_was_disabled),
	KUNIT_CASE(kick_ends_a_run),
	KUNIT_CASE(injection_does_not_end_a_run),
	KUNIT_CASE(unknown_register_flags_are_refused),
	KUNIT_CASE(run_that_fails_leaves_invalid),
	KUNIT_CASE(hypercall_is_answered),
	KUNIT_CASE(registers_want_a_setup),
	KUNIT_CASE(vectors_wait_highest_first),
	KUNIT_CASE(bsp_and_id_are_kept),
	KUNIT_CASE(affinity_is_checked),
	KUNIT_CASE(affinity_moves_the_thread_for_the_run),
	KUNIT_CASE(a_thread_that_is_in_place_is_not_moved),
	KUNIT_CASE(a_thread_that_is_wanted_at_leisure_gives_way),
	KUNIT_CASE(no_operation_inside_another),
	KUNIT_CASE(host_interrupts_go_to_the_hal),
	KUNIT_CASE(host_interrupts_come_out_when_asked_for),
	KUNIT_CASE(irq_fetch_answers_0_by_default),
	KUNIT_CASE(hal_without_irq_handler_is_refused),
	KUNIT_CASE(hal_is_registered_once_and_held),
	KUNIT_CASE(faults_on_areas_are_handled_inside),
	KUNIT_CASE(faults_on_holes_come_out),
	KUNIT_CASE(denied_faults_come_out),
	KUNIT_CASE(a_fault_that_sleeps_keeps_the_vcpu),
	KUNIT_CASE(unmap_makes_the_next_entry_flush),
	KUNIT_CASE(machine_is_one_backends),
	KUNIT_CASE(exits_are_printed),
	{}
};

struct kunit_suite axvcpu_suite = {
	.name		= "axvcpu",
	.init		= init,
	.exit		= exit_test,
	.test_cases	= axvcpu_cases,
};

#undef SUITE
#define SUITE(name)	(&name##_suite)
/* One statement for all suites: a kernel without CONFIG_KUNIT allows only one in a module. */
#if defined(CONFIG_X86_64) && !defined(CONFIG_UML)
RUN_3_SUITES(AXVCPU_SUITES, AXVCPU_X86_SUITES, AXVCPU_X86_CPU_SUITES);
#elif defined(CONFIG_X86_64)
RUN_2_SUITES(AXVCPU_SUITES, AXVCPU_X86_SUITES);
#else
RUN_SUITES(AXVCPU_SUITES);
#endif

MODULE_DESCRIPTION("KUnit tests of axvcpu");
MODULE_LICENSE("GPL");
AXAS_MODULE_IMPORT_NS(AXAS);
