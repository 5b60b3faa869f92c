// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stock: zeroed frames that are charged and ready for the next fault, a few on each
 * CPU. A frame is given only to a task that its memory cgroup is the one which has paid;
 * two of these have a shelf each. What nobody fetches goes back: when a third one comes,
 * under memory pressure, after a second, and when the CPU goes. Calls axas_block.c.
 *
 * Locks: stock->lock, in task context alone; frames are freed outside, which on PREEMPT_RT
 * may sleep.
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

/* How long a shelf that nobody takes from keeps its frames, at least. */
#define IDLE_JIFFIES	HZ

/**
 * struct shelf - what is left of one block
 * @next: the next frame; the others follow it
 * @nr: how many
 * @used: since the idle timer looked
 * @payer: the cgroup that has paid, which is held as long as there are any; NULL: none has to
 */
struct shelf {
	struct axas_hpa next;
	unsigned int nr;
	bool used;
	const void *payer;
};

/**
 * struct stock - one CPU's
 * @lock: for what is below
 * @last: the shelf that was used last
 * @shelves: the frames
 */
struct stock {
	raw_spinlock_t lock;	/* see above */
	unsigned int last;
	struct shelf shelves[SHELVES];
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
 * As memcg charges: tasks pay for themselves, kernel threads do not. While a thread is on its way
 * from one cgroup to another, Linux since 6.12 may still charge the old one: then frames that this
 * one has paid for, of a block at most, are the other's.
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

/* False: it is on its way out. */
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

/* Where there are several nodes, a task may want, or be allowed, memory of some alone. */
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

	/* What this task gets would be of no use to others, nor theirs to it. */
	if (unlikely(nr_node_ids > 1) && has_policy())
		return AXAS_STOCK_NOBODY;
	rcu_read_lock();
	who = payer_now();
	rcu_read_unlock();
	return who;
}

/* What is left of a shelf that somebody has paid for. */
static bool has_paid(const struct shelf *shelf, const void *who)
{
	return shelf->nr && shelf->payer == who;
}

bool axas_stock_get(struct axas_hpa *hpa)
{
	struct stock *stock = raw_cpu_ptr(&stocks);
	struct shelf *shelf;
	const void *who;
	bool got;

	/* Whoever has it drains it. */
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
	got = got && (likely(nr_node_ids == 1) || node_suits(shelf->next));
	if (likely(got)) {
		*hpa = shelf->next;
		shelf->next.val += AXAS_FRAME_SIZE;
		shelf->used = true;
		/* Each frame is charged by itself; the cgroup is held for those that lie here. */
		if (unlikely(!--shelf->nr))
			release_payer(who);
	}
	raw_spin_unlock(&stock->lock);
	return got;
}

/* Empty a shelf, into @old, for whoever has let the lock go to free it. */
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

void axas_stock_put(struct page *page, unsigned int nr, const void *paid)
{
	struct shelf new = { axas_hpa(page_to_phys(page)), nr, true, paid }, *shelf;
	struct shelf old = { new.next, nr };
	struct stock *stock = raw_cpu_ptr(&stocks);

	raw_spin_lock(&stock->lock);
	/* Not if it has come to another cgroup meanwhile, nor if that one is on its way out. */
	if (payer_now() == paid && hold_payer(paid)) {
		shelf = &stock->shelves[stock->last];
		/* Another's: of the two the one goes that was not used last. */
		if (shelf->nr && shelf->payer != paid)
			stock->last = !stock->last;
		shelf = &stock->shelves[stock->last];
		clear(shelf, &old);
		*shelf = new;
	}
	raw_spin_unlock(&stock->lock);
	free_shelf(&old);
	if (!delayed_work_pending(&idle))
		queue_delayed_work(AXAS_UNBOUND_WQ, &idle, IDLE_JIFFIES);
}

/* Frames of one CPU go back; @idle: those of shelves that nobody used since the last time. */
static unsigned long drain(struct stock *stock, bool idle)
{
	struct shelf old[SHELVES] = {};
	unsigned long nr = 0;
	unsigned int i;

	raw_spin_lock(&stock->lock);
	for (i = 0; i < SHELVES; i++) {
		if (!idle || !stock->shelves[i].used)
			clear(&stock->shelves[i], &old[i]);
		stock->shelves[i].used = false;
	}
	raw_spin_unlock(&stock->lock);
	for (i = 0; i < SHELVES; i++) {
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

	for (i = 0; i < SHELVES; i++)
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

/* A zeroed frame out of a new block, the rest of which the stock gets. */
static struct page *alloc_from_block(u32 flags)
{
	const void *payer = axas_stock_payer();
	struct page *page;

	if (payer == AXAS_STOCK_NOBODY || axas_block_order(AXAS_STOCK_ORDER) != AXAS_STOCK_ORDER)
		return NULL;
	page = axas_block_try(AXAS_STOCK_ORDER, flags);
	if (page)
		axas_stock_put(page + 1, (1u << AXAS_STOCK_ORDER) - 1, payer);
	return page;
}

static struct page *alloc_one(u32 flags)
{
	struct page *page = NULL;

	if (flags & AXAS_FRAME_ZERO)
		page = alloc_from_block(flags);
	page = page ?: axas_block_alloc(0, flags);
	/* What lies in stock may be all that is missing. */
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
	/* One that is not registered is let be by unregister_shrinker(). */
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

/* No space is left. */
void axas_stock_exit(void)
{
	axas_shrinker_free(pressure);
	cpuhp_remove_state_nocalls(hotplug_state);
	cancel_delayed_work_sync(&idle);
	axas_stock_drain();
}
