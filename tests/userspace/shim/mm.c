// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory: a buddy allocator of pages over one arena, kmalloc() over malloc(), and both
 * made to fail. What was given back is poisoned for AddressSanitizer; who did not ask for
 * zeroes gets rubbish.
 */
#include <sys/mman.h>
#include "shim/kernel.h"

#ifdef __SANITIZE_ADDRESS__
#define SHIM_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SHIM_ASAN
#endif
#endif
#ifdef SHIM_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)		((void)(p))
#define ASAN_UNPOISON_MEMORY_REGION(p, n)	((void)(p))
#endif

#define NR_PAGES	(SHIM_ARENA_SIZE / PAGE_SIZE)
#define ORDERS		(MAX_ORDER + 8)

char *shim_arena;
struct page *shim_pages;
long shim_nr_objects;
long shim_nr_pages;
__thread unsigned long shim_failures;
static __thread struct rnd_state fail_rnd;
static __thread u32 fail_one_in;
static struct list_head free_lists[ORDERS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void mm_init(void)
{
	unsigned long i, top = ORDERS - 1;

	shim_arena = mmap(NULL, SHIM_ARENA_SIZE + (PAGE_SIZE << top), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	shim_pages = mmap(NULL, NR_PAGES * sizeof(struct page), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (shim_arena == MAP_FAILED || shim_pages == MAP_FAILED)
		abort();
	shim_arena = PTR_ALIGN(shim_arena, PAGE_SIZE << top);
	for (i = 0; i < ORDERS; i++)
		INIT_LIST_HEAD(&free_lists[i]);
	for (i = 0; i < NR_PAGES; i += 1ul << top) {
		shim_pages[i].free = true;
		shim_pages[i].order = top;
		list_add_tail(&shim_pages[i].lru, &free_lists[top]);
	}
}

void shim_fail_allocations(u32 one_in, u64 seed)
{
	fail_one_in = one_in;
	prandom_seed_state(&fail_rnd, seed);
}

bool shim_allocation_fails(gfp_t gfp)
{
	if (gfp & __GFP_DIRECT_RECLAIM)
		might_sleep();
	if (!fail_one_in || gfp & __GFP_NOFAIL || prandom_u32_state(&fail_rnd) % fail_one_in)
		return false;
	shim_failures++;
	return true;
}

static struct page *take_block(unsigned int order)
{
	struct page *page;
	unsigned int o;

	for (o = order; o < ORDERS && list_empty(&free_lists[o]); o++)
		;
	if (o == ORDERS)
		return NULL;
	page = list_first_entry(&free_lists[o], struct page, lru);
	list_del(&page->lru);
	page->free = false;
	while (o > order) {
		struct page *upper = page + (1ul << --o);

		upper->free = true;
		upper->order = o;
		list_add(&upper->lru, &free_lists[o]);
	}
	return page;
}

static void give_block(struct page *page, unsigned int order)
{
	unsigned long nr = page - shim_pages;

	for (; order < ORDERS - 1; order++) {
		struct page *buddy = shim_pages + (nr ^ 1ul << order);

		if (!buddy->free || buddy->order != order)
			break;
		list_del(&buddy->lru);
		buddy->free = false;
		nr &= ~(1ul << order);
	}
	page = shim_pages + nr;
	page->free = true;
	page->order = order;
	list_add(&page->lru, &free_lists[order]);
}

/*
 * For nanoseconds: the list of a CPU's own pages that Linux has in front of its buddy
 * allocator, and no poison.
 */
#ifdef SHIM_NATIVE
#define RECENT	65536u
static __thread struct page *recent[RECENT];
static __thread unsigned int nr_recent;

static struct page *take_recent(gfp_t gfp)
{
	struct page *page;

	if (!nr_recent)
		return NULL;
	page = recent[--nr_recent];
	page->refs = 1;
	if (gfp & __GFP_ZERO)
		memset(page_address(page), 0, PAGE_SIZE);
	return page;
}

static bool give_recent(struct page *page)
{
	if (nr_recent == RECENT)
		return false;
	recent[nr_recent++] = page;
	return true;
}
#else
static struct page *take_recent(gfp_t gfp) { return NULL; }
static bool give_recent(struct page *page) { return false; }
#endif

struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	struct page *page;
	unsigned long i;

	if (shim_allocation_fails(gfp) || order >= ORDERS)
		return NULL;
	page = order ? NULL : take_recent(gfp);
	if (page)
		return page;
	pthread_mutex_lock(&lock);
	page = take_block(order);
	pthread_mutex_unlock(&lock);
	if (!page) {
		fprintf(stderr, "the arena is full: %ld pages\n", shim_nr_pages);
		return NULL;
	}
	for (i = 0; i < 1ul << order; i++) {
		/* Linux clears the field of the first one alone. */
		page[i].private = i ? 0x5a5a : 0;
		page[i].flags = 0;
		page[i].order = 0;
		page[i].head = gfp & __GFP_COMP && order ? page : NULL;
		__atomic_store_n(&page[i].refs, !i, __ATOMIC_RELAXED);
	}
	page->order = order;
	ASAN_UNPOISON_MEMORY_REGION(page_address(page), PAGE_SIZE << order);
	memset(page_address(page), gfp & __GFP_ZERO ? 0 : 0x5a, PAGE_SIZE << order);
	__atomic_fetch_add(&shim_nr_pages, 1l << order, __ATOMIC_RELAXED);
	return page;
}

/* Each page is one by itself from here on. */
void split_page(struct page *page, unsigned int order)
{
	unsigned long i;

	WARN_ON(page->head || page->order != order);
	for (i = 0; i < 1ul << order; i++) {
		page[i].order = 0;
		__atomic_store_n(&page[i].refs, 1, __ATOMIC_RELAXED);
	}
}

static void free_block(struct page *page, unsigned int order)
{
	unsigned long i;

	/* A page that hardware has lost is kept from others, if it comes alone. */
	for (i = 0; order && i < 1ul << order; i++)
		WARN_ON(PageHWPoison(page + i));
	if (PageHWPoison(page))
		return;
	if (!order && give_recent(page))
		return;
	/* A write that nobody ordered after the last access is a race that is seen. */
	memset(page_address(page), 0x6b, PAGE_SIZE << order);
	ASAN_POISON_MEMORY_REGION(page_address(page), PAGE_SIZE << order);
	__atomic_fetch_sub(&shim_nr_pages, 1l << order, __ATOMIC_RELAXED);
	pthread_mutex_lock(&lock);
	give_block(page, order);
	pthread_mutex_unlock(&lock);
}

void put_page(struct page *page)
{
	int refs;

	page = compound_head(page);
	refs = __atomic_sub_fetch(&page->refs, 1, __ATOMIC_ACQ_REL);
	WARN_ON(refs < 0);
	if (!refs)
		free_block(page, page->order);
}

void wait_on_page_locked(struct page *page)
{
	might_sleep();
	while (PageLocked(page))
		sched_yield();
}

void __free_pages(struct page *page, unsigned int order)
{
	WARN_ON(PageLocked(page));

	WARN_ON(page->order != order || page_count(page) <= 0);
	put_page(page);
}

unsigned int alloc_pages_bulk_array(gfp_t gfp, unsigned long n, struct page **pages)
{
	unsigned long i;

	for (i = 0; i < n; i++) {
		pages[i] = pages[i] ?: alloc_pages(gfp, 0);
		if (!pages[i])
			break;
	}
	return i;
}

/*
 * What tests take again and again by the megabyte is kept: to map it anew costs more than
 * all that a short program of the fuzzer does.
 */
#define LARGE		(256ul << 10)
#define NR_LARGE	16

static struct large {
	void *p;
	size_t size;
	bool used;
} larges[NR_LARGE];
static pthread_mutex_t large_lock = PTHREAD_MUTEX_INITIALIZER;

static void *take_large(size_t size)
{
	void *p = NULL;
	unsigned int i;

	pthread_mutex_lock(&large_lock);
	for (i = 0; i < NR_LARGE && !p; i++) {
		struct large *l = &larges[i];

		if (l->used || (l->p && l->size != size))
			continue;
		l->p = l->p ?: malloc(size);
		l->size = size;
		l->used = true;
		p = l->p;
	}
	pthread_mutex_unlock(&large_lock);
	return p ?: malloc(size);
}

static bool give_large(const void *p)
{
	bool found = false;
	unsigned int i;

	pthread_mutex_lock(&large_lock);
	for (i = 0; i < NR_LARGE && !found; i++) {
		found = larges[i].p == p;
		if (found)
			larges[i].used = false;
	}
	pthread_mutex_unlock(&large_lock);
	return found;
}

void *shim_kmalloc(size_t size, gfp_t gfp)
{
	void *p;

	if (shim_allocation_fails(gfp))
		return NULL;
	p = size >= LARGE ? take_large(size) : malloc(size);
	if (!p)
		abort();
	memset(p, gfp & __GFP_ZERO ? 0 : 0x5a, size);
	__atomic_fetch_add(&shim_nr_objects, 1, __ATOMIC_RELAXED);
	return p;
}

void kfree(const void *p)
{
	if (!p)
		return;
	__atomic_fetch_sub(&shim_nr_objects, 1, __ATOMIC_RELAXED);
	if (!give_large(p))
		free((void *)p);
}

void *krealloc(const void *p, size_t size, gfp_t gfp)
{
	if (!p)
		return shim_kmalloc(size, gfp);
	return shim_allocation_fails(gfp) ? NULL : realloc((void *)p, size);
}

char *kasprintf(gfp_t gfp, const char *fmt, ...)
{
	va_list args;
	char *s;
	int n;

	if (shim_allocation_fails(gfp))
		return NULL;
	va_start(args, fmt);
	n = vasprintf(&s, fmt, args);
	va_end(args);
	if (n < 0)
		return NULL;
	__atomic_fetch_add(&shim_nr_objects, 1, __ATOMIC_RELAXED);
	return s;
}

struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align,
				     unsigned long flags, void (*ctor)(void *p))
{
	struct kmem_cache *c = shim_kmalloc(sizeof(*c), GFP_KERNEL);

	if (c)
		*c = (struct kmem_cache){ size, ctor };
	return c;
}

void kmem_cache_destroy(struct kmem_cache *c)
{
	kfree(c);
}

void *kmem_cache_alloc(struct kmem_cache *c, gfp_t gfp)
{
	void *p = shim_kmalloc(c->size, gfp);

	if (p && c->ctor)
		c->ctor(p);
	return p;
}
