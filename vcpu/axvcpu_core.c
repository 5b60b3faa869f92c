// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs: states, exclusion between threads, affinity, and the run loop. Calls the backend,
 * axvcpu_percpu.c, axvcpu_hal.c and the HAL that it returns, and the space.
 *
 * Locks: vCPUs share no lock on the path out of a guest and in again. The bit vcpu->busy, for which
 * no thread waits, admits one thread at a time: that thread accesses the vCPU without a lock. Only
 * inject, set_line, interrupt, flush, kick, state, set_affinity and the space's flush callback run
 * concurrently; they access @vectors, @lines, @requests and @state, which are atomic, and the
 * affinity, which has its own lock. See also "the current vCPU".
 */
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/hash.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/wait.h>

#include "axas_compat.h"
#include "axvcpu.h"
#include "axvcpu_trace.h"

/**
 * DOC: how a flush gets through
 *
 * The space requests a flush before it frees memory that cached translations still map. A vCPU in
 * its guest must then be brought out; a vCPU outside must not enter again before it has flushed.
 * The thread that runs the vCPU first announces the entry, then checks the requests; the flushing
 * thread first makes the request, then checks whether the vCPU is in its guest. With a full barrier
 * between the two steps on both sides, at least one of them sees the other's store:
 *
 *	enter()				request_flush(), axvcpu_flush()
 *	mode = IN_GUEST			requests |= FLUSH
 *	smp_mb()			smp_mb()
 *	if (requests & FLUSH)		if (mode == IN_GUEST)
 *		flush				interrupt its CPU and wait
 *	enter the guest
 *
 * Interrupts are off from before the first step to the exit, and a pending interrupt makes the
 * hardware exit the guest: so once the CPU has answered, the vCPU is outside.
 */

/**
 * DOC: the current vCPU
 *
 * Callbacks reached from axvcpu_run() may ask for the current vCPU, and must not start another
 * operation. They run in two situations only:
 *
 * - while the vCPU is loaded: the HAL's callbacks, and frame allocation that does not sleep.
 *   Preemption is off, so the vCPU belongs to the CPU: @loaded. A preemptible thread reads NULL
 *   there, whichever CPU it is on.
 * - while a fault is handled that may sleep, and migrate: the vCPU is then in @sleepers, a table
 *   hashed by thread. Other threads write to the same bucket only if they handle such a fault,
 *   too, and hash to it. A thread that finds its bucket empty is not in it, since only the thread
 *   itself inserts its vCPU.
 */

static DEFINE_PER_CPU(struct axvcpu *, loaded);

#define SLEEPERS_BITS	7

static struct sleeper_bucket {
	raw_spinlock_t lock;	/* protects @vcpus; raw: callers may be atomic */
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

/* Complete a step after its work: the transition, or INVALID if either fails. */
static int finish_step(struct axvcpu *vcpu, u32 from, u32 to, int err)
{
	if (!err)
		return axvcpu_transition(vcpu, from, to);
	atomic_set(&vcpu->state, AXVCPU_STATE_INVALID);
	return err;
}

/* Claim a vCPU that has registers and does not run, to access them. */
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

/*
 * Make its CPU leave the guest, or its thread leave the wait of a halted guest. The caller has
 * already written the data that the vCPU must see.
 */
static void kick(struct axvcpu *vcpu)
{
	/* See "how a flush gets through". */
	smp_mb();
	if (READ_ONCE(vcpu->mode) == AXVCPU_IN_GUEST) {
		smp_call_function_single(READ_ONCE(vcpu->cpu), nothing, NULL, false);
		return;
	}
	/* The same barrier pairs with that of prepare_to_wait(). */
	if (waitqueue_active(&vcpu->wakeup))
		wake_up(&vcpu->wakeup);
}

/* The request stays set until it has ended a run, so no kick is lost. */
void axvcpu_kick(struct axvcpu *vcpu)
{
	/* That run's thread sees what was written before. Pairs with check_thread(). */
	smp_mb__before_atomic();
	set_bit(AXVCPU_REQ_LEAVE, &vcpu->requests);
	kick(vcpu);
}
EXPORT_SYMBOL_AXAS(axvcpu_kick);

/*
 * After a request: whether the vCPU is in its guest and must leave it; one outside checks its
 * requests before it enters.
 */
static bool must_leave(const struct axvcpu *vcpu)
{
	/* See "how a flush gets through". */
	smp_mb();
	/* Acquire: the guest's accesses are complete before the caller looks at guest memory. */
	return smp_load_acquire(&vcpu->mode) == AXVCPU_IN_GUEST;
}

static void request_flush(struct axas_consumer *consumer, const struct axas_flush *flush,
			  struct cpumask *cpus)
{
	struct axvcpu *vcpu = container_of(consumer, struct axvcpu, consumer);

	if (vcpu->ops->flush_range)
		vcpu->ops->flush_range(vcpu, flush);
	else
		set_bit(AXVCPU_REQ_FLUSH, &vcpu->requests);
	if (must_leave(vcpu))
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
	init_waitqueue_head(&vcpu->wakeup);
	vcpu->preferred_cpu = params->preferred_cpu;
	vcpu->cpu_set = params->cpu_set;
	vcpu->cpu = -1;
	vcpu->exit = &vcpu->exit_room[0];
	atomic_set(&vcpu->state, AXVCPU_STATE_CREATED);
	/* If either allocation fails, free_vcpu() handles the unallocated masks. */
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

/* Whether the hardware of a backend can walk a space's table. */
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

/* Check the machine again before loading the root: nothing else confines the guest. */
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

	if (setup->flags & ~AXVCPU_SETUP_FLAGS || setup->reserved ||
	    (setup->flags & AXVCPU_SETUP_X2APIC && vcpu->id >= 255) ||
	    (setup->flags & AXVCPU_SETUP_TIMER && !vcpu->ops->sleep_ns))
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

/* bind() and unbind(): a step with an optional backend call. */
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

/* Let the host take its interrupt, and report its vector if the caller asked for it. */
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

/* need_resched(), signal_pending(), and work before user space, in one load. */
static bool wanted_elsewhere(void)
{
	return read_thread_flags() & (BIT(TIF_NEED_RESCHED) | AXAS_TIF_RESCHED_LAZY |
				      BIT(TIF_SIGPENDING) | BIT(TIF_NOTIFY_SIGNAL) |
				      BIT(TIF_NOTIFY_RESUME));
}

static u32 reason_of(int ran, const struct axvcpu_exit *exit)
{
	switch (ran) {
	case AXVCPU_RAN_IRQ:
		return AXVCPU_EXIT_EXTERNAL_INTERRUPT;
	case AXVCPU_RAN_FAULT:
		return AXVCPU_EXIT_NESTED_PAGE_FAULT;
	case AXVCPU_RAN_EXIT:
		return exit->reason < AXVCPU_NR_EXITS ? exit->reason : AXVCPU_EXIT_NOTHING;
	default:
		return AXVCPU_EXIT_NOTHING;
	}
}

static void count(struct axvcpu *vcpu, int ran, const struct axvcpu_exit *exit)
{
	vcpu->entries++;
	vcpu->exits[reason_of(ran, exit)]++;
}

/* Not inlined: the run loop shall need no register for it. */
static noinline void trace_exit(const struct axvcpu *vcpu, int ran,
				const struct axvcpu_exit *exit)
{
	trace_axvcpu_exit(vcpu, reason_of(ran, exit), exit);
}

static void flush_requested(struct axvcpu *vcpu)
{
	if (test_and_clear_bit(AXVCPU_REQ_FLUSH, &vcpu->requests))
		vcpu->ops->flush(vcpu);
	if (test_and_clear_bit(AXVCPU_REQ_FLUSH_GUEST, &vcpu->requests))
		vcpu->ops->flush_guest(vcpu);
}

/* Enter once, with interrupts off. AXVCPU_RAN_IRQ also if the host needs the CPU. */
static int enter(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	unsigned long requests;
	int ran;

	/* Release: a reader of @mode also sees @cpu. Pairs with request_flush(). */
	smp_store_release(&vcpu->mode, AXVCPU_IN_GUEST);
	/* See "how a flush gets through". */
	smp_mb();
	/* The machine goes down: an interrupt since run_here() has disabled this CPU. */
	if (unlikely(!__this_cpu_read(axvcpu_enabled))) {
		WRITE_ONCE(vcpu->mode, AXVCPU_OUTSIDE);
		return -EAGAIN;
	}
	requests = READ_ONCE(vcpu->requests);
	if (wanted_elsewhere() || requests & BIT(AXVCPU_REQ_LEAVE)) {
		WRITE_ONCE(vcpu->mode, AXVCPU_OUTSIDE);
		return AXVCPU_RAN_IRQ;
	}
	if (unlikely(requests))
		flush_requested(vcpu);
	ran = vcpu->ops->run(vcpu, exit);
	/* Release: the guest's accesses are complete. A flush may return on this store alone. */
	smp_store_release(&vcpu->mode, AXVCPU_OUTSIDE);
	/* Before all that depends on @ran: what comes then is compiled for each value of it. */
	if (trace_axvcpu_exit_enabled())
		trace_exit(vcpu, ran, exit);
	count(vcpu, ran, exit);
	return ran == AXVCPU_RAN_IRQ ? take_irq(vcpu, exit) : ran;
}

/*
 * Most faults only need a frame: handle them here, with the guest's state loaded and preemption
 * off. handle_fault() is the slow path.
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
 * Enter until an exit needs preemption on. Every host interrupt ends the loop: kernels that keep
 * softirqs off while the FPU is in use (since 6.16) must get to run them.
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

	/* A CPU going offline is disabled before its last threads have left it. */
	if (!axvcpu_machine_here(vcpu->ops) || !in_set(vcpu->run_set, cpu))
		goto out;
	if (vcpu->cpu != cpu) {
		/* This CPU may hold translations that were flushed only on another CPU. */
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

/* Resolve the fault from the space, or report it to the caller. */
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
 * Set this thread's mask if it still equals @was; otherwise -EAGAIN, to keep a mask that another
 * thread has set. The kernel has no atomic call for this: a mask set between check and set survives
 * only since Linux 6.2, see move_thread().
 */
static int replace_mask(const struct cpumask *was, const struct cpumask *mask)
{
	if (!cpumask_equal(current->cpus_ptr, was))
		return -EAGAIN;
	return set_cpus_allowed_ptr(current, mask);
}

/* vcpu->before: the thread's own mask; vcpu->allowed: its intersection with run_set. */
static void find_allowed(struct axvcpu *vcpu)
{
	unsigned int cpu;

	/* A mask set for the run is not the thread's own. */
	if (!vcpu->moved || !cpumask_equal(current->cpus_ptr, vcpu->allowed)) {
		cpumask_copy(vcpu->before, current->cpus_ptr);
		vcpu->moved = false;
	}
	cpumask_clear(vcpu->allowed);
	for_each_cpu(cpu, vcpu->before)
		if (in_set(vcpu->run_set, cpu))
			cpumask_set_cpu(cpu, vcpu->allowed);
}

/* Return 0 with vcpu->allowed as the mask; -EAGAIN; other errors, with the mask restored. */
static int narrow_mask(struct axvcpu *vcpu, unsigned int preferred)
{
	const struct cpumask *now = vcpu->moved ? vcpu->allowed : vcpu->before;
	int err;

	/* Move to the preferred CPU first: the scheduler then leaves the thread there. */
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
 * Keep a mask that differs from ours: another thread has set it meanwhile. If it happens to equal
 * ours, only kernels since Linux 6.2 can tell: they limit every mask set here by the user's.
 */
static void move_thread_back(struct axvcpu *vcpu)
{
	if (vcpu->moved)
		replace_mask(vcpu->allowed, vcpu->before);
	vcpu->moved = false;
}

/*
 * Narrow the thread's mask to the vCPU's CPUs. Since Linux 6.2 the kernel keeps the user's mask
 * apart from the effective one, and limits the latter by it unless no CPU would remain: this shows
 * whether a user's mask set meanwhile excludes all of the vCPU's CPUs.
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

/* Whether the thread is on a suitable CPU, and its mask allows no other CPUs than run_set. */
static bool in_place(const struct axvcpu *vcpu, unsigned int preferred)
{
	const struct cpumask *mask = current->cpus_ptr;
	u64 set = vcpu->run_set;

	/* run_set covers the first 64 CPUs. */
	if (set && (cpumask_bits(mask)[0] & ~set ||
		    find_next_bit(cpumask_bits(mask), nr_cpu_ids, 64) < nr_cpu_ids))
		return false;
	return preferred == AXVCPU_CPU_ANY || preferred == raw_smp_processor_id() ||
	       !cpumask_test_cpu(preferred, mask);
}

/* A run uses the affinity from its start. */
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
 * With a lazy reschedule pending the thread does not enter, but cond_resched() ignores it: the run
 * loop would spin until the next tick.
 */
static void let_others_run(void)
{
	if (read_thread_flags() & AXAS_TIF_RESCHED_LAZY)
		schedule();
	else
		cond_resched();
}

/* Whether the thread may enter: 0, or the error that ends the run. */
static int check_thread(struct axvcpu *vcpu)
{
	/* Pairs with axvcpu_kick(). */
	if (signal_pending(current) || test_and_clear_bit(AXVCPU_REQ_LEAVE, &vcpu->requests))
		return -EINTR;
	/* Another thread has moved this one to a CPU that the vCPU may not use. */
	if (unlikely(!in_set(vcpu->run_set, raw_smp_processor_id())))
		return move_thread(vcpu, AXVCPU_CPU_ANY);
	return 0;
}

static bool wakes(const struct axvcpu *vcpu)
{
	return vcpu->ops->wakes ? vcpu->ops->wakes(vcpu) : axvcpu_next_vector(vcpu) >= 0;
}

/* Whether the next entry would deliver @vector: higher ones that are pending come first. */
static bool accepts(const struct axvcpu *vcpu, u32 vector)
{
	return axvcpu_next_vector(vcpu) < (int)vector && vcpu->ops->accepts(vcpu, vector);
}

/* AXVCPU_RUN_WINDOW: whether the run ends now. */
static bool window_open(const struct axvcpu *vcpu)
{
	return vcpu->window && accepts(vcpu, vcpu->window);
}

/* The end of a wait: an event, a window, a kick. Each waker writes first, then calls kick(). */
static bool awake(const struct axvcpu *vcpu)
{
	return wakes(vcpu) || window_open(vcpu) ||
	       READ_ONCE(vcpu->requests) & BIT(AXVCPU_REQ_LEAVE);
}

/* Until the guest's timer is due at the latest: -ETIME then. */
static int wait_awake(struct axvcpu *vcpu)
{
	s64 ns = vcpu->ops->sleep_ns ? vcpu->ops->sleep_ns(vcpu) : KTIME_MAX;

	return wait_event_interruptible_hrtimeout(vcpu->wakeup, awake(vcpu), ns);
}

/* Wait for an event of a halted guest: 0 or -EINTR. */
static int block(struct axvcpu *vcpu)
{
	int err;

	if (axvcpu_transition(vcpu, AXVCPU_STATE_RUNNING, AXVCPU_STATE_BLOCKED))
		return -EBADFD;
	err = wait_awake(vcpu);
	if (axvcpu_transition(vcpu, AXVCPU_STATE_BLOCKED, AXVCPU_STATE_RUNNING))
		return -EBADFD;
	if (wakes(vcpu))
		vcpu->halted = false;
	return err && err != -ETIME ? -EINTR : 0;
}

/*
 * Before an entry: what ends the run without one. 0 to enter, 1 when @exit says why not, or an
 * error.
 */
static int before_entry(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	int err = check_thread(vcpu);

	if (err)
		return err;
	if (unlikely(window_open(vcpu))) {
		vcpu->halted = false;
		exit->reason = AXVCPU_EXIT_WINDOW;
		return 1;
	}
	return 0;
}

/* AXVCPU_SETUP_BLOCK: whether a halt stays in the kernel. */
static bool halts(struct axvcpu *vcpu, int ran, const struct axvcpu_exit *exit)
{
	if (ran != AXVCPU_RAN_EXIT || exit->reason != AXVCPU_EXIT_HALT ||
	    !(vcpu->setup.flags & AXVCPU_SETUP_BLOCK))
		return false;
	vcpu->halted = true;
	return true;
}

/* Enter, or wait while halted. enum axvcpu_ran, or an error. */
static int run_once(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	int ran;

	if (vcpu->halted)
		return block(vcpu) ?: AXVCPU_RAN_AGAIN;
	ran = run_here(vcpu, exit);
	if (ran == AXVCPU_RAN_FAULT)
		return handle_fault(vcpu, exit);
	return halts(vcpu, ran, exit) ? AXVCPU_RAN_AGAIN : ran;
}

static int run_until_exit(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	int ran;

	for (;;) {
		memset(exit, 0, sizeof(*exit));
		let_others_run();
		ran = before_entry(vcpu, exit);
		/* Pending work before user space, such as rseq. */
		if (ran || test_thread_flag(TIF_NOTIFY_RESUME))
			return min(ran, 0);
		ran = run_once(vcpu, exit);
		if (ran == -EAGAIN)
			schedule_timeout_interruptible(1);
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

/* Bind, run and unbind in state RUNNING; a failure of bind or unbind leaves INVALID. */
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

	/* A program that calls RUN too early may still call SETUP. */
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
	if (!err)
		vcpu->halted = false;
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

int axvcpu_set_return_fault(struct axvcpu *vcpu)
{
	int err;

	if (!vcpu->ops->set_return_fault)
		return -EINVAL;
	err = begin_registers(vcpu);
	if (err)
		return err;
	err = vcpu->ops->set_return_fault(vcpu);
	axvcpu_end(vcpu);
	return err;
}
EXPORT_SYMBOL_AXAS(axvcpu_set_return_fault);

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
	if (!err)
		vcpu->halted = false;
	axvcpu_end(vcpu);
	return err;
}
EXPORT_SYMBOL_AXAS(axvcpu_set_regs);

static bool is_set_up(const struct axvcpu *vcpu)
{
	u32 state = axvcpu_state(vcpu);

	return state != AXVCPU_STATE_INVALID && state != AXVCPU_STATE_CREATED;
}

int axvcpu_interrupt(struct axvcpu *vcpu, u32 how, u32 id, u32 priority)
{
	int ret;

	if (!vcpu->ops->interrupt)
		return -EOPNOTSUPP;
	if (!is_set_up(vcpu))
		return -EBADFD;
	ret = vcpu->ops->interrupt(vcpu, how, id, priority);
	if (ret >= 0)
		kick(vcpu);
	return ret;
}
EXPORT_SYMBOL_AXAS(axvcpu_interrupt);

int axvcpu_inject_interrupt(struct axvcpu *vcpu, u32 vector)
{
	if (vcpu->ops->interrupt)
		return axvcpu_interrupt(vcpu, 0, vector, 0);
	if (vector < AXVCPU_FIRST_VECTOR || vector >= AXVCPU_NR_VECTORS)
		return -EINVAL;
	if (!is_set_up(vcpu))
		return -EBADFD;
	set_bit(vector, vcpu->vectors);
	kick(vcpu);
	return 0;
}
EXPORT_SYMBOL_AXAS(axvcpu_inject_interrupt);

/* A lowered line, too, ends an entry: the CPU holds its level. */
int axvcpu_set_line(struct axvcpu *vcpu, u32 line, bool level)
{
	if (!vcpu->ops->lines)
		return -EOPNOTSUPP;
	if (line >= 32 || !(vcpu->ops->lines & BIT(line)))
		return -EINVAL;
	if (!is_set_up(vcpu))
		return -EBADFD;
	if (level)
		set_bit(line, &vcpu->lines);
	else
		clear_bit(line, &vcpu->lines);
	kick(vcpu);
	return 0;
}
EXPORT_SYMBOL_AXAS(axvcpu_set_line);

int axvcpu_flush(struct axvcpu *vcpu)
{
	if (!vcpu->ops->flush_guest)
		return -EOPNOTSUPP;
	if (!is_set_up(vcpu))
		return -EBADFD;
	set_bit(AXVCPU_REQ_FLUSH_GUEST, &vcpu->requests);
	if (must_leave(vcpu))
		smp_call_function_single(READ_ONCE(vcpu->cpu), nothing, NULL, true);
	return 0;
}
EXPORT_SYMBOL_AXAS(axvcpu_flush);

/* How each struct of AXVCPU_SAVE begins. */
struct saved_head {
	u32 version;
	u32 flags;
};

int axvcpu_save(struct axvcpu *vcpu, void *state, size_t size)
{
	const struct axvcpu_saved *saved = vcpu->ops->saved;
	struct saved_head *head = state;
	int err;

	if (!saved)
		return -EOPNOTSUPP;
	if (size != saved->size)
		return -EINVAL;
	err = begin_registers(vcpu);
	if (err)
		return err;
	memset(state, 0, size);
	head->version = saved->version;
	err = vcpu->ops->save(vcpu, state);
	if (saved->vectors)
		bitmap_to_arr64(state + saved->vectors, vcpu->vectors, AXVCPU_NR_VECTORS);
	if (vcpu->halted)
		head->flags |= saved->halted;
	axvcpu_end(vcpu);
	return err;
}
EXPORT_SYMBOL_AXAS(axvcpu_save);

/* Vectors of exceptions are never pending. */
static bool state_valid(const struct axvcpu_saved *saved, const void *state)
{
	const struct saved_head *head = state;
	const u64 *vectors = state + saved->vectors;

	return head->version == saved->version && !(head->flags & ~saved->flags) &&
	       !(saved->vectors && vectors[0] & GENMASK_ULL(AXVCPU_FIRST_VECTOR - 1, 0));
}

int axvcpu_restore(struct axvcpu *vcpu, const void *state, size_t size)
{
	const struct axvcpu_saved *saved = vcpu->ops->saved;
	const struct saved_head *head = state;
	int err;

	if (!saved)
		return -EOPNOTSUPP;
	if (size != saved->size || !state_valid(saved, state))
		return -EINVAL;
	err = begin_registers(vcpu);
	if (err)
		return err;
	err = vcpu->ops->restore(vcpu, state);
	if (!err) {
		if (saved->vectors)
			bitmap_from_arr64(vcpu->vectors, state + saved->vectors, AXVCPU_NR_VECTORS);
		vcpu->halted = head->flags & saved->halted;
		vcpu->exit->reason = AXVCPU_EXIT_NOTHING;
		set_bit(AXVCPU_REQ_FLUSH, &vcpu->requests);
	}
	axvcpu_end(vcpu);
	return err;
}
EXPORT_SYMBOL_AXAS(axvcpu_restore);

int axvcpu_inject_now(struct axvcpu *vcpu, u32 vector)
{
	int err;

	if (!vcpu->ops->accepts)
		return -EOPNOTSUPP;
	if (vector < AXVCPU_FIRST_VECTOR || vector >= AXVCPU_NR_VECTORS)
		return -EINVAL;
	err = begin_registers(vcpu);
	if (err)
		return err;
	if (accepts(vcpu, vector))
		set_bit(vector, vcpu->vectors);
	else
		err = -EAGAIN;
	axvcpu_end(vcpu);
	return err;
}
EXPORT_SYMBOL_AXAS(axvcpu_inject_now);

#define VECTOR_NMI	2

int axvcpu_inject_exception(struct axvcpu *vcpu, u32 vector, u32 error)
{
	int err;

	if (!vcpu->ops->raise)
		return -EOPNOTSUPP;
	if (vector >= AXVCPU_FIRST_VECTOR || vector == VECTOR_NMI)
		return -EINVAL;
	err = begin_registers(vcpu);
	if (err)
		return err;
	vcpu->ops->raise(vcpu, vector, error);
	vcpu->halted = false;
	axvcpu_end(vcpu);
	return 0;
}
EXPORT_SYMBOL_AXAS(axvcpu_inject_exception);

static int reset(struct axvcpu *vcpu)
{
	u32 state = axvcpu_state(vcpu);

	if (state != AXVCPU_STATE_CREATED && state != AXVCPU_STATE_FREE)
		return -EBADFD;
	vcpu->ops->reset(vcpu);
	bitmap_zero(vcpu->vectors, AXVCPU_NR_VECTORS);
	WRITE_ONCE(vcpu->lines, 0);
	vcpu->halted = false;
	set_bit(AXVCPU_REQ_FLUSH, &vcpu->requests);
	return axvcpu_transition(vcpu, state, AXVCPU_STATE_CREATED);
}

int axvcpu_reset(struct axvcpu *vcpu)
{
	int err;

	if (!vcpu->ops->reset)
		return -EOPNOTSUPP;
	err = axvcpu_begin(vcpu);
	if (err)
		return err;
	err = reset(vcpu);
	axvcpu_end(vcpu);
	return err;
}
EXPORT_SYMBOL_AXAS(axvcpu_reset);
