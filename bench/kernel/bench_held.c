// SPDX-License-Identifier: GPL-2.0-only
/*
 * The longest time for which one batch of an operation excludes others: from down_write() to
 * up_write() of a space's lock, which a remover holds while it bars readers. Kprobes on the
 * first instruction of both look at that lock only. The figure is the maximum over the
 * operation's batches; the overhead of the probes is measured on a lock of this file and
 * subtracted.
 *
 * There is no contention, so waiting is not included. Batches interrupted by a tick do not
 * count, unless longer than a tick; nor do those interrupted by another thread: down_write()
 * may schedule before it takes the lock.
 */
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kprobes.h>
#include <axas/image.h>

#include "axas_area.h"
#include "bench.h"

#define GPA		((u64)SZ_1G)
#define BYTES		((u64)SZ_1G)
#define LINEAR		((u64)SZ_1G * 64)
#define MANY		10000	/* areas */
#define RW		(AXAS_PROT_READ | AXAS_PROT_WRITE)
#define TICK_NSEC_TSC	(NSEC_PER_SEC / HZ)

/* The lock under observation, and the results since watch(). */
static struct held {
	struct rw_semaphore *lock;
	u64 start;
	unsigned long tick;
	unsigned long switches;
	u64 most;
	u32 pieces;
	u32 dirty;
	bool taken;
	bool odd;
} held;

/* Cost that the two probes add to an empty batch. */
static u64 overhead;

static int on_take(struct kprobe *p, struct pt_regs *regs)
{
	if ((struct rw_semaphore *)regs_get_kernel_argument(regs, 0) != held.lock)
		return 0;
	held.odd |= held.taken;
	held.taken = true;
	held.tick = jiffies;
	held.switches = bench_switches();
	held.start = bench_now();
	return 0;
}

static int on_give(struct kprobe *p, struct pt_regs *regs)
{
	u64 cost = bench_now() - held.start;

	if ((struct rw_semaphore *)regs_get_kernel_argument(regs, 0) != held.lock)
		return 0;
	held.odd |= !held.taken;
	held.taken = false;
	if (held.switches != bench_switches() ||
	    (time_after(jiffies, held.tick) && cost < TICK_NSEC_TSC)) {
		held.dirty++;
		return 0;
	}
	held.most = max(held.most, cost - min(cost, overhead));
	held.pieces++;
	return 0;
}

static struct kprobe take = { .symbol_name = "down_write", .pre_handler = on_take };
static struct kprobe give = { .symbol_name = "up_write", .pre_handler = on_give };

static void watch(struct rw_semaphore *lock)
{
	held = (struct held){ .lock = lock };
}

/* Report the maximum since watch(). Fewer than @least batches mean that the probes do not work. */
static void report(const char *name, u32 least)
{
	held.lock = NULL;
	if (held.taken || held.odd || held.pieces < least)
		bench_fail(name, -ENODATA);
	bench_figure(name, held.most);
}

static void calibrate(void)
{
	static DECLARE_RWSEM(own);
	u64 least = U64_MAX;
	int i;

	for (i = 0; i < BENCH_SAMPLES; i++) {
		watch(&own);
		down_write(&own);
		up_write(&own);
		if (held.pieces)
			least = min(least, held.most);
	}
	report("clock.probes", 1);
	overhead = least;
}

static void map_small(struct axas_space *space)
{
	int err = axas_space_map_alloc(space, bench_range(GPA, BYTES), RW, AXAS_TYPE_NORMAL, 0);

	if (err)
		bench_fail("map", err);
}

/* Contiguous frames in 4 KiB leaves: lifo_hal has no larger frames. */
static void populate(struct axas_space *space)
{
	u64 done;

	if (axas_space_populate(space, bench_range(GPA, BYTES), &done))
		bench_fail("populate", -ENOMEM);
}

static void bench_small(struct axas_space *space)
{
	struct axas_gpa_range range = bench_range(GPA, BYTES);
	u64 done = 0;

	map_small(space);
	watch(&space->lock);
	populate(space);
	report("held.populate_1g", 0);
	watch(&space->lock);
	bench_ignore(axas_space_protect(space, range, AXAS_PROT_READ));
	report("held.protect_1g", 1);
	bench_ignore(axas_space_protect(space, range, RW));
	watch(&space->lock);
	axas_space_collapse(space, range, &done);
	report("held.collapse_1g", 1);
	if (done < BYTES / SZ_2M)
		bench_fail("collapse", -ENOENT);
	watch(&space->lock);
	bench_ignore(axas_space_protect(space, bench_range(GPA + SZ_512M + SZ_4K, SZ_4K),
					AXAS_PROT_READ));
	report("held.protect_page_of_large_leaf", 1);
	axas_space_clear(space);
}

static void bench_removals(struct axas_space *space)
{
	map_small(space);
	populate(space);
	watch(&space->lock);
	bench_ignore(axas_space_unmap(space, bench_range(GPA, BYTES)));
	report("held.unmap_1g", 1);
	map_small(space);
	populate(space);
	watch(&space->lock);
	axas_space_clear(space);
	report("held.clear_1g", 1);
}

/* 1 GiB in one range, and as many separate pages as one call takes. */
static void bench_discard(struct axas_space *space)
{
	static struct axas_gpa_range ranges[AXAS_DISCARD_MAX];
	unsigned int i;
	u64 done;

	map_small(space);
	populate(space);
	for (i = 0; i < AXAS_DISCARD_MAX; i++)
		ranges[i] = bench_range(GPA + i * (u64)SZ_8K, SZ_4K);
	watch(&space->lock);
	if (axas_space_discard(space, ranges, AXAS_DISCARD_MAX, &done))
		bench_fail("discard", -EIO);
	report("held.discard_1024_pages", 1);
	ranges[0] = bench_range(GPA, BYTES);
	watch(&space->lock);
	if (axas_space_discard(space, ranges, 1, &done))
		bench_fail("discard", -EIO);
	report("held.discard_1g", 1);
	axas_space_clear(space);
}

/* The moment at which a space's guests and hosts stand still. */
static void bench_freeze(struct axas_space *space)
{
	struct axas_image *image;

	map_small(space);
	populate(space);
	watch(&space->lock);
	image = axas_space_freeze(space);
	report("held.freeze_1g", 1);
	if (IS_ERR(image))
		bench_fail("freeze", PTR_ERR(image));
	else
		axas_image_put(image);
}

static void bench_linear(struct axas_space *space)
{
	struct axas_gpa_range range = bench_range(GPA, BYTES);

	watch(&space->lock);
	if (axas_space_map_linear(space, range, axas_hpa(LINEAR + SZ_4K), RW, AXAS_TYPE_NORMAL))
		bench_fail("linear", -EINVAL);
	report("held.linear_1g", 0);
	watch(&space->lock);
	bench_ignore(axas_space_protect(space, range, AXAS_PROT_READ));
	report("held.protect_linear_1g", 1);
	watch(&space->lock);
	bench_ignore(axas_space_unmap(space, range));
	report("held.unmap_linear_1g", 1);
}

/* Areas of one page, each followed by a hole of one page. */
static void bench_many(struct axas_space *space)
{
	struct axas_gpa_range range = bench_range(GPA, (u64)MANY * SZ_8K);
	u64 gpa;

	for (gpa = GPA; gpa < axas_gpa_range_last(range).val; gpa += SZ_8K)
		if (axas_space_map_alloc(space, bench_range(gpa, SZ_4K), RW, AXAS_TYPE_NORMAL,
					 AXAS_MAP_POPULATE))
			bench_fail("map", -ENOMEM);
	watch(&space->lock);
	bench_ignore(axas_space_protect(space, range, AXAS_PROT_READ));
	report("held.protect_10000_areas", 1);
	watch(&space->lock);
	bench_ignore(axas_space_unmap(space, range));
	report("held.unmap_10000_areas", 1);
}

static void bench_operations(void (*operations)(struct axas_space *space))
{
	struct axas_space *space = NULL;

	/* A new stack each time, so that frames are contiguous. */
	if (lifo_hal_init(BYTES / SZ_4K))
		bench_fail("memory for the stack of frames", -ENOMEM);
	else
		space = bench_space(&lifo_hal);
	if (space) {
		operations(space);
		axas_space_put(space);
	}
	lifo_hal_exit();
}

void bench_held(void)
{
	struct kprobe *probes[] = { &take, &give };
	int err = register_kprobes(probes, ARRAY_SIZE(probes));

	if (err) {
		bench_fail("probes", err);
		return;
	}
	calibrate();
	bench_operations(bench_small);
	bench_operations(bench_removals);
	bench_operations(bench_discard);
	bench_operations(bench_freeze);
	bench_operations(bench_linear);
	bench_operations(bench_many);
	unregister_kprobes(probes, ARRAY_SIZE(probes));
}
