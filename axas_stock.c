// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stock: charged frames for the next faults, a few per CPU: zeroed ones on two shelves, and
 * frames for copies, which need not be zeroed, on a third. Each shelf belongs to one memory cgroup,
 * and serves only tasks of the cgroup that was charged. Frames go back to the page allocator when
 * another cgroup needs the shelf, under memory pressure (shrinker), after one to two idle seconds,
 * and when the CPU goes offline. Calls axas_block.c.
 *
 * Locks: stock->lock, taken in task context only. Frames are freed without it, because freeing may
 * sleep on PREEMPT_RT.
 */
#include <linux/atomic.h>
#include <linux/cgroup.h>
#include <linux/cpuhotplug.h>
#include <linux/cpuset.h>
#include <linux/mempolicy.h>
#include <linux/nodemask.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "axas_block.h"
#include "axas_compat.h"
#include "axas_stock.h"

#define SHELVES		2

/* The shelf of frames without zeroes. */
#define UNSET		SHELVES
#define ALL_SHELVES	(SHELVES + 1)

/* Period of the idle work: a shelf that was not used for a whole period is drained. */
#define IDLE_JIFFIES	HZ

/**
 * struct shelf - the remaining frames of one block
 * @next: the next frame; the others are contiguous to it
 * @nr: number of frames
 * @used: a frame was taken since the idle work last ran
 * @payer: css of the memory cgroup that is charged, with a reference while @nr is not 0; NULL: none
 */
struct shelf {
	struct axas_hpa next;
	unsigned int nr;
	bool used;
	const void *payer;
};

/**
 * struct stock - the stock of one CPU
 * @lock: protects the fields below
 * @last: index of the shelf of zeroed frames that was used last
 * @shelves: the frames
 */
struct stock {
	raw_spinlock_t lock;	/* see above */
	unsigned int last;
	struct shelf shelves[ALL_SHELVES];
};

static DEFINE_PER_CPU(struct stock, stocks) = {
	.lock = __RAW_SPIN_LOCK_UNLOCKED(stocks.lock),
};

static void idle_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(idle, idle_work);
static int hotplug_state;
static struct shrinker *pressure;

#ifdef CONFIG_MEMCG
/*
 * The cgroup that an allocation of current is charged to, as memcg decides it: a task's own; none
 * for kernel threads. Since Linux 6.12 memcg may charge the old cgroup for a moment after a thread
 * moved: then at most one block ends up on the shelf of the wrong cgroup.
 */
static __always_inline const void *memcg_of_current(void)
{
	if (unlikely(current->active_memcg))
		return AXAS_STOCK_NOBODY;
	if (unlikely(!current->mm || current->flags & PF_KTHREAD))
		return NULL;
	return task_css_check(current, memory_cgrp_id, true);
}

static bool hold_memcg(const void *payer)
{
	return css_tryget_online((struct cgroup_subsys_state *)payer);
}

static void release_memcg(const void *payer)
{
	css_put((struct cgroup_subsys_state *)payer);
}
#else
static const void *memcg_of_current(void) { return NULL; }
static bool hold_memcg(const void *payer) { return true; }
static void release_memcg(const void *payer) { }
#endif

#if IS_ENABLED(CONFIG_AXAS_KUNIT_TEST)
struct axas_stock_test axas_stock_test;
EXPORT_SYMBOL_AXAS_KUNIT(axas_stock_test);
#define TEST_PAYER		READ_ONCE(axas_stock_test.payer)

static atomic_t *test_payer(const void *payer)
{
	atomic_t *first = axas_stock_test.payers;

	return payer >= (void *)first && payer < (void *)(first + AXAS_STOCK_TEST_PAYERS) ?
	       (atomic_t *)payer : NULL;
}
#else
#define TEST_PAYER		NULL
static atomic_t *test_payer(const void *payer) { return NULL; }
#endif

static __always_inline const void *payer_now(void)
{
	return unlikely(TEST_PAYER) ? TEST_PAYER : memcg_of_current();
}

/* Take a reference on a payer. Return false if the cgroup is being removed. */
static bool hold_payer(const void *payer)
{
	atomic_t *test = test_payer(payer);

	if (unlikely(test)) {
		if (atomic_read(test) < 0)
			return false;
		atomic_inc(test);
		return true;
	}
	return !payer || hold_memcg(payer);
}

static void release_payer(const void *payer)
{
	if (unlikely(test_payer(payer)))
		atomic_dec(test_payer(payer));
	else if (payer)
		release_memcg(payer);
}

/* With several nodes, a mempolicy or cpuset may exclude the node of a frame in stock. */
static bool has_policy(void)
{
#ifdef CONFIG_NUMA
	return current->mempolicy;
#else
	return false;
#endif
}

static bool node_suits(struct axas_hpa hpa)
{
	int node = page_to_nid(pfn_to_page(hpa.val >> PAGE_SHIFT));

	return !has_policy() && node_isset(node, cpuset_current_mems_allowed);
}

const void *axas_stock_payer(void)
{
	const void *who;

	/* Frames allocated by a task's mempolicy do not suit other tasks, nor theirs this task. */
	if (unlikely(nr_node_ids > 1) && has_policy())
		return AXAS_STOCK_NOBODY;
	rcu_read_lock();
	who = payer_now();
	rcu_read_unlock();
	return who;
}

/* Whether a shelf has frames charged to @who. */
static bool has_paid(const struct shelf *shelf, const void *who)
{
	return shelf->nr && shelf->payer == who;
}

/* Take a frame from a shelf that @who has paid, unless its node does not suit current. */
static __always_inline bool take(struct shelf *shelf, const void *who, struct axas_hpa *hpa)
{
	if (unlikely(nr_node_ids > 1) && !node_suits(shelf->next))
		return false;
	*hpa = shelf->next;
	shelf->next.val += AXAS_FRAME_SIZE;
	shelf->used = true;
	/* Frames carry their own charge. The reference is for those on the shelf. */
	if (unlikely(!--shelf->nr))
		release_payer(who);
	return true;
}

bool axas_stock_get(struct axas_hpa *hpa)
{
	struct stock *stock = raw_cpu_ptr(&stocks);
	struct shelf *shelf;
	const void *who;
	bool got;

	/* Contended only while this stock is drained: allocate instead of waiting. */
	if (unlikely(!raw_spin_trylock(&stock->lock)))
		return false;
	who = payer_now();
	shelf = &stock->shelves[stock->last];
	got = has_paid(shelf, who);
	if (unlikely(!got)) {
		shelf = &stock->shelves[!stock->last];
		got = has_paid(shelf, who);
		if (got)
			stock->last = !stock->last;
	}
	got = likely(got) && take(shelf, who, hpa);
	raw_spin_unlock(&stock->lock);
	return got;
}

bool axas_stock_get_unset(struct axas_hpa *hpa)
{
	struct stock *stock = raw_cpu_ptr(&stocks);
	struct shelf *shelf = &stock->shelves[UNSET];
	const void *who;
	bool got;

	if (unlikely(!raw_spin_trylock(&stock->lock)))
		return false;
	who = payer_now();
	got = likely(has_paid(shelf, who)) && take(shelf, who, hpa);
	raw_spin_unlock(&stock->lock);
	return got;
}

/* Move a shelf's frames to @old, to be freed without the lock. */
static void clear(struct shelf *shelf, struct shelf *old)
{
	*old = *shelf;
	shelf->nr = 0;
}

static void free_shelf(struct shelf *old)
{
	if (!old->nr)
		return;
	axas_block_free(pfn_to_page(old->next.val >> PAGE_SHIFT), old->nr);
	release_payer(old->payer);
}

/* The shelf for zeroed frames of @paid: not the one that was used last, if that is another's. */
static struct shelf *zeroed_shelf(struct stock *stock, const void *paid)
{
	struct shelf *shelf = &stock->shelves[stock->last];

	if (shelf->nr && shelf->payer != paid)
		stock->last = !stock->last;
	return &stock->shelves[stock->last];
}

void axas_stock_put(struct page *page, unsigned int nr, const void *paid, bool zeroed)
{
	struct shelf new = { axas_hpa(page_to_phys(page)), nr, true, paid }, *shelf;
	struct shelf old = { new.next, nr };
	struct stock *stock = raw_cpu_ptr(&stocks);

	raw_spin_lock(&stock->lock);
	/* Free them if current has changed its cgroup, or if that is being removed. */
	if (payer_now() == paid && hold_payer(paid)) {
		shelf = zeroed ? zeroed_shelf(stock, paid) : &stock->shelves[UNSET];
		clear(shelf, &old);
		*shelf = new;
	}
	raw_spin_unlock(&stock->lock);
	free_shelf(&old);
	if (!delayed_work_pending(&idle))
		queue_delayed_work(AXAS_UNBOUND_WQ, &idle, IDLE_JIFFIES);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_stock_put);

/* Drain one CPU's stock; @idle: only shelves that were not used since the last call. */
static unsigned long drain(struct stock *stock, bool idle)
{
	struct shelf old[ALL_SHELVES] = {};
	unsigned long nr = 0;
	unsigned int i;

	raw_spin_lock(&stock->lock);
	for (i = 0; i < ALL_SHELVES; i++) {
		if (!idle || !stock->shelves[i].used)
			clear(&stock->shelves[i], &old[i]);
		stock->shelves[i].used = false;
	}
	raw_spin_unlock(&stock->lock);
	for (i = 0; i < ALL_SHELVES; i++) {
		nr += old[i].nr;
		free_shelf(&old[i]);
	}
	return nr;
}

unsigned long axas_stock_frames_of(unsigned int cpu)
{
	const struct stock *stock = per_cpu_ptr(&stocks, cpu);
	unsigned long nr = 0;
	unsigned int i;

	for (i = 0; i < ALL_SHELVES; i++)
		nr += READ_ONCE(stock->shelves[i].nr);
	return nr;
}

unsigned long axas_stock_frames(void)
{
	unsigned long nr = 0;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		nr += axas_stock_frames_of(cpu);
	return nr;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_stock_frames);

unsigned long axas_stock_drain(void)
{
	unsigned long nr = 0;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		if (axas_stock_frames_of(cpu))
			nr += drain(per_cpu_ptr(&stocks, cpu), false);
	return nr;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_stock_drain);

/* Allocate a block, return its first frame and put the others in stock. */
static struct page *alloc_from_block(u32 flags)
{
	const void *payer = axas_stock_payer();
	struct page *page;

	if (payer == AXAS_STOCK_NOBODY || axas_block_order(AXAS_STOCK_ORDER) != AXAS_STOCK_ORDER)
		return NULL;
	page = axas_block_try(AXAS_STOCK_ORDER, flags);
	if (page)
		axas_stock_put(page + 1, (1u << AXAS_STOCK_ORDER) - 1, payer,
			       flags & AXAS_FRAME_ZERO);
	return page;
}

static struct page *alloc_one(u32 flags)
{
	struct page *page = alloc_from_block(flags) ?: axas_block_alloc(0, flags);

	/* Other CPUs' stocks may hold the last free memory. */
	if (unlikely(!page) && !(flags & AXAS_FRAME_NOWAIT) && axas_stock_drain())
		page = axas_block_alloc(0, flags);
	return page;
}

bool axas_stock_alloc(u32 flags, struct axas_hpa *hpa)
{
	struct page *page = alloc_one(flags);

	if (unlikely(!page))
		return false;
	*hpa = axas_hpa(page_to_phys(page));
	return true;
}

static void idle_work(struct work_struct *work)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		if (!TEST_PAYER)
			drain(per_cpu_ptr(&stocks, cpu), true);
	if (axas_stock_frames())
		queue_delayed_work(AXAS_UNBOUND_WQ, &idle, IDLE_JIFFIES);
}

static int cpu_dead(unsigned int cpu)
{
	drain(per_cpu_ptr(&stocks, cpu), false);
	return 0;
}

static unsigned long count_stock(struct shrinker *shrinker, struct shrink_control *control)
{
	return axas_stock_frames() ?: SHRINK_EMPTY;
}

static unsigned long scan_stock(struct shrinker *shrinker, struct shrink_control *control)
{
	return axas_stock_drain() ?: SHRINK_STOP;
}

static int start_shrinker(void)
{
	int err;

	pressure = axas_shrinker_alloc("axas-stock");
	if (!pressure)
		return -ENOMEM;
	pressure->count_objects = count_stock;
	pressure->scan_objects = scan_stock;
	pressure->seeks = DEFAULT_SEEKS;
	err = axas_shrinker_register(pressure, "axas-stock");
	/* unregister_shrinker(), on older kernels, ignores one that is not registered. */
	if (err)
		axas_shrinker_free(pressure);
	return err;
}

int axas_stock_init(void)
{
	int err = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "axas:stock", NULL, cpu_dead);

	if (err < 0)
		return err;
	hotplug_state = err;
	err = start_shrinker();
	if (err)
		cpuhp_remove_state_nocalls(hotplug_state);
	return err;
}

/* At module unload, when no space exists. */
void axas_stock_exit(void)
{
	axas_shrinker_free(pressure);
	cpuhp_remove_state_nocalls(hotplug_state);
	cancel_delayed_work_sync(&idle);
	axas_stock_drain();
}
