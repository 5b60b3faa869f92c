// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest frames from the page allocator. They come in blocks, which are allocated, charged and
 * freed as one: 2 MiB for a large leaf, up to 512 KiB for populate, 64 KiB for the stock that
 * serves faults. A block is split when a piece of it is freed alone or needs its own reference
 * count (get_page()). Its state is in its struct pages: page_private() of the first page is the
 * order, and the other pages have a reference count of 0 while the block is whole. Such blocks are
 * not compound pages.
 *
 * AXAS_FRAME_WHOLE makes a compound page, which one PMD of the host can map. It cannot be split:
 * the private field of its first page also counts the pieces that are gone, and the last one drops
 * the only reference that all of them hold. Calls the page allocator.
 *
 * Locks: split_locks, to look at or split a block that others may own pieces of.
 */
#ifdef CONFIG_ARM64
#include <asm/cpufeature.h>
#include <asm/sysreg.h>
#endif
#include <linux/cacheflush.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>

#include "axas_block.h"

/* A 4 KiB frame is one page. */
static_assert(PAGE_SIZE == AXAS_FRAME_SIZE);

#ifdef CONFIG_ARM64
#define CTR_DMINLINE_SHIFT	16	/* log2 of words. Arm DDI 0487, D23.2.34 */
#define CTR_L1IP_SHIFT		14	/* 3: PIPT; else lines may have aliases */
#define CTR_L1IP_PIPT		3

/*
 * Clean data caches to the point of unification and invalidate instruction caches, those that are
 * not PIPT entirely: the guest's address of a line is not known. Arm DDI 0487, D7.5.
 */
void axas_sync_code(unsigned long start, unsigned long end)
{
	u64 ctr = read_sanitised_ftr_reg(SYS_CTR_EL0);

	caches_clean_inval_pou(start, end);
	if ((ctr >> CTR_L1IP_SHIFT & 3) != CTR_L1IP_PIPT)
		icache_inval_all_pou();
}

/*
 * A guest with its caches off reads memory directly: the zeroes must have reached it, unless
 * stage 2 forces guest accesses to be cacheable (FEAT_S2FWB). Instruction caches must not hold
 * what the frame contained before.
 */
static void clean_for_guest(struct page *page, unsigned int order)
{
	unsigned long start = (unsigned long)page_address(page), va;
	unsigned long end = start + (PAGE_SIZE << order), line;

	if (!cpus_have_final_cap(ARM64_HAS_STAGE2_FWB)) {
		line = 4ul << (read_sanitised_ftr_reg(SYS_CTR_EL0) >> CTR_DMINLINE_SHIFT & 0xf);
		for (va = start; va < end; va += line)
			asm volatile("dc civac, %0" : : "r" (va) : "memory");
		dsb(sy);
	}
	axas_sync_code(start, end);
}
#else
static void clean_for_guest(struct page *page, unsigned int order)
{
}
#endif

/*
 * GFP flags for a guest frame or table. Callers handle -ENOMEM, and the OOM killer cannot pick the
 * right victim, because guest memory is in no task's RSS: __GFP_RETRY_MAYFAIL keeps it out, for
 * the machine and for a memory cgroup. Larger frames have a fallback: __GFP_NORETRY.
 */
gfp_t axas_frame_gfp(unsigned int order, u32 flags)
{
	gfp_t gfp = __GFP_ACCOUNT | __GFP_NOWARN;

	if (flags & AXAS_FRAME_ZERO)
		gfp |= __GFP_ZERO;
	if (flags & AXAS_FRAME_WHOLE)
		gfp |= __GFP_COMP;
	if (flags & AXAS_FRAME_NOWAIT)
		return gfp | GFP_NOWAIT;
	if (order && !(flags & AXAS_FRAME_TABLE))
		return gfp | GFP_KERNEL | __GFP_NORETRY;
	return gfp | GFP_KERNEL | __GFP_RETRY_MAYFAIL;
}

/*
 * GFP flags for an opportunistic block: free memory only, without reserves. No direct reclaim or
 * compaction, neither for the machine nor for a memory cgroup; kswapd and kcompactd may be woken.
 */
static gfp_t block_gfp(u32 flags)
{
	return axas_frame_gfp(0, flags | AXAS_FRAME_NOWAIT) | __GFP_NOMEMALLOC;
}

/* The page allocator's largest order. */
#define MAX_BLOCK_ORDER		((unsigned int)ilog2(MAX_ORDER_NR_PAGES))

/*
 * Back off for this long after an order failed: the page allocator zeroes a block before memcg
 * refuses its charge.
 */
#define RETRY_JIFFIES		(HZ / 10 + 1)

/**
 * struct block_hint - per-CPU back-off after a failed block
 * @order: largest order worth a try
 * @until: end of the back-off, in jiffies
 */
struct block_hint {
	unsigned int order;
	unsigned long until;
};

static DEFINE_PER_CPU(struct block_hint, block_hints) = { .order = ~0u };

#define SPLIT_LOCKS		64
static raw_spinlock_t split_locks[SPLIT_LOCKS] = {
	[0 ... SPLIT_LOCKS - 1] = __RAW_SPIN_LOCK_UNLOCKED(split_locks),
};

static raw_spinlock_t *split_lock(const struct page *page)
{
	return &split_locks[(page_to_pfn(page) >> MAX_BLOCK_ORDER) % SPLIT_LOCKS];
}

/* Allocate a block. Never at host-physical address 0: an entry of 0 is empty. */
static struct page *alloc_block(gfp_t gfp, unsigned int order)
{
	struct page *page = alloc_pages(gfp, order);

	if (unlikely(!page))
		return NULL;
	if (unlikely(!page_to_pfn(page))) {
		__free_pages(page, order);
		return NULL;
	}
	set_page_private(page, order);
	/* The kernel makes no PMD for a page whose index is beyond the end of its file. */
	if (gfp & __GFP_COMP)
		page_folio(page)->index = 0;
	clean_for_guest(page, order);
	return page;
}

struct page *axas_block_alloc(unsigned int order, u32 flags)
{
	return alloc_block(axas_frame_gfp(order, flags), order);
}

unsigned int axas_block_order(unsigned int order)
{
	struct block_hint *hint = raw_cpu_ptr(&block_hints);

	if (likely(READ_ONCE(hint->order) >= order))
		return order;
	if (time_before(jiffies, READ_ONCE(hint->until)))
		return READ_ONCE(hint->order);
	WRITE_ONCE(hint->order, ~0u);
	return order;
}

static void no_block_of(unsigned int order)
{
	struct block_hint *hint = raw_cpu_ptr(&block_hints);

	WRITE_ONCE(hint->order, order - 1);
	WRITE_ONCE(hint->until, jiffies + RETRY_JIFFIES);
}

struct page *axas_block_try(unsigned int order, u32 flags)
{
	struct page *page = alloc_block(block_gfp(flags), order);

	if (unlikely(!page))
		no_block_of(order);
	return page;
}

/* The first page of the block that contains @page, and the block's order. */
static struct page *block_of(struct page *page, unsigned int *order)
{
	unsigned long pfn = page_to_pfn(page);
	unsigned int bits;

	/* Blocks are naturally aligned, and pages behind the first one have no references. */
	for (bits = 1; !page_ref_count(page) && bits <= MAX_BLOCK_ORDER; bits++)
		page = pfn_to_page(pfn & ~((1ul << bits) - 1));
	*order = page_private(page);
	return page;
}

/* Make each page a block of its own. */
static void split_block(struct page *page, unsigned int order)
{
	unsigned long i;

	split_page(page, order);
	/* page_private() of the other pages is stale. */
	for (i = 0; i < 1ul << order; i++)
		set_page_private(page + i, 0);
}

/* Split the block that contains @page unless it lies within [first, end). */
static void split_across(struct page *page, unsigned long first, unsigned long end)
{
	raw_spinlock_t *lock = split_lock(page);
	unsigned int order;
	unsigned long pfn;

	raw_spin_lock(lock);
	page = block_of(page, &order);
	pfn = page_to_pfn(page);
	if (order && (pfn < first || pfn + (1ul << order) > end))
		split_block(page, order);
	raw_spin_unlock(lock);
}

void axas_block_split(struct page *page)
{
	/* Mostly a page by itself; once it is, it stays so. Pairs with split_page(). */
	if (page_ref_count(page) && !page_private(page))
		return;
	if (!PageCompound(page))
		split_across(page, 0, 0);
}

/*
 * Whether a block must be freed page by page: the page allocator withholds a HWPoison page only if
 * it is freed alone, and an extra reference (get_page_unless_zero() by a pfn walker) would later
 * uncharge one page only. A reference taken after this check is not noticed; pfn walkers take
 * none on pages that are not LRU or movable.
 */
static bool must_be_split(struct page *page, unsigned int order)
{
	unsigned long i __maybe_unused;

	if (page_ref_count(page) != 1)
		return true;
#ifdef CONFIG_MEMORY_FAILURE
#pragma GCC unroll 8
	for (i = 0; i < 1ul << order; i++)
		if (PageHWPoison(page + i))
			return true;
#endif
	return false;
}

/* Private field of a compound page: its order, and the pieces that are gone. */
#define GONE_SHIFT	8

/*
 * All pieces are gone. A compound page with a page that has failed is lost: the page allocator
 * would use all of it again.
 */
static void free_compound(struct page *head)
{
	set_page_private(head, 0);
	if (likely(!folio_test_has_hwpoisoned(page_folio(head))))
		put_page(head);
}

/* Free pieces of a compound page, from @page up to its end or @end. Return their number. */
static unsigned long free_pieces(struct page *page, unsigned long end)
{
	struct page *head = compound_head(page);
	unsigned int order = compound_order(head);
	unsigned long pfn = page_to_pfn(page), last = page_to_pfn(head) + (1ul << order), gone;
	raw_spinlock_t *lock = split_lock(head);

	end = min(end, last);
	raw_spin_lock(lock);
	gone = (page_private(head) >> GONE_SHIFT) + end - pfn;
	set_page_private(head, order | gone << GONE_SHIFT);
	raw_spin_unlock(lock);
	if (gone == 1ul << order)
		free_compound(head);
	return end - pfn;
}

/* Split the block at one end of a range that is freed, if it has pieces that others own. */
static void split_end(struct page *page, unsigned long first, unsigned long end)
{
	if (!PageCompound(page))
		split_across(page, first, end);
}

/*
 * Only the blocks at the two ends can extend beyond the range, with pieces that others own.
 */
void axas_block_free(struct page *page, unsigned long nr)
{
	unsigned long pfn = page_to_pfn(page), end = pfn + nr;
	unsigned int order;

	split_end(page, pfn, end);
	if (nr > 1)
		split_end(pfn_to_page(end - 1), pfn, end);
	while (pfn < end) {
		page = pfn_to_page(pfn);
		if (unlikely(PageCompound(page))) {
			pfn += free_pieces(page, end);
			continue;
		}
		order = page_private(page);
		if (order && unlikely(must_be_split(page, order))) {
			split_block(page, order);
			order = 0;
		}
		set_page_private(page, 0);
		__free_pages(page, order);
		pfn += 1ul << order;
	}
}
