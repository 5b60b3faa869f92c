// SPDX-License-Identifier: GPL-2.0-only
/*
 * The area tree of a space, and the slow paths of read-side sections and of the bar. Calls
 * axas_linear.c, axas_missing.c and the flush callbacks of consumers. Locks: axas_area.h; functions
 * expect space->changing to be held unless they say otherwise.
 */
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/tick.h>

#include "axas_compat.h"
#include "axas_space.h"
#include "axas_trace.h"

DEFINE_PER_CPU_ALIGNED(struct axas_cpu, axas_cpus) = { .first = AXAS_NO_FIRST };
EXPORT_PER_CPU_SYMBOL_AXAS_KUNIT(axas_cpus);

/* Generations are even and never repeat. */
static atomic_long_t last_generation = ATOMIC_LONG_INIT(0);

unsigned long axas_generation_new(void)
{
	return atomic_long_add_return(2, &last_generation);
}

/* nohz_full CPUs, which are not interrupted. The set is fixed at boot. */
static cpumask_var_t untimed_cpus;

/* Scratch mask of CPUs to interrupt, for the CPU that sends. */
static DEFINE_PER_CPU(cpumask_var_t, asked_cpus);

static void forget(const struct axas_space *space, struct axas_cpu *cpu)
{
	unsigned int shard = raw_smp_processor_id() % AXAS_NPT_SHARDS;

	cpu->first = AXAS_NO_FIRST;
	cpu->last = AXAS_NO_LAST;
	cpu->cursor.region = AXAS_NPT_NO_REGION;
	cpu->leaf = ~0ull;
	cpu->shard = (struct axas_npt_shard *)&space->npt.shards[shard];
}

/* Join the space's list; this CPU's mark is set. Return false if a remover has the bar. */
static bool join_list(const struct axas_space *space, struct axas_cpu *cpu)
{
	unsigned long *list = (unsigned long *)space->list;
	unsigned long generation;

	set_bit(raw_smp_processor_id() % AXAS_LIST_BITS, list);
	/* Pairs with axas_bar_begin(): it sees this list bit, or we see its odd generation. */
	smp_mb__after_atomic();
	/* See all removals before this generation. Pairs with axas_bar_end(). */
	generation = smp_load_acquire(&space->generation);
	if (generation & 1)
		return false;
	cpu->generation = generation;
	forget(space, cpu);
	return true;
}

/* Variant for a nohz_full CPU, which is on no list. */
static bool join_unlisted(const struct axas_space *space, struct axas_cpu *cpu)
{
	unsigned long generation;

	/* Pairs with axas_bar_begin(): it sees this CPU's mark, or we see its odd generation. */
	smp_mb();
	/* See all removals before this generation. Pairs with axas_bar_end(). */
	generation = smp_load_acquire(&space->generation);
	if (generation & 1)
		return false;
	if (cpu->untimed != generation)
		forget(space, cpu);
	cpu->untimed = generation;
	return true;
}

/* Slow path of axas_section_enter(): this CPU's cache is of another generation. */
struct axas_cpu *axas_section_join(const struct axas_space *space, struct axas_cpu *cpu)
{
	bool listed = !cpumask_test_cpu(raw_smp_processor_id(), untimed_cpus);

	if (listed ? join_list(space, cpu) : join_unlisted(space, cpu))
		return cpu;
	axas_section_leave(cpu);
	return NULL;
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_section_join);

/* Move the CPUs on the space's list to @cpus. */
static void take_list(struct axas_space *space, struct cpumask *cpus)
{
	unsigned int word, cpu;

	cpumask_clear(cpus);
	for (word = 0; word < BITS_TO_LONGS(AXAS_LIST_BITS); word++) {
		unsigned long bits = READ_ONCE(space->list[word]);

		if (!bits)
			continue;
		for (bits = xchg(&space->list[word], 0); bits; bits &= bits - 1) {
			cpu = word * BITS_PER_LONG + __ffs(bits);
			for (; cpu < nr_cpu_ids; cpu += AXAS_LIST_BITS)
				if (cpu_possible(cpu))
					cpumask_set_cpu(cpu, cpus);
		}
	}
}

static void be_a_barrier(void *unused)
{
	/* Taking the interrupt is a full barrier already; this documents the pairing. */
	smp_mb();
}

static void wait_for_cpu(const struct axas_space *space, unsigned int cpu)
{
	struct axas_cpu *other = per_cpu_ptr(&axas_cpus, cpu);

	/* Pairs with the releases of axas_section_mark() and axas_section_leave(). */
	while (smp_load_acquire(&other->mark) == space)
		cpu_relax();
}

void axas_bar_begin(struct axas_space *space)
{
	struct cpumask *cpus;
	unsigned int cpu;

	lockdep_assert_held(&space->changing);
	down_write(&space->lock);
	WRITE_ONCE(space->generation, space->generation | 1);
	/* Pairs with join_list() and join_unlisted(). */
	smp_mb();
	preempt_disable();
	cpus = *this_cpu_ptr(&asked_cpus);
	take_list(space, cpus);
	smp_call_function_many(cpus, be_a_barrier, NULL, true);
	for_each_cpu(cpu, cpus)
		wait_for_cpu(space, cpu);
	for_each_cpu(cpu, untimed_cpus)
		wait_for_cpu(space, cpu);
	preempt_enable();
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_bar_begin);

void axas_bar_end(struct axas_space *space)
{
	/* Publish the removal with the new generation. Pairs with join_list(), join_unlisted(). */
	smp_store_release(&space->generation, axas_generation_new());
	up_write(&space->lock);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_bar_end);

static void ask_consumers(struct axas_space *space, const struct axas_flush *flush)
{
	struct axas_consumer *consumer;
	struct cpumask *cpus;

	preempt_disable();
	cpus = *this_cpu_ptr(&asked_cpus);
	cpumask_clear(cpus);
	list_for_each_entry(consumer, &space->consumers, node)
		consumer->ops->request(consumer, flush, cpus);
	/* One round of interrupts for all consumers. No vCPU runs on this CPU: we do. */
	smp_call_function_many(cpus, be_a_barrier, NULL, true);
	preempt_enable();
	list_for_each_entry(consumer, &space->consumers, node)
		if (consumer->ops->wait)
			consumer->ops->wait(consumer, flush);
}

static noinline void flush_traced(struct axas_space *space, const struct axas_flush *flush)
{
	u64 start = ktime_get_ns();

	ask_consumers(space, flush);
	trace_axas_flush(space, flush, start);
}

static void flush_consumers(struct axas_space *space, const struct axas_flush *flush)
{
	lockdep_assert_held(&space->lock);
	if (list_empty(&space->consumers))
		return;
	if (trace_axas_flush_enabled())
		flush_traced(space, flush);
	else
		ask_consumers(space, flush);
}

void axas_space_flush(struct axas_space *space, u64 first, u64 last, bool tables)
{
	struct axas_flush flush = {
		.range = axas_gpa_range(axas_gpa(first), last - first + 1),
		.tables = tables,
	};

	flush_consumers(space, &flush);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_space_flush);

void axas_space_flush_pages(struct axas_space *space, u64 first, u64 last,
			    const unsigned long *pages, u64 base)
{
	struct axas_flush flush = {
		.range = axas_gpa_range(axas_gpa(first), last - first + 1),
		.pages = pages,
		.base = axas_gpa(base),
	};

	flush_consumers(space, &flush);
}

/* In a section, or with space->lock held: the area that is found stays. */
const struct axas_area *axas_area_look_up(const struct axas_space *space, struct axas_cpu *cpu,
					  u64 gpa)
{
	MA_STATE(mas, &space->areas->tree, axas_page_nr(gpa), axas_page_nr(gpa));
	unsigned long nr = axas_page_nr(gpa);
	const struct axas_area *area;

	rcu_read_lock();
	/* A concurrent store may move a pivot in place: retry if the range does not cover @nr. */
	while ((area = mas_walk(&mas)) && (nr < mas.index || nr > mas.last))
		mas_set(&mas, nr);
	rcu_read_unlock();
	if (!area)
		return NULL;
	cpu->area = area;
	cpu->first = axas_page_first(mas.index);
	cpu->last = axas_page_last(mas.last);
	return area;
}

static u64 pages(u64 first, u64 last)
{
	return axas_page_nr(last) - axas_page_nr(first) + 1;
}

static void count_ranges(struct axas_areas *areas, long ranges)
{
	WRITE_ONCE(areas->nr_ranges, areas->nr_ranges + ranges);
}

/* Account for @n more pages of an area that pins what others have. */
static void count_pages(struct axas_areas *areas, const struct axas_area *area, long n)
{
	if (axas_area_is_linear(area))
		WRITE_ONCE(areas->linear_pages, areas->linear_pages + n);
	else if (axas_area_lends(area))
		WRITE_ONCE(areas->lent_pages, areas->lent_pages + n);
	if (area->backend.ops->flags & AXAS_BACKEND_FROZEN)
		areas->frozen_pages += n;
}

/* Account for one more range of @area. */
static void count_range(struct axas_areas *areas, struct axas_area *area, u64 first, u64 last)
{
	if (!area->ranges++)
		areas->nr_objects++;
	count_ranges(areas, 1);
	count_pages(areas, area, pages(first, last));
}

void axas_pinned_put(struct axas_pinned *pinned)
{
	if (!pinned || !refcount_dec_and_test(&pinned->refs))
		return;
	if (pinned->ops)
		pinned->ops->free(pinned);
	mutex_destroy(&pinned->lock);
	kfree(pinned);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_pinned_put);

static int claim(struct axas_area *area, u64 first, u64 last)
{
	area->claim = (struct axas_claim){
		.first = first + area->backend.offset, .last = last + area->backend.offset,
		.type = area->type,
	};
	return axas_linear_claim(&area->claim);
}

struct axas_area *axas_area_new(const struct axas_space *space, struct axas_gpa_range range,
				u32 prot, u32 type, u32 flags, struct axas_backend backend)
{
	struct axas_area *area = kmalloc(sizeof(*area), GFP_KERNEL_ACCOUNT);
	bool direct = backend.ops->flags & AXAS_BACKEND_DIRECT;
	bool logged = flags & AXAS_AREA_LOGGED;
	int err;

	if (!area)
		return ERR_PTR(-ENOMEM);
	*area = (struct axas_area){
		.attr = axas_npt_leaf_attr(&space->npt, logged ? prot & ~AXAS_PROT_WRITE : prot,
					   type),
		.direct = direct ? prot : 0,
		.prot = prot, .type = type, .flags = flags,
		.backend = backend,
	};
	if (backend.ops->flags & AXAS_BACKEND_SINGLE && !axas_area_around(area) && !logged &&
	    !axas_area_is_missing(area))
		area->single = prot;
	err = 0;
	if (axas_area_is_linear(area))
		err = claim(area, range.start.val, axas_gpa_range_last(range).val);
	if (err) {
		kfree(area);
		return ERR_PTR(err);
	}
	/* The space holds its image. */
	if (backend.ops->hold && !(backend.ops->flags & AXAS_BACKEND_FROZEN))
		backend.ops->hold(&area->backend);
	return area;
}

struct axas_area *axas_area_copy(const struct axas_space *space, const struct axas_area *area,
				 u64 first, u64 last, u32 prot, u32 flags)
{
	return axas_area_new(space, axas_gpa_range(axas_gpa(first), last - first + 1), prot,
			     area->type, flags, area->backend);
}

bool axas_area_like(const struct axas_area *area, const struct axas_area *other)
{
	return area->type == other->type && area->backend.ops == other->backend.ops &&
	       area->backend.object == other->backend.object &&
	       area->backend.offset == other->backend.offset;
}

/* Release what an area holds: its claim, its backend. */
static void let_go(struct axas_area *area)
{
	if (axas_area_is_linear(area))
		axas_linear_release(&area->claim);
	if (area->backend.ops->release && !(area->backend.ops->flags & AXAS_BACKEND_FROZEN))
		area->backend.ops->release(&area->backend);
}

void axas_area_free(struct axas_area *area)
{
	let_go(area);
	kfree(area);
}

static struct axas_areas *new_areas(gfp_t gfp)
{
	struct axas_areas *areas = kzalloc(sizeof(*areas), gfp);

	if (!areas)
		return NULL;
	/*
	 * MT_FLAGS_ALLOC_RANGE, as mm_struct uses the tree. Without it mt_free_walk() takes the
	 * metadata in the last slot of a full node for a child when a few thousand areas are
	 * removed at once, in all kernels up to 7.2.
	 */
	mt_init_flags(&areas->tree, MT_FLAGS_ALLOC_RANGE | MT_FLAGS_USE_RCU);
	INIT_LIST_HEAD(&areas->tokens);
	refcount_set(&areas->users, 1);
	return areas;
}

struct axas_areas *axas_areas_new(void)
{
	return new_areas(GFP_KERNEL_ACCOUNT);
}

struct axas_areas *axas_areas_new_empty(void)
{
	return new_areas(GFP_KERNEL | __GFP_NOFAIL);
}

struct axas_areas *axas_areas_get(struct axas_areas *areas)
{
	refcount_inc(&areas->users);
	return areas;
}

static void destroy_areas(struct axas_areas *areas)
{
	MA_STATE(mas, &areas->tree, 0, 0);
	struct axas_area *area;

	for (area = axas_area_start(&mas, ~0ull); area; area = axas_area_next(&mas, ~0ull)) {
		if (!--area->ranges)
			axas_area_free(area);
		cond_resched();
	}
	mtree_destroy(&areas->tree);
	kfree(areas);
}

void axas_areas_put(struct axas_areas *areas)
{
	if (refcount_dec_and_test(&areas->users))
		destroy_areas(areas);
}

int axas_areas_add(struct axas_areas *areas, u64 first, u64 last, struct axas_area *area)
{
	MA_STATE(mas, &areas->tree, axas_page_nr(first), axas_page_nr(last));
	int err;

	mas_lock(&mas);
	err = mas_store_gfp(&mas, area, GFP_KERNEL_ACCOUNT);
	mas_unlock(&mas);
	if (!err)
		count_range(areas, area, first, last);
	return err;
}

/* Add a copy of an area. */
static int add_copy(const struct axas_space *space, struct axas_areas *areas,
		    const struct axas_area *area, u64 first, u64 last)
{
	struct axas_area *copy = axas_area_copy(space, area, first, last, area->prot, area->flags);
	int err;

	if (IS_ERR(copy))
		return PTR_ERR(copy);
	err = axas_areas_add(areas, first, last, copy);
	if (err)
		axas_area_free(copy);
	return err;
}

static struct axas_areas *copy_areas(const struct axas_space *space)
{
	MA_STATE(mas, &space->areas->tree, 0, 0);
	struct axas_areas *areas = axas_areas_new();
	struct axas_area *area;
	int err = 0;

	if (!areas)
		return NULL;
	for (area = axas_area_start(&mas, ~0ull); area && !err;
	     area = axas_area_next(&mas, ~0ull)) {
		err = add_copy(space, areas, area, axas_page_first(mas.index),
			       axas_page_last(mas.last));
		cond_resched();
	}
	if (!err)
		return areas;
	axas_areas_put(areas);
	return NULL;
}

int axas_areas_own(struct axas_space *space)
{
	struct axas_areas *areas, *old = space->areas;

	lockdep_assert_held(&space->changing);
	/* Others may put the set meanwhile, but only those that have it can get it again. */
	if (likely(refcount_read(&old->users) == 1))
		return 0;
	areas = copy_areas(space);
	if (!areas)
		return -ENOMEM;
	/* No reader uses the old areas after it. */
	axas_bar_begin(space);
	WRITE_ONCE(space->areas, areas);
	axas_bar_end(space);
	axas_areas_put(old);
	return 0;
}

/* Number of ranges that areas and tokens are charged for. */
static u64 paid(const struct axas_areas *areas)
{
	return AXAS_RANGES_PER_AREA * (areas->nr_objects + areas->nr_tokens);
}

int axas_token_need(struct axas_space *space)
{
	struct axas_areas *areas = space->areas;
	struct axas_area *token;

	if (paid(areas) > areas->nr_ranges)
		return 0;
	token = kmalloc(sizeof(*token), GFP_KERNEL_ACCOUNT);
	if (!token)
		return -ENOMEM;
	list_add(&token->node, &areas->tokens);
	areas->nr_tokens++;
	return 0;
}

static void trim_tokens(struct axas_areas *areas)
{
	struct axas_area *token;

	while (areas->nr_tokens && paid(areas) >= areas->nr_ranges + AXAS_RANGES_PER_AREA) {
		token = list_first_entry(&areas->tokens, struct axas_area, node);
		list_del(&token->node);
		kfree(token);
		areas->nr_tokens--;
		cond_resched();
	}
}

void axas_areas_free(struct axas_space *space, struct list_head *gone)
{
	struct axas_area *area;

	list_for_each_entry(area, gone, node) {
		let_go(area);
		space->areas->nr_tokens++;
		cond_resched();
	}
	list_splice_init(gone, &space->areas->tokens);
	trim_tokens(space->areas);
	axas_missing_wake_all(&space->missing);
}

/* The mutex protects the tree here; rcu_read_lock() is for the maple tree's own checks. */
struct axas_area *axas_area_start(struct ma_state *mas, u64 to)
{
	struct axas_area *area;

	rcu_read_lock();
	area = mas_walk(mas);
	/* mas_walk() stops at a gap, too. */
	if (!area && mas->last < axas_page_nr(to))
		area = mas_find(mas, axas_page_nr(to));
	rcu_read_unlock();
	return area;
}

struct axas_area *axas_area_next(struct ma_state *mas, u64 to)
{
	struct axas_area *area;

	if (mas->last >= axas_page_nr(to))
		return NULL;
	rcu_read_lock();
	area = mas_find(mas, axas_page_nr(to));
	rcu_read_unlock();
	return area;
}

/*
 * The only function that changes the tree. Before Linux 6.4 a store marks nodes dead before it
 * replaces them, and readers spin meanwhile; those in a section do so with preemption off. The
 * store must therefore not be preempted: it runs under the tree's spinlock or, on PREEMPT_RT where
 * that lock is preemptible, with the bar, when no section runs. @replace: areas are replaced, so
 * take space->lock for writing: holders for reading rely on the areas that they found.
 */
static int store(struct axas_space *space, u64 first, u64 last, struct axas_area *area, gfp_t gfp,
		 bool replace)
{
	MA_STATE(mas, &space->areas->tree, axas_page_nr(first), axas_page_nr(last));
	int err;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		axas_bar_begin(space);
	else if (replace)
		down_write(&space->lock);
	mas_lock(&mas);
	err = mas_store_gfp(&mas, area, gfp);
	mas_unlock(&mas);
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		axas_bar_end(space);
	else if (replace)
		up_write(&space->lock);
	return err;
}

bool axas_area_any(struct axas_space *space, u64 first, u64 last)
{
	MA_STATE(mas, &space->areas->tree, axas_page_nr(first), axas_page_nr(first));

	return axas_area_start(&mas, last);
}

int axas_area_insert(struct axas_space *space, u64 first, u64 last, struct axas_area *area)
{
	int err;

	if (axas_area_any(space, first, last))
		return -EEXIST;
	err = store(space, first, last, area, GFP_KERNEL_ACCOUNT, false);
	if (err)
		return err;
	count_range(space->areas, area, first, last);
	return 0;
}

/* Account for the areas of [first, last] losing it; what remains on either side is a range. */
static void leave_range(struct axas_space *space, u64 first, u64 last, struct list_head *gone)
{
	MA_STATE(mas, &space->areas->tree, axas_page_nr(first), axas_page_nr(first));
	struct axas_area *area;
	long ranges = 0;

	for (area = axas_area_start(&mas, last); area; area = axas_area_next(&mas, last)) {
		u64 from = max(first, axas_page_first(mas.index));
		u64 to = min(last, axas_page_last(mas.last));
		long left = (mas.index < axas_page_nr(first)) + (mas.last > axas_page_nr(last));

		area->ranges += left - 1;
		ranges += left - 1;
		count_pages(space->areas, area, -(long)pages(from, to));
		/* A linear area has one claim, hence one range. */
		WARN_ON_ONCE(left && axas_area_is_linear(area));
		if (!area->ranges) {
			list_add_tail(&area->node, gone);
			space->areas->nr_objects--;
		}
		cond_resched();
	}
	count_ranges(space->areas, ranges);
}

/* Adapt the claim. Memory that it gains is claimed by its former areas with the same type. */
static void move_claim(struct axas_area *area, u64 first, u64 last)
{
	first += area->backend.offset;
	last += area->backend.offset;
	if (area->claim.first != first || area->claim.last != last)
		axas_linear_resize(&area->claim, first, last);
}

void axas_areas_replace(struct axas_space *space, u64 first, u64 last, struct axas_area *area,
			struct list_head *gone)
{
	/* Before leave_range(): @area may be among those that lose the range. */
	if (area)
		count_range(space->areas, area, first, last);
	leave_range(space, first, last, gone);
	if (area && axas_area_is_linear(area))
		move_claim(area, first, last);
	/* Too late to fail: the caller has committed. */
	WARN_ON_ONCE(store(space, first, last, area, GFP_KERNEL | __GFP_NOFAIL, true));
}

int axas_area_cut(struct axas_space *space, u64 at)
{
	struct axas_cpu found = axas_nothing_found();
	struct axas_area *area, *upper;

	area = (struct axas_area *)axas_area_look_up(space, &found, at);
	upper = axas_area_copy(space, area, at, found.last, area->prot, area->flags);
	if (IS_ERR(upper))
		return PTR_ERR(upper);
	if (store(space, at, found.last, upper, GFP_KERNEL_ACCOUNT, true)) {
		axas_area_free(upper);
		return -ENOMEM;
	}
	/* Until move_claim() both areas count the upper pages. */
	count_range(space->areas, upper, at, found.last);
	count_pages(space->areas, upper, -(long)pages(at, found.last));
	move_claim(area, found.first, at - 1);
	return 0;
}

void axas_area_uncut(struct axas_space *space, u64 at, struct list_head *gone)
{
	struct axas_cpu lower = axas_nothing_found(), upper = axas_nothing_found();
	const struct axas_area *area = axas_area_look_up(space, &lower, at - 1);

	axas_area_look_up(space, &upper, at);
	axas_areas_replace(space, lower.first, upper.last, (struct axas_area *)area, gone);
}

int axas_area_init(void)
{
	unsigned int cpu;

	if (!zalloc_cpumask_var(&untimed_cpus, GFP_KERNEL))
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		if (!zalloc_cpumask_var(per_cpu_ptr(&asked_cpus, cpu), GFP_KERNEL)) {
			axas_area_exit();
			return -ENOMEM;
		}
		if (tick_nohz_full_cpu(cpu))
			cpumask_set_cpu(cpu, untimed_cpus);
	}
	if (nr_cpu_ids > AXAS_NPT_SHARDS)
		static_branch_enable(&axas_npt_shared_shards);
	return 0;
}

void axas_area_exit(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		free_cpumask_var(*per_cpu_ptr(&asked_cpus, cpu));
	free_cpumask_var(untimed_cpus);
}

void axas_space_pause(unsigned int *tries)
{
	if (++*tries < AXAS_TRIES)
		cond_resched();
	else
		schedule_timeout_killable(1);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_space_pause);

bool axas_space_contains(const struct axas_space *space, struct axas_gpa_range range)
{
	return axas_gpa_range_covers(space->range, range);
}
EXPORT_SYMBOL_AXAS(axas_space_contains);
