// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CPU interface of an arm64 guest (vcpu/arm64/gic.c; S4): against a model with one array of
 * interrupts, for random operations, including those that no guest should do.
 */
#include <linux/prandom.h>

#include "axvcpu_test.h"

/* The names are axvcpu.ko's on arm64; avoid a clash there. */
#define a64_gic_reset		test_gic_reset
#define a64_gic_change		test_gic_change
#define a64_gic_signals		test_gic_signals
#define a64_gic_highest		test_gic_highest
#define a64_gic_acknowledge	test_gic_acknowledge
#define a64_gic_end		test_gic_end
#define a64_gic_deactivate	test_gic_deactivate
#define a64_gic_running		test_gic_running
#define a64_gic_set_bpr1	test_gic_set_bpr1
#include "vcpu/arm64/gic.c"

#define TIMER	27
#define STEPS	20000

static struct a64_gic gic;

/* The model: an interrupt, and the stack of active priorities. */
static struct model {
	bool edge, line, active;
	u8 priority;
} model[A64_GIC_NR];
static bool stack[256];

static int init(struct kunit *test)
{
	a64_gic_reset(&gic);
	memset(model, 0, sizeof(model));
	memset(stack, 0, sizeof(stack));
	gic.pmr = 0xf8;
	gic.enabled = true;
	return 0;
}

static u32 model_running(void)
{
	u32 priority;

	for (priority = 0; priority < 255; priority++)
		if (stack[priority])
			break;
	return priority;
}

static u32 model_group(u32 id)
{
	return model[id].priority >> gic.bpr1 << gic.bpr1;
}

static u32 model_highest(bool timer)
{
	u32 id, found = A64_GIC_SPURIOUS;

	for (id = 0; id < A64_GIC_NR; id++) {
		bool line = model[id].line || (timer && gic.timer == id);

		if ((model[id].edge || line) && !model[id].active &&
		    (found == A64_GIC_SPURIOUS || model[id].priority < model[found].priority))
			found = id;
	}
	if (found != A64_GIC_SPURIOUS && (!gic.enabled || model[found].priority >= gic.pmr))
		found = A64_GIC_SPURIOUS;
	return found;
}

static void change(struct kunit *test, struct rnd_state *rnd)
{
	u32 id = prandom_u32_state(rnd) % 8 * 37 % A64_GIC_NR;
	u8 priority = prandom_u32_state(rnd);
	struct model *m = &model[id];

	switch (prandom_u32_state(rnd) % 3) {
	case 0:
		m->edge = true;
		a64_gic_change(&gic, A64_GIC_EDGE, id, priority);
		break;
	case 1:
		m->line = true;
		a64_gic_change(&gic, A64_GIC_RAISE, id, priority);
		break;
	default:
		KUNIT_ASSERT_EQ(test, a64_gic_change(&gic, A64_GIC_LOWER, id, 0), m->edge);
		m->edge = false;
		m->line = false;
		return;
	}
	m->priority = priority & A64_GIC_PRIORITY;
}

static void acknowledge(struct kunit *test, bool timer)
{
	u32 id = model_highest(timer);

	if (id != A64_GIC_SPURIOUS && model_group(id) >= model_running())
		id = A64_GIC_SPURIOUS;
	KUNIT_ASSERT_EQ(test, a64_gic_signals(&gic, timer), id != A64_GIC_SPURIOUS);
	KUNIT_ASSERT_EQ(test, a64_gic_acknowledge(&gic, timer), id);
	if (id == A64_GIC_SPURIOUS)
		return;
	model[id].active = true;
	model[id].edge = false;
	stack[model_group(id)] = true;
}

static void end(struct rnd_state *rnd)
{
	u32 id = prandom_u32_state(rnd) % 8 * 37 % A64_GIC_NR, wild = prandom_u32_state(rnd);

	/* Of an interrupt, of none. */
	if (wild % 8 == 0) {
		a64_gic_end(&gic, A64_GIC_NR + wild);
		a64_gic_deactivate(&gic, A64_GIC_NR + wild);
		return;
	}
	a64_gic_end(&gic, id);
	if (model_running() < 255)
		stack[model_running()] = false;
	if (gic.split)
		a64_gic_deactivate(&gic, id);
	model[id].active = false;
}

static void set_masks(struct rnd_state *rnd)
{
	gic.pmr = prandom_u32_state(rnd) & A64_GIC_PRIORITY;
	gic.enabled = prandom_u32_state(rnd) % 8;
	gic.split = prandom_u32_state(rnd) % 2;
	a64_gic_set_bpr1(&gic, prandom_u32_state(rnd));
}

static void it_does_what_the_model_does(struct kunit *test)
{
	struct rnd_state rnd;
	u32 step, acks = 0;
	bool timer;

	prandom_seed_state(&rnd, 17);
	a64_gic_change(&gic, A64_GIC_TIMER, TIMER, 0x80);
	model[TIMER].priority = 0x80;
	for (step = 0; step < STEPS; step++) {
		timer = prandom_u32_state(&rnd) % 2;
		switch (prandom_u32_state(&rnd) % 16) {
		case 0 ... 5:
			change(test, &rnd);
			break;
		case 6 ... 10:
			acknowledge(test, timer);
			acks += gic.apr != 0;
			break;
		case 11 ... 14:
			end(&rnd);
			break;
		default:
			set_masks(&rnd);
		}
		KUNIT_ASSERT_EQ(test, a64_gic_highest(&gic, timer), model_highest(timer));
		KUNIT_ASSERT_EQ(test, a64_gic_running(&gic), model_running());
	}
	KUNIT_EXPECT_GT(test, acks, STEPS / 20);
}

static void the_timer_is_a_line_until_it_is_lowered(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, a64_gic_highest(&gic, true), A64_GIC_SPURIOUS);
	a64_gic_change(&gic, A64_GIC_TIMER, TIMER, 0xa0);
	KUNIT_EXPECT_EQ(test, a64_gic_highest(&gic, false), A64_GIC_SPURIOUS);
	KUNIT_EXPECT_EQ(test, a64_gic_acknowledge(&gic, true), TIMER);
	KUNIT_EXPECT_FALSE(test, a64_gic_signals(&gic, true));
	a64_gic_end(&gic, TIMER);
	KUNIT_EXPECT_TRUE(test, a64_gic_signals(&gic, true));
	a64_gic_change(&gic, A64_GIC_LOWER, TIMER, 0);
	KUNIT_EXPECT_FALSE(test, a64_gic_signals(&gic, true));
}

static struct kunit_case arm64_gic_cases[] = {
	KUNIT_CASE(it_does_what_the_model_does),
	KUNIT_CASE(the_timer_is_a_line_until_it_is_lowered),
	{}
};

struct kunit_suite arm64_gic_suite = {
	.name		= "axvcpu_arm64_gic",
	.init		= init,
	.test_cases	= arm64_gic_cases,
};
