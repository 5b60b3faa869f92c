/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rest: sequences of text, bio_vecs, I/O memory, scope-based release.
 */
#ifndef SHIM_MISC_H
#define SHIM_MISC_H

#include "base.h"
#include "mm.h"
#include "sync.h"

struct seq_file {
	char *buf;
	size_t size;
	size_t count;
	void *private;
};

void seq_printf(struct seq_file *m, const char *fmt, ...) __printf(2, 3);
#define seq_puts(m, s)		seq_printf(m, "%s", s)
#define seq_putc(m, c)		seq_printf(m, "%c", c)
#define seq_has_overflowed(m)	((m)->count == (m)->size)

struct bio_vec {
	struct page *bv_page;
	unsigned int bv_len;
	unsigned int bv_offset;
};

static inline void bvec_set_page(struct bio_vec *bv, struct page *page, unsigned int len,
				 unsigned int offset)
{ *bv = (struct bio_vec){ page, len, offset }; }
#define bvec_virt(bv)		((char *)page_address((bv)->bv_page) + (bv)->bv_offset)
#define bvec_kmap_local(bv)	bvec_virt(bv)

/* <linux/uio.h>: buffers of the program's own alone, which play user memory here. */
#define READ			0
#define WRITE			1
struct kvec {
	void *iov_base;
	size_t iov_len;
};

struct iov_iter {
	const struct kvec *kvec;
	size_t skip;
	size_t count;
	bool source;
};

static inline void iov_iter_kvec(struct iov_iter *i, unsigned int direction,
				 const struct kvec *kvec, unsigned long nr_segs, size_t count)
{ *i = (struct iov_iter){ kvec, 0, count, direction == WRITE }; }
static inline size_t iov_iter_count(const struct iov_iter *i) { return i->count; }
size_t _copy_to_iter(const void *addr, size_t bytes, struct iov_iter *i);
size_t iov_iter_zero(size_t bytes, struct iov_iter *i);
size_t _copy_from_iter(void *addr, size_t bytes, struct iov_iter *i);

/* <linux/uaccess.h> */
extern __thread unsigned int shim_pagefault_disabled;
#define pagefault_disable()	((void)shim_pagefault_disabled++)
#define pagefault_enable()	((void)shim_pagefault_disabled--)

#define SHIM_IO(name, T)							\
static inline T read##name(const volatile void *p)				\
{ return __atomic_load_n((const volatile T *)p, __ATOMIC_RELAXED); }		\
static inline void write##name(T v, volatile void *p)				\
{ __atomic_store_n((volatile T *)p, v, __ATOMIC_RELAXED); }
SHIM_IO(b, u8)
SHIM_IO(w, u16)
SHIM_IO(l, u32)
SHIM_IO(q, u64)
static inline void memcpy_fromio(void *to, const volatile void *from, size_t n)
{ memcpy(to, (const void *)from, n); }
static inline void memcpy_toio(volatile void *to, const void *from, size_t n)
{ memcpy((void *)to, from, n); }
static inline void memset_io(volatile void *to, int c, size_t n) { memset((void *)to, c, n); }

#define IORESOURCE_SYSTEM_RAM	0
#define IORES_DESC_NONE		0
enum { REGION_INTERSECTS, REGION_DISJOINT, REGION_MIXED };
/* What a program may name is none of the machine's memory. */
#define region_intersects(start, size, flags, desc)	REGION_DISJOINT
#define MEMREMAP_WB		1
#define MEMREMAP_WC		2

/* <linux/cleanup.h> */
#define DEFINE_FREE(name, T, free)						\
static inline void __free_##name(void *p) { T _T = *(T *)p; free; }
#define __cleanup(fn)		__attribute__((__cleanup__(fn)))
#define __free(name)		__cleanup(__free_##name)
#define no_free_ptr(p)		({ __auto_type _p = (p); (p) = NULL; _p; })
#define return_ptr(p)		return no_free_ptr(p)
#define DEFINE_GUARD(name, T, lock, unlock)					\
static inline void shim_guard_end_##name(T *p) { T _T = *p; if (_T) { unlock; } } \
static inline T shim_guard_begin_##name(T _T) { lock; return _T; }
#define SHIM_PASTE2(a, b)	a##b
#define SHIM_PASTE(a, b)	SHIM_PASTE2(a, b)
#define guard(name)		SHIM_GUARD_##name
DEFINE_FREE(kfree, void *, kfree(_T))
DEFINE_FREE(kvfree, void *, kvfree(_T))
DEFINE_GUARD(mutex, struct mutex *, mutex_lock(_T), mutex_unlock(_T))
DEFINE_GUARD(rwsem_read, struct rw_semaphore *, down_read(_T), up_read(_T))
DEFINE_GUARD(rwsem_write, struct rw_semaphore *, down_write(_T), up_write(_T))
#define SHIM_GUARD(name, x)							\
	__auto_type SHIM_PASTE(_guard, __COUNTER__)				\
	__attribute__((__cleanup__(shim_guard_end_##name), __unused__)) =	\
	shim_guard_begin_##name(x)
#define SHIM_GUARD_mutex(x)		SHIM_GUARD(mutex, x)
#define SHIM_GUARD_rwsem_read(x)	SHIM_GUARD(rwsem_read, x)
#define SHIM_GUARD_rwsem_write(x)	SHIM_GUARD(rwsem_write, x)

/* Tracepoints are not there. */
#define DECLARE_STATIC_KEY_FALSE(n)	extern bool n
#define DEFINE_STATIC_KEY_FALSE(n)	bool n
#define static_branch_unlikely(k)	unlikely(*(k))
#define static_branch_likely(k)		likely(*(k))
#define static_branch_enable(k)		(*(k) = true)
#define static_branch_disable(k)	(*(k) = false)

#endif /* SHIM_MISC_H */
