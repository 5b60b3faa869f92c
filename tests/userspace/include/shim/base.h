/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What of Linux' headers needs no other CPU: types, attributes, numbers, lists, errors.
 * One of the headers behind <linux/...> in user space; see ../../README.md.
 */
#ifndef SHIM_BASE_H
#define SHIM_BASE_H

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;
typedef unsigned int gfp_t;
typedef u64 phys_addr_t;
typedef u64 resource_size_t;
typedef u64 dma_addr_t;

#define CONFIG_64BIT		1
/* For nanoseconds nothing is checked, as in a kernel without debug options. */
#ifndef SHIM_NATIVE
#define CONFIG_PROVE_LOCKING	1
#define CONFIG_DEBUG_LOCK_ALLOC	1
#endif
#define CONFIG_PREEMPT_COUNT	1
#define CONFIG_SMP		1
#define CONFIG_AXAS_KUNIT_TEST	1
#ifdef SHIM_TSAN
#define CONFIG_KCSAN		1
#endif
#ifdef SHIM_KASAN
#define CONFIG_KASAN		1
#endif

/* IS_ENABLED(CONFIG_X): 1 if that is defined to 1, else 0. */
#define SHIM_ARG_1		0,
#define SHIM_SECOND(a, b, ...)	b
#define SHIM_ENABLED2(junk)	SHIM_SECOND(junk 1, 0)
#define SHIM_ENABLED1(val)	SHIM_ENABLED2(SHIM_ARG_##val)
#define SHIM_ENABLED(val)	SHIM_ENABLED1(val)
#define IS_ENABLED(option)	SHIM_ENABLED(option)
#define IS_BUILTIN(option)	SHIM_ENABLED(option)

#define KERNEL_VERSION(a, b, c)	(((a) << 16) + ((b) << 8) + ((c) > 255 ? 255 : (c)))
#define LINUX_VERSION_CODE	KERNEL_VERSION(6, 1, 0)

#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#undef __always_inline
#define __always_inline		inline __attribute__((__always_inline__))
#define noinline		__attribute__((__noinline__))
#define __printf(a, b)		__attribute__((__format__(printf, a, b)))
#define __must_check		__attribute__((__warn_unused_result__))
#define __maybe_unused		__attribute__((__unused__))
#define __always_unused		__attribute__((__unused__))
#define __aligned(x)		__attribute__((__aligned__(x)))
#define __packed		__attribute__((__packed__))
#define __section(s)		__attribute__((__section__(s)))
#define __cold			__attribute__((__cold__))
#define __pure			__attribute__((__pure__))
#define __noreturn		__attribute__((__noreturn__))
#define array_index_nospec(i, n)	(i)
#define ____cacheline_aligned	__aligned(64)
#define ____cacheline_aligned_in_smp __aligned(64)
#define __cacheline_aligned	__aligned(64)
#define __read_mostly
#define __ro_after_init
#define __init
#define __exit
#define __initdata
#define __percpu
#define __user
#define __iomem
#define __force
#define __rcu
#define __kernel
#define __uninitialized
#define __counted_by(x)
#define __acquires(x)
#define __releases(x)
#define __must_hold(x)
#define __acquire(x)		((void)0)
#define __release(x)		((void)0)
#define __cond_lock(x, c)	(c)
#define fallthrough		__attribute__((__fallthrough__))
#define asmlinkage
#define notrace
#define THIS_MODULE		((struct module *)NULL)
#define KBUILD_MODNAME		"axas"

struct module;

#define barrier()		__asm__ __volatile__("" : : : "memory")
#define typeof_member(T, m)	__typeof__(((T *)0)->m)
#define sizeof_field(T, m)	sizeof(((T *)0)->m)
#define typeof			__typeof__
#define __same_type(a, b)	__builtin_types_compatible_p(__typeof__(a), __typeof__(b))

#define static_assert(e, ...)	_Static_assert(e, "" #e)
#define BUILD_BUG_ON(e)		_Static_assert(!(e), "BUILD_BUG_ON(" #e ")")
#define BUILD_BUG_ON_MSG(e, m)	_Static_assert(!(e), m)
#define BUILD_BUG_ON_ZERO(e)	((int)(sizeof(struct { int : (-!!(e)); })))
#define compiletime_assert(e, m) _Static_assert(e, m)

#define container_of(ptr, T, m)	((T *)((char *)(ptr) - offsetof(T, m)))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define BITS_PER_LONG		64
#define BITS_PER_BYTE		8
#define BIT(n)			(1ul << (n))
#define BIT_ULL(n)		(1ull << (n))
#define GENMASK(h, l)		((~0ul << (l)) & (~0ul >> (63 - (h))))
#define GENMASK_ULL(h, l)	((~0ull << (l)) & (~0ull >> (63 - (h))))
#define U8_MAX			((u8)~0)
#define U16_MAX			((u16)~0)
#define U32_MAX			((u32)~0)
#define U64_MAX			((u64)~0)
#define S64_MAX			((s64)(U64_MAX >> 1))
#define KUNIT_PARAM_DESC_SIZE	128

#define FIELD_SHIFT(mask)	(__builtin_ctzll(mask))
#define FIELD_PREP(mask, val)	(((__typeof__(mask))(val) << FIELD_SHIFT(mask)) & (mask))
#define FIELD_GET(mask, reg)	((__typeof__(mask))(((reg) & (mask)) >> FIELD_SHIFT(mask)))
#define FIELD_FIT(mask, val)	(!((((__typeof__(mask))(val)) << FIELD_SHIFT(mask)) & ~(mask)))
#define FIELD_MAX(mask)		((mask) >> FIELD_SHIFT(mask))

#define min(a, b)		({ __auto_type _a = (a); __auto_type _b = (b); _a < _b ? _a : _b; })
#define max(a, b)		({ __auto_type _a = (a); __auto_type _b = (b); _a > _b ? _a : _b; })
#define min3(a, b, c)		min(min(a, b), c)
#define max3(a, b, c)		max(max(a, b), c)
#define min_t(T, a, b)		({ T _ta = (a), _tb = (b); _ta < _tb ? _ta : _tb; })
#define max_t(T, a, b)		({ T _ta = (a), _tb = (b); _ta > _tb ? _ta : _tb; })
#define umin(a, b)		min_t(u64, a, b)
#define umax(a, b)		max_t(u64, a, b)
#define clamp(v, lo, hi)	min(max(v, lo), hi)
#define clamp_t(T, v, lo, hi)	min_t(T, max_t(T, v, lo), hi)
#define min_not_zero(a, b)	({ __auto_type _x = (a); __auto_type _y = (b); \
				   !_x ? _y : !_y ? _x : min(_x, _y); })
#define swap(a, b)		do { __auto_type _s = (a); (a) = (b); (b) = _s; } while (0)
#define abs(x)			({ __auto_type _x = (x); _x < 0 ? -_x : _x; })
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define round_up(x, y)		((((x) - 1) | ((__typeof__(x))(y) - 1)) + 1)
#define round_down(x, y)	((x) & ~((__typeof__(x))(y) - 1))
#define roundup(x, y)		((((x) + (y) - 1) / (y)) * (y))
#define ALIGN(x, a)		round_up(x, a)
#define ALIGN_DOWN(x, a)	round_down(x, a)
#define IS_ALIGNED(x, a)	(((x) & ((__typeof__(x))(a) - 1)) == 0)
#define PTR_ALIGN(p, a)		((__typeof__(p))ALIGN((unsigned long)(p), (a)))

#define check_add_overflow(a, b, d)	__builtin_add_overflow(a, b, d)
#define check_sub_overflow(a, b, d)	__builtin_sub_overflow(a, b, d)
#define check_mul_overflow(a, b, d)	__builtin_mul_overflow(a, b, d)
#define size_add(a, b)		({ size_t _r; __builtin_add_overflow(a, b, &_r) ? SIZE_MAX : _r; })
#define size_mul(a, b)		({ size_t _r; __builtin_mul_overflow(a, b, &_r) ? SIZE_MAX : _r; })
#define array_size(a, b)	size_mul(a, b)
#define struct_size(p, m, n)	size_add(sizeof(*(p)), size_mul(n, sizeof(*(p)->m)))
#define struct_size_t(T, m, n)	(sizeof(T) + (n) * sizeof(*((T *)0)->m))
#define flex_array_size(p, m, n) size_mul(n, sizeof(*(p)->m))

static inline unsigned long __fls(unsigned long x) { return 63 - __builtin_clzl(x); }
static inline unsigned long __ffs(unsigned long x) { return __builtin_ctzl(x); }
static inline int fls64(u64 x) { return x ? 64 - __builtin_clzll(x) : 0; }
static inline int fls_long(unsigned long x) { return fls64(x); }
#define fls(x)			fls64((u32)(x))
#define ilog2(n)		(fls64(n) - 1)
#define is_power_of_2(n)	((n) && !((n) & ((n) - 1)))
#define roundup_pow_of_two(n)	((n) <= 1 ? 1ul : 1ul << fls64((n) - 1))
#define rounddown_pow_of_two(n)	(1ul << ilog2(n))
#define order_base_2(n)		((n) > 1 ? ilog2((n) - 1) + 1 : 0)
static inline unsigned int hweight64(u64 x) { return __builtin_popcountll(x); }
#define hweight_long(x)		hweight64(x)
#define hweight32(x)		hweight64((u32)(x))
static inline int get_order(unsigned long size)
{
	return size <= 4096 ? 0 : fls64((size - 1) >> 12);
}

#define SZ_1		1
#define SZ_16		16
#define SZ_64		64
#define SZ_512		512
#define SZ_1K		0x400
#define SZ_2K		0x800
#define SZ_4K		0x1000
#define SZ_8K		0x2000
#define SZ_16K		0x4000
#define SZ_32K		0x8000
#define SZ_64K		0x10000
#define SZ_128K		0x20000
#define SZ_256K		0x40000
#define SZ_512K		0x80000
#define SZ_1M		0x100000
#define SZ_2M		0x200000
#define SZ_4M		0x400000
#define SZ_8M		0x800000
#define SZ_16M		0x1000000
#define SZ_32M		0x2000000
#define SZ_64M		0x4000000
#define SZ_128M		0x8000000
#define SZ_256M		0x10000000
#define SZ_512M		0x20000000
#define SZ_1G		0x40000000
#define SZ_2G		0x80000000
#define SZ_4G		0x100000000ull

/* errno values that user space does not know. */
#define ERESTARTSYS		512
#define ENOTSUPP		524
#define EPROBE_DEFER		517

#define MAX_ERRNO		4095
#define IS_ERR_VALUE(x)		unlikely((unsigned long)(x) >= (unsigned long)-MAX_ERRNO)
static inline void *ERR_PTR(long err) { return (void *)err; }
static inline long PTR_ERR(const void *p) { return (long)p; }
static inline bool IS_ERR(const void *p) { return IS_ERR_VALUE(p); }
static inline bool IS_ERR_OR_NULL(const void *p) { return !p || IS_ERR_VALUE(p); }
static inline int PTR_ERR_OR_ZERO(const void *p) { return IS_ERR(p) ? PTR_ERR(p) : 0; }
#define ERR_CAST(p)		((void *)(p))

/* A WARN is a finding: it fails the run, and says where. */
void shim_warn(const char *what, const char *file, int line);

#define WARN_ON(c)		({ bool _w = !!(c); \
				   if (unlikely(_w)) shim_warn(#c, __FILE__, __LINE__); \
				   unlikely(_w); })
#define WARN_ON_ONCE(c)		WARN_ON(c)
#define WARN(c, ...)		WARN_ON(c)
#define WARN_ONCE(c, ...)	WARN_ON(c)
#define VM_WARN_ON(c)		WARN_ON(c)
#define VM_WARN_ON_ONCE(c)	WARN_ON(c)
#define BUG_ON(c)		do { if (c) { shim_warn(#c, __FILE__, __LINE__); abort(); } } while (0)
#define BUG()			BUG_ON(1)
#define unreachable()		__builtin_unreachable()

#define pr_fmt(fmt)		fmt
#define pr_info(fmt, ...)	printf(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_err(fmt, ...)	printf(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn(fmt, ...)	printf(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn_once(fmt, ...)	printf(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_debug(fmt, ...)	((void)0)
#define printk(fmt, ...)	printf(fmt, ##__VA_ARGS__)
#define scnprintf(b, n, ...)	({ int _n = snprintf(b, n, __VA_ARGS__); \
				   _n >= (int)(n) ? (int)(n) - 1 : _n; })

#define EXPORT_SYMBOL(sym)
#define EXPORT_SYMBOL_GPL(sym)
#define EXPORT_SYMBOL_NS_GPL(sym, ns)
#define MODULE_LICENSE(s)
#define MODULE_DESCRIPTION(s)
#define MODULE_AUTHOR(s)
#define MODULE_IMPORT_NS(s)
#define MODULE_PARM_DESC(n, s)
#define MODULE_VERSION(s)
#define module_init(fn)
#define module_exit(fn)
#define try_module_get(m)	((void)(m), true)
#define module_put(m)		((void)(m))
#define __module_get(m)		((void)(m))

/* module_param(): what runs the tests sets it by name. */
struct shim_param {
	const char *name;
	const char *type;
	void *val;
};

#define module_param_named(nm, var, T, perm)					\
static const struct shim_param shim_param_##nm					\
	__attribute__((__used__, __section__("shim_params"), __aligned__(8))) =	\
	{ #nm, #T, &(var) }
#define module_param(nm, T, perm) module_param_named(nm, nm, T, perm)
bool shim_set_param(const char *name, unsigned long val);
/* Whether tracepoints are on: not while others run the core. */
#ifndef SHIM_NATIVE
extern bool shim_tracing;
#define SHIM_TRACING	shim_tracing
#endif
extern const struct shim_param __start_shim_params[] __attribute__((weak));
extern const struct shim_param __stop_shim_params[] __attribute__((weak));

/* Lists, as <linux/list.h> has them. */
struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD_INIT(name)	{ &(name), &(name) }
#define LIST_HEAD(name)		struct list_head name = LIST_HEAD_INIT(name)
static inline void INIT_LIST_HEAD(struct list_head *l) { l->next = l; l->prev = l; }
static inline void shim_list_link(struct list_head *n, struct list_head *prev,
				  struct list_head *next)
{
	next->prev = n;
	n->next = next;
	n->prev = prev;
	prev->next = n;
}

static inline void list_add(struct list_head *n, struct list_head *h)
{ shim_list_link(n, h, h->next); }
static inline void list_add_tail(struct list_head *n, struct list_head *h)
{ shim_list_link(n, h->prev, h); }
static inline void shim_list_cut(struct list_head *n)
{ n->next->prev = n->prev; n->prev->next = n->next; }
static inline void list_del(struct list_head *n)
{ shim_list_cut(n); n->next = (void *)0x100; n->prev = (void *)0x122; }
static inline void list_del_init(struct list_head *n)
{ shim_list_cut(n); INIT_LIST_HEAD(n); }
static inline bool list_empty(const struct list_head *h) { return h->next == h; }
static inline bool list_is_singular(const struct list_head *h)
{ return !list_empty(h) && h->next == h->prev; }
static inline void list_move(struct list_head *n, struct list_head *h)
{ shim_list_cut(n); list_add(n, h); }
static inline void list_move_tail(struct list_head *n, struct list_head *h)
{ shim_list_cut(n); list_add_tail(n, h); }
static inline void list_splice_init(struct list_head *l, struct list_head *h)
{
	if (list_empty(l))
		return;
	l->next->prev = h;
	l->prev->next = h->next;
	h->next->prev = l->prev;
	h->next = l->next;
	INIT_LIST_HEAD(l);
}

static inline void list_splice_tail_init(struct list_head *l, struct list_head *h)
{
	if (list_empty(l))
		return;
	l->prev->next = h;
	l->next->prev = h->prev;
	h->prev->next = l->next;
	h->prev = l->prev;
	INIT_LIST_HEAD(l);
}

#define list_entry(p, T, m)		container_of(p, T, m)
#define list_first_entry(h, T, m)	list_entry((h)->next, T, m)
#define list_last_entry(h, T, m)	list_entry((h)->prev, T, m)
#define list_next_entry(p, m)		list_entry((p)->m.next, __typeof__(*(p)), m)
#define list_prev_entry(p, m)		list_entry((p)->m.prev, __typeof__(*(p)), m)
#define list_first_entry_or_null(h, T, m) (list_empty(h) ? NULL : list_first_entry(h, T, m))
#define list_for_each(p, h)		for (p = (h)->next; p != (h); p = p->next)
#define list_for_each_safe(p, n, h)	for (p = (h)->next, n = p->next; p != (h); \
					     p = n, n = p->next)
#define list_for_each_entry(p, h, m)						\
	for (p = list_first_entry(h, __typeof__(*p), m); &p->m != (h);		\
	     p = list_next_entry(p, m))
#define list_for_each_entry_reverse(p, h, m)					\
	for (p = list_last_entry(h, __typeof__(*p), m); &p->m != (h);		\
	     p = list_prev_entry(p, m))
#define list_for_each_entry_safe(p, n, h, m)					\
	for (p = list_first_entry(h, __typeof__(*p), m), n = list_next_entry(p, m); \
	     &p->m != (h); p = n, n = list_next_entry(n, m))
#define list_for_each_entry_from(p, h, m)					\
	for (; &p->m != (h); p = list_next_entry(p, m))
#define list_for_each_entry_continue(p, h, m)					\
	for (p = list_next_entry(p, m); &p->m != (h); p = list_next_entry(p, m))

void *memchr_inv(const void *p, int c, size_t n);
static inline void *memset64(u64 *s, u64 v, size_t n)
{
	while (n--)
		s[n] = v;
	return s;
}

static inline ssize_t strscpy(char *to, const char *from, size_t n)
{ return snprintf(to, n, "%s", from) < (int)n ? (ssize_t)strlen(from) : -E2BIG; }

/* Bitmaps. */
#define BITS_TO_LONGS(n)	DIV_ROUND_UP(n, 64)
#define DECLARE_BITMAP(name, n)	unsigned long name[BITS_TO_LONGS(n)]

static inline void bitmap_zero(unsigned long *map, unsigned int nbits)
{ memset(map, 0, BITS_TO_LONGS(nbits) * sizeof(*map)); }

static inline void __set_bit(long nr, unsigned long *map)
{ map[nr / 64] |= 1ul << nr % 64; }

static inline bool test_bit(long nr, const unsigned long *map)
{ return map[nr / 64] >> nr % 64 & 1; }

#define BITMAP_FIRST_WORD_MASK(start)	(~0ul << ((start) & (BITS_PER_LONG - 1)))
#define BITMAP_LAST_WORD_MASK(n)	(~0ul >> (-(n) & (BITS_PER_LONG - 1)))

static inline void bitmap_set(unsigned long *map, unsigned int first, unsigned int n)
{
	while (n--)
		__set_bit(first++, map);
}

static inline void bitmap_fill(unsigned long *map, unsigned int nbits)
{ memset(map, 0xff, BITS_TO_LONGS(nbits) * sizeof(*map)); }

static inline unsigned long find_next_is(const unsigned long *map, unsigned long size,
					 unsigned long at, bool set)
{
	while (at < size && test_bit(at, map) != set)
		at++;
	return at < size ? at : size;
}

#define find_next_bit(map, size, at)		find_next_is(map, size, at, true)
#define find_next_zero_bit(map, size, at)	find_next_is(map, size, at, false)

static inline unsigned long find_last_bit(const unsigned long *map, unsigned long size)
{
	unsigned long at = size;

	while (at && !test_bit(at - 1, map))
		at--;
	return at ? at - 1 : size;
}

#define for_each_set_bit_from(bit, map, size)					\
	for ((bit) = find_next_bit(map, size, bit); (bit) < (size);		\
	     (bit) = find_next_bit(map, size, (bit) + 1))

static inline void __clear_bit(long nr, unsigned long *map)
{ map[nr / 64] &= ~(1ul << nr % 64); }

static inline bool __test_and_clear_bit(long nr, unsigned long *map)
{
	bool was = map[nr / 64] >> nr % 64 & 1;

	map[nr / 64] &= ~(1ul << nr % 64);
	return was;
}

/* The kernel's own generator: the same sequence for the same seed. */
struct rnd_state {
	u32 s1, s2, s3, s4;
};

u32 prandom_u32_state(struct rnd_state *state);
void prandom_seed_state(struct rnd_state *state, u64 seed);

#endif /* SHIM_BASE_H */
