/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory: pages out of one arena, which stands for the machine's, and the allocators
 * above it. All of them can be made to fail. Functions: ../../shim/mm.c.
 */
#ifndef SHIM_MM_H
#define SHIM_MM_H

#include "base.h"
#include "sync.h"

#define PAGE_SHIFT		12
#define PAGE_SIZE		4096ul
#define PAGE_MASK		(~(PAGE_SIZE - 1))
#define PMD_SHIFT		21
#define PUD_SHIFT		30
#define PAGE_ALIGN(x)		ALIGN(x, PAGE_SIZE)
#define PAGE_ALIGNED(x)		IS_ALIGNED((unsigned long)(x), PAGE_SIZE)
#define offset_in_page(p)	((unsigned long)(p) & ~PAGE_MASK)
#define PFN_PHYS(x)		((phys_addr_t)(x) << PAGE_SHIFT)
#define PHYS_PFN(x)		((unsigned long)((x) >> PAGE_SHIFT))
#define PFN_UP(x)		(((x) + PAGE_SIZE - 1) >> PAGE_SHIFT)
#define PFN_DOWN(x)		((x) >> PAGE_SHIFT)
#define MAX_ORDER		11
#define MAX_PAGE_ORDER		10
/* The arena has larger ones, for leaves of 1 GiB. */
#define MAX_ORDER_NR_PAGES	(1ul << (MAX_ORDER + 7))
#define nr_node_ids		1
#define page_to_nid(page)		((void)(page), 0)
#define cpuset_current_mems_allowed	0
#define node_isset(node, nodes)		((void)(node), true)

#define __GFP_DIRECT_RECLAIM	0x0001u
#define __GFP_KSWAPD_RECLAIM	0x0002u
#define __GFP_ZERO		0x0004u
#define __GFP_NOWARN		0x0008u
#define __GFP_NORETRY		0x0010u
#define __GFP_RETRY_MAYFAIL	0x0020u
#define __GFP_NOFAIL		0x0040u
#define __GFP_ACCOUNT		0x0080u
#define __GFP_COMP		0x0100u
#define __GFP_HIGH		0x0200u
#define __GFP_THISNODE		0x0400u
#define __GFP_MOVABLE		0x0800u
#define __GFP_NOMEMALLOC	0x1000u
#define __GFP_IO		0x2000u
#define __GFP_FS		0x4000u
#define __GFP_SKIP_ZERO		0
#define __GFP_RECLAIM		(__GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM)
#define GFP_KERNEL		(__GFP_RECLAIM | __GFP_IO | __GFP_FS)
#define GFP_KERNEL_ACCOUNT	(GFP_KERNEL | __GFP_ACCOUNT)
#define GFP_ATOMIC		(__GFP_HIGH | __GFP_KSWAPD_RECLAIM)
#define GFP_NOWAIT		__GFP_KSWAPD_RECLAIM
#define GFP_NOIO		__GFP_RECLAIM
#define GFP_HIGHUSER		GFP_KERNEL
#define gfpflags_allow_blocking(g) (!!((g) & __GFP_DIRECT_RECLAIM))
#define NUMA_NO_NODE		(-1)

struct lruvec;

/**
 * struct page - 4 KiB of the arena
 * @refs: its count of references; 0 while it is free
 * @private: the owner's
 * @flags: what tests of flags look at
 * @head: of the compound page that it belongs to, else NULL
 * @order: of a free or compound page's block
 * @free: it begins a free block; changes with the allocator's lock held
 */
struct page {
	int refs;
	unsigned int order;
	bool free;
	unsigned long private;
	unsigned long flags;
	struct page *head;
	struct list_head lru;
	void *mapping;
	unsigned long index;
};

struct folio {
	union {
		struct page page;
		struct {
			char before[offsetof(struct page, index)];
			unsigned long index;
		};
	};
};

/* The arena, and its first host-physical address. */
extern char *shim_arena;
extern struct page *shim_pages;
#define SHIM_ARENA_SIZE		(2ul << 30)
#define SHIM_PHYS_BASE		(1ull << 32)

struct page *alloc_pages(gfp_t gfp, unsigned int order);
void __free_pages(struct page *page, unsigned int order);
void split_page(struct page *page, unsigned int order);
#define alloc_page(gfp)			alloc_pages(gfp, 0)
#define alloc_pages_node(n, gfp, order)	alloc_pages(gfp, order)
#define __free_page(page)		__free_pages(page, 0)
unsigned int alloc_pages_bulk_array(gfp_t gfp, unsigned long n, struct page **pages);
static inline void *page_address(const struct page *page)
{ return shim_arena + (page - shim_pages) * PAGE_SIZE; }
static inline bool virt_addr_valid(const volatile void *va)
{ return (unsigned long)va - (unsigned long)shim_arena < SHIM_ARENA_SIZE; }
static inline struct page *virt_to_page(const void *va)
{ return shim_pages + ((unsigned long)va - (unsigned long)shim_arena) / PAGE_SIZE; }
static inline unsigned long page_to_pfn(const struct page *page)
{ return (SHIM_PHYS_BASE >> PAGE_SHIFT) + (page - shim_pages); }
static inline struct page *pfn_to_page(unsigned long pfn)
{ return shim_pages + (pfn - (SHIM_PHYS_BASE >> PAGE_SHIFT)); }
static inline bool pfn_valid(unsigned long pfn)
{ return pfn - (SHIM_PHYS_BASE >> PAGE_SHIFT) < SHIM_ARENA_SIZE / PAGE_SIZE; }
#define page_to_phys(page)		PFN_PHYS(page_to_pfn(page))
#define __va(pa)			((void *)(shim_arena + ((pa) - SHIM_PHYS_BASE)))
#define __pa(va)			((u64)((char *)(va) - shim_arena) + SHIM_PHYS_BASE)
static inline phys_addr_t virt_to_phys(const void *va) { return __pa(va); }
static inline void *phys_to_virt(phys_addr_t pa) { return __va(pa); }
static inline void set_page_private(struct page *page, unsigned long v)
{ __atomic_store_n(&page->private, v, __ATOMIC_RELAXED); }
static inline unsigned long page_private(struct page *page)
{ return __atomic_load_n(&page->private, __ATOMIC_RELAXED); }
static inline struct page *compound_head(struct page *page)
{ return page->head ?: page; }
static inline int page_count(struct page *page)
{ return __atomic_load_n(&compound_head(page)->refs, __ATOMIC_ACQUIRE); }
#define page_ref_count(p)		page_count(p)
static inline void get_page(struct page *page)
{ WARN_ON(__atomic_fetch_add(&compound_head(page)->refs, 1, __ATOMIC_RELAXED) <= 0); }
void put_page(struct page *page);
#define CONFIG_MEMORY_FAILURE		1
#define PageHWPoison(p)			(READ_ONCE((p)->flags) & 1)
#define PageReserved(p)			((void)(p), false)
#define SetPageHWPoison(p)		((void)((p)->flags |= 1))
#define ClearPageHWPoison(p)		((void)((p)->flags &= ~1ul))
#define init_page_count(p)		__atomic_store_n(&(p)->refs, 1, __ATOMIC_RELAXED)
#define put_page_testzero(p)		({ put_page(p); false; })
#define page_folio(p)			((struct folio *)compound_head(p))
#define folio_page(f, n)		(&(f)->page + (n))
#define folio_put(f)			put_page(&(f)->page)
#define folio_get(f)			get_page(&(f)->page)
#define PageCompound(p)			(!!(p)->head)
#define folio_test_has_hwpoisoned(f)	((void)(f), false)
#define PageHead(p)			((p)->head == (p))
#define compound_order(p)		((p)->order)
/* The page lock, of the compound page; whoever waits yields the CPU. */
#define PG_LOCKED			2ul
#define PageLocked(p)			(!!(__atomic_load_n(&compound_head(p)->flags, \
						    __ATOMIC_ACQUIRE) & PG_LOCKED))
static inline bool trylock_page(struct page *page)
{
	return !(__atomic_fetch_or(&compound_head(page)->flags, PG_LOCKED, __ATOMIC_ACQUIRE) &
		 PG_LOCKED);
}

static inline void unlock_page(struct page *page)
{
	WARN_ON(!(__atomic_fetch_and(&compound_head(page)->flags, ~PG_LOCKED, __ATOMIC_RELEASE) &
		  PG_LOCKED));
}

void wait_on_page_locked(struct page *page);
#define folio_wait_locked(f)		wait_on_page_locked(&(f)->page)
#define folio_wait_locked_killable(f)	(folio_wait_locked(f), 0)
static inline void clear_page(void *va) { memset(va, 0, PAGE_SIZE); }
static inline void copy_page(void *to, const void *from) { memcpy(to, from, PAGE_SIZE); }
static inline void clear_highpage(struct page *page) { clear_page(page_address(page)); }
#define kmap_local_page(p)		page_address(p)
#define kunmap_local(va)		((void)(va))
#define free_page(va)			__free_pages(virt_to_page((void *)(va)), 0)
#define free_pages(va, order)		__free_pages(virt_to_page((void *)(va)), order)
static inline unsigned long __get_free_pages(gfp_t gfp, unsigned int order)
{
	struct page *page = alloc_pages(gfp, order);

	return page ? (unsigned long)page_address(page) : 0;
}

#define __get_free_page(gfp)		__get_free_pages(gfp, 0)
#define get_zeroed_page(gfp)		__get_free_pages((gfp) | __GFP_ZERO, 0)
#define NR_SECONDARY_PAGETABLE		0
#define mod_lruvec_page_state(p, i, n)	((void)(p))
#define mod_node_page_state(n, i, v)	((void)(v))
#define inc_lruvec_page_state(p, i)	((void)(p))
#define dec_lruvec_page_state(p, i)	((void)(p))

void *shim_kmalloc(size_t size, gfp_t gfp);
void kfree(const void *p);
void *krealloc(const void *p, size_t size, gfp_t gfp);
#define kmalloc(size, gfp)		shim_kmalloc(size, gfp)
#define kzalloc(size, gfp)		shim_kmalloc(size, (gfp) | __GFP_ZERO)
#define kmalloc_array(n, s, gfp)	shim_kmalloc(size_mul(n, s), gfp)
#define kcalloc(n, s, gfp)		shim_kmalloc(size_mul(n, s), (gfp) | __GFP_ZERO)
#define kmalloc_node(s, gfp, n)		shim_kmalloc(s, gfp)
#define kzalloc_node(s, gfp, n)		kzalloc(s, gfp)
#define kvmalloc(size, gfp)		shim_kmalloc(size, gfp)
#define kvzalloc(size, gfp)		kzalloc(size, gfp)
#define kvmalloc_array(n, s, gfp)	kmalloc_array(n, s, gfp)
#define kvcalloc(n, s, gfp)		kcalloc(n, s, gfp)
#define kvfree(p)			kfree(p)
#define vmalloc(size)			shim_kmalloc(size, GFP_KERNEL)
#define vzalloc(size)			kzalloc(size, GFP_KERNEL)
#define __vmalloc(size, gfp)		shim_kmalloc(size, gfp)
#define vfree(p)			kfree(p)
#define kmalloc_obj(o, ...)		kmalloc(sizeof(o), GFP_KERNEL)
static inline void *kmemdup(const void *from, size_t size, gfp_t gfp)
{
	void *p = shim_kmalloc(size, gfp);

	return p ? memcpy(p, from, size) : NULL;
}

char *kasprintf(gfp_t gfp, const char *fmt, ...) __printf(2, 3);
#define kstrdup(s, gfp)			kmemdup(s, strlen(s) + 1, gfp)

struct kmem_cache {
	size_t size;
	void (*ctor)(void *p);
};

struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align,
				     unsigned long flags, void (*ctor)(void *p));
void kmem_cache_destroy(struct kmem_cache *c);
void *kmem_cache_alloc(struct kmem_cache *c, gfp_t gfp);
#define kmem_cache_zalloc(c, gfp)	kmem_cache_alloc(c, (gfp) | __GFP_ZERO)
#define kmem_cache_free(c, p)		((void)(c), kfree(p))
#define KMEM_CACHE(s, f)		kmem_cache_create(#s, sizeof(struct s), 0, f, NULL)
#define SLAB_ACCOUNT			0
#define SLAB_HWCACHE_ALIGN		0

/*
 * One allocation in @one_in fails, by chance, of those that may; and none when it is 0.
 * Whatever Linux gives counts here: slabs, per-CPU memory, nodes of trees, pages. Each
 * thread has its own.
 */
void shim_fail_allocations(u32 one_in, u64 seed);
bool shim_allocation_fails(gfp_t gfp);
extern __thread unsigned long shim_failures;
/* What kmalloc() gave and did not get back, and 4 KiB pages of the arena. */
extern long shim_nr_objects;
extern long shim_nr_pages;

#define GFP_FLAGS_ARE_SANE(g)		((g) & ~0x7fffu ? 0 : 1)

struct mem_cgroup;

#define set_active_memcg(m)		((void)(m), (struct mem_cgroup *)NULL)
#define get_mem_cgroup_from_mm(mm)	NULL

struct shrink_control;
struct shrinker {
	unsigned long (*count_objects)(struct shrinker *s, struct shrink_control *sc);
	unsigned long (*scan_objects)(struct shrinker *s, struct shrink_control *sc);
	int seeks;
};

#define DEFAULT_SEEKS			2
#define SHRINK_STOP			(~0ul)
#define SHRINK_EMPTY			(~0ul - 1)
#define register_shrinker(s, name)	((void)(s), 0)
#define unregister_shrinker(s)		((void)(s))

#endif /* SHIM_MM_H */
