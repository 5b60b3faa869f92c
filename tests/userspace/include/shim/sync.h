/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUs, and how they agree: atomics, barriers, locks, RCU, per-CPU memory, interrupts
 * between CPUs. A CPU here is a number with a mutex, which whoever runs with preemption
 * off holds; a thread carries the number of its CPU. Functions: ../../shim/cpu.c, lock.c.
 */
#ifndef SHIM_SYNC_H
#define SHIM_SYNC_H

#include <pthread.h>
#include "base.h"

/*
 * A plain load of what carries addresses (entries, which are u64, and pointers) is what
 * dependencies hang on, also where a cmpxchg fails and says what is there instead.
 * ThreadSanitizer knows none, so there it acquires; numbers such as generations are
 * loaded relaxed, so that a missing acquire is seen.
 */
#define SHIM_CARRIES(x)								\
	__builtin_choose_expr(__builtin_types_compatible_p(__typeof__(x), u64) ||	\
			      __builtin_classify_type(x) == 5,			\
			      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)
#define READ_ONCE(x)		({ shim_point(); __atomic_load_n(&(x), SHIM_CARRIES(x)); })
#define WRITE_ONCE(x, v)	({ shim_point(); __atomic_store_n(&(x), v, __ATOMIC_RELAXED); \
				   shim_stored(sizeof(x)); })
#define smp_load_acquire(p)	({ shim_point(); __atomic_load_n(p, __ATOMIC_ACQUIRE); })
#define smp_store_release(p, v)	({ shim_point(); __atomic_store_n(p, v, __ATOMIC_RELEASE); \
				   shim_stored(sizeof(*(p))); })
#define smp_store_mb(x, v)	do { __atomic_store_n(&(x), v, __ATOMIC_SEQ_CST); smp_mb(); } while (0)
#ifdef SHIM_TSAN
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);

#define data_race(e) ({							\
	AnnotateIgnoreReadsBegin(__FILE__, __LINE__);			\
	AnnotateIgnoreWritesBegin(__FILE__, __LINE__);			\
	__auto_type _d = (e);						\
	AnnotateIgnoreWritesEnd(__FILE__, __LINE__);			\
	AnnotateIgnoreReadsEnd(__FILE__, __LINE__);			\
	_d; })
#else
#define data_race(e)		({ __auto_type _d = (e); _d; })
#endif
void shim_mb(void);
#define smp_mb()		shim_mb()
#define smp_rmb()		shim_mb()
#define smp_wmb()		shim_mb()
#define mb()			shim_mb()
#define rmb()			shim_mb()
#define wmb()			shim_mb()
#define smp_mb__before_atomic()	shim_mb()
#define smp_mb__after_atomic()	shim_mb()
#define smp_mb__after_spinlock() shim_mb()
#define smp_acquire__after_ctrl_dep() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_cond_load_acquire(p, c)						\
	({ __typeof__(*(p)) VAL; while (VAL = smp_load_acquire(p), !(c)) cpu_relax(); VAL; })
#define smp_cond_load_relaxed(p, c)						\
	({ __typeof__(*(p)) VAL; while (VAL = READ_ONCE(*(p)), !(c)) cpu_relax(); VAL; })

#define SHIM_TRY_CMPXCHG(p, old, new, order)					\
	({ shim_point(); __atomic_compare_exchange_n(p, old, new, false, order, SHIM_CARRIES(*(p))); })
#define try_cmpxchg(p, old, new)	SHIM_TRY_CMPXCHG(p, old, new, __ATOMIC_SEQ_CST)
#define try_cmpxchg_release(p, o, n)	SHIM_TRY_CMPXCHG(p, o, n, __ATOMIC_RELEASE)
#define try_cmpxchg_acquire(p, o, n)	SHIM_TRY_CMPXCHG(p, o, n, __ATOMIC_ACQUIRE)
#define try_cmpxchg_relaxed(p, o, n)	SHIM_TRY_CMPXCHG(p, o, n, __ATOMIC_RELAXED)
#define try_cmpxchg64(p, old, new)	try_cmpxchg(p, old, new)
#define cmpxchg(p, old, new)	({ __typeof__(*(p)) _o = (old); try_cmpxchg(p, &_o, new); _o; })
#define cmpxchg64(p, old, new)	cmpxchg(p, old, new)
#define cmpxchg_release(p, old, new)						\
	({ __typeof__(*(p)) _o = (old); try_cmpxchg_release(p, &_o, new); _o; })
#define cmpxchg_relaxed(p, old, new)						\
	({ __typeof__(*(p)) _o = (old); try_cmpxchg_relaxed(p, &_o, new); _o; })
#define xchg(p, v)		({ shim_point(); __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST); })
#define xchg_release(p, v)	__atomic_exchange_n(p, v, __ATOMIC_RELEASE)
#define xchg_relaxed(p, v)	__atomic_exchange_n(p, v, __ATOMIC_RELAXED)

#define SHIM_ATOMIC(name, S)							\
typedef struct { S counter; } name##_t;						\
static inline S name##_read(const name##_t *v)					\
{ return __atomic_load_n(&v->counter, __ATOMIC_RELAXED); }			\
static inline S name##_read_acquire(const name##_t *v)				\
{ return __atomic_load_n(&v->counter, __ATOMIC_ACQUIRE); }			\
static inline void name##_set(name##_t *v, S i)					\
{ __atomic_store_n(&v->counter, i, __ATOMIC_RELAXED); }				\
static inline void name##_set_release(name##_t *v, S i)				\
{ __atomic_store_n(&v->counter, i, __ATOMIC_RELEASE); }				\
static inline void name##_add(S i, name##_t *v)					\
{ __atomic_fetch_add(&v->counter, i, __ATOMIC_RELAXED); }			\
static inline void name##_sub(S i, name##_t *v)					\
{ __atomic_fetch_sub(&v->counter, i, __ATOMIC_RELAXED); }			\
static inline void name##_inc(name##_t *v) { name##_add(1, v); }		\
static inline void name##_dec(name##_t *v) { name##_sub(1, v); }		\
static inline void name##_or(S i, name##_t *v)					\
{ __atomic_fetch_or(&v->counter, i, __ATOMIC_RELAXED); }			\
static inline void name##_and(S i, name##_t *v)					\
{ __atomic_fetch_and(&v->counter, i, __ATOMIC_RELAXED); }			\
static inline void name##_andnot(S i, name##_t *v) { name##_and(~i, v); }	\
static inline void name##_xor(S i, name##_t *v)					\
{ __atomic_fetch_xor(&v->counter, i, __ATOMIC_RELAXED); }			\
static inline S name##_add_return(S i, name##_t *v)				\
{ return __atomic_add_fetch(&v->counter, i, __ATOMIC_SEQ_CST); }		\
static inline S name##_sub_return(S i, name##_t *v)				\
{ return __atomic_sub_fetch(&v->counter, i, __ATOMIC_SEQ_CST); }		\
static inline S name##_inc_return(name##_t *v) { return name##_add_return(1, v); } \
static inline S name##_dec_return(name##_t *v) { return name##_sub_return(1, v); } \
static inline bool name##_dec_and_test(name##_t *v) { return !name##_dec_return(v); } \
static inline bool name##_sub_and_test(S i, name##_t *v) { return !name##_sub_return(i, v); } \
static inline S name##_fetch_add(S i, name##_t *v)				\
{ return __atomic_fetch_add(&v->counter, i, __ATOMIC_SEQ_CST); }		\
static inline S name##_fetch_add_relaxed(S i, name##_t *v)			\
{ return __atomic_fetch_add(&v->counter, i, __ATOMIC_RELAXED); }		\
static inline S name##_fetch_sub(S i, name##_t *v)				\
{ return __atomic_fetch_sub(&v->counter, i, __ATOMIC_SEQ_CST); }		\
static inline S name##_fetch_or(S i, name##_t *v)				\
{ return __atomic_fetch_or(&v->counter, i, __ATOMIC_SEQ_CST); }			\
static inline S name##_fetch_and(S i, name##_t *v)				\
{ return __atomic_fetch_and(&v->counter, i, __ATOMIC_SEQ_CST); }		\
static inline S name##_fetch_andnot(S i, name##_t *v)				\
{ return __atomic_fetch_and(&v->counter, ~i, __ATOMIC_SEQ_CST); }		\
static inline S name##_fetch_xor(S i, name##_t *v)				\
{ return __atomic_fetch_xor(&v->counter, i, __ATOMIC_SEQ_CST); }		\
static inline S name##_xchg(name##_t *v, S i)					\
{ return __atomic_exchange_n(&v->counter, i, __ATOMIC_SEQ_CST); }		\
static inline bool name##_try_cmpxchg(name##_t *v, S *old, S new)		\
{ return try_cmpxchg(&v->counter, old, new); }					\
static inline S name##_cmpxchg(name##_t *v, S old, S new)			\
{ try_cmpxchg(&v->counter, &old, new); return old; }				\
static inline bool name##_add_unless(name##_t *v, S a, S u)			\
{										\
	S old = name##_read(v);							\
										\
	do {									\
		if (old == u)							\
			return false;						\
	} while (!name##_try_cmpxchg(v, &old, old + a));			\
	return true;								\
}										\
static inline bool name##_inc_not_zero(name##_t *v) { return name##_add_unless(v, 1, 0); }

#define ATOMIC_INIT(i)		{ i }
#define ATOMIC64_INIT(i)	{ i }
#define ATOMIC_LONG_INIT(i)	{ i }

/* Where a CPU may be interrupted, and a thread lose its turn. See ../../shim/cpu.c. */
struct shim_ipi;
#define SHIM_MAX_CPUS		256

struct shim_cpu {
	pthread_mutex_t lock;
	struct shim_ipi *ipis;
} __aligned(64);

extern struct shim_cpu shim_cpus[SHIM_MAX_CPUS];
extern unsigned int nr_cpu_ids;
extern __thread int shim_cpu_nr;
extern __thread unsigned int shim_preempt;
extern __thread unsigned int shim_irqs_off;
extern unsigned int shim_yield_one_in;
void shim_point_slow(void);
void shim_give_way(void);

static __always_inline void shim_point(void)
{
#ifdef SHIM_SMP
	if (shim_preempt && __atomic_load_n(&shim_cpus[shim_cpu_nr].ipis, __ATOMIC_RELAXED))
		shim_point_slow();
	else if (unlikely(shim_yield_one_in))
		shim_point_slow();
#endif
}

/* What was stored just now is out: others get time to see it before the next step. */
static __always_inline void shim_stored(size_t size)
{
#ifdef SHIM_SMP
	if (unlikely(shim_yield_one_in) && size == sizeof(u64))
		shim_give_way();
#endif
}

SHIM_ATOMIC(atomic, int)
SHIM_ATOMIC(atomic64, s64)
SHIM_ATOMIC(atomic_long, long)

typedef struct { int refs; } refcount_t;
#define REFCOUNT_INIT(n)	{ n }
static inline void refcount_set(refcount_t *r, int n) { __atomic_store_n(&r->refs, n, __ATOMIC_RELAXED); }
static inline unsigned int refcount_read(const refcount_t *r)
{ return __atomic_load_n(&r->refs, __ATOMIC_RELAXED); }
static inline void refcount_inc(refcount_t *r)
{ WARN_ON(__atomic_fetch_add(&r->refs, 1, __ATOMIC_RELAXED) <= 0); }
static inline void refcount_add(int n, refcount_t *r)
{ WARN_ON(__atomic_fetch_add(&r->refs, n, __ATOMIC_RELAXED) <= 0); }
static inline bool refcount_sub_and_test(int n, refcount_t *r)
{
	int old = __atomic_fetch_sub(&r->refs, n, __ATOMIC_ACQ_REL);

	WARN_ON(old < n);
	return old == n;
}

static inline bool refcount_dec_and_test(refcount_t *r) { return refcount_sub_and_test(1, r); }
static inline bool refcount_inc_not_zero(refcount_t *r)
{
	int old = refcount_read(r);

	while (old && !try_cmpxchg(&r->refs, &old, old + 1))
		;
	return old;
}

struct kref {
	refcount_t refcount;
};

static inline void kref_init(struct kref *k) { refcount_set(&k->refcount, 1); }
static inline void kref_get(struct kref *k) { refcount_inc(&k->refcount); }
static inline unsigned int kref_read(const struct kref *k) { return refcount_read(&k->refcount); }
static inline int kref_put(struct kref *k, void (*release)(struct kref *k))
{
	if (!refcount_dec_and_test(&k->refcount))
		return 0;
	release(k);
	return 1;
}

static inline bool kref_get_unless_zero(struct kref *k)
{ return refcount_inc_not_zero(&k->refcount); }

/* Preemption, interrupts, and who may sleep. */
void shim_cpu_lock(void);
void shim_cpu_unlock(void);
void shim_might_sleep(const char *file, int line);

#ifdef SHIM_NATIVE
/* A counter of this CPU, as the kernel has it. */
static __always_inline void preempt_disable(void)
{
	shim_preempt++;
	barrier();
}

static __always_inline void preempt_enable(void)
{
	barrier();
	shim_preempt--;
}
#else
static inline void preempt_disable(void)
{
	if (!shim_preempt)
		shim_cpu_lock();
	shim_preempt++;
}

static inline void preempt_enable(void)
{
	if (!--shim_preempt)
		shim_cpu_unlock();
}
#endif

#define preempt_disable_notrace()	preempt_disable()
#define preempt_enable_notrace()	preempt_enable()
#define preempt_enable_no_resched()	preempt_enable()
#define preempt_count()			shim_preempt
#define preemptible()			(!shim_preempt && !shim_irqs_off)
#define in_task()			(!shim_in_irq)
#define in_interrupt()			(shim_in_irq)
#define in_hardirq()			(shim_in_irq)
#define in_nmi()			false
#define irqs_disabled()			(!!shim_irqs_off)
#define in_atomic()			(!!shim_preempt)
#ifdef SHIM_NATIVE
#define might_sleep()			((void)0)
#else
#define might_sleep()			shim_might_sleep(__FILE__, __LINE__)
#endif
#define might_sleep_if(c)		do { if (c) might_sleep(); } while (0)
#define might_alloc(gfp)		might_sleep_if((gfp) & __GFP_DIRECT_RECLAIM)
#define cond_resched()			({ might_sleep(); shim_point(); 0; })
#define need_resched()			false
#define migrate_disable()		preempt_disable()
#define migrate_enable()		preempt_enable()
#define cpu_relax()			shim_relax()
extern __thread bool shim_in_irq;
void shim_relax(void);
#define local_irq_disable()		((void)shim_irqs_off++)
#define local_irq_enable()		((void)shim_irqs_off--)
#define local_irq_save(f)		((void)((f) = shim_irqs_off++))
#define local_irq_restore(f)		((void)(shim_irqs_off = (f)))

#define smp_processor_id()		shim_cpu_nr
#define raw_smp_processor_id()		shim_cpu_nr
#define get_cpu()			({ preempt_disable(); shim_cpu_nr; })
#define put_cpu()			preempt_enable()
#define num_possible_cpus()		nr_cpu_ids
#define num_online_cpus()		nr_cpu_ids
#define num_present_cpus()		nr_cpu_ids
#define NR_CPUS				SHIM_MAX_CPUS
#define cpu_online(cpu)			((unsigned int)(cpu) < nr_cpu_ids)
#define cpu_possible(cpu)		cpu_online(cpu)
#define cpu_to_node(cpu)		0
#define numa_node_id()			0
#define tick_nohz_full_cpu(cpu)		false
static inline void set_bit(long nr, volatile unsigned long *p)
{
	__atomic_fetch_or(p + nr / BITS_PER_LONG, 1ul << nr % BITS_PER_LONG, __ATOMIC_RELAXED);
}

static inline bool bitmap_empty(const unsigned long *map, unsigned int nbits)
{
	for (; nbits > BITS_PER_LONG && !*map; map++)
		nbits -= BITS_PER_LONG;
	return !*map;
}

#define for_each_possible_cpu(cpu)	for ((cpu) = 0; (unsigned int)(cpu) < nr_cpu_ids; (cpu)++)
#define for_each_online_cpu(cpu)	for_each_possible_cpu(cpu)
#define for_each_present_cpu(cpu)	for_each_possible_cpu(cpu)
#define cpus_read_lock()		((void)0)
#define cpus_read_unlock()		((void)0)

typedef struct cpumask {
	DECLARE_BITMAP(bits, SHIM_MAX_CPUS);
} cpumask_t;

typedef struct cpumask cpumask_var_t[1];
extern const struct cpumask *const cpu_online_mask;
extern const struct cpumask *const cpu_possible_mask;
#define zalloc_cpumask_var(m, gfp)	(memset(*(m), 0, sizeof(**(m))), true)
#define alloc_cpumask_var(m, gfp)	true
#define free_cpumask_var(m)		((void)(m))
#define cpumask_size()			(BITS_TO_LONGS(nr_cpu_ids) * sizeof(long))
static inline void cpumask_set_cpu(unsigned int cpu, struct cpumask *m)
{ __atomic_fetch_or(&m->bits[cpu / 64], BIT(cpu % 64), __ATOMIC_RELAXED); }
static inline void cpumask_clear_cpu(unsigned int cpu, struct cpumask *m)
{ __atomic_fetch_and(&m->bits[cpu / 64], ~BIT(cpu % 64), __ATOMIC_RELAXED); }
#define __cpumask_set_cpu(cpu, m)	cpumask_set_cpu(cpu, m)
#define __cpumask_clear_cpu(cpu, m)	cpumask_clear_cpu(cpu, m)
static inline bool cpumask_test_cpu(unsigned int cpu, const struct cpumask *m)
{ return __atomic_load_n(&m->bits[cpu / 64], __ATOMIC_RELAXED) & BIT(cpu % 64); }
static inline bool cpumask_test_and_set_cpu(unsigned int cpu, struct cpumask *m)
{ return __atomic_fetch_or(&m->bits[cpu / 64], BIT(cpu % 64), __ATOMIC_SEQ_CST) & BIT(cpu % 64); }
static inline bool cpumask_test_and_clear_cpu(unsigned int cpu, struct cpumask *m)
{
	return __atomic_fetch_and(&m->bits[cpu / 64], ~BIT(cpu % 64), __ATOMIC_SEQ_CST) &
	       BIT(cpu % 64);
}

static inline void cpumask_clear(struct cpumask *m) { memset(m, 0, sizeof(*m)); }
static inline void cpumask_copy(struct cpumask *to, const struct cpumask *from) { *to = *from; }
unsigned int cpumask_next(int n, const struct cpumask *m);
unsigned int cpumask_weight(const struct cpumask *m);
void cpumask_or(struct cpumask *to, const struct cpumask *a, const struct cpumask *b);
bool cpumask_and(struct cpumask *to, const struct cpumask *a, const struct cpumask *b);
#define cpumask_first(m)		cpumask_next(-1, m)
#define cpumask_empty(m)		(cpumask_first(m) >= nr_cpu_ids)
#define for_each_cpu(cpu, m)							\
	for ((cpu) = cpumask_first(m); (unsigned int)(cpu) < nr_cpu_ids;	\
	     (cpu) = cpumask_next(cpu, m))

typedef void (*smp_call_func_t)(void *info);
void smp_call_function_many(const struct cpumask *mask, smp_call_func_t fn, void *info, bool wait);
void on_each_cpu_mask(const struct cpumask *mask, smp_call_func_t fn, void *info, bool wait);
int smp_call_function_single(int cpu, smp_call_func_t fn, void *info, int wait);
void on_each_cpu(smp_call_func_t fn, void *info, int wait);
#define smp_call_function(fn, info, wait) smp_call_function_many(cpu_online_mask, fn, info, wait)
extern unsigned long shim_nr_ipis;

/* Per-CPU memory: one address, and the same place in each CPU's own block. */
#define SHIM_PCPU_STRIDE	(64ul << 20)
void *shim_alloc_percpu(size_t size, size_t align, gfp_t gfp);
void free_percpu(void *p);
extern char __start_shim_percpu[] __attribute__((weak));
extern char __stop_shim_percpu[] __attribute__((weak));
void *shim_per_cpu(const void *p, int cpu);
#define alloc_percpu_gfp(T, gfp)	((T *)shim_alloc_percpu(sizeof(T), __alignof__(T), gfp))
#define alloc_percpu(T)			alloc_percpu_gfp(T, GFP_KERNEL)
#define __alloc_percpu_gfp(s, a, gfp)	shim_alloc_percpu(s, a, gfp)
#define __alloc_percpu(s, a)		shim_alloc_percpu(s, a, GFP_KERNEL)
#define per_cpu_ptr(p, cpu)		((__typeof__(&*(p)))shim_per_cpu(p, cpu))
#ifdef SHIM_NATIVE
/* The offset of this CPU, in a segment register as in the kernel. */
extern __thread unsigned long shim_this_cpu_off;
#define this_cpu_ptr(p)			((__typeof__(&*(p)))((char *)(p) + shim_this_cpu_off))
#else
#define this_cpu_ptr(p)			per_cpu_ptr(p, shim_cpu_nr)
#endif
#define raw_cpu_ptr(p)			this_cpu_ptr(p)
#define per_cpu(v, cpu)			(*per_cpu_ptr(&(v), cpu))
#define get_cpu_ptr(p)			({ preempt_disable(); this_cpu_ptr(p); })
#define put_cpu_ptr(p)			({ (void)(p); preempt_enable(); })
#define get_cpu_var(v)			(*get_cpu_ptr(&(v)))
#define put_cpu_var(v)			put_cpu_ptr(&(v))
#define DEFINE_PER_CPU(T, v)		__typeof__(T) v __section("shim_percpu")
#define DEFINE_PER_CPU_ALIGNED(T, v)	DEFINE_PER_CPU(T, v) __aligned(64)
#define DEFINE_PER_CPU_SHARED_ALIGNED(T, v) DEFINE_PER_CPU(T, v) __aligned(64)
#define DECLARE_PER_CPU(T, v)		extern __typeof__(T) v __section("shim_percpu")
#define DECLARE_PER_CPU_ALIGNED(T, v)	DECLARE_PER_CPU(T, v)
/* One instruction of this CPU: nobody else runs on it meanwhile. */
#ifdef SHIM_NATIVE
#define SHIM_ON_CPU(v, op)	({ __auto_type _pp = this_cpu_ptr(&(v)); op; })
#define this_cpu_add(v, n)	((void)(*this_cpu_ptr(&(v)) += (n)))
#define this_cpu_sub(v, n)	((void)(*this_cpu_ptr(&(v)) -= (n)))
#else
#define SHIM_ON_CPU(v, op)	({ preempt_disable(); __auto_type _pp = this_cpu_ptr(&(v)); \
				   __auto_type _pv = (op); preempt_enable(); _pv; })
#define this_cpu_add(v, n)	((void)SHIM_ON_CPU(v, __atomic_fetch_add(_pp, n, __ATOMIC_RELAXED)))
#define this_cpu_sub(v, n)	((void)SHIM_ON_CPU(v, __atomic_fetch_sub(_pp, n, __ATOMIC_RELAXED)))
#endif
#define this_cpu_inc(v)		this_cpu_add(v, 1)
#define this_cpu_dec(v)		this_cpu_sub(v, 1)
#define this_cpu_add_return(v, n) SHIM_ON_CPU(v, __atomic_add_fetch(_pp, n, __ATOMIC_RELAXED))
#define this_cpu_read(v)	SHIM_ON_CPU(v, __atomic_load_n(_pp, __ATOMIC_RELAXED))
#define this_cpu_write(v, n)							\
	((void)SHIM_ON_CPU(v, (__atomic_store_n(_pp, n, __ATOMIC_RELAXED), 0)))
#define this_cpu_xchg(v, n)	SHIM_ON_CPU(v, __atomic_exchange_n(_pp, n, __ATOMIC_RELAXED))
#define this_cpu_cmpxchg(v, o, n)						\
	SHIM_ON_CPU(v, ({ __typeof__(v) _pc = (o); __atomic_compare_exchange_n(_pp, &_pc, n, \
		false, __ATOMIC_RELAXED, __ATOMIC_RELAXED); _pc; }))
#define raw_cpu_read(v)		this_cpu_read(v)
#define raw_cpu_write(v, n)	this_cpu_write(v, n)
#define raw_cpu_add(v, n)	this_cpu_add(v, n)
#define raw_cpu_inc(v)		this_cpu_inc(v)
#define __this_cpu_read(v)	this_cpu_read(v)
#define __this_cpu_write(v, n)	this_cpu_write(v, n)
#define __this_cpu_add(v, n)	this_cpu_add(v, n)
#define __this_cpu_inc(v)	this_cpu_inc(v)
#define __this_cpu_dec(v)	this_cpu_dec(v)

/* RCU, with grace periods that wait for the threads that read. */
struct rcu_head {
	struct rcu_head *next;
	void (*func)(struct rcu_head *head);
};

#define callback_head		rcu_head
void shim_rcu_lock(void);
void shim_rcu_unlock(void);
bool shim_rcu_reading(void);
void synchronize_rcu(void);
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head));
void rcu_barrier(void);
extern unsigned long shim_nr_grace_periods;
#define synchronize_rcu_expedited()	synchronize_rcu()
#define synchronize_sched()		synchronize_rcu()
#define call_rcu_hurry(h, f)		call_rcu(h, f)
#define rcu_read_lock()			shim_rcu_lock()
#define rcu_read_unlock()		shim_rcu_unlock()
#define rcu_read_lock_sched()		do { preempt_disable(); shim_rcu_lock(); } while (0)
#define rcu_read_unlock_sched()		do { shim_rcu_unlock(); preempt_enable(); } while (0)
#define rcu_read_lock_held()		shim_rcu_reading()
#define rcu_read_lock_sched_held()	(shim_rcu_reading() || shim_preempt)
#define rcu_read_lock_any_held()	rcu_read_lock_sched_held()
#define rcu_dereference(p)		smp_load_acquire(&(p))
#define rcu_dereference_sched(p)	rcu_dereference(p)
#define rcu_dereference_raw(p)		rcu_dereference(p)
#define rcu_dereference_check(p, c)	rcu_dereference(p)
#define rcu_dereference_protected(p, c)	({ WARN_ON(!(c)); READ_ONCE(p); })
#define rcu_access_pointer(p)		READ_ONCE(p)
#define rcu_assign_pointer(p, v)	smp_store_release(&(p), v)
#define rcu_replace_pointer(p, v, c)	({ __auto_type _r = (p); rcu_assign_pointer(p, v); _r; })
#define RCU_INIT_POINTER(p, v)		WRITE_ONCE(p, v)
#define RCU_LOCKDEP_WARN(c, s)		WARN_ON(c)
#define list_add_rcu(n, h)		list_add(n, h)
#define list_add_tail_rcu(n, h)		list_add_tail(n, h)
#define list_del_rcu(n)			shim_list_cut(n)
#define list_for_each_entry_rcu(p, h, m, ...) list_for_each_entry(p, h, m)
#define kfree_rcu(p, m)			shim_kfree_rcu(&(p)->m, (char *)&(p)->m - (char *)(p))
#define kfree_rcu_mightsleep(p)		do { synchronize_rcu(); kfree(p); } while (0)
void shim_kfree_rcu(struct rcu_head *head, size_t offset);

/* Locks. Those that sleep know who holds them. */
struct rw_semaphore {
	pthread_mutex_t m;
	pthread_cond_t c;
	int readers;
	int waiting;
	/* Readers who wait for their turn. */
	int queued;
	unsigned int turn;
	bool writing;
	pthread_t writer;
};

struct mutex {
	struct rw_semaphore rwsem;
};

#define SHIM_RWSEM_INIT		{ PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, 0, false, 0 }
#define DECLARE_RWSEM(name)	struct rw_semaphore name = SHIM_RWSEM_INIT
#define DEFINE_MUTEX(name)	struct mutex name = { SHIM_RWSEM_INIT }
void init_rwsem(struct rw_semaphore *s);
#ifdef SHIM_NATIVE
/* One thread: what is left of the fast paths is their atomic. */
static inline void down_read(struct rw_semaphore *s)
{ __atomic_fetch_add(&s->readers, 1, __ATOMIC_ACQUIRE); }
static inline void up_read(struct rw_semaphore *s)
{ __atomic_fetch_sub(&s->readers, 1, __ATOMIC_RELEASE); }
#else
void down_read(struct rw_semaphore *s);
void up_read(struct rw_semaphore *s);
#endif
void down_write(struct rw_semaphore *s);
void up_write(struct rw_semaphore *s);
void downgrade_write(struct rw_semaphore *s);
int down_read_trylock(struct rw_semaphore *s);
int down_write_trylock(struct rw_semaphore *s);
int down_read_killable(struct rw_semaphore *s);
int down_write_killable(struct rw_semaphore *s);
bool shim_rwsem_held(struct rw_semaphore *s, bool write);
#define down_read_interruptible(s)	down_read_killable(s)
#define down_read_nested(s, n)		down_read(s)
#define down_write_nested(s, n)		down_write(s)
#define rwsem_is_locked(s)		shim_rwsem_held(s, false)
#define rwsem_is_contended(s)		(READ_ONCE((s)->waiting) > 0)
#define mutex_init(l)			init_rwsem(&(l)->rwsem)
#define mutex_lock(l)			down_write(&(l)->rwsem)
#define mutex_unlock(l)			up_write(&(l)->rwsem)
#define mutex_trylock(l)		down_write_trylock(&(l)->rwsem)
#define mutex_lock_killable(l)		down_write_killable(&(l)->rwsem)
#define mutex_lock_interruptible(l)	down_write_killable(&(l)->rwsem)
#define mutex_lock_nested(l, n)		mutex_lock(l)
#define mutex_is_locked(l)		shim_rwsem_held(&(l)->rwsem, true)
#define mutex_destroy(l)		((void)(l))

#ifdef SHIM_NATIVE
#define lockdep_assert_held(l)		((void)(l))
#define lockdep_assert_held_write(l)	((void)(l))
#define lockdep_is_held(l)		((void)(l), true)
#else
#define lockdep_assert_held(l)							\
	WARN_ON(!_Generic((l), struct rw_semaphore *: shim_rwsem_held((void *)(l), false), \
			  struct mutex *: shim_rwsem_held((void *)(l), true),	\
			  spinlock_t *: shim_spin_held((void *)(l))))
#define lockdep_assert_held_write(l)						\
	WARN_ON(!_Generic((l), struct rw_semaphore *: shim_rwsem_held((void *)(l), true), \
			  struct mutex *: shim_rwsem_held((void *)(l), true)))
#define lockdep_is_held(l)							\
	_Generic((l), struct rw_semaphore *: shim_rwsem_held((void *)(l), false),	\
		 struct mutex *: shim_rwsem_held((void *)(l), true),		\
		 spinlock_t *: shim_spin_held((void *)(l)))
#endif
#define lockdep_assert(c)		WARN_ON(IS_ENABLED(CONFIG_PROVE_LOCKING) && !(c))
#define lockdep_assert_held_read(l)	lockdep_assert_held(l)
#define lockdep_assert_not_held(l)	((void)(l))
#define lockdep_assert_none_held_once()	((void)0)
#define lockdep_assert_preemption_disabled() WARN_ON(!shim_preempt)
#define lockdep_assert_preemption_enabled() WARN_ON(shim_preempt)
#define lockdep_assert_in_softirq()	((void)0)
#define lockdep_assert_irqs_enabled()	WARN_ON(shim_irqs_off)
#define lockdep_assert_irqs_disabled()	WARN_ON(!shim_irqs_off)
#define lockdep_set_class(l, k)		((void)(l))
#define lockdep_set_class_and_name(l, k, n) ((void)(l))
#define lockdep_set_subclass(l, n)	((void)(l))
struct lock_class_key { char unused; };

typedef struct {
	pthread_mutex_t m;
	pthread_t owner;
	bool held;
} spinlock_t;

typedef spinlock_t raw_spinlock_t;
#define __RAW_SPIN_LOCK_UNLOCKED(n) __SPIN_LOCK_UNLOCKED(n)
#define __SPIN_LOCK_UNLOCKED(n)	{ PTHREAD_MUTEX_INITIALIZER, 0, false }
#define DEFINE_SPINLOCK(n)	spinlock_t n = __SPIN_LOCK_UNLOCKED(n)
#define DEFINE_RAW_SPINLOCK(n)	DEFINE_SPINLOCK(n)
void spin_lock_init(spinlock_t *l);
void spin_lock(spinlock_t *l);
void spin_unlock(spinlock_t *l);
bool spin_trylock(spinlock_t *l);
bool shim_spin_held(spinlock_t *l);
#define raw_spin_lock_init(l)		spin_lock_init(l)
#define raw_spin_lock(l)		spin_lock(l)
#define raw_spin_unlock(l)		spin_unlock(l)
#define raw_spin_trylock(l)		spin_trylock(l)
#define spin_lock_irq(l)		do { local_irq_disable(); spin_lock(l); } while (0)
#define spin_unlock_irq(l)		do { spin_unlock(l); local_irq_enable(); } while (0)
#define spin_lock_irqsave(l, f)		do { local_irq_save(f); spin_lock(l); } while (0)
#define spin_unlock_irqrestore(l, f)	do { spin_unlock(l); local_irq_restore(f); } while (0)
#define raw_spin_lock_irqsave(l, f)	spin_lock_irqsave(l, f)
#define raw_spin_unlock_irqrestore(l, f) spin_unlock_irqrestore(l, f)
#define spin_lock_bh(l)			spin_lock(l)
#define spin_unlock_bh(l)		spin_unlock(l)
#define spin_is_locked(l)		READ_ONCE((l)->held)

/* local_lock_t, where kernels without PREEMPT_RT only turn preemption off. */
typedef struct { char unused; } local_lock_t;
#define INIT_LOCAL_LOCK(n)		{}
#define local_lock(l)			((void)(l), preempt_disable())
#define local_unlock(l)			((void)(l), preempt_enable())
#define local_lock_irqsave(l, f)	do { local_irq_save(f); local_lock(l); } while (0)
#define local_unlock_irqrestore(l, f)	do { local_unlock(l); local_irq_restore(f); } while (0)

/* Waiting, and threads. */
struct completion {
	pthread_mutex_t m;
	pthread_cond_t c;
	unsigned int done;
};

void init_completion(struct completion *x);
void complete(struct completion *x);
void complete_all(struct completion *x);
void wait_for_completion(struct completion *x);
/* 0, or -ERESTARTSYS once a fatal signal is pending; other signals there are none. */
int wait_for_completion_killable(struct completion *x);
#define wait_for_completion_interruptible(x) wait_for_completion_killable(x)
/* Ticks that are left, at least 1; or 0. */
unsigned long wait_for_completion_timeout(struct completion *x, unsigned long ticks);
#define reinit_completion(x)		((x)->done = 0)
#define SHIM_COMPLETION_INIT	{ PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 }
#define DECLARE_COMPLETION(n)		struct completion n = SHIM_COMPLETION_INIT
#define DECLARE_COMPLETION_ONSTACK(n)	struct completion n = SHIM_COMPLETION_INIT

typedef struct wait_queue_head {
	pthread_mutex_t m;
	pthread_cond_t c;
} wait_queue_head_t;

#define DECLARE_WAIT_QUEUE_HEAD(n)						\
	wait_queue_head_t n = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER }
void init_waitqueue_head(wait_queue_head_t *q);
void wake_up_all(wait_queue_head_t *q);
/* Until the next wake_up_all() or 1 ms, whichever comes first. */
void shim_wait_a_bit(wait_queue_head_t *q);
#define wake_up(q)			wake_up_all(q)
#define wait_event(q, c)		do { while (!(c)) shim_wait_a_bit(&(q)); } while (0)
#define wait_event_killable(q, c)						\
	({ int _e = 0; while (!(c) && !(_e = fatal_signal_pending(current) ? -ERESTARTSYS : 0)) \
		shim_wait_a_bit(&(q)); _e; })
#define wait_event_timeout(q, c, t)						\
	({ long _t = (t); bool _c; while (!(_c = (c)) && _t-- > 0) shim_wait_a_bit(&(q)); \
	   _c ? max(_t, 1l) : 0l; })

#define HZ			1000
#define jiffies			shim_jiffies()
unsigned long shim_jiffies(void);
#define msecs_to_jiffies(ms)	(ms)
#define time_before(a, b)		((long)((a) - (b)) < 0)
#define time_after(a, b)	((long)((b) - (a)) < 0)
long schedule_timeout_uninterruptible(long ticks);
#define schedule_timeout_killable(t)	schedule_timeout_uninterruptible(t)
#define schedule()		shim_relax()
#define msleep(ms)		schedule_timeout_uninterruptible(ms)
#define usleep_range(a, b)	schedule_timeout_uninterruptible(1)
#define udelay(us)		shim_relax()
#define yield()			shim_relax()
u64 ktime_get_ns(void);
#define ktime_get_mono_fast_ns() ktime_get_ns()
#define local_clock()		ktime_get_ns()

struct mm_struct;

struct task_struct {
	int pid;
	bool dying;		/* a fatal signal is pending */
	unsigned long flags;
	struct mm_struct *mm;
	char comm[16];
};

extern __thread struct task_struct shim_current;
#define current			(&shim_current)
#define fatal_signal_pending(t)	__atomic_load_n(&(t)->dying, __ATOMIC_RELAXED)
#define signal_pending(t)	fatal_signal_pending(t)
#define test_thread_flag(f)	false
#define SIGKILL			9
#define allow_signal(s)		((void)0)
#define disallow_signal(s)	((void)0)
#define send_sig(s, t, p)	((void)__atomic_store_n(&(t)->dying, true, __ATOMIC_RELAXED))
#define flush_signals(t)	((void)__atomic_store_n(&(t)->dying, false, __ATOMIC_RELAXED))
/* A thread stays where it began. */
#define set_cpus_allowed_ptr(t, mask)	((void)(t), 0)
#define PF_EXITING		0x00000004
#define PF_KTHREAD		0x00200000
#define PF_MEMALLOC		0x00000800
#define TASK_RUNNING		0
#define set_current_state(s)	((void)(s))
#define __set_current_state(s)	((void)(s))

/* A thread, on the next CPU in turn; shim_run_on() chooses it. */
struct task_struct *shim_kthread(int (*fn)(void *arg), void *arg);
#define kthread_run(fn, arg, ...)	shim_kthread(fn, arg)
#define kthread_create(fn, arg, ...)	shim_kthread(fn, arg)
#define kthread_should_stop()	false
void shim_run_on(int cpu);

struct work_struct {
	void (*func)(struct work_struct *work);
};

struct delayed_work {
	struct work_struct work;
};

/* Time does not pass: what is put off does not come. */
#define DECLARE_DELAYED_WORK(n, f)	struct delayed_work n = { { f } }
#define system_unbound_wq		NULL
#define queue_delayed_work(q, w, t)	((void)(w), true)
#define delayed_work_pending(w)		((void)(w), false)
#define cancel_delayed_work_sync(w)	((void)(w), false)
#define CPUHP_BP_PREPARE_DYN		1
#define cpuhp_setup_state_nocalls(s, name, on, off) ((void)(off), 1)
#define cpuhp_remove_state_nocalls(s)	((void)(s))

#define INIT_WORK(w, f)			((w)->func = (f))
#define INIT_DELAYED_WORK(w, f)		((w)->work.func = (f))
#define schedule_work(w)		((w)->func(w), true)
#define queue_work(q, w)		schedule_work(w)
#define cancel_work_sync(w)		((void)(w), false)
#define flush_work(w)			((void)(w), true)

#endif /* SHIM_SYNC_H */
