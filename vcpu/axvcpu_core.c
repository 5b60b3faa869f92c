// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs: their states, who may work on them, where they may run, and the loop that
 * runs them. Calls the backend, the HAL, and the space.
 *
 * Locks: none that two vCPUs take on their way out of a guest and in again. vcpu->busy, a
 * bit that nobody waits for, makes one thread at a time true: a thread that holds a vCPU
 * reads and writes it without a lock. Beside it run only inject, kick, state, set_affinity,
 * and the flush callback of the space; they touch @vectors, @requests, @state, which are
 * atomic, and the affinity, which has its own lock. See also "the current vCPU".
 */
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/hash.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "axas_compat.h"
#include "axvcpu.h"

/**
 * DOC: how a flush gets through
 *
 * The space asks for a flush before it frees memory that translations still name. A vCPU
 * is then either in its guest, and must be brought out, or outside, and must not enter
 * again before it has forgotten them. Who runs it says first that it is about to enter,
 * then looks at its requests; who flushes makes the request first, then looks whether
 * it is in the guest. With a full barrier between both steps on both sides, at least
 * one of them sees what the other did:
 *
 *	enter()				request_flush()
 *	mode = IN_GUEST			requests |= FLUSH
 *	smp_mb()			smp_mb()
 *	if (requests & FLUSH)		if (mode == IN_GUEST)
 *		forget them			its CPU is interrupted, and waited for
 *	enter the guest
 *
 * Interrupts are off from before the first step to the exit, and an interrupt that is
 * pending makes hardware leave the guest: so when the CPU has answered, it is outside.
 */

/**
 * DOC: the current vCPU
 *
 * Code of others that a thread in axvcpu_run() gets into may ask which vCPU that is, and must
 * not begin another operation. It gets there at two places alone:
 *
 * - while the vCPU is loaded: the HAL's callbacks, and what gives frames without sleeping.
 *   Preemption is off, and so the vCPU is its CPU's: @loaded. A thread that may be preempted
 *   finds NULL there, whichever CPU it is on.
 * - while it handles a fault and may sleep, and move: the thread stands in @sleepers then, a
 *   table by threads. Others write to the same line only if they handle such a fault, too,
 *   and are of the same bucket. A thread that finds its bucket empty is not in it: it alone
 *   puts itself there.
 */

static DEFINE_PER_CPU(struct axvcpu *, loaded);

#define SLEEPERS_BITS	7

static struct sleeper_bucket {
	raw_spinlock_t lock;	/* @vcpus. Raw: who asks may be atomic, and it is short */
	struct hlist_head vcpus;
} ____cacheline_aligned_in_smp sleepers[BIT(SLEEPERS_BITS)] = {
	[0 ... BIT(SLEEPERS_BITS) - 1] = { .lock = __RAW_SPIN_LOCK_UNLOCKED(sleepers.lock) },
};

static struct sleeper_bucket *this_bucket(void)
{
	return &sleepers[hash_ptr(current, SLEEPERS_BITS)];
}

static struct axvcpu *find_sleeping(void)
{
	struct sleeper_bucket *bucket = this_bucket();
	struct axvcpu *vcpu;

	if (likely(hlist_empty(&bucket->vcpus)))
		return NULL;
	raw_spin_lock(&bucket->lock);
	hlist_for_each_entry(vcpu, &bucket->vcpus, node)
		if (vcpu->thread == current)
			break;
	raw_spin_unlock(&bucket->lock);
	return vcpu;
}

static void begin_sleepable(struct axvcpu *vcpu)
{
	struct sleeper_bucket *bucket = this_bucket();

	vcpu->thread = current;
	raw_spin_lock(&bucket->lock);
	hlist_add_head(&vcpu->node, &bucket->vcpus);
	raw_spin_unlock(&bucket->lock);
}

static void end_sleepable(struct axvcpu *vcpu)
{
	struct sleeper_bucket *bucket = this_bucket();

	raw_spin_lock(&bucket->lock);
	hlist_del(&vcpu->node);
	raw_spin_unlock(&bucket->lock);
}

/* See "the current vCPU". */
struct axvcpu *axvcpu_current(void)
{
	return this_cpu_read(loaded) ?: find_sleeping();
}
EXPORT_SYMBOL_AXAS(axvcpu_current);

int axvcpu_begin(struct axvcpu *vcpu)
{
	if (unlikely(axvcpu_current()))
		return -EDEADLK;
	return test_and_set_bit_lock(0, &vcpu->busy) ? -EBUSY : 0;
}
EXPORT_SYMBOL_AXAS_KUNIT(axvcpu_begin);

void axvcpu_end(struct axvcpu *vcpu)
{
	clear_bit_unlock(0, &vcpu->busy);
}
EXPORT_SYMBOL_AXAS_KUNIT(axvcpu_end);

u32 axvcpu_state(const struct axvcpu *vcpu)
{
	return atomic_read(&vcpu->state);
}
EXPORT_SYMBOL_AXAS(axvcpu_state);

int axvcpu_transition(struct axvcpu *vcpu, u32 from, u32 to)
{
	if (atomic_cmpxchg(&vcpu->state, from, to) == from)
		return 0;
	atomic_set(&vcpu->state, AXVCPU_STATE_INVALID);
	return -EBADFD;
}
EXPORT_SYMBOL_AXAS(axvcpu_transition);

/* The step is done when its work is; a failure of either leaves INVALID. */
static int finish_step(struct axvcpu *vcpu, u32 from, u32 to, int err)
{
	if (!err)
		return axvcpu_transition(vcpu, from, to);
	atomic_set(&vcpu->state, AXVCPU_STATE_INVALID);
	return err;
}

/* Begin to look at or change the registers of a vCPU that has some and does not run. */
static int begin_registers(struct axvcpu *vcpu)
{
	int err = axvcpu_begin(vcpu);

	if (err)
		return err;
	switch (axvcpu_state(vcpu)) {
	case AXVCPU_STATE_FREE:
	case AXVCPU_STATE_READY:
	case AXVCPU_STATE_BLOCKED:
		return 0;
	default:
		axvcpu_end(vcpu);
		return -EBADFD;
	}
}

u32 axvcpu_id(const struct axvcpu *vcpu)
{
	return vcpu->id;
}
EXPORT_SYMBOL_AXAS(axvcpu_id);

bool axvcpu_is_bsp(const struct axvcpu *vcpu)
{
	return vcpu->bsp;
}
EXPORT_SYMBOL_AXAS(axvcpu_is_bsp);

u32 axvcpu_preferred_cpu(const struct axvcpu *vcpu)
{
	return READ_ONCE(vcpu->preferred_cpu);
}
EXPORT_SYMBOL_AXAS(axvcpu_preferred_cpu);

u64 axvcpu_cpu_set(const struct axvcpu *vcpu)
{
	return READ_ONCE(vcpu->cpu_set);
}
EXPORT_SYMBOL_AXAS(axvcpu_cpu_set);

static bool in_set(u64 set, unsigned int cpu)
{
	return !set || (cpu < 64 && set & BIT_ULL(cpu));
}

static bool affinity_ok(u32 preferred, u64 set)
{
	unsigned int cpu;

	if (preferred != AXVCPU_CPU_ANY &&
	    (preferred >= nr_cpu_ids || !cpu_possible(preferred) || !in_set(set, preferred)))
		return false;
	for_each_possible_cpu(cpu)
		if (in_set(set, cpu))
			return true;
	return false;
}

int axvcpu_set_affinity(struct axvcpu *vcpu, u32 preferred_cpu, u64 cpu_set)
{
	if (!affinity_ok(preferred_cpu, cpu_set))
		return -EINVAL;
	write_seqlock(&vcpu->affinity);
	WRITE_ONCE(vcpu->preferred_cpu, preferred_cpu);
	WRITE_ONCE(vcpu->cpu_set, cpu_set);
	write_sequnlock(&vcpu->affinity);
	return 0;
}
EXPORT_SYMBOL_AXAS(axvcpu_set_affinity);

static void nothing(void *info)
{
}

/* Make its CPU leave the guest. What the vCPU shall see then was written before. */
static void kick(struct axvcpu *vcpu)
{
	/* See "how a flush gets through". */
	smp_mb();
	if (READ_ONCE(vcpu->mode) == AXVCPU_IN_GUEST)
		smp_call_function_single(READ_ONCE(vcpu->cpu), nothing, NULL, false);
}

/* It stays until a run has ended for it: there is no moment in which it would be lost. */
void axvcpu_kick(struct axvcpu *vcpu)
{
	set_bit(AXVCPU_REQ_LEAVE, &vcpu->requests);
	kick(vcpu);
}
EXPORT_SYMBOL_AXAS(axvcpu_kick);

/* A vCPU that is in its guest is to leave it; one that is not looks before it is. */
static void request_flush(struct axas_consumer *consumer, const struct axas_flush *flush,
			  struct cpumask *cpus)
{
	struct axvcpu *vcpu = container_of(consumer, struct axvcpu, consumer);

	if (vcpu->ops->flush_range)
		vcpu->ops->flush_range(vcpu, flush);
	else
		set_bit(AXVCPU_REQ_FLUSH, &vcpu->requests);
	/* See "how a flush gets through". */
	smp_mb();
	/* What it did in the guest is done, for those who look at the guest's memory next. */
	if (smp_load_acquire(&vcpu->mode) == AXVCPU_IN_GUEST)
		cpumask_set_cpu(READ_ONCE(vcpu->cpu), cpus);
}

static const struct axas_consumer_ops consumer_ops = { .request = request_flush };

static void free_vcpu(struct axvcpu *vcpu)
{
	free_cpumask_var(vcpu->before);
	free_cpumask_var(vcpu->allowed);
	axas_space_put(vcpu->space);
	kfree(vcpu);
}

static struct axvcpu *new_vcpu(struct axas_space *space, const struct axvcpu_params *params)
{
	struct axvcpu *vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);

	if (!vcpu)
		return NULL;
	vcpu->space = axas_space_get(space);
	vcpu->consumer.ops = &consumer_ops;
	vcpu->id = params->id;
	vcpu->bsp = params->bsp;
	seqlock_init(&vcpu->affinity);
	vcpu->preferred_cpu = params->preferred_cpu;
	vcpu->cpu_set = params->cpu_set;
	vcpu->cpu = -1;
	vcpu->exit = &vcpu->exit_room[0];
	atomic_set(&vcpu->state, AXVCPU_STATE_CREATED);
	/* Both are tried: free_vcpu() takes those that are not there. */
	if (zalloc_cpumask_var(&vcpu->before, GFP_KERNEL_ACCOUNT) &&
	    zalloc_cpumask_var(&vcpu->allowed, GFP_KERNEL_ACCOUNT))
		return vcpu;
	free_vcpu(vcpu);
	return NULL;
}

static int attach(struct axvcpu *vcpu)
{
	int err = vcpu->ops->create(vcpu);

	if (err || vcpu->ops->attaches)
		return err;
	err = axas_space_attach(vcpu->space, &vcpu->consumer);
	if (err)
		vcpu->ops->destroy(vcpu);
	return err;
}

/* Whether what runs the vCPUs of a backend may walk a space's table. */
static int check_machine(const struct axas_space *space, const struct axvcpu_arch_ops *ops)
{
	if (axas_space_format(space) != ops->format)
		return -EMEDIUMTYPE;
	return ops->check_machine ? ops->check_machine(space) : axas_space_check_machine(space);
}

struct axvcpu *axvcpu_create_on(struct axas_space *space, const struct axvcpu_params *params,
				const struct axvcpu_arch_ops *ops,
				const struct axvcpu_hal *hal)
{
	struct axvcpu *vcpu;
	int err;

	if (!affinity_ok(params->preferred_cpu, params->cpu_set))
		return ERR_PTR(-EINVAL);
	err = check_machine(space, ops);
	if (err)
		return ERR_PTR(err);
	vcpu = new_vcpu(space, params);
	if (!vcpu)
		return ERR_PTR(-ENOMEM);
	vcpu->ops = ops;
	vcpu->hal = hal;
	err = attach(vcpu);
	if (!err)
		return vcpu;
	free_vcpu(vcpu);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_AXAS_KUNIT(axvcpu_create_on);

void axvcpu_destroy_on(struct axvcpu *vcpu)
{
	if (!vcpu->ops->attaches)
		axas_space_detach(vcpu->space, &vcpu->consumer);
	vcpu->ops->destroy(vcpu);
	free_vcpu(vcpu);
}
EXPORT_SYMBOL_AXAS_KUNIT(axvcpu_destroy_on);

struct axvcpu *axvcpu_create(struct axas_space *space, const struct axvcpu_params *params)
{
	const struct axvcpu_arch_ops *ops = axvcpu_arch_host();
	const struct axvcpu_hal *hal;
	struct axvcpu *vcpu;
	int err;

	if (!ops)
		return ERR_PTR(-EOPNOTSUPP);
	err = axvcpu_machine_get(ops);
	if (err)
		return ERR_PTR(err);
	hal = axvcpu_hal_get();
	vcpu = axvcpu_create_on(space, params, ops, hal);
	if (!IS_ERR(vcpu))
		return vcpu;
	axvcpu_hal_put(hal);
	axvcpu_machine_put();
	return vcpu;
}
EXPORT_SYMBOL_AXAS(axvcpu_create);

void axvcpu_destroy(struct axvcpu *vcpu)
{
	const struct axvcpu_hal *hal;

	if (!vcpu)
		return;
	hal = vcpu->hal;
	axvcpu_destroy_on(vcpu);
	axvcpu_hal_put(hal);
	axvcpu_machine_put();
}
EXPORT_SYMBOL_AXAS(axvcpu_destroy);

/* The machine is checked again where the root is loaded: nothing else keeps the guest in. */
static int do_setup(struct axvcpu *vcpu, const struct axvcpu_setup *setup)
{
	int err = vcpu->ops->set_entry(vcpu, setup->entry);

	if (!err)
		err = check_machine(vcpu->space, vcpu->ops);
	if (!err)
		err = vcpu->ops->set_npt_root(vcpu, axas_space_root(vcpu->space));
	if (!err)
		err = vcpu->ops->setup(vcpu, setup);
	if (!err)
		vcpu->setup = *setup;
	return err;
}

int axvcpu_setup(struct axvcpu *vcpu, const struct axvcpu_setup *setup)
{
	int err;

	if (setup->flags & ~AXVCPU_SETUP_FLAGS || setup->reserved)
		return -EINVAL;
	err = vcpu->ops->check_setup ? vcpu->ops->check_setup(setup) : 0;
	if (err)
		return err;
	err = axvcpu_begin(vcpu);
	if (err)
		return err;
	err = axvcpu_transition(vcpu, AXVCPU_STATE_CREATED, AXVCPU_STATE_CREATED);
	if (!err)
		err = finish_step(vcpu, AXVCPU_STATE_CREATED, AXVCPU_STATE_FREE,
				  do_setup(vcpu, setup));
	axvcpu_end(vcpu);
	return err;
}
EXPORT_SYMBOL_AXAS(axvcpu_setup);

/* bind() and unbind(): one step with one optional call of the backend. */
static int step(struct axvcpu *vcpu, u32 from, u32 to, int (*work)(struct axvcpu *vcpu))
{
	int err = axvcpu_begin(vcpu);

	if (err)
		return err;
	err = axvcpu_transition(vcpu, from, from);
	if (!err)
		err = finish_step(vcpu, from, to, work ? work(vcpu) : 0);
	axvcpu_end(vcpu);
	return err;
}

int axvcpu_bind(struct axvcpu *vcpu)
{
	return step(vcpu, AXVCPU_STATE_FREE, AXVCPU_STATE_READY, vcpu->ops->bind);
}
EXPORT_SYMBOL_AXAS(axvcpu_bind);

int axvcpu_unbind(struct axvcpu *vcpu)
{
	return step(vcpu, AXVCPU_STATE_READY, AXVCPU_STATE_FREE, vcpu->ops->unbind);
}
EXPORT_SYMBOL_AXAS(axvcpu_unbind);

/* Let the host have its interrupt, and tell the caller which if it wants to know. */
static int take_irq(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	const struct axvcpu_hal *hal = vcpu->hal;
	int ran = AXVCPU_RAN_IRQ;

	if (vcpu->setup.flags & AXVCPU_SETUP_EXIT_IRQ) {
		exit->reason = AXVCPU_EXIT_EXTERNAL_INTERRUPT;
		exit->external_interrupt.vector = hal->irq_fetch ? hal->irq_fetch() : 0;
		ran = AXVCPU_RAN_EXIT;
	}
	hal->irq_handler();
	return ran;
}

/* need_resched(), signal_pending(), and the way to user space, in one look. */
static bool wanted_elsewhere(void)
{
	return read_thread_flags() & (BIT(TIF_NEED_RESCHED) | AXAS_TIF_RESCHED_LAZY |
				      BIT(TIF_SIGPENDING) | BIT(TIF_NOTIFY_SIGNAL) |
				      BIT(TIF_NOTIFY_RESUME));
}

static void count(struct axvcpu *vcpu, int ran, const struct axvcpu_exit *exit)
{
	u32 reason = AXVCPU_EXIT_NOTHING;

	if (ran == AXVCPU_RAN_IRQ)
		reason = AXVCPU_EXIT_EXTERNAL_INTERRUPT;
	else if (ran == AXVCPU_RAN_FAULT)
		reason = AXVCPU_EXIT_NESTED_PAGE_FAULT;
	else if (ran == AXVCPU_RAN_EXIT && exit->reason < ARRAY_SIZE(vcpu->exits))
		reason = exit->reason;
	vcpu->entries++;
	vcpu->exits[reason]++;
}

/* One entry, with interrupts off. AXVCPU_RAN_IRQ also when the host wants its turn. */
static int enter(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	unsigned long requests;
	int ran;

	/* Who sees it sees its CPU, too. Pairs with request_flush(). */
	smp_store_release(&vcpu->mode, AXVCPU_IN_GUEST);
	/* See "how a flush gets through". */
	smp_mb();
	/* The machine goes down: interrupts that were on since run_here() took it away. */
	if (unlikely(!__this_cpu_read(axvcpu_enabled))) {
		WRITE_ONCE(vcpu->mode, AXVCPU_OUTSIDE);
		return -EAGAIN;
	}
	requests = READ_ONCE(vcpu->requests);
	if (wanted_elsewhere() || requests & BIT(AXVCPU_REQ_LEAVE)) {
		WRITE_ONCE(vcpu->mode, AXVCPU_OUTSIDE);
		return AXVCPU_RAN_IRQ;
	}
	if (unlikely(requests) &&
	    test_and_clear_bit(AXVCPU_REQ_FLUSH, &vcpu->requests))
		vcpu->ops->flush(vcpu);
	ran = vcpu->ops->run(vcpu, exit);
	/* All that the guest did comes before: flush() may return on this alone. */
	smp_store_release(&vcpu->mode, AXVCPU_OUTSIDE);
	count(vcpu, ran, exit);
	return ran == AXVCPU_RAN_IRQ ? take_irq(vcpu, exit) : ran;
}

/*
 * Most faults need a frame and nothing else: they are handled here, with the guest's state
 * loaded and preemption off. What needs more goes on in handle_fault().
 */
static bool handle_fault_here(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	int result = axas_space_fault_nowait(vcpu->space, axas_gpa(exit->nested_page_fault.gpa),
					     exit->nested_page_fault.access);

	if (result == AXAS_FAULT_RETRY)
		return false;
	memset(exit, 0, sizeof(*exit));
	return true;
}

/*
 * Enter until something is to be done that cannot be done with preemption off. Each
 * host interrupt is a reason: a kernel that keeps softirqs off while its FPU is lent
 * (since 6.16) shall have them.
 */
static int run_loaded(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	int ran;

	do {
		local_irq_disable();
		ran = enter(vcpu, exit);
		local_irq_enable();
		if (ran == AXVCPU_RAN_FAULT && handle_fault_here(vcpu, exit))
			ran = AXVCPU_RAN_AGAIN;
	} while (ran == AXVCPU_RAN_AGAIN);
	return ran;
}

static int run_here(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	int cpu = get_cpu();
	int ran = -EAGAIN;

	/* A CPU that goes offline stops before its last threads have left it. */
	if (!axvcpu_machine_here(vcpu->ops) || !in_set(vcpu->run_set, cpu))
		goto out;
	if (vcpu->cpu != cpu) {
		/* What another CPU forgot, this one may still know from before. */
		set_bit(AXVCPU_REQ_FLUSH, &vcpu->requests);
		WRITE_ONCE(vcpu->cpu, cpu);
	}
	__this_cpu_write(loaded, vcpu);
	ran = vcpu->ops->load(vcpu);
	if (!ran) {
		ran = run_loaded(vcpu, exit);
		vcpu->ops->put(vcpu);
	}
	__this_cpu_write(loaded, NULL);
out:
	put_cpu();
	return ran;
}

/* What the space has for the access; what it has not is the caller's. */
static int handle_fault(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	u32 result;

	begin_sleepable(vcpu);
	result = axas_space_fault(vcpu->space, axas_gpa(exit->nested_page_fault.gpa),
				  exit->nested_page_fault.access, NULL);
	end_sleepable(vcpu);
	switch (result) {
	case AXAS_FAULT_FIXED:
	case AXAS_FAULT_SPURIOUS:
	case AXAS_FAULT_RETRY:
		return AXVCPU_RAN_AGAIN;
	case AXAS_FAULT_NOMEM:
		return -ENOMEM;
	default:
		exit->reason = AXVCPU_EXIT_NESTED_PAGE_FAULT;
		exit->nested_page_fault.result = result;
		if (result == AXAS_FAULT_HOLE && vcpu->ops->hole)
			vcpu->ops->hole(vcpu, exit);
		return AXVCPU_RAN_EXIT;
	}
}

/*
 * Give this thread another mask, if it still has the one that this was decided by: else
 * -EAGAIN, for what somebody else has set is not to be lost. The kernel has no such call. What
 * comes between both steps it keeps since Linux 6.2 alone, see move_thread().
 */
static int replace_mask(const struct cpumask *was, const struct cpumask *mask)
{
	if (!cpumask_equal(current->cpus_ptr, was))
		return -EAGAIN;
	return set_cpus_allowed_ptr(current, mask);
}

/* Where the thread may be by itself: vcpu->before; where the vCPU may, too: vcpu->allowed. */
static void find_allowed(struct axvcpu *vcpu)
{
	unsigned int cpu;

	/* Ours is not what the thread had. */
	if (!vcpu->moved || !cpumask_equal(current->cpus_ptr, vcpu->allowed)) {
		cpumask_copy(vcpu->before, current->cpus_ptr);
		vcpu->moved = false;
	}
	cpumask_clear(vcpu->allowed);
	for_each_cpu(cpu, vcpu->before)
		if (in_set(vcpu->run_set, cpu))
			cpumask_set_cpu(cpu, vcpu->allowed);
}

/* 0, and vcpu->allowed is the thread's mask; -EAGAIN; or its mask is again what it was. */
static int narrow_mask(struct axvcpu *vcpu, unsigned int preferred)
{
	const struct cpumask *now = vcpu->moved ? vcpu->allowed : vcpu->before;
	int err;

	/* The preferred one first: the scheduler leaves a thread where it is. */
	if (preferred != AXVCPU_CPU_ANY && preferred != raw_smp_processor_id() &&
	    cpumask_test_cpu(preferred, vcpu->allowed)) {
		err = replace_mask(now, cpumask_of(preferred));
		if (err == -EAGAIN)
			return err;
		if (!err)
			now = cpumask_of(preferred);
	}
	err = replace_mask(now, vcpu->allowed);
	if (!err)
		vcpu->moved = true;
	else if (err != -EAGAIN)
		replace_mask(now, vcpu->before);
	return err;
}

/*
 * A mask that is not ours any more was set by somebody else meanwhile, and stays. That it
 * was set to just what ours is can be told since Linux 6.2 alone, where the kernel itself
 * lets no mask of ours go beyond it.
 */
static void move_thread_back(struct axvcpu *vcpu)
{
	if (vcpu->moved)
		replace_mask(vcpu->allowed, vcpu->before);
	vcpu->moved = false;
}

/*
 * Bring this thread to where the vCPU may run, as far as the thread itself may. Since Linux
 * 6.2 the mask that a user has set is kept beside the one that counts, and limits it unless
 * nothing is left: so it can be seen that one that came in between leaves nothing.
 */
static int move_thread(struct axvcpu *vcpu, unsigned int preferred)
{
	int err;

	do {
		find_allowed(vcpu);
		err = narrow_mask(vcpu, preferred);
	} while (err == -EAGAIN);
	if (!err && axas_user_mask_excludes(vcpu->allowed)) {
		move_thread_back(vcpu);
		err = -EINVAL;
	}
	return err;
}

/* Whether the thread is where it shall be, and may be nowhere else. */
static bool in_place(const struct axvcpu *vcpu, unsigned int preferred)
{
	const struct cpumask *mask = current->cpus_ptr;
	u64 set = vcpu->run_set;

	/* A set is of the first 64 CPUs. */
	if (set && (cpumask_bits(mask)[0] & ~set ||
		    find_next_bit(cpumask_bits(mask), nr_cpu_ids, 64) < nr_cpu_ids))
		return false;
	return preferred == AXVCPU_CPU_ANY || preferred == raw_smp_processor_id() ||
	       !cpumask_test_cpu(preferred, mask);
}

/* Where a run may be is said when it begins. */
static int begin_run(struct axvcpu *vcpu)
{
	unsigned int preferred, seq;

	do {
		seq = read_seqbegin(&vcpu->affinity);
		preferred = READ_ONCE(vcpu->preferred_cpu);
		vcpu->run_set = READ_ONCE(vcpu->cpu_set);
	} while (read_seqretry(&vcpu->affinity, seq));
	return in_place(vcpu, preferred) ? 0 : move_thread(vcpu, preferred);
}

/*
 * A thread that is wanted elsewhere at leisure does not enter, and is none of cond_resched()'s:
 * it would come back here until the next tick.
 */
static void let_others_run(void)
{
	if (read_thread_flags() & AXAS_TIF_RESCHED_LAZY)
		schedule();
	else
		cond_resched();
}

/* Why the thread shall not enter now: 0, or what ends the run. */
static int check_thread(struct axvcpu *vcpu)
{
	if (signal_pending(current) || test_and_clear_bit(AXVCPU_REQ_LEAVE, &vcpu->requests))
		return -EINTR;
	/* Who may set the thread's mask has brought it to where the vCPU may not be. */
	if (unlikely(!in_set(vcpu->run_set, raw_smp_processor_id())))
		return move_thread(vcpu, AXVCPU_CPU_ANY);
	return 0;
}

static int run_until_exit(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	int ran;

	for (;;) {
		memset(exit, 0, sizeof(*exit));
		let_others_run();
		ran = check_thread(vcpu);
		/* Work that wants this thread on its way to user space, such as rseq's. */
		if (ran || test_thread_flag(TIF_NOTIFY_RESUME))
			return ran;
		ran = run_here(vcpu, exit);
		if (ran == -EAGAIN)
			schedule_timeout_interruptible(1);
		else if (ran == AXVCPU_RAN_FAULT)
			ran = handle_fault(vcpu, exit);
		if (ran == AXVCPU_RAN_EXIT)
			return 0;
		if (ran < 0 && ran != -EAGAIN)
			return ran;
	}
}

static int run(struct axvcpu *vcpu)
{
	struct axvcpu_exit *exit = &vcpu->exit_room[vcpu->exit == &vcpu->exit_room[0]];
	int err = begin_run(vcpu);

	if (!err)
		err = run_until_exit(vcpu, exit);
	move_thread_back(vcpu);
	if (!err)
		vcpu->exit = exit;
	return err;
}

int axvcpu_run(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	int err = axvcpu_begin(vcpu);

	if (err)
		return err;
	err = axvcpu_transition(vcpu, AXVCPU_STATE_READY, AXVCPU_STATE_RUNNING);
	if (!err) {
		err = run(vcpu);
		if (!err)
			*exit = *vcpu->exit;
		if (err == -EIO)
			atomic_set(&vcpu->state, AXVCPU_STATE_INVALID);
		else if (axvcpu_transition(vcpu, AXVCPU_STATE_RUNNING, AXVCPU_STATE_READY))
			err = -EBADFD;
	}
	axvcpu_end(vcpu);
	return err;
}
EXPORT_SYMBOL_AXAS(axvcpu_run);

/* As bind() and unbind() around a run, which has begun; what fails in them leaves INVALID. */
static int run_bound(struct axvcpu *vcpu)
{
	int err = vcpu->ops->bind ? vcpu->ops->bind(vcpu) : 0, ran;

	if (err)
		return finish_step(vcpu, AXVCPU_STATE_RUNNING, AXVCPU_STATE_FREE, err);
	ran = run(vcpu);
	if (ran == -EIO)
		return finish_step(vcpu, AXVCPU_STATE_RUNNING, AXVCPU_STATE_FREE, ran);
	err = vcpu->ops->unbind ? vcpu->ops->unbind(vcpu) : 0;
	return finish_step(vcpu, AXVCPU_STATE_RUNNING, AXVCPU_STATE_FREE, err) ?: ran;
}

int axvcpu_run_unbound(struct axvcpu *vcpu)
{
	int err;

	/* A program that runs it too early may set it up yet. */
	if (axvcpu_state(vcpu) == AXVCPU_STATE_CREATED)
		return -EBADFD;
	err = axvcpu_transition(vcpu, AXVCPU_STATE_FREE, AXVCPU_STATE_RUNNING);
	return err ?: run_bound(vcpu);
}
EXPORT_SYMBOL_AXAS_KUNIT(axvcpu_run_unbound);

int axvcpu_set_entry(struct axvcpu *vcpu, u64 entry)
{
	int err = begin_registers(vcpu);

	if (err)
		return err;
	err = vcpu->ops->set_entry(vcpu, entry);
	axvcpu_end(vcpu);
	return err;
}
EXPORT_SYMBOL_AXAS(axvcpu_set_entry);

int axvcpu_set_gpr(struct axvcpu *vcpu, u32 reg, u64 val)
{
	int err;

	if (reg >= (vcpu->ops->nr_regs ?: AXVCPU_NR_REGS))
		return -EINVAL;
	err = begin_registers(vcpu);
	if (err)
		return err;
	vcpu->ops->set_gpr(vcpu, reg, val);
	axvcpu_end(vcpu);
	return 0;
}
EXPORT_SYMBOL_AXAS(axvcpu_set_gpr);

int axvcpu_set_return_value(struct axvcpu *vcpu, u64 val)
{
	int err = begin_registers(vcpu);

	if (err)
		return err;
	vcpu->ops->set_return_value(vcpu, val);
	axvcpu_end(vcpu);
	return 0;
}
EXPORT_SYMBOL_AXAS(axvcpu_set_return_value);

int axvcpu_get_regs(struct axvcpu *vcpu, struct axvcpu_regs *regs)
{
	int err = begin_registers(vcpu);

	if (err)
		return err;
	vcpu->ops->get_regs(vcpu, regs);
	axvcpu_end(vcpu);
	return 0;
}
EXPORT_SYMBOL_AXAS(axvcpu_get_regs);

int axvcpu_set_regs(struct axvcpu *vcpu, const struct axvcpu_regs *regs)
{
	int err;

	if (regs->flags & ~vcpu->ops->regs_flags)
		return -EINVAL;
	err = begin_registers(vcpu);
	if (err)
		return err;
	err = vcpu->ops->set_regs(vcpu, regs);
	axvcpu_end(vcpu);
	return err;
}
EXPORT_SYMBOL_AXAS(axvcpu_set_regs);

int axvcpu_inject_interrupt(struct axvcpu *vcpu, u32 vector)
{
	u32 state = axvcpu_state(vcpu);

	if (vector < AXVCPU_FIRST_VECTOR || vector >= AXVCPU_NR_VECTORS)
		return -EINVAL;
	if (state == AXVCPU_STATE_INVALID || state == AXVCPU_STATE_CREATED)
		return -EBADFD;
	set_bit(vector, vcpu->vectors);
	kick(vcpu);
	return 0;
}
EXPORT_SYMBOL_AXAS(axvcpu_inject_interrupt);

void axvcpu_vector_done(struct axvcpu *vcpu, u8 vector, bool waits)
{
	if (waits)
		set_bit(vector, vcpu->vectors);
	else
		clear_bit(vector, vcpu->vectors);
}
EXPORT_SYMBOL_AXAS_KUNIT(axvcpu_vector_done);
