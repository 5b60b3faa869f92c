/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Linux's interfaces for CBMC: one CPU, no sleeping, no interrupts. scripts/prove.sh makes
 * every <linux/...> header that the core includes this file, so the core's files are proven
 * unmodified.
 *
 * Functions declared here without a body return any value; those that a proof calls have a
 * body, here or in the proof.
 */
#ifndef PROOFS_LINUX_H
#define PROOFS_LINUX_H

#include <stdbool.h>
#include <stddef.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long s64;
typedef unsigned long ulong;
typedef u8 __u8;
typedef u16 __u16;
typedef u32 __u32;
typedef u64 __u64;
typedef int __s32;
typedef long long __s64;
typedef unsigned int gfp_t;
typedef long ssize_t;
typedef long long loff_t;
typedef unsigned __int128 u128;
typedef unsigned __CPROVER_bitvector[66] u66;	/* the sum of two 64-bit values fits */
#define __aligned_u64	u64 __attribute__((aligned(8)))

#define __user
#define __iomem
#define __percpu
#define __rcu
#define __must_check
#define __uninitialized
#define __always_inline		inline
#define noinline
#define __cold
#define ____cacheline_aligned
#define likely(x)		(x)
#define unlikely(x)		(x)
#define array_index_nospec(i, n) (i)
#define static_assert(x, ...)	_Static_assert(x, #x)
#define BUILD_BUG_ON(x)		_Static_assert(!(x), #x)
#define IS_ENABLED(option)	0
#define KERNEL_VERSION(a, b, c)	(((a) << 16) + ((b) << 8) + (c))
#define LINUX_VERSION_CODE	KERNEL_VERSION(6, 12, 0)
#define EXPORT_SYMBOL_NS_GPL(sym, ns)
#define module_param(...)
#define MODULE_PARM_DESC(...)

enum {
	ENOENT = 2, EINTR = 4, ENXIO = 6, EAGAIN = 11, ENOMEM = 12, EFAULT = 14, EBUSY = 16,
	EIO = 5, EACCES = 13, EEXIST = 17, EINVAL = 22, EOPNOTSUPP = 95, EMEDIUMTYPE = 124,
};

/* Bits and numbers. */
#define BIT(n)			(1ul << (n))
#define BIT_ULL(n)		(1ull << (n))
#define GENMASK_ULL(h, l)	((~0ull << (l)) & (~0ull >> (63 - (h))))
#define GENMASK(h, l)		GENMASK_ULL(h, l)
#define FIELD_SHIFT(mask)	__builtin_ctzll(mask)
#define FIELD_PREP(mask, v)	(((u64)(v) << FIELD_SHIFT(mask)) & (mask))
#define FIELD_GET(mask, v)	(((v) & (mask)) >> FIELD_SHIFT(mask))
#define __ffs(x)		__builtin_ctzll(x)
#define __fls(x)		(63 - __builtin_clzll(x))
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define min(a, b)		((a) < (b) ? (a) : (b))
#define max(a, b)		((a) > (b) ? (a) : (b))
#define min3(a, b, c)		min(min(a, b), c)
#define min_t(t, a, b)		min((t)(a), (t)(b))
#define max_t(t, a, b)		max((t)(a), (t)(b))
#define clamp(v, lo, hi)	min(max(v, lo), hi)
#define check_add_overflow(a, b, d)	__builtin_add_overflow(a, b, d)
#define container_of(p, type, member) \
	((type *)((char *)(p) - offsetof(type, member)))

/* One CPU: atomic operations are plain accesses. */
#ifdef PROOF_STORE
/* The proof checks each store to memory that other CPUs or hardware may read. */
static void proof_store(u64 *slot, u64 new);
#define PROOF_WRITE(p, v)	proof_store((u64 *)(p), (u64)(v))
#else
#define PROOF_WRITE(p, v)	((void)(*(p) = (v)))
#endif
#define READ_ONCE(x)		(x)
#define WRITE_ONCE(x, v)	PROOF_WRITE(&(x), v)
#define smp_store_release(p, v)	PROOF_WRITE(p, v)
#define smp_load_acquire(p)	(*(p))
#define try_cmpxchg(p, old, new) ({			\
	bool _same = *(p) == *(old);			\
							\
	if (_same)					\
		PROOF_WRITE(p, new);			\
	else						\
		*(old) = *(p);				\
	_same;						\
})
#define xchg(p, new) ({					\
	typeof(*(p)) _was = *(p);			\
							\
	PROOF_WRITE(p, new);				\
	_was;						\
})
#define barrier()		((void)0)
#define smp_mb()		((void)0)
#define data_race(x)		(x)
#define this_cpu_ptr(p)		(p)
#define per_cpu_ptr(p, cpu)	(p)
#define for_each_possible_cpu(cpu) for ((cpu) = 0; (cpu) < 1; (cpu)++)

typedef struct { s64 counter; } atomic64_t;

static inline void atomic64_xor(s64 v, atomic64_t *p)
{
	PROOF_WRITE(&p->counter, p->counter ^ v);
}

typedef struct { long counter; } atomic_long_t;
typedef struct { int counter; } atomic_t;
#define ATOMIC_INIT(n)		{ n }

static inline void atomic_long_add(long n, atomic_long_t *p)
{
	p->counter += n;
}

static inline void atomic_long_dec(atomic_long_t *p)
{
	p->counter--;
}

static inline void atomic_dec(atomic_t *p)
{
	p->counter--;
}

static inline void atomic_long_inc(atomic_long_t *p)
{
	p->counter++;
}

static inline long atomic_long_read(const atomic_long_t *p)
{
	return p->counter;
}

/* Static keys, disabled. */
#define DECLARE_STATIC_KEY_FALSE(name)	extern bool name
#define DEFINE_STATIC_KEY_FALSE(name)	bool name
#define static_branch_unlikely(key)	(*(key))

/* Any value. Tasks: a fatal signal may arrive at any time. */
bool nondet_bool(void);
u32 nondet_u32(void);
u64 nondet_u64(void);
bool nondet_signal(void);
#define current			NULL
#define fatal_signal_pending(t)	nondet_signal()
#define cond_resched()		((void)0)

/* Error pointers. */
#define MAX_ERRNO		4095
#define IS_ERR_VALUE(x)		((unsigned long)(x) >= (unsigned long)-MAX_ERRNO)

static inline void *ERR_PTR(long err)
{
	return (void *)err;
}

static inline long PTR_ERR(const void *p)
{
	return (long)p;
}

static inline bool IS_ERR(const void *p)
{
	return IS_ERR_VALUE(p);
}

static inline bool IS_ERR_OR_NULL(const void *p)
{
	return !p || IS_ERR(p);
}

/* Memory. */
#define GFP_KERNEL		0u
#define GFP_KERNEL_ACCOUNT	0u
#define __GFP_NOWARN		0u
#define __GFP_NOFAIL		0u
#define PAGE_SIZE		4096ul
#define __va(pa)		((void *)(unsigned long)(pa))
#define __pa(va)		((u64)(unsigned long)(va))
void *memset(void *p, int c, size_t n);
void *memcpy(void *to, const void *from, size_t n);
void *memchr_inv(const void *p, int c, size_t n);
void *kzalloc(size_t bytes, gfp_t gfp);
void kfree(const void *p);
void *kvmalloc(size_t bytes, gfp_t gfp);
void kvfree(const void *p);
#define DEFINE_FREE(name, type, free)

/*
 * For the files above axas_npt.c. No proof executes these yet; the declarations let CBMC parse
 * the files.
 */
struct list_head { struct list_head *next, *prev; };
struct kref { int n; };
typedef struct { int n; } refcount_t;
struct rw_semaphore { int n; };
struct mutex { int n; };
typedef struct { int n; } spinlock_t;
typedef struct { int n; } wait_queue_head_t;
struct completion { int n; };
struct cpumask { unsigned long bits; };
typedef struct cpumask *cpumask_var_t;
struct rb_node { struct rb_node *left, *right; };
struct maple_tree { int n; };

#define DECLARE_BITMAP(name, bits)	unsigned long name[(bits) / 64]
#define DECLARE_PER_CPU_ALIGNED(type, name)		extern type name
#define LIST_HEAD(name)			struct list_head name = { &name, &name }
#define list_for_each_entry(p, head, member)		for ((p) = NULL; (p);)
#define list_for_each_entry_safe(p, n, head, member)	for ((p) = (n) = NULL; (p);)
#define mt_for_each(mt, p, index, max)			for ((p) = NULL; (p);)
#define mas_for_each(mas, p, max)			for ((p) = NULL; (p);)
struct ma_state { struct maple_tree *tree; unsigned long index, last; };
#define MA_STATE(name, mt, f, l)			struct ma_state name = { mt, f, l }
#define lockdep_assert_held(lock)			((void)0)
#define lockdep_assert_held_write(lock)			((void)0)
#define WARN_ON_ONCE(x)					(x)
#define preempt_disable()				((void)0)
#define preempt_enable()				((void)0)
#define in_task()					true
#define mutex_init(lock)				((void)0)
#define mutex_lock(lock)				((void)0)
#define mutex_unlock(lock)				((void)0)
#define mutex_destroy(lock)				((void)0)
#define init_rwsem(lock)				((void)0)
#define down_read(lock)					((void)0)
#define up_read(lock)					((void)0)
#define down_write(lock)				((void)0)
#define up_write(lock)					((void)0)
#define refcount_read(ref)				((ref)->n)
#define refcount_inc(ref)				((void)(ref)->n++)
#define kref_init(ref)					((void)0)
#define kref_get(ref)					((void)0)
#define kref_put(ref, release)				(release)(ref)
#define mt_init_flags(mt, flags)			((void)0)
#define mtree_destroy(mt)				((void)0)
#define INIT_LIST_HEAD(head)				((void)0)
#define list_add_tail(entry, head)			((void)0)
#define list_del_init(entry)				((void)0)
#define list_empty(head)				true

#define MT_FLAGS_ALLOC_RANGE				0
#define MT_FLAGS_USE_RCU				0

void *mtree_load(struct maple_tree *mt, unsigned long index);
void *mt_find(struct maple_tree *mt, unsigned long *index, unsigned long max);
void *mt_find_after(struct maple_tree *mt, unsigned long *index, unsigned long max);
void *mt_prev(struct maple_tree *mt, unsigned long index, unsigned long min);
void *mt_next(struct maple_tree *mt, unsigned long index, unsigned long max);
void *mas_find(struct ma_state *mas, unsigned long max);
void *mas_prev(struct ma_state *mas, unsigned long min);
void *mas_next(struct ma_state *mas, unsigned long max);
void *mas_walk(struct ma_state *mas);

/* Tracepoints: as in the user-space build, from which prove.sh copies the file. */
#include "shim/trace.h"
u64 ktime_get_ns(void);

struct page;
struct seq_file;
static inline void seq_printf(struct seq_file *m, const char *fmt, ...)
{
}

#endif /* PROOFS_LINUX_H */
