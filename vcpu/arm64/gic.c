// SPDX-License-Identifier: GPL-2.0-only
/* The CPU interface of a guest's GICv3: see gic.h. Calls nothing. */
#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/string.h>

#include "gic.h"

#define NONE	A64_GIC_NR

void a64_gic_reset(struct a64_gic *gic)
{
	memset(gic, 0, sizeof(*gic));
	gic->bpr1 = A64_GIC_BPR_MIN;
	gic->timer = A64_GIC_NO_TIMER;
}

int a64_gic_change(struct a64_gic *gic, enum a64_gic_change what, u32 id, u8 priority)
{
	if (what == A64_GIC_LOWER) {
		if (READ_ONCE(gic->timer) == id)
			WRITE_ONCE(gic->timer, A64_GIC_NO_TIMER);
		clear_bit(id, gic->lines);
		return test_and_clear_bit(id, gic->pending);
	}
	WRITE_ONCE(gic->priority[id], priority & A64_GIC_PRIORITY);
	if (what == A64_GIC_EDGE)
		set_bit(id, gic->pending);
	else if (what == A64_GIC_RAISE)
		set_bit(id, gic->lines);
	else
		WRITE_ONCE(gic->timer, id);
	return 0;
}

/* Requests of interrupts @word * BITS_PER_LONG and up that are not active. */
static unsigned long requests(const struct a64_gic *gic, unsigned int word, bool timer)
{
	unsigned long bits = READ_ONCE(gic->pending[word]) | READ_ONCE(gic->lines[word]);
	u32 id = READ_ONCE(gic->timer);

	if (timer && id / BITS_PER_LONG == word)
		bits |= BIT(id % BITS_PER_LONG);
	return bits & ~gic->active[word];
}

/* Of the highest priority the lowest number, or NONE. */
static u32 best(const struct a64_gic *gic, bool timer)
{
	u32 found = NONE, word, id;
	unsigned long bits;

	for (word = 0; word < BITS_TO_LONGS(A64_GIC_NR); word++) {
		for (bits = requests(gic, word, timer); bits; bits &= bits - 1) {
			id = word * BITS_PER_LONG + __ffs(bits);
			if (found == NONE || READ_ONCE(gic->priority[id]) <
					     READ_ONCE(gic->priority[found]))
				found = id;
		}
	}
	return found;
}

/* The part of a priority that preempts. GIC 4.8.4 */
static u32 group_priority(const struct a64_gic *gic, u32 id)
{
	return READ_ONCE(gic->priority[id]) & (0xffu << gic->bpr1) & A64_GIC_PRIORITY;
}

u32 a64_gic_running(const struct a64_gic *gic)
{
	return gic->apr ? __ffs(gic->apr) << (8 - A64_GIC_PRIORITY_BITS) : A64_GIC_IDLE;
}

u32 a64_gic_highest(const struct a64_gic *gic, bool timer)
{
	u32 id = gic->enabled ? best(gic, timer) : NONE;

	return id != NONE && READ_ONCE(gic->priority[id]) < gic->pmr ? id : A64_GIC_SPURIOUS;
}

/* The interrupt that the CPU is interrupted for, or A64_GIC_SPURIOUS. */
static u32 signalled(const struct a64_gic *gic, bool timer)
{
	u32 id = a64_gic_highest(gic, timer);

	if (id == A64_GIC_SPURIOUS || group_priority(gic, id) >= a64_gic_running(gic))
		return A64_GIC_SPURIOUS;
	return id;
}

bool a64_gic_signals(const struct a64_gic *gic, bool timer)
{
	return signalled(gic, timer) != A64_GIC_SPURIOUS;
}

u32 a64_gic_acknowledge(struct a64_gic *gic, bool timer)
{
	u32 id = signalled(gic, timer);

	if (id == A64_GIC_SPURIOUS)
		return id;
	gic->apr |= BIT(group_priority(gic, id) >> (8 - A64_GIC_PRIORITY_BITS));
	__set_bit(id, gic->active);
	clear_bit(id, gic->pending);
	return id;
}

void a64_gic_deactivate(struct a64_gic *gic, u64 id)
{
	if (id < A64_GIC_NR)
		__clear_bit(id, gic->active);
}

/* Special INTIDs end nothing. GIC 12.2.10 */
void a64_gic_end(struct a64_gic *gic, u64 id)
{
	if (id >= A64_GIC_NR)
		return;
	gic->apr &= gic->apr - 1;
	if (!gic->split)
		a64_gic_deactivate(gic, id);
}

void a64_gic_set_bpr1(struct a64_gic *gic, u64 val)
{
	gic->bpr1 = (val & 7) > A64_GIC_BPR_MIN ? val & 7 : A64_GIC_BPR_MIN;
}
